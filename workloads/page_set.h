/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A set of pages by number, of which few of very many are expected: memory and time grow with
 * what is in it, not with what might be. Used by one thread at a time.
 */
#ifndef IODIRTY_WORKLOADS_PAGE_SET_H
#define IODIRTY_WORKLOADS_PAGE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_SET_CHUNK 4096 /* pages whose bits are allocated at once */

struct page_chunk {
	uint64_t index; /* its first page, in chunks */
	uint64_t turn; /* of the set's; any other: it is empty, whatever its bits are */
	uint64_t bits[PAGE_SET_CHUNK / 64];
};

struct page_set {
	uint64_t count; /* pages in it */
	/* private */
	struct page_chunk **chunks; /* by index; NULL: never used */
	struct page_chunk **used; /* those with pages in them, in the order of their first */
	uint64_t n_chunks, n_used, room, turn;
};

/* Of pages 0 to @pages - 1; none is in it. False: no memory. page_set_close() in any case; one
 * that is zeroed may be closed. */
bool page_set_open(struct page_set *s, uint64_t pages);
void page_set_close(struct page_set *s);

/* In no time, and memory is kept for what comes next. */
void page_set_clear(struct page_set *s);
/* Pages @first to @last are in it from here on. False: no memory. */
bool page_set_add(struct page_set *s, uint64_t first, uint64_t last);
bool page_set_has(const struct page_set *s, uint64_t page);
/* What @from has, @s has as well; of as many pages. False: no memory. */
bool page_set_merge(struct page_set *s, const struct page_set *from);

/*
 * for (struct page_cursor c = { 0 }; page_set_next(s, &c);) ... c.page ...
 * Each page once, those of a chunk in rising order, nothing being added meanwhile.
 */
struct page_cursor {
	uint64_t page;
	/* private */
	uint64_t used, word, rest;
};

bool page_set_next(const struct page_set *s, struct page_cursor *c);

#endif
