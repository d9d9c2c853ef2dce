/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Page requests of devices (PCIe PRI): who reads the queue that a HWPT was made
 * with sees each one, and answers it by its cookie. A request is a promise to the
 * device, so that each is answered: by the reader, by INVALID when the device is
 * detached, or at once where there is no reader.
 *
 * Answers are taken when something depends on them. A reader that answers what is
 * not asked is not told, as write() would tell it in Linux: the queue is a socket.
 */
#include "core.h"

/* Answers that one write() may hold; more of them are not seen. */
#define MAX_ANSWERS 64

struct page_request {
	struct page_request *next;
	const struct attach *from; /* to know it by */
	u32 cookie;
};

struct fault {
	struct object obj;
	struct port_queue queue;
	struct port_mutex lock; /* all below */
	struct page_request *pending; /* sent, not answered */
	u32 last_cookie;
};

/* The object is found by its id alone, and goes without a look at the descriptor:
 * its reader then finds the end of it. */
static void close_queue(void *priv)
{
	(void)priv;
}

static const struct port_fd_ops queue_fd_ops = { .release = close_queue };

int fault_queue_alloc_ioctl(struct ucmd *ucmd)
{
	struct iommu_fault_alloc *cmd = ucmd->arg;
	struct fault *fault;
	int fd, err;

	if (cmd->flags)
		return -EOPNOTSUPP;
	fault = object_alloc(ucmd->ctx, sizeof(*fault), OBJECT_FAULT);
	if (!fault)
		return -ENOMEM;
	fd = port_fd_install_queue(&queue_fd_ops, NULL, &fault->queue);
	if (fd < 0) {
		object_abort(&fault->obj);
		return fd;
	}
	port_mutex_init(&fault->lock);
	cmd->out_fault_id = fault->obj.id;
	cmd->out_fault_fd = (u32)fd;
	err = ucmd_reply(ucmd);
	if (err) {
		port_fd_close(fd);
		object_put(&fault->obj);
		return err;
	}
	object_publish(&fault->obj);
	return 0;
}

/* No HWPT uses it, so nothing is pending. */
void fault_release(struct object *obj)
{
	struct fault *fault = (struct fault *)obj;

	port_queue_close(&fault->queue);
	port_mutex_destroy(&fault->lock);
	port_free(fault);
}

static void answer(struct fault *fault, struct page_request **at, bool success)
{
	struct page_request *request = *at;
	struct iodirty_stats *stats = &fault->obj.ctx->stats;

	port_count(success ? &stats->requests_served : &stats->requests_refused, 1);
	*at = request->next;
	port_free(request);
}

/* fault->lock held, as in the next. False: it answers nothing. */
static bool take(struct fault *fault, const struct iommu_hwpt_page_response *response)
{
	struct page_request **at = &fault->pending;

	while (*at && (*at)->cookie != response->cookie)
		at = &(*at)->next;
	if (!*at || response->code > IOMMUFD_PAGE_RESP_INVALID)
		return false;
	answer(fault, at, response->code == IOMMUFD_PAGE_RESP_SUCCESS);
	return true;
}

/* As Linux does, a write() counts up to its first answer that is none. */
static void receive(struct fault *fault)
{
	struct iommu_hwpt_page_response responses[MAX_ANSWERS];
	size_t size;

	while ((size = port_queue_receive(&fault->queue, responses, sizeof(responses)))) {
		size_t n = port_min(size / sizeof(responses[0]), MAX_ANSWERS);

		if (size % sizeof(responses[0]))
			continue;
		for (size_t i = 0; i < n && take(fault, &responses[i]); i++)
			;
	}
}

void fault_receive_all(struct iommufd_ctx *ctx)
{
	struct fault *fault;

	for (u32 id = 0; (fault = object_next(ctx, OBJECT_FAULT, id));) {
		id = fault->obj.id;
		port_mutex_lock(&fault->lock);
		receive(fault);
		port_mutex_unlock(&fault->lock);
		object_put(&fault->obj);
	}
}

bool fault_deliver(struct attach *from, struct iommu_hwpt_pgfault *request)
{
	struct fault *fault = *pt_fault(from->pt);
	struct page_request *pending;
	int err;

	if (!fault)
		return false;
	pending = port_alloc(sizeof(*pending));
	if (!pending)
		return false;
	port_mutex_lock(&fault->lock);
	receive(fault);
	pending->from = from;
	pending->cookie = request->cookie = ++fault->last_cookie;
	err = port_queue_send(&fault->queue, request, sizeof(*request));
	if (!err) {
		pending->next = fault->pending;
		fault->pending = pending;
	}
	port_mutex_unlock(&fault->lock);
	if (err)
		port_free(pending);
	return !err;
}

void fault_answer_all(struct attach *from)
{
	struct fault *fault = *pt_fault(from->pt);
	struct page_request **at;

	if (!fault)
		return;
	port_mutex_lock(&fault->lock);
	receive(fault);
	at = &fault->pending;
	while (*at) {
		if ((*at)->from == from)
			answer(fault, at, false);
		else
			at = &(*at)->next;
	}
	port_mutex_unlock(&fault->lock);
}
