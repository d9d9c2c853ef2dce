/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The reference's own memory: objects and table pages. Tables come from chunks of a
 * huge page, the lowest address that is free first: what is mapped in a row has its
 * tables in a row, and a harvest reads them as fast as the machine reads memory. From
 * malloc they would lie behind one another's headers, each a page of the processor's
 * TLB.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>

#include "port.h"

void *port_alloc(size_t size)
{
	return port_fail() ? NULL : calloc(1, size);
}

void port_free(void *p)
{
	free(p);
}

#define CHUNK_LG2 21
#define CHUNK_SIZE ((size_t)1 << CHUNK_LG2)
#define CHUNK_PAGES (CHUNK_SIZE / PORT_PAGE_SIZE)
#define CHUNKS (1U << 15) /* tables of 32 TiB in 4 KiB leaves */

struct chunk {
	u64 taken[CHUNK_PAGES / 64]; /* a bit a page */
	u32 pages; /* that are */
};

/* Addresses for all chunks are set aside at once, as many as the process may have; the
 * first @opened of them may be used. Under @lock, as all of this. */
static struct {
	struct port_mutex lock;
	u8 *base;
	u32 count, opened;
	u32 room; /* chunks before it are full */
	struct chunk chunks[CHUNKS];
} tables = { .lock = { PTHREAD_MUTEX_INITIALIZER } };

static bool set_aside(void)
{
	for (u32 count = CHUNKS; count; count /= 2) {
		size_t size = ((size_t)count + 1) << CHUNK_LG2;
		u8 *p = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
			     0);

		if (p == MAP_FAILED)
			continue;
		tables.base = p + (-(u64)p & (CHUNK_SIZE - 1));
		tables.count = count;
		/* Where there are no huge pages small ones do. */
		madvise(tables.base, (size_t)count << CHUNK_LG2, MADV_HUGEPAGE);
		return true;
	}
	return false;
}

static bool open_chunk(void)
{
	u8 *p = tables.base + ((size_t)tables.opened << CHUNK_LG2);

	if (tables.opened == tables.count || mprotect(p, CHUNK_SIZE, PROT_READ | PROT_WRITE))
		return false;
	tables.opened++;
	return true;
}

static bool are_free(const struct chunk *c, u32 at, u32 n)
{
	for (; n > 64; at += 64, n -= 64)
		if (c->taken[at / 64])
			return false;
	return !(c->taken[at / 64] >> at % 64 & ~0ULL >> (64 - n));
}

static void turn(struct chunk *c, u32 at, u32 n)
{
	for (u32 i = at; i < at + n; i++)
		c->taken[i / 64] ^= 1ULL << i % 64;
}

/* The first of @n pages in a row, aligned to as many; CHUNK_PAGES: there are none. */
static u32 find_free(const struct chunk *c, u32 n)
{
	u32 at = 0;

	while (at < CHUNK_PAGES && !are_free(c, at, n))
		at += c->taken[at / 64] == ~0ULL && n < 64 ? 64 - at % 64 : n;
	return at;
}

static void *take(u32 n)
{
	if (!tables.base && !set_aside())
		return NULL;
	while (tables.room < tables.opened && tables.chunks[tables.room].pages == CHUNK_PAGES)
		tables.room++;
	for (u32 i = tables.room; i < tables.opened || open_chunk(); i++) {
		struct chunk *c = &tables.chunks[i];
		u32 at = find_free(c, n);

		if (at == CHUNK_PAGES)
			continue;
		turn(c, at, n);
		c->pages += n;
		return tables.base + ((size_t)i << CHUNK_LG2) + at * PORT_PAGE_SIZE;
	}
	return NULL;
}

static void give(void *table, u32 n)
{
	size_t at = (u8 *)table - tables.base;
	u32 i = at >> CHUNK_LG2;
	struct chunk *c = &tables.chunks[i];

	turn(c, at % CHUNK_SIZE / PORT_PAGE_SIZE, n);
	c->pages -= n;
	tables.room = i < tables.room ? i : tables.room;
	/* The first stays: one table that comes and goes is not a huge page each time. */
	if (!c->pages && i)
		madvise(tables.base + ((size_t)i << CHUNK_LG2), CHUNK_SIZE, MADV_DONTNEED);
}

/* Sanitizers watch what malloc gave, each table by itself. */
void *port_table_alloc(unsigned int lg2)
{
	size_t size = (size_t)1 << lg2;
	void *table;

	if (port_fail() || size > CHUNK_SIZE)
		return NULL;
	if (PORT_SANITIZED) {
		table = aligned_alloc(size, size);
	} else {
		port_mutex_lock(&tables.lock);
		table = take(size / PORT_PAGE_SIZE);
		port_mutex_unlock(&tables.lock);
	}
	return table ? memset(table, 0, size) : NULL;
}

void port_table_free(void *table, unsigned int lg2)
{
	if (PORT_SANITIZED) {
		free(table);
	} else if (table) {
		port_mutex_lock(&tables.lock);
		give(table, (1U << lg2) / PORT_PAGE_SIZE);
		port_mutex_unlock(&tables.lock);
	}
}

u64 port_table_phys(const void *table)
{
	return (u64)table;
}

void *port_phys_table(u64 phys)
{
	return (void *)phys;
}
