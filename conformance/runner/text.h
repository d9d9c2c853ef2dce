/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Text that tests wrote, made fit for every view. */
#ifndef IODIRTY_TEXT_H
#define IODIRTY_TEXT_H

#include <stddef.h>
#include <stdio.h>

/*
 * In place, replace by '?' each byte that JSON, XML 1.0 or a terminal would
 * choke on: invalid UTF-8, control characters but tab and newline, U+FFFE and
 * U+FFFF. Newlines at the end are dropped. Length never grows.
 */
void text_clean(char *text);
/* A clean copy, to be freed. */
char *text_clean_copy(const char *text);
/* Bytes of the first line, or of the whole characters of it that @max holds. */
int text_line_length(const char *text, int max);
/* Columns that clean text takes: a character each. */
int text_width(const char *text);
/* Print with @prefix before each line, a newline after each. */
void text_print_lines(FILE *out, const char *prefix, const char *text);
/* Print as one line, newlines as " | ", without one at the end. */
void text_print_line(FILE *out, const char *text);

#endif
