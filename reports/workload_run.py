# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What is run for a report: which commands, and how."""

import json
import os
import re
import shlex
import shutil
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import workload_ways
from model import ReportError, UsageError, leaf_name, load_json
from workload_ways import DRAWN, NEW, OLD, WAYS
from workload_words import link_option, size_option

FILE_NAME = "migrate.json"


@dataclass(frozen=True)
class Call:
    """One `iodirty migrate`: several trackers with leaves of one size."""

    name: str
    arguments: tuple
    harvest: float  # nanoseconds that a report takes for a page that it looks at
    measures: bool = False  # and then exit status 1 may say that model and reference disagree


class Runner:
    """Runs the program; after stop() what runs is ended, and nothing more is begun."""

    def __init__(self, program, directory, say):
        self.program, self.say = str(program), say
        self.work, self.logs = directory / "run", directory / "logs"
        self.lock, self.running, self.stopped = threading.Lock(), set(), False
        self.done = self.all = 0
        self.version = ""  # of the program, by its own word

    def stop(self):
        with self.lock:
            self.stopped = True
            for child in self.running:
                child.terminate()

    def run(self, arguments, leaves=None):
        """ReportError if it failed, with the reason that it gave. With exit status 1 it may have
        done what it was to do, and found something: then it @leaves a file."""
        argv = [self.program, *map(str, arguments)]
        with self.lock:
            if self.stopped:
                raise ReportError("stopped")
            child = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                     stderr=subprocess.PIPE)
            self.running.add(child)
        try:
            out, errors = (text.decode("utf-8", "replace") for text in child.communicate())
        finally:
            with self.lock:
                self.running.discard(child)
        found = child.returncode == 1 and leaves and leaves.is_file()
        if (child.returncode and not found) or (leaves and not leaves.is_file()):
            reason = (errors.strip() or out.strip() or "it said nothing").splitlines()[-1]
            kind = UsageError if child.returncode == 2 else ReportError  # an unknown workload
            raise kind(f"{shlex.join(['iodirty', *argv[1:]])} failed "
                       f"({ended(child.returncode)}): {reason}")

    def migrate(self, call):
        """(entries, agreements); its JSON goes to the logs."""
        out = self.work / call.name
        path = out / FILE_NAME
        self.run(["migrate", *call.arguments, "-o", out], path)
        data = load_json(path)
        os.replace(path, self.logs / f"{call.name}.json")
        shutil.rmtree(out)
        found = workload_ways.read(data, f"logs/{call.name}.json", call.harvest)
        with self.lock:
            self.version = data.get("tool", {}).get("version", "")
            self.done += 1
            self.say(f"{self.done} of {self.all}: {call.name}")
        return found

    def migrate_all(self, calls):
        """(what each predicts, what each measures), lists in the order of @calls."""
        self.done, self.all = 0, len(calls)
        with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
            # What is measured has the machine for itself.
            futures = [pool.submit(self.migrate, call) for call in calls if not call.measures]
            try:
                predicted = [f.result() for f in futures]
                measured = [self.migrate(call) for call in calls if call.measures]
            except BaseException:
                self.stop()
                raise
        return predicted, measured


def ended(status):
    return f"signal {-status}" if status < 0 else f"exit status {status}"


def file_name(workload):
    """For files, of any workload."""
    stem = Path(workload).name.removesuffix(".trace")
    return re.sub(r"[^A-Za-z0-9+_-]+", "-", stem).strip("-") or "workload"


def is_file(workload):
    return "/" in workload or "." in workload


# ---- what is predicted, and what is measured ----

def groups(ways):
    """(name, ways) that one call can do together: leaves of one size."""
    found = {}
    for way in ways:
        found.setdefault((way.leaf, way.split), []).append(way)
    return [(leaf_name(leaf) + ("-split" if split else ""), together)
            for (leaf, split), together in found.items()]


def options(ways):
    made = ["--leaf", size_option(ways[0].leaf), *(["--split"] if ways[0].split else [])]
    for way in ways:
        made += ["--tracker", way.tracker]
    return made


def calls_for(args, workload, name, where, ways, harvest, more):
    """@where: (memory, link); @more comes later than what it replaces."""
    memory, bits = where
    common = ["--workload", workload, "--memory", size_option(memory), "--link",
              link_option(bits), "--downtime", str(args.downtime), "--rounds", str(args.rounds),
              "--seed", str(args.seed), "--harvest", f"{harvest:g}", *more]
    label = f"{name}-{size_option(memory)}-{link_option(bits)}"
    for group, together in groups([w for w in ways if w.fits(memory)]):
        yield Call(f"{label}-{group}", (*common, *options(together)), harvest,
                   "--against-model" in more)


def predictions(args, workload, name):
    """The first guest by every link; every guest by the fastest, and with the slower harvests.
    Where only the downtime is shown type1 has one round: the next would be the same."""
    guest, fastest = args.guests[0], max(args.links)
    for ns in args.harvest:
        first = ns == args.harvest[0]
        wheres = [(guest, bits) for bits in args.links if first or bits == fastest]
        wheres += [(memory, fastest) for memory in args.guests[1:]]
        for where in wheres:
            if not first:
                yield from calls_for(args, workload, f"{name}-{ns:g}ns", where, [NEW], ns,
                                     ["--model"])
            elif where == (guest, args.links[0]):
                yield from calls_for(args, workload, name, where, WAYS, ns, ["--model"])
            else:
                yield from calls_for(args, workload, name, where,
                                     [w for w in DRAWN if w != OLD], ns, ["--model"])
                yield from calls_for(args, workload, f"{name}-type1", where, [OLD], ns,
                                     ["--model", "--rounds", "1"])


def limit_of_measured(args, memory):
    """Milliseconds: half of what it takes to send all, so that trackers can be told apart."""
    return max(1, min(args.downtime, int(memory * 8e3 / max(args.links) / 2)))


def measurements(args, workload, name, memory):
    """Reports take what they take in the model, so that the two differ in nothing but what they
    are, also on a machine that is busy. By the fastest link: a performed second is dear."""
    yield from calls_for(args, workload, f"{name}-measured", (memory, max(args.links)), WAYS,
                         args.harvest[0], ["--against-model", "--clock", "trace", "--downtime",
                                           str(limit_of_measured(args, memory))])


def remove(directory):
    shutil.rmtree(directory)


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
