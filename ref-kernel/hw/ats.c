/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The device's side of Address Translation Services (PCI Express Base
 * Specification, chapter 10): a cache of translations in the device, the requests
 * that fill it, and its answer to an invalidation.
 *
 * A DMA that hits with the permission it needs goes to memory and is no matter of
 * the IOMMU: no walk, no A, no D. So write permission is given out only with D
 * set. A request that has NW ("no write") clear asks for it, and the IOMMU sets D
 * then, written or not (VT-d chapter 4; Arm IHI 0070 3.13, HTTU on a translation
 * request; AMD alike). One with NW set gets write permission only where D is set
 * already.
 */
#include "iommu.h"

int hw_dev_ats(struct hw_dev *dev, const struct hw_ats *ats)
{
	int err = hw_cache_init_entries(&dev->atc, ats->entries);

	dev->ats = !err;
	dev->eager = ats->eager;
	return err;
}

static struct hw_tag atc_tag(u32 pasid)
{
	return (struct hw_tag){ .pasid = pasid };
}

static bool grants(const struct hw_xlate *x, bool write)
{
	return write ? x->write : x->read;
}

/* A translation request. Where both permissions were asked for and writing is not
 * to be had, the answer says what is. */
static enum iodirty_fault request(struct hw_dev *dev, u32 pasid, bool no_write, u64 iova,
				  struct hw_xlate *x)
{
	enum iodirty_fault fault = hw_translate(dev, pasid, !no_write, iova, x);

	if (fault == IODIRTY_FAULT_PERMISSION && !no_write)
		fault = hw_translate(dev, pasid, false, iova, x);
	if (!fault) {
		x->write = x->write && x->dirty;
		hw_iotlb_fill(&dev->atc, atc_tag(pasid), iova, x);
	}
	return fault;
}

enum iodirty_fault hw_dev_translate(struct hw_dev *dev, u32 pasid, bool write, u64 iova,
				    struct hw_xlate *x)
{
	struct hw_counters *count = &dev->iommu->count;
	enum iodirty_fault fault;

	if (!dev->ats)
		return hw_translate(dev, pasid, write, iova, x);
	if (hw_iotlb_lookup(&dev->atc, atc_tag(pasid), iova, x) && grants(x, write)) {
		port_count(&count->atc_hits, 1);
		return IODIRTY_FAULT_NONE;
	}
	port_count(&count->atc_misses, 1);
	fault = request(dev, pasid, !write && !dev->eager, iova, x);
	return fault || grants(x, write) ? fault : IODIRTY_FAULT_PERMISSION;
}

/*
 * A device may ask again for what it has just been told to forget, at once and
 * before anything else is invalidated, and this one does, with NW set: an
 * invalidation that comes before the IOTLB's is undone by it.
 */
void hw_atc_invalidate(struct hw_dev *dev, u32 pasid, u64 first, u64 last)
{
	unsigned int at = 0;
	struct hw_slot slot;
	struct hw_xlate x;

	hw_cache_forget(&dev->atc, atc_tag(pasid), first, last);
	while (hw_cache_gone(&dev->atc, &at, &slot))
		request(dev, slot.tag.pasid, true, slot.first, &x);
}

void hw_atc_reset(struct hw_dev *dev, u32 pasid)
{
	if (dev->ats)
		hw_cache_forget(&dev->atc, atc_tag(pasid), 0, ~0ULL);
}
