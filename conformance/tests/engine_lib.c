/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Ways to harvest, and beds of leaves, for chapter ENGINE: see engine.h. */
#include <stdio.h>
#include <stdlib.h>

#include "engine.h"

#define PAGE 4096u
#define N(array) (sizeof(array) / sizeof((array)[0]))

/* ---- ways ---- */

static void say(struct way *w)
{
	snprintf(w->text, sizeof(w->text), "%s%s%s%s", w->select.name,
		 w->select.clear == IODIRTY_CLEAR_MASKED ? "+masked" : "",
		 w->select.flags & IODIRTY_ENGINE_SKIP ? "+skip" : "",
		 w->select.flags & IODIRTY_ENGINE_PREFETCH ? "+prefetch" : "");
}

static void add(struct way *w, const char *name, unsigned int bits)
{
	*w = (struct way){ .select = { .op = IODIRTY_ENGINE_SELECT,
				       .clear = bits & 1 ? IODIRTY_CLEAR_MASKED :
							   IODIRTY_CLEAR_LOCKED } };
	memcpy(w->select.name, name, sizeof(w->select.name));
	if (bits & 2)
		w->select.flags |= IODIRTY_ENGINE_SKIP;
	if (bits & 4)
		w->select.flags |= IODIRTY_ENGINE_PREFETCH;
	say(w);
}

/* Of the eight combinations of MASKED, SKIP and PREFETCH: the last changes least, and is
 * there by itself and with both. */
static const unsigned int combinations[] = { 0, 1, 2, 3, 4, 7 };

unsigned int ways(struct way ways[MAX_WAYS])
{
	struct iodirty_engine e = { .op = IODIRTY_ENGINE_GET_INDEX };
	u32 formats = ct.config.format.flags;
	unsigned int n = 0;
	int ret;

	for (; !(ret = ct.t->driver->engine(ct.t, &e)); e.index++) {
		for (size_t c = 0; e.out_usable && c < N(combinations); c++) {
			unsigned int bits = combinations[c];

			if ((bits & 1 && !(formats & IODIRTY_FORMAT_MASKED)) ||
			    (bits & 2 && !(formats & IODIRTY_FORMAT_SKIP)))
				continue;
			ct_check(n < MAX_WAYS, "more than %d ways to harvest", MAX_WAYS);
			add(&ways[n++], e.name, bits);
		}
	}
	x_err(ENOENT, ret);
	ct_check(n, "no engine is usable");
	return n;
}

int engine_select(const char *name, u32 clear, u32 flags)
{
	struct iodirty_engine e = { .op = IODIRTY_ENGINE_SELECT, .clear = clear, .flags = flags };

	memcpy(e.name, name, lowest(strlen(name), sizeof(e.name)));
	return ct.t->driver->engine(ct.t, &e);
}

int way_select(const struct way *way)
{
	struct iodirty_engine e = way->select;

	return ct.t->driver->engine(ct.t, &e);
}

const char *way_selected(char text[64])
{
	struct way w = { .select = { .op = IODIRTY_ENGINE_GET } };

	x(ct.t->driver->engine(ct.t, &w.select));
	say(&w);
	memcpy(text, w.text, sizeof(w.text));
	return text;
}

const char *engine_usable(void)
{
	static struct iodirty_engine e;

	e = (struct iodirty_engine){ .op = IODIRTY_ENGINE_GET_INDEX };
	for (; !ct.t->driver->engine(ct.t, &e); e.index++)
		if (e.out_usable)
			return e.name;
	ct_fail("no engine is usable");
}

/* ---- beds ---- */

void bed_open(struct bed *b)
{
	u64 leaf = (u64)1 << ct.config.leaf_lg2;

	*b = (struct bed){ .leaves = lowest(600, highest(8, (8u << 20) / leaf)),
			   .random = ct.seed };
	scene_open(&b->s, .leaves = b->leaves);
	b->unit = highest(b->s.granule, leaf / 64);
	b->units = b->s.length / b->unit;
	b->owed = calloc(b->units, 1);
	ct_check(b->owed, "no memory");
}

void bed_write(struct bed *b, u64 leaf)
{
	u64 offset = leaf * b->s.leaf + ct_random(&b->random) % b->s.leaf;
	u64 units = b->s.leaf / b->unit;
	u8 byte = 1;

	x(ct_dma_write(b->s.dev, 0, b->s.iova + offset, &byte, 1));
	memset(&b->owed[leaf * units], 1, units);
}

void bed_scatter(struct bed *b, unsigned int permille, bool clustered)
{
	u64 run;

	for (u64 leaf = 0; leaf < b->leaves; leaf += run) {
		bool dirty = ct_random(&b->random) % 1000 < permille;

		run = clustered ? 1 + ct_random(&b->random) % 150 : 1;
		for (u64 i = leaf; dirty && i < leaf + run && i < b->leaves; i++)
			bed_write(b, i);
	}
}

void bed_expect(struct bed *b, const char *how, u32 flags, u64 first, u64 n, unsigned int fold)
{
	struct ct_bitmap bits;

	ct_bitmap_init(&bits, n >> fold, ct_random(&b->random) % PAGE);
	x(scene_get(&b->s, flags, first * b->unit, n * b->unit, b->unit << fold, bits.bytes));
	ct_bitmap_check_guards(&bits);
	for (u64 bit = 0; bit < bits.nbits; bit++) {
		u64 unit = first + (bit << fold);
		bool owed = memchr(&b->owed[unit], 1, (size_t)1 << fold);

		ct_check(ct_bitmap_test(&bits, bit) == owed,
			 "%s: bit %" PRIu64 " of %" PRIu64 ", IOVA %#" PRIx64 ", is %s", how, bit,
			 bits.nbits, b->s.iova + unit * b->unit,
			 owed ? "clear, and was written: lost" : "set, and nobody wrote there");
	}
	ct_bitmap_free(&bits);
	if (!(flags & IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR))
		memset(&b->owed[first], 0, n);
}

/* Up to a leaf. */
static unsigned int any_fold(struct bed *b)
{
	unsigned int fold = 0;

	while (b->unit << fold < b->s.leaf && ct_random(&b->random) % 2)
		fold++;
	return fold;
}

void bed_expect_all(struct bed *b, const char *how, u32 flags)
{
	bed_expect(b, how, flags, 0, b->units, any_fold(b));
}

void bed_expect_cut(struct bed *b, const char *how, u32 flags)
{
	unsigned int fold = any_fold(b);
	u64 pages = b->units >> fold, first = ct_random(&b->random) % pages;
	u64 n = 1 + ct_random(&b->random) % (pages - first);

	bed_expect(b, how, flags, first << fold, n << fold, fold);
}
