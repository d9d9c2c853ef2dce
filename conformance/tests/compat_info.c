/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter COMPAT: GET_INFO, an answer of a size that the caller may not know. No
 * byte beyond argsz is touched, and its chain is whole or not there.
 */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "compat.h"

enum {
	INFO_ROOM = 4096,
	CANARY = 0xa5,
};

static void expect_canaries(const u8 *bytes, size_t from, const char *what, u32 argsz)
{
	for (size_t i = from; i < INFO_ROOM; i++)
		ct_check(bytes[i] == CANARY, "argsz %u, %s: byte %zu was written to", argsz, what,
			 i);
}

/* Ask with @argsz; the answer is in @bytes, and nothing beyond argsz has changed. */
static const struct vfio_iommu_type1_info *info_of(u8 *bytes, u32 argsz)
{
	memset(bytes, CANARY, INFO_ROOM);
	x(get_info(bytes, argsz));
	expect_canaries(bytes, argsz, "beyond argsz", argsz);
	return (const void *)bytes;
}

static u32 whole_info(u8 *bytes)
{
	u32 total = info_of(bytes, sizeof(struct vfio_iommu_type1_info))->argsz;

	ct_check(total > sizeof(struct vfio_iommu_type1_info) && total <= INFO_ROOM,
		 "the answer is said to take %u bytes", total);
	return total;
}

/* The capability with @id in a whole answer; NULL: none. The chain must be sound. */
static const void *capability(const u8 *bytes, u32 id)
{
	const struct vfio_iommu_type1_info *info = (const void *)bytes;
	const void *found = NULL;
	u32 at = info->cap_offset, end = sizeof(*info);

	ct_check(at != 0, "no chain in a whole answer");
	while (at) {
		const struct vfio_info_cap_header *cap = (const void *)(bytes + at);

		ct_check(at >= end && at % 8 == 0 && at + sizeof(*cap) <= info->argsz,
			 "a capability at offset %u, after %u, of %u", at, end, info->argsz);
		ct_check(cap->id != id || !found, "two capabilities have id %u", id);
		if (cap->id == id)
			found = cap;
		end = at + sizeof(*cap);
		at = cap->next;
	}
	return found;
}

/* At every size there is: all or no chain, and not a byte too much. */
CT_TEST(info_at_each_size, "COMPAT-005", .needs = TARGET_VFIO_COMPAT, .scope = CT_EACH_FORMAT)
{
	const u32 all = VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS;
	static _Alignas(8) u8 bytes[INFO_ROOM];
	struct scene s;
	u32 total;

	open_container(&s, VFIO_TYPE1v2_IOMMU, true);
	total = whole_info(bytes);
	for (u32 argsz = 0; argsz < 16; argsz++) {
		memset(bytes, CANARY, INFO_ROOM);
		x_err(EINVAL, get_info(bytes, argsz));
		expect_canaries(bytes, sizeof(argsz), "refused", argsz);
	}
	for (u32 argsz = 16; argsz < total + 64; argsz++) {
		const struct vfio_iommu_type1_info *info = info_of(bytes, argsz);

		ct_check(info->argsz == total, "argsz %u: %u bytes are needed, or %u", argsz, total,
			 info->argsz);
		ct_check(info->flags == all, "argsz %u: flags %#x, expected %#x", argsz,
			 info->flags, all);
		if (argsz >= total) {
			capability(bytes, 0);
			expect_canaries(bytes, total, "beyond the answer", argsz);
		} else if (argsz >= 20) {
			ct_check(info->cap_offset == 0, "argsz %u: a chain at %u that is cut off",
				 argsz, info->cap_offset);
		}
	}
}

/* What the chain says is what IOMMU_IOAS_IOVA_RANGES says. */
static void compare_ranges(u32 ioas, u32 at_least)
{
	static _Alignas(8) u8 bytes[INFO_ROOM];
	struct iommu_iova_range ranges[8] = { 0 };
	struct iommu_ioas_iova_ranges arg = { .size = sizeof(arg),
					      .ioas_id = ioas,
					      .num_iovas = N(ranges),
					      .allowed_iovas = (uintptr_t)ranges };
	const struct vfio_iommu_type1_info_cap_iova_range *iova;
	u32 argsz = whole_info(bytes);

	info_of(bytes, argsz);
	iova = capability(bytes, VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE);
	ct_check(iova && iova->header.version == 1, "no IOVA ranges of version 1");
	x(ct_ioctl(IOMMU_IOAS_IOVA_RANGES, &arg));
	ct_check(iova->nr_iovas == arg.num_iovas && arg.num_iovas >= at_least,
		 "%u ranges, IOMMU_IOAS_IOVA_RANGES has %u, at least %u are expected",
		 iova->nr_iovas, arg.num_iovas, at_least);
	ct_check((const u8 *)&iova->iova_ranges[iova->nr_iovas] <= bytes + argsz,
		 "the ranges reach beyond the answer");
	for (u32 i = 0; i < arg.num_iovas; i++)
		ct_check(iova->iova_ranges[i].start == ranges[i].start &&
				 iova->iova_ranges[i].end == ranges[i].last,
			 "range %u is [%#llx, %#llx], expected [%#llx, %#llx]", i,
			 iova->iova_ranges[i].start, iova->iova_ranges[i].end, ranges[i].start,
			 ranges[i].last);
}

static void expect_dma_avail(void)
{
	static _Alignas(8) u8 bytes[INFO_ROOM];
	const struct vfio_iommu_type1_info_dma_avail *avail;

	info_of(bytes, whole_info(bytes));
	avail = capability(bytes, VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL);
	ct_check(avail && avail->header.version == 1, "no DMA_AVAIL of version 1");
	/* More than any machine has of these: QEMU takes it as a limit. */
	ct_check(avail->avail > UINT16_MAX, "only %u mappings are available", avail->avail);
}

CT_TEST(info_chain, "COMPAT-006", .needs = TARGET_VFIO_COMPAT, .scope = CT_EACH_FORMAT)
{
	struct scene s;
	u32 empty;

	x(ct_ioas_alloc(&empty));
	x(vfio_ioas(IOMMU_VFIO_IOAS_SET, empty));
	compare_ranges(empty, 1);
	expect_dma_avail();
	open_container(&s, VFIO_TYPE1v2_IOMMU, true);
	compare_ranges(s.ioas, 1);
	expect_dma_avail();
}

CT_TEST(info_chain_with_hole, "COMPAT-006", .needs = TARGET_VFIO_COMPAT | TARGET_RESERVED,
	.scope = CT_EACH_FORMAT)
{
	struct iodirty_plug plug = { 0 };
	struct scene s;
	u32 pt;

	open_container(&s, VFIO_TYPE1v2_IOMMU, true);
	memcpy(plug.format, ct.config.format.name, sizeof(plug.format));
	plug.resv_start = s.iova + s.length + (1 << 20);
	plug.resv_length = 1 << 20;
	x(ct.t->driver->plug(ct.t, &plug));
	pt = s.hwpt;
	x(ct.t->driver->attach(ct.t, plug.out_dev_id, 0, false, &pt));
	compare_ranges(s.ioas, 2);
	x_err(EINVAL, vfio_map(READ, s.mem, s.page, plug.resv_start));
}

/* The container tracks, by its HWPT; nothing may look as if the old way did. */
CT_TEST(info_without_migration, "COMPAT-007", .needs = TARGET_VFIO_COMPAT, .scope = CT_EACH_FORMAT)
{
	static const u32 types[] = { VFIO_TYPE1_IOMMU, VFIO_TYPE1v2_IOMMU };
	static _Alignas(8) u8 bytes[INFO_ROOM];

	for (size_t i = 0; i < N(types); i++) {
		struct scene s;

		open_container(&s, types[i], true);
		scene_write(&s, 0, 1);
		info_of(bytes, whole_info(bytes));
		ct_check(!capability(bytes, VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION),
			 "there is a MIGRATION capability");
	}
}

CT_TEST(info_page_sizes, "COMPAT-008", .needs = TARGET_VFIO_COMPAT, .scope = CT_EACH_FORMAT)
{
	static _Alignas(8) u8 bytes[INFO_ROOM];
	u64 sizes;
	struct scene s;

	open_container(&s, VFIO_TYPE1v2_IOMMU, false);
	sizes = info_of(bytes, 16)->iova_pgsizes;
	ct_check(sizes % 4096 == 0, "sizes below a page: %#" PRIx64, sizes);
	ct_check(sizes & s.page, "no page of %" PRIu64 " bytes: %#" PRIx64, s.page, sizes);
	ct_check((sizes & ~(ct.config.format.leaf_sizes | s.page)) == 0,
		 "sizes %#" PRIx64 ", the IOMMU's leaves have %#llx", sizes,
		 ct.config.format.leaf_sizes);
	/* As it says: a page of the smallest size, by itself. */
	x(vfio_map(READ | WRITE, s.mem, s.page, s.iova));
	x_err(EINVAL, vfio_map(READ | WRITE, s.mem, s.page + 1, s.iova + s.page));
}
