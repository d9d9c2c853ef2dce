/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The inside of a modelled IOMMU, between the files of hw/. */
#ifndef IODIRTY_HW_IOMMU_H
#define IODIRTY_HW_IOMMU_H

#include "hw/hw.h"

/* Whose a translation is. */
struct hw_tag {
	u32 domain;
	u32 stage1; /* struct hw_stage1's; 0: of the domain's own tables alone */
	u32 pasid; /* where stage 1 is not the same for all PASIDs */
};

struct hw_iotlb_entry {
	bool valid;
	struct hw_tag tag;
	struct hw_xlate x; /* pa: of iova_first */
};

/*
 * A direct-mapped cache of leaves, whole ones, tagged. One that went through two
 * stages is as large as the smaller of its two leaves. What a DMA finds here it
 * believes: nothing but an invalidation takes an entry back.
 */
struct hw_iotlb {
	struct port_mutex lock; /* short: several DMAs look up and fill at once */
	struct hw_iotlb_entry *entries;
	unsigned int nr;
	u64 sizes; /* bit n: there may be a leaf of 2^n bytes */
};

/* -ENOMEM. @nr 0: it never holds anything. */
int hw_iotlb_init(struct hw_iotlb *tlb, unsigned int nr);
void hw_iotlb_fini(struct hw_iotlb *tlb);
bool hw_iotlb_lookup(struct hw_iotlb *tlb, const struct hw_tag *tag, u64 iova, struct hw_xlate *x);
/* @x: the translation of @iova; takes the place of what its slot held. */
void hw_iotlb_fill(struct hw_iotlb *tlb, const struct hw_tag *tag, u64 iova,
		   const struct hw_xlate *x);
/* Every leaf of @domain and @stage1 (0: of no stage 1) that overlaps [first, last]. */
void hw_iotlb_forget(struct hw_iotlb *tlb, u32 domain, u32 stage1, u64 first, u64 last);
/* Every leaf of @domain. */
void hw_iotlb_forget_domain(struct hw_iotlb *tlb, u32 domain);

/* As in struct iodirty_stats; port_count()ed. */
struct hw_counters {
	u64 dma_ops;
	u64 iotlb_hits, iotlb_misses;
	u64 walks, dirty_sets;
	u64 invalidations, invalidated_bytes;
};

struct hw_iommu {
	struct hw_iommu_config config;
	const struct hw_walker *walker;
	/*
	 * Held for read from the translation of one part of a DMA to its last
	 * byte; for write to change contexts and to invalidate. So whoever gets
	 * it for write has waited for all that used the old translations.
	 */
	struct port_rwsem in_flight;
	struct hw_iotlb iotlb;
	struct hw_counters count;
};

struct hw_dev {
	struct hw_iommu *iommu;
	struct port_map contexts; /* by PASID, under iommu->in_flight */
};

/* What (@dev, @pasid) translates through; NULL: nothing. in_flight is held. */
const struct hw_context *hw_context_find(struct hw_dev *dev, u32 pasid);
/* NULL: nobody walks @format. */
const struct hw_walker *hw_walker_find(const char *format);
/* A walk of @ctx's own tables: stage 2, where there is a stage 1. */
struct hw_walk hw_walk_of(struct hw_iommu *iommu, const struct hw_context *ctx, u64 iova,
			  bool write);

/* ---- stage 1 (nest.c, nest_cd.c) ---- */

/* A walk of stage 1: the tables that it goes through are what stage 2 says. */
struct hw_nest {
	struct hw_iommu *iommu;
	const struct hw_context *ctx;
	u64 entry; /* the one that the walk asked for last, as it was read */
	u64 at; /* its address, of stage 2 */
};

/* As a walker, through both stages of @ctx. @x->dirty: a write needs no update of
 * either. in_flight is held. */
enum iodirty_fault hw_nest_translate(struct hw_iommu *iommu, const struct hw_context *ctx,
				     u32 pasid, u64 iova, bool write, struct hw_xlate *x);
/* Read 8 bytes of guest memory, at an address of stage 2, as stage 1 would. */
enum iodirty_fault hw_nest_load(const struct hw_nest *nest, u64 at, u64 *v);
/* hw_walk_entry() and hw_walk_mark(), for a walk of stage 1. */
u64 *hw_nest_entry(struct hw_walk *w, u64 at);
bool hw_nest_mark(struct hw_walk *w, u64 old, u64 new);
/* What the guest's context descriptor for @pasid says: @w's tables, root and track. */
enum iodirty_fault hw_cd_read(const struct hw_nest *nest, u32 pasid, struct hw_geometry *tables,
			      struct hw_walk *w);

/* ---- for walkers (walk.c) ---- */

/* Where to begin: @at names the root; it may be moved down to a table that a walk
 * cache knows. */
void hw_walk_begin(struct hw_walk *w, struct hw_place *at);
/* The walk goes down to @at. */
void hw_walk_down(struct hw_walk *w, const struct hw_place *at);
/* Entry @index of the table at address @table: NULL with w->fault set if that cannot
 * be reached. It is good until the next one is asked for, and only hw_walk_mark()
 * may change it: of a stage 1 it is a copy. */
u64 *hw_walk_entry(struct hw_walk *w, u64 table, u64 index);

/*
 * Make what a walk has read in @entry as @old into @new, in one atomic operation.
 * False: it is not @old any more, and the walk begins anew; or it cannot be written,
 * as w->fault says then.
 */
bool hw_walk_mark(struct hw_walk *w, u64 *entry, u64 old, u64 new);

#endif
