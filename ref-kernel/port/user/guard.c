/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A store to memory that another thread may unmap or protect meanwhile. The kernel's
 * copies (self.c) answer EFAULT too, but cost a look-up of each page and a copy each way.
 * Here the processor stores, and if it cannot, the signal that it raises ends the
 * attempt.
 *
 * The handlers are there for the length of an attempt, and whoever had one before has it
 * back: so nobody needs to know of ours, and no chain of handlers can become a ring. What
 * other threads raise meanwhile is passed on.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>

#include "self.h"

static const int faults[] = { SIGSEGV, SIGBUS };
#define FAULTS (sizeof(faults) / sizeof(faults[0]))

/* Under the caller's lock: one attempt at a time. */
static struct sigaction was[FAULTS];
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

int guard_or(void *to, const void *from, size_t size)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK };
	sigset_t unblock, blocked;
	sigjmp_buf here;
	size_t i;
	int err = 0;

	sigemptyset(&unblock);
	for (i = 0; i < FAULTS; i++) {
		sigaddset(&unblock, faults[i]);
		sigaction(faults[i], &action, &was[i]);
	}
	pthread_sigmask(SIG_UNBLOCK, &unblock, &blocked);
	if (!sigsetjmp(here, 0)) {
		attempt = &here;
		store(to, from, size);
		attempt = NULL;
	} else {
		attempt = NULL;
		err = -EFAULT;
	}
	pthread_sigmask(SIG_SETMASK, &blocked, NULL);
	for (i = 0; i < FAULTS; i++)
		sigaction(faults[i], &was[i], NULL);
	return err;
}
