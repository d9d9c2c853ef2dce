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

#define PAGE PORT_PAGE_SIZE
#define IOVA 0x7fc0000000ULL /* of most tests: not a small number at any level */
#define FAR 0x0000123456789000ULL
#define DOMAIN 7

/* ---- formats, in literals ---- */

struct kind {
	const char *name;
	unsigned int granule_lg2;
	u64 a, d; /* the A and D bits */
	u64 read, write; /* permission bits */
	u64 (*table)(u64 phys, unsigned int level); /* level: of that table, from 1 */
	u64 (*leaf)(u64 pa, unsigned int level, unsigned int lg2);
	u64 leaves; /* bit n: leaves of 2^n bytes */
};

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

static const struct kind kinds[] = {
	{ "amd-v1", 12, 0x20, 0x40, 1ULL << 61, 1ULL << 62, amd_table, amd_leaf,
	  (1ULL << 48) - (1ULL << 12) },
	{ "mock", 11, 0x20, 0x40, 1ULL << 61, 1ULL << 62, mock_table, mock_leaf,
	  (1ULL << 47) - (1ULL << 11) },
	{ "vtd-ss", 12, 0x100, 0x200, 1, 2, vtd_table, vtd_leaf, 1 << 12 | 1 << 21 | 1 << 30 },
};
#define KINDS (int)(sizeof(kinds) / sizeof(kinds[0]))

static inline unsigned int span_lg2(const struct kind *k, unsigned int level)
{
	return k->granule_lg2 + 9 * (level - 1);
}

/* ---- a modelled IOMMU, a device, a table of four levels, and memory ---- */

struct rig {
	const struct kind *k;
	struct hw_iommu_config config;
	struct hw_iommu *iommu;
	struct hw_dev *dev;
	const struct hw_walker *walker;
	u64 *root;
	void *pages[64]; /* table pages, to free */
	unsigned int npages;
	u8 *mem; /* 64 pages, mapped nowhere yet */
};

static inline u64 *new_table(struct rig *r)
{
	ck_assert_uint_lt(r->npages, 64);
	r->pages[r->npages] = port_table_alloc(12);
	return r->pages[r->npages++];
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
		.tables = { k->name, k->granule_lg2, 9, 4, k->granule_lg2 + 36 },
		.dirty = true,
		.iotlb_entries = iotlb_entries,
	};
	r->iommu = hw_iommu_create(&r->config, &err);
	ck_assert_ptr_nonnull(r->iommu);
	for (w = hw_walkers; *w; w++)
		if (!strcmp((*w)->format, k->name))
			r->walker = *w;
	r->dev = hw_dev_create(r->iommu);
	r->root = new_table(r);
	r->mem = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memset(r->mem, 0, 64 * PAGE);
	attach(r, true);
	return r;
}

static inline void teardown(struct rig *r)
{
	ck_assert_int_eq(hw_context_set(r->dev, 0, NULL), 0);
	hw_dev_destroy(r->dev);
	hw_iommu_destroy(r->iommu);
	while (r->npages)
		port_table_free(r->pages[--r->npages], 12);
	munmap(r->mem, 64 * PAGE);
	free(r);
}

/* The entry of a table of @level that @iova picks; tables are made on the way. */
static inline u64 *entry_at(struct rig *r, u64 iova, unsigned int level)
{
	u64 *table = r->root, *p;
	unsigned int l;

	for (l = 4;; l--) {
		p = &table[iova >> span_lg2(r->k, l) & 511];
		if (l == level)
			return p;
		if (!*p)
			*p = r->k->table(port_table_phys(new_table(r)), l - 1);
		table = port_phys_table((*p & 0x000ffffffffff000) >> (12 - r->k->granule_lg2));
	}
}

/* A leaf of 2^lg2 bytes at @iova, all its entries. Returns the first. */
static inline u64 *put(struct rig *r, u64 iova, u64 pa, unsigned int lg2)
{
	unsigned int level = (lg2 - r->k->granule_lg2) / 9 + 1, i;
	u64 *p = entry_at(r, iova, level);

	for (i = 0; i < 1U << (lg2 - span_lg2(r->k, level)); i++)
		p[i] = r->k->leaf(pa, level, lg2);
	return p;
}

/* @n pages of r->mem at @iova, in leaves of the granule. Returns their entries. */
static inline u64 *put_mem(struct rig *r, u64 iova, unsigned int n)
{
	u64 *p = entry_at(r, iova, 1), at;

	for (at = 0; at < n * PAGE; at += 1ULL << r->k->granule_lg2)
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
	static u8 buf[64 * PAGE];
	struct hw_fault fault;
	u64 done = hw_dma(r->dev, 0, write, iova, buf, length, &fault);

	ck_assert_uint_eq(done == length, fault.reason == IODIRTY_FAULT_NONE);
	return fault.reason;
}

static inline enum iodirty_fault touch(struct rig *r, bool write, u64 iova)
{
	return dma(r, write, iova, 8);
}

static inline struct iodirty_stats stats(struct rig *r)
{
	struct iodirty_stats s = { 0 };

	hw_stats(r->iommu, &s);
	return s;
}

#endif
