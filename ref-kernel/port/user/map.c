/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "port.h"

static int compare(const struct port_node *a, const struct port_node *b)
{
	return (a->key > b->key) - (a->key < b->key);
}

/* What tree.h says of its functions, some of which we have no use for. */
#define __unused __attribute__((unused))

RB_GENERATE_STATIC(port_tree, port_node, link, compare)

void port_map_init(struct port_map *map)
{
	RB_INIT(&map->tree);
}

int port_map_insert(struct port_map *map, struct port_node *node)
{
	return RB_INSERT(port_tree, &map->tree, node) ? -EEXIST : 0;
}

void port_map_erase(struct port_map *map, struct port_node *node)
{
	RB_REMOVE(port_tree, &map->tree, node);
}

struct port_node *port_map_ceil(struct port_map *map, u64 key)
{
	struct port_node at = { .key = key };

	return RB_NFIND(port_tree, &map->tree, &at);
}

struct port_node *port_map_floor(struct port_map *map, u64 key)
{
	struct port_node *node = RB_ROOT(&map->tree), *best = NULL;

	while (node) {
		if (node->key <= key) {
			best = node;
			node = RB_RIGHT(node, link);
		} else {
			node = RB_LEFT(node, link);
		}
	}
	return best;
}

struct port_node *port_map_next(struct port_node *node)
{
	return RB_NEXT(port_tree, NULL, node);
}
