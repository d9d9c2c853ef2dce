/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * IOMMU_TEST_CMD: the kernel's own test interface, so that the kernel's
 * selftests run here and our tests on the kernel's mock. What each operation
 * must do is read off drivers/iommu/iommufd/selftest.c of Linux 6.12.
 */
#include "core.h"

#define MAX_DIRTY_BITMAP (16ULL << 20) /* bytes */
#define REFS_AT_ONCE (1 << 16) /* pages that MD_CHECK_REFS looks at in one go */

/* ---- mock devices ---- */

struct selftest {
	struct object obj;
	struct device *dev; /* referenced */
};

void selftest_release(struct object *obj)
{
	struct selftest *st = (struct selftest *)obj;

	device_unplug(st->dev);
	object_put(&st->dev->obj);
	port_free(st);
}

/*
 * The leaves of Linux's mock (6.12): 2 KiB, and 1 MiB where asked for; 0: all.
 * Its selftests count on no other size.
 */
static u64 mock_leaf_sizes(const char *format, u32 dev_flags)
{
	u64 sizes = MOCK_PAGE_SIZE;

	if (strcmp(format, "mock"))
		return 0;
	if (dev_flags & MOCK_FLAGS_DEVICE_HUGE_IOVA)
		sizes |= MOCK_HUGE_PAGE_SIZE;
	return sizes;
}

static struct selftest *selftest_create(struct iommufd_ctx *ctx, u32 dev_flags, int *err)
{
	const char *format = ctx->test_format;
	struct iodirty_plug plug = {};
	struct selftest *st;

	memcpy(plug.format, format, port_min(strlen(format), sizeof(plug.format) - 1));
	if (dev_flags & MOCK_FLAGS_DEVICE_NO_DIRTY)
		plug.flags |= IODIRTY_PLUG_NO_DIRTY;
	if (dev_flags & MOCK_FLAGS_DEVICE_PASID)
		plug.pasid_width = MOCK_PASID_WIDTH;
	st = object_alloc(ctx, sizeof(*st), OBJECT_SELFTEST);
	if (!st) {
		*err = -ENOMEM;
		return NULL;
	}
	st->dev = device_plug(ctx, &plug, mock_leaf_sizes(format, dev_flags), err);
	if (!st->dev) {
		object_abort(&st->obj);
		return NULL;
	}
	object_hold(&st->dev->obj);
	object_publish(&st->dev->obj);
	return st;
}

static int mock_domain(struct ucmd *ucmd, u32 dev_flags)
{
	struct iommu_test_cmd *cmd = ucmd->arg;
	struct selftest *st;
	int err;

	if (dev_flags &
	    ~(MOCK_FLAGS_DEVICE_NO_DIRTY | MOCK_FLAGS_DEVICE_HUGE_IOVA | MOCK_FLAGS_DEVICE_PASID))
		return -EOPNOTSUPP;
	st = selftest_create(ucmd->ctx, dev_flags, &err);
	if (!st)
		return err;
	cmd->mock_domain.out_stdev_id = st->obj.id;
	cmd->mock_domain.out_idev_id = st->dev->obj.id;
	err = device_attach(st->dev, 0, cmd->id, false, &cmd->mock_domain.out_hwpt_id, ucmd);
	if (err) {
		device_unplug(st->dev);
		object_put(&st->dev->obj);
		object_abort(&st->obj);
		return err;
	}
	object_publish(&st->obj);
	return 0;
}

/* The operations on a mock device's attachments. */
static int device_op(struct ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->arg;
	struct selftest *st = object_get(ucmd->ctx, cmd->id, OBJECT_SELFTEST);
	int err = 0;

	if (!st)
		return -ENOENT;
	switch (cmd->op) {
	case IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE:
		err = device_attach(st->dev, 0, cmd->mock_domain_replace.pt_id, true,
				    &cmd->mock_domain_replace.pt_id, ucmd);
		break;
	case IOMMU_TEST_OP_PASID_ATTACH:
		err = device_attach(st->dev, cmd->pasid_attach.pasid, cmd->pasid_attach.pt_id,
				    false, &cmd->pasid_attach.pt_id, ucmd);
		break;
	case IOMMU_TEST_OP_PASID_REPLACE:
		err = device_attach(st->dev, cmd->pasid_replace.pasid, cmd->pasid_replace.pt_id,
				    true, &cmd->pasid_replace.pt_id, ucmd);
		break;
	case IOMMU_TEST_OP_PASID_DETACH:
		device_detach(st->dev, cmd->pasid_detach.pasid);
		break;
	case IOMMU_TEST_OP_PASID_CHECK_HWPT:
		if (device_attached(st->dev, cmd->pasid_check.pasid) != cmd->pasid_check.hwpt_id)
			err = -EINVAL;
		break;
	}
	object_put(&st->obj);
	return err;
}

/* The device asks for a page: no error, whoever answers. */
static int trigger_iopf(struct ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->arg;
	struct iommu_hwpt_pgfault request = {
		.flags = IOMMU_PGFAULT_FLAGS_LAST_PAGE,
		.dev_id = cmd->trigger_iopf.dev_id,
		.pasid = cmd->trigger_iopf.pasid,
		.grpid = cmd->trigger_iopf.grpid,
		.perm = cmd->trigger_iopf.perm,
		.addr = cmd->trigger_iopf.addr,
	};
	struct device *dev = object_get(ucmd->ctx, request.dev_id, OBJECT_DEVICE);

	if (!dev)
		return -ENOENT;
	if (request.pasid)
		request.flags |= IOMMU_PGFAULT_FLAGS_PASID_VALID;
	device_page_request(dev, &request);
	object_put(&dev->obj);
	return 0;
}

/* Only a vIOMMU's invalidations change it, and there are none: it is as it began. */
static int check_dev_cache(struct ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->arg;
	struct device *dev = object_get(ucmd->ctx, cmd->id, OBJECT_DEVICE);

	if (!dev)
		return -ENOENT;
	object_put(&dev->obj);
	if (cmd->check_dev_cache.id > MOCK_DEV_CACHE_ID_MAX ||
	    cmd->check_dev_cache.cache != IOMMU_TEST_DEV_CACHE_DEFAULT)
		return -EINVAL;
	return 0;
}

/* ---- IOAS and HWPT ---- */

static int add_reserved(struct ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->arg;
	u64 first = cmd->add_reserved.start, last = first + cmd->add_reserved.length - 1;
	struct ioas *ioas;
	int err;

	if (!cmd->add_reserved.length)
		return -EINVAL;
	if (last < first)
		return -EOVERFLOW;
	ioas = object_get(ucmd->ctx, cmd->id, OBJECT_IOAS);
	if (!ioas)
		return -ENOENT;
	port_rwsem_write(&ioas->rwsem);
	err = ioas_reserve(ioas, first, last, NULL);
	port_rwsem_write_end(&ioas->rwsem);
	object_put(&ioas->obj);
	return err;
}

/* Does [iova, iova + length) translate to the bytes at @uptr? */
static int compare_map(struct hwpt *hwpt, u64 iova, u64 length, u64 uptr)
{
	u64 in_page = uptr & (PORT_PAGE_SIZE - 1);
	u64 npages = (in_page + length + PORT_PAGE_SIZE - 1) >> PORT_PAGE_LG2;
	struct page_run theirs = {}, ours = {};
	struct port_mm *mm = port_mm_get();
	struct port_pin pin;
	int err;

	err = port_pin(&pin, mm, uptr - in_page, npages, false);
	port_mm_put(mm);
	if (err)
		return err;
	for (u64 done = 0; !err && done < length; done += MOCK_PAGE_SIZE) {
		struct pgt_leaf leaf;
		u64 start, phys;
		bool dirty;

		port_pin_run(&pin, (in_page + done) >> PORT_PAGE_LG2, 1, &phys);
		phys += (in_page + done) & (PORT_PAGE_SIZE - 1);
		err = pgt_leaf(&hwpt->pgt, iova + done, &leaf, &start, &dirty);
		if (!err && !page_is_same(&theirs, phys, &ours, leaf.pa + (iova + done - start)))
			err = -EINVAL;
	}
	port_unpin(&pin);
	return err ? -EINVAL : 0;
}

static int check_map(struct ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->arg;
	u64 iova = cmd->check_map.iova, length = cmd->check_map.length, uptr = cmd->check_map.uptr;
	struct hwpt *hwpt;
	int err;

	if ((iova | length | uptr) & (MOCK_PAGE_SIZE - 1) || !length || uptr + length < uptr)
		return -EINVAL;
	hwpt = object_get(ucmd->ctx, cmd->id, OBJECT_HWPT);
	if (!hwpt)
		return -ENOENT;
	port_rwsem_read(&hwpt->ioas->rwsem);
	err = compare_map(hwpt, iova, length, uptr);
	port_rwsem_read_end(&hwpt->ioas->rwsem);
	object_put(&hwpt->obj);
	return err;
}

/* Is each of the caller's pages held by as many mappings as it says? */
static int check_refs(struct iommu_test_cmd *cmd)
{
	u64 uptr = cmd->check_refs.uptr, length = cmd->check_refs.length;
	u32 *refs;
	int err = 0;

	if ((length | uptr) & (PORT_PAGE_SIZE - 1) || uptr + length < uptr)
		return -EINVAL;
	refs = port_alloc(REFS_AT_ONCE * sizeof(*refs));
	if (!refs)
		return -ENOMEM;
	while (!err && length) {
		u64 n = port_min(length >> PORT_PAGE_LG2, REFS_AT_ONCE);

		err = iopages_count_refs(uptr, n, refs);
		for (u64 i = 0; !err && i < n; i++)
			if (refs[i] != cmd->check_refs.refs)
				err = -EIO;
		uptr += n << PORT_PAGE_LG2;
		length -= n << PORT_PAGE_LG2;
	}
	port_free(refs);
	return err;
}

static int check_iotlb(struct ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->arg;
	u32 id = cmd->check_iotlb.id;
	struct nested *nested = object_get(ucmd->ctx, cmd->id, OBJECT_NESTED);
	int err = -EINVAL;

	if (!nested)
		return -ENOENT;
	port_mutex_lock(&nested->lock);
	if (id <= MOCK_NESTED_DOMAIN_IOTLB_ID_MAX && nested->iotlb[id] == cmd->check_iotlb.iotlb)
		err = 0;
	port_mutex_unlock(&nested->lock);
	object_put(&nested->obj);
	return err;
}

/* Make dirty the pages whose bit is set in @bitmap; counts those mapped. */
static u64 mark_dirty(struct hwpt *hwpt, u64 iova, u64 npages, u64 page_size, const u8 *bitmap)
{
	u64 count = 0;

	for (u64 k = 0; k < npages; k++)
		if (bitmap[k / 8] >> (k % 8) & 1)
			count += !pgt_set_dirty(&hwpt->pgt, iova + k * page_size);
	return count;
}

static int test_dirty(struct ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->arg;
	u64 iova = cmd->dirty.iova, length = cmd->dirty.length, page_size = cmd->dirty.page_size;
	struct hwpt *hwpt;
	u64 npages, bytes;
	u8 *bitmap;
	int err;

	if (!page_size || !length || iova % page_size || length % page_size || !cmd->dirty.uptr)
		return -EINVAL;
	if (iova + length - 1 < iova)
		return -EOVERFLOW;
	npages = length / page_size;
	bytes = npages / 8 + (npages % 8 != 0);
	if (bytes > MAX_DIRTY_BITMAP)
		return -EOVERFLOW;
	hwpt = object_get(ucmd->ctx, cmd->id, OBJECT_HWPT);
	if (!hwpt)
		return -ENOENT;
	err = -ENOMEM;
	bitmap = port_alloc(bytes);
	if (!bitmap)
		goto put;
	err = port_copy_from_user(bitmap, cmd->dirty.uptr, bytes);
	if (err)
		goto free;
	/* Unlike Linux's, not to be raced by an unmap. */
	port_rwsem_read(&hwpt->ioas->rwsem);
	if (hwpt->tracking)
		cmd->dirty.out_nr_dirty = mark_dirty(hwpt, iova, npages, page_size, bitmap);
	else
		err = -EINVAL;
	port_rwsem_read_end(&hwpt->ioas->rwsem);
	if (!err)
		err = ucmd_reply(ucmd);
free:
	port_free(bitmap);
put:
	object_put(&hwpt->obj);
	return err;
}

int test_ioctl(struct ucmd *ucmd)
{
	struct iommu_test_cmd *cmd = ucmd->arg;

	switch (cmd->op) {
	case IOMMU_TEST_OP_ADD_RESERVED:
		return add_reserved(ucmd);
	case IOMMU_TEST_OP_MOCK_DOMAIN:
		return mock_domain(ucmd, 0);
	case IOMMU_TEST_OP_MOCK_DOMAIN_FLAGS:
		return mock_domain(ucmd, cmd->mock_domain_flags.dev_flags);
	case IOMMU_TEST_OP_MOCK_DOMAIN_REPLACE:
	case IOMMU_TEST_OP_PASID_ATTACH:
	case IOMMU_TEST_OP_PASID_REPLACE:
	case IOMMU_TEST_OP_PASID_DETACH:
	case IOMMU_TEST_OP_PASID_CHECK_HWPT:
		return device_op(ucmd);
	case IOMMU_TEST_OP_MD_CHECK_MAP:
		return check_map(ucmd);
	case IOMMU_TEST_OP_DEV_CHECK_CACHE:
		return check_dev_cache(ucmd);
	case IOMMU_TEST_OP_MD_CHECK_REFS:
		return check_refs(cmd);
	case IOMMU_TEST_OP_SET_TEMP_MEMORY_LIMIT:
		/* Linux's scratch memory for pinning, of which we have none: the
		 * least it takes is an address and a count. */
		return cmd->memory_limit.limit < sizeof(u64) + sizeof(u32) ? -EINVAL : 0;
	case IOMMU_TEST_OP_CREATE_ACCESS:
		return test_create_access(ucmd);
	case IOMMU_TEST_OP_ACCESS_PAGES:
	case IOMMU_TEST_OP_DESTROY_ACCESS_PAGES:
	case IOMMU_TEST_OP_ACCESS_RW:
	case IOMMU_TEST_OP_ACCESS_REPLACE_IOAS:
		return test_access_op(ucmd);
	case IOMMU_TEST_OP_DIRTY:
		return test_dirty(ucmd);
	case IOMMU_TEST_OP_MD_CHECK_IOTLB:
		return check_iotlb(ucmd);
	case IOMMU_TEST_OP_TRIGGER_IOPF:
		return trigger_iopf(ucmd);
	default:
		return -EOPNOTSUPP;
	}
}
