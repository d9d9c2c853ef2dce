/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "port.h"

void port_mutex_destroy(struct port_mutex *m)
{
	mutex_destroy(&m->lock);
}

void port_mutex_lock(struct port_mutex *m)
{
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

void port_rwsem_read(struct port_rwsem *s)
{
	down_read(&s->sem);
}

void port_rwsem_read_end(struct port_rwsem *s)
{
	up_read(&s->sem);
}

void port_rwsem_write(struct port_rwsem *s)
{
	down_write(&s->sem);
}

void port_rwsem_write_end(struct port_rwsem *s)
{
	up_write(&s->sem);
}
