/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <linux/hrtimer.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

#include "port.h"

static int run(void *arg)
{
	struct port_thread *t = arg;

	t->fn(t->arg);
	return 0;
}

/* The reference outlives a thread that ends before it is told to. */
int port_thread_start(struct port_thread *t, void (*fn)(void *arg), void *arg)
{
	struct task_struct *task;

	t->fn = fn;
	t->arg = arg;
	task = kthread_create(run, t, "iodirty");
	if (IS_ERR(task))
		return PTR_ERR(task);
	t->task = get_task_struct(task);
	wake_up_process(task);
	return 0;
}

/* Polled by whoever runs for long, and so the place to let others run. */
bool port_thread_stopping(struct port_thread *t)
{
	(void)t;
	cond_resched();
	return kthread_should_stop();
}

void port_thread_stop(struct port_thread *t)
{
	kthread_stop_put(t->task);
}

void port_thread_sleep(struct port_thread *t, u64 ns)
{
	ktime_t span = ns_to_ktime(port_min(ns, KTIME_MAX));

	(void)t;
	set_current_state(TASK_IDLE);
	if (!kthread_should_stop())
		schedule_hrtimeout(&span, HRTIMER_MODE_REL);
	__set_current_state(TASK_RUNNING);
}

u64 port_now_ns(void)
{
	return ktime_get_ns();
}

/* No module can ask the scheduler what it has charged, so preemption is in it. */
u64 port_cpu_ns(void)
{
	return ktime_get_ns();
}

bool port_interrupted(void)
{
	return signal_pending(current);
}

/* They do anyhow. */
void port_hold_signals(void)
{
}
