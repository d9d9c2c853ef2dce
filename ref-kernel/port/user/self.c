/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel looks an address up for us: process_vm_readv and _writev on our
 * own pid answer EFAULT where a plain access would raise SIGSEGV or SIGBUS, even
 * when another thread unmaps the page meanwhile. Sanitizers do not see these
 * copies, rightly: they stand for hardware and for the kernel.
 */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "self.h"

/* One call faults this much in, so that a huge range does not hold signals off. */
#define POPULATE_MAX (1ULL << 30)

typedef ssize_t (*vm_copy)(pid_t pid, const struct iovec *local, unsigned long locals,
			   const struct iovec *remote, unsigned long remotes, unsigned long flags);

/* A copy ends early at the first bad page; asked for the rest, it then fails. */
static int copy(vm_copy vm, void *ours, u64 addr, size_t size)
{
	struct iovec local = { .iov_base = ours, .iov_len = size };
	struct iovec remote = { .iov_base = (void *)addr, .iov_len = size };

	while (local.iov_len) {
		ssize_t done = vm(getpid(), &local, 1, &remote, 1, 0);

		if (done <= 0)
			return -EFAULT;
		local.iov_base = (char *)local.iov_base + done;
		local.iov_len -= done;
		remote.iov_base = (char *)remote.iov_base + done;
		remote.iov_len -= done;
	}
	return 0;
}

int self_read(void *dst, u64 addr, size_t size)
{
	return copy(process_vm_readv, dst, addr, size);
}

int self_write(u64 addr, const void *src, size_t size)
{
	return copy(process_vm_writev, (void *)src, addr, size);
}

int self_populate(u64 addr, u64 size, bool write)
{
	u64 page = addr & ~(PORT_PAGE_SIZE - 1), left;

	if (!size)
		return 0;
	if (addr + (size - 1) < addr)
		return -EFAULT;
	/* Up to the last page's end; 0 only for all 2^64 bytes, which fails. */
	left = ((addr + (size - 1)) | (PORT_PAGE_SIZE - 1)) - page + 1;
	do {
		u64 part = port_min(left - 1, POPULATE_MAX - 1) + 1;

		if (madvise((void *)page, part, write ? MADV_POPULATE_WRITE : MADV_POPULATE_READ))
			return -EFAULT;
		page += part;
		left -= part;
	} while (left);
	return 0;
}
