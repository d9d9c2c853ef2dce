/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The task that is another process, one object a connection. Within a call its
 * thread waits for us, so it is alive, and does in its own process what can be
 * done nowhere else (wire.h). Copies are looked up by the kernel in its memory.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "client.h"
#include "port/user/self.h"
#include "server.h"

static struct client *client(struct task *t)
{
	return port_container(t, struct client, task);
}

int client_receive(struct client *c, struct wire *w)
{
	struct pollfd p[2] = { { .fd = c->socket, .events = POLLIN },
			       { .fd = c->process, .events = POLLIN } };
	int err;

	for (;;) {
		while (poll(p, 2, -1) < 0)
			if (errno != EINTR)
				return -errno;
		err = p[0].revents ? wire_receive(c->socket, w, NULL) : -EPIPE;
		if (err || w->op != WIRE_INTERRUPT)
			return err;
		c->interrupted = true;
	}
}

/* Have the client do @w: what it answers, or -EPIPE when it has gone. */
static s64 ask(struct client *c, struct wire *w, int fd)
{
	int err = wire_send(c->socket, w, fd);

	if (!err)
		err = client_receive(c, w);
	return err ? -EPIPE : w->result;
}

int client_populate(struct task *t, u64 addr, u64 size, bool write)
{
	struct wire w = { .op = WIRE_POPULATE, .addr = addr, .size = size, .write = write };

	return ask(client(t), &w, -1) ? -EFAULT : 0;
}

static int task_read(struct task *t, void *dst, u64 addr, size_t size)
{
	return process_read(client(t)->pid, dst, addr, size);
}

static int task_write(struct task *t, u64 addr, const void *src, size_t size)
{
	return process_write(client(t)->pid, addr, src, size);
}

static int task_atomic(struct task *t, u64 addr, enum port_atomic op, size_t size, u64 operand,
		       u64 compare, u64 *old)
{
	struct wire w = { .op = WIRE_ATOMIC,
			  .addr = addr,
			  .size = size,
			  .cmd = op,
			  .operand = operand,
			  .compare = compare };

	if (ask(client(t), &w, -1))
		return -EFAULT;
	*old = w.value;
	return 0;
}

static void task_hold_signals(struct task *t)
{
	const struct wire w = { .op = WIRE_LONG };

	wire_send(client(t)->socket, &w, -1); /* who has gone is found out about later */
}

/* Nothing else comes from it that was not asked for. */
static bool task_interrupted(struct task *t)
{
	struct client *c = client(t);
	struct pollfd p = { .fd = c->socket, .events = POLLIN };
	struct wire w;

	if (!c->interrupted && poll(&p, 1, 0) == 1)
		c->interrupted = wire_receive(c->socket, &w, NULL) || w.op == WIRE_INTERRUPT;
	return c->interrupted;
}

/* The reference is a machine of its own, on which its programs are root. */
static bool task_capable(struct task *t, unsigned int cap)
{
	(void)t;
	(void)cap;
	return true;
}

static int task_fd_copy(struct task *t, int fd)
{
	int copy = (int)syscall(SYS_pidfd_getfd, client(t)->process, fd, 0);

	return copy < 0 ? -errno : copy;
}

/* Every descriptor that any client has of us. */
static struct fd_table fds = FD_TABLE_INIT;
static unsigned int fds_open;

static int hangups = -1; /* an epoll of our ends, which end when the far one is closed */
static struct port_mutex reap_lock = { PTHREAD_MUTEX_INITIALIZER };

int clients_init(void)
{
	hangups = epoll_create1(EPOLL_CLOEXEC);
	return hangups < 0 ? -errno : hangups;
}

void clients_reap(void)
{
	struct epoll_event e;

	port_mutex_lock(&reap_lock);
	while (epoll_wait(hangups, &e, 1, 0) == 1) {
		/* Who is within a call on it releases it at the end of that. */
		fd_table_close(&fds, e.data.u64);
		__atomic_sub_fetch(&fds_open, 1, __ATOMIC_RELAXED);
	}
	port_mutex_unlock(&reap_lock);
}

unsigned int clients_open_count(void)
{
	clients_reap();
	return __atomic_load_n(&fds_open, __ATOMIC_RELAXED);
}

/* Waits until a client closes something. */
void clients_wait(void)
{
	struct pollfd p = { .fd = hangups, .events = POLLIN };

	poll(&p, 1, -1);
}

/* A descriptor to be: @theirs is the client's, and not closed before the rest is done. */
struct ends {
	int ours, theirs;
	u64 cookie;
};

/*
 * Of a descriptor that is no queue (@queue: NULL, or gets our end of it) our end
 * says at once that nothing will come, so that who reads it does not wait.
 */
static int ends_make(struct ends *e, int *queue)
{
	int type = (queue ? SOCK_SEQPACKET | SOCK_NONBLOCK : SOCK_STREAM) | SOCK_CLOEXEC, pair[2];
	struct epoll_event event = { .events = EPOLLONESHOT };

	if (port_fail() || socketpair(AF_UNIX, type, 0, pair))
		return -ENFILE;
	*e = (struct ends){ .ours = pair[0], .theirs = pair[1], .cookie = wire_cookie(pair[1]) };
	event.data.u64 = e->cookie;
	if (queue)
		*queue = fcntl(e->ours, F_DUPFD_CLOEXEC, 0);
	else
		shutdown(e->ours, SHUT_WR);
	/* A hangup is always reported; with it the far end's last close. */
	if ((!queue || *queue >= 0) && !epoll_ctl(hangups, EPOLL_CTL_ADD, e->ours, &event))
		return 0;
	if (queue && *queue >= 0)
		close(*queue);
	close(e->ours);
	close(e->theirs);
	return -ENFILE;
}

static void ends_drop(struct ends *e, int *queue)
{
	/* Before a copy of it hangs up. */
	epoll_ctl(hangups, EPOLL_CTL_DEL, e->ours, NULL);
	if (queue)
		close(*queue);
	close(e->ours);
	close(e->theirs);
}

/* From here on the last close releases @priv. */
static int ends_live(struct ends *e, const struct port_fd_ops *ops, void *priv)
{
	int err = fd_table_add(&fds, e->cookie, e->ours, ops, priv);

	if (!err)
		__atomic_add_fetch(&fds_open, 1, __ATOMIC_RELAXED);
	return err;
}

static void client_close(struct task *t, int fd)
{
	struct wire w = { .op = WIRE_CLOSE, .arg = (u32)fd };

	ask(client(t), &w, -1);
}

/* On an error @priv is the caller's still, so nothing may have been released for it. */
int client_install(struct task *t, const struct port_fd_ops *ops, void *priv, int *ours)
{
	struct wire w = { .op = WIRE_INSTALL };
	struct ends e;
	int err = ends_make(&e, ours), number;

	if (err)
		return err;
	number = (int)ask(client(t), &w, e.theirs);
	err = number < 0 ? number : ends_live(&e, ops, priv);
	if (!err) {
		close(e.theirs);
		return number;
	}
	if (number >= 0)
		client_close(t, number);
	ends_drop(&e, ours);
	return err;
}

static struct port_fd *task_fd_find(struct task *t, int fd, const struct port_fd_ops *ops)
{
	struct wire w = { .op = WIRE_COOKIE, .arg = (u32)fd };

	if (ask(client(t), &w, -1))
		return NULL;
	return fd_table_get(&fds, w.value, ops);
}

struct port_fd *client_find_fd(u64 cookie, const struct port_fd_ops *ops)
{
	return fd_table_get(&fds, cookie, ops);
}

static void task_fd_close(struct task *t, int fd)
{
	client_close(t, fd);
	clients_reap();
}

const struct task_ops client_task_ops = {
	.read = task_read,
	.write = task_write,
	.atomic = task_atomic,
	.hold_signals = task_hold_signals,
	.interrupted = task_interrupted,
	.capable = task_capable,
	.fd_copy = task_fd_copy,
	.fd_install = client_install,
	.fd_find = task_fd_find,
	.fd_close = task_fd_close,
};
