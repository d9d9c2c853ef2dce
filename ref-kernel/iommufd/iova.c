/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which IOVAs may be mapped: reserved and allowed ranges, alignment, and the
 * choice of one where the caller leaves it to us. ioas->rwsem is held for
 * writing throughout.
 */
#include "core.h"

/* Leaves larger than this gain too little to space automatic IOVAs for. */
#define MAX_AUTO_ALIGNMENT (1ULL << 30)

static bool overlaps(u64 first, u64 last, u64 other_first, u64 other_last)
{
	return first <= other_last && other_first <= last;
}

static struct reserved *reserved_in(struct ioas *ioas, u64 first, u64 last)
{
	for (struct reserved *r = ioas->reserved; r && r->first <= last; r = r->next)
		if (r->last >= first)
			return r;
	return NULL;
}

int ioas_reserve(struct ioas *ioas, u64 first, u64 last, const void *owner)
{
	struct reserved **at = &ioas->reserved, *r;

	if (ioas_area_first(ioas, first, last))
		return -EADDRINUSE;
	for (u32 i = 0; i < ioas->num_allowed; i++)
		if (overlaps(first, last, ioas->allowed[i].start, ioas->allowed[i].last))
			return -EADDRINUSE;
	r = port_alloc(sizeof(*r));
	if (!r)
		return -ENOMEM;
	while (*at && (*at)->first < first)
		at = &(*at)->next;
	*r = (struct reserved){ .next = *at, .first = first, .last = last, .owner = owner };
	*at = r;
	return 0;
}

void ioas_unreserve(struct ioas *ioas, const void *owner)
{
	struct reserved **at = &ioas->reserved;

	while (*at) {
		struct reserved *r = *at;

		if (r->owner != owner) {
			at = &r->next;
			continue;
		}
		*at = r->next;
		port_free(r);
	}
}

int ioas_update_alignment(struct ioas *ioas)
{
	u64 alignment = ioas->no_huge ? PORT_PAGE_SIZE : 1;

	for (struct hwpt *hwpt = ioas->hwpts; hwpt; hwpt = hwpt->next)
		alignment = port_max(alignment, 1ULL << port_ctz(hwpt->pgt.leaf_sizes));
	port_mutex_lock(&ioas->access_lock);
	for (struct access_link *link = ioas->accesses; link; link = link->next)
		if (link->access->ops->needs_pin)
			alignment = port_max(alignment, PORT_PAGE_SIZE);
	port_mutex_unlock(&ioas->access_lock);

	if (alignment > ioas->alignment) {
		struct area *area = area_of(port_map_ceil(&ioas->areas, 0));

		for (; area; area = area_of(port_map_next(&area->node)))
			if ((area->node.key | (area->last + 1) |
			     (area->pages->skip + area->offset)) &
			    (alignment - 1))
				return -EADDRINUSE;
	}
	ioas->alignment = alignment;
	return 0;
}

int ioas_check_iova(struct ioas *ioas, u64 iova, u64 length)
{
	u64 last = iova + length - 1;

	if (iova & (ioas->alignment - 1))
		return -EINVAL;
	if (last < iova)
		return -EOVERFLOW;
	if (reserved_in(ioas, iova, last))
		return -EINVAL;
	if (ioas_area_first(ioas, iova, last))
		return -EEXIST;
	return 0;
}

/* The last area that overlaps [first, last]. */
static struct area *area_last_in(struct ioas *ioas, u64 first, u64 last)
{
	struct area *area = area_of(port_map_floor(&ioas->areas, last));

	return area && area->last >= first ? area : NULL;
}

/* Round @at up so that it is @rest beyond a multiple of @alignment. */
static bool align_up(u64 *at, u64 alignment, u64 rest)
{
	u64 aligned = *at - rest;

	aligned = (aligned + alignment - 1) & ~(alignment - 1);
	aligned += rest;
	if (aligned < *at)
		return false;
	*at = aligned;
	return true;
}

/* The lowest fitting IOVA within [first, last]. */
static bool fit(struct ioas *ioas, u64 first, u64 last, u64 length, u64 alignment, u64 rest,
		u64 *iova)
{
	u64 at = first;

	while (align_up(&at, alignment, rest) && at <= last && last - at >= length - 1) {
		u64 end = at + length - 1, blocked;
		struct area *area = area_last_in(ioas, at, end);
		struct reserved *r = reserved_in(ioas, at, end);

		if (!area && !r) {
			*iova = at;
			return true;
		}
		blocked = port_max(area ? area->last : 0, r ? r->last : 0);
		if (blocked == UINT64_MAX)
			return false;
		at = blocked + 1;
	}
	return false;
}

/* In the allowed ranges if there are any, else anywhere but at 0. */
static bool fit_allowed(struct ioas *ioas, u64 first, u64 length, u64 alignment, u64 rest,
			u64 *iova)
{
	for (u32 i = 0; i < ioas->num_allowed; i++) {
		const struct iommu_iova_range *range = &ioas->allowed[i];

		if (range->last >= first && fit(ioas, port_max(first, range->start), range->last,
						length, alignment, rest, iova))
			return true;
	}
	return !ioas->num_allowed &&
	       fit(ioas, port_max(first, 1), UINT64_MAX, length, alignment, rest, iova);
}

int ioas_pick_iova(struct ioas *ioas, u64 uaddr, u64 length, u64 *iova)
{
	u64 alignment, rest;

	if (length >= UINT64_MAX / 2)
		return -EOVERFLOW;
	/* Congruent with the memory, so that large leaves are possible. */
	alignment = 1ULL << port_lg2(length);
	alignment = port_min(alignment, ioas->no_huge ? PORT_PAGE_SIZE : MAX_AUTO_ALIGNMENT);
	alignment = port_max(alignment, ioas->alignment);
	rest = uaddr & (alignment - 1);
	if (rest & (ioas->alignment - 1))
		return -EINVAL;

	/* Next fit: 100,000 mappings must not search 100,000 areas each. */
	if (!fit_allowed(ioas, ioas->hint, length, alignment, rest, iova) &&
	    !fit_allowed(ioas, 0, length, alignment, rest, iova))
		return -ENOSPC;
	ioas->hint = *iova + length;
	return 0;
}
