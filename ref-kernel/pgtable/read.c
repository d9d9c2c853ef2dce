/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reading tables, and nothing else: what a harvest is measured by. Where the tables are is
 * looked up before the clock starts, and tables that follow one another in memory are one
 * span, so that what is timed is as little as can be.
 */
#include "read.h"

/* Two entries: as wide as any x86-64 or arm64 reads; may_alias as memcpy would. */
typedef u64 pair __attribute__((vector_size(16), may_alias));

/*
 * Plain loads, four sums that do not wait for each other: this is to cost no
 * more than reading must. Hardware may write the entries meanwhile, and a torn
 * sum is as good as another.
 */
__attribute__((no_sanitize("thread"))) static u64 sum_pairs(const struct pgt_span *spans, u64 n)
{
	pair s0 = { 0 }, s1 = { 0 }, s2 = { 0 }, s3 = { 0 };
	u64 sum = 0;

	for (; n; n--, spans++) {
		const u64 *entries = spans->entries;
		u64 i = 0;

		for (; i < spans->n && (u64)&entries[i] % 64; i++)
			sum += entries[i];
		for (; i + 8 <= spans->n; i += 8) {
			const pair *p = (const pair *)&entries[i];

			s0 += p[0];
			s1 += p[1];
			s2 += p[2];
			s3 += p[3];
		}
		for (; i < spans->n; i++)
			sum += entries[i];
	}
	s0 += s1 + s2 + s3;
	return sum + s0[0] + s0[1];
}

static const struct pgt_read_loop pairs = { .name = "pairs", .sum = sum_pairs };

const struct pgt_read_loop *const pgt_read_loops[] = {
	&pairs,
#ifdef PORT_VECTOR
	&pgt_read_avx2,
	&pgt_read_avx2_two,
	&pgt_read_avx2_nta,
	&pgt_read_avx512,
	&pgt_read_avx512_two,
#endif
	NULL,
};

/* ---- where the tables are ---- */

struct collect {
	struct pgt_span *spans; /* NULL: they are only counted */
	u64 n, entries;
};

static void count_run(const struct pgt_run *run, void *arg)
{
	struct collect *c = arg;

	(void)run;
	c->n++;
}

static void collect_run(const struct pgt_run *run, void *arg)
{
	struct collect *c = arg;

	c->entries += run->hi - run->lo + 1;
	c->spans[c->n++] = (struct pgt_span){ &run->table[run->lo], run->hi - run->lo + 1 };
}

/* By address, ascending. */
static void sort(struct pgt_span *spans, u64 n)
{
	u64 gap, i, at;

	for (gap = n / 2; gap; gap = gap == 2 ? 1 : gap * 5 / 11) {
		for (i = gap; i < n; i++) {
			struct pgt_span span = spans[i];

			for (at = i; at >= gap && spans[at - gap].entries > span.entries; at -= gap)
				spans[at] = spans[at - gap];
			spans[at] = span;
		}
	}
}

/* Spans that follow one another are one; how many are left. */
static u64 join(struct pgt_span *spans, u64 n)
{
	u64 i, last = 0;

	for (i = 1; i < n; i++) {
		if (spans[last].entries + spans[last].n == spans[i].entries)
			spans[last].n += spans[i].n;
		else
			spans[++last] = spans[i];
	}
	return last + 1;
}

static int evict(const struct pgt_span *spans, u64 n)
{
	for (; n; n--, spans++)
		if (!port_evict(spans->entries, spans->n * sizeof(u64)))
			return -EOPNOTSUPP;
	return 0;
}

int pgt_read_tables(struct pgt *pgt, u64 first, u64 last, struct pgt_read *r)
{
	struct collect c = { 0 };
	u64 start, n;
	int err = 0;

	pgt_visit(pgt, first, last, count_run, &c);
	r->sum = 0;
	r->ns = 0;
	r->entries = 0;
	if (!c.n)
		return 0;
	c.spans = port_alloc(c.n * sizeof(*c.spans));
	if (!c.spans)
		return -ENOMEM;
	c.n = 0;
	pgt_visit(pgt, first, last, collect_run, &c);
	r->entries = c.entries;
	if (r->linear)
		sort(c.spans, c.n);
	n = join(c.spans, c.n);
	start = port_cpu_ns();
	if (r->evict)
		err = evict(c.spans, n);
	else
		r->sum = r->loop->sum(c.spans, n);
	r->ns = port_cpu_ns() - start;
	port_free(c.spans);
	return err;
}
