# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How the lab talks: standard output is the program's that runs in the guest."""

import sys


class Stop(Exception):
    """The lab cannot go on: the text says why and what to do."""

    def __init__(self, text, status=1):
        super().__init__(text)
        self.status = status


def say(text):
    print(f"lab: {text}", file=sys.stderr, flush=True)
