/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The kernel's home: types and structs that port.h names. Members are for the
 * files of port/linux alone, except port_node.key.
 *
 * "Physical" is the processor's physical address of a table page, and the bus
 * address (bus.c) of a pinned one. The core sees no more of Linux than is included
 * here.
 */
#ifndef IODIRTY_PORT_LINUX_HOME_H
#define IODIRTY_PORT_LINUX_HOME_H

#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/rwsem.h>
#include <linux/stddef.h>
#include <linux/string.h>
#include <linux/types.h>

/* C's names, by which the core goes. */
#define UINT16_MAX U16_MAX
#define UINT32_MAX U32_MAX
#define UINT64_MAX U64_MAX

struct page;
struct pinned;
struct queue;
struct task_struct;

struct port_fd; /* is a struct file */
struct port_file; /* is a struct file */
struct port_mm; /* is a struct mm_struct */

struct port_mutex {
	struct mutex lock;
};

#define PORT_MUTEX_INIT(name)                          \
	{                                              \
		.lock = __MUTEX_INITIALIZER(name.lock) \
	}

/* Macros, so that each place is a lock class of its own to lockdep. */
#define port_mutex_init(m) mutex_init(&(m)->lock)

struct port_rwsem {
	struct rw_semaphore sem;
};

#define port_rwsem_init(s) init_rwsem(&(s)->sem)

struct port_pin {
	struct pinned *pinned;
};

struct port_window {
	struct page **pages;
	unsigned int npages;
	unsigned int skip; /* bytes of the first page before the window */
};

struct port_queue {
	struct queue *shared; /* with the descriptor */
};

struct port_thread {
	struct task_struct *task; /* referenced */
	void (*fn)(void *arg);
	void *arg;
};

struct port_node {
	u64 key;
	struct rb_node link;
};

struct port_map {
	struct rb_root root;
};

#endif
