/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* iodirty trace: what is done with traces, a word each. */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "trace_commands.h"

static const struct {
	const char *name;
	int (*run)(const struct command *command, int argc, char **argv);
} words[] = {
	{ "list", trace_list_main },
	{ "replay", trace_replay_main },
};

int trace_main(const struct command *command, int argc, char **argv)
{
	if (argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")))
		return command_help(command);
	if (argc < 2)
		return usage_error(command, "what is to be done?");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(argv[1], words[i].name))
			return words[i].run(command, argc - 1, argv + 1);
	return usage_error(command, "'%s' is nothing that is done with traces", argv[1]);
}
