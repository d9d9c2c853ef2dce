/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * An unmap that loses no write: IODIRTY_UNMAP_DIRTY. In the order in which the code keeps
 * it: everything about the request is checked, and all of the caller's bitmap pinned for
 * write, before anything is touched; every leaf is taken away from the walks of devices,
 * which tells whether it was written (pgtable/withhold.c); the bits are delivered; then it
 * is an unmap like any other, with its one invalidation. A write that is complete by then
 * went through a translation that was there, marked dirty, when the leaf was taken. If the
 * bits cannot be delivered all leaves are given back: an error has cost nothing but the
 * DMA that faulted meanwhile.
 *
 * ioas->rwsem is held for writing from the first leaf taken on, so that no harvest, map
 * or change of tracking comes in between.
 */
#include "core.h"

/* Bits a window: what is staged at once. */
#define WINDOW_BITS (512 * 1024)
/* All are pinned at the same time, hence no more than a bitmap of 64 MiB. */
#define MAX_WINDOWS 1024

struct unmap_dirty {
	struct ioas *ioas;
	u64 first, last;
	unsigned int bit_lg2; /* bytes of a bit */
	u64 uaddr;
	u64 bits, room; /* of the bitmap; of a window */
	u64 *words; /* a window's */
	struct port_window *windows; /* @pinned of them are */
	u64 pinned;
};

static bool is_tracked(const struct hwpt *hwpt)
{
	return hwpt->flags & IOMMU_HWPT_ALLOC_DIRTY_TRACKING;
}

static bool any_tracked(const struct ioas *ioas)
{
	const struct hwpt *hwpt = ioas->hwpts;

	while (hwpt && !is_tracked(hwpt))
		hwpt = hwpt->next;
	return hwpt;
}

static u64 window_bits(const struct unmap_dirty *u, u64 at)
{
	return port_min(u->bits - at, u->room);
}

static int pin_bitmap(struct unmap_dirty *u)
{
	int err = 0;

	u->windows = port_alloc((u->bits + u->room - 1) / u->room * sizeof(*u->windows));
	u->words = port_alloc((u->room + 63) / 64 * sizeof(*u->words));
	if (!u->windows || !u->words)
		return -ENOMEM;
	for (u64 at = 0; at < u->bits; at += u->room) {
		err = port_window_pin(&u->windows[u->pinned], u->uaddr + at / 8,
				      (window_bits(u, at) + 7) / 8);
		if (err)
			break;
		u->pinned++;
	}
	return err;
}

static void unpin_bitmap(struct unmap_dirty *u)
{
	while (u->pinned)
		port_window_unpin(&u->windows[--u->pinned]);
	port_free(u->words);
	port_free(u->windows);
}

/* Take the leaves under bits [at, at + room), and report what was written, and what
 * earlier harvests were not asked for. */
static int take_window(struct unmap_dirty *u, u64 at)
{
	u64 n = window_bits(u, at), first = u->first + (at << u->bit_lg2);
	struct pgt_bits b;

	pgt_bits_init(&b, first, first + ((n << u->bit_lg2) - 1), u->bit_lg2, u->words);
	for (struct hwpt *hwpt = u->ioas->hwpts; hwpt; hwpt = hwpt->next) {
		if (!is_tracked(hwpt))
			continue;
		pgt_withhold(&hwpt->pgt, &b);
		port_mutex_lock(&hwpt->residue_lock);
		residue_report(hwpt, NULL, &b, false);
		port_mutex_unlock(&hwpt->residue_lock);
	}
	if (!b.any)
		return 0;
	return port_window_or(&u->windows[at / u->room], 0, (const u8 *)u->words, (n + 7) / 8);
}

static void give_back(struct unmap_dirty *u)
{
	struct area *area = ioas_area_at(u->ioas, u->first);

	for (; area && area->node.key <= u->last; area = area_of(port_map_next(&area->node)))
		for (struct hwpt *hwpt = u->ioas->hwpts; hwpt; hwpt = hwpt->next)
			if (is_tracked(hwpt))
				pgt_give_back(&hwpt->pgt, area->node.key, area->last, area->prot);
}

/* ioas->rwsem is held for writing, and let go of for accesses. */
static int check(struct unmap_dirty *u, const struct iodirty_unmap_dirty *cmd)
{
	struct ioas_notices notices = { 0 };
	int err;

	do {
		err = dirty_check_geometry(u->ioas, cmd->iova, cmd->length, cmd->page_size);
		if (err)
			return err;
		u->first = cmd->iova;
		u->last = cmd->iova + (cmd->length - 1);
		u->bit_lg2 = port_ctz(cmd->page_size);
		u->bits = ((u->last - u->first) >> u->bit_lg2) + 1;
		u->room = port_min(u->bits, WINDOW_BITS);
		if (!any_tracked(u->ioas))
			return -EOPNOTSUPP;
		if (u->bits > (u64)MAX_WINDOWS * WINDOW_BITS)
			return -E2BIG;
		err = ioas_close(u->ioas, u->first, u->last, &notices);
	} while (err == -EAGAIN);
	return err;
}

static int unmap_dirty(struct unmap_dirty *u)
{
	int err = pin_bitmap(u);

	for (u64 at = 0; !err && at < u->bits; at += u->room) {
		err = take_window(u, at);
		if (err)
			give_back(u);
	}
	if (!err)
		ioas_remove_areas(u->ioas, u->first, u->last);
	unpin_bitmap(u);
	return err;
}

/* All of it is unmapped, or nothing: the caller's length is true as it is. */
int unmap_dirty_ioctl(struct ucmd *ucmd)
{
	const struct iodirty_unmap_dirty *cmd = ucmd->arg;
	struct unmap_dirty u = { .uaddr = cmd->data };
	int err;

	if (cmd->flags || cmd->__reserved)
		return -EOPNOTSUPP;
	u.ioas = object_get(ucmd->ctx, cmd->ioas_id, OBJECT_IOAS);
	if (!u.ioas)
		return -ENOENT;
	port_rwsem_write(&u.ioas->rwsem);
	err = check(&u, cmd);
	if (!err)
		err = unmap_dirty(&u);
	port_rwsem_write_end(&u.ioas->rwsem);
	object_put(&u.ioas->obj);
	return err;
}
