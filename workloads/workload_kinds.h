/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kinds there are: each is a file of its own, listed in workload_kinds.c. */
#ifndef IODIRTY_WORKLOADS_WORKLOAD_KINDS_H
#define IODIRTY_WORKLOADS_WORKLOAD_KINDS_H

#include "workload.h"

extern const struct workload_kind workload_uniform, workload_hot, workload_ring, workload_append,
	workload_nic, workload_nvme, workload_gpu, workload_idle;

struct shape;

/* Device i has the i-th of @n shapes, in turn, as devices' own generators have them. */
struct workload *workload_of_shapes(const struct shape *const *list, unsigned int n,
				    const struct workload_options *o, char error[WORKLOAD_ERROR]);

#endif
