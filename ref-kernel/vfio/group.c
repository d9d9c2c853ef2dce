/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A group: each device is one (drivers/vfio/group.c). It is open once, and then the
 * device is not to be had by its own node; a device that came by it keeps it open.
 */
#include "container.h"

#define NAME_MAX_LEN 16 /* of "vfio" and a number of 32 bits, with its end */

void *vfio_group_open(struct vfio_device *dev, int *err)
{
	struct vfio_group *group = port_alloc(sizeof(*group));

	*err = -ENOMEM;
	if (!group)
		return NULL;
	group->dev = dev;
	group->refs = 1;
	port_mutex_init(&group->lock);
	port_mutex_lock(&dev->lock);
	*err = 0;
	if (dev->gone)
		*err = -ENODEV;
	else if (dev->group || dev->holder)
		*err = -EBUSY;
	else
		dev->group = group;
	port_mutex_unlock(&dev->lock);
	if (*err) {
		port_mutex_destroy(&group->lock);
		port_free(group);
		return NULL;
	}
	vfio_device_hold(dev);
	return group;
}

/* It is in something. lock held, and the device is not open. */
static void leave(struct vfio_group *group)
{
	if (group->container)
		vfio_container_leave(group->container, group);
	if (group->iommufd)
		ctx_put(group->iommufd);
	group->iommufd = NULL;
}

void vfio_group_put(struct vfio_group *group)
{
	struct vfio_device *dev = group->dev;

	if (__atomic_sub_fetch(&group->refs, 1, __ATOMIC_ACQ_REL))
		return;
	leave(group);
	port_mutex_lock(&dev->lock);
	dev->group = NULL;
	port_mutex_unlock(&dev->lock);
	vfio_device_put(dev);
	port_mutex_destroy(&group->lock);
	port_free(group);
}

static void group_release(void *priv)
{
	vfio_group_put(priv);
}

/* dev->lock held. */
static int attach(struct vfio_device *dev, u32 ioas_id)
{
	struct ucmd nobody = { .arg = &(u32){ 0 } };
	__u32 hwpt;

	if (dev->backing.mdev)
		return vfio_mdev_attach(dev->backing.mdev, ioas_id);
	return device_attach(dev->backing.dev, dev->plug.pasid, ioas_id, false, &hwpt, &nobody);
}

int vfio_group_bind(struct vfio_group *group, struct iommufd_ctx *ctx, u32 ioas_id,
		    struct vfio_container *container)
{
	struct vfio_device *dev = group->dev;
	int err;

	if (dev->gone)
		return -ENODEV;
	err = vfio_backing_bind(dev, ctx, container);
	if (err)
		return err;
	err = attach(dev, ioas_id);
	if (err)
		vfio_backing_unbind(dev);
	return err;
}

static long get_status(struct vfio_group *group, u64 uptr)
{
	struct vfio_group_status status;
	int err = vfio_copy_arg(&status, uptr, sizeof(status));

	if (err)
		return err;
	status.flags = VFIO_GROUP_FLAGS_VIABLE;
	if (group->container || group->iommufd)
		status.flags |= VFIO_GROUP_FLAGS_CONTAINER_SET;
	return port_copy_to_user(uptr, &status, sizeof(status));
}

static int join(struct vfio_group *group, int fd)
{
	struct vfio_container *container;
	struct iommufd_ctx *ctx = NULL;
	struct port_fd *held;
	int err;

	container = port_fd_get(fd, &vfio_container_ops, &held);
	if (!container)
		ctx = port_fd_get(fd, &iommufd_fd_ops, &held);
	if (!container && !ctx)
		return -EBADF;
	if (container) {
		err = vfio_container_join(container, group);
	} else {
		err = vfio_compat_make_ioas(ctx);
		if (!err)
			group->iommufd = ctx_hold(ctx);
	}
	port_fd_put(held);
	return err;
}

static long set_container(struct vfio_group *group, u64 uptr)
{
	s32 fd;

	if (port_copy_from_user(&fd, uptr, sizeof(fd)))
		return -EFAULT;
	if (group->container || group->iommufd)
		return -EINVAL;
	return join(group, fd);
}

static long unset_container(struct vfio_group *group)
{
	u32 opens;

	if (!group->container && !group->iommufd)
		return -EINVAL;
	port_mutex_lock(&group->dev->lock);
	opens = group->opens;
	port_mutex_unlock(&group->dev->lock);
	if (opens)
		return -EBUSY;
	leave(group);
	return 0;
}

/* ---- to the device ---- */

static int read_name(char name[NAME_MAX_LEN], u64 uptr)
{
	int err = 0;

	for (u32 i = 0; !err && i < NAME_MAX_LEN; i++) {
		err = port_copy_from_user(&name[i], uptr + i, 1);
		if (!err && !name[i])
			return 0;
	}
	return err ? err : -ENODEV;
}

static bool is_name_of(const struct vfio_device *dev, const char *name)
{
	char digits[NAME_MAX_LEN], expect[NAME_MAX_LEN] = "vfio";
	u32 n = 0, at = 4, number = dev->number;

	do
		digits[n++] = (char)('0' + number % 10);
	while ((number /= 10));
	while (n)
		expect[at++] = digits[--n];
	return !strcmp(name, expect);
}

/* lock and dev->lock held. In a container it is bound since that has an IOMMU driver; of
 * an iommufd with the first open, to the IOAS that VFIO's ioctls act upon. */
static int make_ready(struct vfio_group *group)
{
	struct ioas *ioas;
	int err;

	if (group->dev->gone)
		return -ENODEV;
	if (group->dev->backing.ctx)
		return 0;
	if (!group->iommufd)
		return -EINVAL;
	ioas = object_get_vfio_ioas(group->iommufd);
	if (!ioas)
		return -EINVAL;
	err = vfio_group_bind(group, group->iommufd, ioas->obj.id, NULL);
	object_put(&ioas->obj);
	return err;
}

static long get_device_fd(struct vfio_group *group, u64 uptr)
{
	struct vfio_device *dev = group->dev;
	struct vfio_file *file = NULL;
	char name[NAME_MAX_LEN];
	int err = read_name(name, uptr);

	if (err)
		return err;
	if (!is_name_of(dev, name))
		return -ENODEV;
	port_mutex_lock(&group->lock);
	port_mutex_lock(&dev->lock);
	err = make_ready(group);
	if (!err)
		file = vfio_file_open(dev, group, &err);
	/* Bound for this open, which there is not. */
	if (!file && group->iommufd && !group->opens)
		vfio_backing_unbind(dev);
	port_mutex_unlock(&dev->lock);
	port_mutex_unlock(&group->lock);
	return file ? vfio_file_install(file) : err;
}

static long device_id(struct vfio_group *group, u64 uptr)
{
	struct iodirty_vfio_id id;
	int err = vfio_copy_arg(&id, uptr, sizeof(id));

	if (err)
		return err;
	port_mutex_lock(&group->dev->lock);
	if (group->dev->backing.ctx)
		id.out_dev_id = vfio_backing_id(group->dev);
	else
		err = -ENODEV;
	port_mutex_unlock(&group->dev->lock);
	return err ? err : port_copy_to_user(uptr, &id, sizeof(id));
}

static long group_ioctl(void *priv, unsigned int cmd, u64 arg)
{
	struct vfio_group *group = priv;
	long ret;

	if (cmd == VFIO_GROUP_GET_DEVICE_FD)
		return get_device_fd(group, arg);
	if (cmd == IODIRTY_VFIO_ID)
		return device_id(group, arg);
	port_mutex_lock(&group->lock);
	switch (cmd) {
	case VFIO_GROUP_GET_STATUS:
		ret = get_status(group, arg);
		break;
	case VFIO_GROUP_SET_CONTAINER:
		ret = set_container(group, arg);
		break;
	case VFIO_GROUP_UNSET_CONTAINER:
		ret = unset_container(group);
		break;
	default:
		ret = -ENOTTY;
	}
	port_mutex_unlock(&group->lock);
	return ret;
}

const struct port_fd_ops vfio_group_ops = { .release = group_release, .ioctl = group_ioctl };
