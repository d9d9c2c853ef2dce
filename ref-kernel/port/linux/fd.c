/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Descriptors that the reference hands out: anonymous files, each of which keeps
 * the module.
 */
#include <linux/anon_inodes.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "linux.h"

int handed_release(struct inode *inode, struct file *file)
{
	struct handed *handed = file->private_data;

	(void)inode;
	if (handed->queue)
		queue_abandon(handed->queue);
	handed->ops->release(handed->priv);
	kfree(handed);
	return 0;
}

long handed_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct handed *handed = file->private_data;

	return handed->ops->ioctl ? handed->ops->ioctl(handed->priv, cmd, arg) : -ENOTTY;
}

/* Without a position of their own (FMODE_STREAM) read() names none. */
static ssize_t handed_read(struct file *file, char __user *buf, size_t size, loff_t *pos)
{
	struct handed *handed = file->private_data;

	if (!handed->ops->read)
		return -EINVAL;
	return handed->ops->read(handed->priv, (u64)buf, size, pos ? (u64)*pos : PORT_NO_POS);
}

static ssize_t handed_write(struct file *file, const char __user *buf, size_t size, loff_t *pos)
{
	struct handed *handed = file->private_data;

	if (!handed->ops->write)
		return -EINVAL;
	return handed->ops->write(handed->priv, (u64)buf, size, pos ? (u64)*pos : PORT_NO_POS);
}

static const struct file_operations plain_fops = {
	.owner = THIS_MODULE,
	.read = handed_read,
	.write = handed_write,
	.unlocked_ioctl = handed_ioctl,
	.release = handed_release,
};

struct handed *handed_alloc(const struct port_fd_ops *ops, void *priv)
{
	struct handed *handed = kzalloc(sizeof(*handed), GFP_KERNEL_ACCOUNT);

	if (handed) {
		handed->ops = ops;
		handed->priv = priv;
	}
	return handed;
}

int handed_install(const char *name, const struct file_operations *fops, struct handed *handed)
{
	int fd = port_fail() ? -ENFILE : get_unused_fd_flags(O_CLOEXEC);
	struct file *file;

	if (fd < 0)
		return fd;
	file = anon_inode_getfile(name, fops, handed, O_RDWR | O_NONBLOCK);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	/* A queue's read and write are its own. */
	if (handed->ops->stream)
		file->f_mode |= FMODE_STREAM;
	else if (!handed->queue)
		file->f_mode |= FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE;
	fd_install(fd, file);
	return fd;
}

int port_fd_install(const struct port_fd_ops *ops, void *priv)
{
	struct handed *handed = handed_alloc(ops, priv);
	int fd;

	if (!handed)
		return -ENOMEM;
	fd = handed_install("[iodirty]", &plain_fops, handed);
	if (fd < 0)
		kfree(handed);
	return fd;
}

void *port_fd_get(int fd, const struct port_fd_ops *ops, struct port_fd **held)
{
	struct file *file = fget(fd);
	struct handed *handed;

	*held = NULL;
	if (!file)
		return NULL;
	handed = file->f_op->release == handed_release ? file->private_data : NULL;
	if (!handed || handed->ops != ops) {
		fput(file);
		return NULL;
	}
	*held = (struct port_fd *)file;
	return handed->priv;
}

void port_fd_put(struct port_fd *held)
{
	fput((struct file *)held);
}

/* A program that guessed the number and closed it meanwhile loses what it has put
 * there since: its own. */
void port_fd_close(int fd)
{
	close_fd(fd);
}
