/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Chapter MIG: what is read and written by the descriptor of a session. */
#include "bits.h"
#include "mig.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

static u8 stream[MIG_STREAM_MAX], other[MIG_STREAM_MAX];

static int device(u32 kind, u32 flags)
{
	const struct iodirty_vfio_plug plug = {
		.kind = kind,
		.flags = flags,
		.pasid = kind == IODIRTY_VFIO_MDEV_PASID ? 1 : 0,
	};
	u32 id;

	return ct_vfio_device(&plug, &id);
}

static int64_t read_some(int data_fd, void *buf, u64 size)
{
	return ct.t->driver->fd_read(ct.t, data_fd, buf, size, UINT64_MAX);
}

/* ---- reading ---- */

/* The end is an end; MIG_DATA_SIZE is no less than what there was; nothing else may be done by
 * this descriptor. */
CT_TEST(mig_stop_copy_stream, "MIG-009", .needs = TARGET_VFIO)
{
	int fd = device(IODIRTY_VFIO_PCI, IODIRTY_VFIO_MIGRATION), data_fd;
	struct vfio_device_feature_mig_data_size size = { 0 };
	struct vfio_precopy_info info = { .argsz = sizeof(info) };
	u64 n;

	x(ct_vfio_feature(fd, VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_MIG_DATA_SIZE, &size,
			  sizeof(size)));
	x(mig_set(fd, S(STOP_COPY), &data_fd));
	x_err(ESPIPE, (int)ct.t->driver->fd_read(ct.t, data_fd, stream, 1, 0));
	x_err(ESPIPE, (int)ct.t->driver->fd_write(ct.t, data_fd, stream, 1, 0));
	x_err(EINVAL, mig_write(data_fd, stream, 1, 1));
	x_err(EINVAL, ct_fd_ioctl(data_fd, VFIO_MIG_GET_PRECOPY_INFO, &info));
	x_err(ENOTTY, ct_fd_ioctl(data_fd, VFIO_DEVICE_RESET, NULL));
	x_err(EFAULT, (int)read_some(data_fd, NULL, 1));
	n = mig_read(data_fd, stream, sizeof(stream), 100);
	ct_check(n && n <= size.stop_copy_length,
		 "%" PRIu64 " bytes, of which %" PRIu64 " were announced", n,
		 (u64)size.stop_copy_length);
	for (int i = 0; i < 3; i++)
		ct_check(!read_some(data_fd, stream, 1), "the end is not the end");
	x(mig_set(fd, S(STOP), NULL));
	x_err(ENODEV, (int)read_some(data_fd, stream, 1));
	x(mig_set(fd, S(STOP_COPY), NULL));
	x_err(ENODEV, (int)read_some(data_fd, stream, 1)); /* another session's */
	x(ct_close(data_fd));
}

static void info_of(int data_fd, struct vfio_precopy_info *info)
{
	*info = (struct vfio_precopy_info){ .argsz = sizeof(*info), .flags = 1 };
	x(ct_fd_ioctl(data_fd, VFIO_MIG_GET_PRECOPY_INFO, info));
	ct_check(!info->flags, "flags %#x", info->flags);
}

/* All until the temporary end; how much. */
static u64 drain(int data_fd, u64 at)
{
	for (;;) {
		int64_t n = read_some(data_fd, stream + at, 1000);

		if (n == -ENOMSG)
			return at;
		ct_check(n > 0, "at byte %" PRIu64 " of PRE_COPY: %s", at,
			 n ? ct_errno_name((int)n) : "the end");
		at += n;
	}
}

/* What is left says when to go on; what changes comes again; the whole is one stream. */
CT_TEST(mig_pre_copy_stream, "MIG-010", .needs = TARGET_VFIO)
{
	static const u32 sets[] = { IODIRTY_VFIO_MIGRATION | IODIRTY_VFIO_PRE_COPY, MIG_ALL };

	for (size_t i = 0; i < 2 * N(sets); i++) {
		int fd = device(IODIRTY_VFIO_PCI, sets[i / 2]), data_fd, to, to_fd;
		struct vfio_precopy_info info = { .argsz = sizeof(info) - 1 };
		bool all = i & 1; /* is read before STOP_COPY */
		u64 at = 0, initial;
		int64_t n;

		ct_bar_write(fd, IODIRTY_BAR_BUFFER + 8, 11);
		x(mig_set(fd, S(PRE_COPY), &data_fd));
		x_err(EINVAL, ct_fd_ioctl(data_fd, VFIO_MIG_GET_PRECOPY_INFO, &info));
		info_of(data_fd, &info);
		ct_check(info.initial_bytes && !info.dirty_bytes,
			 "%" PRIu64 " and %" PRIu64 " bytes", (u64)info.initial_bytes,
			 (u64)info.dirty_bytes);
		initial = info.initial_bytes;
		n = read_some(data_fd, stream, initial / 2);
		ct_check(n > 0, "read: %s", ct_errno_name((int)n));
		info_of(data_fd, &info);
		ct_check(info.initial_bytes == initial - n,
			 "%" PRIu64 " bytes are left of %" PRIu64, (u64)info.initial_bytes,
			 initial);
		at = n;
		if (all) {
			at = drain(data_fd, at);
			info_of(data_fd, &info);
			ct_check(at == initial && !info.initial_bytes && !info.dirty_bytes,
				 "%" PRIu64 " bytes were read of %" PRIu64 ", %" PRIu64 " are left",
				 at, initial, (u64)(info.initial_bytes + info.dirty_bytes));
		}
		ct_bar_write(fd, IODIRTY_BAR_BUFFER + 8, 12);
		info_of(data_fd, &info);
		ct_check(info.dirty_bytes, "a change is not announced");
		if (all) {
			n = info.dirty_bytes;
			ct_check(drain(data_fd, at) == at + n, "not the bytes announced");
			at += n;
			info_of(data_fd, &info);
			ct_check(!info.dirty_bytes, "what was read is announced");
			x_err(ENOMSG, (int)read_some(data_fd, stream, 1));
		}
		if (sets[i / 2] & IODIRTY_VFIO_P2P)
			x(mig_set(fd, S(PRE_COPY_P2P), NULL));
		ct_bar_write(fd, IODIRTY_BAR_BUFFER + 16, 13);
		ct_bar_write(fd, IODIRTY_BAR_GEN_SEED, 14);
		x(mig_set(fd, S(STOP_COPY), NULL));
		at += mig_read(data_fd, stream + at, sizeof(stream) - at, 4096);
		to = device(IODIRTY_VFIO_PCI, sets[i / 2]);
		to_fd = mig_resume(to);
		x(mig_write(to_fd, stream, at, 777));
		x(mig_set(to, S(RUNNING), NULL));
		ct_check(ct_bar_read(to, IODIRTY_BAR_BUFFER + 8) == 12 &&
				 ct_bar_read(to, IODIRTY_BAR_BUFFER + 16) == 13 &&
				 ct_bar_read(to, IODIRTY_BAR_GEN_SEED) == 14,
			 "the destination is not what the source was at last");
	}
}

/* ---- writing ---- */

/* @size bytes are written, in one or not; then there must be no way on but a reset. */
static void expect_refused(int fd, const u8 *bytes, u64 size, const char *what, u64 at)
{
	int data_fd = mig_resume(fd);
	int err = mig_write(data_fd, bytes, size, 3000), ret;

	ct_check(!err || err == -EINVAL, "%s %" PRIu64 ": write: %s", what, at, ct_errno_name(err));
	if (err)
		ct_check(mig_write(data_fd, bytes, 1, 1) == -EINVAL,
			 "%s %" PRIu64 ": refused, then taken", what, at);
	ret = mig_set(fd, S(STOP), NULL);
	ct_check(ret == -EIO, "%s %" PRIu64 ": expected EIO, got %s", what, at, ct_errno_name(ret));
	mig_expect(fd, S(ERROR), what);
	x_err(ENODEV, mig_write(data_fd, bytes, 1, 1));
	x(ct_close(data_fd));
	for (u32 state = 0; state < S(NR); state++)
		x_err(EINVAL, mig_set(fd, state, NULL));
	x(ct_fd_ioctl(fd, VFIO_DEVICE_RESET, NULL));
	mig_expect(fd, S(RUNNING), "reset");
}

static void expect_taken(int fd, const u8 *bytes, u64 size)
{
	int data_fd = mig_resume(fd);

	x(mig_write(data_fd, bytes, size, 3000));
	x(mig_set(fd, S(STOP), NULL));
	x(ct_close(data_fd));
	x(ct_fd_ioctl(fd, VFIO_DEVICE_RESET, NULL));
}

static u64 good_stream(int fd, u8 *bytes)
{
	u64 n;

	ct_bar_write(fd, IODIRTY_BAR_BUFFER, 0x123456789abcdefull);
	n = mig_save(fd, bytes);
	x(mig_set(fd, S(RUNNING), NULL));
	return n;
}

/* Cut at every byte: nothing but all of it is a device. */
CT_TEST(mig_truncated, "MIG-011", .needs = TARGET_VFIO)
{
	int fd = device(IODIRTY_VFIO_PCI, IODIRTY_VFIO_MIGRATION);
	u64 n = good_stream(fd, stream);

	for (u64 size = 0; size < n; size++)
		expect_refused(fd, stream, size, "cut at byte", size);
	expect_taken(fd, stream, n);
}

/* Each bit that is not what was read, a byte more, twice, or in another order. */
CT_TEST(mig_corrupt, "MIG-012", .needs = TARGET_VFIO)
{
	int fd = device(IODIRTY_VFIO_PCI, IODIRTY_VFIO_MIGRATION);
	u64 n = good_stream(fd, stream), state = ct.seed;

	for (u64 at = 0; at < n; at++) {
		u8 flip = 1 << ct_random(&state) % 8;

		stream[at] ^= flip;
		expect_refused(fd, stream, n, "a flipped bit of byte", at);
		stream[at] ^= flip;
	}
	expect_refused(fd, stream, n + 1, "bytes more:", 1);
	memcpy(stream + n, stream, n);
	expect_refused(fd, stream, 2 * n, "bytes again:", n);
	expect_refused(fd, stream + n / 2, n, "not from the start but from byte", n / 2);
	expect_taken(fd, stream, n);
	for (int i = 0; i < 50; i++) {
		for (size_t at = 0; at < 8192; at++)
			other[at] = (u8)ct_random(&state);
		expect_refused(fd, other, 8192, "noise,", i);
		memcpy(other, stream, 32); /* what may be its head */
		memset(other + ct_random(&state) % 32, 0xff, 8);
		expect_refused(fd, other, sizeof(other), "a head that is not, and noise,", i);
	}
}

/* One kind of device is not another. */
CT_TEST(mig_other_kind, "MIG-013", .needs = TARGET_VFIO)
{
	static const u32 kinds[] = { IODIRTY_VFIO_PCI, IODIRTY_VFIO_MDEV, IODIRTY_VFIO_MDEV_PASID };
	int fd[N(kinds)];

	for (size_t i = 0; i < N(kinds); i++)
		fd[i] = device(kinds[i], IODIRTY_VFIO_MIGRATION);
	for (size_t from = 0; from < N(kinds); from++) {
		u64 n = good_stream(fd[from], stream);

		for (size_t to = 0; to < N(kinds); to++)
			if (to == from)
				expect_taken(fd[to], stream, n);
			else
				expect_refused(fd[to], stream, n, "of another kind:", from);
	}
}

/* Nothing can be read in RESUMING, and what is not there cannot be written. */
CT_TEST(mig_resuming_descriptor, "MIG-011", .needs = TARGET_VFIO)
{
	int fd = device(IODIRTY_VFIO_PCI, IODIRTY_VFIO_MIGRATION), data_fd;
	u64 n = good_stream(fd, stream);

	data_fd = mig_resume(fd);
	x_err(EINVAL, (int)read_some(data_fd, other, 1));
	x_err(EFAULT, mig_write(data_fd, NULL, 1, 1));
	x(mig_write(data_fd, stream, n / 2, n));
	x_err(EFAULT, mig_write(data_fd, NULL, 1, 1));
	x(mig_write(data_fd, stream + n / 2, n - n / 2, n));
	x(mig_set(fd, S(RUNNING), NULL));
	ct_check(ct_bar_read(fd, IODIRTY_BAR_BUFFER) == 0x123456789abcdefull, "the buffer is not");
}
