/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Leaves taken away from hardware, in every format and of every leaf size up to 1 GiB:
 * what was dirty is recorded, in whichever entry of a leaf and however a window cuts it;
 * what is given back is what it was, entry by entry; what is not is freed by an unmap; and
 * a thread that marks as hardware does is recorded, or finds nothing.
 */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>

#include "pgtable.h"
#include "walk.h"

#define ANY_SIZE 63
#define MAX_TESTED_LG2 30
#define LEAVES 4
#define PA 0x4000000000ULL

static struct pgt pgt;
static u64 area, leaf_size, words[LEAVES * 1024];

static int nr_formats(void)
{
	int n = 0;

	while (pgt_formats[n])
		n++;
	return n;
}

/* Leaves of 2^@lg2 bytes, from an even multiple of that on. */
static void open_area(const struct pgt_format *fmt, unsigned int lg2, unsigned int prot)
{
	leaf_size = 1ULL << lg2;
	ck_assert_int_eq(pgt_init(&pgt, fmt, 0, true), 0);
	area = (fmt->aperture_first + 2 * leaf_size - 1) & ~(2 * leaf_size - 1);
	ck_assert_int_eq(pgt_map(&pgt, area, PA, LEAVES * leaf_size, prot, lg2), 0);
}

/* Whatever is there, nothing is left of it. */
static void close_area(void)
{
	u64 root = (1ULL << pgt_table_lg2(pgt.fmt, pgt.fmt->levels - 1)) / PORT_PAGE_SIZE;
	struct pgt_gather g;

	pgt_gather_init(&g);
	pgt_unmap(&pgt, area, LEAVES * leaf_size, &g);
	ck_assert_uint_eq(g.nr, 1);
	ck_assert_uint_eq(g.ranges[0].first, area);
	ck_assert_uint_eq(g.ranges[0].last, area + (LEAVES * leaf_size - 1));
	pgt_gather_free(&g);
	ck_assert_uint_eq(pgt.table_pages, root);
	pgt_fini(&pgt);
}

static void withhold(struct pgt_bits *b, u64 first, u64 length)
{
	pgt_bits_init(b, first, first + (length - 1), port_lg2(leaf_size) - 1, words);
	pgt_withhold(&pgt, b);
}

/* Entry @i of leaf @leaf. */
static u64 *entry_of(u64 leaf, unsigned int i)
{
	u64 *slot, entry, *table = pgt.root;
	unsigned int level = pgt.fmt->levels - 1;

	/* It need not be present. */
	for (;; level--) {
		slot = &table[pgt_index(pgt.fmt, level, area + leaf * leaf_size)];
		entry = port_load(slot);
		if (!pgt.fmt->is_table(entry, level))
			return slot + i;
		table = pgt_child(pgt.fmt, entry);
	}
}

static unsigned int entries_a_leaf(void)
{
	unsigned int level;

	pgt_find(&pgt, area, &level);
	return (unsigned int)(leaf_size >> pgt_item_lg2(pgt.fmt, level));
}

static u64 dirtied(u64 entry)
{
	return (entry | pgt.fmt->dirty_set) & ~pgt.fmt->dirty_clear;
}

/* Leaf 2 is dirty in one entry, each in turn. */
static void one_entry(unsigned int prot)
{
	unsigned int n = entries_a_leaf(), step = n / 8 ?: 1, i;
	bool writable = prot & PGT_WRITE;
	u64 before[LEAVES][8];
	struct pgt_bits b;
	u64 leaf;

	for (i = 0; i < n; i += step) {
		if (writable)
			*entry_of(2, i) = dirtied(*entry_of(2, i));
		for (leaf = 0; leaf < LEAVES; leaf++)
			for (unsigned int j = 0; j < n && j / step < 8; j += step)
				before[leaf][j / step] = *entry_of(leaf, j);

		withhold(&b, area, LEAVES * leaf_size);
		ck_assert_uint_eq(b.words[0], writable ? 3 << 4 : 0);
		for (leaf = 0; leaf < LEAVES; leaf++)
			for (unsigned int j = 0; j < n; j++)
				ck_assert(!pgt.fmt->present(*entry_of(leaf, j)));
		/* Once more, a window that cuts it: it is dirty still. */
		withhold(&b, area + 2 * leaf_size + leaf_size / 2, leaf_size);
		ck_assert_uint_eq(b.words[0], writable);

		pgt_give_back(&pgt, area, area + (LEAVES * leaf_size - 1), prot);
		for (leaf = 0; leaf < LEAVES; leaf++)
			for (unsigned int j = 0; j < n && j / step < 8; j += step)
				ck_assert_uint_eq(*entry_of(leaf, j), before[leaf][j / step]);
		if (writable)
			*entry_of(2, i) = (*entry_of(2, i) & ~pgt.fmt->clean_clear) |
					  pgt.fmt->clean_set;
	}
}

static void each_size(int format, void (*test)(unsigned int prot), unsigned int prot)
{
	const struct pgt_format *fmt = pgt_formats[format];

	for (unsigned int lg2 = fmt->granule_lg2; lg2 <= MAX_TESTED_LG2; lg2++) {
		if (!(fmt->leaf_sizes >> lg2 & 1) ||
		    fmt->aperture_last - fmt->aperture_first < (2ULL + LEAVES) << lg2)
			continue;
		open_area(fmt, lg2, prot);
		test(prot);
		close_area();
	}
}

START_TEST(what_was_dirty_is_recorded)
{
	each_size(_i, one_entry, PGT_READ | PGT_WRITE);
	each_size(_i, one_entry, PGT_READ);
}
END_TEST

/* Unmapped without being given back: close_area() sees that nothing is left. */
static void unmap_withheld(unsigned int prot)
{
	struct pgt_bits b;

	(void)prot;
	withhold(&b, area, LEAVES * leaf_size);
	ck_assert(!b.any);
}

START_TEST(what_is_withheld_is_unmapped)
{
	each_size(_i, unmap_withheld, PGT_READ | PGT_WRITE);
	each_size(_i, unmap_withheld, PGT_WRITE);
}
END_TEST

/* ---- a thread that marks ---- */

static bool marked[LEAVES];

/* As hardware: an entry that is present is marked by a compare-and-swap. */
static void *mark(void *arg)
{
	unsigned int seed = 1, n = *(unsigned int *)arg;
	bool found = true;

	while (found) {
		u64 leaf = (u64)rand_r(&seed) % LEAVES, *slot = entry_of(leaf, rand_r(&seed) % n);
		u64 entry = port_load(slot);

		do {
			found = pgt.fmt->present(entry);
		} while (found && !port_cmpxchg(slot, &entry, dirtied(entry)));
		marked[leaf] |= found;
	}
	return NULL;
}

static void race(unsigned int prot)
{
	const struct pgt_engine *engine = pgt_engine_default();
	unsigned int n = entries_a_leaf();
	struct pgt_gather g;
	struct pgt_bits b;
	pthread_t thread;

	for (int round = 0; round < 40; round++) {
		memset(marked, 0, sizeof(marked));
		ck_assert_int_eq(pthread_create(&thread, NULL, mark, &n), 0);
		withhold(&b, area, LEAVES * leaf_size);
		pthread_join(thread, NULL);
		for (u64 leaf = 0; leaf < LEAVES; leaf++)
			ck_assert(!marked[leaf] || b.words[0] >> 2 * leaf & 1);
		pgt_give_back(&pgt, area, area + (LEAVES * leaf_size - 1), prot);
		pgt_gather_init(&g);
		pgt_harvest(&pgt, &(struct pgt_how){ .engine = engine }, area,
			    area + (LEAVES * leaf_size - 1), 0, NULL, &g);
	}
}

START_TEST(no_mark_is_lost)
{
	each_size(_i, race, PGT_READ | PGT_WRITE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("withhold");
	TCase *tc = tcase_create("withhold");
	SRunner *runner;
	int n = nr_formats(), failed;

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, what_was_dirty_is_recorded, 0, n);
	tcase_add_loop_test(tc, what_is_withheld_is_unmapped, 0, n);
	tcase_add_loop_test(tc, no_mark_is_lost, 0, n);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
