/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `iodirty run`: an unmodified program on the reference. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "preload/program.h"
#include "preload/run.h"

static bool format_known(const char *name)
{
	for (unsigned int i = 0; run_format(i); i++)
		if (!strcmp(run_format(i), name))
			return true;
	return false;
}

static int unknown_format(const struct command *command, const char *name)
{
	fprintf(stderr, "iodirty: %s: unknown format '%s'; one of:", command->name, name);
	for (unsigned int i = 0; run_format(i); i++)
		fprintf(stderr, " %s", run_format(i));
	fputc('\n', stderr);
	return EXIT_CODE_USAGE;
}

/* Beside this program, or, from the top of the tree, of its release build. */
static bool find_library(char path[PATH_MAX])
{
	return find_beside("libiodirty-preload.so", path) ||
	       find_beside("build/release/libiodirty-preload.so", path);
}

static int run_it(const struct command *command, struct run_on_reference *run)
{
	char program[PATH_MAX], library[PATH_MAX], why[PATH_MAX + 256];
	int status;

	if (!format_known(run->format))
		return unknown_format(command, run->format);
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
	status = run_on_reference(run);
	return status < 0 ? EXIT_CODE_FAILED : status;
}

int run_main(const struct command *command, int argc, char **argv)
{
	static const struct option options[] = {
		{ "format", required_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct run_on_reference run = { .format = "mock" };
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "+f:h", options, NULL)) != -1) {
		switch (c) {
		case 'f':
			run.format = optarg;
			break;
		case 'h':
			return command_help(command);
		default:
			return option_error(command, argv);
		}
	}
	run.argv = &argv[optind];
	return run_it(command, &run);
}
