/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter TYPE1: groups and containers: how a device comes into an address space, who may
 * have it meanwhile, and how it leaves.
 */
#include "type1_groups.h"

static u32 status_of(const struct member *m)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };

	x(ct_fd_ioctl(m->group, VFIO_GROUP_GET_STATUS, &status));
	return status.flags;
}

static void expect_set(const struct member *m, bool set, const char *when)
{
	u32 flags = status_of(m);

	ct_check(flags & VFIO_GROUP_FLAGS_VIABLE, "%s: the group is not viable", when);
	ct_check(!(flags & VFIO_GROUP_FLAGS_CONTAINER_SET) == !set,
		 "%s: flags %#x, expected CONTAINER_SET %s", when, flags, set ? "set" : "clear");
}

CT_TEST(type1_group_joins_once, "TYPE1-019", .needs = TARGET_VFIO)
{
	struct vfio_group_status status = { .argsz = sizeof(status) - 1 };
	struct member m;
	int fd = -1, other, ret;

	container_new();
	member_plug(&m, IODIRTY_VFIO_PCI);
	expect_set(&m, false, "in no container");
	x_err(EINVAL, ct_fd_ioctl(m.group, VFIO_GROUP_GET_STATUS, &status));
	x_err(EFAULT, ct_fd_ioctl(m.group, VFIO_GROUP_GET_STATUS, NULL));
	x_err(EINVAL, member_leave(&m));
	x_err(EFAULT, ct_fd_ioctl(m.group, VFIO_GROUP_SET_CONTAINER, NULL));
	x_err(EBADF, ct_fd_ioctl(m.group, VFIO_GROUP_SET_CONTAINER, &fd));
	/* A descriptor, but none of a container. */
	ret = ct_fd_ioctl(m.group, VFIO_GROUP_SET_CONTAINER, &m.group);
	ct_check(ret == -EBADF || ret == -EBADFD, "a group as container: %s", ct_errno_name(ret));
	expect_set(&m, false, "after calls that failed");
	x(member_join(&m));
	expect_set(&m, true, "in a container");
	x_err(EINVAL, member_join(&m));
	other = ct_vfio_open(IODIRTY_VFIO_CONTAINER, 0);
	ct_check(other >= 0, "another container: %s", ct_errno_name(other));
	x_err(EINVAL, ct_fd_ioctl(m.group, VFIO_GROUP_SET_CONTAINER, &other));
	x(member_leave(&m));
	expect_set(&m, false, "out of it");
	x(ct_fd_ioctl(m.group, VFIO_GROUP_SET_CONTAINER, &other));
	expect_set(&m, true, "in another");
}

CT_TEST(type1_set_iommu, "TYPE1-020", .needs = TARGET_VFIO)
{
	static const u64 unknown[] = { 0, 2, 12345, 1ull << 32 | VFIO_TYPE1v2_IOMMU };
	static _Alignas(8) u8 bytes[INFO_ROOM];
	struct member m;
	int ret;

	container_new();
	x(vfio_number(VFIO_GET_API_VERSION, 0));
	ct_check(vfio_number(VFIO_CHECK_EXTENSION, VFIO_TYPE1v2_IOMMU) == 1,
		 "an empty container does not say that there is type1");
	x_err(EINVAL, vfio_number(VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU));
	member_plug(&m, IODIRTY_VFIO_PCI);
	x(member_join(&m));
	x_err(EINVAL, get_info(bytes, INFO_ROOM));
	x_err(EINVAL, vfio_map(READ | WRITE, ct_memory(4096, 4096, 0), 4096, 0));
	x_err(EINVAL, vfio_unmap(VFIO_DMA_UNMAP_FLAG_ALL, 0, 0, NULL));
	x_err(EINVAL, type1_dirty_pages(START));
	for (size_t i = 0; i < N(unknown); i++) {
		ret = vfio_number(VFIO_SET_IOMMU, unknown[i]);
		ct_check(ret == -EINVAL || ret == -ENODEV, "SET_IOMMU of type %#" PRIx64 ": %s",
			 unknown[i], ct_errno_name(ret));
	}
	x(vfio_number(VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU));
	x_err(EINVAL, vfio_number(VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU));
	x_err(EINVAL, vfio_number(VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU));
	x(get_info(bytes, INFO_ROOM));
}

/* To the device, and not twice; nor to it by its node. */
CT_TEST(type1_device_of_group, "TYPE1-021", .needs = TARGET_VFIO)
{
	char name[64];
	struct member m;
	u32 dev;
	int fd, again;

	container_new();
	member_plug(&m, IODIRTY_VFIO_PCI);
	x_err(EINVAL, member_device(&m));
	x(member_join(&m));
	x_err(EINVAL, member_device(&m));
	x(vfio_number(VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU));
	for (u32 other = 0; other < 2; other++) {
		snprintf(name, sizeof(name), other ? "vfio%u0" : "vfio%u",
			 other ? m.number : m.number + 1);
		x_err(ENODEV, ct_fd_ioctl(m.group, VFIO_GROUP_GET_DEVICE_FD, name));
	}
	x_err(ENODEV, ct_fd_ioctl(m.group, VFIO_GROUP_GET_DEVICE_FD, (char[64]){ "" }));
	x_err(EFAULT, ct_fd_ioctl(m.group, VFIO_GROUP_GET_DEVICE_FD, NULL));
	member_open(&m);
	x_err(EBUSY, member_leave(&m));
	/* What is of a device by its own node it has not. */
	x_err(EINVAL, ct_vfio_bind(m.fd, &dev));
	x_err(ENOTTY, ct_vfio_attach(m.fd, 1, NULL));
	x_err(ENOTTY, ct_vfio_detach(m.fd));
	again = member_device(&m);
	ct_check(again >= 0, "the device a second time: %s", ct_errno_name(again));
	x(ct_close(m.fd));
	x_err(EBUSY, member_leave(&m));
	/* By the other it is what it was. */
	ct_check(ct_bar_read(again, IODIRTY_BAR_ID) != 0, "the device's registers are gone");
	x(ct_close(again));
	x(member_leave(&m));
	x_err(EINVAL, member_device(&m));

	/* One at a time. */
	fd = ct_vfio_open(IODIRTY_VFIO_GROUP, m.id);
	ct_check(fd == -EBUSY, "the group's node, open already: %s", ct_errno_name(fd));
	fd = ct_vfio_open(IODIRTY_VFIO_DEVICE, m.id);
	ct_check(fd >= 0, "the device's node: %s", ct_errno_name(fd));
	x_err(EBUSY, ct_vfio_bind(fd, &dev));
	x(ct_close(m.group));
	x(ct_vfio_bind(fd, &dev));
	m.group = ct_vfio_open(IODIRTY_VFIO_GROUP, m.id);
	ct_check(m.group == -EBUSY, "the group's node, while the device is bound: %s",
		 ct_errno_name(m.group));
	x(ct_close(fd));
	m.group = ct_vfio_open(IODIRTY_VFIO_GROUP, m.id);
	ct_check(m.group >= 0, "the group's node: %s", ct_errno_name(m.group));
}

/* Whatever else is closed: what has the device keeps the rest. */
CT_TEST(type1_device_keeps_container, "TYPE1-022", .needs = TARGET_VFIO)
{
	struct container c;
	struct member m;
	int fd;

	container_with(&c, &m, IODIRTY_VFIO_PCI, WORD);
	x(type1_map(&c, 0, c.pages));
	member_write(&m, &c, 5, 1);
	x(ct_close(m.group));
	member_write(&m, &c, 5, 1);
	x(ct_close(container_fd));
	member_write(&m, &c, 5, 1);
	fd = ct_vfio_open(IODIRTY_VFIO_GROUP, m.id);
	ct_check(fd == -EBUSY, "the group's node, while its device is open: %s", ct_errno_name(fd));
	x(ct_close(m.fd));
	fd = ct_vfio_open(IODIRTY_VFIO_GROUP, m.id);
	ct_check(fd >= 0, "the group's node: %s", ct_errno_name(fd));
}

CT_TEST(type1_last_group, "TYPE1-023", .needs = TARGET_VFIO)
{
	static _Alignas(8) u8 bytes[INFO_ROOM];
	struct container c;
	struct member m[2];

	container_with(&c, &m[0], IODIRTY_VFIO_PCI, WORD);
	container_add(&c, &m[1], IODIRTY_VFIO_PCI);
	x(type1_map(&c, 0, c.pages));
	x(type1_dirty_pages(START));
	member_go(&m[0]);
	member_write(&m[1], &c, 5, 1);
	report_all(&c, "a device is still there");
	member_go(&m[1]);
	x_err(EINVAL, get_info(bytes, INFO_ROOM));
	x_err(EINVAL, type1_dirty_pages(STOP));
	/* Another life, of another type. */
	x(member_join(&m[1]));
	x_err(EINVAL, type1_map(&c, 0, c.pages));
	x(vfio_number(VFIO_SET_IOMMU, VFIO_TYPE1_IOMMU));
	member_open(&m[1]);
	c.mem[5] = 0x11;
	x_err(EFAULT, ct_vfio_write(m[1].fd, c.iova + 5, "?", 1));
	ct_check(c.mem[5] == 0x11, "a write reached what was mapped in another life");
	x(type1_map(&c, 0, c.pages));
	member_write(&m[1], &c, 5, 1);
	x_err(EACCES, type1_dirty_pages(START));
}

/* An open device is not what joins: its group is, and stays when it is closed. */
CT_TEST(type1_closed_and_opened, "TYPE1-024", .needs = TARGET_VFIO)
{
	struct container c;
	struct member m;

	container_with(&c, &m, IODIRTY_VFIO_PCI, WORD);
	x(type1_map(&c, 0, c.pages));
	x(type1_dirty_pages(START));
	member_write(&m, &c, 5, 1);
	x(ct_close(m.fd));
	report_all(&c, "a device wrote there, and was closed");
	member_open(&m);
	member_write(&m, &c, 5, 1);
	report_all(&c, "a device was opened again, and wrote there");
}

/* Surprise removal, in the midst of it. */
CT_TEST(type1_device_removed, "TYPE1-025", .needs = TARGET_VFIO)
{
	struct container c;
	struct member m, software;

	container_with(&c, &m, IODIRTY_VFIO_PCI, WORD);
	container_add(&c, &software, IODIRTY_VFIO_MDEV);
	x(type1_map(&c, 0, c.pages));
	x(type1_dirty_pages(START));
	report_all(&c, "a device may write there");
	member_write(&m, &c, 5, 1);
	x(ct_vfio_unplug(m.id));
	report_all(&c, "a device wrote there, and was removed");
	x_err(ENODEV, member_device(&m));
	x(ct_close(m.fd));
	x(member_leave(&m));
	x_err(ENODEV, member_join(&m));
	x(ct_close(m.group));
	container_page(&c);
	report_all(&c, "a device that is gone had written there");
	REPORT_NONE(&c, "all was reported, and nobody wrote since");
	member_write(&software, &c, 2 * c.page, 1);
	REPORT(&c, "a device wrote to page 2", 2);
}

/* In a container's place, an iommufd. */
CT_TEST(type1_group_in_iommufd, "TYPE1-026", .needs = TARGET_VFIO)
{
	struct container c = { .page = 65536, .pages = WORD };
	struct member m;
	int fd = ct.t->fd;

	c.iova = align_up(ct.config.format.aperture_first + 1, 32 << 20);
	c.mem = ct_memory(c.pages * c.page, 2 << 20, 0);
	member_plug(&m, IODIRTY_VFIO_PCI);
	x_err(EINVAL, member_device(&m));
	x(ct_fd_ioctl(m.group, VFIO_GROUP_SET_CONTAINER, &fd));
	expect_set(&m, true, "in an iommufd");
	x_err(EINVAL, ct_fd_ioctl(m.group, VFIO_GROUP_SET_CONTAINER, &fd));
	x(vfio_number(VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU));
	x(type1_map(&c, 0, c.pages));
	member_open(&m);
	member_write(&m, &c, 5, 1);
	x_err(ENOTTY, ct_vfio_detach(m.fd));
	x_err(ENOTTY, type1_dirty_pages(START));
	x_err(EBUSY, member_leave(&m));
	x(ct_close(m.fd));
	/* As it was, for whoever opens the device next. */
	member_open(&m);
	member_write(&m, &c, 5, 1);
	member_go(&m);
	expect_set(&m, false, "out of it");
}

/* Mapped first, and the IOMMU cannot: the group stays out, and nothing is changed. */
CT_TEST(type1_join_fails, "TYPE1-027", .needs = TARGET_VFIO)
{
	struct container c;
	struct member software, m;
	void *none = (void *)0x10000;

	container_with(&c, &software, IODIRTY_VFIO_MDEV, WORD);
	x(type1_map(&c, 0, c.pages));
	/* A software device alone: nothing is pinned, so nobody looks. */
	x(vfio_map(READ | WRITE, none, 65536, c.iova + (64 << 20)));
	x(type1_dirty_pages(START));
	member_write(&software, &c, 5, 1);
	member_plug(&m, IODIRTY_VFIO_PCI);
	x_err(EFAULT, member_join(&m));
	expect_set(&m, false, "its join failed");
	container_page(&c);
	REPORT(&c, "a software device wrote there, and another's join failed", 0);
	REPORT_NONE(&c, "a device that could not join writes nowhere");
	x(vfio_unmap(0, c.iova + (64 << 20), 65536, NULL));
	x(member_join(&m));
	member_open(&m);
	member_write(&m, &c, 7, 1);
}
