# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Of the certification page: what an engineer wants to know first, on one sheet of paper."""

from collections import Counter

from markup import esc, facts, section, table
from model import BAD, ONCE, UNTRIED, percent
from page_cases import key

ROWS = 8  # of a table; more are in the auditor's part

CLASS_TEXT = {
    "mandatory": "must hold on every product",
    "if-supported": "must hold where the product claims the capability",
    "informative": "is recorded, and judges nothing",
}
# Counters of a class, in words.
COUNTS = {"requirements": "all", "tried": "tried", "passed": "passed", "failed": "failed",
          "waived": "waived", "deviating": "known deviation", "not_capable": "not capable",
          "skipped": "skipped", "no_case": "no case"}
RARE = {"deviating", "not_capable", "no_case"}  # left out where there is none
# Of system.json; where a name is not there, so it is.
SYSTEM = ["kernel", "os", "machine", "cpu_model", "microcode", "memory", "firmware"]


def requirement_link(name):
    return f'<a class="id" href="#r-{esc(name)}">{esc(name)}</a>'


def more(count, anchor):
    """Of rows that are not shown here."""
    return (f'<p class="small"><a href="#{anchor}">{count - ROWS:,} more</a> are in the part for '
            "the auditor.</p>") if count > ROWS else ""


def count_cases(results):
    """As a class of the statement, of single cases."""
    counts = results.counts
    return {"requirements": len(results.cases), "no_case": 0,
            "tried": sum(n for v, n in counts.items() if v not in UNTRIED),
            "failed": sum(counts[v] for v in BAD), "passed": counts["PASS"],
            "waived": counts["WAIVED"], "deviating": counts["XFAIL"],
            "not_capable": counts["NOT_CAPABLE"], "skipped": counts["SKIP"]}


def summary(statement, results):
    counted = [(c["class"], CLASS_TEXT[c["class"]], c)
               for c in statement["conformance"]["classes"]]
    counted.append(("single cases", "a test in one configuration", count_cases(results)))
    shown = [name for name in COUNTS if name not in RARE or any(c[name] for _, _, c in counted)]
    rows = [[f'{esc(name)}<br><span class="faint small">{text}</span>',
             *(f"{c[n]:,}" for n in shown)] for name, text, c in counted]
    runs = len(statement["conformance"]["runs"])
    return section("summary", "Results by class", table(
        ["class", *(COUNTS[n] for n in shown)], rows, numeric=range(1, 1 + len(shown)),
        row_heads=True, caption="Requirements by class. Each counts as its worst case, each case "
        f"as the worst of {runs} run{'s' * (runs > 1)}"))


def remarks(statement):
    if not statement["remarks"]:
        return ""
    return section("remarks", "To be known beside it", "<ul>" + "".join(
        f"<li>{esc(line)}</li>" for line in statement["remarks"]) + "</ul>")


def where(cases):
    formats = dict.fromkeys(c.format for c in cases if c.format != ONCE)
    return f"{len(cases)} on {', '.join(formats)}" if formats else f"{len(cases)}"


def shortened(text, most=90):
    return text if len(text) <= most else text[:most - 1] + "…"


def failures(results):
    by_requirement = {}
    for case in results.bad_cases:
        by_requirement.setdefault(case.requirement, []).append(case)
    rows = []
    for name, cases in list(by_requirement.items())[:ROWS]:
        r, worst = results.requirements[name], cases[0]
        rows.append([f"{requirement_link(name)} {esc(r.title)}",
                     f'<span class="whole">{key(worst.verdict)}'
                     f"{worst.verdict}{', a flake' * any(c.flake for c in cases)}</span>",
                     esc(r.stake.replace("-", " ")), esc(where(cases)),
                     esc(shortened(worst.message))])
    if not rows:
        return ""
    return section("failed", f"What failed ({len(by_requirement)})", table(
        ["requirement", "verdict", "at stake", "cases", "the first of them"], rows, css="roomy",
        row_heads=True, caption="Requirements that failed"),
        more(len(by_requirement), "failures"))


def flakes(statement):
    found = statement["conformance"]["flakes"]
    rows = [[requirement_link(f["requirement"]), esc(f["test"]), esc(f["config"]),
             esc(", ".join(f["verdicts"])),
             "fails the certification" if f["judges"] else "informative: judges nothing"]
            for f in found[:ROWS]]
    return rows and section("flakes", f"Flakes ({len(found)})", table(
        ["requirement", "test", "configuration", "in the runs", ""], rows, row_heads=True,
        caption="Cases that did not do the same in each run"), more(len(found), "failures"))


def waived(statement):
    rows = [[esc(w["requirement"]), len(w["excused"]), esc(w["reason"]), esc(w["expires"])]
            for w in statement["waivers"] if w["excused"]]
    return rows and section("waived", "Waived failures", table(
        ["requirement", "cases", "reason", "until"], rows[:ROWS], numeric=[1], row_heads=True,
        caption="Failures that a waiver excuses: they count neither as passed nor as failed"),
        more(len(rows), "waivers"))


def claims(statement):
    rows = statement["claims"]["rows"]
    count = Counter(r["outcome"] for r in rows)
    who = "the vendor's form" if statement["claims"]["by"] == "form" else \
        "the target itself, since no form says otherwise"
    failed = [[esc(f"{r['kind']} {r['name']}"), r["outcome"], esc(r["why"])]
              for r in rows if r["outcome"] == "FAIL"]
    claimed = len(rows) - count["WARNING"]
    unclaimed = ", ".join(esc(r["name"]) for r in rows if r["outcome"] == "WARNING")
    text = f"<p>Of {claimed} claims, by {who}, {count['OK']} hold" + (
        f" and {count['FAIL']} FAIL" if count["FAIL"] else "") + (
        f"; WARNING: not claimed, and there: {unclaimed}" if unclaimed else "") + ".</p>"
    return section("claimed", "Claims", text, table(
        ["claim", "outcome", "why"], failed[:ROWS], row_heads=True,
        caption="Claims that do not hold") if failed else "", more(len(failed), "claims"))


def not_exercised(statement):
    names = statement["conformance"]["not_exercised"]
    return names and section(
        "untried", f"Mandatory, and not tried ({len(names)})",
        "<p>" + ", ".join(map(requirement_link, names)) + "</p>")


def ratios(bench):
    """Rows of the default way to harvest: density, and what it costs on the cheapest and on the
    dearest format."""
    rows = []
    for density in sorted({c.density for c in bench.good}):
        cells = sorted((c for c in bench.by_leaf(density) if c["x_floor"]
                        and c.leaf == bench.smallest_leaf(c.format)),
                       key=lambda c: c["x_floor"])
        if cells:
            rows.append([f"{percent(density)} %"] + [
                f"×{c['x_floor']:.2f} ({esc(c.format)}, {c['ns_per_iopte']:.3g} ns)"
                for c in (cells[0], cells[-1])])
    return rows


def benchmark(bench, statement):
    failed = statement["benchmark"]["failed"]
    wrong = (f"<p><strong>{failed} harvest{'s were' if failed > 1 else ' was'} wrong</strong>: "
             "that is a failure.</p>") if failed else ""
    rows = ratios(bench) if bench else []
    if len(rows) > 3:
        rows = [rows[0], rows[len(rows) // 2], rows[-1]]
    text = table(["dirty", "least, of the formats", "most"], rows, row_heads=True,
                 caption="A harvest's cost, as a multiple of merely reading the same entries") \
        if rows else "<p>Nothing was measured beside a floor.</p>"
    return section("speed", "What a harvest costs", wrong,
                   "<p>No part of the verdict: times judge nothing. Each bitmap was held against "
                   "the truth, and that does.</p>", text)


def system(facts_of_it):
    return section("machine", "The machine", facts(
        [(name.replace("_", " "), facts_of_it[name]) for name in SYSTEM
         if isinstance(facts_of_it.get(name), (str, int))]))


def parts(statement, evidence, facts_of_system):
    results = evidence.results
    return [part for part in [
        summary(statement, results), failures(results), flakes(statement), waived(statement),
        claims(statement), not_exercised(statement), remarks(statement),
        benchmark(evidence.bench, statement), system(facts_of_system)] if part]
