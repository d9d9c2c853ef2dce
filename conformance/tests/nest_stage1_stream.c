/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter NEST: a device writes through a guest's stage 1 while the parent is
 * harvested, and while the guest changes its tables. The rule is concurrency.h's: no
 * write is lost; and the same of what the IOMMU writes to the tables.
 */
#include "concurrency.h"
#include "stage1.h"

#define NEEDS (TARGET_STAGE1 | TARGET_DMA | TARGET_STREAM)
#define RUN_NS (120 * MS)

static int harvest_all(void *arg)
{
	struct traffic *t = arg;

	return traffic_harvest(t, 0, t->npages, NULL);
}

/* Stage 1 shows data where the parent has it, so that a stream's addresses are both. */
static void open_stream(struct guest *g, struct traffic *t)
{
	guest_open(g, .identity = true, .leaves = 16);
	ct_check(g->base == g->s.iova && g->length == g->s.length,
		 "stage 1 does not show all of the data");
	traffic_open(t, &g->s, g->s.leaf);
	traffic_start(t, g->s.dev);
}

CT_TEST(stage1_stream, "NEST-020", .scope = CT_EACH_LEAF, .concurrent = true, .needs = NEEDS,
	.requires = stage1_none)
{
	struct worker harvester;
	struct traffic t;
	struct guest g;

	open_stream(&g, &t);
	worker_start(&harvester, harvest_all, &t);
	traffic_run(&t, RUN_NS);
	worker_stop(&harvester);
	traffic_finish(&t);
}

/* The guest invalidates, all the time. */
static int forget_all(void *arg)
{
	const struct guest *g = arg;

	guest_forget_all(g, g->nested);
	return 0;
}

CT_TEST(stage1_stream_invalidated, "NEST-020", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = NEEDS, .requires = stage1_none)
{
	struct worker harvester, guest;
	struct traffic t;
	struct guest g;

	open_stream(&g, &t);
	worker_start(&harvester, harvest_all, &t);
	worker_start(&guest, forget_all, &g);
	traffic_run(&t, RUN_NS);
	worker_stop(&guest);
	worker_stop(&harvester);
	traffic_finish(&t);
}

/* Is the page of @entry reported by a clearing harvest of the tables now? */
static bool table_reported(const struct guest *g, const u64 *entry)
{
	u64 page = ((const u8 *)entry - g->tables) / g->s.page;
	struct ct_bitmap b;
	bool reported;

	ct_bitmap_init(&b, g->tables_length / g->s.page, 0);
	x(ct_get_bitmap(g->s.hwpt, 0, g->gpa, g->tables_length, g->s.page, b.bytes));
	reported = ct_bitmap_test(&b, page);
	ct_bitmap_free(&b);
	return reported;
}

/*
 * The guest cleans an entry again and again, and says so; the stream makes it dirty
 * again. A harvest that comes before the entry is seen dirty has the page of its table,
 * or one that comes after.
 */
CT_TEST(stage1_stream_tables, "NEST-020", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = NEEDS, .requires = stage1_none)
{
	u64 start, rounds = 0, seen = 0;
	struct traffic t;
	struct guest g;
	u64 *entry;

	open_stream(&g, &t);
	entry = guest_entry(&g, guest_iova(&g, 0), guest_level(&g, guest_page_lg2(&g)));
	start = now_ns();
	/* Longer on a machine that is too busy to let the stream run. */
	for (; now_ns() - start < (seen ? 2 : 60) * RUN_NS; rounds++) {
		bool reported;

		guest_clean(&g, entry);
		guest_forget_all(&g, g.nested);
		reported = table_reported(&g, entry);
		for (u32 i = 0; i < 1000 && !guest_dirty(&g, entry); i++)
			sleep_ns(1000);
		if (!guest_dirty(&g, entry))
			continue;
		seen++;
		/* While it is dirty nothing updates it: what comes next is not owed yet. */
		reported |= table_reported(&g, entry);
		ct_check(reported,
			 "round %llu: the IOMMU made a guest's entry dirty, and no harvest has it",
			 (unsigned long long)rounds);
	}
	traffic_finish(&t);
	ct_check(seen > 0, "the stream made no entry dirty in %llu rounds",
		 (unsigned long long)rounds);
	ct_measure("updates", (double)seen, "1");
}
