/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Chapter MIG: in which states a device writes, and that the last harvest is the last. */
#define _GNU_SOURCE
#include "bits.h"
#include "concurrency.h"
#include "log.h"
#include "mig.h"

#define PAGES LOG_PAGES

static const u32 quiet[] = { S(STOP), S(STOP_COPY), S(RESUMING) };
static const u32 running[] = { S(RUNNING), S(RUNNING_P2P), S(PRE_COPY), S(PRE_COPY_P2P) };

static void wait_for_more(struct log_rig *r)
{
	u64 late = now_ns() + 10000 * MS, n = ct_vfio_generated(r->fd);

	while (ct_vfio_generated(r->fd) < n + 10)
		ct_check(now_ns() < late, "the generator does not go on");
}

/* Everything that a write by the device changes. */
static void look(struct log_rig *r, u8 *mem, u64 *count)
{
	memcpy(mem, r->s.mem, PAGES * LOG_PAGE);
	*count = ct_vfio_generated(r->fd);
}

/*
 * From the moment that SET_STATE returns: no byte, no write counted, no bit in either
 * tracker but those that the first harvest after it has.
 */
CT_TEST(mig_quiet, "MIG-014", .scope = CT_EACH_FORMAT, .needs = TARGET_VFIO, .concurrent = true)
{
	static u8 before[PAGES * LOG_PAGE], after[PAGES * LOG_PAGE];
	struct log_rig r;

	log_rig_open(&r, IODIRTY_VFIO_PCI, MIG_ALL, 0);
	x(ct_vfio_attach(r.fd, r.s.hwpt, NULL));
	x(log_start(r.fd, r.s.iova, PAGES * LOG_PAGE));
	log_generate(&r);
	for (int round = 0; round < 12; round++) {
		u64 n, m, bytes = r.s.length / r.s.granule / 8 + 1;
		u8 *bits = ct_memory(bytes, 4096, 0);

		wait_for_more(&r);
		x(mig_set(r.fd, quiet[round % 3], NULL));
		look(&r, before, &n);
		x(scene_get(&r.s, 0, 0, r.s.length, r.s.granule, bits));
		memset(bits, 0, bytes);
		x(log_report(r.fd, r.s.iova, PAGES * LOG_PAGE, LOG_PAGE, bits));
		x_err(EFAULT, ct_vfio_write(r.fd, r.s.iova, "x", 1));
		ct_check(ct_bar_read(r.fd, IODIRTY_BAR_DMA_FAULT) == IODIRTY_FAULT_STOPPED,
			 "a transfer of a device that is stopped: fault %" PRIu64,
			 ct_bar_read(r.fd, IODIRTY_BAR_DMA_FAULT));
		sleep_ns(MS);
		look(&r, after, &m);
		ct_check(n == m, "%s: %" PRIu64 " writes more", mig_name(quiet[round % 3]), m - n);
		ct_check(!memcmp(before, after, sizeof(before)), "%s: memory changes",
			 mig_name(quiet[round % 3]));
		scene_expect(&r.s, 0, r.s.length, r.s.granule);
		log_expect(&r, 0, PAGES, 1, 0, "while it does nothing");
		if (quiet[round % 3] == S(RESUMING)) {
			x(ct_fd_ioctl(r.fd, VFIO_DEVICE_RESET, NULL));
			ct_vfio_bus_master(r.fd, true);
			x(log_start(r.fd, r.s.iova, PAGES * LOG_PAGE));
			log_generate(&r);
		} else {
			x(mig_set(r.fd, S(RUNNING), NULL));
		}
	}
}

/* By the device's id, too, whatever the operation; and again when it runs. */
CT_TEST(mig_quiet_by_id, "MIG-014", .needs = TARGET_VFIO | TARGET_ATOMIC)
{
	static const u32 ops[] = { IODIRTY_DMA_READ, IODIRTY_DMA_WRITE, IODIRTY_DMA_FETCH_ADD };
	const struct iodirty_vfio_plug plug = { .kind = IODIRTY_VFIO_PCI, .flags = MIG_ALL };
	struct scene s;
	u32 id, dev;
	int fd;

	scene_open(&s, .no_attach = true);
	x(ct_vfio_plug(&plug, &id));
	fd = ct_vfio_open(IODIRTY_VFIO_DEVICE, id);
	x(ct_vfio_bind(fd, &dev));
	x(ct_vfio_attach(fd, s.hwpt, NULL));
	for (size_t i = 0; i < 3; i++) {
		x(mig_set(fd, quiet[i], NULL));
		for (size_t op = 0; op < 3; op++) {
			u64 data = 1;
			struct iodirty_dma dma = {
				.op = ops[op],
				.dev_id = dev,
				.iova = s.iova,
				.length = 8,
				.data = (uintptr_t)&data,
			};

			x(ct.t->driver->dma(ct.t, &dma));
			ct_check(dma.out_fault == IODIRTY_FAULT_STOPPED && !dma.out_done,
				 "%s: operation %u: fault %u", mig_name(quiet[i]), ops[op],
				 dma.out_fault);
		}
		ct_check(!s.mem[0], "%s: memory changed", mig_name(quiet[i]));
		scene_expect(&s, 0, s.length, s.granule);
		x(ct_fd_ioctl(fd, VFIO_DEVICE_RESET, NULL));
		x(ct_dma_write(dev, 0, s.iova + s.leaf, "!", 1));
		scene_mark(&s, s.leaf, 1);
		scene_expect(&s, 0, s.length, s.granule);
	}
}

/* Whatever kind it is, and whatever it is attached to meanwhile. */
CT_TEST(mig_quiet_kinds, "MIG-014", .needs = TARGET_VFIO)
{
	for (size_t k = 0; k < 3; k++) {
		u64 n;
		struct log_rig r;

		log_rig_open(&r, log_kinds[k], MIG_ALL, 0);
		log_generate(&r);
		wait_for_more(&r);
		x(mig_set(r.fd, S(STOP), NULL));
		n = ct_vfio_generated(r.fd);
		x(ct_vfio_detach(r.fd));
		x(ct_vfio_attach(r.fd, log_kinds[k] == IODIRTY_VFIO_MDEV ? r.s.ioas : r.hwpt,
				 NULL));
		x_err(EFAULT, ct_vfio_write(r.fd, r.s.iova, "x", 1));
		log_generate(&r); /* told to, it waits */
		sleep_ns(MS);
		ct_check(ct_vfio_generated(r.fd) == 0, "told to in STOP, it writes");
		x(mig_set(r.fd, S(RUNNING), NULL));
		wait_for_more(&r);
		ct_check(n, "nothing was written");
		x(ct_close(r.fd));
	}
}

/* It runs in all others, P2P or not, saved or not. */
CT_TEST(mig_running, "MIG-015", .needs = TARGET_VFIO)
{
	for (size_t k = 0; k < 3; k++) {
		struct log_rig r;

		log_rig_open(&r, log_kinds[k], MIG_ALL, 0);
		log_generate(&r);
		for (size_t i = 0; i < 4; i++) {
			x(mig_set(r.fd, running[i], NULL));
			wait_for_more(&r);
			log_write(&r, i);
			mig_expect(r.fd, running[i], "it writes");
		}
		x(ct_close(r.fd));
	}
}

/* ---- the last harvest ---- */

/*
 * As a migration goes: harvest and copy while it runs, stop, harvest and copy once more; then the
 * copy is what memory is. By the log, by the HWPT, and by both, each for itself.
 */
CT_TEST(mig_final_harvest, "MIG-016", .scope = CT_EACH_FORMAT, .needs = TARGET_VFIO,
	.concurrent = true)
{
	struct log_rig r;
	u8 *copy[2];

	log_rig_open(&r, IODIRTY_VFIO_PCI, MIG_ALL, 0);
	x(ct_vfio_attach(r.fd, r.s.hwpt, NULL));
	for (int i = 0; i < 2; i++)
		copy[i] = ct_memory(PAGES * LOG_PAGE, LOG_PAGE, 0);
	x(log_start(r.fd, r.s.iova, PAGES * LOG_PAGE));
	log_generate(&r);
	for (int round = 0; round < 16; round++) {
		static const u32 states[] = { S(RUNNING), S(PRE_COPY), S(PRE_COPY_P2P),
					      S(STOP_COPY) };
		u64 n = align_up(r.s.length / r.s.page, 8);

		x(mig_set(r.fd, states[round % 4], NULL));
		if (round % 4 != 3)
			wait_for_more(&r);
		for (int t = 0; t < 2; t++) {
			u64 page = t ? r.s.page : LOG_PAGE;
			u8 *bits = ct_memory(highest(n, PAGES) / 8, 4096, 0);

			if (t)
				x(scene_get(&r.s, 0, 0, r.s.length, page, bits));
			else
				x(log_report(r.fd, r.s.iova, PAGES * LOG_PAGE, page, bits));
			for (u64 at = 0; at < PAGES * LOG_PAGE; at += LOG_PAGE)
				if (bits[at / page / 8] >> at / page % 8 & 1)
					*(u64 *)(copy[t] + at) = __atomic_load_n(
						(u64 *)(r.s.mem + at), __ATOMIC_RELAXED);
		}
		for (u64 at = 0; round % 4 == 3 && at < PAGES * LOG_PAGE; at += LOG_PAGE)
			for (int t = 0; t < 2; t++)
				ct_check(!memcmp(copy[t] + at, r.s.mem + at, 8),
					 "IOVA %#" PRIx64
					 ": the copy by the %s is not what is there",
					 r.s.iova + at, t ? "IOMMU" : "log");
	}
}

/* Trackers are switched by nobody but who switches them. */
CT_TEST(mig_keeps_trackers, "MIG-017", .needs = TARGET_VFIO)
{
	static const u32 way[] = { S(PRE_COPY), S(PRE_COPY_P2P), S(STOP_COPY),
				   S(STOP),	S(RUNNING_P2P),	 S(RUNNING) };
	struct log_rig r;

	log_rig_open(&r, IODIRTY_VFIO_PCI, MIG_ALL, 0);
	x(ct_vfio_attach(r.fd, r.s.hwpt, NULL));
	log_write(&r, 1);
	scene_mark(&r.s, LOG_PAGE + 1, 1);
	x(log_start(r.fd, r.s.iova, PAGES * LOG_PAGE));
	log_write(&r, 2);
	scene_mark(&r.s, 2 * LOG_PAGE + 2, 1);
	for (size_t i = 0; i < 6; i++)
		x(mig_set(r.fd, way[i], NULL));
	log_expect(&r, 0, PAGES, 1, 4, "all around");
	scene_expect(&r.s, 0, r.s.length, r.s.granule);
	x(mig_set(r.fd, S(STOP), NULL));
	x(log_stop(r.fd));
	x(log_start(r.fd, r.s.iova, PAGES * LOG_PAGE));
	x(mig_set(r.fd, S(RUNNING), NULL));
	log_write(&r, 3);
	scene_mark(&r.s, 3 * LOG_PAGE + 3, 1);
	log_expect(&r, 0, PAGES, 1, 8, "started while it was stopped");
	scene_expect(&r.s, 0, r.s.length, r.s.granule);
}
