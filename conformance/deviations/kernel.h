/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the programs of this folder share: a mock device of CONFIG_IOMMUFD_TEST,
 * tracked through a HWPT, and its memory. Each shows one deviation on /dev/iommu,
 * in a line, and exits 1 if it is there, 0 if not, 4 if it could not be tried.
 */
#define _GNU_SOURCE /* memfd_create */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "abi/iommufd.h"
#include "abi/iommufd_test.h"

#define IOVA (16ull << 20) /* where the mock's aperture begins */
#define PAGE 4096ull
#define GRANULE 2048ull /* of the mock's page tables */

static int fd;

static inline int call(unsigned long cmd, void *arg)
{
	int ret = ioctl(fd, cmd, arg);

	return ret < 0 ? -errno : ret;
}

/* What must work for there to be anything to show. */
static inline void must(int ret, const char *what)
{
	if (!ret)
		return;
	printf("not tried: %s: %s\n", what, strerror(ret < 0 ? -ret : errno));
	exit(4);
}

static inline uint32_t ioas_alloc(void)
{
	struct iommu_ioas_alloc arg = { .size = sizeof(arg) };

	fd = open("/dev/iommu", O_RDWR);
	must(fd < 0, "/dev/iommu");
	must(call(IOMMU_IOAS_ALLOC, &arg), "IOMMU_IOAS_ALLOC");
	return arg.out_ioas_id;
}

/* A mock device attached to @pt: its ids. */
static inline int device(uint32_t pt, uint32_t flags, uint32_t *stdev, uint32_t *dev)
{
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd),
		.op = IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS,
		.id = pt,
		.mock_domain_flags.dev_flags = flags,
	};
	int ret = call(IOMMU_TEST_CMD, &cmd);

	if (stdev)
		*stdev = cmd.mock_domain_flags.out_stdev_id;
	if (dev)
		*dev = cmd.mock_domain_flags.out_idev_id;
	return ret;
}

static inline int hwpt_alloc(uint32_t dev, uint32_t pt, uint32_t flags, uint32_t *hwpt)
{
	struct iommu_hwpt_alloc arg = {
		.size = sizeof(arg), .dev_id = dev, .pt_id = pt, .flags = flags
	};
	int ret = call(IOMMU_HWPT_ALLOC, &arg);

	*hwpt = arg.out_hwpt_id;
	return ret;
}

static inline int map(uint32_t ioas, void *mem, uint64_t length, uint64_t iova)
{
	struct iommu_ioas_map arg = {
		.size = sizeof(arg),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.ioas_id = ioas,
		.user_va = (uintptr_t)mem,
		.length = length,
		.iova = iova,
	};

	return call(IOMMU_IOAS_MAP, &arg);
}

static inline int track(uint32_t hwpt, bool on)
{
	struct iommu_hwpt_set_dirty_tracking arg = {
		.size = sizeof(arg),
		.hwpt_id = hwpt,
		.flags = on ? IOMMU_HWPT_DIRTY_TRACKING_ENABLE : 0,
	};

	return call(IOMMU_HWPT_SET_DIRTY_TRACKING, &arg);
}

static inline int get(uint32_t hwpt, uint64_t iova, uint64_t length, uint64_t page_size, void *data)
{
	struct iommu_hwpt_get_dirty_bitmap arg = {
		.size = sizeof(arg),
		.hwpt_id = hwpt,
		.iova = iova,
		.length = length,
		.page_size = page_size,
		.data = (uintptr_t)data,
	};

	return call(IOMMU_HWPT_GET_DIRTY_BITMAP, &arg);
}

/* The device writes to the page at @iova. */
static inline void mark(uint32_t hwpt, uint64_t iova)
{
	static uint8_t ones = 3;
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd),
		.op = IOMMU_TEST_OP_DIRTY,
		.id = hwpt,
		.dirty = { .iova = iova,
			   .length = PAGE,
			   .page_size = GRANULE,
			   .uptr = (uintptr_t)&ones },
	};

	must(call(IOMMU_TEST_CMD, &cmd), "IOMMU_TEST_OP_DIRTY");
}

/* @pages of memory, mapped at IOVA, and a HWPT that tracks them. */
static inline uint32_t tracked(uint64_t pages, uint32_t *ioas)
{
	uint32_t dev, hwpt;
	void *mem = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	*ioas = ioas_alloc();
	must(device(*ioas, 0, NULL, &dev), "IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS");
	must(hwpt_alloc(dev, *ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &hwpt), "IOMMU_HWPT_ALLOC");
	must(map(*ioas, mem, pages * PAGE, IOVA), "IOMMU_IOAS_MAP");
	must(track(hwpt, true), "IOMMU_HWPT_SET_DIRTY_TRACKING");
	return hwpt;
}

static inline int __attribute__((format(printf, 2, 3))) shown(bool deviates, const char *fmt, ...)
{
	va_list args;

	printf("%s: ", deviates ? "deviates" : "as expected");
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	putchar('\n');
	return deviates;
}
