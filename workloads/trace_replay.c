/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* iodirty trace replay: a workload performed as DMA, and what harvests said. */
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "outdir.h"
#include "replay.h"
#include "trace_commands.h"

#define SIZE_MAX_TAKEN ((uint64_t)1 << 44)
#define JSON_NAME "replay.json"
#define BITMAP_NAME "rounds.bitmap"

struct request {
	const char *target, *workload, *output;
	bool force;
	struct workload_options workload_options;
	struct replay replay;
};

/* Where bitmaps go. */
struct sink {
	struct outdir dir;
	FILE *file;
};

static void give_up(int signal)
{
	(void)signal;
	replay_interrupted = 1;
}

static void catch_signals(void)
{
	/* Waits end at once: no SA_RESTART. */
	const struct sigaction action = { .sa_handler = give_up };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
}

static bool parse_pace(const char *text, double *out)
{
	char *end;

	if (!strcmp(text, "flat")) {
		*out = 0;
		return true;
	}
	*out = strtod(text, &end);
	return end != text && !*end && isfinite(*out) && *out >= 1e-6 && *out <= 1e6;
}

/* EXIT_CODE_PASSED to go on; -1 if help was asked for and given. */
static int parse_options(const struct command *command, int argc, char **argv, struct request *q)
{
	static const struct option options[] = {
		{ "target", required_argument, NULL, 't' },
		{ "format", required_argument, NULL, 'f' },
		{ "leaf", required_argument, NULL, 'L' },
		{ "page", required_argument, NULL, 'p' },
		{ "round", required_argument, NULL, 'R' },
		{ "rounds", required_argument, NULL, 'N' },
		{ "pace", required_argument, NULL, 'P' },
		{ "merge", no_argument, NULL, 'M' },
		{ "memory", required_argument, NULL, 'm' },
		{ "devices", required_argument, NULL, 'n' },
		{ "rate", required_argument, NULL, 'r' },
		{ "seed", required_argument, NULL, 'S' },
		{ "output", required_argument, NULL, 'o' },
		{ "force", no_argument, NULL, 'F' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct workload_options *w = &q->workload_options;
	struct replay *r = &q->replay;
	uint64_t number;
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "t:f:m:o:h", options, NULL)) != -1) {
		switch (c) {
		case 't':
			q->target = optarg;
			break;
		case 'f':
			r->space_options.format = optarg;
			break;
		case 'L':
			if (!parse_size(optarg, 1, SIZE_MAX_TAKEN, &r->space_options.leaf))
				return usage_error(command, "--leaf takes a size, e.g. 2M");
			break;
		case 'p':
			if (!parse_size(optarg, 1, SIZE_MAX_TAKEN, &r->space_options.page))
				return usage_error(command, "--page takes a size, e.g. 64K");
			break;
		case 'R':
			if (!parse_number(optarg, 1, 3600000, &number))
				return usage_error(command, "--round takes milliseconds, up to an "
							    "hour of them");
			r->round_ns = number * 1000000;
			break;
		case 'N':
			if (!parse_number(optarg, 1, REPLAY_ROUNDS, &number))
				return usage_error(command, "--rounds takes a number up to %d",
						   REPLAY_ROUNDS);
			r->rounds_limit = number;
			break;
		case 'P':
			if (!parse_pace(optarg, &r->pace))
				return usage_error(command, "--pace takes flat, 1 (as recorded) or "
							    "how many times as fast");
			break;
		case 'M':
			r->merge = true;
			break;
		case 'm':
			if (!parse_size(optarg, 4096, SIZE_MAX_TAKEN, &w->memory) ||
			    w->memory % 4096)
				return usage_error(command, "--memory takes a size, of 4K");
			break;
		case 'n':
			if (!parse_number(optarg, 1, WORKLOAD_DEVICES, &number))
				return usage_error(command, "--devices takes a number up to %d",
						   WORKLOAD_DEVICES);
			w->devices = number;
			break;
		case 'r':
			if (!parse_number(optarg, 1, 1000000000, &w->rate))
				return usage_error(command, "--rate takes writes a second");
			w->own_rate = true;
			break;
		case 'S':
			if (!parse_number(optarg, 0, UINT64_MAX, &w->seed))
				return usage_error(command, "--seed takes a number of 64 bits");
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
	if (optind + 1 != argc)
		return usage_error(command, "replay takes one workload, a name or a file");
	q->workload = argv[optind];
	if (q->force && !q->output)
		return usage_error(command, "--force goes with -o");
	return EXIT_CODE_PASSED;
}

static bool keep_bitmap(struct replay *r, const uint64_t *bitmap)
{
	const struct sink *sink = r->context;
	size_t words = (r->pages + 63) / 64;

	return fwrite(bitmap, sizeof(*bitmap), words, sink->file) == words;
}

/* All rounds that were done, also when it did not come to its end. */
static bool write_results(struct sink *sink, const struct request *q, int argc, char **argv)
{
	bool good = outdir_commit(&sink->dir, sink->file, BITMAP_NAME);
	FILE *json = good ? outdir_create(&sink->dir, JSON_NAME) : NULL;

	if (!json)
		return false;
	replay_json(&q->replay, q->target ? q->target : q->replay.space_options.driver->name, argc,
		    argv, json);
	return outdir_commit(&sink->dir, json, JSON_NAME);
}

static int open_sink(const struct request *q, struct sink *sink)
{
	static const char *const names[] = { JSON_NAME, BITMAP_NAME, NULL };
	int exit_code = outdir_open(&sink->dir, q->output, q->force, names);

	if (exit_code)
		return exit_code;
	sink->file = outdir_create(&sink->dir, BITMAP_NAME);
	return sink->file ? EXIT_CODE_PASSED : EXIT_CODE_FAILED;
}

static int complain(const struct command *command, const struct replay *r)
{
	fprintf(stderr, "iodirty: %s: %s\n", command->name, r->error);
	return r->exit_code;
}

static int perform(const struct command *command, struct request *q, struct sink *sink, int argc,
		   char **argv)
{
	struct replay *r = &q->replay;
	int exit_code;

	if (!replay_open(r))
		return complain(command, r);
	if (q->output) {
		exit_code = open_sink(q, sink);
		if (exit_code)
			return exit_code;
		r->context = sink;
		r->deliver = keep_bitmap;
	}
	exit_code = replay_run(r) ? EXIT_CODE_PASSED : complain(command, r);
	replay_print(r, stdout);
	if (q->output && !write_results(sink, q, argc, argv))
		return EXIT_CODE_FAILED;
	return exit_code;
}

int trace_replay_main(const struct command *command, int argc, char **argv)
{
	static struct request q = {
		/* As of make: a name here is the trace that it makes of it. */
		.workload_options = { .memory = (uint64_t)1 << 30, .seed = 1 },
		.replay.round_ns = 100000000,
	};
	struct space_options *o = &q.replay.space_options;
	struct sink sink = { .dir.fd = -1 };
	char error[WORKLOAD_ERROR];
	int exit_code = parse_options(command, argc, argv, &q);

	if (exit_code)
		return exit_code < 0 ? EXIT_CODE_PASSED : exit_code;
	o->driver = usable_target(command, q.target, &o->target_arg, &exit_code);
	if (!o->driver)
		return exit_code;
	q.replay.w = workload_open(q.workload, &q.workload_options, error);
	if (!q.replay.w) {
		fprintf(stderr, "iodirty: %s: %s\n", command->name, error);
		return EXIT_CODE_USAGE;
	}
	catch_signals();
	exit_code = perform(command, &q, &sink, argc, argv);
	replay_close(&q.replay);
	workload_close(q.replay.w);
	outdir_close(&sink.dir);
	return exit_code;
}
