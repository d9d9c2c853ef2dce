/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The page tables by themselves: every format, every leaf size, every engine.
 * Physical addresses are just numbers here; no memory is touched. libcheck
 * writes to a pipe for every assertion, so inner loops sum up what they see.
 *
 * What is expected is written down apart from what is tested: golden entries in
 * hex, worked out by hand; a descent of the raw tables; and a shadow
 * that knows leaves and dirtiness an array element a granule.
 */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include "pgtable_known.h"

#define ANY_SIZE 63

static const struct known *k;
static struct pgt_how how;
static struct pgt pgt;

static void setup_format_as(int i, bool track)
{
	k = &known[i];
	ck_assert_ptr_nonnull(pgt_format_by_name(k->name));
	ck_assert_int_eq(pgt_init(&pgt, pgt_format_by_name(k->name), 0, track), 0);
	how = (struct pgt_how){ .engine = pgt_engine_default() };
}

static u64 size_of(unsigned int lg2)
{
	return 1ULL << lg2;
}

static u64 page_size(void)
{
	return size_of(k->granule_lg2);
}

static unsigned int level_of(unsigned int lg2)
{
	return (lg2 - k->granule_lg2) / k->index_lg2;
}

/* Of an entry of a table of @level. */
static unsigned int item_lg2(unsigned int level)
{
	return k->granule_lg2 + k->index_lg2 * level;
}

static unsigned int item_lg2_of(unsigned int lg2)
{
	return item_lg2(level_of(lg2));
}

/* Entries of a table of @level. */
static u64 entries_of(unsigned int level)
{
	return size_of(level == k->levels - 1 ? k->root_index_lg2 : k->index_lg2);
}

/* Pages of the root, and of a table of each level below it down to @level. */
static u64 pages_to(unsigned int level)
{
	u64 bytes = 0;

	for (; level < k->levels; level++)
		bytes += entries_of(level) * 8;
	return bytes / PORT_PAGE_SIZE;
}

static u64 root_pages(void)
{
	return pages_to(k->levels - 1);
}

static void setup_format(int i)
{
	setup_format_as(i, true);
	ck_assert_uint_eq(pgt.table_pages, root_pages());
}

static bool is_dirty(u64 entry)
{
	return (entry & k->dirty_mask) == k->dirty;
}

/* The entry that translates @iova in the table of @level, by hand. */
static u64 *raw(u64 iova, unsigned int level)
{
	u64 *table = pgt.root;
	unsigned int l;

	for (l = k->levels - 1;; l--) {
		u64 *entry = &table[iova >> item_lg2(l) & (entries_of(l) - 1)];

		if (l == level)
			return entry;
		if (!(*entry & k->present))
			ck_abort_msg("no table of level %u at %#lx", l - 1, (unsigned long)iova);
		/* the mock's addresses count units of 2 KiB */
		table = (u64 *)((*entry << k->address_shl & 0x000ffffffffff000ULL) >>
				(k->granule_lg2 == 11));
	}
}

static void check_gather_empty(const struct pgt_gather *g)
{
	ck_assert_uint_eq(g->nr, 0);
	ck_assert_uint_eq(g->cleaned_bytes, 0);
	ck_assert_uint_eq(g->entries_cleared, 0);
	ck_assert_ptr_null(g->free_list);
}

/* Unmap, look at what would be freed as hardware might, free it. */
static void unmap(u64 iova, u64 length)
{
	struct pgt_gather g;
	u64 *page, seen = 0;
	int i;

	pgt_gather_init(&g);
	pgt_unmap(&pgt, iova, length, &g);
	for (page = g.free_list; page; page = (u64 *)page[0])
		for (i = 0; i < 1 << k->index_lg2; i++)
			seen |= page[i];
	ck_assert_uint_eq(seen & k->present, 0);
	pgt_gather_free(&g);
	ck_assert_ptr_null(g.free_list);
}

static unsigned int dirty_entries(u64 iova, unsigned int lg2)
{
	unsigned int n = 1U << (lg2 - item_lg2_of(lg2)), sum = 0;
	u64 *entry = raw(iova, level_of(lg2));

	while (n--)
		sum += is_dirty(*entry++);
	return sum;
}

/*
 * The @way-th of the ways to harvest that this processor has: each engine with each way to
 * clear and to fetch, whether or not the format lets a user select that. False past the last.
 */
static bool choose_way(unsigned int way)
{
	unsigned int e = way / 4;

	for (how.engine = NULL; !how.engine; e++) {
		if (!pgt_engines[e])
			return false;
		if (pgt_engine_usable(pgt_engines[e]))
			how.engine = pgt_engines[e];
	}
	how.masked = way & 1;
	how.prefetch = way & 2;
	return true;
}

/* ---- formats ---- */

START_TEST(formats_are_what_they_should_be)
{
	const struct pgt_format *fmt;

	setup_format(_i);
	fmt = pgt.fmt;
	ck_assert_uint_eq(fmt->granule_lg2, k->granule_lg2);
	ck_assert_uint_eq(fmt->levels, k->levels);
	ck_assert_uint_eq(fmt->index_lg2, k->index_lg2);
	ck_assert_int_eq(fmt->always, k->always);
	ck_assert_uint_eq(fmt->aperture_first, k->first);
	ck_assert_uint_eq(fmt->aperture_last, k->last);
	ck_assert_uint_eq(fmt->leaf_sizes & (size_of(MAX_TESTED_LG2 + 1) - 1), k->sizes);
	ck_assert_ptr_null(pgt_format_by_name("none"));
	pgt_fini(&pgt);
	ck_assert_uint_eq(pgt.table_pages, 0);
}
END_TEST

/* Is @entry the one that @g says, entry @i of the leaf? */
static u64 golden_entry(const struct golden *g, u64 i)
{
	return g->entry + (k->contiguous ? i << item_lg2(g->level) : 0);
}

START_TEST(entries_are_the_manuals)
{
	const struct golden *g = &golden[_i];
	unsigned int prot = g->prot;
	u64 index, wrong = 0, i;
	struct pgt_leaf leaf;
	bool dirty;
	u64 start;

	setup_format(known_named(g->format));
	ck_assert_int_eq(pgt_map(&pgt, g->iova, g->pa, size_of(g->lg2), g->prot, ANY_SIZE), 0);
	for (i = 0; i < g->replicas; i++)
		wrong += *raw(g->iova + (i << item_lg2(g->level)), g->level) != golden_entry(g, i);
	ck_assert_uint_eq(*raw(g->iova, g->level), g->entry);
	ck_assert_uint_eq(wrong, 0);
	/* nothing beside it */
	index = g->iova >> item_lg2(g->level) & (entries_of(g->level) - 1);
	if (index + g->replicas < entries_of(g->level))
		ck_assert_uint_eq(raw(g->iova, g->level)[g->replicas], 0);
	if (index)
		ck_assert_uint_eq(raw(g->iova, g->level)[-1], 0);
	for (i = g->level + 1; i < k->levels; i++)
		ck_assert_uint_eq(*raw(g->iova, i) & ~(0x000ffffffffff000 >> k->address_shl),
				  k->table + i * k->table_level);
	/* what may not be written does not become so by being dirty */
	if (k->write_reads && prot & PGT_WRITE)
		prot |= PGT_READ;
	ck_assert_int_eq(pgt_leaf(&pgt, g->iova, &leaf, &start, &dirty), 0);
	ck_assert_uint_eq(leaf.prot, prot);
	if (!(g->prot & PGT_WRITE)) {
		ck_assert_int_eq(pgt_set_dirty(&pgt, g->iova), 0);
		ck_assert_int_eq(pgt_leaf(&pgt, g->iova, &leaf, &start, &dirty), 0);
		ck_assert_uint_eq(leaf.prot, prot);
	}
	pgt_fini(&pgt);
}
END_TEST

/*
 * In a table that is not to be tracked, of hardware that always records, leaves
 * that can be written are dirty, in all their entries; else they are clean, as
 * those that cannot be written always are.
 */
START_TEST(untracked_tables)
{
	unsigned int lg2;

	setup_format_as(_i, false);
	for (lg2 = k->granule_lg2; lg2 <= MAX_TESTED_LG2; lg2++) {
		u64 iova = (k->first + (size_of(lg2) - 1)) & ~(size_of(lg2) - 1);

		if (!(k->sizes & size_of(lg2)) || k->last - iova < 2 * size_of(lg2))
			continue;
		ck_assert_int_eq(pgt_map(&pgt, iova, 0, size_of(lg2), RW, ANY_SIZE), 0);
		ck_assert_uint_eq(dirty_entries(iova, lg2),
				  k->always ? size_of(lg2 - item_lg2_of(lg2)) : 0);
		unmap(iova, size_of(lg2));
		ck_assert_int_eq(pgt_map(&pgt, iova, 0, size_of(lg2), PGT_READ, ANY_SIZE), 0);
		ck_assert_uint_eq(dirty_entries(iova, lg2), 0);
		unmap(iova, size_of(lg2));
	}
	pgt_fini(&pgt);
}
END_TEST

/* ---- one leaf of every size ---- */

static u64 words[1024]; /* of the window that is looked at */

/* Harvest [first, last] into bits of 2^@lg2 bytes. */
static struct pgt_bits harvest(u64 first, u64 last, unsigned int lg2, unsigned int flags,
			       struct pgt_gather *g)
{
	struct pgt_bits b;

	ck_assert_uint_lt(((last - first) >> lg2) / 64, 1023);
	memset(words, 0xa5, sizeof(words));
	pgt_bits_init(&b, first, last, lg2, words);
	pgt_gather_init(g);
	pgt_harvest(&pgt, &how, first, last, flags, &b, g);
	/* bits beyond the window */
	ck_assert_uint_eq(words[((last - first) >> lg2) / 64 + 1], 0xa5a5a5a5a5a5a5a5);
	if (((last - first) >> lg2) % 64 != 63)
		ck_assert_uint_eq(words[((last - first) >> lg2) / 64] >>
					  (((last - first) >> lg2) % 64 + 1),
				  0);
	return b;
}

static u64 bits_set(const struct pgt_bits *b)
{
	u64 n = ((b->last - b->first) >> b->lg2) / 64 + 1, i, sum = 0;

	for (i = 0; i < n; i++)
		sum += __builtin_popcountll(b->words[i]);
	ck_assert_int_eq(b->any, sum != 0);
	return sum;
}

static bool leaf_is(u64 iova, u64 pa, unsigned int lg2, u64 at, bool dirty)
{
	struct pgt_leaf leaf;
	bool is_dirty;
	u64 start;

	return !pgt_leaf(&pgt, at, &leaf, &start, &is_dirty) && start == iova && leaf.pa == pa &&
	       leaf.lg2 == lg2 && leaf.prot == RW && is_dirty == dirty;
}

static void check_cleaned(const struct pgt_gather *g, u64 iova, unsigned int lg2)
{
	ck_assert_uint_eq(g->nr, 1);
	ck_assert_uint_eq(g->ranges[0].first, iova);
	ck_assert_uint_eq(g->ranges[0].last, iova + (size_of(lg2) - 1));
	ck_assert_uint_eq(g->cleaned_bytes, size_of(lg2));
	ck_assert_uint_eq(g->entries_cleared, 1); /* one was dirty */
	ck_assert_uint_gt(g->entries_scanned, 0);
	ck_assert_uint_eq(dirty_entries(iova, lg2), 0);
}

/* The leaf is dirty in one replica. */
static void check_dirty_leaf(u64 iova, u64 pa, unsigned int lg2, u64 replica)
{
	u64 at = iova + (replica << item_lg2_of(lg2));
	u64 last = iova + (size_of(lg2) - 1);
	unsigned int step, gran;
	struct pgt_gather g;
	struct pgt_bits b;

	/* bits smaller than the leaf, equal, larger */
	for (step = 0; step < 12; step++) {
		u64 first = iova, end = last;

		gran = lg2 + 2 > step ? lg2 + 2 - step : 0;
		first &= ~(size_of(gran) - 1);
		end |= size_of(gran) - 1;
		ck_assert_int_eq(pgt_set_dirty(&pgt, at), 0);
		ck_assert(is_dirty(*raw(at, level_of(lg2))));
		ck_assert_uint_eq(dirty_entries(iova, lg2), 1);
		ck_assert(leaf_is(iova, pa, lg2, at, true));

		b = harvest(first, end, gran, PGT_NO_CLEAR, &g);
		ck_assert_uint_eq(bits_set(&b), gran < lg2 ? size_of(lg2 - gran) : 1);
		check_gather_empty(&g);
		ck_assert_uint_eq(dirty_entries(iova, lg2), 1);

		b = harvest(first, end, gran, 0, &g);
		ck_assert_uint_eq(bits_set(&b), gran < lg2 ? size_of(lg2 - gran) : 1);
		ck_assert_uint_eq(b.head_first, first);
		ck_assert_uint_eq(b.tail_last, end);
		check_cleaned(&g, iova, lg2);
		ck_assert(leaf_is(iova, pa, lg2, at, false));

		b = harvest(first, end, gran, 0, &g);
		ck_assert_uint_eq(bits_set(&b), 0);
		check_gather_empty(&g);
	}

	/* the first, a middle and the last eighth, wherever the D is */
	for (step = 0; step < 8; step += step ? 4 - step % 3 : 3) {
		u64 first = iova + step * size_of(lg2 - 3);
		u64 end = first + (size_of(lg2 - 3) - 1);

		ck_assert_int_eq(pgt_set_dirty(&pgt, at), 0);
		b = harvest(first, end, lg2 - 6, 0, &g);
		ck_assert_uint_eq(bits_set(&b), 8);
		ck_assert_uint_eq(b.head_first, iova);
		ck_assert_uint_eq(b.tail_last, last);
		check_cleaned(&g, iova, lg2);
	}

	/* clean, and report nothing */
	ck_assert_int_eq(pgt_set_dirty(&pgt, at), 0);
	pgt_gather_init(&g);
	pgt_harvest(&pgt, &how, at, at, 0, NULL, &g);
	check_cleaned(&g, iova, lg2);
}

static void check_one_leaf(u64 iova, unsigned int lg2)
{
	u64 replicas = size_of(lg2 - item_lg2_of(lg2));
	u64 size = size_of(lg2), pa = 5 * size;
	struct pgt_leaf leaf;
	bool dirty;
	u64 start;

	ck_assert_int_eq(pgt_map(&pgt, iova, pa, size, RW, ANY_SIZE), 0);
	ck_assert_uint_eq(pgt.table_pages, pages_to(level_of(lg2)));
	ck_assert(leaf_is(iova, pa, lg2, iova, false));
	ck_assert(leaf_is(iova, pa, lg2, iova + size / 2, false));
	ck_assert(leaf_is(iova, pa, lg2, iova + (size - 1), false));
	check_dirty_leaf(iova, pa, lg2, 0);
	check_dirty_leaf(iova, pa, lg2, replicas / 2);
	check_dirty_leaf(iova, pa, lg2, replicas - 1);

	/* present is not mapped over */
	ck_assert_int_eq(pgt_map(&pgt, iova, 0, page_size(), RW, ANY_SIZE), -EEXIST);
	ck_assert(leaf_is(iova, pa, lg2, iova, false));

	/* unmapping a part unmaps the leaf; a new one is clean */
	ck_assert_int_eq(pgt_set_dirty(&pgt, iova), 0);
	unmap(iova + size / 2, 1);
	ck_assert_uint_eq(pgt.table_pages, root_pages());
	ck_assert_int_eq(pgt_leaf(&pgt, iova, &leaf, &start, &dirty), -ENOENT);
	ck_assert_int_eq(pgt_set_dirty(&pgt, iova), -ENOENT);
	ck_assert_int_eq(pgt_map(&pgt, iova, pa, size, RW, ANY_SIZE), 0);
	ck_assert_uint_eq(dirty_entries(iova, lg2), 0);
	ck_assert(leaf_is(iova, pa, lg2, iova, false));
	unmap(iova, size);
	ck_assert_uint_eq(pgt.table_pages, root_pages());
}

START_TEST(leaf_of_every_size)
{
	unsigned int lg2, way;

	setup_format(_i);
	for (way = 0; choose_way(way); way++) {
		/* of a level there is one table, and nothing ahead of it */
		for (lg2 = k->granule_lg2; lg2 <= MAX_TESTED_LG2 && !how.prefetch; lg2++) {
			if (!(k->sizes & size_of(lg2)))
				continue;
			/* the first and the last place there is */
			check_one_leaf((k->first + (size_of(lg2) - 1)) & ~(size_of(lg2) - 1), lg2);
			check_one_leaf(k->last - (size_of(lg2) - 1), lg2);
		}
	}
	pgt_fini(&pgt);
	ck_assert_uint_eq(pgt.table_pages, 0);
}
END_TEST

/* ---- errors ---- */

START_TEST(map_errors)
{
	u64 page, nth;

	setup_format(_i);
	page = page_size();
	ck_assert_int_eq(pgt_map(&pgt, k->last - (page - 1), 0, 2 * page, RW, ANY_SIZE), -ERANGE);
	if (k->first)
		ck_assert_int_eq(pgt_map(&pgt, k->first - page, 0, page, RW, ANY_SIZE), -ERANGE);
	if (k->last != ~0ULL)
		ck_assert_int_eq(pgt_map(&pgt, k->last + 1, 0, page, RW, ANY_SIZE), -ERANGE);
	/* an address with a bit more than an entry has */
	ck_assert_int_eq(
		pgt_map(&pgt, k->first, size_of(k->output_lg2) - page, 2 * page, RW, ANY_SIZE),
		-ERANGE);
	ck_assert_int_eq(pgt_map(&pgt, k->first, size_of(k->output_lg2 - 1), page, RW, ANY_SIZE),
			 0);
	unmap(k->first, page);
	ck_assert_int_eq(pgt_map(&pgt, k->first, 0, page, RW, k->granule_lg2 - 1), -EINVAL);
	ck_assert_uint_eq(pgt.table_pages, root_pages());

	/* no memory for the nth table; two at the lowest level are needed */
	for (nth = 1;; nth++) {
		u64 iova = k->first + size_of(item_lg2(1)) - page;
		int err;

		port_fail_set(nth);
		err = pgt_map(&pgt, iova, 0, 2 * page, RW, k->granule_lg2);
		port_fail_set(0);
		unmap(iova, 2 * page);
		ck_assert_uint_eq(pgt.table_pages, root_pages());
		if (!err)
			break;
		ck_assert_int_eq(err, -ENOMEM);
	}
	ck_assert_uint_eq(nth, k->levels + 1);
	pgt_fini(&pgt);
}
END_TEST

START_TEST(read_tables_reads_each_entry_once)
{
	u64 page, last, sum = 0, ends = 0, count = 0, n = 1000, i;
	unsigned int level, way;
	struct pgt_read r = { 0 };

	setup_format(_i);
	page = page_size();
	last = k->first + (n * page - 1);
	ck_assert_int_eq(pgt_map(&pgt, k->first, 0, n * page, RW, k->granule_lg2), 0);
	for (level = 0; level < k->levels; level++) {
		u64 item = size_of(item_lg2(level)), at;

		for (at = k->first & ~(item - 1); at <= last; at += item, count++)
			sum += *raw(at, level);
	}
	for (i = 0; i < 8; i++)
		ends += *raw(i < 3 ? k->first + i * page : last - (i - 3) * page, 0);
	for (way = 0; pgt_read_loops[way / 2]; way++) {
		r.loop = pgt_read_loops[way / 2];
		r.linear = way % 2;
		if (r.loop->usable && !r.loop->usable())
			continue;
		ck_assert_int_eq(pgt_read_tables(&pgt, k->first, last, &r), 0);
		ck_assert_uint_eq(r.sum, sum);
		ck_assert_uint_eq(r.entries, count);
		/* ends within a line, and within a table */
		ck_assert_int_eq(pgt_read_tables(&pgt, k->first + 3 * page, last - 5 * page, &r),
				 0);
		ck_assert_uint_eq(r.sum, sum - ends);
		ck_assert_uint_eq(r.entries, count - 8);
	}
	ck_assert_int_gt(way, 0);
	ck_assert_uint_gt(count, n);
	pgt_fini(&pgt);
}
END_TEST

/* ---- the bitmap ---- */

START_TEST(bits_of_any_granule)
{
	/* where windows begin: low, and so that the last bit is the last IOVA */
	unsigned int round, lg2, wrong, i;
	struct pgt_bits b;

	srand(1);
	for (round = 0; round < 200; round++) {
		for (lg2 = 0; lg2 < 64; lg2++) {
			u64 most = lg2 > 56 ? size_of(64 - lg2) : 200;
			u64 n = 1 + rand() % most;
			u64 base = round % 2 ? -(n << lg2) : 0;
			u64 lo = rand() % n, hi = lo + rand() % (n - lo);
			u64 slack = size_of(lg2) - 1;

			memset(words, 0xa5, sizeof(words));
			pgt_bits_init(&b, base, base + (n << lg2) - 1, lg2, words);
			ck_assert(!b.any);
			pgt_bits_set(&b, base + (lo << lg2) + slack, base + (hi << lg2));
			if (lo == hi && slack) /* ends before it begins */
				pgt_bits_set(&b, base + (lo << lg2), base + (hi << lg2) + slack);
			ck_assert(b.any);
			for (wrong = 0, i = 0; i < (n + 63) / 64 * 64; i++)
				wrong += (words[i / 64] >> i % 64 & 1) != (i >= lo && i <= hi);
			ck_assert_uint_eq(wrong, 0);
			ck_assert_uint_eq(words[(n + 63) / 64], 0xa5a5a5a5a5a5a5a5);
		}
	}

	/* outside the window, and over all of it */
	pgt_bits_init(&b, 0x10000, 0x1ffff, 12, words);
	pgt_bits_set(&b, 0, 0xffff);
	pgt_bits_set(&b, 0x20000, ~0ULL);
	ck_assert(!b.any);
	ck_assert_uint_eq(words[0], 0);
	pgt_bits_set(&b, 0, ~0ULL);
	ck_assert_uint_eq(words[0], 0xffff);
}
END_TEST

/* ---- against a shadow ---- */

#define SHADOW_PAGES 4096
#define SHADOW_AREAS 64

struct shadow {
	bool mapped, dirty; /* dirty: of the whole leaf, at its first page */
	int leaf, pages; /* the leaf: first page, how many */
};

static struct shadow shadow[SHADOW_PAGES + 1]; /* the last is never mapped */

static u64 page_iova(u64 base, int page)
{
	return base + ((u64)page << k->granule_lg2);
}

static void shadow_map(u64 base, int page, int pages)
{
	unsigned int max_lg2 = k->granule_lg2 + rand() % 14;
	u64 pa = ((u64)rand() << k->granule_lg2) & ~(size_of(k->granule_lg2 + rand() % 16) - 1);
	int end = page + pages, wrong = 0, i;

	ck_assert_int_eq(
		pgt_map(&pgt, page_iova(base, page), pa, (u64)pages << k->granule_lg2, RW, max_lg2),
		0);
	while (page < end) {
		u64 iova = page_iova(base, page), left = (u64)(end - page) << k->granule_lg2;
		unsigned int lg2 = max_lg2;

		while (!(k->sizes & size_of(lg2)) || (iova | pa) & (size_of(lg2) - 1) ||
		       left < size_of(lg2))
			lg2--;
		pages = 1 << (lg2 - k->granule_lg2);
		wrong += !leaf_is(iova, pa, lg2, iova + (size_of(lg2) - 1), false);
		for (i = page; i < page + pages; i++)
			shadow[i] = (struct shadow){ .mapped = true, .leaf = page, .pages = pages };
		pa += size_of(lg2);
		page += pages;
	}
	ck_assert_int_eq(wrong, 0);
}

/*
 * What is to be invalidated: all that was @cleaned, page by page, in ranges that begin and
 * end with it; and nothing else where the ranges are enough.
 */
static void check_ranges(const struct pgt_gather *g, u64 base, const bool *cleaned)
{
	static bool forgotten[SHADOW_PAGES + 1];
	int runs = 0, wrong = 0, page = 0, i;
	unsigned int r;

	memset(forgotten, 0, sizeof(forgotten));
	for (r = 0; r < g->nr; r++) {
		int first = (int)((g->ranges[r].first - base) >> k->granule_lg2);
		int last = (int)((g->ranges[r].last - base) >> k->granule_lg2);

		wrong += g->ranges[r].first != page_iova(base, first) ||
			 g->ranges[r].last != page_iova(base, last) + (page_size() - 1) ||
			 first < page || last < first || last >= SHADOW_PAGES || !cleaned[first] ||
			 !cleaned[last];
		ck_assert_int_eq(wrong, 0);
		for (i = first; i <= last; i++)
			forgotten[i] = true;
		page = last + 2; /* else they were one */
	}
	for (i = 0; i < SHADOW_PAGES; i++) {
		runs += cleaned[i] && (!i || !cleaned[i - 1]);
		wrong += cleaned[i] && !forgotten[i];
	}
	ck_assert_int_eq(wrong, 0);
	ck_assert_uint_le(g->nr, PGT_RANGES);
	if (runs <= PGT_RANGES)
		ck_assert_mem_eq(forgotten, cleaned, SHADOW_PAGES);
}

static void shadow_harvest(u64 base)
{
	unsigned int lg2 = rand() % 3 ? k->granule_lg2 : k->granule_lg2 - 3 + rand() % 16;
	unsigned int shift = lg2 > k->granule_lg2 ? lg2 - k->granule_lg2 : 0;
	int from = rand() % SHADOW_PAGES, to = from + rand() % (SHADOW_PAGES - from), i;
	unsigned int flags = rand() % 4 ? 0 : PGT_NO_CLEAR;
	u64 first, last, bytes = 0, bit, nbits;
	static bool cleaned[SHADOW_PAGES];
	static u64 want[1024];
	struct pgt_gather g;
	struct pgt_bits b;
	u64 head, tail;

	from &= ~0U << shift;
	to |= (1 << shift) - 1;
	first = page_iova(base, from);
	last = page_iova(base, to) + (page_size() - 1);
	head = first;
	tail = last;
	memset(want, 0, sizeof(want));
	memset(cleaned, 0, sizeof(cleaned));
	for (i = from; i <= to; i++) {
		struct shadow *leaf = &shadow[shadow[i].leaf];
		u64 at = page_iova(base, i) - first;
		u64 leaf_first, leaf_last;

		if (!shadow[i].mapped || !leaf->dirty)
			continue;
		for (bit = at >> lg2; bit <= (at + page_size() - 1) >> lg2; bit++)
			want[bit / 64] |= 1ULL << bit % 64;
		if (i < to && shadow[i + 1].mapped && shadow[i + 1].leaf == shadow[i].leaf)
			continue;
		leaf_first = page_iova(base, leaf->leaf);
		leaf_last = leaf_first + (((u64)leaf->pages << k->granule_lg2) - 1);
		if (flags)
			continue;
		memset(&cleaned[leaf->leaf], true, leaf->pages);
		head = port_min(head, leaf_first);
		tail = port_max(tail, leaf_last);
		bytes += leaf_last - leaf_first + 1;
		leaf->dirty = false;
	}

	b = harvest(first, last, lg2, flags, &g);
	nbits = ((last - first) >> lg2) + 1;
	ck_assert_mem_eq(words, want, (nbits + 63) / 64 * sizeof(*words));
	ck_assert_uint_eq(b.head_first, head);
	ck_assert_uint_eq(b.tail_last, tail);
	check_ranges(&g, base, cleaned);
	ck_assert_uint_eq(g.cleaned_bytes, bytes);
}

static void shadow_run(u64 base, unsigned int seed)
{
	int step, page, pages, wrong, i;

	srand(seed);
	memset(shadow, 0, sizeof(shadow));
	for (step = 0; step < 400; step++) {
		page = rand() % SHADOW_PAGES;
		switch (rand() % 4) {
		case 0: /* map a free range, or unmap the leaves of a range */
			for (pages = 0; page + pages < SHADOW_PAGES && pages < 1500; pages++)
				if (shadow[page + pages].mapped)
					break;
			if (pages) {
				shadow_map(base, page, pages);
				break;
			}
			pages = 1 + rand() % (SHADOW_PAGES - page);
			unmap(page_iova(base, page), (u64)pages << k->granule_lg2);
			i = shadow[page].leaf;
			for (; i < page + pages ||
			       (shadow[i].mapped && shadow[i].leaf < page + pages);
			     i++)
				shadow[i].mapped = false;
			break;
		case 1:
			for (wrong = 0, i = rand() % 200; i; i--) {
				page = rand() % SHADOW_PAGES;
				wrong += pgt_set_dirty(&pgt, page_iova(base, page)) !=
					 (shadow[page].mapped ? 0 : -ENOENT);
				if (shadow[page].mapped)
					shadow[shadow[page].leaf].dirty = true;
			}
			ck_assert_int_eq(wrong, 0);
			break;
		default:
			shadow_harvest(base);
		}
	}
	unmap(base, (u64)SHADOW_PAGES << k->granule_lg2);
	ck_assert_uint_eq(pgt.table_pages, root_pages());
}

START_TEST(random_against_shadow)
{
	unsigned int seed, way;

	setup_format(_i);
	for (way = 0; choose_way(way); way++) {
		for (seed = 2 * way; seed < 2 * way + 2; seed++) {
			shadow_run(k->first, seed);
			shadow_run(k->last - ((SHADOW_PAGES << k->granule_lg2) - 1), seed);
		}
	}
	pgt_fini(&pgt);
	ck_assert_uint_eq(pgt.table_pages, 0);
}
END_TEST

/* ---- harvests against hardware and each other ---- */

#define RACE_PAGES 512
#define RACE_WRITES 40000 /* of each way to harvest */

static u64 memory[RACE_PAGES], copy[RACE_PAGES];
static pthread_mutex_t copy_lock = PTHREAD_MUTEX_INITIALIZER;
static bool race_over;

/* One pass of a migration: harvest, and copy what it reports. */
static void race_pass(void)
{
	u64 reported[RACE_PAGES / 64];
	u64 last = k->first + (((u64)RACE_PAGES << k->granule_lg2) - 1);
	struct pgt_gather g;
	struct pgt_bits b;
	int i;

	pgt_bits_init(&b, k->first, last, k->granule_lg2, reported);
	pgt_gather_init(&g);
	pgt_harvest(&pgt, &how, k->first, last, 0, &b, &g);
	for (i = 0; i < RACE_PAGES; i++) {
		if (!(reported[i / 64] >> i % 64 & 1))
			continue;
		pthread_mutex_lock(&copy_lock);
		copy[i] = port_load(&memory[i]);
		pthread_mutex_unlock(&copy_lock);
	}
}

static void *race_harvester(void *arg)
{
	while (!__atomic_load_n(&race_over, __ATOMIC_ACQUIRE))
		race_pass();
	return arg;
}

static void race(void)
{
	pthread_t harvester[2];
	unsigned int seed = 1;
	int failed = 0, i;

	race_over = false;
	memset(memory, 0, sizeof(memory));
	memset(copy, 0, sizeof(copy));
	for (i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&harvester[i], NULL, race_harvester, NULL), 0);
	for (i = 1; i <= RACE_WRITES; i++) {
		int page = rand_r(&seed) % RACE_PAGES;

		port_store(&memory[page], i);
		failed |= pgt_set_dirty(&pgt, page_iova(k->first, page));
	}
	ck_assert_int_eq(failed, 0);
	__atomic_store_n(&race_over, true, __ATOMIC_RELEASE);
	for (i = 0; i < 2; i++)
		pthread_join(harvester[i], NULL);
	race_pass();
	ck_assert_mem_eq(copy, memory, sizeof(copy));
}

START_TEST(no_write_is_lost)
{
	unsigned int way;

	setup_format(_i);
	/* a 4th of it single entries, the rest the largest leaves there are */
	ck_assert_int_eq(
		pgt_map(&pgt, k->first, 0, size_of(k->granule_lg2 + 7), RW, k->granule_lg2), 0);
	ck_assert_int_eq(pgt_map(&pgt, k->first + size_of(k->granule_lg2 + 7), 0x80000000,
				 3 * size_of(k->granule_lg2 + 7), RW, ANY_SIZE),
			 0);
	for (way = 0; choose_way(way); way++)
		race();
	pgt_fini(&pgt);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pgtable");
	TCase *tc = tcase_create("pgtable");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, formats_are_what_they_should_be, 0, NR_KNOWN);
	tcase_add_loop_test(tc, entries_are_the_manuals, 0,
			    (int)(sizeof(golden) / sizeof(golden[0])));
	tcase_add_loop_test(tc, untracked_tables, 0, NR_KNOWN);
	tcase_add_loop_test(tc, leaf_of_every_size, 0, NR_KNOWN);
	tcase_add_loop_test(tc, map_errors, 0, NR_KNOWN);
	tcase_add_loop_test(tc, read_tables_reads_each_entry_once, 0, NR_KNOWN);
	tcase_add_test(tc, bits_of_any_granule);
	tcase_add_loop_test(tc, random_against_shadow, 0, NR_KNOWN);
	tcase_add_loop_test(tc, no_write_is_lost, 0, NR_KNOWN);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
