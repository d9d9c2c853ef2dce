/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A live run made into a trace: what devices did is read while they go on (IODIRTY_RECORD). */
#ifndef IODIRTY_WORKLOADS_RECORDER_H
#define IODIRTY_WORKLOADS_RECORDER_H

#include <stdio.h>

#include "abi/iodirty.h"
#include "workload.h"

struct recorder;

/* IODIRTY_RECORD of whatever @data is: 0 or -errno. By any thread. */
typedef int recorder_call(void *data, struct iodirty_record *r);

/* From now on. NULL: *err is -errno. */
struct recorder *recorder_start(recorder_call *call, void *data, int *err);
/*
 * No more: what was recorded goes to @out, with @origin as its text. Devices are numbered in the
 * order in which they come; the memory is from the first page to the last; time begins with
 * the first access. 0, or -errno with @error saying what to do: nothing was recorded, a part was
 * lost, more devices than a trace has. Frees @r; @out may be NULL: it is all dropped.
 */
int recorder_end(struct recorder *r, FILE *out, const char *origin, char error[WORKLOAD_ERROR]);

#endif
