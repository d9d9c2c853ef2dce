# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The charts of a workload. Each is a Chart: what is drawn and the table behind it are made
from the same points."""

from dataclasses import dataclass, field

import matplotlib
import numpy as np
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from model import leaf_name
from svg import COLOURS, FLOOR, MARKERS, STYLE, log_axis, plain, plt, to_svg
from workload_ways import BY_KEY, DRAWN, WAYS
from workload_words import duration, link, size
from workload_writes import PAGE

NIGHT = "#12161b"  # behind the heat map, on a light page too
NO_NUMBER = "–"


@dataclass
class Chart:
    """@svg, and the numbers it was drawn from as a table of text."""

    name: str
    svg: str
    head: list
    rows: list
    points: dict = field(default_factory=dict)  # label -> [(x, y)], as drawn
    note: str = ""


def way_style(way):
    i = WAYS.index(way)
    # A line may lie on another: split leaves are of 4 KiB, and leaves as large as memory are all.
    style = "--" if way.tracker in ("type1", "nobody") else "-." if way.split else "-"
    return {"color": COLOURS[i], "marker": MARKERS[i], "linestyle": style}


def number(value, unit=""):
    if value is None:
        return NO_NUMBER
    text = f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.3g}"
    return text + unit


# ---- what is written ----

def draw_heat(axis, bar, writes):
    heat = np.ma.masked_less_equal(writes.heat, 0)
    colours = ListedColormap(matplotlib.colormaps["inferno"](np.linspace(0.25, 1, 256)))
    colours.set_bad(NIGHT)
    scale = size_axis(writes.high - writes.low)
    few, most = (heat.min(), heat.max()) if heat.count() else (1, 10)
    picture = axis.imshow(heat, aspect="auto", origin="lower", interpolation="nearest",
                          cmap=colours, norm=LogNorm(few, max(most, few * 10)),
                          extent=(0, writes.recording.ns / 1e9, writes.low / scale[0],
                                  writes.high / scale[0]))
    axis.set_ylabel(f"address in memory, {scale[1]}")
    axis.grid(False)
    ticks = plt.colorbar(picture, cax=bar, ticks=LogLocator(base=4),
                         format=FuncFormatter(lambda value, _: size(value)))
    ticks.ax.yaxis.set_minor_locator(NullLocator())
    ticks.set_label("written, of each cell")
    ticks.outline.set_visible(False)


def size_axis(span):
    for step, unit in ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if span >= 2 * step:
            return step, unit
    return 1, "bytes"


def stairs(axis, writes, values, **style):
    """A value a slice, for as long as it lasts."""
    edges = [i * writes.slice_ns / 1e9 for i in range(len(values) + 1)]
    axis.plot(edges, [*values, values[-1]], drawstyle="steps-post", **style)


def writes_chart(name, writes):
    figure, axes = plt.subplots(
        3, 2, figsize=(8.6, 7), gridspec_kw={"height_ratios": [3, 1.1, 1.1],
                                             "width_ratios": [40, 1]})
    draw_heat(axes[0][0], axes[0][1], writes)
    rates = [writes.rate(s) / (1 << 20) for s in writes.slices]
    sets = [s.working_set * PAGE / (1 << 20) for s in writes.slices]
    for axis, values, label, colour in ((axes[1][0], rates, "dirty rate, MiB/s", COLOURS[0]),
                                        (axes[2][0], sets, "written so far, MiB", COLOURS[2])):
        stairs(axis, writes, values, color=colour)
        axis.set_ylabel(label)
        axis.set_ylim(0, 1.08 * max(max(values), 1e-3))
    for row in axes:
        row[0].set_xlim(0, writes.recording.ns / 1e9)
    for row in axes[1:]:
        row[1].axis("off")
    axes[2][0].set_xlabel("time, s")
    figure.align_ylabels([row[0] for row in axes])
    head = ["from, s", "writes", "bytes", "pages, each once", "dirty rate, MiB/s",
            "written so far, MiB"]
    step = max(1, len(writes.slices) // 24)
    rows = [[f"{s.ns / 1e9:.3f}", number(s.writes), number(s.size), number(s.distinct),
             number(rates[i]), number(sets[i])]
            for i, s in enumerate(writes.slices) if i % step == 0]
    svg = to_svg(figure, name, f"Bytes written by address and time; below, the dirty rate, "
                 f"{number(writes.mean_rate / (1 << 20))} MiB/s on average, and what was written "
                 f"so far, {size(writes.working_set * PAGE)} in the end.")
    return Chart(name, svg, head, rows, {"rate": rates, "written": sets},
                 f"Each {step}th of {len(writes.slices)} slices of "
                 f"{duration(writes.slice_ns)}; all are in workload.json."
                 if step > 1 else "")


def leaf_style(leaf):
    return way_style(BY_KEY[leaf_name(leaf)])


def over_chart(name, writes):
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.6, 3.8), sharey=True)
    points, lengths = {}, [i.ns / 1e6 for i in writes.intervals]
    for leaf in writes.leaves:
        style = leaf_style(leaf)
        stairs(left, writes, [np.nan if r is None else r for r in writes.over_time[leaf]],
               color=style["color"], linewidth=1.2)
        line = [(ns, i.ratio[leaf]) for ns, i in zip(lengths, writes.intervals)
                if i.ratio[leaf] is not None]
        points[leaf_name(leaf)] = line
        if line:
            right.plot(*zip(*line), label=leaf_name(leaf), **style)
    left.set_ylabel("pages reported to one written")
    left.set_xlabel("time, s")
    left.set_xlim(0, writes.recording.ns / 1e9)
    left.set_title(f"in each {duration(writes.slice_ns)}", loc="left")
    right.set_title("by the time between reports", loc="left")
    right.set_xlabel("time between reports, ms")
    if any(points.values()):
        log_axis(right, "x")
        log_axis(left)
        right.legend(title="leaf", fontsize=9, loc="center left", bbox_to_anchor=(1, 0.5))
    head = ["time between reports", "pages written", *(leaf_name(x) for x in writes.leaves)]
    rows = [[duration(i.ns), number(i.written), *(number(i.ratio[x]) for x in writes.leaves)]
            for i in writes.intervals]
    words = "; ".join(f"{leaf} {number(line[0][1])} to 1 in {line[0][0]:.3g} ms"
                      for leaf, line in points.items() if line)
    return Chart(name, to_svg(figure, name, "Pages reported for one that was written, by leaf "
                              f"size. {words}."), head, rows, points)


# ---- migrations ----

def converge_chart(name, entries, limit):
    """Time and bytes, a bar a tracker; @entries: for one guest and link."""
    figure, (time, sent) = plt.subplots(1, 2, figsize=(8.6, 0.9 + 0.42 * len(entries)),
                                        sharey=True)
    points = {}
    for i, e in enumerate(entries):
        style = {"color": COLOURS[WAYS.index(e.way)], "height": 0.7}
        if not e.converged:
            style.update(alpha=0.45, hatch="///", edgecolor="white")
        values = e.total / 1e9, e.sent / e.memory
        points[e.way.label] = values
        for axis, value, unit in ((time, values[0], " s"), (sent, values[1], " ×")):
            axis.barh(i, value, **style)
            axis.annotate(number(value, unit) + ("" if e.converged else " *"), (value, i),
                          textcoords="offset points", xytext=(4, 0), va="center", fontsize=8.5)
    time.set_yticks(range(len(entries)), [e.way.label for e in entries])
    time.set_ylim(len(entries) - 0.4, -0.6)
    time.set_xlabel("time from begin to end, s")
    sent.set_xlabel("sent, of all memory")
    for axis in (time, sent):
        axis.set_xlim(0, 1.35 * axis.get_xlim()[1])
        axis.grid(axis="y", visible=False)
    head = ["tracker", "converges", "rounds", "time", "sent", "of all memory", "stopped",
            "reported to one written"]
    rows = [[e.way.label, "yes" if e.converged else "no", str(e.rounds), duration(e.total),
             size(e.sent), number(e.sent / e.memory, " ×"), duration(e.downtime),
             number(e.reported / e.written if e.written else None)] for e in entries]
    words = "; ".join(f"{e.way.label}: {duration(e.total)}, {e.sent / e.memory:.3g} times memory"
                      + ("" if e.converged else ", does not converge") for e in entries)
    return Chart(name, to_svg(figure, name, f"Time to the end, and bytes sent, by tracker, with "
                              f"a limit of {duration(limit)}. {words}."), head, rows, points)


def downtime_chart(name, lines, xs, x_text, x_label, limit):
    """Downtime of the lines (label, style, {x: entry}) at @xs."""
    figure, axis = plt.subplots(figsize=(8.6, 4.6))
    points = {}
    for label, style, entries in lines:
        line = [(xs.index(x), e.downtime / 1e6) for x, e in sorted(entries.items())]
        points[label] = line
        axis.plot(*zip(*line), label=label, markersize=0, **{
            k: v for k, v in style.items() if k != "marker"})
        for (x, y), e in zip(line, (e for _, e in sorted(entries.items()))):
            axis.plot([x], [y], color=style["color"], marker=style["marker"],
                      markerfacecolor=style["color"] if e.converged else "none")
    axis.axhline(limit / 1e6, color=FLOOR, linestyle=":", label=f"limit, {duration(limit)}")
    log_axis(axis)
    axis.yaxis.set_major_formatter(FuncFormatter(
        lambda ms, _: duration(ms * 1e6) if ms > 0 else plain(ms)))
    axis.set_ylabel("stopped for")
    axis.set_xticks(range(len(xs)), [x_text(x) for x in xs])
    axis.set_xlim(-0.3, len(xs) - 0.7)
    axis.set_xlabel(x_label)
    axis.legend(fontsize=8.5, loc="center left", bbox_to_anchor=(1, 0.5))
    head = ["tracker", *map(x_text, xs)]
    rows = [[label, *(cell(entries.get(x)) for x in xs)] for label, _, entries in lines]
    words = "; ".join(f"{label} {duration(line[0][1] * 1e6)} to {duration(line[-1][1] * 1e6)}"
                      for label, line in points.items())
    return Chart(name, to_svg(figure, name, f"How long the guest is stopped, against "
                              f"{x_label}. {words}."), head, rows, points)


def cell(entry):
    if entry is None:
        return NO_NUMBER
    return duration(entry.downtime) + ("" if entry.converged else " *")


def links_chart(name, entries, limit):
    xs = sorted({e.link for e in entries})
    lines = [(w.label, way_style(w), {e.link: e for e in entries if e.way == w}) for w in DRAWN]
    return downtime_chart(name, [x for x in lines if x[2]], xs, link, "speed of the link", limit)


def guests_chart(name, groups, limit):
    """@groups: [(nanoseconds that a harvest takes a page, entries)]."""
    xs = sorted({e.memory for _, entries in groups for e in entries})
    lines = []
    for i, (ns, entries) in enumerate(groups):
        for way in DRAWN:
            found = {e.memory: e for e in entries if e.way == way}
            style = dict(way_style(way), **({"linestyle": ":"} if i else {}))
            label = way.label + (f", {ns:g} ns a page" if len(groups) > 1
                                 and way.tracker == "iommu" else "")
            if found:
                lines.append((label, style, found))
    return downtime_chart(name, lines, xs, size, "memory of the guest", limit)


def drawn(function, *args):
    with matplotlib.rc_context(STYLE):
        return function(*args)
