#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""iodirty export: a run in the words of a CI: kcidb, LAVA, GitHub Actions."""

import argparse
import contextlib
import os
import sys
from pathlib import Path

sys.dont_write_bytecode = True

try:  # no bytecode into the checkout
    import export_github
    import export_kcidb
    import export_lava
    import export_source
    from ending import heed_signals
    from model import ReportError, UsageError
except ImportError as missing:
    print(f"iodirty export: {missing}: `ci/install report` installs it", file=sys.stderr)
    sys.exit(1)

WRITTEN, FAILED, USAGE = 0, 1, 2
EXIT = ("Exit status: 0 written, whatever the run's verdict; 1 not written: DIR is broken, or "
        "there is no room; 2 wrong usage, or DIR is no run. KTAP, JUnit XML and JSON are in "
        "each folder of `iodirty conform -o` already.")


def say(words):
    print(f"iodirty export: {words}", file=sys.stderr, flush=True)


def add(formats, name, module, text):
    p = formats.add_parser(
        name, prog=f"iodirty export {name}", help=text, allow_abbrev=False, epilog=EXIT,
        description=f"Write {text}.")
    p.add_argument("directory", metavar="DIR", help="a folder of `iodirty conform -o` or `bench "
                   "-o`, or a certification package")
    p.add_argument("-o", "--output", metavar="FILE", type=Path, help="not to standard output")
    p.add_argument("--force", action="store_true", help="replace FILE if it is there")
    p.set_defaults(module=module)
    return p


def parser():
    p = argparse.ArgumentParser(
        prog="iodirty export", allow_abbrev=False, epilog=EXIT,
        description="Write a run in the words of a CI. `iodirty export FORMAT --help` tells more.")
    formats = p.add_subparsers(metavar="FORMAT", required=True)
    kcidb = add(formats, "kcidb", export_kcidb, "a submission to KernelCI's kcidb, JSON of its "
                "schema 5.3")
    kcidb.add_argument("--origin", required=True, help="the name by which KernelCI knows your CI")
    kcidb.add_argument("--url", metavar="BASE", help="the address under which the files of DIR "
                       "can be had; without it none is named")
    kcidb.add_argument("--tree", metavar="NAME", help="of the kernel tested, as in mainline, next")
    kcidb.add_argument("--git-url", metavar="URL", help="its repository, https://")
    kcidb.add_argument("--git-commit", metavar="HASH", help="its commit, 40 digits")
    kcidb.add_argument("--config-url", metavar="URL", help="its configuration")
    kcidb.add_argument("--build-id", metavar="ORIGIN:ID", help="the build is in kcidb already: "
                       "send tests of it alone")
    add(formats, "lava", export_lava, "the signals of a LAVA job's shell: results, and "
        "measurements with units")
    github = add(formats, "github", export_github, "GitHub Actions' workflow commands, and the "
                 "summary of the step")
    github.add_argument("--summary", metavar="FILE", type=Path, help="append the Markdown summary "
                        "to it; $GITHUB_STEP_SUMMARY unless given, and if neither is, none is "
                        "written")
    github.add_argument("--prefix", metavar="PATH", default="", help="where iodirty's checkout is "
                        "in the repository, if that is not iodirty's: before each file's name")
    return p


@contextlib.contextmanager
def telling(path):
    """A full disk, too, is told with the file's name, which a write does not know."""
    try:
        yield
    except OSError as error:
        raise ReportError(f"{path}: {error.strerror}; nothing was written there") from error


def check_free(path, force):
    if not os.path.lexists(path):
        return
    if not path.is_file() or path.is_symlink():
        raise UsageError(f"{path} exists and is no plain file: name another")
    if not force:
        raise UsageError(f"{path} exists; --force replaces it")


def put(text, path):
    """@text into the file @path, whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    with open(partial, "x", encoding="utf-8") as file:
        try:
            file.write(text)
            file.flush()
            os.replace(partial, path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


def print_out(text):
    try:
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
    except OSError as error:
        # What is left in the buffer cannot be written either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        raise ReportError(f"standard output: {error.strerror}; what was written is not "
                          "whole") from error


def append_summary(source, path):
    """All or nothing. What is in the file counts: GitHub looks at all of the step's."""
    there = path.stat().st_size if path.exists() else 0
    text = export_github.summary(source, export_github.SUMMARY_BYTES - there)
    with open(path, "a", encoding="utf-8") as file:
        try:
            file.write(text)
            file.flush()
        except BaseException:
            os.ftruncate(file.fileno(), there)
            raise


def export(options):
    module = options.module
    if module is export_kcidb:
        export_kcidb.check(options)
    if options.force and not options.output:
        raise UsageError("--force has a meaning only with -o")
    if options.output:
        check_free(options.output, options.force)
    source = export_source.read(options.directory)
    text = module.write(source, options)
    if options.output:
        with telling(options.output):
            put(text, options.output)
    else:
        print_out(text)
    if module is export_github:
        summary = options.summary or os.environ.get("GITHUB_STEP_SUMMARY")
        if summary:
            with telling(summary):
                append_summary(source, Path(summary))


def main(argv):
    options = parser().parse_args(argv)
    heed_signals()
    try:
        export(options)
    except ReportError as error:
        say(error)
        return USAGE if isinstance(error, UsageError) else FAILED
    except KeyboardInterrupt:
        say("interrupted; what was written is not whole")
        return FAILED
    return WRITTEN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
