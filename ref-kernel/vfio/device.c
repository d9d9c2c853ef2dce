/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A VFIO device: its life, who has it, and the ioctls of its own node
 * (drivers/vfio/device_cdev.c, vfio_main.c).
 */
#include "container.h"

#define FIXED(type, last) (offsetof(struct type, last) + sizeof(((struct type *)0)->last))
#define ALL_FLAGS                                                                               \
	(IODIRTY_VFIO_NO_DIRTY | IODIRTY_VFIO_LOG | IODIRTY_VFIO_MIGRATION | IODIRTY_VFIO_P2P | \
	 IODIRTY_VFIO_PRE_COPY)

int vfio_copy_arg(void *arg, u64 uptr, u32 size)
{
	int err = port_copy_from_user(arg, uptr, size);

	if (err)
		return err;
	return *(u32 *)arg < size ? -EINVAL : 0;
}

static int check_plug(const struct iodirty_vfio_plug *plug)
{
	bool by_pasid = plug->kind == IODIRTY_VFIO_MDEV_PASID;

	if (plug->flags & ~ALL_FLAGS || plug->kind > IODIRTY_VFIO_MDEV_PASID)
		return -EOPNOTSUPP;
	if (plug->format[IODIRTY_NAME_LEN - 1] || !by_pasid != !plug->pasid ||
	    (plug->pasid_width && plug->kind != IODIRTY_VFIO_PCI) || plug->pasid_width > 20 ||
	    plug->pasid >> 20)
		return -EINVAL;
	if (plug->flags & (IODIRTY_VFIO_P2P | IODIRTY_VFIO_PRE_COPY) &&
	    !(plug->flags & IODIRTY_VFIO_MIGRATION))
		return -EINVAL;
	if (plug->log_entries && !(plug->flags & IODIRTY_VFIO_LOG))
		return -EINVAL;
	return pgt_format_by_name(plug->format) ? 0 : -ENOENT;
}

struct vfio_device *vfio_device_create(const struct iodirty_vfio_plug *plug, int *err)
{
	static u64 numbers;
	struct vfio_device *dev;

	*err = check_plug(plug);
	if (*err)
		return NULL;
	*err = -ENOMEM;
	dev = port_alloc(sizeof(*dev));
	if (!dev)
		return NULL;
	dev->plug = *plug;
	dev->number = (u32)__atomic_fetch_add(&numbers, 1, __ATOMIC_RELAXED);
	dev->refs = 1;
	port_mutex_init(&dev->lock);
	port_rwsem_init(&dev->io);
	vfio_config_init(&dev->config);
	vfio_engine_init(&dev->engine);
	if (plug->flags & IODIRTY_VFIO_MIGRATION && vfio_mig_create(dev)) {
		vfio_device_put(dev);
		return NULL;
	}
	return dev;
}

void vfio_device_hold(struct vfio_device *dev)
{
	port_count(&dev->refs, 1);
}

void vfio_device_put(struct vfio_device *dev)
{
	if (__atomic_sub_fetch(&dev->refs, 1, __ATOMIC_ACQ_REL))
		return;
	vfio_mig_destroy(dev);
	port_mutex_destroy(&dev->engine.lock);
	port_rwsem_destroy(&dev->io);
	port_mutex_destroy(&dev->lock);
	port_free(dev);
}

/* Its engine is at rest: it does nothing more, and is nobody's. In a container it stays
 * bound while its group is in that. lock held. */
static void release_device(struct vfio_device *dev)
{
	vfio_config_reset(dev);
	vfio_log_end(dev);
	if (!dev->backing.container || dev->gone)
		vfio_backing_unbind(dev);
	vfio_mig_reset(dev);
	dev->holder = NULL;
}

void vfio_device_remove(struct vfio_device *dev)
{
	port_mutex_lock(&dev->lock);
	dev->gone = true;
	vfio_engine_remove(dev);
	release_device(dev);
	port_mutex_unlock(&dev->lock);
	vfio_device_put(dev);
}

/* ---- opens ---- */

struct vfio_file *vfio_file_open(struct vfio_device *dev, struct vfio_group *group, int *err)
{
	struct vfio_file *file = port_alloc(sizeof(*file));

	*err = -ENOMEM;
	if (!file)
		return NULL;
	file->dev = dev;
	vfio_device_hold(dev);
	file->group = group;
	if (group) {
		group->opens++;
		port_count(&group->refs, 1);
	}
	return file;
}

static void *device_open(struct vfio_device *dev, int *err)
{
	struct vfio_file *file = NULL;

	port_mutex_lock(&dev->lock);
	*err = -ENODEV;
	if (!dev->gone)
		file = vfio_file_open(dev, NULL, err);
	port_mutex_unlock(&dev->lock);
	return file;
}

static void file_release(void *priv)
{
	struct vfio_file *file = priv;
	struct vfio_device *dev = file->dev;
	struct iommufd_ctx *ctx;

	port_mutex_lock(&dev->lock);
	/* The last of it may take the device along, if that was plugged in there. */
	ctx = dev->backing.ctx ? ctx_hold(dev->backing.ctx) : NULL;
	if (file->group ? !--file->group->opens : dev->holder == file) {
		vfio_engine_reset(dev);
		release_device(dev);
	}
	port_mutex_unlock(&dev->lock);
	if (ctx)
		ctx_put(ctx);
	if (file->group)
		vfio_group_put(file->group);
	vfio_device_put(dev);
	port_free(file);
}

int vfio_file_install(struct vfio_file *file)
{
	int fd = port_fd_install(&vfio_device_ops, file);

	if (fd < 0)
		file_release(file);
	return fd;
}

void *vfio_node_open(struct vfio_device *dev, enum iodirty_vfio_node node, int *err)
{
	switch (node) {
	case IODIRTY_VFIO_DEVICE:
		return device_open(dev, err);
	case IODIRTY_VFIO_GROUP:
		return vfio_group_open(dev, err);
	case IODIRTY_VFIO_CONTAINER:
		return vfio_container_open(err);
	}
	*err = -EINVAL;
	return NULL;
}

const struct port_fd_ops *vfio_node_ops(enum iodirty_vfio_node node)
{
	switch (node) {
	case IODIRTY_VFIO_DEVICE:
		return &vfio_device_ops;
	case IODIRTY_VFIO_GROUP:
		return &vfio_group_ops;
	case IODIRTY_VFIO_CONTAINER:
		return &vfio_container_ops;
	}
	return NULL;
}

/* ---- ioctls of a device; lock held ---- */

/* *@held, where it is set, is for the caller to put with the lock given up: the last of an
 * iommufd may take along a device that was plugged in there. */
static long bind(struct vfio_file *file, u64 uptr, struct port_fd **held)
{
	struct vfio_device *dev = file->dev;
	struct vfio_device_bind_iommufd cmd = { 0 };
	struct iommufd_ctx *ctx;
	int err = vfio_copy_arg(&cmd, uptr, FIXED(vfio_device_bind_iommufd, out_devid));

	if (err)
		return err;
	if (cmd.flags || cmd.iommufd < 0)
		return -EINVAL;
	if (dev->holder || file->group)
		return -EINVAL;
	if (dev->group)
		return -EBUSY;
	ctx = port_fd_get(cmd.iommufd, &iommufd_fd_ops, held);
	if (!ctx)
		return -EBADF;
	err = vfio_backing_bind(dev, ctx, NULL);
	if (err)
		return err;
	cmd.out_devid = vfio_backing_id(dev);
	err = port_copy_to_user(uptr, &cmd, FIXED(vfio_device_bind_iommufd, out_devid));
	if (err)
		vfio_backing_unbind(dev);
	else
		dev->holder = file;
	return err;
}

/* The answer is written before anything changes: when that fails there is nothing to undo. */
static long attach(struct vfio_device *dev, u64 uptr)
{
	struct vfio_device_attach_iommufd_pt cmd = { 0 };
	struct vfio_backing *backing = &dev->backing;
	struct ucmd reply = { .uptr = uptr, .arg = &cmd };
	u32 size = FIXED(vfio_device_attach_iommufd_pt, pt_id), pasid;
	int err = vfio_copy_arg(&cmd, uptr, size);

	if (err)
		return err;
	if (cmd.flags & ~VFIO_DEVICE_ATTACH_PASID)
		return -EINVAL;
	if (cmd.flags & VFIO_DEVICE_ATTACH_PASID) {
		size = sizeof(cmd);
		err = vfio_copy_arg(&cmd, uptr, size);
		if (err)
			return err;
		if (dev->plug.kind != IODIRTY_VFIO_PCI)
			return -EOPNOTSUPP;
	}
	reply.ctx = backing->ctx;
	reply.size = reply.user_size = size;
	if (backing->mdev) {
		err = ucmd_reply(&reply);
		return err ? err : vfio_mdev_attach(backing->mdev, cmd.pt_id);
	}
	pasid = dev->plug.kind == IODIRTY_VFIO_MDEV_PASID ? dev->plug.pasid : cmd.pasid;
	return device_attach(backing->dev, pasid, cmd.pt_id, device_attached(backing->dev, pasid),
			     &cmd.pt_id, &reply);
}

static long detach(struct vfio_device *dev, u64 uptr)
{
	struct vfio_device_detach_iommufd_pt cmd = { 0 };
	int err = vfio_copy_arg(&cmd, uptr, FIXED(vfio_device_detach_iommufd_pt, flags));

	if (err)
		return err;
	if (cmd.flags & ~VFIO_DEVICE_DETACH_PASID)
		return -EINVAL;
	if (cmd.flags & VFIO_DEVICE_DETACH_PASID) {
		err = vfio_copy_arg(&cmd, uptr, sizeof(cmd));
		if (err)
			return err;
		if (dev->plug.kind != IODIRTY_VFIO_PCI)
			return -EOPNOTSUPP;
	}
	if (dev->backing.mdev)
		vfio_mdev_detach(dev->backing.mdev);
	else
		device_detach(dev->backing.dev, dev->plug.kind == IODIRTY_VFIO_MDEV_PASID ?
							dev->plug.pasid :
							cmd.pasid);
	return 0;
}

static long get_info(u64 uptr)
{
	const u32 fixed = FIXED(vfio_device_info, num_irqs);
	struct vfio_device_info info = { 0 };
	int err = vfio_copy_arg(&info, uptr, fixed);
	u32 room = info.argsz;

	if (err)
		return err;
	info.flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET;
	info.num_regions = VFIO_PCI_NUM_REGIONS;
	info.num_irqs = VFIO_PCI_NUM_IRQS;
	return port_copy_to_user(uptr, &info, port_min(room, sizeof(info)));
}

/* It raises no interrupts: whoever needs to know asks its registers. */
static long get_irq_info(u64 uptr)
{
	struct vfio_irq_info info;
	int err = vfio_copy_arg(&info, uptr, sizeof(info));

	if (err)
		return err;
	if (info.index >= VFIO_PCI_NUM_IRQS)
		return -EINVAL;
	info.flags = 0;
	info.count = 0;
	return port_copy_to_user(uptr, &info, sizeof(info));
}

static long reset(struct vfio_device *dev)
{
	vfio_engine_reset(dev);
	vfio_config_reset(dev);
	vfio_log_end(dev);
	vfio_mig_reset(dev);
	return 0;
}

static long bound_ioctl(struct vfio_device *dev, bool by_node, unsigned int cmd, u64 arg)
{

	switch (cmd) {
	case VFIO_DEVICE_ATTACH_IOMMUFD_PT:
		return by_node ? attach(dev, arg) : -ENOTTY;
	case VFIO_DEVICE_DETACH_IOMMUFD_PT:
		return by_node ? detach(dev, arg) : -ENOTTY;
	case VFIO_DEVICE_GET_INFO:
		return get_info(arg);
	case VFIO_DEVICE_GET_REGION_INFO:
		return vfio_region_info(arg);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return get_irq_info(arg);
	case VFIO_DEVICE_RESET:
		return reset(dev);
	case VFIO_DEVICE_FEATURE:
		return vfio_feature_ioctl(dev, arg);
	default:
		return -ENOTTY;
	}
}

/* Bound by it, or by the group that it came by, which may open the device more than once. */
static bool is_bound(const struct vfio_file *file)
{
	return file->group || file->dev->holder == file;
}

static long file_ioctl(void *priv, unsigned int cmd, u64 arg)
{
	struct vfio_file *file = priv;
	struct vfio_device *dev = file->dev;
	struct port_fd *held = NULL;
	long ret;

	port_mutex_lock(&dev->lock);
	if (dev->gone)
		ret = -ENODEV;
	else if (cmd == VFIO_DEVICE_BIND_IOMMUFD)
		ret = bind(file, arg, &held);
	else if (!is_bound(file))
		ret = -EINVAL;
	else
		ret = bound_ioctl(dev, !file->group, cmd, arg);
	port_mutex_unlock(&dev->lock);
	if (held)
		port_fd_put(held);
	return ret;
}

static s64 file_rw(struct vfio_file *file, bool write, u64 uaddr, u64 size, u64 pos)
{
	struct vfio_device *dev = file->dev;
	int err = 0;

	port_mutex_lock(&dev->lock);
	if (dev->gone)
		err = -ENODEV;
	else if (!is_bound(file))
		err = -EINVAL;
	port_mutex_unlock(&dev->lock);
	return err ? err : vfio_region_rw(dev, write, uaddr, size, pos);
}

static s64 file_read(void *priv, u64 uaddr, u64 size, u64 pos)
{
	return file_rw(priv, false, uaddr, size, pos);
}

static s64 file_write(void *priv, u64 uaddr, u64 size, u64 pos)
{
	return file_rw(priv, true, uaddr, size, pos);
}

const struct port_fd_ops vfio_device_ops = {
	.release = file_release,
	.ioctl = file_ioctl,
	.read = file_read,
	.write = file_write,
};
