/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * /proc/self/task/TID/fail-nth, as a kernel with fault injection has it: the nth
 * point at which a call of that thread can fail does, once. It is a file in
 * memory, so that reading, dup and fork are the host's; each call takes its
 * number from there and writes back what is left of it.
 * Documentation/fault-injection/fault-injection.rst.
 *
 * Settings are only ever added, so signal handlers and forks meet no lock.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "call.h"

struct setting {
	struct setting *next;
	pid_t pid, tid;
	int fd; /* the file, or by now the program's own: see usable() */
	dev_t device;
	ino_t inode;
};

static struct setting *settings; /* atomic */

static bool is(const struct setting *s, int fd)
{
	struct stat st;
	int was = errno;
	bool same = !fstat(fd, &st) && st.st_dev == s->device && st.st_ino == s->inode;

	errno = was;
	return same;
}

/* A program may close any number, and get it for a file of its own. */
static bool usable(const struct setting *s)
{
	return is(s, s->fd);
}

/* The first one made, where threads made two at once. */
static struct setting *find(pid_t tid)
{
	struct setting *found = NULL;
	pid_t pid;

	for (struct setting *s = __atomic_load_n(&settings, __ATOMIC_ACQUIRE); s; s = s->next) {
		if (s->tid != tid)
			continue;
		pid = getpid();
		if (s->pid == pid && usable(s))
			found = s;
	}
	return found;
}

static struct setting *mine(void)
{
	return __atomic_load_n(&settings, __ATOMIC_RELAXED) ? find(gettid()) : NULL;
}

uint32_t fail_nth_get(void)
{
	struct setting *s = mine();
	char text[16] = { 0 };

	if (!s || syscall(SYS_pread64, s->fd, text, sizeof(text) - 1, 0) <= 0)
		return 0;
	return (uint32_t)strtoul(text, NULL, 0);
}

/* The file is @text and nothing else. It is ours, in memory: that does not fail. */
static void put(const struct setting *s, const char *text, size_t n)
{
	if (syscall(SYS_pwrite64, s->fd, text, n, 0) == (long)n)
		syscall(SYS_ftruncate, s->fd, n);
}

void fail_nth_set(uint32_t left)
{
	struct setting *s = mine();
	char text[16];
	int n = snprintf(text, sizeof(text), "%u\n", left);

	if (s)
		put(s, text, n);
}

void fail_nth_written(int fd, const void *bytes, ssize_t n, bool moves)
{
	struct setting *s = __atomic_load_n(&settings, __ATOMIC_RELAXED);

	if (!s || n <= 0)
		return;
	while (s && !(is(s, fd) && usable(s)))
		s = s->next;
	if (!s)
		return;
	put(s, bytes, n);
	if (moves)
		lseek(fd, -n, SEEK_CUR);
}

/* The thread that "/proc/..." is the setting of: 0 if none. */
static pid_t thread_of(const char *path)
{
	int pid = getpid(), tid, end = 0;

	if (!strcmp(path, "/proc/thread-self/fail-nth"))
		return gettid();
	if (!strcmp(path, "/proc/self/fail-nth"))
		return pid;
	if (sscanf(path, "/proc/%d/fail-nth%n", &tid, &end) == 1 && end && !path[end])
		return tid == pid ? tid : 0;
	if (sscanf(path, "/proc/self/task/%d/fail-nth%n", &tid, &end) == 1 && end && !path[end])
		return tid;
	if (sscanf(path, "/proc/%d/task/%d/fail-nth%n", &pid, &tid, &end) == 2 && end &&
	    !path[end] && pid == getpid())
		return tid;
	return 0;
}

/* A file above the numbers that programs count on getting, or -errno. */
static int new_file(void)
{
	int fd = memfd_create("fail-nth", MFD_CLOEXEC), high;

	if (fd < 0)
		return -errno;
	high = fcntl(fd, F_DUPFD_CLOEXEC, FD_MIN);
	if (high < 0)
		return fd;
	syscall(SYS_close, fd);
	return high;
}

static struct setting *add(pid_t tid, int *err)
{
	struct setting *s = malloc(sizeof(*s));
	struct stat st;

	*err = -ENOMEM;
	if (!s)
		return NULL;
	*s = (struct setting){ .pid = getpid(), .tid = tid };
	s->fd = *err = new_file();
	if (s->fd < 0 || fstat(s->fd, &st)) {
		free(s);
		return NULL;
	}
	s->device = st.st_dev;
	s->inode = st.st_ino;
	put(s, "0\n", 2);
	s->next = __atomic_load_n(&settings, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&settings, &s->next, s, false, __ATOMIC_RELEASE,
					    __ATOMIC_RELAXED))
		;
	return find(tid);
}

int fail_nth_open(const char *path, int flags)
{
	pid_t tid = thread_of(path);
	char own[64];
	struct setting *s;
	int fd, err = -ENOMEM;

	if (!tid)
		return -ENOENT;
	if (tid != getpid() && syscall(SYS_tgkill, getpid(), tid, 0))
		return -ENOENT;
	s = find(tid);
	if (!s)
		s = add(tid, &err);
	if (!s)
		return err;
	/* Anew, with an offset and flags of its own. */
	snprintf(own, sizeof(own), "/proc/self/fd/%d", s->fd);
	flags &= ~(O_CREAT | O_TRUNC | O_NOFOLLOW);
	fd = (int)syscall(SYS_openat, AT_FDCWD, own, flags, 0);
	return fd < 0 ? -errno : fd;
}
