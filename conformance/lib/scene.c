/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A device, tracked through a HWPT over an IOAS with one area. */
#include "bits.h"
#include "ct.h"

#define GIB ((u64)1 << 30)
#define CHUNK ((u64)256 << 10) /* the most that scene_write sends at once */

/* Does [iova, iova + length) lie in the format's aperture? */
static bool fits(u64 iova, u64 length)
{
	const struct iodirty_format_info *f = &ct.config.format;

	return iova >= f->aperture_first && iova <= f->aperture_last &&
	       length - 1 <= f->aperture_last - iova;
}

/*
 * An even number of leaves up. By preference two leaves below a boundary of
 * tables at every level, so that a scene crosses it, and away from the windows
 * that platforms reserve below 4 GiB; below 2 GiB for the mock.
 */
static u64 place(u64 leaf, u64 length)
{
	static const u64 boundaries[] = { 16 * GIB, GIB };
	u64 iova;
	size_t i;

	for (i = 0; i < sizeof(boundaries) / sizeof(boundaries[0]); i++) {
		iova = align_up(boundaries[i], 4 * leaf) - 2 * leaf;
		if (fits(iova, length))
			return iova;
	}
	iova = align_up(ct.config.format.aperture_first + 2 * leaf, 2 * leaf);
	if (!fits(iova, length))
		ct_skip("%" PRIu64 " leaves of %" PRIu64 " bytes do not fit the aperture of %s",
			length / leaf, leaf, ct.config.format.name);
	return iova;
}

static bool leaves_are_exact(void)
{
	return ct.t->caps & TARGET_LEAF;
}

static void check_leaf(const struct scene *s, u64 iova)
{
	struct iodirty_leaf leaf = { .hwpt_id = s->hwpt, .iova = iova };

	x(ct.t->driver->leaf(ct.t, &leaf));
	ct_check(leaf.out_lg2 == ct.config.leaf_lg2,
		 "IOVA %#" PRIx64 " is mapped by a leaf of 2^%u bytes, expected 2^%u", iova,
		 leaf.out_lg2, ct.config.leaf_lg2);
}

/*
 * Where pages of memory are decides how large leaves are, and unless the target says
 * otherwise (TARGET_LEAF) nobody knows that: where there are larger leaves than this
 * configuration's, all of the scene may be one. Below a page there is no doubt.
 */
static u64 reach(const struct scene *s)
{
	u64 larger = ct.config.format.leaf_sizes >> ct.config.leaf_lg2 >> 1, reach = s->leaf;

	if (leaves_are_exact() || !larger || s->leaf < 4096)
		return reach;
	while (reach < s->length)
		reach *= 2;
	return reach;
}

void scene_open_options(struct scene *s, const struct scene_options *o)
{
	*s = (struct scene){
		.leaf = (u64)1 << ct.config.leaf_lg2,
		.granule = highest((u64)1 << ct.config.format.granule_lg2, 2048),
	};
	s->page = highest(s->granule, 4096);
	s->length = (o->leaves ? o->leaves : 4) * s->leaf;
	s->iova = place(s->leaf, s->length);
	/*
	 * The IOVA is an even multiple of the leaf, the address an odd one: both
	 * suit this leaf and no larger one.
	 */
	s->mem = ct_memory(s->length, highest(2 * s->leaf, 4096), s->leaf);
	s->reach = reach(s);
	s->truth = ct_shadow_new(s->iova, s->length, s->granule, s->reach);

	x(ct_ioas_alloc(&s->ioas));
	if (o->plug)
		x(ct_plug_as(o->plug, &s->dev));
	else
		x(ct_plug_pasid(o->plug_flags, o->pasid_width, &s->dev));
	x(ct_hwpt_alloc(s->dev, s->ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING | o->hwpt_flags,
			&s->hwpt));
	if (!o->no_attach)
		x(ct_attach(s->dev, 0, s->hwpt));
	if (!o->no_map) {
		x(ct_map(s->ioas, s->mem, s->length, s->iova));
		if (leaves_are_exact()) {
			check_leaf(s, s->iova);
			check_leaf(s, s->iova + s->length - 1);
		}
	}
	if (!o->no_enable)
		x(ct_set_tracking(s->hwpt, true));
}

/* Above CHUNK bytes it is several DMAs. */
void scene_beside(struct scene *other, const struct scene *s, u32 ioas)
{
	*other = *s;
	other->truth = ct_shadow_new(s->iova, s->length, s->granule, s->reach);
	other->ioas = ioas;
	x(ct_plug(0, &other->dev));
	x(ct_hwpt_alloc(other->dev, ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &other->hwpt));
	x(ct_attach(other->dev, 0, other->hwpt));
	x(ct_set_tracking(other->hwpt, true));
}

void scene_write(struct scene *s, u64 offset, u64 length)
{
	static u8 data[CHUNK];
	u64 done;

	memset(data, 0xd1, lowest(CHUNK, length));
	for (done = 0; done < length; done += CHUNK)
		x(ct_dma_write(s->dev, 0, s->iova + offset + done, data,
			       lowest(CHUNK, length - done)));
	scene_mark(s, offset, length);
}

int scene_get(struct scene *s, u32 flags, u64 offset, u64 length, u64 page_size, const void *bitmap)
{
	return ct_get_bitmap(s->hwpt, flags, s->iova + offset, length, page_size, bitmap);
}

static void harvest(struct scene *s, u32 flags, u64 offset, u64 length, u64 page_size)
{
	struct ct_bitmap b;

	ct_bitmap_init_guarded(&b, length / page_size);
	x(scene_get(s, flags, offset, length, page_size, b.bytes));
	ct_bitmap_check_guards(&b);
	ct_shadow_compare(s->truth, &b, s->iova + offset, page_size, leaves_are_exact());
	ct_bitmap_free(&b);
}

void scene_expect(struct scene *s, u64 offset, u64 length, u64 page_size)
{
	harvest(s, 0, offset, length, page_size);
	scene_forget(s, offset, length);
}

void scene_expect_no_clear(struct scene *s, u64 offset, u64 length, u64 page_size)
{
	harvest(s, IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR, offset, length, page_size);
}

void scene_expect_hole(const struct scene *s, u32 hwpt, u64 offset, u64 length)
{
	struct ct_bitmap b;
	int ret;

	ct_bitmap_init_guarded(&b, length / s->page);
	ret = ct_get_bitmap(hwpt, 0, s->iova + offset, length, s->page, b.bytes);
	ct_check(ret == -ENOENT || (!ret && !(ct.t->caps & TARGET_REFERENCE)),
		 "a harvest over a hole returned %s, expected ENOENT", ct_errno_name(ret));
	ct_check(ct_bitmap_count(&b) == 0, "a harvest over a hole wrote to the bitmap");
	ct_bitmap_check_guards(&b);
	ct_bitmap_free(&b);
}

void scene_compare(struct scene *s, const struct ct_bitmap *b, u64 iova, u64 page_size, bool forget)
{
	ct_bitmap_check_guards(b);
	ct_shadow_compare(s->truth, b, iova, page_size, leaves_are_exact());
	if (forget)
		ct_shadow_forget(s->truth, iova, b->nbits * page_size);
}

void scene_mark(struct scene *s, u64 offset, u64 length)
{
	ct_shadow_write(s->truth, s->iova + offset, length);
}

void scene_forget(struct scene *s, u64 offset, u64 length)
{
	ct_shadow_forget(s->truth, s->iova + offset, length);
}
