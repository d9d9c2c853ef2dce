/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Dirty tracking of type1, which asks no IOMMU: what a device may write to is pinned,
 * and what is pinned is dirty, in each report. A device behind an IOMMU may write to all that is
 * mapped. A software device says what it pins and what it writes: while there are only such,
 * that is what is reported.
 *
 * A call that fails has cleared nothing: bits are taken back only when all are delivered.
 */
#include "container.h"

#define WORD 64u
#define WORDS_AT_ONCE 64u /* on their way to the caller */

static u64 words_for(u64 nbits)
{
	return nbits / WORD + !!(nbits % WORD);
}

/* Pages of PORT_PAGE_SIZE. */
static u64 npages(const struct type1_mapping *m)
{
	return ((m->last - m->node.key) >> PORT_PAGE_LG2) + 1;
}

/* Bits [from, from + n) of a word. */
static u64 mask(unsigned int from, u64 n)
{
	return (n < WORD ? (1ULL << n) - 1 : ~0ULL) << from;
}

static void set_bits(u64 *words, u64 from, u64 n)
{
	while (n) {
		unsigned int at = from % WORD;
		u64 now = port_min(n, WORD - at);

		words[from / WORD] |= mask(at, now);
		from += now;
		n -= now;
	}
}

static bool any_bit(const u64 *words, u64 from, u64 n)
{
	while (n) {
		unsigned int at = from % WORD;
		u64 now = port_min(n, WORD - at);

		if (words[from / WORD] & mask(at, now))
			return true;
		from += now;
		n -= now;
	}
	return false;
}

/* The part of [first, last] in @m. dirty_lock held. */
static void mark_mapping(struct type1_mapping *m, u64 first, u64 last)
{
	u64 from = (port_max(first, m->node.key) - m->node.key) >> PORT_PAGE_LG2;
	u64 to = (port_min(last, m->last) - m->node.key) >> PORT_PAGE_LG2;

	set_bits(m->dirty, from, to - from + 1);
}

/* dirty_lock held. */
static void mark(struct type1 *t, u64 first, u64 last)
{
	struct type1_mapping *m = t->tracking ? type1_first(t, first, last) : NULL;

	for (; m && m->node.key <= last; m = type1_next(m))
		if (m->writable)
			mark_mapping(m, first, last);
}

void type1_mark_all(struct type1 *t)
{
	struct type1_mapping *m;

	port_mutex_lock(&t->dirty_lock);
	m = t->tracking ? type1_first(t, 0, UINT64_MAX) : NULL;
	for (; m; m = type1_next(m))
		mark_mapping(m, m->node.key, m->last);
	port_mutex_unlock(&t->dirty_lock);
}

/* ---- what software devices do ---- */

void type1_note_pin(struct vfio_container *container, u64 iova, u64 length, bool pin)
{
	struct type1 *t = container->type1;

	/* It was dirty while it was pinned, if only between two reports. */
	(void)pin;
	port_mutex_lock(&t->dirty_lock);
	mark(t, iova, iova + length - 1);
	port_mutex_unlock(&t->dirty_lock);
}

static bool covered(struct type1 *t, u64 first, u64 last)
{
	struct type1_mapping *m = type1_first(t, first, first);

	while (m && m->last < last) {
		struct type1_mapping *next = type1_next(m);

		m = next && next->node.key == m->last + 1 ? next : NULL;
	}
	return m;
}

int type1_write(struct vfio_container *container, struct access *access, u64 iova, void *buf,
		u64 length)
{
	struct type1 *t = container->type1;
	u64 last = iova + length - 1;
	int err = -ENOENT;

	if (!length)
		return -EINVAL;
	if (last < iova)
		return -EOVERFLOW;
	port_mutex_lock(&t->dirty_lock);
	if (covered(t, iova, last)) {
		err = access_rw(access, iova, buf, length, true);
		/* Also of one that failed, which may have begun. */
		mark(t, iova, last);
	}
	port_mutex_unlock(&t->dirty_lock);
	return err;
}

static void note_pinned(void *data, u64 first, u64 last)
{
	mark(data, first, last);
}

/* ---- START and STOP ---- */

int type1_bits_alloc(struct type1 *t, struct type1_mapping *m)
{
	if (((m->last - m->node.key) >> type1_page_lg2(t)) + 1 > TYPE1_PAGES_MAX)
		return -EINVAL;
	m->dirty = port_alloc(words_for(npages(m)) * sizeof(u64));
	return m->dirty ? 0 : -ENOMEM;
}

static void free_bits(struct type1 *t)
{
	struct type1_mapping *m = type1_first(t, 0, UINT64_MAX);

	for (; m; m = type1_next(m)) {
		port_free(m->dirty);
		m->dirty = NULL;
	}
}

static int start(struct type1 *t)
{
	struct type1_mapping *m = type1_first(t, 0, UINT64_MAX);
	int err;

	if (t->tracking)
		return 0;
	for (; m; m = type1_next(m)) {
		err = type1_bits_alloc(t, m);
		if (err) {
			free_bits(t);
			return err;
		}
	}
	port_mutex_lock(&t->dirty_lock);
	t->tracking = true;
	ioas_for_each_pin(t->ioas, note_pinned, t);
	port_mutex_unlock(&t->dirty_lock);
	return 0;
}

static void stop(struct type1 *t)
{
	port_mutex_lock(&t->dirty_lock);
	t->tracking = false;
	port_mutex_unlock(&t->dirty_lock);
	free_bits(t);
}

/* ---- reports ---- */

int type1_check_bitmap(struct type1 *t, const struct vfio_bitmap *bitmap, u64 size)
{
	unsigned int lg2 = type1_page_lg2(t);

	if (bitmap->pgsize != 1ULL << lg2)
		return -EINVAL;
	if (bitmap->size > TYPE1_BITMAP_MAX || bitmap->size < words_for(size >> lg2) * sizeof(u64))
		return -EINVAL;
	return 0;
}

/* One report of one mapping. */
struct part {
	const struct type1_mapping *m;
	bool all; /* whatever its bits say */
	unsigned int lg2; /* of the page that a bit reported stands for */
	u64 nbits; /* reported */
};

/* WORD bits reported, from that of page @at of the mapping on; beyond its end 0. */
static u64 word_from(const struct part *p, u64 at)
{
	unsigned int fold = p->lg2 - PORT_PAGE_LG2, shift = at % WORD;
	u64 n = port_min(p->nbits - at, WORD), bits = 0;
	const u64 *words = p->m->dirty;

	if (p->all)
		return mask(0, n);
	if (!fold) {
		bits = words[at / WORD] >> shift;
		if (shift && at / WORD + 1 < words_for(p->nbits))
			bits |= words[at / WORD + 1] << (WORD - shift);
		return bits;
	}
	for (u64 i = 0; i < n; i++)
		if (any_bit(words, (at + i) << fold, 1ULL << fold))
			bits |= 1ULL << i;
	return bits;
}

/*
 * Its words of the bitmap, at @uaddr, where its first page is bit @shift. Bits before that are
 * another's and stay; a word is written whole else.
 */
static int deliver_part(const struct part *p, u64 uaddr, unsigned int shift)
{
	u64 words[WORDS_AT_ONCE], total = words_for(p->nbits + shift), left = 0;
	int err = shift ? port_copy_from_user(&left, uaddr, sizeof(left)) : 0;

	for (u64 done = 0, n; !err && done < total; done += n) {
		n = port_min(total - done, WORDS_AT_ONCE);
		for (u64 i = 0; i < n; i++)
			words[i] = done + i ? word_from(p, (done + i) * WORD - shift) :
					      word_from(p, 0) << shift |
						      (shift ? left & mask(0, shift) : 0);
		err = port_copy_to_user(uaddr + done * sizeof(u64), words, n * sizeof(u64));
	}
	return err;
}

int type1_deliver(struct type1 *t, u64 iova, u64 last, const struct vfio_bitmap *bitmap)
{
	struct part part = { .all = t->unaware, .lg2 = type1_page_lg2(t) };
	struct type1_mapping *m = type1_first(t, iova, last);
	int err = 0;

	for (; !err && m && m->node.key <= last; m = type1_next(m)) {
		u64 bit = (m->node.key - iova) >> part.lg2;

		part.m = m;
		part.nbits = ((m->last - m->node.key) >> part.lg2) + 1;
		err = deliver_part(&part, (u64)bitmap->data + bit / WORD * sizeof(u64), bit % WORD);
	}
	return err;
}

/* What was reported is owed no more; but what is pinned is dirty again at once. dirty_lock
 * held. */
static void settle(struct type1 *t, u64 iova, u64 last)
{
	struct type1_mapping *m = type1_first(t, iova, last);

	for (; m && m->node.key <= last; m = type1_next(m))
		memset(m->dirty, 0, words_for(npages(m)) * sizeof(u64));
	ioas_for_each_pin(t->ioas, note_pinned, t);
}

/* struct vfio_iommu_type1_dirty_bitmap and what follows it. */
struct get {
	u32 argsz, flags;
	struct vfio_iommu_type1_dirty_bitmap_get range;
};

static int get_bitmap(struct type1 *t, u64 uptr)
{
	struct get get;
	u64 iova, size, page = 1ULL << type1_page_lg2(t);
	int err = vfio_copy_arg(&get, uptr, sizeof(get));

	if (err)
		return err;
	iova = get.range.iova;
	size = get.range.size;
	if (!size || (iova | size) & (page - 1) || iova + size - 1 < iova)
		return -EINVAL;
	err = type1_check_bitmap(t, &get.range.bitmap, size);
	if (err)
		return err;
	if (!t->tracking || type1_bisects(t, iova, size))
		return -EINVAL;
	port_mutex_lock(&t->dirty_lock);
	err = type1_deliver(t, iova, iova + size - 1, &get.range.bitmap);
	if (!err)
		settle(t, iova, iova + size - 1);
	port_mutex_unlock(&t->dirty_lock);
	return err;
}

int type1_dirty_pages(struct type1 *t, u64 uptr)
{
	struct vfio_iommu_type1_dirty_bitmap cmd;
	int err = vfio_copy_arg(&cmd, uptr, sizeof(cmd));

	if (err)
		return err;
	switch (cmd.flags) {
	case VFIO_IOMMU_DIRTY_PAGES_FLAG_START:
		return start(t);
	case VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP:
		stop(t);
		return 0;
	case VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP:
		return get_bitmap(t, uptr);
	default:
		return -EINVAL;
	}
}
