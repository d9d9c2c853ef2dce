/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Failure injection by the running kernel (its Documentation/fault-injection). */
#ifndef IODIRTY_TARGETS_LINUX_H
#define IODIRTY_TARGETS_LINUX_H

#include <stdbool.h>
#include <stdint.h>

/*
 * False when this kernel has none, or this process may not use it. Sets what holds
 * for the whole machine: that allocations which may sleep can fail too, and that
 * none is told of in the log.
 */
bool linux_fail_prepare(void);
/*
 * The calling thread's @nth next fail point (slab, page, iommufd's own) fails, once;
 * 0: none. *@left: what was left of the setting before. 0 or -errno.
 */
int linux_fail_nth(uint32_t nth, uint32_t *left);

#endif
