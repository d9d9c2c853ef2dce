/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * IO page tables: one description a hardware format, one walker, one harvest.
 *
 * Knows nothing of descriptors, users or ioctls, nor of who walks the tables.
 * The modelled hardware (hw/) walks by code of its own and shares only the bit
 * constants in pgtable/bits/.
 *
 * Concurrency, for one struct pgt:
 *  - pgt_map, pgt_unmap, pgt_withhold, pgt_give_back, pgt_split and pgt_merge: the
 *    caller excludes every other call here;
 *  - pgt_harvest, pgt_leaf, pgt_set_dirty, pgt_read_tables may run at the same
 *    time as one another;
 *  - hardware may walk, and set A and D, at any time. A table page is handed
 *    back (pgt_gather_free) only when the caller has invalidated what was
 *    gathered, and that invalidation is complete.
 */
#ifndef IODIRTY_PGTABLE_H
#define IODIRTY_PGTABLE_H

#include "port.h"

enum pgt_prot {
	PGT_READ = 1 << 0,
	PGT_WRITE = 1 << 1,
};

/* A leaf decoded from an entry. */
struct pgt_leaf {
	u64 pa;
	unsigned int lg2; /* size in bytes, log2; more than the item: contiguous */
	unsigned int prot;
};

/*
 * A hardware page-table format. An entry ("IOPTE", 8 bytes) at level l maps an
 * item of 2^(granule_lg2 + l * index_lg2) bytes; a leaf larger than the item of
 * its level is that many entries in a row, naturally aligned, equal
 * ("replicated") or each of its own address ("contiguous"), and dirty when any
 * of them is.
 */
struct pgt_format {
	const char *name;
	unsigned int granule_lg2; /* smallest leaf, bytes */
	unsigned int index_lg2; /* entries a table */
	unsigned int root_index_lg2; /* of the root, where it has more; 0: as others */
	unsigned int levels; /* 1: only a leaf table; root is level levels - 1 */
	u64 leaf_sizes; /* bit n: a leaf of 2^n bytes can be encoded */
	u64 aperture_first, aperture_last; /* IOVA translated, inclusive */
	unsigned int output_lg2; /* bits of an address that an entry can hold */
	u32 flags; /* enum iodirty_format_flags */
	bool contiguous; /* entry n of a leaf of several has the address of its item n */
	/*
	 * Hardware sets D whenever a table may be tracked, whether or not tracking
	 * is on: nothing switches it for a table in use. Entries of a table that
	 * never will be tracked are then written as dirty.
	 */
	bool always;

	/* Present iff one of these is set. Hardware reads nothing else of an entry
	 * without them. */
	u64 present_mask;
	/* Write-dirty iff (entry & dirty_mask) == dirty_value; implies present. */
	u64 dirty_mask, dirty_value;
	/* Made write-clean by entry = (entry & ~clean_clear) | clean_set, which
	 * must be one atomic operation: one of the two is zero. */
	u64 clean_clear, clean_set;
	/*
	 * All of these set in an entry: it is one of several of its leaf. 0: no leaf has more
	 * than one. Groups never cross a multiple of PGT_SCAN entries.
	 */
	u64 several;
	/* Made write-dirty, as hardware would: (entry | dirty_set) & ~dirty_clear. */
	u64 dirty_set, dirty_clear;
	/* Of an entry that leads to a table, what hardware sets when it walks through: A
	 * (summary.c). 0: nothing, and IODIRTY_FORMAT_SKIP is not of the format. */
	u64 accessed;

	bool (*present)(u64 entry);
	bool (*is_table)(u64 entry, unsigned int level);
	u64 (*table_phys)(u64 entry); /* of an entry that is_table */
	/* @level: of the table that the new entry goes into. It is accessed: nobody has
	 * looked at what is below. */
	u64 (*make_table)(u64 phys, unsigned int level);
	u64 (*make_leaf)(u64 pa, unsigned int lg2, unsigned int level, unsigned int prot);
	void (*decode)(u64 entry, unsigned int level, struct pgt_leaf *leaf);
};

/* All formats, ended by NULL; and by name, NULL if there is none. */
extern const struct pgt_format *const pgt_formats[];
const struct pgt_format *pgt_format_by_name(const char *name);

/* How a harvest makes dirty entries clean. */
enum pgt_clear {
	PGT_LOOK, /* it does not */
	PGT_LOCKED, /* one atomic operation an entry */
	/*
	 * Stores of 8 bytes, or of the lanes of a vector, into exactly the entries that were
	 * seen dirty: what else hardware writes meanwhile stays. In those nothing can be lost:
	 * hardware writes no more to an entry whose D it has set (that is what FORMAT_MASKED
	 * says), so it holds what was read from it, or another harvest has cleaned it since, and
	 * then hardware may have set D again. That is a write which is complete before this
	 * harvest is, and whoever saw the entry dirty reports its leaf, after invalidating. It is
	 * no other with an atomic operation in place of the store. Who gives back what he could
	 * not deliver (pgt_set_dirty) gives back what this harvest reports, too.
	 *
	 * It relies on the processor's loads and stores of each 8 bytes being whole, those of a
	 * vector's lanes, too. Processors do so in cached memory; no manual promises it for
	 * vectors of more than 16 bytes.
	 */
	PGT_MASKED,
};

#define PGT_SCAN 512 /* entries at most that an engine is given at once */
#define PGT_SCAN_WORDS (PGT_SCAN / 64)

struct pgt_scan {
	const struct pgt_format *fmt;
	u64 *table;
	unsigned int level;
	unsigned int lo, hi; /* entries, inclusive; no multiple of PGT_SCAN is between them */
	enum pgt_clear clear;
	/*
	 * As many that will be looked at soon, at any address: to be fetched meanwhile. For
	 * lack of such, any that are in the cache. Processors fetch ahead by themselves, but
	 * not across pages, and a table is a page.
	 */
	const u64 *ahead;
};

/*
 * A way to go over entries. What it finds is the same with each, and none writes to an
 * entry that it did not see dirty, but for an atomic operation that leaves it as it is.
 */
struct pgt_engine {
	const char *name;
	const char *summary; /* a line for people */
	/* NULL: on any processor. */
	bool (*usable)(void);
	/*
	 * Look at the entries. Bit i % 64 of dirty[i / 64 - lo / 64]: entry i was write-dirty
	 * when it was read; of entries before @lo and after @hi in the first and last word
	 * any. Returns bit w: dirty[w] is not 0; and PGT_SEVERAL. With clear an engine may
	 * clean already what it finds in [lo, hi].
	 */
	unsigned int (*scan)(const struct pgt_scan *s, u64 *dirty);
	/*
	 * Make clean the entries that scan saw dirty: bits of the words of @dirty that @words
	 * names, of the entries from @entries on. How many these are.
	 */
	u64 (*clean)(const struct pgt_format *fmt, u64 *entries, unsigned int words,
		     const u64 *dirty, enum pgt_clear clear);
};

/* Unless it is set, no dirty entry that scan found is one of several of its leaf. */
#define PGT_SEVERAL (1U << PGT_SCAN_WORDS)

/* The first that is usable is the default; ended by NULL. */
extern const struct pgt_engine *const pgt_engines[];
bool pgt_engine_usable(const struct pgt_engine *engine);
const struct pgt_engine *pgt_engine_default(void);

struct pgt_summary; /* below */

/* How a harvest goes about it; what it finds is the same. */
struct pgt_how {
	const struct pgt_engine *engine;
	bool masked; /* IODIRTY_CLEAR_MASKED; only with formats that say so */
	bool skip; /* IODIRTY_ENGINE_SKIP; likewise */
	bool prefetch; /* IODIRTY_ENGINE_PREFETCH */
	const struct pgt_summary *summary; /* leaf tables to pass over; NULL: none */
};

/* What an operation did that hardware's caches must forget, and pages to free. */
#define PGT_RANGES 32

struct pgt_range {
	u64 first, last; /* IOVA, inclusive */
};

struct pgt_gather {
	/* Ascending, neither touching nor overlapping. Exact until there are more than fit:
	 * then the smallest gaps are taken in. */
	struct pgt_range ranges[PGT_RANGES];
	unsigned int nr;
	u64 gap; /* bytes of the smallest there is, when nr == PGT_RANGES, */
	unsigned int narrowest; /* after this range */
	u64 cleaned_bytes;
	u64 entries_scanned, entries_cleared;
	bool tables; /* what walk caches hold of some is stale, too: cut off, or A is clear */
	void *free_list; /* tables but roots, linked through their first word */
	unsigned int table_lg2; /* bytes of one */
};

void pgt_gather_init(struct pgt_gather *g);
void pgt_gather_add(struct pgt_gather *g, u64 first, u64 last);
/* Only after the ranges have been invalidated, walk caches too, and waited for. */
void pgt_gather_free(struct pgt_gather *g);

struct pgt {
	const struct pgt_format *fmt;
	u64 leaf_sizes; /* subset of fmt->leaf_sizes that pgt_map may use */
	bool born_dirty; /* writable leaves: see pgt_format.always */
	u64 *root;
	u64 table_pages; /* of PORT_PAGE_SIZE; port_count()ed */
};

/* -ENOMEM. @leaf_sizes 0: all that the format has. @track: it may be tracked. */
int pgt_init(struct pgt *pgt, const struct pgt_format *fmt, u64 leaf_sizes, bool track);
/* Frees every table; nothing may walk any more. */
void pgt_fini(struct pgt *pgt);

/*
 * Map @length bytes at @iova to the physically contiguous @pa, with the largest
 * leaves that alignment of both, @length, leaf_sizes and @max_lg2 allow. New
 * entries are clean. -ENOMEM: what this call had mapped is for the caller to
 * unmap (it unmaps the whole area). -ERANGE: outside the aperture, or an address
 * that no entry can hold. A caller's
 * mistake: -EINVAL what is no multiple of the granule, -EEXIST an IOVA in use.
 */
int pgt_map(struct pgt *pgt, u64 iova, u64 pa, u64 length, unsigned int prot, unsigned int max_lg2);
/*
 * Unmap [iova, iova + length), whole leaves; what is not mapped is passed over.
 * Empties go to the gather's free list. Cannot fail.
 */
void pgt_unmap(struct pgt *pgt, u64 iova, u64 length, struct pgt_gather *g);

/* The smallest leaf that pgt_map may use, log2. */
static inline unsigned int pgt_small_lg2(const struct pgt *pgt)
{
	return port_ctz(pgt->leaf_sizes);
}

/*
 * Leaves of another size, under the eyes of hardware (split.c). An entry that
 * leads to a table of smaller leaves takes the place of a leaf, or the other way
 * round, and hardware may use, cache and mark either at any moment.
 */
enum pgt_way {
	/*
	 * For hardware that may not meet two sizes for one address: the entries of
	 * the leaf are made invalid, that is waited for, and the new ones written.
	 * DMA in between faults.
	 */
	PGT_BREAK_BEFORE_MAKE,
	/* One store an entry, then the wait (x86; Arm with BBM level 2): no fault. */
	PGT_IN_PLACE,
};

struct pgt_resized; /* an entry, and the table that it led to */

struct pgt_resize {
	struct pgt *pgt;
	enum pgt_way way;
	/* Make hardware forget [first, last], leaves and walk caches, and return
	 * when nothing that used it is under way. */
	void (*sync)(void *arg, u64 first, u64 last);
	void *arg;
	/* private */
	u64 *entries;
	struct pgt_resized *old;
	unsigned int nr_old;
	u64 first, last;
};

/* All that pgt_merge will need, so that it cannot fail: -ENOMEM. Set the four first
 * members. */
int pgt_resize_begin(struct pgt_resize *r);
void pgt_resize_end(struct pgt_resize *r);
/*
 * Leaves of pgt_small_lg2() in place of all larger ones in [first, last], which is
 * mapped, in whole leaves. Those of a dirty leaf are all dirty. -ENOMEM: some are
 * split, each wholly or not at all; pgt_merge makes them what they were.
 */
int pgt_split(struct pgt_resize *r, u64 first, u64 last);
/*
 * The leaves that pgt_map with these arguments would make, of what it had made and
 * pgt_split split, or of smaller ones that it made for another @max_lg2. A leaf is
 * dirty if one was of those that it is made of. Frees tables. Cannot fail.
 */
void pgt_merge(struct pgt_resize *r, u64 iova, u64 pa, u64 length, unsigned int prot,
	       unsigned int max_lg2);

/* The leaf that maps @iova and its first IOVA: -ENOENT where there is none. */
int pgt_leaf(struct pgt *pgt, u64 iova, struct pgt_leaf *leaf, u64 *start, bool *dirty);

/*
 * Where a harvest writes: bits for [first, last], bit 0 at @first. A leaf that
 * is dirty is recorded clipped to [first, last]. pgt_harvest tells what lies
 * outside: how far the dirty leaves that it cleared reach to either side.
 */
struct pgt_bits {
	u64 first, last; /* inclusive; multiples of the bitmap's granule */
	unsigned int lg2; /* granule of a bit */
	u64 *words; /* little-endian; at least (last - first >> lg2) / 64 + 1 */
	bool any; /* a bit was set */
	u64 head_first; /* <= first: lowest IOVA of a dirty leaf cut at first */
	u64 tail_last; /* >= last: highest IOVA of a dirty leaf cut at last */
};

/* Set first, last, lg2, and zero all else including the words. */
void pgt_bits_init(struct pgt_bits *b, u64 first, u64 last, unsigned int lg2, u64 *words);
/* Set the bits of [first, last] clipped to the window. */
void pgt_bits_set(struct pgt_bits *b, u64 first, u64 last);

enum pgt_harvest_flags {
	PGT_NO_CLEAR = 1 << 0, /* look only: nothing changes, nothing gathered */
};

/*
 * Record every write-dirty leaf that overlaps [b->first, b->last] in @b and,
 * unless PGT_NO_CLEAR, make it clean in all its entries, by one atomic operation
 * an entry, and add it to @g. A leaf cut by the range's end is cleaned whole
 * and recorded as far as the range goes; the rest of it is b->head_first and
 * b->tail_last, which the caller must keep. @b NULL: clean [first, last] and
 * report nothing. Unmapped IOVA is passed over. Cannot fail.
 */
void pgt_harvest(struct pgt *pgt, const struct pgt_how *how, u64 first, u64 last,
		 unsigned int flags, struct pgt_bits *b, struct pgt_gather *g);

/*
 * Leaf tables of a window that a harvest can pass over: those below an entry whose A is
 * clear (summary.c).
 */
struct pgt_summary {
	u64 *clean; /* bit i: pass over the table that begins at first + (i << lg2) */
	u64 first;
	unsigned int lg2; /* bytes that a leaf table translates */
	u64 tables; /* that lie wholly in the window; all others are looked at */
	u64 passed, accessed; /* of those that there are: clean; with A set */
};

/* For windows of @bytes at most; of a format with IODIRTY_FORMAT_SKIP. -ENOMEM. */
int pgt_summary_init(struct pgt_summary *s, const struct pgt_format *fmt, u64 bytes);
void pgt_summary_fini(struct pgt_summary *s);
/*
 * Find those of [first, last] and, unless PGT_NO_CLEAR, clear the A of all others that
 * lie wholly in it. What that did to walk caches is in @g: it must be invalidated, and
 * waited for, before the harvest. May run when a harvest may.
 */
void pgt_summarize(struct pgt *pgt, u64 first, u64 last, unsigned int flags, struct pgt_summary *s,
		   struct pgt_gather *g);
/*
 * Set A above every leaf table of [first, last], as if hardware had walked to each of its
 * leaves. Whoever makes a leaf dirty does so, after it.
 */
void pgt_set_accessed(struct pgt *pgt, u64 first, u64 last);

/*
 * Take every leaf that overlaps [b->first, b->last] away from hardware's walks, and
 * record in @b those that were dirty (withhold.c). Of a leaf that is withheld already
 * what it was then is recorded. Tables stay, and entries keep all but their present
 * bits: pgt_unmap, which comes next, gathers them, and pgt_give_back undoes it. Cannot
 * fail.
 */
void pgt_withhold(struct pgt *pgt, struct pgt_bits *b);
/* What is withheld in [first, last], of leaves mapped with @prot, is as it was, dirty
 * or clean. Nothing needs to be invalidated. */
void pgt_give_back(struct pgt *pgt, u64 first, u64 last, unsigned int prot);

/* Make the leaf at @iova dirty, in the one entry that @iova falls in, as
 * hardware would: -ENOENT where nothing is mapped. Where dirty is a way of being
 * writable (Arm), a leaf that may not be written stays as it is. */
int pgt_set_dirty(struct pgt *pgt, u64 iova);

/*
 * The least that a harvest must do: each entry that translates a part of a range is read
 * once, of tables of all levels (read.c).
 */
struct pgt_span {
	const u64 *entries;
	u64 n;
};

/* A way to read; which is the fastest depends on the processor. */
struct pgt_read_loop {
	const char *name;
	bool (*usable)(void); /* NULL: on any processor */
	u64 (*sum)(const struct pgt_span *spans, u64 n);
};

/* Ended by NULL; the first is for any processor. */
extern const struct pgt_read_loop *const pgt_read_loops[];

struct pgt_read {
	const struct pgt_read_loop *loop;
	bool linear; /* by address, not as a harvest comes to the tables */
	bool evict; /* take them out of the processor's caches instead of reading */
	u64 sum, entries; /* the entries, added up; and how many they are */
	u64 ns; /* processor time of the reading alone */
};

/* -ENOMEM; -EOPNOTSUPP: nothing can be evicted. */
int pgt_read_tables(struct pgt *pgt, u64 first, u64 last, struct pgt_read *r);

#endif
