/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* System calls are bare: libc's would be points at which a program's thread can be cancelled. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "wire.h"

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int))];
};

int wire_send(int socket, const struct wire *w, int fd)
{
	struct iovec iov = { .iov_base = (void *)w, .iov_len = sizeof(*w) };
	union control control = { .bytes = { 0 } };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (fd >= 0) {
		struct cmsghdr *c;

		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	do
		n = syscall(SYS_sendmsg, socket, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static int fd_of(struct msghdr *msg)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);
	int fd;

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return -1;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

int wire_receive(int socket, struct wire *w, int *fd)
{
	struct iovec iov = { .iov_base = w, .iov_len = sizeof(*w) };
	union control control = { .bytes = { 0 } };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	ssize_t n;
	int came;

	do
		n = syscall(SYS_recvmsg, socket, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	came = fd_of(&msg);
	if (fd)
		*fd = came;
	else if (came >= 0)
		syscall(SYS_close, came);
	if (!n)
		return -EPIPE;
	return n == sizeof(*w) ? 0 : -EPROTO;
}

int wire_address(const char *path, struct sockaddr_un *address)
{
	size_t size = strlen(path) + 1;

	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (size > sizeof(address->sun_path))
		return -ENAMETOOLONG;
	memcpy(address->sun_path, path, size);
	return 0;
}

bool wire_is_queue(int fd)
{
	int was = errno, type = 0;
	socklen_t size = sizeof(type);

	getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size);
	errno = was;
	return type == SOCK_SEQPACKET;
}

uint64_t wire_cookie(int fd)
{
	int was = errno;
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);

	if (getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size))
		cookie = 0;
	errno = was;
	return cookie;
}
