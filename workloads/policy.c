/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who tracks which source of DMA: include/policy.h. */
#include "policy.h"

enum log_lack { LOG_ABSENT, LOG_SHORT, LOG_FINE };
enum iommu_lack { IOMMU_BYPASSED, IOMMU_BLIND, IOMMU_PLAIN, IOMMU_FINE };

static enum log_lack log_lack(const struct policy_memory *memory, const struct policy_source *s)
{
	if (!s->has_log)
		return LOG_ABSENT;
	return s->log_last < memory->last ? LOG_SHORT : LOG_FINE;
}

static enum iommu_lack iommu_lack(const struct policy_source *s)
{
	if (s->by_access)
		return IOMMU_BYPASSED;
	if (!s->iommu_tracks)
		return IOMMU_BLIND;
	return s->hwpt_tracks ? IOMMU_FINE : IOMMU_PLAIN;
}

/* Who of the two that can is taken, if both can, is a matter of taste. */
static struct policy_choice choose(const struct policy_options *options,
				   const struct policy_memory *memory,
				   const struct policy_source *s)
{
	static const char *const why[][3] = {
		[IOMMU_BYPASSED] = {
			[LOG_ABSENT] = "no IOMMU sees it, and it has no log",
			[LOG_SHORT] = "no IOMMU sees it, and its log does not reach all memory",
			[LOG_FINE] = "no IOMMU sees it",
		},
		[IOMMU_BLIND] = {
			[LOG_ABSENT] = "its IOMMU cannot track, and it has no log",
			[LOG_SHORT] = "its IOMMU cannot track, and its log does not reach all memory",
			[LOG_FINE] = "its IOMMU cannot track",
		},
		[IOMMU_PLAIN] = {
			[LOG_ABSENT] = "its page table was not made to be tracked, and it has no log",
			[LOG_SHORT] = "its page table was not made to be tracked, and its log does "
				      "not reach all memory",
			[LOG_FINE] = "its page table was not made to be tracked",
		},
		[IOMMU_FINE] = {
			[LOG_ABSENT] = "it has no log",
			[LOG_SHORT] = "its log does not reach all memory",
			[LOG_FINE] = "both can, and this is preferred",
		},
	};
	enum log_lack log = log_lack(memory, s);
	enum iommu_lack iommu = iommu_lack(s);
	struct policy_choice choice = { .tracker = POLICY_NOBODY, .why = why[iommu][log] };

	if (iommu == IOMMU_FINE && (log != LOG_FINE || options->prefer_iommu))
		choice.tracker = POLICY_IOMMU;
	else if (log == LOG_FINE)
		choice.tracker = POLICY_DEVICE;
	return choice;
}

static bool share(const struct policy_source *a, const struct policy_source *b,
		  enum policy_tracker tracker)
{
	return tracker == POLICY_IOMMU ? a->hwpt == b->hwpt : a->device == b->device;
}

/* Who of [0, n) but @except has @tracker, and shares it with @s; n: nobody. */
static size_t sharer(const struct policy_source *sources, const struct policy_choice *choices,
		     size_t n, size_t except, const struct policy_source *s,
		     enum policy_tracker tracker)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (i != except && choices[i].tracker == tracker && share(&sources[i], s, tracker))
			break;
	return i;
}

/* Why this one must not be there; NULL: it may. */
static const char *objection(const struct policy_options *options, const struct policy_source *s,
			     const struct policy_choice *choice)
{
	if (options->require_stop && !s->stops)
		return "it cannot be stopped, so that no report of it is the last";
	if (choice->tracker == POLICY_NOBODY && !options->allow_all_dirty)
		return choice->why;
	return NULL;
}

/* The page that its tracker can tell apart; 0: it has none. */
static uint64_t page_of(const struct policy_source *s, const struct policy_choice *choice)
{
	switch (choice->tracker) {
	case POLICY_DEVICE:
		return s->log_page;
	case POLICY_IOMMU:
		return s->hwpt_page;
	case POLICY_NOBODY:
		break;
	}
	return 0;
}

static uint64_t page_size(const struct policy_memory *memory, const struct policy_source *sources,
			  const struct policy_choice *choices, size_t n)
{
	uint64_t largest = memory->page, page;
	size_t i;

	for (i = 0; i < n; i++) {
		page = page_of(&sources[i], &choices[i]);
		if (page > largest)
			largest = page;
	}
	return largest;
}

static size_t count_nobody(const struct policy_choice *choices, size_t n)
{
	size_t count = 0, i;

	for (i = 0; i < n; i++)
		count += choices[i].tracker == POLICY_NOBODY;
	return count;
}

bool policy_decide(const struct policy_options *options, const struct policy_memory *memory,
		   const struct policy_source *sources, size_t n, struct policy_choice *choices,
		   struct policy_answer *answer)
{
	const char *why;
	size_t i;

	*answer = (struct policy_answer){ 0 };
	for (i = 0; i < n; i++) {
		struct policy_choice *choice = &choices[i];

		*choice = choose(options, memory, &sources[i]);
		choice->starts = choice->tracker != POLICY_NOBODY &&
				 sharer(sources, choices, i, i, &sources[i], choice->tracker) == i;
		answer->n_hwpts += choice->starts && choice->tracker == POLICY_IOMMU;
		answer->n_logs += choice->starts && choice->tracker == POLICY_DEVICE;
		why = objection(options, &sources[i], choice);
		if (why && !answer->refused) {
			answer->refused = true;
			answer->refused_by = i;
			answer->why = why;
		}
	}
	answer->n_nobody = count_nobody(choices, n);
	answer->page_size = page_size(memory, sources, choices, n);
	return !answer->refused;
}

bool policy_join(const struct policy_options *options, const struct policy_memory *memory,
		 const struct policy_source *sources, const struct policy_choice *choices, size_t n,
		 const struct policy_source *joined, struct policy_choice *choice,
		 struct policy_change *change)
{
	uint64_t before = page_size(memory, sources, choices, n), own;
	const char *why;

	*choice = choose(options, memory, joined);
	*change = (struct policy_change){ .why = choice->why, .page_size = before };
	why = objection(options, joined, choice);
	if (why) {
		change->refused = true;
		change->why = why;
		return false;
	}
	if (choice->tracker == POLICY_NOBODY) {
		if (!count_nobody(choices, n))
			change->steps |= POLICY_ALL_DIRTY_BEGINS;
		return true;
	}
	choice->starts = sharer(sources, choices, n, n, joined, choice->tracker) == n;
	if (choice->starts)
		change->steps |= choice->tracker == POLICY_IOMMU ? POLICY_START_HWPT :
								   POLICY_START_LOG;
	own = page_of(joined, choice);
	if (own > before) {
		change->steps |= POLICY_COARSER;
		change->page_size = own;
	}
	return true;
}

void policy_leave(const struct policy_memory *memory, const struct policy_source *sources,
		  struct policy_choice *choices, size_t n, size_t index, bool gone,
		  struct policy_change *change)
{
	struct policy_choice *choice = &choices[index];
	size_t heir = sharer(sources, choices, n, index, &sources[index], choice->tracker);
	bool last = heir == n;

	/* Bits are never of a smaller page again: what is kept of them is of this. */
	*change = (struct policy_change){ .page_size = page_size(memory, sources, choices, n) };
	switch (choice->tracker) {
	case POLICY_IOMMU:
		change->why = "its writes are in the page table until they are collected";
		change->steps = POLICY_COLLECT_HWPT | (last ? POLICY_STOP_HWPT : 0);
		break;
	case POLICY_DEVICE:
		if (gone) {
			change->why = "its log is gone with it";
			change->steps = POLICY_ALL_DIRTY_ONCE;
		} else {
			change->why = "its log goes with it: collected before";
			change->steps = POLICY_COLLECT_LOG | (last ? POLICY_STOP_LOG : 0);
		}
		break;
	case POLICY_NOBODY:
		change->why = "nobody knows what it wrote";
		change->steps = POLICY_ALL_DIRTY_ONCE |
				(count_nobody(choices, n) == 1 ? POLICY_ALL_DIRTY_ENDS : 0);
		break;
	}
	if (choice->starts && !last)
		choices[heir].starts = true;
	choice->starts = false;
}
