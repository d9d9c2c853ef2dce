/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter COMPAT, type1: the container that unmaps in the middle of a mapping.
 * The parts that stay are mapped, tracked and pinned as before, and not one of
 * their dirty bits may go with the part that went.
 */
#include "compat.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* A part, by offset and length: the middle, the front, the end, a page beside. */
struct part {
	u64 offset, length;
};

enum { PARTS = 4 };

static void parts_of(const struct scene *s, struct part *parts)
{
	u64 q = s->length / 4;

	parts[0] = (struct part){ q, q };
	parts[1] = (struct part){ 0, s->page };
	parts[2] = (struct part){ s->length - q / 2, q / 2 };
	parts[3] = (struct part){ 2 * q, s->page };
}

static bool in_parts(const struct part *parts, int n, u64 offset)
{
	for (int i = 0; i < n; i++)
		if (offset - parts[i].offset < parts[i].length)
			return true;
	return false;
}

/* The first offset from @at on that is in the parts, or is not; at most the length. */
static u64 next_edge(const struct scene *s, const struct part *parts, int n, u64 at, bool in)
{
	while (at < s->length && in_parts(parts, n, at) != in)
		at += s->page;
	return at;
}

/* Harvest all that is left beside the first @n parts, stretch by stretch. */
static void expect_rest(struct scene *s, const struct part *parts, int n, bool clear)
{
	u64 at = next_edge(s, parts, n, 0, false);

	while (at < s->length) {
		u64 end = next_edge(s, parts, n, at, true);

		if (clear)
			scene_expect(s, at, end - at, s->granule);
		else
			scene_expect_no_clear(s, at, end - at, s->granule);
		at = next_edge(s, parts, n, end, false);
	}
}

/* Writes all over, and on both sides of every place where a cut will be. */
static void write_edges(struct scene *s, const struct part *parts, int gone)
{
	for (int i = 0; i < PARTS; i++) {
		const u64 at[] = { parts[i].offset - 1, parts[i].offset,
				   parts[i].offset + parts[i].length - 1,
				   parts[i].offset + parts[i].length };

		for (size_t j = 0; j < N(at); j++)
			if (at[j] < s->length && !in_parts(parts, gone, at[j]))
				scene_write(s, at[j], 1);
	}
	for (u64 at = 12345; at < s->length; at += 99999)
		if (!in_parts(parts, gone, at))
			scene_write(s, at, 1);
}

/* ---- what is gone, what is there ---- */

CT_TEST(part_goes, "COMPAT-017", .needs = TARGET_VFIO_COMPAT, .scope = CT_EACH_FORMAT)
{
	struct part parts[PARTS];
	struct scene s;

	open_container(&s, VFIO_TYPE1_IOMMU, true);
	parts_of(&s, parts);
	scene_write(&s, 0, s.length); /* the IOTLB has it all */
	for (int i = 0; i < PARTS; i++) {
		unmap_part(&s, parts[i].offset, parts[i].length);
		for (int j = 0; j <= i; j++)
			expect_gone(&s, parts[j].offset, parts[j].length);
		for (u64 at = 0; at < s.length; at += s.page)
			if (!in_parts(parts, i + 1, at))
				expect_there(&s, at + s.page - 1);
	}
	/* A range over all that is left, cuts at neither end. */
	x(vfio_unmap(0, s.iova, s.length, NULL));
	expect_gone(&s, 0, s.length);
}

/* A part mapped anew is clean, and tracked as its neighbours are. */
CT_TEST(part_comes_back, "COMPAT-018", .needs = TARGET_VFIO_COMPAT, .scope = CT_EACH_FORMAT)
{
	struct part parts[PARTS];
	struct scene s;

	open_container(&s, VFIO_TYPE1_IOMMU, true);
	parts_of(&s, parts);
	for (int i = 0; i < PARTS; i++) {
		u64 at = parts[i].offset;

		write_edges(&s, parts, 0);
		unmap_part(&s, at, parts[i].length);
		x(vfio_map(READ | WRITE, s.mem + at, parts[i].length, s.iova + at));
		scene_expect_no_clear(&s, 0, s.length, s.granule);
		expect_there(&s, at);
		scene_expect(&s, 0, s.length, s.granule);
	}
}

/* The parts are as good as mappings of their own: what fills another page table, or
 * is copied, comes from the memory that was always there. */
CT_TEST(part_is_a_mapping, "COMPAT-019", .needs = TARGET_VFIO_COMPAT | TARGET_DMA,
	.scope = CT_EACH_FORMAT)
{
	u64 q, there[4], elsewhere;
	u32 second, hwpt;
	struct scene s;

	open_container(&s, VFIO_TYPE1_IOMMU, true);
	q = s.length / 4;
	unmap_part(&s, q, q);
	elsewhere = s.iova + s.length + s.iova % 4096;
	x(ct_copy(s.ioas, elsewhere, s.ioas, s.iova + 2 * q, q,
		  IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE));
	x(ct_plug(0, &second));
	x(ct_hwpt_alloc(second, s.ioas, 0, &hwpt));
	x(ct_attach(second, 0, hwpt));
	there[0] = 0;
	there[1] = q - 1;
	there[2] = 2 * q;
	there[3] = s.length - 1;
	for (size_t i = 0; i < N(there); i++) {
		u8 byte = 0x30 + i;

		x(ct_dma_write(second, 0, s.iova + there[i], &byte, 1));
		ct_check(s.mem[there[i]] == byte, "a new HWPT has other memory at offset %#" PRIx64,
			 there[i]);
	}
	x_err(EFAULT, ct_dma_write(second, 0, s.iova + q, "?", 1));
	x(ct_dma_write(s.dev, 0, elsewhere + 5, "!", 1));
	ct_check(s.mem[2 * q + 5] == '!', "a copy of a part has other memory");
	/* And whole areas to IOAS_UNMAP. */
	x(ct_unmap(s.ioas, s.iova, q, NULL));
	x(ct_unmap(s.ioas, s.iova + 2 * q, 2 * q, NULL));
}

/* ---- dirty bits ---- */

/* With bits not yet reported, reported once, and set afterwards. */
CT_TEST(neighbours_keep_bits, "COMPAT-020", .needs = TARGET_VFIO_COMPAT, .scope = CT_EACH_FORMAT)
{
	struct part parts[PARTS];
	struct scene s;

	open_container(&s, VFIO_TYPE1_IOMMU, true);
	parts_of(&s, parts);
	for (int i = 0; i < PARTS; i++) {
		write_edges(&s, parts, i);
		unmap_part(&s, parts[i].offset, parts[i].length);
		expect_rest(&s, parts, i + 1, false);
		write_edges(&s, parts, i + 1);
		expect_rest(&s, parts, i + 1, i % 2);
	}
	expect_rest(&s, parts, PARTS, true);
	expect_rest(&s, parts, PARTS, true);
}

/* Every HWPT over the address space has bits of its own. */
CT_TEST(neighbours_keep_bits_of_two, "COMPAT-020", .needs = TARGET_VFIO_COMPAT,
	.scope = CT_EACH_FORMAT)
{
	struct part parts[PARTS];
	struct scene s, other;

	open_container(&s, VFIO_TYPE1_IOMMU, true);
	scene_beside(&other, &s, s.ioas);
	parts_of(&s, parts);
	write_edges(&s, parts, 0);
	for (u64 at = 0; at < s.length; at += 77777)
		scene_write(&other, at, 1);
	for (int i = 0; i < PARTS; i++) {
		unmap_part(&s, parts[i].offset, parts[i].length);
		scene_forget(&other, parts[i].offset, parts[i].length);
	}
	expect_rest(&s, parts, PARTS, true);
	expect_rest(&other, parts, PARTS, false);
	write_edges(&s, parts, PARTS);
	expect_rest(&s, parts, PARTS, true);
	expect_rest(&other, parts, PARTS, true);
}

/* What one part loses goes with that part alone while a device writes all the time. */
CT_TEST(neighbours_keep_bits_under_dma, "COMPAT-021", .needs = TARGET_VFIO_COMPAT | TARGET_STREAM,
	.scope = CT_EACH_FORMAT, .concurrent = true)
{
	struct iodirty_stream_start start = { .pattern = IODIRTY_PATTERN_SEQUENTIAL };
	struct iodirty_stream_query query = { .flags = IODIRTY_STREAM_STOP };
	struct scene s;
	u64 half, quarter;

	open_container(&s, VFIO_TYPE1_IOMMU, true);
	half = s.length / 2;
	quarter = half / 2;
	/* Every page of the first half, once; the second half goes meanwhile. */
	start.dev_id = s.dev;
	start.iova = s.iova;
	start.length = half;
	start.stride = s.granule;
	start.count = half / s.granule;
	x(ct.t->driver->stream_start(ct.t, &start));
	scene_mark(&s, 0, half);
	for (u64 at = half; at < s.length; at += quarter / 16)
		unmap_part(&s, at, quarter / 16);
	query.stream_id = start.out_stream_id;
	do {
		query.flags = 0;
		x(ct.t->driver->stream_query(ct.t, &query));
	} while (query.out_completed < start.count && !query.out_faults);
	query.flags = IODIRTY_STREAM_STOP;
	x(ct.t->driver->stream_query(ct.t, &query));
	ct_check(query.out_faults == 0, "%llu faults of the device in the half that stays",
		 query.out_faults);
	scene_expect(&s, 0, half, s.granule);
	scene_expect(&s, 0, half, s.granule);
}

/* ---- pins and errors ---- */

static u64 pinned(void)
{
	struct iodirty_stats stats = { 0 };

	x(ct.t->driver->stats(ct.t, &stats));
	return stats.pinned_pages;
}

/* What is left is pinned for every HWPT, until it is gone; and then nothing is. */
CT_TEST(parts_stay_pinned, "COMPAT-022", .needs = TARGET_VFIO_COMPAT | TARGET_STATS,
	.scope = CT_EACH_FORMAT)
{
	u64 q, before, pages;
	struct scene s;
	u32 second;

	open_container(&s, VFIO_TYPE1_IOMMU, false);
	q = s.length / 4;
	x(ct_hwpt_alloc(s.dev, s.ioas, 0, &second));
	before = pinned();
	if (ct.t->caps & TARGET_MEMLOCK)
		x(ct.t->driver->memlock(ct.t, s.length));
	for (int round = 0; round < 3; round++) {
		x(vfio_map(READ | WRITE, s.mem, s.length, s.iova));
		unmap_part(&s, q, q);
		unmap_part(&s, 0, q);
		pages = pinned() - before;
		ct_check(pages >= 2 * q / 4096,
			 "%" PRIu64 " pages are pinned, %" PRIu64 " are mapped", pages,
			 2 * q / 4096);
		expect_there(&s, 2 * q);
		expect_there(&s, s.length - 1);
		unmap_part(&s, 3 * q, q);
		expect_there(&s, 2 * q);
		scene_expect(&s, 2 * q, q, s.granule);
		unmap_part(&s, 2 * q, q);
		ct_check(pinned() == before, "%" PRIu64 " pages are left pinned",
			 pinned() - before);
	}
}

/* All of it is mapped, with all its bits, and tracked. */
static void expect_untouched(struct scene *s)
{
	scene_expect_no_clear(s, 0, s->length, s->granule);
	expect_there(s, s->length / 2);
}

CT_TEST(cut_refused, "COMPAT-023", .needs = TARGET_VFIO_COMPAT, .scope = CT_EACH_FORMAT)
{
	struct scene s;
	u64 q;

	open_container(&s, VFIO_TYPE1_IOMMU, true);
	q = s.length / 4;
	for (u64 at = 0; at < s.length; at += q / 2)
		scene_write(&s, at, 1);
	x_err(EINVAL, vfio_unmap(0, s.iova + q + 2048, q, NULL));
	x_err(EINVAL, vfio_unmap(0, s.iova + q, q + 2048, NULL));
	x_err(EINVAL, vfio_unmap(0, s.iova + q + 2048, q - 2048, NULL));
	x_err(EINVAL, vfio_unmap(0, s.iova, 2048, NULL));
	x_err(EINVAL, vfio_unmap(0, s.iova + q, 0, NULL));
	x_err(EOVERFLOW, vfio_unmap(0, s.iova + q, -q, NULL));
	expect_untouched(&s);
	scene_expect(&s, 0, s.length, s.granule);
}

/* The refused unmap has not cut at the end that it could. */
CT_TEST(cut_refused_whole, "COMPAT-024", .needs = TARGET_VFIO_COMPAT)
{
	struct scene s;
	u64 q;

	open_container(&s, VFIO_TYPE1_IOMMU, true);
	q = s.length / 4;
	x_err(EINVAL, vfio_unmap(0, s.iova + q, q + 2048, NULL));
	x_err(EINVAL, vfio_unmap(0, s.iova + q + 2048, q - 2048, NULL));
	x_err(ENOENT, ct_unmap(s.ioas, s.iova, q, NULL));
	x_err(ENOENT, ct_unmap(s.ioas, s.iova + q, 3 * q, NULL));
	x_err(ENOENT, ct_unmap(s.ioas, s.iova + 2 * q, 2 * q, NULL));
	x(ct_unmap(s.ioas, s.iova, s.length, NULL));
}

static int test_cmd(struct iommu_test_cmd *cmd)
{
	cmd->size = sizeof(*cmd);
	return ct_ioctl(IOMMU_TEST_CMD, cmd);
}

/* A pin may lie across the cut: it is refused, and the pin goes on. */
CT_TEST(cut_under_pin, "COMPAT-025", .needs = TARGET_VFIO_COMPAT | TARGET_ACCESS,
	.scope = CT_EACH_FORMAT)
{
	struct iommu_test_cmd create = {
		.op = IOMMU_TEST_OP_CREATE_ACCESS,
		.create_access.flags = MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES,
	};
	struct iommu_test_cmd pin = { .op = IOMMU_TEST_OP_ACCESS_PAGES };
	struct iommu_test_cmd unpin = { .op = IOMMU_TEST_OP_DESTROY_ACCESS_PAGES };
	struct scene s;
	u64 q;

	open_container(&s, VFIO_TYPE1_IOMMU, true);
	q = s.length / 4;
	create.id = s.ioas;
	x(test_cmd(&create));
	pin.id = unpin.id = create.create_access.out_access_fd;
	pin.access_pages.flags = MOCK_FLAGS_ACCESS_WRITE;
	pin.access_pages.iova = s.iova + q - 4096;
	pin.access_pages.length = 8192;
	pin.access_pages.uptr = (uintptr_t)s.mem + q - 4096;
	x(test_cmd(&pin));
	unpin.destroy_access_pages.access_pages_id = pin.access_pages.out_access_pages_id;
	scene_write(&s, q - 1, 2);
	x_err(EINVAL, vfio_unmap(0, s.iova + q, q, NULL));
	x_err(EINVAL, vfio_unmap(0, s.iova, q, NULL));
	expect_untouched(&s);
	/* It was not told to let go: its pin is still there to be undone. */
	x(test_cmd(&unpin));
	unmap_part(&s, q, q);
	scene_expect(&s, 0, q, s.granule);
	scene_expect(&s, 2 * q, 2 * q, s.granule);
}

/* ---- failures injected ---- */

/*
 * One failure in every place, one after the other. The part is there whole or gone
 * whole, nothing else has changed, and the call, repeated, finishes.
 */
CT_TEST(unmap_fails, "COMPAT-026", .needs = TARGET_VFIO_COMPAT | TARGET_FAIL_NTH,
	.scope = CT_EACH_FORMAT)
{
	struct ct_bitmap b;
	u32 left = 0, failures = 0;
	struct scene s;
	u64 q, size;

	open_container(&s, VFIO_TYPE1_IOMMU, false);
	q = s.length / 4;
	ct_bitmap_init(&b, q / s.page, 0);
	for (u32 nth = 1; !left; nth++) {
		bool gone;
		int ret;

		x(vfio_map(READ | WRITE, s.mem, s.length, s.iova));
		for (u64 at = 0; at < s.length; at += q / 2)
			scene_write(&s, at, 1);
		x(ct.t->driver->fail_nth(ct.t, nth, &left));
		ret = vfio_unmap(0, s.iova + q, q, NULL);
		x(ct.t->driver->fail_nth(ct.t, 0, &left));
		failures += ret != 0;
		/* It was written to: where it is still mapped, there are bits. */
		gone = ct_get_bitmap(s.hwpt, IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR, s.iova + q, q,
				     s.page, b.bytes) == -ENOENT ||
		       !ct_bitmap_count(&b);
		ct_bitmap_fill(&b, 0);
		ct_check(ret || gone, "unmapped, and it is still there");
		if (gone) {
			expect_gone(&s, q, q);
			scene_forget(&s, q, q);
		} else {
			scene_expect_no_clear(&s, q, q, s.granule);
		}
		x(vfio_unmap(0, s.iova + q, q, &size));
		ct_check(size == (gone ? 0 : q), "0x%" PRIx64 " bytes unmapped", size);
		scene_forget(&s, q, q);
		scene_expect(&s, 0, q, s.granule);
		scene_expect(&s, 2 * q, 2 * q, s.granule);
		x(vfio_unmap(0, s.iova, s.length, &size));
		ct_check(size == 3 * q, "0x%" PRIx64 " bytes of the rest unmapped", size);
	}
	ct_check(failures >= 3, "only %u failures could be made", failures);
	ct_measure("calls failed", failures, "1");
}

CT_TEST(map_fails, "COMPAT-027", .needs = TARGET_VFIO_COMPAT | TARGET_FAIL_NTH,
	.scope = CT_EACH_FORMAT)
{
	u32 left = 0, failures = 0;
	struct scene s;
	u64 half;

	open_container(&s, VFIO_TYPE1_IOMMU, false);
	half = s.length / 2;
	x(vfio_map(READ | WRITE, s.mem, half, s.iova));
	for (u32 nth = 1; !left; nth++) {
		int ret;

		scene_write(&s, 0, 1);
		scene_write(&s, half - 1, 1);
		x(ct.t->driver->fail_nth(ct.t, nth, &left));
		ret = vfio_map(READ | WRITE, s.mem + half, half, s.iova + half);
		x(ct.t->driver->fail_nth(ct.t, 0, &left));
		if (ret) {
			failures++;
			expect_gone(&s, half, half);
			scene_expect_no_clear(&s, 0, half, s.granule);
			x(vfio_map(READ | WRITE, s.mem + half, half, s.iova + half));
		}
		expect_there(&s, s.length - 1);
		scene_expect(&s, 0, s.length, s.granule);
		unmap_part(&s, half, half);
	}
	ct_check(failures >= 3, "only %u failures could be made", failures);
	ct_measure("calls failed", failures, "1");
}
