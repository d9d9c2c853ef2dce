# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""`iodirty run`, from outside: each case of the guest, other programs, refusals, cost.

A run has a time limit, a session and a TMPDIR of its own, of which nothing may be left.
"""

import os
import re
import resource
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[1]
GUEST = TOP / "build/release/conformance/preload/guest"
FLAVOURS = {name: TOP / f"build/{name}/iodirty" for name in ("release", "asan")}
CASES = [name for source in sorted(HERE.glob("*.c"))
         for name in re.findall(r"^CASE\((\w+),", source.read_text(encoding="utf-8"), re.M)]
FORMATS = ("mock", "amd-v1", "vtd-ss")
DEVICES = ("--device", "pci,migration", "--device", "mdev")  # what guest_vfio.c is about
SKIP = 77
SANITIZER = re.compile(r"Sanitizer|runtime error:|^==\d+==", re.M)
LIMIT = 30
COST = 1.5


class Run(unittest.TestCase):
    """A folder to run in, which holds TMPDIR; and how to run."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="guest-")
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)
        self.tmp = self.folder / "tmp"
        self.tmp.mkdir()
        self.sessions = []
        self.addCleanup(self.end_sessions)

    def end_sessions(self):
        for process in self.sessions:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    pipe.close()

    def start(self, *arguments, flavour="release", iodirty=None, env=None, **options):
        """iodirty run ARGUMENTS, in a session of its own."""
        asan = os.environ.get("ASAN_OPTIONS", "")
        prepare = options.pop("preexec_fn", lambda: None)

        def preexec():
            for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(sig, signal.SIG_DFL)  # a nohup above us ignores some
            prepare()

        process = subprocess.Popen(
            [str(word) for word in (iodirty or FLAVOURS[flavour], "run", *arguments)],
            cwd=self.folder, stdin=options.pop("stdin", subprocess.DEVNULL),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
            env={**os.environ, "TMPDIR": str(self.tmp), "ASAN_OPTIONS": asan, **(env or {})},
            preexec_fn=preexec, **options)
        self.sessions.append(process)
        return process

    def finish(self, process, what, limit=LIMIT, data=None):
        """Its exit status and what it wrote; what hangs is killed, and named."""
        try:
            out = process.communicate(data, timeout=limit)[0].decode(errors="replace")
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out = process.communicate()[0].decode(errors="replace")
            self.fail(f"{what} took more than {limit} s\n{out}")
        self.assertNotRegex(out, SANITIZER, what)
        self.assertEqual(os.listdir(self.tmp), [], f"{what} left something in TMPDIR\n{out}")
        return process.returncode, out

    def run_it(self, *arguments, data=None, **options):
        if data is not None:
            options["stdin"] = subprocess.PIPE
        what = " ".join(map(str, arguments))
        return self.finish(self.start(*arguments, **options), what, data=data)

    def expect(self, status, text, *arguments, **options):
        """That status, and @text (a pattern) in the output."""
        got, out = self.run_it(*arguments, **options)
        self.assertEqual(got, status, out)
        self.assertRegex(out, text)
        return out

    def program(self, name, content, mode=0o755):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
        return path

    def ready(self, process):
        """It has said so: it is in its middle."""
        line = process.stdout.readline()
        self.assertEqual(line, b"ready\n")


class Guest(Run):
    """A method a case and flavour: see below."""

    def case(self, name, flavour, *options):
        status, out = self.run_it(*DEVICES, *options, GUEST, name, flavour=flavour)
        if status == SKIP:
            self.skipTest(out.strip())
        self.assertEqual((status, out), (0, ""))


def add_cases():
    for flavour in FLAVOURS:
        for name in CASES:
            def method(self, name=name, flavour=flavour):
                self.case(name, flavour)
            setattr(Guest, f"test_{name}_{flavour}", method)
        for fmt in FORMATS:
            for name in ("dirty", "dirty_kept", "dirty_child", "huge_leaves"):
                if (name, fmt) == ("huge_leaves", "mock"):
                    continue

                def method(self, name=name, flavour=flavour, fmt=fmt):
                    self.case(name, flavour, "-f", fmt)
                setattr(Guest, f"test_{name}_{fmt.replace('-', '_')}_{flavour}", method)


add_cases()


class Others(Run):
    """Programs that are not ours."""

    def test_there_are_cases(self):
        self.assertGreater(len(CASES), 50)

    def test_python(self):
        """A real program opens it, makes an IO address space and destroys it."""
        code = ("import fcntl, os, struct, subprocess\n"
                "fd = os.open('/dev/iommu', os.O_RDWR)\n"
                "arg = bytearray(struct.pack('III', 12, 0, 0))\n"
                "fcntl.ioctl(fd, 0x3b81, arg)\n"
                "ioas = struct.unpack('III', arg)[2]\n"
                "assert subprocess.run(['true'], close_fds=True).returncode == 0\n"
                "fcntl.ioctl(fd, 0x3b80, struct.pack('II', 8, ioas))\n"
                "try:\n"
                "    fcntl.ioctl(fd, 0x3b80, struct.pack('II', 8, ioas))\n"
                "except FileNotFoundError:\n"
                "    print('gone')\n")
        for flavour in FLAVOURS:
            self.expect(0, r"\Agone\n\Z", "/usr/bin/python3", "-c", code, flavour=flavour)

    def test_programs_that_never_open_it(self):
        self.assertEqual(self.run_it("cat", data=b"through\n"), (0, "through\n"))
        self.assertEqual(self.run_it("sh", "-c", "echo out; exit 3"), (3, "out\n"))
        self.assertEqual(self.run_it("--", "env", "NAME=value", "sh", "-c", "echo $NAME"),
                         (0, "value\n"))
        script = self.program("script", "#!/bin/sh -e\necho $1 | tr a-z A-Z\n")
        self.assertEqual(self.run_it(script, "word"), (0, "WORD\n"))
        self.assertEqual(self.run_it("./script", "word"), (0, "WORD\n"))
        second = self.program("second", f"#!{script} told\n")
        self.assertEqual(self.run_it(second), (0, "TOLD\n"))

    def test_temporary_folder_by_a_relative_path(self):
        self.case_in(env={"TMPDIR": "tmp"})

    def case_in(self, **options):
        self.assertEqual(self.run_it(GUEST, "folder_changed", **options), (0, ""))

    def test_children_are_not_to_be_waited_for(self):
        """SIGCHLD is ignored in who starts us: that is inherited."""
        self.case_in(preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))

    def test_more_threads_than_descriptors(self):
        """The server may have more descriptors than the program that it serves."""
        def limit():
            resource.setrlimit(resource.RLIMIT_NOFILE, (24, 400))
        self.expect(0, r"\A\Z", GUEST, "threads_share", preexec_fn=limit)

    def test_server_without_descriptors(self):
        """Who cannot be served is told, and does not wait for ever."""
        def limit():
            resource.setrlimit(resource.RLIMIT_NOFILE, (24, 24))
        status, out = self.run_it(GUEST, "threads_own", preexec_fn=limit)
        self.assertEqual(status, 1, out)
        self.assertRegex(out, "Too many open files")


class Examples(Run):
    """What a reader is told to try. By hand: 1 MiB; pages 2 and 5 of eight are written."""

    def test_examples(self):
        for flavour in FLAVOURS:
            for name, says in (("map", "mapped and unmapped 1048576 bytes\n"),
                               ("dirty", "written 0x24, reported 0x24\n")):
                with self.subTest(name, flavour=flavour):
                    self.assertEqual(self.run_it(TOP / "build/release/examples" / name,
                                                 flavour=flavour), (0, says))


class Split(Run):
    """Leaves of 2 MiB, told to become 4 KiB while tracking is on, or not to."""

    def test_split(self):
        for policy, during in (("keep", 21), ("break-before-make", 12), ("in-place", 12)):
            self.assertEqual(self.run_it("-f", "amd-v1", "--split", policy, GUEST, "split_leaf"),
                             (0, f"21\n{during}\n21\n"))
        self.assertEqual(self.run_it("-f", "amd-v1", GUEST, "split_leaf"), (0, "21\n21\n21\n"))


class Ends(Run):
    """How a run ends."""

    def test_status_is_passed_on(self):
        for status in (0, 1, 2, 77, 255):
            self.assertEqual(self.run_it(GUEST, "ends", status), (status, ""))

    def test_signal_is_passed_on(self):
        for sig in (signal.SIGKILL, signal.SIGTERM, signal.SIGUSR1):
            self.assertEqual(self.run_it(GUEST, "ends", -sig), (128 + sig, ""))

    def test_termination_reaches_the_program(self):
        for sig in (signal.SIGTERM, signal.SIGHUP):
            process = self.start(GUEST, "waits")
            self.ready(process)
            process.send_signal(sig)
            self.assertEqual(self.finish(process, "waits", 5)[0], 128 + sig)

    def child_of(self, process):
        path = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        return int(path.read_text(encoding="ascii").split()[0])

    def test_killed_in_a_stream(self):
        for flavour in FLAVOURS:
            process = self.start(GUEST, "waits", "stream", flavour=flavour)
            self.ready(process)
            os.kill(self.child_of(process), signal.SIGKILL)
            self.assertEqual(self.finish(process, "waits stream", 5)[0], 137)

    def test_background_child_is_waited_for(self):
        for flavour in FLAVOURS:
            start = time.monotonic()
            status, out = self.run_it(GUEST, "leaves_child", 500, flavour=flavour)
            self.assertGreater(time.monotonic() - start, 0.5)
            self.assertEqual(status, 0, out)
            self.assertEqual(out.count("another process has the reference open"), 1, out)

    def test_the_wait_can_be_ended(self):
        for sig in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            process = self.start(GUEST, "leaves_child", 10000)
            self.assertIn(b"waiting for it", process.stdout.readline())
            process.send_signal(sig)
            process.wait(5)
            self.assertEqual(process.returncode, 128 + sig)
            self.assertEqual(os.listdir(self.tmp), [])


class Refused(Run):
    """What cannot be put on the reference: exit 2 and what to do."""

    def test_usage(self):
        self.expect(2, "which program", flavour="release")
        self.expect(2, "which program", "--")
        self.expect(2, "unknown format 'arm'; one of: .*mock", "-f", "arm", "cat")
        self.expect(2, "--nonsense", "--nonsense", "cat")
        out = self.expect(0, "iodirty run", "--help")
        self.assertIn("PROGRAM", out)

    def test_devices(self):
        """A wrong one is named, with what there is."""
        for spec, says in (("card", "'card' is no kind of device"), ("", "'' is no kind"),
                           ("pci,loud", "'loud' is none of its words"),
                           ("pci,log=1", "'log=1' is none"), ("pci,pasid-width", "none of its"),
                           ("pci,pasid-width=x", "none of its"), ("pci,", "'' is none of its"),
                           ("pci,pasid-width=4294967304", "none of its"),
                           ("pci,p2p", "does not go together"), ("pci,pasid=1", "go together"),
                           ("mdev,pasid-width=1", "go together"), ("pci" + ",log" * 99, "too long"),
                           ("pci,log-entries=5", "go together"),
                           ("pci,pasid-width=21", "go together")):
            out = self.expect(2, re.escape(says), "--device", spec, "cat")
            self.assertIn("kinds: pci mdev; words: no-dirty log log-entries=N migration", out)
        for spec in ("pci,no-dirty,log,log-entries=64,migration,p2p,pre-copy,pasid-width=20",
                     "mdev,pasid=3", "mdev,log"):
            self.assertEqual(self.run_it("-d", spec, "true"), (0, ""))
        self.expect(2, "more than 64 devices", *["-d", "pci"] * 65, "true")
        self.expect(2, "unknown --split 'half'; one of: keep", "--split", "half", "true")

    def test_what_is_no_program(self):
        plain = self.program("plain", "#!/bin/sh\n", 0o644)
        self.expect(2, "no such program in PATH", "no-such-program-anywhere")
        self.expect(2, "no such program in PATH", "")
        self.expect(2, "No such file", "./nowhere")
        self.expect(2, "not a program", plain)
        self.expect(2, "not a program", self.folder)
        self.expect(2, "neither an ELF program nor a script", self.program("text", "echo hello\n"))
        self.expect(2, "too short", self.program("short", "x"))
        self.expect(2, "interpreter", self.program("none", "#!\n\n\n"))
        self.expect(2, "File name too long", "./" + "x" * 5000)

    def static(self):
        source = self.program("empty.c", "int main(void) { return 0; }\n")
        target = self.folder / "static"
        made = subprocess.run(["gcc", "-static", "-o", target, source], check=False,
                              capture_output=True)
        if made.returncode:
            self.skipTest("nothing can be linked statically here")
        return target

    def test_static_program(self):
        program = self.static()
        self.expect(2, "statically linked.*link it dynamically", program)
        script = self.program("script", f"#!{program} argument\n")
        self.expect(2, "statically linked", script)

    def test_what_cannot_be_started(self):
        """It is found only when it is run: the name of its dynamic linker was right."""
        target = self.folder / "lost"
        source = self.program("empty.c", "int main(void) { return 0; }\n")
        subprocess.run(["gcc", "-o", target, source,
                        "-Wl,--dynamic-linker=/nowhere/ld-linux-x86-64.so.2"], check=True)
        self.expect(1, "cannot run", target)

    def test_script_of_itself(self):
        loop = self.folder / "loop"
        self.program("loop", f"#!{loop}\n")
        self.expect(2, "interpreter cannot be run", loop)

    def test_other_architecture(self):
        """52 bytes: the header of a 32-bit program for i386."""
        head = b"\x7fELF\x01\x01\x01" + bytes(9) + struct.pack("<HHI", 2, 3, 1)
        self.expect(2, "not a program for 64-bit x86",
                    self.program("i386", head + bytes(52 - len(head))))

    @unittest.skipUnless(os.geteuid() == 0, "only root can make a program another user's")
    def test_set_user_id(self):
        program = self.folder / "setuid"
        shutil.copy(GUEST, program)
        os.chown(program, 65534, 65534)
        program.chmod(0o4755)
        self.expect(2, "gains rights when run.*run a copy", program, "ends", 0)
        program.chmod(0o755)
        self.assertEqual(self.run_it(program, "ends", 5), (5, ""))

    def test_temporary_folder(self):
        self.expect(1, "No such file", "cat", env={"TMPDIR": "/nowhere"})
        self.expect(1, "cannot make", "cat", env={"TMPDIR": "/proc"})
        long = self.folder / ("x" * 120)
        long.mkdir()
        self.expect(1, "set TMPDIR to a folder with a shorter path", "cat",
                    env={"TMPDIR": str(long)})
        self.assertEqual(os.listdir(long), [])

    def test_library(self):
        """It is beside the program; a path that the dynamic linker would cut is refused."""
        folder = self.folder / "a b"
        folder.mkdir()
        iodirty = shutil.copy(FLAVOURS["release"], folder)
        self.expect(1, "no libiodirty-preload.so.*`make`", "cat", iodirty=iodirty)
        shutil.copy(FLAVOURS["release"].parent / "libiodirty-preload.so", folder)
        self.expect(1, "path with ' ' or ':'", "cat", iodirty=iodirty)


class Cost(Run):
    def measure(self, *prefix):
        out = subprocess.run([*prefix, GUEST, "cost", "50000"], cwd=self.folder, check=True,
                             capture_output=True, text=True, timeout=LIMIT,
                             env={**os.environ, "TMPDIR": str(self.tmp)}).stdout
        return {name: float(value) for name, value in map(str.split, out.splitlines())}

    def test_other_calls_cost_what_they_did(self):
        """The least of several rounds, with and without in turn: others use this machine."""
        least = ({}, {})
        for _ in range(7):
            for best, prefix in zip(least, ((), (FLAVOURS["release"], "run"))):
                for name, value in self.measure(*prefix).items():
                    best[name] = min(value, best.get(name, value))
        ratios = {name: least[1][name] / least[0][name] for name in least[0]}
        print("cost:", *(f"{name} {ratio:.2f}" for name, ratio in ratios.items()))
        self.assertEqual(len(ratios), 6)
        for name, ratio in ratios.items():
            self.assertLess(ratio, COST, name)


if __name__ == "__main__":
    unittest.main()
