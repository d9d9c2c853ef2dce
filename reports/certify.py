#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""iodirty certify: run everything on a target, and make a package of it."""

import argparse
import datetime
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

sys.dont_write_bytecode = True

import page  # noqa: E402  (no bytecode into the checkout)
import plots  # noqa: E402
import system  # noqa: E402
from model import Bench, ReportError, Results, UsageError, load_json  # noqa: E402
from package import STATEMENT, Package  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
PASSED, FAILED, USAGE, NOTHING_RAN = 0, 1, 2, 4

LOGS = ["results.json", "results.ktap", "junit.xml", "console.txt"]

DESCRIPTIONS = {
    "ref": "The target “ref” is the suite's reference implementation: IOMMU hardware modelled "
           "in software, in user space. That it passes shows that the suite and the reference "
           "agree. It is no statement about any real hardware.",
    "module": "The target “module” is the suite's reference implementation as a Linux kernel "
              "module: IOMMU hardware modelled in software. It is no statement about any real "
              "hardware.",
    "linux": "The target “linux” is iommufd of the kernel that ran, with the kernel's own mock "
             "IOMMU driver. It is no statement about any real hardware.",
    "vfio": "The target “vfio” is a real device behind the real IOMMU of this machine, through "
            "the kernel that ran.",
}


def say(text):
    print(f"iodirty certify: {text}", file=sys.stderr, flush=True)


def parse(argv):
    parser = argparse.ArgumentParser(
        prog="iodirty certify", allow_abbrev=False,
        description="Run the conformance suite and the benchmark on a target, and make a "
        "package of it: a report (index.html), a statement, all logs, and checksums.",
        epilog="Exit status: 0 passed; 1 failed (the report is there all the same); 2 wrong "
        "usage; 4 nothing ran.")
    parser.add_argument("-t", "--target", default="ref",
                        help='what to certify; "ref" unless given (iodirty list targets)')
    parser.add_argument("-o", "--output", metavar="DIR", type=Path,
                        help="iodirty-certificate-TARGET-TIME unless given")
    parser.add_argument("--force", action="store_true", help="replace a package that is there")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--quick", dest="mode", action="store_const", const="--quick",
                      default="--quick", help="the quick benchmark (the default)")
    mode.add_argument("--full", dest="mode", action="store_const", const="--full",
                      help="the long benchmark")
    parser.add_argument("--workload", metavar="WORKLOAD", dest="workloads", action="append",
                        default=[], help="measure harvests of this workload, by name or by the "
                        'file of a trace; may be repeated; "list" lists them')
    args = parser.parse_args(argv)
    if args.output is None:
        now = datetime.datetime.now(datetime.timezone.utc)
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", args.target).strip("-.") or "target"
        args.output = Path(f"iodirty-certificate-{name}-{now:%Y%m%dT%H%M%SZ}")
    return args


def run(argv, directory, copy_to, **env):
    """Run a program in @directory; its stdout goes to the file and to our stderr."""
    with open(copy_to, "wb") as copy, \
            subprocess.Popen(argv, cwd=directory, stdout=subprocess.PIPE,
                             env=dict(os.environ, **env)) as child:
        try:
            for line in child.stdout:
                copy.write(line)
                sys.stderr.buffer.write(line)
                sys.stderr.flush()
        except BaseException:
            child.terminate()
            raise
    return child.returncode


def conform(program, target, directory, logs):
    """The suite's own exit status; its files are in @logs, or ReportError."""
    screen = directory / "console.txt"
    status = run([program, "conform", "-t", target, "-o", "conform"], directory, screen)
    if status in (USAGE, NOTHING_RAN):
        raise SystemExit(status)
    results = directory / "conform"
    if not (results / "results.json").is_file():
        raise ReportError(f"iodirty conform left no results (exit status {status})")
    for name in LOGS:
        if (results / name).is_file():
            os.replace(results / name, logs / name)
    if not (logs / "console.txt").exists():
        os.replace(screen, logs / "console.txt")
    return status


def requirement_texts(program, logs):
    """What the requirements say, kept with the logs."""
    path = logs / "requirements.json"
    with open(path, "wb") as file:
        subprocess.run([program, "list", "requirements", "--json"], stdout=file, check=False)
    return load_json(path)


def workload_words(workloads):
    """For the benchmark, wherever it runs: what has a '/' or a '.' in it is a file."""
    return [word for name in workloads for word in (
        "--workload", str(Path(name).absolute()) if set(name) & set("/.") else name)]


def check_workloads(program, args):
    """Before anything is run: SystemExit if they cannot be opened, or are but to be listed."""
    if "list" in args.workloads:
        raise SystemExit(subprocess.run([program, "bench", "--workload", "list"],
                                        check=False).returncode)
    if args.workloads:
        status = subprocess.run([program, "bench", "-t", args.target, "--list",
                                 *workload_words(args.workloads)],
                                stdout=subprocess.DEVNULL, check=False).returncode
        if status:
            raise SystemExit(status)


def benchmark(program, args, directory, logs):
    """The benchmark's exit status."""
    words = ["--set", "all", *workload_words(args.workloads)] if args.workloads else []
    status = run([program, "bench", "-t", args.target, args.mode, "-o", "bench", *words],
                 directory, logs / "bench.txt")
    if (directory / "bench/bench.json").is_file():
        os.replace(directory / "bench/bench.json", logs / "bench.json")
    return status


def workloads_truth(program, args, directory, logs):
    """For the statement: do harvests have what each workload wrote, on every format?"""
    check = os.environ.get("IODIRTY_CHECK", ROOT / "workloads/check")
    status = run([check, "-t", args.target, *workload_words(args.workloads)], directory,
                 logs / "workloads.txt", IODIRTY=str(program))
    cases = {}
    for line in (logs / "workloads.txt").read_text(encoding="utf-8").splitlines():
        verdict, _, rest = line.partition(" ")
        if verdict in ("ok", "FAIL", "skip"):
            cases.setdefault(rest.split(" ")[0], Counter(ok=0, FAIL=0, skip=0))[verdict] += 1
    return {"names": args.workloads, "passed": status in (PASSED, NOTHING_RAN),
            "exit_status": status, "cases": cases}


def number(count, what):
    """ "1 case", "1,234 cases". """
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def sentence(results, target, passed):
    """The verdict of the conformance suite, in one sentence."""
    counts = results.counts
    if passed:
        return (f"PASSED: {number(counts['PASS'], 'case')} of "
                f"{number(len(results.tried), 'requirement')} on {target}, and none failed.")
    bad = results.bad_cases
    if bad:
        judged = sum(counts.values()) - counts["SKIP"]
        failed = {c.requirement for c in bad}
        return (f"FAILED: {len(bad):,} of {number(judged, 'case')}, in {len(failed):,} of "
                f"{number(len(results.tried), 'requirement')}, on {target}.")
    return f"FAILED: the conformance run on {target} did not end well; see logs/console.txt."


def remarks(results, bench, conform_status, bench_status):
    """What must stand beside the verdict."""
    lines = []
    counts = results.counts
    if counts["SKIP"]:
        lines.append(f"Skipped: {number(counts['SKIP'], 'case')}; the reasons are below.")
    missing = results.not_exercised
    if missing:
        lines.append(f"Not tried: {number(len(missing), 'mandatory requirement')}: "
                     + ", ".join(r.id for r in missing[:20]) + ("…" if missing[20:] else "."))
    if results.observations:
        lines.append(f"Failed, but judging nothing: {number(len(results.observations), 'case')} "
                     "of informative requirements.")
    if counts["XFAIL"]:
        lines.append(f"Failed as a listed deviation says: {number(counts['XFAIL'], 'case')}.")
    if conform_status and results.passed:
        lines.append(f"The suite ended with status {conform_status} though no record is bad.")
    if bench_status:
        errors = len(bench.errors) if bench else 0
        lines.append(f"The benchmark FAILED in {number(errors, 'cell')}." if errors else
                     f"The benchmark did not run to its end (status {bench_status}).")
    return lines


def workload_remarks(workloads):
    if not workloads:
        return []
    if workloads["exit_status"] == NOTHING_RAN:
        return ["The workloads could not be performed here: see logs/workloads.txt."]
    total = sum((Counter(c) for c in workloads["cases"].values()), Counter())
    lines = [f"Skipped: {number(total['skip'], 'harvested workload')}."] * bool(total["skip"])
    if not workloads["passed"]:
        lines.append(f"Harvests of workloads FAILED in {number(total['FAIL'], 'case')}; see "
                     "logs/workloads.txt.")
    return lines


def make_statement(args, results, bench, conform_status, bench_status, workloads=None):
    commit, clean = system.git_state(ROOT)
    passed = conform_status == 0 and results.passed
    now = datetime.datetime.now(datetime.timezone.utc)
    kind = args.target.partition(":")[0]
    bad = ["the benchmark"] * bool(bench_status)
    if workloads and not workloads["passed"]:
        bad.append("the harvests of workloads")
    return {
        "format": "iodirty-certificate", "format_version": 1,
        "created": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "verdict": "FAILED" if bad or not passed else "PASSED",
        "sentence": sentence(results, args.target, passed) if not bad or not passed
        else f"FAILED: {' and '.join(bad)} on {args.target}; the conformance suite passed.",
        "remarks": remarks(results, bench, conform_status, bench_status)
        + workload_remarks(workloads),
        "conformance": {"passed": passed, "exit_status": conform_status,
                        "requirements": len(results.requirements),
                        "requirements_tried": len(results.tried),
                        "cases": {v: n for v, n in sorted(results.counts.items())}},
        "benchmark": {"passed": bench_status == 0, "exit_status": bench_status,
                      "mode": args.mode.lstrip("-"),
                      "cells": len(bench.all) if bench else 0,
                      "failed": len(bench.errors) if bench else 0},
        **({"workloads": workloads} if workloads else {}),
        "product": {"target": args.target,
                    "formats": [c for c in dict.fromkeys(x.format for x in results.cases)
                                if c != "-"],
                    "description": DESCRIPTIONS.get(kind, f"The target is “{args.target}”.")},
        "tool": {"version": results.data["tool"]["version"],
                 "git_commit": commit, "git_clean": clean},
    }


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def assemble(args, directory, program):
    """Fill the package; returns whether everything passed."""
    logs, work = directory / "logs", directory / "run"
    logs.mkdir()
    work.mkdir()
    say(f"conformance suite on {args.target}")
    conform_status = conform(program, args.target, work, logs)
    say(f"benchmark on {args.target}")
    bench_status = benchmark(program, args, work, logs)
    workloads = None
    if args.workloads:
        say(f"harvests of workloads on {args.target}")
        workloads = workloads_truth(program, args, work, logs)
    for base, _, names in os.walk(work, topdown=False):
        for name in names:
            os.unlink(os.path.join(base, name))
        os.rmdir(base)

    say("report")
    results = Results(load_json(logs / "results.json"), requirement_texts(program, logs))
    measured = (logs / "bench.json").exists()
    bench = Bench(load_json(logs / "bench.json")) if measured else None
    statement = make_statement(args, results, bench, conform_status, bench_status, workloads)
    facts = system.facts()
    charts = plots.draw_all(bench) if bench else {}
    if charts:
        (directory / "plots").mkdir()
    for name, svg in charts.items():
        (directory / f"plots/{name}.svg").write_text(svg, encoding="utf-8")
    write_json(directory / STATEMENT, statement)
    write_json(directory / "system.json", facts)
    (directory / "index.html").write_text(
        page.render(statement, results, bench, charts, facts), encoding="utf-8")
    return statement


def stop(_signal, _frame):
    raise KeyboardInterrupt


def main(argv):
    args = parse(argv)
    program = Path(os.environ.get("IODIRTY", ROOT / "iodirty")).absolute()
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, stop)
    try:
        if not os.access(program, os.X_OK):
            raise ReportError(f"{program} is not there: build it with `make`")
        check_workloads(program, args)
        with Package(args.output, args.force) as package:
            statement = assemble(args, package.path, program)
            package.finish()
    except ReportError as error:
        say(error)
        return USAGE if isinstance(error, UsageError) else FAILED
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        say(f"{where}{error.strerror}; no package was written")
        return FAILED
    except KeyboardInterrupt:
        say("interrupted; no package was written")
        return FAILED
    say(statement["sentence"])
    for line in statement["remarks"]:
        say(line)
    print(f"report: {args.output / 'index.html'}")
    return PASSED if statement["verdict"] == "PASSED" else FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
