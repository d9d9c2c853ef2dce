/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "aside.h"

static uint64_t round_up(uint64_t v, uint64_t to)
{
	return (v + to - 1) / to * to;
}

const char *aside_open(struct aside *a, struct rig *rig, uint64_t length)
{
	const struct space *s = &rig->space;
	uint64_t align = 2 * s->leaf;
	char *base;

	*a = (struct aside){
		.rig = rig,
		.iova = round_up(s->iova + s->length, align),
		.length = round_up(length, s->leaf),
		.reserved_size = length + 2 * align,
	};
	if (a->iova + a->length - 1 > s->format.aperture_last)
		return "the aperture has no room beside what is harvested";
	base = mmap(NULL, a->reserved_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	if (base == MAP_FAILED)
		return rig_failed(rig, -errno, "memory to map");
	a->reserved = base;
	a->memory = base + (round_up((uintptr_t)base, align) - (uintptr_t)base) + s->leaf;
	memset(a->memory, 1, a->length);
	return NULL;
}

void aside_close(struct aside *a)
{
	if (a->reserved)
		munmap(a->reserved, a->reserved_size);
}

int aside_map(struct aside *a)
{
	struct target *t = a->rig->space.t;
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_WRITEABLE |
			 IOMMU_IOAS_MAP_READABLE,
		.ioas_id = a->rig->space.ioas,
		.length = a->length,
		.iova = a->iova,
		.user_va = (uintptr_t)a->memory,
	};

	return t->driver->ioctl(t, IOMMU_IOAS_MAP, &map);
}

int aside_unmap(struct aside *a)
{
	struct target *t = a->rig->space.t;
	struct iommu_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas_id = a->rig->space.ioas,
		.iova = a->iova,
		.length = a->length,
	};

	return t->driver->ioctl(t, IOMMU_IOAS_UNMAP, &unmap);
}
