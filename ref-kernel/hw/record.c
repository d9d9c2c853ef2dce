/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A record of DMA: what devices read and wrote, in the order in which that was complete.
 * Whoever comes when there is no room is counted, and never waits.
 */
#include "hw.h"

void hw_recorder_init(struct hw_recorder *r)
{
	memset(r, 0, sizeof(*r));
	port_mutex_init(&r->lock);
	port_mutex_init(&r->read_lock);
}

void hw_recorder_destroy(struct hw_recorder *r)
{
	port_mutex_destroy(&r->read_lock);
	port_mutex_destroy(&r->lock);
	port_free(r->entries);
}

static int start(struct hw_recorder *r, struct iodirty_record_entry *entries, u32 capacity)
{
	struct iodirty_record_entry *before;

	port_mutex_lock(&r->lock);
	if (r->on) {
		port_mutex_unlock(&r->lock);
		port_free(entries);
		return -EBUSY;
	}
	before = r->entries;
	r->entries = entries;
	r->capacity = capacity;
	r->first = r->n = r->lost = 0;
	r->start_ns = port_now_ns();
	port_store(&r->on, 1);
	port_mutex_unlock(&r->lock);
	port_free(before);
	return 0;
}

int hw_recorder_start(struct hw_recorder *r, u32 capacity)
{
	struct iodirty_record_entry *entries;
	int err;

	if (!capacity || capacity > IODIRTY_RECORD_MAX)
		return -EINVAL;
	entries = port_alloc(capacity * sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	port_mutex_lock(&r->read_lock);
	err = start(r, entries, capacity);
	port_mutex_unlock(&r->read_lock);
	return err;
}

int hw_recorder_stop(struct hw_recorder *r)
{
	int err;

	port_mutex_lock(&r->lock);
	err = r->on ? 0 : -EINVAL;
	port_store(&r->on, 0);
	port_mutex_unlock(&r->lock);
	return err;
}

u32 hw_recorder_peek(struct hw_recorder *r, struct iodirty_record_entry *out, u32 n, u64 *lost)
{
	port_mutex_lock(&r->lock);
	n = port_min(n, r->n);
	for (u32 i = 0; i < n; i++)
		out[i] = r->entries[(r->first + i) % r->capacity];
	*lost = r->lost;
	port_mutex_unlock(&r->lock);
	return n;
}

void hw_recorder_drop(struct hw_recorder *r, u32 n)
{
	port_mutex_lock(&r->lock);
	r->first = (r->first + n) % r->capacity;
	r->n -= n;
	port_mutex_unlock(&r->lock);
}

void hw_recorder_note(struct hw_recorder *r, u32 dev_id, u32 pasid, enum iodirty_dma_op op,
		      u64 iova, u64 length)
{
	if (!port_load(&r->on) || !length)
		return;
	port_mutex_lock(&r->lock);
	if (r->on && r->n < r->capacity)
		r->entries[(r->first + r->n++) % r->capacity] = (struct iodirty_record_entry){
			.ns = port_now_ns() - r->start_ns,
			.iova = iova,
			.length = length,
			.dev_id = dev_id,
			.pasid = pasid,
			.op = op,
		};
	else
		r->lost += r->on;
	port_mutex_unlock(&r->lock);
}
