/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Chapter LOG: the log through the life of its device, beside others, and beside the IOMMU's. */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "bits.h"
#include "log.h"

/* ---- what ends it ---- */

/* No log, and the next one begins with nothing. */
static void expect_ended(struct log_rig *r, const char *what)
{
	u8 bits[8] = { 0 };
	int ret = log_report(r->fd, r->s.iova, 64 * LOG_PAGE, LOG_PAGE, bits);

	ct_check(ret == -EINVAL, "%s: REPORT: expected EINVAL, got %s", what, ct_errno_name(ret));
	x(log_start(r->fd, r->s.iova, 64 * LOG_PAGE));
	log_expect(r, 0, 64, 1, 0, what);
	log_write(r, 7);
	log_expect(r, 0, 64, 1, 1 << 7, what);
	log_write(r, 8);
}

static void reopen(struct log_rig *r)
{
	u32 dev;

	r->fd = ct_vfio_open(IODIRTY_VFIO_DEVICE, r->id);
	ct_check(r->fd >= 0, "open: %s", ct_errno_name(r->fd));
	x(ct_vfio_bind(r->fd, &dev));
}

/* A reset, and a close: whoever is next gets neither bits nor a log. */
CT_TEST(log_ends, "LOG-021", .needs = TARGET_VFIO)
{
	for (size_t k = 0; k < LOG_KINDS; k++) {
		u32 pt;
		struct log_rig r;

		log_rig_open(&r, log_kinds[k], 0, 0);
		pt = log_kinds[k] == IODIRTY_VFIO_MDEV ? r.s.ioas : r.hwpt;
		expect_ended(&r, "before");
		x(ct_fd_ioctl(r.fd, VFIO_DEVICE_RESET, NULL));
		ct_vfio_bus_master(r.fd, true);
		expect_ended(&r, "reset");
		x(ct_close(r.fd));
		reopen(&r);
		ct_vfio_bus_master(r.fd, true);
		x(ct_vfio_attach(r.fd, pt, NULL));
		expect_ended(&r, "closed and opened again");
		x(ct_vfio_unplug(r.id));
		x_err(ENODEV, log_report(r.fd, r.s.iova, LOG_PAGE, LOG_PAGE, &r));
		x_err(ENODEV, log_stop(r.fd));
		x(ct_close(r.fd));
	}
}

/* Detach, attach to something else, map and unmap: what was written stays owed. */
CT_TEST(log_outlives_mappings, "LOG-022", .needs = TARGET_VFIO)
{
	for (size_t k = 0; k < LOG_KINDS; k++) {
		struct log_rig r;
		u32 pt;

		log_rig_open(&r, log_kinds[k], 0, 0);
		pt = log_kinds[k] == IODIRTY_VFIO_MDEV ? r.s.ioas : r.hwpt;
		x(log_start(r.fd, r.s.iova, 64 * LOG_PAGE));
		log_write(&r, 1);
		x(ct_vfio_detach(r.fd));
		log_expect(&r, 0, 32, 1, 2, "detached");
		x(ct_vfio_attach(r.fd, pt, NULL));
		log_write(&r, 2);
		x(ct_unmap(r.s.ioas, r.s.iova, r.s.length, NULL));
		log_expect(&r, 0, 64, 1, 4, "unmapped");
		x(ct_map(r.s.ioas, r.s.mem, r.s.length, r.s.iova));
		log_write(&r, 3);
		log_expect(&r, 0, 64, 1, 8, "mapped again");
	}
}

/* ---- PASIDs, others ---- */

/* The log is of the device: what it writes by a PASID is in it too. */
CT_TEST(log_pasids, "LOG-023", .needs = TARGET_VFIO)
{
	struct log_rig r;

	log_rig_open(&r, IODIRTY_VFIO_PCI, 0, 0);
	x(ct_vfio_attach_pasid(r.fd, 3, r.hwpt));
	x(log_start(r.fd, r.s.iova, 64 * LOG_PAGE));
	log_write(&r, 1);
	x(ct_vfio_write_pasid(r.fd, 3, r.s.iova + 2 * LOG_PAGE, "!", 1));
	log_expect(&r, 0, 64, 1, 6, "by itself and by a PASID");
	x(ct_vfio_detach(r.fd));
	x(ct_vfio_write_pasid(r.fd, 3, r.s.iova + 4 * LOG_PAGE, "!", 1));
	log_expect(&r, 0, 64, 1, 0x10, "by the PASID alone");
}

/* Each device has its own, whatever else reaches the same memory. */
CT_TEST(log_of_each, "LOG-024", .needs = TARGET_VFIO)
{
	struct log_rig r, other;

	log_rig_open(&r, IODIRTY_VFIO_PCI, 0, 0);
	for (size_t k = 0; k < LOG_KINDS; k++) {
		const struct iodirty_vfio_plug plug = {
			.kind = log_kinds[k],
			.flags = IODIRTY_VFIO_LOG,
			.pasid = log_kinds[k] == IODIRTY_VFIO_MDEV_PASID ? 1 : 0,
		};

		other = r;
		other.fd = ct_vfio_device(&plug, &other.id);
		x(ct_vfio_attach(other.fd, log_kinds[k] == IODIRTY_VFIO_MDEV ? r.s.ioas : r.hwpt,
				 NULL));
		x(log_start(r.fd, r.s.iova, 64 * LOG_PAGE));
		log_write(&other, 1);
		x(log_start(other.fd, r.s.iova, 64 * LOG_PAGE));
		log_write(&r, 2);
		log_write(&other, 3);
		log_expect(&r, 0, 64, 1, 4, "the one");
		log_write(&r, 3);
		log_expect(&other, 0, 64, 1, 8, "the other");
		x(log_stop(other.fd));
		log_write(&other, 5);
		log_expect(&r, 0, 64, 1, 8, "the one, the other's stopped");
		x(log_stop(r.fd));
		x(ct_close(other.fd));
	}
}

/* ---- both trackers ---- */

/* Each is complete by itself, and a report of the one takes nothing of the other. */
CT_TEST(log_and_hwpt, "LOG-025", .scope = CT_EACH_LEAF, .needs = TARGET_VFIO)
{
	struct log_rig r;
	u64 per = highest(1, ((u64)1 << ct.config.leaf_lg2) / LOG_PAGE);

	log_rig_open(&r, IODIRTY_VFIO_PCI, 0, 0);
	x(ct_vfio_attach(r.fd, r.s.hwpt, NULL));
	for (int order = 0; order < 2; order++) {
		x(log_start(r.fd, r.s.iova, 64 * LOG_PAGE));
		log_write(&r, 2);
		log_write(&r, 33);
		scene_mark(&r.s, 2 * LOG_PAGE + 2, 1);
		scene_mark(&r.s, 33 * LOG_PAGE + 33, 1);
		if (order)
			scene_expect(&r.s, 0, r.s.length, r.s.granule);
		log_expect(&r, 0, 64, 1, 1ull << 33 | 4, "the log");
		if (!order)
			scene_expect(&r.s, 0, r.s.length, r.s.granule);
		/* The IOTLB holds the leaf as clean or dirty: all the same to the log. */
		log_write(&r, 33);
		log_write(&r, 33);
		scene_mark(&r.s, 33 * LOG_PAGE + 33, 1);
		log_expect(&r, 0, 64, 1, 1ull << 33, "the log, the leaf cached");
		log_write(&r, 33);
		log_expect(&r, 0, 64, 1, 1ull << 33, "the log, the leaf dirty");
		x(log_stop(r.fd));
		log_write(&r, 50 / per * per);
		scene_mark(&r.s, 50 / per * per * LOG_PAGE + 50 / per * per, 1);
		scene_expect(&r.s, 0, r.s.length, r.s.granule);
	}
}

/* Behind an IOMMU that cannot track, the device does; and the reverse is DEVICE-001. */
CT_TEST(log_without_iommu, "LOG-025", .needs = TARGET_VFIO)
{
	struct log_rig r;
	u32 id;
	const struct iodirty_vfio_plug plug = { .kind = IODIRTY_VFIO_PCI,
						.flags = IODIRTY_VFIO_LOG | IODIRTY_VFIO_NO_DIRTY };

	log_rig_open(&r, IODIRTY_VFIO_PCI, 0, 0);
	x(ct_close(r.fd));
	r.fd = ct_vfio_device(&plug, &id);
	x(ct_vfio_attach(r.fd, r.s.ioas, NULL));
	x(log_start(r.fd, r.s.iova, 64 * LOG_PAGE));
	log_write(&r, 6);
	log_expect(&r, 0, 64, 1, 1 << 6, "behind an IOMMU that cannot track");
}

/* ---- failures ---- */

/* START fails at each point: no log, nothing kept; then it works, and begins empty. */
CT_TEST(log_nth_start, "LOG-026", .needs = TARGET_VFIO | TARGET_FAIL_NTH)
{
	static const log_range ranges[] = { { 1 << 20, 1 << 20 }, { 4 << 20, 1 << 20 } };
	struct log_rig r;
	u32 left = 0;
	u8 bits[32];

	log_rig_open(&r, IODIRTY_VFIO_PCI, 0, 0);
	for (u32 nth = 1; !left; nth++) {
		u64 page_size = LOG_PAGE;
		int ret;

		ct_check(nth < 100, "START never ends failing");
		x(ct.t->driver->fail_nth(ct.t, nth, &left));
		ret = log_start_ranges(r.fd, ranges, 2, &page_size);
		x(ct.t->driver->fail_nth(ct.t, 0, &left));
		if (left) {
			x(ret);
			ct_check(nth > 5, "START did not fail in %u places", nth - 1);
		} else if (ret) {
			ct_check(ret == -ENOMEM || ret == -EFAULT, "failure %u: %s", nth,
				 ct_errno_name(ret));
			x_err(EINVAL, log_report(r.fd, 1 << 20, LOG_PAGE, LOG_PAGE, bits));
		} else {
			ct_fail("failure %u is swallowed", nth);
		}
	}
	x(log_report(r.fd, 1 << 20, 1 << 20, LOG_PAGE, bits));
}

/* REPORT fails at each point: every page is in that bitmap or in a later one. */
CT_TEST(log_nth_report, "LOG-026", .needs = TARGET_VFIO | TARGET_FAIL_NTH)
{
	static const u64 per[] = { 1, 2, 16 };

	for (size_t i = 0; i < 3; i++) {
		struct log_rig r;
		u32 left = 0;

		log_rig_open(&r, IODIRTY_VFIO_PCI, 0, 0);
		x(log_start(r.fd, r.s.iova, 64 * LOG_PAGE));
		for (u32 nth = 1; !left; nth++) {
			u8 bits[8] = { 0 };
			int ret;

			ct_check(nth < 100, "REPORT never ends failing");
			log_write(&r, 3);
			log_write(&r, 40);
			x(ct.t->driver->fail_nth(ct.t, nth, &left));
			ret = log_report(r.fd, r.s.iova, 64 * LOG_PAGE, per[i] * LOG_PAGE, bits);
			x(ct.t->driver->fail_nth(ct.t, 0, &left));
			ct_check(left || ret, "failure %u is swallowed", nth);
			if (ret)
				log_expect(&r, 0, 64, 1, 1ull << 40 | 8, "after a failure");
		}
	}
}

/* Not even the answer can be written: then there is no log. */
CT_TEST(log_start_unwritable, "LOG-027", .needs = TARGET_VFIO)
{
	static const struct {
		u32 argsz, flags; /* struct vfio_device_feature */
		struct vfio_device_feature_dma_logging_control start;
	} arg = {
		.argsz = sizeof(arg),
		.flags = VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_DMA_LOGGING_START,
		.start = { .page_size = 4096, .num_ranges = 1 },
	};
	struct log_rig r;
	u8 *page = ct_memory(4096, 4096, 0), bits[8];
	log_range *range = (log_range *)(page + sizeof(arg));

	log_rig_open(&r, IODIRTY_VFIO_PCI, 0, 0);
	memcpy(page, &arg, sizeof(arg));
	*range = (log_range){ r.s.iova, 64 * LOG_PAGE };
	memcpy(page + offsetof(__typeof__(arg), start.ranges), &(u64){ (uintptr_t)range }, 8);
	ct_check(!mprotect(page, 4096, PROT_READ), "mprotect");
	x_err(EFAULT, ct_fd_ioctl(r.fd, VFIO_DEVICE_FEATURE, page));
	x_err(EINVAL, log_report(r.fd, r.s.iova, LOG_PAGE, LOG_PAGE, bits));
	ct_check(!mprotect(page, 4096, PROT_READ | PROT_WRITE), "mprotect");
	x(ct_fd_ioctl(r.fd, VFIO_DEVICE_FEATURE, page));
	log_write(&r, 1);
	log_expect(&r, 0, 64, 1, 2, "started in the end");
}
