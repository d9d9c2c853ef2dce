#!/usr/bin/python3 -SE
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
A stand-in for iodirty: fake_iodirty.py CONFIG trace make ... | migrate ... CONFIG, JSON:

fits      tracker key (type1, log, nobody, or the leaf in bytes, or "split") -> bits a second
          from which it converges
ratio     measured / model of the downtime, of every tracker
verdict   of what is measured
writes    [[ns, offset, length], ...] of the trace that is made
pattern   its flag
text      its text
fail      {"word": "trace" | "migrate", "nth": N, "how": "exit" | "signal" | "nothing" | "text" |
          "lack" | "hang"}: what becomes of the Nth call of that word, from 0
"""

import getopt
import json
import os
import signal
import sys
import time

sys.path.append(os.path.join(os.path.dirname(__file__), "../../workloads/tests"))

import handmade  # noqa: E402

LONG = ["workload=", "tracker=", "leaf=", "memory=", "link=", "downtime=", "rounds=", "seed=",
        "harvest=", "clock=", "time=", "split", "model", "against-model"]
UNITS = {"K": 1, "M": 2, "G": 3, "T": 4}


def number(text, step):
    unit = UNITS.get(text[-1], 0)
    return int(text[:-1] if unit else text) * step ** unit


def trace(config, memory, seconds):
    records = [handmade.write(*w) for w in config["writes"]]
    return handmade.trace(records, int(seconds * 1e9), length=memory,
                          text=config.get("text", "a made-up workload").encode(),
                          flags=int(config.get("pattern", False)))


def migration(config, given, tracker, how):
    memory, bits = number(given["memory"], 1024), number(given["link"], 1000)
    leaf, split = number(given["leaf"], 1024), "split" in given
    key = tracker if tracker != "iommu" else "split" if split else str(leaf)
    good = bits >= config["fits"].get(key, 1)
    limit = int(given["downtime"]) * 1000000
    rounds = 2 if good else int(given["rounds"]) + 1
    full = memory * 8e9 / bits
    stopped = limit * (0.25 if good else 2) + float(given["harvest"]) * memory / leaf
    if how == "measured":
        stopped *= config.get("ratio", 1)
    pages = memory // 4096
    made = {
        "tracker": tracker, "workload": given["workload"], "memory_bytes": memory, "devices": 2,
        "link_bytes_per_second": bits // 8, "downtime_limit_ns": limit,
        "seed": hex(int(given["seed"])), "how": how,
        "verdict": config.get("verdict", "equal") if how == "measured" else "predicted",
        "clock": "trace", "format": "amd-v1", "leaf_bytes": leaf, "split": split,
        "rounds_limit": int(given["rounds"]), "total_ns": int(full * rounds),
        "origin": config.get("text", "a made-up workload"),
        "pattern": config.get("pattern", False), "converged": good, "page_bytes": 4096,
        "differing_pages": int(how == "measured" and config.get("verdict") == "differs"),
        "state_bytes": 64, "states": 2, "differing": [],
        "sent_bytes": memory * rounds, "reported_pages": pages, "written_pages": pages // 8,
        "lost_pages": 0, "writes": pages, "full_copy_ns": int(full), "last_bytes": memory // 4,
        "link_downtime_ns": stopped,
        "rounds": [{"bytes": memory, "copy_ns": int(full), "reported_pages": pages,
                    "written_pages": pages // 8, "lost_pages": 0, "report_ns": 1000}] * rounds}
    if how == "model":
        made["cost"] = {"call_ns": 0.0, "page_ns": float(given["harvest"]), "dirty_ns": 0.0}
    else:
        made["downtime_ns"] = int(stopped)
    if made["differing_pages"]:
        made["differing"] = [{"iova": "0x1000", "expected": "0x1", "seen": "0x2"}]
    return made


def migrate(config, arguments):
    trackers = [value for name, value in arguments if name == "--tracker"]
    given = {name.lstrip("-"): value for name, value in arguments}
    root = {"schema": "iodirty-migrate-2", "tool": {"name": "iodirty", "version": "0.1.0"},
            "command": ["iodirty", "migrate"], "target": "ref", "migrations": []}
    for tracker in trackers:
        if "against-model" in given:
            at = len(root["migrations"])
            ratio = config.get("ratio", 1)
            root["migrations"].append(migration(config, given, tracker, "measured"))
            root.setdefault("agreement", []).append(
                {"measured": at, "model": at + 1, "rounds": 1.0, "sent": 1.0, "downtime": ratio,
                 "agrees": abs(ratio - 1) <= 0.1})
        root["migrations"].append(migration(config, given, tracker, "model"))
    bad = any(not a["agrees"] for a in root.get("agreement", []))
    return root, int(bad or config.get("verdict", "equal") != "equal")


def nth(config_path, word):
    """The number of this call; the configuration counts them, in a file beside it."""
    with open(f"{config_path}.{word}", "a+", encoding="utf-8") as file:
        file.write("x")
        file.flush()
        return file.tell() - 1


def main(config_path, word, *arguments):
    with open(config_path, encoding="utf-8") as file:
        config = json.load(file)
    fail = config.get("fail", {})
    here = nth(config_path, word) >= fail.get("nth", 0) if fail.get("word") == word else False
    how = fail.get("how") if here else None
    if how == "exit":
        print("working\niodirty: no <luck> today", file=sys.stderr)
        return 1
    if how == "signal":
        os.kill(os.getpid(), signal.SIGSEGV)
    if how == "hang":
        open(config_path + ".hangs", "w", encoding="utf-8").close()
        time.sleep(60)
    given, _ = getopt.gnu_getopt(arguments, "o:", LONG)
    out = dict(given)["-o"]
    if how == "nothing":
        return 0
    if word == "trace":
        data = trace(config, int(dict(given)["--memory"]), float(dict(given)["--time"]))
        with open(out, "wb") as file:
            file.write(data[:-9] if how == "text" else data)
        return 0
    root, status = migrate(config, given)
    if how == "lack":
        del root["migrations"][0]["sent_bytes"]
    os.mkdir(out)
    with open(f"{out}/migrate.json", "w", encoding="utf-8") as file:
        file.write("{" if how == "text" else json.dumps(root))
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
