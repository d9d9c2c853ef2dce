#!/usr/bin/python3 -SE
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
A stand-in for iodirty-bench: fake_bench.py CONFIG ARGUMENTS OF iodirty-bench. CONFIG, JSON:

cells        name -> ns_per_iopte
noise        spread of the logarithm (0: none); each run takes the next numbers of
seed         the generator
slower       a factor of all cells
wrong        cells whose bitmaps are wrong
counts       name -> counter -> number; without it there is no --counts
die          {"run": N, "how": "exit" | "signal" | "cut" | "nothing" | "lose" | "hang" | "text" |
             "zero"}: what happens in run N, from 0
"""

import fnmatch
import getopt
import json
import os
import signal
import sys
import time
from _random import Random  # the rest of random takes long to load, for each of many runs

OPTIONS = "--only GLOB --repetitions N --slow-down PERCENT -o DIR"


def next_run(path):
    """The number of this run; the configuration counts them, in a file beside it."""
    with open(f"{path}.runs", "a+", encoding="utf-8") as file:
        file.write("x")
        file.flush()
        return file.tell() - 1


def write(folder, name, text):
    """In a folder; or beside a file of that name."""
    path = os.path.join(folder, name) if os.path.isdir(folder) else f"{folder}.{name}"
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def bell(noise):
    """Near enough to a normal distribution."""
    return sum(noise.random() for _ in range(12)) - 6


def row(name, value, wrong):
    made = {"name": f"{name}/iterations:5/manual_time",
            "run_name": f"{name}/iterations:5/manual_time", "run_type": "iteration"}
    if wrong:
        return dict(made, error_occurred=True,
                    error_message="the bitmap differs: 3 bits missed, 0 too many")
    return dict(made, iterations=5, real_time=value, time_unit="us", ns_per_iopte=value,
                ns_per_iopte_median=value * 1.1)


def main():
    config_path = sys.argv[1]
    with open(config_path, encoding="utf-8") as file:
        config = json.load(file)
    options = OPTIONS + (" --counts" if "counts" in config else "")
    if "--help" in sys.argv:
        print("usage: fake", config.get("options", options))
        return 0
    longs = ["only=", "repetitions=", "slow-down=", "counts"]
    given, _ = getopt.getopt(sys.argv[2:], "o:t:", longs)
    out = dict(given)["-o"]
    if ("--counts", "") in given:
        write(out, "counts.json", json.dumps({"counts": config["counts"]}))
        return 0
    globs = [v for o, v in given if o == "--only"]
    run = next_run(config_path)
    die = config.get("die", {})
    how = die.get("how") if die.get("run") == run else None
    if how == "hang":
        write(config_path, "hangs", "")
        time.sleep(60)
    if how == "signal":
        os.kill(os.getpid(), signal.SIGSEGV)
    if how == "nothing":
        return 0
    noise = Random(config.get("seed", 0) + run)
    factor = config.get("slower", 1) * (1 + float(dict(given).get("--slow-down", 0)) / 100)
    rows = []
    for name, value in config["cells"].items():
        if how == "lose" and rows:
            break
        if any(fnmatch.fnmatch(name, g) for g in globs) or not globs:
            value *= factor * 2.718281828 ** (config.get("noise", 0) * bell(noise))
            rows.append(row(name, 0 if how == "zero" else value, name in config.get("wrong", [])))
    if not rows:
        print("iodirty bench: nothing to measure", file=sys.stderr)
        return 4
    text = json.dumps({"context": {}, "benchmarks": rows})
    if how == "cut":
        text = text[:len(text) // 2]
    if how == "text":
        text = '{"benchmarks": [1, 2]}'
    write(out, "bench.json", text)
    if how == "exit":
        print("iodirty bench: out of memory", file=sys.stderr)
    return 1 if how == "exit" or config.get("wrong") else 0


if __name__ == "__main__":
    sys.exit(main())
