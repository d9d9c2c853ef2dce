/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Engines for any processor, and without a vector unit: read-first and swar. */
#include "engines.h"

static inline __attribute__((always_inline)) u64 clean_all(const struct pgt_format *fmt,
							   u64 *entries, unsigned int words,
							   const u64 *dirty, enum pgt_clear clear)
{
	struct pgt_few few;
	unsigned int i;
	u64 n, left;

	pgt_find_few(words, dirty, &few);
	for (i = 0; i < few.n; i++)
		pgt_clean_entry(fmt, &entries[few.at[i]], clear);
	for (n = few.n; few.dense; few.dense &= few.dense - 1) {
		i = port_ctz(few.dense);
		for (left = dirty[i]; left; left &= left - 1, n++)
			pgt_clean_entry(fmt, &entries[i * 64 + port_ctz(left)], clear);
	}
	return n;
}

u64 pgt_clean_entries(const struct pgt_format *fmt, u64 *entries, unsigned int words,
		      const u64 *dirty, enum pgt_clear clear)
{
	return clear == PGT_MASKED ? clean_all(fmt, entries, words, dirty, PGT_MASKED) :
				     clean_all(fmt, entries, words, dirty, PGT_LOCKED);
}

unsigned int pgt_several(const struct pgt_format *fmt, const u64 *entries, unsigned int words,
			 const u64 *dirty)
{
	u64 all = 0;

	if (!fmt->several)
		return 0;
	for (; words; words &= words - 1) {
		unsigned int w = port_ctz(words);
		u64 left = dirty[w];

		for (; left; left &= left - 1)
			all |= pgt_read_entry(&entries[w * 64 + port_ctz(left)]);
	}
	return (all & fmt->several) == fmt->several ? PGT_SEVERAL : 0;
}

/* ---- read-first: one after the other ---- */

static unsigned int scan_entries(const struct pgt_scan *s, u64 *dirty)
{
	const struct pgt_format *fmt = s->fmt;
	unsigned int first = s->lo / 64, words = 0, i;

	for (i = first; i <= s->hi / 64; i++)
		dirty[i - first] = 0;
	for (i = s->lo; i <= s->hi; i++) {
		if ((pgt_read_entry(&s->table[i]) & fmt->dirty_mask) == fmt->dirty_value) {
			dirty[i / 64 - first] |= 1ULL << (i % 64);
			words |= 1U << (i / 64 - first);
		}
	}
	return words | pgt_several(fmt, &s->table[first * 64], words, dirty);
}

const struct pgt_engine pgt_engine_read_first = {
	.name = "read-first",
	.summary = "one entry at a time, which is written only if dirty",
	.scan = scan_entries,
	.clean = pgt_clean_entries,
};

/* ---- swar: 64 to a word, a cache line at a time ---- */

/*
 * An entry is dirty if, with @flip's bits inverted, it has all of @mask. Can one of these
 * eight be? Where all bits must be set: what is set in any of them. Where some must be
 * clear: what is set in all of them.
 *
 * Plain loads: an entry is as it was at some moment, and what is decided by is read again.
 */
PGT_PLAIN static inline __attribute__((always_inline)) bool may_be_dirty(const u64 *e, u64 mask,
									 u64 flip)
{
	if (flip)
		return !(e[0] & e[1] & e[2] & e[3] & e[4] & e[5] & e[6] & e[7] & flip);
	return ((e[0] | e[1] | e[2] | e[3] | e[4] | e[5] | e[6] | e[7]) & mask) == mask;
}

/* Entry i's bit is the borrow of a comparison, shifted into a word from below: what @mask
 * leaves of a dirty entry, and of no other, is no less than @mask. */
static inline __attribute__((always_inline)) u64 scan_line(const u64 *entries, u64 mask, u64 flip,
							   u64 *all)
{
	unsigned int i = 8;
	u64 w = 0;

#pragma GCC unroll 8
	while (i--) {
		u64 entry = pgt_read_entry(&entries[i]);

		*all |= entry;
		w = w + w + (((entry ^ flip) & mask) < mask);
	}
	return w ^ 0xff;
}

PGT_PLAIN static inline __attribute__((always_inline)) unsigned int
scan_lines(const struct pgt_scan *s, u64 mask, u64 flip, u64 *dirty)
{
	unsigned int n = s->hi / 64 - s->lo / 64 + 1, words = 0, lines, i, k;
	const u64 *entries = &s->table[s->lo & ~63U];
	u64 several = s->fmt->several, all = 0;

	for (i = 0; i < n; i++, entries += 64) {
		pgt_fetch(&s->ahead[i * 64]);
		lines = 0;
#pragma GCC unroll 8
		for (k = 0; k < 8; k++)
			lines |= (unsigned int)may_be_dirty(&entries[8 * k], mask, flip) << k;
		dirty[i] = 0;
		for (; lines; lines &= lines - 1) {
			k = 8 * port_ctz(lines);
			dirty[i] |= scan_line(&entries[k], mask, flip, &all) << k;
		}
		words |= (unsigned int)!!dirty[i] << i;
	}
	/* an entry has them all only if all have one that has them */
	return words | (words && several && (all & several) == several ? PGT_SEVERAL : 0);
}

PGT_PLAIN static unsigned int scan_words(const struct pgt_scan *s, u64 *dirty)
{
	u64 mask = s->fmt->dirty_mask, flip = mask ^ s->fmt->dirty_value;

	return flip ? scan_lines(s, mask, flip, dirty) : scan_lines(s, mask, 0, dirty);
}

const struct pgt_engine pgt_engine_swar = {
	.name = "swar",
	.summary = "a cache line of entries at a time, on any processor",
	.scan = scan_words,
	.clean = pgt_clean_entries,
};
