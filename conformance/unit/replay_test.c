/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a replay does to a target: in which order, where, with which bytes; and what it says when
 * that does not do as it should. The target here is made up, and writes down what it is told.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "replay.h"

#define IOVA ((uint64_t)4 << 30)
#define LENGTH ((uint64_t)64 << 10)
#define MS ((uint64_t)1000000)

/* ---- the target ---- */

static struct {
	struct target t;
	struct iodirty_format_info format;
	unsigned int devices, devices_max, attached;
	uint64_t iova, va, length; /* of the one mapping */
	bool tracking, closed;
	unsigned int fault_at, lies_at; /* the n-th DMA, from 1 */
	unsigned int dmas;
	char log[256]; /* w and r: a DMA; H: a harvest */
	struct iodirty_dma last;
	uint64_t bytes[8192]; /* of that, if it wrote */
	uint32_t pasids[8];
} fake;

static void note(char c)
{
	size_t used = strlen(fake.log);

	if (used + 1 < sizeof(fake.log))
		fake.log[used] = c;
}

static int fake_open(const char *arg, struct target **out);

static void fake_close(struct target *t)
{
	(void)t;
	fake.closed = true;
}

static int fake_format(struct target *t, unsigned int index, struct iodirty_format_info *out)
{
	(void)t;
	*out = fake.format;
	return index ? -ENOENT : 0;
}

static int fake_plug(struct target *t, struct iodirty_plug *p)
{
	if (fake.devices == fake.devices_max) {
		t->unable = "there is one device";
		return TARGET_UNABLE;
	}
	p->out_dev_id = 100 + fake.devices++;
	return 0;
}

static int fake_attach(struct target *t, uint32_t dev_id, uint32_t pasid, bool replace,
		       uint32_t *pt_id)
{
	(void)t;
	ck_assert(!replace && *pt_id == 200 + (dev_id - 100));
	if (pasid)
		fake.pasids[fake.attached++] = (dev_id - 100) << 20 | pasid;
	return 0;
}

static int fake_ioctl(struct target *t, unsigned long cmd, void *arg)
{
	struct iommu_hwpt_alloc *alloc = arg;
	struct iommu_ioas_map *map = arg;

	(void)t;
	switch (cmd) {
	case IOMMU_HWPT_ALLOC:
		ck_assert(alloc->flags & IOMMU_HWPT_ALLOC_DIRTY_TRACKING);
		alloc->out_hwpt_id = 200 + (alloc->dev_id - 100);
		break;
	case IOMMU_IOAS_MAP:
		fake.iova = map->iova;
		fake.va = map->user_va;
		fake.length = map->length;
		break;
	case IOMMU_HWPT_SET_DIRTY_TRACKING:
		ck_assert(fake.length);
		fake.tracking = true;
		break;
	case IOMMU_HWPT_GET_DIRTY_BITMAP: {
		struct iommu_hwpt_get_dirty_bitmap *get = arg;

		ck_assert_uint_eq(get->iova, fake.iova);
		ck_assert_uint_eq(get->length, fake.length);
		*(uint64_t *)(uintptr_t)get->data |= 1ULL << (get->hwpt_id - 200);
		note('H');
		break;
	}
	default:
		break;
	}
	return 0;
}

static int fake_dma(struct target *t, struct iodirty_dma *d)
{
	void *at = (void *)(uintptr_t)(fake.va + (d->iova - fake.iova));
	void *data = (void *)(uintptr_t)d->data;

	(void)t;
	ck_assert(fake.tracking);
	ck_assert(d->iova >= fake.iova && d->iova + d->length <= fake.iova + fake.length);
	fake.dmas++;
	fake.last = *d;
	note(d->op == IODIRTY_DMA_WRITE ? 'w' : 'r');
	if (fake.dmas == fake.fault_at) {
		d->out_fault = IODIRTY_FAULT_NOT_PRESENT;
		d->out_fault_iova = d->iova;
		return 0;
	}
	if (d->op == IODIRTY_DMA_WRITE) {
		ck_assert_uint_le(d->length, sizeof(fake.bytes));
		memcpy(fake.bytes, data, d->length);
		memcpy(at, data, d->length);
	} else {
		memcpy(data, at, d->length);
	}
	if (fake.dmas == fake.lies_at)
		*(uint8_t *)at ^= 1;
	return 0;
}

static const struct target_driver driver = {
	.name = "fake",
	.open = fake_open,
	.close = fake_close,
	.format = fake_format,
	.ioctl = fake_ioctl,
	.plug = fake_plug,
	.attach = fake_attach,
	.dma = fake_dma,
};

static int fake_open(const char *arg, struct target **out)
{
	(void)arg;
	fake.t.driver = &driver;
	*out = &fake.t;
	return 0;
}

/* ---- the workload ---- */

struct listed {
	struct workload w;
	const struct access *list;
	size_t n, at;
};

static int listed_next(struct workload *w, struct access *out)
{
	struct listed *l = (struct listed *)w;

	if (l->at == l->n)
		return 0;
	*out = l->list[l->at++];
	return 1;
}

static int endless_next(struct workload *w, struct access *out)
{
	struct listed *l = (struct listed *)w;

	*out = (struct access){ .ns = l->at++ * MS, .iova = IOVA, .length = 1, .write = true };
	return 1;
}

static int bad_next(struct workload *w, struct access *out)
{
	(void)out;
	strcpy(w->error, "record 7 is bad");
	return -EIO;
}

static void listed_rewind(struct workload *w)
{
	((struct listed *)w)->at = 0;
}

static struct listed workload;
static struct replay replay;

/* A replay of it in rounds of 100 ns, not yet opened. */
static void given(const struct access *list, size_t n, unsigned int devices, uint64_t ns)
{
	memset(&fake, 0, sizeof(fake));
	fake.t.caps = TARGET_TRACK | TARGET_DMA | TARGET_LEAF | TARGET_PASID;
	fake.devices_max = WORKLOAD_DEVICES;
	fake.format = (struct iodirty_format_info){
		.name = "made-up",
		.flags = IODIRTY_FORMAT_DIRTY | IODIRTY_FORMAT_DIRTY_PASID,
		.granule_lg2 = 12,
		.leaf_sizes = 0x5000, /* 4 KiB and 16 KiB */
		.aperture_last = (1ULL << 40) - 1,
	};
	workload = (struct listed){
		.w = { .iova = IOVA,
		       .length = LENGTH,
		       .devices = devices,
		       .ns = ns,
		       .next = listed_next,
		       .rewind = listed_rewind },
		.list = list,
		.n = n,
	};
	memset(&replay, 0, sizeof(replay));
	replay.w = &workload.w;
	replay.round_ns = 100;
	replay.space_options.driver = &driver;
	replay_interrupted = 0;
}

#define GIVEN(list, devices, ns) given(list, sizeof(list) / sizeof((list)[0]), devices, ns)

static const struct access one[] = { { .iova = IOVA, .length = 8, .write = true } };

static void runs(void)
{
	ck_assert_msg(replay_open(&replay), "%s", replay.error);
	ck_assert_msg(replay_run(&replay), "%s", replay.error);
}

/* It is not done, for this reason. */
static void fails(int exit_code, const char *words)
{
	ck_assert(!replay_open(&replay) || !replay_run(&replay));
	ck_assert_int_eq(replay.exit_code, exit_code);
	ck_assert_msg(strstr(replay.error, words), "\"%s\" has no \"%s\"", replay.error, words);
	replay_close(&replay);
}

/* ---- order ---- */

START_TEST(harvests_come_where_rounds_end)
{
	static const struct access list[] = {
		{ .ns = 0, .iova = IOVA, .length = 1, .write = true },
		{ .ns = 99, .iova = IOVA, .length = 2 },
		{ .ns = 100, .iova = IOVA, .length = 3, .write = true },
		{ .ns = 350, .iova = IOVA, .length = 5, .write = true },
	};

	GIVEN(list, 1, 401);
	runs();
	ck_assert_str_eq(fake.log, "wrHwHHwHH");
	ck_assert_uint_eq(replay.n_rounds, 5);
	ck_assert_uint_eq(replay.rounds[0].records, 2);
	ck_assert_uint_eq(replay.rounds[0].writes, 1);
	ck_assert_uint_eq(replay.rounds[0].bytes, 1);
	ck_assert_uint_eq(replay.rounds[1].bytes, 3);
	ck_assert_uint_eq(replay.rounds[2].records, 0);
	ck_assert_uint_eq(replay.rounds[3].bytes, 5);
	replay_close(&replay);
	ck_assert(fake.closed);

	GIVEN(list, 1, 400);
	replay.pace = 1000;
	runs();
	ck_assert_str_eq(fake.log, "wrHwHHwH");
	replay_close(&replay);

	GIVEN(list, 1, 400);
	replay.rounds_limit = 2;
	runs();
	ck_assert_str_eq(fake.log, "wrHwH");
	replay_close(&replay);
}
END_TEST

START_TEST(a_record_at_the_very_end_has_a_round)
{
	static const struct access list[] = {
		{ .ns = 200, .iova = IOVA, .length = 1, .write = true },
	};

	GIVEN(list, 1, 200);
	runs();
	ck_assert_str_eq(fake.log, "HHwH");
	replay_close(&replay);
}
END_TEST

START_TEST(without_an_end_it_is_ten_rounds)
{
	given(NULL, 0, 1, 0);
	workload.w.next = endless_next;
	replay.round_ns = 2 * MS;
	runs();
	ck_assert_str_eq(fake.log, "wwHwwHwwHwwHwwHwwHwwHwwHwwHwwH");
	replay_close(&replay);
}
END_TEST

START_TEST(too_many_rounds_are_refused)
{
	GIVEN(one, 1, 10000 * 100 + 1);
	fails(EXIT_CODE_USAGE, "more than 10000 rounds");
	GIVEN(one, 1, 10000 * 100);
	ck_assert(replay_open(&replay));
	ck_assert_uint_eq(replay.n_planned, 10000);
	replay_close(&replay);
}
END_TEST

START_TEST(a_signal_ends_it_between_two_records)
{
	GIVEN(one, 1, 1000);
	ck_assert(replay_open(&replay));
	replay_interrupted = 1;
	ck_assert(!replay_run(&replay));
	ck_assert(replay.interrupted);
	ck_assert_str_eq(fake.log, "");
	ck_assert_str_eq(replay.error, "interrupted after 0 of 10 rounds");
	replay_close(&replay);
}
END_TEST

/* ---- who and what ---- */

START_TEST(each_record_is_its_devices)
{
	static const struct access list[] = {
		{ .iova = IOVA, .length = 1, .write = true, .device = 2 },
	};

	GIVEN(list, 3, 100);
	runs();
	ck_assert_uint_eq(fake.devices, 3);
	ck_assert_uint_eq(fake.last.dev_id, 102);
	ck_assert_str_eq(fake.log, "wHHH"); /* one of each device's tables */
	ck_assert_uint_eq(replay.rounds[0].reported, 3); /* together */
	replay_close(&replay);

	GIVEN(list, 3, 100);
	replay.merge = true;
	runs();
	ck_assert_uint_eq(fake.devices, 1);
	ck_assert_uint_eq(fake.last.dev_id, 100);
	replay_close(&replay);

	GIVEN(list, 3, 100);
	fake.devices_max = 1;
	fails(EXIT_CODE_NOTHING_RAN, "there is one device; --merge");
}
END_TEST

START_TEST(each_pasid_is_attached_once)
{
	static const struct access list[] = {
		{ .iova = IOVA, .length = 1, .pasid = 5 },
		{ .iova = IOVA, .length = 1, .pasid = 5, .device = 1 },
		{ .iova = IOVA, .length = 1, .pasid = 0 },
		{ .iova = IOVA, .length = 1, .pasid = 5, .write = true },
		{ .iova = IOVA, .length = 1, .pasid = 9, .ns = 100 },
	};

	GIVEN(list, 2, 100);
	replay.rounds_limit = 1; /* without the last */
	runs();
	ck_assert_uint_eq(fake.attached, 2);
	ck_assert_uint_eq(fake.pasids[0], 5);
	ck_assert_uint_eq(fake.pasids[1], 1 << 20 | 5);
	ck_assert_uint_eq(fake.last.pasid, 5);
	replay_close(&replay);

	GIVEN(list, 2, 100);
	fake.t.caps &= ~TARGET_PASID;
	fails(EXIT_CODE_NOTHING_RAN, "PASIDs");
	GIVEN(list, 2, 100);
	fake.format.flags = IODIRTY_FORMAT_DIRTY;
	fails(EXIT_CODE_NOTHING_RAN, "PASIDs");
}
END_TEST

START_TEST(bytes_name_the_record)
{
	static struct access list[] = {
		{ .iova = IOVA, .length = 8, .write = true },
		{ .iova = IOVA + 1, .length = 20, .write = true },
		{ .iova = IOVA, .length = 150000, .write = true },
	};
	uint8_t third[8] = { 3 };

	GIVEN(list, 1, 100);
	workload.w.length = 256 << 10;
	runs();
	/* 150,000 bytes are more than are moved at once. */
	ck_assert_str_eq(fake.log, "wwwwwH");
	ck_assert_uint_eq(fake.last.iova + fake.last.length, IOVA + 150000);
	ck_assert_uint_eq(fake.bytes[0], 3);
	ck_assert(!memcmp(replay.space.memory + 149992, third, 8));
	ck_assert_uint_eq(replay.space.memory[150000], 0);
	replay_close(&replay);

	list[2].length = 8;
	list[2].iova = IOVA + 8192;
	GIVEN(list, 1, 100);
	runs();
	/* 20 bytes from 1 on: 2, again and again; before it what is left of 1. */
	ck_assert(!memcmp(replay.space.memory, "\1\2\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0\2\0\0\0\0", 22));
	replay_close(&replay);
}
END_TEST

/* ---- where ---- */

START_TEST(memory_is_moved_into_the_aperture)
{
	static const struct access list[] = {
		{ .iova = IOVA + 4096 + 12, .length = 8, .write = true },
	};

	GIVEN(list, 1, 100);
	fake.format.aperture_first = 0x1001000;
	fake.format.aperture_last = 0x7fffffff;
	replay.space_options.leaf = 16384;
	runs();
	ck_assert_uint_eq(fake.iova, 0x1008000); /* of twice a leaf, the first */
	ck_assert_uint_eq(fake.last.iova, 0x1008000 + 4096 + 12);
	replay_close(&replay);

	GIVEN(list, 1, 100);
	fake.format.aperture_first = IOVA + 4096;
	fake.format.aperture_last = IOVA + LENGTH - 1;
	fails(EXIT_CODE_FAILED, "do not fit the aperture");
}
END_TEST

/* A leaf is as large as the IOVA and the address agree: in all bits below it, not in its own. */
START_TEST(addresses_suit_that_leaf_and_no_larger)
{
	static const uint64_t leaves[] = { 4096, 16384 };

	for (int odd = 0; odd < 4; odd++) {
		for (int i = 0; i < 2; i++) {
			uint64_t differ;

			GIVEN(one, 1, 100);
			workload.w.iova += odd * 4096;
			workload.n = 0;
			replay.space_options.leaf = leaves[i];
			runs();
			differ = fake.iova ^ fake.va;
			ck_assert_uint_eq(differ & (leaves[i] - 1), 0);
			ck_assert_uint_ne(differ & leaves[i], 0);
			ck_assert_uint_eq(fake.iova % leaves[i], 0);
			ck_assert_uint_eq(fake.length % leaves[i], 0);
			ck_assert_uint_le(fake.iova, IOVA + odd * 4096);
			ck_assert_uint_ge(fake.iova + fake.length, IOVA + odd * 4096 + LENGTH);
			replay_close(&replay);
		}
	}
}
END_TEST

START_TEST(sizes_that_are_not_there)
{
	GIVEN(one, 1, 100);
	replay.space_options.leaf = 8192;
	fails(EXIT_CODE_USAGE, "no leaves of 8192 bytes");
	GIVEN(one, 1, 100);
	replay.space_options.page = 2048;
	fails(EXIT_CODE_USAGE, "at least 4096");
	GIVEN(one, 1, 100);
	replay.space_options.page = 12288;
	fails(EXIT_CODE_USAGE, "a power of two");
	GIVEN(one, 1, 100);
	replay.space_options.format = "other";
	fails(EXIT_CODE_USAGE, "unknown format 'other'");
	GIVEN(one, 1, 100);
	fake.format.flags = 0;
	fails(EXIT_CODE_NOTHING_RAN, "no format of the target tracks");
	GIVEN(one, 1, 100);
	fake.t.caps = TARGET_DMA;
	fails(EXIT_CODE_NOTHING_RAN, "does not track");
}
END_TEST

/* ---- what goes wrong ---- */

START_TEST(faults_name_their_record)
{
	static const struct access list[] = {
		{ .iova = IOVA, .length = 8, .write = true },
		{ .iova = IOVA, .length = 8 },
		{ .iova = IOVA + 0x2345, .length = 8, .write = true },
	};

	GIVEN(list, 1, 100);
	fake.fault_at = 3;
	fails(EXIT_CODE_FAILED, "record 3: the write at IOVA 0x100002345");
	ck_assert_str_eq(fake.log, "wrw");
	GIVEN(list, 1, 100);
	fake.fault_at = 2;
	fails(EXIT_CODE_FAILED, "record 2: the read at IOVA 0x100000000");
}
END_TEST

START_TEST(bytes_that_do_not_arrive_are_noticed)
{
	static const struct access list[] = {
		{ .iova = IOVA, .length = 8, .write = true },
		{ .iova = IOVA, .length = 8 },
	};

	for (unsigned int n = 1; n <= 2; n++) {
		GIVEN(list, 1, 100);
		fake.lies_at = n;
		fails(EXIT_CODE_FAILED, n == 1 ? "record 1: " : "record 2: ");
		ck_assert_str_eq(fake.log, n == 1 ? "w" : "wr");
		/* Where none are moved there is nothing to notice. */
		GIVEN(list, 1, 100);
		fake.t.caps &= ~TARGET_DMA;
		fake.lies_at = n;
		runs();
		replay_close(&replay);
	}
}
END_TEST

START_TEST(a_workload_that_cannot_be_read)
{
	GIVEN(one, 1, 100);
	workload.w.next = bad_next;
	fails(EXIT_CODE_FAILED, "record 7 is bad");
}
END_TEST

START_TEST(a_record_outside_of_the_workload)
{
	static struct access list[] = { { .iova = IOVA - 1, .length = 8, .write = true } };

	GIVEN(list, 1, 100);
	fails(EXIT_CODE_FAILED, "record 1: it is not within");
	list[0].iova = IOVA + LENGTH - 7;
	GIVEN(list, 1, 100);
	fails(EXIT_CODE_FAILED, "record 1: it is not within");
	list[0].iova = IOVA;
	list[0].device = 1;
	GIVEN(list, 1, 100);
	fails(EXIT_CODE_FAILED, "record 1: it is not within");
}
END_TEST

static bool refuse(struct replay *r, const uint64_t *bitmap)
{
	(void)bitmap;
	return r->n_rounds < 2;
}

START_TEST(a_report_that_cannot_be_kept)
{
	GIVEN(one, 1, 500);
	replay.deliver = refuse;
	fails(EXIT_CODE_FAILED, "the report of round 1");
}
END_TEST

int main(void)
{
	TCase *tests = tcase_create("replay");
	Suite *suite = suite_create("replay");
	SRunner *runner;
	int failed;

	tcase_add_test(tests, harvests_come_where_rounds_end);
	tcase_add_test(tests, a_record_at_the_very_end_has_a_round);
	tcase_add_test(tests, without_an_end_it_is_ten_rounds);
	tcase_add_test(tests, too_many_rounds_are_refused);
	tcase_add_test(tests, a_signal_ends_it_between_two_records);
	tcase_add_test(tests, each_record_is_its_devices);
	tcase_add_test(tests, each_pasid_is_attached_once);
	tcase_add_test(tests, bytes_name_the_record);
	tcase_add_test(tests, memory_is_moved_into_the_aperture);
	tcase_add_test(tests, addresses_suit_that_leaf_and_no_larger);
	tcase_add_test(tests, sizes_that_are_not_there);
	tcase_add_test(tests, faults_name_their_record);
	tcase_add_test(tests, bytes_that_do_not_arrive_are_noticed);
	tcase_add_test(tests, a_workload_that_cannot_be_read);
	tcase_add_test(tests, a_record_outside_of_the_workload);
	tcase_add_test(tests, a_report_that_cannot_be_kept);
	suite_add_tcase(suite, tests);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
