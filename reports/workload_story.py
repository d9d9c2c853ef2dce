# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A workload's part of the report: its numbers, the sentences and the charts they give."""

import datetime
from dataclasses import dataclass, field

import system
import workload_plots as plots
import workload_run as run
import workload_words as words
import workload_writes
from model import UsageError
from workload_ways import DRAWN, NEW, OLD, WAYS


@dataclass
class Story:
    workload: str
    anchor: str
    recording: object
    writes: object
    guests: list
    by_link: list  # entries: the first guest, each link
    by_guest: list  # (ns a page, entries): each guest, the fastest link
    agreements: list
    link: int  # of the sentences
    charts: dict = field(default_factory=dict)
    sentences: list = field(default_factory=list)

    def at(self, way):
        """The prediction for the sentences' guest and link; None: there is none."""
        return next((e for e in self.by_link if e.way == way and e.link == self.link), None)

    @property
    def entries(self):
        """Of the sentences' guest and link, in the order of the trackers."""
        return [e for e in map(self.at, WAYS) if e]

    @property
    def sound(self):
        return all(a.agrees and a.verdict == "equal" for a in self.agreements)


def check_guests(args, recording):
    """A trace may need more than what was asked for."""
    small = [g for g in args.guests if g < recording.length]
    if small:
        raise UsageError(f"{recording.name} is of {words.size(recording.length)} of memory: "
                         f"--guest {words.size_option(small[0])} has no room for it")


def tell(runner, args, workload, name, recording):
    check_guests(args, recording)
    memory = max(args.memory, recording.length)
    predicted, measured = runner.migrate_all(
        [*run.predictions(args, workload, name),
         *run.measurements(args, workload, name, memory)])
    entries = [e for made, _ in predicted for e in made]
    agreements = [row for _, rows in measured for row in rows]
    story = Story(
        workload, name, recording, workload_writes.analyse(recording), args.guests,
        [e for e in entries if (e.memory, e.harvest) == (args.guests[0], args.harvest[0])],
        [(ns, [e for e in entries if (e.link, e.harvest) == (max(args.links), ns)
               and e.way in DRAWN]) for ns in args.harvest],
        sorted(agreements, key=lambda a: WAYS.index(a.measured.way)), args.links[0])
    conclude(story)
    draw(story, args)
    return story


def conclude(story):
    story.sentences = [
        words.comparison(story.workload, story.at(OLD), story.at(NEW), OLD.phrase, NEW.phrase),
        words.least_links({w.phrase: [e for e in story.by_link if e.way == w] for w in DRAWN}),
        words.agreement(story.agreements)]


def draw(story, args):
    limit = args.downtime * 1e6
    for kind, function, arguments in (
            ("writes", plots.writes_chart, [story.writes]),
            ("over", plots.over_chart, [story.writes]),
            ("converge", plots.converge_chart, [story.entries, limit]),
            ("links", plots.links_chart, [story.by_link, limit]),
            ("guests", plots.guests_chart, [story.by_guest, limit])):
        story.charts[kind] = plots.drawn(function, f"{kind}-{story.anchor}", *arguments)


# ---- workload.json ----

def writes_numbers(writes):
    r = writes.recording
    return {
        "memory_bytes": r.length, "iova": hex(r.iova), "devices": r.devices, "ns": r.ns,
        "reads": r.reads, "writes": len(r.time), "slice_ns": writes.slice_ns,
        "working_set_pages": writes.working_set,
        "slices": [{"ns": s.ns, "writes": s.writes, "bytes": s.size, "pages": s.distinct,
                    "working_set_pages": s.working_set} for s in writes.slices],
        "heat": {"low": hex(r.iova + writes.low), "high": hex(r.iova + writes.high),
                 "bytes": [[int(x) for x in row] for row in writes.heat]},
        "reported_to_written": {
            "slices": {str(leaf): values for leaf, values in writes.over_time.items()},
            "intervals": [{"ns": i.ns, "written_pages": i.written,
                           "by_leaf": {str(leaf): x for leaf, x in i.ratio.items()}}
                          for i in writes.intervals]},
    }


def story_numbers(story):
    return {
        "workload": story.workload, "origin": story.recording.origin,
        "access_pattern": story.recording.pattern, "sentences": story.sentences,
        "writes": writes_numbers(story.writes),
        "predicted_by_link": [e.numbers() for e in story.by_link],
        "predicted_by_guest": [e.numbers() for _, entries in story.by_guest for e in entries],
        "agreement": [a.numbers() for a in story.agreements],
    }


def statement(args, stories, root, version):
    commit, clean = system.git_state(root)
    now = datetime.datetime.now(datetime.timezone.utc)
    return {
        "schema": "iodirty-workload-1", "created": f"{now:%Y-%m-%dT%H:%M:%SZ}",
        "tool": {"version": version, "git_commit": commit, "git_clean": clean},
        "links_bits_per_second": args.links, "downtime_limit_ms": args.downtime,
        "guests_bytes": args.guests, "harvest_ns_per_page": args.harvest,
        "rounds_limit": args.rounds, "seed": args.seed,
        "sound": all(s.sound for s in stories),
        "workloads": [story_numbers(s) for s in stories],
    }
