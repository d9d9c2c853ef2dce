/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The order of things in a harvest: set D, cache, clear, invalidate, wait, return, then
 * read the page. A device writes to two leaves through an IOTLB and a walk cache; a
 * client harvests, and after each harvest copies the pages reported to a second memory.
 * When the device has stopped and a last harvest is done, both memories are the same:
 * no write is lost. And no leaf is reported that was not written to.
 *
 * Each step of a process is what the other can see; hardware's update of an entry is one
 * step (an atomic operation). Variants, by -D, each of which must fail:
 *
 *	NO_INVALIDATE	the IOTLB is not invalidated
 *	NO_WAIT		the invalidation is issued, and not waited for
 *	READ_EARLY	the client reads the page before the harvest has returned
 *	LEAF_ONLY	with SKIP: the walk cache is not invalidated
 *	SCAN_EARLY	with SKIP: it is invalidated after the leaves were looked at
 *	PLAIN_CLEAR	D is cleared by a load and a store
 *	REPORT_ALL	all leaves are reported
 *
 * SKIP, which must hold: leaves below an upper entry whose A bit is clear are not looked
 * at. A set A bit is cleared first, then the walk cache is invalidated, then the leaves.
 */
#define LEAVES 2
#ifndef WRITES
#define WRITES 4
#endif
#ifndef HARVESTS
#define HARVESTS 2
#endif

bool d[LEAVES];		/* in the leaf entries */
bool upper_a;		/* in the entry above both */
bool tlb[LEAVES];	/* cached with D known to be set: no walk */
bool walk_cache;	/* the upper entry is cached: it is not read, nor marked, again */
bool issued, complete;	/* an invalidation */
bool busy;		/* a DMA is under way: it may use a translation that it has */
byte memory[LEAVES], copy[LEAVES];
bool bitmap[LEAVES];
bool written[LEAVES];	/* since it was last reported: what a report may say */
bool stopped;

proctype device()
{
	byte n, leaf;

	do
	:: n < WRITES ->
		select (leaf : 0 .. LEAVES - 1);
		busy = true;
		if
		:: tlb[leaf] -> skip
		:: else ->
			/* The walk: A above, unless that entry is cached; then A and D
			 * in the leaf, by one atomic update; then both are cached. */
			if
			:: walk_cache -> skip
			:: else -> atomic { upper_a = true; walk_cache = true }
			fi;
			atomic { d[leaf] = true; tlb[leaf] = true; written[leaf] = true }
		fi;
		atomic { memory[leaf] = memory[leaf] + 1; written[leaf] = true }
		busy = false;
		n++
	:: break /* it may write less */
	od;
	stopped = true
}

/* Takes invalidations one after the other. Complete means that what was cached is gone,
 * and that no DMA which used it is under way. */
active proctype iommu()
{
end:	do
	:: issued ->
		atomic {
			tlb[0] = false;
#ifndef LEAF_ONLY
			walk_cache = false;
#endif
			tlb[1] = false
		}
		/* What is under way may have put back what it had read before. */
		(!busy);
		issued = false;
		complete = true
	od
}

inline invalidate()
{
#ifdef NO_INVALIDATE
	skip
#else
	complete = false;
	issued = true;
#ifndef NO_WAIT
	(complete)
#endif
#endif
}

inline read_pages()
{
	l = 0;
	do
	:: l < LEAVES ->
		if
		:: bitmap[l] -> copy[l] = memory[l]; bitmap[l] = false
		:: else -> skip
		fi;
		l++
	:: else -> break
	od
}

inline look()
{
	l = 0;
	do
	:: l < LEAVES ->
#ifdef REPORT_ALL
		bitmap[l] = true;
		assert(written[l]);
#endif
#ifdef PLAIN_CLEAR
		seen = d[l];
		if
		:: seen -> written[l] = false; bitmap[l] = true
		:: else -> skip
		fi;
		d[l] = false;
#else
		atomic {
			if
			:: d[l] ->
				assert(written[l]);
				written[l] = false;
				d[l] = false;
				bitmap[l] = true
			:: else -> skip
			fi
		}
#endif
		l++
	:: else -> break
	od
}

inline harvest()
{
#ifdef SKIP
	atomic { seen = upper_a; upper_a = false }
	if
	:: seen ->
#ifndef SCAN_EARLY
		invalidate();
#endif
		look();
		invalidate()
	:: else -> skip
	fi
#else
	look();
#ifdef READ_EARLY
	read_pages();
#endif
	invalidate()
#endif
}

active proctype client()
{
	byte h, l;
	bool seen;

	run device();
	do
	:: h < HARVESTS -> harvest(); read_pages(); h++
	:: else -> break
	od;
	(stopped);
	harvest();
	read_pages();
	assert(copy[0] == memory[0] && copy[1] == memory[1])
}
