/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdio.h>

#include "abi/vfio.h"
#include "container.h"

static int call(struct machine *m, int fd, unsigned long cmd, void *arg, const char *what)
{
	int ret = m->t->driver->fd_ioctl(m->t, fd, cmd, arg);

	return ret < 0 ? machine_fail(m, ret, "%s", what) : ret;
}

/* Its first group is in it: now it can be told what kind it is, and to map. */
static int set_up(struct machine *m)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)m->memory,
		.iova = m->iova,
		.size = m->length,
	};
	int ret =
		call(m, m->container, VFIO_SET_IOMMU, (void *)VFIO_TYPE1v2_IOMMU, "VFIO_SET_IOMMU");

	return ret ? ret : call(m, m->container, VFIO_IOMMU_MAP_DMA, &map, "VFIO_IOMMU_MAP_DMA");
}

int container_add(struct machine *m, struct iodirty_vfio_plug *plug, int *fd)
{
	const struct target_driver *driver = m->t->driver;
	bool first = m->container < 0;
	char name[32];
	int group, ret;

	if (first)
		m->container = driver->vfio_open(m->t, IODIRTY_VFIO_CONTAINER, 0);
	if (m->container < 0)
		return machine_fail(m, m->container, "open a container");
	ret = driver->vfio_plug(m->t, plug);
	if (ret)
		return machine_fail(m, ret, "plug a device");
	group = driver->vfio_open(m->t, IODIRTY_VFIO_GROUP, plug->out_vfio_id);
	if (group < 0)
		return machine_fail(m, group, "open a group");
	ret = call(m, group, VFIO_GROUP_SET_CONTAINER, &m->container, "VFIO_GROUP_SET_CONTAINER");
	if (!ret && first)
		ret = set_up(m);
	if (ret)
		return ret;
	snprintf(name, sizeof(name), "vfio%u", plug->out_number);
	*fd = call(m, group, VFIO_GROUP_GET_DEVICE_FD, name, "VFIO_GROUP_GET_DEVICE_FD");
	return *fd < 0 ? *fd : 0;
}

int container_track(struct machine *m)
{
	struct vfio_iommu_type1_dirty_bitmap arg = {
		.argsz = sizeof(arg),
		.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_START,
	};

	m->page = (uint64_t)1 << m->format.granule_lg2;
	if (m->page < 4096)
		m->page = 4096;
	return call(m, m->container, VFIO_IOMMU_DIRTY_PAGES, &arg, "VFIO_IOMMU_DIRTY_PAGES");
}

int container_report(struct machine *m, uint64_t *bitmap)
{
	/* struct vfio_iommu_type1_dirty_bitmap, and what follows it. */
	struct {
		__u32 argsz, flags;
		struct vfio_iommu_type1_dirty_bitmap_get get;
	} arg = {
		.argsz = sizeof(arg),
		.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP,
		.get.iova = m->iova,
		.get.size = m->length,
		.get.bitmap.pgsize = m->page,
		.get.bitmap.size = truth_words(m->length / m->page) * sizeof(*bitmap),
		.get.bitmap.data = (__u64 *)bitmap,
	};

	return call(m, m->container, VFIO_IOMMU_DIRTY_PAGES, &arg,
		    "VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP");
}
