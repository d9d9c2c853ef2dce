/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter TRACK: when writes are recorded, which of them, and by which HWPT.
 * Each test writes while tracking is on, off or elsewhere and says which of the
 * writes a harvest may and must show.
 */
#include "ct.h"

/* A harvest of the whole scene by @hwpt finds nothing. */
static void expect_none(struct scene *s, u32 hwpt, const char *when)
{
	struct ct_bitmap b;

	ct_bitmap_init_guarded(&b, s->length / s->granule);
	x(ct_get_bitmap(hwpt, IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR, s->iova, s->length, s->granule,
			b.bytes));
	for (u64 i = 0; i < b.nbits; i++)
		ct_check(!ct_bitmap_test(&b, i), "%s: bit %llu (IOVA 0x%llx) is set", when,
			 (unsigned long long)i, (unsigned long long)(s->iova + i * s->granule));
	ct_bitmap_check_guards(&b);
	ct_bitmap_free(&b);
}

/* A DMA write that the scene does not remember. */
static void write_untold(struct scene *s, u64 offset)
{
	x(ct_dma_write(s->dev, 0, s->iova + offset, "?", 1));
}

/* A byte in every leaf; a leaf may be too large to fill. */
static void write_all_leaves(struct scene *s)
{
	for (u64 at = 0; at < s->length; at += s->leaf)
		scene_write(s, at + 1, 1);
}

/* ---- off ---- */

/* Tracking that never was on has nothing to report, and says so without error. */
CT_TEST(get_before_enable, "TRACK-001", .scope = CT_EACH_LEAF)
{
	struct scene s;

	scene_open(&s, .no_enable = true);
	expect_none(&s, s.hwpt, "never enabled");
}

/* A harvest while off reports nothing of what no one wrote. Whether it shows what
 * was written while off is the hardware's business. */
CT_TEST(get_while_off, "TRACK-002", .scope = CT_EACH_LEAF, .needs = TARGET_DMA)
{
	struct ct_bitmap b;
	struct scene s;

	scene_open(&s, .no_enable = true);
	write_untold(&s, s.leaf);
	ct_bitmap_init_guarded(&b, s.length / s.leaf);
	x(scene_get(&s, 0, 0, s.length, s.leaf, b.bytes));
	for (u64 leaf = 0; leaf < b.nbits; leaf++)
		ct_check(leaf == 1 || !ct_bitmap_test(&b, leaf) || s.reach > s.leaf,
			 "leaf %llu was not written", (unsigned long long)leaf);
}

/* Off, off again, and off after on: none is an error. */
CT_TEST(disable_is_idempotent, "TRACK-003")
{
	struct scene s;

	scene_open(&s, .no_enable = true);
	x(ct_set_tracking(s.hwpt, false));
	x(ct_set_tracking(s.hwpt, false));
	x(ct_set_tracking(s.hwpt, true));
	x(ct_set_tracking(s.hwpt, false));
	x(ct_set_tracking(s.hwpt, false));
	x(ct_set_tracking(s.hwpt, true));
	scene_write(&s, 0, 1);
	scene_expect(&s, 0, s.length, s.granule);
}

/* ---- on ---- */

/* A second enable, before and after a harvest, loses no write. */
CT_TEST(enable_is_idempotent, "TRACK-004", .scope = CT_EACH_LEAF)
{
	struct scene s;

	scene_open(&s);
	scene_write(&s, s.leaf, 1);
	x(ct_set_tracking(s.hwpt, true));
	scene_write(&s, 3 * s.leaf, 1);
	x(ct_set_tracking(s.hwpt, true));
	scene_expect(&s, 0, s.length, s.granule);
	x(ct_set_tracking(s.hwpt, true));
	scene_expect(&s, 0, s.length, s.granule);
}

/* What an earlier period left behind is gone when the next one begins. */
CT_TEST(enable_starts_clean, "TRACK-005", .scope = CT_EACH_LEAF)
{
	struct scene s;

	scene_open(&s);
	write_all_leaves(&s);
	x(ct_set_tracking(s.hwpt, false));
	x(ct_set_tracking(s.hwpt, true));
	expect_none(&s, s.hwpt, "enabled anew");
	scene_forget(&s, 0, s.length);
	scene_write(&s, 2 * s.leaf, 1);
	scene_expect(&s, 0, s.length, s.granule);
}

/* After disable a harvest succeeds and shows at most what was written while on, or
 * what was written since. */
CT_TEST(get_after_disable, "TRACK-006", .scope = CT_EACH_LEAF)
{
	struct ct_bitmap b;
	struct scene s;

	scene_open(&s);
	scene_write(&s, 0, 1);
	scene_expect(&s, 0, s.length, s.granule);
	scene_write(&s, s.leaf, 1);
	x(ct_set_tracking(s.hwpt, false));
	if (ct.t->caps & TARGET_DMA)
		write_untold(&s, 2 * s.leaf);
	ct_bitmap_init_guarded(&b, s.length / s.leaf);
	x(scene_get(&s, 0, 0, s.length, s.leaf, b.bytes));
	for (u64 leaf = 0; leaf < b.nbits; leaf++)
		ct_check(leaf == 1 || leaf == 2 || !ct_bitmap_test(&b, leaf) || s.reach > s.leaf,
			 "leaf %llu was not written", (unsigned long long)leaf);
}

/* The last harvest of a migration may come after the disable: the writes of the
 * period are still there, and reported once. */
CT_TEST(leftovers_after_disable, "TRACK-007", .scope = CT_EACH_LEAF)
{
	struct scene s;

	scene_open(&s);
	scene_write(&s, s.leaf, 1);
	scene_write(&s, 4 * s.leaf - 1, 1);
	x(ct_set_tracking(s.hwpt, false));
	scene_expect(&s, 0, s.length, s.granule);
	scene_expect(&s, 0, s.length, s.granule);
}

/* Writes between two periods belong to neither. */
CT_TEST(writes_while_off, "TRACK-008", .scope = CT_EACH_LEAF, .needs = TARGET_DMA)
{
	struct scene s;

	scene_open(&s, .no_enable = true);
	write_untold(&s, 0);
	x(ct_set_tracking(s.hwpt, true));
	expect_none(&s, s.hwpt, "enabled after a write");
	scene_write(&s, s.leaf, 1);
	scene_expect(&s, 0, s.length, s.granule);

	x(ct_set_tracking(s.hwpt, false));
	write_untold(&s, 2 * s.leaf);
	x(ct_set_tracking(s.hwpt, true));
	expect_none(&s, s.hwpt, "enabled again after a write");
}

/* A write whose translation was cached while off is recorded once on. */
CT_TEST(enable_reaches_cached, "TRACK-009", .scope = CT_EACH_LEAF, .needs = TARGET_DMA)
{
	struct scene s;

	scene_open(&s, .no_enable = true);
	for (u64 leaf = 0; leaf < 4; leaf++)
		write_untold(&s, leaf * s.leaf);
	x(ct_set_tracking(s.hwpt, true));
	scene_write(&s, 0, 1);
	scene_write(&s, 2 * s.leaf, 1);
	scene_expect(&s, 0, s.length, s.granule);
}

/* ---- the HWPT, not the device ---- */

/* On while nobody is attached; the first device to come is tracked at once. */
CT_TEST(enable_before_attach, "TRACK-010", .scope = CT_EACH_FORMAT)
{
	struct scene s;

	scene_open(&s, .no_attach = true);
	expect_none(&s, s.hwpt, "no device");
	x(ct_attach(s.dev, 0, s.hwpt));
	scene_write(&s, s.leaf, 1);
	scene_expect(&s, 0, s.length, s.granule);
}

/* Detach and attach keep tracking on, and the bits. */
CT_TEST(survives_detach, "TRACK-011", .scope = CT_EACH_FORMAT)
{
	struct scene s;

	scene_open(&s);
	scene_write(&s, 0, 1);
	x(ct_detach(s.dev, 0));
	scene_expect_no_clear(&s, 0, s.length, s.granule);
	x(ct_attach(s.dev, 0, s.hwpt));
	scene_write(&s, 2 * s.leaf, 1);
	scene_expect(&s, 0, s.length, s.granule);
}

/* Off stays off across detach and attach as well. */
CT_TEST(off_survives_detach, "TRACK-012", .scope = CT_EACH_FORMAT, .needs = TARGET_DMA)
{
	struct scene s;

	scene_open(&s);
	x(ct_set_tracking(s.hwpt, false));
	x(ct_detach(s.dev, 0));
	x(ct_attach(s.dev, 0, s.hwpt));
	write_untold(&s, s.leaf);
	x(ct_set_tracking(s.hwpt, true));
	expect_none(&s, s.hwpt, "written while off");
}

/* A new HWPT over the same IOAS knows nothing of its predecessor's period. */
CT_TEST(new_hwpt_is_off_and_clean, "TRACK-013", .scope = CT_EACH_FORMAT)
{
	struct scene s;

	scene_open(&s);
	write_all_leaves(&s);
	x(ct_detach(s.dev, 0));
	x(ct_destroy(s.hwpt));
	x(ct_hwpt_alloc(s.dev, s.ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &s.hwpt));
	expect_none(&s, s.hwpt, "a new HWPT");
	x(ct_attach(s.dev, 0, s.hwpt));
	if (ct.t->caps & TARGET_DMA)
		write_untold(&s, s.leaf);
	x(ct_set_tracking(s.hwpt, true));
	expect_none(&s, s.hwpt, "a new HWPT, enabled");
	scene_forget(&s, 0, s.length);
	scene_write(&s, 2 * s.leaf, 1);
	scene_expect(&s, 0, s.length, s.granule);
}

/* Two HWPTs over one IOAS: each reports its own device's writes, and harvest,
 * disable and enable of the one leave the other alone. */
CT_TEST(hwpts_are_independent, "TRACK-014", .scope = CT_EACH_FORMAT)
{
	struct scene s, other;

	scene_open(&s);
	scene_beside(&other, &s, s.ioas);

	scene_write(&s, 0, 1);
	scene_write(&other, s.leaf, 1);
	scene_expect(&s, 0, s.length, s.granule);
	scene_write(&s, 2 * s.leaf, 1);
	x(ct_set_tracking(s.hwpt, false));
	scene_write(&other, 3 * s.leaf, 1);
	scene_expect(&other, 0, s.length, s.granule);
	scene_write(&other, 0, 1);
	x(ct_set_tracking(s.hwpt, true));
	scene_forget(&s, 0, s.length);
	scene_expect(&s, 0, s.length, s.granule);
	scene_expect(&other, 0, s.length, s.granule);
}

/* Enabling one HWPT does not enable its neighbour. */
CT_TEST(enable_is_per_hwpt, "TRACK-015", .scope = CT_EACH_FORMAT, .needs = TARGET_DMA)
{
	struct scene s;
	u32 dev, hwpt;

	scene_open(&s);
	x(ct_plug(0, &dev));
	x(ct_hwpt_alloc(dev, s.ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &hwpt));
	x(ct_attach(dev, 0, hwpt));
	x(ct_dma_write(dev, 0, s.iova, "?", 1));
	expect_none(&s, s.hwpt, "written through the other HWPT");
	x(ct_set_tracking(hwpt, true));
	expect_none(&s, hwpt, "written while its own tracking was off");
	scene_write(&s, s.leaf, 1);
	expect_none(&s, hwpt, "written through the first HWPT");
	scene_expect(&s, 0, s.length, s.granule);
}

/* ---- what is a write ---- */

/* Reads, of clean leaves and of leaves written before, dirty nothing. */
CT_TEST(reads_do_not_dirty, "TRACK-016", .scope = CT_EACH_LEAF, .needs = TARGET_DMA)
{
	u8 buffer[64];
	struct scene s;

	scene_open(&s);
	scene_write(&s, s.leaf, 1);
	scene_expect(&s, 0, s.length, s.granule);
	for (u64 leaf = 0; leaf < 4; leaf++)
		x(ct_dma_read(s.dev, 0, s.iova + leaf * s.leaf, buffer, sizeof(buffer)));
	expect_none(&s, s.hwpt, "read");
	/* The translation that the read cached does not hide a write. */
	scene_write(&s, 2 * s.leaf, 1);
	scene_expect(&s, 0, s.length, s.granule);
}

static int atomic(struct scene *s, u32 op, u64 offset, u64 operand, u64 compare)
{
	struct iodirty_dma d = { .size = sizeof(d),
				 .op = op,
				 .dev_id = s->dev,
				 .iova = s->iova + offset,
				 .length = 8,
				 .operand = operand,
				 .compare = compare };
	int ret = ct.t->driver->dma(ct.t, &d);

	return ret ? ret : d.out_fault ? -EFAULT : 0;
}

/* Each AtomicOp dirties, a compare-and-swap that did not swap included. */
CT_TEST(atomics_dirty, "TRACK-017", .scope = CT_EACH_LEAF, .needs = TARGET_ATOMIC)
{
	static const struct {
		u32 op;
		u64 compare;
	} ops[] = {
		{ IODIRTY_DMA_FETCH_ADD, 0 },
		{ IODIRTY_DMA_SWAP, 0 },
		{ IODIRTY_DMA_CAS, 0 }, /* memory is 0: swaps */
		{ IODIRTY_DMA_CAS, 99 }, /* does not */
	};
	struct scene s;

	scene_open(&s);
	for (u64 i = 0; i < 4; i++) {
		u64 at = i * s.leaf + 16 * i;

		x(atomic(&s, ops[i].op, at, 1, ops[i].compare));
		scene_mark(&s, at, 8);
		scene_expect(&s, 0, s.length, s.granule);
	}
}

/* A write that runs off the end of what is mapped: the part that was done is
 * dirty, and nothing else, however often it is tried. */
CT_TEST(faulting_writes, "TRACK-018", .scope = CT_EACH_LEAF, .needs = TARGET_DMA)
{
	u8 data[64] = { 1 };
	struct scene s;

	scene_open(&s);
	x_err(EFAULT, ct_dma_write(s.dev, 0, s.iova + s.length, data, sizeof(data)));
	x_err(EFAULT, ct_dma_write(s.dev, 0, s.iova - sizeof(data), data, sizeof(data)));
	expect_none(&s, s.hwpt, "every write faulted");

	struct iodirty_dma d = { .size = sizeof(d),
				 .op = IODIRTY_DMA_WRITE,
				 .dev_id = s.dev,
				 .iova = s.iova + s.length - 24,
				 .length = sizeof(data),
				 .data = (u64)data };

	x(ct.t->driver->dma(ct.t, &d));
	ct_check(d.out_fault == IODIRTY_FAULT_NOT_PRESENT && d.out_done <= 24,
		 "fault %u after %llu bytes", d.out_fault, (unsigned long long)d.out_done);
	ct_check(d.out_fault_iova == s.iova + s.length, "faulted at 0x%llx",
		 (unsigned long long)d.out_fault_iova);
	if (d.out_done)
		scene_mark(&s, s.length - 24, d.out_done);
	scene_expect(&s, 0, s.length, s.granule);
}

/* A write of no bytes. */
CT_TEST(empty_writes, "TRACK-019", .needs = TARGET_DMA)
{
	struct scene s;

	scene_open(&s);
	x(ct_dma_write(s.dev, 0, s.iova + s.leaf, "", 0));
	expect_none(&s, s.hwpt, "a write of length 0");
}

/* The processor's own writes are the VMM's to know, by other means. */
CT_TEST(processor_writes, "TRACK-020", .scope = CT_EACH_FORMAT)
{
	struct scene s;

	scene_open(&s);
	memset(s.mem, 0x5a, s.length);
	expect_none(&s, s.hwpt, "written by the processor");
	scene_write(&s, s.leaf, 1);
	memset(s.mem, 0xa5, s.length);
	scene_expect(&s, 0, s.length, s.granule);
}

/* Tracking over an IOAS in which nothing is mapped yet. */
CT_TEST(empty_ioas, "TRACK-021", .scope = CT_EACH_FORMAT)
{
	struct scene s;

	scene_open(&s, .no_map = true, .no_enable = true);
	x(ct_set_tracking(s.hwpt, true));
	x(ct_set_tracking(s.hwpt, true));
	x(ct_set_tracking(s.hwpt, false));
	x(ct_set_tracking(s.hwpt, true));
	x(ct_map(s.ioas, s.mem, s.length, s.iova));
	scene_write(&s, s.leaf, 1);
	scene_expect(&s, 0, s.length, s.granule);
}
