/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The module iodirty_ref: the reference as /dev/iodirty. An open descriptor is
 * one /dev/iommu of its own, to which the ioctls of abi/iommufd.h and of
 * abi/iodirty.h are spoken. What is pinned is accounted to who pins it; tables and
 * modelled devices are not, so only root may open it.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>

#include "iommufd.h"
#include "linux.h"

static int device_open(struct inode *inode, struct file *file)
{
	struct iommufd_ctx *ctx = iommufd_open();
	struct handed *handed = ctx ? handed_alloc(&iommufd_fd_ops, ctx) : NULL;

	if (!handed) {
		if (ctx)
			iommufd_release(ctx);
		return -ENOMEM;
	}
	file->private_data = handed;
	return stream_open(inode, file);
}

static const struct file_operations device_fops = {
	.owner = THIS_MODULE,
	.open = device_open,
	.unlocked_ioctl = handed_ioctl,
	.release = handed_release,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "iodirty",
	.fops = &device_fops,
	.mode = 0600,
};

/* /sys/module/iodirty_ref/parameters/pinned_pages */
static int pinned_get(char *buf, const struct kernel_param *param)
{
	(void)param;
	return sysfs_emit(buf, "%lld\n", (long long)atomic64_read(&pinned_pages));
}

static const struct kernel_param_ops pinned_ops = { .get = pinned_get };

module_param_cb(pinned_pages, &pinned_ops, NULL, 0444);
MODULE_PARM_DESC(pinned_pages, "pages of programs that are pinned now, 0 when all are closed");

static int __init iodirty_init(void)
{
	return misc_register(&device);
}

static void __exit iodirty_exit(void)
{
	misc_deregister(&device);
	fail_forget_all();
}

module_init(iodirty_init);
module_exit(iodirty_exit);

MODULE_DESCRIPTION("Reference implementation of iommufd's dirty tracking on modelled hardware");
MODULE_LICENSE("Dual BSD/GPL");
