/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* IOMMU_OPTION, and IOMMU_VFIO_IOAS, which is a setting too. */
#include "core.h"

static int rlimit_mode(struct iommufd_ctx *ctx, struct iommu_option *cmd)
{
	int err = 0;

	if (cmd->object_id)
		return -EOPNOTSUPP;
	if (cmd->op == IOMMU_OPTION_OP_SET && !port_capable_resource())
		return -EPERM;
	port_mutex_lock(&ctx->lock);
	if (cmd->op == IOMMU_OPTION_OP_GET)
		cmd->val64 = ctx->rlimit_mode;
	else if (objects_exist(ctx))
		err = -EBUSY; /* what is accounted already cannot change sides */
	else if (cmd->val64 > 1)
		err = -EINVAL;
	else
		ctx->rlimit_mode = (u32)cmd->val64;
	port_mutex_unlock(&ctx->lock);
	return err;
}

int ioas_set_huge(struct ioas *ioas, bool on)
{
	bool mapped = port_map_ceil(&ioas->areas, 0);
	bool was = ioas->no_huge;
	int err;

	/* Leaves that are there cannot be split. */
	if (!on && !was && ioas->hwpts && mapped)
		return -EINVAL;
	ioas->no_huge = !on;
	err = ioas_update_alignment(ioas);
	if (err)
		ioas->no_huge = was;
	return err;
}

static int huge_pages(struct iommufd_ctx *ctx, struct iommu_option *cmd)
{
	struct ioas *ioas = object_get(ctx, cmd->object_id, OBJECT_IOAS);
	int err = 0;

	if (!ioas)
		return -ENOENT;
	port_rwsem_write(&ioas->rwsem);
	if (cmd->op == IOMMU_OPTION_OP_GET)
		cmd->val64 = !ioas->no_huge;
	else if (cmd->val64 > 1)
		err = -EINVAL;
	else
		err = ioas_set_huge(ioas, cmd->val64);
	port_rwsem_write_end(&ioas->rwsem);
	object_put(&ioas->obj);
	return err;
}

int option_ioctl(struct ucmd *ucmd)
{
	struct iommu_option *cmd = ucmd->arg;
	int err;

	if (cmd->__reserved)
		return -EOPNOTSUPP;
	if (cmd->op != IOMMU_OPTION_OP_SET && cmd->op != IOMMU_OPTION_OP_GET)
		return -EOPNOTSUPP;
	switch (cmd->option_id) {
	case IOMMU_OPTION_RLIMIT_MODE:
		err = rlimit_mode(ucmd->ctx, cmd);
		break;
	case IOMMU_OPTION_HUGE_PAGES:
		err = huge_pages(ucmd->ctx, cmd);
		break;
	default:
		return -EOPNOTSUPP;
	}
	return err ? err : ucmd_reply(ucmd);
}

int vfio_ioas_ioctl(struct ucmd *ucmd)
{
	struct iommu_vfio_ioas *cmd = ucmd->arg;
	struct iommufd_ctx *ctx = ucmd->ctx;
	struct ioas *ioas = NULL;
	u32 named;

	if (cmd->__reserved)
		return -EOPNOTSUPP;
	if (cmd->op > IOMMU_VFIO_IOAS_CLEAR)
		return -EOPNOTSUPP;
	if (cmd->op == IOMMU_VFIO_IOAS_SET) {
		ioas = object_get(ctx, cmd->ioas_id, OBJECT_IOAS);
		if (!ioas)
			return -ENOENT;
	}
	port_mutex_lock(&ctx->lock);
	if (cmd->op == IOMMU_VFIO_IOAS_SET)
		ctx->vfio_ioas = cmd->ioas_id;
	else if (cmd->op == IOMMU_VFIO_IOAS_CLEAR)
		ctx->vfio_ioas = 0;
	named = ctx->vfio_ioas;
	port_mutex_unlock(&ctx->lock);
	/* Not sooner: once it is gone its id may be another object's. */
	if (ioas)
		object_put(&ioas->obj);
	if (cmd->op != IOMMU_VFIO_IOAS_GET)
		return 0;

	if (!named)
		return -ENODEV;
	cmd->ioas_id = named;
	return ucmd_reply(ucmd);
}
