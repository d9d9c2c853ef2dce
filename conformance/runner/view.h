/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Views of a run. Each writes to @out what the records and the summary say and
 * decides nothing; whether the writing went well is ferror(@out), which the one
 * who opened it asks.
 */
#ifndef IODIRTY_VIEW_H
#define IODIRTY_VIEW_H

#include <jansson.h>

#include "summary.h"

void console_view(const struct run *run, const struct summary *s, FILE *out);
void ktap_view(const struct run *run, const struct summary *s, FILE *out);
void junit_view(const struct run *run, const struct summary *s, FILE *out);
void json_view(const struct run *run, const struct summary *s, FILE *out);

/* Names of enum target_cap, as results.json has them. */
json_t *json_caps(uint64_t caps);

/* On stderr, while cases run: call it often; it prints seldom. */
void console_progress(const struct run *run);
/* Shows what is left to show, and leaves the line. */
void console_progress_end(const struct run *run);

#endif
