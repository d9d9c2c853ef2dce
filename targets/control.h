/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What targets share that speak the reference's own ioctls (abi/iodirty.h). */
#ifndef IODIRTY_TARGETS_CONTROL_H
#define IODIRTY_TARGETS_CONTROL_H

#include <sys/types.h>

#include "sys.h"
#include "target.h"

/* All of them: the core has it all. */
#define CTL_CAPS                                                                                  \
	(TARGET_DMA | TARGET_ATOMIC | TARGET_STREAM | TARGET_PASID | TARGET_ACCESS |              \
	 TARGET_TEST_DIRTY | TARGET_LEAF | TARGET_NO_DIRTY_DEV | TARGET_FAIL_NTH | TARGET_STATS | \
	 TARGET_MEMLOCK | TARGET_UNPLUG | TARGET_SHARED_IOMMU | TARGET_RESERVED |                 \
	 TARGET_VFIO_COMPAT | TARGET_NESTED | TARGET_TRACK | TARGET_REFERENCE | TARGET_CACHES |   \
	 TARGET_ATS | TARGET_SPLIT | TARGET_STAGE1 | TARGET_VFIO | TARGET_TYPE1 |                 \
	 TARGET_UNMAP_DIRTY | TARGET_ENGINE | TARGET_RECORD)

/* How the descriptor is spoken to: 0 (of an ioctl, or more) or -errno. */
struct ctl_calls {
	int (*open)(void); /* a new one */
	int (*ioctl)(int fd, unsigned long cmd, void *arg);
	int (*close)(int fd);
	/* Bytes moved; @pos -1: where the descriptor is. */
	ssize_t (*pread)(int fd, void *buf, size_t size, off_t pos);
	ssize_t (*pwrite)(int fd, const void *buf, size_t size, off_t pos);
};

struct ctl_target {
	struct target target;
	const struct ctl_calls *calls;
	int machine; /* whose VFIO devices they are */
	int fd; /* what ioctl() reaches: the same, or a container */
	struct iodirty_engine engine; /* selected at open; size 0: none was asked for */
	struct made_fds made;
};

/* @spec: NULL, or how harvests are to go about it (engine.c). */
int ctl_open(const struct target_driver *driver, const char *spec, const struct ctl_calls *calls,
	     struct target **out);
/* Of probe: is @spec one that @fd, which is closed, takes? */
int ctl_probe(const struct ctl_calls *calls, int fd, const char *spec, char *why, size_t size);
/* Select it: fills in @e, to do the same again. @why: why not. */
int ctl_select(const struct ctl_calls *calls, int fd, const char *spec, struct iodirty_engine *e,
	       char *why, size_t size);

/* Of struct target_driver, all but what names, probes and opens. */
void ctl_close(struct target *t);
int ctl_ioctl(struct target *t, unsigned long cmd, void *arg);
int ctl_close_fd(struct target *t, int fd);
int ctl_format(struct target *t, unsigned int index, struct iodirty_format_info *out);
int ctl_plug(struct target *t, struct iodirty_plug *p);
int ctl_unplug(struct target *t, uint32_t dev_id);
int ctl_attach(struct target *t, uint32_t dev_id, uint32_t pasid, bool replace, uint32_t *pt_id);
int ctl_detach(struct target *t, uint32_t dev_id, uint32_t pasid);
int ctl_dma(struct target *t, struct iodirty_dma *d);
int ctl_stream_start(struct target *t, struct iodirty_stream_start *s);
int ctl_stream_query(struct target *t, struct iodirty_stream_query *q);
int ctl_leaf(struct target *t, struct iodirty_leaf *leaf);
int ctl_stats(struct target *t, struct iodirty_stats *stats);
int ctl_table_read(struct target *t, struct iodirty_table_read *r);
int ctl_engine(struct target *t, struct iodirty_engine *e);
int ctl_record(struct target *t, struct iodirty_record *r);
int ctl_fail_nth(struct target *t, uint32_t nth, uint32_t *left);
int ctl_memlock(struct target *t, uint64_t bytes);
int ctl_split(struct target *t, uint32_t hwpt_id, uint32_t policy);
int ctl_unmap_dirty(struct target *t, struct iodirty_unmap_dirty *u);
int ctl_container(struct target *t, unsigned int type, const char *format, uint32_t *dev_id);
int ctl_vfio_plug(struct target *t, struct iodirty_vfio_plug *p);
int ctl_vfio_unplug(struct target *t, uint32_t vfio_id);
int ctl_vfio_open(struct target *t, uint32_t node, uint32_t vfio_id);
int ctl_fd_ioctl(struct target *t, int fd, unsigned long cmd, void *arg);
int64_t ctl_fd_read(struct target *t, int fd, void *buf, size_t size, uint64_t pos);
int64_t ctl_fd_write(struct target *t, int fd, const void *buf, size_t size, uint64_t pos);

#define CTL_DRIVER                                                                                \
	.close = ctl_close, .ioctl = ctl_ioctl, .close_fd = ctl_close_fd, .format = ctl_format,   \
	.plug = ctl_plug, .unplug = ctl_unplug, .attach = ctl_attach, .detach = ctl_detach,       \
	.dma = ctl_dma, .stream_start = ctl_stream_start, .stream_query = ctl_stream_query,       \
	.leaf = ctl_leaf, .stats = ctl_stats, .table_read = ctl_table_read, .engine = ctl_engine, \
	.record = ctl_record, .fail_nth = ctl_fail_nth, .memlock = ctl_memlock,                   \
	.split = ctl_split, .unmap_dirty = ctl_unmap_dirty, .container = ctl_container,           \
	.vfio_plug = ctl_vfio_plug, .vfio_unplug = ctl_vfio_unplug, .vfio_open = ctl_vfio_open,   \
	.fd_ioctl = ctl_fd_ioctl, .fd_read = ctl_fd_read, .fd_write = ctl_fd_write

#endif
