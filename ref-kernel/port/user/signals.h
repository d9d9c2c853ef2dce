/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Signals that wait for a thread while it is in a long call, as they would for one that
 * is in a kernel: its handlers run when the call is over. Between the files of port/user
 * and preload/; system calls are bare, sets are the kernel's.
 */
#ifndef IODIRTY_PORT_USER_SIGNALS_H
#define IODIRTY_PORT_USER_SIGNALS_H

#include "port.h"

/* Block all that may wait, besides those that are blocked: not what a thread raises by
 * what it does, nor libc's own. */
void signals_hold(u64 *was);
void signals_release(u64 was);

enum signals_say {
	SIGNALS_NOTHING, /* none waits that a kernel would wake anybody for */
	SIGNALS_RESTART, /* some do, whose handlers let the call be made again */
	SIGNALS_EINTR,
};

/* What those say that wait for this thread and that @was did not block. */
enum signals_say signals_say(u64 was);

#endif
