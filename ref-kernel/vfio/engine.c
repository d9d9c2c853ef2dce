/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is behind BAR 0: a DMA engine, as QEMU's edu has it, a generator of writes, and
 * what an mdev pins (abi/iodirty.h).
 */
#include "device.h"

#define EDU_ID 0x010000edu
#define COMMAND_START 1u
#define COMMAND_TO_MEMORY 2u

enum { SOURCE, DESTINATION, COUNT, COMMAND, FAULT, PASID };
enum { G_IOVA, G_LENGTH, G_STRIDE, G_SEED, G_RATE, G_COUNT, G_PATTERN, G_PASID };

void vfio_engine_init(struct vfio_engine *engine)
{
	port_mutex_init(&engine->lock);
}

/* Where in the buffer @at is, for @n bytes; NULL: not in it. */
static u8 *in_buffer(struct vfio_engine *e, u64 at, u64 n)
{
	u64 from = at - IODIRTY_BAR_BUFFER;

	return from < sizeof(e->buffer) && n <= sizeof(e->buffer) - from ? e->buffer + from : NULL;
}

/* Complete on return. engine.lock held. */
static void transfer(struct vfio_device *dev, bool write)
{
	struct vfio_engine *e = &dev->engine;
	u8 *buf = in_buffer(e, e->dma[write ? SOURCE : DESTINATION], e->dma[COUNT]);
	struct hw_fault fault = { .reason = IODIRTY_FAULT_ADDRESS };

	if (buf)
		vfio_dma(dev, (u32)e->dma[PASID], write, e->dma[write ? DESTINATION : SOURCE], buf,
			 e->dma[COUNT], &fault);
	e->dma[FAULT] = fault.reason;
}

static enum iodirty_fault generate(void *data, u32 pasid, u64 iova, u64 value)
{
	struct hw_fault fault;

	vfio_dma(data, pasid, true, iova, &value, sizeof(value), &fault);
	return fault.reason;
}

/* How far it is, or how many of these writes faulted. engine.lock held. */
static u64 progress(struct vfio_engine *e, bool faults)
{
	u64 completed = e->completed, failed = 0;

	if (e->stream)
		hw_stream_query(e->stream, &completed, &failed);
	return faults ? e->faults + failed : completed;
}

/* It runs, as the registers say, but writes nothing. engine.lock held, as below. */
static void generator_pause(struct vfio_engine *e)
{
	if (!e->stream)
		return;
	hw_stream_halt(e->stream);
	e->faults = progress(e, true);
	e->completed = progress(e, false);
	hw_stream_stop(e->stream);
	e->stream = NULL;
}

static void generator_stop(struct vfio_engine *e)
{
	generator_pause(e);
	e->running = false;
}

/* Go on where it was paused: -ENOMEM, or -EINVAL if what it is to do is no stream. */
static int generator_resume(struct vfio_device *dev)
{
	struct vfio_engine *e = &dev->engine;
	const struct iodirty_stream_start args = {
		.pattern = (u32)e->run[G_PATTERN],
		.pasid = (u32)e->run[G_PASID],
		.iova = e->run[G_IOVA],
		.length = e->run[G_LENGTH],
		.stride = e->run[G_STRIDE],
		.seed = e->run[G_SEED],
		.rate = e->run[G_RATE],
		.count = e->run[G_COUNT],
	};
	int err = 0;

	if (e->running && !e->stream)
		e->stream = hw_stream_start(generate, dev, &args, e->completed, &err);
	return err;
}

static void generator_start(struct vfio_device *dev)
{
	struct vfio_engine *e = &dev->engine;

	generator_stop(e);
	memcpy(e->run, e->gen, sizeof(e->run));
	e->completed = e->faults = 0;
	e->running = true;
	e->running = !generator_resume(dev);
}

static u64 *settable(struct vfio_device *dev, u32 at)
{
	struct vfio_engine *e = &dev->engine;

	if (at >= IODIRTY_BAR_DMA_SOURCE && at <= IODIRTY_BAR_DMA_COUNT)
		return &e->dma[(at - IODIRTY_BAR_DMA_SOURCE) / 8];
	if (at == IODIRTY_BAR_DMA_PASID)
		return &e->dma[PASID];
	if (at >= IODIRTY_BAR_GEN_IOVA && at <= IODIRTY_BAR_GEN_PASID)
		return &e->gen[(at - IODIRTY_BAR_GEN_IOVA) / 8];
	if (dev->plug.kind == IODIRTY_VFIO_MDEV && at >= IODIRTY_BAR_PIN_IOVA &&
	    at <= IODIRTY_BAR_PIN_LENGTH)
		return &e->pin[(at - IODIRTY_BAR_PIN_IOVA) / 8];
	return NULL;
}

/* engine.lock held. */
static u64 pinned(struct vfio_device *dev)
{
	u64 pages = 0;

	port_rwsem_read(&dev->io);
	if (dev->backing.mdev)
		pages = vfio_mdev_pinned(dev->backing.mdev);
	port_rwsem_read_end(&dev->io);
	return pages;
}

/* engine.lock held. */
static void pin(struct vfio_device *dev, bool on)
{
	struct vfio_engine *e = &dev->engine;
	struct vfio_mdev *mdev;
	int err = 0;

	port_rwsem_read(&dev->io);
	mdev = dev->backing.mdev;
	if (mdev && on)
		err = vfio_mdev_pin(mdev, e->pin[0], e->pin[1]);
	else if (mdev)
		err = vfio_mdev_unpin(mdev, e->pin[0], e->pin[1]);
	port_rwsem_read_end(&dev->io);
	e->pin_error = (u32)-err;
}

static void unpin_all(struct vfio_device *dev)
{
	port_rwsem_read(&dev->io);
	if (dev->backing.mdev)
		vfio_mdev_unpin_all(dev->backing.mdev);
	port_rwsem_read_end(&dev->io);
}

static u64 read_register(struct vfio_device *dev, u32 at)
{
	struct vfio_engine *e = &dev->engine;
	u64 *reg = settable(dev, at);

	if (reg)
		return *reg;
	switch (at) {
	case IODIRTY_BAR_ID:
		return EDU_ID | (u64)~e->liveness << 32;
	case IODIRTY_BAR_DMA_FAULT:
		return e->dma[FAULT];
	case IODIRTY_BAR_DMA_COMMAND:
		return e->dma[COMMAND]; /* never still running */
	case IODIRTY_BAR_GEN_CONTROL:
		return e->running;
	case IODIRTY_BAR_GEN_COMPLETED:
		return progress(e, false);
	case IODIRTY_BAR_GEN_FAULTS:
		return progress(e, true);
	case IODIRTY_BAR_PIN_CONTROL:
		return pinned(dev);
	case IODIRTY_BAR_PIN_ERROR:
		return e->pin_error;
	default:
		return 0;
	}
}

/*
 * The bits of @mask, whole bytes. Of a command that is the first byte, or nothing
 * happens: a driver may write halves, and the upper starts nothing.
 */
static void write_register(struct vfio_device *dev, u32 at, u64 mask, u64 value)
{
	struct vfio_engine *e = &dev->engine;
	u64 *reg = settable(dev, at);

	if (reg) {
		*reg = (*reg & ~mask) | (value & mask);
		return;
	}
	if (at == IODIRTY_BAR_ID)
		e->liveness = (u32)((e->liveness & ~(mask >> 32)) | (value & mask) >> 32);
	if (!(mask & 1))
		return;
	switch (at) {
	case IODIRTY_BAR_DMA_COMMAND:
		e->dma[COMMAND] = value & COMMAND_TO_MEMORY;
		if (value & COMMAND_START)
			transfer(dev, value & COMMAND_TO_MEMORY);
		break;
	case IODIRTY_BAR_GEN_CONTROL:
		if (value & 1)
			generator_start(dev);
		else
			generator_stop(e);
		break;
	case IODIRTY_BAR_PIN_CONTROL:
		pin(dev, value & 1);
		break;
	}
}

int vfio_engine_read(struct vfio_device *dev, u32 at, u32 size, u64 *value)
{
	struct vfio_engine *e = &dev->engine;
	int err = 0;
	u8 *buf;

	*value = 0;
	port_mutex_lock(&e->lock);
	buf = in_buffer(e, at, size);
	if (e->gone)
		err = -ENODEV;
	else if (buf)
		memcpy(value, buf, size);
	else
		*value = read_register(dev, at & ~7u) >> (at & 7) * 8;
	port_mutex_unlock(&e->lock);
	return err;
}

int vfio_engine_write(struct vfio_device *dev, u32 at, u32 size, u64 value)
{
	struct vfio_engine *e = &dev->engine;
	unsigned int shift = (at & 7) * 8;
	u64 mask = size < 8 ? ((1ULL << size * 8) - 1) << shift : ~0ULL;
	int err = 0;
	u8 *buf;

	port_mutex_lock(&e->lock);
	buf = in_buffer(e, at, size);
	if (e->gone)
		err = -ENODEV;
	else if (buf)
		memcpy(buf, &value, size);
	else
		write_register(dev, at & ~7u, mask, value << shift);
	port_mutex_unlock(&e->lock);
	return err;
}

/* engine.lock held. */
static void reset(struct vfio_device *dev)
{
	struct vfio_engine *e = &dev->engine;

	generator_stop(e);
	e->liveness = 0;
	e->completed = e->faults = 0;
	memset(e->dma, 0, sizeof(e->dma));
	memset(e->gen, 0, sizeof(e->gen));
	memset(e->pin, 0, sizeof(e->pin));
	e->pin_error = 0;
	unpin_all(dev);
	memset(e->buffer, 0, sizeof(e->buffer));
}

void vfio_engine_reset(struct vfio_device *dev)
{
	port_mutex_lock(&dev->engine.lock);
	reset(dev);
	port_mutex_unlock(&dev->engine.lock);
}

void vfio_engine_remove(struct vfio_device *dev)
{
	port_mutex_lock(&dev->engine.lock);
	dev->engine.gone = true;
	reset(dev);
	port_mutex_unlock(&dev->engine.lock);
}

/* ---- what a migration takes along (migration.c) ---- */

void vfio_engine_pause(struct vfio_device *dev)
{
	port_mutex_lock(&dev->engine.lock);
	generator_pause(&dev->engine);
	port_mutex_unlock(&dev->engine.lock);
}

int vfio_engine_resume(struct vfio_device *dev)
{
	int err;

	port_mutex_lock(&dev->engine.lock);
	err = generator_resume(dev);
	port_mutex_unlock(&dev->engine.lock);
	return err;
}

void vfio_engine_save(struct vfio_device *dev, struct vfio_engine_state *state, u8 *buffer)
{
	struct vfio_engine *e = &dev->engine;

	port_mutex_lock(&e->lock);
	if (state) {
		state->liveness = e->liveness;
		state->running = e->running;
		state->completed = progress(e, false);
		state->faults = progress(e, true);
		memcpy(state->dma, e->dma, sizeof(e->dma));
		memcpy(state->gen, e->gen, sizeof(e->gen));
		memcpy(state->run, e->run, sizeof(e->run));
		memcpy(state->pin, e->pin, sizeof(e->pin));
		state->pin_error = e->pin_error;
	}
	if (buffer)
		memcpy(buffer, e->buffer, sizeof(e->buffer));
	port_mutex_unlock(&e->lock);
}

int vfio_engine_load(struct vfio_device *dev, const struct vfio_engine_state *state,
		     const u8 *buffer)
{
	struct vfio_engine *e = &dev->engine;
	int err;

	port_mutex_lock(&e->lock);
	generator_stop(e);
	e->liveness = (u32)state->liveness;
	e->completed = state->completed;
	e->faults = state->faults;
	memcpy(e->dma, state->dma, sizeof(e->dma));
	memcpy(e->gen, state->gen, sizeof(e->gen));
	memcpy(e->run, state->run, sizeof(e->run));
	memcpy(e->pin, state->pin, sizeof(e->pin));
	e->pin_error = (u32)state->pin_error;
	memcpy(e->buffer, buffer, sizeof(e->buffer));
	/* What it is to do is judged by beginning it. */
	e->running = state->running;
	err = generator_resume(dev);
	e->running &= !err;
	generator_pause(e);
	port_mutex_unlock(&e->lock);
	return err;
}
