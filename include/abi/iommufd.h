/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The UAPI under test: our own statement of Linux's iommufd interface
 * (include/uapi/linux/iommufd.h, Linux 6.12 and 7.2).
 *
 * Names, numbers and layout are Linux's, so that programs run unchanged; the
 * words are ours. abi/layout.h pins every size and offset, and the build can
 * hold the same list against a kernel's own header (make check-abi).
 *
 * Rules that every ioctl here shares:
 *  - the argument starts with a u32 @size, the size the caller knows. Shorter
 *    than the first published layout: EINVAL. Longer than ours: the extra bytes
 *    must be zero, else E2BIG. Missing tail fields count as zero.
 *  - order of checks: @size unreadable EFAULT, unknown number ENOTTY, too short
 *    EINVAL, unreadable rest EFAULT, non-zero tail E2BIG, then the handler.
 *  - a reserved field or unknown flag that is not zero: EOPNOTSUPP.
 *  - an object id that does not exist, or is of another type: ENOENT.
 */
#ifndef IODIRTY_ABI_IOMMUFD_H
#define IODIRTY_ABI_IOMMUFD_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define IOMMUFD_TYPE (';')

#define IOMMUFD_CMD_BASE 0x80
#define IOMMU_DESTROY _IO(IOMMUFD_TYPE, 0x80)
#define IOMMU_IOAS_ALLOC _IO(IOMMUFD_TYPE, 0x81)
#define IOMMU_IOAS_ALLOW_IOVAS _IO(IOMMUFD_TYPE, 0x82)
#define IOMMU_IOAS_COPY _IO(IOMMUFD_TYPE, 0x83)
#define IOMMU_IOAS_IOVA_RANGES _IO(IOMMUFD_TYPE, 0x84)
#define IOMMU_IOAS_MAP _IO(IOMMUFD_TYPE, 0x85)
#define IOMMU_IOAS_UNMAP _IO(IOMMUFD_TYPE, 0x86)
#define IOMMU_OPTION _IO(IOMMUFD_TYPE, 0x87)
#define IOMMU_VFIO_IOAS _IO(IOMMUFD_TYPE, 0x88)
#define IOMMU_HWPT_ALLOC _IO(IOMMUFD_TYPE, 0x89)
#define IOMMU_GET_HW_INFO _IO(IOMMUFD_TYPE, 0x8a)
#define IOMMU_HWPT_SET_DIRTY_TRACKING _IO(IOMMUFD_TYPE, 0x8b)
#define IOMMU_HWPT_GET_DIRTY_BITMAP _IO(IOMMUFD_TYPE, 0x8c)
#define IOMMU_HWPT_INVALIDATE _IO(IOMMUFD_TYPE, 0x8d)
#define IOMMU_FAULT_QUEUE_ALLOC _IO(IOMMUFD_TYPE, 0x8e)
#define IOMMU_IOAS_MAP_FILE _IO(IOMMUFD_TYPE, 0x8f)
#define IOMMU_IOAS_CHANGE_PROCESS _IO(IOMMUFD_TYPE, 0x92)

/* Drop any object. EBUSY while something refers to it. */
struct iommu_destroy {
	__u32 size;
	__u32 id;
};

/* A new, empty IO address space. @flags must be 0. */
struct iommu_ioas_alloc {
	__u32 size;
	__u32 flags;
	__u32 out_ioas_id;
};

struct iommu_iova_range {
	__aligned_u64 start;
	__aligned_u64 last; /* inclusive */
};

/*
 * Which IOVAs may be mapped. @num_iovas is the capacity of @allowed_iovas on
 * entry and the number of ranges on return; EMSGSIZE when it did not fit, with
 * @num_iovas saying how many there are and the array filled as far as it goes.
 */
struct iommu_ioas_iova_ranges {
	__u32 size;
	__u32 ioas_id;
	__u32 num_iovas;
	__u32 __reserved;
	__aligned_u64 allowed_iovas;
	__aligned_u64 out_iova_alignment;
};

/* Replace the list of ranges that later automatic mappings must stay within. */
struct iommu_ioas_allow_iovas {
	__u32 size;
	__u32 ioas_id;
	__u32 num_iovas;
	__u32 __reserved;
	__aligned_u64 allowed_iovas;
};

enum iommufd_ioas_map_flags {
	IOMMU_IOAS_MAP_FIXED_IOVA = 1 << 0,
	IOMMU_IOAS_MAP_WRITEABLE = 1 << 1,
	IOMMU_IOAS_MAP_READABLE = 1 << 2,
};

/* Map @length bytes of the caller's memory; all of it, or nothing on error. */
struct iommu_ioas_map {
	__u32 size;
	__u32 flags;
	__u32 ioas_id;
	__u32 __reserved;
	__aligned_u64 user_va;
	__aligned_u64 length;
	__aligned_u64 iova; /* in with FIXED_IOVA, else out */
};

/* The same for @length bytes of a memfd, from byte @start. */
struct iommu_ioas_map_file {
	__u32 size;
	__u32 flags;
	__u32 ioas_id;
	__s32 fd;
	__aligned_u64 start;
	__aligned_u64 length;
	__aligned_u64 iova;
};

/* Map again, elsewhere, what is mapped at @src_iova: the same pages. */
struct iommu_ioas_copy {
	__u32 size;
	__u32 flags;
	__u32 dst_ioas_id;
	__u32 src_ioas_id;
	__aligned_u64 length;
	__aligned_u64 dst_iova;
	__aligned_u64 src_iova;
};

/*
 * Unmap whole areas. iova = 0 with length = U64_MAX means everything.
 * @length returns the number of bytes unmapped.
 */
struct iommu_ioas_unmap {
	__u32 size;
	__u32 ioas_id;
	__aligned_u64 iova;
	__aligned_u64 length;
};

enum iommufd_option {
	IOMMU_OPTION_RLIMIT_MODE = 0, /* 0: account per user, 1: per process */
	IOMMU_OPTION_HUGE_PAGES = 1, /* per IOAS; 0: PAGE_SIZE leaves only */
};

enum iommufd_option_ops {
	IOMMU_OPTION_OP_SET = 0,
	IOMMU_OPTION_OP_GET = 1,
};

struct iommu_option {
	__u32 size;
	__u32 option_id;
	__u16 op;
	__u16 __reserved;
	__u32 object_id;
	__aligned_u64 val64;
};

enum iommufd_vfio_ioas_op {
	IOMMU_VFIO_IOAS_GET = 0,
	IOMMU_VFIO_IOAS_SET = 1,
	IOMMU_VFIO_IOAS_CLEAR = 2,
};

/* Which IOAS the VFIO container ioctls on this descriptor act upon. */
struct iommu_vfio_ioas {
	__u32 size;
	__u32 ioas_id;
	__u16 op;
	__u16 __reserved;
};

enum iommufd_hwpt_alloc_flags {
	IOMMU_HWPT_ALLOC_NEST_PARENT = 1 << 0,
	IOMMU_HWPT_ALLOC_DIRTY_TRACKING = 1 << 1,
	IOMMU_HWPT_FAULT_ID_VALID = 1 << 2,
	IOMMU_HWPT_ALLOC_PASID = 1 << 3,
};

enum iommu_hwpt_data_type {
	IOMMU_HWPT_DATA_NONE = 0,
	IOMMU_HWPT_DATA_VTD_S1 = 1,
	IOMMU_HWPT_DATA_ARM_SMMUV3 = 2,
	IOMMU_HWPT_DATA_AMD_GUEST = 3,
};

enum iommu_hwpt_vtd_s1_flags {
	IOMMU_VTD_S1_SRE = 1 << 0, /* the device may make supervisor requests */
	IOMMU_VTD_S1_EAFE = 1 << 1, /* the IOMMU sets the extended access flag */
	IOMMU_VTD_S1_WPE = 1 << 2, /* write protection holds for supervisors too */
};

/* A guest's first stage, over a second stage of VT-d's: the fields of a PASID-table
 * entry that are the guest's. */
struct iommu_hwpt_vtd_s1 {
	__aligned_u64 flags;
	__aligned_u64 pgtbl_addr; /* of the root table, guest-physical */
	__u32 addr_width; /* 48: four levels; 57: five */
	__u32 __reserved;
};

/*
 * A guest's stage 1, over a stage 2 of SMMUv3's: words 0 and 1 of the guest's
 * stream table entry. Of these are the guest's: V, Config (abort, bypass or stage
 * 1), S1Fmt, S1ContextPtr, S1CDMax; S1DSS, S1CIR, S1COR, S1CSH, EATS, S1STALLD.
 */
struct iommu_hwpt_arm_smmuv3 {
	__aligned_le64 ste[2];
};

/*
 * A hardware page table: over an IOAS (@pt_id of an IOAS) it is filled at once
 * with all that is mapped; over another HWPT, made as NEST_PARENT, it is nested:
 * @data_type says how the guest's tables are described at @data_uptr. With
 * FAULT_ID_VALID, page requests of the devices attached go to queue @fault_id.
 */
struct iommu_hwpt_alloc {
	__u32 size;
	__u32 flags;
	__u32 dev_id;
	__u32 pt_id;
	__u32 out_hwpt_id;
	__u32 __reserved;
	/* Everything below may be left out by an older caller. */
	__u32 data_type;
	__u32 data_len;
	__aligned_u64 data_uptr;
	__u32 fault_id;
	__u32 __reserved2;
};

enum iommu_hw_info_type {
	IOMMU_HW_INFO_TYPE_NONE = 0,
	IOMMU_HW_INFO_TYPE_DEFAULT = 0,
	IOMMU_HW_INFO_TYPE_INTEL_VTD = 1,
	IOMMU_HW_INFO_TYPE_ARM_SMMUV3 = 2,
	IOMMU_HW_INFO_TYPE_TEGRA241_CMDQV = 3,
	IOMMU_HW_INFO_TYPE_AMD = 4,
};

enum iommufd_hw_info_flags {
	IOMMU_HW_INFO_FLAG_INPUT_TYPE = 1 << 0,
};

enum iommufd_hw_capabilities {
	IOMMU_HW_CAP_DIRTY_TRACKING = 1 << 0,
	IOMMU_HW_CAP_PCI_PASID_EXEC = 1 << 1,
	IOMMU_HW_CAP_PCI_PASID_PRIV = 1 << 2,
	IOMMU_HW_CAP_PCI_ATS_NOT_SUPPORTED = 1 << 3,
};

/* Registers as the IOMMU's driver reports them, by type. */
struct iommu_hw_info_vtd {
	__u32 flags;
	__u32 __reserved;
	__aligned_u64 cap_reg;
	__aligned_u64 ecap_reg;
};

struct iommu_hw_info_amd {
	__aligned_u64 efr;
	__aligned_u64 efr2;
};

/* What the IOMMU in front of @dev_id can do. Excess buffer is zeroed. */
struct iommu_hw_info {
	__u32 size;
	__u32 flags;
	__u32 dev_id;
	__u32 data_len; /* in: buffer, out: what the kernel has */
	__aligned_u64 data_uptr;
	union {
		__u32 in_data_type; /* with FLAG_INPUT_TYPE */
		__u32 out_data_type;
	};
	__u8 out_max_pasid_log2;
	__u8 __reserved[3];
	__aligned_u64 out_capabilities;
};

enum iommufd_hwpt_set_dirty_tracking_flags {
	IOMMU_HWPT_DIRTY_TRACKING_ENABLE = 1,
};

/* Start (ENABLE) or stop (0) tracking on a HWPT made with DIRTY_TRACKING. */
struct iommu_hwpt_set_dirty_tracking {
	__u32 size;
	__u32 flags;
	__u32 hwpt_id;
	__u32 __reserved;
};

enum iommufd_hwpt_get_dirty_bitmap_flags {
	/* Report, but leave dirty what is dirty. */
	IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR = 1,
};

/*
 * Harvest: bit k of the little-endian bitmap at @data is set when a byte of
 * [iova + k * page_size, iova + (k + 1) * page_size) may have been written.
 * Bits are ORed in; ceil(length / page_size / 8) bytes are touched at most.
 */
struct iommu_hwpt_get_dirty_bitmap {
	__u32 size;
	__u32 hwpt_id;
	__u32 flags;
	__u32 __reserved;
	__aligned_u64 iova;
	__aligned_u64 length;
	__aligned_u64 page_size;
	__aligned_u64 data;
};

enum iommu_hwpt_invalidate_data_type {
	IOMMU_HWPT_INVALIDATE_DATA_VTD_S1 = 0,
	IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3 = 1,
};

enum iommu_hwpt_vtd_s1_invalidate_flags {
	IOMMU_VTD_INV_FLAGS_LEAF = 1 << 0, /* only entries that map pages have changed */
};

/* @npages of 4 KiB from @addr on; U64_MAX from 0: all. */
struct iommu_hwpt_vtd_s1_invalidate {
	__aligned_u64 addr;
	__aligned_u64 npages;
	__u32 flags;
	__u32 __reserved;
};

/*
 * A command as in SMMUv3's command queue. Linux takes them for a vIOMMU, by whose
 * VMID and stream ids it completes them; the reference, which has none, for a nested
 * HWPT: what the command would make forget of it is forgotten.
 */
struct iommu_viommu_arm_smmuv3_invalidate {
	__aligned_le64 cmd[2];
};

/*
 * Forget what a nested HWPT's guest has changed, as @entry_num entries of
 * @entry_len bytes say, in turn. @entry_num returns how many were done, also when
 * one of them is refused. None at all asks whether @data_type is known.
 */
struct iommu_hwpt_invalidate {
	__u32 size;
	__u32 hwpt_id;
	__aligned_u64 data_uptr;
	__u32 data_type;
	__u32 entry_len;
	__u32 entry_num;
	__u32 __reserved;
};

enum iommu_hwpt_pgfault_flags {
	IOMMU_PGFAULT_FLAGS_PASID_VALID = 1 << 0,
	IOMMU_PGFAULT_FLAGS_LAST_PAGE = 1 << 1, /* of a group */
};

enum iommu_hwpt_pgfault_perm {
	IOMMU_PGFAULT_PERM_READ = 1 << 0,
	IOMMU_PGFAULT_PERM_WRITE = 1 << 1,
	IOMMU_PGFAULT_PERM_EXEC = 1 << 2,
	IOMMU_PGFAULT_PERM_PRIV = 1 << 3,
};

/* A device's page request, as read from a fault queue's descriptor. */
struct iommu_hwpt_pgfault {
	__u32 flags;
	__u32 dev_id;
	__u32 pasid;
	__u32 grpid;
	__u32 perm;
	__u32 __reserved;
	__aligned_u64 addr;
	__u32 length; /* bytes the device will want, a hint; 0: it did not say */
	__u32 cookie; /* which request a response answers */
};

enum iommufd_page_response_code {
	IOMMUFD_PAGE_RESP_SUCCESS = 0, /* try again */
	IOMMUFD_PAGE_RESP_INVALID = 1, /* do not */
};

/* The answer, as written to the descriptor. */
struct iommu_hwpt_page_response {
	__u32 cookie;
	__u32 code;
};

/* A queue of page requests, and a descriptor to read and answer them by. */
struct iommu_fault_alloc {
	__u32 size;
	__u32 flags; /* must be 0 */
	__u32 out_fault_id;
	__u32 out_fault_fd;
};

/* Move the memory accounting of all mappings to the calling process. */
struct iommu_ioas_change_process {
	__u32 size;
	__u32 __reserved;
};

#endif
