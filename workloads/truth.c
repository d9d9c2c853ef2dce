/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
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
	for (unsigned int i = 0; i < TRUTH_SOURCES; i++)
		free(t->lists[i].writes);
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

static struct truth_span span_of(const struct truth *t, unsigned int source, uint64_t n)
{
	uint64_t page;

	if (t->workload)
		return t->lists[source].writes[n];
	page = (truth_iova(&t->work[source], n) - t->iova) / t->page;
	return (struct truth_span){ page, page };
}

static int note_write(struct truth *t, const struct access *a)
{
	struct truth_list *list = &t->lists[a->device];
	uint64_t at = a->iova - t->workload->iova;

	if (list->n == list->room) {
		uint64_t room = list->room ? 2 * list->room : 1024;
		void *writes = realloc(list->writes, room * sizeof(*list->writes));

		if (!writes)
			return -ENOMEM;
		list->writes = writes;
		list->room = room;
	}
	list->writes[list->n++] = (struct truth_span){
		.first = at / t->page,
		.last = (at + a->length - 1) / t->page,
	};
	return 0;
}

/* Read on until each source has as many writes as @counts says. */
static void read_to(struct truth *t, const uint64_t *counts)
{
	struct access a;
	int ret;

	for (unsigned int i = 0; t->workload && !t->error && i < t->n; i++) {
		while (!t->error && t->lists[i].n < counts[i]) {
			ret = t->workload->next(t->workload, &a);
			t->error = ret <= 0 ? (ret ? ret : -ENODATA) :
				   a.write  ? note_write(t, &a) :
					      0;
		}
	}
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
static bool is_lost(const struct truth *t, unsigned int source, uint64_t n, uint64_t page)
{
	unsigned int chance = first_chance(t, source, n);

	return chance && t->reported[page] < chance;
}

struct truth_verdict truth_report(struct truth *t, const struct truth_sample *sample,
				  const uint64_t *bitmap)
{
	const struct truth_sample *before = &t->samples[t->n_samples - 1];
	struct truth_verdict verdict = { 0 };
	unsigned int source;
	uint64_t page, n;

	read_to(t, sample->before);
	if (t->error)
		return verdict;
	for (page = 0; page < t->pages; page++)
		if (truth_bit(bitmap, page))
			t->reported[page] = t->n_samples;
	t->samples[t->n_samples++] = *sample;
	memset(t->scratch, 0, truth_words(t->pages) * sizeof(*t->scratch));
	for (source = 0; source < t->n; source++) {
		for (n = before->before[source]; n < sample->before[source]; n++) {
			struct truth_span span = span_of(t, source, n);

			for (page = span.first; page <= span.last; page++) {
				verdict.written += !truth_bit(t->scratch, page);
				t->scratch[page / 64] |= 1ULL << page % 64;
			}
		}
	}
	/* A page counts once, however often it was written. */
	for (source = 0; source < t->n; source++) {
		for (n = before->before[source]; n < sample->before[source]; n++) {
			struct truth_span span = span_of(t, source, n);

			for (page = span.first; page <= span.last; page++) {
				if (!truth_bit(t->scratch, page) || !is_lost(t, source, n, page))
					continue;
				t->scratch[page / 64] &= ~(1ULL << page % 64);
				verdict.lost++;
			}
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

/* The first of @n @pages, rising, that is no less than @page. */
static size_t lower_bound(const uint64_t *pages, size_t n, uint64_t page)
{
	size_t low = 0;

	while (low < n) {
		size_t middle = low + (n - low) / 2;

		if (pages[middle] < page)
			low = middle + 1;
		else
			n = middle;
	}
	return low;
}

void truth_losses(const struct truth *t, const uint64_t *pages, struct truth_loss *losses, size_t n)
{
	const struct truth_sample *end = &t->samples[t->n_samples - 1];

	memset(losses, 0, n * sizeof(*losses));
	for (unsigned int source = 0; source < t->n; source++) {
		for (uint64_t w = t->samples[0].before[source]; w < end->before[source]; w++) {
			struct truth_span span = span_of(t, source, w);
			size_t i = lower_bound(pages, n, span.first);

			for (; i < n && pages[i] <= span.last; i++) {
				unsigned int report = due(t, source, w);

				if (!is_lost(t, source, w, pages[i]) || report < losses[i].report)
					continue;
				losses[i] = (struct truth_loss){ .found = true,
								 .source = source,
								 .write = w,
								 .report = report };
			}
		}
	}
}
