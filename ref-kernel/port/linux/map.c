/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "port.h"

static struct port_node *node_of(struct rb_node *link)
{
	return rb_entry_safe(link, struct port_node, link);
}

void port_map_init(struct port_map *map)
{
	map->root = RB_ROOT;
}

int port_map_insert(struct port_map *map, struct port_node *node)
{
	struct rb_node **at = &map->root.rb_node, *parent = NULL;

	while (*at) {
		u64 key = node_of(*at)->key;

		if (key == node->key)
			return -EEXIST;
		parent = *at;
		at = node->key < key ? &parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&node->link, parent, at);
	rb_insert_color(&node->link, &map->root);
	return 0;
}

void port_map_erase(struct port_map *map, struct port_node *node)
{
	rb_erase(&node->link, &map->root);
}

struct port_node *port_map_ceil(struct port_map *map, u64 key)
{
	struct rb_node *at = map->root.rb_node, *best = NULL;

	while (at) {
		if (node_of(at)->key >= key) {
			best = at;
			at = at->rb_left;
		} else {
			at = at->rb_right;
		}
	}
	return node_of(best);
}

struct port_node *port_map_floor(struct port_map *map, u64 key)
{
	struct rb_node *at = map->root.rb_node, *best = NULL;

	while (at) {
		if (node_of(at)->key <= key) {
			best = at;
			at = at->rb_right;
		} else {
			at = at->rb_left;
		}
	}
	return node_of(best);
}

struct port_node *port_map_next(struct port_node *node)
{
	return node_of(rb_next(&node->link));
}
