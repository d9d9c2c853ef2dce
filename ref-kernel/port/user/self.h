/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * This process's memory, and another's, at addresses that nobody vouches for.
 * Whatever the address, the answer is 0 or -EFAULT, never a signal. Between the
 * files of port/user and preload/; no fail points.
 */
#ifndef IODIRTY_PORT_USER_SELF_H
#define IODIRTY_PORT_USER_SELF_H

#include <sys/types.h>

#include "port.h"

extern struct port_mm self_mm; /* task.h */

/* On -EFAULT, bytes before the bad page may have been copied. */
int self_read(void *dst, u64 addr, size_t size);
int self_write(u64 addr, const void *src, size_t size);

/* The same in the memory of process @pid, which must be one that we may trace. */
int process_read(pid_t pid, void *dst, u64 addr, size_t size);
int process_write(pid_t pid, u64 addr, const void *src, size_t size);

/* Fault in, for write or read, the pages that hold [addr, addr + size). */
int self_populate(u64 addr, u64 size, bool write);
/* port_phys_atomic at an address of this process. */
int self_atomic(u64 addr, enum port_atomic op, size_t size, u64 operand, u64 compare, u64 *old);

/* Between these two, by one thread, guard_or() may be called by it (guard.c). They may be
 * nested, the last to begin being the first to end. */
void guard_begin(struct port_guard *guard);
void guard_end(const struct port_guard *guard);
/* port_or() into memory of this process that may go meanwhile: on -EFAULT, bytes before
 * the bad page may have been ORed. */
int guard_or(void *to, const void *from, size_t size);

/* A call of a thread of this process, with this result, is over, and signals that it
 * held come; false: it is to be made again. */
bool self_call_ends(s64 result);

#endif
