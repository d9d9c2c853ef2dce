/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a home calls: one struct iommufd_ctx is one open descriptor.
 */
#ifndef IODIRTY_IOMMUFD_H
#define IODIRTY_IOMMUFD_H

#include "port.h"

struct iommufd_ctx;

/* NULL: no memory. */
struct iommufd_ctx *iommufd_open(void);
/* The format of devices that IOMMU_TEST_CMD plugs, "mock" unless told; before the
 * first ioctl. @name stays valid. */
void iommufd_set_test_format(struct iommufd_ctx *ctx, const char *name);
/* What HWPTs that are for tracking are told when they are made, as by IODIRTY_SPLIT; KEEP
 * unless told. Before the first ioctl. */
void iommufd_set_split(struct iommufd_ctx *ctx, u32 policy);
/* What the devices of @ctx do is in the record of @by (IODIRTY_RECORD), by their ids and
 * @ids, and not in its own. Before the first ioctl; @by is released after it. */
void iommufd_record_by(struct iommufd_ctx *ctx, struct iommufd_ctx *by, u32 ids);
/*
 * Any ioctl on the descriptor; @uptr is the caller's argument, trusted in no
 * way. 0 or a negative errno. From any number of threads at once.
 */
long iommufd_ioctl(struct iommufd_ctx *ctx, unsigned int cmd, u64 uptr);
/* The last close: no ioctl is under way and none will follow. */
void iommufd_release(struct iommufd_ctx *ctx);
/* With these a home installs the descriptor, its private data the context: VFIO finds
 * it by them. */
extern const struct port_fd_ops iommufd_fd_ops;

#endif
