/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

/* Length of the well-formed UTF-8 sequence at @s (Unicode, table 3-7), 0 if
 * there is none; reads no further than the terminating NUL. */
static size_t sequence(const unsigned char *s)
{
	unsigned int low = 0x80, high = 0xbf; /* of the second byte */
	size_t length;

	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		length = 2;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		length = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		length = 4;
	else
		return 0;

	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f; /* no surrogates */
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++)
		if (s[i] < 0x80 || s[i] > 0xbf)
			return 0;
	return length;
}

/* Length of the character at @s if it may stay, else 0. */
static size_t acceptable(const unsigned char *s)
{
	size_t length = sequence(s);

	if (length == 1 && (s[0] < ' ' || s[0] == 0x7f))
		return s[0] == '\t' || s[0] == '\n';
	if (length == 2 && s[0] == 0xc2 && s[1] < 0xa0)
		return 0; /* C1 controls */
	if (length == 3 && s[0] == 0xef && s[1] == 0xbf && s[2] >= 0xbe)
		return 0; /* U+FFFE, U+FFFF */
	return length;
}

void text_clean(char *text)
{
	size_t end, length;

	for (char *s = text; *s; s += length) {
		length = acceptable((unsigned char *)s);
		if (!length) {
			*s = '?';
			length = 1;
		}
	}
	end = strlen(text);
	while (end && text[end - 1] == '\n')
		text[--end] = '\0';
}

char *text_clean_copy(const char *text)
{
	char *copy = strdup(text);

	if (!copy)
		abort();
	text_clean(copy);
	return copy;
}

static bool continues(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

int text_line_length(const char *text, int max)
{
	int length = strcspn(text, "\n");

	if (length <= max)
		return length;
	while (max > 0 && continues(text[max]))
		max--;
	return max;
}

int text_width(const char *text)
{
	int width = 0;

	for (; *text; text++)
		width += !continues(*text);
	return width;
}

void text_print_lines(FILE *out, const char *prefix, const char *text)
{
	while (*text) {
		size_t length = strcspn(text, "\n");

		fprintf(out, "%s%.*s\n", prefix, (int)length, text);
		text += length + (text[length] == '\n');
	}
}

void text_print_line(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\n')
			fputs(" | ", out);
		else
			fputc(*text, out);
	}
}
