/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define _GNU_SOURCE /* process_vm_readv */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "abi/iommufd.h"
#include "abi/iommufd_test.h"
#include "abi/vfio.h"
#include "sys.h"

struct made_fd {
	int fd;
	struct made_fd *next;
};

int sys_open(const char *path)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int sys_ioctl(int fd, unsigned long cmd, void *arg)
{
	int ret = ioctl(fd, cmd, arg);

	return ret < 0 ? -errno : ret;
}

ssize_t sys_pread(int fd, void *buf, size_t size, off_t pos)
{
	ssize_t n = pos == -1 ? read(fd, buf, size) : pread(fd, buf, size, pos);

	return n < 0 ? -errno : n;
}

ssize_t sys_pwrite(int fd, const void *buf, size_t size, off_t pos)
{
	ssize_t n = pos == -1 ? write(fd, buf, size) : pwrite(fd, buf, size, pos);

	return n < 0 ? -errno : n;
}

int sys_close(int fd)
{
	return close(fd) ? -errno : 0;
}

int sys_read_self(void *dst, const void *src, size_t size)
{
	struct iovec to = { .iov_base = dst, .iov_len = size };
	struct iovec from = { .iov_base = (void *)src, .iov_len = size };

	return process_vm_readv(getpid(), &to, 1, &from, 1, 0) == (ssize_t)size ? 0 : -EFAULT;
}

void made_fds_init(struct made_fds *made, int (*close)(int fd))
{
	*made = (struct made_fds){ .close = close };
	pthread_mutex_init(&made->lock, NULL);
}

int made_fds_add(struct made_fds *made, int fd)
{
	struct made_fd *f = malloc(sizeof(*f));

	if (!f) {
		made->close(fd);
		return -ENOMEM;
	}
	f->fd = fd;
	pthread_mutex_lock(&made->lock);
	f->next = made->first;
	made->first = f;
	pthread_mutex_unlock(&made->lock);
	return fd;
}

/* The same, where the caller is told of success by 0. */
static int remember(struct made_fds *made, int fd)
{
	int ret = made_fds_add(made, fd);

	return ret < 0 ? ret : 0;
}

/* That a device has made for its migration data. */
static int data_fd(const void *arg)
{
	struct {
		struct vfio_device_feature head;
		struct vfio_device_feature_mig_state state;
	} mig;
	const __u32 set = VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE;

	if (sys_read_self(&mig, arg, sizeof(mig)) || mig.head.flags != set)
		return -1;
	return mig.state.data_fd;
}

int made_fds_note(struct made_fds *made, unsigned long cmd, void *arg, int ret)
{
	struct iommu_test_cmd *test = arg;

	if (!ret && cmd == IOMMU_TEST_CMD && test->op == IOMMU_TEST_OP_CREATE_ACCESS)
		return remember(made, test->create_access.out_access_fd);
	if (!ret && cmd == IOMMU_FAULT_QUEUE_ALLOC)
		return remember(made, ((struct iommu_fault_alloc *)arg)->out_fault_fd);
	if (ret >= 0 && cmd == VFIO_GROUP_GET_DEVICE_FD)
		return made_fds_add(made, ret);
	if (!ret && cmd == VFIO_DEVICE_FEATURE && data_fd(arg) >= 0)
		return remember(made, data_fd(arg));
	return ret;
}

int made_fds_close_one(struct made_fds *made, int fd)
{
	struct made_fd **at, *f;

	pthread_mutex_lock(&made->lock);
	at = &made->first;
	while (*at && (*at)->fd != fd)
		at = &(*at)->next;
	f = *at;
	if (f)
		*at = f->next;
	pthread_mutex_unlock(&made->lock);
	if (!f)
		return -EBADF;
	free(f);
	return made->close(fd);
}

void made_fds_close(struct made_fds *made)
{
	while (made->first) {
		struct made_fd *f = made->first;

		made->first = f->next;
		made->close(f->fd);
		free(f);
	}
	pthread_mutex_destroy(&made->lock);
}
