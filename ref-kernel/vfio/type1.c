/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* VFIO type1: map, unmap, and a dirty tracking of which pinned is dirty. */
#include "device.h"

void type1_note_write(struct vfio_container *container, u64 iova, u64 length)
{
	(void)container;
	(void)iova;
	(void)length;
}

void type1_note_pin(struct vfio_container *container, u64 iova, u64 length, bool pin)
{
	(void)container;
	(void)iova;
	(void)length;
	(void)pin;
}
