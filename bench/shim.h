/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Google Benchmark from C: what this program needs of it and no more. Time is
 * always the caller's own ("manual time"), the number of iterations is fixed,
 * and the console is left to the caller. Works with 1.7.1 (Debian 12) and 1.9.1
 * (Debian 13) alike. One thread.
 */
#ifndef IODIRTY_BENCH_SHIM_H
#define IODIRTY_BENCH_SHIM_H

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bench_state; /* of a benchmark that runs, valid until it returns */
typedef void (*bench_fn)(struct bench_state *state, void *arg);

/* A fact for the "context" of the output; both strings are copied. */
void bench_context(const char *key, const char *value);

/* Ask @wanted of each name that is registered from here on: false leaves it out. */
void bench_filter(bool (*wanted)(const char *name));
/* Run @fn(@arg) once, @iterations times round its bench_keep_running() loop. False: it is
 * left out. */
bool bench_register(const char *name, unsigned int iterations, bench_fn fn, void *arg);

/* True while another iteration is to be run: loop until it says false. */
bool bench_keep_running(struct bench_state *state);
/* What this iteration took. Once an iteration. */
void bench_iteration_seconds(struct bench_state *state, double seconds);
/* A number of the result, by @name. */
void bench_counter(struct bench_state *state, const char *name, double value);
/* Words beside the result. */
void bench_label(struct bench_state *state, const char *text);
/* The result is an error; the keep_running loop ends. */
void bench_fail(struct bench_state *state, const char *message);

/*
 * Run all that is registered, in order, and write Google Benchmark's JSON to
 * @path; NULL: nowhere. Returns how many were run; whether the file could be
 * written is for the caller to look at.
 */
unsigned int bench_run_all(const char *path);

#ifdef __cplusplus
}
#endif

#endif
