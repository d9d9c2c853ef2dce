/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Loops of read.c for x86-64 with vectors: wide, from two places at once (two streams for
 * the processor to fetch ahead in), or asking for what comes to be fetched past the outer
 * caches.
 */
#include "read.h"

#ifdef PORT_VECTOR

#include "vector.h"

/* As sum_pairs: a torn sum is as good as another. */
#define NO_TSAN __attribute__((no_sanitize("thread")))

#define LINE 8 /* entries of a cache line */

/* The entries before the first whole line, at most @n: how many. */
static inline u64 before_line(const u64 *entries, u64 n)
{
	u64 k = -(u64)entries / sizeof(u64) % LINE;

	return k < n ? k : n;
}

NO_TSAN static u64 sum_some(const u64 *entries, u64 n)
{
	u64 sum = 0;

	while (n--)
		sum += *entries++;
	return sum;
}

/* ---- AVX2 ---- */

struct acc256 {
	__m256i s[4];
};

PORT_AVX2 NO_TSAN static inline void add_lines256(struct acc256 *a, const u64 *entries)
{
	const __m256i *p = (const __m256i *)entries;

	a->s[0] = _mm256_add_epi64(a->s[0], _mm256_load_si256(p));
	a->s[1] = _mm256_add_epi64(a->s[1], _mm256_load_si256(p + 1));
	a->s[2] = _mm256_add_epi64(a->s[2], _mm256_load_si256(p + 2));
	a->s[3] = _mm256_add_epi64(a->s[3], _mm256_load_si256(p + 3));
}

PORT_AVX2 static inline u64 total256(const struct acc256 *a)
{
	__m256i s = _mm256_add_epi64(_mm256_add_epi64(a->s[0], a->s[1]),
				     _mm256_add_epi64(a->s[2], a->s[3]));

	return (u64)_mm256_extract_epi64(s, 0) + (u64)_mm256_extract_epi64(s, 1) +
	       (u64)_mm256_extract_epi64(s, 2) + (u64)_mm256_extract_epi64(s, 3);
}

enum way {
	ONE,
	TWO, /* halves of each span side by side */
	NTA,
};

#define AHEAD 128 /* entries: 1 KiB */

PORT_AVX2 NO_TSAN static inline __attribute__((always_inline)) u64
sum256(const struct pgt_span *spans, u64 n, enum way way)
{
	struct acc256 a = { { _mm256_setzero_si256(), _mm256_setzero_si256(),
			      _mm256_setzero_si256(), _mm256_setzero_si256() } };
	u64 sum = 0;

	for (; n; n--, spans++) {
		const u64 *at = spans->entries, *end = at + spans->n, *other;
		u64 k = before_line(at, spans->n), half;

		sum += sum_some(at, k);
		at += k;
		if (way == TWO) {
			half = (u64)(end - at) / (4 * LINE) * (2 * LINE);
			for (other = at + half; half; half -= 2 * LINE) {
				add_lines256(&a, at);
				add_lines256(&a, other);
				at += 2 * LINE;
				other += 2 * LINE;
			}
			at = other;
		}
		for (; at + 8 * LINE <= end; at += 8 * LINE) {
			for (k = 0; way == NTA && k < 8; k++)
				_mm_prefetch((const char *)(at + AHEAD + k * LINE), _MM_HINT_NTA);
#pragma GCC unroll 4
			for (k = 0; k < 4; k++)
				add_lines256(&a, at + k * 2 * LINE);
		}
		sum += sum_some(at, (u64)(end - at));
	}
	return sum + total256(&a);
}

PORT_AVX2 static u64 sum_avx2(const struct pgt_span *spans, u64 n)
{
	return sum256(spans, n, ONE);
}

PORT_AVX2 static u64 sum_avx2_two(const struct pgt_span *spans, u64 n)
{
	return sum256(spans, n, TWO);
}

PORT_AVX2 static u64 sum_avx2_nta(const struct pgt_span *spans, u64 n)
{
	return sum256(spans, n, NTA);
}

/* ---- AVX-512 ---- */

PORT_AVX512 NO_TSAN static inline __attribute__((always_inline)) u64
sum512(const struct pgt_span *spans, u64 n, enum way way)
{
	__m512i s[4] = { _mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512(),
			 _mm512_setzero_si512() };
	u64 sum = 0, lanes[LINE];
	unsigned int i;

	for (; n; n--, spans++) {
		const u64 *at = spans->entries, *end = at + spans->n, *other;
		u64 k = before_line(at, spans->n), half;

		sum += sum_some(at, k);
		at += k;
		if (way == TWO) {
			half = (u64)(end - at) / (4 * LINE) * (2 * LINE);
			for (other = at + half; half; half -= 2 * LINE) {
				s[0] = _mm512_add_epi64(s[0], _mm512_load_si512(at));
				s[1] = _mm512_add_epi64(s[1], _mm512_load_si512(at + LINE));
				s[2] = _mm512_add_epi64(s[2], _mm512_load_si512(other));
				s[3] = _mm512_add_epi64(s[3], _mm512_load_si512(other + LINE));
				at += 2 * LINE;
				other += 2 * LINE;
			}
			at = other;
		}
		for (; at + 8 * LINE <= end; at += 8 * LINE) {
#pragma GCC unroll 8
			for (k = 0; k < 8; k++)
				s[k % 4] = _mm512_add_epi64(s[k % 4],
							    _mm512_load_si512(at + k * LINE));
		}
		sum += sum_some(at, (u64)(end - at));
	}
	s[0] = _mm512_add_epi64(_mm512_add_epi64(s[0], s[1]), _mm512_add_epi64(s[2], s[3]));
	/* a reduction would be one of signed numbers, which must not overflow */
	_mm512_storeu_si512(lanes, s[0]);
	for (i = 0; i < LINE; i++)
		sum += lanes[i];
	return sum;
}

PORT_AVX512 static u64 sum_avx512(const struct pgt_span *spans, u64 n)
{
	return sum512(spans, n, ONE);
}

PORT_AVX512 static u64 sum_avx512_two(const struct pgt_span *spans, u64 n)
{
	return sum512(spans, n, TWO);
}

#define LOOP(id, title, has)                                                   \
	const struct pgt_read_loop pgt_read_##id = { .name = title,            \
						     .usable = port_has_##has, \
						     .sum = sum_##id }
LOOP(avx2, "avx2", avx2);
LOOP(avx2_two, "avx2-two", avx2);
LOOP(avx2_nta, "avx2-nta", avx2);
LOOP(avx512, "avx512", avx512);
LOOP(avx512_two, "avx512-two", avx512);

#endif
