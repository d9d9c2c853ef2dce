/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A set-associative store of naturally aligned blocks of IOVA: what the IOTLB,
 * the walk cache and a device's cache have in common. Which block is replaced is
 * told by a turn a set, so what a run caches depends on nothing but what it did.
 */
#include "iommu.h"

int hw_cache_init(struct hw_cache *c, unsigned int sets, unsigned int ways)
{
	u64 slots = (u64)sets * ways;
	u64 words = (slots + 63) / 64;

	*c = (struct hw_cache){ .sets = slots ? sets : 0, .ways = ways };
	if (slots) {
		c->slots = port_alloc(slots * sizeof(*c->slots) + words * sizeof(*c->used));
		c->turns = port_alloc(sets * sizeof(*c->turns));
		if (!c->slots || !c->turns) {
			port_free(c->turns);
			port_free(c->slots);
			return -ENOMEM;
		}
		c->used = (u64 *)(c->slots + slots);
	}
	port_mutex_init(&c->lock);
	return 0;
}

int hw_cache_init_entries(struct hw_cache *c, unsigned int entries)
{
	unsigned int ways = entries >= 16 && entries % 4 == 0 ? 4 : entries;

	return hw_cache_init(c, ways ? entries / ways : 0, ways);
}

void hw_cache_fini(struct hw_cache *c)
{
	port_mutex_destroy(&c->lock);
	port_free(c->turns);
	port_free(c->slots);
}

static u64 block_first(u64 iova, unsigned int lg2)
{
	return lg2 < 64 ? iova & ~((1ULL << lg2) - 1) : 0;
}

static u64 block_last(const struct hw_slot *s)
{
	return s->first + (s->lg2 < 64 ? (1ULL << s->lg2) - 1 : ~0ULL);
}

/* The one set that a block can be in: an index into turns. */
static unsigned int set_of(const struct hw_cache *c, struct hw_tag tag, u64 first, unsigned int lg2)
{
	u64 block = lg2 < 64 ? first >> lg2 : 0;

	return (block + 61 * lg2 + 127ULL * tag.domain + 31ULL * tag.pasid + 37ULL * tag.stage1) %
	       c->sets;
}

static bool holds(const struct hw_slot *s, struct hw_tag tag, u64 first, unsigned int lg2)
{
	return s->valid && s->first == first && s->lg2 == lg2 && s->tag.domain == tag.domain &&
	       s->tag.pasid == tag.pasid && s->tag.stage1 == tag.stage1;
}

/* lock held. */
static struct hw_slot *find(struct hw_cache *c, struct hw_tag tag, u64 first, unsigned int lg2)
{
	unsigned int set = set_of(c, tag, first, lg2), way;

	for (way = 0; way < c->ways; way++)
		if (holds(&c->slots[set * c->ways + way], tag, first, lg2))
			return &c->slots[set * c->ways + way];
	return NULL;
}

bool hw_cache_find(struct hw_cache *c, struct hw_tag tag, u64 iova, struct hw_slot *out)
{
	const struct hw_slot *s = NULL;
	u64 sizes;

	if (!c->sets)
		return false;
	port_mutex_lock(&c->lock);
	for (sizes = c->sizes; sizes && !s; sizes &= sizes - 1) {
		unsigned int lg2 = port_ctz(sizes) + 1;

		s = find(c, tag, block_first(iova, lg2), lg2);
	}
	if (s)
		*out = *s;
	port_mutex_unlock(&c->lock);
	return s;
}

/* Where a new block of set @set goes: what is free, else what has the turn. */
static struct hw_slot *victim(struct hw_cache *c, unsigned int set)
{
	unsigned int way = 0;

	while (way < c->ways && c->slots[set * c->ways + way].valid)
		way++;
	if (way == c->ways) {
		way = c->turns[set];
		c->turns[set] = way + 1 < c->ways ? way + 1 : 0;
	}
	return &c->slots[set * c->ways + way];
}

void hw_cache_fill(struct hw_cache *c, const struct hw_slot *new)
{
	struct hw_slot *s;

	if (!c->sets)
		return;
	port_mutex_lock(&c->lock);
	s = find(c, new->tag, new->first, new->lg2);
	if (!s)
		s = victim(c, set_of(c, new->tag, new->first, new->lg2));
	*s = *new;
	s->valid = true;
	c->used[(s - c->slots) / 64] |= 1ULL << (s - c->slots) % 64;
	c->sizes |= 1ULL << (new->lg2 - 1);
	port_mutex_unlock(&c->lock);
}

static bool selected(const struct hw_slot *s, struct hw_tag tag, u64 first, u64 last)
{
	return s->first <= last && block_last(s) >= first && s->valid &&
	       (tag.domain == HW_ANY || s->tag.domain == tag.domain) &&
	       (tag.pasid == HW_ANY || s->tag.pasid == tag.pasid) &&
	       (tag.stage1 == HW_ANY || s->tag.stage1 == tag.stage1);
}

/* Most commands find nothing, and there are many: of slots that are not used nothing is
 * read. */
void hw_cache_forget(struct hw_cache *c, struct hw_tag tag, u64 first, u64 last)
{
	unsigned int word;
	u64 sizes = 0, used;

	if (!c->sets)
		return;
	port_mutex_lock(&c->lock);
	for (word = 0; word * 64 < c->sets * c->ways; word++) {
		for (used = c->used[word]; used; used &= used - 1) {
			struct hw_slot *s = &c->slots[word * 64 + port_ctz(used)];

			s->gone = selected(s, tag, first, last);
			if (s->gone)
				s->valid = false;
			else if (s->valid)
				sizes |= 1ULL << (s->lg2 - 1);
			else
				c->used[word] &= ~(used & -used);
		}
	}
	c->sizes = sizes;
	port_mutex_unlock(&c->lock);
}

bool hw_cache_gone(struct hw_cache *c, unsigned int *at, struct hw_slot *out)
{
	bool found = false;

	port_mutex_lock(&c->lock);
	for (; *at < c->sets * c->ways && !found; ++*at) {
		found = c->slots[*at].gone;
		if (found)
			*out = c->slots[*at];
	}
	port_mutex_unlock(&c->lock);
	return found;
}
