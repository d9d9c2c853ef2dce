/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A cache line of eight entries at a time, by AVX-512. */
#include "engines.h"

#ifdef PORT_VECTOR

#include "vector.h"

/* Fewer dirty entries than this are stored one by one. */
#define FEW 24

PORT_AVX512 PGT_PLAIN static inline u64 scan_word(const u64 *entries, __m512i mask, __m512i value,
						  __m512i *all)
{
	u64 w = 0;
	unsigned int i;

#pragma GCC unroll 8
	for (i = 0; i < 8; i++) {
		__m512i v = _mm512_load_si512((const __m512i *)entries + i);
		__mmask8 is = _mm512_cmpeq_epi64_mask(_mm512_and_si512(v, mask), value);

		*all = _mm512_or_si512(*all, v);
		w |= (u64)_cvtmask8_u32(is) << 8 * i;
	}
	return w;
}

PORT_AVX512 PGT_PLAIN static unsigned int scan(const struct pgt_scan *s, u64 *dirty)
{
	const struct pgt_format *fmt = s->fmt;
	const __m512i mask = _mm512_set1_epi64((long long)fmt->dirty_mask);
	const __m512i value = _mm512_set1_epi64((long long)fmt->dirty_value);
	const __m512i several = _mm512_set1_epi64((long long)fmt->several);
	__m512i all = _mm512_setzero_si512();
	const u64 *entries = &s->table[s->lo & ~63U];
	unsigned int n = s->hi / 64 - s->lo / 64 + 1, words = 0, i;

	for (i = 0; i < n; i++) {
		pgt_fetch(&s->ahead[i * 64]);
		dirty[i] = scan_word(&entries[i * 64], mask, value, &all);
		words |= (unsigned int)!!dirty[i] << i;
	}
	/* an entry has them all only if all have one that has them */
	if (fmt->several && words &&
	    _mm512_cmpeq_epi64_mask(_mm512_and_si512(all, several), several))
		words |= PGT_SEVERAL;
	return words;
}

/* The lanes of @dirty, and no others. */
PORT_AVX512 PGT_PLAIN static inline void store_word(u64 *entries, u64 dirty, __m512i clear,
						    __m512i set)
{
	unsigned int i;

#pragma GCC unroll 8
	for (i = 0; i < 64; i += 8) {
		__m512i v = _mm512_load_si512(entries + i);

		v = _mm512_or_si512(_mm512_andnot_si512(clear, v), set);
		_mm512_mask_store_epi64(entries + i, (__mmask8)(dirty >> i), v);
	}
}

PORT_AVX512 static u64 clean(const struct pgt_format *fmt, u64 *entries, unsigned int words,
			     const u64 *dirty, enum pgt_clear clear)
{
	const __m512i clear_bits = _mm512_set1_epi64((long long)fmt->clean_clear);
	const __m512i set_bits = _mm512_set1_epi64((long long)fmt->clean_set);
	unsigned int i;
	u64 n = pgt_count(words, dirty);

	if (clear == PGT_LOCKED || n < FEW)
		return pgt_clean_entries(fmt, entries, words, dirty, clear);
	for (; words; words &= words - 1) {
		i = port_ctz(words);
		store_word(&entries[i * 64], dirty[i], clear_bits, set_bits);
	}
	return n;
}

const struct pgt_engine pgt_engine_avx512 = {
	.name = "avx512",
	.summary = "eight entries at a time, by AVX-512",
	.usable = port_has_avx512,
	.scan = scan,
	.clean = clean,
};

#endif
