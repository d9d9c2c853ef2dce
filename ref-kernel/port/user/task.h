/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The process on whose behalf a thread runs the reference: this one, when a
 * program links the library, or another, when it was put on the reference
 * (ref-kernel/preload). Between the files of port/user and preload/.
 *
 * "Physical" addresses name a page of one of several address spaces: the number
 * of the space above bit 47, the process's own address below. This process is
 * number 0, so its addresses, table pages among them, stand for themselves.
 */
#ifndef IODIRTY_PORT_USER_TASK_H
#define IODIRTY_PORT_USER_TASK_H

#include <sys/types.h>

#include "port.h"

#define SPACE_LG2 47
#define SPACES 16 /* 51 bits: what every format can hold in an entry */

/* The mapping that holds an address: a line of /proc/PID/maps. */
struct vma {
	u64 start, end, offset; /* bytes */
	bool read, write, shared;
	u64 device, inode; /* inode 0: of no file */
};

struct task;

struct mm_ops {
	/* As DMA: whatever the address, 0 or -EFAULT, never a signal. */
	int (*read)(struct port_mm *mm, void *dst, u64 addr, size_t size);
	int (*write)(struct port_mm *mm, u64 addr, const void *src, size_t size);
	/* Fault in, for write or read, the pages that hold [addr, addr + size). */
	int (*populate)(struct port_mm *mm, u64 addr, u64 size, bool write);
	/* -EFAULT where nothing is mapped. */
	int (*vma)(struct port_mm *mm, u64 addr, struct vma *vma);
	void (*release)(struct port_mm *mm); /* the last reference */
};

struct port_mm {
	const struct mm_ops *ops;
	u64 refs; /* atomic */
	u32 space; /* 0: none yet, or this process */
};

void mm_init(struct port_mm *mm, const struct mm_ops *ops); /* with one reference */

struct task_ops {
	/* As the kernel copies: permissions of the mapping hold. */
	int (*read)(struct task *t, void *dst, u64 addr, size_t size);
	int (*write)(struct task *t, u64 addr, const void *src, size_t size);
	/* port_phys_atomic at an address of its own, made present for write. */
	int (*atomic)(struct task *t, u64 addr, enum port_atomic op, size_t size, u64 operand,
		      u64 compare, u64 *old);
	/* Does it hold @cap, a number of <linux/capability.h>? */
	bool (*capable)(struct task *t, unsigned int cap);
	/* As the functions of port.h; what they find ends with the call. */
	void (*hold_signals)(struct task *t);
	bool (*interrupted)(struct task *t);
	/* A copy for this process of the task's descriptor; or -errno. */
	int (*fd_copy)(struct task *t, int fd);
	/* As the functions of port.h. @ours: NULL, or gets our end of a queue. */
	int (*fd_install)(struct task *t, const struct port_fd_ops *ops, void *priv, int *ours);
	struct port_fd *(*fd_find)(struct task *t, int fd, const struct port_fd_ops *ops);
	void (*fd_close)(struct task *t, int fd);
};

struct task {
	const struct task_ops *ops;
	struct port_mm *mm; /* one reference */
};

/* Whom this thread works for; by default this process. */
struct task *task_current(void);
void task_become(struct task *t); /* NULL: this process */

/* The line of an open /proc/PID/maps that holds @addr: 0 or -EFAULT. */
int maps_find(int maps_fd, u64 addr, struct vma *vma);

/* ---- descriptors of ours (fd.c) ---- */

/* By what finds them: a number of this process, or a socket's cookie. */
struct fd_table {
	struct port_mutex lock;
	struct port_map map;
};

#define FD_TABLE_INIT                                 \
	{                                             \
		.lock = { PTHREAD_MUTEX_INITIALIZER } \
	}

/* @fd is closed once the entry is closed and nobody holds it. -ENOMEM. */
int fd_table_add(struct fd_table *table, u64 key, int fd, const struct port_fd_ops *ops,
		 void *priv);
/* Held until port_fd_put; NULL: none, closed, or of other @ops (NULL: any). */
struct port_fd *fd_table_get(struct fd_table *table, u64 key, const struct port_fd_ops *ops);
/* What its ops have; ENOTTY, EINVAL where they have none. */
long fd_ioctl(struct port_fd *entry, unsigned int cmd, u64 arg);
s64 fd_read(struct port_fd *entry, u64 uaddr, u64 size, u64 pos);
s64 fd_write(struct port_fd *entry, u64 uaddr, u64 size, u64 pos);
int fd_table_close(struct fd_table *table, u64 key); /* -EBADF */

#endif
