# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""JUnit, kcidb, GitHub's commands and Markdown, and our JSON, read by what is not ours."""

import datetime
import json
import re
import shutil
import subprocess
import unicodedata
import xml.etree.ElementTree
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import jsonschema

from outcome import Skip, check, equal, rows, tally, word

TOP = Path(__file__).resolve().parents[2]
SCHEMAS = TOP / "reports/schemas"


def schema(name):
    return json.loads((SCHEMAS / name).read_text(encoding="utf-8"))


def by_schema(value, name):
    """python3-jsonschema judges."""
    rules = schema(name)
    judge = jsonschema.validators.validator_for(rules)
    judge.check_schema(rules)
    error = jsonschema.exceptions.best_match(judge(rules, format_checker=FORMATS)
                                             .iter_errors(value))
    check(not error, error and f"{error.json_path}: {error.message[:300]}")
    return name


FORMATS = jsonschema.FormatChecker(formats=())


@FORMATS.checks("uri")
def is_uri(text):
    parts = urlsplit(text) if isinstance(text, str) else None
    return parts is None or bool(parts.scheme and parts.netloc and not re.search(r"\s", text))


@FORMATS.checks("date-time", raises=ValueError)
def is_time(text):
    return not isinstance(text, str) or \
        datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).tzinfo is not None


# ---- JUnit ----

JUNIT = {"PASS": "passed", "FAIL": "failures", "XPASS": "failures", "CRASH": "errors",
         "HANG": "errors", "NOT_RUN": "errors", "SKIP": "skipped", "NOT_CAPABLE": "skipped",
         "XFAIL": "skipped", "INFORMATIVE": "skipped"}


def junit_schema(path):
    if not shutil.which("xmllint"):
        raise Skip("xmllint is not there: Debian's libxml2-utils")
    done = subprocess.run(["xmllint", "--noout", "--nonet", "--schema", SCHEMAS / "junit.xsd",
                           path], capture_output=True, text=True, check=False)
    check(done.returncode == 0, done.stderr.strip()[:500])
    return "xmllint"


def junit_parser(path, results):
    try:
        import junitparser
    except ImportError as error:
        raise Skip(f"{error}: Debian's python3-junitparser") from error
    suites = list(junitparser.JUnitXml.fromfile(str(path)))
    seen = Counter(suite.name for suite in suites)
    equal(set(seen), {c["requirement"].rpartition("-")[0] for c in results["cases"]}, "suites")
    kinds = Counter()
    for case in (c for suite in suites for c in suite):
        ended = [type(r).__name__ for r in case.result]
        check(len(ended) < 2, f"{case.name} has several results")
        kinds[{"Failure": "failures", "Error": "errors", "Skipped": "skipped"}[ended[0]]
              if ended else "passed"] += 1
    equal(kinds, tally(results, JUNIT), "cases as it reads them")
    for what in "failures", "errors", "skipped":
        equal(sum(getattr(suite, what) for suite in suites), kinds[what], f"{what} as we count")
    return f"{sum(kinds.values())} cases"


# ---- kcidb ----

KCIDB = {"PASS": "PASS", "XPASS": "PASS", "FAIL": "FAIL", "XFAIL": "FAIL", "CRASH": "ERROR",
         "HANG": "ERROR", "NOT_RUN": "MISS", "INFORMATIVE": "DONE", "SKIP": "SKIP",
         "NOT_CAPABLE": "SKIP"}
PRIORITY = ["FAIL", "ERROR", "MISS", "PASS", "DONE", "SKIP"]  # kcidb's


def kcidb_references(value):
    """What its database would find dangling, or twice."""
    ids = {kind: [o["id"] for o in value.get(kind, ())]
           for kind in ("checkouts", "builds", "tests", "issues", "incidents")}
    for kind, names in ids.items():
        equal(len(set(names)), len(names), f"different ids of {kind}")
    for kind, field, of in (("builds", "checkout_id", "checkouts"), ("tests", "build_id", "builds"),
                            ("incidents", "issue_id", "issues"), ("incidents", "test_id", "tests")):
        for one in value.get(kind, ()):
            check(one[field] in ids[of], f"{one['id']}: {field} names nothing")


def kcidb(value, results):
    by_schema(value, "kcidb.schema.json")
    kcidb_references(value)
    whole, *rest = value["tests"]
    equal(whole["path"], "iodirty", "path of the run")
    equal(whole["status"], {"passed": "PASS", "nothing-ran": "SKIP"}.get(results["outcome"],
                                                                         "FAIL"), "the run")
    seen = Counter((t["path"].split(".")[1], t["status"]) for t in rest if "number" not in t)
    expected = Counter((requirement, min((KCIDB[w] for w in words), key=PRIORITY.index))
                       for (requirement, _), words in rows(results).items())
    equal(seen, expected, "statuses")
    deviating = {(c["requirement"], c["deviation"], c["verdict"] == "XFAIL")
                 for c in results["cases"]
                 if c["verdict"] in ("XFAIL", "XPASS") and c["deviation"]}
    paths = {t["id"]: t["path"].split(".")[1] for t in value["tests"][1:]}
    equal({(paths[i["test_id"]], i["issue_id"].partition(":iodirty-")[2], i["present"])
           for i in value.get("incidents", ())}, deviating, "incidents")
    equal(sorted(t["number"]["value"] for t in rest if "number" in t),
          sorted(m["value"] for c in results["cases"] for m in c["measures"]
                 if m["value"] is not None), "numbers")
    return f"{len(value['tests'])} tests"


def kcidb_itself(value):
    try:
        import kcidb_io
    except ImportError as error:
        raise Skip("kcidb_io is not installed: only our copy of its schema has judged") from error
    kcidb_io.schema.LATEST.validate(value)
    return f"kcidb_io {kcidb_io.schema.LATEST.major}.{kcidb_io.schema.LATEST.minor}"


# ---- GitHub ----

def commands(text):
    """As GitHub documents workflow commands: (kind, parameters, message) of each line."""
    found = []
    for line in text.splitlines():
        match = re.fullmatch(r"::(error|warning|notice) ([^:]*)::(.*)", line)
        check(match, f"no workflow command: {line[:200]!r}")
        parameters = dict(item.split("=", 1) for item in match[2].split(","))
        found.append((match[1], {k: unescaped(v, {"3A": ":", "2C": ","})
                                 for k, v in parameters.items()}, unescaped(match[3], {})))
    return found


def unescaped(text, more):
    table = {"25": "%", "0D": "\r", "0A": "\n", **more}
    check(not re.search(f"%(?!{'|'.join(table)})", text), f"a stray % in {text[:200]!r}")
    return re.sub("%(..)", lambda m: table[m[1]], text)


def shown(text):
    """What is left of a message: its lines, and nothing that acts on a terminal."""
    return "".join(c if c in "\n\t" or unicodedata.category(c) not in
                   {"Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"} else "\ufffd" for c in text)


GITHUB = {"FAIL": "error", "CRASH": "error", "HANG": "error", "XPASS": "warning",
          "NOT_RUN": "warning", "INFORMATIVE": "notice"}


def github(text, results):
    found = commands(text)
    kinds = Counter(kind for kind, _, _ in found)
    check(max(kinds.values(), default=0) <= 10, f"GitHub shows ten of a kind: {kinds}")
    wanted = {}
    for case in results["cases"]:
        kind = GITHUB.get(word(results, case))
        if kind:
            wanted.setdefault(kind, {}).setdefault(
                (case["requirement"], case["test"], case["verdict"]), case)
    equal(set(kinds), set(wanted), "kinds")
    for kind, cases in wanted.items():
        mine = [(p, m) for k, p, m in found if k == kind]
        equal(len(mine), min(10, len(cases)), f"{kind}s")
        rest = re.match(r"(\d+) more: ", mine[-1][1])
        equal(len(mine) - bool(rest) + int(rest[1] if rest else 0), len(cases), f"all {kind}s")
        for parameters, message in mine[:-1] if rest else mine:
            case = next((c for (r, test, verdict), c in cases.items()
                         if parameters["title"].startswith(f"{r}: ")
                         and re.match(rf"{verdict} {test}( in |\n)", message)), None)
            check(case, f"{kind} of nothing: {parameters} {message[:200]!r}")
            check(shown(case["message"])[:1500] in message, f"{case['test']}: message is lost")
            lines = (TOP / parameters["file"]).read_text(encoding="utf-8").splitlines()
            check(case["test"] in lines[int(parameters["line"]) - 1],
                  f"{parameters} is not where {case['test']} is")
    return f"{len(found)} annotations"


XMLNS = "{http://commonmark.org/xml/1.0}"


def cells(row):
    """The text of each cell; a <br> is the one piece of HTML."""
    for cell in row.iter(f"{XMLNS}table_cell"):
        parts = []
        for part in cell.iter():
            name = part.tag.removeprefix(XMLNS)
            check(name in ("table_cell", "text", "html_inline"), f"a cell has {name} in it")
            check(name != "html_inline" or part.text == "<br>", f"HTML in a cell: {part.text}")
            parts.append("\n" if name == "html_inline" else part.text or "")
        yield "".join(parts).strip()


def markdown(text, results):
    """GitHub's own reader of Markdown judges: cmark-gfm."""
    if not shutil.which("cmark-gfm"):
        raise Skip("cmark-gfm is not there: Debian's package of that name")
    check(len(text.encode()) <= 1 << 20, "more than GitHub takes")
    done = subprocess.run(["cmark-gfm", "-e", "table", "-e", "autolink", "-t", "xml"], input=text,
                          capture_output=True, text=True, check=True)
    root = xml.etree.ElementTree.fromstring(done.stdout)
    check({n.tag.removeprefix(XMLNS) for n in root} <=
          {"heading", "paragraph", "table"}, "more than headings, words and tables")
    seen = []
    for table in root.iter(f"{XMLNS}table"):
        lines = [list(cells(row)) for row in table]
        equal({len(line) for line in lines}, {len(lines[0])}, "cells in a row")
        if lines[0][-1] == "what was seen":
            seen += [(r, v, c, m[:100]) for r, _, v, c, m in lines[1:]]
    expected = [(c["requirement"], c["verdict"], f"{c['test']} {c['config']}",
                 shown(c["message"]).strip().replace("\t", " ")[:100].strip())
                for c in results["cases"] if c["verdict"] not in ("PASS", "SKIP", "NOT_CAPABLE")]
    equal(sorted(seen), sorted(expected), "cases in the tables")
    return f"{len(seen)} cases"
