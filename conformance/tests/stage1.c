/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A guest's stage 1, built entry by entry with the bits of the manuals spelled out:
 * Intel VT-d Architecture Specification, section 9.7, first-stage paging entries; Arm
 * Architecture Reference Manual, DDI 0487, D8.3, stage 1 descriptors; Arm SMMU
 * Architecture Specification, IHI 0070, 5.2 and 5.4.
 */
#include <stdlib.h>

#include "bits.h"
#include "stage1.h"

#define SLOTS 48 /* tables that there is room for */

struct stage1_format {
	unsigned int granule_lg2, index_lg2, levels;
	unsigned int leaf_levels; /* the levels that have leaves */
	u64 table, leaf, leaf_above; /* what an entry is; a leaf above level 1 */
	u64 read_only_set, read_only_clear;
	u64 accessed, table_accessed;
	u64 dirty_set, dirty_clear; /* what makes a leaf dirty */
	unsigned int tg; /* of Arm: CD.TG0, and in a TLBI TG */
	unsigned int tlbi_tg;
};

/* P, R/W, U/S; PS above level 1; A 5, D 6. */
static const struct stage1_format vtd = {
	.granule_lg2 = 12,
	.index_lg2 = 9,
	.levels = 4,
	.leaf_levels = 3,
	.table = 0x7,
	.leaf = 0x7,
	.leaf_above = 0x87,
	.read_only_clear = 0x2,
	.accessed = 0x20,
	.table_accessed = 0x20,
	.dirty_set = 0x40,
};

/*
 * Table 0b11, Page 0b11, Block 0b01; AP[1], SH inner, nG; writable is DBM (bit 51)
 * with AP[2] (bit 7) set while clean; AF bit 10. CD.TG0: 0 4K, 2 16K, 1 64K.
 */
#define ARM_FORMAT(g, l, leaves, tg0, t)                                                          \
	{                                                                                         \
		.granule_lg2 = g, .index_lg2 = (g)-3, .levels = l, .leaf_levels = leaves,         \
		.table = 0x3, .leaf = 0x0008000000000bc3ull, .leaf_above = 0x0008000000000bc1,    \
		.read_only_clear = 0x0008000000000000ull, .accessed = 0x400, .dirty_clear = 0x80, \
		.tg = tg0, .tlbi_tg = t,                                                          \
	}
static const struct stage1_format arm[] = {
	ARM_FORMAT(12, 4, 3, 0, 1),
	ARM_FORMAT(14, 4, 2, 2, 2),
	ARM_FORMAT(16, 3, 2, 1, 3),
};

bool stage1_is_arm(const struct ct_config *config)
{
	return !strncmp(config->format.name, "arm-s2", strlen("arm-s2"));
}

const char *stage1_none(const struct ct_config *config)
{
	if (stage1_is_arm(config) || !strcmp(config->format.name, "vtd-ss"))
		return NULL;
	return "no stage 1 in a guest's memory is described for parents of this format";
}

static bool is_arm(const struct guest *g)
{
	return g->format != &vtd;
}

/* ---- tables ---- */

unsigned int guest_page_lg2(const struct guest *g)
{
	return g->format->granule_lg2;
}

u64 guest_page(const struct guest *g)
{
	return (u64)1 << g->format->granule_lg2;
}

unsigned int guest_levels(const struct guest *g)
{
	return g->format->levels;
}

static unsigned int span_lg2(const struct stage1_format *f, unsigned int level)
{
	return f->granule_lg2 + (level - 1) * f->index_lg2;
}

unsigned int guest_level(const struct guest *g, unsigned int lg2)
{
	unsigned int level = 1;

	while (span_lg2(g->format, level) < lg2)
		level++;
	ct_check(span_lg2(g->format, level) == lg2, "no entry of stage 1 is of 2^%u bytes", lg2);
	return level;
}

u64 *guest_at(const struct guest *g, u64 gpa)
{
	return (u64 *)(g->tables + (gpa - g->gpa));
}

u64 guest_alloc(struct guest *g)
{
	u64 at = g->gpa + g->used;

	g->used += highest(g->s.page, guest_page(g));
	ct_check(g->used <= g->tables_length, "no room for one more table");
	return at;
}

void guest_store(u64 *entry, u64 value)
{
	__atomic_store_n(entry, value, __ATOMIC_RELEASE);
}

u64 guest_load(const u64 *entry)
{
	return __atomic_load_n(entry, __ATOMIC_ACQUIRE);
}

u64 *guest_entry(struct guest *g, u64 iova, unsigned int level)
{
	const struct stage1_format *f = g->format;
	u64 table = g->root, *entry;
	unsigned int l = f->levels;

	for (;; l--) {
		u64 index = iova >> span_lg2(f, l) & (((u64)1 << f->index_lg2) - 1);

		entry = guest_at(g, table) + index;
		if (l == level)
			return entry;
		if (!guest_load(entry))
			guest_store(entry, f->table | guest_alloc(g));
		table = guest_load(entry) & 0x0000fffffffff000ull;
	}
}

u64 *guest_map(struct guest *g, u64 iova, u64 gpa, unsigned int lg2, unsigned int flags)
{
	const struct stage1_format *f = g->format;
	unsigned int level = guest_level(g, lg2);
	u64 *entry = guest_entry(g, iova, level), value;

	ct_check(level <= f->leaf_levels, "stage 1 has no leaves of 2^%u bytes", lg2);
	value = gpa | (level == 1 ? f->leaf : f->leaf_above);
	if (flags & GUEST_RO)
		value = (value & ~f->read_only_clear) | f->read_only_set;
	if (flags & GUEST_USED)
		value = ((value | f->dirty_set) & ~f->dirty_clear) | f->accessed;
	guest_store(entry, value);
	guest_know(g);
	return entry;
}

bool guest_accessed(const struct guest *g, const u64 *entry)
{
	return guest_load(entry) & g->format->accessed;
}

bool guest_dirty(const struct guest *g, const u64 *entry)
{
	u64 value = guest_load(entry);

	return (value & g->format->dirty_set) == g->format->dirty_set &&
	       !(value & g->format->dirty_clear);
}

bool guest_marks_tables(const struct guest *g)
{
	return g->format->table_accessed;
}

void guest_clean(const struct guest *g, u64 *entry)
{
	__atomic_fetch_and(entry, ~g->format->dirty_set, __ATOMIC_ACQ_REL);
	__atomic_fetch_or(entry, g->format->dirty_clear, __ATOMIC_ACQ_REL);
}

/* T0SZ 16, TG0, EPD1, V, IPS of 48 bits, AA64, HD, HA; then TTB0. */
void guest_describe(struct guest *g, u32 index, u64 root, bool ha, bool hd)
{
	u64 *cd = guest_at(g, g->cd) + (u64)8 * index;
	u64 word = 0x20000000000ull | 0x500000000ull | 0x80000000ull | 0x40000000ull | 16;

	word |= (u64)g->format->tg << 6;
	word |= hd ? 0x40000000000ull : 0;
	word |= ha ? 0x80000000000ull : 0;
	guest_store(cd + 1, root);
	guest_store(cd, word);
	guest_know(g);
}

/* ---- HWPTs ---- */

int guest_nest(struct guest *g, u32 flags, u32 *nested)
{
	struct iommu_hwpt_vtd_s1 vtd_data = { .pgtbl_addr = g->root, .addr_width = 48 };
	struct iommu_hwpt_arm_smmuv3 arm_data = { 0 };

	if (!is_arm(g))
		return hwpt_alloc_data(g->s.dev, g->s.hwpt, flags, 0, IOMMU_HWPT_DATA_VTD_S1,
				       &vtd_data, sizeof(vtd_data), nested);
	/* V, Config stage 1; S1CDMax in bits 63:59; S1DSS descriptor 0. */
	arm_data.ste[0] = g->cd | 0xb | (u64)g->cds_lg2 << 59;
	arm_data.ste[1] = 2;
	return hwpt_alloc_data(g->s.dev, g->s.hwpt, flags, 0, IOMMU_HWPT_DATA_ARM_SMMUV3, &arm_data,
			       sizeof(arm_data), nested);
}

static void forget(u32 nested, u32 type, const void *entry, u32 len)
{
	u32 num = 1;

	x(invalidate(nested, type, entry, len, &num));
	ct_check(num == 1, "1 entry, %u are said to be done", num);
}

static void forget_vtd(u32 nested, u64 addr, u64 npages)
{
	struct iommu_hwpt_vtd_s1_invalidate entry = { .addr = addr, .npages = npages };

	forget(nested, IOMMU_HWPT_INVALIDATE_DATA_VTD_S1, &entry, sizeof(entry));
}

static void forget_arm(u32 nested, u64 word0, u64 word1)
{
	struct iommu_viommu_arm_smmuv3_invalidate entry = { { word0, word1 } };

	forget(nested, IOMMU_VIOMMU_INVALIDATE_DATA_ARM_SMMUV3, &entry, sizeof(entry));
}

/* Arm: TLBI_NH_VA with TG, NUM in bits 16:12, SCALE 0; then ATC_INV, of all. */
void guest_forget(const struct guest *g, u32 nested, u64 iova, u64 length)
{
	u64 pages = (length + guest_page(g) - 1) / guest_page(g);

	ct_check(pages && pages <= 32, "%" PRIu64 " pages cannot be named at once", pages);
	if (!is_arm(g)) {
		forget_vtd(nested, iova, pages);
		return;
	}
	forget_arm(nested, 0x12 | (pages - 1) << 12, iova | (u64)g->format->tlbi_tg << 10);
	forget_arm(nested, 0x40, 52);
}

/* Arm: TLBI_NH_ALL, then ATC_INV of all. */
void guest_forget_all(const struct guest *g, u32 nested)
{
	if (!is_arm(g)) {
		forget_vtd(nested, 0, UINT64_MAX);
		return;
	}
	forget_arm(nested, 0x10, 0);
	forget_arm(nested, 0x40, 52);
}

/* ---- opening ---- */

static const struct stage1_format *format_of(unsigned int granule_lg2)
{
	if (!stage1_is_arm(&ct.config))
		return &vtd;
	for (size_t i = 0; i < sizeof(arm) / sizeof(arm[0]); i++)
		if (arm[i].granule_lg2 == (granule_lg2 ? granule_lg2 : 12))
			return &arm[i];
	ct_fail("no granule of stage 1 is of 2^%u bytes", granule_lg2);
}

/* An area whose every leaf is a page: the IOVA is an even multiple of it, the address
 * an odd one. */
static void open_tables(struct guest *g)
{
	u64 slot = highest(g->s.page, guest_page(g));

	g->tables_length = SLOTS * slot;
	g->gpa = align_up(g->s.iova + g->s.length, 2 * slot) + 2 * slot;
	g->tables = ct_memory(g->tables_length, 2 * g->s.page, g->s.page);
	g->known = malloc(g->tables_length);
	ct_check(g->known, "no memory");
	memset(g->tables, 0, g->tables_length);
	g->truth = ct_shadow_new(g->gpa, g->tables_length, g->s.granule, g->s.page);
	x(ct_map(g->s.ioas, g->tables, g->tables_length, g->gpa));
	g->root = guest_alloc(g);
	if (!is_arm(g)) {
		guest_know(g);
		return;
	}
	g->cd = guest_alloc(g);
	guest_describe(g, 0, g->root, true, true);
}

/* In leaves of 2^@lg2 bytes. */
static void map_data(struct guest *g, unsigned int lg2)
{
	const u64 leaf = (u64)1 << lg2;

	for (u64 at = 0; at < g->length; at += leaf)
		guest_map(g, guest_iova(g, at), g->base + at, lg2, 0);
}

/* The largest leaf of stage 1 that fits a chunk. */
static unsigned int default_leaf_lg2(const struct guest *g)
{
	unsigned int level = 1;

	while (level < g->format->leaf_levels &&
	       (u64)1 << span_lg2(g->format, level + 1) <= g->chunk)
		level++;
	return span_lg2(g->format, level);
}

void guest_open_options(struct guest *g, const struct guest_options *o)
{
	*g = (struct guest){ .format = format_of(o->granule_lg2), .identity = o->identity };
	g->cds_lg2 = o->cds_lg2;
	scene_open_parent(&g->s, .leaves = o->leaves, .pasid_width = o->pasid_width,
			  .plug = o->plug);
	g->chunk =
		highest(g->s.leaf, (u64)1 << (o->leaf_lg2 ? o->leaf_lg2 : g->format->granule_lg2));
	g->base = align_up(g->s.iova, g->chunk);
	g->length = align_down(g->s.iova + g->s.length - g->base, g->chunk);
	ct_check(g->length >= g->chunk, "the scene holds no chunk of %#" PRIx64, g->chunk);
	open_tables(g);
	if (!o->no_map)
		map_data(g, o->leaf_lg2 ? o->leaf_lg2 : default_leaf_lg2(g));
	if (o->no_attach)
		return;
	x(guest_nest(g, 0, &g->nested));
	x(ct_attach(g->s.dev, 0, g->nested));
	x(ct_set_tracking(g->s.hwpt, true));
}

/* ---- DMA ---- */

u64 guest_iova(const struct guest *g, u64 offset)
{
	u64 at = align_down(offset, g->chunk);

	return g->base + (g->identity ? at : g->length - g->chunk - at) + (offset - at);
}

u64 guest_look(struct guest *g)
{
	u64 changed = 0;

	for (u64 at = 0; at < g->used; at += g->s.page) {
		if (!memcmp(g->tables + at, g->known + at, g->s.page))
			continue;
		ct_shadow_write(g->truth, g->gpa + at, 1);
		changed++;
	}
	guest_know(g);
	return changed;
}

void guest_know(struct guest *g)
{
	memcpy(g->known, g->tables, g->used);
}

void guest_write_by(struct guest *g, u32 dev, u32 pasid, u64 offset)
{
	u64 in_scene = g->base - g->s.iova + offset;
	u8 *at = g->s.mem + in_scene, byte = *at + 1;

	x(ct_dma_write(dev, pasid, guest_iova(g, offset), &byte, 1));
	ct_check(*at == byte, "what was written to %#" PRIx64 " is not at %#" PRIx64,
		 guest_iova(g, offset), g->base + offset);
	scene_mark(&g->s, in_scene, 1);
	guest_look(g);
}

void guest_write(struct guest *g, u64 offset)
{
	guest_write_by(g, g->s.dev, 0, offset);
}

void guest_read(struct guest *g, u64 offset)
{
	u8 *at = g->s.mem + (g->base - g->s.iova) + offset, byte = ~*at;

	x(ct_dma_read(g->s.dev, 0, guest_iova(g, offset), &byte, 1));
	ct_check(byte == *at, "%#x was read at %#" PRIx64 ", %#x is at %#" PRIx64, byte,
		 guest_iova(g, offset), *at, g->base + offset);
	guest_look(g);
}

void guest_expect_fault(struct guest *g, bool write, u64 iova)
{
	u8 byte = 0xd1;

	x_err(EFAULT, write ? ct_dma_write(g->s.dev, 0, iova, &byte, 1) :
			      ct_dma_read(g->s.dev, 0, iova, &byte, 1));
	guest_look(g);
}

void guest_expect_tables(struct guest *g)
{
	struct ct_bitmap b;

	ct_bitmap_init_guarded(&b, g->tables_length / g->s.page);
	x(ct_get_bitmap(g->s.hwpt, 0, g->gpa, g->tables_length, g->s.page, b.bytes));
	ct_bitmap_check_guards(&b);
	ct_shadow_compare(g->truth, &b, g->gpa, g->s.page, ct.t->caps & TARGET_LEAF);
	ct_shadow_forget(g->truth, g->gpa, g->tables_length);
	ct_bitmap_free(&b);
}

void guest_expect(struct guest *g)
{
	expect_all(&g->s);
	guest_expect_tables(g);
}
