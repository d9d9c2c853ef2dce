/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter HOTPLUG: VFIO devices that come, go, are swapped and pulled out while tracking
 * is on and they write. How far a device came it says itself, by its registers, until
 * they are gone: whatever was complete by then is some harvest's to report.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "vfio.h"

enum {
	SLOTS = 256, /* leaves that a generator writes to */
	ROUNDS = 3,
	SWAPS = 20,
	CYCLES = 15,
	LATER = 4, /* harvests that find nothing */
};

/* ---- every complete write is reported ---- */

/*
 * One generator's writes over a scene, and what harvests of the HWPTs that it goes
 * through say of them. Write n must be in a harvest that can have seen it: one after
 * which more than n were complete. Harvests are by one thread.
 */
struct tally {
	const struct scene *s;
	struct iodirty_stream_start stream;
	u32 hwpts[2]; /* 0: none */
	u64 until
		[SLOTS]; /* the first write that no harvest which reported the slot can have seen */
};

static u64 now_complete(int fd)
{
	u64 bar = region_info(fd, VFIO_PCI_BAR0_REGION_INDEX).offset, n;

	ct_check(region_read(fd, &n, 8, bar + IODIRTY_BAR_GEN_COMPLETED) == 8, "no count");
	return n;
}

static void tally_open(struct tally *t, const struct scene *s, u32 second_hwpt)
{
	*t = (struct tally){ .s = s, .stream = vfio_stream(s), .hwpts = { s->hwpt, second_hwpt } };
}

/* @fd: the device, if it still is there. */
static void tally_harvest(struct tally *t, int fd)
{
	u8 bytes[SLOTS / 8] = { 0 };
	struct ct_bitmap b = { .bytes = bytes, .nbits = SLOTS };
	u64 complete;

	for (unsigned int i = 0; i < 2 && t->hwpts[i]; i++)
		x(ct_get_bitmap(t->hwpts[i], 0, t->s->iova, t->s->length, t->s->leaf, bytes));
	complete = fd < 0 ? UINT64_MAX - 1 : now_complete(fd);
	for (u64 slot = 0; slot < SLOTS; slot++)
		if (ct_bitmap_test(&b, slot))
			t->until[slot] = complete + 1;
}

/* The last harvest is made, and it holds for all of the first @end writes. */
static void tally_close(struct tally *t, u64 end)
{
	tally_harvest(t, -1);
	for (u64 n = 0; n < end; n++) {
		u64 slot = vfio_stream_offset(&t->stream, n) / t->s->leaf;

		ct_check(t->until[slot] > n,
			 "write %" PRIu64 " of %" PRIu64 ", to leaf %" PRIu64 ", is in no harvest",
			 n, end, slot);
	}
}

/*
 * Nothing more is written: no harvest reports anything, and memory stays as it is, while
 * another device, attached to nothing, has time for many writes.
 */
static void expect_silence(const struct scene *s)
{
	const struct iodirty_stream_start stream = vfio_stream(s);
	u64 before[SLOTS];
	u32 id;
	int clock = ct_vfio_device(&vfio_pci, &id);

	for (u64 i = 0; i < SLOTS; i++)
		memcpy(&before[i], s->mem + i * s->leaf, 8);
	ct_vfio_generate(clock, &stream);
	for (unsigned int i = 0; i < LATER; i++) {
		u8 bytes[SLOTS / 8] = { 0 };
		struct ct_bitmap b = { .bytes = bytes, .nbits = SLOTS };

		vfio_wait_writes(clock, 20);
		x(ct_get_bitmap(s->hwpt, 0, s->iova, s->length, s->leaf, bytes));
		ct_check(!ct_bitmap_count(&b),
			 "%" PRIu64 " leaves are dirty of a device that is gone",
			 ct_bitmap_count(&b));
	}
	for (u64 i = 0; i < SLOTS; i++)
		ct_check(!memcmp(&before[i], s->mem + i * s->leaf, 8),
			 "leaf %" PRIu64 " was written by a device that is gone", i);
	x(ct_close(clock));
	x(ct_vfio_unplug(id));
}

/* A scene of SLOTS leaves, and a device of it. */
static int open_wide(struct scene *s, u32 *id)
{
	int fd;

	scene_open(s, .leaves = SLOTS, .no_attach = true);
	fd = ct_vfio_device(&vfio_pci, id);
	x(ct_vfio_attach(fd, s->hwpt, NULL));
	return fd;
}

static void expect_gone(int fd)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	u64 value = 1;
	u32 dev;

	x_err(ENODEV, ct_fd_ioctl(fd, VFIO_DEVICE_GET_INFO, &info));
	x_err(ENODEV, ct_fd_ioctl(fd, VFIO_DEVICE_RESET, NULL));
	x_err(ENODEV, ct_vfio_detach(fd));
	x_err(ENODEV, ct_vfio_bind(fd, &dev));
	x_err(ENODEV, (int)region_read(fd, &value, 8, IODIRTY_BAR_GEN_COMPLETED));
	x_err(ENODEV, (int)region_write(fd, &value, 8, IODIRTY_BAR_GEN_CONTROL));
	x_err(ENODEV, (int)region_read(fd, &value, 4, 7ull << 40));
}

/* ---- pulled out ---- */

/* At rest: its bits stay, its descriptor is good for nothing, all else can go. */
CT_TEST(pulled_at_rest, "HOTPLUG-001", .scope = CT_EACH_LEAF, .needs = TARGET_VFIO)
{
	struct scene s;
	u32 id;
	int fd = open_tracked(&s, &id);

	vfio_write(&s, fd, 0);
	expect_all(&s);
	vfio_write(&s, fd, s.leaf);
	vfio_write(&s, fd, 3 * s.leaf);
	x(ct_vfio_unplug(id));
	expect_gone(fd);
	x_err(ENOENT, ct_vfio_unplug(id));
	x_err(ENOENT, ct_vfio_open(IODIRTY_VFIO_DEVICE, id));
	scene_expect_no_clear(&s, 0, s.length, s.granule);
	expect_all(&s);
	expect_all(&s);
	/* The HWPT goes on with whoever comes. */
	x(ct_attach(s.dev, 0, s.hwpt));
	scene_write(&s, 2 * s.leaf, 1);
	expect_all(&s);
	x(ct_detach(s.dev, 0));
	x(ct_destroy(s.hwpt));
	x(ct_destroy(s.ioas));
	x(ct_close(fd));
}

/* Never opened, opened, bound and not attached. */
CT_TEST(pulled_early, "HOTPLUG-001", .scope = CT_EACH_FORMAT, .needs = TARGET_VFIO)
{
	u64 capabilities;
	struct scene s;
	u32 id, dev;
	int fd;

	scene_open(&s);
	x(ct_vfio_plug(&vfio_pci, &id));
	x(ct_vfio_unplug(id));
	x(ct_vfio_plug(&vfio_pci, &id));
	fd = ct_vfio_open(IODIRTY_VFIO_DEVICE, id);
	x(ct_vfio_unplug(id));
	expect_gone(fd);
	x(ct_close(fd));
	x(ct_vfio_plug(&vfio_pci, &id));
	fd = ct_vfio_open(IODIRTY_VFIO_DEVICE, id);
	x(ct_vfio_bind(fd, &dev));
	x(ct_vfio_unplug(id));
	expect_gone(fd);
	x_err(ENOENT, ct_hw_info(dev, &capabilities));
	x(ct_close(fd));
	scene_write(&s, 0, 1);
	expect_all(&s);
}

struct remover {
	u32 id;
	atomic_bool go;
	int ret;
};

static void *remove_when_told(void *arg)
{
	struct remover *r = arg;

	while (!atomic_load(&r->go))
		sched_yield();
	r->ret = ct_vfio_unplug(r->id);
	return NULL;
}

/* Asked how far it is until the answer is that it is gone. */
static u64 ask_until_gone(int fd, u64 bar)
{
	u64 n, last = 0;
	int64_t ret;

	while ((ret = region_read(fd, &n, 8, bar + IODIRTY_BAR_GEN_COMPLETED)) == 8)
		last = n;
	x_err(ENODEV, (int)ret);
	return last;
}

/* While it writes flat out, by another thread. */
CT_TEST(pulled_while_writing, "HOTPLUG-002", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = TARGET_VFIO)
{
	struct scene s;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		struct remover remover = { 0 };
		pthread_t thread;
		struct tally t;
		u64 bar, last;
		int fd = open_wide(&s, &remover.id);

		bar = region_info(fd, VFIO_PCI_BAR0_REGION_INDEX).offset;
		tally_open(&t, &s, 0);
		ct_check(!pthread_create(&thread, NULL, remove_when_told, &remover), "no thread");
		ct_vfio_generate(fd, &t.stream);
		for (unsigned int i = 0; i < 4; i++) {
			vfio_wait_writes(fd, 20);
			tally_harvest(&t, fd);
		}
		atomic_store(&remover.go, true);
		last = ask_until_gone(fd, bar);
		pthread_join(thread, NULL);
		x(remover.ret);
		tally_close(&t, last);
		expect_silence(&s);
		expect_gone(fd);
		x(ct_destroy(s.hwpt));
		x(ct_close(fd));
	}
}

/* Transfers, one after the other, until it is gone. */
struct transfers {
	int fd;
	u64 bar, iova, leaf;
	atomic_uint done; /* to as many leaves */
	int ret; /* of what ended it */
};

static int put(const struct transfers *t, u32 reg, u64 value)
{
	int64_t n = region_write(t->fd, &value, 8, t->bar + reg);

	return n == 8 ? 0 : (int)n;
}

static void *transfer_until_gone(void *arg)
{
	struct transfers *t = arg;
	int ret = 0;

	while (!ret) {
		u64 n = atomic_load(&t->done), fault = 0;

		ret = put(t, IODIRTY_BAR_DMA_SOURCE, IODIRTY_BAR_BUFFER);
		if (!ret)
			ret = put(t, IODIRTY_BAR_DMA_DESTINATION, t->iova + n % SLOTS * t->leaf);
		if (!ret)
			ret = put(t, IODIRTY_BAR_DMA_COUNT, 8);
		if (!ret)
			ret = put(t, IODIRTY_BAR_DMA_COMMAND, 3);
		if (!ret && region_read(t->fd, &fault, 8, t->bar + IODIRTY_BAR_DMA_FAULT) != 8)
			ret = -ENODEV;
		if (!ret && fault)
			ret = -EFAULT;
		if (!ret)
			atomic_store(&t->done, n + 1);
	}
	t->ret = ret;
	return NULL;
}

/* Each that was said to be done is reported, though its registers vanish under it. */
CT_TEST(pulled_under_transfers, "HOTPLUG-003", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = TARGET_VFIO)
{
	struct scene s;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		u8 bytes[SLOTS / 8] = { 0 };
		struct ct_bitmap b = { .bytes = bytes, .nbits = SLOTS };
		struct transfers t = { 0 };
		pthread_t thread;
		u32 id, done;

		t.fd = open_wide(&s, &id);
		t.bar = region_info(t.fd, VFIO_PCI_BAR0_REGION_INDEX).offset;
		t.iova = s.iova;
		t.leaf = s.leaf;
		ct_check(!pthread_create(&thread, NULL, transfer_until_gone, &t), "no thread");
		while (atomic_load(&t.done) < 10 + 20 * round)
			x(ct_get_bitmap(s.hwpt, 0, s.iova, s.length, s.leaf, bytes));
		x(ct_vfio_unplug(id));
		pthread_join(thread, NULL);
		x_err(ENODEV, t.ret);
		x(ct_get_bitmap(s.hwpt, 0, s.iova, s.length, s.leaf, bytes));
		done = atomic_load(&t.done);
		for (u32 i = 0; i < done && i < SLOTS; i++)
			ct_check(ct_bitmap_test(&b, i), "transfer %u of %u is in no harvest", i,
				 done);
		expect_silence(&s);
		x(ct_destroy(s.hwpt));
		x(ct_close(t.fd));
	}
}

/* One of two: the other's writes go on, and none is lost. */
CT_TEST(pulled_one_of_two, "HOTPLUG-004", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = TARGET_VFIO)
{
	struct iodirty_stream_start other;
	struct scene s;
	struct tally t;
	u32 id, gone;
	int fd = open_wide(&s, &id);

	tally_open(&t, &s, 0);
	other = t.stream;
	other.seed++;
	ct_vfio_generate(fd, &t.stream);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		int second = ct_vfio_device(&vfio_pci, &gone);

		x(ct_vfio_attach(second, s.hwpt, NULL));
		ct_vfio_generate(second, &other);
		vfio_wait_writes(second, 20);
		tally_harvest(&t, fd);
		vfio_wait_writes(fd, 20);
		x(ct_vfio_unplug(gone));
		tally_harvest(&t, fd);
		vfio_wait_writes(fd, 20);
		x(ct_close(second));
	}
	tally_close(&t, ct_vfio_generate_stop(fd));
	ct_check(!ct_bar_read(fd, IODIRTY_BAR_GEN_FAULTS), "%" PRIu64 " writes faulted",
		 ct_bar_read(fd, IODIRTY_BAR_GEN_FAULTS));
}

/* ---- arrivals ---- */

/* While the first writes: tracked from its first write on. */
CT_TEST(arrives_while_tracking, "HOTPLUG-005", .scope = CT_EACH_LEAF, .concurrent = true,
	.needs = TARGET_VFIO)
{
	struct iodirty_stream_start stream;
	struct scene s;
	u32 id, second_id;
	int fd = open_tracked(&s, &id), second;

	stream = vfio_stream(&s);
	stream.length = stream.stride = s.leaf; /* the first leaf */
	ct_vfio_generate(fd, &stream);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		second = ct_vfio_device(&vfio_pci, &second_id);
		vfio_wait_writes(fd, 1);
		x(ct_vfio_attach(second, s.hwpt, NULL));
		vfio_write(&s, second, s.leaf * (1 + round % 3));
		scene_expect(&s, s.leaf, 3 * s.leaf, s.granule);
		vfio_write(&s, second, s.leaf * (1 + round % 3));
		if (round & 1)
			x(ct_vfio_unplug(second_id));
		x(ct_close(second));
		scene_expect(&s, s.leaf, 3 * s.leaf, s.granule);
	}
	ct_vfio_generate_stop(fd);
	scene_mark(&s, 0, 8);
	/* Harvests did not take it: each left the first leaf out. */
	expect_all(&s);
}

/* One whose IOMMU cannot track is refused, and is where it was before; by its IOAS's id it
 * gets in, to a table of its own. */
CT_TEST(incapable_arrives, "HOTPLUG-006", .scope = CT_EACH_FORMAT, .needs = TARGET_VFIO)
{
	const struct iodirty_vfio_plug incapable = { .flags = IODIRTY_VFIO_NO_DIRTY };
	struct scene s;
	u32 id, other, hwpt, ioas;
	u8 *mem;
	int fd = open_tracked(&s, &id), second = ct_vfio_device(&incapable, &other);

	for (unsigned int on = 0; on < 2; on++) {
		x(ct_set_tracking(s.hwpt, on));
		x_err(EINVAL, ct_vfio_attach(second, s.hwpt, NULL));
		vfio_expect_fault(&s, second, 0, IODIRTY_FAULT_NOT_ATTACHED);
	}
	mem = second_ioas(&s, &ioas);
	x(ct_vfio_attach(second, ioas, NULL));
	x_err(EINVAL, ct_vfio_attach(second, s.hwpt, NULL));
	x(ct_vfio_write(second, s.iova, "2", 1));
	ct_check(mem[0] == '2' && s.mem[0] != '2', "refused, it is no longer where it was");
	x(ct_vfio_attach(second, s.ioas, &hwpt));
	ct_check(hwpt != s.hwpt, "it has joined the HWPT that tracks");
	x(ct_vfio_write(second, s.iova, "3", 1));
	ct_check(s.mem[0] == '3', "it does not reach the IOAS");
	vfio_write(&s, fd, s.leaf);
	expect_all(&s);
}

/* ---- swapped ---- */

/* From one HWPT to another and back, while it writes: in A's bitmap or in B's; none
 * faults. */
CT_TEST(swapped_while_writing, "HOTPLUG-007", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = TARGET_VFIO)
{
	struct scene s, b;
	struct tally t;
	u32 id;
	int fd = open_wide(&s, &id);

	b = second_hwpt(&s, 0);
	x(ct_set_tracking(b.hwpt, true));
	tally_open(&t, &s, b.hwpt);
	ct_vfio_generate(fd, &t.stream);
	for (unsigned int i = 0; i < SWAPS; i++) {
		vfio_wait_writes(fd, 20);
		x(ct_vfio_attach(fd, i & 1 ? s.hwpt : b.hwpt, NULL));
		if (i % 3 == 0)
			tally_harvest(&t, fd);
	}
	tally_close(&t, ct_vfio_generate_stop(fd));
	ct_check(!ct_bar_read(fd, IODIRTY_BAR_GEN_FAULTS), "%" PRIu64 " writes faulted",
		 ct_bar_read(fd, IODIRTY_BAR_GEN_FAULTS));
}

/* Detached while it writes, and attached again: what did not fault is reported. */
CT_TEST(detached_while_writing, "HOTPLUG-008", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = TARGET_VFIO)
{
	struct scene s;
	u64 n, before;
	u32 id;
	int fd = open_wide(&s, &id);

	for (unsigned int round = 0; round < 4; round++) {
		struct tally t;

		tally_open(&t, &s, 0);
		t.stream.seed += round;
		ct_vfio_generate(fd, &t.stream);
		n = vfio_wait_writes(fd, 20);
		if (round & 1)
			tally_harvest(&t, fd);
		n = now_complete(fd);
		before = ct_bar_read(fd, IODIRTY_BAR_GEN_FAULTS);
		ct_check(!before, "%" PRIu64 " writes faulted while it was attached", before);
		x(ct_vfio_detach(fd));
		tally_close(&t, n);
		expect_silence(&s);
		ct_vfio_generate_stop(fd);
		x(ct_vfio_attach(fd, s.hwpt, NULL));
	}
}

/* ---- closed ---- */

CT_TEST(closed_while_writing, "HOTPLUG-009", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = TARGET_VFIO)
{
	struct scene s;
	u32 id, dev;
	int fd = open_wide(&s, &id);

	for (unsigned int round = 0; round < ROUNDS; round++) {
		struct tally t;
		u64 n;

		tally_open(&t, &s, 0);
		ct_vfio_generate(fd, &t.stream);
		vfio_wait_writes(fd, 20);
		tally_harvest(&t, fd);
		n = vfio_wait_writes(fd, 20);
		x(ct_close(fd));
		tally_close(&t, n);
		expect_silence(&s);
		fd = ct_vfio_open(IODIRTY_VFIO_DEVICE, id);
		x(ct_vfio_bind(fd, &dev));
		ct_vfio_bus_master(fd, true);
		x(ct_vfio_attach(fd, s.hwpt, NULL));
	}
}

/* ---- nothing is left ---- */

static void expect_stats(const struct iodirty_stats *before, unsigned int cycle)
{
	struct iodirty_stats now = { 0 };

	x(ct.t->driver->stats(ct.t, &now));
	ct_check(now.pinned_pages == before->pinned_pages && now.table_pages == before->table_pages,
		 "cycle %u: %" PRIu64 " pages pinned, %" PRIu64 " of tables; before %" PRIu64
		 ", %" PRIu64,
		 cycle, (u64)now.pinned_pages, (u64)now.table_pages, (u64)before->pinned_pages,
		 (u64)before->table_pages);
}

/* Plugged, used and pulled out, or closed, of each kind, many times. */
CT_TEST(cycles_leave_nothing, "HOTPLUG-010", .scope = CT_EACH_FORMAT,
	.needs = TARGET_VFIO | TARGET_STATS)
{
	struct iodirty_stream_start stream;
	struct iodirty_stats before = { 0 }, empty = { 0 };
	struct scene s;
	u32 id;

	x(ct.t->driver->stats(ct.t, &empty));
	scene_open(&s, .no_attach = true);
	x(ct.t->driver->stats(ct.t, &before));
	stream = vfio_stream(&s);
	for (unsigned int cycle = 0; cycle < CYCLES; cycle++) {
		/* One wants whole pages. */
		bool mdev = cycle % 5 == 4 && s.leaf >= 4096;
		int fd = ct_vfio_device(mdev ? &vfio_mdev : &vfio_pci, &id);

		/* Every third time by the IOAS: a table of its own comes and goes. */
		x(ct_vfio_attach(fd, mdev || cycle % 3 == 0 ? s.ioas : s.hwpt, NULL));
		if (mdev)
			x(ct_vfio_pin(fd, s.iova, 4096));
		ct_vfio_generate(fd, &stream);
		vfio_wait_writes(fd, 5);
		if (cycle & 1) {
			x(ct_vfio_unplug(id));
			expect_stats(&before, cycle);
		}
		x(ct_close(fd));
		if (!(cycle & 1))
			x(ct_vfio_unplug(id));
		expect_stats(&before, cycle);
	}
	x(ct_destroy(s.hwpt));
	x(ct_destroy(s.ioas));
	x(ct_unplug(s.dev));
	expect_stats(&empty, CYCLES);
}
