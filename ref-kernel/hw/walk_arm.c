/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The VMSAv8-64 walk of an SMMUv3: Arm Architecture Reference Manual, DDI 0487,
 * section D8.2 for the walk, D8.3 for the descriptors, D8.4 for permissions and
 * for what hardware updates; Arm SMMU Architecture Specification, IHI 0070,
 * section 3.13 "Translation table entries and Access/Dirty flags". Lookup levels
 * are the manual's: the last is 3.
 *
 * When @track, HTTU is on: CD.HA and CD.HD, or STE.S2HA and STE.S2HD; with
 * @access_only HA or S2HA alone, and DBM is ignored. When not, both are 0: DBM is
 * ignored, and no descriptor changes. Requests are
 * unprivileged. HAFT, the Access flag in Table descriptors, is not modelled.
 */
#include "pgtable/bits/arm.h"
#include "walkers.h"

#define LAST_LEVEL 3

enum {
	MAY_READ = 1,
	MAY_WRITE = 2,
};

/* What a leaf's descriptor says of a stage. */
struct stage {
	/* Permissions that a Table descriptor leaves to what is below it. */
	u64 (*table_allows)(u64 entry);
	u64 (*leaf_allows)(u64 entry);
	u64 (*set_dirty)(u64 entry);
};

/* D8.4 "Stage 1 data accesses": AP, and APTable from above it. */
static u64 s1_table_allows(u64 entry)
{
	if (entry & ARM_S1_APTABLE0)
		return 0;
	return entry & ARM_S1_APTABLE1 ? MAY_READ : MAY_READ | MAY_WRITE;
}

static u64 s1_leaf_allows(u64 entry)
{
	if (!(entry & ARM_S1_AP1))
		return 0;
	return entry & ARM_S1_AP2 ? MAY_READ : MAY_READ | MAY_WRITE;
}

static u64 s1_set_dirty(u64 entry)
{
	return entry & ~ARM_S1_AP2;
}

/* "Stage 2 data accesses": S2AP, and nothing in Table descriptors. */
static u64 s2_table_allows(u64 entry)
{
	(void)entry;
	return MAY_READ | MAY_WRITE;
}

static u64 s2_leaf_allows(u64 entry)
{
	return (entry & ARM_S2_S2AP0 ? MAY_READ : 0) | (entry & ARM_S2_S2AP1 ? MAY_WRITE : 0);
}

static u64 s2_set_dirty(u64 entry)
{
	return entry | ARM_S2_S2AP1;
}

static const struct stage stage1 = { s1_table_allows, s1_leaf_allows, s1_set_dirty };
static const struct stage stage2 = { s2_table_allows, s2_leaf_allows, s2_set_dirty };

static u64 ones(unsigned int bits)
{
	return (1ULL << bits) - 1;
}

/* Is there a Block descriptor at @level? 1 GiB is of the 4K granule alone. */
static bool has_blocks(const struct hw_geometry *g, unsigned int level)
{
	return level == 2 || (level == 1 && g->granule_lg2 == 12);
}

/* How many entries, log2, the Contiguous bit says to be one translation. */
static unsigned int contiguous_lg2(const struct hw_geometry *g, unsigned int level)
{
	if (g->granule_lg2 == 12)
		return 4;
	return g->granule_lg2 == 14 && level == LAST_LEVEL ? 7 : 5;
}

static enum iodirty_fault walk(struct hw_walk *w, const struct stage *stage, struct hw_xlate *out)
{
	const struct hw_geometry *g = w->tables;
	const bool dirty_state = w->track && !w->access_only; /* HA and HD */
	u64 *p, entry, marked, allowed;
	struct hw_place at;
	unsigned int lg2;

	/* An address wider than TxSZ allows is out of range. */
	if (w->iova >> g->input_lg2)
		return IODIRTY_FAULT_ADDRESS;
again:
	if (w->fault)
		return w->fault;
	/* Begin at the table that TTB names, or at the tables concatenated there. */
	at = (struct hw_place){
		.level = LAST_LEVEL + 1 - g->levels,
		.lg2 = g->input_lg2,
		.table = w->root,
		.allowed = MAY_READ | MAY_WRITE,
	};
	hw_walk_begin(w, &at);
	for (;;) {
		u64 offset = w->iova & ones(at.lg2);

		at.lg2 = g->granule_lg2 + (LAST_LEVEL - at.level) * g->index_lg2;
		p = hw_walk_entry(w, at.table, offset >> at.lg2);
		if (!p)
			return w->fault;
		entry = port_load(p);
		if (!(entry & ARM_VALID))
			return IODIRTY_FAULT_NOT_PRESENT;
		if (at.level == LAST_LEVEL || !(entry & ARM_TABLE))
			break;
		/* A Table descriptor; its address is aligned to the granule. */
		at.allowed &= stage->table_allows(entry);
		at.table = entry & ARM_ADDR_MASK & ~ones(g->granule_lg2);
		at.level++;
		hw_walk_down(w, &at);
	}
	/* Reserved, which an SMMU reports like an invalid one: what is no Page at
	 * level 3, and a Block where there are none. */
	if (at.level == LAST_LEVEL ? !(entry & ARM_TABLE) : !has_blocks(g, at.level))
		return IODIRTY_FAULT_BAD_TABLE;
	/* An Access flag fault: the leaf is there and software withholds it. */
	if (!(entry & ARM_AF) && !w->track)
		return IODIRTY_FAULT_PERMISSION;
	/* With HD what DBM marks may be written, unless a table above forbids it. */
	allowed = stage->leaf_allows(entry);
	if (dirty_state && entry & ARM_DBM)
		allowed |= stage->leaf_allows(stage->set_dirty(entry));
	allowed &= at.allowed;
	if (!(allowed & (w->write ? MAY_WRITE : MAY_READ)))
		return IODIRTY_FAULT_PERMISSION;
	/* The request will go on: AF, and for a write the dirty state, in one atomic
	 * update of the one descriptor used, be it one of a contiguous group. */
	marked = entry;
	if (w->track) {
		marked |= ARM_AF;
		if (w->write && dirty_state && entry & ARM_DBM)
			marked = stage->set_dirty(marked);
		if (!hw_walk_mark(w, p, entry, marked))
			goto again;
		if (marked != (entry | ARM_AF))
			port_count(w->dirty_sets, 1);
	}
	lg2 = at.lg2;
	if (entry & ARM_CONTIGUOUS)
		lg2 += contiguous_lg2(g, at.level);
	*out = (struct hw_xlate){
		/* RES0 below its size; each of a group has its own output */
		.pa = (entry & ARM_ADDR_MASK & ~ones(at.lg2)) | (w->iova & ones(at.lg2)),
		.iova_first = w->iova & ~ones(lg2),
		.lg2 = lg2,
		.read = allowed & MAY_READ,
		.write = allowed & MAY_WRITE,
		.dirty = stage->leaf_allows(marked) & MAY_WRITE,
	};
	return IODIRTY_FAULT_NONE;
}

static enum iodirty_fault walk_s1(struct hw_walk *w, struct hw_xlate *out)
{
	return walk(w, &stage1, out);
}

static enum iodirty_fault walk_s2(struct hw_walk *w, struct hw_xlate *out)
{
	return walk(w, &stage2, out);
}

/* The granule (CD.TG0, STE.S2TG) is in the configuration. */
const struct hw_walker hw_walker_arm_s1_4k = { .format = "arm-s1-4k", .walk = walk_s1 };
const struct hw_walker hw_walker_arm_s1_16k = { .format = "arm-s1-16k", .walk = walk_s1 };
const struct hw_walker hw_walker_arm_s1_64k = { .format = "arm-s1-64k", .walk = walk_s1 };
const struct hw_walker hw_walker_arm_s2_4k = { .format = "arm-s2-4k", .walk = walk_s2 };
const struct hw_walker hw_walker_arm_s2_16k = { .format = "arm-s2-16k", .walk = walk_s2 };
const struct hw_walker hw_walker_arm_s2_64k = { .format = "arm-s2-64k", .walk = walk_s2 };
