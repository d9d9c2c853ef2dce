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

/* By the parent, when the case's worker is gone: a CRASH unless it had ended. */
void case_died(struct run_case *rc, const char *how);
/* The run was stopped before or while this case ran: it counts as not run. */
void case_interrupted(struct run_case *rc);

#endif
