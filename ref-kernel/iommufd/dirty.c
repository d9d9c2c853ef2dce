/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * SET_DIRTY_TRACKING and GET_DIRTY_BITMAP. The contract, in the order in which
 * the code keeps it: everything about the request is checked before anything is
 * touched; a window of the caller's bitmap is pinned for write before a dirty
 * bit under it is cleared; what was cleared is invalidated, and that complete,
 * before the piece is done; a piece that cannot be delivered is made dirty
 * again. So an error costs nothing: pieces before it were delivered, and those
 * after it were not looked at. A signal that waits for the caller is such an error.
 *
 * ioas->rwsem is held for a piece at a time, so that map and unmap wait for one and
 * not for all. Between two pieces anything may happen that takes it for writing:
 *  - An area goes: what was written to it and is not reported yet is not owed any more,
 *    and later pieces pass over the hole. The request was judged at its beginning.
 *  - An area comes, also in that hole: its writes are reported as they are found.
 *  - The alignment of the IOAS changes: it is of maps to be. The request keeps its own.
 *  - Tracking goes off: what is owed stays so, and is found. It goes on again: what
 *    was written before is dropped, and kept ranges with it, in all pieces to come;
 *    what is written since may be reported by this harvest, which then took it.
 *  - Leaves are split, or merged across the place where two pieces meet: the rest of a
 *    dirty leaf that reaches into what was done is kept, as of any leaf that is cut.
 * The HWPT stays, and so its table: it is referenced. The selected engine is the one
 * of the beginning. Memory that was pinned for the bitmap is the caller's, not the IOAS's.
 */
#include "core.h"

/*
 * Units a piece, a multiple of 64: 2 GiB of IOVA at 4 KiB, staged in 64 KiB, which stay
 * in a processor's second cache. A unit is a bit of the caller's, or a granule of the
 * format where that is less: what a piece found dirty is known leaf by leaf, and can be
 * put back so.
 */
#define PIECE_UNITS (512 * 1024)
/* Of the caller's bitmap, pinned at once: 64 GiB of IOVA at 4 KiB. */
#define WINDOW_BYTES (2 << 20)

/* attach_lock, and ioas->rwsem for writing: a harvest under way would bring back what
 * this clears. */
static int enable(struct hwpt *hwpt)
{
	struct pgt_how how = ctx_how(hwpt->obj.ctx, hwpt->pgt.fmt);
	struct pgt_gather gather;
	int err;

	err = hwpt_split_leaves(hwpt);
	if (err)
		return err;
	/* What is dirty is old. Hardware that always sets D may hold it in its
	 * caches: they forget. Other hardware sets nothing while off, and forgets by
	 * the switch. */
	pgt_gather_init(&gather);
	pgt_harvest(&hwpt->pgt, &how, hwpt->pgt.fmt->aperture_first, hwpt->pgt.fmt->aperture_last,
		    0, NULL, &gather);
	if (hwpt->pgt.fmt->always)
		hwpt_invalidate(hwpt, &gather);
	port_mutex_lock(&hwpt->residue_lock);
	residue_drop(hwpt, 0, UINT64_MAX);
	port_mutex_unlock(&hwpt->residue_lock);
	return 0;
}

int hwpt_set_dirty_ioctl(struct ucmd *ucmd)
{
	struct iommu_hwpt_set_dirty_tracking *cmd = ucmd->arg;
	bool on = cmd->flags & IOMMU_HWPT_DIRTY_TRACKING_ENABLE;
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
	port_rwsem_write(&hwpt->ioas->rwsem);
	/* On when already on must not clear: those writes are still owed. */
	if (on != hwpt->tracking) {
		/* Devices still set D while leaves are merged: that is carried. */
		err = on ? enable(hwpt) : hwpt_merge_leaves(hwpt);
		if (!err) {
			hwpt->tracking = on;
			if (!hwpt->pgt.fmt->always)
				device_update_contexts(hwpt);
			/* What one device did on tables that another, not switched yet,
			 * had brought into a walk cache shows in no A. */
			if (on)
				pgt_set_accessed(&hwpt->pgt, 0, UINT64_MAX);
		}
	}
	port_rwsem_write_end(&hwpt->ioas->rwsem);
	port_mutex_unlock(&ucmd->ctx->attach_lock);
put:
	object_put(&hwpt->obj);
	return err;
}

/* A harvest under way. */
struct harvest {
	struct hwpt *hwpt;
	struct pgt_how how;
	u64 first, last; /* the request */
	u64 nunits; /* in it */
	unsigned int unit_lg2; /* bytes of a unit */
	unsigned int fold_lg2; /* units of a bit */
	bool clear;
	u64 uaddr;
	u64 *units; /* of a piece, a bit each; zero between two */
	u64 *folded; /* what they are to the caller, when fold_lg2 */
	struct port_window window;
	bool pinned; /* it is, from this byte of the bitmap, for units before that */
	u64 window_byte, window_end;
	struct residue_pool pool;
	struct pgt_summary summary; /* of a piece; with how.skip */
};

int dirty_check_geometry(const struct ioas *ioas, u64 iova, u64 length, u64 page_size)
{
	u64 end = iova + length; /* 0 at the top of the address space */

	if (!length)
		return -EINVAL;
	if (end - 1 < iova)
		return -EOVERFLOW;
	if ((iova | end) & (ioas->alignment - 1))
		return -EINVAL;
	if (!port_is_pow2(page_size))
		return -EINVAL;
	if ((iova | end) & (page_size - 1))
		return -EINVAL;
	return 0;
}

/* Make every leaf that the piece found dirty so again. */
static void undeliver(struct harvest *h, u64 first, u64 n)
{
	for (u64 k = 0; k < n; k++)
		if (h->units[k / 64] >> (k % 64) & 1)
			pgt_set_dirty(&h->hwpt->pgt, first + (k << h->unit_lg2));
}

/* The first unit of [at, n) that is set, or that is not; @n: none. */
static u64 next_unit(const struct harvest *h, u64 at, u64 n, bool set)
{
	while (at < n) {
		u64 word = (set ? h->units[at / 64] : ~h->units[at / 64]) >> at % 64;

		if (word)
			return port_min(at + port_ctz(word), n);
		at += 64 - at % 64;
	}
	return n;
}

/* The piece's @n units as the caller's bits, from byte @byte of its bitmap on. */
static const u8 *fold(struct harvest *h, const struct pgt_bits *b, u64 n, u64 byte)
{
	unsigned int lg2 = h->unit_lg2 + h->fold_lg2;
	struct pgt_bits bits;
	u64 end;

	if (!h->fold_lg2)
		return (const u8 *)h->units;
	pgt_bits_init(&bits, h->first + (byte * 8 << lg2), b->last, lg2, h->folded);
	for (u64 at = next_unit(h, 0, n, true); at < n; at = next_unit(h, end, n, true)) {
		end = next_unit(h, at, n, false);
		pgt_bits_set(&bits, b->first + (at << h->unit_lg2),
			     b->first + ((end << h->unit_lg2) - 1));
	}
	return (const u8 *)h->folded;
}

/* Invalidate what was cleaned, and wait for it. */
static void flush(struct harvest *h, struct pgt_gather *gather)
{
	struct iodirty_stats *stats = &h->hwpt->obj.ctx->stats;

	hwpt_invalidate(h->hwpt, gather);
	port_count(&stats->cleaned_bytes, gather->cleaned_bytes);
	port_count(&stats->entries_scanned, gather->entries_scanned);
	port_count(&stats->entries_cleared, gather->entries_cleared);
}

/* Which leaf tables of the piece can be passed over. Where A was cleared no walk is to go
 * on from below it before a leaf is looked at. */
static void summarize(struct harvest *h, const struct pgt_bits *b)
{
	struct iodirty_stats *stats = &h->hwpt->obj.ctx->stats;
	struct pgt_gather gather;

	pgt_gather_init(&gather);
	pgt_summarize(&h->hwpt->pgt, b->first, b->last, h->clear ? 0 : PGT_NO_CLEAR, &h->summary,
		      &gather);
	hwpt_invalidate_walks(h->hwpt, &gather);
	port_count(&stats->tables_passed, h->summary.passed);
	port_count(&stats->tables_accessed, h->summary.accessed);
}

/* Does one leaf map both @iova and what is before it? */
static bool cuts_leaf(struct harvest *h, u64 iova)
{
	struct pgt_leaf leaf;
	bool dirty;
	u64 start;

	return !pgt_leaf(&h->hwpt->pgt, iova, &leaf, &start, &dirty) && start < iova;
}

/*
 * Look at the piece, and clean it. What is cleaned beyond it, of leaves that it
 * cuts, is kept for the next piece or a later harvest. Until that is kept, and
 * until no cache holds the leaf as dirty any more, other harvests that cut the
 * leaf wait: one that found it clean and its rest not yet kept would miss a write
 * that is complete, and one that took the rest before the invalidation would not
 * have the writes that the caches let through after it.
 */
static void scan_piece(struct harvest *h, struct pgt_bits *b)
{
	struct hwpt *hwpt = h->hwpt;
	struct pgt_gather gather;
	bool cut = h->clear && (cuts_leaf(h, b->first) || cuts_leaf(h, b->last + 1));

	pgt_gather_init(&gather);
	if (cut)
		port_mutex_lock(&hwpt->residue_lock);
	pgt_harvest(&hwpt->pgt, &h->how, b->first, b->last, h->clear ? 0 : PGT_NO_CLEAR, b,
		    &gather);
	flush(h, &gather);
	if (!cut)
		port_mutex_lock(&hwpt->residue_lock);
	if (h->clear && b->head_first < b->first)
		residue_add(hwpt, &h->pool, b->head_first, b->first - 1);
	if (h->clear && b->tail_last > b->last)
		residue_add(hwpt, &h->pool, b->last + 1, b->tail_last);
	residue_report(hwpt, &h->pool, b, h->clear);
	port_mutex_unlock(&hwpt->residue_lock);
}

/* The byte of the bitmap that has unit @at. */
static u64 byte_of(const struct harvest *h, u64 at)
{
	return (at >> h->fold_lg2) / 8;
}

static void unpin(struct harvest *h)
{
	if (h->pinned)
		port_window_unpin(&h->window);
	h->pinned = false;
}

/* The window that begins with unit @at, in place of the last one. */
static int pin(struct harvest *h, u64 at)
{
	u64 bytes = port_min(byte_of(h, h->nunits - 1) - byte_of(h, at) + 1, WINDOW_BYTES);
	int err;

	unpin(h);
	err = port_window_pin(&h->window, h->uaddr + byte_of(h, at), bytes);
	if (err)
		return err;
	port_count(&h->hwpt->obj.ctx->stats.window_pins, 1);
	h->pinned = true;
	h->window_byte = byte_of(h, at);
	h->window_end = port_min((h->window_byte + bytes) * 8 << h->fold_lg2, h->nunits);
	return 0;
}

/* How many units from @at on are a piece. Two meet where no leaf can be cut, if the
 * request lets them. */
static u64 piece(const struct harvest *h, u64 at)
{
	u64 past = ((h->first >> h->unit_lg2) + at) % PIECE_UNITS;

	return port_min(past % 64 ? PIECE_UNITS : PIECE_UNITS - past, h->window_end - at);
}

/* Units [at, at + n) of the request, which the window has. ioas->rwsem held for reading. */
static int harvest_piece(struct harvest *h, u64 at, u64 n)
{
	u64 first = h->first + (at << h->unit_lg2), byte = byte_of(h, at);
	struct pgt_bits b = {
		.first = first,
		.last = first + ((n << h->unit_lg2) - 1),
		.lg2 = h->unit_lg2,
		.words = h->units,
		.head_first = first,
		.tail_last = first + ((n << h->unit_lg2) - 1),
	};
	int err = residue_reserve(&h->pool);

	if (err)
		return err;
	port_count(&h->hwpt->obj.ctx->stats.harvest_pieces, 1);
	if (h->how.summary)
		summarize(h, &b);
	scan_piece(h, &b);
	if (!b.any)
		return 0;
	err = port_window_or(&h->window, byte - h->window_byte, fold(h, &b, n, byte),
			     byte_of(h, at + n - 1) - byte + 1);
	if (err && h->clear)
		undeliver(h, first, n);
	memset(h->units, 0, (n + 63) / 64 * sizeof(*h->units));
	return err;
}

/*
 * Between two pieces: others come to theirs. Whoever is signalled all the time gets
 * there too, since a harvest that follows one that was interrupted is not.
 */
static int pause(struct harvest *h, u64 at, bool interruptible)
{
	struct hwpt *hwpt = h->hwpt;
	int err = 0;

	port_rwsem_read_end(&hwpt->ioas->rwsem);
	if (interruptible && port_interrupted()) {
		port_store(&hwpt->interrupted, true);
		err = -ERESTARTSYS;
	} else if (at == h->window_end) {
		err = pin(h, at);
	}
	port_rwsem_read(&hwpt->ioas->rwsem);
	return err;
}

/* The same. Given up and taken again between pieces. */
static int harvest_pieces(struct harvest *h)
{
	bool interruptible = !port_load(&h->hwpt->interrupted);
	int err = pin(h, 0);
	u64 n;

	if (!err && piece(h, 0) < h->nunits)
		port_hold_signals();
	for (u64 at = 0; !err && at < h->nunits; at += n) {
		if (at)
			err = pause(h, at, interruptible);
		n = piece(h, at);
		if (!err)
			err = harvest_piece(h, at, n);
	}
	if (!err && !interruptible)
		port_store(&h->hwpt->interrupted, false);
	unpin(h);
	return err;
}

/* The same. */
static int harvest(struct harvest *h)
{
	u64 room = port_min(h->nunits, PIECE_UNITS);
	int err = -ENOMEM;

	h->units = port_alloc((room + 63) / 64 * sizeof(u64));
	if (h->fold_lg2)
		h->folded = port_alloc(((room >> h->fold_lg2) / 64 + 2) * sizeof(u64));
	if (h->units && (h->folded || !h->fold_lg2))
		err = 0;
	if (!err && h->how.skip) {
		err = pgt_summary_init(&h->summary, h->hwpt->pgt.fmt, room << h->unit_lg2);
		h->how.summary = &h->summary;
	}
	if (!err)
		err = harvest_pieces(h);
	pgt_summary_fini(&h->summary);
	residue_pool_free(&h->pool);
	port_free(h->folded);
	port_free(h->units);
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
	err = dirty_check_geometry(ioas, cmd->iova, cmd->length, cmd->page_size);
	if (!err && !(hwpt->flags & IOMMU_HWPT_ALLOC_DIRTY_TRACKING))
		err = -EOPNOTSUPP;
	if (!err && !ioas_covered(ioas, h.first, h.last))
		err = -ENOENT;
	if (!err) {
		h.hwpt = hwpt;
		h.how = ctx_how(hwpt->obj.ctx, hwpt->pgt.fmt);
		h.unit_lg2 = port_min(port_ctz(cmd->page_size), hwpt->pgt.fmt->granule_lg2);
		h.fold_lg2 = port_ctz(cmd->page_size) - h.unit_lg2;
		h.nunits = ((h.last - h.first) >> h.unit_lg2) + 1;
		h.clear = !(cmd->flags & IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR);
		h.uaddr = cmd->data;
		err = harvest(&h);
	}
	port_rwsem_read_end(&ioas->rwsem);
	object_put(&hwpt->obj);
	return err;
}
