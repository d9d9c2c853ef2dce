/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* System calls as the seam wants them, and the descriptors that ioctls make. */
#ifndef IODIRTY_TARGETS_SYS_H
#define IODIRTY_TARGETS_SYS_H

#include <pthread.h>
#include <stddef.h>
#include <sys/types.h>

/* The descriptor, close-on-exec, or -errno. */
int sys_open(const char *path);
/* What the ioctl returned, or -errno. @arg may be garbage. */
int sys_ioctl(int fd, unsigned long cmd, void *arg);
/* Bytes moved, or -errno; @pos -1: where the descriptor is. */
ssize_t sys_pread(int fd, void *buf, size_t size, off_t pos);
ssize_t sys_pwrite(int fd, const void *buf, size_t size, off_t pos);
/* 0 or -errno. */
int sys_close(int fd);

/* Copy @size bytes of this process that may not be there: 0 or -EFAULT. */
int sys_read_self(void *dst, const void *src, size_t size);

/*
 * Descriptors that ioctls of iommufd hand out (accesses, fault queues): the
 * seam closes none, so the target does when it is closed. Any thread may call.
 */
struct made_fds {
	pthread_mutex_t lock;
	struct made_fd *first;
	int (*close)(int fd);
};

void made_fds_init(struct made_fds *made, int (*close)(int fd));
/*
 * After ioctl @cmd that returned @ret: remember what it made, if it did. Returns
 * @ret, or -ENOMEM with the descriptor closed. @arg is looked at only when the
 * call succeeded, which shows it to be whole.
 */
int made_fds_note(struct made_fds *made, unsigned long cmd, void *arg, int ret);
/* Remember @fd, which is returned; -ENOMEM with it closed. */
int made_fds_add(struct made_fds *made, int fd);
/* Forget @fd, and close it: what that returned, or -EBADF. */
int made_fds_close_one(struct made_fds *made, int fd);
void made_fds_close(struct made_fds *made);

#endif
