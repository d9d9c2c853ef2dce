# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What is built is kept outside of the checkout: where, under which key, by whom just now."""

import contextlib
import fcntl
import hashlib
import os
from pathlib import Path

from words import say


def top():
    """$XDG_CACHE_HOME/iodirty; a relative one is to be ignored, says its specification."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "iodirty"


def folder(*names):
    path = top().joinpath(*names)
    path.mkdir(parents=True, exist_ok=True)
    return path


def key(*parts):
    """Of texts and bytes; short enough for a folder's name."""
    digest = hashlib.sha256()
    for part in parts:
        part = part if isinstance(part, bytes) else str(part).encode()
        digest.update(b"%d:" % len(part) + part)
    return digest.hexdigest()[:12]


@contextlib.contextmanager
def lock(name, what):
    """Hold @name; who comes second waits, and says that it waits for @what.

    It ends with the process, however that ends, and with those that were given the
    descriptor which this yields.
    """
    with open(folder("locks") / name, "w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another run is {what}: waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield file.fileno()


def whole(path, text):
    """Write @text to @path so that it is there whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
