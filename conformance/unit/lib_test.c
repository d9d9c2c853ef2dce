/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tests of the oracle: what tests are written with must accept what is right
 * and, above all, refuse what is wrong, for the reason that it is wrong.
 */
#include <check.h>
#include <stdlib.h>
#include <unistd.h>

#include "result.h"
#include "verdict.h"

#define UNIT ((u64)4096)
#define LEAF (4 * UNIT)
#define BASE ((u64)0x40200000)
#define UNITS 32

static struct record record;

/* A piece of a conformance test, and how it has to end. */
struct piece {
	const char *name;
	void (*run)(void);
	uint32_t verdict; /* VERDICT_RUNNING: it returns */
	const char *message; /* a part of it */
};

static void hold(const struct piece *p)
{
	int value;

	memset(&record, 0, sizeof(record));
	record.verdict = VERDICT_RUNNING;
	ct_record = &record;
	value = setjmp(ct_exit.env);
	if (!value)
		p->run();
	ck_assert_msg(record.verdict == p->verdict, "%s: verdict %u, expected %u: %s", p->name,
		      record.verdict, p->verdict, record.message);
	ck_assert_int_eq(value, p->verdict == VERDICT_FAIL    ? CT_EXIT_FAIL :
				p->verdict == VERDICT_RUNNING ? 0 :
								CT_EXIT_SKIP);
	ck_assert_msg(!p->message || strstr(record.message, p->message),
		      "%s: the message \"%s\" lacks \"%s\"", p->name, record.message, p->message);
}

#define PASSES(fn)                             \
	{                                      \
#fn, fn, VERDICT_RUNNING, NULL \
	}
#define FAILS(fn, message)                     \
	{                                      \
#fn, fn, VERDICT_FAIL, message \
	}
#define SKIPS(fn, message)                     \
	{                                      \
#fn, fn, VERDICT_SKIP, message \
	}
#define NOT_CAPABLE(fn, message)                      \
	{                                             \
#fn, fn, VERDICT_NOT_CAPABLE, message \
	}
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- verdicts ---- */

static int refuse(int err)
{
	return -err;
}

static void fail_now(void)
{
	ct_fail("leaf %d", 7);
}

static void skip_now(void)
{
	ct_skip("no %s", "PASIDs");
}

static void x_passes(void)
{
	x(refuse(0));
	x_err(ENOENT, refuse(ENOENT));
}

static void x_fails(void)
{
	x(refuse(EINVAL));
}

static void x_err_other(void)
{
	x_err(ENOENT, refuse(EOPNOTSUPP));
}

static void x_err_none(void)
{
	x_err(EFAULT, refuse(0));
}

static void x_positive(void)
{
	x(refuse(-3));
}

static void measure_too_much(void)
{
	int i;

	for (i = 0; i <= RECORD_MEASURES; i++)
		ct_measure("writes", i, "1");
}

static const struct piece verdicts[] = {
	FAILS(fail_now, "leaf 7"),
	SKIPS(skip_now, "no PASIDs"),
	PASSES(x_passes),
	FAILS(x_fails, "refuse(EINVAL) returned EINVAL, expected 0 (unit/lib_test.c:"),
	FAILS(x_err_other, "refuse(EOPNOTSUPP) returned EOPNOTSUPP, expected ENOENT (unit/"),
	FAILS(x_err_none, "refuse(0) returned 0, expected EFAULT"),
	FAILS(x_positive, "refuse(-3) returned 3, expected 0"),
	FAILS(measure_too_much, "no room for measure writes"),
};

START_TEST(test_verdict)
{
	hold(&verdicts[_i]);
}
END_TEST

START_TEST(test_notes)
{
	int i;

	memset(&record, 0, sizeof(record));
	ct_record = &record;
	ct_note("seed %d", 1);
	ct_note("%s", "two");
	ck_assert_str_eq(record.notes, "seed 1\ntwo");
	for (i = 0; i < RECORD_MESSAGE; i++)
		ct_note("long");
	ck_assert_uint_eq(strlen(record.notes), RECORD_MESSAGE - 1);
	ck_assert_str_eq(ct_errno_name(-ENOTTY), "ENOTTY");
	ck_assert_str_eq(ct_errno_name(EOPNOTSUPP), "EOPNOTSUPP");
	ck_assert_str_eq(ct_errno_name(0), "0");
	ck_assert_str_eq(ct_errno_name(524), "errno 524");
}
END_TEST

/* ---- the truth: a leaf is four units ---- */

static struct ct_bitmap bitmap;

#define BITS(first, last) (UINT64_MAX >> (63 - (last) + (first)) << (first))

/* One write, one report of a part, and a harvest of all that follows @from. */
static const struct truth_row {
	const char *name;
	struct {
		u64 at, length;
	} write, forget; /* relative to BASE */
	u64 from, page; /* page 0: UNIT */
	u64 bits; /* as harvested */
	bool exact;
	const char *message; /* NULL: the harvest is right */
} truths[] = {
/* Sixteen bytes in unit 10, hence leaf 8..11. */
#define WRITTEN .write = { 10 * UNIT + 0x10, 0x10 }
	{ "clean", .exact = true },
	{ "clean, a bit", .bits = BITS(0, 0), .message = "bit 0 " },
	{ "leaf", WRITTEN, .bits = BITS(8, 11) },
	{ "leaf, exact", WRITTEN, .bits = BITS(8, 11), .exact = true },
	{ "all lost", WRITTEN,
	  .message = "bit 10 (IOVA 0x4020a000, page 10 of the request) is clear; the device "
		     "wrote 0x4020a010..0x4020a01f: a lost write" },
	{ "one lost", WRITTEN, .bits = BITS(8, 9) | BITS(11, 11), .message = "bit 10 " },
	{ "granule", WRITTEN, .bits = BITS(10, 10) },
	{ "granule, exact", WRITTEN, .bits = BITS(10, 10), .exact = true,
	  .message = "bit 8 (IOVA 0x40208000, page 8 of the request) is clear; its leaf "
		     "0x40208000..0x4020bfff was written" },
	{ "a leaf too many", WRITTEN, .bits = BITS(8, 12),
	  .message = "bit 12 (IOVA 0x4020c000, page 12 of the request) is set; nothing in its "
		     "leaf 0x4020c000..0x4020ffff was written" },
	{ "totals", WRITTEN, .bits = BITS(0, 1) | BITS(8, 9), .exact = true,
	  .message = "Wrong bits: 4 of 32, 2 clear and 2 set" },
	{ "across leaves", .write = { LEAF - 1, 2 }, .bits = BITS(0, 7), .exact = true },
	{ "across leaves, lost", .write = { LEAF - 1, 2 }, .bits = BITS(0, 3),
	  .message = "bit 4 (IOVA 0x40204000, page 4 of the request) is clear; the device wrote "
		     "0x40204000..0x40204000" },
	{ "last bit lost", .write = { UNITS * UNIT - 1, 1 }, .message = "bit 31 " },
	{ "before the range", .write = { -UNIT, UNIT }, .exact = true },
	{ "behind the range", .write = { UNITS * UNIT, UNIT }, .exact = true },
	/* What was reported of a leaf is done with; the rest is still to come. */
	{ "reported", WRITTEN, .forget = { 8 * UNIT, LEAF }, .exact = true },
	{ "rest", WRITTEN, .forget = { 8 * UNIT, 3 * UNIT }, .bits = BITS(11, 11), .exact = true },
	{ "rest lost", WRITTEN, .forget = { 8 * UNIT, 3 * UNIT }, .exact = true,
	  .message = "bit 11 " },
	{ "reported twice", WRITTEN, .forget = { 8 * UNIT, 3 * UNIT }, .bits = BITS(8, 11),
	  .message = "bit 8 (IOVA 0x40208000, page 8 of the request) is set" },
	{ "half a unit reported", WRITTEN, .forget = { 10 * UNIT, UNIT / 2 },
	  .message = "a lost write" },
	{ "from unit 9", WRITTEN, .from = 9 * UNIT, .bits = BITS(0, 2), .exact = true },
	{ "from unit 9, bits from 0", WRITTEN, .from = 9 * UNIT, .bits = BITS(8, 11),
	  .message = "bit 1 (IOVA 0x4020a000" },
	{ "half-unit bits", WRITTEN, .page = UNIT / 2, .bits = BITS(16, 23), .exact = true },
	{ "half-unit bits, one lost", WRITTEN, .page = UNIT / 2,
	  .bits = BITS(16, 20) | BITS(22, 23), .message = "bit 21 (IOVA 0x4020a800" },
	{ "bits of two leaves", WRITTEN, .page = 2 * LEAF, .bits = BITS(1, 1), .exact = true },
	{ "bits of two leaves, one too many", WRITTEN, .page = 2 * LEAF, .bits = BITS(0, 1),
	  .message = "bit 0 " },
	{ "bits of two leaves, lost", .write = { 15 * UNIT, 1 }, .page = 2 * LEAF,
	  .message = "bit 1 (IOVA 0x40208000" },
};

static const struct truth_row *row; /* that compare_row is about */

static void compare_row(void)
{
	struct ct_shadow *truth = ct_shadow_new(BASE, UNITS * UNIT, UNIT, LEAF);
	u64 page = row->page ? row->page : UNIT, i;

	ct_bitmap_init(&bitmap, (UNITS * UNIT - row->from) / page, 0);
	for (i = 0; i < bitmap.nbits; i++)
		bitmap.bytes[i / 8] |= (row->bits >> i & 1) << i % 8;
	ct_shadow_write(truth, BASE + row->write.at, row->write.length);
	ct_shadow_forget(truth, BASE + row->forget.at, row->forget.length);
	ct_shadow_compare(truth, &bitmap, BASE + row->from, page, row->exact);
}

START_TEST(test_truth)
{
	row = &truths[_i];
	hold(&(struct piece){ row->name, compare_row, row->message ? VERDICT_FAIL : VERDICT_RUNNING,
			      row->message });
}
END_TEST

/* ---- guards ---- */

static void guards_are_quiet(void)
{
	ct_bitmap_init(&bitmap, 13, 5);
	ct_bitmap_fill(&bitmap, 0xff);
	ct_bitmap_check_guards(&bitmap);
	ct_check(ct_bitmap_count(&bitmap) == 13, "count");
	ct_bitmap_fill(&bitmap, 0);
	bitmap.bytes[1] |= 0x10;
	ct_bitmap_check_guards(&bitmap);
	ct_check(ct_bitmap_count(&bitmap) == 1 && ct_bitmap_test(&bitmap, 12) &&
			 !ct_bitmap_test(&bitmap, 11),
		 "bit 12");
}

/* A byte changed, and what the guards say to it. */
static const struct poke {
	u64 nbits, offset;
	int64_t at;
	u8 keep, set, fill;
	const char *message;
} pokes[] = {
	{ 16, 64, -1, 0xff, 0x80, 0,
	  "byte -1 of the bitmap, outside its 2 bytes, changed from 0x5a to 0xda" },
	{ 16, 64, 2, 0xff, 0x01, 0,
	  "byte 2 of the bitmap, outside its 2 bytes, changed from 0x5a to 0x5b" },
	{ 16, 64, 2, 0, 0, 0, "byte 2 " },
	{ 16, 0, -4000, 0, 0, 0, "byte -4000 " }, /* the page before */
	{ 16, 4093, 3, 0, 0xff, 0, "byte 3 " }, /* the page behind */
	{ 13, 0, 1, 0xff, 0x20, 0,
	  "byte 1 of the bitmap: bits past bit 12, the last, changed from 0 to 0x20" },
	{ 13, 0, 1, 0xdf, 0, 0xff,
	  "byte 1 of the bitmap: bits past bit 12, the last, changed from 0xe0 to 0xc0" },
	{ 9, 4094, -1, 0, 0, 0, "byte -1 " }, /* a guard page follows */
	{ 13, 0, 1, 0xff, 0x1f, 0, NULL }, /* its own bits */
};

static const struct poke *poke; /* that poke_bitmap is about */

static void poke_bitmap(void)
{
	ct_bitmap_init(&bitmap, poke->nbits, poke->offset);
	ct_bitmap_fill(&bitmap, poke->fill);
	bitmap.bytes[poke->at] = (bitmap.bytes[poke->at] & poke->keep) | poke->set;
	ct_bitmap_check_guards(&bitmap);
}

START_TEST(test_guard)
{
	poke = &pokes[_i];
	hold(&(struct piece){ "poke", poke_bitmap, poke->message ? VERDICT_FAIL : VERDICT_RUNNING,
			      poke->message });
}
END_TEST

START_TEST(test_bitmap)
{
	hold(&(struct piece)PASSES(guards_are_quiet));
}
END_TEST

/* The last byte of a guarded bitmap can be read, the one behind it cannot. */
START_TEST(test_guard_page)
{
	int fd = ct_memfd(0);

	ct_bitmap_init_guarded(&bitmap, (u64)8 * 5000);
	ck_assert_int_eq(write(fd, bitmap.bytes + 4999, 1), 1);
	ck_assert_int_eq(write(fd, bitmap.bytes + 5000, 1), -1);
	ck_assert_int_eq(errno, EFAULT);
	close(fd);
	ct_bitmap_free(&bitmap);
}
END_TEST

START_TEST(test_memory)
{
	u8 *small = ct_memory(3 * 4096, 1 << 20, 2048);
	volatile u8 *large = ct_memory((u64)1 << 30, (u64)1 << 31, (u64)1 << 30);

	ck_assert_uint_eq((uintptr_t)small & ((1 << 20) - 1), 2048);
	ck_assert_uint_eq((uintptr_t)large & (((u64)1 << 31) - 1), (u64)1 << 30);
	ck_assert_uint_eq(small[3 * 4096 - 1], 0);
	large[5] = 42;
	ck_assert_uint_eq(large[((u64)1 << 30) - (2 << 20) + 5], 42);
}
END_TEST

/* ---- scenes, on a fake target that can be told to be wrong ---- */

enum bug {
	BUG_NONE,
	BUG_LOSES, /* reports nothing of the second leaf */
	BUG_OVER_REPORTS, /* a clean leaf as well */
	BUG_GRANULE, /* only the granules written, not their leaf */
	BUG_SPILLS, /* a bit past the last */
	BUG_BEFORE, /* a byte before the first */
	BUG_NEVER_CLEARS,
	BUG_ALWAYS_CLEARS, /* with NO_CLEAR too */
	BUG_DROPS_REST, /* of a leaf harvested in part */
	BUG_WRONG_LEAF, /* maps with another size */
	BUG_FAULTS, /* the device cannot write */
	BUG_REFUSES, /* an ioctl that must succeed */
	BUG_CANNOT_TRACK, /* HWPT_ALLOC with DIRTY_TRACKING */
	BUG_CANNOT_ATTACH, /* the target has no way to */
	BUG_HOLE_FAILS, /* a hole is an error */
};

static struct fake {
	struct target target;
	enum bug bug;
	u64 iova, length;
	bool dirty[16]; /* a granule */
} fake;

static int fake_get(const struct iommu_hwpt_get_dirty_bitmap *arg)
{
	u8 *bytes = (u8 *)(uintptr_t)arg->data;
	u64 first = (arg->iova - fake.iova) / UNIT, units = arg->length / UNIT;
	u64 bits = arg->length / arg->page_size, i, j;
	bool clears = !(arg->flags & IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR);

	for (i = first; i < first + units; i++) {
		u64 bit = (i - first) * UNIT / arg->page_size;

		if ((fake.dirty[i] && !(fake.bug == BUG_LOSES && i / 4 == 1)) ||
		    (fake.bug == BUG_OVER_REPORTS && i / 4 == 3))
			bytes[bit / 8] |= 1 << bit % 8;
		if ((clears || fake.bug == BUG_ALWAYS_CLEARS) && fake.bug != BUG_NEVER_CLEARS)
			fake.dirty[i] = false;
		for (j = i / 4 * 4; fake.bug == BUG_DROPS_REST && j < i / 4 * 4 + 4; j++)
			if (j < first || j >= first + units)
				fake.dirty[j] = false;
	}
	if (fake.bug == BUG_SPILLS && bits % 8)
		bytes[bits / 8] |= 1 << bits % 8;
	if (fake.bug == BUG_BEFORE)
		bytes[-1] |= 1;
	return 0;
}

static int fake_ioctl(struct target *t, unsigned long cmd, void *arg)
{
	(void)t;
	if (fake.bug == BUG_REFUSES && cmd == IOMMU_HWPT_SET_DIRTY_TRACKING)
		return -EOPNOTSUPP;
	if (fake.bug == BUG_CANNOT_TRACK && cmd == IOMMU_HWPT_ALLOC)
		return -EOPNOTSUPP;
	if (fake.bug == BUG_HOLE_FAILS && cmd == IOMMU_HWPT_GET_DIRTY_BITMAP)
		return -ENOENT;
	if (cmd == IOMMU_IOAS_MAP) {
		fake.iova = ((struct iommu_ioas_map *)arg)->iova;
		fake.length = ((struct iommu_ioas_map *)arg)->length;
	}
	return cmd == IOMMU_HWPT_GET_DIRTY_BITMAP ? fake_get(arg) : 0;
}

static int fake_plug(struct target *t, struct iodirty_plug *p)
{
	(void)t;
	p->out_dev_id = 1;
	return 0;
}

static int fake_attach(struct target *t, uint32_t dev, uint32_t pasid, bool replace, uint32_t *pt)
{
	(void)dev;
	(void)pasid;
	(void)replace;
	(void)pt;
	t->unable = "no cable";
	return fake.bug == BUG_CANNOT_ATTACH ? TARGET_UNABLE : 0;
}

static int fake_dma(struct target *t, struct iodirty_dma *d)
{
	u64 i = (d->iova - fake.iova) / UNIT, last = (d->iova + d->length - 1 - fake.iova) / UNIT;

	(void)t;
	if (fake.bug == BUG_FAULTS)
		d->out_fault = IODIRTY_FAULT_NOT_PRESENT;
	if (fake.bug != BUG_GRANULE) {
		i = i / 4 * 4;
		last |= 3;
	}
	for (; i <= last; i++)
		fake.dirty[i] = true;
	return 0;
}

static int fake_leaf(struct target *t, struct iodirty_leaf *leaf)
{
	(void)t;
	leaf->out_lg2 = fake.bug == BUG_WRONG_LEAF ? 12 : 14;
	return 0;
}

static const struct target_driver fake_driver = {
	.name = "fake",
	.ioctl = fake_ioctl,
	.plug = fake_plug,
	.attach = fake_attach,
	.dma = fake_dma,
	.leaf = fake_leaf,
};

static void play_scene(void)
{
	struct scene s;

	scene_open(&s, .leaves = 4);
	ct_check(s.length == 4 * LEAF && fake.iova == s.iova && fake.length == s.length &&
			 ((s.iova ^ (uintptr_t)s.mem) & (2 * LEAF - 1)) == LEAF,
		 "the scene is mapped elsewhere");
	scene_write(&s, LEAF + 100, 8);
	scene_expect_no_clear(&s, UNIT, s.length - UNIT, UNIT);
	scene_expect(&s, UNIT, s.length - UNIT, UNIT);
	scene_expect(&s, 0, s.length, UNIT);
	scene_write(&s, 2 * LEAF - 1, 2);
	scene_expect_no_clear(&s, 0, s.length, 2 * LEAF);
	scene_expect(&s, 0, LEAF + UNIT, UNIT);
	scene_expect(&s, 0, s.length, UNIT);
}

static void play_too_large(void)
{
	struct scene s;

	scene_open(&s, .leaves = (u64)1 << 40);
}

/* Pages of any leaf may be one; not of the granule's. */
static void play_reach(void)
{
	struct scene s;

	scene_open(&s, .leaves = 4); /* two leaves are below a boundary, two above */
	scene_write(&s, 2 * LEAF, 1);
	scene_expect(&s, 0, s.length, UNIT);
}

static void play_hole(void)
{
	struct scene s;

	scene_open(&s, .leaves = 4);
	scene_expect_hole(&s, s.hwpt, 0, s.length);
}

static void play_no_hole(void)
{
	struct scene s;

	scene_open(&s, .leaves = 4);
	scene_write(&s, 0, 1);
	scene_expect_hole(&s, s.hwpt, 0, s.length);
}

static void play_attach(void)
{
	u32 hwpt;

	x(ct.t->driver->attach(ct.t, 1, 0, false, &hwpt));
}

/* What a target claims, and the leaves there are. */
static const struct {
	enum bug bug;
	u64 caps, leaf_sizes;
	struct piece piece;
} claims[] = {
	{ BUG_CANNOT_TRACK, 0, 0, NOT_CAPABLE(play_scene, "EOPNOTSUPP") },
	{ BUG_CANNOT_TRACK, TARGET_TRACK, 0, FAILS(play_scene, "returned EOPNOTSUPP") },
	{ BUG_CANNOT_ATTACH, 0, 0, SKIPS(play_scene, "no cable") },
	{ BUG_CANNOT_ATTACH, 0, 0, SKIPS(play_attach, "no cable") },
	{ BUG_OVER_REPORTS, 0, ~0ull << 12, PASSES(play_reach) },
	{ BUG_OVER_REPORTS, 0, 1ull << 14, FAILS(play_reach, "is set; nothing in its leaf") },
	{ BUG_OVER_REPORTS, TARGET_LEAF, ~0ull << 12, FAILS(play_reach, "is set; nothing") },
	{ BUG_LOSES, 0, ~0ull << 12, FAILS(play_scene, "a lost write") },
	{ BUG_HOLE_FAILS, 0, 0, PASSES(play_hole) },
	{ BUG_HOLE_FAILS, TARGET_REFERENCE, 0, PASSES(play_hole) },
	{ BUG_NONE, 0, 0, PASSES(play_hole) },
	{ BUG_NONE, TARGET_REFERENCE, 0, FAILS(play_hole, "returned 0, expected ENOENT") },
	{ BUG_NONE, 0, 0, FAILS(play_no_hole, "wrote to the bitmap") },
};

static const struct {
	enum bug bug;
	bool leaf; /* the target claims TARGET_LEAF */
	struct piece piece;
} scenes[] = {
	{ BUG_NONE, true, PASSES(play_scene) },
	{ BUG_NONE, false, PASSES(play_scene) },
	{ BUG_LOSES, false, FAILS(play_scene, "a lost write") },
	{ BUG_OVER_REPORTS, false, FAILS(play_scene, "is set; nothing in its leaf") },
	{ BUG_GRANULE, true, FAILS(play_scene, "the whole of it is dirty") },
	{ BUG_GRANULE, false, PASSES(play_scene) },
	{ BUG_SPILLS, false, FAILS(play_scene, "bits past bit 14, the last") },
	{ BUG_BEFORE, false, FAILS(play_scene, "byte -1 ") },
	{ BUG_NEVER_CLEARS, false, FAILS(play_scene, "is set; nothing in its leaf") },
	{ BUG_ALWAYS_CLEARS, false, FAILS(play_scene, "a lost write") },
	{ BUG_DROPS_REST, true, FAILS(play_scene, "the whole of it is dirty") },
	{ BUG_WRONG_LEAF, true, FAILS(play_scene, "a leaf of 2^12 bytes, expected 2^14") },
	{ BUG_WRONG_LEAF, false, PASSES(play_scene) },
	{ BUG_FAULTS, false, FAILS(play_scene, "returned EFAULT, expected 0 (lib/scene.c:") },
	{ BUG_REFUSES, false, FAILS(play_scene, "returned EOPNOTSUPP, expected 0") },
	{ BUG_NONE, false, SKIPS(play_too_large, "do not fit the aperture of fake") },
};

static void open_fake(enum bug bug, u64 caps, u64 leaf_sizes)
{
	fake = (struct fake){ .bug = bug };
	fake.target.driver = &fake_driver;
	fake.target.caps = caps;
	ct.t = &fake.target;
	ct.config = (struct ct_config){
		.format = { .name = "fake",
			    .granule_lg2 = 12,
			    .leaf_sizes = leaf_sizes,
			    .aperture_last = ((u64)1 << 48) - 1 },
		.leaf_lg2 = 14,
	};
}

START_TEST(test_scene)
{
	open_fake(scenes[_i].bug, scenes[_i].leaf ? TARGET_LEAF : 0, 0);
	hold(&scenes[_i].piece);
}
END_TEST

START_TEST(test_claim)
{
	open_fake(claims[_i].bug, claims[_i].caps, claims[_i].leaf_sizes);
	hold(&claims[_i].piece);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("conformance/lib");
	TCase *tc = tcase_create("oracle");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tc, test_verdict, 0, COUNT(verdicts));
	tcase_add_test(tc, test_notes);
	tcase_add_loop_test(tc, test_truth, 0, COUNT(truths));
	tcase_add_loop_test(tc, test_guard, 0, COUNT(pokes));
	tcase_add_test(tc, test_bitmap);
	tcase_add_test(tc, test_guard_page);
	tcase_add_test(tc, test_memory);
	tcase_add_loop_test(tc, test_scene, 0, COUNT(scenes));
	tcase_add_loop_test(tc, test_claim, 0, COUNT(claims));
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
