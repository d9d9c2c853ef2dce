# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Pieces of HTML that the page is made of."""

from html import escape

from svg import inline


def esc(value):
    return escape(str(value), quote=True)


def table(head, rows, numeric=(), caption="", css=""):
    """Rows of HTML cells; columns whose index is in @numeric are right-aligned."""
    def cell(tag, i, content):
        scope = ' scope="col"' if tag == "th" else ""
        kind = ' class="n"' if i in numeric else ""
        return f"<{tag}{scope}{kind}>{content}</{tag}>"

    header = "".join(cell("th", i, h) for i, h in enumerate(head))
    body = "\n".join("<tr>" + "".join(cell("td", i, c) for i, c in enumerate(row)) + "</tr>"
                     for row in rows)
    title = f"<caption>{caption}</caption>" if caption else ""
    return (f'<div class="scroll"><table class="{css}">{title}<thead><tr>{header}</tr></thead>'
            f"<tbody>\n{body}\n</tbody></table></div>")


def section(anchor, title, *parts):
    return f'<section id="{anchor}"><h2>{esc(title)}</h2>\n' + "\n".join(parts) + "</section>\n"


def details(summary, content, css="", is_open=False):
    return (f'<details class="{css}"{" open" if is_open else ""}><summary>{summary}</summary>'
            f"<div>{content}</div></details>")


def facts(pairs):
    return '<dl class="facts">' + "".join(
        f"<dt>{esc(name)}</dt><dd>{esc(value)}</dd>" for name, value in pairs
        if value not in ("", None)) + "</dl>"


def figure(svg, caption, numbers=""):
    return (f'<figure class="wide"><div class="scroll">{inline(svg)}</div>'
            f"<figcaption>{caption}</figcaption>{numbers}</figure>")
