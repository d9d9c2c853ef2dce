/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which test runs in which configuration, and which is skipped, and why. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cli.h"
#include "run.h"

#define GIB_LG2 30

/* What CT_TEST() puts there, from all files; the linker gathers and names it. */
extern const struct ct_test *const __start_ct_tests[];
extern const struct ct_test *const __stop_ct_tests[];

static bool selected(const struct patterns *p, bool (*matches)(const char *, const char *),
		     const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (matches(p->list[i], name))
			return true;
	return !p->n;
}

/* The first pattern that selects none of @names (of length @n), or NULL. */
static const char *useless(const struct patterns *p, bool (*matches)(const char *, const char *),
			   const char *const *names, size_t n)
{
	for (size_t i = 0; i < p->n; i++) {
		size_t k = 0;

		while (k < n && !matches(p->list[i], names[k]))
			k++;
		if (k == n)
			return p->list[i];
	}
	return NULL;
}

static int check_patterns(const struct patterns *p, bool (*matches)(const char *, const char *),
			  const char *const *names, size_t n, const char *kind)
{
	const char *pattern = useless(p, matches, names, n);

	if (!pattern)
		return EXIT_CODE_PASSED;
	fprintf(stderr, "iodirty: conform: no %s matches '%s'; there are:", kind, pattern);
	for (size_t i = 0; i < n; i++)
		fprintf(stderr, " %s", names[i]);
	fputc('\n', stderr);
	return EXIT_CODE_USAGE;
}

static int choose_requirements(struct run *run, const struct patterns *p)
{
	size_t n = 0;
	const char **names;
	int exit_code;

	while (requirements[n].id)
		n++;
	names = calloc(n + 1, sizeof(*names));
	run->reqs = calloc(n + 1, sizeof(*run->reqs));
	if (!names || !run->reqs)
		abort();
	for (size_t i = 0; i < n; i++) {
		names[i] = requirements[i].id;
		if (selected(p, name_matches, requirements[i].id))
			run->reqs[run->n_reqs++] = &requirements[i];
	}
	exit_code = check_patterns(p, name_matches, names, n, "requirement");
	free(names);
	return exit_code;
}

static int choose_formats(struct run *run, struct target *t, const struct patterns *p)
{
	struct iodirty_format_info *all = NULL;
	const char **names;
	size_t n = 0;
	int exit_code;

	for (;; n++) {
		all = realloc(all, (n + 1) * sizeof(*all));
		if (!all)
			abort();
		all[n] = (struct iodirty_format_info){ .size = sizeof(*all) };
		if (t->driver->format(t, n, &all[n]))
			break;
	}
	names = calloc(n + 1, sizeof(*names));
	if (!names)
		abort();
	for (size_t i = 0; i < n; i++)
		names[i] = all[i].name;
	exit_code = check_patterns(p, format_matches, names, n, "format");
	free(names);

	run->formats = all;
	for (size_t i = 0; i < n; i++)
		if (selected(p, format_matches, all[i].name))
			all[run->n_formats++] = all[i];
	return exit_code;
}

/*
 * Leaf sizes to test a format with. Page tables of 9 bits a level make their
 * blocks at granule, granule << 9, granule << 18; a format with every power of
 * two between makes the rest of replicated entries. Of such a run of sizes the
 * ends differ, and each block and its double (two entries, the fewest that must
 * be taken as one leaf); 64K and 1M stand for those between. A size that is in
 * no run is one that the architecture names: a block, or a contiguous hint.
 */
static bool leaf_is_usual(uint64_t sizes, unsigned int granule, unsigned int lg2)
{
	bool in_run = sizes >> (lg2 - 1) & 1 && sizes >> (lg2 + 1) & 1;

	return !in_run || (lg2 - granule) % 9 <= 1 || lg2 == 16 || lg2 == 20;
}

/* The smallest leaf, and the largest that a huge page of most hosts (2M) backs. */
static bool leaf_is_quick(uint64_t sizes, unsigned int granule, unsigned int lg2)
{
	return lg2 == granule ||
	       (lg2 <= 21 && !(sizes >> (lg2 + 1) << (lg2 + 1) & ((1 << 22) - 1)));
}

static bool leaf_chosen(enum leaf_choice choice, const struct iodirty_format_info *f,
			unsigned int lg2)
{
	/* A scene needs room for a few leaves, wherever alignment puts it. */
	uint64_t room = (f->aperture_last - f->aperture_first) >> 3;

	if (!(f->leaf_sizes >> lg2 & 1) || lg2 < f->granule_lg2 || lg2 > GIB_LG2 ||
	    room >> lg2 == 0)
		return false;
	switch (choice) {
	case LEAF_QUICK:
		return leaf_is_quick(f->leaf_sizes, f->granule_lg2, lg2);
	case LEAF_USUAL:
		return leaf_is_usual(f->leaf_sizes, f->granule_lg2, lg2);
	case LEAF_ALL:
		break;
	}
	return true;
}

/* NULL, or why the test is not run in this configuration. */
static const char *skip_reason(const struct ct_test *test, const struct ct_config *config,
			       const struct run *run, char *out, size_t size)
{
	uint64_t missing = test->needs & ~run->caps;
	size_t used;

	if (config->leaf_lg2 >= GIB_LG2 && run->leaf != LEAF_ALL && !test->giant)
		return "leaves of 1 GiB take seconds to map: run with --leaf all";

	if (!missing)
	return test->requires ? test->requires(config) : NULL;
	used = snprintf(out, size, "the target does not claim");
	for (; missing; missing &= missing - 1)
		used += snprintf(out + used, size - used, " %s",
				 target_cap_name(missing & -missing));
	return out;
}

static void add_case(struct run *run, const struct ct_test *test, const struct requirement *req,
		     const struct ct_config *config)
{
	struct run_case *rc;
	char size[8];

	run->cases = realloc(run->cases, (run->n_cases + 1) * sizeof(*run->cases));
	if (!run->cases)
		abort();
	rc = &run->cases[run->n_cases++];
	*rc = (struct run_case){ .c = { .test = test, .config = *config }, .req = req };
	if (test->scope == CT_ONCE)
		strcpy(rc->c.config_name, "-");
	else
		snprintf(rc->c.config_name, sizeof(rc->c.config_name), "%.*s/%s", IODIRTY_NAME_LEN,
			 config->format.name, size_name(config->leaf_lg2, size));
}

static void add_test(struct run *run, const struct ct_test *test, const struct requirement *req)
{
	size_t n_formats = test->scope == CT_ONCE && run->n_formats ? 1 : run->n_formats;

	for (size_t i = 0; i < n_formats; i++) {
		struct ct_config config = { .format = run->formats[i],
					    .leaf_lg2 = run->formats[i].granule_lg2 };

		add_case(run, test, req, &config);
		if (test->scope != CT_EACH_LEAF)
			continue;
		while (++config.leaf_lg2 <= GIB_LG2)
			if (leaf_chosen(run->leaf, &config.format, config.leaf_lg2))
				add_case(run, test, req, &config);
	}
}

/* By file and line, so that a requirement's tests run in the order of reading. */
static int compare_tests(const void *a, const void *b)
{
	const struct ct_test *one = *(const struct ct_test *const *)a;
	const struct ct_test *two = *(const struct ct_test *const *)b;
	int order = strcmp(one->file, two->file);

	return order ? order : one->line - two->line;
}

const struct ct_test **all_tests(void)
{
	size_t n = __stop_ct_tests - __start_ct_tests;
	const struct ct_test **tests = calloc(n + 1, sizeof(*tests));

	if (!tests)
		abort();
	memcpy(tests, __start_ct_tests, n * sizeof(*tests));
	qsort(tests, n, sizeof(*tests), compare_tests);
	return tests;
}

static void make_cases(struct run *run)
{
	const struct ct_test **tests = all_tests();

	for (size_t r = 0; r < run->n_reqs; r++)
		for (size_t i = 0; tests[i]; i++)
			if (!strcmp(tests[i]->requirement, run->reqs[r]->id) &&
			    (tests[i]->concurrent || !run->concurrent))
				add_test(run, tests[i], run->reqs[r]);
	free(tests);
}

static void make_records(struct run *run)
{
	size_t size = (run->n_cases + 1) * sizeof(*run->records);
	char text[512];

	run->records = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (run->records == MAP_FAILED)
		abort();
	for (size_t i = 0; i < run->n_cases; i++) {
		struct ct_case *c = &run->cases[i].c;
		const char *why = skip_reason(c->test, &c->config, run, text, sizeof(text));

		c->record = &run->records[i];
		if (!why)
			continue;
		snprintf(c->record->message, sizeof(c->record->message), "%s", why);
		c->record->verdict = VERDICT_SKIP;
		c->record->final = RECORD_FINAL;
	}
}

int plan_run(struct run *run, const struct patterns *formats, const struct patterns *reqs)
{
	int exit_code = choose_requirements(run, reqs);
	struct target *t;
	int ret;

	if (exit_code)
		return exit_code;
	ret = run->driver->open(run->target_arg, &t);
	if (ret) {
		fprintf(stderr, "iodirty: conform: target %s does not open: %s\n",
			run->driver->name, strerror(-ret));
		return EXIT_CODE_FAILED;
	}
	run->caps = t->caps;
	exit_code = choose_formats(run, t, formats);
	run->driver->close(t);
	if (exit_code)
		return exit_code;
	make_cases(run);
	make_records(run);
	return EXIT_CODE_PASSED;
}

void plan_free(struct run *run)
{
	if (run->records)
		munmap(run->records, (run->n_cases + 1) * sizeof(*run->records));
	free(run->cases);
	free(run->formats);
	free(run->reqs);
}
