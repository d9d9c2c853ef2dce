/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What target linux is made of: the kernel's test interface (linux_mock.c) and its
 * failure injection (linux_fail.c; its Documentation/fault-injection).
 */
#ifndef IODIRTY_TARGETS_LINUX_H
#define IODIRTY_TARGETS_LINUX_H

#include <stdbool.h>
#include <stdint.h>

#include "target.h"

/* All return 0 or -errno, and fill in what they return only then. */
int mock_test_cmd(int fd, uint32_t op, struct iommu_test_cmd *cmd);
int mock_destroy(int fd, uint32_t id);
int mock_ioas_alloc(int fd, uint32_t *ioas);
/* A device with @flags, attached to @pt, an IOAS or a HWPT; its ids are in @cmd. */
int mock_device(int fd, uint32_t pt, uint32_t flags, struct iommu_test_cmd *cmd);
/* @data: of IOMMU_HWPT_DATA_SELFTEST, or NULL. */
int mock_hwpt_alloc(int fd, uint32_t dev, uint32_t pt, uint32_t flags,
		    struct iommu_hwpt_selftest *data, uint32_t *hwpt);

/* What differs from one kernel to the next, tried out and not told by version. */
struct mock {
	struct iodirty_format_info formats[2]; /* mock, mock-huge: leaves, aperture */
	bool huge_by_device, huge_by_table; /* how mock-huge is had, if at all */
	bool pasid; /* devices with PASIDs */
};

/* On a descriptor of its own of @node, so that ids start afresh on others. */
int mock_find_out(const char *node, struct mock *m);

/*
 * False when this kernel has none, or this process may not use it. Sets what holds
 * for the whole machine: that allocations which may sleep can fail too, and that
 * none is told of in the log.
 */
bool linux_fail_prepare(void);
/*
 * The calling thread's @nth next fail point (slab, page, iommufd's own) fails, once;
 * 0: none. *@left: what was left of the setting before. 0 or -errno.
 */
int linux_fail_nth(uint32_t nth, uint32_t *left);

#endif
