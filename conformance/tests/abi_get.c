/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter ABI: which ranges and page sizes GET_DIRTY_BITMAP takes, and which of
 * several mistakes it names. A refused harvest has cleared and written nothing.
 */
#include "ct.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

struct get_case {
	const char *what;
	u32 flags, reserved;
	enum { HWPT, NO_ID, PLAIN } hwpt; /* PLAIN: made without DIRTY_TRACKING */
	u64 iova; /* used as it is if @absolute */
	bool absolute;
	u64 length, page_size; /* in bytes; 0 is 0 */
	bool bad_bitmap;
	int err;
};

/*
 * Runs GET for each row against a scene of 4 leaves with every leaf dirty, then
 * shows that all of it is still there.
 */
static void get_cases(struct scene *s, u32 plain, const struct get_case *rows, size_t n)
{
	struct ct_bitmap b;

	ct_bitmap_init(&b, s->length / s->granule, 0);
	scene_write(s, 0, s->length);
	for (size_t i = 0; i < n; i++) {
		const struct get_case *r = &rows[i];
		struct iommu_hwpt_get_dirty_bitmap cmd = {
			.size = sizeof(cmd),
			.hwpt_id = r->hwpt == HWPT  ? s->hwpt :
				   r->hwpt == PLAIN ? plain :
						      0,
			.flags = r->flags,
			.__reserved = r->reserved,
			.iova = r->absolute ? r->iova : s->iova + r->iova,
			.length = r->length,
			.page_size = r->page_size,
			.data = r->bad_bitmap ? 0 : (u64)b.bytes,
		};
		int ret = ct_ioctl(IOMMU_HWPT_GET_DIRTY_BITMAP, &cmd);

		ct_check(ret == -r->err, "%s: expected %s, got %s", r->what, ct_errno_name(r->err),
			 ct_errno_name(ret));
		ct_check(ct_bitmap_count(&b) == 0, "%s: wrote to the bitmap", r->what);
	}
	ct_bitmap_check_guards(&b);
	scene_expect(s, 0, s->length, s->granule);
}

/* Several things wrong in one GET or SET: the order in which they are found. */
CT_TEST(dirty_precedence, "ABI-014")
{
	struct scene s;
	u32 plain;

	scene_open(&s);
	x(ct_hwpt_alloc(s.dev, s.ioas, 0, &plain));

	const u64 p = s.page, top = -p;
	const struct get_case rows[] = {
		{ "flags, id", .flags = 2, .hwpt = NO_ID, .length = p, .page_size = p,
		  .err = EOPNOTSUPP },
		{ "reserved, id", .reserved = 1, .hwpt = NO_ID, .length = p, .page_size = p,
		  .err = EOPNOTSUPP },
		{ "flags, wrap", .flags = 2, .iova = top, .absolute = true, .length = 2 * p,
		  .page_size = p, .err = EOPNOTSUPP },
		{ "id, wrap", .hwpt = NO_ID, .iova = top, .absolute = true, .length = 2 * p,
		  .page_size = p, .err = ENOENT },
		{ "id, page_size", .hwpt = NO_ID, .length = p, .page_size = 0, .err = ENOENT },
		{ "id, bitmap", .hwpt = NO_ID, .length = p, .page_size = p, .bad_bitmap = true,
		  .err = ENOENT },
		{ "wrap, page_size", .iova = top, .absolute = true, .length = 2 * p, .page_size = 0,
		  .err = EOVERFLOW },
		{ "wrap, not a dirty HWPT", .hwpt = PLAIN, .iova = top, .absolute = true,
		  .length = 2 * p, .page_size = p, .err = EOVERFLOW },
		{ "page_size, not a dirty HWPT", .hwpt = PLAIN, .length = p, .page_size = 0,
		  .err = EINVAL },
		{ "alignment, not a dirty HWPT", .hwpt = PLAIN, .iova = 1, .length = p,
		  .page_size = p, .err = EINVAL },
		{ "not a dirty HWPT, hole", .hwpt = PLAIN, .iova = s.length, .length = p,
		  .page_size = p, .err = EOPNOTSUPP },
		{ "not a dirty HWPT, bitmap", .hwpt = PLAIN, .length = p, .page_size = p,
		  .bad_bitmap = true, .err = EOPNOTSUPP },
		{ "page_size, hole", .iova = s.length, .length = p, .page_size = 0, .err = EINVAL },
		{ "page_size, bitmap", .length = p, .page_size = 0, .bad_bitmap = true,
		  .err = EINVAL },
	};
	const struct {
		const char *what;
		u32 flags, id;
		int err;
	} sets[] = {
		{ "flags, id", 2, 0, EOPNOTSUPP },
		{ "flags, not a dirty HWPT", 2, plain, EOPNOTSUPP },
		{ "id of an IOAS", 1, s.ioas, ENOENT },
	};

	get_cases(&s, plain, rows, N(rows));
	for (size_t i = 0; i < N(sets); i++) {
		struct iommu_hwpt_set_dirty_tracking cmd = { .size = sizeof(cmd),
							     .flags = sets[i].flags,
							     .hwpt_id = sets[i].id };

		int ret = ct_ioctl(IOMMU_HWPT_SET_DIRTY_TRACKING, &cmd);

		ct_check(ret == -sets[i].err, "SET, %s: expected %s, got %s", sets[i].what,
			 ct_errno_name(sets[i].err), ct_errno_name(ret));
	}
}

/* The last two checks: a hole is named before an unwritable bitmap is. */
CT_TEST(hole_before_bitmap, "ABI-015")
{
	struct scene s;

	scene_open(&s);

	const struct get_case rows[] = {
		{ "hole, bitmap", .iova = s.length, .length = s.page, .page_size = s.page,
		  .bad_bitmap = true, .err = ENOENT },
		{ "hole behind, bitmap", .length = s.length + s.page, .page_size = s.page,
		  .bad_bitmap = true, .err = ENOENT },
	};

	get_cases(&s, 0, rows, N(rows));
}

/* page_size 0, and those that are no power of two though iova and end fit them. */
CT_TEST(page_size_power_of_two, "ABI-016")
{
	struct scene s;

	/* 12 pages: a length that 3 divides */
	scene_open(&s, .leaves = 12);

	const u64 three = 3 * s.page;
	const u64 fits = (s.iova + three - 1) / three * three; /* a multiple of both */
	const struct get_case rows[] = {
		{ "0", .length = s.page, .page_size = 0, .err = EINVAL },
		{ "3", .length = s.page, .page_size = 3, .err = EINVAL },
		{ "3, aligned to it", .iova = fits, .absolute = true, .length = three,
		  .page_size = 3, .err = EINVAL },
		{ "1.5 pages, aligned to it", .iova = fits, .absolute = true, .length = three,
		  .page_size = three / 2, .err = EINVAL },
		{ "3 pages, aligned to it", .iova = fits, .absolute = true, .length = three,
		  .page_size = three, .err = EINVAL },
		{ "all ones", .length = s.page, .page_size = UINT64_MAX, .err = EINVAL },
	};

	ct_check(fits + three <= s.iova + s.length, "the scene is too small");
	get_cases(&s, 0, rows, N(rows));
}

/* Page sizes at which 32-bit and 64-bit products overflow: the range is no
 * mistake, so it is answered, and in reasonable time. Nothing is mapped there. */
CT_TEST(page_size_huge, "ABI-017")
{
	static const u64 sizes[] = { 1ULL << 31, 1ULL << 32, 1ULL << 47, 1ULL << 62, 1ULL << 63 };
	struct scene s;
	struct ct_bitmap b;

	scene_open(&s, .no_map = true);
	ct_bitmap_init(&b, 64, 0);
	for (size_t i = 0; i < N(sizes); i++) {
		const struct {
			u64 iova, length;
		} ranges[] = {
			{ 0, sizes[i] }, /* one bit */
			{ sizes[i], sizes[i] },
			{ -sizes[i], sizes[i] }, /* the end is 2^64 */
		};

		for (size_t r = 0; r < N(ranges); r++) {
			int ret = ct_get_bitmap(s.hwpt, 0, ranges[r].iova, ranges[r].length,
						sizes[i], b.bytes);

			ct_check(ret == 0 || ret == -ENOENT, "page_size 0x%llx at IOVA 0x%llx: %s",
				 (unsigned long long)sizes[i], (unsigned long long)ranges[r].iova,
				 ct_errno_name(ret));
		}
	}
	/* And the other end of it: more bits than any memory holds. */
	ct_get_bitmap(s.hwpt, 0, 0, 1ULL << 63, 1, b.bytes);
	ct_check(ct_bitmap_count(&b) == 0, "a bit was set where nothing is mapped");
	ct_bitmap_check_guards(&b);
}

static const char *needs_1g_leaf_and_8g(const struct ct_config *config)
{
	if (config->leaf_lg2 != 30)
		return "4 GiB are mapped only with leaves of 1 GiB";
	return config->format.aperture_last < (3ULL << 32) - 1 ? "the aperture is too small" : NULL;
}

/* 4 GiB reported as two bits of 2 GiB and as one of 4 GiB. */
CT_TEST(page_size_huge_mapped, "ABI-018", .scope = CT_EACH_LEAF, .giant = true,
	.requires = needs_1g_leaf_and_8g)
{
	const u64 at = 1ULL << 32, length = 1ULL << 32;
	struct scene s;
	struct ct_bitmap b;

	scene_open(&s, .leaves = 4, .no_map = true);
	/* An odd multiple of 1 GiB: no larger leaf fits. */
	x(ct_map(s.ioas, ct_memory(length, 1ULL << 31, 1 << 30), length, at));
	ct_bitmap_init(&b, 2, 0);
	x(ct_dma_write(s.dev, 0, at + (3ULL << 30) + 17, "!", 1));
	x(ct_get_bitmap(s.hwpt, IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR, at, length, 1ULL << 31,
			b.bytes));
	ct_check(!ct_bitmap_test(&b, 0) && ct_bitmap_test(&b, 1), "2 GiB granules: bits 0x%x",
		 b.bytes[0] & 3);
	ct_bitmap_fill(&b, 0);
	x(ct_get_bitmap(s.hwpt, 0, at, length, 1ULL << 32, b.bytes));
	ct_check(ct_bitmap_test(&b, 0) && !ct_bitmap_test(&b, 1), "4 GiB granule: bits 0x%x",
		 b.bytes[0] & 3);
}

/* Nothing asked for is a mistake, not a success. */
CT_TEST(length_zero, "ABI-019")
{
	struct scene s;

	scene_open(&s);

	const struct get_case rows[] = {
		{ "at the start", .page_size = s.page, .err = EINVAL },
		{ "inside", .iova = s.page, .page_size = s.page, .err = EINVAL },
		{ "IOVA 0", .absolute = true, .page_size = s.page, .err = EINVAL },
		{ "in a hole", .iova = s.length, .page_size = s.page, .err = EINVAL },
		{ "no bitmap", .page_size = s.page, .bad_bitmap = true, .err = EINVAL },
		{ "page_size 0", .page_size = 0, .err = EINVAL },
	};

	get_cases(&s, 0, rows, N(rows));
}

/* Neither end of the range may cut a granule of the bitmap. */
CT_TEST(range_multiple_of_page_size, "ABI-020", .scope = CT_EACH_FORMAT)
{
	struct scene s;

	scene_open(&s, .leaves = 16);

	/* The scene's leaf is the smallest, so a multiple of 2 pages is inside. */
	const u64 p = s.page, odd = s.iova & p ? 0 : p; /* iova + odd: odd multiple of p */
	const struct get_case rows[] = {
		{ "iova half a granule in", .iova = odd, .length = 2 * p, .page_size = 2 * p,
		  .err = EINVAL },
		{ "end half a granule in", .iova = p - odd, .length = 3 * p, .page_size = 2 * p,
		  .err = EINVAL },
		{ "granule twice the length", .iova = p - odd, .length = p, .page_size = 2 * p,
		  .err = EINVAL },
		{ "iova off by one", .iova = 1, .length = p, .page_size = p, .err = EINVAL },
		{ "length off by one", .length = p - 1, .page_size = p, .err = EINVAL },
		{ "length one more", .length = p + 1, .page_size = p, .err = EINVAL },
		{ "a byte long", .length = 1, .page_size = p, .err = EINVAL },
	};

	get_cases(&s, 0, rows, N(rows));
}

/* An end beyond 2^64. */
CT_TEST(range_wraps, "ABI-021")
{
	struct scene s;

	scene_open(&s);

	const u64 p = s.page;
	const struct get_case rows[] = {
		{ "a page too many", .iova = -p, .absolute = true, .length = 2 * p, .page_size = p,
		  .err = EOVERFLOW },
		{ "almost all", .iova = 2 * p, .absolute = true, .length = -p, .page_size = p,
		  .err = EOVERFLOW },
		{ "two halves", .iova = (1ULL << 63) + p, .absolute = true, .length = 1ULL << 63,
		  .page_size = p, .err = EOVERFLOW },
		{ "from the scene", .iova = p, .length = -p, .page_size = p, .err = EOVERFLOW },
	};

	get_cases(&s, 0, rows, N(rows));
}

/* An end of 2^64 exactly is the last page: mapped where hardware has it, else a
 * hole; in neither case an overflow. */
CT_TEST(range_ends_at_top, "ABI-022", .scope = CT_EACH_FORMAT)
{
	struct ct_bitmap b;
	struct scene s;
	u64 last;
	int ret;

	scene_open(&s, .no_map = true);
	last = -s.page;
	ct_bitmap_init(&b, 1, 0);
	ret = ct_get_bitmap(s.hwpt, 0, last, s.page, s.page, b.bytes);
	ct_check(ret == 0 || ret == -ENOENT, "the last page, unmapped: %s", ct_errno_name(ret));
	ct_check(ct_bitmap_count(&b) == 0, "the last page, unmapped, is reported");
	if (ct.config.format.aperture_last != UINT64_MAX)
		return;

	x(ct_map(s.ioas, s.mem, s.page, last));
	x(ct_dma_write(s.dev, 0, UINT64_MAX, "!", 1));
	x(ct_get_bitmap(s.hwpt, 0, last, s.page, s.page, b.bytes));
	ct_check(ct_bitmap_test(&b, 0), "a write to the last byte of all is not reported");
	x(ct_unmap(s.ioas, last, s.page, NULL));
}

/* A range finer than the IOAS's alignment; that is the smallest leaf of its
 * page tables, and never below PAGE_SIZE when large pages are off. */
CT_TEST(iova_alignment, "ABI-023", .scope = CT_EACH_FORMAT)
{
	struct iommu_ioas_iova_ranges cmd = { .size = sizeof(cmd) };
	struct iommu_iova_range ranges[64];
	struct scene s;
	u64 half, off = 0;

	scene_open(&s, .no_map = true);
	cmd.ioas_id = s.ioas;
	cmd.num_iovas = N(ranges);
	cmd.allowed_iovas = (u64)ranges;
	x(ct_ioctl(IOMMU_IOAS_IOVA_RANGES, &cmd));
	ct_check(cmd.out_iova_alignment == s.granule, "alignment %llu, the smallest leaf is %llu",
		 (unsigned long long)cmd.out_iova_alignment, (unsigned long long)s.granule);

	x(ct_map(s.ioas, s.mem, s.length, s.iova));
	half = s.granule / 2;

	const struct get_case rows[] = {
		{ "iova", .iova = half, .length = s.granule, .page_size = half, .err = EINVAL },
		{ "end", .length = half, .page_size = half, .err = EINVAL },
		{ "both", .iova = half, .length = half, .page_size = half, .err = EINVAL },
	};

	get_cases(&s, 0, rows, N(rows));

	x(ct_unmap(s.ioas, s.iova, s.length, NULL));
	x(ct_option(IOMMU_OPTION_HUGE_PAGES, s.ioas, IOMMU_OPTION_OP_SET, &off));
	cmd.num_iovas = N(ranges);
	x(ct_ioctl(IOMMU_IOAS_IOVA_RANGES, &cmd));
	ct_check(cmd.out_iova_alignment == s.page, "without large pages: alignment %llu, not %llu",
		 (unsigned long long)cmd.out_iova_alignment, (unsigned long long)s.page);
}
