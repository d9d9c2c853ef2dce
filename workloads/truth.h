/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What devices truly wrote: computed from what their generators were told (abi/iodirty.h),
 * or from a workload of their accesses, and how many writes are complete, sampled before and
 * after each report. It shares nothing with any tracker, nor with who performs the workload.
 */
#ifndef IODIRTY_WORKLOADS_TRUTH_H
#define IODIRTY_WORKLOADS_TRUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/iodirty.h"
#include "workload.h"

#define TRUTH_SOURCES 16

/* Writes complete, a source each, when one report began and when it had ended. */
struct truth_sample {
	uint64_t before[TRUTH_SOURCES], after[TRUTH_SOURCES];
};

/* The pages of one write, the last one included. */
struct truth_span {
	uint64_t first, last;
};

/* The writes of a device, as far as anybody has asked. */
struct truth_list {
	struct truth_span *writes;
	uint64_t n, room;
};

struct truth {
	uint64_t iova, page, pages; /* of the memory */
	struct iodirty_stream_start work[TRUTH_SOURCES];
	/* Instead of @work: write n of source i is the n-th of device i in it. The caller's, and
	 * read by nobody else; its memory begins at @iova, wherever it has it. */
	struct workload *workload;
	struct truth_list lists[TRUTH_SOURCES];
	int error; /* -errno: it could not be read so far; then no verdict is worth anything */
	unsigned int n; /* sources */
	struct truth_sample *samples; /* [0]: of the start of tracking */
	unsigned int n_samples, room;
	uint64_t *scratch; /* a bit a page */
	uint16_t *reported; /* page: by which report last; 0: none */
};

/* What a report is worth. */
struct truth_verdict {
	uint64_t written; /* pages, since the report before */
	uint64_t lost; /* pages of them that this one should have had */
};

/* For @reports reports at the most. False: no memory. */
bool truth_open(struct truth *t, uint64_t iova, uint64_t length, uint64_t page,
		unsigned int reports);
void truth_close(struct truth *t);

/* Where write @n of a generator goes. */
uint64_t truth_iova(const struct iodirty_stream_start *work, uint64_t n);

/* Tracking has started. */
void truth_begin(struct truth *t, const struct truth_sample *sample);
/* A report is there: hold @bitmap, a bit a page, against what was written. */
struct truth_verdict truth_report(struct truth *t, const struct truth_sample *sample,
				  const uint64_t *bitmap);

/* The last write to a page that no report has had since. */
struct truth_loss {
	bool found;
	unsigned int source;
	uint64_t write;
	unsigned int report; /* that should have had it; the first is 1 */
};
/* Of @n @pages, by number, rising. */
void truth_losses(const struct truth *t, const uint64_t *pages, struct truth_loss *losses,
		  size_t n);

static inline bool truth_bit(const uint64_t *bitmap, uint64_t bit)
{
	return bitmap[bit / 64] >> bit % 64 & 1;
}

static inline uint64_t truth_words(uint64_t bits)
{
	return (bits + 63) / 64;
}

uint64_t truth_count(const uint64_t *bitmap, uint64_t bits);

#endif
