/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter DEVICE: a VFIO device by its own node: bound, attached, asked about itself, and
 * closed. What its registers do is in device_regs.c.
 */
#include "vfio.h"

static int open_node(u32 id)
{
	int fd = ct_vfio_open(IODIRTY_VFIO_DEVICE, id);

	ct_check(fd >= 0, "the device's node: %s", ct_errno_name(fd));
	return fd;
}

/* Plugged and opened, not bound. */
static int open_unbound(u32 *id)
{
	x(ct_vfio_plug(&vfio_pci, id));
	return open_node(*id);
}

CT_TEST(vfio_device_tracked, "DEVICE-001", .scope = CT_EACH_LEAF, .needs = TARGET_VFIO)
{
	struct scene s;
	u32 id;
	int fd = open_tracked(&s, &id);

	vfio_write(&s, fd, s.leaf + 5);
	expect_all(&s);
	x(ct_vfio_write(fd, s.iova + 3 * s.leaf - 1, "??", 2));
	scene_mark(&s, 3 * s.leaf - 1, 2);
	expect_all(&s);
}

/* ---- bind ---- */

static int bind_as(int fd, u32 argsz, u32 flags, int iommufd)
{
	struct vfio_device_bind_iommufd arg = { .argsz = argsz,
						.flags = flags,
						.iommufd = iommufd };

	return ct_fd_ioctl(fd, VFIO_DEVICE_BIND_IOMMUFD, &arg);
}

CT_TEST(bind_refuses, "DEVICE-002", .needs = TARGET_VFIO)
{
	const struct vfio_device_bind_iommufd good = { .argsz = 16, .iommufd = ct.t->fd };
	void *bad = no_access(), *answerless = read_only(&good, sizeof(good));
	u32 id, dev;
	int fd = open_unbound(&id), memfd = ct_memfd(4096), ret;

	x_err(EINVAL, bind_as(fd, 15, 0, ct.t->fd));
	x_err(EINVAL, bind_as(fd, 0, 0, ct.t->fd));
	x_err(EINVAL, bind_as(fd, 24, VFIO_DEVICE_BIND_FLAG_TOKEN, ct.t->fd));
	for (u32 flag = 2; flag; flag <<= 1)
		x_err(EINVAL, bind_as(fd, 24, flag, ct.t->fd));
	x_err(EINVAL, bind_as(fd, 16, 0, -1));
	x_err(EINVAL, bind_as(fd, 16, 0, INT32_MIN));
	x_err(EBADF, bind_as(fd, 16, 0, 1 << 20));
	ret = bind_as(fd, 16, 0, memfd);
	ct_check(ret == -EBADF || ret == -EBADFD, "bind to a memfd: %s", ct_errno_name(ret));
	ret = bind_as(fd, 16, 0, fd);
	ct_check(ret == -EBADF || ret == -EBADFD, "bind to the device itself: %s",
		 ct_errno_name(ret));
	x_err(EFAULT, ct_fd_ioctl(fd, VFIO_DEVICE_BIND_IOMMUFD, bad));
	x_err(EFAULT, ct_fd_ioctl(fd, VFIO_DEVICE_BIND_IOMMUFD, answerless));
	/* None of these has bound it. */
	x_err(EINVAL, ct_fd_ioctl(fd, VFIO_DEVICE_RESET, NULL));
	x(ct_vfio_bind(fd, &dev));
	x(ct_fd_ioctl(fd, VFIO_DEVICE_RESET, NULL));
}

CT_TEST(bind_longer_argument, "DEVICE-002", .needs = TARGET_VFIO)
{
	u32 id;

	x(bind_as(open_unbound(&id), 24, 0, ct.t->fd));
}

CT_TEST(bind_once, "DEVICE-003", .needs = TARGET_VFIO)
{
	u32 id, dev;
	int fd = open_unbound(&id), other = open_node(id);

	x(ct_vfio_bind(fd, &dev));
	x_err(EINVAL, ct_vfio_bind(fd, &dev));
	x_err(EINVAL, ct_vfio_bind(other, &dev));
	/* Nor has the other open any part in it. */
	x_err(EINVAL, ct_fd_ioctl(other, VFIO_DEVICE_RESET, NULL));
	x(ct_close(other));
	x(ct_fd_ioctl(fd, VFIO_DEVICE_RESET, NULL));
	other = open_node(id);
	x(ct_close(fd));
	x_err(EINVAL, ct_fd_ioctl(other, VFIO_DEVICE_RESET, NULL));
	x(ct_vfio_bind(other, &dev));
	x(ct_fd_ioctl(other, VFIO_DEVICE_RESET, NULL));
}

CT_TEST(nothing_before_bind, "DEVICE-004", .needs = TARGET_VFIO)
{
	static const u32 cmds[] = {
		VFIO_DEVICE_ATTACH_IOMMUFD_PT, VFIO_DEVICE_DETACH_IOMMUFD_PT, VFIO_DEVICE_GET_INFO,
		VFIO_DEVICE_GET_REGION_INFO,   VFIO_DEVICE_GET_IRQ_INFO,      VFIO_DEVICE_RESET,
		VFIO_DEVICE_FEATURE,
	};
	u32 arg[16] = { sizeof(arg) }, id, dev;
	u64 bar, value = 0;
	int fd = open_unbound(&id);

	for (size_t i = 0; i < sizeof(cmds) / sizeof(cmds[0]); i++)
		x_err(EINVAL, ct_fd_ioctl(fd, cmds[i], arg));
	x_err(EINVAL, (int)region_read(fd, &value, 8, 0));
	x_err(EINVAL, (int)region_write(fd, &value, 8, 0));
	x(ct_vfio_bind(fd, &dev));
	bar = region_info(fd, VFIO_PCI_BAR0_REGION_INDEX).offset;
	ct_check(region_read(fd, &value, 8, bar) == 8, "bound, its registers cannot be read");
	x_err(ENOTTY, ct_fd_ioctl(fd, VFIO_GET_API_VERSION, NULL));
	x_err(ENOTTY, ct_fd_ioctl(fd, IOMMU_IOAS_ALLOC, arg));
}

/* The id that bind returns is the device's in iommufd. */
CT_TEST(bound_id, "DEVICE-008", .scope = CT_EACH_FORMAT, .needs = TARGET_VFIO)
{
	u32 id, dev, ioas, hwpt, seen;
	u64 capabilities;
	int fd = open_unbound(&id);

	x(ct_vfio_bind(fd, &dev));
	x(ct_ioas_alloc(&ioas));
	x(ct_hw_info(dev, &capabilities));
	ct_check(capabilities & IOMMU_HW_CAP_DIRTY_TRACKING,
		 "a device that can be tracked says no");
	x(ct_hwpt_alloc(dev, ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &hwpt));
	x(ct_vfio_attach(fd, hwpt, &seen));
	ct_check(seen == hwpt, "attached to HWPT %u, it returns %u", hwpt, seen);
	x_err(EBUSY, ct_destroy(dev));
	x_err(EBUSY, ct_destroy(hwpt));
	x(ct_close(fd));
	x_err(ENOENT, ct_hw_info(dev, &capabilities));
	x(ct_destroy(hwpt));
}

/* ---- attach and detach ---- */

static int attach_as(int fd, u32 argsz, u32 flags, u32 pt)
{
	struct vfio_device_attach_iommufd_pt arg = { .argsz = argsz, .flags = flags, .pt_id = pt };

	return ct_fd_ioctl(fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &arg);
}

static int detach_as(int fd, u32 argsz, u32 flags)
{
	struct vfio_device_detach_iommufd_pt arg = { .argsz = argsz, .flags = flags };

	return ct_fd_ioctl(fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &arg);
}

/* Refused, and what it was attached to it still is. */
CT_TEST(attach_refuses, "DEVICE-005", .scope = CT_EACH_FORMAT, .needs = TARGET_VFIO)
{
	struct scene s;
	void *bad = no_access();
	u32 id;
	int fd = open_tracked(&s, &id);

	x_err(EINVAL, attach_as(fd, 11, 0, s.hwpt));
	x_err(EINVAL, attach_as(fd, 0, 0, s.hwpt));
	for (u32 flag = 2; flag; flag <<= 1)
		x_err(EINVAL, attach_as(fd, 16, flag, s.hwpt));
	x_err(ENOENT, attach_as(fd, 12, 0, 0));
	x_err(ENOENT, attach_as(fd, 12, 0, 0x7fffffff));
	x_err(EINVAL, attach_as(fd, 12, 0, s.dev));
	x_err(EFAULT, ct_fd_ioctl(fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, bad));
	x_err(EINVAL, detach_as(fd, 7, 0));
	for (u32 flag = 2; flag; flag <<= 1)
		x_err(EINVAL, detach_as(fd, 12, flag));
	x_err(EFAULT, ct_fd_ioctl(fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, bad));
	vfio_write(&s, fd, s.leaf);
	expect_all(&s);
	x(attach_as(fd, 64, 0, s.hwpt));
	vfio_write(&s, fd, 0);
	expect_all(&s);
	x(detach_as(fd, 64, 0));
	vfio_expect_fault(&s, fd, 0, IODIRTY_FAULT_NOT_ATTACHED);
}

/* A second attach replaces: each HWPT has what was written through it. */
CT_TEST(attach_replaces, "DEVICE-006", .scope = CT_EACH_FORMAT, .needs = TARGET_VFIO)
{
	struct scene a, b;
	u32 id, seen;
	int fd = open_tracked(&a, &id);

	b = second_hwpt(&a, 0);
	x(ct_set_tracking(b.hwpt, true));
	vfio_write(&a, fd, 0);
	x(ct_vfio_attach(fd, b.hwpt, &seen));
	ct_check(seen == b.hwpt, "replaced by HWPT %u, it returns %u", b.hwpt, seen);
	vfio_write(&b, fd, a.leaf);
	expect_all(&a);
	expect_all(&b);
	vfio_write(&b, fd, 2 * a.leaf);
	/* To an IOAS: a HWPT of its own, which is not tracked, until it leaves that. */
	x(ct_vfio_attach(fd, a.ioas, &seen));
	ct_check(seen != a.ioas && seen != a.hwpt && seen != b.hwpt,
		 "attached to IOAS %u it returns %u", a.ioas, seen);
	x_err(EOPNOTSUPP, ct_set_tracking(seen, true));
	x(ct_vfio_write(fd, a.iova, "!", 1));
	expect_all(&a);
	expect_all(&b);
	x(ct_vfio_attach(fd, a.hwpt, NULL));
	x_err(ENOENT, ct_destroy(seen));
	x(ct_destroy(b.hwpt));
	x(ct_vfio_detach(fd));
	vfio_expect_fault(&a, fd, 0, IODIRTY_FAULT_NOT_ATTACHED);
	x(ct_vfio_detach(fd));
	expect_all(&a);
	x(ct_destroy(a.hwpt));
}

/* Where the id cannot be written back, nothing has happened. */
CT_TEST(attach_without_answer, "DEVICE-007", .scope = CT_EACH_FORMAT, .needs = TARGET_VFIO)
{
	struct vfio_device_attach_iommufd_pt arg = { .argsz = sizeof(arg) };
	void *to_b, *to_ioas;
	struct scene a, b;
	u32 id;
	int fd = open_tracked(&a, &id);

	b = second_hwpt(&a, 0);
	x(ct_set_tracking(b.hwpt, true));
	arg.pt_id = b.hwpt;
	to_b = read_only(&arg, sizeof(arg));
	arg.pt_id = a.ioas;
	to_ioas = read_only(&arg, sizeof(arg));
	vfio_write(&a, fd, 0);
	x_err(EFAULT, ct_fd_ioctl(fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, to_b));
	vfio_write(&a, fd, a.leaf);
	x_err(EFAULT, ct_fd_ioctl(fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, to_ioas));
	vfio_write(&a, fd, 2 * a.leaf);
	expect_all(&a);
	expect_all(&b);
	x(ct_vfio_detach(fd));
	x_err(EFAULT, ct_fd_ioctl(fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, to_b));
	vfio_expect_fault(&a, fd, 0, IODIRTY_FAULT_NOT_ATTACHED);
	x(ct_destroy(b.hwpt));
}

/* ---- what it says of itself ---- */

/* Only the bytes that the caller has, and only those that there are. */
CT_TEST(device_info, "DEVICE-009", .needs = TARGET_VFIO)
{
	union {
		struct vfio_device_info info;
		u8 bytes[64];
	} arg;
	u32 id;
	int fd = ct_vfio_device(&vfio_pci, &id);

	for (u32 argsz = 0; argsz <= sizeof(arg); argsz++) {
		u32 written = argsz < sizeof(arg.info) ? argsz : sizeof(arg.info);

		memset(&arg, 0xa5, sizeof(arg));
		arg.info.argsz = argsz;
		x_err(argsz < 16 ? EINVAL : 0, ct_fd_ioctl(fd, VFIO_DEVICE_GET_INFO, &arg));
		if (argsz < 16)
			continue;
		ct_check(arg.info.flags == (VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET),
			 "flags %#x", arg.info.flags);
		ct_check(arg.info.num_regions >= VFIO_PCI_NUM_REGIONS, "%u regions",
			 arg.info.num_regions);
		ct_check(arg.info.num_irqs == VFIO_PCI_NUM_IRQS, "%u interrupts",
			 arg.info.num_irqs);
		for (u32 i = written; i < sizeof(arg); i++)
			ct_check(arg.bytes[i] == 0xa5, "argsz %u: byte %u was written", argsz, i);
	}
	x_err(EFAULT, ct_fd_ioctl(fd, VFIO_DEVICE_GET_INFO, no_access()));
}

CT_TEST(region_infos, "DEVICE-009", .needs = TARGET_VFIO)
{
	struct vfio_region_info info[VFIO_PCI_NUM_REGIONS], bad;
	u32 id;
	int fd = ct_vfio_device(&vfio_pci, &id);

	for (u32 i = 0; i < VFIO_PCI_NUM_REGIONS; i++) {
		info[i] = region_info(fd, i);
		ct_check(info[i].index == i, "region %u is %u", i, info[i].index);
		ct_check(!info[i].size == !(info[i].flags & VFIO_REGION_INFO_FLAG_READ),
			 "region %u of %" PRIu64 " bytes has flags %#x", i, (u64)info[i].size,
			 info[i].flags);
		for (u32 j = 0; j < i; j++)
			ct_check(!info[i].size || !info[j].size ||
					 info[i].offset + info[i].size <= info[j].offset ||
					 info[j].offset + info[j].size <= info[i].offset,
				 "regions %u and %u overlap", i, j);
	}
	ct_check(info[VFIO_PCI_BAR0_REGION_INDEX].size == IODIRTY_BAR_SIZE, "BAR 0 has %" PRIu64,
		 (u64)info[VFIO_PCI_BAR0_REGION_INDEX].size);
	ct_check(info[VFIO_PCI_CONFIG_REGION_INDEX].size >= 256, "config space has %" PRIu64,
		 (u64)info[VFIO_PCI_CONFIG_REGION_INDEX].size);
	bad = (struct vfio_region_info){ .argsz = sizeof(bad), .index = VFIO_PCI_NUM_REGIONS };
	x_err(EINVAL, ct_fd_ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, &bad));
	bad.index = ~0u;
	x_err(EINVAL, ct_fd_ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, &bad));
	bad = (struct vfio_region_info){ .argsz = sizeof(bad) - 1 };
	x_err(EINVAL, ct_fd_ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, &bad));
	x_err(EFAULT, ct_fd_ioctl(fd, VFIO_DEVICE_GET_REGION_INFO, no_access()));
}

CT_TEST(irq_infos, "DEVICE-009", .needs = TARGET_VFIO)
{
	u32 id;
	int fd = ct_vfio_device(&vfio_pci, &id);

	for (u32 i = 0; i <= VFIO_PCI_NUM_IRQS; i++) {
		struct vfio_irq_info info = { .argsz = sizeof(info), .index = i, .count = 99 };

		x_err(i < VFIO_PCI_NUM_IRQS ? 0 : EINVAL,
		      ct_fd_ioctl(fd, VFIO_DEVICE_GET_IRQ_INFO, &info));
		ct_check(i == VFIO_PCI_NUM_IRQS || !info.count, "%u interrupts of kind %u",
			 info.count, i);
		info.argsz = sizeof(info) - 1;
		x_err(EINVAL, ct_fd_ioctl(fd, VFIO_DEVICE_GET_IRQ_INFO, &info));
	}
	x_err(EFAULT, ct_fd_ioctl(fd, VFIO_DEVICE_GET_IRQ_INFO, no_access()));
}

/* ---- close ---- */

/* The last close stops it, detaches it and unbinds it; the bits are the HWPT's. */
CT_TEST(close_ends_all, "DEVICE-010", .scope = CT_EACH_FORMAT, .needs = TARGET_VFIO)
{
	struct iodirty_stream_start stream;
	struct scene s;
	u32 id, dev;
	u64 writes;
	int fd = open_tracked(&s, &id);

	stream = vfio_stream(&s);
	stream.iova += s.leaf;
	stream.length = stream.stride; /* one leaf, the second */
	vfio_write(&s, fd, 0);
	ct_vfio_generate(fd, &stream);
	vfio_wait_writes(fd, 10);
	scene_mark(&s, s.leaf, 8);
	x(ct_close(fd));
	expect_all(&s);
	for (unsigned int i = 0; i < 50; i++)
		expect_all(&s);
	x(ct_destroy(s.hwpt));
	/* Whoever has it next finds it as after power on, and attached to nothing. */
	fd = open_node(id);
	x(ct_vfio_bind(fd, &dev));
	vfio_expect_fault(&s, fd, 0, IODIRTY_FAULT_STOPPED);
	writes = ct_vfio_generated(fd);
	ct_check(!writes && !ct_bar_read(fd, IODIRTY_BAR_GEN_CONTROL) &&
			 !ct_bar_read(fd, IODIRTY_BAR_GEN_SEED),
		 "the generator of who had it before: %" PRIu64 " writes", writes);
	ct_vfio_bus_master(fd, true);
	vfio_expect_fault(&s, fd, 0, IODIRTY_FAULT_NOT_ATTACHED);
}
