/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A tracked address space to measure in: a device of one format behind a DIRTY
 * HWPT, tracking on, and a large range mapped with leaves of one size.
 *
 * Its memory is a few megabytes, mapped over and over: what costs a harvest
 * time is page-table entries, not the pages behind them.
 */
#ifndef IODIRTY_BENCH_SPACE_H
#define IODIRTY_BENCH_SPACE_H

#include "target.h"

enum space_layout {
	SPACE_SEQUENTIAL, /* mapped from its start to its end */
	/* Mapped a leaf table's worth after the other, in random order: tables that follow
	 * one another lie anywhere. */
	SPACE_SHUFFLED,
};

struct space {
	struct target *t;
	struct iodirty_format_info format;
	uint64_t leaf, leaves; /* bytes; how many, a power of two */
	uint64_t iova, length;
	uint64_t page; /* bytes to a bit of the bitmap */
	uint32_t dev, ioas, hwpt;
	char error[160]; /* why space_open failed */
	/* private */
	void *memory; /* of the first chunk */
	void *reserved;
	uint64_t reserved_size, chunk;
	enum space_layout layout;
};

/* How many leaves of @leaf bytes fit the format's aperture: @leaves (a power of two), or
 * half as many, and so on. 0: none. */
uint64_t space_leaves(const struct iodirty_format_info *format, uint64_t leaf, uint64_t leaves);

/*
 * Open @driver afresh and map @leaves leaves (a power of two) of @leaf bytes, or
 * half as many until they fit the format's aperture. 0, or -errno with @space->error. Either way the
 * caller closes.
 */
int space_open(struct space *space, const struct target_driver *driver, const char *arg,
	       const struct iodirty_format_info *format, uint64_t leaf, uint64_t leaves);
int space_open_as(struct space *space, const struct target_driver *driver, const char *arg,
		  const struct iodirty_format_info *format, uint64_t leaf, uint64_t leaves,
		  enum space_layout layout);
void space_close(struct space *space);

/* Make dirty, as a write by the device would, each page whose bit is set. */
int space_mark(struct space *space, const uint64_t *pages);

/* GET_DIRTY_BITMAP of the whole range. */
int space_harvest(struct space *space, uint32_t flags, uint64_t *bitmap);
/* Of @length bytes at @offset, a bit for @page bytes. */
int space_harvest_part(struct space *space, uint32_t flags, uint64_t offset, uint64_t length,
		       uint64_t page, void *bitmap);

/* Unmap the whole range: by IOAS_UNMAP, or, only if the target can, with what was
 * written. And map it again, as it was. */
int space_unmap(struct space *space);
int space_unmap_dirty(struct space *space, uint64_t *bitmap);
int space_map(struct space *space);

/* Read the IOPTEs of the whole range once: how many. Only if the target can. */
int space_table_read(struct space *space, uint64_t *entries);

#endif
