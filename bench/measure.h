/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What benchmarks share: the clock, which is the thread's own processor time, or, where a
 * kernel counts that in ticks (user-mode Linux), what time has passed. Any thread.
 */
#ifndef IODIRTY_BENCH_MEASURE_H
#define IODIRTY_BENCH_MEASURE_H

#include <stdint.h>

uint64_t measure_now_ns(void);
/* Since a measure_now_ns(), less what reading the clock takes; at least 1. */
double measure_since_ns(uint64_t start);
/* What time has passed, for waits and rates. */
uint64_t measure_wall_ns(void);
/* Which clock the first of these is, in words. */
const char *measure_clock_name(void);
/* Sorts; then [0] is the minimum. */
double measure_median(double *values, unsigned int n);
/* The minimum, which need not be the first. */
double measure_least(const double *values, unsigned int n);

#define MEASURE_NAME 24
/* "4K", "2M". */
const char *measure_size_name(uint64_t bytes, char buf[MEASURE_NAME]);

#endif
