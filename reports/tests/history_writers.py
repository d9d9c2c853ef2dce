#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
Twenty machines submit to one history, are killed in the middle and come again; PostgreSQL
itself is stopped without warning, and started again. No run may be lost, none be there
twice, none in part: each is compared, by plain SQL, with what was sent. SQLite, then PostgreSQL.
"""

import argparse
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
sys.dont_write_bytecode = True

import history_samples as samples  # noqa: E402
from history_store import History  # noqa: E402
from model import ReportError  # noqa: E402

WRITERS = 20


def runs_of(writer, count):
    """Its own, and some that all others add too."""
    mine = [samples.record(1000 * writer + n, failing=[n % 20] if n % 3 else (),
                           measures=30 + n % 9) for n in range(count)]
    return mine[:count // 2] + [samples.record(10 ** 6 + n) for n in range(10)] + mine[count // 2:]


def write(address, writer, count):
    try:
        history = History.open(address, create=True, say=lambda _: None)
        for record in runs_of(writer, count):
            history.add(record)
    except ReportError as error:
        print(error, file=sys.stderr)
        os._exit(1)


def start(*arguments):
    process = multiprocessing.get_context("fork").Process(target=write, args=arguments)
    process.start()
    return process


def disturb(args, address, server, writers):
    """Kill @args.kills writers, each started again; the server at three times in between."""
    kills, stops = 0, 0
    while kills < args.kills and any(w.is_alive() for w in writers):
        time.sleep(random.uniform(0, 0.1))
        n = random.randrange(WRITERS)
        if writers[n].is_alive():
            os.kill(writers[n].pid, signal.SIGKILL)
            writers[n].join()
            kills += writers[n].exitcode == -signal.SIGKILL
            writers[n] = start(address, n, args.runs)
        if server and stops < 3 and kills >= (stops + 1) * args.kills // 4:
            server.stop()
            time.sleep(0.5)
            server.start()
            stops += 1
    return kills, stops


def judge(args, name, address, server):
    began = time.monotonic()
    writers = [start(address, n, args.runs) for n in range(WRITERS)]
    kills, stops = disturb(args, address, server, writers)
    for writer in writers:
        writer.join(300)
    failed = sum(w.exitcode != 0 for w in writers)
    expected = samples.expected(r for n in range(WRITERS) for r in runs_of(n, args.runs))
    found = samples.stored(address)
    lost = len(expected.keys() - found.keys())
    twice = sum(len(copies) > 1 for copies in found.values())
    differ = sum(found[k] != v for k, v in expected.items() if k in found and len(found[k]) == 1)
    foreign = len(found.keys() - expected.keys())
    good = not (failed or lost or twice or differ or foreign) and kills == args.kills \
        and stops == (3 if server else 0)
    measures = sum(len(copies[0][2]) for copies in found.values())
    print(f"{'ok' if good else 'FAIL'} {name}: {len(found):,} runs, {measures:,} measures by "
          f"{WRITERS} writers in {time.monotonic() - began:.0f} s; {kills} killed, server stopped "
          f"{stops} times; lost {lost}, twice {twice}, not as sent {differ}, never sent {foreign}, "
          f"writers that failed {failed}", flush=True)
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False,
                                     epilog="Exit status: 0 passed; 1 failed.")
    parser.add_argument("--runs", type=int, default=60, help="of each writer (default: 60)")
    parser.add_argument("--kills", type=int, default=60,
                        help="how often a writer is killed (default: 60)")
    parser.add_argument("--seed", type=int, default=None, help="of who is killed, and when")
    args = parser.parse_args()
    random.seed(args.seed)
    with tempfile.TemporaryDirectory(prefix="iodirty-writers-") as folder:
        good = judge(args, "SQLite", Path(folder) / "history.db", None)
    if not samples.postgresql_programs():
        print("FAIL PostgreSQL: it is not installed (apt-get install postgresql)")
        return 1
    with samples.Server() as server:
        good &= judge(args, "PostgreSQL", server.create("history"), server)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
