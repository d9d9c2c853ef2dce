/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Leaves made smaller and large again, in every format and of every leaf size up to
 * 1 GiB. What is expected is what pgt_map makes when it is asked for that size, entry
 * by entry; and that no mark of hardware is lost, whenever it comes: before, at the
 * moment of an invalidation, by a table that is already cut off, or from a thread.
 */
#define _GNU_SOURCE /* a lock that prefers writers */
#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "pgtable.h"
#include "walk.h"

#define RW (PGT_READ | PGT_WRITE)
#define ANY_SIZE 63
#define MAX_TESTED_LG2 30
#define PA 0x4000000000ULL /* of IOVA 0, as it were: aligned to all that is tested */

static const enum pgt_way ways[] = { PGT_BREAK_BEFORE_MAKE, PGT_IN_PLACE };

static int nr_formats(void)
{
	int n = 0;

	while (pgt_formats[n])
		n++;
	return n;
}

static u64 size_of(unsigned int lg2)
{
	return 1ULL << lg2;
}

/* One area, mapped in leaves of any size, and what hardware does at each sync. */
static struct pgt pgt;
static u64 area, area_length;
static unsigned int prot;
static unsigned int syncs;
static u64 synced_first, synced_last;
static void (*at_sync)(u64 first, u64 last);

static void sync_all(void *arg, u64 first, u64 last)
{
	ck_assert_ptr_eq(arg, &pgt);
	ck_assert_uint_le(first, last);
	syncs++;
	synced_first = port_min(synced_first, first);
	synced_last = port_max(synced_last, last);
	if (at_sync)
		at_sync(first, last);
}

static struct pgt_resize resize(enum pgt_way way)
{
	struct pgt_resize r = { .pgt = &pgt, .way = way, .sync = sync_all, .arg = &pgt };

	syncs = 0;
	synced_first = ~0ULL;
	synced_last = 0;
	return r;
}

static int split(enum pgt_way way)
{
	struct pgt_resize r = resize(way);
	int err;

	ck_assert_int_eq(pgt_resize_begin(&r), 0);
	err = pgt_split(&r, area, area + (area_length - 1));
	pgt_resize_end(&r);
	return err;
}

static void merge(enum pgt_way way)
{
	struct pgt_resize r = resize(way);

	ck_assert_int_eq(pgt_resize_begin(&r), 0);
	pgt_merge(&r, area, PA + area, area_length, prot, ANY_SIZE);
	pgt_resize_end(&r);
}

static void map(struct pgt *to, unsigned int max_lg2)
{
	ck_assert_int_eq(pgt_map(to, area, PA + area, area_length, prot, max_lg2), 0);
}

/*
 * A leaf of 2^@lg2 bytes with the smallest leaves before it, and after it where there is
 * room: where the alignment of its IOVA forbids a larger one, so does that of @size.
 */
static u64 open_area(const struct pgt_format *fmt, u64 sizes, unsigned int lg2, unsigned int p)
{
	u64 size = size_of(lg2), small, leaf;

	ck_assert_int_eq(pgt_init(&pgt, fmt, sizes, true), 0);
	small = size_of(pgt_small_lg2(&pgt));
	leaf = (fmt->aperture_first + small + (size - 1)) & ~(size - 1);
	area = leaf - small;
	area_length = size + small;
	if (fmt->aperture_last - (leaf + (size - 1)) >= small)
		area_length += small;
	prot = p;
	at_sync = NULL;
	map(&pgt, ANY_SIZE);
	return leaf;
}

static void close_area(void)
{
	pgt_fini(&pgt);
	ck_assert_uint_eq(pgt.table_pages, 0);
}

/* Entries that differ, addresses of tables and what says accessed aside. */
static u64 differences(const struct pgt_format *fmt, const u64 *a, const u64 *b, unsigned int level)
{
	const u64 accessed = fmt->dirty_set & ~fmt->dirty_mask;
	unsigned int i;
	u64 n = 0;

	for (i = 0; i < 1U << pgt_index_lg2(fmt, level); i++) {
		if (fmt->is_table(a[i], level) && fmt->is_table(b[i], level))
			n += differences(fmt, pgt_child(fmt, a[i]), pgt_child(fmt, b[i]),
					 level - 1);
		else
			n += ((a[i] ^ b[i]) & ~accessed) != 0;
	}
	return n;
}

/* The tables are those that a map with leaves of at most 2^@max_lg2 bytes makes. */
static void expect_map(unsigned int max_lg2)
{
	struct pgt want;

	ck_assert_int_eq(pgt_init(&want, pgt.fmt, pgt.leaf_sizes, true), 0);
	map(&want, max_lg2);
	ck_assert_uint_eq(differences(pgt.fmt, pgt.root, want.root, pgt.fmt->levels - 1), 0);
	ck_assert_uint_eq(pgt.table_pages, want.table_pages);
	pgt_fini(&want);
}

static unsigned int level_of(unsigned int lg2)
{
	return (lg2 - pgt.fmt->granule_lg2) / pgt.fmt->index_lg2;
}

/* Bytes of [first, last] that are dirty, and nothing outside is. */
static u64 dirty_bytes(u64 first, u64 last)
{
	u64 iova = area, sum = 0, outside = 0, end;
	struct pgt_leaf leaf;
	bool dirty;
	u64 start;

	for (; iova - area < area_length; iova = end) {
		if (pgt_leaf(&pgt, iova, &leaf, &start, &dirty))
			ck_abort_msg("%#lx is not mapped", (unsigned long)iova);
		end = start + size_of(leaf.lg2);
		if (dirty && iova >= first && end - 1 <= last)
			sum += end - iova;
		else if (dirty)
			outside += end - iova;
	}
	ck_assert_uint_eq(outside, 0);
	return sum;
}

/* Run for every leaf size of the format that can be split, each way; then with all
 * leaf sizes but the smallest, so that the smallest is one of several entries, or of
 * an upper level. */
static void each_size(int i, unsigned int max_lg2,
		      void (*check)(u64 leaf, unsigned int lg2, enum pgt_way way))
{
	const struct pgt_format *fmt = pgt_formats[i];
	unsigned int less, lg2, w;

	for (less = 0; less < 2; less++) {
		u64 sizes = fmt->leaf_sizes & ~(less ? size_of(port_ctz(fmt->leaf_sizes)) : 0);

		for (lg2 = port_ctz(sizes) + 1; lg2 <= max_lg2; lg2++) {
			if (!(sizes & size_of(lg2)))
				continue;
			for (w = 0; w < 2; w++) {
				u64 leaf = open_area(fmt, sizes, lg2, RW);

				check(leaf, lg2, ways[w]);
				close_area();
			}
		}
	}
}

/* ---- entries ---- */

static void check_entries(u64 leaf, unsigned int lg2, enum pgt_way way)
{
	unsigned int small = pgt_small_lg2(&pgt);

	ck_assert_int_eq(split(way), 0);
	expect_map(small);
	ck_assert_uint_eq(syncs, 1);
	ck_assert_uint_eq(synced_first, leaf);
	ck_assert_uint_eq(synced_last, leaf + (size_of(lg2) - 1));
	ck_assert_int_eq(split(way), 0); /* nothing is left to split */
	ck_assert_uint_eq(syncs, 0);
	expect_map(small);
	merge(way);
	expect_map(ANY_SIZE);
	ck_assert_uint_eq(syncs, 1);
	ck_assert_uint_eq(synced_first, leaf);
	ck_assert_uint_eq(synced_last, leaf + (size_of(lg2) - 1));
	merge(way);
	ck_assert_uint_eq(syncs, 0);
	expect_map(ANY_SIZE);
	ck_assert_uint_eq(dirty_bytes(0, ~0ULL), 0);
}

START_TEST(entries_are_those_of_a_map)
{
	each_size(_i, MAX_TESTED_LG2, check_entries);
}
END_TEST

/* What may not be written is never dirty, and stays so. */
START_TEST(read_only_leaves)
{
	unsigned int w;

	for (w = 0; w < 2; w++) {
		open_area(pgt_formats[_i], 0, 21, PGT_READ);
		ck_assert_int_eq(split(ways[w]), 0);
		expect_map(pgt_small_lg2(&pgt));
		merge(ways[w]);
		expect_map(ANY_SIZE);
		ck_assert_uint_eq(dirty_bytes(0, ~0ULL), 0);
		close_area();
	}
}
END_TEST

/* Many leaves: one wait for all in place; break before make one for each. A hole is
 * an error, with what is before it split. */
START_TEST(many_leaves)
{
	const struct pgt_format *fmt = pgt_formats[_i];
	unsigned int w;

	for (w = 0; w < 2; w++) {
		ck_assert_int_eq(
			pgt_init(&pgt, fmt,
				 size_of(21) | size_of(30) | size_of(port_ctz(fmt->leaf_sizes)),
				 true),
			0);
		area = 0x40000000 - 0x1400000;
		area_length = 0x1400000;
		prot = RW;
		at_sync = NULL;
		map(&pgt, ANY_SIZE);
		ck_assert_int_eq(split(ways[w]), 0);
		ck_assert_uint_eq(syncs, w ? 1 : 10);
		ck_assert_uint_eq(synced_first, area);
		ck_assert_uint_eq(synced_last, area + (area_length - 1));
		merge(ways[w]);
		expect_map(ANY_SIZE);
		ck_assert_uint_eq(syncs, w ? 1 : 10);
		area -= size_of(21);
		ck_assert_int_eq(split(ways[w]), -ENOENT);
		close_area();
	}
}
END_TEST

/* 1 TiB of 512 GiB items, which are no leaf of AMD: each becomes a table at once. And
 * more entries than are carried at a time. */
START_TEST(items_that_are_no_leaf)
{
	const struct pgt_format *fmt = pgt_format_by_name("amd-v1");
	unsigned int w;

	for (w = 0; w < 2; w++) {
		ck_assert_int_eq(pgt_init(&pgt, fmt, size_of(30) | size_of(38) | size_of(40), true),
				 0);
		area = size_of(40) - size_of(38);
		area_length = 3 * size_of(40) + 2 * size_of(38);
		prot = RW;
		at_sync = NULL;
		/* PA is not aligned so far */
		ck_assert_int_eq(pgt_map(&pgt, area, size_of(41) + area, area_length, RW, 63), 0);
		ck_assert_int_eq(split(ways[w]), 0);
		ck_assert_int_eq(pgt_set_dirty(&pgt, 2 * size_of(40) - 1), 0);
		struct pgt_resize r = resize(ways[w]);

		ck_assert_int_eq(pgt_resize_begin(&r), 0);
		pgt_merge(&r, area, size_of(41) + area, area_length, RW, 63);
		pgt_resize_end(&r);
		ck_assert_uint_eq(dirty_bytes(size_of(40), 2 * size_of(40) - 1), size_of(40));
		close_area();
	}
}
END_TEST

/* ---- what was dirty ---- */

static u64 places(u64 leaf, unsigned int lg2, unsigned int i)
{
	static const unsigned int eighths[] = { 0, 3, 7 };

	return leaf + (i == 2 ? size_of(lg2) - 1 : eighths[i] * (size_of(lg2) / 8));
}

/* A leaf that is dirty in any entry is dirty in all that it was; and back. */
static void check_dirty_leaf(u64 leaf, unsigned int lg2, enum pgt_way way)
{
	u64 last = leaf + (size_of(lg2) - 1);
	unsigned int i;

	for (i = 0; i < 3; i++) {
		struct pgt_gather g;

		ck_assert_int_eq(pgt_set_dirty(&pgt, places(leaf, lg2, i)), 0);
		ck_assert_int_eq(split(way), 0);
		ck_assert_uint_eq(dirty_bytes(leaf, last), size_of(lg2));
		merge(way);
		ck_assert_uint_eq(dirty_bytes(leaf, last), size_of(lg2));
		pgt_gather_init(&g);
		pgt_harvest(&pgt, &(struct pgt_how){ .engine = pgt_engine_default() }, leaf, last,
			    0, NULL, &g);
		expect_map(ANY_SIZE);
	}
}

START_TEST(dirty_leaf_splits_into_dirty_ones)
{
	each_size(_i, MAX_TESTED_LG2, check_dirty_leaf);
}
END_TEST

/* One small leaf that is dirty makes the merged one dirty, and no other. */
static void check_dirty_part(u64 leaf, unsigned int lg2, enum pgt_way way)
{
	u64 last = leaf + (size_of(lg2) - 1);
	unsigned int i;

	for (i = 0; i < 3; i++) {
		struct pgt_gather g;

		ck_assert_int_eq(split(way), 0);
		ck_assert_int_eq(pgt_set_dirty(&pgt, places(leaf, lg2, i)), 0);
		ck_assert_uint_eq(dirty_bytes(leaf, last), size_of(pgt_small_lg2(&pgt)));
		merge(way);
		ck_assert_uint_eq(dirty_bytes(leaf, last), size_of(lg2));
		pgt_gather_init(&g);
		pgt_harvest(&pgt, &(struct pgt_how){ .engine = pgt_engine_default() }, leaf, last,
			    0, NULL, &g);
		expect_map(ANY_SIZE);
	}
	/* of its neighbours only they are dirty */
	ck_assert_int_eq(split(way), 0);
	ck_assert_int_eq(pgt_set_dirty(&pgt, leaf - 1), 0);
	merge(way);
	ck_assert_uint_eq(dirty_bytes(area, leaf - 1), leaf - area);
}

START_TEST(one_dirty_part_makes_a_dirty_leaf)
{
	each_size(_i, MAX_TESTED_LG2, check_dirty_part);
}
END_TEST

/* ---- hardware at the moment of the invalidation ---- */

static u64 *stale; /* an entry that hardware has got to before */
static u64 stale_old; /* as it read it */
static u64 faulty; /* bytes that did not translate */
static bool marked;

static u64 as_dirty(u64 entry)
{
	return (entry | pgt.fmt->dirty_set) & ~pgt.fmt->dirty_clear;
}

/* The walk that was under way ends: its mark goes to what it has read, if that is
 * unchanged. */
static void finish_walk(u64 first, u64 last)
{
	(void)first;
	(void)last;
	marked = port_cmpxchg(stale, &stale_old, as_dirty(stale_old));
}

static void walk_to(u64 iova)
{
	unsigned int level;

	stale = pgt_find(&pgt, iova, &level);
	ck_assert_ptr_nonnull(stale);
	stale_old = port_load(stale);
}

static void check_stale_walk(u64 leaf, unsigned int lg2, enum pgt_way way)
{
	u64 at = places(leaf, lg2, 1);

	/* It got as far as the leaf: that is another entry now, and it begins anew. */
	walk_to(at);
	at_sync = finish_walk;
	ck_assert_int_eq(split(way), 0);
	ck_assert(!marked);
	ck_assert_uint_eq(dirty_bytes(0, ~0ULL), 0);
	/* It got into the table that is cut off: the mark there counts. */
	walk_to(at);
	merge(way);
	at_sync = NULL;
	ck_assert_uint_eq(dirty_bytes(leaf, leaf + (size_of(lg2) - 1)), marked ? size_of(lg2) : 0);
	/* Only where the small leaf was an entry of the same table did it fail. */
	ck_assert_int_eq(marked, level_of(lg2) != level_of(pgt_small_lg2(&pgt)));
}

START_TEST(walks_under_way)
{
	each_size(_i, MAX_TESTED_LG2, check_stale_walk);
}
END_TEST

static u64 poked; /* the leaf that hardware looks at, whole */

static void look(u64 first, u64 last)
{
	u64 at;
	unsigned int level;

	for (at = port_max(first, poked); at <= last; at += (last - first) / 4 + 1)
		faulty += !pgt_find(&pgt, at, &level);
}

static void check_faults(u64 leaf, unsigned int lg2, enum pgt_way way)
{
	poked = leaf;
	(void)lg2;
	at_sync = look;
	faulty = 0;
	ck_assert_int_eq(split(way), 0);
	ck_assert_uint_eq(faulty, way == PGT_IN_PLACE ? 0 : 4);
	faulty = 0;
	merge(way);
	ck_assert_uint_eq(faulty, way == PGT_IN_PLACE ? 0 : 4);
	at_sync = NULL;
}

/* Break before make faults, in place does not. */
START_TEST(faults_in_the_window)
{
	each_size(_i, MAX_TESTED_LG2, check_faults);
}
END_TEST

/* ---- no memory ---- */

static void check_no_memory(u64 leaf, unsigned int lg2, enum pgt_way way)
{
	u64 last = leaf + (size_of(lg2) - 1);
	unsigned int nth;
	int err = -ENOMEM;

	/* Of many tables those that come first, a few in the middle, the last. */
	for (nth = 1; err; nth += nth < 8 ? 1 : nth) {
		struct pgt_resize r = resize(way);

		ck_assert_int_eq(pgt_set_dirty(&pgt, leaf), 0);
		port_fail_set(nth);
		err = pgt_resize_begin(&r);
		if (!err) {
			err = pgt_split(&r, area, area + (area_length - 1));
			port_fail_set(0);
			if (err)
				pgt_merge(&r, area, PA + area, area_length, prot, ANY_SIZE);
			pgt_resize_end(&r);
		}
		port_fail_set(0);
		ck_assert(err == 0 || err == -ENOMEM);
		ck_assert_uint_eq(dirty_bytes(leaf, last), size_of(lg2));
		if (err) {
			struct pgt_gather g;

			pgt_gather_init(&g);
			pgt_harvest(&pgt, &(struct pgt_how){ .engine = pgt_engine_default() }, leaf,
				    last, 0, NULL, &g);
			expect_map(ANY_SIZE);
		}
	}
	ck_assert_uint_gt(nth, 2);
}

START_TEST(without_memory_nothing_changes)
{
	each_size(_i, 22, check_no_memory);
}
END_TEST

/* ---- hardware in a thread ---- */

#define RACE_PAGES 2048
#define RACE_CYCLES 100

static u64 memory[RACE_PAGES], copy[RACE_PAGES];
/* Hardware would keep the others out. */
static pthread_rwlock_t in_flight = PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP;
static u64 generation; /* of what the IOTLB holds; under in_flight */
static u64 race_faults, race_writes;
static bool race_over;

/* Everything is forgotten: to forget more than is asked for is no mistake. */
static void race_sync(u64 first, u64 last)
{
	(void)first;
	(void)last;
	pthread_rwlock_wrlock(&in_flight);
	generation++;
	pthread_rwlock_unlock(&in_flight);
}

/* The leaf that is known to be dirty, of the last few. */
struct known_dirty {
	u64 generation, first, last;
};

/* A write as hardware does it: false if it faults. */
static bool race_write(u64 iova, struct known_dirty *tlb)
{
	const struct pgt_format *fmt = pgt.fmt;
	struct known_dirty *slot = &tlb[(iova >> fmt->granule_lg2) % 16];
	struct pgt_leaf leaf;
	unsigned int level;
	u64 *p, entry;

	for (level = 0; level < 16; level++)
		if (tlb[level].generation == generation && iova >= tlb[level].first &&
		    iova <= tlb[level].last)
			return true;
	do {
		u64 *table = pgt.root;

		for (level = fmt->levels - 1;; level--) {
			p = &table[pgt_index(fmt, level, iova)];
			entry = port_load(p);
			if (!fmt->is_table(entry, level))
				break;
			table = pgt_child(fmt, entry);
		}
		if (!fmt->present(entry))
			return false;
	} while (!port_cmpxchg(p, &entry, as_dirty(entry)));
	fmt->decode(entry, level, &leaf);
	slot->generation = generation;
	slot->first = iova & ~(size_of(leaf.lg2) - 1);
	slot->last = slot->first + (size_of(leaf.lg2) - 1);
	return true;
}

static void *race_hardware(void *arg)
{
	struct known_dirty tlb[16] = { 0 };
	unsigned int seed = 1;
	u64 n;

	for (n = 1; !__atomic_load_n(&race_over, __ATOMIC_ACQUIRE); n++) {
		unsigned int page = rand_r(&seed) % RACE_PAGES;

		pthread_rwlock_rdlock(&in_flight);
		if (race_write(area + ((u64)page << pgt.fmt->granule_lg2), tlb)) {
			port_store(&memory[page], n);
			port_count(&race_writes, 1);
		} else {
			port_count(&race_faults, 1);
		}
		pthread_rwlock_unlock(&in_flight);
	}
	return arg;
}

/* A pass of a migration: harvest, invalidate, copy what was reported. */
static void race_pass(void (*invalidate)(u64 first, u64 last))
{
	u64 words[RACE_PAGES / 64], last = area + (area_length - 1);
	struct pgt_gather g;
	struct pgt_bits b;
	unsigned int i;

	pgt_bits_init(&b, area, last, pgt.fmt->granule_lg2, words);
	pgt_gather_init(&g);
	pgt_harvest(&pgt, &(struct pgt_how){ .engine = pgt_engine_default() }, area, last, 0, &b,
		    &g);
	invalidate(area, last);
	for (i = 0; i < RACE_PAGES; i++)
		if (words[i / 64] >> i % 64 & 1)
			copy[i] = port_load(&memory[i]);
}

static void race_forget(u64 first, u64 last)
{
	(void)first;
	(void)last;
	generation++;
}

/* Hardware stands still: what it wrote is in the copy, or is reported now. */
static void race_check(void)
{
	pthread_rwlock_wrlock(&in_flight);
	race_pass(race_forget);
	ck_assert_mem_eq(copy, memory, sizeof(copy));
	pthread_rwlock_unlock(&in_flight);
}

static void race(const struct pgt_format *fmt, u64 sizes, enum pgt_way way)
{
	pthread_t hardware;
	int cycle;

	ck_assert_int_eq(pgt_init(&pgt, fmt, sizes, true), 0);
	memset(memory, 0, sizeof(memory));
	memset(copy, 0, sizeof(copy));
	race_over = false;
	race_faults = 0;
	race_writes = 0;
	generation = 1;
	area_length = (u64)RACE_PAGES << fmt->granule_lg2;
	area = (fmt->aperture_first + area_length) & ~(area_length - 1);
	prot = RW;
	at_sync = race_sync;
	map(&pgt, ANY_SIZE);
	ck_assert_int_eq(pthread_create(&hardware, NULL, race_hardware, NULL), 0);
	while (!port_load(&race_writes))
		sched_yield();
	/* Until break before make has been seen to fault, for which it has time. */
	for (cycle = 0;
	     cycle < RACE_CYCLES || (way == PGT_BREAK_BEFORE_MAKE && cycle < 100 * RACE_CYCLES &&
				     !port_load(&race_faults));
	     cycle++) {
		ck_assert_int_eq(split(way), 0);
		if (cycle % 2)
			race_pass(race_sync);
		merge(way);
		race_check();
	}
	__atomic_store_n(&race_over, true, __ATOMIC_RELEASE);
	pthread_join(hardware, NULL);
	race_check();
	if (way == PGT_IN_PLACE)
		ck_assert_uint_eq(race_faults, 0);
	else
		ck_assert_uint_gt(race_faults, 0);
	at_sync = NULL;
	close_area();
}

/* Leaves as large as can be, which any mark dirties; and of the second smallest size,
 * many, of which a mark that is lost is not made up for by the next. */
static void race_sizes(int i, enum pgt_way way)
{
	const struct pgt_format *fmt = pgt_formats[i];
	unsigned int second = port_ctz(fmt->leaf_sizes & (fmt->leaf_sizes - 1));

	race(fmt, 0, way);
	race(fmt, size_of(port_ctz(fmt->leaf_sizes)) | size_of(second), way);
}

START_TEST(no_write_is_lost_in_place)
{
	race_sizes(_i, PGT_IN_PLACE);
}
END_TEST

START_TEST(no_write_is_lost_break_before_make)
{
	race_sizes(_i, PGT_BREAK_BEFORE_MAKE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("split");
	TCase *tc = tcase_create("split");
	SRunner *runner;
	int n = nr_formats(), failed;

	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, entries_are_those_of_a_map, 0, n);
	tcase_add_loop_test(tc, read_only_leaves, 0, n);
	tcase_add_loop_test(tc, many_leaves, 0, n);
	tcase_add_test(tc, items_that_are_no_leaf);
	tcase_add_loop_test(tc, dirty_leaf_splits_into_dirty_ones, 0, n);
	tcase_add_loop_test(tc, one_dirty_part_makes_a_dirty_leaf, 0, n);
	tcase_add_loop_test(tc, walks_under_way, 0, n);
	tcase_add_loop_test(tc, faults_in_the_window, 0, n);
	tcase_add_loop_test(tc, without_memory_nothing_changes, 0, n);
	tcase_add_loop_test(tc, no_write_is_lost_in_place, 0, n);
	tcase_add_loop_test(tc, no_write_is_lost_break_before_make, 0, n);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
