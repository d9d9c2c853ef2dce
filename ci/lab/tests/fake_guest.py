# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Plays a guest and the runner in it: SESSION-FOLDER WHAT-A-CASE-DOES..."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(sys.argv[1])
PLAN = sys.argv[2:]
JOURNAL = FOLDER / "journal"


def tell(**entry):
    with open(JOURNAL, "a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")


def end(status):
    (FOLDER / "status").write_text(f"{status}\n", encoding="ascii")
    sys.exit(0)


def case(index, does):
    print(f"[    1.000000] console of case {index}", flush=True)
    if does == "crash":
        print(f"[    1.000001] Kernel panic - not syncing: case {index} went too far", flush=True)
    elif does == "torn":
        with open(JOURNAL, "a", encoding="utf-8") as file:
            file.write('{"end": 0, "verd')
    elif does == "hang":
        time.sleep(60)
    if does != "pass":
        sys.exit(1)


def special(does, word):
    """A program that keeps no journal."""
    if does == "exit":
        for name in ("stdout", "stderr"):
            (FOLDER / name).write_text(f"to {name}\n", encoding="utf-8")
        end(word)
    elif does == "early":
        print("the last words", flush=True)
        sys.exit(1)
    elif does == "stay":
        (FOLDER / "status").write_text(f"{word}\n", encoding="ascii")
        time.sleep(60)
    elif does == "sleep":
        time.sleep(60)
    elif does == "family":
        with subprocess.Popen(["sleep", "60"]) as child:
            (FOLDER / "stdout").write_text(f"{os.getpid()}\n{child.pid}\n", encoding="ascii")


def main():
    special(*PLAN[0].partition(":")[::2])
    if not JOURNAL.stat().st_size:
        tell(plan="0123")
    entries = [json.loads(line) for line in JOURNAL.read_text(encoding="utf-8").splitlines()]
    begun = [entry["start"] for entry in entries if "start" in entry]
    for index, does in enumerate(PLAN):
        if index in begun and does != "again":
            continue
        # So that the lab sees which part of the console is this case's.
        time.sleep(0.3 if does == "crash" else 0)
        tell(start=index, case=f"case {index}", timeout=0.1)
        time.sleep(0.3 if does == "crash" else 0)
        case(index, does)
        tell(end=index, verdict="PASS")
    tell(done=True)
    end(0)


main()
