/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a process may do, and what it has mapped: what the host tells of both. */
#define _GNU_SOURCE
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
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

int maps_find(int maps_fd, u64 addr, struct vma *vma)
{
	int copy = dup(maps_fd), err = -EFAULT;
	FILE *maps = copy < 0 ? NULL : fdopen(copy, "r");
	char *line = NULL;
	size_t room = 0;

	if (!maps) {
		if (copy >= 0)
			close(copy);
		return -EFAULT;
	}
	rewind(maps);
	while (err && getline(&line, &room, maps) > 0)
		if (parse(line, vma) && addr >= vma->start && addr < vma->end)
			err = 0;
	free(line);
	fclose(maps);
	return err;
}
