/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* DMA's way to pinned pages. The tables name no others: what they map is pinned. */
#include <linux/highmem.h>
#include <linux/mm.h>

#include "port.h"

/* NULL: no memory has this address. */
static struct page *page_of(u64 phys)
{
	unsigned long pfn = PHYS_PFN(phys);

	return pfn_valid(pfn) ? pfn_to_page(pfn) : NULL;
}

int port_phys_read(u64 phys, void *dst, size_t size)
{
	struct page *page = page_of(phys);

	if (!page)
		return -EFAULT;
	memcpy_from_page(dst, page, offset_in_page(phys), size);
	return 0;
}

int port_phys_write(u64 phys, const void *src, size_t size)
{
	struct page *page = page_of(phys);

	if (!page)
		return -EFAULT;
	memcpy_to_page(page, offset_in_page(phys), src, size);
	return 0;
}

static u32 atomic4(u32 *p, enum port_atomic op, u32 operand, u32 compare)
{
	switch (op) {
	case PORT_FETCH_ADD:
		return atomic_fetch_add(operand, (atomic_t *)p);
	case PORT_SWAP:
		return xchg(p, operand);
	default:
		return cmpxchg(p, compare, operand);
	}
}

static u64 atomic8(u64 *p, enum port_atomic op, u64 operand, u64 compare)
{
	switch (op) {
	case PORT_FETCH_ADD:
		return atomic64_fetch_add(operand, (atomic64_t *)p);
	case PORT_SWAP:
		return xchg(p, operand);
	default:
		return cmpxchg(p, compare, operand);
	}
}

int port_phys_atomic(u64 phys, enum port_atomic op, size_t size, u64 operand, u64 compare, u64 *old)
{
	struct page *page = page_of(phys);
	void *mapped, *at;

	if (!page)
		return -EFAULT;
	mapped = kmap_local_page(page);
	at = mapped + offset_in_page(phys);
	*old = size == 4 ? atomic4(at, op, operand, compare) : atomic8(at, op, operand, compare);
	kunmap_local(mapped);
	return 0;
}

/* A pinned page has one address, whoever maps it: that is who it is. */
int port_page_identify(u64 phys, u64 max, struct port_page_id *id, u64 *n)
{
	u64 pages = 1ULL << (64 - PAGE_SHIFT);

	*id = (struct port_page_id){ .index = PHYS_PFN(phys) };
	*n = port_min(max, pages - id->index);
	return 0;
}
