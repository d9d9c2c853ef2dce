/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A device that has nothing to do but say that it is there: an entry of its event queue, and
 * its count of them, now and then. What it costs is what tracking costs by itself.
 */
#include "devices.h"
#include "workload_kinds.h"

/* An event queue's entries and their number: struct mlx5_eqe, and MLX5_COMP_EQ_SIZE
 * (Linux 6.12, include/linux/mlx5/device.h and driver.h). */
#define EVENT 64
#define EVENTS 1024
#define COUNT 8

static void idle_begin(struct device *d)
{
	(void)d;
}

static void idle_more(struct device *d)
{
	uint64_t event = d->iova + DEVICE_PAGE + d->events % EVENTS * EVENT, due = d->due, ns;

	device_event(d);
	/* Moderated: at some moment of the first half of its interval. */
	ns = due + device_random(d, (d->due - due) / 2 + 1);
	device_access(d, ns, event, EVENT, true);
	device_access(d, ns, d->iova, COUNT, true);
}

static const struct device_model model = {
	.origin =
		"a device that keeps time: 100 events a second, 64 bytes each, of a queue of 1024, "
		"and their count (Linux's mlx5; workloads/device_idle.c)",
	.size = sizeof(struct device),
	.memory = DEVICE_PAGE + EVENTS * EVENT,
	.rate = 100, /* ours */
	.begin = idle_begin,
	.more = idle_more,
};

static struct workload *idle_open(const struct workload_options *o, char error[WORKLOAD_ERROR])
{
	return devices_open("idle", &model, o, error);
}

const struct workload_kind workload_idle = {
	.name = "idle",
	.summary = "a device that keeps time: 100 events a second",
	.devices = 1,
	.memory = DEVICE_PAGE + EVENTS * EVENT,
	.open = idle_open,
};
