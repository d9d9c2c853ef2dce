/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "bits.h"
#include "log.h"
#include "policy_vmm.h"

enum { PASID = 3 };

void vmm_open(struct vmm *v)
{
	u64 leaf = (u64)1 << ct.config.leaf_lg2;

	*v = (struct vmm){ 0 };
	scene_open(&v->s, .leaves = VMM_PAGES * highest(leaf, LOG_PAGE) / leaf, .no_attach = true,
		   .no_enable = true);
	v->memory = (struct policy_memory){ .last = v->s.iova + v->s.length - 1, .page = LOG_PAGE };
}

static bool has_log(int fd)
{
	return !ct_vfio_feature(fd,
				VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_SET |
					VFIO_DEVICE_FEATURE_DMA_LOGGING_START,
				NULL, 0);
}

/* As a VMM finds out what a source can do. */
static void ask(struct vmm *v, size_t i)
{
	u64 capabilities = 0;

	if (!v->can[i].by_access)
		x(ct_hw_info(v->sources[i].dev, &capabilities));
	v->can[i].iommu_tracks = capabilities & IOMMU_HW_CAP_DIRTY_TRACKING;
	v->can[i].has_log = has_log(v->sources[i].fd);
	v->can[i].log_page = LOG_PAGE;
	v->can[i].log_last = UINT64_MAX;
	v->can[i].hwpt_page = v->s.granule;
	v->can[i].stops = true;
}

static void make_hwpt(struct vmm *v, size_t i, bool pasids)
{
	struct policy_source *can = &v->can[i];
	u32 flags = pasids ? IOMMU_HWPT_ALLOC_PASID : 0;

	can->hwpt_tracks = can->iommu_tracks && !v->plain &&
			   (!pasids || ct.config.format.flags & IODIRTY_FORMAT_DIRTY_PASID);
	if (can->hwpt_tracks)
		flags |= IOMMU_HWPT_ALLOC_DIRTY_TRACKING;
	x(ct_hwpt_alloc(v->sources[i].dev, v->s.ioas, flags, &can->hwpt));
}

/* @pasids: its HWPT takes them, or they, too, could not be attached. */
static void add(struct vmm *v, u32 kind, u32 flags, bool pasids)
{
	bool by_pasid = kind == IODIRTY_VFIO_MDEV_PASID;
	const struct iodirty_vfio_plug plug = {
		.kind = kind,
		.flags = flags,
		.pasid = by_pasid ? PASID : 0,
		.pasid_width = pasids ? 8 : 0,
	};
	size_t i = v->n++;
	struct vmm_source *s = &v->sources[i];

	x(ct_vfio_plug(&plug, &s->id));
	s->fd = ct_vfio_open(IODIRTY_VFIO_DEVICE, s->id);
	ct_check(s->fd >= 0, "the device's node: %s", ct_errno_name(s->fd));
	x(ct_vfio_bind(s->fd, &s->dev));
	v->can[i] =
		(struct policy_source){ .device = s->id, .by_access = kind == IODIRTY_VFIO_MDEV };
	ask(v, i);
	if (!v->can[i].by_access)
		make_hwpt(v, i, pasids || by_pasid);
	x(ct_vfio_attach(s->fd, v->can[i].by_access ? v->s.ioas : v->can[i].hwpt, NULL));
}

void vmm_add(struct vmm *v, u32 kind, u32 flags)
{
	add(v, kind, flags, false);
}

void vmm_add_with_pasid(struct vmm *v, u32 flags)
{
	size_t i = v->n;

	add(v, IODIRTY_VFIO_PCI, flags, true);
	v->sources[i + 1] = v->sources[i];
	v->sources[i + 1].pasid = PASID;
	v->can[i + 1] = v->can[i];
	v->n++;
	make_hwpt(v, i + 1, true);
	x(ct_vfio_attach_pasid(v->sources[i].fd, PASID, v->can[i + 1].hwpt));
}

static void start_tracker(struct vmm *v, size_t i)
{
	if (v->choices[i].tracker == POLICY_IOMMU)
		x(ct_set_tracking(v->can[i].hwpt, true));
	else
		x(log_start(v->sources[i].fd, v->s.iova, v->s.length));
}

bool vmm_start(struct vmm *v)
{
	size_t i, hwpts = 0, logs = 0;

	if (!policy_decide(&v->options, &v->memory, v->can, v->n, v->choices, &v->answer))
		return false;
	for (i = 0; i < v->n; i++) {
		if (v->choices[i].starts)
			start_tracker(v, i);
		hwpts += v->choices[i].starts && v->choices[i].tracker == POLICY_IOMMU;
		logs += v->choices[i].starts && v->choices[i].tracker == POLICY_DEVICE;
		ct_vfio_bus_master(v->sources[i].fd, true);
	}
	ct_check(hwpts == v->answer.n_hwpts && logs == v->answer.n_logs,
		 "%zu HWPTs and %zu logs were started, %zu and %zu announced", hwpts, logs,
		 v->answer.n_hwpts, v->answer.n_logs);
	v->page = v->answer.page_size;
	v->all_dirty = v->answer.n_nobody;
	v->truth = ct_shadow_new(v->s.iova, v->s.length, v->page, v->page);
	ct_bitmap_init_guarded(&v->pending, v->s.length / v->page);
	return true;
}

void vmm_write(struct vmm *v, size_t i, u64 page)
{
	struct vmm_source *s = &v->sources[i];
	u64 iova = v->s.iova + page * v->page + 7 + i;

	x(s->pasid ? ct_vfio_write_pasid(s->fd, s->pasid, iova, "w", 1) :
		     ct_vfio_write(s->fd, iova, "w", 1));
	ct_shadow_write(v->truth, iova, 1);
}

/* OR what the tracker of source @i has into what is pending. */
static void collect(struct vmm *v, size_t i)
{
	if (v->choices[i].tracker == POLICY_IOMMU)
		x(ct_get_bitmap(v->can[i].hwpt, 0, v->s.iova, v->s.length, v->page,
				v->pending.bytes));
	else
		x(log_report(v->sources[i].fd, v->s.iova, v->s.length, v->page, v->pending.bytes));
}

void vmm_expect(struct vmm *v)
{
	size_t i;

	for (i = 0; i < v->n; i++)
		if (v->choices[i].starts)
			collect(v, i);
	ct_bitmap_check_guards(&v->pending);
	if (v->all_dirty || v->all_dirty_once)
		ct_bitmap_fill(&v->pending, 0xff);
	if (v->all_dirty || v->all_dirty_once)
		ct_shadow_write(v->truth, v->s.iova, v->s.length);
	ct_shadow_compare(v->truth, &v->pending, v->s.iova, v->page, true);
	ct_shadow_forget(v->truth, v->s.iova, v->s.length);
	v->all_dirty_once = false;
	ct_bitmap_fill(&v->pending, 0);
}

void vmm_expect_tracker(const struct vmm *v, size_t i, enum policy_tracker tracker)
{
	static const char *const names[] = { "nobody", "the IOMMU", "the device" };

	ct_check(v->choices[i].tracker == tracker, "source %zu is tracked by %s (%s), expected %s",
		 i, names[v->choices[i].tracker], v->choices[i].why, names[tracker]);
}

/* ---- those that come and go ---- */

bool vmm_join(struct vmm *v, u32 kind, u32 flags)
{
	size_t i = v->n;
	struct policy_change change;

	vmm_add(v, kind, flags);
	if (!policy_join(&v->options, &v->memory, v->can, v->choices, i, &v->can[i], &v->choices[i],
			 &change)) {
		ct_check(change.refused && change.why && !change.steps, "refused without a word");
		x(ct_vfio_unplug(v->sources[i].id));
		v->n--;
		return false;
	}
	ct_check(change.page_size == v->page, "one more of the same kind changes the page size");
	if (change.steps & (POLICY_START_HWPT | POLICY_START_LOG))
		start_tracker(v, i);
	if (change.steps & POLICY_ALL_DIRTY_BEGINS)
		v->all_dirty = true;
	ct_vfio_bus_master(v->sources[i].fd, true);
	return true;
}

static void remove_source(struct vmm *v, size_t i)
{
	size_t k;

	for (k = i; k + 1 < v->n; k++) {
		v->sources[k] = v->sources[k + 1];
		v->can[k] = v->can[k + 1];
		v->choices[k] = v->choices[k + 1];
	}
	v->n--;
}

void vmm_leave(struct vmm *v, size_t i, bool gone)
{
	struct policy_change change;

	if (gone)
		x(ct_vfio_unplug(v->sources[i].id));
	else
		ct_vfio_bus_master(v->sources[i].fd, false);
	policy_leave(&v->memory, v->can, v->choices, v->n, i, gone, &change);
	if (change.steps & (POLICY_COLLECT_HWPT | POLICY_COLLECT_LOG))
		collect(v, i);
	if (change.steps & POLICY_STOP_HWPT)
		x(ct_set_tracking(v->can[i].hwpt, false));
	if (change.steps & POLICY_STOP_LOG)
		x(log_stop(v->sources[i].fd));
	if (change.steps & POLICY_ALL_DIRTY_ONCE)
		v->all_dirty_once = true;
	if (change.steps & POLICY_ALL_DIRTY_ENDS)
		v->all_dirty = false;
	if (!gone)
		x(ct_vfio_unplug(v->sources[i].id));
	remove_source(v, i);
}
