/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reads and writes of any bytes, from a device that moves units between memory and
 * its store. That a device reports no fault says little: what was written is
 * fetched again, after the store was filled with something else.
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "dma.h"

static const struct dma_driver *const drivers[] = { &dma_edu, &dma_nvme };

const struct dma_driver *dma_driver_for(const struct pci_id *id)
{
	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (drivers[i]->probe(id))
			return drivers[i];
	return NULL;
}

bool dma_has_driver(const struct pci_id *id)
{
	return dma_driver_for(id);
}

uint64_t dma_clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ull + now.tv_nsec / 1000000;
}

void dma_rest(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 50000 }, NULL);
}

static int transfer(struct dma *d, enum dma_way way, uint64_t iova, uint32_t length)
{
	int ret = d->driver->move(d, way, iova, length);

	return ret ? ret : d->driver->wait(d);
}

/* The store is @bytes; room[] is too. */
static int fill_store(struct dma *d, const uint8_t *bytes, uint32_t length)
{
	memcpy(d->room, bytes, length);
	return transfer(d, DMA_FETCH, DMA_ROOM_IOVA, length);
}

/* What is at @iova, through the store, which held the opposite of @unlike before. */
static int fetch(struct dma *d, uint64_t iova, const uint8_t *unlike, uint8_t *out, uint32_t length)
{
	uint8_t other[DMA_PAGE];
	int ret;

	for (uint32_t i = 0; i < length; i++)
		other[i] = ~unlike[i];
	ret = fill_store(d, other, length);
	if (!ret)
		ret = transfer(d, DMA_FETCH, iova, length);
	if (!ret)
		ret = transfer(d, DMA_WRITE, DMA_ROOM_IOVA, length);
	if (!ret)
		memcpy(out, d->room, length);
	return ret;
}

static int write_checked(struct dma *d, uint64_t iova, const uint8_t *bytes, uint32_t length)
{
	uint8_t seen[DMA_PAGE];
	int ret = fill_store(d, bytes, length);

	if (!ret)
		ret = transfer(d, DMA_WRITE, iova, length);
	if (!ret)
		ret = fetch(d, iova, bytes, seen, length);
	if (!ret && memcmp(seen, bytes, length))
		ret = -EFAULT;
	return ret;
}

/* All zeroes, or all ones, is also what a device fetches where nothing is. */
static bool looks_like_nothing(const uint8_t *bytes, uint32_t length)
{
	return (bytes[0] == 0 || bytes[0] == 0xff) && !memcmp(bytes, bytes + 1, length - 1);
}

/* Whole units. */
static int write_units(struct dma *d, uint64_t iova, const uint8_t *bytes, uint32_t length)
{
	uint8_t other[DMA_PAGE];
	int ret = 0;

	if (looks_like_nothing(bytes, length)) {
		memset(other, 0x5a, length);
		ret = write_checked(d, iova, other, length);
	}
	return ret ? ret : write_checked(d, iova, bytes, length);
}

static int read_units(struct dma *d, uint64_t iova, uint8_t *out, uint32_t length)
{
	static const uint8_t zeroes[DMA_PAGE];
	uint8_t first[DMA_PAGE];
	int ret = fetch(d, iova, zeroes, first, length);

	if (ret)
		return ret;
	memcpy(out, first, length);
	/* Just what the store was filled with: would another filling stay, too? */
	for (uint32_t i = 0; i < length; i++)
		if (first[i] != 0xff)
			return 0;
	ret = fetch(d, iova, first, out, length);
	return !ret && memcmp(out, first, length) ? -EFAULT : ret;
}

/* A piece of a transfer: [iova, iova + length), and the units that hold it. */
struct piece {
	uint64_t iova, start;
	uint32_t length, span;
};

static struct piece next_piece(const struct dma *d, uint64_t iova, uint64_t length)
{
	uint64_t mask = d->unit - 1;
	uint64_t room = DMA_PAGE - iova % DMA_PAGE;
	struct piece p = { .iova = iova, .start = iova & ~mask };

	if (length > room)
		length = room;
	if (length > d->max - (iova - p.start))
		length = d->max - (iova - p.start);
	p.length = length;
	p.span = (iova - p.start + length + mask) & ~mask;
	return p;
}

int dma_write(struct dma *d, uint64_t iova, const uint8_t *data, uint64_t length, uint64_t *done)
{
	uint8_t bytes[DMA_PAGE];
	int ret = 0;

	for (*done = 0; *done < length && !ret;) {
		struct piece p = next_piece(d, iova + *done, length - *done);

		/* Neighbours in a unit are written as they are. */
		if (p.span != p.length)
			ret = read_units(d, p.start, bytes, p.span);
		memcpy(bytes + (p.iova - p.start), data + *done, p.length);
		if (!ret)
			ret = write_units(d, p.start, bytes, p.span);
		if (!ret)
			*done += p.length;
	}
	return ret;
}

int dma_read(struct dma *d, uint64_t iova, uint8_t *data, uint64_t length, uint64_t *done)
{
	uint8_t bytes[DMA_PAGE];
	int ret = 0;

	for (*done = 0; *done < length && !ret;) {
		struct piece p = next_piece(d, iova + *done, length - *done);

		ret = read_units(d, p.start, bytes, p.span);
		if (!ret) {
			memcpy(data + *done, bytes + (p.iova - p.start), p.length);
			*done += p.length;
		}
	}
	return ret;
}
