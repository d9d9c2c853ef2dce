/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Between the files that stand for libc: its own functions, and how results are told. */
#ifndef IODIRTY_PRELOAD_REAL_H
#define IODIRTY_PRELOAD_REAL_H

#include <errno.h>

#define EXPORT __attribute__((visibility("default")))

/* What libc, or whoever stands between it and us, has under the name. */
#define REAL(type, name, ...) ((type(*)(__VA_ARGS__)) __extension__ real(#name, &name##_real))

void *real(const char *name, void **cache);

static inline long result(long ret)
{
	if (ret >= 0)
		return ret;
	errno = (int)-ret;
	return -1;
}

#endif
