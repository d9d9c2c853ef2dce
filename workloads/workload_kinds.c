/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stddef.h>

#include "workload_kinds.h"

const struct workload_kind *const workload_kinds[] = {
	&workload_uniform, &workload_hot,  &workload_ring,
	&workload_append,  &workload_nic,  &workload_nvme,
	&workload_gpu,	   &workload_idle, NULL,
};
