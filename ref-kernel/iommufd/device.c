/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Modelled devices as iommufd's drivers see them: plugged, bound, attached by
 * their own requests (pasid 0) and by PASID. Whatever joins a page table that
 * may track must stand behind an IOMMU that can: there is one check, can_join(),
 * and every way in goes through it.
 */
#include "core.h"

#define MAX_PASID_WIDTH 20
/* Caches of those that say nothing of them: abi/iodirty.h. */
#define IOTLB_SETS 128
#define IOTLB_WAYS 4
#define WALK_ENTRIES 64
#define ATC_ENTRIES 64
#define PLUG_FLAGS \
	(IODIRTY_PLUG_NO_DIRTY | IODIRTY_PLUG_ATS | IODIRTY_PLUG_ATS_EAGER | IODIRTY_PLUG_CACHES)

static struct iommu *iommu_find(struct iommufd_ctx *ctx, u32 id)
{
	struct iommu *iommu = ctx->iommus;

	while (iommu && iommu->id != id)
		iommu = iommu->next;
	return iommu;
}

static void configure(struct hw_iommu_config *config, const struct pgt_format *fmt, bool dirty,
		      const struct iodirty_plug *plug)
{
	bool sizes = plug->flags & IODIRTY_PLUG_CACHES;

	*config = (struct hw_iommu_config){
		.tables = {
			.format = fmt->name,
			.granule_lg2 = fmt->granule_lg2,
			.index_lg2 = fmt->index_lg2,
			.levels = fmt->levels,
			.input_lg2 = port_lg2(fmt->aperture_last) + 1,
		},
		.dirty = dirty,
		.pasid_tagged = fmt->flags & IODIRTY_FORMAT_TAGS_PASID,
		.iotlb_sets = sizes ? plug->iotlb_sets : IOTLB_SETS,
		.iotlb_ways = sizes ? plug->iotlb_ways : IOTLB_WAYS,
		.walk_entries = sizes ? plug->walk_entries : WALK_ENTRIES,
	};
}

static struct iommu *iommu_create(struct iommufd_ctx *ctx, const struct pgt_format *fmt, bool dirty,
				  const struct iodirty_plug *plug, u64 leaf_sizes, int *err)
{
	struct iommu *iommu = port_alloc(sizeof(*iommu));

	*err = -ENOMEM;
	if (!iommu)
		return NULL;
	configure(&iommu->config, fmt, dirty, plug);
	iommu->hw = hw_iommu_create(&iommu->config, err);
	if (!iommu->hw) {
		port_free(iommu);
		return NULL;
	}
	iommu->fmt = fmt;
	iommu->leaf_sizes = leaf_sizes ? leaf_sizes : fmt->leaf_sizes;
	iommu->dirty = dirty;
	iommu->id = ctx->next_iommu++;
	iommu->next = ctx->iommus;
	ctx->iommus = iommu;
	return iommu;
}

/* attach_lock held. The last device takes the IOMMU with it. */
static void iommu_put(struct iommufd_ctx *ctx, struct iommu *iommu)
{
	struct iommu **at = &ctx->iommus;

	if (--iommu->devices)
		return;
	while (*at != iommu)
		at = &(*at)->next;
	*at = iommu->next;
	hw_stats(iommu->hw, &ctx->stats);
	hw_iommu_destroy(iommu->hw);
	port_free(iommu);
}

/* Are the caches that @plug names, if it names any, those of @iommu? */
static bool same_caches(const struct iommu *iommu, const struct iodirty_plug *plug)
{
	const struct hw_iommu_config *config = &iommu->config;

	return !(plug->flags & IODIRTY_PLUG_CACHES) ||
	       (plug->iotlb_sets == config->iotlb_sets && plug->iotlb_ways == config->iotlb_ways &&
		plug->walk_entries == config->walk_entries);
}

static struct iommu *iommu_get(struct iommufd_ctx *ctx, const struct iodirty_plug *plug,
			       u64 leaf_sizes, int *err)
{
	const struct pgt_format *fmt = pgt_format_by_name(plug->format);
	struct iommu *iommu;
	bool dirty;

	*err = -ENOENT;
	if (!fmt)
		return NULL;
	dirty = fmt->flags & IODIRTY_FORMAT_DIRTY && !(plug->flags & IODIRTY_PLUG_NO_DIRTY);
	if (!plug->iommu_id) {
		iommu = iommu_create(ctx, fmt, dirty, plug, leaf_sizes, err);
	} else {
		iommu = iommu_find(ctx, plug->iommu_id);
		if (!iommu)
			return NULL;
		*err = -EINVAL;
		if (iommu->fmt != fmt || iommu->dirty != dirty || !same_caches(iommu, plug))
			return NULL;
	}
	if (iommu)
		iommu->devices++;
	return iommu;
}

static int check_caches(const struct iodirty_plug *plug)
{
	if (!(plug->flags & IODIRTY_PLUG_CACHES))
		return plug->iotlb_sets || plug->iotlb_ways || plug->walk_entries ||
				       plug->atc_entries ?
			       -EOPNOTSUPP :
			       0;
	if (plug->iotlb_sets > IODIRTY_IOTLB_SETS_MAX ||
	    plug->iotlb_ways > IODIRTY_IOTLB_WAYS_MAX || !plug->iotlb_sets != !plug->iotlb_ways ||
	    plug->walk_entries > IODIRTY_WALK_ENTRIES_MAX ||
	    plug->atc_entries > IODIRTY_ATC_ENTRIES_MAX)
		return -EINVAL;
	return plug->atc_entries && !(plug->flags & IODIRTY_PLUG_ATS) ? -EINVAL : 0;
}

static int check_plug(const struct iodirty_plug *plug)
{
	int err;

	if (plug->flags & ~PLUG_FLAGS || plug->__reserved)
		return -EOPNOTSUPP;
	err = check_caches(plug);
	if (err)
		return err;
	if (plug->flags & IODIRTY_PLUG_ATS_EAGER && !(plug->flags & IODIRTY_PLUG_ATS))
		return -EINVAL;
	if (plug->format[IODIRTY_NAME_LEN - 1] || plug->pasid_width > MAX_PASID_WIDTH)
		return -EINVAL;
	if (plug->resv_length && plug->resv_start + plug->resv_length - 1 < plug->resv_start)
		return -EOVERFLOW;
	return 0;
}

/* Behind dev->iommu. -ENOMEM. */
static int create_hw(struct device *dev, const struct iodirty_plug *plug)
{
	const struct hw_ats ats = {
		.entries = plug->flags & IODIRTY_PLUG_CACHES ? plug->atc_entries : ATC_ENTRIES,
		.eager = plug->flags & IODIRTY_PLUG_ATS_EAGER,
	};

	dev->hw = hw_dev_create(dev->iommu->hw);
	if (!dev->hw)
		return -ENOMEM;
	hw_dev_record(dev->hw, dev->obj.ctx->record, dev->obj.ctx->record_ids + dev->obj.id);
	dev->ats = plug->flags & IODIRTY_PLUG_ATS;
	if (dev->ats && hw_dev_ats(dev->hw, &ats)) {
		hw_dev_destroy(dev->hw);
		dev->hw = NULL;
		return -ENOMEM;
	}
	return 0;
}

struct device *device_plug(struct iommufd_ctx *ctx, const struct iodirty_plug *plug, u64 leaf_sizes,
			   int *err)
{
	struct device *dev;

	*err = check_plug(plug);
	if (*err)
		return NULL;
	*err = -ENOMEM;
	dev = object_alloc(ctx, sizeof(*dev), OBJECT_DEVICE);
	if (!dev)
		return NULL;
	dev->pasid_width = plug->pasid_width;
	dev->resv_first = plug->resv_start;
	dev->resv_last = plug->resv_start + plug->resv_length - 1;
	if (!plug->resv_length) {
		dev->resv_first = 1;
		dev->resv_last = 0;
	}
	port_map_init(&dev->attaches);
	/* Only unplugging ends a device: IOMMU_DESTROY finds it in use. */
	object_hold(&dev->obj);

	port_mutex_lock(&ctx->attach_lock);
	dev->iommu = iommu_get(ctx, plug, leaf_sizes, err);
	if (dev->iommu) {
		*err = create_hw(dev, plug);
		if (*err)
			iommu_put(ctx, dev->iommu);
	}
	port_mutex_unlock(&ctx->attach_lock);
	if (!dev->hw) {
		object_abort(&dev->obj);
		return NULL;
	}
	return dev;
}

/* The attachment of the lowest PASID from @pasid on. */
static struct attach *next_attach(struct device *dev, u32 pasid)
{
	struct port_node *node = port_map_ceil(&dev->attaches, pasid);

	return node ? port_container(node, struct attach, node) : NULL;
}

static struct attach *find_attach(struct device *dev, u32 pasid)
{
	struct attach *a = next_attach(dev, pasid);

	return a && a->node.key == pasid ? a : NULL;
}

static int write_context(struct device *dev, u32 pasid, struct object *pt)
{
	struct hwpt *hwpt = pt_hwpt(pt);
	struct hw_context ctx = {
		.root_phys = port_table_phys(hwpt->pgt.root),
		.domain = hwpt->domain,
		/* What always records does so if it was asked for when made. */
		.dirty = hwpt->pgt.fmt->always ? hwpt->flags & IOMMU_HWPT_ALLOC_DIRTY_TRACKING :
						 hwpt->tracking,
	};

	if (pt->type == OBJECT_NESTED)
		ctx.stage1 = ((struct nested *)pt)->stage1;
	return hw_context_set(dev->hw, pasid, &ctx);
}

void device_update_contexts(struct hwpt *hwpt)
{
	for (struct attach *a = hwpt->attaches; a; a = a->hwpt_next)
		write_context(a->dev, (u32)a->node.key, a->pt); /* exists: cannot fail */
}

static u32 tag_pasid(const struct attach *a)
{
	return a->dev->iommu->config.pasid_tagged ? (u32)a->node.key : HW_ANY;
}

/* The tag of @a's translations, which invalidations go to once; NULL: not noted. */
static struct hwpt_tag *tag_of(const struct hwpt *hwpt, const struct attach *a)
{
	struct hwpt_tag *tag = hwpt->tags;

	while (tag && (tag->iommu != a->dev->iommu || tag->pasid != tag_pasid(a)))
		tag = tag->next;
	return tag;
}

/* A new one beside those of its IOMMU. */
static void insert_tag(struct hwpt *hwpt, struct hwpt_tag *new)
{
	struct hwpt_tag **at = &hwpt->tags;

	while (*at && (*at)->iommu != new->iommu)
		at = &(*at)->next;
	new->next = *at;
	*at = new;
}

/* -ENOMEM. attach_lock held, as in all below that change attachments. */
static int join_hwpt(struct attach *a, struct object *pt)
{
	struct iommu *iommu = a->dev->iommu;
	struct hwpt *hwpt = pt_hwpt(pt);
	struct hwpt_tag *tag = tag_of(hwpt, a), *new = NULL;

	if (!tag) {
		tag = new = port_alloc(sizeof(*new));
		if (!new)
			return -ENOMEM;
		new->iommu = iommu;
		new->pasid = tag_pasid(a);
	}
	object_hold(pt);
	a->pt = pt;
	a->hwpt = hwpt;
	port_rwsem_write(&hwpt->attach_sem);
	if (new)
		insert_tag(hwpt, new);
	tag->attaches++;
	tag->nested += pt_has_stage1(pt);
	a->hwpt_next = hwpt->attaches;
	a->hwpt_at = &hwpt->attaches;
	if (a->hwpt_next)
		a->hwpt_next->hwpt_at = &a->hwpt_next;
	hwpt->attaches = a;
	port_rwsem_write_end(&hwpt->attach_sem);
	return 0;
}

/* An automatic one that nothing is attached to any more goes. */
static void put_pt(struct object *pt)
{
	struct hwpt *hwpt = pt_hwpt(pt);

	if (hwpt->automatic && !hwpt->attaches)
		object_leave_when_idle(pt);
	object_put(pt);
}

static void leave_hwpt(struct attach *a)
{
	struct hwpt *hwpt = a->hwpt;
	struct hwpt_tag **at = &hwpt->tags, *tag = tag_of(hwpt, a);

	port_rwsem_write(&hwpt->attach_sem);
	tag->nested -= pt_has_stage1(a->pt);
	if (--tag->attaches == 0) {
		while (*at != tag)
			at = &(*at)->next;
		*at = tag->next;
		port_free(tag);
	}
	*a->hwpt_at = a->hwpt_next;
	if (a->hwpt_next)
		a->hwpt_next->hwpt_at = a->hwpt_at;
	port_rwsem_write_end(&hwpt->attach_sem);
	put_pt(a->pt);
}

/*
 * The one door: may (dev, pasid) translate through @pt? What a nested one's parent
 * was made for counts: it is the parent's table that has the dirty bits.
 */
static int can_join(struct device *dev, u32 pasid, struct object *pt)
{
	struct hwpt *hwpt = pt_hwpt(pt);

	if (hwpt->pgt.fmt != dev->iommu->fmt)
		return -EINVAL;
	if (hwpt->flags & IOMMU_HWPT_ALLOC_DIRTY_TRACKING && !dev->iommu->dirty)
		return -EINVAL;
	if (pt_flags(pt) & IOMMU_HWPT_ALLOC_PASID)
		return 0;
	/* A table not made for PASIDs serves none, nor a device that uses them. */
	return pasid || next_attach(dev, 1) ? -EINVAL : 0;
}

static int check_pasid(struct device *dev, u32 pasid, bool replace)
{
	struct attach *attached = find_attach(dev, pasid), *rid = find_attach(dev, 0);

	if (pasid >> dev->pasid_width)
		return -EINVAL;
	if (replace)
		return attached ? 0 : -EINVAL;
	if (attached)
		return -EBUSY;
	if (pasid && rid && !(pt_flags(rid->pt) & IOMMU_HWPT_ALLOC_PASID))
		return -EINVAL;
	return 0;
}

/* Keep the device's reserved range free in an IOAS that it enters by its RID. */
static int enter_ioas(struct device *dev, struct ioas *ioas)
{
	int err;

	if (dev->resv_first > dev->resv_last)
		return 0;
	port_rwsem_write(&ioas->rwsem);
	err = ioas_reserve(ioas, dev->resv_first, dev->resv_last, dev);
	port_rwsem_write_end(&ioas->rwsem);
	return err;
}

static void leave_ioas(struct device *dev, struct ioas *ioas)
{
	port_rwsem_write(&ioas->rwsem);
	ioas_unreserve(ioas, dev);
	port_rwsem_write_end(&ioas->rwsem);
}

static int attach_new(struct device *dev, u32 pasid, struct object *pt)
{
	struct hwpt *hwpt = pt_hwpt(pt);
	struct attach *a = port_alloc(sizeof(*a));
	int err;

	if (!a)
		return -ENOMEM;
	a->node.key = pasid;
	a->dev = dev;
	err = pasid ? 0 : enter_ioas(dev, hwpt->ioas);
	if (err)
		goto free;
	/* Noted before its context entry: once the IOMMU may cache a
	 * translation, invalidations reach it. */
	err = join_hwpt(a, pt);
	if (err)
		goto leave_ioas;
	err = write_context(dev, pasid, pt);
	if (err)
		goto leave_hwpt;
	port_map_insert(&dev->attaches, &a->node);
	return 0;

leave_hwpt:
	leave_hwpt(a);
leave_ioas:
	if (!pasid)
		leave_ioas(dev, hwpt->ioas);
free:
	port_free(a);
	return err;
}

static int attach_replace(struct device *dev, u32 pasid, struct object *pt)
{
	struct attach *old = find_attach(dev, pasid), *new;
	struct hwpt *hwpt = pt_hwpt(pt);
	struct ioas *old_ioas = old->hwpt->ioas;
	bool moves = !pasid && old_ioas != hwpt->ioas;
	int err;

	if (old->pt == pt)
		return 0;
	new = port_alloc(sizeof(*new));
	if (!new)
		return -ENOMEM;
	new->node.key = pasid;
	new->dev = dev;
	err = moves ? enter_ioas(dev, hwpt->ioas) : 0;
	if (err)
		goto free;
	err = join_hwpt(new, pt);
	if (err)
		goto leave_ioas;
	/* One write: every DMA goes through the old table or through the new. */
	write_context(dev, pasid, pt);
	if (moves)
		leave_ioas(dev, old_ioas);
	port_map_erase(&dev->attaches, &old->node);
	port_map_insert(&dev->attaches, &new->node);
	fault_answer_all(old);
	leave_hwpt(old);
	port_free(old);
	return 0;

leave_ioas:
	if (moves)
		leave_ioas(dev, hwpt->ioas);
free:
	port_free(new);
	return err;
}

/* Could it have been made for @dev? A larger leaf than @dev would get is a coarser
 * report than it need have. */
static bool suits(const struct device *dev, const struct hwpt *hwpt)
{
	return hwpt->pgt.fmt == dev->iommu->fmt &&
	       !(hwpt->pgt.leaf_sizes & ~dev->iommu->leaf_sizes);
}

/* The automatic HWPT that @dev can share, else a new one; with a reference. */
static struct hwpt *automatic_hwpt(struct device *dev, struct ioas *ioas, int *err)
{
	struct hwpt *hwpt;

	port_rwsem_read(&ioas->rwsem);
	for (hwpt = ioas->hwpts; hwpt; hwpt = hwpt->next)
		if (hwpt->automatic && hwpt->attaches && suits(dev, hwpt))
			break;
	if (hwpt)
		object_hold(&hwpt->obj);
	port_rwsem_read_end(&ioas->rwsem);
	if (hwpt)
		return hwpt;
	hwpt = hwpt_create(ioas, dev, 0, dev->iommu->leaf_sizes, err);
	if (!hwpt)
		return NULL;
	hwpt->automatic = true;
	object_hold(&hwpt->obj);
	object_publish(&hwpt->obj);
	return hwpt;
}

/* What attaching to @obj means to (dev, pasid): a HWPT or one nested in it, with a
 * reference. */
static struct object *get_pt(struct device *dev, u32 pasid, struct object *obj, int *err)
{
	struct hwpt *hwpt;

	*err = -EINVAL;
	if (obj->type == OBJECT_HWPT || obj->type == OBJECT_NESTED) {
		object_hold(obj);
		return obj;
	}
	/* An automatic table is never made for PASIDs. */
	if (obj->type != OBJECT_IOAS || pasid)
		return NULL;
	hwpt = automatic_hwpt(dev, (struct ioas *)obj, err);
	return hwpt ? &hwpt->obj : NULL;
}

static int attach(struct device *dev, u32 pasid, struct object *obj, bool replace, __u32 *out_hwpt,
		  struct ucmd *ucmd)
{
	struct object *pt;
	int err;

	err = dev->gone ? -ENODEV : check_pasid(dev, pasid, replace);
	if (err)
		return err;
	pt = get_pt(dev, pasid, obj, &err);
	if (!pt)
		return err;
	err = can_join(dev, pasid, pt);
	if (!err) {
		*out_hwpt = pt->id;
		err = ucmd_reply(ucmd);
	}
	if (!err && replace)
		err = attach_replace(dev, pasid, pt);
	else if (!err)
		err = attach_new(dev, pasid, pt);
	put_pt(pt);
	return err;
}

int device_attach(struct device *dev, u32 pasid, u32 pt_id, bool replace, __u32 *out_hwpt,
		  struct ucmd *ucmd)
{
	struct iommufd_ctx *ctx = dev->obj.ctx;
	/* Outside the lock: whatever it is, the last put of it may take it. */
	struct object *pt = object_get(ctx, pt_id, OBJECT_ANY);
	int err;

	if (!pt)
		return -ENOENT;
	port_mutex_lock(&ctx->attach_lock);
	err = attach(dev, pasid, pt, replace, out_hwpt, ucmd);
	port_mutex_unlock(&ctx->attach_lock);
	object_put(pt);
	return err;
}

/* attach_lock held. */
static void detach(struct device *dev, struct attach *a)
{
	u32 pasid = (u32)a->node.key;

	port_map_erase(&dev->attaches, &a->node);
	hw_context_set(dev->hw, pasid, NULL); /* removing cannot fail */
	if (!pasid)
		leave_ioas(dev, a->hwpt->ioas);
	fault_answer_all(a);
	leave_hwpt(a);
	port_free(a);
}

void device_detach(struct device *dev, u32 pasid)
{
	struct attach *a;

	port_mutex_lock(&dev->obj.ctx->attach_lock);
	a = find_attach(dev, pasid);
	if (a)
		detach(dev, a);
	port_mutex_unlock(&dev->obj.ctx->attach_lock);
}

u32 device_attached(struct device *dev, u32 pasid)
{
	struct attach *a;
	u32 id = 0;

	port_mutex_lock(&dev->obj.ctx->attach_lock);
	a = find_attach(dev, pasid);
	if (a)
		id = a->pt->id;
	port_mutex_unlock(&dev->obj.ctx->attach_lock);
	return id;
}

void device_page_request(struct device *dev, struct iommu_hwpt_pgfault *request)
{
	struct iommufd_ctx *ctx = dev->obj.ctx;
	struct attach *a;

	port_mutex_lock(&ctx->attach_lock);
	a = find_attach(dev, request->pasid);
	/* The PASIDs of a guest that keeps their table are known by the table. */
	if (!a && request->pasid)
		a = find_attach(dev, 0);
	if (a && request->pasid && !a->node.key && a->pt->type != OBJECT_NESTED)
		a = NULL;
	if (!a || !fault_deliver(a, request))
		port_count(&ctx->stats.requests_refused, 1);
	port_mutex_unlock(&ctx->attach_lock);
}

void device_unplug(struct device *dev)
{
	struct iommufd_ctx *ctx = dev->obj.ctx;
	struct attach *a;

	object_hold(&dev->obj);
	if (object_unpublish(&dev->obj))
		object_put(&dev->obj); /* what device_plug held */
	port_mutex_lock(&ctx->attach_lock);
	dev->gone = true;
	while ((a = next_attach(dev, 0)))
		detach(dev, a);
	port_mutex_unlock(&ctx->attach_lock);
	object_put(&dev->obj);
}

/* Unplugged, and nobody is in the middle of a DMA or an ioctl with it. */
void device_release(struct object *obj)
{
	struct device *dev = (struct device *)obj;
	struct iommufd_ctx *ctx = obj->ctx;

	port_mutex_lock(&ctx->attach_lock);
	hw_dev_destroy(dev->hw);
	iommu_put(ctx, dev->iommu);
	port_mutex_unlock(&ctx->attach_lock);
	port_free(dev);
}
