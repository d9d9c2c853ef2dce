/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The door to the reference in user space: what open("/dev/iommu"), ioctl and
 * close are to the kernel. Descriptors are real ones, so no number is taken
 * twice. Any thread may call any of these at any time.
 */
#ifndef IODIRTY_PORT_USER_REF_H
#define IODIRTY_PORT_USER_REF_H

/* A new iommufd, or a negative errno. */
int ref_open(void);

/*
 * 0 or more, or a negative errno: -EBADF if @fd is not from ref_open. The
 * iommufd outlives the call whoever closes @fd meanwhile.
 */
int ref_ioctl(int fd, unsigned long cmd, void *arg);

/*
 * Close a descriptor from ref_open, or one that the reference installed;
 * -EBADF if it is neither. When a call is under way, the number stays taken
 * until that returns.
 */
int ref_close(int fd);

#endif
