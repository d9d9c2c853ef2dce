/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "variant.h"

void variant_list(struct target *t, struct variant_engines *engines)
{
	*engines = (struct variant_engines){ 0 };
	for (unsigned int i = 0; t->driver->engine && i < VARIANT_ENGINES; i++) {
		struct iodirty_engine e = {
			.size = sizeof(e),
			.op = IODIRTY_ENGINE_GET_INDEX,
			.index = i,
		};

		if (t->driver->engine(t, &e))
			break;
		e.name[IODIRTY_NAME_LEN - 1] = '\0';
		if (e.out_usable) {
			strcpy(engines->names[engines->n++], e.name);
		} else {
			strcat(engines->unusable, " ");
			strcat(engines->unusable, e.name);
		}
	}
}

static int no_engine(const char *name, const struct variant_engines *engines, char *why,
		     size_t why_size)
{
	size_t used = snprintf(why, why_size, "no engine '%s'; engines:", name);

	for (unsigned int i = 0; i < engines->n && used < why_size; i++)
		used += snprintf(why + used, why_size - used, " %s", engines->names[i]);
	if (!engines->n)
		used += snprintf(why + used, why_size - used, " default");
	if (engines->unusable[0] && used < why_size)
		snprintf(why + used, why_size - used, "; not on this processor:%s",
			 engines->unusable);
	return -EINVAL;
}

int variant_parse(const char *text, const struct variant_engines *engines, struct variant *v,
		  char *why, size_t why_size)
{
	size_t len = strcspn(text, "+");
	const char *rest = text + len;
	bool found = !engines->n && !strcmp(text, "default");

	*v = (struct variant){ 0 };
	if (len < sizeof(v->engine))
		memcpy(v->engine, text, len);
	for (unsigned int i = 0; i < engines->n; i++)
		found |= v->engine[0] && !strcmp(engines->names[i], v->engine);
	if (!found)
		return no_engine(text, engines, why, why_size);
	while (*rest) {
		bool *flag = NULL;

		len = strcspn(rest + 1, "+");
		if (len == 6 && !strncmp(rest + 1, "masked", len))
			flag = &v->masked;
		else if (len == 4 && !strncmp(rest + 1, "skip", len))
			flag = &v->skip;
		else if (len == 8 && !strncmp(rest + 1, "prefetch", len))
			flag = &v->prefetch;
		if (!flag) {
			snprintf(why, why_size,
				 "'%s': what may follow an engine is +masked, +skip, +prefetch",
				 text);
			return -EINVAL;
		}
		*flag = true;
		rest += 1 + len;
	}
	return 0;
}

const char *variant_name(const struct variant *v, char buf[VARIANT_NAME])
{
	snprintf(buf, VARIANT_NAME, "%s%s%s%s", v->engine, v->masked ? "+masked" : "",
		 v->skip ? "+skip" : "", v->prefetch ? "+prefetch" : "");
	return buf;
}

bool variant_same(const struct variant *a, const struct variant *b)
{
	return !strcmp(a->engine, b->engine) && a->masked == b->masked && a->skip == b->skip &&
	       a->prefetch == b->prefetch;
}

bool variant_allowed(const struct variant *v, const struct iodirty_format_info *format)
{
	uint32_t needs = (v->masked ? IODIRTY_FORMAT_MASKED : 0) |
			 (v->skip ? IODIRTY_FORMAT_SKIP : 0);

	return !(needs & ~format->flags);
}

int variant_select(struct target *t, const struct variant *v)
{
	struct iodirty_engine e = {
		.size = sizeof(e),
		.op = IODIRTY_ENGINE_SELECT,
		.flags = (v->skip ? IODIRTY_ENGINE_SKIP : 0) |
			 (v->prefetch ? IODIRTY_ENGINE_PREFETCH : 0),
		.clear = v->masked ? IODIRTY_CLEAR_MASKED : IODIRTY_CLEAR_LOCKED,
	};

	if (!t->driver->engine)
		return 0;
	memcpy(e.name, v->engine, sizeof(e.name));
	return t->driver->engine(t, &e);
}
