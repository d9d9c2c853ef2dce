# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Sees to it that nothing of a run is left, also when the lab itself is killed.

A process that waits for the end of a pipe, whose other end the lab has: then it
ends what is left of the guest and removes the session's folder.
"""

import contextlib
import os
import shutil
import signal


class Keeper:
    def __init__(self, folder):
        ours, theirs = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            os.close(theirs)
            try:
                keep(ours, folder)
            finally:
                os._exit(0)
        os.close(ours)
        self.pipe = theirs

    def watch(self, group):
        """@group is the process group of the guest that runs; 0: none."""
        os.write(self.pipe, b"%d\n" % group)

    def end(self):
        """Returns when all is gone."""
        os.close(self.pipe)
        os.waitpid(self.pid, 0)


def keep(pipe, folder):
    os.setsid()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in range(3):
        os.dup2(null, fd)
    said = b""
    while text := os.read(pipe, 1024):
        said += text
    group = int(said.split()[-1]) if said else 0
    if group:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)
