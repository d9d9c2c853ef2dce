/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the tests of chapter UNMAP share: an unmap that reports, held against the truth. */
#ifndef IODIRTY_TESTS_UNMAP_H
#define IODIRTY_TESTS_UNMAP_H

#include "attach.h"
#include "bits.h"

static inline int unmap_dirty(const struct scene *s, u64 offset, u64 length, u64 page_size,
			      const void *bitmap)
{
	return ct_unmap_dirty(s->ioas, s->iova + offset, length, page_size, bitmap);
}

/* As scene_expect(), by the unmap. */
static inline void unmap_expect(struct scene *s, u64 offset, u64 length, u64 page_size)
{
	struct ct_bitmap b;

	ct_bitmap_init_guarded(&b, length / page_size);
	x(unmap_dirty(s, offset, length, page_size, b.bytes));
	scene_compare(s, &b, s->iova + offset, page_size, true);
	ct_bitmap_free(&b);
}

/* All of it, in granules; and it is gone. */
static inline void unmap_expect_all(struct scene *s)
{
	unmap_expect(s, 0, s->length, s->granule);
	scene_expect_hole(s, s->hwpt, 0, s->length);
	expect_fault(s, s->dev, 0);
}

/* Again, at the same IOVAs. */
static inline void map_again(const struct scene *s)
{
	x(ct_map(s->ioas, s->mem, s->length, s->iova));
}

#endif
