/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Accepts connections, a thread for each, and answers the calls on them. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "client.h"
#include "node.h"
#include "remote.h"
#include "server.h"

/*
 * The client has the descriptor, and we no copy of it, before the call is done: as
 * soon as that is so another thread of it may close what is then the last.
 */
static int do_open(struct client *c, const struct wire *w)
{
	const struct port_fd_ops *ops;
	int err, fd;
	void *priv = node_open(w, &ops, &err);

	if (!priv)
		return err;
	fd = client_install(&c->task, ops, priv, NULL);
	if (fd < 0)
		ops->release(priv);
	return fd;
}

static s64 do_call(const struct wire *w)
{
	struct port_fd *held = client_find_fd(w->cookie, NULL);
	s64 result;

	if (!held)
		return WIRE_NOT_OURS;
	if (w->op == WIRE_READ)
		result = fd_read(held, w->addr, w->size, w->arg);
	else if (w->op == WIRE_WRITE)
		result = fd_write(held, w->addr, w->size, w->arg);
	else
		result = fd_ioctl(held, (unsigned int)w->cmd, w->arg);
	port_fd_put(held);
	return result;
}

static int hello(struct client *c, const struct wire *w)
{
	int err = 0;

	if (c->task.mm)
		return -EPROTO;
	c->task.mm = remote_mm_get(c->pid, w->arg, &err);
	return c->task.mm ? 0 : err;
}

/* One call; false ends the connection. */
static bool answer(struct client *c)
{
	struct wire w, done = { .op = WIRE_DONE };

	if (client_receive(c, &w))
		return false;
	clients_reap();
	if (w.op != WIRE_HELLO && !c->task.mm)
		return false;
	c->interrupted = false; /* if it said so of a call that was done by then */
	port_fail_set(w.fail_nth);
	switch (w.op) {
	case WIRE_HELLO:
		done.result = hello(c, &w);
		break;
	case WIRE_OPEN:
		done.result = do_open(c, &w);
		break;
	case WIRE_IOCTL:
	case WIRE_READ:
	case WIRE_WRITE:
		done.result = do_call(&w);
		break;
	case WIRE_SYNC:
		break;
	default:
		done.result = -ENOSYS;
	}
	done.fail_nth = port_fail_set(0);
	return !wire_send(c->socket, &done, -1);
}

static void *serve(void *arg)
{
	struct client *c = arg;

	task_become(&c->task);
	while (answer(c))
		;
	task_become(NULL);
	if (c->task.mm)
		port_mm_put(c->task.mm);
	close(c->socket);
	close(c->process);
	free(c);
	return NULL;
}

static int start_thread(void *(*fn)(void *arg), void *arg)
{
	pthread_attr_t attr;
	pthread_t thread;
	int err;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	err = pthread_create(&thread, &attr, fn, arg);
	pthread_attr_destroy(&attr);
	return -err;
}

/* Who greets us is told why we cannot, and not left waiting. */
static void refuse(int socket, int err)
{
	struct wire w, done = { .op = WIRE_DONE, .result = err };
	struct timeval limit = { .tv_sec = 1 };

	setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (!wire_receive(socket, &w, NULL))
		wire_send(socket, &done, -1);
	close(socket);
}

static int welcome(int socket)
{
	struct client *c;
	struct ucred peer;
	socklen_t size = sizeof(peer);
	int process, err;

	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) || !peer.pid)
		return -ESRCH;
	process = (int)syscall(SYS_pidfd_open, peer.pid, 0);
	if (process < 0)
		return -errno;
	c = calloc(1, sizeof(*c));
	err = -ENOMEM;
	if (c) {
		*c = (struct client){ .task.ops = &client_task_ops,
				      .socket = socket,
				      .pid = peer.pid,
				      .process = process };
		err = start_thread(serve, c);
	}
	if (err) {
		close(process);
		free(c);
	}
	return err;
}

static void *accept_all(void *arg)
{
	int listener = (int)(intptr_t)arg;
	/* Given up where there is no other number, to tell who waits for one. */
	int reserve = fcntl(listener, F_DUPFD_CLOEXEC, 0);

	for (;;) {
		int socket = accept4(listener, NULL, NULL, SOCK_CLOEXEC), err;

		if (socket >= 0) {
			err = welcome(socket);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS) {
			err = -errno;
			close(reserve);
			reserve = -1;
			socket = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		} else {
			continue;
		}
		if (err && socket >= 0)
			refuse(socket, err);
		if (reserve < 0)
			reserve = fcntl(listener, F_DUPFD_CLOEXEC, 0);
	}
	return NULL;
}

/* Who closes and calls no more is released too, at once. */
static void *reap_all(void *arg)
{
	for (;;) {
		clients_wait();
		clients_reap();
	}
	return arg;
}

static int listen_at(const char *path)
{
	struct sockaddr_un address;
	int fd = wire_address(path, &address);

	if (fd)
		return fd;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (!bind(fd, (struct sockaddr *)&address, sizeof(address)) && !listen(fd, SOMAXCONN))
		return fd;
	close(fd);
	return -errno;
}

int server_start(const char *path)
{
	int listener = listen_at(path), err;
	sigset_t all, was;

	if (listener < 0)
		return listener;
	err = clients_init();
	/* Signals are for the thread that waits for the program. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	if (err >= 0)
		err = start_thread(reap_all, NULL);
	if (!err)
		err = start_thread(accept_all, (void *)(intptr_t)listener);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	return err;
}

unsigned int server_open_count(void)
{
	return clients_open_count();
}
