/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter CONCURRENCY: harvests while devices write, and while other harvests and
 * other calls are made. No write may be lost, in whatever order things happen; see
 * concurrency.h for how that is told. Calls that take something away are in
 * concurrency_remove.c.
 */
#include <stdlib.h>

#include "concurrency.h"

#define RUN_NS (120 * MS)

static const char *has_parts(const struct ct_config *config)
{
	return config->leaf_lg2 >= config->format.granule_lg2 + 2 && config->leaf_lg2 >= 14 ?
		       NULL :
		       "no page is a quarter of a leaf";
}

/* A quarter of a leaf, or the smallest that a request can ask for. */
static u64 part(const struct scene *s)
{
	return s->leaf / 4 > s->granule ? s->leaf / 4 : s->granule;
}

/* 4 to 512 leaves, of 8 MiB together. */
static u64 some_leaves(void)
{
	u64 leaves = (8u << 20) >> ct.config.leaf_lg2;

	return leaves < 4 ? 4 : leaves > 512 ? 512 : leaves;
}

static int harvest_all(void *arg)
{
	struct traffic *t = arg;

	return traffic_harvest(t, 0, t->npages, NULL);
}

/* A traffic of one stream by the scene's device, in pages of @page. */
static void open_stream(struct traffic *t, struct scene *s, u64 page)
{
	traffic_open(t, s, page);
	traffic_start(t, s->dev);
}

/* ---- one harvester ---- */

/* The last write to each leaf, plus one: kept up to @end. */
static void follow(const struct traffic *t, u64 *last, u64 *seen, u64 end)
{
	for (; *seen < end; ++*seen)
		last[traffic_page(t, &t->streams[0], *seen) * t->page / t->s->leaf] = *seen + 1;
}

/* A stream against a harvest loop: nothing is lost; and nothing is reported in a
 * leaf that was not written since the harvest before began. */
CT_TEST(stream_and_harvest, "CONCURRENCY-001", .scope = CT_EACH_LEAF, .concurrent = true,
	.needs = TARGET_STREAM)
{
	u64 *last, seen = 0, before = 0, now, end = now_ns() + RUN_NS;
	struct ct_bitmap b;
	struct traffic t;
	struct scene s;

	scene_open(&s, .leaves = some_leaves());
	open_stream(&t, &s, part(&s));
	last = calloc(s.length / s.leaf, sizeof(*last));
	ct_check(last, "no memory");
	ct_bitmap_init_guarded(&b, t.npages);
	do {
		now = traffic_writes(&t.streams[0]);
		ct_bitmap_fill(&b, 0);
		x(traffic_harvest(&t, 0, t.npages, &b));
		traffic_check(&t, &t.streams[0], now);
		follow(&t, last, &seen, traffic_writes(&t.streams[0]) + 1);
		for (u64 bit = 0; bit < t.npages && ct.t->caps & TARGET_LEAF; bit++)
			ct_check(!ct_bitmap_test(&b, bit) || last[bit * t.page / s.leaf] > before,
				 "page %llu is reported: no write to its leaf from %llu on",
				 (unsigned long long)bit, (unsigned long long)before);
		before = now;
	} while (now_ns() < end);
	ct_bitmap_check_guards(&b);
	traffic_finish(&t);
	free(last);
}

#define PAIRS 64

/* Who writes to every second page of a scene, each once, here and there. */
struct neighbour {
	const struct scene *s;
	u64 wait; /* before the first, in nanoseconds */
	u64 first; /* page: 0 or 1 */
	u64 start; /* which of them comes first */
	int err;
};

static void *write_neighbours(void *arg)
{
	struct neighbour *n = arg;
	u8 byte = 1;

	sleep_ns(n->wait);
	for (u64 i = 0; !n->err && i < PAIRS; i++) {
		/* 101 is odd: none comes twice. */
		u64 page = 2 * ((n->start + 101 * i) % PAIRS) + n->first;

		n->err = ct_dma_write(n->s->dev, 0, n->s->iova + page * n->s->leaf, &byte, 1);
	}
	return NULL;
}

/*
 * Every second page is dirty, and while a harvest cleans these the pages between are
 * written, each once: what a cleaning takes with it of a neighbour is in no harvest.
 * The writes begin anywhere in the time that a harvest takes. On another processor
 * they meet some of its cleanings; on the same one the writer, having slept, is let in
 * before the harvest, and all of them meet the cleaning that it interrupts. That takes
 * some rounds, more than a busy machine has time for in a run of the usual length.
 */
CT_TEST(neighbours_written, "CONCURRENCY-018", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = TARGET_DMA)
{
	u64 random = ct.seed, rounds = 0, shortest = MS, start;
	struct ct_bitmap b;
	struct scene s;

	scene_open(&s, .leaves = 2 * PAIRS);
	ct_bitmap_init_guarded(&b, 2 * PAIRS);
	start = now_ns();
	for (; now_ns() < start + (rounds < 40 ? 5000 * MS : 2 * RUN_NS); rounds++) {
		struct neighbour n = { .s = &s, .first = rounds % 2, .start = ct_random(&random) };
		pthread_t thread;
		u64 begun, took;
		u8 byte = 2;

		n.wait = ct_random(&random) % (shortest + 1);
		for (u64 page = !n.first; page < 2 * PAIRS; page += 2)
			x(ct_dma_write(s.dev, 0, s.iova + page * s.leaf, &byte, 1));
		ct_bitmap_fill(&b, 0);
		ct_check(!pthread_create(&thread, NULL, write_neighbours, &n), "no thread");
		begun = now_ns();
		x(scene_get(&s, 0, 0, s.length, s.leaf, b.bytes));
		took = now_ns() - begun;
		shortest = shortest < took ? shortest : took;
		pthread_join(thread, NULL);
		x(n.err);
		x(scene_get(&s, 0, 0, s.length, s.leaf, b.bytes));
		for (u64 page = 0; page < 2 * PAIRS; page++)
			ct_check(ct_bitmap_test(&b, page),
				 "round %llu: the write to page %llu, %s, is in no harvest: lost",
				 (unsigned long long)rounds, (unsigned long long)page,
				 page % 2 == n.first ? "while its neighbours were cleaned" :
						       "before any harvest");
		ct_bitmap_check_guards(&b);
	}
	ct_measure("rounds", rounds, "1");
}

/* Two devices behind two IOMMUs write to the same pages: what a harvest cleans it
 * must invalidate in both. */
CT_TEST(two_streams, "CONCURRENCY-002", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = TARGET_STREAM)
{
	struct worker harvester;
	struct traffic t;
	struct scene s;
	u32 dev;

	scene_open(&s, .leaves = 512);
	x(ct_plug(0, &dev));
	x(ct_attach(dev, 0, s.hwpt));
	open_stream(&t, &s, s.leaf);
	traffic_start(&t, dev);
	worker_start(&harvester, harvest_all, &t);
	traffic_run(&t, 2 * RUN_NS);
	worker_stop(&harvester);
	traffic_finish(&t);
}

/* ---- several harvesters ---- */

/* Each with a bitmap of its own: what one cleans is in that one's, and between them
 * they have all. */
CT_TEST(two_harvesters, "CONCURRENCY-003", .scope = CT_EACH_LEAF, .concurrent = true,
	.needs = TARGET_STREAM)
{
	struct worker harvesters[2];
	struct traffic t;
	struct scene s;

	scene_open(&s, .leaves = some_leaves());
	open_stream(&t, &s, part(&s));
	for (unsigned int i = 0; i < 2; i++)
		worker_start(&harvesters[i], harvest_all, &t);
	traffic_run(&t, RUN_NS);
	for (unsigned int i = 0; i < 2; i++)
		worker_stop(&harvesters[i]);
	traffic_finish(&t);
}

/* Harvests random pages: those of a leaf one by one, or some across leaves. */
struct picker {
	struct traffic *t;
	u64 random;
};

static int harvest_some(void *arg)
{
	struct picker *p = arg;
	u64 first = ct_random(&p->random) % p->t->npages;
	u64 most = p->t->npages - first;
	u64 n = ct_random(&p->random) % (most < 7 ? most : 7) + 1;

	return traffic_harvest(p->t, first, n, NULL);
}

/* Requests that cut leaves, two at once: what one cleans beyond itself is still owed
 * to the other, or to whoever asks later. */
CT_TEST(parts_of_leaves, "CONCURRENCY-004", .scope = CT_EACH_LEAF, .concurrent = true,
	.needs = TARGET_STREAM, .requires = has_parts)
{
	struct worker harvesters[2];
	struct picker pickers[2];
	struct traffic t;
	struct scene s;

	scene_open(&s, .leaves = 4);
	open_stream(&t, &s, part(&s));
	for (unsigned int i = 0; i < 2; i++) {
		pickers[i] = (struct picker){ .t = &t, .random = ct.seed + 100 + i };
		worker_start(&harvesters[i], harvest_some, &pickers[i]);
	}
	traffic_run(&t, RUN_NS);
	for (unsigned int i = 0; i < 2; i++)
		worker_stop(&harvesters[i]);
	traffic_finish(&t);
}

static int harvest_no_clear(void *arg)
{
	u8 bytes[MAX_PAGES / 8] = { 0 };
	struct traffic *t = arg;

	return scene_get(t->s, IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR, 0, t->s->length, t->page,
			 bytes);
}

/* Who only looks takes nothing from who harvests, leaves that were cut included. */
CT_TEST(reader_and_harvester, "CONCURRENCY-005", .scope = CT_EACH_LEAF, .concurrent = true,
	.needs = TARGET_STREAM)
{
	struct worker harvester, reader;
	struct picker picker = { .random = ct.seed + 100 };
	struct traffic t;
	struct scene s;

	scene_open(&s, .leaves = some_leaves());
	open_stream(&t, &s, part(&s));
	picker.t = &t;
	worker_start(&reader, harvest_no_clear, &t);
	worker_start(&harvester, harvest_some, &picker);
	traffic_run(&t, RUN_NS);
	worker_stop(&harvester);
	worker_stop(&reader);
	traffic_finish(&t);
}

/* ---- one bitmap ---- */

#define SHARED_PAGES 128
#define SHARED_ROUNDS 400

/*
 * Harvesters that begin together and report into one bitmap: each a scene and the
 * part of it that it asks for, at the byte of @bytes that its first page has.
 */
struct sharer {
	struct scene *s;
	u64 first, n; /* pages */
	u8 *bytes;
	int err; /* of this round */
	pthread_t thread;
	pthread_barrier_t *start, *end;
};

static void *share(void *arg)
{
	struct sharer *h = arg;

	for (unsigned int round = 0; round < SHARED_ROUNDS; round++) {
		pthread_barrier_wait(h->start);
		h->err = scene_get(h->s, 0, h->first * h->s->leaf, h->n * h->s->leaf, h->s->leaf,
				   h->bytes);
		pthread_barrier_wait(h->end);
	}
	return NULL;
}

/*
 * Rounds of: dirty random pages, each through one of the scenes; harvest by all
 * sharers at once; the bitmap shows these pages and no other.
 */
static void run_sharers(struct sharer *sharers, unsigned int n, struct scene **scenes,
			unsigned int nscenes)
{
	u64 random = ct.seed + 200, writes = 0;
	pthread_barrier_t start, end;
	struct ct_bitmap b;
	u8 byte = 1;

	pthread_barrier_init(&start, NULL, n + 1);
	pthread_barrier_init(&end, NULL, n + 1);
	ct_bitmap_init(&b, SHARED_PAGES, 8);
	for (unsigned int i = 0; i < n; i++) {
		sharers[i].start = &start;
		sharers[i].end = &end;
		sharers[i].bytes = b.bytes + sharers[i].first / 8;
		ct_check(!pthread_create(&sharers[i].thread, NULL, share, &sharers[i]),
			 "no thread");
	}
	for (unsigned int round = 0; round < SHARED_ROUNDS; round++) {
		u8 expected[SHARED_PAGES / 8] = { 0 };

		for (u64 page = 0; page < SHARED_PAGES; page++) {
			u64 r = ct_random(&random);
			struct scene *s = scenes[r / 2 % nscenes];

			if (r % 2)
				continue;
			x(ct_dma_write(s->dev, 0, s->iova + page * s->leaf, &byte, 1));
			expected[page / 8] |= 1 << page % 8;
			writes++;
		}
		ct_bitmap_fill(&b, 0);
		pthread_barrier_wait(&start);
		pthread_barrier_wait(&end);
		for (unsigned int i = 0; i < n; i++)
			x(sharers[i].err);
		for (u64 page = 0; page < SHARED_PAGES; page++) {
			bool want = expected[page / 8] >> page % 8 & 1;

			ct_check(ct_bitmap_test(&b, page) == want,
				 "round %u: bit %llu of the bitmap is %s", round,
				 (unsigned long long)page,
				 want ? "clear: a write is lost" : "set: nobody wrote there");
		}
		ct_bitmap_check_guards(&b);
	}
	for (unsigned int i = 0; i < n; i++)
		pthread_join(sharers[i].thread, NULL);
	ct_measure("writes", writes, "1");
	ct_measure("harvests", (double)n * SHARED_ROUNDS, "1");
}

/* Adjacent ranges, the seam within a word of the bitmap. */
CT_TEST(one_bitmap_two_ranges, "CONCURRENCY-006", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = TARGET_LEAF)
{
	struct scene s, *scenes[] = { &s };
	struct sharer sharers[] = {
		{ .s = &s, .first = 0, .n = 24 },
		{ .s = &s, .first = 24, .n = SHARED_PAGES - 24 },
	};

	scene_open(&s, .leaves = SHARED_PAGES);
	run_sharers(sharers, 2, scenes, 1);
}

/* A HWPT each, over one IOAS, as a VMM with two devices does: the same bytes. */
CT_TEST(one_bitmap_two_hwpts, "CONCURRENCY-006", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = TARGET_LEAF)
{
	struct scene a, b, *scenes[] = { &a, &b };
	struct sharer sharers[] = {
		{ .s = &a, .first = 0, .n = SHARED_PAGES },
		{ .s = &b, .first = 0, .n = SHARED_PAGES },
	};

	scene_open(&a, .leaves = SHARED_PAGES);
	b = a;
	x(ct_plug(0, &b.dev));
	x(ct_hwpt_alloc(b.dev, b.ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &b.hwpt));
	x(ct_attach(b.dev, 0, b.hwpt));
	x(ct_set_tracking(b.hwpt, true));
	run_sharers(sharers, 2, scenes, 2);
}

/* ---- other calls meanwhile ---- */

/* Run @step beside a stream and a harvester over @s. */
static void run_beside(struct scene *s, int (*step)(void *arg), void *arg)
{
	struct worker harvester, other;
	struct traffic t;

	open_stream(&t, s, s->leaf);
	worker_start(&harvester, harvest_all, &t);
	worker_start(&other, step, arg);
	traffic_run(&t, 2 * RUN_NS);
	worker_stop(&other);
	worker_stop(&harvester);
	traffic_finish(&t);
	ct_measure("rounds", other.rounds, "1");
}

static int map_and_unmap(void *arg)
{
	struct scene *s = arg;
	u64 beside = s->iova + s->length;
	int ret = ct_map(s->ioas, s->mem, s->page, beside);

	return ret ? ret : ct_unmap(s->ioas, beside, s->page, NULL);
}

/* Areas come and go beside the one that is written and harvested. */
CT_TEST(map_beside, "CONCURRENCY-007", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = TARGET_STREAM)
{
	struct scene s;

	scene_open(&s, .leaves = 256);
	run_beside(&s, map_and_unmap, &s);
}

/* A range whose last area is there, and clean, or is not: ENOENT, and nothing lost. */
static int harvest_with_neighbour(void *arg)
{
	u8 bytes[MAX_PAGES / 8] = { 0 };
	struct traffic *t = arg;
	struct ct_bitmap b = { .bytes = bytes, .nbits = t->npages + t->s->page / t->page };
	int ret = traffic_harvest(t, 0, b.nbits, &b);

	for (u64 bit = t->npages; !ret && bit < b.nbits; bit++)
		if (ct_bitmap_test(&b, bit))
			ret = -EBADE;
	return ret == -ENOENT ? 0 : ret;
}

CT_TEST(map_at_the_end, "CONCURRENCY-007", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = TARGET_STREAM)
{
	struct worker harvester, mapper;
	struct traffic t;
	struct scene s;

	scene_open(&s, .leaves = 256);
	open_stream(&t, &s, s.leaf);
	worker_start(&harvester, harvest_with_neighbour, &t);
	worker_start(&mapper, map_and_unmap, &s);
	traffic_run(&t, 2 * RUN_NS);
	worker_stop(&mapper);
	worker_stop(&harvester);
	traffic_finish(&t);
	ct_measure("rounds", mapper.rounds, "1");
}

/* The area that is written, copied beside itself, and the copy unmapped. */
static int copy_and_unmap(void *arg)
{
	struct scene *s = arg;
	u64 beside = s->iova + s->length;
	int ret = ct_copy(s->ioas, beside, s->ioas, s->iova, s->length,
			  IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_WRITEABLE |
				  IOMMU_IOAS_MAP_READABLE);

	return ret ? ret : ct_unmap(s->ioas, beside, s->length, NULL);
}

CT_TEST(copy_beside, "CONCURRENCY-007", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = TARGET_STREAM)
{
	struct scene s;

	scene_open(&s, .leaves = 256);
	run_beside(&s, copy_and_unmap, &s);
}

/* Another device: on the HWPT, over to a second one, back, and off; it writes. */
struct visitor {
	struct scene *s;
	u32 dev, hwpt;
};

static int visit(void *arg)
{
	struct visitor *v = arg;
	int ret = ct_attach(v->dev, 0, v->s->hwpt);

	ret = ret ? ret : ct_replace(v->dev, 0, v->hwpt);
	ret = ret ? ret : ct_dma_write(v->dev, 0, v->s->iova, "?", 1);
	ret = ret ? ret : ct_replace(v->dev, 0, v->s->hwpt);
	return ret ? ret : ct_detach(v->dev, 0);
}

CT_TEST(attach_beside, "CONCURRENCY-008", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = TARGET_STREAM)
{
	struct visitor v = { 0 };
	struct scene s;

	scene_open(&s, .leaves = 256);
	v.s = &s;
	x(ct_plug(0, &v.dev));
	x(ct_hwpt_alloc(v.dev, s.ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &v.hwpt));
	run_beside(&s, visit, &v);
}

/* A device that writes all the while is moved from HWPT to HWPT. */
struct mover {
	u32 dev, hwpts[2];
	unsigned int rounds;
};

static int move(void *arg)
{
	struct mover *m = arg;

	return ct_replace(m->dev, 0, m->hwpts[++m->rounds % 2]);
}

/* No write faults on the way, and each is in the one harvest or in the other. */
CT_TEST(replace_while_writing, "CONCURRENCY-008", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = TARGET_STREAM)
{
	struct worker harvester, mover;
	struct traffic t;
	struct mover m;
	struct scene s;

	scene_open(&s, .leaves = 256);
	m = (struct mover){ .dev = s.dev, .hwpts = { s.hwpt } };
	x(ct_hwpt_alloc(s.dev, s.ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &m.hwpts[1]));
	x(ct_set_tracking(m.hwpts[1], true));
	open_stream(&t, &s, s.leaf);
	t.hwpt = m.hwpts[1];
	worker_start(&harvester, harvest_all, &t);
	worker_start(&mover, move, &m);
	traffic_run(&t, 2 * RUN_NS);
	worker_stop(&mover);
	worker_stop(&harvester);
	traffic_finish(&t);
	ct_measure("rounds", mover.rounds, "1");
}

/* A device that writes before it is attached: its writes fault, until at once they
 * arrive, and from the first on they are reported. */
CT_TEST(attach_while_writing, "CONCURRENCY-008", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = TARGET_STREAM | TARGET_DMA)
{
	struct worker harvester;
	u64 rounds = 0, end;
	struct traffic t;
	struct scene s;

	scene_open(&s, .leaves = 16);
	open_stream(&t, &s, s.leaf);
	worker_start(&harvester, harvest_all, &t);
	for (end = now_ns() + 2 * RUN_NS; now_ns() < end; rounds++) {
		x(ct_detach(s.dev, 0));
		x(ct_attach(s.dev, 0, s.hwpt));
		/* One may have faulted that is not counted yet. */
		t.streams[0].checked = traffic_writes(&t.streams[0]) + 1;
		sleep_ns(MS / 10);
		traffic_settle(&t);
	}
	worker_stop(&harvester);
	traffic_stop(&t);
	ct_measure("writes", t.streams[0].writes, "1");
	ct_measure("faults", t.streams[0].faults, "1");
	ct_measure("rounds", rounds, "1");
}

/* ---- tracking switched meanwhile ---- */

static int enable(void *arg)
{
	struct scene *s = arg;

	return ct_set_tracking(s->hwpt, true);
}

/* On, when it is on, again and again: nothing is lost. */
CT_TEST(enable_meanwhile, "CONCURRENCY-009", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = TARGET_STREAM)
{
	struct scene s;

	scene_open(&s, .leaves = 256);
	run_beside(&s, enable, &s);
}

static int toggle(void *arg)
{
	struct scene *s = arg;
	int ret = ct_set_tracking(s->hwpt, false);

	return ret ? ret : ct_set_tracking(s->hwpt, true);
}

/* Off and on beside stream and harvester, where writes may well be missed. What
 * counts is the last: it is on, and from then on nothing is. */
CT_TEST(toggle_meanwhile, "CONCURRENCY-010", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = TARGET_STREAM)
{
	struct worker harvester, toggler;
	struct traffic t;
	struct scene s;

	scene_open(&s, .leaves = 256);
	open_stream(&t, &s, s.leaf);
	worker_start(&harvester, harvest_all, &t);
	worker_start(&toggler, toggle, &s);
	sleep_ns(RUN_NS);
	worker_stop(&toggler);
	/* Write n may have been made while it was off. */
	t.streams[0].checked = traffic_writes(&t.streams[0]) + 1;
	traffic_run(&t, RUN_NS);
	worker_stop(&harvester);
	traffic_finish(&t);
	ct_measure("rounds", toggler.rounds, "1");
}
