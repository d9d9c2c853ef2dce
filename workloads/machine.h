/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A guest to migrate: memory with known contents, VFIO devices of a target that write to
 * it by themselves, and who tracks that.
 */
#ifndef IODIRTY_WORKLOADS_MACHINE_H
#define IODIRTY_WORKLOADS_MACHINE_H

#include "policy.h"
#include "target.h"
#include "truth.h"

#define MACHINE_DEVICES TRUTH_SOURCES

/* What devices there are; who tracks them is then the policy's word. */
enum machine_trackers {
	TRACKERS_IOMMU, /* no logs, IOMMUs that track */
	TRACKERS_LOG, /* logs, IOMMUs that cannot */
	TRACKERS_MIXED, /* one of each, and an mdev with a log */
	TRACKERS_TYPE1, /* in a container of type1, which does it its own way */
	TRACKERS_NOBODY, /* neither */
	N_TRACKERS,
};

const char *machine_trackers_name(enum machine_trackers trackers);
/* At least so many devices make sense with it. */
unsigned int machine_devices_min(enum machine_trackers trackers);

struct machine_options {
	const struct target_driver *driver;
	const char *target_arg;
	const char *format; /* NULL: the target's first */
	uint64_t memory, leaf; /* bytes; leaf 0: the smallest of at least a page */
	/* The page of the IOMMUs' reports, for who has no machine to ask: predict.h. 0: 4 KiB. */
	uint64_t granule;
	enum machine_trackers trackers;
	unsigned int devices;
	bool split; /* large leaves, when tracking is enabled: IODIRTY_SPLIT_IN_PLACE */
};

struct machine_device {
	struct iodirty_vfio_plug plug;
	uint32_t dev_id;
	int fd;
	int copy_fd; /* of its twin at the destination */
	bool states; /* has migration states */
	struct policy_source source;
	struct policy_choice choice;
	struct iodirty_stream_start work;
};

struct machine {
	struct target *t;
	struct iodirty_format_info format;
	enum machine_trackers trackers;
	bool split;
	uint64_t leaf, iova, length;
	uint8_t *memory, *copy; /* of the guest; where it goes */
	uint32_t ioas, copy_ioas;
	int container; /* type1's; else -1 */
	struct machine_device devices[MACHINE_DEVICES];
	unsigned int n; /* devices */
	struct policy_answer answer;
	uint64_t page; /* of reports */
	char error[256]; /* of the last call that failed */
	/* private */
	void *rooms[2];
	uint64_t room;
};

/* All return 0 or -errno, with @error saying what failed. machine_close() in any case. */
int machine_open(struct machine *m, const struct machine_options *o);
void machine_close(struct machine *m);
/* They may write; those with @work begin to, as that says. */
int machine_run(struct machine *m);
/* How many writes of each device are complete. */
int machine_sample(struct machine *m, uint64_t completed[MACHINE_DEVICES]);
/* No more writes: by the migration state STOP, or else by the generator's register. */
int machine_stop(struct machine *m);
/* A device as @dev, over the copy: opened, attached, not yet told anything. */
int machine_twin(struct machine *m, struct machine_device *dev);
/* Has any write faulted? Then -EFAULT: the truth would not be true. */
int machine_faults(struct machine *m);

/* tracking.c: start what the policy says, or type1's; and OR a report into @bitmap. */
int machine_track(struct machine *m);
int machine_report(struct machine *m, uint64_t *bitmap);

/* Note why: returns @ret. */
int machine_fail(struct machine *m, int ret, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* An ioctl of the target's iommufd. */
int machine_ioctl(struct machine *m, unsigned long cmd, void *arg);

#endif
