/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* iodirty trace list: the workloads that have a name. */
#include <stdio.h>

#include "cli.h"
#include "trace_commands.h"
#include "workload.h"

int trace_list_main(const struct command *command, int argc, char **argv)
{
	const char *summary, *name;

	if (argc > 1)
		return usage_error(command, "'%s' after %s", argv[1], argv[0]);
	for (unsigned int i = 0; (name = workload_name(i, &summary)); i++)
		printf("%-12s %s\n", name, summary);
	return EXIT_CODE_PASSED;
}
