/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The words of `iodirty trace`: @argv[0] is the word; return enum exit_code. */
#ifndef IODIRTY_WORKLOADS_TRACE_COMMANDS_H
#define IODIRTY_WORKLOADS_TRACE_COMMANDS_H

#include <stdbool.h>
#include <stdint.h>

struct command;

int trace_list_main(const struct command *command, int argc, char **argv);
int trace_replay_main(const struct command *command, int argc, char **argv);
int trace_make_main(const struct command *command, int argc, char **argv);
int trace_info_main(const struct command *command, int argc, char **argv);
int trace_csv_main(const struct command *command, int argc, char **argv);
int trace_convert_main(const struct command *command, int argc, char **argv);

/* What `convert --from NAME` is, a row in trace_convert.c: @argv lacks --from NAME. */
int convert_csv_main(const struct command *command, int argc, char **argv);
int convert_fio_main(const struct command *command, int argc, char **argv);

/* "2.5" seconds, to the nanosecond: more than 0, and less than a trace can have. */
bool trace_seconds(const char *text, uint64_t *ns);
/* A complaint on stderr: EXIT_CODE_FAILED. */
int trace_failed(const char *error);

#endif
