/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Of the target vfio, what needs no device: its argument, and the reads and writes of
 * any bytes, over a device of paper that breaks when it is asked for what it cannot do.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../targets/vfio/dma.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- the argument ---- */

static const struct {
	const char *text;
	const char *address; /* NULL: refused */
	bool bind, scratch;
	const char *why; /* a part of it */
} args[] = {
	{ "0000:00:10.0", "0000:00:10.0", false, false, NULL },
	{ "00:10.0", "0000:00:10.0", false, false, NULL },
	{ "abcd:EF:1f.7", "abcd:ef:1f.7", false, false, NULL },
	{ "00:10.0,bind", "0000:00:10.0", true, false, NULL },
	{ "00:10.0,scratch", "0000:00:10.0", false, true, NULL },
	{ "00:10.0,scratch,bind", "0000:00:10.0", true, true, NULL },
	{ "", NULL, false, false, "no PCI address" },
	{ ",bind", NULL, false, false, "no PCI address" },
	{ "bind", NULL, false, false, "no PCI address" },
	{ "00:20.0", NULL, false, false, "no PCI address" },
	{ "00:10.8", NULL, false, false, "no PCI address" },
	{ "00:10", NULL, false, false, "no PCI address" },
	{ "00:10.0x", NULL, false, false, "no PCI address" },
	{ "00:10.01", NULL, false, false, "no PCI address" },
	{ "../../x:10.0", NULL, false, false, "no PCI address" },
	{ " 00:10.0", NULL, false, false, "no PCI address" },
	{ "00:-1.0", NULL, false, false, "no PCI address" },
	{ "00:10.0,", NULL, false, false, "unknown option \"\"" },
	{ "00:10.0,type2", NULL, false, false, "unknown option \"type2\"; there are: bind" },
	{ "0000:00:10.0,bind,bind,bind,bind,bind,bind,bind,bind,bind,bind,bind", NULL, false, false,
	  "67 characters" },
};

START_TEST(argument)
{
	char text[256] = "";
	struct why why = { text, sizeof(text) };
	struct vfio_arg arg;
	int ret = vfio_arg_parse(args[_i].text, &arg, &why);

	ck_assert_int_eq(ret, args[_i].address ? 0 : -EINVAL);
	if (args[_i].address) {
		ck_assert_str_eq(arg.address, args[_i].address);
		ck_assert_int_eq(arg.bind, args[_i].bind);
		ck_assert_int_eq(arg.scratch, args[_i].scratch);
	} else {
		ck_assert_msg(strstr(text, args[_i].why), "\"%s\" lacks \"%s\"", text,
			      args[_i].why);
	}
}
END_TEST

/* ---- a device of paper ---- */

#define BASE 0x40000000ull
#define PAGES 6

/* What a page lets the device do. */
enum access {
	NOTHING,
	READ,
	ALL,
};

/* What it does where it may not, when it reads. */
enum fault {
	REPORTED,
	ZEROES,
	ONES,
	UNTOUCHED, /* the store keeps what it has */
	FAULTS,
};

static struct {
	uint8_t memory[PAGES * DMA_PAGE];
	uint8_t room[DMA_ROOM_SIZE];
	enum access access[PAGES];
	enum fault fault;
	uint8_t store[DMA_PAGE];
	int result;
} paper;

static int paper_move(struct dma *d, enum dma_way way, uint64_t iova, uint32_t length)
{
	bool room = iova >= DMA_ROOM_IOVA && iova - DMA_ROOM_IOVA < DMA_PAGE;
	uint8_t *at = room ? paper.room + (iova - DMA_ROOM_IOVA) : paper.memory + (iova - BASE);
	enum access access = room ? ALL : paper.access[(iova - BASE) / DMA_PAGE];

	ck_assert(length && length <= d->max && length % d->unit == 0 && iova % d->unit == 0);
	ck_assert_uint_eq(iova / DMA_PAGE, (iova + length - 1) / DMA_PAGE);
	ck_assert(room || (iova >= BASE && iova - BASE + length <= sizeof(paper.memory)));
	paper.result = 0;
	if (access >= (way == DMA_WRITE ? ALL : READ))
		memcpy(way == DMA_WRITE ? at : paper.store, way == DMA_WRITE ? paper.store : at,
		       length);
	else if (paper.fault == REPORTED)
		paper.result = -EFAULT;
	else if (way == DMA_FETCH && paper.fault != UNTOUCHED)
		memset(paper.store, paper.fault == ONES ? 0xff : 0, length);
	return 0;
}

static int paper_wait(struct dma *d)
{
	(void)d;
	return paper.result;
}

static const struct dma_driver paper_driver = { .move = paper_move, .wait = paper_wait };

static const struct {
	uint32_t unit, max;
} devices[] = { { 1, 4095 }, { 1, 64 }, { 512, 4096 }, { 512, 1024 }, { 4096, 4096 } };

static struct dma paper_new(size_t device)
{
	memset(&paper, 0, sizeof(paper));
	for (size_t i = 0; i < PAGES; i++)
		paper.access[i] = ALL;
	for (size_t i = 0; i < sizeof(paper.memory); i++)
		paper.memory[i] = i * 7 + i / 256;
	return (struct dma){ .driver = &paper_driver,
			     .room = paper.room,
			     .unit = devices[device].unit,
			     .max = devices[device].max };
}

/* Any place and length; the bytes are there, and their neighbours as they were. */
START_TEST(write_and_read)
{
	static const uint32_t lengths[] = { 1, 2, 511, 512, 513, 4095, 4096, 4097, 9000 };
	static const uint32_t places[] = { 0, 1, 500, 512, 4000, 4095, 4096 };
	static uint8_t expected[sizeof(paper.memory)], data[9000], seen[9000];
	uint64_t done;

	for (size_t l = 0; l < COUNT(lengths); l++) {
		for (size_t p = 0; p < COUNT(places); p++) {
			struct dma d = paper_new(_i);
			uint64_t iova = BASE + places[p];

			memset(data, l % 3 == 0 ? 0 : l % 3 == 1 ? 0xff : 0x3c, sizeof(data));
			memcpy(expected, paper.memory, sizeof(expected));
			memcpy(expected + places[p], data, lengths[l]);
			ck_assert_int_eq(dma_write(&d, iova, data, lengths[l], &done), 0);
			ck_assert_uint_eq(done, lengths[l]);
			ck_assert(!memcmp(paper.memory, expected, sizeof(expected)));
			ck_assert_int_eq(dma_read(&d, iova, seen, lengths[l], &done), 0);
			ck_assert_uint_eq(done, lengths[l]);
			ck_assert(!memcmp(seen, data, lengths[l]));
			ck_assert(!memcmp(paper.memory, expected, sizeof(expected)));
		}
	}
}
END_TEST

/* A write that does not arrive is seen, whatever is written and however it fails. */
START_TEST(write_faults)
{
	static const uint8_t bytes[] = { '?', 0, 0xff, 0x5a, 0xa5 };
	static uint8_t data[3 * DMA_PAGE], before[sizeof(paper.memory)];
	uint64_t done;

	for (enum fault fault = 0; fault < FAULTS; fault++) {
		for (enum access access = NOTHING; access < ALL; access++) {
			for (size_t i = 0; i < COUNT(bytes); i++) {
				struct dma d = paper_new(_i);

				paper.fault = fault;
				paper.access[2] = access;
				memset(data, bytes[i], sizeof(data));
				memcpy(before, paper.memory, sizeof(before));
				ck_assert_int_eq(
					dma_write(&d, BASE + 2 * DMA_PAGE + 7, data, 1, &done),
					-EFAULT);
				ck_assert_uint_eq(done, 0);
				ck_assert(!memcmp(before, paper.memory, sizeof(before)));
				/* One page arrives, all of it, and no more. */
				ck_assert_int_eq(
					dma_write(&d, BASE + DMA_PAGE, data, sizeof(data), &done),
					-EFAULT);
				ck_assert_uint_eq(done, DMA_PAGE);
				memcpy(before + DMA_PAGE, data, DMA_PAGE);
				ck_assert(!memcmp(before, paper.memory, sizeof(before)));
			}
		}
	}
}
END_TEST

/* A read that fails is seen when the device reports it, or keeps what it had. */
START_TEST(read_faults)
{
	static const enum fault faults[] = { REPORTED, UNTOUCHED };
	static uint8_t data[2 * DMA_PAGE];
	uint64_t done;

	for (size_t i = 0; i < COUNT(faults); i++) {
		struct dma d = paper_new(_i);

		paper.fault = faults[i];
		paper.access[2] = NOTHING;
		ck_assert_int_eq(dma_read(&d, BASE + DMA_PAGE, data, sizeof(data), &done), -EFAULT);
		ck_assert_uint_eq(done, DMA_PAGE);
		memset(paper.memory, 0xff, sizeof(paper.memory));
		ck_assert_int_eq(dma_read(&d, BASE, data, sizeof(data), &done), 0);
		ck_assert_uint_eq(data[0], 0xff);
	}
}
END_TEST

/* ---- which driver ---- */

START_TEST(drivers)
{
	const struct pci_id edu = { 0x1234, 0x11e8, 0x00ff00 };
	const struct pci_id nvme = { 0x1b36, 0x0010, 0x010802 };
	const struct pci_id other = { 0x8086, 0x100e, 0x020000 };

	ck_assert_ptr_eq(dma_driver_for(&edu), &dma_edu);
	ck_assert_ptr_eq(dma_driver_for(&nvme), &dma_nvme);
	ck_assert_ptr_null(dma_driver_for(&other));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vfio");
	TCase *tc = tcase_create("vfio");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tc, argument, 0, COUNT(args));
	tcase_add_loop_test(tc, write_and_read, 0, COUNT(devices));
	tcase_add_loop_test(tc, write_faults, 0, COUNT(devices));
	tcase_add_loop_test(tc, read_faults, 0, COUNT(devices));
	tcase_add_test(tc, drivers);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
