/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Logs of fio as workloads: which memory an I/O reads and writes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "fiolog.h"
#include "fiolog_cache.h"
#include "fiolog_read.h"

#define SECOND ((uint64_t)1000000000)
#define MEMORY ((uint64_t)16 << 40) /* bytes, the most */
#define CACHE ((uint64_t)64 << 30) /* likewise; it takes some 40 bytes a frame here */
#define DEPTH 65536 /* the most, as of an NVMe queue */

struct logged {
	struct workload w;
	struct fiolog log;
	struct fiolog_options o;
	uint64_t buffer; /* DIRECT: bytes of each */
	struct fiolog_cache *cache;
	uint64_t next_io, moved; /* I/Os that were taken up; of these, those that move data */
	/* What the I/O taken up last comes to, and how much of that was given out. */
	struct access *pending;
	size_t n, given;
};

bool fiolog_parse(const char *memory, struct fiolog_options *o, char error[WORKLOAD_ERROR])
{
	if (!strncmp(memory, "direct:", 7) && parse_number(memory + 7, 1, DEPTH, &o->depth)) {
		o->model = FIOLOG_DIRECT;
		return true;
	}
	if (!strncmp(memory, "cache:", 6) &&
	    parse_size(memory + 6, FIOLOG_FRAME, CACHE, &o->cache)) {
		o->model = FIOLOG_CACHE;
		return true;
	}
	if (!strcmp(memory, "offset")) {
		o->model = FIOLOG_OFFSET;
		return true;
	}
	snprintf(
		error, WORKLOAD_ERROR,
		"memory '%.40s' is none of direct:DEPTH (1 to %d), cache:SIZE (4K to 64G) and offset",
		memory, DEPTH);
	return false;
}

/* ---- an I/O ---- */

static uint64_t due(const struct logged *l, uint64_t n)
{
	uint64_t rate = l->o.rate;

	return rate ? n / rate * SECOND + n % rate * SECOND / rate : l->log.ios[n].us * 1000;
}

/* @contiguous: with the one before it, if that ends where this begins. */
static void add(struct logged *l, uint64_t ns, bool write, uint64_t iova, uint64_t length,
		bool contiguous)
{
	struct access *last = l->n ? &l->pending[l->n - 1] : NULL;

	if (contiguous && last && last->write == write && last->iova + last->length == iova) {
		last->length += length;
		return;
	}
	l->pending[l->n++] =
		(struct access){ .ns = ns, .iova = iova, .length = length, .write = write };
}

static void direct(struct logged *l, const struct fiolog_io *io, uint64_t ns)
{
	uint64_t n = l->moved % l->o.depth;

	add(l, ns, io->action == FIOLOG_READ, l->w.iova + n * l->buffer, io->length, false);
}

static uint64_t first_page(const struct fiolog_io *io)
{
	return io->offset / FIOLOG_FRAME;
}

static uint64_t last_page(const struct fiolog_io *io)
{
	return (io->offset + io->length - 1) / FIOLOG_FRAME;
}

/* Two runs over the pages: what has to be read from storage, then what is written to it. */
static void cached(struct logged *l, const struct fiolog_io *io, uint64_t ns)
{
	uint64_t first = first_page(io), last = last_page(io), end = io->offset + io->length;
	bool before = false; /* the page before this one was read, too */
	uint32_t frame;

	for (uint64_t page = first; page <= last; page++) {
		bool there = fiolog_cache_have(l->cache, l->next_io, io->file, page, &frame);
		bool whole = io->offset <= page * FIOLOG_FRAME && end >= (page + 1) * FIOLOG_FRAME;
		bool read = !there && (io->action == FIOLOG_READ || !whole);

		if (read)
			add(l, ns, true, l->w.iova + (uint64_t)frame * FIOLOG_FRAME, FIOLOG_FRAME,
			    before);
		before = read;
	}
	for (uint64_t page = first; page <= last && io->action == FIOLOG_WRITE; page++) {
		frame = fiolog_cache_frame(l->cache, io->file, page);
		add(l, ns, false, l->w.iova + (uint64_t)frame * FIOLOG_FRAME, FIOLOG_FRAME, true);
	}
}

static void by_offset(struct logged *l, const struct fiolog_io *io, uint64_t ns)
{
	add(l, ns, io->action == FIOLOG_WRITE, l->w.iova + io->offset, io->length, false);
}

static void take_up(struct logged *l)
{
	const struct fiolog_io *io = &l->log.ios[l->next_io];
	uint64_t ns = due(l, l->next_io);

	l->n = l->given = 0;
	l->next_io++;
	if (io->action == FIOLOG_OTHER)
		return;
	if (l->o.model == FIOLOG_DIRECT)
		direct(l, io, ns);
	else if (l->o.model == FIOLOG_CACHE)
		cached(l, io, ns);
	else
		by_offset(l, io, ns);
	l->moved++;
}

static int logged_next(struct workload *w, struct access *out)
{
	struct logged *l = (struct logged *)w;

	while (l->given == l->n) {
		if (l->next_io == l->log.n)
			return 0;
		take_up(l);
	}
	*out = l->pending[l->given++];
	return 1;
}

static void logged_rewind(struct workload *w)
{
	struct logged *l = (struct logged *)w;

	l->next_io = l->moved = 0;
	l->n = l->given = 0;
	if (l->cache)
		fiolog_cache_clear(l->cache);
}

static void logged_close(struct workload *w)
{
	struct logged *l = (struct logged *)w;

	fiolog_cache_close(l->cache);
	fiolog_free(&l->log);
	free(l->pending);
	free(l);
}

/* ---- the whole ---- */

static uint64_t whole_frames(uint64_t bytes)
{
	return (bytes + FIOLOG_FRAME - 1) / FIOLOG_FRAME * FIOLOG_FRAME;
}

static bool too_large(const char *path, const char *what, char error[WORKLOAD_ERROR])
{
	snprintf(error, WORKLOAD_ERROR, "%.100s: %s of more than 16 TiB", path, what);
	return false;
}

static bool lay_out_direct(struct logged *l, const char *path, char error[WORKLOAD_ERROR])
{
	l->buffer = whole_frames(l->log.largest);
	if (l->buffer > MEMORY / l->o.depth)
		return too_large(path, "buffers", error);
	l->w.length = l->o.depth * l->buffer;
	snprintf(l->w.origin, sizeof(l->w.origin),
		 "direct I/O, %" PRIu64 " buffers of %" PRIu64 " bytes in turn", l->o.depth,
		 l->buffer);
	return true;
}

/* Of one I/O. */
static uint64_t most_pages(const struct fiolog *log)
{
	uint64_t most = 0;

	for (size_t i = 0; i < log->n; i++) {
		const struct fiolog_io *io = &log->ios[i];

		if (io->action != FIOLOG_OTHER && last_page(io) - first_page(io) >= most)
			most = last_page(io) - first_page(io) + 1;
	}
	return most;
}

static bool lay_out_cache(struct logged *l, const char *path, char error[WORKLOAD_ERROR])
{
	uint64_t frames = l->o.cache / FIOLOG_FRAME, most = most_pages(&l->log);

	if (frames < most) {
		snprintf(error, WORKLOAD_ERROR,
			 "%.100s: an I/O takes %" PRIu64
			 " frames of 4 KiB at once, and the cache has %" PRIu64,
			 path, most, frames);
		return false;
	}
	l->w.length = frames * FIOLOG_FRAME;
	l->cache = fiolog_cache_open(frames);
	free(l->pending);
	l->pending = calloc(2 * most, sizeof(*l->pending));
	snprintf(l->w.origin, sizeof(l->w.origin), "a cache of %" PRIu64 " frames of 4 KiB",
		 frames);
	return l->cache && l->pending;
}

static bool lay_out_offset(struct logged *l, const char *path, char error[WORKLOAD_ERROR])
{
	l->w.length = whole_frames(l->o.size ? l->o.size : l->log.end);
	if (l->w.length > MEMORY)
		return too_large(path, "addresses", error);
	if (l->log.n_files > 1) {
		snprintf(error, WORKLOAD_ERROR,
			 "%.60s: offsets of %" PRIu32 " files (%.40s, %.40s...) are no addresses: "
			 "let fio use one",
			 path, l->log.n_files, l->log.files[0], l->log.files[1]);
		return false;
	}
	l->w.pattern = true;
	snprintf(l->w.origin, sizeof(l->w.origin),
		 "offsets taken as addresses, writes as DMA writes");
	return true;
}

static bool lay_out(struct logged *l, const char *path, char error[WORKLOAD_ERROR])
{
	l->pending = calloc(1, sizeof(*l->pending));
	if (!l->pending)
		return false;
	if (l->o.model == FIOLOG_DIRECT)
		return lay_out_direct(l, path, error);
	if (l->o.model == FIOLOG_CACHE)
		return lay_out_cache(l, path, error);
	return lay_out_offset(l, path, error);
}

/* The log's name alone: a trace is the same wherever it is made. */
static void describe(struct logged *l, const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	size_t used = strlen(l->w.origin);

	snprintf(l->w.name, sizeof(l->w.name), "%s", name);
	if (l->o.rate)
		snprintf(l->w.origin + used, sizeof(l->w.origin) - used,
			 ": fio's log %.255s, %" PRIu64 " I/Os a second", name, l->o.rate);
	else
		snprintf(l->w.origin + used, sizeof(l->w.origin) - used,
			 ": fio's log %.255s, at its own times", name);
	l->w.ns = l->o.rate ? due(l, l->log.n) : l->log.us * 1000;
	/* 0 would be without end. */
	if (!l->w.ns)
		l->w.ns = 1;
}

struct workload *fiolog_open(const char *path, const struct fiolog_options *o,
			     char error[WORKLOAD_ERROR])
{
	struct logged *l = calloc(1, sizeof(*l));

	snprintf(error, WORKLOAD_ERROR, "%.150s: no memory", path);
	if (!l)
		return NULL;
	l->o = *o;
	l->w = (struct workload){
		.iova = WORKLOAD_IOVA,
		.devices = 1,
		.next = logged_next,
		.rewind = logged_rewind,
		.close = logged_close,
	};
	if (!fiolog_read(&l->log, path, o->size, error) || !lay_out(l, path, error)) {
		logged_close(&l->w);
		return NULL;
	}
	describe(l, path);
	return &l->w;
}
