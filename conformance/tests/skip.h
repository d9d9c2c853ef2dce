/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the tests of chapter SKIP share: scenes of several leaf tables, and harvests that
 * are told to pass over those that no walk went through.
 */
#ifndef IODIRTY_TESTS_SKIP_H
#define IODIRTY_TESTS_SKIP_H

#include "attach.h"
#include "bits.h"
#include "caches.h"

#define SKIP_NEEDS (TARGET_ENGINE | TARGET_STATS | TARGET_DMA)
#define TABLE_ENTRIES 512 /* of each format that can skip */

static inline const char *skips(const struct ct_config *config)
{
	return config->format.flags & IODIRTY_FORMAT_SKIP ?
		       NULL :
		       "hardware of this format marks no entry that leads to a table";
}

/* As is selected, but that it skips, or does not: 0 or -errno. */
static inline int select_skip(bool on)
{
	struct iodirty_engine e = { .size = sizeof(e), .op = IODIRTY_ENGINE_GET };

	x(ct.t->driver->engine(ct.t, &e));
	e.op = IODIRTY_ENGINE_SELECT;
	e.flags &= ~IODIRTY_ENGINE_SKIP;
	e.flags |= on ? IODIRTY_ENGINE_SKIP : 0;
	return ct.t->driver->engine(ct.t, &e);
}

/* What a table of the smallest leaves translates. */
static inline u64 table_bytes(const struct scene *s)
{
	return s->granule * TABLE_ENTRIES;
}

/* Where table @n of those that lie wholly in the scene begins. */
static inline u64 table_at(const struct scene *s, u64 n)
{
	return align_up(s->iova, table_bytes(s)) - s->iova + n * table_bytes(s);
}

/*
 * @tables leaf tables, and some leaves of one before and one after them; tracked, by
 * harvests that skip, and of which the first is done: no A is set any more in entries
 * that lead to those tables.
 */
static inline void skip_open(struct scene *s, u64 tables, const struct scene_options *o)
{
	struct scene_options options = *o;

	options.leaves = tables * TABLE_ENTRIES + 4;
	scene_open_options(s, &options);
	x(select_skip(true));
	ct_check(table_at(s, tables) < s->length, "the scene has no %llu tables",
		 (unsigned long long)tables);
	expect_all(s);
}

static inline void read_leaf(const struct scene *s, u64 offset)
{
	u8 byte;

	x(ct_dma_read(s->dev, 0, s->iova + offset, &byte, 1));
}

static inline struct iodirty_stats counts(void)
{
	struct iodirty_stats stats = { .size = sizeof(stats) };

	x(ct.t->driver->stats(ct.t, &stats));
	return stats;
}

#endif
