/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The dispatcher: from an ioctl number and an untrusted pointer to a handler
 * with its argument copied in. The order of errors is Linux's
 * (drivers/iommu/iommufd/main.c): size unreadable EFAULT, unknown ENOTTY, too
 * short EINVAL, unreadable EFAULT, non-zero tail E2BIG, the handler's own. Numbers
 * beyond iommufd's are VFIO's, which has rules of its own.
 */
#include "core.h"

#define IOC_NR(cmd) ((cmd)&0xff)
#define IOC_TYPE(cmd) (((cmd) >> 8) & 0xff)
/* Copies of the caller's tail are looked at in pieces of this size. */
#define TAIL_CHUNK 256

union ucmd_arg {
	struct iommu_destroy destroy;
	struct iommu_ioas_alloc ioas_alloc;
	struct iommu_ioas_allow_iovas allow_iovas;
	struct iommu_ioas_copy copy;
	struct iommu_ioas_iova_ranges iova_ranges;
	struct iommu_ioas_map map;
	struct iommu_ioas_map_file map_file;
	struct iommu_ioas_unmap unmap;
	struct iommu_option option;
	struct iommu_vfio_ioas vfio_ioas;
	struct iommu_hwpt_alloc hwpt_alloc;
	struct iommu_hw_info hw_info;
	struct iommu_hwpt_set_dirty_tracking set_dirty;
	struct iommu_hwpt_get_dirty_bitmap get_dirty;
	struct iommu_hwpt_invalidate invalidate;
	struct iommu_fault_alloc fault_alloc;
	struct iommu_ioas_change_process change_process;
	struct iommu_test_cmd test;
	struct iodirty_format_info format_info;
	struct iodirty_plug plug;
	struct iodirty_dma dma;
	struct iodirty_stream_start stream;
	struct iodirty_stats stats;
	struct iodirty_engine engine;
	struct iodirty_record record;
	struct iodirty_unmap_dirty unmap_dirty;
	struct iodirty_vfio_plug vfio_plug;
};

static int destroy_ioctl(struct ucmd *ucmd)
{
	struct iommu_destroy *cmd = ucmd->arg;

	return object_destroy(ucmd->ctx, cmd->id);
}

struct ioctl_op {
	int (*run)(struct ucmd *ucmd);
	u32 size, min_size;
};

#define OP(fn, type, last)                                                                 \
	{                                                                                  \
		.run = fn, .size = sizeof(struct type),                                    \
		.min_size = offsetof(struct type, last) + sizeof(((struct type *)0)->last) \
	}

/* From IOMMUFD_CMD_BASE. An empty slot is ENOTTY. */
static const struct ioctl_op ops[] = {
	[0x00] = OP(destroy_ioctl, iommu_destroy, id),
	[0x01] = OP(ioas_alloc_ioctl, iommu_ioas_alloc, out_ioas_id),
	[0x02] = OP(ioas_allow_iovas_ioctl, iommu_ioas_allow_iovas, allowed_iovas),
	[0x03] = OP(ioas_copy_ioctl, iommu_ioas_copy, src_iova),
	[0x04] = OP(ioas_iova_ranges_ioctl, iommu_ioas_iova_ranges, out_iova_alignment),
	[0x05] = OP(ioas_map_ioctl, iommu_ioas_map, iova),
	[0x06] = OP(ioas_unmap_ioctl, iommu_ioas_unmap, length),
	[0x07] = OP(option_ioctl, iommu_option, val64),
	[0x08] = OP(vfio_ioas_ioctl, iommu_vfio_ioas, __reserved),
	[0x09] = OP(hwpt_alloc_ioctl, iommu_hwpt_alloc, __reserved),
	[0x0a] = OP(get_hw_info_ioctl, iommu_hw_info, __reserved),
	[0x0b] = OP(hwpt_set_dirty_ioctl, iommu_hwpt_set_dirty_tracking, __reserved),
	[0x0c] = OP(hwpt_get_dirty_ioctl, iommu_hwpt_get_dirty_bitmap, data),
	[0x0d] = OP(hwpt_invalidate_ioctl, iommu_hwpt_invalidate, __reserved),
	[0x0e] = OP(fault_queue_alloc_ioctl, iommu_fault_alloc, out_fault_fd),
	[0x0f] = OP(ioas_map_file_ioctl, iommu_ioas_map_file, iova),
	[0x12] = OP(ioas_change_process_ioctl, iommu_ioas_change_process, __reserved),
	[0x20] = OP(test_ioctl, iommu_test_cmd, last),
};

/* The bytes of the caller's struct beyond ours must be zero. */
static int check_tail(u64 uaddr, u64 size)
{
	u8 chunk[TAIL_CHUNK];

	while (size) {
		u64 n = port_min(size, sizeof(chunk));
		int err = port_copy_from_user(chunk, uaddr, n);

		if (err)
			return err;
		for (u64 i = 0; i < n; i++)
			if (chunk[i])
				return -E2BIG;
		uaddr += n;
		size -= n;
	}
	return 0;
}

static int copy_arg(void *arg, u32 size, u64 uptr, u32 user_size)
{
	int err = port_copy_from_user(arg, uptr, port_min(size, user_size));

	if (err || user_size <= size)
		return err;
	return check_tail(uptr + size, user_size - size);
}

int ucmd_reply(struct ucmd *ucmd)
{
	return port_copy_to_user(ucmd->uptr, ucmd->arg, port_min(ucmd->size, ucmd->user_size));
}

long iommufd_ioctl(struct iommufd_ctx *ctx, unsigned int cmd, u64 uptr)
{
	union ucmd_arg arg;
	struct ucmd ucmd = { .ctx = ctx, .uptr = uptr, .arg = &arg };
	unsigned int nr = IOC_NR(cmd), slot = nr - IOMMUFD_CMD_BASE;
	const struct ioctl_op *op = NULL;
	bool control = IOC_TYPE(cmd) == IODIRTY_TYPE;
	u32 min_size = 0;
	int err;

	/* The ioctl that injects failures must not meet one itself. */
	if (cmd == IODIRTY_FAIL_NTH)
		ucmd.fail_left = port_fail_set(0);
	if (control) {
		ucmd.size = control_size(nr, &min_size);
		if (!ucmd.size || cmd != _IO(IODIRTY_TYPE, nr))
			return -ENOTTY;
	} else if (nr < IOMMUFD_CMD_BASE || slot >= sizeof(ops) / sizeof(ops[0])) {
		return vfio_compat_ioctl(ctx, cmd, uptr);
	}

	err = port_copy_from_user(&ucmd.user_size, uptr, sizeof(ucmd.user_size));
	if (err)
		return err;
	if (!control) {
		op = &ops[slot];
		if (!op->run || cmd != _IO(IOMMUFD_TYPE, nr))
			return -ENOTTY;
		ucmd.size = op->size;
		min_size = op->min_size;
	}
	if (ucmd.user_size < min_size)
		return -EINVAL;

	memset(&arg, 0, sizeof(arg));
	err = copy_arg(&arg, ucmd.size, uptr, ucmd.user_size);
	if (err)
		return err;
	return control ? control_ioctl(&ucmd, nr) : op->run(&ucmd);
}

static long open_ioctl(void *priv, unsigned int cmd, u64 uptr)
{
	return iommufd_ioctl(priv, cmd, uptr);
}

static void open_release(void *priv)
{
	iommufd_release(priv);
}

const struct port_fd_ops iommufd_fd_ops = { .release = open_release, .ioctl = open_ioctl };
