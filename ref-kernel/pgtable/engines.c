/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Ways to find the dirty entries of a table. Nothing is ordered by these loads:
 * what a scan finds is acted on by an atomic operation on the entry itself.
 */
#include "pgtable.h"

static inline u64 is_dirty(const u64 *entry, u64 mask, u64 value)
{
	return (__atomic_load_n(entry, __ATOMIC_RELAXED) & mask) == value;
}

/* No branches but the loop's, and four sums that do not wait for each other. */
static u64 scan_word(const u64 *entries, u64 dirty_mask, u64 dirty_value)
{
	u64 w0 = 0, w1 = 0, w2 = 0, w3 = 0;
	unsigned int i = 16;

	while (i--) {
		w0 = w0 << 1 | is_dirty(entries + i, dirty_mask, dirty_value);
		w1 = w1 << 1 | is_dirty(entries + 16 + i, dirty_mask, dirty_value);
		w2 = w2 << 1 | is_dirty(entries + 32 + i, dirty_mask, dirty_value);
		w3 = w3 << 1 | is_dirty(entries + 48 + i, dirty_mask, dirty_value);
	}
	return w0 | w1 << 16 | w2 << 32 | w3 << 48;
}

static u64 scan_entry(const u64 *entries, u64 dirty_mask, u64 dirty_value)
{
	u64 dirty = 0;
	unsigned int i;

	for (i = 0; i < 64; i++)
		if (is_dirty(entries + i, dirty_mask, dirty_value))
			dirty |= 1ULL << i;
	return dirty;
}

static const struct pgt_engine swar = {
	.name = "swar",
	.summary = "64 entries at a time, without branches",
	.scan = scan_word,
};

static const struct pgt_engine read_first = {
	.name = "read-first",
	.summary = "one entry at a time",
	.scan = scan_entry,
};

const struct pgt_engine *const pgt_engines[] = { &swar, &read_first, NULL };

bool pgt_engine_usable(const struct pgt_engine *engine)
{
	return !engine->usable || engine->usable();
}

const struct pgt_engine *pgt_engine_default(void)
{
	const struct pgt_engine *const *e = pgt_engines;

	while (!pgt_engine_usable(*e))
		e++;
	return *e;
}
