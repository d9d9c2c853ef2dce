/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The prediction of a migration (predict.h), held against cases computed by hand: a page takes a
 * microsecond. What is random is held against the expectation of its distribution.
 */
#include <check.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "predict.h"
#include "shape.h"
#include "workload.h"

#define PAGE 4096
#define US 1000 /* what a page takes */
#define LINK ((uint64_t)PAGE * 1000000000 / US)
#define IOVA 0x700000000
#define MIB ((uint64_t)1 << 20)
#define ROUNDS 32

/* ---- a workload by hand ---- */

struct script {
	struct workload w;
	size_t at, n;
	struct access accesses[32];
	int then; /* what next() says in the end */
};

/* What the workload "script" is. */
static struct script script;

static int script_next(struct workload *w, struct access *out)
{
	struct script *s = (struct script *)w;

	if (s->at == s->n) {
		snprintf(w->error, sizeof(w->error), "broken");
		return s->then;
	}
	*out = s->accesses[s->at++];
	return 1;
}

static void script_rewind(struct workload *w)
{
	((struct script *)w)->at = 0;
}

static void script_close(struct workload *w)
{
	free(w);
}

static struct workload *script_open(const struct workload_options *o, char error[WORKLOAD_ERROR])
{
	struct script *s = malloc(sizeof(*s));

	(void)error;
	ck_assert_ptr_nonnull(s);
	*s = script;
	s->w.iova = IOVA;
	s->w.length = s->w.length ? s->w.length : o->memory;
	s->w.devices = WORKLOAD_DEVICES;
	s->w.next = script_next;
	s->w.rewind = script_rewind;
	s->w.close = script_close;
	return &s->w;
}

static const struct workload_kind script_kind = { .name = "script", .open = script_open };

/* In the place of the library's. */
const struct workload_kind *const workload_kinds[] = { &script_kind, NULL };

/* It lasts @ns. */
static void begin_script(uint64_t ns)
{
	script = (struct script){ .w = { .ns = ns } };
}

static void bytes_at(uint64_t ns, uint32_t device, uint64_t offset, uint64_t length, bool write)
{
	script.accesses[script.n++] = (struct access){
		.ns = ns, .iova = IOVA + offset, .length = length, .device = device, .write = write
	};
}

/* A few bytes in the middle of a page. */
static void page_at(uint64_t ns, uint32_t device, uint64_t page)
{
	bytes_at(ns, device, page * PAGE + 100, 64, true);
}

/* ---- what comes out of it ---- */

static const struct predict_cost no_cost, cost = { .call = 1000, .page = 10, .dirty = 100 };

static struct migration_options options(uint64_t pages, unsigned int rounds, uint64_t downtime_us)
{
	return (struct migration_options){
		.machine = { .memory = pages * PAGE, .trackers = TRACKERS_LOG, .devices = 4 },
		.workload = "script",
		.link = LINK,
		.rounds = rounds,
		.downtime_ns = downtime_us * US,
	};
}

static struct migration_result predict(const struct migration_options *o,
				       const struct predict_cost *c)
{
	struct migration_result r;

	migration_predict(o, c, &r);
	ck_assert_msg(r.verdict == MIGRATION_PREDICTED, "%s", r.error);
	return r;
}

struct expected {
	uint64_t sent, reported, written, report_ns;
};

/* Pages, round by round, the last being the one of the stop; and sums. */
static void expect(const struct migration_options *o, const struct predict_cost *c, bool converged,
		   unsigned int n, const struct expected rounds[])
{
	struct migration_result r = predict(o, c);
	struct expected sum = { 0 };
	uint64_t now = 0;

	ck_assert_uint_eq(r.n_rounds, n);
	for (unsigned int i = 0; i < n; i++) {
		const struct migration_round *round = &r.rounds[i];

		ck_assert_uint_eq(round->bytes, rounds[i].sent * PAGE);
		ck_assert_uint_eq(round->copy_ns, rounds[i].sent * US);
		ck_assert_uint_eq(round->reported, rounds[i].reported);
		ck_assert_uint_eq(round->written, rounds[i].written);
		ck_assert_uint_eq(round->report_ns, rounds[i].report_ns);
		ck_assert_uint_eq(round->lost, 0);
		sum.sent += rounds[i].sent;
		sum.reported += rounds[i].reported;
		sum.written += rounds[i].written;
		now += rounds[i].sent * US + rounds[i].report_ns;
	}
	ck_assert_int_eq(r.converged, converged);
	ck_assert_uint_eq(r.page, PAGE);
	ck_assert_uint_eq(r.bytes, sum.sent * PAGE);
	ck_assert_uint_eq(r.reported, sum.reported);
	ck_assert_uint_eq(r.written, sum.written);
	ck_assert_uint_eq(r.lost, 0);
	ck_assert_uint_eq(r.full_ns, rounds[0].sent * US);
	ck_assert_uint_eq(r.final_bytes, rounds[n - 1].sent * PAGE);
	ck_assert_uint_eq(r.final_report_ns, rounds[n - 1].report_ns);
	ck_assert_uint_eq(r.downtime_ns, rounds[n - 1].report_ns + rounds[n - 1].sent * US);
	ck_assert_uint_eq(r.total_ns, now);
	migration_free(&r);
}

static void expect_failure(const struct migration_options *o, const char *says)
{
	struct migration_result r;

	migration_predict(o, &no_cost, &r);
	ck_assert_int_eq(r.verdict, MIGRATION_FAILED);
	ck_assert_msg(strstr(r.error, says), "'%s', not '%s'", r.error, says);
	migration_free(&r);
}

/* ---- moments ---- */

START_TEST(boundary)
{
	const struct migration_options o = options(8, 9, 1);
	/* At 8 us the first report begins: what is written then is the second's. */
	const struct expected rounds[] = { { 8, 2, 2, 0 }, { 2, 1, 1, 0 }, { 1, 0, 0, 0 } };
	struct migration_result r;

	begin_script(1000000);
	page_at(0, 0, 1);
	bytes_at(10, 0, 5 * PAGE, PAGE, false); /* a read leaves it clean */
	page_at(100, 0, 1);
	page_at(8 * US - 1, 0, 2);
	page_at(8 * US, 0, 3);
	page_at(10 * US, 0, 4); /* devices are stopped at that moment */
	expect(&o, &no_cost, true, 3, rounds);
	r = predict(&o, &no_cost);
	ck_assert_uint_eq(r.writes, 4);
	migration_free(&r);
}
END_TEST

START_TEST(reports_take_time)
{
	struct migration_options o = options(8, 2, 0);
	const struct predict_cost c = { .call = 500, .page = 10, .dirty = 100 };
	/* 500 and 8 pages of 10: 580; and 100 each that is dirty. */
	const struct expected rounds[] = { { 8, 2, 2, 780 }, { 2, 4, 4, 980 }, { 6, 3, 3, 880 } };

	o.machine.trackers = TRACKERS_IOMMU;
	begin_script(1000000);
	page_at(0, 0, 1);
	page_at(7999, 0, 2);
	page_at(8000, 0, 3); /* while the first report is made, 8000 to 8780 */
	page_at(8779, 0, 4);
	page_at(8780, 0, 5); /* while the second round is sent, to 10780 */
	page_at(10779, 0, 6);
	page_at(10780, 0, 7); /* while the second report is made, to 11760 */
	page_at(11000, 0, 3); /* and sent once, though it is in both */
	page_at(11759, 0, 0);
	page_at(11760, 0, 1); /* stopped */
	expect(&o, &c, false, 3, rounds);
}
END_TEST

START_TEST(fractions)
{
	struct migration_options o = options(8, 1, 0);
	struct migration_result r;

	/* 32768 bytes at 3 GB/s: 10922.67 ns. A write at 10922 is in time for the last report. */
	o.link = 3000000000;
	begin_script(1000000);
	page_at(10921, 0, 0);
	page_at(10922, 0, 1);
	r = predict(&o, &(struct predict_cost){ .call = 1.75 });
	ck_assert_uint_eq(r.rounds[0].copy_ns, 10922);
	ck_assert_uint_eq(r.rounds[0].report_ns, 1);
	ck_assert_uint_eq(r.rounds[0].reported, 1);
	ck_assert_uint_eq(r.rounds[1].reported, 1);
	/* Two pages: 2730.67 ns, and the report. */
	ck_assert_uint_eq(r.downtime_ns, 2731);
	ck_assert_uint_eq(r.total_ns, 10922 + 1 + 2731);
	migration_free(&r);
}
END_TEST

/* ---- what is reported ---- */

static const struct {
	enum machine_trackers trackers;
	unsigned int leaf; /* pages */
	bool split;
	struct expected rounds[2];
} by_tracker[] = {
	/* 32 pages of 10 ns, or as many leaves as they are. */
	{ TRACKERS_IOMMU, 0, false, { { 32, 9, 9, 1000 + 320 + 900 }, { 12, 3, 3, 1620 } } },
	{ TRACKERS_IOMMU, 1, false, { { 32, 9, 9, 1000 + 320 + 900 }, { 12, 3, 3, 1620 } } },
	/* Leaves 0 to 7; then 2, 5 and 10. */
	{ TRACKERS_IOMMU, 2, false, { { 32, 16, 9, 1000 + 160 + 800 }, { 18, 6, 3, 1460 } } },
	/* Leaves 0 to 3; then 1, 2 and 5. */
	{ TRACKERS_IOMMU, 4, false, { { 32, 16, 9, 1000 + 80 + 400 }, { 20, 12, 3, 1380 } } },
	/* Leaves 0 and 1; then 0, 1 and 2. */
	{ TRACKERS_IOMMU, 8, false, { { 32, 16, 9, 1000 + 40 + 200 }, { 24, 24, 3, 1340 } } },
	{ TRACKERS_IOMMU, 32, false, { { 32, 32, 9, 1000 + 10 + 100 }, { 32, 32, 3, 1110 } } },
	{ TRACKERS_IOMMU, 8, true, { { 32, 9, 9, 1000 + 320 + 900 }, { 12, 3, 3, 1620 } } },
	/* Logs have pages of their own, whatever leaves are, and no IOPTEs. */
	{ TRACKERS_LOG, 0, false, { { 32, 9, 9, 1000 + 900 }, { 12, 3, 3, 1300 } } },
	{ TRACKERS_LOG, 8, false, { { 32, 9, 9, 1000 + 900 }, { 12, 3, 3, 1300 } } },
	/* Leaves 2, 3, 5, 6, 7 and logs' pages 1, 3, 6, 9, of which 6 is in a leaf; then leaf 2
	 * and pages 10 and 20, of which 10 was in a leaf. */
	{ TRACKERS_MIXED, 2, false, { { 32, 13, 9, 1000 + 160 + 900 }, { 14, 4, 3, 1460 } } },
	{ TRACKERS_MIXED, 0, false, { { 32, 9, 9, 1000 + 320 + 900 }, { 12, 3, 3, 1620 } } },
	{ TRACKERS_MIXED, 2, true, { { 32, 9, 9, 1000 + 320 + 900 }, { 12, 3, 3, 1620 } } },
	{ TRACKERS_TYPE1, 0, false, { { 32, 32, 9, 1000 }, { 32, 32, 3, 1000 } } },
	{ TRACKERS_TYPE1, 8, false, { { 32, 32, 9, 1000 }, { 32, 32, 3, 1000 } } },
	{ TRACKERS_NOBODY, 0, false, { { 32, 32, 9, 1000 }, { 32, 32, 3, 1000 } } },
};

#define N_BY_TRACKER ((int)(sizeof(by_tracker) / sizeof(by_tracker[0])))

START_TEST(trackers)
{
	struct migration_options o = options(32, 1, 0);

	o.machine.trackers = by_tracker[_i].trackers;
	o.machine.leaf = by_tracker[_i].leaf * PAGE;
	o.machine.split = by_tracker[_i].split;
	begin_script(1000000);
	page_at(1, 0, 9);
	page_at(2, 1, 5);
	page_at(3, 2, 6);
	page_at(4, 1, 7);
	bytes_at(5, 1, 12 * PAGE - 1, 2, true); /* pages 11 and 12 */
	page_at(6, 2, 1);
	page_at(7, 3, 3);
	page_at(8, 4, 15);
	/* After the report began, and before it can have ended. */
	page_at(32 * US, 1, 4);
	page_at(32 * US + 1, 0, 10);
	page_at(32 * US + 999, 2, 20);
	page_at(36 * US, 1, 25); /* stopped */
	expect(&o, &cost, false, 2, by_tracker[_i].rounds);
}
END_TEST

/* 32 pages, of which 4 are one of the granule, in leaves of two of these. */
static const struct {
	enum machine_trackers trackers;
	bool leaves, split;
	uint64_t page, reported, written;
} by_granule[] = {
	/* Granules 0, 1, 2 and 5. */
	{ TRACKERS_IOMMU, false, false, 4 * PAGE, 4, 4 },
	{ TRACKERS_IOMMU, true, true, 4 * PAGE, 4, 4 },
	/* Leaves of 0, of 2 and of 5. */
	{ TRACKERS_IOMMU, true, false, 4 * PAGE, 6, 4 },
	/* A log beside IOMMUs has granules, by itself pages. */
	{ TRACKERS_MIXED, false, false, 4 * PAGE, 4, 4 },
	/* The leaf of 5, and 0, 1 and 2. */
	{ TRACKERS_MIXED, true, false, 4 * PAGE, 5, 4 },
	{ TRACKERS_LOG, true, false, PAGE, 6, 6 },
	{ TRACKERS_TYPE1, false, false, 4 * PAGE, 8, 4 },
	{ TRACKERS_NOBODY, false, false, PAGE, 32, 6 },
};

#define N_BY_GRANULE (sizeof(by_granule) / sizeof(by_granule[0]))

START_TEST(granules)
{
	struct migration_options o = options(32, 1, 0);
	struct migration_result r;

	o.machine.trackers = by_granule[_i].trackers;
	o.machine.granule = 4 * PAGE;
	o.machine.leaf = by_granule[_i].leaves ? 8 * PAGE : 0;
	o.machine.split = by_granule[_i].split;
	begin_script(1000000);
	page_at(0, 0, 0);
	page_at(1, 2, 3);
	page_at(2, 0, 5);
	page_at(3, 2, 6);
	page_at(4, 0, 11);
	page_at(5, 1, 20);
	r = predict(&o, &no_cost);
	ck_assert_uint_eq(r.page, by_granule[_i].page);
	ck_assert_uint_eq(r.rounds[0].reported, by_granule[_i].reported);
	ck_assert_uint_eq(r.rounds[0].written, by_granule[_i].written);
	ck_assert_uint_eq(r.rounds[0].bytes, 32 * PAGE);
	ck_assert_uint_eq(r.rounds[1].bytes, by_granule[_i].reported * by_granule[_i].page);
	migration_free(&r);
}
END_TEST

START_TEST(whole_pages)
{
	const struct migration_options o = options(8, 1, 0);
	const struct expected rounds[] = { { 8, 6, 6, 0 }, { 6, 0, 0, 0 } };

	/* To the end of page 0, and not beyond; from the last byte of 2 to the first of 4; and
	 * memory's last byte. */
	begin_script(1000000);
	bytes_at(0, 0, 0, PAGE, true);
	bytes_at(0, 0, 3 * PAGE - 1, PAGE + 2, true);
	bytes_at(0, 0, 5 * PAGE, 1, true);
	bytes_at(0, 0, 8 * PAGE - 1, 1, true);
	expect(&o, &no_cost, false, 2, rounds);
}
END_TEST

/* ---- when it ends ---- */

START_TEST(never_converges)
{
	/* All 8 pages each 8 us, again and again: what a round sends is written meanwhile. */
	const struct expected rounds[] = { { 8, 8, 8, 0 }, { 8, 8, 8, 0 }, { 8, 8, 8, 0 },
					   { 8, 8, 8, 0 }, { 8, 8, 8, 0 }, { 8, 0, 0, 0 } };
	const struct expected two[] = { { 8, 8, 8, 0 }, { 8, 0, 0, 0 } };
	struct migration_options o = options(8, 5, 7);

	begin_script(8 * US);
	for (int i = 0; i < 8; i++)
		page_at(i * US + 500, 0, i);
	expect(&o, &no_cost, false, 6, rounds);
	o.downtime_ns = 8 * US - 1;
	expect(&o, &no_cost, false, 6, rounds);
	o.downtime_ns = 0;
	expect(&o, &no_cost, false, 6, rounds);
	o.downtime_ns = 8 * US;
	expect(&o, &no_cost, true, 2, two);
	/* The last round that may be is good enough. */
	o.rounds = 1;
	expect(&o, &no_cost, true, 2, two);
}
END_TEST

START_TEST(converges)
{
	/* A page each 2 us, at half of what the link takes. */
	const struct expected four[] = {
		{ 8, 4, 4, 0 }, { 4, 2, 2, 0 }, { 2, 1, 1, 0 }, { 1, 0, 0, 0 }
	};
	/* From 14 to 15 there is one, from 15 to 16 none. */
	const struct expected six[] = { { 8, 4, 4, 0 }, { 4, 2, 2, 0 }, { 2, 1, 1, 0 },
					{ 1, 1, 1, 0 }, { 1, 0, 0, 0 }, { 0, 0, 0, 0 } };
	struct migration_options o = options(8, 9, 1);

	begin_script(16 * US);
	for (int i = 0; i < 8; i++)
		page_at(2 * US * i + 1, 0, i);
	expect(&o, &no_cost, true, 4, four);
	o.downtime_ns--;
	expect(&o, &no_cost, true, 6, six);
}
END_TEST

START_TEST(all_rounds)
{
	/* Leaf 0, and a log's page; then nothing at all, which is no reason to end. */
	const struct expected rounds[] = {
		{ 8, 3, 2, 0 }, { 3, 0, 0, 0 }, { 0, 0, 0, 0 }, { 0, 0, 0, 0 }
	};
	struct migration_options o = options(8, 3, 0);

	o.machine.trackers = TRACKERS_MIXED;
	o.machine.leaf = 2 * PAGE;
	begin_script(1000000);
	page_at(0, 0, 5);
	page_at(0, 1, 0);
	expect(&o, &no_cost, false, 4, rounds);
}
END_TEST

START_TEST(type1)
{
	/* Nothing is written but a page, and all is sent, whatever is asked for. */
	const struct expected rounds[] = { { 8, 8, 1, 1000 },
					   { 8, 8, 0, 1000 },
					   { 8, 8, 0, 1000 } };
	struct migration_options o = options(8, 2, 7);

	o.machine.trackers = TRACKERS_TYPE1;
	begin_script(1000000);
	page_at(0, 0, 0);
	expect(&o, &cost, false, 3, rounds);
	o.downtime_ns = 8 * US; /* which a report does not count in */
	expect(&o, &cost, true, 2, (struct expected[]){ { 8, 8, 1, 1000 }, { 8, 8, 0, 1000 } });
}
END_TEST

/* ---- what goes wrong ---- */

START_TEST(failures)
{
	struct migration_options o = options(8, 9, 1);

	begin_script(1000);
	page_at(0, 0, 0);
	o.link = 0;
	expect_failure(&o, "--link");
	o = options(8, 9, 1);
	o.machine.leaf = 3 * PAGE;
	expect_failure(&o, "leaves of 12288");
	o.machine.leaf = 0;
	o.machine.memory = 0;
	expect_failure(&o, "0 bytes of memory");
	o = options(8, 9, 1);
	script.w.length = 9 * PAGE;
	expect_failure(&o, "--memory");
	script.w.length = 8 * PAGE;
	o.link = 1;
	o.machine.memory = (uint64_t)1 << 44;
	o.machine.trackers = TRACKERS_NOBODY;
	expect_failure(&o, "too slow");
	o = options(8, 9, 1);
	o.workload = "nothing";
	expect_failure(&o, "unknown workload");
	o.workload = "script";
	begin_script(1000);
	expect_failure(&o, "no access");
	/* Of one that takes no time there would be no second turn. */
	begin_script(0);
	page_at(0, 0, 0);
	expect_failure(&o, "no times");
	script.then = -EIO;
	expect_failure(&o, "script: broken");
	begin_script(1000);
	page_at(0, 0, 0);
	migration_interrupted = 1;
	expect_failure(&o, "interrupted");
	migration_interrupted = 0;
}
END_TEST

/* ---- what is random, or large ---- */

static struct migration_options shaped(const char *shape, uint64_t memory, uint64_t link)
{
	return (struct migration_options){
		.machine = { .memory = memory, .trackers = TRACKERS_IOMMU, .devices = 2 },
		.shapes = { shape_find(shape) },
		.n_shapes = 1,
		.link = link,
		.rounds = ROUNDS,
		.seed = 1,
	};
}

static void near(double is, double expected, double share)
{
	ck_assert_msg(fabs(is - expected) <= share * expected, "%g, not %g", is, expected);
}

/*
 * Two devices that write 100,000 random pages a second of R = 65,536: of n writes that fall on R
 * pages at random R (1 - exp(-n / R)) are hit. A round sends what that was for the one before.
 */
START_TEST(random_pages)
{
	struct migration_options o = shaped("uniform", 256 * MIB, 256 * MIB);
	const double pages = 65536, rate = 200000;
	double sent = pages;
	struct migration_result r;

	o.own_rate = true;
	o.rate = rate / 2;
	o.rounds = 6;
	r = predict(&o, &no_cost);
	for (int i = 0; i < 6; i++) {
		near(r.rounds[i].bytes / PAGE, sent, 0.02);
		sent = pages * (1 - exp(-rate * (sent / pages) / pages));
		near(r.rounds[i].reported, sent, 0.02);
	}
	/* The series ends where s = R (1 - exp(-rate s / R^2)), with x = s / R: 0.9439. */
	near(r.final_bytes, 0.9439 * 256 * MIB, 0.02);
	migration_free(&r);
}
END_TEST

/*
 * Few pages of many: each round is rate x 4096 / link = 0.2 of the one before, so that all
 * rounds are 1 / (1 - 0.2) of memory.
 */
START_TEST(series)
{
	struct migration_options o = shaped("append", 1024 * MIB, 0);
	struct migration_result r;

	o.own_rate = true;
	o.rate = 100000;
	o.link = 1000000000ULL * PAGE / 1000; /* 1,000,000 pages a second */
	o.downtime_ns = 1000000; /* 1000 pages: 262144 x 0.2^4 is 419 */
	r = predict(&o, &no_cost);
	ck_assert(r.converged);
	ck_assert_uint_eq(r.n_rounds, 5);
	for (int i = 1; i < 4; i++)
		near(r.rounds[i].bytes, 0.2 * r.rounds[i - 1].bytes, 0.02);
	near(r.bytes, 1024 * MIB / 0.8, 0.02);
	near(r.total_ns, 262144000.0 / 0.8, 0.02);
	migration_free(&r);
}
END_TEST

/* Each device its own shape, in turn: 6000, 81274, 6000 and 81274 writes in a second. */
START_TEST(shapes_in_turn)
{
	struct migration_options o = shaped("hot", 64 * MIB, 64 * MIB);
	struct migration_result r;

	o.machine.devices = 4;
	o.shapes[1] = shape_find("ring");
	o.n_shapes = 2;
	o.rounds = 1;
	r = predict(&o, &no_cost);
	ck_assert_uint_eq(r.writes, 2 * (6000 + 81274));
	migration_free(&r);
	o.machine.devices = 1;
	expect_failure(&o, "takes 2 to 16 devices");
}
END_TEST

/* For each shape: nothing less than memory is sent, finer leaves never send more, and with type1
 * a migration stops for all memory, so the shorter the faster the link is. */
START_TEST(properties)
{
	static const uint64_t leaves[] = { 4096, 65536, 2 * MIB, 32 * MIB };
	static const uint64_t links[] = { 20000000, 125000000, 1250000000 };
	struct migration_options o = shaped(shapes[_i].name, 64 * MIB, 0);
	struct migration_result r;

	o.rounds = 4;
	for (int l = 0; l < 3; l++) {
		uint64_t sent = 0;

		o.link = links[l];
		o.machine.trackers = TRACKERS_IOMMU;
		for (int i = 0; i < 4; i++) {
			o.machine.leaf = leaves[i];
			r = predict(&o, &no_cost);
			ck_assert_uint_ge(r.bytes, 64 * MIB);
			ck_assert_uint_ge(r.bytes, sent);
			ck_assert_uint_ge(r.reported, r.written);
			sent = r.bytes;
			migration_free(&r);
		}
		o.machine.trackers = TRACKERS_TYPE1;
		r = predict(&o, &cost);
		ck_assert_uint_eq(r.bytes, 5 * 64 * MIB);
		ck_assert_uint_eq(r.downtime_ns, 64 * MIB * 1000000000 / links[l] + 1000);
		migration_free(&r);
	}
}
END_TEST

/* 16 TiB at 100 Gb/s and 400 Gb/s: 1407 and 351 s a round, of which not a byte is kept. */
START_TEST(sixteen_tebibytes)
{
	struct migration_options o = shaped("idle", (uint64_t)1 << 44, 12500000000);
	struct migration_result r;

	o.machine.leaf = (uint64_t)1 << 30;
	o.downtime_ns = 300000000;
	r = predict(&o, &no_cost);
	ck_assert(r.converged);
	ck_assert_uint_eq(r.rounds[0].copy_ns, 1407374883553);
	ck_assert_uint_eq(r.n_rounds, 2);
	ck_assert_uint_eq(r.final_bytes, (uint64_t)1 << 30);
	migration_free(&r);
	o.link = 50000000000;
	/* 4 Gi leaves of 4 KiB at half a nanosecond: the report takes longer than the rest. */
	o.machine.leaf = 0;
	r = predict(&o, &(struct predict_cost){ .page = 0.5 });
	ck_assert_uint_eq(r.rounds[0].copy_ns, 351843720888);
	ck_assert_uint_eq(r.final_report_ns, 2147483648);
	ck_assert_uint_eq(r.final_bytes, 2 * PAGE);
	migration_free(&r);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("predict");
	TCase *hand = tcase_create("by hand"), *large = tcase_create("large");
	SRunner *runner;
	int failed;

	tcase_add_test(hand, boundary);
	tcase_add_test(hand, reports_take_time);
	tcase_add_test(hand, fractions);
	tcase_add_loop_test(hand, trackers, 0, N_BY_TRACKER);
	tcase_add_loop_test(hand, granules, 0, N_BY_GRANULE);
	tcase_add_test(hand, whole_pages);
	tcase_add_test(hand, never_converges);
	tcase_add_test(hand, converges);
	tcase_add_test(hand, all_rounds);
	tcase_add_test(hand, type1);
	tcase_add_test(hand, failures);
	suite_add_tcase(suite, hand);
	tcase_set_timeout(large, 120);
	tcase_add_test(large, random_pages);
	tcase_add_test(large, series);
	tcase_add_test(large, shapes_in_turn);
	tcase_add_loop_test(large, properties, 0, n_shapes);
	tcase_add_test(large, sixteen_tebibytes);
	suite_add_tcase(suite, large);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
