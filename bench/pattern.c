/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pattern.h"

/* SplitMix64. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

void pattern_shuffle(uint64_t *values, uint64_t n, uint64_t *seed)
{
	for (uint64_t i = n; i > 1; i--) {
		uint64_t j = (next_random(seed) >> 32) * i >> 32, value = values[i - 1];

		values[i - 1] = values[j];
		values[j] = value;
	}
}

static void set_bit(uint64_t *words, uint64_t bit)
{
	words[bit / 64] |= 1ULL << bit % 64;
}

/* @count bits from @first: both powers of two, or multiples of 64. */
static void set_leaf(uint64_t *words, uint64_t first, uint64_t count)
{
	if (count < 64)
		words[first / 64] |= ((1ULL << count) - 1) << first % 64;
	else
		memset(&words[first / 64], 0xff, count / 8);
}

int pattern_init(struct pattern *p, uint64_t leaves, uint64_t pages)
{
	p->leaves = leaves;
	p->pages = pages;
	p->words = (leaves * pages + 63) / 64;
	p->written = calloc(p->words, sizeof(*p->written));
	p->dirty = calloc(p->words, sizeof(*p->dirty));
	if (p->written && p->dirty)
		return 0;
	pattern_fini(p);
	return -ENOMEM;
}

void pattern_fini(struct pattern *p)
{
	free(p->written);
	free(p->dirty);
	*p = (struct pattern){ 0 };
}

uint64_t pattern_choose(struct pattern *p, unsigned int permille, bool clustered, uint64_t seed)
{
	uint64_t run = clustered && p->leaves > PATTERN_RUN ? PATTERN_RUN : 1;
	uint64_t runs = p->leaves / run;
	uint64_t left = (runs * permille + 500) / 1000;
	uint64_t chosen = 0;

	memset(p->written, 0, p->words * sizeof(*p->written));
	memset(p->dirty, 0, p->words * sizeof(*p->dirty));
	if (permille && !left)
		left = 1;
	/* Selection sampling: of the runs still to come, just @left are taken. */
	for (uint64_t i = 0; left; i++) {
		if ((next_random(&seed) >> 32) * (runs - i) >> 32 >= left)
			continue;
		left--;
		chosen += run;
		for (uint64_t leaf = i * run; leaf < (i + 1) * run; leaf++) {
			uint64_t page = leaf * p->pages;

			set_leaf(p->dirty, page, p->pages);
			set_bit(p->written, page + next_random(&seed) % p->pages);
		}
	}
	return chosen;
}

void pattern_fold(uint64_t *to, const uint64_t *from, size_t words, unsigned int lg2)
{
	memset(to, 0, ((words * 64 + (1ULL << lg2) - 1) >> lg2) / 8 + 8);
	for (size_t i = 0; i < words; i++)
		for (uint64_t left = from[i]; left; left &= left - 1)
			set_bit(to, (i * 64 + __builtin_ctzll(left)) >> lg2);
}

uint64_t pattern_count(const uint64_t *a, size_t words)
{
	uint64_t n = 0;

	for (size_t i = 0; i < words; i++)
		n += __builtin_popcountll(a[i]);
	return n;
}

uint64_t pattern_beyond(const uint64_t *a, const uint64_t *b, size_t words)
{
	uint64_t n = 0;

	for (size_t i = 0; i < words; i++)
		n += __builtin_popcountll(a[i] & ~b[i]);
	return n;
}
