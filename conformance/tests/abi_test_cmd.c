/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapters ABI and LEAF: what the kernel's test interface shows that no other call
 * does: which pages are held and translated to, and how large the mock's leaves are.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "bits.h"
#include "nest.h"

/* Of the processor, or the granule of the IOMMU if that is larger. */
#define PAGE page_size()
#define PAGES 4
#define IOVA ((u64)MOCK_APERTURE_START) /* within what every format translates */

static u64 page_size(void)
{
	return highest((u64)1 << ct.config.format.granule_lg2, 4096);
}

static int test_cmd(struct iommu_test_cmd *cmd)
{
	cmd->size = sizeof(*cmd);
	return ct_ioctl(IOMMU_TEST_CMD, cmd);
}

/* ---- who holds a page ---- */

static int check_refs(const void *va, u64 length, u32 refs)
{
	struct iommu_test_cmd cmd = {
		.op = IOMMU_TEST_OP_MD_CHECK_REFS,
		.check_refs = { .length = length, .uptr = (uintptr_t)va, .refs = refs },
	};

	return test_cmd(&cmd);
}

/* Exactly so many: a check that takes any number would show nothing. */
static void expect_refs(const void *va, u64 pages, u32 refs, const char *when)
{
	for (u32 n = 0; n <= refs + 1; n++) {
		int ret = check_refs(va, pages * PAGE, n);

		ct_check(ret == (n == refs ? 0 : -EIO), "%s: held %u times, asked for %u: %s", when,
			 refs, n, ct_errno_name(ret));
	}
}

/* HWPTs, copies and descriptors of one mapping share its pins. */
static void refs_of(u8 *mem, u32 ioas, u32 dev)
{
	u32 hwpts[3], copy;

	expect_refs(mem, PAGES, 0, "mapped, without a HWPT");
	x(ct_hwpt_alloc(dev, ioas, 0, &hwpts[0]));
	expect_refs(mem, PAGES, 1, "one HWPT");
	x(ct_hwpt_alloc(dev, ioas, 0, &hwpts[1]));
	expect_refs(mem, PAGES, 1, "two HWPTs");

	x(ct_ioas_alloc(&copy));
	x(ct_copy(copy, IOVA, ioas, IOVA, PAGES * PAGE,
		  IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE));
	x(ct_hwpt_alloc(dev, copy, 0, &hwpts[2]));
	expect_refs(mem, PAGES, 1, "a copy under a HWPT of its own");
	x(ct_destroy(hwpts[0]));
	x(ct_destroy(hwpts[1]));
	expect_refs(mem, PAGES, 1, "the copy alone");

	/* A second mapping of two of the pages is a second holder of those. */
	x(ct_map(copy, mem + PAGE, 2 * PAGE, IOVA + PAGES * PAGE));
	expect_refs(mem, 1, 1, "before the second mapping");
	expect_refs(mem + PAGE, 2, 2, "in the second mapping");
	expect_refs(mem + 3 * PAGE, 1, 1, "behind the second mapping");
	x(ct_unmap(copy, IOVA + PAGES * PAGE, 2 * PAGE, NULL));
	expect_refs(mem, PAGES, 1, "the second mapping gone");
	x(ct_destroy(hwpts[2]));
	expect_refs(mem, PAGES, 0, "no HWPT left");
}

CT_TEST(refs_count_mappings, "ABI-041", .scope = CT_EACH_FORMAT, .needs = TARGET_TEST_DIRTY)
{
	u8 *mem = ct_memory(PAGES * PAGE, PAGE, 0);
	u32 ioas, dev;

	x(ct_ioas_alloc(&ioas));
	x(ct_plug(0, &dev));
	expect_refs(mem, PAGES, 0, "not mapped");
	x(ct_map(ioas, mem, PAGES * PAGE, IOVA));
	refs_of(mem, ioas, dev);
}

/* A page of a file is the same one through any mapping of it, ours or none. */
CT_TEST(refs_count_file_pages, "ABI-041", .scope = CT_EACH_FORMAT, .needs = TARGET_TEST_DIRTY)
{
	int memfd = ct_memfd(2 * PAGES * PAGE);
	u64 iova = IOVA;
	u32 ioas, dev;
	u8 *mem;

	/* The file's second half: an offset that is forgotten shows. */
	mem = mmap(ct_memory(PAGES * PAGE, PAGE, 0), PAGES * PAGE, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_FIXED, memfd, PAGES * PAGE);
	ct_check(mem != MAP_FAILED, "mmap: %s", ct_errno_name(errno));
	x(ct_ioas_alloc(&ioas));
	x(ct_plug(0, &dev));
	x(ct_map_file(ioas,
		      IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			      IOMMU_IOAS_MAP_WRITEABLE,
		      memfd, PAGES * PAGE, PAGES * PAGE, &iova));
	refs_of(mem, ioas, dev);
}

CT_TEST(refs_count_accesses, "ABI-041", .needs = TARGET_TEST_DIRTY | TARGET_ACCESS)
{
	struct iommu_test_cmd create = {
		.op = IOMMU_TEST_OP_CREATE_ACCESS,
		.create_access.flags = MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES,
	};
	struct iommu_test_cmd pins[2], unpin = { .op = IOMMU_TEST_OP_DESTROY_ACCESS_PAGES };
	u8 *mem = ct_memory(PAGES * PAGE, PAGE, 0);
	u32 ioas, dev, hwpt;

	x(ct_ioas_alloc(&ioas));
	x(ct_plug(0, &dev));
	x(ct_map(ioas, mem, PAGES * PAGE, IOVA));
	create.id = ioas;
	x(test_cmd(&create));
	unpin.id = create.create_access.out_access_fd;
	/* Pages 1 and 2, then 2 and 3. */
	for (u32 i = 0; i < 2; i++) {
		pins[i] = (struct iommu_test_cmd){
			.op = IOMMU_TEST_OP_ACCESS_PAGES,
			.id = create.create_access.out_access_fd,
			.access_pages = { .iova = IOVA + (i + 1) * PAGE,
					  .length = 2 * PAGE,
					  .uptr = (uintptr_t)mem + (i + 1) * PAGE },
		};
		x(test_cmd(&pins[i]));
	}
	expect_refs(mem, 1, 0, "never pinned");
	expect_refs(mem + PAGE, 3, 1, "pinned by an access, one page of them twice");
	x(ct_hwpt_alloc(dev, ioas, 0, &hwpt));
	expect_refs(mem, PAGES, 1, "pinned by accesses and a HWPT");
	unpin.destroy_access_pages.access_pages_id = pins[0].access_pages.out_access_pages_id;
	x(test_cmd(&unpin));
	expect_refs(mem, PAGES, 1, "one access fewer, beside a HWPT");
	x(ct_destroy(hwpt));
	expect_refs(mem, 2, 0, "let go by all");
	expect_refs(mem + 2 * PAGE, 2, 1, "still pinned by an access");
	unpin.destroy_access_pages.access_pages_id = pins[1].access_pages.out_access_pages_id;
	x(test_cmd(&unpin));
	expect_refs(mem, PAGES, 0, "no access left");
}

CT_TEST(refs_refusals, "ABI-041", .needs = TARGET_TEST_DIRTY)
{
	u8 *mem = ct_memory(PAGES * PAGE, PAGE, 0);

	x_err(EINVAL, check_refs(mem + 1, PAGE, 0));
	x_err(EINVAL, check_refs(mem, PAGE - 1, 0));
	x_err(EINVAL, check_refs(mem, -(u64)PAGE, 0));
	x_err(EFAULT, check_refs(mem + PAGES * PAGE, PAGE, 0));
	x_err(EIO, check_refs(mem, PAGE, 1));
	x(check_refs(mem, 0, 1));
}

/* ---- where an IOVA leads ---- */

static int check_map(u32 hwpt, u64 iova, u64 length, const void *va)
{
	struct iommu_test_cmd cmd = {
		.op = IOMMU_TEST_OP_MD_CHECK_MAP,
		.id = hwpt,
		.check_map = { .iova = iova, .length = length, .uptr = (uintptr_t)va },
	};

	return test_cmd(&cmd);
}

/* @mem: what is mapped at IOVA, looked at through some mapping of the caller's. */
static void expect_map(u32 hwpt, const u8 *mem)
{
	x(check_map(hwpt, IOVA, PAGES * PAGE, mem));
	if (ct.config.format.granule_lg2 < 12)
		x(check_map(hwpt, IOVA + PAGE / 2, PAGE, mem + PAGE / 2));
	x_err(EINVAL, check_map(hwpt, IOVA, PAGE, mem + PAGE));
	x_err(EINVAL, check_map(hwpt, IOVA + PAGE, 2 * PAGE, mem));
	x_err(EINVAL, check_map(hwpt, IOVA + PAGE / 2, PAGE / 2, mem));
	/* Nothing is mapped behind. */
	x_err(EINVAL, check_map(hwpt, IOVA + PAGE, PAGES * PAGE, mem + PAGE));
}

CT_TEST(map_check_memory, "ABI-042", .scope = CT_EACH_FORMAT, .needs = TARGET_TEST_DIRTY)
{
	u8 *mem = ct_memory((PAGES + 1) * PAGE, PAGE, 0);
	u32 ioas, dev, hwpt;

	x(ct_ioas_alloc(&ioas));
	x(ct_plug(0, &dev));
	x(ct_map(ioas, mem, PAGES * PAGE, IOVA));
	x(ct_hwpt_alloc(dev, ioas, 0, &hwpt));
	expect_map(hwpt, mem);
	x_err(EINVAL, check_map(hwpt, IOVA + 1, PAGE, mem + 1));
	x_err(ENOENT, check_map(ioas, IOVA, PAGE, mem));
}

CT_TEST(map_check_file, "ABI-042", .scope = CT_EACH_FORMAT, .needs = TARGET_TEST_DIRTY)
{
	const int prot = PROT_READ | PROT_WRITE;
	int memfd = ct_memfd(3 * PAGES * PAGE);
	u8 *part, *whole, *private;
	u64 iova = IOVA;
	u32 ioas, dev, hwpt;

	part = mmap(NULL, 2 * PAGES * PAGE, prot, MAP_SHARED, memfd, PAGES * PAGE);
	whole = mmap(NULL, 3 * PAGES * PAGE, prot, MAP_SHARED, memfd, 0);
	private = mmap(NULL, 2 * PAGES * PAGE, prot, MAP_PRIVATE, memfd, PAGES * PAGE);
	ct_check(part != MAP_FAILED && whole != MAP_FAILED && private != MAP_FAILED, "mmap: %s",
		 ct_errno_name(errno));
	memset(private, 1, PAGES * PAGE);
	x(ct_ioas_alloc(&ioas));
	x(ct_plug(0, &dev));
	x(ct_map_file(ioas,
		      IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			      IOMMU_IOAS_MAP_WRITEABLE,
		      memfd, PAGES * PAGE, PAGES * PAGE, &iova));
	x(ct_hwpt_alloc(dev, ioas, 0, &hwpt));
	expect_map(hwpt, part);
	expect_map(hwpt, whole + PAGES * PAGE);
	x_err(EINVAL, check_map(hwpt, IOVA, PAGE, whole));
	/* Pages of the caller's own, since it wrote them. */
	x_err(EINVAL, check_map(hwpt, IOVA, PAGE, private));
}

static int set_limit(u32 limit)
{
	struct iommu_test_cmd cmd = {
		.op = IOMMU_TEST_OP_SET_TEMP_MEMORY_LIMIT,
		.memory_limit.limit = limit,
	};

	return test_cmd(&cmd);
}

CT_TEST(temp_memory_limit, "ABI-043", .needs = TARGET_TEST_DIRTY)
{
	const u64 length = 64 * PAGE;
	u8 *mem = ct_memory(length, PAGE, 0);
	u32 ioas, dev, hwpt;

	x_err(EINVAL, set_limit(0));
	x_err(EINVAL, set_limit(11));
	x(set_limit(12));
	x(ct_ioas_alloc(&ioas));
	x(ct_plug(0, &dev));
	x(ct_hwpt_alloc(dev, ioas, 0, &hwpt));
	x(ct_map(ioas, mem, length, IOVA));
	x(check_map(hwpt, IOVA, length, mem));
	expect_refs(mem, length / PAGE, 1, "mapped under the least limit");
	x(set_limit(65536));
}

/* ---- the mock's leaves ---- */

#define MIB ((u64)1 << 20)
#define MOCK_LENGTH (4 * MIB)

/* A tracked HWPT of a mock device's over 4 MiB of which any leaf could be one. */
static u32 mock_hwpt(u32 dev_flags, u32 *ioas)
{
	struct iommu_test_cmd cmd = {
		.op = IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS,
		.mock_domain_flags.dev_flags = dev_flags,
	};
	u8 *mem = ct_memory(MOCK_LENGTH, MOCK_LENGTH, 0);
	u32 hwpt;
	int ret;

	x(ct_ioas_alloc(ioas));
	cmd.id = *ioas;
	ret = test_cmd(&cmd);
	if (ret == -EOPNOTSUPP && dev_flags)
		ct_skip("this mock has no devices with large leaves");
	x(ret);
	x(ct_hwpt_alloc(cmd.mock_domain_flags.out_idev_id, *ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
			&hwpt));
	x(ct_map(*ioas, mem, MOCK_LENGTH, IOVA));
	x(ct_set_tracking(hwpt, true));
	return hwpt;
}

/* Mark the first item of each second MiB dirty: the bitmap shows its leaf. */
static void expect_leaf(u32 hwpt, u64 leaf)
{
	const u64 items = MOCK_LENGTH / MOCK_PAGE_SIZE, mib = MIB / MOCK_PAGE_SIZE;
	u8 marks[MOCK_LENGTH / MOCK_PAGE_SIZE / 8] = { 0 };
	struct iommu_test_cmd dirty = {
		.op = IOMMU_TEST_OP_DIRTY,
		.id = hwpt,
		.dirty = { .iova = IOVA,
			   .length = MOCK_LENGTH,
			   .page_size = MOCK_PAGE_SIZE,
			   .uptr = (uintptr_t)marks },
	};
	struct ct_bitmap b;

	for (u64 i = 0; i < items; i += 2 * mib)
		marks[i / 8] |= 1;
	x(test_cmd(&dirty));
	ct_check(dirty.dirty.out_nr_dirty == 2, "%llu items were marked, not 2",
		 (unsigned long long)dirty.dirty.out_nr_dirty);
	ct_bitmap_init(&b, items, 0);
	x(ct_get_bitmap(hwpt, 0, IOVA, MOCK_LENGTH, MOCK_PAGE_SIZE, b.bytes));
	for (u64 i = 0; i < items; i++) {
		bool expected = i % (2 * mib) < leaf / MOCK_PAGE_SIZE;

		ct_check(ct_bitmap_test(&b, i) == expected,
			 "IOVA %#llx, item %llu is %s, for leaves of %llu bytes",
			 (unsigned long long)(IOVA + i * MOCK_PAGE_SIZE), (unsigned long long)i,
			 expected ? "clean" : "dirty", (unsigned long long)leaf);
	}
	ct_bitmap_check_guards(&b);
}

CT_TEST(mock_leaves_small, "LEAF-007", .needs = TARGET_TEST_DIRTY | TARGET_LEAF)
{
	u32 ioas;

	expect_leaf(mock_hwpt(0, &ioas), MOCK_PAGE_SIZE);
}

CT_TEST(mock_leaves_huge, "LEAF-007", .needs = TARGET_TEST_DIRTY | TARGET_LEAF)
{
	struct iommu_test_cmd small = { .op = IOMMU_TEST_OP_MOCK_DOMAIN };
	u32 ioas, hwpt = mock_hwpt(MOCK_FLAGS_DEVICE_HUGE_IOVA, &ioas);

	expect_leaf(hwpt, MIB);
	/* It is the HWPT's matter, not that of who is attached to it. */
	small.id = hwpt;
	x(test_cmd(&small));
	expect_leaf(hwpt, MIB);
	/* Nor is the IOAS's first HWPT copied for a device with other leaves. */
	small.id = ioas;
	x(test_cmd(&small));
	x(ct_hwpt_alloc(small.mock_domain.out_idev_id, ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
			&hwpt));
	x(ct_set_tracking(hwpt, true));
	expect_leaf(hwpt, MOCK_PAGE_SIZE);
}

/* As later kernels have it: the caller says so of each HWPT. */
static int alloc_typed(u32 dev, u32 ioas, const void *data, u32 size, u32 *hwpt)
{
	return hwpt_alloc_data(dev, ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, 0,
			       IOMMU_HWPT_DATA_SELFTEST, data, size, hwpt);
}

CT_TEST(mock_leaves_by_type, "LEAF-007", .needs = TARGET_TEST_DIRTY | TARGET_LEAF)
{
	struct {
		struct iommu_hwpt_selftest known;
		u32 more;
	} data = { .known.pagetable_type = MOCK_IOMMUPT_HUGE };
	struct iommu_test_cmd device = { .op = IOMMU_TEST_OP_MOCK_DOMAIN };
	u8 *mem = ct_memory(MOCK_LENGTH, MOCK_LENGTH, 0);
	u32 ioas, hwpt, dev;
	int ret;

	x(ct_ioas_alloc(&ioas));
	device.id = ioas;
	x(test_cmd(&device));
	dev = device.mock_domain.out_idev_id;
	ret = alloc_typed(dev, ioas, &data, sizeof(data.known), &hwpt);
	if (ret == -EOPNOTSUPP)
		ct_skip("this mock's HWPTs have no types");
	x(ret);
	x(ct_map(ioas, mem, MOCK_LENGTH, IOVA));
	x(ct_set_tracking(hwpt, true));
	expect_leaf(hwpt, MIB);

	/* A caller of before there were types; and what is refused. */
	x(alloc_typed(dev, ioas, &data, sizeof(data.known.iotlb), &hwpt));
	x(ct_set_tracking(hwpt, true));
	expect_leaf(hwpt, MOCK_PAGE_SIZE);
	x_err(EINVAL, alloc_typed(dev, ioas, &data, sizeof(data), &hwpt));
	x_err(EINVAL, alloc_typed(dev, ioas, &data, sizeof(data.known.iotlb) - 1, &hwpt));
	x_err(EFAULT, alloc_typed(dev, ioas, NULL, sizeof(data.known), &hwpt));
	data.known.pagetable_type = MOCK_IOMMUPT_HUGE + 1;
	x_err(EOPNOTSUPP, alloc_typed(dev, ioas, &data, sizeof(data.known), &hwpt));
}

static int check_cache(u32 dev, u32 slot, u32 value)
{
	struct iommu_test_cmd cmd = {
		.op = IOMMU_TEST_OP_DEV_CHECK_CACHE,
		.id = dev,
		.check_dev_cache = { .id = slot, .cache = value },
	};

	return test_cmd(&cmd);
}

CT_TEST(device_cache_begins, "ABI-045", .needs = TARGET_TEST_DIRTY)
{
	struct iommu_test_cmd device = { .op = IOMMU_TEST_OP_MOCK_DOMAIN };
	u32 ioas, dev;

	x(ct_ioas_alloc(&ioas));
	device.id = ioas;
	x(test_cmd(&device));
	dev = device.mock_domain.out_idev_id;
	if (check_cache(dev, 0, IOMMU_TEST_DEV_CACHE_DEFAULT) == -EOPNOTSUPP)
		ct_skip("this mock's devices have no cache");
	for (u32 i = 0; i < MOCK_DEV_CACHE_NUM; i++) {
		x(check_cache(dev, i, IOMMU_TEST_DEV_CACHE_DEFAULT));
		x_err(EINVAL, check_cache(dev, i, IOMMU_TEST_DEV_CACHE_DEFAULT + 1));
	}
	x_err(EINVAL, check_cache(dev, MOCK_DEV_CACHE_NUM, IOMMU_TEST_DEV_CACHE_DEFAULT));
	x_err(ENOENT, check_cache(ioas, 0, IOMMU_TEST_DEV_CACHE_DEFAULT));
}
