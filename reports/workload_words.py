# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Numbers of migrations in words: sizes, links, times, and sentences made of them."""

import re

SIZES = "KMGT"
SECOND = 1e9


def scaled(text, step):
    """ "64G" -> the number, by powers of @step; ValueError for what is none."""
    found = re.fullmatch(r"([0-9]+)([KMGT]?)", text.upper())
    if not found or not int(found[1]):
        raise ValueError(f"{text!r} is no such number")
    return int(found[1]) * step ** (SIZES.index(found[2]) + 1 if found[2] else 0)


def parse_size(text):
    return scaled(text, 1024)


def parse_link(text):
    """Bits a second, as `iodirty migrate --link` has it."""
    return scaled(text, 1000)


def short(value, step):
    """The inverse of scaled()."""
    for unit in ["", *SIZES]:
        if value < step or value % step or unit == "T":
            return f"{value:g}{unit}"
        value //= step
    return None


def size_option(value):
    return short(value, 1024)


def link_option(value):
    return short(value, 1000)


def size(value):
    """ "64 GiB", "1.5 MiB". """
    for unit in ["bytes", "KiB", "MiB", "GiB"]:
        if value < 1024:
            return f"{value:.3g} {unit}" if value < 999.5 else f"{value:.0f} {unit}"
        value /= 1024
    return f"{value:.4g} TiB"


def link(bits):
    """ "25 Gb/s". """
    for unit in ["b/s", "kb/s", "Mb/s", "Gb/s"]:
        if bits < 1000:
            return f"{bits:g} {unit}"
        bits /= 1000
    return f"{bits:g} Tb/s"


def duration(ns):
    """Three digits at the most, in the unit that is read easily."""
    if ns < 999.5e3:
        return f"{ns / 1e3:.3g} µs"
    if ns < 999.5e6:
        return f"{ns / 1e6:.3g} ms"
    if ns < 119.5e9:
        return f"{ns / 1e9:.3g} s"
    if ns < 7170e9:
        return f"{ns / 60e9:.0f} minutes"
    return f"{ns / 3600e9:,.1f} hours"


def listed(names, word="and"):
    """ "A", "A and B", "A, B and C". """
    return f" {word} ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def once(names):
    """ "A at 1", "A at 2" -> "A at 1", "2": what stands before " at " need not be said again."""
    told, before = [], None
    for name in names:
        head, at, tail = name.partition(" at ")
        told.append(tail if at and head == before else name)
        before = head
    return told


# ---- sentences ----

def gives_up(entry):
    """How a migration that does not converge is called: type1 and nobody report all memory,
    in each round the same, so another round changes nothing."""
    if entry.reports_all:
        return "never converges"
    return f"does not converge in {entry.most_rounds} rounds"


def comparison(workload, old, new, old_name, new_name):
    """The sentence for who decides: @old and @new are predictions for the same guest, link and
    limit, or None where there is none."""
    if not old or not new:
        missing = listed([name for name, e in ((old_name, old), (new_name, new)) if not e])
        return f"{workload}: there is no prediction with {missing}."
    where = f"this guest of {size(new.memory)}"
    on = link(new.link)
    if not old.converged and new.converged:
        text = (f"with {old_name} {where} {gives_up(old)} on {on}; with {new_name} it stops for "
                f"{duration(new.downtime)}.")
    elif old.converged and new.converged:
        text = (f"on {on} {where} converges with both: with {old_name} it stops for "
                f"{duration(old.downtime)}, with {new_name} for {duration(new.downtime)}.")
    elif new_is_worse(old, new):
        text = (f"on {on} {where} stops for {duration(old.downtime)} with {old_name}; with "
                f"{new_name} it {gives_up(new)}.")
    else:
        text = (f"on {on} {where} converges with neither: with {old_name} it {gives_up(old)}, "
                f"with {new_name} it {gives_up(new)}. Stopped by force, it stands still for "
                f"{duration(old.downtime)} and for {duration(new.downtime)}.")
    return f"{workload}: {text}"


def new_is_worse(old, new):
    return old.converged and not new.converged


def least_links(entries_by_name):
    """Which link each tracker needs, of those that were tried. @entries_by_name: name -> its
    predictions for one guest."""
    needs, never = {}, []
    fastest = 0
    for name, entries in entries_by_name.items():
        good = [e.link for e in entries if e.converged]
        fastest = max([fastest, *(e.link for e in entries)])
        if good:
            needs.setdefault(min(good), []).append(name)
        elif entries:
            never.append(name)
    parts = [f"{listed(once(names), 'or')} from {link(bits)} on"
             for bits, names in sorted(needs.items())]
    text = f"It converges with {'; with '.join(parts)}." if parts else ""
    if never:
        text += (f" With {listed(once(never), 'or')} it converges on none of the links up to "
                 f"{link(fastest)}.")
    return text.strip()


def agreement(rows):
    """Whether the model is to be believed. @rows: of the table of agreement."""
    if not rows:
        return "The model was not held against a measurement."
    worst = max(abs(r - 1) for row in rows for r in row.ratios)
    good = sum(row.agrees for row in rows)
    equal = sum(row.verdict == "equal" for row in rows)
    text = (f"{len(rows)} migrations of it were performed on the reference, "
            f"{'each' if equal == len(rows) else f'{equal} of them'} with every byte equal; ")
    if good == len(rows) and worst < 0.0005:
        return text + "the model gives the same rounds, bytes and downtimes."
    if good == len(rows):
        return text + f"the model differs from none by more than {100 * worst:.1f} %."
    return text + (f"the model disagrees with {len(rows) - good} of them, by up to "
                   f"{100 * worst:.0f} %: do not rely on its predictions here.")
