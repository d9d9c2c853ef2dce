/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the subcommands of the launcher share: how to be called, how to complain. */
#ifndef IODIRTY_CLI_H
#define IODIRTY_CLI_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct target_driver;

enum exit_code {
	EXIT_CODE_PASSED = 0,
	EXIT_CODE_FAILED = 1,
	EXIT_CODE_USAGE = 2,
	EXIT_CODE_NOTHING_RAN = 4, /* 5, inconclusive, is reports/compare.py's */
};

struct command {
	const char *name;
	const char *arguments; /* for the usage line */
	const char *summary; /* a line */
	const char *help; /* what --help shows below the usage line */
	/* @argv[0] is the subcommand's name; returns enum exit_code. */
	int (*run)(const struct command *command, int argc, char **argv);
};

int list_main(const struct command *command, int argc, char **argv);
int conform_main(const struct command *command, int argc, char **argv);
int bench_main(const struct command *command, int argc, char **argv);
int certify_main(const struct command *command, int argc, char **argv);
int compare_main(const struct command *command, int argc, char **argv);
int migrate_main(const struct command *command, int argc, char **argv);
int trace_main(const struct command *command, int argc, char **argv);
int report_main(const struct command *command, int argc, char **argv);
int lab_main(const struct command *command, int argc, char **argv);
int run_main(const struct command *command, int argc, char **argv);
int verify_main(const struct command *command, int argc, char **argv);
int export_main(const struct command *command, int argc, char **argv);
int history_main(const struct command *command, int argc, char **argv);
int dashboard_main(const struct command *command, int argc, char **argv);

/* --help, on stdout. */
int command_help(const struct command *command);
/* The complaint, and how the command is called, on stderr: EXIT_CODE_USAGE. */
int usage_error(const struct command *command, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* What getopt_long() (with opterr 0) has just refused. */
int option_error(const struct command *command, char **argv);

/*
 * The target that @spec ("name" or "name:arg"; NULL: the first built in) names,
 * if it can be used here. Else complains and returns NULL, *exit_code set.
 */
const struct target_driver *usable_target(const struct command *command, const char *spec,
					  const char **arg, int *exit_code);

/* A number of @text, all of it, within these bounds. */
bool parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *out);
/* "64M": with K, M, G or T, of 1024; and "10G": of 1000. */
bool parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *out);
bool parse_rate(const char *text, uint64_t *out);

/* Does @pattern, a name or a glob, name @name? */
bool name_matches(const char *pattern, const char *name);
/* As above; "arm-s1" also names "arm-s1-4k". */
bool format_matches(const char *pattern, const char *name);

/*
 * The file @relative below the nearest directory above this executable's real
 * path that has it: the repository's root, wherever in it the executable lies.
 */
bool find_beside(const char *relative, char out[PATH_MAX]);

/* "64K" for 16; @out holds at least 8 bytes. */
const char *size_name(unsigned int lg2, char out[8]);

#endif
