# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Folders as `iodirty conform -o`, `bench -o` and `certify -o` leave them, whole enough for
their schemas."""

import json
from collections import Counter

import samples

VERDICTS = ["PASS", "FAIL", "SKIP", "XFAIL", "XPASS", "NOT_CAPABLE", "HANG", "CRASH", "NOT_RUN"]
# A line of what a terminal, a parser, Markdown, HTML and GitHub each would act on.
HOSTILE = ("50% | a<b>&`c` \x1b[31m\x00 \u202e [x](http://y) ::error::no\n"
           "::error file=a,line=1::injected\r\n<LAVA_SIGNAL_TESTCASE TEST_CASE_ID=x RESULT=pass>"
           "\n# heading\n| --- |\ud800")


def case(requirement="REPORT-001", test="some_test", config="amd-v1/4K", verdict="PASS", message="",
         **more):
    return samples.case(requirement, config, verdict, message, **{"test": test, **more})


def run(cases, number=0, outcome="failed", **more):
    counts = Counter(c["verdict"] for c in cases)
    totals = {v: counts[v] for v in VERDICTS}
    return {
        **samples.results(cases), "run": f"{number:032x}", "command": ["iodirty", "conform"],
        "target": {"name": "linux", "argument": None, "summary": "the kernel", "capabilities": []},
        "host": {"name": "vm", "system": "Linux", "release": "6.12.94", "version": "#1 SMP",
                 "machine": "x86_64", "cpu": "some", "cpus": 2, "memory_bytes": 1 << 30},
        "seed": "0x1", "started": "2026-11-29T05:00:00Z", "seconds": 2.5, "outcome": outcome,
        "exit_code": int(outcome != "passed"), "totals": totals, "table_totals": totals,
        "not_exercised": [], "formats": [], "table": [], **more}


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def conform(folder, cases, **more):
    write(folder / "results.json", run(cases, **more))
    (folder / "console.txt").write_text("words\n", encoding="ascii")
    return folder


def bench(folder, rows):
    data = samples.bench(rows)
    data["context"].update(date="2026-11-29T05:00:00+00:00", kernel="6.12.94", host_name="vm")
    write(folder / "bench.json", data)
    return folder


def package(folder, runs, flakes=(), excused=(), verdict="FAILED"):
    """Of a statement, what `iodirty export` reads."""
    for number, cases in enumerate(runs, 1):
        write(folder / f"logs/run-{number}/results.json", run(cases, number))
    write(folder / "statement.json", {
        "format": "iodirty-certificate", "format_version": 2, "verdict": verdict,
        "sentence": f"{verdict}: so it is.", "conformance": {"flakes": list(flakes)},
        "waivers": [{"excused": [list(k) for k in excused]}]})
    return folder
