#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
What a version of iodirty demands: lists/VERSION.json, by which packages of that version are
held to be whole, by whoever has this folder and no build.

A list has each requirement with its class, stake, whether it may be waived, a sum of its
words and its tests; and the formats of the reference. It is written by this program and never
changed once that version was given out.
"""

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True

from model import ReportError, UsageError  # noqa: E402  (no bytecode into the checkout)

HERE = Path(__file__).resolve().parent
LISTS = HERE / "lists"
FORMAT = "iodirty-requirement-list-1"
JUDGED = ["class", "stake", "waivable"]  # what a verdict hangs on, besides the cases


def sum_of(requirement):
    """Of its words: what was demanded."""
    words = json.dumps([requirement[k] for k in ("title", "text", "source")], ensure_ascii=False)
    return hashlib.sha256(words.encode("utf-8")).hexdigest()


def known_versions(lists=LISTS):
    return sorted((p.stem for p in lists.glob("*.json")),
                  key=lambda v: [int(n) for n in v.split(".")])


def load(version, lists=LISTS):
    """The list of @version; ReportError if there is none."""
    known = known_versions(lists)
    if version not in known:
        raise ReportError(f"it was made by iodirty {version}, whose requirements this one does "
                          f"not know (it knows {', '.join(known) or 'none'}): verify it with "
                          f"iodirty {version}")
    return json.loads((lists / f"{version}.json").read_text(encoding="utf-8"))


def lg2(name):
    """12 for "4K"."""
    return int(name[:-1]).bit_length() - 1 + 10 * "BKMGTPE".index(name[-1])


def format_of(row):
    """A row of `iodirty list formats`, as results.json has it."""
    first, last = row["aperture"].split("-")
    return {"name": row["name"], "granule_lg2": lg2(row["granule"]),
            "leaf_sizes": hex(sum(1 << lg2(n) for n in row["leaf_sizes"])),
            "aperture_first": first, "aperture_last": last, "dirty": row["dirty"]}


def ask(program, *words):
    done = subprocess.run([program, *words], stdout=subprocess.PIPE, check=False, timeout=60)
    if done.returncode:
        raise ReportError(f"{program} {' '.join(words)}: exit status {done.returncode}")
    return done.stdout.decode("utf-8")


def current(program):
    """The list of what @program demands."""
    version = re.fullmatch(r"iodirty ([0-9.]+)\s*", ask(program, "--version"))[1]
    tests = {}
    for test in json.loads(ask(program, "list", "tests", "--json")):
        tests.setdefault(test.pop("requirement"), []).append(test)
    return {"format": FORMAT, "version": version,
            "formats": [format_of(row) for row in
                        json.loads(ask(program, "list", "formats", "-t", "ref", "--json"))],
            "requirements": [{"id": r["id"], **{k: r[k] for k in JUDGED}, "sum": sum_of(r),
                              "tests": tests.get(r["id"], [])} for r in
                             json.loads(ask(program, "list", "requirements", "--json"))]}


def text_of(made):
    """As JSON, a requirement a line: for people who compare two of them."""
    def rows(name):
        return ",\n".join(f"  {json.dumps(row, ensure_ascii=False)}" for row in made[name])
    return (f'{{\n "format": "{made["format"]}",\n "version": "{made["version"]}",\n'
            f' "formats": [\n{rows("formats")}\n ],\n'
            f' "requirements": [\n{rows("requirements")}\n ]\n}}\n')


def difference(committed, made):
    """What stands in @committed and not in @made, or the other way, in words."""
    def by_name(rows, key):
        return {row[key]: row for row in rows}
    words = []
    for kind, key in ("formats", "name"), ("requirements", "id"):
        old, new = by_name(committed[kind], key), by_name(made[kind], key)
        words += [f"{n} is new" for n in new if n not in old]
        words += [f"{n} is gone" for n in old if n not in new]
        words += [f"{n} is not what it was" for n in new if n in old and old[n] != new[n]]
    if not words and committed != made:
        words.append("they stand in another order")
    return words


def check(program, lists=LISTS):
    """ReportError unless the list of @program's version is what it demands."""
    made = current(program)
    version = made["version"]
    if version not in known_versions(lists):
        raise ReportError(f"lists/{version}.json is not there: requirement_list.py --write")
    words = difference(load(version, lists), made)
    if words:
        more = f", and {len(words) - 5} more" if words[5:] else ""
        raise ReportError(f"lists/{version}.json is not what iodirty {version} demands "
                          f"({'; '.join(words[:5])}{more}): if {version} was given out, raise the "
                          "version (conformance/runner/version.h); then requirement_list.py "
                          "--write")


def main(argv):
    parser = argparse.ArgumentParser(
        prog="requirement_list.py", allow_abbrev=False,
        description="Write, or check, the list of what this version of iodirty demands "
        "(lists/VERSION.json).", epilog="Exit status: 0 done; 1 the list is not right; 2 wrong "
        "usage.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--write", action="store_true", help="write it, from the program")
    what.add_argument("--check", action="store_true", help="hold it against the program")
    parser.parse_args(argv)
    program = Path(os.environ.get("IODIRTY", HERE.parent / "iodirty")).absolute()
    try:
        if not os.access(program, os.X_OK):
            raise UsageError(f"{program} is not there: build it with `make`")
        if "--write" in argv:
            made = current(program)
            LISTS.mkdir(exist_ok=True)
            (LISTS / f"{made['version']}.json").write_text(text_of(made), encoding="utf-8")
        else:
            check(program)
    except ReportError as error:
        print(f"requirement_list.py: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    except OSError as error:
        print(f"requirement_list.py: {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
