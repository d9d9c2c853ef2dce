/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Memory behind the modelled IOMMU, by ioctls alone. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "abi/iommufd.h"
#include "disk.h"

#define PAGE 4096ULL /* the least that a harvest is asked for */
#define IOVA (1ULL << 30) /* all formats translate it, and no leaf that is used is larger */
#define SPOILED 0xdead000000000000ULL

static int call(struct disk *d, const char *what, unsigned long cmd, void *arg)
{
	if (!ioctl(d->fd, cmd, arg))
		return 0;
	nbdkit_error("%s: %s: %m", d->path, what);
	return -1;
}

static int find_format(struct disk *d, struct iodirty_format_info *info)
{
	*info = (struct iodirty_format_info){ .size = sizeof(*info) };
	while (!ioctl(d->fd, IODIRTY_FORMAT_INFO, info)) {
		if (!strncmp(info->name, d->format, sizeof(info->name)))
			return 0;
		info->index++;
	}
	if (errno == ENOENT)
		nbdkit_error("format=%s: there is no such format: `iodirty list formats` shows "
			     "them",
			     d->format);
	else
		nbdkit_error("%s is not the reference (%m): run nbdkit by `iodirty run -- "
			     "nbdkit ...`, or say device=/dev/iodirty",
			     d->path);
	return -1;
}

static int check_geometry(struct disk *d)
{
	struct iodirty_format_info info;

	if (find_format(d, &info))
		return -1;
	if (!(info.flags & IODIRTY_FORMAT_DIRTY)) {
		nbdkit_error("format=%s does not track what is written", d->format);
		return -1;
	}
	d->granule = 1ULL << info.granule_lg2;
	d->page = d->granule < PAGE ? PAGE : d->granule;
	if (!d->leaf)
		d->leaf = d->granule;
	if (!(info.leaf_sizes & d->leaf) || d->leaf > IOVA) {
		nbdkit_error("leaf=%llu: format %s has no leaves of that size up to 1 GiB",
			     (unsigned long long)d->leaf, d->format);
		return -1;
	}
	if (d->size % d->leaf || d->size % d->page) {
		nbdkit_error("size=%llu is no multiple of leaves of %llu bytes",
			     (unsigned long long)d->size, (unsigned long long)d->leaf);
		return -1;
	}
	d->iova = IOVA;
	if (d->size - 1 > info.aperture_last - d->iova) {
		nbdkit_error("size=%llu is more than format %s translates from 1 GiB on",
			     (unsigned long long)d->size, d->format);
		return -1;
	}
	return 0;
}

int disk_open(struct disk *d)
{
	d->fd = open(d->path, O_RDWR | O_CLOEXEC);
	if (d->fd < 0) {
		nbdkit_error("%s: %m: run nbdkit by `iodirty run -- nbdkit ...`", d->path);
		return -1;
	}
	if (check_geometry(d))
		return -1;
	/* Each behind an IOMMU of its own: a harvest has to invalidate in all. */
	for (unsigned int i = 0; i < d->devices; i++) {
		struct iodirty_plug plug = { .size = sizeof(plug) };

		memcpy(plug.format, d->format, strlen(d->format));
		if (call(d, "plug a device", IODIRTY_PLUG, &plug))
			return -1;
		d->device[i] = plug.out_dev_id;
	}
	return 0;
}

void disk_close(struct disk *d)
{
	/* It takes devices and page tables along, so that nobody reaches memory. */
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
	for (unsigned int i = 0; i < 2; i++)
		if (d->space[i].memory)
			munmap(d->space[i].memory, d->size);
}

/* Leaves are as large as their addresses are aligned: the spare is given back. */
static char *make_memory(const struct disk *d)
{
	size_t align = d->leaf < d->page ? d->page : d->leaf;
	char *base = mmap(NULL, d->size + align, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	char *at;

	if (base == MAP_FAILED) {
		nbdkit_error("memory for size=%llu: %m", (unsigned long long)d->size);
		return NULL;
	}
	at = (char *)(((uintptr_t)base + align - 1) & ~(align - 1));
	if (at > base)
		munmap(base, at - base);
	if (at < base + align)
		munmap(at + d->size, base + align - at);
	return at;
}

/* A mapping a leaf, as no leaf is larger than its mapping; of the smallest, which are many, one. */
static int map_leaves(struct disk *d, struct space *s)
{
	struct iommu_option small = {
		.size = sizeof(small),
		.option_id = IOMMU_OPTION_HUGE_PAGES,
		.op = IOMMU_OPTION_OP_SET,
		.object_id = s->ioas,
		.val64 = 0,
	};
	uint64_t step = d->leaf;

	if (d->leaf == d->granule) {
		if (call(d, "ask for small leaves", IOMMU_OPTION, &small))
			return -1;
		step = d->size;
	}
	for (uint64_t at = 0; at < d->size; at += step) {
		struct iommu_ioas_map map = {
			.size = sizeof(map),
			.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
				 IOMMU_IOAS_MAP_WRITEABLE,
			.ioas_id = s->ioas,
			.user_va = (uintptr_t)s->memory + at,
			.length = step,
			.iova = d->iova + at,
		};

		if (call(d, "map memory", IOMMU_IOAS_MAP, &map))
			return -1;
	}
	return 0;
}

static int check_leaf(struct disk *d, const struct space *s)
{
	struct iodirty_leaf leaf = { .size = sizeof(leaf), .hwpt_id = s->hwpt, .iova = d->iova };

	if (call(d, "look at a leaf", IODIRTY_LEAF, &leaf))
		return -1;
	if (1ULL << leaf.out_lg2 == d->leaf)
		return 0;
	nbdkit_error("leaf=%llu: memory is mapped by leaves of %llu bytes instead",
		     (unsigned long long)d->leaf, 1ULL << leaf.out_lg2);
	return -1;
}

int space_map(struct disk *d, struct space *s)
{
	struct iommu_ioas_alloc ioas = { .size = sizeof(ioas) };
	struct iommu_hwpt_alloc hwpt = {
		.size = sizeof(hwpt),
		.flags = IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
		.dev_id = d->device[0],
	};

	if (!s->memory)
		s->memory = make_memory(d);
	if (!s->memory || call(d, "make an address space", IOMMU_IOAS_ALLOC, &ioas))
		return -1;
	s->ioas = hwpt.pt_id = ioas.out_ioas_id;
	if (map_leaves(d, s) || call(d, "make a page table", IOMMU_HWPT_ALLOC, &hwpt))
		return -1;
	s->hwpt = hwpt.out_hwpt_id;
	return check_leaf(d, s);
}

int space_unmap(struct disk *d, struct space *s)
{
	struct iommu_destroy hwpt = { .size = sizeof(hwpt), .id = s->hwpt };
	struct iommu_destroy ioas = { .size = sizeof(ioas), .id = s->ioas };

	if (call(d, "destroy a page table", IOMMU_DESTROY, &hwpt) ||
	    call(d, "destroy an address space", IOMMU_DESTROY, &ioas))
		return -1;
	s->hwpt = s->ioas = 0;
	return 0;
}

int space_attach(struct disk *d, const struct space *s, uint32_t flags)
{
	for (unsigned int i = 0; i < d->devices; i++) {
		struct iodirty_attach attach = {
			.size = sizeof(attach),
			.flags = flags,
			.dev_id = d->device[i],
			.pt_id = s->hwpt,
		};

		if (call(d, "attach a device", IODIRTY_ATTACH, &attach))
			return -1;
	}
	return 0;
}

int space_track(struct disk *d, const struct space *s)
{
	struct iommu_hwpt_set_dirty_tracking track = {
		.size = sizeof(track),
		.flags = IOMMU_HWPT_DIRTY_TRACKING_ENABLE,
		.hwpt_id = s->hwpt,
	};

	return call(d, "enable tracking", IOMMU_HWPT_SET_DIRTY_TRACKING, &track);
}

/* Bits are only ever ORed in: without this a page once reported would be for ever. */
int space_harvest(struct disk *d, const struct space *s, uint64_t *bitmap)
{
	struct iommu_hwpt_get_dirty_bitmap get = {
		.size = sizeof(get),
		.hwpt_id = s->hwpt,
		.iova = d->iova,
		.length = d->size,
		.page_size = d->page,
		.data = (uintptr_t)bitmap,
	};

	memset(bitmap, 0, (d->size / d->page + 63) / 64 * sizeof(*bitmap));
	return call(d, "harvest", IOMMU_HWPT_GET_DIRTY_BITMAP, &get);
}

void space_spoil(const struct disk *d, struct space *s)
{
	uint64_t *word = (uint64_t *)s->memory;

	for (uint64_t i = 0; i < d->size / sizeof(*word); i++)
		word[i] = SPOILED + i;
}

uint64_t space_strays(const struct disk *d, const struct space *s)
{
	const uint64_t *word = (const uint64_t *)s->memory;
	uint64_t n = d->page / sizeof(*word), strays = 0;

	for (uint64_t page = 0; page < d->size / d->page; page++)
		for (uint64_t i = page * n; i < (page + 1) * n; i++)
			if (word[i] != SPOILED + i) {
				strays++;
				break;
			}
	return strays;
}

int disk_dma(struct disk *d, enum iodirty_dma_op op, unsigned int device, uint64_t offset,
	     void *data, uint64_t length)
{
	struct iodirty_dma dma = {
		.size = sizeof(dma),
		.op = op,
		.dev_id = d->device[device],
		.iova = d->iova + offset,
		.length = length,
		.data = (uintptr_t)data,
	};

	if (call(d, "DMA", IODIRTY_DMA, &dma))
		return -1;
	if (!dma.out_fault && dma.out_done == length)
		return 0;
	nbdkit_error("DMA faults: reason %u at IOVA %#llx, after %llu bytes of %llu", dma.out_fault,
		     (unsigned long long)dma.out_fault_iova, (unsigned long long)dma.out_done,
		     (unsigned long long)length);
	errno = EIO;
	return -1;
}
