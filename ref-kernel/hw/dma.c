/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * DMA, as the IOMMU sees a request: context, IOTLB or walk, then memory.
 */
#include "iommu.h"

/*
 * Translate @iova for one access. A cached leaf serves if it allows the access
 * and, where D bits are being set, a write finds D known to be set; if not, the
 * walk decides. As in hardware, the D bit of a write is set before its bytes are
 * moved: a harvest may clear it in between, but then invalidates, and that waits
 * for the bytes.
 */
enum iodirty_fault hw_translate(struct hw_dev *dev, u32 pasid, bool write, u64 iova,
				struct hw_xlate *x)
{
	struct hw_iommu *iommu = dev->iommu;
	const struct hw_context *ctx = hw_context_find(dev, pasid);
	enum iodirty_fault fault;
	struct hw_walk walk;
	struct hw_tag tag;
	bool nested, track;

	if (!ctx)
		return IODIRTY_FAULT_NOT_ATTACHED;
	nested = ctx->stage1.kind != HW_STAGE1_NONE;
	walk = hw_walk_of(iommu, ctx, pasid, iova, write);
	tag = nested ? hw_nest_tag(ctx, pasid) : walk.tag;
	track = walk.track || nested;
	if (hw_iotlb_lookup(&iommu->iotlb, tag, iova, x) &&
	    (write ? x->write && (x->dirty || !track) : x->read)) {
		port_count(&iommu->count.iotlb_hits, 1);
	} else {
		port_count(&iommu->count.iotlb_misses, 1);
		port_count(&iommu->count.walks, 1);
		fault = nested ? hw_nest_translate(iommu, ctx, pasid, iova, write, x) :
				 iommu->walker->walk(&walk, x);
		if (fault)
			return fault;
		hw_iotlb_fill(&iommu->iotlb, tag, iova, x);
	}
	x->dirty |= !track;
	return IODIRTY_FAULT_NONE;
}

/* As hw_dev_translate, of a device that may be stopped. in_flight is held. */
static enum iodirty_fault translate(struct hw_dev *dev, u32 pasid, bool write, u64 iova,
				    struct hw_xlate *x)
{
	return dev->stopped ? IODIRTY_FAULT_STOPPED : hw_dev_translate(dev, pasid, write, iova, x);
}

static void note(struct hw_dev *dev, u64 iova, u64 length)
{
	if (dev->note)
		dev->note(dev->note_data, iova, length);
}

void hw_dev_log(struct hw_dev *dev, void (*told)(void *data, u64 iova, u64 length), void *data)
{
	port_rwsem_write(&dev->iommu->in_flight);
	dev->note = told;
	dev->note_data = data;
	port_rwsem_write_end(&dev->iommu->in_flight);
}

void hw_dev_stop(struct hw_dev *dev, bool stop)
{
	port_rwsem_write(&dev->iommu->in_flight);
	dev->stopped = stop;
	port_rwsem_write_end(&dev->iommu->in_flight);
}

/* How far from @iova one translation and one page of memory reach. */
static u64 reach(const struct hw_xlate *x, u64 iova)
{
	return port_min((1ULL << x->lg2) - (iova - x->iova_first),
			PORT_PAGE_SIZE - (x->pa & (PORT_PAGE_SIZE - 1)));
}

/* Move the first bytes of what is left, at least one: *@moved says how many. */
static enum iodirty_fault dma_part(struct hw_dev *dev, u32 pasid, bool write, u64 iova, u8 *buf,
				   u64 length, u64 *moved)
{
	struct hw_iommu *iommu = dev->iommu;
	struct hw_xlate x;
	enum iodirty_fault fault;

	port_rwsem_read(&iommu->in_flight);
	fault = translate(dev, pasid, write, iova, &x);
	if (!fault) {
		*moved = port_min(length, reach(&x, iova));
		if (write)
			note(dev, iova, *moved);
		if (write ? port_phys_write(x.pa, buf, *moved) : port_phys_read(x.pa, buf, *moved))
			fault = IODIRTY_FAULT_MEMORY;
	}
	port_rwsem_read_end(&iommu->in_flight);
	return fault;
}

void hw_dev_record(struct hw_dev *dev, struct hw_recorder *recorder, u32 id)
{
	dev->recorder = recorder;
	dev->record_id = id;
}

static void record(struct hw_dev *dev, u32 pasid, enum iodirty_dma_op op, u64 iova, u64 length)
{
	if (dev->recorder)
		hw_recorder_note(dev->recorder, dev->record_id, pasid, op, iova, length);
}

u64 hw_dma(struct hw_dev *dev, u32 pasid, bool write, u64 iova, void *buf, u64 length,
	   struct hw_fault *fault)
{
	enum iodirty_fault reason = IODIRTY_FAULT_NONE;
	u64 done = 0, moved;

	port_count(&dev->iommu->count.dma_ops, 1);
	if (length && iova + (length - 1) < iova)
		reason = IODIRTY_FAULT_ADDRESS;
	while (!reason && done < length) {
		reason = dma_part(dev, pasid, write, iova + done, (u8 *)buf + done, length - done,
				  &moved);
		if (!reason)
			done += moved;
	}
	record(dev, pasid, write ? IODIRTY_DMA_WRITE : IODIRTY_DMA_READ, iova, done);
	*fault = (struct hw_fault){ .reason = reason, .iova = reason ? iova + done : 0 };
	return done;
}

static enum port_atomic atomic_op(enum iodirty_dma_op op)
{
	switch (op) {
	case IODIRTY_DMA_FETCH_ADD:
		return PORT_FETCH_ADD;
	case IODIRTY_DMA_SWAP:
		return PORT_SWAP;
	default:
		return PORT_CAS;
	}
}

/*
 * An AtomicOp needs both permissions, and D is set only for a request that may
 * go on: hence the read is translated first. D is set before the comparison,
 * whatever that will say. What is not aligned faults as a bad address.
 */
bool hw_dma_atomic(struct hw_dev *dev, u32 pasid, enum iodirty_dma_op op, u64 iova,
		   unsigned int size, u64 operand, u64 compare, u64 *old, struct hw_fault *fault)
{
	struct hw_iommu *iommu = dev->iommu;
	enum iodirty_fault reason = IODIRTY_FAULT_ADDRESS;
	struct hw_xlate x;

	port_count(&iommu->count.dma_ops, 1);
	if (!(iova & (size - 1))) {
		port_rwsem_read(&iommu->in_flight);
		reason = translate(dev, pasid, false, iova, &x);
		if (!reason)
			reason = translate(dev, pasid, true, iova, &x);
		if (!reason)
			note(dev, iova, size);
		if (!reason && port_phys_atomic(x.pa, atomic_op(op), size, operand, compare, old))
			reason = IODIRTY_FAULT_MEMORY;
		port_rwsem_read_end(&iommu->in_flight);
	}
	record(dev, pasid, op, iova, reason ? 0 : size);
	*fault = (struct hw_fault){ .reason = reason, .iova = reason ? iova : 0 };
	return !reason;
}
