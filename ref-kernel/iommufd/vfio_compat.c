/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * VFIO's container ioctls on the descriptor of an iommufd, for programs that know
 * no other: they act on the IOAS that IOMMU_VFIO_IOAS named. What VFIO had for
 * dirty tracking is refused, as in Linux: a program that asks for it must learn
 * that it has to use GET_DIRTY_BITMAP.
 */
#include "core.h"

/* Bytes of @type up to and with @last: what every caller has to have. */
#define FIXED(type, last) (offsetof(struct type, last) + sizeof(((struct type *)0)->last))

/* Was an IOAS named before? Else name @id, if it is one. */
static bool name_ioas(struct iommufd_ctx *ctx, u32 id)
{
	bool was;

	port_mutex_lock(&ctx->lock);
	was = ctx->vfio_ioas;
	if (!was)
		ctx->vfio_ioas = id;
	port_mutex_unlock(&ctx->lock);
	return was;
}

int vfio_compat_make_ioas(struct iommufd_ctx *ctx)
{
	struct iommu_ioas_alloc alloc = { 0 };
	struct ucmd nobody = { .ctx = ctx, .arg = &alloc };
	int err;

	if (name_ioas(ctx, 0))
		return 0;
	err = ioas_alloc_ioctl(&nobody);
	/* Somebody may have been faster. */
	if (!err && name_ioas(ctx, alloc.out_ioas_id))
		object_destroy(ctx, alloc.out_ioas_id);
	return err;
}

bool vfio_has_extension(u64 extension)
{
	switch (extension) {
	case VFIO_TYPE1_IOMMU:
	case VFIO_TYPE1v2_IOMMU:
	case VFIO_UNMAP_ALL:
		return true;
	default:
		return false;
	}
}

static long check_extension(struct iommufd_ctx *ctx, u64 extension)
{
	struct ioas *ioas;

	if (extension != VFIO_DMA_CC_IOMMU)
		return vfio_has_extension(extension);
	/* A property of the IOMMUs in front of the container's devices: those
	 * modelled are all coherent. */
	ioas = object_get_vfio_ioas(ctx);
	if (!ioas)
		return -ENODEV;
	object_put(&ioas->obj);
	return 1;
}

/*
 * Type1 differs from type1v2 by one promise: it unmaps in the middle of a
 * mapping. That takes leaves that need not be split.
 */
static int set_iommu(struct iommufd_ctx *ctx, u64 type)
{
	struct ioas *ioas;
	int err = 0;

	if (type != VFIO_TYPE1_IOMMU && type != VFIO_TYPE1v2_IOMMU)
		return -EINVAL;
	ioas = object_get_vfio_ioas(ctx);
	if (!ioas)
		return -ENODEV;
	if (type == VFIO_TYPE1_IOMMU) {
		port_rwsem_write(&ioas->rwsem);
		err = ioas_set_huge(ioas, false);
		port_rwsem_write_end(&ioas->rwsem);
	}
	object_put(&ioas->obj);
	return err;
}

u64 vfio_page_sizes(struct ioas *ioas)
{
	u64 sizes = ~0ULL;

	for (struct hwpt *hwpt = ioas->hwpts; hwpt; hwpt = hwpt->next)
		sizes &= hwpt->pgt.leaf_sizes;
	/* VFIO has no page smaller than the processor's: it is several leaves. */
	if (sizes & (PORT_PAGE_SIZE - 1))
		sizes = (sizes & ~(PORT_PAGE_SIZE - 1)) | PORT_PAGE_SIZE;
	return sizes ? sizes : ioas->alignment;
}

/* The answer's parts, in this order, with the ranges between them; all are aligned. */
struct info_head {
	struct vfio_iommu_type1_info info;
	struct vfio_iommu_type1_info_cap_iova_range iova;
};

struct info_tail {
	struct vfio_iommu_type1_info_dma_avail avail;
	u32 pad;
	struct vfio_iommu_type1_info_cap_migration migration; /* of type1's only */
};

static u64 avail_offset(u32 ranges)
{
	return sizeof(struct info_head) + ranges * sizeof(struct vfio_iova_range);
}

static void fill_iova(struct ioas *ioas, u8 *answer, u32 ranges)
{
	struct info_head *head = (struct info_head *)answer;
	struct usable usable = { .reserved = ioas->reserved };
	struct vfio_iova_range *out = (struct vfio_iova_range *)(head + 1);
	struct iommu_iova_range range;

	head->iova.header.id = VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE;
	head->iova.header.version = 1;
	head->iova.header.next = (u32)avail_offset(ranges);
	head->iova.nr_iovas = ranges;
	for (; usable_next(&usable, &range); out++) {
		out->start = range.start;
		out->end = range.last;
	}
}

static void fill_tail(u8 *answer, u32 ranges, const struct vfio_info_more *more)
{
	struct info_tail *tail = (struct info_tail *)(answer + avail_offset(ranges));

	tail->avail.header.id = VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL;
	tail->avail.header.version = 1;
	tail->avail.avail = UINT32_MAX; /* no limit but memory */
	if (!more)
		return;
	tail->avail.avail = more->avail;
	tail->avail.header.next =
		(u32)(avail_offset(ranges) + offsetof(struct info_tail, migration));
	tail->migration = more->migration;
}

int vfio_info_reply(struct ioas *ioas, u64 uptr, struct vfio_iommu_type1_info *info,
		    const struct vfio_info_more *more)
{
	struct usable usable = { .reserved = ioas->reserved };
	struct iommu_iova_range range;
	u32 room = info->argsz, ranges = 0;
	u64 total;
	u8 *answer;
	int err;

	while (usable_next(&usable, &range))
		ranges++;
	total = avail_offset(ranges) +
		(more ? sizeof(struct info_tail) : sizeof(struct vfio_iommu_type1_info_dma_avail));
	info->argsz = (u32)total;
	info->flags = VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS;
	info->iova_pgsizes = more ? more->page_sizes : vfio_page_sizes(ioas);
	/* All of the chain or none: half of one would end nowhere. */
	if (room < total)
		return port_copy_to_user(uptr, info, port_min(room, sizeof(*info)));

	answer = port_alloc(total);
	if (!answer)
		return -ENOMEM;
	info->cap_offset = offsetof(struct info_head, iova);
	memcpy(answer, info, sizeof(*info));
	fill_iova(ioas, answer, ranges);
	fill_tail(answer, ranges, more);
	err = port_copy_to_user(uptr, answer, total);
	port_free(answer);
	return err;
}

int vfio_info_arg(u64 uptr, struct vfio_iommu_type1_info *info)
{
	const u32 fixed = FIXED(vfio_iommu_type1_info, iova_pgsizes);
	int err;

	memset(info, 0, sizeof(*info));
	err = port_copy_from_user(info, uptr, fixed);
	if (err)
		return err;
	return info->argsz < fixed ? -EINVAL : 0;
}

static int get_info(struct iommufd_ctx *ctx, u64 uptr)
{
	struct vfio_iommu_type1_info info;
	struct ioas *ioas;
	int err = vfio_info_arg(uptr, &info);

	if (err)
		return err;
	ioas = object_get_vfio_ioas(ctx);
	if (!ioas)
		return -ENODEV;
	port_rwsem_read(&ioas->rwsem);
	err = vfio_info_reply(ioas, uptr, &info, NULL);
	port_rwsem_read_end(&ioas->rwsem);
	object_put(&ioas->obj);
	return err;
}

int vfio_map_arg(u64 uptr, struct vfio_iommu_type1_dma_map *cmd)
{
	const u32 access = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
	int err;

	err = port_copy_from_user(cmd, uptr, sizeof(*cmd));
	if (err)
		return err;
	if (cmd->argsz < sizeof(*cmd) || cmd->flags & ~access || !(cmd->flags & access))
		return -EINVAL;
	return 0;
}

int vfio_map(struct ioas *ioas, const struct vfio_iommu_type1_dma_map *cmd)
{
	unsigned int prot = 0;
	struct iopages *pages;
	u64 iova = cmd->iova;
	int err;

	if (cmd->flags & VFIO_DMA_MAP_FLAG_READ)
		prot |= PGT_READ;
	if (cmd->flags & VFIO_DMA_MAP_FLAG_WRITE)
		prot |= PGT_WRITE;
	pages = iopages_from_user(ioas->obj.ctx, cmd->vaddr, cmd->size, prot & PGT_WRITE, &err);
	if (!pages)
		return err;
	port_rwsem_write(&ioas->rwsem);
	err = ioas_map_pages(ioas, pages, 0, cmd->size, prot, true, 0, &iova);
	port_rwsem_write_end(&ioas->rwsem);
	iopages_put(pages);
	return err;
}

static int map_dma(struct iommufd_ctx *ctx, u64 uptr)
{
	struct vfio_iommu_type1_dma_map cmd;
	struct ioas *ioas;
	int err = vfio_map_arg(uptr, &cmd);

	if (err)
		return err;
	ioas = object_get_vfio_ioas(ctx);
	if (!ioas)
		return -ENODEV;
	err = vfio_map(ioas, &cmd);
	object_put(&ioas->obj);
	return err;
}

/*
 * Unmap what the caller named, and tell it how much that was; also when it went
 * wrong on the way, for then a part is gone.
 */
static int unmap_and_reply(struct ioas *ioas, u64 uptr, struct vfio_iommu_type1_dma_unmap *cmd)
{
	bool all = cmd->flags & VFIO_DMA_UNMAP_FLAG_ALL;
	u64 last = all ? UINT64_MAX : cmd->iova + cmd->size - 1, unmapped;
	int err, reply;

	if (all != !cmd->size || (all && cmd->iova))
		return -EINVAL;
	if (last < cmd->iova)
		return -EOVERFLOW;
	err = ioas_cut(ioas, cmd->iova, last);
	if (err)
		return err;
	err = ioas_unmap(ioas, cmd->iova, last, true, &unmapped);
	cmd->size = unmapped;
	reply = port_copy_to_user(uptr, cmd, sizeof(*cmd));
	return reply ? reply : err;
}

static int unmap_dma(struct iommufd_ctx *ctx, u64 uptr)
{
	struct vfio_iommu_type1_dma_unmap cmd;
	struct ioas *ioas;
	int err;

	err = port_copy_from_user(&cmd, uptr, sizeof(cmd));
	if (err)
		return err;
	if (cmd.argsz < sizeof(cmd) || cmd.flags & ~VFIO_DMA_UNMAP_FLAG_ALL)
		return -EINVAL;
	ioas = object_get_vfio_ioas(ctx);
	if (!ioas)
		return -ENODEV;
	err = unmap_and_reply(ioas, uptr, &cmd);
	object_put(&ioas->obj);
	return err;
}

long vfio_compat_ioctl(struct iommufd_ctx *ctx, unsigned int cmd, u64 arg)
{
	switch (cmd) {
	case VFIO_GET_API_VERSION:
		return VFIO_API_VERSION;
	case VFIO_CHECK_EXTENSION:
		return check_extension(ctx, arg);
	case VFIO_SET_IOMMU:
		return set_iommu(ctx, arg);
	case VFIO_IOMMU_GET_INFO:
		return get_info(ctx, arg);
	case VFIO_IOMMU_MAP_DMA:
		return map_dma(ctx, arg);
	case VFIO_IOMMU_UNMAP_DMA:
		return unmap_dma(ctx, arg);
	default:
		return -ENOTTY;
	}
}
