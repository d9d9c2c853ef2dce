/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The task that is this process itself: a program that links the reference. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ref.h"
#include "self.h"
#include "signals.h"
#include "task.h"

static int mm_read(struct port_mm *mm, void *dst, u64 addr, size_t size)
{
	(void)mm;
	return self_read(dst, addr, size);
}

static int mm_write(struct port_mm *mm, u64 addr, const void *src, size_t size)
{
	(void)mm;
	return self_write(addr, src, size);
}

static int mm_populate(struct port_mm *mm, u64 addr, u64 size, bool write)
{
	(void)mm;
	return self_populate(addr, size, write);
}

static int mm_vma(struct port_mm *mm, u64 addr, struct vma *vma)
{
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC), err;

	(void)mm;
	if (fd < 0)
		return -EFAULT;
	err = maps_find(fd, addr, vma);
	close(fd);
	return err;
}

static const struct mm_ops self_mm_ops = {
	.read = mm_read,
	.write = mm_write,
	.populate = mm_populate,
	.vma = mm_vma,
};

/* It lives as long as we do: nobody drops the reference of the task below. */
struct port_mm self_mm = { .ops = &self_mm_ops, .refs = 1 };

static int task_read(struct task *t, void *dst, u64 addr, size_t size)
{
	(void)t;
	return self_read(dst, addr, size);
}

static int task_write(struct task *t, u64 addr, const void *src, size_t size)
{
	(void)t;
	return self_write(addr, src, size);
}

static int task_atomic(struct task *t, u64 addr, enum port_atomic op, size_t size, u64 operand,
		       u64 compare, u64 *old)
{
	(void)t;
	return self_atomic(addr, op, size, operand, compare, old);
}

static bool task_capable(struct task *t, unsigned int cap)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	(void)t;
	if (syscall(SYS_capget, &head, data))
		return false;
	return data[CAP_TO_INDEX(cap)].effective & CAP_TO_MASK(cap);
}

/* Of a thread's call; the signals that it blocked before. */
static _Thread_local struct {
	bool held;
	enum signals_say say;
	u64 blocked;
} signals;

static void task_hold_signals(struct task *t)
{
	(void)t;
	if (signals.held)
		return;
	signals_hold(&signals.blocked);
	signals.held = true;
	signals.say = SIGNALS_NOTHING;
}

static bool task_interrupted(struct task *t)
{
	(void)t;
	if (signals.held && signals.say == SIGNALS_NOTHING)
		signals.say = signals_say(signals.blocked);
	return signals.held && signals.say != SIGNALS_NOTHING;
}

/* Handlers run in here. They may call, too, and need not come back. */
bool self_call_ends(s64 result)
{
	bool again = result == -ERESTARTSYS && signals.say == SIGNALS_RESTART;

	if (signals.held) {
		signals.held = false;
		signals_release(signals.blocked);
	}
	return !again;
}

static int task_fd_copy(struct task *t, int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	(void)t;
	return copy < 0 ? -errno : copy;
}

static struct fd_table fds = FD_TABLE_INIT;

/* A number to be known by. Of a queue it is the far end; else nothing is there. */
static int open_number(int *ours)
{
	int pair[2];

	if (!ours) {
		pair[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		return pair[0] < 0 ? -errno : pair[0];
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair))
		return -errno;
	*ours = pair[1];
	return pair[0];
}

static int task_fd_install(struct task *t, const struct port_fd_ops *ops, void *priv, int *ours)
{
	int fd = port_fail() ? -ENFILE : open_number(ours), err;

	(void)t;
	if (fd < 0)
		return fd;
	err = fd_table_add(&fds, fd, fd, ops, priv);
	if (!err)
		return fd;
	close(fd);
	if (ours)
		close(*ours);
	return err;
}

static struct port_fd *task_fd_find(struct task *t, int fd, const struct port_fd_ops *ops)
{
	(void)t;
	return fd_table_get(&fds, (u32)fd, ops);
}

static void task_fd_close(struct task *t, int fd)
{
	(void)t;
	ref_close(fd);
}

int ref_close(int fd)
{
	return fd_table_close(&fds, (u32)fd);
}

static const struct task_ops self_task_ops = {
	.read = task_read,
	.write = task_write,
	.atomic = task_atomic,
	.capable = task_capable,
	.hold_signals = task_hold_signals,
	.interrupted = task_interrupted,
	.fd_copy = task_fd_copy,
	.fd_install = task_fd_install,
	.fd_find = task_fd_find,
	.fd_close = task_fd_close,
};

static struct task self_task = { .ops = &self_task_ops, .mm = &self_mm };
static _Thread_local struct task *current;

struct task *task_current(void)
{
	return current ? current : &self_task;
}

void task_become(struct task *t)
{
	current = t;
}
