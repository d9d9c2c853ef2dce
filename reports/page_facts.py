# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Of the certification page: claims, waivers, runs, form, system and tool, and how to check it."""

from markup import details, esc, facts, section, table
from model import load_json

DIFF_SHOWN = 200_000  # characters


def words(name):
    return str(name).replace("_", " ")


# ---- what the statement says ----

def claims(statement):
    rows = [[esc(r["name"]), r["kind"], "yes" if r["claimed"] else "no",
             "yes" if r["present"] else "no", f"{r['cases']:,}", f"{r['ran']:,}", r["outcome"],
             esc(r["why"])] for r in statement["claims"]["rows"]]
    return section("claims", "Every claim", table(
        ["name", "kind", "claimed", "there", "cases", "of these ran", "outcome", "why"], rows,
        numeric=[4, 5], row_heads=True,
        caption="What is claimed, what the target has, and the cases that show it"))


def waivers(statement):
    rows = [[esc(w["requirement"]), esc(w["test"] or "any"), esc(w["config"] or "any"),
             esc(w["reason"]), esc(w["expires"]) + (" (over: not applied)" if w["over"] else ""),
             details(f"{len(w['excused'])} cases", "<br>".join(
                 esc(" ".join(case)) for case in w["excused"])) if w["excused"] else "none"]
            for w in statement["waivers"]]
    return rows and section("waivers", "Waivers", table(
        ["requirement", "test", "configuration", "reason", "until", "excuses"], rows,
        row_heads=True, caption="waivers.toml, and what each excuses: failures alone, and only of "
        "requirements that may be waived"))


def runs(statement):
    rows = [[n, f'<span class="id">{esc(r["run"])}</span>', esc(r["started"]),
             f"{r['seconds']:,.0f}", f'<span class="id">{esc(r["seed"])}</span>',
             r["exit_status"], "yes" if r["complete"] else "no",
             esc(", ".join(f"{v} {n:,}" for v, n in r["cases"].items()))]
            for n, r in enumerate(statement["conformance"]["runs"], 1)]
    return section("runs", "The runs", table(
        ["run", "id", "started", "seconds", "seed", "exit status", "complete", "cases"], rows,
        numeric=[3, 5], row_heads=True, caption="Runs of the suite; their logs are in logs/run-N"))


def workloads(statement):
    found = statement["workloads"]
    if not found:
        return ""
    rows = [[esc(name), cases["ok"], cases["FAIL"], cases["skip"]]
            for name, cases in found["cases"].items()]
    return section(
        "workloads", "Workloads",
        "<p>What each of these workloads wrote, computed from its trace alone, beside what "
        "harvests reported, on every format, with small and with large leaves; a case is one of "
        "each. logs/workloads.txt has them one by one.</p>",
        table(["workload", "as it must be", "wrong", "skipped"], rows, numeric=range(1, 4),
              row_heads=True, caption="Harvests of workloads"))


def form(statement):
    if not statement["declared"]:
        return section("form", "The vendor's form", "<p>None was given.</p>")
    return section("form", "The vendor's form", tree(statement["declared"]))


# ---- whatever is known of the system ----

def cell(value):
    """A value of a JSON file in a table."""
    if isinstance(value, dict):
        return "<br>".join(f"{esc(words(k))}: {cell(v)}" for k, v in value.items()) or "–"
    if isinstance(value, list):
        return ", ".join(map(cell, value)) or "–"
    return "–" if value in ("", None) else f"<code>{esc(value)}</code>" \
        if isinstance(value, str) and value.startswith("0x") else esc(value)


def block(name, value):
    """A value with a name and parts of its own."""
    title = f"<h3>{esc(words(name))}</h3>"
    if isinstance(value, dict):
        return title + tree(value)
    if value and all(isinstance(v, dict) for v in value):
        head = list(dict.fromkeys(k for v in value for k in v))
        listed = table([esc(words(h)) for h in head],
                       [[cell(v.get(h)) for h in head] for v in value], row_heads=True,
                       caption=esc(words(name)))
        return title + (listed if len(value) <= 20 else details(f"{len(value)} of them", listed))
    return title + details(f"{len(value)} of them", f"<code>{esc(' '.join(map(str, value)))}</code>"
                           ) if value else title + "<p>none</p>"


def tree(value):
    """A JSON object: what is plain first, then what has parts."""
    plain = [(words(k), v) for k, v in value.items() if not isinstance(v, (dict, list))]
    return facts(plain) + "".join(block(k, v) for k, v in value.items()
                                  if isinstance(v, (dict, list)))


def load_system(folder):
    path = folder / "system.json"
    found = load_json(path) if path.is_file() else {}
    return found if isinstance(found, dict) else {}


def system_part(found, *more):
    return section("system", "The system", tree(found), *more)


def system(folder):
    """system.json, and the names of what is too long for a page."""
    files = [f"system/{p.name}" for p in sorted((folder / "system").glob("*"))]
    return system_part(load_system(folder), "<p>In the package besides: " + ", ".join(
        f"<code>{esc(name)}</code>" for name in files) + ".</p>" if files else "")


def tool(folder, statement):
    made = statement["tool"]
    clean = {True: "as committed", False: "with local changes", None: "not known"}
    parts = [facts([("version", made["version"]), ("commit", made["git_commit"] or "not known"),
                    ("checkout", clean[made["git_clean"]]), ("run by way of", statement["via"])])]
    for name, title in (("commits.txt", "The commit"), ("changes.diff", "Local changes")):
        path = folder / "tool" / name
        if path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            cut = "\n…: the rest is in the package" if len(text) > DIFF_SHOWN else ""
            parts.append(details(f"{title} (tool/{name})",
                                 f"<pre>{esc(text[:DIFF_SHOWN] + cut)}</pre>"))
    return section("tool", "The tool", *parts)


def recheck(statement):
    target = statement["product"]["target"]
    more = "".join(f" --workload {esc(name)}" for name in
                   (statement["workloads"] or {}).get("names", []))
    again = f"--repeat {len(statement['conformance']['runs'])}{more}"
    return section(
        "recheck", "How to check this report",
        "<p>Whoever has the package, this folder or its archive, can compute the verdict again "
        "from its logs, on any machine:</p>",
        "<pre>iodirty verify DIR.tar</pre>",
        "<p>and, where MANIFEST.sha256.sig is there and one knows the signer's key:</p>",
        "<pre>iodirty verify --allowed-signers FILE DIR.tar</pre>",
        "<p>Without iodirty, that nothing was changed since: "
        "<code>sha256sum -c MANIFEST.sha256</code>. "
        "logs/run-1/results.json has one record a case; results.ktap and junit.xml are the same "
        "records for other readers, console.txt is what was on the screen, logs/bench.json is "
        "the benchmark's own output. To run everything again:</p>",
        f"<pre>iodirty certify -t {esc(target)} {again}</pre>")
