/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <x86intrin.h>

#include "measure.h"

/* A clock that moves in steps of more than this tells nothing of a harvest. */
#define STEP_MAX_NS 100000ULL
/* For so long the counter is held against the clock, to know its pace. */
#define PACE_NS 20000000ULL

static uint64_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/*
 * In user-mode Linux a thread's time is counted in ticks, and to ask what time it is takes
 * longer than many a harvest: there it is the processor's counter, which needs no kernel.
 */
static struct {
	pthread_once_t once;
	bool counter;
	double ns_per_count;
	uint64_t start;
	uint64_t cost; /* of a reading: the least of many */
} clocks = { .once = PTHREAD_ONCE_INIT };

static uint64_t now_ns(clockid_t id)
{
	if (clocks.counter)
		return (__rdtsc() - clocks.start) * clocks.ns_per_count;
	return read_clock(id);
}

static void find_pace(void)
{
	uint64_t start = read_clock(CLOCK_MONOTONIC), now;

	clocks.start = __rdtsc();
	do
		now = read_clock(CLOCK_MONOTONIC);
	while (now - start < PACE_NS);
	clocks.ns_per_count = (double)(now - start) / (__rdtsc() - clocks.start);
}

static void choose_clock(void)
{
	uint64_t start = read_clock(CLOCK_THREAD_CPUTIME_ID), now;

	do
		now = read_clock(CLOCK_THREAD_CPUTIME_ID);
	while (now == start);
	clocks.counter = now - start > STEP_MAX_NS;
	if (clocks.counter)
		find_pace();
	clocks.cost = UINT64_MAX;
	for (int i = 0; i < 1000; i++) {
		start = now_ns(CLOCK_THREAD_CPUTIME_ID);
		now = now_ns(CLOCK_THREAD_CPUTIME_ID);
		clocks.cost = now - start < clocks.cost ? now - start : clocks.cost;
	}
}

uint64_t measure_now_ns(void)
{
	pthread_once(&clocks.once, choose_clock);
	return now_ns(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t measure_wall_ns(void)
{
	pthread_once(&clocks.once, choose_clock);
	return now_ns(CLOCK_MONOTONIC);
}

const char *measure_clock_name(void)
{
	pthread_once(&clocks.once, choose_clock);
	return clocks.counter ? "the processor's time-stamp counter" : "CLOCK_THREAD_CPUTIME_ID";
}

double measure_since_ns(uint64_t start)
{
	uint64_t took = measure_now_ns() - start;

	return took > clocks.cost ? took - clocks.cost : 1;
}

static int compare_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double measure_median(double *values, unsigned int n)
{
	qsort(values, n, sizeof(*values), compare_double);
	return values[n / 2];
}

double measure_least(const double *values, unsigned int n)
{
	double least = values[0];

	for (unsigned int i = 1; i < n; i++)
		if (values[i] < least)
			least = values[i];
	return least;
}

const char *measure_size_name(uint64_t bytes, char buf[MEASURE_NAME])
{
	static const char units[] = "BKMGT";
	int u = 0;

	while (bytes >= 1024 && !(bytes % 1024) && u < 4) {
		bytes /= 1024;
		u++;
	}
	snprintf(buf, MEASURE_NAME, "%llu%c", (unsigned long long)bytes, units[u]);
	return buf;
}
