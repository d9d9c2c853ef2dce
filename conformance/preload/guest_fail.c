/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The injection of failures by fail-nth files. */
#define _GNU_SOURCE
#include <pthread.h>

#include "guest.h"

static void set_nth(int file, const char *n)
{
	equal(pwrite(file, n, strlen(n), 0), strlen(n));
}

/* What is left of it reads as @want. */
static void left(int file, const char *want)
{
	char text[32] = "";

	check(pread(file, text, sizeof(text) - 1, 0) > 0, "%m");
	check(!strcmp(text, want), "fail-nth reads '%s', expected '%s'", text, want);
}

static int try_ioas(int fd)
{
	struct iommu_ioas_alloc cmd = { .size = sizeof(cmd) };

	return ioctl(fd, IOMMU_IOAS_ALLOC, &cmd) ? -errno : 0;
}

static bool sane(int err)
{
	return err == -ENOMEM || err == -EFAULT || err == -ENFILE || err == -EMFILE ||
	       err == -ENOENT;
}

CASE(fail_first,
     "the nth point fails once, what is left is to be read, and a shorter number replaces a longer")
{
	int fd = iommu_open(), file = fail_nth(gettid());

	left(file, "0\n");
	ok(try_ioas(fd));
	set_nth(file, "1");
	equal(try_ioas(fd), -EFAULT); /* its argument is copied in */
	left(file, "0\n");
	ok(try_ioas(fd));
	set_nth(file, "100000");
	left(file, "100000");
	ok(try_ioas(fd));
	set_nth(file, "7");
	left(file, "7");
	set_nth(file, "0");
	ok(try_ioas(fd));
	left(file, "0\n");
}

CASE(fail_write,
     "the file is written by write as well, again and again, as the kernel's document does")
{
	int fd = iommu_open(), file = fail_nth(gettid());

	for (int i = 0; i < 3; i++) {
		equal(write(file, "12", 2), 2);
		left(file, "12");
		equal(write(file, "1", 1), 1);
		left(file, "1");
		equal(try_ioas(fd), -EFAULT);
		left(file, "0\n");
	}
	equal(lseek(file, 0, SEEK_CUR), 0);
}

CASE(fail_paths, "each name of a thread's file is the same setting; another process's is not ours")
{
	char path[64];
	int file = fail_nth(gettid()), other;

	set_nth(file, "11");
	left(open("/proc/thread-self/fail-nth", O_RDONLY), "11");
	left(open("/proc/self/fail-nth", O_RDONLY), "11");
	snprintf(path, sizeof(path), "/proc/%d/fail-nth", getpid());
	left(open(path, O_RDONLY), "11");
	snprintf(path, sizeof(path), "/proc/%d/task/%d/fail-nth", getpid(), gettid());
	left(open(path, O_RDONLY), "11");
	snprintf(path, sizeof(path), "/proc/self/task/%d/fail-nth", getppid());
	check(open(path, O_RDWR) < 0, "%s is there", path);
	/* The host has it, or not; it is not this process's setting. */
	snprintf(path, sizeof(path), "/proc/%d/fail-nth", getppid());
	other = open(path, O_RDONLY);
	if (other >= 0)
		left(other, "0\n");
	fails(write(open("/proc/self/fail-nth", O_RDONLY), "1", 1), EBADF);
}

static void *not_touched(void *arg)
{
	int fd = *(int *)arg, file = open("/proc/thread-self/fail-nth", O_RDWR);

	left(file, "0\n");
	for (int i = 0; i < 50; i++)
		ok(try_ioas(fd));
	left(file, "0\n");
	set_nth(file, "1");
	equal(try_ioas(fd), -EFAULT);
	return NULL;
}

CASE(fail_threads, "other threads, and children, are not touched")
{
	int fd = iommu_open(), file = fail_nth(gettid());
	pthread_t thread;
	pid_t pid;

	set_nth(file, "1");
	equal(pthread_create(&thread, NULL, not_touched, &fd), 0);
	equal(pthread_join(thread, NULL), 0);
	pid = child();
	if (!pid) {
		ok(try_ioas(fd));
		_exit(0);
	}
	reap(pid);
	left(file, "1");
	equal(try_ioas(fd), -EFAULT);
}

CASE(fail_number, "a file that got the number of the library's is never written to, nor read")
{
	int fd = iommu_open(), first = dup(0), file, own;

	close(first);
	file = fail_nth(gettid());
	equal(file, first); /* the lowest, as ever */
	ok(close_range(fd + 1, ~0U, 0));
	own = open("file", O_RDWR | O_CREAT, 0600);
	equal(pwrite(own, "1", 1, 0), 1);
	for (int i = own + 1; i < 300; i++)
		if (fcntl(i, F_GETFD) < 0)
			equal(dup2(own, i), i);
	ok(try_ioas(fd));
	left(299, "1");
	file = fail_nth(gettid());
	left(file, "0\n");
}

/* One round of all that a program does, undone at the end; false: something failed. */
static bool round_of_calls(int *err)
{
	int fd = open("/dev/iommu", O_RDWR), access = -1, ret;

	*err = -errno;
	if (fd < 0)
		return false;
	ret = try_ioas(fd);
	if (!ret && map_at(fd, 1, (void *)((uintptr_t)guest_args & ~(PAGE - 1)), PAGE, IOVA))
		ret = -errno;
	if (!ret) {
		access = new_access(fd, 1, 0);
		ret = access < 0 ? -errno : 0;
	}
	if (access >= 0)
		ok(close(access));
	ok(close(fd));
	*err = ret;
	return !ret;
}

CASE(fail_sweep,
     "each point of a round fails in turn, with a sane errno, and leaves nothing behind")
{
	int file = fail_nth(gettid()), err, n = 0;
	unsigned int mine, server;
	char text[16] = "";

	check(round_of_calls(&err), "%d", err);
	mine = count_fds(getpid());
	server = count_fds(getppid());
	for (;;) {
		bool good;

		snprintf(text, sizeof(text), "%d", ++n);
		set_nth(file, text);
		good = round_of_calls(&err);
		memset(text, 0, sizeof(text));
		check(pread(file, text, sizeof(text), 0) > 0, "%m");
		set_nth(file, "0");
		check(n < 1000, "it never ends");
		if (strcmp(text, "0\n"))
			break;
		check(good || sane(err), "point %d fails with errno %d", n, -err);
	}
	check(round_of_calls(&err), "nothing is to fail any more, and does: %d", err);
	check(n > 10, "only %d points were met", n);
	equal(count_fds(getpid()), mine);
	expect_fds(getppid(), server);
}
