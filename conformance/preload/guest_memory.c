/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Dirty bits, DMA to the program's memory and to others', huge pages, files, accesses. */
#define _GNU_SOURCE
#include <sys/socket.h>
#include <sys/time.h>

#include "guest.h"

#define PAGES 64UL
#define DIRTY 7

/* Pages 0, 3, 8, 17, 31, 32, 63 of 64, and what they are in pages of twice the size. */
static const uint8_t pages_4k[8] = { 0x09, 0x01, 0x02, 0x80, 0x01, 0x00, 0x00, 0x80 };
static const uint8_t pages_8k[4] = { 0x13, 0x81, 0x01, 0x80 };

struct tracked {
	int fd;
	uint32_t hwpt;
};

/* A HWPT that tracks 64 pages at IOVA, in leaves of 4 KiB at most. */
static struct tracked track(void)
{
	struct iommu_option option = { .size = sizeof(option),
				       .option_id = IOMMU_OPTION_HUGE_PAGES };
	struct tracked t = { .fd = iommu_open() };
	uint32_t ioas = new_ioas(t.fd), stdev, idev;

	option.object_id = ioas;
	ok(ioctl(t.fd, IOMMU_OPTION, &option));
	new_mock(t.fd, ioas, &stdev, &idev);
	t.hwpt = new_hwpt(t.fd, ioas, idev, IOMMU_HWPT_ALLOC_DIRTY_TRACKING);
	ok(map_at(t.fd, ioas, memory(PAGES * PAGE), PAGES * PAGE, IOVA));
	ok(set_tracking(t.fd, t.hwpt, true));
	return t;
}

static void mark(const struct tracked *t)
{
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd),
		.op = IOMMU_TEST_OP_DIRTY,
		.id = t->hwpt,
		.dirty = {
			.iova = IOVA,
			.length = PAGES * PAGE,
			.page_size = PAGE,
			.uptr = (uintptr_t)pages_4k,
		},
	};

	ok(ioctl(t->fd, IOMMU_TEST_CMD, &cmd));
	equal(cmd.dirty.out_nr_dirty, DIRTY);
}

static int get(const struct tracked *t, size_t page_size, uint8_t *bitmap)
{
	struct iommu_hwpt_get_dirty_bitmap cmd = {
		.size = sizeof(cmd),
		.hwpt_id = t->hwpt,
		.iova = IOVA,
		.length = PAGES * PAGE,
		.page_size = page_size,
		.data = (uintptr_t)bitmap,
	};

	return ioctl(t->fd, IOMMU_HWPT_GET_DIRTY_BITMAP, &cmd);
}

/* The next harvest, into the middle of bytes that it must not touch, is @want. */
static void expect(const struct tracked *t, size_t page_size, const uint8_t *want)
{
	size_t n = PAGES * PAGE / page_size / 8;
	uint8_t around[64];

	memset(around, 0xa5, sizeof(around));
	memset(&around[24], 0, n);
	ok(get(t, page_size, &around[24]));
	for (size_t i = 0; i < sizeof(around); i++) {
		bool inside = i >= 24 && i < 24 + n;
		uint8_t byte = inside ? want[i - 24] : 0xa5;

		check(around[i] == byte, "byte %zd from the bitmap is %#x, expected %#x",
		      (ssize_t)i - 24, around[i], byte);
	}
}

CASE(dirty, "exactly the pages marked are reported, once; bytes around the bitmap stay")
{
	static const uint8_t none[8];
	struct tracked t = track();

	expect(&t, PAGE, none);
	mark(&t);
	expect(&t, PAGE, pages_4k);
	expect(&t, PAGE, none);
	mark(&t);
	expect(&t, 2 * PAGE, pages_8k);
	expect(&t, 2 * PAGE, none);
}

CASE(dirty_kept, "a harvest that cannot be delivered is EFAULT and loses nothing")
{
	uint8_t *readable = memory(PAGE), *gone = memory(PAGE);
	struct tracked t = track();

	mark(&t);
	ok(mprotect(readable, PAGE, PROT_READ));
	munmap(gone, PAGE);
	fails(get(&t, PAGE, readable), EFAULT);
	fails(get(&t, PAGE, gone), EFAULT);
	fails(get(&t, PAGE, NULL), EFAULT);
	fails(get(&t, PAGE, (uint8_t *)0xffff888000000000), EFAULT);
	expect(&t, PAGE, pages_4k);
}

/* 16 GiB in leaves of 4 KiB, of which the last page is written. */
#define LONG (16UL << 30)
#define CHUNK (16UL << 20)

struct tracked_long {
	struct tracked t;
	uint32_t dev;
	uint8_t *bitmap;
};

static struct tracked_long track_long(void)
{
	struct iommu_option option = { .size = sizeof(option),
				       .option_id = IOMMU_OPTION_HUGE_PAGES };
	struct iodirty_plug plug = { .size = sizeof(plug), .format = "amd-v1" };
	struct tracked_long l = { .t.fd = iommu_open(), .bitmap = memory(LONG / PAGE / 8) };
	struct iodirty_attach attach = { .size = sizeof(attach) };
	struct iodirty_engine engine = { .size = sizeof(engine),
					 .op = IODIRTY_ENGINE_SELECT,
					 .name = "entry" };
	uint32_t ioas = new_ioas(l.t.fd);

	/* The slowest: by others it is over before an alarm comes. */
	ok(ioctl(l.t.fd, IODIRTY_ENGINE, &engine));
	option.object_id = ioas;
	ok(ioctl(l.t.fd, IOMMU_OPTION, &option));
	ok(ioctl(l.t.fd, IODIRTY_PLUG, &plug));
	l.dev = plug.out_dev_id;
	l.t.hwpt = new_hwpt(l.t.fd, ioas, l.dev, IOMMU_HWPT_ALLOC_DIRTY_TRACKING);
	attach.dev_id = l.dev;
	attach.pt_id = l.t.hwpt;
	ok(ioctl(l.t.fd, IODIRTY_ATTACH, &attach));
	ok(map_at(l.t.fd, ioas, memory(CHUNK), CHUNK, LONG));
	for (uint64_t at = CHUNK; at < LONG; at += CHUNK) {
		struct iommu_ioas_copy copy = { .size = sizeof(copy),
						.flags = IOMMU_IOAS_MAP_FIXED_IOVA |
							 IOMMU_IOAS_MAP_READABLE |
							 IOMMU_IOAS_MAP_WRITEABLE,
						.dst_ioas_id = ioas,
						.src_ioas_id = ioas,
						.length = CHUNK,
						.dst_iova = LONG + at,
						.src_iova = LONG };

		ok(ioctl(l.t.fd, IOMMU_IOAS_COPY, &copy));
	}
	ok(set_tracking(l.t.fd, l.t.hwpt, true));
	return l;
}

static int get_long(const struct tracked_long *l)
{
	struct iommu_hwpt_get_dirty_bitmap cmd = {
		.size = sizeof(cmd),
		.hwpt_id = l->t.hwpt,
		.iova = LONG,
		.length = LONG,
		.page_size = PAGE,
		.data = (uintptr_t)l->bitmap,
	};

	return ioctl(l->t.fd, IOMMU_HWPT_GET_DIRTY_BITMAP, &cmd);
}

static void write_last(const struct tracked_long *l)
{
	uint8_t byte = 1;
	struct iodirty_dma dma = { .size = sizeof(dma),
				   .op = IODIRTY_DMA_WRITE,
				   .dev_id = l->dev,
				   .iova = 2 * LONG - 1,
				   .length = 1,
				   .data = (uintptr_t)&byte };

	ok(ioctl(l->t.fd, IODIRTY_DMA, &dma));
}

static volatile sig_atomic_t alarms;

static void count_alarm(int sig)
{
	(void)sig;
	alarms++;
}

/* At most @searches harvests, with an alarm in each, until @eintr have been interrupted. */
static unsigned int get_alarmed(const struct tracked_long *l, int flags, int searches,
				unsigned int eintr)
{
	struct sigaction action = { .sa_handler = count_alarm, .sa_flags = flags };
	uint8_t *last = &l->bitmap[LONG / PAGE / 8 - 1];
	unsigned int seen = 0;

	sigaction(SIGALRM, &action, NULL);
	for (int i = 0; i < searches && seen < eintr; i++) {
		struct itimerval soon = { .it_value.tv_usec = 200 + i % 40 * 50 };
		int ret;

		write_last(l);
		setitimer(ITIMER_REAL, &soon, NULL);
		while ((ret = get_long(l)) && errno == EINTR)
			seen++;
		ok(ret);
		equal(*last, 0x80);
		*last = 0;
	}
	return seen;
}

CASE(dirty_interrupted, "a signal ends a long harvest with EINTR, or with SA_RESTART does not")
{
	struct tracked_long l = track_long();

	check(get_alarmed(&l, 0, 200, 3) == 3, "%u alarms have not interrupted three harvests",
	      (unsigned int)alarms);
	alarms = 0;
	equal(get_alarmed(&l, SA_RESTART, 10, 1), 0);
	check(alarms, "no alarm came");
}

CASE(dirty_child, "a child harvests what its parent's device wrote, into its own memory")
{
	struct tracked t = track();
	pid_t pid;

	mark(&t);
	pid = child();
	if (!pid) {
		expect(&t, PAGE, pages_4k);
		_exit(0);
	}
	reap(pid);
	expect(&t, PAGE, (uint8_t[8]){ 0 });
}

/* ---- DMA ---- */

static void dma_reaches(char *mem)
{
	int fd = iommu_open();
	uint32_t ioas = new_ioas(fd), dev = new_device(fd, ioas);
	char back[300] = "", data[300];

	memset(data, 'd', sizeof(data));
	memset(mem, '.', 3 * PAGE);
	ok(map_at(fd, ioas, mem, 3 * PAGE, IOVA));
	/* Across the end of the first page. */
	equal(dma(fd, dev, IODIRTY_DMA_WRITE, IOVA + PAGE - 100, data, 300).out_done, 300);
	for (size_t i = 0; i < 3 * PAGE; i++)
		check(mem[i] == (i >= PAGE - 100 && i < PAGE + 200 ? 'd' : '.'), "byte %zu is '%c'",
		      i, mem[i]);
	memcpy(&mem[2 * PAGE], "program", 8);
	equal(dma(fd, dev, IODIRTY_DMA_READ, IOVA + 2 * PAGE, back, 8).out_done, 8);
	check(!strcmp(back, "program"), "the device read '%s'", back);
}

CASE(dma_private,
     "a device's write is in the program's private memory, exactly; its read comes from there")
{
	dma_reaches(memory(3 * PAGE));
}

CASE(dma_shared, "and in shared memory, where another process sees it")
{
	char *mem = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = child();

	if (!pid) {
		dma_reaches(mem);
		_exit(0);
	}
	reap(pid);
	check(mem[PAGE] == 'd' && mem[0] == '.', "not here");
}

static struct iodirty_dma atomically(int fd, uint32_t dev, enum iodirty_dma_op op, size_t length,
				     uint64_t operand, uint64_t compare)
{
	struct iodirty_dma cmd = { .size = sizeof(cmd),
				   .op = op,
				   .dev_id = dev,
				   .iova = IOVA + 8,
				   .length = length,
				   .operand = operand,
				   .compare = compare };

	ok(ioctl(fd, IODIRTY_DMA, &cmd));
	return cmd;
}

CASE(dma_atomics, "a device's atomics work on the program's memory")
{
	int fd = iommu_open();
	uint32_t ioas = new_ioas(fd), dev = new_device(fd, ioas);
	uint64_t *mem = memory(PAGE);

	ok(map_at(fd, ioas, mem, PAGE, IOVA));
	mem[1] = 0x1fffffff0;
	equal(atomically(fd, dev, IODIRTY_DMA_FETCH_ADD, 8, 0x20, 0).out_old, 0x1fffffff0);
	equal(mem[1], 0x200000010);
	equal(atomically(fd, dev, IODIRTY_DMA_CAS, 8, 7, 1).out_old, 0x200000010);
	equal(mem[1], 0x200000010);
	equal(atomically(fd, dev, IODIRTY_DMA_CAS, 8, 7, 0x200000010).out_old, 0x200000010);
	equal(mem[1], 7);
	equal(atomically(fd, dev, IODIRTY_DMA_SWAP, 4, 0xfffffffff, 0).out_old, 7);
	equal(mem[1], 0xffffffff);
	equal(atomically(fd, dev, IODIRTY_DMA_FETCH_ADD, 4, 1, 0).out_old, 0xffffffff);
	equal(mem[1], 0); /* four bytes: nothing is carried */
	equal(mem[0] | mem[2], 0);
	ok(munmap(mem, PAGE));
	equal(atomically(fd, dev, IODIRTY_DMA_SWAP, 8, 1, 0).out_fault, IODIRTY_FAULT_MEMORY);
}

CASE(dma_unmapped, "DMA to what the program has unmapped is a fault, up to which bytes arrive")
{
	int fd = iommu_open();
	uint32_t ioas = new_ioas(fd), dev = new_device(fd, ioas);
	char *mem = memory(2 * PAGE), data[200] = "";
	struct iodirty_dma d;

	ok(map_at(fd, ioas, mem, 2 * PAGE, IOVA));
	ok(munmap(mem + PAGE, PAGE));
	memset(data, 'd', sizeof(data));
	d = dma(fd, dev, IODIRTY_DMA_WRITE, IOVA + PAGE - 100, data, 200);
	equal(d.out_fault, IODIRTY_FAULT_MEMORY);
	equal(d.out_done, 100);
	equal(mem[PAGE - 1], 'd');
	d = dma(fd, dev, IODIRTY_DMA_READ, IOVA + PAGE, data, 8);
	equal(d.out_fault, IODIRTY_FAULT_MEMORY);
	equal(d.out_done, 0);
	d = dma(fd, dev, IODIRTY_DMA_WRITE, IOVA + 2 * PAGE, data, 8);
	equal(d.out_fault, IODIRTY_FAULT_NOT_PRESENT);
	d = dma(fd, dev, IODIRTY_DMA_READ, IOVA, data, 8);
	equal(d.out_fault, IODIRTY_FAULT_NONE);
}

CASE(map_of_nothing, "for a device only memory is mapped that is there, and may be written")
{
	int fd = iommu_open();
	uint32_t ioas = new_ioas(fd), dev = new_device(fd, ioas);
	char *mem = memory(3 * PAGE);

	ok(munmap(mem + PAGE, PAGE));
	fails(map_at(fd, ioas, mem, 3 * PAGE, IOVA), EFAULT);
	fails(map_at(fd, ioas, mem + PAGE, PAGE, IOVA), EFAULT);
	ok(mprotect(mem, PAGE, PROT_READ));
	fails(map_at(fd, ioas, mem, PAGE, IOVA), EFAULT);
	ok(map_at(fd, ioas, mem + 2 * PAGE, PAGE, IOVA));
	equal(dma(fd, dev, IODIRTY_DMA_WRITE, IOVA, "d", 1).out_done, 1);
	equal(mem[2 * PAGE], 'd');
}

/* A child that maps @mem at @iova and then, told by a byte, expects 'd' there, and ends. */
static pid_t mapper(int fd, uint32_t ioas, char *mem, uint64_t iova, int sock)
{
	pid_t pid = child();
	char c;

	if (pid)
		return pid;
	mem[0] = 'c';
	ok(map_at(fd, ioas, mem, PAGE, iova));
	equal(write(sock, "", 1), 1);
	equal(read(sock, &c, 1), 1);
	equal(mem[0], 'd');
	_exit(0);
}

CASE(dma_other_process,
     "DMA goes to the process that mapped; when that has ended it is a fault, and nobody else's memory")
{
	int fd = iommu_open(), s[2];
	uint32_t ioas = new_ioas(fd), dev = new_device(fd, ioas);
	char *mem = memory(PAGE), c;
	pid_t pid;

	ok(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	mem[0] = 'p';
	pid = mapper(fd, ioas, mem, IOVA, s[1]);
	equal(read(s[0], &c, 1), 1);
	equal(dma(fd, dev, IODIRTY_DMA_WRITE, IOVA, "d", 1).out_done, 1);
	equal(write(s[0], "", 1), 1);
	reap(pid);
	equal(dma(fd, dev, IODIRTY_DMA_WRITE, IOVA, "d", 1).out_fault, IODIRTY_FAULT_MEMORY);
	equal(mem[0], 'p');
	/* The address space lives on, for the living. */
	ok(map_at(fd, ioas, mem, PAGE, IOVA + PAGE));
	equal(dma(fd, dev, IODIRTY_DMA_WRITE, IOVA + PAGE, "d", 1).out_done, 1);
	equal(mem[0], 'd');
}

/* The next child of this process gets the number @pid, if the host lets us say so. */
static bool next_pid(pid_t pid)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", pid - 1);
	int fd = open("/proc/sys/kernel/ns_last_pid", O_WRONLY);
	bool done = fd >= 0 && write(fd, text, n) == n;

	close(fd);
	return done;
}

CASE(pid_reused, "a process under the pid of one that ended is not that one")
{
	int fd = iommu_open(), s[2];
	uint32_t ioas = new_ioas(fd), dev = new_device(fd, ioas);
	char *mem = memory(PAGE), c;
	pid_t first, second;

	ok(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	first = mapper(fd, ioas, mem, IOVA, s[1]);
	equal(read(s[0], &c, 1), 1);
	ok(kill(first, SIGKILL));
	equal(waitpid(first, NULL, 0), first);
	if (!next_pid(first))
		guest_skip("ns_last_pid cannot be written");
	second = mapper(fd, ioas, mem, IOVA + PAGE, s[1]);
	if (second != first)
		guest_skip("somebody else got the pid");
	equal(read(s[0], &c, 1), 1);
	equal(dma(fd, dev, IODIRTY_DMA_WRITE, IOVA, "x", 1).out_fault, IODIRTY_FAULT_MEMORY);
	equal(dma(fd, dev, IODIRTY_DMA_WRITE, IOVA + PAGE, "d", 1).out_done, 1);
	equal(write(s[0], "", 1), 1);
	reap(second);
}

/* ---- huge pages ---- */

static bool aligned(const void *p)
{
	return p != MAP_FAILED && (uintptr_t)p % (2UL << 20) == 0;
}

#define HUGE_FLAGS (MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB)
#define RW (PROT_READ | PROT_WRITE)

static long mapped_pages(void)
{
	char text[32] = "";
	int fd = open("/proc/self/statm", O_RDONLY);

	check(read(fd, text, sizeof(text) - 1) > 0, "%m");
	close(fd);
	return atol(text);
}

CASE(huge_pages, "MAP_HUGETLB gives memory aligned to 2 MiB, of the length asked for, and no more")
{
	size_t size = 6UL << 20;
	char *p, *q, *hole;
	long before;

	iommu_open();
	before = mapped_pages();
	p = mmap(NULL, size, RW, HUGE_FLAGS, -1, 0);
	check(aligned(p), "mmap gives %p: %m", (void *)p);
	memset(p, 1, size);
	/* What was mapped to align it is given back. */
	equal(mapped_pages() - before, size / PAGE);
	q = mmap(NULL, 5000, RW, HUGE_FLAGS, -1, 0);
	check(aligned(q), "mmap gives %p: %m", (void *)q);
	memset(q, 2, 2UL << 20); /* whole huge pages */
	ok(munmap(q, 2UL << 20));
	ok(munmap(p, size));
	fails(msync(p, PAGE, MS_ASYNC), ENOMEM);
	fails(msync(p + size - PAGE, PAGE, MS_ASYNC), ENOMEM);

	hole = (char *)(((uintptr_t)p + (2UL << 20)) & ~((2UL << 20) - 1));
	q = mmap(hole, 2UL << 20, RW, HUGE_FLAGS | MAP_FIXED, -1, 0);
	check(q == hole, "MAP_FIXED gives %p, not %p", (void *)q, (void *)hole);
	memset(q, 3, 2UL << 20);
}

CASE(huge_refused, "what no huge page can be is refused")
{
	size_t volatile too_long = ~0UL - PAGE;

	iommu_open();
	fails(mmap(NULL, 0, RW, HUGE_FLAGS, -1, 0), EINVAL);
	fails(mmap(NULL, 1UL << 62, RW, HUGE_FLAGS, -1, 0), ENOMEM);
	check(mmap(NULL, too_long, RW, HUGE_FLAGS, -1, 0) == MAP_FAILED, "it was rounded to 0");
}

CASE(huge_exec, "a program that was given its descriptor by exec has huge pages, too")
{
	run_self("huge_after_exec", iommu_open(), 0);
}

HELPER(huge_after_exec)
{
	new_ioas(atoi(guest_args[0]));
	check(aligned(mmap(NULL, 2UL << 20, RW, HUGE_FLAGS, -1, 0)), "mmap: %m");
}

CASE(huge_leaves, "memory of huge pages is mapped by large leaves")
{
	int fd = iommu_open();
	struct iodirty_leaf leaf = { .size = sizeof(leaf), .iova = IOVA };
	uint32_t ioas = new_ioas(fd), dev = new_device(fd, ioas);
	char *p = mmap(NULL, 2UL << 20, RW, HUGE_FLAGS, -1, 0);

	check(aligned(p), "mmap gives %p: %m", (void *)p);
	leaf.hwpt_id = new_hwpt(fd, ioas, dev, IOMMU_HWPT_ALLOC_DIRTY_TRACKING);
	ok(map_at(fd, ioas, p, 2UL << 20, IOVA));
	ok(ioctl(fd, IODIRTY_LEAF, &leaf));
	equal(leaf.out_lg2, 21);
	equal(leaf.out_start, IOVA);
}

/* Prints log2 of a leaf's size before tracking, while it is on, and after. */
HELPER(split_leaf)
{
	int fd = iommu_open();
	struct iodirty_leaf leaf = { .size = sizeof(leaf), .iova = IOVA };
	uint32_t ioas = new_ioas(fd), dev = new_device(fd, ioas);

	leaf.hwpt_id = new_hwpt(fd, ioas, dev, IOMMU_HWPT_ALLOC_DIRTY_TRACKING);
	ok(map_at(fd, ioas, mmap(NULL, 2UL << 20, RW, HUGE_FLAGS, -1, 0), 2UL << 20, IOVA));
	for (int i = 0; i < 3; i++) {
		if (i)
			ok(set_tracking(fd, leaf.hwpt_id, i == 1));
		ok(ioctl(fd, IODIRTY_LEAF, &leaf));
		printf("%u\n", leaf.out_lg2);
	}
}

/* ---- files ---- */

CASE(file, "a memfd is mapped by its number in this process, and lives on when it is closed")
{
	int fd = iommu_open(), file = memfd_create("guest", 0), null = open("/dev/null", O_RDWR);
	uint32_t ioas = new_ioas(fd), dev = new_device(fd, ioas);
	char *mem, back[4] = "";

	ok(ftruncate(file, 4 * PAGE));
	mem = mmap(NULL, 4 * PAGE, RW, MAP_SHARED, file, 0);
	fails(map_file(fd, ioas, -1, 0, PAGE), EBADF);
	fails(map_file(fd, ioas, 999, 0, PAGE), EBADF);
	fails(map_file(fd, ioas, null, 0, PAGE), EINVAL);
	ok(map_file(fd, ioas, file, PAGE, 2 * PAGE));
	ok(close(file));
	equal(dma(fd, dev, IODIRTY_DMA_WRITE, IOVA + 5, "dma", 3).out_done, 3);
	check(!memcmp(&mem[PAGE + 5], "dma", 3), "not in the file");
	ok(munmap(mem, 4 * PAGE));
	equal(dma(fd, dev, IODIRTY_DMA_READ, IOVA + 5, back, 3).out_done, 3);
	check(!memcmp(back, "dma", 3), "the device read '%s'", back);
}

/* ---- accesses ---- */

CASE(accesses,
     "an access is a descriptor of its own: alive until its last copy is closed, in whichever process")
{
	int fd = iommu_open(), access, copy;
	uint32_t ioas = new_ioas(fd);
	struct iommu_destroy d = { .size = sizeof(d), .id = ioas };
	char *mem = memory(PAGE), back[8] = "";
	pid_t pid;

	ok(map_at(fd, ioas, mem, PAGE, IOVA));
	access = new_access(fd, ioas, 0);
	check(access >= 0, "%m");
	ok(access_rw(fd, access, IOVA + 7, "access", 7, true));
	check(!strcmp(&mem[7], "access"), "memory has '%s'", &mem[7]);
	fails(ioctl(access, IOMMU_DESTROY, &d), ENOTTY); /* it is no iommufd */
	copy = dup(access);
	ok(close(access));
	fails(access_rw(fd, access, IOVA, back, 7, false), EBADF);
	fails(access_rw(fd, fd, IOVA, back, 7, false), EBADF);
	fails(access_rw(fd, 0, IOVA, back, 7, false), EBADF);
	pid = child();
	if (!pid) {
		ok(access_rw(fd, copy, IOVA + 7, back, 7, false));
		check(!strcmp(back, "access"), "the child read '%s'", back);
		_exit(0);
	}
	reap(pid);
	ok(access_rw(fd, copy, IOVA + 7, back, 7, false));
	fails(destroy(fd, ioas), EBUSY);
	ok(close(copy));
	ok(destroy(fd, ioas));
}
