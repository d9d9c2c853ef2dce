# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
For GitHub Actions: workflow commands, which become annotations of the lines of the tests, and
the Markdown of a step's summary.

An error is what failed; a warning what is wrong with the lists (XPASS), not the same each time
(a flake), waived, or was not reached; a notice what an informative requirement saw. GitHub
shows ten annotations of a kind and step, so the last of more than ten counts the rest.
"""

from export_source import plain

PER_KIND = 10
SUMMARY_BYTES = 1 << 20
MESSAGE = 2000  # characters of one annotation
CELL = 600  # and of one message in a table
STAKES = ["data-loss", "memory-corruption", "availability", "interface"]
KIND_OF = {"FAIL": "error", "CRASH": "error", "HANG": "error", "XPASS": "warning",
           "NOT_RUN": "warning", "WAIVED": "warning", "OBSERVED": "notice"}
MARKUP = set("&<>|\\`*_~#[](){}!@:$")


# ---- annotations ----

def data(text):
    return plain(text).replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def parameter(text):
    return data(text).replace(":", "%3A").replace(",", "%2C")


def command(kind, title, message, **place):
    words = {**place, "title": title}
    listed = ",".join(f"{k}={parameter(str(v))}" for k, v in words.items())
    return f"::{kind} {listed}::{data(cut(message, MESSAGE))}"


def cut(text, length):
    return text if len(text) <= length else text[:length] + "…"


def severity(source, case):
    """What stands on top of a list."""
    stake = source.results.requirements[case["requirement"]].stake
    return STAKES.index(stake) if stake in STAKES else len(STAKES)


def outcome(case):
    """In a word, or a word a run."""
    if "verdicts" in case:
        return " then ".join(case["verdicts"])
    return "WAIVED" if case["state"] == "WAIVED" else case["verdict"]


def groups(source):
    """(kind, the cases of one test that ended alike), the gravest first."""
    found = {}
    for case in source.data["cases"]:
        kind = "warning" if "verdicts" in case else KIND_OF.get(case["state"])
        if kind:
            found.setdefault((kind, case["requirement"], case["test"], case["state"]),
                             []).append(case)
    order = sorted(found.items(), key=lambda item: severity(source, item[1][0]))
    return [(kind, cases) for (kind, *_), cases in order]


def annotation(source, kind, cases, prefix):
    first = cases[0]
    requirement = source.results.requirements[first["requirement"]]
    where = ", ".join(dict.fromkeys(c["config"] for c in cases if c["config"] != "-"))
    said = [f"{outcome(first)} {first['test']}{f' in {cut(where, 300)}' if where else ''}",
            first["message"], f"Stake: {requirement.stake}."]
    return command(kind, f"{requirement.id}: {requirement.title}", "\n".join(filter(None, said)),
                   file=prefix + first["file"], line=first["line"])


def annotations(source, prefix):
    found = {"error": [], "warning": [], "notice": []}
    for kind, cases in groups(source) if source.data else ():
        found[kind].append(annotation(source, kind, cases, prefix))
    for row in source.bench.failed if source.bench else ():
        found["error"].append(command("error", f"benchmark {row.name}", row.error))
    for kind, lines in found.items():
        if len(lines) > PER_KIND:
            rest = len(lines) - PER_KIND + 1
            lines[PER_KIND - 1:] = [command(kind, "iodirty", f"{rest} more: see the summary")]
    return [line for lines in found.values() for line in lines]


# ---- the summary ----

def markdown(text, length=CELL):
    """@text as itself, in a cell of a table, whatever it holds."""
    text = cut(plain(text).strip(), length).replace("\t", " ")
    made = "".join(f"&#{ord(c)};" if c in MARKUP else "<br>" if c == "\n" else c for c in text)
    return made.replace("www.", "www&#46;")  # else a link


def table(head, rows):
    """Lines, none if there are no rows."""
    rows = list(rows)
    if not rows:
        return []
    return ["", "| " + " | ".join(head) + " |", "|" + " --- |" * len(head),
            *("| " + " | ".join(row) + " |" for row in rows)]


def section(title, head, rows):
    lines = table(head, rows)
    return ["", f"### {title}"] + lines if lines else []


def by_class(source):
    rows = []
    for cls, counts in source.results.by_class().items():
        said = ", ".join(f"{n} {v or 'without a case'}" for v, n in sorted(
            counts.items(), key=lambda item: str(item[0])))
        rows.append([markdown(cls), str(sum(counts.values())), markdown(said)])
    return table(["class", "requirements", "by their worst case"], rows)


def cases_table(source, title, wanted):
    found = sorted((c for c in source.data["cases"] if wanted(c)),
                   key=lambda c: severity(source, c))
    rows = ([markdown(c["requirement"]),
             markdown(source.results.requirements[c["requirement"]].stake),
             markdown(outcome(c)),
             markdown(f"{c['test']} {c['config']}"), markdown(c["message"])] for c in found)
    return section(title, ["requirement", "stake", "verdict", "case", "what was seen"], rows)


def conformance(source):
    data_ = source.data
    counts = source.results.counts
    lines = ["", markdown(f"Target {data_['target']['name']}, kernel {data_['host']['release']}, "
                          f"iodirty {data_['tool']['version']}, run {source.run}, seed "
                          f"{data_['seed']}: {sum(counts.values())} cases, "
                          + ", ".join(f"{n} {v}" for v, n in sorted(counts.items())) + ".")]
    if not data_["complete"]:
        lines += ["", "**The run was cut short.**"]
    lines += by_class(source)
    for title, wanted in (
            ("Failed", lambda c: KIND_OF.get(c["state"]) == "error" and "verdicts" not in c),
            ("Not the same each time", lambda c: "verdicts" in c),
            ("Passed in spite of a listed deviation", lambda c: c["state"] == "XPASS"),
            ("Waived", lambda c: c["state"] == "WAIVED"),
            ("Seen, judging nothing", lambda c: c["state"] == "OBSERVED"),
            ("Failed as a listed deviation says", lambda c: c["state"] == "XFAIL"),
            ("Not reached", lambda c: c["state"] == "NOT_RUN")):
        lines += cases_table(source, title, wanted)
    return lines + section("Skipped", ["cases", "why"],
                           ([str(len(cases)), markdown(why)]
                            for why, cases in source.results.skips()))


def benchmark(source):
    rows = source.bench.rows
    return ["", f"Benchmark: {len(rows)} cells, {len(source.bench.failed)} failed."] + section(
        "Benchmark", ["cell", "measured"],
        ([markdown(row.name), markdown(row.error or ", ".join(
            f"{name} {value:.4g}{unit and ' ' + unit}" for name, value, unit in row.measures()))]
         for row in sorted(rows, key=lambda row: not row.error)))


def summary(source, room=SUMMARY_BYTES):
    """The Markdown, in at most @room bytes: rows that do not fit are counted."""
    said = source.statement["sentence"] if source.statement else source.verdict
    lines = [f"## iodirty: {markdown(said)}"]
    if source.data:
        lines += conformance(source)
    if source.bench:
        lines += benchmark(source)
    closing = "\n{} more lines are left out: GitHub shows no more than 1 MiB of a step.\n"
    room -= len(closing) + 20
    if room < 0:
        return ""
    used = 0
    for number, line in enumerate(lines):
        used += len(line.encode()) + 1
        if used > room:
            return "".join(f"{kept}\n" for kept in lines[:number]) + closing.format(
                f"{len(lines) - number:,}")
    return "".join(f"{line}\n" for line in lines)


def write(source, options):
    """The text; the summary is export.py's to put where it belongs."""
    return "".join(line + "\n" for line in annotations(source, options.prefix))
