# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The journal of a run: lines of JSON that the runner in the guest appends, and the lab.

{"plan": HASH} first; {"start": N, "case": NAME, "timeout": SECONDS} and {"end": N, ...}
for each case; {"done": true} last. When a case took the kernel with it, the lab appends
{"died": "CRASH" or "HANG", "message": TEXT, "notes": TEXT}; the runner, started again,
goes on after it.
"""

import json
import os
import time


class Journal:
    """As seen from the host, line by line as they come."""

    def __init__(self, path):
        self.path = path
        self.offset = 0
        self.pending = None  # the line of the case that runs
        self.last = time.monotonic()  # when the last line came
        path.touch()

    def poll(self):
        """Take in what is new; whether there was a line."""
        if self.path.stat().st_size == self.offset:
            return False
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            text = file.read()
        lines = text[:text.rfind(b"\n") + 1]
        self.offset += len(lines)
        for line in lines.splitlines():
            self.take(line)
        if lines:
            self.last = time.monotonic()
        return bool(lines)

    def take(self, line):
        try:
            entry = json.loads(line)
        except ValueError:
            return
        if isinstance(entry, dict) and "start" in entry:
            self.pending = entry
        elif isinstance(entry, dict) and ("end" in entry or "done" in entry):
            self.pending = None

    def overdue(self, grace):
        """Whether the case that runs has had its time."""
        return bool(self.pending) and \
            time.monotonic() - self.last > float(self.pending.get("timeout", 0)) + grace

    def died(self, verdict, message, notes):
        """The guest is gone: say so in place of the case's end."""
        os.truncate(self.path, self.offset)  # a line cut short by it says nothing
        line = json.dumps({"died": verdict, "message": message, "notes": notes}) + "\n"
        with open(self.path, "ab") as file:
            file.write(line.encode())
        self.offset += len(line)
        self.pending = None
