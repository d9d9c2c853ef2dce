/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* "ENGINE[+masked][+skip][+prefetch]" after the colon of -t: how the target's harvests go
 * about it, selected for each descriptor that it opens, before anything else is there. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "control.h"

#define USAGE "-t TARGET:ENGINE[+masked][+skip][+prefetch]"

static int refuse(char *why, size_t size, int err, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static int refuse(char *why, size_t size, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, size, fmt, args);
	va_end(args);
	return err;
}

/* The words after the name: false, one is unknown. */
static bool parse_words(const char *words, struct iodirty_engine *e)
{
	static const struct {
		const char *word;
		__u32 flags, clear;
	} known[] = {
		{ "+masked", 0, IODIRTY_CLEAR_MASKED },
		{ "+skip", IODIRTY_ENGINE_SKIP, 0 },
		{ "+prefetch", IODIRTY_ENGINE_PREFETCH, 0 },
	};

	while (*words) {
		size_t length = 1 + strcspn(words + 1, "+"), i = 0;

		while (i < 3 && (strlen(known[i].word) != length ||
				 strncmp(known[i].word, words, length) != 0))
			i++;
		if (i == 3)
			return false;
		e->flags |= known[i].flags;
		e->clear |= known[i].clear;
		words += length;
	}
	return true;
}

/* The names of all that are usable, or of all, behind @why's first words. */
static void list(const struct ctl_calls *calls, int fd, char *why, size_t size, bool all)
{
	struct iodirty_engine e = { .size = sizeof(e), .op = IODIRTY_ENGINE_GET_INDEX };

	for (; !calls->ioctl(fd, IODIRTY_ENGINE, &e); e.index++)
		if (all || e.out_usable)
			snprintf(why + strlen(why), size - strlen(why), " %s", e.name);
}

int ctl_select(const struct ctl_calls *calls, int fd, const char *spec, struct iodirty_engine *e,
	       char *why, size_t size)
{
	size_t length = strcspn(spec, "+");
	int ret;

	*e = (struct iodirty_engine){ .size = sizeof(*e), .op = IODIRTY_ENGINE_SELECT };
	if (!parse_words(spec + length, e))
		return refuse(why, size, -EINVAL, "what \"%s\" asks for is unknown: use %s", spec,
			      USAGE);
	if (length < sizeof(e->name))
		memcpy(e->name, spec, length);
	ret = calls->ioctl(fd, IODIRTY_ENGINE, e);
	if (ret == -ENOENT) {
		refuse(why, size, 0, "no engine \"%.*s\"; one of:", (int)length, spec);
		list(calls, fd, why, size, true);
		return -EINVAL;
	}
	if (ret == -EOPNOTSUPP) {
		refuse(why, size, 0,
		       "engine %s: this processor does not have it; it has:", e->name);
		list(calls, fd, why, size, false);
	} else if (ret) {
		refuse(why, size, 0, "engine %s: %s", e->name, strerror(-ret));
	}
	return ret;
}

int ctl_probe(const struct ctl_calls *calls, int fd, const char *spec, char *why, size_t size)
{
	struct iodirty_engine e;
	int ret = spec ? ctl_select(calls, fd, spec, &e, why, size) : 0;

	calls->close(fd);
	return ret;
}
