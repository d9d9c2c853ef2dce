/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices.h"

#define SECOND ((uint64_t)1000000000)

struct devices {
	struct workload w;
	const struct device_model *model;
	uint64_t seed, rate;
	struct device *device[WORKLOAD_DEVICES];
};

void device_access(struct device *d, uint64_t ns, uint64_t iova, uint64_t length, bool write)
{
	d->batch[d->n++] = (struct access){
		.ns = ns,
		.iova = iova,
		.length = length,
		.device = d->index,
		.write = write,
	};
}

uint64_t device_due(const struct device *d, uint64_t n)
{
	return n / d->rate * SECOND + n % d->rate * SECOND / d->rate;
}

uint64_t device_random(struct device *d, uint64_t n)
{
	return workload_random(&d->random) % n;
}

static int devices_next(struct workload *w, struct access *out)
{
	struct devices *s = (struct devices *)w;
	struct device *first = NULL;

	for (unsigned int i = 0; i < w->devices; i++) {
		struct device *d = s->device[i];

		if (d->at == d->n) {
			d->at = d->n = 0;
			s->model->more(d);
		}
		if (!first || d->batch[d->at].ns < first->batch[first->at].ns)
			first = d;
	}
	*out = first->batch[first->at++];
	return 1;
}

static void devices_rewind(struct workload *w)
{
	struct devices *s = (struct devices *)w;
	uint64_t share = w->length / w->devices / DEVICE_PAGE * DEVICE_PAGE;

	for (unsigned int i = 0; i < w->devices; i++) {
		struct device *d = s->device[i];

		memset(d, 0, s->model->size);
		d->index = i;
		d->iova = w->iova + i * share;
		d->length = share;
		d->rate = s->rate;
		d->random = s->seed + i;
		/* Neighbouring seeds are no neighbours in the sequence. */
		d->random = workload_random(&d->random);
		s->model->begin(d);
	}
}

static void devices_close(struct workload *w)
{
	struct devices *s = (struct devices *)w;

	for (unsigned int i = 0; i < w->devices; i++)
		free(s->device[i]);
	free(s);
}

/* What is asked for that cannot be. */
static bool refused(const char *name, const struct device_model *model,
		    const struct workload_options *o, unsigned int devices,
		    char error[WORKLOAD_ERROR])
{
	if (devices > WORKLOAD_DEVICES)
		snprintf(error, WORKLOAD_ERROR, "workload %s takes %d devices at most", name,
			 WORKLOAD_DEVICES);
	else if (o->own_rate && (!o->rate || o->rate > SECOND))
		snprintf(error, WORKLOAD_ERROR,
			 "workload %s takes a rate from 1 to %" PRIu64 " a second", name, SECOND);
	else if (o->memory / devices / DEVICE_PAGE * DEVICE_PAGE < model->memory)
		snprintf(error, WORKLOAD_ERROR,
			 "workload %s takes %" PRIu64 " KiB of memory at least for each device",
			 name, model->memory >> 10);
	else
		return false;
	return true;
}

struct workload *devices_open(const char *name, const struct device_model *model,
			      const struct workload_options *o, char error[WORKLOAD_ERROR])
{
	unsigned int devices = o->devices ? o->devices : 1;
	struct devices *s;

	if (refused(name, model, o, devices, error))
		return NULL;
	snprintf(error, WORKLOAD_ERROR, "%s", "no memory");
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->w = (struct workload){
		.iova = WORKLOAD_IOVA,
		.length = o->memory,
		.devices = devices,
		.next = devices_next,
		.rewind = devices_rewind,
		.close = devices_close,
	};
	snprintf(s->w.origin, sizeof(s->w.origin), "%s", model->origin);
	s->model = model;
	s->seed = o->seed;
	s->rate = o->own_rate ? o->rate : model->rate;
	for (unsigned int i = 0; i < devices; i++) {
		s->device[i] = malloc(model->size);
		if (!s->device[i]) {
			devices_close(&s->w);
			return NULL;
		}
	}
	devices_rewind(&s->w);
	return &s->w;
}
