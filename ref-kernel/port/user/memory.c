/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The reference's own memory: objects and table pages. */
#include <stdlib.h>

#include "port.h"

void *port_alloc(size_t size)
{
	return port_fail() ? NULL : calloc(1, size);
}

void port_free(void *p)
{
	free(p);
}

void *port_page_alloc(void)
{
	void *page = port_fail() ? NULL : aligned_alloc(PORT_PAGE_SIZE, PORT_PAGE_SIZE);

	return page ? memset(page, 0, PORT_PAGE_SIZE) : NULL;
}

void port_page_free(void *page)
{
	free(page);
}

u64 port_page_phys(const void *page)
{
	return (u64)page;
}

void *port_phys_page(u64 phys)
{
	return (void *)phys;
}
