/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A disk whose contents are a guest's memory behind an IOMMU, moved from one memory to another
 * while requests go on. plugin.c speaks NBD, space.c to the IOMMU, migrate.c moves.
 *
 * An NBD write is a device's DMA write into that memory, which is tracked; an NBD read its DMA
 * read. That is what the memory behind an RDMA target sees, or behind NVMe over fabrics where
 * a namespace is memory. It is not what a disk does to a guest: there data pass through buffers,
 * reads of the disk write memory, and which pages they dirty has nothing to do with offsets.
 */
#ifndef IODIRTY_NBD_DISK_H
#define IODIRTY_NBD_DISK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "abi/iodirty.h"

#define DISK_DEVICES 16
#define DISK_ROUNDS 64

/* A memory, and what translates to it. */
struct space {
	char *memory;
	uint32_t ioas, hwpt; /* 0: there is none */
};

struct disk {
	/* As told (plugin.c); later nobody changes them. */
	const char *path, *format, *status;
	uint64_t size, leaf, link; /* bytes; bytes a second, 0: as fast as it goes */
	unsigned int devices, rounds, migrate_ms; /* 0: never */

	int fd;
	FILE *log; /* NULL: nobody wants to know */
	uint64_t iova, granule, page; /* page: what a bit of a harvest stands for */
	uint32_t device[DISK_DEVICES];
	struct space space[2];
	unsigned int now; /* the one that devices reach; the mover's */

	/* Requests pass a gate. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned int under_way;
	bool held, broken, stop; /* broken: what memory holds is not known any more */
	uint64_t reads, writes; /* done */

	pthread_t mover;
	bool moving; /* there is one */
};

/* ---- space.c: all say what is wrong, and return -1 ---- */

/* Opens the reference, plugs the devices, and looks whether size and leaf suit the format. */
int disk_open(struct disk *d);
/* Frees whatever there is, also after a failure. Nobody else uses @d any more. */
void disk_close(struct disk *d);
/* An IOAS and a page table, that can track, for its memory; which is made if it has none. */
int space_map(struct disk *d, struct space *s);
/* Take them down again; the memory stays. No device is attached. */
int space_unmap(struct disk *d, struct space *s);
/* All devices; @flags: IODIRTY_ATTACH_REPLACE if they are attached to another. */
int space_attach(struct disk *d, const struct space *s, uint32_t flags);
int space_track(struct disk *d, const struct space *s);
/* Which pages were written since the last time; @bitmap is emptied first. */
int space_harvest(struct disk *d, const struct space *s, uint64_t *bitmap);
/* Fill memory with what no guest writes, and count the pages that hold anything else. */
void space_spoil(const struct disk *d, struct space *s);
uint64_t space_strays(const struct disk *d, const struct space *s);

/* One request, by one of the devices: all threads may at once. */
int disk_dma(struct disk *d, enum iodirty_dma_op op, unsigned int device, uint64_t offset,
	     void *data, uint64_t length);

/* ---- migrate.c ---- */

/* False: the disk is broken. Else disk_leave() when the request is done. */
bool disk_enter(struct disk *d);
void disk_leave(struct disk *d, bool write);
/* The thread that migrates every now and then. */
int mover_start(struct disk *d);
void mover_stop(struct disk *d);

#endif
