/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Migration states of a device, version 2 (VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE), and the
 * descriptors by which its state is read and written.
 *
 * In STOP, STOP_COPY, RESUMING and ERROR it does no DMA: when the call that took it
 * there returns, none is under way, so a harvest after it is the last. In all other states it
 * runs. It has no peers, hence in the P2P states it has nothing to leave out.
 */
#include "device.h"

#define S(name) VFIO_DEVICE_STATE_##name
#define NR S(NR)

/*
 * Reading or writing the state: of PRE_COPY, PRE_COPY_P2P and STOP_COPY, as long as the device
 * stays in these, or of RESUMING. It ends with that, whoever has its descriptor.
 */
struct session {
	u64 refs; /* the descriptor, and mig->session; atomic */
	struct vfio_device *dev; /* referenced */
	struct vfio_mig_data *data; /* under dev->lock */
};

struct vfio_mig {
	u32 state; /* enum vfio_device_mig_state */
	struct session *session; /* referenced; NULL: none */
	u64 sessions; /* how many have begun */
	u32 before; /* the state from which the last did */
};

/* ---- sessions ---- */

static void session_put(struct session *s)
{
	if (__atomic_sub_fetch(&s->refs, 1, __ATOMIC_ACQ_REL))
		return;
	vfio_mig_data_free(s->data);
	vfio_device_put(s->dev);
	port_free(s);
}

static int session_begin(struct vfio_device *dev, bool resuming)
{
	struct session *s = port_alloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->data = vfio_mig_data_create(resuming);
	if (!s->data) {
		port_free(s);
		return -ENOMEM;
	}
	s->refs = 1;
	s->dev = dev;
	vfio_device_hold(dev);
	dev->mig->session = s;
	dev->mig->sessions++;
	dev->mig->before = dev->mig->state;
	return 0;
}

/* Whoever ends it holds a reference to the device besides. */
static void session_end(struct vfio_mig *mig)
{
	if (mig->session)
		session_put(mig->session);
	mig->session = NULL;
}

static void session_release(void *priv)
{
	session_put(priv);
}

static bool is_pre_copy(u32 state)
{
	return state == S(PRE_COPY) || state == S(PRE_COPY_P2P);
}

/* Of a device that runs the stream has an end that is none: ENOMSG. */
static s64 read_locked(struct session *s, u64 uaddr, u64 size)
{
	struct vfio_mig *mig = s->dev->mig;
	s64 n;

	if (mig->session != s)
		return -ENODEV;
	if (mig->state == S(RESUMING))
		return -EINVAL;
	n = vfio_mig_data_read(s->data, uaddr, size);
	if (n || !size || !is_pre_copy(mig->state))
		return n;
	vfio_mig_data_precopy(s->data, s->dev);
	n = vfio_mig_data_read(s->data, uaddr, size);
	return n ? n : -ENOMSG;
}

static s64 session_read(void *priv, u64 uaddr, u64 size, u64 pos)
{
	struct session *s = priv;
	s64 n;

	(void)pos;
	port_mutex_lock(&s->dev->lock);
	n = read_locked(s, uaddr, size);
	port_mutex_unlock(&s->dev->lock);
	return n;
}

static s64 session_write(void *priv, u64 uaddr, u64 size, u64 pos)
{
	struct session *s = priv;
	s64 n = -ENODEV;

	(void)pos;
	port_mutex_lock(&s->dev->lock);
	if (s->dev->mig->session == s)
		n = s->dev->mig->state == S(RESUMING) ?
			    vfio_mig_data_write(s->data, s->dev, uaddr, size) :
			    -EINVAL;
	port_mutex_unlock(&s->dev->lock);
	return n;
}

static long precopy_info(struct session *s, u64 uptr)
{
	struct vfio_precopy_info info;
	struct vfio_mig *mig = s->dev->mig;
	u64 initial, dirty;
	int err = vfio_copy_arg(&info, uptr, sizeof(info));

	if (err)
		return err;
	if (mig->session != s)
		return -ENODEV;
	if (!is_pre_copy(mig->state))
		return -EINVAL;
	vfio_mig_data_left(s->data, s->dev, &initial, &dirty);
	info.flags = 0;
	info.initial_bytes = initial;
	info.dirty_bytes = dirty;
	return port_copy_to_user(uptr, &info, sizeof(info));
}

static long session_ioctl(void *priv, unsigned int cmd, u64 arg)
{
	struct session *s = priv;
	long ret;

	if (cmd != VFIO_MIG_GET_PRECOPY_INFO)
		return -ENOTTY;
	port_mutex_lock(&s->dev->lock);
	ret = precopy_info(s, arg);
	port_mutex_unlock(&s->dev->lock);
	return ret;
}

static const struct port_fd_ops session_ops = {
	.release = session_release,
	.ioctl = session_ioctl,
	.stream = true,
	.read = session_read,
	.write = session_write,
};

/* ---- from state to state ---- */

#define BLOCKED NR

/*
 * Where to go next on the way from a state to another, of a device that has all of them: the
 * shortest path of the arcs that include/uapi/linux/vfio.h has, which saves nothing on the
 * way. A state that the device does not have is passed through.
 */
static const u8 next_state[NR][NR] = {
	[S(STOP)] = {
		[S(STOP)] = S(STOP),
		[S(RUNNING)] = S(RUNNING_P2P),
		[S(STOP_COPY)] = S(STOP_COPY),
		[S(RESUMING)] = S(RESUMING),
		[S(RUNNING_P2P)] = S(RUNNING_P2P),
		[S(PRE_COPY)] = S(RUNNING_P2P),
		[S(PRE_COPY_P2P)] = S(RUNNING_P2P),
	},
	[S(RUNNING)] = {
		[S(STOP)] = S(RUNNING_P2P),
		[S(RUNNING)] = S(RUNNING),
		[S(STOP_COPY)] = S(RUNNING_P2P),
		[S(RESUMING)] = S(RUNNING_P2P),
		[S(RUNNING_P2P)] = S(RUNNING_P2P),
		[S(PRE_COPY)] = S(PRE_COPY),
		[S(PRE_COPY_P2P)] = S(RUNNING_P2P),
	},
	[S(STOP_COPY)] = {
		[S(STOP)] = S(STOP),
		[S(RUNNING)] = S(STOP),
		[S(STOP_COPY)] = S(STOP_COPY),
		[S(RESUMING)] = S(STOP),
		[S(RUNNING_P2P)] = S(STOP),
		[S(PRE_COPY)] = BLOCKED,
		[S(PRE_COPY_P2P)] = BLOCKED,
	},
	[S(RESUMING)] = {
		[S(STOP)] = S(STOP),
		[S(RUNNING)] = S(STOP),
		[S(STOP_COPY)] = S(STOP),
		[S(RESUMING)] = S(RESUMING),
		[S(RUNNING_P2P)] = S(STOP),
		[S(PRE_COPY)] = S(STOP),
		[S(PRE_COPY_P2P)] = S(STOP),
	},
	[S(RUNNING_P2P)] = {
		[S(STOP)] = S(STOP),
		[S(RUNNING)] = S(RUNNING),
		[S(STOP_COPY)] = S(STOP),
		[S(RESUMING)] = S(STOP),
		[S(RUNNING_P2P)] = S(RUNNING_P2P),
		[S(PRE_COPY)] = S(RUNNING),
		[S(PRE_COPY_P2P)] = S(PRE_COPY_P2P),
	},
	[S(PRE_COPY)] = {
		[S(STOP)] = S(RUNNING),
		[S(RUNNING)] = S(RUNNING),
		[S(STOP_COPY)] = S(PRE_COPY_P2P),
		[S(RESUMING)] = S(RUNNING),
		[S(RUNNING_P2P)] = S(RUNNING),
		[S(PRE_COPY)] = S(PRE_COPY),
		[S(PRE_COPY_P2P)] = S(PRE_COPY_P2P),
	},
	[S(PRE_COPY_P2P)] = {
		[S(STOP)] = S(RUNNING_P2P),
		[S(RUNNING)] = S(RUNNING_P2P),
		[S(STOP_COPY)] = S(STOP_COPY),
		[S(RESUMING)] = S(RUNNING_P2P),
		[S(RUNNING_P2P)] = S(RUNNING_P2P),
		[S(PRE_COPY)] = S(PRE_COPY),
		[S(PRE_COPY_P2P)] = S(PRE_COPY_P2P),
	},
};

static bool has_state(const struct vfio_device *dev, u32 state)
{
	u32 p2p = dev->plug.flags & IODIRTY_VFIO_P2P;
	u32 pre_copy = dev->plug.flags & IODIRTY_VFIO_PRE_COPY;

	switch (state) {
	case S(RUNNING_P2P):
		return p2p;
	case S(PRE_COPY):
		return pre_copy;
	case S(PRE_COPY_P2P):
		return p2p && pre_copy;
	default:
		return state < NR;
	}
}

static bool is_quiet(u32 state)
{
	return state == S(ERROR) || state == S(STOP) || state == S(STOP_COPY) ||
	       state == S(RESUMING);
}

static bool is_saving(u32 state)
{
	return state == S(STOP_COPY) || is_pre_copy(state);
}

static void stop(struct vfio_device *dev)
{
	vfio_dma_stop(dev, true);
	vfio_engine_pause(dev);
}

/* What was written becomes the device's state, or it has none: then only a reset helps. */
static int leave_resuming(struct vfio_device *dev)
{
	int err = vfio_mig_data_load(dev->mig->session->data, dev);

	session_end(dev->mig);
	if (err)
		dev->mig->state = S(ERROR);
	return err;
}

static void save(struct vfio_device *dev, u32 to)
{
	struct vfio_mig_data *data = dev->mig->session->data;

	if (to == S(STOP_COPY))
		vfio_mig_data_stop_copy(data, dev);
	else
		vfio_mig_data_precopy(data, dev);
}

/* One arc. On an error the device is where it was, but for RESUMING. */
static int go(struct vfio_device *dev, u32 to)
{
	struct vfio_mig *mig = dev->mig;
	u32 from = mig->state;
	bool same_session = is_saving(from) && is_saving(to);
	int err = 0;

	if (from == S(RESUMING))
		err = leave_resuming(dev);
	if (!err && !same_session && (is_saving(to) || to == S(RESUMING)))
		err = session_begin(dev, to == S(RESUMING));
	else if (is_quiet(from) && !is_quiet(to))
		err = vfio_engine_resume(dev);
	if (err)
		return err;
	if (is_quiet(to) && !is_quiet(from))
		stop(dev);
	if (is_saving(to) && (!same_session || to == S(STOP_COPY)))
		save(dev, to);
	if (is_saving(from) && !same_session)
		session_end(mig);
	if (is_quiet(from) && !is_quiet(to))
		vfio_dma_stop(dev, false);
	mig->state = to;
	return 0;
}

/* All arcs to @to: a failure leaves it at one on the way. */
static int set_state(struct vfio_device *dev, u32 to)
{
	struct vfio_mig *mig = dev->mig;
	u32 next;
	int err = 0;

	if (to == S(ERROR) || mig->state == S(ERROR) || !has_state(dev, to))
		return -EINVAL;
	while (!err && mig->state != to) {
		next = next_state[mig->state][to];
		while (next != BLOCKED && !has_state(dev, next))
			next = next_state[next][to];
		err = next == BLOCKED ? -EINVAL : go(dev, next);
	}
	return err;
}

/* ---- features ---- */

int vfio_mig_get_flags(struct vfio_device *dev, u64 uptr)
{
	struct vfio_device_feature_migration out = { .flags = VFIO_MIGRATION_STOP_COPY };

	if (dev->plug.flags & IODIRTY_VFIO_P2P)
		out.flags |= VFIO_MIGRATION_P2P;
	if (dev->plug.flags & IODIRTY_VFIO_PRE_COPY)
		out.flags |= VFIO_MIGRATION_PRE_COPY;
	return port_copy_to_user(uptr, &out, sizeof(out));
}

int vfio_mig_get_state(struct vfio_device *dev, u64 uptr)
{
	const struct vfio_device_feature_mig_state out = {
		.device_state = dev->mig->state,
		.data_fd = -1,
	};

	return port_copy_to_user(uptr, &out, sizeof(out));
}

/* A descriptor for the session that has just begun. Fails whole. */
static int install(struct vfio_mig *mig)
{
	int fd;

	port_count(&mig->session->refs, 1);
	fd = port_fd_install(&session_ops, mig->session);
	if (fd < 0)
		session_put(mig->session);
	return fd;
}

/*
 * A session that the caller does not get to know of is none: as the device does nothing else
 * where one begins, it is at the state before, and the same call made again begins another.
 */
int vfio_mig_set_state(struct vfio_device *dev, u64 uptr)
{
	struct vfio_device_feature_mig_state cmd;
	struct vfio_mig *mig = dev->mig;
	u64 sessions = mig->sessions;
	bool begun;
	int err = port_copy_from_user(&cmd, uptr, sizeof(cmd));

	if (err)
		return err;
	err = set_state(dev, cmd.device_state);
	begun = !err && mig->sessions != sessions;
	cmd.data_fd = begun ? install(mig) : -1;
	if (begun && cmd.data_fd < 0)
		err = cmd.data_fd;
	if (!err)
		err = port_copy_to_user(uptr, &cmd, sizeof(cmd));
	if (!err || !begun)
		return err;
	if (cmd.data_fd >= 0)
		port_fd_close(cmd.data_fd);
	session_end(mig);
	mig->state = mig->before;
	return err;
}

int vfio_mig_data_size(struct vfio_device *dev, u64 uptr)
{
	const struct vfio_device_feature_mig_data_size out = {
		.stop_copy_length = vfio_mig_data_length(),
	};

	(void)dev;
	return port_copy_to_user(uptr, &out, sizeof(out));
}

/* ---- the device's life ---- */

int vfio_mig_create(struct vfio_device *dev)
{
	dev->mig = port_alloc(sizeof(*dev->mig));
	if (!dev->mig)
		return -ENOMEM;
	dev->mig->state = S(RUNNING);
	return 0;
}

void vfio_mig_destroy(struct vfio_device *dev)
{
	port_free(dev->mig);
}

void vfio_mig_reset(struct vfio_device *dev)
{
	if (!dev->mig)
		return;
	session_end(dev->mig);
	dev->mig->state = S(RUNNING);
	vfio_dma_stop(dev, false);
}
