/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the tests of chapter CONCURRENCY are made of: streams whose every address
 * is known, harvests that are held against them, and threads that repeat a step.
 *
 * The rule: a stream makes its writes one after the other, so a harvest after which
 * n were complete can have seen writes 0 to n, and none later. A write that was
 * complete before some harvest of all pages began must be in that one, or in one
 * that can have seen it. Several harvests at once hide from each other what they are
 * about to report; hence the rule is applied while no other is under way.
 */
#ifndef IODIRTY_TESTS_CONCURRENCY_H
#define IODIRTY_TESTS_CONCURRENCY_H

#include <pthread.h>
#include <stdatomic.h>

#include "ct.h"

#define MS 1000000ull /* in nanoseconds */
#define MAX_PAGES 4096 /* of a scene */

/* One stream, random over the whole scene, and what was reported of it. */
struct stream {
	u32 id; /* 0: stopped */
	u64 seed;
	u64 writes, faults; /* once stopped */
	u64 checked; /* writes before this were found to be reported */
	u64 *until; /* of each page: the first write that no harvest which reported
		     * the page can have seen; 0: never reported */
};

/* Streams over one scene, harvested from its HWPT in pages. */
struct traffic {
	struct scene *s;
	u64 page, npages;
	u32 hwpt; /* a second one to harvest, into the same bitmap; 0: none */
	u64 rate; /* of streams to be started, writes a second; 0: flat out */
	struct stream streams[2];
	unsigned int nstreams;
	pthread_rwlock_t gate; /* a harvest holds it for reading */
	pthread_mutex_t lock; /* until, harvests, bits */
	u64 harvests, bits; /* that succeeded; that they reported */
	const char *what; /* what is being tried, for messages; may be NULL */
};

/* Without a stream yet. @page: what a bit stands for. */
void traffic_open(struct traffic *t, struct scene *s, u64 page);
/* @dev writes at the scene's IOVAs. */
void traffic_start(struct traffic *t, u32 dev);
/* Stops all streams. */
void traffic_stop(struct traffic *t);
/* Writes that are complete. */
u64 traffic_writes(const struct stream *stream);
/* The page that write @n goes to. */
u64 traffic_page(const struct traffic *t, const struct stream *stream, u64 n);

/*
 * Clearing harvest of pages [first, first + n), counted; 0 or -errno. Any thread,
 * any number at once. Pages beyond the scene's are harvested and not counted. @b:
 * where to, or NULL.
 */
int traffic_harvest(struct traffic *t, u64 first, u64 n, struct ct_bitmap *b);
/* The rule, for writes before @end. Main thread, no harvest under way, and one of
 * all pages begun since @end writes were complete. */
void traffic_check(const struct traffic *t, struct stream *stream, u64 end);
/* Main thread: wait for harvests under way, make one of all pages, apply the rule. */
void traffic_settle(struct traffic *t);
/* Let all threads run for @ns, settling every millisecond. */
void traffic_run(struct traffic *t, u64 ns);
/* Stop the streams, of which no write may have faulted, settle, and measure. */
void traffic_finish(struct traffic *t);

/* ---- threads ---- */

/* Repeats @step until told to stop, or until it returns an error, which is kept. */
struct worker {
	int (*step)(void *arg);
	void *arg;
	pthread_t thread;
	atomic_bool stop;
	int err;
	u64 rounds;
};

void worker_start(struct worker *w, int (*step)(void *arg), void *arg);
/* Fails the test if a step failed. */
void worker_stop(struct worker *w);

u64 now_ns(void);
void sleep_ns(u64 ns);

#endif
