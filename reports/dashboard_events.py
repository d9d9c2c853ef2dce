# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
What happened in a history, in sentences: what is wrong now, what was mended, flakes, coverage.

An event is what the pages show as a line: {"kind", "text", "time", "target", "kernel", "machine",
"formats", "links": [[words, view, keys], ...]}; its filters' keys may be lacking.
"""

from changes import events
from changes_verdicts import COVERAGE, FAILING, FLAKE, REGRESSION
from dashboard_lines import day, run_name
from dashboard_series import direction, is_time
from model import BAD, ONCE

FEW = 3  # names in a sentence
STALE = 30 * 86400  # seconds after which it is said that a line was not tried lately
VERBS = {"FAIL": ("fails", "fail"), "CRASH": ("crashes", "crash"), "HANG": ("hangs", "hang"),
         "NOT_RUN": ("is not reached", "are not reached"),
         "XPASS": ("passes against its listed deviation", "pass against their listed deviations")}


def listed(names, what):
    """ "a, b", or "17 formats (a, b, ...)". """
    if len(names) <= FEW:
        return ", ".join(names)
    return f"{len(names):,} {what} ({', '.join(names[:FEW])}, …)"


def on(line, formats):
    named = [f for f in formats if f != ONCE]
    return f"on {line.name}" + (f", {listed(named, 'formats')}" if named else "")


def event(kind, text, run, line, formats, links):
    return {"kind": kind, "text": text, "time": run["time"], "target": line.target,
            "kernel": line.kernel, "machine": line.machine,
            "formats": [] if ONCE in formats else list(formats), "links": links}


def run_link(run):
    return [f"run {run['id'][:8]}", "run", {"id": run["id"]}]


def cell_link(requirement, line):
    return [f"history of {requirement}", "matrix",
            {"cell": requirement, "column": f"{line.target} {line.kernel}"}]


# ---- conformance ----

def last_changes(changes):
    """Cell -> the run since which it shows something else than before, and it was no flake."""
    found = {}
    for cell, all_of_it in changes.items():
        runs = [c.run if c.until is None else c.until for c in all_of_it
                if c.kind == REGRESSION or (c.kind == FAILING and c.until is not None)
                or (c.kind == COVERAGE and c.until is None)]
        if runs:
            found[cell] = max(runs)
    return found


def verdict_events(lines, verdicts):
    """{"wrong": [...], "better": ..., "flakes": ..., "coverage": ...}; what turned in one run of
    a line, and in one way, is one event."""
    found = {"wrong": [], "better": [], "flakes": [], "coverage": []}
    for index, changes in verdicts.changes.items():
        groups = {}
        for cell, all_of_it in changes.items():
            requirement, fmt = verdicts.cell(cell)
            for c in all_of_it:
                where = list_of(c, verdicts.judges(requirement, c.verdict))
                # All that a sentence says of one has to be so of the others.
                key = where, c.kind, c.verdict, c.before, c.run, c.until
                groups.setdefault(key, []).append((requirement, fmt, cell, c))
        for (where, *_), members in groups.items():
            found[where].append(verdict_event(lines, verdicts, index, where, members))
    return found


def list_of(change, judged):
    if change.kind == FLAKE:
        return "flakes"
    if change.kind == COVERAGE or not judged:
        return "coverage"
    return "wrong" if change.until is None else "better"


def verdict_event(lines, verdicts, index, where, members):
    cell, change = members[0][2], members[0][3]
    line, at = lines.all[index], lines.runs[change.until if where == "better" else change.run]
    requirements = sorted({m[0] for m in members})
    formats = list(dict.fromkeys(sorted(m[1] for m in members)))
    names = listed(requirements, "requirements")
    place = on(line, formats)
    plural = len(requirements) > 1
    if where == "wrong":
        text = f"{names} {VERBS[change.verdict][plural]} {place}, since " + (
            f"its first run here, {run_name(at)}" if change.kind == FAILING else run_name(at))
        text += before(lines, verdicts, index, cell, change.run)
        text += stale(lines, verdicts, index, cell)
    elif where == "better":
        text = (f"{names} {'are' if plural else 'is'} good again {place}, since {run_name(at)}: "
                f"{change.verdict} since {run_name(lines.runs[change.run])}.")
    elif where == "flakes":
        text = (f"{names} {place}, {'were' if plural else 'was'} {change.verdict} in "
                f"{run_name(at)} alone, and {change.before} before and after.")
    elif change.kind != COVERAGE:
        text = (f"{names} {VERBS[change.verdict][plural]} {place}, since {run_name(at)}; "
                "informative, so it judges nothing." if change.until is None else
                f"{names} {place}, informative, failed from {run_name(at)} to "
                f"{run_name(lines.runs[change.until])}.")
    else:
        text = (f"{names} went from {change.before} to {change.verdict} {place}, in "
                f"{run_name(at)}{'' if change.until is None else ' alone'}.")
    links = [run_link(at)] + [cell_link(r, line) for r in requirements[:FEW]]
    return event("verdict", text, at, line, formats, links)


def before(lines, verdicts, index, cell, run):
    """When it was good last."""
    states = verdicts.by_line[index]
    earlier = [(i, v) for i, v in states.history(cell) if i < run and v not in BAD]
    if not earlier:
        return "."
    last, verdict = earlier[-1]
    return f": was {verdict} in {run_name(lines.runs[last])}."


def stale(lines, verdicts, index, cell):
    """If nobody has looked for long."""
    last = lines.runs[verdicts.by_line[index].history(cell)[-1][0]]
    if lines.runs[-1]["time"] - last["time"] < STALE:
        return ""
    return f" Not tried since {day(last['started'])}."


# ---- benchmarks ----

def series_events(lines, series):
    """What of ratios and counts changed; series of a target and format that may have done so in
    one run, on one machine and in one direction, are one event, of the run that is likeliest."""
    groups = {}
    for s in series:
        if is_time(s.metric) or not direction(s.metric):
            continue
        still = s.open_changes()
        for c in s.changes:
            if c in still:
                where = "wrong"
            elif c is s.changes[-1] and s.worse(c) < 0:
                where = "better"
            else:
                continue
            key = where, s.target, s.kernel, s.machine, s.format
            groups.setdefault(key, []).append((s, s.run.tolist(), c))
    found = {"wrong": [], "better": []}
    for (where, *_), changed in groups.items():
        found[where] += [series_event(lines, where, lines.runs[e.run], list(e.members))
                         for e in events(changed)]
    return found


def series_event(lines, where, run, members):
    members.sort(key=lambda m: -abs(size(m[1])))
    s, c = members[0]
    line = lines.all[run["line"]]
    sizes = sorted(abs(size(c)) for _, c in members)
    by = how_much(sizes[0]) if how_much(sizes[0]) == how_much(sizes[-1]) else (
        f"{how_much(sizes[0])} to {how_much(sizes[-1])}")
    more = "" if len(members) == 1 else f" and {len(members) - 1:,} more series of {s.format}"
    text = (f"{s.metric} of {s.name}{more} on {line.name}, "
            f"{'is' if len(members) == 1 else 'are'} {by} {word(s, c, where)} since {run_name(run)}"
            + (f": {c.after:.4g}, was {c.before:.4g}." if len(members) == 1 else "."))
    last = lines.runs[s.run[-1]]
    if lines.runs[-1]["time"] - last["time"] >= STALE:
        text += f" Not measured since {day(last['started'])}."
    links = [run_link(run)] + [
        [f"series {m.name}", "series", {"id": m.id}] for m, _ in members[:FEW]]
    return event("measure", text, run, line, [s.format] if s.format else [ONCE], links)


def size(change):
    """0.15 if it became 15 % more; of nothing, or to nothing, at least."""
    return change.after / change.before - 1 if change.before else float("inf")


def how_much(amount):
    return f"{amount * 100:.0f} %" if amount < 100 else "many times"


def word(series, change, where):
    if series.metric.startswith("x_") and direction(series.metric) < 0:
        return "slower" if where == "wrong" else "faster"
    return "more" if change.after > change.before else "less"
