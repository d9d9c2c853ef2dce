/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The objects behind a descriptor and the locks over them. Private to
 * ref-kernel/iommufd.
 *
 * Lock order, outermost first:
 *	test_access.lock	what the test interface has pinned (test_access.c)
 *	access->lock		the IOAS of an access, and its pins
 *	ctx->attach_lock	who is attached to what; tracking on or off
 *	fault->lock		page requests that are not answered
 *	ioas->rwsem		areas, reserved ranges, the HWPTs filled from them
 *	registry_lock		the list of all iopages (pages.c)
 *	pages->lock		pins of one mapping's memory
 *	hwpt->residue_lock	hwpt->residue
 *	hwpt->attach_sem	hwpt->tags and attaches, for those who only invalidate
 *	ioas->access_lock	the accesses of an IOAS, and how often an area is pinned
 *	nested->lock		what an IOTLB of stage 1 would hold
 *	ctx->lock		the id table, reference counts, accounting
 * and last those inside hw/: an IOMMU's in_flight, its queue's, then its caches'.
 * A harvest holds ioas->rwsem for reading, so harvests run in parallel, and gives it
 * up between pieces, so map and unmap wait for a piece of each.
 */
#ifndef IODIRTY_IOMMUFD_CORE_H
#define IODIRTY_IOMMUFD_CORE_H

#include "abi/iodirty.h"
#include "abi/iommufd.h"
#include "abi/iommufd_test.h"
#include "abi/vfio.h"
#include "hw.h"
#include "iommufd.h"
#include "pgtable.h"
#include "port.h"

/* ---- objects (object.c) ---- */

struct access;
struct attach;
struct device;
struct fault;
struct hwpt;
struct ioas;
struct iommu;

enum object_type {
	OBJECT_ANY, /* in lookups only */
	OBJECT_IOAS,
	OBJECT_HWPT,
	OBJECT_NESTED, /* a HWPT over a HWPT */
	OBJECT_FAULT,
	OBJECT_DEVICE,
	OBJECT_ACCESS,
	OBJECT_STREAM,
	OBJECT_VFIO, /* a VFIO device that was plugged here (vfio/control.c) */
	OBJECT_SELFTEST, /* the handle that IOMMU_TEST_CMD MOCK_DOMAIN returns */
	OBJECT_TYPES,
};

struct object {
	struct iommufd_ctx *ctx;
	enum object_type type;
	u32 id;
	u32 users; /* one for being in the table; under ctx->lock */
	bool published; /* lookups find it */
	bool on_idle; /* leave the table when nothing else uses it */
};

struct iommufd_ctx {
	struct port_mutex lock;
	struct object **objects; /* by id; slot 0 stays empty */
	u32 capacity, first_free;
	u32 refs; /* the descriptor, and each access descriptor */

	struct port_mutex attach_lock;
	struct iommu *iommus;
	u32 next_iommu, next_domain;

	u64 locked_pages; /* accounted; under lock */
	u64 memlock_limit; /* bytes; U64_MAX: none */
	u32 rlimit_mode;
	u32 vfio_ioas; /* id, 0: none; under lock */

	const char *test_format; /* of devices that the test interface plugs */
	u32 split; /* of HWPTs to be: enum iodirty_split_policy; constant */
	struct pgt_how how; /* under lock */
	struct iodirty_stats stats; /* port_count()ed; of IOMMUs now gone too */
	struct hw_recorder own_record, *record; /* where devices' DMA is noted */
	u32 record_ids; /* added to theirs there */
};

/*
 * A zeroed object of @size bytes that starts with struct object, with an id of
 * its own that no lookup finds yet; NULL: no memory.
 */
void *object_alloc(struct iommufd_ctx *ctx, size_t size, enum object_type type);
/* From now on lookups find it; its reference belongs to the table. */
void object_publish(struct object *obj);
/* Undo object_alloc before it is published. Does not call the release. */
void object_abort(struct object *obj);
/* With a reference taken; NULL if there is none of @type. Fail point. */
void *object_get(struct iommufd_ctx *ctx, u32 id, enum object_type type);
/* The IOAS that VFIO's ioctls act upon, with a reference taken; NULL: none was
 * named. Fail point. */
struct ioas *object_get_vfio_ioas(struct iommufd_ctx *ctx);
/* The published object of @type with the next id after @after, with a reference
 * taken; NULL past the last. */
void *object_next(struct iommufd_ctx *ctx, enum object_type type, u32 after);
void object_hold(struct object *obj);
/* The last reference releases the object. */
void object_put(struct object *obj);
/* Drop from the table: -ENOENT, or -EBUSY while it is in use. */
int object_destroy(struct iommufd_ctx *ctx, u32 id);
/* Drop from the table whoever still uses it; they keep the memory. False if it
 * had been dropped before. */
bool object_unpublish(struct object *obj);
/* Leave the table once nothing but the table refers to it. */
void object_leave_when_idle(struct object *obj);
/* Any at all, published or not? ctx->lock held. */
bool objects_exist(struct iommufd_ctx *ctx);

struct iommufd_ctx *ctx_hold(struct iommufd_ctx *ctx);
/* How to harvest tables of @fmt: what was selected, as far as they allow it. */
struct pgt_how ctx_how(struct iommufd_ctx *ctx, const struct pgt_format *fmt);
void ctx_put(struct iommufd_ctx *ctx);

/* What releases each type, called with no lock of the list above held; but an
 * automatic HWPT's may be under attach_lock. */
void ioas_release(struct object *obj);
void hwpt_release(struct object *obj);
void nested_release(struct object *obj);
void fault_release(struct object *obj);
void device_release(struct object *obj);
void access_release(struct object *obj);
void stream_release(struct object *obj);
void selftest_release(struct object *obj);
void vfio_release(struct object *obj);

/* ---- arguments (main.c) ---- */

/* A handler sees its argument copied in; what it changes is copied out when it
 * asks by ucmd_reply, whose failure it must undo. */
struct ucmd {
	struct iommufd_ctx *ctx;
	u64 uptr;
	u32 user_size;
	void *arg;
	u32 size;
	u32 fail_left; /* IODIRTY_FAIL_NTH: of the setting that it ended */
};
int ucmd_reply(struct ucmd *ucmd);

/* ---- memory that a mapping names (pages.c) ---- */

/*
 * The bytes that one IOAS_MAP or MAP_FILE named, shared by the copies of the
 * mapping. Pinned as a whole while a HWPT maps any of it; page by page for
 * accesses. A page is accounted once however often it is pinned.
 */
struct iopages {
	struct iopages *next, **at; /* in the list of all, of any descriptor */
	struct iommufd_ctx *ctx;
	u32 users; /* areas and accesses; under ctx->lock */
	struct port_mm *mm;
	struct port_file *file; /* then mm is NULL */
	u64 base; /* user address, or file offset, of page 0 */
	u64 npages;
	u32 skip; /* bytes of page 0 before the first one mapped */
	bool writable;

	struct port_mutex lock;
	u32 domain_users; /* areas x HWPTs that map it */
	struct port_pin pin; /* all of it, while domain_users */
	struct port_map access_chunks; /* pins by accesses, counted page by page */
	u64 access_pages; /* pages that an access pins */
};

struct iopages *iopages_from_user(struct iommufd_ctx *ctx, u64 uaddr, u64 length, bool writable,
				  int *err);
struct iopages *iopages_from_file(struct iommufd_ctx *ctx, int fd, u64 start, u64 length,
				  bool writable, int *err);
void iopages_hold(struct iopages *pages);
void iopages_put(struct iopages *pages);
/* Pin all for a HWPT's mapping: -EFAULT, -ENOMEM (limit or memory). */
int iopages_pin_domain(struct iopages *pages);
/* One more area of a HWPT that maps it: it is pinned, so this cannot fail. */
void iopages_share_domain_pin(struct iopages *pages);
void iopages_unpin_domain(struct iopages *pages);
/* Contiguous run at byte @offset; the domain pin is held. Returns its bytes. */
u64 iopages_run(struct iopages *pages, u64 offset, u64 max, u64 *phys);
/* Pin pages [index, index + n) for an access. */
int iopages_pin_access(struct iopages *pages, u64 index, u64 n, struct port_pin *pin, bool write);
void iopages_unpin_access(struct iopages *pages, u64 index, u64 n, struct port_pin *pin);
/* Copy bytes at @offset, to or from @buf. -EFAULT. */
int iopages_rw(struct iopages *pages, u64 offset, void *buf, u64 length, bool write);
/*
 * How often the reference holds each of @npages pages of the caller, from
 * page-aligned @uaddr: once for each iopages, of any descriptor, that pins it,
 * whether for HWPTs, for accesses or for both. -EFAULT. For tests.
 */
int iopages_count_refs(u64 uaddr, u64 npages, u32 *refs);

/* What port_page_identify said last, and for how many pages on. Starts zeroed. */
struct page_run {
	u64 phys, npages;
	struct port_page_id id; /* of the page at phys */
};
/* Is it one page, and one byte of it, that the two addresses name? Each is asked
 * for along a run of its own. For tests. */
bool page_is_same(struct page_run *run_a, u64 a, struct page_run *run_b, u64 b);

/* ---- IO address spaces (area.c, iova.c, ioas.c) ---- */

struct area {
	struct port_node node; /* key: first IOVA */
	u64 last;
	struct iopages *pages;
	u64 offset; /* of the first byte, within what pages names; bytes */
	unsigned int prot; /* enum pgt_prot */
	bool small; /* while no_huge a HWPT was filled with it, in the smallest leaves */
	u32 accesses; /* pins by accesses; under ioas->access_lock */
	bool closing; /* an unmap waits for accesses: no new ones */
};

/* A range that no mapping may use, because of @owner. */
struct reserved {
	struct reserved *next; /* ascending by first */
	u64 first, last;
	const void *owner;
};

struct ioas {
	struct object obj;
	struct port_rwsem rwsem;
	struct port_map areas;
	struct reserved *reserved;
	struct iommu_iova_range *allowed;
	u32 num_allowed;
	u64 alignment; /* of IOVA and length, bytes */
	bool no_huge; /* IOMMU_OPTION_HUGE_PAGES 0 */
	u64 hint; /* where the next automatic IOVA is looked for */
	struct hwpt *hwpts;
	struct port_mutex access_lock; /* accesses; inside rwsem */
	struct access_link *accesses;
};

static inline struct area *area_of(struct port_node *node)
{
	return node ? port_container(node, struct area, node) : NULL;
}

/* The area that holds @iova; the first that overlaps [first, last]. */
struct area *ioas_area_at(struct ioas *ioas, u64 iova);
struct area *ioas_area_first(struct ioas *ioas, u64 first, u64 last);
/* Is [first, last] mapped without a hole? rwsem held. */
bool ioas_covered(struct ioas *ioas, u64 first, u64 last);

/* All with rwsem held for writing. */
int ioas_pick_iova(struct ioas *ioas, u64 uaddr, u64 length, u64 *iova);
int ioas_check_iova(struct ioas *ioas, u64 iova, u64 length);
/* -EADDRINUSE when mapped or allowed IOVA is hit. */
int ioas_reserve(struct ioas *ioas, u64 first, u64 last, const void *owner);
void ioas_unreserve(struct ioas *ioas, const void *owner);
/* Recompute ioas->alignment: -EADDRINUSE if an area violates the new one. */
int ioas_update_alignment(struct ioas *ioas);
/* IOMMU_OPTION_HUGE_PAGES. Off: -EINVAL when leaves may be there that are large,
 * -EADDRINUSE when a mapping is not of whole pages. (option.c) */
int ioas_set_huge(struct ioas *ioas, bool on);

/* Map all of @pages' bytes [offset, offset + length); takes over no reference. */
int ioas_map_pages(struct ioas *ioas, struct iopages *pages, u64 offset, u64 length,
		   unsigned int prot, bool fixed, u64 uaddr, u64 *iova);
/* Take out the areas that overlap [first, last], which no access has pinned: such as
 * what was mapped since the rwsem was taken. */
void ioas_remove_areas(struct ioas *ioas, u64 first, u64 last);
/* How often accesses were asked to let go, of the farthest area of a range that had any.
 * Starts zeroed. */
struct ioas_notices {
	u64 area;
	unsigned int count;
};
/*
 * Is [first, last] whole areas, without a hole, that no access has pinned? -ENOENT. Else
 * accesses are asked to let go, the rwsem not held meanwhile: -EAGAIN, all may be
 * different. -EDEADLOCK: it was asked often enough.
 */
int ioas_close(struct ioas *ioas, u64 first, u64 last, struct ioas_notices *notices);
/* Both take the rwsem. Whole areas in [first, last]; @empty_ok: none is no error. */
int ioas_unmap(struct ioas *ioas, u64 first, u64 last, bool empty_ok, u64 *unmapped);
/*
 * Where leaves are small (no_huge), cut the areas that reach into [first, last]
 * and beyond, so that it holds whole ones; all that it takes, or nothing. -EINVAL
 * at an IOVA that is not aligned, or when an access has pinned the area; -EBUSY
 * while another unmap waits for it; -ENOMEM.
 */
int ioas_cut(struct ioas *ioas, u64 first, u64 last);

/* The IOVA that is not reserved, a range at a time. */
struct usable {
	const struct reserved *reserved; /* the next; start from the IOAS's first */
	u64 at;
	bool end;
};
/* False past the last. The IOAS's rwsem held. */
bool usable_next(struct usable *usable, struct iommu_iova_range *range);

int ioas_alloc_ioctl(struct ucmd *ucmd);
int ioas_iova_ranges_ioctl(struct ucmd *ucmd);
int ioas_allow_iovas_ioctl(struct ucmd *ucmd);
int ioas_map_ioctl(struct ucmd *ucmd);
int ioas_map_file_ioctl(struct ucmd *ucmd);
int ioas_copy_ioctl(struct ucmd *ucmd);
int ioas_unmap_ioctl(struct ucmd *ucmd);
int ioas_change_process_ioctl(struct ucmd *ucmd);
int option_ioctl(struct ucmd *ucmd);
int vfio_ioas_ioctl(struct ucmd *ucmd);

/* ---- hardware page tables (hwpt.c) ---- */

struct hwpt {
	struct object obj;
	struct ioas *ioas; /* referenced */
	struct hwpt *next; /* in ioas->hwpts */
	struct pgt pgt;
	u32 flags; /* enum iommufd_hwpt_alloc_flags */
	struct fault *fault; /* referenced; NULL: page requests are refused */
	bool automatic; /* made by attaching to an IOAS */
	u32 domain; /* IOTLB tag */

	bool tracking; /* written under attach_lock and ioas->rwsem for writing */
	u32 split; /* enum iodirty_split_policy; as tracking */
	u64 interrupted; /* bool: the last harvest was; atomic */
	/* Both under attach_sem or attach_lock, to change under both. */
	struct port_rwsem attach_sem;
	struct attach *attaches;
	struct hwpt_tag *tags;

	/* Parts of leaves that a harvest cleaned but did not report. */
	struct port_mutex residue_lock;
	struct port_map residue;
};

/* Filled with all that @ioas maps. attach_lock held. Not published. */
struct hwpt *hwpt_create(struct ioas *ioas, struct device *dev, u32 flags, u64 leaf_sizes,
			 int *err);
int hwpt_fill_area(struct hwpt *hwpt, struct area *area);
/* Unmap, invalidate, drop pins and residue. ioas->rwsem held for writing. */
void hwpt_drain_area(struct hwpt *hwpt, struct area *area);
/*
 * Forget what @gather has in every IOMMU and device that may cache it, also through
 * a stage 1: if tables are to be freed, places on the way to leaves too. Complete on
 * return.
 */
void hwpt_invalidate(struct hwpt *hwpt, const struct pgt_gather *gather);
/* The same of IOMMUs alone, for what pgt_summarize() cleared. */
void hwpt_invalidate_walks(struct hwpt *hwpt, const struct pgt_gather *gather);
/* Wait, in every IOMMU, for what was issued. attach_sem held, as in the next. */
void hwpt_wait(const struct hwpt *hwpt);
/* Issue that the device of @a is to forget [first, last]; false: it caches nothing. */
bool attach_invalidate_device(const struct attach *a, u64 first, u64 last);
int hwpt_alloc_ioctl(struct ucmd *ucmd);

/* ---- leaves while tracking is on (split.c); ioas->rwsem held for writing ---- */

/* The largest leaf that an area may be mapped with now, log2. */
unsigned int hwpt_max_leaf_lg2(const struct hwpt *hwpt);
/* What the policy says for enable, and for disable. No write is lost, of either side
 * of it. -ENOMEM: leaves are as they were. attach_lock held. */
int hwpt_split_leaves(struct hwpt *hwpt);
int hwpt_merge_leaves(struct hwpt *hwpt);
int split_ioctl(struct ucmd *ucmd);

/* ---- HWPTs over a HWPT (nested.c) ---- */

struct nested_kind; /* nested.h */

/* Devices attached translate through the guest's stage 1 and then the parent's
 * table, and what they write is dirty there. */
struct nested {
	struct object obj;
	const struct nested_kind *kind;
	struct hwpt *parent; /* referenced */
	struct hw_stage1 stage1; /* constant */
	u32 flags; /* enum iommufd_hwpt_alloc_flags */
	struct fault *fault; /* as a HWPT's */
	struct port_mutex lock; /* iotlb, the mock's */
	u32 iotlb[MOCK_NESTED_DOMAIN_IOTLB_NUM];
};

/* The data that a HWPT_ALLOC brings for the mock's driver: -EOPNOTSUPP, -EINVAL,
 * -EFAULT. */
int mock_read_data(const struct device *dev, const struct iommu_hwpt_alloc *cmd,
		   struct iommu_hwpt_selftest *data);
/* Over @parent, as @cmd describes it. Not published. */
struct nested *nested_create(struct hwpt *parent, struct device *dev,
			     const struct iommu_hwpt_alloc *cmd, int *err);
int hwpt_invalidate_ioctl(struct ucmd *ucmd);

/* What a device attaches to is a HWPT or a nested one: the HWPT whose table
 * translates, and what the one attached to was made with. */
static inline struct hwpt *pt_hwpt(struct object *pt)
{
	return pt->type == OBJECT_NESTED ? ((struct nested *)pt)->parent : (struct hwpt *)pt;
}

static inline bool pt_has_stage1(struct object *pt)
{
	return pt->type == OBJECT_NESTED && ((struct nested *)pt)->stage1.kind != HW_STAGE1_NONE;
}

/* Of SMMUv3, a stage 1 may be of the device as a whole. */
static inline bool pt_serves_all_pasids(struct object *pt)
{
	return pt->type == OBJECT_NESTED && ((struct nested *)pt)->stage1.cds_lg2;
}

static inline u32 pt_flags(struct object *pt)
{
	return pt->type == OBJECT_NESTED ? ((struct nested *)pt)->flags :
					   ((struct hwpt *)pt)->flags;
}

static inline struct fault **pt_fault(struct object *pt)
{
	return pt->type == OBJECT_NESTED ? &((struct nested *)pt)->fault :
					   &((struct hwpt *)pt)->fault;
}

/* ---- page requests (fault.c) ---- */

int fault_queue_alloc_ioctl(struct ucmd *ucmd);
/* Hand @request of @from's to who reads its queue; false: nobody can. */
bool fault_deliver(struct attach *from, struct iommu_hwpt_pgfault *request);
/* @from is going away: what it waits for is answered INVALID. */
void fault_answer_all(struct attach *from);
/* Take the answers that have come, of all queues. */
void fault_receive_all(struct iommufd_ctx *ctx);

/* ---- dirty tracking (dirty.c, residue.c) ---- */

int hwpt_set_dirty_ioctl(struct ucmd *ucmd);
int hwpt_get_dirty_ioctl(struct ucmd *ucmd);
/* Of a request for dirty bits: -EINVAL, -EOVERFLOW. rwsem held. */
int dirty_check_geometry(const struct ioas *ioas, u64 iova, u64 length, u64 page_size);

struct residue_node;
/* Room for what one window may add, so that adding cannot fail. */
struct residue_pool {
	struct residue_node *free;
	unsigned int count;
};
int residue_reserve(struct residue_pool *pool);
void residue_pool_free(struct residue_pool *pool);
void residue_init(struct hwpt *hwpt);
/* All below with hwpt->residue_lock held. Keep [first, last] for a later harvest. */
void residue_add(struct hwpt *hwpt, struct residue_pool *pool, u64 first, u64 last);
/* Record what is kept within @b; and, if @take, keep it no longer. */
void residue_report(struct hwpt *hwpt, struct residue_pool *pool, struct pgt_bits *b, bool take);
/* No longer keep anything that lies in [first, last], whole areas. */
void residue_drop(struct hwpt *hwpt, u64 first, u64 last);

/* ---- devices and IOMMUs (device.c) ---- */

/* One modelled IOMMU and those behind it. Under attach_lock. */
struct iommu {
	struct iommu *next;
	u32 id;
	u32 devices;
	const struct pgt_format *fmt;
	u64 leaf_sizes; /* of the HWPTs made for its devices */
	bool dirty;
	struct hw_iommu_config config;
	struct hw_iommu *hw;
};

struct device {
	struct object obj;
	struct iommu *iommu;
	struct hw_dev *hw;
	u32 pasid_width;
	bool ats;
	u64 resv_first, resv_last; /* first > last: none */
	struct port_map attaches; /* by PASID; under attach_lock */
	bool gone; /* unplugged; under attach_lock */
};

struct attach {
	struct port_node node; /* in device->attaches; key: PASID */
	struct device *dev;
	struct object *pt; /* a HWPT, or one nested in it; referenced */
	struct hwpt *hwpt; /* whose table translates */
	struct attach *hwpt_next, **hwpt_at; /* in hwpt->attaches */
};

/* What translations of a HWPT may be cached as, in one IOMMU. */
struct hwpt_tag {
	struct hwpt_tag *next; /* those of one IOMMU in a row */
	struct iommu *iommu;
	u32 pasid; /* HW_ANY where the IOMMU tags by domain only */
	u32 attaches;
	u32 nested; /* of these, by a stage 1 */
};

/* @leaf_sizes of a new IOMMU, of those the format has; 0: all. */
struct device *device_plug(struct iommufd_ctx *ctx, const struct iodirty_plug *plug, u64 leaf_sizes,
			   int *err);
/* Stop its DMA, detach everything, drop the id. */
void device_unplug(struct device *dev);
/*
 * *@out_hwpt, a field of @ucmd's argument, is set and the argument copied out
 * before anything changes: when that fails there is nothing to undo.
 */
int device_attach(struct device *dev, u32 pasid, u32 pt_id, bool replace, __u32 *out_hwpt,
		  struct ucmd *ucmd);
void device_detach(struct device *dev, u32 pasid);
/* The device asks for a page, as @request says: it is answered in the end. */
void device_page_request(struct device *dev, struct iommu_hwpt_pgfault *request);
/* The HWPT id attached to @pasid, 0: none. */
u32 device_attached(struct device *dev, u32 pasid);
/* Write the context entries of all that is attached to @hwpt. attach_lock held. */
void device_update_contexts(struct hwpt *hwpt);
int get_hw_info_ioctl(struct ucmd *ucmd); /* hw_info.c */

/* ---- in-kernel users of an IOAS, such as an mdev (access.c) ---- */

struct access_pin;

/* An access in an IOAS's list; while it moves, in two. */
struct access_link {
	struct access_link *next;
	struct access *access;
};

struct access_ops {
	bool needs_pin; /* will pin pages: IOVAs must be page aligned */
	/* [iova, iova + length) is going away: unpin it before returning. May
	 * sleep; no lock of core.h is held. */
	void (*unmap)(void *data, u64 iova, u64 length);
	void (*release)(void *data); /* no callback will follow */
};

struct access {
	struct object obj;
	struct port_mutex lock; /* ioas, pins; outside ioas->rwsem */
	struct ioas *ioas; /* referenced; NULL: none */
	struct access_link *link; /* in ioas->accesses */
	const struct access_ops *ops;
	void *data;
	struct access_pin *pins;
};

struct access *access_create(struct iommufd_ctx *ctx, const struct access_ops *ops, void *data,
			     int *err);
void access_destroy(struct access *access);
/* @ioas_id 0: none. What is pinned is unmapped first. */
int access_replace(struct access *access, u32 ioas_id);
/* Page-aligned outward; @phys gets the address of each page touched. */
int access_pin_pages(struct access *access, u64 iova, u64 length, bool write, u64 *phys);
void access_unpin_pages(struct access *access, u64 iova, u64 length);
int access_rw(struct access *access, u64 iova, void *buf, u64 length, bool write);
/* Each range that is pinned in @ioas now, or that was at some moment since the call. No
 * lock of this file held; @fn takes none. */
void ioas_for_each_pin(struct ioas *ioas, void (*fn)(void *data, u64 first, u64 last), void *data);
/* Tell every access of @ioas that [iova, last] goes away. No lock held. */
void ioas_notify_unmap(struct ioas *ioas, u64 iova, u64 last);

/* ---- the other interfaces ---- */

int test_ioctl(struct ucmd *ucmd); /* IOMMU_TEST_CMD (test.c) */
int test_create_access(struct ucmd *ucmd); /* its accesses (test_access.c) */
int test_access_op(struct ucmd *ucmd);
int control_ioctl(struct ucmd *ucmd, unsigned int nr); /* abi/iodirty.h (control.c) */
/* Of the argument, and of the first published; 0: no such ioctl. */
u32 control_size(unsigned int nr, u32 *min_size);
int unmap_dirty_ioctl(struct ucmd *ucmd); /* unmap_dirty.c */
int record_ioctl(struct ucmd *ucmd); /* record.c */
/* ref-kernel/vfio/control.c */
int vfio_plug_ioctl(struct ucmd *ucmd);
int vfio_unplug_ioctl(struct ucmd *ucmd);
int vfio_open_ioctl(struct ucmd *ucmd);
/* abi/vfio.h (vfio_compat.c); @arg is a pointer or a number. */
long vfio_compat_ioctl(struct iommufd_ctx *ctx, unsigned int cmd, u64 arg);

/* ---- of these, what VFIO's own containers share (vfio/type1.c) ---- */

/* See that there is an IOAS that VFIO's ioctls act upon. -ENOMEM. */
int vfio_compat_make_ioas(struct iommufd_ctx *ctx);
/* Does CHECK_EXTENSION say so whatever there is? */
bool vfio_has_extension(u64 extension);
/* The sizes that all HWPTs can map by one leaf, a page at least. ioas->rwsem held. */
u64 vfio_page_sizes(struct ioas *ioas);
/* Copy in, and check, what comes with MAP_DMA; map it. */
int vfio_map_arg(u64 uptr, struct vfio_iommu_type1_dma_map *cmd);
int vfio_map(struct ioas *ioas, const struct vfio_iommu_type1_dma_map *cmd);
/* What type1 says in GET_INFO in its own way, or an iommufd does not. */
struct vfio_info_more {
	u64 page_sizes;
	u32 avail;
	struct vfio_iommu_type1_info_cap_migration migration;
};
/* Copy in what comes with GET_INFO; fill it in, and copy out as much as the caller has room
 * for: ioas->rwsem held. @more may be NULL. */
int vfio_info_arg(u64 uptr, struct vfio_iommu_type1_info *info);
int vfio_info_reply(struct ioas *ioas, u64 uptr, struct vfio_iommu_type1_info *info,
		    const struct vfio_info_more *more);

#endif
