/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter TYPE1: a device writes all the time, while its pages are harvested and unmapped.
 * Each page that is reported is copied to another place; in the end the copy must be equal. A
 * write that no report told of shows there as a word that is missing.
 */
#define _GNU_SOURCE
#include <pthread.h>
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

/* @count writes, 0: until it is stopped. */
static void race_start(struct race *r, u64 seed, u64 count)
{
	const struct iodirty_stream_start stream = {
		.pattern = IODIRTY_PATTERN_RANDOM,
		.iova = r->c.iova,
		.length = SPACE * 4096,
		.stride = 512,
		.seed = ct.seed + seed,
		.count = count,
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

/* So many have arrived since it was started. */
static void await_writes(const struct race *r, u64 n)
{
	while (arrived(r) < n)
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
		/* So few that each page is hit seldom: one mark that is lost shows. */
		for (u64 round = 0; round < 20; round++) {
			race_start(&r, round, 300);
			for (int n = 0; n < 3; n++)
				harvest(&r);
			await_writes(&r, 300);
			ct_vfio_generate_stop(r.m.fd);
			harvest(&r);
			expect_equal(&r, "the device is stopped, and all was harvested");
		}
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
		race_start(&r, 0, 0);
		for (int round = 0; round < 10; round++) {
			x(type1_map(&r.c, 0, r.c.pages));
			await_writes(&r, arrived(&r) + 50);
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
	race_start(&r, 0, 0);
	await_writes(&r, 50);
	harvest(&r);
	await_writes(&r, arrived(&r) + 50);
	member_go(&r.m);
	container_page(&r.c);
	ct_bitmap_init_guarded(&r.b, align_up(r.c.pages, WORD));
	harvest(&r);
	expect_equal(&r, "the device has left");
}

struct passer {
	struct member m;
	int err;
};

static void *come_and_go(void *arg)
{
	struct passer *p = arg;

	for (int i = 0; !p->err && i < 10; i++) {
		p->err = member_join(&p->m);
		if (!p->err)
			p->err = member_leave(&p->m);
	}
	return NULL;
}

/* Others come and go, what is harvested is a superset at all times, and in the end exact. */
CT_TEST(type1_come_and_go_race, "TYPE1-055", .needs = TARGET_VFIO, .concurrent = true)
{
	static const u32 kinds[] = { IODIRTY_VFIO_MDEV, IODIRTY_VFIO_PCI };
	struct passer passers[2] = { 0 };
	pthread_t threads[2];
	struct member hold;
	struct race r;

	race_open(&r, IODIRTY_VFIO_MDEV);
	/* What a bit stands for shall not change in the midst of it. */
	container_add(&r.c, &hold, IODIRTY_VFIO_PCI);
	x(type1_map(&r.c, 0, r.c.pages));
	x(type1_dirty_pages(START));
	race_start(&r, 0, 2000);
	for (size_t i = 0; i < N(kinds); i++) {
		member_plug(&passers[i].m, kinds[i]);
		ct_check(!pthread_create(&threads[i], NULL, come_and_go, &passers[i]),
			 "pthread_create");
	}
	for (int i = 0; i < 5; i++)
		harvest(&r);
	for (size_t i = 0; i < N(kinds); i++) {
		pthread_join(threads[i], NULL);
		x(passers[i].err);
	}
	await_writes(&r, 2000);
	ct_vfio_generate_stop(r.m.fd);
	harvest(&r);
	expect_equal(&r, "the device is stopped, and all was harvested");
	member_go(&hold);
	container_page(&r.c);
	report_all(&r.c, "a device that is no software has left");
	REPORT_NONE(&r.c, "nobody is left who wrote");
}
