/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter PASID: address spaces by PASID: of a VFIO device, by ATTACH and DETACH, and of an
 * mdev whose DMA carries one, its parent's function being the host's.
 */
#include "vfio.h"

#define LAST ((1u << PASID_WIDTH) - 1)

static const struct iodirty_vfio_plug mdev_by_pasid = {
	.kind = IODIRTY_VFIO_MDEV_PASID,
	.pasid = 5,
};

/* A device of PASIDs, at rest. */
static int open_pasids(void)
{
	const struct iodirty_vfio_plug plug = { .pasid_width = PASID_WIDTH };
	u32 id;

	return ct_vfio_device(&plug, &id);
}

/* Two HWPTs for PASIDs over one IOAS; @rid's is the device's own, too. */
static int open_two(struct scene *rid, struct scene *pasid, u32 *id)
{
	const struct iodirty_vfio_plug plug = { .pasid_width = PASID_WIDTH };
	int fd;

	scene_open(rid, .leaves = 4, .no_attach = true, .hwpt_flags = IOMMU_HWPT_ALLOC_PASID);
	*pasid = second_hwpt(rid, IOMMU_HWPT_ALLOC_PASID);
	x(ct_set_tracking(pasid->hwpt, true));
	fd = ct_vfio_device(&plug, id);
	x(ct_vfio_attach(fd, rid->hwpt, NULL));
	return fd;
}

/* ---- tracked ---- */

/* The device's own requests by one HWPT, a PASID's by another; each its own. */
CT_TEST(vfio_pasid_independent, "PASID-001", .scope = CT_EACH_LEAF, .requires = tracks_pasids,
	.needs = TARGET_VFIO)
{
	struct scene rid, pasid;
	u32 id;
	int fd = open_two(&rid, &pasid, &id);

	x(ct_vfio_attach_pasid(fd, 3, pasid.hwpt));
	for (unsigned int round = 0; round < 2; round++) {
		vfio_write(&rid, fd, 0);
		vfio_write_pasid(&pasid, fd, 3, rid.leaf);
		expect_all(&rid);
		vfio_write(&rid, fd, 2 * rid.leaf);
		expect_all(&pasid);
		expect_all(&rid);
	}
	vfio_expect_fault(&rid, fd, 4, IODIRTY_FAULT_NOT_ATTACHED);
	x(ct_set_tracking(rid.hwpt, false));
	vfio_write_pasid(&pasid, fd, 3, 3 * rid.leaf);
	x(ct_vfio_detach(fd));
	vfio_write_pasid(&pasid, fd, 3, 2 * rid.leaf);
	vfio_expect_fault(&rid, fd, 0, IODIRTY_FAULT_NOT_ATTACHED);
	expect_all(&pasid);
}

/* All by one HWPT: what each has written is there. */
CT_TEST(vfio_pasids_of_one, "PASID-001", .scope = CT_EACH_FORMAT, .requires = tracks_pasids,
	.needs = TARGET_VFIO)
{
	struct scene s, other;
	u32 id;
	int fd = open_two(&s, &other, &id);

	x(ct_vfio_attach_pasid(fd, 1, s.hwpt));
	x(ct_vfio_attach_pasid(fd, LAST, s.hwpt));
	vfio_write(&s, fd, 0);
	vfio_write_pasid(&s, fd, 1, s.leaf);
	vfio_write_pasid(&s, fd, LAST, 3 * s.leaf);
	expect_all(&s);
	vfio_write_pasid(&s, fd, LAST, s.leaf);
	expect_all(&s);
	expect_all(&other);
}

/* A second attach of a PASID replaces; detach ends it; nothing else notices. */
CT_TEST(vfio_pasid_replace, "PASID-002", .scope = CT_EACH_FORMAT, .requires = tracks_pasids,
	.needs = TARGET_VFIO)
{
	struct scene a, b;
	u32 id;
	int fd = open_two(&a, &b, &id);

	x(ct_vfio_attach_pasid(fd, 9, a.hwpt));
	x(ct_vfio_attach_pasid(fd, 10, a.hwpt));
	vfio_write_pasid(&a, fd, 9, 0);
	x(ct_vfio_attach_pasid(fd, 9, b.hwpt));
	vfio_write_pasid(&b, fd, 9, 0);
	vfio_write_pasid(&b, fd, 9, a.leaf);
	vfio_write_pasid(&a, fd, 10, 2 * a.leaf);
	vfio_write(&a, fd, 3 * a.leaf);
	expect_all(&a);
	scene_expect_no_clear(&b, 0, b.length, b.granule);
	x(ct_vfio_detach_pasid(fd, 9));
	vfio_expect_fault(&a, fd, 9, IODIRTY_FAULT_NOT_ATTACHED);
	x(ct_vfio_detach_pasid(fd, 9));
	x(ct_vfio_detach_pasid(fd, 77));
	vfio_write_pasid(&a, fd, 10, a.leaf);
	vfio_write(&a, fd, 0);
	expect_all(&a);
	expect_all(&b);
	x(ct_destroy(b.hwpt));
	x_err(EBUSY, ct_destroy(a.hwpt));
}

/* While its generator writes by the PASID: no write faults, and none is lost. */
CT_TEST(vfio_pasid_swapped, "PASID-002", .scope = CT_EACH_FORMAT, .requires = tracks_pasids,
	.needs = TARGET_VFIO, .concurrent = true)
{
	struct iodirty_stream_start stream;
	u8 bytes[4] = { 0 };
	struct ct_bitmap bits = { .bytes = bytes, .nbits = 4 };
	struct scene a, b;
	u64 writes, faults;
	u32 id;
	int fd = open_two(&a, &b, &id);

	x(ct_vfio_attach_pasid(fd, 2, a.hwpt));
	stream = vfio_stream(&a);
	stream.pasid = 2;
	ct_vfio_generate(fd, &stream);
	for (unsigned int i = 0; i < 20; i++) {
		vfio_wait_writes(fd, 20);
		x(ct_vfio_attach_pasid(fd, 2, i & 1 ? a.hwpt : b.hwpt));
	}
	writes = ct_vfio_generate_stop(fd);
	faults = ct_bar_read(fd, IODIRTY_BAR_GEN_FAULTS);
	ct_check(!faults, "%" PRIu64 " of %" PRIu64 " writes faulted", faults, writes);
	x(scene_get(&a, 0, 0, a.length, a.leaf, bytes));
	x(scene_get(&b, 0, 0, b.length, b.leaf, bytes));
	for (u64 n = 0; n < writes && n < 1000; n++)
		ct_check(ct_bitmap_test(&bits, vfio_stream_offset(&stream, n) / a.leaf),
			 "write %" PRIu64 " is in neither HWPT", n);
}

/* Pulled out or closed: every PASID's bits stay, and nothing holds the HWPTs. */
CT_TEST(vfio_pasid_removed, "PASID-003", .scope = CT_EACH_FORMAT, .requires = tracks_pasids,
	.needs = TARGET_VFIO)
{
	for (unsigned int closed = 0; closed < 2; closed++) {
		struct scene rid, pasid;
		u32 id;
		int fd = open_two(&rid, &pasid, &id);

		x(ct_vfio_attach_pasid(fd, 1, pasid.hwpt));
		x(ct_vfio_attach_pasid(fd, 2, pasid.hwpt));
		x(ct_vfio_attach_pasid(fd, 3, rid.hwpt));
		vfio_write_pasid(&pasid, fd, 1, rid.leaf);
		vfio_write_pasid(&pasid, fd, 2, 3 * rid.leaf);
		vfio_write_pasid(&rid, fd, 3, 0);
		vfio_write(&rid, fd, 2 * rid.leaf);
		if (closed)
			x(ct_close(fd));
		else
			x(ct_vfio_unplug(id));
		expect_all(&rid);
		expect_all(&pasid);
		x(ct_destroy(pasid.hwpt));
		x(ct_destroy(rid.hwpt));
		x(ct_destroy(rid.ioas));
	}
}

/* ---- refused ---- */

static int attach_as(int fd, u32 argsz, u32 pasid, u32 pt)
{
	struct vfio_device_attach_iommufd_pt arg = {
		.argsz = argsz, .flags = VFIO_DEVICE_ATTACH_PASID, .pt_id = pt, .pasid = pasid
	};

	return ct_fd_ioctl(fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &arg);
}

static int detach_as(int fd, u32 argsz, u32 pasid)
{
	struct vfio_device_detach_iommufd_pt arg = { .argsz = argsz,
						     .flags = VFIO_DEVICE_DETACH_PASID,
						     .pasid = pasid };

	return ct_fd_ioctl(fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &arg);
}

/* An argument with no room for the PASID, a PASID beyond what the device has. */
CT_TEST(vfio_pasid_arguments, "PASID-004", .scope = CT_EACH_FORMAT, .needs = TARGET_VFIO)
{
	u32 id, dev, ioas, hwpt;
	int fd = open_pasids(), none = ct_vfio_device(&vfio_pci, &id);
	int mdev = ct_vfio_device(&vfio_mdev, &id);

	x(ct_ioas_alloc(&ioas));
	x(ct_plug_pasid(0, PASID_WIDTH, &dev));
	x(ct_hwpt_alloc(dev, ioas, IOMMU_HWPT_ALLOC_PASID, &hwpt));
	for (u32 argsz = 0; argsz < 16; argsz++)
		x_err(EINVAL, attach_as(fd, argsz, 1, hwpt));
	for (u32 argsz = 0; argsz < 12; argsz++)
		x_err(EINVAL, detach_as(fd, argsz, 1));
	x(attach_as(fd, 16, LAST, hwpt));
	x(attach_as(fd, 64, 1, hwpt));
	x_err(EINVAL, attach_as(fd, 16, LAST + 1, hwpt));
	x_err(EINVAL, attach_as(fd, 16, 1 << 20, hwpt));
	x_err(EINVAL, attach_as(fd, 16, ~0u, hwpt));
	x_err(ENOENT, attach_as(fd, 16, 1, 0x7fffffff));
	/* Without PASIDs; of a device that is software. */
	x_err(EINVAL, attach_as(none, 16, 1, hwpt));
	x(ct_vfio_attach(none, hwpt, NULL));
	x_err(EINVAL, attach_as(none, 16, 1, hwpt));
	x_err(EOPNOTSUPP, attach_as(mdev, 16, 1, ioas));
	x_err(EOPNOTSUPP, detach_as(mdev, 12, 1));
	x(detach_as(fd, 12, 1));
	x(detach_as(fd, 64, LAST));
}

/* Both tables, the PASID's and the device's own, must be made for PASIDs; what was refused
 * changed nothing. */
CT_TEST(vfio_pasid_needs_flag, "PASID-005", .scope = CT_EACH_FORMAT, .needs = TARGET_VFIO)
{
	u32 dev, ioas, plain, hwpt;
	int fd = open_pasids();

	x(ct_ioas_alloc(&ioas));
	x(ct_plug_pasid(0, PASID_WIDTH, &dev));
	x(ct_hwpt_alloc(dev, ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &plain));
	x(ct_hwpt_alloc(dev, ioas, IOMMU_HWPT_ALLOC_PASID, &hwpt));
	x_err(EINVAL, ct_vfio_attach_pasid(fd, 1, plain));
	x_err(EINVAL, ct_vfio_attach_pasid(fd, 1, ioas));
	x(ct_vfio_attach(fd, plain, NULL));
	x_err(EINVAL, ct_vfio_attach_pasid(fd, 1, hwpt));
	x(ct_vfio_detach(fd));
	x(ct_vfio_attach_pasid(fd, 1, hwpt));
	x_err(EINVAL, ct_vfio_attach(fd, plain, NULL));
	x_err(EINVAL, ct_vfio_attach(fd, ioas, NULL));
	x(ct_vfio_attach(fd, hwpt, NULL));
	x_err(EINVAL, ct_vfio_attach(fd, plain, NULL));
	x_err(EINVAL, ct_vfio_attach_pasid(fd, 1, plain));
	x(ct_vfio_detach_pasid(fd, 1));
	x(ct_vfio_attach(fd, plain, NULL));
}

/* DIRTY_TRACKING and PASID in one HWPT: as the format says, by the id that bind returns. */
CT_TEST(vfio_pasid_alloc, "PASID-006", .scope = CT_EACH_FORMAT, .needs = TARGET_VFIO)
{
	const u32 both = IOMMU_HWPT_ALLOC_DIRTY_TRACKING | IOMMU_HWPT_ALLOC_PASID;
	const struct iodirty_vfio_plug plugs[] = {
		{ .pasid_width = PASID_WIDTH },
		mdev_by_pasid,
	};
	bool allowed = ct.config.format.flags & IODIRTY_FORMAT_DIRTY_PASID;
	u32 id, dev, ioas, hwpt;

	x(ct_ioas_alloc(&ioas));
	for (unsigned int i = 0; i < 2; i++) {
		int fd;

		x(ct_vfio_plug(&plugs[i], &id));
		fd = ct_vfio_open(IODIRTY_VFIO_DEVICE, id);
		x(ct_vfio_bind(fd, &dev));
		x_err(allowed ? 0 : EOPNOTSUPP, ct_hwpt_alloc(dev, ioas, both, &hwpt));
	}
}

/* No way in by PASID for one that cannot be tracked. */
CT_TEST(vfio_pasid_incapable, "PASID-007", .scope = CT_EACH_FORMAT, .requires = tracks_pasids,
	.needs = TARGET_VFIO)
{
	const struct iodirty_vfio_plug incapable[] = {
		{ .flags = IODIRTY_VFIO_NO_DIRTY, .pasid_width = PASID_WIDTH },
		{ .kind = IODIRTY_VFIO_MDEV_PASID, .pasid = 5, .flags = IODIRTY_VFIO_NO_DIRTY },
	};
	struct scene s, other;
	u32 id, hwpt, dev, ioas;
	int fd = open_two(&s, &other, &id), pci, mdev;
	u8 *mem = second_ioas(&s, &ioas);

	pci = ct_vfio_device(&incapable[0], &id);
	mdev = ct_vfio_device(&incapable[1], &id);
	x(ct_plug_pasid(IODIRTY_PLUG_NO_DIRTY, PASID_WIDTH, &dev));
	x(ct_hwpt_alloc(dev, ioas, IOMMU_HWPT_ALLOC_PASID, &hwpt));
	x(ct_vfio_attach_pasid(pci, 6, hwpt));
	for (unsigned int on = 0; on < 2; on++) {
		x(ct_set_tracking(s.hwpt, on));
		x_err(EINVAL, ct_vfio_attach_pasid(pci, 5, s.hwpt));
		x_err(EINVAL, ct_vfio_attach_pasid(pci, 6, s.hwpt));
		x_err(EINVAL, ct_vfio_attach(mdev, s.hwpt, NULL));
		vfio_expect_fault(&s, pci, 5, IODIRTY_FAULT_NOT_ATTACHED);
		vfio_expect_fault(&s, mdev, 0, IODIRTY_FAULT_NOT_ATTACHED);
		x(ct_vfio_write_pasid(pci, 6, s.iova + on, "6", 1));
		ct_check(mem[on] == '6', "refused, the PASID is no longer where it was");
	}
	vfio_write(&s, fd, s.leaf);
	expect_all(&s);
}

/* Where the answer cannot be written a PASID's attach has not happened, and the device's
 * own attachment does not notice. */
CT_TEST(vfio_pasid_without_answer, "PASID-008", .scope = CT_EACH_FORMAT, .requires = tracks_pasids,
	.needs = TARGET_VFIO)
{
	struct vfio_device_attach_iommufd_pt arg = { .argsz = sizeof(arg),
						     .flags = VFIO_DEVICE_ATTACH_PASID,
						     .pasid = 4 };
	struct scene a, b;
	void *answerless;
	u32 id;
	int fd = open_two(&a, &b, &id);

	arg.pt_id = b.hwpt;
	answerless = read_only(&arg, sizeof(arg));
	x_err(EFAULT, ct_fd_ioctl(fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, answerless));
	vfio_expect_fault(&a, fd, 4, IODIRTY_FAULT_NOT_ATTACHED);
	vfio_write(&a, fd, 0);
	x(ct_vfio_attach_pasid(fd, 4, a.hwpt));
	x_err(EFAULT, ct_fd_ioctl(fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, answerless));
	vfio_write_pasid(&a, fd, 4, a.leaf);
	vfio_write(&a, fd, 2 * a.leaf);
	expect_all(&a);
	expect_all(&b);
}

/* ---- an mdev whose DMA carries a PASID ---- */

/* It has the HWPT of its PASID and knows nothing of it: tracked by the IOMMU, from
 * the first write to the last, also by its generator. */
CT_TEST(mdev_pasid_tracked, "PASID-009", .scope = CT_EACH_LEAF, .requires = tracks_pasids,
	.needs = TARGET_VFIO)
{
	struct iodirty_stream_start stream;
	struct scene s, other;
	u32 id, hwpt;
	int pci = open_two(&s, &other, &id), fd = ct_vfio_device(&mdev_by_pasid, &id);

	x(ct_vfio_attach(fd, s.hwpt, &hwpt));
	ct_check(hwpt == s.hwpt, "attached to HWPT %u, it returns %u", s.hwpt, hwpt);
	vfio_write(&s, fd, s.leaf);
	expect_all(&s);
	/* Whatever PASID it is told to use, it has its own. */
	vfio_write_pasid(&s, fd, 6, 2 * s.leaf);
	vfio_write(&s, pci, 0);
	expect_all(&s);
	x(ct_vfio_attach(fd, other.hwpt, NULL));
	vfio_write(&other, fd, 3 * s.leaf);
	stream = vfio_stream(&s);
	stream.pattern = IODIRTY_PATTERN_SEQUENTIAL;
	stream.count = 2;
	stream.pasid = 7;
	ct_vfio_generate(fd, &stream);
	while (ct_vfio_generated(fd) < 2)
		sched_yield();
	ct_vfio_generate_stop(fd);
	scene_mark(&other, 0, 8);
	scene_mark(&other, s.leaf, 8);
	expect_all(&s);
	scene_expect_no_clear(&other, 0, s.length, s.granule);
	x(ct_vfio_detach(fd));
	vfio_expect_fault(&s, fd, 0, IODIRTY_FAULT_NOT_ATTACHED);
	x(ct_vfio_unplug(id));
	expect_all(&other);
	x(ct_destroy(other.hwpt));
}

/* To a table that is not for PASIDs, an IOAS's own too, it cannot be attached; nor by a
 * PASID that one names. */
CT_TEST(mdev_pasid_refused, "PASID-010", .scope = CT_EACH_FORMAT, .needs = TARGET_VFIO)
{
	u32 id, dev, ioas, plain, hwpt;
	int fd;

	x(ct_ioas_alloc(&ioas));
	x(ct_plug_pasid(0, PASID_WIDTH, &dev));
	x(ct_hwpt_alloc(dev, ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &plain));
	x(ct_hwpt_alloc(dev, ioas, IOMMU_HWPT_ALLOC_PASID, &hwpt));
	fd = ct_vfio_device(&mdev_by_pasid, &id);
	x_err(EINVAL, ct_vfio_attach(fd, plain, NULL));
	x_err(EINVAL, ct_vfio_attach(fd, ioas, NULL));
	x_err(ENOENT, ct_vfio_attach(fd, 0x7fffffff, NULL));
	x_err(EOPNOTSUPP, ct_vfio_attach_pasid(fd, 5, hwpt));
	x_err(EOPNOTSUPP, ct_vfio_detach_pasid(fd, 5));
	x(ct_vfio_attach(fd, hwpt, NULL));
	x_err(EINVAL, ct_vfio_attach(fd, plain, NULL));
	x_err(EBUSY, ct_destroy(hwpt));
	x(ct_vfio_detach(fd));
	x(ct_destroy(hwpt));
}
