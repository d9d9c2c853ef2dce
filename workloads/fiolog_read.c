/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Logs of fio, version 3 (its HOWTO, "Trace file format"): a first line, then lines of
 *	TIMESTAMP FILE add|open|close
 *	TIMESTAMP FILE ACTION OFFSET LENGTH
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "fiolog_read.h"

#define HEAD "fio version 3 iolog"
#define WORDS 5 /* the most of a line */

/* One that is being read. */
struct reading {
	struct fiolog *log;
	const char *path;
	uint64_t size;
	unsigned long line;
	char *error;
};

static bool bad(const struct reading *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static bool bad(const struct reading *r, const char *fmt, ...)
{
	int used = snprintf(r->error, WORKLOAD_ERROR, "%.100s, line %lu: ", r->path, r->line);
	va_list args;

	va_start(args, fmt);
	vsnprintf(r->error + used, WORKLOAD_ERROR - used, fmt, args);
	va_end(args);
	return false;
}

static const struct {
	const char *name;
	enum fiolog_action action;
} actions[] = {
	{ "read", FIOLOG_READ },  { "write", FIOLOG_WRITE },	{ "trim", FIOLOG_OTHER },
	{ "sync", FIOLOG_OTHER }, { "datasync", FIOLOG_OTHER }, { "sync_file_range", FIOLOG_OTHER },
};

static bool find_action(const char *name, enum fiolog_action *out)
{
	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (!strcmp(name, actions[i].name)) {
			*out = actions[i].action;
			return true;
		}
	return false;
}

/* Few files, so one after the other. False: no memory. */
static bool find_file(struct fiolog *log, const char *name, uint32_t *out)
{
	char **more;

	for (*out = 0; *out < log->n_files; ++*out)
		if (!strcmp(log->files[*out], name))
			return true;
	more = realloc(log->files, (log->n_files + 1) * sizeof(*more));
	if (!more)
		return false;
	log->files = more;
	more[log->n_files] = strdup(name);
	if (!more[log->n_files])
		return false;
	log->n_files++;
	return true;
}

static bool add_io(struct reading *r, const struct fiolog_io *io)
{
	struct fiolog *log = r->log;

	if (log->n == log->room) {
		size_t room = log->room ? 2 * log->room : 1024;
		struct fiolog_io *more = realloc(log->ios, room * sizeof(*more));

		if (!more)
			return bad(r, "no memory");
		log->ios = more;
		log->room = room;
	}
	log->ios[log->n++] = *io;
	if (io->action == FIOLOG_OTHER)
		return true;
	log->moves++;
	if (io->length > log->largest)
		log->largest = io->length;
	if (io->offset + io->length > log->end)
		log->end = io->offset + io->length;
	return true;
}

static bool take_io(struct reading *r, struct fiolog_io *io, char **words)
{
	if (!parse_number(words[3], 0, UINT64_MAX, &io->offset))
		return bad(r, "'%.40s' is no offset", words[3]);
	if (!parse_number(words[4], 0, UINT64_MAX, &io->length))
		return bad(r, "'%.40s' is no length", words[4]);
	if (io->action != FIOLOG_OTHER) {
		if (!io->length)
			return bad(r, "a %s of nothing", words[2]);
		/* Room above for whole frames. */
		if (io->offset > INT64_MAX || io->length > INT64_MAX - io->offset)
			return bad(r, "no disk has byte %s + %s", words[3], words[4]);
		if (r->size && (io->offset > r->size || io->length > r->size - io->offset))
			return bad(r, "%s of %s bytes at %s ends beyond the size %" PRIu64,
				   words[2], words[4], words[3], r->size);
	}
	return add_io(r, io);
}

static bool take_words(struct reading *r, char **words, unsigned int n)
{
	struct fiolog_io io = { 0 };
	bool of_file;

	if (!strcmp(words[0], "fio"))
		return bad(r, "a second log begins: fio appends to a log that is there; remove it, "
			      "and run fio again, with one job a log");
	if (!parse_number(words[0], 0, INT64_MAX / 1000, &io.us))
		return bad(r, "'%.40s' is no timestamp", words[0]);
	if (n < 3)
		return bad(r, "it ends early: the log is not whole");
	of_file = !strcmp(words[2], "add") || !strcmp(words[2], "open") ||
		  !strcmp(words[2], "close");
	if (!of_file && !find_action(words[2], &io.action))
		return bad(r, "unknown action '%.40s'", words[2]);
	if (!of_file && n < WORDS)
		return bad(r, "a %s needs an offset and a length: the log is not whole", words[2]);
	if (of_file && n > 3)
		return bad(r, "'%.40s' after %s", words[3], words[2]);
	if (io.us < r->log->us)
		return bad(r, "time goes back, from %" PRIu64 " to %" PRIu64 " us", r->log->us,
			   io.us);
	r->log->us = io.us;
	if (!find_file(r->log, words[1], &io.file))
		return bad(r, "no memory");
	return of_file || take_io(r, &io, words);
}

/* @line: all of it, @length bytes. */
static bool take_line(struct reading *r, char *line, size_t length)
{
	char *words[WORDS], *state, *word;
	unsigned int n = 0;

	if (strlen(line) != length)
		return bad(r, "it has a byte 0: this is no log of fio");
	if (line[length - 1] != '\n')
		return bad(r, "it has no end: the log is not whole");
	line[length - 1] = 0;
	if (r->line == 1) {
		if (!strcmp(line, HEAD))
			return true;
		return bad(r, "'%.40s' is not \"" HEAD "\", which fio 3.31 and later writes", line);
	}
	for (word = strtok_r(line, " ", &state); word; word = strtok_r(NULL, " ", &state)) {
		if (n == WORDS)
			return bad(r, "'%.40s' after what an I/O has", word);
		words[n++] = word;
	}
	if (!n)
		return bad(r, "it is empty");
	return take_words(r, words, n);
}

static bool read_lines(struct reading *r, FILE *file)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t length;
	bool good = true;

	while (good && (length = getline(&line, &room, file)) > 0) {
		r->line++;
		good = take_line(r, line, length);
	}
	free(line);
	if (!good)
		return false;
	if (ferror(file))
		return bad(r, "%s", strerror(errno));
	if (!r->line) {
		r->line = 1;
		return bad(r, "the log is empty");
	}
	return r->log->moves || bad(r, "that was all, and no I/O moved data");
}

bool fiolog_read(struct fiolog *log, const char *path, uint64_t size, char error[WORKLOAD_ERROR])
{
	struct reading r = { .log = log, .path = path, .size = size, .error = error };
	FILE *file = fopen(path, "r");
	bool good;

	*log = (struct fiolog){ 0 };
	if (!file) {
		snprintf(error, WORKLOAD_ERROR, "%.150s: %s", path, strerror(errno));
		return false;
	}
	good = read_lines(&r, file);
	fclose(file);
	if (!good)
		fiolog_free(log);
	return good;
}

void fiolog_free(struct fiolog *log)
{
	for (uint32_t i = 0; i < log->n_files; i++)
		free(log->files[i]);
	free(log->files);
	free(log->ios);
	*log = (struct fiolog){ 0 };
}
