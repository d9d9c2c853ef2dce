/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* iodirty migrate: options, and a migration for each tracker and workload. */
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "cli.h"
#include "migration.h"
#include "outdir.h"

#define RUNS_MAX 64
#define MEMORY_MAX ((uint64_t)1 << 40)
#define ROUNDS_MAX 10000
#define FILE_NAME "migrate.json"

/* What may be given several times. */
struct names {
	const char *list[RUNS_MAX];
	unsigned int n;
};

struct request {
	const char *target, *output;
	bool force, compare;
	struct names trackers, workloads;
	unsigned int devices; /* 0: as many as it takes */
	struct migration_options common;
};

static const char *const compared_trackers[] = { "type1", "iommu" };
static const char *const compared_workloads[] = { "uniform", "hot", "ring", "append" };

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

static bool add_name(struct names *names, const char *name)
{
	if (names->n == RUNS_MAX)
		return false;
	names->list[names->n++] = name;
	return true;
}

static bool parse_trackers(const char *name, enum machine_trackers *out)
{
	for (int i = 0; i < N_TRACKERS; i++) {
		if (!strcmp(name, machine_trackers_name(i))) {
			*out = i;
			return true;
		}
	}
	return false;
}

/* "ring+append": the devices in turn. */
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

static int unknown_name(const char *what, const char *name, const char *(*nth)(unsigned int))
{
	fprintf(stderr, "iodirty: migrate: unknown %s '%s'; one of:", what, name);
	for (unsigned int i = 0; nth(i); i++)
		fprintf(stderr, " %s", nth(i));
	fputc('\n', stderr);
	return EXIT_CODE_USAGE;
}

static const char *nth_tracker(unsigned int i)
{
	return i < N_TRACKERS ? machine_trackers_name(i) : NULL;
}

static const char *nth_shape(unsigned int i)
{
	return i < n_shapes ? shapes[i].name : NULL;
}

/* EXIT_CODE_PASSED to go on; -1 if help was asked for and given. */
static int parse_options(const struct command *command, int argc, char **argv, struct request *q)
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
		{ "compare", no_argument, NULL, 'C' },
		{ "output", required_argument, NULL, 'o' },
		{ "force", no_argument, NULL, 'F' },
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
			break;
		case 'm':
			if (!parse_size(optarg, 4096, MEMORY_MAX, &o->machine.memory))
				return usage_error(command, "--memory takes a size up to 1T");
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
			o->link = number / 8;
			break;
		case 'd':
			if (!parse_number(optarg, 0, 3600000, &number))
				return usage_error(command, "--downtime takes milliseconds");
			o->downtime_ns = number * 1000000;
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
			if (!parse_size(optarg, 4096, MEMORY_MAX, &o->machine.leaf))
				return usage_error(command, "--leaf takes a size, e.g. 2M");
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
		case 'h':
			command_help(command);
			return -1;
		default:
			return option_error(command, argv);
		}
	}
	if (optind != argc)
		return usage_error(command, "'%s' is no option", argv[optind]);
	if (q->force && !q->output)
		return usage_error(command, "--force goes with -o");
	if (q->compare && q->trackers.n + q->workloads.n)
		return usage_error(command, "--compare has trackers and workloads of its own");
	return EXIT_CODE_PASSED;
}

/* ---- what is to be run ---- */

static void all_names(struct request *q)
{
	struct names *trackers = &q->trackers, *workloads = &q->workloads;

	if (q->compare) {
		memcpy(trackers->list, compared_trackers, sizeof(compared_trackers));
		memcpy(workloads->list, compared_workloads, sizeof(compared_workloads));
		trackers->n = sizeof(compared_trackers) / sizeof(compared_trackers[0]);
		workloads->n = sizeof(compared_workloads) / sizeof(compared_workloads[0]);
	}
	if (!trackers->n)
		add_name(trackers, "iommu");
	if (!workloads->n)
		add_name(workloads, "uniform");
	if (trackers->n == 1 && !strcmp(trackers->list[0], "all"))
		for (trackers->n = 0; trackers->n < N_TRACKERS; trackers->n++)
			trackers->list[trackers->n] = machine_trackers_name(trackers->n);
	if (workloads->n == 1 && !strcmp(workloads->list[0], "all"))
		for (workloads->n = 0; workloads->n < n_shapes; workloads->n++)
			workloads->list[workloads->n] = shapes[workloads->n].name;
}

static unsigned int devices_for(const struct migration_options *o)
{
	unsigned int n = machine_devices_min(o->machine.trackers);

	if (n < o->n_shapes)
		n = o->n_shapes;
	for (unsigned int i = 0; i < o->n_shapes; i++)
		if (n < o->shapes[i]->devices)
			n = o->shapes[i]->devices;
	return n;
}

/* One for each workload and tracker, workloads together. */
static int plan(const struct command *command, struct request *q, struct migration_options *runs,
		size_t *n)
{
	all_names(q);
	*n = 0;
	for (unsigned int w = 0; w < q->workloads.n; w++) {
		for (unsigned int i = 0; i < q->trackers.n; i++) {
			struct migration_options *o = &runs[*n];
			unsigned int least;

			if (*n == RUNS_MAX)
				return usage_error(command, "more than %d migrations", RUNS_MAX);
			*o = q->common;
			if (!parse_trackers(q->trackers.list[i], &o->machine.trackers))
				return unknown_name("tracker", q->trackers.list[i], nth_tracker);
			if (!parse_shapes(q->workloads.list[w], o))
				return unknown_name("workload", q->workloads.list[w], nth_shape);
			least = devices_for(o);
			if (q->devices && q->devices < least)
				return usage_error(command, "%s with %s takes at least %u devices",
						   q->trackers.list[i], q->workloads.list[w],
						   least);
			o->machine.devices = q->devices ? q->devices : least < 2 ? 2 : least;
			(*n)++;
		}
	}
	return EXIT_CODE_PASSED;
}

/* The format must exist and have such leaves; the target must have VFIO devices. */
static int check_target(const struct command *command, const struct machine_options *o)
{
	struct iodirty_format_info info;
	struct target *t;
	int exit_code = EXIT_CODE_PASSED, ret = o->driver->open(o->target_arg, &t);
	unsigned int i;

	if (ret) {
		fprintf(stderr, "iodirty: %s: target %s cannot be opened: %s\n", command->name,
			o->driver->name, strerror(-ret));
		return EXIT_CODE_NOTHING_RAN;
	}
	for (i = 0; !(ret = t->driver->format(t, i, &info)); i++)
		if (!o->format || !strcmp(o->format, info.name))
			break;
	if (!(t->caps & TARGET_VFIO)) {
		fprintf(stderr, "iodirty: %s: target %s has no VFIO devices to migrate\n",
			command->name, o->driver->name);
		exit_code = EXIT_CODE_NOTHING_RAN;
	} else if (ret) {
		exit_code = usage_error(command, "unknown format '%s'; `iodirty list formats`",
					o->format);
	} else if (o->leaf && (o->leaf & (o->leaf - 1) || !(info.leaf_sizes & o->leaf))) {
		exit_code = usage_error(command, "%s has no leaves of %" PRIu64 " bytes", info.name,
					o->leaf);
	} else if (o->memory % (o->leaf ? o->leaf : (uint64_t)1 << info.granule_lg2)) {
		exit_code = usage_error(command, "--memory must be a multiple of the leaf size");
	}
	t->driver->close(t);
	return exit_code;
}

static int run_all(const struct migration_options *runs, struct migration_result *results, size_t n,
		   size_t *done)
{
	int exit_code = EXIT_CODE_PASSED;

	for (*done = 0; *done < n && !migration_interrupted; (*done)++) {
		migrate(&runs[*done], &results[*done]);
		if (results[*done].verdict != MIGRATION_EQUAL)
			exit_code = EXIT_CODE_FAILED;
		if (n == 1 || results[*done].verdict != MIGRATION_EQUAL)
			migration_print(&runs[*done], &results[*done], stdout);
		fflush(stdout);
	}
	if (n > 1)
		migration_table(runs, results, *done, stdout);
	if (migration_interrupted) {
		fprintf(stderr, "iodirty: interrupted\n");
		exit_code = EXIT_CODE_FAILED;
	}
	return exit_code;
}

static bool write_json(struct outdir *dir, const struct migration_options *runs,
		       const struct migration_result *results, size_t n, int argc, char **argv)
{
	FILE *file = outdir_create(dir, FILE_NAME);

	if (!file)
		return false;
	migration_json(runs, results, n, argc, argv, file);
	return outdir_commit(dir, file, FILE_NAME);
}

static int migrate_all(const struct command *command, struct request *q, int argc, char **argv)
{
	static const char *const names[] = { FILE_NAME, NULL };
	static struct migration_options runs[RUNS_MAX];
	static struct migration_result results[RUNS_MAX];
	struct machine_options *machine = &q->common.machine;
	struct outdir dir = { .fd = -1 };
	int exit_code;
	size_t n, done = 0;

	machine->driver = usable_target(command, q->target, &machine->target_arg, &exit_code);
	if (!machine->driver)
		return exit_code;
	exit_code = plan(command, q, runs, &n);
	if (!exit_code)
		exit_code = check_target(command, machine);
	if (!exit_code && q->output)
		exit_code = outdir_open(&dir, q->output, q->force, names);
	if (exit_code)
		return exit_code;
	catch_signals();
	exit_code = run_all(runs, results, n, &done);
	if (q->output && !write_json(&dir, runs, results, done, argc, argv))
		exit_code = EXIT_CODE_FAILED;
	outdir_close(&dir);
	for (size_t i = 0; i < done; i++)
		migration_free(&results[i]);
	return exit_code;
}

int migrate_main(const struct command *command, int argc, char **argv)
{
	struct request q = {
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
	if (exit_code == EXIT_CODE_PASSED && q.compare && !q.common.link)
		q.common.link = 10000000000 / 8;
	if (exit_code == EXIT_CODE_PASSED)
		exit_code = migrate_all(command, &q, argc, argv);
	return exit_code < 0 ? EXIT_CODE_PASSED : exit_code;
}
