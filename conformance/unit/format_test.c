/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Software and hardware read the same entry. Each format is described twice, by
 * pgtable/fmt_*.c for those who write tables and by hw/walk_*.c for the hardware that
 * walks them; here pgt_map writes, the walker walks, and both are asked what the entry
 * says: for every leaf size, with each of its 64 bits inverted in turn. Where the
 * hardware refuses what software, which never writes it, would read on, `refused`
 * says so and why. Then who makes dirty, and who clean.
 *
 * libcheck writes to a pipe for every assertion, so inner loops use expect().
 */
#define _GNU_SOURCE
#include <check.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "hw/hw.h"
#include "pgtable.h"

#define RW (PGT_READ | PGT_WRITE)
/* Leaves up to here lie in memory that is there, so that one that has become a
 * pointer to a table may be followed. */
#define MEMORY_LG2 40

#define expect(cond, ...)                          \
	do {                                       \
		if (!(cond))                       \
			ck_abort_msg(__VA_ARGS__); \
	} while (0)

/* ---- one leaf, as pgt_map makes it ---- */

struct rig {
	const struct pgt_format *fmt;
	const struct hw_walker *walker;
	struct hw_geometry tables;
	struct pgt pgt;
	unsigned int lg2, level, item_lg2; /* the leaf, its level, what an entry maps */
	u64 iova, pa, replicas;
	u64 *entries; /* all of the leaf's */
	u64 dirty_sets;
};

static u64 memory; /* 2^MEMORY_LG2 bytes, aligned to that */

static u64 size_of(unsigned int lg2)
{
	return 1ULL << lg2;
}

static unsigned int item_lg2(const struct pgt_format *fmt, unsigned int level)
{
	return fmt->granule_lg2 + level * fmt->index_lg2;
}

static u64 index_at(const struct pgt_format *fmt, unsigned int level, u64 iova)
{
	unsigned int bits = fmt->index_lg2;

	if (level == fmt->levels - 1 && fmt->root_index_lg2)
		bits = fmt->root_index_lg2;
	return iova >> item_lg2(fmt, level) & (size_of(bits) - 1);
}

/* The entry of @level that @iova picks, as software finds it. */
static u64 *entry_of(struct rig *r, u64 iova, unsigned int level)
{
	u64 *table = r->pgt.root;
	unsigned int l;

	for (l = r->fmt->levels - 1; l > level; l--)
		table = port_phys_table(r->fmt->table_phys(table[index_at(r->fmt, l, iova)]));
	return &table[index_at(r->fmt, level, iova)];
}

/* A leaf of 2^lg2 bytes, the last that the aperture has room for. False: it has none. */
static bool setup(struct rig *r, const struct pgt_format *fmt, unsigned int lg2, unsigned int prot,
		  bool track)
{
	const struct hw_walker *const *w = hw_walkers;
	u64 size = size_of(lg2);

	while (*w && strcmp((*w)->format, fmt->name))
		w++;
	expect(*w, "%s: no hardware walks it", fmt->name);
	*r = (struct rig){
		.fmt = fmt,
		.walker = *w,
		.tables = { fmt->name, fmt->granule_lg2, fmt->index_lg2, fmt->levels,
			    port_lg2(fmt->aperture_last) + 1 },
		.lg2 = lg2,
		.level = (lg2 - fmt->granule_lg2) / fmt->index_lg2,
		.iova = (fmt->aperture_last - (size - 1)) & ~(size - 1),
		.pa = lg2 <= MEMORY_LG2 ? memory : size,
	};
	if (fmt->aperture_last < size - 1 || r->iova < fmt->aperture_first)
		return false;
	r->item_lg2 = item_lg2(fmt, r->level);
	r->replicas = size_of(lg2 - r->item_lg2);
	expect(!pgt_init(&r->pgt, fmt, 0, track), "%s: pgt_init", fmt->name);
	expect(!pgt_map(&r->pgt, r->iova, r->pa, size, prot, lg2), "%s: pgt_map of 2^%u", fmt->name,
	       lg2);
	r->entries = entry_of(r, r->iova, r->level);
	return true;
}

static void teardown(struct rig *r)
{
	pgt_fini(&r->pgt);
}

static enum iodirty_fault walk(struct rig *r, u64 iova, bool write, bool track, struct hw_xlate *x)
{
	struct hw_walk w = {
		.tables = &r->tables,
		.root = port_table_phys(r->pgt.root),
		.iova = iova,
		.write = write,
		.track = track,
		.dirty_sets = &r->dirty_sets,
	};

	*x = (struct hw_xlate){ 0 };
	return r->walker->walk(&w, x);
}

static bool sw_dirty(const struct pgt_format *fmt, u64 entry)
{
	return (entry & fmt->dirty_mask) == fmt->dirty_value;
}

static u64 dirty_entries(struct rig *r)
{
	u64 i, n = 0;

	for (i = 0; i < r->replicas; i++)
		n += sw_dirty(r->fmt, r->entries[i]);
	return n;
}

/* Run @test for each format, size that an entry can have, and what may be done to it. */
static void each_leaf(const struct pgt_format *fmt, bool track,
		      void (*test)(struct rig *r, unsigned int prot))
{
	static const unsigned int prots[] = { PGT_READ, PGT_WRITE, RW };
	unsigned int lg2, i, n = 0;
	struct rig r;

	for (lg2 = fmt->granule_lg2; lg2 < 64; lg2++) {
		if (!(fmt->leaf_sizes & size_of(lg2)))
			continue;
		for (i = 0; i < 3; i++) {
			if (!setup(&r, fmt, lg2, prots[i], track))
				continue;
			test(&r, prots[i]);
			teardown(&r);
			n++;
		}
	}
	ck_assert_uint_ge(n, 3 * 2); /* it has been run, and not for one size only */
}

/* ---- each bit ---- */

/* An entry of which one bit was inverted, and how software reads it then. */
struct flip {
	struct rig *r;
	unsigned int bit;
	u64 entry;
	bool present, table, dirty;
	struct pgt_leaf leaf;
};

static bool is_format(const struct flip *f, const char *prefix)
{
	return !strncmp(f->r->fmt->name, prefix, strlen(prefix));
}

static bool is_amd(const struct flip *f)
{
	return is_format(f, "amd-v1") || is_format(f, "mock");
}

static bool amd_level(const struct flip *f)
{
	return is_amd(f) && f->bit >= 9 && f->bit <= 11 && !f->table;
}

static bool amd_size(const struct flip *f)
{
	return is_amd(f) && f->bit >= 12 && f->bit <= 51 && (f->entry >> 9 & 7) == 7 &&
	       (f->leaf.lg2 < f->r->item_lg2 ||
		f->leaf.lg2 >= f->r->item_lg2 + f->r->fmt->index_lg2);
}

static bool amd_unaligned(const struct flip *f)
{
	return is_amd(f) && f->bit >= 12 && (f->entry >> 9 & 7) == 0 &&
	       f->bit < f->r->item_lg2 + (f->r->fmt->granule_lg2 == 11);
}

static bool vtd_unaligned(const struct flip *f)
{
	return is_format(f, "vtd-ss") && f->bit >= 12 && f->bit < f->r->lg2;
}

static bool vtd_fs_unaligned(const struct flip *f)
{
	return is_format(f, "vtd-fs") && f->bit >= 13 && f->bit < f->r->lg2;
}

static bool vtd_fs_user(const struct flip *f)
{
	return is_format(f, "vtd-fs") && f->bit == 2;
}

static bool riscv_user(const struct flip *f)
{
	return is_format(f, "riscv") && f->bit == 4;
}

static bool riscv_unreadable(const struct flip *f)
{
	return is_format(f, "riscv") && f->bit == 1;
}

static bool riscv_reserved(const struct flip *f)
{
	return is_format(f, "riscv") && f->bit >= 54 && f->bit <= 60;
}

static bool riscv_napot(const struct flip *f)
{
	return is_format(f, "riscv") && f->entry >> 63 &&
	       (f->r->level || (f->entry >> 10 & 15) != 8);
}

static bool riscv_unaligned(const struct flip *f)
{
	return is_format(f, "riscv") && f->bit >= 10 && f->r->level && f->bit < 10 + f->r->lg2 - 12;
}

static bool arm_page(const struct flip *f)
{
	return is_format(f, "arm") && f->bit == 1 && !f->r->level;
}

static bool arm_unprivileged(const struct flip *f)
{
	return is_format(f, "arm-s1") && f->bit == 6;
}

/* Writable, and not by DBM: hardware has nothing to record. Software writes none. */
static bool arm_unrecorded(const struct flip *f)
{
	return is_format(f, "arm") && f->leaf.prot & PGT_WRITE && !(f->entry >> 51 & 1);
}

/* What hardware refuses though software, that does not know the bit, reads a leaf. */
static const struct refused {
	bool (*is)(const struct flip *f);
	enum iodirty_fault reasons[2];
	const char *why;
} refused[] = {
	{ amd_level,
	  { IODIRTY_FAULT_BAD_TABLE, IODIRTY_FAULT_NOT_PRESENT },
	  "a table of another level than the one below: software skips none" },
	{ amd_size, { IODIRTY_FAULT_BAD_TABLE }, "a size that is of another level" },
	{ amd_unaligned, { IODIRTY_FAULT_BAD_TABLE }, "an address within the page" },
	{ vtd_unaligned, { IODIRTY_FAULT_BAD_TABLE }, "an address within the page" },
	{ vtd_fs_unaligned, { IODIRTY_FAULT_BAD_TABLE }, "an address within the page, past PAT" },
	{ vtd_fs_user, { IODIRTY_FAULT_PERMISSION }, "all that software maps is for users" },
	{ riscv_user, { IODIRTY_FAULT_PERMISSION }, "all that software maps is for users" },
	{ riscv_unreadable,
	  { IODIRTY_FAULT_BAD_TABLE },
	  "writable and not readable; or a pointer that has A and U" },
	{ riscv_reserved, { IODIRTY_FAULT_BAD_TABLE }, "reserved" },
	{ riscv_napot, { IODIRTY_FAULT_BAD_TABLE }, "NAPOT of a size that is not defined" },
	{ riscv_unaligned, { IODIRTY_FAULT_BAD_TABLE }, "a misaligned superpage" },
	{ arm_page, { IODIRTY_FAULT_BAD_TABLE }, "at level 3 a block is reserved" },
	{ arm_unprivileged, { IODIRTY_FAULT_PERMISSION }, "all that software maps is for users" },
};

static const struct refused *refusal(const struct flip *f)
{
	const struct refused *no = NULL;
	size_t i;

	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (f->present && refused[i].is(f))
			no = &refused[i];
	return no;
}

/* What hardware should answer at @at by what software reads. */
static void check_access(const struct flip *f, u64 at, bool write, u64 below)
{
	struct rig *r = f->r;
	const struct refused *no = refusal(f);
	enum iodirty_fault want = IODIRTY_FAULT_NONE, fault;
	u64 *p = entry_of(r, at, r->level), size = size_of(f->leaf.lg2), own;
	struct hw_xlate x;

	*p = f->entry;
	fault = walk(r, at, write, true, &x);
	if (no) {
		expect(fault == no->reasons[0] || (no->reasons[1] && fault == no->reasons[1]),
		       "%s 2^%u bit %u (%s): fault %d, expected %d", r->fmt->name, r->lg2, f->bit,
		       no->why, fault, no->reasons[0]);
		expect(*p == f->entry, "%s 2^%u bit %u (%s): changed to %#llx", r->fmt->name,
		       r->lg2, f->bit, no->why, (unsigned long long)*p);
		return;
	}
	if (!f->present)
		want = IODIRTY_FAULT_NOT_PRESENT;
	else if (!f->table && !(f->leaf.prot & (write ? PGT_WRITE : PGT_READ)))
		want = IODIRTY_FAULT_PERMISSION;
	expect(fault == want, "%s 2^%u bit %u, entry %#llx, %s: fault %d, expected %d",
	       r->fmt->name, r->lg2, f->bit, (unsigned long long)f->entry, write ? "write" : "read",
	       fault, want);
	if (want)
		return;
	if (f->table) {
		expect(x.lg2 == item_lg2(r->fmt, r->level - 1) &&
			       x.pa - (at & (size_of(x.lg2) - 1)) == below,
		       "%s 2^%u bit %u: a table to software, to hardware 2^%u at %#llx",
		       r->fmt->name, r->lg2, f->bit, x.lg2, (unsigned long long)x.pa);
		return;
	}
	expect(x.lg2 == f->leaf.lg2 && x.iova_first == (at & ~(size - 1)),
	       "%s 2^%u bit %u: 2^%u to software, to hardware 2^%u from %#llx", r->fmt->name,
	       r->lg2, f->bit, f->leaf.lg2, x.lg2, (unsigned long long)x.iova_first);
	/* Where each entry has an address of its own, hardware takes what its bits say,
	 * and software which leaf it is of. */
	own = r->fmt->contiguous && f->bit < 64 ? size_of(r->item_lg2) : size;
	expect((x.pa & ~(size - 1)) == (f->leaf.pa & ~(size - 1)) &&
		       (x.pa & (own - 1)) == (at & (own - 1)),
	       "%s 2^%u bit %u: at %#llx to software, to hardware at %#llx", r->fmt->name, r->lg2,
	       f->bit, (unsigned long long)f->leaf.pa, (unsigned long long)x.pa);
	expect(x.read == !!(f->leaf.prot & PGT_READ) && x.write == !!(f->leaf.prot & PGT_WRITE),
	       "%s 2^%u bit %u: prot %u to software, to hardware r %d w %d", r->fmt->name, r->lg2,
	       f->bit, f->leaf.prot, x.read, x.write);
	if (arm_unrecorded(f)) {
		expect(x.dirty && !sw_dirty(r->fmt, *p),
		       "%s 2^%u bit %u: nothing to record, and is", r->fmt->name, r->lg2, f->bit);
		return;
	}
	expect(x.dirty == (write || f->dirty) && sw_dirty(r->fmt, *p) == x.dirty,
	       "%s 2^%u bit %u, %s: dirty to software %d, then %d, to hardware %d", r->fmt->name,
	       r->lg2, f->bit, write ? "write" : "read", f->dirty, sw_dirty(r->fmt, *p), x.dirty);
}

static void check_flip(struct rig *r, unsigned int bit, u64 entry, u64 at)
{
	const struct pgt_format *fmt = r->fmt;
	struct flip f = { .r = r, .bit = bit, .entry = entry, .present = fmt->present(entry) };
	u64 *p = entry_of(r, at, r->level), saved = *p, *slot = NULL, below = 0;

	if (f.present) {
		f.table = fmt->is_table(entry, r->level);
		f.dirty = sw_dirty(fmt, entry);
		fmt->decode(entry, r->level, &f.leaf);
	}
	if (f.table && !refusal(&f)) {
		unsigned int lg2 = item_lg2(fmt, r->level - 1);
		u64 phys = fmt->table_phys(entry);

		/* What the leaf maps is a table now, if there is memory: of one leaf. */
		if (phys - memory >= size_of(MEMORY_LG2) || !(fmt->leaf_sizes & size_of(lg2)))
			return;
		slot = (u64 *)port_phys_table(phys) + index_at(fmt, r->level - 1, at);
		below = 5 * size_of(lg2);
		*slot = fmt->make_leaf(below, lg2, r->level - 1, RW);
	}
	/* A table hands on at most what it has itself. */
	if (!f.table || f.leaf.prot & PGT_READ)
		check_access(&f, at, false, below);
	if (!f.table || f.leaf.prot & PGT_WRITE)
		check_access(&f, at, true, below);
	if (slot)
		*slot = 0;
	*p = saved;
}

static void flip_bits(struct rig *r, unsigned int prot)
{
	/* An address with bits at every level, in entries of both ends and between. */
	const u64 size = size_of(r->lg2);
	const u64 offsets[] = { 0x5555555555555555 & (size - 1), size - 1, 0 };
	unsigned int bit, i;
	u64 at, entry;

	(void)prot;
	for (i = 0; i < 3; i++) {
		at = r->iova + offsets[i];
		entry = *entry_of(r, at, r->level);
		for (bit = 0; bit < 64; bit++) {
			/* Nothing stops hardware here that skips levels: it would go
			 * on to what is no table. */
			if (i == 2 && r->level && bit >= 9 && bit <= 11)
				continue;
			check_flip(r, bit, entry ^ size_of(bit), at);
			check_flip(r, bit,
				   ((entry | r->fmt->dirty_set) & ~r->fmt->dirty_clear) ^
					   size_of(bit),
				   at);
		}
		/* And as it was written. */
		check_flip(r, 64, entry, at);
	}
}

START_TEST(every_bit)
{
	each_leaf(pgt_formats[_i], true, flip_bits);
}
END_TEST

/* ---- who makes dirty, who clean ---- */

/* Make the leaf clean as a harvest does. */
static void clean(struct rig *r)
{
	struct pgt_gather g;
	struct pgt_bits b;
	u64 word;

	pgt_bits_init(&b, r->iova, r->iova + (size_of(r->lg2) - 1), r->lg2, &word);
	pgt_gather_init(&g);
	pgt_harvest(&r->pgt, &(struct pgt_how){ .engine = pgt_engine_default() }, b.first, b.last,
		    0, &b, &g);
	expect(word == 1, "%s 2^%u: a dirty leaf was not reported", r->fmt->name, r->lg2);
	expect(!dirty_entries(r), "%s 2^%u: harvested, and dirty", r->fmt->name, r->lg2);
}

/* Hardware reads and writes through entry @i, software harvests, twice. */
static void dirty_and_clean(struct rig *r, u64 i)
{
	u64 at = r->iova + (i << r->item_lg2), was = r->dirty_sets, n;
	struct hw_xlate x;

	for (n = 1; n <= 2; n++) {
		expect(!walk(r, at, false, true, &x) && !x.dirty && !dirty_entries(r),
		       "%s 2^%u entry %llu: a read made it dirty", r->fmt->name, r->lg2,
		       (unsigned long long)i);
		expect(!walk(r, at, true, true, &x) && x.dirty && sw_dirty(r->fmt, r->entries[i]),
		       "%s 2^%u entry %llu: a write is not seen", r->fmt->name, r->lg2,
		       (unsigned long long)i);
		expect(dirty_entries(r) == 1 && r->dirty_sets == was + n,
		       "%s 2^%u entry %llu: %llu are dirty, %llu were set", r->fmt->name, r->lg2,
		       (unsigned long long)i, (unsigned long long)dirty_entries(r),
		       (unsigned long long)(r->dirty_sets - was));
		/* Dirty already: nothing is set again; nor does a read clean. */
		expect(!walk(r, at, true, true, &x) && x.dirty && r->dirty_sets == was + n &&
			       !walk(r, at, false, true, &x) && x.dirty && dirty_entries(r) == 1,
		       "%s 2^%u entry %llu: dirty does not stay", r->fmt->name, r->lg2,
		       (unsigned long long)i);
		clean(r);
	}
}

static void write_and_clean(struct rig *r, unsigned int prot)
{
	struct hw_xlate x;
	u64 i, entry;

	if (prot == RW) {
		for (i = 0; i < r->replicas; i++)
			dirty_and_clean(r, i);
		return;
	}
	if (prot == PGT_WRITE)
		return;
	/* What may not be written is not dirty, and does not become so. */
	for (i = 0; i < r->replicas; i++) {
		entry = r->entries[i];
		expect(walk(r, r->iova + (i << r->item_lg2), true, true, &x) ==
				       IODIRTY_FAULT_PERMISSION &&
			       r->entries[i] == entry && !dirty_entries(r) && !r->dirty_sets,
		       "%s 2^%u: a write to what is read-only", r->fmt->name, r->lg2);
	}
}

START_TEST(dirty_goes_round)
{
	each_leaf(pgt_formats[_i], true, write_and_clean);
}
END_TEST

/*
 * Without the switch, through what is clean: hardware that cannot do without records
 * all the same. Else it records nothing, and lets the write through, or where clean is
 * a way of not being writable, does not.
 */
static void switched_off(struct rig *r, unsigned int prot)
{
	u64 at = r->iova + (size_of(r->lg2) - 1), was;
	u64 *p = entry_of(r, at, r->level);
	enum iodirty_fault fault;
	struct hw_xlate x;

	if (!(prot & PGT_WRITE))
		return;
	was = *p;
	fault = walk(r, at, true, false, &x);
	if (r->walker->always)
		expect(!fault && x.dirty && sw_dirty(r->fmt, *p), "%s 2^%u: written, not recorded",
		       r->fmt->name, r->lg2);
	else
		expect(fault == (r->fmt->always ? IODIRTY_FAULT_PERMISSION : IODIRTY_FAULT_NONE) &&
			       *p == was && !x.dirty,
		       "%s 2^%u: fault %d, entry %#llx, was %#llx", r->fmt->name, r->lg2, fault,
		       (unsigned long long)*p, (unsigned long long)was);
	/* What a read finds must not let a write through unrecorded: it may be cached. */
	*p = was;
	fault = walk(r, at, false, false, &x);
	if (r->fmt->always && !fault)
		expect(!x.dirty && (r->walker->always || !x.write),
		       "%s 2^%u: a read makes writes unseen", r->fmt->name, r->lg2);
}

START_TEST(off)
{
	each_leaf(pgt_formats[_i], true, switched_off);
}
END_TEST

/* A table that is never tracked: hardware finds nothing to do, and no fault. */
static void never_tracked(struct rig *r, unsigned int prot)
{
	struct hw_xlate x;
	u64 i, entry;

	for (i = 0; i < r->replicas; i++) {
		u64 at = r->iova + (i << r->item_lg2);

		entry = r->entries[i];
		if (prot & PGT_WRITE) {
			expect(!walk(r, at, true, false, &x), "%s 2^%u: a write faults",
			       r->fmt->name, r->lg2);
			expect(r->entries[i] == entry && x.write && x.dirty == r->fmt->always &&
				       !r->dirty_sets,
			       "%s 2^%u: a write finds work", r->fmt->name, r->lg2);
		} else {
			expect(walk(r, at, true, false, &x) == IODIRTY_FAULT_PERMISSION,
			       "%s 2^%u: a write to what is read-only", r->fmt->name, r->lg2);
			expect(!walk(r, at, false, false, &x) && !x.write && !dirty_entries(r),
			       "%s 2^%u: a read of it", r->fmt->name, r->lg2);
		}
	}
}

START_TEST(untracked_table)
{
	each_leaf(pgt_formats[_i], false, never_tracked);
}
END_TEST

/* ---- outside of what is mapped ---- */

/* Beyond the aperture hardware finds nothing that a lower address maps. */
START_TEST(aperture)
{
	const struct pgt_format *fmt = pgt_formats[_i];
	enum iodirty_fault fault;
	struct hw_xlate x;
	struct rig r;
	u64 iova;

	ck_assert(setup(&r, fmt, fmt->granule_lg2, RW, true));
	ck_assert_int_eq(walk(&r, fmt->aperture_last, true, true, &x), IODIRTY_FAULT_NONE);
	for (iova = size_of(port_lg2(fmt->aperture_last)) << 1; iova; iova <<= 1) {
		fault = walk(&r, fmt->aperture_last | iova, true, true, &x);
		expect(fault == IODIRTY_FAULT_ADDRESS || fault == IODIRTY_FAULT_NOT_PRESENT,
		       "%s: %#llx gives fault %d", fmt->name,
		       (unsigned long long)(fmt->aperture_last | iova), fault);
	}
	teardown(&r);
}
END_TEST

static void reserve_memory(void)
{
	u64 size = size_of(MEMORY_LG2);
	void *room = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	expect(room != MAP_FAILED, "no address space for a leaf of 2^%u bytes", MEMORY_LG2);
	memory = ((u64)room + size - 1) & ~(size - 1);
}

int main(void)
{
	Suite *s = suite_create("format");
	TCase *t = tcase_create("format");
	SRunner *runner = srunner_create(s);
	int failed, formats = 0;

	while (pgt_formats[formats])
		formats++;
	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, reserve_memory, NULL);
	tcase_add_loop_test(t, every_bit, 0, formats);
	tcase_add_loop_test(t, dirty_goes_round, 0, formats);
	tcase_add_loop_test(t, off, 0, formats);
	tcase_add_loop_test(t, untracked_table, 0, formats);
	tcase_add_loop_test(t, aperture, 0, formats);
	suite_add_tcase(s, t);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
