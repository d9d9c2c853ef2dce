/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Mapping the room, and a device of an iommufd. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "../sys.h"
#include "abi/vfio.h"
#include "space.h"

void *room_alloc(void)
{
	void *room = mmap(NULL, DMA_ROOM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			  -1, 0);

	return room == MAP_FAILED ? NULL : room;
}

void room_free(void *room)
{
	if (room)
		munmap(room, DMA_ROOM_SIZE);
}

int space_map_room(const struct space *space, void *room)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_WRITEABLE |
			 IOMMU_IOAS_MAP_READABLE,
		.ioas_id = space->ioas,
		.user_va = (uintptr_t)room,
		.length = DMA_ROOM_SIZE,
		.iova = DMA_ROOM_IOVA,
	};
	struct vfio_iommu_type1_dma_map container_map = {
		.argsz = sizeof(container_map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)room,
		.iova = DMA_ROOM_IOVA,
		.size = DMA_ROOM_SIZE,
	};

	return space->ioas ? sys_ioctl(space->fd, IOMMU_IOAS_MAP, &map) :
			     sys_ioctl(space->fd, VFIO_IOMMU_MAP_DMA, &container_map);
}

int space_unmap_room(const struct space *space)
{
	struct iommu_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas_id = space->ioas,
		.iova = DMA_ROOM_IOVA,
		.length = DMA_ROOM_SIZE,
	};
	struct vfio_iommu_type1_dma_unmap container_unmap = {
		.argsz = sizeof(container_unmap),
		.iova = DMA_ROOM_IOVA,
		.size = DMA_ROOM_SIZE,
	};

	return space->ioas ? sys_ioctl(space->fd, IOMMU_IOAS_UNMAP, &unmap) :
			     sys_ioctl(space->fd, VFIO_IOMMU_UNMAP_DMA, &container_unmap);
}

int iommufd_bind(const char *address, int iommufd, struct vfio_device *dev, uint32_t *dev_id,
		 struct why *why)
{
	struct vfio_device_bind_iommufd bind = { .argsz = sizeof(bind), .iommufd = iommufd };
	char path[64];
	int fd, ret;

	dev->fd = -1;
	if (pci_cdev(address, path, sizeof(path)))
		return refuse(why, -ENOENT,
			      "VFIO has no device node for %s: it takes Linux 6.6 with "
			      "CONFIG_VFIO_DEVICE_CDEV and CONFIG_IOMMUFD",
			      address);
	fd = sys_open(path);
	if (fd < 0)
		return refuse(why, fd, "%s: %s", path, strerror(-fd));
	ret = sys_ioctl(fd, VFIO_DEVICE_BIND_IOMMUFD, &bind);
	if (ret) {
		sys_close(fd);
		return refuse(why, ret,
			      "%s cannot be bound to iommufd: %s; another program has it, or "
			      "another device of its IOMMU group has a driver of the host",
			      address, strerror(-ret));
	}
	ret = device_open(dev, fd);
	if (ret)
		return refuse(why, ret, "the registers of %s cannot be reached: %s", address,
			      strerror(-ret));
	*dev_id = bind.out_devid;
	return 0;
}

int iommufd_attach(const struct vfio_device *dev, uint32_t *pt)
{
	struct vfio_device_attach_iommufd_pt attach = { .argsz = sizeof(attach), .pt_id = *pt };
	int ret = sys_ioctl(dev->fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach);

	if (!ret)
		*pt = attach.pt_id;
	return ret;
}

int iommufd_detach(const struct vfio_device *dev)
{
	struct vfio_device_detach_iommufd_pt detach = { .argsz = sizeof(detach) };

	return sys_ioctl(dev->fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach);
}
