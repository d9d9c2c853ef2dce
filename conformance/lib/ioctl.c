/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One call an ioctl: sizes filled in, results handed out only on success. */
#include "ct.h"

struct ct ct;

/* What a driver returned, if it had a way to do it. */
static int able(int ret)
{
	if (ret == TARGET_UNABLE)
		ct_skip("%s", ct.t->unable);
	return ret;
}

int ct_ioctl(unsigned long cmd, void *arg)
{
	return ct.t->driver->ioctl(ct.t, cmd, arg);
}

int ct_close(int fd)
{
	return ct.t->driver->close_fd(ct.t, fd);
}

int ct_destroy(u32 id)
{
	struct iommu_destroy arg = { .size = sizeof(arg), .id = id };

	return ct_ioctl(IOMMU_DESTROY, &arg);
}

int ct_ioas_alloc(u32 *ioas)
{
	struct iommu_ioas_alloc arg = { .size = sizeof(arg) };
	int ret = ct_ioctl(IOMMU_IOAS_ALLOC, &arg);

	if (!ret)
		*ioas = arg.out_ioas_id;
	return ret;
}

int ct_map(u32 ioas, void *va, u64 length, u64 iova)
{
	return ct_map_flags(ioas,
			    IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_WRITEABLE |
				    IOMMU_IOAS_MAP_READABLE,
			    va, length, &iova);
}

int ct_map_flags(u32 ioas, u32 flags, void *va, u64 length, u64 *iova)
{
	struct iommu_ioas_map arg = {
		.size = sizeof(arg),
		.flags = flags,
		.ioas_id = ioas,
		.user_va = (uintptr_t)va,
		.length = length,
		.iova = *iova,
	};
	int ret = ct_ioctl(IOMMU_IOAS_MAP, &arg);

	if (!ret)
		*iova = arg.iova;
	return ret;
}

int ct_map_file(u32 ioas, u32 flags, int fd, u64 start, u64 length, u64 *iova)
{
	struct iommu_ioas_map_file arg = {
		.size = sizeof(arg),
		.flags = flags,
		.ioas_id = ioas,
		.fd = fd,
		.start = start,
		.length = length,
		.iova = *iova,
	};
	int ret = ct_ioctl(IOMMU_IOAS_MAP_FILE, &arg);

	if (ret == -ENOTTY && !(ct.t->caps & TARGET_REFERENCE))
		ct_skip("this kernel has no IOMMU_IOAS_MAP_FILE");
	if (!ret)
		*iova = arg.iova;
	return ret;
}

int ct_copy(u32 dst_ioas, u64 dst_iova, u32 src_ioas, u64 src_iova, u64 length, u32 flags)
{
	struct iommu_ioas_copy arg = {
		.size = sizeof(arg),
		.flags = flags,
		.dst_ioas_id = dst_ioas,
		.src_ioas_id = src_ioas,
		.length = length,
		.dst_iova = dst_iova,
		.src_iova = src_iova,
	};

	return ct_ioctl(IOMMU_IOAS_COPY, &arg);
}

int ct_unmap(u32 ioas, u64 iova, u64 length, u64 *unmapped)
{
	struct iommu_ioas_unmap arg = {
		.size = sizeof(arg),
		.ioas_id = ioas,
		.iova = iova,
		.length = length,
	};
	int ret = ct_ioctl(IOMMU_IOAS_UNMAP, &arg);

	if (!ret && unmapped)
		*unmapped = arg.length;
	return ret;
}

int ct_unmap_dirty(u32 ioas, u64 iova, u64 length, u64 page_size, const void *bitmap)
{
	struct iodirty_unmap_dirty arg = {
		.ioas_id = ioas,
		.iova = iova,
		.length = length,
		.page_size = page_size,
		.data = (uintptr_t)bitmap,
	};

	return ct.t->driver->unmap_dirty(ct.t, &arg);
}

int ct_option(u32 option, u32 object, u16 op, u64 *val)
{
	struct iommu_option arg = {
		.size = sizeof(arg),
		.option_id = option,
		.op = op,
		.object_id = object,
		.val64 = *val,
	};
	int ret = ct_ioctl(IOMMU_OPTION, &arg);

	if (!ret)
		*val = arg.val64;
	return ret;
}

int ct_hwpt_alloc(u32 dev, u32 pt, u32 flags, u32 *hwpt)
{
	struct iommu_hwpt_alloc arg = {
		.size = sizeof(arg),
		.flags = flags,
		.dev_id = dev,
		.pt_id = pt,
	};
	int ret = ct_ioctl(IOMMU_HWPT_ALLOC, &arg);

	if (ret == -EOPNOTSUPP && flags & IOMMU_HWPT_ALLOC_DIRTY_TRACKING &&
	    !(ct.t->caps & TARGET_TRACK))
		ct_not_capable("HWPT_ALLOC with DIRTY_TRACKING: EOPNOTSUPP");
	if (!ret)
		*hwpt = arg.out_hwpt_id;
	return ret;
}

int ct_hw_info(u32 dev, u64 *capabilities)
{
	struct iommu_hw_info arg = { .size = sizeof(arg), .dev_id = dev };
	int ret = ct_ioctl(IOMMU_GET_HW_INFO, &arg);

	if (!ret)
		*capabilities = arg.out_capabilities;
	return ret;
}

int ct_set_tracking(u32 hwpt, bool on)
{
	struct iommu_hwpt_set_dirty_tracking arg = {
		.size = sizeof(arg),
		.flags = on ? IOMMU_HWPT_DIRTY_TRACKING_ENABLE : 0,
		.hwpt_id = hwpt,
	};

	return ct_ioctl(IOMMU_HWPT_SET_DIRTY_TRACKING, &arg);
}

int ct_split(u32 hwpt, u32 policy)
{
	return ct.t->driver->split(ct.t, hwpt, policy);
}

int ct_get_bitmap(u32 hwpt, u32 flags, u64 iova, u64 length, u64 page_size, const void *bitmap)
{
	struct iommu_hwpt_get_dirty_bitmap arg = {
		.size = sizeof(arg),
		.hwpt_id = hwpt,
		.flags = flags,
		.iova = iova,
		.length = length,
		.page_size = page_size,
		.data = (uintptr_t)bitmap,
	};

	return ct_ioctl(IOMMU_HWPT_GET_DIRTY_BITMAP, &arg);
}

int ct_plug(u32 flags, u32 *dev)
{
	return ct_plug_pasid(flags, 0, dev);
}

int ct_plug_pasid(u32 flags, u32 pasid_width, u32 *dev)
{
	return ct_plug_as(&(struct iodirty_plug){ .flags = flags, .pasid_width = pasid_width },
			  dev);
}

int ct_plug_as(const struct iodirty_plug *like, u32 *dev)
{
	struct iodirty_plug plug = *like;
	int ret;

	memcpy(plug.format, ct.config.format.name, sizeof(plug.format));
	ret = able(ct.t->driver->plug(ct.t, &plug));
	if (!ret)
		*dev = plug.out_dev_id;
	return ret;
}

int ct_unplug(u32 dev)
{
	return able(ct.t->driver->unplug(ct.t, dev));
}

int ct_attach(u32 dev, u32 pasid, u32 pt)
{
	return able(ct.t->driver->attach(ct.t, dev, pasid, false, &pt));
}

int ct_attach_out(u32 dev, u32 pasid, u32 pt, u32 *hwpt)
{
	int ret = able(ct.t->driver->attach(ct.t, dev, pasid, false, &pt));

	if (!ret)
		*hwpt = pt;
	return ret;
}

int ct_replace(u32 dev, u32 pasid, u32 pt)
{
	return able(ct.t->driver->attach(ct.t, dev, pasid, true, &pt));
}

int ct_detach(u32 dev, u32 pasid)
{
	return able(ct.t->driver->detach(ct.t, dev, pasid));
}

static int dma(struct iodirty_dma *d)
{
	int ret = able(ct.t->driver->dma(ct.t, d));

	return !ret && d->out_fault ? -EFAULT : ret;
}

int ct_dma_write(u32 dev, u32 pasid, u64 iova, const void *data, u64 length)
{
	struct iodirty_dma d = {
		.op = IODIRTY_DMA_WRITE,
		.dev_id = dev,
		.pasid = pasid,
		.iova = iova,
		.length = length,
		.data = (uintptr_t)data,
	};

	return dma(&d);
}

int ct_dma_read(u32 dev, u32 pasid, u64 iova, void *data, u64 length)
{
	struct iodirty_dma d = {
		.op = IODIRTY_DMA_READ,
		.dev_id = dev,
		.pasid = pasid,
		.iova = iova,
		.length = length,
		.data = (uintptr_t)data,
	};

	return dma(&d);
}
