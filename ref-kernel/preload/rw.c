/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reading and writing descriptors of the reference: regions of a VFIO device, its migration
 * data. To the host such a descriptor is a socket, from which nothing comes and on which there
 * are no positions: so what others read costs them nothing, as it is looked at only when
 * the host has answered just that. A write has to be looked at before, in programs
 * that may have something of ours.
 */
#define _GNU_SOURCE
#include <sys/types.h>
#include <unistd.h>

#include "call.h"
#include "port/user/self.h"
#include "real.h"

#define RW_MAX 0x7ffff000UL /* as Linux cuts what is longer */

static void *read_real, *pread_real, *write_real, *pwrite_real;

/* At first: preload.c says why. */
static __attribute__((constructor)) void find_all(void)
{
	real("read", &read_real);
	real("pread", &pread_real);
	real("write", &write_real);
	real("pwrite", &pwrite_real);
}

/* WIRE_NOT_OURS: it is the host's. */
static long rw(enum wire_op op, int fd, const void *buf, size_t n, u64 at)
{
	struct wire w = {
		.op = op,
		.addr = (uintptr_t)buf,
		.size = port_min(n, RW_MAX),
		.arg = at,
	};

	if (!call_made_for(fd) || wire_is_queue(fd))
		return WIRE_NOT_OURS;
	w.cookie = wire_cookie(fd);
	return call(&w);
}

EXPORT ssize_t read(int fd, void *buf, size_t n)
{
	ssize_t done = REAL(ssize_t, read, int, void *, size_t)(fd, buf, n);
	long ret;

	if (done)
		return done;
	ret = rw(WIRE_READ, fd, buf, n, PORT_NO_POS);
	return ret == WIRE_NOT_OURS ? 0 : result(ret);
}

EXPORT ssize_t pread(int fd, void *buf, size_t n, off_t at)
{
	ssize_t done = REAL(ssize_t, pread, int, void *, size_t, off_t)(fd, buf, n, at);
	long ret;

	if (done >= 0 || errno != ESPIPE)
		return done;
	ret = rw(WIRE_READ, fd, buf, n, (u64)at);
	return ret == WIRE_NOT_OURS ? done : result(ret);
}

/* After a write also: a program's number for a failure is as long as what it wrote last. */
EXPORT ssize_t write(int fd, const void *buf, size_t n)
{
	long ret = rw(WIRE_WRITE, fd, buf, n, PORT_NO_POS);
	ssize_t done;

	if (ret != WIRE_NOT_OURS)
		return result(ret);
	done = REAL(ssize_t, write, int, const void *, size_t)(fd, buf, n);
	fail_nth_written(fd, buf, done, true);
	return done;
}

EXPORT ssize_t pwrite(int fd, const void *buf, size_t n, off_t at)
{
	ssize_t done = REAL(ssize_t, pwrite, int, const void *, size_t, off_t)(fd, buf, n, at);
	long ret;

	if (done < 0 && errno == ESPIPE) {
		ret = rw(WIRE_WRITE, fd, buf, n, (u64)at);
		return ret == WIRE_NOT_OURS ? done : result(ret);
	}
	fail_nth_written(fd, buf, done, false);
	return done;
}

EXPORT ssize_t pread64(int fd, void *buf, size_t n, off_t at) __attribute__((alias("pread")));
EXPORT ssize_t pwrite64(int fd, const void *buf, size_t n, off_t at)
	__attribute__((alias("pwrite")));

/* What _FORTIFY_SOURCE makes of those that fill a buffer whose size is known. */
void __chk_fail(void) __attribute__((noreturn));
ssize_t __read_chk(int fd, void *buf, size_t n, size_t room);
ssize_t __pread_chk(int fd, void *buf, size_t n, off_t at, size_t room);
ssize_t __pread64_chk(int fd, void *buf, size_t n, off_t at, size_t room);

EXPORT ssize_t __read_chk(int fd, void *buf, size_t n, size_t room)
{
	if (n > room)
		__chk_fail();
	return read(fd, buf, n);
}

EXPORT ssize_t __pread_chk(int fd, void *buf, size_t n, off_t at, size_t room)
{
	if (n > room)
		__chk_fail();
	return pread(fd, buf, n, at);
}

EXPORT ssize_t __pread64_chk(int fd, void *buf, size_t n, off_t at, size_t room)
	__attribute__((alias("__pread_chk")));
