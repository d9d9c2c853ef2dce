/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* iodirty conform: options, then plan, run, judge, show. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "cli.h"
#include "journal.h"
#include "kmsg.h"
#include "outdir.h"
#include "view.h"

#define JOBS_MAX 1024
#define SOAK_MAX_S (7 * 24 * 3600)

/* results.json last: who finds it, finds all. */
static const struct {
	const char *name;
	void (*view)(const struct run *run, const struct summary *s, FILE *out);
} files[] = {
	{ "console.txt", console_view },
	{ "results.ktap", ktap_view },
	{ "junit.xml", junit_view },
	{ "results.json", json_view },
};

#define N_FILES (sizeof(files) / sizeof(files[0]))

struct request {
	const char *target;
	struct patterns formats, reqs;
	const char *output; /* directory, or NULL */
	bool force, ktap;
};

static void make_run_id(char id[RUN_ID_LEN + 1])
{
	uint64_t half[2];

	if (getrandom(half, sizeof(half), 0) != sizeof(half))
		abort();
	snprintf(id, RUN_ID_LEN + 1, "%016" PRIx64 "%016" PRIx64, half[0], half[1]);
}

static bool parse_scale(const char *text, double *out)
{
	char *end;

	*out = strtod(text, &end);
	return end != text && !*end && *out > 0 && *out <= 1000;
}

static bool parse_leaf(const char *text, enum leaf_choice *out)
{
	static const char *const names[] = {
		[LEAF_QUICK] = "quick",
		[LEAF_USUAL] = "usual",
		[LEAF_ALL] = "all",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(text, names[i])) {
			*out = i;
			return true;
		}
	}
	return false;
}

/* EXIT_CODE_PASSED to go on; -1 if help was asked for and given. */
static int parse_options(const struct command *command, int argc, char **argv, struct request *q,
			 struct run *run)
{
	static const struct option options[] = {
		{ "target", required_argument, NULL, 't' },
		{ "format", required_argument, NULL, 'f' },
		{ "requirement", required_argument, NULL, 'r' },
		{ "jobs", required_argument, NULL, 'j' },
		{ "output", required_argument, NULL, 'o' },
		{ "force", no_argument, NULL, 'F' },
		{ "ktap", no_argument, NULL, 'K' },
		{ "seed", required_argument, NULL, 'S' },
		{ "leaf", required_argument, NULL, 'L' },
		{ "timeout-scale", required_argument, NULL, 'T' },
		{ "soak", required_argument, NULL, 'O' },
		{ "concurrent", no_argument, NULL, 'C' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	uint64_t number;
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "t:f:r:j:o:vh", options, NULL)) != -1) {
		switch (c) {
		case 't':
			q->target = optarg;
			break;
		case 'f':
			q->formats.list[q->formats.n++] = optarg;
			break;
		case 'r':
			q->reqs.list[q->reqs.n++] = optarg;
			break;
		case 'j':
			if (!parse_number(optarg, 1, JOBS_MAX, &number))
				return usage_error(command, "-j takes a number from 1 to %d",
						   JOBS_MAX);
			run->jobs = number;
			break;
		case 'o':
			q->output = optarg;
			break;
		case 'F':
			q->force = true;
			break;
		case 'K':
			q->ktap = true;
			break;
		case 'S':
			if (!parse_number(optarg, 0, UINT64_MAX, &run->seed))
				return usage_error(command, "--seed takes a number of 64 bits");
			break;
		case 'L':
			if (!parse_leaf(optarg, &run->leaf))
				return usage_error(command, "--leaf '%s': one of quick, usual, all",
						   optarg);
			break;
		case 'T':
			if (!parse_scale(optarg, &run->timeout_scale))
				return usage_error(command,
						   "--timeout-scale takes a number up to 1000");
			break;
		case 'O':
			if (!parse_number(optarg, 0, SOAK_MAX_S, &number))
				return usage_error(command, "--soak takes seconds, up to %d",
						   SOAK_MAX_S);
			run->soak_s = number;
			break;
		case 'C':
			run->concurrent = true;
			break;
		case 'v':
			run->verbose = true;
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
	return EXIT_CODE_PASSED;
}

static bool write_files(struct outdir *dir, const struct run *run, const struct summary *s)
{
	for (size_t i = 0; i < N_FILES; i++) {
		FILE *file = outdir_create(dir, files[i].name);

		if (!file)
			return false;
		files[i].view(run, s, file);
		if (!outdir_commit(dir, file, files[i].name))
			return false;
	}
	return true;
}

static bool write_stdout(const struct run *run, const struct summary *s)
{
	ktap_view(run, s, stdout);
	if (!fflush(stdout) && !ferror(stdout))
		return true;
	fprintf(stderr, "iodirty: conform: cannot write to standard output: %s\n", strerror(errno));
	return false;
}

static int run_and_show(struct run *run, const struct request *q, struct outdir *dir)
{
	struct summary s;
	int exit_code;

	fprintf(stderr, "target %s, %zu cases, %u at once, seed 0x%" PRIx64 "\n", run->driver->name,
		run->n_cases, run->jobs, run->seed);
	execute_run(run);
	summarize(run, &s);
	console_view(run, &s, stderr);
	exit_code = s.exit_code;
	if (q->ktap && !write_stdout(run, &s))
		exit_code = EXIT_CODE_FAILED;
	if (q->output && !write_files(dir, run, &s))
		exit_code = EXIT_CODE_FAILED;
	summary_free(&s);
	return exit_code;
}

static int conform(const struct command *command, struct run *run, struct request *q)
{
	const char *names[N_FILES + 1] = { NULL };
	struct outdir dir = { .fd = -1 };
	int exit_code;

	for (size_t i = 0; i < N_FILES; i++)
		names[i] = files[i].name;
	run->driver = usable_target(command, q->target, &run->target_arg, &exit_code);
	if (!run->driver)
		return exit_code;
	if (run->driver->kernel)
		run->kmsg = kmsg_open();
	exit_code = plan_run(run, &q->formats, &q->reqs);
	if (!exit_code)
		exit_code = journal_open(run);
	if (!exit_code && q->output)
		exit_code = outdir_open(&dir, q->output, q->force || run->resumed, names);
	if (!exit_code)
		exit_code = run_and_show(run, q, &dir);
	outdir_close(&dir);
	journal_close(run);
	plan_free(run);
	return exit_code;
}

int conform_main(const struct command *command, int argc, char **argv)
{
	struct run run = {
		.argc = argc,
		.argv = argv,
		.leaf = LEAF_USUAL,
		.jobs = sysconf(_SC_NPROCESSORS_ONLN),
		.timeout_scale = 1,
		.kmsg = -1,
	};
	struct request q = {
		.formats.list = calloc(argc, sizeof(char *)),
		.reqs.list = calloc(argc, sizeof(char *)),
	};
	int exit_code;

	if (!q.formats.list || !q.reqs.list ||
	    getrandom(&run.seed, sizeof(run.seed), 0) != sizeof(run.seed))
		abort();
	make_run_id(run.id);
	exit_code = parse_options(command, argc, argv, &q, &run);
	if (exit_code == EXIT_CODE_PASSED)
		exit_code = conform(command, &run, &q);
	free(q.formats.list);
	free(q.reqs.list);
	return exit_code < 0 ? EXIT_CODE_PASSED : exit_code;
}
