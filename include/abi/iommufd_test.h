/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel's test interface to iommufd (CONFIG_IOMMUFD_TEST;
 * drivers/iommu/iommufd/iommufd_test.h in Linux 6.12): our own statement of the
 * operations that the reference implements. Numbers and layout are Linux's, so
 * that the kernel's selftests can run on the reference and our tests on the
 * kernel's mock. abi/layout.h pins the layout.
 */
#ifndef IODIRTY_ABI_IOMMUFD_TEST_H
#define IODIRTY_ABI_IOMMUFD_TEST_H

#include "abi/iommufd.h"

#define IOMMU_TEST_CMD _IO(IOMMUFD_TYPE, IOMMUFD_CMD_BASE + 32)

enum {
	IOMMU_TEST_OP_ADD_RESERVED = 1,
	IOMMU_TEST_OP_MOCK_DOMAIN = 2,
	IOMMU_TEST_OP_MD_CHECK_MAP = 3,
	IOMMU_TEST_OP_MD_CHECK_REFS = 4,
	IOMMU_TEST_OP_CREATE_ACCESS = 5,
	IOMMU_TEST_OP_DESTROY_ACCESS_PAGES = 6,
	IOMMU_TEST_OP_ACCESS_PAGES = 7,
	IOMMU_TEST_OP_ACCESS_RW = 8,
	IOMMU_TEST_OP_SET_TEMP_MEMORY_LIMIT = 9,
	IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE = 10,
	IOMMU_TEST_OP_ACCESS_REPLACE_IOAS = 11,
	IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS = 12,
	IOMMU_TEST_OP_DIRTY = 13,
	IOMMU_TEST_OP_MD_CHECK_IOTLB = 14,
	IOMMU_TEST_OP_TRIGGER_IOPF = 15,
	IOMMU_TEST_OP_DEV_CHECK_CACHE = 16,
	IOMMU_TEST_OP_PASID_ATTACH = 18,
	IOMMU_TEST_OP_PASID_REPLACE = 19,
	IOMMU_TEST_OP_PASID_DETACH = 20,
	IOMMU_TEST_OP_PASID_CHECK_HWPT = 21,
};

enum {
	MOCK_APERTURE_START = 1UL << 24,
	MOCK_APERTURE_LAST = (1UL << 31) - 1,
	MOCK_PAGE_SIZE = 2048,
	MOCK_HUGE_PAGE_SIZE = 512 * MOCK_PAGE_SIZE,
	MOCK_PASID_WIDTH = 20,
};

enum {
	MOCK_FLAGS_ACCESS_WRITE = 1 << 0,
	MOCK_FLAGS_ACCESS_SYZ = 1 << 16,
};

enum {
	MOCK_ACCESS_RW_WRITE = 1 << 0,
	MOCK_ACCESS_RW_SLOW_PATH = 1 << 2,
};

enum {
	MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES = 1 << 0,
};

enum {
	MOCK_FLAGS_DEVICE_NO_DIRTY = 1 << 0,
	MOCK_FLAGS_DEVICE_HUGE_IOVA = 1 << 1, /* 6.12 only */
	MOCK_FLAGS_DEVICE_PASID = 1 << 2,
};

/* What a vIOMMU's invalidations would change; there are none here. */
enum {
	MOCK_DEV_CACHE_ID_MAX = 3,
	MOCK_DEV_CACHE_NUM = 4,
};

#define IOMMU_TEST_DEV_CACHE_DEFAULT 0xbaddad

/* A nested HWPT of the mock's: no tables, but four words that stand for its IOTLB. */
enum {
	MOCK_NESTED_DOMAIN_IOTLB_ID_MAX = 3,
	MOCK_NESTED_DOMAIN_IOTLB_NUM = 4,
};

#define IOMMU_HWPT_DATA_SELFTEST 0xdead
#define IOMMU_TEST_IOTLB_DEFAULT 0xbadbeef

enum { /* since 7.x; before, a device's flags chose */
       MOCK_IOMMUPT_DEFAULT = 0,
       MOCK_IOMMUPT_HUGE = 1, /* leaves of MOCK_HUGE_PAGE_SIZE too */
};

struct iommu_hwpt_selftest {
	__u32 iotlb; /* of a nested HWPT: what each word starts as */
	__u32 pagetable_type; /* of one over an IOAS; 6.12 does not have it */
};

#define IOMMU_HWPT_INVALIDATE_DATA_SELFTEST 0xdeadbeef
#define IOMMU_HWPT_INVALIDATE_DATA_SELFTEST_INVALID 0xdadbeef
#define IOMMU_TEST_INVALIDATE_FLAG_ALL (1 << 0)

/* Makes word @iotlb_id 0; with FLAG_ALL, each. */
struct iommu_hwpt_invalidate_selftest {
	__u32 flags;
	__u32 iotlb_id;
};

/* The mock's answer to GET_HW_INFO. */
#define IOMMU_HW_INFO_TYPE_SELFTEST 0xfeedbeef
#define IOMMU_HW_INFO_SELFTEST_REGVAL 0xdeadbeef

struct iommu_test_hw_info {
	__u32 flags;
	__u32 test_reg;
};

struct iommu_test_cmd {
	__u32 size;
	__u32 op;
	__u32 id; /* what it names depends on @op */
	__u32 __reserved;
	union {
		struct { /* id: IOAS */
			__aligned_u64 start;
			__aligned_u64 length;
		} add_reserved;
		struct { /* id: what to attach to, an IOAS or a HWPT */
			__u32 out_stdev_id;
			__u32 out_hwpt_id;
			__u32 out_idev_id;
		} mock_domain;
		struct {
			__u32 out_stdev_id;
			__u32 out_hwpt_id;
			__u32 out_idev_id;
			__u32 dev_flags;
		} mock_domain_flags;
		struct { /* id: stdev */
			__u32 pt_id;
		} mock_domain_replace;
		struct { /* id: HWPT */
			__aligned_u64 iova;
			__aligned_u64 length;
			__aligned_u64 uptr;
		} check_map;
		struct {
			__aligned_u64 length;
			__aligned_u64 uptr;
			__u32 refs;
		} check_refs;
		struct { /* id: IOAS */
			__u32 out_access_fd;
			__u32 flags;
		} create_access;
		struct { /* id: access descriptor */
			__u32 access_pages_id;
		} destroy_access_pages;
		struct { /* id: access descriptor */
			__u32 flags;
			__u32 out_access_pages_id;
			__aligned_u64 iova;
			__aligned_u64 length;
			__aligned_u64 uptr;
		} access_pages;
		struct { /* id: access descriptor */
			__aligned_u64 iova;
			__aligned_u64 length;
			__aligned_u64 uptr;
			__u32 flags;
		} access_rw;
		struct {
			__u32 limit;
		} memory_limit;
		struct { /* id: access descriptor */
			__u32 ioas_id;
		} access_replace_ioas;
		struct { /* id: HWPT; a set bit marks that page dirty */
			__u32 flags;
			__aligned_u64 iova;
			__aligned_u64 length;
			__aligned_u64 page_size;
			__aligned_u64 uptr;
			__aligned_u64 out_nr_dirty;
		} dirty;
		struct { /* id: nested HWPT */
			__u32 id; /* of the word */
			__u32 iotlb;
		} check_iotlb;
		struct { /* id: device */
			__u32 id;
			__u32 cache;
		} check_dev_cache;
		struct {
			__u32 dev_id;
			__u32 pasid;
			__u32 grpid;
			__u32 perm;
			__u64 addr;
		} trigger_iopf;
		struct { /* id: stdev */
			__u32 pasid;
			__u32 pt_id;
		} pasid_attach;
		struct { /* id: stdev */
			__u32 pasid;
			__u32 pt_id;
		} pasid_replace;
		struct { /* id: stdev */
			__u32 pasid;
		} pasid_detach;
		struct { /* id: stdev; hwpt_id 0 expects none */
			__u32 pasid;
			__u32 hwpt_id;
		} pasid_check;
	};
	__u32 last;
};

#endif
