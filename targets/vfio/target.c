/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A real device behind a real IOMMU, through VFIO: by its own node and iommufd, or
 * by its group and a container of type1. Staging memory is mapped beside the test's,
 * at IOVAs of this target, while a DMA runs; so long, and no longer, the device
 * masters the bus.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "../sys.h"
#include "../targets.h"
#include "abi/vfio.h"
#include "space.h"

/* The IOAS of a HWPT: DMA needs it, and the kernel does not tell. */
struct table {
	uint32_t hwpt, ioas;
};

struct vfio_target {
	struct target target;
	struct found found;
	int lock; /* this process's turn to use the device */
	int fd; /* /dev/iommu or a container */
	int group; /* of the container, or -1 */
	struct made_fds made;
	pthread_mutex_t mutex; /* of all below */
	struct vfio_device dev;
	uint32_t dev_id;
	uint32_t attached; /* a HWPT; 0: none, or a container */
	struct table *tables;
	size_t n_tables;
};

static struct vfio_target *self(struct target *t)
{
	return (struct vfio_target *)t;
}

static int vfio_probe(const char *text, char *why, size_t why_size)
{
	struct found found;

	return vfio_find(text, &found, &(struct why){ why, why_size });
}

static int vfio_open(const char *text, struct target **out)
{
	struct vfio_target *v = calloc(1, sizeof(*v));
	char unused[256];
	int ret;

	if (!v)
		return -ENOMEM;
	ret = vfio_find(text, &v->found, &(struct why){ unused, sizeof(unused) });
	if (ret)
		goto free;
	ret = v->lock = pci_lock(v->found.arg.address);
	if (ret < 0)
		goto free;
	ret = -ENOMEM;
	v->found.dma.room = room_alloc();
	if (!v->found.dma.room)
		goto unlock;
	ret = v->fd = sys_open("/dev/iommu");
	if (ret < 0)
		goto free_room;
	v->group = -1;
	v->dev.fd = -1;
	v->found.dma.dev = &v->dev;
	made_fds_init(&v->made, sys_close);
	pthread_mutex_init(&v->mutex, NULL);
	v->target = (struct target){ .driver = &target_vfio, .caps = v->found.caps };
	*out = &v->target;
	return 0;
free_room:
	room_free(v->found.dma.room);
unlock:
	sys_close(v->lock);
free:
	free(v);
	return ret;
}

static void vfio_close(struct target *t)
{
	struct vfio_target *v = self(t);

	device_close(&v->dev);
	if (v->group >= 0)
		sys_close(v->group);
	made_fds_close(&v->made);
	if (v->fd >= 0)
		sys_close(v->fd);
	room_free(v->found.dma.room);
	free(v->tables);
	pthread_mutex_destroy(&v->mutex);
	sys_close(v->lock);
	free(v);
}

static int vfio_close_fd(struct target *t, int fd)
{
	return made_fds_close_one(&self(t)->made, fd);
}

static int vfio_format(struct target *t, unsigned int index, struct iodirty_format_info *out)
{
	if (index)
		return -ENOENT;
	*out = self(t)->found.format;
	return 0;
}

/* ---- which IOAS a HWPT is of; with the mutex ---- */

/* An IOAS is of itself. */
static uint32_t ioas_of(const struct vfio_target *v, uint32_t pt)
{
	for (size_t i = 0; i < v->n_tables; i++)
		if (v->tables[i].hwpt == pt)
			return v->tables[i].ioas;
	return pt;
}

/* @pt: what @hwpt was made over. Numbers may come again. */
static int note_table(struct vfio_target *v, uint32_t hwpt, uint32_t pt)
{
	uint32_t ioas = ioas_of(v, pt);
	struct table *tables;

	if (hwpt == pt)
		return 0;
	for (size_t i = 0; i < v->n_tables; i++) {
		if (v->tables[i].hwpt == hwpt) {
			v->tables[i].ioas = ioas;
			return 0;
		}
	}
	tables = realloc(v->tables, (v->n_tables + 1) * sizeof(*tables));
	if (!tables)
		return -ENOMEM;
	v->tables = tables;
	tables[v->n_tables++] = (struct table){ hwpt, ioas };
	return 0;
}

/* The number @id is free for another object. */
static void forget_table(struct vfio_target *v, uint32_t id)
{
	for (size_t i = 0; i < v->n_tables; i++) {
		if (v->tables[i].hwpt == id) {
			v->tables[i] = v->tables[--v->n_tables];
			return;
		}
	}
}

static int vfio_ioctl(struct target *t, unsigned long cmd, void *arg)
{
	struct vfio_target *v = self(t);
	int ret = sys_ioctl(v->fd, cmd, arg);
	const struct iommu_hwpt_alloc *alloc = arg;
	const struct iommu_destroy *destroy = arg;

	if (v->group >= 0)
		return ret;
	if (!ret && (cmd == IOMMU_HWPT_ALLOC || cmd == IOMMU_DESTROY)) {
		pthread_mutex_lock(&v->mutex);
		if (cmd == IOMMU_HWPT_ALLOC)
			ret = note_table(v, alloc->out_hwpt_id, alloc->pt_id);
		else
			forget_table(v, destroy->id);
		pthread_mutex_unlock(&v->mutex);
	}
	return made_fds_note(&v->made, cmd, arg, ret);
}

/* ---- the device ---- */

static int vfio_plug(struct target *t, struct iodirty_plug *p)
{
	struct vfio_target *v = self(t);
	char unused[256];
	struct why why = { unused, sizeof(unused) };
	int ret;

	if (v->dev.fd >= 0) {
		t->unable = "there is one device, and this takes more";
		return TARGET_UNABLE;
	}
	if (p->flags || p->pasid_width || p->resv_length)
		return -EOPNOTSUPP;
	if (p->iommu_id || strncmp(p->format, v->found.format.name, sizeof(p->format)))
		return -ENOENT;
	ret = iommufd_bind(v->found.arg.address, v->fd, &v->dev, &v->dev_id, &why);
	if (ret)
		return ret;
	p->iommu_id = 1;
	p->out_dev_id = v->dev_id;
	return 0;
}

/* VFIO has one call, which attaches, and replaces what there is. */
static int vfio_attach(struct target *t, uint32_t dev_id, uint32_t pasid, bool replace,
		       uint32_t *pt_id)
{
	struct vfio_target *v = self(t);
	uint32_t pt = *pt_id;
	int ret;

	if (v->dev.fd < 0 || v->group >= 0 || dev_id != v->dev_id)
		return -ENOENT;
	if (pasid)
		return -EOPNOTSUPP;
	if (replace != !!v->attached) {
		t->unable = "VFIO attaches and replaces by one call: it has neither to refuse";
		return TARGET_UNABLE;
	}
	pthread_mutex_lock(&v->mutex);
	ret = iommufd_attach(&v->dev, &pt);
	if (!ret)
		ret = note_table(v, pt, *pt_id);
	if (!ret)
		*pt_id = v->attached = pt;
	pthread_mutex_unlock(&v->mutex);
	return ret;
}

static int vfio_detach(struct target *t, uint32_t dev_id, uint32_t pasid)
{
	struct vfio_target *v = self(t);
	int ret;

	if (v->dev.fd < 0 || v->group >= 0 || dev_id != v->dev_id)
		return -ENOENT;
	if (pasid)
		return -EOPNOTSUPP;
	pthread_mutex_lock(&v->mutex);
	ret = iommufd_detach(&v->dev);
	if (!ret)
		v->attached = 0;
	pthread_mutex_unlock(&v->mutex);
	return ret;
}

static int vfio_container(struct target *t, unsigned int type, const char *format, uint32_t *dev_id)
{
	struct vfio_target *v = self(t);
	int ret;

	(void)format; /* there is but one */
	if (v->group >= 0)
		return -EBUSY;
	device_close(&v->dev);
	made_fds_close(&v->made);
	made_fds_init(&v->made, sys_close);
	sys_close(v->fd);
	v->attached = 0;
	ret = container_open(v->found.arg.address, type, &v->fd, &v->group, &v->dev);
	if (!ret)
		*dev_id = v->dev_id = 1;
	return ret;
}

/* ---- DMA ---- */

/* With the mutex. */
static int run_dma(struct vfio_target *v, struct iodirty_dma *d)
{
	const struct space space = { v->fd, v->group >= 0 ? 0 : ioas_of(v, v->attached) };
	struct dma *dma = &v->found.dma;
	uint8_t *data = (uint8_t *)(uintptr_t)d->data;
	uint64_t done = 0;
	int ret = space_map_room(&space, dma->room);

	if (ret)
		return ret;
	ret = device_master(&v->dev, true);
	if (!ret)
		ret = dma->driver->start(dma);
	if (!ret)
		ret = d->op == IODIRTY_DMA_WRITE ? dma_write(dma, d->iova, data, d->length, &done) :
						   dma_read(dma, d->iova, data, d->length, &done);
	d->out_done = done;
	dma->driver->remove(dma);
	device_master(&v->dev, false);
	space_unmap_room(&space);
	return ret;
}

static int vfio_dma(struct target *t, struct iodirty_dma *d)
{
	struct vfio_target *v = self(t);
	int ret = 0;

	if (d->op != IODIRTY_DMA_WRITE && d->op != IODIRTY_DMA_READ)
		return -EOPNOTSUPP;
	if (d->pasid)
		return -EOPNOTSUPP;
	if (v->dev.fd < 0 || d->dev_id != v->dev_id)
		return -ENOENT;
	if (!d->length || d->length - 1 > v->found.dma.last ||
	    d->iova > v->found.dma.last - (d->length - 1))
		return -ERANGE;
	d->out_done = 0;
	d->out_fault = IODIRTY_FAULT_NONE;
	pthread_mutex_lock(&v->mutex);
	if (v->group < 0 && !v->attached)
		d->out_fault = IODIRTY_FAULT_NOT_ATTACHED; /* nothing can be staged, either */
	else
		ret = run_dma(v, d);
	pthread_mutex_unlock(&v->mutex);
	if (ret == -EFAULT) {
		d->out_fault = IODIRTY_FAULT_NOT_PRESENT; /* or permission: it is not told */
		ret = 0;
	}
	if (d->out_fault)
		d->out_fault_iova = d->iova + d->out_done;
	return ret;
}

const struct target_driver target_vfio = {
	.name = "vfio",
	.kernel = true,
	.summary = "a real device by VFIO: vfio:ADDRESS[,bind][,scratch]",
	.probe = vfio_probe,
	.open = vfio_open,
	.close = vfio_close,
	.format = vfio_format,
	.ioctl = vfio_ioctl,
	.close_fd = vfio_close_fd,
	.plug = vfio_plug,
	.attach = vfio_attach,
	.detach = vfio_detach,
	.container = vfio_container,
	.dma = vfio_dma,
};
