/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The caller's memory: copies, and the bitmap window. */
#include "self.h"
#include "task.h"

int port_copy_from_user(void *dst, u64 uaddr, size_t size)
{
	struct task *t = task_current();

	return port_fail() ? -EFAULT : t->ops->read(t, dst, uaddr, size);
}

int port_copy_to_user(u64 uaddr, const void *src, size_t size)
{
	struct task *t = task_current();

	return port_fail() ? -EFAULT : t->ops->write(t, uaddr, src, size);
}

int port_window_pin(struct port_window *w, u64 uaddr, size_t size)
{
	struct port_mm *mm = task_current()->mm;

	if (port_fail() || mm->ops->populate(mm, uaddr, size, true))
		return -EFAULT;
	w->uaddr = uaddr;
	w->size = size;
	/* Where accesses are watched copies do: to a sanitizer this is the kernel's doing. */
	w->guarded = mm == &self_mm && !PORT_SANITIZED;
	if (w->guarded)
		guard_begin(&w->guard);
	return 0;
}

void port_window_unpin(struct port_window *w)
{
	if (w->guarded)
		guard_end(&w->guard);
	w->size = 0;
}

/* Over read, OR and write back, for any window: two may lie on the same bytes. */
static struct port_mutex or_lock = { PTHREAD_MUTEX_INITIALIZER };

#define COPY_SIZE ((size_t)64 << 10)

static bool is_zero(const u8 *bytes, size_t size)
{
	return !*bytes && !memcmp(bytes, bytes + 1, size - 1);
}

/* Where there are bits. or_lock held. */
static int or_by_copies(struct task *t, u64 uaddr, const u8 *bytes, size_t size)
{
	static u8 held[COPY_SIZE]; /* under or_lock */

	while (size) {
		size_t part = port_min(size, COPY_SIZE);

		if (!is_zero(bytes, part)) {
			if (t->ops->read(t, held, uaddr, part))
				return -EFAULT;
			port_or(held, bytes, part);
			if (t->ops->write(t, uaddr, held, part))
				return -EFAULT;
		}
		uaddr += part;
		bytes += part;
		size -= part;
	}
	return 0;
}

/*
 * That every page is writable is seen before the first byte is written, hence
 * an error has changed nothing, but for one case: a program that unmaps or
 * protects its bitmap while we write keeps bits set for leaves that were dirty
 * and, put back by the harvest, still are. The program's own writes to these
 * bytes meanwhile may be lost; it must not write to a bitmap being filled.
 *
 * This process's memory is stored to, another's is copied.
 */
int port_window_or(struct port_window *w, size_t at, const u8 *bytes, size_t size)
{
	struct task *t = task_current();
	u64 uaddr = w->uaddr + at;
	int err;

	if (port_fail() || t->mm->ops->populate(t->mm, uaddr, size, true))
		return -EFAULT;
	port_mutex_lock(&or_lock);
	if (w->guarded)
		err = guard_or((void *)uaddr, bytes, size);
	else
		err = or_by_copies(t, uaddr, bytes, size);
	port_mutex_unlock(&or_lock);
	return err;
}
