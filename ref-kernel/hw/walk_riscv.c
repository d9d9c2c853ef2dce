/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The walk of Sv39, Sv48 and Sv57: RISC-V Instruction Set Manual, Volume II,
 * Privileged Architecture, "Virtual Address Translation Process", whose step is
 * named where it is done, with Svnapot and Svpbmt. RISC-V IOMMU Architecture
 * Specification: requests are without supervisor privilege, and A and D are updated
 * with DC.tc.SADE, which is set when @track. Levels count from 0, as there.
 */
#include "pgtable/bits/riscv.h"
#include "walkers.h"

#define PTE_RWX (RISCV_R | RISCV_W | RISCV_X)
#define NAPOT_64K_LG2 16

static u64 low_bits(unsigned int n)
{
	return (1ULL << n) - 1;
}

/* Step 3: reserved bits and encodings of a valid entry. */
static bool reserved(u64 pte, unsigned int level)
{
	if (pte & RISCV_RESERVED || (pte & (RISCV_R | RISCV_W)) == RISCV_W)
		return true;
	if (!(pte & PTE_RWX))
		return pte & (RISCV_D | RISCV_A | RISCV_U | RISCV_PBMT | RISCV_N);
	if ((pte & RISCV_PBMT) == RISCV_PBMT)
		return true;
	/* One size of NAPOT leaf is defined, at the lowest level. */
	return pte & RISCV_N && (level || (pte & RISCV_NAPOT_64K_MASK) != RISCV_NAPOT_64K);
}

static enum iodirty_fault walk(struct hw_walk *w, struct hw_xlate *out)
{
	const struct hw_geometry *g = w->tables;
	const unsigned int va_bits = g->granule_lg2 + g->levels * g->index_lg2;
	unsigned int lg2;
	u64 *p, pte, pa, updated;
	struct hw_place at;

	/* What is above the address's highest bit is a copy of it, or a page fault. */
	if (w->iova >> (va_bits - 1) && ~w->iova >> (va_bits - 1))
		return IODIRTY_FAULT_ADDRESS;
again:
	if (w->fault)
		return w->fault;
	/* Step 1: begin at iosatp.PPN. Tables above give and take no permission. */
	at = (struct hw_place){ .level = g->levels - 1, .lg2 = va_bits, .table = w->root };
	hw_walk_begin(w, &at);
	for (;;) {
		/* Step 2: the entry that VPN[i] picks. */
		lg2 = g->granule_lg2 + at.level * g->index_lg2;
		p = hw_walk_entry(w, at.table, w->iova >> lg2 & low_bits(g->index_lg2));
		if (!p)
			return w->fault;
		pte = port_load(p);
		/* Step 3. */
		if (!(pte & RISCV_V))
			return IODIRTY_FAULT_NOT_PRESENT;
		if (reserved(pte, at.level))
			return IODIRTY_FAULT_BAD_TABLE;
		/* Step 4: a leaf, or a pointer to the next level, if there is one. */
		pa = (pte & RISCV_PPN_MASK) >> RISCV_PPN_SHIFT << g->granule_lg2;
		if (pte & PTE_RWX)
			break;
		if (!at.level)
			return IODIRTY_FAULT_BAD_TABLE;
		at.table = pa;
		at.level--;
		at.lg2 = lg2;
		hw_walk_down(w, &at);
	}
	/* Svnapot: the low bits of the PPN code the size, and stand for VPN's. */
	if (pte & RISCV_N) {
		lg2 = NAPOT_64K_LG2;
		pa &= ~low_bits(lg2);
	}
	/* A misaligned superpage. */
	if (pa & low_bits(lg2))
		return IODIRTY_FAULT_BAD_TABLE;
	/* Is the access allowed, to one without supervisor privilege? */
	if (!(pte & RISCV_U) || !(pte & (w->write ? RISCV_W : RISCV_R)))
		return IODIRTY_FAULT_PERMISSION;
	/*
	 * A, and D for a write: with SADE in one atomic update of an entry still as
	 * it was; without, it is a page fault that they are not set. Of a NAPOT
	 * leaf, it is the entry that this address picked.
	 */
	updated = pte | RISCV_A | (w->write ? RISCV_D : 0);
	if (!w->track && updated != pte)
		return IODIRTY_FAULT_PERMISSION;
	if (!hw_walk_mark(w, p, pte, updated))
		goto again;
	if (updated & ~pte & RISCV_D)
		port_count(w->dirty_sets, 1);
	*out = (struct hw_xlate){
		.pa = pa | (w->iova & low_bits(lg2)),
		.iova_first = w->iova & ~low_bits(lg2),
		.lg2 = lg2,
		.read = pte & RISCV_R,
		/* Without SADE, what is clean may not be written. */
		.write = pte & RISCV_W && (w->track || updated & RISCV_D),
		.dirty = updated & RISCV_D,
	};
	return IODIRTY_FAULT_NONE;
}

const struct hw_walker hw_walker_riscv_sv39 = { .format = "riscv-sv39", .walk = walk };
const struct hw_walker hw_walker_riscv_sv48 = { .format = "riscv-sv48", .walk = walk };
const struct hw_walker hw_walker_riscv_sv57 = { .format = "riscv-sv57", .walk = walk };
