/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* iodirty trace info: what is in a trace, device by device. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "trace.h"
#include "trace_commands.h"

#define PAGE_LG2 12

/* Pages from @first to @last. */
struct extent {
	uint64_t first, last;
};

/* Pages that were touched: memory is by what is touched, not by how large that is. */
struct extents {
	struct extent *list;
	size_t n, room;
};

struct counts {
	uint64_t records, reads, bytes_read, bytes_written, begin, end;
	struct extents written;
};

static int by_first(const void *a, const void *b)
{
	const struct extent *x = a, *y = b;

	return (x->first > y->first) - (x->first < y->first);
}

/* In order, none touching another. */
static void extents_compact(struct extents *e)
{
	size_t kept = 0;

	if (!e->n)
		return;
	qsort(e->list, e->n, sizeof(e->list[0]), by_first);
	for (size_t i = 1; i < e->n; i++) {
		if (e->list[i].first > e->list[kept].last + 1)
			e->list[++kept] = e->list[i];
		else if (e->list[i].last > e->list[kept].last)
			e->list[kept].last = e->list[i].last;
	}
	e->n = kept + 1;
}

static void extents_add(struct extents *e, struct extent new)
{
	struct extent *last = e->n ? &e->list[e->n - 1] : NULL;

	if (last && new.first >= last->first &&new.first <= last->last + 1) {
		if (new.last > last->last)
			last->last = new.last;
		return;
	}
	if (e->n == e->room)
		extents_compact(e);
	if (e->n >= e->room / 2) { /* else there would soon be another */
		e->room = e->room ? 2 * e->room : 1024;
		e->list = realloc(e->list, e->room * sizeof(e->list[0]));
		if (!e->list)
			abort();
	}
	e->list[e->n++] = new;
}

static uint64_t extents_pages(struct extents *e)
{
	uint64_t pages = 0;

	extents_compact(e);
	for (size_t i = 0; i < e->n; i++)
		pages += e->list[i].last - e->list[i].first + 1;
	return pages;
}

static void count(struct counts *c, const struct access *a)
{
	if (!c->records++)
		c->begin = a->ns;
	c->end = a->ns;
	if (a->write) {
		c->bytes_written += a->length;
		extents_add(&c->written, (struct extent){ a->iova >> PAGE_LG2,
							  (a->iova + a->length - 1) >> PAGE_LG2 });
	} else {
		c->reads++;
		c->bytes_read += a->length;
	}
}

static void add(struct counts *all, const struct counts *c)
{
	if (!c->records)
		return;
	if (!all->records || c->begin < all->begin)
		all->begin = c->begin;
	if (c->end > all->end)
		all->end = c->end;
	all->records += c->records;
	all->reads += c->reads;
	all->bytes_read += c->bytes_read;
	all->bytes_written += c->bytes_written;
	for (size_t i = 0; i < c->written.n; i++)
		extents_add(&all->written, c->written.list[i]);
}

static void print_row(const char *device, struct counts *c, double seconds)
{
	printf("%-6s  %12" PRIu64 "  %12" PRIu64 "  %12" PRIu64 "  %14" PRIu64 "  %14" PRIu64
	       "  %11" PRIu64 "  %12.6f  %12.6f  %12.6g  %12.6g\n",
	       device, c->records, c->reads, c->records - c->reads, c->bytes_read, c->bytes_written,
	       extents_pages(&c->written), c->begin / 1e9, c->end / 1e9, c->records / seconds,
	       ((double)c->bytes_read + c->bytes_written) / seconds);
}

static void print(const struct workload *w, struct counts *devices)
{
	struct counts all = { .records = 0 };
	double seconds = w->ns / 1e9;
	char name[16];

	printf("%s: %s\n", w->name, w->origin);
	printf("memory   0x%" PRIx64 " to 0x%" PRIx64 ": %" PRIu64 " pages of 4 KiB%s\n", w->iova,
	       w->iova + w->length - 1, w->length >> PAGE_LG2,
	       w->pattern ? "; an access pattern, no device's addresses" : "");
	printf("devices  %u, seed %" PRIu64 ", %.9f s\n\n", w->devices, trace_seed(w, 0), seconds);
	printf("device       records         reads        writes      bytes read   bytes written"
	       "  pages dirty       first s        last s     records/s       bytes/s\n");
	for (unsigned int i = 0; i < w->devices; i++) {
		snprintf(name, sizeof(name), "%u", i);
		print_row(name, &devices[i], seconds);
		add(&all, &devices[i]);
	}
	print_row("all", &all, seconds);
	free(all.written.list);
}

int trace_info_main(const struct command *command, int argc, char **argv)
{
	struct counts devices[WORKLOAD_DEVICES] = { { .records = 0 } };
	char error[WORKLOAD_ERROR];
	struct workload *w;
	struct access a;
	int ret;

	if (argc != 2 || argv[1][0] == '-')
		return usage_error(command, "info takes a FILE, one");
	w = trace_open(argv[1], error);
	if (!w)
		return trace_failed(error);
	while ((ret = w->next(w, &a)) > 0)
		count(&devices[a.device], &a);
	if (ret < 0)
		trace_failed(w->error);
	else
		print(w, devices);
	for (unsigned int i = 0; i < w->devices; i++)
		free(devices[i].written.list);
	workload_close(w);
	return ret < 0 ? EXIT_CODE_FAILED : EXIT_CODE_PASSED;
}
