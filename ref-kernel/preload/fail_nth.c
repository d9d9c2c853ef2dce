/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * /proc/self/task/TID/fail-nth, as a kernel with fault injection has it: the nth
 * point at which a call of that thread can fail does, once. It is a file in
 * memory, so that reading, dup and fork are the host's; each call takes its
 * number from there and writes back what is left of it.
 * Documentation/fault-injection/fault-injection.rst.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
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
	int fd;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct setting *settings; /* under lock; atomic to look whether there is one */

static struct setting *find(pid_t tid)
{
	struct setting *s = settings;

	while (s && (s->pid != getpid() || s->tid != tid))
		s = s->next;
	return s;
}

static struct setting *mine(void)
{
	struct setting *s;

	if (!__atomic_load_n(&settings, __ATOMIC_RELAXED))
		return NULL;
	pthread_mutex_lock(&lock);
	s = find(gettid());
	pthread_mutex_unlock(&lock);
	return s;
}

uint32_t fail_nth_get(void)
{
	struct setting *s = mine();
	char text[16] = { 0 };

	if (!s || pread(s->fd, text, sizeof(text) - 1, 0) <= 0)
		return 0;
	return (uint32_t)strtoul(text, NULL, 10);
}

void fail_nth_set(uint32_t left)
{
	struct setting *s = mine();
	char text[16];
	int n;

	if (!s)
		return;
	n = snprintf(text, sizeof(text), "%u\n", left);
	if (pwrite(s->fd, text, n, 0) == n && ftruncate(s->fd, n))
		return; /* ours, in memory: it does not fail */
}

void fail_nth_written(int fd, ssize_t n, off_t at)
{
	struct stat file, ours;

	if (!__atomic_load_n(&settings, __ATOMIC_RELAXED) || n <= 0 || fstat(fd, &file))
		return;
	if (at < 0)
		at = lseek(fd, 0, SEEK_CUR) - n;
	pthread_mutex_lock(&lock);
	for (struct setting *s = settings; s; s = s->next)
		if (!fstat(s->fd, &ours) && ours.st_dev == file.st_dev &&
		    ours.st_ino == file.st_ino && ftruncate(s->fd, at + n))
			break;
	pthread_mutex_unlock(&lock);
}

/* The thread that "/proc/..." is the setting of: 0 if none. */
static pid_t thread_of(const char *path)
{
	int pid = getpid(), tid, end = 0;

	if (!strcmp(path, "/proc/thread-self/fail-nth"))
		return gettid();
	if (!strcmp(path, "/proc/self/fail-nth"))
		return pid;
	if (sscanf(path, "/proc/self/task/%d/fail-nth%n", &tid, &end) == 1 && end && !path[end])
		return tid;
	if (sscanf(path, "/proc/%d/task/%d/fail-nth%n", &pid, &tid, &end) == 2 && end &&
	    !path[end] && pid == getpid())
		return tid;
	return 0;
}

static struct setting *add(pid_t tid)
{
	struct setting *s = malloc(sizeof(*s));

	if (!s)
		return NULL;
	*s = (struct setting){ .next = settings, .pid = getpid(), .tid = tid };
	s->fd = memfd_create("fail-nth", MFD_CLOEXEC);
	if (s->fd < 0 || pwrite(s->fd, "0\n", 2, 0) != 2) {
		free(s);
		return NULL;
	}
	__atomic_store_n(&settings, s, __ATOMIC_RELAXED);
	return s;
}

int fail_nth_open(const char *path, int flags)
{
	pid_t tid = thread_of(path);
	char own[64];
	struct setting *s;
	int fd = -1;

	if (!tid)
		return -ENOENT;
	if (tid != getpid() && syscall(SYS_tgkill, getpid(), tid, 0))
		return -ENOENT;
	pthread_mutex_lock(&lock);
	s = find(tid);
	if (!s)
		s = add(tid);
	if (s) {
		/* Anew, with an offset and flags of its own. */
		snprintf(own, sizeof(own), "/proc/self/fd/%d", s->fd);
		fd = (int)syscall(SYS_openat, AT_FDCWD, own, flags & ~(O_CREAT | O_TRUNC), 0);
	}
	pthread_mutex_unlock(&lock);
	return fd < 0 ? -ENOMEM : fd;
}
