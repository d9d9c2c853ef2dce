#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What each harvest of a replay is to report, by the trace alone, and whether it did.

A round has the records of [k * round, (k + 1) * round). All of each leaf of which they wrote a
byte is to be reported, in whole pages, and nothing else. What was read is clean.
"""

import argparse
import json
import re
import sys
from pathlib import Path
from typing import NamedTuple

import trace_file
from trace_file import TraceError

SHOWN = 20  # pages that differ, one by one
SCHEMA = "iodirty-replay-1"


class BadReplay(Exception):
    """What is wrong with a replay's files, in a sentence."""


class Geometry(NamedTuple):
    """What a harvest looks at: memory, out to whole leaves and pages."""

    iova: int
    length: int
    leaf: int
    page: int

    @classmethod
    def of(cls, trace, leaf, page):
        unit = max(leaf, page)
        first = trace.iova // unit * unit
        last = -(-(trace.iova + trace.length) // unit) * unit
        return cls(first, last - first, leaf, page)

    @property
    def pages(self):
        return self.length // self.page

    @property
    def bitmap_bytes(self):
        return (self.pages + 63) // 64 * 8


class Round(NamedTuple):
    first: int  # of trace.accesses
    end: int
    writes: int
    bytes: int  # written
    bitmap: bytes


# ---- the truth ----

def round_count(trace, round_ns, limit=0):
    """How many rounds there are: to the trace's end, and with its last record."""
    last = trace.accesses[-1].ns // round_ns + 1 if trace.accesses else 1
    rounds = max(1, -(-trace.ns // round_ns), last)
    return min(rounds, limit) if limit else rounds


def _fill(bitmap, first, end):
    """Set the bits [first, end)."""
    while first < end:
        if first % 8 == 0 and end - first >= 8:
            whole = (end - first) // 8
            bitmap[first // 8:first // 8 + whole] = b"\xff" * whole
            first += 8 * whole
        else:
            bitmap[first // 8] |= 1 << first % 8
            first += 1


def _bitmap(leaves, geometry):
    """The pages of these leaves, by number."""
    bitmap = bytearray(geometry.bitmap_bytes)
    for leaf in leaves:
        start = leaf * geometry.leaf - geometry.iova
        _fill(bitmap, start // geometry.page, -(-(start + geometry.leaf) // geometry.page))
    return bytes(bitmap)


def rounds_of(trace, geometry, round_ns, limit=0):
    """Each Round, in order."""
    at, accesses, leaf = 0, trace.accesses, geometry.leaf
    for k in range(round_count(trace, round_ns, limit)):
        first, writes, size, leaves = at, 0, 0, set()
        over = (k + 1) * round_ns
        while at < len(accesses) and accesses[at].ns < over:
            access = accesses[at]
            at += 1
            if access.write:
                writes += 1
                size += access.length
                leaves.update(range(access.iova // leaf,
                                    (access.iova + access.length - 1) // leaf + 1))
        yield Round(first, at, writes, size, _bitmap(leaves, geometry))


def bits(bitmap):
    """The numbers of the bits that are set."""
    for number, byte in enumerate(bitmap):
        while byte:
            low = byte & -byte
            yield 8 * number + low.bit_length() - 1
            byte ^= low


def count(bitmap):
    return int.from_bytes(bitmap, "little").bit_count()


# ---- a replay ----

class Replay(NamedTuple):
    geometry: Geometry
    round_ns: int
    limit: int
    exact: bool  # leaves are what they are said to be; else any size
    error: str  # why it is not complete, or ""
    rounds: list  # as replay.json has them
    bitmaps: list


def _number(document, key):
    value = document[key]
    if not isinstance(value, int) or value < 0:
        raise ValueError(f"{key} is {value!r}")
    return value


def read_replay(directory):
    """The Replay in @directory."""
    path = Path(directory, "replay.json")
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["schema"] != SCHEMA:
            raise ValueError(f"schema {document['schema']!r}, not {SCHEMA!r}")
        sizes = {key: _number(document, key)
                 for key in ("length", "leaf_bytes", "page_bytes", "round_ns", "rounds_limit")}
        for key in ("leaf_bytes", "page_bytes", "round_ns"):
            if not sizes[key] or key != "round_ns" and sizes[key] & (sizes[key] - 1):
                raise ValueError(f"{key} is {sizes[key]}")
        geometry = Geometry(int(document["iova"], 16), sizes["length"], sizes["leaf_bytes"],
                            sizes["page_bytes"])
        rounds = document["rounds"]
        if not all(isinstance(each, dict) for each in rounds):
            raise ValueError("rounds are no list of objects")
        error = "" if document["complete"] else document["error"]
        exact = bool(document["leaves_exact"])
        bitmaps = Path(directory, "rounds.bitmap").read_bytes()
    except OSError as problem:
        raise BadReplay(f"{problem.filename}: {problem.strerror}") from None
    except KeyError as problem:
        raise BadReplay(f"{path}: it has no {problem}") from None
    except (ValueError, TypeError) as problem:
        raise BadReplay(f"{path}: {problem}") from None
    size = geometry.bitmap_bytes
    if len(bitmaps) != size * len(rounds):
        raise BadReplay(f"{directory}/rounds.bitmap has {len(bitmaps)} bytes, "
                        f"{len(rounds)} rounds have {size * len(rounds)}")
    return Replay(geometry, sizes["round_ns"], sizes["rounds_limit"], exact, error, rounds,
                  [bitmaps[k * size:(k + 1) * size] for k in range(len(rounds))])


# ---- one against the other ----

def _writers(trace, geometry, pages, end):
    """By page: the number of the last record before @end that wrote to its leaf, or page."""
    unit = max(geometry.leaf, geometry.page)
    wanted = {(geometry.iova + page * geometry.page) // unit for page in pages}
    found = {}
    for number, access in enumerate(trace.accesses[:end], 1):
        if access.write:
            last = (access.iova + access.length - 1) // unit
            found.update((at, number) for at in wanted
                         if access.iova // unit <= at <= last)
    return {page: found.get((geometry.iova + page * geometry.page) // unit) for page in pages}


def _differing(trace, replay, k, truth, reported, room):
    """A line for each page that differs, @room of them at the most."""
    geometry = replay.geometry
    beyond = set(bits(reported)) - set(bits(truth.bitmap))
    missed = set(bits(truth.bitmap)) - set(bits(reported))
    if not replay.exact and truth.writes:
        beyond = set()
    if beyond or missed:
        yield f"round {k}: {len(missed)} pages missed, {len(beyond)} beyond"
    shown = sorted(beyond | missed)[:room]
    writers = _writers(trace, geometry, shown, truth.end) if shown else {}
    for page in shown:
        record = writers[page]
        wrote = f"record {record} wrote there last, at {trace.accesses[record - 1].ns} ns" \
            if record else "no record wrote there until then"
        yield (f"  IOVA 0x{geometry.iova + page * geometry.page:x}, round {k}: "
               f"{'missed' if page in missed else 'beyond what was written'}; {wrote}")


def compare(trace, replay):
    """What is wrong with the replay, in lines: none if nothing is."""
    geometry = replay.geometry
    due = Geometry.of(trace, geometry.leaf, geometry.page)
    if geometry != due:
        return [f"it is of {geometry.length} bytes at IOVA 0x{geometry.iova:x}, the trace of "
                f"{due.length} at 0x{due.iova:x}"]
    lines = [f"it is not complete: {replay.error}"] if replay.error else []
    rounds = round_count(trace, replay.round_ns, replay.limit)
    if len(replay.rounds) != rounds:
        lines.append(f"it has {len(replay.rounds)} rounds of {rounds}")
    room = SHOWN
    # Of leaves that nobody knows: the pages that were written, and more if any was.
    sure = geometry if replay.exact else geometry._replace(leaf=geometry.page)
    for k, truth in enumerate(rounds_of(trace, sure, replay.round_ns, len(replay.rounds))):
        if k >= len(replay.rounds):
            break
        reported = replay.bitmaps[k]
        said = {"records": truth.end - truth.first, "writes": truth.writes,
                "bytes": truth.bytes, "reported_pages": count(reported)}
        lines.extend(f"round {k}: {key} are {replay.rounds[k].get(key)}, not {value}"
                     for key, value in said.items() if replay.rounds[k].get(key) != value)
        if reported != truth.bitmap:
            differing = list(_differing(trace, replay, k, truth, reported, room))
            lines.extend(differing)
            room -= max(0, len(differing) - 1)
    return lines


# ---- the command ----

def ranges(bitmap, geometry):
    """"0x100000000-0x100003000 ..." for runs of pages that are set."""
    runs = []
    for page in bits(bitmap):
        if runs and runs[-1][1] == page:
            runs[-1][1] = page + 1
        else:
            runs.append([page, page + 1])
    return " ".join(f"0x{geometry.iova + first * geometry.page:x}-"
                    f"0x{geometry.iova + end * geometry.page:x}" for first, end in runs)


def size(text):
    """Bytes: a power of two, "4096" or "2M"."""
    match = re.fullmatch(r"(\d+)([KMGT]?)", text)
    value = int(match[1]) << 10 * " KMGT".index(match[2] or " ") if match else 0
    if not value or value & (value - 1):
        raise argparse.ArgumentTypeError(f"'{text}' is no power of two of bytes, e.g. 2M")
    return value


def positive(text):
    if not re.fullmatch(r"[1-9]\d*", text):
        raise argparse.ArgumentTypeError(f"'{text}' is no number above 0")
    return int(text)


def show(trace, args):
    """The truth, a line a round."""
    geometry = Geometry.of(trace, args.leaf, args.page)
    for k, truth in enumerate(rounds_of(trace, geometry, args.round * 1000000, args.rounds or 0)):
        print(f"round {k}: {truth.end - truth.first} records, {truth.writes} writes, "
              f"{count(truth.bitmap)} pages: {ranges(truth.bitmap, geometry)}".rstrip(": "))
    return 0


def judge(trace, directory):
    """Whether the replay in @directory reported just that."""
    replay = read_replay(directory)
    lines = compare(trace, replay)
    if lines:
        print(*lines, sep="\n")
        return 1
    pages = sum(count(bitmap) for bitmap in replay.bitmaps)
    print(f"{len(replay.rounds)} rounds, {pages} pages: all that was written was reported"
          f"{', and nothing else' if replay.exact else ''}")
    return 0


def main(argv):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="exit status: 0 equal, 1 not, 2 wrong usage or files")
    parser.add_argument("trace", metavar="TRACE", help="a trace (iodirty trace make, convert)")
    parser.add_argument("directory", metavar="DIR", nargs="?",
                        help="of `iodirty trace replay -o DIR`: compare, by the sizes and "
                        "rounds that it says; else print the truth")
    parser.add_argument("--round", metavar="MS", type=positive, help="(default: 100)")
    parser.add_argument("--leaf", metavar="BYTES", type=size, help="(default: 4K)")
    parser.add_argument("--page", metavar="BYTES", type=size, help="(default: 4K)")
    parser.add_argument("--rounds", metavar="MAX", type=positive, help="only the first")
    args = parser.parse_args(argv)
    if args.directory and (args.round or args.leaf or args.page or args.rounds):
        parser.error("a replay says itself what its rounds, leaves and pages are")
    args.round, args.leaf, args.page = args.round or 100, args.leaf or 4096, args.page or 4096
    try:
        trace = trace_file.read(args.trace)
        return judge(trace, args.directory) if args.directory else show(trace, args)
    except (TraceError, BadReplay) as error:
        print(f"truth: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
