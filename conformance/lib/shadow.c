/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The truth that a harvest is held to. Ranges are inclusive within this file. */
#include <stdio.h>
#include <sys/mman.h>

#include "bits.h"
#include "ct.h"

struct unit {
	u32 first, last; /* bytes of it that were written, if written */
	bool written;
	bool dirty; /* belongs to a leaf that was written, and not reported yet */
};

struct ct_shadow {
	size_t size; /* of its mapping */
	u64 iova, last;
	u64 unit, leaf;
	struct unit units[];
};

/* A mapping, since most of a large one is never touched. */
struct ct_shadow *ct_shadow_new(u64 iova, u64 length, u64 unit, u64 leaf)
{
	size_t size = sizeof(struct ct_shadow) + length / unit * sizeof(struct unit);
	struct ct_shadow *s = mmap(NULL, size, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	ct_check(s != MAP_FAILED, "no memory for the truth about %#" PRIx64 " bytes", length);
	s->size = size;
	s->iova = iova;
	s->last = iova + length - 1;
	s->unit = unit;
	s->leaf = leaf;
	return s;
}

void ct_shadow_free(struct ct_shadow *s)
{
	munmap(s, s->size);
}

/* Clip to the shadow: false when nothing is left. */
static bool clip(const struct ct_shadow *s, u64 *first, u64 *last)
{
	*first = highest(*first, s->iova);
	*last = lowest(*last, s->last);
	return *first <= *last;
}

static u64 index_of(const struct ct_shadow *s, u64 iova)
{
	return (iova - s->iova) / s->unit;
}

static u64 iova_of(const struct ct_shadow *s, const struct unit *u)
{
	return s->iova + (u - s->units) * s->unit;
}

static void write_unit(const struct ct_shadow *s, struct unit *u, u64 first, u64 last)
{
	u64 start = iova_of(s, u);
	u32 from = highest(first, start) - start;
	u32 to = lowest(last - start, s->unit - 1);

	u->first = u->written ? lowest(u->first, from) : from;
	u->last = u->written ? highest(u->last, to) : to;
	u->written = true;
}

void ct_shadow_write(struct ct_shadow *s, u64 iova, u64 length)
{
	u64 first = iova, last = iova + length - 1;
	u64 leaf_first, leaf_last, i;

	if (!length || !clip(s, &first, &last))
		return;
	for (i = index_of(s, first); i <= index_of(s, last); i++)
		write_unit(s, &s->units[i], first, last);

	leaf_first = align_down(first, s->leaf);
	leaf_last = last | (s->leaf - 1);
	clip(s, &leaf_first, &leaf_last);
	for (i = index_of(s, leaf_first); i <= index_of(s, leaf_last); i++)
		s->units[i].dirty = true;
}

/* A unit that the range covers in part is not forgotten. */
void ct_shadow_forget(struct ct_shadow *s, u64 iova, u64 length)
{
	u64 first = iova, last = iova + length - 1;
	u64 from, to;

	if (!length || !clip(s, &first, &last))
		return;
	from = (first - s->iova + s->unit - 1) / s->unit;
	to = (last - s->iova + 1) / s->unit;
	if (from < to)
		memset(&s->units[from], 0, (to - from) * sizeof(s->units[0]));
}

/* The first unit written of [first, last] or NULL, and whether any is dirty. */
static const struct unit *look(const struct ct_shadow *s, u64 first, u64 last, bool *dirty)
{
	const struct unit *u, *end;

	*dirty = false;
	if (!clip(s, &first, &last))
		return NULL;
	end = &s->units[index_of(s, last)];
	for (u = &s->units[index_of(s, first)]; u <= end; u++) {
		*dirty |= u->dirty;
		if (u->written)
			return u;
	}
	return NULL;
}

/* Why a bit for [first, last] is wrong. */
static void explain(char *out, size_t size, const struct ct_shadow *s, const struct unit *written,
		    bool seen, u64 first, u64 last)
{
	u64 leaf_first = align_down(first, s->leaf), leaf_last = last | (s->leaf - 1);

	if (seen)
		snprintf(out, size,
			 "is set; nothing in its leaf %#" PRIx64 "..%#" PRIx64 " was written",
			 leaf_first, leaf_last);
	else if (written)
		snprintf(out, size,
			 "is clear; the device wrote %#" PRIx64 "..%#" PRIx64 ": a lost write",
			 iova_of(s, written) + written->first, iova_of(s, written) + written->last);
	else
		snprintf(out, size,
			 "is clear; its leaf %#" PRIx64 "..%#" PRIx64
			 " was written: the whole of it is dirty",
			 leaf_first, leaf_last);
}

void ct_shadow_compare(const struct ct_shadow *s, const struct ct_bitmap *b, u64 iova,
		       u64 page_size, bool exact)
{
	u64 missing = 0, excess = 0, wrong = 0, wrong_iova = 0, bit;
	char why[160];

	for (bit = 0; bit < b->nbits; bit++) {
		u64 first = iova + bit * page_size;
		u64 last = first + page_size - 1;
		bool seen = ct_bitmap_test(b, bit);
		const struct unit *written;
		bool dirty;

		written = look(s, first, last, &dirty);
		if (seen ? dirty : !written && !(exact && dirty))
			continue;
		if (!missing && !excess) {
			wrong = bit;
			wrong_iova = first;
			explain(why, sizeof(why), s, written, seen, first, last);
		}
		if (seen)
			excess++;
		else
			missing++;
	}
	ct_check(!missing && !excess,
		 "bit %" PRIu64 " (IOVA %#" PRIx64 ", page %" PRIu64 " of the request) %s. "
		 "Wrong bits: %" PRIu64 " of %" PRIu64 ", %" PRIu64 " clear and %" PRIu64 " set",
		 wrong, wrong_iova, wrong, why, missing + excess, b->nbits, missing, excess);
}
