/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A program, run on the reference that this process serves. */
#ifndef IODIRTY_PRELOAD_RUN_H
#define IODIRTY_PRELOAD_RUN_H

#include "abi/iodirty.h"

struct run_on_reference {
	const char *library; /* path of the preload library */
	const char *format; /* of the test interface's devices; one that there is */
	enum iodirty_split_policy split; /* of HWPTs, unless told */
	const char *program; /* path */
	char **argv;
};

/* Before it runs: plug a VFIO device, whose nodes have the next number, from 0 on. -ENOSPC;
 * else as IODIRTY_VFIO_PLUG. */
int run_plug(const struct iodirty_vfio_plug *plug);

/* IODIRTY_RECORD, of all that the program, and what it starts, does through the reference;
 * START before it runs. */
int run_record(struct iodirty_record *r);

/*
 * Serves until the program has ended and nobody has the reference open any more.
 * Returns the program's exit status as a shell tells it (128 + n: ended by
 * signal n), or -errno, with a complaint on stderr, when it was not started.
 */
int run_on_reference(const struct run_on_reference *run);

#endif
