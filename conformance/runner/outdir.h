/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A directory of results. No file in it is ever half written: each is written
 * under another name and renamed when all of it is on disk. The file .iodirty
 * lists what may be replaced by a later run with --force.
 */
#ifndef IODIRTY_OUTDIR_H
#define IODIRTY_OUTDIR_H

#include <stdbool.h>
#include <stdio.h>

struct outdir {
	const char *path;
	int fd;
};

/*
 * Make the directory; with @force it may exist, and of @names (ended by NULL)
 * those that .iodirty lists are removed. Fails, with a complaint on stderr and
 * nothing changed, if it exists otherwise or holds one of @names that is not
 * listed. enum exit_code.
 */
int outdir_open(struct outdir *o, const char *path, bool force, const char *const *names);
/* Both complain on stderr; NULL, or false, if it did not work. */
FILE *outdir_create(struct outdir *o, const char *name);
bool outdir_commit(struct outdir *o, FILE *file, const char *name);
void outdir_close(struct outdir *o);

#endif
