/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* IODIRTY_RECORD, which is no part of the UAPI under test: what devices did is what it says. */
#include <check.h>
#include <string.h>

#include "abi/iodirty.h"
#include "abi/iommufd.h"
#include "port.h"
#include "ref.h"

#define PAGE PORT_PAGE_SIZE
#define PAGES 8
#define IOVA 0x100000

static u8 memory[PAGES * PAGE] __attribute__((aligned(PAGE)));
static u8 buffer[PAGES * PAGE];

static int fd;
static u32 dev;

static void setup(void)
{
	struct iommu_ioas_alloc ioas = { .size = sizeof(ioas) };
	struct iodirty_plug plug = { .size = sizeof(plug), .format = "amd-v1" };
	struct iodirty_attach attach = { .size = sizeof(attach) };
	struct iommu_ioas_map map = { .size = sizeof(map),
				      .flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
					       IOMMU_IOAS_MAP_WRITEABLE,
				      .iova = IOVA,
				      .length = sizeof(memory),
				      .user_va = (uintptr_t)memory };

	fd = ref_open();
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ref_ioctl(fd, IOMMU_IOAS_ALLOC, &ioas), 0);
	ck_assert_int_eq(ref_ioctl(fd, IODIRTY_PLUG, &plug), 0);
	map.ioas_id = attach.pt_id = ioas.out_ioas_id;
	attach.dev_id = dev = plug.out_dev_id;
	ck_assert_int_eq(ref_ioctl(fd, IOMMU_IOAS_MAP, &map), 0);
	ck_assert_int_eq(ref_ioctl(fd, IODIRTY_ATTACH, &attach), 0);
}

static void teardown(void)
{
	ref_close(fd);
}

static int start(u32 capacity)
{
	struct iodirty_record r = { .size = sizeof(r),
				    .op = IODIRTY_RECORD_START,
				    .capacity = capacity };

	return ref_ioctl(fd, IODIRTY_RECORD, &r);
}

static int stop(void)
{
	struct iodirty_record r = { .size = sizeof(r), .op = IODIRTY_RECORD_STOP };

	return ref_ioctl(fd, IODIRTY_RECORD, &r);
}

/* How many were read; *lost may be NULL. */
static u32 read_entries(struct iodirty_record_entry *entries, u32 n, u64 *lost)
{
	struct iodirty_record r = { .size = sizeof(r),
				    .op = IODIRTY_RECORD_READ,
				    .count = n,
				    .entries = (uintptr_t)entries };

	ck_assert_int_eq(ref_ioctl(fd, IODIRTY_RECORD, &r), 0);
	if (lost)
		*lost = r.out_lost;
	return r.out_count;
}

static void dma(enum iodirty_dma_op op, u64 iova, u64 length, enum iodirty_fault fault)
{
	struct iodirty_dma d = { .size = sizeof(d),
				 .op = op,
				 .dev_id = dev,
				 .iova = iova,
				 .length = length,
				 .data = (uintptr_t)buffer };

	ck_assert_int_eq(ref_ioctl(fd, IODIRTY_DMA, &d), 0);
	ck_assert_uint_eq(d.out_fault, fault);
}

static void expect(const struct iodirty_record_entry *e, enum iodirty_dma_op op, u64 iova,
		   u64 length)
{
	ck_assert_uint_eq(e->op, op);
	ck_assert_uint_eq(e->iova, iova);
	ck_assert_uint_eq(e->length, length);
	ck_assert_uint_eq(e->dev_id, dev);
	ck_assert_uint_eq(e->pasid, 0);
}

/* What moved bytes, in order; a fault takes the part before it, or leaves nothing. */
START_TEST(what_was_done)
{
	struct iodirty_record_entry e[8];

	dma(IODIRTY_DMA_WRITE, IOVA, 8, IODIRTY_FAULT_NONE);
	ck_assert_int_eq(start(8), 0);
	dma(IODIRTY_DMA_WRITE, IOVA + 4000, 200, IODIRTY_FAULT_NONE);
	dma(IODIRTY_DMA_READ, IOVA + PAGE, 3 * PAGE, IODIRTY_FAULT_NONE);
	dma(IODIRTY_DMA_FETCH_ADD, IOVA + 64, 8, IODIRTY_FAULT_NONE);
	dma(IODIRTY_DMA_WRITE, IOVA + sizeof(memory) - 100, 200, IODIRTY_FAULT_NOT_PRESENT);
	dma(IODIRTY_DMA_WRITE, IOVA + sizeof(memory), 8, IODIRTY_FAULT_NOT_PRESENT);
	dma(IODIRTY_DMA_FETCH_ADD, IOVA + sizeof(memory), 8, IODIRTY_FAULT_NOT_PRESENT);
	ck_assert_int_eq(stop(), 0);
	dma(IODIRTY_DMA_WRITE, IOVA, 8, IODIRTY_FAULT_NONE);
	ck_assert_uint_eq(read_entries(e, 8, NULL), 4);
	expect(&e[0], IODIRTY_DMA_WRITE, IOVA + 4000, 200);
	expect(&e[1], IODIRTY_DMA_READ, IOVA + PAGE, 3 * PAGE);
	expect(&e[2], IODIRTY_DMA_FETCH_ADD, IOVA + 64, 8);
	expect(&e[3], IODIRTY_DMA_WRITE, IOVA + sizeof(memory) - 100, 100);
	for (int i = 1; i < 4; i++)
		ck_assert_uint_ge(e[i].ns, e[i - 1].ns);
	ck_assert_uint_eq(read_entries(e, 8, NULL), 0);
}
END_TEST

/* Read in pieces, around the end of the ring, more than a chunk of them. */
START_TEST(in_pieces)
{
	struct iodirty_record_entry e[200];
	u64 written = 0, seen = 0, lost = 1;

	ck_assert_int_eq(start(200), 0);
	for (int round = 0; round < 5; round++) {
		u32 n;

		for (int i = 0; i < 150; i++, written++)
			dma(IODIRTY_DMA_WRITE, IOVA + written % sizeof(memory), 1,
			    IODIRTY_FAULT_NONE);
		while ((n = read_entries(e, 70, &lost)))
			for (u32 i = 0; i < n; i++, seen++)
				expect(&e[i], IODIRTY_DMA_WRITE, IOVA + seen % sizeof(memory), 1);
	}
	ck_assert_uint_eq(seen, 750);
	ck_assert_uint_eq(lost, 0);
}
END_TEST

/* Without room the newest are lost, and counted; a new start counts anew. */
START_TEST(no_room)
{
	struct iodirty_record_entry e[8];
	u64 lost;

	ck_assert_int_eq(start(3), 0);
	for (int i = 0; i < 5; i++)
		dma(IODIRTY_DMA_WRITE, IOVA + i, 1, IODIRTY_FAULT_NONE);
	ck_assert_uint_eq(read_entries(e, 8, &lost), 3);
	ck_assert_uint_eq(lost, 2);
	expect(&e[2], IODIRTY_DMA_WRITE, IOVA + 2, 1);
	dma(IODIRTY_DMA_WRITE, IOVA + 7, 1, IODIRTY_FAULT_NONE);
	ck_assert_uint_eq(read_entries(e, 8, &lost), 1);
	expect(&e[0], IODIRTY_DMA_WRITE, IOVA + 7, 1);
	dma(IODIRTY_DMA_WRITE, IOVA, 1, IODIRTY_FAULT_NONE);
	ck_assert_int_eq(stop(), 0);
	ck_assert_int_eq(start(3), 0);
	ck_assert_uint_eq(read_entries(e, 8, &lost), 0);
	ck_assert_uint_eq(lost, 0);
}
END_TEST

START_TEST(errors)
{
	struct iodirty_record_entry e;
	struct iodirty_record r = { .size = sizeof(r), .op = 3 };

	ck_assert_int_eq(ref_ioctl(fd, IODIRTY_RECORD, &r), -EOPNOTSUPP);
	r = (struct iodirty_record){ .size = sizeof(r),
				     .op = IODIRTY_RECORD_STOP,
				     .__reserved = 1 };
	ck_assert_int_eq(ref_ioctl(fd, IODIRTY_RECORD, &r), -EOPNOTSUPP);
	ck_assert_int_eq(stop(), -EINVAL);
	ck_assert_int_eq(start(0), -EINVAL);
	ck_assert_int_eq(start(IODIRTY_RECORD_MAX + 1), -EINVAL);
	ck_assert_uint_eq(read_entries(&e, 1, NULL), 0);
	ck_assert_int_eq(start(4), 0);
	ck_assert_int_eq(start(4), -EBUSY);
	dma(IODIRTY_DMA_WRITE, IOVA, 1, IODIRTY_FAULT_NONE);
	r = (struct iodirty_record){ .size = sizeof(r), .op = IODIRTY_RECORD_READ, .count = 1 };
	ck_assert_int_eq(ref_ioctl(fd, IODIRTY_RECORD, &r), -EFAULT);
	ck_assert_uint_eq(read_entries(&e, 1, NULL), 1);
	expect(&e, IODIRTY_DMA_WRITE, IOVA, 1);
	ck_assert_int_eq(stop(), 0);
	ck_assert_int_eq(stop(), -EINVAL);
}
END_TEST

/* A stream's writes that are counted are there. */
START_TEST(streams)
{
	static struct iodirty_record_entry e[1000];
	struct iodirty_stream_start s = { .size = sizeof(s),
					  .dev_id = dev,
					  .iova = IOVA,
					  .length = sizeof(memory),
					  .stride = 8,
					  .count = 1000 };
	struct iodirty_stream_query q = { .size = sizeof(q) };

	ck_assert_int_eq(start(1000), 0);
	ck_assert_int_eq(ref_ioctl(fd, IODIRTY_STREAM_START, &s), 0);
	q.stream_id = s.out_stream_id;
	do
		ck_assert_int_eq(ref_ioctl(fd, IODIRTY_STREAM_QUERY, &q), 0);
	while (q.out_completed < 1000);
	ck_assert_uint_eq(read_entries(e, 1000, NULL), 1000);
	for (u32 i = 0; i < 1000; i++)
		expect(&e[i], IODIRTY_DMA_WRITE, IOVA + i * 8, 8);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("record");
	TCase *t = tcase_create("record");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_was_done);
	tcase_add_test(t, in_pieces);
	tcase_add_test(t, no_room);
	tcase_add_test(t, errors);
	tcase_add_test(t, streams);
	suite_add_tcase(s, t);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
