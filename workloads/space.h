/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Devices of any target over one piece of memory, tracked by their IOMMUs: what a workload's
 * accesses are performed in. It knows memory by the workload's addresses, wherever in the
 * target's aperture it had to be put.
 *
 * Used by one thread.
 */
#ifndef IODIRTY_WORKLOADS_SPACE_H
#define IODIRTY_WORKLOADS_SPACE_H

#include "target.h"
#include "workload.h"

struct space_options {
	const struct target_driver *driver;
	const char *target_arg;
	const char *format; /* NULL: the target's first that tracks */
	uint64_t leaf, page; /* bytes; 0: the smallest, of 4 KiB at least */
};

/* A PASID that one of the devices uses; not 0. */
struct space_pasid {
	uint32_t device, pasid;
};

struct space_device {
	uint32_t dev_id, hwpt;
};

struct space {
	struct target *t;
	struct iodirty_format_info format;
	uint64_t leaf, page; /* of page tables; of reports */
	/* The workload's memory, out to whole leaves and pages. */
	uint64_t iova, length;
	uint64_t at; /* where that is in the target's aperture */
	bool leaves_exact; /* they are of @leaf; else nobody knows */
	bool moves_bytes; /* TARGET_DMA */
	uint8_t *memory;
	uint32_t ioas;
	struct space_device devices[WORKLOAD_DEVICES];
	unsigned int n;
	int exit_code; /* what the last failure means: enum exit_code */
	char error[256]; /* and in words */
	/* private */
	void *room;
	uint64_t room_size;
	uint64_t *data; /* of a DMA */
};

/* All return false, with @exit_code and @error, if it did not work. space_close() in any case. */

/* Of @w only where its memory is matters. */
bool space_open(struct space *s, const struct space_options *o, const struct workload *w);
/* @n devices, which have these PASIDs too; memory is mapped, tracking is on. Called once. */
bool space_start(struct space *s, unsigned int n, const struct space_pasid *pasids,
		 size_t n_pasids);
/*
 * A DMA by device @device; complete on return. What is written is @record, again and again.
 * Where bytes move, that they have moved is looked at.
 */
bool space_access(struct space *s, unsigned int device, const struct access *a, uint64_t record);
/* What all devices wrote since the one before: a bit for each page of [iova, iova + length). */
bool space_harvest(struct space *s, uint64_t *bitmap);
void space_close(struct space *s);

#endif
