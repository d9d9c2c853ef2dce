/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cli.h"
#include "space.h"

#define PAGE ((uint64_t)4096)
#define CHUNK ((uint64_t)64 << 10) /* the most that is moved at once */
#define PASID_WIDTH 20 /* what traces have, and the mock */

static bool fail(struct space *s, int exit_code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static bool fail(struct space *s, int exit_code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(s->error, sizeof(s->error), fmt, args);
	va_end(args);
	s->exit_code = exit_code;
	return false;
}

/* What the target said to @what. */
static bool refused(struct space *s, int ret, const char *what)
{
	return fail(s, ret == TARGET_UNABLE ? EXIT_CODE_NOTHING_RAN : EXIT_CODE_FAILED, "%s: %s",
		    what, ret == TARGET_UNABLE ? s->t->unable : strerror(-ret));
}

static int ask(struct space *s, unsigned long cmd, void *arg)
{
	return s->t->driver->ioctl(s->t, cmd, arg);
}

/* ---- where it is ---- */

static bool find_format(struct space *s, const char *name)
{
	int ret;

	for (unsigned int i = 0; !(ret = s->t->driver->format(s->t, i, &s->format)); i++) {
		bool tracks = s->format.flags & IODIRTY_FORMAT_DIRTY;

		if (name ? strcmp(s->format.name, name) : !tracks)
			continue;
		return tracks || fail(s, EXIT_CODE_USAGE, "format %s tracks nothing", name);
	}
	if (ret != -ENOENT)
		return refused(s, ret, "formats of the target");
	if (!name)
		return fail(s, EXIT_CODE_NOTHING_RAN, "no format of the target tracks");
	return fail(s, EXIT_CODE_USAGE, "unknown format '%s'; `iodirty list formats -t %s`", name,
		    s->t->driver->name);
}

static bool choose_sizes(struct space *s, const struct space_options *o)
{
	uint64_t granule = (uint64_t)1 << s->format.granule_lg2;
	uint64_t sizes = s->format.leaf_sizes, whole = sizes & -PAGE;

	/* Linux's mock has none of a page. */
	s->leaf = o->leaf ? o->leaf : whole ? whole & -whole : sizes & -sizes;
	s->page = o->page ? o->page : granule > PAGE ? granule : PAGE;
	if (s->leaf & (s->leaf - 1) || !(sizes & s->leaf))
		return fail(s, EXIT_CODE_USAGE, "%s has no leaves of %" PRIu64 " bytes",
			    s->format.name, s->leaf);
	if (s->page & (s->page - 1) || s->page < granule)
		return fail(s, EXIT_CODE_USAGE,
			    "pages of %" PRIu64 " bytes: a power of two, and at least %" PRIu64
			    " with %s",
			    s->page, granule, s->format.name);
	s->leaves_exact = s->t->caps & TARGET_LEAF || sizes == s->leaf;
	return true;
}

static bool fits(const struct space *s, uint64_t at)
{
	const struct iodirty_format_info *f = &s->format;

	return at >= f->aperture_first && at <= f->aperture_last &&
	       s->length - 1 <= f->aperture_last - at;
}

/* By preference where the workload has it. */
static bool place(struct space *s, const struct workload *w)
{
	uint64_t unit = s->leaf > s->page ? s->leaf : s->page;
	uint64_t last = (w->iova + w->length - 1) | (unit - 1);

	s->iova = w->iova & -unit;
	s->length = last - s->iova + 1;
	s->at = s->iova;
	if (!fits(s, s->at))
		s->at = (s->format.aperture_first + 2 * unit - 1) & -(2 * unit);
	if (!s->length || !fits(s, s->at))
		return fail(s, EXIT_CODE_FAILED,
			    "the workload's %" PRIu64 " bytes of memory do not fit the aperture of "
			    "%s, 0x%" PRIx64 "-0x%" PRIx64,
			    w->length, s->format.name, (uint64_t)s->format.aperture_first,
			    (uint64_t)s->format.aperture_last);
	return true;
}

/* An odd number of leaves from where it is to devices, so that no leaf is larger. */
static bool make_room(struct space *s)
{
	uint64_t align = 2 * s->leaf, offset = (s->at + s->leaf) & (align - 1);
	uintptr_t first;

	if (!__builtin_add_overflow(s->length, 2 * align, &s->room_size)) {
		s->room = mmap(NULL, s->room_size, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (s->room == MAP_FAILED)
			s->room = NULL;
	}
	s->data = malloc(CHUNK);
	if (!s->room || !s->data)
		return fail(s, EXIT_CODE_FAILED, "no room for %" PRIu64 " bytes of memory",
			    s->length);
	first = ((uintptr_t)s->room + align - 1) & -align;
	s->memory = (uint8_t *)(first + offset);
	/* Large leaves take memory in one piece. */
	madvise(s->memory, s->length, MADV_HUGEPAGE);
	return true;
}

bool space_open(struct space *s, const struct space_options *o, const struct workload *w)
{
	int ret;

	*s = (struct space){ .ioas = 0 };
	ret = o->driver->open(o->target_arg, &s->t);
	if (ret) {
		s->t = NULL;
		return fail(s, EXIT_CODE_NOTHING_RAN, "target %s cannot be opened: %s",
			    o->driver->name, strerror(-ret));
	}
	if (!(s->t->caps & TARGET_TRACK))
		return fail(s, EXIT_CODE_NOTHING_RAN, "the IOMMU of target %s does not track",
			    o->driver->name);
	s->moves_bytes = s->t->caps & TARGET_DMA;
	return find_format(s, o->format) && choose_sizes(s, o) && place(s, w) && make_room(s);
}

void space_close(struct space *s)
{
	if (s->t)
		s->t->driver->close(s->t);
	if (s->room)
		munmap(s->room, s->room_size);
	free(s->data);
}

/* ---- devices ---- */

static bool can_have_pasids(struct space *s)
{
	if (s->t->caps & TARGET_PASID && s->format.flags & IODIRTY_FORMAT_DIRTY_PASID)
		return true;
	return fail(s, EXIT_CODE_NOTHING_RAN,
		    "the workload has PASIDs, which %s does not track on target %s", s->format.name,
		    s->t->driver->name);
}

static bool plug(struct space *s, unsigned int i, bool pasids)
{
	struct iodirty_plug plug = { .pasid_width = pasids ? PASID_WIDTH : 0 };
	int ret;

	memcpy(plug.format, s->format.name, sizeof(plug.format));
	ret = s->t->driver->plug(s->t, &plug);
	if (ret && i) {
		refused(s, ret, "another device for the workload, which has several");
		strncat(s->error, "; --merge has one do all",
			sizeof(s->error) - 1 - strlen(s->error));
		return false;
	}
	s->devices[i].dev_id = plug.out_dev_id;
	return !ret || refused(s, ret, "a device");
}

static bool attach(struct space *s, unsigned int i, uint32_t pasid)
{
	uint32_t pt = s->devices[i].hwpt;
	char what[64];
	int ret = s->t->driver->attach(s->t, s->devices[i].dev_id, pasid, false, &pt);

	snprintf(what, sizeof(what), "attach PASID %" PRIu32 " of device %u", pasid, i);
	return !ret || refused(s, ret, what);
}

static bool set_tracking(struct space *s, unsigned int i)
{
	struct iommu_hwpt_set_dirty_tracking arg = {
		.size = sizeof(arg),
		.flags = IOMMU_HWPT_DIRTY_TRACKING_ENABLE,
		.hwpt_id = s->devices[i].hwpt,
	};
	int ret = ask(s, IOMMU_HWPT_SET_DIRTY_TRACKING, &arg);

	return !ret || refused(s, ret, "SET_DIRTY_TRACKING");
}

/* With tables of its own, since it has an IOMMU of its own. */
static bool make_device(struct space *s, unsigned int i, bool pasids)
{
	struct iommu_hwpt_alloc alloc = {
		.size = sizeof(alloc),
		.flags = IOMMU_HWPT_ALLOC_DIRTY_TRACKING | (pasids ? IOMMU_HWPT_ALLOC_PASID : 0),
		.pt_id = s->ioas,
	};
	int ret;

	if (!plug(s, i, pasids))
		return false;
	alloc.dev_id = s->devices[i].dev_id;
	ret = ask(s, IOMMU_HWPT_ALLOC, &alloc);
	if (ret)
		return refused(s, ret, "HWPT_ALLOC with dirty tracking");
	s->devices[i].hwpt = alloc.out_hwpt_id;
	s->n++;
	return attach(s, i, 0);
}

static bool map(struct space *s)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
			 IOMMU_IOAS_MAP_WRITEABLE,
		.ioas_id = s->ioas,
		.user_va = (uintptr_t)s->memory,
		.length = s->length,
		.iova = s->at,
	};
	int ret = ask(s, IOMMU_IOAS_MAP, &map);
	char what[96];

	snprintf(what, sizeof(what), "IOAS_MAP of %" PRIu64 " bytes at 0x%" PRIx64, s->length,
		 s->at);
	return !ret || refused(s, ret, what);
}

bool space_start(struct space *s, unsigned int n, const struct space_pasid *pasids, size_t n_pasids)
{
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	bool good = true;
	int ret;

	if (n_pasids && !can_have_pasids(s))
		return false;
	ret = ask(s, IOMMU_IOAS_ALLOC, &alloc);
	if (ret)
		return refused(s, ret, "IOAS_ALLOC");
	s->ioas = alloc.out_ioas_id;
	for (unsigned int i = 0; i < n && good; i++)
		good = make_device(s, i, n_pasids);
	for (size_t i = 0; i < n_pasids && good; i++)
		good = attach(s, pasids[i].device, pasids[i].pasid);
	good = good && map(s);
	for (unsigned int i = 0; i < n && good; i++)
		good = set_tracking(s, i);
	return good;
}

/* ---- DMA ---- */

static bool faulted(struct space *s, const struct access *a, const struct iodirty_dma *d,
		    uint64_t record)
{
	static const char *const faults[] = {
		[IODIRTY_FAULT_NOT_ATTACHED] = "not attached",
		[IODIRTY_FAULT_NOT_PRESENT] = "not present",
		[IODIRTY_FAULT_PERMISSION] = "permission",
		[IODIRTY_FAULT_ADDRESS] = "address",
		[IODIRTY_FAULT_MEMORY] = "memory",
		[IODIRTY_FAULT_BAD_TABLE] = "bad table",
		[IODIRTY_FAULT_STOPPED] = "device stopped",
	};
	bool known = d->out_fault < sizeof(faults) / sizeof(faults[0]);

	return fail(s, EXIT_CODE_FAILED,
		    "record %" PRIu64 ": the %s at IOVA 0x%" PRIx64 ", PASID %" PRIu32
		    ", of %" PRIu64 " bytes faulted at 0x%" PRIx64 ": %s",
		    record, a->write ? "write" : "read", a->iova, a->pasid, a->length,
		    (uint64_t)d->out_fault_iova - s->at + s->iova,
		    known ? faults[d->out_fault] : "unknown fault");
}

static bool move(struct space *s, unsigned int device, const struct access *a, uint64_t done,
		 uint64_t length, uint64_t record)
{
	uint64_t offset = a->iova - s->iova + done;
	struct iodirty_dma d = {
		.op = a->write ? IODIRTY_DMA_WRITE : IODIRTY_DMA_READ,
		.dev_id = s->devices[device].dev_id,
		.pasid = a->pasid,
		.iova = s->at + offset,
		.length = length,
		.data = (uintptr_t)s->data,
	};
	char what[48];
	int ret = s->t->driver->dma(s->t, &d);

	snprintf(what, sizeof(what), "record %" PRIu64, record);
	if (ret)
		return refused(s, ret, what);
	if (d.out_fault)
		return faulted(s, a, &d, record);
	if (s->moves_bytes && memcmp(s->memory + offset, s->data, length))
		return fail(s, EXIT_CODE_FAILED,
			    "record %" PRIu64 ": the device's bytes are not those of memory at "
			    "IOVA 0x%" PRIx64 " to 0x%" PRIx64,
			    record, a->iova + done, a->iova + done + length);
	return true;
}

bool space_access(struct space *s, unsigned int device, const struct access *a, uint64_t record)
{
	uint64_t most = a->length < CHUNK ? a->length : CHUNK;

	if (a->iova < s->iova || a->iova - s->iova > s->length ||
	    a->length > s->length - (a->iova - s->iova) || device >= s->n)
		return fail(s, EXIT_CODE_FAILED,
			    "record %" PRIu64
			    ": it is not within the workload's memory and devices",
			    record);
	for (uint64_t i = 0; a->write && i * sizeof(record) < most; i++)
		s->data[i] = record;
	for (uint64_t done = 0, length; done < a->length; done += length) {
		length = a->length - done < CHUNK ? a->length - done : CHUNK;
		if (!move(s, device, a, done, length, record))
			return false;
	}
	return true;
}

bool space_harvest(struct space *s, uint64_t *bitmap)
{
	for (unsigned int i = 0; i < s->n; i++) {
		struct iommu_hwpt_get_dirty_bitmap get = {
			.size = sizeof(get),
			.hwpt_id = s->devices[i].hwpt,
			.iova = s->at,
			.length = s->length,
			.page_size = s->page,
			.data = (uintptr_t)bitmap,
		};
		int ret = ask(s, IOMMU_HWPT_GET_DIRTY_BITMAP, &get);

		if (ret)
			return refused(s, ret, "GET_DIRTY_BITMAP");
	}
	return true;
}
