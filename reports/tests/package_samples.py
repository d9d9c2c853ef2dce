# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
Small certification packages of real runs, and what a forger would make of them.

recorded_runs/ has two runs of seven requirements on one format, as `iodirty conform -t ref -f
vtd-ss -r ...` wrote them, but for the command, which is a certification's, and the names of
machine and kernel; a benchmark of one cell; lists/, what a version of iodirty that has no more
than these would demand; and verdicts/, a run of iodirty-meta, which has every verdict and
text that is meant to confuse.
"""

import copy
import json
import shutil
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]
sys.dont_write_bytecode = True

import judge  # noqa: E402
import package  # noqa: E402
import page  # noqa: E402
import verify_views  # noqa: E402

RECORDED = HERE / "recorded_runs"
LISTS = RECORDED / "lists"
FACTS = {"id": "c" * 32, "created": "2026-11-29T12:00:00Z", "target": "ref",
         "exit_statuses": [0, 0], "benchmark": {"exit_status": 0, "mode": "quick"},
         "workloads": None, "via": "",
         "tool": {"version": "0.1.0", "git_commit": "", "git_clean": None}}
SYSTEM = {"os": "Debian", "kernel": "Linux 6.12.94", "kernel_version": "#1", "machine": "x86_64",
          "kernel_command_line": "quiet", "cpu_model": "AMD EPYC", "cpus": 2, "microcode": "0x1",
          "cpu_flags": ["avx2"], "memory": "24684092 kB", "compiler": "gcc", "iommus": [],
          "cpu_ids": {}, "firmware": {}, "board": {}, "pci": [], "iommu_groups": [], "files": {},
          "unreadable": {"system/dmesg.txt": "it may not be read"}}
FORM = """vendor = "Example Computers, Inc."
product = "Rack Server 1000"
[iommu]
vendor = "Example Silicon"
model = "SMMUv3.2"
[firmware]
version = "1.4.2"
[kernel]
release = "6.12.94"
"""
WAIVER = """[[waiver]]
requirement = "ABI-001"
reason = "fixed in the next release"
expires = 2027-01-31
"""
FAILED_CASE = "ABI-001", "struct_too_short", "-"  # of a requirement that may be waived


def load(path):
    return json.loads(path.read_text(encoding="utf-8"))


def dump(path, value):
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def edit(path, change):
    """@change(value) of a file of JSON, in its place."""
    value = load(path)
    change(value)
    dump(path, value)


def the_case(results, key=FAILED_CASE):
    return next(c for c in results["cases"] if (c["requirement"], c["test"], c["config"]) == key)


def fail(results, key=FAILED_CASE):
    the_case(results, key).update(verdict="FAIL", message="expected EINVAL, seen 0")


# ---- writing a run as a forger who knows all of the formats ----

def settle(results):
    """What follows from the cases, made to."""
    outcome, code = verify_views.outcome_of(results)
    table = verify_views.table_of(results)
    results.update(
        outcome=outcome, exit_code=code, not_exercised=verify_views.not_exercised(results),
        totals=verify_views.tally(c["verdict"] for c in results["cases"]),
        table_totals=verify_views.tally(table.values()),
        table=[{"requirement": r, "config": c, "verdict": v} for (r, c), v in table.items()])


def time_of(cases):
    return f"{sum(c['seconds'] for c in cases):.3f}"


def junit(folder, results):
    """junit.xml of the same cases, taken from the one that is there, and of the same run."""
    from xml.etree import ElementTree
    tree = ElementTree.parse(folder / "junit.xml")
    root = tree.getroot()
    classes = verify_views.classes(results)
    for suite in list(root):
        mine = [c for c in results["cases"]
                if c["requirement"].rpartition("-")[0] == suite.get("name")]
        if not mine:
            root.remove(suite)
            continue
        for element in suite.findall("testcase"):
            suite.remove(element)
        for case in mine:
            element = ElementTree.SubElement(
                suite, "testcase", classname=case["requirement"],
                name=f"{case['test']} {case['config']}", time=f"{case['seconds']:.3f}")
            kind, type_ = verify_views.element_of(case, classes[case["requirement"]])
            if kind:
                child = ElementTree.SubElement(element, kind, message=case["message"])
                child.text = case["message"]
                if type_:
                    child.set("type", type_)
        suite.attrib.update(verify_views.counts_of(results, mine), time=time_of(mine))
        for p in suite.iter("property"):
            p.set("value", {"run": results["run"], "seed": results["seed"]}.get(
                p.get("name"), p.get("value")))
    counts = verify_views.counts_of(results, results["cases"])
    del counts["skipped"]
    root.attrib.update(counts, time=time_of(results["cases"]))
    tree.write(folder / "junit.xml", encoding="UTF-8", xml_declaration=True)


def rewrite(folder, change):
    """@change(results) of a run, and all of its views made to say the same."""
    results = load(folder / "results.json")
    change(results)
    settle(results)
    dump(folder / "results.json", results)
    (folder / "results.ktap").write_text("\n".join(verify_views.ktap_of(results)) + "\n",
                                         encoding="utf-8")
    junit(folder, results)
    console = (folder / "console.txt").read_text(encoding="utf-8").split("\n")
    console[-2] = verify_views.closing_line(results)
    (folder / "console.txt").write_text("\n".join(console), encoding="utf-8")


def restate(folder, **facts):
    """Statement and report of the logs that are there."""
    before = load(folder / "statement.json") if (folder / "statement.json").is_file() else None
    known = judge.facts_of(before) if before else FACTS
    dump(folder / "statement.json", judge.judge(folder, {**known, **facts}))
    (folder / "index.html").write_text(page.render(folder), encoding="utf-8")


def seal(folder):
    """The manifest of what is there."""
    (folder / package.SIGNATURE).unlink(missing_ok=True)
    package.write_manifest(folder)


# ---- packages ----

def make(folder, change=None, form=None, waivers=None, **facts):
    """A sound package in @folder, which is not there. @change(results): of each run."""
    for n in 1, 2:
        shutil.copytree(RECORDED / f"run-{n}", folder / f"logs/run-{n}")
        if change:
            rewrite(folder / f"logs/run-{n}", change)
    shutil.copy(RECORDED / "requirements.json", folder / "logs")
    shutil.copy(RECORDED / "bench.json", folder / "logs")
    dump(folder / "system.json", copy.deepcopy(SYSTEM))
    for name, text in (("form.toml", form), ("waivers.toml", waivers)):
        if text is not None:
            (folder / name).write_text(text, encoding="utf-8")
    if change:
        facts.setdefault("exit_statuses", [1, 1])
    restate(folder, **facts)
    seal(folder)
    return folder
