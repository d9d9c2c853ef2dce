/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The one command a person types: finds the subcommand and hands over. */
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "version.h"

static const struct command commands[] = {
	{
		.name = "list",
		.arguments =
			"targets|formats|requirements|tests|engines|deviations [-t TARGET] [--json]",
		.summary = "what this program knows of",
		.help = "Show, as columns or as JSON:\n"
			"  targets        what can be tested, and whether it can be used here\n"
			"  formats        IO page-table formats of the target\n"
			"  requirements   what is demanded, and where that comes from\n"
			"  tests          what shows each requirement, in which configurations\n"
			"  engines        how the target's harvest can examine page tables\n"
			"  deviations     known ways in which implementations do otherwise\n"
			"\n"
			"  -t, --target TARGET   ask this target (default: the first)\n"
			"      --json            JSON on standard output",
		.run = list_main,
	},
	{
		.name = "conform",
		.arguments =
			"[-t TARGET] [-f FORMAT]... [-r REQ-GLOB]... [-j N] [-o DIR] [--force]\n"
			"               [--ktap] [--seed N] [--leaf quick|usual|all]\n"
			"               [--concurrent] [--timeout-scale X] [--soak SECONDS] [-v]",
		.summary = "run the conformance tests",
		.help = "Each test runs in a process of its own on a freshly opened target.\n"
			"\n"
			"  -t, --target TARGET     what to test, NAME or NAME:ARG (default: the first)\n"
			"  -f, --format FORMAT     only these page-table formats: a name, a glob, or a\n"
			"                          short name for its variants (arm-s1: 4k, 16k, 64k)\n"
			"  -r, --requirement GLOB  only these requirements, e.g. 'REPORT-*'\n"
			"  -j, --jobs N            run N tests at once (default: one a processor)\n"
			"  -o, --output DIR        write results.json, results.ktap, junit.xml and\n"
			"                          console.txt to DIR, which must not exist\n"
			"      --force             DIR may exist: replace what iodirty wrote there\n"
			"      --ktap              KTAP on standard output\n"
			"      --seed N            of the tests' random numbers: replay a run\n"
			"      --leaf quick        the smallest leaf and the largest up to 2 MiB\n"
			"      --leaf usual        those where encodings change (default);\n"
			"                          at 1 GiB only the tests worth their seconds\n"
			"      --leaf all          every leaf size up to 1 GiB\n"
			"      --concurrent        only tests of concurrency: for ThreadSanitizer\n"
			"      --timeout-scale X   give each test X times its time\n"
			"      --soak SECONDS      CONCURRENCY-017, everything at once, takes so much\n"
			"                          longer in each configuration\n"
			"  -v, --verbose           a line for each test that ends\n"
			"\n"
			"IODIRTY_JOURNAL=FILE keeps account of the run in FILE, one case at a time;\n"
			"started again with it, the run goes on: the lab does so when a kernel dies.\n"
			"\n"
			"Exit code: 0 passed, 1 failed, 2 wrong usage, 4 nothing ran.",
		.run = conform_main,
	},
	{
		.name = "bench",
		.arguments =
			"[-t TARGET] [-f FORMAT]... [--quick|--full] [--set SET]...\n"
			"             [--only GLOB]... [--engine VARIANT]... [-o DIR] | --list |\n"
			"             --against TARGET | --counts | --instructions",
		.summary = "measure what a harvest costs",
		.help = "Runs build/release/iodirty-bench, or what IODIRTY_BENCH names.",
		.run = bench_main,
	},
	{
		.name = "migrate",
		.arguments =
			"[-t TARGET] [-f FORMAT] [--tracker NAME]... [--workload NAME]...\n"
			"               [--memory SIZE] [--devices N] [--rate N] [--link RATE]...\n"
			"               [--downtime TIME] [--rounds MAX] [--seed N]\n"
			"               [--leaf SIZE]... [--split] [--clock wall|trace] [--harvest NS]\n"
			"               [--model|--against-model] [--compare] [-o DIR] [--record FILE]\n"
			"               [--force]",
		.summary = "precopy to a second memory, then compare every byte",
		.help = "Copies memory that devices write to a second memory, round by round, by\n"
			"what trackers report; then stops them, copies the rest, moves their state,\n"
			"and compares every byte. Each report is held against what devices wrote.\n"
			"\n"
			"  -t, --target TARGET    whose devices (default: the first)\n"
			"  -f, --format FORMAT    of their IOMMUs' tables (default: the first)\n"
			"      --tracker NAME     iommu (default): by IOMMU; log: by each device;\n"
			"                         mixed: some by IOMMU, some by themselves, and an\n"
			"                         mdev; type1: in a container; nobody: all is dirty;\n"
			"                         all: one after the other; may be repeated\n"
			"  -w, --workload NAME    what devices do (default: uniform): one of --workload\n"
			"                         list, or a trace's FILE; A+B: both at once; all:\n"
			"                         the shapes, one after the other; may be repeated\n"
			"  -m, --memory SIZE      of the guest (default: 1G, or a trace's; it takes\n"
			"                         twice that; 16T with --model)\n"
			"      --devices N        default: what tracker and workload take\n"
			"      --rate N           of each device, a second: writes of shapes, 0: flat out;\n"
			"                         frames, commands, steps or events of nic, nvme, gpu,\n"
			"                         idle. A trace has its times\n"
			"      --link RATE        rounds take as long as by a link of so many bits a\n"
			"                         second, e.g. 10G (default: as memory can be copied);\n"
			"                         may be repeated\n"
			"      --downtime TIME    stop devices when the rest takes no longer: 300ms\n"
			"                         (default), 1.5s; 0: go on for all rounds\n"
			"      --rounds MAX       stop them at the latest then (default: 10)\n"
			"      --seed N           of memory and of random writes\n"
			"      --leaf SIZE        of page tables, e.g. 2M (default: the smallest); may\n"
			"                         be repeated\n"
			"      --split            leaves are split when tracking is enabled\n"
			"      --clock wall       devices write beside the rounds, at their times (default)\n"
			"      --clock trace      no waiting: a round is over at once, then devices do\n"
			"                         what they would have done by then\n"
			"      --model            nothing is moved: rounds, bytes and downtime are computed\n"
			"      --against-model    measure, then compute with what a report costs here, and\n"
			"                         set one beside the other\n"
			"      --harvest NS       what a report takes for a page that it looks at: of\n"
			"                         --model (default: 0.5) and --clock trace (measured)\n"
			"      --compare          type1 and iommu with four workloads, by a link of\n"
			"                         10G: bytes, rounds and downtime, as a table\n"
			"  -o, --output DIR       write migrate.json to DIR, which must not exist\n"
			"      --record FILE      a trace of what devices did until they were stopped, at\n"
			"                         the times of this machine; of one migration\n"
			"      --force            DIR may exist: replace what iodirty wrote there; FILE too\n"
			"\n"
			"The model agrees if rounds and bytes are within 10 %, and downtimes too, or\n"
			"these differ by less than 1 % of --downtime; and both converge or neither.\n"
			"\n"
			"Exit code: 0 every byte equal, no write lost, and the model agrees where it is\n"
			"set beside; 1 not; 2 wrong usage, 4 nothing ran.",
		.run = migrate_main,
	},
	{
		.name = "trace",
		.arguments = "list | make | info | csv | convert | replay  [ARGUMENTS]",
		.summary = "workloads as files: make, convert, look at and perform them",
		.help = "What is done with workloads, a word each, with a --help of its own:\n"
			"  list        those that have a name\n"
			"  make        write so much of one to a trace: the same each time\n"
			"  info        what is in a trace, device by device\n"
			"  csv         all of it, as text, on standard output\n"
			"  convert     what others wrote, to a trace\n"
			"  replay      perform one as DMA, harvest after harvest\n"
			"\n"
			"A trace is whole, or the file is not there: it appears when all is written.\n"
			"\n"
			"Exit code: 0 passed, 1 failed, 2 wrong usage, 4 nothing ran.",
		.run = trace_main,
	},
	{
		.name = "report",
		.arguments =
			"[-w WORKLOAD]... [--link RATE]... [--guest SIZE]... [-o DIR] [--force]",
		.summary = "what tracking is worth to a migration, as a page",
		.help = "Runs reports/workload.py.",
		.run = report_main,
	},
	{
		.name = "certify",
		.arguments =
			"[-t TARGET] [--form FILE] [--waivers FILE] [--repeat N] [--sign KEY]\n"
			"               [-o DIR]",
		.summary = "all of it, as a certification package",
		.help = "Runs reports/certify.py.",
		.run = certify_main,
	},
	{
		.name = "verify",
		.arguments = "PACKAGE [--allowed-signers FILE]",
		.summary = "recompute a package's verdict from its logs",
		.help = "Runs reports/verify.py.",
		.run = verify_main,
	},
	{
		.name = "compare",
		.arguments = "BASE NEW [--only GLOB]... [--margin PERCENT] [-o DIR]",
		.summary = "did the harvest become slower: two builds in turns",
		.help = "Runs reports/compare.py.",
		.run = compare_main,
	},
	{
		.name = "export",
		.arguments = "FORMAT DIR",
		.summary = "a run's results as other systems read them",
		.help = "Runs reports/export.py.",
		.run = export_main,
	},
	{
		.name = "history",
		.arguments = "add DIR... | list | remove RUN...  [--db FILE|postgresql://...]",
		.summary = "many runs, kept in a database",
		.help = "Runs reports/history.py.",
		.run = history_main,
	},
	{
		.name = "dashboard",
		.arguments = "[--db FILE|postgresql://...] [-o DIR] [--force]",
		.summary = "the history of many runs, as a site",
		.help = "Runs reports/dashboard.py.",
		.run = dashboard_main,
	},
	{
		.name = "run",
		.arguments = "[-f FORMAT] [--device SPEC]... [--split POLICY] [--record FILE]\n"
			     "           [--] PROGRAM [ARGUMENTS]",
		.summary = "an unmodified program on the reference",
		.help = "Runs PROGRAM so that what it, and any program that it starts, opens as\n"
			"/dev/iommu, or below /dev/vfio/, is the reference. It must be dynamically\n"
			"linked, for 64-bit x86 with glibc, and gain no rights by being run.\n"
			"\n"
			"  -f, --format FORMAT   page tables of the devices that IOMMU_TEST_CMD plugs\n"
			"                        (default: mock, as in the kernel), and by --device\n"
			"  -d, --device SPEC     a VFIO device: /dev/vfio/devices/vfio0, the next vfio1;\n"
			"                        also group /dev/vfio/0. SPEC: pci or mdev, then what it\n"
			"                        has: ,no-dirty (its IOMMU cannot track) ,log (tracks\n"
			"                        itself) ,log-entries=N ,migration ,p2p ,pre-copy\n"
			"                        ,pasid=N (of an mdev) ,pasid-width=N (of a pci)\n"
			"  -s, --split POLICY    what enabling dirty tracking does to large leaves: keep\n"
			"                        (default), break-before-make or in-place\n"
			"  -r, --record FILE     what devices read and write meanwhile, as a trace, which\n"
			"                        `iodirty trace` and `iodirty migrate` take\n"
			"\n"
			"Exit code: that of PROGRAM, 128 + n if signal n ended it; 2 when it cannot be\n"
			"put on the reference, with the reason; 1 when it could not be started.",
		.run = run_main,
	},
	{
		.name = "lab",
		.arguments = "list | build [KERNEL] | kdir [KERNEL] | run KERNEL -- PROGRAM ...",
		.summary = "real kernels: user-mode Linux and QEMU",
		.help = "Runs ci/lab/lab.py: builds kernels, and runs programs inside them.",
		.run = lab_main,
	},
};

static const size_t n_commands = sizeof(commands) / sizeof(commands[0]);

static void usage(FILE *out)
{
	fputs("usage: iodirty COMMAND [ARGUMENTS]\n"
	      "\n"
	      "Conformance and benchmarks of IOMMU dirty tracking.\n"
	      "\n",
	      out);
	for (size_t i = 0; i < n_commands; i++)
		fprintf(out, "  %-10s %s\n", commands[i].name, commands[i].summary);
	fputs("\n`iodirty COMMAND --help` tells more; `iodirty --version` tells the version.\n",
	      out);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < n_commands; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

int main(int argc, char **argv)
{
	const struct command *command;

	if (argc < 2) {
		usage(stderr);
		return EXIT_CODE_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		usage(stdout);
		return EXIT_CODE_PASSED;
	}
	if (!strcmp(argv[1], "--version")) {
		puts("iodirty " IODIRTY_VERSION);
		return EXIT_CODE_PASSED;
	}
	command = find_command(argv[1]);
	if (!command) {
		fprintf(stderr, "iodirty: unknown command '%s'\n", argv[1]);
		usage(stderr);
		return EXIT_CODE_USAGE;
	}
	return command->run(command, argc - 1, argv + 1);
}
