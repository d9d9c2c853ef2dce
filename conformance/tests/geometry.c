/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * GEOMETRY: where the bits go. Any length, any start, any pointer, any size of
 * bitmap: each bit at its place, and no byte touched beside them. Most of what
 * went wrong in the history of Linux's iova_bitmap went wrong here.
 */
#include "bits.h"
#include "ct.h"

#define PAGE 4096u
#define NO_CLEAR IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR

/* Harvest into @b, hold it against the truth, free it. */
static void expect_in(struct scene *s, struct ct_bitmap *b, u64 offset, u64 length, u64 page_size)
{
	x(scene_get(s, NO_CLEAR, offset, length, page_size, b->bytes));
	scene_compare(s, b, s->iova + offset, page_size, false);
	ct_bitmap_check_guards(b);
	ct_bitmap_free(b);
}

static void expect_at(struct scene *s, u64 offset, u64 length, u64 page_size, u64 pointer)
{
	struct ct_bitmap b;

	ct_bitmap_init(&b, length / page_size, pointer);
	expect_in(s, &b, offset, length, page_size);
}

static void expect_guarded(struct scene *s, u64 offset, u64 length, u64 page_size)
{
	struct ct_bitmap b;

	ct_bitmap_init_guarded(&b, length / page_size);
	expect_in(s, &b, offset, length, page_size);
}

static void write_half(struct scene *s)
{
	u64 random = ct.seed;

	for (u64 at = 0; at < s->length; at += s->leaf)
		if (ct_random(&random) & 1)
			scene_write(s, at + ct_random(&random) % s->leaf, 1);
}

/* Lengths in bits: all below two bytes, then both sides of what code may round to. */
static const u32 bit_counts[] = {
	1,    2,    3,	  4,   5,   6, 7, /* less than a byte */
	8,    9,    15,	  16,  17, /* about two bytes */
	31,   32,   33, /* a 32-bit word */
	63,   64,   65,	  71,  72, /* a 64-bit word, and a byte more */
	127,  128,  129,  191, 193, /* two, three words */
	255,  257,  511,  512, 513, /* a table's worth of entries */
	777, /* no neighbour of a power of two */
	1023, 1024, 1025,
};

#define MOST_BITS 1025

CT_TEST(geometry_lengths_and_pointers, "GEOMETRY-001", .scope = CT_EACH_FORMAT, .timeout_s = 60)
{
	struct scene s;

	scene_open(&s, .leaves = MOST_BITS + 3);
	write_half(&s);
	for (size_t i = 0; i < sizeof(bit_counts) / sizeof(*bit_counts); i++) {
		/* Every byte of a cache line, then the last bytes of a page. */
		for (u64 pointer = 0; pointer < PAGE; pointer += pointer == 63 ? PAGE - 72 : 1)
			expect_at(&s, (i + pointer) % 4 * s.granule, bit_counts[i] * s.granule,
				  s.granule, pointer);
	}
	scene_expect(&s, 0, s.length, s.granule);
}

/* The first inaccessible byte is the first that is not the bitmap's. */
CT_TEST(geometry_guard_page, "GEOMETRY-001", .scope = CT_EACH_FORMAT, .timeout_s = 60)
{
	struct scene s;

	scene_open(&s, .leaves = MOST_BITS + 3);
	write_half(&s);
	for (u64 nbits = 1; nbits <= MOST_BITS; nbits++)
		expect_guarded(&s, nbits % 4 * s.granule, nbits * s.granule, s.granule);
	scene_expect(&s, 0, s.length, s.granule);
}

/*
 * One dirty leaf, requests that end with it and start at every earlier bit: the
 * last bit is at every position of a word and the first byte at every address.
 */
CT_TEST(geometry_tail, "GEOMETRY-002", .scope = CT_EACH_FORMAT)
{
	struct scene s;
	u64 end;

	scene_open(&s, .leaves = 204);
	end = 201 * s.leaf;
	scene_write(&s, end - 1, 1);
	for (u64 start = 0; start < end; start += s.granule) {
		expect_at(&s, start, end - start, s.granule, start / s.granule % 64);
		/* The bits after the last dirty one are clean ones. */
		expect_at(&s, start, s.length - start, s.granule, 64 - start / s.granule % 64);
		expect_guarded(&s, start, end - start, s.granule);
	}
	scene_expect(&s, 0, s.length, s.granule);
}

/*
 * Bitmaps of a page or less that nevertheless lie on two pages. Dirty are the
 * leaves around the page's end only, then about half of all.
 */
CT_TEST(geometry_crosses_page_end, "GEOMETRY-003", .scope = CT_EACH_LEAF)
{
	static const struct {
		u64 bytes, pointer;
		u64 bits_per_granule; /* so that the request is whole granules, and few */
	} maps[] = {
		{ .bytes = 2, .pointer = 4095, .bits_per_granule = 1 }, /* one byte each */
		{ .bytes = 8, .pointer = 4092, .bits_per_granule = 1 }, /* a word, cut evenly */
		{ .bytes = 9, .pointer = 4089, .bits_per_granule = 1 }, /* a word and a byte */
		{ .bytes = 64, .pointer = 4095, .bits_per_granule = 1 }, /* all but one beyond */
		{ .bytes = 4096, .pointer = 1, .bits_per_granule = 1024 }, /* a page, last byte */
		{ .bytes = 4096, .pointer = 4095, .bits_per_granule = 1024 }, /* a page, first */
		{ .bytes = 4080, .pointer = 2051, .bits_per_granule = 64 }, /* not whole words */
	};

	struct scene s;

	/* The longest request is of 512 granules. */
	scene_open(&s,
		   .leaves = (512ull << ct.config.format.granule_lg2 >> ct.config.leaf_lg2) + 3);
	for (size_t i = 0; i < sizeof(maps) / sizeof(*maps); i++) {
		u64 length, page_size, start = 0, cut;

		page_size = s.granule / maps[i].bits_per_granule;
		length = maps[i].bytes * 8 * page_size;
		cut = (PAGE - maps[i].pointer) * 8 * page_size;
		/* Leaves longer than the request: a seam as near the page's end as can be. */
		if (s.leaf > length)
			start = s.leaf - cut / s.granule * s.granule;
		scene_write(&s, start + cut - 1, 1);
		expect_at(&s, start, length, page_size, maps[i].pointer);
		scene_expect(&s, 0, s.length, s.leaf);
		scene_write(&s, start + cut, 1);
		expect_at(&s, start, length, page_size, maps[i].pointer);
		write_half(&s);
		expect_at(&s, start, length, page_size, maps[i].pointer);
		scene_expect(&s, 0, s.length, s.leaf);
	}
}

/* Bitmaps longer than what implementations are known, or likely, to handle at once. */
static const struct long_bitmap {
	u64 window, windows; /* bytes of bitmap; how many of them, at least */
	unsigned int leaf_bits_lg2; /* leaves are no longer than this in bits */
	u64 pointer;
	bool cut; /* the request ends inside a leaf */
} long_bitmaps[] = {
	/* a page of bitmap */
	{ .window = 4096, .windows = 3, .leaf_bits_lg2 = 16 },
	{ .window = 4096, .windows = 3, .leaf_bits_lg2 = 16, .pointer = 4093 },
	/* a likely bounce buffer; leaves longer than it */
	{ .window = 32 << 10, .windows = 2, .leaf_bits_lg2 = 20 },
	{ .window = 32 << 10, .windows = 2, .leaf_bits_lg2 = 20, .pointer = 1, .cut = true },
	/* Linux: as many bitmap pages as a page has pointers */
	{ .window = 2 << 20, .windows = 1, .leaf_bits_lg2 = 24, .pointer = 4093 },
};

static u64 page_size_of(const struct long_bitmap *m)
{
	return highest(1, 1ull << ct.config.leaf_lg2 >> m->leaf_bits_lg2);
}

/* The IOVA that its windows take. */
static u64 span_of(const struct long_bitmap *m)
{
	return 8 * m->window * m->windows * page_size_of(m);
}

/*
 * The request starts in the middle of a leaf, so that leaves straddle the ends of
 * windows. Written on both sides of each window's end: counted from the first
 * bit, and from the first byte's page.
 */
CT_TEST(geometry_windows, "GEOMETRY-004", .scope = CT_EACH_LEAF, .timeout_s = 120)
{
	const size_t n = sizeof(long_bitmaps) / sizeof(*long_bitmaps);
	u64 longest = 0;
	struct scene s;

	for (size_t i = 0; i < n; i++)
		longest = highest(longest, span_of(&long_bitmaps[i]));
	scene_open(&s, .leaves = (longest >> ct.config.leaf_lg2) + 2);
	for (size_t i = 0; i < n; i++) {
		const struct long_bitmap *m = &long_bitmaps[i];
		u64 step = 8 * m->window, page_size = page_size_of(m), start, end, bits;
		struct ct_bitmap b;

		start = s.leaf / 2 & -s.granule;
		end = (start + span_of(m) + s.leaf) & -s.leaf;
		if (m->cut)
			end -= s.leaf / 2 & -s.granule;
		bits = (end - start) / page_size;
		for (u64 bit = step; bit < bits; bit += step) {
			u64 from_page = bit - 8 * m->pointer;

			scene_write(&s, start + bit * page_size - 1, 2);
			scene_write(&s, start + from_page * page_size - 1, 2);
		}
		scene_write(&s, end - 1, 1);
		ct_bitmap_init(&b, bits, m->pointer);
		x(scene_get(&s, 0, start, end - start, page_size, b.bytes));
		scene_compare(&s, &b, s.iova + start, page_size, true);
		ct_bitmap_check_guards(&b);
		ct_bitmap_free(&b);
		/* What lies before and after the request, once more and no more. */
		scene_expect(&s, 0, s.length, s.leaf);
		scene_expect(&s, 0, s.length, s.leaf);
	}
}

/* A leaf longer than the whole bitmap: bits for the request, and no further. */
CT_TEST(geometry_one_granule_of_leaf, "GEOMETRY-005", .scope = CT_EACH_LEAF)
{
	struct scene s;
	u64 step;

	scene_open(&s, .leaves = 3);
	/* Each granule of short leaves, 64 places in long ones. */
	step = highest(s.granule, s.leaf / 64);
	scene_write(&s, s.leaf + s.leaf / 2, 1);
	for (u64 at = 0; at < s.length; at += step) {
		expect_guarded(&s, at, s.granule, s.granule);
		expect_guarded(&s, at + step - s.granule, s.granule, s.granule);
	}
	scene_expect(&s, 0, s.length, s.granule);
}

CT_TEST(geometry_ends_inside_leaf, "GEOMETRY-005", .scope = CT_EACH_LEAF)
{
	struct scene s;
	u64 half;

	scene_open(&s, .leaves = 4);
	half = s.leaf / 2 & -s.granule;
	const struct {
		u64 first, end;
	} ranges[] = {
		{ s.leaf - s.granule, s.leaf + s.granule }, /* a granule of each of two */
		{ s.leaf - s.granule, s.leaf }, /* the last granule, up to the leaf's end */
		{ s.leaf, s.leaf + s.granule }, /* the first, from the leaf's start */
		{ half, s.leaf }, /* the rest of a leaf */
		{ half, 2 * s.leaf + s.granule }, /* part, whole, part */
		{ s.leaf, 3 * s.leaf }, /* whole leaves */
		{ s.length - s.granule, s.length }, /* the last granule that is mapped */
		{ 3 * s.leaf - s.granule, s.length }, /* part and whole, up to the end */
	};

	/* Each leaf alone, so that bits that stray from one are seen in another. */
	for (u64 leaf = 0; leaf < 4; leaf++) {
		scene_write(&s, leaf * s.leaf + half, 1);
		for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
			u64 length = ranges[i].end - ranges[i].first;

			expect_guarded(&s, ranges[i].first, length, s.granule);
			expect_at(&s, ranges[i].first, length, s.granule, PAGE - 1);
		}
		scene_expect(&s, 0, s.length, s.leaf);
	}
}

/* A bitmap of one bit: the other seven of its byte are the caller's. */
CT_TEST(geometry_one_bit, "GEOMETRY-006", .scope = CT_EACH_LEAF)
{
	struct scene s;

	scene_open(&s, .leaves = 4);
	scene_write(&s, 2 * s.leaf + s.leaf / 2, 1);
	/* From the smallest request there is to one that covers two leaves. */
	for (u64 size = s.granule; size <= 2 * s.leaf; size *= 2) {
		u64 first = -s.iova & (size - 1), last = (s.length - first) & -size;

		expect_guarded(&s, first, size, size);
		expect_at(&s, first + last - size, size, size, PAGE - 1);
		expect_at(&s, ((s.iova + 2 * s.leaf + s.leaf / 2) & -size) - s.iova, size, size, 5);
	}
	scene_expect(&s, 0, s.length, s.granule);
}

#define WIDE (1ull << 32)

static const char *needs_gigabytes(const struct ct_config *config)
{
	return config->format.aperture_first <= WIDE &&
			       config->format.aperture_last >= 2 * WIDE - 1 ?
		       NULL :
		       "the aperture has no room for 4 GiB at 4 GiB";
}

/* Beyond what a 32-bit int holds (Linux shifted one), and a 32-bit unsigned. */
CT_TEST(geometry_page_size_of_gigabytes, "GEOMETRY-007", .scope = CT_EACH_FORMAT,
	.requires = needs_gigabytes)
{
	u8 byte = 0xd1;
	struct scene s;

	scene_open(&s, .no_map = true);
	/* At an odd gigabyte, so that no leaf is longer than one and covers two bits. */
	x(ct_map(s.ioas, ct_memory(WIDE, 2ull << 30, 1ull << 30), WIDE, WIDE));
	for (unsigned int lg2 = 31; lg2 <= 32; lg2++) {
		u64 bits = WIDE >> lg2;

		/* The last byte of each bit's range in turn. */
		for (u64 bit = 0; bit < bits; bit++) {
			struct ct_bitmap b;

			x(ct_dma_write(s.dev, 0, WIDE + ((bit + 1) << lg2) - 1, &byte, 1));
			ct_bitmap_init_guarded(&b, bits);
			x(ct_get_bitmap(s.hwpt, 0, WIDE, WIDE, 1ull << lg2, b.bytes));
			for (u64 k = 0; k < bits; k++)
				ct_check(ct_bitmap_test(&b, k) == (k == bit),
					 "page_size 2^%u, write under bit %" PRIu64 ": bit %" PRIu64
					 " is %s",
					 lg2, bit, k, k == bit ? "clear" : "set");
			ct_bitmap_check_guards(&b);
			ct_bitmap_free(&b);
		}
	}
}

/*
 * Granules that nothing can map whole: an error, and neither a shift nor a
 * product that overflows (Linux divided by zero at 2^63).
 */
CT_TEST(geometry_page_size_beyond_mapping, "GEOMETRY-007", .scope = CT_EACH_FORMAT)
{
	struct ct_bitmap b;
	struct scene s;

	scene_open(&s);
	scene_write(&s, s.leaf, 1);
	ct_bitmap_init_guarded(&b, 1);
	for (unsigned int lg2 = 31; lg2 < 64; lg2++) {
		u64 size = 1ull << lg2;

		x_err(ENOENT, ct_get_bitmap(s.hwpt, 0, 0, size, size, b.bytes));
		ct_check(!ct_bitmap_test(&b, 0), "page_size 2^%u failed and set a bit", lg2);
	}
	ct_bitmap_check_guards(&b);
	ct_bitmap_free(&b);
	scene_expect(&s, 0, s.length, s.granule);
}
