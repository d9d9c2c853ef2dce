/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Calls from a program to its server. Between the files of the preload library;
 * any thread, at any time, in a signal handler too. errno is left alone.
 */
#ifndef IODIRTY_PRELOAD_CALL_H
#define IODIRTY_PRELOAD_CALL_H

#include <stdbool.h>
#include <sys/types.h>

#include "wire.h"

/* Numbers of our own are above those that programs count on getting. */
#define FD_MIN 200

/* Is this program on a reference at all? */
bool call_possible(void);
/* Has this process, or one that it is a fork of, called, or inherited a descriptor to call by? */
bool call_made(void);
/* If so: is @fd one that the reference gave, to whomever? */
bool call_made_for(int fd);
/*
 * Have the server do @w, and do for it what must be done here. The result: 0 or
 * more, or -errno.
 */
long call(struct wire *w);

/* fail_nth.c: what is set for this thread, and what a call left of it. */
uint32_t fail_nth_get(void);
void fail_nth_set(uint32_t left);
/* The file that @path names is such a setting of this process: a descriptor or
 * -errno; -ENOENT: it is not. */
int fail_nth_open(const char *path, int flags);
/*
 * @n bytes were written to @fd, whatever it is, at its offset (@moves) or
 * elsewhere: a setting is what was written last, wherever, and its offset stays.
 */
void fail_nth_written(int fd, const void *bytes, ssize_t n, bool moves);

#endif
