/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Chapter ENGINE: what can be selected, and what is refused. */
#include "engine.h"

#define UNKNOWN_FLAG (1u << 20)
#define BEFORE_CLEAR offsetof(struct iodirty_engine, clear) /* an older caller's size */

/* The @index-th into @e. */
static int get(u32 index, struct iodirty_engine *e)
{
	*e = (struct iodirty_engine){ .op = IODIRTY_ENGINE_GET_INDEX, .index = index };
	return ct.t->driver->engine(ct.t, e);
}

static bool ends(const char *text, size_t size)
{
	return text[0] && memchr(text, 0, size);
}

CT_TEST(engine_list, "ENGINE-007", .needs = TARGET_ENGINE)
{
	struct iodirty_engine e, other;
	unsigned int usable = 0;
	u32 n = 0;

	for (; !get(n, &e); n++) {
		ct_check(ends(e.name, sizeof(e.name)), "engine %u has no name that ends", n);
		ct_check(ends(e.out_summary, sizeof(e.out_summary)),
			 "engine %s has no summary that ends", e.name);
		ct_check(!strpbrk(e.name, "+: "), "\"%s\" cannot be told from what follows it",
			 e.name);
		for (u32 i = 0; i < n; i++) {
			x(get(i, &other));
			ct_check(strcmp(e.name, other.name) != 0, "engine %s is there twice",
				 e.name);
		}
		usable += !!e.out_usable;
	}
	ct_check(usable, "of %u engines none is usable", n);
	x_err(ENOENT, get(n, &e));
	x_err(ENOENT, get(UINT32_MAX, &e));
}

static void expect_selected(const char *expected, const char *when)
{
	char text[64];

	way_selected(text);
	ct_check(!strcmp(text, expected), "%s: %s is selected, expected %s", when, text, expected);
}

/* As at first: the first that is usable, and nothing with it. */
static void expect_default(struct target *t, const char *when)
{
	struct iodirty_engine e = { .op = IODIRTY_ENGINE_GET };

	x(t->driver->engine(t, &e));
	ct_check(!strcmp(e.name, engine_usable()) && !e.flags && !e.clear,
		 "%s, flags %#x, clear %u is selected on another descriptor, which was opened %s",
		 e.name, e.flags, e.clear, when);
}

/* What is selected is what is told, and of one descriptor alone. */
CT_TEST(engine_selected, "ENGINE-008", .scope = CT_EACH_FORMAT, .needs = TARGET_ENGINE)
{
	struct way way[MAX_WAYS];
	unsigned int n = ways(way);
	struct target *before, *after;
	struct scene s;
	char last[64];

	x(ct.t->driver->open(NULL, &before));
	for (unsigned int i = 0; i < n; i++) {
		x(way_select(&way[i]));
		expect_selected(way[i].text, "before there is a HWPT");
		expect_default(before, "before");
	}
	x(ct.t->driver->open(NULL, &after));
	expect_default(after, "afterwards");
	after->driver->close(after);
	before->driver->close(before);
	way_selected(last);
	scene_open(&s);
	expect_selected(last, "with a HWPT");
	for (unsigned int i = 0; i < n; i++) {
		x(way_select(&way[i]));
		expect_selected(way[i].text, "with a HWPT");
	}
}

static void refused(int err, const char *name, u32 clear, u32 flags)
{
	char before[64], after[64];

	way_selected(before);
	x_err(err, engine_select(name, clear, flags));
	way_selected(after);
	ct_check(!strcmp(before, after), "refused, and yet %s is now %s", before, after);
}

CT_TEST(engine_refused, "ENGINE-009", .needs = TARGET_ENGINE)
{
	struct iodirty_engine e = { .op = IODIRTY_ENGINE_GET + 1 };
	const char *good = engine_usable();

	x(engine_select(good, IODIRTY_CLEAR_LOCKED, IODIRTY_ENGINE_PREFETCH));
	refused(ENOENT, "", 0, 0);
	refused(ENOENT, "no such engine", 0, 0);
	refused(ENOENT, "0123456789abcdef", 0, 0); /* without an end */
	refused(EOPNOTSUPP, good, IODIRTY_CLEAR_MASKED + 1, 0);
	refused(EOPNOTSUPP, good, UINT32_MAX, 0);
	refused(EOPNOTSUPP, good, 0, UNKNOWN_FLAG);
	refused(EOPNOTSUPP, good, 0, IODIRTY_ENGINE_PREFETCH << 1);
	x_err(EOPNOTSUPP, ct.t->driver->engine(ct.t, &e));
	e.op = UINT32_MAX;
	x_err(EOPNOTSUPP, ct.t->driver->engine(ct.t, &e));
}

CT_TEST(engine_not_here, "ENGINE-010", .needs = TARGET_ENGINE)
{
	struct iodirty_engine e;
	unsigned int absent = 0;

	for (u32 i = 0; !get(i, &e); i++) {
		if (e.out_usable) {
			x(engine_select(e.name, IODIRTY_CLEAR_LOCKED, 0));
			continue;
		}
		absent++;
		refused(EOPNOTSUPP, e.name, IODIRTY_CLEAR_LOCKED, 0);
	}
	if (!absent)
		ct_skip("this processor has all of the engines");
}

/* A caller that knows neither ways to clear nor summaries. */
CT_TEST(engine_older_caller, "ENGINE-011", .needs = TARGET_ENGINE)
{
	struct iodirty_engine e = { .size = BEFORE_CLEAR, .op = IODIRTY_ENGINE_SELECT };
	u32 flags = ct.config.format.flags & IODIRTY_FORMAT_SKIP ? IODIRTY_ENGINE_SKIP : 0;

	memcpy(e.name, engine_usable(), sizeof(e.name));
	x(engine_select(e.name, IODIRTY_CLEAR_LOCKED, flags));
	x(ct_ioctl(IODIRTY_ENGINE, &e));
	expect_selected(engine_usable(), "after a select of the first size");
	e = (struct iodirty_engine){ .size = BEFORE_CLEAR,
				     .op = IODIRTY_ENGINE_GET_INDEX,
				     .clear = 0xa5,
				     .out_usable = 0xa5 };
	x(ct_ioctl(IODIRTY_ENGINE, &e));
	ct_check(e.clear == 0xa5 && e.out_usable == 0xa5,
		 "bytes after the caller's struct changed");
	e.size = BEFORE_CLEAR - 1;
	x_err(EINVAL, ct_ioctl(IODIRTY_ENGINE, &e));
}

/* ---- what a format rules out ---- */

/* Is @flag of this format, when a HWPT that tracks is there, taken just if it should be? */
static void expect_ruling(u32 flag, u32 clear, u32 flags)
{
	bool allowed = ct.config.format.flags & flag;
	const char *good = engine_usable();
	struct scene s;

	scene_open(&s, .no_enable = true);
	x(engine_select(good, IODIRTY_CLEAR_LOCKED, 0));
	if (allowed)
		x(engine_select(good, clear, flags));
	else
		refused(EOPNOTSUPP, good, clear, flags);
	scene_write(&s, 0, s.leaf);
	x(ct_set_tracking(s.hwpt, true));
	scene_forget(&s, 0, s.length);
	scene_write(&s, s.leaf, 1);
	scene_expect(&s, 0, s.length, s.granule);
	scene_expect(&s, 0, s.length, s.granule);
}

CT_TEST(engine_masked_ruled_out, "ENGINE-012", .scope = CT_EACH_FORMAT,
	.needs = TARGET_ENGINE | TARGET_DMA)
{
	expect_ruling(IODIRTY_FORMAT_MASKED, IODIRTY_CLEAR_MASKED, 0);
}

CT_TEST(engine_skip_ruled_out, "ENGINE-013", .scope = CT_EACH_FORMAT,
	.needs = TARGET_ENGINE | TARGET_DMA)
{
	expect_ruling(IODIRTY_FORMAT_SKIP, IODIRTY_CLEAR_LOCKED, IODIRTY_ENGINE_SKIP);
}

/*
 * By the manuals: RISC-V reserves A in entries that point to tables, and Arm sets it there
 * only with HAFT, which is not modelled.
 */
CT_TEST(engine_skip_has_no_ground, "ENGINE-013", .scope = CT_EACH_FORMAT, .needs = TARGET_ENGINE)
{
	const char *name = ct.config.format.name;

	if (strncmp(name, "riscv-", 6) != 0 && strncmp(name, "arm-", 4) != 0)
		ct_skip("hardware may set A in this format's table entries");
	ct_check(!(ct.config.format.flags & IODIRTY_FORMAT_SKIP),
		 "%s claims that A says which tables were used", name);
}

/* A format that differs from this one in whether @flag is allowed: its name, or a skip. */
static struct iodirty_format_info other_format(u32 flag)
{
	struct iodirty_format_info f;

	for (u32 i = 0; !ct.t->driver->format(ct.t, i, &f); i++)
		if ((f.flags ^ ct.config.format.flags) & flag && f.flags & IODIRTY_FORMAT_DIRTY)
			return f;
	ct_skip("all formats are alike in that");
}

/* A HWPT of @f that could track. */
static u32 foreign_hwpt(const struct iodirty_format_info *f)
{
	struct iodirty_plug plug = { 0 };
	u32 ioas, hwpt;

	memcpy(plug.format, f->name, sizeof(plug.format));
	x(ct.t->driver->plug(ct.t, &plug));
	x(ct_ioas_alloc(&ioas));
	x(ct_hwpt_alloc(plug.out_dev_id, ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &hwpt));
	return hwpt;
}

/*
 * One HWPT that rules something out does so for the descriptor, until it is gone; made
 * after the selection it is harvested without, and nothing that it reports is wrong.
 */
static void expect_mixed(u32 flag, u32 clear, u32 flags)
{
	struct iodirty_format_info other = other_format(flag);
	const char *good = engine_usable();
	struct scene s;
	char text[64];
	u32 hwpt;

	scene_open(&s);
	hwpt = foreign_hwpt(&other);
	refused(EOPNOTSUPP, good, clear, flags);
	if (!(ct.config.format.flags & flag)) {
		/* This scene's own is the one that rules it out. */
		x(ct_destroy(hwpt));
		refused(EOPNOTSUPP, good, clear, flags);
		return;
	}
	x(ct_destroy(hwpt));
	x(engine_select(good, clear, flags));
	way_selected(text);
	foreign_hwpt(&other);
	expect_selected(text, "after a HWPT was made that rules it out");
	for (int i = 0; i < 3; i++) {
		scene_write(&s, (u64)i * s.leaf, 1);
		scene_expect(&s, 0, s.length, s.granule);
	}
}

CT_TEST(engine_masked_mixed, "ENGINE-012", .scope = CT_EACH_FORMAT,
	.needs = TARGET_ENGINE | TARGET_DMA)
{
	expect_mixed(IODIRTY_FORMAT_MASKED, IODIRTY_CLEAR_MASKED, 0);
}

CT_TEST(engine_skip_mixed, "ENGINE-013", .scope = CT_EACH_FORMAT,
	.needs = TARGET_ENGINE | TARGET_DMA)
{
	expect_mixed(IODIRTY_FORMAT_SKIP, IODIRTY_CLEAR_LOCKED, IODIRTY_ENGINE_SKIP);
}

/* Selected while nothing spoke against it, and then a HWPT of this format comes. */
CT_TEST(engine_hwpt_comes_later, "ENGINE-014", .scope = CT_EACH_LEAF,
	.needs = TARGET_ENGINE | TARGET_LEAF | TARGET_DMA)
{
	struct bed b;

	x(engine_select(engine_usable(), IODIRTY_CLEAR_MASKED,
			IODIRTY_ENGINE_SKIP | IODIRTY_ENGINE_PREFETCH));
	bed_open(&b);
	for (int i = 0; i < 4; i++) {
		bed_scatter(&b, 100, i % 2);
		bed_expect_cut(&b, "selected before there was a HWPT", 0);
		bed_expect_all(&b, "selected before there was a HWPT", 0);
	}
}
