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

/* Made clean; results of the atomic operations are not used, so that each is one
 * instruction where the processor has such. */
static inline __attribute__((always_inline)) void pgt_clean_entry(const struct pgt_format *fmt,
								  u64 *entry, enum pgt_clear clear)
{
	if (clear == PGT_MASKED)
		pgt_store_clean(fmt, entry);
	else if (fmt->clean_set)
		port_fetch_or(entry, fmt->clean_set);
	else
		port_fetch_and(entry, ~fmt->clean_clear);
}

/* Bits of the words that @words names; for callers whose target counts in one instruction. */
static inline __attribute__((always_inline)) unsigned int pgt_count(unsigned int words,
								    const u64 *dirty)
{
	unsigned int n = 0, w, end = port_lg2(words);

	for (w = port_ctz(words); w <= end; w++)
		n += (unsigned int)__builtin_popcountll(dirty[w]);
	return n;
}

/* A word with so few bits is sparse. */
#define PGT_SPARSE 4

/*
 * Which entries the sparse words of @words have, one after the other: a loop for each word
 * would leave it at another turn each time, which no processor foresees. The other words,
 * of @dense. @at has places for PGT_SPARSE more than there can be.
 */
struct pgt_few {
	unsigned int n, dense;
	u16 at[PGT_SCAN_WORDS * PGT_SPARSE + PGT_SPARSE];
};

static inline __attribute__((always_inline)) void pgt_find_few(unsigned int words, const u64 *dirty,
							       struct pgt_few *few)
{
	unsigned int w, i, count, end = port_lg2(words);

	few->n = 0;
	few->dense = 0;
	for (w = port_ctz(words); w <= end; w++) {
		u64 left = dirty[w];

		count = 0;
#pragma GCC unroll 4
		for (i = 0; i < PGT_SPARSE; i++) {
			few->at[few->n + i] = w * 64 + port_ctz(left | 1ULL << 63);
			count += !!left;
			left &= left - 1;
		}
		if (left)
			few->dense |= 1U << w;
		else
			few->n += count;
	}
}

/* How a scalar engine cleans: pgt_engine.clean. */
u64 pgt_clean_entries(const struct pgt_format *fmt, u64 *entries, unsigned int words,
		      const u64 *dirty, enum pgt_clear clear);

/* PGT_SEVERAL, or 0: of the dirty entries that an engine found by itself. */
unsigned int pgt_several(const struct pgt_format *fmt, const u64 *entries, unsigned int words,
			 const u64 *dirty);

#endif
