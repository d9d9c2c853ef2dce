/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* guest CASE [ARGUMENTS]: exit 0, or a message and 1, or 77 with what is missing. */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdarg.h>
#include <time.h>

#include "guest.h"

static struct guest_case *cases;
char **guest_args;

void guest_add(struct guest_case *c)
{
	c->next = cases;
	cases = c;
}

void guest_fail(const char *file, int line, const char *fmt, ...)
{
	va_list args;
	int was = errno;

	fprintf(stderr, "%s:%d: ", file, line);
	va_start(args, fmt);
	errno = was;
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	_exit(1);
}

void guest_skip(const char *why)
{
	printf("skip: %s\n", why);
	fflush(stdout);
	_exit(EXIT_SKIP);
}

/* ---- the ABI ---- */

int iommu_open(void)
{
	int fd = open("/dev/iommu", O_RDWR);

	check(fd >= 0, "open of /dev/iommu: %m");
	return fd;
}

uint32_t new_ioas(int fd)
{
	struct iommu_ioas_alloc cmd = { .size = sizeof(cmd) };

	ok(ioctl(fd, IOMMU_IOAS_ALLOC, &cmd));
	return cmd.out_ioas_id;
}

int destroy(int fd, uint32_t id)
{
	struct iommu_destroy cmd = { .size = sizeof(cmd), .id = id };

	return ioctl(fd, IOMMU_DESTROY, &cmd);
}

int map_at(int fd, uint32_t ioas, const void *mem, size_t length, uint64_t iova)
{
	struct iommu_ioas_map cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.ioas_id = ioas,
		.user_va = (uintptr_t)mem,
		.length = length,
		.iova = iova,
	};

	return ioctl(fd, IOMMU_IOAS_MAP, &cmd);
}

int map_file(int fd, uint32_t ioas, int file, uint64_t start, size_t length)
{
	struct iommu_ioas_map_file cmd = {
		.size = sizeof(cmd),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.ioas_id = ioas,
		.fd = file,
		.start = start,
		.length = length,
		.iova = IOVA,
	};

	return ioctl(fd, IOMMU_IOAS_MAP_FILE, &cmd);
}

uint32_t new_device(int fd, uint32_t ioas)
{
	struct iodirty_plug plug = { .size = sizeof(plug), .format = "amd-v1" };
	struct iodirty_attach attach = { .size = sizeof(attach), .pt_id = ioas };

	ok(ioctl(fd, IODIRTY_PLUG, &plug));
	attach.dev_id = plug.out_dev_id;
	ok(ioctl(fd, IODIRTY_ATTACH, &attach));
	return plug.out_dev_id;
}

void new_mock(int fd, uint32_t ioas, uint32_t *stdev, uint32_t *idev)
{
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd),
		.op = IOMMU_TEST_OP_MOCK_DOMAIN,
		.id = ioas,
	};

	ok(ioctl(fd, IOMMU_TEST_CMD, &cmd));
	*stdev = cmd.mock_domain.out_stdev_id;
	*idev = cmd.mock_domain.out_idev_id;
}

uint32_t new_hwpt(int fd, uint32_t ioas, uint32_t idev, uint32_t flags)
{
	struct iommu_hwpt_alloc cmd = {
		.size = sizeof(cmd),
		.flags = flags,
		.dev_id = idev,
		.pt_id = ioas,
	};

	ok(ioctl(fd, IOMMU_HWPT_ALLOC, &cmd));
	return cmd.out_hwpt_id;
}

int set_tracking(int fd, uint32_t hwpt, bool on)
{
	struct iommu_hwpt_set_dirty_tracking cmd = {
		.size = sizeof(cmd),
		.flags = on ? IOMMU_HWPT_DIRTY_TRACKING_ENABLE : 0,
		.hwpt_id = hwpt,
	};

	return ioctl(fd, IOMMU_HWPT_SET_DIRTY_TRACKING, &cmd);
}

struct iodirty_dma dma(int fd, uint32_t dev, enum iodirty_dma_op op, uint64_t iova, void *data,
		       size_t length)
{
	struct iodirty_dma cmd = {
		.size = sizeof(cmd),
		.op = op,
		.dev_id = dev,
		.iova = iova,
		.length = length,
		.data = (uintptr_t)data,
	};

	ok(ioctl(fd, IODIRTY_DMA, &cmd));
	return cmd;
}

int new_access(int fd, uint32_t ioas, uint32_t flags)
{
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd),
		.op = IOMMU_TEST_OP_CREATE_ACCESS,
		.id = ioas,
		.create_access.flags = flags,
	};

	return ioctl(fd, IOMMU_TEST_CMD, &cmd) ? -1 : (int)cmd.create_access.out_access_fd;
}

int access_rw(int fd, int access, uint64_t iova, void *data, size_t length, bool write)
{
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd),
		.op = IOMMU_TEST_OP_ACCESS_RW,
		.id = access,
		.access_rw = {
			.iova = iova,
			.length = length,
			.uptr = (uintptr_t)data,
			.flags = write ? MOCK_ACCESS_RW_WRITE : 0,
		},
	};

	return ioctl(fd, IOMMU_TEST_CMD, &cmd);
}

/* ---- the host ---- */

void *memory(size_t length)
{
	void *p = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check(p != MAP_FAILED, "mmap: %m");
	return p;
}

void msleep(unsigned int ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

void stream(int fd, volatile uint64_t *mem)
{
	uint32_t ioas = new_ioas(fd), dev = new_device(fd, ioas);
	struct iodirty_stream_start cmd = {
		.size = sizeof(cmd),
		.dev_id = dev,
		.iova = IOVA,
		.length = PAGE,
		.stride = 8,
	};
	uint64_t first = mem[1];

	ok(map_at(fd, ioas, (void *)mem, PAGE, IOVA));
	ok(ioctl(fd, IODIRTY_STREAM_START, &cmd));
	while (mem[1] == first)
		;
}

bool quiet(const volatile uint64_t *mem)
{
	uint64_t was[PAGE / 8];

	memcpy(was, (const void *)mem, sizeof(was));
	msleep(10);
	return !memcmp(was, (const void *)mem, sizeof(was));
}

int fail_nth(pid_t tid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/fail-nth", tid);
	fd = open(path, O_RDWR);
	check(fd >= 0, "%s: %m", path);
	return fd;
}

bool writes(const volatile uint64_t *mem)
{
	for (int i = 0; i < 500; i++)
		if (!quiet(mem))
			return true;
	return false;
}

pid_t child(void)
{
	pid_t pid = fork();

	check(pid >= 0, "fork: %m");
	return pid;
}

void reap(pid_t pid)
{
	int status;

	equal(waitpid(pid, &status, 0), pid);
	check(status == 0, "a child ended with wait status %#x", status);
}

void run_self(const char *helper, long a, long b)
{
	char first[32], second[32];

	snprintf(first, sizeof(first), "%ld", a);
	snprintf(second, sizeof(second), "%ld", b);
	execl("/proc/self/exe", "guest", helper, first, second, (char *)NULL);
	guest_fail(__FILE__, __LINE__, "exec of itself: %m");
}

unsigned int count_fds(pid_t pid)
{
	char path[64];
	struct dirent *e;
	unsigned int n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	check(dir, "%s: %m", path);
	while ((e = readdir(dir)))
		n += e->d_name[0] != '.';
	closedir(dir);
	return n - (pid == getpid());
}

void expect_fds(pid_t pid, unsigned int n)
{
	for (int i = 0; i < 100 && count_fds(pid) != n; i++)
		msleep(10);
	check(count_fds(pid) == n, "process %d has %u descriptors open, expected %u", pid,
	      count_fds(pid), n);
}

int main(int argc, char **argv)
{
	struct guest_case *c = cases;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 2) {
		for (; c; c = c->next)
			if (*c->shows) /* else a helper of another */
				printf("%-24s %s\n", c->name, c->shows);
		return 2;
	}
	while (c && strcmp(c->name, argv[1]))
		c = c->next;
	if (!c) {
		fprintf(stderr, "guest: no case '%s'; without a name, guest lists them\n", argv[1]);
		return 2;
	}
	guest_args = &argv[2];
	c->run();
	return 0;
}
