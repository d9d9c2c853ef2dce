/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "requirement.h"

const char *requirement_class_name(const struct requirement *req)
{
	static const char *const names[] = {
		[REQUIREMENT_MANDATORY] = "mandatory",
		[REQUIREMENT_IF_SUPPORTED] = "if-supported",
		[REQUIREMENT_INFORMATIVE] = "informative",
	};

	return names[req->class];
}
