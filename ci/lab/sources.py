# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Where a kernel's source comes from: Debian's package, unstable's newest, a given tree."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import archive
import cache
from words import Stop, say

USR_SRC = Path("/usr/src")

# 400 MB of headers that no configuration of the lab reads.
LEFT_OUT = "*/drivers/gpu/drm/amd/include"


class Source:
    """A source that is known by @ident, and has a tree once it is needed."""

    def __init__(self, ident, label):
        self.ident = ident
        self.label = label  # for a person: which version this is

    def tree(self):
        raise NotImplementedError


class Tree(Source):
    """A tree that the user named. It changes, so make looks at it each time."""

    def __init__(self, directory):
        self.path = Path(directory).resolve()
        super().__init__(str(self.path), tree_version(self.path))
        left = [name for name in (".config", "include/config") if (self.path / name).exists()]
        if left:
            raise Stop(f"{directory} was built in place ({left[0]} is there), which the kernel's "
                       "makefiles refuse for a build elsewhere. Use a clean checkout of it, e.g. "
                       "by `git worktree add`", 2)

    def tree(self):
        return self.path


class Tarball(Source):
    """A linux-source tarball, extracted into the cache when needed."""

    def __init__(self, ident, label, tarball):
        super().__init__(ident, label)
        self.tarball = tarball

    def tree(self):
        """There whole or not at all."""
        tree = cache.folder("sources") / self.ident
        if tree.is_dir():
            return tree
        with cache.lock(f"source-{self.ident}", f"extracting {self.ident}"):
            if not tree.is_dir():
                tarball = self.tarball()
                extract(tarball, tree)
                if tarball.is_relative_to(cache.top()):  # fetched for this only
                    tarball.unlink()
        return tree


def extract(tarball, tree):
    say(f"extracting {tarball.name}")
    part = tree.with_name(tree.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    tar = subprocess.run(["tar", "-xJf", tarball, "-C", part, "--strip-components=1",
                          f"--exclude={LEFT_OUT}"], env={**os.environ, "XZ_OPT": "-T0"},
                         stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    if tar.returncode:
        raise Stop(f"{tarball} cannot be extracted:\n{tar.stderr}")
    part.rename(tree)


def tree_version(tree):
    """As in "6.12.1-rc2", of a kernel tree."""
    try:
        text = (tree / "Makefile").read_text(encoding="utf-8")
    except OSError:
        text = ""
    fields = dict(re.findall(r"^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION) *= *(\S*)$", text, re.M))
    if len(fields) < 4:
        raise Stop(f"{tree} is no kernel tree: its Makefile does not say which version it is. "
                   "Name the top folder of a Linux source", 2)
    return (f"{fields['VERSION']}.{fields['PATCHLEVEL']}.{fields['SUBLEVEL']}"
            f"{fields['EXTRAVERSION']}")


def installed(series):
    """Debian's package of this system."""
    tarball = USR_SRC / f"linux-source-{series}.tar.xz"
    try:
        stat = tarball.stat()
    except FileNotFoundError:
        raise Stop(f"{tarball} is not there. Install Debian's package linux-source-{series} "
                   "(`ci/install lab`), or name a kernel tree by --source DIR") from None
    stamp = cache.key(stat.st_size, stat.st_mtime_ns)
    return Tarball(f"linux-source-{series}-{stamp}", series, lambda: tarball)


def latest(look):
    """The newest of Debian unstable; @look there if that was not done today."""
    package, version = archive.newest(look)
    ident = re.sub(r"[^\w.+~-]", "-", f"{package}_{version}")
    return Tarball(ident, version, lambda: archive.tarball(package, version))


def find(kernel, directory=None, look=False):
    """The source of @kernel; only with @look may it ask the network."""
    if directory:
        return Tree(directory)
    if kernel.series == "latest":
        return latest(look)
    return installed(kernel.series)
