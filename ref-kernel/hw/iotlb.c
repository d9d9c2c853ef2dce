/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "iommu.h"

int hw_iotlb_init(struct hw_iotlb *tlb, unsigned int nr)
{
	tlb->entries = nr ? port_alloc(nr * sizeof(*tlb->entries)) : NULL;
	if (nr && !tlb->entries)
		return -ENOMEM;
	tlb->nr = nr;
	tlb->sizes = 0;
	port_mutex_init(&tlb->lock);
	return 0;
}

void hw_iotlb_fini(struct hw_iotlb *tlb)
{
	port_mutex_destroy(&tlb->lock);
	port_free(tlb->entries);
}

/* The one slot that a leaf of 2^lg2 bytes at @iova can be in. */
static struct hw_iotlb_entry *slot(struct hw_iotlb *tlb, const struct hw_tag *tag, u64 iova,
				   unsigned int lg2)
{
	u64 whose = 127ULL * tag->domain + 131ULL * tag->stage1 + 137ULL * tag->pasid;

	return &tlb->entries[((iova >> lg2) + 61 * lg2 + whose) % tlb->nr];
}

static bool same(const struct hw_tag *a, const struct hw_tag *b)
{
	return a->domain == b->domain && a->stage1 == b->stage1 && a->pasid == b->pasid;
}

static u64 leaf_first(u64 iova, unsigned int lg2)
{
	return iova & ~((1ULL << lg2) - 1);
}

bool hw_iotlb_lookup(struct hw_iotlb *tlb, const struct hw_tag *tag, u64 iova, struct hw_xlate *x)
{
	bool hit = false;
	u64 sizes;

	port_mutex_lock(&tlb->lock);
	for (sizes = tlb->sizes; sizes && !hit; sizes &= sizes - 1) {
		unsigned int lg2 = port_ctz(sizes);
		const struct hw_iotlb_entry *e = slot(tlb, tag, iova, lg2);

		hit = e->valid && same(&e->tag, tag) && e->x.lg2 == lg2 &&
		      e->x.iova_first == leaf_first(iova, lg2);
		if (hit) {
			*x = e->x;
			x->pa += iova - x->iova_first;
		}
	}
	port_mutex_unlock(&tlb->lock);
	return hit;
}

void hw_iotlb_fill(struct hw_iotlb *tlb, const struct hw_tag *tag, u64 iova,
		   const struct hw_xlate *x)
{
	struct hw_iotlb_entry *e;

	if (!tlb->nr)
		return;
	port_mutex_lock(&tlb->lock);
	e = slot(tlb, tag, iova, x->lg2);
	*e = (struct hw_iotlb_entry){ .valid = true, .tag = *tag, .x = *x };
	e->x.pa -= iova - x->iova_first;
	tlb->sizes |= 1ULL << x->lg2;
	port_mutex_unlock(&tlb->lock);
}

/* @stage1 NULL: of any. */
static void forget(struct hw_iotlb *tlb, u32 domain, const u32 *stage1, u64 first, u64 last)
{
	u64 sizes = 0;
	unsigned int i;

	port_mutex_lock(&tlb->lock);
	for (i = 0; i < tlb->nr; i++) {
		struct hw_iotlb_entry *e = &tlb->entries[i];
		u64 leaf_last = e->x.iova_first + ((1ULL << e->x.lg2) - 1);

		if (e->tag.domain == domain && (!stage1 || e->tag.stage1 == *stage1) &&
		    e->x.iova_first <= last && leaf_last >= first)
			e->valid = false;
		if (e->valid)
			sizes |= 1ULL << e->x.lg2;
	}
	tlb->sizes = sizes;
	port_mutex_unlock(&tlb->lock);
}

void hw_iotlb_forget(struct hw_iotlb *tlb, u32 domain, u32 stage1, u64 first, u64 last)
{
	forget(tlb, domain, &stage1, first, last);
}

void hw_iotlb_forget_domain(struct hw_iotlb *tlb, u32 domain)
{
	forget(tlb, domain, NULL, 0, UINT64_MAX);
}
