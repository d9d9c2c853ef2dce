/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter DEVICE, by registers: access to regions and its edges, config space, the DMA
 * engine as an unmodified driver of edu has it, the generator, and reset.
 */
#include "vfio.h"

static u64 bar_of(int fd)
{
	return region_info(fd, VFIO_PCI_BAR0_REGION_INDEX).offset;
}

static u32 read32(int fd, u64 pos)
{
	u32 value = 0;
	int64_t n = region_read(fd, &value, 4, pos);

	ct_check(n == 4, "reading 4 bytes at %#" PRIx64 ": %s", pos, ct_errno_name((int)n));
	return value;
}

static void write32(int fd, u64 pos, u32 value)
{
	int64_t n = region_write(fd, &value, 4, pos);

	ct_check(n == 4, "writing 4 bytes at %#" PRIx64 ": %s", pos, ct_errno_name((int)n));
}

/* ---- access to regions ---- */

CT_TEST(region_edges, "DEVICE-011", .needs = TARGET_VFIO)
{
	static u8 large[2 * IODIRTY_BAR_SIZE];
	u8 bytes[32], *bad = no_access();
	struct vfio_region_info bar, config;
	int64_t n;
	u32 id;
	int fd = ct_vfio_device(&vfio_pci, &id);

	bar = region_info(fd, VFIO_PCI_BAR0_REGION_INDEX);
	config = region_info(fd, VFIO_PCI_CONFIG_REGION_INDEX);
	for (unsigned int i = 0; i < 2; i++) {
		u64 end = i ? config.offset + config.size : bar.offset + bar.size;

		ct_check(region_read(fd, bytes, 8, end - 8) == 8, "the last 8 bytes of region");
		ct_check(region_read(fd, bytes, 8, end - 3) == 3, "8 from the last 3 bytes");
		ct_check(region_write(fd, bytes, 8, end - 3) == 3, "8 to the last 3 bytes");
		x_err(EINVAL, (int)region_read(fd, bytes, 8, end));
		x_err(EINVAL, (int)region_write(fd, bytes, 8, end));
		x_err(EINVAL, (int)region_read(fd, bytes, 1, end + 4096));
		x_err(EFAULT, (int)region_read(fd, bad, 8, end - 8));
		x_err(EFAULT, (int)region_write(fd, bad, 8, end - 8));
		x_err(EFAULT, (int)region_read(fd, bad, 1ull << 40, end - 8));
		x_err(EFAULT, (int)region_write(fd, bad, 1ull << 40, end - 8));
		ct_check(!region_read(fd, bytes, 0, end - 8), "nothing read");
		ct_check(!region_write(fd, bytes, 0, end - 8), "nothing written");
	}
	/* A BAR that it has not; behind all; before the first. */
	x_err(EINVAL, (int)region_read(fd, bytes, 4, region_info(fd, 1).offset));
	x_err(EINVAL, (int)region_write(fd, bytes, 4, region_info(fd, 1).offset));
	x_err(EINVAL, (int)region_read(fd, bytes, 4, INT64_MAX));
	x_err(EINVAL, (int)region_read(fd, bytes, 4, (u64)INT64_MIN));
	x_err(EINVAL, (int)region_write(fd, bytes, 4, (u64)-4096));

	memset(large, 0xa5, sizeof(large));
	n = region_read(fd, large, sizeof(large), bar.offset);
	ct_check(n > 0 && n <= IODIRTY_BAR_SIZE, "all of BAR 0 and more: %" PRId64, n);
	for (size_t i = n; i < sizeof(large); i++)
		ct_check(large[i] == 0xa5, "%" PRId64 " bytes read, byte %zu written", n, i);
}

/* @room bytes at @at: any place, any length: these bytes, and their neighbours as they were. */
static void check_unaligned(int fd, u64 at, u32 room)
{
	u8 model[64], seen[64], data[64];

	memset(model, 0x11, sizeof(model));
	ct_check(region_write(fd, model, room, at) == room, "%u bytes", room);
	for (u32 from = 0; from < 16; from++) {
		for (u32 n = 1; from + n <= room; n++) {
			memset(data, (int)(from * 16 + n), n);
			memcpy(model + from, data, n);
			ct_check(region_write(fd, data, n, at + from) == n, "%u bytes", n);
			memset(seen, 0, sizeof(seen));
			ct_check(region_read(fd, seen, n, at + from) == n, "%u bytes", n);
			ct_check(!memcmp(seen, data, n), "%u bytes at %u: not what was written", n,
				 from);
			ct_check(region_read(fd, seen, room, at) == room, "%u bytes", room);
			ct_check(!memcmp(seen, model, room), "%u bytes at %u: a neighbour", n,
				 from);
		}
	}
}

CT_TEST(region_unaligned, "DEVICE-011", .needs = TARGET_VFIO)
{
	u32 id;
	int fd = ct_vfio_device(&vfio_pci, &id);

	check_unaligned(fd, bar_of(fd) + IODIRTY_BAR_BUFFER + 128, 64);
	check_unaligned(fd, bar_of(fd) + IODIRTY_BAR_DMA_SOURCE, 24);
	/* Half of it there: an error, and the register as it was. */
	ct_bar_write(fd, IODIRTY_BAR_DMA_SOURCE, 0x1122334455667788);
	{
		u8 *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
				0);

		ct_check(page != MAP_FAILED && !mprotect(page + 4096, 4096, PROT_NONE), "pages");
		x_err(EFAULT,
		      (int)region_write(fd, page + 4092, 8, bar_of(fd) + IODIRTY_BAR_DMA_SOURCE));
	}
	ct_check(ct_bar_read(fd, IODIRTY_BAR_DMA_SOURCE) == 0x1122334455667788,
		 "a write that failed changed a register to %#" PRIx64,
		 ct_bar_read(fd, IODIRTY_BAR_DMA_SOURCE));
}

/* ---- registers of 64 bits, in halves ---- */

CT_TEST(register_halves, "DEVICE-012", .needs = TARGET_VFIO)
{
	static const u32 regs[] = {
		IODIRTY_BAR_DMA_SOURCE, IODIRTY_BAR_DMA_DESTINATION, IODIRTY_BAR_DMA_COUNT,
		IODIRTY_BAR_DMA_PASID,	IODIRTY_BAR_GEN_IOVA,	     IODIRTY_BAR_GEN_LENGTH,
		IODIRTY_BAR_GEN_STRIDE, IODIRTY_BAR_GEN_SEED,	     IODIRTY_BAR_GEN_RATE,
		IODIRTY_BAR_GEN_COUNT,	IODIRTY_BAR_GEN_PATTERN,     IODIRTY_BAR_GEN_PASID,
	};
	u32 id, count = sizeof(regs) / sizeof(regs[0]);
	u64 bar;
	int fd = ct_vfio_device(&vfio_pci, &id);

	bar = bar_of(fd);
	for (u32 i = 0; i < count; i++)
		ct_bar_write(fd, regs[i], 0x0101010101010101 * (i + 1));
	for (u32 i = 0; i < count; i++) {
		write32(fd, bar + regs[i], 0xaaaaaa00 + i);
		ct_check(ct_bar_read(fd, regs[i]) ==
				 ((0x01010101ull * (i + 1)) << 32 | (0xaaaaaa00 + i)),
			 "register %#x, its lower half written, is %#" PRIx64, regs[i],
			 ct_bar_read(fd, regs[i]));
		write32(fd, bar + regs[i] + 4, 0xbbbbbb00 + i);
		ct_check(ct_bar_read(fd, regs[i]) == ((0xbbbbbb00ull + i) << 32 | (0xaaaaaa00 + i)),
			 "register %#x, its upper half written, is %#" PRIx64, regs[i],
			 ct_bar_read(fd, regs[i]));
		ct_check(read32(fd, bar + regs[i] + 4) == 0xbbbbbb00 + i &&
				 read32(fd, bar + regs[i]) == 0xaaaaaa00 + i,
			 "register %#x reads %#x, %#x in halves", regs[i],
			 read32(fd, bar + regs[i] + 4), read32(fd, bar + regs[i]));
	}
	/* Those that are read-only. */
	ct_bar_write(fd, IODIRTY_BAR_GEN_COMPLETED, 7);
	ct_bar_write(fd, IODIRTY_BAR_GEN_FAULTS, 7);
	ct_bar_write(fd, IODIRTY_BAR_DMA_FAULT, 7);
	ct_check(!ct_bar_read(fd, IODIRTY_BAR_GEN_COMPLETED) &&
			 !ct_bar_read(fd, IODIRTY_BAR_GEN_FAULTS) &&
			 !ct_bar_read(fd, IODIRTY_BAR_DMA_FAULT),
		 "a register that is read-only was written");
	/* The id and the liveness are two of 4 bytes. */
	write32(fd, bar + IODIRTY_BAR_LIVENESS, 0x12345678);
	write32(fd, bar + IODIRTY_BAR_ID, 0);
	ct_check(read32(fd, bar + IODIRTY_BAR_ID) == 0x010000ed, "the id is %#x",
		 read32(fd, bar + IODIRTY_BAR_ID));
	ct_check(read32(fd, bar + IODIRTY_BAR_LIVENESS) == ~0x12345678u, "liveness is %#x",
		 read32(fd, bar + IODIRTY_BAR_LIVENESS));
}

/* The upper half of a command does nothing; the lower one alone is a command. */
CT_TEST(command_halves, "DEVICE-012", .scope = CT_EACH_FORMAT, .needs = TARGET_VFIO)
{
	struct iodirty_stream_start stream;
	u64 bar, before, now;
	struct scene s;
	u32 id;
	int fd = open_tracked(&s, &id);

	bar = bar_of(fd);
	vfio_write(&s, fd, 0);
	expect_all(&s);
	s.mem[0] = 0;
	write32(fd, bar + IODIRTY_BAR_DMA_COMMAND + 4, 3);
	write32(fd, bar + IODIRTY_BAR_GEN_CONTROL + 4, 1);
	ct_check(!s.mem[0] && !ct_bar_read(fd, IODIRTY_BAR_GEN_CONTROL),
		 "the upper half of a command was one");
	expect_all(&s);
	write32(fd, bar + IODIRTY_BAR_DMA_COMMAND, 3);
	ct_check(s.mem[0] == '!', "a command of 4 bytes did nothing");
	scene_mark(&s, 0, 1);
	expect_all(&s);

	stream = vfio_stream(&s);
	ct_vfio_generate(fd, &stream);
	before = vfio_wait_writes(fd, 1000);
	write32(fd, bar + IODIRTY_BAR_GEN_CONTROL + 4, 1);
	now = ct_vfio_generated(fd);
	ct_check(now >= before, "it began anew: %" PRIu64 " writes after %" PRIu64, now, before);
	write32(fd, bar + IODIRTY_BAR_GEN_CONTROL + 4, 0);
	vfio_wait_writes(fd, 100);
	write32(fd, bar + IODIRTY_BAR_GEN_CONTROL, 0);
	ct_check(!ct_bar_read(fd, IODIRTY_BAR_GEN_CONTROL), "4 bytes did not stop it");
	before = ct_vfio_generated(fd);
	write32(fd, bar + IODIRTY_BAR_GEN_CONTROL, 1);
	vfio_wait_writes(fd, 100);
	ct_vfio_generate_stop(fd);
}

/* ---- config space ---- */

CT_TEST(config_space, "DEVICE-013", .scope = CT_EACH_FORMAT, .needs = TARGET_VFIO)
{
	struct iodirty_stream_start stream;
	struct scene s;
	u64 config, writes;
	u32 id, mask;
	int fd = open_tracked(&s, &id);

	config = region_info(fd, VFIO_PCI_CONFIG_REGION_INDEX).offset;
	ct_check(read32(fd, config) == 0x11e81234, "vendor and device are %#x", read32(fd, config));
	write32(fd, config, 0);
	ct_check(read32(fd, config) == 0x11e81234, "vendor and device can be written");
	/* PCI 3.0, 6.2.5.1: what a BAR decodes is what stays 0. */
	write32(fd, config + 0x10, ~0u);
	mask = read32(fd, config + 0x10);
	ct_check(!(mask & 0xf) && -(u64)(int32_t)mask == IODIRTY_BAR_SIZE, "BAR 0, sized, is %#x",
		 mask);
	/* Without Bus Master nothing leaves it; a generator waits. */
	ct_vfio_bus_master(fd, false);
	vfio_expect_fault(&s, fd, 0, IODIRTY_FAULT_STOPPED);
	stream = vfio_stream(&s);
	ct_vfio_generate(fd, &stream);
	for (unsigned int i = 0; i < 50; i++)
		expect_all(&s);
	writes = ct_vfio_generated(fd);
	ct_check(!writes, "%" PRIu64 " writes without Bus Master", writes);
	ct_vfio_bus_master(fd, true);
	vfio_wait_writes(fd, 100);
	ct_vfio_bus_master(fd, false);
	/* What was written is marked by now; and nothing comes any more. */
	writes = ct_vfio_generate_stop(fd);
	for (u64 n = 0; n < writes; n++)
		scene_mark(&s, vfio_stream_offset(&stream, n), 8);
	expect_all(&s);
	expect_all(&s);
}

/* ---- the engine ---- */

/* Complete when the command has been written: the bytes are there and the bit is. */
CT_TEST(transfer_is_synchronous, "DEVICE-014", .scope = CT_EACH_FORMAT, .needs = TARGET_VFIO)
{
	static const u32 lengths[] = { 1, 7, 8, 100, 2048, 4096 };
	u8 data[4096], seen[4096];
	struct scene s;
	u64 state = ct.seed, bar;
	u32 id;
	int fd = open_tracked(&s, &id);

	bar = bar_of(fd);
	for (u32 i = 0; i < 60; i++) {
		u32 length = lengths[i % 6];
		u64 offset = ct_random(&state) % (s.length - length);

		for (u32 b = 0; b < length; b++)
			data[b] = (u8)ct_random(&state);
		x(ct_vfio_write(fd, s.iova + offset, data, length));
		ct_check(!memcmp(s.mem + offset, data, length), "%u bytes are not in memory",
			 length);
		scene_mark(&s, offset, length);
		expect_all(&s);
		/* Back: of a read nothing is dirty. */
		memset(seen, 0, sizeof(seen));
		ct_check(region_write(fd, seen, length, bar + IODIRTY_BAR_BUFFER) == length,
			 "clear");
		ct_bar_write(fd, IODIRTY_BAR_DMA_SOURCE, s.iova + offset);
		ct_bar_write(fd, IODIRTY_BAR_DMA_DESTINATION, IODIRTY_BAR_BUFFER);
		ct_bar_write(fd, IODIRTY_BAR_DMA_COUNT, length);
		ct_bar_write(fd, IODIRTY_BAR_DMA_COMMAND, 1);
		ct_check(region_read(fd, seen, length, bar + IODIRTY_BAR_BUFFER) == length, "read");
		ct_check(!memcmp(seen, data, length), "%u bytes are not in the buffer", length);
		expect_all(&s);
	}
}

static u64 transfer(int fd, u64 source, u64 destination, u64 count, u64 command)
{
	ct_bar_write(fd, IODIRTY_BAR_DMA_SOURCE, source);
	ct_bar_write(fd, IODIRTY_BAR_DMA_DESTINATION, destination);
	ct_bar_write(fd, IODIRTY_BAR_DMA_COUNT, count);
	ct_bar_write(fd, IODIRTY_BAR_DMA_PASID, 0);
	ct_bar_write(fd, IODIRTY_BAR_DMA_COMMAND, command);
	return ct_bar_read(fd, IODIRTY_BAR_DMA_FAULT);
}

/* What cannot be done is a fault of its kind, and nothing is written or marked. */
CT_TEST(transfer_faults, "DEVICE-015", .scope = CT_EACH_FORMAT, .needs = TARGET_VFIO)
{
	const u64 buffer = IODIRTY_BAR_BUFFER;
	u64 readonly, end;
	struct scene s;
	u32 id;
	int fd = open_tracked(&s, &id);

	end = s.iova + s.length;
	readonly = end + s.page;
	x(ct_map_flags(s.ioas, IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE, s.mem, s.page,
		       &readonly));
#define FAULTS(reason, source, destination, count, command)                               \
	do {                                                                              \
		u64 fault = transfer(fd, source, destination, count, command);            \
		ct_check(fault == (reason), "%#llx to %#llx, %llu bytes: fault %llu",     \
			 (unsigned long long)(source), (unsigned long long)(destination), \
			 (unsigned long long)(count), (unsigned long long)fault);         \
	} while (0)
	FAULTS(IODIRTY_FAULT_ADDRESS, buffer - 1, s.iova, 8, 3);
	FAULTS(IODIRTY_FAULT_ADDRESS, buffer + 4096, s.iova, 8, 3);
	FAULTS(IODIRTY_FAULT_ADDRESS, buffer + 4089, s.iova, 8, 3);
	FAULTS(IODIRTY_FAULT_ADDRESS, buffer, s.iova, 4097, 3);
	FAULTS(IODIRTY_FAULT_ADDRESS, buffer, s.iova, ~0ull, 3);
	FAULTS(IODIRTY_FAULT_ADDRESS, s.iova, buffer + 4089, 8, 1);
	FAULTS(IODIRTY_FAULT_ADDRESS, 0, s.iova, 8, 3);
	FAULTS(IODIRTY_FAULT_NOT_PRESENT, buffer, end, 8, 3);
	FAULTS(IODIRTY_FAULT_NOT_PRESENT, end, buffer, 8, 1);
	FAULTS(IODIRTY_FAULT_PERMISSION, buffer, readonly, 8, 3);
	FAULTS(IODIRTY_FAULT_NONE, readonly, buffer, 8, 1);
	FAULTS(IODIRTY_FAULT_NONE, buffer, s.iova, 0, 3);
	expect_all(&s);
	vfio_write(&s, fd, s.leaf);
	FAULTS(IODIRTY_FAULT_NONE, buffer, s.iova + 2 * s.leaf, 8, 3);
	scene_mark(&s, 2 * s.leaf, 8);
	/* Bit 0 is what starts. */
	FAULTS(IODIRTY_FAULT_NONE, buffer, s.iova, 8, 2);
	expect_all(&s);
	x(ct_vfio_detach(fd));
	FAULTS(IODIRTY_FAULT_NOT_ATTACHED, buffer, s.iova, 8, 3);
#undef FAULTS
}

/*
 * A driver of QEMU's edu, which knows nothing of us, in the order of its
 * docs/specs/edu: found by its id, alive, a byte pattern to the device and back to
 * elsewhere by polling, each of at most 4095 bytes, below 2^28.
 */
CT_TEST(edu_driver, "DEVICE-016", .scope = CT_EACH_FORMAT, .needs = TARGET_VFIO)
{
	enum { SRC = 0x80, DST = 0x88, COUNT = 0x90, COMMAND = 0x98, BUFFER = 0x40000 };
	const u64 iova = 1 << 24;
	u64 config, bar;
	u8 *mem = ct_memory(4 * 65536, 65536, 0);
	u32 ioas, id, alive = 0xcafe0001;
	int fd = ct_vfio_device(&vfio_pci, &id);

	x(ct_ioas_alloc(&ioas));
	x(ct_map(ioas, mem, 4 * 65536, iova));
	x(ct_vfio_attach(fd, ioas, NULL));
	config = region_info(fd, VFIO_PCI_CONFIG_REGION_INDEX).offset;
	bar = bar_of(fd);
	ct_check(read32(fd, config) == 0x11e81234, "not found: it is %#x", read32(fd, config));
	write32(fd, config + 4, read32(fd, config + 4) | 6);
	ct_check((read32(fd, bar) & 0xff) == 0xed, "its id is %#x", read32(fd, bar));
	write32(fd, bar + 4, alive);
	ct_check(read32(fd, bar + 4) == ~alive, "it is not alive");
	for (u32 i = 0; i < 65536; i++)
		mem[i] = (u8)(i * 7 + i / 251);
	for (u32 at = 0; at < 65536; at += 4095) {
		u32 n = 65536 - at < 4095 ? 65536 - at : 4095;

		while (ct_bar_read(fd, COMMAND) & 1)
			;
		ct_bar_write(fd, SRC, iova + at);
		ct_bar_write(fd, DST, BUFFER);
		ct_bar_write(fd, COUNT, n);
		ct_bar_write(fd, COMMAND, 1);
		while (ct_bar_read(fd, COMMAND) & 1)
			;
		ct_bar_write(fd, SRC, BUFFER);
		ct_bar_write(fd, DST, iova + 131072 + at);
		ct_bar_write(fd, COUNT, n);
		ct_bar_write(fd, COMMAND, 1 | 2);
		while (ct_bar_read(fd, COMMAND) & 1)
			;
	}
	ct_check(!memcmp(mem, mem + 131072, 65536), "what came back is not what was sent");
	for (u32 i = 65536; i < 4 * 65536; i++)
		ct_check((i >= 131072 && i < 131072 + 65536) || !mem[i], "byte %u was written", i);
}

/* ---- the generator ---- */

/* Each of a number of writes is where the definition says, in the order that it says. */
CT_TEST(generator_writes, "DEVICE-017", .scope = CT_EACH_FORMAT, .needs = TARGET_VFIO)
{
	struct scene s;
	u32 id;
	int fd = open_tracked(&s, &id);

	for (u32 pattern = 0; pattern <= IODIRTY_PATTERN_RANDOM; pattern++) {
		struct iodirty_stream_start stream = vfio_stream(&s);
		u64 last[4] = { 0 }, writes;

		stream.pattern = pattern;
		stream.count = pattern ? 5 : 3;
		memset(s.mem, 0xff, s.length);
		memset(last, 0xff, sizeof(last));
		ct_vfio_generate(fd, &stream);
		while (ct_vfio_generated(fd) < stream.count)
			;
		for (u64 n = 0; n < stream.count; n++) {
			u64 offset = vfio_stream_offset(&stream, n);

			last[offset / s.leaf] = n;
			scene_mark(&s, offset, 8);
		}
		for (u32 i = 0; i < 4; i++)
			ct_check(!memcmp(s.mem + i * s.leaf, &last[i], 8),
				 "leaf %u does not hold write %" PRId64, i, (int64_t)last[i]);
		expect_all(&s);
		writes = ct_vfio_generate_stop(fd);
		ct_check(writes == stream.count && !ct_bar_read(fd, IODIRTY_BAR_GEN_FAULTS),
			 "%" PRIu64 " writes, %" PRIu64 " faults", writes,
			 ct_bar_read(fd, IODIRTY_BAR_GEN_FAULTS));
	}
}

/* Stopped it writes nothing more; started it begins anew; what is no stream does not. */
CT_TEST(generator_control, "DEVICE-017", .scope = CT_EACH_FORMAT, .needs = TARGET_VFIO)
{
	struct iodirty_stream_start stream;
	struct scene s;
	u64 writes;
	u32 id;
	int fd = open_tracked(&s, &id);

	stream = vfio_stream(&s);
	ct_vfio_generate(fd, &stream);
	vfio_wait_writes(fd, 1000);
	writes = ct_vfio_generate_stop(fd);
	for (u64 n = 0; n < writes; n++)
		scene_mark(&s, vfio_stream_offset(&stream, n), 8);
	expect_all(&s);
	for (unsigned int i = 0; i < 50; i++)
		expect_all(&s);
	ct_check(ct_vfio_generated(fd) == writes, "stopped, it goes on");
	/* Of pages that are not mapped each write is a fault, and is counted. */
	stream.iova += s.length;
	stream.count = 10;
	ct_vfio_generate(fd, &stream);
	while (ct_vfio_generated(fd) < 10)
		sched_yield();
	ct_check(ct_bar_read(fd, IODIRTY_BAR_GEN_FAULTS) == 10, "%" PRIu64 " of 10 writes faulted",
		 ct_bar_read(fd, IODIRTY_BAR_GEN_FAULTS));
	expect_all(&s);
	for (unsigned int i = 0; i < 3; i++) {
		ct_vfio_generate_stop(fd);
		ct_bar_write(fd, IODIRTY_BAR_GEN_STRIDE, i == 0 ? 0 : i == 1 ? 12 : 1ull << 63);
		ct_bar_write(fd, IODIRTY_BAR_GEN_CONTROL, 1);
		ct_check(!ct_bar_read(fd, IODIRTY_BAR_GEN_CONTROL), "what is no stream runs");
	}
}

/* ---- reset ---- */

/* All DMA ends, registers are 0; attachment and bits stay. */
CT_TEST(device_reset, "DEVICE-018", .scope = CT_EACH_FORMAT, .needs = TARGET_VFIO)
{
	struct iodirty_stream_start stream;
	struct scene s;
	u8 *before;
	u64 value;
	u32 id;
	int fd = open_tracked(&s, &id);

	before = ct_memory(s.length, 4096, 0);
	vfio_write(&s, fd, 0);
	stream = vfio_stream(&s);
	stream.iova += s.leaf;
	stream.length = stream.stride = s.leaf;
	ct_vfio_generate(fd, &stream);
	vfio_wait_writes(fd, 100);
	x(ct_fd_ioctl(fd, VFIO_DEVICE_RESET, NULL));
	memcpy(before, s.mem, s.length);
	scene_mark(&s, s.leaf, 8);
	expect_all(&s);
	for (u32 reg = IODIRTY_BAR_DMA_SOURCE; reg <= IODIRTY_BAR_DMA_PASID; reg += 8)
		ct_check(!ct_bar_read(fd, reg), "register %#x is not reset", reg);
	for (u32 reg = IODIRTY_BAR_GEN_IOVA; reg <= IODIRTY_BAR_GEN_FAULTS; reg += 8)
		ct_check(!ct_bar_read(fd, reg), "register %#x is not reset", reg);
	value = ct_bar_read(fd, IODIRTY_BAR_BUFFER);
	ct_check(!value, "its buffer holds %#" PRIx64, value);
	for (unsigned int i = 0; i < 50; i++)
		expect_all(&s);
	ct_check(!memcmp(before, s.mem, s.length), "it wrote after it was reset");
	ct_vfio_bus_master(fd, true);
	vfio_write(&s, fd, 2 * s.leaf);
	expect_all(&s);
}

CT_TEST(reset_bus_master, "DEVICE-019", .scope = CT_EACH_FORMAT, .needs = TARGET_VFIO)
{
	struct scene s;
	u32 id;
	int fd = open_tracked(&s, &id);

	x(ct_fd_ioctl(fd, VFIO_DEVICE_RESET, NULL));
	vfio_expect_fault(&s, fd, 0, IODIRTY_FAULT_STOPPED);
	expect_all(&s);
}
