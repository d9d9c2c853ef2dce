/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * iodirty trace convert --from csv: accesses as text, a line each, below a line that names the
 * columns. It is read twice, the first time for how much memory and how many devices there are.
 */
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "outfile.h"
#include "trace.h"
#include "trace_commands.h"

#define PAGE 4096
#define SECOND ((uint64_t)1000000000)
#define FIELDS 64 /* the most, in a line */

enum column { NS, DEVICE, PASID, WRITE, IOVA, LENGTH, N_COLUMNS };

static const struct {
	const char *name, *wants;
	uint64_t min, max;
	bool needed;
} columns[] = {
	[NS] = { "ns", "nanoseconds, below 2^63", 0, TRACE_NS_MAX, false },
	[DEVICE] = { "device", "a device, 0 to 15", 0, WORKLOAD_DEVICES - 1, false },
	[PASID] = { "pasid", "a PASID, below 2^20", 0, TRACE_PASIDS - 1, false },
	[WRITE] = { "write", "1 or W, else 0 or R", 0, 1, true },
	[IOVA] = { "iova", "an IOVA", 0, UINT64_MAX, true },
	[LENGTH] = { "length", "bytes, not 0", 1, UINT64_MAX, true },
};

struct request {
	const char *input, *output, *origin;
	bool force, pattern, has_iova;
	uint64_t iova, length, devices, rate, ns, seed; /* 0: not said; see has_iova */
};

struct csv {
	FILE *file;
	const struct request *q;
	char error[WORKLOAD_ERROR];
	char *text; /* of the line */
	size_t room;
	uint64_t line; /* its number */
	uint64_t records, ns; /* that were read; of the last */
	unsigned int fields; /* in each line */
	unsigned int at[N_COLUMNS]; /* which of them; FIELDS: there is none */
};

/* "line N: " first. */
__attribute__((format(printf, 2, 3))) static int fail(struct csv *c, const char *fmt, ...)
{
	int used = snprintf(c->error, sizeof(c->error), "%.90s, line %" PRIu64 ": ", c->q->input,
			    c->line);
	va_list args;

	va_start(args, fmt);
	vsnprintf(c->error + used, sizeof(c->error) - used, fmt, args);
	va_end(args);
	return -EINVAL;
}

/* ---- lines ---- */

static char *trimmed(char *text)
{
	size_t n;

	while (isspace((unsigned char)*text))
		text++;
	for (n = strlen(text); n && isspace((unsigned char)text[n - 1]); n--)
		text[n - 1] = '\0';
	return text;
}

/* The fields of the next line that has any, but for a comment; 0: there are no more. */
static int next_line(struct csv *c, char *fields[FIELDS], unsigned int *n)
{
	char *text;
	ssize_t length;

	do {
		errno = 0;
		length = getline(&c->text, &c->room, c->file);
		if (length < 0 && (ferror(c->file) || errno))
			return fail(c, "after it, it cannot be read: %s", strerror(errno));
		if (length < 0)
			return 0;
		c->line++;
		if (memchr(c->text, '\0', length))
			return fail(c, "a byte 0: it is no text");
		/* Programs of one maker begin a text with a mark. */
		text = trimmed(c->text +
			       (c->line == 1 && !strncmp(c->text, "\xef\xbb\xbf", 3) ? 3 : 0));
	} while (!*text || *text == '#');
	for (*n = 0; text; ++*n) {
		if (*n == FIELDS)
			return fail(c, "more than %d fields", FIELDS);
		fields[*n] = strsep(&text, ",");
		fields[*n] = trimmed(fields[*n]);
	}
	return 1;
}

/* The line that names the columns. */
static int read_names(struct csv *c)
{
	char *fields[FIELDS];
	int ret = next_line(c, fields, &c->fields);

	if (ret < 0)
		return ret;
	if (!ret)
		return fail(c, "it is empty: the first line is to name the columns");
	for (enum column i = 0; i < N_COLUMNS; i++) {
		c->at[i] = FIELDS;
		for (unsigned int k = 0; k < c->fields; k++) {
			if (strcasecmp(fields[k], columns[i].name))
				continue;
			if (c->at[i] != FIELDS)
				return fail(c, "two columns '%s'", columns[i].name);
			c->at[i] = k;
		}
		if (c->at[i] == FIELDS && columns[i].needed)
			return fail(
				c,
				"no column '%s'; the first line names the columns: write, iova, "
				"length, and perhaps ns, device, pasid",
				columns[i].name);
	}
	if (c->at[NS] == FIELDS && !c->q->rate)
		return fail(c, "no column 'ns': give --rate N, so many records a second");
	if (c->at[NS] != FIELDS && c->q->rate)
		return fail(c, "a column 'ns', so --rate has no meaning");
	return 0;
}

/* In tens, or with 0x; nothing else. */
static bool parse_field(const char *text, uint64_t *out)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	char *end;

	if (hex ? !isxdigit((unsigned char)text[2]) : !isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	*out = strtoull(text, &end, hex ? 16 : 10);
	return !*end && !errno;
}

static uint64_t time_of(const struct request *q, uint64_t n)
{
	return n / q->rate * SECOND + n % q->rate * SECOND / q->rate;
}

/* 1: *a is the next; 0: that was all. */
static int next_access(struct csv *c, struct access *a)
{
	uint64_t values[N_COLUMNS] = { 0 }, end;
	char *fields[FIELDS];
	unsigned int n;
	int ret = next_line(c, fields, &n);

	if (ret <= 0)
		return ret;
	if (n != c->fields)
		return fail(c, "%u fields, there are %u columns", n, c->fields);
	for (enum column i = 0; i < N_COLUMNS; i++) {
		const char *text = c->at[i] == FIELDS ? NULL : fields[c->at[i]];

		if (!text)
			continue;
		if (i == WRITE && (!strcasecmp(text, "r") || !strcasecmp(text, "w")))
			text = !strcasecmp(text, "w") ? "1" : "0";
		if (!parse_field(text, &values[i]) || values[i] < columns[i].min ||
		    values[i] > columns[i].max)
			return fail(c, "%s '%.32s' is not %s", columns[i].name, text,
				    columns[i].wants);
	}
	if (c->at[NS] == FIELDS)
		values[NS] = time_of(c->q, c->records);
	if (values[NS] < c->ns)
		return fail(c, "%" PRIu64 " ns, before the one above: sort by time", values[NS]);
	if (__builtin_add_overflow(values[IOVA], values[LENGTH], &end))
		return fail(c, "%" PRIu64 " bytes from 0x%" PRIx64 " on reach 2^64", values[LENGTH],
			    values[IOVA]);
	c->ns = values[NS];
	c->records++;
	*a = (struct access){
		.ns = values[NS],
		.iova = values[IOVA],
		.length = values[LENGTH],
		.device = values[DEVICE],
		.pasid = values[PASID],
		.write = values[WRITE],
	};
	return 1;
}

static int start(struct csv *c)
{
	c->line = c->records = c->ns = 0;
	if (fseek(c->file, 0, SEEK_SET))
		return fail(c, "it cannot be read twice: put it into a file first");
	return read_names(c);
}

/* ---- the trace ---- */

/* What @w is to have: as was said, else what there is. */
static int look(struct csv *c, struct workload *w)
{
	uint64_t first = UINT64_MAX, last = 0;
	struct access a;
	int ret = start(c);

	w->devices = c->q->devices ? c->q->devices : 1;
	while (!ret && (ret = next_access(c, &a)) > 0) {
		ret = 0;
		if (a.iova < first)
			first = a.iova;
		if (a.iova + a.length - 1 > last)
			last = a.iova + a.length - 1;
		if (a.device >= w->devices && c->q->devices)
			return fail(c, "device %" PRIu32 ", and --devices is %u", a.device,
				    w->devices);
		if (a.device >= w->devices)
			w->devices = a.device + 1;
		if (a.ns >= c->q->ns && c->q->ns)
			return fail(c, "%" PRIu64 " ns, and it is over after %" PRIu64, a.ns,
				    c->q->ns);
	}
	if (ret)
		return ret;
	if (!c->records)
		return fail(c, "there is no record: a line each, below the columns' names");
	w->iova = c->q->has_iova ? c->q->iova : first / PAGE * PAGE;
	w->length = c->q->length ? c->q->length : last / PAGE * PAGE + PAGE - w->iova;
	if (!c->q->length && last < w->iova)
		return fail(c, "all is below 0x%" PRIx64, w->iova);
	w->ns = c->q->ns ? c->q->ns : c->q->rate ? time_of(c->q, c->records) : c->ns + 1;
	return 0;
}

static int copy(struct csv *c, const struct workload *w, FILE *out)
{
	struct trace_writer *t = trace_begin(out, w, c->q->seed);
	struct access a;
	int ret;

	if (!t)
		return fail(c, "0x%" PRIx64 " bytes from 0x%" PRIx64 " on are no memory: %s",
			    w->length, w->iova, strerror(errno));
	ret = start(c);
	while (!ret && (ret = next_access(c, &a)) > 0) {
		ret = trace_add(t, &a);
		if (ret == -EINVAL)
			fail(c,
			     "%" PRIu64 " bytes at IOVA 0x%" PRIx64
			     " are not within the memory, 0x%" PRIx64 " to 0x%" PRIx64,
			     a.length, a.iova, w->iova, w->iova + w->length - 1);
	}
	if (ret && ret != -EIO) {
		trace_end(t, 0);
		return ret;
	}
	/* What could not be written, outfile_commit() says. */
	return trace_end(t, w->ns) == -EINVAL ? fail(c, "it is over after 2^63 ns") : 0;
}

static int convert(struct csv *c)
{
	const struct request *q = c->q;
	const char *slash = strrchr(q->input, '/');
	struct workload w = { .pattern = q->pattern };
	struct outfile out;
	int exit_code;

	if (q->origin)
		snprintf(w.origin, sizeof(w.origin), "%s", q->origin);
	else
		snprintf(w.origin, sizeof(w.origin), "of %.255s, a CSV",
			 slash ? slash + 1 : q->input);
	if (look(c, &w))
		return trace_failed(c->error);
	exit_code = outfile_open(&out, q->output, q->force);
	if (exit_code)
		return exit_code;
	if (copy(c, &w, out.file)) {
		outfile_abandon(&out);
		return trace_failed(c->error);
	}
	exit_code = outfile_commit(&out);
	if (!exit_code)
		fprintf(stderr, "%s: %" PRIu64 " records, %.6g s\n", q->output, c->records,
			w.ns / 1e9);
	return exit_code;
}

/* EXIT_CODE_PASSED to go on. */
static int parse_options(const struct command *command, int argc, char **argv, struct request *q)
{
	static const struct option options[] = {
		{ "iova", required_argument, NULL, 'i' },
		{ "length", required_argument, NULL, 'l' },
		{ "devices", required_argument, NULL, 'n' },
		{ "rate", required_argument, NULL, 'r' },
		{ "time", required_argument, NULL, 'T' },
		{ "seed", required_argument, NULL, 'S' },
		{ "origin", required_argument, NULL, 'O' },
		{ "pattern", no_argument, NULL, 'p' },
		{ "output", required_argument, NULL, 'o' },
		{ "force", no_argument, NULL, 'F' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
		switch (c) {
		case 'i':
			if (!parse_number(optarg, 0, UINT64_MAX - PAGE, &q->iova) || q->iova % PAGE)
				return usage_error(command, "--iova takes a multiple of %d", PAGE);
			q->has_iova = true;
			break;
		case 'l':
			if (!parse_size(optarg, PAGE, INT64_MAX, &q->length) || q->length % PAGE)
				return usage_error(command, "--length takes a size, in pages");
			break;
		case 'n':
			if (!parse_number(optarg, 1, WORKLOAD_DEVICES, &q->devices))
				return usage_error(command, "--devices takes a number up to %d",
						   WORKLOAD_DEVICES);
			break;
		case 'r':
			if (!parse_number(optarg, 1, SECOND, &q->rate))
				return usage_error(command, "--rate takes records a second");
			break;
		case 'T':
			if (!trace_seconds(optarg, &q->ns))
				return usage_error(command, "--time takes seconds, e.g. 2.5");
			break;
		case 'S':
			if (!parse_number(optarg, 0, UINT64_MAX, &q->seed))
				return usage_error(command, "--seed takes a number of 64 bits");
			break;
		case 'O':
			q->origin = optarg;
			break;
		case 'p':
			q->pattern = true;
			break;
		case 'o':
			q->output = optarg;
			break;
		case 'F':
			q->force = true;
			break;
		default:
			return option_error(command, argv);
		}
	}
	if (optind + 1 != argc)
		return usage_error(command, "convert takes a FILE, one");
	q->input = argv[optind];
	if (!q->output)
		return usage_error(command, "convert takes -o FILE");
	return EXIT_CODE_PASSED;
}

int convert_csv_main(const struct command *command, int argc, char **argv)
{
	struct request q = { .input = NULL };
	struct csv c = { .q = &q };
	int exit_code = parse_options(command, argc, argv, &q);

	if (exit_code)
		return exit_code;
	c.file = fopen(q.input, "re");
	if (!c.file) {
		fprintf(stderr, "iodirty: trace: %s cannot be opened: %s\n", q.input,
			strerror(errno));
		return EXIT_CODE_FAILED;
	}
	exit_code = convert(&c);
	fclose(c.file);
	free(c.text);
	return exit_code;
}
