/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The memory of another process, which goes on being itself when that one ends. */
#ifndef IODIRTY_PRELOAD_REMOTE_H
#define IODIRTY_PRELOAD_REMOTE_H

#include "port/user/task.h"

/*
 * Process @pid's memory, the same object for each thread and process in it, which
 * @image is the number of. NULL with *@err: -EACCES where
 * we may not trace it. One reference for the caller.
 */
struct port_mm *remote_mm_get(pid_t pid, u64 image, int *err);

#endif
