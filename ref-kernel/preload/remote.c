/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * DMA comes at any time, when the process may have ended and its pid be
 * another's: so the memory is known by open files of /proc, which stay its own.
 * Like DMA to pinned pages, they heed no later mprotect.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "remote.h"
#include "server.h"

struct remote_mm {
	struct port_mm mm;
	struct remote_mm *next; /* under mms_lock */
	u64 image;
	int mem, maps; /* /proc/PID/... */
	struct port_mutex maps_lock; /* read by two, each would make it start anew */
};

static struct port_mutex mms_lock = { PTHREAD_MUTEX_INITIALIZER };
static struct remote_mm *mms;

static struct remote_mm *remote(struct port_mm *mm)
{
	return port_container(mm, struct remote_mm, mm);
}

/* Ends early only where nothing is mapped, or all is gone. */
static int whole(ssize_t n, size_t size)
{
	return n == (ssize_t)size ? 0 : -EFAULT;
}

static int mm_read(struct port_mm *mm, void *dst, u64 addr, size_t size)
{
	return whole(pread(remote(mm)->mem, dst, size, (off_t)addr), size);
}

static int mm_write(struct port_mm *mm, u64 addr, const void *src, size_t size)
{
	return whole(pwrite(remote(mm)->mem, src, size, (off_t)addr), size);
}

static int mm_vma(struct port_mm *mm, u64 addr, struct vma *vma)
{
	struct remote_mm *r = remote(mm);
	int err;

	port_mutex_lock(&r->maps_lock);
	err = maps_find(r->maps, addr, vma);
	port_mutex_unlock(&r->maps_lock);
	return err;
}

/* Who waits for us faults its pages in itself; of others we look what is mapped. */
static int mm_populate(struct port_mm *mm, u64 addr, u64 size, bool write)
{
	u64 last = addr + size - 1;
	struct vma vma;

	if (!size)
		return 0;
	if (last < addr)
		return -EFAULT;
	if (task_current()->mm == mm)
		return client_populate(task_current(), addr, size, write);
	for (;;) {
		if (mm_vma(mm, addr, &vma) || !(write ? vma.write : vma.read))
			return -EFAULT;
		if (last < vma.end)
			return 0;
		addr = vma.end;
	}
}

static void mm_release(struct port_mm *mm)
{
	struct remote_mm **at = &mms, *r = remote(mm);

	port_mutex_lock(&mms_lock);
	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	port_mutex_unlock(&mms_lock);
	close(r->mem);
	close(r->maps);
	port_mutex_destroy(&r->maps_lock);
	port_free(r);
}

static const struct mm_ops remote_mm_ops = {
	.read = mm_read,
	.write = mm_write,
	.populate = mm_populate,
	.vma = mm_vma,
	.release = mm_release,
};

static int open_proc(pid_t pid, const char *name, int flags)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Its processes have ended, or run something else, when it maps nothing any more. */
static bool alive(struct remote_mm *r)
{
	char c;

	return pread(r->maps, &c, 1, 0) == 1;
}

/* Unless its last reference is just going. */
static bool try_hold(struct remote_mm *r)
{
	u64 refs = __atomic_load_n(&r->mm.refs, __ATOMIC_RELAXED);

	while (refs)
		if (__atomic_compare_exchange_n(&r->mm.refs, &refs, refs + 1, false,
						__ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return true;
	return false;
}

static struct remote_mm *create(pid_t pid, u64 image, int *err)
{
	struct remote_mm *r = port_alloc(sizeof(*r));

	*err = -ENOMEM;
	if (!r)
		return NULL;
	mm_init(&r->mm, &remote_mm_ops);
	r->image = image;
	r->mem = *err = open_proc(pid, "mem", O_RDWR);
	if (r->mem < 0)
		goto free;
	r->maps = *err = open_proc(pid, "maps", O_RDONLY);
	if (r->maps < 0)
		goto close;
	port_mutex_init(&r->maps_lock);
	return r;
close:
	close(r->mem);
free:
	port_free(r);
	return NULL;
}

struct port_mm *remote_mm_get(pid_t pid, u64 image, int *err)
{
	struct remote_mm *r;

	port_mutex_lock(&mms_lock);
	for (r = mms; r; r = r->next)
		if (r->image == image && alive(r) && try_hold(r))
			break;
	if (!r) {
		r = create(pid, image, err);
		if (r) {
			r->next = mms;
			mms = r;
		}
	}
	port_mutex_unlock(&mms_lock);
	return r ? &r->mm : NULL;
}
