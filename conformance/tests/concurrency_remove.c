/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter CONCURRENCY: what is written to, harvested or harvested from is taken
 * away meanwhile. Every call succeeds or says why not; what was written through
 * what is still there is not lost; and what comes in its place starts clean.
 */
#include <sched.h>

#include "concurrency.h"

#define ROUNDS 50

static int harvest_all(void *arg)
{
	struct traffic *t = arg;

	return traffic_harvest(t, 0, t->npages, NULL);
}

/* The area may not be there. */
static int harvest_or_hole(void *arg)
{
	int ret = harvest_all(arg);

	return ret == -ENOENT ? 0 : ret;
}

static void wait_for_writes(const struct stream *stream, u64 more)
{
	u64 end = traffic_writes(stream) + more;

	while (traffic_writes(stream) < end)
		sleep_ns(MS / 20);
}

/*
 * The area is unmapped, and mapped again, under stream and harvester. While it is
 * there its writes are reported; afterwards it is clean but for what was written.
 */
CT_TEST(unmap_while_writing, "CONCURRENCY-011", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = TARGET_STREAM | TARGET_DMA)
{
	struct worker harvester;
	struct traffic t;
	struct scene s;

	scene_open(&s, .leaves = 64);
	traffic_open(&t, &s, s.leaf);
	traffic_start(&t, s.dev);
	worker_start(&harvester, harvest_or_hole, &t);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		x(ct_unmap(s.ioas, s.iova, s.length, NULL));
		x_err(ENOENT, traffic_harvest(&t, 0, t.npages, NULL));
		wait_for_writes(&t.streams[0], 10);
		x(ct_map(s.ioas, s.mem, s.length, s.iova));
		/* From the second that is complete from now on, it was begun since. */
		t.streams[0].checked = traffic_writes(&t.streams[0]) + 1;
		wait_for_writes(&t.streams[0], 10);
		traffic_settle(&t);
	}
	worker_stop(&harvester);
	/* Gone with bits that nobody took, and back when nobody writes: clean. */
	x(ct_unmap(s.ioas, s.iova, s.length, NULL));
	traffic_stop(&t);
	ct_check(t.streams[0].faults, "no write to what was unmapped faulted");
	x(ct_map(s.ioas, s.mem, s.length, s.iova));
	scene_expect(&s, 0, s.length, s.granule);
	scene_write(&s, s.leaf, 1);
	scene_expect(&s, 0, s.length, s.granule);
	ct_measure("writes", t.streams[0].writes, "1");
	ct_measure("harvests", t.harvests, "1");
	ct_measure("faults", t.streams[0].faults, "1");
}

/* The device is pulled out under stream and harvester: all that arrived is reported. */
CT_TEST(unplug_meanwhile, "CONCURRENCY-012", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = TARGET_STREAM | TARGET_DMA | TARGET_UNPLUG)
{
	u64 writes = 0, harvests = 0;

	for (unsigned int round = 0; round < ROUNDS / 10; round++) {
		struct worker harvester;
		struct traffic t;
		struct scene s;

		scene_open(&s, .leaves = 64);
		traffic_open(&t, &s, s.leaf);
		traffic_start(&t, s.dev);
		worker_start(&harvester, harvest_all, &t);
		wait_for_writes(&t.streams[0], 1000);
		x(ct_unplug(s.dev));
		worker_stop(&harvester);
		traffic_stop(&t);
		traffic_settle(&t);
		writes += t.streams[0].writes - t.streams[0].faults;
		harvests += t.harvests;
		/* Nothing holds the HWPT any more. */
		x(ct_destroy(s.hwpt));
	}
	ct_measure("writes", writes, "1");
	ct_measure("harvests", harvests, "1");
}

/* Harvests until there is no such HWPT. */
struct getter {
	struct scene *s;
	atomic_bool gone;
};

static int get_until_gone(void *arg)
{
	struct getter *g = arg;
	bool gone = atomic_load(&g->gone);
	u8 bytes[MAX_PAGES / 8] = { 0 };
	int ret = scene_get(g->s, 0, 0, g->s->length, g->s->leaf, bytes);

	if (ret == -ENOENT)
		atomic_store(&g->gone, true);
	else if (!ret && gone)
		return -EEXIST; /* it is back */
	return ret == -ENOENT ? 0 : ret;
}

/* The HWPT is destroyed under two harvesters: in use, or gone for good. */
CT_TEST(destroy_meanwhile, "CONCURRENCY-013", .scope = CT_EACH_FORMAT, .concurrent = true)
{
	u64 busy = 0, harvests = 0;

	for (unsigned int round = 0; round < ROUNDS / 5; round++) {
		struct worker harvesters[2];
		struct getter g = { 0 };
		struct scene s;
		int ret;

		scene_open(&s, .leaves = 64);
		scene_write(&s, 0, 1);
		x(ct_detach(s.dev, 0));
		g.s = &s;
		for (unsigned int i = 0; i < 2; i++)
			worker_start(&harvesters[i], get_until_gone, &g);
		/* The harvesters leave no gap by themselves. */
		for (u64 end = now_ns() + 20 * MS;;) {
			ret = ct_destroy(s.hwpt);
			if (ret != -EBUSY || now_ns() > end)
				break;
			busy++;
		}
		for (unsigned int i = 0; i < 2; i++) {
			worker_stop(&harvesters[i]);
			harvests += harvesters[i].rounds;
		}
		if (ret == -EBUSY)
			ret = ct_destroy(s.hwpt);
		x(ret);
		x_err(ENOENT, scene_get(&s, 0, 0, s.length, s.leaf, s.mem));
		x_err(ENOENT, ct_attach(s.dev, 0, s.hwpt));
	}
	ct_measure("busy", busy, "1");
	ct_measure("harvests", harvests, "1");
}

/* ---- what is no page table ---- */

/* Attaches @dev, or with 0 the object itself, to an object that comes and goes. */
struct attacher {
	u32 dev;
	const atomic_uint *object; /* 0: wait */
};

static int attach_to_no_table(void *arg)
{
	const struct attacher *a = arg;
	u32 object = atomic_load(a->object);
	int ret;

	if (!object) {
		sched_yield();
		return 0;
	}
	ret = ct_attach(a->dev ? a->dev : object, 0, object);
	/* It is there; its id is nobody's; it is the device, and pulled out. */
	if (ret == -EINVAL || ret == -ENOENT || ret == -ENODEV)
		return 0;
	return ret ? ret : -EEXIST;
}

/* Devices, pulled out while a stream holds them, and the streams, stopped: whoever
 * looked them up to attach to them may be the last to let go. There is no IOAS. */
CT_TEST(attach_to_leaving, "CONCURRENCY-016", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = TARGET_STREAM | TARGET_UNPLUG, .timeout_s = 10)
{
	struct worker workers[3];
	struct attacher attachers[3];
	atomic_uint object;
	u64 rounds = 0, end;
	u32 dev;

	x(ct_plug(0, &attachers[0].dev));
	x(ct_plug(0, &attachers[1].dev));
	attachers[2].dev = 0;
	atomic_init(&object, 0);
	for (unsigned int i = 0; i < 3; i++) {
		attachers[i].object = &object;
		worker_start(&workers[i], attach_to_no_table, &attachers[i]);
	}
	for (end = now_ns() + 500 * MS; now_ns() < end; rounds++) {
		struct iodirty_stream_start start = {
			.iova = 4096, .length = 8, .stride = 8, .count = 1
		};
		struct iodirty_stream_query stop = { .flags = IODIRTY_STREAM_STOP };

		x(ct_plug(0, &dev));
		start.dev_id = dev;
		x(ct.t->driver->stream_start(ct.t, &start));
		atomic_store(&object, dev);
		x(ct_unplug(dev));
		atomic_store(&object, start.out_stream_id);
		stop.stream_id = start.out_stream_id;
		x(ct.t->driver->stream_query(ct.t, &stop));
		atomic_store(&object, 0);
	}
	for (unsigned int i = 0; i < 3; i++)
		worker_stop(&workers[i]);
	ct_measure("rounds", rounds, "1");
}
