/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Between the files of port/linux, and for the module that they are in. */
#ifndef IODIRTY_PORT_LINUX_LINUX_H
#define IODIRTY_PORT_LINUX_LINUX_H

#include <linux/atomic.h>

#include "port.h"

struct file;
struct folio;
struct file_operations;
struct inode;

/* Pages, and folios of memfds, that are pinned now, each as often as it is. */
extern atomic64_t pinned_pages;

/* Pages that lie in a row on the bus. */
struct pinned {
	u64 base; /* bus address of the first */
	u64 npages;
	struct page **pages;
	struct folio **folios; /* of a memfd: what is pinned; else the pages are */
	u64 nfolios;
	bool write;
	struct mm_struct *mm; /* whose pinned_vm counts them */
	u64 accounted; /* of it */
};

/*
 * Room for @npages pages on the bus, aligned as @hint is, none pinned yet, and accounted
 * to @mm as pinned (VmPin). *@pin is to be given back by port_unpin, whatever has been
 * pinned. -ENOMEM: no memory, or more than RLIMIT_MEMLOCK and no CAP_IPC_LOCK.
 */
int bus_alloc(struct port_pin *pin, struct mm_struct *mm, u64 hint, u64 npages, bool write);

/* What an anonymous file of ours has as private data. */
struct handed {
	const struct port_fd_ops *ops;
	void *priv;
	struct queue *queue; /* one reference, or NULL */
};

/* A descriptor of the caller's with @fops for @handed, which is taken over; or,
 * and then it is not, a negative errno. Fail point. */
int handed_install(const char *name, const struct file_operations *fops, struct handed *handed);
int handed_release(struct inode *inode, struct file *file);
long handed_ioctl(struct file *file, unsigned int cmd, unsigned long arg);
/* NULL: no memory. */
struct handed *handed_alloc(const struct port_fd_ops *ops, void *priv);

/* The descriptor's reference goes: nobody reads or writes any more. */
void queue_abandon(struct queue *queue);

/* Forget what threads have set by port_fail_set; the module goes. */
void fail_forget_all(void);

#endif
