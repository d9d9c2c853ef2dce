/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter ATTACH, devices by their own requests: who may join a table that
 * tracks, and that joining, leaving and vanishing lose no write and invent none.
 * Errors and lifetimes are in attach_rules.c, PASIDs in attach_pasid.c.
 */
#include <time.h>

#include "attach.h"

/* A device behind IOMMU *@iommu (0: a new one, whose number is returned). */
static u32 plug_behind(u32 flags, u32 *iommu)
{
	struct iodirty_plug plug = { .flags = flags, .iommu_id = *iommu };

	memcpy(plug.format, ct.config.format.name, sizeof(plug.format));
	x(ct.t->driver->plug(ct.t, &plug));
	*iommu = plug.iommu_id;
	return plug.out_dev_id;
}

/* ---- devices that cannot be tracked ---- */

/* Refused with tracking off, on and off again; each time the device that was
 * there is still tracked, its bits are still there, and another can still join. */
CT_TEST(incapable_attach, "ATTACH-001", .scope = CT_EACH_FORMAT, .needs = TARGET_NO_DIRTY_DEV)
{
	struct scene s, capable;
	u32 dev;

	scene_open(&s, .no_enable = true);
	x(ct_plug(IODIRTY_PLUG_NO_DIRTY, &dev));
	x_err(EINVAL, ct_attach(dev, 0, s.hwpt));
	x(ct_set_tracking(s.hwpt, true));
	scene_write(&s, 0, 1);
	x_err(EINVAL, ct_attach(dev, 0, s.hwpt));
	expect_fault(&s, dev, 0);
	scene_write(&s, s.leaf, 1);
	expect_all(&s);

	capable = second_device(&s, 0);
	x(ct_attach(capable.dev, 0, s.hwpt));
	scene_write(&capable, 0, 1);
	x_err(EINVAL, ct_attach(dev, 0, s.hwpt));
	scene_write(&s, 2 * s.leaf, 1);
	expect_all(&s);

	x(ct_set_tracking(s.hwpt, false));
	x_err(EINVAL, ct_attach(dev, 0, s.hwpt));
	x(ct_detach(s.dev, 0));
	x(ct_detach(capable.dev, 0));
	x_err(EINVAL, ct_attach(dev, 0, s.hwpt));
}

/* Nor by replace: it stays on the table it had, and that still translates. */
CT_TEST(incapable_replace, "ATTACH-001", .scope = CT_EACH_FORMAT,
	.needs = TARGET_NO_DIRTY_DEV | TARGET_DMA)
{
	struct scene s;
	u32 dev, ioas;
	u8 *mem;

	scene_open(&s, .no_enable = true);
	mem = second_ioas(&s, &ioas);
	x(ct_plug(IODIRTY_PLUG_NO_DIRTY, &dev));
	x(ct_attach(dev, 0, ioas));
	x_err(EINVAL, ct_replace(dev, 0, s.hwpt));
	expect_lands(&s, dev, 0, 0, mem, s.mem);
	x(ct_set_tracking(s.hwpt, true));
	scene_write(&s, s.leaf, 1);
	x_err(EINVAL, ct_replace(dev, 0, s.hwpt));
	expect_lands(&s, dev, 0, 0, mem, s.mem);
	expect_lands(&s, dev, 0, s.leaf, mem, s.mem);
	scene_write(&s, 2 * s.leaf, 1);
	expect_all(&s);
}

/* What it cannot keep, its IOMMU does not promise either. */
CT_TEST(incapable_alloc, "ATTACH-002", .scope = CT_EACH_FORMAT, .needs = TARGET_NO_DIRTY_DEV)
{
	u64 capabilities = ~0ull;
	u32 dev, ioas, hwpt;

	x(ct_ioas_alloc(&ioas));
	x(ct_plug(IODIRTY_PLUG_NO_DIRTY, &dev));
	x(ct_hw_info(dev, &capabilities));
	ct_check(!(capabilities & IOMMU_HW_CAP_DIRTY_TRACKING),
		 "a device that cannot be tracked has capabilities %#llx",
		 (unsigned long long)capabilities);
	x_err(EOPNOTSUPP, ct_hwpt_alloc(dev, ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &hwpt));
	x(ct_hwpt_alloc(dev, ioas, 0, &hwpt));
	x_err(EOPNOTSUPP, ct_set_tracking(hwpt, true));
}

/* Two devices behind an IOMMU that cannot track: neither gets in, whatever the
 * other is attached to. */
CT_TEST(incapable_shared_iommu, "ATTACH-001", .scope = CT_EACH_FORMAT,
	.needs = TARGET_NO_DIRTY_DEV | TARGET_SHARED_IOMMU)
{
	u32 first, second, iommu = 0, ioas;
	struct scene s;

	scene_open(&s);
	second_ioas(&s, &ioas);
	first = plug_behind(IODIRTY_PLUG_NO_DIRTY, &iommu);
	second = plug_behind(IODIRTY_PLUG_NO_DIRTY, &iommu);
	x_err(EINVAL, ct_attach(first, 0, s.hwpt));
	x(ct_attach(first, 0, ioas));
	x_err(EINVAL, ct_attach(second, 0, s.hwpt));
	x_err(EINVAL, ct_replace(first, 0, s.hwpt));
	scene_write(&s, 0, 1);
	expect_all(&s);
}

/* By the IOAS it gets a table of its own: the same memory, and no promise. The
 * dirty HWPT does not show its writes, and tracks on. */
CT_TEST(incapable_by_ioas, "ATTACH-003", .scope = CT_EACH_FORMAT,
	.needs = TARGET_NO_DIRTY_DEV | TARGET_DMA)
{
	struct scene s;
	u32 dev, hwpt;

	scene_open(&s);
	x(ct_plug(IODIRTY_PLUG_NO_DIRTY, &dev));
	x(ct_attach_out(dev, 0, s.ioas, &hwpt));
	ct_check(hwpt != s.hwpt, "attached to an IOAS, it joined the dirty HWPT %u", hwpt);
	expect_lands(&s, dev, 0, s.leaf, s.mem, NULL);
	scene_write(&s, 2 * s.leaf, 1);
	expect_all(&s);
	x_err(EOPNOTSUPP, ct_set_tracking(hwpt, true));
	x_err(EOPNOTSUPP, ct_get_bitmap(hwpt, 0, s.iova, s.page, s.page, s.mem));
	/* Its translations are not what the harvest invalidated: still so. */
	expect_lands(&s, dev, 0, s.leaf, s.mem, NULL);
	expect_all(&s);
}

/* ---- joining ---- */

/* A device that joins while tracking is on: its very first write is reported. */
CT_TEST(hotplug_first_write, "ATTACH-004", .scope = CT_EACH_LEAF)
{
	struct scene s, late;

	scene_open(&s);
	scene_write(&s, 0, 1);
	late = second_device(&s, 0);
	x(ct_attach(late.dev, 0, s.hwpt));
	scene_write(&late, 2 * s.leaf, 1);
	expect_all(&s);
	scene_write(&late, 0, 1);
	expect_all(&s);
}

/* The same for one that has long been writing through a table that does not
 * track: the translations that it cached there do not hide its writes here. */
CT_TEST(replace_into_tracking, "ATTACH-004", .scope = CT_EACH_FORMAT, .needs = TARGET_DMA)
{
	struct scene s, late;

	scene_open(&s);
	late = second_device(&s, 0);
	x(ct_attach(late.dev, 0, s.ioas));
	for (u64 leaf = 0; leaf < 4; leaf++)
		expect_lands(&s, late.dev, 0, leaf * s.leaf, s.mem, NULL);
	expect_all(&s);
	x(ct_replace(late.dev, 0, s.hwpt));
	scene_write(&late, s.leaf, 1);
	scene_write(&late, 3 * s.leaf, 1);
	expect_all(&s);
}

/* Write by @a and @b, together and apart, after each harvest once more. */
static void write_in_turn(struct scene *a, struct scene *b)
{
	for (unsigned int round = 0; round < 2; round++) {
		scene_write(a, a->leaf, 1);
		scene_write(b, a->leaf + 1, 1);
		scene_write(b, 3 * a->leaf, 1);
		expect_all(a);
		scene_write(a, a->leaf, 1);
		expect_all(a);
		scene_write(b, a->leaf + 1, 1);
		scene_write(b, 3 * a->leaf, 1);
		expect_all(a);
		expect_all(a);
	}
}

/*
 * Two devices, each behind an IOMMU of its own, on one HWPT. Each has cached that
 * the leaves are dirty; a harvest that only reached one of the two caches would
 * miss what the other device writes next.
 */
CT_TEST(two_iommus, "ATTACH-005", .scope = CT_EACH_LEAF)
{
	struct scene s, second;

	scene_open(&s);
	second = second_device(&s, 0);
	x(ct_attach(second.dev, 0, s.hwpt));
	write_in_turn(&s, &second);
	write_in_turn(&second, &s);
}

/* Two behind one IOMMU, which share its cache; then one of them leaves. */
CT_TEST(one_iommu_two_devices, "ATTACH-005", .scope = CT_EACH_FORMAT, .needs = TARGET_SHARED_IOMMU)
{
	struct scene s, second;
	u32 iommu = 0;

	scene_open(&s, .no_attach = true);
	second = s;
	s.dev = plug_behind(0, &iommu);
	second.dev = plug_behind(0, &iommu);
	x(ct_attach(s.dev, 0, s.hwpt));
	x(ct_attach(second.dev, 0, s.hwpt));
	write_in_turn(&s, &second);
	x(ct_detach(s.dev, 0));
	for (unsigned int round = 0; round < 2; round++) {
		scene_write(&second, 2 * s.leaf, 1);
		expect_all(&s);
	}
}

/* Three devices attached and warm, tracking goes on, off and on: all are reached. */
CT_TEST(enable_reaches_all, "ATTACH-006", .scope = CT_EACH_FORMAT, .needs = TARGET_DMA)
{
	struct scene s, dev[3];

	scene_open(&s, .no_enable = true);
	dev[0] = s;
	for (unsigned int i = 1; i < 3; i++) {
		dev[i] = second_device(&s, 0);
		x(ct_attach(dev[i].dev, 0, s.hwpt));
	}
	for (unsigned int i = 0; i < 3; i++)
		expect_lands(&s, dev[i].dev, 0, i * s.leaf, s.mem, NULL);
	for (unsigned int round = 0; round < 2; round++) {
		x(ct_set_tracking(s.hwpt, true));
		for (unsigned int i = 0; i < 3; i++) {
			scene_write(&dev[i], i * s.leaf, 1);
			expect_all(&s);
		}
		x(ct_set_tracking(s.hwpt, false));
		for (unsigned int i = 0; i < 3; i++)
			expect_lands(&s, dev[i].dev, 0, i * s.leaf, s.mem, NULL);
	}
}

/* ---- leaving ---- */

/* A device that leaves leaves its bits behind, and can add none. */
CT_TEST(detach_keeps_bits, "ATTACH-007", .scope = CT_EACH_LEAF)
{
	struct scene s, second;

	scene_open(&s);
	second = second_device(&s, 0);
	x(ct_attach(second.dev, 0, s.hwpt));
	scene_write(&s, 0, 1);
	scene_write(&second, 2 * s.leaf, 1);
	x(ct_detach(s.dev, 0));
	expect_fault(&s, s.dev, 0);
	scene_expect_no_clear(&s, 0, s.length, s.granule);
	scene_write(&second, s.leaf, 1);
	x(ct_detach(second.dev, 0));
	expect_fault(&s, second.dev, 0);
	expect_all(&s);
	expect_fault(&s, s.dev, 0);
	expect_all(&s);
}

/* It comes back to what the HWPT has become meanwhile, not to what it left. */
CT_TEST(reattach_follows_hwpt, "ATTACH-008", .scope = CT_EACH_FORMAT)
{
	struct scene s;

	scene_open(&s, .no_enable = true);
	x(ct_detach(s.dev, 0));
	x(ct_set_tracking(s.hwpt, true));
	x(ct_attach(s.dev, 0, s.hwpt));
	scene_write(&s, 0, 1);
	x(ct_detach(s.dev, 0));
	x(ct_attach(s.dev, 0, s.hwpt));
	scene_write(&s, 2 * s.leaf, 1);
	expect_all(&s);
	/* Warm before it left, cleaned while it was away. */
	scene_write(&s, s.leaf, 1);
	x(ct_detach(s.dev, 0));
	expect_all(&s);
	x(ct_attach(s.dev, 0, s.hwpt));
	scene_write(&s, s.leaf, 1);
	expect_all(&s);
	/* It left while on; off and on again without it. */
	x(ct_detach(s.dev, 0));
	x(ct_set_tracking(s.hwpt, false));
	x(ct_set_tracking(s.hwpt, true));
	x(ct_attach(s.dev, 0, s.hwpt));
	scene_write(&s, s.leaf, 1);
	expect_all(&s);
}

/* Pulled out with writes not yet harvested; a new one in its place is tracked. */
CT_TEST(unplug_keeps_bits, "ATTACH-009", .scope = CT_EACH_LEAF, .needs = TARGET_UNPLUG)
{
	struct scene s, second;

	scene_open(&s);
	second = second_device(&s, 0);
	x(ct_attach(second.dev, 0, s.hwpt));
	scene_write(&s, 0, 1);
	scene_write(&second, 3 * s.leaf, 1);
	x(ct_unplug(s.dev));
	x_err(ENOENT, ct_attach(s.dev, 0, s.hwpt));
	scene_write(&second, s.leaf, 1);
	expect_all(&s);
	scene_write(&second, s.leaf, 1);
	x(ct_unplug(second.dev));
	expect_all(&s);

	second = second_device(&s, 0);
	x(ct_attach(second.dev, 0, s.hwpt));
	scene_write(&second, 2 * s.leaf, 1);
	expect_all(&s);
}

/* Pulled out in the middle of a stream: from then on it writes nothing. */
CT_TEST(unplug_while_writing, "ATTACH-009", .scope = CT_EACH_FORMAT,
	.needs = TARGET_UNPLUG | TARGET_STREAM | TARGET_DMA)
{
	const struct timespec pause = { .tv_nsec = 5000000 };
	struct iodirty_stream_start start;
	struct iodirty_stream_query query;
	struct scene s;
	u64 value;

	scene_open(&s);
	start = (struct iodirty_stream_start){
		.dev_id = s.dev, .iova = s.iova, .length = s.length, .stride = s.leaf
	};
	x(ct.t->driver->stream_start(ct.t, &start));
	query = (struct iodirty_stream_query){ .stream_id = start.out_stream_id };
	do
		x(ct.t->driver->stream_query(ct.t, &query));
	while (query.out_completed < 2 * s.length / s.leaf);
	x(ct_unplug(s.dev));
	/* Every leaf was written before. */
	for (u64 at = 0; at < s.length; at += s.leaf)
		scene_mark(&s, at, 8);
	expect_all(&s);

	memset(s.mem, 0xff, sizeof(value));
	nanosleep(&pause, NULL);
	expect_all(&s);
	memcpy(&value, s.mem, sizeof(value));
	ct_check(value == ~0ull, "a device that was pulled out wrote its %llu-th value",
		 (unsigned long long)value);
	query.flags = IODIRTY_STREAM_STOP;
	x(ct.t->driver->stream_query(ct.t, &query));
	ct_measure("faults", query.out_faults, "1");
}

/* ---- replace ---- */

/* From HWPT to HWPT while both track: what was written through the old one is
 * readable there, the new one begins clean, and has what comes after. */
CT_TEST(replace_while_tracking, "ATTACH-010", .scope = CT_EACH_LEAF)
{
	struct scene a, b;

	scene_open(&a);
	b = second_hwpt(&a, 0);
	x(ct_set_tracking(b.hwpt, true));
	scene_write(&a, 0, 1);
	scene_write(&a, 2 * a.leaf, 1);
	x(ct_replace(a.dev, 0, b.hwpt));
	scene_expect_no_clear(&b, 0, b.length, b.granule);
	scene_write(&b, 0, 1);
	scene_write(&b, 3 * b.leaf, 1);
	expect_all(&a);
	expect_all(&b);
	scene_write(&b, 0, 1);
	expect_all(&a);
	/* And back: the bits of neither moved. */
	x(ct_replace(a.dev, 0, a.hwpt));
	scene_write(&a, 0, 1);
	expect_all(&a);
	expect_all(&b);
}

/* Between a HWPT that tracks and one that does not: tracking is not the device's. */
CT_TEST(replace_on_and_off, "ATTACH-010", .scope = CT_EACH_FORMAT, .needs = TARGET_DMA)
{
	struct scene a, b;

	scene_open(&a);
	b = second_hwpt(&a, 0);
	scene_write(&a, a.leaf, 1);
	x(ct_replace(a.dev, 0, b.hwpt));
	expect_lands(&b, b.dev, 0, 0, b.mem, NULL);
	expect_all(&a);
	x(ct_set_tracking(b.hwpt, true));
	expect_all(&b);
	scene_write(&b, 0, 1);
	x(ct_set_tracking(a.hwpt, false));
	x(ct_replace(a.dev, 0, a.hwpt));
	expect_lands(&a, a.dev, 0, 2 * a.leaf, a.mem, NULL);
	expect_all(&b);
}

/* To another IOAS: the same IOVA is other memory there, at once. */
CT_TEST(replace_to_other_ioas, "ATTACH-011", .scope = CT_EACH_FORMAT, .needs = TARGET_DMA)
{
	struct scene a, b;

	scene_open(&a);
	b = a;
	b.mem = second_ioas(&a, &b.ioas);
	b = second_hwpt(&b, 0);
	x(ct_set_tracking(b.hwpt, true));
	scene_write(&a, a.leaf, 1);
	x(ct_replace(a.dev, 0, b.hwpt));
	expect_lands(&b, b.dev, 0, a.leaf, b.mem, a.mem);
	scene_mark(&b, a.leaf, 1);
	expect_all(&a);
	expect_all(&b);
	/* The area it left can go: nothing of it is reached any more. */
	x(ct_unmap(a.ioas, a.iova, a.length, NULL));
	scene_write(&b, 2 * a.leaf, 1);
	expect_all(&b);
	scene_expect_hole(&a, a.hwpt, 0, a.length);
}

/* With what is attached already: nothing happens, to the bits neither. */
CT_TEST(replace_with_itself, "ATTACH-011", .scope = CT_EACH_FORMAT)
{
	struct scene s;

	scene_open(&s);
	scene_write(&s, 0, 1);
	x(ct_replace(s.dev, 0, s.hwpt));
	scene_write(&s, 2 * s.leaf, 1);
	x(ct_replace(s.dev, 0, s.hwpt));
	expect_all(&s);
	scene_write(&s, 2 * s.leaf, 1);
	expect_all(&s);
	x(ct_detach(s.dev, 0));
	x(ct_destroy(s.hwpt));
}
