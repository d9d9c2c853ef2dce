/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A small range, a fixed choice of pages, and three harvests a cell, of which the first
 * only warms up. The other two must count the same. With COUNTS_CALLS each call is told by
 * a line, in order: bench/instructions runs this program so under callgrind, and gives each
 * call what callgrind counted.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "counts.h"
#include "measure.h"
#include "pattern.h"
#include "space.h"
#include "variant.h"
#include "version.h"

#define LEAVES 16384ULL
#define CALLS 3
#define VARIANTS 64
#define SEED 7
#define BASELINE "entry"

/* bench/instructions: there is no valgrind, or nothing it could count. */
#define INSTRUCTIONS_NONE 4

static const unsigned int densities[] = { 0, 10, 500, 1000 };

struct counting {
	const struct bench_plan *plan;
	enum counts_mode mode;
	FILE *out; /* or NULL */
	struct space space;
	struct pattern pattern;
	uint64_t *bitmap;
	unsigned int cells, failed;
};

/* What a target counts of one harvest. */
struct counts {
	uint64_t entries, dirty; /* IOPTEs; leaves written */
	struct iodirty_stats stats;
	bool has_stats;
};

static int entries_of(struct counting *c, uint64_t *entries)
{
	*entries = c->space.leaves;
	return c->space.t->driver->table_read ? space_table_read(&c->space, entries) : 0;
}

static int read_stats(struct counting *c, struct iodirty_stats *s)
{
	*s = (struct iodirty_stats){ .size = sizeof(*s) };
	return c->space.t->driver->stats ? c->space.t->driver->stats(c->space.t, s) : 0;
}

/* Mark, harvest, check. NULL, or what went wrong. */
static const char *call(struct counting *c, struct counts *out)
{
	bool exact = c->space.t->caps & TARGET_LEAF;
	const uint64_t *want = exact ? c->pattern.dirty : c->pattern.written;
	struct iodirty_stats before, after;
	uint64_t *from = (uint64_t *)&before, *now = (uint64_t *)&after;

	if (space_mark(&c->space, c->pattern.written))
		return "the pattern could not be written";
	memset(c->bitmap, 0, c->pattern.words * sizeof(*c->bitmap));
	if (read_stats(c, &before))
		return "the counters could not be read";
	if (space_harvest(&c->space, 0, c->bitmap))
		return "IOMMU_HWPT_GET_DIRTY_BITMAP failed";
	if (read_stats(c, &after))
		return "the counters could not be read";
	if (pattern_beyond(want, c->bitmap, c->pattern.words) ||
	    (exact && pattern_beyond(c->bitmap, want, c->pattern.words)))
		return "the bitmap differs from what was written";
	for (size_t i = 1; i < sizeof(after) / sizeof(*now); i++) /* but its size */
		now[i] -= from[i];
	out->stats = after;
	return NULL;
}

static bool same_counts(const struct counts *a, const struct counts *b)
{
	return a->stats.entries_scanned == b->stats.entries_scanned &&
	       a->stats.entries_cleared == b->stats.entries_cleared &&
	       a->stats.invalidations == b->stats.invalidations;
}

static void tell(struct counting *c, const char *name, const struct counts *n)
{
	double scanned = (double)n->stats.entries_scanned / n->entries;
	double cleared = n->dirty ? (double)n->stats.entries_cleared / n->dirty : 0;

	if (c->mode == COUNTS_ALL) {
		printf("%-44s", name);
		if (n->has_stats)
			printf(" %10.4f %12.4f %13llu", scanned, cleared,
			       (unsigned long long)n->stats.invalidations);
		putchar('\n');
	}
	if (!c->out)
		return;
	fprintf(c->out, "%s\n  \"%s\": {", c->cells ? "," : "", name);
	if (n->has_stats)
		fprintf(c->out, "\"entries_scanned_per_iopte\": %.9g, \"invalidations\": %llu",
			scanned, (unsigned long long)n->stats.invalidations);
	if (n->has_stats && n->dirty)
		fprintf(c->out, ", \"cleared_per_dirty\": %.9g", cleared);
	fputc('}', c->out);
}

static const char *count_cell(struct counting *c, const struct variant *v, unsigned int permille,
			      const char *name)
{
	struct counts n[CALLS] = { { 0 } };
	const char *why = NULL;

	if (variant_select(c->space.t, v))
		return "the engine cannot be selected";
	n[0].dirty = pattern_choose(&c->pattern, permille, false, SEED);
	if (entries_of(c, &n[0].entries))
		return "the tables could not be read";
	n[0].has_stats = c->space.t->driver->stats;
	for (int i = 0; i < CALLS && !why; i++) {
		why = call(c, &n[i]);
		if (!why && c->mode == COUNTS_CALLS)
			printf("call %s %llu\n", name, (unsigned long long)n[0].entries);
	}
	if (why)
		return why;
	if (!same_counts(&n[1], &n[2]))
		return "two harvests of the same were counted differently";
	n[0].stats = n[2].stats;
	tell(c, name, &n[0]);
	return NULL;
}

static unsigned int list_variants(struct counting *c, const struct iodirty_format_info *format,
				  struct variant *v)
{
	struct variant_engines engines;
	unsigned int n = 0;
	char why[128];

	variant_list(c->space.t, &engines);
	if (c->plan->nr_variants) {
		for (unsigned int i = 0; i < c->plan->nr_variants && n < VARIANTS; i++)
			if (!variant_parse(c->plan->variants[i], &engines, &v[n], why, sizeof(why)))
				n += variant_allowed(&v[n], format);
		return n;
	}
	if (!engines.n)
		v[n++] = (struct variant){ .engine = "default" };
	for (unsigned int i = 0; i < engines.n && n < VARIANTS - 3; i++) {
		struct variant one = { 0 };

		memcpy(one.engine, engines.names[i], sizeof(one.engine));
		v[n++] = one;
		one.masked = true;
		if (strcmp(one.engine, BASELINE) && variant_allowed(&one, format))
			v[n++] = one;
		one.masked = false;
		one.skip = true;
		if (!i && variant_allowed(&one, format))
			v[n++] = one;
	}
	return n;
}

static void count_format(struct counting *c, const struct iodirty_format_info *format)
{
	uint64_t leaf = 1ULL << __builtin_ctzll(format->leaf_sizes & ~4095ULL);
	char size[MEASURE_NAME], variant[VARIANT_NAME], name[128];
	struct variant v[VARIANTS];
	unsigned int n;

	if (space_open(&c->space, c->plan->driver, c->plan->arg, format, leaf, LEAVES) ||
	    pattern_init(&c->pattern, c->space.leaves, c->space.leaf / c->space.page) ||
	    !(c->bitmap = calloc(c->pattern.words, sizeof(*c->bitmap)))) {
		fprintf(stderr, "iodirty bench: FAILED %s: %s\n", format->name,
			c->space.error[0] ? c->space.error : "no memory");
		c->failed++;
		goto out;
	}
	n = list_variants(c, format, v);
	for (unsigned int i = 0; i < n; i++) {
		for (size_t d = 0; d < sizeof(densities) / sizeof(densities[0]); d++) {
			const char *why;

			snprintf(name, sizeof(name), "harvest/%s/%s/%g%%/%s", format->name,
				 measure_size_name(leaf, size), densities[d] / 10.0,
				 variant_name(&v[i], variant));
			why = count_cell(c, &v[i], densities[d], name);
			if (why) {
				fprintf(stderr, "iodirty bench: FAILED %s: %s\n", name, why);
				c->failed++;
			} else {
				c->cells++;
			}
		}
	}
out:
	free(c->bitmap);
	c->bitmap = NULL;
	pattern_fini(&c->pattern);
	space_close(&c->space);
}

/* ---- instructions ---- */

/* Found beside this program, or above: the checkout it was built in. */
static bool find_script(char self[PATH_MAX], char script[PATH_MAX])
{
	char directory[PATH_MAX], *slash;

	if (!realpath("/proc/self/exe", self))
		return false;
	strcpy(directory, self);
	while ((slash = strrchr(directory, '/'))) {
		*slash = '\0';
		if (snprintf(script, PATH_MAX, "%s/bench/instructions", directory) < PATH_MAX &&
		    !access(script, X_OK) && access(script, F_OK) == 0)
			return true;
	}
	return false;
}

/* Runs bench/instructions, which adds what it finds to @path. Its exit status. */
static int count_instructions(const struct bench_plan *plan,
			      const struct iodirty_format_info *formats, unsigned int n,
			      const char *path)
{
	char self[PATH_MAX], script[PATH_MAX], target[128];
	const char *args[2 * (VARIANTS + 64) + 10];
	unsigned int k = 0;
	int status;
	pid_t child;

	if (!find_script(self, script)) {
		fprintf(stderr, "iodirty bench: instructions are not counted: there is no "
				"bench/instructions beside this program\n");
		return INSTRUCTIONS_NONE;
	}
	snprintf(target, sizeof(target), "%s%s%s", plan->driver->name, plan->arg ? ":" : "",
		 plan->arg ? plan->arg : "");
	args[k++] = script;
	args[k++] = "--program";
	args[k++] = self;
	args[k++] = "--target";
	args[k++] = target;
	for (unsigned int i = 0; i < n; i++) {
		args[k++] = "--format";
		args[k++] = formats[i].name;
	}
	for (unsigned int i = 0; i < plan->nr_variants; i++) {
		args[k++] = "--engine";
		args[k++] = plan->variants[i];
	}
	if (path) {
		args[k++] = "--add";
		args[k++] = path;
	}
	args[k] = NULL;
	fflush(NULL);
	child = fork();
	if (!child) {
		execv(script, (char *const *)args);
		perror(script);
		_exit(1);
	}
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void count_all(struct counting *c, const struct iodirty_format_info *formats, unsigned int n)
{
	if (c->out)
		fprintf(c->out, "{\"iodirty_version\": \"%s\",\n \"counts\": {", IODIRTY_VERSION);
	if (c->mode == COUNTS_ALL)
		printf("%-44s %10s %12s %13s\n", "a harvest", "looked at", "cleared",
		       "invalidations");
	for (unsigned int i = 0; i < n; i++)
		count_format(c, &formats[i]);
	if (c->out)
		fprintf(c->out, "\n }\n}\n");
}

enum counts_result counts_run(const struct bench_plan *plan,
			      const struct iodirty_format_info *formats, unsigned int n,
			      enum counts_mode mode, const char *path)
{
	struct counting c = { .plan = plan, .mode = mode };
	int status = 0;

	if (path && !(c.out = fopen(path, "w"))) {
		perror(path);
		return COUNTS_WRONG;
	}
	if (mode != COUNTS_INSTRUCTIONS || path)
		count_all(&c, formats, n);
	if (c.out && fclose(c.out)) {
		perror(path);
		return COUNTS_WRONG;
	}
	if (mode != COUNTS_CALLS && !c.failed)
		status = count_instructions(plan, formats, n, path);
	if (mode == COUNTS_INSTRUCTIONS && status == INSTRUCTIONS_NONE)
		return COUNTS_NONE;
	if (c.failed || (status && status != INSTRUCTIONS_NONE))
		return COUNTS_WRONG;
	return c.cells || mode == COUNTS_INSTRUCTIONS ? COUNTS_RIGHT : COUNTS_NONE;
}
