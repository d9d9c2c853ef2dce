/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which pages did a device write? The device is the test interface's, whose
 * writes are marked: for the reference, and for a kernel with CONFIG_IOMMUFD_TEST.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "abi/iommufd_test.h"

#define PAGE 2048ULL /* of the test interface's IOMMU */
#define PAGES 8

static char buffer[PAGES * PAGE] __attribute__((aligned(4096)));
static int fd;

static void do_ioctl(const char *what, unsigned long cmd, void *arg)
{
	if (ioctl(fd, cmd, arg)) {
		perror(what);
		exit(1);
	}
}

int main(void)
{
	unsigned long long written[1] = { 1 << 2 | 1 << 5 }, seen[1] = { 0 };
	struct iommu_ioas_alloc space = { .size = sizeof(space) };
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE |
			 IOMMU_IOAS_MAP_FIXED_IOVA,
		.user_va = (unsigned long)buffer,
		.length = sizeof(buffer),
		.iova = MOCK_APERTURE_START,
	};
	struct iommu_test_cmd device = { .size = sizeof(device), .op = IOMMU_TEST_OP_MOCK_DOMAIN };
	struct iommu_hwpt_alloc table = { .size = sizeof(table),
					  .flags = IOMMU_HWPT_ALLOC_DIRTY_TRACKING };
	struct iommu_hwpt_set_dirty_tracking track = { .size = sizeof(track),
						       .flags = IOMMU_HWPT_DIRTY_TRACKING_ENABLE };
	struct iommu_test_cmd write = {
		.size = sizeof(write),
		.op = IOMMU_TEST_OP_DIRTY,
		.dirty = { .iova = MOCK_APERTURE_START,
			   .length = sizeof(buffer),
			   .page_size = PAGE,
			   .uptr = (unsigned long)written },
	};
	struct iommu_hwpt_get_dirty_bitmap harvest = {
		.size = sizeof(harvest),
		.iova = MOCK_APERTURE_START,
		.length = sizeof(buffer),
		.page_size = PAGE,
		.data = (unsigned long)seen,
	};

	fd = open("/dev/iommu", O_RDWR);
	if (fd < 0)
		return perror("/dev/iommu"), 1;
	do_ioctl("address space", IOMMU_IOAS_ALLOC, &space);
	device.id = table.pt_id = map.ioas_id = space.out_ioas_id;
	do_ioctl("device", IOMMU_TEST_CMD, &device);
	table.dev_id = device.mock_domain.out_idev_id;
	do_ioctl("page table that tracks", IOMMU_HWPT_ALLOC, &table);
	do_ioctl("map", IOMMU_IOAS_MAP, &map);
	track.hwpt_id = write.id = harvest.hwpt_id = table.out_hwpt_id;
	do_ioctl("tracking on", IOMMU_HWPT_SET_DIRTY_TRACKING, &track);
	do_ioctl("device writes", IOMMU_TEST_CMD, &write);
	do_ioctl("harvest", IOMMU_HWPT_GET_DIRTY_BITMAP, &harvest);
	printf("written 0x%llx, reported 0x%llx\n", written[0], seen[0]);
	return seen[0] != written[0];
}
