/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The reference's own control interface: plug modelled IOMMUs and devices,
 * make devices write, look inside. It is spoken on the same descriptor as
 * iommufd's ioctls and follows the same size rules (abi/iommufd.h). It is no
 * part of what is tested.
 */
#ifndef IODIRTY_ABI_IODIRTY_H
#define IODIRTY_ABI_IODIRTY_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define IODIRTY_TYPE 0xD1
#define IODIRTY_NAME_LEN 16

#define IODIRTY_FORMAT_INFO _IO(IODIRTY_TYPE, 0x00)
#define IODIRTY_PLUG _IO(IODIRTY_TYPE, 0x01)
#define IODIRTY_UNPLUG _IO(IODIRTY_TYPE, 0x02)
#define IODIRTY_ATTACH _IO(IODIRTY_TYPE, 0x03)
#define IODIRTY_DETACH _IO(IODIRTY_TYPE, 0x04)
#define IODIRTY_DMA _IO(IODIRTY_TYPE, 0x05)
#define IODIRTY_STREAM_START _IO(IODIRTY_TYPE, 0x06)
#define IODIRTY_STREAM_QUERY _IO(IODIRTY_TYPE, 0x07)
#define IODIRTY_STATS _IO(IODIRTY_TYPE, 0x08)
#define IODIRTY_TABLE_READ _IO(IODIRTY_TYPE, 0x09)
#define IODIRTY_LEAF _IO(IODIRTY_TYPE, 0x0a)
#define IODIRTY_ENGINE _IO(IODIRTY_TYPE, 0x0b)
#define IODIRTY_FAIL_NTH _IO(IODIRTY_TYPE, 0x0c)
#define IODIRTY_MEMLOCK _IO(IODIRTY_TYPE, 0x0d)
#define IODIRTY_SPLIT _IO(IODIRTY_TYPE, 0x0e)
#define IODIRTY_UNMAP_DIRTY _IO(IODIRTY_TYPE, 0x0f)
#define IODIRTY_VFIO_PLUG _IO(IODIRTY_TYPE, 0x10)
#define IODIRTY_VFIO_UNPLUG _IO(IODIRTY_TYPE, 0x11)
#define IODIRTY_VFIO_OPEN _IO(IODIRTY_TYPE, 0x12)
#define IODIRTY_VFIO_ID _IO(IODIRTY_TYPE, 0x13)
#define IODIRTY_RECORD _IO(IODIRTY_TYPE, 0x14)

enum iodirty_format_flags {
	IODIRTY_FORMAT_DIRTY = 1 << 0, /* hardware can set dirty bits */
	IODIRTY_FORMAT_NEST_PARENT = 1 << 1,
	/* DIRTY and PASID may be asked for in one HWPT_ALLOC */
	IODIRTY_FORMAT_DIRTY_PASID = 1 << 2,
	/* Of the format before it: one IOMMU reads the tables of both. */
	IODIRTY_FORMAT_VARIANT = 1 << 3,
	/* What may be written may be read too: write alone cannot be expressed. */
	IODIRTY_FORMAT_WRITE_READS = 1 << 4,
	/* Caches tag what they hold by PASID besides the table: first stages. */
	IODIRTY_FORMAT_TAGS_PASID = 1 << 5,
	/* IODIRTY_CLEAR_MASKED may be used: hardware writes nothing more that matters in
	 * an entry that is dirty. */
	IODIRTY_FORMAT_MASKED = 1 << 6,
	/* IODIRTY_ENGINE_SKIP may be used: hardware sets A in the entries that lead to
	 * tables. */
	IODIRTY_FORMAT_SKIP = 1 << 7,
};

/* The @index-th page-table format; ENOENT past the last. */
struct iodirty_format_info {
	__u32 size;
	__u32 index;
	char name[IODIRTY_NAME_LEN];
	__u32 flags;
	__u32 granule_lg2; /* log2 of the smallest leaf, bytes */
	__aligned_u64 leaf_sizes; /* bit n: leaves of 2^n bytes exist */
	__aligned_u64 aperture_first;
	__aligned_u64 aperture_last;
};

enum iodirty_plug_flags {
	/* The IOMMU in front of this device cannot track. Taken from the
	 * device that creates the IOMMU; must match on a shared one. */
	IODIRTY_PLUG_NO_DIRTY = 1 << 0,
	/* The device caches translations itself (PCIe ATS). It asks for write
	 * permission when it writes; a page is dirty once that was asked for. */
	IODIRTY_PLUG_ATS = 1 << 1,
	/* With ATS: it asks for write permission when it reads, too. */
	IODIRTY_PLUG_ATS_EAGER = 1 << 2,
	/* The sizes of caches below are meant; else the IOMMU, if it is new, has an
	 * IOTLB of 128 sets of 4 ways and a walk cache of 64 entries, and the device,
	 * if it has ATS, one of 64. */
	IODIRTY_PLUG_CACHES = 1 << 3,
};

/* The most of each; whatever is 0 never holds anything. */
#define IODIRTY_IOTLB_SETS_MAX 4096
#define IODIRTY_IOTLB_WAYS_MAX 16
#define IODIRTY_WALK_ENTRIES_MAX 1024
#define IODIRTY_ATC_ENTRIES_MAX 1024

/*
 * Plug a device and bind it to this descriptor. EOPNOTSUPP unknown flag, or a size
 * of a cache without CACHES; ENOENT unknown format or iommu; EINVAL format or
 * caches of a shared IOMMU differ, a size above its maximum, sets without ways or
 * ways without sets, what is of ATS without it.
 */
struct iodirty_plug {
	__u32 size;
	__u32 flags;
	char format[IODIRTY_NAME_LEN];
	__u32 iommu_id; /* 0: a new modelled IOMMU; returns its number */
	__u32 pasid_width; /* 0: no PASIDs; at most 20 */
	__aligned_u64 resv_start; /* range no mapping may use, e.g. MSI */
	__aligned_u64 resv_length;
	__u32 out_dev_id;
	__u32 __reserved;
	/* Everything below may be left out by an older caller. */
	__u32 iotlb_sets;
	__u32 iotlb_ways;
	__u32 walk_entries; /* tables on the way to leaves */
	__u32 atc_entries; /* of the device's own, also behind a shared IOMMU */
};

/* Surprise removal: DMA stops, every PASID detaches, the id is gone. */
struct iodirty_unplug {
	__u32 size;
	__u32 dev_id;
};

enum iodirty_attach_flags {
	IODIRTY_ATTACH_REPLACE = 1 << 0, /* swap atomically what is attached */
};

/* pasid 0 is the device's own requests. Errors are those of Linux's attach. */
struct iodirty_attach {
	__u32 size;
	__u32 flags;
	__u32 dev_id;
	__u32 pasid;
	__u32 pt_id; /* IOAS or HWPT; returns the HWPT in use */
	__u32 __reserved;
};

struct iodirty_detach {
	__u32 size;
	__u32 dev_id;
	__u32 pasid;
	__u32 __reserved;
};

enum iodirty_dma_op {
	IODIRTY_DMA_READ = 0,
	IODIRTY_DMA_WRITE = 1,
	/* PCIe AtomicOps, naturally aligned, length 4 or 8 */
	IODIRTY_DMA_FETCH_ADD = 2,
	IODIRTY_DMA_SWAP = 3,
	IODIRTY_DMA_CAS = 4,
};

enum iodirty_fault {
	IODIRTY_FAULT_NONE = 0,
	IODIRTY_FAULT_NOT_ATTACHED = 1, /* no context for the (device, PASID) */
	IODIRTY_FAULT_NOT_PRESENT = 2,
	IODIRTY_FAULT_PERMISSION = 3,
	IODIRTY_FAULT_ADDRESS = 4, /* IOVA beyond what the table translates */
	IODIRTY_FAULT_MEMORY = 5, /* the page behind the mapping is gone */
	IODIRTY_FAULT_BAD_TABLE = 6, /* an entry the manual reserves */
	IODIRTY_FAULT_STOPPED = 7, /* the device does no DMA in its migration state */
};

/*
 * One DMA by (device, PASID), complete on return. A fault of the modelled
 * hardware is not an error of the ioctl: it returns 0 with @out_fault set and
 * @out_done saying how many bytes were moved before it.
 */
struct iodirty_dma {
	__u32 size;
	__u32 op;
	__u32 dev_id;
	__u32 pasid;
	__aligned_u64 iova;
	__aligned_u64 length;
	__aligned_u64 data; /* READ: buffer to fill. WRITE: bytes to write */
	__aligned_u64 operand; /* atomics: addend, or new value */
	__aligned_u64 compare; /* CAS */
	__aligned_u64 out_old; /* atomics: value before */
	__aligned_u64 out_done;
	__aligned_u64 out_fault_iova;
	__u32 out_fault; /* enum iodirty_fault */
	__u32 __reserved;
};

enum iodirty_pattern {
	IODIRTY_PATTERN_SEQUENTIAL = 0, /* slot n mod slots */
	IODIRTY_PATTERN_RANDOM = 1, /* slot mix(seed + n) mod slots */
};

/*
 * A background stream: a thread of its own that writes 8 bytes, the value n,
 * at iova + slot * stride for n = 0, 1, 2 ... With slots = length / stride,
 * slot is n mod slots, or for RANDOM z mod slots with
 *   z = seed + (n + 1) * 0x9e3779b97f4a7c15
 *   z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
 *   z = (z ^ (z >> 27)) * 0x94d049bb133111eb
 *   z = z ^ (z >> 31)				(SplitMix64)
 * so that whoever knows @out_completed knows every address written.
 */
struct iodirty_stream_start {
	__u32 size;
	__u32 pattern;
	__u32 dev_id;
	__u32 pasid;
	__aligned_u64 iova;
	__aligned_u64 length;
	__aligned_u64 stride; /* multiple of 8, at most length */
	__aligned_u64 seed;
	__aligned_u64 rate; /* writes a second, 0: flat out */
	__aligned_u64 count; /* stop after so many, 0: until told */
	__u32 out_stream_id;
	__u32 __reserved;
};

enum iodirty_stream_flags {
	IODIRTY_STREAM_STOP = 1 << 0, /* stop, wait for it, free the id */
};

struct iodirty_stream_query {
	__u32 size;
	__u32 flags;
	__u32 stream_id;
	__u32 __reserved;
	__aligned_u64 out_completed; /* writes 0 .. out_completed - 1 are done */
	__aligned_u64 out_faults; /* how many of these faulted */
};

/* Counters of the modelled hardware and of the harvest, since open. */
struct iodirty_stats {
	__u32 size;
	__u32 __reserved;
	__aligned_u64 dma_ops;
	__aligned_u64 iotlb_hits;
	__aligned_u64 iotlb_misses;
	__aligned_u64 walks;
	__aligned_u64 dirty_sets; /* D bits set by hardware */
	__aligned_u64 invalidations; /* commands to the IOMMUs' own caches */
	__aligned_u64 invalidated_bytes; /* IOVA span they covered */
	__aligned_u64 cleaned_bytes; /* IOVA of leaves made clean */
	__aligned_u64 entries_scanned;
	__aligned_u64 entries_cleared;
	__aligned_u64 pinned_pages;
	__aligned_u64 table_pages;
	__aligned_u64 requests_served; /* page requests answered SUCCESS */
	__aligned_u64 requests_refused; /* answered INVALID, or by nobody */
	/* Everything below may be left out by an older caller. */
	__aligned_u64 walk_cache_hits; /* walks that began at a cached table */
	__aligned_u64 walk_cache_misses; /* walks that began at the root */
	__aligned_u64 atc_hits; /* accesses that devices translated by themselves */
	__aligned_u64 atc_misses; /* accesses that devices asked the IOMMU for */
	__aligned_u64 atc_invalidations; /* commands to devices' caches */
	__aligned_u64 waits; /* for commands to be complete */
	__aligned_u64 harvest_pieces; /* in which GET_DIRTY_BITMAP has looked at its ranges */
	__aligned_u64 window_pins; /* of callers' bitmaps, by GET_DIRTY_BITMAP */
	/* With IODIRTY_ENGINE_SKIP, leaf tables wholly within what was asked for. */
	__aligned_u64 tables_passed; /* A was clear: not looked at */
	__aligned_u64 tables_accessed; /* A was set */
};

enum iodirty_table_order {
	IODIRTY_TABLES_WALK = 0, /* as a harvest comes to them */
	IODIRTY_TABLES_LINEAR = 1, /* by where they lie in memory */
};

enum iodirty_table_flags {
	/* Instead of reading: take the tables out of the processor's caches. EOPNOTSUPP
	 * where it has no way to. */
	IODIRTY_TABLE_EVICT = 1 << 0,
};

/*
 * Read every IOPTE word of the tables that translate the range once and add them up:
 * the least that any harvest must do. There are several loops that read, since which is
 * the fastest depends on the machine; their sum is the same. ERANGE past the last,
 * EOPNOTSUPP for one that this processor does not have.
 */
struct iodirty_table_read {
	__u32 size;
	__u32 hwpt_id;
	__aligned_u64 iova;
	__aligned_u64 length;
	__aligned_u64 out_entries;
	__aligned_u64 out_sum;
	/* Everything below may be left out by an older caller. */
	__u32 loop; /* which; 0 is there on any processor */
	__u32 order; /* enum iodirty_table_order */
	__u32 flags; /* enum iodirty_table_flags */
	__u32 __reserved;
	__aligned_u64 out_ns; /* processor time of the reading alone */
	char out_loop[IODIRTY_NAME_LEN];
};

enum iodirty_record_op {
	IODIRTY_RECORD_START = 0, /* room for @capacity entries; what was not read is gone */
	IODIRTY_RECORD_READ = 1, /* the oldest, up to @count, to @entries: they are then gone */
	IODIRTY_RECORD_STOP = 2, /* no more; what is there can still be read */
};

#define IODIRTY_RECORD_MAX (1U << 20)

/* What a device of this descriptor read or wrote: bytes that were moved, in the order in
 * which that was complete. */
struct iodirty_record_entry {
	__aligned_u64 ns; /* since START */
	__aligned_u64 iova;
	__aligned_u64 length;
	__u32 dev_id; /* of an mdev: of its access */
	__u32 pasid;
	__u32 op; /* enum iodirty_dma_op */
	__u32 __reserved;
};

/*
 * A record of all DMA of the devices of this descriptor, by whoever caused it. DMA never
 * waits for it: who finds no room is counted in @out_lost, since START. EINVAL a capacity
 * that is 0 or above the maximum, or STOP of what was not started; EBUSY started already,
 * or whoever opened the machine keeps the record (`iodirty run --record`);
 * EOPNOTSUPP unknown op. A READ that fails takes nothing.
 */
struct iodirty_record {
	__u32 size;
	__u32 op;
	__u32 capacity;
	__u32 count;
	__aligned_u64 entries;
	__aligned_u64 out_lost;
	__u32 out_count;
	__u32 __reserved;
};

/* The leaf that maps @iova: ENOENT where nothing is mapped. */
struct iodirty_leaf {
	__u32 size;
	__u32 hwpt_id;
	__aligned_u64 iova;
	__aligned_u64 out_start; /* first IOVA of the leaf */
	__u32 out_lg2; /* log2 of its size */
	__u32 out_dirty;
};

enum iodirty_engine_op {
	IODIRTY_ENGINE_GET_INDEX = 0, /* the @index-th: its name; ENOENT past the last */
	IODIRTY_ENGINE_SELECT = 1, /* by @name, for this descriptor */
	IODIRTY_ENGINE_GET = 2, /* what is selected; at first the first that is usable */
};

enum iodirty_engine_flags {
	/* Pass over tables below an entry whose A is clear: of any table that is looked
	 * at, A is cleared first, and walk caches invalidated. */
	IODIRTY_ENGINE_SKIP = 1 << 0,
	/* Fetch tables ahead of the scan where they do not follow one another. */
	IODIRTY_ENGINE_PREFETCH = 1 << 1,
};

enum iodirty_clear {
	IODIRTY_CLEAR_LOCKED = 0, /* one atomic operation a dirty entry */
	/* Plain stores, or a vector's of just those lanes that were dirty: relies on
	 * stores of 8 bytes being whole. */
	IODIRTY_CLEAR_MASKED = 1,
};

/*
 * How a harvest looks at entries and cleans them; never what it finds. SELECT: ENOENT no
 * such engine; EOPNOTSUPP one that this processor does not have, an unknown flag or way to
 * clear, or one that the format of a HWPT which is there rules out (one that is made later
 * is harvested LOCKED, without SKIP).
 */
struct iodirty_engine {
	__u32 size;
	__u32 op;
	__u32 index;
	__u32 flags; /* SELECT, GET: enum iodirty_engine_flags */
	char name[IODIRTY_NAME_LEN];
	/* Everything below may be left out by an older caller. */
	__u32 clear; /* SELECT, GET: enum iodirty_clear */
	__u32 out_usable; /* but for SELECT: this processor has it */
	char out_summary[64]; /* likewise: a line for people */
};

/*
 * Failure injection: the @nth next allocation, pin, user copy or object lookup
 * of the calling thread fails once. @nth 0 switches it off. @out_left is what
 * was left of the previous setting: 0 means that it struck.
 */
struct iodirty_fail_nth {
	__u32 size;
	__u32 nth;
	__u32 out_left;
	__u32 __reserved;
};

/* The modelled RLIMIT_MEMLOCK in bytes; U64_MAX (the default): none. */
struct iodirty_memlock {
	__u32 size;
	__u32 __reserved;
	__aligned_u64 limit;
};

enum iodirty_split_policy {
	/* Leaves stay as mapped; a write is reported with all of its leaf. */
	IODIRTY_SPLIT_KEEP = 0,
	/* While tracking is on all leaves are of the smallest size. An entry is made
	 * invalid before another size takes its place: DMA in between faults. */
	IODIRTY_SPLIT_BREAK_BEFORE_MAKE = 1,
	/* The same, an entry replaced by one store: DMA goes on. */
	IODIRTY_SPLIT_IN_PLACE = 2,
};

/*
 * What becomes of large leaves of a HWPT when tracking is enabled; disable makes them
 * what they were. EBUSY while tracking is on, EOPNOTSUPP an unknown policy, or a HWPT
 * that is not for tracking.
 */
struct iodirty_split {
	__u32 size;
	__u32 hwpt_id;
	__u32 policy; /* enum iodirty_split_policy */
	__u32 __reserved;
};

/*
 * An extension: IOMMU_IOAS_UNMAP that loses no write. What was written, by DMA through
 * any HWPT of the IOAS that is for tracking, until no device reaches the range any more
 * is reported, together with what earlier harvests left: of each such HWPT what
 * GET_DIRTY_BITMAP of the range would report at that moment, in one bitmap, by the rules
 * of that (bits are only ever set). The range must be whole mappings, without a hole.
 *
 * Errors are those of the two, and EOPNOTSUPP: no HWPT of the IOAS is for tracking;
 * E2BIG: a bitmap of more than 64 MiB, where a greater page_size makes do with less. An
 * error has unmapped nothing, and no bit is lost: the next harvest reports all again.
 * Bits may be set in the bitmap by then, for what was written. All checks, and that all
 * of the bitmap can be written, come before the first mapping is touched. Only if a
 * program takes its bitmap away during the call, EFAULT comes after: then DMA to the
 * range may have faulted meanwhile.
 */
struct iodirty_unmap_dirty {
	__u32 size;
	__u32 flags; /* 0 */
	__u32 ioas_id;
	__u32 __reserved;
	__aligned_u64 iova;
	__aligned_u64 length; /* all of it is unmapped, or nothing */
	__aligned_u64 page_size;
	__aligned_u64 data;
};

/* ---- VFIO devices ---- */

enum iodirty_vfio_kind {
	IODIRTY_VFIO_PCI = 0, /* a function with a requester id of its own */
	/* Software: it reaches memory by the processor, through access objects. */
	IODIRTY_VFIO_MDEV = 1,
	/* Of a function that the host keeps: its DMA carries @pasid. */
	IODIRTY_VFIO_MDEV_PASID = 2,
};

enum iodirty_vfio_flags {
	IODIRTY_VFIO_NO_DIRTY = 1 << 0, /* the IOMMU in front of it cannot track */
	IODIRTY_VFIO_LOG = 1 << 1, /* has DMA logging */
	IODIRTY_VFIO_MIGRATION = 1 << 2, /* STOP_COPY */
	IODIRTY_VFIO_P2P = 1 << 3, /* with MIGRATION */
	IODIRTY_VFIO_PRE_COPY = 1 << 4, /* with MIGRATION */
};

/*
 * A VFIO device of the modelled machine, until it is unplugged or this descriptor is
 * closed. An IOMMU of @format of its own is in front of it. EOPNOTSUPP unknown kind or
 * flag; ENOENT unknown format; EINVAL what does not go together.
 */
struct iodirty_vfio_plug {
	__u32 size;
	__u32 flags;
	__u32 kind; /* enum iodirty_vfio_kind */
	__u32 pasid; /* MDEV_PASID: not 0; else 0 */
	char format[IODIRTY_NAME_LEN];
	__u32 pasid_width; /* PCI: PASIDs that it can attach by; at most 20 */
	/* LOG: pages that it can note between two reports; 0: any number. */
	__u32 log_entries;
	__u32 out_vfio_id;
	__u32 out_number; /* of its nodes; VFIO_GROUP_GET_DEVICE_FD knows it as "vfioN" */
};

/* Surprise removal, whatever it is attached to and doing. */
struct iodirty_vfio_unplug {
	__u32 size;
	__u32 vfio_id;
};

enum iodirty_vfio_node {
	IODIRTY_VFIO_DEVICE = 0, /* /dev/vfio/devices/vfioN */
	IODIRTY_VFIO_GROUP = 1, /* /dev/vfio/N; each device is a group */
	IODIRTY_VFIO_CONTAINER = 2, /* /dev/vfio/vfio; @vfio_id is 0 */
};

/* Open a node of VFIO: a descriptor. */
struct iodirty_vfio_open {
	__u32 size;
	__u32 node;
	__u32 vfio_id;
	__s32 out_fd;
};

/*
 * On the descriptor of a group: the id of its device among the objects of what that is
 * bound to. A container with an IOMMU driver takes all ioctls of this file but this and acts on
 * objects of its own: so its devices do DMA by IODIRTY_DMA and streams. ENODEV: bound to nothing.
 */
struct iodirty_vfio_id {
	__u32 size;
	__u32 out_dev_id;
};

/*
 * BAR 0 of a modelled device, which does DMA while Bus Master Enable, bit 2 of the
 * command register in config space, is set. To 0xff and from 0x40000 on it is QEMU's edu (its
 * docs/specs/edu), but that a transfer is complete when the write of its command is.
 * Registers are of 8 bytes, naturally aligned; halves of them may be accessed, and what
 * they command is in the lower one.
 */
#define IODIRTY_BAR_SIZE (1 << 20)
#define IODIRTY_BAR_VENDOR 0x1234
#define IODIRTY_BAR_DEVICE 0x11e8

enum iodirty_bar {
	IODIRTY_BAR_ID = 0x00, /* 0x010000ed; 4 bytes */
	IODIRTY_BAR_LIVENESS = 0x04, /* reads as the complement of what was written; 4 bytes */
	IODIRTY_BAR_DMA_SOURCE = 0x80,
	IODIRTY_BAR_DMA_DESTINATION = 0x88,
	IODIRTY_BAR_DMA_COUNT = 0x90,
	IODIRTY_BAR_DMA_COMMAND = 0x98, /* 1: from memory to the buffer; 3: to memory */
	IODIRTY_BAR_DMA_FAULT = 0xa0, /* of the last transfer: enum iodirty_fault; read-only */
	IODIRTY_BAR_DMA_PASID =
		0xa8, /* that transfers carry; 0: none. Not MDEV_PASID, which has its own */
	/* A generator that writes on its own, as a stream does (struct iodirty_stream_start). */
	IODIRTY_BAR_GEN_IOVA = 0x1000,
	IODIRTY_BAR_GEN_LENGTH = 0x1008,
	IODIRTY_BAR_GEN_STRIDE = 0x1010,
	IODIRTY_BAR_GEN_SEED = 0x1018,
	IODIRTY_BAR_GEN_RATE = 0x1020,
	IODIRTY_BAR_GEN_COUNT = 0x1028,
	IODIRTY_BAR_GEN_PATTERN = 0x1030, /* enum iodirty_pattern */
	IODIRTY_BAR_GEN_PASID = 0x1038,
	/* 1: begin, from write 0; 0: stop, complete with the write. Reads 1 until it is
	 * stopped; where what the registers say is no stream, it stays 0. */
	IODIRTY_BAR_GEN_CONTROL = 0x1040,
	IODIRTY_BAR_GEN_COMPLETED = 0x1048, /* read-only, as the next */
	IODIRTY_BAR_GEN_FAULTS = 0x1050,
	/*
	 * Of an MDEV only; others read 0. Pages that it keeps pinned, for writing, until they
	 * are unpinned, unmapped, or it is reset or leaves where it is attached.
	 */
	IODIRTY_BAR_PIN_IOVA = 0x2000,
	IODIRTY_BAR_PIN_LENGTH = 0x2008, /* at most 1 GiB */
	/* 1: pin those of this range; 0: unpin what one such command with this range
	 * has pinned. Reads how many pages are pinned, as often as they are. */
	IODIRTY_BAR_PIN_CONTROL = 0x2010,
	/* Of the last such command: an errno, positive; 0: it was done. Read-only. */
	IODIRTY_BAR_PIN_ERROR = 0x2018,
	IODIRTY_BAR_BUFFER = 0x40000,
};

#define IODIRTY_BAR_BUFFER_SIZE 4096

#endif
