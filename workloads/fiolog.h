/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a log of fio (write_iolog, version 3) means to memory. A log says where on a disk was
 * read and written; which memory a drive wrote for that, and which it read, is a model's word.
 * Storage that is read makes the drive write memory; storage that is written makes it read
 * memory, which stays clean.
 */
#ifndef IODIRTY_WORKLOADS_FIOLOG_H
#define IODIRTY_WORKLOADS_FIOLOG_H

#include "workload.h"

#define FIOLOG_FRAME 4096 /* bytes of a cache's frame */

enum fiolog_model {
	/*
	 * Direct I/O: request n has buffer n mod DEPTH, each as large as the largest request, in
	 * whole frames. So however large the disk is, these buffers become dirty and no more.
	 */
	FIOLOG_DIRECT,
	/*
	 * A page cache, or a database's buffer pool. A page that is read and not in it is written by the
	 * drive to a frame: the next that is free, else one whose page goes (by the clock: a hand
	 * goes round the frames, passes over each that was used since it came by last, once,
	 * and over those of the present request). A page that is in it costs no DMA. A write is
	 * the processor's; its pages are read by the drive at once, whole, as if written back
	 * immediately, so no frame that goes is dirty. A page of which a part is written, and
	 * which is not in the cache, is read before.
	 */
	FIOLOG_CACHE,
	/* No storage but an access pattern: an offset is an address, a write a DMA write, a read
	 * a DMA read. Of one file only. */
	FIOLOG_OFFSET,
};

/*
 * In all of them one device does it; what is contiguous in memory, of one request, is one
 * access; and nothing is said of the queues by which a drive is told: no command, no
 * completion entry. A trim and a sync move no data, and take their turn.
 */
struct fiolog_options {
	enum fiolog_model model;
	uint64_t depth; /* DIRECT: buffers */
	uint64_t cache; /* CACHE: bytes */
	uint64_t rate; /* I/Os a second; 0: when the log says, whose clock has microseconds */
	uint64_t size; /* no offset may be beyond; of OFFSET, all memory. 0: as the log has it */
};

/* "direct:DEPTH", "cache:SIZE" or "offset". False, with @error saying what it may be. */
bool fiolog_parse(const char *memory, struct fiolog_options *o, char error[WORKLOAD_ERROR]);

/*
 * The log as a workload, which ends when it ends. NULL, with @error, which names the file and the
 * line.
 */
struct workload *fiolog_open(const char *path, const struct fiolog_options *o,
			     char error[WORKLOAD_ERROR]);

#endif
