# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Type1 against IOMMU tracking: the last that each line measured of either."""

from dashboard_series import plain

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
            for (line, name), (metrics, run) in sorted(found.items()) if PAGES.keys() <= set(metrics)]
