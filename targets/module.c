/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The reference as a Linux module (ref-kernel/module), by /dev/iodirty: the ioctls
 * are the same, and the kernel's own pins, copies and threads are behind them.
 */
#include <errno.h>
#include <stdio.h>

#include "control.h"
#include "targets.h"

#define DEVICE "/dev/iodirty"

static int module_open_new(void)
{
	return sys_open(DEVICE);
}

static const struct ctl_calls calls = { .open = module_open_new,
					.ioctl = sys_ioctl,
					.close = sys_close,
					.pread = sys_pread,
					.pwrite = sys_pwrite };

static int module_probe(const char *arg, char *why, size_t why_size)
{
	int fd = sys_open(DEVICE);

	if (fd >= 0)
		return ctl_probe(&calls, fd, arg, why, why_size);
	snprintf(why, why_size, "%s: %s", DEVICE,
		 fd == -EACCES ?
			 "only root may open it" :
			 "not there: load the module (make module KDIR=DIR; insmod), or run "
			 "ci/lab/on-module uml-6.12 -- ./iodirty conform -t module");
	return fd;
}

static int module_open(const char *arg, struct target **out)
{
	return ctl_open(&target_module, arg, &calls, out);
}

const struct target_driver target_module = {
	.name = "module",
	.summary = "the reference as a Linux module, " DEVICE,
	.kernel = true,
	.probe = module_probe,
	.open = module_open,
	CTL_DRIVER,
};
