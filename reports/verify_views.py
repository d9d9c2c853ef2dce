# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
Do the files of a run say one thing? results.ktap, junit.xml and the end of console.txt are
views of results.json: what each must hold is said here from results.json and from the formats
(KTAP 1, JUnit), and not from the program that wrote them.

Each function returns what is wrong, a sentence each, the first few of a kind. @results is valid
by its schema.
"""

import itertools
import math

SHOWN = 3
# Of a run's cases, from the worst: what several amount to is their worst.
VERDICTS = ["FAIL", "CRASH", "HANG", "XPASS", "NOT_RUN", "XFAIL", "NOT_CAPABLE", "PASS", "SKIP"]


def few(words):
    """The first of @words, and how many more there are."""
    words = list(words)
    more = len(words) - SHOWN
    return words[:SHOWN] + ([f"and {more:,} more"] if more > 0 else [])


def fails(verdict, cls):
    """Does a case with it fail the run? What an informative requirement lacks does not."""
    return verdict in ("CRASH", "HANG", "XPASS") or verdict == "FAIL" and cls != "informative"


def classes(results):
    return {r["id"]: r["class"] for r in results["requirements"]}


def name_of(case):
    return f"{case['requirement']} {case['test']} {case['config']}"


# ---- what results.json says of its own cases ----

def tally(verdicts):
    counts = dict.fromkeys(VERDICTS, 0)
    for verdict in verdicts:
        counts[verdict] += 1
    return counts


def outcome_of(results):
    """(outcome, exit code), of the cases."""
    cls = classes(results)
    cases = results["cases"]
    if not results["complete"]:
        return "interrupted", 1
    if any(fails(c["verdict"], cls.get(c["requirement"])) for c in cases):
        return "failed", 1
    if all(c["verdict"] in ("SKIP", "NOT_CAPABLE", "NOT_RUN") for c in cases):
        return "nothing-ran", 4
    return "passed", 0


def not_exercised(results):
    tried = {c["requirement"] for c in results["cases"]
             if c["verdict"] not in ("SKIP", "NOT_CAPABLE", "NOT_RUN")}
    return [r["id"] for r in results["requirements"]
            if r["class"] == "mandatory" and r["id"] not in tried]


def table_of(results):
    cells = {}
    for case in results["cases"]:
        cells.setdefault((case["requirement"], case["config"]), []).append(case["verdict"])
    return {key: min(verdicts, key=VERDICTS.index) for key, verdicts in cells.items()}


def check_cases(results):
    """Each case of a requirement that is there, once, with the fields that its verdict has."""
    known, seen = classes(results), set()
    for case in results["cases"]:
        name = name_of(case)
        if case["requirement"] not in known:
            yield f"{name}: there is no such requirement in it"
        if name in seen:
            yield f"{name}: is there twice"
        seen.add(name)
        # A test that dies may have scribbled over its record before.
        listed = case["verdict"] in ("XFAIL", "XPASS")
        if (case["deviation"] is not None) != listed and case["verdict"] not in ("CRASH", "HANG"):
            yield f"{name}: {case['verdict']}, with the deviation {case['deviation']}"
        if (case["message"] != "") != (case["verdict"] != "PASS"):
            yield (f"{name}: {case['verdict']}, and the message that says why is "
                   + (f"“{case['message']}”" if case["message"] else "empty"))
        if case["verdict"] == "NOT_RUN" and results["complete"]:
            yield f"{name}: NOT_RUN, in a run that says it is complete"


def check_summary(results):
    """Totals, table, outcome: they follow from the cases."""
    words = few(check_cases(results))
    table, rows = table_of(results), {}
    for row in results["table"]:
        key = row["requirement"], row["config"]
        if key in rows:
            words.append(f"the table has {' '.join(key)} twice")
        rows[key] = row["verdict"]
    words += few(f"the table says {rows.get(key, 'nothing')} of {' '.join(key)}, its cases "
                 f"{table.get(key, 'nothing')}" for key in {**table, **rows}
                 if table.get(key) != rows.get(key))
    outcome, exit_code = outcome_of(results)
    for field, seen in (("totals", tally(c["verdict"] for c in results["cases"])),
                        ("table_totals", tally(table.values())),
                        ("not_exercised", not_exercised(results)),
                        ("outcome", outcome), ("exit_code", exit_code)):
        if results[field] != seen:
            words.append(f"{field} is {short(results[field])}, by its cases {short(seen)}")
    return words


def short(value):
    if isinstance(value, dict):
        value = {k: v for k, v in value.items() if v}
    if isinstance(value, list):
        value = " ".join(map(str, value[:10])) or "empty"
    return str(value)


# ---- KTAP ----

NOT_FINITE = "(not finite)"
DIRECTIVES = {
    "PASS": "", "SKIP": " # SKIP {line}", "NOT_CAPABLE": " # SKIP not capable: {line}",
    "FAIL": "", "XFAIL": " # XFAIL {deviation}",
    "XPASS": " # ERROR passed in spite of deviation {deviation}", "HANG": " # TIMEOUT",
    "CRASH": " # ERROR the test's process crashed", "NOT_RUN": " # ERROR not run"}


def lines_of(text):
    """Of a message; an empty one has none."""
    return text.removesuffix("\n").split("\n") if text else []


def ktap_case(case, number, cls):
    """The lines of a case: diagnostics, unless it was skipped, and the verdict."""
    if case["verdict"] != "SKIP":
        yield from (f"  #    {line}" for line in lines_of(case["message"]))
        yield from (f"  #      {line}" for line in lines_of(case["notes"]))
        for m in case["measures"]:
            value = NOT_FINITE if m["value"] is None else f"{m['value']:g}"
            yield f"  #    {m['name']}: {value} {m['unit']}"
    verdict = case["verdict"]
    directive = DIRECTIVES[verdict].format(line=case["message"].replace("\n", " | "),
                                           deviation=case["deviation"])
    if verdict == "FAIL" and cls == "informative":
        directive = " # XFAIL the requirement is informative"
    result = "not ok" if fails(verdict, cls) or verdict == "NOT_RUN" else "ok"
    yield f"  {result} {number} {case['test']}:{case['config']}{directive}"


def ktap_of(results):
    """The lines that results.ktap must have."""
    known = {r["id"]: r for r in results["requirements"]}
    groups = [(r, list(cases)) for r, cases in
              itertools.groupby(results["cases"], key=lambda c: c["requirement"])]
    yield "KTAP version 1"
    yield (f"# iodirty {results['tool']['version']}, target {results['target']['name']}, "
           f"run {results['run']}")
    yield f"1..{len(groups)}"
    for number, (name, cases) in enumerate(groups, 1):
        r = known.get(name, {"title": "", "class": ""})
        yield from ("  KTAP version 1", f"  # Subtest: {name}", f"  # {r['title']}",
                    f"  1..{len(cases)}")
        for i, case in enumerate(cases, 1):
            yield from ktap_case(case, i, r["class"])
        bad = any(fails(c["verdict"], r["class"]) or c["verdict"] == "NOT_RUN" for c in cases)
        skipped = all(c["verdict"] == "SKIP" for c in cases)
        yield (f"{'not ok' if bad else 'ok'} {number} {name}"
               + " # SKIP every case was skipped" * skipped)


def same_but_for_what_is_not_finite(seen, expected):
    """JSON has one word for such a number, null; KTAP has more."""
    return NOT_FINITE in expected and seen in [expected.replace(NOT_FINITE, word)
                                               for word in ("inf", "-inf", "nan", "-nan")]


def check_ktap(results, text):
    seen, expected = text.split("\n"), [*ktap_of(results), ""]
    if seen[1:2] != expected[1:2]:
        return [f"its second line is “{'' if len(seen) < 2 else seen[1]}”, and by results.json "
                f"“{expected[1]}”"]
    lines = enumerate(itertools.zip_longest(seen, expected, fillvalue="(no line)"), 1)
    # Lines after it may be as they must be, and only stand elsewhere.
    return [f"line {number}: “{a}”, and by results.json “{b}”" for number, (a, b) in lines
            if a != b and not same_but_for_what_is_not_finite(a, b)][:1]


# ---- JUnit ----

def element_of(case, cls):
    """(what JUnit calls the verdict, its type); (None, None): a pass."""
    verdict = case["verdict"]
    if verdict == "PASS":
        return None, None
    if verdict in ("FAIL", "XPASS") and fails(verdict, cls):
        return "failure", verdict
    return ("error", verdict) if verdict in ("HANG", "CRASH", "NOT_RUN") else ("skipped", None)


def first_line(message):
    """Of 200 bytes at most."""
    return message.partition("\n")[0].encode("utf-8")[:200].decode("utf-8", errors="ignore")


def same_time(text, seconds):
    """ "0.012" is 0.01249: three digits after the point."""
    try:
        return math.isclose(float(text), seconds, rel_tol=1e-9, abs_tol=0.00051)
    except (TypeError, ValueError):
        return False


def junit_case(case, cls, element):
    """What is not as @case in its <testcase>."""
    kind, type_ = element_of(case, cls)
    children = [("system-out", None, case["notes"])] * bool(case["notes"])
    if kind:
        children.insert(0, (kind, type_, case["message"]))
    seen = [(e.tag, e.get("type"), e.text or "") for e in element]
    if seen != children:
        yield (f"it is {seen or 'a pass'}, and by results.json {case['verdict']}, "
               f"{children or 'a pass'}")
    elif kind and element[0].get("message") != first_line(case["message"]):
        yield (f"its message is “{element[0].get('message')}”, and by results.json "
               f"“{first_line(case['message'])}”")
    yield from (f"unknown '{n}'" for n in sorted(
        element.attrib.keys() - {"classname", "name", "time"}))
    if not same_time(element.get("time"), case["seconds"]):
        yield f"it took {element.get('time')} s, and by results.json {case['seconds']:.3f} s"


def counts_of(results, cases):
    cls = classes(results)
    kinds = [element_of(c, cls.get(c["requirement"]))[0] for c in cases]
    return {"tests": str(len(kinds)), "failures": str(kinds.count("failure")),
            "errors": str(kinds.count("error")), "skipped": str(kinds.count("skipped"))}


def time_faults(prefix, element, cases):
    """Of all the cases together."""
    seconds = math.fsum(c["seconds"] for c in cases)
    if not same_time(element.get("time"), seconds):
        yield f"{prefix}it took {element.get('time')} s, and by results.json {seconds:.3f} s"


def suite_faults(results, suite, cases):
    """Of the attributes and properties of a chapter's <testsuite>."""
    attributes = {"name": cases[0]["requirement"].rpartition("-")[0],
                  **counts_of(results, cases),
                  "timestamp": results["started"].removesuffix("Z"),
                  "hostname": results["host"]["name"]}
    properties = {"target": results["target"]["name"], "run": results["run"],
                  "seed": results["seed"], "complete": str(results["complete"]).lower()}
    seen = {e.get("name"): e.get("value") for e in suite.findall("properties/property")}
    for kind, expected, found in (("", attributes, suite.attrib),
                                  ("the property ", properties, seen)):
        for name, value in expected.items():
            if found.get(name) != value:
                yield (f"suite {attributes['name']}: {kind}{name} is “{found.get(name)}”, and by "
                       f"results.json “{value}”")
    yield from time_faults(f"suite {attributes['name']}: ", suite, cases)
    unknown = ({*seen} - {*properties}) | ({*suite.attrib} - {*attributes, "time"})
    yield from (f"suite {attributes['name']}: unknown '{n}'" for n in sorted(unknown))


def cases_faults(suite, cases, cls):
    """Of the <testcase>s of a chapter."""
    elements = [e for e in suite if e.tag != "properties"]
    names = [f"{e.get('classname')} {e.get('name')}" for e in elements]
    expected = [name_of(c) for c in cases]
    if names == expected:
        for case, element in zip(cases, elements):
            yield from (f"{name_of(case)}: {w}" for w in
                        junit_case(case, cls.get(case["requirement"]), element))
        return
    has, lacks = set(names) - set(expected), set(expected) - set(names)
    yield from (f"{name} is not in results.json" for name in sorted(has))
    yield from (f"{name} is missing" for name in sorted(lacks))
    if not has and not lacks:
        yield f"suite {suite.get('name')}: its cases stand in another order"


def check_junit(results, root):
    """@root: the element <testsuites>."""
    cls = classes(results)
    chapters = [list(cases) for _, cases in itertools.groupby(
        results["cases"], key=lambda c: c["requirement"].rpartition("-")[0])]
    expected = {"name": "iodirty", **counts_of(results, results["cases"])}
    del expected["skipped"]  # Jenkins' schema has it of a suite, not of all together
    words = [f"{name} is “{root.get(name)}”, and by results.json “{value}”" for name, value in
             expected.items() if root.get(name) != value]
    words += time_faults("", root, results["cases"])
    words += (f"unknown '{n}'" for n in sorted(root.attrib.keys() - {*expected, "time"}))
    if root.tag != "testsuites" or len(root) != len(chapters):
        return words + [f"it has {len(root)} suites, and by results.json {len(chapters)}"]
    for suite, cases in zip(root, chapters):
        words += suite_faults(results, suite, cases)
        words += cases_faults(suite, cases, cls)
    return few(words)


# ---- the console ----

def closing_line(results):
    cls = classes(results)
    verdicts = [c["verdict"] for c in results["cases"]]
    failed = sum(fails(c["verdict"], cls.get(c["requirement"])) for c in results["cases"])
    return (f"target {results['target']['name']}, run {results['run']}, seed {results['seed']}: "
            f"{results['outcome']}: {len(verdicts)} cases, {verdicts.count('PASS')} passed, "
            f"{failed} failed, {verdicts.count('SKIP')} skipped, {results['seconds']:.1f} s")


def check_console(results, text):
    seen = (text.rstrip("\n").split("\n") or [""])[-1]
    expected = closing_line(results)
    return [] if seen == expected else [f"its last line is “{seen}”, and by results.json "
                                        f"“{expected}”"]
