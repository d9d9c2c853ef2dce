# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
What a vendor claims, held against what the target has and what the run showed.

A capability is shown by cases that need it, a format by cases that ran on it. What is
claimed and was not shown is FAIL: else one could claim what nobody looked at. What the
target has and the vendor does not claim is a WARNING.
"""

from model import UNTRIED

UNCLAIMED = "the target does not claim"  # so a case's message says for want of what it is skipped


def wanting(case):
    """Capabilities for want of which the runner skipped it."""
    head, _, names = case.message.partition(UNCLAIMED)
    return set(names.split()) if case.verdict == "SKIP" and not head else set()


def known_capabilities(results):
    """All that a test needs or the target has, by name."""
    return sorted({n for c in results.cases for n in c.needs}
                  | set(results.data["target"]["capabilities"]))


def row(kind, name, claimed, present, cases):
    ran = [c for c in cases if c.verdict not in UNTRIED]
    return {"kind": kind, "name": name, "claimed": claimed, "present": present,
            "cases": len(cases), "ran": len(ran), "outcome": "OK", "why": ""}


def judge_row(made, cases, known):
    """Outcome and reason of a row."""
    kind, name = made["kind"], made["name"]
    if not made["claimed"]:
        return "WARNING", f"the target has the {kind}, and it is not claimed"
    if name not in known:
        return "FAIL", f"claimed, and nothing here has or needs the {kind} “{name}”; known are: " \
            + ", ".join(known)
    if not made["present"]:
        return "FAIL", f"claimed, and the target does not have the {kind}"
    skipped = [c for c in cases if name in wanting(c)]
    if kind == "capability" and skipped:
        return "FAIL", f"claimed, and {len(skipped)} of its cases were skipped for want of it"
    if not cases:
        return ("OK", "no test needs it") if kind == "capability" else \
            ("FAIL", "claimed, and it has no case")
    if not made["ran"]:
        return "FAIL", f"claimed, and none of its cases ran: {cases[0].verdict}, " \
            f"{cases[0].message or 'no reason given'}"
    return "OK", ""


def of_kind(kind, claimed, present, known, cases_of):
    """Rows, by name; @claimed None: what the target itself says."""
    rows = []
    for name in sorted(set(present if claimed is None else [*claimed, *present])):
        cases = cases_of(name)
        made = row(kind, name, claimed is None or name in claimed, name in present, cases)
        made["outcome"], made["why"] = judge_row(made, cases, known)
        rows.append(made)
    return rows


def of_kernel(results, declared):
    """A row of the kernel that is certified: it must be the one that ran."""
    wanted, ran = declared["kernel"]["release"], results.data["host"]["release"]
    made = row("kernel", wanted, True, wanted == ran, results.cases)
    if wanted != ran:
        made.update(outcome="FAIL", why=f"the kernel that ran is {ran}")
    return made


def judge(results, declared):
    """Rows of all that the form @declared claims, if there is one; what it does not speak of is
    claimed as the target has it."""
    claims = (declared or {}).get("claims", {})
    formats = [f["name"] for f in results.data["formats"]]
    needing = {}
    for case in results.cases:
        for name in case.needs:
            needing.setdefault(name, []).append(case)
    on = {}
    for case in results.cases:
        on.setdefault(case.format, []).append(case)
    kernel = [of_kernel(results, declared)] if declared else []
    capabilities = of_kind(
        "capability", claims.get("capabilities"), results.data["target"]["capabilities"],
        known_capabilities(results), lambda name: needing.get(name, []))
    return kernel + capabilities + of_kind(
        "format", claims.get("formats"), formats, formats, lambda name: on.get(name, []))
