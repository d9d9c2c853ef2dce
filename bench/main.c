/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* iodirty bench: what to measure, on which target, and where the result goes. */
#define _GNU_SOURCE
#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "counts.h"
#include "measure.h"
#include "set.h"
#include "shim.h"
#include "variant.h"
#include "version.h"
#include "workload.h"

enum { EXIT_PASSED, EXIT_FAILED, EXIT_USAGE, EXIT_NOTHING = 4 };

#define MAX_FORMATS 32
#define MAX_WORDS 64

/* An option that may be given several times, as typed. */
struct words {
	const char *word[MAX_WORDS];
	unsigned int n;
};

struct options {
	const char *target;
	const char *against; /* a second one */
	struct words formats, only, sets, variants, workloads; /* none: all */
	const char *out;
	unsigned int repetitions, slow_down;
	enum counts_mode counts;
	bool full, force, list;
};

static struct options o;

static const char usage[] =
	"usage: iodirty bench [-t TARGET] [-f FORMAT]... [--quick|--full] [--set SET]...\n"
	"                     [--only GLOB]... [--engine VARIANT]... [--workload WORKLOAD]...\n"
	"                     [--repetitions N] [-o DIR] [--force]\n"
	"       iodirty bench --list [the same]\n"
	"       iodirty bench --against TARGET [the same]\n"
	"       iodirty bench --counts|--instructions [-t TARGET] [-f FORMAT]...\n"
	"                     [--engine VARIANT]... [-o DIR] [--force]\n"
	"\n"
	"Measure what a harvest of dirty bits costs, beside the cost of merely reading the\n"
	"same page-table entries (the floor), and what tracking costs otherwise. Every bitmap\n"
	"is compared with the truth.\n"
	"\n"
	"  -t, --target TARGET  what to measure; \"ref\" unless given (iodirty list targets)\n"
	"  -f, --format FORMAT  only these page-table formats: a name, a glob, or what comes\n"
	"                       before a dash in several (iodirty list formats)\n"
	"      --against TARGET instead: harvests of the same pages by both, in turns\n"
	"      --quick          about a minute (the default): one format of each architecture,\n"
	"                       what comes before the dash, unless -f says which\n"
	"      --full           all formats; the first of them with ranges up to 64 GiB, in\n"
	"                       every way there is: long\n"
	"      --list           the names of what would be measured, and no more\n"
	"      --set SET        only these sets of cells, or all:\n"
	"      --only GLOB      only cells with such a name (see --list)\n"
	"      --engine VARIANT only harvests that go about it so:\n"
	"                       ENGINE[+masked][+skip][+prefetch]\n"
	"      --workload WORKLOAD\n"
	"                       the workloads of the set of this name: a name, a trace's file,\n"
	"                       or several at once, A+B; \"list\" lists them. Without --set\n"
	"                       that set alone is measured\n"
	"      --repetitions N  of every cell; else as many as fit a cell's share of the time\n"
	"      --slow-down PERCENT\n"
	"                       each harvest takes so much longer than it did: for trying what\n"
	"                       compares results, and for nothing else\n"
	"      --counts         counts in place of times, which do not depend on the machine's\n"
	"                       load: entries, atomics, invalidations; and instructions, where\n"
	"                       there is valgrind\n"
	"      --instructions   instructions alone, as a table\n"
	"  -o, --output DIR     write DIR/bench.json, in Google Benchmark's format, or with\n"
	"                       --counts DIR/counts.json\n"
	"      --force          replace what is there\n"
	"  -h, --help           this\n"
	"\n"
	"A harvest's cells are harvest/FORMAT/LEAF/SIZE/LAYOUT/CACHE/PATTERN/DENSITY/VARIANT,\n"
	"with /2T for two threads on disjoint halves, /bitmap:2M where a bit is of 2 MiB,\n"
	"/bitmap+8 where the bitmap is 8 bytes off its page, /bitmap:fresh where its pages have\n"
	"not been touched.\n"
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

/* The usage, with the sets where it speaks of them. */
static void print_usage(void)
{
	static const char here[] = "only these sets of cells, or all:\n";
	const char *rest = strstr(usage, here) + strlen(here);

	fwrite(usage, 1, rest - usage, stdout);
	for (unsigned int s = 0; bench_sets[s]; s++)
		printf("                         %-9s %s\n", bench_sets[s]->name,
		       bench_sets[s]->summary);
	fputs(rest, stdout);
}

static void add_word(struct words *words, const char *word)
{
	if (words->n == MAX_WORDS)
		die(EXIT_USAGE, "an option is there more than %d times", MAX_WORDS);
	words->word[words->n++] = word;
}

static unsigned int number(const char *option, const char *text, unsigned long max)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno || !n || n > max)
		die(EXIT_USAGE, "%s takes a number from 1 to %lu, not '%s'", option, max, text);
	return n;
}

static void add_set(const char *name)
{
	char names[256] = " all";
	bool all = !strcmp(name, "all");

	for (unsigned int s = 0; bench_sets[s]; s++) {
		if (all)
			add_word(&o.sets, bench_sets[s]->name);
		else if (!strcmp(bench_sets[s]->name, name))
			return add_word(&o.sets, name);
		strncat(names, " ", sizeof(names) - strlen(names) - 1);
		strncat(names, bench_sets[s]->name, sizeof(names) - strlen(names) - 1);
	}
	if (!all)
		die(EXIT_USAGE, "unknown set '%s'; sets:%s", name, names);
}

static void list_workloads(void)
{
	const char *summary, *name;

	for (unsigned int i = 0; (name = workload_name(i, &summary)); i++)
		printf("%-12s %s\n", name, summary);
}

/* Whether there is such a one is said before anything is measured. */
static void add_workload(const char *name)
{
	struct workload_options options = { .memory = 1ULL << 30 };
	char error[WORKLOAD_ERROR];
	struct workload *w;

	if (!strcmp(name, "list")) {
		list_workloads();
		exit(EXIT_PASSED);
	}
	w = workload_open(name, &options, error);
	if (!w)
		die(EXIT_USAGE, "--workload: %s", error);
	workload_close(w);
	add_word(&o.workloads, name);
}

static enum counts_mode counts_mode(const char *text)
{
	if (text && strcmp(text, "calls"))
		die(EXIT_USAGE, "--counts takes nothing, or 'calls', not '%s'", text);
	return text ? COUNTS_CALLS : COUNTS_ALL;
}

static void parse(int argc, char **argv)
{
	enum {
		FULL = 256,
		QUICK,
		FORCE,
		AGAINST,
		LIST,
		SET,
		ONLY,
		ENGINE,
		WORKLOAD,
		REPETITIONS,
		SLOW,
		COUNTS,
		INSNS
	};
	static const struct option longs[] = {
		{ "target", required_argument, NULL, 't' },
		{ "against", required_argument, NULL, AGAINST },
		{ "format", required_argument, NULL, 'f' },
		{ "output", required_argument, NULL, 'o' },
		{ "quick", no_argument, NULL, QUICK },
		{ "full", no_argument, NULL, FULL },
		{ "force", no_argument, NULL, FORCE },
		{ "list", no_argument, NULL, LIST },
		{ "set", required_argument, NULL, SET },
		{ "only", required_argument, NULL, ONLY },
		{ "engine", required_argument, NULL, ENGINE },
		{ "workload", required_argument, NULL, WORKLOAD },
		{ "repetitions", required_argument, NULL, REPETITIONS },
		{ "slow-down", required_argument, NULL, SLOW },
		{ "counts", optional_argument, NULL, COUNTS },
		{ "instructions", no_argument, NULL, INSNS },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	o.target = "ref";
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":t:f:o:h", longs, NULL)) != -1) {
		switch (c) {
		case 't':
			o.target = optarg;
			break;
		case AGAINST:
			o.against = optarg;
			break;
		case 'f':
			add_word(&o.formats, optarg);
			break;
		case 'o':
			o.out = optarg;
			break;
		case QUICK:
		case FULL:
			o.full = c == FULL;
			break;
		case FORCE:
			o.force = true;
			break;
		case LIST:
			o.list = true;
			break;
		case SET:
			add_set(optarg);
			break;
		case ONLY:
			add_word(&o.only, optarg);
			break;
		case ENGINE:
			add_word(&o.variants, optarg);
			break;
		case WORKLOAD:
			add_workload(optarg);
			break;
		case REPETITIONS:
			o.repetitions = number("--repetitions", optarg, 100000);
			break;
		case SLOW:
			o.slow_down = number("--slow-down", optarg, 10000);
			break;
		case COUNTS:
			o.counts = counts_mode(optarg);
			break;
		case INSNS:
			o.counts = COUNTS_INSTRUCTIONS;
			break;
		case 'h':
			print_usage();
			exit(EXIT_PASSED);
		case ':':
			die(EXIT_USAGE, "option '%s' needs a value", argv[optind - 1]);
		default:
			die(EXIT_USAGE, "unknown option '%s'; --help lists them", argv[optind - 1]);
		}
	}
	if (optind < argc)
		die(EXIT_USAGE, "'%s' is not an option; --help lists them", argv[optind]);
	if (o.counts && (o.against || o.list || o.full || o.slow_down || o.repetitions ||
			 o.only.n || o.sets.n || o.workloads.n))
		die(EXIT_USAGE, "--counts and --instructions go with -t, -f, --engine, -o alone");
	if (o.workloads.n && !o.sets.n)
		add_set("workload");
}

static const struct target_driver *find_target(const char *spec, const char **arg)
{
	const struct target_driver *driver = target_find(spec, arg);
	char why[256] = "", names[256] = "";
	int err;

	if (!driver) {
		for (unsigned int i = 0; targets[i]; i++) {
			strncat(names, " ", sizeof(names) - strlen(names) - 1);
			strncat(names, targets[i]->name, sizeof(names) - strlen(names) - 1);
		}
		die(EXIT_USAGE, "unknown target '%s'; targets:%s", spec, names);
	}
	err = driver->probe ? driver->probe(*arg, why, sizeof(why)) : 0;
	if (err)
		die(err == -EINVAL ? EXIT_USAGE : EXIT_NOTHING,
		    "target '%s' cannot be used here: %s", spec, why);
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
static unsigned int select_formats(struct iodirty_format_info *formats, unsigned int n)
{
	bool chosen[MAX_FORMATS] = { false };
	unsigned int kept = 0;

	for (unsigned int i = 0; i < o.formats.n; i++) {
		bool found = false;

		for (unsigned int f = 0; f < n; f++) {
			if (format_matches(o.formats.word[i], formats[f].name))
				found = chosen[f] = true;
		}
		if (found)
			continue;
		fprintf(stderr, "iodirty bench: unknown format '%s'; formats:", o.formats.word[i]);
		for (unsigned int f = 0; f < n; f++)
			fprintf(stderr, " %s", formats[f].name);
		fputc('\n', stderr);
		exit(EXIT_USAGE);
	}
	for (unsigned int f = 0; f < n; f++) {
		bool first = true;

		for (unsigned int k = 0; k < kept; k++)
			first &= !same_architecture(formats[k].name, formats[f].name);
		if (o.formats.n ? chosen[f] : o.full || first)
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

static void add_context(const struct iodirty_format_info *formats, unsigned int n)
{
	char text[MAX_FORMATS * (IODIRTY_NAME_LEN + 1)] = "", cpu[200], id[33], slow[16];
	uint64_t half[2]; /* of the id of this run */
	struct utsname u;

	for (unsigned int i = 0; i < n; i++) {
		size_t used = strlen(text);

		snprintf(text + used, sizeof(text) - used, "%s%s", used ? " " : "",
			 formats[i].name);
	}
	cpu_model(cpu, sizeof(cpu));
	uname(&u);
	if (getrandom(half, sizeof(half), 0) != sizeof(half))
		abort();
	snprintf(id, sizeof(id), "%016" PRIx64 "%016" PRIx64, half[0], half[1]);
	bench_context("run", id);
	bench_context("iodirty_version", IODIRTY_VERSION);
	bench_context("target", o.target);
	if (o.against)
		bench_context("against", o.against);
	bench_context("formats", text);
	bench_context("mode", o.full ? "full" : "quick");
	bench_context("cpu_model", cpu);
	bench_context("kernel", u.release);
	snprintf(text, sizeof(text), "%s, of several threads wall time; minimum of the repetitions",
		 measure_clock_name());
	bench_context("clock", text);
	bench_context("cache_state",
		      "cold: tables and bitmap were put out of the caches just before; "
		      "warm: the tables were read just before");
	if (o.slow_down) {
		snprintf(slow, sizeof(slow), "%u", o.slow_down);
		bench_context("slow_down_percent", slow);
	}
	bench_context("library_note",
		      "library_build_type speaks of the benchmark library alone, which Debian "
		      "builds without NDEBUG; the program keeps its own time");
}

/* Where the JSON is to go: DIR/@name, written under another name first. */
static void prepare_output(const char *name, char *path, char *partial, size_t size)
{
	if ((size_t)snprintf(partial, size, "%s/%s.partial", o.out, name) >= size)
		die(EXIT_USAGE, "the path '%s' is too long", o.out);
	snprintf(path, size, "%s/%s", o.out, name);
	if (mkdir(o.out, 0777) && errno != EEXIST)
		die(EXIT_FAILED, "%s: %s", o.out, strerror(errno));
	if (!access(path, F_OK) && !o.force)
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

static void keep_output(const char *path, const char *partial)
{
	if (o.out && (!whole(partial) || rename(partial, path))) {
		remove(partial);
		die(EXIT_FAILED, "%s could not be written whole", path);
	}
}

/* ---- what is to run ---- */

static unsigned int found_cells;

/* Is a cell of this name wanted? With --list it is printed instead. */
static bool wanted(const char *name)
{
	bool found = !o.only.n;

	for (unsigned int i = 0; i < o.only.n && !found; i++)
		found = !fnmatch(o.only.word[i], name, 0);
	found_cells += found;
	if (found && o.list)
		puts(name);
	return found && !o.list;
}

static bool set_wanted(const struct bench_plan *plan, const struct bench_set *set)
{
	bool found = !o.sets.n;

	for (unsigned int i = 0; i < o.sets.n && !found; i++)
		found = !strcmp(o.sets.word[i], set->name);
	return found && set->beside == !!plan->against;
}

/* What is said of engines on the command line must be so. Under valgrind a processor lacks
 * what it really has. */
static void check_variants(const struct bench_plan *plan)
{
	struct variant_engines engines;
	struct variant v;
	struct target *t;
	char why[256];

	if (!o.variants.n || o.counts == COUNTS_CALLS)
		return;
	if (plan->driver->open(plan->arg, &t))
		die(EXIT_NOTHING, "target '%s' cannot be opened", o.target);
	variant_list(t, &engines);
	plan->driver->close(t);
	for (unsigned int i = 0; i < o.variants.n; i++)
		if (variant_parse(o.variants.word[i], &engines, &v, why, sizeof(why)))
			die(EXIT_USAGE, "--engine: %s", why);
}

static int count(const struct bench_plan *plan, const struct iodirty_format_info *formats,
		 unsigned int n)
{
	char path[4096] = "", partial[4096] = "";
	enum counts_result result;

	if (o.out)
		prepare_output("counts.json", path, partial, sizeof(path));
	result = counts_run(plan, formats, n, o.counts, o.out ? partial : NULL);
	if (result == COUNTS_NONE) {
		if (o.out)
			remove(partial);
		die(EXIT_NOTHING, "nothing to count");
	}
	keep_output(path, partial);
	return result == COUNTS_RIGHT ? EXIT_PASSED : EXIT_FAILED;
}

static int measure(const struct bench_plan *plan, const struct iodirty_format_info *formats,
		   unsigned int n)
{
	char path[4096] = "", partial[4096] = "";
	unsigned int ran, failed = 0;

	if (o.out && !o.list)
		prepare_output("bench.json", path, partial, sizeof(path));
	bench_filter(wanted);
	for (unsigned int s = 0; bench_sets[s]; s++)
		for (unsigned int i = 0; i < n && set_wanted(plan, bench_sets[s]); i++)
			bench_sets[s]->add(plan, &formats[i]);
	add_context(formats, n);
	if (o.slow_down)
		printf("Harvests are slowed down by %u %%: these are not results.\n", o.slow_down);
	ran = found_cells && !o.list ? bench_run_all(o.out ? partial : NULL) : 0;
	for (unsigned int s = 0; bench_sets[s]; s++)
		failed += bench_sets[s]->finish();
	if (o.list)
		return found_cells ? EXIT_PASSED : EXIT_NOTHING;
	if (!ran) {
		if (o.out)
			remove(partial);
		die(EXIT_NOTHING, "nothing to measure");
	}
	keep_output(path, partial);
	printf("\n%u cells measured, %u failed%s%s\n", ran, failed, o.out ? "; " : "", path);
	return failed ? EXIT_FAILED : EXIT_PASSED;
}

int main(int argc, char **argv)
{
	struct iodirty_format_info formats[MAX_FORMATS];
	struct bench_plan plan = { 0 };
	unsigned int n, kept = 0;

	parse(argc, argv);
	plan.driver = find_target(o.target, &plan.arg);
	if (o.against)
		plan.against = find_target(o.against, &plan.against_arg);
	plan.full = o.full;
	plan.repetitions = o.repetitions;
	plan.slow_down = o.slow_down;
	plan.variants = o.variants.word;
	plan.nr_variants = o.variants.n;
	plan.workloads = o.workloads.word;
	plan.nr_workloads = o.workloads.n;
	n = list_formats(plan.driver, plan.arg, formats);
	n = select_formats(formats, n);
	check_variants(&plan);
	for (unsigned int i = 0; i < n; i++) {
		if (formats[i].flags & IODIRTY_FORMAT_DIRTY)
			formats[kept++] = formats[i];
		else
			fprintf(stderr, "iodirty bench: %s has no dirty bits: left out\n",
				formats[i].name);
	}
	return o.counts ? count(&plan, formats, kept) : measure(&plan, formats, kept);
}
