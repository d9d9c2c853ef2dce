/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter CONCURRENCY: everything at once, over one IOAS. Four devices write by
 * streams of which every address is known; beside them two threads harvest, one moves
 * a device between page tables, one attaches, maps, enables and destroys at random.
 * Each stream has a part of the IOVAs to itself, with promises of its own:
 *
 *	kept	mapped, attached and tracked throughout: no write faults, none is lost
 *	area	its area comes and goes
 *	device	its device comes and goes
 *	switch	its HWPT's tracking goes off and on
 *
 * Of the last three, what is written from the return of the call that lets it to the
 * harvest before the call that takes it away is owed. --soak makes it longer.
 */
#include <stdlib.h>

#include "concurrency.h"

#define RUN_NS (300 * MS)
#define SETTLE_NS (MS / 2) /* of writes between two calls that take away */
#define PAUSE_NS (MS / 4) /* between two calls of a thread, so that others come to theirs */

enum part { KEPT, AREA, DEVICE, SWITCH, PARTS };

struct soak {
	struct scene s; /* all of it */
	struct scene part[PARTS];
	struct traffic t[PARTS];
	u32 second; /* a HWPT that the kept part's second device moves to and fro */
	u32 mover;
	unsigned int moves;
	u64 random; /* of noise() */
	u32 noise_dev, noise_hwpt; /* which nobody writes through */
};

/* Leaves of the whole scene, a multiple of PARTS. */
static u64 leaves(void)
{
	u64 n = (8u << 20) >> ct.config.leaf_lg2;

	return n < 2 * PARTS ? 2 * PARTS : n > 512 ? 512 : n;
}

/* Part @p of the scene, an area of its own, written through @hwpt. */
static void open_part(struct soak *k, enum part p, u32 dev, u32 hwpt)
{
	u64 length = k->s.length / PARTS;

	k->part[p] = k->s;
	k->part[p].iova += p * length;
	k->part[p].mem += p * length;
	k->part[p].length = length;
	k->part[p].dev = dev;
	k->part[p].hwpt = hwpt;
	x(ct_map(k->s.ioas, k->part[p].mem, length, k->part[p].iova));
	traffic_open(&k->t[p], &k->part[p], k->s.leaf);
}

static u32 tracking_hwpt(const struct soak *k, u32 dev)
{
	u32 hwpt;

	x(ct_hwpt_alloc(dev, k->s.ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &hwpt));
	x(ct_set_tracking(hwpt, true));
	return hwpt;
}

/* ---- what runs beside the main thread ---- */

static int harvest_kept(void *arg)
{
	struct soak *k = arg;

	return traffic_harvest(&k->t[KEPT], 0, k->t[KEPT].npages, NULL);
}

/* The parts whose promises end now and then; an area that is gone is a hole. */
static int harvest_others(void *arg)
{
	struct soak *k = arg;
	int ret = 0;

	for (enum part p = KEPT + 1; !ret && p < PARTS; p++) {
		ret = traffic_harvest(&k->t[p], 0, k->t[p].npages, NULL);
		if (p == AREA && ret == -ENOENT)
			ret = 0;
	}
	return ret;
}

static int move(void *arg)
{
	struct soak *k = arg;

	sleep_ns(PAUSE_NS);
	return ct_replace(k->mover, 0, ++k->moves % 2 ? k->second : k->s.hwpt);
}

/* Calls that owe the streams nothing, and must not disturb them. */
static int noise(void *arg)
{
	struct soak *k = arg;
	u64 beside = k->s.iova + k->s.length;
	int ret = 0;
	u32 hwpt;

	sleep_ns(PAUSE_NS);
	switch (ct_random(&k->random) % 6) {
	case 0:
		ret = ct_map(k->s.ioas, k->s.mem, k->s.leaf, beside);
		return ret ? ret : ct_unmap(k->s.ioas, beside, k->s.leaf, NULL);
	case 1:
		ret = ct_attach(k->noise_dev, 0, k->s.hwpt);
		ret = ret ? ret : ct_replace(k->noise_dev, 0, k->noise_hwpt);
		return ret ? ret : ct_detach(k->noise_dev, 0);
	case 2:
		ret = ct_set_tracking(k->noise_hwpt, false);
		return ret ? ret : ct_set_tracking(k->noise_hwpt, true);
	case 3: /* on already: nothing is cleared */
		return ct_set_tracking(k->s.hwpt, true);
	case 4:
		ret = ct_hwpt_alloc(k->noise_dev, k->s.ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
				    &hwpt);
		return ret ? ret : ct_destroy(hwpt);
	default:
		ret = ct_attach(k->noise_dev, 0, k->s.ioas);
		return ret ? ret : ct_detach(k->noise_dev, 0);
	}
}

/* ---- the main thread: what gives and takes away, and the rule ---- */

/* From here on writes to @p are owed: the second that is complete from now was begun
 * since. */
static void owed(struct soak *k, enum part p)
{
	k->t[p].streams[0].checked = traffic_writes(&k->t[p].streams[0]) + 1;
}

/* Take @p's promise away, after the rule, and give it back. */
static void cycle(struct soak *k, enum part p)
{
	struct scene *s = &k->part[p];

	traffic_settle(&k->t[p]);
	switch (p) {
	case AREA:
		x(ct_unmap(s->ioas, s->iova, s->length, NULL));
		x(ct_map(s->ioas, s->mem, s->length, s->iova));
		break;
	case DEVICE:
		x(ct_detach(s->dev, 0));
		x(ct_attach(s->dev, 0, s->hwpt));
		break;
	case SWITCH:
		x(ct_set_tracking(s->hwpt, false));
		x(ct_set_tracking(s->hwpt, true));
		break;
	default:
		return; /* kept */
	}
	owed(k, p);
}

static void finish(struct soak *k, u64 cycles)
{
	u64 writes = 0, faults = 0, harvests = 0, bits = 0;

	for (enum part p = KEPT; p < PARTS; p++) {
		struct traffic *t = &k->t[p];

		traffic_stop(t);
		for (unsigned int i = 0; i < t->nstreams; i++) {
			struct stream *stream = &t->streams[i];

			ct_check(stream->writes > stream->faults,
				 "a stream of part %u wrote nothing", p);
			ct_check(!stream->faults || p == AREA || p == DEVICE,
				 "%llu writes of part %u faulted, which was always there",
				 (unsigned long long)stream->faults, p);
			writes += stream->writes - stream->faults;
			faults += stream->faults;
			stream->faults = 0; /* all were before the promise that holds now */
		}
		traffic_settle(t);
		harvests += t->harvests;
		bits += t->bits;
	}
	ct_measure("writes", writes, "1");
	ct_measure("faults", faults, "1");
	ct_measure("harvests", harvests, "1");
	ct_measure("bits", bits, "1");
	ct_measure("cycles", cycles, "1");
	ct_measure("moves", k->moves, "1");
}

CT_TEST(everything_at_once, "CONCURRENCY-017", .scope = CT_EACH_LEAF, .concurrent = true,
	.needs = TARGET_STREAM | TARGET_DMA, .timeout_s = 90)
{
	static int (*const beside[])(void *) = { harvest_kept, harvest_others, move, noise };
	struct worker workers[sizeof(beside) / sizeof(beside[0])];
	u64 cycles = 0, end;
	struct soak k;
	u32 dev;

	scene_open(&k.s, .leaves = leaves(), .no_map = true);
	k.moves = 0;
	k.random = ct.seed;
	x(ct_plug(0, &k.mover));
	x(ct_attach(k.mover, 0, k.s.hwpt));
	k.second = tracking_hwpt(&k, k.mover);
	open_part(&k, KEPT, k.s.dev, k.s.hwpt);
	k.t[KEPT].hwpt = k.second;
	for (enum part p = KEPT + 1; p < PARTS; p++) {
		u32 hwpt = k.s.hwpt;

		x(ct_plug(0, &dev));
		if (p == SWITCH)
			hwpt = tracking_hwpt(&k, dev);
		x(ct_attach(dev, 0, hwpt));
		open_part(&k, p, dev, hwpt);
	}
	x(ct_plug(0, &k.noise_dev));
	k.noise_hwpt = tracking_hwpt(&k, k.noise_dev);

	for (enum part p = KEPT; p < PARTS; p++)
		traffic_start(&k.t[p], k.part[p].dev);
	traffic_start(&k.t[KEPT], k.mover);
	for (size_t i = 0; i < sizeof(beside) / sizeof(beside[0]); i++)
		worker_start(&workers[i], beside[i], &k);
	end = now_ns() + RUN_NS + ct.soak_s * 1000 * MS;
	for (; now_ns() < end || cycles < PARTS; cycles++) {
		sleep_ns(SETTLE_NS);
		cycle(&k, (enum part)(cycles % PARTS));
	}
	for (size_t i = 0; i < sizeof(beside) / sizeof(beside[0]); i++)
		worker_stop(&workers[i]);
	finish(&k, cycles);
}
