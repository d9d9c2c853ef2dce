# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Who tracks, and what `iodirty migrate` says of it: migrate.json in the terms of a report."""

from dataclasses import dataclass

from model import ReportError

SCHEMA = "iodirty-migrate-2"
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


@dataclass(frozen=True)
class Way:
    """A tracker, with what its reports are made from."""

    key: str
    label: str  # in charts and tables
    phrase: str  # in a sentence: "with ..."
    tracker: str
    leaf: int = 4 * KIB
    split: bool = False

    def fits(self, memory):
        return memory % self.leaf == 0


WAYS = [
    Way("type1", "type1", "type1", "type1"),
    Way("4K", "IOMMU, 4 KiB leaves", "IOMMU tracking at 4 KiB", "iommu"),
    Way("64K", "IOMMU, 64 KiB leaves", "IOMMU tracking at 64 KiB", "iommu", 64 * KIB),
    Way("2M", "IOMMU, 2 MiB leaves", "IOMMU tracking at 2 MiB", "iommu", 2 * MIB),
    Way("1G", "IOMMU, 1 GiB leaves", "IOMMU tracking at 1 GiB", "iommu", GIB),
    Way("split", "IOMMU, 2 MiB leaves split on enable", "2 MiB leaves that are split on enable",
        "iommu", 2 * MIB, True),
    Way("log", "device log", "a log in the device", "log"),
    Way("nobody", "nobody", "no tracker", "nobody"),
]
BY_KEY = {way.key: way for way in WAYS}
DRAWN = [way for way in WAYS if way.key != "nobody"]  # that line would be type1's
OLD, NEW = BY_KEY["type1"], BY_KEY["4K"]  # the two that the first sentence sets side by side
LEAVES = [way.leaf for way in WAYS if way.tracker == "iommu" and not way.split]


@dataclass
class Entry:
    """One migration, measured or predicted."""

    way: Way
    how: str  # "measured" or "model"
    workload: str
    memory: int
    link: int  # bits a second
    limit: float  # of the downtime, ns
    converged: bool
    rounds: int  # the last is after the stop
    most_rounds: int
    sent: int
    downtime: float  # by the link, ns
    total: float  # ns
    verdict: str
    harvest: float  # nanoseconds that a report takes for a page that it looks at
    reported: int  # pages
    written: int

    @property
    def reports_all(self):
        return self.way.tracker in ("type1", "nobody")

    def numbers(self):
        """For workload.json."""
        return {
            "how": self.how, "tracker": self.way.key, "memory_bytes": self.memory,
            "link_bits_per_second": self.link, "downtime_limit_ns": self.limit,
            "converged": self.converged, "rounds": self.rounds, "rounds_limit": self.most_rounds,
            "sent_bytes": self.sent, "link_downtime_ns": self.downtime, "total_ns": self.total,
            "reported_pages": self.reported, "written_pages": self.written,
            "verdict": self.verdict, "harvest_ns_per_page": self.harvest,
        }


@dataclass
class Agreement:
    """A measurement beside the model's word: ratios are measured / model."""

    measured: Entry
    model: Entry
    ratios: list  # of rounds, bytes and downtime
    agrees: bool

    @property
    def verdict(self):
        return self.measured.verdict

    def numbers(self):
        return {"measured": self.measured.numbers(), "model": self.model.numbers(),
                **dict(zip(("rounds", "sent", "downtime"), self.ratios)), "agrees": self.agrees}


def way_of(migration):
    for way in WAYS:
        if (way.tracker, way.split) == (migration["tracker"], migration["split"]) and (
                way.tracker != "iommu" or way.leaf == migration["leaf_bytes"]):
            return way
    raise ReportError(f"migrate.json has a tracker that was not asked for: "
                      f"{migration['tracker']}, leaves of {migration['leaf_bytes']} bytes")


def entry(m, harvest):
    """Of a migration in migrate.json."""
    if m["verdict"] == "failed":
        raise ReportError(f"the migration of {m['workload']} with {m['tracker']} failed: "
                          f"{m.get('error', 'no reason given')}")
    return Entry(way_of(m), m["how"], m["workload"], m["memory_bytes"],
                 m["link_bytes_per_second"] * 8, m["downtime_limit_ns"], m["converged"],
                 len(m["rounds"]), m["rounds_limit"], m["sent_bytes"], m["link_downtime_ns"],
                 m["total_ns"], m["verdict"], harvest, m["reported_pages"],
                 m["written_pages"])


def read(data, path, harvest):
    """(entries, agreements) of what is in @path; ReportError if it is not ours to read."""
    try:
        if data["schema"] != SCHEMA:
            raise ReportError(f"{path}: schema {data['schema']!r} in place of {SCHEMA!r}")
        entries = [entry(m, harvest) for m in data["migrations"]]
        rows = [Agreement(entries[a["measured"]], entries[a["model"]],
                          [a["rounds"], a["sent"], a["downtime"]], a["agrees"])
                for a in data.get("agreement", [])]
    except (KeyError, TypeError, IndexError) as error:
        raise ReportError(f"{path} is not what `iodirty migrate` writes: {error!r}") from error
    return entries, rows
