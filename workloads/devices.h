/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What workloads of devices share: one or several devices of a model, each with a part of
 * memory, a state and a clock of its own, their accesses in one stream in the order of time.
 * What a device accesses follows from its events (a frame, a command), which come at a rate.
 */
#ifndef IODIRTY_WORKLOADS_DEVICES_H
#define IODIRTY_WORKLOADS_DEVICES_H

#include "workload.h"

#define DEVICE_PAGE ((uint64_t)4096)
#define DEVICE_BATCH 48 /* accesses that one call of more() may add */

/* Each model's own state begins with it. */
struct device {
	uint64_t iova, length; /* of its part of memory */
	uint64_t rate, events; /* events a second; how many there were */
	uint64_t due; /* when the next one comes: events / rate, the rest of which is dropped */
	uint64_t random; /* of workload_random() */
	/* devices.c's */
	struct access batch[DEVICE_BATCH];
	unsigned int n, at; /* in it, and given out */
	unsigned int index;
	/* device_event()'s: what an event adds to @due, and to @rest of it, in nanoseconds / rate. */
	uint64_t step, step_rest, rest;
};

struct device_model {
	const char *origin; /* of struct workload */
	size_t size; /* of the state */
	uint64_t memory; /* the least that a device takes */
	uint64_t rate; /* unless options have one */
	/* The state is zeroed behind struct device: the device is switched on. */
	void (*begin)(struct device *d);
	/* device_access() one time or more, none earlier than what was there before. */
	void (*more)(struct device *d);
};

/* As open() of struct workload_kind. */
struct workload *devices_open(const char *name, const struct device_model *model,
			      const struct workload_options *o, char error[WORKLOAD_ERROR]);

/*
 * Inline are what each access takes: a prediction for terabytes makes billions, and most of @n
 * are constants that nobody has to divide by.
 */
static inline void device_access(struct device *d, uint64_t ns, uint64_t iova, uint64_t length,
				 bool write)
{
	d->batch[d->n++] = (struct access){
		.ns = ns,
		.iova = iova,
		.length = length,
		.device = d->index,
		.write = write,
	};
}

/* An event is over: @events and @due are of the next. */
static inline void device_event(struct device *d)
{
	d->events++;
	d->due += d->step;
	d->rest += d->step_rest;
	if (d->rest >= d->rate) {
		d->rest -= d->rate;
		d->due++;
	}
}

/* 0 to @n - 1. */
static inline uint64_t device_random(struct device *d, uint64_t n)
{
	return workload_random(&d->random) % n;
}

#endif
