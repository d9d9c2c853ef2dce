/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter NEST: a guest's stage 1 over a HWPT of the host's, its parent. Dirty bits
 * are the parent's, so what a device writes through a nested HWPT is the parent's to
 * report, whoever comes when. The mock's stage 1 translates nothing.
 */
#include "nest.h"

/* ---- which writes the parent reports ---- */

CT_TEST(nested_before_enable, "NEST-002", .scope = CT_EACH_LEAF, .needs = TARGET_NESTED,
	.requires = is_mock)
{
	struct scene s;
	u32 nested;

	scene_open_parent(&s);
	x(nested_alloc(s.dev, s.hwpt, 0, 0, &nested));
	x(ct_attach(s.dev, 0, nested));
	/* Old before the first write that counts: what an IOMMU holds of it is stale. */
	scene_write(&s, 2 * s.leaf, 1);
	x(ct_set_tracking(s.hwpt, true));
	scene_forget(&s, 0, s.length);
	scene_write(&s, 0, 1);
	scene_write(&s, 2 * s.leaf, s.leaf);
	expect_all(&s);
	expect_all(&s);
}

CT_TEST(nested_after_enable, "NEST-002", .scope = CT_EACH_LEAF, .needs = TARGET_NESTED,
	.requires = is_mock)
{
	struct scene s;
	u32 nested;

	scene_open_parent(&s);
	x(ct_set_tracking(s.hwpt, true));
	x(nested_alloc(s.dev, s.hwpt, 0, 0, &nested));
	x(ct_attach(s.dev, 0, nested));
	scene_write(&s, s.leaf, 1);
	expect_all(&s);
	scene_write(&s, 3 * s.leaf, 1);
	scene_expect_no_clear(&s, 0, s.length, s.granule);
	x(ct_detach(s.dev, 0));
	/* It left; what it wrote did not. */
	x(ct_destroy(nested));
	expect_all(&s);
}

/* Each harvest makes every IOMMU forget what it knew to be dirty. */
CT_TEST(nested_after_harvest, "NEST-003", .scope = CT_EACH_LEAF, .needs = TARGET_NESTED,
	.requires = is_mock)
{
	struct scene s, second;
	u32 nested[2];

	scene_open_parent(&s);
	second = second_device(&s, 0);
	for (u32 i = 0; i < 2; i++)
		x(nested_alloc(s.dev, s.hwpt, 0, 0, &nested[i]));
	x(ct_attach(s.dev, 0, nested[0]));
	x(ct_attach(second.dev, 0, nested[1]));
	x(ct_set_tracking(s.hwpt, true));
	for (u32 round = 0; round < 3; round++) {
		scene_write(&s, s.leaf, 1);
		expect_all(&s);
		scene_write(&second, s.leaf, 1);
		expect_all(&s);
		scene_write(&s, 0, 1);
		scene_write(&second, 3 * s.leaf, 1);
		expect_all(&s);
	}
}

CT_TEST(nested_after_unmap, "NEST-003", .scope = CT_EACH_FORMAT,
	.needs = TARGET_NESTED | TARGET_DMA, .requires = is_mock)
{
	struct scene s;
	u32 nested;

	scene_open_parent(&s);
	x(nested_alloc(s.dev, s.hwpt, 0, 0, &nested));
	x(ct_attach(s.dev, 0, nested));
	x(ct_set_tracking(s.hwpt, true));
	scene_write(&s, 0, s.length);
	x(ct_unmap(s.ioas, s.iova, s.length, NULL));
	expect_fault(&s, s.dev, 0);
}

/* Off and on again, with some attached to the parent, some to what is nested in it. */
CT_TEST(nested_toggled, "NEST-004", .scope = CT_EACH_FORMAT, .needs = TARGET_NESTED,
	.requires = is_mock)
{
	struct scene s, direct, late;
	u32 nested;

	scene_open_parent(&s);
	direct = second_device(&s, 0);
	late = second_device(&s, 0);
	x(nested_alloc(s.dev, s.hwpt, 0, 0, &nested));
	x(ct_attach(s.dev, 0, nested));
	x(ct_attach(direct.dev, 0, s.hwpt));
	for (u32 round = 0; round < 2; round++) {
		x(ct_set_tracking(s.hwpt, true));
		scene_write(&s, 0, 1);
		scene_write(&direct, s.leaf, 1);
		expect_all(&s);
		x(ct_set_tracking(s.hwpt, false));
		/* Nobody's to report. */
		scene_write(&s, 2 * s.leaf, 1);
		scene_write(&direct, 2 * s.leaf, 1);
		scene_forget(&s, 0, s.length);
		expect_all(&s);
	}
	x(ct_attach(late.dev, 0, nested));
	scene_write(&late, 3 * s.leaf, 1);
	x(ct_set_tracking(s.hwpt, true));
	scene_forget(&s, 0, s.length);
	scene_write(&late, 3 * s.leaf, 1);
	expect_all(&s);
}

/* ---- replace ---- */

/* From one HWPT to another of one family: whatever was written before, after, or
 * goes by what an IOMMU still holds, is the parent's. */
CT_TEST(nested_replace, "NEST-005", .scope = CT_EACH_LEAF, .needs = TARGET_NESTED,
	.requires = is_mock)
{
	struct scene s;
	u32 a, b;

	scene_open_parent(&s);
	x(nested_alloc(s.dev, s.hwpt, 0, 0, &a));
	x(nested_alloc(s.dev, s.hwpt, 0, 0, &b));
	x(ct_attach(s.dev, 0, a));
	x(ct_set_tracking(s.hwpt, true));
	for (u32 round = 0; round < 2; round++) {
		const u32 way[] = { b, s.hwpt, a, s.hwpt, b, a };

		for (u32 i = 0; i < sizeof(way) / sizeof(way[0]); i++) {
			scene_write(&s, i % 4 * s.leaf, 1);
			x(ct_replace(s.dev, 0, way[i]));
			scene_write(&s, (i + 1) % 4 * s.leaf, 1);
			if (i % 2)
				expect_all(&s);
		}
		expect_all(&s);
	}
}

/* Out of the family and back: what is written elsewhere is not the parent's, what
 * was written before is. */
CT_TEST(nested_replace_away, "NEST-005", .scope = CT_EACH_FORMAT, .needs = TARGET_NESTED,
	.requires = is_mock)
{
	struct scene s, other;
	u32 nested;

	scene_open_parent(&s);
	other = second_hwpt(&s, IOMMU_HWPT_ALLOC_NEST_PARENT);
	x(nested_alloc(s.dev, s.hwpt, 0, 0, &nested));
	x(ct_attach(s.dev, 0, nested));
	x(ct_set_tracking(s.hwpt, true));
	x(ct_set_tracking(other.hwpt, true));
	scene_write(&s, 0, 1);
	x(ct_replace(s.dev, 0, other.hwpt));
	scene_write(&other, s.leaf, 1);
	expect_all(&s);
	expect_all(&other);
	x(ct_replace(s.dev, 0, nested));
	scene_write(&s, s.leaf, 1);
	expect_all(&s);
	expect_all(&other);
}

/* The nested HWPT that a device was moved to is the one in use. */
CT_TEST(nested_replace_moves, "NEST-005", .scope = CT_EACH_FORMAT, .needs = TARGET_NESTED,
	.requires = is_mock)
{
	struct scene s;
	u32 a, b, used;

	scene_open_parent(&s);
	x(nested_alloc(s.dev, s.hwpt, 0, 0, &a));
	x(nested_alloc(s.dev, s.hwpt, 0, 0, &b));
	x(ct_attach_out(s.dev, 0, a, &used));
	ct_check(used == a, "attached to HWPT %u, told %u", a, used);
	x_err(EBUSY, ct_destroy(a));
	x(ct_replace(s.dev, 0, b));
	x_err(EBUSY, ct_destroy(b));
	x(ct_destroy(a));
	x(ct_replace(s.dev, 0, s.hwpt));
	x(ct_destroy(b));
	x_err(ENOENT, ct_replace(s.dev, 0, b));
	x(ct_set_tracking(s.hwpt, true));
	scene_write(&s, 0, 1);
	expect_all(&s);
}

/* ---- who may join ---- */

CT_TEST(nested_incapable_attach, "NEST-006", .scope = CT_EACH_FORMAT,
	.needs = TARGET_NESTED | TARGET_NO_DIRTY_DEV, .requires = is_mock)
{
	struct scene s;
	u32 nested, dev;

	scene_open_parent(&s);
	x(nested_alloc(s.dev, s.hwpt, 0, 0, &nested));
	x(ct_plug(IODIRTY_PLUG_NO_DIRTY, &dev));
	/* Whether tracking is on or not: it could be switched on later. */
	x_err(EINVAL, ct_attach(dev, 0, nested));
	x(ct_set_tracking(s.hwpt, true));
	x_err(EINVAL, ct_attach(dev, 0, nested));
	expect_fault(&s, dev, 0);
	x(ct_attach(s.dev, 0, nested));
	scene_write(&s, 0, 1);
	expect_all(&s);
}

CT_TEST(nested_incapable_replace, "NEST-006", .scope = CT_EACH_FORMAT,
	.needs = TARGET_NESTED | TARGET_NO_DIRTY_DEV, .requires = is_mock)
{
	u32 nested, own, dev, ioas, plain;
	struct scene s;
	u8 *mem;

	scene_open_parent(&s);
	mem = second_ioas(&s, &ioas);
	x(nested_alloc(s.dev, s.hwpt, 0, 0, &nested));
	x(ct_plug(IODIRTY_PLUG_NO_DIRTY, &dev));
	x(ct_hwpt_alloc(dev, ioas, IOMMU_HWPT_ALLOC_NEST_PARENT, &plain));
	/* One whose parent is not made to track is open to it. */
	x(nested_alloc(dev, plain, 0, 0, &own));
	x(ct_attach(dev, 0, own));
	x(ct_set_tracking(s.hwpt, true));
	x_err(EINVAL, ct_replace(dev, 0, nested));
	if (ct.t->caps & TARGET_DMA)
		expect_lands(&s, dev, 0, 0, mem, s.mem);
	expect_all(&s);
	x(ct_replace(dev, 0, plain));
	x_err(EINVAL, ct_replace(dev, 0, nested));
}

CT_TEST(nested_incapable_pasid, "NEST-006", .scope = CT_EACH_FORMAT,
	.needs = TARGET_NESTED | TARGET_NO_DIRTY_DEV | TARGET_PASID, .requires = is_mock)
{
	u32 nested, dev, ioas, plain;
	struct scene s;

	scene_open_parent(&s, .pasid_width = PASID_WIDTH);
	second_ioas(&s, &ioas);
	x(nested_alloc(s.dev, s.hwpt, IOMMU_HWPT_ALLOC_PASID, 0, &nested));
	x(ct_plug_pasid(IODIRTY_PLUG_NO_DIRTY, PASID_WIDTH, &dev));
	x_err(EINVAL, ct_attach(dev, 5, nested));
	x(ct_hwpt_alloc(dev, ioas, IOMMU_HWPT_ALLOC_PASID, &plain));
	x(ct_attach(dev, 5, plain));
	x_err(EINVAL, ct_replace(dev, 5, nested));
	/* Not for what else it has attached, or lacks. */
	x(ct_attach(s.dev, 5, nested));
}

/* ---- PASIDs ---- */

CT_TEST(nested_pasid, "NEST-007", .scope = CT_EACH_LEAF, .needs = TARGET_NESTED | TARGET_PASID,
	.requires = is_mock)
{
	const u8 byte = 0xd1;
	struct scene s;
	u32 nested, plain;

	scene_open_parent(&s, .pasid_width = PASID_WIDTH);
	x(nested_alloc(s.dev, s.hwpt, 0, 0, &plain));
	x(nested_alloc(s.dev, s.hwpt, IOMMU_HWPT_ALLOC_PASID, 0, &nested));
	x_err(EINVAL, ct_attach(s.dev, 5, plain));
	x(ct_attach(s.dev, 5, nested));
	/* Nor may the device's own requests go through one that is not for PASIDs. */
	x_err(EINVAL, ct_attach(s.dev, 0, plain));
	x(ct_set_tracking(s.hwpt, true));
	x(ct_attach(s.dev, 6, nested));
	for (u32 round = 0; round < 2; round++) {
		x(ct_dma_write(s.dev, 5, s.iova, &byte, 1));
		scene_mark(&s, 0, 1);
		expect_all(&s);
		x(ct_dma_write(s.dev, 5, s.iova, &byte, 1));
		scene_mark(&s, 0, 1);
		x(ct_dma_write(s.dev, 6, s.iova + 2 * s.leaf, &byte, 1));
		scene_mark(&s, 2 * s.leaf, 1);
		expect_all(&s);
	}
}

/* ---- whose id ---- */

CT_TEST(nested_has_no_bits, "NEST-008", .scope = CT_EACH_FORMAT, .needs = TARGET_NESTED,
	.requires = is_mock)
{
	struct ct_bitmap b;
	struct scene s;
	u32 nested;

	scene_open_parent(&s);
	ct_bitmap_init(&b, s.length / s.page, 0);
	x(nested_alloc(s.dev, s.hwpt, 0, 0, &nested));
	x(ct_attach(s.dev, 0, nested));
	x_err(ENOENT, ct_set_tracking(nested, true));
	x(ct_set_tracking(s.hwpt, true));
	scene_write(&s, 0, 1);
	x_err(ENOENT, ct_get_bitmap(nested, 0, s.iova, s.length, s.page, b.bytes));
	x_err(ENOENT, ct_set_tracking(nested, false));
	ct_check(ct_bitmap_count(&b) == 0, "a refused harvest wrote to the bitmap");
	expect_all(&s);
}

/* What is below goes last. */
CT_TEST(parent_is_busy, "NEST-009", .scope = CT_EACH_FORMAT, .needs = TARGET_NESTED,
	.requires = is_mock)
{
	struct scene s;
	u32 nested[2];

	scene_open_parent(&s);
	for (u32 i = 0; i < 2; i++)
		x(nested_alloc(s.dev, s.hwpt, 0, 0, &nested[i]));
	x(ct_attach(s.dev, 0, nested[0]));
	x(ct_set_tracking(s.hwpt, true));
	scene_write(&s, 0, 1);
	x_err(EBUSY, ct_destroy(s.hwpt));
	x_err(EBUSY, ct_destroy(nested[0]));
	x_err(EBUSY, ct_destroy(s.ioas));
	x(ct_destroy(nested[1]));
	x_err(EBUSY, ct_destroy(s.hwpt));
	scene_write(&s, s.leaf, 1);
	expect_all(&s);
	x(ct_detach(s.dev, 0));
	x_err(EBUSY, ct_destroy(s.hwpt));
	x(ct_destroy(nested[0]));
	x(ct_destroy(s.hwpt));
	x(ct_destroy(s.ioas));
	x_err(ENOENT, ct_destroy(nested[0]));
}
