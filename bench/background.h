/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Harvests by a thread of their own, one after the other, while something else is measured. */
#ifndef IODIRTY_BENCH_BACKGROUND_H
#define IODIRTY_BENCH_BACKGROUND_H

#include <pthread.h>
#include <stdatomic.h>

#include "cells.h"

struct background {
	struct rig *rig;
	pthread_t thread;
	unsigned int most; /* harvests; 0: until told */
	atomic_bool stop;
	atomic_uint begun, ended; /* harvests; all are done when it is joined */
	double wall_ns; /* of all of them */
	int err;
};

/* Everything goes to rig->bitmap, whose bits are only ever set. NULL, or what went wrong: then
 * there is no thread. */
const char *background_start(struct background *b, struct rig *rig, unsigned int most);
/* Waits for it. */
const char *background_stop(struct background *b);

#endif
