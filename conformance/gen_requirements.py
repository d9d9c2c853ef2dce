#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Check the requirements against the tests, and turn them into a C table.

    gen_requirements.py -o OUT.c REQ.toml... -- TEST.c...

Fails, with file:line, when a requirement is malformed, when a mandatory one has
no test, and when a test names an unknown one or shares its name with another.
"""

import argparse
import re
import sys
import tomllib

CHAPTERS = ["ABI", "TRACK", "REPORT", "GEOMETRY", "CLEAR", "MAP", "ATTACH", "NEST", "ACCESS",
            "LEAF", "SPLIT", "CACHE", "ATS", "SKIP", "CONCURRENCY", "ERRORS", "COMPAT", "DEVICE",
            "PASID", "HOTPLUG", "LOG", "MIG", "UNMAP", "POLICY", "TYPE1", "ENGINE"]
CLASSES = {
    "mandatory": "REQUIREMENT_MANDATORY",
    "if-supported": "REQUIREMENT_IF_SUPPORTED",
    "informative": "REQUIREMENT_INFORMATIVE",
}
STAKES = ["data-loss", "memory-corruption", "availability", "interface"]
NEVER_WAIVABLE = ["data-loss", "memory-corruption"]
FIELDS = ["id", "title", "class", "stake", "text", "source"]

ID = re.compile(r"([A-Z][A-Z0-9]*)-([0-9]{3})")
TEST = re.compile(r'\bCT_TEST\(\s*(\w+)\s*,\s*"([^"]*)"')
# Comments, and the strings and characters that could hold what looks like one.
COMMENT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)

problems = []


def complain(path, line, message):
    problems.append(f"{path}:{line}: {message}")


def read_tables(path, kinds):
    """The file's [[tables]], a list a kind; each gets where it stands as "path", "line"."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"line (\d+)", str(error))
        complain(path, where[1] if where else 1, error)
        return [[] for _ in kinds]
    for key in document.keys() - set(kinds):
        complain(path, 1, f"unknown table '{key}'")
    found = []
    for kind in kinds:
        # tomllib keeps no positions; the n-th header is the n-th table's.
        lines = [number for number, line in enumerate(text.splitlines(), 1)
                 if re.match(rf"\s*\[\[\s*{kind}\s*\]\]", line)]
        found.append([table | {"path": path, "line": line}
                      for table, line in zip(document.get(kind, []), lines)])
    return found


def read_requirements(path):
    return read_tables(path, ["requirement"])[0]


def check_requirement(requirement):
    """Complain of what is wrong with one by itself; true if it can be used."""
    where = requirement["path"], requirement["line"]
    good = True

    def wrong(message):
        nonlocal good
        good = False
        complain(*where, f"{requirement.get('id', 'requirement')}: {message}")

    for key in requirement.keys() - {*FIELDS, "waivable", "path", "line"}:
        wrong(f"unknown key '{key}'")
    for key in FIELDS:
        value = requirement.get(key)
        if not isinstance(value, str) or not value.strip():
            wrong(f"'{key}' must be a text that is not empty")
    if not good:
        return False

    match = ID.fullmatch(requirement["id"])
    if not match:
        wrong("an id is CHAPTER-NNN")
    elif match[1] not in CHAPTERS:
        wrong(f"unknown chapter; one of {', '.join(CHAPTERS)}")
    if requirement["class"] not in CLASSES:
        wrong(f"unknown class '{requirement['class']}'; one of {', '.join(CLASSES)}")
    if requirement["stake"] not in STAKES:
        wrong(f"unknown stake '{requirement['stake']}'; one of {', '.join(STAKES)}")
    if "\n" in requirement["title"]:
        wrong("'title' must be one line")
    if not isinstance(requirement.setdefault("waivable", False), bool):
        wrong("'waivable' is true, or not there")
    elif requirement["waivable"] and requirement["stake"] in NEVER_WAIVABLE:
        wrong(f"what is at stake is {requirement['stake']}: it can never be waived")
    return good


def check_order(requirements):
    """Ids are unique, and rise within their chapter."""
    last = {}
    seen = {}
    for requirement in requirements:
        name = requirement["id"]
        where = requirement["path"], requirement["line"]
        chapter = name.split("-")[0]
        if name in seen:
            complain(*where, f"{name}: also at {seen[name]}")
        elif name < last.get(chapter, ""):
            complain(*where, f"{name}: must stand before {last[chapter]}")
        seen.setdefault(name, "{}:{}".format(*where))
        last[chapter] = max(name, last.get(chapter, ""))


def read_tests(path):
    """(name, requirement id, path, line) of each CT_TEST() outside comments."""
    with open(path, encoding="utf-8") as file:
        text = file.read()

    def blank(match):
        return match[0] if match[0][0] in "\"'" else re.sub(r"[^\n]", " ", match[0])

    text = COMMENT.sub(blank, text)
    return [(match[1], match[2], path, text.count("\n", 0, match.start()) + 1)
            for match in TEST.finditer(text)]


def check_tests(requirements, tests):
    known = {requirement["id"] for requirement in requirements}
    tested = set()
    names = {}
    for name, requirement, path, line in tests:
        if requirement not in known:
            complain(path, line, f"{name}: unknown requirement '{requirement}'")
        if name in names:
            complain(path, line, f"{name}: also at {names[name]}")
        names.setdefault(name, f"{path}:{line}")
        tested.add(requirement)
    for requirement in requirements:
        if requirement["class"] == "mandatory" and requirement["id"] not in tested:
            complain(requirement["path"], requirement["line"],
                     f"{requirement['id']}: mandatory, and no test names it")


def c_string(text):
    """A C literal: octal, unlike hexadecimal, escapes end by themselves."""
    out = []
    for byte in " ".join(text.split()).encode():
        char = chr(byte)
        if char in '"\\?':
            out.append("\\" + char)
        elif 0x20 <= byte < 0x7F:
            out.append(char)
        else:
            out.append(f"\\{byte:03o}")
    return '"' + "".join(out) + '"'


def write_table(file, requirements):
    file.write("/* Made by conformance/gen_requirements.py: edit the TOML. */\n"
               '#include <stddef.h>\n\n#include "requirement.h"\n\n'
               "const struct requirement requirements[] = {\n")
    for requirement in requirements:
        file.write("\t{\n"
                   f"\t\t.id = {c_string(requirement['id'])},\n"
                   f"\t\t.chapter = {c_string(requirement['id'].split('-')[0])},\n"
                   f"\t\t.title = {c_string(requirement['title'])},\n"
                   f"\t\t.class = {CLASSES[requirement['class']]},\n"
                   f"\t\t.stake = {c_string(requirement['stake'])},\n"
                   f"\t\t.waivable = {'true' if requirement['waivable'] else 'false'},\n"
                   f"\t\t.text = {c_string(requirement['text'])},\n"
                   f"\t\t.source = {c_string(requirement['source'])},\n"
                   "\t},\n")
    file.write("\t{ .id = NULL },\n};\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", metavar="OUT.c", required=True, dest="out")
    parser.add_argument("files", nargs="+", metavar="REQ.toml... -- TEST.c...")
    # argparse drops the "--" that separates the two lists.
    argv = sys.argv[1:]
    split = argv.index("--") if "--" in argv else len(argv)
    args = parser.parse_args(argv[:split])

    found = [r for path in args.files for r in read_requirements(path)]
    found = [r for r in found if check_requirement(r)]
    check_order(found)
    check_tests(found, [t for path in argv[split + 1:] for t in read_tests(path)])
    if problems:
        print(*problems, sep="\n", file=sys.stderr)
        return 1

    found.sort(key=lambda r: (CHAPTERS.index(r["id"].split("-")[0]), r["id"]))
    with open(args.out, "w", encoding="ascii") as file:
        write_table(file, found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
