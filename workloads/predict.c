/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The simulator that predict.h describes: accesses in the order of time, and sets of pages. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "page_set.h"
#include "predict.h"

#define PAGE ((uint64_t)4096)
#define SECOND ((uint64_t)1000000000)
#define LAST_NS ((uint64_t)1 << 60) /* 36 years */
#define GLANCES 65536 /* accesses between two looks at whether to go on */

/* How what was written becomes what is reported. */
enum content {
	BY_PAGE, /* as it is */
	BY_LEAF, /* leaves, and pages of those who have logs */
	EVERYTHING,
};

/* What was written from one report's beginning to the next's. */
struct span {
	struct page_set written;
	/* BY_LEAF: by number of the leaf; and pages that logs have. */
	struct page_set leaves, logged;
};

struct prediction {
	const struct migration_options *o;
	const struct predict_cost *cost;
	struct migration_result *r;
	struct workload *w;
	struct access next; /* not yet made */
	uint64_t now, memory, page, leaf;
	enum content content;
	struct span spans[2], *span, *before; /* this one; that of the newest report */
};

/* ---- failures: all return false ---- */

static bool fail(struct prediction *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static bool fail(struct prediction *p, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(p->r->error, sizeof(p->r->error), fmt, args);
	va_end(args);
	return false;
}

static bool no_memory(struct prediction *p)
{
	return fail(p, "no memory for what is written");
}

/* ---- accesses ---- */

static bool fetch(struct prediction *p)
{
	int ret = p->w->next(p->w, &p->next);

	if (ret < 0)
		return fail(p, "workload %.80s: %.150s", p->w->name, p->w->error);
	if (!ret)
		return fail(p, "workload %.80s ends at once: it has no times", p->w->name);
	return true;
}

static bool by_iommu(const struct prediction *p, unsigned int device)
{
	return p->o->machine.trackers == TRACKERS_IOMMU || device % 3 == 1;
}

static bool note_write(struct prediction *p, const struct access *a)
{
	uint64_t first = a->iova - p->w->iova, last = first + a->length - 1;
	bool good = page_set_add(&p->span->written, first / p->page, last / p->page);

	p->r->writes++;
	if (p->content == BY_LEAF && by_iommu(p, a->device))
		good = good && page_set_add(&p->span->leaves, first / p->leaf, last / p->leaf);
	else if (p->content == BY_LEAF)
		good = good && page_set_add(&p->span->logged, first / p->page, last / p->page);
	return good || no_memory(p);
}

/* Make all accesses that are earlier. */
static bool pass_until(struct prediction *p, uint64_t end)
{
	for (unsigned int glance = 0; p->next.ns < end; glance++) {
		if (glance % GLANCES == 0 && migration_interrupted)
			return fail(p, "the prediction was interrupted");
		if (p->next.write && !note_write(p, &p->next))
			return false;
		if (!fetch(p))
			return false;
	}
	p->now = end;
	return true;
}

/* ---- a report ---- */

/* Pages that are reported of what is in @s, each once. */
static uint64_t reported(const struct prediction *p, const struct span *s)
{
	uint64_t leaf_pages = p->leaf / p->page, pages;

	switch (p->content) {
	case EVERYTHING:
		return p->memory / p->page;
	case BY_PAGE:
		return s->written.count;
	default:
		pages = s->leaves.count * leaf_pages;
		for (struct page_cursor c = { 0 }; page_set_next(&s->logged, &c);)
			pages += !page_set_has(&s->leaves, c.page / leaf_pages);
		return pages;
	}
}

static uint64_t report_ns(const struct prediction *p)
{
	const struct span *s = p->span;
	double ns = p->cost->call;

	if (p->o->machine.trackers == TRACKERS_IOMMU || p->o->machine.trackers == TRACKERS_MIXED)
		ns += p->cost->page * (double)(p->memory / p->leaf);
	if (p->content == BY_PAGE)
		ns += p->cost->dirty * (double)s->written.count;
	else if (p->content == BY_LEAF)
		ns += p->cost->dirty * (double)(s->leaves.count + s->logged.count);
	return ns < (double)LAST_NS ? ns : LAST_NS;
}

static void take_report(struct prediction *p, struct migration_round *round)
{
	round->report_ns = report_ns(p);
	round->written = p->span->written.count;
	round->reported = reported(p, p->span);
	p->r->written += round->written;
	p->r->reported += round->reported;
}

/* ---- rounds ---- */

static uint64_t send_ns(const struct prediction *p, uint64_t bytes)
{
	unsigned __int128 ns = (unsigned __int128)bytes * SECOND / p->o->link;

	return ns < LAST_NS ? ns : LAST_NS;
}

static bool pass(struct prediction *p, uint64_t ns)
{
	if (ns >= LAST_NS - p->now)
		return fail(p, "round %u would end in more than 36 years: the link is too slow",
			    p->r->n_rounds);
	return pass_until(p, p->now + ns);
}

static void begin_span(struct prediction *p)
{
	struct span *next = p->before;

	p->before = p->span;
	p->span = next;
	page_set_clear(&next->written);
	page_set_clear(&next->leaves);
	page_set_clear(&next->logged);
}

static bool precopy(struct prediction *p)
{
	struct migration_result *r = p->r;
	uint64_t bytes = p->memory;

	while (r->n_rounds < p->o->rounds && !r->converged) {
		struct migration_round *round = &r->rounds[r->n_rounds++];

		round->bytes = bytes;
		round->copy_ns = send_ns(p, bytes);
		r->bytes += bytes;
		if (!pass(p, round->copy_ns))
			return false;
		take_report(p, round);
		begin_span(p);
		if (!pass(p, round->report_ns))
			return false;
		bytes = round->reported * p->page;
		r->converged = p->o->downtime_ns && send_ns(p, bytes) <= p->o->downtime_ns;
	}
	return true;
}

static bool stop_and_copy(struct prediction *p)
{
	struct migration_result *r = p->r;
	struct migration_round *last = &r->rounds[r->n_rounds++];

	take_report(p, last);
	if (!page_set_merge(&p->span->written, &p->before->written) ||
	    !page_set_merge(&p->span->leaves, &p->before->leaves) ||
	    !page_set_merge(&p->span->logged, &p->before->logged))
		return no_memory(p);
	last->bytes = reported(p, p->span) * p->page;
	last->copy_ns = send_ns(p, last->bytes);
	r->bytes += last->bytes;
	r->final_bytes = last->bytes;
	r->final_report_ns = last->report_ns;
	r->downtime_ns = last->report_ns + last->copy_ns;
	r->total_ns = p->now + r->downtime_ns;
	r->full_ns = r->rounds[0].copy_ns;
	return true;
}

/* ---- the whole ---- */

static bool open_workload(struct prediction *p)
{
	char error[WORKLOAD_ERROR];

	p->w = migration_accesses(p->o, error);
	return p->w ? fetch(p) : fail(p, "%s", error);
}

static bool open_span(struct prediction *p, struct span *s)
{
	bool leaves = p->content == BY_LEAF;

	return page_set_open(&s->written, p->memory / p->page) &&
	       page_set_open(&s->leaves, leaves ? p->memory / p->leaf : 0) &&
	       page_set_open(&s->logged, leaves ? p->memory / p->page : 0);
}

static void close_span(struct span *s)
{
	page_set_close(&s->written);
	page_set_close(&s->leaves);
	page_set_close(&s->logged);
}

static bool begin(struct prediction *p)
{
	const struct machine_options *m = &p->o->machine;

	p->memory = m->memory;
	p->page = m->trackers == TRACKERS_LOG || m->trackers == TRACKERS_NOBODY || !m->granule ?
			  PAGE :
			  m->granule;
	p->leaf = m->leaf && !m->split ? m->leaf : p->page;
	if (m->trackers == TRACKERS_TYPE1 || m->trackers == TRACKERS_NOBODY)
		p->content = EVERYTHING;
	else if (m->trackers != TRACKERS_LOG && p->leaf > p->page)
		p->content = BY_LEAF;
	if (!p->o->link)
		return fail(p, "a prediction takes the speed of a link: --link");
	if (!p->memory || p->leaf % p->page || p->memory % p->leaf)
		return fail(p, "%" PRIu64 " bytes of memory in leaves of %" PRIu64, p->memory,
			    p->leaf);
	p->span = &p->spans[0];
	p->before = &p->spans[1];
	p->r->page = p->page;
	p->r->rounds = calloc(p->o->rounds + 1, sizeof(*p->r->rounds));
	if (!p->r->rounds || !open_span(p, p->span) || !open_span(p, p->before))
		return no_memory(p);
	return open_workload(p);
}

void migration_predict(const struct migration_options *o, const struct predict_cost *cost,
		       struct migration_result *r)
{
	struct prediction p = { .o = o, .cost = cost, .r = r };
	bool good;

	*r = (struct migration_result){ .verdict = MIGRATION_PREDICTED };
	good = begin(&p) && precopy(&p) && stop_and_copy(&p);
	if (!good)
		r->verdict = MIGRATION_FAILED;
	workload_close(p.w);
	close_span(&p.spans[0]);
	close_span(&p.spans[1]);
}
