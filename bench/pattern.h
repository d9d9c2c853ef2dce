/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which leaves are written, and the bitmap that a harvest must then deliver:
 * worked out here from the pattern alone, independently of who is measured.
 */
#ifndef IODIRTY_BENCH_PATTERN_H
#define IODIRTY_BENCH_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Leaves a clustered pattern writes in a row. */
#define PATTERN_RUN 256

/* Put @values in a random order; @seed goes on. */
void pattern_shuffle(uint64_t *values, uint64_t n, uint64_t *seed);

/* A range of @leaves leaves, @pages bits of the bitmap to a leaf (powers of two). */
struct pattern {
	uint64_t leaves, pages;
	size_t words; /* of each bitmap below; owned */
	uint64_t *written; /* a bit a page: one page of each leaf chosen */
	uint64_t *dirty; /* a bit a page: all pages of the leaves chosen */
};

/* 0 or -ENOMEM. */
int pattern_init(struct pattern *p, uint64_t leaves, uint64_t pages);
void pattern_fini(struct pattern *p);

/*
 * Choose exactly @permille of the leaves, at least one unless it is 0: each by
 * itself, or (@clustered) in naturally aligned runs of PATTERN_RUN. The same
 * @seed chooses the same. Returns how many leaves.
 */
uint64_t pattern_choose(struct pattern *p, unsigned int permille, bool clustered, uint64_t seed);

/* A bit of @to is set where one of 1 << @lg2 of @from is. @to has room for a word more. */
void pattern_fold(uint64_t *to, const uint64_t *from, size_t words, unsigned int lg2);

/* Bits set. */
uint64_t pattern_count(const uint64_t *a, size_t words);
/* Bits set in @a and not in @b. */
uint64_t pattern_beyond(const uint64_t *a, const uint64_t *b, size_t words);

#endif
