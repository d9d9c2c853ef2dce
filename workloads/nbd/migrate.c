/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A migration to another memory, in mid-run. Why nothing is lost:
 *
 *  - Tracking is enabled before the first page is copied: what is written from then on is
 *    reported, what was written before is in the copy of everything.
 *  - A page is harvested before it is copied. A write sets D before its bytes move, and a
 *    harvest that clears D returns when the bytes of all who relied on it have arrived: so
 *    either they are in the copy, or D is set again and the next harvest has the page. That
 *    a copy may catch a write halfway does no harm.
 *  - A request counts as under way until its DMA is complete. Once none is, and none begins,
 *    a last harvest has every page that was written since it was copied.
 *  - The device reaches the new memory before a request begins again, and the old one is
 *    spoiled by then: who still reads it, or was not copied, is seen by who verifies.
 *
 * Lock: @lock for the gate alone; the two memories and the log are the mover's.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "disk.h"

#define SECOND_NS 1000000000ULL
#define MS_NS 1000000ULL
#define PACED 64 /* pages, between two looks at the clock */

/* ---- the gate ---- */

bool disk_enter(struct disk *d)
{
	bool open;

	pthread_mutex_lock(&d->lock);
	while (d->held && !d->broken)
		pthread_cond_wait(&d->changed, &d->lock);
	open = !d->broken;
	d->under_way += open;
	pthread_mutex_unlock(&d->lock);
	return open;
}

void disk_leave(struct disk *d, bool write)
{
	pthread_mutex_lock(&d->lock);
	d->under_way--;
	if (write)
		d->writes++;
	else
		d->reads++;
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->lock);
}

static void hold(struct disk *d)
{
	pthread_mutex_lock(&d->lock);
	d->held = true;
	while (d->under_way)
		pthread_cond_wait(&d->changed, &d->lock);
	pthread_mutex_unlock(&d->lock);
}

static void let_go(struct disk *d, bool broken)
{
	pthread_mutex_lock(&d->lock);
	d->held = false;
	d->broken |= broken;
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->lock);
}

/* ---- time ---- */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND_NS + t.tv_nsec;
}

/* False: the disk is to be closed meanwhile. */
static bool sleep_until(struct disk *d, uint64_t at)
{
	struct timespec t = { .tv_sec = at / SECOND_NS, .tv_nsec = at % SECOND_NS };
	bool stop;

	pthread_mutex_lock(&d->lock);
	while (!d->stop && now_ns() < at)
		pthread_cond_timedwait(&d->changed, &d->lock, &t);
	stop = d->stop;
	pthread_mutex_unlock(&d->lock);
	return !stop;
}

/* ---- a migration ---- */

struct migration {
	struct disk *d;
	struct space *from, *to;
	uint64_t *bitmap;
	uint64_t sent[DISK_ROUNDS], last, strays; /* pages */
	uint64_t begin_ns, held_ns, reads, writes;
};

/* Devices write @from meanwhile, which is no race of words. */
static void copy_page(const struct migration *m, uint64_t page)
{
	uint64_t words = m->d->page / sizeof(uint64_t), at = page * words;
	const uint64_t *from = (const uint64_t *)m->from->memory;
	uint64_t *to = (uint64_t *)m->to->memory;

	for (uint64_t i = at; i < at + words; i++)
		to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

static uint64_t link_ns(const struct disk *d, uint64_t pages)
{
	if (!d->link)
		return 0;
	return (uint64_t)((double)pages * (double)d->page * (double)SECOND_NS / (double)d->link);
}

/* At the pace of the link what the bitmap names, all if @all. False: told to stop. */
static bool send_pages(struct migration *m, bool all, uint64_t *sent)
{
	struct disk *d = m->d;
	uint64_t begin = now_ns();

	*sent = 0;
	for (uint64_t page = 0; page < d->size / d->page; page++) {
		if (!all && !(m->bitmap[page / 64] >> page % 64 & 1))
			continue;
		copy_page(m, page);
		++*sent;
		if (*sent % PACED == 0 && !sleep_until(d, begin + link_ns(d, *sent)))
			return false;
	}
	return sleep_until(d, begin + link_ns(d, *sent));
}

/* What was the other memory until the last migration; nobody should have written it since. */
static int renew(struct migration *m)
{
	if (m->to->hwpt) {
		m->strays = space_strays(m->d, m->to);
		if (space_unmap(m->d, m->to))
			return -1;
	}
	if (space_map(m->d, m->to))
		return -1;
	space_spoil(m->d, m->to);
	return 0;
}

/* From here on requests count as those of this migration. */
static void begin(struct migration *m)
{
	pthread_mutex_lock(&m->d->lock);
	m->reads = m->d->reads;
	m->writes = m->d->writes;
	pthread_mutex_unlock(&m->d->lock);
}

/* 1: told to stop, nothing has changed. */
static int precopy(struct migration *m)
{
	if (renew(m) || space_track(m->d, m->from))
		return -1;
	begin(m);
	for (unsigned int round = 0; round < m->d->rounds; round++) {
		if (round && space_harvest(m->d, m->from, m->bitmap))
			return -1;
		if (!send_pages(m, !round, &m->sent[round]))
			return 1;
	}
	return 0;
}

/* Requests are held. */
static int switch_over(struct migration *m)
{
	struct disk *d = m->d;

	if (space_harvest(d, m->from, m->bitmap))
		return -1;
	if (!send_pages(m, false, &m->last))
		return 1;
	if (space_attach(d, m->to, IODIRTY_ATTACH_REPLACE))
		return -1;
	d->now = !d->now;
	space_spoil(d, m->from);
	return 0;
}

/*
 * A line of JSON. Written while requests are held: whoever finds it was not there when his
 * write was done knows that this migration has moved what he wrote.
 */
static int tell(const struct migration *m, unsigned int number)
{
	const struct disk *d = m->d;
	unsigned int round;

	if (!d->log)
		return 0;
	fprintf(d->log, "{\"migration\": %u, \"rounds\": %u, \"sent\": [", number, d->rounds);
	for (round = 0; round < d->rounds; round++)
		fprintf(d->log, "%s%llu", round ? ", " : "", (unsigned long long)m->sent[round]);
	fprintf(d->log,
		"], \"last\": %llu, \"reads\": %llu, \"writes\": %llu, \"strays\": %llu, "
		"\"total_ns\": %llu, \"held_ns\": %llu}\n",
		(unsigned long long)m->last, (unsigned long long)(d->reads - m->reads),
		(unsigned long long)(d->writes - m->writes), (unsigned long long)m->strays,
		(unsigned long long)(now_ns() - m->begin_ns),
		(unsigned long long)(now_ns() - m->held_ns));
	if (!fflush(d->log))
		return 0;
	nbdkit_error("status=%s: %m", d->status);
	return -1;
}

static int migrate(struct disk *d, uint64_t *bitmap, unsigned int number)
{
	struct migration m = {
		.d = d,
		.from = &d->space[d->now],
		.to = &d->space[!d->now],
		.bitmap = bitmap,
		.begin_ns = now_ns(),
	};
	int ret;

	ret = precopy(&m);
	if (ret)
		return ret;
	hold(d);
	m.held_ns = now_ns();
	ret = switch_over(&m);
	if (!ret)
		ret = tell(&m, number);
	if (ret >= 0)
		let_go(d, false);
	return ret;
}

static void *mover(void *data)
{
	struct disk *d = data;
	uint64_t *bitmap = calloc((d->size / d->page + 63) / 64, sizeof(*bitmap));
	unsigned int number = 0;
	int ret = bitmap ? 0 : -1;

	while (!ret && sleep_until(d, now_ns() + d->migrate_ms * MS_NS))
		ret = migrate(d, bitmap, ++number);
	free(bitmap);
	if (ret < 0) {
		nbdkit_error("migration %u has failed: no request is answered any more", number);
		let_go(d, true);
	}
	return NULL;
}

int mover_start(struct disk *d)
{
	int err = pthread_create(&d->mover, NULL, mover, d);

	d->moving = !err;
	if (!err)
		return 0;
	errno = err;
	nbdkit_error("a thread that migrates: %m");
	return -1;
}

void mover_stop(struct disk *d)
{
	if (!d->moving)
		return;
	pthread_mutex_lock(&d->lock);
	d->stop = true;
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->lock);
	pthread_join(d->mover, NULL);
	d->moving = false;
}
