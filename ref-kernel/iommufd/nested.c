/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Nested HWPTs: a guest's stage 1 over a HWPT that is its stage 2. Dirty bits are
 * stage 2's, so a device attached here is one of the parent's in all that concerns
 * tracking and invalidation (device.c). What a stage 1 is differs by IOMMU: nested_vtd.c,
 * nested_arm.c, and here the mock's, which describes no tables: four words stand for
 * the IOTLB that invalidations act upon.
 */
#include "nested.h"

#define MAX_ENTRIES (1U << 19) /* of one INVALIDATE */

static int mock_init(struct nested *nested, const union nested_data *data)
{
	for (u32 i = 0; i < MOCK_NESTED_DOMAIN_IOTLB_NUM; i++)
		nested->iotlb[i] = data->mock.iotlb;
	return 0;
}

static int mock_invalidate(struct nested *nested, const union nested_data *entry)
{
	const struct iommu_hwpt_invalidate_selftest *inv = &entry->mock_inv;

	if (inv->flags & ~IOMMU_TEST_INVALIDATE_FLAG_ALL)
		return -EOPNOTSUPP;
	if (inv->iotlb_id > MOCK_NESTED_DOMAIN_IOTLB_ID_MAX)
		return -EINVAL;
	port_mutex_lock(&nested->lock);
	if (inv->flags & IOMMU_TEST_INVALIDATE_FLAG_ALL)
		memset(nested->iotlb, 0, sizeof(nested->iotlb));
	else
		nested->iotlb[inv->iotlb_id] = 0;
	port_mutex_unlock(&nested->lock);
	return 0;
}

static const struct nested_kind nested_mock = {
	.parent = "mock",
	.data_type = IOMMU_HWPT_DATA_SELFTEST,
	.min_len = sizeof(((struct iommu_hwpt_selftest *)0)->iotlb),
	.max_len = sizeof(struct iommu_hwpt_selftest),
	.flags = IOMMU_HWPT_ALLOC_PASID,
	.init = mock_init,
	.inv_type = IOMMU_HWPT_INVALIDATE_DATA_SELFTEST,
	.inv_len = sizeof(struct iommu_hwpt_invalidate_selftest),
	.invalidate = mock_invalidate,
};

static const struct nested_kind *const kinds[] = { &nested_mock, &nested_vtd, &nested_arm, NULL };

/* NULL: the format's driver has no stage 1. */
static const struct nested_kind *kind_of(const struct pgt_format *fmt)
{
	const struct nested_kind *const *k;

	for (k = kinds; *k; k++) {
		size_t length = strlen((*k)->parent);

		if (strlen(fmt->name) >= length && !memcmp(fmt->name, (*k)->parent, length))
			break;
	}
	return *k;
}

static int read_data(const struct nested_kind *kind, const struct iommu_hwpt_alloc *cmd,
		     union nested_data *data)
{
	if (!kind || cmd->data_type != kind->data_type)
		return -EOPNOTSUPP;
	if (cmd->data_len < kind->min_len || cmd->data_len > kind->max_len)
		return -EINVAL;
	memset(data, 0, sizeof(*data));
	return port_copy_from_user(data, cmd->data_uptr, cmd->data_len);
}

int mock_read_data(const struct device *dev, const struct iommu_hwpt_alloc *cmd,
		   struct iommu_hwpt_selftest *data)
{
	const struct nested_kind *kind = kind_of(dev->iommu->fmt);
	union nested_data read;
	int err = read_data(kind == &nested_mock ? kind : NULL, cmd, &read);

	*data = read.mock;
	return err;
}

/* The order of errors is Linux's: the core's, then the driver's. */
static int check_nested(const struct hwpt *parent, const struct device *dev,
			const struct iommu_hwpt_alloc *cmd)
{
	if (cmd->flags & ~(IOMMU_HWPT_FAULT_ID_VALID | IOMMU_HWPT_ALLOC_PASID) || !cmd->data_len)
		return -EOPNOTSUPP;
	if (!(parent->flags & IOMMU_HWPT_ALLOC_NEST_PARENT) || parent->pgt.fmt != dev->iommu->fmt)
		return -EINVAL;
	return 0;
}

struct nested *nested_create(struct hwpt *parent, struct device *dev,
			     const struct iommu_hwpt_alloc *cmd, int *err)
{
	const struct nested_kind *kind = kind_of(parent->pgt.fmt);
	struct iommufd_ctx *ctx = parent->obj.ctx;
	union nested_data data;
	struct nested *nested;

	*err = check_nested(parent, dev, cmd);
	if (!*err && kind && cmd->flags & ~(IOMMU_HWPT_FAULT_ID_VALID | kind->flags))
		*err = -EOPNOTSUPP;
	if (!*err)
		*err = read_data(kind, cmd, &data);
	if (*err)
		return NULL;
	nested = object_alloc(ctx, sizeof(*nested), OBJECT_NESTED);
	if (!nested) {
		*err = -ENOMEM;
		return NULL;
	}
	*err = kind->init(nested, &data);
	if (*err) {
		object_abort(&nested->obj);
		return NULL;
	}
	nested->kind = kind;
	nested->parent = parent;
	object_hold(&parent->obj);
	nested->flags = cmd->flags;
	port_mutex_lock(&ctx->lock);
	nested->stage1.tag = ctx->next_domain++;
	port_mutex_unlock(&ctx->lock);
	port_mutex_init(&nested->lock);
	return nested;
}

/* Nothing is attached. */
void nested_release(struct object *obj)
{
	struct nested *nested = (struct nested *)obj;
	struct hwpt *parent = nested->parent;

	if (nested->fault)
		object_put((struct object *)nested->fault);
	port_mutex_destroy(&nested->lock);
	port_free(nested);
	object_put(&parent->obj);
}

void nested_forget(struct nested *nested, u64 first, u64 last)
{
	struct hwpt *parent = nested->parent;
	struct hw_inv cmd = {
		.kind = HW_INV_STAGE1,
		.domain = parent->domain,
		.stage1 = nested->stage1.tag,
		.first = first,
		.last = last,
	};

	port_rwsem_read(&parent->attach_sem);
	for (struct hwpt_tag *tag = parent->tags; tag; tag = tag->next)
		hw_inv_issue(tag->iommu->hw, &cmd);
	hwpt_wait(parent);
	port_rwsem_read_end(&parent->attach_sem);
}

void nested_forget_devices(struct nested *nested, u64 first, u64 last)
{
	struct hwpt *parent = nested->parent;
	bool any = false;

	port_rwsem_read(&parent->attach_sem);
	for (struct attach *a = parent->attaches; a; a = a->hwpt_next)
		if (a->pt == &nested->obj)
			any |= attach_invalidate_device(a, first, last);
	if (any)
		hwpt_wait(parent);
	port_rwsem_read_end(&parent->attach_sem);
}

static int invalidate_one(struct nested *nested, u64 uaddr, u32 len)
{
	union nested_data entry;
	int err;

	if (len != nested->kind->inv_len)
		return -EINVAL;
	err = port_copy_from_user(&entry, uaddr, len);
	return err ? err : nested->kind->invalidate(nested, &entry);
}

/* *@done: entries that were, whatever comes of the next. */
static int invalidate(struct iommufd_ctx *ctx, const struct iommu_hwpt_invalidate *cmd, u32 *done)
{
	struct nested *nested;
	int err = 0;

	if (cmd->__reserved)
		return -EOPNOTSUPP;
	if (cmd->entry_num && (!cmd->data_uptr || !cmd->entry_len ||
			       cmd->entry_len > PORT_PAGE_SIZE || cmd->entry_num > MAX_ENTRIES))
		return -EINVAL;
	nested = object_get(ctx, cmd->hwpt_id, OBJECT_NESTED);
	if (!nested)
		return -ENOENT;
	if (cmd->data_type != nested->kind->inv_type)
		err = -EINVAL;
	while (!err && *done < cmd->entry_num) {
		err = invalidate_one(nested, cmd->data_uptr + (u64)*done * cmd->entry_len,
				     cmd->entry_len);
		*done += !err;
	}
	object_put(&nested->obj);
	return err;
}

int hwpt_invalidate_ioctl(struct ucmd *ucmd)
{
	struct iommu_hwpt_invalidate *cmd = ucmd->arg;
	u32 done = 0;
	int err = invalidate(ucmd->ctx, cmd, &done), reply;

	cmd->entry_num = done;
	reply = ucmd_reply(ucmd);
	return reply ? reply : err;
}
