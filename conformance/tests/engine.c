/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter ENGINE: how a harvest looks at entries and cleans them can be chosen, and what
 * it finds is the same. What is chosen is in engine_select.c, what happens at the same
 * time in engine_races.c.
 */
#include "engine.h"

#define NO_CLEAR IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR

#define NEEDS (TARGET_ENGINE | TARGET_LEAF | TARGET_DMA)

/* From none to all, here and there and in runs. */
static const struct {
	unsigned int permille;
	bool clustered;
} densities[] = {
	{ 0, false }, { 2, false }, { 20, false }, { 150, true }, { 500, false }, { 1000, true },
};

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* The same leaves are written for each way. */
CT_TEST(engine_whole, "ENGINE-001", .scope = CT_EACH_LEAF, .needs = NEEDS)
{
	struct way way[MAX_WAYS];
	unsigned int n = ways(way);
	struct bed b;

	bed_open(&b);
	for (unsigned int i = 0; i < n; i++) {
		x(way_select(&way[i]));
		b.random = ct.seed;
		for (unsigned int d = 0; d < N(densities); d++) {
			bed_scatter(&b, densities[d].permille, densities[d].clustered);
			bed_expect_all(&b, way[i].text, 0);
		}
		bed_expect_all(&b, way[i].text, 0);
	}
	ct_measure("ways", n, "1");
}

/* One leaf at a time, each of the first tables' worth: its bit and no other. */
CT_TEST(engine_each_leaf, "ENGINE-001", .scope = CT_EACH_FORMAT, .needs = NEEDS)
{
	struct way way[MAX_WAYS];
	unsigned int n = ways(way);
	struct bed b;

	bed_open(&b);
	for (u64 leaf = 0; leaf < lowest(140, b.leaves); leaf++) {
		const struct way *w = &way[leaf % n];

		x(way_select(w));
		bed_write(&b, leaf);
		bed_expect(&b, w->text, 0, 0, lowest(200, b.units), 0);
	}
}

/* What a request leaves out of a leaf stays owed, and is paid once. */
CT_TEST(engine_cut, "ENGINE-002", .scope = CT_EACH_LEAF, .needs = NEEDS)
{
	struct way way[MAX_WAYS];
	unsigned int n = ways(way);
	struct bed b;

	bed_open(&b);
	for (unsigned int i = 0; i < n; i++) {
		x(way_select(&way[i]));
		b.random = ct.seed;
		for (unsigned int round = 0; round < 2; round++) {
			bed_scatter(&b, 30 + 300 * round, round % 2);
			for (unsigned int cut = 0; cut < 6; cut++)
				bed_expect_cut(&b, way[i].text, 0);
		}
		bed_expect_all(&b, way[i].text, 0);
	}
}

CT_TEST(engine_no_clear, "ENGINE-003", .scope = CT_EACH_LEAF, .needs = NEEDS)
{
	struct way way[MAX_WAYS];
	unsigned int n = ways(way);
	struct bed b;

	bed_open(&b);
	for (unsigned int i = 0; i < n; i++) {
		x(way_select(&way[i]));
		b.random = ct.seed;
		bed_scatter(&b, 200, i % 2);
		for (unsigned int round = 0; round < 3; round++) {
			bed_expect_all(&b, way[i].text, NO_CLEAR);
			bed_expect_cut(&b, way[i].text, NO_CLEAR);
		}
		bed_expect_all(&b, way[i].text, 0);
	}
}

/* Steps of every kind, each by another way: what one leaves behind the next must know. */
CT_TEST(engine_taking_turns, "ENGINE-004", .scope = CT_EACH_LEAF, .needs = NEEDS)
{
	struct way way[MAX_WAYS];
	unsigned int n = ways(way);
	struct bed b;

	bed_open(&b);
	for (unsigned int step = 0; step < 200; step++) {
		const struct way *w = &way[ct_random(&b.random) % n];

		x(way_select(w));
		if (step % 3 == 0)
			bed_scatter(&b, 8 << ct_random(&b.random) % 5, step % 2);
		switch (ct_random(&b.random) % 4) {
		case 0:
			bed_expect_all(&b, w->text, 0);
			break;
		case 1:
			bed_expect_cut(&b, w->text, NO_CLEAR);
			break;
		case 2:
			bed_write(&b, ct_random(&b.random) % b.leaves);
			/* fall through */
		default:
			bed_expect_cut(&b, w->text, 0);
		}
	}
	bed_expect_all(&b, "at the end", 0);
}

/* Enabling cleans by the same means. Whatever was written while off is not reported. */
CT_TEST(engine_enable, "ENGINE-005", .scope = CT_EACH_FORMAT, .needs = NEEDS)
{
	struct way way[MAX_WAYS];
	unsigned int n = ways(way);
	struct bed b;

	bed_open(&b);
	for (unsigned int i = 0; i < n; i++) {
		x(way_select(&way[i]));
		x(ct_set_tracking(b.s.hwpt, false));
		bed_scatter(&b, 300, false);
		x(ct_set_tracking(b.s.hwpt, true));
		memset(b.owed, 0, b.units);
		bed_expect_all(&b, way[i].text, 0);
		bed_scatter(&b, 300, true);
		bed_expect_all(&b, way[i].text, 0);
	}
}

/* Tables that are new, or gone, between two harvests. */
CT_TEST(engine_remap, "ENGINE-006", .scope = CT_EACH_FORMAT, .needs = NEEDS)
{
	struct way way[MAX_WAYS];
	unsigned int n = ways(way);
	struct bed b;

	bed_open(&b);
	for (unsigned int i = 0; i < n; i++) {
		x(way_select(&way[i]));
		bed_scatter(&b, 100, true);
		x(ct_unmap(b.s.ioas, b.s.iova, b.s.length, NULL));
		memset(b.owed, 0, b.units);
		x(ct_map(b.s.ioas, b.s.mem, b.s.length, b.s.iova));
		bed_expect_all(&b, way[i].text, 0);
		bed_write(&b, b.leaves - 1);
		bed_expect_all(&b, way[i].text, 0);
		bed_scatter(&b, 100, false);
		bed_expect_all(&b, way[i].text, 0);
	}
}
