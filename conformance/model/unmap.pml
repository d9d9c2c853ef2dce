/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The order of things in an unmap that reports: take each entry away, seeing its D in the
 * same atomic operation; invalidate, wait; return; then the client reads the page. A leaf
 * of two entries, of which hardware marks the one that the address picks. One device goes
 * through the IOTLB, another has a cache of its own, which grants writing only where D is
 * set. When the call has returned no write arrives any more; and the page that the client
 * copied, or that it had before if nothing was reported, is what memory holds.
 *
 * The bits may not be deliverable: then the entries are given back, and the call is made
 * again. Variants, by -D, each of which must fail:
 *
 *	READ_FIRST	D is looked at before the entries are taken
 *	PLAIN_TAKE	an entry is taken by a load and a store
 *	ONE_ENTRY	D is looked at in one of the two
 *	IGNORE_D	a write may use what the IOTLB holds without D known to be set
 *	NO_INVALIDATE	nothing is invalidated
 *	NO_WAIT		the invalidation is issued, and not waited for
 *	NO_DEVICE	devices' caches are not invalidated
 *	DEVICE_FIRST	they are before the IOTLB is
 *	BACK_CLEAN	entries are given back without D
 */
#define ENTRIES 2
#define DEVICES 2
#define ATS 1		/* the device that has a cache of its own */
#ifndef ACCESSES
#define ACCESSES 2
#endif

bool present[ENTRIES] = true, d[ENTRIES];
bool tlb, tlb_d;	/* the leaf is cached; with D known to be set */
bool atc;		/* the device may write by itself */
bool busy[DEVICES];	/* a DMA is under way */
bool issued, complete;	/* an invalidation */
bool returned, reported;
byte memory, copy;

proctype device(byte id)
{
	byte n, entry;
	bool write, seen, seen_d;

	do
	:: n < ACCESSES ->
		select (entry : 0 .. ENTRIES - 1);
		if
		:: write = true
		:: write = false
		fi;
		busy[id] = true;
		if
		:: id == ATS && atc -> goto go
		:: else -> skip
		fi;
#ifdef IGNORE_D
		if
		:: tlb -> goto granted
		:: else -> skip
		fi;
#else
		if
		:: tlb && (tlb_d || !write) -> goto granted
		:: else -> skip
		fi;
#endif
walk:		atomic { seen = present[entry]; seen_d = d[entry] }
		if
		:: !seen -> goto done /* it faults */
		:: seen && write ->
			/* A compare-and-swap: it is what was seen, or all begins anew. */
			atomic {
				if
				:: present[entry] && d[entry] == seen_d -> d[entry] = true
				:: else -> goto walk
				fi
			}
			seen_d = true
		:: else -> skip
		fi;
		atomic { tlb = true; tlb_d = seen_d }
granted:
		if
		:: id == ATS && tlb_d -> atc = true
		:: else -> skip
		fi;
go:
		if
		:: write ->
			assert(!returned);
			memory = memory + 1
		:: else -> skip
		fi;
done:		busy[id] = false;
		n++
	:: break /* it may do less */
	od
}

/* Complete means that what was cached is gone, and that no DMA which used it is under
 * way. A device that is told to forget may ask the IOTLB again at once. */
active proctype iommu()
{
end:	do
	:: issued ->
#ifdef DEVICE_FIRST
		atomic { !busy[0] && !busy[1] -> atc = tlb && tlb_d }
#endif
		atomic { !busy[0] && !busy[1] -> tlb = false; tlb_d = false }
#if !defined(DEVICE_FIRST) && !defined(NO_DEVICE)
		atomic { !busy[0] && !busy[1] -> atc = tlb && tlb_d }
#endif
		issued = false;
		complete = true
	od
}

inline take(e)
{
#ifdef PLAIN_TAKE
	seen = d[e];
	atomic { reported = reported || seen; present[e] = false }
#elif defined(READ_FIRST)
	present[e] = false
#elif defined(ONE_ENTRY)
	atomic { reported = reported || (d[e] && e == 0); present[e] = false }
#else
	atomic { reported = reported || d[e]; present[e] = false }
#endif
}

inline give_back(e)
{
#ifdef BACK_CLEAN
	atomic { d[e] = false; present[e] = true }
#else
	present[e] = true
#endif
}

inline take_all()
{
#ifdef READ_FIRST
	reported = d[0];
	reported = reported || d[1];
#endif
	take(0);
	take(1)
}

active proctype client()
{
	bool seen;

	run device(0);
	run device(1);
	take_all();
	if
	:: skip
	::
		reported = false; /* not delivered */
		give_back(0);
		give_back(1);
		take_all()
	fi;
#ifndef NO_INVALIDATE
	issued = true;
#ifndef NO_WAIT
	(complete);
#endif
#endif
	returned = true;
	if
	:: reported -> copy = memory
	:: else -> skip
	fi;
	(!busy[0] && !busy[1] && _nr_pr == 2); /* the devices have ended */
	assert(copy == memory)
}
