/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter TYPE1: whose word is taken for it. Software devices say what they write and pin: while a
 * container has no others, that is what is dirty. One other, and all is.
 */
#include "type1_groups.h"

enum {
	SPACE = 512, /* pages of 4 KiB, of which any IOMMU's are whole numbers */
};

/* A software device, and all mapped and tracked. */
static void open_software(struct container *c, struct member *m)
{
	container_with(c, m, IODIRTY_VFIO_MDEV, SPACE);
	x(type1_map(c, 0, c->pages));
	x(type1_dirty_pages(START));
}

static void pin(const struct member *m, const struct container *c, u64 first, u64 n)
{
	ct_bar_write(m->fd, IODIRTY_BAR_PIN_IOVA, c->iova + first * c->page);
	ct_bar_write(m->fd, IODIRTY_BAR_PIN_LENGTH, n * c->page);
	ct_bar_write(m->fd, IODIRTY_BAR_PIN_CONTROL, 1);
	ct_check(!ct_bar_read(m->fd, IODIRTY_BAR_PIN_ERROR),
		 "pages [%" PRIu64 ", + %" PRIu64 ") are not pinned: error %" PRIu64, first, n,
		 ct_bar_read(m->fd, IODIRTY_BAR_PIN_ERROR));
}

static void unpin(const struct member *m, const struct container *c, u64 first, u64 n)
{
	ct_bar_write(m->fd, IODIRTY_BAR_PIN_IOVA, c->iova + first * c->page);
	ct_bar_write(m->fd, IODIRTY_BAR_PIN_LENGTH, n * c->page);
	ct_bar_write(m->fd, IODIRTY_BAR_PIN_CONTROL, 0);
	ct_check(!ct_bar_read(m->fd, IODIRTY_BAR_PIN_ERROR), "not unpinned");
}

CT_TEST(type1_software_alone, "TYPE1-028", .needs = TARGET_VFIO)
{
	struct container c;
	struct member m;

	open_software(&c, &m);
	REPORT_NONE(&c, "nobody wrote");
	member_write(&m, &c, 77 * c.page + 5, 1);
	member_write(&m, &c, 511 * c.page + 4095, 1);
	REPORT(&c, "written: pages 77 and 511", 77, 511);
	REPORT_NONE(&c, "all was reported, and nobody wrote since");
	member_write(&m, &c, 63 * c.page, 1);
	member_write(&m, &c, 64 * c.page, 1);
	REPORT(&c, "written: pages 63 and 64", 63, 64);
}

/* One of each place in a page, of each length that could be counted wrong. */
CT_TEST(type1_software_across_pages, "TYPE1-029", .needs = TARGET_VFIO)
{
	static const struct {
		u64 at;
		u32 length;
		u64 pages[2];
		size_t n;
	} writes[] = {
		{ 4096 * 3 - 1, 2, { 2, 3 }, 2 },    { 4096 * 3 - 1, 1, { 2 }, 1 },
		{ 4096 * 3, 4096, { 3 }, 1 },	     { 4096 * 3 + 1, 4096, { 3, 4 }, 2 },
		{ 4096 * 64 - 4, 8, { 63, 64 }, 2 }, { 4096 * 128 - 4095, 4096, { 127, 128 }, 2 },
		{ 4096 * 3 + 4095, 2, { 3, 4 }, 2 },
	};
	struct container c;
	struct member m;

	container_with(&c, &m, IODIRTY_VFIO_MDEV, SPACE);
	/* The last but one crosses from one mapping to another. */
	x(type1_map(&c, 0, 128));
	x(type1_map(&c, 128, c.pages - 128));
	x(type1_dirty_pages(START));
	for (size_t i = 0; i < N(writes); i++) {
		member_write(&m, &c, writes[i].at, writes[i].length);
		report_only(&c, writes[i].pages, writes[i].n, "a write across the end of a page");
	}
}

CT_TEST(type1_software_start_stop, "TYPE1-030", .needs = TARGET_VFIO)
{
	struct container c;
	struct member m;

	container_with(&c, &m, IODIRTY_VFIO_MDEV, SPACE);
	x(type1_map(&c, 0, c.pages));
	member_write(&m, &c, 0, 1);
	x(type1_dirty_pages(START));
	REPORT_NONE(&c, "written before START only");
	member_write(&m, &c, 5 * c.page, 1);
	x(type1_dirty_pages(START));
	member_write(&m, &c, 6 * c.page, 1);
	REPORT(&c, "written around a second START: pages 5 and 6", 5, 6);
	member_write(&m, &c, 7 * c.page, 1);
	x(type1_dirty_pages(STOP));
	member_write(&m, &c, 8 * c.page, 1);
	x(type1_dirty_pages(START));
	REPORT_NONE(&c, "written before START only");
}

CT_TEST(type1_pinned, "TYPE1-031", .needs = TARGET_VFIO)
{
	struct container c;
	struct member m;

	container_with(&c, &m, IODIRTY_VFIO_MDEV, SPACE);
	x(type1_map(&c, 0, c.pages));
	pin(&m, &c, 10, 2);
	x(type1_dirty_pages(START));
	for (int i = 0; i < 3; i++)
		REPORT(&c, "pinned: pages 10 and 11", 10, 11);
	pin(&m, &c, 200, 1);
	for (int i = 0; i < 2; i++)
		REPORT(&c, "pinned: pages 10, 11 and 200", 10, 11, 200);
	unpin(&m, &c, 10, 2);
	REPORT(&c, "page 200 is pinned; 10 and 11 were, until after the last report", 10, 11, 200);
	REPORT(&c, "page 200 is pinned; 10 and 11 were before the last report", 200);
	/* Between two reports. */
	pin(&m, &c, 63, 2);
	unpin(&m, &c, 63, 2);
	REPORT(&c, "page 200 is pinned; 63 and 64 were", 63, 64, 200);
	/* Twice, and let go once. */
	pin(&m, &c, 200, 1);
	unpin(&m, &c, 200, 1);
	for (int i = 0; i < 2; i++)
		REPORT(&c, "page 200 is pinned, still", 200);
	unpin(&m, &c, 200, 1);
	REPORT(&c, "page 200 was pinned until now", 200);
	REPORT_NONE(&c, "nothing is pinned");
}

/* An unmap asks for the pins, and gets them; they are in its bitmap. */
CT_TEST(type1_pinned_unmapped, "TYPE1-032", .needs = TARGET_VFIO)
{
	struct container c;
	struct member m;
	struct ct_bitmap b;
	struct type1_unmap unmap;

	container_with(&c, &m, IODIRTY_VFIO_MDEV, SPACE);
	x(type1_map(&c, 0, 128));
	x(type1_map(&c, 128, c.pages - 128));
	x(type1_dirty_pages(START));
	pin(&m, &c, 10, 2);
	pin(&m, &c, 300, 1);
	REPORT(&c, "pinned: pages 10, 11 and 300", 10, 11, 300);
	member_write(&m, &c, 20 * c.page, 1);
	ct_bitmap_init_guarded(&b, 128);
	unmap = type1_unmap_request(&c, 0, 128, b.bytes);
	x(container_ioctl(VFIO_IOMMU_UNMAP_DMA, &unmap));
	expect_only(&b, (u64[]){ 10, 11, 20 }, 3, "10 and 11 were pinned, 20 was written");
	ct_check(ct_bar_read(m.fd, IODIRTY_BAR_PIN_CONTROL) == 1,
		 "%" PRIu64 " pages are pinned, expected 1",
		 ct_bar_read(m.fd, IODIRTY_BAR_PIN_CONTROL));
	x_err(EFAULT, ct_vfio_write(m.fd, c.iova + 20 * c.page, "?", 1));
	x(type1_map(&c, 0, 128));
	REPORT(&c, "page 300 is pinned; the others are of another mapping", 300);
}

/* All is dirty as soon as there is one who does not say what it writes. */
CT_TEST(type1_widens, "TYPE1-033", .needs = TARGET_VFIO)
{
	struct container c;
	struct member software, m[2];

	open_software(&c, &software);
	member_write(&software, &c, 77 * c.page, 1);
	REPORT(&c, "written: page 77", 77);
	for (int i = 0; i < 2; i++) {
		container_add(&c, &m[i], IODIRTY_VFIO_PCI);
		for (int round = 0; round < 2; round++) {
			member_write(&m[i], &c, 9 * c.page, 1);
			report_all(&c, "a device that is no software may write there");
		}
	}
}

/* What they wrote is in the first report after the last of them has left; then the
 * software's word is taken for it. */
CT_TEST(type1_narrows, "TYPE1-034", .needs = TARGET_VFIO)
{
	struct container c;
	struct member software, m[2];

	container_with(&c, &software, IODIRTY_VFIO_MDEV, SPACE);
	container_add(&c, &m[0], IODIRTY_VFIO_PCI);
	container_add(&c, &m[1], IODIRTY_VFIO_PCI);
	x(type1_map(&c, 0, c.pages / 4));
	x(type1_map(&c, c.pages / 4, c.pages - c.pages / 4));
	x(type1_dirty_pages(START));
	member_write(&m[0], &c, 2 * c.page, 1);
	member_go(&m[0]);
	for (int i = 0; i < 2; i++)
		report_all(&c, "one such device is left");
	member_write(&m[1], &c, 3 * c.page, 1);
	member_go(&m[1]);
	container_page(&c);
	member_write(&software, &c, 4 * c.page, 1);
	report_all(&c, "a device that is no software wrote there before it left");
	REPORT_NONE(&c, "it was reported, and nobody wrote since");
	member_write(&software, &c, 5 * c.page, 1);
	REPORT(&c, "written: page 5", 5);
	/* And again. */
	member_plug(&m[0], IODIRTY_VFIO_PCI);
	x(member_join(&m[0]));
	x(member_leave(&m[0]));
	report_all(&c, "such a device was there meanwhile");
	REPORT_NONE(&c, "it was reported, and nobody wrote since");
}

/* One leaves before tracking is on: nothing is owed. And software that leaves takes nothing
 * along. */
CT_TEST(type1_software_leaves, "TYPE1-035", .needs = TARGET_VFIO)
{
	struct container c;
	struct member m[3];

	container_with(&c, &m[0], IODIRTY_VFIO_MDEV, SPACE);
	container_add(&c, &m[1], IODIRTY_VFIO_MDEV);
	container_add(&c, &m[2], IODIRTY_VFIO_PCI);
	x(type1_map(&c, 0, c.pages));
	member_go(&m[2]);
	container_page(&c);
	x(type1_dirty_pages(START));
	REPORT_NONE(&c, "a device had left before START");
	member_write(&m[0], &c, 2 * c.page, 1);
	member_write(&m[1], &c, 3 * c.page, 1);
	pin(&m[1], &c, 100, 1);
	member_go(&m[1]);
	REPORT(&c, "written: pages 2 and 3, by one that has left; it had 100 pinned", 2, 3, 100);
	REPORT_NONE(&c, "who has left has nothing pinned");
	member_write(&m[0], &c, 2 * c.page, 1);
	REPORT(&c, "written: page 2", 2);
}

/* Memory unmapped, and the same IOVA mapped again: another mapping, which is clean. */
CT_TEST(type1_mapped_while_tracking, "TYPE1-036", .needs = TARGET_VFIO)
{
	struct container c;
	struct member m;

	open_software(&c, &m);
	x(vfio_unmap(0, c.iova, c.pages * c.page, NULL));
	REPORT_NONE(&c, "nothing is mapped");
	x(type1_map(&c, 3, 65));
	x(type1_map(&c, 99, 1));
	REPORT_NONE(&c, "mapped, and nobody wrote");
	member_write(&m, &c, 3 * c.page, 1);
	member_write(&m, &c, 67 * c.page, 1);
	member_write(&m, &c, 99 * c.page, 1);
	REPORT(&c, "written: pages 3, 67, 99", 3, 67, 99);
	member_write(&m, &c, 5 * c.page, 1);
	member_write(&m, &c, 99 * c.page, 1);
	x(vfio_unmap(0, c.iova + 3 * c.page, 65 * c.page, NULL));
	x(type1_map(&c, 3, 65));
	REPORT(&c, "written: page 99; 5 was of another mapping", 99);
}

/* Read alone: nobody writes there, and a write that is refused leaves no mark. */
CT_TEST(type1_software_refused, "TYPE1-037", .needs = TARGET_VFIO)
{
	struct container c;
	struct member m;

	container_with(&c, &m, IODIRTY_VFIO_MDEV, SPACE);
	x(type1_map(&c, 0, 8));
	x(vfio_map(READ, c.mem + 8 * c.page, 8 * c.page, c.iova + 8 * c.page));
	x(type1_dirty_pages(START));
	x_err(EFAULT, ct_vfio_write(m.fd, c.iova + 9 * c.page, "?", 1));
	x_err(EFAULT, ct_vfio_write(m.fd, c.iova + 20 * c.page, "?", 1));
	REPORT_NONE(&c, "what was refused is not written");
	/* The first half has been written. */
	x_err(EFAULT, ct_vfio_write(m.fd, c.iova + 8 * c.page - 4, "????????", 8));
	if (c.mem[8 * c.page - 1] == '?')
		REPORT(&c, "half of a write got through, to page 7", 7);
}
