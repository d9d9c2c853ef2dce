/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What became of migrations, for a person. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "show.h"

#define MIB 1048576.0
#define MS 1e6
#define LATE 10000000 /* ns: less is a processor that was busy for a moment */

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

	snprintf(out, 128, "%s", o->workload ? o->workload : "");
	for (unsigned int i = 0; !o->workload && i < o->n_shapes && used < 128; i++)
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

double migration_link_ns(const struct migration_entry *e)
{
	return (double)e->r.final_report_ns + ratio(e->r.final_bytes, e->o.link) * 1e9;
}

/* "2M"; @out holds 16 bytes. */
static const char *unit_text(uint64_t size, char out[16])
{
	static const char *const units[] = { "", "K", "M", "G", "T" };
	unsigned int unit = 0;

	for (; unit < 4 && size && size % 1024 == 0; unit++)
		size /= 1024;
	snprintf(out, 16, "%u%s", (unsigned int)size, units[unit]);
	return out;
}

/* "2M", or "2M/4K" of leaves that are split. */
static const char *leaf_text(const struct migration_options *o, char out[32])
{
	char leaf[16], granule[16];

	snprintf(out, 32, "%s%s%s", unit_text(o->machine.leaf, leaf), o->machine.split ? "/" : "",
		 o->machine.split ? unit_text(o->machine.granule, granule) : "");
	return out;
}

/* "10G", or "-". */
static const char *link_text(const struct migration_options *o, char out[32])
{
	double bits = (double)o->link * 8;

	if (!o->link)
		snprintf(out, 32, "-");
	else if (bits >= 1e9)
		snprintf(out, 32, "%.4gG", bits / 1e9);
	else
		snprintf(out, 32, "%.4gM", bits / 1e6);
	return out;
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

void migration_print(const struct migration_entry *e, FILE *out)
{
	const struct migration_options *o = &e->o;
	const struct migration_result *r = &e->r;
	char workload[128], size[32], leaf[32];

	fprintf(out, "%s, %s, %s in leaves of %s, %u devices, seed %" PRIu64 "%s\n",
		machine_trackers_name(o->machine.trackers), migration_workload(o, workload),
		size_text(o->machine.memory, size), leaf_text(o, leaf), o->machine.devices, o->seed,
		e->model		    ? ", by the model" :
		o->clock == MIGRATION_TRACE ? ", by the workload's clock" :
					      "");
	if (e->pattern)
		fprintf(out, "  (an access pattern: its addresses are no device's)\n");
	if (r->verdict == MIGRATION_FAILED) {
		print_verdict(o, r, out);
		return;
	}
	print_rounds(r, out);
	fprintf(out,
		"  *: stopped. %u rounds%s, %.2f MiB sent in %.2f ms, %" PRIu64
		" writes; pages reported %" PRIu64 ", written %" PRIu64 ": %.2f to 1\n",
		r->n_rounds, r->converged ? "" : " (the most: it does not converge)",
		r->bytes / MIB, r->total_ns / MS, r->writes, r->reported, r->written,
		ratio(r->reported, r->written));
	if (!e->model)
		fprintf(out, "  downtime %.2f ms, %.3f of a copy of all memory (%.2f ms)%s",
			r->downtime_ns / MS, ratio(r->downtime_ns, r->full_ns), r->full_ns / MS,
			o->link ? ";" : "\n");
	if (o->link)
		fprintf(out, "  downtime by the link %.2f ms\n", migration_link_ns(e) / MS);
	if (r->late_ns > LATE)
		fprintf(out,
			"  the workload was %.2f ms late: this machine does not keep up with it; a "
			"lower --rate, or --clock trace, which has its times\n",
			r->late_ns / MS);
	if (r->states)
		fprintf(out, "  state of %u devices: %" PRIu64 " bytes; they go on\n", r->states,
			r->state_bytes);
	print_verdict(o, r, out);
}

static void print_name(const struct migration_entry *e, FILE *out)
{
	char workload[128], leaf[32], link[32];

	fprintf(out, "%-8s %-16s %7s %6s ", machine_trackers_name(e->o.machine.trackers),
		migration_workload(&e->o, workload), leaf_text(&e->o, leaf),
		link_text(&e->o, link));
}

void migration_table(const struct migration_entry *e, size_t n, FILE *out)
{
	fprintf(out, "%-8s %-16s %7s %6s %7s %12s %10s %9s %12s %12s  %s\n", "tracker", "workload",
		"leaf", "link", "rounds", "sent MiB", "last MiB", "reported", "downtime ms",
		"by the link", "verdict");
	for (size_t i = 0; i < n; i++) {
		const struct migration_result *r = &e[i].r;

		print_name(&e[i], out);
		if (r->verdict == MIGRATION_FAILED) {
			fprintf(out, "failed: %s\n", r->error);
			continue;
		}
		fprintf(out, "%6u%s %12.2f %10.2f %8.2fx ", r->n_rounds, r->converged ? " " : "+",
			r->bytes / MIB, r->final_bytes / MIB, ratio(r->reported, r->written));
		if (e[i].model)
			fprintf(out, "%12s ", "-");
		else
			fprintf(out, "%12.2f ", r->downtime_ns / MS);
		if (e[i].o.link)
			fprintf(out, "%12.2f", migration_link_ns(&e[i]) / MS);
		else
			fprintf(out, "%12s", "-");
		fprintf(out, "  %s\n", migration_verdict_name(r->verdict));
	}
	fprintf(out, "+: the most rounds, it does not converge. reported: pages to one written\n");
}

/* ---- beside the model ---- */

/* Nothing is as much as nothing; and nothing else. */
static double against(double measured, double model)
{
	return model ? measured / model : measured ? 0 : 1;
}

static bool close_to_one(double x)
{
	return x >= 0.9 && x <= 1.1;
}

/*
 * Who asks for a downtime cannot tell apart what differs by a hundredth of it: of next to nothing,
 * which is what one report takes, 10 % would be the noise of a clock.
 */
static bool same_downtime(const struct migration_entry *measured,
			  const struct migration_entry *model, double ratio)
{
	double differ = migration_link_ns(measured) - migration_link_ns(model);

	return close_to_one(ratio) || fabs(differ) * 100 < (double)measured->o.downtime_ns;
}

void migration_compare(const struct migration_entry *measured, const struct migration_entry *model,
		       struct migration_agreement *out)
{
	const struct migration_result *a = &measured->r, *b = &model->r;

	*out = (struct migration_agreement){ 0 };
	if (a->verdict == MIGRATION_FAILED || b->verdict == MIGRATION_FAILED)
		return;
	out->rounds = against(a->n_rounds, b->n_rounds);
	out->sent = against(a->bytes, b->bytes);
	out->downtime = against(migration_link_ns(measured), migration_link_ns(model));
	out->agrees = close_to_one(out->rounds) && close_to_one(out->sent) &&
		      same_downtime(measured, model, out->downtime) && a->converged == b->converged;
}

void migration_agreements(const struct migration_entry *e, size_t n, FILE *out)
{
	fprintf(out, "\nmeasured | model | ratio\n");
	fprintf(out, "%-8s %-16s %7s %6s %16s %27s %27s\n", "tracker", "workload", "leaf", "link",
		"rounds", "sent MiB", "downtime by the link, ms");
	for (size_t i = 0; i + 1 < n; i += 2) {
		const struct migration_result *a = &e[i].r, *b = &e[i + 1].r;
		struct migration_agreement agreement;

		bool late = a->late_ns > LATE;

		migration_compare(&e[i], &e[i + 1], &agreement);
		print_name(&e[i], out);
		fprintf(out,
			"%3u%s|%3u%s|%5.2f  %9.2f | %9.2f |%5.2f  %9.3f | %9.3f |%5.2f  %s%s\n",
			a->n_rounds, a->converged ? " " : "+", b->n_rounds,
			b->converged ? " " : "+", agreement.rounds, a->bytes / MIB, b->bytes / MIB,
			agreement.sent, migration_link_ns(&e[i]) / MS,
			migration_link_ns(&e[i + 1]) / MS, agreement.downtime,
			agreement.agrees ? "agrees" : "DISAGREES",
			late && agreement.agrees ? ", though the workload was late" :
			late ? ": this machine is too slow for the workload, which was late; a "
			       "lower --rate, or --clock trace" :
			       "");
	}
}
