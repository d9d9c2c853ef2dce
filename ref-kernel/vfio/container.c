/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A container: groups that share one address space (drivers/vfio/container.c). It
 * has one from SET_IOMMU on, which takes a group, until the last group leaves.
 */
#include "container.h"

void *vfio_container_open(int *err)
{
	struct vfio_container *container = port_alloc(sizeof(*container));

	*err = -ENOMEM;
	if (!container)
		return NULL;
	container->refs = 1;
	port_mutex_init(&container->lock);
	return container;
}

void vfio_container_hold(struct vfio_container *container)
{
	port_count(&container->refs, 1);
}

void vfio_container_put(struct vfio_container *container)
{
	if (__atomic_sub_fetch(&container->refs, 1, __ATOMIC_ACQ_REL))
		return;
	port_mutex_destroy(&container->lock);
	port_free(container);
}

static void container_release(void *priv)
{
	vfio_container_put(priv);
}

int vfio_container_join(struct vfio_container *container, struct vfio_group *group)
{
	int err = 0;

	port_mutex_lock(&container->lock);
	if (container->type1)
		err = type1_attach(container->type1, group);
	if (!err) {
		group->next = container->groups;
		container->groups = group;
		group->container = container;
		vfio_container_hold(container);
	}
	port_mutex_unlock(&container->lock);
	return err;
}

/* The right to have an address space is the groups': it goes with the last of them. */
void vfio_container_leave(struct vfio_container *container, struct vfio_group *group)
{
	struct vfio_group **at = &container->groups;

	port_mutex_lock(&container->lock);
	while (*at != group)
		at = &(*at)->next;
	*at = group->next;
	if (container->type1)
		type1_detach(container->type1, group);
	if (container->type1 && !container->groups) {
		type1_destroy(container->type1);
		container->type1 = NULL;
	}
	group->container = NULL;
	port_mutex_unlock(&container->lock);
	vfio_container_put(container);
}

/* lock held. A group that cannot come along takes back those that have. */
static int set_iommu(struct vfio_container *container, u64 type)
{
	struct vfio_group *group, *done;
	struct type1 *t;
	int err;

	if (!container->groups || container->type1)
		return -EINVAL;
	t = type1_create(container, type, &err);
	if (!t)
		return err;
	/* Found by its devices, and by nobody else while we have the lock. */
	container->type1 = t;
	for (group = container->groups; group; group = group->next) {
		err = type1_attach(t, group);
		if (err)
			break;
	}
	if (!group)
		return 0;
	for (done = container->groups; done != group; done = done->next)
		type1_detach(t, done);
	container->type1 = NULL;
	type1_destroy(t);
	return err;
}

static long check_extension(const struct vfio_container *container, u64 extension)
{
	/* All IOMMUs that are modelled are coherent; without one there is nothing to say. */
	if (extension == VFIO_DMA_CC_IOMMU)
		return container->type1 != NULL;
	return vfio_has_extension(extension);
}

/* The reference's own ioctls act on the iommufd behind the address space. */
static long control(struct vfio_container *container, unsigned int cmd, u64 arg)
{
	struct iommufd_ctx *ctx = NULL;
	long ret = -EINVAL;

	port_mutex_lock(&container->lock);
	if (container->type1)
		ctx = ctx_hold(container->type1->ctx);
	port_mutex_unlock(&container->lock);
	if (!ctx)
		return ret;
	ret = iommufd_ioctl(ctx, cmd, arg);
	ctx_put(ctx);
	return ret;
}

static long container_ioctl(void *priv, unsigned int cmd, u64 arg)
{
	struct vfio_container *container = priv;
	long ret = -EINVAL;

	if ((cmd >> 8 & 0xff) == IODIRTY_TYPE)
		return control(container, cmd, arg);
	if (cmd == VFIO_GET_API_VERSION)
		return VFIO_API_VERSION;
	port_mutex_lock(&container->lock);
	if (cmd == VFIO_CHECK_EXTENSION)
		ret = check_extension(container, arg);
	else if (cmd == VFIO_SET_IOMMU)
		ret = set_iommu(container, arg);
	else if (container->type1)
		ret = type1_ioctl(container->type1, cmd, arg);
	port_mutex_unlock(&container->lock);
	return ret;
}

const struct port_fd_ops vfio_container_ops = { .release = container_release,
						.ioctl = container_ioctl };
