/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Descriptors. The number is reserved by a real descriptor on /dev/null, which
 * is closed when the last user is gone: while a call holds an entry, nothing
 * else can come to live under its number.
 */
#include <fcntl.h>
#include <unistd.h>

#include "port.h"
#include "ref.h"

struct fd_entry {
	struct port_node node; /* key: the number */
	const struct port_fd_ops *ops;
	void *priv;
	u64 refs; /* one for being open, one a port_fd_get */
	bool open;
};

static struct port_mutex fd_lock = { PTHREAD_MUTEX_INITIALIZER };
static struct port_map fd_map; /* under fd_lock, as the entries are */

static struct fd_entry *fd_find(int fd)
{
	struct port_node *node = port_map_ceil(&fd_map, (u32)fd);

	if (!node || node->key != (u32)fd)
		return NULL;
	return port_container(node, struct fd_entry, node);
}

int port_fd_install(const struct port_fd_ops *ops, void *priv)
{
	struct fd_entry *e = port_alloc(sizeof(*e));
	int fd;

	if (!e)
		return -ENOMEM;
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		fd = -errno;
		port_free(e);
		return fd;
	}
	*e = (struct fd_entry){ .node.key = fd, .ops = ops, .priv = priv, .refs = 1, .open = true };
	port_mutex_lock(&fd_lock);
	port_map_insert(&fd_map, &e->node);
	port_mutex_unlock(&fd_lock);
	return fd;
}

void *port_fd_get(int fd, const struct port_fd_ops *ops)
{
	struct fd_entry *e;
	void *priv = NULL;

	port_mutex_lock(&fd_lock);
	e = fd_find(fd);
	if (e && e->open && e->ops == ops) {
		e->refs++;
		priv = e->priv;
	}
	port_mutex_unlock(&fd_lock);
	return priv;
}

/* Drop a reference; fd_lock is held, and let go. */
static void fd_drop(struct fd_entry *e)
{
	bool last = !--e->refs;

	if (last)
		port_map_erase(&fd_map, &e->node);
	port_mutex_unlock(&fd_lock);
	if (last) {
		e->ops->release(e->priv);
		close(e->node.key);
		port_free(e);
	}
}

void port_fd_put(int fd)
{
	port_mutex_lock(&fd_lock);
	fd_drop(fd_find(fd));
}

int ref_close(int fd)
{
	struct fd_entry *e;

	port_mutex_lock(&fd_lock);
	e = fd_find(fd);
	if (!e || !e->open) {
		port_mutex_unlock(&fd_lock);
		return -EBADF;
	}
	e->open = false;
	fd_drop(e);
	return 0;
}

void port_fd_close(int fd)
{
	ref_close(fd);
}
