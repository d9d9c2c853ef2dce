# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Of the certification page: requirements and cases, each with its verdict and its reason."""

from markup import details, esc, facts, section, table
from model import MEANING, ONCE, SYMBOLS, VERDICTS, worst

STAKE_TEXT = {
    "data-loss": "a page written by a device is lost in migration",
    "memory-corruption": "memory that nobody asked to change is changed",
    "availability": "the machine, or a migration, stops",
    "interface": "programs are told something that is not so",
}


def key(verdict):
    """A sign, for the eye; the verdict in words stands beside it or is its label."""
    return f'<span class="key v-{verdict}" role="img" aria-label="{verdict}">' \
        f"{SYMBOLS[verdict]}</span>"


def failure(cases, requirement, target):
    """Cases of one test that failed alike, in one configuration or in several."""
    case = cases[0]
    configs = [c.config for c in cases if c.config != ONCE]
    again = f"iodirty conform -t {target} -r {requirement.id}" + "".join(
        f" -f {name}" for name in dict.fromkeys(c.format for c in cases if c.config != ONCE))
    parts = [f'<div class="failure"><h3>{key(case.verdict)} {esc(case.verdict)}'
             f'{", a flake," if case.flake else ""} '
             f'<a href="#r-{esc(requirement.id)}">{esc(requirement.id)}</a> '
             f"{esc(requirement.title)}</h3>",
             "<p>on " + ", ".join(f"<strong>{esc(c)}</strong>" for c in configs) + "</p>"
             if configs else "",
             f'<p class="small faint">{esc(requirement.cls)}; at stake: '
             f"{esc(STAKE_TEXT.get(requirement.stake, requirement.stake))}; "
             f"test {esc(case.test)}, {esc(case.where)}</p>",
             f"<p>Not the same in each run: {', '.join(case.verdicts)}.</p>" if case.flake else "",
             f"<pre>{esc(case.message or MEANING[case.verdict])}</pre>"]
    if case.notes:
        parts.append(f"<pre>{esc(case.notes)}</pre>")
    parts.append(f'<p class="small">Again: <code>{esc(again)}</code></p></div>')
    return "\n".join(parts)


def failures(anchor, title, cases, results, target, in_full=100):
    alike = {}
    for case in cases:
        group = (case.requirement, case.test, case.verdict, case.verdicts, case.message,
                 case.notes)
        alike.setdefault(group, []).append(case)
    if not alike:
        return ""
    shown = [failure(of, results.requirements[of[0].requirement], target)
             for of in list(alike.values())[:in_full]]
    if len(alike) > in_full:
        shown.append(f"<p>{len(alike) - in_full} more are in logs/run-*/results.json.</p>")
    return section(anchor, f"{title} ({len(cases)})", *shown)


def deviations(results):
    known = [c for c in results.cases if c.verdict == "XFAIL"]
    if not known:
        return ""
    rows = [[f'<span class="id">{esc(c.deviation)}</span>', esc(c.requirement), esc(c.config),
             esc(c.message)] for c in known]
    return section("deviations", "Known deviations", table(
        ["deviation", "requirement", "configuration", "message"], rows, css="roomy",
        caption="Cases that fail, and a listed deviation says so"))


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
    return (f'<td class="v-{verdict}" title="{esc(title)}" aria-label="{verdict}">'
            f"{SYMBOLS[verdict]}</td>")


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
                   '<div class="scroll" tabindex="0"><table class="matrix"><caption>A row a '
                   "requirement, a column a page-table format</caption>" + matrix_head(formats)
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
                   table(["cases", "reason", "requirements", "where"], rows, numeric=[0],
                         css="roomy", caption="Cases that were skipped, by reason"))


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
