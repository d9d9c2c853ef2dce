/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * iodirty list: each topic is gathered as a JSON array of objects, which is
 * either printed as such or laid out as columns.
 */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "deviation.h"
#include "requirement.h"
#include "target.h"
#include "text.h"
#include "view.h"

struct topic {
	const char *name;
	const char *const *columns; /* keys of the objects, in order; the last is ragged */
	const char *none; /* what to say of an empty list */
	/* Appends to @rows; negative errno. */
	int (*gather)(struct target *t, json_t *rows);
	bool target; /* needs one */
};

static int gather_targets(struct target *t, json_t *rows)
{
	(void)t;
	for (size_t i = 0; targets[i]; i++) {
		char why[256] = "";
		bool usable = !targets[i]->probe(NULL, why, sizeof(why));

		json_array_append_new(rows,
				      json_pack("{s:s, s:b, s:s, s:s}", "name", targets[i]->name,
						"usable", usable, "summary", targets[i]->summary,
						"why", usable ? "" : why));
	}
	return 0;
}

static json_t *leaf_size_names(uint64_t sizes)
{
	json_t *names = json_array();
	char name[8];

	for (unsigned int lg2 = 0; lg2 < 64; lg2++)
		if (sizes >> lg2 & 1)
			json_array_append_new(names, json_string(size_name(lg2, name)));
	return names;
}

/* For people: "4K 2M 1G"; "4K-1G" for every power of two between. */
static void leaf_size_runs(uint64_t sizes, char *out, size_t size)
{
	size_t used = 0;
	char name[8];

	out[0] = '\0';
	for (unsigned int first = 0, last; first < 64 && used < size; first = last + 1) {
		last = first;
		if (!(sizes >> first & 1))
			continue;
		while (last < 63 && sizes >> (last + 1) & 1)
			last++;
		used += snprintf(out + used, size - used, "%s%s", used ? " " : "",
				 size_name(first, name));
		if (last > first && used < size)
			used += snprintf(out + used, size - used, "-%s", size_name(last, name));
	}
}

static int gather_formats(struct target *t, json_t *rows)
{
	struct iodirty_format_info info = { .size = sizeof(info) };
	char granule[8], aperture[64], leaves[256];
	int ret;

	for (unsigned int i = 0; !(ret = t->driver->format(t, i, &info)); i++) {
		snprintf(aperture, sizeof(aperture), "0x%llx-0x%llx", info.aperture_first,
			 info.aperture_last);
		leaf_size_runs(info.leaf_sizes, leaves, sizeof(leaves));
		json_array_append_new(rows,
				      json_pack("{s:s, s:s, s:b, s:s, s:s, s:o}", "name", info.name,
						"granule", size_name(info.granule_lg2, granule),
						"dirty", !!(info.flags & IODIRTY_FORMAT_DIRTY),
						"aperture", aperture, "leaves", leaves,
						"leaf_sizes", leaf_size_names(info.leaf_sizes)));
	}
	return ret == -ENOENT ? 0 : ret;
}

static int gather_requirements(struct target *t, json_t *rows)
{
	(void)t;
	for (const struct requirement *r = requirements; r->id; r++)
		json_array_append_new(rows,
				      json_pack("{s:s, s:s, s:s, s:b, s:s, s:s, s:s}", "id", r->id,
						"class", requirement_class_name(r), "stake",
						r->stake, "waivable", r->waivable, "source",
						r->source, "title", r->title, "text", r->text));
	return 0;
}

static int gather_tests(struct target *t, json_t *rows)
{
	static const char *const scopes[] = {
		[CT_ONCE] = "once",
		[CT_EACH_FORMAT] = "each-format",
		[CT_EACH_LEAF] = "each-leaf",
	};
	const struct ct_test **tests = all_tests();

	(void)t;
	for (size_t i = 0; tests[i]; i++)
		json_array_append_new(rows,
				      json_pack("{s:s, s:s, s:s, s:o}", "name", tests[i]->name,
						"requirement", tests[i]->requirement, "scope",
						scopes[tests[i]->scope], "needs",
						json_caps(tests[i]->needs)));
	free(tests);
	return 0;
}

/* The default is the first that is usable (abi/iodirty.h). */
static int gather_engines(struct target *t, json_t *rows)
{
	struct iodirty_engine e = { .op = IODIRTY_ENGINE_GET_INDEX };
	bool found = false;
	int ret;

	if (!(t->caps & TARGET_ENGINE))
		return 0;
	for (; !(ret = t->driver->engine(t, &e)); e.index++) {
		bool usable = e.out_usable;

		json_array_append_new(rows, json_pack("{s:s, s:b, s:b, s:s}", "name", e.name,
						      "usable", usable, "default", usable && !found,
						      "summary", e.out_summary));
		found |= usable;
	}
	return ret == -ENOENT ? 0 : ret;
}

static int gather_deviations(struct target *t, json_t *rows)
{
	(void)t;
	for (const struct deviation *d = deviations; d->cause; d++) {
		json_t *lists[3];
		const char *const *const from[3] = { d->versions, d->cases, d->messages };

		for (int i = 0; i < 3; i++) {
			lists[i] = json_array();
			for (const char *const *s = from[i]; *s; s++)
				json_array_append_new(lists[i], json_string(*s));
		}
		json_array_append_new(
			rows,
			json_pack(
				"{s:s, s:s, s:s, s:o, s:o, s:o, s:s, s:s, s:b, s:s, s:s, s:s, s:s, "
				"s:s, s:s}",
				"id", d->cause->id, "target", d->target, "requirement",
				d->requirement, "versions", lists[0], "cases", lists[1], "messages",
				lists[2], "where", d->where ? d->where : "anywhere", "verdict",
				verdict_name(d->verdict), "sometimes", d->sometimes, "stake",
				d->cause->stake, "title", d->cause->title, "text", d->cause->text,
				"expected", d->cause->expected, "observed", d->cause->observed,
				"program", d->cause->program));
	}
	return 0;
}

#define COLUMNS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static const struct topic topics[] = {
	{
		.name = "targets",
		.columns = COLUMNS("name", "usable", "summary", "why"),
		.gather = gather_targets,
	},
	{
		.name = "formats",
		.columns = COLUMNS("name", "granule", "dirty", "aperture", "leaves"),
		.none = "the target has no formats",
		.gather = gather_formats,
		.target = true,
	},
	{
		.name = "requirements",
		.columns = COLUMNS("id", "class", "stake", "title", "source"),
		.none = "there are no requirements",
		.gather = gather_requirements,
	},
	{
		.name = "tests",
		.columns = COLUMNS("name", "requirement", "scope", "needs"),
		.none = "there are no tests",
		.gather = gather_tests,
	},
	{
		.name = "engines",
		.columns = COLUMNS("name", "usable", "default", "summary"),
		.none = "the target has no engines to choose from",
		.gather = gather_engines,
		.target = true,
	},
	{
		.name = "deviations",
		.columns = COLUMNS("id", "requirement", "versions", "stake", "title"),
		.none = "no deviations are recorded",
		.gather = gather_deviations,
	},
};

static const struct topic *find_topic(const char *name)
{
	for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++)
		if (!strcmp(topics[i].name, name))
			return &topics[i];
	return NULL;
}

/* A value as it stands in a column, until the next call. */
static const char *cell_text(const json_t *value)
{
	static char list[256];
	size_t i, used = 0;
	json_t *item;

	list[0] = '\0';
	if (json_is_boolean(value))
		return json_is_true(value) ? "yes" : "no";
	if (!json_is_array(value))
		return json_string_value(value);
	json_array_foreach(value, i, item)
		used += snprintf(list + used, used < sizeof(list) ? sizeof(list) - used : 0, "%s%s",
				 i ? " " : "", json_string_value(item));
	return list;
}

static void print_cell(const char *text, int width)
{
	printf("%s%*s", text, text_width(text) < width ? width - text_width(text) : 0, "");
}

static void print_columns(const struct topic *topic, const json_t *rows)
{
	int width[8] = { 0 };
	size_t i, c;
	const char *text;
	json_t *row;

	for (c = 0; topic->columns[c]; c++) {
		width[c] = text_width(topic->columns[c]);
		json_array_foreach(rows, i, row)
		{
			text = cell_text(json_object_get(row, topic->columns[c]));
			if (text_width(text) > width[c])
				width[c] = text_width(text);
		}
	}
	for (c = 0; topic->columns[c]; c++)
		print_cell(topic->columns[c], topic->columns[c + 1] ? width[c] + 2 : 0);
	putchar('\n');
	json_array_foreach(rows, i, row)
	{
		for (c = 0; topic->columns[c]; c++) {
			text = cell_text(json_object_get(row, topic->columns[c]));
			print_cell(text, topic->columns[c + 1] ? width[c] + 2 : 0);
		}
		putchar('\n');
	}
}

static int list_topic(const struct command *command, const struct topic *topic, const char *spec,
		      bool json)
{
	int exit_code = EXIT_CODE_PASSED, ret;
	json_t *rows = json_array();
	struct target *t = NULL;

	if (topic->target) {
		const struct target_driver *driver;
		const char *arg = NULL;

		driver = usable_target(command, spec, &arg, &exit_code);
		if (!driver)
			goto out;
		ret = driver->open(arg, &t);
		if (ret) {
			fprintf(stderr, "iodirty: list: target %s does not open: %s\n",
				driver->name, strerror(-ret));
			exit_code = EXIT_CODE_FAILED;
			goto out;
		}
	}
	ret = topic->gather(t, rows);
	if (t)
		t->driver->close(t);
	if (ret) {
		fprintf(stderr, "iodirty: list: %s: %s\n", topic->name, strerror(-ret));
		exit_code = EXIT_CODE_FAILED;
	} else if (json) {
		json_dumpf(rows, stdout, JSON_INDENT(2));
		putchar('\n');
	} else if (json_array_size(rows)) {
		print_columns(topic, rows);
	} else {
		puts(topic->none);
	}
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "iodirty: list: cannot write: %s\n", strerror(errno));
		exit_code = EXIT_CODE_FAILED;
	}
out:
	json_decref(rows);
	return exit_code;
}

int list_main(const struct command *command, int argc, char **argv)
{
	static const struct option options[] = {
		{ "target", required_argument, NULL, 't' },
		{ "json", no_argument, NULL, 'J' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const struct topic *topic;
	const char *spec = NULL;
	bool json = false;
	int c;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "t:h", options, NULL)) != -1) {
		switch (c) {
		case 't':
			spec = optarg;
			break;
		case 'J':
			json = true;
			break;
		case 'h':
			return command_help(command);
		default:
			return option_error(command, argv);
		}
	}
	if (optind != argc - 1)
		return usage_error(command, "name one thing to list");
	topic = find_topic(argv[optind]);
	if (!topic)
		return usage_error(command, "unknown thing to list '%s'", argv[optind]);
	return list_topic(command, topic, spec, json);
}
