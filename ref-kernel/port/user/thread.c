/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define _GNU_SOURCE
#include <signal.h>
#include <time.h>

#include "task.h"

#define NSEC 1000000000ULL

static void *run(void *arg)
{
	struct port_thread *t = arg;

	t->fn(t->arg);
	return NULL;
}

static void wake_init(struct port_thread *t)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&t->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&t->wake, &attr);
	pthread_condattr_destroy(&attr);
}

static void wake_destroy(struct port_thread *t)
{
	pthread_cond_destroy(&t->wake);
	pthread_mutex_destroy(&t->lock);
}

/* The program's signals are not for our threads: they start with all blocked. */
int port_thread_start(struct port_thread *t, void (*fn)(void *arg), void *arg)
{
	sigset_t all, was;
	int err;

	t->fn = fn;
	t->arg = arg;
	t->stopping = false;
	wake_init(t);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	err = pthread_create(&t->thread, NULL, run, t);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	if (err)
		wake_destroy(t);
	return -err;
}

bool port_thread_stopping(struct port_thread *t)
{
	return __atomic_load_n(&t->stopping, __ATOMIC_ACQUIRE);
}

void port_thread_stop(struct port_thread *t)
{
	pthread_mutex_lock(&t->lock);
	__atomic_store_n(&t->stopping, true, __ATOMIC_RELEASE);
	pthread_cond_signal(&t->wake);
	pthread_mutex_unlock(&t->lock);
	pthread_join(t->thread, NULL);
	wake_destroy(t);
}

void port_thread_sleep(struct port_thread *t, u64 ns)
{
	u64 until = port_now_ns() + ns;
	struct timespec ts = { .tv_sec = until / NSEC, .tv_nsec = until % NSEC };

	pthread_mutex_lock(&t->lock);
	while (!port_thread_stopping(t) && !pthread_cond_timedwait(&t->wake, &t->lock, &ts))
		;
	pthread_mutex_unlock(&t->lock);
}

u64 port_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC + ts.tv_nsec;
}

u64 port_cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * NSEC + ts.tv_nsec;
}

bool port_interrupted(void)
{
	struct task *t = task_current();

	return t->ops->interrupted(t);
}

void port_hold_signals(void)
{
	struct task *t = task_current();

	t->ops->hold_signals(t);
}
