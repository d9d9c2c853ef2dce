/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Chapter CONCURRENCY: what happens in the middle of a long harvest. The range is millions
 * of leaves, of memory that repeats, so that whoever wants to come in between finds the
 * time; a few pages of it are written, by which all is told.
 */
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "bits.h"
#include "concurrency.h"

/* 5 GiB of 4 KiB: three pieces of the reference's harvests. */
#define LEAVES (5ull << 18)
#define SOAK_LEAVES (16ull << 20)
/* Where it matters little how long a harvest is. */
#define FEW_LEAVES (1ull << 18)
#define CHUNK_LEAVES 4096ull /* an area */
#define WRITTEN 64 /* pages a round */
#define ROUNDS 400 /* at most */

struct range {
	struct scene s; /* its HWPT, and its leaf; nothing of its own is mapped */
	u64 iova, leaves, chunk; /* @chunk: bytes of an area */
	u8 *mem; /* of all areas */
	u64 beside; /* an IOVA for one more area, that no harvest here has in its range */
	u64 random;
	u64 page[WRITTEN];
	unsigned int written;
	u8 *bitmap;
	size_t bytes;
};

static void map_chunk(struct range *r, u64 at)
{
	x(ct_map(r->s.ioas, r->mem, r->chunk, r->iova + at));
}

/* @most leaves, or as many as fit, and some more for what is beside. */
static void range_open(struct range *r, u64 most)
{
	const struct iodirty_format_info *f = &ct.config.format;
	u64 at;

	*r = (struct range){ .random = ct.seed };
	scene_open(&r->s, .no_map = true);
	r->iova = r->s.iova;
	r->leaves = (f->aperture_last - r->iova) / r->s.leaf / CHUNK_LEAVES;
	ct_check(r->leaves > 1, "the aperture of %s ends where a scene begins", f->name);
	r->leaves = lowest(most, (r->leaves - 1) * CHUNK_LEAVES);
	r->chunk = CHUNK_LEAVES * r->s.leaf;
	r->beside = r->iova + r->leaves * r->s.leaf;
	r->mem = ct_memory(r->chunk, highest(2 * r->s.leaf, 4096), r->s.leaf);
	map_chunk(r, 0);
	for (at = r->chunk; at < r->leaves * r->s.leaf; at += r->chunk)
		x(ct_copy(r->s.ioas, r->iova + at, r->s.ioas, r->iova, r->chunk,
			  IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_READABLE |
				  IOMMU_IOAS_MAP_WRITEABLE));
	r->bytes = align_up(r->leaves / 8, 4096);
	r->bitmap =
		mmap(NULL, r->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ct_check(r->bitmap != MAP_FAILED, "no memory for a bitmap");
}

/* Into what earlier ones reported. */
static int harvest(struct range *r)
{
	return ct_get_bitmap(r->s.hwpt, 0, r->iova, r->leaves * r->s.leaf, r->s.leaf, r->bitmap);
}

static bool reported(const struct range *r, u64 page)
{
	return r->bitmap[page / 8] >> page % 8 & 1;
}

static void write_page(struct range *r, u64 page)
{
	u8 byte = 0x19;

	x(ct_dma_write(r->s.dev, 0, r->iova + page * r->s.leaf, &byte, 1));
	r->page[r->written++] = page;
}

/* The next @n pages to be reported, of all of the range, the first and the last among them. */
static void write_some(struct range *r, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		write_page(r, r->written == 0 ? 0 :
			      r->written == 1 ? r->leaves - 1 :
						ct_random(&r->random) % r->leaves);
}

/* What was written is in the bitmap, and, where leaves are exact, nothing else; both are
 * forgotten. Pages [but, but_end) may be either. */
static void expect_written(struct range *r, const char *what, u64 but, u64 but_end)
{
	u64 wrong = 0;

	for (unsigned int i = 0; i < r->written; i++) {
		u64 page = r->page[i];

		ct_check(reported(r, page) || (page >= but && page < but_end),
			 "%s: lost: page %" PRIu64 " (IOVA %#" PRIx64 ") was written and is in no "
			 "harvest",
			 what, page, r->iova + page * r->s.leaf);
	}
	for (unsigned int i = 0; i < r->written; i++)
		r->bitmap[r->page[i] / 8] &= (u8) ~(1u << r->page[i] % 8);
	for (u64 page = 0; page < r->leaves && ct.t->caps & TARGET_LEAF; page++) {
		if (page % 64 == 0 && !*(const u64 *)(r->bitmap + page / 8))
			page += 63;
		else if (reported(r, page) && !(page >= but && page < but_end))
			wrong = page + 1;
	}
	ct_check(!wrong, "%s: page %" PRIu64 " is reported, and was not written", what, wrong - 1);
	memset(r->bitmap, 0, r->bytes);
	r->written = 0;
}

/* Pieces in which harvests have looked so far; 0 where nobody counts. */
static u64 pieces(void)
{
	struct iodirty_stats stats = { .size = sizeof(stats) };

	if (!(ct.t->caps & TARGET_STATS))
		return 0;
	x(ct.t->driver->stats(ct.t, &stats));
	return stats.harvest_pieces;
}

/* Of one harvest of the range: more than one can be interrupted. */
static u64 pieces_of_range(struct range *r)
{
	u64 before = pieces();

	x(harvest(r));
	return pieces() - before;
}

/* ---- signals ---- */

static volatile sig_atomic_t handled;

static void handle(int sig)
{
	handled = sig;
}

/* Who sends a thread a signal a call, at any moment of it. */
struct sender {
	pthread_t to, thread;
	atomic_uint call; /* odd: in one */
	atomic_bool stop;
	u64 random;
	atomic_uint sent;
};

static void *send_signals(void *arg)
{
	struct sender *s = arg;
	unsigned int last = 0;

	while (!atomic_load(&s->stop)) {
		unsigned int call = atomic_load(&s->call);

		if (call % 2 == 0 || call == last) {
			sched_yield();
			continue;
		}
		if (ct_random(&s->random) % 2)
			sleep_ns(ct_random(&s->random) % MS);
		pthread_kill(s->to, SIGUSR1);
		last = call;
		atomic_fetch_add(&s->sent, 1);
	}
	return NULL;
}

static void sender_start(struct sender *s, int flags)
{
	struct sigaction action = { .sa_handler = handle, .sa_flags = flags };

	*s = (struct sender){ .to = pthread_self(), .random = ct.seed };
	handled = 0;
	sigaction(SIGUSR1, &action, NULL);
	ct_check(!pthread_create(&s->thread, NULL, send_signals, s), "no thread");
}

static void sender_stop(struct sender *s)
{
	atomic_store(&s->stop, true);
	pthread_join(s->thread, NULL);
}

static int harvest_signalled(struct range *r, struct sender *s)
{
	int ret;

	atomic_fetch_add(&s->call, 1);
	ret = harvest(r);
	atomic_fetch_add(&s->call, 1);
	return ret;
}

/* Calls that end in EINTR are made again, and pages written in between; what all of them
 * reported is what was written. */
CT_TEST(interrupted, "CONCURRENCY-019", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = TARGET_DMA, .timeout_s = 60)
{
	u64 rounds = 0, interrupted = 0, wanted = ct.soak_s ? 100 : 3, most = ROUNDS;
	struct sender sender;
	struct range r;
	bool divided;

	range_open(&r, ct.soak_s ? SOAK_LEAVES : LEAVES);
	divided = pieces_of_range(&r) > 1;
	sender_start(&sender, 0);
	if (ct.soak_s || !divided)
		most = ct.soak_s ? 10 * ROUNDS : 16;
	for (; rounds < most && (interrupted < wanted || rounds < 8); rounds++) {
		unsigned int calls = 0;
		int ret;

		write_some(&r, WRITTEN / 2);
		while ((ret = harvest_signalled(&r, &sender)) == -EINTR) {
			interrupted++;
			ct_check(
				++calls < WRITTEN / 4,
				"call %u of a harvest was interrupted, as all before: it gets nowhere",
				calls);
			write_some(&r, 1);
		}
		x(ret);
		expect_written(&r, "calls made again after EINTR", 0, 0);
	}
	sender_stop(&sender);
	x(harvest(&r));
	expect_written(&r, "after all of them", 0, 0);
	ct_measure("rounds", rounds, "1");
	ct_measure("signals", atomic_load(&sender.sent), "1");
	ct_measure("interrupted", interrupted, "1");
	ct_check(interrupted || !divided,
		 "%u signals in %" PRIu64 " harvests, each of several pieces, have "
		 "interrupted none",
		 atomic_load(&sender.sent), rounds);
}

/* Whose handler has SA_RESTART sees no EINTR. */
CT_TEST(interrupted_and_restarted, "CONCURRENCY-019", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = TARGET_DMA, .timeout_s = 60)
{
	struct sender sender;
	struct range r;

	range_open(&r, LEAVES);
	sender_start(&sender, SA_RESTART);
	/* a call may be over before its signal comes */
	for (unsigned int round = 0;
	     round < ROUNDS && (round < 16 || atomic_load(&sender.sent) < 16); round++) {
		write_some(&r, WRITTEN / 2);
		x(harvest_signalled(&r, &sender));
		expect_written(&r, "SA_RESTART", 0, 0);
	}
	sender_stop(&sender);
	ct_measure("signals", atomic_load(&sender.sent), "1");
	ct_check(atomic_load(&sender.sent), "no signal was sent in any of the calls");
}

/* ---- calls that come in between ---- */

struct harvester {
	struct range *r;
	pthread_t thread;
	atomic_bool done;
	int ret;
};

static void *harvest_once(void *arg)
{
	struct harvester *h = arg;

	h->ret = harvest(h->r);
	atomic_store(&h->done, true);
	return NULL;
}

/* Begin a harvest, and return when it is in its first piece, or where nobody counts soon. */
static void harvester_start(struct harvester *h, struct range *r, u64 before)
{
	*h = (struct harvester){ .r = r };
	ct_check(!pthread_create(&h->thread, NULL, harvest_once, h), "no thread");
	if (ct.t->caps & TARGET_STATS)
		while (pieces() == before)
			sched_yield();
}

static int harvester_join(struct harvester *h)
{
	pthread_join(h->thread, NULL);
	return h->ret;
}

/*
 * A busy machine may let the harvest end before the other call has even begun. But of a
 * harvest that lets nobody in, no round can show that it did.
 */
CT_TEST(map_and_unmap_go_on, "CONCURRENCY-020", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = TARGET_STATS | TARGET_DMA, .timeout_s = 60)
{
	bool mapped = false, unmapped = false;
	unsigned int rounds = 0;
	struct range r;
	u64 all;

	range_open(&r, LEAVES);
	all = pieces_of_range(&r);
	if (all < 2)
		ct_skip("%" PRIu64 " leaves, all that the aperture has, are one piece", r.leaves);
	for (; rounds < ROUNDS && !(mapped && unmapped); rounds++) {
		bool map = rounds % 2 == 0;
		struct harvester h;
		u64 before = pieces();

		write_some(&r, 8);
		harvester_start(&h, &r, before);
		if (map)
			x(ct_map(r.s.ioas, r.mem, r.s.page, r.beside));
		else
			x(ct_unmap(r.s.ioas, r.beside, r.s.page, NULL));
		if (pieces() - before < all && !atomic_load(&h.done)) {
			mapped |= map;
			unmapped |= !map;
		}
		x(harvester_join(&h));
		expect_written(&r, "beside map and unmap", 0, 0);
	}
	ct_measure("rounds", rounds, "1");
	ct_check(mapped && unmapped,
		 "in %u harvests of %" PRIu64 " pieces no %s that began in the first piece was "
		 "complete before the last",
		 rounds, all, mapped ? "unmap" : "map");
}

/*
 * A part of the range goes while it is harvested. That is a hole, ENOENT, if it went before
 * the harvest began; it may be none any more once that has reported something.
 */
CT_TEST(unmapped_meanwhile, "CONCURRENCY-021", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = TARGET_DMA, .timeout_s = 60)
{
	unsigned int holes = 0;
	struct range r;

	range_open(&r, LEAVES);
	for (unsigned int round = 0; round < 12; round++) {
		u64 chunks = r.leaves / CHUNK_LEAVES, chunk = ct_random(&r.random) % chunks;
		struct harvester h;
		int ret;

		write_some(&r, WRITTEN / 2);
		write_page(&r, chunk * CHUNK_LEAVES + 5);
		harvester_start(&h, &r, pieces());
		x(ct_unmap(r.s.ioas, r.iova + chunk * r.chunk, r.chunk, NULL));
		ret = harvester_join(&h);
		if (ret == -ENOENT) {
			holes++;
			for (u64 i = 0; i < r.bytes; i++)
				ct_check(!r.bitmap[i],
					 "ENOENT, and byte %" PRIu64
					 " of the bitmap says that pages "
					 "were taken",
					 i);
		} else {
			x(ret);
		}
		map_chunk(&r, chunk * r.chunk);
		x(harvest(&r));
		expect_written(&r, "a part was unmapped", chunk * CHUNK_LEAVES,
			       (chunk + 1) * CHUNK_LEAVES);
	}
	ct_measure("holes", holes, "1");
}

/* ---- a bitmap that goes ---- */

struct spoiler {
	struct range *r;
	u64 random;
	bool unmap;
	pthread_mutex_t lock; /* while the bitmap may not be accessed */
};

/* All of the bitmap, or its last page, for a moment. */
static int spoil(void *arg)
{
	struct spoiler *s = arg;
	size_t skip = ct_random(&s->random) % 2 ? s->r->bytes - 4096 : 0;
	u8 *at = s->r->bitmap + skip;
	size_t size = s->r->bytes - skip;
	int ret;

	pthread_mutex_lock(&s->lock);
	ret = s->unmap ? munmap(at, size) : mprotect(at, size, PROT_READ);
	sched_yield();
	if (s->unmap)
		ret |= mmap(at, size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED;
	else
		ret |= mprotect(at, size, PROT_READ | PROT_WRITE);
	pthread_mutex_unlock(&s->lock);
	sleep_ns(ct_random(&s->random) % MS);
	return ret ? -EINVAL : 0;
}

/* Harvests that fail are made again. */
static void harvest_spoiled(struct range *r, struct spoiler *spoiler, unsigned int *failed)
{
	unsigned int calls = 0;
	int ret;

	while ((ret = harvest(r))) {
		x_err(EFAULT, ret);
		++*failed;
		ct_check(++calls < 1000, "%u harvests in a row have failed", calls);
		pthread_mutex_lock(&spoiler->lock); /* until it is whole again */
		pthread_mutex_unlock(&spoiler->lock);
	}
	pthread_mutex_lock(&spoiler->lock);
	if (!spoiler->unmap)
		expect_written(r, "the bitmap was protected", 0, 0);
	pthread_mutex_unlock(&spoiler->lock);
}

static void run_spoiled(bool unmap)
{
	struct spoiler spoiler = { .random = ct.seed,
				   .unmap = unmap,
				   .lock = PTHREAD_MUTEX_INITIALIZER };
	unsigned int failed = 0;
	struct worker worker;
	struct range r;

	range_open(&r, FEW_LEAVES);
	spoiler.r = &r;
	worker_start(&worker, spoil, &spoiler);
	for (unsigned int round = 0; round < 12; round++) {
		if (unmap)
			r.written = 0; /* what was reported there is gone */
		write_some(&r, WRITTEN / 2);
		harvest_spoiled(&r, &spoiler, &failed);
	}
	worker_stop(&worker);
	x(harvest(&r));
	memset(r.bitmap, 0, r.bytes);
	r.written = 0;
	write_some(&r, WRITTEN / 2);
	x(harvest(&r));
	expect_written(&r, "after that", 0, 0);
	ct_measure("failed", failed, "1");
}

/* A bitmap that cannot be written now and then: EFAULT, and no page is lost. */
CT_TEST(bitmap_protected_meanwhile, "CONCURRENCY-022", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = TARGET_DMA, .timeout_s = 60)
{
	run_spoiled(false);
}

/* One that is not there: EFAULT, or bits that nobody will see, and never a crash. */
CT_TEST(bitmap_unmapped_meanwhile, "CONCURRENCY-022", .scope = CT_EACH_FORMAT, .concurrent = true,
	.needs = TARGET_DMA, .timeout_s = 60)
{
	run_spoiled(true);
}
