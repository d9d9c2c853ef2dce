/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The words of `iodirty trace`: @argv[0] is the word; return enum exit_code. */
#ifndef IODIRTY_WORKLOADS_TRACE_COMMANDS_H
#define IODIRTY_WORKLOADS_TRACE_COMMANDS_H

struct command;

int trace_list_main(const struct command *command, int argc, char **argv);
int trace_replay_main(const struct command *command, int argc, char **argv);

#endif
