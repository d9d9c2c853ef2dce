/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The modelled hardware: IOTLB, DMA, drain, streams. */
#define _GNU_SOURCE
#include <sched.h>

#include "hw_rig.h"

/* ---- the IOTLB ---- */

/* D cleared behind the IOTLB's back is not set again; after an invalidation it is. */
START_TEST(iotlb_stale)
{
	struct rig *r = setup(&kinds[_i], 16);
	u64 *p = put_mem(r, IOVA, 2), leaf_last = IOVA + (1ULL << r->k->granule_lg2) - 1;
	const struct kind *k = r->k;

	ck_assert_int_eq(touch(r, true, IOVA), 0);
	ck_assert(is_dirty(k, *p));
	make_clean(k, p);
	ck_assert_int_eq(touch(r, true, IOVA + 8), 0);
	ck_assert(!is_dirty(k, *p));
	/* Neighbours and other domains are no matter of this leaf. */
	hw_invalidate(r->iommu, DOMAIN, 0, IOVA - 1);
	hw_invalidate(r->iommu, DOMAIN, leaf_last + 1, ~0ULL);
	hw_invalidate(r->iommu, DOMAIN + 1, 0, ~0ULL);
	ck_assert_int_eq(touch(r, true, IOVA), 0);
	ck_assert(!is_dirty(k, *p));
	hw_invalidate(r->iommu, DOMAIN, leaf_last, leaf_last);
	ck_assert_int_eq(touch(r, true, IOVA), 0);
	ck_assert(is_dirty(k, *p));
	ck_assert_uint_eq(stats(r).iotlb_hits, 2);
	ck_assert_uint_eq(stats(r).walks, 2);
	ck_assert_uint_eq(stats(r).dirty_sets, 2);
	ck_assert_uint_eq(stats(r).dma_ops, 4);
	ck_assert_uint_eq(stats(r).invalidations, 4);
	/* So does writing the context entry. */
	make_clean(k, p);
	attach(r, true);
	ck_assert_int_eq(touch(r, true, IOVA), 0);
	ck_assert(is_dirty(k, *p));
	teardown(r);
}
END_TEST

/* Without an IOTLB each access walks. */
START_TEST(iotlb_none)
{
	struct rig *r = setup(&kinds[_i], 0);
	u64 *p = put_mem(r, IOVA, 1);

	ck_assert_int_eq(touch(r, true, IOVA), 0);
	make_clean(r->k, p);
	ck_assert_int_eq(touch(r, true, IOVA), 0);
	ck_assert(is_dirty(r->k, *p));
	ck_assert_uint_eq(stats(r).iotlb_hits, 0);
	teardown(r);
}
END_TEST

/* Reads set A and never D; a write through what they cached sets D. */
START_TEST(read_then_write)
{
	struct rig *r = setup(&kinds[_i], 16);
	u64 *p = put_mem(r, IOVA, 1), was = *p;

	ck_assert_int_eq(touch(r, false, IOVA), 0);
	ck_assert_int_eq(touch(r, false, IOVA), 0);
	ck_assert_uint_eq(*p, was | r->k->a);
	ck_assert_uint_eq(stats(r).walks, 1);
	ck_assert_int_eq(touch(r, true, IOVA), 0);
	ck_assert_uint_eq(*p, changed(was, r->k->dirty) | r->k->a);
	ck_assert_int_eq(touch(r, true, IOVA), 0);
	ck_assert_uint_eq(stats(r).walks, 2);
	teardown(r);
}
END_TEST

/* A leaf of several entries is cached whole: a hit anywhere in it, D where it was
 * walked. */
START_TEST(iotlb_several)
{
	const struct kind *k = &kinds[_i];
	unsigned int lg2 = several_lg2(k);
	u64 item = 1ULL << k->granule_lg2, *p;
	struct rig *r;

	if (!lg2) /* it has none, as golden_walks knows */
		return;
	if (k->leaves >> (lg2 + 2) & 1)
		lg2 += 2; /* eight entries at least */
	r = setup(k, 16);
	p = put(r, IOVA, (u64)r->mem, lg2);
	ck_assert_int_eq(touch(r, true, IOVA + 3 * item), 0);
	ck_assert_int_eq(touch(r, true, IOVA + 7 * item - 8), 0);
	ck_assert(!is_dirty(k, p[2]) && is_dirty(k, p[3]) && !is_dirty(k, p[6]));
	ck_assert_uint_eq(stats(r).walks, 1);
	hw_invalidate(r->iommu, DOMAIN, IOVA + 7 * item, IOVA + 8 * item - 1);
	ck_assert_int_eq(touch(r, true, IOVA + 7 * item - 8), 0);
	ck_assert(is_dirty(k, p[6]));
	teardown(r);
}
END_TEST

/* More leaves than slots: evicted ones are walked again, nothing is mixed up. */
START_TEST(iotlb_eviction)
{
	struct rig *r = setup(&kinds[_i], 5);
	u64 i, round;

	put_mem(r, IOVA, 32);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 32; i++) {
			struct hw_fault fault;
			u64 v = round << 32 | i;

			hw_dma(r->dev, 0, true, IOVA + i * r->unit, &v, 8, &fault);
			ck_assert_mem_eq(r->mem + i * r->unit, &v, 8);
		}
	}
	teardown(r);
}
END_TEST

/* ---- DMA ---- */

/* What an entry is in a table that is never tracked. */
static u64 untracked(const struct kind *k, u64 entry)
{
	return k->always ? changed(entry, k->dirty) : entry;
}

START_TEST(tracking_off)
{
	struct rig *r = setup(&kinds[_i], 16);
	const struct kind *k = r->k;
	u64 *p = put_mem(r, IOVA, 1), clean = *p, was = untracked(k, clean);
	u64 up = *entry_at(r, IOVA, 2);

	attach(r, false);
	if (k->always) { /* what was cached for a read does not let it through, either */
		ck_assert_int_eq(touch(r, false, IOVA), 0);
		ck_assert_int_eq(touch(r, true, IOVA), IODIRTY_FAULT_PERMISSION);
		ck_assert_uint_eq(*p, clean);
		attach(r, false);
	}
	*p = was;
	ck_assert_int_eq(touch(r, false, IOVA), 0);
	ck_assert_int_eq(touch(r, true, IOVA), 0);
	ck_assert_int_eq(touch(r, false, IOVA), 0);
	ck_assert_uint_eq(*p, k->unswitched ? changed(clean, k->dirty) | k->a : was);
	ck_assert_uint_eq(*entry_at(r, IOVA, 2), k->unswitched ? up | k->table_a : up);
	/* On again: what was cached while it was off must not hide a write. */
	*p = clean;
	attach(r, true);
	ck_assert_int_eq(touch(r, true, IOVA), 0);
	ck_assert_uint_eq(*p, changed(clean, k->dirty) | k->a);
	ck_assert_uint_eq(stats(r).dirty_sets, k->unswitched ? 2 : 1);
	teardown(r);
}
END_TEST

/* Hardware that cannot track does not, whatever the context says; but that which has
 * no switch for it sets D, if for nobody. */
START_TEST(no_dirty_hardware)
{
	struct rig *r = setup(&kinds[_i], 0);
	struct hw_iommu_config config = r->config;
	struct hw_context ctx = { .root_phys = port_table_phys(r->root),
				  .domain = DOMAIN,
				  .dirty = true };
	u64 *p = put_mem(r, IOVA, 1), was = untracked(r->k, *p), v = 1;
	struct hw_iommu *iommu;
	struct hw_fault fault;
	struct hw_dev *dev;
	int err;

	*p = was;
	config.dirty = false;
	iommu = hw_iommu_create(&config, &err);
	dev = hw_dev_create(iommu);
	ck_assert_int_eq(hw_context_set(dev, 0, &ctx), 0);
	ck_assert_uint_eq(hw_dma(dev, 0, true, IOVA, &v, 8, &fault), 8);
	ck_assert_uint_eq(*p, r->k->unswitched ? changed(was, r->k->dirty) | r->k->a : was);
	hw_context_set(dev, 0, NULL);
	hw_dev_destroy(dev);
	hw_iommu_destroy(iommu);
	config.tables.format = "none";
	ck_assert_ptr_null(hw_iommu_create(&config, &err));
	ck_assert_int_eq(err, -ENOENT);
	teardown(r);
}
END_TEST

/* Across pages that lie backwards in memory, at odd offsets, up to a hole. */
START_TEST(dma_across)
{
	struct rig *r = setup(&kinds[_i], 16);
	u64 lg2 = r->k->granule_lg2, leaf = 1ULL << lg2, n = 8, i, out, at = leaf - 3;
	static u8 buf[8 * UNIT_MAX], back[8 * UNIT_MAX];
	u64 *p = entry_at(r, IOVA, 1), wrong = 0;
	struct hw_fault fault;

	for (i = 0; i < n; i++)
		put(r, IOVA + i * leaf, (u64)r->mem + (n - 1 - i) * leaf, lg2);
	for (i = 0; i < sizeof(buf); i++)
		buf[i] = i * 7 + (i >> 8);
	/* from 3 bytes before the second leaf to 5 bytes into the last */
	out = (n - 1) * leaf + 5 - at;
	ck_assert_uint_eq(hw_dma(r->dev, 0, true, IOVA + at, buf, out, &fault), out);
	ck_assert_int_eq(fault.reason, IODIRTY_FAULT_NONE);
	for (i = 0; i < out; i++)
		wrong += r->mem[(n - 1 - (at + i) / leaf) * leaf + (at + i) % leaf] != buf[i];
	ck_assert_uint_eq(wrong, 0);
	for (i = 0; i < n; i++)
		ck_assert(is_dirty(r->k, p[i]));
	ck_assert_uint_eq(r->mem[(n - 1) * leaf + at - 1], 0);
	ck_assert_uint_eq(r->mem[5], 0);
	ck_assert_uint_eq(hw_dma(r->dev, 0, false, IOVA + at, back, out, &fault), out);
	ck_assert_mem_eq(back, buf, out);
	/* Past the last leaf there is nothing. */
	ck_assert_uint_eq(hw_dma(r->dev, 0, true, IOVA + at, buf, n * leaf, &fault), n * leaf - at);
	ck_assert_int_eq(fault.reason, IODIRTY_FAULT_NOT_PRESENT);
	ck_assert_uint_eq(fault.iova, IOVA + n * leaf);
	ck_assert_uint_eq(hw_dma(r->dev, 0, true, IOVA, NULL, 0, &fault), 0);
	ck_assert_int_eq(fault.reason, IODIRTY_FAULT_NONE);
	teardown(r);
}
END_TEST

/* The last byte of the last address there is: six levels translate 64 bits. */
START_TEST(dma_top)
{
	struct rig *r = setup(kind_named("amd-v1"), 16);
	struct hw_iommu_config config = r->config;
	u64 *top = new_table(r, 1), *low = new_table(r, 1), v = 0x1122334455667788;
	struct hw_context ctx = { .root_phys = port_table_phys(top),
				  .domain = DOMAIN,
				  .dirty = true };
	struct hw_iommu *iommu;
	struct hw_fault fault;
	struct hw_dev *dev;
	u64 *tables[5];
	int err, l;

	/* Levels 6 to 1; the top one is indexed by 7 bits. */
	tables[0] = top;
	for (l = 1; l < 5; l++)
		tables[l] = new_table(r, 1);
	for (l = 0; l < 5; l++)
		tables[l][l ? 511 : 127] = amd_table((u64)(l < 4 ? tables[l + 1] : low), 5 - l);
	low[511] = amd_leaf((u64)r->mem, 1, 12);
	config.tables.levels = 6;
	config.tables.input_lg2 = 64;
	iommu = hw_iommu_create(&config, &err);
	dev = hw_dev_create(iommu);
	ck_assert_int_eq(hw_context_set(dev, 0, &ctx), 0);
	ck_assert_uint_eq(hw_dma(dev, 0, true, ~0ULL - 7, &v, 8, &fault), 8);
	ck_assert_mem_eq(r->mem + r->unit - 8, &v, 8);
	ck_assert_uint_eq(hw_dma(dev, 0, true, ~0ULL - 6, &v, 8, &fault), 0);
	ck_assert_int_eq(fault.reason, IODIRTY_FAULT_ADDRESS);
	low[511] &= ~0x40ULL;
	hw_invalidate(iommu, DOMAIN, ~0ULL, ~0ULL);
	ck_assert_uint_eq(hw_dma(dev, 0, true, ~0ULL, &v, 1, &fault), 1);
	ck_assert(low[511] & 0x40);
	hw_context_set(dev, 0, NULL);
	hw_dev_destroy(dev);
	hw_iommu_destroy(iommu);
	teardown(r);
}
END_TEST

/* A page in the middle of a leaf is gone: the pages before it were moved. */
START_TEST(dma_memory_gone)
{
	struct rig *r = setup(kind_named("amd-v1"), 16);
	static u8 buf[8 * PORT_PAGE_SIZE];
	u64 gone = 2 * PORT_PAGE_SIZE;
	struct hw_fault fault;

	memset(buf, 0x55, sizeof(buf));
	put(r, IOVA, (u64)r->mem, 15);
	munmap(r->mem + gone, PORT_PAGE_SIZE);
	ck_assert_uint_eq(hw_dma(r->dev, 0, true, IOVA, buf, sizeof(buf), &fault), gone);
	ck_assert_int_eq(fault.reason, IODIRTY_FAULT_MEMORY);
	ck_assert_uint_eq(fault.iova, IOVA + gone);
	ck_assert_mem_eq(r->mem, buf, gone);
	ck_assert_uint_eq(r->mem[3 * PORT_PAGE_SIZE], 0);
	teardown(r);
}
END_TEST

START_TEST(atomics)
{
	struct rig *r = setup(&kinds[_i], 16);
	u64 *p = put_mem(r, IOVA, 1), was = *p, old = 0;
	u64 *v = (u64 *)(r->mem + 64);
	struct hw_fault fault;

	*v = 40;
	/* A comparison that fails is a write all the same. */
	ck_assert(hw_dma_atomic(r->dev, 0, IODIRTY_DMA_CAS, IOVA + 64, 8, 1, 2, &old, &fault));
	ck_assert_uint_eq(old, 40);
	ck_assert_uint_eq(*v, 40);
	ck_assert_uint_eq(*p, changed(was, r->k->dirty) | r->k->a);
	ck_assert(
		hw_dma_atomic(r->dev, 0, IODIRTY_DMA_FETCH_ADD, IOVA + 64, 8, 2, 0, &old, &fault));
	ck_assert_uint_eq(*v, 42);
	ck_assert(hw_dma_atomic(r->dev, 0, IODIRTY_DMA_SWAP, IOVA + 68, 4, 9, 0, &old, &fault));
	ck_assert_uint_eq(*v, 9ULL << 32 | 42);
	ck_assert(hw_dma_atomic(r->dev, 0, IODIRTY_DMA_CAS, IOVA + 64, 4, 5, 42, &old, &fault));
	ck_assert_uint_eq(*v, 9ULL << 32 | 5);
	ck_assert(!hw_dma_atomic(r->dev, 0, IODIRTY_DMA_SWAP, IOVA + 4, 8, 1, 0, &old, &fault));
	ck_assert_int_eq(fault.reason, IODIRTY_FAULT_ADDRESS);
	/* Both permissions are needed; without, no D. */
	*p = changed(was, r->k->no_read);
	hw_invalidate(r->iommu, DOMAIN, 0, ~0ULL);
	ck_assert(!hw_dma_atomic(r->dev, 0, IODIRTY_DMA_SWAP, IOVA, 8, 1, 0, &old, &fault));
	ck_assert_int_eq(fault.reason, IODIRTY_FAULT_PERMISSION);
	ck_assert_uint_eq(fault.iova, IOVA);
	*p = changed(was, r->k->no_write);
	ck_assert(!hw_dma_atomic(r->dev, 0, IODIRTY_DMA_SWAP, IOVA, 8, 1, 0, &old, &fault));
	ck_assert_int_eq(fault.reason, IODIRTY_FAULT_PERMISSION);
	ck_assert_uint_eq(*p & ~r->k->a, changed(was, r->k->no_write) & ~r->k->a);
	teardown(r);
}
END_TEST

/* Each (device, PASID) has its own context. */
START_TEST(pasids)
{
	struct rig *r = setup(&kinds[_i], 16);
	struct hw_context ctx = { .root_phys = port_table_phys(r->root),
				  .domain = DOMAIN,
				  .dirty = true };
	struct hw_fault fault;
	u64 v = 3;

	put_mem(r, IOVA, 1);
	ck_assert_int_eq(hw_context_set(r->dev, 5, &ctx), 0);
	port_fail_set(1);
	ck_assert_int_eq(hw_context_set(r->dev, 6, &ctx), -ENOMEM);
	ck_assert_int_eq(hw_context_set(r->dev, 6, NULL), 0);
	port_fail_set(1);
	ck_assert_int_eq(hw_context_set(r->dev, 5, &ctx), 0);
	port_fail_set(0);
	ck_assert_uint_eq(hw_dma(r->dev, 5, true, IOVA, &v, 8, &fault), 8);
	ck_assert_uint_eq(hw_dma(r->dev, 4, true, IOVA, &v, 8, &fault), 0);
	ck_assert_int_eq(fault.reason, IODIRTY_FAULT_NOT_ATTACHED);
	ck_assert_int_eq(hw_context_set(r->dev, 5, NULL), 0);
	ck_assert_uint_eq(hw_dma(r->dev, 5, true, IOVA, &v, 8, &fault), 0);
	ck_assert_uint_eq(hw_dma(r->dev, 0, true, IOVA, &v, 8, &fault), 8);
	teardown(r);
}
END_TEST

/*
 * Two domains map one IOVA to two pages; the IOTLB keeps them apart, be it that
 * both want the same slot (tags a multiple of its size apart). Writing a
 * context entry forgets the domain it leaves and the one it comes to, whoever
 * else had them cached.
 */
START_TEST(domains)
{
	struct rig *r = setup(&kinds[_i], 16), *other = setup(&kinds[_i], 0);
	struct hw_context old = { .root_phys = port_table_phys(r->root),
				  .domain = DOMAIN,
				  .dirty = true };
	struct hw_context new = { .root_phys = port_table_phys(other->root),
				  .domain = DOMAIN + 16,
				  .dirty = true };
	u64 *p = put_mem(r, IOVA, 1), *q = put_mem(other, IOVA, 1), v;
	const struct kind *k = r->k;
	struct hw_fault fault;
	unsigned int round;

	ck_assert_int_eq(hw_context_set(r->dev, 1, &old), 0);
	ck_assert_int_eq(hw_context_set(r->dev, 2, &new), 0);
	for (round = 0; round < 4; round++) {
		v = 100 + round;
		ck_assert_uint_eq(hw_dma(r->dev, 1, true, IOVA, &v, 8, &fault), 8);
		ck_assert_mem_eq(r->mem, &v, 8);
		v = 200 + round;
		ck_assert_uint_eq(hw_dma(r->dev, 2, true, IOVA, &v, 8, &fault), 8);
		ck_assert_mem_eq(other->mem, &v, 8);
		/* Both are cached, dirty; 0 goes over, and comes back. */
		make_clean(k, p);
		make_clean(k, q);
		ck_assert_int_eq(hw_context_set(r->dev, 0, round % 2 ? &old : &new), 0);
		ck_assert_uint_eq(hw_dma(r->dev, 1, true, IOVA, &v, 8, &fault), 8);
		ck_assert_uint_eq(hw_dma(r->dev, 2, true, IOVA, &v, 8, &fault), 8);
		ck_assert(is_dirty(k, *p) && is_dirty(k, *q));
	}
	ck_assert_int_eq(hw_context_set(r->dev, 1, NULL), 0);
	ck_assert_int_eq(hw_context_set(r->dev, 2, NULL), 0);
	teardown(other);
	teardown(r);
}
END_TEST

/* ---- concurrency ---- */

struct writer {
	struct port_thread thread;
	struct rig *r;
	u64 length; /* of each write */
	u64 go, done; /* rounds begun and ended; atomic */
};

static void write_rounds(void *arg)
{
	static u64 page[PORT_PAGE_SIZE / 8];
	struct writer *w = arg;
	struct hw_fault fault;
	u64 n = 0;

	while (!port_thread_stopping(&w->thread)) {
		if (port_load(&w->go) == n)
			continue;
		page[w->length / 8 - 1] = ++n;
		hw_dma(w->r->dev, 0, true, IOVA, page, w->length, &fault);
		port_store(&w->done, n);
	}
}

/*
 * The drain. One write a round, through a cached leaf, against one harvest of
 * it: clear D, invalidate. Bytes that land after the invalidation has returned
 * must have set D again, for the harvest has gone.
 */
START_TEST(drain)
{
	struct rig *r = setup(&kinds[_i], 16);
	struct writer w = { .r = r, .length = port_min(1ULL << r->k->granule_lg2, PORT_PAGE_SIZE) };
	u64 *p = put_mem(r, IOVA, 1), *last = (u64 *)(r->mem + w.length - 8);
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
		hw_invalidate(r->iommu, DOMAIN, IOVA, IOVA + w.length - 1);
		before = port_load(last);
		while (port_load(&w.done) != round)
			sched_yield();
		ck_assert_uint_eq(port_load(last), round);
		ck_assert_msg(before == round || is_dirty(r->k, port_load(p)),
			      "round %llu: the write came after the invalidation and set no D",
			      round);
	}
	port_thread_stop(&w.thread);
	teardown(r);
}
END_TEST

/* Where write @n of a stream goes: the words of abi/iodirty.h once more. */
static u64 stream_slot(u32 pattern, u64 seed, u64 slots, u64 n)
{
	u64 z = seed, i;

	if (pattern == IODIRTY_PATTERN_SEQUENTIAL)
		return n % slots;
	for (i = 0; i <= n; i++)
		z += 0x9e3779b97f4a7c15;
	z ^= z >> 30;
	z *= 0xbf58476d1ce4e5b9;
	z ^= z >> 27;
	z *= 0x94d049bb133111eb;
	z ^= z >> 31;
	return z % slots;
}

/* What a stream of @count leaves behind, and which pages it makes dirty. */
static void stream_check(struct rig *r, u32 pattern, u64 stride)
{
	struct iodirty_stream_start s = { .pattern = pattern,
					  .iova = IOVA + 8,
					  .length = 16 * r->unit - 8,
					  .stride = stride,
					  .seed = 42 + stride,
					  .count = 300 };
	u64 *p = put_mem(r, IOVA, 16), completed, faults, n, slots = s.length / stride;
	u64 lg2 = r->k->granule_lg2, size = 16 * r->unit;
	static u64 want[16 * UNIT_MAX / 8];
	bool dirty[32] = { 0 };
	struct hw_stream *stream;
	int err;

	hw_invalidate(r->iommu, DOMAIN, 0, ~0ULL);
	memset(r->mem, 0xee, size);
	memset(want, 0xee, size);
	stream = hw_stream_start(hw_dev_write, r->dev, &s, 0, &err);
	ck_assert_ptr_nonnull(stream);
	do {
		hw_stream_query(stream, &completed, &faults);
	} while (completed < s.count);
	hw_stream_stop(stream);
	ck_assert_uint_eq(completed, s.count);
	ck_assert_uint_eq(faults, 0);
	for (n = 0; n < s.count; n++) {
		u64 at = 8 + stream_slot(pattern, s.seed, slots, n) * stride;

		want[at / 8] = n;
		dirty[at >> lg2] = true;
	}
	ck_assert_mem_eq(r->mem, want, size);
	for (n = 0; n < size >> lg2; n++)
		ck_assert_int_eq(is_dirty(r->k, p[n]), dirty[n]);
}

START_TEST(stream_addresses)
{
	struct rig *r = setup(&kinds[_i], 64);

	stream_check(r, IODIRTY_PATTERN_SEQUENTIAL, r->unit);
	stream_check(r, IODIRTY_PATTERN_SEQUENTIAL, 8);
	stream_check(r, IODIRTY_PATTERN_RANDOM, 8);
	stream_check(r, IODIRTY_PATTERN_RANDOM, 3 * r->unit + 8);
	teardown(r);
}
END_TEST

START_TEST(stream_rules)
{
	struct rig *r = setup(&kinds[_i], 16);
	struct iodirty_stream_start good = { .iova = IOVA,
					     .length = 2 * r->unit,
					     .stride = r->unit };
	struct iodirty_stream_start bad[] = { good, good, good, good, good, good };
	u64 completed, faults, start;
	struct hw_stream *stream;
	unsigned int i;
	int err;

	bad[0].stride = 0;
	bad[1].stride = 12;
	bad[2].stride = 2 * r->unit + 8;
	bad[3].iova += 4;
	bad[4].iova = ~0ULL - r->unit + 1;
	bad[5].pattern = 2;
	for (i = 0; i < 6; i++) {
		err = 0;
		ck_assert_ptr_null(hw_stream_start(hw_dev_write, r->dev, &bad[i], 0, &err));
		ck_assert_int_eq(err, -EINVAL);
	}
	port_fail_set(1);
	ck_assert_ptr_null(hw_stream_start(hw_dev_write, r->dev, &good, 0, &err));
	ck_assert_int_eq(err, -ENOMEM);
	/* Every second write faults, and the stream goes on. */
	put_mem(r, IOVA, 1);
	good.count = 100;
	good.rate = 2000;
	start = port_now_ns();
	stream = hw_stream_start(hw_dev_write, r->dev, &good, 0, &err);
	do {
		hw_stream_query(stream, &completed, &faults);
		ck_assert_uint_eq(faults, completed / 2);
	} while (completed < 100);
	/* Write 99 is due 49.5 ms after the first. */
	ck_assert_uint_ge(port_now_ns() - start, 49000000);
	/* Halted, more than once, it still tells how far it came. */
	hw_stream_halt(stream);
	hw_stream_halt(stream);
	hw_stream_query(stream, &completed, &faults);
	ck_assert(completed == 100 && faults == 50);
	hw_stream_stop(stream);
	/* One that sleeps for long stops at once. */
	good.rate = 1;
	good.count = 0;
	start = port_now_ns();
	stream = hw_stream_start(hw_dev_write, r->dev, &good, 0, &err);
	hw_stream_stop(stream);
	ck_assert_uint_lt(port_now_ns() - start, 900000000);
	teardown(r);
}
END_TEST

/*
 * Never lose a write: streams run while D bits are harvested with invalidation.
 * Whatever a stream had completed when a pass began is in that pass or before:
 * memory copied page by page, as a migration does, ends up the same.
 */
START_TEST(never_lost)
{
	struct rig *r = setup(&kinds[_i], 16);
	u64 size = 16 * r->unit, lg2 = r->k->granule_lg2, n = size >> lg2, *p, i, pass;
	struct iodirty_stream_start s = {
		.pattern = IODIRTY_PATTERN_RANDOM, .iova = IOVA, .length = size, .stride = 8
	};
	static u8 copy[16 * UNIT_MAX];
	struct hw_stream *streams[2];
	int err;

	p = put_mem(r, IOVA, 16);
	memset(copy, 0, size);
	for (i = 0; i < 2; i++) {
		s.seed = i;
		streams[i] = hw_stream_start(hw_dev_write, r->dev, &s, 0, &err);
		ck_assert_ptr_nonnull(streams[i]);
	}
	for (pass = 0; pass <= 200; pass++) {
		u64 dirty = 0;

		if (pass == 200) {
			hw_stream_stop(streams[0]);
			hw_stream_stop(streams[1]);
		}
		for (i = 0; i < n; i++)
			dirty |= (u64)take_dirty(r->k, &p[i]) << i;
		hw_invalidate(r->iommu, DOMAIN, IOVA, IOVA + size - 1);
		for (i = 0; i < n; i++)
			if (dirty >> i & 1)
				ck_assert_int_eq(port_phys_read((u64)r->mem + (i << lg2),
								copy + (i << lg2), 1ULL << lg2),
						 0);
	}
	ck_assert_mem_eq(copy, r->mem, size);
	teardown(r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hw");
	TCase *t = tcase_create("hw");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, tracking_off, 0, KINDS);
	tcase_add_loop_test(t, no_dirty_hardware, 0, KINDS);
	tcase_add_loop_test(t, iotlb_stale, 0, KINDS);
	tcase_add_loop_test(t, iotlb_none, 0, KINDS);
	tcase_add_loop_test(t, read_then_write, 0, KINDS);
	tcase_add_loop_test(t, iotlb_several, 0, KINDS);
	tcase_add_loop_test(t, iotlb_eviction, 0, KINDS);
	tcase_add_loop_test(t, dma_across, 0, KINDS);
	tcase_add_test(t, dma_top);
	tcase_add_test(t, dma_memory_gone);
	tcase_add_loop_test(t, atomics, 0, KINDS);
	tcase_add_loop_test(t, pasids, 0, KINDS);
	tcase_add_loop_test(t, domains, 0, KINDS);
	tcase_add_loop_test(t, drain, 0, KINDS);
	tcase_add_loop_test(t, stream_addresses, 0, KINDS);
	tcase_add_loop_test(t, stream_rules, 0, KINDS);
	tcase_add_loop_test(t, never_lost, 0, KINDS);
	suite_add_tcase(s, t);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
