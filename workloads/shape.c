/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The shapes. Rates are writes a second of a device. They are round, and low enough that
 * a copy by one processor is faster than they are; --rate takes any other. A write is 8
 * bytes, and dirties its page as a whole one would.
 */
#include <string.h>

#include "shape.h"

static void random_pages(struct iodirty_stream_start *out, uint64_t iova, uint64_t length,
			 uint64_t rate)
{
	out->pattern = IODIRTY_PATTERN_RANDOM;
	out->iova = iova;
	out->length = length;
	out->stride = SHAPE_PAGE;
	out->rate = rate;
}

/*
 * No locality at all: what a tracker likes least, and precopy too, as nothing is written
 * twice. 20,000 pages a second are 80 MB/s: what a database's random 4 KiB reads bring in
 * from one SATA drive at its limit.
 */
static void uniform(unsigned int index, unsigned int n, uint64_t iova, uint64_t length,
		    struct iodirty_stream_start *out)
{
	(void)index;
	(void)n;
	random_pages(out, iova, length, 20000);
}

/*
 * Nine writes in ten go to a tenth of memory: locality as YCSB's "hotspot" has it, whose
 * default is 8 in 10 to a fifth. The last device is the one that goes everywhere.
 */
static void hot(unsigned int index, unsigned int n, uint64_t iova, uint64_t length,
		struct iodirty_stream_start *out)
{
	uint64_t tenth = length / 10 / SHAPE_PAGE * SHAPE_PAGE;

	if (index == n - 1)
		random_pages(out, iova, length, 2000);
	else
		random_pages(out, iova, tenth ? tenth : SHAPE_PAGE, 18000 / (n - 1));
}

/*
 * A network card's receive ring: buffers of 2 KiB, one a frame, used in turn. 512 of
 * them are the default of many of Linux's drivers (igb has 256, ixgbe 512, mlx5 1024).
 * 81,274 frames a second are a gigabit of full frames (1538 bytes each on the wire).
 */
static void ring(unsigned int index, unsigned int n, uint64_t iova, uint64_t length,
		 struct iodirty_stream_start *out)
{
	uint64_t size = 512 * 2048, share = length / n / SHAPE_PAGE * SHAPE_PAGE;

	out->pattern = IODIRTY_PATTERN_SEQUENTIAL;
	out->iova = iova + index * share;
	out->length = size < share ? size : share;
	out->stride = 2048;
	out->rate = 81274;
}

/*
 * A sequential read of a drive into the page cache, each page once: 200 MB/s, a hard
 * disk's outer tracks. Each device has a part of memory of its own, and begins again when
 * it is full.
 */
static void append(unsigned int index, unsigned int n, uint64_t iova, uint64_t length,
		   struct iodirty_stream_start *out)
{
	uint64_t share = length / n / SHAPE_PAGE * SHAPE_PAGE;

	out->pattern = IODIRTY_PATTERN_SEQUENTIAL;
	out->iova = iova + index * share;
	out->length = share;
	out->stride = SHAPE_PAGE;
	out->rate = 48828;
}

/* Devices that have nothing to do but keep time: a page of an event queue, 100 times a
 * second. What it costs is what tracking costs by itself. */
static void idle(unsigned int index, unsigned int n, uint64_t iova, uint64_t length,
		 struct iodirty_stream_start *out)
{
	(void)n;
	out->pattern = IODIRTY_PATTERN_SEQUENTIAL;
	out->iova = iova + index * SHAPE_PAGE % length;
	out->length = SHAPE_PAGE;
	out->stride = 16;
	out->rate = 100;
}

const struct shape shapes[] = {
	{ "uniform", "random pages of all memory, 20,000 a second", 1, uniform },
	{ "hot", "9 writes in 10 to a tenth of memory, 20,000 a second in all", 2, hot },
	{ "ring", "a receive ring of 512 buffers of 2 KiB, a gigabit of frames", 1, ring },
	{ "append", "each page once, in order, 200 MB/s", 1, append },
	{ "idle", "one page, 100 times a second", 1, idle },
};

const unsigned int n_shapes = sizeof(shapes) / sizeof(shapes[0]);

const struct shape *shape_find(const char *name)
{
	for (unsigned int i = 0; i < n_shapes; i++)
		if (!strcmp(shapes[i].name, name))
			return &shapes[i];
	return NULL;
}
