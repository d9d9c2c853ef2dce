/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A cache line of eight entries at a time, by AVX-512. */
#include "engines.h"

#ifdef PORT_VECTOR

#include "vector.h"

/* Hardware sets bits while we load: a lane is what its entry was at some moment. */
#define NO_TSAN __attribute__((no_sanitize("thread")))

/* Below so many dirty entries of 64 they are stored one by one. */
#define FEW 4

PORT_AVX512 NO_TSAN static inline u64 scan_word(const u64 *entries, __m512i mask, __m512i value,
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

PORT_AVX512 NO_TSAN static unsigned int scan(const struct pgt_format *fmt, unsigned int level,
					     u64 *table, unsigned int lo, unsigned int hi,
					     enum pgt_clear clear, u64 *dirty)
{
	const __m512i mask = _mm512_set1_epi64((long long)fmt->dirty_mask);
	const __m512i value = _mm512_set1_epi64((long long)fmt->dirty_value);
	const __m512i several = _mm512_set1_epi64((long long)fmt->several);
	__m512i all = _mm512_setzero_si512();
	const u64 *entries = &table[lo & ~63U];
	unsigned int n = hi / 64 - lo / 64 + 1, words = 0, i;

	(void)level;
	(void)clear;
	for (i = 0; i < n; i++) {
		dirty[i] = scan_word(&entries[i * 64], mask, value, &all);
		words |= (unsigned int)!!dirty[i] << i;
	}
	/* an entry has them all only if all have one that has them */
	if (fmt->several && words &&
	    _mm512_cmpeq_epi64_mask(_mm512_and_si512(all, several), several))
		words |= PGT_SEVERAL;
	return words;
}

PORT_AVX512 NO_TSAN static u64 clean(const struct pgt_format *fmt, u64 *entries, unsigned int words,
				     const u64 *dirty, enum pgt_clear clear)
{
	const __m512i clear_bits = _mm512_set1_epi64((long long)fmt->clean_clear);
	const __m512i set_bits = _mm512_set1_epi64((long long)fmt->clean_set);
	unsigned int i;
	u64 n = 0;

	for (; words; words &= words - 1) {
		unsigned int w = port_ctz(words);
		u64 *at = &entries[w * 64], word = dirty[w], count = __builtin_popcountll(word);

		n += count;
		if (clear == PGT_LOCKED) {
			pgt_lock_clean_word(fmt, at, word);
			continue;
		}
		if (count < FEW) {
			pgt_store_clean_word(fmt, at, word);
			continue;
		}
#pragma GCC unroll 8
		for (i = 0; i < 8; i++, word >>= 8) {
			__m512i v = _mm512_load_si512((const __m512i *)at + i);

			v = _mm512_or_si512(_mm512_andnot_si512(clear_bits, v), set_bits);
			/* the lanes that were seen dirty, and no others */
			_mm512_mask_store_epi64(at + 8 * i, (__mmask8)word, v);
		}
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
