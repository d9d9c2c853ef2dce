/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `iodirty run`: an unmodified program on the reference. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "outfile.h"
#include "preload/program.h"
#include "preload/run.h"
#include "recorder.h"
#include "run_device.h"
#include "target.h"

/* Is @name a format of the reference's? Else complains, with those there are. */
static bool format_known(const struct command *command, const char *name)
{
	const struct target_driver *ref = target_find("ref", &(const char *){ NULL });
	struct iodirty_format_info info;
	struct target *t;
	char known[256] = "";
	bool found = false;
	int used = 0, err = ref->open(NULL, &t);

	if (err) {
		fprintf(stderr, "iodirty: %s: the reference cannot be opened: %s\n", command->name,
			strerror(-err));
		return false;
	}
	for (unsigned int i = 0; !found && !ref->format(t, i, &info); i++) {
		found = !strcmp(info.name, name);
		used += snprintf(known + used, sizeof(known) - used, " %s", info.name);
	}
	ref->close(t);
	if (!found)
		fprintf(stderr, "iodirty: %s: unknown format '%s'; one of:%s\n", command->name,
			name, known);
	return found;
}

/* Beside this program, or, from the top of the tree, of its release build. */
static bool find_library(char path[PATH_MAX])
{
	return find_beside("libiodirty-preload.so", path) ||
	       find_beside("build/release/libiodirty-preload.so", path);
}

static const char *const split_names[] = {
	[IODIRTY_SPLIT_KEEP] = "keep",
	[IODIRTY_SPLIT_BREAK_BEFORE_MAKE] = "break-before-make",
	[IODIRTY_SPLIT_IN_PLACE] = "in-place",
};
#define SPLITS (sizeof(split_names) / sizeof(split_names[0]))

static bool split_policy(const struct command *command, const char *name,
			 enum iodirty_split_policy *policy)
{
	for (size_t i = 0; i < SPLITS; i++)
		if (!strcmp(name, split_names[i])) {
			*policy = i;
			return true;
		}
	fprintf(stderr, "iodirty: %s: unknown --split '%s'; one of: %s %s %s\n", command->name,
		name, split_names[0], split_names[1], split_names[2]);
	return false;
}

static int call_record(void *data, struct iodirty_record *r)
{
	(void)data;
	return run_record(r);
}

/* The program's status, if the trace is there: else it failed. */
static int end_record(const struct command *command, struct recorder *recorder, struct outfile *out,
		      const char *program, int status)
{
	char origin[512], error[WORKLOAD_ERROR];

	snprintf(origin, sizeof(origin), "recorded: iodirty run -- %s", program);
	if (!recorder_end(recorder, out->file, origin, error))
		return outfile_commit(out) ? EXIT_CODE_FAILED : status;
	fprintf(stderr, "iodirty: %s: --record: %s\n", command->name, error);
	outfile_abandon(out);
	return EXIT_CODE_FAILED;
}

/* run_on_reference(), with a record of what devices did meanwhile. */
static int run_recorded(const struct command *command, const struct run_on_reference *run,
			const char *record)
{
	struct recorder *recorder;
	struct outfile out;
	int status = outfile_open(&out, record, false), err;

	if (status)
		return status;
	recorder = recorder_start(call_record, NULL, &err);
	if (!recorder) {
		fprintf(stderr, "iodirty: %s: --record: %s\n", command->name, strerror(-err));
		outfile_abandon(&out);
		return EXIT_CODE_FAILED;
	}
	status = run_on_reference(run);
	return end_record(command, recorder, &out, run->program, status);
}

static int run_it(const struct command *command, struct run_on_reference *run,
		  const char *const *devices, unsigned int n_devices, const char *record)
{
	char program[PATH_MAX], library[PATH_MAX], why[PATH_MAX + 256];
	int status;

	if (!format_known(command, run->format))
		return EXIT_CODE_USAGE;
	for (unsigned int i = 0; i < n_devices; i++)
		if (!device_plug_spec(command, devices[i], run->format))
			return EXIT_CODE_USAGE;
	if (!run->argv[0])
		return usage_error(command, "which program?");
	if (!program_check(run->argv[0], program, why, sizeof(why))) {
		fprintf(stderr, "iodirty: %s: %s\n", command->name, why);
		return EXIT_CODE_USAGE;
	}
	if (!find_library(library)) {
		fprintf(stderr,
			"iodirty: %s: there is no libiodirty-preload.so beside this program: run "
			"`make`\n",
			command->name);
		return EXIT_CODE_FAILED;
	}
	run->program = program;
	run->library = library;
	status = record ? run_recorded(command, run, record) : run_on_reference(run);
	return status < 0 ? EXIT_CODE_FAILED : status;
}

int run_main(const struct command *command, int argc, char **argv)
{
	static const struct option options[] = {
		{ "device", required_argument, NULL, 'd' },
		{ "format", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ "record", required_argument, NULL, 'r' },
		{ "split", required_argument, NULL, 's' },
		{ 0 },
	};
	struct run_on_reference run = { .format = "mock" };
	const char *devices[DEVICES_MAX], *record = NULL;
	unsigned int n_devices = 0;
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "+d:f:hr:s:", options, NULL)) != -1) {
		switch (c) {
		case 'd':
			if (n_devices == DEVICES_MAX)
				return usage_error(command, "more than %d devices", DEVICES_MAX);
			devices[n_devices++] = optarg;
			break;
		case 'f':
			run.format = optarg;
			break;
		case 'r':
			record = optarg;
			break;
		case 's':
			if (!split_policy(command, optarg, &run.split))
				return EXIT_CODE_USAGE;
			break;
		case 'h':
			return command_help(command);
		default:
			return option_error(command, argv);
		}
	}
	run.argv = &argv[optind];
	return run_it(command, &run, devices, n_devices, record);
}
