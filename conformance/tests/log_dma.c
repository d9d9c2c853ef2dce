/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Chapter LOG: devices write while they are logged. */
#include "bits.h"
#include "concurrency.h"
#include "log.h"

#define PAGES LOG_PAGES
#define ROUNDS 25u

/* abi/iodirty.h: SplitMix64, entered at its n-th step. */
static u64 page_of(u64 n)
{
	u64 state = ct.seed + n * 0x9e3779b97f4a7c15ull;

	return ct_random(&state) % PAGES;
}

/* Wait until it has made a few more writes; the latest that is complete. */
static u64 more(struct log_rig *r, u64 than)
{
	u64 late = now_ns() + 10000 * MS, n;

	do
		n = ct_vfio_generated(r->fd);
	while (n < than + 8 && now_ns() < late);
	return n;
}

/*
 * A write that is complete before a report begins must be in it or in one before, which it
 * was not too late for: the generator tells how many there can have been.
 */
CT_TEST(log_under_dma, "LOG-028", .needs = TARGET_VFIO, .concurrent = true)
{
	for (size_t k = 0; k < LOG_KINDS; k++) {
		u64 until[PAGES] = { 0 }, checked, before, after;
		struct log_rig r;

		log_rig_open(&r, log_kinds[k], 0, k == 0 ? 40 : 0);
		log_generate(&r);
		more(&r, 0);
		x(log_start(r.fd, r.s.iova, PAGES * LOG_PAGE));
		/* Under way at the start, one write need not be in it. */
		checked = ct_vfio_generated(r.fd) + 1;
		for (u32 round = 0; round <= ROUNDS; round++) {
			u8 bits[PAGES / 8] = { 0 };

			before = round < ROUNDS ? more(&r, checked) : ct_vfio_generate_stop(r.fd);
			x(log_report(r.fd, r.s.iova, PAGES * LOG_PAGE, LOG_PAGE, bits));
			after = ct_vfio_generated(r.fd);
			for (u32 page = 0; page < PAGES; page++)
				if (bits[page / 8] >> page % 8 & 1)
					until[page] = after + 1;
			for (; checked < before; checked++)
				ct_check(until[page_of(checked)] > checked,
					 "lost: write %" PRIu64 ", to page %" PRIu64
					 ", is in no report until round %u",
					 checked, page_of(checked), round);
		}
		ct_check(checked > ROUNDS, "%" PRIu64 " writes", checked);
		x(ct_close(r.fd));
	}
}

/*
 * As a migration goes: copy each page that is reported, once the report is there. When the device
 * has stopped and the last report is copied, the copy is what memory is: so no write was noted
 * in a report that came to memory only after it.
 */
CT_TEST(log_copies, "LOG-029", .needs = TARGET_VFIO, .concurrent = true)
{
	for (size_t k = 0; k < LOG_KINDS; k++) {
		struct log_rig r;
		u64 last = 0;
		u8 *copy;

		log_rig_open(&r, log_kinds[k], 0, 0);
		copy = ct_memory(PAGES * LOG_PAGE, LOG_PAGE, 0);
		x(log_start(r.fd, r.s.iova, PAGES * LOG_PAGE));
		log_generate(&r);
		for (u32 round = 0; round <= ROUNDS; round++) {
			u8 bits[PAGES / 8] = { 0 };

			last = round < ROUNDS ? more(&r, last) : ct_vfio_generate_stop(r.fd);
			x(log_report(r.fd, r.s.iova, PAGES * LOG_PAGE, LOG_PAGE, bits));
			for (u32 page = 0; page < PAGES; page++) {
				u64 *from = (u64 *)(r.s.mem + page * LOG_PAGE);

				if (bits[page / 8] >> page % 8 & 1)
					*(u64 *)(copy + page * LOG_PAGE) =
						__atomic_load_n(from, __ATOMIC_RELAXED);
			}
		}
		for (u32 page = 0; page < PAGES; page++)
			ct_check(!memcmp(copy + page * LOG_PAGE, r.s.mem + page * LOG_PAGE, 8),
				 "page %u is not what was copied last", page);
		x(ct_close(r.fd));
	}
}

/* ---- everything that changes a log, at once ---- */

static int report_all(void *arg)
{
	struct log_rig *r = arg;
	u8 bits[PAGES / 8] = { 0 };
	int ret = log_report(r->fd, r->s.iova, PAGES * LOG_PAGE, LOG_PAGE, bits);

	return ret == -EINVAL ? 0 : ret; /* stopped meanwhile */
}

static int start_stop(void *arg)
{
	struct log_rig *r = arg;
	int ret = log_start(r->fd, r->s.iova, PAGES * LOG_PAGE);

	if (ret && ret != -EINVAL)
		return ret;
	return log_stop(r->fd);
}

static int write_all(void *arg)
{
	struct log_rig *r = arg;

	log_write(r, 3);
	return 0;
}

/* START, STOP, REPORT, writes and their generator by threads of their own: no crash, no race, and
 * then it logs as if nothing had been. */
CT_TEST(log_everything_at_once, "LOG-030", .needs = TARGET_VFIO, .concurrent = true)
{
	for (size_t k = 0; k < LOG_KINDS; k++) {
		struct worker starter, reporter, writer;
		struct log_rig r;
		u64 end;

		log_rig_open(&r, log_kinds[k], 0, 20);
		log_generate(&r);
		worker_start(&starter, start_stop, &r);
		worker_start(&reporter, report_all, &r);
		worker_start(&writer, write_all, &r);
		for (end = now_ns() + 100 * MS; now_ns() < end;)
			more(&r, ct_vfio_generated(r.fd));
		worker_stop(&writer);
		worker_stop(&reporter);
		worker_stop(&starter);
		ct_vfio_generate_stop(r.fd);
		x(log_stop(r.fd));
		x(log_start(r.fd, r.s.iova, 64 * LOG_PAGE));
		log_write(&r, 9);
		log_expect(&r, 0, 64, 1, 1 << 9, "after all that");
		x(ct_close(r.fd));
	}
}
