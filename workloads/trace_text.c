/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What may be shown to a terminal, and put into JSON, whoever wrote it. */
#include <string.h>

#include "trace.h"

/* How many bytes the character at @in has, of @n; 0: it is none, or one that controls. */
static size_t character(const unsigned char *in, size_t n)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 }; /* else it is overlong */
	size_t length = *in < 0x80     ? 1 :
			*in >> 5 == 6  ? 2 :
			*in >> 4 == 14 ? 3 :
			*in >> 3 == 30 ? 4 :
					 0;
	uint32_t code = length == 1 ? *in : *in & (0x7f >> length);

	if (!length || length > n)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if (in[i] >> 6 != 2)
			return 0;
		code = code << 6 | (in[i] & 0x3f);
	}
	if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ||
	    code < 0x20 || (code >= 0x7f && code <= 0x9f))
		return 0;
	return length;
}

size_t trace_text(const char *in, size_t n, char *out, size_t room)
{
	size_t used = 0;

	while (n) {
		size_t length = character((const unsigned char *)in, n),
		       taken = length ? length : 1;

		if (used + taken >= room)
			break;
		memcpy(out + used, length ? in : "?", taken);
		used += taken;
		in += taken;
		n -= taken;
	}
	out[used] = '\0';
	return used;
}
