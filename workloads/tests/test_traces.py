# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""fio's jobs as traces: what memory makes of them, worked out again; and workloads/traces itself.

The models here are written from workloads/fiolog.h, in words; they share nothing with the C.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
WORKLOADS = HERE.parent
TOP = WORKLOADS.parent
IODIRTY = TOP / "build/release/iodirty"
TRACES = WORKLOADS / "traces"
LIMIT = 60
BASE = 1 << 32
FRAME = 4096
JOBS = sorted(job.stem for job in WORKLOADS.glob("*.fio"))

sys.path.insert(0, str(WORKLOADS))
import trace_file  # noqa: E402


def run(*command, **options):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          timeout=LIMIT, check=False, **options)


# ---- the models, again ----

def moves(log):
    """(number, is it read, file, offset, length) of each I/O that moves data."""
    number = 0
    for line in log.read_text(encoding="utf-8").splitlines()[1:]:
        words = line.split()
        if len(words) == 5:
            if words[2] in ("read", "write"):
                yield number, words[2] == "read", words[1], int(words[3]), int(words[4])
            number += 1


def direct(ios, depth):
    """As requests: buffers in turn. (number, written by the drive, start, length)"""
    ios = list(ios)
    buffer = -(-max(length for *_, length in ios) // FRAME) * FRAME
    for turn, (number, read, _, _, length) in enumerate(ios):
        yield number, read, turn % depth * buffer, length


def offset(ios, _argument):
    for number, read, _, start, length in ios:
        yield number, not read, start, length


class Cache:
    """Pages by frame, and frames by page; a hand that goes round."""

    def __init__(self, frames):
        self.pages = [None] * frames
        self.where = {}
        self.second_chance = set()
        self.hand = 0
        self.free = list(range(frames - 1, -1, -1))

    def evict(self, kept):
        while True:
            frame, self.hand = self.hand, (self.hand + 1) % len(self.pages)
            if frame in kept:
                continue
            if frame in self.second_chance:
                self.second_chance.remove(frame)
            else:
                del self.where[self.pages[frame]]
                return frame

    def request(self, pages):
        """(page, frame, was it there) of each; they stay until the request is over."""
        kept = set()
        for page in pages:
            frame = self.where.get(page)
            there = frame is not None
            if there:
                self.second_chance.add(frame)
            else:
                frame = self.free.pop() if self.free else self.evict(kept)
                self.pages[frame] = page
                self.where[page] = frame
            kept.add(frame)
            yield page, frame, there


def cache(ios, size):
    memory = Cache(size // FRAME)
    for number, read, file, start, length in ios:
        end = start + length
        pages = [(file, page) for page in range(start // FRAME, -(-end // FRAME))]
        fills, back = [], []
        for page, frame, there in memory.request(pages):
            part = start > page[1] * FRAME or end < (page[1] + 1) * FRAME
            if not there and (read or part):
                fills.append((page[1], frame))
            back.append((page[1], frame))
        for written, frames in ((True, fills), (False, () if read else back)):
            for first, count in joined(frames):
                yield number, written, first * FRAME, count * FRAME


def joined(frames):
    """(first, how many) of frames that follow one another in memory and on the disk."""
    pieces = []
    for page, frame in frames:
        if pieces and (page, frame) == (pieces[-1][2] + 1, pieces[-1][0] + pieces[-1][1]):
            pieces[-1][1:] = pieces[-1][1] + 1, page
        else:
            pieces.append([frame, 1, page])
    return [(first, count) for first, count, _ in pieces]


def bytes_of(text):
    return int(text[:-1]) << {"K": 10, "M": 20, "G": 30}[text[-1]] if text[-1].isalpha() \
        else int(text)


def options_of(job):
    line = re.search(r"^; iodirty: (.*)$", job.read_text(encoding="utf-8"), re.M)
    return dict(word.split("=") for word in line[1].split())


def model_of(options):
    name, _, argument = options["memory"].partition(":")
    return {"direct": direct, "cache": cache, "offset": offset}[name], \
        bytes_of(argument) if argument else None


@unittest.skipUnless(shutil.which("fio"), "fio is missing: ci/install workload")
class Jobs(unittest.TestCase):
    """Each job, as it is: a log of it, and its trace."""

    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="traces-")
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.folder = Path(cls.scratch.name)
        cls.made = {}
        for name in JOBS:
            job = WORKLOADS / f"{name}.fio"
            ran = run("fio", "--output=/dev/null", job, cwd=cls.folder)
            options = options_of(job)
            out = cls.folder / f"{name}.trace"
            converted = run(IODIRTY, "trace", "convert", "--from", "fio",
                            cls.folder / f"{name}.log", "-o", out,
                            *(f"--{key}={value}" for key, value in options.items()))
            assert ran.returncode == 0 and converted.returncode == 0, \
                ran.stderr + converted.stderr
            cls.made[name] = options, trace_file.read(out)

    def test_each_access(self):
        for name, (options, trace) in self.made.items():
            with self.subTest(name):
                model, argument = model_of(options)
                rate = int(options["rate"])
                expected = [trace_file.Access(number * 10**9 // rate, BASE + start, length, 0, 0,
                                              written)
                            for number, written, start, length
                            in model(moves(self.folder / f"{name}.log"), argument)]
                for seen, right in zip(trace.accesses, expected):
                    self.assertEqual(seen, right)
                self.assertEqual(len(trace.accesses), len(expected))
                self.assertTrue(20000 <= len(expected) <= 60000, len(expected))

    def pages(self, name):
        return {page for access in self.made[name][1].accesses if access.write
                for page in range(access.iova // FRAME,
                                  (access.iova + access.length - 1) // FRAME + 1)}

    def test_memory_that_a_log_is_written_from_stays_clean(self):
        self.assertEqual(self.pages("log"), set())
        self.assertTrue(all(not access.write for access in self.made["log"][1].accesses))

    def test_direct_io_has_no_more_than_its_buffers(self):
        self.assertEqual(len(self.pages("mixed")), 64 * 65536 // FRAME)

    def test_a_cache_is_filled_and_no_more(self):
        self.assertEqual(len(self.pages("sequential")), (256 << 20) // FRAME)
        self.assertLessEqual(len(self.pages("database")), (128 << 20) // FRAME)
        # Pages are of 16 KiB, so four frames at once.
        self.assertTrue(all(access.length % 16384 == 0 or access.length < 16384
                            for access in self.made["database"][1].accesses))

    def test_what_is_no_storage_says_so(self):
        self.assertEqual({name for name, (_, trace) in self.made.items() if trace.pattern},
                         {"zipf"})
        self.assertEqual(self.made["zipf"][1].length, 256 << 20)

    def test_names(self):
        listed = run(IODIRTY, "trace", "list").stdout
        for name in JOBS:
            self.assertRegex(listed, rf"(?m)^{name} +fio: ")


# ---- workloads/traces ----

JOB = """; iodirty: memory=direct:2 rate=1000
[small]
ioengine=null
filename=disk
rw=randread
bs=4k
size=1m
number_ios=20
randseed=7
write_iolog=small.log
"""


@unittest.skipUnless(shutil.which("fio"), "fio is missing: ci/install workload")
class Script(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="traces-")
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)
        self.jobs = self.folder / "jobs"
        self.jobs.mkdir()
        self.job = self.jobs / "small.fio"
        self.job.write_text(JOB, encoding="utf-8")
        self.out = self.folder / "out"
        self.list = self.folder / "list"
        self.bin = self.folder / "bin"
        self.bin.mkdir()
        self.path = os.environ["PATH"]

    def traces(self, *words, name="small"):
        done = run(TRACES, "--jobs", self.jobs, "-o", self.out, "--list", self.list, *words, name,
                   env={**os.environ, "PATH": self.path})
        self.assertNotIn("Traceback", done.stderr)
        return done

    def fails(self, pattern, *words):
        done = self.traces(*words)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertRegex(done.stderr, pattern)
        self.assertEqual(list(self.out.glob("*")), [])

    def fake_fio(self, text):
        """Instead of fio; $FIO is the real one."""
        fake = self.bin / "fio"
        fake.write_text(f"#!/bin/sh\nFIO={shutil.which('fio')}\n{text}\n", encoding="utf-8")
        fake.chmod(0o755)
        self.path = f"{self.bin}:{self.path}"

    def test_once(self):
        done = self.traces()
        self.assertEqual(done.returncode, 0, done.stderr)
        made = (self.out / "small.trace").read_bytes()
        self.assertEqual(done.stdout, f"{hashlib.sha256(made).hexdigest()}  small.trace  20\n")
        self.assertEqual([file.name for file in self.out.iterdir()], ["small.trace"])
        trace = trace_file.parse(made)
        self.assertEqual([access.ns for access in trace.accesses],
                         [number * 10**6 for number in range(20)])
        self.assertEqual(trace.ns, 20 * 10**6)
        # Neither a folder nor a time of this machine.
        self.assertEqual(trace.text, "direct I/O, 2 buffers of 4096 bytes in turn: "
                                     "fio's log small.log, 1000 I/Os a second")

    def test_listed(self):
        self.assertEqual(self.traces("--check").returncode, 1)
        self.assertIn("the list has none: --update adds it", self.traces("--check").stdout)
        self.assertEqual(self.traces("--update").returncode, 0)
        done = self.traces("--check")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("twice the same, and as listed", done.stdout)

        listed = self.list.read_text(encoding="utf-8")
        self.list.write_text(re.sub("^[0-9a-f]{64}", "0" * 64, listed), encoding="utf-8")
        done = self.traces("--check")
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"FAIL small: twice the same, but the list has {'0' * 64}", done.stdout)

        self.list.write_text("nonsense\n", encoding="utf-8")
        self.assertRegex(self.traces().stderr, r"list:1: not \"SHA256  NAME.trace")

    def test_another_version_of_fio(self):
        self.traces("--update")
        self.fake_fio('[ "$1" = --version ] && echo fio-3.99 && exit; exec "$FIO" "$@"')
        done = self.traces("--check")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("twice the same; the list has none for fio-3.99", done.stdout)

    def test_not_the_same_twice(self):
        self.fake_fio('[ "$1" = --version ] && exec "$FIO" "$@"; '
                      f'echo >>{self.folder}/n; "$FIO" "$@"; '
                      f'[ "$(wc -l <{self.folder}/n)" = 1 ] || sed -i "s/ 4096$/ 512/" small.log')
        done = self.traces("--check")
        self.assertEqual(done.returncode, 1)
        self.assertIn("FAIL small: differs from one run to the next", done.stdout)

    def test_no_fio(self):
        self.path = str(self.bin)
        self.fails(r"^traces: fio is missing: `ci/install workload` installs it")

    def test_old_fio(self):
        self.fake_fio("echo fio-3.30")
        self.fails(r"fio-3\.30 is too old: .* fio 3\.31 or later")
        self.fake_fio("echo fio-2.99")
        self.fails(r"fio-2\.99 is too old")

    def test_fio_fails(self):
        self.fake_fio('[ "$1" = --version ] && exec "$FIO" "$@"; echo no luck >&2; exit 3')
        self.fails(r"(?s)small\.fio: exit status 3\nno luck")

    def test_no_log(self):
        self.job.write_text(JOB.replace("small.log", "other.log"), encoding="utf-8")
        self.fails(r"small\.fio: fio has not written small\.log: it needs write_iolog=small\.log")

    def test_bad_lines(self):
        for line, why in (("", "it needs a line"),
                          ("; iodirty: memory=offset", "rate not there"),
                          ("; iodirty: memory=offset rate=1 colour=red", "'colour=red' in a line"),
                          ("; iodirty: memory=ofset rate=1", "memory 'ofset' is none of"),
                          ("; iodirty: memory=offset rate=0", "--rate takes I/Os a second")):
            with self.subTest(line):
                self.job.write_text(line + JOB[JOB.index("\n"):], encoding="utf-8")
                self.fails(why)

    def test_unknown_name(self):
        done = self.traces(name="nobody")
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, "no workload nobody; there are: small ")

    def test_two_runs_in_one_log(self):
        for _ in range(2):
            run("fio", "--output=/dev/null", self.job, cwd=self.folder)
        done = run(IODIRTY, "trace", "convert", "--from", "fio", self.folder / "small.log",
                   "--memory", "offset", "-o", self.folder / "out.trace")
        self.assertEqual(done.returncode, 1)
        self.assertIn("small.log, line 25: a second log begins: fio appends", done.stderr)
        self.assertFalse((self.folder / "out.trace").exists())

    def test_wrong_usage(self):
        for words, why in (((), "takes a FILE"),
                           (("x.log", "-o", "y"), "a log of fio has no addresses of memory"),
                           (("x.log", "--memory", "offset"), "convert takes -o FILE"),
                           (("x.log", "--memory", "cache:1", "-o", "y"), "none of direct:DEPTH"),
                           (("x.log", "--size", "0"), "--size takes a size"),
                           (("x.log", "--colour"), "colour")):
            with self.subTest(words):
                done = run(IODIRTY, "trace", "convert", "--from", "fio", *words)
                self.assertEqual(done.returncode, 2)
                self.assertIn(why, done.stderr)


if __name__ == "__main__":
    unittest.main()
