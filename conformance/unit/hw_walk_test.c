/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Walks of the modelled hardware: every leaf size, every fault. */
#define _GNU_SOURCE
#include "hw_rig.h"

/* The encoders above, against words worked out by hand from the manuals. */
START_TEST(golden_words)
{
	ck_assert_uint_eq(amd_leaf(0x12345000, 1, 12), 0x6000000012345001);
	ck_assert_uint_eq(amd_leaf(0x12344000, 1, 13), 0x6000000012344e01);
	ck_assert_uint_eq(amd_leaf(0x12340000, 1, 14), 0x6000000012341e01);
	ck_assert_uint_eq(amd_leaf(0x12300000, 1, 20), 0x600000001237fe01);
	ck_assert_uint_eq(amd_leaf(0x12200000, 2, 21), 0x6000000012200001);
	ck_assert_uint_eq(amd_leaf(0x12000000, 2, 22), 0x60000000121ffe01);
	ck_assert_uint_eq(amd_table(0xabcde000, 3), 0x60000000abcde601);
	ck_assert_uint_eq(mock_leaf(0x800, 1, 11), 0x6000000000001001);
	ck_assert_uint_eq(mock_leaf(0x2000, 1, 12), 0x6000000000004e01);
	ck_assert_uint_eq(vtd_leaf(0x12345000, 1, 12), 0x12345003);
	ck_assert_uint_eq(vtd_leaf(0x12200000, 2, 21), 0x12200083);
	ck_assert_uint_eq(vtd_leaf(0x40000000, 3, 30), 0x40000083);
	ck_assert_uint_eq(vtd_table(0x12345000, 3), 0x12345003);
	ck_assert_uint_eq(arm_s1_leaf(0x12345000, 1, 12), 0x80000123457c3);
	ck_assert_uint_eq(arm_s1_leaf(0x12340000, 1, 16), 0x180000123407c3);
	ck_assert_uint_eq(arm_s1_16k_leaf(0x2000000, 2, 25), 0x80000020007c1);
	ck_assert_uint_eq(arm_s1_64k_leaf(0x200000, 1, 21), 0x180000002007c3);
	ck_assert_uint_eq(arm_s2_leaf(0x12345000, 1, 12), 0x800001234577f);
	ck_assert_uint_eq(arm_s2_16k_leaf(0x40000000, 2, 30), 0x1800004000077d);
	ck_assert_uint_eq(arm_s2_64k_leaf(0x20000000, 2, 29), 0x800002000077d);
	ck_assert_uint_eq(arm_table(0x12345000, 3), 0x12345003);
	ck_assert_uint_eq(vtd_fs_leaf(0x12345000, 1, 12), 0x12345007);
	ck_assert_uint_eq(vtd_fs_leaf(0x40000000, 3, 30), 0x40000087);
	ck_assert_uint_eq(vtd_fs_table(0x12345000, 3), 0x12345007);
	ck_assert_uint_eq(riscv_leaf(0x12345000, 1, 12), 0x48d1457);
	ck_assert_uint_eq(riscv_leaf(0x12340000, 1, 16), 0x80000000048d2057);
	ck_assert_uint_eq(riscv_leaf(0x12200000, 2, 21), 0x4880057);
	ck_assert_uint_eq(riscv_leaf(0x40000000, 3, 30), 0x10000057);
	ck_assert_uint_eq(riscv_table(0x12345000, 3), 0x48d1401);
}
END_TEST

/*
 * Each leaf size, each access: address, size, permissions; A in the entries on
 * the way, A and for a write D in the one entry that the IOVA picks, and no
 * other word of any table changed.
 */
static void walk_leaf(const struct kind *k, unsigned int lg2, u64 offset, bool write)
{
	struct rig *r = setup(k, 0);
	unsigned int level = level_of(k, lg2), l, i;
	u64 first = far_of(k) & ~((1ULL << lg2) - 1), pa = 0x2a000000000 & ~((1ULL << lg2) - 1);
	u64 iova = first + (offset & ((1ULL << lg2) - 1)), *before[TABLES], *used;
	struct hw_xlate x;

	put(r, first, pa, lg2);
	used = entry_at(r, iova, level);
	for (i = 0; i < r->ntables; i++) {
		before[i] = malloc(1ULL << r->tables_lg2[i]);
		memcpy(before[i], r->tables[i], 1ULL << r->tables_lg2[i]);
	}

	ck_assert_int_eq(walk(r, iova, write, true, &x), IODIRTY_FAULT_NONE);
	ck_assert_uint_eq(x.pa, pa + (iova - first));
	ck_assert_uint_eq(x.iova_first, first);
	ck_assert_uint_eq(x.lg2, lg2);
	ck_assert(x.read && x.write && x.dirty == write);
	ck_assert_int_eq(is_dirty(k, *used), write);

	/* Put back what was to change, and nothing has. */
	for (l = k->levels; l > level; l--)
		*entry_at(r, iova, l) ^= k->table_a;
	*used ^= k->a | (write ? k->dirty.set | k->dirty.clear : 0);
	for (i = 0; i < r->ntables; i++) {
		ck_assert_mem_eq(before[i], r->tables[i], 1ULL << r->tables_lg2[i]);
		free(before[i]);
	}
	teardown(r);
}

START_TEST(golden_walks)
{
	const struct kind *k = &kinds[_i];
	unsigned int lg2;

	for (lg2 = 0; lg2 < 48; lg2++) {
		if (!(k->leaves >> lg2 & 1))
			continue;
		walk_leaf(k, lg2, 0, true);
		walk_leaf(k, lg2, ~0ULL, true);
		walk_leaf(k, lg2, 0x5555555555555555, true);
		walk_leaf(k, lg2, 0x2aaaaaaaaaaaaaaa, false);
	}
}
END_TEST

/* One permission is taken at one level: what that leaves, and no D. */
static void without(struct rig *r, unsigned int level, bool read, bool write, struct change c)
{
	u64 *e = entry_at(r, IOVA, level), *p = entry_at(r, IOVA, 1), saved = *e, was = *p;
	u64 leaf = level == 1 ? changed(was, c) : was;
	struct hw_xlate x;

	if (none(c))
		return;
	*e = changed(saved, c);
	if (!write) {
		ck_assert_int_eq(walk(r, IOVA, true, true, &x), IODIRTY_FAULT_PERMISSION);
		ck_assert_uint_eq(*p, leaf);
		ck_assert_int_eq(walk(r, IOVA, false, false, &x), IODIRTY_FAULT_NONE);
		ck_assert(x.read && !x.write);
		ck_assert_int_eq(walk(r, IOVA, false, true, &x), IODIRTY_FAULT_NONE);
		ck_assert(x.read && !x.write && !x.dirty);
	}
	if (!read)
		ck_assert_int_eq(walk(r, IOVA, false, true, &x), IODIRTY_FAULT_PERMISSION);
	ck_assert_uint_eq(*p & ~r->k->a, leaf & ~r->k->a);
	*e = saved;
	*p = was;
}

/* A write that faults sets no D; which fault, at which level. */
START_TEST(faults)
{
	struct rig *r = setup(&kinds[_i], 16);
	const struct kind *k = r->k;
	u64 *p = put_mem(r, IOVA, 1), was = *p, saved;
	struct hw_fault fault;
	struct hw_xlate x;
	unsigned int l;

	for (l = 1; l <= k->levels; l++) {
		u64 *e = entry_at(r, IOVA, l);

		saved = *e;
		*e = saved & ~k->present;
		ck_assert_int_eq(walk(r, IOVA, true, true, &x), IODIRTY_FAULT_NOT_PRESENT);
		*e = saved;
		without(r, l, true, false, l == 1 ? k->no_write : k->table_no_write);
		without(r, l, false, true, l == 1 ? k->no_read : k->table_no_read);
		ck_assert_uint_eq(*p, was);
	}
	ck_assert_int_eq(touch(r, true, IOVA + r->unit), IODIRTY_FAULT_NOT_PRESENT);
	ck_assert_int_eq(touch(r, true, 1ULL << k->input_lg2), IODIRTY_FAULT_ADDRESS);
	ck_assert_uint_eq(hw_dma(r->dev, 0, true, ~0ULL - 3, &x, 8, &fault), 0);
	ck_assert_int_eq(fault.reason, IODIRTY_FAULT_ADDRESS);
	ck_assert_uint_eq(hw_dma(r->dev, 1, true, IOVA, &x, 8, &fault), 0);
	ck_assert_int_eq(fault.reason, IODIRTY_FAULT_NOT_ATTACHED);
	/* A cached permission to read is none to write. */
	*p = changed(was, k->no_write);
	ck_assert_int_eq(touch(r, false, IOVA), 0);
	ck_assert_int_eq(touch(r, true, IOVA), IODIRTY_FAULT_PERMISSION);
	ck_assert_uint_eq(*p, changed(was, k->no_write) | k->a);
	/* The memory is gone: it was a legal write, to nowhere. */
	*p = was;
	munmap(r->mem, r->unit);
	ck_assert_int_eq(touch(r, true, IOVA), IODIRTY_FAULT_MEMORY);
	ck_assert_int_eq(touch(r, false, IOVA), IODIRTY_FAULT_MEMORY);
	teardown(r);
}
END_TEST

START_TEST(bad_amd)
{
	struct rig *r = setup(kind_named("amd-v1"), 0);
	u64 *e2 = entry_at(r, IOVA, 2), *e1 = entry_at(r, IOVA, 1), table = *e2;
	struct hw_xlate x;

	*e1 = amd_leaf(FAR, 1, 12);
	ck_assert_int_eq(walk(r, IOVA, true, true, &x), IODIRTY_FAULT_NONE);
	/* Next Level not below its own. */
	*e2 = (table & ~0xe00ULL) | 2 << 9;
	ck_assert_int_eq(walk(r, IOVA, true, true, &x), IODIRTY_FAULT_BAD_TABLE);
	*e2 = (table & ~0xe00ULL) | 6 << 9;
	ck_assert_int_eq(walk(r, IOVA, true, true, &x), IODIRTY_FAULT_BAD_TABLE);
	*e2 = table;
	/* Coded sizes that reach the next level's, or all there is. */
	*e1 = 0x60000000000ffe01;
	ck_assert_int_eq(walk(r, IOVA, true, true, &x), IODIRTY_FAULT_BAD_TABLE);
	*e1 = 0x600ffffffffffe01;
	ck_assert_int_eq(walk(r, IOVA, true, true, &x), IODIRTY_FAULT_BAD_TABLE);
	/* At level 2, a coded size below the entry's; a page not aligned. */
	*e2 = amd_leaf(0, 1, 14);
	ck_assert_int_eq(walk(r, IOVA, true, true, &x), IODIRTY_FAULT_BAD_TABLE);
	*e2 = amd_leaf(0x1000, 2, 21);
	ck_assert_int_eq(walk(r, IOVA, true, true, &x), IODIRTY_FAULT_BAD_TABLE);
	teardown(r);
}
END_TEST

/* A directory entry of level 3 that leads to a table of level 1. */
START_TEST(amd_skipped_level)
{
	struct rig *r = setup(kind_named("amd-v1"), 0);
	u64 *table = new_table(r, 1), iova = IOVA + 0x5000;
	struct hw_xlate x;

	table[5] = amd_leaf(0x77777000, 1, 12);
	*entry_at(r, IOVA, 3) = amd_table(port_table_phys(table), 1);
	ck_assert_int_eq(walk(r, iova + 0x123, true, true, &x), IODIRTY_FAULT_NONE);
	ck_assert_uint_eq(x.pa, 0x77777123);
	ck_assert_uint_eq(table[5], amd_leaf(0x77777000, 1, 12) | 0x60);
	/* The address has a bit for the level that is not there. */
	ck_assert_int_eq(walk(r, iova | 1 << 21, true, true, &x), IODIRTY_FAULT_NOT_PRESENT);
	ck_assert_int_eq(walk(r, iova | 1 << 29, true, true, &x), IODIRTY_FAULT_NOT_PRESENT);
	teardown(r);
}
END_TEST

START_TEST(bad_vtd)
{
	struct rig *r = setup(kind_named("vtd-ss"), 0);
	struct hw_xlate x;

	/* An SS-PTE's bit 7 is ignored; an SS-PML4E's is reserved. */
	*entry_at(r, IOVA, 1) = 0x12345083;
	ck_assert_int_eq(walk(r, IOVA, true, true, &x), IODIRTY_FAULT_NONE);
	ck_assert_uint_eq(x.pa, 0x12345000);
	*entry_at(r, IOVA, 2) = 0x12345083;
	ck_assert_int_eq(walk(r, IOVA, true, true, &x), IODIRTY_FAULT_BAD_TABLE);
	*entry_at(r, IOVA, 3) = 0x60000083;
	ck_assert_int_eq(walk(r, IOVA, true, true, &x), IODIRTY_FAULT_BAD_TABLE);
	*entry_at(r, IOVA, 4) = 0x83;
	ck_assert_int_eq(walk(r, IOVA, true, true, &x), IODIRTY_FAULT_BAD_TABLE);
	teardown(r);
}
END_TEST

START_TEST(bad_vtd_fs)
{
	struct rig *r = setup(kind_named("vtd-fs"), 0);
	u64 *p = entry_at(r, IOVA, 1);
	struct hw_xlate x;

	/* An FS-PTE's bit 7 is PAT, as bit 12 of a page; an FS-PML4E's is reserved. */
	*p = 0x12345087;
	ck_assert_int_eq(walk(r, IOVA, true, true, &x), IODIRTY_FAULT_NONE);
	ck_assert_uint_eq(x.pa, 0x12345000);
	/* PWT, PCD, G, what is ignored, EA, XD: of no matter to a read or write. */
	*p = 0xfff0000012345f1f;
	ck_assert_int_eq(walk(r, IOVA, true, true, &x), IODIRTY_FAULT_NONE);
	ck_assert_uint_eq(*p, 0xfff0000012345f7f);
	*entry_at(r, IOVA, 2) = 0x12201087;
	ck_assert_int_eq(walk(r, IOVA, true, true, &x), IODIRTY_FAULT_NONE);
	ck_assert_uint_eq(x.pa, 0x12200000);
	*entry_at(r, IOVA, 2) = 0x12202087;
	ck_assert_int_eq(walk(r, IOVA, true, true, &x), IODIRTY_FAULT_BAD_TABLE);
	*entry_at(r, IOVA, 3) = 0x60000087;
	ck_assert_int_eq(walk(r, IOVA, true, true, &x), IODIRTY_FAULT_BAD_TABLE);
	*entry_at(r, IOVA, 4) = 0x87;
	ck_assert_int_eq(walk(r, IOVA, true, true, &x), IODIRTY_FAULT_BAD_TABLE);
	teardown(r);
}
END_TEST

static enum iodirty_fault riscv_walk_of(struct rig *r, unsigned int level, u64 entry, bool write,
					bool track, u64 *after)
{
	u64 *p = entry_at(r, IOVA, level + 1), saved = *p;
	enum iodirty_fault fault;
	struct hw_xlate x;

	*p = entry;
	fault = walk(r, IOVA, write, track, &x);
	*after = *p;
	*p = saved;
	return fault;
}

/* V 1, R 2, W 4, X 8, U 0x10, A 0x40, D 0x80: which entries there are. */
START_TEST(bad_riscv)
{
	static const struct {
		unsigned int level; /* from 0 */
		u64 entry;
		bool write, track;
		u64 after;
		enum iodirty_fault fault;
	} rows[] = {
		/* A and D: set in one update, or a fault without SADE. */
		{ 0, 0x48d1417, false, true, 0x48d1457, IODIRTY_FAULT_NONE },
		{ 0, 0x48d1417, true, true, 0x48d14d7, IODIRTY_FAULT_NONE },
		{ 0, 0x48d1417, false, false, 0x48d1417, IODIRTY_FAULT_PERMISSION },
		{ 0, 0x48d1497, true, false, 0x48d1497, IODIRTY_FAULT_PERMISSION },
		{ 0, 0x48d1457, true, false, 0x48d1457, IODIRTY_FAULT_PERMISSION },
		{ 0, 0x48d1457, false, false, 0x48d1457, IODIRTY_FAULT_NONE },
		{ 0, 0x48d14d7, true, false, 0x48d14d7, IODIRTY_FAULT_NONE },
		/* Supervisor's; to be executed only; neither. */
		{ 0, 0x48d14c7, false, true, 0x48d14c7, IODIRTY_FAULT_PERMISSION },
		{ 0, 0x48d14d9, false, true, 0x48d14d9, IODIRTY_FAULT_PERMISSION },
		{ 0, 0x48d14d3, true, true, 0x48d14d3, IODIRTY_FAULT_PERMISSION },
		/* W without R, with X and without; a pointer from the last level. */
		{ 0, 0x48d14dd, false, true, 0x48d14dd, IODIRTY_FAULT_BAD_TABLE },
		{ 0, 0x48d14d5, true, true, 0x48d14d5, IODIRTY_FAULT_BAD_TABLE },
		{ 0, 0x48d1401, true, true, 0x48d1401, IODIRTY_FAULT_BAD_TABLE },
		/* Pointers with U, A, D, PBMT, N. */
		{ 1, 0x48d1411, true, true, 0x48d1411, IODIRTY_FAULT_BAD_TABLE },
		{ 1, 0x48d1441, true, true, 0x48d1441, IODIRTY_FAULT_BAD_TABLE },
		{ 1, 0x48d1481, true, true, 0x48d1481, IODIRTY_FAULT_BAD_TABLE },
		{ 2, 0x20000000048d1401, true, true, 0x20000000048d1401, IODIRTY_FAULT_BAD_TABLE },
		{ 1, 0x80000000048d1401, true, true, 0x80000000048d1401, IODIRTY_FAULT_BAD_TABLE },
		/* G, RSW, PBMT 1 and 2 are fine; PBMT 3 and bits 60:54 are not. */
		{ 0, 0x20000000048d17ff, true, true, 0x20000000048d17ff, IODIRTY_FAULT_NONE },
		{ 0, 0x40000000048d14d7, true, true, 0x40000000048d14d7, IODIRTY_FAULT_NONE },
		{ 0, 0x60000000048d14d7, true, true, 0x60000000048d14d7, IODIRTY_FAULT_BAD_TABLE },
		{ 0, 0x10000000048d14d7, true, true, 0x10000000048d14d7, IODIRTY_FAULT_BAD_TABLE },
		{ 0, 0x00400000048d14d7, true, true, 0x00400000048d14d7, IODIRTY_FAULT_BAD_TABLE },
		/* NAPOT of 64 KiB, of other sizes, of another level. */
		{ 0, 0x80000000048d2057, true, true, 0x80000000048d20d7, IODIRTY_FAULT_NONE },
		{ 0, 0x80000000048d1057, true, true, 0x80000000048d1057, IODIRTY_FAULT_BAD_TABLE },
		{ 0, 0x80000000048d2457, true, true, 0x80000000048d2457, IODIRTY_FAULT_BAD_TABLE },
		{ 1, 0x8000000004802057, true, true, 0x8000000004802057, IODIRTY_FAULT_BAD_TABLE },
		/* Misaligned superpages. */
		{ 1, 0x4880457, true, true, 0x4880457, IODIRTY_FAULT_BAD_TABLE },
		{ 2, 0x18000057, true, true, 0x18000057, IODIRTY_FAULT_BAD_TABLE },
	};
	struct rig *r = setup(&kinds[_i], 0);
	unsigned int i;
	u64 after;

	if (strncmp(r->k->name, "riscv", 5)) {
		teardown(r);
		return;
	}
	entry_at(r, IOVA, 1);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum iodirty_fault fault = riscv_walk_of(r, rows[i].level, rows[i].entry,
							 rows[i].write, rows[i].track, &after);

		ck_assert_msg(fault == rows[i].fault && after == rows[i].after,
			      "row %u: fault %d, entry %#llx", i, fault, (unsigned long long)after);
	}
	teardown(r);
}
END_TEST

/* Where addresses are sign-extended, hardware translates the upper half as well. */
START_TEST(upper_half)
{
	struct rig *r = setup(&kinds[_i], 16);
	const struct kind *k = r->k;
	u64 top = ~0ULL << (k->input_lg2 - 1), bit, *p;
	struct hw_xlate x;

	if (k->sign_extended) {
		p = put(r, top, (u64)r->mem, k->granule_lg2);
		ck_assert_int_eq(walk(r, top + 8, true, true, &x), IODIRTY_FAULT_NONE);
		ck_assert_uint_eq(x.pa, (u64)r->mem + 8);
		ck_assert_uint_eq(x.iova_first, top);
		ck_assert(is_dirty(k, *p));
		ck_assert_int_eq(touch(r, true, top + 16), IODIRTY_FAULT_NONE);
		/* Any one bit that is not the sign's copy. */
		for (bit = 1ULL << (k->input_lg2 - 1); bit; bit <<= 1) {
			ck_assert_int_eq(walk(r, top ^ bit, true, true, &x), IODIRTY_FAULT_ADDRESS);
			ck_assert_int_eq(touch(r, true, IOVA | bit), IODIRTY_FAULT_ADDRESS);
		}
	}
	teardown(r);
}
END_TEST

/* What only Arm has. Of the kinds these tests loop over they pass by the others. */
START_TEST(arm_leaf_bits)
{
	const struct kind *k = &kinds[_i];
	u64 dbm = 1ULL << 51, af = 0x400, *p, clean, dirty;
	struct hw_xlate x;
	struct rig *r;

	if (strncmp(k->name, "arm-", 4))
		return;
	r = setup(k, 0);
	p = put_mem(r, IOVA, 1);
	clean = *p;
	dirty = changed(clean, k->dirty);
	/* The table that the last bit of the address chooses is another one. */
	ck_assert_int_eq(walk(r, IOVA | 1ULL << 47, true, true, &x), IODIRTY_FAULT_NOT_PRESENT);
	/* Without HD, DBM is nothing and bit 7 decides. */
	ck_assert_int_eq(walk(r, IOVA, true, false, &x), IODIRTY_FAULT_PERMISSION);
	ck_assert_int_eq(walk(r, IOVA, false, false, &x), IODIRTY_FAULT_NONE);
	ck_assert(x.read && !x.write && !x.dirty);
	ck_assert_uint_eq(*p, clean);
	*p = dirty;
	ck_assert_int_eq(walk(r, IOVA, true, false, &x), IODIRTY_FAULT_NONE);
	ck_assert(x.write && x.dirty);
	ck_assert_uint_eq(*p, dirty);
	/* Writable, and not by DBM: there is nothing to record. */
	*p = dirty & ~dbm;
	ck_assert_int_eq(walk(r, IOVA, true, true, &x), IODIRTY_FAULT_NONE);
	ck_assert(x.write && x.dirty);
	ck_assert_uint_eq(*p, dirty & ~dbm);
	/* AF: with HA hardware sets it, with DBM's bit at one; else it is a fault. */
	*p = clean & ~af;
	ck_assert_int_eq(walk(r, IOVA, false, true, &x), IODIRTY_FAULT_NONE);
	ck_assert_uint_eq(*p, clean);
	*p = clean & ~af;
	ck_assert_int_eq(walk(r, IOVA, true, true, &x), IODIRTY_FAULT_NONE);
	ck_assert_uint_eq(*p, dirty);
	*p = dirty & ~af;
	ck_assert_int_eq(walk(r, IOVA, false, false, &x), IODIRTY_FAULT_PERMISSION);
	ck_assert_int_eq(walk(r, IOVA, true, false, &x), IODIRTY_FAULT_PERMISSION);
	ck_assert_uint_eq(*p, dirty & ~af);
	/* A request that may not go on sets no AF. */
	*p = changed(clean, k->no_write) & ~af;
	ck_assert_int_eq(walk(r, IOVA, true, true, &x), IODIRTY_FAULT_PERMISSION);
	ck_assert_uint_eq(*p, changed(clean, k->no_write) & ~af);
	/* At level 3, what is no page is reserved. */
	*p = clean & ~2ULL;
	ck_assert_int_eq(walk(r, IOVA, true, true, &x), IODIRTY_FAULT_BAD_TABLE);
	teardown(r);
}
END_TEST

/* Blocks: 2M and 1G; 32M; 512M. Above them an entry that is no table is reserved. */
START_TEST(arm_blocks)
{
	const struct kind *k = &kinds[_i];
	unsigned int level, top;
	struct hw_xlate x;
	struct rig *r;

	if (strncmp(k->name, "arm-", 4))
		return;
	r = setup(k, 0);
	top = k->granule_lg2 == 12 ? 3 : 2;
	for (level = 2; level <= k->levels; level++) {
		*entry_at(r, IOVA, level) = k->leaf(0, level, span_lg2(k, level)) & ~(1ULL << 52);
		ck_assert_int_eq(walk(r, IOVA, true, true, &x),
				 level <= top ? IODIRTY_FAULT_NONE : IODIRTY_FAULT_BAD_TABLE);
		*entry_at(r, IOVA, level) = 0;
	}
	teardown(r);
}
END_TEST

/* The last bit of a 48-bit address, at whichever table begins the walk. */
START_TEST(arm_top_bit)
{
	const struct kind *k = &kinds[_i];
	u64 high = IOVA | 1ULL << 47, *low, *top;
	struct hw_xlate x;
	struct rig *r;

	if (strncmp(k->name, "arm-", 4))
		return;
	r = setup(k, 0);
	low = put(r, IOVA, 0x40000000, k->granule_lg2);
	top = put(r, high, 0x80000000, k->granule_lg2);
	ck_assert_int_eq(walk(r, high, true, true, &x), IODIRTY_FAULT_NONE);
	ck_assert_uint_eq(x.pa, 0x80000000);
	ck_assert(!is_dirty(k, *low) && is_dirty(k, *top));
	ck_assert_int_eq(walk(r, IOVA, true, true, &x), IODIRTY_FAULT_NONE);
	ck_assert_uint_eq(x.pa, 0x40000000);
	teardown(r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hw_walk");
	TCase *t = tcase_create("hw");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_test(t, golden_words);
	tcase_add_loop_test(t, golden_walks, 0, KINDS);
	tcase_add_loop_test(t, faults, 0, KINDS);
	tcase_add_test(t, bad_amd);
	tcase_add_test(t, amd_skipped_level);
	tcase_add_test(t, bad_vtd);
	tcase_add_test(t, bad_vtd_fs);
	tcase_add_loop_test(t, bad_riscv, 0, KINDS);
	tcase_add_loop_test(t, upper_half, 0, KINDS);
	tcase_add_loop_test(t, arm_leaf_bits, 0, KINDS);
	tcase_add_loop_test(t, arm_blocks, 0, KINDS);
	tcase_add_loop_test(t, arm_top_bit, 0, KINDS);
	suite_add_tcase(s, t);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
