/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The ioctls on an IO address space: arguments checked, then area.c and iova.c. */
#include "core.h"

/* More ranges in one ALLOW_IOVAS than any use has. */
#define MAX_ALLOWED 4096

int ioas_alloc_ioctl(struct ucmd *ucmd)
{
	struct iommu_ioas_alloc *cmd = ucmd->arg;
	struct ioas *ioas;
	int err;

	if (cmd->flags)
		return -EOPNOTSUPP;
	ioas = object_alloc(ucmd->ctx, sizeof(*ioas), OBJECT_IOAS);
	if (!ioas)
		return -ENOMEM;
	cmd->out_ioas_id = ioas->obj.id;
	err = ucmd_reply(ucmd);
	if (err) {
		object_abort(&ioas->obj);
		return err;
	}
	port_rwsem_init(&ioas->rwsem);
	port_mutex_init(&ioas->access_lock);
	port_map_init(&ioas->areas);
	ioas->alignment = 1;
	object_publish(&ioas->obj);
	return 0;
}

void ioas_release(struct object *obj)
{
	struct ioas *ioas = (struct ioas *)obj;
	u64 unmapped;

	ioas_unmap(ioas, 0, UINT64_MAX, true, &unmapped);
	while (ioas->reserved)
		ioas_unreserve(ioas, ioas->reserved->owner);
	port_free(ioas->allowed);
	port_mutex_destroy(&ioas->access_lock);
	port_rwsem_destroy(&ioas->rwsem);
	port_free(ioas);
}

bool usable_next(struct usable *usable, struct iommu_iova_range *range)
{
	const struct reserved *r = usable->reserved;

	for (; !usable->end && r && r->first <= usable->at; r = r->next) {
		usable->end = r->last == UINT64_MAX;
		usable->at = port_max(usable->at, r->last + 1);
	}
	if (usable->end)
		return false;
	range->start = usable->at;
	range->last = r ? r->first - 1 : UINT64_MAX;
	usable->end = !r;
	usable->at = range->last + 1;
	usable->reserved = r;
	return true;
}

/* As many as fit the caller's array, of @room; *@count gets how many there are. */
static int list_usable(struct ioas *ioas, u64 uaddr, u32 room, u32 *count)
{
	struct usable usable = { .reserved = ioas->reserved };
	struct iommu_iova_range range;
	int err = 0;

	for (*count = 0; usable_next(&usable, &range); ++*count)
		if (*count < room && !err)
			err = port_copy_to_user(uaddr + *count * sizeof(range), &range,
						sizeof(range));
	return err;
}

int ioas_iova_ranges_ioctl(struct ucmd *ucmd)
{
	struct iommu_ioas_iova_ranges *cmd = ucmd->arg;
	struct ioas *ioas;
	u32 room = cmd->num_iovas;
	int err, reply;

	if (cmd->__reserved)
		return -EOPNOTSUPP;
	ioas = object_get(ucmd->ctx, cmd->ioas_id, OBJECT_IOAS);
	if (!ioas)
		return -ENOENT;
	port_rwsem_read(&ioas->rwsem);
	cmd->out_iova_alignment = ioas->alignment;
	err = list_usable(ioas, cmd->allowed_iovas, room, &cmd->num_iovas);
	port_rwsem_read_end(&ioas->rwsem);
	object_put(&ioas->obj);
	if (err)
		return err;
	reply = ucmd_reply(ucmd);
	if (reply)
		return reply;
	return cmd->num_iovas > room ? -EMSGSIZE : 0;
}

static int read_allowed(u64 uaddr, u32 n, struct iommu_iova_range **out)
{
	struct iommu_iova_range *ranges;
	int err;

	if (n > MAX_ALLOWED)
		return -ENOMEM;
	ranges = port_alloc(n * sizeof(*ranges));
	if (!ranges)
		return -ENOMEM;
	err = port_copy_from_user(ranges, uaddr, n * sizeof(*ranges));
	for (u32 i = 0; !err && i < n; i++) {
		if (ranges[i].start >= ranges[i].last)
			err = -EINVAL;
		for (u32 j = 0; !err && j < i; j++)
			if (ranges[i].start <= ranges[j].last && ranges[j].start <= ranges[i].last)
				err = -EINVAL;
	}
	if (err) {
		port_free(ranges);
		return err;
	}
	*out = ranges;
	return 0;
}

static bool hits_reserved(struct ioas *ioas, const struct iommu_iova_range *ranges, u32 n)
{
	for (struct reserved *r = ioas->reserved; r; r = r->next)
		for (u32 i = 0; i < n; i++)
			if (ranges[i].start <= r->last && r->first <= ranges[i].last)
				return true;
	return false;
}

int ioas_allow_iovas_ioctl(struct ucmd *ucmd)
{
	struct iommu_ioas_allow_iovas *cmd = ucmd->arg;
	struct iommu_iova_range *ranges = NULL;
	struct ioas *ioas;
	int err = 0;

	if (cmd->__reserved)
		return -EOPNOTSUPP;
	ioas = object_get(ucmd->ctx, cmd->ioas_id, OBJECT_IOAS);
	if (!ioas)
		return -ENOENT;
	if (cmd->num_iovas)
		err = read_allowed(cmd->allowed_iovas, cmd->num_iovas, &ranges);
	if (err)
		goto put;
	port_rwsem_write(&ioas->rwsem);
	if (hits_reserved(ioas, ranges, cmd->num_iovas)) {
		err = -EADDRINUSE;
		port_free(ranges);
	} else {
		port_free(ioas->allowed);
		ioas->allowed = ranges;
		ioas->num_allowed = cmd->num_iovas;
		ioas->hint = 0;
	}
	port_rwsem_write_end(&ioas->rwsem);
put:
	object_put(&ioas->obj);
	return err;
}

#define MAP_PROT (IOMMU_IOAS_MAP_READABLE | IOMMU_IOAS_MAP_WRITEABLE)
#define MAP_FLAGS (IOMMU_IOAS_MAP_FIXED_IOVA | MAP_PROT)

static unsigned int prot_of(u32 flags)
{
	return (flags & IOMMU_IOAS_MAP_READABLE ? PGT_READ : 0) |
	       (flags & IOMMU_IOAS_MAP_WRITEABLE ? PGT_WRITE : 0);
}

/* Map all of @pages into @ioas, tell the caller where, put both. */
static int map_and_put(struct ucmd *ucmd, struct ioas *ioas, struct iopages *pages, u32 flags,
		       u64 length, u64 uaddr, __u64 *iova)
{
	u64 at = *iova, unmapped;
	int err;

	port_rwsem_write(&ioas->rwsem);
	err = ioas_map_pages(ioas, pages, 0, length, prot_of(flags),
			     flags & IOMMU_IOAS_MAP_FIXED_IOVA, uaddr, &at);
	port_rwsem_write_end(&ioas->rwsem);
	if (!err) {
		*iova = at;
		err = ucmd_reply(ucmd);
		if (err)
			ioas_unmap(ioas, at, at + length - 1, false, &unmapped);
	}
	iopages_put(pages);
	object_put(&ioas->obj);
	return err;
}

int ioas_map_ioctl(struct ucmd *ucmd)
{
	struct iommu_ioas_map *cmd = ucmd->arg;
	struct iopages *pages;
	struct ioas *ioas;
	int err;

	if (cmd->flags & ~MAP_FLAGS || cmd->__reserved)
		return -EOPNOTSUPP;
	if (cmd->iova == UINT64_MAX || cmd->length == UINT64_MAX)
		return -EOVERFLOW;
	if (!(cmd->flags & MAP_PROT))
		return -EINVAL;
	ioas = object_get(ucmd->ctx, cmd->ioas_id, OBJECT_IOAS);
	if (!ioas)
		return -ENOENT;
	pages = iopages_from_user(ucmd->ctx, cmd->user_va, cmd->length,
				  cmd->flags & IOMMU_IOAS_MAP_WRITEABLE, &err);
	if (!pages) {
		object_put(&ioas->obj);
		return err;
	}
	return map_and_put(ucmd, ioas, pages, cmd->flags, cmd->length, cmd->user_va, &cmd->iova);
}

int ioas_map_file_ioctl(struct ucmd *ucmd)
{
	struct iommu_ioas_map_file *cmd = ucmd->arg;
	struct iopages *pages;
	struct ioas *ioas;
	int err;

	if (cmd->flags & ~MAP_FLAGS)
		return -EOPNOTSUPP;
	if (cmd->iova == UINT64_MAX || cmd->length == UINT64_MAX)
		return -EOVERFLOW;
	if (!(cmd->flags & MAP_PROT))
		return -EINVAL;
	ioas = object_get(ucmd->ctx, cmd->ioas_id, OBJECT_IOAS);
	if (!ioas)
		return -ENOENT;
	pages = iopages_from_file(ucmd->ctx, cmd->fd, cmd->start, cmd->length,
				  cmd->flags & IOMMU_IOAS_MAP_WRITEABLE, &err);
	if (!pages) {
		object_put(&ioas->obj);
		return err;
	}
	return map_and_put(ucmd, ioas, pages, cmd->flags, cmd->length, cmd->start, &cmd->iova);
}

/* One area's share of a copy: which bytes of which pages. */
struct piece {
	struct piece *next;
	struct iopages *pages; /* referenced */
	u64 offset, length;
};

static void put_pieces(struct piece *piece)
{
	while (piece) {
		struct piece *next = piece->next;

		iopages_put(piece->pages);
		port_free(piece);
		piece = next;
	}
}

/* The areas under [first, last] of @ioas, in order; NULL with *@err. */
static struct piece *get_pieces(struct ioas *ioas, u64 first, u64 last, bool writable, int *err)
{
	struct piece *pieces = NULL, **tail = &pieces;
	struct area *area = NULL;

	port_rwsem_read(&ioas->rwsem);
	*err = -ENOENT;
	if (ioas_covered(ioas, first, last))
		area = ioas_area_at(ioas, first);
	for (; area && area->node.key <= last; area = area_of(port_map_next(&area->node))) {
		u64 from = port_max(first, area->node.key), to = port_min(last, area->last);
		struct piece *piece = NULL;

		*err = -EPERM;
		if (!writable || area->pages->writable) {
			*err = -ENOMEM;
			piece = port_alloc(sizeof(*piece));
		}
		if (!piece) {
			put_pieces(pieces);
			pieces = NULL;
			break;
		}
		piece->pages = area->pages;
		piece->offset = area->offset + (from - area->node.key);
		piece->length = to - from + 1;
		iopages_hold(piece->pages);
		*tail = piece;
		tail = &piece->next;
	}
	port_rwsem_read_end(&ioas->rwsem);
	return pieces;
}

static int map_pieces(struct ioas *ioas, struct piece *pieces, u32 flags, u64 length, u64 *iova)
{
	bool fixed = flags & IOMMU_IOAS_MAP_FIXED_IOVA;
	u64 at, done = 0;
	int err = 0;

	port_rwsem_write(&ioas->rwsem);
	/* A place for the whole, before the first piece goes there. */
	if (length & (ioas->alignment - 1))
		err = -EINVAL;
	else if (fixed)
		err = ioas_check_iova(ioas, *iova, length);
	else
		err = ioas_pick_iova(ioas,
				     pieces->pages->base + pieces->pages->skip + pieces->offset,
				     length, iova);
	for (struct piece *p = pieces; !err && p; p = p->next) {
		at = *iova + done;
		err = ioas_map_pages(ioas, p->pages, p->offset, p->length, prot_of(flags), true, 0,
				     &at);
		if (!err)
			done += p->length;
	}
	if (err && done)
		ioas_remove_areas(ioas, *iova, *iova + done - 1);
	port_rwsem_write_end(&ioas->rwsem);
	return err;
}

int ioas_copy_ioctl(struct ucmd *ucmd)
{
	struct iommu_ioas_copy *cmd = ucmd->arg;
	struct ioas *src, *dst = NULL;
	struct piece *pieces;
	u64 at, unmapped;
	int err;

	if (cmd->flags & ~MAP_FLAGS)
		return -EOPNOTSUPP;
	if (cmd->length == UINT64_MAX || cmd->src_iova == UINT64_MAX || cmd->dst_iova == UINT64_MAX)
		return -EOVERFLOW;
	if (!(cmd->flags & MAP_PROT) || !cmd->length)
		return -EINVAL;
	if (cmd->src_iova + cmd->length - 1 < cmd->src_iova)
		return -EOVERFLOW;
	src = object_get(ucmd->ctx, cmd->src_ioas_id, OBJECT_IOAS);
	if (!src)
		return -ENOENT;
	pieces = get_pieces(src, cmd->src_iova, cmd->src_iova + cmd->length - 1,
			    cmd->flags & IOMMU_IOAS_MAP_WRITEABLE, &err);
	object_put(&src->obj);
	if (!pieces)
		return err;

	dst = object_get(ucmd->ctx, cmd->dst_ioas_id, OBJECT_IOAS);
	if (!dst) {
		err = -ENOENT;
		goto put;
	}
	at = cmd->dst_iova;
	err = map_pieces(dst, pieces, cmd->flags, cmd->length, &at);
	if (!err) {
		cmd->dst_iova = at;
		err = ucmd_reply(ucmd);
		if (err)
			ioas_unmap(dst, at, at + cmd->length - 1, false, &unmapped);
	}
	object_put(&dst->obj);
put:
	put_pieces(pieces);
	return err;
}

int ioas_unmap_ioctl(struct ucmd *ucmd)
{
	struct iommu_ioas_unmap *cmd = ucmd->arg;
	bool all = cmd->iova == 0 && cmd->length == UINT64_MAX;
	u64 last = all ? UINT64_MAX : cmd->iova + cmd->length - 1;
	struct ioas *ioas;
	u64 unmapped;
	int err;

	ioas = object_get(ucmd->ctx, cmd->ioas_id, OBJECT_IOAS);
	if (!ioas)
		return -ENOENT;
	if (!cmd->length)
		err = -EINVAL;
	else if (last < cmd->iova)
		err = -EOVERFLOW;
	else
		err = ioas_unmap(ioas, cmd->iova, last, all, &unmapped);
	object_put(&ioas->obj);
	if (err)
		return err;
	cmd->length = unmapped;
	return ucmd_reply(ucmd);
}

/* Only memory that belongs to a file can change hands. */
static bool all_from_files(struct ioas *ioas)
{
	struct area *area;

	port_rwsem_read(&ioas->rwsem);
	area = area_of(port_map_ceil(&ioas->areas, 0));
	while (area && area->pages->file)
		area = area_of(port_map_next(&area->node));
	port_rwsem_read_end(&ioas->rwsem);
	return !area;
}

int ioas_change_process_ioctl(struct ucmd *ucmd)
{
	struct iommu_ioas_change_process *cmd = ucmd->arg;

	if (cmd->__reserved)
		return -EOPNOTSUPP;
	/* The limit is the descriptor's, so there is no count to move. */
	for (u32 id = 0;;) {
		struct ioas *ioas = object_next(ucmd->ctx, OBJECT_IOAS, id);
		bool ok;

		if (!ioas)
			return 0;
		id = ioas->obj.id;
		ok = all_from_files(ioas);
		object_put(&ioas->obj);
		if (!ok)
			return -EINVAL;
	}
}
