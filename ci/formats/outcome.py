# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How a check of a format ends, and what results.json says that each format must show."""

from collections import Counter

ORDER = ["FAIL", "CRASH", "HANG", "XPASS", "NOT_RUN", "XFAIL", "NOT_CAPABLE", "PASS", "SKIP"]


class Skip(Exception):
    """It cannot be checked here; the text says why."""


def equal(seen, expected, what):
    if seen != expected:
        raise AssertionError(f"{what}: expected {expected!r}, seen {seen!r}")


def check(good, what):
    if not good:
        raise AssertionError(what)


def informative(results):
    return {r["id"] for r in results["requirements"] if r["class"] == "informative"}


def word(results, case):
    """The verdict; INFORMATIVE for a failure that judges nothing."""
    if case["verdict"] == "FAIL" and case["requirement"] in informative(results):
        return "INFORMATIVE"
    return case["verdict"]


def tally(results, words):
    """Cases by what @words makes of their verdicts."""
    return Counter(words[word(results, c)] for c in results["cases"])


def rows(results):
    """(requirement, format) -> the words of its cases, in the order of the run."""
    found = {}
    for case in results["cases"]:
        where = case["requirement"], case["config"].partition("/")[0]
        found.setdefault(where, []).append(word(results, case))
    return found
