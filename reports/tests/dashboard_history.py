# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
A small history whose every turn is known by hand, for the tests of the dashboard.

Three lines run for 40 nights: ref and two kernels of linux, in turn on one machine. One more
is hostile: whatever it says is meant to do harm to a page.
"""

import hashlib
import json
from datetime import datetime, timedelta, timezone

from history_store import History

NIGHTS = 40
REF, OLD, NEW = ("ref", "6.1.0", "anvil"), ("linux", "6.12.94", "bench"), ("linux", "7.2.1",
                                                                           "bench")
LINES = [REF, OLD, NEW]
AMD, VTD = "harvest/amd-v1/4K/1G/1%/avx2", "harvest/vtd-ss/4K/1G/1%/avx2"
TYPE1 = "type1/amd-v1/4K/1%"
CELLS = [("ABI-001", "-"), *((r, f) for r in ("CLEAR-001", "LEAF-001", "LEAF-002", "REPORT-001")
                             for f in ("amd-v1", "vtd-ss"))]
HARM = "<img src=x onerror=\"document.title='harm'\"></script><script>document.title='harm'" \
       "</script> & \u2028 \u202e ' \" ${x} `"
LONG = "long" * 150  # a word without a place to break
TEXTS = [
    {"id": "ABI-001", "class": "mandatory", "stake": "interface", "title": "Numbers"},
    {"id": "CLEAR-001", "class": "mandatory", "stake": "data-loss", "title": "Reported once"},
    {"id": "LEAF-001", "class": "if-supported", "stake": "interface", "title": "A leaf"},
    {"id": "LEAF-002", "class": "informative", "stake": "interface", "title": "To know " + HARM},
    {"id": "REPORT-001", "class": "mandatory", "stake": "data-loss", "title": "Is reported"},
]


def run_id(line, night, kind):
    return hashlib.md5(f"{line} {night} {kind}".encode()).hexdigest()


def commit(night):
    return hashlib.sha1(f"commit {night}".encode()).hexdigest()


def started(night, line, kind):
    hours = LINES.index(line) * 2 + (kind == "bench")
    when = datetime(2026, 1, 1, 1, tzinfo=timezone.utc) + timedelta(days=night, hours=hours)
    return f"{when:%Y-%m-%dT%H:%M:%SZ}"


def verdict(line, night, requirement, fmt):
    """What was planted."""
    if (requirement, fmt) == ("REPORT-001", "amd-v1") and line == OLD and night >= 30:
        return "FAIL"
    if requirement == "LEAF-001" and line == REF and 10 <= night < 13:
        return "CRASH"
    if (requirement, fmt) == ("CLEAR-001", "vtd-ss") and line == NEW and night == 20:
        return "FAIL"
    if requirement == "LEAF-002" and line == OLD and night >= 25:
        return "FAIL"
    if requirement == "ABI-001" and line == REF and night < 15:
        return "SKIP"
    return "PASS"


def record(line, night, kind):
    target, kernel, host = line
    return {"id": run_id(line, night, kind), "kind": kind,
            "started": started(night, line, kind), "target": target, "argument": None,
            "kernel": kernel, "machine": "x86_64", "cpu": "A processor", "host": host,
            "iodirty": "0.1.0", "commit": commit(night), "clean": True, "subject": kernel,
            "url": f"https://ci.example/{night}", "verdict": "PASSED", "totals": {},
            "outcomes": [], "failures": [], "measures": []}


def conform(line, night):
    made = record(line, night, "conform")
    for requirement, fmt in CELLS:
        was = verdict(line, night, requirement, fmt)
        made["outcomes"].append([requirement, fmt, was])
        made["totals"][was] = made["totals"].get(was, 0) + 1
        if was in ("FAIL", "CRASH"):
            config = fmt if fmt == "-" else f"{fmt}/4K"
            made["failures"].append([requirement, config, "a_test", was,
                                     f"{requirement} of night {night}"])
            if requirement != "LEAF-002":  # which is informative
                made["verdict"] = "FAILED"
    return made


def noise(night, salt):
    """Within 1 %, and no pattern that matters."""
    return 1 + ((night * 7 + salt * 3) % 11 - 5) / 500


def bench(line, night):
    made = record(line, night, "bench")
    for salt, name in enumerate((AMD, VTD)):
        value = 2.0 * noise(night, salt)
        if name == AMD and line == REF and night >= 25:
            value *= 1.2
        made["measures"] += [[name, "x_floor", value, value * 0.99, value * 1.01, 11],
                             [name, "ns_per_iopte", value * 0.2, None, None, 11]]
    made["measures"] += [[TYPE1, metric, value, None, None, 3] for metric, value in (
        ("pages_written", 2621), ("pages_iommufd", 2700), ("pages_type1", 262144),
        ("x_bytes_type1", 262144 / 2700))]
    made["measures"] += [[f"performed/nic/{tracker}/1G/10G/0.2ns", metric, value, None, None, 1]
                         for tracker, sent in (("type1", 11), ("4K", 1.5))
                         for metric, value in (("x_sent", sent), ("rounds", sent))]
    return made


def hostile():
    made, fmt = conform(REF, 39), "fmt" + HARM.replace("/", "")
    made.update(id="e" * 32, target="ref" + HARM, argument=HARM, kernel="9.9" + HARM,
                cpu=HARM + LONG, host="host" + HARM, machine=HARM, iodirty=HARM, commit=HARM,
                subject=LONG + HARM,
                url="javascript:document.title='harm'", kind="package", verdict="FAILED",
                outcomes=[["X-001" + HARM, fmt, "FAIL"]], totals={"FAIL": 1},
                failures=[["X-001" + HARM, fmt + "/4K", HARM + LONG, "FAIL", HARM]],
                measures=[["harvest/" + HARM + LONG, "x_floor", 1.5, None, None, 1],
                          ["harvest/" + HARM, "x_floor", float("inf"), None, None, 1]])
    return made


def records():
    return [make(line, night) for night in range(NIGHTS) for line in LINES
            for make in (conform, bench)]


def write(path, more=()):
    """Make it at @path."""
    history = History.open(path, create=True, say=lambda text: None)
    history.add_many([*records(), *more])
    return history


def fake_program(path):
    """An iodirty that lists the requirements."""
    listing = path.with_suffix(".json")
    listing.write_text(json.dumps(TEXTS), encoding="utf-8")
    path.write_text(f"#!/bin/sh\nexec cat '{listing}'\n", encoding="utf-8")
    path.chmod(0o755)
    return path
