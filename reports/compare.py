#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""iodirty compare: did the harvest become slower? For machines that are noisy."""

import argparse
import json
import os
import secrets
import sys
from pathlib import Path

sys.dont_write_bytecode = True

try:  # no bytecode into the checkout
    import compare_run
    import compare_selftest
    import compare_text as text
    import system
    from compare_job import Job, Options
    from compare_run import Side, SideError
    from compare_stats import INCONCLUSIVE, SLOWER
    from ending import heed_signals
    from model import ReportError, UsageError
except ImportError as missing:
    print(f"iodirty compare: {missing}: `ci/install report` installs it", file=sys.stderr)
    sys.exit(4)

ROOT = Path(__file__).resolve().parent.parent
PASSED, FAILED, USAGE, NOTHING_RAN, UNDECIDED = 0, 1, 2, 4, 5
FILE = "compare.json"
# A clean guest, a usual one and a busy one, out of the caches and in them; which engines there
# are is the machine's and the build's.
CELLS = [f"harvest/amd-v1/4K/256M/sequential/*/random/{how}" for how in
         ("0%/swar", "1%/swar", "100%/swar", "1%/avx2", "1%/avx512", "100%/avx512+masked")]
REPETITIONS = 15  # a fraction of a second for all of them


def say(words):
    print(f"iodirty compare: {words}", file=sys.stderr, flush=True)


def positive(kind):
    def parse(word):
        value = kind(word)
        if not 0 < value < 1e9:
            raise ValueError
        return value
    parse.__name__ = f"positive {kind.__name__}"
    return parse


def parser():
    p = argparse.ArgumentParser(
        prog="iodirty compare", allow_abbrev=False,
        usage="iodirty compare BASE NEW [options]\n"
              "       iodirty compare --self-test [--jobs N] [BASE] [options]",
        description="Run the benchmark of two builds in turns, and say of each cell whether it "
        "is the SAME, FASTER or SLOWER in NEW, or INCONCLUSIVE. BASE runs a second time in each "
        "round, as if it were NEW: where it differs from itself, nothing is concluded.",
        epilog="BASE and NEW: an iodirty or iodirty-bench, a folder with a built checkout, or a "
        "git revision of this checkout, which is built in build/compare. "
        "Exit status: 0 nothing is slower; 1 slower, counts worse, or NEW failed; 2 wrong usage; "
        "4 nothing ran; 5 inconclusive.")
    p.add_argument("sides", nargs="*", metavar="BASE NEW", help=argparse.SUPPRESS)
    p.add_argument("-t", "--target", help="what the benchmark measures; its own default is ref")
    p.add_argument("--only", action="append", metavar="GLOB",
                   help="these cells (iodirty bench --list); a short list unless given")
    p.add_argument("--margin", type=positive(float), default=5, metavar="PERCENT",
                   help="changes below it are the SAME (5)")
    p.add_argument("--rounds", type=positive(int), default=36, metavar="N",
                   help="at most so many (36)")
    p.add_argument("--time", type=positive(float), default=90, metavar="SECONDS",
                   help="no round is begun that would end later (90)")
    p.add_argument("--repetitions", type=positive(int), default=REPETITIONS, metavar="N",
                   help=f"of a cell in each run, the least of which counts ({REPETITIONS})")
    p.add_argument("--metric", default="ns_per_iopte", metavar="NAME",
                   help="the counter compared (ns_per_iopte)")
    p.add_argument("--no-counts", dest="counts", action="store_false",
                   help="do not compare instructions, entries visited, atomics, invalidations")
    p.add_argument("--seed", type=int, help="of the order in each round")
    p.add_argument("-o", "--output", metavar="DIR", type=Path,
                   help=f"write DIR/{FILE}: verdicts, and every sample; after each round")
    p.add_argument("--force", action="store_true", help=f"replace a {FILE} that is there")
    p.add_argument("--self-test", action="store_true",
                   help="does BASE (or what is built here) equal itself, and are 10 and 20 per "
                   "cent caught?")
    p.add_argument("--jobs", type=positive(int), metavar="N",
                   help="with --self-test: BASE against itself N times; one false alarm at most")
    return p


def parse(argv):
    p = parser()
    args = p.parse_args(argv)
    if args.self_test and len(args.sides) > 1:
        p.error("--self-test takes BASE alone, if anything")
    if not args.self_test and len(args.sides) != 2:
        p.error(f"BASE and NEW are wanted; {len(args.sides)} given")
    if args.jobs and not args.self_test:
        p.error("--jobs goes with --self-test")
    if args.self_test and args.output:
        p.error("--self-test writes no files")
    if args.force and not args.output:
        p.error("--force goes with -o")
    return args


def options(args, seed):
    return Options(only=args.only or CELLS, rounds=args.rounds, seconds=args.time,
                   margin=args.margin / 100, seed=seed, metric=args.metric,
                   target=["-t", args.target] if args.target else [],
                   repetitions=args.repetitions, counts=args.counts)


def prepare(directory, force):
    """The file to write; refuses one that is there."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / FILE
    if path.exists() and not force:
        raise UsageError(f"{path} exists; --force replaces it")
    return path


def write(path, value):
    """Whole, or not at all."""
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_text(json.dumps(value, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        os.replace(partial, path)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def exit_status(job):
    if job.error:
        if job.error_side == "NEW":
            return FAILED
        return UNDECIDED if job.rounds else NOTHING_RAN
    if job.verdict == SLOWER:
        return FAILED
    if not job.rounds:
        return NOTHING_RAN
    return UNDECIDED if job.verdict == INCONCLUSIVE else PASSED


def show(job):
    """The table and what belongs beside it, on standard output."""
    for part in (text.table(job), *text.remarks(job), text.closing(job)):
        if part:
            print(part)
    sys.stdout.flush()


def compare(args):
    path = prepare(args.output, args.force) if args.output else None
    base, new = (Side(name, compare_run.resolve(given, ROOT, say), given)
                 for name, given in zip(("BASE", "NEW"), args.sides))
    machine = system.facts()

    def tell(job):
        if path:
            write(path, text.document(job, machine))
        if sys.stderr.isatty():
            print(f"\riodirty compare: round {job.rounds}, {job.seconds:.0f} s ",
                  end="" if not job.complete else "\n", file=sys.stderr, flush=True)

    seed = secrets.randbelow(1 << 32) if args.seed is None else args.seed
    for side in base, new:
        if not side.knows("--only"):
            raise ReportError(f"{side.name}: its benchmark does not know --only: it is too old "
                              "to be compared")
    job = Job(base, new, options(args, seed), say, tell).run()
    show(job)
    return exit_status(job)


def self_test(args):
    given = args.sides[0] if args.sides else str(ROOT)
    program = compare_run.resolve(given, ROOT, say)
    base = Side("BASE", program, given)
    if not base.knows("--slow-down"):
        raise ReportError(f"{program} does not know --slow-down")
    seed = secrets.randbelow(1 << 32) if args.seed is None else args.seed
    test = compare_selftest.SelfTest(base, options(args, seed), say, show)
    return PASSED if test.run(args.jobs) else FAILED


def main(argv):
    args = parse(argv)
    heed_signals()
    try:
        return self_test(args) if args.self_test else compare(args)
    except ReportError as error:
        say(error)
        if isinstance(error, UsageError):
            return USAGE
        return FAILED if isinstance(error, SideError) and error.side == "NEW" else NOTHING_RAN
    except OSError as error:
        say(f"{error.filename}: {error.strerror}" if error.filename else error)
        return NOTHING_RAN
    except KeyboardInterrupt:
        say("interrupted")
        return UNDECIDED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
