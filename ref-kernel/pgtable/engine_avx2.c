/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Four entries at a time, by AVX2. */
#include "engines.h"

#ifdef PORT_VECTOR

#include "vector.h"

/* Fewer dirty entries than this are stored one by one. */
#define FEW 24

PORT_AVX2 PGT_PLAIN static inline u64 scan_word(const u64 *entries, __m256i mask, __m256i value,
						__m256i *all)
{
	u64 w = 0;
	unsigned int i;

#pragma GCC unroll 16
	for (i = 0; i < 16; i++) {
		__m256i v = _mm256_load_si256((const __m256i *)entries + i);
		__m256i is = _mm256_cmpeq_epi64(_mm256_and_si256(v, mask), value);

		*all = _mm256_or_si256(*all, v);
		w |= (u64)(unsigned int)_mm256_movemask_pd(_mm256_castsi256_pd(is)) << 4 * i;
	}
	return w;
}

PORT_AVX2 PGT_PLAIN static unsigned int scan(const struct pgt_scan *s, u64 *dirty)
{
	const struct pgt_format *fmt = s->fmt;
	const __m256i mask = _mm256_set1_epi64x((long long)fmt->dirty_mask);
	const __m256i value = _mm256_set1_epi64x((long long)fmt->dirty_value);
	const __m256i several = _mm256_set1_epi64x((long long)fmt->several);
	__m256i all = _mm256_setzero_si256();
	const u64 *entries = &s->table[s->lo & ~63U];
	unsigned int n = s->hi / 64 - s->lo / 64 + 1, words = 0, i;

	for (i = 0; i < n; i++) {
		pgt_fetch(&s->ahead[i * 64]);
		dirty[i] = scan_word(&entries[i * 64], mask, value, &all);
		words |= (unsigned int)!!dirty[i] << i;
	}
	/* an entry has them all only if all have one that has them */
	if (fmt->several && words) {
		all = _mm256_cmpeq_epi64(_mm256_and_si256(all, several), several);
		if (!_mm256_testz_si256(all, all))
			words |= PGT_SEVERAL;
	}
	return words;
}

/* The lanes of @dirty, four bits, and no others are stored. */
PORT_AVX2 PGT_PLAIN static inline void store_lanes(u64 *entries, unsigned int dirty, __m256i clear,
						   __m256i set)
{
	const __m256i bits = _mm256_setr_epi64x(1, 2, 4, 8);
	__m256i lanes = _mm256_and_si256(_mm256_set1_epi64x(dirty), bits);
	__m256i v = _mm256_load_si256((const __m256i *)entries);

	v = _mm256_or_si256(_mm256_andnot_si256(clear, v), set);
	_mm256_maskstore_epi64((long long *)entries, _mm256_cmpeq_epi64(lanes, bits), v);
}

PORT_AVX2 static u64 clean(const struct pgt_format *fmt, u64 *entries, unsigned int words,
			   const u64 *dirty, enum pgt_clear clear)
{
	const __m256i clear_bits = _mm256_set1_epi64x((long long)fmt->clean_clear);
	const __m256i set_bits = _mm256_set1_epi64x((long long)fmt->clean_set);
	unsigned int w, i;
	u64 n = pgt_count(words, dirty);

	if (clear == PGT_LOCKED || n < FEW)
		return pgt_clean_entries(fmt, entries, words, dirty, clear);
	for (; words; words &= words - 1) {
		w = port_ctz(words);
		for (i = 0; i < 64; i += 4)
			store_lanes(&entries[w * 64 + i], dirty[w] >> i & 0xf, clear_bits,
				    set_bits);
	}
	return n;
}

const struct pgt_engine pgt_engine_avx2 = {
	.name = "avx2",
	.summary = "four entries at a time, by AVX2",
	.usable = port_has_avx2,
	.scan = scan,
	.clean = clean,
};

#endif
