/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter UNMAP: devices write flat out while what they write to is unmapped. Which of
 * a stream's writes came through then, memory tells: between the first fault and the end
 * a write may go on where a cache still has the page, and the next one not. Write n
 * is the value n, and its address is known (abi/iodirty.h).
 */
#include <stdlib.h>

#include "caches.h"
#include "concurrency.h"
#include "unmap.h"

#define DMA (TARGET_DMA | TARGET_STREAM)
#define NEEDS (DMA | TARGET_UNMAP_DIRTY)
/* A stream is under way when it has made so many writes. */
#define UNDER_WAY 32
/* Above it ct_memory() repeats, and memory tells nothing. */
#define MEMORY_MAX (64ull << 20)
#define UNTOUCHED UINT64_MAX

static u64 query(u32 id, u32 flags, u64 *faults)
{
	struct iodirty_stream_query q = { .stream_id = id, .flags = flags };

	x(ct.t->driver->stream_query(ct.t, &q));
	*faults = q.out_faults;
	return q.out_completed;
}

/* Until it has made @writes writes, or with none until it faults: on a busy machine its
 * thread may take long to come to run. */
static void wait_for(u32 id, u64 writes)
{
	u64 late = now_ns() + 10000 * MS, faults = 0;

	while (query(id, 0, &faults) < writes || (!writes && !faults)) {
		ct_check(now_ns() < late, "a stream makes no progress");
		sleep_ns(MS / 50);
	}
}

static const char *has_memory(const struct ct_config *config)
{
	return (u64)1 << config->leaf_lg2 <= MEMORY_MAX / 2 ? NULL :
							      "two leaves would share memory";
}

static u64 pages(u64 most)
{
	return lowest(most, MEMORY_MAX >> ct.config.leaf_lg2);
}

/* The first bytes of each leaf's memory, which a stream of such a stride writes. */
static u64 *slot(const struct scene *s, u64 page)
{
	return (u64 *)(s->mem + page * s->leaf);
}

static void touch_none(const struct scene *s)
{
	for (u64 page = 0; page < s->length / s->leaf; page++)
		*slot(s, page) = UNTOUCHED;
}

/* ---- the extension loses none ---- */

static u64 *look(const struct traffic *t)
{
	u64 *seen = calloc(t->npages, sizeof(*seen));

	ct_check(seen, "no memory for %llu values", (unsigned long long)t->npages);
	for (u64 page = 0; page < t->npages; page++)
		seen[page] = __atomic_load_n(slot(t->s, page), __ATOMIC_ACQUIRE);
	return seen;
}

/*
 * What @page holds, write @n of a stream, is reported: by the unmap, or by a harvest that
 * can have seen it. Where it may be of either stream, by what can have seen one of them.
 */
static void expect_reported(const struct traffic *t, u64 page, u64 n, const struct ct_bitmap *b)
{
	bool written = n == UNTOUCHED, reported = written || ct_bitmap_test(b, page);

	for (u32 i = 0; i < t->nstreams; i++) {
		const struct stream *stream = &t->streams[i];

		if (n >= stream->writes || traffic_page(t, stream, n) != page)
			continue;
		written = true;
		reported |= stream->until[page] > n;
	}
	ct_check(written, "page %llu holds %llu, which nobody wrote", (unsigned long long)page,
		 (unsigned long long)n);
	ct_check(reported,
		 "lost: write %llu, to IOVA %#llx (page %llu), is neither in the bitmap of the "
		 "unmap nor in that of a harvest that can have seen it",
		 (unsigned long long)n, (unsigned long long)(t->s->iova + page * t->page),
		 (unsigned long long)page);
}

static int harvest_or_gone(void *arg)
{
	struct traffic *t = arg;
	int ret = traffic_harvest(t, 0, t->npages, NULL);

	return ret == -ENOENT ? 0 : ret;
}

/*
 * @n devices write, are harvested, so that most pages are clean, by a thread of its own
 * or once for each device, and are unmapped; then mapped again. @hwpt: of the second one,
 * or 0. Returns how many writes came through.
 */
static u64 unmap_under(struct scene *s, const u32 *devs, u32 n, u32 hwpt, bool harvester)
{
	struct worker worker;
	struct ct_bitmap b;
	struct traffic t;
	u64 *seen, through = 0;

	traffic_open(&t, s, s->leaf);
	t.hwpt = hwpt;
	touch_none(s);
	for (u32 i = 0; i < n; i++)
		traffic_start(&t, devs[i]);
	for (u32 i = 0; i < n; i++)
		wait_for(t.streams[i].id, UNDER_WAY);
	ct_bitmap_init_guarded(&b, t.npages);
	if (harvester)
		worker_start(&worker, harvest_or_gone, &t);
	for (u32 i = 0; i < n; i++)
		x(traffic_harvest(&t, 0, t.npages, NULL));
	x(unmap_dirty(s, 0, s->length, t.page, b.bytes));
	seen = look(&t);
	if (harvester)
		worker_stop(&worker);
	for (u32 i = 0; i < n; i++)
		wait_for(t.streams[i].id, 0);
	traffic_stop(&t);
	for (u64 page = 0; page < t.npages; page++) {
		ct_check(*slot(s, page) == seen[page],
			 "page %llu was written after the unmap had returned",
			 (unsigned long long)page);
		expect_reported(&t, page, seen[page], &b);
	}
	for (u32 i = 0; i < n; i++)
		through += t.streams[i].writes - t.streams[i].faults;
	free(seen);
	ct_bitmap_check_guards(&b);
	ct_bitmap_free(&b);
	map_again(s);
	return through;
}

/* One of two devices has a cache of its own. */
static void open_devices(struct scene *s, u32 *devs, const struct iodirty_plug *plug)
{
	struct iodirty_plug ats = { .flags = IODIRTY_PLUG_ATS };

	scene_open(s, .leaves = pages(64), .plug = plug);
	devs[0] = s->dev;
	x(ct_plug_as(&ats, &devs[1]));
	x(ct_attach(devs[1], 0, s->hwpt));
}

CT_TEST(unmap_loses_none, "UNMAP-003", .scope = CT_EACH_LEAF, .concurrent = true,
	.needs = NEEDS | TARGET_ATS, .requires = has_memory)
{
	u64 through = 0;
	struct scene s;
	u32 devs[2];

	open_devices(&s, devs, NULL);
	for (u32 round = 0; round < 10; round++)
		through += unmap_under(&s, devs, 2, 0, false);
	ct_measure("writes", (double)through, "1");
}

CT_TEST(unmap_loses_none_tiny, "UNMAP-003", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = NEEDS | TARGET_ATS)
{
	struct iodirty_plug plug;

	for_each_cache_size(&plug, 0)
	{
		struct scene s;
		u32 devs[2];

		open_devices(&s, devs, &plug);
		for (u32 round = 0; round < 2; round++)
			unmap_under(&s, devs, 2, 0, false);
	}
}

CT_TEST(unmap_loses_none_ats, "UNMAP-003", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = NEEDS | TARGET_ATS)
{
	struct iodirty_plug plug;

	for_each_ats_device(&plug, 0)
	{
		struct scene s;

		scene_open(&s, .leaves = 64, .plug = &plug);
		for (u32 round = 0; round < 2; round++)
			unmap_under(&s, &s.dev, 1, 0, false);
	}
}

CT_TEST(unmap_loses_none_hwpts, "UNMAP-003", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = NEEDS)
{
	struct scene s, second;

	scene_open(&s, .leaves = 64);
	scene_beside(&second, &s, s.ioas);
	for (u32 round = 0; round < 8; round++)
		unmap_under(&s, (u32[]){ s.dev, second.dev }, 2, second.hwpt, false);
}

CT_TEST(unmap_beside_harvests, "UNMAP-003", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = NEEDS)
{
	struct scene s;

	scene_open(&s, .leaves = 64);
	for (u32 round = 0; round < 8; round++)
		unmap_under(&s, &s.dev, 1, 0, true);
}

/* ---- the recipe ---- */

/* As many as any machine needs until the stream runs between two calls. */
#define ROUNDS_MIN 8
#define ROUNDS_MAX 256

/*
 * A stream writes to one page after the other, and what it has written so far is read, by
 * NO_CLEAR as the UAPI has it, and unmapped: how many writes came through, and how many
 * pages were written that the bitmap does not have, each by one write at least.
 */
static void read_and_unmap(struct scene *s, u64 *writes, u64 *lost)
{
	struct iodirty_stream_start start = {
		.pattern = IODIRTY_PATTERN_SEQUENTIAL,
		.dev_id = s->dev,
		.iova = s->iova,
		.length = s->length,
		.stride = s->leaf,
	};
	u64 faults, npages = s->length / s->leaf;
	struct ct_bitmap b;

	ct_bitmap_init(&b, npages, 0);
	touch_none(s);
	x(ct.t->driver->stream_start(ct.t, &start));
	wait_for(start.out_stream_id, UNDER_WAY);
	x(scene_get(s, IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR, 0, s->length, s->leaf, b.bytes));
	x(ct_unmap(s->ioas, s->iova, s->length, NULL));
	wait_for(start.out_stream_id, 0);
	*writes += query(start.out_stream_id, IODIRTY_STREAM_STOP, &faults);
	*writes -= faults;
	for (u64 page = 0; page < npages; page++)
		*lost += *slot(s, page) != UNTOUCHED && !ct_bitmap_test(&b, page);
	ct_bitmap_free(&b);
	map_again(s);
}

CT_TEST(read_then_unmap, "UNMAP-001", .scope = CT_EACH_FORMAT, .needs = DMA)
{
	u64 writes = 0, lost = 0, rounds = 0;
	struct scene s;

	scene_open(&s, .leaves = pages(4096));
	while (rounds < ROUNDS_MIN || (!lost && rounds < ROUNDS_MAX)) {
		read_and_unmap(&s, &writes, &lost);
		rounds++;
	}
	ct_measure("writes", (double)writes, "1");
	ct_measure("lost", (double)lost, "1");
	ct_measure("lost an unmap", (double)lost / (double)rounds, "1");
	ct_check(!lost,
		 "of %llu writes that completed, %llu fell between the read and the unmap and are "
		 "in no bitmap: %.1f an unmap",
		 (unsigned long long)writes, (unsigned long long)lost,
		 (double)lost / (double)rounds);
}
