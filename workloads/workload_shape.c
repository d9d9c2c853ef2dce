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

struct workload *workload_of_shapes(const struct shape *const *list, unsigned int n,
				    const struct workload_options *o, char error[WORKLOAD_ERROR])
{
	struct shaped *s = calloc(1, sizeof(*s));
	unsigned int least = n, devices;
	size_t used = 0;

	snprintf(error, WORKLOAD_ERROR, "%s", "no memory");
	if (!s)
		return NULL;
	for (unsigned int i = 0; i < n; i++)
		least = list[i]->devices > least ? list[i]->devices : least;
	devices = o->devices ? o->devices : least;
	if (devices < least || devices > WORKLOAD_DEVICES || (o->own_rate && !o->rate)) {
		snprintf(error, WORKLOAD_ERROR,
			 "workload %s takes %u to %d devices, and a rate: flat out has no time",
			 list[0]->name, least, WORKLOAD_DEVICES);
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
	for (unsigned int i = 0; i < n && used < sizeof(s->w.origin); i++)
		used += snprintf(s->w.origin + used, sizeof(s->w.origin) - used,
				 "%s%s (workloads/shape.c)", i ? "; " : "", list[i]->summary);
	for (unsigned int i = 0; i < devices; i++) {
		list[i % n]->work(i, devices, s->w.iova, s->w.length, &s->work[i]);
		s->work[i].seed = o->seed + i;
		if (o->own_rate)
			s->work[i].rate = o->rate;
	}
	return &s->w;
}

static struct workload *open_shape(const char *name, const struct workload_options *o,
				   char error[WORKLOAD_ERROR])
{
	const struct shape *const list[] = { shape_find(name) };

	return workload_of_shapes(list, 1, o, error);
}

#define SHAPE(shape, words, least)                                             \
	static struct workload *open_##shape(const struct workload_options *o, \
					     char error[WORKLOAD_ERROR])       \
	{                                                                      \
		return open_shape(#shape, o, error);                           \
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
