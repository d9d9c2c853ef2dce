/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * REPORT: what a harvest says. Every write that is complete is reported, at its
 * place; beyond the rest of the leaf that was written, nothing else is.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bits.h"
#include "ct.h"

#define PAGE 4096u

static u64 below(u64 *random, u64 n)
{
	return ct_random(random) % n;
}

/* Enough leaves to fill some bitmap words, few of those that cost memory. */
static u64 some_leaves(void)
{
	return ct.config.leaf_lg2 < 20 ? 200 : 3;
}

/* Write into about one leaf in @every, at a place of its own in each. */
static void write_some(struct scene *s, u64 every, u64 *random)
{
	for (u64 at = 0; at < s->length; at += s->leaf)
		if (!below(random, every))
			scene_write(s, at + below(random, s->leaf), 1);
}

CT_TEST(report_written, "REPORT-001", .scope = CT_EACH_LEAF, .giant = true)
{
	struct scene s;

	scene_open(&s, .leaves = 3);
	const struct {
		u64 at, length;
	} writes[] = {
		{ .at = 0, .length = 1 }, /* where the first entry of a table is */
		{ .at = s.leaf + s.leaf / 2, .length = 8 }, /* far from both ends of a leaf */
		{ .at = 2 * s.leaf - s.granule, .length = s.granule }, /* all of a granule */
		{ .at = s.length - 1, .length = 1 }, /* the last that can be written */
	};

	for (size_t i = 0; i < sizeof(writes) / sizeof(*writes); i++) {
		scene_write(&s, writes[i].at, writes[i].length);
		scene_expect(&s, 0, s.length, s.granule);
	}
}

CT_TEST(report_all_written, "REPORT-001", .scope = CT_EACH_LEAF)
{
	struct scene s;

	scene_open(&s, .leaves = some_leaves());
	for (u64 at = 0; at < s.length; at += s.leaf)
		scene_write(&s, at, 1);
	scene_expect(&s, 0, s.length, s.leaf);
}

CT_TEST(report_base_relative, "REPORT-002", .scope = CT_EACH_LEAF)
{
	struct scene s;
	u64 at;

	scene_open(&s, .leaves = 3);
	ct_check(s.iova, "a scene at IOVA 0 cannot tell bases apart");
	at = 3 * s.leaf - s.granule;
	scene_write(&s, at, 1);
	/* Bit (at - offset) / granule must be the one, whatever the start. */
	const u64 starts[] = {
		at, /* bit 0 */
		at - s.granule, /* bit 1 */
		at - 2 * s.granule,
		2 * s.leaf, /* of the leaf */
		s.leaf, /* a leaf before */
		0,
	};
	for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++) {
		u64 bit = (at - starts[i]) / s.granule;
		struct ct_bitmap b;

		ct_bitmap_init(&b, bit + 1, 0);
		x(scene_get(&s, IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR, starts[i],
			    at + s.granule - starts[i], s.granule, b.bytes));
		ct_check(ct_bitmap_test(&b, bit),
			 "request at +%#" PRIx64 ": bit %" PRIu64 " of the write at +%#" PRIx64
			 " is clear",
			 starts[i], bit, at);
		scene_compare(&s, &b, s.iova + starts[i], s.granule, false);
		ct_bitmap_check_guards(&b);
		ct_bitmap_free(&b);
	}
}

CT_TEST(report_right_leaf, "REPORT-003", .scope = CT_EACH_LEAF, .giant = true)
{
	struct scene s;

	scene_open(&s, .leaves = 3);
	for (u64 leaf = 0; leaf < 3; leaf++) {
		scene_write(&s, leaf * s.leaf, 1);
		scene_expect(&s, 0, s.length, s.leaf);
		scene_write(&s, (leaf + 1) * s.leaf - 1, 1);
		scene_expect(&s, 0, s.length, s.leaf);
	}
}

CT_TEST(report_no_reads, "REPORT-003", .scope = CT_EACH_LEAF, .needs = TARGET_DMA)
{
	struct scene s;
	u8 data[16];

	scene_open(&s, .leaves = 2);
	for (u64 at = 0; at < s.length; at += s.leaf)
		x(ct_dma_read(s.dev, 0, s.iova + at, data, sizeof(data)));
	scene_expect(&s, 0, s.length, s.granule);

	/* A write through a translation that a read brought in still counts. */
	x(ct_dma_read(s.dev, 0, s.iova, data, sizeof(data)));
	scene_write(&s, 0, 1);
	scene_expect(&s, 0, s.length, s.granule);
}

CT_TEST(report_no_cpu_stores, "REPORT-003", .scope = CT_EACH_FORMAT)
{
	struct scene s;

	scene_open(&s);
	memset(s.mem, 0x5a, s.length);
	scene_expect(&s, 0, s.length, s.granule);
}

/*
 * Each position of the bitmap is harvested once with the caller's bit clear and
 * once with it set: the first tells what is reported, the second must keep it.
 */
CT_TEST(report_ors, "REPORT-004", .scope = CT_EACH_LEAF)
{
	static const u8 patterns[] = {
		0xff, /* every bit is the caller's, then none is */
		0xaa, /* each byte mixes both */
		0x81, /* the ends of a byte */
	};
	u64 random = ct.seed, nbits;
	struct scene s;

	scene_open(&s, .leaves = some_leaves());
	nbits = s.length / s.leaf;
	write_some(&s, 2, &random);
	for (size_t p = 0; p < sizeof(patterns); p++) {
		struct ct_bitmap with, without, all;

		ct_bitmap_init(&with, nbits, 3);
		ct_bitmap_init(&without, nbits, 3);
		ct_bitmap_init(&all, nbits, 3);
		ct_bitmap_fill(&with, patterns[p]);
		ct_bitmap_fill(&without, ~patterns[p]);
		x(scene_get(&s, IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR, 0, s.length, s.leaf,
			    with.bytes));
		x(scene_get(&s, IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR, 0, s.length, s.leaf,
			    without.bytes));
		for (u64 bit = 0; bit < nbits; bit++) {
			bool set = patterns[p] >> bit % 8 & 1;

			ct_check(ct_bitmap_test(set ? &with : &without, bit),
				 "pattern %#x: bit %" PRIu64 " was set by the caller and is clear",
				 patterns[p], bit);
			if (ct_bitmap_test(set ? &without : &with, bit))
				all.bytes[bit / 8] |= 1 << bit % 8;
		}
		scene_compare(&s, &all, s.iova, s.leaf, false);
		ct_bitmap_check_guards(&with);
		ct_bitmap_check_guards(&without);
		ct_bitmap_free(&with);
		ct_bitmap_free(&without);
		ct_bitmap_free(&all);
	}
}

/*
 * Map @n areas of pages[i] pages side by side from s->iova, each from a place of
 * its own, with leaves of a page. Returns how many bytes were mapped.
 */
static u64 map_adjacent(struct scene *s, const u64 *pages, size_t n)
{
	u64 off = 0, at = 0;

	x(ct_option(IOMMU_OPTION_HUGE_PAGES, s->ioas, IOMMU_OPTION_OP_SET, &off));
	for (size_t i = 0; i < n; i++) {
		u64 length = pages[i] * s->page;

		x(ct_map(s->ioas, ct_memory(length, s->page, 0), length, s->iova + at));
		at += length;
	}
	return at;
}

/* Harvest s->iova + [0, length) and hold it against @truth; it is clean then. */
static void expect_adjacent(struct scene *s, struct ct_shadow *truth, u64 length)
{
	struct ct_bitmap b;

	ct_bitmap_init_guarded(&b, length / s->page);
	x(scene_get(s, 0, 0, length, s->page, b.bytes));
	ct_shadow_compare(truth, &b, s->iova, s->page, true);
	ct_bitmap_check_guards(&b);
	ct_bitmap_free(&b);
	ct_shadow_forget(truth, s->iova, length);
}

static void write_adjacent(struct scene *s, struct ct_shadow *truth, u64 at)
{
	u8 byte = 0xd1;

	x(ct_dma_write(s->dev, 0, s->iova + at, &byte, 1));
	ct_shadow_write(truth, s->iova + at, 1);
}

CT_TEST(report_adjacent_areas, "REPORT-005", .scope = CT_EACH_FORMAT)
{
	static const struct {
		const char *why;
		u64 pages[8];
		size_t n;
	} layouts[] = {
		{ "boundary on a word", { 64, 64 }, 2 },
		{ "boundary on a byte, not on a word", { 8, 72, 56 }, 3 },
		{ "boundaries inside a byte", { 1, 2, 3, 5, 7, 11, 13, 17 }, 8 },
		{ "boundary one bit before and after a word's end", { 63, 2, 63 }, 3 },
		{ "areas of one page only", { 1, 1, 1, 1, 1, 1, 1, 1 }, 8 },
		{ "an area longer than a word between odd ones", { 3, 131, 1 }, 3 },
	};

	for (size_t l = 0; l < sizeof(layouts) / sizeof(*layouts); l++) {
		const u64 *pages = layouts[l].pages;
		struct ct_shadow *truth;
		struct scene s;
		u64 length, at = 0;

		ct_note("%s", layouts[l].why);
		scene_open(&s, .leaves = 512, .no_map = true);
		length = map_adjacent(&s, pages, layouts[l].n);
		truth = ct_shadow_new(s.iova, length, s.page, s.page);
		expect_adjacent(&s, truth, length);
		/* Each boundary: the page before it, the page after it, both. */
		for (size_t i = 0; i < layouts[l].n; i++) {
			write_adjacent(&s, truth, at);
			expect_adjacent(&s, truth, length);
			at += pages[i] * s.page;
			write_adjacent(&s, truth, at - 1);
			expect_adjacent(&s, truth, length);
			write_adjacent(&s, truth, at - 1);
			write_adjacent(&s, truth, at % length);
			expect_adjacent(&s, truth, length);
		}
		ct_shadow_free(truth);
	}
}

CT_TEST(report_1000_areas, "REPORT-005", .scope = CT_EACH_FORMAT)
{
	u64 pages[1000], random = ct.seed, length;
	struct ct_shadow *truth;
	struct scene s;

	/* One to three pages: boundaries at every residue of 8 and of 64. */
	for (size_t i = 0; i < 1000; i++)
		pages[i] = 1 + below(&random, 3);
	scene_open(&s, .leaves = 3072, .no_map = true);
	length = map_adjacent(&s, pages, 1000);
	truth = ct_shadow_new(s.iova, length, s.page, s.page);
	for (u64 round = 0; round < 3; round++) {
		for (u64 at = 0; at < length; at += s.page)
			if (!below(&random, round + 1))
				write_adjacent(&s, truth, at + below(&random, s.page));
		expect_adjacent(&s, truth, length);
	}
	ct_shadow_free(truth);
}

/* Look at s->iova + [from, to) in bits of @page_size, widened to what one may ask for. */
static void look(struct scene *s, u64 from, u64 to, u64 page_size)
{
	u64 unit = highest(page_size, s->granule);
	u64 first = (s->iova + from) & -unit, last = (s->iova + to + unit - 1) & -unit;

	if (first < s->iova)
		first += unit;
	if (last > s->iova + s->length)
		last -= unit;
	if (first < last)
		scene_expect_no_clear(s, first - s->iova, last - first, page_size);
}

CT_TEST(report_page_sizes, "REPORT-006", .scope = CT_EACH_LEAF)
{
	struct scene s;

	scene_open(&s, .leaves = 3);
	scene_write(&s, s.leaf, 1);
	scene_write(&s, s.length - 1, 1);
	/* From a bit a byte to one bit for two leaves; the same state each time. */
	for (u64 size = 1; size <= 2 * s.leaf; size *= 2) {
		u64 reach = lowest(size << 13, s.leaf);

		look(&s, 0, reach, size);
		look(&s, s.leaf - reach, s.leaf + reach, size);
		look(&s, s.length - reach, s.length, size);
		if (s.length / size <= 1 << 14)
			look(&s, 0, s.length, size);
	}
	scene_expect(&s, 0, s.length, s.granule);
}

CT_TEST(report_conserves, "REPORT-007", .scope = CT_EACH_LEAF)
{
	enum { CUTS = 40 };
	u64 cut[CUTS + 1] = { 0 }, random = ct.seed, granules;
	unsigned int order[CUTS];
	struct scene s;

	scene_open(&s, .leaves = some_leaves());
	granules = s.length / s.granule;
	for (unsigned int round = 0; round < 4; round++) {
		write_some(&s, round + 1, &random);
		/* Pieces of any number of granules, harvested in any order. */
		for (unsigned int i = 1; i <= CUTS; i++)
			cut[i] = i == CUTS ? granules : below(&random, granules);
		for (unsigned int i = 1; i <= CUTS; i++)
			for (unsigned int j = i; j > 1 && cut[j] < cut[j - 1]; j--) {
				u64 swap = cut[j];

				cut[j] = cut[j - 1];
				cut[j - 1] = swap;
			}
		for (unsigned int i = 0; i < CUTS; i++) {
			unsigned int j = below(&random, i + 1);

			order[i] = order[j];
			order[j] = i;
		}
		for (unsigned int i = 0; i < CUTS; i++) {
			u64 first = cut[order[i]], last = cut[order[i] + 1];

			if (first < last)
				scene_expect(&s, first * s.granule, (last - first) * s.granule,
					     s.granule);
		}
		scene_expect(&s, 0, s.length, s.granule);
	}
}

/* Pieces start at whole bytes of the bitmap, seldom at whole words of it. */
CT_TEST(report_pieces_share_bitmap, "REPORT-007", .scope = CT_EACH_LEAF)
{
	u64 random = ct.seed, nbits, bytes;
	struct scene s;

	scene_open(&s, .leaves = some_leaves());
	nbits = lowest(s.length / s.granule, 4096);
	bytes = (nbits + 7) / 8;
	for (unsigned int round = 0; round < 4; round++) {
		u64 order[512], start = below(&random, s.length / s.granule - nbits + 1);
		struct ct_bitmap b;

		write_some(&s, 2, &random);
		for (u64 i = 0; i < bytes; i++) {
			u64 j = below(&random, i + 1);

			order[i] = order[j];
			order[j] = i;
		}
		ct_bitmap_init(&b, nbits, 1 + round);
		for (u64 i = 0; i < bytes; i++) {
			/* Up to 20 bytes, so most are harvested again, then clean. */
			u64 bit = 8 * order[i];
			u64 piece = lowest(8 * (1 + below(&random, 20)), nbits - bit);

			x(scene_get(&s, 0, (start + bit) * s.granule, piece * s.granule, s.granule,
				    b.bytes + bit / 8));
		}
		scene_compare(&s, &b, s.iova + start * s.granule, s.granule, true);
		ct_bitmap_check_guards(&b);
		ct_bitmap_free(&b);
	}
}

CT_TEST(report_crossing_writes, "REPORT-008", .scope = CT_EACH_LEAF)
{
	struct scene s;

	scene_open(&s, .leaves = 3);
	const struct {
		u64 at, length;
	} writes[] = {
		{ .at = s.granule - 1, .length = 2 }, /* two granules */
		{ .at = s.leaf - 1, .length = 2 }, /* two leaves, a byte each */
		{ .at = s.leaf - s.granule, .length = 2 * s.granule }, /* whole granules */
		{ .at = 2 * s.leaf - 5, .length = 8 }, /* a word that is not aligned */
		/* Three leaves, the middle one whole: not with leaves too long to write. */
		{ .at = s.leaf - 3, .length = lowest(s.leaf, 2u << 20) + 6 },
	};

	for (size_t i = 0; i < sizeof(writes) / sizeof(*writes); i++) {
		scene_write(&s, writes[i].at, writes[i].length);
		scene_expect(&s, 0, s.length, s.granule);
	}
}

enum memory_kind {
	MEMORY_ANONYMOUS,
	MEMORY_SHARED_FILE,
	MEMORY_PRIVATE_FILE,
	MEMORY_HUGE,
	MEMORY_UNTOUCHED,
};

/* 4 MiB of which the middle one is what a bitmap is put into. */
static u8 *memory_of_kind(enum memory_kind kind, int *fd)
{
	const size_t size = 4u << 20;
	int flags = MAP_PRIVATE | MAP_ANONYMOUS;
	u8 *p;

	*fd = -1;
	if (kind == MEMORY_SHARED_FILE || kind == MEMORY_PRIVATE_FILE) {
		*fd = ct_memfd(size);
		flags = kind == MEMORY_SHARED_FILE ? MAP_SHARED : MAP_PRIVATE;
	}
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, *fd, 0);
	ct_check(p != MAP_FAILED, "mmap: %s", ct_errno_name(errno));
	if (kind == MEMORY_HUGE)
		madvise(p, size, MADV_HUGEPAGE);
	if (kind != MEMORY_UNTOUCHED)
		for (size_t at = 0; at < size; at += PAGE)
			(void)*(volatile u8 *)(p + at);
	return p + size / 2;
}

CT_TEST(report_into_any_memory, "REPORT-009", .scope = CT_EACH_FORMAT)
{
	static const struct {
		const char *why;
		enum memory_kind kind;
	} kinds[] = {
		{ "anonymous, so far only read: the zero page", MEMORY_ANONYMOUS },
		{ "a memfd, shared: the file has the bits", MEMORY_SHARED_FILE },
		{ "a memfd, private: copied on write, the file has none", MEMORY_PRIVATE_FILE },
		{ "a transparent huge page, if the system gives one", MEMORY_HUGE },
		{ "never touched", MEMORY_UNTOUCHED },
	};
	const u64 nbits = 64;
	struct scene s;

	scene_open(&s, .leaves = nbits);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		/* Across a page end, so that two pages of the kind are written. */
		const long at = (2u << 20) - 3;
		struct ct_bitmap b;
		u8 file[8] = { 0 };
		int fd;
		u8 *p = memory_of_kind(kinds[i].kind, &fd) - 3;

		ct_note("%s", kinds[i].why);
		scene_write(&s, 0, 1);
		scene_write(&s, 24 * s.leaf, 1);
		scene_write(&s, s.length - 1, 1);
		x(scene_get(&s, 0, 0, nbits * s.leaf, s.leaf, p));
		ct_bitmap_init(&b, nbits, 0);
		memcpy(b.bytes, p, nbits / 8);
		if (fd >= 0)
			ct_check(pread(fd, file, sizeof(file), at) == sizeof(file), "pread: %s",
				 ct_errno_name(errno));
		if (kinds[i].kind == MEMORY_SHARED_FILE)
			ct_check(!memcmp(file, p, sizeof(file)),
				 "the bits are in the mapping and not in its file");
		if (kinds[i].kind == MEMORY_PRIVATE_FILE)
			for (size_t k = 0; k < sizeof(file); k++)
				ct_check(!file[k], "byte %zu of the file was written", k);
		scene_compare(&s, &b, s.iova, s.leaf, true);
		ct_bitmap_free(&b);
	}
}

CT_TEST(report_into_mapped_memory, "REPORT-009", .scope = CT_EACH_FORMAT)
{
	const u64 nbits = 64;
	struct ct_bitmap b;
	struct scene s;

	scene_open(&s, .leaves = nbits);
	/* The device writes the very page that its report goes to, beside it. */
	for (u64 round = 0; round < 3; round++) {
		memset(s.mem + 64, 0, nbits / 8);
		scene_write(&s, 1024, 1);
		scene_write(&s, (10 + round) * s.leaf, 1);
		x(scene_get(&s, 0, 0, nbits * s.leaf, s.leaf, s.mem + 64));
		ct_bitmap_init(&b, nbits, 0);
		memcpy(b.bytes, s.mem + 64, nbits / 8);
		scene_compare(&s, &b, s.iova, s.leaf, true);
		ct_bitmap_free(&b);
	}
	/* Writing the report was no write of the device. */
	scene_expect(&s, 0, s.length, s.granule);
}

CT_TEST(report_not_into_read_only, "REPORT-010", .scope = CT_EACH_LEAF)
{
	int fd = ct_memfd(PAGE), sealed = memfd_create("sealed", MFD_ALLOW_SEALING);
	u8 *bad[3];
	struct scene s;

	ct_check(sealed >= 0 && !ftruncate(sealed, PAGE) &&
			 !fcntl(sealed, F_ADD_SEALS, F_SEAL_WRITE),
		 "a memfd sealed against writing: %s", ct_errno_name(errno));
	bad[0] = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, sealed, 0);
	bad[1] = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	bad[2] = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	scene_open(&s, .leaves = 3);
	scene_write(&s, s.leaf, 1);
	for (size_t i = 0; i < 3; i++) {
		ct_check(bad[i] != MAP_FAILED, "mmap of kind %zu failed", i);
		x_err(EFAULT, scene_get(&s, 0, 0, s.length, s.leaf, bad[i]));
		ct_check(!bad[i][0], "read-only memory of kind %zu was written", i);
		scene_expect_no_clear(&s, 0, s.length, s.leaf);
	}
	scene_expect(&s, 0, s.length, s.granule);
}

/* A range that may be harvested in bits of @size: false when there is none. */
static bool random_range(struct scene *s, u64 size, u64 *random, u64 *offset, u64 *length)
{
	u64 unit = highest(size, s->granule);
	u64 first = (s->iova + unit - 1) & -unit, last = (s->iova + s->length) & -unit;
	u64 units, start, most;

	if (first >= last)
		return false;
	units = (last - first) / unit;
	start = below(random, units);
	/* Some 8192 bits at most, so that most rounds are short. */
	most = highest(1, lowest(units - start, (size << 13) / unit));
	*offset = first - s->iova + start * unit;
	*length = (1 + below(random, most)) * unit;
	return true;
}

static void random_harvest(struct scene *s, u64 *random)
{
	/* From sixteen bits a granule to a bit for two leaves. */
	unsigned int least = __builtin_ctzll(s->granule) - 4;
	u64 size = 1ull << (least + below(random, __builtin_ctzll(s->leaf) + 2 - least));
	bool clear = below(random, 3);
	struct ct_bitmap b;
	u64 offset, length;

	if (!random_range(s, size, random, &offset, &length))
		return;
	if (below(random, 4))
		ct_bitmap_init(&b, length / size, below(random, PAGE));
	else
		ct_bitmap_init_guarded(&b, length / size);
	x(scene_get(s, clear ? 0 : IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR, offset, length, size,
		    b.bytes));
	scene_compare(s, &b, s->iova + offset, size, clear);
	ct_bitmap_check_guards(&b);
	ct_bitmap_free(&b);
}

CT_TEST(report_random, "REPORT-011", .scope = CT_EACH_LEAF, .timeout_s = 60)
{
	u64 random = ct.seed;
	struct scene s;

	scene_open(&s, .leaves = ct.config.leaf_lg2 < 20 ? 64 : 3);
	for (unsigned int round = 0; round < 600; round++) {
		for (u64 writes = below(&random, 6); writes; writes--) {
			u64 at = below(&random, s.length);
			u64 length = 1 + below(&random, 2 * s.granule);

			/* Half of them short, as descriptors are, at the end of something. */
			if (below(&random, 2)) {
				at = (at & -s.granule) + s.granule - 1;
				length = 1 + below(&random, 2);
			}
			scene_write(&s, at, lowest(length, s.length - at));
		}
		random_harvest(&s, &random);
	}
	scene_expect(&s, 0, s.length, s.granule);
	scene_expect(&s, 0, s.length, s.granule);
}
