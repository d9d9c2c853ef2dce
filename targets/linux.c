/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Linux: /dev/iommu and the mock devices of CONFIG_IOMMUFD_TEST. A mock device
 * moves no bytes: a DMA write marks what it would have dirtied. It is never
 * unattached either, so one that the seam calls so is parked on an IOAS of ours
 * in which nothing is ever mapped, and attaching it is replacing that.
 *
 * What differs from one kernel to the next is tried out, not told by version. No
 * streams: a mark beside a harvest is a race in the mock itself, which warns of it
 * (6.12), or is not made for it and may crash (7.2), and would say nothing of hardware.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux.h"
#include "sys.h"
#include "targets.h"

#define NODE "/dev/iommu"
#define GRANULE (uint64_t) MOCK_PAGE_SIZE
#define MARK_BITS 1024 /* granules that one DIRTY operation marks, at most */
#define PASIDS 8 /* of one device, attached at once */

#define LINUX_CAPS                                                                  \
	(TARGET_ACCESS | TARGET_TEST_DIRTY | TARGET_NO_DIRTY_DEV | TARGET_MEMLOCK | \
	 TARGET_UNPLUG | TARGET_VFIO_COMPAT | TARGET_NESTED | TARGET_TRACK)

struct table { /* a HWPT that a PASID of a device is attached to */
	uint32_t pasid, hwpt;
};

struct device {
	uint32_t id; /* iommufd's, by which the seam knows it */
	uint32_t stdev; /* the test interface's */
	bool huge, pasid;
	struct table tables[PASIDS];
	unsigned int ntables;
	struct device *next;
};

struct nested { /* marks go to the parent */
	uint32_t hwpt, parent;
	struct nested *next;
};

struct linux_target {
	struct target target;
	int fd;
	struct made_fds made;
	/* An empty IOAS, and over it what devices without and with PASIDs are attached to
	 * when they are attached to nothing. Made with the first device, and not the
	 * seam's to see: 0 until then. */
	uint32_t parking, parked[2];
	struct mock mock;
	pthread_mutex_t lock; /* for the lists */
	struct device *devices;
	struct nested *nested;
};

static struct linux_target *linux_of(struct target *t)
{
	return (struct linux_target *)t;
}

static int unable(struct linux_target *l, const char *why)
{
	l->target.unable = why;
	return TARGET_UNABLE;
}

static int linux_probe(const char *arg, char *why, size_t why_size)
{
	struct iommu_test_cmd cmd;
	uint32_t ioas;
	int fd, ret;

	if (arg) {
		snprintf(why, why_size, "linux takes no argument, \"%s\" was given: use -t linux",
			 arg);
		return -EINVAL;
	}
	fd = sys_open(NODE);
	if (fd < 0) {
		snprintf(why, why_size,
			 "%s: %s: it takes root, and a kernel with CONFIG_IOMMUFD_TEST: "
			 "iodirty lab run uml-6.12 -- iodirty conform -t linux",
			 NODE, strerror(-fd));
		return fd;
	}
	ret = mock_ioas_alloc(fd, &ioas);
	if (!ret)
		ret = mock_device(fd, ioas, 0, &cmd);
	if (ret)
		snprintf(
			why, why_size,
			"%s has no mock devices (%s): it takes a kernel with CONFIG_IOMMUFD_TEST, as "
			"the lab builds: iodirty lab run uml-6.12 -- iodirty conform -t linux",
			NODE, strerror(-ret));
	sys_close(fd);
	return ret;
}

/*
 * Memory that a process with CAP_IPC_LOCK maps is held against no limit. So that
 * memlock() means something, we are without, and without a limit until then.
 */
static void be_accounted(void)
{
	const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct caps[_LINUX_CAPABILITY_U32S_3];

	setrlimit(RLIMIT_MEMLOCK, &none);
	if (syscall(SYS_capget, &header, caps))
		return;
	caps[0].effective &= ~(1u << CAP_IPC_LOCK);
	syscall(SYS_capset, &header, caps);
}

static int linux_open(const char *arg, struct target **out)
{
	struct linux_target *l = arg ? NULL : calloc(1, sizeof(*l));
	int ret;

	if (!l)
		return arg ? -EINVAL : -ENOMEM;
	l->target = (struct target){ .driver = &target_linux, .caps = LINUX_CAPS };
	pthread_mutex_init(&l->lock, NULL);
	made_fds_init(&l->made, sys_close);
	ret = mock_find_out(NODE, &l->mock);
	l->fd = ret ? ret : sys_open(NODE);
	if (l->fd < 0) {
		ret = l->fd;
		goto free;
	}
	be_accounted();
	if (linux_fail_prepare())
		l->target.caps |= TARGET_FAIL_NTH;
	if (l->mock.pasid)
		l->target.caps |= TARGET_PASID;
	*out = &l->target;
	return 0;

free:
	free(l);
	return ret;
}

/*
 * The mock's devices are to be off their PASIDs before they go, or the kernel warns and
 * keeps the HWPTs.
 */
static void leave_pasids(struct linux_target *l, struct device *d)
{
	struct iommu_test_cmd cmd = { .id = d->stdev };

	for (unsigned int i = 0; i < d->ntables; i++) {
		cmd.pasid_detach.pasid = d->tables[i].pasid;
		if (cmd.pasid_detach.pasid)
			mock_test_cmd(l->fd, IOMMU_TEST_OP_PASID_DETACH, &cmd);
	}
}

static void linux_close(struct target *t)
{
	struct linux_target *l = linux_of(t);

	for (struct device *d = l->devices; d; d = d->next)
		leave_pasids(l, d);
	made_fds_close(&l->made);
	sys_close(l->fd); /* the kernel destroys what is left */
	while (l->devices) {
		struct device *d = l->devices;

		l->devices = d->next;
		free(d);
	}
	while (l->nested) {
		struct nested *n = l->nested;

		l->nested = n->next;
		free(n);
	}
	pthread_mutex_destroy(&l->lock);
	free(l);
}

static int linux_format(struct target *t, unsigned int index, struct iodirty_format_info *out)
{
	struct linux_target *l = linux_of(t);
	bool huge = l->mock.huge_by_device || l->mock.huge_by_table;

	if (index >= 1u + huge)
		return -ENOENT;
	*out = l->mock.formats[index];
	out->size = sizeof(*out);
	out->index = index;
	out->flags = IODIRTY_FORMAT_DIRTY | IODIRTY_FORMAT_NEST_PARENT |
		     (l->mock.pasid ? IODIRTY_FORMAT_DIRTY_PASID : 0) |
		     (index ? IODIRTY_FORMAT_VARIANT : 0);
	strcpy(out->name, index ? "mock-huge" : "mock");
	return 0;
}

/* ---- devices: the lock is held ---- */

static struct device *device_of(struct linux_target *l, uint32_t id)
{
	struct device *d = l->devices;

	while (d && d->id != id)
		d = d->next;
	return d;
}

static struct table *table_of(struct device *d, uint32_t pasid)
{
	for (unsigned int i = 0; d && i < d->ntables; i++)
		if (d->tables[i].pasid == pasid)
			return &d->tables[i];
	return NULL;
}

static uint32_t parent_of(struct linux_target *l, uint32_t hwpt)
{
	for (struct nested *n = l->nested; n; n = n->next)
		if (n->hwpt == hwpt)
			return n->parent;
	return hwpt;
}

/* ---- plug and attach ---- */

/*
 * Makes parked[] with the device @id. One with PASIDs takes no table on a PASID
 * while its own requests go through one that was not made for PASIDs.
 */
static int make_parked(struct linux_target *l, uint32_t id, bool pasid)
{
	return mock_hwpt_alloc(l->fd, id, l->parking, pasid ? IOMMU_HWPT_ALLOC_PASID : 0, NULL,
			       &l->parked[pasid]);
}

static int park(struct linux_target *l, uint32_t stdev, bool pasid)
{
	struct iommu_test_cmd cmd = { .id = stdev };

	cmd.mock_domain_replace.pt_id = l->parked[pasid];
	return mock_test_cmd(l->fd, IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE, &cmd);
}

static int make_parking(struct linux_target *l)
{
	int ret = 0;

	pthread_mutex_lock(&l->lock);
	if (!l->parking)
		ret = mock_ioas_alloc(l->fd, &l->parking);
	pthread_mutex_unlock(&l->lock);
	return ret;
}

static int linux_plug(struct target *t, struct iodirty_plug *p)
{
	struct linux_target *l = linux_of(t);
	bool huge = !strcmp(p->format, "mock-huge");
	struct iommu_test_cmd cmd;
	struct device *d;
	uint32_t flags = 0;
	int ret;

	if (p->iommu_id || p->resv_length)
		return -EOPNOTSUPP;
	if (p->pasid_width && p->pasid_width != MOCK_PASID_WIDTH)
		return unable(l, "the mock has PASIDs of 20 bits, or none");
	ret = make_parking(l);
	if (ret)
		return ret;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	if (p->flags & IODIRTY_PLUG_NO_DIRTY)
		flags |= MOCK_FLAGS_DEVICE_NO_DIRTY;
	if (huge && l->mock.huge_by_device)
		flags |= MOCK_FLAGS_DEVICE_HUGE_IOVA;
	if (p->pasid_width)
		flags |= MOCK_FLAGS_DEVICE_PASID;
	ret = mock_device(l->fd, l->parking, flags, &cmd);
	if (ret)
		goto free;
	d->id = cmd.mock_domain_flags.out_idev_id;
	d->stdev = cmd.mock_domain_flags.out_stdev_id;
	d->huge = huge;
	d->pasid = p->pasid_width;
	pthread_mutex_lock(&l->lock);
	if (!l->parked[d->pasid])
		ret = make_parked(l, d->id, d->pasid);
	pthread_mutex_unlock(&l->lock);
	if (!ret)
		ret = park(l, d->stdev, d->pasid);
	if (ret)
		goto destroy;
	p->out_dev_id = d->id;
	pthread_mutex_lock(&l->lock);
	d->next = l->devices;
	l->devices = d;
	pthread_mutex_unlock(&l->lock);
	return 0;

destroy:
	mock_destroy(l->fd, d->stdev);
free:
	free(d);
	return ret;
}

static int linux_unplug(struct target *t, uint32_t dev_id)
{
	struct linux_target *l = linux_of(t);
	struct device **at, *d;
	int ret;

	pthread_mutex_lock(&l->lock);
	at = &l->devices;
	while (*at && (*at)->id != dev_id)
		at = &(*at)->next;
	d = *at;
	if (d)
		*at = d->next;
	pthread_mutex_unlock(&l->lock);
	if (!d)
		return -ENOENT;
	leave_pasids(l, d);
	ret = mock_destroy(l->fd, d->stdev);
	free(d);
	return ret;
}

static bool is_ours(struct linux_target *l, uint32_t id)
{
	return id && (id == l->parking || id == l->parked[0] || id == l->parked[1]);
}

/* One device is attached and detached by one thread at a time: target.h. */
static int linux_attach(struct target *t, uint32_t dev_id, uint32_t pasid, bool replace,
			uint32_t *pt_id)
{
	struct linux_target *l = linux_of(t);
	struct iommu_test_cmd cmd = { 0 };
	struct table *table;
	struct device *d;
	uint32_t op = IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE;
	int ret;

	pthread_mutex_lock(&l->lock);
	d = device_of(l, dev_id);
	table = table_of(d, pasid);
	pthread_mutex_unlock(&l->lock);
	if (!d || is_ours(l, *pt_id))
		return -ENOENT;
	if (pasid)
		op = replace ? IOMMU_TEST_OP_PASID_REPLACE : IOMMU_TEST_OP_PASID_ATTACH;
	else if (replace != !!table)
		return unable(l,
			      "the mock attaches a device when it is made, and replaces from then "
			      "on: it has no attach, or replace, to be refused");
	cmd.id = d->stdev;
	if (pasid) {
		cmd.pasid_attach.pasid = pasid;
		cmd.pasid_attach.pt_id = *pt_id;
	} else {
		cmd.mock_domain_replace.pt_id = *pt_id;
	}
	ret = mock_test_cmd(l->fd, op, &cmd);
	if (ret == -EADDRINUSE && d->huge && l->mock.huge_by_table)
		return unable(l, "this mock makes no HWPT of large leaves by itself");
	if (ret)
		return ret;
	if (!pasid)
		*pt_id = cmd.mock_domain_replace.pt_id;
	pthread_mutex_lock(&l->lock);
	if (!table && d->ntables == PASIDS)
		ret = unable(l, "this target keeps count of 8 PASIDs a device");
	else if (!table)
		table = &d->tables[d->ntables++];
	if (table)
		*table = (struct table){ .pasid = pasid, .hwpt = *pt_id };
	pthread_mutex_unlock(&l->lock);
	return ret;
}

static int linux_detach(struct target *t, uint32_t dev_id, uint32_t pasid)
{
	struct linux_target *l = linux_of(t);
	struct iommu_test_cmd cmd = { 0 };
	struct table *table;
	struct device *d;
	int ret;

	pthread_mutex_lock(&l->lock);
	d = device_of(l, dev_id);
	table = table_of(d, pasid);
	pthread_mutex_unlock(&l->lock);
	if (!d)
		return -ENOENT;
	if (!pasid && !table)
		return unable(l, "the mock has no detach to be refused");
	cmd.id = d->stdev;
	cmd.pasid_detach.pasid = pasid;
	ret = pasid ? mock_test_cmd(l->fd, IOMMU_TEST_OP_PASID_DETACH, &cmd) :
		      park(l, d->stdev, d->pasid);
	if (ret || !table)
		return ret;
	pthread_mutex_lock(&l->lock);
	*table = d->tables[--d->ntables];
	pthread_mutex_unlock(&l->lock);
	return 0;
}

/* ---- ioctls ---- */

/* An id is of one HWPT at a time: @id is that of a parent's child, or not any more. */
static int note_nested(struct linux_target *l, uint32_t id, uint32_t parent)
{
	struct nested **at = &l->nested, *n;

	pthread_mutex_lock(&l->lock);
	while (*at && (*at)->hwpt != id)
		at = &(*at)->next;
	n = *at;
	if (n && !parent) {
		*at = n->next;
		free(n);
	} else if (!n && parent) {
		n = *at = calloc(1, sizeof(*n));
	}
	if (n && parent) {
		n->hwpt = id;
		n->parent = parent_of(l, parent);
	}
	pthread_mutex_unlock(&l->lock);
	return parent && !n ? -ENOMEM : 0;
}

static bool is_ioas(struct linux_target *l, uint32_t id)
{
	struct iommu_ioas_iova_ranges arg = { .size = sizeof(arg), .ioas_id = id };

	return sys_ioctl(l->fd, IOMMU_IOAS_IOVA_RANGES, &arg) != -ENOENT;
}

/*
 * Where a page table's type is the table's and not the device's, a test that asks
 * for a HWPT of a mock-huge device means one with large leaves.
 */
static int alloc_large(struct linux_target *l, struct iommu_hwpt_alloc *arg)
{
	struct iommu_hwpt_selftest data = { .pagetable_type = MOCK_IOMMUPT_HUGE };
	struct iommu_hwpt_alloc copy = *arg;
	int ret;

	copy.data_type = IOMMU_HWPT_DATA_SELFTEST;
	copy.data_len = sizeof(data);
	copy.data_uptr = (uintptr_t)&data;
	ret = sys_ioctl(l->fd, IOMMU_HWPT_ALLOC, &copy);
	arg->out_hwpt_id = copy.out_hwpt_id;
	return ret;
}

static bool means_large(struct linux_target *l, const struct iommu_hwpt_alloc *arg)
{
	struct device *d;
	bool huge;

	pthread_mutex_lock(&l->lock);
	d = device_of(l, arg->dev_id);
	huge = l->mock.huge_by_table && d && d->huge;
	pthread_mutex_unlock(&l->lock);
	return huge && arg->size == sizeof(*arg) && arg->data_type == IOMMU_HWPT_DATA_NONE &&
	       !arg->data_len && !arg->__reserved;
}

static int hwpt_alloc_ioctl(struct linux_target *l, struct iommu_hwpt_alloc *arg)
{
	bool nested;
	int ret = means_large(l, arg) ? alloc_large(l, arg) :
					sys_ioctl(l->fd, IOMMU_HWPT_ALLOC, arg);

	if (ret)
		return ret;
	nested = arg->data_type == IOMMU_HWPT_DATA_SELFTEST && !is_ioas(l, arg->pt_id);
	return note_nested(l, arg->out_hwpt_id, nested ? arg->pt_id : 0);
}

static int linux_ioctl(struct target *t, unsigned long cmd, void *arg)
{
	struct linux_target *l = linux_of(t);
	struct iommu_hwpt_alloc whole;

	if (cmd == IOMMU_HWPT_ALLOC && !sys_read_self(&whole, arg, sizeof(whole)))
		return hwpt_alloc_ioctl(l, arg);
	return made_fds_note(&l->made, cmd, arg, sys_ioctl(l->fd, cmd, arg));
}

static int linux_close_fd(struct target *t, int fd)
{
	return made_fds_close_one(&linux_of(t)->made, fd);
}

/* ---- marking what DMA would have dirtied ---- */

static int mark(struct linux_target *l, uint32_t hwpt, uint64_t iova, uint64_t granules)
{
	static const uint8_t ones[MARK_BITS / 8] = { [0 ... MARK_BITS / 8 - 1] = 0xff };
	struct iommu_test_cmd cmd = {
		.id = hwpt,
		.dirty = {
			.iova = iova,
			.length = granules * GRANULE,
			.page_size = GRANULE,
			.uptr = (uintptr_t)ones,
		},
	};
	int ret = mock_test_cmd(l->fd, IOMMU_TEST_OP_DIRTY, &cmd);

	/* Refused so while tracking is off: then there is nothing to mark. */
	return ret == -EINVAL ? 0 : ret;
}

static int linux_dma(struct target *t, struct iodirty_dma *d)
{
	struct linux_target *l = linux_of(t);
	uint64_t first = d->iova / GRANULE, end;
	struct table *table;
	uint32_t hwpt = 0;
	int ret = 0;

	if (d->op != IODIRTY_DMA_READ && d->op != IODIRTY_DMA_WRITE)
		return unable(l, "the mock has no atomic operations");
	if (!d->length || d->iova + d->length < d->iova)
		return unable(
			l, "the mock marks granules: it has no way to write none, or past the end");
	pthread_mutex_lock(&l->lock);
	table = table_of(device_of(l, d->dev_id), d->pasid);
	if (table)
		hwpt = parent_of(l, table->hwpt);
	pthread_mutex_unlock(&l->lock);
	d->out_done = 0;
	d->out_fault = table ? IODIRTY_FAULT_NONE : IODIRTY_FAULT_NOT_ATTACHED;
	d->out_fault_iova = table ? 0 : d->iova;
	if (!table)
		return 0;
	end = (d->iova + d->length - 1) / GRANULE + 1;
	for (; d->op == IODIRTY_DMA_WRITE && first < end && !ret; first += MARK_BITS)
		ret = mark(l, hwpt, first * GRANULE,
			   end - first < MARK_BITS ? end - first : MARK_BITS);
	if (!ret)
		d->out_done = d->length;
	return ret;
}

static int linux_fail(struct target *t, uint32_t nth, uint32_t *left)
{
	(void)t;
	return linux_fail_nth(nth, left);
}

/* What iommufd accounts is held against the limit of the process that maps. */
static int linux_memlock(struct target *t, uint64_t bytes)
{
	const struct rlimit limit = { bytes, bytes };

	(void)t;
	return setrlimit(RLIMIT_MEMLOCK, &limit) ? -errno : 0;
}

const struct target_driver target_linux = {
	.name = "linux",
	.summary = "the running kernel's iommufd, with its mock devices",
	.kernel = true,
	.probe = linux_probe,
	.open = linux_open,
	.close = linux_close,
	.format = linux_format,
	.ioctl = linux_ioctl,
	.close_fd = linux_close_fd,
	.plug = linux_plug,
	.unplug = linux_unplug,
	.attach = linux_attach,
	.detach = linux_detach,
	.dma = linux_dma,
	.fail_nth = linux_fail,
	.memlock = linux_memlock,
};
