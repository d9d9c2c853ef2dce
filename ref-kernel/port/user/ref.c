/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "iommufd/iommufd.h"
#include "ref.h"
#include "self.h"
#include "task.h"

int ref_open(void)
{
	struct iommufd_ctx *ctx = iommufd_open();
	int fd;

	if (!ctx)
		return -ENOMEM;
	fd = port_fd_install(&iommufd_fd_ops, ctx);
	if (fd < 0)
		iommufd_release(ctx);
	return fd;
}

static struct port_fd *find(int fd)
{
	struct port_fd *held;

	port_fd_get(fd, NULL, &held);
	return held;
}

/* The descriptor is let go of before handlers run: they may jump away. */
int ref_ioctl(int fd, unsigned long cmd, void *arg)
{
	struct port_fd *held;
	int ret;

	do {
		held = find(fd);
		if (!held)
			return -EBADF;
		ret = (int)fd_ioctl(held, (unsigned int)cmd, (u64)arg);
		port_fd_put(held);
	} while (!self_call_ends(ret));
	return ret == -ERESTARTSYS ? -EINTR : ret;
}

ssize_t ref_pread(int fd, void *buf, size_t size, off_t pos)
{
	struct port_fd *held = find(fd);
	s64 ret;

	if (!held)
		return -EBADF;
	ret = fd_read(held, (u64)buf, size, (u64)pos);
	port_fd_put(held);
	return (ssize_t)ret;
}

ssize_t ref_pwrite(int fd, const void *buf, size_t size, off_t pos)
{
	struct port_fd *held = find(fd);
	s64 ret;

	if (!held)
		return -EBADF;
	ret = fd_write(held, (u64)buf, size, (u64)pos);
	port_fd_put(held);
	return (ssize_t)ret;
}
