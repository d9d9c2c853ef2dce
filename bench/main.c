/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* iodirty bench: what to measure, on which target, and where the result goes. */
#define _GNU_SOURCE
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "measure.h"
#include "set.h"
#include "shim.h"
#include "version.h"

enum { EXIT_PASSED, EXIT_FAILED, EXIT_USAGE, EXIT_NOTHING = 4 };

#define MAX_FORMATS 32

struct options {
	const char *target;
	const char *against; /* a second one */
	const char *formats[MAX_FORMATS]; /* as typed; none: all */
	unsigned int nr_formats;
	const char *out;
	bool full, force;
};

static const char usage[] =
	"usage: iodirty bench [-t TARGET] [-f FORMAT]... [--quick|--full] [-o DIR] [--force]\n"
	"\n"
	"Measure what a harvest of dirty bits costs, beside the cost of merely reading the\n"
	"same page-table entries (the floor); and what it adds to an unmap. Every bitmap is\n"
	"checked.\n"
	"\n"
	"  -t, --target TARGET  what to measure; \"ref\" unless given (iodirty list targets)\n"
	"  -f, --format FORMAT  only these page-table formats: a name, a glob, or what comes\n"
	"                       before a dash in several (iodirty list formats)\n"
	"      --against TARGET instead: harvests of the same pages by both, in turns\n"
	"      --quick          about a minute (the default): one format of each architecture,\n"
	"                       what comes before the dash, unless -f says which\n"
	"      --full           every leaf size up to 2M, tables larger than caches: long\n"
	"  -o, --output DIR     write DIR/bench.json, in Google Benchmark's format\n"
	"      --force          replace a bench.json that is there\n"
	"  -h, --help           this\n"
	"\n"
	"Exit status: 0 measured, and every bitmap was right; 1 a bitmap was wrong or an\n"
	"error; 2 wrong usage; 4 nothing ran.\n";

__attribute__((noreturn, format(printf, 2, 3))) static void die(int status, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("iodirty bench: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(status);
}

static void parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "target", required_argument, NULL, 't' },
		{ "against", required_argument, NULL, 'a' },
		{ "format", required_argument, NULL, 'f' },
		{ "output", required_argument, NULL, 'o' },
		{ "quick", no_argument, NULL, 'q' },
		{ "full", no_argument, NULL, 'F' },
		{ "force", no_argument, NULL, 'R' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	static const char valid[] =
		"valid options: -t/--target, -f/--format, --against, --quick, --full, -o/--output, --force, "
		"-h/--help";
	int c;

	*o = (struct options){ .target = "ref" };
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":t:f:o:h", longs, NULL)) != -1) {
		switch (c) {
		case 't':
			o->target = optarg;
			break;
		case 'a':
			o->against = optarg;
			break;
		case 'f':
			if (o->nr_formats == MAX_FORMATS)
				die(EXIT_USAGE, "more than %d formats", MAX_FORMATS);
			o->formats[o->nr_formats++] = optarg;
			break;
		case 'o':
			o->out = optarg;
			break;
		case 'q':
		case 'F':
			o->full = c == 'F';
			break;
		case 'R':
			o->force = true;
			break;
		case 'h':
			fputs(usage, stdout);
			exit(EXIT_PASSED);
		case ':':
			die(EXIT_USAGE, "option '%s' needs a value", argv[optind - 1]);
		default:
			die(EXIT_USAGE, "unknown option '%s'; %s", argv[optind - 1], valid);
		}
	}
	if (optind < argc)
		die(EXIT_USAGE, "'%s' is not an option; %s", argv[optind], valid);
}

static const struct target_driver *find_target(const char *spec, const char **arg)
{
	const struct target_driver *driver = target_find(spec, arg);
	char why[256] = "", names[256] = "";

	if (!driver) {
		for (unsigned int i = 0; targets[i]; i++) {
			strncat(names, " ", sizeof(names) - strlen(names) - 1);
			strncat(names, targets[i]->name, sizeof(names) - strlen(names) - 1);
		}
		die(EXIT_USAGE, "unknown target '%s'; targets:%s", spec, names);
	}
	if (driver->probe && driver->probe(*arg, why, sizeof(why)))
		die(EXIT_NOTHING, "target '%s' cannot be used here: %s", spec, why);
	return driver;
}

/* A name, a glob, or the part of a name before a dash. */
static bool format_matches(const char *spec, const char *name)
{
	size_t len = strlen(spec);

	return !fnmatch(spec, name, 0) || (!strncmp(spec, name, len) && name[len] == '-');
}

static unsigned int list_formats(const struct target_driver *driver, const char *arg,
				 struct iodirty_format_info *formats)
{
	struct target *t;
	unsigned int n = 0;
	int err = driver->open(arg, &t);

	if (err)
		die(EXIT_NOTHING, "target '%s' cannot be opened: %s", driver->name, strerror(-err));
	while (n < MAX_FORMATS && !driver->format(t, n, &formats[n]))
		n++;
	driver->close(t);
	return n;
}

static bool same_architecture(const char *one, const char *other)
{
	size_t len = strcspn(one, "-");

	return len == strcspn(other, "-") && !strncmp(one, other, len);
}

/*
 * Formats that match one of the options; one that matches none is a mistake. Without
 * options all, or for a quick run the first of each architecture.
 */
static unsigned int select_formats(const struct options *o, struct iodirty_format_info *formats,
				   unsigned int n)
{
	bool chosen[MAX_FORMATS] = { false };
	unsigned int kept = 0;

	for (unsigned int i = 0; i < o->nr_formats; i++) {
		bool found = false;

		for (unsigned int f = 0; f < n; f++) {
			if (format_matches(o->formats[i], formats[f].name))
				found = chosen[f] = true;
		}
		if (found)
			continue;
		fprintf(stderr, "iodirty bench: unknown format '%s'; formats:", o->formats[i]);
		for (unsigned int f = 0; f < n; f++)
			fprintf(stderr, " %s", formats[f].name);
		fputc('\n', stderr);
		exit(EXIT_USAGE);
	}
	for (unsigned int f = 0; f < n; f++) {
		bool first = true;

		for (unsigned int k = 0; k < kept; k++)
			first &= !same_architecture(formats[k].name, formats[f].name);
		if (o->nr_formats ? chosen[f] : o->full || first)
			formats[kept++] = formats[f];
	}
	return kept;
}

static void cpu_model(char *buf, size_t size)
{
	char line[256];
	FILE *f = fopen("/proc/cpuinfo", "r");

	snprintf(buf, size, "unknown");
	while (f && fgets(line, sizeof(line), f)) {
		char *value = strchr(line, ':');

		if (strncmp(line, "model name", 10) || !value)
			continue;
		value[strcspn(value, "\n")] = '\0';
		snprintf(buf, size, "%s", value + 2);
		break;
	}
	if (f)
		fclose(f);
}

static void add_context(const struct options *o, const struct iodirty_format_info *formats,
			unsigned int n)
{
	char text[MAX_FORMATS * (IODIRTY_NAME_LEN + 1)] = "", cpu[200];
	struct utsname u;

	for (unsigned int i = 0; i < n; i++) {
		size_t used = strlen(text);

		snprintf(text + used, sizeof(text) - used, "%s%s", used ? " " : "",
			 formats[i].name);
	}
	cpu_model(cpu, sizeof(cpu));
	uname(&u);
	bench_context("iodirty_version", IODIRTY_VERSION);
	bench_context("target", o->target);
	if (o->against)
		bench_context("against", o->against);
	bench_context("formats", text);
	bench_context("mode", o->full ? "full" : "quick");
	bench_context("cpu_model", cpu);
	bench_context("kernel", u.release);
	snprintf(text, sizeof(text), "%s; minimum of the repetitions", measure_clock_name());
	bench_context("clock", text);
	bench_context("caches", o->full ? "cold where tables are larger than caches" :
					  "warm: the tables were read just before");
	bench_context("library_note",
		      "library_build_type speaks of the benchmark library alone, which Debian "
		      "builds without NDEBUG; the program keeps its own time");
}

/* Where the JSON is to go: DIR/bench.json, written under another name first. */
static void prepare_output(const struct options *o, char *path, char *partial, size_t size)
{
	if ((size_t)snprintf(partial, size, "%s/bench.json.partial", o->out) >= size)
		die(EXIT_USAGE, "the path '%s' is too long", o->out);
	snprintf(path, size, "%s/bench.json", o->out);
	if (mkdir(o->out, 0777) && errno != EEXIST)
		die(EXIT_FAILED, "%s: %s", o->out, strerror(errno));
	if (!access(path, F_OK) && !o->force)
		die(EXIT_USAGE, "%s exists; --force replaces it", path);
	FILE *f = fopen(partial, "w");
	if (!f || fclose(f))
		die(EXIT_FAILED, "%s: %s", partial, strerror(errno));
}

/* The library does not say when a disk is full: a whole file ends in a brace. */
static bool whole(const char *path)
{
	char tail[2] = "";
	FILE *f = fopen(path, "r");
	bool ok = f && !fseek(f, -2, SEEK_END) && fread(tail, 1, 2, f) == 2 &&
		  !memcmp(tail, "}\n", 2) && !fsync(fileno(f));

	if (f)
		fclose(f);
	return ok;
}

int main(int argc, char **argv)
{
	struct iodirty_format_info formats[MAX_FORMATS];
	char path[4096] = "", partial[4096] = "";
	struct bench_plan plan = { 0 };
	unsigned int n, cells = 0, ran, failed = 0;
	struct options o;

	parse(argc, argv, &o);
	plan.driver = find_target(o.target, &plan.arg);
	if (o.against)
		plan.against = find_target(o.against, &plan.against_arg);
	plan.full = o.full;
	n = list_formats(plan.driver, plan.arg, formats);
	n = select_formats(&o, formats, n);
	if (o.out)
		prepare_output(&o, path, partial, sizeof(path));

	for (unsigned int i = 0; i < n; i++) {
		if (!(formats[i].flags & IODIRTY_FORMAT_DIRTY))
			fprintf(stderr, "iodirty bench: %s has no dirty bits: left out\n",
				formats[i].name);
		else
			for (unsigned int s = 0; bench_sets[s]; s++)
				if (bench_sets[s]->beside == !!plan.against)
					cells += bench_sets[s]->add(&plan, &formats[i]);
	}
	add_context(&o, formats, n);
	ran = cells ? bench_run_all(o.out ? partial : NULL) : 0;
	for (unsigned int s = 0; bench_sets[s]; s++)
		failed += bench_sets[s]->finish();
	if (!ran) {
		if (o.out)
			remove(partial);
		die(EXIT_NOTHING, "nothing to measure");
	}
	if (o.out && (!whole(partial) || rename(partial, path))) {
		remove(partial);
		die(EXIT_FAILED, "%s could not be written whole", path);
	}
	printf("\n%u cells measured, %u failed%s%s\n", ran, failed, o.out ? "; " : "", path);
	return failed ? EXIT_FAILED : EXIT_PASSED;
}
