# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
A submission to KernelCI's kcidb, schema 5.3 (schemas/kcidb.schema.json): one checkout and one
build of the kernel that was tested, or a reference to those that the CI has submitted; a test
for the whole run, for each requirement in each format, and for each number that was measured.

kcidb's words, and what they are said of here:
FAIL   the tested code is faulty: FAIL, also a waived one, and XFAIL, which is known: a kcidb
       issue for its deviation, and an incident
ERROR  the test did not come to its end: CRASH, HANG
MISS   the test was not run: NOT_RUN
PASS   PASS, and XPASS, with an incident that says that the deviation's issue is absent
DONE   what judges nothing: a number, or an informative requirement that does not hold
SKIP   SKIP, NOT_CAPABLE
"""

import hashlib
import json
import re
from urllib.parse import quote

from export_source import Names, plain, slug
from model import UsageError

VERSION = {"major": 5, "minor": 3}
# In kcidb's order: what several amount to is the first.
STATUSES = ["FAIL", "ERROR", "MISS", "PASS", "DONE", "SKIP"]
STATUS_OF = {"FAIL": "FAIL", "WAIVED": "FAIL", "XFAIL": "FAIL", "CRASH": "ERROR", "HANG": "ERROR",
             "NOT_RUN": "MISS", "PASS": "PASS", "XPASS": "PASS", "OBSERVED": "DONE",
             "SKIP": "SKIP", "NOT_CAPABLE": "SKIP"}
OF_THE_RUN = {"PASSED": "PASS", "FAILED": "FAIL", "NONE": "SKIP"}
EXCERPT = 16384 // 4  # characters, so that kcidb's limit holds in bytes, too
LOGS = ["console.txt", "results.json", "results.ktap", "junit.xml", "bench.json", "bench.txt",
        "index.html"]

URL = re.compile(r"https?://[^\s/?#\x00-\x20\x7f]+[^\s\x00-\x20\x7f]*", re.ASCII)
PATTERNS = {
    "origin": (re.compile(r"[a-z0-9_]+"), "the name by which KernelCI knows your CI, of a-z, "
               "0-9 and _"),
    "git_url": (re.compile(r"https://\S+", re.ASCII), "the https:// address of a repository"),
    "git_commit": (re.compile(r"[0-9a-f]{40}"), "the 40 digits of a commit"),
    "url": (URL, "an address, http:// or https://"),
    "config_url": (URL, "an address, http:// or https://"),
    "build_id": (re.compile(r"[a-z0-9_]+:\S+"), "an id in kcidb, ORIGIN:NAME"),
}


def check(options):
    """UsageError for an option that kcidb would refuse."""
    for name, (pattern, what) in PATTERNS.items():
        value = getattr(options, name)
        if value is not None and not pattern.fullmatch(value):
            raise UsageError(f"--{name.replace('_', '-')} wants {what}, not {value!r}")
    ours = ("tree", "git_url", "git_commit", "config_url")
    if options.build_id and any(getattr(options, name) for name in ours):
        raise UsageError("--build-id names a build that is in kcidb already, so --tree, --git-url, "
                         "--git-commit and --config-url have no meaning beside it")


def given(**values):
    """kcidb has no null: what is not known is not there."""
    return {k: v for k, v in values.items() if v not in (None, "", [], {})}


class Submission:
    def __init__(self, source, options):
        self.source, self.options = source, options
        self.names = Names()
        self.tests, self.issues, self.incidents = [], {}, []
        data = source.data
        context = source.bench.context if source.bench else {}
        self.release = data["host"]["release"] if data else context["kernel"]
        self.machine = data["host"]["machine"] if data else context.get("machine", "")
        self.target = data["target"]["name"] if data else context["target"]
        self.started = data["started"] if data else context["date"]
        self.host = plain(data["host"]["name"] if data else context.get("host_name", ""))

    def id(self, name):
        return f"{self.options.origin}:{name}"

    def link(self, path):
        """Where the CI has put a file of the folder; None if it did not say."""
        if self.options.url is None:
            return None
        return f"{self.options.url.rstrip('/')}/{quote(path)}"

    # ---- what was tested ----

    def checkout_and_build(self):
        o = self.options
        data = self.source.data
        told = [o.git_url or "", o.git_commit or "", o.config_url or "", self.release,
                data["host"]["version"] if data else "", self.machine, self.target,
                data["tool"]["version"] if data else ""]
        of_both = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]
        known = self.target in ("linux", "vfio")
        comment = f"Linux {self.release}" if known else \
            f"iodirty's target {self.target} on Linux {self.release}: a model, not that kernel"
        checkout = given(
            id=self.id(f"iodirty-{of_both}"), origin=o.origin, tree_name=plain(o.tree or ""),
            git_repository_url=o.git_url, git_commit_hash=o.git_commit, comment=plain(comment),
            valid=True)
        if o.git_commit:
            checkout["patchset_hash"] = ""  # the commit as it is
        build = given(
            id=self.id(f"iodirty-{of_both}-build"), checkout_id=checkout["id"], origin=o.origin,
            architecture=re.sub("[^a-z0-9_]", "_", self.machine.lower()), config_url=o.config_url,
            status="PASS", comment=plain(data["host"]["version"]) if data else "")
        return checkout, build

    # ---- tests ----

    def test(self, words, **more):
        """Of path iodirty.@words."""
        path = ".".join(map(slug, ["iodirty", *words]))
        made = given(id=self.id(self.names.of(self.source.run, *words)), origin=self.options.origin,
                     build_id=self.build, path=path, start_time=self.started, **more)
        self.tests.append(made)
        return made

    def whole(self):
        """The run as one test: the root of the others."""
        data = self.source.data
        files = [f for f in self.source.files if f.rpartition("/")[2] in LOGS]
        log = next((f for f in files if f.endswith("console.txt")), None)
        misc = given(run=self.source.run, target=self.target, verdict=self.source.verdict,
                     tool=data and data["tool"], command=data and data["command"],
                     seed=data and data["seed"], totals=data and dict(self.source.results.counts),
                     capabilities=data and data["target"]["capabilities"])
        said = self.source.statement["sentence"] if self.source.statement else \
            f"iodirty on {self.target}: {self.source.verdict}"
        self.test(
            [], status=OF_THE_RUN[self.source.verdict], comment=plain(said),
            duration=data and data["seconds"],
            environment=given(comment=self.host, misc=data and printable(data["host"])),
            log_url=log and self.link(log), misc=printable(misc),
            output_files=[{"name": slug(f.rpartition("/")[0]) + "-" + f.rpartition("/")[2]
                           if "/" in f else f, "url": self.link(f)}
                          for f in files if f != log and self.link(f)])

    def row(self, row):
        requirement = row.requirement
        states = {STATUS_OF[c["state"]] for c in row.cases}
        told = [f"{c['state']} {c['test']} {c['config']}: {c['message']}\n{c['notes']}".strip()
                for c in row.told()]
        made = self.test(
            row.words, status=min(states, key=STATUSES.index), comment=plain(requirement.title),
            duration=sum(c["seconds"] for c in row.cases),
            environment=given(comment=self.host),
            log_excerpt=plain("\n".join(told))[:EXCERPT],
            misc=given(chapter=requirement.chapter, stake=requirement.stake, cases=row.counts,
                       flakes=[f"{c['test']} {c['config']}: {' then '.join(c['verdicts'])}"
                               for c in row.cases if "verdicts" in c],
                       **{"class": requirement.cls}))
        for deviation, present in sorted({(c["deviation"], c["state"] == "XFAIL")
                                          for c in row.cases if c["deviation"]
                                          and c["state"] in ("XFAIL", "XPASS")}):
            self.incident(made["id"], deviation, present)
        for case in row.cases:
            for measure in case["measures"]:
                self.number(row.words + [case["test"], measure["name"]], measure["value"],
                            measure["unit"])

    def number(self, words, value, unit):
        if value is not None:
            self.test(words, status="DONE", environment=given(comment=self.host),
                      number={"value": value, **given(unit=plain(unit))})

    def incident(self, test, deviation, present):
        issue = self.id(f"iodirty-{slug(deviation)}")
        self.issues[issue] = {
            "id": issue, "version": 1, "origin": self.options.origin,
            "report_subject": plain(f"iodirty's deviation {deviation}"),
            "culprit": {"code": True, "tool": False, "harness": False},
            "comment": "See `iodirty list deviations`."}
        self.incidents.append({
            "id": self.id(f"{test.partition(':')[2]}-{slug(deviation)}-{int(present)}"),
            "origin": self.options.origin, "issue_id": issue, "issue_version": 1,
            "test_id": test, "present": present})

    def measurement(self, row):
        words = ["bench", *row.name.split("/")]
        if row.error:
            self.test(words, status="FAIL", log_excerpt=plain(row.error)[:EXCERPT],
                      environment=given(comment=self.host))
        for name, value, unit in row.measures():
            self.number(words + [name], value, unit)

    def make(self):
        made = {"version": VERSION}
        if self.options.build_id:
            self.build = self.options.build_id
        else:
            checkout, build = self.checkout_and_build()
            self.build = build["id"]
            made.update(checkouts=[checkout], builds=[build])
        self.whole()
        for row in self.source.rows() if self.source.data else ():
            self.row(row)
        for row in self.source.bench.rows if self.source.bench else ():
            self.measurement(row)
        return dict(made, tests=self.tests, **given(issues=list(self.issues.values()),
                                                    incidents=self.incidents))


def printable(value):
    """plain() of every string in there."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, list):
        return [printable(v) for v in value]
    if isinstance(value, dict):
        return {plain(k): printable(v) for k, v in value.items()}
    return value


def write(source, options):
    """The text: JSON, a line an object, since there are thousands."""
    made = Submission(source, options).make()
    parts = []
    for name, value in made.items():
        text = json.dumps(value, ensure_ascii=False, allow_nan=False) if name == "version" else \
            "[\n" + ",\n".join(json.dumps(v, ensure_ascii=False, allow_nan=False)
                               for v in value) + "\n]"
        parts.append(f"{json.dumps(name)}: {text}")
    return "{\n" + ",\n".join(parts) + "\n}\n"
