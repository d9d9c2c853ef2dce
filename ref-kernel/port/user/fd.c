/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Descriptors that the reference hands out. An entry keeps a real descriptor,
 * which is closed when the last user is gone: while a call holds the entry,
 * nothing else can come to live under its number.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "task.h"

struct port_fd {
	struct port_node node; /* key: what finds it */
	struct fd_table *table;
	const struct port_fd_ops *ops;
	void *priv;
	u64 refs; /* one for being open, one a fd_table_get; under table->lock */
	int fd;
	bool open;
};

static struct port_fd *find(struct fd_table *table, u64 key)
{
	struct port_node *node = port_map_ceil(&table->map, key);

	if (!node || node->key != key)
		return NULL;
	return port_container(node, struct port_fd, node);
}

int fd_table_add(struct fd_table *table, u64 key, int fd, const struct port_fd_ops *ops, void *priv)
{
	struct port_fd *e = port_alloc(sizeof(*e));

	if (!e)
		return -ENOMEM;
	*e = (struct port_fd){ .node.key = key,
			       .table = table,
			       .ops = ops,
			       .priv = priv,
			       .refs = 1,
			       .fd = fd,
			       .open = true };
	port_mutex_lock(&table->lock);
	port_map_insert(&table->map, &e->node);
	port_mutex_unlock(&table->lock);
	return 0;
}

struct port_fd *fd_table_get(struct fd_table *table, u64 key, const struct port_fd_ops *ops)
{
	struct port_fd *e;

	port_mutex_lock(&table->lock);
	e = find(table, key);
	if (e && e->open && (!ops || e->ops == ops))
		e->refs++;
	else
		e = NULL;
	port_mutex_unlock(&table->lock);
	return e;
}

long fd_ioctl(struct port_fd *entry, unsigned int cmd, u64 arg)
{
	return entry->ops->ioctl ? entry->ops->ioctl(entry->priv, cmd, arg) : -ENOTTY;
}

s64 fd_read(struct port_fd *entry, u64 uaddr, u64 size, u64 pos)
{
	if (!entry->ops->read)
		return -EINVAL;
	if (entry->ops->stream && pos != PORT_NO_POS)
		return -ESPIPE;
	return entry->ops->read(entry->priv, uaddr, size, pos);
}

s64 fd_write(struct port_fd *entry, u64 uaddr, u64 size, u64 pos)
{
	if (!entry->ops->write)
		return -EINVAL;
	if (entry->ops->stream && pos != PORT_NO_POS)
		return -ESPIPE;
	return entry->ops->write(entry->priv, uaddr, size, pos);
}

/* Drop a reference; the table's lock is held, and let go. */
static void drop(struct port_fd *e)
{
	struct fd_table *table = e->table;
	bool last = !--e->refs;

	if (last)
		port_map_erase(&table->map, &e->node);
	port_mutex_unlock(&table->lock);
	if (last) {
		e->ops->release(e->priv);
		close(e->fd);
		port_free(e);
	}
}

int fd_table_close(struct fd_table *table, u64 key)
{
	struct port_fd *e;

	port_mutex_lock(&table->lock);
	e = find(table, key);
	if (!e || !e->open) {
		port_mutex_unlock(&table->lock);
		return -EBADF;
	}
	e->open = false;
	drop(e);
	return 0;
}

int port_fd_install(const struct port_fd_ops *ops, void *priv)
{
	struct task *t = task_current();

	return t->ops->fd_install(t, ops, priv, NULL);
}

int port_fd_install_queue(const struct port_fd_ops *ops, void *priv, struct port_queue *q)
{
	struct task *t = task_current();

	return t->ops->fd_install(t, ops, priv, &q->fd);
}

void *port_fd_get(int fd, const struct port_fd_ops *ops, struct port_fd **held)
{
	struct task *t = task_current();

	*held = t->ops->fd_find(t, fd, ops);
	return *held ? (*held)->priv : NULL;
}

void port_fd_put(struct port_fd *held)
{
	port_mutex_lock(&held->table->lock);
	drop(held);
}

void port_fd_close(int fd)
{
	struct task *t = task_current();

	t->ops->fd_close(t, fd);
}

int port_queue_send(struct port_queue *q, const void *record, size_t size)
{
	return send(q->fd, record, size, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

size_t port_queue_receive(struct port_queue *q, void *record, size_t size)
{
	ssize_t n = recv(q->fd, record, size, MSG_DONTWAIT | MSG_TRUNC);

	return n < 0 ? 0 : n;
}

void port_queue_close(struct port_queue *q)
{
	close(q->fd);
}
