# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The state of the checkout that a package was made with, as files: tool/ of the package."""

from system import git_state
from system_read import command_output

PLAIN = ("git", "--no-pager", "-c", "color.ui=false", "-c", "core.quotePath=true")


def git(root, *words):
    return command_output(*PLAIN, *words, cwd=root)


def changes(root):
    """What differs from the commit: the diff, then untracked files by name."""
    diff = git(root, "diff", "--no-ext-diff", "--no-textconv", "HEAD")
    untracked = git(root, "ls-files", "--others", "--exclude-standard").splitlines()
    return "".join(f"{part}\n" for part in (
        *[diff] * bool(diff), *(f"untracked: {name}" for name in untracked)))


def write(root, directory):
    """commits.txt and, if anything is not as committed, changes.diff; (commit, clean), as
    git_state(). Nothing is written where @root is no checkout."""
    commit, clean = git_state(root)
    if commit:
        directory.mkdir()
        (directory / "commits.txt").write_text(
            git(root, "log", "-1", "--no-decorate", "--format=commit %H%nDate:   %cI%n%n    %s")
            + "\n\n" + git(root, "describe", "--always", "--dirty", "--tags") + "\n",
            encoding="utf-8")
        if not clean:
            (directory / "changes.diff").write_text(changes(root), encoding="utf-8")
    return commit, clean
