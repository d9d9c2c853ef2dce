/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdlib.h>
#include <string.h>

#include "truth.h"

bool truth_open(struct truth *t, uint64_t iova, uint64_t length, uint64_t page,
		unsigned int reports)
{
	uint64_t pages = length / page;

	*t = (struct truth){ .iova = iova, .page = page, .pages = pages, .room = reports + 1 };
	t->samples = calloc(t->room, sizeof(*t->samples));
	t->scratch = calloc(truth_words(pages), sizeof(*t->scratch));
	t->reported = calloc(pages, sizeof(*t->reported));
	return t->samples && t->scratch && t->reported;
}

void truth_close(struct truth *t)
{
	free(t->samples);
	free(t->scratch);
	free(t->reported);
}

/* As struct iodirty_stream_start has it. */
uint64_t truth_iova(const struct iodirty_stream_start *work, uint64_t n)
{
	uint64_t slots = work->length / work->stride, z = n;

	if (work->pattern == IODIRTY_PATTERN_RANDOM) {
		z = work->seed + (n + 1) * 0x9e3779b97f4a7c15ULL;
		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
		z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
		z ^= z >> 31;
	}
	return work->iova + z % slots * work->stride;
}

uint64_t truth_count(const uint64_t *bitmap, uint64_t bits)
{
	uint64_t count = 0;

	for (uint64_t i = 0; i < truth_words(bits); i++)
		count += __builtin_popcountll(bitmap[i]);
	return count;
}

static uint64_t page_of(const struct truth *t, unsigned int source, uint64_t n)
{
	return (truth_iova(&t->work[source], n) - t->iova) / t->page;
}

void truth_begin(struct truth *t, const struct truth_sample *sample)
{
	t->samples[0] = *sample;
	t->n_samples = 1;
}

/*
 * The first report that may have had write @n. A count is taken when a write is complete
 * and counted: until then its page may be reported, however long that takes.
 */
static unsigned int first_chance(const struct truth *t, unsigned int source, uint64_t n)
{
	unsigned int report = t->n_samples - 1;

	while (report && t->samples[report - 1].after[source] >= n)
		report--;
	return report;
}

/*
 * A write that was counted before a report began must be in it, or in one since it may
 * have begun. What the start of tracking met is in the copy of all memory that follows.
 */
static bool is_lost(const struct truth *t, unsigned int source, uint64_t n)
{
	unsigned int chance = first_chance(t, source, n);

	return chance && t->reported[page_of(t, source, n)] < chance;
}

struct truth_verdict truth_report(struct truth *t, const struct truth_sample *sample,
				  const uint64_t *bitmap)
{
	const struct truth_sample *before = &t->samples[t->n_samples - 1];
	struct truth_verdict verdict = { 0 };
	unsigned int source;
	uint64_t page, n;

	for (page = 0; page < t->pages; page++)
		if (truth_bit(bitmap, page))
			t->reported[page] = t->n_samples;
	t->samples[t->n_samples++] = *sample;
	memset(t->scratch, 0, truth_words(t->pages) * sizeof(*t->scratch));
	for (source = 0; source < t->n; source++) {
		for (n = before->before[source]; n < sample->before[source]; n++) {
			page = page_of(t, source, n);
			verdict.written += !truth_bit(t->scratch, page);
			t->scratch[page / 64] |= 1ULL << page % 64;
		}
	}
	/* A page counts once, however often it was written. */
	for (source = 0; source < t->n; source++) {
		for (n = before->before[source]; n < sample->before[source]; n++) {
			page = page_of(t, source, n);
			if (!truth_bit(t->scratch, page) || !is_lost(t, source, n))
				continue;
			t->scratch[page / 64] &= ~(1ULL << page % 64);
			verdict.lost++;
		}
	}
	return verdict;
}

/* The first report that began when write @n of @source was complete. */
static unsigned int due(const struct truth *t, unsigned int source, uint64_t n)
{
	unsigned int report = 1;

	while (report < t->n_samples - 1 && t->samples[report].before[source] <= n)
		report++;
	return report;
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

void truth_losses(const struct truth *t, const uint64_t *pages, struct truth_loss *losses, size_t n)
{
	const struct truth_sample *end = &t->samples[t->n_samples - 1];

	memset(losses, 0, n * sizeof(*losses));
	for (unsigned int source = 0; source < t->n; source++) {
		for (uint64_t w = t->samples[0].before[source]; w < end->before[source]; w++) {
			uint64_t page = page_of(t, source, w);
			const uint64_t *at = bsearch(&page, pages, n, sizeof(page), by_number);
			struct truth_loss *loss = at ? &losses[at - pages] : NULL;
			unsigned int report;

			if (!loss || !is_lost(t, source, w))
				continue;
			report = due(t, source, w);
			if (report >= loss->report)
				*loss = (struct truth_loss){ .found = true,
							     .source = source,
							     .write = w,
							     .report = report };
		}
	}
}
