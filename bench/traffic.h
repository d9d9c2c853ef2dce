/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A device that writes to pages, the smallest leaves, by itself while there are harvests, and what each of these must
 * then report: worked out from how many writes were complete just before and after it,
 * and from the sequence that abi/iodirty.h publishes.
 */
#ifndef IODIRTY_BENCH_TRAFFIC_H
#define IODIRTY_BENCH_TRAFFIC_H

#include "cells.h"

struct traffic {
	struct rig *rig;
	struct iodirty_stream_start stream;
	uint64_t before, after; /* writes complete before and after the last harvest */
	uint64_t harvests;
	/* The writes that were under way then, of these numbers: has a harvest reported their
	 * page since they may have begun? */
	bool before_seen, after_seen;
	uint64_t *last; /* the bitmap of the last harvest */
	uint64_t *may, *must, *either;
};

/* Random pages of the first @length bytes, @rate writes a second or, 0, flat out. Nothing
 * is dirty yet. NULL, or what went wrong; either way it is to be closed. */
const char *traffic_open(struct traffic *t, struct rig *rig, uint64_t length, uint64_t rate);
/* Stops the device. */
void traffic_close(struct traffic *t);

/* Writes complete so far. */
const char *traffic_count(struct traffic *t, uint64_t *count);
/* Harvest the whole range; hold the bitmap against what was written (rig->written is what
 * was reported and written). Tells the thread's time of the harvest alone. */
const char *traffic_harvest(struct traffic *t, double *ns);

#endif
