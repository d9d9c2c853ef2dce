/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter CONCURRENCY: two calls at once while no device writes, as when a VMM has
 * stopped its guest. What is dirty is known exactly, so every round tells.
 */
#define _GNU_SOURCE /* affinity */
#include <sched.h>

#include "concurrency.h"

#define RUN_NS (300 * MS)
#define QUARTERS 8 /* of the two leaves of a scene */

static const char *has_quarters(const struct ct_config *config)
{
	return config->leaf_lg2 >= config->format.granule_lg2 + 2 && config->leaf_lg2 >= 14 ?
		       NULL :
		       "no page is a quarter of a leaf";
}

/* A clearing harvest of quarters [first, first + n), into the low bits of @bits. */
static int get_quarters(struct scene *s, u64 first, u64 n, u8 *bits)
{
	*bits = 0;
	return scene_get(s, 0, first * s->leaf / 4, n * s->leaf / 4, s->leaf / 4, bits);
}

/* A harvest by another thread, made when the main thread asks for it. */
struct partner {
	struct worker worker;
	struct scene *s;
	u64 offset, length, page_size;
	u8 *bitmap;
	int err;
	atomic_uint asked, done; /* rounds */
};

/*
 * Spin: both are to be running when it matters. But one processor may be all there is,
 * or others may want it, too: who sleeps comes back sooner than who yields.
 */
static void poll_again(void)
{
	static _Thread_local unsigned int polls;

	if (++polls % 65536 == 0)
		sleep_ns(MS / 50);
}

static int harvest_when_asked(void *arg)
{
	struct partner *p = arg;
	unsigned int round = atomic_load(&p->asked);

	if (round == atomic_load(&p->done)) {
		poll_again();
		return 0;
	}
	p->err = scene_get(p->s, 0, p->offset, p->length, p->page_size, p->bitmap);
	atomic_store(&p->done, round);
	return 0;
}

/* Two processors, where there are: on one they would take turns. */
static void spread(struct partner *p)
{
	int here = sched_getcpu(), there = here;
	cpu_set_t allowed, one;

	if (here < 0 || sched_getaffinity(0, sizeof(allowed), &allowed))
		return;
	do
		there = (there + 1) % CPU_SETSIZE;
	while (there != here && !CPU_ISSET(there, &allowed));
	CPU_ZERO(&one);
	CPU_SET(here, &one);
	pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
	CPU_ZERO(&one);
	CPU_SET(there, &one);
	pthread_setaffinity_np(p->worker.thread, sizeof(one), &one);
}

static void partner_start(struct partner *p, struct scene *s)
{
	p->s = s;
	worker_start(&p->worker, harvest_when_asked, p);
	spread(p);
}

/* The partner begins; the caller does so at once or some microseconds later. */
static void ask(struct partner *p, u64 *random)
{
	atomic_fetch_add(&p->asked, 1);
	for (u64 pause = ct_random(random) % 2048; pause; pause--)
		atomic_load(&p->done);
}

static void wait_for(struct partner *p)
{
	while (atomic_load(&p->done) != atomic_load(&p->asked))
		poll_again();
	x(p->err);
}

/* A byte, by the device. */
static void write_quarter(struct scene *s, u64 quarter)
{
	x(ct_dma_write(s->dev, 0, s->iova + quarter * s->leaf / 4, "!", 1));
}

/* Quarters @got were reported, where @leaf may be, if its length is known, and @byte must. */
static void check_quarters(const struct scene *s, unsigned int got, unsigned int leaf,
			   unsigned int byte, u64 round, const char *what)
{
	unsigned int must = ct.t->caps & TARGET_LEAF ? leaf : byte;

	ct_check((got & must) == must && (!(got & ~leaf) || s->reach > s->leaf),
		 "round %llu: %s: quarters %#x of two leaves are reported, not %#x",
		 (unsigned long long)round, what, got, must);
}

/*
 * A write, then harvests at once of two adjacent ranges that cut leaves anywhere:
 * together they have all that is dirty there, and the rest is still owed.
 */
CT_TEST(parts_at_once, "CONCURRENCY-014", .scope = CT_EACH_LEAF, .concurrent = true,
	.requires = has_quarters)
{
	u64 random = ct.seed + 300, round = 0, end;
	struct partner p = { 0 };
	struct scene s;

	scene_open(&s, .leaves = 2);
	end = now_ns() + RUN_NS;
	p.page_size = s.leaf / 4;
	partner_start(&p, &s);
	for (; now_ns() < end; round++) {
		/* The halves of the first leaf every other time. */
		u64 cut = round % 2 ? 2 : 1 + ct_random(&random) % (QUARTERS - 1);
		u64 first = round % 2 ? 0 : ct_random(&random) % cut;
		u64 last = round % 2 ? 3 : cut + ct_random(&random) % (QUARTERS - cut);
		u64 at = first + ct_random(&random) % (last - first + 1);
		unsigned int leaf = 0xf << at / 4 * 4, range = (2u << last) - (1u << first);
		u8 bits, others = 0;

		write_quarter(&s, at);
		p.offset = cut * p.page_size;
		p.length = (last - cut + 1) * p.page_size;
		p.bitmap = &others;
		ask(&p, &random);
		x(get_quarters(&s, first, cut - first, &bits));
		wait_for(&p);
		check_quarters(&s, bits << first | others << cut, leaf & range, 1 << at, round,
			       "two harvests of what was written");
		x(get_quarters(&s, 0, QUARTERS, &bits));
		check_quarters(&s, bits, leaf & ~range, 0, round, "the rest");
	}
	worker_stop(&p.worker);
	ct_measure("rounds", round, "1");
}

/*
 * Tracking goes off and on beside a harvest of the middle of a leaf that is dirty:
 * afterwards nothing is, whichever came first; and what is written then, is.
 */
CT_TEST(enable_beside_part, "CONCURRENCY-015", .scope = CT_EACH_LEAF, .concurrent = true,
	.requires = has_quarters)
{
	u64 random = ct.seed + 400, round = 0, end;
	struct partner p = { 0 };
	struct scene s;
	u8 bits;

	scene_open(&s, .leaves = 2);
	end = now_ns() + 3 * RUN_NS / 2;
	/* As many bits as one go takes: between cleaning and keeping it has to set them. */
	p.page_size = s.leaf >> 20 ? s.leaf >> 20 : 1;
	p.offset = s.leaf / 4;
	p.length = s.leaf / 2;
	p.bitmap = ct_memory(p.length / p.page_size / 8, 4096, 0);
	partner_start(&p, &s);
	for (; now_ns() < end; round++) {
		write_quarter(&s, ct_random(&random) % 4);
		x(ct_set_tracking(s.hwpt, false));
		ask(&p, &random);
		x(ct_set_tracking(s.hwpt, true));
		wait_for(&p);
		x(get_quarters(&s, 0, QUARTERS, &bits));
		check_quarters(&s, bits, 0, 0, round, "after enable");
		write_quarter(&s, 5);
		x(get_quarters(&s, 0, QUARTERS, &bits));
		check_quarters(&s, bits, 0xf0, 1 << 5, round, "a write since");
	}
	worker_stop(&p.worker);
	ct_measure("rounds", round, "1");
}
