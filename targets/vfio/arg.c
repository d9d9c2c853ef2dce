/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The argument of the target, and how refusals are put. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "vfio.h"

int refuse(struct why *why, int err, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(why->text, why->size, fmt, args);
	va_end(args);
	return err;
}

/* "0000:00:10.0", or "00:10.0" of domain 0; nothing may follow. */
static bool parse_address(const char *text, char out[PCI_ADDRESS_LEN])
{
	unsigned int domain = 0, bus, slot, function;
	int end = -1;

	if (strspn(text, "0123456789abcdefABCDEF:.") != strlen(text))
		return false;
	sscanf(text, "%4x:%2x:%2x.%1u%n", &domain, &bus, &slot, &function, &end);
	if (end < 0) {
		domain = 0;
		sscanf(text, "%2x:%2x.%1u%n", &bus, &slot, &function, &end);
	}
	if (end < 0 || text[end] || slot > 31 || function > 7)
		return false;
	snprintf(out, PCI_ADDRESS_LEN, "%04x:%02x:%02x.%u", domain & 0xffff, bus & 0xff, slot,
		 function);
	return true;
}

int vfio_arg_parse(const char *text, struct vfio_arg *arg, struct why *why)
{
	char copy[64], *rest = copy, *word;

	*arg = (struct vfio_arg){ 0 };
	if (strlen(text) >= sizeof(copy))
		return refuse(why, -EINVAL, "an argument of %zu characters: use ADDRESS[,bind]",
			      strlen(text));
	strcpy(copy, text);
	word = strsep(&rest, ",");
	if (!parse_address(word, arg->address))
		return refuse(why, -EINVAL,
			      "\"%s\" is no PCI address: use vfio:ADDRESS[,bind][,scratch], "
			      "e.g. vfio:0000:00:10.0",
			      word);
	while ((word = strsep(&rest, ","))) {
		if (!strcmp(word, "bind"))
			arg->bind = true;
		else if (!strcmp(word, "scratch"))
			arg->scratch = true;
		else
			return refuse(why, -EINVAL,
				      "unknown option \"%s\"; there are: bind (take the device "
				      "from its driver, and give it back at the end), scratch "
				      "(what is on the drive may be overwritten)",
				      word);
	}
	return 0;
}
