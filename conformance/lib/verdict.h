/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How a test that does not return ends: ct_fail() and ct_skip() write verdict
 * and message to ct_record and jump back to who entered the case, the runner,
 * in its main thread. Whoever enters a case sets ct_exit.env before and handles
 * both values.
 */
#ifndef IODIRTY_VERDICT_H
#define IODIRTY_VERDICT_H

#include <setjmp.h>

enum ct_exit_value {
	CT_EXIT_SKIP = 1, /* the case is over, without a fault */
	CT_EXIT_FAIL = 2, /* the runner tells libcheck: ck_abort_msg() */
};

struct ct_exit {
	jmp_buf env;
};
extern struct ct_exit ct_exit; /* verdict.c */

#endif
