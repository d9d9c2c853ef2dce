/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A device by its group, in a VFIO container. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "../sys.h"
#include "abi/vfio.h"
#include "space.h"

#define CONTAINER "/dev/vfio/vfio"

static void group_path(int group, char out[32])
{
	snprintf(out, 32, "/dev/vfio/%d", group);
}

bool container_there(int group)
{
	struct iommu_ioas_alloc ioas = { .size = sizeof(ioas) };
	char path[32];
	bool there;
	int fd;

	group_path(group, path);
	fd = access(path, R_OK | W_OK) ? -1 : sys_open(CONTAINER);
	if (fd < 0)
		return false;
	there = sys_ioctl(fd, VFIO_CHECK_EXTENSION, (void *)VFIO_TYPE1v2_IOMMU) == 1 &&
		sys_ioctl(fd, IOMMU_IOAS_ALLOC, &ioas) < 0;
	sys_close(fd);
	return there;
}

static int group_join(int group_fd, int fd)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	int ret = sys_ioctl(group_fd, VFIO_GROUP_GET_STATUS, &status);

	if (!ret && !(status.flags & VFIO_GROUP_FLAGS_VIABLE))
		ret = -EBUSY;
	return ret ? ret : sys_ioctl(group_fd, VFIO_GROUP_SET_CONTAINER, &fd);
}

int container_open(const char *address, unsigned int type, int *fd, int *group_fd,
		   struct vfio_device *dev)
{
	char path[32];
	int ret;

	dev->fd = -1;
	*group_fd = -1;
	*fd = sys_open(CONTAINER);
	if (*fd < 0)
		return *fd;
	group_path(pci_group(address), path);
	ret = *group_fd = sys_open(path);
	if (ret >= 0)
		ret = group_join(*group_fd, *fd);
	if (!ret)
		ret = sys_ioctl(*fd, VFIO_SET_IOMMU, (void *)(uintptr_t)type);
	if (!ret)
		ret = sys_ioctl(*group_fd, VFIO_GROUP_GET_DEVICE_FD, (void *)address);
	if (ret >= 0)
		ret = device_open(dev, ret);
	if (ret) {
		if (*group_fd >= 0)
			sys_close(*group_fd);
		sys_close(*fd);
		*fd = *group_fd = -1;
	}
	return ret;
}
