/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The user-space home: types and structs that port.h names. Members are for
 * the files of port/user alone, except port_node.key.
 *
 * "Physical" is the address of this process: the identity, for table pages and
 * for pinned memory alike.
 */
#ifndef IODIRTY_PORT_USER_HOME_H
#define IODIRTY_PORT_USER_HOME_H

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <bsd/sys/tree.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef unsigned long long u64; /* as the kernel has it */
typedef int32_t s32;
typedef long long s64;

/* Is this a build in which memory, and who accesses it, is watched? */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PORT_SANITIZED 1
#else
#define PORT_SANITIZED 0
#endif

/* As in Linux; no program sees it. */
#define ERESTARTSYS 512

/* There is vector.h. A kernel's module has no vector unit to itself. */
#ifdef __x86_64__
#define PORT_VECTOR 1
#endif

struct port_fd;
struct port_file;
struct port_mm;

struct port_mutex {
	pthread_mutex_t lock;
};

#define PORT_MUTEX_INIT(name)             \
	{                                 \
		PTHREAD_MUTEX_INITIALIZER \
	}

struct port_rwsem {
	pthread_rwlock_t lock;
};

struct port_pin {
	u64 base; /* address of page 0 */
	u64 npages;
	bool mapped; /* by port_pin_file: ours to munmap */
};

struct port_guard {
	sigset_t blocked; /* by the thread, before */
};

struct port_window {
	u64 uaddr;
	size_t size;
	bool guarded; /* memory of this process, which is stored to */
	struct port_guard guard;
};

struct port_queue {
	int fd; /* our end */
};

struct port_thread {
	pthread_t thread;
	void (*fn)(void *arg);
	void *arg;
	pthread_mutex_t lock; /* for @wake */
	pthread_cond_t wake;
	bool stopping; /* atomic */
};

struct port_node {
	u64 key;
	RB_ENTRY(port_node) link;
};

struct port_map {
	RB_HEAD(port_tree, port_node) tree;
};

#endif
