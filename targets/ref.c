/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The reference, in this process. It can do everything. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "ref.h"
#include "sys.h"
#include "targets.h"

#define REF_CAPS                                                                                  \
	(TARGET_DMA | TARGET_ATOMIC | TARGET_STREAM | TARGET_PASID | TARGET_ACCESS |              \
	 TARGET_TEST_DIRTY | TARGET_LEAF | TARGET_NO_DIRTY_DEV | TARGET_FAIL_NTH | TARGET_STATS | \
	 TARGET_MEMLOCK | TARGET_UNPLUG | TARGET_SHARED_IOMMU | TARGET_RESERVED |                 \
	 TARGET_VFIO_COMPAT | TARGET_NESTED | TARGET_TRACK | TARGET_DEVICES)

struct ref_target {
	struct target target;
	int fd;
	struct made_fds made;
};

static struct ref_target *ref(struct target *t)
{
	return (struct ref_target *)t;
}

/* An ioctl of abi/iodirty.h: 0 or -errno. */
static int control(struct target *t, unsigned long cmd, void *arg)
{
	return ref_ioctl(ref(t)->fd, cmd, arg);
}

static int ref_probe(const char *arg, char *why, size_t why_size)
{
	if (!arg)
		return 0;
	snprintf(why, why_size, "ref takes no argument, \"%s\" was given: use -t ref", arg);
	return -EINVAL;
}

static int ref_target_open(const char *arg, struct target **out)
{
	struct ref_target *r;
	int fd;

	if (arg)
		return -EINVAL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	fd = ref_open();
	if (fd < 0) {
		free(r);
		return fd;
	}
	r->fd = fd;
	r->target = (struct target){ .driver = &target_ref, .caps = REF_CAPS };
	made_fds_init(&r->made, ref_close);
	*out = &r->target;
	return 0;
}

static void ref_target_close(struct target *t)
{
	struct ref_target *r = ref(t);

	made_fds_close(&r->made);
	ref_close(r->fd);
	free(r);
}

static int ref_target_ioctl(struct target *t, unsigned long cmd, void *arg)
{
	return made_fds_note(&ref(t)->made, cmd, arg, ref_ioctl(ref(t)->fd, cmd, arg));
}

static int ref_format(struct target *t, unsigned int index, struct iodirty_format_info *out)
{
	*out = (struct iodirty_format_info){ .size = sizeof(*out), .index = index };
	return control(t, IODIRTY_FORMAT_INFO, out);
}

static int ref_plug(struct target *t, struct iodirty_plug *p)
{
	p->size = sizeof(*p);
	return control(t, IODIRTY_PLUG, p);
}

static int ref_unplug(struct target *t, uint32_t dev_id)
{
	struct iodirty_unplug arg = { .size = sizeof(arg), .dev_id = dev_id };

	return control(t, IODIRTY_UNPLUG, &arg);
}

static int ref_attach(struct target *t, uint32_t dev_id, uint32_t pasid, bool replace,
		      uint32_t *pt_id)
{
	struct iodirty_attach arg = {
		.size = sizeof(arg),
		.flags = replace ? IODIRTY_ATTACH_REPLACE : 0,
		.dev_id = dev_id,
		.pasid = pasid,
		.pt_id = *pt_id,
	};
	int ret = control(t, IODIRTY_ATTACH, &arg);

	if (!ret)
		*pt_id = arg.pt_id;
	return ret;
}

static int ref_detach(struct target *t, uint32_t dev_id, uint32_t pasid)
{
	struct iodirty_detach arg = { .size = sizeof(arg), .dev_id = dev_id, .pasid = pasid };

	return control(t, IODIRTY_DETACH, &arg);
}

static int ref_dma(struct target *t, struct iodirty_dma *d)
{
	d->size = sizeof(*d);
	return control(t, IODIRTY_DMA, d);
}

static int ref_stream_start(struct target *t, struct iodirty_stream_start *s)
{
	s->size = sizeof(*s);
	return control(t, IODIRTY_STREAM_START, s);
}

static int ref_stream_query(struct target *t, struct iodirty_stream_query *q)
{
	q->size = sizeof(*q);
	return control(t, IODIRTY_STREAM_QUERY, q);
}

static int ref_leaf(struct target *t, struct iodirty_leaf *leaf)
{
	leaf->size = sizeof(*leaf);
	return control(t, IODIRTY_LEAF, leaf);
}

static int ref_stats(struct target *t, struct iodirty_stats *stats)
{
	stats->size = sizeof(*stats);
	return control(t, IODIRTY_STATS, stats);
}

static int ref_table_read(struct target *t, struct iodirty_table_read *r)
{
	r->size = sizeof(*r);
	return control(t, IODIRTY_TABLE_READ, r);
}

static int ref_engine(struct target *t, struct iodirty_engine *e)
{
	e->size = sizeof(*e);
	return control(t, IODIRTY_ENGINE, e);
}

static int ref_fail_nth(struct target *t, uint32_t nth, uint32_t *left)
{
	struct iodirty_fail_nth arg = { .size = sizeof(arg), .nth = nth };
	int ret = control(t, IODIRTY_FAIL_NTH, &arg);

	if (!ret)
		*left = arg.out_left;
	return ret;
}

static int ref_memlock(struct target *t, uint64_t bytes)
{
	struct iodirty_memlock arg = { .size = sizeof(arg), .limit = bytes };

	return control(t, IODIRTY_MEMLOCK, &arg);
}

const struct target_driver target_ref = {
	.name = "ref",
	.summary = "the reference implementation, in this process",
	.probe = ref_probe,
	.open = ref_target_open,
	.close = ref_target_close,
	.format = ref_format,
	.ioctl = ref_target_ioctl,
	.plug = ref_plug,
	.unplug = ref_unplug,
	.attach = ref_attach,
	.detach = ref_detach,
	.dma = ref_dma,
	.stream_start = ref_stream_start,
	.stream_query = ref_stream_query,
	.leaf = ref_leaf,
	.stats = ref_stats,
	.table_read = ref_table_read,
	.engine = ref_engine,
	.fail_nth = ref_fail_nth,
	.memlock = ref_memlock,
};
