/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the walks of all formats have in common: getting at entries and marking them. */
#include "iommu.h"

u64 *hw_walk_entry(struct hw_walk *w, u64 table, u64 index)
{
	(void)w;
	return (u64 *)port_phys_table(table) + index;
}

bool hw_walk_mark(struct hw_walk *w, u64 *entry, u64 old, u64 new)
{
	(void)w;
	return old == new || port_cmpxchg(entry, &old, new);
}
