/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Nested HWPTs: a guest's stage 1 over a HWPT that is its stage 2. Dirty bits are
 * stage 2's, so a device attached here is one of the parent's in all that concerns
 * tracking and invalidation (device.c). Only the mock's kind exists: it describes
 * no tables, and four words stand for the IOTLB that invalidations act upon.
 */
#include "core.h"

#define MAX_ENTRIES (1U << 19) /* of one INVALIDATE */

int mock_read_data(const struct device *dev, const struct iommu_hwpt_alloc *cmd,
		   struct iommu_hwpt_selftest *data)
{
	if (strcmp(dev->iommu->fmt->name, "mock") || cmd->data_type != IOMMU_HWPT_DATA_SELFTEST)
		return -EOPNOTSUPP;
	if (cmd->data_len < sizeof(data->iotlb) || cmd->data_len > sizeof(*data))
		return -EINVAL;
	memset(data, 0, sizeof(*data));
	return port_copy_from_user(data, cmd->data_uptr, cmd->data_len);
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
	struct iommu_hwpt_selftest data;
	struct nested *nested;

	*err = check_nested(parent, dev, cmd);
	if (!*err)
		*err = mock_read_data(dev, cmd, &data);
	if (*err)
		return NULL;
	nested = object_alloc(parent->obj.ctx, sizeof(*nested), OBJECT_NESTED);
	if (!nested) {
		*err = -ENOMEM;
		return NULL;
	}
	nested->parent = parent;
	object_hold(&parent->obj);
	nested->flags = cmd->flags;
	port_mutex_init(&nested->lock);
	for (u32 i = 0; i < MOCK_NESTED_DOMAIN_IOTLB_NUM; i++)
		nested->iotlb[i] = data.iotlb;
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

static int invalidate_one(struct nested *nested, u64 uaddr, u32 len)
{
	struct iommu_hwpt_invalidate_selftest entry;
	int err;

	if (len != sizeof(entry))
		return -EINVAL;
	err = port_copy_from_user(&entry, uaddr, sizeof(entry));
	if (err)
		return err;
	if (entry.flags & ~IOMMU_TEST_INVALIDATE_FLAG_ALL)
		return -EOPNOTSUPP;
	if (entry.iotlb_id > MOCK_NESTED_DOMAIN_IOTLB_ID_MAX)
		return -EINVAL;
	port_mutex_lock(&nested->lock);
	if (entry.flags & IOMMU_TEST_INVALIDATE_FLAG_ALL)
		memset(nested->iotlb, 0, sizeof(nested->iotlb));
	else
		nested->iotlb[entry.iotlb_id] = 0;
	port_mutex_unlock(&nested->lock);
	return 0;
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
	if (cmd->data_type != IOMMU_HWPT_INVALIDATE_DATA_SELFTEST)
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
