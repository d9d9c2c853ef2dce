/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Traces: a workload in a file. All numbers are little-endian. A varint is unsigned LEB128: 7
 * bits a byte, the least first, bit 7 set in all but the last; at most 64 bits, in at most 10
 * bytes, which need not be the fewest. A zigzag is a signed number n of 64 bits as the varint
 * (n << 1) ^ (n >> 63). No time is 2^63 ns or more.
 *
 * Header:
 *	 0  8 bytes  "iodtrace"
 *	 8  u32      version: 1
 *	12  u32      size of the header, where records begin: 64 and the text, padded with
 *		     0 to a multiple of 8
 *	16  u64      IOVA of the memory, a multiple of 4096
 *	24  u64      its length, a multiple of 4096, not 0, below 2^63; IOVA and length
 *		     together are below 2^64
 *	32  u32      devices, 1 to 16
 *	36  u32      flags: bit 0: addresses are an access pattern, no device's; others 0
 *	40  u64      seed that it was made with, or 0
 *	48  u32      length of the text, at most 511
 *	52  12 bytes 0
 *	64  the text: what it is and where it is from; UTF-8 without control characters
 *	    (U+0000 to U+001F, U+007F to U+009F)
 *
 * A record: a byte of flags, and, in this order, what they say has changed.
 *	bit 0	the device writes memory; else it reads
 *	bit 1	varint: the device; else that of the record before (at first 0)
 *	bit 2	varint: the PASID, below 2^20; else this device's last (at first 0)
 *	bit 3	varint: the length, at least 1; else this device's last (at first 0, which is
 *		no length)
 *	bit 4	zigzag: where it begins, from where this device's last record ended (at first the
 *		memory's beginning); else it begins there
 *	bits 5 and 6 are 0
 *	then varint: nanoseconds since the record before (at first, since the beginning)
 * All of a record is within the memory.
 *
 * The end: bit 7 alone; varint: how many records there were; varint: nanoseconds from the last
 * record (or, without any, from the beginning) to the end, which is not at 0; u32: CRC-32 (that
 * of zlib) of all bytes before it. Nothing follows.
 */
#ifndef IODIRTY_WORKLOADS_TRACE_H
#define IODIRTY_WORKLOADS_TRACE_H

#include <stdio.h>

#include "workload.h"

#define TRACE_MAGIC "iodtrace"
#define TRACE_VERSION 1
#define TRACE_HEADER 64 /* bytes of it before the text */
#define TRACE_PASIDS (1u << 20)
#define TRACE_NS_MAX ((uint64_t)INT64_MAX)

enum trace_flags {
	TRACE_WRITE = 1,
	TRACE_DEVICE = 2,
	TRACE_PASID = 4,
	TRACE_LENGTH = 8,
	TRACE_IOVA = 16,
	TRACE_RESERVED = 0x60,
	TRACE_END = 0x80,
};

/*
 * All of the file is looked at before the first record is given out: NULL and @error, which
 * names the file, the record (the first is 1) and the byte (the first is 0), if anything is not
 * as above. It is read again, through a buffer, as next() goes on; if it was changed meanwhile,
 * next() fails.
 */
struct workload *trace_open(const char *path, char error[WORKLOAD_ERROR]);
/* The seed in its header, if trace_open() has made it; else @otherwise. */
uint64_t trace_seed(const struct workload *w, uint64_t otherwise);

/* A trace that is being written. */
struct trace_writer;

/*
 * The head is that of @like: memory, devices, pattern, origin, in which what is no text becomes
 * '?'. @file stays the caller's. NULL: errno is ENOMEM, or EINVAL: no trace has such memory or
 * so many devices.
 */
struct trace_writer *trace_begin(FILE *file, const struct workload *like, uint64_t seed);
/* 0; -EINVAL: no access of that workload, or earlier than the last; -EIO: so says @file. */
int trace_add(struct trace_writer *t, const struct access *a);
/* @ns: when it is over; 0 is made 1. Frees @t; 0, -EIO, or -EINVAL: the last access is later. */
int trace_end(struct trace_writer *t, uint64_t ns);

#define TRACE_ERROR (WORKLOAD_ERROR + 32)

/* What of a workload becomes a trace. */
struct trace_part {
	uint64_t records, ns; /* so many, and those before; 0: all there are */
	uint64_t copied, end; /* trace_copy()'s: how many there were, and when it is over */
};

/*
 * All of a trace: @part of @w. 0; -ERANGE: no trace can hold that; or -errno of next(), or of
 * trace_begin(); with @error, which is whole. What could not be written, only @file says.
 */
int trace_copy(FILE *file, struct workload *w, uint64_t seed, struct trace_part *part,
	       char error[TRACE_ERROR]);

/*
 * Of @n bytes of UTF-8 as many characters as fit, ended by 0; '?' for each byte that is none or
 * controls: how many bytes that is.
 */
size_t trace_text(const char *in, size_t n, char *out, size_t room);

#endif
