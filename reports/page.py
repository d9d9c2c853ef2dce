# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
index.html of a certification package: one page that needs nothing but itself.

render(folder) makes it from what is in the package alone (the statement, logs, plots, facts
of the system), so that it comes out the same for whoever makes it again. It has three
readers, and says which part is whose: a line for who decides, a page for the engineer, and
all the rest for the auditor.
"""

from pathlib import Path

import judge
import page_cases
import page_facts
import page_short
from markup import document, esc, section
from model import ReportError, load_json
from performance import performance


def load_charts(folder):
    """Name -> SVG."""
    charts = {}
    for path in sorted((folder / "plots").glob("*.svg")):
        charts[path.stem] = path.read_text(encoding="utf-8", errors="replace")
        if "<svg" not in charts[path.stem]:
            raise ReportError(f"{path} is no picture")
    return charts


def head(statement):
    declared, product, tool = statement["declared"], statement["product"], statement["tool"]
    name = f"{declared['vendor']} {declared['product']}" if declared else product["target"]
    word, _, rest = statement["sentence"].partition(":")
    commit = tool["git_commit"][:12] + (", with local changes" if tool["git_clean"] is False
                                        else "")
    return (f'<header id="verdict"><h1>IOMMU dirty tracking: certification of {esc(name)}</h1>'
            f'<div class="verdict {"passed" if word == "PASSED" else "failed"}">'
            f"<p><strong>{esc(word)}</strong>:{esc(rest)}</p>"
            f"<p>{esc(statement['meaning'])}</p></div>"
            f'<p class="faint small">Target {esc(product["target"])} · '
            f'{esc(statement["created"])} · iodirty {esc(tool["version"])}'
            f'{" · commit " + esc(commit) if tool["git_commit"] else ""} · package '
            f'<span class="id">{esc(statement["id"])}</span></p></header>')


def navigation(short, full):
    lines = ['<li><span>For who decides:</span> <a href="#verdict">Verdict</a></li>']
    for reader, sections in (("the engineer", short), ("the auditor", full)):
        links = " ".join(f'<a href="#{s.anchor}">{esc(s.title)}</a>' for s in sections)
        lines.append(f"<li><span>For {reader}:</span> {links}</li>")
    return '<nav aria-label="Parts of this page"><ul>' + "".join(lines) + "</ul></nav>"


def part(css, title, sections):
    """What one reader needs."""
    return f'<div class="part {css}"><h2 class="reader">{esc(title)}</h2>\n' \
        + "\n".join(sections) + "</div>"


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


def render(folder):
    """The page, as text."""
    folder = Path(folder)
    statement = load_json(folder / "statement.json")
    evidence = judge.read(folder, statement["created"])
    results, target = evidence.results, statement["product"]["target"]
    short = page_short.parts(statement, evidence, page_facts.load_system(folder))
    full = [part for part in [
        about(statement),
        page_cases.failures("failures", "Failures in full", results.bad_cases, results, target),
        page_cases.failures("observations", "Informative requirements that failed",
                            results.observations, results, target),
        page_cases.deviations(results), page_facts.waivers(statement),
        page_facts.claims(statement), page_facts.runs(statement), page_cases.matrix(results),
        page_cases.skips(results), page_facts.workloads(statement),
        performance(evidence.bench, load_charts(folder)),
        page_cases.requirement_texts(results), page_facts.form(statement),
        page_facts.system(folder), page_facts.tool(folder, statement),
        page_facts.recheck(statement)] if part]
    body = "\n".join([head(statement), navigation(short, full), "<main>",
                      part("engineer", "For the engineer", short),
                      part("auditor", "For the auditor", full), "</main>"])
    return document(f"{statement['verdict']}: {target}, iodirty report", body)
