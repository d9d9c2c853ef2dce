# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The charts of a report: what a harvest costs, by format; and those of plots_sets."""

import matplotlib

import plots_sets
from model import leaf_name, percent, safe
from svg import COLOURS, FLOOR, MARKERS, STYLE, density_axis, draw, log_axis, plt, to_svg


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
        name = f"cost-{safe(fmt)}"
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


def leaf_chart(bench, density=1.0):
    """What larger leaves save: a point a (format, leaf), its ratio written beside."""
    cells = bench.by_leaf(density)
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
    drawn = [*plots_sets.CHARTS]
    if bench.good:
        drawn += [cost_charts, ratio_chart, leaf_chart]
    with matplotlib.rc_context(STYLE):
        return dict(chart for charts in drawn for chart in charts(bench))
