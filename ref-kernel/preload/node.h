/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What programs can open by name: the machine, as whoever runs it has set it up. */
#ifndef IODIRTY_PRELOAD_NODE_H
#define IODIRTY_PRELOAD_NODE_H

#include "abi/iodirty.h"
#include "port/user/task.h"
#include "wire.h"

/* Both before any node is opened. @format: of the devices that the test interface plugs, stays
 * valid. */
void node_defaults(const char *format, enum iodirty_split_policy split);
/* A VFIO device more: its nodes have the next number, from 0 on. -ENOSPC; else
 * vfio_device_create()'s. */
int node_plug(const struct iodirty_vfio_plug *plug);

/* IODIRTY_RECORD of all that is opened; START before any node is. Devices have the number of
 * their descriptor in the upper half of their ids. Containers' devices are not in it. */
int node_record(struct iodirty_record *r);

/* Private data, for a descriptor with *@ops, of the node that WIRE_OPEN @w names; NULL with
 * *@err -ENOENT: there is none, or else vfio_node_open()'s. */
void *node_open(const struct wire *w, const struct port_fd_ops **ops, int *err);

#endif
