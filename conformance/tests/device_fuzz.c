/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter DEVICE, garbage: random calls on an open device's descriptor, bound or not, of
 * each kind: ioctls with arguments that are often nearly right, reads and writes
 * at any place. What it starts by its registers runs meanwhile.
 */
#include "vfio.h"

enum {
	CALLS = 20000,
	WORDS = 32, /* of an argument */
};

struct fuzz {
	u64 state;
	u32 ids[8]; /* IOASes, HWPTs, the device, and what is none */
	u64 iova;
	u32 *arg; /* WORDS, and behind them a page that cannot be accessed */
	u64 succeeded;
};

static u64 below(struct fuzz *f, u64 n)
{
	return ct_random(&f->state) % n;
}

/* Often good for something. */
static u32 word(struct fuzz *f)
{
	switch (below(f, 6)) {
	case 0:
		return 0;
	case 1:
		return f->ids[below(f, 8)];
	case 2:
		return 1u << below(f, 32);
	case 3:
		return (u32)below(f, 130);
	case 4:
		return (u32)f->iova;
	default:
		return (u32)ct_random(&f->state);
	}
}

/* None that names a descriptor of the runner's: a bind is given the iommufd or none. */
static void random_ioctl(struct fuzz *f, int fd)
{
	static const u32 argsz[] = { 0, 7, 8, 11, 12, 16, 20, 24, 32, 64, 128, 4096, ~0u };
	u32 cmd = VFIO_DEVICE_GET_INFO + below(f, 14), *arg;
	u32 n = 1 + below(f, WORDS);

	if (cmd == VFIO_DEVICE_RESET && below(f, 8))
		cmd = VFIO_DEVICE_GET_INFO;

	if (!below(f, 20))
		cmd = (u32)ct_random(&f->state);
	if (cmd == VFIO_DEVICE_BIND_IOMMUFD)
		n = WORDS;
	arg = f->arg + WORDS - n; /* its end is that of what can be accessed */
	for (u32 i = 0; i < n; i++)
		arg[i] = word(f);
	arg[0] = argsz[below(f, sizeof(argsz) / sizeof(argsz[0]))];
	if (n > 2 && below(f, 2))
		arg[1] = below(f, 8) ? 0 : 1;
	if (cmd == VFIO_DEVICE_BIND_IOMMUFD)
		arg[2] = below(f, 2) ? (u32)ct.t->fd : -(u32)below(f, 4);
	f->succeeded += !ct_fd_ioctl(fd, cmd, below(f, 50) ? arg : (void *)(8 * below(f, 1000)));
}

/* A register of 8 bytes, and what may well be good for it. */
static void random_register(struct fuzz *f, int fd)
{
	static const u32 first[] = { IODIRTY_BAR_DMA_SOURCE, IODIRTY_BAR_GEN_IOVA,
				     IODIRTY_BAR_PIN_IOVA };
	u64 value;

	switch (below(f, 4)) {
	case 0:
		value = f->iova + below(f, 20000);
		break;
	case 1:
		value = IODIRTY_BAR_BUFFER + below(f, 2 * IODIRTY_BAR_BUFFER_SIZE);
		break;
	case 2:
		value = 8 * below(f, 600);
		break;
	default:
		value = below(f, 4);
		break;
	}
	f->succeeded += region_write(fd, &value, 8, first[below(f, 3)] + 8 * below(f, 10)) == 8;
}

static void random_move(struct fuzz *f, int fd)
{
	static const u32 regions[] = { VFIO_PCI_BAR0_REGION_INDEX, VFIO_PCI_CONFIG_REGION_INDEX };
	u32 size = 1u << below(f, 4), *buf = f->arg;
	u64 pos = (u64)regions[below(f, 2)] << 40;

	switch (below(f, 4)) {
	case 0:
		pos += below(f, IODIRTY_BAR_SIZE + 64);
		size = (u32)below(f, 4 * WORDS);
		break;
	case 1:
		pos += IODIRTY_BAR_GEN_IOVA + 4 * below(f, 24);
		break;
	case 2:
		pos += IODIRTY_BAR_PIN_IOVA + 4 * below(f, 10);
		break;
	default:
		pos += below(f, 0x100) & ~3ull;
		break;
	}
	if (!below(f, 50))
		pos = ct_random(&f->state);
	for (u32 i = 0; i < WORDS; i++)
		buf[i] = word(f);
	if (!below(f, 50))
		buf = f->arg + WORDS - 1;
	if (below(f, 3))
		f->succeeded += region_write(fd, buf, size, pos) >= 0;
	else
		f->succeeded += region_read(fd, buf, size, pos) >= 0;
}

static void fuzz(u64 part, const struct iodirty_vfio_plug *plug)
{
	struct fuzz f = { .state = ct.seed + part };
	struct scene s;
	u8 bits[8] = { 0 };
	u32 id, other;
	int fd, safe;

	f.arg = (u32 *)cut_off(4 * WORDS);
	safe = open_tracked(&s, &other);
	f.ids[0] = s.ioas;
	f.ids[1] = s.hwpt;
	f.ids[2] = s.dev;
	x(ct_hwpt_alloc(s.dev, s.ioas, 0, &f.ids[3]));
	x(ct_ioas_alloc(&f.ids[4]));
	x(ct_map(f.ids[4], ct_memory(s.length, 4096, 0), s.length, s.iova));
	f.iova = s.iova;
	/* What is mapped for all of them may be written at any time: of this nobody asks. */
	x(ct_vfio_plug(plug, &id));
	for (u32 opens = 0; opens < 10; opens++) {
		fd = ct_vfio_open(IODIRTY_VFIO_DEVICE, id);
		ct_check(fd >= 0, "the device's node: %s", ct_errno_name(fd));
		/* Every other one begins where calls can do something. */
		if (opens & 1) {
			x(ct_vfio_bind(fd, &other));
			ct_vfio_bus_master(fd, true);
			x(ct_vfio_attach(fd, f.ids[4], NULL));
		}
		for (u32 i = 0; i < CALLS / 10; i++) {
			u64 which = below(&f, 4);

			if (which < 2)
				random_ioctl(&f, fd);
			else if (which < 3)
				random_register(&f, fd);
			else
				random_move(&f, fd);
		}
		x(ct_close(fd));
	}
	ct_measure("calls that succeeded", f.succeeded, "1");
	ct_check(f.succeeded > CALLS / 20, "only %" PRIu64 " calls succeeded: they reach nothing",
		 f.succeeded);
	/* It can still be had, and works; nor is the other one any the worse. */
	fd = ct_vfio_open(IODIRTY_VFIO_DEVICE, id);
	x(ct_vfio_bind(fd, &other));
	ct_vfio_bus_master(fd, true);
	x(ct_vfio_attach(fd, f.ids[4], NULL));
	x(ct_vfio_write(fd, s.iova, "?", 1));
	x(scene_get(&s, 0, 0, s.length, s.leaf, bits));
	expect_all(&s);
	vfio_write(&s, safe, s.leaf);
	expect_all(&s);
}

CT_TEST(fuzz_pci, "DEVICE-020", .needs = TARGET_VFIO, .timeout_s = 60)
{
	const struct iodirty_vfio_plug plug = {
		.flags = IODIRTY_VFIO_LOG | IODIRTY_VFIO_MIGRATION | IODIRTY_VFIO_PRE_COPY,
		.pasid_width = 8,
	};

	fuzz(1, &plug);
}

CT_TEST(fuzz_mdev, "DEVICE-020", .needs = TARGET_VFIO, .timeout_s = 60)
{
	fuzz(2, &vfio_mdev);
}
