/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter NEST: a guest's stage 1 in the guest's memory. Which writes the parent
 * reports, and where: those of devices at the guest-physical address, and those of the
 * IOMMU itself to the guest's tables.
 */
#include "caches.h"
#include "stage1.h"

#define NEEDS (TARGET_STAGE1 | TARGET_DMA)

/* A page of stage 1 in chunk @i. Memory of large scenes repeats: no two of these are
 * the same bytes of it. */
static u64 page_of(const struct guest *g, u64 i)
{
	return i * g->chunk + (g->chunk > 4 * guest_page(g) ? i * guest_page(g) : 0);
}

static u64 chunks(const struct guest *g)
{
	return g->length / g->chunk;
}

/* ---- writes of devices ---- */

CT_TEST(stage1_writes, "NEST-013", .scope = CT_EACH_LEAF, .needs = NEEDS, .requires = stage1_none)
{
	struct guest g;

	guest_open(&g);
	guest_expect(&g);
	for (u64 i = 0; i < chunks(&g); i++) {
		guest_write(&g, i * g.chunk + i);
		guest_expect(&g);
	}
	/* All at once, and again what is known. */
	for (u32 round = 0; round < 2; round++) {
		guest_write(&g, 0);
		guest_write(&g, g.length - 1);
		guest_write(&g, g.chunk);
	}
	scene_expect_no_clear(&g.s, 0, g.s.length, g.s.granule);
	guest_expect(&g);
	guest_expect(&g);
}

/* The last byte of one leaf and the first of the next, in one DMA: next to each other
 * for the device, apart in the guest's memory. */
CT_TEST(stage1_write_across, "NEST-013", .scope = CT_EACH_LEAF, .needs = NEEDS,
	.requires = stage1_none)
{
	const u8 bytes[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
	struct guest g;
	u64 last, first;

	guest_open(&g);
	/* Stage 1 shows chunk 1 just before chunk 0. */
	last = g.base - g.s.iova + 2 * g.chunk - 8;
	first = g.base - g.s.iova;
	x(ct_dma_write(g.s.dev, 0, guest_iova(&g, 2 * g.chunk - 8), bytes, sizeof(bytes)));
	ct_check(!memcmp(g.s.mem + last, bytes, 8) && !memcmp(g.s.mem + first, bytes + 8, 8),
		 "a write over the end of a chunk is not where stage 1 says");
	scene_mark(&g.s, last, 8);
	scene_mark(&g.s, first, 8);
	guest_look(&g);
	guest_expect(&g);
}

static void writes_with_granule(unsigned int granule_lg2)
{
	struct guest g;

	guest_open(&g, .granule_lg2 = granule_lg2,
		   .leaves = ((u64)512 << 10) >> ct.config.leaf_lg2);
	for (u32 round = 0; round < 2; round++) {
		for (u64 i = 0; i < chunks(&g); i += 2)
			guest_write(&g, i * g.chunk + g.chunk / 2);
		guest_expect(&g);
	}
}

static const char *not_arm(const struct ct_config *config)
{
	if (stage1_is_arm(config))
		return NULL;
	return stage1_none(config) ? stage1_none(config) : "stage 1 has one granule";
}

/* The granule of stage 1 is the guest's choice, whatever stage 2 has. */
CT_TEST(stage1_granule_16k, "NEST-013", .scope = CT_EACH_FORMAT, .needs = NEEDS,
	.requires = not_arm)
{
	writes_with_granule(14);
}

CT_TEST(stage1_granule_64k, "NEST-013", .scope = CT_EACH_FORMAT, .needs = NEEDS,
	.requires = not_arm)
{
	writes_with_granule(16);
}

/* ---- writes of the IOMMU ---- */

static void expect_leaf(const struct guest *g, const u64 *entry, bool accessed, bool dirty,
			const char *after)
{
	ct_check(guest_accessed(g, entry) == accessed && guest_dirty(g, entry) == dirty,
		 "after %s the guest's entry is %#llx, expected %s and %s", after,
		 (unsigned long long)guest_load(entry), accessed ? "accessed" : "not accessed",
		 dirty ? "dirty" : "clean");
}

/* Each update once: A by a read, D by a write, nothing where it is set. */
CT_TEST(stage1_tables, "NEST-014", .scope = CT_EACH_LEAF, .needs = NEEDS, .requires = stage1_none)
{
	struct guest g;
	u64 *entry, above;
	u64 changed;

	guest_open(&g, .no_map = true);
	entry = guest_map(&g, guest_iova(&g, 0), g.base, guest_page_lg2(&g), 0);
	above = guest_load(guest_entry(&g, guest_iova(&g, 0), 2));
	expect_leaf(&g, entry, false, false, "nothing");

	x(ct_dma_read(g.s.dev, 0, guest_iova(&g, 0), &(u8){ 0 }, 1));
	expect_leaf(&g, entry, true, false, "a read");
	ct_check((above != guest_load(guest_entry(&g, guest_iova(&g, 0), 2))) ==
			 guest_marks_tables(&g),
		 "the entry that leads to the leaf's table was %#llx and is %#llx",
		 (unsigned long long)above,
		 (unsigned long long)guest_load(guest_entry(&g, guest_iova(&g, 0), 2)));
	changed = guest_look(&g);
	ct_check(changed == (guest_marks_tables(&g) ? guest_levels(&g) : 1),
		 "a read changed %llu pages of tables", (unsigned long long)changed);
	/* The data was read: only tables are reported. */
	guest_expect(&g);
	guest_read(&g, 0);
	guest_expect(&g);

	guest_write(&g, 0);
	expect_leaf(&g, entry, true, true, "a write");
	guest_expect(&g);
	/* Both are set: the data is written again, the table is not. */
	for (u32 round = 0; round < 2; round++) {
		u64 was = guest_load(entry);

		guest_forget_all(&g, g.nested);
		guest_write(&g, 0);
		ct_check(was == guest_load(entry), "a write changed %#llx to %#llx",
			 (unsigned long long)was, (unsigned long long)guest_load(entry));
		guest_expect(&g);
	}

	/* The guest looks for dirty pages as a host does. */
	guest_clean(&g, entry);
	guest_know(&g);
	guest_forget(&g, g.nested, guest_iova(&g, 0), guest_page(&g));
	guest_write(&g, 0);
	expect_leaf(&g, entry, true, true, "a write to what the guest cleaned");
	guest_expect(&g);
}

/* What is cached of a leaf that was read does not let a write pass by its D bit. */
CT_TEST(stage1_read_then_write, "NEST-014", .scope = CT_EACH_LEAF, .needs = NEEDS,
	.requires = stage1_none)
{
	struct guest g;

	guest_open(&g);
	guest_read(&g, 0);
	guest_write(&g, 0);
	guest_expect(&g);
	guest_read(&g, g.chunk);
	guest_expect(&g);
	guest_write(&g, g.chunk);
	guest_expect(&g);
	guest_write(&g, g.chunk + 1);
	guest_expect(&g);
}

/* That one stage has its D bit set says nothing of the other's. */
CT_TEST(stage1_one_is_clean, "NEST-014", .scope = CT_EACH_LEAF, .needs = NEEDS,
	.requires = stage1_none)
{
	struct guest g;
	u64 *entry;

	guest_open(&g, .no_map = true);
	entry = guest_map(&g, guest_iova(&g, 0), g.base, guest_page_lg2(&g), 0);
	for (u32 round = 0; round < 2; round++) {
		/* Stage 1's is set, the parent's not. */
		guest_write(&g, 0);
		guest_expect(&g);
		guest_read(&g, 0);
		guest_write(&g, 0);
		guest_expect(&g);
		/* The parent's is set, stage 1's not. */
		guest_write(&g, 0);
		guest_clean(&g, entry);
		guest_know(&g);
		guest_forget_all(&g, g.nested);
		guest_read(&g, 0);
		guest_write(&g, 0);
		ct_check(guest_dirty(&g, entry), "the guest's entry is clean after a write: %#llx",
			 (unsigned long long)guest_load(entry));
		guest_expect(&g);
	}
}

/* A and D of the first stage are set whether or not the parent is tracked: while it is
 * not, nobody is owed them. */
CT_TEST(stage1_tables_untracked, "NEST-014", .scope = CT_EACH_FORMAT, .needs = NEEDS,
	.requires = stage1_none)
{
	struct guest g;

	guest_open(&g, .no_attach = true);
	x(guest_nest(&g, 0, &g.nested));
	x(ct_attach(g.s.dev, 0, g.nested));
	guest_write(&g, 0);
	x(ct_set_tracking(g.s.hwpt, true));
	scene_forget(&g.s, 0, g.s.length);
	ct_shadow_forget(g.truth, g.gpa, g.tables_length);
	guest_expect(&g);
	guest_write(&g, g.chunk);
	guest_write(&g, 0);
	guest_expect(&g);
}

/* Without HA and HD a guest sets both itself, and no table is written. */
CT_TEST(stage1_no_updates, "NEST-014", .scope = CT_EACH_FORMAT, .needs = NEEDS, .requires = not_arm)
{
	struct guest g;
	u64 *used, *clean;

	guest_open(&g, .no_map = true);
	used = guest_map(&g, guest_iova(&g, 0), g.base, 12, GUEST_USED);
	clean = guest_map(&g, guest_iova(&g, g.chunk), g.base + g.chunk, 12, 0);
	guest_describe(&g, 0, g.root, false, false);
	guest_forget_all(&g, g.nested);
	for (u32 round = 0; round < 2; round++) {
		guest_write(&g, 0);
		guest_expect(&g);
	}
	/* AF is clear and nobody sets it. */
	guest_expect_fault(&g, false, guest_iova(&g, g.chunk));
	guest_expect(&g);
	/* HA alone: AF is set; that DBM is set means nothing. */
	guest_describe(&g, 0, g.root, true, false);
	guest_forget_all(&g, g.nested);
	guest_read(&g, g.chunk);
	expect_leaf(&g, clean, true, false, "a read with HA");
	guest_expect(&g);
	guest_expect_fault(&g, true, guest_iova(&g, g.chunk));
	expect_leaf(&g, clean, true, false, "a write without HD");
	guest_write(&g, 0);
	expect_leaf(&g, used, true, true, "a write without HD");
	guest_expect(&g);
}

/* A guest's tables are where it likes: behind each other, or one in the data. */
CT_TEST(stage1_table_in_data, "NEST-014", .scope = CT_EACH_FORMAT, .needs = NEEDS,
	.requires = stage1_none)
{
	struct guest g;
	u64 table, *entry, at;

	/* The leaf table of the chunk is a page of the data itself. */
	guest_open(&g, .no_map = true, .leaves = 8);
	guest_map(&g, guest_iova(&g, 0), g.base, guest_page_lg2(&g), 0);
	table = g.base + g.chunk;
	entry = guest_entry(&g, guest_iova(&g, 0), 2);
	memcpy(g.s.mem + (table - g.s.iova), guest_at(&g, guest_load(entry) & ~0xfffull),
	       guest_page(&g));
	guest_store(entry, (guest_load(entry) & 0xfff) | table);
	guest_know(&g);
	guest_forget_all(&g, g.nested);
	/* The device writes one page, and so the IOMMU another. */
	guest_write(&g, 0);
	at = table - g.s.iova;
	scene_mark(&g.s, at, 1);
	guest_expect(&g);
	guest_write(&g, 0);
	guest_expect(&g);
}

/* ---- what is cached ---- */

/* The parent's harvest cleans by the parent's addresses; what an IOMMU holds of two
 * stages is known by the guest's. */
CT_TEST(stage1_harvest_again, "NEST-015", .scope = CT_EACH_LEAF, .needs = NEEDS,
	.requires = stage1_none)
{
	struct guest g;

	guest_open(&g);
	for (u32 round = 0; round < 4; round++) {
		for (u64 i = 0; i < chunks(&g); i++)
			guest_write(&g, i * g.chunk + round);
		guest_expect(&g);
		/* And when only a part is asked for. */
		guest_write(&g, 0);
		guest_write(&g, g.length - 1);
		scene_expect(&g.s, 0, g.s.leaf, g.s.granule);
		guest_write(&g, 0);
		guest_expect(&g);
	}
}

/* A device's own cache is filled through both stages, and knows of the second as
 * little as the IOTLB. */
CT_TEST(stage1_device_cache, "NEST-015", .scope = CT_EACH_FORMAT, .needs = NEEDS | TARGET_ATS,
	.requires = stage1_none)
{
	const u8 byte = 0x3d;
	struct iodirty_plug plug;

	for_each_ats_device(&plug, 0)
	{
		struct guest g;

		guest_open(&g, .plug = &plug);
		for (u32 round = 0; round < 3; round++) {
			for (u64 i = 0; i < chunks(&g); i++)
				guest_write(&g, i * g.chunk + round);
			guest_expect(&g);
			guest_expect(&g);
		}
		/* The harvest cleans chunk 0, which the device knows by another address. */
		for (u32 round = 0; round < 3; round++) {
			guest_write(&g, 0);
			guest_expect(&g);
		}
		/* The guest moves it, and says so. */
		guest_write(&g, 0);
		guest_map(&g, guest_iova(&g, 0), g.base + g.chunk, guest_page_lg2(&g), 0);
		guest_forget(&g, g.nested, guest_iova(&g, 0), guest_page(&g));
		x(ct_dma_write(g.s.dev, 0, guest_iova(&g, 0), &byte, 1));
		ct_check(g.s.mem[g.base - g.s.iova + g.chunk] == byte,
			 "a write went by what the guest took back");
		scene_mark(&g.s, g.base - g.s.iova + g.chunk, 1);
		guest_look(&g);
		guest_expect(&g);
		x(ct_unmap(g.s.ioas, g.s.iova, g.s.length, NULL));
		for (u64 i = 0; i < chunks(&g); i++)
			guest_expect_fault(&g, true, guest_iova(&g, i * g.chunk));
		guest_expect_tables(&g);
	}
}

CT_TEST(stage1_unmap_data, "NEST-015", .scope = CT_EACH_LEAF, .needs = NEEDS,
	.requires = stage1_none)
{
	struct guest g;

	guest_open(&g);
	for (u64 i = 0; i < chunks(&g); i++)
		guest_write(&g, i * g.chunk);
	x(ct_unmap(g.s.ioas, g.s.iova, g.s.length, NULL));
	for (u64 i = 0; i < chunks(&g); i++) {
		guest_expect_fault(&g, true, guest_iova(&g, i * g.chunk));
		guest_expect_fault(&g, false, guest_iova(&g, i * g.chunk));
	}
	guest_expect_tables(&g);
	/* It comes back, clean. */
	x(ct_map(g.s.ioas, g.s.mem, g.s.length, g.s.iova));
	scene_forget(&g.s, 0, g.s.length);
	guest_expect(&g);
	guest_write(&g, 0);
	guest_expect(&g);
}

/* Nothing is reached through tables that are gone. */
CT_TEST(stage1_unmap_tables, "NEST-015", .scope = CT_EACH_LEAF, .needs = NEEDS,
	.requires = stage1_none)
{
	struct guest g;

	guest_open(&g);
	guest_write(&g, 0);
	expect_all(&g.s);
	x(ct_unmap(g.s.ioas, g.gpa, g.tables_length, NULL));
	for (u64 i = 0; i < chunks(&g); i++)
		guest_expect_fault(&g, true, guest_iova(&g, i * g.chunk));
	expect_all(&g.s);
	x(ct_map(g.s.ioas, g.tables, g.tables_length, g.gpa));
	ct_shadow_forget(g.truth, g.gpa, g.tables_length);
	guest_write(&g, 0);
	guest_expect(&g);
}

/* ---- what the guest changes ---- */

CT_TEST(stage1_guest_moves, "NEST-016", .scope = CT_EACH_LEAF, .needs = NEEDS,
	.requires = stage1_none)
{
	struct guest g;
	u64 iova, *entry;

	guest_open(&g, .no_map = true);
	iova = guest_iova(&g, 0);
	entry = guest_map(&g, iova, g.base, guest_page_lg2(&g), 0);
	guest_write(&g, 0);
	for (u32 round = 0; round < 4; round++) {
		const u64 to = page_of(&g, (round + 1) % 4), in_scene = g.base - g.s.iova + to;
		u8 byte = 0x40 + round;

		ct_check(entry == guest_map(&g, iova, g.base + to, guest_page_lg2(&g), 0),
			 "stage 1 has moved an entry");
		if (round % 2)
			guest_forget_all(&g, g.nested);
		else
			guest_forget(&g, g.nested, iova, guest_page(&g));
		x(ct_dma_write(g.s.dev, 0, iova, &byte, 1));
		ct_check(g.s.mem[in_scene] == byte, "a write went by what the guest took back");
		scene_mark(&g.s, in_scene, 1);
		guest_look(&g);
		guest_expect(&g);
	}
	guest_store(entry, 0);
	guest_know(&g);
	guest_forget(&g, g.nested, iova, guest_page(&g));
	guest_expect_fault(&g, true, iova);
	guest_expect(&g);
}

/* A guest that does not say so may have the old page written, or the new: whichever
 * it is, that one is reported. */
CT_TEST(stage1_guest_is_silent, "NEST-016", .scope = CT_EACH_LEAF, .needs = NEEDS,
	.requires = stage1_none)
{
	struct guest g;
	u64 iova;

	guest_open(&g, .no_map = true);
	iova = guest_iova(&g, 0);
	guest_map(&g, iova, g.base, guest_page_lg2(&g), 0);
	guest_write(&g, 0);
	for (u32 round = 1; round < 6; round++) {
		const u64 first = g.base - g.s.iova, second = first + page_of(&g, 1);
		u8 byte = 0x40 + round;

		guest_map(&g, iova, g.base + (round % 2 ? page_of(&g, 1) : 0), guest_page_lg2(&g),
			  0);
		x(ct_dma_write(g.s.dev, 0, iova, &byte, 1));
		ct_check((g.s.mem[first] == byte) != (g.s.mem[second] == byte),
			 "a write is not where stage 1 says, nor where it said");
		scene_mark(&g.s, g.s.mem[first] == byte ? first : second, 1);
		guest_look(&g);
		if (round > 2)
			guest_expect(&g);
	}
	guest_expect(&g);
}

/* Two devices, behind one IOMMU if the target has such. */
static void plug_two(u32 *dev)
{
	struct iodirty_plug plug = { 0 };

	memcpy(plug.format, ct.config.format.name, sizeof(plug.format));
	for (u32 i = 0; i < 2; i++) {
		x(ct.t->driver->plug(ct.t, &plug));
		dev[i] = plug.out_dev_id;
		if (!(ct.t->caps & TARGET_SHARED_IOMMU))
			plug.iommu_id = 0;
	}
}

/* An invalidation is of one stage 1: its neighbour's is not touched, and not confused. */
CT_TEST(stage1_two_guests, "NEST-016", .scope = CT_EACH_LEAF, .needs = NEEDS,
	.requires = stage1_none)
{
	const u8 byte = 0x77;
	struct guest g;
	u32 other, dev[2];
	u64 iova;

	guest_open(&g);
	iova = guest_iova(&g, 0);
	/* The other's sees chunk 1 where this one's sees chunk 0. */
	g.root = guest_alloc(&g);
	guest_map(&g, iova, g.base + g.chunk, guest_page_lg2(&g), 0);
	if (stage1_is_arm(&ct.config)) {
		g.cd = guest_alloc(&g);
		guest_describe(&g, 0, g.root, true, true);
	}
	x(guest_nest(&g, 0, &other));
	plug_two(dev);
	x(ct_attach(dev[0], 0, g.nested));
	x(ct_attach(dev[1], 0, other));
	for (u32 round = 0; round < 3; round++) {
		guest_write_by(&g, dev[0], 0, 0);
		x(ct_dma_write(dev[1], 0, iova, &byte, 1));
		scene_mark(&g.s, g.base - g.s.iova + g.chunk, 1);
		guest_look(&g);
		guest_expect(&g);
		guest_forget(&g, round % 2 ? other : g.nested, iova, guest_page(&g));
	}
	/* One moves to the other's. */
	x(ct_replace(dev[0], 0, other));
	x(ct_dma_write(dev[0], 0, iova, &byte, 1));
	scene_mark(&g.s, g.base - g.s.iova + g.chunk, 1);
	guest_look(&g);
	guest_expect(&g);
	x(ct_replace(dev[0], 0, g.nested));
	guest_write_by(&g, dev[0], 0, 0);
	guest_expect(&g);
}
