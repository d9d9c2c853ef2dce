/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The baseline: an atomic operation on every present leaf, as older kernels do. It writes
 * to each cache line of a table whether or not anything was dirty.
 */
#include "engines.h"

/*
 * What all entries that may be dirty have in common, and the one bit that tells: all
 * formats have exactly one. An entry that may not be dirty (Arm: without DBM) is none of
 * ours: made clean it would be another entry.
 */
struct watch {
	u64 mask, value;
	unsigned int bit;
	bool dirty_is; /* the bit when dirty */
};

static struct watch watch_of(const struct pgt_format *fmt)
{
	u64 bit = fmt->clean_clear | fmt->clean_set;

	return (struct watch){
		.mask = fmt->dirty_mask & ~bit,
		.value = fmt->dirty_value & ~bit,
		.bit = port_ctz(bit),
		.dirty_is = fmt->clean_clear,
	};
}

/* Was it dirty? It is clean now. */
static inline bool test_and_clean(u64 *entry, const struct watch *w)
{
	u64 bit = 1ULL << w->bit;

	if (w->dirty_is)
		return port_fetch_and(entry, ~(1ULL << w->bit)) & bit;
	return !(port_fetch_or(entry, 1ULL << w->bit) & bit);
}

static unsigned int scan(const struct pgt_scan *s, u64 *dirty)
{
	const struct pgt_format *fmt = s->fmt;
	const struct watch w = watch_of(fmt);
	unsigned int first = s->lo / 64, words = 0, i;

	for (i = first; i <= s->hi / 64; i++)
		dirty[i - first] = 0;
	for (i = s->lo; i <= s->hi; i++) {
		u64 entry = pgt_read_entry(&s->table[i]);
		bool was;

		if (!(entry & fmt->present_mask) || (entry & w.mask) != w.value ||
		    (s->level && fmt->is_table(entry, s->level)))
			continue;
		if (s->clear == PGT_LOCKED)
			was = test_and_clean(&s->table[i], &w);
		else
			was = (entry & fmt->dirty_mask) == fmt->dirty_value;
		if (was) {
			dirty[i / 64 - first] |= 1ULL << (i % 64);
			words |= 1U << (i / 64 - first);
		}
	}
	return words | pgt_several(fmt, &s->table[first * 64], words, dirty);
}

/* By plain stores, or done already: how many there were is what is left to say. */
static u64 clean(const struct pgt_format *fmt, u64 *entries, unsigned int words, const u64 *dirty,
		 enum pgt_clear clear)
{
	u64 n = 0, word;

	if (clear == PGT_MASKED)
		return pgt_clean_entries(fmt, entries, words, dirty, clear);
	for (; words; words &= words - 1)
		for (word = dirty[port_ctz(words)]; word; word &= word - 1)
			n++;
	return n;
}

const struct pgt_engine pgt_engine_entry = {
	.name = "entry",
	.summary = "an atomic operation on each entry, dirty or not",
	.scan = scan,
	.clean = clean,
};
