/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Between the engines: which there are, and what they do to one entry. Nothing is
 * ordered by the loads of a scan: what it finds is acted on by an atomic operation
 * on the entry itself, or as PGT_MASKED says.
 */
#ifndef IODIRTY_PGTABLE_ENGINES_H
#define IODIRTY_PGTABLE_ENGINES_H

#include "pgtable.h"

extern const struct pgt_engine pgt_engine_entry;
extern const struct pgt_engine pgt_engine_read_first;
extern const struct pgt_engine pgt_engine_swar;
extern const struct pgt_engine pgt_engine_avx2; /* where there is PORT_VECTOR */
extern const struct pgt_engine pgt_engine_avx512;

/* Of a scan that loads entries plainly. Hardware sets bits meanwhile: each is what it was
 * at some moment. */
#define PGT_PLAIN __attribute__((no_sanitize("thread")))

static inline u64 pgt_read_entry(const u64 *entry)
{
	return __atomic_load_n(entry, __ATOMIC_RELAXED);
}

/* Ask for the cache lines of 64 entries. */
static inline void pgt_fetch(const u64 *entries)
{
	unsigned int i;

#pragma GCC unroll 8
	for (i = 0; i < 64; i += PORT_CACHE_LINE / sizeof(*entries))
		__builtin_prefetch(&entries[i]);
}

/* A plain store of 8 bytes: PGT_MASKED. */
static inline void pgt_store_clean(const struct pgt_format *fmt, u64 *entry)
{
	u64 v = pgt_read_entry(entry);

	__atomic_store_n(entry, (v & ~fmt->clean_clear) | fmt->clean_set, __ATOMIC_RELAXED);
}

/* Bits of the words that @words names; for callers whose target counts in one instruction. */
static inline __attribute__((always_inline)) u64 pgt_count(unsigned int words, const u64 *dirty)
{
	u64 n = 0;

	for (; words; words &= words - 1)
		n += __builtin_popcountll(dirty[port_ctz(words)]);
	return n;
}

/* Each of @dirty, of 64 entries from @entries on; how many. Results are not used, so that
 * each is one instruction where the processor has such. */
static inline u64 pgt_lock_clean_word(const struct pgt_format *fmt, u64 *entries, u64 dirty)
{
	u64 keep = ~fmt->clean_clear, set = fmt->clean_set, n = 0;

	if (set)
		for (; dirty; dirty &= dirty - 1, n++)
			port_fetch_or(&entries[port_ctz(dirty)], set);
	else
		for (; dirty; dirty &= dirty - 1, n++)
			port_fetch_and(&entries[port_ctz(dirty)], keep);
	return n;
}

static inline u64 pgt_store_clean_word(const struct pgt_format *fmt, u64 *entries, u64 dirty)
{
	u64 n = 0;

	for (; dirty; dirty &= dirty - 1, n++)
		pgt_store_clean(fmt, &entries[port_ctz(dirty)]);
	return n;
}

/* How a scalar engine cleans: pgt_engine.clean. */
u64 pgt_clean_entries(const struct pgt_format *fmt, u64 *entries, unsigned int words,
		      const u64 *dirty, enum pgt_clear clear);

/* PGT_SEVERAL, or 0: of the dirty entries that an engine found by itself. */
unsigned int pgt_several(const struct pgt_format *fmt, const u64 *entries, unsigned int words,
			 const u64 *dirty);

#endif
