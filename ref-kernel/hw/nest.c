/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Translation through two stages: Intel VT-d Architecture Specification, section 3.8
 * "Nested Translation"; Arm SMMU Architecture Specification (IHI 0070), section 3.3
 * and 5.2, STE.Config 0b111.
 *
 * A guest's tables are in the guest's memory. What stage 1 reads of them, stage 2
 * must let it read; where it sets A or D, that is a write to guest memory by the
 * IOMMU: stage 2 must allow it, and has D set for the page of that table before the
 * entry changes. So who reads stage 2's D bits learns of it as of any other write.
 */
#include "iommu.h"

/* in_flight is held, by which no page that this finds goes away before it is left. */
static enum iodirty_fault stage2(const struct hw_nest *nest, u64 at, bool write, struct hw_xlate *x)
{
	struct hw_walk w = hw_walk_of(nest->iommu, nest->ctx, nest->pasid, at, write);

	return nest->iommu->walker->walk(&w, x);
}

enum iodirty_fault hw_nest_load(const struct hw_nest *nest, u64 at, u64 *v)
{
	struct hw_xlate x;
	enum iodirty_fault fault = stage2(nest, at, false, &x);

	if (!fault && port_phys_load(x.pa, v))
		fault = IODIRTY_FAULT_MEMORY;
	return fault;
}

/* The guest's own memory cannot be handed out: it may go at any time. */
u64 *hw_nest_entry(struct hw_walk *w, u64 at)
{
	w->nest->at = at;
	w->fault = hw_nest_load(w->nest, at, &w->nest->entry);
	return w->fault ? NULL : &w->nest->entry;
}

/* D of stage 2 first, then the guest's entry, of which it tells. */
bool hw_nest_mark(struct hw_walk *w, u64 old, u64 new)
{
	struct hw_xlate x;
	u64 was;

	w->fault = stage2(w->nest, w->nest->at, true, &x);
	if (!w->fault && port_phys_atomic(x.pa, PORT_CAS, sizeof(was), new, old, &was))
		w->fault = IODIRTY_FAULT_MEMORY;
	return !w->fault && was == old;
}

/* One leaf of what two say of the same address: the smaller, with what both allow. */
static void combine(const struct hw_walk *w1, const struct hw_xlate *s1, const struct hw_walk *w2,
		    const struct hw_xlate *s2, struct hw_xlate *x)
{
	unsigned int lg2 = port_min(s1->lg2, s2->lg2);

	*x = (struct hw_xlate){
		.pa = s2->pa,
		.iova_first = w1->iova & ~((1ULL << lg2) - 1),
		.lg2 = lg2,
		.read = s1->read && s2->read,
		.write = s1->write && s2->write,
		.dirty = (s1->dirty || !w1->track) && (s2->dirty || !w2->track),
	};
}

/* Where stage 1 of the PASID begins; *@bypass: nowhere. */
static enum iodirty_fault begin(struct hw_nest *nest, struct hw_geometry *tables, struct hw_walk *w,
				bool *bypass)
{
	const struct hw_stage1 *s1 = &nest->ctx->stage1;

	*bypass = false;
	switch (s1->kind) {
	case HW_STAGE1_TABLE:
		*tables = s1->tables;
		w->root = s1->address;
		w->track = true; /* VT-d 3.6.2: a first stage has no switch for A and D */
		return IODIRTY_FAULT_NONE;
	case HW_STAGE1_CD:
		/* Without descriptors for PASIDs, S1DSS means nothing. */
		if (s1->cds_lg2 && !nest->pasid) {
			*bypass = s1->dss == HW_DSS_BYPASS;
			if (*bypass)
				return IODIRTY_FAULT_NONE;
			if (s1->dss != HW_DSS_CD0)
				return IODIRTY_FAULT_NOT_ATTACHED;
		}
		return hw_cd_read(nest, tables, w);
	default:
		return IODIRTY_FAULT_NOT_ATTACHED;
	}
}

/* Of VT-d a PASID-table entry, and so the stage 1, is all that tells them apart; of
 * SMMUv3 each PASID has a stage 1 of its own. */
struct hw_tag hw_nest_tag(const struct hw_context *ctx, u32 pasid)
{
	return (struct hw_tag){
		.domain = ctx->domain,
		.pasid = ctx->stage1.kind == HW_STAGE1_CD ? pasid : 0,
		.stage1 = ctx->stage1.tag,
	};
}

enum iodirty_fault hw_nest_translate(struct hw_iommu *iommu, const struct hw_context *ctx,
				     u32 pasid, u64 iova, bool write, struct hw_xlate *x)
{
	struct hw_nest nest = { .iommu = iommu, .ctx = ctx, .pasid = pasid };
	struct hw_geometry tables;
	struct hw_walk w1 = {
		.tables = &tables,
		.iova = iova,
		.write = write,
		.dirty_sets = &iommu->count.dirty_sets,
		.iommu = iommu,
		.tag = hw_nest_tag(ctx, pasid),
		.nest = &nest,
	};
	struct hw_walk w2;
	const struct hw_walker *walker;
	struct hw_xlate s1, s2;
	enum iodirty_fault fault;
	bool bypass;

	fault = begin(&nest, &tables, &w1, &bypass);
	if (fault)
		return fault;
	w2 = hw_walk_of(iommu, ctx, pasid, iova, write);
	if (bypass)
		return iommu->walker->walk(&w2, x);
	walker = hw_walker_find(tables.format);
	if (!walker)
		return IODIRTY_FAULT_BAD_TABLE;
	fault = walker->walk(&w1, &s1);
	if (fault)
		return fault;
	w2.iova = s1.pa;
	fault = iommu->walker->walk(&w2, &s2);
	if (!fault)
		combine(&w1, &s1, &w2, &s2, x);
	return fault;
}
