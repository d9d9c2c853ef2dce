/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Leaves taken away from hardware, for an unmap that tells which were written.
 *
 * No write is lost, though nothing is invalidated before D is looked at: an entry loses
 * its present bits by one atomic operation, which returns what it was.
 *  - Hardware marked it before: the mark is in what was returned.
 *  - Its compare-and-swap comes after: that fails, and it walks again, finds nothing,
 *    and faults.
 *  - A write goes on through a cache, of the IOMMU or of a device: without a walk that
 *    is possible only where D is known to be set, and then it was in the entry.
 * Of a leaf of several entries a mark may be in any, also in one that is taken last; so
 * all are taken before it is said whether the leaf is dirty.
 *
 * What is not present has no meaning for hardware, so the rest of the entry stays there:
 * who cannot deliver what was recorded gives the leaves back, marks and all. Hardware may
 * keep what it had cached of them: that is what they are again.
 */
#include "walk.h"

/* Call @visit for each leaf of @run, present or withheld: @n entries from @slot on, the
 * first of which maps @iova. A leaf that the range cuts is visited whole. */
static void each_leaf(const struct pgt_format *fmt, const struct pgt_run *run,
		      void (*visit)(void *arg, u64 *slot, unsigned int n, u64 iova,
				    const struct pgt_run *run),
		      void *arg)
{
	unsigned int i = run->lo, n;

	for (; i <= run->hi; i += n) {
		u64 entry = port_load(&run->table[i]);

		n = 1;
		if (!entry || fmt->is_table(entry, run->level))
			continue;
		n = pgt_replicas(fmt, entry, run->level);
		i &= ~(n - 1);
		visit(arg, &run->table[i], n, run->base + ((u64)i << run->lg2), run);
	}
}

struct withhold {
	const struct pgt_format *fmt;
	struct pgt_bits *b;
};

static void withhold_leaf(void *arg, u64 *slot, unsigned int n, u64 iova, const struct pgt_run *run)
{
	struct withhold *w = arg;
	const struct pgt_format *fmt = w->fmt;
	u64 mask = fmt->dirty_mask & ~fmt->present_mask;
	u64 value = fmt->dirty_value & ~fmt->present_mask;
	bool dirty = false;
	unsigned int i;

	for (i = 0; i < n; i++)
		dirty |= (port_fetch_and(&slot[i], ~fmt->present_mask) & mask) == value;
	if (dirty)
		pgt_bits_set(w->b, iova, iova + (((u64)n << run->lg2) - 1));
}

static void withhold_run(const struct pgt_run *run, void *arg)
{
	struct withhold *w = arg;

	each_leaf(w->fmt, run, withhold_leaf, w);
}

void pgt_withhold(struct pgt *pgt, struct pgt_bits *b)
{
	struct withhold w = { .fmt = pgt->fmt, .b = b };

	pgt_visit(pgt, b->first, b->last, withhold_run, &w);
}

struct give_back {
	const struct pgt_format *fmt;
	unsigned int prot;
};

static void give_back_leaf(void *arg, u64 *slot, unsigned int n, u64 iova,
			   const struct pgt_run *run)
{
	const struct give_back *g = arg;
	const struct pgt_format *fmt = g->fmt;
	struct pgt_leaf leaf;
	unsigned int i;
	u64 present;

	(void)iova;
	fmt->decode(port_load(slot), run->level, &leaf);
	present = fmt->make_leaf(0, leaf.lg2, run->level, g->prot) & fmt->present_mask;
	for (i = 0; i < n; i++)
		port_fetch_or(&slot[i], present);
}

static void give_back_run(const struct pgt_run *run, void *arg)
{
	struct give_back *g = arg;

	each_leaf(g->fmt, run, give_back_leaf, g);
}

void pgt_give_back(struct pgt *pgt, u64 first, u64 last, unsigned int prot)
{
	struct give_back g = { .fmt = pgt->fmt, .prot = prot };

	pgt_visit(pgt, first, last, give_back_run, &g);
}
