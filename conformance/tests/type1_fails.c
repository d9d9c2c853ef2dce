/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter TYPE1: a call that fails, wherever it does, has changed nothing: what was dirty
 * is, what was mapped is, and tracking is on or off as it was.
 */
#include <sys/mman.h>

#include "type1_groups.h"

enum { PAGES = 3 * WORD, MOST = 200 /* fail points of a call */ };

/* A software device; pages [3, 128) and [128, 192), which are at no start of a word. */
static void open_two(struct container *c, struct member *m)
{
	container_with(c, m, IODIRTY_VFIO_MDEV, PAGES);
	x(type1_map(c, 3, 125));
	x(type1_map(c, 128, 64));
}

static void write_some(const struct container *c, const struct member *m)
{
	member_write(m, c, 3 * c->page, 1);
	member_write(m, c, 127 * c->page, 1);
	member_write(m, c, 130 * c->page, 1);
}

#define EXPECT_SOME(c, why) REPORT(c, why, 3, 127, 130)

/* Each of three words of the bitmap can be written to, or not. */
CT_TEST(type1_bitmap_half_writable, "TYPE1-046", .needs = TARGET_VFIO)
{
	u8 *room = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct container c;
	struct member m;
	struct type1_unmap unmap;

	ct_check(room != MAP_FAILED, "mmap: errno %d", errno);
	open_two(&c, &m);
	x(type1_dirty_pages(START));
	write_some(&c, &m);
	for (u64 bad = 0; bad < 2; bad++) {
		x(mprotect(room, 3 * 4096, PROT_READ | PROT_WRITE) ? -errno : 0);
		x(mprotect(room + bad * 4096, 4096, PROT_NONE) ? -errno : 0);
		for (u64 words = 1; words < 3; words++) {
			u8 *at = room + 4096 - words * 8;

			x_err(EFAULT, type1_get(&c, 0, PAGES, at));
			unmap = type1_unmap_request(&c, 0, PAGES, at);
			x_err(EFAULT, container_ioctl(VFIO_IOMMU_UNMAP_DMA, &unmap));
			ct_check(unmap.size == PAGES * c.page,
				 "an unmap that failed says that it unmapped %#" PRIx64 " bytes",
				 unmap.size);
		}
	}
	EXPECT_SOME(&c, "a device wrote there, and calls that failed were next");
	REPORT_NONE(&c, "all was reported, and nobody wrote since");
	write_some(&c, &m);
	EXPECT_SOME(&c, "a device wrote there");
}

/* Nor is there anything unmapped when the answer cannot be handed over. */
CT_TEST(type1_unmap_no_answer, "TYPE1-047", .needs = TARGET_VFIO)
{
	struct type1_unmap *unmap =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct container c;
	struct member m;
	struct ct_bitmap b;

	ct_check(unmap != MAP_FAILED, "mmap: errno %d", errno);
	open_two(&c, &m);
	x(type1_dirty_pages(START));
	write_some(&c, &m);
	ct_bitmap_init_guarded(&b, PAGES);
	*unmap = type1_unmap_request(&c, 0, PAGES, b.bytes);
	x(mprotect(unmap, 4096, PROT_READ) ? -errno : 0);
	x_err(EFAULT, container_ioctl(VFIO_IOMMU_UNMAP_DMA, unmap));
	ct_check(type1_is_mapped(&c, 3) && type1_is_mapped(&c, 128),
		 "an unmap that failed took a mapping away");
	EXPECT_SOME(&c, "a device wrote there, and an unmap that failed was next");
}

/* ---- each allocation, copy and look-up fails once ---- */

/* @call fails in every way that it can, and succeeds in the end; each time it has failed,
 * @check sees that nothing is changed. */
static void fail_each(int (*call)(void *arg), void (*check)(void *arg), void *arg)
{
	u32 left = 0;
	int ret;

	for (u32 nth = 1; nth < MOST; nth++) {
		x(ct.t->driver->fail_nth(ct.t, nth, &left));
		ret = call(arg);
		x(ct.t->driver->fail_nth(ct.t, 0, &left));
		if (ret >= 0) {
			ct_check(left, "the call succeeded though fail point %u struck", nth);
			ct_check(nth > 1, "nothing of this call can fail");
			return;
		}
		ct_check(!left, "the call failed with %s by itself", ct_errno_name(ret));
		check(arg);
	}
	ct_fail("the call still fails after %u fail points", MOST);
}

struct rig {
	struct container c;
	struct member m, other;
	struct ct_bitmap b;
	u8 *mem;
};

static int call_start(void *arg)
{
	(void)arg;
	return type1_dirty_pages(START);
}

static void check_off(void *arg)
{
	struct rig *r = arg;

	x_err(EINVAL, type1_get(&r->c, 0, PAGES, r->b.bytes));
}

CT_TEST(type1_start_fails, "TYPE1-048", .needs = TARGET_VFIO | TARGET_FAIL_NTH)
{
	struct rig r;

	open_two(&r.c, &r.m);
	ct_bitmap_init_guarded(&r.b, PAGES);
	for (int round = 0; round < 2; round++) {
		fail_each(call_start, check_off, &r);
		write_some(&r.c, &r.m);
		EXPECT_SOME(&r.c, "a device wrote there");
		x(type1_dirty_pages(STOP));
	}
}

static int call_get(void *arg)
{
	struct rig *r = arg;

	return type1_get(&r->c, 0, PAGES, r->b.bytes);
}

static int call_unmap(void *arg)
{
	struct rig *r = arg;
	struct type1_unmap unmap = type1_unmap_request(&r->c, 0, PAGES, r->b.bytes);

	return container_ioctl(VFIO_IOMMU_UNMAP_DMA, &unmap);
}

static void check_mapped(void *arg)
{
	struct rig *r = arg;

	ct_check(type1_is_mapped(&r->c, 3) && type1_is_mapped(&r->c, 128),
		 "a call that failed took a mapping away");
	ct_bitmap_fill(&r->b, 0);
}

CT_TEST(type1_reports_fail, "TYPE1-049", .needs = TARGET_VFIO | TARGET_FAIL_NTH)
{
	static const u64 some[] = { 3, 127, 130 };
	int (*const calls[])(void *arg) = { call_get, call_unmap };
	struct rig r;

	open_two(&r.c, &r.m);
	x(type1_dirty_pages(START));
	ct_bitmap_init_guarded(&r.b, PAGES);
	for (size_t i = 0; i < N(calls); i++) {
		write_some(&r.c, &r.m);
		ct_bitmap_fill(&r.b, 0);
		fail_each(calls[i], check_mapped, &r);
		expect_only(&r.b, some, N(some),
			    "a device wrote there, calls that failed were next");
	}
}

static int call_map(void *arg)
{
	struct rig *r = arg;

	return vfio_map(READ | WRITE, r->mem, 65536, r->c.iova + (1 << 30));
}

static void check_not_mapped(void *arg)
{
	struct rig *r = arg;
	u64 size;

	x(vfio_unmap(0, r->c.iova + (1 << 30), 65536, &size));
	ct_check(!size, "a call that failed has mapped %#" PRIx64 " bytes", size);
}

static int call_join(void *arg)
{
	struct rig *r = arg;

	return member_join(&r->other);
}

static void check_out(void *arg)
{
	struct rig *r = arg;
	struct vfio_group_status status = { .argsz = sizeof(status) };

	x(ct_fd_ioctl(r->other.group, VFIO_GROUP_GET_STATUS, &status));
	ct_check(!(status.flags & VFIO_GROUP_FLAGS_CONTAINER_SET), "the group is in a container");
	REPORT_NONE(&r->c, "a device that could not join writes nowhere");
}

static int call_device(void *arg)
{
	struct rig *r = arg;

	return r->other.fd = member_device(&r->other);
}

static void check_closed(void *arg)
{
	struct rig *r = arg;

	/* Busy, were it open. */
	x(member_leave(&r->other));
	x(member_join(&r->other));
}

/* Mapped, joined, opened while tracking is on. */
CT_TEST(type1_changes_fail, "TYPE1-050", .needs = TARGET_VFIO | TARGET_FAIL_NTH)
{
	static const u32 kinds[] = { IODIRTY_VFIO_MDEV, IODIRTY_VFIO_PCI };
	struct rig r = { .mem = ct_memory(65536, 65536, 0) };

	container_with(&r.c, &r.m, IODIRTY_VFIO_MDEV, 512);
	x(type1_map(&r.c, 0, 512));
	x(type1_dirty_pages(START));
	fail_each(call_map, check_not_mapped, &r);
	for (size_t i = 0; i < N(kinds); i++) {
		member_plug(&r.other, kinds[i]);
		fail_each(call_join, check_out, &r);
		fail_each(call_device, check_closed, &r);
		ct_vfio_bus_master(r.other.fd, true);
		member_write(&r.other, &r.c, 5, 1);
		container_page(&r.c);
		if (kinds[i] == IODIRTY_VFIO_PCI)
			report_all(&r.c, "a device that is no software may write there");
		else
			REPORT(&r.c, "written: page 0", 0);
	}
}

static int call_set_iommu(void *arg)
{
	(void)arg;
	return vfio_number(VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU);
}

static void check_unset(void *arg)
{
	(void)arg;
	x_err(EINVAL, type1_dirty_pages(START));
}

CT_TEST(type1_set_iommu_fails, "TYPE1-051", .needs = TARGET_VFIO | TARGET_FAIL_NTH)
{
	struct rig r;

	container_new();
	member_plug(&r.m, IODIRTY_VFIO_MDEV);
	member_plug(&r.other, IODIRTY_VFIO_PCI);
	x(member_join(&r.m));
	x(member_join(&r.other));
	fail_each(call_set_iommu, check_unset, &r);
	member_open(&r.other);
	x(type1_dirty_pages(START));
}
