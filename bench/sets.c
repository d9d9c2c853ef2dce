/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stddef.h>

#include "set.h"

extern const struct bench_set set_harvest;
extern const struct bench_set set_unmap;

const struct bench_set *const bench_sets[] = { &set_harvest, &set_unmap, NULL };
