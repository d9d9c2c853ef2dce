/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* results.json: everything, for programs; reports/schemas/results.schema.json. */
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "text.h"
#include "version.h"
#include "view.h"

/* Text from outside, which may not be UTF-8. */
static json_t *clean_string(const char *text)
{
	char *copy = text_clean_copy(text);
	json_t *value = json_string(copy);

	free(copy);
	return value;
}

static json_t *hex(uint64_t value)
{
	return json_sprintf("0x%" PRIx64, value);
}

static json_t *command_line(const struct run *run)
{
	json_t *list = json_pack("[s]", "iodirty");

	for (int i = 0; i < run->argc; i++)
		json_array_append_new(list, clean_string(run->argv[i]));
	return list;
}

json_t *json_caps(uint64_t caps)
{
	json_t *list = json_array();

	for (; caps; caps &= caps - 1) {
		const char *name = target_cap_name(caps & -caps);

		json_array_append_new(list, name ? json_string(name) : hex(caps & -caps));
	}
	return list;
}

static json_t *target(const struct run *run)
{
	return json_pack("{s:s, s:o, s:s, s:o}", "name", run->driver->name, "argument",
			 run->target_arg ? clean_string(run->target_arg) : json_null(), "summary",
			 run->driver->summary, "capabilities", json_caps(run->caps));
}

/* The "model name" of the first processor, where /proc/cpuinfo has such. */
static json_t *cpu_model(void)
{
	FILE *file = fopen("/proc/cpuinfo", "r");
	json_t *model = NULL;
	char line[512];

	while (file && !model && fgets(line, sizeof(line), file)) {
		char *colon = strchr(line, ':');

		if (!strncmp(line, "model name", 10) && colon)
			model = clean_string(colon + strspn(colon, ": "));
	}
	if (file)
		fclose(file);
	return model ? model : json_string("unknown");
}

static json_t *host(void)
{
	json_int_t memory = (json_int_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
	struct utsname u;

	uname(&u);
	return json_pack("{s:o, s:s, s:s, s:s, s:s, s:o, s:i, s:I}", "name",
			 clean_string(u.nodename), "system", u.sysname, "release", u.release,
			 "version", u.version, "machine", u.machine, "cpu", cpu_model(), "cpus",
			 (int)sysconf(_SC_NPROCESSORS_ONLN), "memory_bytes", memory);
}

static json_t *formats_of(const struct run *run)
{
	json_t *list = json_array();

	for (size_t i = 0; i < run->n_formats; i++) {
		const struct iodirty_format_info *f = &run->formats[i];

		json_array_append_new(list,
				      json_pack("{s:s, s:i, s:o, s:o, s:o, s:b}", "name", f->name,
						"granule_lg2", (int)f->granule_lg2, "leaf_sizes",
						hex(f->leaf_sizes), "aperture_first",
						hex(f->aperture_first), "aperture_last",
						hex(f->aperture_last), "dirty",
						!!(f->flags & IODIRTY_FORMAT_DIRTY)));
	}
	return list;
}

static json_t *requirements_of(const struct run *run)
{
	json_t *list = json_array();

	for (size_t i = 0; i < run->n_reqs; i++) {
		const struct requirement *r = run->reqs[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:b}", "id", r->id,
						      "chapter", r->chapter, "title", r->title,
						      "class", requirement_class_name(r), "stake",
						      r->stake, "waivable", r->waivable));
	}
	return list;
}

static json_t *measures_of(const struct record *r)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < r->measures; i++) {
		double value = r->measure[i].value;

		json_array_append_new(
			list, json_pack("{s:s, s:o, s:s}", "name", r->measure[i].name, "value",
					isfinite(value) ? json_real(value) : json_null(), "unit",
					r->measure[i].unit));
	}
	return list;
}

static json_t *cases_of(const struct run *run)
{
	json_t *list = json_array();

	for (size_t i = 0; i < run->n_cases; i++) {
		const struct run_case *rc = &run->cases[i];
		const struct record *r = rc->c.record;

		json_array_append_new(
			list,
			json_pack("{s:s, s:s, s:s, s:o, s:s, s:s, s:s, s:o, s:f, s:o, s:s, s:i}",
				  "requirement", rc->req->id, "test", rc->c.test->name, "config",
				  rc->c.config_name, "needs", json_caps(rc->c.test->needs),
				  "verdict", verdict_name(case_verdict(rc)), "message", r->message,
				  "notes", r->notes, "deviation",
				  r->deviation[0] ? json_string(r->deviation) : json_null(),
				  "seconds", r->seconds, "measures", measures_of(r), "file",
				  rc->c.test->file, "line", rc->c.test->line));
	}
	return list;
}

static json_t *table_of(const struct summary *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->n_cells; i++)
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:s}", "requirement",
						s->cells[i].req->id, "config", s->cells[i].config,
						"verdict", verdict_name(s->cells[i].verdict)));
	return list;
}

static json_t *totals_of(const size_t totals[N_VERDICTS])
{
	json_t *object = json_object();

	for (int v = 0; v < N_VERDICTS; v++)
		if (v != VERDICT_RUNNING)
			json_object_set_new(object, verdict_name(v), json_integer(totals[v]));
	return object;
}

static json_t *unexercised_of(const struct summary *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->n_unexercised; i++)
		json_array_append_new(list, json_string(s->unexercised[i]->id));
	return list;
}

void json_view(const struct run *run, const struct summary *s, FILE *out)
{
	json_t *root = json_object();
	char started[32];

	strftime(started, sizeof(started), "%Y-%m-%dT%H:%M:%SZ", gmtime(&run->started));
	json_object_set_new(root, "schema", json_string("iodirty-results-2"));
	json_object_set_new(root, "run", json_string(run->id));
	json_object_set_new(root, "tool",
			    json_pack("{s:s, s:s}", "name", "iodirty", "version", IODIRTY_VERSION));
	json_object_set_new(root, "command", command_line(run));
	json_object_set_new(root, "target", target(run));
	json_object_set_new(root, "host", host());
	json_object_set_new(root, "seed", hex(run->seed));
	json_object_set_new(root, "started", json_string(started));
	json_object_set_new(root, "seconds", json_real(run->seconds));
	json_object_set_new(root, "complete", json_boolean(run->complete));
	json_object_set_new(root, "outcome", json_string(s->outcome));
	json_object_set_new(root, "exit_code", json_integer(s->exit_code));
	json_object_set_new(root, "totals", totals_of(s->cases));
	json_object_set_new(root, "table_totals", totals_of(s->table));
	json_object_set_new(root, "not_exercised", unexercised_of(s));
	json_object_set_new(root, "formats", formats_of(run));
	json_object_set_new(root, "requirements", requirements_of(run));
	json_object_set_new(root, "table", table_of(s));
	json_object_set_new(root, "cases", cases_of(run));
	json_dumpf(root, out, JSON_INDENT(1));
	fputc('\n', out);
	json_decref(root);
}
