/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "signals.h"

#define BIT(sig) (1ULL << ((sig)-1))
/* libc's are cancellation, and what setuid tells all threads. */
#define NOT_HELD                                                                               \
	(BIT(SIGSEGV) | BIT(SIGBUS) | BIT(SIGILL) | BIT(SIGFPE) | BIT(SIGTRAP) | BIT(SIGSYS) | \
	 BIT(SIGABRT) | BIT(32) | BIT(33))
/* What nobody hears of who has no handler. */
#define UNHEARD (BIT(SIGCHLD) | BIT(SIGURG) | BIT(SIGWINCH) | BIT(SIGCONT))

void signals_hold(u64 *was)
{
	u64 all = ~NOT_HELD;

	syscall(SYS_rt_sigprocmask, SIG_BLOCK, &all, was, sizeof(all));
}

void signals_release(u64 was)
{
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &was, NULL, sizeof(was));
}

/* A blocked signal waits even if it is ignored, which it is only when it comes. */
enum signals_say signals_say(u64 was)
{
	enum signals_say say = SIGNALS_NOTHING;
	struct sigaction action;
	u64 waiting = 0;

	syscall(SYS_rt_sigpending, &waiting, sizeof(waiting));
	for (waiting &= ~(was | NOT_HELD); waiting; waiting &= waiting - 1) {
		int sig = (int)port_ctz(waiting) + 1;

		if (sigaction(sig, NULL, &action) || action.sa_handler == SIG_IGN)
			continue;
		if (action.sa_handler == SIG_DFL) {
			if (say == SIGNALS_NOTHING && !(BIT(sig) & UNHEARD))
				say = SIGNALS_RESTART;
		} else if (!(action.sa_flags & SA_RESTART)) {
			return SIGNALS_EINTR;
		} else {
			say = SIGNALS_RESTART;
		}
	}
	return say;
}
