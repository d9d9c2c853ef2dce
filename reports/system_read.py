# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How facts about a machine are read: files below ROOT, and programs if they are there."""

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path("/")  # a test has its own


class Unreadable(Exception):
    """What could not be read, and why."""


def at(path):
    return ROOT / str(path).lstrip("/")


def read_text(path):
    """The file's text without white space at the ends; "" if it cannot be read."""
    try:
        return at(path).read_text(encoding="utf-8", errors="replace").strip()
    except (OSError, ValueError):
        return ""


def entries(path):
    """What is in a folder, sorted; [] if that cannot be read."""
    try:
        return sorted(at(path).iterdir())
    except OSError:
        return []


def run(*argv, cwd=None):
    """What a command prints; Unreadable with its own last words if it fails."""
    if not shutil.which(argv[0]):
        raise Unreadable(f"{argv[0]} is not there")
    try:
        done = subprocess.run(argv, cwd=cwd, capture_output=True, stdin=subprocess.DEVNULL,
                              env=dict(os.environ, LC_ALL="C"), timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unreadable(f"{argv[0]}: {getattr(error, 'strerror', 'it did not end')}") from error
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise Unreadable(said[-1] if said else f"{argv[0]}: exit status {done.returncode}")
    return done.stdout.decode("utf-8", "replace")


def command_output(*argv, cwd=None):
    """What a command prints, "" if it fails or is not there."""
    try:
        return run(*argv, cwd=cwd).strip()
    except Unreadable:
        return ""


def key_values(text, separator):
    """Of the lines "key SEPARATOR value", the first of each key."""
    pairs = {}
    for line in text.splitlines():
        name, found, value = line.partition(separator)
        if found:
            pairs.setdefault(name.strip(), value.strip().strip('"'))
    return pairs
