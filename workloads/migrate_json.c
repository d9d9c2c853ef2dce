/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* migrate.json: reports/schemas/migrate.schema.json is what it is held to. */
#include <inttypes.h>
#include <jansson.h>

#include "show.h"
#include "version.h"

static json_t *hex(uint64_t value)
{
	return json_sprintf("0x%" PRIx64, value);
}

static json_t *rounds_of(const struct migration_result *r)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < r->n_rounds; i++) {
		const struct migration_round *round = &r->rounds[i];

		json_array_append_new(list, json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "bytes",
						      (json_int_t)round->bytes, "copy_ns",
						      (json_int_t)round->copy_ns, "reported_pages",
						      (json_int_t)round->reported, "written_pages",
						      (json_int_t)round->written, "lost_pages",
						      (json_int_t)round->lost, "report_ns",
						      (json_int_t)round->report_ns));
	}
	return list;
}

static json_t *pages_of(const struct migration_result *r)
{
	json_t *list = json_array();

	for (uint64_t i = 0; i < r->differ && i < MIGRATION_SHOWN; i++) {
		const struct migration_page *page = &r->pages[i];
		json_t *entry = json_pack("{s:o, s:o, s:o}", "iova", hex(page->iova), "expected",
					  hex(page->expected), "seen", hex(page->seen));

		if (page->loss.found)
			json_object_set_new(entry, "lost",
					    json_pack("{s:i, s:i, s:I}", "report",
						      (int)page->loss.report, "device",
						      (int)page->loss.source, "write",
						      (json_int_t)page->loss.write));
		json_array_append_new(list, entry);
	}
	return list;
}

/* What it was to be. */
static json_t *request_of(const struct migration_entry *e)
{
	const struct migration_options *o = &e->o;
	const struct machine_options *m = &o->machine;
	bool by_trace = e->model || o->clock == MIGRATION_TRACE;
	char workload[128];

	return json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:I, s:I, s:b, s:i, s:I, s:I, s:i, s:o, s:s}",
		"how", e->model ? "model" : "measured", "clock", by_trace ? "trace" : "wall",
		"tracker", machine_trackers_name(m->trackers), "workload",
		migration_workload(o, workload), "origin", e->origin, "pattern", (int)e->pattern,
		"format", m->format, "memory_bytes", (json_int_t)m->memory, "leaf_bytes",
		(json_int_t)m->leaf, "split", (int)m->split, "devices", (int)m->devices,
		"link_bytes_per_second", (json_int_t)o->link, "downtime_limit_ns",
		(json_int_t)o->downtime_ns, "rounds_limit", (int)o->rounds, "seed", hex(o->seed),
		"verdict", migration_verdict_name(e->r.verdict));
}

/* What became of it. */
static json_t *outcome_of(const struct migration_entry *e)
{
	const struct migration_result *r = &e->r;
	json_t *object = json_pack(
		"{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:i}", "converged",
		(int)r->converged, "page_bytes", (json_int_t)r->page, "sent_bytes",
		(json_int_t)r->bytes, "reported_pages", (json_int_t)r->reported, "written_pages",
		(json_int_t)r->written, "lost_pages", (json_int_t)r->lost, "writes",
		(json_int_t)r->writes, "total_ns", (json_int_t)r->total_ns, "full_copy_ns",
		(json_int_t)r->full_ns, "last_bytes", (json_int_t)r->final_bytes, "differing_pages",
		(json_int_t)r->differ, "state_bytes", (json_int_t)r->state_bytes, "states",
		(int)r->states);

	if (!e->model)
		json_object_set_new(object, "downtime_ns",
				    json_integer((json_int_t)r->downtime_ns));
	if (e->o.link)
		json_object_set_new(object, "link_downtime_ns", json_real(migration_link_ns(e)));
	json_object_set_new(object, "rounds", rounds_of(r));
	json_object_set_new(object, "differing", pages_of(r));
	return object;
}

static json_t *migration_of(const struct migration_entry *e)
{
	json_t *object = request_of(e), *outcome;

	if (e->model)
		json_object_set_new(object, "cost",
				    json_pack("{s:f, s:f, s:f}", "call_ns", e->cost.call, "page_ns",
					      e->cost.page, "dirty_ns", e->cost.dirty));
	if (e->r.verdict == MIGRATION_FAILED) {
		json_object_set_new(object, "error", json_string(e->r.error));
		return object;
	}
	outcome = outcome_of(e);
	json_object_update(object, outcome);
	json_decref(outcome);
	return object;
}

static json_t *agreement_of(const struct migration_entry *e, size_t n)
{
	json_t *list = json_array();

	for (size_t i = 0; i + 1 < n; i += 2) {
		struct migration_agreement a;

		migration_compare(&e[i], &e[i + 1], &a);
		json_array_append_new(
			list, json_pack("{s:I, s:I, s:f, s:f, s:f, s:b}", "measured", (json_int_t)i,
					"model", (json_int_t)i + 1, "rounds", a.rounds, "sent",
					a.sent, "downtime", a.downtime, "agrees", (int)a.agrees));
	}
	return list;
}

void migration_json(const struct migration_entry *e, size_t n, bool against, int argc, char **argv,
		    FILE *out)
{
	json_t *root = json_object(), *command = json_pack("[s]", "iodirty");
	json_t *list = json_array();

	for (int i = 0; i < argc; i++)
		json_array_append_new(command, json_string(argv[i]));
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, migration_of(&e[i]));
	json_object_set_new(root, "schema", json_string("iodirty-migrate-2"));
	json_object_set_new(root, "tool",
			    json_pack("{s:s, s:s}", "name", "iodirty", "version", IODIRTY_VERSION));
	json_object_set_new(root, "command", command);
	json_object_set_new(root, "target", json_string(e->o.machine.driver->name));
	json_object_set_new(root, "migrations", list);
	if (against)
		json_object_set_new(root, "agreement", agreement_of(e, n));
	json_dumpf(root, out, JSON_INDENT(1));
	fputc('\n', out);
	json_decref(root);
}
