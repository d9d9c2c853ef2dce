/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter ACCESS: in-kernel users of an IOAS, such as a mediated device's driver,
 * by the kernel's test interface. They reach memory with the processor, keep their
 * own log of what they write, and must neither disturb nor appear in a HWPT's.
 */
#include <sys/mman.h>

#include "ct.h"

/* The most that one scene has to pin here: 4 leaves of 2 MiB. */
#define LEAF_MAX_LG2 21

static const char *fits_an_access(const struct ct_config *config)
{
	return config->leaf_lg2 <= LEAF_MAX_LG2 ? NULL : "more than one access may pin";
}

static const char *granule_is_below_page(const struct ct_config *config)
{
	return config->format.granule_lg2 < 12 ? NULL : "IOVAs are aligned to pages anyway";
}

/* ---- the test interface, an operation a function ---- */

static int test_cmd(struct iommu_test_cmd *cmd)
{
	cmd->size = sizeof(*cmd);
	return ct_ioctl(IOMMU_TEST_CMD, cmd);
}

/* @pins: one that pins pages; else it only copies. */
static int access_create(u32 ioas, bool pins, u32 *access)
{
	struct iommu_test_cmd cmd = {
		.op = IOMMU_TEST_OP_CREATE_ACCESS,
		.id = ioas,
		.create_access.flags = pins ? MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES : 0,
	};
	int ret = test_cmd(&cmd);

	*access = ret ? 0 : cmd.create_access.out_access_fd;
	return ret;
}

/* Leaves where it was: the way out that every version has. */
static int access_move(u32 access, u32 ioas)
{
	struct iommu_test_cmd cmd = {
		.op = IOMMU_TEST_OP_ACCESS_REPLACE_IOAS,
		.id = access,
		.access_replace_ioas.ioas_id = ioas,
	};

	return test_cmd(&cmd);
}

/* @flags: enum of MOCK_ACCESS_RW_*. */
static int access_rw(u32 access, u32 flags, u64 iova, const void *buffer, u64 length)
{
	struct iommu_test_cmd cmd = {
		.op = IOMMU_TEST_OP_ACCESS_RW,
		.id = access,
		.access_rw = { .iova = iova,
			       .length = length,
			       .uptr = (uintptr_t)buffer,
			       .flags = flags },
	};

	return test_cmd(&cmd);
}

/* Pin [iova, + length) for writing; @va is where it must be. */
static int access_pin(u32 access, u64 iova, const void *va, u64 length, u32 *pin)
{
	struct iommu_test_cmd cmd = {
		.op = IOMMU_TEST_OP_ACCESS_PAGES,
		.id = access,
		.access_pages = { .flags = MOCK_FLAGS_ACCESS_WRITE,
				  .iova = iova,
				  .length = length,
				  .uptr = (uintptr_t)va },
	};
	int ret = test_cmd(&cmd);

	*pin = ret ? 0 : cmd.access_pages.out_access_pages_id;
	return ret;
}

static int access_unpin(u32 access, u32 pin)
{
	struct iommu_test_cmd cmd = {
		.op = IOMMU_TEST_OP_DESTROY_ACCESS_PAGES,
		.id = access,
		.destroy_access_pages.access_pages_id = pin,
	};

	return test_cmd(&cmd);
}

static u64 pinned_pages(void)
{
	struct iodirty_stats stats = { 0 };

	x(ct.t->driver->stats(ct.t, &stats));
	return stats.pinned_pages;
}

static void expect_pinned(u64 pages, const char *when)
{
	u64 now = pinned_pages();

	ct_check(now == pages, "%s: %llu pages are pinned, expected %llu", when,
		 (unsigned long long)now, (unsigned long long)pages);
}

/* ---- scenes of whole pages ---- */

/* One area; or, where configured leaves are below a page, one a page: no leaf is larger. */
static void map_pages(const struct scene *s)
{
	u64 area = ct.config.leaf_lg2 < 12 ? s->leaf : s->length;

	for (u64 at = 0; at < s->length; at += area)
		x(ct_map(s->ioas, s->mem + at, area, s->iova + at));
}

/*
 * At least four pages of page-aligned memory, as an access that pins needs. Leaves
 * below a page become pages.
 */
static void open_pages(struct scene *s, bool enable)
{
	scene_open(s, .leaves = ct.config.leaf_lg2 < 12 ? 8 : 4, .no_map = true,
		   .no_enable = !enable);
	if (s->leaf < s->page) {
		s->leaf = s->reach = s->page;
		s->mem = ct_memory(s->length, s->page, 0);
		s->truth = ct_shadow_new(s->iova, s->length, s->granule, s->reach);
	}
	map_pages(s);
}

static void expect_all(struct scene *s)
{
	scene_expect(s, 0, s->length, s->granule);
}

/* A quarter of the scene: a page or a leaf, whichever is larger. */
static u64 quarter(const struct scene *s)
{
	return s->length / 4;
}

/* The access writes @value at @offset, and memory has it. */
static void write_by_access(const struct scene *s, u32 access, u32 flags, u64 offset, u8 value)
{
	x(access_rw(access, MOCK_ACCESS_RW_WRITE | flags, s->iova + offset, &value, 1));
	ct_check(s->mem[offset] == value, "memory at offset %#llx is %#x, the access wrote %#x",
		 (unsigned long long)offset, s->mem[offset], value);
}

/* ---- not the HWPT's to report ---- */

/* Copies into memory by the access: there, and in nobody's bitmap. */
CT_TEST(access_writes, "ACCESS-001", .needs = TARGET_ACCESS, .scope = CT_EACH_LEAF,
	.requires = fits_an_access)
{
	struct scene s;
	u32 access;
	u8 byte = 0;

	open_pages(&s, true);
	x(access_create(s.ioas, false, &access));
	write_by_access(&s, access, 0, 0, 1);
	write_by_access(&s, access, MOCK_ACCESS_RW_SLOW_PATH, quarter(&s), 2);
	write_by_access(&s, access, 0, s.length - 1, 3);
	x(access_rw(access, 0, s.iova, &byte, 1));
	ct_check(byte == 1, "the access reads %#x where it wrote 1", byte);
	expect_all(&s);
	/* Nor does it hide or clean what the device wrote, the same page included. */
	scene_write(&s, 2 * quarter(&s), 1);
	write_by_access(&s, access, 0, 2 * quarter(&s), 4);
	write_by_access(&s, access, 0, 3 * quarter(&s), 5);
	expect_all(&s);
	write_by_access(&s, access, 0, 2 * quarter(&s), 6);
	expect_all(&s);
}

/* Pages pinned for writing, and written by the processor. */
CT_TEST(pinned_writes, "ACCESS-001", .needs = TARGET_ACCESS, .scope = CT_EACH_LEAF,
	.requires = fits_an_access)
{
	u32 access, pin, second;
	struct scene s;

	open_pages(&s, true);
	x(access_create(s.ioas, true, &access));
	scene_write(&s, 0, 1);
	x(access_pin(access, s.iova, s.mem, s.length, &pin));
	memset(s.mem, 0x5a, s.length);
	expect_all(&s);
	x(access_pin(access, s.iova + s.page, s.mem + s.page, s.page, &second));
	memset(s.mem, 0xa5, s.length);
	scene_write(&s, s.page, 1);
	x(access_unpin(access, pin));
	scene_expect_no_clear(&s, 0, s.length, s.granule);
	x(access_unpin(access, second));
	expect_all(&s);
}

/* An access there before tracking, one that comes and one that leaves during it:
 * tracking goes on and off, and every bit is where it belongs. */
CT_TEST(access_comes_and_goes, "ACCESS-002", .needs = TARGET_ACCESS, .scope = CT_EACH_FORMAT)
{
	u32 before, during, elsewhere, pin;
	struct scene s;

	open_pages(&s, false);
	x(ct_ioas_alloc(&elsewhere));
	x(access_create(s.ioas, true, &before));
	x(access_pin(before, s.iova, s.mem, s.page, &pin));
	x(ct_set_tracking(s.hwpt, true));
	scene_write(&s, 0, 1);
	x(access_create(s.ioas, true, &during));
	scene_write(&s, quarter(&s), 1);
	expect_all(&s);
	scene_write(&s, 0, 1);
	x(access_move(before, elsewhere));
	scene_write(&s, 2 * quarter(&s), 1);
	expect_all(&s);
	x(access_pin(during, s.iova, s.mem, s.length, &pin));
	x(ct_set_tracking(s.hwpt, false));
	x(ct_set_tracking(s.hwpt, true));
	scene_write(&s, 0, 1);
	x(access_move(during, elsewhere));
	expect_all(&s);
}

/* ---- alignment ---- */

/* An access that pins wants pages: while it is there a harvest of less is refused,
 * and costs nothing; one that copies does not mind. */
CT_TEST(access_alignment, "ACCESS-003", .needs = TARGET_ACCESS, .scope = CT_EACH_FORMAT,
	.requires = granule_is_below_page)
{
	u32 pinning, copying, elsewhere;
	struct ct_bitmap b;
	struct scene s;
	u64 half;

	open_pages(&s, true);
	half = s.page / 2;
	x(ct_ioas_alloc(&elsewhere));
	x(access_create(s.ioas, false, &copying));
	scene_write(&s, half, 1);
	scene_expect_no_clear(&s, half, half, half);
	x(access_create(s.ioas, true, &pinning));
	ct_bitmap_init_guarded(&b, 2);
	x_err(EINVAL, scene_get(&s, 0, half, half, half, b.bytes));
	x_err(EINVAL, scene_get(&s, 0, 0, half, half, b.bytes));
	x_err(EINVAL, scene_get(&s, 0, half, s.page, half, b.bytes));
	ct_check(ct_bitmap_count(&b) == 0, "a refused harvest wrote to the bitmap");
	ct_bitmap_check_guards(&b);
	/* Whole pages are fine, in pieces of any size; so it was not lost. */
	scene_expect_no_clear(&s, 0, s.page, half);
	x(access_move(pinning, elsewhere));
	scene_expect(&s, half, half, half);
	expect_all(&s);
}

/* It does not get in while something is mapped on less than a page. */
CT_TEST(access_alignment_in_use, "ACCESS-003", .needs = TARGET_ACCESS, .scope = CT_EACH_FORMAT,
	.requires = granule_is_below_page)
{
	struct scene s;
	u32 access;
	u64 half;

	open_pages(&s, true);
	half = s.page / 2;
	x(ct_map(s.ioas, s.mem, half, s.iova + s.length + half));
	x_err(EADDRINUSE, access_create(s.ioas, true, &access));
	scene_write(&s, half, 1);
	scene_expect(&s, half, half, half);
	x(ct_unmap(s.ioas, s.iova + s.length + half, half, NULL));
	x(access_create(s.ioas, true, &access));
	x_err(EINVAL, ct_map(s.ioas, s.mem, half, s.iova + s.length + half));
}

/* ---- pins ---- */

/* Unmap asks the access to let go, waits, and leaves nothing: no pin, no bit. */
CT_TEST(unmap_pinned, "ACCESS-004", .needs = TARGET_ACCESS, .scope = CT_EACH_LEAF,
	.requires = fits_an_access)
{
	u32 access, pins[3];
	struct scene s;
	u64 unmapped;

	open_pages(&s, true);
	x(access_create(s.ioas, true, &access));
	x(access_pin(access, s.iova, s.mem, s.length, &pins[0]));
	x(access_pin(access, s.iova + s.page, s.mem + s.page, s.page, &pins[1]));
	x(access_pin(access, s.iova + s.page, s.mem + s.page, s.page, &pins[2]));
	scene_write(&s, 0, 1);
	scene_write(&s, quarter(&s), 1);
	x(ct_unmap(s.ioas, s.iova, s.length, &unmapped));
	ct_check(unmapped == s.length, "unmapped %llu of %llu bytes", (unsigned long long)unmapped,
		 (unsigned long long)s.length);
	for (unsigned int i = 0; i < 3; i++)
		x_err(ENOENT, access_unpin(access, pins[i]));
	if (ct.t->caps & TARGET_STATS)
		expect_pinned(0, "unmapped");
	x_err(ENOENT, access_pin(access, s.iova, s.mem, s.page, &pins[0]));
	scene_expect_hole(&s, s.hwpt, 0, s.length);

	map_pages(&s);
	scene_forget(&s, 0, s.length);
	expect_all(&s);
	scene_write(&s, 2 * quarter(&s), 1);
	x(access_pin(access, s.iova, s.mem, s.length, &pins[0]));
	expect_all(&s);
}

/* Unmapping one area leaves pins and bits of its neighbour. */
CT_TEST(unmap_neighbour, "ACCESS-004", .needs = TARGET_ACCESS, .scope = CT_EACH_FORMAT)
{
	u32 access, pin, other;
	struct scene s;

	open_pages(&s, true);
	x(ct_map(s.ioas, s.mem, s.page, s.iova + s.length));
	x(access_create(s.ioas, true, &access));
	x(access_pin(access, s.iova, s.mem, s.length, &pin));
	x(access_pin(access, s.iova + s.length, s.mem, s.page, &other));
	scene_write(&s, 0, 1);
	x(ct_unmap(s.ioas, s.iova + s.length, s.page, NULL));
	x_err(ENOENT, access_unpin(access, other));
	expect_all(&s);
	x(access_unpin(access, pin));
}

/* A page pinned by a HWPT and by accesses counts once, and until the last goes. */
CT_TEST(pins_count_once, "ACCESS-005", .scope = CT_EACH_FORMAT,
	.needs = TARGET_ACCESS | TARGET_STATS)
{
	u32 access, pins[2];
	struct scene s;
	u64 pages;

	open_pages(&s, true);
	pages = s.length / 4096;
	expect_pinned(pages, "mapped");
	x(access_create(s.ioas, true, &access));
	x(access_pin(access, s.iova, s.mem, s.length, &pins[0]));
	x(access_pin(access, s.iova + s.page, s.mem + s.page, s.page, &pins[1]));
	expect_pinned(pages, "mapped and pinned");
	x(access_unpin(access, pins[0]));
	expect_pinned(pages, "mapped, one page pinned");
	/* Without a HWPT, what the access has pinned is what counts. */
	x(ct_detach(s.dev, 0));
	x(ct_destroy(s.hwpt));
	expect_pinned(s.page / 4096, "one page pinned");
	x(access_pin(access, s.iova, s.mem, s.length, &pins[0]));
	expect_pinned(pages, "all pinned, one page twice");
	x(access_unpin(access, pins[1]));
	expect_pinned(pages, "all pinned");
	x(access_unpin(access, pins[0]));
	expect_pinned(0, "nothing pinned");
}

/* ---- errors ---- */

/* What an access cannot reach is an error, each with its errno, and no change. */
CT_TEST(access_errors, "ACCESS-006", .needs = TARGET_ACCESS, .scope = CT_EACH_FORMAT)
{
	const u32 write = MOCK_ACCESS_RW_WRITE;
	u8 buffer[64] = { 1, 2, 3 };
	u32 access, pinning, pin;
	struct scene s;
	u64 readonly;
	u8 *bad;

	open_pages(&s, true);
	bad = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ct_check(bad != MAP_FAILED, "no address space");
	readonly = s.iova + s.length;
	x(ct_map_flags(s.ioas, IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE, s.mem, s.page,
		       &readonly));
	x(access_create(s.ioas, false, &access));
	x(access_create(s.ioas, true, &pinning));
	scene_write(&s, 0, 1);

	for (u32 path = 0; path <= MOCK_ACCESS_RW_SLOW_PATH; path += MOCK_ACCESS_RW_SLOW_PATH) {
		x_err(ENOENT, access_rw(access, path, readonly + s.page, buffer, 1));
		x_err(ENOENT, access_rw(access, path, s.iova - 1, buffer, 2));
		x_err(ENOENT, access_rw(access, path | write, readonly + s.page, buffer, 1));
		x_err(EPERM, access_rw(access, path | write, readonly, buffer, 1));
		x_err(EPERM, access_rw(access, path | write, readonly - 1, buffer, 2));
		x_err(EFAULT, access_rw(access, path, s.iova, bad, 1));
		x_err(EFAULT, access_rw(access, path | write, s.iova, bad, 1));
		x_err(EINVAL, access_rw(access, path, s.iova, buffer, 0));
		x_err(EINVAL, access_rw(access, path | write, s.iova, buffer, 0));
		x_err(EOVERFLOW, access_rw(access, path, ~0ull, buffer, 2));
		x(access_rw(access, path, readonly - 1, buffer, 2));
	}
	x_err(EPERM, access_pin(pinning, readonly, s.mem, s.page, &pin));
	x_err(EPERM, access_pin(pinning, s.iova, s.mem, s.length + s.page, &pin));
	x_err(ENOENT, access_pin(pinning, readonly + s.page, s.mem, s.page, &pin));
	x_err(EINVAL, access_pin(pinning, s.iova, s.mem, 0, &pin));
	x_err(EOPNOTSUPP, access_pin(access, s.iova, s.mem, s.page, &pin));
	x_err(ENOENT, access_unpin(pinning, 12345));
	if (ct.t->caps & TARGET_STATS)
		/* Its own pages, and the area that maps one of them again. */
		expect_pinned((s.length + s.page) / 4096, "every pin was refused");
	scene_write(&s, quarter(&s), 1);
	expect_all(&s);
}

/* ---- moving ---- */

/* To another IOAS: it lets go of what it had pinned, reaches the memory there, and
 * the old one's tracking does not notice. */
CT_TEST(access_moves, "ACCESS-007", .needs = TARGET_ACCESS, .scope = CT_EACH_FORMAT)
{
	u32 access, other, pin;
	u8 byte = 7, *mem;
	struct scene s;
	u64 pages;

	open_pages(&s, true);
	pages = s.length / 4096;
	x(ct_ioas_alloc(&other));
	mem = ct_memory(s.length, 4096, 0);
	x(ct_map(other, mem, s.length, s.iova));
	x(access_create(s.ioas, true, &access));
	x(access_pin(access, s.iova, s.mem, s.length, &pin));
	scene_write(&s, 0, 1);
	x_err(ENOENT, access_move(access, 0x7fffffff));
	x(access_unpin(access, pin));
	x(access_pin(access, s.iova, s.mem, s.length, &pin));
	x(access_move(access, other));
	x_err(ENOENT, access_unpin(access, pin));
	x(access_rw(access, MOCK_ACCESS_RW_WRITE, s.iova, &byte, 1));
	ct_check(mem[0] == 7 && s.mem[0] != 7, "the access still writes to the IOAS that it left");
	scene_write(&s, quarter(&s), 1);
	expect_all(&s);
	x(access_pin(access, s.iova, mem, s.length, &pin));
	if (ct.t->caps & TARGET_STATS)
		expect_pinned(2 * pages, "one IOAS under a HWPT, one pinned");
	/* The IOAS that it left can go. */
	x(ct_detach(s.dev, 0));
	x(ct_destroy(s.hwpt));
	x(ct_destroy(s.ioas));
	x_err(EBUSY, ct_destroy(other));
}

/* ---- accounting ---- */

/* The limit is lowered to nothing: what is charged already can be pinned, and pinned
 * again, as it costs no more; what is not cannot. */
CT_TEST(pin_under_lowered_limit, "ACCESS-008", .needs = TARGET_ACCESS | TARGET_MEMLOCK,
	.scope = CT_EACH_FORMAT)
{
	u32 access, pin, again, other;
	struct scene s;

	open_pages(&s, true);
	x(access_create(s.ioas, true, &access));
	x(ct.t->driver->memlock(ct.t, 0));
	scene_write(&s, 0, 1);
	x(access_pin(access, s.iova, s.mem, s.page, &pin));
	x_err(ENOMEM, ct_map(s.ioas, s.mem, s.page, s.iova + s.length));
	expect_all(&s);
	/* Charged to the pin alone. */
	x(ct_detach(s.dev, 0));
	x(ct_destroy(s.hwpt));
	x(access_pin(access, s.iova, s.mem, s.page, &again));
	x_err(ENOMEM, access_pin(access, s.iova + s.page, s.mem + s.page, s.page, &other));
	x(access_unpin(access, pin));
	x(access_unpin(access, again));
	x_err(ENOMEM, access_pin(access, s.iova, s.mem, s.page, &pin));
}
