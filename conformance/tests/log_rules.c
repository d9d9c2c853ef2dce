/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Chapter LOG: VFIO_DEVICE_FEATURE, and what START, STOP and REPORT take. */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "bits.h"
#include "log.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))
#define GET VFIO_DEVICE_FEATURE_GET
#define SET VFIO_DEVICE_FEATURE_SET
#define PROBE VFIO_DEVICE_FEATURE_PROBE
#define START VFIO_DEVICE_FEATURE_DMA_LOGGING_START
#define STOP VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP
#define REPORT VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT
#define TIB ((u64)1 << 40)

/* ---- features ---- */

static int device_with(u32 flags)
{
	const struct iodirty_vfio_plug plug = { .kind = IODIRTY_VFIO_PCI, .flags = flags };
	u32 id;

	return ct_vfio_device(&plug, &id);
}

/* The features that there are, by what each may be asked for. */
static const struct {
	u32 number, of, ops, size;
} features[] = {
	{ 1, IODIRTY_VFIO_MIGRATION, GET, 8 }, /* MIGRATION */
	{ 2, IODIRTY_VFIO_MIGRATION, GET | SET, 8 }, /* MIG_DEVICE_STATE */
	{ 6, IODIRTY_VFIO_LOG, SET, 24 }, /* DMA_LOGGING_START */
	{ 7, IODIRTY_VFIO_LOG, SET, 0 }, /* DMA_LOGGING_STOP */
	{ 8, IODIRTY_VFIO_LOG, GET, 32 }, /* DMA_LOGGING_REPORT */
	{ 9, IODIRTY_VFIO_MIGRATION, GET, 8 }, /* MIG_DATA_SIZE */
};

static void expect_feature(int ret, int want, u32 number, u32 flags, const char *what)
{
	ct_check(ret == want, "feature %u, flags %#x, %s: expected %s, got %s", number, flags, what,
		 ct_errno_name(want), ct_errno_name(ret));
}

static void probe_all(int fd, u32 flags)
{
	static const u32 asked[] = { 0, GET, SET, GET | SET };

	for (size_t f = 0; f < N(features); f++)
		for (size_t a = 0; a < N(asked); a++) {
			int want = !(flags & features[f].of)   ? -ENOTTY :
				   asked[a] & ~features[f].ops ? -EINVAL :
								 0;
			int ret =
				ct_vfio_feature(fd, PROBE | asked[a] | features[f].number, NULL, 0);

			expect_feature(ret, want, features[f].number, PROBE | asked[a], "probed");
		}
}

/* Each device says what it has: a probe needs no struct, and does nothing. */
CT_TEST(feature_probe, "LOG-001", .needs = TARGET_VFIO)
{
	static const u32 flags[] = { 0, IODIRTY_VFIO_LOG, IODIRTY_VFIO_MIGRATION,
				     IODIRTY_VFIO_LOG | IODIRTY_VFIO_MIGRATION };

	for (size_t i = 0; i < N(flags); i++) {
		int fd = device_with(flags[i]);

		probe_all(fd, flags[i]);
		expect_feature(ct_vfio_feature(fd, PROBE | GET | 0xfff0, NULL, 0), -ENOTTY, 0xfff0,
			       PROBE | GET, "of none");
		if (flags[i] & IODIRTY_VFIO_LOG)
			x_err(EINVAL, log_report(fd, 0, LOG_PAGE, LOG_PAGE, NULL));
		x(ct_close(fd));
	}
}

/* Unknown flags, both directions, none, the wrong one, a struct cut short by a byte. */
CT_TEST(feature_arguments, "LOG-002", .needs = TARGET_VFIO)
{
	int fd = device_with(IODIRTY_VFIO_LOG | IODIRTY_VFIO_MIGRATION);
	u8 data[32] = { 0 };

	for (size_t f = 0; f < N(features); f++) {
		u32 n = features[f].number;

		for (u32 bit = 19; bit < 32; bit++)
			expect_feature(ct_vfio_feature(fd, 1u << bit | PROBE | n, NULL, 0), -EINVAL,
				       n, 1u << bit | PROBE, "an unknown flag");
		expect_feature(ct_vfio_feature(fd, n, data, sizeof(data)), -EINVAL, n, 0,
			       "neither GET nor SET");
		expect_feature(ct_vfio_feature(fd, GET | SET | n, data, sizeof(data)), -EINVAL, n,
			       GET | SET, "both");
		if (features[f].ops != (GET | SET))
			expect_feature(ct_vfio_feature(fd, (features[f].ops ^ (GET | SET)) | n,
						       data, sizeof(data)),
				       -EINVAL, n, features[f].ops ^ (GET | SET), "not for it");
		for (u32 size = 0; size < features[f].size; size++)
			expect_feature(ct_vfio_feature(fd, (features[f].ops & GET ? GET : SET) | n,
						       data, size),
				       -EINVAL, n, features[f].ops, "a struct cut short");
	}
	for (u32 argsz = 0; argsz < 8; argsz++) {
		struct vfio_device_feature head = { .argsz = argsz, .flags = PROBE | GET | 1 };

		expect_feature(ct_fd_ioctl(fd, VFIO_DEVICE_FEATURE, &head), -EINVAL, 1, head.flags,
			       "argsz below the fixed fields");
	}
	x_err(EFAULT, ct_fd_ioctl(fd, VFIO_DEVICE_FEATURE, NULL));
	x_err(EINVAL, log_report(fd, 0, LOG_PAGE, LOG_PAGE, data)); /* nothing was started */
}

/* ---- START ---- */

static int start_one(int fd, u64 iova, u64 length, u64 page_size)
{
	const log_range range = { iova, length };

	return log_start_ranges(fd, &range, 1, &page_size);
}

/* 256 ranges, in any order, each of which is logged and nothing between them. */
CT_TEST(log_start_number_of_ranges, "LOG-003", .needs = TARGET_VFIO)
{
	int fd = device_with(IODIRTY_VFIO_LOG);
	static log_range ranges[257];
	u64 page_size = LOG_PAGE;
	u8 bits = 0;

	for (u64 i = 0; i < N(ranges); i++)
		ranges[i] = (log_range){ (i * 101 % 257) * 2 * LOG_PAGE, LOG_PAGE };
	x_err(EINVAL, log_start_ranges(fd, ranges, 0, &page_size));
	x_err(E2BIG, log_start_ranges(fd, ranges, 257, &page_size));
	x_err(E2BIG, log_start_ranges(fd, ranges, UINT32_MAX, &page_size));
	x_err(E2BIG, log_start_ranges(fd, NULL, 257, &page_size));
	x_err(EFAULT, log_start_ranges(fd, NULL, 1, &page_size));
	x_err(EINVAL, log_report(fd, 0, LOG_PAGE, LOG_PAGE, &bits));
	x(log_start_ranges(fd, ranges, 256, &page_size));
	for (u64 i = 0; i < N(ranges); i++) {
		int want = i == 256 ? -EINVAL : 0;
		int ret = log_report(fd, ranges[i].iova, LOG_PAGE, LOG_PAGE, &bits);

		ct_check(ret == want, "range %" PRIu64 " of 256: %s", i, ct_errno_name(ret));
		x_err(EINVAL, log_report(fd, ranges[i].iova + LOG_PAGE, LOG_PAGE, LOG_PAGE, &bits));
	}
	ct_check(!bits, "pages are reported that nobody wrote");
}

/* Each refused range, before and after a good one; then the good one alone starts. */
CT_TEST(log_start_bad_ranges, "LOG-004", .needs = TARGET_VFIO)
{
	static const struct {
		const char *what;
		u64 page_size;
		log_range range;
		int err;
	} bad[] = {
		{ "an IOVA amid a page", 4096, { 0x1000800, 0x1000 }, EINVAL },
		{ "a length amid a page", 4096, { 0x1000000, 0x1800 }, EINVAL },
		{ "an IOVA amid a large page", 0x200000, { 0x1001000, 0x200000 }, EINVAL },
		{ "a length amid a large page", 0x200000, { 0x1000000, 0x1000 }, EINVAL },
		{ "amid what is the least page", 1024, { 0x1000400, 0x1000 }, EINVAL },
		{ "nothing", 4096, { 0x1000000, 0 }, EINVAL },
		{ "nothing at 0", 4096, { 0, 0 }, EINVAL },
		{ "beyond the top", 4096, { 0xfffffffffffff000, 0x2000 }, EOVERFLOW },
		{ "up to the top", 4096, { 0xfffffffffffff000, 0x1000 }, EOVERFLOW },
		{ "all but a page", 4096, { 0x1000, 0xfffffffffffff000 }, EOVERFLOW },
		{ "the same again", 4096, { 0x800000, 0x200000 }, EINVAL },
		{ "over its begin", 4096, { 0x7ff000, 0x2000 }, EINVAL },
		{ "over its end", 4096, { 0x9ff000, 0x2000 }, EINVAL },
		{ "within it", 4096, { 0x900000, 0x1000 }, EINVAL },
		{ "around it", 4096, { 0x400000, 0x800000 }, EINVAL },
		{ "its first page", 4096, { 0x800000, 0x1000 }, EINVAL },
		{ "its last page", 4096, { 0x9ff000, 0x1000 }, EINVAL },
	};
	const log_range good = { 0x800000, 0x200000 };
	int fd = device_with(IODIRTY_VFIO_LOG);

	for (size_t i = 0; i < N(bad); i++)
		for (int first = 0; first < 2; first++) {
			const log_range ranges[] = { first ? bad[i].range : good,
						     first ? good : bad[i].range };
			u64 page_size = bad[i].page_size;
			int ret = log_start_ranges(fd, ranges, 2, &page_size);

			ct_check(ret == -bad[i].err, "%s: expected %s, got %s", bad[i].what,
				 ct_errno_name(bad[i].err), ct_errno_name(ret));
			x_err(EINVAL, log_report(fd, good.iova, LOG_PAGE, LOG_PAGE, NULL));
		}
	x(start_one(fd, good.iova, good.length, LOG_PAGE));
}

/* Side by side, one range's end and the next one's begin are reported as one. */
CT_TEST(log_start_adjacent_ranges, "LOG-005", .needs = TARGET_VFIO)
{
	u64 page_size = LOG_PAGE;
	struct log_rig r;
	log_range ranges[3];

	log_rig_open(&r, IODIRTY_VFIO_PCI, 0, 0);
	ranges[0] = (log_range){ r.s.iova + 7 * LOG_PAGE, 50 * LOG_PAGE };
	ranges[1] = (log_range){ r.s.iova, 3 * LOG_PAGE };
	ranges[2] = (log_range){ r.s.iova + 3 * LOG_PAGE, 4 * LOG_PAGE };
	x(log_start_ranges(r.fd, ranges, 3, &page_size));
	for (u64 page = 0; page < 8; page++)
		x(ct_vfio_write(r.fd, r.s.iova + page * LOG_PAGE + LOG_PAGE - 1, "ab", 2));
	log_expect(&r, 0, 57, 1, 0x1ff, "nine pages of three ranges");
	x(ct_vfio_write(r.fd, r.s.iova + 3 * LOG_PAGE - 1, "ab", 2));
	log_expect(&r, 2, 2, 1, 3, "a page on each side of a seam");
	log_expect(&r, 0, 57, 1, 0, "reported before");
}

/*
 * What is wished for is a hint; what will be is told: a power of two, 4 KiB at least, what was
 * wished for wherever the tracker has it, and it is that by which it logs.
 */
CT_TEST(log_start_page_size, "LOG-006", .needs = TARGET_VFIO)
{
	static const u64 no[] = { 0, 3 * 4096, 4097, UINT64_MAX };
	const u64 start = (u64)1 << 40, length = (u64)1 << 31;
	int fd = device_with(IODIRTY_VFIO_LOG);

	for (size_t i = 0; i < N(no); i++)
		x_err(EINVAL, start_one(fd, 0, 0x1000000, no[i]));
	for (unsigned int lg2 = 0; lg2 < 32; lg2++) {
		const log_range range = { start, length };
		u64 page_size = (u64)1 << lg2, want = page_size;

		x(log_start_ranges(fd, &range, 1, &page_size));
		ct_check(page_size >= 4096 && !(page_size & (page_size - 1)),
			 "page size %#" PRIx64 " comes of %#" PRIx64, page_size, want);
		ct_check(lg2 < 12 || lg2 > 21 || page_size == want,
			 "page size %#" PRIx64 " was wished for, and became %#" PRIx64, want,
			 page_size);
		x(log_stop(fd));
	}
}

/* The log's page is what one write makes dirty; reports finer and coarser than that. */
CT_TEST(log_start_coarse_pages, "LOG-006", .needs = TARGET_VFIO)
{
	struct log_rig r;
	u64 page_size = 4 * LOG_PAGE, at;
	log_range range;

	log_rig_open(&r, IODIRTY_VFIO_PCI, 0, 0);
	range = (log_range){ align_up(r.s.iova, page_size), 60 * LOG_PAGE };
	at = (range.iova - r.s.iova) / LOG_PAGE;
	x(log_start_ranges(r.fd, &range, 1, &page_size));
	log_write(&r, at + 5);
	log_write(&r, at + 59);
	log_expect(&r, at, 60, 4, 1 << 1 | 1 << 14, "in the log's pages");
	log_write(&r, at + 5);
	log_expect(&r, at, 60, 1, 0xf0, "in smaller ones");
	log_write(&r, at + 6);
	log_expect(&r, at + 5, 2, 1, 3, "a part of one");
	log_expect(&r, at, 60, 1, 0x90, "its rest");
	log_write(&r, at + 6);
	log_expect(&r, at, 60, 2, 0xc, "in twice as large ones");
	log_expect(&r, at, 60, 1, 0, "reported before");
}

/* More than any tracker has room for in pages of 4 KiB: it says that its are larger, or that it
 * cannot; what it says is what it does. */
CT_TEST(log_start_large_ranges, "LOG-007", .needs = TARGET_VFIO)
{
	struct log_rig r;
	u8 bits[2], edge[(2 << 20) / LOG_PAGE / 8];

	log_rig_open(&r, IODIRTY_VFIO_PCI, 0, 0);
	for (u64 size = (u64)1 << 33; size; size *= 2) {
		u64 page_size = LOG_PAGE, at = align_down(r.s.iova + 33 * LOG_PAGE, 2 << 20);
		const log_range range = { LOG_PAGE, size - LOG_PAGE };
		int ret = log_start_ranges(r.fd, &range, 1, &page_size);

		if (ret && size > 256 * TIB) {
			ct_check(ret == -E2BIG, "%#" PRIx64 " bytes: %s", size, ct_errno_name(ret));
			continue;
		}
		ct_check(!ret, "%#" PRIx64 " bytes: %s", size, ct_errno_name(ret));
		ct_check(size > 16 * ((u64)1 << 33) || page_size == LOG_PAGE,
			 "%#" PRIx64 " bytes: pages of %#" PRIx64, size, page_size);
		memset(bits, 0, sizeof(bits));
		log_write(&r, 33);
		x(log_report(r.fd, size - (2 << 20), 2 << 20, 2 << 20, edge)); /* the last of it */
		if (size > r.s.iova + r.s.length) {
			x(log_report(r.fd, at, 2 << 20, 2 << 20, bits));
			ct_check(bits[0] == 1, "%#" PRIx64 " bytes: a write is not reported", size);
			if (page_size > LOG_PAGE)
				x_err(EINVAL,
				      log_report(r.fd, at + LOG_PAGE, LOG_PAGE, LOG_PAGE, bits));
			/* where the range cuts the log's first page */
			x(log_report(r.fd, LOG_PAGE, highest(page_size - LOG_PAGE, LOG_PAGE),
				     LOG_PAGE, edge));
			x(log_report(r.fd, at, 2 << 20, 2 << 20, bits + 1));
			ct_check(!bits[1], "%#" PRIx64 " bytes: reported twice", size);
		}
		x(log_stop(r.fd));
	}
}

/* A second START changes nothing of the first. */
CT_TEST(log_start_twice, "LOG-008", .needs = TARGET_VFIO)
{
	struct log_rig r;

	log_rig_open(&r, IODIRTY_VFIO_PCI, 0, 0);
	x(log_start(r.fd, r.s.iova, 8 * LOG_PAGE));
	log_write(&r, 2);
	x_err(EINVAL, log_start(r.fd, r.s.iova, 8 * LOG_PAGE));
	x_err(EINVAL, log_start(r.fd, r.s.iova, r.s.length));
	log_write(&r, 3);
	log_write(&r, 8);
	log_expect(&r, 0, 8, 1, 0xc, "written before and after");
	x_err(EINVAL, log_report(r.fd, r.s.iova, 9 * LOG_PAGE, LOG_PAGE, &r));
}

/* ---- STOP ---- */

CT_TEST(log_stop_forgets, "LOG-010", .needs = TARGET_VFIO)
{
	struct log_rig r;
	u8 bits[8];

	log_rig_open(&r, IODIRTY_VFIO_PCI, 0, 0);
	x(log_stop(r.fd)); /* of nothing: nothing to say */
	for (int round = 0; round < 3; round++) {
		x_err(EINVAL, log_report(r.fd, r.s.iova, LOG_PAGE, LOG_PAGE, bits));
		log_write(&r, 1);
		x(log_start(r.fd, r.s.iova, 64 * LOG_PAGE));
		log_write(&r, 2);
		log_expect(&r, 0, 64, 1, 4, "written since the start");
		log_write(&r, 3);
		x(log_stop(r.fd));
		log_write(&r, 4);
		x(log_stop(r.fd));
	}
}

/* ---- REPORT ---- */

static void *unmapped(void)
{
	return mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* Each refused, with everything still there afterwards. */
CT_TEST(log_report_arguments, "LOG-011", .needs = TARGET_VFIO)
{
	static const struct {
		const char *what;
		u64 at, length, page_size; /* at: of the ranges' first */
		int err;
	} bad[] = {
		{ "no page size", 0, 4096, 0, EINVAL },
		{ "a page size below 4 KiB", 0, 4096, 2048, EINVAL },
		{ "a page size of no power of two", 0, 3 * 4096, 3 * 4096, EINVAL },
		{ "amid a page", 2048, 4096, 4096, EINVAL },
		{ "to amid a page", 0, 2048, 4096, EINVAL },
		{ "amid a large page", 4096, 8192, 8192, EINVAL },
		{ "to amid a large page", 0, 4096, 8192, EINVAL },
		{ "nothing", 0, 0, 4096, EINVAL },
		{ "before the range", -(u64)4096, 8192, 4096, EINVAL },
		{ "beyond the range", 15 * 4096, 8192, 4096, EINVAL },
		{ "beside the range", 16 * 4096, 4096, 4096, EINVAL },
		{ "over a gap", 0, 24 * 4096, 4096, EINVAL },
		{ "from a gap on", 18 * 4096, 4 * 4096, 4096, EINVAL },
		{ "from the range over the top", 0, UINT64_MAX - 4095, 4096, EOVERFLOW },
		{ "far away", (u64)1 << 50, 4096, 4096, EINVAL },
	};
	struct log_rig r;
	u64 page_size = LOG_PAGE;
	log_range ranges[2];
	static u8 bits[4096];

	log_rig_open(&r, IODIRTY_VFIO_PCI, 0, 0);
	r.s.iova += 8 * LOG_PAGE; /* from here on, what is relative is so to the ranges' first */
	ranges[0] = (log_range){ r.s.iova, 16 * LOG_PAGE };
	ranges[1] = (log_range){ r.s.iova + 20 * LOG_PAGE, 8 * LOG_PAGE };
	x(log_start_ranges(r.fd, ranges, 2, &page_size));
	for (u64 page = 0; page < 28; page++)
		log_write(&r, page);
	for (size_t i = 0; i < N(bad); i++) {
		int ret = log_report(r.fd, r.s.iova + bad[i].at, bad[i].length, bad[i].page_size,
				     bits);

		ct_check(ret == -bad[i].err, "%s: expected %s, got %s", bad[i].what,
			 ct_errno_name(bad[i].err), ct_errno_name(ret));
	}
	for (size_t i = 0; i < sizeof(bits); i++)
		ct_check(!bits[i], "a report that failed set bits of byte %zu", i);
	log_expect(&r, 0, 16, 1, 0xffff, "the first range");
	log_expect(&r, 20, 8, 1, 0xff, "the second range");
}

/* A bitmap that cannot be written: EFAULT, though there be nothing to write, and no bit is lost. */
CT_TEST(log_report_unwritable, "LOG-012", .needs = TARGET_VFIO)
{
	struct log_rig r;
	u8 *half;

	log_rig_open(&r, IODIRTY_VFIO_PCI, 0, 0);
	x(log_start(r.fd, r.s.iova, r.s.length));
	x_err(EFAULT, log_report(r.fd, r.s.iova, 64 * LOG_PAGE, LOG_PAGE, NULL));
	half = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ct_check(half != MAP_FAILED && !mprotect(half + 4096, 4096, PROT_READ), "mmap");
	log_write(&r, 1);
	log_write(&r, 62);
	for (int twice = 0; twice < 2; twice++) {
		x_err(EFAULT, log_report(r.fd, r.s.iova, 64 * LOG_PAGE, LOG_PAGE, unmapped()));
		x_err(EFAULT, log_report(r.fd, r.s.iova, 64 * LOG_PAGE, LOG_PAGE, half + 4092));
		x_err(EFAULT, log_report(r.fd, r.s.iova, 64 * LOG_PAGE, 2 * LOG_PAGE, NULL));
	}
	log_expect(&r, 0, 64, 1, (u64)1 << 62 | 2, "after reports that failed");
}
