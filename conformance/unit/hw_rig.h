/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the tests of the modelled hardware build on: tables written by hand,
 * entry by entry, with the bits spelled out once more. A wrong constant in
 * pgtable/bits/ fails there although both its users agree.
 */
#ifndef IODIRTY_UNIT_HW_RIG_H
#define IODIRTY_UNIT_HW_RIG_H

#include <check.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "hw/hw.h"

#define IOVA 0x3fc0000000ULL /* of most tests: not a small number at any level */
#define FAR 0x0000123456789000ULL
#define DOMAIN 7
#define UNIT_MAX 0x10000ULL /* the most that rig.unit can be */

/* ---- formats, in literals ---- */

/* A change of bits: (entry & ~clear) | set. */
struct change {
	u64 clear, set;
};

struct kind {
	const char *name;
	/* levels: of the rig's tables; the root is indexed by what is left of input_lg2 */
	unsigned int granule_lg2, index_lg2, levels, input_lg2;
	u64 leaves; /* bit n: leaves of 2^n bytes */
	bool contiguous; /* each entry of a leaf of several has an address of its own */
	/* An entry that is not known dirty cannot be written untracked. */
	bool always;
	bool unswitched; /* A and D are recorded tracked or not */
	bool sign_extended; /* the upper half of addresses is at the top of the 64 bits */
	unsigned int address_shl; /* of an entry's address field, to be an address */
	u64 present; /* none of these: not present */
	u64 a, table_a; /* the A bit of leaves and of entries that lead to tables */
	struct change dirty, clean; /* what hardware and a harvest do; of one bit */
	struct change no_read, no_write; /* take a permission from a leaf */
	struct change table_no_read, table_no_write; /* and above it; 0: no such bits */
	u64 (*table)(u64 phys, unsigned int level); /* level: of that table, from 1 */
	u64 (*leaf)(u64 pa, unsigned int level, unsigned int lg2); /* writable, clean */
};

static inline u64 changed(u64 entry, struct change c)
{
	return (entry & ~c.clear) | c.set;
}

static inline bool none(struct change c)
{
	return !(c.clear | c.set);
}

/* Of an entry that may be written. */
static inline bool is_dirty(const struct kind *k, u64 entry)
{
	return changed(entry, k->dirty) == entry;
}

static inline void make_clean(const struct kind *k, u64 *entry)
{
	*entry = changed(*entry, k->clean);
}

/* As a harvest does it, in one atomic operation: was it dirty? */
static inline bool take_dirty(const struct kind *k, u64 *entry)
{
	return is_dirty(k, k->clean.clear ? port_fetch_and(entry, ~k->clean.clear) :
					    port_fetch_or(entry, k->clean.set));
}

static inline u64 amd_table(u64 phys, unsigned int level)
{
	return 0x6000000000000001 | level << 9 | phys;
}

static inline u64 amd_leaf(u64 pa, unsigned int level, unsigned int lg2)
{
	unsigned int span = 12 + 9 * (level - 1);

	if (lg2 == span)
		return 0x6000000000000001 | pa;
	return 0x6000000000000e01 | pa | ((1ULL << (lg2 - 1)) - (1ULL << 12));
}

static inline u64 mock_table(u64 phys, unsigned int level)
{
	return amd_table(phys << 1, level);
}

static inline u64 mock_leaf(u64 pa, unsigned int level, unsigned int lg2)
{
	return amd_leaf(pa << 1, level, lg2 + 1);
}

static inline u64 vtd_table(u64 phys, unsigned int level)
{
	(void)level;
	return phys | 3;
}

static inline u64 vtd_leaf(u64 pa, unsigned int level, unsigned int lg2)
{
	(void)lg2;
	return pa | 3 | (level > 1 ? 0x80 : 0);
}

static inline u64 vtd_fs_table(u64 phys, unsigned int level)
{
	(void)level;
	return phys | 7;
}

static inline u64 vtd_fs_leaf(u64 pa, unsigned int level, unsigned int lg2)
{
	(void)lg2;
	return pa | 7 | (level > 1 ? 0x80 : 0);
}

static inline u64 riscv_table(u64 phys, unsigned int level)
{
	(void)level;
	return phys >> 2 | 1;
}

/* With A, as software writes it. */
static inline u64 riscv_leaf(u64 pa, unsigned int level, unsigned int lg2)
{
	(void)level;
	return pa >> 2 | 0x57 | (lg2 == 16 ? 0x8000000000002000 : 0);
}

/* W without R is reserved: what takes reading is U. */
#define RISCV_KIND(mode, nr_levels, bits, sizes)                                                \
	{                                                                                       \
		.name = mode, .granule_lg2 = 12, .index_lg2 = 9, .levels = nr_levels,           \
		.input_lg2 = bits, .leaves = 1 << 12 | 1 << 16 | 1 << 21 | 1 << 30 | (sizes),   \
		.always = true, .sign_extended = true, .address_shl = 2, .present = 1,          \
		.dirty = { .set = 0x80 }, .clean = { .clear = 0x80 },                           \
		.no_read = { .clear = 0x10 }, .no_write = { .clear = 4 }, .table = riscv_table, \
		.leaf = riscv_leaf,                                                             \
	}

/* Arm: valid 1, table or page 2, SH 0x300, AF 0x400, DBM bit 51, contiguous bit 52. */
static inline u64 arm_table(u64 phys, unsigned int level)
{
	(void)level;
	return phys | 3;
}

static inline u64 arm_leaf(u64 pa, unsigned int level, bool several)
{
	return pa | (level == 1 ? 3 : 1) | 0x8000000000700 | (several ? 1ULL << 52 : 0);
}

/* AP[1] 0x40, AP[2] 0x80. */
static inline u64 arm_s1_leaf(u64 pa, unsigned int level, unsigned int lg2)
{
	return arm_leaf(pa, level, lg2 != 12 && lg2 != 21 && lg2 != 30) | 0xc0;
}

static inline u64 arm_s1_16k_leaf(u64 pa, unsigned int level, unsigned int lg2)
{
	return arm_leaf(pa, level, lg2 != 14 && lg2 != 25) | 0xc0;
}

static inline u64 arm_s1_64k_leaf(u64 pa, unsigned int level, unsigned int lg2)
{
	return arm_leaf(pa, level, lg2 != 16 && lg2 != 29) | 0xc0;
}

/* S2AP[0] 0x40, S2AP[1] 0x80, write-back 0x3c. */
static inline u64 arm_s2_leaf(u64 pa, unsigned int level, unsigned int lg2)
{
	return (arm_s1_leaf(pa, level, lg2) & ~0x80ULL) | 0x3c;
}

static inline u64 arm_s2_16k_leaf(u64 pa, unsigned int level, unsigned int lg2)
{
	return (arm_s1_16k_leaf(pa, level, lg2) & ~0x80ULL) | 0x3c;
}

static inline u64 arm_s2_64k_leaf(u64 pa, unsigned int level, unsigned int lg2)
{
	return (arm_s1_64k_leaf(pa, level, lg2) & ~0x80ULL) | 0x3c;
}

/* What the granules of a stage have in common. APTable is bits 62:61. */
#define ARM_S1                                                                                    \
	.contiguous = true, .always = true, .present = 1, .dirty = { .clear = 0x80 },             \
	.clean = { .set = 0x80 }, .no_read = { .clear = 0x40 },                                   \
	.no_write = { .clear = 1ULL << 51, .set = 0x80 }, .table_no_read = { .set = 1ULL << 61 }, \
	.table_no_write = { .set = 1ULL << 62 }, .table = arm_table
#define ARM_S2                                                                      \
	.contiguous = true, .always = true, .present = 1, .dirty = { .set = 0x80 }, \
	.clean = { .clear = 0x80 }, .no_read = { .clear = 0x40 },                   \
	.no_write = { .clear = 1ULL << 51 | 0x80 }, .table = arm_table

static const struct kind kinds[] = {
	{
		.name = "amd-v1",
		.granule_lg2 = 12,
		.index_lg2 = 9,
		.levels = 4,
		.input_lg2 = 48,
		.leaves = (1ULL << 48) - (1ULL << 12),
		.present = 1,
		.a = 0x20,
		.table_a = 0x20,
		.dirty = { .set = 0x40 },
		.clean = { .clear = 0x40 },
		.no_read = { .clear = 1ULL << 61 },
		.no_write = { .clear = 1ULL << 62 },
		.table_no_read = { .clear = 1ULL << 61 },
		.table_no_write = { .clear = 1ULL << 62 },
		.table = amd_table,
		.leaf = amd_leaf,
	},
	{
		.name = "mock",
		.granule_lg2 = 11,
		.index_lg2 = 9,
		.levels = 4,
		.input_lg2 = 47,
		.leaves = (1ULL << 47) - (1ULL << 11),
		.present = 1,
		.a = 0x20,
		.table_a = 0x20,
		.dirty = { .set = 0x40 },
		.clean = { .clear = 0x40 },
		.no_read = { .clear = 1ULL << 61 },
		.no_write = { .clear = 1ULL << 62 },
		.table_no_read = { .clear = 1ULL << 61 },
		.table_no_write = { .clear = 1ULL << 62 },
		.table = mock_table,
		.leaf = mock_leaf,
	},
	{
		.name = "vtd-ss",
		.granule_lg2 = 12,
		.index_lg2 = 9,
		.levels = 4,
		.input_lg2 = 48,
		.leaves = 1 << 12 | 1 << 21 | 1 << 30,
		.present = 3,
		.a = 0x100,
		.table_a = 0x100,
		.dirty = { .set = 0x200 },
		.clean = { .clear = 0x200 },
		.no_read = { .clear = 1 },
		.no_write = { .clear = 2 },
		.table_no_read = { .clear = 1 },
		.table_no_write = { .clear = 2 },
		.table = vtd_table,
		.leaf = vtd_leaf,
	},
	{
		.name = "vtd-fs",
		.granule_lg2 = 12,
		.index_lg2 = 9,
		.levels = 4,
		.input_lg2 = 48,
		.leaves = 1 << 12 | 1 << 21 | 1 << 30,
		.unswitched = true,
		.sign_extended = true,
		.present = 1,
		.a = 0x20,
		.table_a = 0x20,
		.dirty = { .set = 0x40 },
		.clean = { .clear = 0x40 },
		/* U/S: there is none for reads */
		.no_read = { .clear = 4 },
		.no_write = { .clear = 2 },
		.table_no_read = { .clear = 4 },
		.table_no_write = { .clear = 2 },
		.table = vtd_fs_table,
		.leaf = vtd_fs_leaf,
	},
	RISCV_KIND("riscv-sv39", 3, 39, 0),
	RISCV_KIND("riscv-sv48", 4, 48, 1ULL << 39),
	RISCV_KIND("riscv-sv57", 5, 57, 1ULL << 39),
	{
		.name = "arm-s1-4k",
		.granule_lg2 = 12,
		.index_lg2 = 9,
		.levels = 4,
		.input_lg2 = 48,
		.leaves = 0x442211000,
		ARM_S1,
		.leaf = arm_s1_leaf,
	},
	{
		.name = "arm-s1-16k",
		.granule_lg2 = 14,
		.index_lg2 = 11,
		.levels = 4,
		.input_lg2 = 48,
		.leaves = 0x42204000,
		ARM_S1,
		.leaf = arm_s1_16k_leaf,
	},
	{
		.name = "arm-s1-64k",
		.granule_lg2 = 16,
		.index_lg2 = 13,
		.levels = 3,
		.input_lg2 = 48,
		.leaves = 0x420210000,
		ARM_S1,
		.leaf = arm_s1_64k_leaf,
	},
	{
		.name = "arm-s2-4k",
		.granule_lg2 = 12,
		.index_lg2 = 9,
		.levels = 4,
		.input_lg2 = 48,
		.leaves = 0x442211000,
		ARM_S2,
		.leaf = arm_s2_leaf,
	},
	{
		.name = "arm-s2-16k",
		.granule_lg2 = 14,
		.index_lg2 = 11,
		.levels = 3,
		.input_lg2 = 48,
		.leaves = 0x42204000,
		ARM_S2,
		.leaf = arm_s2_16k_leaf,
	},
	{
		.name = "arm-s2-64k",
		.granule_lg2 = 16,
		.index_lg2 = 13,
		.levels = 3,
		.input_lg2 = 48,
		.leaves = 0x420210000,
		ARM_S2,
		.leaf = arm_s2_64k_leaf,
	},
};
#define KINDS (int)(sizeof(kinds) / sizeof(kinds[0]))

static inline const struct kind *kind_named(const char *name)
{
	int i = 0;

	while (i < KINDS && strcmp(kinds[i].name, name))
		i++;
	ck_assert_int_lt(i, KINDS);
	return &kinds[i];
}

static inline unsigned int span_lg2(const struct kind *k, unsigned int level)
{
	return k->granule_lg2 + k->index_lg2 * (level - 1);
}

/* FAR, as far as the address goes; of its lower half. */
static inline u64 far_of(const struct kind *k)
{
	return FAR & ((1ULL << (k->input_lg2 - k->sign_extended)) - 1);
}

static inline unsigned int level_of(const struct kind *k, unsigned int leaf_lg2)
{
	return (leaf_lg2 - k->granule_lg2) / k->index_lg2 + 1;
}

static inline unsigned int table_lg2(const struct kind *k, unsigned int level)
{
	unsigned int bits = level == k->levels ? k->input_lg2 - span_lg2(k, level) : k->index_lg2;

	return bits + 3 < 12 ? 12 : bits + 3;
}

/* The smallest leaf of several entries, log2; 0 if there is none. */
static inline unsigned int several_lg2(const struct kind *k)
{
	unsigned int lg2 = k->granule_lg2 + 1;

	while (lg2 < span_lg2(k, 2) && !(k->leaves >> lg2 & 1))
		lg2++;
	return lg2 < span_lg2(k, 2) ? lg2 : 0;
}

/* ---- a modelled IOMMU, a device, tables, and memory ---- */

#define TABLES 64
#define MEMORY (4ULL << 20)

struct rig {
	const struct kind *k;
	struct hw_iommu_config config;
	struct hw_iommu *iommu;
	struct hw_dev *dev;
	const struct hw_walker *walker;
	u64 *root;
	u64 *tables[TABLES]; /* to free */
	unsigned int tables_lg2[TABLES], ntables;
	u64 unit; /* the granule, a page at least: 64 of them fit into mem */
	void *room;
	u8 *mem; /* zeroes, mapped nowhere yet, aligned to its size */
};

static inline u64 *new_table(struct rig *r, unsigned int level)
{
	ck_assert_uint_lt(r->ntables, TABLES);
	r->tables_lg2[r->ntables] = table_lg2(r->k, level);
	r->tables[r->ntables] = port_table_alloc(table_lg2(r->k, level));
	return r->tables[r->ntables++];
}

static inline void attach(struct rig *r, bool track)
{
	struct hw_context ctx = {
		.root_phys = port_table_phys(r->root),
		.domain = DOMAIN,
		.dirty = track,
	};

	ck_assert_int_eq(hw_context_set(r->dev, 0, &ctx), 0);
}

static inline struct rig *setup(const struct kind *k, unsigned int iotlb_entries)
{
	struct rig *r = calloc(1, sizeof(*r));
	const struct hw_walker *const *w;
	int err = 0;

	r->k = k;
	r->config = (struct hw_iommu_config){
		.tables = { k->name, k->granule_lg2, k->index_lg2, k->levels, k->input_lg2 },
		.dirty = true,
		.iotlb_sets = iotlb_entries,
		.iotlb_ways = 1,
	};
	r->iommu = hw_iommu_create(&r->config, &err);
	ck_assert_ptr_nonnull(r->iommu);
	for (w = hw_walkers; *w; w++)
		if (!strcmp((*w)->format, k->name))
			r->walker = *w;
	r->dev = hw_dev_create(r->iommu);
	r->root = new_table(r, k->levels);
	r->unit = 1ULL << k->granule_lg2 < PORT_PAGE_SIZE ? PORT_PAGE_SIZE : 1ULL << k->granule_lg2;
	r->room = mmap(NULL, 2 * MEMORY, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	r->mem = (u8 *)(((u64)r->room + MEMORY - 1) & ~(MEMORY - 1));
	attach(r, true);
	return r;
}

static inline void teardown(struct rig *r)
{
	ck_assert_int_eq(hw_context_set(r->dev, 0, NULL), 0);
	hw_dev_destroy(r->dev);
	hw_iommu_destroy(r->iommu);
	while (r->ntables) {
		r->ntables--;
		port_table_free(r->tables[r->ntables], r->tables_lg2[r->ntables]);
	}
	munmap(r->room, 2 * MEMORY);
	free(r);
}

/* The entry of a table of @level that @iova picks; tables are made on the way. */
static inline u64 *entry_at(struct rig *r, u64 iova, unsigned int level)
{
	const struct kind *k = r->k;
	u64 *table = r->root, *p;
	u64 mask = (1ULL << (k->input_lg2 - span_lg2(k, k->levels))) - 1; /* of the root */
	unsigned int l;

	for (l = k->levels;; l--) {
		p = &table[iova >> span_lg2(k, l) & mask];
		if (l == level)
			return p;
		if (!*p)
			*p = k->table(port_table_phys(new_table(r, l - 1)), l - 1);
		/* the mock's addresses count units of 2 KiB */
		table = port_phys_table((*p << k->address_shl & 0x000ffffffffff000) >>
					(k->granule_lg2 == 11));
		mask = (1ULL << k->index_lg2) - 1;
	}
}

/* A leaf of 2^lg2 bytes at @iova, all its entries. Returns the first. */
static inline u64 *put(struct rig *r, u64 iova, u64 pa, unsigned int lg2)
{
	unsigned int level = level_of(r->k, lg2), span = span_lg2(r->k, level);
	u64 *p = entry_at(r, iova, level), i;

	for (i = 0; i < 1ULL << (lg2 - span); i++)
		p[i] = r->k->leaf(r->k->contiguous ? pa + (i << span) : pa, level, lg2);
	return p;
}

/* @n units of r->mem at @iova, in leaves of the granule. Returns their entries. */
static inline u64 *put_mem(struct rig *r, u64 iova, unsigned int n)
{
	u64 *p = entry_at(r, iova, 1), at;

	for (at = 0; at < n * r->unit; at += 1ULL << r->k->granule_lg2)
		put(r, iova + at, (u64)r->mem + at, r->k->granule_lg2);
	return p;
}

static inline enum iodirty_fault walk(struct rig *r, u64 iova, bool write, bool track,
				      struct hw_xlate *x)
{
	u64 dirty_sets = 0;
	struct hw_walk w = {
		.tables = &r->config.tables,
		.root = port_table_phys(r->root),
		.iova = iova,
		.write = write,
		.track = track,
		.dirty_sets = &dirty_sets,
	};

	return r->walker->walk(&w, x);
}

static inline enum iodirty_fault dma(struct rig *r, bool write, u64 iova, u64 length)
{
	static u8 buf[64 * UNIT_MAX];
	struct hw_fault fault;
	u64 done = hw_dma(r->dev, 0, write, iova, buf, length, &fault);

	ck_assert_uint_eq(done == length, fault.reason == IODIRTY_FAULT_NONE);
	return fault.reason;
}

static inline enum iodirty_fault touch(struct rig *r, bool write, u64 iova)
{
	return dma(r, write, iova, 8);
}

/* [first, last] of @domain, walk caches too, complete on return. */
static inline void hw_invalidate(struct hw_iommu *iommu, u32 domain, u64 first, u64 last)
{
	const struct hw_inv cmd = { .kind = HW_INV_RANGE,
				    .domain = domain,
				    .pasid = HW_ANY,
				    .first = first,
				    .last = last };

	hw_inv_issue(iommu, &cmd);
	hw_inv_wait(iommu);
}

static inline struct iodirty_stats stats(struct rig *r)
{
	struct iodirty_stats s = { 0 };

	hw_stats(r->iommu, &s);
	return s;
}

#endif
