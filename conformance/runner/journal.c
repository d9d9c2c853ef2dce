/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "case.h"
#include "cli.h"
#include "journal.h"

struct journal {
	int fd; /* at its end; written by the process of this run or its one worker */
};

/* ---- writing ---- */

static void append(const struct run *run, json_t *line)
{
	char *text = json_dumps(line, JSON_COMPACT);
	size_t length = text ? strlen(text) : 0;

	json_decref(line);
	if (!text)
		abort();
	text[length] = '\n'; /* one write, so that no line is ever half another's */
	if (write(run->journal->fd, text, length + 1) != (ssize_t)(length + 1) ||
	    fdatasync(run->journal->fd)) {
		fprintf(stderr, "iodirty: conform: cannot write the journal: %s\n",
			strerror(errno));
		_exit(EXIT_CODE_FAILED);
	}
	free(text);
}

static json_t *measures_of(const struct record *r)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < r->measures; i++)
		json_array_append_new(list, json_pack("[s, s, f]", r->measure[i].name,
						      r->measure[i].unit, r->measure[i].value));
	return list;
}

void journal_start(const struct run *run, size_t index)
{
	const struct run_case *rc = &run->cases[index];

	if (run->journal)
		append(run, json_pack("{s:I, s:o, s:f}", "start", (json_int_t)index, "case",
				      json_sprintf("%s %s %s", rc->req->id, rc->c.test->name,
						   rc->c.config_name),
				      "timeout", case_timeout(run, rc->c.test)));
}

void journal_end(const struct run *run, size_t index)
{
	const struct run_case *rc = &run->cases[index];
	const struct record *r = rc->c.record;

	if (run->journal)
		append(run,
		       json_pack("{s:I, s:s, s:s, s:s, s:s, s:f, s:o}", "end", (json_int_t)index,
				 "verdict", verdict_name(case_verdict(rc)), "message", r->message,
				 "notes", r->notes, "deviation", r->deviation, "seconds",
				 r->seconds, "measures", measures_of(r)));
}

void journal_done(const struct run *run)
{
	if (run->journal && run->complete)
		append(run, json_pack("{s:b}", "done", 1));
}

/* ---- taking over ---- */

/* FNV-1a of the names of all cases: another plan is another run. */
static json_t *plan_hash(const struct run *run)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < run->n_cases; i++) {
		const struct run_case *rc = &run->cases[i];
		char name[256];

		snprintf(name, sizeof(name), "%s %s %s\n", rc->req->id, rc->c.test->name,
			 rc->c.config_name);
		for (const char *c = name; *c; c++)
			hash = (hash ^ (unsigned char)*c) * 0x100000001b3;
	}
	return json_sprintf("%016" PRIx64, hash);
}

static bool verdict_by_name(const char *name, enum verdict *out)
{
	for (enum verdict v = VERDICT_PASS; v <= VERDICT_CRASH; v++) {
		if (!strcmp(verdict_name(v), name)) {
			*out = v;
			return true;
		}
	}
	return false;
}

static void take_measures(struct record *r, json_t *list)
{
	const char *name, *unit;
	json_t *measure;
	double value;
	size_t i;

	json_array_foreach(list, i, measure)
	{
		if (r->measures == RECORD_MEASURES ||
		    json_unpack(measure, "[s, s, F]", &name, &unit, &value))
			return;
		snprintf(r->measure[i].name, sizeof(r->measure[i].name), "%s", name);
		snprintf(r->measure[i].unit, sizeof(r->measure[i].unit), "%s", unit);
		r->measure[i].value = value;
		r->measures++;
	}
}

static bool take_end(const struct run *run, json_t *line, json_int_t index)
{
	const char *name, *message, *notes, *deviation;
	enum verdict verdict;
	json_t *measures;
	struct record *r;

	if (index < 0 || index >= (json_int_t)run->n_cases ||
	    json_unpack(line, "{s:s, s:s, s:s, s:s, s:F, s:o}", "verdict", &name, "message",
			&message, "notes", &notes, "deviation", &deviation, "seconds",
			&run->records[index].seconds, "measures", &measures) ||
	    !verdict_by_name(name, &verdict))
		return false;
	r = run->cases[index].c.record;
	snprintf(r->message, sizeof(r->message), "%s", message);
	snprintf(r->notes, sizeof(r->notes), "%s", notes);
	snprintf(r->deviation, sizeof(r->deviation), "%s", deviation);
	take_measures(r, measures);
	r->verdict = verdict; /* a deviation has had its say */
	r->final = RECORD_FINAL;
	return true;
}

static bool take_death(const struct run *run, json_t *line, json_int_t started)
{
	const char *name, *message, *notes;
	enum verdict verdict;
	struct record *r;

	if (started < 0 || started >= (json_int_t)run->n_cases ||
	    json_unpack(line, "{s:s, s:s, s:s}", "died", &name, "message", &message, "notes",
			&notes) ||
	    !verdict_by_name(name, &verdict))
		return false;
	r = run->cases[started].c.record;
	snprintf(r->message, sizeof(r->message), "%s", message);
	snprintf(r->notes, sizeof(r->notes), "%s", notes);
	case_set_verdict(run, &run->cases[started], verdict);
	return true;
}

static bool take_plan(struct run *run, json_t *line)
{
	json_t *expected = plan_hash(run), *plan = json_object_get(line, "plan");
	json_int_t began;
	const char *seed, *id;
	bool same = json_equal(plan, expected) &&
		    !json_unpack(line, "{s:s, s:s, s:I}", "run", &id, "seed", &seed, "started",
				 &began) &&
		    strlen(id) == RUN_ID_LEN;

	json_decref(expected);
	if (same) {
		run->seed = strtoull(seed, NULL, 16);
		strcpy(run->id, id);
		run->started = began;
	}
	return same;
}

/* One line after the first; *@started: the case that was started and has not ended. */
static bool take_line(struct run *run, json_t *line, json_int_t *started)
{
	json_int_t index;

	if (!json_unpack(line, "{s:I}", "start", &index)) {
		*started = index;
		return true;
	}
	if (!json_unpack(line, "{s:I}", "end", &index)) {
		*started = -1;
		return take_end(run, line, index);
	}
	if (json_object_get(line, "died")) {
		index = *started;
		*started = -1;
		return take_death(run, line, index);
	}
	return false; /* "done" too: such a run is not to be gone on with */
}

/* The number of the line that makes no sense, or 0. */
static size_t take_over(struct run *run, FILE *file, bool *empty)
{
	json_int_t started = -1;
	size_t number = 0, bad = 0, room = 0;
	char *text = NULL;

	while (!bad && getline(&text, &room, file) > 0) {
		json_t *line = json_loads(text, 0, NULL);

		number++;
		if (!line || !(number == 1 ? take_plan(run, line) : take_line(run, line, &started)))
			bad = number;
		json_decref(line);
	}
	free(text);
	*empty = !number;
	return bad;
}

static int take_over_or_begin(struct run *run, const char *path, FILE *file)
{
	bool empty;
	size_t bad = take_over(run, file, &empty);

	if (bad) {
		fprintf(stderr,
			"iodirty: conform: %s:%zu: not of this run, or damaged: remove the file, or "
			"unset IODIRTY_JOURNAL\n",
			path, bad);
		return EXIT_CODE_USAGE;
	}
	run->resumed = !empty;
	run->jobs = 1; /* whose the kernel's last words are must be known */
	if (empty) {
		run->started = time(NULL);
		append(run, json_pack("{s:o, s:s, s:o, s:I}", "plan", plan_hash(run), "run",
				      run->id, "seed", json_sprintf("0x%" PRIx64, run->seed),
				      "started", (json_int_t)run->started));
	}
	return EXIT_CODE_PASSED;
}

int journal_open(struct run *run)
{
	const char *path = getenv("IODIRTY_JOURNAL");
	struct journal *journal;
	int exit_code;
	FILE *file;

	if (!path || !*path)
		return EXIT_CODE_PASSED;
	journal = calloc(1, sizeof(*journal));
	if (!journal)
		abort();
	/* Not O_APPEND: over 9p, Linux 7.2 writes a page of the file again from its start,
	 * which QEMU, told to append, puts behind what is there. */
	journal->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	file = journal->fd < 0 ? NULL : fopen(path, "r");
	if (!file) {
		fprintf(stderr, "iodirty: conform: the journal %s: %s\n", path, strerror(errno));
		free(journal);
		return EXIT_CODE_USAGE;
	}
	run->journal = journal;
	lseek(journal->fd, 0, SEEK_END);
	exit_code = take_over_or_begin(run, path, file);
	fclose(file);
	return exit_code;
}

void journal_close(struct run *run)
{
	if (!run->journal)
		return;
	close(run->journal->fd);
	free(run->journal);
	run->journal = NULL;
}
