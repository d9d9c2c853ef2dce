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
	uint64_t random; /* of workload_random() */
	/* devices.c's */
	struct access batch[DEVICE_BATCH];
	unsigned int n, at; /* in it, and given out */
	unsigned int index;
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

void device_access(struct device *d, uint64_t ns, uint64_t iova, uint64_t length, bool write);
/* When event @n comes. */
uint64_t device_due(const struct device *d, uint64_t n);
/* 0 to @n - 1. */
uint64_t device_random(struct device *d, uint64_t n);

#endif
