/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Chapter LOG: what a tracker in the device reports. */
#include "bits.h"
#include "log.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* However large the leaves are, pages of 4 KiB. */
CT_TEST(log_exact, "LOG-009", .scope = CT_EACH_LEAF, .needs = TARGET_VFIO)
{
	for (size_t k = 0; k < LOG_KINDS; k++) {
		struct log_rig r;

		log_rig_open(&r, log_kinds[k], 0, 0);
		x(log_start(r.fd, r.s.iova, r.s.length));
		log_expect(&r, 0, r.pages, 1, 0, "nothing written");
		log_write(&r, 0);
		log_write(&r, 5);
		log_write(&r, 63);
		log_expect(&r, 0, r.pages, 1, 1ull << 63 | 1 << 5 | 1, "three written");
		log_expect(&r, 0, r.pages, 1, 0, "reported before");
		log_write(&r, 5);
		log_write(&r, 5);
		log_expect(&r, 0, r.pages, 1, 1 << 5, "one written twice");
	}
}

/* Bytes on both sides of the end of a page, or of many. */
CT_TEST(log_across_pages, "LOG-009", .needs = TARGET_VFIO)
{
	static const u8 data[4096];

	for (size_t k = 0; k < LOG_KINDS; k++) {
		struct log_rig r;

		log_rig_open(&r, log_kinds[k], 0, 0);
		x(log_start(r.fd, r.s.iova, r.s.length));
		x(ct_vfio_write(r.fd, r.s.iova + 4 * LOG_PAGE - 1, data, 2));
		log_expect(&r, 0, 64, 1, 3 << 3, "two bytes over the end of a page");
		x(ct_vfio_write(r.fd, r.s.iova + 4 * LOG_PAGE, data, 4096));
		log_expect(&r, 0, 64, 1, 1 << 4, "just a page");
		x(ct_vfio_write(r.fd, r.s.iova + 4 * LOG_PAGE + 1, data, 4096));
		log_expect(&r, 0, 64, 1, 3 << 4, "a page's length across two");
	}
}

/* What is outside of the ranges is not logged; a write that crosses their ends is, within. */
CT_TEST(log_ranges_only, "LOG-013", .needs = TARGET_VFIO)
{
	for (size_t k = 0; k < LOG_KINDS; k++) {
		u64 page_size = LOG_PAGE;
		log_range ranges[2];
		struct log_rig r;

		log_rig_open(&r, log_kinds[k], 0, 0);
		ranges[0] = (log_range){ r.s.iova + 8 * LOG_PAGE, 8 * LOG_PAGE };
		ranges[1] = (log_range){ r.s.iova + 32 * LOG_PAGE, LOG_PAGE };
		x(log_start_ranges(r.fd, ranges, 2, &page_size));
		for (u64 page = 0; page < 64; page++)
			if ((page < 8 || page > 15) && page != 32)
				log_write(&r, page);
		log_expect(&r, 8, 8, 1, 0, "written outside, first range");
		log_expect(&r, 32, 1, 1, 0, "written outside, second range");
		x(ct_vfio_write(r.fd, r.s.iova + 8 * LOG_PAGE - 1, "ab", 2));
		x(ct_vfio_write(r.fd, r.s.iova + 16 * LOG_PAGE - 1, "ab", 2));
		x(ct_vfio_write(r.fd, r.s.iova + 33 * LOG_PAGE - 1, "ab", 2));
		log_expect(&r, 8, 8, 1, 0x81, "written across its ends");
		log_expect(&r, 32, 1, 1, 1, "written across its end");
	}
}

/* Reading, by registers or by the id of the device, is no writing; an atomic operation is. */
CT_TEST(log_writes_only, "LOG-014", .needs = TARGET_VFIO | TARGET_ATOMIC)
{
	const struct iodirty_vfio_plug plug = { .kind = IODIRTY_VFIO_PCI,
						.flags = IODIRTY_VFIO_LOG };
	struct iodirty_dma dma = { .op = IODIRTY_DMA_CAS, .length = 8, .compare = 1 };
	struct log_rig r;
	u32 id, dev;
	u8 byte;

	log_rig_open(&r, IODIRTY_VFIO_PCI, 0, 0);
	x(ct_close(r.fd));
	x(ct_vfio_plug(&plug, &id));
	r.fd = ct_vfio_open(IODIRTY_VFIO_DEVICE, id);
	x(ct_vfio_bind(r.fd, &dev));
	ct_vfio_bus_master(r.fd, true);
	x(ct_vfio_attach(r.fd, r.s.ioas, NULL));
	x(log_start(r.fd, r.s.iova, r.s.length));
	ct_bar_write(r.fd, IODIRTY_BAR_DMA_SOURCE, r.s.iova);
	ct_bar_write(r.fd, IODIRTY_BAR_DMA_DESTINATION, IODIRTY_BAR_BUFFER);
	ct_bar_write(r.fd, IODIRTY_BAR_DMA_COUNT, 64);
	ct_bar_write(r.fd, IODIRTY_BAR_DMA_COMMAND, 1);
	ct_check(!ct_bar_read(r.fd, IODIRTY_BAR_DMA_FAULT), "the transfer faults");
	x(ct_dma_read(dev, 0, r.s.iova + LOG_PAGE, &byte, 1));
	log_expect(&r, 0, 64, 1, 0, "read");
	dma.dev_id = dev;
	dma.iova = r.s.iova + 2 * LOG_PAGE;
	x(ct.t->driver->dma(ct.t, &dma)); /* whatever it compares: a write */
	ct_check(!dma.out_fault, "the atomic operation faults");
	x(ct_dma_write(dev, 0, r.s.iova + 3 * LOG_PAGE, "!", 1));
	log_expect(&r, 0, 64, 1, 0xc, "an atomic operation, and a write by the id of the device");
}

/* Where nothing is mapped, or only for reading, nothing was written. */
CT_TEST(log_faults, "LOG-014", .needs = TARGET_VFIO)
{
	struct log_rig r;

	log_rig_open(&r, IODIRTY_VFIO_PCI, 0, 0);
	x(log_start(r.fd, r.s.iova, r.s.length + 64 * LOG_PAGE));
	x_err(EFAULT, ct_vfio_write(r.fd, r.s.iova + r.s.length, "!", 1));
	x(ct_vfio_detach(r.fd));
	x_err(EFAULT, ct_vfio_write(r.fd, r.s.iova, "!", 1));
	log_expect(&r, 0, r.pages + 64, 1, 0, "nothing was written");
}

/* ---- page sizes, parts ---- */

CT_TEST(log_report_page_sizes, "LOG-015", .needs = TARGET_VFIO)
{
	struct log_rig r;

	log_rig_open(&r, IODIRTY_VFIO_PCI, 0, 0);
	x(log_start(r.fd, r.s.iova, 64 * LOG_PAGE));
	for (u64 per = 1; per <= 2; per *= 2)
		for (u64 page = 0; page < 64; page++) {
			log_write(&r, page);
			log_expect(&r, 0, 64, per, (u64)1 << page / per, "one page");
		}
}

/* A report that is of larger pages than the whole memory, and from IOVA 0 on. */
CT_TEST(log_report_huge_pages, "LOG-015", .needs = TARGET_VFIO)
{
	const u64 huge = (u64)1 << 35;
	struct log_rig r;
	u8 bits = 0xf0;

	log_rig_open(&r, IODIRTY_VFIO_PCI, 0, 0);
	x(log_start(r.fd, 0, 4 * huge));
	log_write(&r, 17);
	x(log_report(r.fd, 0, 4 * huge, huge, &bits));
	ct_check(bits == (0xf0 | 1 << r.s.iova / huge), "bits %#x", bits);
	bits = 0;
	x(log_report(r.fd, 0, 4 * huge, huge, &bits));
	ct_check(!bits, "reported twice: bits %#x", bits);
}

/* Any part of it, each by itself: no more is reported, no less, and no more is taken. */
CT_TEST(log_report_parts, "LOG-016", .needs = TARGET_VFIO)
{
	u64 state = ct.seed;
	struct log_rig r;

	log_rig_open(&r, IODIRTY_VFIO_PCI, 0, 0);
	x(log_start(r.fd, r.s.iova, 64 * LOG_PAGE));
	for (int round = 0; round < 20; round++) {
		u64 first = ct_random(&state) % 64, n = 1 + ct_random(&state) % (64 - first);
		u64 part = n == 64 ? ~0ull : ((1ull << n) - 1) << first;
		u64 written = ct_random(&state) & ct_random(&state);

		for (u64 page = 0; page < 64; page++)
			if (written >> page & 1)
				log_write(&r, page);
		log_expect(&r, first, n, 1, (written & part) >> first, "the part");
		log_expect(&r, first, n, 1, 0, "the part again");
		log_expect(&r, 0, 64, 1, written & ~part, "the rest");
	}
}

/* Bits are set, none is cleared, and bytes around them are nobody's. */
CT_TEST(log_report_sets_only, "LOG-017", .needs = TARGET_VFIO)
{
	struct log_rig r;

	log_rig_open(&r, IODIRTY_VFIO_PCI, 0, 0);
	x(log_start(r.fd, r.s.iova, 64 * LOG_PAGE));
	for (u64 nbits = 1; nbits <= 64; nbits++) {
		struct ct_bitmap b;

		ct_bitmap_init(&b, nbits, nbits * 61 % 4096);
		log_write(&r, nbits / 2);
		x(log_report(r.fd, r.s.iova, nbits * LOG_PAGE, LOG_PAGE, b.bytes));
		ct_check(ct_bitmap_count(&b) == 1 && ct_bitmap_test(&b, nbits / 2),
			 "not just bit %" PRIu64 " of %" PRIu64 " is set", nbits / 2, nbits);
		ct_bitmap_check_guards(&b);
		ct_bitmap_fill(&b, 0xff);
		log_write(&r, nbits / 2);
		x(log_report(r.fd, r.s.iova, nbits * LOG_PAGE, LOG_PAGE, b.bytes));
		ct_bitmap_check_guards(&b);
		ct_check(ct_bitmap_count(&b) == nbits, "bits were cleared");
		ct_bitmap_free(&b);
	}
}

/* More than a bitmap that is looked at at once: 32 GiB in pages of 4 KiB, odd bits from odd bytes
 * on. */
CT_TEST(log_report_long, "LOG-018", .needs = TARGET_VFIO)
{
	const u64 length = (u64)1 << 35, first = 3 * LOG_PAGE;
	struct ct_bitmap b;
	struct log_rig r;

	log_rig_open(&r, IODIRTY_VFIO_PCI, 0, 0);
	x(log_start(r.fd, first, length));
	ct_bitmap_init(&b, length / LOG_PAGE, 4093);
	for (int step = 0; step < 3; step++) {
		u64 page = (r.s.iova - first) / LOG_PAGE;

		log_write(&r, 1);
		log_write(&r, 40);
		x(log_report(r.fd, first, length, LOG_PAGE, b.bytes));
		ct_check(ct_bitmap_count(&b) == 2 && ct_bitmap_test(&b, page + 1) &&
				 ct_bitmap_test(&b, page + 40),
			 "%" PRIu64 " bits are set", ct_bitmap_count(&b));
		ct_bitmap_check_guards(&b);
		ct_bitmap_fill(&b, 0);
	}
}

/* ---- a tracker with little room ---- */

/* As many pages as it has room for, then one more: at most too much is reported, and once that
 * is, just what was written again. */
CT_TEST(log_room, "LOG-019", .needs = TARGET_VFIO)
{
	static const u32 rooms[] = { 1, 2, 7, 16, 64 };

	for (size_t k = 0; k < LOG_KINDS * N(rooms); k++) {
		u32 room = rooms[k / LOG_KINDS];
		struct log_rig r;

		log_rig_open(&r, log_kinds[k % LOG_KINDS], 0, room);
		x(log_start(r.fd, r.s.iova, 64 * LOG_PAGE));
		for (int round = 0; round < 3; round++) {
			for (u32 page = 0; page < room; page++) {
				log_write(&r, page);
				log_write(&r, page);
			}
			log_expect(&r, 0, 64, 1, room == 64 ? ~0ull : (1ull << room) - 1,
				   "just as many as it has room for");
		}
		if (room == 64)
			continue;
		for (u32 page = 0; page <= room; page++)
			log_write(&r, 63 - page);
		log_expect(&r, 0, 64, 1, ~0ull, "one more than it has room for");
		log_expect(&r, 0, 64, 1, 0, "all reported");
		log_write(&r, 9);
		log_expect(&r, 0, 64, 1, 1 << 9, "written after that");
	}
}

/* Full, all of every range is owed: each part until that is reported. */
CT_TEST(log_room_parts, "LOG-020", .needs = TARGET_VFIO)
{
	u64 page_size = LOG_PAGE;
	log_range ranges[2];
	struct log_rig r;

	log_rig_open(&r, IODIRTY_VFIO_PCI, 0, 2);
	ranges[0] = (log_range){ r.s.iova, 20 * LOG_PAGE };
	ranges[1] = (log_range){ r.s.iova + 40 * LOG_PAGE, 10 * LOG_PAGE };
	x(log_start_ranges(r.fd, ranges, 2, &page_size));
	for (u64 page = 0; page < 3; page++)
		log_write(&r, page);
	x_err(EFAULT, log_report(r.fd, r.s.iova, 20 * LOG_PAGE, LOG_PAGE, NULL));
	log_expect(&r, 0, 5, 1, 0x1f, "a part");
	log_write(&r, 1);
	log_expect(&r, 0, 5, 1, 2, "the part again");
	log_expect(&r, 5, 15, 1, 0x7fff, "the rest of the range");
	log_expect(&r, 40, 10, 1, 0x3ff, "the other range");
	log_expect(&r, 0, 20, 1, 0, "all reported");
	log_expect(&r, 40, 10, 1, 0, "all reported");
}
