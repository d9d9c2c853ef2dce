/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An iommufd is a descriptor: copies, processes, exec, passing, the last close. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "guest.h"

CASE(copies, "copies are one iommufd, alive until the last is closed")
{
	int fd = iommu_open(), copies[5];
	uint32_t ioas = new_ioas(fd);

	copies[0] = dup(fd);
	copies[1] = dup2(fd, 90);
	copies[2] = dup3(fd, 91, O_CLOEXEC);
	copies[3] = fcntl(fd, F_DUPFD, 92);
	copies[4] = fcntl(fd, F_DUPFD_CLOEXEC, 500);
	equal(copies[4], 500);
	equal(fcntl(copies[1], F_GETFD), 0);
	equal(fcntl(copies[2], F_GETFD), FD_CLOEXEC);
	equal(fcntl(copies[4], F_GETFD), FD_CLOEXEC);
	ok(close(fd));
	fails(destroy(fd, ioas), EBADF);
	for (int i = 0; i < 5; i++) {
		ok(destroy(copies[i], ioas));
		ioas = new_ioas(copies[i]);
		ok(close(copies[i]));
		fails(destroy(copies[i], ioas), EBADF);
	}
	/* Another open is another iommufd. */
	fails(destroy(iommu_open(), ioas), ENOENT);
}

CASE(released, "when the last is closed nothing of it is left in the reference")
{
	unsigned int before;
	int fd = iommu_open();

	new_ioas(fd);
	before = count_fds(getppid());
	for (int i = 0; i < 50; i++) {
		int more = iommu_open();
		uint32_t ioas = new_ioas(more);

		ok(map_at(more, ioas, memory(PAGE), PAGE, IOVA));
		check(new_access(more, ioas, 0) >= 0, "%m");
		ok(close(more + 1));
		ok(close(more));
	}
	equal(count_fds(getppid()), before);
}

/* ---- what is closed is released before close returns ---- */

CASE(close_stops, "a stream has stopped for good when close returns")
{
	uint64_t *mem = memory(PAGE);

	for (int i = 0; i < 20; i++) {
		int fd = iommu_open();

		stream(fd, mem);
		ok(close(fd));
		check(quiet(mem), "a stream writes on after close, in round %d", i);
	}
}

CASE(last_copy_stops, "so it has when the last close is of a copy that nothing was done with")
{
	uint64_t *mem = memory(PAGE);

	for (int i = 0; i < 20; i++) {
		int fd = iommu_open(), copy = dup(fd), high = fcntl(fd, F_DUPFD, 2000);

		stream(fd, mem);
		ok(close(fd));
		check(writes(mem), "it stopped, and a copy is open");
		ok(close(copy));
		check(writes(mem), "it stopped, and a copy is open");
		ok(close(high));
		check(quiet(mem), "a stream writes on after the last close, in round %d", i);
	}
}

CASE(other_closes_stop, "and when dup2, dup3, or close_range was what closed it")
{
	uint64_t *mem = memory(PAGE);
	int fd;

	for (int i = 0; i < 10; i++) {
		stream(fd = iommu_open(), mem);
		equal(dup2(0, fd), fd);
		check(quiet(mem), "a stream writes on after dup2, in round %d", i);
		ok(close(fd));
		stream(fd = iommu_open(), mem);
		equal(dup3(0, fd, O_CLOEXEC), fd);
		check(quiet(mem), "a stream writes on after dup3, in round %d", i);
		ok(close(fd));
		stream(fd = iommu_open(), mem);
		ok(close_range(fd, fd, 0));
		check(quiet(mem), "a stream writes on after close_range, in round %d", i);
	}
	stream(fd = iommu_open(), mem);
	ok(close_range(fd, fd, CLOSE_RANGE_CLOEXEC));
	check(writes(mem), "it stopped, and nothing was closed");
	equal(dup2(fd, fd), fd);
	check(writes(mem), "it stopped, and nothing was closed");
	fails(dup3(fd, fd, 0), EINVAL);
	fails(dup2(999, fd), EBADF);
	check(writes(mem), "it stopped, and nothing was closed");
}

/* ---- processes ---- */

CASE(fork_shares,
     "what a child makes its parent sees, and the other way round; the child closes first")
{
	int fd = iommu_open(), ids[2];
	uint32_t first = new_ioas(fd), second;
	pid_t pid;

	ok(pipe(ids));
	pid = child();
	if (!pid) {
		second = new_ioas(fd);
		ok(destroy(fd, first));
		equal(write(ids[1], &second, 4), 4);
		ok(close(fd));
		_exit(0);
	}
	reap(pid);
	equal(read(ids[0], &second, 4), 4);
	fails(destroy(fd, first), ENOENT);
	ok(destroy(fd, second));
	ok(close(fd));
}

CASE(fork_parent_first, "and the parent may close first")
{
	int fd = iommu_open(), ids[2];
	uint32_t ioas = new_ioas(fd);
	pid_t pid;
	char c;

	ok(pipe(ids));
	pid = child();
	if (!pid) {
		close(ids[1]);
		equal(read(ids[0], &c, 1), 0);
		ok(destroy(fd, ioas));
		ok(close(fd));
		fails(destroy(fd, ioas), EBADF);
		_exit(0);
	}
	ok(close(fd));
	close(ids[1]);
	reap(pid);
}

CASE(fork_deep, "children of children, each with calls before and after")
{
	int fd = iommu_open();

	for (int depth = 0; depth < 6; depth++) {
		pid_t pid;

		ok(destroy(fd, new_ioas(fd)));
		pid = child();
		if (pid) {
			ok(destroy(fd, new_ioas(fd)));
			reap(pid);
			ok(destroy(fd, new_ioas(fd)));
			if (depth)
				_exit(0);
			return;
		}
	}
	_exit(0);
}

CASE(fork_leaves_nothing, "a child that does nothing has none of its parent's connections")
{
	unsigned int mine = count_fds(getpid());
	int fd = iommu_open();
	pid_t pid;

	new_ioas(fd);
	pid = child();
	if (!pid) {
		check(count_fds(getpid()) == mine + 1, "%u descriptors, not %u",
		      count_fds(getpid()), mine + 1);
		_exit(0);
	}
	reap(pid);
}

CASE(raw_clone,
     "a child by the bare system call has its own connection, and its parent keeps its own")
{
	int fd = iommu_open();
	uint32_t ioas = new_ioas(fd);
	unsigned int before = count_fds(getpid());
	char *mem = memory(PAGE);
	pid_t pid;

	mem[0] = 'p';
	pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
	if (!pid) {
		uint32_t dev = new_device(fd, ioas);

		/* The memory that its calls are about is its own. */
		ok(map_at(fd, ioas, mem, PAGE, IOVA));
		equal(dma(fd, dev, IODIRTY_DMA_WRITE, IOVA, "c", 1).out_done, 1);
		equal(mem[0], 'c');
		_exit(0);
	}
	reap(pid);
	equal(mem[0], 'p');
	ok(destroy(fd, new_ioas(fd)));
	equal(count_fds(getpid()), before);
}

static char vfork_stack[65536] __attribute__((aligned(16)));

/* In its parent's memory, as after vfork. */
static int vforked(void *arg)
{
	int fd = *(int *)arg, file = memfd_create("child's", 0);
	uint32_t ioas = new_ioas(fd);

	/* Its descriptors are its own. */
	ok(ftruncate(file, PAGE));
	ok(map_file(fd, ioas, file, 0, PAGE));
	ok(destroy(fd, ioas));
	ok(close(fd));
	fails(close(fd), EBADF);
	_exit(0);
}

CASE(vfork_child, "a child in its parent's memory calls and closes, and its parent is as before")
{
	uint64_t *mem = memory(PAGE);
	int fd = iommu_open();
	unsigned int before;

	stream(fd, mem);
	before = count_fds(getpid());
	for (int i = 0; i < 5; i++) {
		reap(clone(vforked, vfork_stack + sizeof(vfork_stack),
			   CLONE_VM | CLONE_VFORK | SIGCHLD, &fd));
		ok(destroy(fd, new_ioas(fd)));
		equal(count_fds(getpid()), before);
	}
	check(writes(mem), "it stopped, and the parent has it open");
	ok(close(fd));
	check(quiet(mem), "a stream writes on after the parent's close");
}

/* ---- exec ---- */

/* A file on each of the numbers that a connection may get, as an own program has. */
static void occupy(const char *file, int from, int to)
{
	int fd = open(file, O_RDWR | O_CREAT, 0600);

	check(fd >= 0, "%s: %m", file);
	for (int i = from; i < to; i++)
		equal(dup2(fd, i), i);
}

CASE(exec_keeps,
     "a descriptor without O_CLOEXEC is there after exec, with its objects; of the library's none is")
{
	int fd = iommu_open();

	run_self("exec_kept", fd, new_ioas(fd));
}

HELPER(exec_kept)
{
	int fd = atoi(guest_args[0]);

	equal(count_fds(getpid()), fd + 1);
	occupy("file", 200, 220);
	ok(destroy(fd, atoi(guest_args[1])));
	equal(lseek(200, 0, SEEK_END), 0);
	ok(close(fd));
	fails(close(fd), EBADF);
}

CASE(exec_drops, "one with O_CLOEXEC is not")
{
	int fd = open("/dev/iommu", O_RDWR | O_CLOEXEC);

	run_self("exec_dropped", fd, new_ioas(fd));
}

HELPER(exec_dropped)
{
	int fd = atoi(guest_args[0]);

	equal(count_fds(getpid()), fd);
	fails(destroy(fd, atoi(guest_args[1])), EBADF);
	equal(iommu_open(), fd);
	fails(destroy(fd, atoi(guest_args[1])), ENOENT);
}

/* ---- passing ---- */

static void pass(int sock, int *fd, bool send)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .bytes = "" };
	struct iovec iov = { .iov_base = &(char){ 0 }, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };

	if (send) {
		control.head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
						 .cmsg_level = SOL_SOCKET,
						 .cmsg_type = SCM_RIGHTS };
		memcpy(CMSG_DATA(&control.head), fd, sizeof(int));
		equal(sendmsg(sock, &msg, 0), 1);
	} else {
		equal(recvmsg(sock, &msg, 0), 1);
		memcpy(fd, CMSG_DATA(&control.head), sizeof(int));
	}
}

CASE(passed, "a descriptor passed to another process, and closed here, works there alone")
{
	int s[2], fd;
	uint32_t ioas;
	pid_t pid;

	ok(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	pid = child(); /* before anything was opened */
	if (!pid) {
		pass(s[1], &fd, false);
		equal(read(s[1], &ioas, 4), 4);
		ok(destroy(fd, ioas));
		ok(destroy(fd, new_ioas(fd)));
		ok(close(fd));
		fails(destroy(fd, 1), EBADF);
		_exit(0);
	}
	fd = iommu_open();
	ioas = new_ioas(fd);
	pass(s[0], &fd, true);
	ok(close(fd));
	equal(write(s[0], &ioas, 4), 4);
	reap(pid);
}

/* ---- numbers ---- */

CASE(all_closed, "a program that closes every number may go on")
{
	int fd = iommu_open();

	new_ioas(fd);
	for (int i = 0; i < 3; i++) {
		ok(close_range(3, ~0U, 0));
		fails(destroy(fd, 1), EBADF);
		fd = iommu_open();
		ok(destroy(fd, new_ioas(fd)));
	}
	closefrom(3);
	fd = iommu_open();
	ok(destroy(fd, new_ioas(fd)));
}

CASE(number_taken, "a file that got the number of the library's connection is never touched")
{
	int fd = iommu_open(), s[2];
	char c;

	new_ioas(fd);
	ok(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s));
	for (int i = 200; i < 300; i++)
		equal(dup2(s[0], i), i);
	ok(destroy(fd, new_ioas(fd)));
	fails(recv(s[1], &c, 1, MSG_DONTWAIT), EAGAIN);
	for (int i = 200; i < 300; i++)
		check(fcntl(i, F_GETFD) == 0, "number %d was closed", i);
	occupy("file", 200, 400);
	ok(destroy(fd, new_ioas(fd)));
	fd = open("file", O_RDONLY);
	equal(lseek(fd, 0, SEEK_END), 0);
}

/* Its connection's number gets another file, and it knows nothing of that. */
static void *loses_number(void *arg)
{
	new_ioas(*(int *)arg);
	for (int i = 200; i < 300; i++)
		equal(syscall(SYS_dup2, 0, i), i);
	return NULL;
}

CASE(number_kept, "nor is it closed when the thread ends")
{
	int fd = iommu_open();
	pthread_t thread;

	equal(pthread_create(&thread, NULL, loses_number, &fd), 0);
	equal(pthread_join(thread, NULL), 0);
	for (int i = 200; i < 300; i++)
		check(fcntl(i, F_GETFD) == 0, "number %d was closed", i);
	new_ioas(fd);
}

CASE(no_numbers,
     "with every number in use an open is EMFILE, and so is an access; both for nothing")
{
	struct rlimit limit = { .rlim_cur = 64, .rlim_max = 64 };
	int fd = iommu_open(), last = -1, access, one;
	uint32_t ioas = new_ioas(fd);
	unsigned int server;

	server = count_fds(getppid());
	ok(setrlimit(RLIMIT_NOFILE, &limit));
	while ((one = dup(0)) >= 0)
		last = one;
	for (int i = 0; i < 10; i++) {
		fails(open("/dev/iommu", O_RDWR), EMFILE);
		fails(new_access(fd, ioas, 0), EMFILE);
	}
	ok(close(last));
	expect_fds(getppid(), server);
	access = new_access(fd, ioas, 0);
	equal(access, last);
	fails(destroy(fd, ioas), EBUSY);
	ok(close(access));
	ok(destroy(fd, ioas));
}

CASE(first_number_late, "so is the first open of a program without a number to spare")
{
	struct rlimit limit = { .rlim_cur = 64, .rlim_max = 64 };
	int one, last = -1;

	ok(setrlimit(RLIMIT_NOFILE, &limit));
	while ((one = dup(0)) >= 0)
		last = one;
	fails(open("/dev/iommu", O_RDWR), EMFILE);
	ok(close(last));
	ok(close(last - 1));
	check(open("/dev/iommu", O_RDWR) >= 0, "%m");
}
