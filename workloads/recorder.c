/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A thread reads the record again and again, sooner than it is full, and puts it aside: of
 * what devices and memory a trace is, it is to say before its first access.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "recorder.h"
#include "trace.h"

#define CAPACITY IODIRTY_RECORD_MAX
#define BATCH 4096
#define PAUSE_NS 2000000 /* in which a record does not fill */
#define PAGE 4096

struct recorder {
	recorder_call *call;
	void *data;
	pthread_t thread;
	_Atomic bool stopping;
	FILE *aside; /* entries */
	uint64_t n, lost;
	int err; /* of the thread */
	struct iodirty_record_entry batch[BATCH];
};

static int control(struct recorder *r, enum iodirty_record_op op)
{
	struct iodirty_record arg = { .size = sizeof(arg), .op = op, .capacity = CAPACITY };

	return r->call(r->data, &arg);
}

/* All that there is. */
static int drain(struct recorder *r)
{
	struct iodirty_record arg = {
		.size = sizeof(arg),
		.op = IODIRTY_RECORD_READ,
		.count = BATCH,
		.entries = (uintptr_t)r->batch,
	};
	int ret;

	do {
		ret = r->call(r->data, &arg);
		if (ret)
			return ret;
		r->lost = arg.out_lost;
		r->n += arg.out_count;
		if (fwrite(r->batch, sizeof(r->batch[0]), arg.out_count, r->aside) != arg.out_count)
			return -EIO;
	} while (arg.out_count);
	return 0;
}

static void *drain_all(void *arg)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	struct recorder *r = arg;

	while (!r->stopping && !r->err) {
		r->err = drain(r);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

/* Signals are the other threads'. */
static int start_thread(struct recorder *r)
{
	sigset_t all, was;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &was);
	err = pthread_create(&r->thread, NULL, drain_all, r);
	pthread_sigmask(SIG_SETMASK, &was, NULL);
	return -err;
}

struct recorder *recorder_start(recorder_call *call, void *data, int *err)
{
	struct recorder *r = calloc(1, sizeof(*r));

	*err = -ENOMEM;
	if (!r)
		return NULL;
	r->call = call;
	r->data = data;
	r->aside = tmpfile();
	*err = r->aside ? control(r, IODIRTY_RECORD_START) : -errno;
	if (!*err)
		*err = start_thread(r);
	if (!*err)
		return r;
	if (r->aside)
		fclose(r->aside);
	free(r);
	return NULL;
}

/* ---- the trace ---- */

/* Which devices there are, and what memory. */
struct survey {
	uint32_t ids[WORKLOAD_DEVICES];
	unsigned int n;
	uint64_t first, last; /* IOVA */
	uint64_t begin, end; /* ns */
};

static int number_of(struct survey *s, uint32_t id)
{
	for (unsigned int i = 0; i < s->n; i++)
		if (s->ids[i] == id)
			return i;
	if (s->n == WORKLOAD_DEVICES)
		return -1;
	s->ids[s->n] = id;
	return s->n++;
}

/* Of each entry, in turn; @fn returns 0 to go on. */
static int for_each(struct recorder *r, int (*fn)(void *arg, const struct iodirty_record_entry *e),
		    void *arg)
{
	size_t n, i;
	int ret = 0;

	rewind(r->aside);
	while (!ret && (n = fread(r->batch, sizeof(r->batch[0]), BATCH, r->aside)))
		for (i = 0; i < n && !ret; i++)
			ret = fn(arg, &r->batch[i]);
	return ferror(r->aside) ? -EIO : ret;
}

static int look(void *arg, const struct iodirty_record_entry *e)
{
	struct survey *s = arg;
	uint64_t last = e->iova + (e->length - 1);

	if (number_of(s, e->dev_id) < 0)
		return -E2BIG;
	s->first = e->iova < s->first ? e->iova : s->first;
	s->last = last > s->last ? last : s->last;
	s->begin = e->ns < s->begin ? e->ns : s->begin;
	s->end = e->ns;
	return 0;
}

struct writing {
	struct survey *survey;
	struct trace_writer *trace;
};

static int write_one(void *arg, const struct iodirty_record_entry *e)
{
	const struct writing *w = arg;
	const struct access a = {
		.ns = e->ns - w->survey->begin,
		.iova = e->iova,
		.length = e->length,
		.device = number_of(w->survey, e->dev_id),
		.pasid = e->pasid,
		.write = e->op != IODIRTY_DMA_READ,
	};

	return trace_add(w->trace, &a);
}

static int write_trace(struct recorder *r, struct survey *s, FILE *out, const char *origin)
{
	struct workload like = {
		.iova = s->first & -(uint64_t)PAGE,
		.length = (s->last | (PAGE - 1)) + 1 - (s->first & -(uint64_t)PAGE),
		.devices = s->n,
	};
	struct writing w = { .survey = s };
	int ret, end;

	snprintf(like.origin, sizeof(like.origin), "%s", origin);
	w.trace = trace_begin(out, &like, 0);
	if (!w.trace)
		return -ENOMEM;
	ret = for_each(r, write_one, &w);
	end = trace_end(w.trace, s->end - s->begin);
	return ret ? ret : end;
}

static int finish(struct recorder *r, FILE *out, const char *origin, char error[WORKLOAD_ERROR])
{
	struct survey s = { .first = UINT64_MAX, .begin = UINT64_MAX };
	int ret = r->err;

	snprintf(error, WORKLOAD_ERROR, "the record cannot be read or kept: %s", strerror(-ret));
	if (ret)
		return ret;
	if (r->lost) {
		snprintf(error, WORKLOAD_ERROR,
			 "%" PRIu64 " accesses came faster than they were read: no trace of the "
			 "rest would be true; slow the devices down",
			 r->lost);
		return -EOVERFLOW;
	}
	if (!r->n) {
		snprintf(error, WORKLOAD_ERROR,
			 "no device did any DMA: there is nothing to record");
		return -ENODATA;
	}
	ret = for_each(r, look, &s);
	if (ret == -E2BIG)
		snprintf(error, WORKLOAD_ERROR, "more than %d devices: a trace has no more",
			 WORKLOAD_DEVICES);
	if (!ret)
		ret = write_trace(r, &s, out, origin);
	if (ret && ret != -E2BIG)
		snprintf(error, WORKLOAD_ERROR, "the trace cannot be written: %s", strerror(-ret));
	return ret;
}

int recorder_end(struct recorder *r, FILE *out, const char *origin, char error[WORKLOAD_ERROR])
{
	int ret;

	control(r, IODIRTY_RECORD_STOP);
	r->stopping = true;
	pthread_join(r->thread, NULL);
	if (!r->err)
		r->err = drain(r);
	ret = out ? finish(r, out, origin, error) : 0;
	fclose(r->aside);
	free(r);
	return ret;
}
