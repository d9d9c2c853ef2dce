/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Two targets beside each other: the same harvest by both, in turns within one process, of the
 * same pages written and into the same bitmap. Made for the reference as a module beside the
 * iommufd of the kernel that it is loaded into, whose mock devices have page tables of AMD's first
 * version, walked by the kernel's own code.
 *
 * A repetition is a pair, each first in turn; what is told is the median of the pairs' ratios
 * and where eight of ten are, and the ratio of the least times. Both bitmaps are held against
 * the truth and against each other. Leaves are 4 KiB: before anything is measured every second
 * page is written, and no other may be reported. The mock's entries stand for 2 KiB, so a page takes two; times are by page.
 *
 * The first target clears by what it has: locked, and where the format allows it masked, plain
 * stores as Linux's own are.
 *
 * A call costs more in user-mode Linux than elsewhere, for both alike: the ratio is that of
 * calls as they are; beside it stands what is left of each when a call of one page, measured
 * in the same turns, is taken off.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cells.h"
#include "measure.h"

#define LEAF 4096ULL
#define RANGE (1ULL << 30)

static struct cells cells;

static const struct variant {
	unsigned int permille;
	bool masked;
} variants[] = { { 0, false }, { 10, false }, { 100, false }, { 1000, false },
		 { 0, true },  { 10, true },  { 100, true },  { 1000, true } };

enum side { ONE, OTHER, SIDES };

struct beside {
	struct rig *rig; /* one */
	struct space other;
	uint64_t *first; /* the bitmap that the first of a pair delivered */
	double whole[SIDES][CELL_REPETITIONS], call[SIDES][CELL_REPETITIONS];
	double ratio[CELL_REPETITIONS], net[CELL_REPETITIONS];
};

static struct space *space_of(struct beside *b, enum side side)
{
	return side == ONE ? &b->rig->space : &b->other;
}

static const struct variant *variant_of(const struct rig *rig)
{
	return &variants[rig->cell->variant];
}

/* The first target's engine stays its default, the first of its list that can be used. */
static const char *select_clear(struct rig *rig)
{
	struct target *t = rig->space.t;
	struct iodirty_engine e = { .size = sizeof(e), .op = IODIRTY_ENGINE_GET_INDEX };
	int err;

	if (!t->driver->engine)
		return NULL;
	do
		err = t->driver->engine(t, &e);
	while (!err && !e.out_usable && ++e.index);
	e.op = IODIRTY_ENGINE_SELECT;
	e.clear = variant_of(rig)->masked ? IODIRTY_CLEAR_MASKED : IODIRTY_CLEAR_LOCKED;
	if (!err)
		err = t->driver->engine(t, &e);
	return err ? rig_failed(rig, err, "the way to clear cannot be selected") : NULL;
}

/* The format of the second target that has the same name, or its first. */
static const char *other_format(const struct bench_plan *plan, const char *name,
				struct iodirty_format_info *format)
{
	struct iodirty_format_info info;
	struct target *t;
	bool found = false;

	if (plan->against->open(plan->against_arg, &t))
		return "the second target cannot be opened";
	for (unsigned int i = 0; !plan->against->format(t, i, &info); i++) {
		bool same = !strcmp(info.name, name);

		if (!(info.flags & IODIRTY_FORMAT_DIRTY) || (found && !same))
			continue;
		*format = info;
		found = true;
	}
	plan->against->close(t);
	return found ? NULL : "the second target has no format that can track";
}

/* A harvest of next to nothing. */
static const char *call_once(struct beside *b, enum side side, double *ns)
{
	struct space *s = space_of(b, side);
	uint64_t start = measure_now_ns();
	int err = space_harvest_part(s, 0, 0, s->page, s->page, b->rig->bitmap);

	*ns = measure_since_ns(start);
	return err ? rig_failed(b->rig, err, "a call for one page of %s", s->t->driver->name) :
		     NULL;
}

/* Write, harvest, check; the call for one page finds nothing any more. */
static const char *harvest(struct beside *b, enum side side, double *whole, double *call)
{
	struct rig *rig = b->rig;
	struct pattern *p = &rig->pattern;
	struct space *s = space_of(b, side);
	int err = space_mark(s, p->written);
	uint64_t start;

	if (err)
		return rig_failed(rig, err, "%s: the pattern could not be written",
				  s->t->driver->name);
	memset(rig->bitmap, 0, p->words * sizeof(*rig->bitmap));
	start = measure_now_ns();
	err = space_harvest(s, 0, rig->bitmap);
	*whole = measure_since_ns(start);
	if (err)
		return rig_failed(rig, err, "IOMMU_HWPT_GET_DIRTY_BITMAP of %s",
				  s->t->driver->name);
	rig->written += pattern_count(p->written, p->words);
	rig->reported += pattern_count(rig->bitmap, p->words);
	rig->missed += pattern_beyond(p->written, rig->bitmap, p->words);
	rig->excess += pattern_beyond(rig->bitmap, p->written, p->words);
	if (rig->missed || rig->excess) {
		snprintf(rig->error, sizeof(rig->error), "%s: the bitmap is not what was written",
			 s->t->driver->name);
		return rig->error;
	}
	return call_once(b, side, call);
}

static const char *pair(struct beside *b)
{
	struct pattern *p = &b->rig->pattern;
	unsigned int n = b->rig->n;
	const char *why = NULL;

	for (unsigned int i = 0; i < SIDES && !why; i++) {
		enum side side = (i + n) % SIDES;

		why = harvest(b, side, &b->whole[side][n], &b->call[side][n]);
		if (!i)
			memcpy(b->first, b->rig->bitmap, p->words * sizeof(*b->first));
	}
	if (!why && memcmp(b->first, b->rig->bitmap, p->words * sizeof(*b->first)))
		why = "the two targets deliver different bitmaps";
	if (why)
		return why;
	b->ratio[n] = b->whole[OTHER][n] / b->whole[ONE][n];
	b->net[n] = (b->whole[OTHER][n] - b->call[OTHER][n]) /
		    (b->whole[ONE][n] > b->call[ONE][n] ? b->whole[ONE][n] - b->call[ONE][n] : 1);
	return NULL;
}

/* Nothing larger than a page: every second one is written, and these are all. */
static const char *check_leaves(struct beside *b)
{
	struct pattern *p = &b->rig->pattern;
	const char *why = NULL;
	double ns;

	memset(p->written, 0x55, p->words * sizeof(*p->written));
	for (int side = ONE; side < SIDES && !why; side++)
		why = harvest(b, side, &ns, &ns);
	return why;
}

static double tenths(const double *sorted, unsigned int n, unsigned int tenth)
{
	return sorted[(n - 1) * tenth / 10];
}

static void report_side(struct beside *b, enum side side, const char *prefix)
{
	struct space *s = space_of(b, side);
	double *whole = b->whole[side], median = measure_median(whole, b->rig->n);
	char name[64];

	snprintf(name, sizeof(name), "%sns_per_page", prefix);
	rig_report(b->rig, name, whole[0] / s->leaves);
	snprintf(name, sizeof(name), "%sns_per_page_median", prefix);
	rig_report(b->rig, name, median / s->leaves);
	measure_median(b->call[side], b->rig->n);
	snprintf(name, sizeof(name), "%scall_us", prefix);
	rig_report(b->rig, name, b->call[side][0] / 1e3);
	snprintf(name, sizeof(name), "%sioptes_per_page", prefix);
	rig_report(b->rig, name, s->page >> s->format.granule_lg2);
}

static void report(struct beside *b)
{
	struct rig *rig = b->rig;
	unsigned int n = rig->n;

	rig_report(rig, "x_faster", measure_median(b->ratio, n));
	rig_report(rig, "x_faster_p10", tenths(b->ratio, n, 1));
	rig_report(rig, "x_faster_p90", tenths(b->ratio, n, 9));
	rig_report(rig, "x_faster_less_call", measure_median(b->net, n));
	measure_median(b->whole[ONE], n);
	measure_median(b->whole[OTHER], n);
	rig_report(rig, "x_faster_least", b->whole[OTHER][0] / b->whole[ONE][0]);
	report_side(b, ONE, "");
	report_side(b, OTHER, "other_");
	rig_report(rig, "density_percent", variant_of(rig)->permille / 10.0);
	rig_report(rig, "range_bytes", rig->space.length);
	rig_report(rig, "over_report", rig->written ? (double)rig->reported / rig->written : 1);
}

static const char *open_other(struct beside *b)
{
	const struct cell *c = b->rig->cell;
	struct iodirty_format_info format = { 0 };
	struct space *one = &b->rig->space;
	const char *why = other_format(c->plan, c->format.name, &format);

	if (why)
		return why;
	if (space_open(&b->other, c->plan->against, c->plan->against_arg, &format, c->leaf,
		       one->leaves)) {
		snprintf(b->rig->error, sizeof(b->rig->error), "%s: %s", c->plan->against->name,
			 b->other.error);
		return b->rig->error;
	}
	if (b->other.leaves != one->leaves || b->other.page != one->page)
		return "the two targets have not room for as much";
	b->first = calloc(b->rig->pattern.words, sizeof(*b->first));
	return b->first ? NULL : "no memory for a second bitmap";
}

static const char *run(struct rig *rig)
{
	struct beside b = { .rig = rig };
	const char *why = open_other(&b);

	if (!why)
		why = select_clear(rig);
	if (!why)
		why = check_leaves(&b);
	rig->written = rig->reported = 0;
	while (!why && bench_keep_running(rig->state)) {
		pattern_choose(&rig->pattern, variant_of(rig)->permille, false, rig->n);
		why = pair(&b);
		rig_next(rig, why ? 0 : b.whole[ONE][rig->n]);
	}
	if (!why)
		report(&b);
	free(b.first);
	space_close(&b.other);
	return why;
}

static unsigned int add(const struct bench_plan *plan, const struct iodirty_format_info *format)
{
	unsigned int n = 0;

	if (!(format->leaf_sizes & LEAF))
		return 0;
	for (size_t i = 0; i < sizeof(variants) / sizeof(variants[0]); i++) {
		const struct variant *v = &variants[i];
		struct cell c = {
			.plan = plan,
			.format = *format,
			.leaf = LEAF,
			.range = RANGE,
			.repetitions = plan->full ? 61 : 21,
			.variant = i,
		};

		if (v->masked && !(format->flags & IODIRTY_FORMAT_MASKED))
			continue;
		cells_add(&cells, &c, run, "beside/%s/%s/4K/%g%%%s", plan->against->name,
			  format->name, v->permille / 10.0, v->masked ? "/masked" : "");
		n++;
	}
	return n;
}

static unsigned int finish(void)
{
	return cells_finish(&cells);
}

extern const struct bench_set set_beside;
const struct bench_set set_beside = {
	.name = "beside",
	.summary = "the same harvests by two targets, in turns",
	.beside = true,
	.add = add,
	.finish = finish,
};
