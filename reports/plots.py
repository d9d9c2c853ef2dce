# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The charts of a report: SVG that follows the page's colours and fonts."""

import io
import re

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402  (the backend comes first)
from matplotlib.ticker import FuncFormatter, NullFormatter  # noqa: E402

from model import leaf_name  # noqa: E402

# Drawn in this colour, and replaced by the page's own text colour.
INK = "#010203"
# To be told apart on white and on black, and by the colour-blind.
COLOURS = ["#2f7fc1", "#d97c1e", "#2e9c6b", "#c2559a", "#8a74d6", "#b59a00", "#5d9fb5",
           "#c0564b", "#7c8796", "#6f9e2f", "#a8683f"]
MARKERS = "osD^vPX<>*h"
FLOOR = "#8b95a1"

STYLE = {
    "svg.fonttype": "none", "svg.hashsalt": "iodirty", "font.family": "sans-serif",
    "font.size": 10, "axes.edgecolor": INK, "axes.labelcolor": INK, "axes.titlesize": 11,
    "axes.titleweight": "bold", "text.color": INK, "xtick.color": INK, "ytick.color": INK,
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.color": INK,
    "grid.alpha": 0.14, "grid.linewidth": 0.6, "axes.linewidth": 0.8, "legend.frameon": False,
    "lines.linewidth": 1.8, "lines.markersize": 5, "figure.autolayout": True,
    "axes.axisbelow": True, "text.parse_math": False,
}


def to_svg(figure, name, description):
    """Standalone SVG text; ids carry @name, so that many fit one page."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True,
                   metadata={"Date": None, "Creator": "iodirty", "Title": description})
    plt.close(figure)
    svg = buffer.getvalue().replace(INK, "currentColor")
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'url\(#', f'url(#{name}-', svg)
    svg = re.sub(r'xlink:href="#', f'xlink:href="#{name}-', svg)
    return re.sub(r"font: ([^;\"']*?)'[^\"]*?sans-serif", r"font: \1 sans-serif", svg)


def inline(svg):
    """The part of an SVG file that may stand within HTML."""
    svg = svg[svg.index("<svg"):]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    return re.sub(r'(<svg\b[^>]*?) width="[^"]*"', r"\1", re.sub(
        r'(<svg\b[^>]*?) height="[^"]*"', r'\1 role="img"', svg, count=1), count=1)


def percent(value):
    return f"{value:g}"


def plain(value, _position=None):
    return f"{value:g}"


def density_axis(axis, densities):
    axis.set_xticks(range(len(densities)), [percent(d) for d in densities])
    axis.set_xlabel("dirty leaves, %")
    axis.set_xlim(-0.3, len(densities) - 0.7)


def log_axis(axis, which="y"):
    getattr(axis, f"set_{which}scale")("log")
    target = getattr(axis, f"{which}axis")
    low, high = getattr(axis, f"get_{which}lim")()
    steps = (1, 2, 5) if high / low < 200 else (1,)
    target.set_major_locator(matplotlib.ticker.LogLocator(subs=steps))
    target.set_major_formatter(FuncFormatter(plain))
    target.set_minor_formatter(NullFormatter())


def draw(axis, cells, densities, counter, **style):
    points = [(densities.index(c.density), c[counter]) for c in cells if c[counter] is not None]
    if points:
        axis.plot(*zip(*points), **style)


def all_densities(bench):
    return sorted({c.density for c in bench.good})


def cost_charts(bench):
    """Per format, at its smallest leaf: a harvest's cost beside the floor."""
    densities = all_densities(bench)
    smallest = [c for f in bench.formats for p in ("random", "clustered")
                for c in bench.series(f, bench.smallest_leaf(f), p)]
    values = [v for c in smallest for v in (c["ns_per_iopte"], c["floor_ns_per_iopte"]) if v]
    for fmt in bench.formats:
        leaf = bench.smallest_leaf(fmt)
        random = bench.series(fmt, leaf, "random")
        if not random:
            continue
        figure, axis = plt.subplots(figsize=(4.2, 3.1))
        draw(axis, random, densities, "floor_ns_per_iopte", color=FLOOR, linestyle="--",
             label="floor: reading only")
        draw(axis, bench.series(fmt, leaf, "clustered"), densities, "ns_per_iopte",
             color=COLOURS[1], marker="s", linestyle="-.", label="harvest, clustered")
        draw(axis, random, densities, "ns_per_iopte", color=COLOURS[0], marker="o",
             label="harvest, random")
        for cell in random:
            if cell["x_floor"]:
                axis.annotate(f"×{cell['x_floor']:.1f}", (densities.index(cell.density),
                              cell["ns_per_iopte"]), textcoords="offset points",
                              xytext=(0, 6), ha="center", fontsize=8)
        axis.set_ylim(min(values) / 1.5, max(values) * 2.2)
        log_axis(axis)
        density_axis(axis, densities)
        axis.set_ylabel("ns per IOPTE")
        axis.set_title(f"{fmt}, {leaf_name(leaf)} leaves", loc="left")
        axis.legend(fontsize=8, loc="upper left")
        name = "cost-" + re.sub(r"[^A-Za-z0-9._-]", "_", fmt)
        yield (name, to_svg(figure, name,
               f"{fmt}: nanoseconds per page-table entry against density, beside the floor"))


def lines_by_format(bench, counter, label, name, description, reference):
    """A line a format, by density, at its smallest leaf; the @reference is 1."""
    densities = all_densities(bench)
    figure, axis = plt.subplots(figsize=(7.6, 4.2))
    for i, fmt in enumerate(bench.formats):
        draw(axis, bench.series(fmt, bench.smallest_leaf(fmt), "random"), densities, counter,
             color=COLOURS[i % len(COLOURS)], marker=MARKERS[i % len(MARKERS)], label=fmt)
    axis.axhline(1, color=FLOOR, linestyle="--", label=reference)
    axis.set_ylabel(label)
    axis.set_ylim(0, 1.05 * axis.get_ylim()[1])
    density_axis(axis, densities)
    axis.legend(fontsize=9, loc="center left", bbox_to_anchor=(1, 0.5))
    return name, to_svg(figure, name, description)


def ratio_chart(bench):
    if any(c["x_floor"] for c in bench.good):
        yield lines_by_format(bench, "x_floor", "times the floor", "ratio",
                              "Harvest cost as a multiple of the floor, random pattern, "
                              "smallest leaves", "the floor")


def leaf_cells(bench, density):
    return [c for c in bench.good if c.pattern == "random" and c.density == density]


def leaf_chart(bench, density=1.0):
    """What larger leaves save: a point a (format, leaf), its ratio written beside."""
    cells = leaf_cells(bench, density)
    if not cells:
        return
    leaves = sorted({c.leaf for c in cells})
    figure, axis = plt.subplots(figsize=(7.6, 1.3 + 0.42 * len(bench.formats)))
    for i, leaf in enumerate(leaves):
        points = [(c["ms_per_gib"], bench.formats.index(c.format)) for c in cells
                  if c.leaf == leaf]
        axis.plot(*zip(*points), linestyle="none", color=COLOURS[i % len(COLOURS)],
                  marker=MARKERS[i % len(MARKERS)], markersize=7, label=leaf_name(leaf))
    for cell in cells:
        if cell["x_floor"]:
            axis.annotate(f"×{cell['x_floor']:.1f}",
                          (cell["ms_per_gib"], bench.formats.index(cell.format)), fontsize=8,
                          textcoords="offset points", ha="center", va="center",
                          xytext=(0, -11 if leaves.index(cell.leaf) % 2 else 11))
    log_axis(axis, "x")
    axis.set_yticks(range(len(bench.formats)), bench.formats)
    axis.set_ylim(len(bench.formats) - 0.5, -0.5)
    axis.margins(x=0.1)
    axis.set_xlabel(f"ms per GiB of IOVA, {percent(density)} % of the leaves dirty")
    axis.legend(title="leaf", fontsize=9, loc="center left", bbox_to_anchor=(1, 0.5))
    yield "leaves", to_svg(figure, "leaves", "Harvest cost per GiB by leaf size")


def draw_all(bench):
    """Name -> SVG text of every chart there are numbers for."""
    if not bench.good:
        return {}
    with matplotlib.rc_context(STYLE):
        return dict(chart for charts in (cost_charts, ratio_chart, leaf_chart)
                    for chart in charts(bench))
