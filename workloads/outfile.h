/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A file of results that is whole or not there: it is written beside, under another name, and
 * renamed when all of it is on disk. What is no file (a pipe, a terminal) is written to as it is.
 */
#ifndef IODIRTY_WORKLOADS_OUTFILE_H
#define IODIRTY_WORKLOADS_OUTFILE_H

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

struct outfile {
	FILE *file; /* to be written to */
	char path[PATH_MAX], temporary[PATH_MAX]; /* without the latter: in its place */
	bool force;
};

/*
 * One at a time. Complains on stderr, nothing changed, if @path exists, unless @force, or cannot
 * be: enum exit_code.
 */
int outfile_open(struct outfile *o, const char *path, bool force);
/*
 * It is as it should be: let it appear. Complains, and leaves nothing, if that does not work, or
 * if a write to @file has failed, which is to be the last that was done.
 */
int outfile_commit(struct outfile *o);
/* Leave nothing. */
void outfile_abandon(struct outfile *o);

#endif
