# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Small results, benchmarks and logs of packages, as the programs would write them."""

import json
import shutil

REQUIREMENTS = [
    {"id": "REPORT-001", "chapter": "REPORT", "title": "A write is reported",
     "class": "mandatory", "stake": "data-loss", "waivable": False},
    {"id": "LEAF-001", "chapter": "LEAF", "title": "A leaf is a leaf", "class": "if-supported",
     "stake": "interface", "waivable": True},
    {"id": "LEAF-002", "chapter": "LEAF", "title": "Worth knowing", "class": "informative",
     "stake": "interface", "waivable": True},
]
TEXTS = [dict(r, text="It must hold.\n", source="contract 1") for r in REQUIREMENTS]
NASTY = "<script>alert('x')</script> & \"quotes\" \u2028 \u202e ${style} ]]> é\x7f"


def case(requirement="REPORT-001", config="amd-v1/4K", verdict="PASS", message="", **more):
    return {"requirement": requirement, "test": "some_test", "config": config,
            "needs": [], "verdict": verdict, "message": message, "notes": "", "deviation": None,
            "seconds": 0.01, "measures": [], "file": "conformance/tests/report.c", "line": 12,
            **more}


VERDICTS = ["PASS", "FAIL", "SKIP", "XFAIL", "XPASS", "NOT_CAPABLE", "HANG", "CRASH", "NOT_RUN"]
CAPABILITIES = ["dma", "track"]


def results(cases, complete=True, requirements=None, run=1, capabilities=None, formats=None,
            **more):
    """As results.schema.json has it. @run: the number of the run in a package."""
    bad = any(c["verdict"] in ("FAIL", "CRASH", "HANG", "XPASS", "NOT_RUN") for c in cases)
    rows = dict.fromkeys((c["requirement"], c["config"], c["verdict"]) for c in cases)
    names = formats or dict.fromkeys(c["config"].split("/")[0] for c in cases
                                     if c["config"] != "-")
    return {
        "schema": "iodirty-results-2", "run": f"{run:032x}",
        "tool": {"name": "iodirty", "version": "0.1.0"}, "command": ["iodirty", "conform"],
        "target": {"name": "ref", "argument": None, "summary": "a stand-in",
                   "capabilities": CAPABILITIES if capabilities is None else capabilities},
        "host": {"name": "here", "system": "Linux", "release": "6.12.1", "version": "#1",
                 "machine": "x86_64", "cpu": "some", "cpus": 2, "memory_bytes": 1 << 30},
        "seed": f"0x{run:x}", "started": f"2026-01-01T00:00:{run:02}Z", "seconds": 1.5,
        "complete": complete, "outcome": "failed" if bad else "passed", "exit_code": int(bad),
        "totals": {v: sum(c["verdict"] == v for c in cases) for v in VERDICTS},
        "table_totals": {v: sum(r[2] == v for r in rows) for v in VERDICTS},
        "not_exercised": [],
        "formats": [{"name": name, "granule_lg2": 12, "leaf_sizes": "0x1000",
                     "aperture_first": "0x0", "aperture_last": "0xffff", "dirty": True}
                    for name in names],
        "requirements": REQUIREMENTS if requirements is None else requirements,
        "table": [dict(zip(("requirement", "config", "verdict"), r)) for r in rows],
        "cases": cases, **more}


def facts(statuses=(0,), bench=0, workloads=None, **more):
    """What no log of a package has."""
    return {"id": "a" * 32, "created": "2026-01-02T03:04:05Z", "target": "ref",
            "exit_statuses": list(statuses), "benchmark": {"exit_status": bench, "mode": "quick"},
            "workloads": workloads, "via": "",
            "tool": {"version": "0.1.0", "git_commit": "", "git_clean": None}, **more}


FORM = """
vendor = "Example Computers, Inc."
product = "Rack Server 1000"
iommu = { vendor = "Example Silicon", model = "SMMUv3.2" }
firmware = { version = "1.4.2" }
kernel = { release = "6.12.1" }
"""


def logs(folder, runs, measured=None, texts=None, **files):
    """What judge() reads, below @folder. @runs: results; @files: name_toml="...", in the folder;
    workloads="...", in the logs."""
    shutil.rmtree(folder / "logs", ignore_errors=True)
    (folder / "logs").mkdir()
    for n, run in enumerate(runs, 1):
        (folder / f"logs/run-{n}").mkdir()
        write(folder / f"logs/run-{n}/results.json", run)
    write(folder / "logs/requirements.json", TEXTS if texts is None else texts)
    if measured:
        write(folder / "logs/bench.json", measured)
    for name, text in files.items():
        path = "logs/workloads.txt" if name == "workloads" else name.replace("_", ".")
        (folder / path).write_text(text, encoding="utf-8")


def write(path, value):
    path.write_text(json.dumps(value), encoding="utf-8")


def row(fmt="amd-v1", leaf="4K", pattern="random", density=1.0, floor=True, error="",
        variant="avx2"):
    name = (f"harvest/{fmt}/{leaf}/256M/sequential/cold/{pattern}/{density:g}%/{variant}"
            "/iterations:3/manual_time")
    made = {"name": name, "run_name": name, "run_type": "iteration", "iterations": 3,
            "real_time": 5.0, "cpu_time": 6.0, "time_unit": "us"}
    if error:
        return dict(made, error_occurred=True, error_message=error)
    made.update({
        "ns_per_iopte": 0.5 + density / 20, "ns_per_iopte_median": 0.6 + density / 20,
        "ms_per_gib": 0.1, "missed": 0.0, "excess": 0.0, "entries": 65536.0,
        "leaf_bytes": 4096.0, "range_bytes": 2.0 ** 28, "page_bytes": 4096.0,
        "density_percent": density, "clustered": float(pattern == "clustered"),
        "over_report": 1.0, "x_entry": 1.4, "samples": 3.0, "harvest_threads": 1.0, "cold": 1.0,
        "shuffled": 0.0})
    if floor:
        made.update({"floor_ns_per_iopte": 0.25, "floor_ns_per_iopte_median": 0.26,
                     "x_floor": made["ns_per_iopte"] / 0.25, "x_floor_median": 2.2,
                     "table_order_ns_per_iopte": 0.26,
                     "x_table_order": made["ns_per_iopte"] / 0.26})
    return made


def workload():
    name = "workload/amd-v1/4K/nic/iterations:10/manual_time"
    return {"name": name, "run_name": name, "run_type": "iteration", "iterations": 10,
            "real_time": 5.0, "cpu_time": 6.0, "time_unit": "us", "missed": 0.0, "excess": 0.0,
            "ns_per_iopte": 1.5, "x_floor": 25.0, "over_report": 1.0, "density_percent": 1.0,
            "harvests": 10.0, "accesses": 46390.0, "device_writes": 32560.0,
            "pages_written": 6672.0, "ms_per_gib": 0.4, "longest_ms": 0.2}


def bench(rows):
    context = dict.fromkeys(["cpu_model", "kernel", "clock", "cache_state", "library_note"], "some")
    context.update(run="1" * 32, date="2026-01-01", num_cpus=2, library_build_type="debug",
                   mode="quick", iodirty_version="0.1.0", target="ref", formats="amd-v1")
    return {"context": context, "benchmarks": rows}


def full_bench():
    return bench([row(f, leaf, p, d, variant=v) for f in ("amd-v1", "vtd-ss")
                  for leaf in ("4K", "2M") for p in ("random", "clustered")
                  for d in (0.0, 1.0, 100.0) for v in ("avx2", "entry")])


def other(name, **counters):
    """A row of another set than the harvest's."""
    name += "/iterations:5/manual_time"
    return {"name": name, "run_name": name, "run_type": "iteration", "iterations": 5,
            "real_time": 5.0, "cpu_time": 6.0, "time_unit": "us", **counters}


def sets():
    """A few rows of other sets, and of one that nobody has heard of."""
    rows = [other(f"beside/linux/amd-v1/4K/{d}%{how}", x_faster=9.0, x_faster_p10=8.0,
                  x_faster_p90=9.5, ns_per_page=1.0, other_ns_per_page=9.0)
            for d in (0, 1) for how in ("", "/masked")]
    rows += [other(f"type1/amd-v1/4K/{d}%", ms_per_gib=0.2, ms_per_gib_type1=0.1,
                   pages_written=d * 10, pages_iommufd=d * 10, pages_type1=1000.0,
                   x_bytes_type1=100 / d, x_time_type1=0.5) for d in (0.1, 1)]
    return rows + [other("enable/amd-v1/4K", ms_per_gib=0.4, x_harvest=1.1),
                   other("later/amd-v1", what_is_new=7.0)]
