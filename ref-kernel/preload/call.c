/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A connection a thread, made when it first calls. The program may fork, close
 * any number, or share its memory with another process: so the connection is
 * looked at before each use. Signals are held off meanwhile, as in a kernel,
 * where a handler finds a call done or not begun: one that calls, forks or jumps
 * away must not do so in the middle of a conversation. System calls are made
 * bare: libc's are points of cancellation, and its close is our own.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "call.h"
#include "port/user/self.h"
#include "port/user/signals.h"

#define SHARED_MAX 1024

/* Of this memory, whichever processes are in it. A child that has a copy finds zeros. */
struct image {
	uint64_t number; /* at random */
	pid_t pid; /* of the process whose threads have connections */
};

struct channel {
	int socket;
	uint64_t cookie; /* what the number must be, or it is the program's by now */
	uint64_t image;
};

static struct image unwiped, *image = &unwiped;
static _Thread_local struct channel mine = { .socket = -1 };
static pthread_key_t at_exit; /* closes a thread's connection */
static pid_t server_pid; /* 0: not called yet, and nothing inherited to call by */

/* What a child by fork has copies of, to be closed there: by all threads, so atomic. */
static struct {
	int number; /* plus 1; 0: free */
	uint64_t cookie;
} copies[SHARED_MAX];

static void copies_add(int fd, uint64_t cookie)
{
	for (int i = 0; i < SHARED_MAX; i++) {
		int none = 0;

		if (!__atomic_compare_exchange_n(&copies[i].number, &none, fd + 1, false,
						 __ATOMIC_RELAXED, __ATOMIC_RELAXED))
			continue;
		__atomic_store_n(&copies[i].cookie, cookie, __ATOMIC_RELEASE);
		return;
	}
}

static void copies_remove(uint64_t cookie)
{
	for (int i = 0; cookie && i < SHARED_MAX; i++)
		if (__atomic_load_n(&copies[i].cookie, __ATOMIC_RELAXED) == cookie) {
			__atomic_store_n(&copies[i].cookie, 0, __ATOMIC_RELAXED);
			__atomic_store_n(&copies[i].number, 0, __ATOMIC_RELEASE);
		}
}

static void copies_close(void)
{
	for (int i = 0; i < SHARED_MAX; i++) {
		int fd = __atomic_load_n(&copies[i].number, __ATOMIC_ACQUIRE) - 1;

		if (fd >= 0 && wire_cookie(fd) == copies[i].cookie)
			syscall(SYS_close, fd);
		copies[i].cookie = 0;
		__atomic_store_n(&copies[i].number, 0, __ATOMIC_RELEASE);
	}
}

static uint64_t image_number(void)
{
	uint64_t number = __atomic_load_n(&image->number, __ATOMIC_ACQUIRE), none = 0;

	if (number)
		return number;
	if (getrandom(&number, sizeof(number), GRND_NONBLOCK) != sizeof(number) || !number)
		number = (uint64_t)getpid();
	if (!__atomic_compare_exchange_n(&image->number, &none, number, false, __ATOMIC_ACQ_REL,
					 __ATOMIC_ACQUIRE))
		return none;
	__atomic_store_n(&image->pid, getpid(), __ATOMIC_RELEASE);
	copies_close();
	return number;
}

static void forked(void)
{
	*image = (struct image){ 0 };
	image_number();
}

static void channel_close(struct channel *c)
{
	int fd = c->socket;

	if (fd < 0)
		return;
	c->socket = -1;
	if (wire_cookie(fd) == c->cookie)
		syscall(SYS_close, fd);
}

static void thread_ends(void *arg)
{
	struct channel *c = arg;

	copies_remove(c->cookie);
	channel_close(c);
}

static const char *server_path(void)
{
	static char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	static int looked; /* while the environment is as we were given it */
	const char *given;

	if (!__atomic_load_n(&looked, __ATOMIC_ACQUIRE)) {
		given = getenv(WIRE_ENV);
		if (given && strlen(given) < sizeof(path))
			memcpy(path, given, strlen(given) + 1);
		__atomic_store_n(&looked, 1, __ATOMIC_RELEASE);
	}
	return path[0] ? path : NULL;
}

static pid_t peer(int fd)
{
	struct ucred cred = { 0 };
	socklen_t size = sizeof(cred);
	int was = errno;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size))
		cred.pid = 0;
	errno = was;
	return cred.pid;
}

/* A program that exec gave a descriptor of ours is on the reference before it calls. */
static void find_inherited(void)
{
	const char *given = getenv(WIRE_PID_ENV);
	pid_t server = given ? atoi(given) : 0;
	DIR *dir = server > 0 ? opendir("/proc/self/fd") : NULL;
	struct dirent *e;

	while (dir && !server_pid && (e = readdir(dir)))
		if (e->d_name[0] != '.' && peer(atoi(e->d_name)) == server)
			server_pid = server;
	if (dir)
		closedir(dir);
}

static __attribute__((constructor)) void init(void)
{
	void *page = mmap(NULL, sizeof(*image), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	if (page != MAP_FAILED && !madvise(page, sizeof(*image), MADV_WIPEONFORK))
		image = page;
	image_number();
	server_path();
	find_inherited();
	pthread_key_create(&at_exit, thread_ends);
	pthread_atfork(NULL, NULL, forked);
}

bool call_possible(void)
{
	return server_path();
}

bool call_made(void)
{
	return __atomic_load_n(&server_pid, __ATOMIC_RELAXED);
}

bool call_made_for(int fd)
{
	pid_t pid = __atomic_load_n(&server_pid, __ATOMIC_RELAXED);

	return pid && peer(fd) == pid;
}

static void complain(const char *what, int err)
{
	char text[512];
	int n = snprintf(text, sizeof(text), "iodirty: %s (%s): %s\n", what, server_path(),
			 strerror(-err));

	syscall(SYS_write, STDERR_FILENO, text, n);
}

static int connect_server(void)
{
	struct sockaddr_un address;
	int fd, high;

	if (wire_address(server_path(), &address))
		return -ENXIO;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	high = fcntl(fd, F_DUPFD_CLOEXEC, FD_MIN);
	if (high >= 0) {
		syscall(SYS_close, fd);
		fd = high;
	}
	if (!syscall(SYS_connect, fd, &address, sizeof(address))) {
		__atomic_store_n(&server_pid, peer(fd), __ATOMIC_RELAXED);
		return fd;
	}
	high = -errno;
	syscall(SYS_close, fd);
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
		answer.result = syscall(SYS_close, (int)w->arg) ? -errno : 0;
		break;
	default:
		answer.result = -ENOSYS;
	}
	return wire_send(socket, &answer, -1);
}

/* How often a thread that waits for a LONG call looks whether a signal waits for it. */
#define LOOK_NS 1000000

/* Signals of the program's, during a call. */
struct held {
	uint64_t blocked; /* by it: these interrupt nothing */
	enum signals_say say; /* what the others do */
};

/* Until the server says something; or, and then it is told, a signal waits. */
static void await(int socket, struct held *held)
{
	const struct wire interrupt = { .op = WIRE_INTERRUPT };
	struct pollfd p = { .fd = socket, .events = POLLIN };

	while (held->say == SIGNALS_NOTHING) {
		struct timespec look = { .tv_nsec = LOOK_NS };

		if (syscall(SYS_ppoll, &p, 1, &look, NULL, 0))
			return;
		held->say = signals_say(held->blocked);
	}
	wire_send(socket, &interrupt, -1);
}

static int converse(int socket, struct wire *w, struct held *held)
{
	int err = wire_send(socket, w, -1), fd;
	bool is_long = false;

	while (!err) {
		if (is_long && held->say == SIGNALS_NOTHING)
			await(socket, held);
		err = wire_receive(socket, w, &fd);
		if (err || w->op == WIRE_DONE)
			break;
		if (w->op == WIRE_LONG)
			is_long = true;
		else
			err = serve(socket, w, fd);
	}
	return err;
}

static int channel_open(struct channel *c, uint64_t number)
{
	struct wire hello = { .op = WIRE_HELLO, .arg = number };
	struct held held = { .blocked = ~0ULL };
	int err;

	c->socket = connect_server();
	if (c->socket == -EMFILE || c->socket == -ENFILE)
		return c->socket;
	if (c->socket < 0) {
		complain("the reference does not answer", c->socket);
		return -ENXIO;
	}
	c->cookie = wire_cookie(c->socket);
	c->image = number;
	err = converse(c->socket, &hello, &held);
	if (!err)
		err = (int)hello.result;
	if (!err)
		return 0;
	complain("the reference cannot serve this process", err);
	channel_close(c);
	return -ENXIO;
}

static int call_on(struct channel *c, struct wire *w, struct held *held)
{
	int err = converse(c->socket, w, held);

	if (!err)
		return 0;
	complain("the reference has ended", err);
	channel_close(c);
	return -EIO;
}

/* On this thread's connection. */
static int call_own(struct wire *w, struct held *held)
{
	uint64_t number = image_number();
	int err;

	if (mine.socket < 0 || mine.image != number || wire_cookie(mine.socket) != mine.cookie) {
		copies_remove(
			mine.cookie); /* it is the program's number now, or was before a fork */
		err = channel_open(&mine, number);
		if (err)
			return err;
		copies_add(mine.socket, mine.cookie);
		pthread_setspecific(at_exit, &mine);
	}
	return call_on(&mine, w, held);
}

/* A process in another's memory, as after vfork: what it finds there is not its own. */
static int call_guest(struct wire *w, struct held *held)
{
	struct channel c;
	int err = channel_open(&c, image_number());

	if (!err)
		err = call_on(&c, w, held);
	channel_close(&c);
	return err;
}

static void set_signals(const uint64_t *set, uint64_t *was)
{
	/* Not by libc, which keeps back its own, that of cancellation among them. */
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, set, was, sizeof(*set));
}

/* Handlers run when it is over, as in a kernel, where it is then made again or is EINTR. */
long call(struct wire *w)
{
	const struct wire first = *w;
	struct held held;
	uint64_t all = ~0ULL;
	int was = errno, err;

	do {
		*w = first;
		held.say = SIGNALS_NOTHING;
		set_signals(&all, &held.blocked);
		image_number();
		w->fail_nth = fail_nth_get();
		if (__atomic_load_n(&image->pid, __ATOMIC_ACQUIRE) == getpid())
			err = call_own(w, &held);
		else
			err = call_guest(w, &held);
		if (!err)
			fail_nth_set(w->fail_nth);
		set_signals(&held.blocked, NULL);
	} while (!err && w->result == -ERESTARTSYS && held.say == SIGNALS_RESTART);
	errno = was;
	if (!err && w->result == -ERESTARTSYS)
		return -EINTR;
	return err ? err : (long)w->result;
}
