/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "iommufd/iommufd.h"
#include "port.h"
#include "ref.h"

static void release(void *priv)
{
	iommufd_release(priv);
}

static const struct port_fd_ops iommufd_fd_ops = { .release = release };

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

int ref_ioctl(int fd, unsigned long cmd, void *arg)
{
	struct port_fd *held;
	struct iommufd_ctx *ctx = port_fd_get(fd, &iommufd_fd_ops, &held);
	int ret;

	if (!ctx)
		return -EBADF;
	ret = iommufd_ioctl(ctx, cmd, (u64)arg);
	port_fd_put(held);
	return ret;
}
