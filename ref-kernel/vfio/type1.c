/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * VFIO type1 (drivers/vfio/vfio_iommu_type1.c): the address space of a container, an
 * IOAS of an iommufd of its own. Each MAP_DMA is one area of it, and has a record here, by
 * which its dirty bits are kept (type1_dirty.c).
 *
 * Of the first version too a mapping goes as a whole: an unmap that holds its first page
 * takes it, one that begins later takes nothing.
 */
#include "container.h"

static struct type1_mapping *mapping_at(struct type1 *t, u64 iova)
{
	return type1_first(t, iova, iova);
}

struct type1_mapping *type1_first(struct type1 *t, u64 first, u64 last)
{
	struct type1_mapping *m = type1_mapping_of(port_map_floor(&t->mappings, first));

	if (m && m->last >= first)
		return m;
	m = type1_mapping_of(port_map_ceil(&t->mappings, first));
	return m && m->node.key <= last ? m : NULL;
}

bool type1_bisects(struct type1 *t, u64 iova, u64 size)
{
	u64 last = iova + size - 1;
	struct type1_mapping *head = mapping_at(t, iova), *tail = mapping_at(t, last);

	return (head && head->node.key < iova) || (tail && tail->last > last);
}

/* Who is in the container has changed. */
static void update_page_sizes(struct type1 *t)
{
	port_rwsem_read(&t->ioas->rwsem);
	t->page_sizes = vfio_page_sizes(t->ioas);
	port_rwsem_read_end(&t->ioas->rwsem);
}

/* ---- its life ---- */

struct type1 *type1_create(struct vfio_container *container, u64 type, int *err)
{
	struct type1 *t;

	*err = -ENODEV;
	if (type != VFIO_TYPE1_IOMMU && type != VFIO_TYPE1v2_IOMMU)
		return NULL;
	*err = -ENOMEM;
	t = port_alloc(sizeof(*t));
	if (!t)
		return NULL;
	t->ctx = iommufd_open();
	if (!t->ctx)
		goto free;
	*err = vfio_compat_make_ioas(t->ctx);
	if (*err)
		goto put_ctx;
	*err = -ENOMEM;
	t->ioas = object_get_vfio_ioas(t->ctx);
	if (!t->ioas)
		goto put_ctx;
	t->container = container;
	t->v2 = type == VFIO_TYPE1v2_IOMMU;
	t->avail = TYPE1_MAPPINGS_MAX;
	port_map_init(&t->mappings);
	port_mutex_init(&t->dirty_lock);
	return t;
put_ctx:
	ctx_put(t->ctx);
free:
	port_free(t);
	return NULL;
}

static void free_mapping(struct type1_mapping *m)
{
	port_free(m->dirty);
	port_free(m);
}

void type1_destroy(struct type1 *t)
{
	struct type1_mapping *m;

	while ((m = type1_first(t, 0, UINT64_MAX))) {
		port_map_erase(&t->mappings, &m->node);
		free_mapping(m);
	}
	object_put(&t->ioas->obj);
	ctx_put(t->ctx);
	port_mutex_destroy(&t->dirty_lock);
	port_free(t);
}

static bool is_software(const struct vfio_group *group)
{
	return group->dev->plug.kind == IODIRTY_VFIO_MDEV;
}

int type1_attach(struct type1 *t, struct vfio_group *group)
{
	int err;

	port_mutex_lock(&group->dev->lock);
	err = vfio_group_bind(group, t->ctx, t->ioas->obj.id, t->container);
	port_mutex_unlock(&group->dev->lock);
	if (err)
		return err;
	if (is_software(group))
		t->software++;
	else
		t->unaware++;
	update_page_sizes(t);
	return 0;
}

/* What such a device wrote until now nobody has noted: it is dirty with all the rest. */
void type1_detach(struct type1 *t, struct vfio_group *group)
{
	port_mutex_lock(&group->dev->lock);
	vfio_backing_unbind(group->dev);
	port_mutex_unlock(&group->dev->lock);
	update_page_sizes(t);
	if (is_software(group)) {
		t->software--;
		return;
	}
	t->unaware--;
	type1_mark_all(t);
}

/* ---- map and unmap ---- */

static int check_map(struct type1 *t, const struct vfio_iommu_type1_dma_map *cmd)
{
	u64 page = 1ULL << type1_page_lg2(t);

	if (!cmd->size || (cmd->size | cmd->iova | cmd->vaddr) & (page - 1))
		return -EINVAL;
	if (cmd->iova + cmd->size - 1 < cmd->iova || cmd->vaddr + cmd->size - 1 < cmd->vaddr)
		return -EINVAL;
	if (type1_first(t, cmd->iova, cmd->iova + cmd->size - 1))
		return -EEXIST;
	return t->avail ? 0 : -ENOSPC;
}

static void erase(struct type1 *t, struct type1_mapping *m)
{
	port_mutex_lock(&t->dirty_lock);
	port_map_erase(&t->mappings, &m->node);
	port_mutex_unlock(&t->dirty_lock);
}

static int map_dma(struct type1 *t, u64 uptr)
{
	struct vfio_iommu_type1_dma_map cmd;
	struct type1_mapping *m;
	int err = vfio_map_arg(uptr, &cmd);

	if (!err)
		err = check_map(t, &cmd);
	if (err)
		return err;
	m = port_alloc(sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->node.key = cmd.iova;
	m->last = cmd.iova + cmd.size - 1;
	m->writable = cmd.flags & VFIO_DMA_MAP_FLAG_WRITE;
	err = t->tracking ? type1_bits_alloc(t, m) : 0;
	if (err)
		goto free;
	/* There before its area: once a device can write there, it can be marked. */
	port_mutex_lock(&t->dirty_lock);
	port_map_insert(&t->mappings, &m->node);
	port_mutex_unlock(&t->dirty_lock);
	err = vfio_map(t->ioas, &cmd);
	if (err) {
		erase(t, m);
		goto free;
	}
	t->avail--;
	return 0;
free:
	free_mapping(m);
	return err;
}

/* struct vfio_iommu_type1_dma_unmap, and what follows it with GET_DIRTY_BITMAP. */
struct unmap_head {
	u32 argsz, flags;
	u64 iova, size;
};

struct unmap {
	struct unmap_head cmd;
	struct vfio_bitmap bitmap;
};

#define UNMAP_FLAGS \
	(VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP | VFIO_DMA_UNMAP_FLAG_ALL | VFIO_DMA_UNMAP_FLAG_VADDR)

static int read_unmap(struct type1 *t, u64 uptr, struct unmap *unmap)
{
	struct unmap_head *cmd = &unmap->cmd;
	bool bits;
	int err = vfio_copy_arg(cmd, uptr, sizeof(*cmd));

	if (err)
		return err;
	bits = cmd->flags & VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP;
	if (cmd->flags & ~UNMAP_FLAGS || (bits && cmd->flags & (cmd->flags - 1)))
		return -EINVAL;
	if (bits && cmd->argsz < sizeof(*unmap))
		return -EINVAL;
	/* No new address can be given to a mapping here (VFIO_UPDATE_VADDR). */
	if (cmd->flags & VFIO_DMA_UNMAP_FLAG_VADDR)
		return t->software ? -EBUSY : -EINVAL;
	return bits ? port_copy_from_user(&unmap->bitmap, uptr + sizeof(*cmd),
					  sizeof(unmap->bitmap)) :
		      0;
}

/* Sets the range of ALL. */
static int check_unmap(struct type1 *t, struct unmap *unmap, u64 *last)
{
	struct unmap_head *cmd = &unmap->cmd;
	u64 page = 1ULL << type1_page_lg2(t);

	*last = cmd->iova + cmd->size - 1;
	if (cmd->flags & VFIO_DMA_UNMAP_FLAG_ALL) {
		*last = UINT64_MAX;
		return cmd->iova || cmd->size ? -EINVAL : 0;
	}
	if (!cmd->size || (cmd->iova | cmd->size) & (page - 1) || *last < cmd->iova)
		return -EINVAL;
	if (t->v2 && type1_bisects(t, cmd->iova, cmd->size))
		return -EINVAL;
	if (!(cmd->flags & VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP))
		return 0;
	return t->tracking ? type1_check_bitmap(t, &unmap->bitmap, cmd->size) : -EINVAL;
}

/* The caller has it all before anything is gone: then nothing can go wrong any more but an
 * access that does not let go. dirty_lock held. */
static int tell(struct type1 *t, u64 uptr, struct unmap *unmap, u64 last, u64 unmapped)
{
	u64 iova = unmap->cmd.iova;
	int err = 0;

	if (unmap->cmd.flags & VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP)
		err = type1_deliver(t, iova, last, &unmap->bitmap);
	unmap->cmd.size = unmapped;
	return err ? err : port_copy_to_user(uptr, &unmap->cmd, sizeof(unmap->cmd));
}

/* Take the records of [first, last], all whole, out: writes of software devices fail from
 * here on. dirty_lock held. */
static void take(struct type1 *t, u64 first, u64 last, struct port_map *taken)
{
	struct type1_mapping *m;

	while ((m = type1_first(t, first, last))) {
		port_map_erase(&t->mappings, &m->node);
		port_map_insert(taken, &m->node);
	}
}

/* Those whose areas are still there come back, bits and all. */
static void settle(struct type1 *t, struct port_map *taken)
{
	struct type1_mapping *m;

	while ((m = type1_mapping_of(port_map_ceil(taken, 0)))) {
		bool there;

		port_map_erase(taken, &m->node);
		port_rwsem_read(&t->ioas->rwsem);
		there = ioas_area_at(t->ioas, m->node.key);
		port_rwsem_read_end(&t->ioas->rwsem);
		if (!there) {
			free_mapping(m);
			t->avail++;
			continue;
		}
		port_mutex_lock(&t->dirty_lock);
		port_map_insert(&t->mappings, &m->node);
		port_mutex_unlock(&t->dirty_lock);
	}
}

static int unmap_dma(struct type1 *t, u64 uptr)
{
	struct unmap unmap = { 0 };
	struct type1_mapping *m;
	struct port_map taken;
	u64 first, last, unmapped = 0;
	int err = read_unmap(t, uptr, &unmap);

	if (!err)
		err = check_unmap(t, &unmap, &last);
	if (err)
		return err;
	first = unmap.cmd.iova;
	m = type1_first(t, first, last);
	if (m && m->node.key < first)
		m = NULL; /* the first version: it begins in the middle */
	for (; m && m->node.key <= last; m = type1_next(m)) {
		unmapped += m->last - m->node.key + 1;
		last = port_max(last, m->last);
	}
	port_map_init(&taken);
	port_mutex_lock(&t->dirty_lock);
	err = tell(t, uptr, &unmap, last, unmapped);
	if (!err && unmapped)
		take(t, first, last, &taken);
	port_mutex_unlock(&t->dirty_lock);
	if (err || !unmapped)
		return err;
	err = ioas_unmap(t->ioas, first, last, false, &unmap.cmd.size);
	settle(t, &taken);
	if (err)
		port_copy_to_user(uptr, &unmap.cmd, sizeof(unmap.cmd));
	return err;
}

static int get_info(struct type1 *t, u64 uptr)
{
	struct vfio_iommu_type1_info info;
	struct vfio_info_more more = { .page_sizes = t->page_sizes, .avail = t->avail };
	int err = vfio_info_arg(uptr, &info);

	if (err)
		return err;
	more.migration = (struct vfio_iommu_type1_info_cap_migration){
		.header = { .id = VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION, .version = 1 },
		.pgsize_bitmap = 1ULL << type1_page_lg2(t),
		.max_dirty_bitmap_size = TYPE1_BITMAP_MAX,
	};
	port_rwsem_read(&t->ioas->rwsem);
	err = vfio_info_reply(t->ioas, uptr, &info, &more);
	port_rwsem_read_end(&t->ioas->rwsem);
	return err;
}

long type1_ioctl(struct type1 *t, unsigned int cmd, u64 arg)
{
	switch (cmd) {
	case VFIO_IOMMU_GET_INFO:
		return get_info(t, arg);
	case VFIO_IOMMU_MAP_DMA:
		return map_dma(t, arg);
	case VFIO_IOMMU_UNMAP_DMA:
		return unmap_dma(t, arg);
	case VFIO_IOMMU_DIRTY_PAGES:
		return t->v2 ? type1_dirty_pages(t, arg) : -EACCES;
	default:
		return -ENOTTY;
	}
}
