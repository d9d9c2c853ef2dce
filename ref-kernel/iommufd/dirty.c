/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * SET_DIRTY_TRACKING and GET_DIRTY_BITMAP. The contract, in the order in which
 * the code keeps it: everything about the request is checked before anything is
 * touched; a window of the caller's bitmap is pinned for write before a dirty
 * bit under it is cleared; what was cleared is invalidated, and that complete,
 * before the window is done; a window that cannot be delivered is made dirty
 * again. So an error costs nothing: windows before it were delivered, and those
 * after it were not looked at.
 */
#include "core.h"

/* Bits a window, a multiple of 64: 2 GiB of IOVA at 4 KiB, staged in 64 KiB. */
#define WINDOW_BITS (512 * 1024)

int hwpt_set_dirty_ioctl(struct ucmd *ucmd)
{
	struct iommu_hwpt_set_dirty_tracking *cmd = ucmd->arg;
	bool enable = cmd->flags & IOMMU_HWPT_DIRTY_TRACKING_ENABLE;
	struct hwpt *hwpt;
	int err = 0;

	if (cmd->flags & ~IOMMU_HWPT_DIRTY_TRACKING_ENABLE || cmd->__reserved)
		return -EOPNOTSUPP;
	hwpt = object_get(ucmd->ctx, cmd->hwpt_id, OBJECT_HWPT);
	if (!hwpt)
		return -ENOENT;
	if (!(hwpt->flags & IOMMU_HWPT_ALLOC_DIRTY_TRACKING)) {
		err = -EOPNOTSUPP;
		goto put;
	}

	port_mutex_lock(&ucmd->ctx->attach_lock);
	port_rwsem_read(&hwpt->ioas->rwsem);
	/* On when already on must not clear: those writes are still owed. */
	if (enable != hwpt->tracking) {
		if (enable) {
			struct pgt_gather gather;

			/* Hardware sets nothing while off: what is dirty is old,
			 * and no cache needs to hear of it before the switch. */
			pgt_gather_init(&gather);
			pgt_harvest(&hwpt->pgt, ctx_engine(ucmd->ctx),
				    hwpt->pgt.fmt->aperture_first, hwpt->pgt.fmt->aperture_last, 0,
				    NULL, &gather);
			residue_drop(hwpt, 0, UINT64_MAX);
		}
		hwpt->tracking = enable;
		device_update_contexts(hwpt);
	}
	port_rwsem_read_end(&hwpt->ioas->rwsem);
	port_mutex_unlock(&ucmd->ctx->attach_lock);
put:
	object_put(&hwpt->obj);
	return err;
}

/* A harvest under way. */
struct harvest {
	struct hwpt *hwpt;
	u64 first, last; /* the request */
	unsigned int lg2; /* of page_size */
	bool clear;
	u64 uaddr;
	u64 *words; /* WINDOW_BITS of staging */
	struct residue_pool pool;
	/* A leaf that a window cleaned and that reaches into the next ones. */
	bool carrying;
	u64 carry_last;
};

static int check_geometry(struct ioas *ioas, const struct iommu_hwpt_get_dirty_bitmap *cmd)
{
	u64 end = cmd->iova + cmd->length; /* 0 at the top of the address space */

	if (!cmd->length)
		return -EINVAL;
	if ((cmd->iova | end) & (ioas->alignment - 1))
		return -EINVAL;
	if (!port_is_pow2(cmd->page_size))
		return -EINVAL;
	if ((cmd->iova | end) & (cmd->page_size - 1))
		return -EINVAL;
	return 0;
}

/* Make every leaf with a set bit dirty again. */
static void undeliver_window(struct harvest *h, const struct pgt_bits *b)
{
	u64 nbits = ((b->last - b->first) >> b->lg2) + 1;

	for (u64 k = 0; k < nbits; k++) {
		u64 at = b->first + (k << b->lg2), last = at + ((1ULL << b->lg2) - 1);

		if (!(b->words[k / 64] >> (k % 64) & 1))
			continue;
		for (;;) {
			struct pgt_leaf leaf;
			bool dirty;
			u64 start;

			if (pgt_leaf(&h->hwpt->pgt, at, &leaf, &start, &dirty))
				break;
			pgt_set_dirty(&h->hwpt->pgt, at);
			start += (1ULL << leaf.lg2) - 1;
			if (start >= last)
				break;
			at = start + 1;
		}
	}
}

/* Invalidate what was cleaned, and wait for it. */
static void flush(struct harvest *h, struct pgt_gather *gather)
{
	struct iodirty_stats *stats = &h->hwpt->obj.ctx->stats;

	if (gather->first <= gather->last)
		hwpt_invalidate(h->hwpt, gather->first, gather->last);
	port_count(&stats->cleaned_bytes, gather->cleaned_bytes);
	port_count(&stats->entries_scanned, gather->entries_scanned);
	port_count(&stats->entries_cleared, gather->entries_cleared);
}

/* What the window cleaned beyond itself is owed: now, or to a later harvest. */
static void keep_rest(struct harvest *h, const struct pgt_bits *b)
{
	if (b->head_first < b->first)
		residue_add(h->hwpt, &h->pool, b->head_first, b->first - 1);
	if (b->tail_last > h->last)
		residue_add(h->hwpt, &h->pool, h->last + 1, b->tail_last);
	if (b->tail_last > b->last && b->last < h->last) {
		h->carrying = true;
		h->carry_last = port_min(b->tail_last, h->last);
	}
}

/* Bits [at, at + n) of the request. */
static int harvest_window(struct harvest *h, u64 at, u64 n)
{
	size_t bytes = (n + 7) / 8;
	struct port_window window;
	struct pgt_gather gather;
	struct pgt_bits b;
	u64 first = h->first + (at << h->lg2);
	int err;

	err = residue_reserve(&h->pool);
	if (err)
		return err;
	err = port_window_pin(&window, h->uaddr + at / 8, bytes);
	if (err)
		return err;

	pgt_bits_init(&b, first, first + ((n << h->lg2) - 1), h->lg2, h->words);
	pgt_gather_init(&gather);
	if (h->carrying)
		pgt_bits_set(&b, first, h->carry_last);
	h->carrying = h->carrying && h->carry_last > b.last;
	residue_report(h->hwpt, &h->pool, &b, h->clear);
	pgt_harvest(&h->hwpt->pgt, ctx_engine(h->hwpt->obj.ctx), b.first, b.last,
		    h->clear ? 0 : PGT_NO_CLEAR, &b, &gather);
	if (h->clear)
		keep_rest(h, &b);
	flush(h, &gather);
	if (b.any)
		err = port_window_or(&window, 0, (const u8 *)h->words, bytes);
	if (err && h->clear)
		undeliver_window(h, &b);
	port_window_unpin(&window);
	return err;
}

/* ioas->rwsem held for reading. */
static int harvest(struct harvest *h)
{
	u64 nbits = ((h->last - h->first) >> h->lg2) + 1, at = 0;
	int err = 0;

	h->words = port_alloc(port_min(nbits + 63, WINDOW_BITS) / 64 * sizeof(u64));
	if (!h->words)
		return -ENOMEM;
	while (!err && at < nbits) {
		u64 n = port_min(nbits - at, WINDOW_BITS);

		err = harvest_window(h, at, n);
		if (!err)
			at += n;
	}
	/* The rest of a leaf that straddles the window that failed. */
	if (err && h->carrying)
		pgt_set_dirty(&h->hwpt->pgt, h->first + (at << h->lg2));
	residue_pool_free(&h->pool);
	port_free(h->words);
	return err;
}

int hwpt_get_dirty_ioctl(struct ucmd *ucmd)
{
	struct iommu_hwpt_get_dirty_bitmap *cmd = ucmd->arg;
	struct harvest h = { .first = cmd->iova, .last = cmd->iova + cmd->length - 1 };
	struct hwpt *hwpt;
	struct ioas *ioas;
	int err;

	if (cmd->flags & ~IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR || cmd->__reserved)
		return -EOPNOTSUPP;
	hwpt = object_get(ucmd->ctx, cmd->hwpt_id, OBJECT_HWPT);
	if (!hwpt)
		return -ENOENT;
	ioas = hwpt->ioas;
	port_rwsem_read(&ioas->rwsem);
	if (cmd->length && h.last < h.first)
		err = -EOVERFLOW;
	else
		err = check_geometry(ioas, cmd);
	if (!err && !(hwpt->flags & IOMMU_HWPT_ALLOC_DIRTY_TRACKING))
		err = -EOPNOTSUPP;
	if (!err && !ioas_covered(ioas, h.first, h.last))
		err = -ENOENT;
	if (!err) {
		h.hwpt = hwpt;
		h.lg2 = port_ctz(cmd->page_size);
		h.clear = !(cmd->flags & IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR);
		h.uaddr = cmd->data;
		err = harvest(&h);
	}
	port_rwsem_read_end(&ioas->rwsem);
	object_put(&hwpt->obj);
	return err;
}
