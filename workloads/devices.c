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
	struct device *now; /* whose access is next, if it is before @until */
	uint64_t until;
};

/* Its next access, which it has, always. */
static const struct access *peek(struct devices *s, struct device *d)
{
	if (d->at == d->n) {
		d->at = d->n = 0;
		s->model->more(d);
	}
	return &d->batch[d->at];
}

/* The device whose access is first, and the moment before which no other has one. Of several at
 * one moment the device of the lowest index is first. */
static void choose(struct devices *s)
{
	uint64_t first = 0;

	s->now = NULL;
	s->until = UINT64_MAX;
	for (unsigned int i = 0; i < s->w.devices; i++) {
		uint64_t ns = peek(s, s->device[i])->ns;

		if (!s->now || ns < first) {
			if (s->now)
				s->until = first;
			s->now = s->device[i];
			first = ns;
		} else if (ns < s->until) {
			s->until = ns;
		}
	}
}

static int devices_next(struct workload *w, struct access *out)
{
	struct devices *s = (struct devices *)w;

	if (peek(s, s->now)->ns >= s->until)
		choose(s);
	*out = s->now->batch[s->now->at++];
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
		d->step = SECOND / s->rate;
		d->step_rest = SECOND % s->rate;
		d->random = s->seed + i;
		/* Neighbouring seeds are no neighbours in the sequence. */
		d->random = workload_random(&d->random);
		s->model->begin(d);
	}
	choose(s);
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
