/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The reference, served to other processes: what the kernel is to them. The
 * other side is preload.c, inside each of them.
 */
#ifndef IODIRTY_PRELOAD_SERVER_H
#define IODIRTY_PRELOAD_SERVER_H

#include "port/user/task.h"

/*
 * Listen at @path, a name in a folder of the caller's own, and serve from
 * threads of this process until it ends. 0 or -errno.
 */
int server_start(const char *path);
/* Release all that was closed, then: how many descriptors are open. */
unsigned int server_open_count(void);

/* For remote.c: the task, a client that waits, faults in its own pages. */
int client_populate(struct task *t, u64 addr, u64 size, bool write);

#endif
