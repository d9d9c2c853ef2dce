/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "container.h"
#include "vfio_client.h"

#define PAGE ((uint64_t)4096)
#define BASE ((uint64_t)4 << 30) /* beyond what platforms reserve */

static const struct {
	const char *name;
	unsigned int devices;
} trackers_of[] = {
	[TRACKERS_IOMMU] = { "iommu", 1 },   [TRACKERS_LOG] = { "log", 1 },
	[TRACKERS_MIXED] = { "mixed", 3 },   [TRACKERS_TYPE1] = { "type1", 1 },
	[TRACKERS_NOBODY] = { "nobody", 1 },
};

const char *machine_trackers_name(enum machine_trackers trackers)
{
	return trackers_of[trackers].name;
}

unsigned int machine_devices_min(enum machine_trackers trackers)
{
	return trackers_of[trackers].devices;
}

int machine_fail(struct machine *m, int ret, const char *fmt, ...)
{
	va_list args;
	size_t used;

	va_start(args, fmt);
	vsnprintf(m->error, sizeof(m->error), fmt, args);
	va_end(args);
	used = strlen(m->error);
	snprintf(m->error + used, sizeof(m->error) - used, ": %s", strerror(-ret));
	return ret;
}

int machine_ioctl(struct machine *m, unsigned long cmd, void *arg)
{
	return m->t->driver->ioctl(m->t, cmd, arg);
}

/* ---- memory ---- */

static int find_format(struct machine *m, const char *name)
{
	int ret = -ENOENT;

	for (unsigned int i = 0; !(ret = m->t->driver->format(m->t, i, &m->format)); i++)
		if (!name || !strcmp(m->format.name, name))
			return 0;
	return machine_fail(m, ret, "format %s", name ? name : "(first)");
}

static int choose_leaf(struct machine *m, uint64_t leaf)
{
	uint64_t sizes = m->format.leaf_sizes & -PAGE;

	m->leaf = leaf ? leaf : sizes & -sizes;
	if (!(sizes & m->leaf) || m->leaf & (m->leaf - 1))
		return machine_fail(m, -EINVAL, "leaves of %" PRIu64 " bytes in format %s", leaf,
				    m->format.name);
	return 0;
}

static int place(struct machine *m, uint64_t length)
{
	const struct iodirty_format_info *f = &m->format;
	uint64_t align = 2 * m->leaf;
	uint64_t low = (f->aperture_first + align - 1) & -align;

	m->length = length;
	m->iova = BASE > low ? (BASE + align - 1) & -align : low;
	if (m->iova > f->aperture_last || length - 1 > f->aperture_last - m->iova)
		m->iova = low;
	if (!length || length % m->leaf)
		return machine_fail(m, -EINVAL, "%" PRIu64 " bytes in leaves of %" PRIu64, length,
				    m->leaf);
	if (m->iova > f->aperture_last || length - 1 > f->aperture_last - m->iova)
		return machine_fail(m, -ERANGE, "%" PRIu64 " bytes in the aperture of %s", length,
				    f->name);
	return 0;
}

/* Room for the guest's memory, an odd multiple of a leaf, so that, IOVAs being even ones,
 * no leaf is larger. */
static uint8_t *make_room(struct machine *m, int i)
{
	uint64_t align = 2 * m->leaf;
	uint8_t *memory;
	void *room;

	m->room = m->length + 2 * align;
	room = mmap(NULL, m->room, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (room == MAP_FAILED)
		return NULL;
	m->rooms[i] = room;
	memory = (uint8_t *)((((uintptr_t)room + align - 1) & -align) + m->leaf);
	/* Touched now, or a copy would be timed with the faults of its first; the rest of the
	 * room never is. */
	madvise(memory, m->length, MADV_HUGEPAGE);
	memset(memory, 0, m->length);
	return memory;
}

static int make_memory(struct machine *m, const struct machine_options *o)
{
	int ret = choose_leaf(m, o->leaf);

	if (!ret)
		ret = place(m, o->memory);
	if (ret)
		return ret;
	m->memory = make_room(m, 0);
	m->copy = make_room(m, 1);
	if (!m->memory || !m->copy)
		return machine_fail(m, -ENOMEM, "twice %" PRIu64 " bytes of memory", m->length);
	return 0;
}

/* An address space with @memory in it. */
static int map(struct machine *m, uint8_t *memory, uint32_t *ioas)
{
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.user_va = (uintptr_t)memory,
		.length = m->length,
		.iova = m->iova,
	};
	int ret = machine_ioctl(m, IOMMU_IOAS_ALLOC, &alloc);

	if (ret)
		return machine_fail(m, ret, "IOAS_ALLOC");
	*ioas = map.ioas_id = alloc.out_ioas_id;
	ret = machine_ioctl(m, IOMMU_IOAS_MAP, &map);
	return ret ? machine_fail(m, ret, "IOAS_MAP of %" PRIu64 " bytes", m->length) : 0;
}

/* ---- devices ---- */

static void describe(const struct machine *m, unsigned int i, struct iodirty_vfio_plug *plug)
{
	static const struct {
		uint32_t kind, flags;
	} mixture[] = {
		{ IODIRTY_VFIO_PCI, IODIRTY_VFIO_LOG | IODIRTY_VFIO_NO_DIRTY },
		{ IODIRTY_VFIO_PCI, 0 },
		{ IODIRTY_VFIO_MDEV, IODIRTY_VFIO_LOG },
	};

	memcpy(plug->format, m->format.name, sizeof(plug->format));
	switch (m->trackers) {
	case TRACKERS_LOG:
		plug->flags = mixture[0].flags;
		break;
	case TRACKERS_MIXED:
		plug->kind = mixture[i % 3].kind;
		plug->flags = mixture[i % 3].flags;
		break;
	case TRACKERS_NOBODY:
		plug->flags = IODIRTY_VFIO_NO_DIRTY;
		break;
	default:
		break;
	}
	plug->flags |= IODIRTY_VFIO_MIGRATION;
}

static bool has(struct machine *m, const struct machine_device *dev, uint32_t feature)
{
	return !vfioc_feature(m->t, dev->fd, VFIO_DEVICE_FEATURE_PROBE | feature, NULL, 0);
}

static bool has_states(struct machine *m, const struct machine_device *dev)
{
	return has(m, dev, VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE | VFIO_DEVICE_FEATURE_SET);
}

/* As a VMM finds it out: by asking. */
static int ask(struct machine *m, struct machine_device *dev, unsigned int number)
{
	struct iommu_hw_info info = { .size = sizeof(info), .dev_id = dev->dev_id };
	struct policy_source *s = &dev->source;
	int ret;

	*s = (struct policy_source){
		.device = number,
		.by_access = dev->plug.kind == IODIRTY_VFIO_MDEV,
		.stops = true,
		.has_log = has(m, dev,
			       VFIO_DEVICE_FEATURE_DMA_LOGGING_START | VFIO_DEVICE_FEATURE_SET),
		.log_page = PAGE,
		.log_last = UINT64_MAX,
		.hwpt_page = (uint64_t)1 << m->format.granule_lg2,
	};
	dev->states = has(m, dev, VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE | VFIO_DEVICE_FEATURE_SET);
	if (s->by_access)
		return 0;
	ret = machine_ioctl(m, IOMMU_GET_HW_INFO, &info);
	if (ret)
		return machine_fail(m, ret, "GET_HW_INFO");
	s->iommu_tracks = info.out_capabilities & IOMMU_HW_CAP_DIRTY_TRACKING;
	return 0;
}

static int attach(struct machine *m, struct machine_device *dev)
{
	struct iommu_hwpt_alloc alloc = {
		.size = sizeof(alloc),
		.flags = dev->source.iommu_tracks ? IOMMU_HWPT_ALLOC_DIRTY_TRACKING : 0,
		.dev_id = dev->dev_id,
		.pt_id = m->ioas,
	};
	uint32_t pt = m->ioas;
	int ret;

	if (!dev->source.by_access) {
		ret = machine_ioctl(m, IOMMU_HWPT_ALLOC, &alloc);
		if (ret)
			return machine_fail(m, ret, "HWPT_ALLOC");
		pt = dev->source.hwpt = alloc.out_hwpt_id;
		dev->source.hwpt_tracks = dev->source.iommu_tracks;
	}
	ret = vfioc_attach(m->t, dev->fd, 0, 0, pt, NULL);
	return ret ? machine_fail(m, ret, "VFIO_DEVICE_ATTACH_IOMMUFD_PT") : 0;
}

/* Plugged as @plug, opened, bound. */
static int make_device(struct machine *m, const struct iodirty_vfio_plug *like, int *fd,
		       uint32_t *dev_id)
{
	const struct target_driver *driver = m->t->driver;
	struct iodirty_vfio_plug plug = *like;
	int ret = driver->vfio_plug(m->t, &plug);

	if (ret)
		return machine_fail(m, ret, "plug a device");
	*fd = driver->vfio_open(m->t, IODIRTY_VFIO_DEVICE, plug.out_vfio_id);
	if (*fd < 0)
		return machine_fail(m, *fd, "open a device");
	ret = vfioc_bind(m->t, *fd, dev_id);
	return ret ? machine_fail(m, ret, "VFIO_DEVICE_BIND_IOMMUFD") : 0;
}

int machine_twin(struct machine *m, struct machine_device *dev)
{
	uint32_t dev_id;
	int ret = m->copy_ioas ? 0 : map(m, m->copy, &m->copy_ioas);

	if (!ret)
		ret = make_device(m, &dev->plug, &dev->copy_fd, &dev_id);
	if (ret)
		return ret;
	ret = vfioc_attach(m->t, dev->copy_fd, 0, 0, m->copy_ioas, NULL);
	return ret ? machine_fail(m, ret, "VFIO_DEVICE_ATTACH_IOMMUFD_PT") : 0;
}

static int contain_devices(struct machine *m)
{
	int ret = 0;

	for (unsigned int i = 0; i < m->n && !ret; i++) {
		struct machine_device *dev = &m->devices[i];

		describe(m, i, &dev->plug);
		ret = container_add(m, &dev->plug, &dev->fd);
		if (!ret)
			dev->states = has_states(m, dev);
	}
	return ret;
}

static int make_devices(struct machine *m)
{
	int ret = map(m, m->memory, &m->ioas);

	for (unsigned int i = 0; i < m->n && !ret; i++) {
		struct machine_device *dev = &m->devices[i];

		describe(m, i, &dev->plug);
		ret = make_device(m, &dev->plug, &dev->fd, &dev->dev_id);
		if (!ret)
			ret = ask(m, dev, i);
		if (!ret)
			ret = attach(m, dev);
	}
	return ret;
}

int machine_open(struct machine *m, const struct machine_options *o)
{
	int ret;

	*m = (struct machine){
		.trackers = o->trackers,
		.split = o->split,
		.container = -1,
		.n = o->devices,
	};
	ret = o->driver->open(o->target_arg, &m->t);
	if (ret) {
		m->t = NULL;
		return machine_fail(m, ret, "target %s", o->driver->name);
	}
	if (!(m->t->caps & TARGET_VFIO))
		return machine_fail(m, -EOPNOTSUPP, "VFIO devices on target %s", o->driver->name);
	ret = find_format(m, o->format);
	if (!ret)
		ret = make_memory(m, o);
	if (ret)
		return ret;
	return m->trackers == TRACKERS_TYPE1 ? contain_devices(m) : make_devices(m);
}

void machine_close(struct machine *m)
{
	if (m->t)
		m->t->driver->close(m->t);
	for (int i = 0; i < 2; i++)
		if (m->rooms[i])
			munmap(m->rooms[i], m->room);
}

int machine_run(struct machine *m)
{
	int ret;

	for (unsigned int i = 0; i < m->n; i++) {
		ret = vfioc_bus_master(m->t, m->devices[i].fd, true);
		if (!ret && m->devices[i].work.length)
			ret = vfioc_generate(m->t, m->devices[i].fd, &m->devices[i].work);
		if (ret)
			return machine_fail(m, ret, "start device %u", i);
	}
	return 0;
}

int machine_sample(struct machine *m, uint64_t completed[MACHINE_DEVICES])
{
	int ret;

	for (unsigned int i = 0; i < m->n; i++) {
		ret = vfioc_generated(m->t, m->devices[i].fd, &completed[i]);
		if (ret)
			return machine_fail(m, ret, "registers of device %u", i);
	}
	return 0;
}

int machine_stop(struct machine *m)
{
	struct vfio_device_feature_mig_state state = { .device_state = VFIO_DEVICE_STATE_STOP };
	uint64_t completed;
	int ret;

	for (unsigned int i = 0; i < m->n; i++) {
		struct machine_device *dev = &m->devices[i];

		if (dev->states)
			ret = vfioc_feature(m->t, dev->fd,
					    VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE |
						    VFIO_DEVICE_FEATURE_SET,
					    &state, sizeof(state));
		else
			ret = vfioc_generate_stop(m->t, dev->fd, &completed);
		if (ret)
			return machine_fail(m, ret, "stop device %u", i);
	}
	return 0;
}

int machine_faults(struct machine *m)
{
	uint64_t faults;
	int ret;

	for (unsigned int i = 0; i < m->n; i++) {
		ret = vfioc_bar_read(m->t, m->devices[i].fd, IODIRTY_BAR_GEN_FAULTS, &faults);
		if (!ret && faults)
			ret = -EFAULT;
		if (ret)
			return machine_fail(m, ret, "writes of device %u", i);
	}
	return 0;
}
