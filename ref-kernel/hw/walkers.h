/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One walker a format; a new one is named here and in walkers.c. */
#ifndef IODIRTY_HW_WALKERS_H
#define IODIRTY_HW_WALKERS_H

#include "iommu.h"

extern const struct hw_walker hw_walker_amd_v1;
extern const struct hw_walker hw_walker_mock;
extern const struct hw_walker hw_walker_riscv_sv39;
extern const struct hw_walker hw_walker_riscv_sv48;
extern const struct hw_walker hw_walker_riscv_sv57;
extern const struct hw_walker hw_walker_vtd_fs;
extern const struct hw_walker hw_walker_vtd_ss;
extern const struct hw_walker hw_walker_arm_s1_4k;
extern const struct hw_walker hw_walker_arm_s1_16k;
extern const struct hw_walker hw_walker_arm_s1_64k;
extern const struct hw_walker hw_walker_arm_s2_4k;
extern const struct hw_walker hw_walker_arm_s2_16k;
extern const struct hw_walker hw_walker_arm_s2_64k;

#endif
