/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The drivers, for the list in targets.c; everyone else finds them by name. */
#ifndef IODIRTY_TARGETS_H
#define IODIRTY_TARGETS_H

#include "target.h"

extern const struct target_driver target_linux, target_module, target_ref, target_vfio;

#endif
