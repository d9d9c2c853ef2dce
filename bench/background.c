/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "background.h"
#include "measure.h"

static void *harvest_all(void *arg)
{
	struct background *b = arg;
	unsigned int n = 0;

	while (!b->err && (b->most ? n < b->most : !atomic_load(&b->stop))) {
		uint64_t start = measure_wall_ns();

		atomic_store(&b->begun, ++n);
		b->err = space_harvest(&b->rig->space, 0, b->rig->bitmap);
		atomic_store(&b->ended, n);
		b->wall_ns += measure_wall_ns() - start;
	}
	return NULL;
}

const char *background_start(struct background *b, struct rig *rig, unsigned int most)
{
	b->rig = rig;
	b->most = most;
	b->wall_ns = 0;
	b->err = 0;
	atomic_init(&b->stop, false);
	atomic_init(&b->begun, 0);
	atomic_init(&b->ended, 0);
	return pthread_create(&b->thread, NULL, harvest_all, b) ? "no thread to harvest in" : NULL;
}

const char *background_stop(struct background *b)
{
	atomic_store(&b->stop, true);
	pthread_join(b->thread, NULL);
	return b->err ? rig_failed(b->rig, b->err, "a harvest in the background") : NULL;
}
