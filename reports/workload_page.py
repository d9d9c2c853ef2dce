# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The page of `iodirty report`, which needs nothing but itself."""

import shlex

from markup import details, document, esc, figure, navigation, section, table
from page_facts import system_part
from workload_ways import WAYS
from workload_words import duration, link, link_option, listed, size, size_option
from workload_writes import PAGE

MEASURED = '<span class="tag measured">measured</span>'
PREDICTED = '<span class="tag predicted">predicted</span>'
RECORDED = '<span class="tag">recorded</span>'
PATTERN = ('<span class="tag pattern" title="no device\'s addresses: an access pattern, taken as '
           'if it were">access pattern</span>')


def name_of(story):
    return esc(story.workload) + (f" {PATTERN}" if story.recording.pattern else "")


# ---- on top ----

def head(statement, stories):
    tool = statement["tool"]
    commit = tool["git_commit"][:12] + ("" if tool["git_clean"] else ", with local changes")
    said = "".join(
        f'<li><p><strong>{esc(s.sentences[0])}</strong> {PREDICTED}'
        f'{" " + PATTERN if s.recording.pattern else ""}</p>'
        f"<p>{esc(s.sentences[1])} {PREDICTED}</p><p>{esc(s.sentences[2])} {MEASURED} "
        f'<a href="#{esc(s.anchor)}">More</a></p></li>' for s in stories)
    return ("<header><h1>What dirty tracking is worth to a migration</h1>"
            f'<ul class="said">{said}</ul>'
            f'<p class="faint small">{esc(statement["created"])} · iodirty '
            f'{esc(tool["version"])}{" · commit " + esc(commit) if commit else ""}</p></header>')


def about(statement):
    limit = duration(statement["downtime_limit_ms"] * 1e6)
    return section(
        "about", "How to read this",
        "<p>A running guest is moved to another host by sending all of its memory, then, round "
        "by round, what was written meanwhile. When what is left can be sent within "
        f"{esc(limit)} (the limit chosen for this report) the guest is stopped for that; if that "
        f"does not come about in {statement['rounds_limit']} rounds it is stopped all the same, "
        "and stands still for longer. What was written is known by a tracker, and the more it "
        "reports beyond that, the more is sent again.</p>",
        f"<p>{PREDICTED} is what the model of <code>iodirty migrate --model</code> computes "
        "from the very accesses of the workload, for guests and links that this machine does not "
        f"have. {MEASURED} is what was done on the reference: modelled IOMMU and devices, real "
        "bytes, each compared in the end; time is the workload's, a link's share of it computed "
        f"from bytes. {RECORDED} is counted in the accesses of the workload themselves. None of "
        f"it is a statement about real hardware. {PATTERN} marks a workload whose addresses are "
        "no device's.</p>",
        table(["tracker", "what it reports"], [[esc(w.label), esc(WHAT[w.tracker, w.split])]
                                               for w in WAYS]))


WHAT = {
    ("type1", False): "a VFIO container's bitmap: all that is mapped and pinned, which with a "
                      "device assigned is all memory, always",
    ("iommu", False): "dirty bits of the IOMMU: all of each leaf of the page table that was "
                      "written to",
    ("iommu", True): "dirty bits of the IOMMU: leaves are large until tracking is enabled, and "
                     "then of 4 KiB",
    ("log", False): "each page of 4 KiB that the device says it wrote (VFIO DMA logging)",
    ("nobody", False): "no one tracks: all memory, always",
}


def overview(statement, stories):
    """A row a workload, for the guest and link of the sentences."""
    ways = [w for w in WAYS if any(s.at(w) for s in stories)]
    rows = [[f'<a href="#{esc(s.anchor)}">{esc(s.workload)}</a>'
             + (f" {PATTERN}" if s.recording.pattern else ""),
             esc(rate(s.writes.mean_rate)), *(stopped(s.at(w)) for w in ways)]
            for s in stories]
    guest, bits = statement["guests_bytes"][0], statement["links_bits_per_second"][0]
    return section(
        "overview", "Overview",
        f"<p>{PREDICTED} How long a guest of {esc(size(guest))} is stopped on {esc(link(bits))}. "
        f"{RECORDED} Dirty rate: pages of 4 KiB, each counted once in a slice of the "
        "recording.</p>",
        table(["workload", "dirty rate", *(esc(w.label) for w in ways)], rows,
              numeric=range(1, 2 + len(ways))),
        f'<p class="small faint">{NOT_CONVERGED}</p>')


NOT_CONVERGED = "*: does not converge; it was stopped when the most rounds were done."


def stopped(entry):
    if entry is None:
        return "–"
    return esc(duration(entry.downtime)) + ("" if entry.converged else " *")


def rate(value):
    return f"{size(value)}/s"


# ---- a workload ----

def drawing(chart, caption, extra=""):
    """A chart, and its numbers in a table."""
    note = f'<p class="small faint">{esc(chart.note)}</p>' if chart.note else ""
    numbers = table([esc(h) for h in chart.head], [[esc(c) for c in row] for row in chart.rows],
                    numeric=range(1, len(chart.head)))
    return figure(chart.svg, caption, details("Numbers", numbers + note) + extra)


def written(story):
    w, r = story.writes, story.recording
    part = "" if w.high - w.low == r.length else (
        f" Only the part is shown that is written to, {esc(size(w.high - w.low))} from "
        f"IOVA {r.iova + w.low:#x} on.")
    return drawing(
        story.charts["writes"],
        f"{RECORDED} <strong>Where and when devices write.</strong> {len(r.time):,} writes and "
        f"{r.reads:,} reads of {r.devices} device{'' if r.devices == 1 else 's'} in "
        f"{esc(duration(r.ns))}, memory of {esc(size(r.length))}.{part} Below, the dirty rate "
        f"(pages of 4 KiB, each once in {esc(duration(w.slice_ns))}): "
        f"{esc(rate(w.mean_rate))} on average; and the working set, pages written so far: "
        f"{esc(size(w.working_set * PAGE))} in the end.")


def over_report(story):
    missing = [w.label for w in WAYS if w.tracker == "iommu" and not w.split
               and w.leaf not in story.writes.leaves]
    text = (f" Memory is no multiple of these, so they are not shown: {esc(listed(missing))}."
            if missing else "")
    return drawing(
        story.charts["over"],
        f"{RECORDED} <strong>What large leaves report beyond what was written.</strong> Pages "
        "reported to one written, by leaf size: over time, and by how long it is from one report "
        f"to the next.{text}")


def converging(story):
    guest = story.guests[0]
    return drawing(
        story.charts["converge"],
        f"{PREDICTED} <strong>Time to the end, and bytes sent, by tracker.</strong> A guest of "
        f"{esc(size(guest))} on {esc(link(story.link))}. Hatched, *: it does not converge, and was "
        "stopped when the most rounds were done.")


def downtimes(story):
    guest, fastest = story.guests[0], max(e.link for e in story.by_link)
    harvests = [f"{ns:g} ns" for ns, _ in story.by_guest]
    others = " (dotted: not the first)" if len(harvests) > 1 else ""
    return "".join([
        drawing(story.charts["links"],
                f"{PREDICTED} <strong>How long the guest is stopped, by link.</strong> "
                f"{esc(size(guest))} of memory. Hollow marks: it does not converge. With no "
                "tracker it is as with type1, of which one round was computed here: another would "
                "be the same. A slower link may take a round more, which leaves less.",
                f'<p class="small faint">{NOT_CONVERGED}</p>'),
        drawing(story.charts["guests"],
                f"{PREDICTED} <strong>How long the guest is stopped, by its size.</strong> "
                f"On {esc(link(fastest))}. A harvest takes {esc(listed(harvests))} for each "
                f"page-table entry{others}; the last one is part of the time.",
                f'<p class="small faint">{NOT_CONVERGED}</p>')])


AGREE_HEAD = ["tracker", "rounds, measured", "model", "ratio", "sent, measured", "model", "ratio",
              "stopped, measured", "model", "ratio", "agrees", "bytes"]


def agreement(story):
    if not story.agreements:
        return "<p>Nothing of it was measured: the model was not held against the reference.</p>"
    rows = []
    for a in story.agreements:
        m, p = a.measured, a.model
        ratios = [f"{r:.3f}" for r in a.ratios]
        rows.append([esc(m.way.label), m.rounds, p.rounds, ratios[0], esc(size(m.sent)),
                     esc(size(p.sent)), ratios[1], stopped(m), stopped(p), ratios[2],
                     "yes" if a.agrees else "<strong>NO</strong>", esc(EQUAL.get(
                         m.verdict, m.verdict.upper()))])
    one = story.agreements[0].measured
    return (f"<p>{MEASURED} beside {PREDICTED}: a guest of {esc(size(one.memory))} on "
            f"{esc(link(one.link))} that may be stopped for {esc(duration(one.limit))}, performed "
            "on the reference with real bytes, and computed by the model from the same accesses. "
            "Guest, link and limit are such that it can be performed here, and that not every "
            "tracker converges. Both take the same time for a report, "
            f"{one.harvest:g} ns for each page-table entry, and for a byte on the link: what is "
            "compared is what trackers report and what is sent. They agree within 10 %; stops "
            "also if they differ by less than 1 % of the stop that was asked for.</p>"
            + table(AGREE_HEAD, rows, numeric=range(1, 10))
            + f'<p class="small faint">{NOT_CONVERGED}</p>')


EQUAL = {"equal": "equal", "differs": "DIFFER", "lost": "a report LOST writes"}


def workload(story):
    pattern = (f"<p>{PATTERN} Its addresses are those of no device: an access pattern is taken as "
               "if they were.</p>" if story.recording.pattern else "")
    return (f'<section id="{esc(story.anchor)}"><h2>{name_of(story)}</h2>\n'
            f"<p>{esc(story.recording.origin)}</p>{pattern}"
            + "<h3>What is written</h3>" + written(story)
            + "<h3>Leaf sizes</h3>" + over_report(story)
            + "<h3>Trackers</h3>" + converging(story)
            + "<h3>Links and guests</h3>" + downtimes(story)
            + "<h3>Model against measurement</h3>" + agreement(story) + "</section>\n")


# ---- the rest ----

def again(args):
    words = ["iodirty", "report"]
    for workload_name in args.workloads:
        words += ["-w", workload_name]
    words += ["--memory", size_option(args.memory), "--time", f"{args.time:g}",
              "--downtime", str(args.downtime), "--rounds", str(args.rounds),
              "--seed", str(args.seed)]
    for option, values in (("--link", map(link_option, args.links)),
                           ("--guest", map(size_option, args.guests)),
                           ("--harvest", (f"{ns:g}" for ns in args.harvest))):
        for value in values:
            words += [option, value]
    return shlex.join(words)


def recheck(args):
    return section(
        "recheck", "How to check this report",
        "<p>Nothing was changed since it was made:</p>",
        "<pre>sha256sum -c MANIFEST.sha256</pre>",
        "<p>All numbers are in workload.json; logs/ has what each <code>iodirty migrate</code> "
        "wrote, with its command. To make it again, with the same predictions:</p>",
        f"<pre>{esc(again(args))}</pre>")


def render(statement, stories, system, args):
    anchors = [("overview", "Overview"), *((s.anchor, s.workload) for s in stories),
               ("about", "How to read this"), ("system", "System"),
               ("recheck", "How to check")]
    body = "\n".join([
        head(statement, stories), navigation(anchors), overview(statement, stories),
        *map(workload, stories), about(statement), system_part(system), recheck(args)])
    return document("What dirty tracking is worth to a migration: iodirty report", body)
