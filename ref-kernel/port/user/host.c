/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a process may do, and what it has mapped: what the host tells of both. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "task.h"

bool port_capable_resource(void)
{
	struct task *t = task_current();

	return t->ops->capable(t, CAP_SYS_RESOURCE);
}

/* "start-end rwxs offset major:minor inode path" */
static bool parse(const char *line, struct vma *vma)
{
	unsigned int major, minor;
	char perms[5];

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %" SCNx64 " %x:%x %" SCNu64,
		   (uint64_t *)&vma->start, (uint64_t *)&vma->end, perms, (uint64_t *)&vma->offset,
		   &major, &minor, (uint64_t *)&vma->inode) != 7)
		return false;
	vma->read = perms[0] == 'r';
	vma->write = perms[1] == 'w';
	vma->shared = perms[3] == 's';
	vma->device = makedev(major, minor);
	return true;
}

/* Of the whole lines at @text, does one hold @addr? What follows them is left. */
static bool find_line(const char **text, u64 addr, struct vma *vma)
{
	for (const char *end; (end = strchr(*text, '\n')); *text = end + 1)
		if (parse(*text, vma) && addr >= vma->start && addr < vma->end)
			return true;
	return false;
}

int maps_find(int maps_fd, u64 addr, struct vma *vma)
{
	char text[2 * PATH_MAX]; /* a line has a path at its end */
	const char *rest;
	size_t have = 0;
	off_t at = 0;
	ssize_t n;

	while ((n = pread(maps_fd, text + have, sizeof(text) - 1 - have, at)) > 0) {
		at += n;
		have += n;
		text[have] = '\0';
		rest = text;
		if (find_line(&rest, addr, vma))
			return 0;
		have -= rest - text;
		memmove(text, rest, have);
	}
	return -EFAULT;
}
