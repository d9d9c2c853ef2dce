/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Pins, as far as it does not matter whose memory it is (mm.c), and files. In
 * user space a page cannot be held against the program that owns the mapping; it
 * is made present, with the permission asked for, and every later access looks
 * again. A file's pages are mapped here, so they stay.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "self.h"
#include "task.h"

/* The largest granule of any IOMMU here (Arm). */
#define FILE_ALIGN ((u64)64 << 10)

struct port_file {
	int fd;
};

/* Map it as far from a multiple of FILE_ALIGN as it is in the file: a granule of an
 * IOMMU that has several pages is in one piece of memory. */
static void *map_file(int fd, u64 start, size_t size, int prot)
{
	size_t room = size + FILE_ALIGN;
	u8 *base = mmap(NULL, room, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	u8 *at;

	if (base == MAP_FAILED)
		return MAP_FAILED;
	at = base + ((start - (u64)base) & (FILE_ALIGN - 1));
	if (mmap(at, size, prot, MAP_SHARED | MAP_FIXED, fd, start) == MAP_FAILED) {
		int err = errno;

		munmap(base, room);
		errno = err;
		return MAP_FAILED;
	}
	if (at > base)
		munmap(base, at - base);
	munmap(at + size, base + room - (at + size));
	return at;
}

int port_pin_file(struct port_pin *pin, struct port_file *file, u64 start, u64 npages, bool write)
{
	u64 pages = (port_file_size(file) + PORT_PAGE_SIZE - 1) >> PORT_PAGE_LG2;
	u64 first = start >> PORT_PAGE_LG2;
	size_t size = npages << PORT_PAGE_LG2;
	void *base;

	if (port_fail())
		return -EFAULT;
	if (!npages || first >= pages || npages > pages - first)
		return -EINVAL;
	base = map_file(file->fd, start, size, PROT_READ | (write ? PROT_WRITE : 0));
	if (base == MAP_FAILED)
		return -errno;
	if (self_populate((u64)base, size, write)) {
		munmap(base, size);
		return -EFAULT;
	}
	*pin = (struct port_pin){ .base = (u64)base, .npages = npages, .mapped = true };
	return 0;
}

void port_unpin(struct port_pin *pin)
{
	if (pin->mapped)
		munmap((void *)pin->base, pin->npages << PORT_PAGE_LG2);
	pin->npages = 0;
}

u64 port_pin_run(const struct port_pin *pin, u64 index, u64 max, u64 *phys)
{
	*phys = pin->base + (index << PORT_PAGE_LG2);
	return port_min(pin->npages - index, max);
}

/* Only a file in memory has seals to ask for. */
struct port_file *port_file_get(int fd, int *err)
{
	struct port_file *file = port_alloc(sizeof(*file));
	struct task *t = task_current();

	if (!file) {
		*err = -ENOMEM;
		return NULL;
	}
	file->fd = t->ops->fd_copy(t, fd);
	if (file->fd < 0) {
		*err = file->fd;
		port_free(file);
		return NULL;
	}
	if (fcntl(file->fd, F_GET_SEALS) < 0) {
		*err = -EINVAL;
		port_file_put(file);
		return NULL;
	}
	return file;
}

void port_file_put(struct port_file *file)
{
	close(file->fd);
	port_free(file);
}

u64 port_file_size(const struct port_file *file)
{
	struct stat st;

	return fstat(file->fd, &st) ? 0 : st.st_size;
}
