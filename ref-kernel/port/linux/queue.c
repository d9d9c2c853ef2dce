/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Descriptors of records: a ring each way. Each has one end that a mutex keeps to
 * one user at a time, and one that is the core's, which holds a lock of its own
 * there: so the ends need no lock between them.
 */
#include <linux/fs.h>
#include <linux/kfifo.h>
#include <linux/kref.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/slab.h>

#include "linux.h"

#define RING_BYTES 65536
#define RECORD_MAX (RING_BYTES / 2)

struct queue {
	struct kref refs; /* the descriptor's, the core's */
	bool abandoned; /* by the descriptor */
	bool closed; /* by the core */
	wait_queue_head_t wait;
	struct mutex readers, writers; /* the program's end of each ring */
	STRUCT_KFIFO_REC_2(RING_BYTES) to_user, from_user;
};

static void queue_free(struct kref *refs)
{
	kvfree(container_of(refs, struct queue, refs));
}

static struct queue *queue_of(struct file *file)
{
	return ((struct handed *)file->private_data)->queue;
}

/* One record, cut at @size; once the core has closed its end, the end. */
static ssize_t queue_read(struct file *file, char __user *buf, size_t size, loff_t *pos)
{
	struct queue *q = queue_of(file);
	bool closed = smp_load_acquire(&q->closed);
	unsigned int copied;
	int err = -EAGAIN;

	(void)pos;
	if (mutex_lock_interruptible(&q->readers))
		return -EINTR;
	if (!kfifo_is_empty(&q->to_user))
		err = kfifo_to_user(&q->to_user, buf, min(size, RECORD_MAX), &copied);
	else if (closed)
		err = copied = 0;
	mutex_unlock(&q->readers);
	return err ? err : copied;
}

static ssize_t queue_write(struct file *file, const char __user *buf, size_t size, loff_t *pos)
{
	struct queue *q = queue_of(file);
	unsigned int copied;
	int err;

	(void)pos;
	if (!size)
		return 0;
	if (size > RECORD_MAX)
		return -EMSGSIZE;
	if (smp_load_acquire(&q->closed))
		return -EPIPE;
	if (mutex_lock_interruptible(&q->writers))
		return -EINTR;
	err = kfifo_from_user(&q->from_user, buf, size, &copied);
	mutex_unlock(&q->writers);
	if (!err && !copied)
		err = -EAGAIN;
	return err ? err : copied;
}

static __poll_t queue_poll(struct file *file, poll_table *table)
{
	struct queue *q = queue_of(file);
	__poll_t events = EPOLLOUT | EPOLLWRNORM;

	poll_wait(file, &q->wait, table);
	if (smp_load_acquire(&q->closed))
		events |= EPOLLHUP | EPOLLRDHUP | EPOLLIN | EPOLLRDNORM;
	if (!kfifo_is_empty(&q->to_user))
		events |= EPOLLIN | EPOLLRDNORM;
	return events;
}

static const struct file_operations queue_fops = {
	.owner = THIS_MODULE,
	.read = queue_read,
	.write = queue_write,
	.poll = queue_poll,
	.release = handed_release,
};

int port_fd_install_queue(const struct port_fd_ops *ops, void *priv, struct port_queue *q)
{
	struct handed *handed = kzalloc(sizeof(*handed), GFP_KERNEL_ACCOUNT);
	struct queue *shared = kvzalloc(sizeof(*shared), GFP_KERNEL_ACCOUNT);
	int fd = -ENOMEM;

	if (!handed || !shared)
		goto free;
	kref_init(&shared->refs);
	kref_get(&shared->refs);
	init_waitqueue_head(&shared->wait);
	mutex_init(&shared->readers);
	mutex_init(&shared->writers);
	INIT_KFIFO(shared->to_user);
	INIT_KFIFO(shared->from_user);
	*handed = (struct handed){ .ops = ops, .priv = priv, .queue = shared };
	fd = handed_install("[iodirty-queue]", &queue_fops, handed);
	if (fd < 0)
		goto free;
	q->shared = shared;
	return fd;
free:
	kvfree(shared);
	kfree(handed);
	return fd;
}

void queue_abandon(struct queue *queue)
{
	WRITE_ONCE(queue->abandoned, true);
	kref_put(&queue->refs, queue_free);
}

int port_queue_send(struct port_queue *q, const void *record, size_t size)
{
	struct queue *shared = q->shared;

	if (READ_ONCE(shared->abandoned))
		return -EPIPE;
	if (!kfifo_in(&shared->to_user, (const u8 *)record, size))
		return -EAGAIN;
	wake_up(&shared->wait);
	return 0;
}

size_t port_queue_receive(struct port_queue *q, void *record, size_t size)
{
	struct queue *shared = q->shared;
	size_t whole = kfifo_is_empty(&shared->from_user) ? 0 : kfifo_peek_len(&shared->from_user);

	if (whole && !kfifo_out(&shared->from_user, (u8 *)record, size))
		whole = 0;
	return whole;
}

void port_queue_close(struct port_queue *q)
{
	smp_store_release(&q->shared->closed, true);
	wake_up(&q->shared->wait);
	kref_put(&q->shared->refs, queue_free);
}
