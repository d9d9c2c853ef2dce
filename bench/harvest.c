/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A group is (format, leaf, size, layout, cold or warm, pattern, density); its rows are
 * ways to harvest. Each repetition chooses a pattern and then, in a random order, takes
 * every row (write the pattern, bring caches into their state, harvest, hold the bitmap
 * against the truth word for word) and every loop that reads the tables alone (the floor).
 * A wrong bit fails the row: a fast harvest that loses pages is none. So does a row that
 * beats the floor by more than 5 %: then the floor is wrong.
 *
 * Since all take turns within a repetition, whatever else the machine does hits all alike:
 * ratios within a group mean something on a busy machine, times do not. Time is the
 * thread's own processor time, which leaves preemption out. With several threads it is wall
 * time, and what was measured while one of them had to wait for a processor is dropped,
 * unless there is nothing else.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "harvest.h"
#include "measure.h"

#define THREADS 8
#define ROUNDS 3 /* as often is a group measured that beats its floor */
#define BEATEN 0.95
#define ATTEMPTS 3 /* to measure several threads undisturbed */
#define PAGE 4096ULL

static struct harvest_group *groups;
static unsigned int rows_failed;
/* Groups run in order of what is mapped, and share it. */
static struct space space;
static struct pattern pattern;
static char *buffer; /* for the bitmap, which starts up to a page into it */
static size_t buffer_size;
static uint64_t *truth; /* where a bit is of more than a page */
static const struct harvest_group *opened_for;

/* ---- the mapping that groups share ---- */

static void close_space(void)
{
	space_close(&space);
	pattern_fini(&pattern);
	if (buffer)
		munmap(buffer, buffer_size);
	free(truth);
	buffer = NULL;
	truth = NULL;
	opened_for = NULL;
}

static int open_space(const struct harvest_group *g)
{
	int err;

	if (opened_for && !strcmp(opened_for->format.name, g->format.name) &&
	    opened_for->leaf == g->leaf && opened_for->leaves == g->leaves &&
	    opened_for->layout == g->layout)
		return 0;
	close_space();
	err = space_open_as(&space, g->plan->driver, g->plan->arg, &g->format, g->leaf, g->leaves,
			    g->layout);
	if (err)
		return err;
	opened_for = g;
	err = pattern_init(&pattern, space.leaves, space.leaf / space.page);
	buffer_size = (pattern.words * 8 + 2 * PAGE - 1) / PAGE * PAGE;
	buffer =
		mmap(NULL, buffer_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	truth = calloc(pattern.words + 1, sizeof(*truth));
	if (buffer == MAP_FAILED)
		buffer = NULL;
	if (err || !buffer || !truth) {
		snprintf(space.error, sizeof(space.error), "no memory for the bitmap");
		return -ENOMEM;
	}
	return 0;
}

/* ---- one harvest ---- */

struct part {
	uint64_t offset, length, page;
	char *bitmap;
	unsigned int slow_down;
	atomic_int *ready;
	/* what came of it */
	int err;
	double ns, end; /* processor time; CLOCK_MONOTONIC */
	long waits; /* for a processor */
};

static long waits(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return usage.ru_nivcsw;
}

/* All parts begin together: the caller's is the last to be ready. */
static void *harvest_part(void *arg)
{
	struct part *p = arg;
	uint64_t start;

	p->waits = waits();
	atomic_fetch_sub(p->ready, 1);
	while (atomic_load(p->ready) > 0)
		;
	start = measure_now_ns();
	p->err = space_harvest_part(&space, 0, p->offset, p->length, p->page, p->bitmap);
	p->ns = measure_since_ns(start);
	if (p->slow_down) {
		double until = p->ns * (1 + p->slow_down / 100.0);

		while ((p->ns = measure_since_ns(start)) < until)
			;
	}
	p->end = measure_wall_ns();
	p->waits = waits() - p->waits;
	return NULL;
}

struct sample {
	double ns, wall;
	bool quiet; /* no thread had to wait for a processor */
};

/* The row's parts, a thread each. NULL, or what went wrong. */
static const char *timed(const struct harvest_row *row, uint64_t page, char *bitmap,
			 struct sample *out)
{
	unsigned int n = row->threads;
	uint64_t length = space.length / n;
	struct part parts[THREADS];
	pthread_t threads[THREADS];
	atomic_int ready = n;
	double start;

	if (n > THREADS || (n > 1 && length / page % 64))
		return "the range is too small for so many threads";
	for (unsigned int i = 0; i < n; i++)
		parts[i] = (struct part){
			.offset = i * length,
			.length = length,
			.page = page,
			.bitmap = bitmap + i * length / page / 8,
			.slow_down = row->group->plan->slow_down,
			.ready = &ready,
		};
	for (unsigned int i = 1; i < n; i++)
		if (pthread_create(&threads[i], NULL, harvest_part, &parts[i])) {
			perror("iodirty bench: a thread");
			exit(1);
		}
	while (atomic_load(&ready) > 1)
		;
	start = measure_wall_ns();
	harvest_part(&parts[0]);
	*out = (struct sample){ .quiet = true };
	for (unsigned int i = 0; i < n; i++) {
		if (i)
			pthread_join(threads[i], NULL);
		if (parts[i].end - start > out->wall)
			out->wall = parts[i].end - start;
		out->quiet &= !parts[i].waits;
		if (parts[i].err)
			return "IOMMU_HWPT_GET_DIRTY_BITMAP failed";
	}
	out->ns = n > 1 ? out->wall : parts[0].ns;
	return NULL;
}

/* Where caches can be told to, what is in them of the bitmap goes. */
static void evict(const char *p, size_t size)
{
#ifdef __x86_64__
	for (size_t at = 0; at < size; at += 64)
		__builtin_ia32_clflush(p + at);
	__builtin_ia32_mfence();
#else
	(void)p;
	(void)size;
#endif
}

/*
 * Hold the bitmap against the truth. Where the target does not say which leaves it uses,
 * only missing pages are an error.
 */
static const char *check(struct harvest_row *row, const uint64_t *bitmap, uint64_t page)
{
	bool exact = space.t->caps & TARGET_LEAF;
	const uint64_t *want = exact ? pattern.dirty : pattern.written;
	unsigned int fold = __builtin_ctzll(page / space.page);
	size_t words = ((space.length / page) + 63) / 64;
	uint64_t missed, excess;

	if (fold) {
		pattern_fold(truth, want, pattern.words, fold);
		want = truth;
	}
	missed = pattern_beyond(want, bitmap, words);
	excess = exact ? pattern_beyond(bitmap, want, words) : 0;
	row->bytes_reported += pattern_count(bitmap, words) * page;
	row->missed += missed;
	row->excess += excess;
	return missed || excess ? "the bitmap differs from what was written" : NULL;
}

static void add_stats(struct iodirty_stats *sum, const struct iodirty_stats *before)
{
	struct iodirty_stats after = { .size = sizeof(after) };
	const uint64_t *from = (const uint64_t *)before;
	uint64_t *to = (uint64_t *)sum, *now = (uint64_t *)&after;

	if (!space.t->driver->stats || space.t->driver->stats(space.t, &after))
		return;
	for (size_t i = 1; i < sizeof(after) / sizeof(*now); i++) /* but its size */
		to[i] += now[i] - from[i];
}

/* What was reported is clean now: a harvest that looks once more finds nothing. */
static const char *check_clean(uint64_t page, uint64_t *bitmap, size_t words)
{
	memset(bitmap, 0, words * 8);
	if (space_harvest_part(&space, IOMMU_HWPT_GET_DIRTY_BITMAP_NO_CLEAR, 0, space.length, page,
			       bitmap))
		return "IOMMU_HWPT_GET_DIRTY_BITMAP failed";
	return pattern_count(bitmap, words) ? "what was reported is still dirty" : NULL;
}

static const char *attempt(struct harvest_row *row, struct sample *out)
{
	const struct harvest_group *g = row->group;
	uint64_t page = row->bitmap.page ? row->bitmap.page : space.page;
	char *bitmap = buffer + row->bitmap.offset;
	size_t words = ((space.length / page) + 63) / 64, bytes = words * 8;
	struct iodirty_stats before = { .size = sizeof(before) };
	const char *why;

	if (space_mark(&space, pattern.written))
		return "the pattern could not be written";
	if (row->bitmap.fresh)
		madvise(buffer, buffer_size, MADV_DONTNEED);
	else
		memset(bitmap, 0, bytes);
	if (space.t->driver->stats && space.t->driver->stats(space.t, &before))
		return "the counters could not be read";
	if (g->cold ? floor_evict(&space) : floor_warm(&space))
		return "the tables could not be read";
	if (g->cold && !row->bitmap.fresh)
		evict(bitmap, bytes);
	why = timed(row, page, bitmap, out);
	if (why)
		return why;
	add_stats(&row->stats, &before);
	row->harvests++;
	row->bytes_written += pattern_count(pattern.written, pattern.words) * space.page;
	why = check(row, (const uint64_t *)bitmap, page);
	if (!why && row->harvests == 1)
		why = check_clean(page, (uint64_t *)bitmap, words);
	return why;
}

static const char *measure(struct harvest_row *row)
{
	struct sample s;
	const char *why;

	if (variant_select(space.t, &row->variant))
		return "the engine cannot be selected";
	for (int i = 0; i < (row->threads > 1 ? ATTEMPTS : 1); i++) {
		why = attempt(row, &s);
		if (why)
			return why;
		if (s.quiet)
			break;
	}
	if (s.quiet)
		row->quiet[row->nr_quiet++] = s.wall;
	row->ns[row->n++] = s.ns;
	return NULL;
}

/* ---- a group ---- */

__attribute__((format(printf, 2, 3))) static void fail(struct harvest_row *row, const char *fmt,
						       ...)
{
	va_list ap;
	size_t used;

	va_start(ap, fmt);
	vsnprintf(row->error, sizeof(row->error), fmt, ap);
	va_end(ap);
	used = strlen(row->error);
	if (row->missed || row->excess)
		snprintf(row->error + used, sizeof(row->error) - used,
			 ": %llu bits missed, %llu too many", (unsigned long long)row->missed,
			 (unsigned long long)row->excess);
	rows_failed++;
}

static void fail_all(struct harvest_group *g, const char *why)
{
	for (unsigned int i = 0; i < g->nr_rows; i++)
		if (!g->rows[i].error[0])
			fail(&g->rows[i], "%s", why);
}

/* Once all rows and the floor, in a random order. */
static const char *repeat(struct harvest_group *g, unsigned int repetition)
{
	uint64_t order[2 * FLOOR_LOOPS + 128], seed = repetition;
	unsigned int n = g->nr_rows + g->floors.nr;

	pattern_choose(&pattern, g->permille, g->clustered, repetition);
	for (unsigned int i = 0; i < n; i++)
		order[i] = i;
	pattern_shuffle(order, n, &seed);
	for (unsigned int i = 0; i < n; i++) {
		struct harvest_row *row = &g->rows[order[i]];
		const char *why;

		if (order[i] >= g->nr_rows) {
			if (floor_read(&g->floors, &space, order[i] - g->nr_rows, g->cold))
				return "the tables could not be read";
			continue;
		}
		if (row->error[0] || repetition % row->every)
			continue;
		why = measure(row);
		if (why)
			fail(row, "%s", why);
	}
	return NULL;
}

double harvest_least(struct harvest_row *row, double *median)
{
	bool quiet = row->threads > 1 && row->nr_quiet;
	double *ns = quiet ? row->quiet : row->ns;

	*median = measure_median(ns, quiet ? row->nr_quiet : row->n);
	return ns[0];
}

/* Does the row read less than all that the floor reads, or by more than one thread? */
static bool may_beat(const struct harvest_row *row)
{
	return row->variant.skip || row->threads > 1;
}

static struct harvest_row *beats_floor(const struct harvest_group *g)
{
	double median, floor = floor_best(&g->floors, false).min;

	for (unsigned int i = 0; g->floors.nr && i < g->nr_rows; i++) {
		struct harvest_row *row = &g->rows[i];

		if (!row->error[0] && !may_beat(row) &&
		    harvest_least(row, &median) < BEATEN * floor)
			return row;
	}
	return NULL;
}

static bool prepare(struct harvest_group *g, unsigned int room)
{
	if (open_space(g)) {
		fail_all(g, space.error);
		close_space();
		return false;
	}
	g->length = space.length;
	g->page = space.page;
	if (floors_init(&g->floors, &space, room)) {
		fail_all(g, "the tables could not be read");
		return false;
	}
	g->entries = g->floors.nr ? g->floors.entries : space.leaves;
	for (unsigned int i = 0; i < g->nr_rows; i++) {
		struct harvest_row *row = &g->rows[i];

		row->ns = calloc(room, sizeof(*row->ns));
		row->quiet = calloc(room, sizeof(*row->quiet));
		if (!row->ns || !row->quiet) {
			fail_all(g, "no memory for the samples");
			return false;
		}
	}
	return true;
}

static void measure_group(struct harvest_group *g)
{
	unsigned int most = g->most, least = g->least, done = 0;
	struct harvest_row *beats = NULL;
	const char *why = NULL;

	if (!prepare(g, ROUNDS * most))
		return;
	for (int round = 0; round < ROUNDS && !why; round++) {
		double until = measure_wall_ns() + g->seconds * 1e9;

		for (unsigned int n = 0; n < most && (n < least || measure_wall_ns() < until);
		     n++) {
			why = repeat(g, done++);
			if (why)
				break;
		}
		beats = why ? NULL : beats_floor(g);
		if (!beats)
			break;
	}
	if (why)
		fail_all(g, why);
	for (; beats; beats = beats_floor(g))
		fail(beats, "faster than reading the tables by more than 5 %%: the floor is wrong");
}

struct harvest_row *harvest_baseline(const struct harvest_group *g)
{
	static const struct variant baseline = { .engine = HARVEST_BASELINE };

	for (unsigned int i = 0; i < g->nr_rows; i++) {
		struct harvest_row *row = &g->rows[i];

		if (variant_same(&row->variant, &baseline) && row->threads == 1 &&
		    !row->bitmap.page && !row->bitmap.offset && !row->bitmap.fresh)
			return row->n && !row->error[0] ? row : NULL;
	}
	return NULL;
}

struct harvest_row *harvest_one_thread(const struct harvest_row *row)
{
	for (unsigned int i = 0; i < row->group->nr_rows; i++) {
		struct harvest_row *one = &row->group->rows[i];

		if (variant_same(&one->variant, &row->variant) && one->threads == 1 &&
		    !one->bitmap.page && !one->bitmap.offset && !one->bitmap.fresh)
			return one->nr_quiet && !one->error[0] ? one : NULL;
	}
	return NULL;
}

void harvest_run(struct bench_state *state, void *arg)
{
	struct harvest_row *row = arg;
	struct harvest_group *g = row->group;
	bool quiet = row->threads > 1;

	if (!g->measured) {
		harvest_print_head(g);
		measure_group(g);
		g->measured = true;
		harvest_print_rows(g);
	}
	if (row->error[0]) {
		bench_fail(state, row->error);
		return;
	}
	quiet = quiet && row->nr_quiet;
	for (unsigned int i = 0; bench_keep_running(state); i++)
		bench_iteration_seconds(
			state, (quiet ? row->quiet[i % row->nr_quiet] : row->ns[i % row->n]) / 1e9);
	harvest_report(state, row);
}

static unsigned int add(const struct bench_plan *plan, const struct iodirty_format_info *format)
{
	return harvest_plan(&groups, plan, format);
}

static unsigned int finish(void)
{
	close_space();
	while (groups) {
		struct harvest_group *g = groups;

		for (unsigned int i = 0; i < g->nr_rows; i++) {
			free(g->rows[i].ns);
			free(g->rows[i].quiet);
		}
		floors_fini(&g->floors);
		free(g->rows);
		groups = g->next;
		free(g);
	}
	return rows_failed;
}

extern const struct bench_set set_harvest;
const struct bench_set set_harvest = {
	.name = "harvest",
	.summary = "what a harvest costs, beside merely reading the same entries",
	.add = add,
	.finish = finish,
};
