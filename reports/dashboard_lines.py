# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
The runs of a history by lines: a target with its argument, a kernel line ("6.12"), a machine.

Within a line one run follows the other; whoever compares does so within a line. A run is known
by its index in the order of starts, which is what the pages use too.
"""

from dataclasses import dataclass, field
from datetime import datetime, timezone

from changes import kernel_line
from model import ReportError


@dataclass
class Line:
    index: int
    target: str
    kernel: str
    machine: str
    runs: list = field(default_factory=list)  # indices

    @property
    def name(self):
        return f"{self.target}, kernel {self.kernel}, machine {self.machine}"


def seconds(run):
    """When it started, since 1970."""
    try:
        return int(datetime.strptime(run["started"], "%Y-%m-%dT%H:%M:%SZ")
                   .replace(tzinfo=timezone.utc).timestamp())
    except ValueError as error:
        raise ReportError(f"the history is damaged: run {run['id']} has no time at which it "
                          "started; `iodirty history remove` takes it out") from error


def day(started):
    """ "3 Nov 2026", whatever the locale is. """
    year, month, number = started[:10].split("-")
    name = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()[int(month) - 1]
    return f"{int(number)} {name} {year}"


def target_name(row):
    return row["target"] + (f":{row['argument']}" if row["argument"] else "")


def run_name(run):
    """For a sentence: "run 12345678 of 3 Nov 2026, commit 1234567890ab"."""
    commit = f", commit {run['commit'][:12]}" if run["commit"] else ""
    return f"run {run['id'][:8]} of {day(run['started'])}{commit}"


class Lines:
    """@runs: the heads of all, in order, each given its "line", an index, and "time"."""

    def __init__(self, runs):
        self.runs = runs
        self.several = self._several(runs)
        self.index = {run["number"]: i for i, run in enumerate(runs)}
        self.all = []
        known = {}
        for i, run in enumerate(runs):
            key = target_name(run), kernel_line(run["kernel"]), self.machine(run)
            if key not in known:
                known[key] = Line(len(self.all), *key)
                self.all.append(known[key])
            known[key].runs.append(i)
            run["line"], run["time"] = known[key].index, seconds(run)

    @staticmethod
    def _several(runs):
        """Names that machines share."""
        found = {}
        for run in runs:
            found.setdefault(run["host"], set()).add((run["machine"], run["cpu"]))
        return {host for host, machines in found.items() if len(machines) > 1}

    def machine(self, row):
        """What tells a machine, or a series' machine, from others: its name, if that is enough."""
        parts = [row["host"]] if row["host"] else []
        if not parts or row["host"] in self.several:
            parts.append(row["cpu"] or row["machine"] or "unknown")
        return ", ".join(parts)
