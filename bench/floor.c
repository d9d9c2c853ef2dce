/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "floor.h"
#include "measure.h"

static int table_read(struct space *space, struct iodirty_table_read *read)
{
	read->size = sizeof(*read);
	read->hwpt_id = space->hwpt;
	read->iova = space->iova;
	read->length = space->length;
	return space->t->driver->table_read(space->t, read);
}

int floors_init(struct floors *f, struct space *space, unsigned int readings)
{
	static const uint32_t orders[] = { IODIRTY_TABLES_LINEAR, IODIRTY_TABLES_WALK };
	int err = 0;

	*f = (struct floors){ .room = readings };
	for (uint32_t loop = 0; space->t->driver->table_read && loop < FLOOR_LOOPS; loop++) {
		for (unsigned int o = 0; o < 2; o++) {
			struct iodirty_table_read read = { .loop = loop, .order = orders[o] };
			struct floor_loop *l = &f->loops[f->nr];

			err = table_read(space, &read);
			if (err == -EOPNOTSUPP) /* not on this processor, or in this order */
				continue;
			if (err)
				return err == -ERANGE ? 0 : err;
			*l = (struct floor_loop){ .loop = loop, .order = orders[o] };
			memcpy(l->name, read.out_loop, sizeof(l->name) - 1);
			f->entries = read.out_entries;
			f->nr++;
			l->ns = calloc(readings, sizeof(*l->ns));
			if (!l->ns)
				return -ENOMEM;
		}
	}
	return 0;
}

void floors_fini(struct floors *f)
{
	for (unsigned int i = 0; i < f->nr; i++)
		free(f->loops[i].ns);
	f->nr = 0;
}

int floor_warm(struct space *space)
{
	struct iodirty_table_read read = { .order = IODIRTY_TABLES_WALK };

	return space->t->driver->table_read ? table_read(space, &read) : 0;
}

int floor_evict(struct space *space)
{
	struct iodirty_table_read read = { .flags = IODIRTY_TABLE_EVICT };

	return space->t->driver->table_read ? table_read(space, &read) : -EOPNOTSUPP;
}

int floor_read(struct floors *f, struct space *space, unsigned int i, bool cold)
{
	struct floor_loop *l = &f->loops[i];
	struct iodirty_table_read read = { .loop = l->loop, .order = l->order };
	int err;

	if (l->n == f->room)
		return 0;
	err = cold ? floor_evict(space) : floor_warm(space);
	if (!err)
		err = table_read(space, &read);
	if (err)
		return err;
	if (read.out_entries != f->entries)
		return -EIO;
	l->ns[l->n++] = read.out_ns ? read.out_ns : 1;
	return 0;
}

struct floor_best floor_best(const struct floors *f, bool table_order)
{
	struct floor_best best = { .min = 0 };

	for (unsigned int i = 0; i < f->nr; i++) {
		const struct floor_loop *l = &f->loops[i];
		double median;

		if (!l->n || (table_order && l->order != IODIRTY_TABLES_WALK))
			continue;
		median = measure_median(l->ns, l->n);
		if (best.name && l->ns[0] >= best.min)
			continue;
		best = (struct floor_best){
			.min = l->ns[0],
			.median = median,
			.name = l->name,
			.order = l->order == IODIRTY_TABLES_WALK ? "table order" : "linear",
		};
	}
	return best;
}
