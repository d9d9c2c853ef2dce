/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The reference's own ioctls (abi/iodirty.h), by number. */
#include "core.h"

/* DMA is moved through the kernel's memory in pieces of this size. */
#define DMA_CHUNK (64 * 1024)

static int format_info(struct ucmd *ucmd)
{
	struct iodirty_format_info *info = ucmd->arg;
	const struct pgt_format *fmt;
	u32 i = 0;

	while (i < info->index && pgt_formats[i])
		i++;
	fmt = pgt_formats[i];
	if (!fmt)
		return -ENOENT;
	memset(info->name, 0, sizeof(info->name));
	memcpy(info->name, fmt->name, port_min(strlen(fmt->name), sizeof(info->name) - 1));
	info->flags = fmt->flags;
	info->granule_lg2 = fmt->granule_lg2;
	info->leaf_sizes = fmt->leaf_sizes;
	info->aperture_first = fmt->aperture_first;
	info->aperture_last = fmt->aperture_last;
	return ucmd_reply(ucmd);
}

static int plug(struct ucmd *ucmd)
{
	struct iodirty_plug *cmd = ucmd->arg;
	struct device *dev;
	int err;

	dev = device_plug(ucmd->ctx, cmd, 0, &err);
	if (!dev)
		return err;
	cmd->iommu_id = dev->iommu->id;
	cmd->out_dev_id = dev->obj.id;
	object_publish(&dev->obj);
	err = ucmd_reply(ucmd);
	if (err)
		device_unplug(dev);
	return err;
}

static int unplug(struct ucmd *ucmd)
{
	struct iodirty_unplug *cmd = ucmd->arg;
	struct device *dev = object_get(ucmd->ctx, cmd->dev_id, OBJECT_DEVICE);

	if (!dev)
		return -ENOENT;
	device_unplug(dev);
	object_put(&dev->obj);
	return 0;
}

static int attach(struct ucmd *ucmd)
{
	struct iodirty_attach *cmd = ucmd->arg;
	struct device *dev;
	int err;

	if (cmd->flags & ~IODIRTY_ATTACH_REPLACE || cmd->__reserved)
		return -EOPNOTSUPP;
	dev = object_get(ucmd->ctx, cmd->dev_id, OBJECT_DEVICE);
	if (!dev)
		return -ENOENT;
	err = device_attach(dev, cmd->pasid, cmd->pt_id, cmd->flags & IODIRTY_ATTACH_REPLACE,
			    &cmd->pt_id, ucmd);
	object_put(&dev->obj);
	return err;
}

static int detach(struct ucmd *ucmd)
{
	struct iodirty_detach *cmd = ucmd->arg;
	struct device *dev;

	if (cmd->__reserved)
		return -EOPNOTSUPP;
	dev = object_get(ucmd->ctx, cmd->dev_id, OBJECT_DEVICE);
	if (!dev)
		return -ENOENT;
	device_detach(dev, cmd->pasid);
	object_put(&dev->obj);
	return 0;
}

static int move_bytes(struct device *dev, struct iodirty_dma *cmd, struct hw_fault *fault)
{
	bool write = cmd->op == IODIRTY_DMA_WRITE;
	void *buf = port_alloc(port_min(port_max(cmd->length, 1), DMA_CHUNK));
	int err = 0;

	if (!buf)
		return -ENOMEM;
	while (!err && cmd->out_done < cmd->length && fault->reason == IODIRTY_FAULT_NONE) {
		u64 n = port_min(cmd->length - cmd->out_done, DMA_CHUNK), moved;

		if (write)
			err = port_copy_from_user(buf, cmd->data + cmd->out_done, n);
		if (err)
			break;
		moved = hw_dma(dev->hw, cmd->pasid, write, cmd->iova + cmd->out_done, buf, n,
			       fault);
		if (!write)
			err = port_copy_to_user(cmd->data + cmd->out_done, buf, moved);
		cmd->out_done += moved;
	}
	port_free(buf);
	return err;
}

static int atomic(struct device *dev, struct iodirty_dma *cmd, struct hw_fault *fault)
{
	u64 old = 0;

	if ((cmd->length != 4 && cmd->length != 8) || cmd->iova & (cmd->length - 1))
		return -EINVAL;
	if (hw_dma_atomic(dev->hw, cmd->pasid, cmd->op, cmd->iova, (unsigned int)cmd->length,
			  cmd->operand, cmd->compare, &old, fault))
		cmd->out_done = cmd->length;
	cmd->out_old = old;
	return 0;
}

static int dma(struct ucmd *ucmd)
{
	struct iodirty_dma *cmd = ucmd->arg;
	struct hw_fault fault = { .reason = IODIRTY_FAULT_NONE };
	struct device *dev;
	int err;

	if (cmd->op > IODIRTY_DMA_CAS || cmd->__reserved)
		return -EOPNOTSUPP;
	if (cmd->length && cmd->iova + cmd->length - 1 < cmd->iova)
		return -EOVERFLOW;
	dev = object_get(ucmd->ctx, cmd->dev_id, OBJECT_DEVICE);
	if (!dev)
		return -ENOENT;
	cmd->out_done = 0;
	if (cmd->op == IODIRTY_DMA_READ || cmd->op == IODIRTY_DMA_WRITE)
		err = move_bytes(dev, cmd, &fault);
	else
		err = atomic(dev, cmd, &fault);
	object_put(&dev->obj);
	if (err)
		return err;
	cmd->out_fault = fault.reason;
	cmd->out_fault_iova = fault.reason == IODIRTY_FAULT_NONE ? 0 : fault.iova;
	return ucmd_reply(ucmd);
}

/* ---- streams ---- */

struct stream {
	struct object obj;
	struct device *dev; /* referenced */
	struct hw_stream *hw;
};

void stream_release(struct object *obj)
{
	struct stream *stream = (struct stream *)obj;

	hw_stream_stop(stream->hw);
	object_put(&stream->dev->obj);
	port_free(stream);
}

static int stream_start(struct ucmd *ucmd)
{
	struct iodirty_stream_start *cmd = ucmd->arg;
	struct stream *stream;
	struct device *dev;
	int err = -ENOMEM;

	if (cmd->__reserved)
		return -EOPNOTSUPP;
	dev = object_get(ucmd->ctx, cmd->dev_id, OBJECT_DEVICE);
	if (!dev)
		return -ENOENT;
	stream = object_alloc(ucmd->ctx, sizeof(*stream), OBJECT_STREAM);
	if (!stream)
		goto put;
	stream->dev = dev;
	stream->hw = hw_stream_start(hw_dev_write, dev->hw, cmd, 0, &err);
	if (!stream->hw) {
		object_abort(&stream->obj);
		goto put;
	}
	cmd->out_stream_id = stream->obj.id;
	err = ucmd_reply(ucmd);
	if (err)
		object_put(&stream->obj);
	else
		object_publish(&stream->obj);
	return err;
put:
	object_put(&dev->obj);
	return err;
}

static int stream_query(struct ucmd *ucmd)
{
	struct iodirty_stream_query *cmd = ucmd->arg;
	struct stream *stream;
	u64 completed, faults;

	if (cmd->flags & ~IODIRTY_STREAM_STOP || cmd->__reserved)
		return -EOPNOTSUPP;
	stream = object_get(ucmd->ctx, cmd->stream_id, OBJECT_STREAM);
	if (!stream)
		return -ENOENT;
	if (cmd->flags & IODIRTY_STREAM_STOP) {
		hw_stream_halt(stream->hw);
		object_unpublish(&stream->obj);
	}
	hw_stream_query(stream->hw, &completed, &faults);
	object_put(&stream->obj);
	cmd->out_completed = completed;
	cmd->out_faults = faults;
	return ucmd_reply(ucmd);
}

/* ---- looking inside ---- */

static u64 table_pages(struct iommufd_ctx *ctx)
{
	struct hwpt *hwpt;
	u64 count = 0;

	for (u32 id = 0; (hwpt = object_next(ctx, OBJECT_HWPT, id));) {
		id = hwpt->obj.id;
		count += port_load(&hwpt->pgt.table_pages);
		object_put(&hwpt->obj);
	}
	return count;
}

static int stats(struct ucmd *ucmd)
{
	struct iodirty_stats *out = ucmd->arg;
	struct iommufd_ctx *ctx = ucmd->ctx;
	const u64 *from = (const u64 *)&ctx->stats.dma_ops;
	u64 *to = (u64 *)&out->dma_ops;

	if (out->__reserved)
		return -EOPNOTSUPP;
	fault_receive_all(ctx);
	port_mutex_lock(&ctx->attach_lock);
	for (; to < (u64 *)(out + 1); to++, from++)
		*to = port_load(from);
	for (struct iommu *iommu = ctx->iommus; iommu; iommu = iommu->next)
		hw_stats(iommu->hw, out);
	port_mutex_unlock(&ctx->attach_lock);
	port_mutex_lock(&ctx->lock);
	out->pinned_pages = ctx->locked_pages;
	port_mutex_unlock(&ctx->lock);
	out->table_pages = table_pages(ctx);
	return ucmd_reply(ucmd);
}

static int table_read(struct ucmd *ucmd)
{
	struct iodirty_table_read *cmd = ucmd->arg;
	const struct pgt_read_loop *loop;
	struct pgt_read r;
	struct hwpt *hwpt;
	u32 i = 0;
	int err;

	if (cmd->flags & ~IODIRTY_TABLE_EVICT || cmd->__reserved ||
	    cmd->order > IODIRTY_TABLES_LINEAR)
		return -EOPNOTSUPP;
	while (i < cmd->loop && pgt_read_loops[i])
		i++;
	loop = pgt_read_loops[i];
	if (!loop)
		return -ERANGE;
	if (loop->usable && !loop->usable())
		return -EOPNOTSUPP;
	if (!cmd->length || cmd->iova + cmd->length - 1 < cmd->iova)
		return -EINVAL;
	hwpt = object_get(ucmd->ctx, cmd->hwpt_id, OBJECT_HWPT);
	if (!hwpt)
		return -ENOENT;
	port_rwsem_read(&hwpt->ioas->rwsem);
	r = (struct pgt_read){
		.loop = loop,
		.linear = cmd->order == IODIRTY_TABLES_LINEAR,
		.evict = cmd->flags & IODIRTY_TABLE_EVICT,
	};
	err = pgt_read_tables(&hwpt->pgt, cmd->iova, cmd->iova + cmd->length - 1, &r);
	port_rwsem_read_end(&hwpt->ioas->rwsem);
	object_put(&hwpt->obj);
	if (err)
		return err;
	cmd->out_sum = r.sum;
	cmd->out_entries = r.entries;
	cmd->out_ns = r.ns;
	memset(cmd->out_loop, 0, sizeof(cmd->out_loop));
	memcpy(cmd->out_loop, loop->name, port_min(strlen(loop->name), sizeof(cmd->out_loop) - 1));
	return ucmd_reply(ucmd);
}

static int leaf(struct ucmd *ucmd)
{
	struct iodirty_leaf *cmd = ucmd->arg;
	struct pgt_leaf found;
	struct hwpt *hwpt;
	bool dirty;
	u64 start;
	int err;

	hwpt = object_get(ucmd->ctx, cmd->hwpt_id, OBJECT_HWPT);
	if (!hwpt)
		return -ENOENT;
	port_rwsem_read(&hwpt->ioas->rwsem);
	err = pgt_leaf(&hwpt->pgt, cmd->iova, &found, &start, &dirty);
	port_rwsem_read_end(&hwpt->ioas->rwsem);
	object_put(&hwpt->obj);
	if (err)
		return err;
	cmd->out_start = start;
	cmd->out_lg2 = found.lg2;
	cmd->out_dirty = dirty;
	return ucmd_reply(ucmd);
}

/* Do the formats of all HWPTs that may be harvested allow @how? */
static bool allowed(struct iommufd_ctx *ctx, const struct pgt_how *how)
{
	u32 needs = (how->masked ? IODIRTY_FORMAT_MASKED : 0) |
		    (how->skip ? IODIRTY_FORMAT_SKIP : 0);
	struct hwpt *hwpt = NULL;
	bool all = true;
	u32 id = 0;

	while (all && (hwpt = object_next(ctx, OBJECT_HWPT, id))) {
		id = hwpt->obj.id;
		if (hwpt->flags & IOMMU_HWPT_ALLOC_DIRTY_TRACKING)
			all = !(needs & ~hwpt->pgt.fmt->flags);
		object_put(&hwpt->obj);
	}
	return all;
}

static int select_engine(struct ucmd *ucmd, const struct pgt_engine *found)
{
	const struct iodirty_engine *cmd = ucmd->arg;
	struct pgt_how how = {
		.engine = found,
		.masked = cmd->clear == IODIRTY_CLEAR_MASKED,
		.skip = cmd->flags & IODIRTY_ENGINE_SKIP,
		.prefetch = cmd->flags & IODIRTY_ENGINE_PREFETCH,
	};

	if (cmd->flags & ~(IODIRTY_ENGINE_SKIP | IODIRTY_ENGINE_PREFETCH) ||
	    cmd->clear > IODIRTY_CLEAR_MASKED || !pgt_engine_usable(found) ||
	    !allowed(ucmd->ctx, &how))
		return -EOPNOTSUPP;
	port_mutex_lock(&ucmd->ctx->lock);
	ucmd->ctx->how = how;
	port_mutex_unlock(&ucmd->ctx->lock);
	return 0;
}

static void say(char *out, size_t size, const char *text)
{
	memset(out, 0, size);
	for (size_t i = 0; text[i] && i + 1 < size; i++)
		out[i] = text[i];
}

static int engine(struct ucmd *ucmd)
{
	struct iodirty_engine *cmd = ucmd->arg;
	struct pgt_how how = { 0 };
	u32 i = 0;

	if (cmd->op > IODIRTY_ENGINE_GET)
		return -EOPNOTSUPP;
	cmd->name[IODIRTY_NAME_LEN - 1] = '\0';
	if (cmd->op == IODIRTY_ENGINE_GET) {
		port_mutex_lock(&ucmd->ctx->lock);
		how = ucmd->ctx->how;
		port_mutex_unlock(&ucmd->ctx->lock);
	} else {
		while (pgt_engines[i] && (cmd->op == IODIRTY_ENGINE_SELECT ?
						  strcmp(pgt_engines[i]->name, cmd->name) != 0 :
						  i < cmd->index))
			i++;
		how.engine = pgt_engines[i];
	}
	if (!how.engine)
		return -ENOENT;
	if (cmd->op == IODIRTY_ENGINE_SELECT)
		return select_engine(ucmd, how.engine);
	say(cmd->name, sizeof(cmd->name), how.engine->name);
	say(cmd->out_summary, sizeof(cmd->out_summary), how.engine->summary);
	cmd->out_usable = pgt_engine_usable(how.engine);
	if (cmd->op == IODIRTY_ENGINE_GET) {
		cmd->clear = how.masked ? IODIRTY_CLEAR_MASKED : IODIRTY_CLEAR_LOCKED;
		cmd->flags = (how.skip ? IODIRTY_ENGINE_SKIP : 0) |
			     (how.prefetch ? IODIRTY_ENGINE_PREFETCH : 0);
	}
	return ucmd_reply(ucmd);
}

static int fail_nth(struct ucmd *ucmd)
{
	struct iodirty_fail_nth *cmd = ucmd->arg;
	u32 nth = cmd->nth;
	int err;

	if (cmd->__reserved)
		return -EOPNOTSUPP;
	cmd->out_left = ucmd->fail_left;
	err = ucmd_reply(ucmd);
	if (!err)
		port_fail_set(nth);
	return err;
}

static int memlock(struct ucmd *ucmd)
{
	struct iodirty_memlock *cmd = ucmd->arg;

	if (cmd->__reserved)
		return -EOPNOTSUPP;
	port_mutex_lock(&ucmd->ctx->lock);
	ucmd->ctx->memlock_limit = cmd->limit;
	port_mutex_unlock(&ucmd->ctx->lock);
	return 0;
}

#define ALL(fn, type)                                        \
	{                                                    \
		fn, sizeof(struct type), sizeof(struct type) \
	}
/* Published when @last was its last field. */
#define SINCE(fn, type, last)                                                          \
	{                                                                              \
		fn, sizeof(struct type),                                               \
			offsetof(struct type, last) + sizeof(((struct type *)0)->last) \
	}

static const struct {
	int (*run)(struct ucmd *ucmd);
	u32 size, min_size;
} controls[] = {
	[0x00] = ALL(format_info, iodirty_format_info),
	[0x01] = SINCE(plug, iodirty_plug, __reserved),
	[0x02] = ALL(unplug, iodirty_unplug),
	[0x03] = ALL(attach, iodirty_attach),
	[0x04] = ALL(detach, iodirty_detach),
	[0x05] = ALL(dma, iodirty_dma),
	[0x06] = ALL(stream_start, iodirty_stream_start),
	[0x07] = ALL(stream_query, iodirty_stream_query),
	[0x08] = SINCE(stats, iodirty_stats, requests_refused),
	[0x09] = SINCE(table_read, iodirty_table_read, out_sum),
	[0x0a] = ALL(leaf, iodirty_leaf),
	[0x0b] = SINCE(engine, iodirty_engine, name),
	[0x0c] = ALL(fail_nth, iodirty_fail_nth),
	[0x0d] = ALL(memlock, iodirty_memlock),
	[0x0e] = ALL(split_ioctl, iodirty_split),
	[0x0f] = ALL(unmap_dirty_ioctl, iodirty_unmap_dirty),
	[0x10] = ALL(vfio_plug_ioctl, iodirty_vfio_plug),
	[0x11] = ALL(vfio_unplug_ioctl, iodirty_vfio_unplug),
	[0x12] = ALL(vfio_open_ioctl, iodirty_vfio_open),
	[0x14] = ALL(record_ioctl, iodirty_record),
};

u32 control_size(unsigned int nr, u32 *min_size)
{
	if (nr >= sizeof(controls) / sizeof(controls[0]))
		return 0;
	*min_size = controls[nr].min_size;
	return controls[nr].size;
}

int control_ioctl(struct ucmd *ucmd, unsigned int nr)
{
	return controls[nr].run(ucmd);
}
