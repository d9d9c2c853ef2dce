/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The walker: build, change and look up tables of any format.
 *
 * In a table that hardware may walk, an entry is 0 or present, or for the length of one
 * call withheld (withhold.c): not present, and not 0. Hardware reads
 * entries as they change, so each is written by one store; a table is complete
 * before the entry that points to it is written.
 */
#include "walk.h"

static u64 table_pages(const struct pgt_format *fmt, unsigned int level)
{
	return (1ULL << pgt_table_lg2(fmt, level)) / PORT_PAGE_SIZE;
}

u64 *pgt_new_table(struct pgt *pgt, unsigned int level)
{
	u64 *table = port_table_alloc(pgt_table_lg2(pgt->fmt, level));

	if (table)
		port_count(&pgt->table_pages, table_pages(pgt->fmt, level));
	return table;
}

void pgt_free_table(struct pgt *pgt, u64 *table, unsigned int level)
{
	port_table_free(table, pgt_table_lg2(pgt->fmt, level));
	port_count(&pgt->table_pages, -table_pages(pgt->fmt, level));
}

int pgt_init(struct pgt *pgt, const struct pgt_format *fmt, u64 leaf_sizes, bool track)
{
	*pgt = (struct pgt){
		.fmt = fmt,
		.leaf_sizes = leaf_sizes ?: fmt->leaf_sizes,
		.born_dirty = fmt->always && !track,
	};
	pgt->root = pgt_new_table(pgt, fmt->levels - 1);
	return pgt->root ? 0 : -ENOMEM;
}

unsigned int pgt_leaf_lg2(const struct pgt *pgt, u64 iova, u64 pa, u64 length, unsigned int max_lg2)
{
	unsigned int limit = port_min(port_lg2(length), max_lg2);
	u64 sizes;

	if (iova | pa)
		limit = port_min(limit, port_ctz(iova | pa));
	sizes = pgt->leaf_sizes & ~0ULL >> (63 - limit);
	return sizes ? port_lg2(sizes) : 0;
}

u64 pgt_leaf_entry(const struct pgt *pgt, u64 pa, unsigned int lg2, unsigned int level,
		   unsigned int prot)
{
	const struct pgt_format *fmt = pgt->fmt;
	u64 entry;

	if (!fmt->contiguous)
		pa &= ~((1ULL << lg2) - 1);
	entry = fmt->make_leaf(pa, lg2, level, prot);
	if (pgt->born_dirty && prot & PGT_WRITE)
		entry = (entry | fmt->dirty_set) & ~fmt->dirty_clear;
	return entry;
}

static int map_leaf(struct pgt *pgt, u64 iova, u64 pa, unsigned int lg2, unsigned int prot)
{
	const struct pgt_format *fmt = pgt->fmt;
	unsigned int leaf_level = (lg2 - fmt->granule_lg2) / fmt->index_lg2;
	unsigned int level, replicas;
	u64 *table = pgt->root;
	u64 *slot, entry;

	for (level = fmt->levels - 1; level > leaf_level; level--) {
		slot = &table[pgt_index(fmt, level, iova)];
		entry = port_load(slot);
		if (!fmt->present(entry)) {
			table = pgt_new_table(pgt, level - 1);
			if (!table)
				return -ENOMEM;
			port_store(slot, fmt->make_table(port_table_phys(table), level));
		} else if (fmt->is_table(entry, level)) {
			table = pgt_child(fmt, entry);
		} else {
			return -EEXIST;
		}
	}

	slot = &table[pgt_index(fmt, level, iova)];
	for (replicas = 1U << (lg2 - pgt_item_lg2(fmt, level)); replicas; replicas--, slot++) {
		if (fmt->present(port_load(slot)))
			return -EEXIST;
		port_store(slot, pgt_leaf_entry(pgt, pa, lg2, level, prot));
		pa += 1ULL << pgt_item_lg2(fmt, level);
	}
	return 0;
}

int pgt_map(struct pgt *pgt, u64 iova, u64 pa, u64 length, unsigned int prot, unsigned int max_lg2)
{
	const struct pgt_format *fmt = pgt->fmt;
	unsigned int lg2;
	int err;

	if (iova < fmt->aperture_first || iova > fmt->aperture_last ||
	    (length && length - 1 > fmt->aperture_last - iova))
		return -ERANGE;
	if (length && (pa | (pa + (length - 1))) >> fmt->output_lg2)
		return -ERANGE;

	while (length) {
		lg2 = pgt_leaf_lg2(pgt, iova, pa, length, max_lg2);
		if (!lg2)
			return -EINVAL;
		err = map_leaf(pgt, iova, pa, lg2, prot);
		if (err)
			return err;
		iova += 1ULL << lg2;
		pa += 1ULL << lg2;
		length -= 1ULL << lg2;
	}
	return 0;
}

static bool table_is_empty(const struct pgt_format *fmt, const u64 *table, unsigned int level)
{
	unsigned int i;

	for (i = 0; i < 1U << pgt_index_lg2(fmt, level); i++)
		if (port_load(&table[i]))
			return false;
	return true;
}

/*
 * Hardware may read @table until it has been invalidated. The link that goes
 * into its first entry is the address of a page, whose low 12 bits are 0, and
 * in them every format says present: hardware sees what it saw, nothing.
 */
static void gather_table(struct pgt *pgt, struct pgt_gather *g, u64 *table, unsigned int level)
{
	port_store(table, (u64)(unsigned long)g->free_list);
	g->free_list = table;
	g->tables = true;
	g->table_lg2 = pgt_table_lg2(pgt->fmt, level);
	port_count(&pgt->table_pages, -table_pages(pgt->fmt, level));
}

/* Unmap the part [first, last] of a table whose entry 0 is @base; is it empty? */
static bool unmap_table(struct pgt *pgt, u64 *table, unsigned int level, u64 base, u64 first,
			u64 last, struct pgt_gather *g)
{
	const struct pgt_format *fmt = pgt->fmt;
	unsigned int lg2 = pgt_item_lg2(fmt, level);
	unsigned int hi = pgt_index(fmt, level, last);
	unsigned int i, end;

	for (i = pgt_index(fmt, level, first); i <= hi; i = end) {
		u64 entry = port_load(&table[i]);
		u64 item = base + ((u64)i << lg2);
		u64 item_last = item + ((1ULL << lg2) - 1);

		end = i + 1;
		if (fmt->is_table(entry, level)) {
			u64 *child = pgt_child(fmt, entry);
			u64 from = port_max(first, item), to = port_min(last, item_last);

			if (unmap_table(pgt, child, level - 1, item, from, to, g)) {
				port_store(&table[i], 0);
				pgt_gather_add(g, from, to); /* it may be cached */
				gather_table(pgt, g, child, level - 1);
			}
		} else if (entry) { /* a leaf's, present or withheld */
			unsigned int replicas = pgt_replicas(fmt, entry, level);

			i &= ~(replicas - 1);
			end = i + replicas;
			item = base + ((u64)i << lg2);
			pgt_gather_add(g, item, item + (((u64)replicas << lg2) - 1));
			for (; i < end; i++)
				port_store(&table[i], 0);
		}
	}
	return table_is_empty(fmt, table, level);
}

void pgt_unmap(struct pgt *pgt, u64 iova, u64 length, struct pgt_gather *g)
{
	u64 first = iova, last = iova + (length - 1);

	if (length && pgt_clip(pgt->fmt, &first, &last))
		unmap_table(pgt, pgt->root, pgt->fmt->levels - 1, 0, first, last, g);
}

void pgt_fini(struct pgt *pgt)
{
	const struct pgt_format *fmt = pgt->fmt;
	struct pgt_gather g;

	pgt_gather_init(&g);
	unmap_table(pgt, pgt->root, fmt->levels - 1, 0, fmt->aperture_first, fmt->aperture_last,
		    &g);
	pgt_gather_free(&g);
	pgt_free_table(pgt, pgt->root, fmt->levels - 1);
	pgt->root = NULL;
}

u64 *pgt_find(struct pgt *pgt, u64 iova, unsigned int *level)
{
	const struct pgt_format *fmt = pgt->fmt;
	u64 *table = pgt->root;
	u64 *slot, entry;

	if (iova < fmt->aperture_first || iova > fmt->aperture_last)
		return NULL;
	for (*level = fmt->levels - 1;; (*level)--) {
		slot = &table[pgt_index(fmt, *level, iova)];
		entry = port_load(slot);
		if (!fmt->is_table(entry, *level))
			return fmt->present(entry) ? slot : NULL;
		table = pgt_child(fmt, entry);
	}
}

int pgt_leaf(struct pgt *pgt, u64 iova, struct pgt_leaf *leaf, u64 *start, bool *dirty)
{
	const struct pgt_format *fmt = pgt->fmt;
	unsigned int level, replicas;
	u64 *slot = pgt_find(pgt, iova, &level);

	if (!slot)
		return -ENOENT;
	fmt->decode(port_load(slot), level, leaf);
	*start = iova & ~((1ULL << leaf->lg2) - 1);
	*dirty = false;
	slot -= pgt_index(fmt, level, iova) - pgt_index(fmt, level, *start);
	for (replicas = 1U << (leaf->lg2 - pgt_item_lg2(fmt, level)); replicas; replicas--)
		*dirty |= (port_load(slot++) & fmt->dirty_mask) == fmt->dirty_value;
	return 0;
}

int pgt_set_dirty(struct pgt *pgt, u64 iova)
{
	const struct pgt_format *fmt = pgt->fmt;
	struct pgt_leaf leaf;
	unsigned int level, prot;
	u64 *slot = pgt_find(pgt, iova, &level);
	u64 entry, dirty;

	if (!slot)
		return -ENOENT;
	entry = port_load(slot);
	do {
		dirty = (entry | fmt->dirty_set) & ~fmt->dirty_clear;
		fmt->decode(entry, level, &leaf);
		prot = leaf.prot;
		fmt->decode(dirty, level, &leaf);
		if (leaf.prot != prot)
			return 0;
	} while (!port_cmpxchg(slot, &entry, dirty));
	pgt_set_accessed(pgt, iova, iova);
	return 0;
}

/*
 * What comes after the table that entry @i of @run leads to. Where tables lie here and
 * there in memory, one table takes less time than the first line of the next does: then the
 * one after that is asked for, and before it the translation of its address.
 */
#define AHEAD 1
#define AHEAD_SCATTERED 2
#define AHEAD_TRANSLATED 8

static const u64 *table_at(const struct pgt_format *fmt, const struct pgt_run *run, unsigned int i)
{
	u64 entry;

	if (i > run->hi)
		return NULL;
	entry = port_load(&run->table[i]);
	return fmt->is_table(entry, run->level) ? pgt_child(fmt, entry) : NULL;
}

static const u64 *table_ahead(const struct pgt_format *fmt, const struct pgt_run *run,
			      unsigned int i, bool scattered)
{
	const u64 *far;

	if (!scattered)
		return table_at(fmt, run, i + AHEAD);
	far = table_at(fmt, run, i + AHEAD_TRANSLATED);
	if (far)
		__builtin_prefetch(far);
	return table_at(fmt, run, i + AHEAD_SCATTERED);
}

struct visit {
	const struct pgt_format *fmt;
	bool prefetch;
	const struct pgt_summary *summary;
	void (*fn)(const struct pgt_run *run, void *arg);
	void *arg;
};

/* Entry 0 of @table is @base; [first, last] is within it; @ahead as in pgt_run. */
static void visit_table(const struct visit *v, u64 *table, unsigned int level, u64 base, u64 first,
			u64 last, const u64 *ahead)
{
	const struct pgt_format *fmt = v->fmt;
	const struct pgt_run run = {
		.table = table,
		.level = level,
		.lg2 = pgt_item_lg2(fmt, level),
		.base = base,
		.lo = pgt_index(fmt, level, first),
		.hi = pgt_index(fmt, level, last),
		.ahead = ahead,
	};
	unsigned int i;

	v->fn(&run, v->arg);
	if (!level)
		return;
	for (i = run.lo; i <= run.hi; i++) {
		u64 entry = port_load(&table[i]);
		u64 item = base + ((u64)i << run.lg2);
		u64 item_last = item + ((1ULL << run.lg2) - 1);

		if (!fmt->is_table(entry, level))
			continue;
		if (level == 1 && pgt_passes_over(v->summary, item))
			continue;
		ahead = level == 1 ? table_ahead(fmt, &run, i, v->prefetch) : NULL;
		visit_table(v, pgt_child(fmt, entry), level - 1, item, port_max(first, item),
			    port_min(last, item_last), ahead);
	}
}

void pgt_visit_how(struct pgt *pgt, const struct pgt_how *how, u64 first, u64 last,
		   void (*visit)(const struct pgt_run *run, void *arg), void *arg)
{
	const struct visit v = {
		.fmt = pgt->fmt,
		.prefetch = how && how->prefetch,
		.summary = how ? how->summary : NULL,
		.fn = visit,
		.arg = arg,
	};

	if (pgt_clip(pgt->fmt, &first, &last))
		visit_table(&v, pgt->root, pgt->fmt->levels - 1, 0, first, last, NULL);
}

void pgt_visit(struct pgt *pgt, u64 first, u64 last,
	       void (*visit)(const struct pgt_run *run, void *arg), void *arg)
{
	pgt_visit_how(pgt, NULL, first, last, visit, arg);
}
