/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Address spaces, and the physical addresses made of them (task.h). */
#include <unistd.h>

#include "self.h"
#include "task.h"

/* Who has which number. A space keeps its own until its last reference goes,
 * which is after the last pin, so nobody looks up one that has gone. */
static struct port_mutex spaces_lock = { PTHREAD_MUTEX_INITIALIZER };
static struct port_mm *spaces[SPACES] = { &self_mm };

void mm_init(struct port_mm *mm, const struct mm_ops *ops)
{
	*mm = (struct port_mm){ .ops = ops, .refs = 1 };
}

struct port_mm *port_mm_get(void)
{
	struct port_mm *mm = task_current()->mm;

	__atomic_add_fetch(&mm->refs, 1, __ATOMIC_RELAXED);
	return mm;
}

void port_mm_put(struct port_mm *mm)
{
	if (__atomic_sub_fetch(&mm->refs, 1, __ATOMIC_ACQ_REL))
		return;
	if (mm->space)
		__atomic_store_n(&spaces[mm->space], NULL, __ATOMIC_RELEASE);
	mm->ops->release(mm);
}

/* The number of @mm, given when it is first pinned; -ENOMEM when all are taken. */
static int space_of(struct port_mm *mm, u64 *space)
{
	u32 free = SPACES;

	port_mutex_lock(&spaces_lock);
	if (mm != &self_mm && !mm->space) {
		for (u32 i = 1; i < SPACES && free == SPACES; i++)
			if (!__atomic_load_n(&spaces[i], __ATOMIC_ACQUIRE))
				free = i;
		if (free < SPACES) {
			__atomic_store_n(&spaces[free], mm, __ATOMIC_RELEASE);
			mm->space = free;
		}
	}
	*space = mm->space;
	port_mutex_unlock(&spaces_lock);
	return mm != &self_mm && !*space ? -ENOMEM : 0;
}

/* NULL: no such address. @phys is left as the address in that space. */
static struct port_mm *mm_of(u64 *phys)
{
	u64 space = *phys >> SPACE_LG2;

	*phys &= (1ULL << SPACE_LG2) - 1;
	return space < SPACES ? __atomic_load_n(&spaces[space], __ATOMIC_ACQUIRE) : NULL;
}

int port_pin(struct port_pin *pin, struct port_mm *mm, u64 uaddr, u64 npages, bool write)
{
	u64 limit = 1ULL << (SPACE_LG2 - PORT_PAGE_LG2), space;
	int err;

	if (port_fail() || npages > limit || uaddr >> PORT_PAGE_LG2 > limit - npages)
		return -EFAULT;
	err = space_of(mm, &space);
	if (err)
		return err;
	if (mm->ops->populate(mm, uaddr, npages << PORT_PAGE_LG2, write))
		return -EFAULT;
	*pin = (struct port_pin){ .base = space << SPACE_LG2 | uaddr, .npages = npages };
	return 0;
}

int port_phys_read(u64 phys, void *dst, size_t size)
{
	struct port_mm *mm = mm_of(&phys);

	return mm ? mm->ops->read(mm, dst, phys, size) : -EFAULT;
}

int port_phys_write(u64 phys, const void *src, size_t size)
{
	struct port_mm *mm = mm_of(&phys);

	return mm ? mm->ops->write(mm, phys, src, size) : -EFAULT;
}

/*
 * Nothing says that a copy of 8 bytes is one access. Of two that see the same, the
 * first cannot have come into the middle of a change.
 */
int port_phys_load(u64 phys, u64 *v)
{
	u64 first;

	do {
		if (port_phys_read(phys, &first, sizeof(first)) ||
		    port_phys_read(phys, v, sizeof(*v)))
			return -EFAULT;
	} while (*v != first);
	return 0;
}

/*
 * No system call is atomic to the processor, so a thread of the process that
 * owns the page must do it: ours, or the caller's while it waits for us.
 */
int port_phys_atomic(u64 phys, enum port_atomic op, size_t size, u64 operand, u64 compare, u64 *old)
{
	struct port_mm *mm = mm_of(&phys);
	struct task *t = task_current();

	if (mm == &self_mm)
		return self_atomic(phys, op, size, operand, compare, old);
	if (mm != t->mm)
		return -EFAULT;
	return t->ops->atomic(t, phys, op, size, operand, compare, old);
}

/* The page cache of a file is the same for all; other pages are one process's. */
int port_page_identify(u64 phys, u64 max, struct port_page_id *id, u64 *n)
{
	u64 space = phys >> SPACE_LG2, addr = phys;
	struct port_mm *mm = mm_of(&addr);
	struct vma vma;

	if (!mm || mm->ops->vma(mm, addr, &vma))
		return -EFAULT;
	if (vma.shared && vma.inode)
		*id = (struct port_page_id){
			.space = SPACES + vma.device,
			.object = vma.inode,
			.index = (vma.offset + (addr - vma.start)) >> PORT_PAGE_LG2,
		};
	else
		*id = (struct port_page_id){ .space = space, .index = addr >> PORT_PAGE_LG2 };
	*n = port_min((vma.end - addr) >> PORT_PAGE_LG2, max);
	return 0;
}
