/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a group's rows are worth: counters of the result, and a table for people. */
#include <stdio.h>
#include <string.h>

#include "harvest.h"
#include "measure.h"

/* 0 where there is nothing to divide by. */
static double per(double a, double b)
{
	return b ? a / b : 0;
}

static double over_report(const struct harvest_row *row)
{
	return per(row->bytes_reported, row->bytes_written);
}

/* How many times faster than the baseline; 0: not known. */
static double x_baseline(struct harvest_row *row)
{
	struct harvest_row *baseline = harvest_baseline(row->group);
	double median;

	return baseline ? harvest_least(baseline, &median) / harvest_least(row, &median) : 0;
}

/* How many times faster than the same with one thread, by the clock on the wall. */
static double x_one_thread(struct harvest_row *row)
{
	struct harvest_row *one = row->threads > 1 ? harvest_one_thread(row) : NULL;
	double median;

	return one ? measure_least(one->quiet, one->nr_quiet) / harvest_least(row, &median) : 0;
}

static void report_floor(struct bench_state *state, struct harvest_row *row, double least,
			 double median)
{
	const struct harvest_group *g = row->group;
	struct floor_best floor, ordered;
	char label[80];

	if (!g->floors.nr)
		return;
	floor = floor_best(&g->floors, false);
	ordered = floor_best(&g->floors, true);
	bench_counter(state, "x_floor", least / floor.min);
	bench_counter(state, "x_floor_median", median / floor.median);
	bench_counter(state, "x_table_order", least / ordered.min);
	bench_counter(state, "floor_ns_per_iopte", floor.min / g->entries);
	bench_counter(state, "floor_ns_per_iopte_median", floor.median / g->entries);
	bench_counter(state, "table_order_ns_per_iopte", ordered.min / g->entries);
	snprintf(label, sizeof(label), "floor: %s, %s; in table order: %s", floor.name, floor.order,
		 ordered.name);
	bench_label(state, label);
}

/* What the target counted, a harvest. */
static void report_stats(struct bench_state *state, const struct harvest_row *row)
{
	const struct iodirty_stats *s = &row->stats;
	double n = row->harvests;

	if (!(row->group->plan->driver->stats))
		return;
	bench_counter(state, "entries_scanned_per_iopte",
		      per(s->entries_scanned, n * row->group->entries));
	bench_counter(state, "entries_cleared", per(s->entries_cleared, n));
	bench_counter(state, "invalidations", per(s->invalidations, n));
	bench_counter(state, "waits", per(s->waits, n));
	bench_counter(state, "pieces", per(s->harvest_pieces, n));
	bench_counter(state, "pins", per(s->window_pins, n));
	if (row->variant.skip)
		bench_counter(state, "tables_passed", per(s->tables_passed, n));
	if (s->cleaned_bytes)
		bench_counter(state, "over_flush", per(s->invalidated_bytes, s->cleaned_bytes));
}

void harvest_report(struct bench_state *state, struct harvest_row *row)
{
	const struct harvest_group *g = row->group;
	double median, least = harvest_least(row, &median);
	double gib = (double)g->length / (1 << 30);

	bench_counter(state, "ns_per_iopte", least / g->entries);
	bench_counter(state, "ns_per_iopte_median", median / g->entries);
	bench_counter(state, "ms_per_gib", least / 1e6 / gib);
	report_floor(state, row, least, median);
	if (x_baseline(row))
		bench_counter(state, "x_entry", x_baseline(row));
	if (row->threads > 1)
		bench_counter(state, "undisturbed", row->nr_quiet);
	if (x_one_thread(row))
		bench_counter(state, "x_one_thread", x_one_thread(row));
	bench_counter(state, "missed", row->missed);
	bench_counter(state, "excess", row->excess);
	if (row->bytes_written)
		bench_counter(state, "over_report", over_report(row));
	report_stats(state, row);
	bench_counter(state, "samples", row->n);
	bench_counter(state, "entries", g->entries);
	bench_counter(state, "leaf_bytes", g->leaf);
	bench_counter(state, "range_bytes", g->length);
	bench_counter(state, "page_bytes", row->bitmap.page ? row->bitmap.page : g->page);
	bench_counter(state, "density_percent", g->permille / 10.0);
	bench_counter(state, "clustered", g->clustered);
	bench_counter(state, "harvest_threads", row->threads);
	bench_counter(state, "cold", g->cold);
	bench_counter(state, "shuffled", g->layout == SPACE_SHUFFLED);
}

/* Before a group is measured, so that one sees what takes long. */
void harvest_print_head(const struct harvest_group *g)
{
	char leaf[MEASURE_NAME], range[MEASURE_NAME];
	unsigned int of = g->number;

	for (const struct harvest_group *next = g->next; next; next = next->next)
		of = next->number;
	printf("\n[%u/%u] %s, %s leaves, %s, %s tables, %s, %s %g %%\n", g->number, of,
	       g->format.name, measure_size_name(g->leaf, leaf),
	       measure_size_name(g->leaf * g->leaves, range),
	       g->layout == SPACE_SHUFFLED ? "shuffled" : "sequential", g->cold ? "cold" : "warm",
	       g->clustered ? "clustered" : "random", g->permille / 10.0);
	fflush(stdout);
}

static void print_value(double value, int width, int decimals)
{
	if (value)
		printf(" %*.*f", width, decimals, value);
	else
		printf(" %*s", width, "-");
}

static void print_row(struct harvest_row *row, double floor, double ordered)
{
	const struct harvest_group *g = row->group;
	char name[VARIANT_NAME], page[MEASURE_NAME], extra[64] = "";
	double median, least;

	if (row->threads > 1)
		snprintf(extra, sizeof(extra), " %u threads", row->threads);
	else if (row->bitmap.page)
		snprintf(extra, sizeof(extra), " bitmap of %s",
			 measure_size_name(row->bitmap.page, page));
	else if (row->bitmap.offset)
		snprintf(extra, sizeof(extra), " bitmap + %u", row->bitmap.offset);
	else if (row->bitmap.fresh)
		snprintf(extra, sizeof(extra), " fresh bitmap");
	variant_name(&row->variant, name);
	printf("  %s%-*s", name, (int)(34 - strlen(name)), extra);
	if (row->error[0]) {
		printf(" FAILED: %s\n", row->error);
		return;
	}
	least = harvest_least(row, &median);
	print_value(least / g->entries, 9, 3);
	print_value(median / g->entries, 8, 3);
	print_value(least / 1e6 / ((double)g->length / (1 << 30)), 9, 4);
	print_value(floor ? least / floor : 0, 8, 2);
	print_value(ordered ? least / ordered : 0, 8, 2);
	print_value(x_baseline(row), 8, 2);
	print_value(over_report(row), 12, 1);
	print_value(per(row->stats.invalidated_bytes, row->stats.cleaned_bytes), 11, 2);
	if (x_one_thread(row))
		printf("  x %.2f one thread%s", x_one_thread(row),
		       row->nr_quiet ? "" : ", disturbed");
	putchar('\n');
}

void harvest_print_rows(struct harvest_group *g)
{
	struct floor_best floor = floor_best(&g->floors, false);
	struct floor_best ordered = floor_best(&g->floors, true);

	if (floor.name)
		printf("  %llu IOPTEs; floor %.3f ns (%s, %s), in table order %.3f ns (%s)\n",
		       (unsigned long long)g->entries, floor.min / g->entries, floor.name,
		       floor.order, ordered.min / g->entries, ordered.name);
	printf("  %-34s %9s %8s %9s %8s %8s %8s %12s %11s\n", "", "ns/IOPTE", "median", "ms/GiB",
	       "x floor", "x order", "x entry", "over-report", "over-flush");
	for (unsigned int i = 0; i < g->nr_rows; i++) {
		if (g->rows[i].reported || g->rows[i].error[0])
			print_row(&g->rows[i], floor.min, ordered.min);
		if (g->rows[i].error[0])
			fprintf(stderr, "iodirty bench: FAILED %s: %s\n", g->rows[i].name,
				g->rows[i].error);
	}
	fflush(stdout);
}
