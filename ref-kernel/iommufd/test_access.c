/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * IOMMU_TEST_CMD: an access as a descriptor, so that a test can be the mdev
 * driver that pins, reads and writes behind an IOAS (access.c).
 */
#include "core.h"

#define MAX_ACCESS_LENGTH (16ULL << 20)

/* One ACCESS_PAGES that has not been undone. */
struct access_item {
	struct access_item *next;
	u32 id;
	u64 iova, length;
};

/* An access as a descriptor, with what it has pinned. */
struct test_access {
	struct access *access;
	struct port_mutex lock; /* items; outside access->lock */
	struct access_item *items;
	u32 next_item;
};

static struct access_item *take_item(struct test_access *ta, u32 id)
{
	struct access_item **at = &ta->items, *item;

	while ((item = *at) && item->id != id)
		at = &item->next;
	if (item)
		*at = item->next;
	return item;
}

static void unmap_items(void *data, u64 iova, u64 length)
{
	struct test_access *ta = data;
	struct access_item **at = &ta->items, *item;
	u64 last = length == UINT64_MAX ? UINT64_MAX : iova + length - 1;

	port_mutex_lock(&ta->lock);
	while ((item = *at)) {
		if (item->iova > last || item->iova + item->length - 1 < iova) {
			at = &item->next;
			continue;
		}
		*at = item->next;
		access_unpin_pages(ta->access, item->iova, item->length);
		port_free(item);
	}
	port_mutex_unlock(&ta->lock);
}

static void free_test_access(void *data)
{
	struct test_access *ta = data;

	port_mutex_destroy(&ta->lock);
	port_free(ta);
}

static const struct access_ops pinning_ops = {
	.needs_pin = true,
	.unmap = unmap_items,
	.release = free_test_access,
};

static const struct access_ops copying_ops = {
	.unmap = unmap_items,
	.release = free_test_access,
};

static void close_access(void *priv)
{
	struct test_access *ta = priv;

	access_destroy(ta->access);
}

static const struct port_fd_ops access_fd_ops = { .release = close_access };

int test_create_access(struct ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->arg;
	const struct access_ops *ops = &copying_ops;
	struct test_access *ta;
	int fd, err;

	if (cmd->create_access.flags & ~MOCK_FLAGS_ACCESS_CREATE_NEEDS_PIN_PAGES)
		return -EOPNOTSUPP;
	if (cmd->create_access.flags)
		ops = &pinning_ops;
	ta = port_alloc(sizeof(*ta));
	if (!ta)
		return -ENOMEM;
	port_mutex_init(&ta->lock);
	ta->next_item = 1;
	ta->access = access_create(ucmd->ctx, ops, ta, &err);
	if (!ta->access) {
		free_test_access(ta);
		return err;
	}
	err = access_replace(ta->access, cmd->id);
	if (err)
		goto destroy;
	fd = port_fd_install(&access_fd_ops, ta);
	if (fd < 0) {
		err = fd;
		goto destroy;
	}
	cmd->create_access.out_access_fd = (u32)fd;
	err = ucmd_reply(ucmd);
	if (err)
		port_fd_close(fd);
	return err;
destroy:
	access_destroy(ta->access);
	return err;
}

/* Are @phys the pages behind the caller's page-aligned @uptr? */
static int compare_pages(const u64 *phys, u64 npages, u64 uptr)
{
	struct page_run theirs = {}, ours = {};
	struct port_mm *mm = port_mm_get();
	struct port_pin pin;
	u64 user_phys;
	int err;

	err = port_pin(&pin, mm, uptr, npages, false);
	port_mm_put(mm);
	if (err)
		return err;
	for (u64 i = 0; !err && i < npages; i++) {
		port_pin_run(&pin, i, 1, &user_phys);
		if (!page_is_same(&theirs, user_phys, &ours, phys[i]))
			err = -EBADE;
	}
	port_unpin(&pin);
	return err;
}

static int pin_item(struct ucmd *ucmd, struct test_access *ta)
{
	struct iommu_test_cmd *cmd = ucmd->arg;
	u64 iova = cmd->access_pages.iova, length = cmd->access_pages.length;
	u64 uptr = cmd->access_pages.uptr;
	bool write = cmd->access_pages.flags & MOCK_FLAGS_ACCESS_WRITE;
	u64 npages = ((iova + length - 1) >> PORT_PAGE_LG2) - (iova >> PORT_PAGE_LG2) + 1;
	struct access_item *item;
	u64 *phys;
	int err;

	/* The caller has ruled out no length and a wrap. */
	phys = port_alloc(npages * sizeof(*phys));
	item = port_alloc(sizeof(*item));
	err = -ENOMEM;
	if (!phys || !item)
		goto free;
	port_mutex_lock(&ta->lock);
	err = access_pin_pages(ta->access, iova, length, write, phys);
	if (err)
		goto unlock;
	/* Without an address there is nothing to compare with. */
	if (uptr && !(cmd->access_pages.flags & MOCK_FLAGS_ACCESS_SYZ))
		err = compare_pages(phys, npages, uptr - (iova & (PORT_PAGE_SIZE - 1)));
	if (!err) {
		cmd->access_pages.out_access_pages_id = item->id = ta->next_item++;
		err = ucmd_reply(ucmd);
	}
	if (err) {
		access_unpin_pages(ta->access, iova, length);
		goto unlock;
	}
	item->iova = iova;
	item->length = length;
	item->next = ta->items;
	ta->items = item;
	item = NULL;
unlock:
	port_mutex_unlock(&ta->lock);
free:
	port_free(item);
	port_free(phys);
	return err;
}

static int access_pages(struct ucmd *ucmd, struct test_access *ta)
{
	struct iommu_test_cmd *cmd = ucmd->arg;
	u64 iova = cmd->access_pages.iova, length = cmd->access_pages.length;

	if (cmd->access_pages.flags & ~(MOCK_FLAGS_ACCESS_WRITE | MOCK_FLAGS_ACCESS_SYZ))
		return -EOPNOTSUPP;
	if (length > MAX_ACCESS_LENGTH)
		return -ENOMEM;
	if (ta->access->ops != &pinning_ops)
		return -EOPNOTSUPP;
	if (!length)
		return -EINVAL;
	if (iova + length - 1 < iova)
		return -EOVERFLOW;
	return pin_item(ucmd, ta);
}

static int destroy_pages(struct test_access *ta, u32 id)
{
	struct access_item *item;

	port_mutex_lock(&ta->lock);
	item = take_item(ta, id);
	if (item)
		access_unpin_pages(ta->access, item->iova, item->length);
	port_mutex_unlock(&ta->lock);
	if (!item)
		return -ENOENT;
	port_free(item);
	return 0;
}

static int rw(struct iommu_test_cmd *cmd, struct test_access *ta)
{
	u64 length = cmd->access_rw.length, uptr = cmd->access_rw.uptr;
	bool write = cmd->access_rw.flags & MOCK_ACCESS_RW_WRITE;
	void *buf;
	int err = 0;

	if (cmd->access_rw.flags & ~(MOCK_ACCESS_RW_WRITE | MOCK_ACCESS_RW_SLOW_PATH))
		return -EOPNOTSUPP;
	if (length > MAX_ACCESS_LENGTH)
		return -ENOMEM;
	buf = port_alloc(length ? length : 1);
	if (!buf)
		return -ENOMEM;
	if (write)
		err = port_copy_from_user(buf, uptr, length);
	if (!err)
		err = access_rw(ta->access, cmd->access_rw.iova, buf, length, write);
	if (!err && !write)
		err = port_copy_to_user(uptr, buf, length);
	port_free(buf);
	return err;
}

/* The operations on an access descriptor, which cmd->id names. */
int test_access_op(struct ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->arg;
	struct port_fd *held;
	struct test_access *ta = port_fd_get((int)cmd->id, &access_fd_ops, &held);
	int err = -EOPNOTSUPP;

	if (!ta)
		return -EBADF;
	switch (cmd->op) {
	case IOMMU_TEST_OP_ACCESS_PAGES:
		err = access_pages(ucmd, ta);
		break;
	case IOMMU_TEST_OP_DESTROY_ACCESS_PAGES:
		err = destroy_pages(ta, cmd->destroy_access_pages.access_pages_id);
		break;
	case IOMMU_TEST_OP_ACCESS_RW:
		err = rw(cmd, ta);
		break;
	case IOMMU_TEST_OP_ACCESS_REPLACE_IOAS:
		err = access_replace(ta->access, cmd->access_replace_ioas.ioas_id);
		break;
	}
	port_fd_put(held);
	return err;
}
