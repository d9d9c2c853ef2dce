/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Targets on which the runner itself is tested: they do nothing. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "target.h"

/* Leaves of every power of two from 2^n. */
#define FROM(n) (~0ull << (n))

static const struct iodirty_format_info formats[] = {
	{
		.name = "fake-levels",
		.flags = IODIRTY_FORMAT_DIRTY,
		.granule_lg2 = 12,
		.leaf_sizes = 1ull << 12 | 1ull << 21 | 1ull << 30,
		.aperture_last = (1ull << 48) - 1,
	},
	{
		.name = "fake-powers",
		.flags = IODIRTY_FORMAT_DIRTY,
		.granule_lg2 = 12,
		.leaf_sizes = FROM(12),
		.aperture_last = (1ull << 57) - 1,
	},
	{
		.name = "fake-hints",
		.flags = IODIRTY_FORMAT_DIRTY,
		.granule_lg2 = 16,
		.leaf_sizes = 1ull << 16 | 1ull << 21 | 1ull << 29,
		.aperture_last = (1ull << 48) - 1,
	},
	{
		.name = "small",
		.granule_lg2 = 11,
		.leaf_sizes = FROM(11),
		.aperture_first = MOCK_APERTURE_START,
		.aperture_last = MOCK_APERTURE_LAST,
	},
};

/* "fake:nonsense" is what no target of this kind takes. */
static int fake_probe(const char *arg, char *why, size_t why_size)
{
	if (!arg || strcmp(arg, "nonsense") != 0)
		return 0;
	snprintf(why, why_size, "\"%s\" is none of its engines", arg);
	return -EINVAL;
}

static const struct target_driver fake;

/* "fake:broken" never opens; "fake:once" only the first time in a process. */
static int fake_open(const char *arg, struct target **out)
{
	static int opened;
	struct target *t;

	if (arg && (!strcmp(arg, "broken") || (!strcmp(arg, "once") && opened++)))
		return -ENODEV;
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	*t = (struct target){ .driver = &fake, .caps = TARGET_DMA | TARGET_LEAF };
	*out = t;
	return 0;
}

static void fake_close(struct target *t)
{
	free(t);
}

static int fake_format(struct target *t, unsigned int index, struct iodirty_format_info *out)
{
	(void)t;
	if (index >= sizeof(formats) / sizeof(formats[0]))
		return -ENOENT;
	*out = formats[index];
	return 0;
}

static const struct target_driver fake = {
	.name = "fake",
	.summary = "does nothing",
	.probe = fake_probe,
	.open = fake_open,
	.close = fake_close,
	.format = fake_format,
};

static int absent_probe(const char *arg, char *why, size_t why_size)
{
	(void)arg;
	snprintf(why, why_size, "it never can");
	return -ENODEV;
}

static const struct target_driver absent = {
	.name = "absent",
	.summary = "is not there",
	.probe = absent_probe,
};

const struct target_driver *const targets[] = { &fake, &absent, NULL };

const struct target_driver *target_find(const char *spec, const char **arg)
{
	size_t length = strcspn(spec, ":");

	*arg = spec[length] ? spec + length + 1 : NULL;
	for (size_t i = 0; targets[i]; i++)
		if (strlen(targets[i]->name) == length && !memcmp(targets[i]->name, spec, length))
			return targets[i];
	return NULL;
}

const char *target_cap_name(uint64_t cap)
{
	switch (cap) {
	case TARGET_DMA:
		return "dma";
	case TARGET_PASID:
		return "pasid";
	case TARGET_ACCESS:
		return "access";
	default:
		return NULL;
	}
}
