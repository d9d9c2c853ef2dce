/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The reference's own memory: objects and table pages. */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "port.h"

/* Charged to the caller's memory cgroup, since the caller says how much. */
void *port_alloc(size_t size)
{
	return port_fail() ? NULL : kvzalloc(size, GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
}

void port_free(void *p)
{
	kvfree(p);
}

/* 16 pages in a row (Arm's 64K granule) the page allocator gives up early without
 * being asked to try. Where there are none the caller says so, and no log need. */
void *port_table_alloc(unsigned int lg2)
{
	gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_RETRY_MAYFAIL | __GFP_NOWARN;

	return port_fail() ? NULL : (void *)__get_free_pages(gfp, lg2 - PAGE_SHIFT);
}

void port_table_free(void *table, unsigned int lg2)
{
	free_pages((unsigned long)table, lg2 - PAGE_SHIFT);
}

u64 port_table_phys(const void *table)
{
	return virt_to_phys((void *)table);
}

void *port_phys_table(u64 phys)
{
	return phys_to_virt(phys);
}
