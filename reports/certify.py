#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
iodirty certify: run everything on a target, and make a package of it.

What can be judged before anything is run is judged then. What a package says is judge.py's;
how it looks, page.py's; that it appears whole or not at all, package.py's.
"""

import argparse
import datetime
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True

import checkout  # noqa: E402  (no bytecode into the checkout)
import form as forms  # noqa: E402
import judge  # noqa: E402
import package_tar  # noqa: E402
import page  # noqa: E402
import signing  # noqa: E402
import waivers  # noqa: E402
from certify_run import (FAILED, JOURNAL, PASSED, Machine, say,  # noqa: E402
                         via_words)
from ending import told  # noqa: E402
from model import ReportError, UsageError, load_json  # noqa: E402
from package import STATEMENT, Package, check_replaceable  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
ASKED = Path("form.toml")
MOST_RUNS = 100


# ---- what is asked for ----

def run_count(text):
    if not text.isdecimal() or not 1 <= int(text) <= MOST_RUNS:
        raise argparse.ArgumentTypeError(f"a number from 1 to {MOST_RUNS} is wanted")
    return int(text)


def add_vendor_options(parser):
    who = parser.add_argument_group("what is certified").add_mutually_exclusive_group()
    who.add_argument("--form", metavar="FILE", type=Path, help="what the vendor says of the "
                     "product, and claims of it")
    who.add_argument("--ask", action="store_true", help="ask for that on the terminal; the "
                     f"answers are written to {ASKED}")
    who.add_argument("--print-form", action="store_true", help="print a form to fill in, with "
                     "what the target itself claims, and run nothing")
    parser.add_argument("--waivers", metavar="FILE", type=Path, help="failures that are excused, "
                        "why, and until when")
    parser.add_argument("--sign", metavar="KEY", type=Path, help="sign the package with this "
                        "private key, or with the agent's key of this public one")


def parse(argv):
    parser = argparse.ArgumentParser(
        prog="iodirty certify", allow_abbrev=False,
        description="Run the conformance suite, more than once, and the benchmark on a target, "
        "and make a package of it: a report (index.html), a statement, all logs, facts about "
        "the machine, and checksums; and an archive of it, DIR.tar.",
        epilog="Exit status: 0 passed; 1 failed (the report is there all the same); 2 wrong "
        "usage; 4 nothing ran.")
    parser.add_argument("-t", "--target", default="ref",
                        help='what to certify; "ref" unless given (iodirty list targets)')
    parser.add_argument("-o", "--output", metavar="DIR", type=Path,
                        help="iodirty-certificate-TARGET-TIME unless given")
    parser.add_argument("--force", action="store_true",
                        help="replace a package and its archive that are there")
    parser.add_argument("--no-archive", action="store_true", help="write no DIR.tar")
    parser.add_argument("--repeat", metavar="N", type=run_count, default=2,
                        help="run the suite N times, 1 to 100; a case whose verdict is not the "
                        "same each time fails (default: 2)")
    parser.add_argument("--via", metavar="COMMAND", default="", help="how programs are run on "
                        "the machine under test, which must see the same files; their words are "
                        "appended: 'iodirty lab run uml-6.12 --'")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--quick", dest="mode", action="store_const", const="quick",
                      default="quick", help="the quick benchmark (the default)")
    mode.add_argument("--full", dest="mode", action="store_const", const="full",
                      help="the long benchmark")
    parser.add_argument("--workload", metavar="WORKLOAD", dest="workloads", action="append",
                        default=[], help="measure harvests of this workload, by name or by the "
                        'file of a trace; may be repeated; "list" lists them')
    add_vendor_options(parser)
    args = parser.parse_args(argv)
    if args.output is None:
        now = datetime.datetime.now(datetime.timezone.utc)
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", args.target).strip("-.") or "target"
        args.output = Path(f"iodirty-certificate-{name}-{now:%Y%m%dT%H%M%SZ}")
    args.output = Path(os.path.normpath(args.output))
    if args.output.name in ("", ".."):
        args.output = Path(os.path.abspath(args.output))
    if not args.output.name or not args.output.name.isprintable():
        parser.error("-o takes a folder with a name that can be printed")
    args.archive = args.output.with_name(f"{args.output.name}.tar")
    return args


# ---- before anything is run ----

def check_output(args):
    check_replaceable(Path(os.path.abspath(args.output)), args.force, STATEMENT)
    package_tar.check_replaceable(args.archive, args.output.name, args.force)


def check_journal(args):
    """The lab keeps one journal, of the one run that it watches."""
    if os.environ.get(JOURNAL) and not args.via and args.repeat > 1:
        raise UsageError(
            f"{JOURNAL} is set, as in the lab, and is of a single run: start certify outside, "
            "with --via 'iodirty lab run KERNEL --', or give --repeat 1")


def check_key(key):
    """It must be able to sign now: after the runs would be late."""
    signing.check_key(key)
    with tempfile.TemporaryDirectory(prefix="iodirty-certify-") as folder:
        trial = Path(folder) / "trial"
        trial.touch()
        try:
            signing.sign(trial, key)
        except ReportError as error:
            raise UsageError(str(error)) from error


def requirements(program):
    """What they say, as `list` prints it: bytes."""
    done = subprocess.run([program, "list", "requirements", "--json"], check=False,
                          stdout=subprocess.PIPE)
    if done.returncode:
        raise ReportError(f"{program} list requirements: exit status {done.returncode}")
    return done.stdout


def check_file(path):
    """It is read more than once: what is no file gives nothing the second time."""
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} is no file")
    return path


def check_waivers(path, texts):
    try:
        waivers.check(waivers.read(check_file(path)), json.loads(texts))
    except ReportError as error:
        raise UsageError(str(error)) from error


def check_terminal():
    """Can anybody answer, and is there room for it?"""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError("--ask takes a terminal; without one give --form FILE, which "
                         "--print-form prints for you to fill in")
    if os.path.lexists(ASKED):
        raise UsageError(f"{ASKED} is there already, and --ask would write it: give --form "
                         f"{ASKED}, or move it")


def answer(known):
    """The answers, kept at once: whatever becomes of the run, nobody has to give them twice."""
    text = forms.render(forms.ask(known))
    with open(ASKED, "x", encoding="utf-8") as file:
        file.write(text)
    say(f"the answers are in {ASKED}")
    return ASKED


def prepare(args, program):
    """All that costs seconds, before what costs minutes: the machine, and what is known."""
    machine = Machine(program, via_words(args.via, program) if args.via else [], args.target)
    if "list" in args.workloads:
        raise SystemExit(subprocess.run([program, "bench", "--workload", "list"],
                                        check=False).returncode)
    if not args.print_form:
        check_journal(args)
        check_output(args)
    declared = forms.read(check_file(args.form)) if args.form else None
    if args.ask:
        check_terminal()
    args.texts = requirements(program)
    if args.waivers:
        check_waivers(args.waivers, args.texts)
    if args.sign and not args.print_form:
        check_key(args.sign)
    with tempfile.TemporaryDirectory(prefix="iodirty-certify-") as folder:
        known = machine.probe(Path(folder))
    if args.print_form:
        return machine, known
    machine.check_workloads(args.workloads)
    if args.ask:
        args.form = answer(known)
        declared = forms.read(args.form)
    for line in forms.check(declared, known) if declared else []:
        say(line)
    return machine, known


# ---- the package ----

def write_json(path, value):
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def run_all(args, machine, directory):
    """All that is run on the machine under test; what judge() is told of it."""
    logs, work = directory / "logs", directory / "run"
    logs.mkdir()
    work.mkdir()
    (logs / "requirements.json").write_bytes(args.texts)
    machine.facts(work)
    os.replace(work / "system.json", directory / "system.json")
    os.replace(work / "system", directory / "system")
    statuses = []
    for n in range(1, args.repeat + 1):
        say(f"conformance suite on {args.target}: run {n} of {args.repeat}")
        statuses.append(machine.conform(work, logs / f"run-{n}", journal=args.repeat == 1))
    say(f"benchmark on {args.target}")
    bench_status = machine.benchmark(args.mode, args.workloads, work, logs)
    workloads = None
    if args.workloads:
        say(f"harvests of workloads on {args.target}")
        workloads = {"names": args.workloads, "exit_status": machine.workloads_truth(
            args.workloads, work, logs)}
    shutil.rmtree(work)
    return {"exit_statuses": statuses, "workloads": workloads,
            "benchmark": {"exit_status": bench_status, "mode": args.mode}}


def assemble(args, machine, directory):
    """Fill the package; its statement."""
    for name, given in ((judge.FORM, args.form), (judge.WAIVERS, args.waivers)):
        if given:
            shutil.copyfile(given, directory / name)
    commit, clean = checkout.write(ROOT, directory / "tool")
    facts = run_all(args, machine, directory)
    say("report")
    now = datetime.datetime.now(datetime.timezone.utc)
    version = load_json(directory / "logs/run-1/results.json")["tool"]["version"]
    facts.update(id=secrets.token_hex(16), created=f"{now:%Y-%m-%dT%H:%M:%SZ}",
                 target=args.target, via=args.via,
                 tool={"version": version, "git_commit": commit, "git_clean": clean})
    statement = judge.judge(directory, facts)
    write_json(directory / STATEMENT, statement)
    evidence = judge.read(directory, statement["created"])
    if evidence.bench:
        draw(evidence.bench, directory / "plots")
    (directory / "index.html").write_text(page.render(directory), encoding="utf-8")
    return statement


def draw(bench, directory):
    """Its charts. matplotlib takes a while to load: who is refused need not wait for it."""
    import plots
    charts = plots.draw_all(bench)
    if charts:
        directory.mkdir()
    for name, svg in charts.items():
        (directory / f"{name}.svg").write_text(svg, encoding="utf-8")


def archive(args):
    """DIR.tar beside DIR, where it is wanted. One that is there is of the package that was."""
    args.archive.unlink(missing_ok=True)
    if not args.no_archive:
        package_tar.write(args.output, args.archive)


def finish(package, key):
    """Sign it and put it at its place; whether it was signed, if it was to be. The key was good
    before the runs, and what took so long is kept if it is no longer."""
    try:
        package.finish(sign=key)
    except ReportError as error:
        package.finish()
        say(f"{error}: the package is whole and is not signed")
        return False
    return True


def make(args, machine):
    """The package, whole, at its place, and its archive; (statement, whether it is signed)."""
    with Package(args.output, args.force) as package:
        statement = assemble(args, machine, package.path)
        signed = finish(package, args.sign)
    try:
        archive(args)
    except (ReportError, OSError, KeyboardInterrupt) as error:
        why = "interrupted" if isinstance(error, KeyboardInterrupt) else \
            getattr(error, "strerror", None) or error
        raise ReportError(f"{args.archive}: {why}; the package is in {args.output}, its archive "
                          "was not written") from error
    return statement, signed


def conclude(args, statement):
    """What is said at the end."""
    say(statement["sentence"])
    for line in statement["remarks"]:
        say(line)
    print(f"report: {args.output / 'index.html'}")
    if not args.no_archive:
        print(f"archive: {args.archive}")
    print(f"check it: iodirty verify {args.output if args.no_archive else args.archive}")


def certify(args, program):
    """The exit status."""
    if not os.access(program, os.X_OK):
        raise ReportError(f"{program} is not there: build it with `make`")
    machine, known = prepare(args, program)
    if args.print_form:
        print(forms.template(known), end="", flush=True)
        return PASSED
    statement, signed = make(args, machine)
    conclude(args, statement)
    return PASSED if signed and statement["verdict"] == "PASSED" else FAILED


def main(argv):
    args = parse(argv)
    program = Path(os.environ.get("IODIRTY", ROOT / "iodirty")).absolute()
    return told(lambda: certify(args, program), say, "no package was written", known=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
