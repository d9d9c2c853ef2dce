/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Can a program be put on the reference? */
#ifndef IODIRTY_PRELOAD_PROGRAM_H
#define IODIRTY_PRELOAD_PROGRAM_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * Finds @name as a shell would, in @path. False, with @why for a person: it is
 * not there, cannot be run, or would not take a preloaded library (static,
 * set-user-id, another architecture or C library), in which case its opens would
 * go to the host.
 */
bool program_check(const char *name, char path[PATH_MAX], char *why, size_t why_size);

#endif
