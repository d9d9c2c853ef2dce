/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Trackers: those that the policy chose, each for its sources, ORed into one bitmap. */
#include <errno.h>
#include <string.h>

#include "container.h"
#include "vfio_client.h"

#define PAGE 4096

static int start_hwpt(struct machine *m, const struct policy_source *s)
{
	struct iommu_hwpt_set_dirty_tracking arg = {
		.size = sizeof(arg),
		.flags = IOMMU_HWPT_DIRTY_TRACKING_ENABLE,
		.hwpt_id = s->hwpt,
	};
	int ret = 0;

	if (m->split)
		ret = m->t->driver->split(m->t, s->hwpt, IODIRTY_SPLIT_IN_PLACE);
	if (ret)
		return machine_fail(m, ret, "IODIRTY_SPLIT");
	ret = machine_ioctl(m, IOMMU_HWPT_SET_DIRTY_TRACKING, &arg);
	return ret ? machine_fail(m, ret, "HWPT_SET_DIRTY_TRACKING") : 0;
}

static int start_log(struct machine *m, const struct machine_device *dev)
{
	struct vfio_device_feature_dma_logging_range range = { .iova = m->iova,
							       .length = m->length };
	struct vfio_device_feature_dma_logging_control arg = {
		.page_size = m->page,
		.num_ranges = 1,
		.ranges = (uintptr_t)&range,
	};
	int ret = vfioc_feature(m->t, dev->fd,
				VFIO_DEVICE_FEATURE_DMA_LOGGING_START | VFIO_DEVICE_FEATURE_SET,
				&arg, sizeof(arg));

	return ret ? machine_fail(m, ret, "DMA_LOGGING_START") : 0;
}

static int decide(struct machine *m)
{
	const struct policy_options options = {
		.allow_all_dirty = m->trackers == TRACKERS_NOBODY,
		.require_stop = true,
	};
	const struct policy_memory memory = { .last = m->iova + m->length - 1, .page = PAGE };
	struct policy_source sources[MACHINE_DEVICES];
	struct policy_choice choices[MACHINE_DEVICES];
	bool good;

	for (unsigned int i = 0; i < m->n; i++)
		sources[i] = m->devices[i].source;
	good = policy_decide(&options, &memory, sources, m->n, choices, &m->answer);
	for (unsigned int i = 0; i < m->n; i++)
		m->devices[i].choice = choices[i];
	m->page = m->answer.page_size;
	if (good)
		return 0;
	return machine_fail(m, -EPERM, "device %zu: %s", m->answer.refused_by, m->answer.why);
}

int machine_track(struct machine *m)
{
	int ret;

	if (m->trackers == TRACKERS_TYPE1)
		return container_track(m);
	ret = decide(m);
	for (unsigned int i = 0; i < m->n && !ret; i++) {
		const struct machine_device *dev = &m->devices[i];

		if (dev->choice.starts)
			ret = dev->choice.tracker == POLICY_IOMMU ? start_hwpt(m, &dev->source) :
								    start_log(m, dev);
	}
	return ret;
}

static int report_hwpt(struct machine *m, const struct policy_source *s, uint64_t *bitmap)
{
	struct iommu_hwpt_get_dirty_bitmap arg = {
		.size = sizeof(arg),
		.hwpt_id = s->hwpt,
		.iova = m->iova,
		.length = m->length,
		.page_size = m->page,
		.data = (uintptr_t)bitmap,
	};
	int ret = machine_ioctl(m, IOMMU_HWPT_GET_DIRTY_BITMAP, &arg);

	return ret ? machine_fail(m, ret, "HWPT_GET_DIRTY_BITMAP") : 0;
}

static int report_log(struct machine *m, const struct machine_device *dev, uint64_t *bitmap)
{
	struct vfio_device_feature_dma_logging_report arg = {
		.iova = m->iova,
		.length = m->length,
		.page_size = m->page,
		.bitmap = (uintptr_t)bitmap,
	};
	int ret = vfioc_feature(m->t, dev->fd,
				VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT | VFIO_DEVICE_FEATURE_GET,
				&arg, sizeof(arg));

	return ret ? machine_fail(m, ret, "DMA_LOGGING_REPORT") : 0;
}

int machine_report(struct machine *m, uint64_t *bitmap)
{
	uint64_t pages = m->length / m->page;
	int ret = 0;

	if (m->trackers == TRACKERS_TYPE1)
		return container_report(m, bitmap);
	if (m->answer.n_nobody) {
		memset(bitmap, 0xff, pages / 8);
		for (uint64_t page = pages & -8; page < pages; page++)
			bitmap[page / 64] |= 1ULL << page % 64;
		return 0;
	}
	for (unsigned int i = 0; i < m->n && !ret; i++) {
		const struct machine_device *dev = &m->devices[i];

		if (dev->choice.starts)
			ret = dev->choice.tracker == POLICY_IOMMU ?
				      report_hwpt(m, &dev->source, bitmap) :
				      report_log(m, dev, bitmap);
	}
	return ret;
}
