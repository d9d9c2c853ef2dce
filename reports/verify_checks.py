# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
The checks of iodirty verify, each a function of a Package: it returns words for what is right,
or raises Found with a sentence for each thing that is wrong, or NotDone.

Nothing here is believed for being in the package: sums are taken again, what follows from the
cases is computed again, and so is the verdict. What cannot be seen this way is a package that
was forged as a whole, logs and all; against that there are signatures.
"""

import datetime
from dataclasses import dataclass
from pathlib import Path

import judge
import page
import package
import requirement_list
import signing
import verify_list
import verify_runs
import verify_views
from model import ReportError
from verify_parts import NotDone, Parts
from verify_read import Wrong, text, xml


class Found(Exception):
    """What is wrong, a sentence each: args."""


def refuse(words):
    """Found, if there are any."""
    words = list(words)
    if words:
        raise Found(*words)


def number(count, what):
    return f"{count:,} {what}{'' if count == 1 else 's'}"


@dataclass
class Package:
    """@lists: the folder of the lists of requirements."""

    copy: object
    allowed: Path = None
    signer: str = None
    at: datetime.date = None
    lists: Path = requirement_list.LISTS  # by version

    def __post_init__(self):
        self.parts = Parts(self.copy)
        self.root = self.copy.root
        self.signed_by = self.key = None

    def listed(self):
        """The list of the version that made it."""
        self.parts.need("statement")
        try:
            return requirement_list.load(self.parts.statement["tool"]["version"], self.lists)
        except ReportError as error:
            raise Found(str(error)) from error


# ---- whose files these are ----

def manifest(p):
    words = list(p.copy.refused)
    if not p.copy.sums:
        raise Found(*words)
    try:
        sums = package.parse_manifest(text(p.root / package.MANIFEST))
    except Wrong as error:
        raise Found(*words, f"{package.MANIFEST}: {error}") from error
    except ReportError as error:
        raise Found(*words, str(error)) from error
    seen = {n: s for n, s in p.copy.sums.items()
            if n not in (package.MANIFEST, package.SIGNATURE)}
    refused = {w.partition(": ")[0] for w in words}
    words += (f"{n}: it is in the manifest and not in the package" for n in sums
              if n not in seen and n not in refused)
    words += (f"{n}: it is not in the manifest: added after that was made" for n in seen
              if n not in sums)
    words += (f"{n}: not as the manifest says it is: changed after that was made" for n in seen
              if n in sums and seen[n] != sums[n])
    refuse(words)
    return f"{number(len(sums), 'file')}, each as the manifest says, and none besides"


def signature(p):
    asked = p.allowed is not None
    if package.SIGNATURE not in p.copy.sums:
        if asked:
            raise Found("it is not signed, and a signature was asked for")
        return "there is none: nobody vouches for who made the package"
    files = p.root / package.MANIFEST, p.root / package.SIGNATURE
    if package.MANIFEST not in p.copy.sums:
        raise NotDone(f"{package.MANIFEST} is missing, which it is of")
    try:
        if not asked:
            p.key = signing.fingerprint(*files)
            return (f"signed by key {p.key}, whom nobody vouched for: give --allowed-signers")
        p.signed_by, p.key = signing.verify(*files, p.allowed, p.signer, p.at)
    except signing.BadSignature as error:
        raise Found(f"{package.SIGNATURE}: {error}") from error
    return f"signed by {p.signed_by}, key {p.key}"


def layout(p):
    refuse(p.parts.misplaced())
    return f"the files of a package, with {number(len(p.parts.runs), 'run')}"


def schemas(p):
    refuse(p.parts.faults)
    return "each file that has a schema is as that says, with no field besides"


# ---- each run by itself ----

def of_each_run(p, check):
    """@check(folder of the run, its results) -> words; Found with those of all runs."""
    words = []
    for name, run in zip(p.parts.run_names, p.parts.runs):
        if run is not None:
            words += (f"{name}/{w}" for w in check(p.root / name, run))
    refuse(words)
    if None in p.parts.runs or not p.parts.runs:
        raise NotDone("the results.json of every run cannot be used")


def summary(p):
    of_each_run(p, lambda _, run: (f"results.json: {w}" for w in verify_views.check_summary(run)))
    return "totals, table and outcome of each run follow from its cases"


VIEWS = [("results.ktap", text, verify_views.check_ktap),
         ("junit.xml", xml, verify_views.check_junit),
         ("console.txt", text, verify_views.check_console)]


def views_of(folder, run):
    for name, read, check in VIEWS:
        try:
            yield from (f"{name}: {w}" for w in check(run, read(folder / name)))
        except Wrong as error:
            yield f"{name}: {error}"


def views(p):
    of_each_run(p, views_of)
    return "KTAP, JUnit and console of each run say what its results.json says"


def options(p):
    p.parts.need("statement")
    target = p.parts.statement["product"]["target"]
    of_each_run(p, lambda _, run: (f"results.json: {w}" for w in
                                   verify_runs.check_command(run, target)))
    return "each run was made with a certification's options"


def complete(p):
    listed = p.listed()
    words = []
    if p.parts.texts is not None:
        words += (f"logs/requirements.json: {w}" for w in
                  verify_list.check_texts(p.parts.texts, listed))

    def check(_, run):
        found = (verify_list.check_requirements(run["requirements"], listed)
                 + verify_list.check_formats(run, listed) + verify_list.check_cases(run, listed)
                 + verify_list.check_titles(run, p.parts.texts or []))
        return (f"results.json: {w}" for w in found)
    try:
        of_each_run(p, check)
    except Found as error:
        words += error.args
    refuse(words)
    p.parts.need("texts")
    return (f"{number(len(listed['requirements']), 'requirement')} of {listed['version']}, with "
            f"{number(len(p.parts.runs[0]['cases']), 'case')} a run, none missing, none besides")


# ---- the runs together ----

def runs(p):
    parts = p.parts
    parts.need("statement", "runs")
    first, statement = parts.runs[0], parts.statement
    words = [w for n, run in enumerate(parts.runs[1:], 2)
             for w in verify_runs.check_same(first, run, n)]
    words += verify_runs.check_ids(parts.runs, statement, parts.bench)
    words += verify_runs.check_times(parts.runs, statement)
    words += verify_runs.check_statement(parts.runs, statement)
    if parts.bench:
        words += verify_runs.check_bench(first, statement, parts.bench)
    if parts.system:
        words += verify_runs.check_machine(first, parts.system, parts.form)
    words += verify_runs.check_tool(p.root / "tool", statement["tool"])
    refuse(words)
    return (f"{number(len(parts.runs), 'run')} of one target on one machine, one after the other, "
            "as the statement says")


# ---- the verdict ----

def differences(said, seen, where=""):
    """Where the statement differs from what its logs come to, with both values."""
    if isinstance(said, dict) and isinstance(seen, dict):
        for key in {**said, **seen}:
            place = f"{where}.{key}".lstrip(".")
            if key not in said or key not in seen:
                there, by = ("says it", "not") if key in said else ("does not have it", "has it")
                yield f"{place}: the statement {there}, what the logs come to {by}"
            else:
                yield from differences(said[key], seen[key], place)
    elif isinstance(said, list) and isinstance(seen, list) and len(said) == len(seen):
        for n, (a, b) in enumerate(zip(said, seen)):
            yield from differences(a, b, f"{where}[{n}]")
    elif said != seen or isinstance(said, bool) != isinstance(seen, bool):
        yield f"{where}: the statement says {said!r}, the logs {seen!r}"


def harmless(compute, p):
    """What @compute() returns. It is given files of strangers, by their schemas at best, so
    whatever stops it is the package's fault and refuses the package."""
    try:
        return compute()
    except ReportError as error:
        raise Found(f"it cannot be judged: {p.parts.plain(error)}") from error
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError,
            RecursionError) as error:
        raise Found(f"it cannot be judged: what a log has makes no sense "
                    f"({type(error).__name__}: {error})") from error


def verdict(p):
    p.parts.need("statement", "texts", "runs")
    said = p.parts.statement
    seen = harmless(lambda: judge.judge(p.root, judge.facts_of(said)), p)
    refuse(verify_views.few(f"statement.json: {w}" for w in differences(said, seen)))
    return "the statement is what the logs come to, word for word"


def report(p):
    p.parts.need("statement", "texts", "runs", "system")
    made = harmless(lambda: page.render(p.root), p)
    try:
        seen = text(p.root / "index.html")
    except Wrong as error:
        raise Found(f"index.html: {error}") from error
    if seen != made:
        lines = zip(seen.split("\n"), made.split("\n"))
        at = next((n for n, (a, b) in enumerate(lines, 1) if a != b), "its end")
        raise Found("index.html: it is not the report of this package: what iodirty makes of its "
                    f"files differs, from line {at} on")
    return "index.html is what iodirty makes of these logs and plots, byte for byte"


CHECKS = [manifest, signature, layout, schemas, summary, views, options, complete, runs, verdict,
          report]


def ended_waivers(p):
    """Of waivers that excused something on the day of the package, and are over now."""
    day = p.at or datetime.date.today()
    for w in p.parts.statement["waivers"]:
        if w["excused"] and day > datetime.date.fromisoformat(w["expires"]):
            yield (f"it was good when it was made; the waiver of {w['requirement']} ended on "
                   f"{w['expires']}")
