/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A store to memory that another thread may unmap or protect meanwhile. The kernel's
 * copies (self.c) answer EFAULT too, but cost a look-up of each page and a copy each way.
 * Here the processor stores, and if it cannot, the signal that it raises ends the
 * attempt.
 *
 * The handlers are there for as long as anybody guards (a window of a bitmap, not each
 * piece of it: system calls would cost a harvest more than its stores), and whoever had one
 * before has it back: so nobody needs to know of ours, and no chain of handlers can become
 * a ring. What other threads raise meanwhile is passed on.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>

#include "self.h"

static const int faults[] = { SIGSEGV, SIGBUS };
#define FAULTS (sizeof(faults) / sizeof(faults[0]))

static struct port_mutex lock = { PTHREAD_MUTEX_INITIALIZER };
static unsigned int guards; /* under lock */
static struct sigaction was[FAULTS]; /* constant while there are guards */
static _Thread_local sigjmp_buf *volatile attempt; /* of this thread */

/* What would have happened without us; by default the same access faults once more,
 * and ends the process. */
static void pass_on(size_t i, siginfo_t *info, void *context)
{
	const struct sigaction *to = &was[i];

	if (to->sa_flags & SA_SIGINFO)
		to->sa_sigaction(faults[i], info, context);
	else if (to->sa_handler == SIG_DFL || to->sa_handler == SIG_IGN)
		signal(faults[i], SIG_DFL);
	else
		to->sa_handler(faults[i]);
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	if (attempt && info->si_code > 0)
		siglongjmp(*attempt, 1);
	pass_on(sig == SIGBUS, info, context);
}

/* A call of its own, so that nothing that it changes is the caller's when a jump ends it. */
static __attribute__((noinline)) void store(void *to, const void *from, size_t size)
{
	port_or(to, from, size);
}

void guard_begin(struct port_guard *guard)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	sigset_t unblock;
	size_t i;

	port_mutex_lock(&lock);
	for (i = 0; i < FAULTS && !guards; i++)
		sigaction(faults[i], &action, &was[i]);
	guards++;
	port_mutex_unlock(&lock);
	sigemptyset(&unblock);
	for (i = 0; i < FAULTS; i++)
		sigaddset(&unblock, faults[i]);
	pthread_sigmask(SIG_UNBLOCK, &unblock, &guard->blocked);
}

/* Of @blocked what we unblocked. */
static void block_again(const sigset_t *blocked)
{
	sigset_t again;
	size_t i;

	sigemptyset(&again);
	for (i = 0; i < FAULTS; i++)
		if (sigismember(blocked, faults[i]))
			sigaddset(&again, faults[i]);
	pthread_sigmask(SIG_BLOCK, &again, NULL);
}

void guard_end(const struct port_guard *guard)
{
	struct sigaction now;
	size_t i;

	block_again(&guard->blocked);
	port_mutex_lock(&lock);
	guards--;
	for (i = 0; i < FAULTS && !guards; i++) {
		sigaction(faults[i], &was[i], &now);
		/* Somebody has set another meanwhile, who is not to lose it. */
		if (now.sa_sigaction != on_fault)
			sigaction(faults[i], &now, NULL);
	}
	port_mutex_unlock(&lock);
}

int guard_or(void *to, const void *from, size_t size)
{
	sigjmp_buf here;

	/* The mask too: in the handler the signal is blocked. */
	if (sigsetjmp(here, 1)) {
		attempt = NULL;
		return -EFAULT;
	}
	attempt = &here;
	store(to, from, size);
	attempt = NULL;
	return 0;
}
