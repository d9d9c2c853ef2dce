/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which harvests are measured: tables of groups, and what rows a group has. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harvest.h"
#include "measure.h"

#define ROWS 96
#define PAGE_MIN 4096ULL

/* Which ways of harvesting a group has. */
enum breadth {
	NARROW = 0, /* every engine; the default one and swar masked, too */
	WIDE = 1 << 0, /* all masked; skip, two threads */
	PREFETCH = 1 << 1,
	BITMAPS = 1 << 2, /* the default engine into other bitmaps */
};

enum pattern_kind { RANDOM, CLUSTERED };

/* A group for each density up to one that is negative. */
struct plan_line {
	uint64_t leaf; /* 0: the smallest that is a page at least */
	uint64_t bytes;
	enum space_layout layout;
	bool warm;
	enum pattern_kind kind;
	unsigned int breadth; /* enum breadth */
	int permille[7];
};

#define K(n) ((uint64_t)(n) << 10)
#define M(n) ((uint64_t)(n) << 20)
#define G(n) ((uint64_t)(n) << 30)

/* Of the first format, and of each. Lines of one mapping stand together. */
static const struct plan_line quick_first[] = {
	{ 0, M(256), 0, false, RANDOM, NARROW, { 0, 1, 100, 500, 1000, -1 } },
	{ 0, M(256), 0, false, RANDOM, WIDE | BITMAPS, { 10, -1 } },
	{ 0, M(256), 0, false, CLUSTERED, NARROW, { 10, 100, 500, -1 } },
	{ 0, M(256), 0, true, RANDOM, NARROW, { 10, -1 } },
	{ 0, M(256), SPACE_SHUFFLED, false, RANDOM, PREFETCH, { 10, -1 } },
	{ 0, G(2), 0, false, RANDOM, NARROW, { 10, -1 } },
	{ K(64), G(1), 0, false, RANDOM, NARROW, { 10, -1 } },
	{ M(2), G(32), 0, false, RANDOM, BITMAPS, { 10, -1 } },
	{ 0 },
};
static const struct plan_line quick_each[] = {
	{ 0, M(256), 0, false, RANDOM, NARROW, { 0, 10, 500, 1000, -1 } },
	{ 0, M(256), 0, false, CLUSTERED, NARROW, { 100, -1 } },
	{ K(64), G(1), 0, false, RANDOM, NARROW, { 10, -1 } },
	{ M(2), G(32), 0, false, RANDOM, NARROW, { 10, -1 } },
	{ 0 },
};
static const struct plan_line full_first[] = {
	{ 0, G(8), 0, false, RANDOM, WIDE | PREFETCH | BITMAPS, { 10, 1000, -1 } },
	{ 0, G(8), 0, false, RANDOM, WIDE, { 0, 1, 100, 500, -1 } },
	{ 0, G(8), 0, false, CLUSTERED, WIDE, { 1, 10, 100, 500, -1 } },
	{ 0, G(8), 0, true, RANDOM, NARROW, { 0, 10, 1000, -1 } },
	{ 0, G(8), SPACE_SHUFFLED, false, RANDOM, PREFETCH, { 0, 10, 100, 500, 1000, -1 } },
	{ 0, M(256), 0, false, RANDOM, WIDE, { 0, 10, 1000, -1 } },
	{ 0, M(256), 0, true, RANDOM, NARROW, { 0, 10, 1000, -1 } },
	{ 0, G(1), 0, false, RANDOM, WIDE, { 0, 10, 1000, -1 } },
	{ 0, G(1), 0, true, RANDOM, NARROW, { 0, 10, 1000, -1 } },
	{ 0, G(64), 0, false, RANDOM, NARROW, { 0, 10, 1000, -1 } },
	{ 0, G(64), 0, false, CLUSTERED, NARROW, { 100, -1 } },
	{ K(16), G(8), 0, false, RANDOM, NARROW, { 0, 10, 1000, -1 } },
	{ K(64), G(8), 0, false, RANDOM, NARROW, { 0, 10, 500, 1000, -1 } },
	{ M(2), G(64), 0, false, RANDOM, BITMAPS, { 0, 10, 500, 1000, -1 } },
	{ 0 },
};
static const struct plan_line full_each[] = {
	{ 0, G(1), 0, false, RANDOM, WIDE, { 0, 1, 10, 100, 500, 1000, -1 } },
	{ 0, G(1), 0, false, CLUSTERED, NARROW, { 10, 100, 500, -1 } },
	{ 0, G(1), 0, true, RANDOM, NARROW, { 10, -1 } },
	{ 0, G(1), SPACE_SHUFFLED, false, RANDOM, PREFETCH, { 10, -1 } },
	{ K(64), G(8), 0, false, RANDOM, NARROW, { 0, 10, 1000, -1 } },
	{ M(2), G(64), 0, false, RANDOM, NARROW, { 0, 10, 1000, -1 } },
	{ 0 },
};

/* What the target can, asked once. */
struct target_can {
	bool known, evict;
	struct variant_engines engines;
};

static const struct target_can *ask(const struct bench_plan *plan,
				    const struct iodirty_format_info *format)
{
	static struct target_can can;
	uint64_t leaf = 1ULL << __builtin_ctzll(format->leaf_sizes & ~(PAGE_MIN - 1));
	struct space s = { 0 };

	if (can.known)
		return &can;
	can.known = true;
	if (!space_open(&s, plan->driver, plan->arg, format, leaf, 512)) {
		variant_list(s.t, &can.engines);
		can.evict = !floor_evict(&s);
		if (!can.evict)
			fprintf(stderr,
				"iodirty bench: target %s cannot put its tables out of the "
				"caches: nothing is measured cold\n",
				plan->driver->name);
	}
	space_close(&s);
	return &can;
}

/* ---- the rows of a group ---- */

struct rows {
	struct harvest_row row[ROWS];
	unsigned int n;
};

static void add_row(struct rows *rows, struct harvest_row row)
{
	if (rows->n < ROWS) {
		row.every = 1;
		rows->row[rows->n++] = row;
	}
}

static void add_variant(struct rows *rows, const struct iodirty_format_info *format,
			struct variant v, unsigned int threads)
{
	struct harvest_row row = { .variant = v, .threads = threads };

	if (variant_allowed(&v, format))
		add_row(rows, row);
}

static struct variant engine(const struct variant_engines *engines, const char *name)
{
	struct variant v = { 0 };

	snprintf(v.engine, sizeof(v.engine), "%s",
		 name	    ? name :
		 engines->n ? engines->names[0] :
			      "default");
	return v;
}

static void add_bitmaps(struct rows *rows, struct variant v)
{
	static const struct harvest_bitmap kinds[] = {
		{ .page = M(2) },
		{ .offset = 8 },
		{ .fresh = true },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		add_row(rows,
			(struct harvest_row){ .variant = v, .threads = 1, .bitmap = kinds[i] });
}

static void add_engines(struct rows *rows, const struct variant_engines *engines,
			const struct iodirty_format_info *format, unsigned int breadth)
{
	for (unsigned int i = 0; i < engines->n; i++) {
		struct variant v = engine(engines, engines->names[i]);
		bool portable = !strcmp(v.engine, "swar");

		add_variant(rows, format, v, 1);
		v.masked = true;
		if (!i || portable || (breadth & WIDE && strcmp(v.engine, HARVEST_BASELINE)))
			add_variant(rows, format, v, 1);
		if (i && !portable)
			continue;
		if (breadth & WIDE) {
			add_variant(rows, format, v, 2);
			v.masked = false;
			add_variant(rows, format, v, 2);
			v.skip = true;
			add_variant(rows, format, v, 1);
			v.skip = false;
		}
		if (breadth & PREFETCH) {
			v.prefetch = true;
			v.masked = false;
			add_variant(rows, format, v, 1);
			v.masked = true;
			add_variant(rows, format, v, 1);
		}
	}
}

static bool row_same(const struct harvest_row *a, const struct harvest_row *b)
{
	return variant_same(&a->variant, &b->variant) && a->threads == b->threads &&
	       a->bitmap.page == b->bitmap.page && a->bitmap.offset == b->bitmap.offset &&
	       a->bitmap.fresh == b->bitmap.fresh;
}

static bool has_row(const struct rows *rows, const struct harvest_row *row)
{
	for (unsigned int i = 0; i < rows->n; i++)
		if (row_same(&rows->row[i], row))
			return true;
	return false;
}

/* Only the variants of the command line, and those in any case. */
static void keep_chosen(struct rows *rows, const struct bench_plan *plan,
			const struct variant_engines *engines,
			const struct iodirty_format_info *format)
{
	struct rows kept = { .n = 0 };
	char why[128];

	for (unsigned int i = 0; i < plan->nr_variants; i++) {
		struct harvest_row plain = { .threads = 1 };

		if (variant_parse(plan->variants[i], engines, &plain.variant, why, sizeof(why)) ||
		    !variant_allowed(&plain.variant, format))
			continue;
		if (!has_row(&kept, &plain))
			add_row(&kept, plain);
		for (unsigned int r = 0; r < rows->n; r++)
			if (variant_same(&rows->row[r].variant, &plain.variant) &&
			    !has_row(&kept, &rows->row[r]))
				add_row(&kept, rows->row[r]);
	}
	*rows = kept;
}

/* What rows are compared with is measured where it is not asked for, the baseline only
 * now and then: it takes long. */
static void add_comparisons(struct rows *rows, const struct variant_engines *engines)
{
	struct harvest_row baseline = { .threads = 1,
					.variant = engine(engines, HARVEST_BASELINE) };
	unsigned int n = rows->n;

	for (unsigned int i = 0; i < n; i++) {
		struct harvest_row one = { .variant = rows->row[i].variant, .threads = 1 };

		if (rows->row[i].threads > 1 && !has_row(rows, &one))
			add_row(rows, one);
	}
	for (unsigned int i = 0; i < engines->n; i++) {
		if (strcmp(engines->names[i], HARVEST_BASELINE) || has_row(rows, &baseline))
			continue;
		add_row(rows, baseline);
		rows->row[rows->n - 1].every = 4;
	}
}

/* ---- groups ---- */

static void name_row(const struct harvest_group *g, struct harvest_row *row)
{
	char leaf[MEASURE_NAME], range[MEASURE_NAME], page[MEASURE_NAME], variant[VARIANT_NAME];
	const size_t size = sizeof(row->name);
	char *buf = row->name;
	size_t used;

	used = snprintf(buf, size, "harvest/%s/%s/%s/%s/%s/%s/%g%%/%s", g->format.name,
			measure_size_name(g->leaf, leaf),
			measure_size_name(g->leaf * g->leaves, range),
			g->layout == SPACE_SHUFFLED ? "shuffled" : "sequential",
			g->cold ? "cold" : "warm", g->clustered ? "clustered" : "random",
			g->permille / 10.0, variant_name(&row->variant, variant));
	if (row->threads > 1)
		used += snprintf(buf + used, size - used, "/%uT", row->threads);
	if (row->bitmap.page)
		snprintf(buf + used, size - used, "/bitmap:%s",
			 measure_size_name(row->bitmap.page, page));
	else if (row->bitmap.offset)
		snprintf(buf + used, size - used, "/bitmap+%u", row->bitmap.offset);
	else if (row->bitmap.fresh)
		snprintf(buf + used, size - used, "/bitmap:fresh");
}

/* Keep the rows whose cells are wanted, and register them. How many. */
static unsigned int register_rows(struct harvest_group *g, struct rows *rows,
				  const struct variant_engines *engines)
{
	struct rows kept = { .n = 0 };
	unsigned int wanted;

	for (unsigned int i = 0; i < rows->n; i++) {
		struct harvest_row *row = &rows->row[i];

		name_row(g, row);
		row->reported = bench_register(row->name, g->most, harvest_run, &g->rows[kept.n]);
		if (row->reported)
			add_row(&kept, *row);
	}
	wanted = kept.n;
	if (wanted)
		add_comparisons(&kept, engines);
	for (unsigned int i = 0; i < kept.n; i++) {
		g->rows[i] = kept.row[i];
		g->rows[i].group = g;
		name_row(g, &g->rows[i]);
	}
	g->nr_rows = kept.n;
	return wanted;
}

/* How long a group may take: its share of the time there is for all. */
static void set_repetitions(struct harvest_group *g, unsigned int breadth, bool first)
{
	const struct bench_plan *plan = g->plan;
	bool wide = breadth & WIDE;

	g->most = plan->full ? 25 : 21;
	g->least = plan->full ? 7 : 5;
	g->seconds = wide ? 1.5 : 0.5;
	if (plan->full)
		g->seconds = first ? (wide ? 15 : 8) : 3;
	if (plan->repetitions) {
		g->most = g->least = plan->repetitions;
		g->seconds = 0;
	}
}

static unsigned int add_group(struct harvest_group **groups, const struct bench_plan *plan,
			      const struct iodirty_format_info *format,
			      const struct plan_line *line, unsigned int permille, bool first)
{
	const struct target_can *can = ask(plan, format);
	struct harvest_group *g = calloc(1, sizeof(*g)), **end = groups;
	struct rows rows = { .n = 0 };
	unsigned int n;

	if (!g)
		goto no_memory;
	*g = (struct harvest_group){
		.plan = plan,
		.format = *format,
		.leaf = line->leaf,
		.layout = line->layout,
		.cold = !line->warm && can->evict,
		.permille = permille,
		.clustered = line->kind == CLUSTERED,
		.number = 1,
	};
	if (!g->leaf)
		g->leaf = 1ULL << __builtin_ctzll(format->leaf_sizes & ~(PAGE_MIN - 1));
	g->leaves = space_leaves(format, g->leaf, line->bytes / g->leaf);
	set_repetitions(g, line->breadth, first);
	if (!can->engines.n)
		add_variant(&rows, format, engine(&can->engines, NULL), 1);
	else
		add_engines(&rows, &can->engines, format, line->breadth);
	if (line->breadth & BITMAPS)
		add_bitmaps(&rows, engine(&can->engines, NULL));
	if (plan->nr_variants)
		keep_chosen(&rows, plan, &can->engines, format);
	g->rows = calloc(ROWS, sizeof(*g->rows));
	if (!g->rows)
		goto no_memory;
	n = register_rows(g, &rows, &can->engines);
	if (!n) {
		free(g->rows);
		free(g);
		return 0;
	}
	for (; *end; end = &(*end)->next)
		g->number++;
	*end = g;
	return n;
no_memory:
	perror("iodirty bench");
	exit(1);
}

/* Where nothing can be cold, lines of cold tables are measured warm. */
static bool possible(const struct plan_line *line, const struct iodirty_format_info *format,
		     const struct target_can *can)
{
	if (line->warm && !can->evict)
		return false;
	return !line->leaf || format->leaf_sizes & line->leaf;
}

unsigned int harvest_plan(struct harvest_group **groups, const struct bench_plan *plan,
			  const struct iodirty_format_info *format)
{
	static char first_name[IODIRTY_NAME_LEN];
	const struct plan_line *line;
	unsigned int n = 0;
	bool first;

	if (!first_name[0])
		memcpy(first_name, format->name, sizeof(first_name));
	first = !strcmp(first_name, format->name);
	if (plan->full)
		line = first ? full_first : full_each;
	else
		line = first ? quick_first : quick_each;
	for (; line->bytes; line++)
		for (const int *d = line->permille; *d >= 0; d++)
			if (possible(line, format, ask(plan, format)))
				n += add_group(groups, plan, format, line, *d, first);
	return n;
}
