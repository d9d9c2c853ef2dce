/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "pattern.h"
#include "space.h"

/* Memory behind every mapping, repeated. */
#define BACKING (2ULL << 20)
/* As much as one IOAS_MAP takes; beyond it the same pages are mapped by COPY. */
#define CHUNK (256ULL << 20)
/* The same in a kernel, small leaves: user-mode Linux has the host map each page by itself
 * that does not follow another, of which there is a limit. */
#define CHUNK_KERNEL (32ULL << 20)
/* Where there is room, IOVAs start here: clear of any reserved range. */
#define IOVA_BASE (4ULL << 30)
#define MAP_FLAGS (IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_WRITEABLE | IOMMU_IOAS_MAP_READABLE)

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t round_up(uint64_t v, uint64_t to)
{
	return (v + to - 1) / to * to;
}

__attribute__((format(printf, 3, 4))) static int failed(struct space *space, int err,
							const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(space->error, sizeof(space->error), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(space->error))
		snprintf(space->error + n, sizeof(space->error) - n, ": %s", strerror(-err));
	return err;
}

/* IOVAs start at a multiple of two leaves, so that memory that starts at an odd one takes
 * no larger leaf. */
static uint64_t first_iova(const struct iodirty_format_info *format, uint64_t leaf)
{
	uint64_t iova = round_up(format->aperture_first, 2 * leaf);

	return iova < IOVA_BASE && format->aperture_last / 2 > IOVA_BASE ? IOVA_BASE : iova;
}

uint64_t space_leaves(const struct iodirty_format_info *format, uint64_t leaf, uint64_t leaves)
{
	uint64_t iova = first_iova(format, leaf), last = format->aperture_last;

	while (leaves && (iova > last || (last - iova) / leaf < leaves))
		leaves /= 2;
	return leaves;
}

/* Where it is, and in pieces of what size it is mapped: with SHUFFLED what one leaf table
 * of 8-byte entries reaches. */
static int place(struct space *s, uint64_t leaves)
{
	uint64_t granule = 1ULL << s->format.granule_lg2;

	s->iova = first_iova(&s->format, s->leaf);
	s->leaves = space_leaves(&s->format, s->leaf, leaves);
	if (!s->leaves)
		return failed(s, -ERANGE, "the aperture has no room");
	s->length = s->leaves * s->leaf;
	s->chunk = min_u64(s->length, max_u64(s->leaf, CHUNK));
	if (s->layout == SPACE_SHUFFLED)
		s->chunk = min_u64(s->chunk, max_u64(BACKING, granule * granule / 8));
	return 0;
}

/* Where leaves may be larger than asked for if memory is contiguous. */
static bool scatters(const struct space *s)
{
	return s->leaf == 4096 && !(s->t->caps & TARGET_LEAF);
}

/*
 * Memory of the backing, its even pages taken before the odd ones: a kernel that hands out
 * pages in order then gives no two neighbours that could be one larger leaf.
 */
static bool scatter(int fd)
{
	const uint64_t page = 4096;
	const char byte = 0;

	for (uint64_t odd = 0; odd < 2; odd++)
		for (uint64_t at = odd * page; at < BACKING; at += 2 * page)
			if (pwrite(fd, &byte, 1, at) != 1)
				return false;
	return true;
}

/* A chunk of address space that starts at an odd multiple of the leaf, the
 * backing repeated throughout: NULL with errno. */
static void *chunk_memory(struct space *s)
{
	uint64_t align = 2 * s->leaf;
	char *base, *at;
	int fd;

	fd = memfd_create("iodirty-bench", MFD_CLOEXEC);
	if (fd < 0)
		return NULL;
	s->reserved_size = s->chunk + 2 * align;
	base = mmap(NULL, s->reserved_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		    -1, 0);
	if (base == MAP_FAILED || ftruncate(fd, BACKING) || (scatters(s) && !scatter(fd))) {
		close(fd);
		return NULL;
	}
	s->reserved = base;
	at = base + (round_up((uintptr_t)base, align) - (uintptr_t)base) + s->leaf;
	for (uint64_t off = 0; off < s->chunk; off += BACKING) {
		if (mmap(at + off, min_u64(BACKING, s->chunk - off), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED) {
			at = NULL;
			break;
		}
	}
	close(fd);
	return at;
}

static int map_chunk(struct space *s, uint64_t off)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = MAP_FLAGS,
		.ioas_id = s->ioas,
		.length = s->chunk,
		.iova = s->iova + off,
		.user_va = (uintptr_t)s->memory,
	};
	int err = s->t->driver->ioctl(s->t, IOMMU_IOAS_MAP, &map);

	return err ? failed(s, err, "IOMMU_IOAS_MAP") : 0;
}

static int copy_chunk(struct space *s, uint64_t off, uint64_t src_off)
{
	struct iommu_ioas_copy copy = {
		.size = sizeof(copy),
		.flags = MAP_FLAGS,
		.dst_ioas_id = s->ioas,
		.src_ioas_id = s->ioas,
		.length = s->chunk,
		.dst_iova = s->iova + off,
		.src_iova = s->iova + src_off,
	};
	int err = s->t->driver->ioctl(s->t, IOMMU_IOAS_COPY, &copy);

	return err ? failed(s, err, "IOMMU_IOAS_COPY") : 0;
}

/* The first of them is mapped, the others are copies of it. */
int space_map(struct space *s)
{
	uint64_t n = s->length / s->chunk, seed = 1;
	uint64_t *order = calloc(n, sizeof(*order));
	int err = order ? 0 : failed(s, -ENOMEM, "the order of mappings");

	for (uint64_t i = 0; order && i < n; i++)
		order[i] = i;
	if (order && s->layout == SPACE_SHUFFLED)
		pattern_shuffle(order, n, &seed);
	for (uint64_t i = 0; !err && i < n; i++)
		err = i ? copy_chunk(s, order[i] * s->chunk, order[0] * s->chunk) :
			  map_chunk(s, order[0] * s->chunk);
	free(order);
	return err;
}

/* Are the leaves of the size that is to be measured? */
static int check_leaves(struct space *s)
{
	for (uint64_t off = 0; off < s->length; off += s->chunk) {
		struct iodirty_leaf leaf = {
			.size = sizeof(leaf),
			.hwpt_id = s->hwpt,
			.iova = s->iova + off,
		};
		int err = s->t->driver->leaf(s->t, &leaf);

		if (err)
			return failed(s, err, "leaf at IOVA 0x%llx", (unsigned long long)leaf.iova);
		if (1ULL << leaf.out_lg2 != s->leaf)
			return failed(s, -EINVAL, "IOVA 0x%llx has a leaf of %llu bytes, not %llu",
				      (unsigned long long)leaf.iova, 1ULL << leaf.out_lg2,
				      (unsigned long long)s->leaf);
	}
	return 0;
}

static int track(struct space *s)
{
	struct iodirty_plug plug = { .size = sizeof(plug) };
	struct iommu_ioas_alloc ioas = { .size = sizeof(ioas) };
	struct iommu_hwpt_alloc hwpt = {
		.size = sizeof(hwpt),
		.flags = IOMMU_HWPT_ALLOC_DIRTY_TRACKING,
	};
	struct iommu_hwpt_set_dirty_tracking set = {
		.size = sizeof(set),
		.flags = IOMMU_HWPT_DIRTY_TRACKING_ENABLE,
	};
	uint32_t pt;
	int err;

	memcpy(plug.format, s->format.name, sizeof(plug.format));
	err = s->t->driver->plug(s->t, &plug);
	if (err)
		return failed(s, err, "plug");
	s->dev = plug.out_dev_id;

	err = s->t->driver->ioctl(s->t, IOMMU_IOAS_ALLOC, &ioas);
	if (err)
		return failed(s, err, "IOMMU_IOAS_ALLOC");
	s->ioas = ioas.out_ioas_id;

	hwpt.dev_id = s->dev;
	hwpt.pt_id = s->ioas;
	err = s->t->driver->ioctl(s->t, IOMMU_HWPT_ALLOC, &hwpt);
	if (err)
		return failed(s, err, "IOMMU_HWPT_ALLOC");
	pt = s->hwpt = hwpt.out_hwpt_id;

	err = s->t->driver->attach(s->t, s->dev, 0, false, &pt);
	if (err == -EBUSY) /* a target whose devices come attached */
		err = s->t->driver->attach(s->t, s->dev, 0, true, &pt);
	if (err)
		return failed(s, err, "attach");

	set.hwpt_id = s->hwpt;
	err = s->t->driver->ioctl(s->t, IOMMU_HWPT_SET_DIRTY_TRACKING, &set);
	return err ? failed(s, err, "IOMMU_HWPT_SET_DIRTY_TRACKING") : 0;
}

int space_open(struct space *s, const struct target_driver *driver, const char *arg,
	       const struct iodirty_format_info *format, uint64_t leaf, uint64_t leaves)
{
	return space_open_as(s, driver, arg, format, leaf, leaves, SPACE_SEQUENTIAL);
}

int space_open_as(struct space *s, const struct target_driver *driver, const char *arg,
		  const struct iodirty_format_info *format, uint64_t leaf, uint64_t leaves,
		  enum space_layout layout)
{
	int err;

	*s = (struct space){ .format = *format, .leaf = leaf, .layout = layout };
	s->page = max_u64(1ULL << format->granule_lg2, 4096);
	err = place(s, leaves);
	if (err)
		return err;
	err = driver->open(arg, &s->t);
	if (err)
		return failed(s, err, "open");
	if (s->t->driver->kernel && s->leaf < BACKING)
		s->chunk = min_u64(s->chunk, CHUNK_KERNEL);
	err = track(s);
	if (!err) {
		s->memory = chunk_memory(s);
		err = s->memory ? space_map(s) : failed(s, -errno, "memory for the mapping");
	}
	if (!err && s->t->caps & TARGET_LEAF)
		err = check_leaves(s);
	return err;
}

void space_close(struct space *s)
{
	if (s->t)
		s->t->driver->close(s->t);
	if (s->reserved)
		munmap(s->reserved, s->reserved_size);
	s->t = NULL;
	s->reserved = NULL;
}

/* Bits @first to @first + @n - 1, @apart bits from one to the next. */
static void spread(uint8_t *to, const uint64_t *bits, uint64_t first, uint64_t n, uint64_t apart)
{
	memset(to, 0, (n * apart + 7) / 8);
	for (uint64_t i = 0; i < n; i++)
		if (bits[(first + i) / 64] >> (first + i) % 64 & 1)
			to[i * apart / 8] |= 1 << i * apart % 8;
}

/*
 * By the test interface: a call a chunk, since the kernel limits the bitmap. Its bits
 * stand for granules, whatever page_size says (Linux 6.12); of a page the first is marked.
 */
static int mark_by_test(struct space *s, const uint64_t *pages)
{
	uint64_t granule = 1ULL << s->format.granule_lg2, chunk = min_u64(s->length, CHUNK);
	uint64_t bits = chunk / s->page;
	uint8_t *granules = malloc(chunk / granule / 8 + 1);
	int err = granules ? 0 : -ENOMEM;

	for (uint64_t off = 0; off < s->length && !err; off += chunk) {
		struct iommu_test_cmd cmd = {
			.size = sizeof(cmd),
			.op = IOMMU_TEST_OP_DIRTY,
			.id = s->hwpt,
			.dirty = {
				.iova = s->iova + off,
				.length = chunk,
				.page_size = granule,
				.uptr = (uintptr_t)granules,
			},
		};

		spread(granules, pages, off / s->page, bits, s->page / granule);
		err = s->t->driver->ioctl(s->t, IOMMU_TEST_CMD, &cmd);
	}
	free(granules);
	return err;
}

static int mark_by_dma(struct space *s, const uint64_t *pages)
{
	uint64_t value = 1;

	for (uint64_t word = 0; word < (s->length / s->page + 63) / 64; word++) {
		for (uint64_t left = pages[word]; left; left &= left - 1) {
			struct iodirty_dma dma = {
				.size = sizeof(dma),
				.op = IODIRTY_DMA_WRITE,
				.dev_id = s->dev,
				.iova = s->iova + (word * 64 + __builtin_ctzll(left)) * s->page,
				.length = sizeof(value),
				.data = (uintptr_t)&value,
			};
			int err = s->t->driver->dma(s->t, &dma);

			if (err || dma.out_fault)
				return err ? err : -EFAULT;
		}
	}
	return 0;
}

int space_mark(struct space *s, const uint64_t *pages)
{
	return s->t->caps & TARGET_TEST_DIRTY ? mark_by_test(s, pages) : mark_by_dma(s, pages);
}

int space_harvest_part(struct space *s, uint32_t flags, uint64_t offset, uint64_t length,
		       uint64_t page, void *bitmap)
{
	struct iommu_hwpt_get_dirty_bitmap get = {
		.size = sizeof(get),
		.hwpt_id = s->hwpt,
		.flags = flags,
		.iova = s->iova + offset,
		.length = length,
		.page_size = page,
		.data = (uintptr_t)bitmap,
	};

	return s->t->driver->ioctl(s->t, IOMMU_HWPT_GET_DIRTY_BITMAP, &get);
}

int space_harvest(struct space *s, uint32_t flags, uint64_t *bitmap)
{
	return space_harvest_part(s, flags, 0, s->length, s->page, bitmap);
}

int space_unmap(struct space *s)
{
	struct iommu_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas_id = s->ioas,
		.iova = s->iova,
		.length = s->length,
	};

	return s->t->driver->ioctl(s->t, IOMMU_IOAS_UNMAP, &unmap);
}

int space_unmap_dirty(struct space *s, uint64_t *bitmap)
{
	struct iodirty_unmap_dirty unmap = {
		.ioas_id = s->ioas,
		.iova = s->iova,
		.length = s->length,
		.page_size = s->page,
		.data = (uintptr_t)bitmap,
	};

	return s->t->driver->unmap_dirty(s->t, &unmap);
}

int space_table_read(struct space *s, uint64_t *entries)
{
	struct iodirty_table_read read = {
		.size = sizeof(read),
		.hwpt_id = s->hwpt,
		.iova = s->iova,
		.length = s->length,
	};
	int err = s->t->driver->table_read(s->t, &read);

	*entries = read.out_entries;
	return err;
}
