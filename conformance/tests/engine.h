/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the tests of chapter ENGINE are made of: every way to harvest that the format of
 * this configuration allows, and a bed of leaves whose truth is kept by hand.
 */
#ifndef IODIRTY_TESTS_ENGINE_H
#define IODIRTY_TESTS_ENGINE_H

#include "bits.h"
#include "ct.h"

/* ---- ways to harvest ---- */

#define MAX_WAYS 96

/* An engine, a way to clear, and flags, ready to be selected. */
struct way {
	struct iodirty_engine select;
	char text[64]; /* "avx2+masked", as in -t */
};

/* Every usable engine with what this configuration's format claims to allow; one at least. */
unsigned int ways(struct way ways[MAX_WAYS]);
/* 0 or -errno. The calls take @name as it is, up to 16 characters. */
int engine_select(const char *name, u32 clear, u32 flags);
int way_select(const struct way *way);
/* What is selected, in words. */
const char *way_selected(char text[64]);
/* The first usable engine's name. */
const char *engine_usable(void);

/* ---- a bed: leaves, and what is owed of them ---- */

/*
 * Some hundred leaves, of at most 8 MiB together, in several tables where these are small;
 * a unit is what a bit can stand for. By the rules of the UAPI alone: a write makes all
 * units of its leaf owed, a clearing harvest pays those in its range.
 */
struct bed {
	struct scene s;
	u64 leaves, units; /* in all */
	u64 unit; /* bytes; at most 64 are a leaf */
	u8 *owed; /* a byte a unit */
	u64 random;
};

void bed_open(struct bed *b);
/* Write to one leaf, anywhere in it. */
void bed_write(struct bed *b, u64 leaf);
/* Write to about @permille of the leaves; @clustered: in runs of up to 150. */
void bed_scatter(struct bed *b, unsigned int permille, bool clustered);
/*
 * Harvest units [first, first + n), 1 << fold to a bit, into a bitmap that begins anywhere
 * in a page, and hold it against what is owed. @n, @first: multiples of 1 << fold. @how is
 * for the message.
 */
void bed_expect(struct bed *b, const char *how, u32 flags, u64 first, u64 n, unsigned int fold);
/* All of it, with pages of any size up to that of a leaf. */
void bed_expect_all(struct bed *b, const char *how, u32 flags);
/* A request that begins and ends anywhere. */
void bed_expect_cut(struct bed *b, const char *how, u32 flags);

#endif
