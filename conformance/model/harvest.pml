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
 *	PLAIN_CLEAR	D is cleared by a load and a store
 *	REPORT_ALL	all leaves are reported
 *	LEAF_ONLY	with SKIP: the walk cache is not invalidated
 *	SCAN_EARLY	with SKIP: it is invalidated after the leaves were looked at
 *	CLEAR_LATE	with SKIP: A is cleared after they were looked at
 *	PLAIN_A		with SKIP: A is cleared by a load and a store
 *	SOFT_DIRTY	with SKIP, UNDELIVER: who makes a leaf dirty again sets no A above
 *	SOFT_FIRST	with SKIP, UNDELIVER, PARALLEL: who does sets A before D
 *
 * These must hold:
 *
 *	SKIP		leaves below an upper entry whose A bit is clear are not looked at. A set
 *			A bit is cleared first, then the walk cache is invalidated, then the
 *			leaves are looked at. What tells D to be known (the IOTLB or, never so
 *			early, a device's own cache) forgets no more than in a harvest without
 *	FORGET_ALL	with SKIP: the IOTLB forgets then, too
 *	UNDELIVER	a harvest may fail once, and makes dirty again what it has cleaned
 *	PARALLEL	two clients harvest at once, each into a bitmap of its own
 */
#define LEAVES 2
#ifndef WRITES
#define WRITES 4
#endif
#ifndef HARVESTS
#define HARVESTS 2
#endif
#ifdef PARALLEL
#define CLIENTS 2
#else
#define CLIENTS 1
#endif

bool d[LEAVES];		/* in the leaf entries */
bool upper_a;		/* in the entry above both */
bool tlb[LEAVES];	/* cached with D known to be set: no walk */
bool walk_cache;	/* the upper entry is cached: it is not read, nor marked, again */
mtype = { NONE, WALKS, ALL };
mtype issued[CLIENTS] = NONE;	/* an invalidation; of what */
bool complete[CLIENTS];
bool busy;		/* a DMA is under way: it may use a translation that it has */
byte memory[LEAVES], copy[LEAVES];
bool written[LEAVES];	/* since it was last reported: what a report may say */
bool stopped;
byte done;		/* clients that are */
bool failed;		/* a delivery */

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
	byte c;

end:	do
	:: atomic {
		if
		:: issued[0] != NONE -> c = 0
#ifdef PARALLEL
		:: issued[1] != NONE -> c = 1
#endif
		fi;
		if
		:: issued[c] == ALL -> tlb[0] = false; tlb[1] = false
		:: else -> skip
		fi;
#ifndef LEAF_ONLY
		walk_cache = false
#endif
		}
		/* What is under way may have put back what it had read before. */
		(!busy);
		atomic { issued[c] = NONE; complete[c] = true; c = 0 }
	od
}

inline invalidate(what)
{
#ifdef NO_INVALIDATE
	skip
#else
	complete[me] = false;
	issued[me] = what;
#ifndef NO_WAIT
	(complete[me])
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

/* The delivery fails: what was found dirty is dirty again, as software makes it so. */
inline undeliver()
{
	l = 0;
	do
	:: l < LEAVES ->
		if
		:: bitmap[l] ->
#ifdef SOFT_FIRST
			upper_a = true;
#endif
			atomic { d[l] = true; written[l] = true; bitmap[l] = false }
#if !defined(SOFT_DIRTY) && !defined(SOFT_FIRST)
			upper_a = true
#endif
		:: else -> skip
		fi;
		l++
	:: else -> break
	od
}

inline harvest()
{
#ifdef SKIP
#ifdef CLEAR_LATE
	seen = upper_a;
#else
#ifdef PLAIN_A
	seen = upper_a;
	upper_a = false;
#else
	atomic { seen = upper_a; upper_a = false }
#endif
#endif
	if
	:: seen ->
#ifndef SCAN_EARLY
#ifdef FORGET_ALL
		invalidate(ALL);
#else
		invalidate(WALKS);
#endif
#endif
		look();
#ifdef CLEAR_LATE
		upper_a = false;
#endif
		invalidate(ALL)
	:: else -> skip
	fi
#else
	look();
#ifdef READ_EARLY
	read_pages();
#endif
	invalidate(ALL)
#endif
#ifdef UNDELIVER
	;
	if
	:: atomic { !failed -> failed = true }
		undeliver()
	:: skip
	fi
#endif
}

proctype client(byte me)
{
	byte h, l;
	bool seen, bitmap[LEAVES];

	do
	:: h < HARVESTS -> harvest(); read_pages(); h++
	:: else -> break
	od;
	done++;
	if
	:: me -> skip
	:: else ->
		/* A last one, which does not fail. */
		(stopped && done == CLIENTS);
		failed = true;
		harvest();
		read_pages();
		assert(copy[0] == memory[0] && copy[1] == memory[1])
	fi
}

init
{
	atomic {
		run device();
		run client(0);
#ifdef PARALLEL
		run client(1)
#endif
	}
}
