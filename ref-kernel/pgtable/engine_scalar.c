/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Engines for any processor, and without a vector unit: read-first and swar. */
#include "engines.h"

u64 pgt_clean_entries(const struct pgt_format *fmt, u64 *entries, unsigned int words,
		      const u64 *dirty, enum pgt_clear clear)
{
	u64 n = 0;

	for (; words; words &= words - 1) {
		unsigned int w = port_ctz(words);

		n += clear == PGT_MASKED ? pgt_store_clean_word(fmt, &entries[w * 64], dirty[w]) :
					   pgt_lock_clean_word(fmt, &entries[w * 64], dirty[w]);
	}
	return n;
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

/* ---- swar: 64 to a word, without a branch ---- */

/*
 * Entry i's bit is the borrow of a comparison, shifted into a word from below. An entry is
 * dirty if, with @flip's bits inverted, it has all of @mask: then and only then what @mask
 * leaves of it is no less than @mask. Four words that do not wait for each other.
 */
static inline u64 scan_word(const u64 *entries, u64 mask, u64 flip)
{
	u64 w0 = 0, w1 = 0, w2 = 0, w3 = 0;
	unsigned int i = 16;

	while (i--) {
		w0 = w0 + w0 + (((pgt_read_entry(entries + i) ^ flip) & mask) < mask);
		w1 = w1 + w1 + (((pgt_read_entry(entries + 16 + i) ^ flip) & mask) < mask);
		w2 = w2 + w2 + (((pgt_read_entry(entries + 32 + i) ^ flip) & mask) < mask);
		w3 = w3 + w3 + (((pgt_read_entry(entries + 48 + i) ^ flip) & mask) < mask);
	}
	return ~(w0 | w1 << 16 | w2 << 32 | w3 << 48);
}

static unsigned int scan_words(const struct pgt_scan *s, u64 *dirty)
{
	u64 mask = s->fmt->dirty_mask, flip = mask ^ s->fmt->dirty_value;
	unsigned int n = s->hi / 64 - s->lo / 64 + 1, words = 0, i;
	const u64 *entries = &s->table[s->lo & ~63U];

	for (i = 0; i < n; i++) {
		pgt_fetch(&s->ahead[i * 64]);
		dirty[i] = flip ? scan_word(&entries[i * 64], mask, flip) :
				  scan_word(&entries[i * 64], mask, 0);
		words |= (unsigned int)!!dirty[i] << i;
	}
	return words | pgt_several(s->fmt, entries, words, dirty);
}

const struct pgt_engine pgt_engine_swar = {
	.name = "swar",
	.summary = "64 entries to a word, without branches, on any processor",
	.scan = scan_words,
	.clean = pgt_clean_entries,
};
