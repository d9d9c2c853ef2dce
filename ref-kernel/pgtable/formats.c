/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The formats there are. */
#include "pgtable.h"
#include "formats.h"

const struct pgt_format *const pgt_formats[] = {
	&pgt_amd_v1,	 &pgt_vtd_ss,
	&pgt_vtd_fs,	 &pgt_arm_s1_4k,
	&pgt_arm_s1_16k, &pgt_arm_s1_64k,
	&pgt_arm_s2_4k,	 &pgt_arm_s2_16k,
	&pgt_arm_s2_64k, &pgt_riscv_sv39,
	&pgt_riscv_sv48, &pgt_riscv_sv57,
	&pgt_mock,	 NULL,
};

const struct pgt_format *pgt_format_by_name(const char *name)
{
	unsigned int i;

	for (i = 0; pgt_formats[i]; i++)
		if (!strcmp(pgt_formats[i]->name, name))
			return pgt_formats[i];
	return NULL;
}
