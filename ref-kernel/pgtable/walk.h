/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Between the files of pgtable/: where in a table an IOVA is, and a visit of
 * the tables that translate a range. Ranges are inclusive, since the last IOVA
 * may be the last there is.
 */
#ifndef IODIRTY_PGTABLE_WALK_H
#define IODIRTY_PGTABLE_WALK_H

#include "pgtable.h"

/* log2 of the bytes that an entry of a table at @level maps. */
static inline unsigned int pgt_item_lg2(const struct pgt_format *fmt, unsigned int level)
{
	return fmt->granule_lg2 + level * fmt->index_lg2;
}

/* log2 of the entries of a table at @level. */
static inline unsigned int pgt_index_lg2(const struct pgt_format *fmt, unsigned int level)
{
	return level == fmt->levels - 1 && fmt->root_index_lg2 ? fmt->root_index_lg2 :
								 fmt->index_lg2;
}

/* log2 of its bytes. */
static inline unsigned int pgt_table_lg2(const struct pgt_format *fmt, unsigned int level)
{
	return pgt_index_lg2(fmt, level) + 3;
}

static inline unsigned int pgt_index(const struct pgt_format *fmt, unsigned int level, u64 iova)
{
	return iova >> pgt_item_lg2(fmt, level) & ((1U << pgt_index_lg2(fmt, level)) - 1);
}

/* Of an entry that is_table. */
static inline u64 *pgt_child(const struct pgt_format *fmt, u64 entry)
{
	return port_phys_table(fmt->table_phys(entry));
}

/* How many entries in a row are the leaf that @entry is one of. */
static inline unsigned int pgt_replicas(const struct pgt_format *fmt, u64 entry, unsigned int level)
{
	struct pgt_leaf leaf;

	fmt->decode(entry, level, &leaf);
	return 1U << (leaf.lg2 - pgt_item_lg2(fmt, level));
}

/* Cut [*first, *last] down to the aperture; false when nothing is left. */
static inline bool pgt_clip(const struct pgt_format *fmt, u64 *first, u64 *last)
{
	*first = port_max(*first, fmt->aperture_first);
	*last = port_min(*last, fmt->aperture_last);
	return *first <= *last;
}

/* The entries [lo, hi] of a table, which are those that translate a range. */
struct pgt_run {
	u64 *table;
	unsigned int level;
	unsigned int lg2; /* of an item */
	u64 base; /* IOVA of entry 0 */
	unsigned int lo, hi; /* inclusive */
	const u64 *ahead; /* a table that is visited soon, or NULL */
};

/*
 * Call @visit for every table that translates a part of [first, last], a table
 * before those below it. The visitor may change leaves, not what is a table.
 */
void pgt_visit(struct pgt *pgt, u64 first, u64 last,
	       void (*visit)(const struct pgt_run *run, void *arg), void *arg);
/* The same, as @how has it: what to fetch ahead, what to pass over; @how may be NULL. */
void pgt_visit_how(struct pgt *pgt, const struct pgt_how *how, u64 first, u64 last,
		   void (*visit)(const struct pgt_run *run, void *arg), void *arg);

/* Is the leaf table whose entry 0 is @base one that @s passes over? @s may be NULL. */
static inline bool pgt_passes_over(const struct pgt_summary *s, u64 base)
{
	u64 n;

	if (!s || base < s->first)
		return false;
	n = (base - s->first) >> s->lg2;
	return n < s->tables && s->clean[n / 64] >> n % 64 & 1;
}

/* A table of @level, zeroed and counted; NULL: no memory. And away with it. */
u64 *pgt_new_table(struct pgt *pgt, unsigned int level);
void pgt_free_table(struct pgt *pgt, u64 *table, unsigned int level);

/* The largest leaf that may start at @iova, log2; 0 if there is none. */
unsigned int pgt_leaf_lg2(const struct pgt *pgt, u64 iova, u64 pa, u64 length,
			  unsigned int max_lg2);

/* An entry of a leaf of 2^@lg2 bytes, the one for item address @pa. */
u64 pgt_leaf_entry(const struct pgt *pgt, u64 pa, unsigned int lg2, unsigned int level,
		   unsigned int prot);

/* The entry that @iova falls in, of whichever replica, and its table's level: NULL
 * if none is present. */
u64 *pgt_find(struct pgt *pgt, u64 iova, unsigned int *level);

/* Add the items of 2^@lg2 bytes from @iova on that @items has bits of, in the words, each
 * for 64, that @words names: these are not 0, and there is one. @n: bits. */
void pgt_gather_items(struct pgt_gather *g, u64 iova, unsigned int lg2, unsigned int words,
		      const u64 *items, u64 n);

#endif
