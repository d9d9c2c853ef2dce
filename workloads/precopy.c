/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Precopy: all memory, then what was reported, round by round, while devices go on to
 * write; then they are stopped, and the last report is of all that is left.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "migration.h"
#include "recorder.h"
#include "state.h"

#define SECOND ((uint64_t)1000000000)
#define PATIENCE (30 * SECOND)
#define FIRST_WRITE (SECOND / 10) /* a workload may have none for long, or none at all */
#define CHUNK ((uint64_t)16 << 20) /* copied between two looks at whether to go on */
/* A report that took longer was not at work all that time: this much, and as much a page. */
#define REPORT_MOST_NS 1000000
#define REPORT_MOST_PAGE_NS 100

volatile sig_atomic_t migration_interrupted;

/* One that is under way. */
struct run {
	const struct migration_options *o;
	struct migration_result *r;
	struct machine m;
	/* Of a workload, performed: the truth has one of its own. NULL: generators write. */
	struct performer performer, *p;
	struct workload *performed, *true_one;
	uint64_t began, clock; /* when, by the wall; TRACE: what time it is */
	struct truth truth;
	uint64_t pages; /* of the memory */
	uint64_t *pending, *report; /* bitmaps: to be sent; the newest report */
	struct recorder *recorder; /* or NULL */
	uint64_t copy_bytes, copy_ns; /* of all rounds: how fast it goes */
};

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

static void sleep_until(uint64_t when)
{
	struct timespec t = { .tv_sec = when / SECOND, .tv_nsec = when % SECOND };

	while (!migration_interrupted &&
	       clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

/* ---- contents ---- */

/* No word is 0, and no two pages are alike. */
static void fill(struct run *run)
{
	uint64_t *word = (uint64_t *)run->m.memory, seed = run->o->seed;

	for (uint64_t i = 0; i < run->m.length / sizeof(*word); i++)
		word[i] = ((i + seed) * 0x9e3779b97f4a7c15ULL ^ seed) | 1;
}

/* Devices write meanwhile, a word at a time: words must be whole. */
static void copy_range(struct run *run, uint64_t at, uint64_t length)
{
	const uint64_t *from = (const uint64_t *)(run->m.memory + at);
	uint64_t *to = (uint64_t *)(run->m.copy + at);

	for (uint64_t i = 0; i < length / sizeof(*to); i++)
		to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
}

static int check_interrupt(struct run *run)
{
	return migration_interrupted ? machine_fail(&run->m, -EINTR, "the migration") : 0;
}

/* Send what is pending; @bytes is how much that was. */
static int copy_pending(struct run *run, uint64_t *bytes)
{
	uint64_t page = run->m.page, at, since = 0;

	*bytes = 0;
	for (uint64_t i = 0; i < run->pages; i++) {
		if (!run->pending[i / 64]) {
			i |= 63;
			continue;
		}
		if (!truth_bit(run->pending, i))
			continue;
		at = i * page;
		copy_range(run, at, page);
		*bytes += page;
		since += page;
		if (since >= CHUNK && check_interrupt(run))
			return -EINTR;
		since %= CHUNK;
	}
	return 0;
}

/* ---- rounds ---- */

static bool by_trace(const struct run *run)
{
	return run->o->clock == MIGRATION_TRACE;
}

static uint64_t link_ns(const struct run *run, uint64_t bytes)
{
	return (unsigned __int128)bytes * SECOND / run->o->link;
}

/* TRACE: time goes on, and devices do what they do in it. */
static int pass(struct run *run, uint64_t ns)
{
	run->clock += ns;
	return perform_until(run->p, run->clock);
}

/* One round: what is pending goes to the copy, in no less time than the link takes. */
static int send_round(struct run *run, struct migration_round *round)
{
	uint64_t start = now();
	int ret = copy_pending(run, &round->bytes);

	if (ret)
		return ret;
	if (run->o->link && !by_trace(run))
		sleep_until(start + link_ns(run, round->bytes));
	round->copy_ns = by_trace(run) ? link_ns(run, round->bytes) : now() - start;
	if (by_trace(run))
		ret = pass(run, round->copy_ns);
	if (ret)
		return ret;
	run->copy_bytes += round->bytes;
	run->copy_ns += round->copy_ns;
	run->r->bytes += round->bytes;
	return check_interrupt(run);
}

/* How many writes of each device are complete. */
static int sample(struct run *run, uint64_t completed[MACHINE_DEVICES])
{
	if (!run->p)
		return machine_sample(&run->m, completed);
	perform_sample(run->p, completed);
	return 0;
}

/* What a report took that was measured to take @ns. */
static uint64_t report_ns(const struct run *run, uint64_t ns)
{
	const struct migration_options *o = run->o;
	bool by_iommu = o->machine.trackers == TRACKERS_IOMMU ||
			o->machine.trackers == TRACKERS_MIXED;
	uint64_t leaf = run->m.split ? run->m.page : run->m.leaf;
	uint64_t most = REPORT_MOST_NS + REPORT_MOST_PAGE_NS * run->pages;

	if (!by_trace(run))
		return ns;
	if (o->own_harvest)
		return by_iommu ? o->harvest_ns * (double)(run->m.length / leaf) : 0;
	return ns < most ? ns : most;
}

/* A report, held against the truth. */
static int take_report(struct run *run, struct migration_round *round)
{
	struct truth_sample counts = { 0 };
	struct truth_verdict verdict;
	uint64_t start;
	int ret = sample(run, counts.before);

	memset(run->report, 0, truth_words(run->pages) * sizeof(*run->report));
	start = now();
	if (!ret)
		ret = machine_report(&run->m, run->report);
	round->report_ns = report_ns(run, now() - start);
	if (!ret)
		ret = sample(run, counts.after);
	if (ret)
		return ret;
	verdict = truth_report(&run->truth, &counts, run->report);
	if (run->truth.error)
		return machine_fail(&run->m, run->truth.error, "what was written");
	round->reported = truth_count(run->report, run->pages);
	round->written = verdict.written;
	round->lost = verdict.lost;
	run->r->reported += round->reported;
	run->r->written += round->written;
	run->r->lost += round->lost;
	return 0;
}

/* Would what is pending be sent in time, as fast as it has gone so far? */
static bool fits(const struct run *run, uint64_t pages)
{
	double bytes = (double)pages * run->m.page;
	double speed = run->o->link ? (double)run->o->link :
				      (double)run->copy_bytes / run->copy_ns * SECOND;

	return run->o->downtime_ns && bytes / speed * SECOND <= run->o->downtime_ns;
}

/* Until each device has written, so that the first report has something to say. */
static int await_generators(struct run *run)
{
	uint64_t start[MACHINE_DEVICES], completed[MACHINE_DEVICES], patience = now() + PATIENCE;
	int ret = machine_sample(&run->m, start);
	unsigned int i = 0;

	while (!ret && i < run->m.n && !(ret = check_interrupt(run))) {
		ret = machine_sample(&run->m, completed);
		while (i < run->m.n && completed[i] > start[i])
			i++;
		if (!ret && i < run->m.n && now() > patience)
			ret = machine_fail(&run->m, -ETIMEDOUT, "the first write of device %u", i);
		if (!ret && i < run->m.n)
			sleep_until(now() + SECOND / 1000);
	}
	return ret;
}

static int await_workload(struct run *run)
{
	uint64_t completed[MACHINE_DEVICES], patience = now() + FIRST_WRITE, writes = 0;

	while (!writes && now() < patience && !migration_interrupted) {
		perform_sample(run->p, completed);
		for (unsigned int i = 0; i < run->m.n; i++)
			writes += completed[i];
		if (!writes)
			sleep_until(now() + SECOND / 1000);
	}
	return check_interrupt(run);
}

static int await_writes(struct run *run)
{
	if (by_trace(run))
		return 0;
	return run->p ? await_workload(run) : await_generators(run);
}

static int precopy(struct run *run)
{
	struct migration_result *r = run->r;
	size_t size = truth_words(run->pages) * sizeof(*run->pending);
	int ret;

	memset(run->pending, 0xff, size);
	if (run->pages % 64)
		run->pending[run->pages / 64] = (1ULL << run->pages % 64) - 1;
	for (;;) {
		struct migration_round *round = &r->rounds[r->n_rounds++];

		ret = send_round(run, round);
		if (!ret && r->n_rounds == 1)
			ret = await_writes(run);
		if (!ret)
			ret = take_report(run, round);
		if (ret)
			return ret;
		memcpy(run->pending, run->report, size);
		r->converged = fits(run, round->reported);
		if (by_trace(run))
			ret = pass(run, round->report_ns);
		if (ret)
			return ret;
		if (r->converged || r->n_rounds == run->o->rounds)
			return 0;
	}
}

/* No more writes. A workload's thread goes on to try, but for devices that cannot refuse. */
static int stop(struct run *run)
{
	int ret = machine_stop(&run->m);
	bool all = true;

	for (unsigned int i = 0; i < run->m.n; i++)
		all &= run->m.devices[i].states;
	return !ret && run->p && !all ? perform_join(run->p) : ret;
}

/* Nobody touches registers while they are moved. */
static int move_states(struct run *run)
{
	int ret = run->p ? perform_join(run->p) : 0;

	run->r->late_ns = run->performer.late;
	return ret ? ret : state_move(&run->m, &run->r->states, &run->r->state_bytes);
}

/* The guest stands still from here on. */
static int stop_and_copy(struct run *run)
{
	struct migration_result *r = run->r;
	struct migration_round *last = &r->rounds[r->n_rounds++];
	uint64_t start = now();
	int ret = stop(run);

	if (!ret)
		ret = take_report(run, last);
	if (ret)
		return ret;
	for (uint64_t i = 0; i < truth_words(run->pages); i++)
		run->pending[i] |= run->report[i];
	ret = copy_pending(run, &last->bytes);
	if (!ret)
		ret = move_states(run);
	last->copy_ns = by_trace(run) ? link_ns(run, last->bytes) : now() - start - last->report_ns;
	r->downtime_ns = last->report_ns + last->copy_ns;
	r->total_ns = by_trace(run) ? run->clock : start - run->began;
	r->total_ns += run->o->link ? last->report_ns + link_ns(run, last->bytes) : r->downtime_ns;
	r->final_bytes = last->bytes;
	r->final_report_ns = last->report_ns;
	r->bytes += last->bytes;
	return ret;
}

/* ---- the end ---- */

static void differing_page(struct run *run, uint64_t number, struct migration_page *page)
{
	const uint64_t *a = (const uint64_t *)(run->m.memory + number * run->m.page);
	const uint64_t *b = (const uint64_t *)(run->m.copy + number * run->m.page);
	uint64_t i = 0;

	while (a[i] == b[i])
		i++;
	*page = (struct migration_page){ .iova = run->m.iova + number * run->m.page +
						 i * sizeof(*a),
					 .expected = a[i],
					 .seen = b[i] };
}

static void compare(struct run *run)
{
	struct migration_result *r = run->r;
	uint64_t numbers[MIGRATION_SHOWN], page = run->m.page;
	struct truth_loss losses[MIGRATION_SHOWN];
	size_t shown;

	for (uint64_t i = 0; i < run->pages; i++) {
		if (!memcmp(run->m.memory + i * page, run->m.copy + i * page, page))
			continue;
		if (r->differ < MIGRATION_SHOWN) {
			numbers[r->differ] = i;
			differing_page(run, i, &r->pages[r->differ]);
		}
		r->differ++;
	}
	shown = r->differ < MIGRATION_SHOWN ? r->differ : MIGRATION_SHOWN;
	truth_losses(&run->truth, numbers, losses, shown);
	for (size_t i = 0; i < shown; i++)
		r->pages[i].loss = losses[i];
}

/* ---- a record ---- */

static int call_record(void *data, struct iodirty_record *r)
{
	struct machine *m = data;

	return m->t->driver->record(m->t, r);
}

/* Before any device may write. */
static int start_record(struct run *run)
{
	int err = 0;

	if (run->o->record)
		run->recorder = recorder_start(call_record, &run->m, &err);
	return err ? machine_fail(&run->m, err, "--record") : 0;
}

/* What is done is in it; else, and if it is not all, there is none. */
static int end_record(struct run *run, bool done)
{
	char error[WORKLOAD_ERROR] = "";
	int ret = 0;

	if (run->recorder)
		ret = recorder_end(run->recorder, done ? run->o->record : NULL,
				   run->o->record_origin, error);
	run->recorder = NULL;
	return ret ? machine_fail(&run->m, ret, "--record: %s", error) : 0;
}

/* ---- the whole ---- */

static int begin(struct run *run)
{
	const struct migration_options *o = run->o;
	struct machine *m = &run->m;
	struct truth_sample start = { 0 };
	int ret = machine_run(m);

	if (!ret && run->p && !by_trace(run))
		ret = perform_start(run->p);
	if (!ret)
		ret = sample(run, start.before);
	if (!ret)
		ret = machine_track(m);
	if (!ret)
		ret = sample(run, start.after);
	if (ret)
		return ret;
	run->r->page = m->page;
	run->pages = m->length / m->page;
	run->pending = calloc(truth_words(run->pages), sizeof(*run->pending));
	run->report = calloc(truth_words(run->pages), sizeof(*run->report));
	run->r->rounds = calloc(o->rounds + 1, sizeof(*run->r->rounds));
	if (!truth_open(&run->truth, m->iova, m->length, m->page, o->rounds + 1) || !run->pending ||
	    !run->report || !run->r->rounds)
		return machine_fail(m, -ENOMEM, "bitmaps");
	run->truth.n = m->n;
	for (unsigned int i = 0; i < m->n; i++)
		run->truth.work[i] = m->devices[i].work;
	run->truth.workload = run->true_one;
	truth_begin(&run->truth, &start);
	run->began = now();
	return 0;
}

static void assign_work(struct run *run)
{
	const struct migration_options *o = run->o;
	struct machine *m = &run->m;

	for (unsigned int i = 0; i < m->n; i++) {
		struct iodirty_stream_start *work = &m->devices[i].work;

		o->shapes[i % o->n_shapes]->work(i, m->n, m->iova, m->length, work);
		work->seed = o->seed + i;
		if (o->own_rate)
			work->rate = o->rate;
	}
}

/* One is performed; the truth reads another, of the same. */
static int open_performer(struct run *run)
{
	char error[WORKLOAD_ERROR];

	run->performed = migration_accesses(run->o, error);
	if (run->performed)
		run->true_one = migration_accesses(run->o, error);
	if (!run->true_one)
		return machine_fail(&run->m, -EINVAL, "%s", error);
	if (run->performed->devices > run->m.n)
		return machine_fail(&run->m, -EINVAL, "a workload of %u devices on %u",
				    run->performed->devices, run->m.n);
	run->p = &run->performer;
	perform_open(run->p, &run->m, run->performed);
	return 0;
}

static int whole(struct run *run)
{
	const struct truth_sample *end;
	int ret = machine_open(&run->m, &run->o->machine);

	if (ret)
		return ret;
	if (run->o->workload || by_trace(run))
		ret = open_performer(run);
	else
		assign_work(run);
	if (ret)
		return ret;
	fill(run);
	ret = state_prepare(&run->m);
	if (!ret)
		ret = start_record(run);
	if (!ret)
		ret = begin(run);
	if (!ret)
		ret = precopy(run);
	if (!ret)
		ret = stop_and_copy(run);
	if (!ret)
		ret = machine_faults(&run->m);
	if (!ret)
		ret = end_record(run, true); /* before they go on at the destination */
	if (ret)
		return ret;
	run->r->full_ns = run->r->rounds[0].copy_ns;
	end = &run->truth.samples[run->truth.n_samples - 1];
	for (unsigned int i = 0; i < run->m.n; i++)
		run->r->writes += end->before[i];
	compare(run);
	return state_resume(&run->m, run->p);
}

void migrate(const struct migration_options *o, struct migration_result *r)
{
	struct run run = { .o = o, .r = r };

	*r = (struct migration_result){ 0 };
	if (whole(&run)) {
		r->verdict = MIGRATION_FAILED;
		/* What failed first is what is told. */
		memcpy(r->error, run.m.error, sizeof(r->error));
		if (run.p)
			perform_join(run.p);
		end_record(&run, false);
	} else if (r->differ) {
		r->verdict = MIGRATION_DIFFERS;
	} else if (r->lost) {
		r->verdict = MIGRATION_LOST;
	}
	truth_close(&run.truth);
	workload_close(run.performed);
	workload_close(run.true_one);
	free(run.pending);
	free(run.report);
	machine_close(&run.m);
}

void migration_free(struct migration_result *r)
{
	free(r->rounds);
}
