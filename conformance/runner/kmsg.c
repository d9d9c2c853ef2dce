/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kmsg.h"

#define RECORD_MAX 8192 /* what one read returns, at most (CONSOLE_EXT_LOG_MAX) */

/* How a warning, an oops, or a report of lockdep or a sanitizer begins. */
static const char *const complaints[] = {
	"WARNING: ",   "BUG: ",		 "BUG ",
	"Oops: ",      "kernel BUG at ", "KASAN: ",
	"UBSAN: ",     "refcount_t: ",	 "general protection fault",
	"INFO: task ", "INFO: rcu",
};

int kmsg_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd >= 0)
		lseek(fd, 0, SEEK_END);
	return fd;
}

void kmsg_skip(int fd)
{
	if (fd >= 0)
		lseek(fd, 0, SEEK_END);
}

static bool complains(const char *text)
{
	for (size_t i = 0; i < sizeof(complaints) / sizeof(complaints[0]); i++)
		if (!strncmp(text, complaints[i], strlen(complaints[i])))
			return true;
	return false;
}

/* A record is "level,number,time,flags;text\n", and lines that begin with a blank. */
bool kmsg_warning(int fd, char line[KMSG_LINE])
{
	char record[RECORD_MAX + 1];
	bool found = false;
	ssize_t size;

	/* EPIPE: the oldest were overwritten; the next read goes on after them. */
	while (fd >= 0 && ((size = read(fd, record, RECORD_MAX)) > 0 || errno == EPIPE)) {
		const char *text;

		if (size <= 0)
			continue;
		record[size] = '\0';
		text = strchr(record, ';');
		if (!text || found || !complains(text + 1))
			continue;
		found = true;
		snprintf(line, KMSG_LINE, "%.*s", (int)strcspn(text + 1, "\n"), text + 1);
	}
	return found;
}
