/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The running kernel's log, read for what it complains of (/dev/kmsg). */
#ifndef IODIRTY_KMSG_H
#define IODIRTY_KMSG_H

#include <stdbool.h>

#define KMSG_LINE 512

/* A descriptor that stands at the log's end, or -1. */
int kmsg_open(void);
/* What is there is nobody's. All take -1 for a log that is empty for ever. */
void kmsg_skip(int fd);
/* Read up to the end: the first line that is a complaint, its prefix cut off. */
bool kmsg_warning(int fd, char line[KMSG_LINE]);

#endif
