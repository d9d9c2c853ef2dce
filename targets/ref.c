/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The reference, in this process. It can do everything. */
#include <stdio.h>
#include <string.h>

#include "control.h"
#include "ref.h"
#include "targets.h"

static const struct ctl_calls calls = { .open = ref_open,
					.ioctl = ref_ioctl,
					.close = ref_close,
					.pread = ref_pread,
					.pwrite = ref_pwrite };

static int ref_probe(const char *arg, char *why, size_t why_size)
{
	int fd = ref_open();

	if (fd >= 0)
		return ctl_probe(&calls, fd, arg, why, why_size);
	snprintf(why, why_size, "it does not open: %s", strerror(-fd));
	return fd;
}

static int ref_target_open(const char *arg, struct target **out)
{
	return ctl_open(&target_ref, arg, &calls, out);
}

const struct target_driver target_ref = {
	.name = "ref",
	.summary = "the reference implementation, in this process",
	.probe = ref_probe,
	.open = ref_target_open,
	CTL_DRIVER,
};
