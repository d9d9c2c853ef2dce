/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/vfio.h"
#include "control.h"

static struct ctl_target *control(struct target *t)
{
	return (struct ctl_target *)t;
}

/* An ioctl of abi/iodirty.h: 0 or -errno. */
static int send(struct target *t, unsigned long cmd, void *arg)
{
	return control(t)->calls->ioctl(control(t)->fd, cmd, arg);
}

/* One that is about VFIO devices. */
static int send_machine(struct target *t, unsigned long cmd, void *arg)
{
	return control(t)->calls->ioctl(control(t)->machine, cmd, arg);
}

int ctl_open(const struct target_driver *driver, const char *spec, const struct ctl_calls *calls,
	     struct target **out)
{
	struct ctl_target *c = calloc(1, sizeof(*c));
	char unused[256];
	int fd, ret = 0;

	if (!c)
		return -ENOMEM;
	fd = calls->open();
	if (fd >= 0 && spec)
		ret = ctl_select(calls, fd, spec, &c->engine, unused, sizeof(unused));
	if (fd < 0 || ret) {
		if (fd >= 0)
			calls->close(fd);
		free(c);
		return fd < 0 ? fd : ret;
	}
	c->target = (struct target){ .driver = driver, .caps = CTL_CAPS, .fd = fd };
	c->calls = calls;
	c->machine = fd;
	c->fd = fd;
	made_fds_init(&c->made, calls->close);
	*out = &c->target;
	return 0;
}

void ctl_close(struct target *t)
{
	struct ctl_target *c = control(t);

	made_fds_close(&c->made);
	c->calls->close(c->machine);
	free(c);
}

int ctl_ioctl(struct target *t, unsigned long cmd, void *arg)
{
	return made_fds_note(&control(t)->made, cmd, arg, send(t, cmd, arg));
}

int ctl_close_fd(struct target *t, int fd)
{
	return made_fds_close_one(&control(t)->made, fd);
}

int ctl_format(struct target *t, unsigned int index, struct iodirty_format_info *out)
{
	*out = (struct iodirty_format_info){ .size = sizeof(*out), .index = index };
	return send(t, IODIRTY_FORMAT_INFO, out);
}

int ctl_plug(struct target *t, struct iodirty_plug *p)
{
	p->size = sizeof(*p);
	return send(t, IODIRTY_PLUG, p);
}

int ctl_unplug(struct target *t, uint32_t dev_id)
{
	struct iodirty_unplug arg = { .size = sizeof(arg), .dev_id = dev_id };

	return send(t, IODIRTY_UNPLUG, &arg);
}

int ctl_attach(struct target *t, uint32_t dev_id, uint32_t pasid, bool replace, uint32_t *pt_id)
{
	struct iodirty_attach arg = {
		.size = sizeof(arg),
		.flags = replace ? IODIRTY_ATTACH_REPLACE : 0,
		.dev_id = dev_id,
		.pasid = pasid,
		.pt_id = *pt_id,
	};
	int ret = send(t, IODIRTY_ATTACH, &arg);

	if (!ret)
		*pt_id = arg.pt_id;
	return ret;
}

int ctl_detach(struct target *t, uint32_t dev_id, uint32_t pasid)
{
	struct iodirty_detach arg = { .size = sizeof(arg), .dev_id = dev_id, .pasid = pasid };

	return send(t, IODIRTY_DETACH, &arg);
}

int ctl_dma(struct target *t, struct iodirty_dma *d)
{
	d->size = sizeof(*d);
	return send(t, IODIRTY_DMA, d);
}

int ctl_stream_start(struct target *t, struct iodirty_stream_start *s)
{
	s->size = sizeof(*s);
	return send(t, IODIRTY_STREAM_START, s);
}

int ctl_stream_query(struct target *t, struct iodirty_stream_query *q)
{
	q->size = sizeof(*q);
	return send(t, IODIRTY_STREAM_QUERY, q);
}

int ctl_leaf(struct target *t, struct iodirty_leaf *leaf)
{
	leaf->size = sizeof(*leaf);
	return send(t, IODIRTY_LEAF, leaf);
}

int ctl_stats(struct target *t, struct iodirty_stats *stats)
{
	stats->size = sizeof(*stats);
	return send(t, IODIRTY_STATS, stats);
}

int ctl_table_read(struct target *t, struct iodirty_table_read *r)
{
	r->size = sizeof(*r);
	return send(t, IODIRTY_TABLE_READ, r);
}

int ctl_engine(struct target *t, struct iodirty_engine *e)
{
	e->size = sizeof(*e);
	return send(t, IODIRTY_ENGINE, e);
}

int ctl_record(struct target *t, struct iodirty_record *r)
{
	r->size = sizeof(*r);
	return send(t, IODIRTY_RECORD, r);
}

int ctl_fail_nth(struct target *t, uint32_t nth, uint32_t *left)
{
	struct iodirty_fail_nth arg = { .size = sizeof(arg), .nth = nth };
	int ret = send(t, IODIRTY_FAIL_NTH, &arg);

	if (!ret)
		*left = arg.out_left;
	return ret;
}

int ctl_memlock(struct target *t, uint64_t bytes)
{
	struct iodirty_memlock arg = { .size = sizeof(arg), .limit = bytes };

	return send(t, IODIRTY_MEMLOCK, &arg);
}

int ctl_split(struct target *t, uint32_t hwpt_id, uint32_t policy)
{
	struct iodirty_split arg = { .size = sizeof(arg), .hwpt_id = hwpt_id, .policy = policy };

	return send(t, IODIRTY_SPLIT, &arg);
}

int ctl_unmap_dirty(struct target *t, struct iodirty_unmap_dirty *u)
{
	u->size = sizeof(*u);
	return send(t, IODIRTY_UNMAP_DIRTY, u);
}

int ctl_vfio_plug(struct target *t, struct iodirty_vfio_plug *p)
{
	p->size = sizeof(*p);
	return send_machine(t, IODIRTY_VFIO_PLUG, p);
}

int ctl_vfio_unplug(struct target *t, uint32_t vfio_id)
{
	struct iodirty_vfio_unplug arg = { .size = sizeof(arg), .vfio_id = vfio_id };

	return send_machine(t, IODIRTY_VFIO_UNPLUG, &arg);
}

int ctl_vfio_open(struct target *t, uint32_t node, uint32_t vfio_id)
{
	struct iodirty_vfio_open arg = { .size = sizeof(arg), .node = node, .vfio_id = vfio_id };
	int ret = send_machine(t, IODIRTY_VFIO_OPEN, &arg);

	return ret ? ret : made_fds_add(&control(t)->made, arg.out_fd);
}

int ctl_fd_ioctl(struct target *t, int fd, unsigned long cmd, void *arg)
{
	struct ctl_target *c = control(t);

	return made_fds_note(&c->made, cmd, arg, c->calls->ioctl(fd, cmd, arg));
}

int64_t ctl_fd_read(struct target *t, int fd, void *buf, size_t size, uint64_t pos)
{
	return control(t)->calls->pread(fd, buf, size, (off_t)pos);
}

int64_t ctl_fd_write(struct target *t, int fd, const void *buf, size_t size, uint64_t pos)
{
	return control(t)->calls->pwrite(fd, buf, size, (off_t)pos);
}

/* All that there was goes, and the machine has nothing plugged in. */
static int start_anew(struct ctl_target *c)
{
	int fd = c->calls->open(), ret;

	if (fd < 0)
		return fd;
	ret = c->engine.size ? c->calls->ioctl(fd, IODIRTY_ENGINE, &c->engine) : 0;
	if (ret) {
		c->calls->close(fd);
		return ret;
	}
	made_fds_close(&c->made);
	c->calls->close(c->machine);
	made_fds_init(&c->made, c->calls->close);
	c->target.fd = c->machine = c->fd = fd;
	return 0;
}

/* By the one group, whose device has this number. */
static int enter(struct target *t, unsigned int type, int group, int container, uint32_t number)
{
	char name[32];
	int ret = ctl_fd_ioctl(t, group, VFIO_GROUP_SET_CONTAINER, &container);

	if (!ret)
		ret = ctl_fd_ioctl(t, container, VFIO_SET_IOMMU, (void *)(uintptr_t)type);
	snprintf(name, sizeof(name), "vfio%u", number);
	return ret ? ret : ctl_fd_ioctl(t, group, VFIO_GROUP_GET_DEVICE_FD, name);
}

int ctl_container(struct target *t, unsigned int type, const char *format, uint32_t *dev_id)
{
	struct iodirty_vfio_plug plug = { 0 };
	struct iodirty_vfio_id id = { .size = sizeof(id) };
	int group, container, ret = start_anew(control(t));

	strncpy(plug.format, format, sizeof(plug.format) - 1);
	if (!ret)
		ret = ctl_vfio_plug(t, &plug);
	if (ret)
		return ret;
	group = ctl_vfio_open(t, IODIRTY_VFIO_GROUP, plug.out_vfio_id);
	container = ctl_vfio_open(t, IODIRTY_VFIO_CONTAINER, 0);
	if (group < 0 || container < 0)
		return group < 0 ? group : container;
	ret = enter(t, type, group, container, plug.out_number);
	if (ret >= 0)
		ret = ctl_fd_ioctl(t, group, IODIRTY_VFIO_ID, &id);
	if (ret)
		return ret;
	control(t)->fd = container;
	*dev_id = id.out_dev_id;
	return 0;
}
