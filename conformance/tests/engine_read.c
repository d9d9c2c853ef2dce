/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter ENGINE: a plain read of the tables, which is what benchmarks hold harvests
 * against. Whichever loop reads, in whichever order, it reads the same words.
 */
#include "concurrency.h"
#include "engine.h"

#define MAX_LOOPS 32
#define BEFORE_LOOP offsetof(struct iodirty_table_read, loop)

/* Units [first, first + n) of a bed; what the call returned. */
static int read_tables(const struct bed *b, u32 loop, u32 order, u64 first, u64 n,
		       struct iodirty_table_read *r)
{
	*r = (struct iodirty_table_read){ .hwpt_id = b->s.hwpt,
					  .iova = b->s.iova + first * b->unit,
					  .length = n * b->unit,
					  .loop = loop,
					  .order = order };
	return ct.t->driver->table_read(ct.t, r);
}

/* By all loops in both orders: the same. The sum. */
static u64 read_alike(const struct bed *b, u64 first, u64 n)
{
	struct iodirty_table_read one, r;
	u32 loop;
	int ret;

	x(read_tables(b, 0, IODIRTY_TABLES_WALK, first, n, &one));
	for (loop = 0; loop < MAX_LOOPS; loop++) {
		for (u32 order = IODIRTY_TABLES_WALK; order <= IODIRTY_TABLES_LINEAR; order++) {
			ret = read_tables(b, loop, order, first, n, &r);
			if (ret == -ERANGE && loop)
				return one.out_sum;
			/* Instructions that this processor does not have. */
			if (ret == -EOPNOTSUPP && loop)
				continue;
			x(ret);
			ct_check(r.out_entries == one.out_entries && r.out_sum == one.out_sum,
				 "loop %s, order %u: %llu entries, sum %#llx; by %s %llu, %#llx",
				 r.out_loop, order, r.out_entries, r.out_sum, one.out_loop,
				 one.out_entries, one.out_sum);
		}
	}
	ct_fail("there is no end of loops: %d", MAX_LOOPS);
}

CT_TEST(read_loops, "ENGINE-017", .scope = CT_EACH_LEAF, .needs = TARGET_ENGINE | TARGET_DMA)
{
	struct bed b;
	u64 sum;

	bed_open(&b);
	sum = read_alike(&b, 0, b.units);
	ct_check(read_alike(&b, 0, b.units) == sum, "two reads of what nobody changed differ");
	/* Some entry is another now, be it the last one. */
	for (u64 leaf = 0; leaf < b.leaves; leaf += leaf ? b.leaves - 1 : 1) {
		u64 before = sum;

		bed_write(&b, leaf);
		sum = read_alike(&b, 0, b.units);
		ct_check(sum != before, "leaf %llu was written, and its entry has not changed",
			 (unsigned long long)leaf);
		if (b.leaves == 1)
			break;
	}
	for (int i = 0; i < 20; i++) {
		u64 first = ct_random(&b.random) % b.units;

		read_alike(&b, first, 1 + ct_random(&b.random) % (b.units - first));
	}
	/* It is no harvest. */
	bed_expect_all(&b, "after reads", 0);
}

/* Entries of all the leaves at least, and not many more. */
CT_TEST(read_entries, "ENGINE-017", .scope = CT_EACH_FORMAT, .needs = TARGET_ENGINE | TARGET_LEAF)
{
	struct iodirty_table_read r;
	struct bed b;

	bed_open(&b);
	x(read_tables(&b, 0, IODIRTY_TABLES_WALK, 0, b.units, &r));
	ct_check(r.out_entries >= b.leaves, "%llu entries were read of %llu leaves", r.out_entries,
		 (unsigned long long)b.leaves);
	/* A root of up to 1024 tables of 64 KiB is in no walk whole. */
	ct_check(r.out_entries <= b.leaves + 64 * 1024, "%llu entries were read of %llu leaves",
		 r.out_entries, (unsigned long long)b.leaves);
}

CT_TEST(read_names, "ENGINE-018", .needs = TARGET_ENGINE)
{
	char names[MAX_LOOPS][IODIRTY_NAME_LEN];
	struct iodirty_table_read r;
	struct bed b;
	u32 n = 0, loop;
	int ret;

	bed_open(&b);
	for (loop = 0;; loop++) {
		ret = read_tables(&b, loop, IODIRTY_TABLES_WALK, 0, b.units, &r);
		if (ret == -ERANGE)
			break;
		if (ret == -EOPNOTSUPP && loop)
			continue;
		x(ret);
		ct_check(n < MAX_LOOPS, "there is no end of loops: %d", MAX_LOOPS);
		ct_check(r.out_loop[0] && memchr(r.out_loop, 0, sizeof(r.out_loop)),
			 "loop %u has no name that ends", loop);
		memcpy(names[n], r.out_loop, sizeof(names[n]));
		for (u32 i = 0; i < n; i++)
			ct_check(strcmp(names[i], names[n]) != 0, "loop %s is there twice",
				 names[n]);
		n++;
	}
	ct_check(n, "no loop reads");
	x_err(ERANGE, read_tables(&b, UINT32_MAX, IODIRTY_TABLES_WALK, 0, b.units, &r));
}

static int bad(const struct bed *b, u32 order, u32 flags, u32 reserved)
{
	struct iodirty_table_read r = { .hwpt_id = b->s.hwpt,
					.iova = b->s.iova,
					.length = b->s.length,
					.order = order,
					.flags = flags,
					.__reserved = reserved };

	return ct.t->driver->table_read(ct.t, &r);
}

CT_TEST(read_refused, "ENGINE-018", .needs = TARGET_ENGINE)
{
	struct iodirty_table_read r;
	struct bed b;

	bed_open(&b);
	x_err(EOPNOTSUPP, bad(&b, IODIRTY_TABLES_LINEAR + 1, 0, 0));
	x_err(EOPNOTSUPP, bad(&b, UINT32_MAX, 0, 0));
	x_err(EOPNOTSUPP, bad(&b, 0, IODIRTY_TABLE_EVICT << 1, 0));
	x_err(EOPNOTSUPP, bad(&b, 0, 1u << 31, 0));
	x_err(EOPNOTSUPP, bad(&b, 0, 0, 1));
	x_err(EINVAL, read_tables(&b, 0, IODIRTY_TABLES_WALK, 0, 0, &r));
	r = (struct iodirty_table_read){ .hwpt_id = b.s.hwpt, .iova = b.s.iova, .length = -4096 };
	x_err(EINVAL, ct.t->driver->table_read(ct.t, &r));
	r = (struct iodirty_table_read){ .hwpt_id = b.s.ioas, .length = 4096 };
	x_err(ENOENT, ct.t->driver->table_read(ct.t, &r));
	/* As it was first published. */
	r = (struct iodirty_table_read){ .size = BEFORE_LOOP,
					 .hwpt_id = b.s.hwpt,
					 .iova = b.s.iova,
					 .length = b.s.length,
					 .loop = UINT32_MAX };
	x(ct_ioctl(IODIRTY_TABLE_READ, &r));
	ct_check(r.loop == UINT32_MAX && r.out_entries,
		 "the struct as first published is not read");
}

static int evict(const struct scene *s)
{
	struct iodirty_table_read r = { .hwpt_id = s->hwpt,
					.iova = s->iova,
					.length = s->length,
					.flags = IODIRTY_TABLE_EVICT };

	return ct.t->driver->table_read(ct.t, &r);
}

static void need_evict(const struct scene *s)
{
	int ret = evict(s);

	if (ret == -EOPNOTSUPP)
		ct_skip("this processor has no way to take tables out of its caches");
	x(ret);
}

/* Out of the processor's caches they are what they were. */
CT_TEST(evict_changes_nothing, "ENGINE-019", .scope = CT_EACH_LEAF,
	.needs = TARGET_ENGINE | TARGET_LEAF | TARGET_DMA)
{
	struct bed b;
	u64 sum;

	bed_open(&b);
	need_evict(&b.s);
	bed_scatter(&b, 300, false);
	sum = read_alike(&b, 0, b.units);
	x(evict(&b.s));
	ct_check(read_alike(&b, 0, b.units) == sum, "entries have changed by being taken out");
	bed_expect_all(&b, "after they were taken out", IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR);
	x(evict(&b.s));
	bed_expect_all(&b, "after they were taken out", 0);
	x(evict(&b.s));
	bed_expect_all(&b, "after they were cleaned", 0);
}

static int read_and_evict(void *arg)
{
	const struct scene *s = arg;
	struct iodirty_table_read r = { .hwpt_id = s->hwpt, .iova = s->iova, .length = s->length };
	int ret = evict(s);

	return ret ? ret : ct.t->driver->table_read(ct.t, &r);
}

static int harvest_all(void *arg)
{
	struct traffic *t = arg;

	return traffic_harvest(t, 0, t->npages, NULL);
}

/* Nor while they change. */
CT_TEST(evict_meanwhile, "ENGINE-019", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = TARGET_ENGINE | TARGET_STREAM)
{
	struct worker harvester, evicter;
	struct traffic t;
	struct scene s;

	scene_open(&s, .leaves = 64);
	need_evict(&s);
	traffic_open(&t, &s, s.leaf);
	traffic_start(&t, s.dev);
	worker_start(&harvester, harvest_all, &t);
	worker_start(&evicter, read_and_evict, &s);
	for (unsigned int i = 0; i < 50; i++) {
		sleep_ns(1000);
		traffic_settle(&t);
	}
	worker_stop(&evicter);
	worker_stop(&harvester);
	traffic_finish(&t);
	ct_measure("evictions", evicter.rounds, "1");
}
