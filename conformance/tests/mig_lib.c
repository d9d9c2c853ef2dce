/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For the tests of chapter MIG: see mig.h. */
#include "bits.h"
#include "mig.h"

const char *mig_name(u32 state)
{
	static const char *const names[] = {
		"ERROR",    "STOP",	   "RUNNING",  "STOP_COPY",
		"RESUMING", "RUNNING_P2P", "PRE_COPY", "PRE_COPY_P2P"
	};

	return state < S(NR) ? names[state] : "a state that there is not";
}

int mig_set(int fd, u32 state, int *data_fd)
{
	struct vfio_device_feature_mig_state arg = { .device_state = state, .data_fd = -2 };
	int ret = ct_vfio_feature(fd,
				  VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE,
				  &arg, sizeof(arg));

	ct_check(ret || arg.device_state == state, "SET_STATE of %s returns %s", mig_name(state),
		 mig_name(arg.device_state));
	if (data_fd)
		*data_fd = arg.data_fd;
	return ret;
}

u32 mig_state(int fd)
{
	struct vfio_device_feature_mig_state arg = { .device_state = S(NR), .data_fd = -2 };

	x(ct_vfio_feature(fd, VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE, &arg,
			  sizeof(arg)));
	ct_check(arg.data_fd == -1, "GET_STATE returns descriptor %d", arg.data_fd);
	return arg.device_state;
}

void mig_expect(int fd, u32 state, const char *what)
{
	u32 is = mig_state(fd);

	ct_check(is == state, "%s: the device is in %s, not in %s", what, mig_name(is),
		 mig_name(state));
}

u64 mig_read(int data_fd, void *buf, u64 size, u64 piece)
{
	u64 done = 0;

	for (;;) {
		int64_t n = ct.t->driver->fd_read(ct.t, data_fd, (u8 *)buf + done,
						  lowest(piece, size - done), UINT64_MAX);

		ct_check(n >= 0, "read at byte %" PRIu64 " of the stream: %s", done,
			 ct_errno_name((int)n));
		if (!n)
			return done;
		done += n;
		ct_check(done < size, "the stream does not end in %" PRIu64 " bytes", size);
	}
}

int mig_write(int data_fd, const void *buf, u64 size, u64 piece)
{
	for (u64 done = 0; done < size;) {
		int64_t n = ct.t->driver->fd_write(ct.t, data_fd, (const u8 *)buf + done,
						   lowest(piece, size - done), UINT64_MAX);

		if (n < 0)
			return (int)n;
		ct_check(n, "a write of the stream takes nothing");
		done += n;
	}
	return 0;
}

u64 mig_save(int fd, void *buf)
{
	int data_fd;
	u64 n;

	x(mig_set(fd, S(STOP_COPY), &data_fd));
	n = mig_read(data_fd, buf, MIG_STREAM_MAX, 64 * 1024);
	x(ct_close(data_fd));
	return n;
}

int mig_resume(int fd)
{
	int data_fd;

	x(mig_set(fd, S(RESUMING), &data_fd));
	ct_check(data_fd >= 0, "RESUMING comes with descriptor %d", data_fd);
	return data_fd;
}
