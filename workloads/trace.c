/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reads traces. A file is read once to see that it is good, then again as its records are
 * asked for: by the same code, through a buffer, so that its size is nobody's concern.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "trace.h"

#define PAGE 4096
#define PATH_SHOWN 90 /* bytes of a path in a complaint */

struct trace {
	struct workload w;
	char path[PATH_SHOWN];
	int fd;
	uint64_t seed;
	uint32_t header, header_crc; /* its bytes, and their CRC */

	/* Where reading is. */
	uint64_t records; /* that were read */
	uint64_t ns; /* of the last */
	uint32_t device; /* of the last */
	struct {
		uint64_t end, length;
		uint32_t pasid;
	} last[WORKLOAD_DEVICES];
	int state; /* what next() says: 1: go on; 0: that was all; or -errno */

	uint64_t offset; /* in the file, of buffer[0] */
	uint32_t crc; /* of all before it */
	size_t at, filled;
	uint8_t buffer[1 << 14];
};

static struct trace *trace_of(struct workload *w)
{
	return (struct trace *)w;
}

static uint64_t position(const struct trace *t)
{
	return t->offset + t->at;
}

/* The file's name first. */
__attribute__((format(printf, 2, 3))) static int fail(struct trace *t, const char *fmt, ...)
{
	int used = snprintf(t->w.error, sizeof(t->w.error), "%s: ", t->path);
	va_list args;

	va_start(args, fmt);
	vsnprintf(t->w.error + used, sizeof(t->w.error) - used, fmt, args);
	va_end(args);
	return -EINVAL;
}

#define FAIL_RECORD(t, byte, fmt, ...) \
	fail(t, "record %" PRIu64 ", byte %" PRIu64 ": " fmt, (t)->records + 1, byte, __VA_ARGS__)
#define FAIL_END(t, byte, fmt, ...) fail(t, "the end, byte %" PRIu64 ": " fmt, byte, __VA_ARGS__)

static int fail_reading(struct trace *t)
{
	fail(t, "cannot be read: %s", strerror(errno));
	return -EIO;
}

/* Of a long path, what is special of it: its end. */
static void show_path(struct trace *t, const char *path)
{
	size_t length = strlen(path), room = sizeof(t->path) - 1;
	bool cut = length > room;

	snprintf(t->path, sizeof(t->path), "%s%s", cut ? "..." : "",
		 cut ? path + length - room + 3 : path);
}

/* ---- bytes ---- */

static ssize_t read_at(int fd, void *to, size_t n, uint64_t offset)
{
	ssize_t got;

	do
		got = pread(fd, to, n, offset);
	while (got < 0 && errno == EINTR);
	return got;
}

/* 1: there is a byte at buffer[at]; 0: the file is over; or -errno, with an error. */
static int more(struct trace *t)
{
	ssize_t got;

	if (t->at < t->filled)
		return 1;
	t->crc = crc32(t->crc, t->buffer, t->filled);
	t->offset += t->filled;
	t->at = t->filled = 0;
	got = read_at(t->fd, t->buffer, sizeof(t->buffer), t->offset);
	if (got < 0)
		return fail_reading(t);
	t->filled = got;
	return got > 0;
}

/* The number at the present position. @in_end: else it is the next record's. */
static int varint(struct trace *t, bool in_end, uint64_t *out)
{
	uint64_t begin = position(t);
	unsigned int shift = 0;
	uint8_t byte;
	int ret;

	*out = 0;
	do {
		ret = more(t);
		if (ret < 0)
			return ret;
		if (!ret && in_end)
			return fail(t, "truncated in its end, at byte %" PRIu64, position(t));
		if (!ret)
			return fail(t, "truncated in record %" PRIu64 ", at byte %" PRIu64,
				    t->records + 1, position(t));
		byte = t->buffer[t->at++];
		if (shift == 63 && byte > 1) {
			if (in_end)
				return FAIL_END(t, begin, "%s", "a number of more than 64 bits");
			return FAIL_RECORD(t, begin, "%s", "a number of more than 64 bits");
		}
		*out |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80);
	return 0;
}

/* ---- records ---- */

/* What follows the flags' byte of the end. 0, or -errno. */
static int read_end(struct trace *t)
{
	uint64_t records, ns, byte = position(t);
	uint32_t crc, sum = 0;
	int ret = varint(t, true, &records);

	if (ret)
		return ret;
	if (records != t->records)
		return FAIL_END(t, byte, "it says %" PRIu64 " records, there were %" PRIu64,
				records, t->records);
	byte = position(t);
	ret = varint(t, true, &ns);
	if (ret)
		return ret;
	if (ns > TRACE_NS_MAX - t->ns || !(t->ns + ns))
		return FAIL_END(t, byte,
				"%" PRIu64 " ns after %" PRIu64 " ns; it is at 1 to 2^63 - 1 ns",
				ns, t->ns);
	t->ns += ns;
	crc = crc32(t->crc, t->buffer, t->at);
	byte = position(t);
	for (unsigned int i = 0; i < sizeof(sum); i++) {
		ret = more(t);
		if (ret < 0)
			return ret;
		if (!ret)
			return fail(t, "truncated in its end, at byte %" PRIu64, position(t));
		sum |= (uint32_t)t->buffer[t->at++] << 8 * i;
	}
	if (sum != crc)
		return FAIL_END(t, byte,
				"the CRC is %08" PRIx32 ", that of the bytes before is %08" PRIx32
				": the file was damaged",
				sum, crc);
	ret = more(t);
	if (ret > 0)
		return fail(t, "after the end, at byte %" PRIu64 ", there are more bytes",
			    position(t));
	return ret;
}

/* Where the record of *a begins, @by from where its device's last ended. */
static int place(struct trace *t, struct access *a, uint64_t byte, int64_t by)
{
	uint64_t from = t->last[a->device].end, last = t->w.iova + t->w.length - 1;

	if (__builtin_add_overflow(from, by, &a->iova))
		return FAIL_RECORD(t, byte, "0x%" PRIx64 " and %" PRId64 " is no IOVA: it wraps",
				   from, by);
	if (a->iova < t->w.iova || a->iova > last || a->length - 1 > last - a->iova)
		return FAIL_RECORD(t, byte,
				   "%" PRIu64 " bytes at IOVA 0x%" PRIx64
				   " are not within the memory, 0x%" PRIx64 " to 0x%" PRIx64,
				   a->length, a->iova, t->w.iova, last);
	return 0;
}

/* What @flags say has changed, of the access *a. */
static int read_record(struct trace *t, uint8_t flags, struct access *a)
{
	uint64_t number = t->device, begin = position(t) - 1, byte = position(t);
	int64_t by = 0;
	int ret = flags & TRACE_DEVICE ? varint(t, false, &number) : 0;

	if (ret)
		return ret;
	if (number >= t->w.devices)
		return FAIL_RECORD(t, byte, "device %" PRIu64 ", there are %u, from 0 on", number,
				   t->w.devices);
	a->device = number;
	a->write = flags & TRACE_WRITE;
	byte = position(t);
	number = t->last[a->device].pasid;
	ret = flags & TRACE_PASID ? varint(t, false, &number) : 0;
	if (ret)
		return ret;
	if (number >= TRACE_PASIDS)
		return FAIL_RECORD(t, byte, "PASID %" PRIu64 ", it is below %u", number,
				   TRACE_PASIDS);
	a->pasid = number;
	byte = position(t);
	a->length = t->last[a->device].length;
	ret = flags & TRACE_LENGTH ? varint(t, false, &a->length) : 0;
	if (ret)
		return ret;
	if (!a->length)
		return FAIL_RECORD(t, byte, "%s",
				   flags & TRACE_LENGTH ? "the length is 0, it is 1 at the least" :
							  "its device's first, without a length");
	byte = flags & TRACE_IOVA ? position(t) : begin;
	ret = flags & TRACE_IOVA ? varint(t, false, &number) : 0;
	if (ret)
		return ret;
	if (flags & TRACE_IOVA)
		by = (int64_t)(number >> 1 ^ -(number & 1));
	ret = place(t, a, byte, by);
	if (ret)
		return ret;
	byte = position(t);
	ret = varint(t, false, &number);
	if (ret)
		return ret;
	if (number > TRACE_NS_MAX - t->ns)
		return FAIL_RECORD(t, byte,
				   "%" PRIu64 " ns after %" PRIu64 " ns; none is at 2^63 or later",
				   number, t->ns);
	a->ns = t->ns + number;
	return 0;
}

/* As next() does: 1, 0 or -errno. */
static int read_next(struct trace *t, struct access *out)
{
	uint64_t byte = position(t);
	uint8_t flags;
	int ret = more(t);

	if (ret < 0)
		return ret;
	if (!ret)
		return fail(t,
			    "truncated: at byte %" PRIu64 ", after %" PRIu64
			    " records, it stops without an end",
			    position(t), t->records);
	flags = t->buffer[t->at++];
	if (flags == TRACE_END)
		return read_end(t);
	if (flags & (TRACE_END | TRACE_RESERVED))
		return FAIL_RECORD(
			t, byte, "flags 0x%02x: bits 5 and 6 are 0, and bit 7 comes alone", flags);
	ret = read_record(t, flags, out);
	if (ret)
		return ret;
	t->records++;
	t->ns = out->ns;
	t->device = out->device;
	t->last[out->device].pasid = out->pasid;
	t->last[out->device].length = out->length;
	t->last[out->device].end = out->iova + out->length;
	return 1;
}

static int trace_next(struct workload *w, struct access *out)
{
	struct trace *t = trace_of(w);

	if (t->state > 0)
		t->state = read_next(t, out);
	return t->state;
}

static void trace_rewind(struct workload *w)
{
	struct trace *t = trace_of(w);

	t->records = t->ns = t->device = 0;
	memset(t->last, 0, sizeof(t->last));
	for (unsigned int i = 0; i < w->devices; i++)
		t->last[i].end = w->iova;
	t->state = 1;
	t->offset = t->header;
	t->crc = t->header_crc;
	t->at = t->filled = 0;
}

static void trace_close(struct workload *w)
{
	struct trace *t = trace_of(w);

	close(t->fd);
	free(t);
}

uint64_t trace_seed(const struct workload *w, uint64_t otherwise)
{
	return w->next == trace_next ? ((const struct trace *)w)->seed : otherwise;
}

/* ---- the header ---- */

static uint32_t u32_at(const uint8_t *p)
{
	return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t u64_at(const uint8_t *p)
{
	return u32_at(p) | (uint64_t)u32_at(p + 4) << 32;
}

static bool all_zero(const uint8_t *p, size_t n)
{
	while (n && !*p) {
		p++;
		n--;
	}
	return !n;
}

/* Is it a trace, of this version, and how long is its header? @got bytes of it are there. */
static int check_kind(struct trace *t, const uint8_t *h, size_t got)
{
	size_t magic = strlen(TRACE_MAGIC);
	uint32_t text;

	if (!got)
		return fail(t, "%s", "no trace: it is empty");
	if (memcmp(h, TRACE_MAGIC, got < magic ? got : magic))
		return fail(t, "%s", "no trace: it does not begin with \"" TRACE_MAGIC "\"");
	if (got < TRACE_HEADER)
		return fail(t, "truncated in the header: %zu bytes of at least %d", got,
			    TRACE_HEADER);
	if (u32_at(h + 8) != TRACE_VERSION)
		return fail(t, "version %" PRIu32 " of the format; this program reads version %d",
			    u32_at(h + 8), TRACE_VERSION);
	t->header = u32_at(h + 12);
	text = u32_at(h + 48);
	if (text >= sizeof(t->w.origin))
		return fail(t, "header, byte 48: a text of %" PRIu32 " bytes, it has %zu at most",
			    text, sizeof(t->w.origin) - 1);
	if (t->header != (TRACE_HEADER + text + 7) / 8 * 8)
		return fail(t,
			    "header, byte 12: a header of %" PRIu32
			    " bytes; with a text of %" PRIu32 " it has %" PRIu32,
			    t->header, text, (TRACE_HEADER + text + 7) / 8 * 8);
	if (got < t->header)
		return fail(t, "truncated in the header: %zu bytes of %" PRIu32, got, t->header);
	return 0;
}

static int check_fields(struct trace *t, const uint8_t *h)
{
	uint32_t flags = u32_at(h + 36), text = u32_at(h + 48), devices = u32_at(h + 32);
	uint64_t end;
	size_t n;

	t->w.iova = u64_at(h + 16);
	t->w.length = u64_at(h + 24);
	if (t->w.iova % PAGE)
		return fail(t, "header, byte 16: IOVA 0x%" PRIx64 " is no multiple of %d",
			    t->w.iova, PAGE);
	if (!t->w.length || t->w.length % PAGE || t->w.length > INT64_MAX)
		return fail(t,
			    "header, byte 24: memory of 0x%" PRIx64
			    " bytes; it is a multiple of %d, not 0, below 2^63",
			    t->w.length, PAGE);
	if (__builtin_add_overflow(t->w.iova, t->w.length, &end))
		return fail(t,
			    "header, byte 24: 0x%" PRIx64 " bytes from 0x%" PRIx64
			    " on reach 2^64: it wraps",
			    t->w.length, t->w.iova);
	if (!devices || devices > WORKLOAD_DEVICES)
		return fail(t, "header, byte 32: %" PRIu32 " devices, there are 1 to %d", devices,
			    WORKLOAD_DEVICES);
	if (flags & ~1u)
		return fail(t, "header, byte 36: flags 0x%" PRIx32 ", only bit 0 is known", flags);
	if (!all_zero(h + 52, TRACE_HEADER - 52))
		return fail(t, "%s", "header, bytes 52 to 63 are not 0");
	if (!all_zero(h + TRACE_HEADER + text, t->header - TRACE_HEADER - text))
		return fail(t, "%s", "header, what follows the text is not 0");
	n = trace_text((const char *)h + TRACE_HEADER, text, t->w.origin, sizeof(t->w.origin));
	if (n != text || memcmp(t->w.origin, h + TRACE_HEADER, text))
		return fail(t, "%s",
			    "header, byte 64: the text is not UTF-8 without control characters");
	t->w.devices = devices;
	t->w.pattern = flags & 1;
	t->seed = u64_at(h + 40);
	return 0;
}

static int read_header(struct trace *t)
{
	uint8_t h[TRACE_HEADER + sizeof(t->w.origin)];
	size_t got = 0;
	ssize_t n;
	int ret;

	do {
		n = read_at(t->fd, h + got, sizeof(h) - got, got);
		got += n > 0 ? n : 0;
	} while (n > 0 && got < sizeof(h));
	if (n < 0)
		return fail_reading(t);
	ret = check_kind(t, h, got);
	if (!ret)
		ret = check_fields(t, h);
	if (!ret)
		t->header_crc = crc32(crc32(0, NULL, 0), h, t->header);
	return ret;
}

static int open_file(struct trace *t, const char *path)
{
	struct stat st;

	t->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC); /* a FIFO does not wait */
	if (t->fd < 0)
		return fail(t, "cannot be opened: %s", strerror(errno));
	if (fstat(t->fd, &st))
		return fail_reading(t);
	if (S_ISDIR(st.st_mode))
		return fail(t, "%s", "a directory, no trace");
	if (!S_ISREG(st.st_mode))
		return fail(t, "%s", "no file that can be read twice: write it to one first");
	return 0;
}

/* The base name without ".trace". */
static void name_it(struct workload *w, const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	size_t length = strlen(base);

	if (length > strlen(".trace") && !strcmp(base + length - strlen(".trace"), ".trace"))
		length -= strlen(".trace");
	trace_text(base, length, w->name, sizeof(w->name));
}

struct workload *trace_open(const char *path, char error[WORKLOAD_ERROR])
{
	struct trace *t = calloc(1, sizeof(*t));
	struct access a;
	int ret;

	if (!t) {
		snprintf(error, WORKLOAD_ERROR, "%s", "no memory");
		return NULL;
	}
	t->w.next = trace_next;
	t->w.rewind = trace_rewind;
	t->w.close = trace_close;
	show_path(t, path);
	name_it(&t->w, path);
	ret = open_file(t, path);
	if (!ret)
		ret = read_header(t);
	if (!ret) {
		trace_rewind(&t->w);
		do
			ret = trace_next(&t->w, &a);
		while (ret > 0);
	}
	if (ret) {
		memcpy(error, t->w.error, WORKLOAD_ERROR);
		if (t->fd >= 0)
			close(t->fd);
		free(t);
		return NULL;
	}
	t->w.ns = t->ns;
	trace_rewind(&t->w);
	return &t->w;
}
