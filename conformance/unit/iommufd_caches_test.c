/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The driver's side of caches, where conformance cannot see it: what a plug may ask
 * for, by callers old and new; and what a harvest invalidates where hardware tags by
 * PASID, which here a second-stage IOMMU is made to do.
 */
#include <check.h>

#include "hw/iommu.h"
#include "iommufd/core.h"

#define PAGE PORT_PAGE_SIZE
#define IOVA 0x40000000ULL

static u8 memory[4 * PAGE] __attribute__((aligned(PAGE)));

static struct iodirty_plug plug_of(u32 flags)
{
	return (struct iodirty_plug){ .size = sizeof(struct iodirty_plug),
				      .flags = flags,
				      .format = "vtd-ss",
				      .pasid_width = 8 };
}

static long plug(struct iommufd_ctx *ctx, struct iodirty_plug *arg)
{
	return iommufd_ioctl(ctx, IODIRTY_PLUG, (u64)arg);
}

/* ---- what may be asked for ---- */

static const struct {
	u32 flags;
	u32 sets, ways, walk, atc;
	int err;
} rules[] = {
	{ IODIRTY_PLUG_CACHES, 0, 0, 0, 0, 0 },
	{ IODIRTY_PLUG_CACHES, 4096, 16, 1024, 0, 0 },
	{ IODIRTY_PLUG_CACHES | IODIRTY_PLUG_ATS, 1, 1, 1, 1024, 0 },
	{ IODIRTY_PLUG_CACHES | IODIRTY_PLUG_ATS, 1, 1, 1, 0, 0 },
	{ IODIRTY_PLUG_ATS, 0, 0, 0, 0, 0 },
	{ IODIRTY_PLUG_ATS | IODIRTY_PLUG_ATS_EAGER | IODIRTY_PLUG_NO_DIRTY, 0, 0, 0, 0, 0 },
	{ IODIRTY_PLUG_CACHES, 4097, 1, 0, 0, -EINVAL },
	{ IODIRTY_PLUG_CACHES, 1, 17, 0, 0, -EINVAL },
	{ IODIRTY_PLUG_CACHES, 0, 0, 1025, 0, -EINVAL },
	{ IODIRTY_PLUG_CACHES | IODIRTY_PLUG_ATS, 0, 0, 0, 1025, -EINVAL },
	{ IODIRTY_PLUG_CACHES, 1, 0, 0, 0, -EINVAL },
	{ IODIRTY_PLUG_CACHES, 0, 1, 0, 0, -EINVAL },
	{ IODIRTY_PLUG_CACHES, 0, 0, 0, 1, -EINVAL },
	{ IODIRTY_PLUG_ATS_EAGER, 0, 0, 0, 0, -EINVAL },
	{ 0, 1, 0, 0, 0, -EOPNOTSUPP },
	{ 0, 0, 1, 0, 0, -EOPNOTSUPP },
	{ 0, 0, 0, 1, 0, -EOPNOTSUPP },
	{ IODIRTY_PLUG_ATS, 0, 0, 0, 1, -EOPNOTSUPP },
};
#define RULES (int)(sizeof(rules) / sizeof(rules[0]))

START_TEST(plug_rules)
{
	struct iommufd_ctx *ctx = iommufd_open();
	struct iodirty_plug arg = plug_of(rules[_i].flags);

	arg.iotlb_sets = rules[_i].sets;
	arg.iotlb_ways = rules[_i].ways;
	arg.walk_entries = rules[_i].walk;
	arg.atc_entries = rules[_i].atc;
	ck_assert_int_eq(plug(ctx, &arg), rules[_i].err);
	iommufd_release(ctx);
}
END_TEST

/* Behind an IOMMU that is there: its own sizes, or none; the device's are its own. */
START_TEST(plug_shared)
{
	struct iommufd_ctx *ctx = iommufd_open();
	struct iodirty_plug first = plug_of(IODIRTY_PLUG_CACHES), arg;

	first.iotlb_sets = 2;
	first.iotlb_ways = 3;
	first.walk_entries = 4;
	ck_assert_int_eq(plug(ctx, &first), 0);
	arg = first;
	ck_assert_int_eq(plug(ctx, &arg), 0);
	arg.flags |= IODIRTY_PLUG_ATS;
	arg.atc_entries = 9;
	ck_assert_int_eq(plug(ctx, &arg), 0);
	arg = plug_of(IODIRTY_PLUG_ATS | IODIRTY_PLUG_ATS_EAGER);
	arg.iommu_id = first.iommu_id;
	ck_assert_int_eq(plug(ctx, &arg), 0);
	for (unsigned int i = 0; i < 3; i++) {
		arg = first;
		arg.iotlb_sets += i == 0;
		arg.iotlb_ways += i == 1;
		arg.walk_entries += i == 2;
		ck_assert_int_eq(plug(ctx, &arg), -EINVAL);
	}
	iommufd_release(ctx);
}
END_TEST

/* Programs that were built when these structs ended sooner. */
START_TEST(old_callers)
{
	struct iommufd_ctx *ctx = iommufd_open();
	struct iodirty_plug arg = plug_of(0);
	struct iodirty_stats stats;

	memset(&stats, 0xee, sizeof(stats));
	stats.size = 120;
	stats.__reserved = 0;
	arg.size = 56;
	arg.iotlb_sets = ~0U; /* beyond its end */
	ck_assert_int_eq(plug(ctx, &arg), 0);
	ck_assert_uint_ne(arg.out_dev_id, 0);
	ck_assert_uint_eq(arg.iotlb_sets, ~0U);
	ck_assert_int_eq(iommufd_ioctl(ctx, IODIRTY_STATS, (u64)&stats), 0);
	ck_assert_uint_eq(stats.dma_ops, 0);
	ck_assert_uint_eq(stats.walk_cache_hits, 0xeeeeeeeeeeeeeeee);
	arg.size = 55;
	ck_assert_int_eq(plug(ctx, &arg), -EINVAL);
	stats.size = 119;
	ck_assert_int_eq(iommufd_ioctl(ctx, IODIRTY_STATS, (u64)&stats), -EINVAL);
	iommufd_release(ctx);
}
END_TEST

/* ---- what is invalidated ---- */

struct rig {
	struct iommufd_ctx *ctx;
	u32 dev, hwpt;
	struct hw_iommu *iommu; /* whose tags hold a PASID */
};

static struct iodirty_stats stats_of(struct rig *r)
{
	struct iodirty_stats stats = { .size = sizeof(stats) };

	ck_assert_int_eq(iommufd_ioctl(r->ctx, IODIRTY_STATS, (u64)&stats), 0);
	return stats;
}

static void attach(struct rig *r, u32 pasid)
{
	struct iodirty_attach arg = {
		.size = sizeof(arg), .dev_id = r->dev, .pasid = pasid, .pt_id = r->hwpt
	};

	ck_assert_int_eq(iommufd_ioctl(r->ctx, IODIRTY_ATTACH, (u64)&arg), 0);
}

static void detach(struct rig *r, u32 pasid)
{
	struct iodirty_detach arg = { .size = sizeof(arg), .dev_id = r->dev, .pasid = pasid };

	ck_assert_int_eq(iommufd_ioctl(r->ctx, IODIRTY_DETACH, (u64)&arg), 0);
}

static void write_page(struct rig *r, u32 pasid, u64 page)
{
	u8 byte = 1;
	struct iodirty_dma dma = { .size = sizeof(dma),
				   .op = IODIRTY_DMA_WRITE,
				   .dev_id = r->dev,
				   .pasid = pasid,
				   .iova = IOVA + page * PAGE,
				   .length = 1,
				   .data = (u64)&byte };

	ck_assert_int_eq(iommufd_ioctl(r->ctx, IODIRTY_DMA, (u64)&dma), 0);
	ck_assert_uint_eq(dma.out_fault, IODIRTY_FAULT_NONE);
}

static u8 harvest(struct rig *r)
{
	u8 bits = 0;
	struct iommu_hwpt_get_dirty_bitmap get = { .size = sizeof(get),
						   .hwpt_id = r->hwpt,
						   .iova = IOVA,
						   .length = sizeof(memory),
						   .page_size = PAGE,
						   .data = (u64)&bits };

	ck_assert_int_eq(iommufd_ioctl(r->ctx, IOMMU_HWPT_GET_DIRTY_BITMAP, (u64)&get), 0);
	return bits;
}

static void open_rig(struct rig *r)
{
	struct iommu_ioas_alloc ioas = { .size = sizeof(ioas) };
	struct iodirty_plug arg = plug_of(0);
	struct iommu_hwpt_alloc alloc = { .size = sizeof(alloc),
					  .flags = IOMMU_HWPT_ALLOC_DIRTY_TRACKING |
						   IOMMU_HWPT_ALLOC_PASID };
	struct iommu_ioas_map map = { .size = sizeof(map),
				      .flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
					       IOMMU_IOAS_MAP_WRITEABLE,
				      .length = sizeof(memory),
				      .iova = IOVA,
				      .user_va = (u64)memory };
	struct iommu_hwpt_set_dirty_tracking set = { .size = sizeof(set),
						     .flags = IOMMU_HWPT_DIRTY_TRACKING_ENABLE };
	struct device *dev;

	r->ctx = iommufd_open();
	ck_assert_int_eq(iommufd_ioctl(r->ctx, IOMMU_IOAS_ALLOC, (u64)&ioas), 0);
	ck_assert_int_eq(plug(r->ctx, &arg), 0);
	r->dev = alloc.dev_id = arg.out_dev_id;
	map.ioas_id = alloc.pt_id = ioas.out_ioas_id;
	ck_assert_int_eq(iommufd_ioctl(r->ctx, IOMMU_HWPT_ALLOC, (u64)&alloc), 0);
	r->hwpt = set.hwpt_id = alloc.out_hwpt_id;
	ck_assert_int_eq(iommufd_ioctl(r->ctx, IOMMU_IOAS_MAP, (u64)&map), 0);
	ck_assert_int_eq(iommufd_ioctl(r->ctx, IOMMU_HWPT_SET_DIRTY_TRACKING, (u64)&set), 0);

	dev = object_get(r->ctx, r->dev, OBJECT_DEVICE);
	r->iommu = dev->iommu->hw;
	dev->iommu->config.pasid_tagged = r->iommu->config.pasid_tagged = true;
	object_put(&dev->obj);
}

/* Each PASID is told, once; and what it wrote after a harvest is in the next. */
START_TEST(pasid_tags)
{
	static const u32 pasids[] = { 0, 3, 7 };
	struct iodirty_stats before, after;
	struct rig r;

	open_rig(&r);
	for (unsigned int i = 0; i < 3; i++)
		attach(&r, pasids[i]);
	for (unsigned int round = 0; round < 3; round++) {
		for (unsigned int i = 0; i < 3; i++)
			write_page(&r, pasids[i], 1);
		before = stats_of(&r);
		ck_assert_uint_eq(before.walks, 3 + 4 * round);
		ck_assert_uint_eq(harvest(&r), 2);
		after = stats_of(&r);
		ck_assert_uint_eq(after.invalidations - before.invalidations, 3);
		ck_assert_uint_eq(after.invalidated_bytes - before.invalidated_bytes, 3 * PAGE);
		ck_assert_uint_eq(after.waits - before.waits, 1);
		write_page(&r, pasids[round], 1);
		ck_assert_uint_eq(harvest(&r), 2);
		ck_assert_uint_eq(harvest(&r), 0);
	}
	/* One that left is told no more. */
	detach(&r, 3);
	write_page(&r, 7, 2);
	before = stats_of(&r);
	ck_assert_uint_eq(harvest(&r), 4);
	after = stats_of(&r);
	ck_assert_uint_eq(after.invalidations - before.invalidations, 2);
	iommufd_release(r.ctx);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("iommufd_caches");
	TCase *t = tcase_create("caches");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, plug_rules, 0, RULES);
	tcase_add_test(t, plug_shared);
	tcase_add_test(t, old_callers);
	tcase_add_test(t, pasid_tags);
	suite_add_tcase(s, t);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
