/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `iodirty run`: an unmodified program on the reference. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "preload/program.h"
#include "preload/run.h"
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

static int run_it(const struct command *command, struct run_on_reference *run)
{
	char program[PATH_MAX], library[PATH_MAX], why[PATH_MAX + 256];
	int status;

	if (!format_known(command, run->format))
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
