/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Address spaces, and pins of their pages. */
#include <linux/mm.h>
#include <linux/sched/mm.h>

#include "linux.h"

atomic64_t pinned_pages;

static struct mm_struct *mm_of(struct port_mm *mm)
{
	return (struct mm_struct *)mm;
}

/* The structure stays; whether a process still lives in it is seen when pinning. */
struct port_mm *port_mm_get(void)
{
	mmgrab(current->mm);
	return (struct port_mm *)current->mm;
}

void port_mm_put(struct port_mm *mm)
{
	mmdrop(mm_of(mm));
}

/* Is something mapped at each of the @npages pages? Asked before memory is taken
 * for all of them: a request of any size can come here. */
static bool covered(struct mm_struct *mm, unsigned long at, u64 npages)
{
	unsigned long end = at + (npages << PAGE_SHIFT);
	struct vm_area_struct *vma;

	mmap_read_lock(mm);
	while (at < end) {
		vma = find_vma(mm, at);
		if (!vma || vma->vm_start > at)
			break;
		at = vma->vm_end;
	}
	mmap_read_unlock(mm);
	return at >= end;
}

/* A piece at a time, so that a large one does not hold the address space. */
static int pin_all(struct port_pin *pin, struct mm_struct *mm, unsigned long uaddr, u64 npages)
{
	unsigned int flags = FOLL_LONGTERM | (pin->write ? FOLL_WRITE : 0);
	long n;

	while (pin->npages < npages) {
		mmap_read_lock(mm);
		n = pin_user_pages_remote(mm, uaddr + (pin->npages << PAGE_SHIFT),
					  port_min(npages - pin->npages, PTRS_PER_PTE), flags,
					  pin->pages + pin->npages, NULL);
		mmap_read_unlock(mm);
		if (n <= 0)
			return n == -ENOMEM ? -ENOMEM : -EFAULT;
		pin->npages += n;
		atomic64_add(n, &pinned_pages);
		cond_resched();
	}
	return 0;
}

static int pin_living(struct port_pin *pin, struct mm_struct *mm, u64 uaddr, u64 npages)
{
	int err;

	if (!covered(mm, uaddr, npages))
		return -EFAULT;
	pin->pages = kvcalloc(npages, sizeof(*pin->pages), GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!pin->pages)
		return -ENOMEM;
	err = pin_all(pin, mm, uaddr, npages);
	if (err)
		port_unpin(pin);
	return err;
}

int port_pin(struct port_pin *pin, struct port_mm *mm, u64 uaddr, u64 npages, bool write)
{
	u64 limit = TASK_SIZE_MAX >> PAGE_SHIFT;
	int err;

	if (port_fail() || npages > limit || uaddr >> PAGE_SHIFT > limit - npages)
		return -EFAULT;
	if (!mmget_not_zero(mm_of(mm)))
		return -EFAULT;
	*pin = (struct port_pin){ .write = write };
	err = pin_living(pin, mm_of(mm), uaddr, npages);
	mmput(mm_of(mm));
	return err;
}

/* Of a folio of a memfd one pin is held, whatever its size. */
void port_unpin(struct port_pin *pin)
{
	u64 pins = pin->folios ? pin->nfolios : pin->npages;

	if (pin->folios)
		for (u64 i = 0; i < pin->nfolios; i++)
			unpin_user_page_range_dirty_lock(folio_page(pin->folios[i], 0), 1,
							 pin->write);
	else
		unpin_user_pages_dirty_lock(pin->pages, pin->npages, pin->write);
	atomic64_sub(pins, &pinned_pages);
	kvfree(pin->folios);
	kvfree(pin->pages);
	*pin = (struct port_pin){};
}

u64 port_pin_run(const struct port_pin *pin, u64 index, u64 max, u64 *phys)
{
	unsigned long pfn = page_to_pfn(pin->pages[index]);
	u64 n = 1;

	*phys = PFN_PHYS(pfn);
	max = port_min(max, pin->npages - index);
	while (n < max && page_to_pfn(pin->pages[index + n]) == pfn + n)
		n++;
	return n;
}
