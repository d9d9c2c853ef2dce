/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Background streams: a DMA engine that writes on its own, to addresses that
 * whoever knows how far it came can compute (abi/iodirty.h).
 */
#include "iommu.h"

#define SECOND_NS 1000000000ULL
/* Ahead of its rate, a stream sleeps no less than this, then catches up. */
#define SLEEP_MIN_NS 1000000ULL
/* A stopped device is asked again after it. */
#define STOPPED_NS 1000000ULL

struct hw_stream {
	struct port_thread thread;
	hw_stream_write *write;
	void *data;
	struct iodirty_stream_start args;
	u64 first;
	struct port_mutex lock; /* the counts move together */
	u64 completed, faults;
	struct port_mutex halt_lock; /* over the wait for the thread, which takes lock */
	bool halted; /* under halt_lock */
};

/* SplitMix64. */
static u64 mix(u64 z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static u64 iova_of(const struct iodirty_stream_start *s, u64 n)
{
	u64 slots = s->length / s->stride, slot = n;

	if (s->pattern == IODIRTY_PATTERN_RANDOM)
		slot = mix(s->seed + (n + 1) * 0x9e3779b97f4a7c15ULL);
	return s->iova + slot % slots * s->stride;
}

enum iodirty_fault hw_dev_write(void *data, u32 pasid, u64 iova, u64 value)
{
	struct hw_fault fault;

	hw_dma(data, pasid, true, iova, &value, sizeof(value), &fault);
	return fault.reason;
}

/* Wait until the @n-th write from @start on is due. */
static void pace(struct hw_stream *s, u64 start, u64 n)
{
	u64 rate = s->args.rate, due, now;

	if (!rate)
		return;
	due = start + n / rate * SECOND_NS + n % rate * SECOND_NS / rate;
	now = port_now_ns();
	if (due > now)
		port_thread_sleep(&s->thread, port_max(due - now, SLEEP_MIN_NS));
}

static void stream_run(void *arg)
{
	struct hw_stream *s = arg;
	u64 start = port_now_ns(), n = s->first;
	enum iodirty_fault fault;

	while (!s->args.count || n < s->args.count) {
		pace(s, start, n - s->first);
		if (port_thread_stopping(&s->thread))
			break;
		fault = s->write(s->data, s->args.pasid, iova_of(&s->args, n), n);
		if (fault == IODIRTY_FAULT_STOPPED) {
			port_thread_sleep(&s->thread, STOPPED_NS);
			continue;
		}
		/* Only now, the bytes in memory, is the write complete. */
		port_mutex_lock(&s->lock);
		s->completed = ++n;
		s->faults += fault != IODIRTY_FAULT_NONE;
		port_mutex_unlock(&s->lock);
	}
}

/* Aligned to 8, no write crosses a page. */
static bool valid(const struct iodirty_stream_start *s)
{
	return s->stride && s->stride % sizeof(u64) == 0 && s->stride <= s->length &&
	       s->iova % sizeof(u64) == 0 && s->iova + (s->length - 1) >= s->iova &&
	       (s->pattern == IODIRTY_PATTERN_SEQUENTIAL || s->pattern == IODIRTY_PATTERN_RANDOM);
}

struct hw_stream *hw_stream_start(hw_stream_write *write, void *data,
				  const struct iodirty_stream_start *s, u64 first, int *err)
{
	struct hw_stream *stream;

	if (!valid(s)) {
		*err = -EINVAL;
		return NULL;
	}
	stream = port_alloc(sizeof(*stream));
	if (!stream) {
		*err = -ENOMEM;
		return NULL;
	}
	stream->write = write;
	stream->data = data;
	stream->args = *s;
	stream->first = stream->completed = first;
	port_mutex_init(&stream->lock);
	port_mutex_init(&stream->halt_lock);
	*err = port_thread_start(&stream->thread, stream_run, stream);
	if (*err) {
		port_mutex_destroy(&stream->halt_lock);
		port_mutex_destroy(&stream->lock);
		port_free(stream);
		return NULL;
	}
	return stream;
}

void hw_stream_query(struct hw_stream *s, u64 *completed, u64 *faults)
{
	port_mutex_lock(&s->lock);
	*completed = s->completed;
	*faults = s->faults;
	port_mutex_unlock(&s->lock);
}

void hw_stream_halt(struct hw_stream *s)
{
	port_mutex_lock(&s->halt_lock);
	if (!s->halted)
		port_thread_stop(&s->thread);
	s->halted = true;
	port_mutex_unlock(&s->halt_lock);
}

void hw_stream_stop(struct hw_stream *s)
{
	hw_stream_halt(s);
	port_mutex_destroy(&s->halt_lock);
	port_mutex_destroy(&s->lock);
	port_free(s);
}
