/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The state of devices, by VFIO's migration: moved to devices of the destination. */
#ifndef IODIRTY_WORKLOADS_STATE_H
#define IODIRTY_WORKLOADS_STATE_H

#include "perform.h"

/* For each device that has migration states one of its kind, over the copy. */
int state_prepare(struct machine *m);
/* Devices are in STOP: their state goes there, in odd pieces. @moved: how many; @bytes: how
 * much that was. */
int state_move(struct machine *m, unsigned int *moved, uint64_t *bytes);
/* Registers there must be the same. Then let them go on, and see that they do, at the write
 * where they were stopped: of their generators, or of @p. */
int state_resume(struct machine *m, struct performer *p);

#endif
