# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
The archive of a package: a plain tar that is a function of the folder's names and bytes.

No compression, since other versions of a compressor make other bytes; names sorted, times 0,
owner 0, modes 0644 and 0755, one folder at the top. What is unpacked was made by anyone:
unpack() takes files and folders alone, below one folder, and bounded. Callers own @into and
remove it when an archive is refused.
"""

import bz2
import gzip
import lzma
import os
import tarfile
import tempfile
import zlib
from pathlib import Path

from model import ReportError, UsageError

MANIFEST = "MANIFEST.sha256"
OPENERS = ((b"\x1f\x8b", gzip.open), (b"BZh", bz2.open), (b"\xfd7zXZ\0", lzma.open))
BROKEN = (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile)
PIECE = 1 << 16
LONGEST = 1 << 20      # bytes of a header: what a reader holds in memory
LARGEST = 8 << 30      # bytes of all files
MOST = 100_000         # members


# ---- writing ----

def member(name, path):
    info = tarfile.TarInfo(name)
    if path.is_symlink() or not (path.is_dir() or path.is_file()):
        raise ReportError(f"{path} is neither a file nor a folder: no archive takes it")
    if path.is_dir():
        info.type, info.mode = tarfile.DIRTYPE, 0o755
    else:
        info.size, info.mode = path.stat().st_size, 0o644
    return info


def write_to(folder, file):
    """The archive of @folder, to a file that is open."""
    paths = sorted(folder.rglob("*"), key=lambda p: p.relative_to(folder).parts)
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in [folder, *paths]:
            name = "/".join((folder.name, *path.relative_to(folder).parts))
            info = member(name, path)
            if info.isdir():
                tar.addfile(info)
                continue
            with open(path, "rb") as content:
                tar.addfile(info, content)


def write(folder, path):
    """The archive of @folder at @path, whole or not at all; what is there is replaced."""
    folder = Path(os.path.abspath(folder))
    partial = path.with_name(path.name + ".partial")
    try:
        with open(partial, "wb") as file:
            write_to(folder, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


# ---- reading ----

class Bounded:
    """A file as tarfile wants it, of which nobody reads a lot at once: a header that claims
    to be long is no reason to fill memory."""

    def __init__(self, file):
        self.file = file
        self.seek, self.tell = file.seek, file.tell

    def read(self, size):
        if not 0 <= size <= LONGEST:
            raise ReportError(f"it has a header of {size} bytes")
        return self.file.read(size)


def plain(path, limit):
    """The archive, open and without its compression."""
    with open(path, "rb") as raw:
        start = raw.read(6)
    opener = next((o for magic, o in OPENERS if start.startswith(magic)), None)
    if not opener:
        return open(path, "rb")
    file = tempfile.TemporaryFile()
    try:
        with opener(path, "rb") as packed:
            size = 0
            while piece := packed.read(PIECE):
                size += len(piece)
                if size > limit:
                    raise ReportError(f"it holds more than {limit >> 20:,} MiB")
                file.write(piece)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def parts_of(info):
    """Where a member goes, as names of folders and file; ReportError if nowhere."""
    shown = repr(info.name)
    if not (info.isreg() or info.isdir()) or info.issparse():
        raise ReportError(f"{shown} is neither a file nor a folder")
    if info.size < 0:
        raise ReportError(f"{shown} has a size below 0")
    if info.name.startswith("/") or not info.name.isprintable():
        raise ReportError(f"{shown} is no name for a file in a package")
    parts = tuple(p for p in info.name.split("/") if p not in ("", "."))
    if ".." in parts:
        raise ReportError(f"{shown} leads out of the package")
    return parts


def members(tar, limit):
    """(member, its parts), each looked at before anything of it is used."""
    seen, size = set(), 0
    for info in tar:
        parts = parts_of(info)
        size += info.size
        if size > limit:
            raise ReportError(f"it holds more than {limit >> 20:,} MiB")
        if parts in seen:
            raise ReportError(f"{info.name!r} is in it twice")
        seen.add(parts)
        if len(seen) > MOST:
            raise ReportError(f"it has more than {MOST:,} members")
        if len({p[0] for p in (parts, next(iter(seen))) if p}) > 1:
            raise ReportError("it has more than one folder at its top")
        yield info, parts


def place(tar, info, path):
    if info.isdir():
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with tar.extractfile(info) as content, open(path, "xb") as file:
        while piece := content.read(PIECE):
            file.write(piece)
    if path.stat().st_size != info.size:
        raise ReportError(f"{info.name!r} is cut short")


def unpack(path, into, limit=LARGEST):
    """Into the folder @into, which is empty; the package's own folder. ReportError in words
    if the archive is broken, or made to do harm; files unpacked so far are left then."""
    into, top = Path(into), None
    try:
        with plain(path, limit) as file, \
                tarfile.open(fileobj=Bounded(file), mode="r:") as tar:
            for info, parts in members(tar, limit):
                top = top or (into / parts[0] if parts else None)
                place(tar, info, into.joinpath(*parts))
    except ReportError as error:
        raise ReportError(f"{path} is no archive of a package: {error}") from error
    except BROKEN as error:
        raise ReportError(f"{path} is no whole archive: {error}") from error
    except (FileExistsError, NotADirectoryError) as error:
        raise ReportError(f"{path} is no archive of a package: {error.filename} is a file and "
                          "a folder in it") from error
    if not top or not top.is_dir():
        raise ReportError(f"{path} is no archive of a package: it has no folder at its top")
    return top


def is_as_written(path, folder):
    """Is the archive, but for its compression, what write() makes of @folder?"""
    with plain(path, LARGEST) as given, tempfile.TemporaryFile() as made:
        write_to(Path(os.path.abspath(folder)), made)
        made.seek(0)
        while (piece := made.read(PIECE)) == given.read(PIECE):
            if not piece:
                return True
    return False


# ---- replacing ----

def is_package(path, top):
    """Is there an archive of a package whose folder is named @top?"""
    try:
        with plain(path, LARGEST) as file, \
                tarfile.open(fileobj=Bounded(file), mode="r:") as tar:
            found = {parts for _, parts in members(tar, LARGEST)}
    except (OSError, ReportError, *BROKEN):
        return False
    return (top, MANIFEST) in found and {parts[0] for parts in found if parts} == {top}


def check_replaceable(path, top, force):
    """UsageError unless an archive of @top may be put at @path."""
    if not os.path.lexists(path):
        return
    if path.is_symlink() or not path.is_file() or not is_package(path, top):
        raise UsageError(f"{path} is in the way and is no archive of such a package: move it, or "
                         "choose another folder")
    if not force:
        raise UsageError(f"{path} exists; --force replaces it")
