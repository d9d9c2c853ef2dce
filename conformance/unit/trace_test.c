/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Traces: bytes written by hand from the format's description must decode to what they say,
 * whatever is wrong with a file must be said, and no file may crash the reader.
 */
#define _GNU_SOURCE /* memfd_create */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trace.h"

#define BASE ((uint64_t)1 << 32) /* of the memory */
#define SIZE ((uint64_t)1 << 16)
#define FUZZED 20000

static const struct workload small = { .iova = BASE, .length = SIZE, .devices = 2 };

struct bytes {
	uint8_t *data;
	size_t n, room;
};

static void append(struct bytes *b, const void *data, size_t n)
{
	if (b->n + n > b->room) {
		b->room = 2 * (b->n + n);
		b->data = realloc(b->data, b->room);
		ck_assert_ptr_nonnull(b->data);
	}
	memcpy(b->data + b->n, data, n);
	b->n += n;
}

static void append_number(struct bytes *b, uint64_t value, unsigned int bytes)
{
	for (; bytes; bytes--, value >>= 8)
		append(b, (uint8_t[]){ value }, 1);
}

/* CRC-32, bit by bit: that of zlib, not by zlib. */
static uint32_t crc_of(const uint8_t *data, size_t n)
{
	uint32_t crc = ~0u;

	for (size_t i = 0; i < n; i++) {
		crc ^= data[i];
		for (unsigned int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static void append_crc(struct bytes *b)
{
	append_number(b, crc_of(b->data, b->n), 4);
}

/* ---- bytes by hand ---- */

/* Memory of 16 pages from 4 GiB on, two devices, an access pattern, seed 7. */
static const uint8_t header[] = {
	'i', 'o', 'd', 't', 'r', 'a', 'c', 'e', /* 0 */
	1,   0,	  0,   0, /* 8: version */
	72,  0,	  0,   0, /* 12: size */
	0,   0,	  0,   0,   1,	 0,   0,   0, /* 16: IOVA */
	0,   0,	  1,   0,   0,	 0,   0,   0, /* 24: length */
	2,   0,	  0,   0, /* 32: devices */
	1,   0,	  0,   0, /* 36: flags */
	7,   0,	  0,   0,   0,	 0,   0,   0, /* 40: seed */
	7,   0,	  0,   0, /* 48: length of the text */
	0,   0,	  0,   0,   0,	 0,   0,   0,	0, 0, 0, 0, /* 52 */
	'b', 'y', ' ', 'h', 'a', 'n', 'd', 0, /* 64 */
};

static const uint8_t records[] = {
	0x09, 0x80, 0x08, 0x00, /* writes 1,024 bytes at 0 ns */
	0x00, 0xac, 0x02, /* reads the next 1,024, 300 ns later */
	/* device 1, PASID 2^20 - 1, writes a byte 65,535 further, 1 ns later */
	0x1f, 0x01, 0xff, 0xff, 0x3f, 0x01, 0xfe, 0xff, 0x07, 0x01, /* */
	0x10, 0xff, 0xff, 0x07, 0x00, /* it reads a byte 65,536 before that's end */
	0x03, 0x00, 0x05, /* device 0 writes where it was, 5 ns later */
};

static const struct access accesses[] = {
	{ .ns = 0, .iova = BASE, .length = 1024, .write = true },
	{ .ns = 300, .iova = BASE + 1024, .length = 1024 },
	{ .ns = 301,
	  .iova = BASE + 65535,
	  .length = 1,
	  .device = 1,
	  .pasid = 1048575,
	  .write = true },
	{ .ns = 301, .iova = BASE, .length = 1, .device = 1, .pasid = 1048575 },
	{ .ns = 306, .iova = BASE + 2048, .length = 1024, .write = true },
};

#define N_ACCESSES (sizeof(accesses) / sizeof(accesses[0]))

static const uint8_t end[] = { 0x80, 0x05, 0x64 }; /* five records; 100 ns after the last */

static struct bytes by_hand(void)
{
	struct bytes b = { .n = 0 };

	append(&b, header, sizeof(header));
	append(&b, records, sizeof(records));
	append(&b, end, sizeof(end));
	append_crc(&b);
	return b;
}

/* ---- opening bytes ---- */

/* A file of them that has no name but this. */
static int file_of(const struct bytes *b, char path[64])
{
	int fd = memfd_create("trace", MFD_CLOEXEC);

	if (fd < 0 || write(fd, b->data, b->n) != (ssize_t)b->n)
		ck_abort_msg("no file: %s", strerror(errno));
	snprintf(path, 64, "/proc/self/fd/%d", fd);
	return fd;
}

static struct workload *open_bytes(const struct bytes *b, char error[WORKLOAD_ERROR])
{
	char path[64];
	int fd = file_of(b, path);
	struct workload *w = trace_open(path, error);

	close(fd);
	return w;
}

static struct workload *good(const struct bytes *b)
{
	char error[WORKLOAD_ERROR] = "";
	struct workload *w = open_bytes(b, error);

	ck_assert_msg(w, "%s", error);
	return w;
}

/* It is refused, with these words; @b is freed. */
static void refused(struct bytes *b, const char *words)
{
	char error[WORKLOAD_ERROR] = "no error";
	struct workload *w = open_bytes(b, error);

	ck_assert_msg(!w, "it was taken, and should not for: %s", words);
	ck_assert_msg(strstr(error, words), "\"%s\" says nothing of: %s", error, words);
	ck_assert_msg(!strncmp(error, "/proc/self/fd/", 14), "no file's name: %s", error);
	free(b->data);
}

static bool same(const struct access *a, const struct access *b)
{
	return a->ns == b->ns && a->iova == b->iova && a->length == b->length &&
	       a->device == b->device && a->pasid == b->pasid && a->write == b->write;
}

static void gives(struct workload *w, const struct access *list, size_t n)
{
	struct access a;

	for (size_t i = 0; i < n; i++) {
		ck_assert_int_eq(w->next(w, &a), 1);
		ck_assert_msg(same(&a, &list[i]), "access %zu", i);
	}
	ck_assert_int_eq(w->next(w, &a), 0);
	ck_assert_int_eq(w->next(w, &a), 0);
}

START_TEST(decodes_by_hand)
{
	struct bytes b = by_hand();
	struct workload *w = good(&b);
	struct access a;

	ck_assert_str_eq(w->origin, "by hand");
	ck_assert_uint_eq(w->iova, BASE);
	ck_assert_uint_eq(w->length, SIZE);
	ck_assert_uint_eq(w->devices, 2);
	ck_assert_uint_eq(w->ns, 406);
	ck_assert(w->pattern);
	ck_assert_uint_eq(trace_seed(w, 9), 7);
	ck_assert_uint_eq(trace_seed(&small, 9), 9);
	gives(w, accesses, N_ACCESSES);
	w->rewind(w);
	ck_assert_int_eq(w->next(w, &a), 1);
	w->rewind(w); /* in the middle, too */
	gives(w, accesses, N_ACCESSES);
	workload_close(w);
	free(b.data);
}
END_TEST

/* What the fewest bytes are is the same by hand. */
START_TEST(encodes_by_hand)
{
	struct workload like = { .iova = BASE, .length = SIZE, .devices = 2, .pattern = true };
	struct bytes b = by_hand();
	struct trace_writer *t;
	char *data;
	size_t n;
	FILE *file = open_memstream(&data, &n);

	strcpy(like.origin, "by hand");
	t = trace_begin(file, &like, 7);
	ck_assert_ptr_nonnull(t);
	for (size_t i = 0; i < N_ACCESSES; i++)
		ck_assert_int_eq(trace_add(t, &accesses[i]), 0);
	ck_assert_int_eq(trace_end(t, 406), 0);
	fclose(file);
	ck_assert_uint_eq(n, b.n);
	ck_assert_mem_eq(data, b.data, n);
	free(data);
	free(b.data);
}
END_TEST

/* A file that holds nothing but its end, at 1 ns; numbers may be longer than need be. */
START_TEST(decodes_nothing)
{
	static const uint8_t none[] = { 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
					0x80, 0x80, 0x80, 0x00, 0x81, 0x00 };
	struct bytes b = { .n = 0 };
	struct workload *w;

	append(&b, header, sizeof(header));
	append(&b, none, sizeof(none));
	append_crc(&b);
	w = good(&b);
	ck_assert_uint_eq(w->ns, 1);
	gives(w, NULL, 0);
	workload_close(w);
	free(b.data);
}
END_TEST

START_TEST(name_is_the_files)
{
	static const char *const names[][2] = {
		{ "one.trace", "one" },		{ "two", "two" },
		{ ".trace", ".trace" },		{ "a.trace.b", "a.trace.b" },
		{ "tab\t\xff.trace", "tab??" },
	};
	struct bytes b = by_hand();
	char folder[] = "/tmp/iodirty-trace-XXXXXX", path[128], error[WORKLOAD_ERROR];

	ck_assert_ptr_nonnull(mkdtemp(folder));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct workload *w;
		FILE *file;

		snprintf(path, sizeof(path), "%s/%s", folder, names[i][0]);
		file = fopen(path, "w");
		ck_assert_uint_eq(fwrite(b.data, 1, b.n, file), b.n);
		fclose(file);
		w = trace_open(path, error);
		unlink(path);
		ck_assert_ptr_nonnull(w);
		ck_assert_str_eq(w->name, names[i][1]);
		workload_close(w);
	}
	rmdir(folder);
	free(b.data);
}
END_TEST

/* ---- what is wrong with a header ---- */

static const struct {
	size_t at;
	uint8_t value;
	const char *words;
} headers[] = {
	{ 0, 'x', "no trace: it does not begin with \"iodtrace\"" },
	{ 7, 'f', "no trace: " },
	{ 8, 2, "version 2 of the format; this program reads version 1" },
	{ 11, 1, "version 16777217 of" },
	{ 12, 64, "byte 12: a header of 64 bytes; with a text of 7 it has 72" },
	{ 12, 80, "byte 12: a header of 80 bytes" },
	{ 15, 255, "byte 12: " },
	{ 17, 8, "byte 16: IOVA 0x100000800 is no multiple of 4096" },
	{ 26, 0, "byte 24: memory of 0x0 bytes" },
	{ 24, 1, "byte 24: memory of 0x10001 bytes; it is a multiple of 4096" },
	{ 31, 0x80, "byte 24: memory of 0x8000000000010000 bytes" },
	{ 32, 0, "byte 32: 0 devices, there are 1 to 16" },
	{ 32, 17, "byte 32: 17 devices" },
	{ 35, 1, "byte 32: 16777218 devices" },
	{ 36, 3, "byte 36: flags 0x3" },
	{ 39, 128, "byte 36: flags 0x80000001" },
	{ 48, 8, "what follows the text is not 0" }, /* see below */
	{ 49, 2, "byte 48: a text of 519 bytes, it has 511 at most" },
	{ 48, 9, "byte 12: a header of 72 bytes; with a text of 9 it has 80" },
	{ 52, 1, "bytes 52 to 63 are not 0" },
	{ 63, 1, "bytes 52 to 63 are not 0" },
	{ 64, 0, "byte 64: the text" },
	{ 65, 27, "byte 64: the text" },
	{ 66, 0x7f, "byte 64: the text" },
	{ 66, 0xff, "byte 64: the text" },
	{ 70, 0xc3, "byte 64: the text" }, /* cut in a character */
	{ 71, 1, "what follows the text is not 0" },
};

START_TEST(header_refused)
{
	struct bytes b = by_hand();

	b.data[headers[_i].at] = headers[_i].value;
	if (headers[_i].at == 48 && headers[_i].value == 8)
		b.data[48] = 6; /* its last letter is none of the text's */
	b.n -= 4;
	append_crc(&b); /* it is not the CRC that notices */
	refused(&b, headers[_i].words);
}
END_TEST

START_TEST(memory_wraps)
{
	struct bytes b = by_hand();

	memcpy(b.data + 16, "\0\0\xff\xff\xff\xff\xff\xff", 8);
	refused(&b, "byte 24: 0x10000 bytes from 0xffffffffffff0000 on reach 2^64");
}
END_TEST

START_TEST(header_truncated)
{
	for (size_t n = 0; n < sizeof(header); n++) {
		struct bytes b = by_hand();

		b.n = n;
		refused(&b, !n ? "it is empty" : "truncated in the header: ");
	}
}
END_TEST

/* ---- what is wrong with records ---- */

#define BYTES(...) (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })

/* The second record is at byte 76, after one as above. */
static const struct {
	const uint8_t *bytes;
	size_t n;
	const char *words;
} bad_records[] = {
	{ BYTES(0x20, 0), "record 2, byte 76: flags 0x20: bits 5 and 6 are 0" },
	{ BYTES(0x40, 0), "record 2, byte 76: flags 0x40" },
	{ BYTES(0x81, 0), "record 2, byte 76: flags 0x81" },
	{ BYTES(0x02, 2, 0), "record 2, byte 77: device 2, there are 2, from 0 on" },
	{ BYTES(0x02, 0x80, 0x80, 0x80, 0x80, 0x10, 0), "record 2, byte 77: device 4294967296" },
	{ BYTES(0x02, 1, 0), "record 2, byte 78: its device's first, without a length" },
	{ BYTES(0x06, 1, 0x80, 0x80, 0x40, 0), "record 2, byte 78: PASID 1048576, it is below" },
	{ BYTES(0x08, 0, 0), "record 2, byte 77: the length is 0" },
	{ BYTES(0x08, 0x81, 0xf8, 0x03, 0),
	  "record 2, byte 76: 64513 bytes at IOVA 0x100000400 are not within the memory, "
	  "0x100000000 to 0x10000ffff" },
	{ BYTES(0x10, 0x81, 0x10, 0), "record 2, byte 77: 1024 bytes at IOVA 0xffffffff are not" },
	{ BYTES(0x10, 0x82, 0xe0, 0x07, 0), "record 2, byte 77: 1024 bytes at IOVA 0x10000fc01" },
	{ BYTES(0x10, 0x80, 0xf0, 0x07, 0), "record 2, byte 77: 1024 bytes at IOVA 0x100010000" },
	/* 2^64 - 1 bytes; they wrap to within the memory */
	{ BYTES(0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0),
	  "record 2, byte 76: 18446744073709551615 bytes at" },
	/* 2^33 before where it was; 2^63 before it */
	{ BYTES(0x10, 0xff, 0xff, 0xff, 0xff, 0x3f, 0),
	  "record 2, byte 77: 0x100000400 and -8589934592 is no IOVA: it wraps" },
	{ BYTES(0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0),
	  "record 2, byte 77: 0x100000400 and -9223372036854775808 is no IOVA" },
	{ BYTES(0x00, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01),
	  "record 2, byte 77: 9223372036854775808 ns after 0 ns" },
	{ BYTES(0x00, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02),
	  "record 2, byte 77: a number of more than 64 bits" },
	{ BYTES(0x00, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00),
	  "record 2, byte 77: a number of more than 64 bits" },
	/* two times that are good, but not together */
	{ BYTES(0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x00, 0x01),
	  "record 3, byte 87: 1 ns after 9223372036854775807 ns" },
};

START_TEST(record_refused)
{
	struct bytes b = { .n = 0 };

	append(&b, header, sizeof(header));
	append(&b, records, 4);
	append(&b, bad_records[_i].bytes, bad_records[_i].n);
	append(&b, BYTES(0x80, 2, 1));
	append_crc(&b);
	refused(&b, bad_records[_i].words);
}
END_TEST

/* The first of all has no length that it could have again. */
START_TEST(first_without_length)
{
	struct bytes b = { .n = 0 };

	append(&b, header, sizeof(header));
	append(&b, BYTES(0x01, 0, 0x80, 1, 1));
	append_crc(&b);
	refused(&b, "record 1, byte 73: its device's first, without a length");
}
END_TEST

/* Cut anywhere, it says where, and in which record. */
START_TEST(truncated_anywhere)
{
	static const size_t begins[] = { 0, 4, 7, 17, 22, sizeof(records) };
	const size_t all = sizeof(header) + sizeof(records) + sizeof(end) + 4;
	size_t record = 0;

	for (size_t n = sizeof(header); n < all; n++) {
		struct bytes b = by_hand();
		size_t in = n - sizeof(header);
		char words[80];

		if (record < 5 && in == begins[record + 1])
			record++;
		if (in > sizeof(records))
			snprintf(words, sizeof(words), "truncated in its end, at byte %zu", n);
		else if (in == begins[record])
			snprintf(words, sizeof(words), "byte %zu, after %zu records, it stops", n,
				 record);
		else
			snprintf(words, sizeof(words), "truncated in record %zu, at byte %zu",
				 record + 1, n);
		b.n = n;
		refused(&b, words);
	}
}
END_TEST

static const struct {
	const uint8_t *bytes;
	size_t n;
	const char *words;
} bad_ends[] = {
	{ BYTES(0x80, 4, 100), "the end, byte 98: it says 4 records, there were 5" },
	{ BYTES(0x80, 6, 100), "the end, byte 98: it says 6 records, there were 5" },
	{ BYTES(0x80, 5, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f),
	  "the end, byte 99: 9223372036854775807 ns after 306 ns" },
	{ BYTES(0x80, 5, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f),
	  "the end, byte 99: a number of more than 64 bits" },
};

START_TEST(end_refused)
{
	struct bytes b = { .n = 0 };

	append(&b, header, sizeof(header));
	append(&b, records, sizeof(records));
	append(&b, bad_ends[_i].bytes, bad_ends[_i].n);
	append_crc(&b);
	refused(&b, bad_ends[_i].words);
}
END_TEST

START_TEST(never_begins)
{
	struct bytes b = { .n = 0 };

	append(&b, header, sizeof(header));
	append(&b, BYTES(0x80, 0, 0));
	append_crc(&b);
	refused(&b, "the end, byte 74: 0 ns after 0 ns; it is at 1 to 2^63 - 1 ns");
}
END_TEST

START_TEST(damaged)
{
	struct bytes b = by_hand();

	b.data[40] ^= 1; /* the seed: nothing but the CRC can tell */
	refused(&b, "the end, byte 100: the CRC is ");
	b = by_hand();
	b.data[b.n - 1] ^= 0x80;
	refused(&b, "the end, byte 100: the CRC is ");
}
END_TEST

START_TEST(goes_on)
{
	struct bytes b = by_hand();

	append(&b, "", 1);
	refused(&b, "after the end, at byte 104, there are more bytes");
}
END_TEST

START_TEST(no_file)
{
	char folder[] = "/tmp/iodirty-trace-XXXXXX", path[64], error[WORKLOAD_ERROR];

	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_ptr_null(trace_open(folder, error));
	ck_assert_ptr_nonnull(strstr(error, ": a directory, no trace"));
	snprintf(path, sizeof(path), "%s/fifo", folder);
	ck_assert_ptr_null(trace_open(path, error));
	ck_assert_ptr_nonnull(strstr(error, "fifo: cannot be opened: No such file"));
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_ptr_null(trace_open(path, error)); /* and does not wait */
	unlink(path);
	rmdir(folder);
	ck_assert_ptr_nonnull(strstr(error, "fifo: no file that can be read twice"));
	ck_assert_ptr_null(trace_open("/dev/null", error));
	ck_assert_ptr_nonnull(strstr(error, "/dev/null: no file that can be read twice"));
}
END_TEST

/* Of a path that is too long to be shown, and to be opened, the end is. */
START_TEST(long_path)
{
	char path[6000], error[WORKLOAD_ERROR];

	memset(path, 'x', sizeof(path));
	strcpy(path + sizeof(path) - 12, "/name.trace");
	ck_assert_ptr_null(trace_open(path, error));
	ck_assert_msg(!strncmp(error, "...x", 4), "%s", error);
	ck_assert_msg(strstr(error, "x/name.trace: cannot be opened: File name too long"), "%s",
		      error);
}
END_TEST

/* ---- what changes while it is read ---- */

START_TEST(changed_meanwhile)
{
	struct bytes b = by_hand();
	char path[64], error[WORKLOAD_ERROR];
	int fd = file_of(&b, path), ret, n = 0;
	struct workload *w = trace_open(path, error);
	struct access a;

	ck_assert_ptr_nonnull(w);
	/* The second record is now a write: a good one, but another. */
	ck_assert_int_eq(pwrite(fd, "\1", 1, sizeof(header) + 4), 1);
	while ((ret = w->next(w, &a)) > 0)
		n++;
	ck_assert_int_eq(ret, -EINVAL);
	ck_assert_int_eq(n, 5);
	ck_assert_ptr_nonnull(strstr(w->error, "the CRC is"));
	ck_assert_int_eq(w->next(w, &a), -EINVAL); /* and again */
	/* And now it is cut. */
	w->rewind(w);
	ck_assert_int_eq(ftruncate(fd, sizeof(header) + 5), 0);
	ck_assert_int_eq(w->next(w, &a), 1);
	ck_assert_int_eq(w->next(w, &a), -EINVAL);
	ck_assert_ptr_nonnull(strstr(w->error, "truncated in record 2"));
	workload_close(w);
	close(fd);
	free(b.data);
}
END_TEST

/* ---- the writer ---- */

START_TEST(writer_refuses)
{
	static const struct access bad[] = {
		{ .ns = 9, .iova = BASE, .length = 1 },
		{ .ns = 10, .iova = BASE, .length = 0 },
		{ .ns = 10, .iova = BASE - 1, .length = 1 },
		{ .ns = 10, .iova = BASE + SIZE, .length = 1 },
		{ .ns = 10, .iova = BASE + SIZE - 1, .length = 2 },
		{ .ns = 10, .iova = BASE + 1, .length = UINT64_MAX },
		{ .ns = 10, .iova = BASE, .length = 1, .device = 2 },
		{ .ns = 10, .iova = BASE, .length = 1, .pasid = 1 << 20 },
		{ .ns = (uint64_t)1 << 63, .iova = BASE, .length = 1 },
	};
	const struct access first = { .ns = 10, .iova = BASE, .length = 1 };
	FILE *file = tmpfile();
	struct trace_writer *t = trace_begin(file, &small, 0);

	ck_assert_int_eq(trace_add(t, &first), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(trace_add(t, &bad[i]) == -EINVAL, "access %zu", i);
	ck_assert_int_eq(trace_end(t, 9), -EINVAL);
	t = trace_begin(file, &small, 0);
	ck_assert_int_eq(trace_end(t, (uint64_t)1 << 63), -EINVAL);
	fclose(file);
}
END_TEST

START_TEST(writer_wants_memory)
{
	static const struct workload bad[] = {
		{ .iova = BASE, .length = 0, .devices = 1 },
		{ .iova = BASE, .length = 4097, .devices = 1 },
		{ .iova = BASE + 1, .length = 4096, .devices = 1 },
		{ .iova = BASE, .length = (uint64_t)1 << 63, .devices = 1 },
		{ .iova = -(uint64_t)4096, .length = 4096, .devices = 1 },
		{ .iova = BASE, .length = 4096 },
		{ .iova = BASE, .length = 4096, .devices = 17 },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		errno = 0;
		ck_assert_ptr_null(trace_begin(stdout, &bad[i], 0));
		ck_assert_int_eq(errno, EINVAL);
	}
}
END_TEST

START_TEST(writer_full)
{
	const struct access a = { .iova = BASE, .length = 1 };
	FILE *file = fopen("/dev/full", "w");
	struct trace_writer *t = trace_begin(file, &small, 0);
	unsigned int added = 0;

	while (added < 1000000 && !trace_add(t, &a))
		added++;
	ck_assert_uint_lt(added, 1000000);
	ck_assert_int_eq(trace_add(t, &a), -EIO);
	ck_assert_int_eq(trace_end(t, 1), -EIO);
	/* Nothing of a short one was refused before its end. */
	t = trace_begin(file, &small, 0);
	ck_assert_int_eq(trace_end(t, 1), -EIO);
	fclose(file);
}
END_TEST

/* A text of 511 bytes at most, cut between characters, and fit to be shown. */
START_TEST(writer_text)
{
	static const char *const texts[][2] = {
		{ "", "" },
		{ "plain", "plain" },
		{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
		{ "a\nb\x1b[0m\x7f", "a?b?[0m?" },
		{ "\xc2\x9b", "??" }, /* controls, by two bytes */
		{ "\xc0\xaf", "??" }, /* overlong */
		{ "\xed\xa0\x80", "???" }, /* half of a pair */
		{ "\xf4\x90\x80\x80", "????" }, /* beyond */
		{ "\xe2\x82", "??" }, /* cut */
		{ "\x80", "?" },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct workload like = small, *w;
		struct bytes b = { .n = 0 };
		char *data;
		size_t n;
		FILE *file = open_memstream(&data, &n);

		strcpy(like.origin, texts[i][0]);
		ck_assert_int_eq(trace_end(trace_begin(file, &like, 0), 0), 0);
		fclose(file);
		append(&b, data, n);
		w = good(&b);
		ck_assert_str_eq(w->origin, texts[i][1]);
		ck_assert_uint_eq(w->ns, 1);
		workload_close(w);
		free(data);
		free(b.data);
	}
}
END_TEST

START_TEST(writer_long_text)
{
	struct workload like = small, *w;
	struct bytes b = { .n = 0 };
	char *data;
	size_t n;
	FILE *file = open_memstream(&data, &n);

	/* 510 letters, and a character that has no room any more. */
	memset(like.origin, 'x', 510);
	memcpy(like.origin + 510, "\xc3\xa4", 2);
	ck_assert_int_eq(trace_end(trace_begin(file, &like, 0), 0), 0);
	fclose(file);
	append(&b, data, n);
	w = good(&b);
	ck_assert_uint_eq(strlen(w->origin), 510);
	ck_assert_uint_eq(strspn(w->origin, "x"), 510);
	workload_close(w);
	free(data);
	free(b.data);
}
END_TEST

/* ---- many ---- */

/* Of the largest memory there is, so that each number has as many bytes as it may. */
static const struct workload large = {
	.iova = 4096,
	.length = INT64_MAX - 4095,
	.devices = WORKLOAD_DEVICES,
	.origin = "at random",
};

static struct access random_access(uint64_t *seed, uint64_t *ns)
{
	struct access a = {
		.ns = *ns += workload_random(seed) >> (20 + workload_random(seed) % 44),
		.device = workload_random(seed) % large.devices,
		.pasid = workload_random(seed) % 4 ? 0 : workload_random(seed) % TRACE_PASIDS,
		.length = 1 + (workload_random(seed) >> (2 + workload_random(seed) % 62)),
		.write = workload_random(seed) & 1,
	};

	a.iova = large.iova + workload_random(seed) % (large.length - a.length + 1);
	return a;
}

static struct bytes random_trace(uint64_t seed, size_t n)
{
	struct bytes b = { .n = 0 };
	uint64_t ns = 0;
	char *data;
	size_t bytes;
	FILE *file = open_memstream(&data, &bytes);
	struct trace_writer *t = trace_begin(file, &large, seed);

	for (size_t i = 0; i < n; i++) {
		struct access a = random_access(&seed, &ns);

		if (trace_add(t, &a))
			ck_abort_msg("access %zu", i);
	}
	ck_assert_int_eq(trace_end(t, ns + 1), 0);
	fclose(file);
	append(&b, data, bytes);
	free(data);
	return b;
}

START_TEST(there_and_back)
{
	struct bytes b = random_trace(1, 50000);
	struct workload *w = good(&b);
	uint64_t seed = 1, ns = 0;
	struct access a, expected;

	for (size_t i = 0; i < 50000; i++) {
		expected = random_access(&seed, &ns);
		/* libcheck keeps account of each assertion: here only of one that fails. */
		if (w->next(w, &a) != 1 || !same(&a, &expected))
			ck_abort_msg("access %zu", i);
	}
	ck_assert_int_eq(w->next(w, &a), 0);
	ck_assert_uint_eq(w->ns, ns + 1);
	workload_close(w);
	free(b.data);
}
END_TEST

START_TEST(a_million_tiny_records)
{
	struct bytes b = { .n = 0 };
	struct workload *w;
	struct access a;
	unsigned int n = 0;

	append(&b, header, sizeof(header));
	append(&b, BYTES(0x09, 1, 0)); /* a byte; again and again the one after it, or from 0 on */
	for (unsigned int i = 1; i < 1000000; i++) {
		if (i % SIZE)
			append(&b, BYTES(0x01, 1));
		else
			append(&b, BYTES(0x11, 0xff, 0xff, 0x07, 1));
	}
	append(&b, BYTES(0x80, 0xc0, 0x84, 0x3d, 1)); /* 1,000,000 */
	append_crc(&b);
	w = good(&b);
	for (; w->next(w, &a) > 0; n++)
		if (a.iova != BASE + n % SIZE || a.length != 1 || a.ns != n)
			ck_abort_msg("record %u", n + 1);
	ck_assert_uint_eq(n, 1000000);
	ck_assert_uint_eq(w->ns, 1000000);
	workload_close(w);
	b.n -= 4 + 5 + 1; /* in the middle of the last */
	refused(&b, "truncated in record 1000000, at byte ");
}
END_TEST

/* ---- any bytes ---- */

/* One to three changes; never none. */
static struct bytes mutated(const struct bytes *from, uint64_t *seed)
{
	struct bytes b = { .n = 0 };

	append(&b, from->data, from->n);
	do {
		for (unsigned int i = 1 + workload_random(seed) % 3; i && b.n; i--) {
			size_t at = workload_random(seed) % b.n;
			uint8_t byte = workload_random(seed);

			switch (workload_random(seed) % 5) {
			case 0:
				b.data[at] = byte;
				break;
			case 1:
				b.data[at] ^= 1 << byte % 8;
				break;
			case 2: /* bytes are gone */
				memmove(b.data + at, b.data + at + 1, b.n - at - 1);
				b.n--;
				break;
			case 3: /* there are more */
				append(&b, &byte, 1);
				memmove(b.data + at + 1, b.data + at, b.n - at - 1);
				b.data[at] = byte;
				break;
			default:
				b.n = byte % 8 ? b.n : at;
			}
		}
	} while (b.n == from->n && !memcmp(b.data, from->data, b.n));
	return b;
}

/* All that it gives is as it says. */
static void look_at(struct workload *w)
{
	uint64_t ns = 0;
	struct access a;
	int ret;

	while ((ret = w->next(w, &a)) > 0) {
		if (a.ns < ns || a.ns > w->ns || !a.length || a.length > w->length ||
		    a.iova < w->iova || a.iova - w->iova > w->length - a.length ||
		    a.device >= w->devices || a.pasid >= TRACE_PASIDS)
			ck_abort_msg("an access that cannot be");
		ns = a.ns;
	}
	ck_assert_int_eq(ret, 0);
}

/* @_i: the CRC is made good again, so that more of it is looked at. */
START_TEST(fuzz)
{
	struct bytes whole = random_trace(3, 40);
	unsigned int taken = 0, in_record = 0;
	char error[WORKLOAD_ERROR];
	uint64_t seed = 4;

	for (unsigned int i = 0; i < FUZZED; i++) {
		struct bytes b = mutated(&whole, &seed);
		struct workload *w;

		if (_i && b.n >= 4) {
			b.n -= 4;
			append_crc(&b);
		}
		w = open_bytes(&b, error);
		if (w)
			look_at(w);
		taken += !!w;
		in_record += !w && strstr(error, "record ");
		workload_close(w);
		free(b.data);
	}
	/* By luck it takes 2^32 of them to have a CRC that is right. */
	ck_assert_msg(_i ? taken > FUZZED / 100 : !taken, "%u taken", taken);
	ck_assert_uint_gt(in_record, FUZZED / 10);
	free(whole.data);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("trace");
	TCase *reads = tcase_create("reads"), *bad = tcase_create("bad files"),
	      *writes = tcase_create("writes"), *many = tcase_create("many");
	SRunner *runner;
	int failed;

	tcase_add_test(reads, decodes_by_hand);
	tcase_add_test(reads, decodes_nothing);
	tcase_add_test(reads, name_is_the_files);
	tcase_add_test(reads, changed_meanwhile);
	suite_add_tcase(suite, reads);
	tcase_add_loop_test(bad, header_refused, 0, sizeof(headers) / sizeof(headers[0]));
	tcase_add_test(bad, memory_wraps);
	tcase_add_test(bad, header_truncated);
	tcase_add_loop_test(bad, record_refused, 0, sizeof(bad_records) / sizeof(bad_records[0]));
	tcase_add_test(bad, first_without_length);
	tcase_add_test(bad, truncated_anywhere);
	tcase_add_loop_test(bad, end_refused, 0, sizeof(bad_ends) / sizeof(bad_ends[0]));
	tcase_add_test(bad, never_begins);
	tcase_add_test(bad, damaged);
	tcase_add_test(bad, goes_on);
	tcase_add_test(bad, no_file);
	tcase_add_test(bad, long_path);
	suite_add_tcase(suite, bad);
	tcase_add_test(writes, encodes_by_hand);
	tcase_add_test(writes, writer_refuses);
	tcase_add_test(writes, writer_wants_memory);
	tcase_add_test(writes, writer_full);
	tcase_add_test(writes, writer_text);
	tcase_add_test(writes, writer_long_text);
	suite_add_tcase(suite, writes);
	tcase_set_timeout(many, 120);
	tcase_add_test(many, there_and_back);
	tcase_add_test(many, a_million_tiny_records);
	tcase_add_loop_test(many, fuzz, 0, 2);
	suite_add_tcase(suite, many);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
