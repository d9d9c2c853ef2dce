/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A cache of a disk's pages, in frames of memory: FIOLOG_CACHE of fiolog.h. */
#ifndef IODIRTY_WORKLOADS_FIOLOG_CACHE_H
#define IODIRTY_WORKLOADS_FIOLOG_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIOLOG_NOT_CACHED UINT32_MAX

struct fiolog_cache;

/* NULL: no memory. */
struct fiolog_cache *fiolog_cache_open(uint32_t frames);
void fiolog_cache_close(struct fiolog_cache *c);
/* Nothing is in it. */
void fiolog_cache_clear(struct fiolog_cache *c);

/*
 * Have a page, for request @io, which is not 0; those of one request are all in the cache when it
 * is done, so it may have no more of them than there are frames. True: it was there. *frame says
 * where it is.
 */
bool fiolog_cache_have(struct fiolog_cache *c, uint64_t io, uint32_t file, uint64_t page,
		       uint32_t *frame);
/* Where a page is; nothing changes. */
uint32_t fiolog_cache_frame(struct fiolog_cache *c, uint32_t file, uint64_t page);

#endif
