/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a report takes on this machine, for the model: measured, on a machine of its own. */
#ifndef IODIRTY_WORKLOADS_CALIBRATE_H
#define IODIRTY_WORKLOADS_CALIBRATE_H

#include "predict.h"

/* As predict.h divides it. 0, or -errno with @error saying why. */
int machine_calibrate(const struct machine_options *o, struct predict_cost *cost, char error[256]);

#endif
