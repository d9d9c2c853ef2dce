/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One case: run it by libcheck and see to it that its record has a verdict. */
#ifndef IODIRTY_CASE_H
#define IODIRTY_CASE_H

#include <sys/types.h>

#include "run.h"

/*
 * In a worker process. Blocks until the case and every process of its group
 * have ended; meanwhile *@group is that process group.
 */
void case_run(struct run *run, size_t index, _Atomic pid_t *group);

/* By the parent, when the case's worker is gone: a CRASH unless it had ended, which
 * is false. */
bool case_died(const struct run *run, struct run_case *rc, const char *how);
/* What the record says is sound from here on, and final: @verdict, or what a known
 * deviation makes of it. */
void case_set_verdict(const struct run *run, struct run_case *rc, enum verdict verdict);
/* The run was stopped before or while this case ran: it counts as not run. */
void case_interrupted(const struct run *run, struct run_case *rc);
/* Seconds after which a case of this test is given up. */
double case_timeout(const struct run *run, const struct ct_test *test);

#endif
