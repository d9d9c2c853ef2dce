/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* VFIO devices by name: what a program does with them by open, read, write and descriptors. */
#define _GNU_SOURCE
#include <sys/socket.h>

#include "abi/vfio.h"
#include "guest.h"

#define CONFIG ((off_t)VFIO_PCI_CONFIG_REGION_INDEX << 40)
#define ID 0x11e81234 /* little-endian: vendor 0x1234, device 0x11e8 */

/* As test_run.py plugs them: 0 is a PCI device, 1 an mdev. */
static int device_open(unsigned int n)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/vfio/devices/vfio%u", n);
	fd = open(path, O_RDWR);
	if (fd < 0 && errno == ENOENT)
		guest_skip("run it with --device pci,migration --device mdev");
	check(fd >= 0, "%s: %m", path);
	return fd;
}

static int bind_to(int dev, int fd)
{
	struct vfio_device_bind_iommufd cmd = { .argsz = sizeof(cmd), .iommufd = fd };

	return ioctl(dev, VFIO_DEVICE_BIND_IOMMUFD, &cmd);
}

static int attach_to(int dev, uint32_t pt)
{
	struct vfio_device_attach_iommufd_pt cmd = { .argsz = sizeof(cmd), .pt_id = pt };

	return ioctl(dev, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &cmd);
}

/* Device @n, bound. */
static int device(unsigned int n)
{
	int dev = device_open(n);

	ok(bind_to(dev, iommu_open()));
	return dev;
}

static uint32_t id_of(int dev)
{
	uint32_t id = 0;

	equal(pread(dev, &id, sizeof(id), CONFIG), sizeof(id));
	return id;
}

/* A register of 8 bytes. */
static void set(int dev, off_t at, uint64_t value)
{
	equal(pwrite(dev, &value, sizeof(value), at), sizeof(value));
}

static uint64_t get(int dev, off_t at)
{
	uint64_t value;

	equal(pread(dev, &value, sizeof(value), at), sizeof(value));
	return value;
}

/* It does DMA of 8 bytes at @iova, by its engine. */
static void device_writes(int dev, uint64_t iova, uint64_t value)
{
	uint16_t command = 6;

	equal(pwrite(dev, &command, sizeof(command), CONFIG + 4), sizeof(command));
	set(dev, IODIRTY_BAR_BUFFER, value);
	set(dev, IODIRTY_BAR_DMA_SOURCE, IODIRTY_BAR_BUFFER);
	set(dev, IODIRTY_BAR_DMA_DESTINATION, iova);
	set(dev, IODIRTY_BAR_DMA_COUNT, sizeof(value));
	set(dev, IODIRTY_BAR_DMA_COMMAND, 3);
}

CASE(vfio_names, "devices are opened by their names, however spelt, and none by any other")
{
	static const char *const none[] = {
		"/dev/vfio/devices/vfio2",
		"/dev/vfio/devices/vfio00",
		"/dev/vfio/devices/vfio",
		"/dev/vfio/devices/vfio+0",
		"/dev/vfio/devices/vfio 0",
		"/dev/vfio/devices/vfio4294967296",
		"/dev/vfio/devices/0",
		"/dev/vfio/devices/vfio0x",
		"/dev/vfio/2",
		"/dev/vfio/-1",
	};
	int dir;

	close(device_open(0));
	close(device_open(1));
	equal(id_of(device(0)), ID);
	equal(id_of(device(1)), ID);
	check(open("/dev//vfio/./devices/vfio0", O_RDWR) >= 0, "%m");
	check(open64("/dev/vfio/devices/vfio1", O_RDWR) >= 0, "%m");
	dir = open("/dev", O_RDONLY | O_DIRECTORY);
	check(openat(dir, "vfio/devices/vfio0", O_RDWR) >= 0, "%m");
	ok(chdir("/dev"));
	check(open("vfio/devices/vfio0", O_RDWR) >= 0, "%m");
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		check(open(none[i], O_RDWR) < 0 && errno == ENOENT, "%s: %m", none[i]);
	fails(open("/dev/vfio/devices/vfio0", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
	fails(open("/dev/vfio/devices/vfio0", O_RDONLY | O_DIRECTORY), ENOTDIR);
}

CASE(vfio_registers, "config space and registers are read and written at their offsets")
{
	int dev = device(0);
	uint32_t value;

	value = 0;
	equal(pread(dev, &value, 4, IODIRTY_BAR_ID), 4);
	equal(value, 0x010000ed);
	value = 0x12345678;
	equal(pwrite(dev, &value, 4, IODIRTY_BAR_LIVENESS), 4);
	equal(pread(dev, &value, 4, IODIRTY_BAR_LIVENESS), 4);
	equal(value, ~0x12345678U);
	set(dev, IODIRTY_BAR_GEN_SEED, 0x1122334455667788);
	equal(get(dev, IODIRTY_BAR_GEN_SEED), 0x1122334455667788);
	/* What reaches over the end is cut, what begins there is an error. */
	equal(pread(dev, &value, 4, CONFIG + 254), 2);
	fails(pread(dev, &value, 4, CONFIG + 256), EINVAL);
	fails(pwrite(dev, &value, 4, IODIRTY_BAR_SIZE), EINVAL);
	fails(pread(dev, &value, 4, -8), EINVAL);
	/* Nor has anybody bound this one. */
	fails(pread(device_open(1), &value, 4, CONFIG), EINVAL);
}

CASE(vfio_without_position, "what has no position, or nothing to read, says so")
{
	int dev = device(0), fd = iommu_open();
	char c = 0;

	fails(read(dev, &c, 1), EINVAL);
	fails(write(dev, &c, 1), EINVAL);
	fails(read(fd, &c, 1), EINVAL);
	fails(write(fd, &c, 1), EINVAL);
	fails(pread(fd, &c, 1, 0), EINVAL);
	fails(pwrite(fd, &c, 1, 0), EINVAL);
	check(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, dev, 0) == MAP_FAILED,
	      "a region that cannot be mapped was");
}

CASE(vfio_not_queues, "a queue of page requests is read and written as ever")
{
	int fd = iommu_open(), dev = device(0);
	struct iommu_fault_alloc cmd = { .size = sizeof(cmd) };
	struct iommu_hwpt_page_response response = { .cookie = 1 };
	char c;

	ok(ioctl(fd, IOMMU_FAULT_QUEUE_ALLOC, &cmd));
	fails(read((int)cmd.out_fault_fd, &c, 1), EAGAIN);
	/* Of a request that nobody made: nobody minds. */
	equal(write((int)cmd.out_fault_fd, &response, sizeof(response)), sizeof(response));
	equal(id_of(dev), ID);
}

CASE(vfio_dma, "a device writes to memory, complete when the write of its command returns")
{
	for (unsigned int n = 0; n < 2; n++) {
		int fd = iommu_open(), dev = device_open(n);
		volatile uint64_t *mem = memory(PAGE);
		uint32_t ioas = new_ioas(fd);

		ok(bind_to(dev, fd));
		ok(map_at(fd, ioas, (void *)mem, PAGE, IOVA));
		device_writes(dev, IOVA, 1);
		equal(get(dev, IODIRTY_BAR_DMA_FAULT), IODIRTY_FAULT_NOT_ATTACHED);
		ok(attach_to(dev, ioas));
		for (uint64_t i = 1; i < 50; i++) {
			device_writes(dev, IOVA + 8 * i, i);
			equal(get(dev, IODIRTY_BAR_DMA_FAULT), IODIRTY_FAULT_NONE);
			equal(mem[i], i);
		}
		equal(mem[0], 0);
		ok(close(dev));
		ok(close(fd));
	}
}

/* Nothing is mapped there; the compiler does not know. */
static void *nowhere(void)
{
	void *p = (void *)8;

	__asm__("" : "+r"(p));
	return p;
}

CASE(vfio_bad_pointers, "a buffer that cannot be used is EFAULT, and nothing of the program's dies")
{
	int dev = device(0);
	char *page = memory(2 * PAGE), *bad = nowhere();

	ok(munmap(page + PAGE, PAGE));
	fails(pread(dev, bad, 4, CONFIG), EFAULT);
	fails(pwrite(dev, bad, 4, CONFIG), EFAULT);
	fails(pread(dev, page + PAGE - 2, 4, CONFIG), EFAULT);
	fails(pwrite(dev, page + PAGE - 2, 4, IODIRTY_BAR_BUFFER), EFAULT);
	equal(pread(dev, page + PAGE - 4, 4, CONFIG), 4);
	ok(mprotect(page, PAGE, PROT_READ));
	fails(pread(dev, page, 4, CONFIG), EFAULT);
	equal(pwrite(dev, page, 4, IODIRTY_BAR_BUFFER), 4);
}

CASE(vfio_close_releases, "a device is another's when the last copy of its descriptor is closed")
{
	int fd = iommu_open(), dev = device(0), copy = dup(dev), other = device_open(0);
	volatile uint64_t *mem = memory(PAGE);
	uint32_t ioas = new_ioas(fd);

	fails(bind_to(other, fd), EINVAL);
	ok(close(dev));
	fails(bind_to(other, fd), EINVAL);
	equal(id_of(copy), ID);
	ok(close(copy));
	ok(bind_to(other, fd));
	ok(map_at(fd, ioas, (void *)mem, PAGE, IOVA));
	ok(attach_to(other, ioas));
	/* Its generator stops with it, for good. */
	device_writes(other, IOVA, 1);
	set(other, IODIRTY_BAR_GEN_IOVA, IOVA);
	set(other, IODIRTY_BAR_GEN_LENGTH, PAGE);
	set(other, IODIRTY_BAR_GEN_STRIDE, 8);
	set(other, IODIRTY_BAR_GEN_CONTROL, 1);
	check(writes(mem), "the generator does not write");
	ok(close(other));
	check(quiet(mem), "a generator writes on after close");
}

CASE(vfio_fork, "a child uses its parent's device, and a buffer of its own")
{
	int dev = device(0);
	pid_t pid = child();

	if (!pid) {
		equal(id_of(dev), ID);
		set(dev, IODIRTY_BAR_GEN_SEED, 77);
		ok(close(dev));
		_exit(0);
	}
	reap(pid);
	equal(get(dev, IODIRTY_BAR_GEN_SEED), 77);
	set(dev, IODIRTY_BAR_GEN_SEED, 78);
	equal(get(dev, IODIRTY_BAR_GEN_SEED), 78);
}

CASE(vfio_exec_reads, "a program that was given a device by exec may begin by a read")
{
	run_self("vfio_kept", device(0), 0);
}

CASE(vfio_exec_writes, "or by a write with a position, or by one without")
{
	run_self("vfio_kept", device(0), 1);
}

HELPER(vfio_kept)
{
	int dev = atoi(guest_args[0]);
	char c = 0;

	if (guest_args[1][0] == '1') {
		fails(write(dev, &c, 1), EINVAL);
		set(dev, IODIRTY_BAR_GEN_SEED, 5);
		equal(get(dev, IODIRTY_BAR_GEN_SEED), 5);
	}
	equal(id_of(dev), ID);
	ok(close(dev));
	close(device(0)); /* nobody has it any more */
}

CASE(vfio_others, "other descriptors read and write as ever, next to an open device")
{
	int dev = device(0), pair[2], fds[2], null = open("/dev/null", O_RDWR);
	char text[8] = "text";

	ok(pipe(fds));
	equal(write(fds[1], text, 4), 4);
	equal(read(fds[0], text, sizeof(text)), 4);
	ok(close(fds[1]));
	equal(read(fds[0], text, sizeof(text)), 0);
	fails(pread(fds[0], text, 4, 0), ESPIPE);
	fails(pwrite(fds[0], text, 4, 0), ESPIPE);
	for (int i = 0; i < 2; i++) {
		ok(socketpair(AF_UNIX, i ? SOCK_SEQPACKET : SOCK_STREAM, 0, pair));
		equal(write(pair[0], text, 4), 4);
		equal(read(pair[1], text, sizeof(text)), 4);
		fails(pread(pair[1], text, 4, 0), ESPIPE);
		fails(pwrite(pair[1], text, 4, 0), ESPIPE);
		ok(shutdown(pair[0], SHUT_WR));
		equal(read(pair[1], text, sizeof(text)), 0);
		ok(close(pair[0]));
		ok(close(pair[1]));
	}
	equal(read(null, text, 4), 0);
	equal(write(null, text, 4), 4);
	fails(read(-1, text, 4), EBADF);
	fails(write(-1, text, 4), EBADF);
	equal(id_of(dev), ID);
}

/* What a program that was built with _FORTIFY_SOURCE calls. */
ssize_t __read_chk(int fd, void *buf, size_t n, size_t room);
ssize_t __pread_chk(int fd, void *buf, size_t n, off_t at, size_t room);
ssize_t __pread64_chk(int fd, void *buf, size_t n, off_t at, size_t room);

CASE(vfio_other_names, "calls by their names for large files, and with a check of the buffer")
{
	int dev = device(0), status;
	uint32_t id[2];
	pid_t pid;

	equal(pread64(dev, id, 4, CONFIG), 4);
	equal(id[0], ID);
	equal(pwrite64(dev, id, 4, IODIRTY_BAR_BUFFER), 4);
	equal(__pread64_chk(dev, id, 4, IODIRTY_BAR_BUFFER, 4), 4);
	equal(id[0], ID);
	id[0] = 0;
	equal(__pread_chk(dev, id, 4, CONFIG, sizeof(id)), 4);
	equal(id[0], ID);
	fails(__read_chk(dev, id, 4, 4), EINVAL);
	pid = child();
	if (!pid) {
		close(2); /* libc says that it is a buffer overflow */
		__pread64_chk(dev, id, 5, CONFIG, 4);
		_exit(0);
	}
	equal(waitpid(pid, &status, 0), pid);
	check(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "wait status %#x", status);
}

/* ---- descriptors that others give: a stream of migration, a device by its group ---- */

/* The descriptor of data that comes with it, or -1. */
static int to_state(int dev, enum vfio_device_mig_state state)
{
	struct vfio_device_feature_mig_state body = { .device_state = state };
	char cmd[sizeof(struct vfio_device_feature) + sizeof(body)]
		__attribute__((aligned(8))) = "";
	struct vfio_device_feature *head = (struct vfio_device_feature *)cmd;

	head->argsz = sizeof(cmd);
	head->flags = VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE | VFIO_DEVICE_FEATURE_SET;
	memcpy(head->data, &body, sizeof(body));
	ok(ioctl(dev, VFIO_DEVICE_FEATURE, head));
	memcpy(&body, head->data, sizeof(body));
	return body.data_fd;
}

CASE(vfio_stream, "a device's state is read to its end, by whoever has the descriptor, and written")
{
	int dev = device(0), data, copy;
	char state[1 << 16];
	ssize_t n, size = 0;
	pid_t pid;

	set(dev, IODIRTY_BAR_GEN_SEED, 12345);
	data = to_state(dev, VFIO_DEVICE_STATE_STOP_COPY);
	check(data >= 0 && fcntl(data, F_GETFD) == FD_CLOEXEC, "descriptor %d: %m", data);
	fails(pread(data, state, 1, 0), ESPIPE);
	fails(pwrite(data, state, 1, 0), ESPIPE);
	fails(read(data, nowhere(), 1), EFAULT);
	equal(read(data, state, 10), 10);
	copy = dup(data);
	ok(close(data));
	pid = child(); /* what a child has read its parent does not see again */
	if (!pid) {
		equal(read(copy, state, 1), 1);
		_exit(0);
	}
	reap(pid);
	for (size = 11; (n = read(copy, &state[size], 7)) > 0; size += n)
		check(size < (1 << 16) - 16, "it does not end");
	equal(n, 0);
	equal(read(copy, state, 1), 0);
	ok(close(copy));

	to_state(dev, VFIO_DEVICE_STATE_STOP);
	copy = to_state(dev, VFIO_DEVICE_STATE_STOP_COPY);
	equal(read(copy, state, sizeof(state)), size);
	to_state(dev, VFIO_DEVICE_STATE_RUNNING);
	set(dev, IODIRTY_BAR_GEN_SEED, 0);
	data = to_state(dev, VFIO_DEVICE_STATE_RESUMING);
	fails(write(data, nowhere(), 1), EFAULT);
	for (ssize_t done = 0; done < size; done += n) {
		n = write(data, &state[done], size - done < 100 ? size - done : 100);
		check(n > 0, "write gives %zd: %m", n);
	}
	to_state(dev, VFIO_DEVICE_STATE_RUNNING);
	equal(get(dev, IODIRTY_BAR_GEN_SEED), 12345);
}

CASE(vfio_by_group, "group and container are opened by their names, and a device by these")
{
	int container = open("/dev/vfio/vfio", O_RDWR), group = open("/dev/vfio/1", O_RDWR), dev;
	struct vfio_group_status status = { .argsz = sizeof(status) };
	volatile uint64_t *mem = memory(PAGE);
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)mem,
		.iova = IOVA,
		.size = PAGE,
	};

	close(device_open(1));
	check(container >= 0 && group >= 0, "%m");
	ok(ioctl(container, VFIO_GET_API_VERSION));
	ok(ioctl(group, VFIO_GROUP_GET_STATUS, &status));
	equal(status.flags, VFIO_GROUP_FLAGS_VIABLE);
	ok(ioctl(group, VFIO_GROUP_SET_CONTAINER, &container));
	ok(ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU));
	ok(ioctl(container, VFIO_IOMMU_MAP_DMA, &map));
	dev = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, "vfio1");
	check(dev >= 0 && fcntl(dev, F_GETFD) == FD_CLOEXEC, "descriptor %d: %m", dev);
	equal(id_of(dev), ID);
	device_writes(dev, IOVA + 8, 7);
	equal(mem[1], 7);
	fails(open("/dev/vfio/1", O_RDWR), EBUSY);
	ok(close(dev));
	ok(close(group));
	ok(close(container));
	check(open("/dev/vfio/1", O_RDWR) >= 0, "it is another's when all is closed: %m");
}
