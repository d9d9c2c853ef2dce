/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "measure.h"

uint64_t measure_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* What reading the clock adds to a measurement: the least of many. */
static uint64_t clock_cost_ns(void)
{
	static uint64_t cost;

	for (int i = 0; !cost || i < 1000; i++) {
		uint64_t start = measure_now_ns(), took = measure_now_ns() - start;

		if (!cost || took < cost)
			cost = took;
	}
	return cost;
}

double measure_since_ns(uint64_t start)
{
	uint64_t took = measure_now_ns() - start, cost = clock_cost_ns();

	return took > cost ? took - cost : 1;
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
