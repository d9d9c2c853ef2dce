/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The addresses by which modelled hardware knows pinned pages. They are not the
 * processor's: what is pinned together lies in a row, aligned as the program has
 * it, so that leaves are as large as the mapping allows, however scattered the pages
 * are; and an address of nothing pinned reaches nothing.
 */
#include <linux/capability.h>
#include <linux/highmem.h>
#include <linux/log2.h>
#include <linux/maple_tree.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "linux.h"

/* In pages: the upper half of 48 bits, which every format can hold (Arm's have no
 * more). Table pages are in the lower. */
#define BUS_FIRST (1UL << (47 - PAGE_SHIFT))
#define BUS_LAST (2 * BUS_FIRST - 1)

atomic64_t pinned_pages;

/* Page numbers of the bus to struct pinned. DMA looks up while others pin and unpin. */
static struct maple_tree bus = MTREE_INIT(bus, MT_FLAGS_ALLOC_RANGE | MT_FLAGS_USE_RCU);

/* As drivers/iommu/iommufd/pages.c does for IOMMU_OPTION_RLIMIT_MODE's processes. */
static int account(struct pinned *p, struct mm_struct *mm, u64 npages)
{
	u64 limit = capable(CAP_IPC_LOCK) ? U64_MAX : rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;

	if (atomic64_add_return(npages, &mm->pinned_vm) > limit) {
		atomic64_sub(npages, &mm->pinned_vm);
		return -ENOMEM;
	}
	mmgrab(mm);
	p->mm = mm;
	p->accounted = npages;
	return 0;
}

static void give_up(struct pinned *p)
{
	if (p->mm) {
		atomic64_sub(p->accounted, &p->mm->pinned_vm);
		mmdrop(p->mm);
	}
	kvfree(p->folios);
	kvfree(p->pages);
	kfree(p);
}

int bus_alloc(struct port_pin *pin, struct mm_struct *mm, u64 hint, u64 npages, bool write)
{
	gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_NOWARN;
	u64 align = roundup_pow_of_two(npages);
	struct pinned *p = kzalloc(sizeof(*p), gfp);
	unsigned long first;

	if (!p)
		return -ENOMEM;
	p->write = write;
	p->pages = kvcalloc(npages, sizeof(*p->pages), gfp);
	if (!p->pages || account(p, mm, npages) ||
	    mtree_alloc_range(&bus, &first, p, npages + align - 1, BUS_FIRST, BUS_LAST, gfp)) {
		give_up(p);
		return -ENOMEM;
	}
	/* The first from there on that is as far from a multiple of @align as @hint. */
	first += ((hint >> PAGE_SHIFT) - first) & (align - 1);
	p->base = (u64)first << PAGE_SHIFT;
	pin->pinned = p;
	return 0;
}

/* Of a folio of a memfd one pin is held, whatever its size. */
void port_unpin(struct port_pin *pin)
{
	struct pinned *p = pin->pinned;

	mtree_erase(&bus, p->base >> PAGE_SHIFT);
	for (u64 i = 0; i < p->nfolios; i++)
		unpin_user_page_range_dirty_lock(folio_page(p->folios[i], 0), 1, p->write);
	if (!p->folios)
		unpin_user_pages_dirty_lock(p->pages, p->npages, p->write);
	atomic64_sub(p->folios ? p->nfolios : p->npages, &pinned_pages);
	give_up(p);
	pin->pinned = NULL;
}

u64 port_pin_run(const struct port_pin *pin, u64 index, u64 max, u64 *phys)
{
	const struct pinned *p = pin->pinned;

	*phys = p->base + (index << PAGE_SHIFT);
	return port_min(max, p->npages - index);
}

/*
 * Which of *@pinned's pages is at @phys; false: none. Whoever has a translation to
 * it holds off the invalidation that comes before the unpin, so it stays.
 */
static bool find(u64 phys, struct pinned **pinned, u64 *index)
{
	struct pinned *p = mtree_load(&bus, phys >> PAGE_SHIFT);

	if (!p)
		return false;
	*pinned = p;
	*index = (phys - p->base) >> PAGE_SHIFT;
	return *index < p->npages;
}

static struct page *page_of(u64 phys)
{
	struct pinned *pinned;
	u64 index;

	return find(phys, &pinned, &index) ? pinned->pages[index] : NULL;
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

int port_phys_load(u64 phys, u64 *v)
{
	struct page *page = page_of(phys);
	void *mapped;

	if (!page)
		return -EFAULT;
	mapped = kmap_local_page(page);
	*v = port_load(mapped + offset_in_page(phys));
	kunmap_local(mapped);
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

/* A page has one number, whoever maps it: that is who it is. */
int port_page_identify(u64 phys, u64 max, struct port_page_id *id, u64 *n)
{
	struct pinned *pinned;
	u64 index, i;

	if (!find(phys, &pinned, &index))
		return -EFAULT;
	*id = (struct port_page_id){ .index = page_to_pfn(pinned->pages[index]) };
	max = port_min(max, pinned->npages - index);
	for (i = 1; i < max && page_to_pfn(pinned->pages[index + i]) == id->index + i; i++)
		;
	*n = i;
	return 0;
}
