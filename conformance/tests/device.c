/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Chapter DEVICE: a VFIO device, by its own node: bound, attached, told by registers. */
#include "ct.h"

CT_TEST(vfio_device_tracked, "DEVICE-001", .scope = CT_EACH_LEAF, .needs = TARGET_VFIO)
{
	const struct iodirty_vfio_plug plug = { .kind = IODIRTY_VFIO_PCI };
	struct scene s;
	u32 id;
	int fd;

	scene_open(&s, .leaves = 4, .no_attach = true);
	fd = ct_vfio_device(&plug, &id);
	x(ct_vfio_attach(fd, s.hwpt, NULL));
	x(ct_vfio_write(fd, s.iova + s.leaf + 5, "!", 1));
	scene_mark(&s, s.leaf + 5, 1);
	scene_expect(&s, 0, s.length, s.granule);
	x(ct_vfio_write(fd, s.iova + 3 * s.leaf - 1, "??", 2));
	scene_mark(&s, 3 * s.leaf - 1, 2);
	scene_expect(&s, 0, s.length, s.granule);
}
