# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A QEMU in a session of its own: its serial port, its monitor (QMP), and its end."""

import json
import os
import signal
import socket
import subprocess
import time

PATIENCE = 60  # seconds for anything at all to happen
POLL = 0.02
TAIL = 15  # lines of a log


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

    def __enter__(self):
        self.serial_path.touch()
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=subprocess.STDOUT, env=self.environment,
                                            start_new_session=True)
        return self

    def __exit__(self, *_):
        if self.stream:
            self.stream.close()
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()

    # ---- what it says ----

    def serial(self):
        return self.serial_path.read_text(encoding="ascii", errors="replace")

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def fail(self, what):
        tail = "\n  ".join(self.log().splitlines()[-TAIL:])
        raise Failed(f"{self.name}: {what}; the end of its log:\n  {tail}")

    def wait(self, condition, what):
        """Until @condition() is true, which is its result; @what() says what that would be."""
        end = time.monotonic() + PATIENCE
        while True:
            ended = self.process.poll()
            result = condition()
            if result:
                return result
            if ended is not None:
                self.fail(f"QEMU ended with status {ended} before {what()}")
            if time.monotonic() > end:
                self.fail(f"not within {PATIENCE} s: {what()}")
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
        try:
            line = self.stream.readline()
        except OSError as error:
            line = ""
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

    def wait_migration(self):
        """Until it has completed: what query-migrate says then."""
        info = {}

        def ended():
            info.clear()
            info.update(self.execute("query-migrate"))
            if info.get("status") in ("failed", "cancelled"):
                self.fail(f"migration {info['status']}: {info.get('error-desc', 'no reason')}")
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
