/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A log of fio in memory, without a meaning yet. */
#ifndef IODIRTY_WORKLOADS_FIOLOG_READ_H
#define IODIRTY_WORKLOADS_FIOLOG_READ_H

#include "workload.h"

enum fiolog_action {
	FIOLOG_READ,
	FIOLOG_WRITE,
	FIOLOG_OTHER, /* a trim, a sync: no data */
};

struct fiolog_io {
	uint64_t us; /* since fio began; no less than of the one before */
	uint64_t offset, length; /* READ, WRITE: not empty, and does not wrap */
	uint32_t file; /* by the order in which they came, from 0 on */
	enum fiolog_action action;
};

struct fiolog {
	struct fiolog_io *ios;
	size_t n, room;
	char **files; /* their names */
	uint32_t n_files;
	uint64_t us; /* of the last line */
	uint64_t largest, end; /* of all that moves data: the most bytes, the farthest byte */
	size_t moves; /* how many do */
};

/*
 * False, with @error that names the file and the line. At least one I/O moves data. No offset is
 * beyond @size, if that is not 0.
 */
bool fiolog_read(struct fiolog *log, const char *path, uint64_t size, char error[WORKLOAD_ERROR]);
void fiolog_free(struct fiolog *log);

#endif
