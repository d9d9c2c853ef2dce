/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Failure injection. Who has asked for a failure is on a list, as tasks have no
 * room for us: mostly it is empty, which costs a fail point one load.
 */
#include <linux/list.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "linux.h"

struct armed {
	struct list_head link;
	struct task_struct *task; /* referenced, so no other is at its address */
	u32 left; /* fail points until the one that fails */
};

static LIST_HEAD(all);
static DEFINE_SPINLOCK(lock); /* all */

static void disarm(struct armed *a)
{
	list_del(&a->link);
	put_task_struct(a->task);
	kfree(a);
}

/* lock held. What threads that have gone left behind goes on the way. */
static struct armed *find_current(void)
{
	struct armed *a, *next, *found = NULL;

	list_for_each_entry_safe(a, next, &all, link)
	{
		if (a->task == current)
			found = a;
		else if (READ_ONCE(a->task->exit_state))
			disarm(a);
	}
	return found;
}

u32 port_fail_set(u32 nth)
{
	struct armed *new = NULL, *old;
	u32 was = 0;

	if (nth) {
		new = kmalloc(sizeof(*new), GFP_KERNEL | __GFP_NOFAIL);
		new->task = get_task_struct(current);
		new->left = nth;
	}
	spin_lock(&lock);
	old = find_current();
	if (old) {
		was = old->left;
		disarm(old);
	}
	if (new)
		list_add(&new->link, &all);
	spin_unlock(&lock);
	return was;
}

bool port_fail(void)
{
	struct armed *a;
	bool fail;

	if (list_empty(&all))
		return false;
	spin_lock(&lock);
	a = find_current();
	fail = a && !--a->left;
	if (fail)
		disarm(a);
	spin_unlock(&lock);
	return fail;
}

void fail_forget_all(void)
{
	struct armed *a, *next;

	list_for_each_entry_safe(a, next, &all, link) disarm(a);
}
