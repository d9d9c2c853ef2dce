#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
Is a dashboard of 10,000 runs built in a minute and usable in 2 seconds, and does it name each of
the five regressions planted in them (synthetic.py), by the right run, and at most two more?
"""

import argparse
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

sys.dont_write_bytecode = True
HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import test_dashboard  # noqa: E402
import test_dashboard_browser as browser  # noqa: E402
from history_store import History  # noqa: E402
from synthetic import Synthetic  # noqa: E402

BUILD, OPEN, FALSE = 60, 2, 2  # seconds, seconds, alarms
VIEWS = ["", "#matrix", "#series", "#runs"]


def processor_time():
    """Of programs that were run: what it takes where nothing else runs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def named(event, planted):
    """Is it this planted regression that the event tells of, and by its run?"""
    where = [keys for _, view, keys in event["links"] if view == "run"]
    by_run = where[0]["id"] == planted["run"] or f"since run {planted['run'][:8]}" in event["text"]
    if "rows" in planted:
        return by_run and event["kind"] == "measure" and any(
            row in event["text"] for row in planted["rows"])
    first = planted["cells"][0][0]
    return by_run and event["kind"] == "verdict" and first in event["text"]


def judge(heads, planted):
    """How many of the planted are named; the texts of what was not planted."""
    events = heads["wrong"] + heads["better"]
    all_planted = planted["benchmark"] + planted["conformance"]
    found = [p for p in all_planted if any(named(e, p) for e in events)]
    false = [e["text"] for e in events if not any(named(e, p) for p in all_planted)]
    return len(found), len(all_planted), false


def usable(site):
    """Seconds from the start of navigation until a view can be used, by view."""
    driver, times = browser.start(), {}
    try:
        for view in VIEWS:
            driver.get("about:blank")
            driver.get(f"file://{site}/index.html{view}")
            until = time.monotonic() + 30
            while time.monotonic() < until:
                mark = driver.execute_script("const m = performance.getEntriesByName("
                                             "'iodirty-usable')[0]; return m && m.startTime")
                if mark:
                    break
                time.sleep(0.05)
            times[view or "overview"] = mark / 1000 if mark else float("inf")
    finally:
        driver.quit()
    return times


def prove(runs, seed, spread, keep):
    folder = Path(tempfile.mkdtemp(prefix="iodirty-prove-"))
    try:
        history = History.open(folder / "history.db", create=True, say=print)
        planted = Synthetic(runs, seed, spread).write(history)
        site = keep or folder / "site"
        before = processor_time()
        subprocess.run([sys.executable, str(test_dashboard.DASHBOARD), "--db",
                        str(folder / "history.db"), "-o", str(site), "--force"], check=True)
        built = processor_time() - before
        found, wanted, false = judge(test_dashboard.data(site, "heads"), planted)
        print(f"seed {seed}, {spread}: {found} of {wanted} regressions at their runs, "
              f"{len(false)} false; built in {built:.1f} s of one processor", flush=True)
        for text in false:
            print(f"  false: {text}")
        good = found == wanted and len(false) <= FALSE and built < BUILD
        try:
            browser.needed()
        except unittest.SkipTest as why:
            print(f"  not opened: {why}")
            return good
        times = usable(site)
        print("  usable after " + ", ".join(f"{v} {t:.2f} s" for v, t in times.items()), flush=True)
        return good and max(times.values()) < OPEN
    finally:
        shutil.rmtree(folder)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, allow_abbrev=False,
        epilog="exit status: 0 it is so, 1 it is not, 2 wrong usage")
    parser.add_argument("--runs", type=int, default=10000)
    parser.add_argument("--seed", type=int, action="append", help="1 unless given; may be repeated")
    parser.add_argument("--spread", choices=["one", "format"], default="one",
                        help="as of synthetic.py")
    parser.add_argument("--keep", metavar="DIR", type=Path, help="leave the site there")
    args = parser.parse_args()
    good = [prove(args.runs, seed, args.spread, args.keep) for seed in args.seed or [1]]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
