/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Streams, harvests and threads for chapter CONCURRENCY: see concurrency.h. */
#define _GNU_SOURCE /* a lock that prefers writers */
#include <stdlib.h>
#include <time.h>

#include "concurrency.h"

u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000 * MS + ts.tv_nsec;
}

void sleep_ns(u64 ns)
{
	const struct timespec ts = { .tv_sec = ns / (1000 * MS), .tv_nsec = ns % (1000 * MS) };

	nanosleep(&ts, NULL);
}

/* ---- streams ---- */

void traffic_open(struct traffic *t, struct scene *s, u64 page)
{
	pthread_rwlockattr_t attr;

	*t = (struct traffic){ .s = s, .page = page, .npages = s->length / page };
	ct_check(t->npages <= MAX_PAGES, "%llu pages are too many", (unsigned long long)t->npages);
	pthread_mutex_init(&t->lock, NULL);
	/* Harvesters would keep the main thread out. */
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&t->gate, &attr);
}

void traffic_start(struct traffic *t, u32 dev)
{
	struct stream *stream = &t->streams[t->nstreams];
	u64 state = ct.seed + t->nstreams;
	struct iodirty_stream_start start = {
		.pattern = IODIRTY_PATTERN_RANDOM,
		.dev_id = dev,
		.iova = t->s->iova,
		.length = t->s->length,
		.stride = t->page,
		.seed = ct_random(&state),
		.rate = t->rate,
	};

	*stream = (struct stream){ .seed = start.seed,
				   .until = calloc(t->npages, sizeof(*stream->until)) };
	ct_check(stream->until, "no memory for %llu pages", (unsigned long long)t->npages);
	x(ct.t->driver->stream_start(ct.t, &start));
	stream->id = start.out_stream_id;
	t->nstreams++;
	/* On a busy machine its thread may take a while to come to run. */
	for (u64 late = now_ns() + 10000 * MS; !traffic_writes(stream) && now_ns() < late;)
		sleep_ns(MS / 10);
}

static int query(const struct stream *stream, u32 flags, struct iodirty_stream_query *q)
{
	*q = (struct iodirty_stream_query){ .flags = flags, .stream_id = stream->id };
	return ct.t->driver->stream_query(ct.t, q);
}

void traffic_stop(struct traffic *t)
{
	for (unsigned int i = 0; i < t->nstreams; i++) {
		struct stream *stream = &t->streams[i];
		struct iodirty_stream_query q;

		x(query(stream, IODIRTY_STREAM_STOP, &q));
		stream->id = 0;
		stream->writes = q.out_completed;
		stream->faults = q.out_faults;
	}
}

/* A query that fails, which it never should, claims nothing: 0. */
u64 traffic_writes(const struct stream *stream)
{
	struct iodirty_stream_query q;

	if (!stream->id)
		return stream->writes;
	return query(stream, 0, &q) ? 0 : q.out_completed;
}

/* As abi/iodirty.h has it: SplitMix64, entered at its n-th step. */
u64 traffic_page(const struct traffic *t, const struct stream *stream, u64 n)
{
	u64 state = stream->seed + n * 0x9e3779b97f4a7c15ull;

	return ct_random(&state) % t->npages;
}

/* ---- harvests ---- */

static void note_report(struct traffic *t, const struct ct_bitmap *b, u64 first, const u64 *writes)
{
	pthread_mutex_lock(&t->lock);
	t->harvests++;
	for (u64 bit = 0; bit < b->nbits && first + bit < t->npages; bit++) {
		if (!ct_bitmap_test(b, bit))
			continue;
		t->bits++;
		for (unsigned int i = 0; i < t->nstreams; i++) {
			u64 *until = &t->streams[i].until[first + bit];

			if (*until < writes[i] + 1)
				*until = writes[i] + 1;
		}
	}
	pthread_mutex_unlock(&t->lock);
}

/* The gate is held. */
static int harvest(struct traffic *t, u64 first, u64 n, struct ct_bitmap *b)
{
	u8 bytes[MAX_PAGES / 8] = { 0 };
	struct ct_bitmap own = { .bytes = bytes, .nbits = n };
	u64 writes[2];
	int ret;

	if (!b)
		b = &own;
	ret = scene_get(t->s, 0, first * t->page, n * t->page, t->page, b->bytes);
	if (!ret && t->hwpt)
		ret = ct_get_bitmap(t->hwpt, 0, t->s->iova + first * t->page, n * t->page, t->page,
				    b->bytes);
	if (ret)
		return ret;
	for (unsigned int i = 0; i < t->nstreams; i++)
		writes[i] = traffic_writes(&t->streams[i]);
	note_report(t, b, first, writes);
	return 0;
}

int traffic_harvest(struct traffic *t, u64 first, u64 n, struct ct_bitmap *b)
{
	int ret;

	pthread_rwlock_rdlock(&t->gate);
	ret = harvest(t, first, n, b);
	pthread_rwlock_unlock(&t->gate);
	return ret;
}

/* ---- the rule ---- */

void traffic_check(const struct traffic *t, struct stream *stream, u64 end)
{
	for (; stream->checked < end; stream->checked++) {
		u64 n = stream->checked, page = traffic_page(t, stream, n);

		ct_check(stream->until[page] > n,
			 "%s%slost: write %llu of stream %u, to IOVA %#llx (page %llu), is in no "
			 "harvest; those that reported the page ended before write %llu began",
			 t->what ? t->what : "", t->what ? ": " : "", (unsigned long long)n,
			 (unsigned int)(stream - t->streams),
			 (unsigned long long)(t->s->iova + page * t->page),
			 (unsigned long long)page, (unsigned long long)stream->until[page]);
	}
}

/* Faults come last, when a device has lost what it wrote to. */
void traffic_settle(struct traffic *t)
{
	u64 before[2];

	pthread_rwlock_wrlock(&t->gate);
	for (unsigned int i = 0; i < t->nstreams; i++)
		before[i] = traffic_writes(&t->streams[i]);
	x(harvest(t, 0, t->npages, NULL));
	for (unsigned int i = 0; i < t->nstreams; i++)
		traffic_check(t, &t->streams[i], before[i] - t->streams[i].faults);
	pthread_rwlock_unlock(&t->gate);
}

void traffic_run(struct traffic *t, u64 ns)
{
	u64 end = now_ns() + ns;

	while (now_ns() < end) {
		sleep_ns(MS);
		traffic_settle(t);
	}
}

void traffic_finish(struct traffic *t)
{
	u64 writes = 0;

	traffic_stop(t);
	traffic_settle(t);
	for (unsigned int i = 0; i < t->nstreams; i++) {
		ct_check(!t->streams[i].faults, "%llu writes of stream %u faulted",
			 (unsigned long long)t->streams[i].faults, i);
		ct_check(t->streams[i].writes, "stream %u wrote nothing", i);
		writes += t->streams[i].writes;
	}
	ct_measure("writes", writes, "1");
	ct_measure("harvests", t->harvests, "1");
	ct_measure("bits", t->bits, "1");
}

/* ---- threads ---- */

static void *work(void *arg)
{
	struct worker *w = arg;

	do {
		w->err = w->step(w->arg);
		w->rounds++;
	} while (!w->err && !atomic_load(&w->stop));
	return NULL;
}

void worker_start(struct worker *w, int (*step)(void *arg), void *arg)
{
	*w = (struct worker){ .step = step, .arg = arg };
	ct_check(!pthread_create(&w->thread, NULL, work, w), "no thread");
}

void worker_stop(struct worker *w)
{
	atomic_store(&w->stop, true);
	pthread_join(w->thread, NULL);
	ct_check(!w->err, "a thread failed in round %llu: %s", (unsigned long long)w->rounds,
		 ct_errno_name(w->err));
}
