/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stddef.h>
#include <string.h>

#include "requirement.h"

const struct requirement *requirement_find(const char *id)
{
	for (const struct requirement *req = requirements; req->id; req++)
		if (!strcmp(req->id, id))
			return req;
	return NULL;
}

const char *requirement_class_name(const struct requirement *req)
{
	static const char *const names[] = {
		[REQUIREMENT_MANDATORY] = "mandatory",
		[REQUIREMENT_IF_SUPPORTED] = "if-supported",
		[REQUIREMENT_INFORMATIVE] = "informative",
	};

	return names[req->class];
}
