/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The caches of the modelled IOMMU, and the queue that invalidates them. */
#include "hw_caches.h"

/* ---- which blocks are held ---- */

/* One set of two ways: the third block takes the place of the first, by turns. */
START_TEST(ways)
{
	struct rig *r = setup_caches(&kinds[_i], .sets = 1, .ways = 2);
	/* which leaf is touched, and does it walk */
	static const struct {
		unsigned int at;
		bool walks;
	} steps[] = {
		{ 0, true },  { 1, true }, { 0, false }, { 1, false }, { 2, true }, { 1, false },
		{ 2, false }, { 0, true }, { 2, false }, { 0, false }, { 1, true }, { 0, false },
		{ 1, false }, { 2, true }, { 1, false }, { 2, false }, { 0, true },
	};

	put_mem(r, IOVA, 3);
	for (unsigned int i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		ck_assert_msg(walks(r, 0, true, IOVA + steps[i].at * leaf(r)) == steps[i].walks,
			      "step %u", i);
	teardown(r);
}
END_TEST

/* Leaves in a row spread over the sets: as many as there are places are all held, and
 * one more costs one of its own set only. */
START_TEST(sets)
{
	struct rig *r = setup_caches(&kinds[_i], .sets = 3, .ways = 2);

	put_mem(r, IOVA, 7);
	for (u64 i = 0; i < 6; i++)
		ck_assert(walks(r, 0, true, IOVA + i * leaf(r)));
	for (u64 i = 0; i < 6; i++)
		ck_assert(!walks(r, 0, true, IOVA + i * leaf(r)));
	ck_assert(walks(r, 0, true, IOVA + 6 * leaf(r)));
	for (u64 i = 1; i < 6; i++)
		ck_assert(!walks(r, 0, true, IOVA + i * leaf(r)));
	ck_assert(walks(r, 0, true, IOVA));
	teardown(r);
}
END_TEST

/* A leaf that was read and is written: what was known of it is replaced, and it is not
 * held twice. */
START_TEST(refill)
{
	struct rig *r = setup_caches(&kinds[_i], .sets = 1, .ways = 2);

	put_mem(r, IOVA, 2);
	ck_assert(walks(r, 0, true, IOVA + leaf(r)));
	ck_assert(walks(r, 0, false, IOVA));
	ck_assert(walks(r, 0, true, IOVA));
	ck_assert(!walks(r, 0, true, IOVA + leaf(r)));
	ck_assert(!walks(r, 0, true, IOVA));
	teardown(r);
}
END_TEST

/* With PASIDs in the tags each has its own entries; without, a domain's are shared. */
START_TEST(pasid_tags)
{
	struct rig *tagged = setup_caches(&kinds[_i], .sets = 4, .ways = 4, .walk_entries = 4,
					  .pasid_tagged = true);
	struct rig *shared = setup_caches(&kinds[_i], .sets = 4, .ways = 4, .walk_entries = 4);

	put_mem(tagged, IOVA, 1);
	put_mem(shared, IOVA, 1);
	for (u32 pasid = 1; pasid <= 2; pasid++) {
		attach_pasid(tagged, pasid, DOMAIN);
		attach_pasid(shared, pasid, DOMAIN);
	}
	ck_assert(walks(tagged, 1, true, IOVA) && walks(tagged, 2, true, IOVA));
	ck_assert(!walks(tagged, 1, true, IOVA) && !walks(tagged, 2, true, IOVA));
	ck_assert_uint_eq(stats(tagged).walk_cache_misses, 2);
	ck_assert(walks(shared, 1, true, IOVA) && !walks(shared, 2, true, IOVA));
	for (u32 pasid = 1; pasid <= 2; pasid++) {
		hw_context_set(tagged->dev, pasid, NULL);
		hw_context_set(shared->dev, pasid, NULL);
	}
	teardown(shared);
	teardown(tagged);
}
END_TEST

/* Caches of no size hold nothing, and take every command. */
START_TEST(zero_sizes)
{
	static const struct caches none[] = { { 0, 0, 0, false, NULL }, { 4, 0, 0, true, NULL } };

	for (unsigned int i = 0; i < 2; i++) {
		struct rig *r = setup_caches_as(&kinds[_i], &none[i]);
		u64 *p = put_mem(r, IOVA, 1);

		ck_assert(walks(r, 0, true, IOVA));
		make_clean(r->k, p);
		ck_assert(walks(r, 0, true, IOVA) && is_dirty(r->k, *p));
		issue(r, .kind = HW_INV_GLOBAL);
		hw_invalidate(r->iommu, DOMAIN, 0, ~0ULL);
		ck_assert_uint_eq(stats(r).invalidations, 2);
		ck_assert_uint_eq(stats(r).walk_cache_hits + stats(r).iotlb_hits, 0);
		teardown(r);
	}
}
END_TEST

/* Every allocation of an IOMMU with caches fails once: nothing is left of it. */
START_TEST(no_memory)
{
	struct rig *r = setup_caches(&kinds[_i], .sets = 4, .ways = 4, .walk_entries = 8);
	struct hw_iommu *iommu = NULL;
	int err, nth;

	for (nth = 1; !iommu; nth++) {
		port_fail_set(nth);
		iommu = hw_iommu_create(&r->config, &err);
		ck_assert_int_eq(err, iommu ? 0 : -ENOMEM);
	}
	port_fail_set(0);
	ck_assert_int_eq(nth - 2, 5);
	hw_iommu_destroy(iommu);
	teardown(r);
}
END_TEST

/* ---- places in tables ---- */

/* A second table under the entry of level 2 that leads to IOVA's leaf: it maps
 * @target's bytes instead. Returns what the entry was. */
static u64 swap_table(struct rig *r, u64 iova, u64 pa)
{
	u64 *up = entry_at(r, iova, 2), was = *up;

	*up = 0;
	put(r, iova, pa, r->k->granule_lg2);
	return was;
}

/*
 * A walk that begins from a cached place reads nothing above it: an entry that was
 * changed there is not seen, nor is A set in it, until the place is forgotten. Leaves
 * alone do not bring that about.
 */
START_TEST(place_is_believed)
{
	struct rig *r = setup_caches(&kinds[_i], .walk_entries = 8);
	u64 *up, other = (u64)r->mem + 32 * r->unit, v = 5;
	struct hw_inv cmd = { .kind = HW_INV_RANGE,
			      .leaf_only = true,
			      .domain = DOMAIN,
			      .pasid = HW_ANY,
			      .first = IOVA,
			      .last = IOVA };
	struct hw_fault fault;

	put_mem(r, IOVA, 1);
	ck_assert_int_eq(touch(r, true, IOVA), 0);
	swap_table(r, IOVA, other);
	up = entry_at(r, IOVA, 2);
	hw_inv_issue(r->iommu, &cmd);
	hw_inv_wait(r->iommu);
	ck_assert_uint_eq(hw_dma(r->dev, 0, true, IOVA, &v, 8, &fault), 8);
	ck_assert_uint_eq(*(u64 *)r->mem, 5);
	ck_assert_uint_eq(*(u64 *)other, 0);
	ck_assert_uint_eq(*up & r->k->table_a, 0);
	ck_assert_uint_eq(stats(r).walk_cache_misses, 1);
	ck_assert_uint_eq(stats(r).walk_cache_hits, 1);
	/* The range of a neighbour in the same table will do. */
	cmd.leaf_only = false;
	cmd.first = cmd.last = IOVA + leaf(r);
	hw_inv_issue(r->iommu, &cmd);
	hw_inv_wait(r->iommu);
	v = 6;
	ck_assert_uint_eq(hw_dma(r->dev, 0, true, IOVA, &v, 8, &fault), 8);
	ck_assert_uint_eq(*(u64 *)r->mem, 5);
	ck_assert_uint_eq(*(u64 *)other, 6);
	ck_assert_uint_eq(*up & r->k->table_a, r->k->table_a);
	teardown(r);
}
END_TEST

/* A walk begins at the deepest table that is held; one entry holds the last. */
START_TEST(place_deepest)
{
	u64 far = 1ULL << span_lg2(&kinds[_i], 2);

	for (unsigned int entries = 1; entries <= 8; entries += 7) {
		struct rig *r = setup_caches(&kinds[_i], .walk_entries = entries);
		u64 *up;

		put_mem(r, IOVA, 2);
		put(r, IOVA + far, (u64)r->mem, r->k->granule_lg2);
		ck_assert_int_eq(touch(r, true, IOVA), 0);
		/* Nothing above the leaf's own table is read for its neighbour. */
		up = entry_at(r, IOVA, 2);
		*up = changed(*up, (struct change){ .clear = r->k->present });
		ck_assert_int_eq(touch(r, true, IOVA + leaf(r)), 0);
		ck_assert_uint_eq(stats(r).walk_cache_hits, 1);
		/* Another table of leaves: the one above both, if that is held. */
		ck_assert_int_eq(touch(r, true, IOVA + far), 0);
		ck_assert_uint_eq(stats(r).walk_cache_hits, entries == 1 ? 1 : 2);
		teardown(r);
	}
}
END_TEST

/* Places are of a domain, and writing its context forgets them. */
START_TEST(place_domains)
{
	struct rig *r = setup_caches(&kinds[_i], .walk_entries = 32);

	put_mem(r, IOVA, 1);
	attach_pasid(r, 1, DOMAIN + 1);
	ck_assert(walks(r, 0, true, IOVA) && walks(r, 1, true, IOVA));
	ck_assert_uint_eq(stats(r).walk_cache_misses, 2);
	ck_assert(walks(r, 0, true, IOVA) && walks(r, 1, true, IOVA));
	ck_assert_uint_eq(stats(r).walk_cache_hits, 2);
	attach_pasid(r, 1, DOMAIN + 1);
	ck_assert(walks(r, 0, true, IOVA));
	ck_assert_uint_eq(stats(r).walk_cache_hits, 3);
	ck_assert(walks(r, 1, true, IOVA));
	ck_assert_uint_eq(stats(r).walk_cache_misses, 3);
	hw_context_set(r->dev, 1, NULL);
	teardown(r);
}
END_TEST

/* ---- commands ---- */

/*
 * PASIDs 1 and 2 of one domain and 3 of another, two leaves each: bit 2p of a mask is
 * PASID p's first, bit 2p + 1 its second. What is known of each before, and which are
 * walked for after.
 */
#define FIRST(pasid) (1u << 2 * (pasid))
#define SECOND(pasid) (2u << 2 * (pasid))
#define BOTH(pasid) (3u << 2 * (pasid))

/* What has to be walked for; of those, what from the root. */
static unsigned int forgotten(struct rig *r, unsigned int *from_root)
{
	unsigned int mask = 0;

	*from_root = 0;
	for (u32 pasid = 1; pasid <= 3; pasid++)
		for (unsigned int i = 0; i < 2; i++) {
			u64 misses = stats(r).walk_cache_misses;

			if (walks(r, pasid, true, IOVA + i * leaf(r)))
				mask |= 1u << (2 * pasid + i);
			if (stats(r).walk_cache_misses != misses)
				*from_root |= 1u << (2 * pasid + i);
		}
	return mask;
}

static const struct {
	struct hw_inv cmd;
	bool second; /* of the second leaf, where it is a range */
	unsigned int leaves, places; /* where PASIDs are told apart */
	unsigned int shared_leaves, shared_places; /* and where not */
} commands[] = {
	{ { .kind = HW_INV_RANGE, .domain = DOMAIN, .pasid = 1 },
	  false,
	  FIRST(1),
	  FIRST(1),
	  FIRST(1),
	  FIRST(1) },
	{ { .kind = HW_INV_RANGE, .domain = DOMAIN, .pasid = 2, .leaf_only = true },
	  true,
	  SECOND(2),
	  0,
	  SECOND(1),
	  0 },
	{ { .kind = HW_INV_RANGE, .domain = DOMAIN, .pasid = HW_ANY },
	  true,
	  SECOND(1) | SECOND(2),
	  SECOND(1) | SECOND(2),
	  SECOND(1),
	  SECOND(1) },
	{ { .kind = HW_INV_RANGE, .domain = DOMAIN + 1, .pasid = HW_ANY, .leaf_only = true },
	  false,
	  FIRST(3),
	  0,
	  FIRST(3),
	  0 },
	{ { .kind = HW_INV_RANGE, .domain = HW_ANY, .pasid = 2 },
	  false,
	  FIRST(2),
	  FIRST(2),
	  FIRST(1) | FIRST(3),
	  FIRST(1) | FIRST(3) },
	{ { .kind = HW_INV_PASID, .domain = DOMAIN, .pasid = 2 },
	  false,
	  BOTH(2),
	  FIRST(2),
	  BOTH(1),
	  FIRST(1) },
	{ { .kind = HW_INV_PASID, .domain = DOMAIN + 2, .pasid = 2 }, false, 0, 0, 0, 0 },
	{ { .kind = HW_INV_DOMAIN, .domain = DOMAIN },
	  false,
	  BOTH(1) | BOTH(2),
	  FIRST(1) | FIRST(2),
	  BOTH(1),
	  FIRST(1) },
	{ { .kind = HW_INV_GLOBAL },
	  false,
	  BOTH(1) | BOTH(2) | BOTH(3),
	  FIRST(1) | FIRST(2) | FIRST(3),
	  BOTH(1) | BOTH(3),
	  FIRST(1) | FIRST(3) },
};
#define COMMANDS (int)(sizeof(commands) / sizeof(commands[0]))

/* Each command does what it says, and no more. */
static void check_command(const struct kind *k, int n, bool tagged)
{
	struct rig *r =
		setup_caches(k, .sets = 8, .ways = 4, .walk_entries = 64, .pasid_tagged = tagged);
	struct hw_inv cmd = commands[n].cmd;
	unsigned int from_root, leaves, places;

	put_mem(r, IOVA, 2);
	attach_pasid(r, 1, DOMAIN);
	attach_pasid(r, 2, DOMAIN);
	attach_pasid(r, 3, DOMAIN + 1);
	forgotten(r, &from_root);
	ck_assert_uint_eq(forgotten(r, &from_root), 0);
	if (cmd.kind == HW_INV_RANGE) {
		/* The last byte of it is enough. */
		cmd.first = cmd.last = IOVA + (commands[n].second ? 2 : 1) * leaf(r) - 1;
	}
	hw_inv_issue(r->iommu, &cmd);
	hw_inv_wait(r->iommu);
	leaves = forgotten(r, &places);
	ck_assert_msg(leaves == (tagged ? commands[n].leaves : commands[n].shared_leaves) &&
			      places == (tagged ? commands[n].places : commands[n].shared_places),
		      "%s, command %d, %s: leaves %#x, places %#x", k->name, n,
		      tagged ? "tagged" : "shared", leaves, places);
	ck_assert_uint_eq(stats(r).invalidations, 1);
	ck_assert_uint_eq(stats(r).invalidated_bytes, cmd.kind == HW_INV_RANGE ? 1 : 0);
	for (u32 pasid = 1; pasid <= 3; pasid++)
		hw_context_set(r->dev, pasid, NULL);
	teardown(r);
}

START_TEST(command)
{
	check_command(&kinds[_i / COMMANDS], _i % COMMANDS, true);
	check_command(&kinds[_i / COMMANDS], _i % COMMANDS, false);
}
END_TEST

/* A command that was issued has done nothing until somebody waits. */
START_TEST(issued_is_not_complete)
{
	struct rig *r = setup_caches(&kinds[_i], .sets = 4, .ways = 4);
	u64 *p = put_mem(r, IOVA, 1);

	ck_assert_int_eq(touch(r, true, IOVA), 0);
	make_clean(r->k, p);
	issue(r, .kind = HW_INV_GLOBAL);
	ck_assert(!walks(r, 0, true, IOVA));
	ck_assert(!is_dirty(r->k, *p));
	ck_assert_uint_eq(stats(r).invalidations, 0);
	ck_assert_uint_eq(stats(r).waits, 0);
	hw_inv_wait(r->iommu);
	ck_assert(walks(r, 0, true, IOVA));
	ck_assert(is_dirty(r->k, *p));
	ck_assert_uint_eq(stats(r).invalidations, 1);
	ck_assert_uint_eq(stats(r).waits, 1);
	/* Carried out is carried out: the next wait finds nothing to do. */
	hw_inv_wait(r->iommu);
	ck_assert(!walks(r, 0, true, IOVA));
	ck_assert_uint_eq(stats(r).waits, 2);
	teardown(r);
}
END_TEST

/* A queue that is full makes room: what was issued first is carried out. */
START_TEST(queue_full)
{
	struct rig *r = setup_caches(&kinds[_i], .sets = 4, .ways = 4);
	struct hw_inv none = { .kind = HW_INV_PASID, .domain = DOMAIN + 1, .pasid = HW_ANY };
	unsigned int n;

	put_mem(r, IOVA, 1);
	ck_assert_int_eq(touch(r, true, IOVA), 0);
	issue(r, .kind = HW_INV_GLOBAL);
	for (n = 1; !stats(r).invalidations; n++) {
		ck_assert(!walks(r, 0, true, IOVA));
		ck_assert_uint_lt(n, 1000);
		hw_inv_issue(r->iommu, &none);
	}
	ck_assert(walks(r, 0, true, IOVA));
	ck_assert_uint_eq(stats(r).invalidations, n - 1);
	hw_inv_wait(r->iommu);
	ck_assert_uint_eq(stats(r).invalidations, n);
	teardown(r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hw_cache");
	TCase *t = tcase_create("hw_cache");
	SRunner *runner = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, ways, 0, KINDS);
	tcase_add_loop_test(t, sets, 0, KINDS);
	tcase_add_loop_test(t, refill, 0, KINDS);
	tcase_add_loop_test(t, pasid_tags, 0, KINDS);
	tcase_add_loop_test(t, zero_sizes, 0, KINDS);
	tcase_add_loop_test(t, no_memory, 0, KINDS);
	tcase_add_loop_test(t, place_is_believed, 0, KINDS);
	tcase_add_loop_test(t, place_deepest, 0, KINDS);
	tcase_add_loop_test(t, place_domains, 0, KINDS);
	tcase_add_loop_test(t, command, 0, KINDS * COMMANDS);
	tcase_add_loop_test(t, issued_is_not_complete, 0, KINDS);
	tcase_add_loop_test(t, queue_full, 0, KINDS);
	suite_add_tcase(s, t);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? 1 : 0;
}
