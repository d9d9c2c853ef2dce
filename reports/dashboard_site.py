# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
The files of the dashboard: a page, its scripts, and data that is asked for when it is shown.

Data is in scripts that call iodirty.data(NAME, VALUE), since a page from a disk may not read
files. All in them is ASCII; what the history has in text the page makes text nodes of.
"""

import json
from pathlib import Path
from string import Template

import dashboard_events as events
import dashboard_series
import dashboard_type1
from dashboard_series import plain
from dashboard_verdicts import verdict_table

TEMPLATES = Path(__file__).resolve().parent / "templates"
SCRIPTS = ["dashboard.js", "dashboard_chart.js", "dashboard_overview.js", "dashboard_matrix.js",
           "dashboard_series.js", "dashboard_runs.js", "dashboard_type1.js"]
CHUNK = 50  # runs in a file of details


def write_data(folder, name, value):
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    (folder / f"{name}.js").write_text(f"iodirty.data({json.dumps(name)},{text});\n",
                                       encoding="ascii")


class Numbers:
    """Words by number, for columns with few different ones."""

    def __init__(self):
        self.words = {}

    def of(self, word):
        return self.words.setdefault(word, len(self.words))


# ---- one file each ----

def heads(site):
    lines, verdicts, series = site.lines, site.verdicts, site.series
    happened = events.verdict_events(lines, verdicts)
    for name, more in events.series_events(lines, series).items():
        happened[name] = happened.get(name, []) + more
    for found in happened.values():
        found.sort(key=lambda e: -e["time"])
    return {
        "created": site.created, "verdicts": verdict_table(),
        "filters": {
            "target": sorted({line.target for line in lines.all}),
            "format": sorted({f for f in verdicts.formats if f != "-"}
                             | {s.format for s in series if s.format}),
            "kernel": sorted({line.kernel for line in lines.all}, key=version_key),
            "machine": sorted({line.machine for line in lines.all})},
        "counts": {"runs": len(lines.runs), "requirements": len(verdicts.requirements),
                   "series": sum(not dashboard_series.is_time(s.metric) for s in series)},
        "lines": [{"target": line.target, "kernel": line.kernel, "machine": line.machine,
                   "runs": len(line.runs), "tried": line.index in verdicts.by_line}
                  for line in lines.all],
        "latest": latest(lines),
        **{name: happened.get(name, []) for name in ("wrong", "better", "flakes", "coverage")}}


def version_key(kernel):
    """6.9 before 6.12; words after numbers."""
    return [(not part.isdigit(), int(part) if part.isdigit() else 0, part)
            for part in kernel.split(".")]


def latest(lines):
    """The last run of each line and kind."""
    found = []
    for line in lines.all:
        last = {lines.runs[i]["kind"]: lines.runs[i] for i in line.runs}
        found += [{"line": line.index, "id": run["id"], "kind": kind, "started": run["time"],
                   "verdict": run["verdict"], "commit": run["commit"], "bad": run["failed"]}
                  for kind, run in sorted(last.items())]
    return sorted(found, key=lambda f: -f["started"])


def runs_table(lines):
    """The heads of all runs, by columns."""
    commits, kernels, kinds, verdicts = (Numbers() for _ in range(4))
    runs = lines.runs
    return {
        "id": [r["id"] for r in runs], "started": [r["time"] for r in runs],
        "line": [r["line"] for r in runs], "bad": [r["failed"] for r in runs],
        "commit": [commits.of(r["commit"]) for r in runs], "commits": list(commits.words),
        "kernel": [kernels.of(r["kernel"]) for r in runs], "kernels": list(kernels.words),
        "kind": [kinds.of(r["kind"]) for r in runs], "kinds": list(kinds.words),
        "verdict": [verdicts.of(r["verdict"]) for r in runs], "verdicts": list(verdicts.words),
        "chunks": {"size": CHUNK}}


def matrix(lines, verdicts):
    """What each line showed last, and since when that is another verdict than before."""
    by_line = [None] * len(lines.all)
    for index, states in verdicts.by_line.items():
        changed = {cell: lines.runs[run]["time"]
                   for cell, run in events.last_changes(verdicts.changes[index]).items()}
        by_line[index] = {"state": verdicts.state_text(states.state), "changed": changed}
    texts = [(r, verdicts.text(r)) for r in verdicts.requirements]
    rows = [{"id": r, "chapter": r.rpartition("-")[0] or r, "title": t.get("title", ""),
             "class": t.get("class", ""), "stake": t.get("stake", "")} for r, t in texts]
    return {"formats": verdicts.formats, "requirements": rows, "lines": by_line,
            "chapters": sorted({r["chapter"] for r in rows}),
            "classes": sorted({r["class"] for r in rows if r["class"]})}


def line_file(verdicts, states, failures):
    """The history of each cell: first state and steps, with the message of what is bad."""
    messages = Numbers()

    def message(run, cell):
        text = failures.message(run, *verdicts.cell(cell))
        return None if text is None else messages.of(text)

    by_run = {}
    for run, cell, code in states.steps:
        by_run.setdefault(run, []).append([cell, chr(code), message(run, cell)])
    first = verdicts.state_text(states.first)
    bad = {v["code"] for v in verdict_table() if v["bad"]}
    return {"firstRun": states.runs[0], "first": first,
            "firstMessages": {n: message(states.runs[0], n) for n, code in enumerate(first)
                              if code in bad},
            "events": list(by_run.items()), "messages": list(messages.words)}


class Failures:
    """Of runs by index: read once each time it is another run's turn."""

    def __init__(self, history, runs):
        self.history, self.runs = history, runs
        self.at, self.rows, self.messages = None, [], {}

    def of(self, index):
        if self.at != index:
            run = self.runs[index]
            self.at, self.messages = index, {}
            self.rows = self.history.failures(run["id"]) if run["failed"] else []
            for requirement, config, _, _, text in self.rows:
                self.messages.setdefault((requirement, config.partition("/")[0]), text)
        return self.rows

    def message(self, index, requirement, fmt):
        self.of(index)
        return self.messages.get((requirement, fmt))


def series_table(site):
    """A row a series, and which series is beside which."""
    rows = []
    for n, s in enumerate(site.series):
        stretches = [[int(s.run[t.start]), int(s.run[t.end - 1]), *map(plain, s.usual(t).tolist())]
                     for t in s.stretches]
        ratio = site.ratios.get(s.id)
        rows.append({
            "id": s.id, "file": n, "name": s.name, "set": s.set, "metric": s.metric,
            "target": s.target, "kernel": s.kernel, "machine": s.machine,
            "formats": [s.format] if s.format else [],
            "ratio": dashboard_series.is_ratio(s.metric),
            "time": dashboard_series.is_time(s.metric), "ratioId": ratio.id if ratio else None,
            "count": len(s.run), "level": plain(s.stretches[-1].level),
            "usual": stretches[-1][2:], "stretches": stretches,
            "change": change_row(site, s, s.changes[-1]) if s.changes else None})
    return {"series": rows}


def change_row(site, s, change):
    run = site.lines.runs[s.run[change.index]]
    return {"run": int(s.run[change.index]), "time": run["time"], "commit": run["commit"],
            "value": plain(s.value[change.index].item()), "before": plain(change.before),
            "after": plain(change.after), "ratio": plain(change.ratio),
            "low": plain(change.low), "high": plain(change.high), "worse": s.worse(change)}


def series_file(site, s):
    return {"run": s.run.tolist(), "value": plain(s.value), "low": plain(s.low),
            "high": plain(s.high), "samples": plain(s.samples),
            "changes": [change_row(site, s, c) for c in s.changes],
            "stretches": [{"from": int(s.run[t.start]), "to": int(s.run[t.end - 1]),
                           "level": plain(t.level), "low": plain(t.low), "high": plain(t.high)}
                          for t in s.stretches]}


def run_measures(series, count):
    """Of each run, [number of the series, value, low, high, samples]."""
    found = [[] for _ in range(count)]
    for n, s in enumerate(series):
        for run, *rest in zip(s.run.tolist(), *map(plain, (s.value, s.low, s.high, s.samples))):
            found[run].append([n, *rest])
    return found


def chunk(site, failures, measures, indices):
    outcomes = Numbers()
    runs = []
    for i in indices:
        run = site.lines.runs[i]
        runs.append({
            "machine": run["machine"], "cpu": run["cpu"], "subject": run["subject"],
            "iodirty": run["iodirty"], "clean": run["clean"], "url": run["url"],
            "totals": run["totals"], "failures": failures.of(i), "measures": measures[i],
            "outcomes": outcomes.of(run["outcomes"]) if run["totals"] else None})
    return {"runs": runs, "outcomes": [site.verdicts.state_text(site.verdicts.states[d])
                                       for d in outcomes.words]}


# ---- all of them ----

def write(site, history, folder):
    data = folder / "data"
    data.mkdir()
    runs = site.lines.runs
    failures = Failures(history, runs)
    write_data(data, "heads", heads(site))
    write_data(data, "runs", runs_table(site.lines))
    write_data(data, "matrix", matrix(site.lines, site.verdicts))
    write_data(data, "series", series_table(site))
    write_data(data, "type1", {"bench": dashboard_type1.bench(site.lines, site.series),
                               "migrations": dashboard_type1.migrations(site.lines, site.series)})
    for index, states in site.verdicts.by_line.items():
        write_data(data, f"line-{index}", line_file(site.verdicts, states, failures))
    for n, series in enumerate(site.series):
        write_data(data, f"series-{n}", series_file(site, series))
    measures = run_measures(site.series, len(runs))
    for start in range(0, len(runs), CHUNK):
        write_data(data, f"runs-{start // CHUNK}",
                   chunk(site, failures, measures, range(start, min(start + CHUNK, len(runs)))))
    for name in SCRIPTS:
        (folder / name).write_bytes((TEMPLATES / name).read_bytes())
    (folder / "style.css").write_bytes((TEMPLATES / "style.css").read_bytes()
                                       + (TEMPLATES / "dashboard.css").read_bytes())
    page = Template((TEMPLATES / "dashboard.html").read_text(encoding="utf-8"))
    (folder / "index.html").write_text(page.substitute(scripts="\n".join(
        f'<script src="{name}"></script>' for name in SCRIPTS)), encoding="utf-8")
