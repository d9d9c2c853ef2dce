/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Between the files of vfio/.
 *
 * Lock order, outermost first:
 *	group->lock		which container it is in
 *	container->lock		which groups are in it, and what it tracks
 *	dev->lock		who has the device, what it is attached to, its migration state
 *	dev->engine.lock	its registers
 *	dev->io			for reading by DMA; for writing to change what it goes through
 *	mdev->lock		what an mdev has pinned
 *	type1->dirty_lock	dirty bits of a container
 *	those of iommufd/core.h
 * A device's generator takes no lock outside io, so that stopping it under any is fine. Its
 * log takes none.
 */
#ifndef IODIRTY_VFIO_DEVICE_H
#define IODIRTY_VFIO_DEVICE_H

#include "abi/vfio.h"
#include "core.h"
#include "vfio.h"

struct vfio_container;
struct vfio_file;
struct vfio_group;
struct vfio_mdev;

/* ---- what a device does DMA through, while it is bound (backing.c) ---- */

struct vfio_backing {
	struct iommufd_ctx *ctx; /* referenced; NULL: bound to nothing */
	struct device *dev; /* PCI, MDEV_PASID: plugged there */
	struct vfio_mdev *mdev; /* MDEV */
	struct vfio_container *container; /* NULL: an iommufd, by the device's own node */
};

/* ---- config space and BAR (config.c, engine.c, region.c) ---- */

#define VFIO_CONFIG_SIZE 256

struct vfio_config {
	u8 bytes[VFIO_CONFIG_SIZE];
};

struct vfio_engine {
	struct port_mutex lock;
	bool gone; /* removed: nothing starts any more */
	u32 liveness;
	u64 dma[6]; /* registers from DMA_SOURCE on */
	u64 gen[8]; /* from GEN_IOVA on */
	u64 pin[2]; /* from PIN_IOVA on */
	u32 pin_error;
	u64 run[8]; /* as gen: what the generator was told to do */
	bool running; /* the generator, though it may be paused: then it has no stream */
	struct hw_stream *stream;
	u64 completed, faults; /* before its stream began */
	u8 buffer[IODIRTY_BAR_BUFFER_SIZE];
};

/* ---- a device ---- */

struct vfio_device {
	struct iodirty_vfio_plug plug; /* constant */
	u32 number; /* of its nodes and its group; constant */
	u64 refs; /* atomic */

	struct port_mutex lock;
	bool gone; /* removed */
	struct vfio_file *holder; /* who bound it by its own node */
	struct vfio_group *group; /* the open of its group: then nobody else has it */

	struct port_rwsem io;
	struct vfio_backing backing;
	bool stopped; /* by its migration state */

	struct vfio_config config; /* under lock; to change it, under io for writing too */
	struct vfio_engine engine;
	struct vfio_log *log; /* dma_logging.c; NULL: off. Under lock */
	struct vfio_mig *mig; /* migration.c; NULL: has no migration. Under lock */
};

void vfio_device_hold(struct vfio_device *dev);
void vfio_device_put(struct vfio_device *dev);

/* An open device: by its own node, where BIND comes first, or by its group. */
struct vfio_file {
	struct vfio_device *dev; /* referenced */
	struct vfio_group *group; /* referenced; NULL: by its own node */
};

/*
 * DMA of the device by what it is bound to; @pasid 0: its own requests. Any thread,
 * dev->lock held or not. As hw_dma().
 */
u64 vfio_dma(struct vfio_device *dev, u32 pasid, bool write, u64 iova, void *buf, u64 length,
	     struct hw_fault *fault);
/* Stop its DMA, and wait for what is under way; or let it go on. */
void vfio_dma_stop(struct vfio_device *dev, bool stop);

/* dev->lock held. From here on it is in @ctx, attached to nothing. -ENOMEM; else
 * device_plug()'s. */
int vfio_backing_bind(struct vfio_device *dev, struct iommufd_ctx *ctx,
		      struct vfio_container *container);
/* Detached, and out of it. */
void vfio_backing_unbind(struct vfio_device *dev);
/* The id of the bound device, or access, in its context. */
u32 vfio_backing_id(const struct vfio_device *dev);

/* ---- software devices (mdev.c) ---- */

/* In @ctx, attached to nothing. NULL: *@err -ENOMEM. */
struct vfio_mdev *vfio_mdev_create(struct iommufd_ctx *ctx, struct vfio_container *container,
				   int *err);
/* What is pinned is let go; no callback will follow. */
void vfio_mdev_destroy(struct vfio_mdev *mdev);
u32 vfio_mdev_id(const struct vfio_mdev *mdev);
/* To an IOAS, or to another, or to none: what is pinned in the one that it leaves is let
 * go. access_replace()'s errors. */
int vfio_mdev_attach(struct vfio_mdev *mdev, u32 ioas_id);
void vfio_mdev_detach(struct vfio_mdev *mdev);
bool vfio_mdev_attached(struct vfio_mdev *mdev);
/* Bytes by the processor: as access_rw(). */
int vfio_mdev_rw(struct vfio_mdev *mdev, u64 iova, void *buf, u64 length, bool write);
/* Pin a range, or undo that of just this range: access_pin_pages()'s, -ENOENT, -ENOMEM. */
int vfio_mdev_pin(struct vfio_mdev *mdev, u64 iova, u64 length);
int vfio_mdev_unpin(struct vfio_mdev *mdev, u64 iova, u64 length);
void vfio_mdev_unpin_all(struct vfio_mdev *mdev);
/* How many pages, as often as they are pinned. */
u64 vfio_mdev_pinned(struct vfio_mdev *mdev);

/* ---- opens (device.c) ---- */

/* An open of it for @dev, by @group, by which it is bound already, or NULL. lock held. */
struct vfio_file *vfio_file_open(struct vfio_device *dev, struct vfio_group *group, int *err);
/* A new descriptor of the caller's for @file, which is released on an error. */
int vfio_file_install(struct vfio_file *file);

/* The fields of an argument that starts with argsz: 0, -EFAULT, or -EINVAL if
 * the caller has fewer than @size bytes of it. */
int vfio_copy_arg(void *arg, u64 uptr, u32 size);

/* region.c; dev->lock held for GET_REGION_INFO, not for access. */
long vfio_region_info(u64 uptr);
s64 vfio_region_rw(struct vfio_device *dev, bool write, u64 uaddr, u64 size, u64 pos);
/* config.c: @size bytes within the space; dev->config's rules. */
void vfio_config_init(struct vfio_config *config);
void vfio_config_read(const struct vfio_config *config, u32 at, void *buf, u32 size);
void vfio_config_write(struct vfio_config *config, u32 at, const void *buf, u32 size);
bool vfio_config_bus_master(const struct vfio_config *config); /* or io for reading */
/* As after power on. dev->lock held. */
void vfio_config_reset(struct vfio_device *dev);
/* engine.c: an access of 1, 2, 4 or 8 bytes, aligned. -ENODEV: it was removed; one that
 * came before is complete before the removal is. */
void vfio_engine_init(struct vfio_engine *engine);
int vfio_engine_read(struct vfio_device *dev, u32 at, u32 size, u64 *value);
int vfio_engine_write(struct vfio_device *dev, u32 at, u32 size, u64 value);
/* The generator stops, complete with the write; nothing stays pinned; registers are as
 * after power on. */
void vfio_engine_reset(struct vfio_device *dev);
void vfio_engine_remove(struct vfio_device *dev); /* the same, for good */

/* What a migration takes along, but for the buffer. What is pinned is not: that is of the host
 * it is on. */
struct vfio_engine_state {
	u64 liveness, running, completed, faults, pin_error;
	u64 dma[6], gen[8], run[8], pin[2]; /* as struct vfio_engine's */
};
/*
 * Paused, the generator has no write under way, and what is saved is exact; a device that is
 * stopped pauses it. -ENOMEM: it stays paused.
 */
void vfio_engine_pause(struct vfio_device *dev);
int vfio_engine_resume(struct vfio_device *dev);
/* @state or @buffer may be NULL. */
void vfio_engine_save(struct vfio_device *dev, struct vfio_engine_state *state, u8 *buffer);
/* Of a device that is stopped; paused. -EINVAL: what its generator does is no stream; -ENOMEM. */
int vfio_engine_load(struct vfio_device *dev, const struct vfio_engine_state *state,
		     const u8 *buffer);

/* ---- features (feature.c); dev->lock held, but for vfio_log_note() ---- */

/* VFIO_DEVICE_FEATURE. */
long vfio_feature_ioctl(struct vfio_device *dev, u64 uptr);
/* What it calls; @uptr: the feature's own struct, behind the header. */
int vfio_log_start(struct vfio_device *dev, u64 uptr);
int vfio_log_stop(struct vfio_device *dev, u64 uptr);
int vfio_log_report(struct vfio_device *dev, u64 uptr);
int vfio_mig_get_flags(struct vfio_device *dev, u64 uptr);
int vfio_mig_get_state(struct vfio_device *dev, u64 uptr);
int vfio_mig_set_state(struct vfio_device *dev, u64 uptr);
int vfio_mig_data_size(struct vfio_device *dev, u64 uptr);

/* The device is reset, or it or who has it is gone: what was logged is forgotten. */
void vfio_log_end(struct vfio_device *dev); /* dma_logging.c */
/* A write of a software device: what the hardware's would be told by hw_dev_log().
 * dev->io is held for reading; by several threads at once. */
void vfio_log_note(void *dev, u64 iova, u64 length);

/* As vfio_log_end(): no session is left, and the device runs. */
void vfio_mig_reset(struct vfio_device *dev); /* migration.c */
int vfio_mig_create(struct vfio_device *dev); /* 0, -ENOMEM */
void vfio_mig_destroy(struct vfio_device *dev);

/* ---- the stream of a migration (migration_data.c); dev->lock held ---- */

struct vfio_mig_data;

/* Nothing is in it. @resuming: to be written; else to be read. NULL: no memory. */
struct vfio_mig_data *vfio_mig_data_create(bool resuming);
void vfio_mig_data_free(struct vfio_mig_data *data);
/* Save what can be saved of a device that runs, if it is not as it was last saved. What of it
 * was saved before must have been read. */
void vfio_mig_data_precopy(struct vfio_mig_data *data, struct vfio_device *dev);
/* Save all that is not saved, of a device that is stopped: it ends the stream. */
void vfio_mig_data_stop_copy(struct vfio_mig_data *data, struct vfio_device *dev);
/* Bytes to be read of what was saved first, and of what has come to it. */
void vfio_mig_data_left(struct vfio_mig_data *data, struct vfio_device *dev, u64 *initial,
			u64 *dirty);
/* How many of @size bytes were moved: 0, all is read; -EFAULT. */
s64 vfio_mig_data_read(struct vfio_mig_data *data, u64 uaddr, u64 size);
/* -EFAULT; -EINVAL: it is not of a device like @dev, whatever follows. */
s64 vfio_mig_data_write(struct vfio_mig_data *data, const struct vfio_device *dev, u64 uaddr,
			u64 size);
/* Make @dev, which is stopped, what the stream says. -EIO: that is not all, or not of
 * a device like it; -ENOMEM. */
int vfio_mig_data_load(struct vfio_mig_data *data, struct vfio_device *dev);
/* Of a stream none of which is read before STOP_COPY. */
u64 vfio_mig_data_length(void);

/* ---- groups and containers (group.c, container.c, type1.c) ---- */

void *vfio_group_open(struct vfio_device *dev, int *err);
/* The device's lock is not held: it may be let go, and what it is bound to. */
void vfio_group_put(struct vfio_group *group);
void *vfio_container_open(int *err);
extern const struct port_fd_ops vfio_device_ops, vfio_group_ops, vfio_container_ops;
/*
 * Of a software device that is bound to @container: write through its access, as access_rw(),
 * and be dirty, in one. No lock inside dev->io held.
 */
int type1_write(struct vfio_container *container, struct access *access, u64 iova, void *buf,
		u64 length);
/* It has pinned, or is about to let go or has just let go of, what it may write to. As above. */
void type1_note_pin(struct vfio_container *container, u64 iova, u64 length, bool pin);

#endif
