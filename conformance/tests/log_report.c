/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Chapter LOG: what a tracker in the device reports. */
#include "bits.h"
#include "log.h"

static const u32 kinds[] = { IODIRTY_VFIO_PCI, IODIRTY_VFIO_MDEV, IODIRTY_VFIO_MDEV_PASID };
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* However large the leaves are, pages of 4 KiB. */
CT_TEST(log_exact, "LOG-009", .scope = CT_EACH_LEAF, .needs = TARGET_VFIO)
{
	for (size_t k = 0; k < KINDS; k++) {
		struct log_rig r;

		log_rig_open(&r, kinds[k], 0, 0);
		x(log_start(r.fd, r.s.iova, r.s.length));
		log_expect(&r, 0, r.pages, 1, 0, "nothing written");
		log_write(&r, 0);
		log_write(&r, 5);
		log_write(&r, 63);
		log_expect(&r, 0, r.pages, 1, 1ull << 63 | 1 << 5 | 1, "three written");
		log_expect(&r, 0, r.pages, 1, 0, "reported before");
		log_write(&r, 5);
		log_write(&r, 5);
		log_expect(&r, 0, r.pages, 1, 1 << 5, "one written twice");
	}
}
