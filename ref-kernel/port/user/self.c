/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel looks an address up for us: process_vm_readv and _writev, on our
 * own pid too, answer EFAULT where a plain access would raise SIGSEGV or SIGBUS, even
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
static int copy(vm_copy vm, pid_t pid, void *ours, u64 addr, size_t size)
{
	struct iovec local = { .iov_base = ours, .iov_len = size };
	struct iovec remote = { .iov_base = (void *)addr, .iov_len = size };

	while (local.iov_len) {
		ssize_t done = vm(pid, &local, 1, &remote, 1, 0);

		if (done <= 0)
			return -EFAULT;
		local.iov_base = (char *)local.iov_base + done;
		local.iov_len -= done;
		remote.iov_base = (char *)remote.iov_base + done;
		remote.iov_len -= done;
	}
	return 0;
}

int process_read(pid_t pid, void *dst, u64 addr, size_t size)
{
	return copy(process_vm_readv, pid, dst, addr, size);
}

int process_write(pid_t pid, u64 addr, const void *src, size_t size)
{
	return copy(process_vm_writev, pid, (void *)src, addr, size);
}

int self_read(void *dst, u64 addr, size_t size)
{
	return process_read(getpid(), dst, addr, size);
}

int self_write(u64 addr, const void *src, size_t size)
{
	return process_write(getpid(), addr, src, size);
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

static u32 atomic4(u32 *p, enum port_atomic op, u32 operand, u32 compare)
{
	switch (op) {
	case PORT_FETCH_ADD:
		return __atomic_fetch_add(p, operand, __ATOMIC_SEQ_CST);
	case PORT_SWAP:
		return __atomic_exchange_n(p, operand, __ATOMIC_SEQ_CST);
	case PORT_CAS:
		__atomic_compare_exchange_n(p, &compare, operand, false, __ATOMIC_SEQ_CST,
					    __ATOMIC_SEQ_CST);
	}
	return compare;
}

static u64 atomic8(u64 *p, enum port_atomic op, u64 operand, u64 compare)
{
	switch (op) {
	case PORT_FETCH_ADD:
		return __atomic_fetch_add(p, operand, __ATOMIC_SEQ_CST);
	case PORT_SWAP:
		return __atomic_exchange_n(p, operand, __ATOMIC_SEQ_CST);
	case PORT_CAS:
		__atomic_compare_exchange_n(p, &compare, operand, false, __ATOMIC_SEQ_CST,
					    __ATOMIC_SEQ_CST);
	}
	return compare;
}

/*
 * No system call is atomic to the processor, so the page is touched directly
 * once it is known to be there and writable. A program that unmaps it in the
 * instant between gets the SIGSEGV that its own access would have got.
 */
int self_atomic(u64 addr, enum port_atomic op, size_t size, u64 operand, u64 compare, u64 *old)
{
	if (self_populate(addr, size, true))
		return -EFAULT;
	if (size == 4)
		*old = atomic4((u32 *)addr, op, operand, compare);
	else
		*old = atomic8((u64 *)addr, op, operand, compare);
	return 0;
}
