/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Subcommands that are programs of their own, found beside this one. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

bool find_beside(const char *relative, char out[PATH_MAX])
{
	char directory[PATH_MAX];
	char *slash;

	if (!realpath("/proc/self/exe", directory))
		return false;
	while ((slash = strrchr(directory, '/'))) {
		*slash = '\0';
		if (snprintf(out, PATH_MAX, "%s/%s", directory, relative) < PATH_MAX &&
		    !access(out, R_OK))
			return true;
	}
	return false;
}

static int not_found(const struct command *command, int argc, char **argv, const char *relative)
{
	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")))
		return command_help(command);
	fprintf(stderr, "iodirty: %s: there is no %s beside this program: run `make`\n",
		command->name, relative);
	return EXIT_CODE_FAILED;
}

static int cannot_run(const struct command *command, const char *program)
{
	fprintf(stderr, "iodirty: %s: cannot run %s: %s\n", command->name, program,
		strerror(errno));
	return EXIT_CODE_FAILED;
}

int bench_main(const struct command *command, int argc, char **argv)
{
	static const char relative[] = "build/release/iodirty-bench";
	const char *program = getenv("IODIRTY_BENCH");
	char path[PATH_MAX];

	if (!program) {
		if (!find_beside(relative, path))
			return not_found(command, argc, argv, relative);
		program = path;
	}
	execv(program, argv);
	return cannot_run(command, program);
}

/* A program in Python: @argv's words after the first are its. */
static int run_python(const struct command *command, int argc, char **argv, const char *relative)
{
	static const char python[] = "/usr/bin/python3"; /* the one that has Debian's modules */
	char path[PATH_MAX];
	char **args;

	if (!find_beside(relative, path))
		return not_found(command, argc, argv, relative);
	args = calloc(argc + 2, sizeof(*args));
	if (!args)
		return cannot_run(command, python);
	args[0] = (char *)python;
	args[1] = path;
	memcpy(&args[2], &argv[1], argc * sizeof(*args)); /* with the NULL at the end */
	execv(python, args);
	free(args);
	return cannot_run(command, python);
}

int certify_main(const struct command *command, int argc, char **argv)
{
	return run_python(command, argc, argv, "reports/certify.py");
}

int verify_main(const struct command *command, int argc, char **argv)
{
	return run_python(command, argc, argv, "reports/verify.py");
}

int export_main(const struct command *command, int argc, char **argv)
{
	return run_python(command, argc, argv, "reports/export.py");
}

int history_main(const struct command *command, int argc, char **argv)
{
	return run_python(command, argc, argv, "reports/history.py");
}

int dashboard_main(const struct command *command, int argc, char **argv)
{
	return run_python(command, argc, argv, "reports/dashboard.py");
}

int compare_main(const struct command *command, int argc, char **argv)
{
	return run_python(command, argc, argv, "reports/compare.py");
}

int report_main(const struct command *command, int argc, char **argv)
{
	return run_python(command, argc, argv, "reports/workload.py");
}

int lab_main(const struct command *command, int argc, char **argv)
{
	return run_python(command, argc, argv, "ci/lab/lab.py");
}
