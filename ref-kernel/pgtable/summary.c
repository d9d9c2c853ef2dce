/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Leaf tables that a harvest can pass over. Hardware sets A in an entry that leads to a
 * table when it walks through, and D of a leaf after that; so a table below an entry whose
 * A is clear has no dirty leaf. That is true as long as, of such a table,
 *  - no leaf is made dirty by software that does not then set A (pgt_set_dirty; an entry
 *    that leads to a new table is made with A);
 *  - no walk begins below the entry. It would set D, and not this A again: that is why,
 *    where A has been cleared, walk caches forget the table, and walks that are under way
 *    are waited for, before a leaf of it is looked at. What these set is found then, and
 *    later walks set A, for the next harvest.
 * From the clearing on until it has looked, it is this harvest that owes what is dirty
 * below; one that runs beside it may pass over, as it may find clean what this one has
 * cleaned and not delivered yet. So A is cleared only of a table all of whose leaves this
 * harvest reports: one that lies wholly in its window. It is cleared before the look,
 * never after, and by an operation that cannot undo another's.
 *
 * An IOTLB, or a device's own cache, lets writes through without a walk where it knows D
 * to be set: such a leaf is dirty in its table, and the A above has been set since then, until
 * a harvest looks, cleans it, and makes those caches forget before it returns. So
 * devices have nothing to forget when A is cleared.
 */
#include "walk.h"

int pgt_summary_init(struct pgt_summary *s, const struct pgt_format *fmt, u64 bytes)
{
	*s = (struct pgt_summary){ .lg2 = pgt_item_lg2(fmt, 1) };
	s->clean = port_alloc(((bytes >> s->lg2) / 64 + 1) * sizeof(*s->clean));
	return s->clean ? 0 : -ENOMEM;
}

void pgt_summary_fini(struct pgt_summary *s)
{
	port_free(s->clean);
}

typedef void visit_upper(void *arg, u64 *slot, u64 entry, u64 iova);

/* Call @visit for each entry that leads to a leaf table of [first, last], which is within
 * this table, whose entry 0 is @base; @iova: where the leaf table begins. */
static void each_upper(const struct pgt_format *fmt, u64 *table, unsigned int level, u64 base,
		       u64 first, u64 last, visit_upper *visit, void *arg)
{
	unsigned int lg2 = pgt_item_lg2(fmt, level), hi = pgt_index(fmt, level, last), i;

	for (i = pgt_index(fmt, level, first); i <= hi; i++) {
		u64 entry = port_load(&table[i]);
		u64 item = base + ((u64)i << lg2);
		u64 item_last = item + ((1ULL << lg2) - 1);

		if (!fmt->is_table(entry, level))
			continue;
		if (level == 1)
			visit(arg, &table[i], entry, item);
		else
			each_upper(fmt, pgt_child(fmt, entry), level - 1, item,
				   port_max(first, item), port_min(last, item_last), visit, arg);
	}
}

struct summarize {
	const struct pgt_format *fmt;
	bool clear;
	struct pgt_summary *s;
	struct pgt_gather *g;
};

static void summarize(void *arg, u64 *slot, u64 entry, u64 iova)
{
	const struct summarize *z = arg;
	struct pgt_summary *s = z->s;
	u64 n = (iova - s->first) >> s->lg2;

	if (!(entry & z->fmt->accessed)) {
		s->clean[n / 64] |= 1ULL << n % 64;
		s->passed++;
		return;
	}
	s->accessed++;
	if (!z->clear)
		return;
	port_fetch_and(slot, ~z->fmt->accessed);
	pgt_gather_add(z->g, iova, iova + ((1ULL << s->lg2) - 1));
	z->g->tables = true;
}

void pgt_summarize(struct pgt *pgt, u64 first, u64 last, unsigned int flags, struct pgt_summary *s,
		   struct pgt_gather *g)
{
	const struct pgt_format *fmt = pgt->fmt;
	u64 below = (1ULL << s->lg2) - 1;
	struct summarize z = {
		.fmt = fmt,
		.clear = !(flags & PGT_NO_CLEAR),
		.s = s,
		.g = g,
	};

	s->first = (first + below) & ~below;
	s->tables = 0;
	s->passed = 0;
	s->accessed = 0;
	if (s->first < first || s->first > last)
		return;
	s->tables = (last - s->first + 1) >> s->lg2;
	if (!s->tables)
		return;
	memset(s->clean, 0, (s->tables + 63) / 64 * sizeof(*s->clean));
	each_upper(fmt, pgt->root, fmt->levels - 1, 0, s->first,
		   s->first + ((s->tables << s->lg2) - 1), summarize, &z);
}

static void set_accessed(void *arg, u64 *slot, u64 entry, u64 iova)
{
	const struct pgt_format *fmt = arg;

	(void)entry;
	(void)iova;
	/* Also where it is set: the order with what was done to a leaf is this operation's. */
	port_fetch_or(slot, fmt->accessed);
}

void pgt_set_accessed(struct pgt *pgt, u64 first, u64 last)
{
	const struct pgt_format *fmt = pgt->fmt;

	if (fmt->accessed && pgt_clip(fmt, &first, &last))
		each_upper(fmt, pgt->root, fmt->levels - 1, 0, first, last, set_accessed,
			   (void *)fmt);
}
