/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Devices that cache translations: what they ask for, keep, and forget. */
#define _GNU_SOURCE
#include <sched.h>

#include "hw_caches.h"

static const struct hw_ats exact = { .entries = 8 };
static const struct hw_ats eager = { .entries = 8, .eager = true };

#define setup_ats(k, a) setup_caches(k, .sets = 8, .ways = 2, .walk_entries = 8, .ats = (a))

/* The device's cache of @pasid, complete on return. */
static void invalidate_device(struct rig *r, u32 pasid, u64 first, u64 last)
{
	issue(r, .kind = HW_INV_ATC, .dev = r->dev, .pasid = pasid, .first = first, .last = last);
	hw_inv_wait(r->iommu);
}

/* Does an access ask the IOMMU? */
static bool asks(struct rig *r, u32 pasid, bool write, u64 iova)
{
	struct iodirty_stats was = stats(r), is;

	ck_assert_int_eq(touch_pasid(r, pasid, write, iova), IODIRTY_FAULT_NONE);
	is = stats(r);
	ck_assert_uint_eq(is.atc_hits + is.atc_misses, was.atc_hits + was.atc_misses + 1);
	return is.atc_misses != was.atc_misses;
}

/* A hit is no matter of the IOMMU: it is served though the IOMMU has nothing there,
 * until the device is told. */
START_TEST(hit_without_iommu)
{
	struct rig *r = setup_ats(&kinds[_i], &exact);
	u64 *p = put_mem(r, IOVA, 1), v = 7;
	struct hw_fault fault;

	ck_assert(asks(r, 0, true, IOVA));
	*p = 0;
	hw_invalidate(r->iommu, DOMAIN, 0, ~0ULL);
	ck_assert_uint_eq(hw_dma(r->dev, 0, true, IOVA + 8, &v, 8, &fault), 8);
	ck_assert_uint_eq(*(u64 *)(r->mem + 8), 7);
	ck_assert(!asks(r, 0, false, IOVA));
	ck_assert_uint_eq(*p, 0);
	ck_assert_uint_eq(stats(r).walks, 1);
	/* Beside it is not it. */
	invalidate_device(r, 0, 0, IOVA - 1);
	invalidate_device(r, 0, IOVA + leaf(r), ~0ULL);
	ck_assert(!asks(r, 0, true, IOVA));
	invalidate_device(r, 0, IOVA + leaf(r) - 1, IOVA + leaf(r) - 1);
	ck_assert_int_eq(touch(r, true, IOVA), IODIRTY_FAULT_NOT_PRESENT);
	ck_assert_int_eq(touch(r, false, IOVA), IODIRTY_FAULT_NOT_PRESENT);
	ck_assert_uint_eq(stats(r).atc_invalidations, 3);
	ck_assert_uint_eq(stats(r).invalidations, 1);
	teardown(r);
}
END_TEST

/* One that asks for write permission to write only: reading makes nothing dirty. */
START_TEST(exact_asks)
{
	struct rig *r = setup_ats(&kinds[_i], &exact);
	u64 *p = put_mem(r, IOVA, 1), was = *p;

	ck_assert(asks(r, 0, false, IOVA));
	ck_assert(!asks(r, 0, false, IOVA));
	ck_assert_uint_eq(*p, was | r->k->a);
	ck_assert(asks(r, 0, true, IOVA));
	ck_assert(is_dirty(r->k, *p));
	ck_assert_uint_eq(stats(r).dirty_sets, 1);
	ck_assert(!asks(r, 0, true, IOVA) && !asks(r, 0, false, IOVA));
	/* Cleaned behind its back, nothing tells. */
	make_clean(r->k, p);
	ck_assert(!asks(r, 0, true, IOVA));
	ck_assert(!is_dirty(r->k, *p));
	teardown(r);
}
END_TEST

/* One that asks for it to read, too: the leaf is dirty though nothing is written. */
START_TEST(eager_asks)
{
	struct rig *r = setup_ats(&kinds[_i], &eager);
	u64 *p = put_mem(r, IOVA, 3), n = leaf(r) < r->unit ? 2 : 1;
	u64 *fixed = &p[n], was;

	ck_assert(asks(r, 0, false, IOVA));
	ck_assert(is_dirty(r->k, *p));
	ck_assert(!asks(r, 0, true, IOVA));
	ck_assert_uint_eq(stats(r).dirty_sets, 1);
	/* What cannot be written is read all the same, and stays as it is. */
	*fixed = was = changed(*fixed, r->k->no_write);
	ck_assert(asks(r, 0, false, IOVA + n * leaf(r)));
	ck_assert_int_eq(touch(r, true, IOVA + n * leaf(r)), IODIRTY_FAULT_PERMISSION);
	ck_assert_uint_eq(*fixed, was | r->k->a);
	ck_assert(!asks(r, 0, false, IOVA + n * leaf(r)));
	teardown(r);
}
END_TEST

/* A request that does not ask for write permission is given it where D is set. */
START_TEST(dirty_grants_write)
{
	struct rig *r = setup_ats(&kinds[_i], &exact);
	u64 *p = put_mem(r, IOVA, 2);

	*p = changed(*p, r->k->dirty);
	ck_assert(asks(r, 0, false, IOVA));
	ck_assert(!asks(r, 0, true, IOVA));
	ck_assert(asks(r, 0, false, IOVA + leaf(r)));
	ck_assert(asks(r, 0, true, IOVA + leaf(r)));
	ck_assert_uint_eq(stats(r).dirty_sets, 1);
	teardown(r);
}
END_TEST

/* What it must not write it does not, whoever asked before, and no D is set. */
START_TEST(read_only)
{
	struct rig *r = setup_ats(&kinds[_i], &exact);
	u64 *p = put_mem(r, IOVA, 1), was, old = 0;
	struct hw_fault fault;

	*p = was = changed(*p, r->k->no_write);
	ck_assert_int_eq(touch(r, true, IOVA), IODIRTY_FAULT_PERMISSION);
	ck_assert_int_eq(touch(r, false, IOVA), 0);
	ck_assert_int_eq(touch(r, true, IOVA), IODIRTY_FAULT_PERMISSION);
	ck_assert(!hw_dma_atomic(r->dev, 0, IODIRTY_DMA_SWAP, IOVA, 8, 1, 0, &old, &fault));
	ck_assert_int_eq(fault.reason, IODIRTY_FAULT_PERMISSION);
	ck_assert_uint_eq(*p, was | r->k->a);
	ck_assert_uint_eq(*(u64 *)r->mem, 0);
	ck_assert_int_eq(touch(r, false, FAR & ~(leaf(r) - 1)), IODIRTY_FAULT_NOT_PRESENT);
	teardown(r);
}
END_TEST

/* An AtomicOp is a write; one that hits is the device's alone. */
START_TEST(atomics)
{
	struct rig *r = setup_ats(&kinds[_i], &exact);
	u64 *p = put_mem(r, IOVA, 1), old = 0;
	struct hw_fault fault;

	ck_assert(hw_dma_atomic(r->dev, 0, IODIRTY_DMA_CAS, IOVA, 8, 1, 2, &old, &fault));
	ck_assert(is_dirty(r->k, *p));
	make_clean(r->k, p);
	ck_assert(hw_dma_atomic(r->dev, 0, IODIRTY_DMA_FETCH_ADD, IOVA, 8, 3, 0, &old, &fault));
	ck_assert_uint_eq(*(u64 *)r->mem, 3);
	ck_assert(!is_dirty(r->k, *p));
	ck_assert_uint_eq(stats(r).walks, 2);
	teardown(r);
}
END_TEST

/*
 * Told before the IOTLB is clean, the device asks again at once, is given the old
 * translation with its D, and writes on without a mark; told after, it does not.
 */
START_TEST(told_too_early)
{
	struct rig *r = setup_ats(&kinds[_i], &exact);
	u64 *p = put_mem(r, IOVA, 1);

	ck_assert_int_eq(touch(r, true, IOVA), 0);
	make_clean(r->k, p);
	invalidate_device(r, 0, IOVA, IOVA);
	hw_invalidate(r->iommu, DOMAIN, IOVA, IOVA);
	ck_assert(!asks(r, 0, true, IOVA));
	ck_assert(!is_dirty(r->k, *p));
	/* Nor does it help that both are waited for at once. */
	hw_invalidate(r->iommu, DOMAIN, IOVA, IOVA);
	invalidate_device(r, 0, IOVA, IOVA);
	ck_assert_int_eq(touch(r, true, IOVA), 0);
	make_clean(r->k, p);
	issue(r, .kind = HW_INV_ATC, .dev = r->dev, .first = IOVA, .last = IOVA);
	issue(r, .kind = HW_INV_DOMAIN, .domain = DOMAIN);
	hw_inv_wait(r->iommu);
	ck_assert(!asks(r, 0, true, IOVA));
	ck_assert(!is_dirty(r->k, *p));
	/* The other order. */
	hw_invalidate(r->iommu, DOMAIN, IOVA, IOVA);
	invalidate_device(r, 0, IOVA, IOVA);
	ck_assert(!is_dirty(r->k, *p));
	ck_assert(asks(r, 0, true, IOVA));
	ck_assert(is_dirty(r->k, *p));
	teardown(r);
}
END_TEST

/* A command to the device, too, has no effect before it is waited for; one that names
 * a device that is gone by then does no harm. */
START_TEST(issued_is_not_complete)
{
	struct rig *r = setup_ats(&kinds[_i], &exact);
	struct hw_dev *dev = hw_dev_create(r->iommu);
	u64 *p = put_mem(r, IOVA, 1);

	ck_assert_int_eq(hw_dev_ats(dev, &exact), 0);
	ck_assert_int_eq(touch(r, true, IOVA), 0);
	make_clean(r->k, p);
	issue(r, .kind = HW_INV_GLOBAL);
	issue(r, .kind = HW_INV_ATC, .dev = r->dev, .pasid = HW_ANY, .last = ~0ULL);
	ck_assert(!asks(r, 0, true, IOVA));
	ck_assert_uint_eq(stats(r).atc_invalidations, 0);
	hw_inv_wait(r->iommu);
	ck_assert_uint_eq(stats(r).atc_invalidations, 1);
	ck_assert(asks(r, 0, true, IOVA));
	ck_assert(is_dirty(r->k, *p));
	issue(r, .kind = HW_INV_ATC, .dev = dev, .pasid = HW_ANY, .last = ~0ULL);
	hw_dev_destroy(dev);
	hw_inv_wait(r->iommu);
	teardown(r);
}
END_TEST

/* Each PASID's translations are its own, in the device too. */
START_TEST(pasids)
{
	struct rig *r = setup_ats(&kinds[_i], &exact);

	put_mem(r, IOVA, 1);
	attach_pasid(r, 1, DOMAIN);
	attach_pasid(r, 2, DOMAIN);
	ck_assert(asks(r, 1, true, IOVA) && asks(r, 2, true, IOVA));
	ck_assert(!asks(r, 1, true, IOVA) && !asks(r, 2, true, IOVA));
	hw_invalidate(r->iommu, DOMAIN, 0, ~0ULL);
	*entry_at(r, IOVA, 1) = 0;
	invalidate_device(r, 1, 0, ~0ULL);
	ck_assert_int_eq(touch_pasid(r, 1, true, IOVA), IODIRTY_FAULT_NOT_PRESENT);
	ck_assert(!asks(r, 2, true, IOVA));
	invalidate_device(r, HW_ANY, 0, ~0ULL);
	ck_assert_int_eq(touch_pasid(r, 2, true, IOVA), IODIRTY_FAULT_NOT_PRESENT);
	hw_context_set(r->dev, 1, NULL);
	hw_context_set(r->dev, 2, NULL);
	teardown(r);
}
END_TEST

/* Writing the context of a PASID, or removing it, empties the device's cache of it. */
START_TEST(context_resets)
{
	struct rig *r = setup_ats(&kinds[_i], &exact);
	u64 *p = put_mem(r, IOVA, 1);

	attach_pasid(r, 1, DOMAIN + 1);
	ck_assert(asks(r, 0, true, IOVA) && asks(r, 1, true, IOVA));
	make_clean(r->k, p);
	attach(r, true);
	ck_assert(!asks(r, 1, true, IOVA));
	ck_assert(!is_dirty(r->k, *p));
	ck_assert(asks(r, 0, true, IOVA));
	ck_assert(is_dirty(r->k, *p));
	ck_assert_int_eq(hw_context_set(r->dev, 0, NULL), 0);
	ck_assert_int_eq(touch(r, false, IOVA), IODIRTY_FAULT_NOT_ATTACHED);
	ck_assert(!asks(r, 1, false, IOVA));
	hw_context_set(r->dev, 1, NULL);
	ck_assert_int_eq(touch_pasid(r, 1, false, IOVA), IODIRTY_FAULT_NOT_ATTACHED);
	teardown(r);
}
END_TEST

/* While nothing is tracked write permission is given freely; from the switch on not. */
START_TEST(tracking_switch)
{
	struct rig *r = setup_ats(&kinds[_i], &exact);
	u64 *p = put_mem(r, IOVA, 1);

	if (r->k->always) {
		teardown(r);
		return;
	}
	attach(r, false);
	ck_assert(asks(r, 0, false, IOVA));
	ck_assert(!asks(r, 0, true, IOVA));
	ck_assert(!is_dirty(r->k, *p));
	attach(r, true);
	ck_assert(asks(r, 0, true, IOVA));
	ck_assert(is_dirty(r->k, *p));
	teardown(r);
}
END_TEST

/* A cache of nothing: it asks each time, as its kind does. One of one leaf keeps the
 * last. */
START_TEST(sizes)
{
	static const struct hw_ats none = { 0, true }, one = { 1, false };
	struct rig *r = setup_ats(&kinds[_i], &none);
	u64 *p = put_mem(r, IOVA, 1);

	ck_assert(asks(r, 0, false, IOVA) && asks(r, 0, false, IOVA));
	ck_assert(is_dirty(r->k, *p));
	invalidate_device(r, 0, 0, ~0ULL);
	teardown(r);
	r = setup_ats(&kinds[_i], &one);
	put_mem(r, IOVA, 2);
	ck_assert(asks(r, 0, true, IOVA) && !asks(r, 0, true, IOVA));
	ck_assert(asks(r, 0, true, IOVA + leaf(r)));
	ck_assert(asks(r, 0, true, IOVA));
	teardown(r);
}
END_TEST

struct writer {
	struct port_thread thread;
	struct rig *r;
	u64 go, done; /* rounds begun and ended; atomic */
};

static void write_rounds(void *arg)
{
	static u64 page[512];
	struct writer *w = arg;
	struct hw_fault fault;
	u64 n = 0;

	while (!port_thread_stopping(&w->thread)) {
		if (port_load(&w->go) == n)
			continue;
		page[511] = ++n;
		hw_dma(w->r->dev, 0, true, IOVA, page, PORT_PAGE_SIZE, &fault);
		port_store(&w->done, n);
	}
}

/*
 * The device answers an invalidation when what it did by the old translation is in
 * memory: bytes that land after the wait have set D again.
 */
START_TEST(drain)
{
	struct rig *r = setup_ats(kind_named("amd-v1"), &exact);
	struct writer w = { .r = r };
	u64 *p = put_mem(r, IOVA, 1), *last = (u64 *)(r->mem + PORT_PAGE_SIZE - 8);
	volatile unsigned int spin;
	u64 round, before;

	srand(3);
	ck_assert_int_eq(touch(r, true, IOVA), 0);
	ck_assert_int_eq(port_thread_start(&w.thread, write_rounds, &w), 0);
	for (round = 1; round <= 500; round++) {
		ck_assert_int_eq(touch(r, true, IOVA), 0); /* cached, D set */
		port_store(&w.go, round);
		for (spin = rand() % 2000; spin; spin--)
			;
		take_dirty(r->k, p);
		hw_invalidate(r->iommu, DOMAIN, IOVA, IOVA + PORT_PAGE_SIZE - 1);
		invalidate_device(r, 0, IOVA, IOVA + PORT_PAGE_SIZE - 1);
		before = port_load(last);
		while (port_load(&w.done) != round)
			sched_yield();
		ck_assert_uint_eq(port_load(last), round);
		ck_assert_msg(before == round || is_dirty(r->k, port_load(p)),
			      "round %llu: the write came after the device's answer and set no D",
			      round);
	}
	port_thread_stop(&w.thread);
	teardown(r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hw_ats");
	TCase *t = tcase_create("hw_ats");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, hit_without_iommu, 0, KINDS);
	tcase_add_loop_test(t, exact_asks, 0, KINDS);
	tcase_add_loop_test(t, eager_asks, 0, KINDS);
	tcase_add_loop_test(t, dirty_grants_write, 0, KINDS);
	tcase_add_loop_test(t, read_only, 0, KINDS);
	tcase_add_loop_test(t, atomics, 0, KINDS);
	tcase_add_loop_test(t, told_too_early, 0, KINDS);
	tcase_add_loop_test(t, issued_is_not_complete, 0, KINDS);
	tcase_add_loop_test(t, pasids, 0, KINDS);
	tcase_add_loop_test(t, context_resets, 0, KINDS);
	tcase_add_loop_test(t, tracking_switch, 0, KINDS);
	tcase_add_loop_test(t, sizes, 0, KINDS);
	tcase_add_test(t, drain);
	suite_add_tcase(s, t);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
