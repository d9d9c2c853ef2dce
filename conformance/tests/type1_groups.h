/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the tests of chapter TYPE1 share that fill a container themselves: groups of VFIO
 * devices, real ones and software, which come and go.
 */
#ifndef IODIRTY_TESTS_TYPE1_GROUPS_H
#define IODIRTY_TESTS_TYPE1_GROUPS_H

#define _GNU_SOURCE
#include <stdio.h>

#include "type1.h"

/* A device, its group, and, if it is open, its descriptor; else -1. */
struct member {
	u32 id, number;
	int group, fd;
};

static inline void member_plug(struct member *m, u32 kind)
{
	struct iodirty_vfio_plug plug = { .kind = kind };

	memcpy(plug.format, ct.config.format.name, sizeof(plug.format));
	x(ct.t->driver->vfio_plug(ct.t, &plug));
	*m = (struct member){ .id = plug.out_vfio_id, .number = plug.out_number, .fd = -1 };
	m->group = ct_vfio_open(IODIRTY_VFIO_GROUP, m->id);
	ct_check(m->group >= 0, "the group's node: %s", ct_errno_name(m->group));
}

static inline int member_join(const struct member *m)
{
	int fd = container_fd;

	return ct_fd_ioctl(m->group, VFIO_GROUP_SET_CONTAINER, &fd);
}

static inline int member_leave(const struct member *m)
{
	return ct_fd_ioctl(m->group, VFIO_GROUP_UNSET_CONTAINER, NULL);
}

/* A descriptor of the device, by its name, or -errno. */
static inline int member_device(const struct member *m)
{
	char name[32];

	snprintf(name, sizeof(name), "vfio%u", m->number);
	return ct_fd_ioctl(m->group, VFIO_GROUP_GET_DEVICE_FD, name);
}

static inline void member_open(struct member *m)
{
	m->fd = member_device(m);
	ct_check(m->fd >= 0, "the device by its group: %s", ct_errno_name(m->fd));
	ct_vfio_bus_master(m->fd, true);
}

/* Out of the container, closed. */
static inline void member_go(struct member *m)
{
	x(ct_close(m->fd));
	x(member_leave(m));
	m->fd = -1;
}

/* A container, not yet with an IOMMU driver, that is meant from here on. */
static inline void container_new(void)
{
	container_fd = ct_vfio_open(IODIRTY_VFIO_CONTAINER, 0);
	ct_check(container_fd >= 0, "the container's node: %s", ct_errno_name(container_fd));
}

/* What a bit stands for, which the devices that are there decide. */
static inline void container_page(struct container *c)
{
	static _Alignas(8) u8 bytes[INFO_ROOM];
	u64 sizes = type1_info(bytes)->iova_pgsizes;

	ct_check(sizes, "GET_INFO names no page size");
	c->pages = c->pages * c->page / (sizes & -sizes);
	c->page = sizes & -sizes;
}

/* A container of TYPE1v2 with @m, a device of @kind, open; @pages of 4 KiB, and the IOVAs
 * that they are for. */
static inline void container_with(struct container *c, struct member *m, u32 kind, u64 pages)
{
	container_new();
	member_plug(m, kind);
	x(member_join(m));
	x(vfio_number(VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU));
	member_open(m);
	*c = (struct container){
		.page = 4096,
		.pages = pages,
		.iova = align_up(ct.config.format.aperture_first + 1, 32 << 20),
		.mem = ct_memory(pages * 4096, 2 << 20, 0),
	};
	container_page(c);
}

static inline void container_add(struct container *c, struct member *m, u32 kind)
{
	member_plug(m, kind);
	x(member_join(m));
	member_open(m);
	container_page(c);
}

/* Its device writes [offset, + length) of the container's memory; it must arrive. */
static inline void member_write(const struct member *m, const struct container *c, u64 offset,
				u32 length)
{
	u8 bytes[IODIRTY_BAR_BUFFER_SIZE];

	memset(bytes, c->mem[offset] + 0x31, length);
	x(ct_vfio_write(m->fd, c->iova + offset, bytes, length));
	ct_check(!memcmp(c->mem + offset, bytes, length),
		 "the write at %#" PRIx64 " is not where it belongs", c->iova + offset);
}

/* Exactly these pages, @n of them ascending, have their bits set. */
static inline void expect_only(const struct ct_bitmap *b, const u64 *pages, size_t n,
			       const char *why)
{
	size_t i = 0;

	for (u64 page = 0; page < b->nbits; page++) {
		bool dirty = i < n && pages[i] == page;

		type1_expect(b, page, dirty, why);
		i += dirty;
	}
	ct_bitmap_check_guards(b);
}

/* GET_BITMAP of all of the container, of which exactly these are dirty. */
static inline void report_only(const struct container *c, const u64 *pages, size_t n,
			       const char *why)
{
	struct ct_bitmap b;

	ct_bitmap_init_guarded(&b, align_up(c->pages, WORD));
	x(type1_get(c, 0, c->pages, b.bytes));
	expect_only(&b, pages, n, why);
	ct_bitmap_free(&b);
}

#define REPORT(c, why, ...)                                                                        \
	report_only(c, (const u64[]){ __VA_ARGS__ }, sizeof((u64[]){ __VA_ARGS__ }) / sizeof(u64), \
		    why)
#define REPORT_NONE(c, why) report_only(c, NULL, 0, why)

/* The same, and all of it is dirty. */
static inline void report_all(const struct container *c, const char *why)
{
	struct ct_bitmap b;

	ct_bitmap_init_guarded(&b, align_up(c->pages, WORD));
	x(type1_get(c, 0, c->pages, b.bytes));
	for (u64 page = 0; page < c->pages; page++)
		type1_expect(&b, page, true, why);
	ct_check(ct_bitmap_count(&b) == c->pages, "pages behind the last are reported");
	ct_bitmap_check_guards(&b);
	ct_bitmap_free(&b);
}

#endif
