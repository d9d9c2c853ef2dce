/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter ACCESS, by a device: an mdev, whose DMA is software's, beside one whose writes
 * the HWPT tracks.
 */

#include "vfio.h"

static int open_mdev(u32 ioas)
{
	u32 id;
	int fd = ct_vfio_device(&vfio_mdev, &id);

	x(ct_vfio_attach(fd, ioas, NULL));
	return fd;
}

/* As often as they are pinned, the device says; each once, in all. */
static void expect_pinned(int fd, u64 pins, u64 pages, const char *when)
{
	struct iodirty_stats stats = { 0 };
	u64 said = ct_bar_read(fd, IODIRTY_BAR_PIN_CONTROL);

	ct_check(said == pins, "%s: the mdev says %" PRIu64 " pages, expected %" PRIu64, when, said,
		 pins);
	if (!(ct.t->caps & TARGET_STATS))
		return;
	x(ct.t->driver->stats(ct.t, &stats));
	ct_check(stats.pinned_pages == pages, "%s: %" PRIu64 " pages are pinned, expected %" PRIu64,
		 when, (u64)stats.pinned_pages, pages);
}

/* ---- pages that it keeps pinned ---- */

CT_TEST(mdev_pins, "ACCESS-009", .needs = TARGET_VFIO)
{
	u8 *mem = ct_memory(8 * 4096, 4096, 0);
	const u64 iova = 1 << 20;
	u32 ioas;
	int fd;

	x(ct_ioas_alloc(&ioas));
	x(ct_map(ioas, mem, 4 * 4096, iova));
	x(ct_map(ioas, mem + 4 * 4096, 4 * 4096, iova + 4 * 4096));
	fd = open_mdev(ioas);
	expect_pinned(fd, 0, 0, "attached");
	x(ct_vfio_pin(fd, iova, 4096));
	x(ct_vfio_pin(fd, iova + 4095, 2));
	/* Across two mappings. */
	x(ct_vfio_pin(fd, iova + 3 * 4096, 2 * 4096));
	expect_pinned(fd, 5, 4, "three pins");
	x_err(ENOENT, ct_vfio_pin(fd, iova + 7 * 4096, 2 * 4096));
	x_err(ENOENT, ct_vfio_unpin(fd, iova, 2 * 4096));
	expect_pinned(fd, 5, 4, "two refused");
	x(ct_vfio_unpin(fd, iova, 4096));
	expect_pinned(fd, 4, 4, "one undone");
	x(ct_vfio_unpin(fd, iova + 4095, 2));
	expect_pinned(fd, 2, 2, "two undone");
	/* An unmap of what a pin holds in part takes all of that. */
	x(ct_unmap(ioas, iova + 4 * 4096, 4 * 4096, NULL));
	expect_pinned(fd, 0, 0, "half of it unmapped");
	x_err(ENOENT, ct_vfio_unpin(fd, iova + 3 * 4096, 2 * 4096));
	x(ct_vfio_pin(fd, iova, 4 * 4096));
	x(ct_vfio_pin(fd, iova + 4096, 4096));
	x(ct_vfio_detach(fd));
	expect_pinned(fd, 0, 0, "detached");
	x_err(ENOENT, ct_vfio_pin(fd, iova, 4096));
	x(ct_vfio_attach(fd, ioas, NULL));
	x(ct_vfio_pin(fd, iova, 4096));
	x(ct_fd_ioctl(fd, VFIO_DEVICE_RESET, NULL));
	expect_pinned(fd, 0, 0, "reset");
	x(ct_vfio_pin(fd, iova, 4096));
	x(ct_close(fd));
	x(ct_unmap(ioas, iova, 4 * 4096, NULL));
	x(ct_destroy(ioas));
}
