/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* VFIO_DEVICE_FEATURE: what a device may have besides (drivers/vfio/vfio_main.c). */
#include "device.h"

#define GET VFIO_DEVICE_FEATURE_GET
#define SET VFIO_DEVICE_FEATURE_SET
#define PROBE VFIO_DEVICE_FEATURE_PROBE

struct feature {
	u32 number;
	u32 of; /* enum iodirty_vfio_flags: devices that have it */
	u32 size; /* of its struct */
	int (*get)(struct vfio_device *dev, u64 uptr); /* NULL: cannot be asked for */
	int (*set)(struct vfio_device *dev, u64 uptr);
};

static const struct feature features[] = {
	{ VFIO_DEVICE_FEATURE_MIGRATION, IODIRTY_VFIO_MIGRATION,
	  sizeof(struct vfio_device_feature_migration), vfio_mig_get_flags, NULL },
	{ VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE, IODIRTY_VFIO_MIGRATION,
	  sizeof(struct vfio_device_feature_mig_state), vfio_mig_get_state, vfio_mig_set_state },
	{ VFIO_DEVICE_FEATURE_MIG_DATA_SIZE, IODIRTY_VFIO_MIGRATION,
	  sizeof(struct vfio_device_feature_mig_data_size), vfio_mig_data_size, NULL },
	{ VFIO_DEVICE_FEATURE_DMA_LOGGING_START, IODIRTY_VFIO_LOG,
	  sizeof(struct vfio_device_feature_dma_logging_control), NULL, vfio_log_start },
	{ VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP, IODIRTY_VFIO_LOG, 0, NULL, vfio_log_stop },
	{ VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT, IODIRTY_VFIO_LOG,
	  sizeof(struct vfio_device_feature_dma_logging_report), vfio_log_report, NULL },
};

static const struct feature *find(const struct vfio_device *dev, u32 number)
{
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		if (features[i].number == number && dev->plug.flags & features[i].of)
			return &features[i];
	return NULL;
}

/* What is asked for in vain fails before anything is done; a probe does nothing else. */
long vfio_feature_ioctl(struct vfio_device *dev, u64 uptr)
{
	const u32 head = sizeof(struct vfio_device_feature);
	struct vfio_device_feature arg;
	const struct feature *f;
	int err = vfio_copy_arg(&arg, uptr, head);

	if (err)
		return err;
	if (arg.flags & ~(VFIO_DEVICE_FEATURE_MASK | GET | SET | PROBE))
		return -EINVAL;
	if (!(arg.flags & PROBE) && arg.flags & GET && arg.flags & SET)
		return -EINVAL;
	f = find(dev, arg.flags & VFIO_DEVICE_FEATURE_MASK);
	if (!f)
		return -ENOTTY;
	if ((arg.flags & GET && !f->get) || (arg.flags & SET && !f->set))
		return -EINVAL;
	if (arg.flags & PROBE)
		return 0;
	if (!(arg.flags & (GET | SET)) || arg.argsz - head < f->size)
		return -EINVAL;
	return (arg.flags & GET ? f->get : f->set)(dev, uptr + head);
}
