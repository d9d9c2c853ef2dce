/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A device that is software: it reaches memory by the processor, through an access of its
 * IOAS, page tables and IOMMU aside, and keeps pages pinned there
 * (drivers/vfio/iommufd.c, the "emulated" half).
 *
 * An unmap asks it to let go and waits for that, holding no lock of iommufd. Whoever pins
 * holds mdev->lock and takes those of iommufd, none of which waits for us.
 */
#include "device.h"

#define PIN_MAX (1ULL << 30) /* bytes, of one command */

struct mdev_pin {
	struct mdev_pin *next;
	u64 iova, length;
};

/* From bind to unbind. */
struct vfio_mdev {
	struct access *access;
	struct vfio_container *container; /* constant; NULL: an iommufd, by its own node */
	struct port_mutex lock; /* what follows; outside access->lock */
	struct mdev_pin *pins; /* the newest first */
	u64 pages;
};

/* Pages from the first that it touches to the last. */
static u64 pages_of(u64 iova, u64 length)
{
	return ((iova + length - 1) >> PORT_PAGE_LG2) - (iova >> PORT_PAGE_LG2) + 1;
}

/* lock held. */
static void let_go(struct vfio_mdev *mdev, struct mdev_pin **at)
{
	struct mdev_pin *pin = *at;

	*at = pin->next;
	access_unpin_pages(mdev->access, pin->iova, pin->length);
	mdev->pages -= pages_of(pin->iova, pin->length);
	if (mdev->container)
		type1_note_pin(mdev->container, pin->iova, pin->length, false);
	port_free(pin);
}

/* A pin goes whole, though part of it would stay mapped. */
static void mdev_unmap(void *data, u64 iova, u64 length)
{
	struct vfio_mdev *mdev = data;
	u64 last = length == UINT64_MAX ? UINT64_MAX : iova + length - 1;
	struct mdev_pin **at = &mdev->pins;

	port_mutex_lock(&mdev->lock);
	while (*at) {
		if ((*at)->iova > last || (*at)->iova + (*at)->length - 1 < iova)
			at = &(*at)->next;
		else
			let_go(mdev, at);
	}
	port_mutex_unlock(&mdev->lock);
}

static void mdev_release(void *data)
{
	struct vfio_mdev *mdev = data;

	port_mutex_destroy(&mdev->lock);
	port_free(mdev);
}

static const struct access_ops mdev_ops = {
	.needs_pin = true,
	.unmap = mdev_unmap,
	.release = mdev_release,
};

struct vfio_mdev *vfio_mdev_create(struct iommufd_ctx *ctx, struct vfio_container *container,
				   int *err)
{
	struct vfio_mdev *mdev = port_alloc(sizeof(*mdev));

	if (!mdev) {
		*err = -ENOMEM;
		return NULL;
	}
	port_mutex_init(&mdev->lock);
	mdev->container = container;
	mdev->access = access_create(ctx, &mdev_ops, mdev, err);
	if (!mdev->access) {
		mdev_release(mdev);
		return NULL;
	}
	return mdev;
}

void vfio_mdev_destroy(struct vfio_mdev *mdev)
{
	access_destroy(mdev->access);
}

u32 vfio_mdev_id(const struct vfio_mdev *mdev)
{
	return mdev->access->obj.id;
}

int vfio_mdev_attach(struct vfio_mdev *mdev, u32 ioas_id)
{
	return ioas_id ? access_replace(mdev->access, ioas_id) : -ENOENT;
}

void vfio_mdev_detach(struct vfio_mdev *mdev)
{
	access_replace(mdev->access, 0); /* leaving cannot fail */
}

bool vfio_mdev_attached(struct vfio_mdev *mdev)
{
	bool attached;

	port_mutex_lock(&mdev->access->lock);
	attached = mdev->access->ioas;
	port_mutex_unlock(&mdev->access->lock);
	return attached;
}

int vfio_mdev_rw(struct vfio_mdev *mdev, u64 iova, void *buf, u64 length, bool write)
{
	if (write && mdev->container)
		return type1_write(mdev->container, mdev->access, iova, buf, length);
	return access_rw(mdev->access, iova, buf, length, write);
}

int vfio_mdev_pin(struct vfio_mdev *mdev, u64 iova, u64 length)
{
	struct mdev_pin *pin;
	u64 *phys;
	int err = -ENOMEM;

	if (!length || length > PIN_MAX || iova + length - 1 < iova)
		return -EINVAL;
	pin = port_alloc(sizeof(*pin));
	phys = port_alloc(pages_of(iova, length) * sizeof(*phys));
	if (!pin || !phys)
		goto free;
	port_mutex_lock(&mdev->lock);
	err = access_pin_pages(mdev->access, iova, length, true, phys);
	if (!err) {
		pin->iova = iova;
		pin->length = length;
		pin->next = mdev->pins;
		mdev->pins = pin;
		mdev->pages += pages_of(iova, length);
		if (mdev->container)
			type1_note_pin(mdev->container, iova, length, true);
		pin = NULL;
	}
	port_mutex_unlock(&mdev->lock);
free:
	port_free(pin);
	port_free(phys);
	return err;
}

int vfio_mdev_unpin(struct vfio_mdev *mdev, u64 iova, u64 length)
{
	struct mdev_pin **at = &mdev->pins;
	int err = -ENOENT;

	port_mutex_lock(&mdev->lock);
	while (*at && ((*at)->iova != iova || (*at)->length != length))
		at = &(*at)->next;
	if (*at) {
		let_go(mdev, at);
		err = 0;
	}
	port_mutex_unlock(&mdev->lock);
	return err;
}

void vfio_mdev_unpin_all(struct vfio_mdev *mdev)
{
	mdev_unmap(mdev, 0, UINT64_MAX);
}

u64 vfio_mdev_pinned(struct vfio_mdev *mdev)
{
	u64 pages;

	port_mutex_lock(&mdev->lock);
	pages = mdev->pages;
	port_mutex_unlock(&mdev->lock);
	return pages;
}
