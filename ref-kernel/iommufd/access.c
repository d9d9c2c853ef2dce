/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * In-kernel users of an IOAS: what an mdev driver calls to reach the memory
 * behind IOVAs with the processor. Its writes pass no IOMMU, so no HWPT ever
 * reports them. An unmap asks it to let go (access_ops.unmap) and waits.
 *
 * Locks: access->lock is taken outside ioas->rwsem, and is not held while the
 * unmap callback runs, which unpins and so takes both.
 */
#include "core.h"

/* One access_pin_pages: a pin for each area that it touches. */
struct access_pin {
	struct access_pin *next;
	u64 first, last; /* the IOVAs asked for */
	struct area *area;
	struct ioas *ioas;
	u64 index, n; /* pages of the area's memory */
	struct port_pin pin;
};

struct access *access_create(struct iommufd_ctx *ctx, const struct access_ops *ops, void *data,
			     int *err)
{
	struct access *access = object_alloc(ctx, sizeof(*access), OBJECT_ACCESS);

	if (!access) {
		*err = -ENOMEM;
		return NULL;
	}
	access->ops = ops;
	access->data = data;
	port_mutex_init(&access->lock);
	ctx_hold(ctx);
	/* Its owner ends it: IOMMU_DESTROY finds it in use. */
	object_hold(&access->obj);
	object_publish(&access->obj);
	return access;
}

static void drop_link(struct ioas *ioas, struct access_link *link)
{
	struct access_link **at = &ioas->accesses;

	port_mutex_lock(&ioas->access_lock);
	while (*at != link)
		at = &(*at)->next;
	*at = link->next;
	port_mutex_unlock(&ioas->access_lock);
	port_free(link);
}

static int enter_ioas(struct access *access, struct ioas *ioas, struct access_link **out)
{
	struct access_link *link = port_alloc(sizeof(*link));
	int err;

	if (!link)
		return -ENOMEM;
	link->access = access;
	port_rwsem_write(&ioas->rwsem);
	port_mutex_lock(&ioas->access_lock);
	link->next = ioas->accesses;
	ioas->accesses = link;
	port_mutex_unlock(&ioas->access_lock);
	err = ioas_update_alignment(ioas);
	if (err)
		drop_link(ioas, link);
	port_rwsem_write_end(&ioas->rwsem);
	*out = link;
	return err;
}

static void leave_ioas(struct ioas *ioas, struct access_link *link)
{
	port_rwsem_write(&ioas->rwsem);
	drop_link(ioas, link);
	ioas_update_alignment(ioas); /* it can only become less strict */
	port_rwsem_write_end(&ioas->rwsem);
	object_put(&ioas->obj);
}

int access_replace(struct access *access, u32 ioas_id)
{
	struct access_link *link = NULL, *old_link;
	struct ioas *new = NULL, *old;
	int err = 0;

	if (ioas_id) {
		new = object_get(access->obj.ctx, ioas_id, OBJECT_IOAS);
		if (!new)
			return -ENOENT;
	}
	port_mutex_lock(&access->lock);
	old = access->ioas;
	if (new == old)
		goto put_new;
	err = new ? enter_ioas(access, new, &link) : 0;
	if (err)
		goto put_new;
	old_link = access->link;
	access->ioas = new;
	access->link = link;
	port_mutex_unlock(&access->lock);

	if (old) {
		access->ops->unmap(access->data, 0, UINT64_MAX);
		leave_ioas(old, old_link);
	}
	return 0;

put_new:
	port_mutex_unlock(&access->lock);
	if (new)
		object_put(&new->obj);
	return err;
}

void access_destroy(struct access *access)
{
	access_replace(access, 0); /* leaving cannot fail */
	object_unpublish(&access->obj);
	object_put(&access->obj);
}

void access_release(struct object *obj)
{
	struct access *access = (struct access *)obj;
	struct iommufd_ctx *ctx = obj->ctx;

	access->ops->release(access->data);
	port_mutex_destroy(&access->lock);
	port_free(access);
	ctx_put(ctx);
}

/* The part of [first, last] in @area, as pages of its memory. */
static void area_pages(const struct area *area, u64 first, u64 last, u64 *index, u64 *n)
{
	u64 base = area->pages->skip + area->offset;
	u64 from = port_max(first, area->node.key) - area->node.key;
	u64 to = port_min(last, area->last) - area->node.key;

	*index = (base + from) >> PORT_PAGE_LG2;
	*n = ((base + to) >> PORT_PAGE_LG2) - *index + 1;
}

static int hold_area(struct ioas *ioas, struct area *area)
{
	int err = 0;

	port_mutex_lock(&ioas->access_lock);
	if (area->closing)
		err = -EINVAL;
	else
		area->accesses++;
	port_mutex_unlock(&ioas->access_lock);
	return err;
}

static void release_area(struct ioas *ioas, struct area *area)
{
	port_mutex_lock(&ioas->access_lock);
	area->accesses--;
	port_mutex_unlock(&ioas->access_lock);
}

static void drop_pin(struct access_pin *pin)
{
	iopages_unpin_access(pin->area->pages, pin->index, pin->n, &pin->pin);
	release_area(pin->ioas, pin->area);
	port_free(pin);
}

/* Pin what [first, last] has in @area, and note the physical pages. */
static int pin_area(struct access *access, struct area *area, u64 first, u64 last, bool write,
		    u64 *phys, struct access_pin **out)
{
	struct access_pin *pin;
	int err;

	if (write && !(area->prot & PGT_WRITE))
		return -EPERM;
	pin = port_alloc(sizeof(*pin));
	if (!pin)
		return -ENOMEM;
	pin->area = area;
	pin->ioas = access->ioas;
	pin->first = first;
	pin->last = last;
	err = hold_area(access->ioas, area);
	if (err)
		goto free;
	area_pages(area, first, last, &pin->index, &pin->n);
	err = iopages_pin_access(area->pages, pin->index, pin->n, &pin->pin, write);
	if (err) {
		release_area(access->ioas, area);
		goto free;
	}
	for (u64 i = 0; i < pin->n; i++)
		port_pin_run(&pin->pin, i, 1, &phys[i]);
	*out = pin;
	return 0;
free:
	port_free(pin);
	return err;
}

/* access->lock and ioas->rwsem held. */
static int pin_areas(struct access *access, u64 first, u64 last, bool write, u64 *phys)
{
	struct access_pin *pins = NULL, *pin;
	u64 done = 0;

	for (struct area *area = ioas_area_at(access->ioas, first); area && area->node.key <= last;
	     area = area_of(port_map_next(&area->node))) {
		int err = pin_area(access, area, first, last, write, &phys[done], &pin);

		if (err) {
			while ((pin = pins)) {
				pins = pin->next;
				drop_pin(pin);
			}
			return err;
		}
		done += pin->n;
		pin->next = pins;
		pins = pin;
	}
	while ((pin = pins)) {
		pins = pin->next;
		pin->next = access->pins;
		access->pins = pin;
	}
	return 0;
}

int access_pin_pages(struct access *access, u64 iova, u64 length, bool write, u64 *phys)
{
	u64 last = iova + length - 1;
	struct ioas *ioas;
	int err;

	if (!access->ops->needs_pin || !length)
		return -EINVAL;
	if (last < iova)
		return -EOVERFLOW;
	port_mutex_lock(&access->lock);
	ioas = access->ioas;
	err = -ENOENT;
	if (!ioas)
		goto unlock;
	port_rwsem_read(&ioas->rwsem);
	if (ioas_covered(ioas, iova, last))
		err = pin_areas(access, iova, last, write, phys);
	port_rwsem_read_end(&ioas->rwsem);
unlock:
	port_mutex_unlock(&access->lock);
	return err;
}

void access_unpin_pages(struct access *access, u64 iova, u64 length)
{
	struct access_pin **at, *gone = NULL, *pin;
	u64 last = iova + length - 1, expect = iova;

	port_mutex_lock(&access->lock);
	at = &access->pins;
	/* The pins of one call, newest call first: one for each of its areas. */
	while ((pin = *at)) {
		if (pin->first != iova || pin->last != last ||
		    port_max(pin->first, pin->area->node.key) != expect) {
			at = &pin->next;
			continue;
		}
		*at = pin->next;
		pin->next = gone;
		gone = pin;
		if (pin->area->last >= last)
			break;
		expect = pin->area->last + 1;
		at = &access->pins;
	}
	port_mutex_unlock(&access->lock);
	while ((pin = gone)) {
		gone = pin->next;
		drop_pin(pin);
	}
}

int access_rw(struct access *access, u64 iova, void *buf, u64 length, bool write)
{
	u64 last = iova + length - 1;
	struct ioas *ioas;
	u8 *bytes = buf;
	int err = -ENOENT;

	if (!length)
		return -EINVAL;
	if (last < iova)
		return -EOVERFLOW;
	port_mutex_lock(&access->lock);
	ioas = access->ioas;
	if (!ioas)
		goto unlock;
	port_rwsem_read(&ioas->rwsem);
	if (!ioas_covered(ioas, iova, last))
		goto unlock_ioas;
	err = 0;
	for (struct area *area = ioas_area_at(ioas, iova); !err && area && area->node.key <= last;
	     area = area_of(port_map_next(&area->node))) {
		u64 from = port_max(iova, area->node.key), to = port_min(last, area->last);

		if (!(area->prot & (write ? PGT_WRITE : PGT_READ)))
			err = -EPERM;
		else
			err = iopages_rw(area->pages, area->offset + (from - area->node.key),
					 bytes + (from - iova), to - from + 1, write);
	}
unlock_ioas:
	port_rwsem_read_end(&ioas->rwsem);
unlock:
	port_mutex_unlock(&access->lock);
	return err;
}

/* The @index-th access of the list, held against its end; NULL past the last. */
static struct access *nth_access(struct ioas *ioas, u32 index)
{
	struct access *access = NULL;
	struct access_link *link;

	port_mutex_lock(&ioas->access_lock);
	link = ioas->accesses;
	while (link && index--)
		link = link->next;
	if (link) {
		access = link->access;
		object_hold(&access->obj);
	}
	port_mutex_unlock(&ioas->access_lock);
	return access;
}

void ioas_for_each_pin(struct ioas *ioas, void (*fn)(void *data, u64 first, u64 last), void *data)
{
	struct access *access;

	for (u32 i = 0; (access = nth_access(ioas, i)); i++) {
		port_mutex_lock(&access->lock);
		for (struct access_pin *pin = access->pins; pin; pin = pin->next)
			if (pin->ioas == ioas)
				fn(data, pin->first, pin->last);
		port_mutex_unlock(&access->lock);
		object_put(&access->obj);
	}
}

void ioas_notify_unmap(struct ioas *ioas, u64 iova, u64 last)
{
	struct access *access;

	/* The list may change meanwhile; who unmaps asks again until nothing
	 * is pinned, so one passed over is met the next time. */
	for (u32 i = 0; (access = nth_access(ioas, i)); i++) {
		access->ops->unmap(access->data, iova, last - iova + 1);
		object_put(&access->obj);
	}
}
