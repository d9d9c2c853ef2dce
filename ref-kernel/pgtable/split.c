/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Leaves made smaller, and large again, while hardware walks, caches and marks them.
 *
 * No write is lost because
 *  - an old entry is taken by an atomic exchange: hardware marked it before, and the
 *    mark is in what was taken; or its own compare-and-swap fails after, and it walks
 *    again, into the new entry;
 *  - a table that an exchange has cut off can still be marked, by a walk that is
 *    within it or begins in a walk cache: it is examined only after the invalidation
 *    is complete, when nothing can reach it any more;
 *  - an IOTLB lets writes through without a mark where it knows D to be set. It knows
 *    that of an entry that was dirty; so what takes the place of a dirty entry is
 *    dirty in all that the old one translated, and who cleans it later invalidates.
 *    Of a leaf of several entries one mark speaks for all: only when all have been
 *    taken is it known whether the leaf is dirty.
 *
 *		break before make			in place
 *	split	build the tables aside			build the tables aside
 *		take each entry, leaving 0		take each entry, leaving the new
 *		invalidate, wait			dirty: mark all that is new
 *		dirty: mark all that is new		invalidate, wait; once for many leaves
 *		write the new entries
 *	merge	take each entry, leaving 0		take each entry, leaving the leaf's
 *		invalidate, wait			invalidate, wait; once for many leaves
 *		examine the tables cut off		examine the tables cut off,
 *		write the leaf's entries, dirty		mark the leaf's entry if dirty
 *		if any was
 *		free the tables				free the tables
 *
 * The new entries of break before make need no invalidation: no cache holds what is
 * not present. (Where one does, VT-d's caching mode, it takes one more.)
 */
#include "walk.h"

struct pgt_resized {
	u64 *slot;
	u64 *table;
	unsigned int level; /* of the table */
};

/* No leaf has as many entries as a table: that would be an item of the next level. */
static unsigned int max_entries(const struct pgt_format *fmt)
{
	return 1U << (fmt->index_lg2 - 1);
}

static unsigned int level_of(const struct pgt_format *fmt, unsigned int lg2)
{
	return (lg2 - fmt->granule_lg2) / fmt->index_lg2;
}

static void span_clear(struct pgt_resize *r)
{
	r->first = ~0ULL;
	r->last = 0;
}

static void span_add(struct pgt_resize *r, u64 first, unsigned int lg2)
{
	r->first = port_min(r->first, first);
	r->last = port_max(r->last, first + ((1ULL << lg2) - 1));
}

static void span_sync(struct pgt_resize *r)
{
	if (r->first <= r->last)
		r->sync(r->arg, r->first, r->last);
	span_clear(r);
}

int pgt_resize_begin(struct pgt_resize *r)
{
	unsigned int n = max_entries(r->pgt->fmt);

	r->entries = port_alloc(n * sizeof(*r->entries));
	r->old = port_alloc(n * sizeof(*r->old));
	r->nr_old = 0;
	span_clear(r);
	if (r->entries && r->old)
		return 0;
	pgt_resize_end(r);
	return -ENOMEM;
}

void pgt_resize_end(struct pgt_resize *r)
{
	port_free(r->old);
	port_free(r->entries);
}

/* ---- entries and the tables below them ---- */

static u64 take(u64 *slot, u64 new)
{
	u64 old = port_load(slot);

	while (!port_cmpxchg(slot, &old, new))
		;
	return old;
}

static bool is_dirty(const struct pgt_format *fmt, u64 entry)
{
	return (entry & fmt->dirty_mask) == fmt->dirty_value;
}

static u64 dirtied(const struct pgt_format *fmt, u64 entry)
{
	return (entry | fmt->dirty_set) & ~fmt->dirty_clear;
}

static void mark(const struct pgt_format *fmt, u64 *slot)
{
	u64 entry = port_load(slot);

	while (!port_cmpxchg(slot, &entry, dirtied(fmt, entry)))
		;
}

/* Mark each leaf of @n entries of a table of @level, and below. */
static void mark_all(const struct pgt_format *fmt, u64 *table, unsigned int n, unsigned int level)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		u64 entry = port_load(&table[i]);

		if (fmt->is_table(entry, level))
			mark_all(fmt, pgt_child(fmt, entry), 1U << pgt_index_lg2(fmt, level - 1),
				 level - 1);
		else
			mark(fmt, &table[i]);
	}
}

/* Is a leaf dirty in this table, or below? */
static bool any_dirty(const struct pgt_format *fmt, const u64 *table, unsigned int level)
{
	unsigned int i;

	for (i = 0; i < 1U << pgt_index_lg2(fmt, level); i++) {
		u64 entry = port_load(&table[i]);

		if (fmt->is_table(entry, level)) {
			if (any_dirty(fmt, pgt_child(fmt, entry), level - 1))
				return true;
		} else if (is_dirty(fmt, entry)) {
			return true;
		}
	}
	return false;
}

/* Free a table that nothing can reach, and those below it. */
static void free_tables(struct pgt *pgt, u64 *table, unsigned int level)
{
	const struct pgt_format *fmt = pgt->fmt;
	unsigned int i;

	for (i = 0; level && i < 1U << pgt_index_lg2(fmt, level); i++) {
		u64 entry = port_load(&table[i]);

		if (fmt->is_table(entry, level))
			free_tables(pgt, pgt_child(fmt, entry), level - 1);
	}
	pgt_free_table(pgt, table, level);
}

/* Free what the first @n entries of a table of @level lead to. */
static void free_below(struct pgt *pgt, const u64 *entries, unsigned int n, unsigned int level)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (pgt->fmt->is_table(entries[i], level))
			free_tables(pgt, pgt_child(pgt->fmt, entries[i]), level - 1);
}

/* ---- split ---- */

/*
 * Write @n entries of a table of @level that hardware does not know yet: the smallest
 * leaves for the memory at @pa, with tables where those are of a lower level.
 */
static int build(struct pgt *pgt, u64 *entries, unsigned int n, unsigned int level, u64 pa,
		 unsigned int prot)
{
	const struct pgt_format *fmt = pgt->fmt;
	unsigned int small = pgt_small_lg2(pgt), i;

	for (i = 0; i < n; i++, pa += 1ULL << pgt_item_lg2(fmt, level)) {
		u64 *table;

		if (level == level_of(fmt, small)) {
			port_store(&entries[i], pgt_leaf_entry(pgt, pa, small, level, prot));
			continue;
		}
		table = pgt_new_table(pgt, level - 1);
		if (!table)
			break;
		if (build(pgt, table, 1U << pgt_index_lg2(fmt, level - 1), level - 1, pa, prot)) {
			pgt_free_table(pgt, table, level - 1);
			break;
		}
		port_store(&entries[i], fmt->make_table(port_table_phys(table), level));
	}
	if (i == n)
		return 0;
	free_below(pgt, entries, i, level);
	return -ENOMEM;
}

/* @slot: the first entry of @leaf, which starts at @iova, in a table of @level. */
static int split_leaf(struct pgt_resize *r, u64 *slot, unsigned int level, u64 iova,
		      const struct pgt_leaf *leaf)
{
	const struct pgt_format *fmt = r->pgt->fmt;
	unsigned int n = 1U << (leaf->lg2 - pgt_item_lg2(fmt, level)), i;
	bool broken = r->way == PGT_BREAK_BEFORE_MAKE, dirty = false;
	u64 pa = leaf->pa & ~((1ULL << leaf->lg2) - 1);
	int err;

	err = build(r->pgt, r->entries, n, level, pa, leaf->prot);
	if (err)
		return err;
	for (i = 0; i < n; i++)
		dirty |= is_dirty(fmt, take(&slot[i], broken ? 0 : r->entries[i]));
	span_add(r, iova, leaf->lg2);
	if (broken)
		span_sync(r);
	if (dirty)
		mark_all(fmt, broken ? r->entries : slot, n, level);
	for (i = 0; broken && i < n; i++)
		port_store(&slot[i], r->entries[i]);
	return 0;
}

int pgt_split(struct pgt_resize *r, u64 first, u64 last)
{
	const struct pgt_format *fmt = r->pgt->fmt;
	u64 iova = first, size;
	int err = 0;

	do {
		struct pgt_leaf leaf;
		unsigned int level;
		u64 *slot = pgt_find(r->pgt, iova, &level);

		if (!slot) {
			err = -ENOENT;
			break;
		}
		fmt->decode(port_load(slot), level, &leaf);
		size = 1ULL << leaf.lg2;
		if (leaf.lg2 > pgt_small_lg2(r->pgt))
			err = split_leaf(r, slot, level, iova, &leaf);
		iova += size;
	} while (!err && last - (iova - size) >= size);
	span_sync(r);
	return err;
}

/* ---- merge ---- */

/* What was cut off is out of reach: carry its marks, and free it. */
static void settle(struct pgt_resize *r)
{
	const struct pgt_format *fmt = r->pgt->fmt;
	unsigned int i;

	span_sync(r);
	for (i = 0; i < r->nr_old; i++) {
		const struct pgt_resized *old = &r->old[i];

		if (any_dirty(fmt, old->table, old->level))
			mark(fmt, old->slot);
		free_tables(r->pgt, old->table, old->level);
	}
	r->nr_old = 0;
}

/* Take an entry of a table of @level, leaving @new; what it led to is kept. Was it a
 * dirty leaf's? */
static bool take_old(struct pgt_resize *r, u64 *slot, unsigned int level, u64 new)
{
	const struct pgt_format *fmt = r->pgt->fmt;
	u64 entry = take(slot, new);

	if (!fmt->is_table(entry, level))
		return is_dirty(fmt, entry);
	r->old[r->nr_old++] = (struct pgt_resized){
		.slot = slot,
		.table = pgt_child(fmt, entry),
		.level = level - 1,
	};
	return false;
}

/* The entries from @slot on become those of one leaf of 2^@lg2 bytes. */
static void merge_leaf(struct pgt_resize *r, u64 *slot, unsigned int level, u64 iova, u64 pa,
		       unsigned int lg2, unsigned int prot)
{
	const struct pgt_format *fmt = r->pgt->fmt;
	unsigned int item_lg2 = pgt_item_lg2(fmt, level);
	unsigned int n = 1U << (lg2 - item_lg2), i;
	bool dirty = false;

	for (i = 0; i < n; i++)
		r->entries[i] = pgt_leaf_entry(r->pgt, pa + ((u64)i << item_lg2), lg2, level, prot);
	if (r->way == PGT_IN_PLACE) {
		if (r->nr_old + n > max_entries(fmt))
			settle(r);
		for (i = 0; i < n; i++)
			dirty |= take_old(r, &slot[i], level, r->entries[i]);
		if (dirty)
			mark(fmt, slot);
		span_add(r, iova, lg2);
		return;
	}
	for (i = 0; i < n; i++)
		dirty |= take_old(r, &slot[i], level, 0);
	span_add(r, iova, lg2);
	span_sync(r);
	for (i = 0; i < r->nr_old; i++)
		dirty |= any_dirty(fmt, r->old[i].table, r->old[i].level);
	if (dirty)
		r->entries[0] = dirtied(fmt, r->entries[0]);
	for (i = 0; i < n; i++)
		port_store(&slot[i], r->entries[i]);
	for (i = 0; i < r->nr_old; i++)
		free_tables(r->pgt, r->old[i].table, r->old[i].level);
	r->nr_old = 0;
}

/* The slot for a leaf of @level at @iova; NULL: there is a leaf as large or larger. */
static u64 *slot_of(struct pgt *pgt, u64 iova, unsigned int lg2, unsigned int level)
{
	const struct pgt_format *fmt = pgt->fmt;
	unsigned int l;
	u64 *table = pgt->root, *slot, entry;
	struct pgt_leaf leaf;

	for (l = fmt->levels - 1;; l--) {
		slot = &table[pgt_index(fmt, l, iova)];
		entry = port_load(slot);
		if (l == level)
			break;
		if (!fmt->is_table(entry, l))
			return NULL;
		table = pgt_child(fmt, entry);
	}
	if (fmt->is_table(entry, l))
		return slot;
	fmt->decode(entry, l, &leaf);
	return leaf.lg2 < lg2 ? slot : NULL;
}

void pgt_merge(struct pgt_resize *r, u64 iova, u64 pa, u64 length, unsigned int prot,
	       unsigned int max_lg2)
{
	while (length) {
		unsigned int lg2 = pgt_leaf_lg2(r->pgt, iova, pa, length, max_lg2);
		unsigned int level = level_of(r->pgt->fmt, lg2);
		u64 *slot = slot_of(r->pgt, iova, lg2, level);

		if (slot)
			merge_leaf(r, slot, level, iova, pa, lg2, prot);
		iova += 1ULL << lg2;
		pa += 1ULL << lg2;
		length -= 1ULL << lg2;
	}
	settle(r);
}
