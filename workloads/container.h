/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Type1, the baseline: devices by their groups, in one container. 0 or -errno, as machine.h. */
#ifndef IODIRTY_WORKLOADS_CONTAINER_H
#define IODIRTY_WORKLOADS_CONTAINER_H

#include "machine.h"

/* A device of @plug into the container, which the first one makes, with the guest's memory
 * mapped. *fd: the device's. */
int container_add(struct machine *m, struct iodirty_vfio_plug *plug, int *fd);
int container_track(struct machine *m);
int container_report(struct machine *m, uint64_t *bitmap);

#endif
