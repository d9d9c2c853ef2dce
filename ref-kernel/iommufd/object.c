/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Ids, references and the life of a descriptor. Ids are small integers from 1,
 * the lowest free one first, as in Linux (drivers/iommu/iommufd/main.c).
 */
#include "core.h"

static void (*const object_release[OBJECT_TYPES])(struct object *obj) = {
	[OBJECT_IOAS] = ioas_release,	  [OBJECT_HWPT] = hwpt_release,
	[OBJECT_NESTED] = nested_release, [OBJECT_FAULT] = fault_release,
	[OBJECT_DEVICE] = device_release, [OBJECT_ACCESS] = access_release,
	[OBJECT_STREAM] = stream_release, [OBJECT_SELFTEST] = selftest_release,
	[OBJECT_VFIO] = vfio_release,
};

struct iommufd_ctx *iommufd_open(void)
{
	struct iommufd_ctx *ctx = port_alloc(sizeof(*ctx));

	if (!ctx)
		return NULL;
	port_mutex_init(&ctx->lock);
	port_mutex_init(&ctx->attach_lock);
	hw_recorder_init(&ctx->own_record);
	ctx->record = &ctx->own_record;
	ctx->first_free = 1;
	ctx->refs = 1;
	ctx->next_iommu = 1;
	ctx->next_domain = 1;
	ctx->memlock_limit = UINT64_MAX;
	ctx->how.engine = pgt_engine_default();
	ctx->test_format = "mock";
	return ctx;
}

void iommufd_set_test_format(struct iommufd_ctx *ctx, const char *name)
{
	ctx->test_format = name;
}

void iommufd_set_split(struct iommufd_ctx *ctx, u32 policy)
{
	ctx->split = policy;
}

void iommufd_record_by(struct iommufd_ctx *ctx, struct iommufd_ctx *by, u32 ids)
{
	ctx->record = &by->own_record;
	ctx->record_ids = ids;
}

struct iommufd_ctx *ctx_hold(struct iommufd_ctx *ctx)
{
	port_mutex_lock(&ctx->lock);
	ctx->refs++;
	port_mutex_unlock(&ctx->lock);
	return ctx;
}

struct pgt_how ctx_how(struct iommufd_ctx *ctx, const struct pgt_format *fmt)
{
	struct pgt_how how;

	port_mutex_lock(&ctx->lock);
	how = ctx->how;
	port_mutex_unlock(&ctx->lock);
	how.masked &= !!(fmt->flags & IODIRTY_FORMAT_MASKED);
	how.skip &= !!(fmt->flags & IODIRTY_FORMAT_SKIP);
	return how;
}

void *object_next(struct iommufd_ctx *ctx, enum object_type type, u32 after)
{
	struct object *found = NULL;

	port_mutex_lock(&ctx->lock);
	for (u32 id = after + 1; id < ctx->capacity && !found; id++) {
		struct object *obj = ctx->objects[id];

		if (obj && obj->published && obj->type == type) {
			obj->users++;
			found = obj;
		}
	}
	port_mutex_unlock(&ctx->lock);
	return found;
}

void ctx_put(struct iommufd_ctx *ctx)
{
	/* Who uses comes before what is used. */
	static const enum object_type order[] = { OBJECT_VFIO,	 OBJECT_STREAM, OBJECT_SELFTEST,
						  OBJECT_DEVICE, OBJECT_NESTED, OBJECT_HWPT,
						  OBJECT_FAULT,	 OBJECT_IOAS };
	bool last;

	port_mutex_lock(&ctx->lock);
	last = --ctx->refs == 0;
	port_mutex_unlock(&ctx->lock);
	if (!last)
		return;

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		struct object *obj;

		for (u32 id = 0; (obj = object_next(ctx, order[i], id));) {
			id = obj->id;
			if (obj->type == OBJECT_DEVICE)
				device_unplug((struct device *)obj);
			else
				object_unpublish(obj);
			object_put(obj);
		}
	}
	port_free(ctx->objects);
	hw_recorder_destroy(&ctx->own_record);
	port_mutex_destroy(&ctx->attach_lock);
	port_mutex_destroy(&ctx->lock);
	port_free(ctx);
}

void iommufd_release(struct iommufd_ctx *ctx)
{
	ctx_put(ctx);
}

/* ctx->lock held. */
static int grow_table(struct iommufd_ctx *ctx)
{
	u32 capacity = ctx->capacity ? ctx->capacity * 2 : 64;
	struct object **objects = port_alloc(capacity * sizeof(*objects));

	if (!objects)
		return -ENOMEM;
	if (ctx->objects)
		memcpy(objects, ctx->objects, ctx->capacity * sizeof(*objects));
	port_free(ctx->objects);
	ctx->objects = objects;
	ctx->capacity = capacity;
	return 0;
}

void *object_alloc(struct iommufd_ctx *ctx, size_t size, enum object_type type)
{
	struct object *obj = port_alloc(size);
	u32 id;

	if (!obj)
		return NULL;
	obj->ctx = ctx;
	obj->type = type;
	obj->users = 1;

	port_mutex_lock(&ctx->lock);
	for (id = ctx->first_free; id < ctx->capacity && ctx->objects[id]; id++)
		;
	if (id >= ctx->capacity && grow_table(ctx)) {
		port_mutex_unlock(&ctx->lock);
		port_free(obj);
		return NULL;
	}
	ctx->objects[id] = obj;
	ctx->first_free = id + 1;
	obj->id = id;
	port_mutex_unlock(&ctx->lock);
	return obj;
}

void object_publish(struct object *obj)
{
	port_mutex_lock(&obj->ctx->lock);
	obj->published = true;
	port_mutex_unlock(&obj->ctx->lock);
}

/* ctx->lock held. */
static void leave_table(struct object *obj)
{
	struct iommufd_ctx *ctx = obj->ctx;

	ctx->objects[obj->id] = NULL;
	ctx->first_free = (u32)port_min(ctx->first_free, obj->id);
	/* The next object to get the id is another one. */
	if (ctx->vfio_ioas == obj->id)
		ctx->vfio_ioas = 0;
	obj->published = false;
}

void object_abort(struct object *obj)
{
	port_mutex_lock(&obj->ctx->lock);
	leave_table(obj);
	port_mutex_unlock(&obj->ctx->lock);
	port_free(obj);
}

/* ctx->lock held. */
static struct object *find(struct iommufd_ctx *ctx, u32 id, enum object_type type)
{
	struct object *obj = id < ctx->capacity ? ctx->objects[id] : NULL;

	if (!obj || !obj->published || (type != OBJECT_ANY && obj->type != type))
		return NULL;
	obj->users++;
	return obj;
}

void *object_get(struct iommufd_ctx *ctx, u32 id, enum object_type type)
{
	struct object *obj;

	if (port_fail())
		return NULL;
	port_mutex_lock(&ctx->lock);
	obj = find(ctx, id, type);
	port_mutex_unlock(&ctx->lock);
	return obj;
}

struct ioas *object_get_vfio_ioas(struct iommufd_ctx *ctx)
{
	struct object *obj;

	if (port_fail())
		return NULL;
	port_mutex_lock(&ctx->lock);
	obj = find(ctx, ctx->vfio_ioas, OBJECT_IOAS);
	port_mutex_unlock(&ctx->lock);
	return (struct ioas *)obj;
}

void object_hold(struct object *obj)
{
	port_mutex_lock(&obj->ctx->lock);
	obj->users++;
	port_mutex_unlock(&obj->ctx->lock);
}

void object_put(struct object *obj)
{
	struct iommufd_ctx *ctx = obj->ctx;
	bool last;

	port_mutex_lock(&ctx->lock);
	obj->users--;
	if (obj->users == 1 && obj->published && obj->on_idle)
		obj->users = 0;
	last = obj->users == 0;
	/* One that was never published is there still. */
	if (last && ctx->objects[obj->id] == obj)
		leave_table(obj);
	port_mutex_unlock(&ctx->lock);
	if (last)
		object_release[obj->type](obj);
}

int object_destroy(struct iommufd_ctx *ctx, u32 id)
{
	struct object *obj = NULL;
	int err = 0;

	port_mutex_lock(&ctx->lock);
	if (id < ctx->capacity)
		obj = ctx->objects[id];
	if (!obj || !obj->published)
		err = -ENOENT;
	else if (obj->users > 1)
		err = -EBUSY;
	else
		leave_table(obj);
	port_mutex_unlock(&ctx->lock);
	if (!err)
		object_put(obj);
	return err;
}

void object_leave_when_idle(struct object *obj)
{
	port_mutex_lock(&obj->ctx->lock);
	obj->on_idle = true;
	port_mutex_unlock(&obj->ctx->lock);
}

bool object_unpublish(struct object *obj)
{
	bool was;

	port_mutex_lock(&obj->ctx->lock);
	was = obj->published;
	if (was)
		leave_table(obj);
	port_mutex_unlock(&obj->ctx->lock);
	if (was)
		object_put(obj);
	return was;
}

bool objects_exist(struct iommufd_ctx *ctx)
{
	for (u32 id = 1; id < ctx->capacity; id++)
		if (ctx->objects[id])
			return true;
	return false;
}
