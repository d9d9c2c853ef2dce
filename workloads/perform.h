/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A workload, performed: each access a DMA of its device of the machine, by that device's
 * engine, as its driver would have it done. By a thread, at the times that the workload says,
 * or by the caller up to a time.
 */
#ifndef IODIRTY_WORKLOADS_PERFORM_H
#define IODIRTY_WORKLOADS_PERFORM_H

#include <pthread.h>

#include "machine.h"
#include "vfio_client.h"
#include "workload.h"

struct performer {
	struct machine *m;
	struct workload *w; /* without end */
	struct access next; /* not yet done */
	bool fetched;
	struct vfioc_engine engines[MACHINE_DEVICES]; /* of those that have done something */
	_Atomic uint64_t completed[MACHINE_DEVICES]; /* writes of each */
	/* A device has been stopped while it had something to do: nothing more is done. */
	bool stopped;
	int error; /* -errno, and what it was; the thread's until it is joined */
	char message[200];
	pthread_t thread;
	bool running; /* there is a thread */
	_Atomic bool halt; /* it is to end */
	uint64_t start; /* of it, by the monotonic clock */
	uint64_t late; /* ns that it was behind when it ended */
};

/* @w is the caller's: of one device or more, at most the machine's. */
void perform_open(struct performer *p, struct machine *m, struct workload *w);
/* Do all that is earlier than @ns, at once. 0, or -errno as all of these, by machine_fail(). */
int perform_until(struct performer *p, uint64_t ns);
/* A thread that does each access at its time, from now on; one that is late catches up. */
int perform_start(struct performer *p);
/* It does no more; any number of times. */
int perform_join(struct performer *p);
/* How many writes of each device are complete; any thread. */
void perform_sample(const struct performer *p, uint64_t completed[MACHINE_DEVICES]);
/*
 * @device, joined and moved, goes on at the destination: its next write is made there and must
 * arrive. One that writes nothing for long has nothing to go on with.
 */
int perform_next(struct performer *p, unsigned int device);

#endif
