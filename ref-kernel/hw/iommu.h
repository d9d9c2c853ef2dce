/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The inside of a modelled IOMMU, between the files of hw/. */
#ifndef IODIRTY_HW_IOMMU_H
#define IODIRTY_HW_IOMMU_H

#include "hw/hw.h"

/* ---- a store of blocks (cache.c) ---- */

/* A block of 2^lg2 bytes at @first, and what is known of it. */
struct hw_slot {
	bool valid;
	bool gone; /* taken by the last hw_cache_forget(), and not asked for since */
	unsigned int lg2; /* 1 .. 64 */
	struct hw_tag tag;
	u64 first;
	union {
		struct hw_xlate leaf; /* pa: of @first */
		struct hw_place place;
	};
};

struct hw_cache {
	struct port_mutex lock; /* short: several DMAs look up and fill at once */
	struct hw_slot *slots; /* sets x ways */
	unsigned int *turns; /* of each set: the way to replace next */
	u64 *used; /* a bit each, behind the slots: it is valid or gone */
	unsigned int sets, ways; /* sets 0: it never holds anything */
	u64 sizes; /* bit n: there may be a block of 2^(n + 1) bytes */
};

/* Both -ENOMEM. @sets or @ways 0: it never holds anything. */
int hw_cache_init(struct hw_cache *c, unsigned int sets, unsigned int ways);
/* Fully associative, or where there are many by fours. */
int hw_cache_init_entries(struct hw_cache *c, unsigned int entries);
void hw_cache_fini(struct hw_cache *c);
/* The smallest block that @iova is in. */
bool hw_cache_find(struct hw_cache *c, struct hw_tag tag, u64 iova, struct hw_slot *out);
/* It takes the place of the same block, else of none, else of another in its set. */
void hw_cache_fill(struct hw_cache *c, const struct hw_slot *new);
/* Every block of @tag, of which HW_ANY is each, that overlaps [first, last]. */
void hw_cache_forget(struct hw_cache *c, struct hw_tag tag, u64 first, u64 last);
/* The next, from slot *@at on, of those that hw_cache_forget() took just now and that
 * nothing has replaced since. */
bool hw_cache_gone(struct hw_cache *c, unsigned int *at, struct hw_slot *out);

/* A cache of leaves (iotlb.c): @x is the translation of @iova, its leaf is held. */
bool hw_iotlb_lookup(struct hw_cache *tlb, struct hw_tag tag, u64 iova, struct hw_xlate *x);
void hw_iotlb_fill(struct hw_cache *tlb, struct hw_tag tag, u64 iova, const struct hw_xlate *x);

/* ---- an IOMMU and its devices ---- */

#define HW_QUEUE_LENGTH 64

struct hw_queue {
	struct port_mutex lock; /* inside in_flight */
	struct hw_inv commands[HW_QUEUE_LENGTH];
	unsigned int nr; /* issued and not carried out */
};

/* As in struct iodirty_stats; port_count()ed. */
struct hw_counters {
	u64 dma_ops;
	u64 iotlb_hits, iotlb_misses;
	u64 walks, dirty_sets;
	u64 invalidations, invalidated_bytes;
	u64 place_hits, place_misses;
	u64 atc_hits, atc_misses, atc_invalidations;
	u64 waits;
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
	struct hw_cache iotlb; /* of leaves */
	struct hw_cache places; /* of tables on the way to them */
	struct hw_queue queue;
	struct hw_counters count;
};

struct hw_dev {
	struct hw_iommu *iommu;
	struct port_map contexts; /* by PASID, under iommu->in_flight */
	bool ats, eager;
	struct hw_cache atc; /* of leaves, tagged by PASID, with the permissions granted */
	struct hw_recorder *recorder; /* NULL: nobody asked */
	u32 record_id;
	/* The rest under iommu->in_flight. */
	bool stopped;
	void (*note)(void *data, u64 iova, u64 length); /* NULL: no tracker of its own */
	void *note_data;
};

/* What (@dev, @pasid) translates through; NULL: nothing. in_flight is held. */
const struct hw_context *hw_context_find(struct hw_dev *dev, u32 pasid);
/* NULL: nobody walks @format. */
const struct hw_walker *hw_walker_find(const char *format);
/* A walk of @ctx's own tables: stage 2, where there is a stage 1. */
struct hw_walk hw_walk_of(struct hw_iommu *iommu, const struct hw_context *ctx, u32 pasid, u64 iova,
			  bool write);

/* ---- stage 1 (nest.c, nest_cd.c) ---- */

/* A walk of stage 1: the tables that it goes through are what stage 2 says. */
struct hw_nest {
	struct hw_iommu *iommu;
	const struct hw_context *ctx;
	u32 pasid;
	u64 entry; /* the one that the walk asked for last, as it was read */
	u64 at; /* its address, of stage 2 */
};

/* What is cached of both stages is tagged so. */
struct hw_tag hw_nest_tag(const struct hw_context *ctx, u32 pasid);
/* As a walker, through both stages of @ctx. @x->dirty: a write needs no update of
 * either. in_flight is held. */
enum iodirty_fault hw_nest_translate(struct hw_iommu *iommu, const struct hw_context *ctx,
				     u32 pasid, u64 iova, bool write, struct hw_xlate *x);
/* Read 8 bytes of guest memory, at an address of stage 2, as stage 1 would. */
enum iodirty_fault hw_nest_load(const struct hw_nest *nest, u64 at, u64 *v);
/* hw_walk_entry() and hw_walk_mark(), for a walk of stage 1. */
u64 *hw_nest_entry(struct hw_walk *w, u64 at);
bool hw_nest_mark(struct hw_walk *w, u64 old, u64 new);
/* What the guest's context descriptor for the PASID says: @w's tables, root and track. */
enum iodirty_fault hw_cd_read(const struct hw_nest *nest, struct hw_geometry *tables,
			      struct hw_walk *w);

/*
 * The IOMMU translates @iova for one access, or for a translation request that asks
 * for as much (dma.c). On success x->dirty says that a write of this context has
 * nothing left to mark. in_flight is held.
 */
enum iodirty_fault hw_translate(struct hw_dev *dev, u32 pasid, bool write, u64 iova,
				struct hw_xlate *x);
/* The device does, by its own cache where it has one (ats.c). in_flight is held. */
enum iodirty_fault hw_dev_translate(struct hw_dev *dev, u32 pasid, bool write, u64 iova,
				    struct hw_xlate *x);
/* What @dev, which has ATS, does upon an invalidation. in_flight is held for writing. */
void hw_atc_invalidate(struct hw_dev *dev, u32 pasid, u64 first, u64 last);
/* Its context, or with HW_ANY each, is another one now. in_flight is held for writing. */
void hw_atc_reset(struct hw_dev *dev, u32 pasid);
/* All that was issued is carried out (queue.c). */
void hw_queue_drain(struct hw_iommu *iommu);
/* IOTLB and, unless @leaf_only, walk cache; HW_ANY is each. in_flight is held for writing. */
void hw_caches_forget(struct hw_iommu *iommu, struct hw_tag tag, u64 first, u64 last,
		      bool leaf_only);

/* ---- for walkers (walk.c, walk_cache.c) ---- */

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
