/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* iodirty trace: what is done with traces, a word each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "trace.h"
#include "trace_commands.h"

static const struct {
	const char *name;
	int (*run)(const struct command *command, int argc, char **argv);
} words[] = {
	{ "list", trace_list_main },	   { "make", trace_make_main },
	{ "info", trace_info_main },	   { "csv", trace_csv_main },
	{ "convert", trace_convert_main }, { "replay", trace_replay_main },
};

bool trace_seconds(const char *text, uint64_t *ns)
{
	size_t whole = strspn(text, "0123456789"), digits;
	char first[24], second[10] = "000000000";
	uint64_t seconds, rest;

	if (!whole || whole >= sizeof(first) || (text[whole] && text[whole] != '.'))
		return false;
	memcpy(first, text, whole);
	first[whole] = '\0';
	text += whole + (text[whole] == '.');
	digits = strspn(text, "0123456789");
	if (text[digits] || digits > 9)
		return false;
	memcpy(second, text, digits);
	/* In tens: a 0 in front means octal. */
	seconds = strtoull(first, NULL, 10);
	rest = strtoull(second, NULL, 10);
	if (seconds >= TRACE_NS_MAX / 1000000000)
		return false;
	*ns = seconds * 1000000000 + rest;
	return *ns;
}

int trace_failed(const char *error)
{
	fprintf(stderr, "iodirty: trace: %s\n", error);
	return EXIT_CODE_FAILED;
}

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
