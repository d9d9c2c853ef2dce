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

void *port_page_alloc(void)
{
	return port_fail() ? NULL : (void *)get_zeroed_page(GFP_KERNEL_ACCOUNT);
}

void port_page_free(void *page)
{
	free_page((unsigned long)page);
}

u64 port_page_phys(const void *page)
{
	return virt_to_phys((void *)page);
}

void *port_phys_page(u64 phys)
{
	return phys_to_virt(phys);
}
