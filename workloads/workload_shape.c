/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Shapes as workloads: the very writes that a device's generator makes if it is told so
 * (struct iodirty_stream_start), each at the moment at which its rate has it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shape.h"
#include "truth.h"
#include "workload_kinds.h"

#define SECOND ((uint64_t)1000000000)
#define WRITE 8 /* bytes */

struct shaped {
	struct workload w;
	struct iodirty_stream_start work[WORKLOAD_DEVICES];
	uint64_t n[WORKLOAD_DEVICES]; /* writes that were made */
};

static uint64_t due(const struct shaped *s, unsigned int device)
{
	uint64_t n = s->n[device], rate = s->work[device].rate;

	return n / rate * SECOND + n % rate * SECOND / rate;
}

static int shaped_next(struct workload *w, struct access *out)
{
	struct shaped *s = (struct shaped *)w;
	unsigned int first = 0;

	for (unsigned int i = 1; i < w->devices; i++)
		if (due(s, i) < due(s, first))
			first = i;
	*out = (struct access){
		.ns = due(s, first),
		.iova = truth_iova(&s->work[first], s->n[first]),
		.length = WRITE,
		.device = first,
		.write = true,
	};
	s->n[first]++;
	return 1;
}

static void shaped_rewind(struct workload *w)
{
	struct shaped *s = (struct shaped *)w;

	memset(s->n, 0, sizeof(s->n));
}

static void shaped_close(struct workload *w)
{
	free(w);
}

static struct workload *shaped_open(const char *name, const struct workload_options *o,
				    char error[WORKLOAD_ERROR])
{
	const struct shape *shape = shape_find(name);
	struct shaped *s = calloc(1, sizeof(*s));
	unsigned int devices = o->devices ? o->devices : shape->devices;

	snprintf(error, WORKLOAD_ERROR, "%s", "no memory");
	if (!s)
		return NULL;
	if (devices < shape->devices || (o->own_rate && !o->rate)) {
		snprintf(error, WORKLOAD_ERROR,
			 "workload %s takes %u devices at least, and a rate: flat out has no time",
			 name, shape->devices);
		free(s);
		return NULL;
	}
	s->w = (struct workload){
		.iova = WORKLOAD_IOVA,
		.length = o->memory,
		.devices = devices,
		.next = shaped_next,
		.rewind = shaped_rewind,
		.close = shaped_close,
	};
	snprintf(s->w.origin, sizeof(s->w.origin), "%s (workloads/shape.c)", shape->summary);
	for (unsigned int i = 0; i < devices; i++) {
		shape->work(i, devices, s->w.iova, s->w.length, &s->work[i]);
		s->work[i].seed = o->seed + i;
		if (o->own_rate)
			s->work[i].rate = o->rate;
	}
	return &s->w;
}

#define SHAPE(shape, words, least)                                             \
	static struct workload *open_##shape(const struct workload_options *o, \
					     char error[WORKLOAD_ERROR])       \
	{                                                                      \
		return shaped_open(#shape, o, error);                          \
	}                                                                      \
	const struct workload_kind workload_##shape = {                        \
		.name = #shape,                                                \
		.summary = words,                                              \
		.devices = least,                                              \
		.memory = 16 * SHAPE_PAGE,                                     \
		.open = open_##shape,                                          \
	}

SHAPE(uniform, "random pages of all memory, 20,000 a second", 1);
SHAPE(hot, "9 writes in 10 to a tenth of memory, 20,000 a second in all", 2);
SHAPE(ring, "a receive ring of 512 buffers of 2 KiB, a gigabit of frames", 1);
SHAPE(append, "each page once, in order, 200 MB/s", 1);
