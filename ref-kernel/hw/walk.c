/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the walks of all formats have in common: getting at entries and marking them. */
#include "iommu.h"

struct hw_walk hw_walk_of(struct hw_iommu *iommu, const struct hw_context *ctx, u32 pasid, u64 iova,
			  bool write)
{
	return (struct hw_walk){
		.tables = &iommu->config.tables,
		.root = ctx->root_phys,
		.iova = iova,
		.write = write,
		.track = (ctx->dirty && iommu->config.dirty) || iommu->walker->always,
		.dirty_sets = &iommu->count.dirty_sets,
		.iommu = iommu,
		.tag = { .domain = ctx->domain, .pasid = iommu->config.pasid_tagged ? pasid : 0 },
	};
}

u64 *hw_walk_entry(struct hw_walk *w, u64 table, u64 index)
{
	if (w->nest)
		return hw_nest_entry(w, table + index * sizeof(u64));
	return (u64 *)port_phys_table(table) + index;
}

bool hw_walk_mark(struct hw_walk *w, u64 *entry, u64 old, u64 new)
{
	if (old == new)
		return true;
	return w->nest ? hw_nest_mark(w, old, new) : port_cmpxchg(entry, &old, new);
}
