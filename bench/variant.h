/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How a harvest goes about it, by name: ENGINE[+masked][+skip][+prefetch], as struct
 * iodirty_engine selects it. A target that has no choice has the one variant "default".
 */
#ifndef IODIRTY_BENCH_VARIANT_H
#define IODIRTY_BENCH_VARIANT_H

#include "target.h"

#define VARIANT_NAME 48
#define VARIANT_ENGINES 16

struct variant {
	char engine[IODIRTY_NAME_LEN];
	bool masked, skip, prefetch;
};

/* The engines of a target that this processor has, the default first. */
struct variant_engines {
	char names[VARIANT_ENGINES][IODIRTY_NAME_LEN];
	unsigned int n; /* 0: no choice */
	char unusable[VARIANT_ENGINES * (IODIRTY_NAME_LEN + 1)]; /* the others' names */
};

void variant_list(struct target *t, struct variant_engines *engines);
/* 0, or -EINVAL with @why. */
int variant_parse(const char *text, const struct variant_engines *engines, struct variant *v,
		  char *why, size_t why_size);
const char *variant_name(const struct variant *v, char buf[VARIANT_NAME]);
bool variant_same(const struct variant *a, const struct variant *b);
/* May it be used with this format? */
bool variant_allowed(const struct variant *v, const struct iodirty_format_info *format);
/* Select it: 0 or -errno. */
int variant_select(struct target *t, const struct variant *v);

#endif
