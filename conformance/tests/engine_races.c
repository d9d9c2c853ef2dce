/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter ENGINE, while devices write: no way to harvest loses a write. What is waited for
 * is that things happened so many times, never that time has passed.
 */
#include <sched.h>
#include <stdlib.h>

#include "concurrency.h"
#include "engine.h"

#define LEAVES 64 /* of a stream: few, so that entries beside each other change all the time */

/* Until the stream has made @n more writes: on a busy machine it may take a while for its
 * turn to come, so not too often. */
static void let_write(const struct traffic *t, u64 n)
{
	u64 until = traffic_writes(&t->streams[0]) + n;

	while (traffic_writes(&t->streams[0]) < until)
		sleep_ns(MS / 20);
}

/*
 * Each way by itself: harvests of all pages, between which some are written. The rule is
 * applied to each: a write that was complete before it began is in it, or in one before.
 */
CT_TEST(engine_neighbours, "ENGINE-015", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = TARGET_ENGINE | TARGET_STREAM)
{
	struct way way[MAX_WAYS];
	unsigned int n = ways(way), rounds = 1200 / n;
	struct traffic t;
	struct scene s;

	scene_open(&s, .leaves = LEAVES);
	traffic_open(&t, &s, s.leaf);
	traffic_start(&t, s.dev);
	for (unsigned int i = 0; i < n; i++) {
		x(way_select(&way[i]));
		t.what = way[i].text;
		let_write(&t, LEAVES);
		for (unsigned int round = 0; round < rounds; round++)
			traffic_settle(&t);
	}
	traffic_finish(&t);
}

#define BED 512 /* leaves of a stream, so that what is written twice between harvests is little */
#define BESIDE 150 /* harvests a way during which the stream wrote */
#define TRIES 2 /* times as many in all: threads may have to share a processor */

/*
 * A stream and harvests, both flat out. Of the 64 bytes of entries that a clean stores to
 * some are clean, and the stream writes to these next: a store of more than it may, if only
 * for the nanoseconds between its load and itself, takes such a mark along now and then,
 * and few pages are written to again before the next harvest, which would hide it. Some
 * harvests wait until much is dirty, for vectors are stored only then.
 */
CT_TEST(engine_flat_out, "ENGINE-015", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = TARGET_ENGINE | TARGET_STREAM)
{
	struct way way[MAX_WAYS];
	unsigned int n = ways(way);
	u64 total = 0, harvests = 0;
	struct traffic t;
	struct scene s;

	scene_open(&s, .leaves = BED);
	traffic_open(&t, &s, s.leaf);
	traffic_start(&t, s.dev);
	for (unsigned int i = 0; i < n; i++) {
		unsigned int beside = 0, tries = 0;

		if (way[i].select.flags)
			continue;
		x(way_select(&way[i]));
		t.what = way[i].text;
		for (; beside < BESIDE && tries < BESIDE * TRIES; tries++) {
			u64 before = traffic_writes(&t.streams[0]);

			if (tries % 4 == 0) {
				let_write(&t, 40);
				before = traffic_writes(&t.streams[0]);
			}
			traffic_settle(&t);
			beside += traffic_writes(&t.streams[0]) != before;
		}
		total += beside;
		harvests += tries;
	}
	traffic_finish(&t);
	ct_measure("harvests", harvests, "1");
	ct_measure("harvests beside writes", total, "1");
}

#define PAIRS 32

struct writer {
	const struct scene *s;
	u64 first; /* page: 0 or 1 */
	u64 wait; /* before the first, in nanoseconds */
	pthread_barrier_t *go;
	atomic_bool stop;
	int err;
};

/* Every second page, each once in a round. */
static void *write_every_second(void *arg)
{
	struct writer *w = arg;
	u8 byte = 1;

	for (;;) {
		pthread_barrier_wait(w->go);
		if (atomic_load(&w->stop))
			return NULL;
		sleep_ns(w->wait);
		for (u64 i = 0; !w->err && i < PAIRS; i++) {
			u64 page = 2 * (7 * i % PAIRS) + w->first;

			w->err = ct_dma_write(w->s->dev, 0, w->s->iova + page * w->s->leaf, &byte,
					      1);
		}
		pthread_barrier_wait(w->go);
	}
}

/* More of those in which a neighbour could be taken along. */
static unsigned int rounds_of(const struct way *way)
{
	return way->select.clear == IODIRTY_CLEAR_MASKED ? 12 : 3;
}

/*
 * Every second page is dirty, so that of any 64 bytes of entries half are cleaned, and
 * while they are the others are written, each once: a cleaning that puts back what it had
 * read beside them takes the only mark that a write has. The writer, having slept, is let
 * in before the harvest also where both share a processor.
 */
CT_TEST(engine_only_mark, "ENGINE-015", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = TARGET_ENGINE | TARGET_DMA)
{
	struct way way[MAX_WAYS];
	unsigned int n = ways(way), round = 0, total = 0;
	u64 random = ct.seed, shortest = MS;
	pthread_barrier_t go;
	struct ct_bitmap b;
	struct scene s;
	struct writer w = { .s = &s, .go = &go };
	pthread_t thread;
	u8 byte = 2;

	scene_open(&s, .leaves = 2 * PAIRS);
	ct_bitmap_init_guarded(&b, 2 * PAIRS);
	pthread_barrier_init(&go, NULL, 2);
	ct_check(!pthread_create(&thread, NULL, write_every_second, &w), "no thread");
	for (const struct way *how = way; how < way + n; total++) {
		u64 begun, took;

		if (!round)
			x(way_select(how));
		w.first = round % 2;
		w.wait = ct_random(&random) % (shortest + 1);
		for (u64 page = !w.first; page < 2 * PAIRS; page += 2)
			x(ct_dma_write(s.dev, 0, s.iova + page * s.leaf, &byte, 1));
		ct_bitmap_fill(&b, 0);
		pthread_barrier_wait(&go);
		begun = now_ns();
		x(scene_get(&s, 0, 0, s.length, s.leaf, b.bytes));
		took = now_ns() - begun;
		shortest = lowest(shortest, took);
		pthread_barrier_wait(&go);
		x(w.err);
		x(scene_get(&s, 0, 0, s.length, s.leaf, b.bytes));
		for (u64 page = 0; page < 2 * PAIRS; page++)
			ct_check(ct_bitmap_test(&b, page),
				 "%s: the write to page %llu, %s, is in no harvest: lost",
				 how->text, (unsigned long long)page,
				 page % 2 == w.first ? "while others were cleaned" :
						       "before the first");
		if (++round == rounds_of(how)) {
			round = 0;
			how++;
		}
	}
	atomic_store(&w.stop, true);
	pthread_barrier_wait(&go);
	pthread_join(thread, NULL);
	ct_bitmap_check_guards(&b);
	ct_measure("rounds", total, "1");
}

/* ---- the selection changes meanwhile ---- */

struct chooser {
	struct way way[MAX_WAYS];
	unsigned int n, next;
};

static int choose(void *arg)
{
	struct chooser *c = arg;

	sched_yield();
	return way_select(&c->way[c->next++ % c->n]);
}

static int harvest_all(void *arg)
{
	struct traffic *t = arg;

	return traffic_harvest(t, 0, t->npages, NULL);
}

/* While harvests are under way, and a device writes. */
CT_TEST(engine_changes_meanwhile, "ENGINE-016", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = TARGET_ENGINE | TARGET_STREAM)
{
	struct worker harvester, chooser;
	struct chooser c = { 0 };
	struct traffic t;
	struct scene s;

	c.n = ways(c.way);
	scene_open(&s, .leaves = 256);
	traffic_open(&t, &s, s.leaf);
	traffic_start(&t, s.dev);
	t.what = "as the selection changes";
	worker_start(&harvester, harvest_all, &t);
	worker_start(&chooser, choose, &c);
	for (unsigned int i = 0; i < 40; i++) {
		let_write(&t, 64);
		traffic_settle(&t);
	}
	worker_stop(&chooser);
	worker_stop(&harvester);
	traffic_finish(&t);
	ct_measure("selections", chooser.rounds, "1");
}
