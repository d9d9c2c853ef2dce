/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define _GNU_SOURCE /* gettid */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "linux.h"

#define DEBUGFS "/sys/kernel/debug/"

static const struct {
	const char *path;
	const char *value;
} settings[] = {
	{ DEBUGFS "failslab/ignore-gfp-wait", "N" },
	{ DEBUGFS "failslab/verbose", "0" },
	{ DEBUGFS "fail_page_alloc/ignore-gfp-wait", "N" },
	{ DEBUGFS "fail_page_alloc/ignore-gfp-highmem", "N" },
	{ DEBUGFS "fail_page_alloc/min-order", "0" },
	{ DEBUGFS "fail_page_alloc/verbose", "0" },
	{ DEBUGFS "fail_iommufd/verbose", "0" },
};

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool written = fd >= 0 && write(fd, text, strlen(text)) > 0;

	if (fd >= 0)
		close(fd);
	return written;
}

/*
 * The calling thread's own file, open before anything is to fail. After a fork it
 * would be the parent's thread's still.
 */
static int own_file(void)
{
	static _Thread_local int fd = -1;
	static _Thread_local pid_t owner;
	char path[64];

	if (fd >= 0 && owner == gettid())
		return fd;
	if (fd >= 0)
		close(fd);
	owner = gettid();
	snprintf(path, sizeof(path), "/proc/self/task/%d/fail-nth", owner);
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd;
}

bool linux_fail_prepare(void)
{
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (!write_text(settings[i].path, settings[i].value))
			return false;
	return own_file() >= 0;
}

int linux_fail_nth(uint32_t nth, uint32_t *left)
{
	char text[16] = "";
	int fd = own_file();

	if (fd < 0 || pread(fd, text, sizeof(text) - 1, 0) <= 0)
		return -EIO;
	*left = strtoul(text, NULL, 10);
	snprintf(text, sizeof(text), "%u", nth);
	return pwrite(fd, text, strlen(text), 0) < 0 ? -errno : 0;
}
