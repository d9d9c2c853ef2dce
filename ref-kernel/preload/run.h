/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A program, run on the reference that this process serves. */
#ifndef IODIRTY_PRELOAD_RUN_H
#define IODIRTY_PRELOAD_RUN_H

struct run_on_reference {
	const char *library; /* path of the preload library */
	const char *format; /* of the test interface's devices; one that there is */
	const char *program; /* path */
	char **argv;
};

/*
 * Serves until the program has ended and nobody has the reference open any more.
 * Returns the program's exit status as a shell tells it (128 + n: ended by
 * signal n), or -errno, with a complaint on stderr, when it was not started.
 */
int run_on_reference(const struct run_on_reference *run);

#endif
