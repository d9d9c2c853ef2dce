# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The words of a statement: the verdict in a sentence, what it means, what stands beside it."""

from collections import Counter

from model import BAD

NOTHING_RAN = 4  # the exit status of a program that could not do anything here

DESCRIPTIONS = {
    "ref": "The target “ref” is the suite's reference implementation: IOMMU hardware modelled "
           "in software, in user space. That it passes shows that the suite and the reference "
           "agree. It is no statement about any real hardware.",
    "module": "The target “module” is the suite's reference implementation as a Linux kernel "
              "module: IOMMU hardware modelled in software. It is no statement about any real "
              "hardware.",
    "linux": "The target “linux” is iommufd of the kernel that ran, with the kernel's own mock "
             "IOMMU driver. It is no statement about any real hardware.",
    "vfio": "The target “vfio” is a real device behind the real IOMMU of this machine, through "
            "the kernel that ran.",
}

# By stake, the gravest first: what a failure means to who runs virtual machines.
MEANS = {
    "data-loss": "A virtual machine that is migrated while it runs may arrive with memory that "
                 "is not what its devices wrote.",
    "memory-corruption": "Memory that nobody asked to change may be changed.",
    "availability": "The machine, or a migration, may stop.",
    "interface": "Programs may be told something that is not so. No loss of data was seen.",
}

# What can fail besides the suite.
OTHERS = {"claims": "claims that were not shown", "benchmark": "the benchmark",
          "workloads": "the harvests of workloads"}


def number(count, what):
    """ "1 case", "1,234 cases". """
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def describe(target):
    kind = target.partition(":")[0]
    return DESCRIPTIONS.get(kind, f"The target is “{target}”.")


def in_runs(runs):
    return f", in each of {runs} runs" if runs > 1 else ""


def waived(count):
    return f", with {number(count, 'waived failure')}" if count else ""


def deviating(count):
    return f", with {number(count, 'failure')} that a listed deviation explains" if count else ""


def conformance_failed(results):
    """What went wrong in the suite, without a verdict."""
    bad = results.bad_cases
    if not bad:
        return "the conformance suite did not end well"
    judged = sum(n for v, n in results.counts.items() if v != "SKIP")
    failed = {c.requirement for c in bad}
    return (f"{len(bad):,} of {number(judged, 'case')}, in {len(failed):,} of "
            f"{number(len(results.tried), 'requirement')},")


def sentence(results, target, runs, bad):
    """@bad: the parts of the certification that failed, of "conformance", "claims", "benchmark",
    "workloads"."""
    counts = results.counts
    excused = waived(counts["WAIVED"])
    if not bad:
        return (f"PASSED: {number(counts['PASS'], 'case')} of "
                f"{number(len(results.tried), 'requirement')} on {target}{in_runs(runs)}"
                + deviating(counts["XFAIL"])
                + (excused or (", and none failed" if not counts["XFAIL"] else "")) + ".")
    others = " and ".join(OTHERS[part] for part in bad if part != "conformance")
    if "conformance" not in bad:
        return f"FAILED: {others} on {target}; the conformance suite passed{excused}."
    return (f"FAILED: {conformance_failed(results)} on {target}{excused}"
            + (f"; and {others}" if others else "") + ".")


def gravest(results, verdicts):
    """MEANS of the worst that is at stake in judged cases with one of @verdicts; ""."""
    stakes = {results.requirements[c.requirement].stake for c in results.cases
              if c.verdict in verdicts and results.requirements[c.requirement].cls != "informative"}
    return next((words for stake, words in MEANS.items() if stake in stakes), "")


def meaning(results, bad):
    """What the verdict means to who does not know the suite."""
    if "conformance" in bad:
        return gravest(results, BAD) or "The suite did not come to its end: nothing can be " \
            "concluded."
    if "benchmark" in bad or "workloads" in bad:
        return "Harvests outside of the suite were wrong, or could not be held against the truth."
    if bad:
        return "What ran did as it must, but less was shown than is claimed."
    listed = gravest(results, {"XFAIL", "WAIVED"})
    if listed:
        return f"Nothing failed but what is listed as known or waived; of that: {listed}"
    if "track" not in results.data["target"]["capabilities"]:
        return "The IOMMU cannot track, and says so: a migration must take all memory as dirty."
    return "No test of what must hold lost a write of a device, or saw memory changed that was " \
        "not to be changed."


# ---- what must stand beside the verdict ----

def ids(requirements, most=8):
    return ", ".join(requirements[:most]) + ("…" if requirements[most:] else ".")


def of_conformance(results, statuses, runs):
    """@statuses, @runs: the exit status and the Results of each run."""
    counts = results.counts
    lines = []
    if counts["SKIP"]:
        lines.append(f"Skipped: {number(counts['SKIP'], 'case')}; the reasons are below.")
    if counts["NOT_CAPABLE"]:
        lines.append(f"Not capable: {number(counts['NOT_CAPABLE'], 'case')}: the IOMMU under test "
                     "cannot track, and says so.")
    missing = [r.id for r in results.not_exercised]
    if missing:
        lines.append(f"Not tried: {number(len(missing), 'mandatory requirement')}: {ids(missing)}")
    if results.observations:
        lines.append(f"Failed, but judging nothing: {number(len(results.observations), 'case')} "
                     "of informative requirements.")
    if counts["XFAIL"]:
        lines.append(f"Failed as a listed deviation says: {number(counts['XFAIL'], 'case')}.")
    flakes = [c for c in results.bad_cases if c.flake]
    if flakes:
        lines.append(f"Flakes: {number(len(flakes), 'case')}, not the same in each run, which is "
                     f"a failure: {ids(list(dict.fromkeys(c.requirement for c in flakes)))}")
    for n, (status, run) in enumerate(zip(statuses, runs), 1):
        if not run.data["complete"]:
            lines.append(f"Run {n} was interrupted.")
        elif bool(status) == run.passed:
            lines.append(f"Run {n} of the suite ended with status {status}, which is not what its "
                         "records say.")
    if len(runs) == 1:
        lines.append("There was one run: a case that fails now and then could go unseen.")
    return lines


def of_claims(rows):
    failed = [f"{r['kind']} {r['name']}" for r in rows if r["outcome"] == "FAIL"]
    warned = [f"{r['kind']} {r['name']}" for r in rows if r["outcome"] == "WARNING"]
    return ([f"Claimed and not shown: {ids(failed)}"] if failed else []) + (
        [f"WARNING: there, and not claimed: {ids(warned)}"] if warned else [])


def of_waivers(rows):
    lines = []
    for row in rows:
        name = row["requirement"] + "".join(
            f", {field} {row[field]}" for field in ("test", "config") if row[field])
        if row["over"]:
            lines.append(f"The waiver of {name} ended on {row['expires']}: it was not applied.")
        elif not row["excused"]:
            lines.append(f"The waiver of {name} matches no failure.")
    return lines


def of_benchmark(benchmark):
    if benchmark["failed"]:
        return [f"The benchmark FAILED in {number(benchmark['failed'], 'cell')}: a harvest was "
                "wrong, which is no matter of speed."]
    if benchmark["exit_status"] == NOTHING_RAN:
        return ["The benchmark could not be performed here: see logs/bench.txt."]
    if not benchmark["passed"]:
        return [f"The benchmark did not run to its end (status {benchmark['exit_status']})."]
    return []


def of_workloads(workloads):
    if not workloads:
        return []
    if workloads["exit_status"] == NOTHING_RAN:
        return ["The workloads could not be performed here: see logs/workloads.txt."]
    total = sum((Counter(c) for c in workloads["cases"].values()), Counter())
    lines = [f"Skipped: {number(total['skip'], 'harvested workload')}."] * bool(total["skip"])
    if not workloads["passed"]:
        lines.append(f"Harvests of workloads FAILED in {number(total['FAIL'], 'case')}; see "
                     "logs/workloads.txt.")
    return lines
