# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Charts of ways to harvest, and of what stands beside: sizes, Linux, type1."""

from model import leaf_name, percent, safe
from svg import COLOURS, FLOOR, MARKERS, density_axis, draw, log_axis, plt, to_svg

ENGINES = ["avx512", "avx2", "swar", "read-first", "entry"]  # whose colours are the same always
DASHES = {"": "-", "masked": "--"}


def style(variant, others=()):
    """Colour by engine, line by what is added to it."""
    engine, _, added = variant.partition("+")
    known = ENGINES + [o for o in others if o not in ENGINES]
    i = known.index(engine) if engine in known else len(known)
    return {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i % len(MARKERS)],
            "linestyle": DASHES.get(added, ":")}


def in_words(cells, counter, unit):
    """ "0.49 ns at 0 % to 6.56 ns at 100 %", for who sees no lines."""
    known = [c for c in cells if c[counter] is not None]
    if not known:
        return "not measured"
    return " to ".join(dict.fromkeys(f"{c[counter]:.3g} {unit} at {percent(c.density)} %"
                                     for c in (known[0], known[-1])))


def by_density(cells):
    return sorted(cells, key=lambda c: c.density)


# ---- ways to harvest, by density ----

def plain_state(bench, fmt):
    """Size and state of the caches in which most densities of a format were measured."""
    states = {}
    for c in bench.all:
        if c.format == fmt and c.leaf == bench.smallest_leaf(fmt) and not c.error:
            states.setdefault((c.cache == "cold", c.size), set()).add((c.pattern, c.density))
    return max(states, key=lambda s: (len(states[s]), s), default=None)


def way_lines(bench, fmt, layout, pattern, state):
    """Variant -> its cells by density; those with a point alone are left to the table."""
    cold, size = state
    lines = bench.ways(fmt, layout=layout, pattern=pattern, size=size,
                       cache="cold" if cold else "warm")
    return {v: by_density(cells) for v, cells in lines.items() if len(cells) > 1}


def way_panels(bench, fmt):
    """(title, lines) of each panel that compares several ways."""
    state = plain_state(bench, fmt)
    if not state:
        return
    for layout, pattern, title in (("sequential", "random", "pages here and there"),
                                   ("sequential", "clustered", "in runs"),
                                   ("shuffled", "random", "tables shuffled")):
        lines = way_lines(bench, fmt, layout, pattern, state)
        if len(lines) > 1:
            yield title, lines


def way_charts(bench):
    for fmt in bench.formats:
        panels = list(way_panels(bench, fmt))
        if not panels:
            continue
        figure, axes = plt.subplots(1, len(panels), figsize=(1.6 + 3.2 * len(panels), 4),
                                    sharey=True, squeeze=False)
        handles, words = {}, []
        for axis, (title, lines) in zip(axes[0], panels):
            cells = [c for line in lines.values() for c in line]
            densities = sorted({c.density for c in cells})
            for counter, dash, label in (("floor_ns_per_iopte", (0, (1, 1)), "floor"),
                                         ("table_order_ns_per_iopte", (0, (5, 1)),
                                          "floor in table order")):
                best = by_density({c.density: c for c in cells}.values())
                draw(axis, best, densities, counter, color=FLOOR, linestyle=dash, label=label)
            for variant, line in lines.items():
                draw(axis, line, densities, "ns_per_iopte", label=variant, **style(variant, lines))
                words.append(f"{title}, {variant}: {in_words(line, 'ns_per_iopte', 'ns')}")
            words.append(f"floor: {in_words(cells[:1], 'floor_ns_per_iopte', 'ns')}")
            density_axis(axis, densities)
            axis.set_title(title, loc="left")
            handles.update(zip(*axis.get_legend_handles_labels()[::-1]))
        log_axis(axes[0][0])
        axes[0][0].set_ylabel("ns per IOPTE")
        axes[0][-1].legend(handles.values(), handles.keys(), fontsize=8.5, handlelength=3,
                           loc="center left",
                           bbox_to_anchor=(1, 0.5))
        name = f"ways-{safe(fmt)}"
        yield name, to_svg(figure, name, f"{fmt}: nanoseconds per page-table entry against "
                           f"density, a line a way to harvest. {'; '.join(words)}.")


# ---- sizes ----

def size_lines(bench, fmt):
    """(density, variant -> cells by size), of the density with most sizes."""
    best, found = 0, (None, {})
    for density in sorted({c.density for c in bench.all if c.format == fmt}):
        lines = bench.ways(fmt, layout="sequential", pattern="random", cache="cold",
                           density=density)
        lines = {v: sorted(cells, key=lambda c: c.size) for v, cells in lines.items()
                 if len({c.size for c in cells}) > 1}
        points = sum(map(len, lines.values()))
        if points > best:
            best, found = points, (density, lines)
    return found


def size_charts(bench):
    for fmt in bench.formats:
        density, lines = size_lines(bench, fmt)
        if not lines:
            continue
        figure, axis = plt.subplots(figsize=(7.6, 4))
        sizes = sorted({c.size for cells in lines.values() for c in cells})
        floors = {c.size: c for cells in lines.values() for c in cells if c["floor_ns_per_iopte"]}
        points = [(sizes.index(s), floors[s]["floor_ns_per_iopte"]) for s in sorted(floors)]
        if points:
            axis.plot(*zip(*points), color=FLOOR, linestyle=(0, (1, 1)), label="floor")
        words = []
        for variant, cells in lines.items():
            axis.plot([sizes.index(c.size) for c in cells], [c["ns_per_iopte"] for c in cells],
                      label=variant, **style(variant, lines))
            words.append(f"{variant} " + ", ".join(
                f"{c['ns_per_iopte']:.3g} at {leaf_name(c.size)}" for c in cells))
        log_axis(axis)
        axis.set_xticks(range(len(sizes)), [leaf_name(s) for s in sizes])
        axis.set_xlim(-0.3, len(sizes) - 0.7)
        axis.set_xlabel(f"memory mapped by {leaf_name(bench.smallest_leaf(fmt))} leaves, "
                        f"{percent(density)} % of them dirty")
        axis.set_ylabel("ns per IOPTE")
        axis.legend(fontsize=8.5, loc="center left", bbox_to_anchor=(1, 0.5))
        name = f"sizes-{safe(fmt)}"
        yield name, to_svg(figure, name, f"{fmt}: nanoseconds per page-table entry by the size "
                           f"of what is mapped. {'; '.join(words)}.")


# ---- beside another target ----

def beside_groups(bench):
    """(other target, format) -> (label -> rows by density)."""
    groups = {}
    for row in bench.sets().get("beside", []):
        if len(row.where) < 4 or row.density is None or not row["x_faster"]:
            continue
        label = "masked stores" if "masked" in row.where[4:] else "an atomic a dirty entry"
        lines = groups.setdefault(tuple(row.where[:2]), {})
        lines.setdefault(label, []).append(row)
    return {where: {label: by_density(rows) for label, rows in lines.items()}
            for where, lines in groups.items()}


def beside_charts(bench):
    """How many times faster, with the span of nine pairs of ten."""
    for (other, fmt), lines in beside_groups(bench).items():
        figure, axis = plt.subplots(figsize=(7.6, 3.8))
        densities = sorted({r.density for rows in lines.values() for r in rows})
        width, words = 0.8 / len(lines), []
        for i, (label, rows) in enumerate(lines.items()):
            at = [densities.index(r.density) + (i - (len(lines) - 1) / 2) * width for r in rows]
            middle = [r["x_faster"] for r in rows]
            reach = [[max(0, r["x_faster"] - (r["x_faster_p10"] or r["x_faster"])) for r in rows],
                     [max(0, (r["x_faster_p90"] or r["x_faster"]) - r["x_faster"]) for r in rows]]
            axis.bar(at, middle, width * 0.92, yerr=reach, color=COLOURS[i], label=label,
                     error_kw={"ecolor": FLOOR, "elinewidth": 1.4, "capsize": 3})
            for x, y, top in zip(at, middle, reach[1]):
                axis.annotate(f"×{y:.1f}", (x, y + top), textcoords="offset points",
                              xytext=(0, 3), ha="center", fontsize=8.5)
            words.append(f"{label}: " + ", ".join(
                f"{r['x_faster']:.3g} times at {percent(r.density)} %" for r in rows))
        axis.axhline(1, color=FLOOR, linestyle="--", label=f"as fast as {other}")
        axis.set_xticks(range(len(densities)), [percent(d) for d in densities])
        axis.set_xlabel("dirty pages, %")
        axis.set_ylabel(f"times faster than {other}")
        axis.set_ylim(0, 1.12 * axis.get_ylim()[1])
        axis.legend(fontsize=8.5, loc="center left", bbox_to_anchor=(1, 0.5))
        name = f"beside-{safe(other)}-{safe(fmt)}"
        yield name, to_svg(figure, name, f"How many times faster than {other}, {fmt}. "
                           f"{'; '.join(words)}.")


# ---- type1 ----

def type1_groups(bench):
    groups = {}
    for row in bench.sets().get("type1", []):
        if row.density is not None and row["ms_per_gib_type1"] and row["pages_type1"]:
            groups.setdefault(row.where[0], []).append(row)
    return {fmt: by_density(rows) for fmt, rows in groups.items()}


def type1_charts(bench):
    """Time and pages in one picture: alone, the time would mislead."""
    for fmt, rows in type1_groups(bench).items():
        figure, (time, pages) = plt.subplots(1, 2, figsize=(8.6, 3.8))
        densities = sorted({r.density for r in rows})
        for axis, counters in ((time, (("ms_per_gib_type1", 1, "s", "a container (type1)"),
                                       ("ms_per_gib", 0, "o", "iommufd"))),
                               (pages, (("pages_type1", 1, "s", "a container (type1)"),
                                        ("pages_iommufd", 0, "o", "iommufd"),
                                        ("pages_written", None, "", "written")))):
            for counter, colour, marker, label in counters:
                draw(axis, rows, densities, counter, label=label, marker=marker,
                     color=FLOOR if colour is None else COLOURS[colour],
                     linestyle="-" if marker else "--")
            log_axis(axis)
            density_axis(axis, densities)
            axis.set_xlabel("pages written, %")
        time.set_title("time of a report, ms/GiB", loc="left")
        pages.set_title("pages reported, to be sent again", loc="left")
        pages.legend(fontsize=8.5, loc="center left", bbox_to_anchor=(1, 0.5))
        name = f"type1-{safe(fmt)}"
        yield name, to_svg(
            figure, name, f"{fmt}: a container's bitmap beside a harvest. Time of type1 "
            f"{in_words(rows, 'ms_per_gib_type1', 'ms/GiB')}, of iommufd "
            f"{in_words(rows, 'ms_per_gib', 'ms/GiB')}; pages reported by type1 "
            f"{in_words(rows, 'pages_type1', 'pages')}, by iommufd "
            f"{in_words(rows, 'pages_iommufd', 'pages')}.")


CHARTS = (way_charts, size_charts, beside_charts, type1_charts)
