/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Vectors, where home.h says PORT_VECTOR. Code that uses them is compiled for them function
 * by function, and called only if the processor, and who runs it, have them.
 */
#ifndef IODIRTY_PORT_USER_VECTOR_H
#define IODIRTY_PORT_USER_VECTOR_H

#include <immintrin.h>

#include "home.h"

#define PORT_AVX2 __attribute__((target("avx2,bmi,bmi2,lzcnt,popcnt")))
#define PORT_AVX512 \
	__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,bmi,bmi2,lzcnt,popcnt")))

static inline bool port_has_avx2(void)
{
	return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
	       __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt");
}

static inline bool port_has_avx512(void)
{
	return port_has_avx2() && __builtin_cpu_supports("avx512f") &&
	       __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
	       __builtin_cpu_supports("avx512vl");
}

#endif
