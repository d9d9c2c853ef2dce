/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Writes traces, each in the fewest bytes: the same accesses are the same file. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "trace.h"

#define PAGE 4096
#define RECORD_MAX 64 /* a byte of flags and five numbers of ten, or less */

struct trace_writer {
	FILE *file;
	uint64_t iova, length; /* of the memory */
	unsigned int devices;
	uint64_t records, ns; /* ns: of the last */
	uint32_t device; /* of the last */
	uint32_t crc;
	bool broken; /* the file is */
	struct {
		uint64_t end, length;
		uint32_t pasid;
	} last[WORKLOAD_DEVICES];
};

static void put(struct trace_writer *t, const uint8_t *bytes, size_t n)
{
	t->crc = crc32(t->crc, bytes, n);
	if (fwrite(bytes, 1, n, t->file) != n)
		t->broken = true;
}

static void store(uint8_t *to, uint64_t value, unsigned int bytes)
{
	for (unsigned int i = 0; i < bytes; i++)
		to[i] = value >> 8 * i;
}

static uint8_t *varint(uint8_t *to, uint64_t value)
{
	for (; value > 0x7f; value >>= 7)
		*to++ = value | 0x80;
	*to++ = value;
	return to;
}

static void put_header(struct trace_writer *t, const struct workload *like, uint64_t seed)
{
	uint8_t h[TRACE_HEADER + sizeof(like->origin)] = TRACE_MAGIC;
	size_t text = trace_text(like->origin, strnlen(like->origin, sizeof(like->origin)),
				 (char *)h + TRACE_HEADER, sizeof(like->origin));
	size_t size = (TRACE_HEADER + text + 7) / 8 * 8;

	store(h + 8, TRACE_VERSION, 4);
	store(h + 12, size, 4);
	store(h + 16, like->iova, 8);
	store(h + 24, like->length, 8);
	store(h + 32, like->devices, 4);
	store(h + 36, like->pattern, 4);
	store(h + 40, seed, 8);
	store(h + 48, text, 4);
	put(t, h, size);
}

struct trace_writer *trace_begin(FILE *file, const struct workload *like, uint64_t seed)
{
	struct trace_writer *t;
	uint64_t end;

	if (like->iova % PAGE || !like->length || like->length % PAGE || like->length > INT64_MAX ||
	    !like->devices || like->devices > WORKLOAD_DEVICES ||
	    __builtin_add_overflow(like->iova, like->length, &end)) {
		errno = EINVAL;
		return NULL;
	}
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->file = file;
	t->iova = like->iova;
	t->length = like->length;
	t->devices = like->devices;
	t->crc = crc32(0, NULL, 0);
	for (unsigned int i = 0; i < t->devices; i++)
		t->last[i].end = t->iova;
	put_header(t, like, seed);
	return t;
}

int trace_add(struct trace_writer *t, const struct access *a)
{
	uint8_t record[RECORD_MAX], *to = record + 1, flags = a->write ? TRACE_WRITE : 0;
	int64_t by;

	if (a->device >= t->devices || a->pasid >= TRACE_PASIDS || a->ns < t->ns ||
	    a->ns > TRACE_NS_MAX || !a->length || a->iova < t->iova || a->length > t->length ||
	    a->iova - t->iova > t->length - a->length)
		return -EINVAL;
	if (a->device != t->device) {
		flags |= TRACE_DEVICE;
		to = varint(to, a->device);
	}
	if (a->pasid != t->last[a->device].pasid) {
		flags |= TRACE_PASID;
		to = varint(to, a->pasid);
	}
	if (a->length != t->last[a->device].length) {
		flags |= TRACE_LENGTH;
		to = varint(to, a->length);
	}
	by = (int64_t)(a->iova - t->last[a->device].end);
	if (by) {
		flags |= TRACE_IOVA;
		to = varint(to, (uint64_t)by << 1 ^ (uint64_t)(by >> 63));
	}
	to = varint(to, a->ns - t->ns);
	record[0] = flags;
	put(t, record, to - record);
	t->records++;
	t->ns = a->ns;
	t->device = a->device;
	t->last[a->device].pasid = a->pasid;
	t->last[a->device].length = a->length;
	t->last[a->device].end = a->iova + a->length;
	return t->broken ? -EIO : 0;
}

int trace_end(struct trace_writer *t, uint64_t ns)
{
	uint8_t end[RECORD_MAX] = { TRACE_END }, *to = end + 1, crc[4];
	bool good;

	if (!ns)
		ns = 1;
	if (ns < t->ns || ns > TRACE_NS_MAX) {
		free(t);
		return -EINVAL;
	}
	to = varint(to, t->records);
	to = varint(to, ns - t->ns);
	put(t, end, to - end);
	store(crc, t->crc, sizeof(crc));
	put(t, crc, sizeof(crc));
	good = !t->broken && !fflush(t->file);
	free(t);
	return good ? 0 : -EIO;
}

int trace_copy(FILE *file, struct workload *w, uint64_t seed, struct trace_part *part,
	       char error[TRACE_ERROR])
{
	struct trace_writer *t = trace_begin(file, w, seed);
	struct access a;
	int ret, added = 0;

	if (!t) {
		ret = -errno;
		snprintf(error, TRACE_ERROR, "%s", strerror(-ret));
		return ret;
	}
	for (part->copied = 0; (ret = w->next(w, &a)) > 0; part->copied++) {
		if ((part->records && part->copied == part->records) ||
		    (part->ns && a.ns >= part->ns))
			break;
		added = trace_add(t, &a);
		if (added)
			break;
	}
	/* So many records are over when the next would come. */
	part->end = !ret ? w->ns : part->ns ? part->ns : a.ns;
	if (ret < 0 || added == -EINVAL) {
		snprintf(error, TRACE_ERROR, "record %" PRIu64 ": %s", part->copied + 1,
			 ret < 0 ? w->error : "no trace can hold such an access");
		trace_end(t, 0);
		return ret < 0 ? ret : -ERANGE;
	}
	if (trace_end(t, part->end) != -EINVAL)
		return 0;
	snprintf(error, TRACE_ERROR, "%s",
		 "it would be over before its last record, or after 2^63 ns");
	return -ERANGE;
}
