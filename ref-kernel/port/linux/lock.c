/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Locks, which are also where others may run: many kernels preempt nobody who is in the
 * kernel, and on one processor nobody else would ever be seen between two steps of a
 * call, neither DMA while an entry is broken nor a harvest while an area is mapped.
 */
#include <linux/delay.h>
#include <linux/sched.h>

#include "port.h"

void port_mutex_destroy(struct port_mutex *m)
{
	mutex_destroy(&m->lock);
}

void port_mutex_lock(struct port_mutex *m)
{
	cond_resched();
	mutex_lock(&m->lock);
}

void port_mutex_unlock(struct port_mutex *m)
{
	mutex_unlock(&m->lock);
}

/* Linux's semaphore has nothing to destroy. */
void port_rwsem_destroy(struct port_rwsem *s)
{
	(void)s;
}

/* Linux lets a reader pass a writer that has been woken, for up to 4 ms: give it the time
 * to run. */
void port_rwsem_read(struct port_rwsem *s)
{
	cond_resched();
	if (rwsem_is_contended(&s->sem))
		usleep_range(10, 50);
	down_read(&s->sem);
}

void port_rwsem_read_end(struct port_rwsem *s)
{
	up_read(&s->sem);
}

void port_rwsem_write(struct port_rwsem *s)
{
	cond_resched();
	down_write(&s->sem);
}

/* Those whom it kept out may run at once: of DMA, in the moment after an invalidation. */
void port_rwsem_write_end(struct port_rwsem *s)
{
	up_write(&s->sem);
	cond_resched();
}
