/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the tests of chapters CACHE and ATS share: the sizes of caches that each is
 * run with. A target whose caches have no size to choose has one turn, as it is.
 */
#ifndef IODIRTY_TESTS_CACHES_H
#define IODIRTY_TESTS_CACHES_H

#include "attach.h"

/* None; one entry each; some, in which entries come and go; one without the other;
 * and what holds all that a test touches. */
static const struct iodirty_plug cache_sizes[] = {
	{ .flags = IODIRTY_PLUG_CACHES },
	{ .flags = IODIRTY_PLUG_CACHES, .iotlb_sets = 1, .iotlb_ways = 1, .walk_entries = 1 },
	{ .flags = IODIRTY_PLUG_CACHES, .iotlb_sets = 2, .iotlb_ways = 2, .walk_entries = 2 },
	{ .flags = IODIRTY_PLUG_CACHES, .walk_entries = 16 },
	{ .flags = IODIRTY_PLUG_CACHES, .iotlb_sets = 16, .iotlb_ways = 2 },
	{ .flags = IODIRTY_PLUG_CACHES, .iotlb_sets = 256, .iotlb_ways = 8, .walk_entries = 256 },
};
#define CACHE_SIZES (sizeof(cache_sizes) / sizeof(cache_sizes[0]))

/* The @i-th device to try, with @pasid_width; false past the last. */
static inline bool cache_turn(unsigned int i, u32 pasid_width, struct iodirty_plug *plug)
{
	if (i >= (ct.t->caps & TARGET_CACHES ? CACHE_SIZES : 1))
		return false;
	*plug = ct.t->caps & TARGET_CACHES ? cache_sizes[i] : (struct iodirty_plug){ 0 };
	plug->pasid_width = pasid_width;
	return true;
}

#define for_each_cache_size(plug, width) \
	for (unsigned int turn_ = 0; cache_turn(turn_, (width), (plug)); turn_++)

/*
 * Devices with ATS to try: one that asks for write permission to write only, and one
 * that always asks; with room for nothing, for one translation, for some and for all.
 */
static inline bool ats_turn(unsigned int i, u32 pasid_width, struct iodirty_plug *plug)
{
	static const u32 entries[] = { 0, 1, 4, 64 };
	unsigned int sizes = sizeof(entries) / sizeof(entries[0]);

	if (i >= 2 * (ct.t->caps & TARGET_CACHES ? sizes : 1))
		return false;
	*plug = (struct iodirty_plug){ .flags = IODIRTY_PLUG_ATS, .pasid_width = pasid_width };
	if (i % 2)
		plug->flags |= IODIRTY_PLUG_ATS_EAGER;
	if (ct.t->caps & TARGET_CACHES) {
		plug->flags |= IODIRTY_PLUG_CACHES;
		plug->iotlb_sets = 16;
		plug->iotlb_ways = 2;
		plug->walk_entries = 8;
		plug->atc_entries = entries[i / 2];
	}
	return true;
}

#define for_each_ats_device(plug, width) \
	for (unsigned int turn_ = 0; ats_turn(turn_, (width), (plug)); turn_++)

static inline bool is_eager(const struct iodirty_plug *plug)
{
	return plug->flags & IODIRTY_PLUG_ATS_EAGER;
}

/* A write by (dev, pasid) of one byte, remembered by @s. */
static inline void write_as(struct scene *s, u32 dev, u32 pasid, u64 offset)
{
	u8 byte = 0xd1;

	x(ct_dma_write(dev, pasid, s->iova + offset, &byte, 1));
	scene_mark(s, offset, 1);
}

/* Writes that nobody is to remember: they fill caches. */
static inline void warm(const struct scene *s, u32 dev, u32 pasid)
{
	u8 byte = 0xd2;

	for (u64 at = 0; at < s->length; at += s->leaf)
		x(ct_dma_write(dev, pasid, s->iova + at, &byte, 1));
}

static const u32 three_pasids[] = { 0, 1, 5 };

/* Three PASIDs of a device write the same page, all and then each by itself, and each
 * time it is reported. */
static inline void pasids_in_turn(struct scene *s, const struct iodirty_plug *plug)
{
	scene_open(s, .plug = plug, .hwpt_flags = IOMMU_HWPT_ALLOC_PASID);
	x(ct_attach(s->dev, three_pasids[1], s->hwpt));
	x(ct_attach(s->dev, three_pasids[2], s->hwpt));
	for (unsigned int round = 0; round < 3; round++) {
		for (unsigned int i = 0; i < 3; i++)
			write_as(s, s->dev, three_pasids[i], 2 * s->leaf);
		expect_all(s);
		write_as(s, s->dev, three_pasids[round], 2 * s->leaf);
		expect_all(s);
		expect_all(s);
	}
}

/* A scene, and @other: its IOVAs over other memory, of a HWPT that tracks and that its
 * device is not attached to. */
static inline void open_two(struct scene *s, struct scene *other, const struct iodirty_plug *plug)
{
	scene_open(s, .plug = plug);
	*other = *s;
	other->mem = second_ioas(s, &other->ioas);
	*other = second_hwpt(other, 0);
	x(ct_set_tracking(other->hwpt, true));
}

#endif
