/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * For the programs that show a deviation of VFIO's type1 containers: a container with
 * the device in it that is bound to vfio-pci, by its /dev/vfio/GROUP, the program's
 * argument or the only one there.
 */
#include <glob.h>
#include <linux/vfio.h>

#include "kernel.h"

/* Tracking is on, nothing is mapped. fd is the container's. */
static inline void type1_open(int argc, char **argv)
{
	struct vfio_iommu_type1_dirty_bitmap start = { .argsz = sizeof(start),
						       .flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_START };
	glob_t nodes = { 0 };
	int group;

	if (argc < 2)
		must(glob("/dev/vfio/[0-9]*", 0, NULL, &nodes) ? -ENOENT : 0, "a group of VFIO's");
	group = open(argc < 2 ? nodes.gl_pathv[0] : argv[1], O_RDWR);
	must(group < 0, "the group");
	fd = open("/dev/vfio/vfio", O_RDWR);
	must(fd < 0, "/dev/vfio/vfio");
	must(ioctl(group, VFIO_GROUP_SET_CONTAINER, &fd), "VFIO_GROUP_SET_CONTAINER");
	must(call(VFIO_SET_IOMMU, (void *)VFIO_TYPE1v2_IOMMU), "VFIO_SET_IOMMU");
	must(call(VFIO_IOMMU_DIRTY_PAGES, &start), "VFIO_IOMMU_DIRTY_PAGES, START");
}

static inline int type1_map(void *mem, uint64_t pages, uint64_t iova)
{
	struct vfio_iommu_type1_dma_map arg = {
		.argsz = sizeof(arg),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)mem,
		.iova = iova,
		.size = pages * PAGE,
	};

	return call(VFIO_IOMMU_MAP_DMA, &arg);
}

static inline void *memory(uint64_t pages)
{
	return mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}
