/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <inttypes.h>
#include <string.h>

#include "cli.h"
#include "plan.h"
#include "workload_kinds.h"

#define PAGE ((uint64_t)4096)
#define MEASURED_MEMORY_MOST ((uint64_t)1 << 40)

static const char *const compared_trackers[] = { "type1", "iommu" };
static const char *const compared_workloads[] = { "uniform", "hot", "ring", "append" };

/* ---- names ---- */

static void add_all(struct plan_names *names, const char *const *list, size_t n)
{
	for (names->n = 0; names->n < n; names->n++)
		names->list[names->n] = list[names->n];
}

static void all_names(struct plan_request *q)
{
	struct plan_names *trackers = &q->trackers, *workloads = &q->workloads;

	if (q->compare) {
		add_all(trackers, compared_trackers,
			sizeof(compared_trackers) / sizeof(compared_trackers[0]));
		add_all(workloads, compared_workloads,
			sizeof(compared_workloads) / sizeof(compared_workloads[0]));
	}
	if (!trackers->n)
		trackers->list[trackers->n++] = "iommu";
	if (!workloads->n)
		workloads->list[workloads->n++] = "uniform";
	if (trackers->n == 1 && !strcmp(trackers->list[0], "all"))
		for (trackers->n = 0; trackers->n < N_TRACKERS; trackers->n++)
			trackers->list[trackers->n] = machine_trackers_name(trackers->n);
	if (workloads->n == 1 && !strcmp(workloads->list[0], "all"))
		for (workloads->n = 0; workloads->n < n_shapes; workloads->n++)
			workloads->list[workloads->n] = shapes[workloads->n].name;
	if (!q->links.n)
		q->links.list[q->links.n++] = 0;
	if (!q->leaves.n)
		q->leaves.list[q->leaves.n++] = 0;
}

static int parse_trackers(const char *name, enum machine_trackers *out)
{
	for (int i = 0; i < N_TRACKERS; i++) {
		if (!strcmp(name, machine_trackers_name(i))) {
			*out = i;
			return EXIT_CODE_PASSED;
		}
	}
	fprintf(stderr, "iodirty: migrate: unknown tracker '%s'; one of:", name);
	for (int i = 0; i < N_TRACKERS; i++)
		fprintf(stderr, " %s", machine_trackers_name(i));
	fputc('\n', stderr);
	return EXIT_CODE_USAGE;
}

/* "ring+append": the devices in turn. False: not all of them are shapes. */
static bool parse_shapes(const char *names, struct migration_options *o)
{
	char copy[128], *state, *name;

	if (snprintf(copy, sizeof(copy), "%s", names) >= (int)sizeof(copy))
		return false;
	o->n_shapes = 0;
	for (name = strtok_r(copy, "+", &state); name; name = strtok_r(NULL, "+", &state)) {
		if (o->n_shapes == MIGRATION_SHAPES || !shape_find(name))
			return false;
		o->shapes[o->n_shapes++] = shape_find(name);
	}
	return o->n_shapes;
}

/* ---- the target ---- */

struct tables {
	struct iodirty_format_info format;
	uint64_t caps;
};

/* Of the format that is asked for, or the first. */
static int ask_target(const struct command *command, const struct plan_request *q,
		      struct tables *tables)
{
	const struct machine_options *m = &q->common.machine;
	struct target *t;
	int ret = m->driver->open(m->target_arg, &t);

	if (ret) {
		fprintf(stderr, "iodirty: %s: target %s cannot be opened: %s\n", command->name,
			m->driver->name, strerror(-ret));
		return EXIT_CODE_NOTHING_RAN;
	}
	for (unsigned int i = 0; !(ret = t->driver->format(t, i, &tables->format)); i++)
		if (!m->format || !strcmp(m->format, tables->format.name))
			break;
	tables->caps = t->caps;
	t->driver->close(t);
	if (ret)
		return usage_error(command, "unknown format '%s'; `iodirty list formats`",
				   m->format);
	return EXIT_CODE_PASSED;
}

/* Of what is asked for as it should be: can the target do it? */
static int check_target(const struct command *command, const struct plan_request *q, uint64_t caps)
{
	const struct machine_options *m = &q->common.machine;

	if (q->how != PLAN_MODEL && !(caps & TARGET_VFIO)) {
		fprintf(stderr, "iodirty: %s: target %s has no VFIO devices to migrate\n",
			command->name, m->driver->name);
		return EXIT_CODE_NOTHING_RAN;
	}
	if (q->record && !(caps & TARGET_RECORD))
		return usage_error(command, "--record: target %s cannot", m->driver->name);
	if (m->split && q->how != PLAN_MODEL && !(caps & TARGET_SPLIT))
		return usage_error(command, "--split: target %s cannot", m->driver->name);
	return EXIT_CODE_PASSED;
}

/* 0: the smallest of a page at the least. */
static int choose_leaf(const struct command *command, const struct iodirty_format_info *format,
		       uint64_t asked, uint64_t *leaf)
{
	uint64_t sizes = format->leaf_sizes & -PAGE;

	*leaf = asked ? asked : sizes & -sizes;
	if (*leaf & (*leaf - 1) || !(sizes & *leaf))
		return usage_error(command, "%s has no leaves of %" PRIu64 " bytes", format->name,
				   *leaf);
	return EXIT_CODE_PASSED;
}

/* ---- a workload ---- */

static int check_memory(const struct command *command, const struct plan_request *q,
			struct migration_options *o)
{
	struct machine_options *m = &o->machine;

	if (m->memory % m->leaf)
		return usage_error(command, "--memory must be a multiple of the leaf size");
	if (q->how != PLAN_MODEL && m->memory > MEASURED_MEMORY_MOST)
		return usage_error(command, "--memory takes a size up to 1T, but for --model");
	return EXIT_CODE_PASSED;
}

static int too_few(const struct command *command, const struct migration_options *o,
		   const char *workload, unsigned int least)
{
	return usage_error(command, "%s with %s takes at least %u devices",
			   machine_trackers_name(o->machine.trackers), workload, least);
}

/* Shapes: the devices of the machine do them in turn. */
static int plan_shapes(const struct command *command, const struct plan_request *q,
		       const char *name, struct migration_entry *e)
{
	struct migration_options *o = &e->o;
	unsigned int least = machine_devices_min(o->machine.trackers);
	size_t used = 0;

	least = o->n_shapes > least ? o->n_shapes : least;
	for (unsigned int i = 0; i < o->n_shapes; i++) {
		least = o->shapes[i]->devices > least ? o->shapes[i]->devices : least;
		if (used < sizeof(e->origin))
			used += snprintf(e->origin + used, sizeof(e->origin) - used,
					 "%s%s (workloads/shape.c)", i ? "; " : "",
					 o->shapes[i]->summary);
	}
	if (q->devices && q->devices < least)
		return too_few(command, o, name, least);
	o->machine.devices = q->devices ? q->devices : least < 2 ? 2 : least;
	if (o->own_rate && !o->rate && (q->how != PLAN_MEASURE || o->clock == MIGRATION_TRACE))
		return usage_error(command, "--rate 0: flat out has no times; only devices' own "
					    "generators can, by the clock on the wall");
	return EXIT_CODE_PASSED;
}

/* A trace has memory of its own; --memory may be more. */
static int place_workload(const struct command *command, const struct plan_request *q,
			  const struct workload *w, struct machine_options *m)
{
	if (!q->own_memory)
		m->memory = (w->length + m->leaf - 1) / m->leaf * m->leaf;
	if (w->length <= m->memory)
		return EXIT_CODE_PASSED;
	return usage_error(command,
			   "workload %s is of %" PRIu64 " KiB of memory: --memory %" PRIu64
			   "K or more, or none",
			   w->name, w->length >> 10, w->length >> 10);
}

static int plan_workload(const struct command *command, const struct plan_request *q,
			 const char *name, struct migration_entry *e)
{
	struct migration_options *o = &e->o;
	struct machine_options *m = &o->machine;
	const struct workload_options options = {
		.memory = m->memory,
		.seed = o->seed,
		.own_rate = o->own_rate,
		.rate = o->rate,
	};
	unsigned int least = machine_devices_min(m->trackers);
	char error[WORKLOAD_ERROR];
	struct workload *w = workload_open(name, &options, error);
	int exit_code;

	if (!w)
		return usage_error(command, "%s", error);
	least = w->devices > least ? w->devices : least;
	m->devices = q->devices ? q->devices : least;
	o->workload = name;
	o->n_shapes = 0;
	snprintf(e->origin, sizeof(e->origin), "%s", w->origin);
	e->pattern = w->pattern;
	exit_code = place_workload(command, q, w, m);
	workload_close(w);
	if (exit_code == EXIT_CODE_PASSED && m->devices < least)
		exit_code = too_few(command, o, name, least);
	return exit_code;
}

static int plan_one(const struct command *command, const struct plan_request *q,
		    const struct tables *tables, const char *tracker, const char *workload,
		    uint64_t leaf, struct migration_entry *e)
{
	struct machine_options *m = &e->o.machine;
	int exit_code = parse_trackers(tracker, &m->trackers);

	m->format = tables->format.name;
	m->granule = (uint64_t)1 << tables->format.granule_lg2;
	m->granule = m->granule > PAGE ? m->granule : PAGE;
	if (exit_code == EXIT_CODE_PASSED)
		exit_code = choose_leaf(command, &tables->format, leaf, &m->leaf);
	if (exit_code == EXIT_CODE_PASSED)
		exit_code = parse_shapes(workload, &e->o) ? plan_shapes(command, q, workload, e) :
							    plan_workload(command, q, workload, e);
	if (exit_code == EXIT_CODE_PASSED)
		exit_code = check_memory(command, q, &e->o);
	return exit_code;
}

/* The model's comes after that which is measured. */
static int add(const struct command *command, const struct plan_request *q,
	       const struct migration_entry *e, struct migration_entry *out, size_t *n)
{
	if (*n >= (q->how == PLAN_BOTH ? 2 : 1) * PLAN_MOST)
		return usage_error(command, "more than %d migrations", PLAN_MOST);
	out[*n] = *e;
	out[(*n)++].model = q->how == PLAN_MODEL;
	if (q->how == PLAN_BOTH) {
		out[*n] = *e;
		out[(*n)++].model = true;
	}
	return EXIT_CODE_PASSED;
}

int plan_make(const struct command *command, struct plan_request *q, struct migration_entry *out,
	      size_t *n)
{
	static struct tables tables; /* options point to the format's name */
	int exit_code = ask_target(command, q, &tables);

	all_names(q);
	*n = 0;
	for (unsigned int w = 0; w < q->workloads.n; w++) {
		for (unsigned int k = 0; k < q->trackers.n * q->leaves.n; k++) {
			struct migration_entry e = { .o = q->common };

			if (exit_code == EXIT_CODE_PASSED)
				exit_code = plan_one(
					command, q, &tables, q->trackers.list[k / q->leaves.n],
					q->workloads.list[w], q->leaves.list[k % q->leaves.n], &e);
			for (unsigned int l = 0; l < q->links.n; l++) {
				e.o.link = q->links.list[l];
				if (exit_code == EXIT_CODE_PASSED)
					exit_code = add(command, q, &e, out, n);
			}
		}
	}
	return exit_code == EXIT_CODE_PASSED ? check_target(command, q, tables.caps) : exit_code;
}
