/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A device in an address space, by either of Linux's interfaces, and what is known
 * of it from the first time.
 */
#ifndef IODIRTY_TARGETS_VFIO_SPACE_H
#define IODIRTY_TARGETS_VFIO_SPACE_H

#include "dma.h"
#include "target.h"
#include "vfio.h"

/* Where the device's addresses are mapped. */
struct space {
	int fd; /* /dev/iommu, or a container */
	uint32_t ioas; /* of /dev/iommu; 0: fd is a container */
};

/* The room of a DMA comes and goes: it is there only while one runs. */
int space_map_room(const struct space *space, void *room);
int space_unmap_room(const struct space *space);

/* Anonymous memory of DMA_ROOM_SIZE bytes, or NULL. */
void *room_alloc(void);
void room_free(void *room);

/* A device that no container has becomes @iommufd's: fills in @dev and *@dev_id. */
int iommufd_bind(const char *address, int iommufd, struct vfio_device *dev, uint32_t *dev_id,
		 struct why *why);
/* *@pt: an IOAS or HWPT; returns the HWPT. What was attached is replaced. */
int iommufd_attach(const struct vfio_device *dev, uint32_t *pt);
int iommufd_detach(const struct vfio_device *dev);

/* Does this kernel have containers of type1, other than those that iommufd answers? */
bool container_there(int group);
/*
 * A container of @type with the device in it: *@fd, *@group_fd, which the caller
 * closes after @dev, the container last.
 */
int container_open(const char *address, unsigned int type, int *fd, int *group_fd,
		   struct vfio_device *dev);

/* ---- find.c ---- */

/* All that has to be asked of a device once. */
struct found {
	struct vfio_arg arg;
	int group;
	uint64_t caps;
	struct iodirty_format_info format;
	struct dma dma; /* as init left it, with no device and no room */
};

/*
 * Take a device into use for the first time: bound, its DMA tried. Later calls for
 * the same argument, also of this process's children, repeat the answer.
 */
int vfio_find(const char *text, struct found *found, struct why *why);

#endif
