/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a program on the reference calls in place of libc. It is this little
 * because an open iommufd is a real descriptor (wire.h): only its opening,
 * ioctl, and of VFIO's reading and writing (rw.c), are ours. Anything else passes through
 * after a look at its arguments.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "abi/iodirty.h"
#include "abi/iommufd.h"
#include "call.h"
#include "real.h"

#define HUGE_LG2 21
#define HUGE_SIZE (1UL << HUGE_LG2)

static void *openat_real, *ioctl_real, *close_real, *dup2_real, *dup3_real, *close_range_real,
	*closefrom_real, *mmap_real, *opendir_real;

void *real(const char *name, void **cache)
{
	void *fn = __atomic_load_n(cache, __ATOMIC_RELAXED);

	if (!fn) {
		fn = dlsym(RTLD_NEXT, name);
		__atomic_store_n(cache, fn, __ATOMIC_RELAXED);
	}
	return fn;
}

/* At first, as dlsym is nothing for a signal handler, or a child of threads. */
static __attribute__((constructor)) void find_all(void)
{
	real("openat", &openat_real);
	real("ioctl", &ioctl_real);
	real("close", &close_real);
	real("dup2", &dup2_real);
	real("dup3", &dup3_real);
	real("close_range", &close_range_real);
	real("closefrom", &closefrom_real);
	real("mmap", &mmap_real);
	real("opendir", &opendir_real);
}

/* ---- open ---- */

static long open_node(enum wire_node node, unsigned int number, int flags)
{
	struct wire w = { .op = WIRE_OPEN, .cmd = node, .arg = number };
	long fd;

	if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return -EEXIST;
	if (flags & O_DIRECTORY)
		return -ENOTDIR;
	fd = call(&w);
	if (fd < 0)
		return fd;
	/* The connection is far above; ours takes the lowest number, as opens do. */
	if (!(flags & O_CLOEXEC))
		fcntl((int)fd, F_SETFD, 0);
	return fd;
}

/* @path from the folder @dir on; false: that cannot be told. */
static bool full_path(int dir, const char *path, char out[PATH_MAX])
{
	char folder[PATH_MAX] = "", link[64];

	if (path[0] != '/' && dir == AT_FDCWD) {
		if (!getcwd(folder, sizeof(folder)))
			return false;
	} else if (path[0] != '/') {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
		if (readlink(link, folder, sizeof(folder) - 1) < 0)
			return false;
	}
	return snprintf(out, PATH_MAX, "%s/%s", folder, path) < PATH_MAX;
}

/* Take out "//" and "/./". */
static void tidy(char *path)
{
	char *to = path;

	for (const char *p = path; *p; p++) {
		while (p[0] == '/' && (p[1] == '/' || (p[1] == '.' && p[2] == '/')))
			p += p[1] == '/' ? 1 : 2;
		*to++ = *p;
	}
	*to = '\0';
}

/* libc's headers say that it is none; a program may know better. */
static const char *maybe_null(const char *path)
{
	__asm__("" : "+r"(path));
	return path;
}

/* A decimal number, and nothing after it; as a kernel writes one. */
static bool is_number(const char *text, unsigned int *number)
{
	char again[16];

	*number = (unsigned int)strtoul(text, NULL, 10);
	snprintf(again, sizeof(again), "%u", *number);
	return !strcmp(again, text);
}

/* What follows @prefix in @path, or NULL. */
static const char *after(const char *path, const char *prefix)
{
	size_t n = strlen(prefix);

	return strncmp(path, prefix, n) ? NULL : path + n;
}

/* The node of the modelled machine that the whole path @path names. */
static bool is_node(const char *path, enum wire_node *node, unsigned int *number)
{
	const char *rest;

	*number = 0;
	if (!strcmp(path, "/dev/iommu")) {
		*node = WIRE_IOMMU;
		return true;
	}
	rest = after(path, "/dev/vfio/");
	if (!rest)
		return false;
	if (!strcmp(rest, "vfio")) {
		*node = WIRE_VFIO_CONTAINER;
		return true;
	}
	*node = WIRE_VFIO_GROUP;
	if (is_number(rest, number))
		return true;
	*node = WIRE_VFIO_DEVICE;
	rest = after(rest, "devices/vfio");
	return rest && is_number(rest, number);
}

/* Cheap, for the many that are not: may @path end like a node's, or a setting's? */
static bool may_be_node(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	return !strcmp(name, "iommu") || after(name, "vfio") || (*name >= '0' && *name <= '9') ||
	       !strcmp(name, "fail-nth");
}

/* WIRE_NOT_OURS: as the host has it. */
static long open_ours(int dir, const char *path, int flags)
{
	char full[PATH_MAX];
	enum wire_node node;
	unsigned int number;
	long fd;

	if (!path || !may_be_node(path) || !call_possible() || !full_path(dir, path, full))
		return WIRE_NOT_OURS;
	tidy(full);
	if (is_node(full, &node, &number))
		return open_node(node, number, flags);
	fd = fail_nth_open(full, flags);
	return fd == -ENOENT ? WIRE_NOT_OURS : fd;
}

static int open_any(int dir, const char *path, int flags, mode_t mode)
{
	long fd = open_ours(dir, path, flags);

	if (fd != WIRE_NOT_OURS)
		return (int)result(fd);
	return REAL(int, openat, int, const char *, int, ...)(dir, path, flags, mode);
}

static mode_t mode_of(int flags, va_list args)
{
	return flags & (O_CREAT | __O_TMPFILE) ? va_arg(args, mode_t) : 0;
}

#define OPEN_BODY(dir)               \
	va_list args;                \
	mode_t mode;                 \
                                     \
	va_start(args, flags);       \
	mode = mode_of(flags, args); \
	va_end(args);                \
	return open_any(dir, maybe_null(path), flags, mode)

EXPORT int open(const char *path, int flags, ...)
{
	OPEN_BODY(AT_FDCWD);
}

EXPORT int openat(int dir, const char *path, int flags, ...)
{
	OPEN_BODY(dir);
}

EXPORT int open64(const char *path, int flags, ...) __attribute__((alias("open")));
EXPORT int openat64(int dir, const char *path, int flags, ...) __attribute__((alias("openat")));

/* What _FORTIFY_SOURCE makes of an open without a mode. */
int __open_2(const char *path, int flags);
int __openat_2(int dir, const char *path, int flags);

EXPORT int __open_2(const char *path, int flags)
{
	return open_any(AT_FDCWD, maybe_null(path), flags, 0);
}

EXPORT int __openat_2(int dir, const char *path, int flags)
{
	return open_any(dir, maybe_null(path), flags, 0);
}

EXPORT int __open64_2(const char *path, int flags) __attribute__((alias("__open_2")));
EXPORT int __openat64_2(int dir, const char *path, int flags) __attribute__((alias("__openat_2")));

/* A kernel with fault injection has these in debugfs, for a program to tune. */
static const char debugfs[] = "/sys/kernel/debug/";

EXPORT DIR *opendir(const char *path)
{
	DIR *dir = REAL(DIR *, opendir, const char *)(path);
	const char *asked = maybe_null(path), *ours;

	if (!asked || strncmp(asked, debugfs, strlen(debugfs) - 1) || !call_possible())
		return dir;
	ours = getenv(WIRE_DEBUGFS_ENV);
	if (!ours || !access("/sys/kernel/debug/failslab", F_OK))
		return dir;
	if (dir)
		closedir(dir);
	return REAL(DIR *, opendir, const char *)(ours);
}

/* ---- ioctl and close ---- */

/* Numbers that only the reference answers; others' are looked at no further. */
static bool may_be_ours(unsigned long cmd)
{
	unsigned int type = cmd >> 8 & 0xff;

	return type == IOMMUFD_TYPE || type == IODIRTY_TYPE;
}

EXPORT int ioctl(int fd, unsigned long cmd, ...)
{
	struct wire w = { .op = WIRE_IOCTL, .cmd = cmd };
	va_list args;
	void *arg;
	long ret;

	va_start(args, cmd);
	arg = va_arg(args, void *);
	va_end(args);
	if (may_be_ours(cmd) && call_possible()) {
		w.cookie = wire_cookie(fd);
		w.arg = (uint64_t)arg;
		ret = w.cookie ? call(&w) : WIRE_NOT_OURS;
		if (ret != WIRE_NOT_OURS)
			return (int)result(ret);
	}
	return REAL(int, ioctl, int, unsigned long, ...)(fd, cmd, arg);
}

/* As in the kernel, what the last close releases is released when it returns. */
static void released(bool ours)
{
	struct wire w = { .op = WIRE_SYNC };

	if (ours)
		call(&w);
}

EXPORT int close(int fd)
{
	bool ours = call_made_for(fd);
	int ret = REAL(int, close, int)(fd);

	released(ours && !ret);
	return ret;
}

EXPORT int dup2(int fd, int at)
{
	bool ours = fd != at && call_made_for(at);
	int ret = REAL(int, dup2, int, int)(fd, at);

	released(ours && ret >= 0);
	return ret;
}

EXPORT int dup3(int fd, int at, int flags)
{
	bool ours = call_made_for(at);
	int ret = REAL(int, dup3, int, int, int)(fd, at, flags);

	released(ours && ret >= 0);
	return ret;
}

EXPORT int close_range(unsigned int first, unsigned int last, int flags)
{
	int ret = REAL(int, close_range, unsigned int, unsigned int, int)(first, last, flags);

	released(call_made() && !ret && !(flags & CLOSE_RANGE_CLOEXEC));
	return ret;
}

EXPORT void closefrom(int first)
{
	REAL(void, closefrom, int)(first);
	released(call_made());
}

/* ---- hugetlb ---- */

/*
 * A host without huge pages to spare need not stop a program that maps them for
 * its devices: the reference takes ordinary memory, aligned alike, for large.
 * Only in programs that use the reference.
 */
static void *map_aligned(void *addr, size_t length, int prot, int flags)
{
	size_t spare = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE) ? 0 : HUGE_SIZE;
	char *base, *at;

	if (length > PTRDIFF_MAX)
		return MAP_FAILED; /* errno is the host's */
	length = (length + HUGE_SIZE - 1) & ~(HUGE_SIZE - 1);
	base = REAL(void *, mmap, void *, size_t, int, int, int, off_t)(addr, length + spare, prot,
									flags, -1, 0);
	if (base == MAP_FAILED || !spare)
		return base;
	at = (char *)(((uintptr_t)base + HUGE_SIZE - 1) & ~(HUGE_SIZE - 1));
	if (at > base)
		munmap(base, at - base);
	if (at < base + HUGE_SIZE)
		munmap(at + length, base + HUGE_SIZE - at);
	return at;
}

EXPORT void *mmap(void *addr, size_t length, int prot, int flags, int fd, off_t offset)
{
	void *p = REAL(void *, mmap, void *, size_t, int, int, int, off_t)(addr, length, prot,
									   flags, fd, offset);
	unsigned int size_lg2 = (unsigned int)flags >> MAP_HUGE_SHIFT & MAP_HUGE_MASK;

	if (p != MAP_FAILED || !(flags & MAP_HUGETLB) || !(flags & MAP_ANONYMOUS) || !call_made() ||
	    !length)
		return p;
	if (size_lg2 && size_lg2 != HUGE_LG2)
		return p;
	return map_aligned(
		addr, length, prot,
		flags & (int)~(MAP_HUGETLB | (unsigned int)MAP_HUGE_MASK << MAP_HUGE_SHIFT));
}

EXPORT void *mmap64(void *addr, size_t length, int prot, int flags, int fd, off_t offset)
	__attribute__((alias("mmap")));
