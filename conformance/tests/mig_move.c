/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Chapter MIG: a device is moved to another, and goes on there. */
#include "bits.h"
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
