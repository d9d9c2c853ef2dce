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

static const struct file_operations plain_fops = {
	.owner = THIS_MODULE,
	.release = handed_release,
};

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
	fd_install(fd, file);
	return fd;
}

int port_fd_install(const struct port_fd_ops *ops, void *priv)
{
	struct handed *handed = kzalloc(sizeof(*handed), GFP_KERNEL_ACCOUNT);
	int fd;

	if (!handed)
		return -ENOMEM;
	handed->ops = ops;
	handed->priv = priv;
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
