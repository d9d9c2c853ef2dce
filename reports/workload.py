#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""iodirty report: what tracking is worth to a migration, as a page."""

import argparse
import datetime
import os
import sys
from pathlib import Path

sys.dont_write_bytecode = True

import system  # noqa: E402  (no bytecode into the checkout)
import workload_page  # noqa: E402
import workload_read  # noqa: E402
import workload_run  # noqa: E402
import workload_story  # noqa: E402
from ending import told  # noqa: E402
from model import ReportError  # noqa: E402
from package import Package  # noqa: E402
from workload_words import parse_link, parse_size  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
PASSED, FAILED = 0, 1
STATEMENT = "workload.json"

WORKLOADS = ["nic", "nvme", "gpu"]
RECORDED = "database"  # the one of fio's, if `make traces` has made it
LINKS = ["25G", "10G", "40G", "100G", "200G", "400G"]
GUESTS = ["64G", "256G", "1T", "4T", "16T"]
# Nanoseconds a page: what `iodirty migrate --model` takes of itself, and ten times that: an
# assumption, which stands for a tracker that is slow.
HARVESTS = [0.5, 5.0]


def say(text):
    print(f"iodirty report: {text}", file=sys.stderr, flush=True)


# ---- options ----

def option(parse, what):
    def parsed(text):
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(f"{text!r} is no {what}") from error
    return parsed


def positive(kind, most):
    def parsed(text):
        value = kind(text)
        if not 0 < value <= most:
            raise ValueError(text)
        return value
    return parsed


def parse(argv):
    parser = argparse.ArgumentParser(
        prog="iodirty report", allow_abbrev=False,
        description="Say what each tracker costs a migration: what workloads write, what reports "
        "of each leaf size make of it, and what a migration takes by each link; as a page "
        "(index.html), with all numbers. What this machine cannot do is predicted, and said to "
        "be; migrations of --memory are performed on the reference, and held against the model.",
        epilog="Exit status: 0 done; 1 failed, or the model disagrees with the reference, or a "
        "migration did not arrive whole (the report is there all the same); 2 wrong usage.")
    size, link = option(parse_size, "size, e.g. 64G"), option(parse_link, "link, e.g. 25G")
    parser.add_argument("-w", "--workload", dest="workloads", metavar="WORKLOAD",
                        action="append", help="a name (`iodirty trace list`), A+B, or the file "
                        "of a trace; may be repeated (default: nic, nvme, gpu, and database if "
                        "`make traces` has made it)")
    parser.add_argument("--memory", metavar="SIZE", type=size, default=1 << 30,
                        help="of what is recorded and performed (default: 1G)")
    parser.add_argument("--time", metavar="SECONDS", default=2.0,
                        type=option(positive(float, 3600), "time in seconds"),
                        help="of it, in the pictures of what is written (default: 2)")
    parser.add_argument("--link", dest="links", metavar="RATE", type=link, action="append",
                        help="bits a second; may be repeated, the first is that of the "
                        f"sentences (default: {' '.join(LINKS)})")
    parser.add_argument("--downtime", metavar="MS", default=300,
                        type=option(positive(int, 3600000), "time in milliseconds"),
                        help="how long the guest may be stopped (default: 300)")
    parser.add_argument("--guest", dest="guests", metavar="SIZE", type=size, action="append",
                        help="memory of the guest; may be repeated, the first is that of the "
                        f"sentences (default: {' '.join(GUESTS)})")
    parser.add_argument("--harvest", metavar="NS", action="append",
                        type=option(positive(float, 1e6), "time in nanoseconds"),
                        help="what a report takes for each page that it looks at, in "
                        "nanoseconds; may be repeated: the first is that of all, others are set "
                        f"beside it (default: {' '.join(f'{ns:g}' for ns in HARVESTS)})")
    parser.add_argument("--rounds", metavar="MAX", default=10,
                        type=option(positive(int, 10000), "number up to 10000"),
                        help="stop the guest at the latest then (default: 10)")
    parser.add_argument("--seed", metavar="N", default=1,
                        type=option(positive(int, 2 ** 64 - 1), "number of 64 bits"))
    parser.add_argument("-o", "--output", metavar="DIR", type=Path,
                        help="iodirty-report-TIME unless given")
    parser.add_argument("--force", action="store_true", help="replace a report that is there")
    args = parser.parse_args(argv)
    if args.workloads is None:
        args.workloads = default_workloads()
    args.links = args.links or [parse_link(text) for text in LINKS]
    args.guests = args.guests or [parse_size(text) for text in GUESTS]
    args.harvest = args.harvest or HARVESTS
    for given, what in ((args.workloads, "workload"), (args.links, "link"),
                        (args.guests, "guest"), (args.harvest, "harvest")):
        if len(set(given)) != len(given):
            parser.error(f"a {what} is given twice")
    if args.output is None:
        now = datetime.datetime.now(datetime.timezone.utc)
        args.output = Path(f"iodirty-report-{now:%Y%m%dT%H%M%SZ}")
    return args


def default_workloads():
    made = (ROOT / f"build/traces/{RECORDED}.trace").is_file()
    return WORKLOADS + ([RECORDED] if made else [])


# ---- one workload ----

def record(runner, args, workload, name):
    """The trace that is looked at: the workload's own, or what is made of it."""
    if workload_run.is_file(workload):
        return Path(workload)
    path = runner.work / f"{name}.trace"
    runner.run(["trace", "make", workload, "--memory", args.memory, "--seed", args.seed,
                "--time", f"{args.time:g}", "-o", path], path)
    return path


def examine(runner, args, workload):
    """A workload's part of the report."""
    name = workload_run.file_name(workload)
    say(f"{workload}: what it writes")
    recording = workload_read.read(record(runner, args, workload, name), workload)
    say(f"{workload}: migrations")
    return workload_story.tell(runner, args, workload, name, recording)


def assemble(args, directory, program):
    """Fill the package; the stories, and whether all is well."""
    runner = workload_run.Runner(program, directory, say)
    for path in (runner.work, runner.logs, directory / "plots"):
        path.mkdir()
    try:
        stories = [examine(runner, args, w) for w in args.workloads]
    finally:
        runner.stop()
    workload_run.remove(runner.work)
    say("page")
    for story in stories:
        for chart in story.charts.values():
            (directory / f"plots/{chart.name}.svg").write_text(chart.svg, encoding="utf-8")
    statement = workload_story.statement(args, stories, ROOT, runner.version)
    workload_run.write_json(directory / STATEMENT, statement)
    (directory / "index.html").write_text(
        workload_page.render(statement, stories, system.facts(), args), encoding="utf-8")
    return statement


def report(args, program):
    """The exit status."""
    if not os.access(program, os.X_OK):
        raise ReportError(f"{program} is not there: build it with `make`")
    with Package(args.output, args.force, STATEMENT) as package:
        statement = assemble(args, package.path, program)
        package.finish()
    for workload in statement["workloads"]:
        say(" ".join(workload["sentences"]))
    print(f"report: {args.output / 'index.html'}")
    return PASSED if statement["sound"] else FAILED


def main(argv):
    args = parse(argv)
    program = Path(os.environ.get("IODIRTY", ROOT / "iodirty")).absolute()
    return told(lambda: report(args, program), say, "no report was written")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
