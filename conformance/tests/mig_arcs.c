/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Chapter MIG: which states there are, and the ways between them. */
#define _GNU_SOURCE
#include <sys/mman.h>

#include "mig.h"

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* ---- what the UAPI says, in its own order ---- */

struct arc {
	u32 from, to;
	bool pre_copy; /* removed where that is not supported */
};

/* Each arc that is described; where P2P is not supported its states behave as if it were. */
static const struct arc arcs[] = {
	{ S(RUNNING_P2P), S(STOP), false },	{ S(STOP_COPY), S(STOP), false },
	{ S(RESUMING), S(STOP), false },	{ S(PRE_COPY), S(RUNNING), true },
	{ S(RUNNING_P2P), S(RUNNING), false },	{ S(PRE_COPY_P2P), S(RUNNING_P2P), true },
	{ S(RUNNING), S(RUNNING_P2P), false },	{ S(STOP), S(RUNNING_P2P), false },
	{ S(RUNNING), S(PRE_COPY), true },	{ S(RUNNING_P2P), S(PRE_COPY_P2P), true },
	{ S(STOP), S(STOP_COPY), false },	{ S(PRE_COPY), S(PRE_COPY_P2P), true },
	{ S(PRE_COPY_P2P), S(PRE_COPY), true }, { S(PRE_COPY_P2P), S(STOP_COPY), true },
	{ S(STOP), S(RESUMING), false },
};

static bool in_saving_group(u32 state)
{
	return state == S(PRE_COPY) || state == S(PRE_COPY_P2P) || state == S(STOP_COPY);
}

static bool supported(u32 state, bool p2p, bool pre_copy)
{
	if (state == S(RUNNING_P2P) || state == S(PRE_COPY_P2P))
		return p2p && (pre_copy || state == S(RUNNING_P2P));
	return state == S(PRE_COPY) ? pre_copy : state != S(ERROR) && state < S(NR);
}

/* Is there a path, by a search that is wide first? Within the saving group it stays in that;
 * else no state of it is on the way. Two arcs out of STOP_COPY are not permitted. */
static bool reachable(u32 from, u32 to, bool pre_copy)
{
	bool within = in_saving_group(from) && in_saving_group(to);
	u32 queue[S(NR)] = { from }, head = 0, tail = 1;
	bool seen[S(NR)] = { false };

	seen[from] = true;
	if (from == S(STOP_COPY) && within)
		return to == from;
	for (; head < tail; head++) {
		for (size_t i = 0; i < N(arcs); i++) {
			u32 next = arcs[i].to;

			if (arcs[i].from != queue[head] || seen[next] ||
			    (arcs[i].pre_copy && !pre_copy))
				continue;
			if (next != to && in_saving_group(next) != within)
				continue;
			if (next != to && !within && in_saving_group(next))
				continue;
			seen[next] = true;
			queue[tail++] = next;
		}
	}
	return seen[to];
}

/* ---- every state to every state ---- */

static u8 stream[MIG_STREAM_MAX];
static u64 stream_size;

/* From RUNNING, by single arcs alone; the session's descriptor, or -1. */
static int go(int fd, u32 state)
{
	int data_fd = -1;

	switch (state) {
	case S(STOP):
	case S(RUNNING_P2P):
	case S(PRE_COPY):
		x(mig_set(fd, state, &data_fd));
		break;
	case S(STOP_COPY):
	case S(RESUMING):
		x(mig_set(fd, S(STOP), NULL));
		x(mig_set(fd, state, &data_fd));
		break;
	case S(PRE_COPY_P2P):
		x(mig_set(fd, S(RUNNING_P2P), NULL));
		x(mig_set(fd, state, &data_fd));
		break;
	}
	mig_expect(fd, state, "on the way");
	if (state == S(RESUMING))
		x(mig_write(data_fd, stream, stream_size, sizeof(stream)));
	return data_fd;
}

/* Is @data_fd that of a session that goes on? */
static bool goes_on(int data_fd)
{
	u8 byte;
	int64_t n = ct.t->driver->fd_read(ct.t, data_fd, &byte, 1, UINT64_MAX);

	ct_check(n == 1 || n == -EINVAL || n == -ENODEV || n == -ENOMSG,
		 "the descriptor of a session: %s", n < 0 ? ct_errno_name((int)n) : "its end");
	return n != -ENODEV;
}

static bool has_session(u32 state)
{
	return in_saving_group(state) || state == S(RESUMING);
}

static void one_way(int fd, u32 from, u32 to, bool p2p, bool pre_copy)
{
	bool ok = supported(to, p2p, pre_copy) && reachable(from, to, pre_copy);
	bool same = from == to || (in_saving_group(from) && in_saving_group(to));
	bool begins = ok && has_session(to) && !same;
	int before, data_fd, ret;

	before = go(fd, from);
	ret = mig_set(fd, to, &data_fd);
	ct_check(ret == (ok ? 0 : -EINVAL), "%s to %s: expected %s, got %s", mig_name(from),
		 mig_name(to), ok ? "0" : "EINVAL", ct_errno_name(ret));
	mig_expect(fd, ok ? to : from, mig_name(to));
	ct_check(begins ? data_fd >= 0 : ret || data_fd == -1,
		 "%s to %s: descriptor %d, where %s session begins", mig_name(from), mig_name(to),
		 data_fd, begins ? "a" : "no");
	if (before >= 0) {
		ct_check(goes_on(before) == (!ok || same), "%s to %s: the session before %s",
			 mig_name(from), mig_name(to), ok && !same ? "goes on" : "does not go on");
		x(ct_close(before));
	}
	if (begins) {
		ct_check(goes_on(data_fd), "%s to %s: its session does not", mig_name(from),
			 mig_name(to));
		x(ct_close(data_fd));
	}
	x(ct_fd_ioctl(fd, VFIO_DEVICE_RESET, NULL));
	mig_expect(fd, S(RUNNING), "reset");
}

CT_TEST(mig_arcs, "MIG-002", .needs = TARGET_VFIO)
{
	for (int set = 0; set < 4; set++) {
		bool p2p = set & 1, pre_copy = set & 2;
		const struct iodirty_vfio_plug plug = {
			.kind = IODIRTY_VFIO_PCI,
			.flags = IODIRTY_VFIO_MIGRATION | (p2p ? IODIRTY_VFIO_P2P : 0) |
				 (pre_copy ? IODIRTY_VFIO_PRE_COPY : 0),
		};
		u32 id;
		int fd = ct_vfio_device(&plug, &id);

		mig_expect(fd, S(RUNNING), "at first");
		stream_size = mig_save(fd, stream);
		x(mig_set(fd, S(RUNNING), NULL));
		for (u32 from = S(STOP); from < S(NR); from++)
			for (u32 to = S(ERROR); to <= S(NR) && supported(from, p2p, pre_copy); to++)
				one_way(fd, from, to, p2p, pre_copy);
	}
}

/* The flags say which of the four it is; without them there is nothing. */
CT_TEST(mig_flags, "MIG-001", .needs = TARGET_VFIO)
{
	static const struct {
		u32 plug;
		u64 flags;
	} sets[] = {
		{ IODIRTY_VFIO_MIGRATION, 1 },
		{ IODIRTY_VFIO_MIGRATION | IODIRTY_VFIO_P2P, 3 },
		{ IODIRTY_VFIO_MIGRATION | IODIRTY_VFIO_PRE_COPY, 5 },
		{ MIG_ALL, 7 },
		{ 0, 0 },
	};

	for (size_t i = 0; i < N(sets); i++) {
		const struct iodirty_vfio_plug plug = { .kind = IODIRTY_VFIO_PCI,
							.flags = sets[i].plug };
		struct vfio_device_feature_migration m = { .flags = UINT64_MAX };
		u32 id;
		int fd = ct_vfio_device(&plug, &id);
		int ret = ct_vfio_feature(
			fd, VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_MIGRATION, &m, sizeof(m));

		if (!sets[i].plug) {
			ct_check(ret == -ENOTTY, "no migration: %s", ct_errno_name(ret));
			x_err(ENOTTY, mig_set(fd, S(STOP), NULL));
			continue;
		}
		x(ret);
		ct_check(m.flags == sets[i].flags, "flags %#llx, not %#llx",
			 (unsigned long long)m.flags, (unsigned long long)sets[i].flags);
	}
}

/* No state at all; and each that can only come about. */
CT_TEST(mig_no_states, "MIG-003", .needs = TARGET_VFIO)
{
	static const u32 none[] = { 0, 8, 9, 255, 256, 1u << 31, (1u << 31) + 1, UINT32_MAX };
	static const u32 from[] = { S(RUNNING), S(STOP), S(STOP_COPY), S(RESUMING), S(PRE_COPY) };
	const struct iodirty_vfio_plug plug = { .kind = IODIRTY_VFIO_PCI, .flags = MIG_ALL };
	u32 id;
	int fd = ct_vfio_device(&plug, &id);

	for (size_t f = 0; f < N(from); f++) {
		go(fd, from[f]);
		for (size_t i = 0; i < N(none); i++) {
			int ret = mig_set(fd, none[i], NULL);

			ct_check(ret == -EINVAL, "state %u: %s", none[i], ct_errno_name(ret));
			mig_expect(fd, from[f], "no state asked for");
		}
		x(ct_fd_ioctl(fd, VFIO_DEVICE_RESET, NULL));
	}
}

/* ---- ends ---- */

/* Reset, close and removal, from every state: RUNNING, and whoever has the descriptor of a
 * session has nothing. */
CT_TEST(mig_ends, "MIG-004", .needs = TARGET_VFIO)
{
	const struct iodirty_vfio_plug plug = { .kind = IODIRTY_VFIO_PCI, .flags = MIG_ALL };
	u32 id, dev;
	int fd = ct_vfio_device(&plug, &id);

	for (u32 state = S(STOP); state < S(NR); state++)
		for (int how = 0; how < 3; how++) {
			int data_fd = go(fd, state);

			switch (how) {
			case 0:
				x(ct_fd_ioctl(fd, VFIO_DEVICE_RESET, NULL));
				break;
			case 1:
				x(ct_close(fd));
				fd = ct_vfio_open(IODIRTY_VFIO_DEVICE, id);
				x(ct_vfio_bind(fd, &dev));
				break;
			default:
				x(ct_vfio_unplug(id));
				x_err(ENODEV, mig_set(fd, S(STOP), NULL));
				x(ct_close(fd));
			}
			ct_check(data_fd < 0 || !goes_on(data_fd), "%s: its session goes on",
				 mig_name(state));
			if (data_fd >= 0) {
				x_err(ENODEV, mig_write(data_fd, "!", 1, 1));
				x(ct_close(data_fd));
			}
			if (how == 2)
				fd = ct_vfio_device(&plug, &id);
			mig_expect(fd, S(RUNNING), "begun anew");
		}
}

/* ---- failures ---- */

#define SET_SIZE 16

static void put_set(u8 *at, u32 state)
{
	const struct {
		u32 argsz, flags; /* struct vfio_device_feature */
		struct vfio_device_feature_mig_state set;
	} arg = {
		.argsz = SET_SIZE,
		.flags = VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE,
		.set = { .device_state = state },
	};

	memcpy(at, &arg, sizeof(arg));
}

/* How many descriptors there are: where the next session's would be. */
static int next_descriptor(int fd)
{
	int data_fd = mig_resume(fd);

	x(ct_close(data_fd));
	x(ct_fd_ioctl(fd, VFIO_DEVICE_RESET, NULL));
	return data_fd;
}

/* Who cannot be told of a descriptor has none, and gets one by the same call made again. */
CT_TEST(mig_unwritable, "MIG-005", .needs = TARGET_VFIO)
{
	static const u32 states[] = { S(STOP), S(STOP_COPY), S(RESUMING), S(PRE_COPY) };
	const struct iodirty_vfio_plug plug = { .kind = IODIRTY_VFIO_PCI, .flags = MIG_ALL };
	u8 *page = ct_memory(4096, 4096, 0);
	u32 id;
	int fd = ct_vfio_device(&plug, &id), next = next_descriptor(fd), data_fd;

	for (size_t i = 0; i < N(states); i++)
		for (int round = 0; round < 3; round++) {
			ct_check(!mprotect(page, 4096, PROT_READ | PROT_WRITE), "mprotect");
			put_set(page, states[i]);
			ct_check(!mprotect(page, 4096, PROT_READ), "mprotect");
			x_err(EFAULT, ct_fd_ioctl(fd, VFIO_DEVICE_FEATURE, page));
			ct_check(mig_state(fd) != S(ERROR), "%s: EFAULT, and ERROR",
				 mig_name(states[i]));
			x(mig_set(fd, states[i], &data_fd));
			mig_expect(fd, states[i], "asked for again");
			ct_check(data_fd == (has_session(states[i]) ? next : -1),
				 "%s: descriptor %d, after one that was not told of",
				 mig_name(states[i]), data_fd);
			if (data_fd >= 0)
				x(ct_close(data_fd));
			x(ct_fd_ioctl(fd, VFIO_DEVICE_RESET, NULL));
		}
	x_err(EFAULT, ct_fd_ioctl(fd, VFIO_DEVICE_FEATURE, NULL));
}

/* Every failure of SET_STATE: the device is at some state of the way, from where the rest of
 * it can be gone. */
CT_TEST(mig_nth, "MIG-006", .needs = TARGET_VFIO | TARGET_FAIL_NTH)
{
	static const struct {
		u32 from, to;
	} ways[] = {
		{ S(RUNNING), S(STOP) },       { S(RUNNING), S(STOP_COPY) },
		{ S(RUNNING), S(PRE_COPY) },   { S(RUNNING), S(RESUMING) },
		{ S(PRE_COPY), S(STOP_COPY) }, { S(STOP_COPY), S(RUNNING) },
		{ S(STOP), S(RUNNING) },
	};
	const struct iodirty_vfio_plug plug = { .kind = IODIRTY_VFIO_PCI, .flags = MIG_ALL };
	const struct iodirty_stream_start s = { .iova = 4096, .length = 4096, .stride = 8 };
	u32 id;
	int fd = ct_vfio_device(&plug, &id);

	for (size_t i = 0; i < N(ways); i++) {
		u32 left = 0;

		for (u32 nth = 1; !left; nth++) {
			int ret, before, data_fd;

			ct_check(nth < 100, "SET_STATE never ends failing");
			ct_vfio_bus_master(fd, true);
			ct_vfio_generate(fd, &s);
			before = go(fd, ways[i].from);
			x(ct.t->driver->fail_nth(ct.t, nth, &left));
			ret = mig_set(fd, ways[i].to, &data_fd);
			x(ct.t->driver->fail_nth(ct.t, 0, &left));
			ct_check(left || ret, "%s to %s: failure %u is swallowed",
				 mig_name(ways[i].from), mig_name(ways[i].to), nth);
			ct_check(!ret || ret == -ENOMEM || ret == -EFAULT || ret == -ENFILE ||
					 ret == -EMFILE,
				 "%s to %s: failure %u: %s", mig_name(ways[i].from),
				 mig_name(ways[i].to), nth, ct_errno_name(ret));
			ct_check(mig_state(fd) != S(ERROR), "%s to %s: failure %u: ERROR",
				 mig_name(ways[i].from), mig_name(ways[i].to), nth);
			if (ret)
				x(mig_set(fd, ways[i].to, &data_fd));
			mig_expect(fd, ways[i].to, "asked for again");
			ct_check(!has_session(ways[i].to) || before >= 0 || data_fd >= 0,
				 "failure %u: there is no getting at the session", nth);
			if (data_fd >= 0)
				x(ct_close(data_fd));
			ct_check(ct_bar_read(fd, IODIRTY_BAR_GEN_CONTROL), "the generator is off");
			if (before >= 0)
				x(ct_close(before));
			x(ct_fd_ioctl(fd, VFIO_DEVICE_RESET, NULL));
		}
	}
}
