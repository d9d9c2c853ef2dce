/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "target.h"

int command_help(const struct command *command)
{
	printf("usage: iodirty %s %s\n\n%s\n", command->name, command->arguments, command->help);
	return EXIT_CODE_PASSED;
}

int usage_error(const struct command *command, const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "iodirty: %s: ", command->name);
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "\nusage: iodirty %s %s\n", command->name, command->arguments);
	return EXIT_CODE_USAGE;
}

int option_error(const struct command *command, char **argv)
{
	const char *last = argv[optind - 1];

	if (strncmp(last, "--", 2)) /* it may be one of several after a dash */
		return usage_error(command, "option -%c is unknown, or lacks its argument", optopt);
	return usage_error(command, "option %s is unknown, or wants or lacks an argument", last);
}

const struct target_driver *usable_target(const struct command *command, const char *spec,
					  const char **arg, int *exit_code)
{
	const struct target_driver *driver;
	char why[256] = "";
	int ret;

	driver = target_find(spec ? spec : targets[0]->name, arg);
	if (!driver) {
		fprintf(stderr, "iodirty: %s: unknown target '%s'; one of:", command->name, spec);
		for (size_t i = 0; targets[i]; i++)
			fprintf(stderr, " %s", targets[i]->name);
		fputc('\n', stderr);
		*exit_code = EXIT_CODE_USAGE;
		return NULL;
	}
	ret = driver->probe(*arg, why, sizeof(why));
	if (ret) {
		fprintf(stderr, "iodirty: %s: target %s cannot be used here: %s\n", command->name,
			driver->name, why);
		*exit_code = ret == -EINVAL ? EXIT_CODE_USAGE : EXIT_CODE_NOTHING_RAN;
		return NULL;
	}
	return driver;
}

bool parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 0);
	return end != text && !*end && !errno && text[0] != '-' && *out >= min && *out <= max;
}

/* With a letter for a power of @base. */
static bool parse_scaled(const char *text, uint64_t base, uint64_t *out)
{
	static const char letters[] = "KMGT";
	const char *letter = *text ? strchr(letters, text[strlen(text) - 1]) : NULL;
	char digits[32];

	if (snprintf(digits, sizeof(digits), "%s", text) >= (int)sizeof(digits))
		return false;
	if (letter)
		digits[strlen(digits) - 1] = '\0';
	if (!parse_number(digits, 0, UINT64_MAX, out))
		return false;
	for (; letter && letter >= letters; letter--)
		if (__builtin_mul_overflow(*out, base, out))
			return false;
	return true;
}

bool parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	return parse_scaled(text, 1024, out) && *out >= min && *out <= max;
}

bool parse_rate(const char *text, uint64_t *out)
{
	return parse_scaled(text, 1000, out) && *out >= 8;
}

bool name_matches(const char *pattern, const char *name)
{
	return !fnmatch(pattern, name, 0);
}

bool format_matches(const char *pattern, const char *name)
{
	size_t length = strlen(pattern);

	return name_matches(pattern, name) ||
	       (!strncmp(pattern, name, length) && name[length] == '-');
}

const char *size_name(unsigned int lg2, char out[8])
{
	snprintf(out, 8, "%u%c", 1u << (lg2 % 10), "BKMGTPE"[lg2 / 10]);
	return out;
}
