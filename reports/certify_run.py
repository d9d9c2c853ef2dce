# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
The machine under test, and what certify runs there: suite, benchmark, workloads, facts.

That is this machine, or one that is reached by a command (--via), to which the words of a
program are appended and which must see the same files: what runs there gets a folder of this
machine as its current one, and leaves its results in it.
"""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from model import ReportError, UsageError, load_json

HERE = Path(__file__).resolve().parent
PASSED, FAILED, USAGE, NOTHING_RAN = 0, 1, 2, 4
LOGS = ["results.json", "results.ktap", "junit.xml", "console.txt"]
JOURNAL = "IODIRTY_JOURNAL"


def say(text):
    print(f"iodirty certify: {text}", file=sys.stderr, flush=True)


def via_words(command, program):
    """--via as words of which the first is a program that is there; "iodirty" is @program."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(f"--via {command!r}: {error}") from error
    if not words:
        raise UsageError("--via names no command")
    found = shutil.which(words[0])
    if not found and words[0] != "iodirty":
        raise UsageError(f"--via: there is no program {words[0]!r} to be run")
    return [str(program) if words[0] == "iodirty" else str(Path(found).absolute()), *words[1:]]


def workload_words(workloads):
    """For the benchmark, wherever it runs: what has a '/' or a '.' in it is a file."""
    return [word for name in workloads for word in (
        "--workload", str(Path(name).absolute()) if set(name) & set("/.") else name)]


class Machine:
    """@program, iodirty, on @target, reached by the words @via."""

    def __init__(self, program, via, target):
        self.program, self.via, self.target = program, via, target

    def environment(self, journal=False, **more):
        """A journal is of one run: none of the others may take it as its own."""
        env = dict(os.environ, **more)
        if not journal:
            env.pop(JOURNAL, None)
        return env

    def quiet(self, argv, directory=None, **more):
        """Run it with what it says unseen; (exit status, its stderr)."""
        done = subprocess.run([*self.via, *map(str, argv)], cwd=directory, check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, env=self.environment(), **more)
        return done.returncode, done.stderr.decode("utf-8", "replace")

    def run(self, argv, directory, copy_to, **env):
        """Run it in @directory; its stdout goes to the file and to our stderr."""
        with open(copy_to, "wb") as copy, \
                subprocess.Popen([*self.via, *map(str, argv)], cwd=directory,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 env=self.environment(**env)) as child:
            try:
                for line in child.stdout:
                    copy.write(line)
                    sys.stderr.buffer.write(line)
                    sys.stderr.flush()
            except BaseException:
                child.terminate()
                child.wait()  # it writes where we are about to clean up
                raise
        return child.returncode

    # ---- before anything is run ----

    def probe(self, directory):
        """What is there, by one short case: see form.py's @known. SystemExit as the suite
        does if the target cannot be used."""
        status, said = self.quiet([self.program, "conform", "-t", self.target, "-r", "ABI-001",
                                   "-o", "probe"], directory)
        path = directory / "probe/results.json"
        if not path.is_file():  # it is there where the IOMMU is not capable, too
            sys.stderr.write(said)
            if status in (USAGE, NOTHING_RAN):
                raise SystemExit(status)
            raise ReportError(
                f"a first case on {self.target} left no results (exit status {status})"
                + ("; what --via runs must see the same files, and write to its current folder"
                   if self.via else ""))
        found = load_json(path)
        return {"capabilities": found["target"]["capabilities"],
                "formats": [f["name"] for f in found["formats"]],
                "release": found["host"]["release"]}

    def check_workloads(self, workloads):
        """SystemExit if they cannot be opened."""
        if workloads:
            status, said = self.quiet([self.program, "bench", "-t", self.target, "--list",
                                       *workload_words(workloads)])
            if status:
                sys.stderr.write(said)
                raise SystemExit(status)

    def facts(self, directory):
        """system.json and system/, in @directory."""
        status, said = self.quiet([sys.executable, HERE / "system.py", "-o", "."], directory)
        if status or not (directory / "system.json").is_file():
            why = said.strip().splitlines()[-1:] or [f"exit status {status}"]
            raise ReportError(f"facts about the system could not be had: {why[0]}; no package "
                              "was written")

    # ---- the runs ----

    def conform(self, directory, logs, journal=False):
        """The suite's own exit status; its files are in @logs, or ReportError. @journal: it
        may have the one of our environment."""
        screen = directory / "console.txt"
        status = self.run([self.program, "conform", "-t", self.target, "-o", "conform"],
                          directory, screen, journal=journal)
        if status in (USAGE, NOTHING_RAN):
            raise SystemExit(status)
        results = directory / "conform"
        if not (results / "results.json").is_file():
            raise ReportError(f"iodirty conform left no results (exit status {status})")
        logs.mkdir()
        for name in LOGS:
            if (results / name).is_file():
                os.replace(results / name, logs / name)
        shutil.rmtree(results)
        if not (logs / "console.txt").exists():
            os.replace(screen, logs / "console.txt")
        return status

    def benchmark(self, mode, workloads, directory, logs):
        """The benchmark's exit status."""
        words = ["--set", "all", *workload_words(workloads)] if workloads else []
        status = self.run([self.program, "bench", "-t", self.target, f"--{mode}", "-o", "bench",
                           *words], directory, logs / "bench.txt")
        if (directory / "bench/bench.json").is_file():
            os.replace(directory / "bench/bench.json", logs / "bench.json")
        return status

    def workloads_truth(self, workloads, directory, logs):
        """Do harvests have what each workload wrote, on every format? The exit status."""
        check = os.environ.get("IODIRTY_CHECK", HERE.parent / "workloads/check")
        return self.run([check, "-t", self.target, *workload_words(workloads)], directory,
                        logs / "workloads.txt", IODIRTY=str(self.program))
