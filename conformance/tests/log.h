/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* DMA logging: the calls, and a device whose writes are remembered. */
#ifndef IODIRTY_TESTS_LOG_H
#define IODIRTY_TESTS_LOG_H

#include "ct.h"

#define LOG_PAGE 4096u
#define LOG_PAGES 64u /* that generators write to */
#define LOG_KINDS 3u
extern const u32 log_kinds[LOG_KINDS]; /* enum iodirty_vfio_kind: of each that may have a log */

typedef struct vfio_device_feature_dma_logging_range log_range;

/* 0 or -errno. *@page_size: the hint, and what it became. */
int log_start_ranges(int fd, const log_range *ranges, u32 n, u64 *page_size);
int log_start(int fd, u64 iova, u64 length);
int log_stop(int fd);
int log_report(int fd, u64 iova, u64 length, u64 page_size, const void *bitmap);

/* A device with a log, that reaches the memory of a scene, of 68 pages at least, whose own
 * device is attached to nothing. */
struct log_rig {
	struct scene s;
	u32 id, hwpt; /* untracked, for PASIDs too; of an mdev, attached to the IOAS */
	int fd;
	u64 pages; /* of 4 KiB */
};

/* Without a log yet. @flags besides LOG: enum iodirty_vfio_flags. */
void log_rig_open(struct log_rig *r, u32 kind, u32 flags, u32 log_entries);
/* The device writes one byte of page @page. */
void log_write(struct log_rig *r, u64 page);
/* Its generator writes flat out to the first LOG_PAGES, at random from ct.seed. */
void log_generate(struct log_rig *r);
/*
 * A report of pages [first, first + n), in bits of @per pages, into a guarded bitmap: its bits
 * must be the low @n / @per ones of @want, which @what says.
 */
void log_expect(struct log_rig *r, u64 first, u64 n, u64 per, u64 want, const char *what);

#endif
