# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The report as one HTML page that needs nothing but itself."""

from pathlib import Path
from string import Template

from markup import details, esc, facts, section, table
from model import BAD, MEANING, ONCE, VERDICTS, worst
from performance import performance

TEMPLATES = Path(__file__).resolve().parent / "templates"

SYMBOLS = {"PASS": "✓", "FAIL": "F", "CRASH": "C", "HANG": "H", "XPASS": "X", "NOT_RUN": "?",
           "XFAIL": "d", "NOT_CAPABLE": "n", "SKIP": "–"}
CLASS_TEXT = {
    "mandatory": "must hold on every product",
    "if-supported": "must hold where the product claims the capability",
    "informative": "is recorded, and judges nothing by itself",
}
STAKE_TEXT = {
    "data-loss": "a page written by a device is lost in migration",
    "memory-corruption": "memory that nobody asked to change is changed",
    "availability": "the machine, or a migration, stops",
    "interface": "programs are told something that is not so",
}


def key(verdict):
    return f'<span class="key v-{verdict}">{SYMBOLS[verdict]}</span>'


# ---- the verdict ----

def head(statement):
    css = "passed" if statement["verdict"] == "PASSED" else "failed"
    word, _, rest = statement["sentence"].partition(":")
    product = statement["product"]
    tool = statement["tool"]
    commit = tool["git_commit"]
    if commit:
        commit = commit[:12] + ("" if tool["git_clean"] else ", with local changes")
    return (f'<header><h1>IOMMU dirty tracking: certification report of '
            f'{esc(product["target"])}</h1>'
            f'<div class="verdict {css}"><p><strong>{esc(word)}</strong>:{esc(rest)}</p>'
            + "".join(f"<p>{esc(line)}</p>" for line in statement["remarks"]) + "</div>"
            f'<p class="faint small">Target {esc(product["target"])} · '
            f'{esc(statement["created"])} · iodirty {esc(tool["version"])}'
            f'{" · commit " + esc(commit) if commit else ""}</p>'
            "</header>")


def navigation(anchors):
    return "<nav>" + " ".join(f'<a href="#{a}">{esc(t)}</a>' for a, t in anchors) + "</nav>"


def about(statement):
    return section(
        "about", "What was tested",
        "<p>A hypervisor can move a running virtual machine to another host only if it learns "
        "which memory the machine's devices have written in the meantime. The IOMMU notes this "
        "in <em>dirty bits</em>; Linux hands them out through iommufd, in what is called a "
        "<em>harvest</em>. A dirty bit that is lost is memory that arrives stale: silent "
        "corruption of the virtual machine. This report says whether the product under test "
        "keeps the numbered requirements of the iodirty suite.</p>",
        f"<p>{esc(statement['product']['description'])}</p>")


def summary(results):
    rows = []
    for cls, counts in results.by_class().items():
        bad = sum(counts[v] for v in BAD)
        rows.append([f"{esc(cls or 'unclassified')}"
                     f'<br><span class="faint small">{esc(CLASS_TEXT.get(cls, ""))}</span>',
                     sum(counts.values()), counts["PASS"], bad or "0", counts["XFAIL"],
                     counts["NOT_CAPABLE"], counts["SKIP"], counts[None]])
    counts = results.counts
    rows.append(["<strong>single cases</strong>"
                 '<br><span class="faint small">a test in one configuration</span>',
                 len(results.cases), counts["PASS"], sum(counts[v] for v in BAD),
                 counts["XFAIL"], counts["NOT_CAPABLE"], counts["SKIP"], "–"])
    return section(
        "summary", "Summary",
        table(["requirements by class", "all", "passed", "failed", "known deviation", "not capable",
               "skipped", "no case"], rows, numeric=range(1, 8)),
        '<p class="faint small">A requirement counts as its worst case. It is skipped when all '
        "its cases were.</p>")


# ---- conformance ----

def failure(cases, requirement, target):
    """Cases of one test that failed alike, in one configuration or in several."""
    case = cases[0]
    configs = [c.config for c in cases if c.config != ONCE]
    again = f"iodirty conform -t {target} -r {requirement.id}" + "".join(
        f" -f {name}" for name in dict.fromkeys(c.format for c in cases if c.config != ONCE))
    parts = [f'<div class="failure"><h3>{key(case.verdict)} {esc(case.verdict)} '
             f'<a href="#r-{esc(requirement.id)}">{esc(requirement.id)}</a> '
             f"{esc(requirement.title)}</h3>",
             "<p>on " + ", ".join(f"<strong>{esc(c)}</strong>" for c in configs) + "</p>"
             if configs else "",
             f'<p class="small faint">{esc(requirement.cls)}; at stake: '
             f"{esc(STAKE_TEXT.get(requirement.stake, requirement.stake))}; "
             f"test {esc(case.test)}, {esc(case.where)}</p>",
             f"<pre>{esc(case.message or MEANING[case.verdict])}</pre>"]
    if case.notes:
        parts.append(f"<pre>{esc(case.notes)}</pre>")
    parts.append(f'<p class="small">Again: <code>{esc(again)}</code></p></div>')
    return "\n".join(parts)


def failures(anchor, title, cases, results, target, in_full=100):
    alike = {}
    for case in cases:
        group = case.requirement, case.test, case.verdict, case.message, case.notes
        alike.setdefault(group, []).append(case)
    if not alike:
        return ""
    shown = [failure(of, results.requirements[of[0].requirement], target)
             for of in list(alike.values())[:in_full]]
    if len(alike) > in_full:
        shown.append(f"<p>{len(alike) - in_full} more are in logs/results.json.</p>")
    return section(anchor, f"{title} ({len(cases)})", *shown)


def deviations(results):
    known = [c for c in results.cases if c.verdict == "XFAIL"]
    if not known:
        return ""
    rows = [[f'<span class="id">{esc(c.deviation)}</span>', esc(c.requirement), esc(c.config),
             esc(c.message)] for c in known]
    return section("deviations", "Known deviations",
                   "<p>These cases fail, and a listed deviation says so.</p>",
                   table(["deviation", "requirement", "configuration", "message"], rows))


def matrix_head(formats):
    names = "".join(f'<th scope="col"><span class="turned">{esc(name)}</span></th>'
                    for name in ["any format", *formats])
    return f'<thead><tr><th scope="col">requirement</th>{names}</tr></thead>'


def matrix_cell(requirement, fmt, cases):
    """All leaf sizes of a format in one; where nothing ran, the reason in its place."""
    where = "any format" if fmt == ONCE else fmt
    if not cases:
        why = ("asked of each format by itself" if fmt == ONCE else
               "no page-table format matters to it" if requirement.cases else
               "no case in this run")
        return f'<td class="none" title="{esc(f"{requirement.id} on {where}: {why}")}">–</td>'
    verdict = worst(c.verdict for c in cases)
    title = f"{requirement.id} on {where}: {verdict}"
    lines = dict.fromkeys(f"\n{c.test} {c.config.partition('/')[2]}: {c.verdict}"
                          + (f", {c.message[:200]}" if c.message else "")
                          for c in sorted(cases, key=lambda c: VERDICTS.index(c.verdict)))
    title += "".join(list(lines)[:8])
    return f'<td class="v-{verdict}" title="{esc(title)}">{SYMBOLS[verdict]}</td>'


def matrix(results):
    formats = results.formats()
    bodies = []
    for chapter, requirements in results.chapters().items():
        rows = [f'<tr><th class="chapter" scope="rowgroup" colspan="{len(formats) + 2}">'
                f"{esc(chapter)}</th></tr>"]
        for r in requirements:
            cells = r.cells()
            rows.append(
                f'<tr><th scope="row" title="{esc(r.title)}"><a class="id" href="#r-{esc(r.id)}">'
                f"{esc(r.id)}</a> {esc(r.title)}</th>"
                + "".join(matrix_cell(r, f, cells.get(f)) for f in [ONCE, *formats]) + "</tr>")
        bodies.append("<tbody>" + "\n".join(rows) + "</tbody>")
    used = {c.verdict for c in results.cases}
    legend = '<p class="legend small">' + "".join(
        f'<span class="item">{key(v)}{v}: {esc(MEANING[v])}</span> '
        for v in VERDICTS[::-1] if v in used) + \
        '<span class="item">–: does not apply</span> ' \
        '<span class="item">A cell is the worst of its leaf sizes, and says more when pointed ' \
        'at.</span></p>'
    return section("matrix", "Every requirement on every format", legend,
                   '<div class="scroll"><table class="matrix">' + matrix_head(formats)
                   + "\n".join(bodies) + "</table></div>")


def listing(names, what):
    """A few names as they are, many folded away."""
    text = esc(", ".join(names))
    return details(f"{len(names)} {what}", text) if len(names) > 4 else text


def skips(results):
    rows = []
    for reason, cases in results.skips():
        ids = sorted({c.requirement for c in cases})
        configs = {c.config for c in cases} - {ONCE}
        rows.append([len(cases), esc(reason), listing(ids, "requirements"),
                     listing([c for c in results.configs() if c in configs], "configurations")])
    if not rows:
        return section("skips", "Skipped", "<p>Nothing was skipped.</p>")
    return section("skips", "Skipped",
                   table(["cases", "reason", "requirements", "where"], rows, numeric=[0]))


def requirement_texts(results):
    parts = []
    for chapter, requirements in results.chapters().items():
        parts.append(f"<h3>{esc(chapter)}</h3>")
        for r in requirements:
            mark = key(r.verdict) if r.verdict else '<span class="key">·</span>'
            tests = ", ".join(dict.fromkeys(c.test for c in r.cases)) or "none in this run"
            parts.append(
                f'<details class="requirement" id="r-{esc(r.id)}"><summary>{mark}'
                f'<span class="id">{esc(r.id)}</span> {esc(r.title)} '
                f'<span class="faint small">{esc(r.cls)}</span></summary><div>'
                f"<p>{esc(r.text)}</p>" + facts([
                    ("at stake", STAKE_TEXT.get(r.stake, r.stake)), ("source", r.source),
                    ("tests", tests)]) + "</div></details>")
    return section("requirements", "The requirements", *parts)


# ---- the rest ----

def system_part(system):
    pairs = [(name.replace("_", " "), value) for name, value in system.items()
             if isinstance(value, (str, int))]
    iommus = "; ".join(f"{i['name']} ({i['devices']} devices)" for i in system["iommus"])
    return section(
        "system", "The system",
        facts(pairs + [("IOMMUs of the host", iommus or "none visible")]),
        details("Processor flags", f"<code>{esc(' '.join(system['cpu_flags']))}</code>"))


def workloads(statement):
    found = statement.get("workloads")
    if not found:
        return ""
    rows = [[esc(name), cases["ok"], cases["FAIL"], cases["skip"]]
            for name, cases in found["cases"].items()]
    return section(
        "workloads", "Workloads",
        "<p>What each of these workloads wrote, computed from its trace alone, beside what "
        "harvests reported, on every format, with small and with large leaves; a case is one of "
        "each. logs/workloads.txt has them one by one.</p>",
        table(["workload", "as it must be", "wrong", "skipped"], rows, numeric=range(1, 4)))


def recheck(statement):
    target = statement["product"]["target"]
    more = "".join(f" --workload {esc(name)}" for name in
                   statement.get("workloads", {}).get("names", []))
    return section(
        "recheck", "How to check this report",
        "<p>Nothing was changed since it was made:</p>",
        "<pre>sha256sum -c MANIFEST.sha256</pre>",
        "<p>The verdict can be recomputed from logs/results.json, one record a case; "
        "logs/results.ktap and logs/junit.xml are the same records for other readers, "
        "logs/console.txt is what was on the screen, logs/bench.json is the benchmark's own "
        "output. To run everything again:</p>",
        f"<pre>iodirty certify -t {esc(target)}{more}</pre>")


def render(statement, results, bench, charts, system):
    """The page, as text."""
    target = statement["product"]["target"]
    anchors = [("summary", "Summary"), ("matrix", "Matrix"), ("skips", "Skipped"),
               ("performance", "Performance"), ("requirements", "Requirements"),
               ("system", "System"), ("recheck", "How to check")]
    if "workloads" in statement:
        anchors.insert(3, ("workloads", "Workloads"))
    if results.bad_cases:
        anchors.insert(1, ("failures", "Failures"))
    body = "\n".join([
        head(statement), navigation(anchors), summary(results),
        failures("failures", "Failures", results.bad_cases, results, target),
        failures("observations", "Informative requirements that failed", results.observations,
                 results, target),
        deviations(results), about(statement), matrix(results), skips(results),
        workloads(statement), performance(bench, charts), requirement_texts(results),
        system_part(system), recheck(statement)])
    page = Template((TEMPLATES / "page.html").read_text(encoding="utf-8"))
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    return page.substitute(title=esc(f"{statement['verdict']}: {target}, iodirty report"),
                           style=style, body=body)
