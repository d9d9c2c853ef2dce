/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "walkers.h"

const struct hw_walker *const hw_walkers[] = {
	&hw_walker_amd_v1,     &hw_walker_mock,
	&hw_walker_vtd_ss,     &hw_walker_vtd_fs,
	&hw_walker_riscv_sv39, &hw_walker_riscv_sv48,
	&hw_walker_riscv_sv57, &hw_walker_arm_s1_4k,
	&hw_walker_arm_s1_16k, &hw_walker_arm_s1_64k,
	&hw_walker_arm_s2_4k,  &hw_walker_arm_s2_16k,
	&hw_walker_arm_s2_64k, NULL,
};
