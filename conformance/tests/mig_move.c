/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Chapter MIG: a device is moved to another, and goes on there. */
#include "bits.h"
#include "concurrency.h"
#include "mig.h"

#define REGISTERS 14 /* that are written and read back */

static const u32 registers[REGISTERS] = {
	IODIRTY_BAR_DMA_SOURCE, IODIRTY_BAR_DMA_DESTINATION, IODIRTY_BAR_DMA_COUNT,
	IODIRTY_BAR_DMA_PASID,	IODIRTY_BAR_GEN_IOVA,	     IODIRTY_BAR_GEN_LENGTH,
	IODIRTY_BAR_GEN_STRIDE, IODIRTY_BAR_GEN_SEED,	     IODIRTY_BAR_GEN_RATE,
	IODIRTY_BAR_GEN_COUNT,	IODIRTY_BAR_GEN_PATTERN,     IODIRTY_BAR_GEN_PASID,
	IODIRTY_BAR_BUFFER,	IODIRTY_BAR_BUFFER + 4088,
};

/* Registers, both ends of the buffer, and config space, whose bus master @on says. */
static void fill(int fd, u64 state, bool on)
{
	for (int i = 0; i < REGISTERS; i++)
		ct_bar_write(fd, registers[i], ct_random(&state));
	ct_bar_write(fd, IODIRTY_BAR_ID, 0x12345678ull << 32);
	ct_vfio_bus_master(fd, on);
}

static void expect(int fd, u64 state, const char *what)
{
	for (int i = 0; i < REGISTERS; i++) {
		u64 want = ct_random(&state), is = ct_bar_read(fd, registers[i]);

		ct_check(is == want, "%s: register %#x is %#" PRIx64 ", not %#" PRIx64, what,
			 registers[i], is, want);
	}
	ct_check(ct_bar_read(fd, IODIRTY_BAR_ID) >> 32 == 0xedcba987u,
		 "%s: the liveness register is not what was written", what);
}

/* In pieces of any size, which the two sides need not agree on. */
CT_TEST(mig_registers, "MIG-007", .needs = TARGET_VFIO)
{
	static const struct {
		u64 out, in;
	} pieces[] = { { 65536, 65536 }, { 1, 1 }, { 7, 4096 }, { 4097, 31 }, { 33, 1 } };
	static const u32 kinds[] = { IODIRTY_VFIO_PCI, IODIRTY_VFIO_MDEV, IODIRTY_VFIO_MDEV_PASID };
	static u8 stream[MIG_STREAM_MAX];

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		const struct iodirty_vfio_plug plug = {
			.kind = kinds[i % 3],
			.pasid = kinds[i % 3] == IODIRTY_VFIO_MDEV_PASID ? 1 : 0,
			.flags = IODIRTY_VFIO_MIGRATION,
		};
		u32 id;
		int from = ct_vfio_device(&plug, &id), to = ct_vfio_device(&plug, &id), data_fd;
		u64 n;

		fill(from, ct.seed + i, true);
		x(mig_set(from, S(STOP_COPY), &data_fd));
		expect(from, ct.seed + i, "the source, stopped");
		n = mig_read(data_fd, stream, sizeof(stream), pieces[i].out);
		data_fd = mig_resume(to);
		x(mig_write(data_fd, stream, n, pieces[i].in));
		x(mig_set(to, S(STOP), NULL));
		expect(to, ct.seed + i, "the destination, stopped");
		x(mig_set(to, S(RUNNING), NULL));
		expect(to, ct.seed + i, "the destination, running");
		x(mig_set(from, S(RUNNING), NULL));
		expect(from, ct.seed + i, "the source, running again");
		x(ct_close(from));
		x(ct_close(to));
	}
}

/* ---- the generator ---- */

#define PAGE 4096u
#define SLOTS 64u /* a page each */

static const struct iodirty_stream_start pattern = {
	.pattern = IODIRTY_PATTERN_RANDOM,
	.length = SLOTS * PAGE,
	.stride = PAGE,
	.seed = 1,
};

/* What memory must be after writes 0 to @n - 1: the last to each slot, by abi/iodirty.h. */
static void expect_written(const u8 *mem, u64 n, const char *what)
{
	u64 want[SLOTS] = { 0 };

	for (u64 k = 0; k < n; k++) {
		u64 state = pattern.seed + k * 0x9e3779b97f4a7c15ull;

		want[ct_random(&state) % SLOTS] = k;
	}
	for (u64 slot = 0; slot < SLOTS; slot++) {
		u64 is;

		memcpy(&is, mem + slot * PAGE, sizeof(is));
		ct_check(is == want[slot],
			 "%s: page %" PRIu64 " was last written by write %" PRIu64 ", not %" PRIu64,
			 what, slot, is, want[slot]);
	}
}

/* Until it has made @n writes. */
static void let_run(int fd, u64 n)
{
	u64 late = now_ns() + 10000 * MS;

	while (ct_vfio_generated(fd) < n)
		ct_check(now_ns() < late, "the generator does not go on");
}

/*
 * Moved time and again, between memories that are copied as a migration does: each goes on with
 * the write that comes next, so that in the end memory is as if it had been one device.
 */
CT_TEST(mig_generator, "MIG-008", .needs = TARGET_VFIO)
{
	static const u32 kinds[] = { IODIRTY_VFIO_PCI, IODIRTY_VFIO_MDEV };
	static u8 stream[MIG_STREAM_MAX];

	for (size_t k = 0; k < 2; k++) {
		const struct iodirty_vfio_plug plug = { .kind = kinds[k],
							.flags = IODIRTY_VFIO_MIGRATION };
		struct iodirty_stream_start s = pattern;
		u8 *mem = ct_memory(SLOTS * PAGE, PAGE, 0);
		u32 id, ioas;
		int fd = ct_vfio_device(&plug, &id);
		u64 n, size;

		x(ct_ioas_alloc(&ioas));
		s.iova = (u64)1 << 30;
		x(ct_map(ioas, mem, SLOTS * PAGE, s.iova));
		x(ct_vfio_attach(fd, ioas, NULL));
		ct_vfio_generate(fd, &s);
		for (int move = 0; move < 8; move++) {
			u8 *new = ct_memory(SLOTS * PAGE, PAGE, 0);
			int to = ct_vfio_device(&plug, &id), data_fd;

			ct_vfio_bus_master(to, false); /* which is the source's, in the end */
			let_run(fd, ct_vfio_generated(fd) + 50);
			size = mig_save(fd, stream);
			n = ct_vfio_generated(fd);
			expect_written(mem, n, "the source, stopped");
			memcpy(new, mem, SLOTS * PAGE);
			mem = new;
			x(ct_ioas_alloc(&ioas));
			x(ct_map(ioas, mem, SLOTS * PAGE, s.iova));
			x(ct_vfio_attach(to, ioas, NULL));
			data_fd = mig_resume(to);
			x(mig_write(data_fd, stream, size, 1000));
			x(mig_set(to, S(STOP), NULL));
			ct_check(ct_vfio_generated(to) == n &&
					 ct_bar_read(to, IODIRTY_BAR_GEN_CONTROL),
				 "%" PRIu64 " writes at the destination, %" PRIu64 " at the source",
				 ct_vfio_generated(to), n);
			expect_written(mem, n, "the destination, stopped");
			x(ct_close(fd)); /* the source is gone */
			fd = to;
			x(mig_set(fd, S(RUNNING), NULL));
		}
		let_run(fd, ct_vfio_generated(fd) + 50);
		n = ct_vfio_generate_stop(fd);
		ct_check(!ct_bar_read(fd, IODIRTY_BAR_GEN_FAULTS), "writes faulted");
		expect_written(mem, n, "the last");
		x(ct_close(fd));
	}
}

/* Stopped for a while, the source itself goes on in the same way; and one that has done all it
 * was to do, or was stopped by its registers, does nothing more. */
CT_TEST(mig_stop_and_go, "MIG-008", .needs = TARGET_VFIO)
{
	const struct iodirty_vfio_plug plug = { .kind = IODIRTY_VFIO_PCI, .flags = MIG_ALL };
	struct iodirty_stream_start s = pattern;
	u8 *mem = ct_memory(SLOTS * PAGE, PAGE, 0);
	u32 id, ioas;
	int fd = ct_vfio_device(&plug, &id);
	u64 n;

	x(ct_ioas_alloc(&ioas));
	s.iova = (u64)1 << 30;
	x(ct_map(ioas, mem, SLOTS * PAGE, s.iova));
	x(ct_vfio_attach(fd, ioas, NULL));
	ct_vfio_generate(fd, &s);
	for (int round = 0; round < 10; round++) {
		let_run(fd, ct_vfio_generated(fd) + 20);
		x(mig_set(fd, round & 1 ? S(STOP_COPY) : S(STOP), NULL));
		expect_written(mem, ct_vfio_generated(fd), "stopped");
		x(mig_set(fd, round & 2 ? S(RUNNING_P2P) : S(RUNNING), NULL));
	}
	n = ct_vfio_generate_stop(fd);
	x(mig_set(fd, S(STOP), NULL));
	x(mig_set(fd, S(RUNNING), NULL));
	ct_check(!ct_bar_read(fd, IODIRTY_BAR_GEN_CONTROL), "it runs, though it was stopped");
	expect_written(mem, n, "stopped by its registers");
	s.count = 100;
	ct_vfio_generate(fd, &s);
	let_run(fd, 100);
	x(mig_set(fd, S(STOP), NULL));
	x(mig_set(fd, S(RUNNING), NULL));
	ct_check(ct_vfio_generated(fd) == 100, "%" PRIu64 " writes of 100", ct_vfio_generated(fd));
	ct_vfio_generate_stop(fd);
	ct_check(ct_vfio_generated(fd) == 100, "%" PRIu64 " writes of 100", ct_vfio_generated(fd));
}
