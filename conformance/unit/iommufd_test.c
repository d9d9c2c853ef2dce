/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the reference's own test interface must not do to the tests that rely on it.
 * It is no part of the UAPI under test, hence no requirement.
 */
#include <check.h>

#include "abi/iodirty.h"
#include "abi/iommufd.h"
#include "abi/iommufd_test.h"
#include "port.h"
#include "ref.h"

#define PAGE PORT_PAGE_SIZE

static u8 page[PAGE] __attribute__((aligned(PAGE)));

/* The page is mapped at IOVA 0, in a HWPT that tracks. */
static int open_hwpt(u32 *hwpt)
{
	struct iommu_ioas_alloc ioas = { .size = sizeof(ioas) };
	struct iodirty_plug plug = { .size = sizeof(plug), .format = "amd-v1" };
	struct iommu_hwpt_alloc alloc = { .size = sizeof(alloc),
					  .flags = IOMMU_HWPT_ALLOC_DIRTY_TRACKING };
	struct iommu_ioas_map map = { .size = sizeof(map),
				      .flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
					       IOMMU_IOAS_MAP_WRITEABLE,
				      .length = PAGE,
				      .user_va = (uintptr_t)page };
	struct iommu_hwpt_set_dirty_tracking set = { .size = sizeof(set),
						     .flags = IOMMU_HWPT_DIRTY_TRACKING_ENABLE };
	int fd = ref_open();

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ref_ioctl(fd, IOMMU_IOAS_ALLOC, &ioas), 0);
	ck_assert_int_eq(ref_ioctl(fd, IODIRTY_PLUG, &plug), 0);
	map.ioas_id = alloc.pt_id = ioas.out_ioas_id;
	alloc.dev_id = plug.out_dev_id;
	ck_assert_int_eq(ref_ioctl(fd, IOMMU_HWPT_ALLOC, &alloc), 0);
	ck_assert_int_eq(ref_ioctl(fd, IOMMU_IOAS_MAP, &map), 0);
	set.hwpt_id = *hwpt = alloc.out_hwpt_id;
	ck_assert_int_eq(ref_ioctl(fd, IOMMU_HWPT_SET_DIRTY_TRACKING, &set), 0);
	return fd;
}

/* Mark two pages from @iova. */
static int mark(int fd, u32 hwpt, u64 iova)
{
	u8 bits = 3;
	struct iommu_test_cmd cmd = {
		.size = sizeof(cmd),
		.op = IOMMU_TEST_OP_DIRTY,
		.id = hwpt,
		.dirty = { .iova = iova,
			   .length = 2 * PAGE,
			   .page_size = PAGE,
			   .uptr = (uintptr_t)&bits },
	};

	return ref_ioctl(fd, IOMMU_TEST_CMD, &cmd);
}

static bool first_page_dirty(int fd, u32 hwpt)
{
	u8 bits = 0;
	struct iommu_hwpt_get_dirty_bitmap get = { .size = sizeof(get),
						   .hwpt_id = hwpt,
						   .length = PAGE,
						   .page_size = PAGE,
						   .data = (uintptr_t)&bits };

	ck_assert_int_eq(ref_ioctl(fd, IOMMU_HWPT_GET_DIRTY_BITMAP, &get), 0);
	return bits & 1;
}

START_TEST(mark_dirty_wraps)
{
	u32 hwpt;
	int fd = open_hwpt(&hwpt);

	ck_assert_int_eq(mark(fd, hwpt, -(u64)PAGE), -EOVERFLOW);
	ck_assert(!first_page_dirty(fd, hwpt));
	ck_assert_int_eq(mark(fd, hwpt, -(u64)2 * PAGE), 0);
	ck_assert(!first_page_dirty(fd, hwpt));
	ck_assert_int_eq(mark(fd, hwpt, 0), 0);
	ck_assert(first_page_dirty(fd, hwpt));
	ref_close(fd);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("iommufd");
	TCase *t = tcase_create("test interface");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_add_test(t, mark_dirty_wraps);
	suite_add_tcase(s, t);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
