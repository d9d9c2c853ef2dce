/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Logs of fio: small ones, and by hand which memory the drive reads and writes for them. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fiolog.h"

#define HEAD "fio version 3 iolog\n10 d add\n20 d open\n"
#define FRAME(n) (WORKLOAD_IOVA + (n)*4096ULL)
#define N(array) (sizeof(array) / sizeof((array)[0]))

static char path[64];

/* A log of these bytes, at @path. */
static void put_bytes(const char *text, size_t length)
{
	int fd;

	snprintf(path, sizeof(path), "/tmp/iodirty-fiolog-XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, length), (ssize_t)length);
	close(fd);
}

static struct workload *try_log(const char *text, const char *memory, uint64_t rate, uint64_t size,
				char error[WORKLOAD_ERROR])
{
	struct fiolog_options o = { .rate = rate, .size = size };
	struct workload *w;

	ck_assert(fiolog_parse(memory, &o, error));
	put_bytes(text, strlen(text));
	w = fiolog_open(path, &o, error);
	unlink(path);
	return w;
}

static struct workload *open_log(const char *text, const char *memory, uint64_t rate, uint64_t size)
{
	char error[WORKLOAD_ERROR];
	struct workload *w = try_log(text, memory, rate, size, error);

	ck_assert_msg(w != NULL, "%s", error);
	return w;
}

/* Each as expected, and then no more; the same again after that. */
static void expect(struct workload *w, const struct access *expected, size_t n)
{
	struct access a;

	for (int turn = 0; turn < 2; turn++) {
		for (size_t i = 0; i < n; i++) {
			ck_assert_msg(w->next(w, &a) == 1, "there are %zu only", i);
			ck_assert_msg(a.ns == expected[i].ns, "%zu: at %lu ns", i, a.ns);
			ck_assert_msg(a.iova == expected[i].iova, "%zu: 0x%lx", i, a.iova);
			ck_assert_msg(a.length == expected[i].length, "%zu: %lu bytes", i,
				      a.length);
			ck_assert_msg(a.write == expected[i].write, "%zu: write %d", i, a.write);
			ck_assert_uint_eq(a.device, 0);
			ck_assert_uint_eq(a.pasid, 0);
			ck_assert_uint_ge(a.iova, w->iova);
			ck_assert_uint_le(a.iova + a.length, w->iova + w->length);
		}
		ck_assert_int_eq(w->next(w, &a), 0);
		w->rewind(w);
	}
}

/* As expect(), of a log in which all happens at 30 us. */
static void expect_frames(struct workload *w, const struct access *frames, size_t n)
{
	struct access all[32];

	ck_assert_uint_le(n, N(all));
	for (size_t i = 0; i < n; i++)
		all[i] = (struct access){ .ns = 30000,
					  .iova = FRAME(frames[i].iova),
					  .length = 4096 * frames[i].length,
					  .write = frames[i].write };
	expect(w, all, n);
	workload_close(w);
}

/* ---- direct ---- */

#define DIRECT                         \
	HEAD "100 d read 0 4096\n"     \
	     "150 d write 8192 6000\n" \
	     "150 d datasync 0 0\n"    \
	     "170 d trim 0 4096\n"     \
	     "200 d read 4096 512\n"   \
	     "250 d write 0 4096\n"    \
	     "300 d close\n"

START_TEST(direct_buffers_in_turn)
{
	/* The largest I/O has 6000 bytes, so a buffer 8192. */
	static const struct access expected[] = {
		{ .ns = 100000, .iova = 0x100000000, .length = 4096, .write = true },
		{ .ns = 150000, .iova = 0x100002000, .length = 6000, .write = false },
		{ .ns = 200000, .iova = 0x100000000, .length = 512, .write = true },
		{ .ns = 250000, .iova = 0x100002000, .length = 4096, .write = false },
	};
	struct workload *w = open_log(DIRECT, "direct:2", 0, 0);

	ck_assert_uint_eq(w->iova, 0x100000000);
	ck_assert_uint_eq(w->length, 16384);
	ck_assert_uint_eq(w->ns, 300000);
	ck_assert_uint_eq(w->devices, 1);
	ck_assert(!w->pattern);
	expect(w, expected, N(expected));
	workload_close(w);
}
END_TEST

/* What moves no data takes its turn: the read is the fifth. */
START_TEST(rate)
{
	static const struct access expected[] = {
		{ .ns = 0, .iova = 0x100000000, .length = 4096, .write = true },
		{ .ns = 333333333, .iova = 0x100002000, .length = 6000, .write = false },
		{ .ns = 1333333333, .iova = 0x100004000, .length = 512, .write = true },
		{ .ns = 1666666666, .iova = 0x100000000, .length = 4096, .write = false },
	};
	struct workload *w = open_log(DIRECT, "direct:3", 3, 0);

	ck_assert_uint_eq(w->length, 3 * 8192);
	ck_assert_uint_eq(w->ns, 2000000000);
	expect(w, expected, N(expected));
	workload_close(w);
}
END_TEST

/* ---- cache ---- */

#define READ(page) "30 d read " #page " 4096\n"

/* Pages 0 to 6. LRU would have replaced page 0 by the second 1; FIFO by 4. */
START_TEST(cache_by_the_clock)
{
	static const struct access frames[] = {
		{ .iova = 0, .length = 1, .write = true }, /* 0 */
		{ .iova = 1, .length = 1, .write = true }, /* 1; then 0 is there */
		{ .iova = 2, .length = 1, .write = true }, /* 2 */
		{ .iova = 3, .length = 1, .write = true }, /* 3 */
		{ .iova = 1, .length = 1, .write = true }, /* 4: the hand passes over 0 */
		{ .iova = 2, .length = 1, .write = true }, /* 1; then 0 is still there */
		{ .iova = 3, .length = 1, .write = true }, /* 5 */
		{ .iova = 1, .length = 1, .write = true }, /* 6: again over 0 */
	};
	struct workload *w = open_log(HEAD READ(0) READ(4096) READ(0) READ(8192) READ(12288)
					      READ(16384) READ(4096) READ(0) READ(20480)
						      READ(24576),
				      "cache:16K", 0, 0);

	ck_assert_uint_eq(w->length, 16384);
	expect_frames(w, frames, N(frames));
}
END_TEST

START_TEST(cache_pieces)
{
	static const struct access frames[] = {
		{ .iova = 0, .length = 3, .write = true }, /* 0 to 2 */
		{ .iova = 3, .length = 1, .write = true }, /* 5 */
		{ .iova = 4, .length = 1, .write = true }, /* 4 to 6, of which 5 is there */
		{ .iova = 5, .length = 1, .write = true },
		{ .iova = 4, .length = 1, .write = false }, /* they are written */
		{ .iova = 3, .length = 1, .write = false },
		{ .iova = 5, .length = 1, .write = false },
		{ .iova = 6, .length = 1, .write = true }, /* ten bytes of 7 */
		{ .iova = 7, .length = 1, .write = true }, /* parts of 9 and 10 are written */
		{ .iova = 0, .length = 1, .write = true },
		{ .iova = 7, .length = 1, .write = false },
		{ .iova = 0, .length = 1, .write = false },
		{ .iova = 2, .length = 1, .write = true }, /* 11, and a part of 12 */
		{ .iova = 1, .length = 2, .write = false },
	};

	expect_frames(open_log(HEAD "30 d read 0 12288\n" READ(20480) "30 d read 16384 12288\n"
								      "30 d write 16384 12288\n"
								      "30 d read 28772 10\n"
								      "30 d write 37376 4096\n"
								      "30 d write 45056 6144\n",
			       "cache:32K", 0, 0),
		      frames, N(frames));
}
END_TEST

/* Frame 0 is the first to go, and the present request's from then on. */
START_TEST(cache_keeps_what_is_under_way)
{
	static const struct access frames[] = {
		{ .iova = 0, .length = 1, .write = true },
		{ .iova = 1, .length = 1, .write = true },
		{ .iova = 2, .length = 1, .write = true },
		{ .iova = 0, .length = 2, .write = true },
	};

	expect_frames(open_log(HEAD READ(40960) READ(45056) READ(49152) READ(45056)
				       READ(49152) "30 d read 0 8192\n",
			       "cache:12K", 0, 0),
		      frames, N(frames));
}
END_TEST

/* A page that was written is no more in use than one that was read: once. */
START_TEST(cache_counts_a_write_once)
{
	static const struct access frames[] = {
		{ .iova = 0, .length = 1, .write = false },
		{ .iova = 1, .length = 1, .write = true },
		{ .iova = 0, .length = 1, .write = true },
	};

	expect_frames(open_log(HEAD "30 d write 0 4096\n" READ(4096) READ(8192), "cache:8K", 0, 0),
		      frames, N(frames));
}
END_TEST

/* Page 0 of one is not page 0 of another, though they have but one frame. */
START_TEST(cache_of_two_files)
{
	static const struct access frames[] = {
		{ .iova = 0, .length = 1, .write = true },
		{ .iova = 0, .length = 1, .write = true },
		{ .iova = 0, .length = 1, .write = true },
	};

	expect_frames(open_log(HEAD "30 e add\n" READ(0) "30 e read 0 4096\n" READ(0) READ(0),
			       "cache:4K", 0, 0),
		      frames, N(frames));
}
END_TEST

/* ---- offset ---- */

START_TEST(offsets)
{
	static const struct access expected[] = {
		{ .ns = 30000, .iova = 0x100000000, .length = 4096, .write = false },
		{ .ns = 40000, .iova = 0x100009000, .length = 100, .write = true },
	};
	static const char log[] = HEAD "30 d read 0 4096\n40 d write 36864 100\n";
	struct workload *w = open_log(log, "offset", 0, 0);

	ck_assert(w->pattern);
	ck_assert_uint_eq(w->length, 40960);
	expect(w, expected, N(expected));
	workload_close(w);

	w = open_log(log, "offset", 0, 1 << 20);
	ck_assert_uint_eq(w->length, 1 << 20);
	expect(w, expected, N(expected));
	workload_close(w);
}
END_TEST

/* ---- errors ---- */

static const struct {
	const char *log, *memory;
	uint64_t size;
	const char *error; /* after the file's name */
} errors[] = {
	{ "", "offset", 0, ", line 1: the log is empty" },
	{ "fio version 2 iolog\nd add\n", "offset", 0,
	  ", line 1: 'fio version 2 iolog' is not \"fio version 3 iolog\", which fio 3.31 and later "
	  "writes" },
	{ HEAD, "offset", 0, ", line 3: that was all, and no I/O moved data" },
	{ HEAD "30 d sync 0 0\n", "offset", 0, ", line 4: that was all, and no I/O moved data" },
	{ HEAD "30 d read 0 40", "offset", 0, ", line 4: it has no end: the log is not whole" },
	{ HEAD "30 d read 0\n", "offset", 0,
	  ", line 4: a read needs an offset and a length: the log is not whole" },
	{ HEAD "30 d\n", "offset", 0, ", line 4: it ends early: the log is not whole" },
	{ HEAD "\n", "offset", 0, ", line 4: it is empty" },
	{ HEAD "30 d read 0 4096 1\n", "offset", 0, ", line 4: '1' after what an I/O has" },
	{ HEAD "30 d close 0 1\n", "offset", 0, ", line 4: '0' after close" },
	{ HEAD "30 d wait 0 1\n", "offset", 0, ", line 4: unknown action 'wait'" },
	{ HEAD "x d read 0 1\n", "offset", 0, ", line 4: 'x' is no timestamp" },
	{ HEAD "30 d read -1 1\n", "offset", 0, ", line 4: '-1' is no offset" },
	{ HEAD "30 d read 0 1k\n", "offset", 0, ", line 4: '1k' is no length" },
	{ HEAD "30 d read 0 0\n", "offset", 0, ", line 4: a read of nothing" },
	{ HEAD "30 d read 0 1\n29 d read 0 1\n", "offset", 0,
	  ", line 5: time goes back, from 30 to 29 us" },
	{ HEAD "30 d read 0 1\n" HEAD, "offset", 0,
	  ", line 5: a second log begins: fio appends to a log that is there; remove it, and run fio "
	  "again, with one job a log" },
	{ HEAD "30 d write 4096 4097\n", "offset", 8192,
	  ", line 4: write of 4097 bytes at 4096 ends beyond the size 8192" },
	{ HEAD "30 d write 8193 1\n", "cache:8K", 8192,
	  ", line 4: write of 1 bytes at 8193 ends beyond the size 8192" },
	{ HEAD "30 d read 9223372036854775807 1\n", "direct:1", 0,
	  ", line 4: no disk has byte 9223372036854775807 + 1" },
	{ HEAD "30 d read 0 1\n30 e read 0 1\n", "offset", 0,
	  ": offsets of 2 files (d, e...) are no addresses: let fio use one" },
	{ HEAD "30 d read 17592186044416 1\n", "offset", 0, ": addresses of more than 16 TiB" },
	{ HEAD "30 d read 0 17592186044416\n", "direct:2", 0, ": buffers of more than 16 TiB" },
	{ HEAD "30 d read 1 8192\n", "cache:8K", 0,
	  ": an I/O takes 3 frames of 4 KiB at once, and the cache has 2" },
};

START_TEST(bad_log)
{
	char error[WORKLOAD_ERROR], expected[WORKLOAD_ERROR];
	struct workload *w = try_log(errors[_i].log, errors[_i].memory, 0, errors[_i].size, error);

	ck_assert(!w);
	snprintf(expected, sizeof(expected), "%s%s", path, errors[_i].error);
	ck_assert_str_eq(error, expected);
}
END_TEST

START_TEST(a_byte_0)
{
	static const char log[] = HEAD "30 d read 0 1\0\n";
	struct fiolog_options o = { .model = FIOLOG_OFFSET };
	char error[WORKLOAD_ERROR];

	put_bytes(log, sizeof(log) - 1);
	ck_assert(!fiolog_open(path, &o, error));
	unlink(path);
	ck_assert_str_eq(error + strlen(path), ", line 4: it has a byte 0: this is no log of fio");
	ck_assert(!fiolog_open(path, &o, error));
	ck_assert_str_eq(error + strlen(path), ": No such file or directory");
}
END_TEST

/* What just fits is taken. */
START_TEST(fits)
{
	workload_close(open_log(HEAD "30 d read 0 8192\n", "cache:8K", 0, 8192));
	workload_close(open_log(HEAD "30 d read 17592186040320 4096\n", "offset", 0, 0));
}
END_TEST

/* Whatever it is made of: refused with words, or in order and within its memory. */
static bool taken(const char *log, size_t length, const char *memory)
{
	struct fiolog_options o = { 0 };
	char error[WORKLOAD_ERROR] = "";
	struct workload *w;
	struct access a;
	uint64_t last = 0;

	fiolog_parse(memory, &o, error);
	put_bytes(log, length);
	w = fiolog_open(path, &o, error);
	unlink(path);
	if (!w) {
		ck_assert_msg(!strncmp(error, path, strlen(path)), "%s", error);
		return false;
	}
	while (w->next(w, &a) > 0)
		if (a.ns < last || !a.length || a.iova < w->iova || a.length > w->length ||
		    a.iova - w->iova > w->length - a.length)
			ck_abort_msg("%lu bytes at 0x%lx: %.*s", a.length, a.iova, (int)length,
				     log);
		else
			last = a.ns;
	ck_assert_uint_ge(w->ns, last);
	workload_close(w);
	return true;
}

START_TEST(damaged)
{
	static const char good[] = DIRECT, chars[] = "0123456789 \n-xadrw";
	static const char *const memories[] = { "direct:3", "cache:64K", "offset" };
	uint64_t seed = 1, was_taken = 0, n = 3000;

	for (uint64_t i = 0; i < n; i++) {
		char log[sizeof(good)];
		size_t length = sizeof(good) - 1;

		memcpy(log, good, sizeof(good));
		for (uint64_t k = workload_random(&seed) % 3; k < 3; k++)
			log[workload_random(&seed) % length] =
				chars[workload_random(&seed) % (sizeof(chars) - 1)];
		if (i % 8 == 0)
			length = workload_random(&seed) % length;
		was_taken += taken(log, length, memories[i % N(memories)]);
	}
	/* Both happen, or this shows nothing. */
	ck_assert_uint_gt(was_taken, n / 20);
	ck_assert_uint_lt(was_taken, n - n / 20);
}
END_TEST

START_TEST(memory_models)
{
	static const char *const bad[] = { "",	       "direct", "direct:0", "direct:65537",
					   "direct:x", "cache:", "cache:1K", "cache:65G",
					   "offset:1", "offsets" };
	struct fiolog_options o = { 0 };
	char error[WORKLOAD_ERROR];

	for (size_t i = 0; i < N(bad); i++) {
		ck_assert_msg(!fiolog_parse(bad[i], &o, error), "%s", bad[i]);
		ck_assert_ptr_nonnull(strstr(error, "none of direct:DEPTH (1 to 65536), "
						    "cache:SIZE (4K to 64G) and offset"));
	}
	ck_assert(fiolog_parse("direct:65536", &o, error));
	ck_assert_int_eq(o.model, FIOLOG_DIRECT);
	ck_assert_uint_eq(o.depth, 65536);
	ck_assert(fiolog_parse("cache:128M", &o, error));
	ck_assert_int_eq(o.model, FIOLOG_CACHE);
	ck_assert_uint_eq(o.cache, 128 << 20);
	ck_assert(fiolog_parse("offset", &o, error));
	ck_assert_int_eq(o.model, FIOLOG_OFFSET);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fiolog");
	TCase *models = tcase_create("models"), *bad = tcase_create("errors");
	SRunner *r;
	int failed;

	tcase_add_test(models, direct_buffers_in_turn);
	tcase_add_test(models, rate);
	tcase_add_test(models, cache_by_the_clock);
	tcase_add_test(models, cache_pieces);
	tcase_add_test(models, cache_keeps_what_is_under_way);
	tcase_add_test(models, cache_counts_a_write_once);
	tcase_add_test(models, cache_of_two_files);
	tcase_add_test(models, offsets);
	suite_add_tcase(s, models);
	tcase_add_loop_test(bad, bad_log, 0, N(errors));
	tcase_add_test(bad, a_byte_0);
	tcase_add_test(bad, fits);
	tcase_add_test(bad, memory_models);
	tcase_add_test(bad, damaged);
	tcase_set_timeout(bad, 60);
	suite_add_tcase(s, bad);
	r = srunner_create(s);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
