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

void *port_table_alloc(unsigned int lg2)
{
	size_t size = (size_t)1 << lg2;
	void *table = port_fail() ? NULL : aligned_alloc(size, size);

	return table ? memset(table, 0, size) : NULL;
}

void port_table_free(void *table, unsigned int lg2)
{
	(void)lg2;
	free(table);
}

u64 port_table_phys(const void *table)
{
	return (u64)table;
}

void *port_phys_table(u64 phys)
{
	return (void *)phys;
}
