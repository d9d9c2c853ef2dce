/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Between group.c, container.c and type1*.c: groups, the containers they are in, and
 * the address space of a container, which is an IOAS of an iommufd of its own.
 */
#ifndef IODIRTY_VFIO_CONTAINER_H
#define IODIRTY_VFIO_CONTAINER_H

#include "device.h"

/* An open of the group of one device. */
struct vfio_group {
	struct vfio_device *dev; /* referenced */
	u64 refs; /* atomic: its descriptor, and each of the device that came by it */
	struct port_mutex lock; /* outermost */
	struct vfio_container *container; /* referenced; NULL: in none */
	struct iommufd_ctx *iommufd; /* in a container's place; referenced */
	struct vfio_group *next; /* in container->groups */
	u32 opens; /* of the device, by this group; under dev->lock */
};

struct vfio_container {
	u64 refs; /* atomic: its descriptor, and each group in it */
	struct port_mutex lock;
	struct vfio_group *groups;
	struct type1 *type1; /* NULL until SET_IOMMU, and once the last group has left */
};

void vfio_container_hold(struct vfio_container *container);
void vfio_container_put(struct vfio_container *container);
/* group->lock held. What the IOMMU driver says, if there is one yet. */
int vfio_container_join(struct vfio_container *container, struct vfio_group *group);
void vfio_container_leave(struct vfio_container *container, struct vfio_group *group);

/* Bind the device of @group to @ctx, and let it into the IOAS; of an iommufd, @container
 * is NULL. dev->lock held. -ENODEV: it is gone. */
int vfio_group_bind(struct vfio_group *group, struct iommufd_ctx *ctx, u32 ioas_id,
		    struct vfio_container *container);

/* ---- type1; container->lock held, but where it says otherwise ---- */

#define TYPE1_MAPPINGS_MAX 65535u
#define TYPE1_PAGES_MAX 0x7fffffffull /* of a mapping that is tracked */
#define TYPE1_BITMAP_MAX (1ull << 28) /* bytes */

/* One MAP_DMA: an area of the IOAS. */
struct type1_mapping {
	struct port_node node; /* key: first IOVA */
	u64 last;
	bool writable;
	/* While tracking: a bit for each PORT_PAGE_SIZE, whatever GET_BITMAP counts in, for that
	 * may change with the devices. Under dirty_lock. */
	u64 *dirty;
};

struct type1 {
	struct vfio_container *container;
	bool v2;
	struct iommufd_ctx *ctx; /* referenced */
	struct ioas *ioas; /* referenced */
	/* Groups whose devices write past us: all that is mapped is dirty while there is one. */
	u32 unaware;
	u32 software; /* groups of software devices, which say what they pin and write */
	u32 avail; /* how many more mappings there may be */
	/* As of the last join or leave: a device that is removed meanwhile does not change what
	 * GET_BITMAP counts in. */
	u64 page_sizes;
	/*
	 * Changed under dirty_lock besides. It is inside dev->io and outside the locks of
	 * core.h; a software device's write and its mark are one under it.
	 */
	struct port_map mappings;
	bool tracking;
	struct port_mutex dirty_lock;
};

static inline struct type1_mapping *type1_mapping_of(struct port_node *node)
{
	return node ? port_container(node, struct type1_mapping, node) : NULL;
}

/* The first mapping that overlaps [first, last], by container->lock or dirty_lock. */
struct type1_mapping *type1_first(struct type1 *t, u64 first, u64 last);
static inline struct type1_mapping *type1_next(struct type1_mapping *m)
{
	return type1_mapping_of(port_map_next(&m->node));
}

/* @type: VFIO_TYPE1_IOMMU or VFIO_TYPE1v2_IOMMU; -ENODEV any other. */
struct type1 *type1_create(struct vfio_container *container, u64 type, int *err);
void type1_destroy(struct type1 *t); /* no group is in it */
int type1_attach(struct type1 *t, struct vfio_group *group);
void type1_detach(struct type1 *t, struct vfio_group *group);
long type1_ioctl(struct type1 *t, unsigned int cmd, u64 arg);
/* The page that a bit of GET_BITMAP stands for, log2. */
static inline unsigned int type1_page_lg2(const struct type1 *t)
{
	return port_ctz(t->page_sizes);
}
/* Does [iova, + size) begin or end in the middle of a mapping? */
bool type1_bisects(struct type1 *t, u64 iova, u64 size);

/* ---- its dirty bits (type1_dirty.c) ---- */

int type1_dirty_pages(struct type1 *t, u64 uptr);
/* Room for the bits of @m, all clean: -EINVAL more pages than can be, -ENOMEM. */
int type1_bits_alloc(struct type1 *t, struct type1_mapping *m);
/* What a bitmap of the caller's must be for [.., + size): -EINVAL. */
int type1_check_bitmap(struct type1 *t, const struct vfio_bitmap *bitmap, u64 size);
/* Write the bits of all mappings within [iova, last]; they stay as they are. dirty_lock
 * held. -EFAULT. */
int type1_deliver(struct type1 *t, u64 iova, u64 last, const struct vfio_bitmap *bitmap);
/* All that is mapped is dirty. */
void type1_mark_all(struct type1 *t);

#endif
