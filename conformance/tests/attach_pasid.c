/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter ATTACH, by PASID: a device's requests that carry a PASID translate
 * through a table of their own. Each attachment is tracked as its HWPT is.
 */
#include "attach.h"

#define BOTH (IOMMU_HWPT_ALLOC_DIRTY_TRACKING | IOMMU_HWPT_ALLOC_PASID)

#define scene_open_pasid(s, ...)                                                        \
	scene_open(s, .hwpt_flags = IOMMU_HWPT_ALLOC_PASID, .pasid_width = PASID_WIDTH, \
		   ##__VA_ARGS__)

/* A write that carries @pasid, remembered by @s. */
static void write_pasid(struct scene *s, u32 pasid, u64 offset)
{
	u8 byte = 0xd1;

	x(ct_dma_write(s->dev, pasid, s->iova + offset, &byte, 1));
	scene_mark(s, offset, 1);
}

/* Tracked and PASID in one HWPT: as the format says, one way or the other. */
CT_TEST(pasid_alloc, "ATTACH-017", .scope = CT_EACH_FORMAT, .needs = TARGET_PASID)
{
	bool allowed = ct.config.format.flags & IODIRTY_FORMAT_DIRTY_PASID;
	u32 dev, ioas, hwpt;

	x(ct_ioas_alloc(&ioas));
	x(ct_plug_pasid(0, PASID_WIDTH, &dev));
	x_err(allowed ? 0 : EOPNOTSUPP, ct_hwpt_alloc(dev, ioas, BOTH, &hwpt));
	if (allowed)
		x(ct_set_tracking(hwpt, true));
	x(ct_hwpt_alloc(dev, ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &hwpt));
	x(ct_hwpt_alloc(dev, ioas, IOMMU_HWPT_ALLOC_PASID, &hwpt));
	x_err(EOPNOTSUPP, ct_set_tracking(hwpt, true));
}

/* Writes with and without a PASID through one HWPT: each is reported, each again
 * after a harvest. */
CT_TEST(pasid_writes, "ATTACH-018", .scope = CT_EACH_LEAF, .needs = TARGET_PASID,
	.requires = tracks_pasids)
{
	struct scene s;

	scene_open_pasid(&s);
	x(ct_attach(s.dev, 7, s.hwpt));
	for (unsigned int round = 0; round < 2; round++) {
		write_pasid(&s, 7, s.leaf);
		expect_all(&s);
		write_pasid(&s, 7, s.leaf);
		scene_write(&s, 3 * s.leaf, 1);
		expect_all(&s);
		scene_write(&s, s.leaf, 1);
		expect_all(&s);
		expect_all(&s);
	}
}

/* Attached before, during and after: enable and disable reach every PASID. */
CT_TEST(pasid_toggle, "ATTACH-018", .scope = CT_EACH_FORMAT, .needs = TARGET_PASID,
	.requires = tracks_pasids)
{
	struct scene s;

	scene_open_pasid(&s, .no_enable = true);
	x(ct_attach(s.dev, 1, s.hwpt));
	x(ct_attach(s.dev, (1 << PASID_WIDTH) - 1, s.hwpt));
	if (ct.t->caps & TARGET_DMA) {
		/* Warm, and not tracked. */
		expect_lands(&s, s.dev, 1, s.leaf, s.mem, NULL);
		expect_lands(&s, s.dev, (1 << PASID_WIDTH) - 1, 2 * s.leaf, s.mem, NULL);
	}
	x(ct_set_tracking(s.hwpt, true));
	expect_all(&s);
	write_pasid(&s, 1, s.leaf);
	write_pasid(&s, (1 << PASID_WIDTH) - 1, 2 * s.leaf);
	expect_all(&s);
	/* One that joins now is tracked from its first write. */
	x(ct_attach(s.dev, 2, s.hwpt));
	write_pasid(&s, 2, 3 * s.leaf);
	expect_all(&s);
	x(ct_set_tracking(s.hwpt, false));
	if (ct.t->caps & TARGET_DMA) {
		expect_lands(&s, s.dev, 1, s.leaf, s.mem, NULL);
		expect_lands(&s, s.dev, 2, 3 * s.leaf, s.mem, NULL);
	}
	x(ct_set_tracking(s.hwpt, true));
	expect_all(&s);
	write_pasid(&s, 2, s.leaf);
	write_pasid(&s, 1, 3 * s.leaf);
	expect_all(&s);
}

/* The device's own requests through one HWPT, a PASID's through another. */
CT_TEST(pasid_independent, "ATTACH-019", .scope = CT_EACH_FORMAT, .needs = TARGET_PASID,
	.requires = tracks_pasids)
{
	struct scene rid, pasid;

	scene_open_pasid(&rid);
	pasid = second_hwpt(&rid, IOMMU_HWPT_ALLOC_PASID);
	x(ct_attach(rid.dev, 3, pasid.hwpt));
	x(ct_set_tracking(pasid.hwpt, true));
	scene_write(&rid, 0, 1);
	write_pasid(&pasid, 3, rid.leaf);
	expect_all(&rid);
	scene_write(&rid, 2 * rid.leaf, 1);
	expect_all(&pasid);
	expect_all(&rid);
	/* Off for one is not off for the other; nor is detach. */
	x(ct_set_tracking(rid.hwpt, false));
	write_pasid(&pasid, 3, 2 * rid.leaf);
	x(ct_detach(rid.dev, 0));
	write_pasid(&pasid, 3, 3 * rid.leaf);
	expect_all(&rid);
	expect_all(&pasid);
	expect_fault(&rid, rid.dev, 0);
}

/* A PASID whose IOAS maps other memory: the PASID decides where a write goes. */
CT_TEST(pasid_other_ioas, "ATTACH-019", .scope = CT_EACH_FORMAT, .needs = TARGET_PASID | TARGET_DMA,
	.requires = tracks_pasids)
{
	struct scene rid, pasid;

	scene_open_pasid(&rid);
	pasid = rid;
	pasid.mem = second_ioas(&rid, &pasid.ioas);
	pasid = second_hwpt(&pasid, IOMMU_HWPT_ALLOC_PASID);
	x(ct_set_tracking(pasid.hwpt, true));
	x(ct_attach(rid.dev, 3, pasid.hwpt));
	expect_lands(&rid, rid.dev, 3, 0, pasid.mem, rid.mem);
	scene_mark(&pasid, 0, 1);
	expect_lands(&rid, rid.dev, 0, rid.leaf, rid.mem, pasid.mem);
	scene_mark(&rid, rid.leaf, 1);
	expect_all(&rid);
	expect_all(&pasid);
	expect_fault(&rid, rid.dev, 4);
}

/* Replace and detach of a PASID: the bits stay with the HWPT that was written
 * through, and the device's other attachments do not notice. */
CT_TEST(pasid_replace_detach, "ATTACH-020", .scope = CT_EACH_FORMAT, .needs = TARGET_PASID,
	.requires = tracks_pasids)
{
	struct scene a, b;

	scene_open_pasid(&a);
	b = second_hwpt(&a, IOMMU_HWPT_ALLOC_PASID);
	x(ct_set_tracking(b.hwpt, true));
	x(ct_attach(a.dev, 9, a.hwpt));
	write_pasid(&a, 9, 0);
	x(ct_replace(a.dev, 9, b.hwpt));
	write_pasid(&b, 9, 0);
	write_pasid(&b, 9, a.leaf);
	scene_write(&a, 3 * a.leaf, 1);
	expect_all(&a);
	scene_expect_no_clear(&b, 0, b.length, b.granule);
	x(ct_replace(a.dev, 9, b.hwpt));
	expect_all(&b);
	write_pasid(&b, 9, a.leaf);
	x(ct_detach(a.dev, 9));
	expect_fault(&a, a.dev, 9);
	expect_all(&b);
	scene_write(&a, a.leaf, 1);
	expect_all(&a);
	x(ct_destroy(b.hwpt));
	/* It may come back. */
	x(ct_attach(a.dev, 9, a.hwpt));
	write_pasid(&a, 9, a.leaf);
	expect_all(&a);
	x_err(EBUSY, ct_destroy(a.hwpt));
}

/* Pulled out: every PASID's bits stay, and none translates any more. */
CT_TEST(pasid_unplug, "ATTACH-020", .scope = CT_EACH_FORMAT, .needs = TARGET_PASID | TARGET_UNPLUG,
	.requires = tracks_pasids)
{
	struct scene s;

	scene_open_pasid(&s);
	x(ct_attach(s.dev, 1, s.hwpt));
	x(ct_attach(s.dev, 2, s.hwpt));
	scene_write(&s, 0, 1);
	write_pasid(&s, 1, s.leaf);
	write_pasid(&s, 2, 3 * s.leaf);
	x(ct_unplug(s.dev));
	expect_all(&s);
	/* Nothing holds it any more. */
	x(ct_destroy(s.hwpt));
	x(ct_destroy(s.ioas));
}

/* ---- refusals ---- */

CT_TEST(pasid_width, "ATTACH-021", .scope = CT_EACH_FORMAT, .needs = TARGET_PASID)
{
	u32 dev, none, ioas, hwpt;

	x(ct_ioas_alloc(&ioas));
	x(ct_plug_pasid(0, PASID_WIDTH, &dev));
	x(ct_plug(0, &none));
	x(ct_hwpt_alloc(dev, ioas, IOMMU_HWPT_ALLOC_PASID, &hwpt));
	x(ct_attach(dev, (1 << PASID_WIDTH) - 1, hwpt));
	x_err(EINVAL, ct_attach(dev, 1 << PASID_WIDTH, hwpt));
	x_err(EINVAL, ct_attach(dev, 1 << 20, hwpt));
	x_err(EINVAL, ct_attach(dev, ~0u, hwpt));
	x_err(EINVAL, ct_attach(none, 1, hwpt));
	x(ct_attach(none, 0, hwpt));
}

/* Both tables, the PASID's and the device's own, must be made for PASIDs. */
CT_TEST(pasid_needs_flag, "ATTACH-022", .scope = CT_EACH_FORMAT, .needs = TARGET_PASID)
{
	u32 dev, ioas, plain, hwpt;

	x(ct_ioas_alloc(&ioas));
	x(ct_plug_pasid(0, PASID_WIDTH, &dev));
	x(ct_hwpt_alloc(dev, ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &plain));
	x(ct_hwpt_alloc(dev, ioas, IOMMU_HWPT_ALLOC_PASID, &hwpt));
	x_err(EINVAL, ct_attach(dev, 1, plain));
	x_err(EINVAL, ct_attach(dev, 1, ioas));
	/* The device's own table is not: no PASID. */
	x(ct_attach(dev, 0, plain));
	x_err(EINVAL, ct_attach(dev, 1, hwpt));
	x(ct_detach(dev, 0));
	/* A PASID is attached: no such table for the device, by any way. */
	x(ct_attach(dev, 1, hwpt));
	x_err(EINVAL, ct_attach(dev, 0, plain));
	x_err(EINVAL, ct_attach(dev, 0, ioas));
	x(ct_attach(dev, 0, hwpt));
	x_err(EINVAL, ct_replace(dev, 0, plain));
	x_err(EINVAL, ct_replace(dev, 1, plain));
	x_err(EINVAL, ct_replace(dev, 1, ioas));
	x(ct_detach(dev, 1));
	x(ct_replace(dev, 0, plain));
}

/* The same while a table tracks; what was refused changed nothing. */
CT_TEST(pasid_refused_unchanged, "ATTACH-022", .scope = CT_EACH_FORMAT, .needs = TARGET_PASID,
	.requires = tracks_pasids)
{
	struct scene s, plain;

	scene_open_pasid(&s);
	plain = second_hwpt(&s, 0);
	x(ct_set_tracking(plain.hwpt, true));
	x(ct_attach(s.dev, 5, s.hwpt));
	scene_write(&s, 0, 1);
	write_pasid(&s, 5, s.leaf);
	x_err(EBUSY, ct_attach(s.dev, 5, s.hwpt));
	x_err(EINVAL, ct_attach(s.dev, 6, plain.hwpt));
	x_err(EINVAL, ct_replace(s.dev, 5, plain.hwpt));
	x_err(EINVAL, ct_replace(s.dev, 0, plain.hwpt));
	x_err(EINVAL, ct_replace(s.dev, 6, s.hwpt));
	x(ct_detach(s.dev, 6));
	expect_fault(&s, s.dev, 6);
	scene_write(&s, 2 * s.leaf, 1);
	write_pasid(&s, 5, 3 * s.leaf);
	expect_all(&s);
	expect_all(&plain);
}

/* No way in by PASID for a device that cannot be tracked: by attach, by replace,
 * with its own requests attached or not, tracking on or off. */
CT_TEST(pasid_incapable, "ATTACH-023", .scope = CT_EACH_FORMAT,
	.needs = TARGET_PASID | TARGET_NO_DIRTY_DEV, .requires = tracks_pasids)
{
	u32 dev, ioas, hwpt;
	struct scene s;
	u8 *mem;

	scene_open_pasid(&s, .no_enable = true);
	x(ct_attach(s.dev, 5, s.hwpt));
	x(ct_plug_pasid(IODIRTY_PLUG_NO_DIRTY, PASID_WIDTH, &dev));
	mem = second_ioas(&s, &ioas);
	x_err(EOPNOTSUPP, ct_hwpt_alloc(dev, ioas, BOTH, &hwpt));
	x(ct_hwpt_alloc(dev, ioas, IOMMU_HWPT_ALLOC_PASID, &hwpt));
	x_err(EINVAL, ct_attach(dev, 5, s.hwpt));
	x(ct_attach(dev, 0, hwpt));
	x(ct_attach(dev, 6, hwpt));
	for (unsigned int on = 0; on < 2; on++) {
		x(ct_set_tracking(s.hwpt, on));
		x_err(EINVAL, ct_attach(dev, 5, s.hwpt));
		x_err(EINVAL, ct_replace(dev, 6, s.hwpt));
		expect_fault(&s, dev, 5);
		if (ct.t->caps & TARGET_DMA)
			expect_lands(&s, dev, 6, 0, mem, s.mem);
	}
	write_pasid(&s, 5, s.leaf);
	scene_write(&s, 2 * s.leaf, 1);
	expect_all(&s);
}

/* ---- cost ---- */

/* Invalidations of a harvest that finds a leaf dirty by either device. */
static u64 invalidations(struct scene *s, struct scene *second)
{
	struct iodirty_stats before = { 0 }, after = { 0 };

	scene_write(s, 0, 1);
	scene_write(second, 0, 1);
	x(ct.t->driver->stats(ct.t, &before));
	expect_all(s);
	x(ct.t->driver->stats(ct.t, &after));
	return after.invalidations - before.invalidations;
}

/* Two devices behind two IOMMUs: PASIDs by the dozen cost a harvest nothing. */
CT_TEST(pasid_invalidations, "ATTACH-024", .scope = CT_EACH_FORMAT,
	.needs = TARGET_PASID | TARGET_STATS, .requires = tracks_pasids)
{
	struct scene s, second;
	u64 few, many;

	scene_open_pasid(&s);
	second = second_device(&s, PASID_WIDTH);
	x(ct_attach(second.dev, 0, s.hwpt));
	few = invalidations(&s, &second);
	for (u32 pasid = 1; pasid <= 48; pasid++) {
		x(ct_attach(s.dev, pasid, s.hwpt));
		x(ct_attach(second.dev, pasid, s.hwpt));
	}
	many = invalidations(&s, &second);
	ct_measure("invalidations, 2 attachments", few, "1");
	ct_measure("invalidations, 98 attachments", many, "1");
	/* Caches that tell PASIDs apart are told of each, once. */
	if (ct.config.format.flags & IODIRTY_FORMAT_TAGS_PASID)
		few += 96;
	ct_check(many <= few, "%llu invalidations with 2 attachments, %llu with 98",
		 (unsigned long long)few, (unsigned long long)many);
}
