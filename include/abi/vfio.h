/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * VFIO (include/uapi/linux/vfio.h, Linux 6.12 and 7.2). Its container: what a type1
 * container offers, which iommufd answers on its own descriptor, all but the dirty
 * tracking: a program that migrates must be told that it is not there. And of
 * groups and devices, what it takes to have one and to reach its registers. Names,
 * numbers and layout are Linux's, the words are ours; abi/layout.h pins them.
 *
 * Rules that differ from iommufd's own:
 *  - the argument starts with a u32 @argsz, the bytes that the caller has. Too
 *    few for the fixed fields: EINVAL. More is fine, and not looked at.
 *  - an unknown flag: EINVAL.
 *  - the address space is the one that IOMMU_VFIO_IOAS named; none: ENODEV.
 *  - CHECK_EXTENSION and SET_IOMMU take a number in place of a pointer.
 */
#ifndef IODIRTY_ABI_VFIO_H
#define IODIRTY_ABI_VFIO_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define VFIO_TYPE (';')
#define VFIO_BASE 100

#define VFIO_GET_API_VERSION _IO(VFIO_TYPE, VFIO_BASE + 0)
#define VFIO_CHECK_EXTENSION _IO(VFIO_TYPE, VFIO_BASE + 1)
#define VFIO_SET_IOMMU _IO(VFIO_TYPE, VFIO_BASE + 2)
#define VFIO_GROUP_GET_STATUS _IO(VFIO_TYPE, VFIO_BASE + 3)
#define VFIO_GROUP_SET_CONTAINER _IO(VFIO_TYPE, VFIO_BASE + 4) /* an int: the container */
#define VFIO_GROUP_UNSET_CONTAINER _IO(VFIO_TYPE, VFIO_BASE + 5)
#define VFIO_GROUP_GET_DEVICE_FD _IO(VFIO_TYPE, VFIO_BASE + 6) /* its address, a text */
#define VFIO_DEVICE_GET_INFO _IO(VFIO_TYPE, VFIO_BASE + 7)
#define VFIO_DEVICE_GET_REGION_INFO _IO(VFIO_TYPE, VFIO_BASE + 8)
#define VFIO_DEVICE_GET_IRQ_INFO _IO(VFIO_TYPE, VFIO_BASE + 9)
#define VFIO_DEVICE_RESET _IO(VFIO_TYPE, VFIO_BASE + 11)
#define VFIO_IOMMU_GET_INFO _IO(VFIO_TYPE, VFIO_BASE + 12)
#define VFIO_IOMMU_MAP_DMA _IO(VFIO_TYPE, VFIO_BASE + 13)
#define VFIO_IOMMU_UNMAP_DMA _IO(VFIO_TYPE, VFIO_BASE + 14)
#define VFIO_IOMMU_DIRTY_PAGES _IO(VFIO_TYPE, VFIO_BASE + 17)
#define VFIO_DEVICE_FEATURE _IO(VFIO_TYPE, VFIO_BASE + 17) /* of a device */
#define VFIO_DEVICE_BIND_IOMMUFD _IO(VFIO_TYPE, VFIO_BASE + 18)
#define VFIO_DEVICE_ATTACH_IOMMUFD_PT _IO(VFIO_TYPE, VFIO_BASE + 19)
#define VFIO_DEVICE_DETACH_IOMMUFD_PT _IO(VFIO_TYPE, VFIO_BASE + 20)
#define VFIO_MIG_GET_PRECOPY_INFO _IO(VFIO_TYPE, VFIO_BASE + 21) /* of a data descriptor */

#define VFIO_API_VERSION 0

/* What CHECK_EXTENSION is asked for. The first, the second and NOIOMMU are also
 * types of SET_IOMMU. */
#define VFIO_TYPE1_IOMMU 1 /* may unmap in the middle of a mapping */
#define VFIO_TYPE1v2_IOMMU 3 /* unmaps whole mappings */
#define VFIO_DMA_CC_IOMMU 4 /* DMA is always coherent with the processor */
#define VFIO_TYPE1_NESTING_IOMMU 6
#define VFIO_NOIOMMU_IOMMU 8
#define VFIO_UNMAP_ALL 9
#define VFIO_UPDATE_VADDR 10

/* One of a chain; offsets are from the start of the whole answer, 0 ends it. */
struct vfio_info_cap_header {
	__u16 id;
	__u16 version;
	__u32 next;
};

#define VFIO_IOMMU_INFO_PGSIZES (1 << 0)
#define VFIO_IOMMU_INFO_CAPS (1 << 1)

/*
 * About the address space. On return @argsz is what the whole answer takes; when
 * the caller has less, @cap_offset is 0 and there is no chain. A caller may stop
 * before @cap_offset.
 */
struct vfio_iommu_type1_info {
	__u32 argsz;
	__u32 flags;
	__aligned_u64 iova_pgsizes; /* bit n: pages of 2^n bytes */
	__u32 cap_offset; /* of the first capability */
	__u32 pad;
};

#define VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE 1
#define VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION 2 /* DIRTY_PAGES works */
#define VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL 3

struct vfio_iova_range {
	__u64 start;
	__u64 end; /* inclusive */
};

/* What DIRTY_PAGES takes. Version 1. */
struct vfio_iommu_type1_info_cap_migration {
	struct vfio_info_cap_header header;
	__u32 flags;
	__u64 pgsize_bitmap; /* bit n: a pgsize of 2^n bytes */
	__u64 max_dirty_bitmap_size; /* bytes */
};

/* Where a mapping may lie. Version 1. */
struct vfio_iommu_type1_info_cap_iova_range {
	struct vfio_info_cap_header header;
	__u32 nr_iovas;
	__u32 reserved;
	struct vfio_iova_range iova_ranges[];
};

/* How many more mappings there may be. Version 1. */
struct vfio_iommu_type1_info_dma_avail {
	struct vfio_info_cap_header header;
	__u32 avail;
};

#define VFIO_DMA_MAP_FLAG_READ (1 << 0)
#define VFIO_DMA_MAP_FLAG_WRITE (1 << 1)
#define VFIO_DMA_MAP_FLAG_VADDR (1 << 2)

/* Map @size bytes of the caller's memory at exactly @iova. */
struct vfio_iommu_type1_dma_map {
	__u32 argsz;
	__u32 flags;
	__u64 vaddr;
	__u64 iova;
	__u64 size;
};

/* A bitmap of a container's dirty tracking, zeroed by the caller. */
struct vfio_bitmap {
	__u64 pgsize;
	__u64 size; /* bytes */
	__u64 *data;
};

#define VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP (1 << 0)
#define VFIO_DMA_UNMAP_FLAG_ALL (1 << 1)
#define VFIO_DMA_UNMAP_FLAG_VADDR (1 << 2)

/* Unmap; @size returns the bytes unmapped. ALL: @iova and @size are 0. */
struct vfio_iommu_type1_dma_unmap {
	__u32 argsz;
	__u32 flags;
	__u64 iova;
	__u64 size;
	__u8 data[]; /* GET_DIRTY_BITMAP: a struct vfio_bitmap */
};

#define VFIO_IOMMU_DIRTY_PAGES_FLAG_START (1 << 0)
#define VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP (1 << 1)
#define VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP (1 << 2)

/* Dirty tracking of a container (not of type1's first version, and never of iommufd's):
 * exactly one flag. */
struct vfio_iommu_type1_dirty_bitmap {
	__u32 argsz;
	__u32 flags;
	__u8 data[]; /* GET_BITMAP: the next */
};

struct vfio_iommu_type1_dirty_bitmap_get {
	__u64 iova;
	__u64 size;
	struct vfio_bitmap bitmap;
};

/* ---- groups and devices ---- */

#define VFIO_GROUP_FLAGS_VIABLE (1 << 0) /* no device of it is a host driver's */
#define VFIO_GROUP_FLAGS_CONTAINER_SET (1 << 1)

struct vfio_group_status {
	__u32 argsz;
	__u32 flags;
};

#define VFIO_DEVICE_FLAGS_RESET (1 << 0) /* VFIO_DEVICE_RESET works */
#define VFIO_DEVICE_FLAGS_PCI (1 << 1)

struct vfio_device_info {
	__u32 argsz;
	__u32 flags;
	__u32 num_regions;
	__u32 num_irqs;
	__u32 cap_offset;
	__u32 pad;
};

#define VFIO_PCI_BAR0_REGION_INDEX 0
#define VFIO_PCI_CONFIG_REGION_INDEX 7
#define VFIO_PCI_NUM_REGIONS 9 /* six BARs, ROM, config space, VGA */
#define VFIO_PCI_NUM_IRQS 5 /* INTx, MSI, MSI-X, error, request */

#define VFIO_REGION_INFO_FLAG_READ (1 << 0)
#define VFIO_REGION_INFO_FLAG_WRITE (1 << 1)
#define VFIO_REGION_INFO_FLAG_MMAP (1 << 2)

/* Region @index of a device: @size bytes from @offset of its descriptor. */
struct vfio_region_info {
	__u32 argsz;
	__u32 flags;
	__u32 index;
	__u32 cap_offset;
	__aligned_u64 size;
	__aligned_u64 offset;
};

struct vfio_irq_info {
	__u32 argsz;
	__u32 flags;
	__u32 index;
	__u32 count; /* 0: has none of them */
};

#define VFIO_DEVICE_BIND_FLAG_TOKEN (1 << 0)

/* A device that was opened by its own node: of this iommufd. The token came in 7.0. */
struct vfio_device_bind_iommufd {
	__u32 argsz;
	__u32 flags;
	__s32 iommufd;
	__u32 out_devid;
	__aligned_u64 token_uuid_ptr;
};

#define VFIO_DEVICE_ATTACH_PASID (1 << 0)
#define VFIO_DEVICE_DETACH_PASID (1 << 0)

/* Attach, or what is attached is replaced. @pt_id, of an IOAS or HWPT, returns the HWPT.
 * @pasid came in 6.15. */
struct vfio_device_attach_iommufd_pt {
	__u32 argsz;
	__u32 flags;
	__u32 pt_id;
	__u32 pasid;
};

struct vfio_device_detach_iommufd_pt {
	__u32 argsz;
	__u32 flags;
	__u32 pasid;
};

/* ---- what a device may have besides (VFIO_DEVICE_FEATURE) ---- */

#define VFIO_DEVICE_FEATURE_MASK 0xffff
#define VFIO_DEVICE_FEATURE_GET (1 << 16)
#define VFIO_DEVICE_FEATURE_SET (1 << 17)
#define VFIO_DEVICE_FEATURE_PROBE (1 << 18) /* only: is it there, for GET, SET or both? */

/* @argsz holds this and the feature's own struct. ENOTTY: there is no such feature. */
struct vfio_device_feature {
	__u32 argsz;
	__u32 flags;
	__u8 data[];
};

#define VFIO_DEVICE_FEATURE_MIGRATION 1
#define VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE 2
#define VFIO_DEVICE_FEATURE_DMA_LOGGING_START 6
#define VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP 7 /* SET without a struct */
#define VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT 8
#define VFIO_DEVICE_FEATURE_MIG_DATA_SIZE 9

#define VFIO_MIGRATION_STOP_COPY (1 << 0)
#define VFIO_MIGRATION_P2P (1 << 1)
#define VFIO_MIGRATION_PRE_COPY (1 << 2)

struct vfio_device_feature_migration {
	__aligned_u64 flags;
};

enum vfio_device_mig_state {
	VFIO_DEVICE_STATE_ERROR = 0, /* until it is reset */
	VFIO_DEVICE_STATE_STOP = 1, /* no DMA, nothing changes */
	VFIO_DEVICE_STATE_RUNNING = 2,
	VFIO_DEVICE_STATE_STOP_COPY = 3, /* as STOP, its state can be read */
	VFIO_DEVICE_STATE_RESUMING = 4, /* as STOP, a state can be written */
	VFIO_DEVICE_STATE_RUNNING_P2P = 5, /* it begins no DMA to other devices */
	VFIO_DEVICE_STATE_PRE_COPY = 6, /* as RUNNING, a first state can be read */
	VFIO_DEVICE_STATE_PRE_COPY_P2P = 7,
	VFIO_DEVICE_STATE_NR = 8,
};

/* SET: go there; @data_fd returns a descriptor, or -1 where there is none. */
struct vfio_device_feature_mig_state {
	__u32 device_state; /* enum vfio_device_mig_state */
	__s32 data_fd;
};

/* GET: how much a STOP_COPY will be, bytes. */
struct vfio_device_feature_mig_data_size {
	__aligned_u64 stop_copy_length;
};

/* What is left to be read in PRE_COPY, and what has come to it since, bytes. */
struct vfio_precopy_info {
	__u32 argsz;
	__u32 flags;
	__aligned_u64 initial_bytes;
	__aligned_u64 dirty_bytes;
};

/* SET: log the writes of the device within @num_ranges ranges. */
struct vfio_device_feature_dma_logging_control {
	__aligned_u64 page_size; /* wished for; returns what it will be */
	__u32 num_ranges;
	__u32 __reserved;
	__aligned_u64 ranges;
};

struct vfio_device_feature_dma_logging_range {
	__aligned_u64 iova;
	__aligned_u64 length;
};

/* GET: set the bits of pages that were written since they were last reported. On an
 * error all is to be taken as written. */
struct vfio_device_feature_dma_logging_report {
	__aligned_u64 iova;
	__aligned_u64 length;
	__aligned_u64 page_size;
	__aligned_u64 bitmap;
};

#endif
