# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
What of a benchmark, or of a report on workloads, is kept in a history: a run's "measures",
[name, metric, value, low or null, high or null, samples].

Ratios, each of a time over another of the same run, and counts, which are the same on every
machine. A time stands only beside its ratio: by itself it says as much about the machine.
"""

from model import Bench, ReportError, leaf_name

# What is said with another metric: bounds of it, or the same of medians or minima.
BESIDE = ("_median", "_p10", "_p90", "_least")
TIMES = {"x_floor": "ns_per_iopte", "x_harvest": "ms_per_gib", "x_64_calls": "ms_per_gib",
         "x_clean": "ms_per_gib", "x_disable_harvest": "disable_ms_per_gib",
         "x_map_tracked": "map_ns_per_leaf", "x_unmap_tracked": "unmap_ns_per_leaf",
         "x_read_then_unmap": "unmap_ns_per_leaf", "x_time_type1": "ms_per_gib_type1",
         "x_of_harvest": "hold_max_us", "x_faster": "ns_per_page"}
COUNTS = ("over_report", "over_flush", "entries_scanned_per_iopte", "entries_cleared",
          "invalidations", "waits", "pins", "pieces", "tables_passed", "walks_per_write",
          "pages_written", "pages_iommufd", "pages_type1", "ioptes_per_page")


def of_row(row):
    name = "/".join(Bench.parts(row))
    ratios = [k for k in row if k.startswith("x_") and not k.endswith(BESIDE)]
    times = {TIMES[k] for k in ratios if TIMES.get(k) in row}
    samples = int(row.get("samples", row["iterations"]))
    return [[name, metric, float(row[metric]), row.get(f"{metric}_p10"),
             row.get(f"{metric}_p90"), samples]
            for metric in [*ratios, *sorted(times), *(k for k in COUNTS if k in row)]]


def of_bench(data):
    """Of bench.json: rows that are no errors."""
    try:
        return [m for row in data["benchmarks"] if not row.get("error_occurred")
                for m in of_row(row)]
    except (TypeError, ValueError, OverflowError) as error:
        raise ReportError("bench.json: it has a counter that is no number") from error


def of_migration(how, workload, m):
    gigabits = f"{m['link_bits_per_second'] / 1e9:g}G"
    name = (f"{how}/{workload}/{m['tracker']}/{leaf_name(m['memory_bytes'])}/{gigabits}"
            f"/{m['harvest_ns_per_page']:g}ns")
    values = {"x_sent": m["sent_bytes"] / m["memory_bytes"],
              "downtime_ms": m["link_downtime_ns"] / 1e6, "total_ms": m["total_ns"] / 1e6,
              "rounds": m["rounds"]}
    if m["written_pages"]:
        values["over_report"] = m["reported_pages"] / m["written_pages"]
    return [[name, metric, float(value), None, None, 1] for metric, value in values.items()]


def of_workloads(data):
    """Of workload.json: migrations, each said to be predicted or performed."""
    named = {}
    for w in data["workloads"]:
        for m in w["predicted_by_link"] + w["predicted_by_guest"]:
            named.update({tuple(row[:2]): row for row in of_migration(
                "predicted", w["workload"], m)})
        for a in w["agreement"]:
            named.update({tuple(row[:2]): row for row in of_migration(
                "performed", w["workload"], a["measured"])})
    return list(named.values())
