/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter ATS: a device that remembers translations by itself writes past the IOMMU,
 * until it is told to forget. Writes are reported all the same; what may be reported
 * beyond them is what the device asked to write and then did not.
 */
#include "attach.h"
#include "caches.h"
#include "concurrency.h"

#define LEAVES 8

static void read_byte(const struct scene *s, u64 offset)
{
	u8 byte;

	x(ct_dma_read(s->dev, 0, s->iova + offset, &byte, 1));
}

CT_TEST(ats_written_again, "ATS-001", .scope = CT_EACH_LEAF, .needs = TARGET_ATS)
{
	struct iodirty_plug plug;

	for_each_ats_device(&plug, 0)
	{
		struct scene s;

		scene_open(&s, .leaves = LEAVES, .plug = &plug);
		for (unsigned int round = 0; round < 3; round++) {
			/* The first and the last of what is cached, and what is between. */
			for (unsigned int i = 0; i < 2 * LEAVES; i++)
				scene_write(&s, i % LEAVES * s.leaf, 1);
			expect_all(&s);
			scene_write(&s, 0, 1);
			scene_write(&s, (LEAVES - 1) * s.leaf, 1);
			expect_all(&s);
			scene_write(&s, round * s.leaf, 1);
			scene_expect_no_clear(&s, 0, s.length, s.granule);
			scene_write(&s, (round + 1) * s.leaf, 1);
			expect_all(&s);
			expect_all(&s);
		}
	}
}

/* Reads, before and after harvests, fill the device's cache and make nothing dirty. */
CT_TEST(reading_is_clean, "ATS-002", .scope = CT_EACH_LEAF, .needs = TARGET_ATS)
{
	struct iodirty_plug plug;

	for_each_ats_device(&plug, 0)
	{
		struct scene s;

		if (is_eager(&plug))
			continue;
		scene_open(&s, .plug = &plug);
		for (unsigned int round = 0; round < 2; round++) {
			for (u64 at = 0; at < s.length; at += s.leaf)
				read_byte(&s, at);
			expect_all(&s);
			scene_write(&s, 2 * s.leaf, 1);
			read_byte(&s, s.leaf);
			read_byte(&s, 2 * s.leaf);
			expect_all(&s);
		}
	}
}

/* The device's: what it read in @read, and wrote in @written, leaf by leaf. */
static void expect_between(const struct scene *s, unsigned int read, unsigned int written)
{
	struct ct_bitmap b;

	ct_bitmap_init_guarded(&b, s->length / s->granule);
	x(scene_get((struct scene *)s, 0, 0, s->length, s->granule, b.bytes));
	ct_bitmap_check_guards(&b);
	for (u64 bit = 0; bit < b.nbits; bit++) {
		u64 at = bit * s->granule;
		unsigned int leaf = at / s->leaf;
		bool seen = ct_bitmap_test(&b, bit);

		/* Of a leaf that was written each byte may be reported, one must be. */
		ct_check(seen || !(written >> leaf & 1) || at % s->leaf,
			 "IOVA %#llx was written and is not reported",
			 (unsigned long long)(s->iova + at));
		ct_check(!seen || (read | written) >> (s->reach > s->leaf ? 0 : leaf) & 1,
			 "IOVA %#llx is reported, and was neither written nor read",
			 (unsigned long long)(s->iova + at));
	}
	ct_bitmap_free(&b);
}

CT_TEST(asked_is_the_most, "ATS-003", .scope = CT_EACH_LEAF, .needs = TARGET_ATS | TARGET_LEAF)
{
	struct iodirty_plug plug;

	for_each_ats_device(&plug, 0)
	{
		struct scene s;

		scene_open(&s, .leaves = 6, .plug = &plug);
		for (unsigned int round = 0; round < 2; round++) {
			read_byte(&s, s.leaf);
			scene_write(&s, 3 * s.leaf, 1);
			read_byte(&s, 4 * s.leaf + s.leaf / 2);
			expect_between(&s, is_eager(&plug) ? 1 << 1 | 1 << 4 : 0, 1 << 3);
			/* Nothing was accessed since: nothing asked for. */
			expect_between(&s, 0, 0);
		}
	}
}

/* A mapping that cannot be written is never reported, whoever asks to write it. */
CT_TEST(read_only_is_clean, "ATS-003", .scope = CT_EACH_FORMAT, .needs = TARGET_ATS)
{
	struct iodirty_plug plug;

	for_each_ats_device(&plug, 0)
	{
		struct scene s;
		u64 iova;
		u8 byte = 1;

		scene_open(&s, .plug = &plug, .no_map = true);
		iova = s.iova;
		x(ct_map_flags(s.ioas, IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE, s.mem,
			       s.length, &iova));
		for (unsigned int round = 0; round < 2; round++) {
			read_byte(&s, s.leaf);
			x_err(EFAULT, ct_dma_write(s.dev, 0, s.iova + s.leaf, &byte, 1));
			read_byte(&s, s.leaf);
			ct_check(!s.mem[s.leaf], "a write that faulted changed memory");
			expect_all(&s);
		}
	}
}

CT_TEST(ats_mapped_elsewhere, "ATS-004", .scope = CT_EACH_LEAF, .needs = TARGET_ATS)
{
	struct iodirty_plug plug;

	for_each_ats_device(&plug, 0)
	{
		u8 *memory[2];
		struct scene s;

		scene_open(&s, .plug = &plug);
		memory[0] = s.mem;
		memory[1] = ct_memory(s.length, s.leaf < 4096 ? 4096 : 2 * s.leaf, s.leaf);
		for (unsigned int round = 1; round < 4; round++) {
			warm(&s, s.dev, 0);
			x(ct_unmap(s.ioas, s.iova, s.length, NULL));
			for (u64 at = 0; at < s.length; at += s.leaf) {
				u8 byte = 0xbb;

				x_err(EFAULT, ct_dma_write(s.dev, 0, s.iova + at, &byte, 1));
				ct_check(s.mem[at] != byte, "memory that was unmapped is written");
			}
			s.mem = memory[round % 2];
			x(ct_map(s.ioas, s.mem, s.length, s.iova));
			scene_forget(&s, 0, s.length);
			expect_all(&s);
			expect_lands(&s, s.dev, 0, 2 * s.leaf, s.mem, memory[(round + 1) % 2]);
			scene_mark(&s, 2 * s.leaf, 1);
			expect_all(&s);
		}
	}
}

CT_TEST(ats_enabled_when_warm, "ATS-005", .scope = CT_EACH_FORMAT, .needs = TARGET_ATS)
{
	struct iodirty_plug plug;

	for_each_ats_device(&plug, 0)
	{
		struct scene s;

		scene_open(&s, .plug = &plug, .no_enable = true);
		for (unsigned int round = 0; round < 2; round++) {
			warm(&s, s.dev, 0);
			x(ct_set_tracking(s.hwpt, true));
			expect_all(&s);
			scene_write(&s, s.leaf, 1);
			expect_all(&s);
			x(ct_set_tracking(s.hwpt, false));
		}
	}
}

CT_TEST(enabled_for_each, "ATS-005", .scope = CT_EACH_FORMAT, .needs = TARGET_ATS | TARGET_PASID,
	.requires = tracks_pasids)
{
	struct iodirty_plug plug;

	for_each_ats_device(&plug, PASID_WIDTH)
	{
		struct scene s;
		u32 dev;

		scene_open(&s, .plug = &plug, .hwpt_flags = IOMMU_HWPT_ALLOC_PASID,
			   .no_enable = true);
		x(ct_plug_as(&plug, &dev));
		x(ct_attach(s.dev, 4, s.hwpt));
		x(ct_attach(dev, 4, s.hwpt));
		warm(&s, s.dev, 0);
		warm(&s, s.dev, 4);
		warm(&s, dev, 4);
		x(ct_set_tracking(s.hwpt, true));
		write_as(&s, s.dev, 0, 0);
		expect_all(&s);
		write_as(&s, s.dev, 4, s.leaf);
		expect_all(&s);
		write_as(&s, dev, 4, 2 * s.leaf);
		expect_all(&s);
	}
}

CT_TEST(ats_moved_when_warm, "ATS-006", .scope = CT_EACH_FORMAT, .needs = TARGET_ATS)
{
	struct iodirty_plug plug;

	for_each_ats_device(&plug, 0)
	{
		struct scene s, other;

		open_two(&s, &other, &plug);
		expect_lands(&s, s.dev, 0, s.leaf, s.mem, other.mem);
		scene_mark(&s, s.leaf, 1);
		x(ct_replace(s.dev, 0, other.hwpt));
		expect_lands(&s, s.dev, 0, s.leaf, other.mem, s.mem);
		scene_mark(&other, s.leaf, 1);
		x(ct_detach(s.dev, 0));
		expect_fault(&s, s.dev, 0);
		expect_fault(&other, s.dev, 0);
		x(ct_attach(s.dev, 0, s.hwpt));
		expect_lands(&s, s.dev, 0, s.leaf, s.mem, other.mem);
		expect_all(&s);
		expect_all(&other);
	}
}

CT_TEST(unplugged_when_warm, "ATS-006", .scope = CT_EACH_FORMAT,
	.needs = TARGET_ATS | TARGET_UNPLUG)
{
	struct iodirty_plug plug;

	for_each_ats_device(&plug, 0)
	{
		struct scene s;

		scene_open(&s, .plug = &plug);
		scene_write(&s, 0, 1);
		scene_write(&s, s.leaf, 1);
		x(ct_unplug(s.dev));
		x(ct_plug_as(&plug, &s.dev));
		x(ct_attach(s.dev, 0, s.hwpt));
		scene_write(&s, 3 * s.leaf, 1);
		expect_all(&s);
		scene_write(&s, s.leaf, 1);
		expect_all(&s);
	}
}

CT_TEST(pasids_warm, "ATS-007", .scope = CT_EACH_FORMAT, .needs = TARGET_ATS | TARGET_PASID,
	.requires = tracks_pasids)
{
	struct iodirty_plug plug;

	for_each_ats_device(&plug, PASID_WIDTH)
	{
		struct scene s;

		pasids_in_turn(&s, &plug);
		/* What is unmapped is gone for each. */
		for (unsigned int i = 0; i < 3; i++)
			warm(&s, s.dev, three_pasids[i]);
		x(ct_unmap(s.ioas, s.iova, s.length, NULL));
		for (unsigned int i = 0; i < 3; i++)
			expect_fault(&s, s.dev, three_pasids[i]);
	}
}

/* Two with ATS and one without behind one IOMMU, one with ATS behind another. */
CT_TEST(devices_warm, "ATS-008", .scope = CT_EACH_FORMAT, .needs = TARGET_ATS | TARGET_SHARED_IOMMU)
{
	struct iodirty_plug plug;

	for_each_ats_device(&plug, 0)
	{
		struct iodirty_plug beside = plug, plain = { 0 };
		struct scene s;
		u32 devs[4];

		scene_open(&s, .plug = &plug);
		devs[0] = s.dev;
		memcpy(beside.format, ct.config.format.name, sizeof(beside.format));
		x(ct.t->driver->plug(ct.t, &beside));
		devs[1] = beside.out_dev_id;
		x(ct_plug_as(&beside, &devs[2]));
		plain.iommu_id = beside.iommu_id;
		x(ct_plug_as(&plain, &devs[3]));
		for (unsigned int i = 1; i < 4; i++)
			x(ct_attach(devs[i], 0, s.hwpt));
		for (unsigned int round = 0; round < 4; round++) {
			for (unsigned int i = 0; i < 4; i++)
				write_as(&s, devs[i], 0, s.leaf);
			expect_all(&s);
			write_as(&s, devs[round], 0, s.leaf);
			expect_all(&s);
			expect_all(&s);
		}
	}
}

static int harvest_all(void *arg)
{
	struct traffic *t = arg;

	return traffic_harvest(t, 0, t->npages, NULL);
}

/* Two devices, one with room for all that it touches and one for a part of it. */
static void run_streams(u32 flags)
{
	struct iodirty_plug plug = { .flags = IODIRTY_PLUG_ATS | flags }, small = plug;
	struct worker harvester;
	struct traffic t;
	struct scene s;
	u32 dev;

	if (ct.t->caps & TARGET_CACHES) {
		small.flags |= IODIRTY_PLUG_CACHES;
		small.atc_entries = 8;
	}
	scene_open(&s, .leaves = 32, .plug = &plug);
	x(ct_plug_as(&small, &dev));
	x(ct_attach(dev, 0, s.hwpt));
	traffic_open(&t, &s, s.leaf);
	traffic_start(&t, s.dev);
	traffic_start(&t, dev);
	worker_start(&harvester, harvest_all, &t);
	traffic_run(&t, 120 * MS);
	worker_stop(&harvester);
	traffic_finish(&t);
}

CT_TEST(streams_exact, "ATS-009", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = TARGET_ATS | TARGET_STREAM)
{
	run_streams(0);
}

CT_TEST(streams_eager, "ATS-009", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = TARGET_ATS | TARGET_STREAM)
{
	run_streams(IODIRTY_PLUG_ATS_EAGER);
}

CT_TEST(ats_atomics, "ATS-010", .scope = CT_EACH_FORMAT, .needs = TARGET_ATS | TARGET_ATOMIC)
{
	struct iodirty_plug plug;

	for_each_ats_device(&plug, 0)
	{
		struct scene s;

		scene_open(&s, .plug = &plug);
		for (unsigned int round = 0; round < 3; round++) {
			struct iodirty_dma d = { .op = IODIRTY_DMA_CAS,
						 .dev_id = s.dev,
						 .iova = s.iova + s.leaf,
						 .length = 8,
						 .operand = 1,
						 .compare = 1 };

			x(ct.t->driver->dma(ct.t, &d));
			ct_check(!d.out_fault && !d.out_old, "fault %u, old value %llu",
				 d.out_fault, (unsigned long long)d.out_old);
			scene_mark(&s, s.leaf, 8);
			expect_all(&s);
		}
	}
}
