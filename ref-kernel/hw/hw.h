/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Modelled IOMMU hardware and devices: what the manuals say hardware does.
 *
 * It walks tables by its own code (hw/walk_*.c) and shares with pgtable/ only
 * the bit constants. It knows nothing of iommufd; the driver's side of
 * iommufd/ programs it through this header as a driver programs registers.
 *
 * Concurrency: DMA of any number of threads runs against everything here. An
 * invalidation is complete when a wait for it has returned: no DMA that used the
 * old translation is still under way.
 */
#ifndef IODIRTY_HW_H
#define IODIRTY_HW_H

#include "port.h"
#include "abi/iodirty.h"

struct hw_iommu;
struct hw_dev;

/* What a register or a context entry says about the tables to walk. */
struct hw_geometry {
	const char *format; /* name of a page-table format: which walker */
	unsigned int granule_lg2, index_lg2, levels;
	unsigned int input_lg2; /* bits of the address that they translate */
};

/* Constant for the life of a modelled IOMMU. */
struct hw_iommu_config {
	struct hw_geometry tables;
	bool dirty; /* can set D bits at all */
	/* Cached translations are of one PASID (VT-d first stage: DID and PASID; Arm
	 * stage 1: VMID and ASID; RISC-V: GSCID and PSCID), not of all of a domain
	 * (VT-d second stage: DID; AMD host tables: DomainID). */
	bool pasid_tagged;
	unsigned int iotlb_sets, iotlb_ways; /* 0: no IOTLB */
	unsigned int walk_entries; /* of the cache of tables on the way; 0: none */
};

/* NULL with *@err -ENOMEM, or -ENOENT if no walker knows the format. */
struct hw_iommu *hw_iommu_create(const struct hw_iommu_config *config, int *err);
void hw_iommu_destroy(struct hw_iommu *iommu); /* no devices are left */

/* A device (requester id) behind @iommu. NULL: no memory. */
struct hw_dev *hw_dev_create(struct hw_iommu *iommu);
/* The caller has stopped its streams and removed every context. */
void hw_dev_destroy(struct hw_dev *dev);

/* A cache of translations in the device, which it asks the IOMMU for (PCIe ATS). */
struct hw_ats {
	unsigned int entries; /* 0: it asks each time */
	bool eager; /* it asks for write permission to read, too; else to write only */
};
/* Before @dev has any context. -ENOMEM. */
int hw_dev_ats(struct hw_dev *dev, const struct hw_ats *ats);

/*
 * A tracker in the device: @note is told of each write, by whatever PASID, once it is
 * translated and before its bytes move; by several threads at once. NULL: of none. On return no
 * write is under way that would have been told otherwise.
 */
void hw_dev_log(struct hw_dev *dev, void (*note)(void *data, u64 iova, u64 length), void *data);
/* Stopped, it does no DMA: that faults as STOPPED, streams wait. On return none is
 * under way. */
void hw_dev_stop(struct hw_dev *dev, bool stop);

/* A record of what devices did, of any number of them: IODIRTY_RECORD. */
struct hw_recorder {
	u64 on; /* port_load()ed; changed under lock */
	struct port_mutex read_lock; /* over what a reader does between peek and drop */
	struct port_mutex lock; /* all below; innermost */
	struct iodirty_record_entry *entries; /* a ring */
	u64 capacity, first, n, lost, start_ns;
};

void hw_recorder_init(struct hw_recorder *r);
/* Nobody uses it any more. */
void hw_recorder_destroy(struct hw_recorder *r);
/* -EINVAL, -ENOMEM, -EBUSY: as IODIRTY_RECORD_START. read_lock is free. */
int hw_recorder_start(struct hw_recorder *r, u32 capacity);
int hw_recorder_stop(struct hw_recorder *r); /* -EINVAL */
/* Copy up to @n of the oldest, and, with the same read_lock held, let them go. */
u32 hw_recorder_peek(struct hw_recorder *r, struct iodirty_record_entry *out, u32 n, u64 *lost);
void hw_recorder_drop(struct hw_recorder *r, u32 n);
/* By whoever moved these bytes, when they are where they belong. */
void hw_recorder_note(struct hw_recorder *r, u32 dev_id, u32 pasid, enum iodirty_dma_op op,
		      u64 iova, u64 length);
/* All DMA of @dev, as device @id: before it does any. */
void hw_dev_record(struct hw_dev *dev, struct hw_recorder *recorder, u32 id);

enum hw_stage1_kind {
	HW_STAGE1_NONE, /* or bypassed */
	HW_STAGE1_ABORT, /* every request is refused: SMMUv3 STE.Config 0b000 */
	HW_STAGE1_TABLE, /* VT-d: the PASID-table entry names the root table, FSPTPTR */
	HW_STAGE1_CD, /* SMMUv3: STE.S1ContextPtr names context descriptors */
};

/* STE.S1DSS, 5.2 of the SMMU's manual: requests without a PASID, where there are
 * descriptors for PASIDs. */
enum hw_dss { HW_DSS_TERMINATE = 0, HW_DSS_BYPASS = 1, HW_DSS_CD0 = 2 };

/*
 * A guest's stage 1. The tables of the context are then stage 2, and each address that
 * stage 1 comes to, be it of its own tables or of a page, is an input of stage 2.
 */
struct hw_stage1 {
	enum hw_stage1_kind kind;
	u32 tag; /* of what is cached of it, beside the domain; not 0 */
	struct hw_geometry tables; /* TABLE */
	u64 address; /* of the root table, or of the first descriptor */
	/* CD: how many descriptors there are, log2: STE.S1CDMax. More than one: one
	 * context entry, of pasid 0, serves all PASIDs of the device. */
	unsigned int cds_lg2;
	enum hw_dss dss; /* CD */
};

/* A context entry: what (device, PASID) translates through. */
struct hw_context {
	u64 root_phys; /* root table */
	u32 domain; /* tag of what is cached; the same root, the same tag */
	bool dirty; /* set D (and A) bits: AMD DTE.HAD, VT-d SSADE */
	struct hw_stage1 stage1;
};

/*
 * Write the context entry of (@dev, @pasid), pasid 0 being the device's own
 * requests; NULL removes it. The context cache entry, what is cached of the
 * domains before and after, and what the device itself has cached for the PASID
 * are invalidated, complete on return. -ENOMEM leaves what was there; removing,
 * and rewriting one that exists, cannot fail.
 */
int hw_context_set(struct hw_dev *dev, u32 pasid, const struct hw_context *ctx);

/* ---- invalidation ---- */

#define HW_ANY (~0U) /* each domain, PASID, or stage 1 */

enum hw_inv_kind {
	/*
	 * [first, last] of @domain and @pasid (or HW_ANY). What is cached of two stages
	 * as one is known by its address before stage 1 alone, so this does not find
	 * it: SMMUv3 TLBI_S2_IPA; VT-d, page-selective within a second stage.
	 */
	HW_INV_RANGE,
	/* [first, last], addresses before stage 1, of what went through stage 1 @stage1
	 * over @domain: SMMUv3 TLBI_NH_VA; VT-d, PASID-based. */
	HW_INV_STAGE1,
	HW_INV_PASID, /* all of @domain and @pasid */
	HW_INV_DOMAIN, /* all of @domain, of two stages too: SMMUv3 TLBI_S12_VMALL */
	HW_INV_GLOBAL,
	HW_INV_ATC, /* [first, last] of @pasid (or HW_ANY) in the cache of @dev */
};

/* A command. Where cached translations have no PASID, one selects all. */
struct hw_inv {
	enum hw_inv_kind kind;
	/* RANGE: leaves only; no place on the way to them, so no table may have been
	 * taken away (VT-d IH set, AMD PDE clear, Arm's last-level TLBI). */
	bool leaf_only;
	u32 domain, pasid, stage1;
	u64 first, last;
	struct hw_dev *dev; /* ATC: behind this IOMMU */
};

/*
 * Put @cmd on the queue. It need not have had any effect before a wait; that of a
 * device's cache should be issued when the IOMMU's are clean, and that waited for:
 * the device may ask again at once for what it is told to forget.
 */
void hw_inv_issue(struct hw_iommu *iommu, const struct hw_inv *cmd);
/* Returns when all that was issued before is complete. */
void hw_inv_wait(struct hw_iommu *iommu);

struct hw_fault {
	enum iodirty_fault reason;
	u64 iova;
};

/*
 * One DMA, IOVA [iova, iova + length) to or from @buf, split where translation
 * requires. For each part: the device's own cache if it has one; IOTLB; else walk, setting A and, for a write, D
 * atomically in the entry used; then the bytes. Returns the bytes moved; fewer
 * than @length means *@fault. A write is visible, and its D bit set, on return.
 */
u64 hw_dma(struct hw_dev *dev, u32 pasid, bool write, u64 iova, void *buf, u64 length,
	   struct hw_fault *fault);
/* A PCIe AtomicOp of 4 or 8 bytes: a write, whatever it compares. */
bool hw_dma_atomic(struct hw_dev *dev, u32 pasid, enum iodirty_dma_op op, u64 iova,
		   unsigned int size, u64 operand, u64 compare, u64 *old, struct hw_fault *fault);

/* 8 bytes, from a stream: STOPPED is tried again until it is not. */
typedef enum iodirty_fault hw_stream_write(void *data, u32 pasid, u64 iova, u64 value);
hw_stream_write hw_dev_write; /* @data: a struct hw_dev */

/* A background stream (abi/iodirty.h says what it writes where), from write @first on. */
struct hw_stream;
struct hw_stream *hw_stream_start(hw_stream_write *write, void *data,
				  const struct iodirty_stream_start *s, u64 first, int *err);
/* Writes 0 .. *completed - 1 are done, their D bits set. *@faults: of those from @first on. */
void hw_stream_query(struct hw_stream *s, u64 *completed, u64 *faults);
/* Stop it and wait; it can still be queried. Any number of callers, any number
 * of times. */
void hw_stream_halt(struct hw_stream *s);
void hw_stream_stop(struct hw_stream *s); /* halt and free */

/* Adds this IOMMU's counters to @stats. */
void hw_stats(struct hw_iommu *iommu, struct iodirty_stats *stats);

/* ---- between the files of hw/ ---- */

/* One translation as a walker finds it. */
struct hw_xlate {
	u64 pa; /* of @iova */
	u64 iova_first; /* the leaf */
	unsigned int lg2;
	bool read, write;
	bool dirty; /* D is known to be set */
};

/* Whose a cached translation, or place, is. */
struct hw_tag {
	u32 domain;
	u32 pasid; /* 0 where there is no telling them apart */
	u32 stage1; /* struct hw_stage1's; 0: of the domain's own tables alone */
};

struct hw_nest;

/* One walk, and on whose behalf. */
struct hw_walk {
	const struct hw_geometry *tables;
	u64 root; /* address of the root table */
	u64 iova;
	bool write;
	bool track; /* A and D are updated, where the manual leaves that to a switch */
	bool access_only; /* of these, A: Arm's HA without HD */
	u64 *dirty_sets; /* port_count()ed */
	struct hw_iommu *iommu; /* whose walk cache it uses; NULL: none */
	struct hw_tag tag;
	struct hw_nest *nest; /* a walk of stage 1 (nest.c); NULL: table addresses are physical */
	enum iodirty_fault fault; /* why hw_walk_entry() or hw_walk_mark() gave up */
};

/* A table that a walk has come to: what a walk cache holds of it. */
struct hw_place {
	unsigned int level; /* as the walker counts */
	unsigned int lg2; /* bytes that the whole table translates */
	u64 table; /* its address */
	u64 allowed; /* permission bits that all entries above gave, as the walker has them */
};

/*
 * A format's walk, by its manual. Sets A, and D for a write, in the entry used, as
 * the manual says. Faults: NOT_PRESENT, PERMISSION, ADDRESS, BAD_TABLE, and what
 * hw_walk_entry() and hw_walk_mark() say. It may begin anew, from hw_walk_begin(),
 * as often as entries change under it.
 */
struct hw_walker {
	const char *format;
	bool always; /* A and D are updated whatever the context says */
	enum iodirty_fault (*walk)(struct hw_walk *w, struct hw_xlate *out);
};

extern const struct hw_walker *const hw_walkers[]; /* ended by NULL */

#endif
