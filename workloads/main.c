/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* iodirty migrate: options, and a migration for each tracker, workload, leaf size and link. */
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "calibrate.h"
#include "cli.h"
#include "outdir.h"
#include "outfile.h"
#include "plan.h"
#include "trace_commands.h"

#define ROUNDS_MAX 10000
#define FILE_NAME "migrate.json"
/*
 * A page that is looked at, if nobody says: README.md has 0.18 ns to read an IOPTE, and a
 * harvest of memory of which 1 % is dirty, or less, at 1.2 to 2.8 times that.
 */
#define HARVEST_NS 0.5

static void give_up(int signal)
{
	(void)signal;
	migration_interrupted = 1;
}

static void catch_signals(void)
{
	/* Waits end at once: no SA_RESTART. */
	const struct sigaction action = { .sa_handler = give_up };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

/* ---- options ---- */

static bool add_name(struct plan_names *names, const char *name)
{
	if (names->n == PLAN_MOST)
		return false;
	names->list[names->n++] = name;
	return true;
}

static bool add_number(struct plan_numbers *numbers, uint64_t number)
{
	if (numbers->n == PLAN_MOST)
		return false;
	numbers->list[numbers->n++] = number;
	return true;
}

/* "0.5", "300" */
static bool parse_decimal(const char *text, const char *end_of_text, double max, double *out)
{
	char *end;

	*out = strtod(text, &end);
	return end == end_of_text && end != text && isfinite(*out) && *out >= 0 && *out <= max;
}

/* "300ms", "1.5s"; "300" is milliseconds, whole ones. */
static bool parse_time(const char *text, uint64_t *ns)
{
	size_t length = strlen(text);
	bool ms = length > 2 && !strcmp(text + length - 2, "ms");
	bool s = !ms && length > 1 && text[length - 1] == 's';
	double value;

	if (!ms && !s) {
		if (!parse_number(text, 0, 3600000, ns))
			return false;
		*ns *= 1000000;
		return true;
	}
	if (!parse_decimal(text, text + length - (ms ? 2 : 1), ms ? 3.6e6 : 3600, &value))
		return false;
	*ns = value * (ms ? 1e6 : 1e9);
	return true;
}

static bool parse_clock(const char *text, enum migration_clock *clock)
{
	*clock = strcmp(text, "trace") ? MIGRATION_WALL : MIGRATION_TRACE;
	return *clock == MIGRATION_TRACE || !strcmp(text, "wall");
}

/* What does not go together. */
static int check_request(const struct command *command, const struct plan_request *q)
{
	const struct migration_options *o = &q->common;
	bool no_waiting = q->how == PLAN_MODEL || o->clock == MIGRATION_TRACE;

	if (q->force && !q->output && !q->record)
		return usage_error(command, "--force goes with -o or --record");
	if (q->record && q->how == PLAN_MODEL)
		return usage_error(command, "--record: with --model devices do nothing; `iodirty "
					    "trace make` has a workload as a trace");
	if (q->compare && q->trackers.n + q->workloads.n)
		return usage_error(command, "--compare has trackers and workloads of its own");
	if (q->how == PLAN_MODEL && q->own_clock)
		return usage_error(command, "--model has a clock of its own: the workload's");
	if (!q->links.n && (no_waiting || q->how == PLAN_BOTH))
		return usage_error(command, "%s takes the speed of a link: --link 10G",
				   q->how == PLAN_MODEL ? "--model" :
				   q->how == PLAN_BOTH	? "--against-model" :
							  "--clock trace");
	if (o->own_harvest && !no_waiting)
		return usage_error(command, "--harvest is for --model and --clock trace: else "
					    "reports are measured");
	return EXIT_CODE_PASSED;
}

/* EXIT_CODE_PASSED to go on; -1 if something was only to be shown. */
static int parse_options(const struct command *command, int argc, char **argv,
			 struct plan_request *q)
{
	static const struct option options[] = {
		{ "target", required_argument, NULL, 't' },
		{ "format", required_argument, NULL, 'f' },
		{ "tracker", required_argument, NULL, 'T' },
		{ "workload", required_argument, NULL, 'w' },
		{ "memory", required_argument, NULL, 'm' },
		{ "devices", required_argument, NULL, 'n' },
		{ "rate", required_argument, NULL, 'r' },
		{ "link", required_argument, NULL, 'l' },
		{ "downtime", required_argument, NULL, 'd' },
		{ "rounds", required_argument, NULL, 'R' },
		{ "seed", required_argument, NULL, 'S' },
		{ "leaf", required_argument, NULL, 'L' },
		{ "split", no_argument, NULL, 's' },
		{ "clock", required_argument, NULL, 'c' },
		{ "model", no_argument, NULL, 'M' },
		{ "against-model", no_argument, NULL, 'A' },
		{ "harvest", required_argument, NULL, 'H' },
		{ "compare", no_argument, NULL, 'C' },
		{ "output", required_argument, NULL, 'o' },
		{ "force", no_argument, NULL, 'F' },
		{ "record", required_argument, NULL, 'D' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct migration_options *o = &q->common;
	uint64_t number;
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "t:f:w:m:o:h", options, NULL)) != -1) {
		switch (c) {
		case 't':
			q->target = optarg;
			break;
		case 'f':
			o->machine.format = optarg;
			break;
		case 'T':
			if (!add_name(&q->trackers, optarg))
				return usage_error(command, "too many trackers");
			break;
		case 'w':
			if (!add_name(&q->workloads, optarg))
				return usage_error(command, "too many workloads");
			if (!strcmp(optarg, "list")) {
				trace_list_main(command, 1, argv);
				return -1;
			}
			break;
		case 'm':
			if (!parse_size(optarg, 4096, PLAN_MEMORY_MOST, &o->machine.memory))
				return usage_error(command, "--memory takes a size up to 16T");
			q->own_memory = true;
			break;
		case 'n':
			if (!parse_number(optarg, 1, MACHINE_DEVICES, &number))
				return usage_error(command, "--devices takes a number up to %d",
						   MACHINE_DEVICES);
			q->devices = number;
			break;
		case 'r':
			if (!parse_number(optarg, 0, 1000000000, &o->rate))
				return usage_error(command, "--rate takes writes a second");
			o->own_rate = true;
			break;
		case 'l':
			if (!parse_rate(optarg, &number))
				return usage_error(command, "--link takes bits a second, e.g. 10G");
			if (!add_number(&q->links, number / 8))
				return usage_error(command, "too many links");
			break;
		case 'd':
			if (!parse_time(optarg, &o->downtime_ns))
				return usage_error(command, "--downtime takes up to an hour: 300, "
							    "300ms or 1.5s");
			break;
		case 'R':
			if (!parse_number(optarg, 1, ROUNDS_MAX, &number))
				return usage_error(command, "--rounds takes a number up to %d",
						   ROUNDS_MAX);
			o->rounds = number;
			break;
		case 'S':
			if (!parse_number(optarg, 0, UINT64_MAX, &o->seed))
				return usage_error(command, "--seed takes a number of 64 bits");
			break;
		case 'L':
			if (!parse_size(optarg, 4096, PLAN_MEMORY_MOST, &number))
				return usage_error(command, "--leaf takes a size, e.g. 2M");
			if (!add_number(&q->leaves, number))
				return usage_error(command, "too many leaf sizes");
			break;
		case 's':
			o->machine.split = true;
			break;
		case 'c':
			if (!parse_clock(optarg, &o->clock))
				return usage_error(command, "--clock is wall or trace");
			q->own_clock = true;
			break;
		case 'M':
		case 'A':
			if (q->how != PLAN_MEASURE)
				return usage_error(command,
						   "--model or --against-model: one of them");
			q->how = c == 'M' ? PLAN_MODEL : PLAN_BOTH;
			break;
		case 'H':
			if (!parse_decimal(optarg, optarg + strlen(optarg), 1e6, &o->harvest_ns))
				return usage_error(command, "--harvest takes nanoseconds a page, "
							    "e.g. 0.5");
			o->own_harvest = true;
			break;
		case 'C':
			q->compare = true;
			break;
		case 'o':
			q->output = optarg;
			break;
		case 'F':
			q->force = true;
			break;
		case 'D':
			q->record = optarg;
			break;
		case 'h':
			command_help(command);
			return -1;
		default:
			return option_error(command, argv);
		}
	}
	if (optind != argc)
		return usage_error(command, "'%s' is no option", argv[optind]);
	return check_request(command, q);
}

/* ---- running ---- */

/* The next of @e, or the next two: measured, and by the model with costs from here and now. */
static bool run_next(struct migration_entry *e, bool both)
{
	struct migration_entry *model = both ? e + 1 : e;
	const struct migration_options *o = &e->o;
	bool good = true;

	if (both || e->model)
		model->cost = (struct predict_cost){
			.page = o->own_harvest ? o->harvest_ns : HARVEST_NS,
		};
	if (both && !o->own_harvest &&
	    machine_calibrate(&o->machine, &model->cost, model->r.error)) {
		e->r = (struct migration_result){ .verdict = MIGRATION_FAILED };
		memcpy(e->r.error, model->r.error, sizeof(e->r.error));
		model->r.verdict = MIGRATION_FAILED;
		return false;
	}
	if (!e->model) {
		migrate(o, &e->r);
		good = e->r.verdict == MIGRATION_EQUAL;
	}
	if (both || e->model) {
		migration_predict(&model->o, &model->cost, &model->r);
		good &= model->r.verdict == MIGRATION_PREDICTED;
	}
	return good;
}

static bool all_agree(const struct migration_entry *e, size_t n)
{
	struct migration_agreement agreement;
	bool all = true;

	for (size_t i = 0; i + 1 < n; i += 2) {
		migration_compare(&e[i], &e[i + 1], &agreement);
		all &= agreement.agrees;
	}
	return all;
}

static int run_all(struct migration_entry *e, size_t n, bool both, size_t *done)
{
	size_t step = both ? 2 : 1;
	bool good = true;

	for (*done = 0; *done < n && !migration_interrupted; *done += step) {
		bool passed = run_next(&e[*done], both);

		good &= passed;
		for (size_t i = *done; i < *done + step; i++)
			if (n == step || !passed)
				migration_print(&e[i], stdout);
		fflush(stdout);
	}
	if (n > step)
		migration_table(e, *done, stdout);
	if (both)
		migration_agreements(e, *done, stdout);
	if (migration_interrupted)
		fprintf(stderr, "iodirty: interrupted\n");
	good &= !migration_interrupted && (!both || all_agree(e, *done));
	return good ? EXIT_CODE_PASSED : EXIT_CODE_FAILED;
}

static bool write_json(struct outdir *dir, const struct migration_entry *e, size_t n, bool both,
		       int argc, char **argv)
{
	FILE *file = outdir_create(dir, FILE_NAME);

	if (!file)
		return false;
	migration_json(e, n, both, argc, argv, file);
	return outdir_commit(dir, file, FILE_NAME);
}

/* To record @e, of which there must be one. */
static int open_record(const struct command *command, const struct plan_request *q,
		       struct migration_entry *e, size_t n, struct outfile *out)
{
	static char origin[512];
	char workload[128];
	int exit_code;

	if (n != (q->how == PLAN_BOTH ? 2 : 1))
		return usage_error(command, "--record is of one migration: one tracker, workload, "
					    "leaf size and link");
	if (e->o.machine.trackers == TRACKERS_TYPE1)
		return usage_error(command, "--record: devices in a container of type1 are not "
					    "the iommufd's, which is what records");
	exit_code = outfile_open(out, q->record, q->force);
	if (exit_code)
		return exit_code;
	snprintf(origin, sizeof(origin), "recorded: iodirty migrate, tracker %s, workload %s",
		 machine_trackers_name(e->o.machine.trackers), migration_workload(&e->o, workload));
	e->o.record = out->file;
	e->o.record_origin = origin;
	return EXIT_CODE_PASSED;
}

/* A trace that is whole, or none. */
static int close_record(struct outfile *out, const struct migration_entry *e, size_t done)
{
	if (done && e->r.verdict != MIGRATION_FAILED)
		return outfile_commit(out) ? EXIT_CODE_FAILED : EXIT_CODE_PASSED;
	outfile_abandon(out);
	return EXIT_CODE_FAILED;
}

static int migrate_all(const struct command *command, struct plan_request *q, int argc, char **argv)
{
	static const char *const names[] = { FILE_NAME, NULL };
	static struct migration_entry entries[2 * PLAN_MOST];
	struct machine_options *machine = &q->common.machine;
	struct outdir dir = { .fd = -1 };
	struct outfile record;
	bool both = q->how == PLAN_BOTH;
	int exit_code;
	size_t n, done = 0;

	machine->driver = usable_target(command, q->target, &machine->target_arg, &exit_code);
	if (!machine->driver)
		return exit_code;
	exit_code = plan_make(command, q, entries, &n);
	if (!exit_code && q->output)
		exit_code = outdir_open(&dir, q->output, q->force, names);
	if (!exit_code && q->record)
		exit_code = open_record(command, q, entries, n, &record);
	if (exit_code) {
		outdir_close(&dir);
		return exit_code;
	}
	catch_signals();
	exit_code = run_all(entries, n, both, &done);
	if (q->record && close_record(&record, entries, done))
		exit_code = EXIT_CODE_FAILED;
	if (q->output && !write_json(&dir, entries, done, both, argc, argv))
		exit_code = EXIT_CODE_FAILED;
	outdir_close(&dir);
	for (size_t i = 0; i < done; i++)
		migration_free(&entries[i].r);
	return exit_code;
}

int migrate_main(const struct command *command, int argc, char **argv)
{
	static struct plan_request q = {
		.common = {
			.machine.memory = (uint64_t)1 << 30,
			.downtime_ns = 300 * 1000000ULL,
			.rounds = 10,
		},
	};
	int exit_code;

	if (getrandom(&q.common.seed, sizeof(q.common.seed), 0) != sizeof(q.common.seed))
		abort();
	exit_code = parse_options(command, argc, argv, &q);
	if (exit_code == EXIT_CODE_PASSED && q.compare && !q.links.n)
		add_number(&q.links, 10000000000 / 8);
	if (exit_code == EXIT_CODE_PASSED)
		exit_code = migrate_all(command, &q, argc, argv);
	return exit_code < 0 ? EXIT_CODE_PASSED : exit_code;
}
