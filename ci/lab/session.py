# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""One run in a guest: what it shares, its output, its end, and booting again."""

import contextlib
import ctypes
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import console
from journal import Journal
from keeper import Keeper
from words import Stop, say

TICK = 0.02       # seconds between two looks at the guest's files
GRACE = 20        # seconds that a case gets beyond its own time
OFF = 10          # seconds that a guest may take to power off
NOTES = 40        # lines of the console that go with a case that took the kernel with it
COVERED = ("/tmp", "/run", "/dev", "/proc", "/sys")  # the guest has its own of these
PASSED_ON = ("PATH", "HOME", "LANG", "TERM")
PR_SET_PDEATHSIG = 1


def shares(cwd, *read):
    """[(folder, "ro" or "rw")]: the current folder, and those of @read that are not in sight."""
    if cwd == Path("/"):
        raise Stop("the guest may write to the current folder: that must not be /. Start it in "
                   "the folder that is to have the results", 2)
    found = [(cwd, "rw")]
    for path in sorted(set(read)):
        hidden = any(path.is_relative_to(folder) for folder in COVERED)
        if hidden and not any(path.is_relative_to(other) for other, _ in found):
            found.append((path, "ro"))
    # What lies within another must be mounted after it.
    return sorted(found, key=lambda share: len(share[0].parts))


def request(shared, streams, cwd, env, argv):
    """What init.c reads."""
    words = [*((mode, path) for path, mode in shared), *zip(("stdout", "stderr"), streams),
             ("cwd", cwd), *(("env", f"{key}={value}") for key, value in env.items()),
             *(("arg", arg) for arg in argv)]
    return b"".join(os.fsencode(str(word)) + b"\0" for pair in words for word in pair)


def grace():
    text = os.environ.get("IODIRTY_LAB_GRACE", GRACE)
    try:
        return float(text)
    except ValueError:
        raise Stop(f"IODIRTY_LAB_GRACE takes seconds, not {text!r}", 2) from None


class Tail:
    """Copies to @fd what comes to a file."""

    def __init__(self, path, fd):
        path.touch()
        self.path = path
        self.fd = fd
        self.offset = 0

    def copy(self):
        if self.path.stat().st_size == self.offset:
            return
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            while text := file.read(1 << 16):
                self.offset += len(text)
                while text:
                    text = text[os.write(self.fd, text):]


class Session:
    """Runs a program in @guest, again after each case that took the kernel with it."""

    def __init__(self, guest, argv, cwd, read=(), timeout=None, output=None):
        self.guest = guest
        self.shares = shares(cwd, *read)
        self.timeout = timeout
        self.output = output
        self.grace = grace()
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK | os.X_OK) else None
        self.folder = Path(tempfile.mkdtemp(prefix="iodirty-lab.", dir=memory))
        self.keeper = Keeper(self.folder)
        self.console = self.folder / "console"
        self.console.touch()
        self.status = self.folder / "status"
        self.journal = Journal(self.folder / "journal")
        env = {key: value for key, value in os.environ.items()
               if key in PASSED_ON or key.startswith("IODIRTY_")}
        env["IODIRTY_JOURNAL"] = self.journal.path
        # Where both go to the same place, their order is to be kept.
        ours = {"stdout": sys.stdout.fileno(), "stderr": sys.stderr.fileno()}
        one = os.path.sameopenfile(*ours.values())
        streams = ["stdout", "stdout" if one else "stderr"]
        self.tails = [Tail(self.folder / name, ours[name]) for name in dict.fromkeys(streams)]
        (self.folder / "request").write_bytes(request(self.shares, streams, cwd, env, argv))
        self.deadline = time.monotonic() + timeout if timeout else None
        self.lab = os.getpid()
        self.case_at = 0  # where in the console the case that runs begins

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            if self.output:
                self.output.mkdir(parents=True, exist_ok=True)
                for name in ("console", "journal"):
                    shutil.copyfile(self.folder / name, self.output / f"{name}.log")
        finally:
            self.keeper.end()

    # ---- one boot ----

    def settle(self):
        """In the child: it ends with us, and leaves no core."""
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != self.lab:  # it ended before that was said
            os._exit(1)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        self.guest.settle()

    @contextlib.contextmanager
    def booted(self):
        """The guest's process; what is left of it is ended."""
        self.guest.prepare(self)
        with open(self.console, "ab") as out, \
                subprocess.Popen(self.guest.command(self), stdin=subprocess.DEVNULL, stdout=out,
                                 stderr=subprocess.STDOUT, env={**os.environ, **self.guest.env},
                                 process_group=0, preexec_fn=self.settle) as process:
            self.keeper.watch(process.pid)
            pidfd = os.pidfd_open(process.pid)
            try:
                yield pidfd
            finally:
                # Not yet waited for, so that the number is still its own.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                os.close(pidfd)
                self.keeper.watch(0)
        self.look(self.console.stat().st_size)

    def look(self, before):
        """Take in what came since; @before is the console's size at the last look."""
        for tail in self.tails:
            tail.copy()
        if self.journal.poll():
            self.case_at = before

    def watch(self, pidfd):
        """Until it ends by itself: None, or a verdict on why it is to be ended."""
        size, off = self.console.stat().st_size, None
        while not select.select([pidfd], [], [], TICK)[0]:
            before, size = size, self.console.stat().st_size
            self.look(before)
            now = time.monotonic()
            if off is None and self.status.exists():
                off = now + OFF
            if off is not None:
                if now > off:
                    return "OFF"
            elif self.deadline and now > self.deadline:
                raise Stop(f"took more than {self.timeout} s: the guest was ended")
            elif self.journal.overdue(self.grace):
                return "HANG"
        return None

    # ---- all of them ----

    def run(self):
        """The program's exit status."""
        dead = set()
        while True:
            with self.booted() as pidfd:
                verdict = self.watch(pidfd) or "CRASH"
            if self.status.exists() and (text := self.status.read_text(encoding="ascii")):
                return int(text)
            case = self.journal.pending
            if not case:
                why = console.death(self.said())
                raise Stop(f"the console's last lines:\n{self.last_words()}\n"
                           f"The guest ended before its program did{f': {why}' if why else ''}")
            self.bury(verdict, case)
            if case["start"] in dead:
                raise Stop(f"the guest ended twice in case {case['start']} "
                           f"({case.get('case', '?')}): the runner does not go on after it")
            dead.add(case["start"])

    def said(self, start=0):
        """The console's text from @start."""
        with open(self.console, "rb") as file:
            file.seek(start)
            return console.plain(file.read().decode("utf-8", "replace"))

    def bury(self, verdict, case):
        said = self.said(self.case_at)
        if verdict == "HANG":
            message = f"no word for {case.get('timeout', 0)} + {self.grace:g} s"
        else:
            message = console.death(said) or "the guest ended"
        self.journal.died(verdict, message, console.notes(said, NOTES))
        say(f"{verdict} in {case.get('case', case['start'])}: {message}; booting again")

    def last_words(self):
        return console.tail(self.said(), NOTES)
