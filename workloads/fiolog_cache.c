/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * By the clock: what PostgreSQL's buffers and, in two lists of it, Linux's page cache go by. Unlike
 * an LRU list it takes frames in the order of memory while nothing is used twice, so that what is
 * read in order lies in order, as it does in memory that is allocated in large pieces.
 */
#include <stdlib.h>
#include <string.h>

#include "fiolog_cache.h"
#include "workload.h"

struct frame {
	uint64_t page;
	uint64_t io; /* that had it last; 0: it is free */
	uint32_t file;
	uint32_t next; /* of the same bucket */
	bool used; /* since the hand came by */
};

struct fiolog_cache {
	uint32_t n, taken; /* frames; those that are not free, the first ones */
	uint32_t hand;
	uint32_t *buckets; /* as many as there are frames */
	struct frame frames[];
};

struct fiolog_cache *fiolog_cache_open(uint32_t frames)
{
	struct fiolog_cache *c = calloc(1, sizeof(*c) + frames * sizeof(struct frame));

	if (!c)
		return NULL;
	c->n = frames;
	c->buckets = malloc(frames * sizeof(*c->buckets));
	if (!c->buckets) {
		free(c);
		return NULL;
	}
	fiolog_cache_clear(c);
	return c;
}

void fiolog_cache_close(struct fiolog_cache *c)
{
	if (!c)
		return;
	free(c->buckets);
	free(c);
}

void fiolog_cache_clear(struct fiolog_cache *c)
{
	c->taken = c->hand = 0;
	memset(c->frames, 0, c->n * sizeof(c->frames[0]));
	memset(c->buckets, 0xff, c->n * sizeof(*c->buckets));
}

static uint32_t *bucket(struct fiolog_cache *c, uint32_t file, uint64_t page)
{
	uint64_t state = page ^ (uint64_t)file << 48;

	return &c->buckets[workload_random(&state) % c->n];
}

static void forget(struct fiolog_cache *c, uint32_t i)
{
	uint32_t *link = bucket(c, c->frames[i].file, c->frames[i].page);

	while (*link != i)
		link = &c->frames[*link].next;
	*link = c->frames[i].next;
}

/* There is one: the present request has fewer pages than there are frames. */
static uint32_t victim(struct fiolog_cache *c, uint64_t io)
{
	for (;;) {
		uint32_t i = c->hand;
		struct frame *f = &c->frames[i];

		c->hand = (i + 1) % c->n;
		if (f->io == io)
			continue;
		if (!f->used)
			return i;
		f->used = false;
	}
}

uint32_t fiolog_cache_frame(struct fiolog_cache *c, uint32_t file, uint64_t page)
{
	uint32_t i = *bucket(c, file, page);

	while (i != FIOLOG_NOT_CACHED && (c->frames[i].page != page || c->frames[i].file != file))
		i = c->frames[i].next;
	return i;
}

bool fiolog_cache_have(struct fiolog_cache *c, uint64_t io, uint32_t file, uint64_t page,
		       uint32_t *frame)
{
	uint32_t i = fiolog_cache_frame(c, file, page);
	uint32_t *first;

	*frame = i;
	if (i != FIOLOG_NOT_CACHED) {
		c->frames[i].io = io;
		c->frames[i].used = true;
		return true;
	}
	if (c->taken < c->n) {
		i = c->taken++;
	} else {
		i = victim(c, io);
		forget(c, i);
	}
	first = bucket(c, file, page);
	c->frames[i] = (struct frame){ .page = page, .io = io, .file = file, .next = *first };
	*first = i;
	*frame = i;
	return false;
}
