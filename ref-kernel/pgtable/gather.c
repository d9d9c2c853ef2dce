/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What hardware must forget: a few ranges, as narrow as they can be. A harvest adds
 * thousands, most of them behind the last: once all places are taken, one that is no
 * further away than the others are from each other costs a comparison.
 */
#include "walk.h"

void pgt_gather_init(struct pgt_gather *g)
{
	/* the ranges are read only as far as there are any */
	g->nr = 0;
	g->gap = 0;
	g->narrowest = 0;
	g->cleaned_bytes = 0;
	g->entries_scanned = 0;
	g->entries_cleared = 0;
	g->tables = false;
	g->free_list = NULL;
	g->table_lg2 = 0;
}

/* Bytes between range @i and the next. */
static u64 gap_after(const struct pgt_gather *g, unsigned int i)
{
	return g->ranges[i + 1].first - g->ranges[i].last - 1;
}

/* Remember the smallest gap, of which there is one. */
static void find_narrowest(struct pgt_gather *g)
{
	unsigned int i, best = 0;
	u64 least = gap_after(g, 0);

	for (i = 1; i + 1 < g->nr; i++) {
		u64 gap = gap_after(g, i);

		best = gap < least ? i : best;
		least = port_min(gap, least);
	}
	g->gap = least;
	g->narrowest = best;
}

/* Ranges [i, i + n) become ranges [i, i + 1): the rest move down. */
static void drop_after(struct pgt_gather *g, unsigned int i, unsigned int n)
{
	for (g->nr -= n; ++i < g->nr;)
		g->ranges[i] = g->ranges[i + n];
}

static void insert_at(struct pgt_gather *g, unsigned int i, u64 first, u64 last)
{
	unsigned int at;

	for (at = g->nr++; at > i; at--)
		g->ranges[at] = g->ranges[at - 1];
	g->ranges[i] = (struct pgt_range){ first, last };
}

/* All places are taken, and [first, last] lies in the gap before range @i. */
static void squeeze_in(struct pgt_gather *g, unsigned int i, u64 first, u64 last)
{
	u64 before = i ? first - g->ranges[i - 1].last - 1 : ~0ULL;
	u64 after = i < g->nr ? g->ranges[i].first - last - 1 : ~0ULL;
	unsigned int best = g->narrowest;

	if (port_min(before, after) <= g->gap) {
		if (before <= after)
			g->ranges[i - 1].last = last;
		else
			g->ranges[i].first = first;
		return;
	}
	g->ranges[best].last = g->ranges[best + 1].last;
	drop_after(g, best, 1);
	insert_at(g, best < i ? i - 1 : i, first, last);
}

void pgt_gather_add(struct pgt_gather *g, u64 first, u64 last)
{
	struct pgt_range *end = &g->ranges[g->nr];
	unsigned int i = g->nr, n;

	if (g->nr && first > end[-1].last) {
		u64 gap = first - end[-1].last - 1;

		if (!gap || (g->nr == PGT_RANGES && gap <= g->gap)) {
			end[-1].last = last;
			return;
		}
	}
	/* Those from i - n on, before i, touch it or overlap. */
	while (i && g->ranges[i - 1].first > last && g->ranges[i - 1].first - last > 1)
		i--;
	for (n = 0; n < i; n++) {
		const struct pgt_range *r = &g->ranges[i - n - 1];

		if (r->last < first && first - r->last > 1)
			break;
		first = port_min(first, r->first);
		last = port_max(last, r->last);
	}
	if (n) {
		g->ranges[i - n] = (struct pgt_range){ first, last };
		drop_after(g, i - n, n - 1);
	} else if (g->nr < PGT_RANGES) {
		insert_at(g, i, first, last);
	} else {
		squeeze_in(g, i, first, last);
	}
	if (g->nr == PGT_RANGES)
		find_narrowest(g);
}

/* Is no run of zeros between the bits of @items longer than @most, which is below 63? */
static bool holes_within(u64 items, unsigned int most)
{
	unsigned int done = 1, step;
	u64 from = items & -items, filled = items;

	for (; done <= most; done += step) {
		step = most + 1 - done < done ? most + 1 - done : done;
		filled |= filled << step;
	}
	/* all from the lowest bit to the highest */
	return (filled | (from - 1) | ~(~0ULL >> (63 - port_lg2(items)))) == ~0ULL;
}

/* From the first of @items to the last. */
static inline struct pgt_range span_of(u64 iova, unsigned int lg2, u64 items)
{
	return (struct pgt_range){
		.first = iova + ((u64)port_ctz(items) << lg2),
		.last = iova + ((u64)(port_lg2(items) + 1) << lg2) - 1,
	};
}

/* One word, whose holes may be taken in or not. */
static void add_word(struct pgt_gather *g, u64 iova, unsigned int lg2, u64 items)
{
	struct pgt_range r;

	if (g->nr == PGT_RANGES && holes_within(items, (unsigned int)port_min(g->gap >> lg2, 62))) {
		r = span_of(iova, lg2, items);
		pgt_gather_add(g, r.first, r.last);
		return;
	}
	while (items) {
		u64 above = items + (items & -items); /* 0: the run goes up to the top */

		r = span_of(iova, lg2, items & ~above);
		pgt_gather_add(g, r.first, r.last);
		items &= above;
	}
}

/*
 * There are as many items here as places for all, and no hole of 128: to look for the
 * largest would cost a dense harvest more than it saves.
 */
static bool dense(unsigned int words, u64 n)
{
	return n >= PGT_RANGES &&
	       words >> port_ctz(words) == (2U << (port_lg2(words) - port_ctz(words))) - 1;
}

void pgt_gather_items(struct pgt_gather *g, u64 iova, unsigned int lg2, unsigned int words,
		      const u64 *items, u64 n)
{
	unsigned int lo, hi;

	if (g->nr == PGT_RANGES && dense(words, n)) {
		lo = port_ctz(words);
		hi = port_lg2(words);
		pgt_gather_add(g, span_of(iova + ((u64)lo * 64 << lg2), lg2, items[lo]).first,
			       span_of(iova + ((u64)hi * 64 << lg2), lg2, items[hi]).last);
		return;
	}
	for (; words; words &= words - 1) {
		const struct pgt_range *end = &g->ranges[PGT_RANGES - 1];
		struct pgt_range r;

		lo = port_ctz(words);
		r = span_of(iova + ((u64)lo * 64 << lg2), lg2, items[lo]);
		/* no hole in a word is larger than 62 */
		if (g->nr == PGT_RANGES && g->gap >> lg2 >= 62 && r.first > end->last &&
		    r.first - end->last - 1 <= g->gap)
			g->ranges[PGT_RANGES - 1].last = r.last;
		else
			add_word(g, iova + ((u64)lo * 64 << lg2), lg2, items[lo]);
	}
}

void pgt_gather_free(struct pgt_gather *g)
{
	u64 *page = g->free_list;

	while (page) {
		u64 *next = (u64 *)(unsigned long)port_load(page);

		port_table_free(page, g->table_lg2);
		page = next;
	}
	g->free_list = NULL;
}
