/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For the tests of chapters LOG and MIG: see log.h. */
#include "bits.h"
#include "log.h"

const u32 log_kinds[LOG_KINDS] = {
	IODIRTY_VFIO_PCI,
	IODIRTY_VFIO_MDEV,
	IODIRTY_VFIO_MDEV_PASID,
};

int log_start_ranges(int fd, const log_range *ranges, u32 n, u64 *page_size)
{
	struct vfio_device_feature_dma_logging_control start = {
		.page_size = *page_size,
		.num_ranges = n,
		.ranges = (uintptr_t)ranges,
	};
	int ret = ct_vfio_feature(fd,
				  VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_DMA_LOGGING_START,
				  &start, sizeof(start));

	if (!ret)
		*page_size = start.page_size;
	return ret;
}

int log_start(int fd, u64 iova, u64 length)
{
	const log_range range = { .iova = iova, .length = length };
	u64 page_size = LOG_PAGE;

	return log_start_ranges(fd, &range, 1, &page_size);
}

int log_stop(int fd)
{
	return ct_vfio_feature(fd, VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP,
			       NULL, 0);
}

int log_report(int fd, u64 iova, u64 length, u64 page_size, const void *bitmap)
{
	struct vfio_device_feature_dma_logging_report report = {
		.iova = iova,
		.length = length,
		.page_size = page_size,
		.bitmap = (uintptr_t)bitmap,
	};

	return ct_vfio_feature(fd, VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT,
			       &report, sizeof(report));
}

void log_rig_open(struct log_rig *r, u32 kind, u32 flags, u32 log_entries)
{
	const struct iodirty_vfio_plug plug = {
		.kind = kind,
		.flags = flags | IODIRTY_VFIO_LOG,
		.pasid = kind == IODIRTY_VFIO_MDEV_PASID ? 5 : 0,
		.pasid_width = kind == IODIRTY_VFIO_PCI ? 8 : 0,
		.log_entries = log_entries,
	};
	u64 leaf = (u64)1 << ct.config.leaf_lg2;

	scene_open(&r->s, .leaves = highest(4, align_up(68 * LOG_PAGE, 2 * leaf) / leaf),
		   .no_attach = true, .pasid_width = 8);
	r->fd = ct_vfio_device(&plug, &r->id);
	r->pages = r->s.length / LOG_PAGE;
	if (kind == IODIRTY_VFIO_MDEV && leaf < LOG_PAGE) {
		/* It may pin, and so takes pages only. */
		r->s.mem = ct_memory(r->s.length, LOG_PAGE, 0);
		x(ct_ioas_alloc(&r->s.ioas));
		x(ct_map(r->s.ioas, r->s.mem, r->s.length, r->s.iova));
	}
	x(ct_hwpt_alloc(r->s.dev, r->s.ioas, IOMMU_HWPT_ALLOC_PASID, &r->hwpt));
	x(ct_vfio_attach(r->fd, kind == IODIRTY_VFIO_MDEV ? r->s.ioas : r->hwpt, NULL));
}

void log_write(struct log_rig *r, u64 page)
{
	x(ct_vfio_write(r->fd, r->s.iova + page * LOG_PAGE + page % LOG_PAGE, "!", 1));
}

void log_expect(struct log_rig *r, u64 first, u64 n, u64 per, u64 want, const char *what)
{
	u64 nbits = n / per;
	struct ct_bitmap b;

	ct_bitmap_init_guarded(&b, nbits);
	x(log_report(r->fd, r->s.iova + first * LOG_PAGE, n * LOG_PAGE, per * LOG_PAGE, b.bytes));
	for (u64 k = 0; k < nbits; k++)
		ct_check(ct_bitmap_test(&b, k) == (k < 64 && want >> k & 1),
			 "%s: page %" PRIu64 " (IOVA %#" PRIx64 ") is reported %s", what,
			 first + k * per, r->s.iova + (first + k * per) * LOG_PAGE,
			 ct_bitmap_test(&b, k) ? "as written, which it was not" :
						 "as not written, which it was");
	ct_bitmap_check_guards(&b);
	ct_bitmap_free(&b);
}

void log_generate(struct log_rig *r)
{
	const struct iodirty_stream_start s = {
		.pattern = IODIRTY_PATTERN_RANDOM,
		.iova = r->s.iova,
		.length = LOG_PAGES * LOG_PAGE,
		.stride = LOG_PAGE,
		.seed = ct.seed,
	};

	ct_vfio_generate(r->fd, &s);
}
