/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* iodirty trace convert --from fio: a log of fio, and what memory makes of it, as a trace. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "cli.h"
#include "fiolog.h"
#include "outfile.h"
#include "trace.h"
#include "trace_commands.h"

struct request {
	const char *input, *output;
	bool force;
	struct fiolog_options options;
};

/* EXIT_CODE_PASSED to go on. */
static int parse_options(const struct command *command, int argc, char **argv, struct request *q)
{
	static const struct option options[] = {
		{ "memory", required_argument, NULL, 'm' },
		{ "rate", required_argument, NULL, 'r' },
		{ "size", required_argument, NULL, 's' },
		{ "output", required_argument, NULL, 'o' },
		{ "force", no_argument, NULL, 'F' },
		{ NULL, 0, NULL, 0 },
	};
	char error[WORKLOAD_ERROR];
	bool has_memory = false;
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "m:o:", options, NULL)) != -1) {
		switch (c) {
		case 'm':
			if (!fiolog_parse(optarg, &q->options, error))
				return usage_error(command, "%s", error);
			has_memory = true;
			break;
		case 'r':
			if (!parse_number(optarg, 1, 1000000000, &q->options.rate))
				return usage_error(command, "--rate takes I/Os a second");
			break;
		case 's':
			if (!parse_size(optarg, 1, INT64_MAX, &q->options.size))
				return usage_error(command, "--size takes a size, e.g. 256M");
			break;
		case 'o':
			q->output = optarg;
			break;
		case 'F':
			q->force = true;
			break;
		default:
			return option_error(command, argv);
		}
	}
	if (optind + 1 != argc)
		return usage_error(command, "convert takes a FILE, one");
	q->input = argv[optind];
	if (!has_memory)
		return usage_error(command,
				   "a log of fio has no addresses of memory: give --memory "
				   "direct:DEPTH, cache:SIZE, or offset");
	if (!q->output)
		return usage_error(command, "convert takes -o FILE");
	return EXIT_CODE_PASSED;
}

int convert_fio_main(const struct command *command, int argc, char **argv)
{
	struct request q = { .input = NULL };
	char error[WORKLOAD_ERROR];
	int exit_code = parse_options(command, argc, argv, &q);
	struct trace_part all = { .records = 0 };
	char why[TRACE_ERROR];
	struct outfile out;
	struct workload *w;
	int ret;

	if (exit_code)
		return exit_code;
	w = fiolog_open(q.input, &q.options, error);
	if (!w)
		return trace_failed(error);
	exit_code = outfile_open(&out, q.output, q.force);
	if (!exit_code) {
		ret = trace_copy(out.file, w, 0, &all, why);
		if (!ret) {
			exit_code = outfile_commit(&out);
		} else {
			outfile_abandon(&out);
			exit_code = trace_failed(ret == -ERANGE ? "no trace lasts 2^63 ns" : why);
		}
	}
	if (!exit_code)
		fprintf(stderr, "%s: %" PRIu64 " records, %.6g s\n", q.output, all.copied,
			all.end / 1e9);
	workload_close(w);
	return exit_code;
}
