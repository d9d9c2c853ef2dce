/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter NEST, a guest's stage 1 in the guest's memory: who may do what. Both stages
 * must allow an access, and the second one the walks and updates of the first; devices
 * come, go and are moved; PASIDs; and what is refused.
 */
#include "stage1.h"

#define NEEDS (TARGET_STAGE1 | TARGET_DMA)

static const char *not_arm(const struct ct_config *config)
{
	if (stage1_is_arm(config))
		return NULL;
	return stage1_none(config) ? stage1_none(config) : "only Arm's stage 1 has it";
}

static const char *not_vtd(const struct ct_config *config)
{
	return !stage1_none(config) && !stage1_is_arm(config) ? NULL : "only VT-d's stage 1 has it";
}

/* Byte @offset of the data keeps its value. */
static u8 byte_at(const struct guest *g, u64 offset)
{
	return g->s.mem[g->base - g->s.iova + offset];
}

/* ---- permissions ---- */

/* What stage 1 does not map, or maps for reading only. */
CT_TEST(stage1_forbids, "NEST-017", .scope = CT_EACH_LEAF, .needs = NEEDS, .requires = stage1_none)
{
	struct guest g;
	u64 *entry;
	u8 before;

	guest_open(&g, .no_map = true);
	before = byte_at(&g, 0);
	guest_expect_fault(&g, true, guest_iova(&g, 0));
	guest_expect_fault(&g, false, guest_iova(&g, 0));
	guest_expect(&g);
	entry = guest_map(&g, guest_iova(&g, 0), g.base, guest_page_lg2(&g), GUEST_RO);
	guest_forget_all(&g, g.nested);
	guest_expect_fault(&g, true, guest_iova(&g, 0));
	guest_read(&g, 0);
	guest_expect_fault(&g, true, guest_iova(&g, 0));
	ct_check(!guest_dirty(&g, entry), "a write that was refused made an entry dirty");
	/* An AtomicOp writes, whatever it finds. */
	{
		struct iodirty_dma dma = {
			.op = IODIRTY_DMA_FETCH_ADD,
			.dev_id = g.s.dev,
			.iova = guest_iova(&g, 0),
			.length = 8,
			.operand = 1,
		};

		if (ct.t->caps & TARGET_ATOMIC) {
			x(ct.t->driver->dma(ct.t, &dma));
			ct_check(dma.out_fault, "an AtomicOp to what is read-only succeeded");
			guest_look(&g);
		}
	}
	ct_check(byte_at(&g, 0) == before, "a write that faulted changed memory");
	guest_expect(&g);
	/* All that a write would set is set: it is not for want of that. Of Arm's stage 1
	 * what is dirty may be written. */
	if (stage1_is_arm(&ct.config))
		return;
	guest_map(&g, guest_iova(&g, 0), g.base, guest_page_lg2(&g), 0);
	guest_forget_all(&g, g.nested);
	guest_write(&g, 0);
	guest_map(&g, guest_iova(&g, 0), g.base, guest_page_lg2(&g), GUEST_RO | GUEST_USED);
	guest_forget_all(&g, g.nested);
	before = byte_at(&g, 0);
	guest_read(&g, 0);
	guest_expect_fault(&g, true, guest_iova(&g, 0));
	ct_check(byte_at(&g, 0) == before, "a write that faulted changed memory");
	guest_expect(&g);
}

/* What stage 2 does not map, or maps for reading only. */
CT_TEST(stage2_forbids, "NEST-017", .scope = CT_EACH_LEAF, .needs = NEEDS, .requires = stage1_none)
{
	u64 iova, beyond;
	struct guest g;

	guest_open(&g);
	x(ct_unmap(g.s.ioas, g.s.iova, g.s.length, NULL));
	iova = g.s.iova;
	x(ct_map_flags(g.s.ioas, IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE, g.s.mem,
		       g.s.length, &iova));
	guest_expect_fault(&g, true, guest_iova(&g, 0));
	guest_read(&g, 0);
	guest_expect_fault(&g, true, guest_iova(&g, 0));
	guest_expect(&g);
	/* A page of stage 1 that is none of the guest's memory. */
	beyond = g.gpa + 2 * g.tables_length;
	beyond -= beyond % guest_page(&g);
	guest_map(&g, beyond, beyond, guest_page_lg2(&g), 0);
	guest_expect_fault(&g, true, beyond);
	guest_expect_fault(&g, false, beyond);
	guest_expect(&g);
}

static void map_tables(const struct guest *g, u32 flags)
{
	u64 iova = g->gpa;

	x(ct_unmap(g->s.ioas, g->gpa, g->tables_length, NULL));
	x(ct_map_flags(g->s.ioas, IOMMU_IOAS_MAP_FIXED_IOVA | flags, g->tables, g->tables_length,
		       &iova));
}

/* Tables that stage 2 lets be read only: an access that needs A or D set faults, one
 * that finds them set does not. */
CT_TEST(stage2_forbids_updates, "NEST-017", .scope = CT_EACH_LEAF, .needs = NEEDS,
	.requires = stage1_none)
{
	const u32 read_only = IOMMU_IOAS_MAP_READABLE;
	struct guest g;
	u64 *entry, was;
	u8 before;

	guest_open(&g, .no_map = true);
	before = byte_at(&g, 0);
	entry = guest_map(&g, guest_iova(&g, 0), g.base, guest_page_lg2(&g), 0);
	was = guest_load(entry);
	map_tables(&g, read_only);
	guest_expect_fault(&g, false, guest_iova(&g, 0));
	guest_expect_fault(&g, true, guest_iova(&g, 0));
	ct_check(guest_load(entry) == was, "the IOMMU wrote to a table that it may only read");
	ct_check(byte_at(&g, 0) == before, "a write that faulted changed memory");
	guest_expect(&g);

	/* A is set while it may be; then D may not. */
	map_tables(&g, read_only | IOMMU_IOAS_MAP_WRITEABLE);
	guest_read(&g, 0);
	guest_expect(&g);
	map_tables(&g, read_only);
	guest_read(&g, 0);
	guest_expect_fault(&g, true, guest_iova(&g, 0));
	ct_check(guest_accessed(&g, entry) && !guest_dirty(&g, entry),
		 "an update that was refused was made");
	guest_expect(&g);

	/* Nothing left to set: it need not be written. */
	map_tables(&g, read_only | IOMMU_IOAS_MAP_WRITEABLE);
	guest_write(&g, 0);
	guest_expect(&g);
	map_tables(&g, read_only);
	guest_write(&g, 0);
	guest_expect(&g);
}

/* Stage 1 that leads nowhere, or over the end of what it translates. */
CT_TEST(stage1_astray, "NEST-017", .scope = CT_EACH_FORMAT, .needs = NEEDS, .requires = stage1_none)
{
	struct guest g;
	u64 *entry, good;

	guest_open(&g);
	guest_write(&g, 0);
	guest_expect(&g);
	entry = guest_entry(&g, guest_iova(&g, 0), guest_levels(&g));
	good = guest_load(entry);
	/* To beyond the guest's memory. */
	guest_store(entry, (good & 0xfff) | 0x7f0000000000ull);
	guest_know(&g);
	guest_forget_all(&g, g.nested);
	guest_expect_fault(&g, true, guest_iova(&g, 0));
	guest_expect(&g);
	guest_store(entry, good);
	guest_know(&g);
	guest_forget_all(&g, g.nested);
	guest_write(&g, 0);
	guest_expect(&g);
	guest_expect_fault(&g, true, (u64)1 << 48);
	guest_expect_fault(&g, false, ~(u64)0xfff);
	guest_expect(&g);
}

/* ---- who comes and goes ---- */

CT_TEST(stage1_toggled, "NEST-004", .scope = CT_EACH_LEAF, .needs = NEEDS, .requires = stage1_none)
{
	struct guest g;

	guest_open(&g, .no_attach = true);
	x(guest_nest(&g, 0, &g.nested));
	x(ct_attach(g.s.dev, 0, g.nested));
	for (u32 round = 0; round < 3; round++) {
		guest_write(&g, 0);
		x(ct_set_tracking(g.s.hwpt, true));
		scene_forget(&g.s, 0, g.s.length);
		ct_shadow_forget(g.truth, g.gpa, g.tables_length);
		guest_expect(&g);
		/* What is cached from before is no excuse. */
		guest_write(&g, 0);
		guest_write(&g, (round + 1) % 4 * g.chunk);
		guest_expect(&g);
		x(ct_set_tracking(g.s.hwpt, false));
	}
}

/* Among the parent and two stages 1 over it, and out of the family. */
CT_TEST(stage1_replaced, "NEST-005", .scope = CT_EACH_LEAF, .needs = NEEDS, .requires = stage1_none)
{
	const u8 byte = 0xb5;
	struct guest g;
	u32 second, hwpt, ioas;

	guest_open(&g);
	x(guest_nest(&g, 0, &second));
	second_ioas(&g.s, &ioas);
	x(ct_hwpt_alloc(g.s.dev, ioas, IOMMU_HWPT_ALLOC_DIRTY_TRACKING, &hwpt));
	for (u32 round = 0; round < 2; round++) {
		guest_write(&g, 0);
		x(ct_replace(g.s.dev, 0, second));
		guest_write(&g, 0);
		guest_expect(&g);
		guest_write(&g, g.chunk);
		x(ct_replace(g.s.dev, 0, g.s.hwpt));
		/* By the parent's own addresses. */
		x(ct_dma_write(g.s.dev, 0, g.base, &byte, 1));
		scene_mark(&g.s, g.base - g.s.iova, 1);
		guest_expect(&g);
		x(ct_replace(g.s.dev, 0, g.nested));
		guest_write(&g, 0);
		guest_expect(&g);
		guest_write(&g, 0);
		x(ct_replace(g.s.dev, 0, hwpt));
		x(ct_dma_write(g.s.dev, 0, g.base + g.chunk, &byte, 1));
		guest_expect(&g);
		x(ct_replace(g.s.dev, 0, g.nested));
	}
	/* What it wrote stays when it has gone. */
	guest_write(&g, 0);
	x(ct_detach(g.s.dev, 0));
	x(ct_destroy(g.nested));
	x_err(EFAULT, ct_dma_write(g.s.dev, 0, guest_iova(&g, 0), &byte, 1));
	guest_expect(&g);
}

/* One device by the parent, one through stage 1, at the same page: both are seen. */
CT_TEST(stage1_beside_parent, "NEST-005", .scope = CT_EACH_LEAF, .needs = NEEDS,
	.requires = stage1_none)
{
	const u8 byte = 0x5b;
	struct guest g;
	u32 dev;

	guest_open(&g);
	x(ct_plug(0, &dev));
	x(ct_attach(dev, 0, g.s.hwpt));
	for (u32 round = 0; round < 3; round++) {
		guest_write(&g, 0);
		guest_expect(&g);
		x(ct_dma_write(dev, 0, g.base, &byte, 1));
		scene_mark(&g.s, g.base - g.s.iova, 1);
		guest_expect(&g);
		guest_write(&g, 0);
		x(ct_dma_write(dev, 0, g.base, &byte, 1));
		guest_expect(&g);
	}
}

/* Both behind one IOMMU, which caches for both. */
CT_TEST(stage1_shared_iommu, "NEST-005", .scope = CT_EACH_FORMAT,
	.needs = NEEDS | TARGET_SHARED_IOMMU, .requires = stage1_none)
{
	struct iodirty_plug plug = { 0 };
	const u8 byte = 0x5c;
	struct guest g;

	guest_open(&g);
	memcpy(plug.format, ct.config.format.name, sizeof(plug.format));
	x(ct.t->driver->plug(ct.t, &plug));
	x(ct_attach(plug.out_dev_id, 0, g.nested));
	plug.out_dev_id = 0;
	x(ct.t->driver->plug(ct.t, &plug));
	x(ct_attach(plug.out_dev_id, 0, g.s.hwpt));
	for (u32 round = 0; round < 3; round++) {
		guest_write(&g, 0);
		x(ct_dma_write(plug.out_dev_id, 0, g.base + g.chunk, &byte, 1));
		scene_mark(&g.s, g.base - g.s.iova + g.chunk, 1);
		guest_expect(&g);
	}
}

/* ---- PASIDs ---- */

CT_TEST(stage1_pasid, "NEST-007", .scope = CT_EACH_LEAF, .needs = NEEDS | TARGET_PASID,
	.requires = not_vtd)
{
	struct guest g;
	u32 nested;

	guest_open(&g, .pasid_width = PASID_WIDTH, .no_attach = true);
	x(guest_nest(&g, IOMMU_HWPT_ALLOC_PASID, &nested));
	x(ct_attach(g.s.dev, 5, nested));
	x(ct_set_tracking(g.s.hwpt, true));
	x(ct_attach(g.s.dev, 6, nested));
	for (u32 round = 0; round < 3; round++) {
		guest_write_by(&g, g.s.dev, 5, 0);
		guest_write_by(&g, g.s.dev, 6, 2 * g.chunk);
		guest_expect(&g);
	}
}

/* Arm: the guest's table of descriptors serves all PASIDs of the device. */
CT_TEST(stage1_descriptors, "NEST-007", .scope = CT_EACH_FORMAT, .needs = NEEDS | TARGET_PASID,
	.requires = not_arm)
{
	const u8 byte = 0x9a;
	struct guest g;
	u32 nested;
	u64 root;

	guest_open(&g, .pasid_width = PASID_WIDTH, .cds_lg2 = 3, .no_attach = true);
	x_err(EOPNOTSUPP, guest_nest(&g, IOMMU_HWPT_ALLOC_PASID, &nested));
	x(guest_nest(&g, 0, &g.nested));
	x_err(EINVAL, ct_attach(g.s.dev, 5, g.nested));
	x(ct_attach(g.s.dev, 0, g.nested));
	x(ct_set_tracking(g.s.hwpt, true));
	/* PASID 3 sees the same; PASID 5 sees chunk 1 where others see chunk 0. */
	guest_describe(&g, 3, g.root, true, true);
	root = g.root;
	g.root = guest_alloc(&g);
	guest_map(&g, guest_iova(&g, 0), g.base + g.chunk, guest_page_lg2(&g), 0);
	guest_describe(&g, 5, g.root, true, true);
	g.root = root;
	for (u32 round = 0; round < 3; round++) {
		guest_write(&g, 0);
		guest_write_by(&g, g.s.dev, 3, 3 * g.chunk);
		x(ct_dma_write(g.s.dev, 5, guest_iova(&g, 0), &byte, 1));
		scene_mark(&g.s, g.base - g.s.iova + g.chunk, 1);
		guest_look(&g);
		guest_expect(&g);
	}
	/* Without a descriptor, and beyond the table. */
	x_err(EFAULT, ct_dma_write(g.s.dev, 4, guest_iova(&g, 0), &byte, 1));
	x_err(EFAULT, ct_dma_write(g.s.dev, 8, guest_iova(&g, 0), &byte, 1));
	guest_expect(&g);
}

/* ---- leaves of two sizes ---- */

/* Small leaves of the parent under a large one of the guest. */
CT_TEST(stage1_large_over_small, "NEST-013", .scope = CT_EACH_FORMAT, .needs = NEEDS,
	.requires = stage1_none)
{
	struct guest g;
	u64 at;

	/* Two leaves of 2 MiB, whatever the parent's page. */
	guest_open(&g, .leaf_lg2 = 21, .leaves = ((u64)6 << 20) >> ct.config.leaf_lg2);
	for (u32 round = 0; round < 2; round++) {
		for (at = 0; at < g.chunk; at += g.chunk / 8 + g.s.leaf)
			guest_write(&g, at);
		guest_expect(&g);
		guest_write(&g, g.s.leaf);
		guest_expect(&g);
		/* Its neighbour is of the same leaf of stage 1, and clean. */
		guest_write(&g, 2 * g.s.leaf);
		guest_expect(&g);
	}
}

static const char *no_large_leaves(const struct ct_config *config)
{
	if (stage1_none(config))
		return stage1_none(config);
	return config->leaf_lg2 >= 14 ? NULL : "a leaf of the parent is no larger than stage 1's";
}

/* Small pages of the guest in a large leaf of the parent: whichever is written, the
 * leaf is dirty. */
CT_TEST(stage1_small_over_large, "NEST-013", .scope = CT_EACH_LEAF, .needs = NEEDS,
	.requires = no_large_leaves)
{
	struct guest g;
	u64 second;

	guest_open(&g, .no_map = true);
	second = g.chunk - guest_page(&g);
	guest_map(&g, guest_iova(&g, 0), g.base, guest_page_lg2(&g), 0);
	guest_map(&g, guest_iova(&g, second), g.base + second, guest_page_lg2(&g), 0);
	for (u32 round = 0; round < 3; round++) {
		guest_write(&g, 0);
		guest_expect(&g);
		guest_write(&g, second);
		guest_expect(&g);
		guest_write(&g, 0);
		guest_write(&g, second);
		guest_expect(&g);
	}
	/* Between them stage 1 maps nothing. */
	guest_expect_fault(&g, true, guest_iova(&g, 0) + guest_page(&g));
	guest_expect(&g);
}

/* ---- refusals ---- */

static void expect_refused(const struct guest *g, u32 flags, u32 type, const void *data, u32 len,
			   int err, const char *what)
{
	u32 id;
	int ret = hwpt_alloc_data(g->s.dev, g->s.hwpt, flags, 0, type, data, len, &id);

	ct_check(ret == -err, "%s: %s, expected %s", what, ct_errno_name(ret), ct_errno_name(err));
}

CT_TEST(stage1_vtd_refusals, "NEST-018", .scope = CT_EACH_FORMAT, .needs = TARGET_STAGE1,
	.requires = not_vtd)
{
	struct iommu_hwpt_vtd_s1 good = { .addr_width = 48 };
	const u32 type = IOMMU_HWPT_DATA_VTD_S1, size = sizeof(good);
	struct guest g;
	u32 nested;

	guest_open(&g, .no_attach = true);
	good.pgtbl_addr = g.root;
	{
		struct iommu_hwpt_vtd_s1 more[2] = { good };
		const struct {
			struct iommu_hwpt_vtd_s1 data;
			int err;
			const char *what;
		} rows[] = {
			{ { .pgtbl_addr = g.root, .addr_width = 48, .flags = 8 },
			  EOPNOTSUPP,
			  "an unknown flag" },
			{ { .pgtbl_addr = g.root, .addr_width = 48, .flags = (u64)1 << 63 },
			  EOPNOTSUPP,
			  "an unknown flag" },
			{ { .pgtbl_addr = g.root, .addr_width = 48, .__reserved = 1 },
			  EOPNOTSUPP,
			  "a reserved field" },
			{ { .pgtbl_addr = g.root, .addr_width = 39 }, EINVAL, "39 bits" },
			{ { .pgtbl_addr = g.root, .addr_width = 0 }, EINVAL, "0 bits" },
			{ { .pgtbl_addr = g.root + 8, .addr_width = 48 },
			  EINVAL,
			  "a table that is not aligned" },
		};

		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
			expect_refused(&g, 0, type, &rows[i].data, size, rows[i].err, rows[i].what);
		expect_refused(&g, 0, type, &good, size - 1, EINVAL, "a byte less");
		expect_refused(&g, 0, type, more, size + 8, EINVAL, "8 bytes more");
		expect_refused(&g, 0, type, NULL, size, EFAULT, "no data");
		expect_refused(&g, 0, IOMMU_HWPT_DATA_ARM_SMMUV3, more, 16, EOPNOTSUPP,
			       "Arm's data");
		expect_refused(&g, 0, IOMMU_HWPT_DATA_AMD_GUEST, more, size, EOPNOTSUPP,
			       "AMD's data");
	}
	/* There are no supervisor requests to protect from. */
	good.flags = IOMMU_VTD_S1_WPE;
	x(hwpt_alloc_data(g.s.dev, g.s.hwpt, 0, 0, type, &good, size, &nested));
	x(ct_destroy(nested));
	x(ct_destroy(g.s.hwpt));
}

CT_TEST(stage1_arm_refusals, "NEST-018", .scope = CT_EACH_FORMAT, .needs = TARGET_STAGE1,
	.requires = not_arm)
{
	const u32 type = IOMMU_HWPT_DATA_ARM_SMMUV3, size = sizeof(struct iommu_hwpt_arm_smmuv3);
	const struct {
		u64 ste[2];
		int err;
		const char *what;
	} rows[] = {
		{ { 0x100000b, (u64)1 << 32 }, EIO, "a field that is the host's, word 1" },
		{ { 0x100000b, 1 << 8 }, EIO, "a field that is nobody's, word 1" },
		{ { 0x100000b | (u64)1 << 52, 0 }, EIO, "a field that is nobody's, word 0" },
		{ { 0x100000d, 0 }, EIO, "Config stage 2" },
		{ { 0x100000f, 0 }, EIO, "Config of both stages" },
		{ { 0x1000003, 0 }, EIO, "a Config that is reserved" },
		{ { 0x100000b | (u64)21 << 59, 0 }, EIO, "more descriptors than there are PASIDs" },
		{ { 0x100001b | (u64)4 << 59, 0 }, EIO, "descriptors in two levels" },
		{ { 0x100000b, 2 << 28 }, EIO, "an EATS that is the host's" },
		{ { 0x100000b | (u64)4 << 59, 3 }, EIO, "an S1DSS that is reserved" },
	};
	const u64 good[4] = { 0x100000b, 0 };
	struct guest g;
	u32 nested;

	guest_open(&g, .no_attach = true);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect_refused(&g, 0, type, rows[i].ste, size, rows[i].err, rows[i].what);
	expect_refused(&g, 0, type, good, size - 1, EINVAL, "a byte less");
	expect_refused(&g, 0, type, good, size + 8, EINVAL, "8 bytes more");
	expect_refused(&g, 0, type, NULL, size, EFAULT, "no data");
	expect_refused(&g, 0, IOMMU_HWPT_DATA_VTD_S1, good, 24, EOPNOTSUPP, "VT-d's data");
	expect_refused(&g, IOMMU_HWPT_ALLOC_PASID, type, good, size, EOPNOTSUPP, "a PASID of it");
	x(hwpt_alloc_data(g.s.dev, g.s.hwpt, 0, 0, type, good, size, &nested));
	x(ct_destroy(nested));
	x(ct_destroy(g.s.hwpt));
}

/* Arm: entries that have no stage 1. */
CT_TEST(stage1_abort_and_bypass, "NEST-018", .scope = CT_EACH_FORMAT, .needs = NEEDS,
	.requires = not_arm)
{
	const u64 invalid[2] = { 0, ~(u64)0 }, abort[2] = { 0x1, 0 }, bypass[2] = { 0x9, 0 };
	const u64 *const none[] = { invalid, abort };
	const u32 type = IOMMU_HWPT_DATA_ARM_SMMUV3, size = 16;
	const u8 byte = 0xab;
	struct guest g;
	u32 nested;

	guest_open(&g);
	for (u32 i = 0; i < 2; i++) {
		x(hwpt_alloc_data(g.s.dev, g.s.hwpt, 0, 0, type, none[i], size, &nested));
		x(ct_replace(g.s.dev, 0, nested));
		guest_expect_fault(&g, true, g.base);
		guest_expect_fault(&g, false, g.base);
		guest_expect(&g);
	}
	x(hwpt_alloc_data(g.s.dev, g.s.hwpt, 0, 0, type, bypass, size, &nested));
	x(ct_replace(g.s.dev, 0, nested));
	for (u32 round = 0; round < 2; round++) {
		x(ct_dma_write(g.s.dev, 0, g.base, &byte, 1));
		scene_mark(&g.s, g.base - g.s.iova, 1);
		guest_expect(&g);
	}
}

static void expect_invalidate(u32 nested, u32 type, const void *entries, u32 len, u32 num, int err,
			      u32 done, const char *what)
{
	int ret = invalidate(nested, type, entries, len, &num);

	ct_check(ret == -err && num == done, "%s: %s after %u entries, expected %s after %u", what,
		 ct_errno_name(ret), num, ct_errno_name(err), done);
}

CT_TEST(stage1_vtd_invalidate, "NEST-019", .scope = CT_EACH_FORMAT, .needs = TARGET_STAGE1,
	.requires = not_vtd)
{
	const u32 type = IOMMU_HWPT_INVALIDATE_DATA_VTD_S1;
	struct iommu_hwpt_vtd_s1_invalidate in[3] = { 0 };
	const u32 size = sizeof(in[0]);
	struct guest g;

	guest_open(&g);
	expect_invalidate(g.nested, type, NULL, 0, 0, 0, 0, "no entries");
	expect_invalidate(g.nested, IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3, in, 16, 1, EINVAL, 0,
			  "Arm's type");
	expect_invalidate(g.nested, type, in, size - 1, 1, EINVAL, 0, "a byte less");
	expect_invalidate(g.nested, type, in, size + 8, 1, EINVAL, 0, "8 bytes more");
	expect_invalidate(g.s.hwpt, type, in, size, 1, ENOENT, 0, "the parent");
	for (u32 i = 0; i < 3; i++)
		in[i].npages = 1;
	in[2].flags = IOMMU_VTD_INV_FLAGS_LEAF;
	expect_invalidate(g.nested, type, in, size, 3, 0, 3, "three that are good");
	in[1].flags = 2;
	expect_invalidate(g.nested, type, in, size, 3, EOPNOTSUPP, 1, "an unknown flag");
	in[1] = (struct iommu_hwpt_vtd_s1_invalidate){ .npages = 1, .__reserved = 1 };
	expect_invalidate(g.nested, type, in, size, 3, EOPNOTSUPP, 1, "a reserved field");
	in[1] = (struct iommu_hwpt_vtd_s1_invalidate){ .addr = 8, .npages = 1 };
	expect_invalidate(g.nested, type, in, size, 3, EINVAL, 1, "half a page");
	in[1] = (struct iommu_hwpt_vtd_s1_invalidate){ .addr = 4096, .npages = UINT64_MAX };
	expect_invalidate(g.nested, type, in, size, 3, EINVAL, 1, "all, but not from 0");
	in[1] = (struct iommu_hwpt_vtd_s1_invalidate){ .addr = ~(u64)0xfff, .npages = 2 };
	expect_invalidate(g.nested, type, in, size, 3, 0, 3, "over the end");
}

CT_TEST(stage1_arm_invalidate, "NEST-019", .scope = CT_EACH_FORMAT, .needs = TARGET_STAGE1,
	.requires = not_arm)
{
	const u32 type = IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3, size = 16;
	/* TLBI_NH_ALL; TLBI_NH_VA of all that SCALE can say; what is no command of the
	 * guest's: CFGI_STE, TLBI_S2_IPA, CMD_SYNC. */
	u64 in[3][2] = { { 0x10, 0 }, { 0x12 | 31 << 12 | 31 << 20, 1 << 10 }, { 0x13, 0x1000 } };
	const u64 foreign[] = { 0x03, 0x2a, 0x46 };
	struct guest g;

	guest_open(&g);
	expect_invalidate(g.nested, type, NULL, 0, 0, 0, 0, "no entries");
	expect_invalidate(g.nested, IOMMU_HWPT_INVALIDATE_DATA_VTD_S1, in, 24, 1, EINVAL, 0,
			  "VT-d's type");
	expect_invalidate(g.nested, type, in, size - 8, 1, EINVAL, 0, "8 bytes less");
	expect_invalidate(g.nested, type, in, size + 8, 1, EINVAL, 0, "8 bytes more");
	expect_invalidate(g.s.hwpt, type, in, size, 1, ENOENT, 0, "the parent");
	expect_invalidate(g.nested, type, in, size, 3, 0, 3, "three that are good");
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		in[1][0] = foreign[i];
		expect_invalidate(g.nested, type, in, size, 3, EIO, 1, "a command of the host's");
	}
}
