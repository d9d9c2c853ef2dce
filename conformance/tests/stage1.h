/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A guest with a stage 1 of its own, in its own memory, over a parent that tracks.
 *
 * Its memory is two areas of the parent's IOAS: data, which the scene remembers, and
 * tables. Chunks of data are seen through stage 1 in reverse order: what is written at
 * the address of one is another's, which is mapped too, so that a report of the wrong
 * one of the two addresses is found.
 *
 * What the IOMMU writes to the tables is told by looking at them: a page whose bytes a
 * DMA has changed must be reported, any other must not.
 */
#ifndef IODIRTY_TESTS_STAGE1_H
#define IODIRTY_TESTS_STAGE1_H

#include "nest.h"

struct stage1_format;

struct guest {
	struct scene s; /* s.hwpt is the parent */
	const struct stage1_format *format;
	u32 nested; /* 0: none yet */

	u64 base, length; /* of the data that stage 1 maps, guest-physical */
	u64 chunk; /* that it is cut into for the reverse order */
	bool identity; /* no reverse order */
	unsigned int cds_lg2; /* of Arm */

	u64 gpa; /* of the area of tables, in pages of s.page */
	u64 tables_length;
	u8 *tables;
	u8 *known; /* what they held when they were last looked at */
	u64 used; /* bytes of the area */
	struct ct_shadow *truth; /* what was written to it, by the IOMMU alone */
	u64 root, cd; /* guest-physical; cd: of Arm, descriptor 0 */
};

struct guest_options {
	u64 leaves; /* of the parent, default 4 */
	unsigned int granule_lg2; /* of an Arm stage 1: 12 (default), 14, 16 */
	unsigned int leaf_lg2; /* of stage 1; 0: the largest that is no larger than a chunk */
	u32 pasid_width;
	const struct iodirty_plug *plug; /* how the device is plugged, beside its format */
	unsigned int cds_lg2; /* of Arm: how many descriptors there are */
	bool identity;
	bool no_map; /* stage 1 maps nothing yet */
	bool no_attach; /* nor is it attached, nor tracking on */
};

/* Why there is no stage 1 over parents of this format, or NULL. */
const char *stage1_none(const struct ct_config *config);
bool stage1_is_arm(const struct ct_config *config);

/* Attached, and tracked. */
#define guest_open(g, ...) guest_open_options(g, &(struct guest_options){ __VA_ARGS__ })
void guest_open_options(struct guest *g, const struct guest_options *o);

/* ---- what a guest does: the processor's writes, which nobody reports ---- */

/* Bytes of the tables' area, zeroed, aligned to a table and to s.page. */
u64 guest_alloc(struct guest *g);
/* Where a guest-physical address of the tables' area is. */
u64 *guest_at(const struct guest *g, u64 gpa);
/* The entry of a table of @level, from 1, that @iova picks; tables are made on the way. */
u64 *guest_entry(struct guest *g, u64 iova, unsigned int level);
/* The level whose entries are of 2^lg2 bytes. */
unsigned int guest_level(const struct guest *g, unsigned int lg2);
/* Bytes of the smallest leaf of stage 1; of tables, how many a walk goes through. */
u64 guest_page(const struct guest *g);
unsigned int guest_page_lg2(const struct guest *g);
unsigned int guest_levels(const struct guest *g);

enum {
	GUEST_RO = 1,
	GUEST_USED = 2, /* A and D are set already */
};
/* A leaf of stage 1 at @iova, in an entry of its own. Returns that. */
u64 *guest_map(struct guest *g, u64 iova, u64 gpa, unsigned int lg2, unsigned int flags);
void guest_store(u64 *entry, u64 value);
u64 guest_load(const u64 *entry);
bool guest_accessed(const struct guest *g, const u64 *entry); /* of a leaf */
bool guest_dirty(const struct guest *g, const u64 *entry);
/* Does the IOMMU mark entries that lead to tables as accessed? */
bool guest_marks_tables(const struct guest *g);
void guest_clean(const struct guest *g, u64 *entry); /* not dirty any more */
/* Descriptor @index of Arm: its stage 1 begins at @root, and HA and HD are so. */
void guest_describe(struct guest *g, u32 index, u64 root, bool ha, bool hd);

/* HWPT_ALLOC over the parent, of what begins at g->root. */
int guest_nest(struct guest *g, u32 flags, u32 *nested);
/* Tell the IOMMU of a change in [iova, iova + length), of at most 32 pages; of any. */
void guest_forget(const struct guest *g, u32 nested, u64 iova, u64 length);
void guest_forget_all(const struct guest *g, u32 nested);

/* ---- what its device does ---- */

/* The address of stage 1 of byte @offset of the data. */
u64 guest_iova(const struct guest *g, u64 offset);
/* One byte by (@dev, @pasid) to @offset of the data, through stage 1: it must land
 * there, and is remembered. */
void guest_write_by(struct guest *g, u32 dev, u32 pasid, u64 offset);
void guest_write(struct guest *g, u64 offset);
void guest_read(struct guest *g, u64 offset);
/* It faults, and no data is changed. */
void guest_expect_fault(struct guest *g, bool write, u64 iova);
/* Remember what the IOMMU has written to the tables. Returns how many pages. */
u64 guest_look(struct guest *g);
/* Forget it: the processor has written there. */
void guest_know(struct guest *g);

/* A clearing harvest of the parent, of data and of tables, is the truth. */
void guest_expect(struct guest *g);
/* The same of the tables' area alone. */
void guest_expect_tables(struct guest *g);

#endif
