/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter TYPE1: a device writes all the time, while its pages are harvested and unmapped.
 * Each page that is reported is copied to another place; in the end the copy must be equal. A
 * write that no report told of shows there as a word that is missing.
 */
#define _GNU_SOURCE
#include <sys/uio.h>
#include <unistd.h>

#include "type1_groups.h"

enum { SPACE = 512, WORDS_OF_PAGE = 512 };

struct race {
	struct container c;
	struct member m;
	struct ct_bitmap b;
	u64 *copy;
};

static void race_open(struct race *r, u32 kind)
{
	container_with(&r->c, &r->m, kind, SPACE);
	ct_bitmap_init_guarded(&r->b, align_up(r->c.pages, WORD));
	r->copy = ct_memory(SPACE * 4096, 4096, 0);
}

static void race_start(struct race *r)
{
	const struct iodirty_stream_start stream = {
		.pattern = IODIRTY_PATTERN_RANDOM,
		.iova = r->c.iova,
		.length = SPACE * 4096,
		.stride = 512,
		.seed = ct.seed,
	};

	ct_vfio_generate(r->m.fd, &stream);
}

/* What the bitmap says of pages [first, + n). Of memory that a device writes to meanwhile: what it
 * writes after a page is copied is of a later report. */
static void copy_reported(struct race *r, u64 first, u64 n)
{
	for (u64 page = first; page < first + n; page++) {
		struct iovec to = { (u8 *)r->copy + page * r->c.page, r->c.page };
		struct iovec from = { r->c.mem + page * r->c.page, r->c.page };

		if (ct_bitmap_test(&r->b, page))
			ct_check(process_vm_readv(getpid(), &to, 1, &from, 1, 0) ==
					 (ssize_t)r->c.page,
				 "process_vm_readv: errno %d", errno);
	}
	ct_bitmap_fill(&r->b, 0);
}

/* Nobody writes any more. */
static void expect_equal(const struct race *r, const char *when)
{
	const u64 *mem = (const u64 *)r->c.mem;

	for (u64 i = 0; i < SPACE * WORDS_OF_PAGE; i++)
		ct_check(mem[i] == r->copy[i],
			 "%s: page %" PRIu64 ", IOVA %#" PRIx64 ": %#" PRIx64 " is there, %#" PRIx64
			 " was there when the page was last reported",
			 when, i * 8 / r->c.page, r->c.iova + i * 8, mem[i], r->copy[i]);
}

static void harvest(struct race *r)
{
	x(type1_get(&r->c, 0, r->c.pages, r->b.bytes));
	copy_reported(r, 0, r->c.pages);
}

static u64 arrived(const struct race *r)
{
	u64 faults = ct_bar_read(r->m.fd, IODIRTY_BAR_GEN_FAULTS);

	return ct_vfio_generated(r->m.fd) - faults;
}

/* At least @n writes more. */
static void await_writes(const struct race *r, u64 n)
{
	u64 until = arrived(r) + n;

	while (arrived(r) < until)
		;
}

CT_TEST(type1_harvest_race, "TYPE1-052", .needs = TARGET_VFIO, .concurrent = true)
{
	static const u32 kinds[] = { IODIRTY_VFIO_MDEV, IODIRTY_VFIO_PCI };

	for (size_t i = 0; i < N(kinds); i++) {
		struct race r;

		race_open(&r, kinds[i]);
		x(type1_map(&r.c, 0, r.c.pages / 4 + 1));
		x(type1_map(&r.c, r.c.pages / 4 + 1, r.c.pages - r.c.pages / 4 - 1));
		x(type1_dirty_pages(START));
		race_start(&r);
		for (int round = 0; round < 20; round++) {
			await_writes(&r, 50);
			harvest(&r);
		}
		ct_vfio_generate_stop(r.m.fd);
		harvest(&r);
		expect_equal(&r, "the device is stopped, and all was harvested");
	}
}

/* The last that is reported of a mapping is what its unmap says. */
CT_TEST(type1_unmap_race, "TYPE1-053", .needs = TARGET_VFIO, .concurrent = true)
{
	static const u32 kinds[] = { IODIRTY_VFIO_MDEV, IODIRTY_VFIO_PCI };

	for (size_t i = 0; i < N(kinds); i++) {
		struct type1_unmap unmap;
		struct race r;

		race_open(&r, kinds[i]);
		x(type1_dirty_pages(START));
		race_start(&r);
		for (int round = 0; round < 10; round++) {
			x(type1_map(&r.c, 0, r.c.pages));
			await_writes(&r, 50);
			if (round % 2)
				harvest(&r);
			unmap = type1_unmap_request(&r.c, 0, r.c.pages, r.b.bytes);
			x(container_ioctl(VFIO_IOMMU_UNMAP_DMA, &unmap));
			copy_reported(&r, 0, r.c.pages);
			expect_equal(&r, "unmapped, so that the device writes nowhere");
		}
		ct_vfio_generate_stop(r.m.fd);
	}
}

/* It leaves in the midst of its writes: what those were, the next report says. */
CT_TEST(type1_leave_race, "TYPE1-054", .needs = TARGET_VFIO, .concurrent = true)
{
	struct member software;
	struct race r;

	race_open(&r, IODIRTY_VFIO_PCI);
	container_add(&r.c, &software, IODIRTY_VFIO_MDEV);
	x(type1_map(&r.c, 0, r.c.pages));
	x(type1_dirty_pages(START));
	race_start(&r);
	await_writes(&r, 50);
	harvest(&r);
	await_writes(&r, 50);
	member_go(&r.m);
	container_page(&r.c);
	ct_bitmap_init_guarded(&r.b, align_up(r.c.pages, WORD));
	harvest(&r);
	expect_equal(&r, "the device has left");
}
