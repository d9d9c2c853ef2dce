/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What became of migrations: for a person, and as JSON. */
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "migration.h"
#include "version.h"

#define MIB 1048576.0
#define MS 1e6

const char *migration_verdict_name(enum migration_verdict verdict)
{
	static const char *const names[] = {
		[MIGRATION_EQUAL] = "equal",	     [MIGRATION_DIFFERS] = "differs",
		[MIGRATION_LOST] = "lost",	     [MIGRATION_FAILED] = "failed",
		[MIGRATION_PREDICTED] = "predicted",
	};

	return names[verdict];
}

const char *migration_workload(const struct migration_options *o, char out[128])
{
	size_t used = 0;

	out[0] = '\0';
	for (unsigned int i = 0; i < o->n_shapes && used < 128; i++)
		used += snprintf(out + used, 128 - used, "%s%s", i ? "+" : "", o->shapes[i]->name);
	return out;
}

/* "64 MiB", or KiB where it is not whole; @out holds 32 bytes. */
static const char *size_text(uint64_t bytes, char out[32])
{
	bool whole = bytes % (1 << 20) == 0;

	snprintf(out, 32, "%" PRIu64 " %s", bytes >> (whole ? 20 : 10), whole ? "MiB" : "KiB");
	return out;
}

static double ratio(uint64_t a, uint64_t b)
{
	return b ? (double)a / b : 0;
}

/* What a link would have taken for @bytes; 0 without one. */
static double link_ms(const struct migration_options *o, uint64_t bytes)
{
	return ratio(bytes, o->link) * 1e3;
}

static void print_rounds(const struct migration_result *r, FILE *out)
{
	fprintf(out, "  %5s %12s %10s | %10s %10s %6s %10s\n", "round", "sent MiB", "ms",
		"reported", "written", "lost", "report ms");
	for (unsigned int i = 0; i < r->n_rounds; i++) {
		const struct migration_round *round = &r->rounds[i];

		fprintf(out,
			"  %4u%c %12.2f %10.2f | %10" PRIu64 " %10" PRIu64 " %6" PRIu64 " %10.3f\n",
			i + 1, i + 1 < r->n_rounds ? ' ' : '*', round->bytes / MIB,
			round->copy_ns / MS, round->reported, round->written, round->lost,
			round->report_ns / MS);
	}
}

static void print_page(const struct migration_page *page, FILE *out)
{
	fprintf(out, "  IOVA %#" PRIx64 ": %#" PRIx64 " expected, %#" PRIx64 " seen; ", page->iova,
		page->expected, page->seen);
	if (page->loss.found)
		fprintf(out, "lost in report %u: write %" PRIu64 " of device %u\n",
			page->loss.report, page->loss.write, page->loss.source);
	else
		fprintf(out, "no report of it was lost\n");
}

static void print_verdict(const struct migration_options *o, const struct migration_result *r,
			  FILE *out)
{
	char size[32];

	switch (r->verdict) {
	case MIGRATION_EQUAL:
		fprintf(out, "equal: every byte of %s\n", size_text(o->machine.memory, size));
		break;
	case MIGRATION_LOST:
		fprintf(out,
			"LOST: %" PRIu64 " pages were not reported; every byte is equal only "
			"since they were written again\n",
			r->lost);
		break;
	case MIGRATION_DIFFERS:
		fprintf(out, "DIFFERS: %" PRIu64 " pages of %" PRIu64 "\n", r->differ,
			o->machine.memory / r->page);
		for (uint64_t i = 0; i < r->differ && i < MIGRATION_SHOWN; i++)
			print_page(&r->pages[i], out);
		if (r->differ > MIGRATION_SHOWN)
			fprintf(out, "  and %" PRIu64 " more\n", r->differ - MIGRATION_SHOWN);
		break;
	case MIGRATION_PREDICTED:
		fprintf(out, "predicted: no byte was moved\n");
		break;
	case MIGRATION_FAILED:
		fprintf(out, "FAILED: %s\n", r->error);
		break;
	}
}

void migration_print(const struct migration_options *o, const struct migration_result *r, FILE *out)
{
	char workload[128], size[32];

	fprintf(out, "%s, %s, %s, %u devices, seed %" PRIu64 "\n",
		machine_trackers_name(o->machine.trackers), migration_workload(o, workload),
		size_text(o->machine.memory, size), o->machine.devices, o->seed);
	if (r->verdict == MIGRATION_FAILED) {
		print_verdict(o, r, out);
		return;
	}
	print_rounds(r, out);
	fprintf(out,
		"  *: stopped. %u rounds%s, %.2f MiB sent, %" PRIu64
		" writes; pages reported %" PRIu64 ", written %" PRIu64 ": %.2f to 1\n",
		r->n_rounds, r->converged ? "" : " (the most: it does not converge)",
		r->bytes / MIB, r->writes, r->reported, r->written, ratio(r->reported, r->written));
	fprintf(out, "  downtime %.2f ms, %.3f of a copy of all memory (%.2f ms)",
		r->downtime_ns / MS, ratio(r->downtime_ns, r->full_ns), r->full_ns / MS);
	if (o->link)
		fprintf(out, "; by the link %.2f ms",
			r->final_report_ns / MS + link_ms(o, r->final_bytes));
	fprintf(out, "\n");
	if (r->states)
		fprintf(out, "  state of %u devices: %" PRIu64 " bytes; they go on\n", r->states,
			r->state_bytes);
	print_verdict(o, r, out);
}

void migration_table(const struct migration_options *o, const struct migration_result *r, size_t n,
		     FILE *out)
{
	char workload[128];

	fprintf(out, "%-8s %-16s %7s %12s %10s %9s %12s %12s  %s\n", "tracker", "workload",
		"rounds", "sent MiB", "last MiB", "reported", "downtime ms", "by the link",
		"verdict");
	for (size_t i = 0; i < n; i++) {
		fprintf(out, "%-8s %-16s ", machine_trackers_name(o[i].machine.trackers),
			migration_workload(&o[i], workload));
		if (r[i].verdict == MIGRATION_FAILED) {
			fprintf(out, "failed: %s\n", r[i].error);
			continue;
		}
		fprintf(out, "%6u%s %12.2f %10.2f %8.2fx %12.2f ", r[i].n_rounds,
			r[i].converged ? " " : "+", r[i].bytes / MIB, r[i].final_bytes / MIB,
			ratio(r[i].reported, r[i].written), r[i].downtime_ns / MS);
		if (o[i].link)
			fprintf(out, "%12.2f",
				r[i].final_report_ns / MS + link_ms(&o[i], r[i].final_bytes));
		else
			fprintf(out, "%12s", "-");
		fprintf(out, "  %s\n", migration_verdict_name(r[i].verdict));
	}
	fprintf(out, "+: the most rounds, it does not converge. reported: pages to one written\n");
}

/* ---- JSON ---- */

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

static json_t *migration_of(const struct migration_options *o, const struct migration_result *r)
{
	char workload[128];
	json_t *object = json_pack(
		"{s:s, s:s, s:I, s:i, s:I, s:I, s:o, s:s}", "tracker",
		machine_trackers_name(o->machine.trackers), "workload",
		migration_workload(o, workload), "memory_bytes", (json_int_t)o->machine.memory,
		"devices", (int)o->machine.devices, "link_bytes_per_second", (json_int_t)o->link,
		"downtime_limit_ns", (json_int_t)o->downtime_ns, "seed", hex(o->seed), "verdict",
		migration_verdict_name(r->verdict));

	if (r->verdict == MIGRATION_FAILED) {
		json_object_set_new(object, "error", json_string(r->error));
		return object;
	}
	json_object_update_new(
		object,
		json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:i}",
			  "converged", (int)r->converged, "page_bytes", (json_int_t)r->page,
			  "sent_bytes", (json_int_t)r->bytes, "reported_pages",
			  (json_int_t)r->reported, "written_pages", (json_int_t)r->written,
			  "lost_pages", (json_int_t)r->lost, "writes", (json_int_t)r->writes,
			  "downtime_ns", (json_int_t)r->downtime_ns, "full_copy_ns",
			  (json_int_t)r->full_ns, "last_bytes", (json_int_t)r->final_bytes,
			  "differing_pages", (json_int_t)r->differ, "state_bytes",
			  (json_int_t)r->state_bytes, "states", (int)r->states));
	if (o->link)
		json_object_set_new(
			object, "link_downtime_ns",
			json_real((double)r->final_report_ns + link_ms(o, r->final_bytes) * MS));
	json_object_set_new(object, "rounds", rounds_of(r));
	json_object_set_new(object, "differing", pages_of(r));
	return object;
}

void migration_json(const struct migration_options *o, const struct migration_result *r, size_t n,
		    int argc, char **argv, FILE *out)
{
	json_t *root = json_object(), *command = json_pack("[s]", "iodirty");
	json_t *list = json_array();

	for (int i = 0; i < argc; i++)
		json_array_append_new(command, json_string(argv[i]));
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, migration_of(&o[i], &r[i]));
	json_object_set_new(root, "schema", json_string("iodirty-migrate-1"));
	json_object_set_new(root, "tool",
			    json_pack("{s:s, s:s}", "name", "iodirty", "version", IODIRTY_VERSION));
	json_object_set_new(root, "command", command);
	json_object_set_new(root, "target", json_string(o->machine.driver->name));
	json_object_set_new(root, "migrations", list);
	json_dumpf(root, out, JSON_INDENT(1));
	fputc('\n', out);
	json_decref(root);
}
