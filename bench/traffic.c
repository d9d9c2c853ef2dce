/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "traffic.h"

/* Of write @n: the sequence of struct iodirty_stream_start. */
static uint64_t page_of(const struct traffic *t, uint64_t n)
{
	const struct iodirty_stream_start *s = &t->stream;
	uint64_t z = s->seed + (n + 1) * 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	z ^= z >> 31;
	return z % (s->length / s->stride) * s->stride / t->rig->space.page;
}

/* Writes @first to @end - 1. */
static void add_writes(const struct traffic *t, uint64_t *bitmap, uint64_t first, uint64_t end)
{
	for (uint64_t n = first; n < end; n++) {
		uint64_t page = page_of(t, n);

		bitmap[page / 64] |= 1ULL << page % 64;
	}
}

const char *traffic_open(struct traffic *t, struct rig *rig, uint64_t length, uint64_t rate)
{
	struct space *s = &rig->space;
	size_t words = rig->pattern.words;
	int err;

	*t = (struct traffic){
		.rig = rig,
		.last = calloc(words, sizeof(*t->last)),
		.may = calloc(words, sizeof(*t->may)),
		.must = calloc(words, sizeof(*t->must)),
		.either = calloc(words, sizeof(*t->either)),
		.stream = {
			.size = sizeof(t->stream),
			.pattern = IODIRTY_PATTERN_RANDOM,
			.dev_id = s->dev,
			.iova = s->iova,
			.length = length,
			.stride = s->page,
			.rate = rate,
		},
	};
	if (!t->last || !t->may || !t->must || !t->either)
		return "no memory for what is expected";
	err = s->t->driver->stream_start(s->t, &t->stream);
	return err ? rig_failed(rig, err, "the device does not begin to write") : NULL;
}

static int query(struct traffic *t, uint32_t flags, struct iodirty_stream_query *q)
{
	*q = (struct iodirty_stream_query){
		.size = sizeof(*q),
		.flags = flags,
		.stream_id = t->stream.out_stream_id,
	};
	return t->rig->space.t->driver->stream_query(t->rig->space.t, q);
}

void traffic_close(struct traffic *t)
{
	struct iodirty_stream_query q;

	if (t->stream.out_stream_id)
		query(t, IODIRTY_STREAM_STOP, &q);
	free(t->last);
	free(t->may);
	free(t->must);
	free(t->either);
}

const char *traffic_count(struct traffic *t, uint64_t *count)
{
	struct iodirty_stream_query q;
	int err = query(t, 0, &q);

	*count = q.out_completed;
	if (!err && q.out_faults)
		return "a write of the device faulted";
	return err ? rig_failed(t->rig, err, "the device does not say how far it is") : NULL;
}

static bool is_reported(const struct traffic *t, uint64_t n)
{
	uint64_t page = page_of(t, n);

	return t->rig->bitmap[page / 64] >> page % 64 & 1;
}

/* What was under way when this harvest began, and when it ended: it may have been so
 * for several harvests, and have been reported by the first. */
static void note_under_way(struct traffic *t, uint64_t before, uint64_t after)
{
	t->before_seen = (before == t->after && t->after_seen) || is_reported(t, before);
	t->after_seen = after == before ? t->before_seen : is_reported(t, after);
	t->before = before;
	t->after = after;
}

/*
 * A count is taken when a write is complete: until then, however long that takes, its page
 * may be reported. So of the writes counted when this harvest began, those that began after
 * the last are in this one; those that were counted while that ran are in either; and the two that
 * were under way at its ends in any since they were. What this reports beyond that nobody has
 * written.
 */
static const char *check(struct traffic *t, uint64_t before, uint64_t after)
{
	struct rig *rig = t->rig;
	size_t words = rig->pattern.words;
	uint64_t beyond;

	memset(t->must, 0, words * sizeof(*t->must));
	memset(t->either, 0, words * sizeof(*t->either));
	add_writes(t, t->must, t->after + 1, before);
	add_writes(t, t->either, t->before + 1, t->after);
	for (size_t i = 0; i < words; i++) {
		t->may[i] = t->must[i] | t->either[i];
		t->last[i] |= rig->bitmap[i];
	}
	add_writes(t, t->may, t->before, t->before + 1);
	add_writes(t, t->may, t->after, after + 1);
	beyond = pattern_beyond(rig->bitmap, t->may, words);
	rig->reported += pattern_count(rig->bitmap, words);
	rig->written += pattern_count(rig->bitmap, words) - beyond;
	rig->excess += rig->space.t->caps & TARGET_LEAF ? beyond : 0;
	rig->missed += pattern_beyond(t->must, rig->bitmap, words);
	rig->missed += pattern_beyond(t->either, t->last, words);
	rig->missed += t->before < before && !t->before_seen && !is_reported(t, t->before);
	rig->missed += t->after < before && !t->after_seen && !is_reported(t, t->after);
	memcpy(t->last, rig->bitmap, words * sizeof(*t->last));
	note_under_way(t, before, after);
	t->harvests++;
	return rig->missed || rig->excess ? "the bitmap differs from what the device wrote" : NULL;
}

const char *traffic_harvest(struct traffic *t, double *ns)
{
	uint64_t before, after = 0;
	const char *why = traffic_count(t, &before);

	if (!why)
		why = rig_harvest(t->rig, 0, ns);
	if (!why)
		why = traffic_count(t, &after);
	return why ? why : check(t, before, after);
}
