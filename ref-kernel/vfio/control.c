/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Plug and open the modelled machine's VFIO devices (abi/iodirty.h). */
#include "device.h"

/* One that was plugged by this descriptor, and goes with it. */
struct plugged {
	struct object obj;
	struct vfio_device *dev;
};

void vfio_release(struct object *obj)
{
	struct plugged *plugged = (struct plugged *)obj;

	vfio_device_remove(plugged->dev);
	port_free(plugged);
}

int vfio_plug_ioctl(struct ucmd *ucmd)
{
	struct iodirty_vfio_plug *cmd = ucmd->arg;
	struct plugged *plugged = object_alloc(ucmd->ctx, sizeof(*plugged), OBJECT_VFIO);
	int err;

	if (!plugged)
		return -ENOMEM;
	plugged->dev = vfio_device_create(cmd, &err);
	if (!plugged->dev) {
		object_abort(&plugged->obj);
		return err;
	}
	cmd->out_vfio_id = plugged->obj.id;
	cmd->out_number = plugged->dev->number;
	err = ucmd_reply(ucmd);
	if (err)
		object_put(&plugged->obj);
	else
		object_publish(&plugged->obj);
	return err;
}

int vfio_unplug_ioctl(struct ucmd *ucmd)
{
	struct iodirty_vfio_unplug *cmd = ucmd->arg;
	struct object *obj = object_get(ucmd->ctx, cmd->vfio_id, OBJECT_VFIO);

	if (!obj)
		return -ENOENT;
	object_unpublish(obj);
	object_put(obj);
	return 0;
}

int vfio_open_ioctl(struct ucmd *ucmd)
{
	struct iodirty_vfio_open *cmd = ucmd->arg;
	const struct port_fd_ops *ops = vfio_node_ops(cmd->node);
	struct plugged *plugged = NULL;
	void *priv;
	int err, fd;

	if (!ops)
		return -EINVAL;
	if (cmd->node != IODIRTY_VFIO_CONTAINER) {
		plugged = object_get(ucmd->ctx, cmd->vfio_id, OBJECT_VFIO);
		if (!plugged)
			return -ENOENT;
	}
	priv = vfio_node_open(plugged ? plugged->dev : NULL, cmd->node, &err);
	if (plugged)
		object_put(&plugged->obj);
	if (!priv)
		return err;
	fd = port_fd_install(ops, priv);
	if (fd < 0) {
		ops->release(priv);
		return fd;
	}
	cmd->out_fd = fd;
	err = ucmd_reply(ucmd);
	if (err)
		port_fd_close(fd);
	return err;
}
