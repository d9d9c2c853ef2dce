/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The harvest: which leaves were written, and make them clean.
 *
 * Hardware sets D while we look, and other harvests clear it. No write is lost:
 * an entry is cleaned only after it was found dirty, by an atomic operation (or
 * as PGT_MASKED says), and its leaf is reported by every harvest that found it so.
 * A D that is set between the finding and the cleaning belongs to a write that is
 * complete before this harvest is, and is reported with the leaf. Of a leaf of
 * several entries those are cleaned that were found dirty; one that becomes so
 * later stays, and reports the leaf the next time.
 */
#include "walk.h"

void pgt_bits_init(struct pgt_bits *b, u64 first, u64 last, unsigned int lg2, u64 *words)
{
	*b = (struct pgt_bits){
		.first = first,
		.last = last,
		.lg2 = lg2,
		.words = words,
		.head_first = first,
		.tail_last = last,
	};
	memset(words, 0, (((last - first) >> lg2) / 64 + 1) * sizeof(*words));
}

void pgt_bits_set(struct pgt_bits *b, u64 first, u64 last)
{
	u64 lo, hi, word, lo_mask, hi_mask;

	first = port_max(first, b->first);
	last = port_min(last, b->last);
	if (first > last)
		return;
	lo = (first - b->first) >> b->lg2;
	hi = (last - b->first) >> b->lg2;
	lo_mask = ~0ULL << (lo % 64);
	hi_mask = ~0ULL >> (63 - hi % 64);

	b->any = true;
	if (lo / 64 == hi / 64) {
		b->words[lo / 64] |= lo_mask & hi_mask;
		return;
	}
	b->words[lo / 64] |= lo_mask;
	for (word = lo / 64 + 1; word < hi / 64; word++)
		b->words[word] = ~0ULL;
	b->words[hi / 64] |= hi_mask;
}

/*
 * Bit i of @items stands for the bit of @iova + (i << lg2). Every bit that is
 * set lies in the window, though @iova itself may be before it.
 */
static inline void bits_or(struct pgt_bits *b, u64 iova, u64 items)
{
	u64 at;

	if (iova < b->first) {
		b->words[0] |= items >> ((b->first - iova) >> b->lg2);
		return;
	}
	at = (iova - b->first) >> b->lg2;
	b->words[at / 64] |= items << (at % 64);
	/* the word after may not exist when there is nothing for it */
	if (at % 64 && items >> (64 - at % 64))
		b->words[at / 64 + 1] |= items >> (64 - at % 64);
}

static u64 bits_in(u64 v)
{
	v -= v >> 1 & 0x5555555555555555;
	v = (v & 0x3333333333333333) + (v >> 2 & 0x3333333333333333);
	v = (v + (v >> 4)) & 0x0f0f0f0f0f0f0f0f;
	return v * 0x0101010101010101 >> 56;
}

struct harvest {
	struct pgt *pgt;
	const struct pgt_engine *engine;
	enum pgt_clear clear;
	struct pgt_bits *b;
	struct pgt_gather *g;
};

/* Up to PGT_SCAN entries of a table, 64 to a word. */
struct chunk {
	u64 *entries; /* the first of word 0 */
	u64 iova; /* of that */
	unsigned int at; /* where it is in its table */
	unsigned int n; /* words */
	unsigned int lg2, level; /* of an item; of the table */
	/* Entries that were seen dirty, and of which words there are any. */
	u64 dirty[PGT_SCAN_WORDS];
	unsigned int words;
	/* The same with all entries of each leaf; @dirty itself if that has single ones only. */
	const u64 *items;
	unsigned int item_words;
	/* Each item is a bit, and none lies beyond the window. */
	bool exact;
};

/* A leaf that is dirty in one of its entries is so in all: @items. No group crosses a
 * chunk. */
static void spread(const struct harvest *h, struct chunk *c, u64 *items)
{
	const struct pgt_format *fmt = h->pgt->fmt;
	unsigned int words, w;

	for (w = 0; w < PGT_SCAN_WORDS; w++)
		items[w] = c->words >> w & 1 ? c->dirty[w] : 0;
	for (words = c->words; words; words &= words - 1) {
		u64 left;

		w = port_ctz(words);
		for (left = c->dirty[w]; left; left &= left - 1) {
			unsigned int i = w * 64 + port_ctz(left), n;
			u64 entry = port_load(&c->entries[i]);

			if ((entry & fmt->several) != fmt->several)
				continue;
			n = pgt_replicas(fmt, entry, c->level);
			i = ((c->at + i) & ~(n - 1)) - c->at;
			if (n < 64) {
				u64 group = ((1ULL << n) - 1) << (i % 64);

				items[w] |= group;
				left &= ~group | (left & -left);
				continue;
			}
			for (i /= 64; n; n -= 64, i++) {
				items[i] = ~0ULL;
				c->item_words |= 1U << i;
			}
			break;
		}
	}
	c->item_words |= c->words;
	c->items = items;
}

/* Items that are no bits one by one, or may reach out of the window: run by run. */
static void report_runs(struct harvest *h, u64 iova, unsigned int lg2, u64 items)
{
	struct pgt_bits *b = h->b;

	while (items) {
		u64 above = items + (items & -items); /* 0: up to the top */
		u64 first = iova + ((u64)port_ctz(items) << lg2);
		u64 last = iova + ((u64)(above ? port_ctz(above) : 64) << lg2) - 1;

		pgt_bits_set(b, first, last);
		if (h->clear != PGT_LOOK) {
			b->head_first = port_min(b->head_first, first);
			b->tail_last = port_max(b->tail_last, last);
		}
		items &= above;
	}
}

static void report(struct harvest *h, const struct chunk *c)
{
	unsigned int words, w;
	u64 at;

	h->b->any = true;
	at = (c->iova - h->b->first) >> c->lg2;
	if (c->exact && at % 64 == 0) {
		/* without asking which: that would cost more than it saves */
		for (w = 0; w < c->n; w++)
			h->b->words[at / 64 + w] |= c->items[w];
		return;
	}
	for (words = c->item_words; words; words &= words - 1) {
		w = port_ctz(words);
		if (c->exact)
			bits_or(h->b, c->iova + ((u64)w * 64 << c->lg2), c->items[w]);
		else
			report_runs(h, c->iova + ((u64)w * 64 << c->lg2), c->lg2, c->items[w]);
	}
}

static void clean(struct harvest *h, const struct chunk *c)
{
	struct pgt_gather *g = h->g;
	u64 n = h->engine->clean(h->pgt->fmt, c->entries, c->words, c->dirty, h->clear);
	unsigned int words;

	g->entries_cleared += n;
	if (c->items != c->dirty)
		for (n = 0, words = c->item_words; words; words &= words - 1)
			n += bits_in(c->items[port_ctz(words)]);
	g->cleaned_bytes += n << c->lg2;
	pgt_gather_items(g, c->iova, c->lg2, c->item_words, c->items, n);
}

/* Entries of a table, of one chunk; no leaf is cut at either end. */
static void harvest_chunk(struct harvest *h, struct chunk *c, const struct pgt_scan *s)
{
	unsigned int lo = s->lo, hi = s->hi, last = hi / 64 - lo / 64;
	u64 items[PGT_SCAN_WORDS];

	c->n = last + 1;
	c->words = h->engine->scan(s, c->dirty);
	if (!c->words)
		return;
	if (lo % 64 || hi % 64 != 63) {
		c->dirty[0] &= ~0ULL << (lo % 64);
		c->dirty[last] &= ~0ULL >> (63 - hi % 64);
		if (!c->dirty[0])
			c->words &= ~1U;
		if (!c->dirty[last])
			c->words &= ~(1U << last);
	}
	c->item_words = c->words & (PGT_SEVERAL - 1);
	c->items = c->dirty;
	if (c->words & PGT_SEVERAL) {
		c->words &= PGT_SEVERAL - 1;
		spread(h, c, items);
	}
	if (!c->words)
		return;
	if (h->b)
		report(h, c);
	if (h->clear != PGT_LOOK)
		clean(h, c);
}

/* 1 where there is no leaf. */
static unsigned int replicas_of(const struct pgt_format *fmt, const u64 *entry, unsigned int level)
{
	u64 v = port_load(entry);

	return fmt->present(v) && !fmt->is_table(v, level) ? pgt_replicas(fmt, v, level) : 1;
}

static void harvest_run(const struct pgt_run *run, void *arg)
{
	struct harvest *h = arg;
	const struct pgt_format *fmt = h->pgt->fmt;
	struct pgt_scan s = {
		.fmt = fmt,
		.table = run->table,
		.level = run->level,
		.clear = h->clear,
	};
	unsigned int lo = run->lo, hi = run->hi, at, next;
	struct chunk c;

	/* A leaf cut by either end is dirty also where a replica outside is. */
	if (lo % PGT_SCAN)
		lo &= ~(replicas_of(fmt, &run->table[lo], run->level) - 1);
	if (hi % PGT_SCAN != PGT_SCAN - 1)
		hi |= replicas_of(fmt, &run->table[hi], run->level) - 1;
	h->g->entries_scanned += hi - lo + 1;

	c.lg2 = run->lg2;
	c.level = run->level;
	c.exact = h->b && h->b->lg2 == run->lg2 &&
		  run->base + ((u64)lo << run->lg2) >= h->b->first &&
		  run->base + ((u64)hi << run->lg2) <= h->b->last;
	/* Entries that point to tables are never dirty: D is of leaves alone. */
	for (at = lo; at <= hi; at = next) {
		next = (at | (PGT_SCAN - 1)) + 1;
		c.at = at & ~63U;
		c.entries = &run->table[c.at];
		c.iova = run->base + ((u64)c.at << run->lg2);
		s.lo = at;
		s.hi = hi < next ? hi : next - 1;
		s.ahead = next <= hi ? &run->table[next] : run->ahead ?: c.entries;
		harvest_chunk(h, &c, &s);
	}
}

void pgt_harvest(struct pgt *pgt, const struct pgt_how *how, u64 first, u64 last,
		 unsigned int flags, struct pgt_bits *b, struct pgt_gather *g)
{
	struct harvest h = {
		.pgt = pgt,
		.engine = how->engine,
		.clear = flags & PGT_NO_CLEAR ? PGT_LOOK :
			 how->masked	      ? PGT_MASKED :
						PGT_LOCKED,
		.b = b,
		.g = g,
	};

	if (b) {
		first = port_max(first, b->first);
		last = port_min(last, b->last);
	}
	pgt_visit_how(pgt, how, first, last, harvest_run, &h);
}
