# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
A copy of a package, of our own, while it is looked at: of its regular files, none larger than
a package's can be.

So nobody can change a file between two looks, no link leads elsewhere, no pipe makes us wait,
and whoever reads after this reads what the manifest was held against. A folder and its archive
become the same copy.
"""

import contextlib
import hashlib
import os
import stat
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import package_tar
from model import ReportError, UsageError
from package import MANIFEST, STATEMENT
from verify_read import Wrong

FILES_MAX = 2000
DEPTH_MAX = 6
FILE_MAX = 64 << 20  # bytes; results.json of the largest run there is has 6 MiB
TOTAL_MAX = 1 << 30


@dataclass
class Copy:
    root: Path  # the copy
    sums: dict = field(default_factory=dict)  # name -> SHA-256, of what was copied
    refused: list = field(default_factory=list)  # what was not, and why


def _kind(mode):
    for test, words in ((stat.S_ISLNK, "a symbolic link"), (stat.S_ISFIFO, "a pipe"),
                        (stat.S_ISSOCK, "a socket"), (stat.S_ISDIR, "a folder")):
        if test(mode):
            return words
    return "a device"


def _copy_file(source, target):
    """Its SHA-256; Wrong if it is not, or not any more, what can be copied."""
    digest, left = hashlib.sha256(), FILE_MAX
    try:
        fd = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise Wrong(f"it cannot be read: {error.strerror}") from error
    with open(fd, "rb") as read, open(target, "xb") as write:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise Wrong("it is no file")
        while block := read.read(1 << 20):
            left -= len(block)
            if left < 0:
                raise Wrong(f"it is larger than any file of a package ({FILE_MAX >> 20} MiB)")
            digest.update(block)
            write.write(block)
    return digest.hexdigest()


def _walk(source, prefix="", depth=1):
    """(name, DirEntry) of all below that is no folder, and of folders too deep."""
    try:
        entries = sorted(os.scandir(source), key=lambda e: e.name)
    except OSError as error:
        raise Wrong(f"{prefix or '.'}: it cannot be read: {error.strerror}") from error
    for entry in entries:
        name = prefix + entry.name
        if entry.is_dir(follow_symlinks=False) and depth < DEPTH_MAX:
            yield from _walk(entry.path, f"{name}/", depth + 1)
        else:
            yield name, entry


def _check_name(name):
    try:
        name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise Wrong("its name is not UTF-8") from error


def copy_folder(source, root):
    made, total = Copy(root), 0
    try:
        for count, (name, entry) in enumerate(_walk(source)):
            if count >= FILES_MAX:
                raise Wrong(f"it has more than {FILES_MAX} files, which no package has")
            try:
                _check_name(name)
                status = entry.stat(follow_symlinks=False)
                if not stat.S_ISREG(status.st_mode):
                    raise Wrong(f"it is {_kind(status.st_mode)}, and a package has only files")
                if status.st_size > FILE_MAX:
                    raise Wrong("it is larger than any file of a package "
                                f"({FILE_MAX >> 20} MiB)")
                total += status.st_size
                if total > TOTAL_MAX:
                    raise Wrong(f"with it the package is larger than any ({TOTAL_MAX >> 30} GiB)")
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                made.sums[name] = _copy_file(entry.path, root / name)
            except Wrong as error:
                (root / name).unlink(missing_ok=True)
                made.refused.append(f"{name}: {error}")
    except Wrong as error:
        made.refused.append(str(error))
    return made


def _unpacked(archive, into):
    """The folder in @archive; UsageError if it is no archive, ReportError if it is a broken or
    hostile one."""
    try:
        return package_tar.unpack(archive, into, limit=TOTAL_MAX)
    except ReportError as error:
        if isinstance(error.__cause__, package_tar.BROKEN) and not any(into.iterdir()):
            raise UsageError(f"{archive} is neither a folder nor an archive of one: "
                             f"{error.__cause__}") from error
        raise


def copy_archive(archive, unpacked, root):
    try:
        source = _unpacked(archive, unpacked)
    except UsageError:
        raise
    except ReportError as error:
        return Copy(root, refused=[str(error)])
    made = copy_folder(source, root)
    if not package_tar.is_as_written(archive, source):
        made.refused.append(f"{archive.name}: it is not, byte for byte, the archive that iodirty "
                            "certify writes of this folder: something was changed or added "
                            "outside of its files")
    return made


@contextlib.contextmanager
def opened(given):
    """A Copy of the package, a folder or an archive; UsageError if it is none at all."""
    given = Path(given)
    if not given.is_dir() and not given.is_file():
        raise UsageError(f"{given} is neither a folder nor an archive" if given.exists()
                         else f"{given} is not there")
    with tempfile.TemporaryDirectory(prefix="iodirty-verify-") as scratch:
        root, unpacked = Path(scratch) / "copy", Path(scratch) / "unpacked"
        root.mkdir()
        unpacked.mkdir()
        made = (copy_folder(given, root) if given.is_dir()
                else copy_archive(given, unpacked, root))
        if not made.refused and not made.sums.keys() & {MANIFEST, STATEMENT}:
            raise UsageError(f"{given} is no certification package: it has neither {MANIFEST} "
                             f"nor {STATEMENT}")
        yield made
