/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A workload: what devices read and write, and when, as a stream of accesses in the order
 * of time. It is the same stream each time it is opened with the same options, whoever
 * looks at it: what performs it as DMA, what writes it to a trace, what predicts from it.
 *
 * A workload is used by one thread at a time.
 */
#ifndef IODIRTY_WORKLOADS_WORKLOAD_H
#define IODIRTY_WORKLOADS_WORKLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORKLOAD_DEVICES 16 /* the most */
#define WORKLOAD_ERROR 256
/* Where the memory of workloads that are made here begins: beyond what platforms reserve. */
#define WORKLOAD_IOVA ((uint64_t)4 << 30)

/* One request of a device. */
struct access {
	uint64_t ns; /* since the beginning; no less than of the one before */
	uint64_t iova, length; /* bytes; a byte at the least, all within the workload's memory */
	uint32_t device; /* from 0 on */
	uint32_t pasid; /* 0: the device's own requests */
	bool write; /* memory is written; else read, which leaves it clean */
};

struct workload_options {
	uint64_t memory; /* bytes of it, of 4 KiB; a trace has its own */
	uint64_t seed;
	unsigned int devices; /* 0: as many as it has by itself */
	/* @rate a second of each device, not theirs: writes of a shape, frames, commands, steps or
	 * events of a device. A trace has its own. */
	bool own_rate;
	uint64_t rate;
};

struct workload {
	char name[128];
	char origin[512]; /* what it is, and where its numbers are from, in words */
	uint64_t iova, length; /* of the memory, bytes */
	unsigned int devices;
	uint64_t ns; /* when it is over; 0: it has no end */
	/* Addresses are no device's: an access pattern that is taken as if they were. */
	bool pattern;
	char error[WORKLOAD_ERROR]; /* why next() failed */

	/* 1: *out is the next access; 0: that was all; or -errno, with @error. */
	int (*next)(struct workload *w, struct access *out);
	/* Begin again. */
	void (*rewind)(struct workload *w);
	void (*close)(struct workload *w);
};

/* One that has a name. */
struct workload_kind {
	const char *name, *summary;
	unsigned int devices; /* at the least */
	uint64_t memory; /* the least it takes, bytes */
	/* NULL, with @error saying why. */
	struct workload *(*open)(const struct workload_options *o, char error[WORKLOAD_ERROR]);
};

/* Ended by NULL. */
extern const struct workload_kind *const workload_kinds[];

/*
 * @name: of a kind; of a job of fio (workloads/NAME.fio), of which `make traces` has made a
 * trace; a file, if there is a '/' or a '.' in it; or several, as "A+B", each with devices of
 * its own, over the same memory. NULL, with @error saying why and what to do.
 */
struct workload *workload_open(const char *name, const struct workload_options *o,
			       char error[WORKLOAD_ERROR]);
void workload_close(struct workload *w);

/* @w, which is its from here on, and again when it is over. One with nothing in it is refused:
 * NULL. */
struct workload *workload_endless(struct workload *w);

/* The @index-th name that workload_open() knows, with a line about it; NULL: there are no more. */
const char *workload_name(unsigned int index, const char **summary);

/* A uniform number of 64 bits from a state: SplitMix64, as struct iodirty_stream_start has it. */
static inline uint64_t workload_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

#endif
