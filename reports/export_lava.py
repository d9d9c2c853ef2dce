# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
The signals that a LAVA job's shell prints, for the dispatcher to read from the console: a test
set a chapter, a test case a requirement and format, and one for each number that was measured.

What fails the run fails in LAVA, and nothing else does. Names are of [A-Za-z0-9._-].
"""

from export_source import Names, plain, slug

# The worst first: what several cases amount to.
RESULTS = ["fail", "unknown", "pass", "skip"]
RESULT_OF = {"FAIL": "fail", "CRASH": "fail", "HANG": "fail", "XPASS": "fail",
             "NOT_RUN": "unknown", "PASS": "pass", "SKIP": "skip", "NOT_CAPABLE": "skip",
             "XFAIL": "skip", "WAIVED": "skip", "OBSERVED": "skip"}


def case(name, result, value=None, unit=""):
    words = [f"TEST_CASE_ID={name}", f"RESULT={result}"]
    if value is not None:
        unit = "".join(c for c in plain(unit) if not c.isspace() and c not in "=<>")
        words += [f"MEASUREMENT={value!r}"] + [f"UNITS={unit}"] * bool(unit)
    return f"<LAVA_SIGNAL_TESTCASE {' '.join(words)}>"


def test_set(name, lines):
    return [f"<LAVA_SIGNAL_TESTSET START {slug(name)}>", *lines, "<LAVA_SIGNAL_TESTSET STOP>"]


def of_row(row, names):
    results = {RESULT_OF[c["state"]] for c in row.cases}
    yield case(names.of(*row.words), min(results, key=RESULTS.index))
    for one in row.cases:
        for measure in one["measures"]:
            if measure["value"] is not None:
                yield case(names.of(*row.words, one["test"], measure["name"]), "pass",
                           measure["value"], measure["unit"])


def of_measurement(row, names):
    if row.error:
        yield case(names.of(*row.name.split("/")), "fail")
    for name, value, unit in row.measures():
        yield case(names.of(*row.name.split("/"), name), "pass", value, unit)


def write(source, _options):
    """The text."""
    sets = {}
    names = Names()
    for row in source.rows() if source.data else ():
        sets.setdefault(row.requirement.chapter, []).extend(of_row(row, names))
    for row in source.bench.rows if source.bench else ():
        sets.setdefault(f"bench-{row.set}", []).extend(of_measurement(row, names))
    lines = [line for name, inside in sets.items() for line in test_set(name, inside)]
    return "".join(line + "\n" for line in lines)
