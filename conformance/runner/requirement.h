/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The numbered requirements, generated from TOML by conformance/gen_requirements.py. */
#ifndef IODIRTY_REQUIREMENT_H
#define IODIRTY_REQUIREMENT_H

#include <stdbool.h>

enum requirement_class {
	REQUIREMENT_MANDATORY,
	REQUIREMENT_IF_SUPPORTED, /* mandatory where the target claims what it needs */
	REQUIREMENT_INFORMATIVE, /* a failure is shown and does not fail the run */
};

struct requirement {
	const char *id; /* "REPORT-002" */
	const char *chapter; /* "REPORT" */
	const char *title;
	enum requirement_class class;
	const char *stake; /* "data-loss": what breaking it costs */
	bool waivable; /* a vendor may be excused from it; never where data is lost */
	const char *text; /* normative */
	const char *source; /* where it comes from */
};

/* By chapter, then by number; the last has no id. */
extern const struct requirement requirements[];

/* "mandatory", "if-supported", "informative" */
const char *requirement_class_name(const struct requirement *req);

#endif
