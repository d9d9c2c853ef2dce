/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* iodirty trace convert: what others wrote, as a trace. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "trace_commands.h"

static const struct {
	const char *name;
	int (*run)(const struct command *command, int argc, char **argv);
} sources[] = {
	{ "csv", convert_csv_main },
	{ "fio", convert_fio_main },
};

#define N_SOURCES (sizeof(sources) / sizeof(sources[0]))

static int unknown_source(const struct command *command, const char *from)
{
	char names[128] = "";
	size_t used = 0;

	for (size_t i = 0; i < N_SOURCES; i++)
		used += snprintf(names + used, sizeof(names) - used, " %s", sources[i].name);
	if (!from)
		return usage_error(command, "convert takes --from, one of:%s", names);
	return usage_error(command, "--from '%s'; one of:%s", from, names);
}

int trace_convert_main(const struct command *command, int argc, char **argv)
{
	char **rest = calloc(argc + 1, sizeof(*rest)), *from = NULL;
	int n = 0, exit_code = -1;

	if (!rest)
		return trace_failed("no memory");
	for (int i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "--from") && i + 1 < argc)
			from = argv[++i];
		else if (!strncmp(argv[i], "--from=", 7))
			from = argv[i] + 7;
		else
			rest[n++] = argv[i];
	}
	for (size_t i = 0; from && i < N_SOURCES; i++)
		if (!strcmp(sources[i].name, from))
			exit_code = sources[i].run(command, n, rest);
	if (exit_code < 0)
		exit_code = unknown_source(command, from);
	free(rest);
	return exit_code;
}
