/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "perform.h"

#define SECOND ((uint64_t)1000000000)
#define PAGE ((uint64_t)4096)
#define DOZE (SECOND / 1000) /* the longest sleep: then it looks whether to end */
/* What others do is skipped for the next write of a device, for so long and so much. */
#define NEXT_NS (10 * SECOND)
#define NEXT_MOST 100000

_Static_assert(IODIRTY_BAR_BUFFER_SIZE >= 4096, "a page is one transfer");

static int failed(struct performer *p, int error, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int failed(struct performer *p, int error, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(p->message, sizeof(p->message), fmt, args);
	va_end(args);
	p->error = error;
	return error;
}

void perform_open(struct performer *p, struct machine *m, struct workload *w)
{
	*p = (struct performer){ .m = m, .w = w };
}

void perform_sample(const struct performer *p, uint64_t completed[MACHINE_DEVICES])
{
	for (unsigned int i = 0; i < p->m->n; i++)
		completed[i] = p->completed[i];
}

/* A workload without end has a next one. */
static int fetch(struct performer *p)
{
	int ret = p->fetched ? 1 : p->w->next(p->w, &p->next);

	if (ret <= 0)
		return failed(p, ret ? ret : -ENODATA, "workload %.60s: %.100s", p->w->name,
			      p->w->error);
	p->fetched = true;
	if (p->next.pasid)
		return failed(p, -EOPNOTSUPP,
			      "workload %.60s: an access with PASID %" PRIu32
			      ": devices migrate with requests of their own only",
			      p->w->name, p->next.pasid);
	return 0;
}

/* What write @n of @device begins each page with: no other write, nor the fill, has it. */
static uint64_t value_of(unsigned int device, uint64_t n)
{
	return (n * MACHINE_DEVICES + device + 1) * 0x9e3779b97f4a7c15ULL;
}

/* That of @device, of which @fd is the one that is to act: here, or at the destination. */
static int engine_of(struct performer *p, unsigned int device, int fd, struct vfioc_engine **out)
{
	struct vfioc_engine *e = &p->engines[device];

	*out = e;
	return e->t && e->fd == fd ? 0 : vfioc_engine_open(e, p->m->t, fd, 0);
}

/*
 * Page by page, as the fabric may do it too. Each call costs more than the bytes: what is written
 * is loaded once, and asked once, at the end, is whether the device refused. A device that is
 * stopped does not start again, so the last page is refused if any is; and all are in memory that
 * is mapped, or a report would not have them.
 */
static int do_access(struct performer *p, int fd, const struct access *a, uint32_t *fault)
{
	uint64_t iova = a->iova - p->w->iova + p->m->iova, left = a->length, n;
	struct vfioc_engine *e;
	int ret = engine_of(p, a->device, fd, &e);

	*fault = IODIRTY_FAULT_NONE;
	if (!ret && a->write)
		ret = vfioc_engine_load(e, value_of(a->device, p->completed[a->device]));
	for (; left && !ret; iova += n, left -= n) {
		n = PAGE - iova % PAGE;
		n = left < n ? left : n;
		ret = vfioc_engine_move(e, a->write, iova, n);
	}
	if (!ret)
		ret = vfioc_engine_fault(e, fault);
	if (ret)
		return failed(p, ret, "DMA of device %" PRIu32, a->device);
	if (*fault == IODIRTY_FAULT_NONE || *fault == IODIRTY_FAULT_STOPPED)
		return 0;
	return failed(p, -EFAULT, "DMA of device %" PRIu32 " at %#" PRIx64 ": fault %" PRIu32,
		      a->device, a->iova, *fault);
}

/* The next one. A write counts when all of it is done. */
static int do_next(struct performer *p)
{
	const struct access *a = &p->next;
	uint32_t fault;
	int ret = do_access(p, p->m->devices[a->device].fd, a, &fault);

	if (ret)
		return ret;
	p->stopped = fault == IODIRTY_FAULT_STOPPED;
	if (p->stopped)
		return 0;
	p->fetched = false;
	p->completed[a->device] += a->write;
	return 0;
}

/* ---- by the caller ---- */

static int tell(struct performer *p)
{
	return p->error ? machine_fail(p->m, p->error, "%s", p->message) : 0;
}

int perform_until(struct performer *p, uint64_t ns)
{
	while (!fetch(p) && p->next.ns < ns && !p->stopped && !do_next(p))
		;
	return tell(p);
}

/* ---- by a thread ---- */

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

/* Until @when, or it is to end. */
static void wait_until(struct performer *p, uint64_t when)
{
	uint64_t at;

	while (!p->halt && (at = now()) < when) {
		uint64_t next = when - at < DOZE ? when : at + DOZE;
		const struct timespec t = { .tv_sec = next / SECOND, .tv_nsec = next % SECOND };

		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
	}
}

static void *run(void *arg)
{
	struct performer *p = arg;

	while (!p->halt && !p->stopped && !fetch(p)) {
		wait_until(p, p->start + p->next.ns);
		if (!p->halt && do_next(p))
			break;
	}
	if (!p->error && !fetch(p) && now() > p->start + p->next.ns)
		p->late = now() - p->start - p->next.ns;
	return NULL;
}

int perform_start(struct performer *p)
{
	int ret;

	p->start = now();
	ret = pthread_create(&p->thread, NULL, run, p);
	if (ret)
		return machine_fail(p->m, -ret, "a thread for the workload");
	p->running = true;
	return 0;
}

int perform_join(struct performer *p)
{
	if (!p->running)
		return 0;
	p->halt = true;
	pthread_join(p->thread, NULL);
	p->running = false;
	return tell(p);
}

/* ---- at the destination ---- */

/* Its first bytes, of the first page at the least, are as they were to be. */
static int arrived(struct performer *p, const struct access *a)
{
	uint64_t value = value_of(a->device, p->completed[a->device]);
	uint64_t at = a->iova - p->w->iova, room = PAGE - at % PAGE;
	size_t n = a->length < sizeof(value) ? a->length : sizeof(value);

	n = n < room ? n : room;
	if (!memcmp(p->m->copy + at, &value, n))
		return 0;
	return machine_fail(p->m, -EIO,
			    "write %" PRIu64 " of device %" PRIu32
			    " is not in memory at the destination",
			    (uint64_t)p->completed[a->device], a->device);
}

/* Write @n of @device, from the workload's beginning on, to next; it is fetched, or there is none. */
static int find_write(struct performer *p, unsigned int device, uint64_t n)
{
	uint64_t seen = 0, skipped = 0, since = 0;
	int ret = 0;

	p->w->rewind(p->w);
	for (p->fetched = false; skipped < NEXT_MOST && !ret; p->fetched = false) {
		ret = fetch(p);
		if (ret || (seen == n && p->next.ns - since > NEXT_NS))
			break;
		if (p->next.device == device && p->next.write) {
			if (seen == n)
				break;
			seen++;
			since = p->next.ns;
		} else {
			skipped += seen == n;
		}
	}
	p->fetched = p->fetched && p->next.device == device && p->next.write;
	return ret;
}

int perform_next(struct performer *p, unsigned int device)
{
	uint32_t fault;
	int ret = find_write(p, device, p->completed[device]);

	if (!ret && p->fetched)
		ret = do_access(p, p->m->devices[device].copy_fd, &p->next, &fault);
	if (ret)
		return tell(p);
	if (!p->fetched)
		return 0;
	if (fault == IODIRTY_FAULT_STOPPED)
		return machine_fail(p->m, -EIO, "device %u does not go on", device);
	return arrived(p, &p->next);
}
