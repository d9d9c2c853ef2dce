/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Two stages: VT-d's first stage, written by hand into pages that its second stage
 * maps. Page 0 of the memory is the root; pages 1 to 3 the tables below it; data is in
 * the pages from DATA on. Guest-physical addresses begin at GPA.
 */
#include "hw_caches.h"

#define GPA 0x40000000ULL
#define DATA 8
#define TAG 9
#define INPUT 0x0000123456789000ULL /* before stage 1 */

#define FS_A 0x20ULL
#define FS_D 0x40ULL
#define SS_A 0x100ULL
#define SS_D 0x200ULL

struct nest {
	struct rig *r;
	u64 *stage2; /* the leaves of the pages */
	u64 *stage1[5]; /* by level: the entry that INPUT picks */
};

static u64 *page(const struct nest *n, unsigned int i)
{
	return (u64 *)(n->r->mem + i * PORT_PAGE_SIZE);
}

static void nest_context(const struct nest *n, bool track, u32 tag)
{
	struct hw_context ctx = {
		.root_phys = port_table_phys(n->r->root),
		.domain = DOMAIN,
		.dirty = track,
		.stage1 = {
			.kind = HW_STAGE1_TABLE,
			.tag = tag,
			.tables = { "vtd-fs", 12, 9, 4, 48 },
			.address = GPA,
		},
	};

	ck_assert_int_eq(hw_context_set(n->r->dev, 0, &ctx), 0);
}

static struct nest nest_setup_as(unsigned int sets, const struct hw_ats *ats)
{
	struct nest n = {
		.r = setup_caches(kind_named("vtd-ss"), .sets = sets, .ways = 4, .walk_entries = 8,
				  .ats = ats),
	};
	unsigned int level, i = 0;

	n.stage2 = put_mem(n.r, GPA, 64);
	for (level = 4; level; level--, i++) {
		n.stage1[level] = &page(&n, i)[INPUT >> (12 + 9 * (level - 1)) & 511];
		*n.stage1[level] = (level > 1 ? GPA + (i + 1) * 0x1000 : GPA + DATA * 0x1000) | 7;
	}
	nest_context(&n, true, TAG);
	return n;
}

static struct nest nest_setup(unsigned int sets)
{
	return nest_setup_as(sets, NULL);
}

static void nest_teardown(struct nest *n)
{
	teardown(n->r);
}

static void clean(const struct nest *n)
{
	unsigned int i;

	for (i = 0; i < 64; i++)
		n->stage2[i] &= ~(SS_A | SS_D);
}

/* Bit i: page i has D set in stage 2. */
static u64 dirty_pages(const struct nest *n)
{
	u64 pages = 0, i;

	for (i = 0; i < 64; i++)
		pages |= (n->stage2[i] & SS_D ? 1ULL : 0) << i;
	return pages;
}

static void command(const struct nest *n, const struct hw_inv *cmd)
{
	hw_inv_issue(n->r->iommu, cmd);
	hw_inv_wait(n->r->iommu);
}

/* A read sets A four times, a write D once; each page that this changes is dirty. */
START_TEST(updates)
{
	struct nest n = nest_setup(16);
	unsigned int level;

	ck_assert_int_eq(touch(n.r, false, INPUT), 0);
	for (level = 1; level <= 4; level++)
		ck_assert_uint_eq(*n.stage1[level] & (FS_A | FS_D), FS_A);
	ck_assert_uint_eq(dirty_pages(&n), 0xf);
	ck_assert(n.stage2[DATA] & SS_A);
	clean(&n);
	nest_context(&n, true, TAG);
	ck_assert_int_eq(touch(n.r, true, INPUT + 8), 0);
	ck_assert_uint_eq(*n.stage1[1] & (FS_A | FS_D), FS_A | FS_D);
	ck_assert_uint_eq(dirty_pages(&n), 1 << DATA | 1 << 3);
	clean(&n);
	nest_context(&n, true, TAG);
	ck_assert_int_eq(touch(n.r, true, INPUT + 8), 0);
	ck_assert_uint_eq(dirty_pages(&n), 1 << DATA);
	/* Stage 2 does not track: stage 1 is updated all the same. */
	clean(&n);
	*n.stage1[1] &= ~(FS_A | FS_D);
	nest_context(&n, false, TAG);
	ck_assert_int_eq(touch(n.r, true, INPUT), 0);
	ck_assert_uint_eq(*n.stage1[1] & (FS_A | FS_D), FS_A | FS_D);
	ck_assert_uint_eq(dirty_pages(&n), 0);
	nest_teardown(&n);
}
END_TEST

/* Which commands find what is cached of both stages. */
START_TEST(commands)
{
	const struct hw_inv misses[] = {
		/* its page of stage 2, and the address that it is cached by, as stage 2's */
		{ .kind = HW_INV_RANGE,
		  .domain = DOMAIN,
		  .pasid = HW_ANY,
		  .first = GPA,
		  .last = GPA + 64 * 0x1000 - 1 },
		{ .kind = HW_INV_RANGE, .domain = DOMAIN, .pasid = HW_ANY, .last = ~0ULL },
		{ .kind = HW_INV_STAGE1, .domain = DOMAIN, .stage1 = TAG + 1, .last = ~0ULL },
		{ .kind = HW_INV_STAGE1, .domain = DOMAIN + 1, .stage1 = TAG, .last = ~0ULL },
		{ .kind = HW_INV_STAGE1, .domain = DOMAIN, .stage1 = TAG, .last = INPUT - 1 },
		{ .kind = HW_INV_STAGE1,
		  .domain = DOMAIN,
		  .stage1 = TAG,
		  .first = INPUT + 0x1000,
		  .last = ~0ULL },
		{ .kind = HW_INV_DOMAIN, .domain = DOMAIN + 1 },
	};
	const struct hw_inv finds[] = {
		{ .kind = HW_INV_STAGE1,
		  .domain = DOMAIN,
		  .stage1 = TAG,
		  .first = INPUT + 0xfff,
		  .last = INPUT + 0xfff },
		{ .kind = HW_INV_DOMAIN, .domain = DOMAIN },
		{ .kind = HW_INV_GLOBAL },
	};
	struct nest n = nest_setup(16);
	unsigned int i;

	ck_assert_int_eq(touch(n.r, true, INPUT), 0);
	for (i = 0; i < sizeof(misses) / sizeof(misses[0]); i++) {
		clean(&n);
		command(&n, &misses[i]);
		ck_assert_int_eq(touch(n.r, true, INPUT), 0);
		ck_assert_msg(!dirty_pages(&n), "command %u of those that miss", i);
	}
	for (i = 0; i < sizeof(finds) / sizeof(finds[0]); i++) {
		clean(&n);
		command(&n, &finds[i]);
		ck_assert_int_eq(touch(n.r, true, INPUT), 0);
		ck_assert_msg(dirty_pages(&n) == 1 << DATA, "command %u of those that find", i);
	}
	nest_teardown(&n);
}
END_TEST

/* Stage 2's permissions, for each page of tables and for the data. */
START_TEST(permissions)
{
	struct nest n = nest_setup(0);
	unsigned int i;

	for (i = 0; i < 4; i++) {
		u64 was = *n.stage1[4 - i];

		n.stage2[i] &= ~2ULL;
		ck_assert_int_eq(touch(n.r, false, INPUT), IODIRTY_FAULT_PERMISSION);
		ck_assert_uint_eq(*n.stage1[4 - i], was);
		ck_assert(!(dirty_pages(&n) & 1ULL << i));
		n.stage2[i] |= 2;
		n.stage2[i] &= ~3ULL;
		ck_assert_int_eq(touch(n.r, false, INPUT), IODIRTY_FAULT_NOT_PRESENT);
		n.stage2[i] |= 3;
	}
	n.stage2[DATA] &= ~2ULL;
	ck_assert_int_eq(touch(n.r, true, INPUT), IODIRTY_FAULT_PERMISSION);
	ck_assert_int_eq(touch(n.r, false, INPUT), 0);
	ck_assert(!(dirty_pages(&n) & 1 << DATA));
	n.stage2[DATA] |= 2;
	*n.stage1[1] &= ~2ULL;
	ck_assert_int_eq(touch(n.r, true, INPUT), IODIRTY_FAULT_PERMISSION);
	ck_assert(!(dirty_pages(&n) & 1 << DATA));
	nest_teardown(&n);
}
END_TEST

/* The fault is told at the address that the device used. */
START_TEST(fault_address)
{
	struct nest n = nest_setup(16);
	struct hw_fault fault;
	u64 v = 1;

	n.stage2[DATA] = 0;
	ck_assert_uint_eq(hw_dma(n.r->dev, 0, true, INPUT + 24, &v, 8, &fault), 0);
	ck_assert_int_eq(fault.reason, IODIRTY_FAULT_NOT_PRESENT);
	ck_assert_uint_eq(fault.iova, INPUT + 24);
	nest_teardown(&n);
}
END_TEST

/* A page of the guest's tables that the program may only read, or has unmapped. */
START_TEST(memory_gone)
{
	struct nest n = nest_setup(0);

	ck_assert_int_eq(mprotect(page(&n, 2), PORT_PAGE_SIZE, PROT_READ), 0);
	ck_assert_int_eq(touch(n.r, false, INPUT), IODIRTY_FAULT_MEMORY);
	ck_assert_int_eq(mprotect(page(&n, 2), PORT_PAGE_SIZE, PROT_READ | PROT_WRITE), 0);
	/* Nothing is left to set: it would only be read. */
	ck_assert_int_eq(touch(n.r, true, INPUT), 0);
	ck_assert_int_eq(munmap(page(&n, 3), PORT_PAGE_SIZE), 0);
	ck_assert_int_eq(touch(n.r, false, INPUT), IODIRTY_FAULT_MEMORY);
	ck_assert_int_eq(touch(n.r, true, INPUT), IODIRTY_FAULT_MEMORY);
	nest_teardown(&n);
}
END_TEST

/* Both stages' leaves are large, or one is: what is cached is the smaller. */
START_TEST(smaller_leaf)
{
	struct nest n = nest_setup(16);

	/* 2 MiB of stage 1 over pages of 4 KiB. */
	*n.stage1[2] = GPA | 0x87;
	ck_assert_int_eq(touch(n.r, true, (INPUT & ~0x1fffffULL) + 10 * 0x1000), 0);
	ck_assert_uint_eq(dirty_pages(&n) & ~0xfULL, 1 << 10);
	ck_assert_int_eq(touch(n.r, true, (INPUT & ~0x1fffffULL) + 11 * 0x1000), 0);
	ck_assert_uint_eq(dirty_pages(&n) & ~0xfULL, 3 << 10);
	nest_teardown(&n);
}
END_TEST

/* A device's own cache is filled through both stages, D of both set. */
START_TEST(ats)
{
	const struct hw_ats config = { .entries = 4 };
	struct nest n = nest_setup_as(16, &config);
	const struct hw_inv whole = { .kind = HW_INV_DOMAIN, .domain = DOMAIN };
	struct hw_inv device = {
		.kind = HW_INV_ATC, .pasid = HW_ANY, .last = ~0ULL, .dev = n.r->dev
	};

	ck_assert_int_eq(touch(n.r, true, INPUT), 0);
	ck_assert_uint_eq(dirty_pages(&n), 1 << DATA | 0xf);
	clean(&n);
	command(&n, &whole);
	ck_assert_int_eq(touch(n.r, true, INPUT), 0);
	ck_assert_uint_eq(dirty_pages(&n), 0);
	command(&n, &device);
	ck_assert_int_eq(touch(n.r, true, INPUT), 0);
	ck_assert_uint_eq(dirty_pages(&n), 1 << DATA);
	nest_teardown(&n);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hw_nest");
	TCase *t = tcase_create("nest");
	SRunner *sr;
	int failed;

	tcase_add_test(t, updates);
	tcase_add_test(t, commands);
	tcase_add_test(t, permissions);
	tcase_add_test(t, fault_address);
	tcase_add_test(t, memory_gone);
	tcase_add_test(t, smaller_leaf);
	tcase_add_test(t, ats);
	suite_add_tcase(s, t);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed != 0;
}
