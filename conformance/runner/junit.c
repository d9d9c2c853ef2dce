/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * JUnit XML, as Jenkins and GitLab read it: a test suite a chapter, a test case
 * a case, with the requirement as its class.
 */
#include <libxml/xmlwriter.h>
#include <string.h>
#include <sys/utsname.h>

#include "text.h"
#include "view.h"

static void attribute(xmlTextWriterPtr w, const char *name, const char *value)
{
	xmlTextWriterWriteAttribute(w, BAD_CAST name, BAD_CAST value);
}

/* An element with the first line of @text as its message, and all of it. */
static void outcome(xmlTextWriterPtr w, const char *element, const char *type, const char *text)
{
	xmlChar *line = xmlStrndup(BAD_CAST text, text_line_length(text, 200));

	xmlTextWriterStartElement(w, BAD_CAST element);
	xmlTextWriterWriteAttribute(w, BAD_CAST "message", line);
	xmlFree(line);
	if (type)
		attribute(w, "type", type);
	xmlTextWriterWriteString(w, BAD_CAST text);
	xmlTextWriterEndElement(w);
}

static const char *element_of(const struct run_case *rc)
{
	enum verdict verdict = case_verdict(rc);

	switch (verdict) {
	case VERDICT_PASS:
		return NULL;
	case VERDICT_FAIL:
	case VERDICT_XPASS:
		return verdict_fails(rc->req, verdict) ? "failure" : "skipped";
	case VERDICT_SKIP:
	case VERDICT_XFAIL:
	case VERDICT_NOT_CAPABLE:
		return "skipped";
	default:
		return "error";
	}
}

static void one_case(const struct run_case *rc, xmlTextWriterPtr w)
{
	const struct record *r = rc->c.record;
	const char *element = element_of(rc);

	xmlTextWriterStartElement(w, BAD_CAST "testcase");
	attribute(w, "classname", rc->req->id);
	xmlTextWriterWriteFormatAttribute(w, BAD_CAST "name", "%s %s", rc->c.test->name,
					  rc->c.config_name);
	xmlTextWriterWriteFormatAttribute(w, BAD_CAST "time", "%.3f", r->seconds);
	if (element)
		outcome(w, element,
			strcmp(element, "skipped") ? verdict_name(case_verdict(rc)) : NULL,
			r->message);
	if (r->notes[0])
		xmlTextWriterWriteElement(w, BAD_CAST "system-out", BAD_CAST r->notes);
	xmlTextWriterEndElement(w);
}

/*
 * Attributes that count the cases [first, last). Jenkins' schema allows "skipped"
 * on a suite, and not on all of them.
 */
static void counts(const struct run *run, size_t first, size_t last, bool suite, xmlTextWriterPtr w)
{
	static const char *const elements[] = { "failure", "error", "skipped" };
	static const char *const names[] = { "failures", "errors", "skipped" };
	double seconds = 0;

	xmlTextWriterWriteFormatAttribute(w, BAD_CAST "tests", "%zu", last - first);
	for (int k = 0; k < (suite ? 3 : 2); k++) {
		size_t n = 0;

		for (size_t i = first; i < last; i++) {
			const char *element = element_of(&run->cases[i]);

			n += element && !strcmp(element, elements[k]);
		}
		xmlTextWriterWriteFormatAttribute(w, BAD_CAST names[k], "%zu", n);
	}
	for (size_t i = first; i < last; i++)
		seconds += run->cases[i].c.record->seconds;
	xmlTextWriterWriteFormatAttribute(w, BAD_CAST "time", "%.3f", seconds);
}

static void property(xmlTextWriterPtr w, const char *name, const char *value)
{
	xmlTextWriterStartElement(w, BAD_CAST "property");
	attribute(w, "name", name);
	attribute(w, "value", value);
	xmlTextWriterEndElement(w);
}

/* The cases [first, last) of one chapter. */
static void one_chapter(const struct run *run, size_t first, size_t last, xmlTextWriterPtr w)
{
	char started[32], seed[32];
	struct utsname host;

	uname(&host);
	strftime(started, sizeof(started), "%Y-%m-%dT%H:%M:%S", gmtime(&run->started));
	snprintf(seed, sizeof(seed), "0x%llx", (unsigned long long)run->seed);
	xmlTextWriterStartElement(w, BAD_CAST "testsuite");
	attribute(w, "name", run->cases[first].req->chapter);
	counts(run, first, last, true, w);
	attribute(w, "timestamp", started);
	attribute(w, "hostname", host.nodename);
	xmlTextWriterStartElement(w, BAD_CAST "properties");
	property(w, "target", run->driver->name);
	property(w, "run", run->id);
	property(w, "seed", seed);
	property(w, "complete", run->complete ? "true" : "false");
	xmlTextWriterEndElement(w);
	for (size_t i = first; i < last; i++)
		one_case(&run->cases[i], w);
	xmlTextWriterEndElement(w);
}

void junit_view(const struct run *run, const struct summary *s, FILE *out)
{
	xmlTextWriterPtr w = xmlNewTextWriter(xmlOutputBufferCreateFile(out, NULL));
	size_t first, last;

	(void)s;
	xmlTextWriterSetIndent(w, 1);
	xmlTextWriterStartDocument(w, NULL, "UTF-8", NULL);
	xmlTextWriterStartElement(w, BAD_CAST "testsuites");
	attribute(w, "name", "iodirty");
	counts(run, 0, run->n_cases, false, w);
	for (first = 0; first < run->n_cases; first = last) {
		for (last = first; last < run->n_cases; last++)
			if (strcmp(run->cases[last].req->chapter, run->cases[first].req->chapter))
				break;
		one_chapter(run, first, last, w);
	}
	xmlTextWriterEndDocument(w);
	xmlFreeTextWriter(w);
}
