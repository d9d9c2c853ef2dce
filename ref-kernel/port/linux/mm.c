/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Address spaces, and pins of their pages. */
#include <linux/mm.h>
#include <linux/sched/mm.h>

#include "linux.h"

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
static int pin_all(struct pinned *p, struct mm_struct *mm, unsigned long uaddr, u64 npages)
{
	unsigned int flags = FOLL_LONGTERM | (p->write ? FOLL_WRITE : 0);
	long n;

	while (p->npages < npages) {
		mmap_read_lock(mm);
		n = pin_user_pages_remote(mm, uaddr + (p->npages << PAGE_SHIFT),
					  port_min(npages - p->npages, PTRS_PER_PTE), flags,
					  p->pages + p->npages, NULL);
		mmap_read_unlock(mm);
		if (n <= 0)
			return n == -ENOMEM ? -ENOMEM : -EFAULT;
		p->npages += n;
		atomic64_add(n, &pinned_pages);
		cond_resched();
	}
	return 0;
}

static int pin_living(struct port_pin *pin, struct mm_struct *mm, u64 uaddr, u64 npages, bool write)
{
	int err;

	if (!covered(mm, uaddr, npages))
		return -EFAULT;
	err = bus_alloc(pin, mm, uaddr, npages, write);
	if (err)
		return err;
	err = pin_all(pin->pinned, mm, uaddr, npages);
	if (err)
		port_unpin(pin);
	return err;
}

int port_pin(struct port_pin *pin, struct port_mm *mm, u64 uaddr, u64 npages, bool write)
{
	u64 limit = TASK_SIZE_MAX >> PAGE_SHIFT;
	int err;

	if (port_fail() || !npages || npages > limit || uaddr >> PAGE_SHIFT > limit - npages)
		return -EFAULT;
	if (!mmget_not_zero(mm_of(mm)))
		return -EFAULT;
	err = pin_living(pin, mm_of(mm), uaddr, npages, write);
	mmput(mm_of(mm));
	return err;
}
