# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
A package: a directory with a manifest, which appears whole or not at all.

It is assembled in DIR.partial, which a lock marks as ours, and renamed when it
is complete, with a signature of the manifest if one is wanted. A directory that
exists is replaced only if it is a package, and only the files that its manifest
names, and the manifest's own, are removed.
"""

import fcntl
import hashlib
import os
import re
import shutil
from pathlib import Path, PurePosixPath

import signing
from model import ReportError, UsageError

MANIFEST = "MANIFEST.sha256"
SIGNATURE = MANIFEST + ".sig"  # where ssh-keygen puts it
STATEMENT = "statement.json"
# The file that a package must have, and what it is then.
KINDS = {STATEMENT: "certification package", "workload.json": "report on workloads",
         "dashboard.json": "dashboard"}
LOCK = ".iodirty-partial"


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def files_below(directory):
    """Paths of all files, relative, sorted; symbolic links are files too."""
    return sorted(
        str((Path(base) / name).relative_to(directory))
        for base, dirs, names in os.walk(directory)
        for name in names + [d for d in dirs if (Path(base) / d).is_symlink()])


def write_manifest(directory):
    """As `sha256sum -c` reads it."""
    names = [n for n in files_below(directory) if n not in (MANIFEST, SIGNATURE, LOCK)]
    text = "".join(f"{sha256(directory / n)}  {n}\n" for n in names)
    (directory / MANIFEST).write_text(text, encoding="utf-8")


def parse_manifest(text):
    """Name -> sum; ReportError with the first line that none of ours has."""
    sums = {}
    *lines, rest = text.split("\n")
    for number, line in enumerate(lines + [rest] * bool(rest), 1):
        match = re.fullmatch(r"([0-9a-f]{64})  ([^\x00-\x1f\x7f\\]+)", line)
        path = PurePosixPath(match[2] if match else "/")
        if (not match or str(path) != match[2] or path.is_absolute() or ".." in path.parts
                or match[2] in sums or match[2] in (MANIFEST, SIGNATURE, LOCK)):
            raise ReportError(f"{MANIFEST}: line {number} is none that a manifest has")
        sums[match[2]] = match[1]
    return sums


def manifest_names(directory, statement):
    """What the manifest names; UsageError if this is no package with a @statement."""
    try:
        names = list(parse_manifest((directory / MANIFEST).read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, ReportError):
        names = []
    if statement not in names:
        raise UsageError(f"{directory} exists and is no {KINDS[statement]}: "
                         "choose another directory")
    return names


def check_replaceable(directory, force, statement):
    """UsageError unless a package may be put at @directory."""
    if not os.path.lexists(directory):
        return
    if not directory.is_dir() or directory.is_symlink():
        raise UsageError(f"{directory} exists and is no directory")
    empty = not any(directory.iterdir())
    names = [] if empty else manifest_names(directory, statement)
    if not force:
        raise UsageError(f"{directory} exists; --force replaces it")
    foreign = sorted(set(files_below(directory)) - set(names) - {MANIFEST, SIGNATURE})
    if foreign:
        raise UsageError(f"{directory} holds what is not of the package ({foreign[0]}): "
                         "move it, or choose another directory")


def remove_package(directory, statement):
    """Remove what the manifest names, and the directories left empty."""
    for name in manifest_names(directory, statement):
        (directory / name).unlink(missing_ok=True)
    (directory / MANIFEST).unlink()
    (directory / SIGNATURE).unlink(missing_ok=True)
    for base, _, _ in os.walk(directory, topdown=False):
        os.rmdir(base)


class Package:
    """with Package(DIR, force) as package: fill package.path; package.finish()"""

    def __init__(self, directory, force, statement=STATEMENT):
        self.target = Path(os.path.abspath(directory))
        self.force, self.statement = force, statement
        self.path = self.target.with_name(self.target.name + ".partial")
        self.lock = None

    def __enter__(self):
        check_replaceable(self.target, self.force, self.statement)
        self.target.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.path.mkdir()
        except FileExistsError:
            self._take_over()
        else:
            self._lock()
        return self

    def _lock(self):
        self.lock = open(self.path / LOCK, "a", encoding="utf-8")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self.lock.close()
            self.lock = None
            raise ReportError(f"{self.path} is being written by another run") from error

    def _take_over(self):
        """What a run that was killed left behind."""
        if not (self.path / LOCK).is_file():
            raise ReportError(f"{self.path} is in the way: move it")
        self._lock()
        for entry in self.path.iterdir():
            if entry.name == LOCK:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()

    def finish(self, sign=None):
        """Write the manifest, signed by the key @sign if given, and put the package where it
        belongs."""
        write_manifest(self.path)
        if sign:
            signing.sign(self.path / MANIFEST, sign)
        check_replaceable(self.target, self.force, self.statement)
        if self.target.is_dir() and any(self.target.iterdir()):
            remove_package(self.target, self.statement)
        (self.path / LOCK).unlink()
        os.rename(self.path, self.target)

    def __exit__(self, *_):
        if self.lock:
            if (self.path / LOCK).exists():
                shutil.rmtree(self.path, ignore_errors=True)
            self.lock.close()
