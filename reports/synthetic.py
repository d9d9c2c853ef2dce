#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
A made-up history, of which it is known what changed in it and when: for tests of whatever
looks for changes, and to see a dashboard of some size.

Each night each lane (a target, a kernel, a machine) has a conformance run and a benchmark.
Noise is that of tests/recorded.json, scaled to the machine, and in part in the order in which
it was recorded: its long tails and its dependence are real. Planted are five regressions
(PLANTED, plant_fails()), and what is none (the "harmless" of what is printed).
"""

import argparse
import hashlib
import json
import math
import sys
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from pathlib import Path

sys.dont_write_bytecode = True
sys.path[:0] = [str(Path(__file__).resolve().parent)]

import numpy as np  # noqa: E402

from history_store import History  # noqa: E402
from model import ReportError  # noqa: E402

HERE = Path(__file__).resolve().parent
LAST_NIGHT = datetime(2026, 11, 29, 1, 0, tzinfo=timezone.utc)
AT_ONCE = 200  # runs in a transaction

FORMATS = ["amd-v1", "vtd-ss", "vtd-fs", "arm-s1-4k", "arm-s1-16k", "arm-s1-64k", "arm-s2-4k",
           "arm-s2-16k", "arm-s2-64k", "riscv-sv39", "riscv-sv48", "riscv-sv57", "mock"]
BENCHED = ["amd-v1", "vtd-ss", "arm-s1-4k", "riscv-sv39"]
FLOOR = 0.18  # ns an entry
TIMES_FLOOR = {("0%", "swar"): 1.2, ("0%", "entry"): 33, ("1%", "swar"): 2.8,
               ("1%", "entry"): 34, ("100%", "swar"): 38, ("100%", "entry"): 41}
CONTINUES = 0.5  # how likely a night's noise is that recorded just after the last night's
OUTLIERS = 0.002  # measures that are as much slower as something else was busy
FLAKES = 40
MISSING = 0.02  # runs that a machine did not do
COUNT_IN = "1%"  # whose invalidations are counted


@dataclass(frozen=True)
class Machine:
    host: str
    cpu: str
    noise: float  # times what was recorded on one that was busy with other things
    drift: float = 0.0  # deviation of what slows all it does by and by
    speed: float = 1.0


ALDER = Machine("alder", "AMD EPYC 9354", 0.1)
BIRCH = Machine("birch", "Intel Xeon 6430", 0.2, drift=0.04, speed=1.2)
CEDAR = Machine("cedar", "AMD EPYC 7302", 1.0, speed=1.6)
DOGWOOD = Machine("dogwood", "Intel Xeon 4310", 0.3, speed=1.4)
ELM = Machine("elm", "Intel Xeon 6530", 0.1, speed=0.9)
FIR = Machine("fir", "Ampere Altra", 0.4, drift=0.02, speed=1.5)
GALE = Machine("gale", "AMD EPYC 9124", 0.2)


@dataclass(frozen=True)
class Lane:
    """What is run each night."""

    target: str
    argument: object
    kernels: tuple  # the first half of all nights, the second
    machines: tuple  # likewise
    formats: tuple
    skips: tuple = ()  # chapters that the target does not claim


EMULATED = ("DEVICE", "PASID", "HOTPLUG", "LOG", "MIG", "UNMAP", "POLICY")
LANES = (
    Lane("ref", None, ("6.12.90", "6.12.90"), (ALDER, ALDER), tuple(FORMATS)),
    Lane("ref", None, ("6.12.90", "6.12.94"), (DOGWOOD, ELM), tuple(FORMATS)),
    Lane("module", None, ("6.12.90", "6.12.94"), (BIRCH, BIRCH), tuple(FORMATS)),
    Lane("module", None, ("7.2.1", "7.2.3"), (CEDAR, CEDAR), tuple(FORMATS)),
    Lane("linux", None, ("6.12.90", "6.12.94"), (CEDAR, CEDAR), ("mock",), EMULATED),
    Lane("linux", None, ("7.2.1", "7.2.3"), (FIR, FIR), ("mock",), EMULATED),
    Lane("vfio", "0000:01:00.0", ("7.2.1", "7.2.3"), (GALE, GALE), ("amd-v1",), EMULATED),
)
# Per cent; lane, and whether in the second half of the nights, of each way to plant it: where a
# machine's noise allows that it is dated to the run. CEDAR's allows it of nothing of that size.
PLANTED = {"one": ((8, 0, False), (15, 2, True), (30, 1, False)),
           "format": ((8, 2, False), (15, 5, True), (30, 1, False))}


@dataclass
class Slower:
    """A regression of a benchmark."""

    percent: int
    lane: int
    night: int
    rows: set  # names
    runs: list = field(default_factory=list)  # in which it is


@dataclass
class Fails:
    """A regression of conformance; a flake is one of a single night."""

    lane: int
    night: int
    until: int
    cells: set  # pairs of requirement and format
    runs: list = field(default_factory=list)


def rows_of(formats):
    return [f"harvest/{f}/4K/1G/sequential/cold/random/{density}/{variant}"
            for f in BENCHED if f in formats or len(formats) == 1
            for density, variant in TIMES_FLOOR]


class Recorded:
    """The noise of a machine: logarithms, a column for each density."""

    COLUMNS = {"0%": 0, "1%": 1, "100%": 2}

    def __init__(self):
        cells = json.loads((HERE / "tests" / "recorded.json").read_text(encoding="utf-8"))["cells"]
        by_density = {name.split("/")[-2]: np.log(np.ravel(runs)) for name, runs in cells.items()}
        noise = np.stack([by_density[d] for d in self.COLUMNS], axis=1)
        self.noise = noise - np.median(noise, axis=0)

    def __len__(self):
        return len(self.noise)

    def of(self, at, density):
        return float(self.noise[at % len(self), self.COLUMNS[density]])


class Synthetic:
    """@formats: those that conformance runs are of."""

    def __init__(self, runs, seed, spread, formats=FORMATS):
        self.rng = np.random.default_rng(seed)
        self.seed, self.count = seed, runs
        self.nights = math.ceil(runs / (2 * len(LANES) * (1 - MISSING)))
        self.recorded = Recorded()
        requirements = tomllib.loads((HERE.parent / "conformance" / "requirements.toml").read_text(
            encoding="utf-8"))["requirement"]
        self.requirements = [r["id"] for r in requirements]
        self.outcomes = [self.usual(lane, formats) for lane in LANES]
        self.slower = self.plant_slower(spread)
        self.fails = self.plant_fails()
        self.flakes = self.plant_flakes()
        self.pause = self.nights // 3, self.nights // 3 + max(2, self.nights // 50)
        self.firmware = int(self.nights * 0.4)  # from then on BIRCH is slower in all it does
        self.covered = int(self.nights * 0.6)  # from then on vfio claims PASID
        self.at = {m: int(self.rng.integers(len(self.recorded))) for lane in LANES
                   for m in lane.machines}
        self.drifted = dict.fromkeys(self.at, 0.0)

    # ---- what is planted ----

    def night(self, second_half):
        """Far enough from either end, and from where the second half begins."""
        low, high = (0.55, 0.9) if second_half else (0.1, 0.45)
        return int(self.rng.integers(int(low * self.nights), int(high * self.nights)))

    def plant_slower(self, spread):
        planted = []
        for percent, lane, second_half in PLANTED[spread]:
            rows = rows_of(LANES[lane].formats)
            kind = rows[int(self.rng.integers(len(rows)))]
            if spread == "format":
                rows = [r for r in rows if r.split("/")[1] == kind.split("/")[1]]
            else:
                rows = [kind]
            planted.append(Slower(percent, lane, self.night(second_half), set(rows)))
        return planted

    def passing(self, lane):
        return sorted(cell for cell, verdict in self.outcomes[lane].items() if verdict == "PASS")

    def plant_fails(self):
        """One cell, that stays broken; and two hundred requirements at once, mended later."""
        cells = self.passing(5)
        one = Fails(5, self.night(False), self.nights,
                    {cells[int(self.rng.integers(len(cells)))]})
        requirements = sorted({r for r, _ in self.passing(2)})
        broken = set(self.rng.choice(requirements, 200, replace=False).tolist())
        start = self.night(True)
        many = Fails(2, start, start + max(3, self.nights // 30),
                     {cell for cell in self.passing(2) if cell[0] in broken})
        return [one, many]

    def plant_flakes(self):
        """No two of one cell, and none where the same requirement is broken anyway."""
        flakes, taken = [], {cell for f in self.fails for cell in f.cells}
        for night in self.rng.choice(np.arange(2, self.nights - 2),
                                     min(FLAKES, self.nights // 4), replace=False).tolist():
            lane = int(self.rng.integers(len(LANES)))
            cells = [c for c in self.passing(lane) if c not in taken]
            cell = cells[int(self.rng.integers(len(cells)))]
            taken.add(cell)
            flakes.append(Fails(lane, night, night + 1, {cell}))
        return flakes

    # ---- runs ----

    def usual(self, lane, formats):
        """Verdicts of all cells: most pass, some have no meaning in some format."""
        outcomes, formats = {}, [f for f in lane.formats if f in formats]
        for i, requirement in enumerate(self.requirements):
            chapter = requirement.rpartition("-")[0]
            for j, name in enumerate(formats if i % 9 else ["-"]):
                skip = chapter in lane.skips or (i % 7 == 3 and j % 4 == 1)
                known = lane.target == "linux" and i % 31 == 5
                outcomes[requirement, name] = ("SKIP" if skip else "XFAIL" if known else "PASS")
        return outcomes

    def records(self):
        """In the order of time."""
        left = self.count
        for night in range(self.nights):
            for number, lane in enumerate(LANES):
                second = night >= self.nights // 2
                machine = lane.machines[second]
                for kind in ("conform", "bench"):
                    if not left:
                        return
                    if self.missing(night, number):
                        continue
                    left -= 1
                    yield self.record(night, number, kind, machine, lane.kernels[second])

    def missing(self, night, number):
        """And one lane is paused for a while."""
        low, high = self.pause
        return self.rng.random() < MISSING or (number == 6 and low <= night < high)

    def record(self, night, number, kind, machine, kernel):
        lane = LANES[number]
        started = (LAST_NIGHT - timedelta(days=self.nights - 1 - night)
                   + timedelta(minutes=20 * number + 10 * (kind == "bench")))
        run = hashlib.sha256(f"{self.seed} {self.count} {night} {number} {kind}".encode())
        commit = hashlib.sha1(f"{self.seed} {night // 3}".encode()).hexdigest()
        record = {"id": run.hexdigest()[:32], "kind": kind,
                  "started": started.strftime("%Y-%m-%dT%H:%M:%SZ"), "target": lane.target,
                  "argument": lane.argument, "kernel": kernel, "machine": "x86_64",
                  "cpu": machine.cpu, "host": machine.host, "iodirty": "0.1.0",
                  "commit": commit, "clean": True,
                  "subject": commit if lane.target == "ref" else kernel, "url": "",
                  "verdict": "PASSED", "totals": {}, "outcomes": [], "failures": [],
                  "measures": []}
        if kind == "conform":
            self.conform(record, night, number)
        else:
            self.bench(record, night, number, machine)
        return record

    def conform(self, record, night, number):
        covers = LANES[number].target == "vfio" and night >= self.covered
        broken = [b for b in (*self.fails, *self.flakes)
                  if b.lane == number and b.night <= night < b.until]
        for b in broken:
            b.runs.append(record["id"])
        cells = frozenset().union(*(b.cells for b in broken))
        record.update(self.table(number, covers, cells))

    @lru_cache(maxsize=len(LANES))  # most nights are as the last one was
    def table(self, number, covers, broken):
        """What a run's record has of verdicts."""
        outcomes = {**self.outcomes[number], **dict.fromkeys(broken, "FAIL")}
        if covers:
            outcomes.update({c: "PASS" for c in outcomes if c[0].startswith("PASID-")})
        return {"outcomes": [[*cell, verdict] for cell, verdict in sorted(outcomes.items())],
                "totals": dict(Counter(outcomes.values())),
                "failures": [[*cell, "planted", "FAIL", "a dirty bit was expected, none seen"]
                             for cell in sorted(broken)],
                "verdict": "FAILED" if broken else "PASSED"}

    def bench(self, record, night, number, machine):
        lane, rng, noise = LANES[number], self.rng, self.recorded
        at = self.at[machine]
        self.at[machine] = at + 1 if rng.random() < CONTINUES else int(rng.integers(len(noise)))
        # A walk that is drawn back: over some weeks.
        self.drifted[machine] = (0.97 * self.drifted[machine]
                                 + machine.drift * rng.normal(0, math.sqrt(1 - 0.97 ** 2)))
        pace = machine.speed * math.exp(self.drifted[machine])
        if machine is BIRCH and night >= self.firmware:
            pace *= 1.12
        slow = [s for s in self.slower if s.lane == number and night >= s.night]
        for planted in slow:
            planted.runs.append(record["id"])
        # The floor is measured in the same run, beside: as noisy as the run recorded next.
        floor = FLOOR * pace * math.exp(machine.noise * noise.of(at + 1, "0%"))
        for name in rows_of(lane.formats):
            density, variant = name.split("/")[-2:]
            time = FLOOR * pace * TIMES_FLOOR[density, variant] * math.exp(
                machine.noise * noise.of(at, density))
            for planted in slow:
                if name in planted.rows:
                    time *= 1 + planted.percent / 100
            if rng.random() < OUTLIERS:
                time *= math.exp(rng.exponential(0.5))
            record["measures"] += [[name, "ns_per_iopte", round(time, 6), None, None, 25],
                                   [name, "x_floor", round(time / floor, 6), None, None, 25]]
            if density == COUNT_IN:
                record["measures"].append([name, "invalidations", 32.0, None, None, 25])

    # ---- what there is to find ----

    def planted(self):
        """Valid after records(): each with the very run in which it begins."""
        return {
            "benchmark": [{"percent": s.percent, "run": s.runs[0], "target": LANES[s.lane].target,
                           "rows": sorted(s.rows)} for s in self.slower],
            "conformance": [{"run": f.runs[0], "target": LANES[f.lane].target,
                             "last": f.runs[-1], "goes_on": f.until >= self.nights,
                             "cells": sorted(f.cells)} for f in self.fails],
            "harmless": {
                "flakes": [{"run": f.runs[0], "cells": sorted(f.cells)}
                           for f in self.flakes if f.runs],
                "words": [f"{DOGWOOD.host} is replaced by {ELM.host}, kernels are upgraded, all "
                          f"in night {self.nights // 2}",
                          f"{BIRCH.host} is 12 % slower in all it does from night "
                          f"{self.firmware} on: no ratio changes",
                          f"vfio claims PASID from night {self.covered} on",
                          f"vfio is paused from night {self.pause[0]} to {self.pause[1] - 1}"]}}

    def write(self, history):
        batch = []
        for record in self.records():
            batch.append(record)
            if len(batch) == AT_ONCE:
                history.add_many(batch)
                batch = []
        if batch:
            history.add_many(batch)
        return self.planted()


def main():
    parser = argparse.ArgumentParser(
        prog="synthetic.py", allow_abbrev=False,
        description="Write a made-up history with five planted regressions, and print, as JSON, "
        "what was planted where.", epilog="exit status: 0 written, 1 not, 2 wrong usage")
    parser.add_argument("db", metavar="FILE|URL", help="the history: a new file, or postgresql://")
    parser.add_argument("--runs", type=int, default=10000, metavar="N",
                        help="how many (default: 10000; 1000 at least)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="default: 1")
    parser.add_argument("--spread", choices=sorted(PLANTED), default="one", help="whether a "
                        "benchmark's regression is in one row or in all of a format (default: one)")
    arguments = parser.parse_args()
    if arguments.runs < 1000:
        parser.error("--runs: 1000 at least, to have room for all that is planted")
    if arguments.seed < 0:
        parser.error("--seed: 0 or more")
    try:
        history = History.open(arguments.db, create=True,
                               say=lambda words: print(words, file=sys.stderr))
        if history.runs():
            raise ReportError(f"{history.name} has runs already: give a new history, so that "
                              "nobody's real one is spoiled")
        planted = Synthetic(arguments.runs, arguments.seed, arguments.spread).write(history)
    except ReportError as error:
        print(f"synthetic.py: {error}", file=sys.stderr)
        return 1
    print(json.dumps(planted, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
