# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Pieces of HTML that the page is made of."""

import re
from html import escape
from pathlib import Path
from string import Template

TEMPLATES = Path(__file__).resolve().parent / "templates"


def esc(value):
    return escape(str(value), quote=True)


def table(head, rows, numeric=(), caption="", css="", row_heads=False):
    """Rows of HTML cells; columns whose index is in @numeric are right-aligned. @row_heads: a
    row's first cell is its heading."""
    def cell(i, content, scope=""):
        tag = "th" if scope else "td"
        scope = scope and f' scope="{scope}"'
        kind = ' class="n"' if i in numeric else ""
        return f"<{tag}{scope}{kind}>{content}</{tag}>"

    header = "".join(cell(i, h, "col") for i, h in enumerate(head))
    body = "\n".join("<tr>" + "".join(
        cell(i, c, "row" if row_heads and i == 0 else "") for i, c in enumerate(row)) + "</tr>"
        for row in rows)
    title = f"<caption>{caption}</caption>" if caption else ""
    return (f'<div class="scroll" tabindex="0"><table class="{css}">{title}'
            f"<thead><tr>{header}</tr></thead><tbody>\n{body}\n</tbody></table></div>")


class Section(str):
    """Its HTML; @anchor and @title are for navigation."""
    anchor = title = ""


def section(anchor, title, *parts):
    html = Section(f'<section id="{anchor}"><h2>{esc(title)}</h2>\n' + "\n".join(parts)
                   + "</section>\n")
    html.anchor, html.title = anchor, title
    return html


def document(title, body):
    """A page that needs nothing but itself; @body: HTML. What JSON can hold and UTF-8 cannot,
    half a character, becomes a question mark."""
    page = Template((TEMPLATES / "page.html").read_text(encoding="utf-8"))
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    text = page.substitute(title=esc(title), style=style, body=body)
    return text.encode("utf-8", "replace").decode("utf-8")


def navigation(anchors):
    """@anchors: (anchor, title)."""
    return "<nav>" + " ".join(f'<a href="#{a}">{esc(t)}</a>' for a, t in anchors) + "</nav>"


def details(summary, content, css="", is_open=False):
    return (f'<details class="{css}"{" open" if is_open else ""}><summary>{summary}</summary>'
            f"<div>{content}</div></details>")


def facts(pairs):
    return '<dl class="facts">' + "".join(
        f"<dt>{esc(name)}</dt><dd>{esc(value)}</dd>" for name, value in pairs
        if value not in ("", None)) + "</dl>"


def inline(svg):
    """The part of an SVG file that may stand within HTML."""
    svg = svg[svg.index("<svg"):]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    return re.sub(r'(<svg\b[^>]*?) width="[^"]*"', r"\1", re.sub(
        r'(<svg\b[^>]*?) height="[^"]*"', r'\1 role="img"', svg, count=1), count=1)


def figure(svg, caption, numbers=""):
    return (f'<figure class="wide"><div class="scroll">{inline(svg)}</div>'
            f"<figcaption>{caption}</figcaption>{numbers}</figure>")
