/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Memory for devices to write to. It goes when the case's process does. */
#define _GNU_SOURCE /* memfd_create */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ct.h"
#include "bits.h"

#define PLAIN_MAX ((u64)64 << 20) /* more than this repeats REPEAT bytes */
#define REPEAT ((u64)2 << 20)
#define UML_MAX ((u64)128 << 20) /* half of what 65530 mappings of a page hold */

/*
 * User-mode Linux maps each page of a process by a mapping of the host's, whose
 * number is limited (vm.max_map_count): a process that touches more is killed.
 */
static bool user_mode_linux(void)
{
	FILE *file = fopen("/proc/cpuinfo", "r");
	char line[256];
	bool found = false;

	while (file && !found && fgets(line, sizeof(line), file))
		found = strstr(line, "User Mode Linux");
	if (file)
		fclose(file);
	return found;
}

static void map_fixed(u64 addr, u64 length, int flags, int fd)
{
	void *at = (void *)addr;

	ct_check(mmap(at, length, PROT_READ | PROT_WRITE, MAP_FIXED | flags, fd, 0) == at,
		 "mmap of %#" PRIx64 " bytes failed: %s", length, ct_errno_name(errno));
}

void *ct_memory(u64 length, u64 align, u64 offset)
{
	u64 page = sysconf(_SC_PAGESIZE);
	u64 reserved = length + 2 * align + page;
	u64 addr, first, end;
	void *room;
	int fd;

	if (length > UML_MAX && user_mode_linux())
		ct_skip("user-mode Linux has no room for processes of %" PRIu64 " MiB",
			length >> 20);
	/* Whatever surrounds the memory cannot be accessed. */
	room = mmap(NULL, reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ct_check(room != MAP_FAILED, "no room for %#" PRIx64 " bytes of address space: %s",
		 reserved, ct_errno_name(errno));
	addr = align_up((uintptr_t)room, align) + offset;
	first = align_down(addr, page);
	end = align_up(addr + length, page);

	if (length <= PLAIN_MAX) {
		map_fixed(first, end - first, MAP_PRIVATE | MAP_ANONYMOUS, -1);
		/* Large leaves need memory in one piece; without, there are fewer. */
		madvise((void *)first, end - first, MADV_HUGEPAGE);
		return (void *)addr;
	}
	fd = ct_memfd(REPEAT);
	for (; first < end; first += REPEAT)
		map_fixed(first, lowest(end - first, REPEAT), MAP_SHARED, fd);
	close(fd);
	return (void *)addr;
}

int ct_memfd(u64 length)
{
	int fd = memfd_create("iodirty", MFD_CLOEXEC);

	ct_check(fd >= 0, "memfd_create failed: %s", ct_errno_name(errno));
	ct_check(!ftruncate(fd, length), "a memfd of %#" PRIx64 " bytes failed: %s", length,
		 ct_errno_name(errno));
	return fd;
}
