/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The target seam: the one way in which tests, benchmarks and workloads see
 * what they test. A target for new hardware is one file in targets/ that fills
 * in a struct target_driver and is listed in targets/targets.c.
 *
 * A capability that is claimed and then refused is a failure of the target;
 * one that is not claimed is a skip, with its reason. Functions that belong to
 * a capability are called only when it is claimed and may be NULL otherwise.
 *
 * Every function returns 0 or a negative errno, or TARGET_UNABLE where it says so. A target is used by any number
 * of threads at once; plug, attach and detach of one device by one at a time.
 */
#ifndef IODIRTY_TARGET_H
#define IODIRTY_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/iodirty.h"
#include "abi/iommufd.h"
#include "abi/iommufd_test.h"

enum target_cap {
	/* DMA really moves bytes, by the device, through translation. Without
	 * it, dma() of a WRITE only marks what it would have dirtied. */
	TARGET_DMA = 1 << 0,
	TARGET_ATOMIC = 1 << 1, /* AtomicOps in dma() */
	TARGET_STREAM = 1 << 2, /* background streams */
	TARGET_PASID = 1 << 3, /* attach, DMA by PASID */
	TARGET_ACCESS = 1 << 4, /* IOMMU_TEST_CMD access operations */
	TARGET_TEST_DIRTY = 1 << 5, /* IOMMU_TEST_CMD: mock devices, DIRTY, the checks */
	TARGET_LEAF = 1 << 6, /* leaf sizes follow alignment exactly; leaf() */
	TARGET_NO_DIRTY_DEV = 1 << 7, /* can plug a device that cannot track */
	TARGET_FAIL_NTH = 1 << 8, /* fail_nth() */
	TARGET_STATS = 1 << 9, /* stats() */
	TARGET_MEMLOCK = 1 << 10, /* memlock() */
	TARGET_UNPLUG = 1 << 11, /* surprise removal */
	TARGET_SHARED_IOMMU = 1 << 12, /* two devices behind one IOMMU */
	TARGET_RESERVED = 1 << 13, /* plug a device with a reserved range */
	TARGET_VFIO_COMPAT = 1 << 14, /* ioctl() of abi/vfio.h */
	TARGET_NESTED = 1 << 15, /* the mock's nested HWPTs, IOTLB, page requests */
	TARGET_TRACK = 1 << 16, /* the IOMMU can track; without, asking for it is not capable */
	TARGET_REFERENCE = 1 << 17, /* nothing is missing of what Linux has, nothing is lax */
	TARGET_TYPE1 = 1 << 18, /* container() */
	TARGET_CACHES = 1 << 19, /* plug() takes sizes of caches */
	TARGET_ATS = 1 << 20, /* plug() takes devices that cache translations */
	TARGET_SPLIT = 1 << 21, /* split() */
	TARGET_STAGE1 = 1 << 22, /* nested HWPTs over stage-1 tables in the memory of the guest */
	TARGET_VFIO = 1 << 23, /* VFIO devices: vfio_plug() and the calls after it */
	TARGET_UNMAP_DIRTY = 1 << 24, /* unmap_dirty() */
	TARGET_ENGINE = 1 << 25, /* engine(), table_read() */
	TARGET_RECORD = 1 << 26, /* record() */
};

struct target;

/*
 * What plug, unplug, attach, detach and dma return that have no way to do what is
 * asked, where the capabilities do not say so: the test that asked is skipped, with
 * target.unable as its reason. No errno.
 */
#define TARGET_UNABLE (-4096)

struct target_driver {
	const char *name;
	const char *summary; /* a line for `iodirty list targets` */
	/* What is tested runs in this kernel: what that logs meanwhile is the test's. */
	bool kernel;

	/* Could it be opened here? Else @why says what is missing and what to do; -EINVAL:
	 * no target of this kind, anywhere, takes this @arg. */
	int (*probe)(const char *arg, char *why, size_t why_size);

	/* A fresh /dev/iommu, sharing nothing with another. @arg: what follows
	 * the colon in "-t name:arg", or NULL. Sets driver, caps. */
	int (*open)(const char *arg, struct target **out);
	/* Stops all DMA, then drops everything. */
	void (*close)(struct target *t);

	/* Formats that plug() takes: -ENOENT past the last @index. */
	int (*format)(struct target *t, unsigned int index, struct iodirty_format_info *out);

	/* An ioctl of iommufd, IOMMU_TEST_CMD included. @arg may be garbage. May
	 * return more than 0: VFIO_CHECK_EXTENSION does. */
	int (*ioctl)(struct target *t, unsigned long cmd, void *arg);

	/* Close a descriptor that ioctl() handed out: the last close of it. */
	int (*close_fd)(struct target *t, int fd);

	/* A device of p->format, bound: fills in out_dev_id and iommu_id. */
	int (*plug)(struct target *t, struct iodirty_plug *p);
	int (*unplug)(struct target *t, uint32_t dev_id);
	/* *pt_id: an IOAS or HWPT; returns the HWPT in use. */
	int (*attach)(struct target *t, uint32_t dev_id, uint32_t pasid, bool replace,
		      uint32_t *pt_id);
	int (*detach)(struct target *t, uint32_t dev_id, uint32_t pasid);

	/*
	 * All of this /dev/iommu is dropped, and the one device, of @format, is *dev_id of a VFIO
	 * container of this type (VFIO_TYPE1_IOMMU, VFIO_TYPE1v2_IOMMU): from here on
	 * ioctl() reaches that, and dma() goes through it.
	 */
	int (*container)(struct target *t, unsigned int type, const char *format, uint32_t *dev_id);

	/* One DMA; complete, and visible to a later harvest, on return. A fault
	 * of the device is not an error: see d->out_fault. */
	int (*dma)(struct target *t, struct iodirty_dma *d);
	int (*stream_start)(struct target *t, struct iodirty_stream_start *s);
	int (*stream_query)(struct target *t, struct iodirty_stream_query *q);

	int (*leaf)(struct target *t, struct iodirty_leaf *leaf);
	int (*stats)(struct target *t, struct iodirty_stats *stats);
	/* Read the IOPTEs that map a range once: a benchmark's floor. */
	int (*table_read)(struct target *t, struct iodirty_table_read *r);
	int (*engine)(struct target *t, struct iodirty_engine *e);
	/* What devices did, since START: errors are those of IODIRTY_RECORD. */
	int (*record)(struct target *t, struct iodirty_record *r);
	/* Fail the @nth next fail point of this thread; *left: of the last one. */
	int (*fail_nth)(struct target *t, uint32_t nth, uint32_t *left);
	int (*memlock)(struct target *t, uint64_t bytes);
	/* Large leaves of a HWPT while it tracks: enum iodirty_split_policy. Errors are
	 * those of IODIRTY_SPLIT. */
	int (*split)(struct target *t, uint32_t hwpt_id, uint32_t policy);
	/* Unmap and report what was written until then; errors are those of
	 * IODIRTY_UNMAP_DIRTY. */
	int (*unmap_dirty)(struct target *t, struct iodirty_unmap_dirty *u);

	/* A VFIO device: fills in out_vfio_id. Errors are those of IODIRTY_VFIO_PLUG. */
	int (*vfio_plug)(struct target *t, struct iodirty_vfio_plug *p);
	int (*vfio_unplug)(struct target *t, uint32_t vfio_id);
	/* A descriptor of a node (enum iodirty_vfio_node), which close_fd() closes, as all
	 * that the next returns. */
	int (*vfio_open)(struct target *t, uint32_t node, uint32_t vfio_id);
	/* Of such a descriptor: as ioctl(), and bytes moved, at @pos or, UINT64_MAX,
	 * where it is. */
	int (*fd_ioctl)(struct target *t, int fd, unsigned long cmd, void *arg);
	int64_t (*fd_read)(struct target *t, int fd, void *buf, size_t size, uint64_t pos);
	int64_t (*fd_write)(struct target *t, int fd, const void *buf, size_t size, uint64_t pos);
};

/* A driver's own instance starts with this. */
struct target {
	const struct target_driver *driver;
	uint64_t caps; /* enum target_cap */
	int fd; /* TARGET_VFIO: of the iommufd, for VFIO_DEVICE_BIND_IOMMUFD */
	const char *_Atomic unable; /* why the last TARGET_UNABLE */
};

/* All targets built in, ended by NULL. */
extern const struct target_driver *const targets[];

/* "name" or "name:arg": NULL if no such name; *arg points behind the colon. */
const struct target_driver *target_find(const char *spec, const char **arg);
/* The name of one capability bit, in lower case with dashes. */
const char *target_cap_name(uint64_t cap);

#endif
