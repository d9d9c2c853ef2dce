# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Type1 against IOMMU tracking: the last that each line measured of either."""

from dashboard_series import MIGRATIONS, plain
from model import leaf_bytes

PAGES = {"pages_written": "written", "pages_iommufd": "iommufd", "pages_type1": "type1"}


def last_values(lines, series):
    """(line, name) -> {metric: value}, and its run: of the last run that measured the name."""
    found = {}
    for s in series:
        last = {lines.runs[i]["line"]: n for n, i in enumerate(s.run.tolist())}
        for line, n in last.items():
            run = int(s.run[n])
            if found.get((line, s.name), ({}, -1))[1] < run:
                found[line, s.name] = {}, run
            if found[line, s.name][1] == run:
                found[line, s.name][0][s.metric] = plain(s.value[n].item())
    return found


def row(lines, line, name, run):
    run, line = lines.runs[run], lines.all[line]
    return {"name": name, "run": run["id"], "time": run["time"], "target": line.target,
            "kernel": line.kernel, "machine": line.machine}


def bench(lines, series):
    """Cells of the benchmark's set type1."""
    found = last_values(lines, [s for s in series if s.set == "type1"])
    return [{**row(lines, line, name, run), "formats": [name.split("/")[1]],
             **{word: metrics[metric] for metric, word in PAGES.items()}}
            for (line, name), (metrics, run) in sorted(found.items())
            if PAGES.keys() <= metrics.keys()]


def migrations(lines, series):
    """Those of iodirty report: names are KIND/WORKLOAD/TRACKER/MEMORY/LINK/HARVEST."""
    found = last_values(lines, [s for s in series if s.set in MIGRATIONS
                                and s.name.count("/") >= 5])
    rows = []
    for (line, name), (metrics, run) in sorted(found.items()):
        kind, *workload = name.split("/")[:-4]
        tracker, memory, link, _ = name.split("/")[-4:]
        bytes_of = leaf_bytes(memory)
        if "x_sent" in metrics and bytes_of:
            rows.append({**row(lines, line, "/".join(workload), run), "formats": [],
                         "case": f"{kind}: {memory} of memory, a link of {link}bit/s",
                         "tracker": tracker, "sent": metrics["x_sent"] * bytes_of,
                         "others": [[metric.removeprefix("x_"), value] for metric, value
                                    in sorted(metrics.items())]})
    return rows
