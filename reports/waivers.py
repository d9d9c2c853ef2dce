# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
waivers.toml: which failures a vendor is excused from, why, and until when.

read() takes the file or refuses it whole; check() holds it against the list of
requirements, and has to be called before a waiver counts: only what that list
calls waivable may be waived. find() is asked for failures alone. A waiver is good
for all of the day on which it expires.
"""

import datetime
import json
import re
import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import jsonschema

from model import ReportError

LARGEST = 1 << 16
SCHEMA = Path(__file__).resolve().parent / "schemas/waivers.schema.json"


def is_glob(pattern):
    return any(c in pattern for c in "*?[")


@dataclass(frozen=True)
class Waiver:
    requirement: str
    reason: str
    expires: datetime.date
    test: str = ""
    config: str = ""

    def __str__(self):
        more = [f"{name} {value}" for name, value in (("test", self.test),
                                                      ("config", self.config)) if value]
        return f"the waiver of {self.requirement}" + (f" ({', '.join(more)})" if more else "")

    @property
    def rank(self):
        """The larger the more specific: an id before a glob, a long glob before a short one,
        with a test or a configuration before without."""
        return (not is_glob(self.requirement), len(self.requirement),
                bool(self.test) + bool(self.config))

    def matches(self, requirement, test, config):
        return (fnmatchcase(requirement, self.requirement)
                and fnmatchcase(test, self.test or "*")
                and fnmatchcase(config, self.config or "*"))

    def over(self, day):
        return day > self.expires


def place(path):
    """Where in the file a schema found something, for who counts from 1."""
    parts = [f"number {p + 1}" if isinstance(p, int) else str(p) for p in path]
    return " ".join(parts) or "the file"


def validate(data):
    """ReportError in words unless @data is as the schema says."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    error = jsonschema.exceptions.best_match(
        jsonschema.Draft7Validator(schema).iter_errors(data))
    if error:
        field = error.path[-1] if error.path else ""
        said = {"reason": "a reason must be given", "expires":
                "a date is wanted, as in expires = 2027-06-30"}.get(field, error.message)
        raise ReportError(f"{place(error.path)}: {said}")


def plain(value):
    """TOML's dates as strings, so that a JSON Schema can judge them."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    return value


def day_of(text):
    try:
        return datetime.date.fromisoformat(text)
    except ValueError as error:
        raise ReportError(f"{text} is no day of the calendar") from error


def text_of(path):
    with open(path, "rb") as file:
        text = file.read(LARGEST + 1)
    if len(text) > LARGEST:
        raise ReportError(f"more than {LARGEST >> 10} KiB are no list of waivers")
    return text.decode("utf-8")


def read(path):
    """The waivers of the file, or ReportError: it is taken whole or not at all."""
    try:
        data = plain(tomllib.loads(text_of(path)))
        validate(data)
        waivers = [Waiver(**dict(w, expires=day_of(w["expires"]))) for w in data["waiver"]]
        refuse_ties(waivers)
    except OSError as error:
        raise ReportError(f"{path}: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise ReportError(f"{path} is not TOML: {error}") from error
    except ReportError as error:
        raise ReportError(f"{path}: {error}") from error
    return waivers


def ends(pattern):
    """What a pattern has before its first special character, and after its last."""
    parts = re.split(r"[*?\[\]]", pattern)
    return parts[0], parts[-1]


def may_meet(one, other):
    """Can two patterns match the same word? Of two globs that begin and end alike it is not
    ruled out."""
    if not one or not other:
        return True
    if is_glob(one) and is_glob(other):
        (head, tail), (head_2, tail_2) = ends(one), ends(other)
        return ((head.startswith(head_2) or head_2.startswith(head))
                and (tail.endswith(tail_2) or tail_2.endswith(tail)))
    return fnmatchcase(one, other) or fnmatchcase(other, one)


def refuse_ties(waivers):
    """Of two that match a case one must be the more specific, whichever cases there are."""
    for i, one in enumerate(waivers):
        for other in waivers[:i]:
            if one.rank == other.rank and all(
                    may_meet(getattr(one, field), getattr(other, field))
                    for field in ("requirement", "test", "config")):
                raise ReportError(f"{other} and {one} can match the same case, and none is the "
                                  "more specific: make one so, or take one away")


def check(waivers, requirements):
    """Hold them against `iodirty list requirements --json`: ReportError if one is of nothing
    that is known, or takes in what cannot be waived."""
    for waiver in waivers:
        matching = [r for r in requirements if fnmatchcase(r["id"], waiver.requirement)]
        if not matching:
            raise ReportError(f"waivers.toml: there is no requirement {waiver.requirement}; "
                              "`iodirty list requirements` has them")
        for r in matching:
            if not r["waivable"]:
                also = f", which {waiver.requirement} takes in," * is_glob(waiver.requirement)
                never = r["stake"] in ("data-loss", "memory-corruption")
                raise ReportError(
                    f"waivers.toml: {r['id']}{also} cannot be waived: what is at stake is "
                    f"{r['stake']}" + (": never waived" if never else ""))


def match(waivers, requirement, test, config):
    """The most specific that is about the case, be it over or not; None."""
    return max((w for w in waivers if w.matches(requirement, test, config)),
               key=lambda w: w.rank, default=None)


def find(waivers, requirement, test, config, day):
    """The waiver that excuses a failure of the case on @day; None. Where the most specific is
    over no other steps in: it says of this case until when."""
    waiver = match(waivers, requirement, test, config)
    return None if waiver is None or waiver.over(day) else waiver
