/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* GET_HW_INFO: what an IOMMU's driver reports of its registers, by format. */
#include "core.h"

/* Register bits that say "hardware sets dirty bits". */
#define VTD_ECAP_SLADS (1ULL << 45) /* VT-d spec, 11.4.3 ECAP_REG */
#define AMD_EFR_HASUP (1ULL << 49) /* AMD 48882, MMIO offset 0030h */
#define AMD_EFR_HDSUP (1ULL << 52)

union hw_info_data {
	struct iommu_hw_info_vtd vtd;
	struct iommu_hw_info_amd amd;
	struct iommu_test_hw_info selftest;
};

/* What the driver reports of its registers. Returns the type; @size of it. */
static u32 hw_info_data(const struct iommu *iommu, union hw_info_data *data, u32 *size)
{
	memset(data, 0, sizeof(*data));
	if (!strcmp(iommu->fmt->name, "vtd-ss")) {
		data->vtd.ecap_reg = iommu->dirty ? VTD_ECAP_SLADS : 0;
		*size = sizeof(data->vtd);
		return IOMMU_HW_INFO_TYPE_INTEL_VTD;
	}
	if (!strcmp(iommu->fmt->name, "amd-v1")) {
		data->amd.efr = iommu->dirty ? AMD_EFR_HASUP | AMD_EFR_HDSUP : 0;
		*size = sizeof(data->amd);
		return IOMMU_HW_INFO_TYPE_AMD;
	}
	data->selftest.test_reg = IOMMU_HW_INFO_SELFTEST_REGVAL;
	*size = sizeof(data->selftest);
	return IOMMU_HW_INFO_TYPE_SELFTEST;
}

/* The caller's buffer gets what fits, and zeroes beyond what there is. */
static int copy_info(u64 uaddr, u32 room, const union hw_info_data *data, u32 size)
{
	static const u8 zeroes[64];
	int err = port_copy_to_user(uaddr, data, port_min(room, size));

	for (u64 at = size; !err && at < room; at += sizeof(zeroes))
		err = port_copy_to_user(uaddr + at, zeroes, port_min(room - at, sizeof(zeroes)));
	return err;
}

int get_hw_info_ioctl(struct ucmd *ucmd)
{
	struct iommu_hw_info *cmd = ucmd->arg;
	u32 wanted = cmd->in_data_type, size;
	union hw_info_data data;
	struct device *dev;
	int err;

	if (cmd->flags & ~IOMMU_HW_INFO_FLAG_INPUT_TYPE || cmd->__reserved[0] ||
	    cmd->__reserved[1] || cmd->__reserved[2])
		return -EOPNOTSUPP;
	dev = object_get(ucmd->ctx, cmd->dev_id, OBJECT_DEVICE);
	if (!dev)
		return -ENOENT;
	cmd->out_data_type = hw_info_data(dev->iommu, &data, &size);
	cmd->out_max_pasid_log2 = (u8)dev->pasid_width;
	cmd->out_capabilities = dev->iommu->dirty ? IOMMU_HW_CAP_DIRTY_TRACKING : 0;
	object_put(&dev->obj);

	if (cmd->flags & IOMMU_HW_INFO_FLAG_INPUT_TYPE && wanted != IOMMU_HW_INFO_TYPE_DEFAULT &&
	    wanted != cmd->out_data_type)
		return -EOPNOTSUPP;
	err = copy_info(cmd->data_uptr, cmd->data_len, &data, size);
	if (err)
		return err;
	cmd->data_len = size;
	return ucmd_reply(ucmd);
}
