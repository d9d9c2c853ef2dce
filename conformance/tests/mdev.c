/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter ACCESS, by a device: an mdev, whose DMA is software's, beside one whose writes
 * the HWPT tracks.
 */
#include <pthread.h>
#include <stdatomic.h>

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

/* ---- beside a HWPT that tracks ---- */

/* The mdev writes a byte, which arrives; of that nobody's truth knows. */
static void write_mdev(const struct scene *s, int mdev, u64 offset)
{
	u8 byte = s->mem[offset] + 1;

	x(ct_vfio_write(mdev, s->iova + offset, &byte, 1));
	ct_check(s->mem[offset] == byte, "the mdev's write at offset %#" PRIx64 " is not in memory",
		 offset);
}

static const char *leaves_are_pages(const struct ct_config *config)
{
	return config->leaf_lg2 >= 12 ? NULL : "an mdev wants whole pages";
}

/* The same memory, also by a device that is tracked: only what that wrote is reported, by
 * transfers and by the generator; in one page too. */
CT_TEST(mdev_writes, "ACCESS-010", .scope = CT_EACH_LEAF, .requires = leaves_are_pages,
	.needs = TARGET_VFIO)
{
	struct iodirty_stream_start stream;
	struct scene s;
	u32 id;
	int pci = open_tracked(&s, &id), mdev = open_mdev(s.ioas);

	write_mdev(&s, mdev, 0);
	write_mdev(&s, mdev, s.length - 1);
	expect_all(&s);
	vfio_write(&s, pci, s.leaf);
	write_mdev(&s, mdev, s.leaf);
	write_mdev(&s, mdev, 2 * s.leaf);
	scene_expect_no_clear(&s, 0, s.length, s.granule);
	write_mdev(&s, mdev, s.leaf + 1);
	expect_all(&s);
	write_mdev(&s, mdev, s.leaf);
	expect_all(&s);
	stream = vfio_stream(&s);
	ct_vfio_generate(mdev, &stream);
	vfio_wait_writes(mdev, 20);
	expect_all(&s);
	vfio_write(&s, pci, 3 * s.leaf);
	vfio_wait_writes(mdev, 20);
	expect_all(&s);
	ct_vfio_generate_stop(mdev);
	ct_check(!ct_bar_read(mdev, IODIRTY_BAR_GEN_FAULTS), "the mdev's writes faulted");
	/* Nor is what it has pinned anything to report. */
	x(ct_vfio_pin(mdev, s.iova, 2 * 4096));
	write_mdev(&s, mdev, 0);
	expect_all(&s);
	x(ct_vfio_unpin(mdev, s.iova, 2 * 4096));
	expect_all(&s);
}

/* There before tracking is switched on, arriving and leaving while it is, by each way out,
 * with pages pinned: nothing of the device's is lost or added. */
CT_TEST(mdev_comes_and_goes, "ACCESS-011", .scope = CT_EACH_FORMAT, .requires = leaves_are_pages,
	.needs = TARGET_VFIO)
{
	struct scene s;
	u32 id, elsewhere;
	int pci, before, during;

	scene_open(&s, .no_attach = true, .no_enable = true);
	pci = ct_vfio_device(&vfio_pci, &id);
	x(ct_vfio_attach(pci, s.hwpt, NULL));
	x(ct_ioas_alloc(&elsewhere));
	before = open_mdev(s.ioas);
	x(ct_vfio_pin(before, s.iova, s.page));
	x(ct_set_tracking(s.hwpt, true));
	write_mdev(&s, before, s.leaf);
	vfio_write(&s, pci, 0);
	during = open_mdev(s.ioas);
	x(ct_vfio_pin(during, s.iova, 4 * s.page));
	write_mdev(&s, during, 2 * s.leaf);
	vfio_write(&s, pci, s.leaf);
	expect_all(&s);
	for (unsigned int way = 0; way < 4; way++) {
		int leaving = ct_vfio_device(&vfio_mdev, &id);

		x(ct_vfio_attach(leaving, s.ioas, NULL));
		x(ct_vfio_pin(leaving, s.iova + s.leaf, s.page));
		vfio_write(&s, pci, 0);
		write_mdev(&s, leaving, 0);
		write_mdev(&s, leaving, 3 * s.leaf);
		if (way == 0)
			x(ct_vfio_detach(leaving));
		else if (way == 1)
			x(ct_vfio_attach(leaving, elsewhere, NULL));
		else if (way == 2)
			x(ct_close(leaving));
		else
			x(ct_vfio_unplug(id));
		vfio_write(&s, pci, 2 * s.leaf);
		expect_all(&s);
	}
	x(ct_set_tracking(s.hwpt, false));
	x(ct_set_tracking(s.hwpt, true));
	write_mdev(&s, before, 0);
	vfio_write(&s, pci, 3 * s.leaf);
	expect_all(&s);
}

/* Unmapped while it holds pages of it: it lets go, the unmap is complete, and neither a pin
 * nor a bit is left; its next access faults. */
CT_TEST(mdev_unmap, "ACCESS-012", .scope = CT_EACH_FORMAT, .requires = leaves_are_pages,
	.needs = TARGET_VFIO | TARGET_STATS)
{
	struct scene s;
	u64 pages, unmapped;
	u32 id;
	int pci = open_tracked(&s, &id), mdev = open_mdev(s.ioas);

	pages = s.length / 4096;
	expect_pinned(mdev, 0, pages, "mapped");
	x(ct_vfio_pin(mdev, s.iova, s.length));
	x(ct_vfio_pin(mdev, s.iova + s.leaf, 4096));
	expect_pinned(mdev, pages + 1, pages, "pinned");
	vfio_write(&s, pci, 0);
	write_mdev(&s, mdev, s.leaf);
	x(ct_unmap(s.ioas, s.iova, s.length, &unmapped));
	ct_check(unmapped == s.length, "%" PRIu64 " bytes unmapped", unmapped);
	expect_pinned(mdev, 0, 0, "unmapped");
	vfio_expect_fault(&s, mdev, 0, IODIRTY_FAULT_NOT_PRESENT);
	x_err(ENOENT, ct_vfio_pin(mdev, s.iova, 4096));
	x(ct_map(s.ioas, s.mem, s.length, s.iova));
	scene_forget(&s, 0, s.length);
	expect_all(&s);
	write_mdev(&s, mdev, s.leaf);
	vfio_write(&s, pci, 2 * s.leaf);
	expect_all(&s);
}

struct pinner {
	int fd;
	u64 bar, iova;
	atomic_bool stop;
	u64 pins;
	int ret; /* that should not have been */
};

/* By registers, as any driver, with what fails left to the main thread. */
static int pin_command(const struct pinner *p, u64 command, int *ret)
{
	const struct {
		u32 reg;
		u64 value;
	} writes[] = {
		{ IODIRTY_BAR_PIN_IOVA, p->iova },
		{ IODIRTY_BAR_PIN_LENGTH, 4096 },
		{ IODIRTY_BAR_PIN_CONTROL, command },
	};
	u64 error;

	for (unsigned int i = 0; i < 3; i++)
		if (region_write(p->fd, &writes[i].value, 8, p->bar + writes[i].reg) != 8)
			return -EIO;
	if (region_read(p->fd, &error, 8, p->bar + IODIRTY_BAR_PIN_ERROR) != 8)
		return -EIO;
	*ret = -(int)error;
	return 0;
}

static void *pin_and_unpin(void *arg)
{
	struct pinner *p = arg;

	while (!p->ret && !atomic_load(&p->stop)) {
		int ret;

		p->ret = pin_command(p, 1, &ret);
		/* Not mapped just now, or on its way out. */
		if (!p->ret && ret && ret != -ENOENT && ret != -EINVAL)
			p->ret = ret;
		p->pins += !p->ret && !ret;
		if (!p->ret)
			p->ret = pin_command(p, 0, &ret);
		if (!p->ret && ret && ret != -ENOENT)
			p->ret = ret;
	}
	return NULL;
}

/* Map and unmap against one that pins all the time: neither waits for the other for ever. */
CT_TEST(mdev_pins_meanwhile, "ACCESS-012", .scope = CT_EACH_FORMAT, .requires = leaves_are_pages,
	.needs = TARGET_VFIO | TARGET_STATS, .concurrent = true)
{
	struct pinner p = { 0 };
	pthread_t thread;
	struct scene s;
	u32 id;
	int pci = open_tracked(&s, &id);

	p.fd = open_mdev(s.ioas);
	p.bar = region_info(p.fd, VFIO_PCI_BAR0_REGION_INDEX).offset;
	p.iova = s.iova;
	ct_check(!pthread_create(&thread, NULL, pin_and_unpin, &p), "no thread");
	for (unsigned int i = 0; i < 30; i++) {
		x(ct_unmap(s.ioas, s.iova, s.length, NULL));
		x(ct_map(s.ioas, s.mem, s.length, s.iova));
		vfio_write(&s, pci, s.leaf);
		expect_all(&s);
		if (i % 10 == 9) {
			x(ct_vfio_detach(p.fd));
			x(ct_vfio_attach(p.fd, s.ioas, NULL));
		}
	}
	atomic_store(&p.stop, true);
	pthread_join(thread, NULL);
	x(p.ret);
	x(ct_unmap(s.ioas, s.iova, s.length, NULL));
	expect_pinned(p.fd, 0, 0, "unmapped");
	ct_measure("pins", (double)p.pins, "1");
}

/* No HWPT at all: it has an IOAS and nothing else; an id that is a HWPT's, or none, is
 * refused, and what is not mapped, or read-only, is a fault. */
CT_TEST(mdev_alone, "ACCESS-013", .needs = TARGET_VFIO)
{
	u8 *mem = ct_memory(4 * 4096, 4096, 0);
	struct scene s = { .mem = mem, .iova = 1 << 24 };
	u32 ioas, other, id, dev, hwpt;
	u64 readonly = s.iova + 2 * 4096, capabilities;
	int mdev;

	x(ct_ioas_alloc(&ioas));
	x(ct_ioas_alloc(&other));
	x(ct_map(ioas, mem, 2 * 4096, s.iova));
	x(ct_map_flags(ioas, IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE, mem + 2 * 4096,
		       4096, &readonly));
	x(ct_plug(0, &dev));
	x(ct_hwpt_alloc(dev, ioas, 0, &hwpt));
	x(ct_vfio_plug(&vfio_mdev, &id));
	mdev = ct_vfio_open(IODIRTY_VFIO_DEVICE, id);
	x(ct_vfio_bind(mdev, &id));
	ct_vfio_bus_master(mdev, true);
	/* What bind returned is no device. */
	x_err(ENOENT, ct_hw_info(id, &capabilities));
	vfio_expect_fault(&s, mdev, 0, IODIRTY_FAULT_NOT_ATTACHED);
	x_err(ENOENT, ct_vfio_attach(mdev, hwpt, NULL));
	x_err(ENOENT, ct_vfio_attach(mdev, 0, NULL));
	x_err(ENOENT, ct_vfio_attach(mdev, 0x7fffffff, NULL));
	x(ct_vfio_attach(mdev, ioas, &other));
	ct_check(other == ioas, "attached to IOAS %u, it returns %u", ioas, other);
	x(ct_destroy(hwpt));
	x_err(EBUSY, ct_destroy(ioas));
	write_mdev(&s, mdev, 0);
	write_mdev(&s, mdev, 2 * 4096 - 1);
	/* Refused, it is where it was. */
	x_err(ENOENT, ct_vfio_attach(mdev, 0x7fffffff, NULL));
	x_err(ENOENT, ct_vfio_attach(mdev, 0, NULL));
	write_mdev(&s, mdev, 1);
	s.iova += 2 * 4096;
	vfio_expect_fault(&s, mdev, 0, IODIRTY_FAULT_PERMISSION);
	x_err(EPERM, ct_vfio_pin(mdev, s.iova, 4096));
	s.iova += 4096;
	vfio_expect_fault(&s, mdev, 0, IODIRTY_FAULT_NOT_PRESENT);
	x_err(EINVAL, ct_vfio_pin(mdev, readonly, 0));
	x(ct_vfio_detach(mdev));
	x(ct_destroy(ioas));
}
