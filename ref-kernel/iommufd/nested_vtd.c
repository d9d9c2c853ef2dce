/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * VT-d's first stage over its second: Intel VT-d Architecture Specification, section
 * 9.6, PASID-table entry with PGTT 011b. The modelled IOMMU has first stages of four
 * levels (no CAP.FL5LP), and neither ECAP.SRS nor ECAP.EAFS.
 */
#include "nested.h"

#define FLAGS (IOMMU_VTD_S1_SRE | IOMMU_VTD_S1_EAFE | IOMMU_VTD_S1_WPE)
#define ADDR_WIDTH 48 /* FSPM 00b */

/* Linux looks at width and flags when a device attaches. Here what could never be
 * attached is not made. WPE is about supervisor requests, of which there are none. */
static int init(struct nested *nested, const union nested_data *data)
{
	const struct iommu_hwpt_vtd_s1 *vtd = &data->vtd;

	if (vtd->flags & ~(u64)FLAGS || vtd->__reserved)
		return -EOPNOTSUPP;
	if (vtd->flags & (IOMMU_VTD_S1_SRE | IOMMU_VTD_S1_EAFE) || vtd->addr_width != ADDR_WIDTH ||
	    vtd->pgtbl_addr & (PORT_PAGE_SIZE - 1))
		return -EINVAL;
	nested->stage1.kind = HW_STAGE1_TABLE;
	nested->stage1.address = vtd->pgtbl_addr;
	nested->stage1.tables = (struct hw_geometry){
		.format = "vtd-fs",
		.granule_lg2 = 12,
		.index_lg2 = 9,
		.levels = 4,
		.input_lg2 = ADDR_WIDTH,
	};
	return 0;
}

/* LEAF is a hint: the modelled IOMMU forgets tables too. That devices' caches are
 * included is the UAPI's word. */
static int invalidate(struct nested *nested, const union nested_data *entry)
{
	const struct iommu_hwpt_vtd_s1_invalidate *inv = &entry->vtd_inv;
	u64 last = UINT64_MAX;

	if (inv->flags & ~IOMMU_VTD_INV_FLAGS_LEAF || inv->__reserved)
		return -EOPNOTSUPP;
	if (inv->addr & (PORT_PAGE_SIZE - 1) || (inv->npages == UINT64_MAX && inv->addr))
		return -EINVAL;
	if (!inv->npages)
		return 0;
	/* A range that would wrap ends where addresses do. */
	if (inv->npages - 1 < (UINT64_MAX - inv->addr) >> PORT_PAGE_LG2)
		last = inv->addr + (inv->npages << PORT_PAGE_LG2) - 1;
	nested_forget(nested, inv->addr, last);
	nested_forget_devices(nested, inv->addr, last);
	return 0;
}

const struct nested_kind nested_vtd = {
	.parent = "vtd-ss",
	.data_type = IOMMU_HWPT_DATA_VTD_S1,
	.min_len = sizeof(struct iommu_hwpt_vtd_s1),
	.max_len = sizeof(struct iommu_hwpt_vtd_s1),
	.flags = IOMMU_HWPT_ALLOC_PASID,
	.init = init,
	.inv_type = IOMMU_HWPT_INVALIDATE_DATA_VTD_S1,
	.inv_len = sizeof(struct iommu_hwpt_vtd_s1_invalidate),
	.invalidate = invalidate,
};
