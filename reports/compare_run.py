# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The two sides of a comparison: which program each is, and one run of it."""

import contextlib
import fcntl
import hashlib
import json
import math
import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from model import ReportError, UsageError

BENCH = Path("build/release/iodirty-bench")
BUILDS = Path("build/compare")
NOTHING = 4  # the benchmark's exit status when no cell is of such a name
TIMEOUT = 300  # of one short process; for counts, which take valgrind, more
TIMEOUT_COUNTS = 1800
TRIES = 3  # of a run whose floor was beaten: that is noise in the floor, and no wrong bitmap
FLOOR = "the floor is wrong"  # so the benchmark says it
# What Google Benchmark appends to a name.
SUFFIX = re.compile(r"(/(iterations|repeats|min_time|min_warmup_time|threads):[^/]*"
                    r"|/(manual_time|real_time|process_time))+$")


class SideError(ReportError):
    """A side's program did not do its work. wrong: it ran, and found its own results wrong."""

    def __init__(self, side, message, wrong=False):
        super().__init__(f"{side}: {message}")
        self.side, self.wrong = side, wrong


# ---- which program ----

def bench_beside(path):
    """The benchmark that `iodirty` at @path would run; None if it is not built."""
    for folder in path.resolve().parents:
        if (folder / BENCH).is_file():
            return folder / BENCH
    return None


def git(root, *argv):
    """A git command's output; None if it fails."""
    try:
        done = subprocess.run(["git", *argv], cwd=root, capture_output=True, text=True,
                              timeout=120, errors="replace", check=False)
    except OSError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def built_revision(root, commit, say):
    """The benchmark of that commit, built in a worktree below build/compare; kept there."""
    tree, done = root / BUILDS / commit, root / BUILDS / f"{commit}.built"
    tree.parent.mkdir(parents=True, exist_ok=True)
    with open(root / BUILDS / "lock", "a", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if done.exists() and (tree / BENCH).is_file():
            return tree / BENCH
        done.unlink(missing_ok=True)
        remove_worktree(root, tree)  # of a run that was killed
        say(f"building {commit[:12]} in {tree}")
        try:
            build(root, tree, commit)
        except BaseException:
            remove_worktree(root, tree)
            raise
        done.touch()
    return tree / BENCH


def remove_worktree(root, tree):
    git(root, "worktree", "remove", "--force", "--force", str(tree))
    shutil.rmtree(tree, ignore_errors=True)
    git(root, "worktree", "prune")


def build(root, tree, commit):
    if git(root, "worktree", "add", "--force", "--detach", str(tree), commit) is None:
        raise ReportError(f"git could not check {commit[:12]} out in {tree}")
    # A make that runs us has its own ideas of flags and jobs.
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    done = subprocess.run(["make", f"-j{os.cpu_count() or 1}", str(BENCH)], cwd=tree, env=env,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    if done.returncode or not (tree / BENCH).is_file():
        tail = "\n".join(done.stdout.splitlines()[-15:])
        raise ReportError(f"{commit[:12]} could not be built; nothing of it is left\n{tail}")


def resolve(what, root, say):
    """The benchmark that @what names: a program, a built checkout, or a revision."""
    path = Path(what)
    if path.is_dir():
        for program in (path / BENCH, path / "iodirty-bench"):
            if program.is_file():
                return program.resolve()
        raise UsageError(f"{what} has no {BENCH}: run `make` there")
    if path.is_file():
        if not os.access(path, os.X_OK):
            raise UsageError(f"{what} is no program")
        if path.name != "iodirty":
            return path.resolve()
        found = bench_beside(path)
        if not found:
            raise UsageError(f"{what} has no {BENCH} beside it: run `make`")
        return found
    if git(root, "rev-parse", "--git-dir") is None:
        raise UsageError(f"there is no program or folder {what}, and no git, or no checkout of "
                         "it here, that could know a revision of that name")
    commit = git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", what + "^{commit}")
    if not commit:
        raise UsageError(f"{what} is no program, no folder with a built checkout, and no "
                         "revision that git knows here")
    return built_revision(root, commit, say)


# ---- one side ----

class Side:
    """A benchmark program, and the arguments that it is always given."""

    def __init__(self, name, program, given="", extra=()):
        self.name, self.program, self.given = name, Path(program), given
        self.extra = list(extra)
        self.sha256 = hashlib.sha256(self.program.read_bytes()).hexdigest()

    def knows(self, option):
        """Whether its --help tells of that option."""
        try:
            done = subprocess.run([self.program, "--help"], capture_output=True, text=True,
                                  timeout=60, errors="replace", stdin=subprocess.DEVNULL,
                                  check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SideError(self.name, f"{self.program} cannot be run: {error}") from error
        return re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", done.stdout) is not None

    def again(self):
        """The same, as if it were another."""
        return Side(f"{self.name} again", self.program, self.given, self.extra)

    def copied(self, folder):
        """A copy in @folder; where none can be run there, the program itself. Each run has one:
        a program was seen to be 5 to 9 % slower than a single copy of it, run after run, in
        cells with cold caches; with a new copy each time it was not."""
        copy = Path(folder) / self.program.name
        shutil.copy(self.program, copy)
        return copy if os.access(copy, os.X_OK) else self.program

    def run(self, arguments, file, timeout=TIMEOUT, nothing=False):
        """Run it once; returns (exit status, what it said last, the JSON it wrote as @file).
        @nothing: that it found nothing to do is no failure of it."""
        with tempfile.TemporaryDirectory(prefix="iodirty-compare-") as out:
            argv = [str(self.program), *self.extra, *arguments, "-o", out]
            # What counts has helpers beside it, and no use for a copy.
            program = self.program if "--counts" in arguments else self.copied(out)
            status, words = self.wait([str(program), *argv[1:]], timeout)
            if nothing and status == NOTHING:
                raise ReportError(f"{self.name} measures none of these cells: "
                                  f"{', '.join(a for a in arguments if '/' in a)}{words}")
            try:
                text = (Path(out) / file).read_text(encoding="utf-8", errors="replace")
            except OSError:
                raise SideError(self.name, f"`{' '.join(argv[:-2])}` left no {file}, "
                                f"{how_it_ended(status)}{words}") from None
        try:
            return status, words, json.loads(text)
        except ValueError as error:
            raise SideError(self.name, f"its {file} is not whole: {error}") from None

    def wait(self, argv, timeout):
        """(status, what it said last)."""
        try:
            child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                     stderr=subprocess.PIPE, text=True, errors="replace",
                                     start_new_session=True)
        except OSError as error:
            raise SideError(self.name, f"{argv[0]} cannot be run: {error.strerror}") from error
        try:
            _, words = child.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            raise SideError(self.name, f"took more than {timeout} s") from None
        finally:
            # Valgrind and its like have children of their own.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        last = [line for line in words.splitlines() if line.strip()][-3:]
        return child.returncode, "".join(f"; {line.strip()}" for line in last)

    def rows(self, arguments):
        """(exit status, words, rows, those of them that are in error)."""
        for _ in range(TRIES):
            status, words, data = self.run(arguments, "bench.json", nothing=True)
            rows = data.get("benchmarks") if isinstance(data, dict) else None
            if not isinstance(rows, list) or not all(isinstance(r, dict) for r in rows):
                raise SideError(self.name, "its bench.json has no list of benchmarks")
            bad = [r for r in rows if r.get("error_occurred")]
            if not bad or not all(FLOOR in str(r.get("error_message")) for r in bad):
                break
        return status, words, rows, bad

    def measure(self, arguments, metric):
        """cell -> its figure. SideError tells of rows that are in error, too."""
        status, words, rows, bad = self.rows(arguments)
        if bad:
            raise SideError(
                self.name, "; ".join(f"{cell_name(r)}: {r.get('error_message') or 'failed'}"
                                     for r in bad[:3]) +
                (f"; and {len(bad) - 3} more" if bad[3:] else ""),
                wrong=not all(FLOOR in str(r.get("error_message")) for r in bad))
        if status:
            raise SideError(self.name, f"its benchmark failed, {how_it_ended(status)}{words}",
                            wrong=status == 1)
        return {cell_name(r): figure(self.name, r, metric) for r in rows}

    def counts(self, arguments):
        """name -> counter -> number."""
        status, words, data = self.run(["--counts", *arguments], "counts.json", TIMEOUT_COUNTS)
        if status:
            raise SideError(self.name, f"its --counts failed, {how_it_ended(status)}{words}")
        try:
            return {name: {key: float(value) for key, value in row.items()
                           if isinstance(value, (int, float)) and math.isfinite(value)}
                    for name, row in data["counts"].items()}
        except (KeyError, TypeError, AttributeError, ValueError):
            raise SideError(self.name, "its counts.json has no counts by name") from None


def how_it_ended(status):
    if status < 0:
        return f"ended by signal {-status}"
    return f"exit status {status}"


def cell_name(row):
    return SUFFIX.sub("", str(row.get("run_name") or row.get("name") or "?"))


def figure(side, row, metric):
    """The row's @metric; else, for rows that have none, the first of its ns_per_*."""
    keys = [metric] + sorted(k for k in row if "ns_per_" in k and not k.endswith("_median"))
    value = next((row[k] for k in keys if k in row), None)
    if not isinstance(value, (int, float)) or not math.isfinite(value) or value <= 0:
        raise SideError(side, f"{cell_name(row)} has no {metric} that could be compared")
    return float(value)
