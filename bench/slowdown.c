/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How much slower DMA is when there are harvests. A device writes flat out to a few pages,
 * whose translations its IOTLB holds, in a large range; periods without harvests and with
 * so many a second take turns. A harvest costs the device the entries that are invalidated
 * and, on a machine that is short of processors, some of its own. What was written is
 * checked, as in the set dma.
 */
#define _GNU_SOURCE
#include <time.h>

#include "measure.h"
#include "traffic.h"

static struct cells cells;

/* Pages: half of what an IOTLB holds unless told otherwise. */
#define HOT 256
#define SECOND_NS 1000000000ULL
#define PERIOD_QUICK_NS 100000000ULL

struct period {
	double writes, seconds, walks;
};

struct results {
	double slower[CELL_REPETITIONS], harvest[CELL_REPETITIONS];
	struct period quiet, harvested; /* all */
	uint64_t harvests;
};

static void sleep_until(uint64_t when)
{
	uint64_t now = measure_wall_ns(), left = when > now ? when - now : 0;
	const struct timespec ts = { .tv_sec = left / SECOND_NS, .tv_nsec = left % SECOND_NS };

	if (left)
		nanosleep(&ts, NULL);
}

static const char *sample(struct traffic *t, uint64_t *writes, uint64_t *walks)
{
	struct target *target = t->rig->space.t;
	struct iodirty_stats stats = { .size = sizeof(stats) };
	int err = target->driver->stats(target, &stats);

	*walks = stats.walks;
	return err ? rig_failed(t->rig, err, "the counters cannot be read") :
		     traffic_count(t, writes);
}

/* Takes @length_ns, with so many harvests at equal distances. */
static const char *pass(struct traffic *t, uint64_t length_ns, unsigned int harvests,
			struct period *p, double *harvest_ns)
{
	uint64_t start = measure_wall_ns(), writes[2], walks[2];
	const char *why = sample(t, &writes[0], &walks[0]);

	for (unsigned int i = 0; i < harvests && !why; i++) {
		sleep_until(start + length_ns * (2 * i + 1) / (2 * harvests));
		why = traffic_harvest(t, harvest_ns);
	}
	sleep_until(start + length_ns);
	if (!why)
		why = sample(t, &writes[1], &walks[1]);
	if (why)
		return why;
	*p = (struct period){
		.writes = writes[1] - writes[0],
		.seconds = (measure_wall_ns() - start) / 1e9,
		.walks = walks[1] - walks[0],
	};
	return p->writes ? NULL : "the device has not written";
}

static void sum_up(struct period *sum, const struct period *p)
{
	sum->writes += p->writes;
	sum->seconds += p->seconds;
	sum->walks += p->walks;
}

/* Both periods, each first in turn. */
static const char *pair(struct rig *rig, struct traffic *t, struct results *r)
{
	unsigned int hz = rig->cell->variant, harvests;
	uint64_t length = rig->cell->plan->full ? SECOND_NS : PERIOD_QUICK_NS;
	struct period p[2];
	const char *why = NULL;

	harvests = hz * length / SECOND_NS;
	for (unsigned int i = 0; i < 2 && !why; i++) {
		bool with = (i + rig->n) % 2;

		why = pass(t, length, with ? harvests : 0, &p[with], &r->harvest[rig->n]);
	}
	if (why)
		return why;
	sum_up(&r->quiet, &p[0]);
	sum_up(&r->harvested, &p[1]);
	r->harvests += harvests;
	r->slower[rig->n] = p[0].writes / p[0].seconds / (p[1].writes / p[1].seconds);
	return NULL;
}

static const char *run(struct rig *rig)
{
	const char *why;
	struct results r = { 0 };
	struct traffic t;
	double ns;

	why = traffic_open(&t, rig, HOT * rig->space.page, 0);
	if (!why) /* all are dirty from here on, and known to the IOTLB */
		why = traffic_harvest(&t, &ns);
	while (!why && bench_keep_running(rig->state)) {
		why = pair(rig, &t, &r);
		rig_next(rig, why ? 0 : r.harvest[rig->n]);
	}
	if (!why) {
		rig_report(rig, "x_slower", measure_median(r.slower, rig->n));
		rig_report(rig, "walks_per_write", r.harvested.walks / r.harvested.writes);
		rig_report(rig, "walks_per_write_quiet", r.quiet.walks / r.quiet.writes);
		rig_report(rig, "writes_per_s", r.harvested.writes / r.harvested.seconds);
		rig_report(rig, "writes_per_s_quiet", r.quiet.writes / r.quiet.seconds);
		rig_report(rig, "harvests", r.harvests);
		rig_report(rig, "over_report", (double)rig->reported / rig->written);
	}
	traffic_close(&t);
	return why;
}

static unsigned int add(const struct bench_plan *plan, const struct iodirty_format_info *format)
{
	static const unsigned int often[] = { 100, 10, 1 };
	uint64_t leaf = cells_smallest_leaf(format);
	char size[MEASURE_NAME];
	unsigned int n = 0;

	if (!leaf || !plan->driver->stream_start || cells_enough(&cells, plan))
		return 0;
	for (size_t i = 0; i < 2u + plan->full; i++) {
		struct cell c = {
			.plan = plan,
			.format = *format,
			.leaf = leaf,
			.range = plan->full ? 8ULL << 30 : 256ULL << 20,
			.repetitions = plan->full ? 11 : 5,
			.variant = often[i],
		};

		cells_add(&cells, &c, run, "slowdown/%s/%s/%uHz", format->name,
			  measure_size_name(leaf, size), often[i]);
		n++;
	}
	return n;
}

static unsigned int finish(void)
{
	return cells_finish(&cells);
}

extern const struct bench_set set_slowdown;
const struct bench_set set_slowdown = {
	.name = "slowdown",
	.summary = "how much slower a device writes while there are harvests",
	.add = add,
	.finish = finish,
};
