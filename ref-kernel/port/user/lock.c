/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define _GNU_SOURCE
#include "port.h"

void port_mutex_init(struct port_mutex *m)
{
	pthread_mutex_init(&m->lock, NULL);
}

void port_mutex_destroy(struct port_mutex *m)
{
	pthread_mutex_destroy(&m->lock);
}

void port_mutex_lock(struct port_mutex *m)
{
	pthread_mutex_lock(&m->lock);
}

void port_mutex_unlock(struct port_mutex *m)
{
	pthread_mutex_unlock(&m->lock);
}

/* By default readers that keep coming would starve a writer for ever. */
void port_rwsem_init(struct port_rwsem *s)
{
	pthread_rwlockattr_t attr;

	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&s->lock, &attr);
	pthread_rwlockattr_destroy(&attr);
}

void port_rwsem_destroy(struct port_rwsem *s)
{
	pthread_rwlock_destroy(&s->lock);
}

void port_rwsem_read(struct port_rwsem *s)
{
	pthread_rwlock_rdlock(&s->lock);
}

void port_rwsem_read_end(struct port_rwsem *s)
{
	pthread_rwlock_unlock(&s->lock);
}

void port_rwsem_write(struct port_rwsem *s)
{
	pthread_rwlock_wrlock(&s->lock);
}

void port_rwsem_write_end(struct port_rwsem *s)
{
	pthread_rwlock_unlock(&s->lock);
}
