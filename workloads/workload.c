/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Workloads by name: kinds, jobs of fio, files, several together, and without end. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "trace.h"

static const struct {
	const char *name, *summary;
} jobs[] = {
	{ "database", "fio: pages of a database, zipf, read into its buffer pool" },
	{ "log", "fio: a log that is appended to: storage writes, which leave memory clean" },
	{ "sequential", "fio: a large file read in order into the page cache" },
	{ "mixed", "fio: direct I/O of a file server, of several sizes, in 4 MiB of buffers" },
	{ "zipf", "fio: offsets of zipf:1.1 taken as addresses: an access pattern" },
};

#define N_JOBS (sizeof(jobs) / sizeof(jobs[0]))

static unsigned int n_kinds(void)
{
	unsigned int n = 0;

	while (workload_kinds[n])
		n++;
	return n;
}

const char *workload_name(unsigned int index, const char **summary)
{
	unsigned int n = n_kinds();

	if (index < n) {
		*summary = workload_kinds[index]->summary;
		return workload_kinds[index]->name;
	}
	if (index - n >= N_JOBS)
		return NULL;
	*summary = jobs[index - n].summary;
	return jobs[index - n].name;
}

void workload_close(struct workload *w)
{
	if (w)
		w->close(w);
}

static struct workload *open_kind(const struct workload_kind *kind,
				  const struct workload_options *o, char error[WORKLOAD_ERROR])
{
	struct workload *w;

	if (o->memory < kind->memory) {
		snprintf(error, WORKLOAD_ERROR,
			 "workload %s takes %" PRIu64 " KiB of memory at least", kind->name,
			 kind->memory >> 10);
		return NULL;
	}
	w = kind->open(o, error);
	if (w)
		snprintf(w->name, sizeof(w->name), "%s", kind->name);
	return w;
}

static struct workload *open_job(const char *name, char error[WORKLOAD_ERROR])
{
	char relative[64], path[PATH_MAX];
	struct workload *w;

	snprintf(relative, sizeof(relative), "build/traces/%s.trace", name);
	if (!find_beside(relative, path)) {
		snprintf(error, WORKLOAD_ERROR, "there is no %s yet: run `make traces`", relative);
		return NULL;
	}
	w = trace_open(path, error);
	if (w)
		snprintf(w->name, sizeof(w->name), "%s", name);
	return w;
}

static void no_such_name(const char *name, char error[WORKLOAD_ERROR])
{
	const char *summary, *known;
	size_t used = snprintf(error, WORKLOAD_ERROR,
			       "unknown workload '%.40s'; a file, or one of:", name);

	for (unsigned int i = 0; (known = workload_name(i, &summary)) && used < WORKLOAD_ERROR; i++)
		used += snprintf(error + used, WORKLOAD_ERROR - used, " %s", known);
}

static struct workload *open_one(const char *name, const struct workload_options *o,
				 char error[WORKLOAD_ERROR])
{
	if (strpbrk(name, "/."))
		return trace_open(name, error);
	for (unsigned int i = 0; workload_kinds[i]; i++)
		if (!strcmp(workload_kinds[i]->name, name))
			return open_kind(workload_kinds[i], o, error);
	for (size_t i = 0; i < N_JOBS; i++)
		if (!strcmp(jobs[i].name, name))
			return open_job(name, error);
	no_such_name(name, error);
	return NULL;
}

/* ---- several ---- */

struct merged {
	struct workload w;
	struct workload *parts[WORKLOAD_DEVICES];
	unsigned int first[WORKLOAD_DEVICES]; /* device of each */
	struct access next[WORKLOAD_DEVICES]; /* not yet given out; of all but @now */
	int has[WORKLOAD_DEVICES]; /* what next() said */
	unsigned int n;
	/* Whose turn it is until it has an access at @until or later; @n: nobody's. */
	unsigned int now;
	uint64_t until;
};

static int merged_fetch(struct merged *m, unsigned int i, struct access *a)
{
	struct workload *part = m->parts[i];
	int ret = part->next(part, a);

	a->iova += m->w.iova - part->iova;
	a->device += m->first[i];
	return ret;
}

/*
 * The part whose access is first, and the moment before which no other has one. Of several at one
 * moment the first part's is first. As next() returns, without the access.
 */
static int merged_choose(struct merged *m)
{
	unsigned int best = m->n;

	m->now = m->n;
	m->until = UINT64_MAX;
	for (unsigned int i = 0; i < m->n; i++) {
		if (m->has[i] < 0) {
			memcpy(m->w.error, m->parts[i]->error, sizeof(m->w.error));
			return m->has[i];
		}
		if (!m->has[i])
			continue;
		if (best == m->n || m->next[i].ns < m->next[best].ns) {
			if (best < m->n)
				m->until = m->next[best].ns;
			best = i;
		} else if (m->next[i].ns < m->until) {
			m->until = m->next[i].ns;
		}
	}
	m->now = best;
	return best < m->n;
}

/* Where a part is given out by itself, its accesses are not copied once more. */
static int merged_next(struct workload *w, struct access *out)
{
	struct merged *m = (struct merged *)w;
	int ret;

	if (m->now < m->n) {
		ret = merged_fetch(m, m->now, out);
		if (ret > 0 && out->ns < m->until)
			return ret;
		m->has[m->now] = ret;
		m->next[m->now] = *out;
	}
	ret = merged_choose(m);
	if (ret > 0)
		*out = m->next[m->now];
	return ret;
}

static void merged_begin(struct merged *m)
{
	for (unsigned int i = 0; i < m->n; i++)
		m->has[i] = merged_fetch(m, i, &m->next[i]);
	m->now = m->n;
}

static void merged_rewind(struct workload *w)
{
	struct merged *m = (struct merged *)w;

	for (unsigned int i = 0; i < m->n; i++)
		m->parts[i]->rewind(m->parts[i]);
	merged_begin(m);
}

static void merged_close(struct workload *w)
{
	struct merged *m = (struct merged *)w;

	for (unsigned int i = 0; i < m->n; i++)
		workload_close(m->parts[i]);
	free(m);
}

/* It has an end if each part has; the last one's. */
static bool merged_add(struct merged *m, struct workload *part, char error[WORKLOAD_ERROR])
{
	struct workload *w = &m->w;
	size_t used = strlen(w->name), said = strlen(w->origin);

	m->parts[m->n] = part;
	m->first[m->n] = w->devices;
	w->devices += part->devices;
	if (w->devices > WORKLOAD_DEVICES) {
		snprintf(error, WORKLOAD_ERROR, "these workloads have more than %d devices",
			 WORKLOAD_DEVICES);
		m->n++;
		return false;
	}
	snprintf(w->name + used, sizeof(w->name) - used, "%s%s", m->n ? "+" : "", part->name);
	snprintf(w->origin + said, sizeof(w->origin) - said, "%s%s", m->n ? "; " : "",
		 part->origin);
	if (!m->n)
		w->iova = part->iova;
	if (part->length > w->length)
		w->length = part->length;
	w->ns = !part->ns || (m->n && !w->ns) ? 0 : part->ns > w->ns ? part->ns : w->ns;
	w->pattern |= part->pattern;
	m->n++;
	return true;
}

/* A file may have a '+' in its name. */
static struct workload *open_several(const char *names, const struct workload_options *o,
				     char error[WORKLOAD_ERROR])
{
	char copy[256], *state, *name;
	struct merged *m = calloc(1, sizeof(*m));
	bool good = m && snprintf(copy, sizeof(copy), "%s", names) < (int)sizeof(copy);

	snprintf(error, WORKLOAD_ERROR, "workload '%.80s': %s", names,
		 m ? "too long a name" : "no memory");
	if (!m)
		return NULL;
	m->w.next = merged_next;
	m->w.rewind = merged_rewind;
	m->w.close = merged_close;
	for (name = good ? strtok_r(copy, "+", &state) : NULL; name && good;
	     name = strtok_r(NULL, "+", &state)) {
		struct workload_options own = *o;
		struct workload *part;

		own.seed += m->n; /* two of a kind are not alike */
		part = open_one(name, &own, error);
		good = part && merged_add(m, part, error);
	}
	if (!good || !m->n) {
		merged_close(&m->w);
		return NULL;
	}
	merged_begin(m);
	return &m->w;
}

struct workload *workload_open(const char *name, const struct workload_options *o,
			       char error[WORKLOAD_ERROR])
{
	bool several = strchr(name, '+') && !strpbrk(name, "/.");

	return several ? open_several(name, o, error) : open_one(name, o, error);
}

/* ---- without end ---- */

struct endless {
	struct workload w;
	struct workload *of;
	uint64_t base; /* when the present turn began */
};

static int endless_next(struct workload *w, struct access *out)
{
	struct endless *e = (struct endless *)w;
	int ret = e->of->next(e->of, out);

	if (!ret) {
		e->base += e->of->ns;
		e->of->rewind(e->of);
		ret = e->of->next(e->of, out);
	}
	if (ret < 0)
		memcpy(w->error, e->of->error, sizeof(w->error));
	out->ns += e->base;
	return ret;
}

static void endless_rewind(struct workload *w)
{
	struct endless *e = (struct endless *)w;

	e->base = 0;
	e->of->rewind(e->of);
}

static void endless_close(struct workload *w)
{
	struct endless *e = (struct endless *)w;

	workload_close(e->of);
	free(e);
}

struct workload *workload_endless(struct workload *w)
{
	struct endless *e = calloc(1, sizeof(*e));
	struct access first;

	/* One that takes no time would never come to the next moment. */
	if (!e || w->next(w, &first) <= 0) {
		free(e);
		return NULL;
	}
	w->rewind(w);
	if (!w->ns) {
		free(e);
		return w;
	}
	e->w = *w;
	e->w.ns = 0;
	e->w.next = endless_next;
	e->w.rewind = endless_rewind;
	e->w.close = endless_close;
	e->of = w;
	return &e->w;
}
