/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The state of devices, by VFIO's migration: moved to devices of the destination. */
#ifndef IODIRTY_WORKLOADS_STATE_H
#define IODIRTY_WORKLOADS_STATE_H

#include "machine.h"

/*
 * What is in STOP goes to a device of its kind over the copy, in odd pieces; its registers
 * must then be the same. @moved: how many; @bytes: how much that was.
 */
int state_move(struct machine *m, unsigned int *moved, uint64_t *bytes);
/* Let them go on there, and see that they do, at the write where they were stopped. */
int state_resume(struct machine *m);

#endif
