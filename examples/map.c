/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Make a buffer reachable for devices, and take it back: for any /dev/iommu. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "abi/iommufd.h" /* <linux/iommufd.h> is the same, where there is one */

static char buffer[1 << 20] __attribute__((aligned(4096)));

int main(void)
{
	int fd = open("/dev/iommu", O_RDWR);
	struct iommu_ioas_alloc space = { .size = sizeof(space) };
	struct iommu_ioas_map map = { .size = sizeof(map), .length = sizeof(buffer) };
	struct iommu_ioas_unmap unmap = { .size = sizeof(unmap), .length = sizeof(buffer) };

	if (fd < 0 || ioctl(fd, IOMMU_IOAS_ALLOC, &space))
		return perror("iommufd"), 1;
	map.ioas_id = unmap.ioas_id = space.out_ioas_id;
	map.flags = IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE;
	map.user_va = (unsigned long)buffer;
	if (ioctl(fd, IOMMU_IOAS_MAP, &map))
		return perror("map"), 1;
	unmap.iova = map.iova;
	if (ioctl(fd, IOMMU_IOAS_UNMAP, &unmap))
		return perror("unmap"), 1;
	return printf("mapped and unmapped %llu bytes\n", (unsigned long long)unmap.length) < 0;
}
