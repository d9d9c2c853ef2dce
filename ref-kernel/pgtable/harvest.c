/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The harvest: which leaves were written, and make them clean.
 *
 * Hardware sets D while we look, and other harvests clear it. No write is lost:
 * an entry is cleaned only after its leaf was found dirty, by an atomic
 * operation, and that leaf is reported by every harvest that found it so. A D
 * that is set between the finding and the cleaning belongs to a write that is
 * complete before this harvest is, and is reported with the leaf.
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
 * Bit i of @dirty stands for the bit of @iova + (i << lg2). Every bit that is
 * set lies in the window, though @iova itself may be before it.
 */
static void bits_or(struct pgt_bits *b, u64 iova, u64 dirty)
{
	u64 at;

	b->any = true;
	if (iova < b->first) {
		b->words[0] |= dirty >> ((b->first - iova) >> b->lg2);
		return;
	}
	at = (iova - b->first) >> b->lg2;
	b->words[at / 64] |= dirty << (at % 64);
	/* the word after may not exist when there is nothing for it */
	if (at % 64 && dirty >> (64 - at % 64))
		b->words[at / 64 + 1] |= dirty >> (64 - at % 64);
}

struct harvest {
	struct pgt *pgt;
	const struct pgt_how *how;
	bool clear;
	struct pgt_bits *b;
	struct pgt_gather *g;
};

/* Make one entry write-clean, whatever it is now. */
static void clean(struct harvest *h, u64 *entry)
{
	const struct pgt_format *fmt = h->pgt->fmt;

	if (fmt->clean_clear)
		port_fetch_and(entry, ~fmt->clean_clear);
	else
		port_fetch_or(entry, fmt->clean_set);
	h->g->entries_cleared++;
}

/* The dirty leaf that is entries [start, start + replicas) of a table. */
static void harvest_leaf(struct harvest *h, const struct pgt_run *run, unsigned int start,
			 unsigned int replicas)
{
	struct pgt_bits *b = h->b;
	u64 first = run->base + ((u64)start << run->lg2);
	u64 last = first + (((u64)replicas << run->lg2) - 1);
	unsigned int i;

	if (b)
		pgt_bits_set(b, first, last);
	if (!h->clear)
		return;
	if (b) {
		b->head_first = port_min(b->head_first, first);
		b->tail_last = port_max(b->tail_last, last);
	}
	for (i = start; i < start + replicas; i++)
		clean(h, &run->table[i]);
	pgt_gather_add(h->g, first, last);
	h->g->cleaned_bytes += last - first + 1;
}

/* Dirty leaves of one entry each, of entries [at, at + 64), one bit each in b. */
static void harvest_items(struct harvest *h, const struct pgt_run *run, unsigned int at, u64 dirty)
{
	u64 first = run->base + ((u64)at << run->lg2);
	u64 item = 1ULL << run->lg2;

	if (h->b)
		bits_or(h->b, first, dirty);
	if (!h->clear)
		return;
	pgt_gather_add(h->g, first + port_ctz(dirty) * item,
		       first + port_lg2(dirty) * item + (item - 1));
	for (; dirty; dirty &= dirty - 1) {
		clean(h, &run->table[at + port_ctz(dirty)]);
		h->g->cleaned_bytes += item;
	}
}

static void harvest_run(const struct pgt_run *run, void *arg)
{
	struct harvest *h = arg;
	const struct pgt_format *fmt = h->pgt->fmt;
	bool whole_bits = !h->b || h->b->lg2 == run->lg2;
	unsigned int lo = run->lo, hi = run->hi;
	unsigned int i, next;
	u64 entry;

	if (!run->level && pgt_passes_over(h->how->summary, run->base))
		return;
	/* A leaf cut by either end is dirty also where a replica outside is. */
	entry = port_load(&run->table[lo]);
	if (fmt->present(entry) && !fmt->is_table(entry, run->level))
		lo &= ~(pgt_replicas(fmt, entry, run->level) - 1);
	entry = port_load(&run->table[hi]);
	if (fmt->present(entry) && !fmt->is_table(entry, run->level))
		hi |= pgt_replicas(fmt, entry, run->level) - 1;
	h->g->entries_scanned += hi - lo + 1;

	/* Entries that point to tables are never dirty: D is of leaves alone. */
	for (i = lo; i <= hi; i = next) {
		unsigned int at = i & ~63U;
		u64 dirty =
			h->how->engine->scan(&run->table[at], fmt->dirty_mask, fmt->dirty_value);
		u64 items = 0;

		next = at + 64;
		dirty &= ~0ULL << (i - at);
		if (hi < next)
			dirty &= ~0ULL >> (next - 1 - hi);
		while (dirty) {
			unsigned int bit = port_ctz(dirty), start, replicas;

			replicas = pgt_replicas(fmt, port_load(&run->table[at + bit]), run->level);
			if (replicas == 1 && whole_bits) {
				items |= 1ULL << bit;
				dirty &= dirty - 1;
				continue;
			}
			start = (at + bit) & ~(replicas - 1);
			harvest_leaf(h, run, start, replicas);
			if (start + replicas >= next) {
				next = start + replicas;
				break;
			}
			dirty &= ~0ULL << (start + replicas - at);
		}
		if (items)
			harvest_items(h, run, at, items);
	}
}

void pgt_harvest(struct pgt *pgt, const struct pgt_how *how, u64 first, u64 last,
		 unsigned int flags, struct pgt_bits *b, struct pgt_gather *g)
{
	struct harvest h = {
		.pgt = pgt,
		.how = how,
		.clear = !(flags & PGT_NO_CLEAR),
		.b = b,
		.g = g,
	};

	if (b) {
		first = port_max(first, b->first);
		last = port_min(last, b->last);
	}
	pgt_visit(pgt, first, last, harvest_run, &h);
}
