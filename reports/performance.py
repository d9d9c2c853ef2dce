# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The page's section on performance: charts, and the numbers of each as a table."""

from markup import details, esc, facts, figure, inline, section, table
from model import leaf_name, percent, safe

# Of each set but the harvest's: title, a line, and its counters in the order of the table.
SETS = {
    "enable": ("Switching tracking on and off", "Enabling cleans all entries, which is what a "
               "harvest does; where leaves are split it makes their tables too.", {
                   "ms_per_gib": "enable ms/GiB", "x_harvest": "enable / harvest",
                   "disable_ms_per_gib": "disable ms/GiB",
                   "x_disable_harvest": "disable / harvest",
                   "harvest_ms_per_gib": "harvest ms/GiB"}),
    "map": ("Map and unmap", "While tracking is on, and while harvests go on besides, as "
            "multiples of what they cost without.", {
                "map_ns_per_leaf": "map ns/leaf", "x_map_tracked": "tracked",
                "x_map_harvested": "under harvests", "unmap_ns_per_leaf": "unmap ns/leaf",
                "x_unmap_tracked": "tracked", "x_unmap_harvested": "under harvests"}),
    "unmap": ("An unmap that reports", "Beside a plain unmap, and a read followed by one, which "
              "loses what is written in between.", {
                  "unmap_ns_per_leaf": "plain unmap ns/leaf",
                  "x_read_then_unmap": "read, then unmap",
                  "x_unmap_that_reports": "unmap that reports"}),
    "call": ("What a call costs", "Of one page; and the whole in 64 calls, or without "
             "clearing, as multiples of the whole in one.", {
                 "page_ns": "a call of one page, ns", "pages_for_a_call": "is worth pages",
                 "ms_per_gib": "one call ms/GiB", "x_64_calls": "64 calls",
                 "x_no_clear": "NO_CLEAR"}),
    "dma": ("Harvests while a device writes", "No write may be missed: then the run fails.", {
        "writes": "writes", "writes_per_s": "writes/s", "harvests": "harvests",
        "missed": "missed", "ms_per_gib": "harvest ms/GiB", "x_clean": "beside a quiet one"}),
    "slowdown": ("What harvests cost a device", "The device of the model: each harvest makes "
                 "its IOMMU forget, and so walk again.", {
                     "x_slower": "slower", "writes_per_s": "writes/s",
                     "writes_per_s_quiet": "without harvests",
                     "walks_per_write": "walks a write",
                     "walks_per_write_quiet": "without harvests", "harvests": "harvests"}),
    "precopy": ("A round of a migration", "One sync: the harvest, and its bitmap merged into "
                "the list of what is to be sent.", {
                    "density_percent": "dirty %", "sync_ms": "sync ms", "x_harvest": "of which "
                    "harvest", "downtime_limit_ms": "least downtime limit, ms"}),
    "hold": ("How long a harvest holds others off", "The longest that a map had to wait while "
             "one harvest of all was under way.", {
                 "hold_max_us": "longest, µs", "quiet_us": "a map without, µs",
                 "harvest_ms": "the harvest, ms", "x_of_harvest": "longest / harvest",
                 "calls": "maps"}),
    "workload": ("Harvests of what devices write", "A workload's accesses as DMA, and a harvest "
                 "for every 10 ms of its time: means of these.", {
                     "density_percent": "dirty %", "over_report": "reported / written",
                     "ns_per_iopte": "harvest ns/IOPTE", "x_floor": "× floor",
                     "longest_ms": "longest, ms", "harvests": "harvests",
                     "accesses": "accesses", "device_writes": "writes",
                     "pages_written": "pages written"}),
    "type1": ("A container's bitmap", "", {
        "ms_per_gib_type1": "type1 ms/GiB", "ms_per_gib": "iommufd ms/GiB",
        "x_time_type1": "time, type1 / iommufd", "pages_written": "pages written",
        "pages_type1": "type1 reports", "pages_iommufd": "iommufd reports",
        "x_bytes_type1": "sent, type1 / iommufd"}),
    "beside": ("Beside another target", "", {
        "x_faster": "times faster", "x_faster_p10": "one pair of ten below",
        "x_faster_p90": "one of ten above", "x_faster_less_call": "less the call",
        "ns_per_page": "ns/page", "other_ns_per_page": "other's ns/page",
        "call_us": "call µs", "other_call_us": "other's call µs"}),
}
SHOWN = ("type1", "beside")  # by charts of their own

COST_HEAD = ["format", "leaf", "pattern", "dirty %", "floor ns/IOPTE", "harvest ns/IOPTE",
             "× floor", "× floor, medians", "ms/GiB", "reported / written", "missed"]
WAY_HEAD = ["way to harvest", "leaf", "mapped", "tables", "caches", "pattern", "dirty %",
            "ns/IOPTE", "× floor", "× floor in table order", "times faster than entry", "ms/GiB",
            "reported / written"]


def number(value, digits=2):
    return "–" if value is None else f"{value:,.{digits}f}"


def ratio(value):
    return "–" if value is None else f"×{value:,.2f}"


def short(counter, value):
    """Of any size, to three digits."""
    if value is None:
        return "–"
    text = f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.3g}"
    return f"×{text}" if counter.startswith("x_") else text


# ---- harvests ----

def cost_rows(cells):
    return [[esc(c.format), leaf_name(c.leaf), esc(c.pattern), percent(c.density),
             number(c["floor_ns_per_iopte"], 3), number(c["ns_per_iopte"], 3),
             ratio(c["x_floor"]), ratio(c["x_floor_median"]), number(c["ms_per_gib"], 4),
             number(c["over_report"], 1), number(c["missed"], 0)] for c in cells]


def cost_table(cells):
    return details("Numbers", table(COST_HEAD, cost_rows(cells), numeric=range(3, 11)))


def way_table(cells, title="Numbers"):
    rows = [[esc(c.variant), leaf_name(c.leaf), leaf_name(c.size), esc(c.layout), esc(c.cache),
             esc(c.pattern), percent(c.density), number(c["ns_per_iopte"], 3),
             ratio(c["x_floor"]), ratio(c["x_table_order"]), ratio(c["x_entry"]),
             number(c["ms_per_gib"], 4), number(c["over_report"], 1)] for c in cells]
    return details(title, table(WAY_HEAD, rows, numeric=range(6, 13)))


def by_format(bench, charts, prefix):
    """(what follows @prefix, chart) of each whose name begins so, in the benchmark's order."""
    order = [safe(f) for f in bench.formats]
    found = [(name.removeprefix(prefix), svg) for name, svg in charts.items()
             if name.startswith(prefix)]
    return sorted(found, key=lambda f: order.index(f[0]) if f[0] in order else len(order))


def several(title, charts, caption, numbers, shown=1):
    """Charts of a kind, a format each: the first @shown as they are, the rest folded away.
    @numbers: of a chart's name."""
    figures = [figure(svg, f"<strong>{esc(name)}</strong>. {caption}", numbers(name))
               for name, svg in charts]
    if not figures:
        return []
    rest = figures[shown:]
    return [f"<h3>{title}</h3>", *figures[:shown]] + (
        [details(f"{len(rest)} more formats", "".join(rest))] if rest else [])


def ways_part(bench, charts):
    by_name = {safe(f): f for f in bench.formats}

    def numbers(name):
        return way_table([c for c in bench.all if not c.error
                          and c.format == by_name[name]
                          and c.leaf == bench.smallest_leaf(by_name[name])])

    return several(
        "Ways to harvest", by_format(bench, charts, "ways-"),
        "A line a way: how entries are looked at, and whether dirty ones are cleaned by an atomic "
        "operation each (solid) or by masked stores (dashed). No harvest can do less than the "
        "floor, the best of several loops that read the same tables; in table order is the best "
        "that comes to them as a harvest must.", numbers)


def sizes_part(bench, charts):
    return several(
        "Size", by_format(bench, charts, "sizes-"),
        "A line that rises tells of caches that became too small; one that falls, of what a call "
        "costs besides its entries.", lambda name: "")


def harvest_parts(bench, charts):
    smallest = [c for c in bench.good if c.leaf == bench.smallest_leaf(c.format)]
    small = "".join(f"<figure>{inline(svg)}</figure>"
                    for _, svg in by_format(bench, charts, "cost-"))
    parts = ways_part(bench, charts)
    if small:
        parts += ["<h3>Cost of a page-table entry, by density</h3>",
                  f'<div class="charts">{small}</div>',
                  '<p class="small faint">The default way, smallest leaves of each format; the '
                  "multiples are of the floor, at the random pattern.</p>", cost_table(smallest)]
    if "ratio" in charts:
        parts += ["<h3>Cost as a multiple of the floor</h3>", figure(
            charts["ratio"], "Random pattern, smallest leaves. 1 is a harvest that costs no more "
            "than reading the tables.",
            cost_table([c for c in smallest if c.pattern == "random"]))]
    parts += sizes_part(bench, charts)
    if "leaves" in charts:
        cells = bench.by_leaf(1.0)
        parts += ["<h3>Leaf sizes</h3>", figure(
            charts["leaves"], "Larger leaves make fewer entries to read, and each dirty one "
            "reports more memory than was written (column “reported / written”). The multiples "
            "are of the floor in the same run.", cost_table(cells))]
    for fmt in bench.formats:
        others = [c for c in bench.all if c.format == fmt and not c.error]
        parts.append(way_table(others, f"All {len(others)} harvests of {esc(fmt)}"))
    return parts


# ---- what stands beside ----

def set_table(kind, rows):
    """What the set is known to have; of a set that is not known all that is there."""
    counters = SETS[kind][2] if kind in SETS else {
        name: esc(name.replace("_", " ")) for row in rows for name in row.numbers}
    counters = {c: text for c, text in counters.items() if any(r[c] is not None for r in rows)}
    return table([kind, *counters.values()],
                 [[esc("/".join(r.where)), *(short(c, r[c]) for c in counters)] for r in rows],
                 numeric=range(1, 1 + len(counters)))


def beside_part(bench, charts):
    rows = bench.sets().get("beside", [])
    figures = [figure(svg, "The same memory mapped, the same pages written, into the same bitmap, "
                      "in turns within one process. A bar is the median of the pairs' ratios, "
                      "its whisker where eight of ten are.")
               for name, svg in charts.items() if name.startswith("beside-")]
    if not rows:
        return []
    title = "Beside " + ", ".join(dict.fromkeys(esc(r.where[0]) for r in rows))
    return [f"<h3>{title}</h3>", *figures, details("Numbers", set_table("beside", rows))]


def type1_part(bench, charts):
    figures = [figure(svg, f"<strong>{esc(name.removeprefix('type1-'))}</strong>. Who says that "
                      "all is dirty is soon done: read the two pictures together. Each page "
                      "reported is sent once more.")
               for name, svg in charts.items() if name.startswith("type1-")]
    rows = bench.sets().get("type1", [])
    if not rows:
        return []
    return ["<h3>Beside a VFIO container (type1)</h3>", *figures,
            details("Numbers", set_table("type1", rows))]


def other_parts(bench):
    parts = []
    for kind, rows in bench.sets().items():
        if kind in SHOWN:
            continue
        title, line, _ = SETS.get(kind, (kind, "", {}))
        parts.append(f"<h4>{esc(title)}</h4>"
                     + (f'<p class="small faint">{esc(line)}</p>' if line else "")
                     + set_table(kind, rows))
    return ["<h3>What tracking costs otherwise</h3>", *parts] if parts else []


def failed_part(bench):
    rows = [["/".join(["harvest", esc(c.format), leaf_name(c.leaf), esc(c.pattern),
                       f"{percent(c.density)}%", esc(c.variant)]), esc(c.error)]
            for c in bench.errors]
    rows += [[esc(r.name), esc(r.error)] for r in bench.rows if r.error]
    return ['<div class="failure"><h3>The benchmark failed</h3>'
            + table(["measured", "error"], rows) + "</div>"] if rows else []


def performance(bench, charts):
    if not bench or not (bench.all or bench.rows):
        return section("performance", "Performance",
                       "<p>The benchmark left no results; see logs/bench.txt.</p>")
    return section(
        "performance", "Performance",
        "<p>Performance is no part of the verdict. What a harvest costs is shown beside its "
        "<em>floor</em>, the cost of merely reading the same page-table entries (IOPTEs) once, "
        "taken in turns with it in the same run. The ratio of the two means something on a busy "
        "machine; a time by itself does not. Each value is the least of its repetitions, in "
        "processor time of the calling thread. Every bitmap was compared word for word with what "
        "had been written.</p>",
        "<p>In each dirty leaf one page was written; <em>clustered</em> means runs of 256 "
        "leaves, <em>random</em> any leaf by itself.</p>",
        *failed_part(bench), *harvest_parts(bench, charts), *beside_part(bench, charts),
        *type1_part(bench, charts), *other_parts(bench),
        facts([(name.replace("_", " "), bench.context.get(name)) for name in (
            "mode", "cpu_model", "kernel", "clock", "cache_state", "library_build_type",
            "library_note")]))
