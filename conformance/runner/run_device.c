/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* KIND[,WORD...]: a VFIO device in a line. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "preload/run.h"
#include "run_device.h"

static const struct {
	const char *name;
	enum iodirty_vfio_kind kind;
} kinds[] = {
	{ "pci", IODIRTY_VFIO_PCI },
	{ "mdev", IODIRTY_VFIO_MDEV },
};

/* A flag; or, with a number after it, a field. */
static const struct {
	const char *name;
	__u32 flag;
	size_t field;
} words[] = {
	{ "no-dirty", IODIRTY_VFIO_NO_DIRTY, 0 },
	{ "log", IODIRTY_VFIO_LOG, 0 },
	{ "log-entries", 0, offsetof(struct iodirty_vfio_plug, log_entries) },
	{ "migration", IODIRTY_VFIO_MIGRATION, 0 },
	{ "p2p", IODIRTY_VFIO_P2P, 0 },
	{ "pre-copy", IODIRTY_VFIO_PRE_COPY, 0 },
	{ "pasid", 0, offsetof(struct iodirty_vfio_plug, pasid) },
	{ "pasid-width", 0, offsetof(struct iodirty_vfio_plug, pasid_width) },
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool no(const struct command *command, const char *spec, const char *what, const char *word)
{
	fprintf(stderr, "iodirty: %s: --device '%s': %s%s%s\n", command->name, spec,
		word ? "'" : "", word ? word : "", what);
	fputs("  it is KIND[,WORD...]; kinds: pci mdev; words: no-dirty log log-entries=N "
	      "migration p2p pre-copy pasid=N pasid-width=N\n",
	      stderr);
	return false;
}

/* A decimal number, nothing else, of 32 bits. */
static bool number(const char *text, __u32 *n)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	*n = (__u32)value;
	return *text >= '0' && *text <= '9' && !*end && !errno && value == *n;
}

static bool take_word(char *word, struct iodirty_vfio_plug *plug)
{
	char *value = strchr(word, '=');
	size_t i;

	if (value)
		*value++ = '\0';
	for (i = 0; i < COUNT(words) && strcmp(words[i].name, word); i++)
		;
	if (i == COUNT(words) || !words[i].field != !value)
		return false;
	plug->flags |= words[i].flag;
	return !value || number(value, (__u32 *)((char *)plug + words[i].field));
}

static bool parse(const struct command *command, const char *spec, struct iodirty_vfio_plug *plug)
{
	char text[256], shown[256], *save = text, *word;
	size_t i;

	if (snprintf(text, sizeof(text), "%s", spec) >= (int)sizeof(text))
		return no(command, spec, "too long", NULL);
	word = strsep(&save, ",");
	for (i = 0; i < COUNT(kinds) && strcmp(kinds[i].name, word); i++)
		;
	if (i == COUNT(kinds))
		return no(command, spec, "' is no kind of device", word);
	plug->kind = kinds[i].kind;
	while ((word = strsep(&save, ","))) {
		snprintf(shown, sizeof(shown), "%s", word);
		if (!take_word(word, plug))
			return no(command, spec, "' is none of its words", shown);
	}
	if (plug->kind == IODIRTY_VFIO_MDEV && plug->pasid)
		plug->kind = IODIRTY_VFIO_MDEV_PASID;
	return true;
}

bool device_plug_spec(const struct command *command, const char *spec, const char *format)
{
	struct iodirty_vfio_plug plug = { .size = sizeof(plug) };
	int err;

	if (!parse(command, spec, &plug))
		return false;
	snprintf(plug.format, sizeof(plug.format), "%s", format);
	err = run_plug(&plug);
	if (err == -EINVAL)
		return no(
			command, spec,
			"that does not go together: p2p and pre-copy take migration, log-entries "
			"takes log; pasid is of an mdev, pasid-width of a pci; neither is above 20 "
			"bits",
			NULL);
	return !err || no(command, spec, strerror(-err), NULL);
}
