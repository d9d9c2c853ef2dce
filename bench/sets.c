/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stddef.h>

#include "set.h"

extern const struct bench_set set_harvest, set_unmap, set_enable, set_map, set_call, set_dma,
	set_slowdown, set_type1, set_precopy, set_hold, set_workload, set_beside;

const struct bench_set *const bench_sets[] = { &set_harvest, &set_unmap, &set_enable,	&set_map,
					       &set_call,    &set_dma,	 &set_slowdown, &set_type1,
					       &set_precopy, &set_hold,	 &set_workload, &set_beside,
					       NULL };
