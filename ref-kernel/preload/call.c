/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A connection a thread, made when it first calls. The program may fork, close
 * any number, or interrupt us by a signal whose handler calls again: so the
 * connection is looked at before each use, and one that is busy is left alone.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "call.h"
#include "port/user/self.h"

/* Above the numbers that programs count on getting. */
#define FD_MIN 200

struct channel {
	int socket;
	uint64_t cookie; /* what the number must be, or it is the program's by now */
	pid_t pid;
	bool busy;
};

static _Thread_local struct channel mine = { .socket = -1 };
static pthread_key_t at_exit; /* closes a thread's connection */
static uint64_t image;

static void channel_close(struct channel *c)
{
	if (c->socket >= 0 && wire_cookie(c->socket) == c->cookie)
		close(c->socket);
	c->socket = -1;
}

static void thread_ends(void *arg)
{
	channel_close(arg);
}

static __attribute__((constructor)) void init(void)
{
	pthread_key_create(&at_exit, thread_ends);
	/* A number at random, the same in forks, which have pids of their own. */
	if (getrandom(&image, sizeof(image), GRND_NONBLOCK) != sizeof(image))
		image = (uint64_t)getpid();
}

bool call_possible(void)
{
	return getenv(WIRE_ENV);
}

static void complain(const char *what, int err)
{
	fprintf(stderr, "iodirty: %s (%s): %s\n", what, getenv(WIRE_ENV), strerror(-err));
}

static int connect_server(void)
{
	const char *path = getenv(WIRE_ENV);
	struct sockaddr_un address;
	int fd, high;

	if (!path || wire_address(path, &address))
		return -ENXIO;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	high = fcntl(fd, F_DUPFD_CLOEXEC, FD_MIN);
	if (high >= 0) {
		close(fd);
		fd = high;
	}
	if (!connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	high = -errno;
	close(fd);
	return high;
}

/* What the server needs done here. */
static int serve(int socket, struct wire *w, int fd)
{
	struct wire answer = { .op = w->op };
	u64 old = 0;

	switch (w->op) {
	case WIRE_POPULATE:
		answer.result = self_populate(w->addr, w->size, w->write);
		break;
	case WIRE_ATOMIC:
		answer.result = self_atomic(w->addr, (enum port_atomic)w->cmd, w->size, w->operand,
					    w->compare, &old);
		answer.value = old;
		break;
	case WIRE_COOKIE:
		answer.value = wire_cookie((int)w->arg);
		answer.result = answer.value ? 0 : -EBADF;
		break;
	case WIRE_INSTALL:
		answer.result = fd >= 0 ? fd : -EMFILE;
		break;
	case WIRE_CLOSE:
		answer.result = close((int)w->arg) ? -errno : 0;
		break;
	default:
		answer.result = -ENOSYS;
	}
	return wire_send(socket, &answer, -1);
}

static int converse(int socket, struct wire *w, int *fd)
{
	int err = wire_send(socket, w, -1);

	while (!err) {
		err = wire_receive(socket, w, fd);
		if (err || w->op == WIRE_DONE)
			break;
		err = serve(socket, w, *fd);
		*fd = -1;
	}
	return err;
}

static int channel_open(struct channel *c)
{
	struct wire hello = { .op = WIRE_HELLO, .arg = image };
	int fd = -1, err;

	c->socket = connect_server();
	if (c->socket < 0) {
		complain("the reference does not answer", c->socket);
		return -ENXIO;
	}
	c->cookie = wire_cookie(c->socket);
	c->pid = getpid();
	err = converse(c->socket, &hello, &fd);
	if (!err)
		err = (int)hello.result;
	if (!err)
		return 0;
	complain("the reference cannot reach the memory of this process", err);
	channel_close(c);
	return -ENXIO;
}

static int channel_ready(struct channel *c)
{
	if (c->socket >= 0 && c->pid == getpid() && wire_cookie(c->socket) == c->cookie)
		return 0;
	channel_close(c);
	return channel_open(c);
}

static int call_on(struct channel *c, struct wire *w, int *fd)
{
	int err = channel_ready(c);

	if (!err) {
		err = converse(c->socket, w, fd);
		if (err) {
			complain("the reference has ended", err);
			channel_close(c);
			err = -EIO;
		}
	}
	return err;
}

long call(struct wire *w, int *fd)
{
	struct channel once = { .socket = -1 };
	int was = errno, cancel, err;

	*fd = -1;
	/* An ioctl is no cancellation point. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	w->fail_nth = fail_nth_get();
	if (mine.busy) {
		err = call_on(&once, w, fd);
		channel_close(&once);
	} else {
		mine.busy = true;
		err = call_on(&mine, w, fd);
		pthread_setspecific(at_exit, &mine);
		mine.busy = false;
	}
	if (!err)
		fail_nth_set(w->fail_nth);
	pthread_setcancelstate(cancel, NULL);
	errno = was;
	return err ? err : (long)w->result;
}
