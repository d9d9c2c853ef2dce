/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* iodirty trace make: a workload, or what of it one wants, as a file. */
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#include "cli.h"
#include "outfile.h"
#include "trace.h"
#include "trace_commands.h"

#define MEMORY_MAX ((uint64_t)1 << 44)

struct make {
	const char *workload, *output;
	bool force;
	struct workload_options options;
	struct trace_part part;
};

/* EXIT_CODE_PASSED to go on. */
static int parse_options(const struct command *command, int argc, char **argv, struct make *m)
{
	static const struct option options[] = {
		{ "memory", required_argument, NULL, 'm' },
		{ "devices", required_argument, NULL, 'n' },
		{ "rate", required_argument, NULL, 'r' },
		{ "seed", required_argument, NULL, 'S' },
		{ "records", required_argument, NULL, 'R' },
		{ "time", required_argument, NULL, 'T' },
		{ "output", required_argument, NULL, 'o' },
		{ "force", no_argument, NULL, 'F' },
		{ NULL, 0, NULL, 0 },
	};
	struct workload_options *o = &m->options;
	uint64_t number;
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "m:o:", options, NULL)) != -1) {
		switch (c) {
		case 'm':
			if (!parse_size(optarg, 4096, MEMORY_MAX, &o->memory) || o->memory % 4096)
				return usage_error(command,
						   "--memory takes a size of 4K to 16T, in pages");
			break;
		case 'n':
			if (!parse_number(optarg, 1, WORKLOAD_DEVICES, &number))
				return usage_error(command, "--devices takes a number up to %d",
						   WORKLOAD_DEVICES);
			o->devices = number;
			break;
		case 'r':
			if (!parse_number(optarg, 1, 1000000000, &o->rate))
				return usage_error(command, "--rate takes writes a second");
			o->own_rate = true;
			break;
		case 'S':
			if (!parse_number(optarg, 0, UINT64_MAX, &o->seed))
				return usage_error(command, "--seed takes a number of 64 bits");
			break;
		case 'R':
			if (!parse_number(optarg, 1, UINT64_MAX, &m->part.records))
				return usage_error(command, "--records takes a number, not 0");
			break;
		case 'T':
			if (!trace_seconds(optarg, &m->part.ns))
				return usage_error(command, "--time takes seconds, e.g. 2.5");
			break;
		case 'o':
			m->output = optarg;
			break;
		case 'F':
			m->force = true;
			break;
		default:
			return option_error(command, argv);
		}
	}
	if (optind + 1 != argc)
		return usage_error(command, "make takes a workload, one: see `iodirty trace list`");
	m->workload = argv[optind];
	if (!m->output)
		return usage_error(command, "make takes -o FILE");
	if (m->part.records && m->part.ns)
		return usage_error(command, "--records or --time, not both");
	return EXIT_CODE_PASSED;
}

static int make(struct workload *w, struct make *m)
{
	struct trace_part *part = &m->part;
	char error[TRACE_ERROR];
	struct outfile out;
	int exit_code = outfile_open(&out, m->output, m->force);
	bool less;

	if (exit_code)
		return exit_code;
	if (trace_copy(out.file, w, trace_seed(w, m->options.seed), part, error)) {
		outfile_abandon(&out);
		return trace_failed(error);
	}
	exit_code = outfile_commit(&out);
	less = part->copied < part->records || part->end < part->ns;
	if (!exit_code)
		fprintf(stderr, "%s: %" PRIu64 " records, %.6g s%s\n", m->output, part->copied,
			part->end / 1e9, less ? ": there are no more" : "");
	return exit_code;
}

int trace_make_main(const struct command *command, int argc, char **argv)
{
	struct make m = { .options = { .memory = (uint64_t)1 << 30, .seed = 1 } };
	char error[WORKLOAD_ERROR];
	struct workload *w;
	int exit_code = parse_options(command, argc, argv, &m);

	if (exit_code)
		return exit_code;
	w = workload_open(m.workload, &m.options, error);
	if (!w) {
		trace_failed(error);
		return strpbrk(m.workload, "/.") ? EXIT_CODE_FAILED : EXIT_CODE_USAGE;
	}
	if (!w->ns && !m.part.records && !m.part.ns)
		exit_code =
			usage_error(command, "%s has no end: give --records or --time", m.workload);
	else
		exit_code = make(w, &m);
	workload_close(w);
	return exit_code;
}
