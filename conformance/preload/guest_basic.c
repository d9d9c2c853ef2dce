/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Errors of calls, ways to open, and what passes through to the host. */
#define _GNU_SOURCE
#include <pty.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>

#include "guest.h"

#define BAD_POINTERS                                                                     \
	{                                                                                \
		NULL, (void *)8, (void *)0x0000800000000000, (void *)0xffff888000000000, \
			(void *)-16                                                      \
	}

CASE(bad_pointers, "a pointer to nothing is EFAULT, whichever call it is")
{
	static const unsigned long cmds[] = { IOMMU_IOAS_ALLOC, IOMMU_DESTROY, IOMMU_IOAS_MAP,
					      IOMMU_HWPT_GET_DIRTY_BITMAP, IODIRTY_STATS };
	void *const bad[] = BAD_POINTERS;
	char *gone = memory(PAGE);
	int fd = iommu_open();

	munmap(gone, PAGE);
	for (size_t i = 0; i < sizeof(cmds) / sizeof(cmds[0]); i++) {
		for (size_t j = 0; j < sizeof(bad) / sizeof(bad[0]); j++)
			fails(ioctl(fd, cmds[i], bad[j]), EFAULT);
		fails(ioctl(fd, cmds[i], gone), EFAULT);
	}
	new_ioas(fd); /* alive and well */
}

CASE(bad_ends,
     "a struct that is cut by a page's end is EFAULT, and so is an answer to memory for reading")
{
	struct iommu_ioas_alloc *cmd;
	char *p = memory(2 * PAGE);
	int fd = iommu_open();

	munmap(p + PAGE, PAGE);
	cmd = (void *)(p + PAGE - 8);
	cmd->size = sizeof(*cmd);
	fails(ioctl(fd, IOMMU_IOAS_ALLOC, cmd), EFAULT);
	cmd = (void *)(p + PAGE - 12);
	cmd->size = sizeof(*cmd);
	cmd->flags = 0;
	ok(ioctl(fd, IOMMU_IOAS_ALLOC, cmd));
	ok(mprotect(p, PAGE, PROT_READ));
	fails(ioctl(fd, IOMMU_IOAS_ALLOC, cmd), EFAULT);
	ok(mprotect(p, PAGE, PROT_NONE));
	fails(ioctl(fd, IOMMU_IOAS_ALLOC, cmd), EFAULT);
}

CASE(dispatcher, "sizes and numbers are judged in the dispatcher's order")
{
	struct {
		struct iommu_ioas_alloc cmd;
		uint32_t tail[3];
	} a = { .cmd.size = 8 };
	struct iommu_destroy d = { .size = sizeof(d), .id = 12345 };
	int fd = iommu_open();

	fails(ioctl(fd, IOMMU_IOAS_ALLOC, &a), EINVAL);
	a.cmd.size = 0;
	fails(ioctl(fd, IOMMU_IOAS_ALLOC, &a), EINVAL);
	a.cmd.size = sizeof(a);
	ok(ioctl(fd, IOMMU_IOAS_ALLOC, &a));
	a.tail[2] = 1;
	fails(ioctl(fd, IOMMU_IOAS_ALLOC, &a), E2BIG);
	a.cmd.size = sizeof(a.cmd);
	ok(ioctl(fd, IOMMU_IOAS_ALLOC, &a));
	a.cmd.flags = 1;
	fails(ioctl(fd, IOMMU_IOAS_ALLOC, &a), EOPNOTSUPP);
	fails(ioctl(fd, IOMMU_DESTROY, &d), ENOENT);

	fails(ioctl(fd, _IO(IOMMUFD_TYPE, 0x00), &d), ENOTTY);
	fails(ioctl(fd, _IO(IOMMUFD_TYPE, 0x7f), &d), ENOTTY);
	fails(ioctl(fd, _IO(IOMMUFD_TYPE, 0x9f), &d), ENOTTY);
	fails(ioctl(fd, _IO(IOMMUFD_TYPE, 0xff), &d), ENOTTY);
	fails(ioctl(fd, _IOW(IOMMUFD_TYPE, 0x81, int), &d), ENOTTY);
	fails(ioctl(fd, _IO(IODIRTY_TYPE, 0xfe), &d), ENOTTY);
	fails(ioctl(fd, _IO('Z', 1), &d), ENOTTY);
}

CASE(not_a_descriptor, "on a number that is closed, or none, the call is EBADF")
{
	struct iommu_destroy d = { .size = sizeof(d) };
	int fd = iommu_open();

	ok(close(fd));
	fails(ioctl(fd, IOMMU_DESTROY, &d), EBADF);
	fails(ioctl(-1, IOMMU_DESTROY, &d), EBADF);
	fails(ioctl(1000000, IOMMU_DESTROY, &d), EBADF);
	fails(close(fd), EBADF);
}

CASE(errno_stays, "a call that succeeds leaves errno alone")
{
	/* Too low for the number that a connection would get. */
	struct rlimit limit = { .rlim_cur = 64, .rlim_max = 64 };
	int fd;

	ok(setrlimit(RLIMIT_NOFILE, &limit));
	errno = 4321;
	fd = iommu_open();
	equal(errno, 4321);
	new_ioas(fd);
	equal(errno, 4321);
	ok(close(fd));
	equal(errno, 4321);
}

/* ---- ways to open ---- */

int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int dir, const char *path, int flags);
int __openat64_2(int dir, const char *path, int flags);

static void works(int fd)
{
	check(fd >= 0, "open: %m");
	ok(destroy(fd, new_ioas(fd)));
	ok(close(fd));
}

CASE(paths, "every way to say /dev/iommu opens it")
{
	int dev = open("/dev", O_RDONLY | O_DIRECTORY), root = open("/", O_PATH);

	works(open("/dev/iommu", O_RDWR));
	works(open("//dev//iommu", O_RDWR));
	works(open("/./dev/./iommu", O_RDWR));
	works(open("/dev/././/./iommu", O_RDWR));
	works(openat(dev, "iommu", O_RDWR));
	works(openat(dev, "./iommu", O_RDWR));
	works(openat(root, "dev/iommu", O_RDWR));
	works(openat(-1, "/dev/iommu", O_RDWR));
	works(open64("/dev/iommu", O_RDWR));
	works(openat64(dev, "iommu", O_RDWR));
	works(__open_2("/dev/iommu", O_RDWR));
	works(__open64_2("/dev/iommu", O_RDWR));
	works(__openat_2(dev, "iommu", O_RDWR));
	works(__openat64_2(dev, "iommu", O_RDWR));
	works(open("/dev/iommu", O_RDWR | O_CREAT, 0600));
	works(open("/dev/iommu", O_RDWR | O_TRUNC | O_NOFOLLOW | O_NOCTTY));
	ok(chdir("/dev"));
	works(open("iommu", O_RDWR));
	works(openat(AT_FDCWD, "./iommu", O_RDWR));
	check(access("/dev/iommu", F_OK), "/dev/iommu was created");
}

static int null_path(void)
{
	const char *volatile path = NULL;

	return open(path, O_RDWR);
}

static int null_path_at(void)
{
	const char *volatile path = NULL;

	return openat(AT_FDCWD, path, O_RDWR);
}

CASE(paths_refused,
     "flags that do not suit a device, and no path, are refused with the kernel's errno")
{
	fails(open("/dev/iommu", O_RDONLY | O_DIRECTORY), ENOTDIR);
	fails(open("/dev/iommu", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
	fails(open("/dev/iommu", O_RDWR | O_TMPFILE, 0600), ENOTDIR);
	fails(null_path(), EFAULT);
	fails(null_path_at(), EFAULT);
	fails(openat(-1, "iommu", O_RDWR), EBADF);
	check(open("/dev/iommu/", O_RDWR) < 0, "a device is no folder");
}

/* In a folder of its own: the working directory. */
CASE(other_files, "a file that is named alike elsewhere is that file")
{
	struct stat st;
	int fd = open("iommu", O_CREAT | O_EXCL | O_RDWR, 0640), dir = open(".", O_PATH);

	check(fd >= 0, "%m");
	ok(fstat(fd, &st));
	check(S_ISREG(st.st_mode) && (st.st_mode & 0777) == 0640, "mode %o", st.st_mode);
	equal(write(fd, "x", 1), 1);
	fd = openat(dir, "iommu", O_RDONLY);
	ok(fstat(fd, &st));
	equal(st.st_size, 1);
	check(open("/dev/xiommu", O_RDWR) < 0 && errno == ENOENT, "%m");
	check(open("/tmp/nowhere/dev/iommu", O_RDWR) < 0 && errno == ENOENT, "%m");
}

CASE(numbers, "the lowest free number is given, and O_CLOEXEC is as asked")
{
	int first = dup(0), fd;

	close(first);
	fd = open("/dev/iommu", O_RDWR);
	equal(fd, first);
	equal(fcntl(fd, F_GETFD), 0);
	fd = open("/dev/iommu", O_RDWR | O_CLOEXEC);
	equal(fd, first + 1);
	equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(first);
	equal(iommu_open(), first);
}

CASE(environment_cleared, "a program that clears its environment is on the reference still")
{
	clearenv();
	works(iommu_open());
}

CASE(folder_changed, "and one that goes to another folder")
{
	ok(chdir("/"));
	works(iommu_open());
}

/* ---- what passes through ---- */

CASE(foreign_ioctl, "iommufd's numbers on what is no iommufd get the host's answer")
{
	struct iommu_destroy d = { .size = sizeof(d) };
	int p[2], s[2], m, t, bytes = -1;

	ok(pipe(p));
	ok(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	equal(write(p[1], "abc", 3), 3);
	equal(write(s[1], "abcd", 4), 4);
	for (int used = 0; used < 2; used++) {
		fails(ioctl(p[0], IOMMU_DESTROY, &d), ENOTTY);
		fails(ioctl(s[0], IOMMU_DESTROY, &d), ENOTTY);
		fails(ioctl(s[0], IODIRTY_STATS, &d), ENOTTY);
		ok(ioctl(p[0], FIONREAD, &bytes));
		equal(bytes, 3);
		ok(ioctl(s[0], FIONREAD, &bytes));
		equal(bytes, 4);
		iommu_open(); /* and again when the reference is in use */
	}
	if (!openpty(&m, &t, NULL, NULL, NULL))
		fails(ioctl(t, IOMMU_DESTROY, &d), ENOTTY);
}

CASE(other_calls, "mmap of an iommufd is ENODEV, a read of it does not block")
{
	char buf[16];
	int fd = iommu_open();

	fails(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0), ENODEV);
	check(read(fd, buf, sizeof(buf)) <= 0, "read gave bytes");
	fails(lseek(fd, 0, SEEK_SET), ESPIPE);
	new_ioas(fd);
}

/* ---- cost ---- */

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

HELPER(cost)
{
	int n = atoi(guest_args[0]), bytes, fds[2], null = open("/dev/null", O_WRONLY);
	int zero = open("/dev/zero", O_RDONLY);
	char c;
	double start = seconds();

	ok(pipe(fds));
	for (int i = 0; i < n; i++)
		ok(ioctl(fds[0], FIONREAD, &bytes));
	printf("ioctl %.9f\n", seconds() - start);
	start = seconds();
	for (int i = 0; i < n; i++)
		close(open("/dev/null", O_RDONLY));
	printf("open+close %.9f\n", seconds() - start);
	start = seconds();
	for (int i = 0; i < n; i++)
		munmap(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), PAGE);
	printf("mmap+munmap %.9f\n", seconds() - start);
	start = seconds();
	for (int i = 0; i < n; i++)
		equal(write(null, "", 1), 1);
	printf("write %.9f\n", seconds() - start);
	start = seconds();
	for (int i = 0; i < n; i++)
		equal(read(zero, &c, 1), 1);
	printf("read %.9f\n", seconds() - start);
	start = seconds();
	for (int i = 0; i < n; i++)
		equal(pread(zero, &c, 1, 0), 1);
	printf("pread %.9f\n", seconds() - start);
}

/* ---- for the tests of the runner ---- */

HELPER(ends)
{
	int n = atoi(guest_args[0]);

	if (n < 0)
		raise(-n);
	_exit(n);
}

/* Says that it is ready, and waits for a signal or, with "stream", within a stream. */
HELPER(waits)
{
	if (guest_args[0])
		stream(iommu_open(), memory(PAGE));
	puts("ready");
	for (;;)
		pause();
}

/* Ends at once, and leaves a child that keeps a descriptor until it is told. */
HELPER(leaves_child)
{
	int fd = iommu_open(), ms = atoi(guest_args[0]);

	if (child())
		return;
	msleep(ms);
	new_ioas(fd);
	_exit(0);
}
