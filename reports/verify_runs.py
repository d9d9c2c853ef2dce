# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
Do the runs of a package belong together, and were they made as a certification is?

@runs: results.json of logs/run-1, run-2 ..., valid by their schema. Each function returns
what is wrong, a sentence each.
"""

import datetime
import getopt

from verify_views import few, name_of

# Options that change how long a run takes or where it goes, and not what is tried.
SHORT, LONG = "t:f:r:j:o:vh", [
    "target=", "format=", "requirement=", "jobs=", "output=", "force", "ktap", "seed=", "leaf=",
    "timeout-scale=", "soak=", "concurrent", "verbose", "help"]
ALLOWED = {"-t", "--target", "-o", "--output", "-j", "--jobs", "-v", "--verbose", "--seed",
           "--force"}
CLOCKS = 5  # seconds by which the clock of a guest and its host's may differ


def target_of(results):
    """As it is given to -t."""
    target = results["target"]
    return target["name"] if target["argument"] is None else \
        f"{target['name']}:{target['argument']}"


def check_command(results, target):
    words = results["command"]
    if words[:2] != ["iodirty", "conform"]:
        return [f"it was made by “{' '.join(words[:2])}”, and not by iodirty conform"]
    try:
        given, rest = getopt.gnu_getopt(words[2:], SHORT, LONG)
    except getopt.GetoptError as error:
        return [f"its command has an option that there is not: {error}"]
    found = [f"it was made with {name}, which a certification does not have: it changes what is "
             "tried" for name, _ in given if name not in ALLOWED]
    found += [f"its command has “{word}”, which is no option" for word in rest]
    asked = [value for name, value in given if name in ("-t", "--target")][-1:] or ["ref"]
    if asked != [target]:
        found.append(f"its command names the target {asked[0]}, and the statement {target}")
    return found


# What must be the same in all runs; the second part says which fields of it.
SAME = [("target", None), ("tool", None), ("formats", None), ("requirements", None),
        ("host", ["name", "system", "release", "version", "machine", "cpu", "cpus"])]


def check_same(first, run, n):
    for part, fields in SAME:
        one, other = first[part], run[part]
        if isinstance(one, dict):
            yield from (f"run-{n}: {part} {f} is {other[f]}, and in run-1 {one[f]}"
                        for f in fields or one if one[f] != other[f])
        elif one != other:
            yield f"run-{n}: its {part} are not those of run-1"
    cases = {name_of(c): (c["needs"], c["file"], c["line"]) for c in first["cases"]}
    others = {name_of(c): (c["needs"], c["file"], c["line"]) for c in run["cases"]}
    yield from few([f"run-{n} has not the case {c} of run-1" for c in cases if c not in others]
                   + [f"run-{n} has the case {c}, which run-1 has not" for c in others
                      if c not in cases]
                   + [f"run-{n}: the case {c} is not run-1's: other needs, file or line"
                      for c in cases if c in others and cases[c] != others[c]])


def check_ids(runs, statement, bench):
    """Each run once, under its own name, with its own seed."""
    seen = {statement["id"]: "the package"}
    for what, made in [(f"run-{n}", r["run"]) for n, r in enumerate(runs, 1)] + (
            [("the benchmark", bench["context"]["run"])] if bench else []):
        if made in seen:
            yield f"{what} is {seen[made]} once more: both have the id {made}"
        seen.setdefault(made, what)
    seeds = {}
    for n, run in enumerate(runs, 1):
        if run["seed"] in seeds:
            yield (f"run-{n} has the seed of run-{seeds[run['seed']]}: the same numbers twice "
                   "are no repeat")
        seeds.setdefault(run["seed"], n)
    stated = [r["run"] for r in statement["conformance"]["runs"]]
    for n, run in enumerate(runs, 1):
        if n > len(stated):
            yield f"run-{n} is not in the statement, which names {len(stated)} runs"
        elif run["run"] != stated[n - 1]:
            yield f"run-{n} is {run['run']}, and in the statement {stated[n - 1]}"
    if len(stated) > len(runs):
        yield f"the statement names {len(stated)} runs, and {len(runs)} are there"


def moment(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")


def check_times(runs, statement):
    """One after the other, and all before the statement."""
    slack = datetime.timedelta(seconds=CLOCKS)
    moments = [("the package", "created", statement["created"], 0)] + [
        (f"run-{n}", "started", r["started"], r["seconds"]) for n, r in enumerate(runs, 1)]
    spans = []
    for what, field, text, seconds in moments:
        try:
            start = moment(text)
            spans.append((what, start, start + datetime.timedelta(seconds=seconds)))
        except (ValueError, OverflowError):
            yield f"{what}: {field} {text} is no time that there was"
            return
    (_, created, _), *spans = spans
    for (a, _, end), (b, start, _) in zip(spans, spans[1:]):
        if start < end - slack:
            yield f"{b} started {start}, before {a} was over ({end:%Y-%m-%d %H:%M:%S})"
    for what, _, end in spans:
        if end > created + slack:
            yield (f"{what} ended {end:%Y-%m-%d %H:%M:%S}, after the statement was made "
                   f"({created})")


def check_statement(runs, statement):
    """Target and version."""
    stated = statement["product"]["target"], statement["tool"]["version"]
    for n, run in enumerate(runs, 1):
        for field, seen, said in (("target", target_of(run), stated[0]),
                                  ("version of iodirty", run["tool"]["version"], stated[1])):
            if seen != said:
                yield f"run-{n}: the {field} is {seen}, and in the statement {said}"


def check_bench(run, statement, bench):
    """The benchmark is of the same target, kernel and tool, and is the one that is stated."""
    context, stated = bench["context"], statement["benchmark"]
    for field, seen, said, whose in (
            ("run", context["run"], stated["run"], "the statement"),
            ("mode", context["mode"], stated["mode"], "the statement"),
            ("target", context["target"], target_of(run), "run-1"),
            ("version of iodirty", context["iodirty_version"], run["tool"]["version"], "run-1"),
            ("kernel", context["kernel"], run["host"]["release"], "run-1")):
        if seen != said:
            yield f"logs/bench.json: the {field} is {seen}, and in {whose} {said}"
    # A quick one has some of them, and none has those that cannot be measured.
    formats = {f["name"] for f in run["formats"]}
    yield from (f"logs/bench.json: the format {name} is none of run-1's"
                for name in context["formats"].split() if name not in formats)


def check_tool(folder, stated):
    """tool/ says of the checkout what the statement does."""
    commits = folder / "commits.txt"
    first = commits.read_bytes()[:200].split(b"\n")[0].decode(errors="replace") \
        if commits.is_file() else ""
    expected = f"commit {stated['git_commit']}" if stated["git_commit"] else ""
    if first != expected:
        yield f"tool/commits.txt begins with “{first}”, and by the statement “{expected}”"
    diff = (folder / "changes.diff").is_file()
    if diff != (stated["git_clean"] is False):
        yield (f"tool/changes.diff is {'there' if diff else 'missing'}, and in the statement "
               f"git_clean is {stated['git_clean']}")


def check_machine(run, facts, form):
    """system.json and the form are of the kernel that ran."""
    release = run["host"]["release"]
    kernel = f"{run['host']['system']} {release}"
    if facts["kernel"] != kernel:
        yield f"system.json: the kernel is {facts['kernel']}, and in run-1 {kernel}"
    if form and form["kernel"]["release"] != release:
        yield f"form.toml: the kernel is {form['kernel']['release']}, and in run-1 {release}"
