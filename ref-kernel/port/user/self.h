/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * This process's memory at addresses that nobody vouches for. Whatever the
 * address, the answer is 0 or -EFAULT, never a signal. Between the files of
 * port/user; no fail points.
 */
#ifndef IODIRTY_PORT_USER_SELF_H
#define IODIRTY_PORT_USER_SELF_H

#include "port.h"

/* On -EFAULT, bytes before the bad page may have been copied. */
int self_read(void *dst, u64 addr, size_t size);
int self_write(u64 addr, const void *src, size_t size);

/* Fault in, for write or read, the pages that hold [addr, addr + size). */
int self_populate(u64 addr, u64 size, bool write);

#endif
