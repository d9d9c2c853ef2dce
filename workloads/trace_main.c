/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* iodirty trace: what is done with traces, a word each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "trace.h"
#include "trace_commands.h"

static const struct command words[] = {
	{
		.name = "trace list",
		.arguments = "",
		.summary = "those that have a name",
		.help = "Workloads that have a name; any other is a file.",
		.run = trace_list_main,
	},
	{
		.name = "trace make",
		.arguments =
			"WORKLOAD (--records N | --time SECONDS) -o FILE [--force]\n"
			"                  [--memory SIZE] [--devices N] [--rate N] [--seed N]",
		.summary = "write so much of a workload to a trace",
		.help = "Writes so much of WORKLOAD to a trace: the same each time.\n"
			"\n"
			"      --records N     stop after so many\n"
			"      --time SECONDS  stop then, e.g. 2.5\n"
			"  -m, --memory SIZE   of a workload with a name (default: 1G)\n"
			"      --devices N     default: as many as it has\n"
			"      --rate N        of shapes: writes a second of each device\n"
			"      --seed N        of what is random (default: 1)\n"
			"  -o, --output FILE   what is written\n"
			"      --force         FILE may exist: replace it",
		.run = trace_make_main,
	},
	{
		.name = "trace info",
		.arguments = "FILE",
		.summary = "what is in a trace",
		.help = "What is in a trace, device by device; exit code 1 and why, if it is none.",
		.run = trace_info_main,
	},
	{
		.name = "trace csv",
		.arguments = "FILE",
		.summary = "a trace as text",
		.help = "All of a trace as CSV, on standard output; `trace convert` takes it back.",
		.run = trace_csv_main,
	},
	{
		.name = "trace convert",
		.arguments =
			"--from csv IN -o FILE [--force] [--iova N] [--length SIZE]\n"
			"                     [--devices N] [--rate N] [--time SECONDS] [--seed N]\n"
			"                     [--origin TEXT] [--pattern] |\n"
			"                     --from fio LOG -o FILE [--force] --memory MODEL\n"
			"                     [--rate N] [--size SIZE]",
		.summary = "what others wrote, to a trace",
		.help = "A CSV has a line with the columns' names: write (0, 1, R, W), iova and length\n"
			"(in tens, or with 0x), and perhaps ns, device, pasid; lines in order of time.\n"
			"\n"
			"      --rate N        of a CSV without times: records a second\n"
			"      --time SECONDS  it is over then (default: 1 ns after the last, or by\n"
			"                      the rate)\n"
			"      --iova N        where memory begins (default: the first page that is\n"
			"      --length SIZE   used) and how long it is (default: up to the last)\n"
			"      --devices N     default: as many as there are\n"
			"      --seed N        that it was made with, if any: only noted\n"
			"      --origin TEXT   what it is, and where it is from\n"
			"      --pattern       addresses are an access pattern, no device's\n"
			"\n"
			"A log of fio (--write_iolog, version 3) says what is done to a drive; what a\n"
			"drive does to memory for it is the MODEL's word (workloads/fiolog.h). A read\n"
			"of a drive writes memory; a write to it reads memory.\n"
			"\n"
			"      --memory MODEL  direct:DEPTH: so many buffers, in turn; cache:SIZE: a\n"
			"                      page cache; offset: no drive, but offsets as addresses,\n"
			"                      a write as a write\n"
			"      --rate N        I/Os a second (default: when the log has them)\n"
			"      --size SIZE     no offset may be beyond\n"
			"\n"
			"  -o, --output FILE   what is written\n"
			"      --force         FILE may exist: replace it",
		.run = trace_convert_main,
	},
	{
		.name = "trace replay",
		.arguments = "[-t TARGET] [-f FORMAT] [--leaf SIZE] [--page SIZE] [--round MS]\n"
			     "                    [--rounds MAX] [--pace P] [--merge] [-m SIZE]\n"
			     "                    [--devices N] [--rate N] [--seed N]\n"
			     "                    [-o DIR] [--force] WORKLOAD",
		.summary = "perform a workload as DMA",
		.help = "Performs WORKLOAD, a name or a file, as DMA, with a harvest at the end of each\n"
			"round. workloads/truth.py says what each of them is to report.\n"
			"\n"
			"  -t, --target TARGET    whose devices (default: the first)\n"
			"  -f, --format FORMAT    of their IOMMUs' tables (default: the first)\n"
			"      --leaf SIZE        of page tables, e.g. 2M (default: the smallest)\n"
			"      --page SIZE        a bit of a harvest is so much (default: the smallest)\n"
			"      --round MS         of the workload's time (default: 100)\n"
			"      --rounds MAX       no more (default: all; 10 of a workload without end)\n"
			"      --pace P           flat (default): one access after the other; 1: at the\n"
			"                         times of the workload; 2.5: so many times as fast\n"
			"      --merge            one device has the accesses of all\n"
			"  -m, --memory SIZE      of a workload that is no file (default: 1G)\n"
			"      --devices, --rate, --seed   of such a workload, as of `iodirty migrate`\n"
			"  -o, --output DIR       write replay.json, and rounds.bitmap, the bitmaps of the\n"
			"                         rounds, to DIR, which must not exist\n"
			"      --force            DIR may exist: replace what iodirty wrote there",
		.run = trace_replay_main,
	},
};

#define WORD sizeof("trace") /* where a word begins in a name */

static bool asks_for_help(int argc, char **argv)
{
	return argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"));
}

bool trace_seconds(const char *text, uint64_t *ns)
{
	size_t whole = strspn(text, "0123456789"), digits;
	char first[24], second[10] = "000000000";
	uint64_t seconds, rest;

	if (!whole || whole >= sizeof(first) || (text[whole] && text[whole] != '.'))
		return false;
	memcpy(first, text, whole);
	first[whole] = '\0';
	text += whole + (text[whole] == '.');
	digits = strspn(text, "0123456789");
	if (text[digits] || digits > 9)
		return false;
	memcpy(second, text, digits);
	/* In tens: a 0 in front means octal. */
	seconds = strtoull(first, NULL, 10);
	rest = strtoull(second, NULL, 10);
	if (seconds >= TRACE_NS_MAX / 1000000000)
		return false;
	*ns = seconds * 1000000000 + rest;
	return *ns;
}

int trace_failed(const char *error)
{
	fprintf(stderr, "iodirty: trace: %s\n", error);
	return EXIT_CODE_FAILED;
}

int trace_main(const struct command *command, int argc, char **argv)
{
	if (asks_for_help(argc, argv))
		return command_help(command);
	if (argc < 2)
		return usage_error(command, "what is to be done?");
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(argv[1], words[i].name + WORD))
			continue;
		if (asks_for_help(argc - 1, argv + 1))
			return command_help(&words[i]);
		return words[i].run(&words[i], argc - 1, argv + 1);
	}
	return usage_error(command, "'%s' is nothing that is done with traces", argv[1]);
}
