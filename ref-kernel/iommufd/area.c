/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The areas of an IOAS: one for each mapping, kept in order of IOVA. Mapping
 * fills every HWPT over the IOAS; unmapping takes the area out of each, waits for
 * their caches to forget it, and only then lets the memory go. An area is never
 * split, but for VFIO's type1, which unmaps in the middle of a mapping
 * (ioas_cut); that takes leaves that no page is only a part of.
 */
#include "core.h"

/* How often accesses are asked to let go of an area before we give up. */
#define UNMAP_NOTICES 100

struct area *ioas_area_at(struct ioas *ioas, u64 iova)
{
	return ioas_area_first(ioas, iova, iova);
}

struct area *ioas_area_first(struct ioas *ioas, u64 first, u64 last)
{
	struct area *area = area_of(port_map_floor(&ioas->areas, first));

	if (area && area->last >= first)
		return area;
	area = area_of(port_map_ceil(&ioas->areas, first));
	return area && area->node.key <= last ? area : NULL;
}

bool ioas_covered(struct ioas *ioas, u64 first, u64 last)
{
	struct area *area = ioas_area_at(ioas, first);

	while (area && area->last < last) {
		struct area *next = area_of(port_map_next(&area->node));

		if (next && next->node.key != area->last + 1)
			return false;
		area = next;
	}
	return area;
}

static void drain_until(struct ioas *ioas, struct area *area, struct hwpt *end)
{
	for (struct hwpt *hwpt = ioas->hwpts; hwpt != end; hwpt = hwpt->next)
		hwpt_drain_area(hwpt, area);
}

int ioas_map_pages(struct ioas *ioas, struct iopages *pages, u64 offset, u64 length,
		   unsigned int prot, bool fixed, u64 uaddr, u64 *iova)
{
	struct area *area;
	int err;

	if (!length || length & (ioas->alignment - 1))
		return -EINVAL;
	if ((pages->skip + offset) & (ioas->alignment - 1))
		return -EINVAL;
	if (fixed)
		err = ioas_check_iova(ioas, *iova, length);
	else
		err = ioas_pick_iova(ioas, uaddr, length, iova);
	if (err)
		return err;

	area = port_alloc(sizeof(*area));
	if (!area)
		return -ENOMEM;
	area->node.key = *iova;
	area->last = *iova + length - 1;
	area->pages = pages;
	area->offset = offset;
	area->prot = prot;
	for (struct hwpt *hwpt = ioas->hwpts; hwpt; hwpt = hwpt->next) {
		err = hwpt_fill_area(hwpt, area);
		if (err) {
			drain_until(ioas, area, hwpt);
			port_free(area);
			return err;
		}
	}
	port_map_insert(&ioas->areas, &area->node);
	iopages_hold(pages);
	return 0;
}

static void remove_area(struct ioas *ioas, struct area *area)
{
	drain_until(ioas, area, NULL);
	port_map_erase(&ioas->areas, &area->node);
	iopages_put(area->pages);
	port_free(area);
}

void ioas_remove_areas(struct ioas *ioas, u64 first, u64 last)
{
	struct area *area;

	while ((area = ioas_area_first(ioas, first, last))) {
		ioas->hint = port_min(ioas->hint, area->node.key);
		remove_area(ioas, area);
	}
}

/* Does [first, last] cut an area in two at either end? */
static bool bisects(struct ioas *ioas, u64 first, u64 last)
{
	struct area *head = ioas_area_at(ioas, first), *tail = ioas_area_at(ioas, last);

	return (head && head->node.key < first) || (tail && tail->last > last);
}

/* The area that goes on from before @at; NULL: none. */
static struct area *area_across(struct ioas *ioas, u64 at)
{
	struct area *area = ioas_area_at(ioas, at);

	return area && area->node.key < at ? area : NULL;
}

static int check_cut(struct ioas *ioas, const struct area *area, u64 at)
{
	u64 in_pages = area->pages->skip + area->offset + (at - area->node.key);
	int err = 0;

	if ((at | in_pages) & (ioas->alignment - 1))
		return -EINVAL;
	port_mutex_lock(&ioas->access_lock);
	if (area->closing)
		err = -EBUSY;
	else if (area->accesses)
		err = -EINVAL; /* a pin belongs to one area, and may lie across @at */
	port_mutex_unlock(&ioas->access_lock);
	return err;
}

/*
 * From @at on @area becomes @rest. The HWPTs have leaf by leaf what they had, so
 * dirty bits and caches stay as they are; each of them now maps one area more.
 */
static void cut_area(struct ioas *ioas, struct area *area, u64 at, struct area *rest)
{
	rest->node.key = at;
	rest->last = area->last;
	rest->pages = area->pages;
	rest->offset = area->offset + (at - area->node.key);
	rest->prot = area->prot;
	rest->small = area->small;
	area->last = at - 1;
	port_map_insert(&ioas->areas, &rest->node);
	iopages_hold(area->pages);
	for (struct hwpt *hwpt = ioas->hwpts; hwpt; hwpt = hwpt->next)
		iopages_share_domain_pin(area->pages);
}

int ioas_cut(struct ioas *ioas, u64 first, u64 last)
{
	const u64 at[2] = { first, last + 1 }; /* nothing lies across 0 */
	struct area *rest[2] = { NULL, NULL }, *area;
	int err = 0;

	port_rwsem_write(&ioas->rwsem);
	for (int i = 0; !err && ioas->no_huge && i < 2; i++) {
		area = area_across(ioas, at[i]);
		if (!area)
			continue;
		err = check_cut(ioas, area, at[i]);
		if (err)
			break;
		rest[i] = port_alloc(sizeof(*rest[i]));
		if (!rest[i])
			err = -ENOMEM;
	}
	for (int i = 0; i < 2; i++) {
		if (err)
			port_free(rest[i]);
		else if (rest[i])
			cut_area(ioas, area_across(ioas, at[i]), at[i], rest[i]);
	}
	port_rwsem_write_end(&ioas->rwsem);
	return err;
}

static bool has_accesses(struct ioas *ioas, struct area *area)
{
	bool any;

	port_mutex_lock(&ioas->access_lock);
	any = area->accesses;
	area->closing = any;
	port_mutex_unlock(&ioas->access_lock);
	return any;
}

int ioas_unmap(struct ioas *ioas, u64 first, u64 last, bool empty_ok, u64 *unmapped)
{
	unsigned int notices = 0;
	struct area *area;
	int err = 0;

	*unmapped = 0;
	port_rwsem_write(&ioas->rwsem);
	while ((area = ioas_area_first(ioas, first, last))) {
		u64 area_first = area->node.key, area_last = area->last;

		if (bisects(ioas, first, last)) {
			err = -ENOENT;
			break;
		}
		if (has_accesses(ioas, area)) {
			if (notices++ == UNMAP_NOTICES) {
				area->closing = false;
				err = -EDEADLOCK;
				break;
			}
			/* They unpin through the IOAS: let go of it. */
			port_rwsem_write_end(&ioas->rwsem);
			ioas_notify_unmap(ioas, area_first, area_last);
			port_rwsem_write(&ioas->rwsem);
			continue;
		}
		*unmapped += area_last - area_first + 1;
		remove_area(ioas, area);
		notices = 0;
		ioas->hint = port_min(ioas->hint, area_first);
		if (area_last == UINT64_MAX)
			break;
		/* Not from the start again: what is mapped there by now is new. */
		first = area_last + 1;
		if (first > last)
			break;
	}
	port_rwsem_write_end(&ioas->rwsem);
	if (!err && !*unmapped && !empty_ok)
		err = -ENOENT;
	return err;
}

int ioas_close(struct ioas *ioas, u64 first, u64 last, struct ioas_notices *notices)
{
	struct area *area;

	if (!ioas_covered(ioas, first, last) || bisects(ioas, first, last))
		return -ENOENT;
	for (area = ioas_area_at(ioas, first); area && area->node.key <= last;
	     area = area_of(port_map_next(&area->node))) {
		u64 area_first = area->node.key, area_last = area->last;

		if (!has_accesses(ioas, area))
			continue;
		/* Not where an area behind it was asked for before: one could go on so
		 * for ever. */
		if (area_first > notices->area)
			*notices = (struct ioas_notices){ .area = area_first };
		if (notices->count++ == UNMAP_NOTICES) {
			area->closing = false;
			return -EDEADLOCK;
		}
		port_rwsem_write_end(&ioas->rwsem);
		ioas_notify_unmap(ioas, area_first, area_last);
		port_rwsem_write(&ioas->rwsem);
		return -EAGAIN;
	}
	return 0;
}
