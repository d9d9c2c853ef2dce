/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The door to the reference in user space: what open("/dev/iommu"), ioctl and
 * close are to the kernel. Descriptors are real ones, so no number is taken
 * twice. Any thread may call any of these at any time.
 */
#ifndef IODIRTY_PORT_USER_REF_H
#define IODIRTY_PORT_USER_REF_H

#include <sys/types.h>

/* A new iommufd, or a negative errno. */
int ref_open(void);

/*
 * 0 or more, or a negative errno: -EBADF if @fd is neither from ref_open nor one that
 * the reference installed. What it stands for outlives the call whoever closes @fd meanwhile.
 */
int ref_ioctl(int fd, unsigned long cmd, void *arg);
/* The same; bytes moved. @pos -1: where the descriptor is. */
ssize_t ref_pread(int fd, void *buf, size_t size, off_t pos);
ssize_t ref_pwrite(int fd, const void *buf, size_t size, off_t pos);

/*
 * Close a descriptor from ref_open, or one that the reference installed;
 * -EBADF if it is neither. When a call is under way, the number stays taken
 * until that returns.
 */
int ref_close(int fd);

#endif
