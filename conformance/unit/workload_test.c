/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Several workloads as one, in the order of time. Their accesses are scripts, in a table that is
 * here instead of workload_kinds.c's; what comes of them is written down by hand. And what of one
 * becomes a trace.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace.h"
#include "workload_kinds.h"

#define MEMORY 65536

/* Moments, ended by END (it is over) or BROKEN (it fails). */
#define END UINT64_MAX
#define BROKEN (UINT64_MAX - 1)

static const struct script {
	const char *name;
	uint64_t iova, ns;
	unsigned int devices; /* which are the accesses' in turn */
	uint64_t at[8];
} scripts[] = {
	{ "early", 0x100000, 10, 1, { 0, 0, 5, 9, END } },
	{ "late", 0x700000, 21, 2, { 5, 5, 7, 20, END } },
	{ "short", 0x300000, 2, 1, { 1, END } },
	{ "broken", 0x500000, 9, 1, { 3, BROKEN } },
	{ "aeons", 0x900000, 9, 1, { 3, BROKEN - 1, END } },
	{ "hasty", 0xa00000, 7, 1, { 3, 8, END } }, /* over before it is */
};

struct scripted {
	struct workload w;
	const struct script *script;
	unsigned int i;
};

static int scripted_next(struct workload *w, struct access *out)
{
	struct scripted *s = (struct scripted *)w;
	uint64_t at = s->script->at[s->i];

	if (at == END)
		return 0;
	if (at == BROKEN) {
		snprintf(w->error, sizeof(w->error), "%s", "as the script has it");
		return -EIO;
	}
	*out = (struct access){
		.ns = at,
		.iova = w->iova + s->i * 16,
		.length = 8,
		.device = s->i % s->script->devices,
	};
	s->i++;
	return 1;
}

static void scripted_rewind(struct workload *w)
{
	((struct scripted *)w)->i = 0;
}

static void scripted_close(struct workload *w)
{
	free(w);
}

static struct workload *open_script(const struct script *script)
{
	struct scripted *s = calloc(1, sizeof(*s));

	ck_assert_ptr_nonnull(s);
	s->script = script;
	s->w = (struct workload){
		.iova = script->iova,
		.length = MEMORY,
		.devices = script->devices,
		.ns = script->ns,
		.next = scripted_next,
		.rewind = scripted_rewind,
		.close = scripted_close,
	};
	return &s->w;
}

#define KIND(name, i)                                                                      \
	static struct workload *open_##name(const struct workload_options *o, char *error) \
	{                                                                                  \
		(void)o;                                                                   \
		(void)error;                                                               \
		return open_script(&scripts[i]);                                           \
	}                                                                                  \
	static const struct workload_kind kind_##name = { #name, "a script", 1, MEMORY,    \
							  open_##name }

KIND(early, 0);
KIND(late, 1);
KIND(short, 2);
KIND(broken, 3);

const struct workload_kind *const workload_kinds[] = { &kind_early, &kind_late, &kind_short,
						       &kind_broken, NULL };

/* @expected: "script's initial, index @ moment . device", one access each. */
static const struct {
	const char *name, *expected;
	uint64_t first; /* iova of the first part's memory */
	bool breaks;
} merged[] = {
	{ "early+late+short", "e0@0.0 e1@0.0 s0@1.3 e2@5.0 l0@5.1 l1@5.2 l2@7.1 e3@9.0 l3@20.2",
	  0x100000, false },
	/* Of one moment, the first part's first. */
	{ "late+early", "e0@0.2 e1@0.2 l0@5.0 l1@5.1 e2@5.2 l2@7.0 e3@9.2 l3@20.1", 0x700000,
	  false },
	{ "early+early", "e0@0.0 e1@0.0 e0@0.1 e1@0.1 e2@5.0 e2@5.1 e3@9.0 e3@9.1", 0x100000,
	  false },
	{ "short+late", "s0@1.0 l0@5.1 l1@5.2 l2@7.1 l3@20.2", 0x300000, false },
	{ "early+broken", "e0@0.0 e1@0.0 b0@3.1", 0x100000, true },
	{ "broken+early", "e0@0.1 e1@0.1 b0@3.0", 0x500000, true },
};

static struct workload *open_merged(const char *name)
{
	const struct workload_options o = { .memory = MEMORY };
	char error[WORKLOAD_ERROR] = "";
	struct workload *w = workload_open(name, &o, error);

	ck_assert_msg(w, "%s: %s", name, error);
	return w;
}

static void expect_stream(struct workload *w, const char *expected, uint64_t first)
{
	unsigned int index, device;
	unsigned long ns;
	struct access a;
	char initial;
	int used;

	for (; sscanf(expected, " %c%u@%lu.%u%n", &initial, &index, &ns, &device, &used) == 4;
	     expected += used) {
		ck_assert_int_eq(w->next(w, &a), 1);
		ck_assert_msg(a.ns == ns && a.device == device && a.iova == first + index * 16,
			      "0x%lx of device %u at %lu, not %c%u of %u at %lu", a.iova, a.device,
			      a.ns, initial, index, device, ns);
	}
}

static void expect_end(struct workload *w, bool breaks)
{
	struct access a;

	for (unsigned int i = 0; i < 2; i++) {
		ck_assert_int_eq(w->next(w, &a), breaks ? -EIO : 0);
		ck_assert_str_eq(w->error, breaks ? "as the script has it" : "");
	}
}

START_TEST(test_merged)
{
	struct workload *w = open_merged(merged[_i].name);
	struct access a;

	expect_stream(w, merged[_i].expected, merged[_i].first);
	expect_end(w, merged[_i].breaks);
	/* From the end, and from the middle. */
	w->rewind(w);
	for (unsigned int i = 0; i < 2; i++)
		ck_assert_int_eq(w->next(w, &a), 1);
	w->rewind(w);
	expect_stream(w, merged[_i].expected, merged[_i].first);
	workload_close(w);
}
END_TEST

START_TEST(test_endless)
{
	struct workload *w = workload_endless(open_merged("early+short"));

	ck_assert_ptr_nonnull(w);
	expect_stream(w,
		      "e0@0.0 e1@0.0 s0@1.1 e2@5.0 e3@9.0 e0@10.0 e1@10.0 s0@11.1 e2@15.0 "
		      "e3@19.0 e0@20.0",
		      0x100000);
	workload_close(w);
}
END_TEST

/* @records of @script, by hand, and then @ns; or the message. */
static const struct {
	unsigned int script;
	struct trace_part part;
	unsigned int records;
	uint64_t ns;
	int ret;
	const char *error;
} copies[] = {
	{ 0, { .records = 0 }, 4, 10, 0, "" },
	/* Over when the next would come. */
	{ 0, { .records = 2 }, 2, 5, 0, "" },
	{ 0, { .records = 4 }, 4, 10, 0, "" },
	{ 0, { .records = 5 }, 4, 10, 0, "" },
	/* One at that very moment is too late. */
	{ 0, { .ns = 5 }, 2, 5, 0, "" },
	{ 0, { .ns = 6 }, 3, 6, 0, "" },
	{ 0, { .ns = 20 }, 4, 10, 0, "" },
	{ 3, { .records = 0 }, 1, 0, -EIO, "record 2: as the script has it" },
	{ 4, { .records = 0 }, 1, 0, -ERANGE, "record 2: no trace can hold such an access" },
	{ 5,
	  { .records = 0 },
	  2,
	  0,
	  -ERANGE,
	  "it would be over before its last record, or after 2^63 ns" },
};

START_TEST(test_copy)
{
	struct workload *w = open_script(&scripts[copies[_i].script]);
	struct trace_part part = copies[_i].part;
	char error[TRACE_ERROR] = "", *bytes, *wanted;
	size_t size, wanted_size;
	FILE *file = open_memstream(&bytes, &size), *by_hand;
	struct trace_writer *t;
	struct access a;

	ck_assert_int_eq(trace_copy(file, w, 6, &part, error), copies[_i].ret);
	ck_assert_str_eq(error, copies[_i].error);
	ck_assert_uint_eq(part.copied, copies[_i].records);
	fclose(file);
	if (!copies[_i].ret) {
		ck_assert_uint_eq(part.end, copies[_i].ns);
		w->rewind(w);
		by_hand = open_memstream(&wanted, &wanted_size);
		t = trace_begin(by_hand, w, 6);
		for (unsigned int i = 0; i < copies[_i].records; i++) {
			ck_assert_int_eq(w->next(w, &a), 1);
			ck_assert_int_eq(trace_add(t, &a), 0);
		}
		ck_assert_int_eq(trace_end(t, copies[_i].ns), 0);
		fclose(by_hand);
		ck_assert_uint_eq(size, wanted_size);
		ck_assert_mem_eq(bytes, wanted, size);
		free(wanted);
	}
	free(bytes);
	workload_close(w);
}
END_TEST

/* No trace begins at such an address: nothing is written. */
START_TEST(test_copy_of_no_memory)
{
	struct workload *w = open_script(&scripts[0]);
	struct trace_part part = { .records = 0 };
	char error[TRACE_ERROR] = "", *bytes;
	size_t size;
	FILE *file = open_memstream(&bytes, &size);

	w->iova++;
	ck_assert_int_eq(trace_copy(file, w, 0, &part, error), -EINVAL);
	ck_assert_str_eq(error, strerror(EINVAL));
	fclose(file);
	ck_assert_uint_eq(size, 0);
	free(bytes);
	workload_close(w);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("workload");
	TCase *all = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(all, test_merged, 0, sizeof(merged) / sizeof(merged[0]));
	tcase_add_test(all, test_endless);
	tcase_add_loop_test(all, test_copy, 0, sizeof(copies) / sizeof(copies[0]));
	tcase_add_test(all, test_copy_of_no_memory);
	suite_add_tcase(suite, all);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
