/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a program on the reference and its server say to each other, over a
 * SOCK_SEQPACKET connection a thread: a call; then, until it is done, what the
 * server needs done in the caller's own process, each with its answer.
 *
 * An open iommufd, or VFIO node, is one end of a socket pair whose other end the server keeps.
 * The host's kernel so does all that descriptors are about: dup, fork, exec,
 * passing, the last close, which the server sees as a hangup. It is known by its
 * cookie (SO_COOKIE), whatever its number in whichever process. Of a queue (page requests) it is
 * SOCK_SEQPACKET, and records are read and written as the host does that; any other is
 * SOCK_STREAM, and to read or write it is a call.
 */
#ifndef IODIRTY_PRELOAD_WIRE_H
#define IODIRTY_PRELOAD_WIRE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/un.h>

/* The environment of a program that is on the reference: path of the socket. */
#define WIRE_ENV "IODIRTY_REFERENCE"
/* The server's process: peer of each descriptor that is its, also of one that is inherited. */
#define WIRE_PID_ENV "IODIRTY_REFERENCE_PID"
/* And of a folder that stands for debugfs on hosts without fault injection. */
#define WIRE_DEBUGFS_ENV "IODIRTY_DEBUGFS"

enum wire_op {
	/* From the program. */
	WIRE_HELLO, /* first on a connection; @arg: a number of the memory it is in */
	WIRE_OPEN, /* @cmd: enum wire_node, @arg: which; result: its number, INSTALLed before */
	WIRE_IOCTL, /* @cookie, @cmd, @arg */
	WIRE_READ, /* @cookie, @addr, @size, @arg: the position, or PORT_NO_POS */
	WIRE_WRITE, /* as READ */
	WIRE_INTERRUPT, /* within a LONG call: a signal waits for the caller; no answer */
	WIRE_SYNC, /* done once what was closed before is released */

	/* From the server, within a call; all but DONE and LONG are answered. */
	WIRE_DONE, /* @result; @fail_nth: what is left */
	WIRE_LONG, /* the call takes its time, and may be INTERRUPTed */
	WIRE_POPULATE, /* @addr, @size, @write */
	WIRE_ATOMIC, /* @addr, @size, @cmd: enum port_atomic, @operand, @compare */
	WIRE_COOKIE, /* of descriptor @arg */
	WIRE_INSTALL, /* brings a descriptor: answer its number */
	WIRE_CLOSE, /* descriptor @arg */
};

enum wire_node {
	WIRE_IOMMU, /* /dev/iommu */
	WIRE_VFIO_DEVICE, /* /dev/vfio/devices/vfioN */
	WIRE_VFIO_GROUP, /* /dev/vfio/N */
	WIRE_VFIO_CONTAINER, /* /dev/vfio/vfio */
};

/* The result of a call on a descriptor that is none of the server's: no errno. */
#define WIRE_NOT_OURS (-4096)

struct wire {
	uint32_t op;
	uint32_t fail_nth; /* of the calling thread; 0: off */
	int64_t result; /* 0 or more, or -errno */
	uint64_t cookie, cmd, arg;
	uint64_t addr, size, operand, compare, value;
	uint32_t write, pad;
};

/* One message with at most one descriptor, -1: none. 0 or -errno (-EPIPE: gone). */
int wire_send(int socket, const struct wire *w, int fd);
/* *@fd may be NULL: one that comes is closed. */
int wire_receive(int socket, struct wire *w, int *fd);

/* The address of the socket at @path: -ENAMETOOLONG. */
int wire_address(const char *path, struct sockaddr_un *address);

/* Is it a queue's, of those that the server gave? Leaves errno alone. */
bool wire_is_queue(int fd);

/* SO_COOKIE of a socket; 0: not a socket. Leaves errno alone. */
uint64_t wire_cookie(int fd);

#endif
