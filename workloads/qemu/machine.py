# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A QEMU in a session of its own: its serial port, its monitor (QMP), and its end."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time

PATIENCE = 100  # seconds for anything at all to happen
LIFE = 200  # and for all of it
POLL = 0.02
HEAD, TAIL = 6, 12  # lines of a log


class Failed(Exception):
    """It is not as it should be; the text says how."""


class Machine:
    """Used by `with`: at the end nothing of it is left, however that came about."""

    def __init__(self, name, scratch, prefix, command):
        self.name = name
        self.serial_path = scratch / f"{name}-serial.log"
        self.log_path = scratch / f"{name}.log"
        self.monitor_path = scratch / f"{name}-monitor"
        self.memory_path = scratch / f"{name}-memory"
        self.command = [str(word) for word in (
            *prefix, *command, "-serial", f"file:{self.serial_path}",
            "-qmp", f"unix:{self.monitor_path},server=on,wait=off")]
        self.environment = {**os.environ, "TMPDIR": str(scratch)}
        self.process = self.stream = None
        self.end = time.monotonic() + LIFE

    def __enter__(self):
        self.serial_path.touch()
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=subprocess.STDOUT, env=self.environment,
                                            start_new_session=True)
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if self.stream:
            with contextlib.suppress(OSError):  # what is still to be sent, to nobody
                self.stream.close()

    # ---- what it says ----

    def serial(self):
        return self.serial_path.read_text(encoding="ascii", errors="replace")

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def fail(self, what):
        lines = self.log().splitlines()
        if len(lines) > HEAD + TAIL:
            lines[HEAD:-TAIL] = ["..."]
        raise Failed("\n  ".join([f"{self.name}: {what}; its log:", *lines]))

    def wait(self, condition, what):
        """Until @condition() is true, which is its result; @what() says what that would be."""
        end = min(self.end, time.monotonic() + PATIENCE)
        while True:
            ended = self.process.poll()
            result = condition()
            if result:
                return result
            if ended is not None:
                self.fail(f"QEMU ended with status {ended} before {what()}")
            if time.monotonic() > end:
                self.fail(f"it took too long until {what()}")
            time.sleep(POLL)

    # ---- the monitor ----

    def connect(self):
        def attempt():
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.settimeout(PATIENCE)
            try:
                connection.connect(str(self.monitor_path))
            except OSError:
                connection.close()
                return None
            stream = connection.makefile("rw", encoding="utf-8")
            connection.close()  # the stream has it
            return stream
        self.stream = self.wait(attempt, lambda: "its monitor answers")
        self.reply()  # its greeting
        self.execute("qmp_capabilities")

    def reply(self):
        line = ""
        try:
            line = self.stream.readline()
        except OSError as error:
            self.fail(f"its monitor does not answer: {error}")
        if not line:
            self.fail("its monitor has gone")
        return json.loads(line)

    def execute(self, name, **arguments):
        if not self.stream:
            self.connect()
        try:
            self.stream.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
            self.stream.flush()
        except OSError as error:
            self.fail(f"{name}: {error}")
        while True:
            answer = self.reply()
            if "error" in answer:
                self.fail(f"{name}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def wait_status(self, *wanted):
        self.wait(lambda: self.execute("query-status")["status"] in wanted,
                  lambda: f"it is {' or '.join(wanted)}")

    def wait_migration(self, enough=None):
        """Until it has completed: what query-migrate says then.

        After @enough rounds it may end however long that stops the machine.
        """
        info = {}

        def ended():
            info.clear()
            info.update(self.execute("query-migrate"))
            if info.get("status") in ("failed", "cancelled"):
                self.fail(f"migration {info['status']}: {info.get('error-desc', 'no reason')}")
            if enough and info.get("ram", {}).get("dirty-sync-count", 0) >= enough:
                self.execute("migrate-set-parameters", **{"downtime-limit": LIFE * 1000,
                                                          "max-bandwidth": 0})
            return info.get("status") == "completed"
        self.wait(ended, lambda: f"migration completes: {info}")
        return dict(info)

    def memory(self, size):
        """All @size bytes of it, from 0."""
        self.execute("pmemsave", val=0, size=size, filename=str(self.memory_path))
        content = self.memory_path.read_bytes()
        self.memory_path.unlink()
        return content

    def quit(self):
        """As one should; it must end well."""
        self.execute("quit")
        try:
            status = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.fail("it does not quit")
        if status:
            self.fail(f"it quit with status {status}")
