/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a harvest cleaned but was not asked for. A request may cut a leaf; the
 * leaf has one dirty state and is cleaned whole, so the part outside the request
 * is kept here, as a set of disjoint IOVA ranges, and is reported by the next
 * harvest that covers it. The caller holds hwpt->residue_lock.
 */
#include "core.h"

/* One window cuts a leaf at either end, and may cut one kept range in two. */
#define WINDOW_NODES 3

struct residue_node {
	struct port_node node; /* key: first IOVA */
	u64 last;
	struct residue_node *next; /* in a pool */
};

static struct residue_node *residue_of(struct port_node *node)
{
	return node ? port_container(node, struct residue_node, node) : NULL;
}

void residue_init(struct hwpt *hwpt)
{
	port_mutex_init(&hwpt->residue_lock);
	port_map_init(&hwpt->residue);
}

static void pool_push(struct residue_pool *pool, struct residue_node *node)
{
	node->next = pool->free;
	pool->free = node;
	pool->count++;
}

static struct residue_node *pool_pop(struct residue_pool *pool)
{
	struct residue_node *node = pool->free;

	pool->free = node->next;
	pool->count--;
	return node;
}

int residue_reserve(struct residue_pool *pool)
{
	while (pool->count < WINDOW_NODES) {
		struct residue_node *node = port_alloc(sizeof(*node));

		if (!node)
			return -ENOMEM;
		pool_push(pool, node);
	}
	return 0;
}

void residue_pool_free(struct residue_pool *pool)
{
	while (pool->free)
		port_free(pool_pop(pool));
}

/* The first kept range that overlaps [first, last]. */
static struct residue_node *first_in(struct hwpt *hwpt, u64 first, u64 last)
{
	struct residue_node *node = residue_of(port_map_floor(&hwpt->residue, first));

	if (node && node->last >= first)
		return node;
	node = residue_of(port_map_ceil(&hwpt->residue, first));
	return node && node->node.key <= last ? node : NULL;
}

void residue_add(struct hwpt *hwpt, struct residue_pool *pool, u64 first, u64 last)
{
	struct residue_node *node;

	/* Swallow what it overlaps, so that ranges stay disjoint. */
	while ((node = first_in(hwpt, first, last))) {
		first = port_min(first, node->node.key);
		last = port_max(last, node->last);
		port_map_erase(&hwpt->residue, &node->node);
		pool_push(pool, node);
	}
	node = pool_pop(pool);
	node->node.key = first;
	node->last = last;
	port_map_insert(&hwpt->residue, &node->node);
}

/* Remove [first, last] from @node's range; room for a split is in @pool. */
static void cut(struct hwpt *hwpt, struct residue_pool *pool, struct residue_node *node, u64 first,
		u64 last)
{
	u64 node_last = node->last;

	if (node->node.key < first) {
		node->last = first - 1;
	} else {
		port_map_erase(&hwpt->residue, &node->node);
		pool_push(pool, node);
	}
	if (node_last > last) {
		struct residue_node *rest = pool_pop(pool);

		rest->node.key = last + 1;
		rest->last = node_last;
		port_map_insert(&hwpt->residue, &rest->node);
	}
}

void residue_report(struct hwpt *hwpt, struct residue_pool *pool, struct pgt_bits *b, bool take)
{
	struct residue_node *node;
	u64 first = b->first;

	while (first <= b->last && (node = first_in(hwpt, first, b->last))) {
		u64 node_last = node->last;

		pgt_bits_set(b, node->node.key, node_last);
		if (take)
			cut(hwpt, pool, node, b->first, b->last);
		if (node_last >= b->last)
			break;
		first = node_last + 1;
	}
}

void residue_drop(struct hwpt *hwpt, u64 first, u64 last)
{
	struct residue_node *node;

	/* A kept range is part of one leaf, and a leaf of one area: only between
	 * leaves is an area ever cut. A leaf that is merged is part of a larger one
	 * (split.c), and before any is split all that is kept is dropped, or the
	 * leaves become what they were. */
	while ((node = first_in(hwpt, first, last))) {
		port_map_erase(&hwpt->residue, &node->node);
		port_free(node);
	}
}
