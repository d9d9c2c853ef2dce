#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Check the deviations against requirements and tests, and make a C table of them.

    gen_deviations.py -o OUT.c [--requirements REQ.toml]... DEV.toml... -- TEST.c...

Fails, with file:line, when an entry is malformed, names an unknown requirement or
cause, matches no test of its requirement, or when a cause has no program.
"""

import argparse
import fnmatch
import os
import re
import sys

import gen_requirements as gen

CAUSE = {"id": str, "title": str, "stake": str, "text": str, "expected": str, "observed": str,
         "program": str}
ENTRY = {"cause": str, "target": str, "requirement": str, "cases": list, "versions": list,
         "messages": list, "verdict": str}
OPTIONAL = {"where": str, "sometimes": bool}
STAKES = ["data-loss", "memory-corruption", "hang", "crash", "availability", "interface",
          "wording"]
VERDICTS = ["FAIL", "HANG", "CRASH"]
WHERE = ["uml", "machine"]
ID = re.compile(r"[A-Z]+-[0-9]{3}")


def check_fields(table, required, optional):
    """True if all fields are there, of their types and not empty."""
    good = True
    for key in table.keys() - {*required, *optional, "path", "line"}:
        gen.complain(table["path"], table["line"], f"unknown key '{key}'")
        good = False
    for key, kind in (required | optional).items():
        if key in optional and key not in table:
            continue
        value = table.get(key)
        if not isinstance(value, kind) or kind is not bool and not value or \
                kind is list and not all(isinstance(v, str) and v for v in value):
            gen.complain(table["path"], table["line"], f"'{key}' must be a {kind.__name__} "
                         "that is not empty")
            good = False
    return good


def one_of(table, key, values):
    if table.get(key, values[0]) not in values:
        gen.complain(table["path"], table["line"], f"'{key}' is one of {', '.join(values)}")


def check_causes(causes):
    known = {}
    for cause in causes:
        where = cause["path"], cause["line"]
        if not check_fields(cause, CAUSE, {}):
            continue
        one_of(cause, "stake", STAKES)
        if not ID.fullmatch(cause["id"]):
            gen.complain(*where, f"{cause['id']}: an id is NAME-NNN")
        if cause["id"] in known:
            gen.complain(*where, f"{cause['id']}: there already")
        if not os.path.isfile(os.path.join(os.path.dirname(cause["path"]), cause["program"])):
            gen.complain(*where, f"{cause['id']}: no program {cause['program']} beside the file")
        known[cause["id"]] = cause
    return known


def check_entries(entries, causes, requirements, tests):
    good = []
    used = set()
    for entry in entries:
        where = entry["path"], entry["line"]
        if not check_fields(entry, ENTRY, OPTIONAL):
            continue
        one_of(entry, "verdict", VERDICTS)
        one_of(entry, "where", WHERE)
        if entry["cause"] not in causes:
            gen.complain(*where, f"unknown cause '{entry['cause']}'")
        if entry["requirement"] not in requirements:
            gen.complain(*where, f"unknown requirement '{entry['requirement']}'")
        names = [name for name, requirement, *_ in tests if requirement == entry["requirement"]]
        for case in entry["cases"]:
            pattern, space, _ = case.partition(" ")
            if not space:
                gen.complain(*where, f"'{case}': a case is \"TEST CONFIG\", by globs")
            elif not fnmatch.filter(names, pattern):
                gen.complain(*where, f"'{case}' is no test of {entry['requirement']}")
        used.add(entry["cause"])
        good.append(entry)
    for name in causes.keys() - used:
        gen.complain(causes[name]["path"], causes[name]["line"], f"{name}: no entry names it")
    return good


def c_list(strings):
    return "(const char *const[]){ " + "".join(f"{gen.c_string(s)}, " for s in strings) + "NULL }"


def write_table(file, causes, entries):
    file.write("/* Made by conformance/gen_deviations.py: edit the TOML. */\n"
               '#include <stddef.h>\n\n#include "deviation.h"\n\n')
    index = {name: number for number, name in enumerate(sorted(causes))}
    if causes:
        file.write("static const struct deviation_cause causes[] = {\n")
        for name in sorted(causes):
            cause = causes[name]
            file.write("\t{\n")
            for key in CAUSE:
                file.write(f"\t\t.{key} = {gen.c_string(cause[key])},\n")
            file.write("\t},\n")
        file.write("};\n\n")
    file.write("const struct deviation deviations[] = {\n")
    for entry in entries:
        file.write(f"\t{{\n\t\t.cause = &causes[{index[entry['cause']]}],\n")
        for key in "target", "requirement", "where":
            if key in entry:
                file.write(f"\t\t.{key} = {gen.c_string(entry[key])},\n")
        for key in "cases", "versions", "messages":
            file.write(f"\t\t.{key} = {c_list(entry[key])},\n")
        file.write(f"\t\t.verdict = VERDICT_{entry['verdict']},\n"
                   f"\t\t.sometimes = {str(entry.get('sometimes', False)).lower()},\n\t}},\n")
    file.write("\t{ .cause = NULL },\n};\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", metavar="OUT.c", required=True, dest="out")
    parser.add_argument("--requirements", action="append", default=[], metavar="REQ.toml")
    parser.add_argument("files", nargs="*", metavar="DEV.toml... -- TEST.c...")
    argv = sys.argv[1:]
    split = argv.index("--") if "--" in argv else len(argv)
    args = parser.parse_args(argv[:split])

    requirements = {r["id"] for path in args.requirements for r in gen.read_requirements(path)}
    tests = [t for path in argv[split + 1:] for t in gen.read_tests(path)]
    tables = [gen.read_tables(path, ["cause", "deviation"]) for path in args.files]
    causes = check_causes([cause for found, _ in tables for cause in found])
    entries = check_entries([entry for _, found in tables for entry in found], causes,
                            requirements, tests)
    if gen.problems:
        print(*gen.problems, sep="\n", file=sys.stderr)
        return 1
    entries.sort(key=lambda e: (e["cause"], e["requirement"]))
    with open(args.out, "w", encoding="ascii") as file:
        write_table(file, causes, entries)
    return 0


if __name__ == "__main__":
    sys.exit(main())
