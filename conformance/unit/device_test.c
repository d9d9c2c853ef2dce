/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Workloads of devices. Where things are in memory, how large they are, how many come in a
 * second and what may be written is written down here by hand, from the manuals.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "workload.h"

#define BASE ((uint64_t)4 << 30)
#define MIB ((uint64_t)1 << 20)
#define TIB ((uint64_t)1 << 40)
#define SECOND 1000000000ull

/* As ck_assert(), which notes each that holds: too slow for millions. */
#define MUST(what)                                 \
	do {                                       \
		if (!(what))                       \
			ck_abort_msg("%s", #what); \
	} while (0)

static struct workload *open_with(const char *name, const struct workload_options *o)
{
	char error[WORKLOAD_ERROR] = "";
	struct workload *w = workload_open(name, o, error);

	ck_assert_msg(w, "%s: %s", name, error);
	return w;
}

static struct workload *open_named(const char *name, uint64_t memory)
{
	return open_with(name, &(struct workload_options){ .memory = memory, .seed = 7 });
}

/* The next access, @iova from the beginning of memory. */
static struct access next(struct workload *w)
{
	struct access a;

	MUST(w->next(w, &a) == 1);
	a.iova -= BASE;
	return a;
}

static void expect(const struct access *a, bool write, uint64_t at, uint64_t length)
{
	if (a->write != write || a->iova != at || a->length != length)
		ck_abort_msg("%s 0x%lx of %lu bytes, not %s 0x%lx of %lu",
			     a->write ? "write" : "read", a->iova, a->length,
			     write ? "write" : "read", at, length);
}

static bool within(const struct access *a, uint64_t first, uint64_t end)
{
	return a->iova >= first && a->iova + a->length <= end;
}

/* @count is so many of @of, give or take @permille. */
static void expect_share(uint64_t count, uint64_t of, double share, double permille)
{
	double found = (double)count / of;

	ck_assert_msg(found > share - permille / 1000 && found < share + permille / 1000,
		      "%f is not %f", found, share);
}

/* ---- all of them ---- */

static const char *const names[] = { "nic", "nvme", "gpu", "idle" };
static const struct {
	uint64_t memory;
	unsigned int devices;
} sizes[] = {
	{ 16 * MIB, 1 }, { 64 * MIB + 4096, 4 }, { 256 * MIB, 16 },
	{ 16 * TIB, 1 }, { 16 * TIB, 3 },
};
#define N_SIZES (sizeof(sizes) / sizeof(sizes[0]))
#define LOOKED_AT 30000

START_TEST(test_stream)
{
	const char *name = names[_i / N_SIZES];
	uint64_t memory = sizes[_i % N_SIZES].memory, before = 0;
	unsigned int devices = sizes[_i % N_SIZES].devices, seen = 0, device = 0;
	uint64_t share = memory / devices / 4096 * 4096;
	struct workload_options o = { .memory = memory, .seed = 3, .devices = devices };
	struct workload *w = open_with(name, &o);

	ck_assert_uint_eq(w->iova, BASE);
	ck_assert_uint_eq(w->length, memory);
	ck_assert_uint_eq(w->devices, devices);
	ck_assert_uint_eq(w->ns, 0);
	ck_assert(!w->pattern);
	for (unsigned int i = 0; i < LOOKED_AT; i++) {
		struct access a = next(w);

		MUST(a.device < devices);
		MUST(a.pasid == 0);
		MUST(a.length > 0);
		/* Each device has memory of its own. */
		MUST(within(&a, a.device * share, (a.device + 1) * share));
		/* Of one moment, the first device's first. */
		MUST(a.ns > before || (a.ns == before && a.device >= device));
		before = a.ns;
		device = a.device;
		seen |= 1u << a.device;
	}
	ck_assert_uint_eq(seen, (1u << devices) - 1);
	workload_close(w);
}
END_TEST

static bool same_stream(struct workload *one, struct workload *other)
{
	bool same = true;

	for (unsigned int i = 0; i < LOOKED_AT && same; i++) {
		struct access a = next(one), b = next(other);

		same = a.ns == b.ns && a.iova == b.iova && a.length == b.length &&
		       a.device == b.device && a.write == b.write;
	}
	return same;
}

START_TEST(test_seed)
{
	struct workload_options o = { .memory = 64 * MIB, .seed = 5, .devices = 2 };
	struct workload *one = open_with(names[_i], &o), *again = open_with(names[_i], &o), *other;

	o.seed = 6;
	other = open_with(names[_i], &o);
	ck_assert(same_stream(one, again));
	/* From the middle of it. */
	one->rewind(one);
	again->rewind(again);
	next(again);
	again->rewind(again);
	ck_assert(same_stream(one, again));
	one->rewind(one);
	ck_assert(!same_stream(one, other));
	workload_close(one);
	workload_close(again);
	workload_close(other);
}
END_TEST

START_TEST(test_refused)
{
	static const uint64_t least[] = { 16 * MIB, 4 * MIB, 16 * MIB, 68 << 10 };
	const struct {
		struct workload_options o;
		const char *says;
	} bad[] = {
		{ { .memory = least[_i] - 4096 }, "KiB of memory at least" },
		{ { .memory = 3 * least[_i] - 4096, .devices = 3 }, "for each device" },
		{ { .memory = 1 * TIB, .devices = 17 }, "16 devices at most" },
		{ { .memory = 1 * TIB, .own_rate = true }, "a rate from 1 to 1000000000" },
		{ { .memory = 1 * TIB, .own_rate = true, .rate = 1000000001 }, "a rate from 1" },
	};
	char error[WORKLOAD_ERROR];

	workload_close(open_named(names[_i], least[_i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_ptr_null(workload_open(names[_i], &bad[i].o, error));
		ck_assert_msg(strstr(error, bad[i].says), "%zu: %s", i, error);
	}
}
END_TEST

/* ---- nic ---- */

/* In 64 MiB: 4 rings of 512 descriptors of 16 bytes to receive, as many to send; 8 MiB that is
 * sent from; and blocks of 256 KiB, 223 of which there is room for. */
#define RX_RINGS 0
#define TX_RINGS 0x8000
#define TX_MEMORY 0x10000
#define HEAP 0x810000
#define HEAP_END (HEAP + 223 * 0x40000)
#define RING_BYTES 8192

struct rings {
	unsigned int fetched[4], received[4], sent[4]; /* descriptors */
	unsigned int frames, answers, small, middle, large;
};

/* A frame and its answer, if it has one: each access is what the last one made it. */
static void one_frame(struct workload *w, struct rings *r)
{
	struct access a = next(w), b;
	unsigned int queue;

	if (!a.write) {
		queue = a.iova / RING_BYTES;
		MUST(queue < 4);
		MUST(r->fetched[queue] == r->received[queue]);
		expect(&a, false, queue * RING_BYTES + r->fetched[queue] % 512 * 16, 16 * 16);
		r->fetched[queue] += 16;
		a = next(w);
	}
	b = next(w);
	MUST(a.write);
	MUST(within(&a, HEAP, HEAP_END));
	MUST(a.iova % 2048 == 64);
	MUST(a.length == 60 || a.length == 590 || a.length == 1514);
	r->small += a.length == 60;
	r->middle += a.length == 590;
	r->large += a.length == 1514;
	queue = b.iova / RING_BYTES;
	MUST(queue < 4);
	expect(&b, true, queue * RING_BYTES + r->received[queue] % 512 * 16, 16);
	MUST(r->received[queue] < r->fetched[queue]);
	r->received[queue]++;
	if (r->frames++ % 2 == 0)
		return;
	a = next(w);
	queue = (a.iova - TX_RINGS) / RING_BYTES;
	MUST(queue < 4);
	expect(&a, false, TX_RINGS + queue * RING_BYTES + r->sent[queue] % 512 * 16, 16);
	r->sent[queue]++;
	b = next(w);
	MUST(!b.write);
	MUST(within(&b, TX_MEMORY, HEAP));
	MUST(b.length == 60 || b.length == 590 || b.length == 1514);
	b = next(w);
	expect(&b, true, a.iova, 16);
	r->answers++;
}

START_TEST(test_nic_frames)
{
	struct workload *w = open_named("nic", 64 * MIB);
	struct rings r = { 0 };

	for (unsigned int i = 0; i < 1000; i++) {
		for (unsigned int k = 0; k < 24; k++)
			one_frame(w, &r);
		/* The IMIX, 7:4:1, and twelve full ones; of each 24. */
		ck_assert_uint_eq(r.small, 7 * (i + 1));
		ck_assert_uint_eq(r.middle, 4 * (i + 1));
		ck_assert_uint_eq(r.large, 13 * (i + 1));
	}
	ck_assert_uint_eq(r.answers, 12000);
	for (unsigned int q = 0; q < 4; q++)
		expect_share(r.received[q], 24000, 0.25, 12);
	workload_close(w);
}
END_TEST

/* 10 Gb/s are 812,743 full frames a second, ten a queue between two interrupts: the card
 * writes back 8 descriptors at once, two cache lines. */
START_TEST(test_nic_write_back)
{
	struct workload_options o = {
		.memory = 64 * MIB, .seed = 1, .own_rate = true, .rate = 812743
	};
	struct workload *w = open_with("nic", &o);
	unsigned int done[4] = { 0 }, groups = 0;

	while (groups < 2000) {
		struct access a = next(w);
		unsigned int queue = a.iova / RING_BYTES;

		if (!a.write || a.iova >= TX_RINGS)
			continue;
		expect(&a, true, queue * RING_BYTES + done[queue] % 512 * 16, 128);
		done[queue] += 8;
		groups++;
	}
	workload_close(w);
}
END_TEST

/* Pages that stay with their sockets, one in 16, are what makes more memory dirty. */
START_TEST(test_nic_grows)
{
	struct workload *w = open_named("nic", 1024 * MIB);
	char *seen = calloc(1024 * MIB / 4096, 1);
	unsigned int frames = 0, before = 0, later = 0;

	while (frames < 20000 + 100000) {
		struct access a = next(w);

		/* An eighth of memory and the rings are in front of the heap. */
		if (!a.write || a.iova < 128 * MIB + 0x10000)
			continue;
		frames++;
		if (seen[a.iova / 4096])
			continue;
		seen[a.iova / 4096] = 1;
		before += frames <= 20000;
		later += frames > 20000;
	}
	/* 2,048 pages go round; each new one comes after 16 of them, of two frames each. */
	ck_assert_uint_ge(before, 2048);
	ck_assert_uint_le(before, 2048 + 20000 / 32 * 6 / 5);
	expect_share(later, 100000, 1 / 32.0, 3);
	free(seen);
	workload_close(w);
}
END_TEST

/* The allocator comes to all of the heap: in 32 MiB 111 blocks of 64 pages. */
START_TEST(test_nic_whole_heap)
{
	struct workload_options o = { .memory = 32 * MIB, .seed = _i };
	struct workload *w = open_with("nic", &o);
	static char seen[32 * MIB / 4096];
	unsigned int pages = 0;

	/* 5,056 that did not go round at first, a new one after 32 frames. */
	for (unsigned int frames = 0; frames < 5056 * 32 * 5 / 4;) {
		struct access a = next(w);

		if (!a.write || a.iova < 4 * MIB + 0x10000)
			continue;
		frames++;
		pages += !seen[a.iova / 4096];
		seen[a.iova / 4096] = 1;
	}
	ck_assert_uint_eq(pages, 7104);
	workload_close(w);
}
END_TEST

/* ---- nvme ---- */

/* Submission queues: 4 of 1024 entries of 64 bytes; completion queues, of 16; a list of 256
 * bytes for each; data. */
#define CQS 0x40000
#define LISTS 0x50000
#define DATA 0x150000

struct commands {
	unsigned int n[4];
	unsigned int ahead, reads, of_4k, of_8k, of_64k, less;
	uint64_t oldest; /* where the last storage read ended */
};

static void one_command(struct workload *w, struct commands *c)
{
	struct access sqe = next(w), list = { 0 }, a = next(w), first;
	unsigned int queue = sqe.iova / 0x10000;
	uint64_t slot, bytes = 0;

	MUST(queue < 4);
	slot = queue * 1024 + c->n[queue] % 1024;
	expect(&sqe, false, slot * 64, 64);
	if (within(&a, LISTS, DATA)) {
		list = a;
		a = next(w);
	}
	first = a;
	MUST(first.iova % 4096 == DATA % 4096);
	for (; !within(&a, CQS, LISTS); a = next(w)) {
		expect(&a, first.write, first.iova + bytes, a.length < 4096 ? a.length : 4096);
		MUST(within(&a, DATA, 64 * MIB));
		bytes += a.length;
	}
	expect(&a, true, CQS + slot * 16, 16);
	/* Two pages fit the command; of more all but the first are in the list. */
	if (bytes > 8192)
		expect(&list, false, LISTS + slot * 256, (bytes / 4096 - 1) * 8);
	else
		MUST(list.length == 0);
	if (first.write) {
		/* What was brought in longest ago goes first. */
		MUST(!c->oldest || first.iova == c->oldest ||
		     (first.iova == DATA && c->oldest + bytes > 64 * MIB));
		c->oldest = first.iova + (bytes + 4095) / 4096 * 4096;
	}
	c->n[queue]++;
	c->ahead += bytes == 131072;
	c->reads += bytes != 131072 && first.write;
	c->of_4k += bytes == 4096;
	c->of_8k += bytes == 8192;
	c->of_64k += bytes == 65536;
	c->less += bytes < 4096;
	MUST(bytes < 4096 ? bytes % 512 == 0 :
			    bytes % 4096 == 0 && !(bytes & (bytes - 1)) && bytes <= 131072);
	MUST(bytes != 131072 || first.write);
}

START_TEST(test_nvme_commands)
{
	struct workload *w = open_named("nvme", 64 * MIB);
	struct commands c = { 0 };
	unsigned int others;

	for (unsigned int i = 0; i < 20000; i++)
		one_command(w, &c);
	others = 20000 - c.ahead;
	expect_share(c.ahead, 20000, 1 / 16.0, 7);
	expect_share(c.reads, others, 0.40, 15);
	expect_share(c.of_4k, others, 0.67, 15);
	expect_share(c.of_8k, others, 0.10, 9);
	expect_share(c.of_64k, others, 0.03, 6);
	expect_share(c.less, others, 0.10, 9);
	for (unsigned int q = 0; q < 4; q++)
		expect_share(c.n[q], 20000, 0.25, 13);
	workload_close(w);
}
END_TEST

/* ---- gpu ---- */

/* A page of fences, 256 KiB of interrupts, 16 KiB of commands; in 256 MiB 64 of input, and
 * then 11 buffers of 16 MiB. */
#define INTERRUPTS 0x1000
#define COMMANDS 0x41000
#define INPUT 0x45000
#define RESULTS (INPUT + 64 * MIB)

/* The buffer that it writes. */
static unsigned int one_step(struct workload *w, uint64_t step, uint64_t start)
{
	struct access a = next(w), b;
	uint64_t first, ns;

	expect(&a, false, COMMANDS + step % 64 * 256, 256);
	MUST(a.ns == start);
	a = next(w);
	first = a.iova;
	MUST(within(&a, INPUT, RESULTS - 8 * MIB + 0x10000));
	for (unsigned int i = 0; i < 128; i++, a = next(w))
		expect(&a, false, first + i * 0x10000, 0x10000);
	first = a.iova;
	ns = a.ns;
	MUST(first >= RESULTS);
	MUST((first - RESULTS) % (16 * MIB) == 0);
	MUST((first - RESULTS) / (16 * MIB) < 11);
	for (unsigned int i = 0; i < 256; i++, a = next(w)) {
		expect(&a, true, first + i * 0x10000, 0x10000);
		/* 64 KiB at 31.5 GB/s. */
		MUST(a.ns == ns + i * 2080);
	}
	b = next(w);
	expect(&a, true, 0, 8);
	expect(&b, true, INTERRUPTS + step % 8192 * 32, 32);
	return (first - RESULTS) / (16 * MIB);
}

START_TEST(test_gpu_steps)
{
	struct workload *w = open_named("gpu", 256 * MIB);
	unsigned int written[11] = { 0 }, hot;

	for (uint64_t step = 0; step < 1000; step++)
		written[one_step(w, step, step * 50000000)]++;
	hot = written[0] + written[1] + written[2] + written[3];
	/* Three in four, and 4 in 11 of the others. */
	expect_share(hot, 1000, 0.75 + 0.25 * 4 / 11, 45);
	for (unsigned int i = 0; i < 11; i++)
		ck_assert_uint_gt(written[i], 0);
	workload_close(w);
}
END_TEST

/* A step takes 384 pieces of 2,080 ns: of 2,000 a second each begins when the last is done. */
START_TEST(test_gpu_bus_is_busy)
{
	struct workload_options o = {
		.memory = 256 * MIB, .seed = 1, .own_rate = true, .rate = 2000
	};
	struct workload *w = open_with("gpu", &o);

	for (uint64_t step = 0; step < 100; step++)
		one_step(w, step, step * 384 * 2080);
	workload_close(w);
}
END_TEST

/* ---- idle ---- */

START_TEST(test_idle_events)
{
	struct workload *w = open_named("idle", 16 * MIB);

	for (uint64_t n = 0; n < 3000; n++) {
		struct access event = next(w), count = next(w);

		expect(&event, true, 4096 + n % 1024 * 64, 64);
		expect(&count, true, 0, 8);
		MUST(event.ns >= n * 10000000);
		MUST(event.ns <= n * 10000000 + 5000000);
		MUST(count.ns == event.ns);
	}
	workload_close(w);
}
END_TEST

/* ---- rates ---- */

/* What there is one of for each event: in 256 MiB, writes of this part of memory. */
static const struct {
	const char *name;
	uint64_t rate; /* 0: its own */
	uint64_t first, end, a_second;
} rates[] = {
	/* A gigabit: 24 frames take 23,038 bytes of the wire. */
	{ "nic", 0, 32 * MIB + 0x10000, 256 * MIB, 130219 },
	{ "nic", 1000, 32 * MIB + 0x10000, 256 * MIB, 1000 },
	{ "nvme", 0, CQS, LISTS, 20000 },
	{ "nvme", 333, CQS, LISTS, 333 },
	{ "gpu", 0, 0, 4096, 20 },
	{ "gpu", 7, 0, 4096, 7 },
	{ "idle", 0, 0, 4096, 100 },
	{ "idle", 1, 0, 4096, 1 },
};

START_TEST(test_rates)
{
	struct workload_options o = {
		.memory = 256 * MIB,
		.seed = 9,
		.own_rate = rates[_i].rate,
		.rate = rates[_i].rate,
	};
	struct workload *w = open_with(rates[_i].name, &o);
	unsigned int count[3] = { 0 };
	struct access a = next(w);

	for (; a.ns < 3 * SECOND; a = next(w))
		count[a.ns / SECOND] += a.write && within(&a, rates[_i].first, rates[_i].end);
	for (unsigned int i = 0; i < 3; i++) {
		ck_assert_uint_ge(count[i] + 1, rates[_i].a_second);
		ck_assert_uint_le(count[i], rates[_i].a_second + 1);
	}
	workload_close(w);
}
END_TEST

static const uint64_t odd_rates[] = { 1, 7, 333, 20000, 999999937, SECOND };

/* Each command is read at its very nanosecond, and no error adds up. */
START_TEST(test_due)
{
	uint64_t rate = odd_rates[_i], n = 0;
	struct workload_options o = {
		.memory = 256 * MIB,
		.seed = 2,
		.own_rate = true,
		.rate = rate,
	};
	struct workload *w = open_with("nvme", &o);

	while (n < LOOKED_AT) {
		struct access a = next(w);

		if (!a.write && within(&a, 0, CQS)) {
			MUST(a.ns == (unsigned __int128)n * SECOND / rate);
			n++;
		}
	}
	workload_close(w);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("device");
	TCase *all = tcase_create("all"), *own = tcase_create("own");
	SRunner *runner;
	int failed;

	tcase_set_timeout(all, 60);
	tcase_set_timeout(own, 60);
	tcase_add_loop_test(all, test_stream, 0, 4 * N_SIZES);
	tcase_add_loop_test(all, test_seed, 0, 4);
	tcase_add_loop_test(all, test_refused, 0, 4);
	tcase_add_loop_test(all, test_rates, 0, sizeof(rates) / sizeof(rates[0]));
	tcase_add_loop_test(all, test_due, 0, sizeof(odd_rates) / sizeof(odd_rates[0]));
	tcase_add_test(own, test_nic_frames);
	tcase_add_test(own, test_nic_write_back);
	tcase_add_test(own, test_nic_grows);
	tcase_add_loop_test(own, test_nic_whole_heap, 0, 6);
	tcase_add_test(own, test_nvme_commands);
	tcase_add_test(own, test_gpu_steps);
	tcase_add_test(own, test_gpu_bus_is_busy);
	tcase_add_test(own, test_idle_events);
	suite_add_tcase(suite, all);
	suite_add_tcase(suite, own);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
