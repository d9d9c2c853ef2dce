/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `iodirty run --device SPEC`. */
#ifndef IODIRTY_RUN_DEVICE_H
#define IODIRTY_RUN_DEVICE_H

#include <stdbool.h>

#define DEVICES_MAX 64

struct command;

/* Plug what @spec says, behind an IOMMU of @format; else complains. */
bool device_plug_spec(const struct command *command, const char *spec, const char *format);

#endif
