/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A replay, as text and as replay.json. */
#include <inttypes.h>
#include <jansson.h>

#include "replay.h"
#include "version.h"

#define SHOWN 12 /* rounds, one by one */
#define MS 1e6
#define MIB (1024.0 * 1024)

static void print_round(const struct replay *r, unsigned int k, FILE *out)
{
	const struct replay_round *round = &r->rounds[k];

	fprintf(out, "%6u %10.0f %10" PRIu64 " %10" PRIu64 " %10.2f %10" PRIu64 " %12.3f\n", k,
		k * (r->round_ns / MS), round->records, round->writes, round->bytes / MIB,
		round->reported, round->harvest_ns / MS);
}

void replay_print(const struct replay *r, FILE *out)
{
	const struct space *s = &r->space;
	struct replay_round sum = { 0 };

	fprintf(out,
		"%s on %s %s: %" PRIu64 " KiB at IOVA 0x%" PRIx64
		", %u device%s, leaves of %" PRIu64 " KiB, pages of %" PRIu64 " KiB\n",
		r->w->name, s->t->driver->name, s->format.name, s->length >> 10, s->iova, s->n,
		s->n == 1 ? "" : "s", s->leaf >> 10, s->page >> 10);
	if (s->at != s->iova)
		fprintf(out, "the memory is at IOVA 0x%" PRIx64 " there\n", s->at);
	if (!s->moves_bytes)
		fprintf(out, "no bytes are moved there: writes mark what they would have written, "
			     "reads do nothing\n");
	if (!s->leaves_exact)
		fprintf(out, "leaves may be of other sizes there: that decides what is reported\n");
	fprintf(out, "%6s %10s %10s %10s %10s %10s %12s\n", "round", "at ms", "records", "writes",
		"MiB", "reported", "harvest ms");
	for (unsigned int k = 0; k < r->n_rounds; k++) {
		sum.records += r->rounds[k].records;
		sum.writes += r->rounds[k].writes;
		sum.bytes += r->rounds[k].bytes;
		sum.reported += r->rounds[k].reported;
		sum.harvest_ns += r->rounds[k].harvest_ns;
		if (k < SHOWN)
			print_round(r, k, out);
		else if (k == SHOWN)
			fprintf(out, "%6s\n", "...");
	}
	fprintf(out,
		"%u rounds: %" PRIu64 " records, %" PRIu64 " writes of %.2f MiB, %" PRIu64
		" pages reported, harvests of %.3f ms\n",
		r->n_rounds, sum.records, sum.writes, sum.bytes / MIB, sum.reported,
		sum.harvest_ns / MS);
	if (r->pace > 0)
		fprintf(out, "at the most %.3f ms behind\n", r->lag_ns / MS);
}

/* ---- JSON ---- */

static void set_number(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, json_integer((json_int_t)value));
}

static json_t *rounds_of(const struct replay *r)
{
	json_t *list = json_array();

	for (unsigned int k = 0; k < r->n_rounds; k++) {
		json_t *round = json_object();

		set_number(round, "records", r->rounds[k].records);
		set_number(round, "writes", r->rounds[k].writes);
		set_number(round, "bytes", r->rounds[k].bytes);
		set_number(round, "reported_pages", r->rounds[k].reported);
		set_number(round, "harvest_ns", r->rounds[k].harvest_ns);
		json_array_append_new(list, round);
	}
	return list;
}

void replay_json(const struct replay *r, const char *target, int argc, char **argv, FILE *out)
{
	json_t *root = json_object(), *command = json_pack("[s]", "iodirty");
	const struct space *s = &r->space;

	for (int i = 0; i < argc; i++)
		json_array_append_new(command, json_string(argv[i]));
	json_object_set_new(root, "schema", json_string("iodirty-replay-1"));
	json_object_set_new(root, "tool",
			    json_pack("{s:s, s:s}", "name", "iodirty", "version", IODIRTY_VERSION));
	json_object_set_new(root, "command", command);
	json_object_set_new(root, "target", json_string(target));
	json_object_set_new(root, "format", json_string(s->format.name));
	json_object_set_new(root, "trace", json_string(r->w->name));
	json_object_set_new(root, "iova", json_sprintf("0x%" PRIx64, s->iova));
	set_number(root, "length", s->length);
	set_number(root, "leaf_bytes", s->leaf);
	json_object_set_new(root, "leaves_exact", json_boolean(s->leaves_exact));
	set_number(root, "page_bytes", s->page);
	set_number(root, "round_ns", r->round_ns);
	set_number(root, "rounds_limit", r->rounds_limit);
	json_object_set_new(root, "complete", json_boolean(!r->exit_code));
	if (r->exit_code)
		json_object_set_new(root, "error", json_string(r->error));
	if (r->pace > 0)
		set_number(root, "lag_ns", r->lag_ns);
	json_object_set_new(root, "rounds", rounds_of(r));
	json_dumpf(root, out, JSON_INDENT(1));
	fputc('\n', out);
	json_decref(root);
}
