# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
Is a run whole? Against the list of what its version demands (requirement_list.py): every
requirement with its class, stake and waivability, every test, in every configuration that the
run's formats have. Each function returns what is wrong, a sentence each.
"""

from requirement_list import JUDGED, sum_of
from verify_views import few, name_of

GIB = 30  # the largest leaf that anything is tested with, lg2
ALWAYS = (16, 20)  # 64K and 1M, which stand for those between
REFERENCE = ("ref", "module")  # targets whose formats the version knows


def leaves(fmt):
    """
    lg2 of the leaf sizes that a run of this format has: the smallest; each that stands alone
    (a block, a contiguous hint); of a run of powers of two its ends, each block and its double,
    64K and 1M. None above 1 GiB, and none of which the aperture has no more than eight.
    """
    sizes, granule = int(fmt["leaf_sizes"], 16), fmt["granule_lg2"]
    room = (int(fmt["aperture_last"], 16) - int(fmt["aperture_first"], 16)) >> 3
    yield granule
    for n in range(granule + 1, GIB + 1):
        between = sizes >> (n - 1) & 1 and sizes >> (n + 1) & 1
        if (sizes >> n & 1 and room >> n
                and (not between or (n - granule) % 9 <= 1 or n in ALWAYS)):
            yield n


def size_name(n):
    return f"{1 << n % 10}{'BKMGTPE'[n // 10]}"


def configs(scope, formats):
    """Those in which a test of that scope has a case."""
    if not formats:
        return []
    if scope == "once":
        return ["-"]
    return [f"{f['name']}/{size_name(n)}" for f in formats
            for n in (leaves(f) if scope == "each-leaf" else [f["granule_lg2"]])]


def plan(listed, formats):
    """(requirement, test, configuration) -> what the test needs, of all cases there must be."""
    by_scope = {scope: configs(scope, formats) for scope in ("once", "each-format", "each-leaf")}
    return {f"{r['id']} {t['name']} {config}": t["needs"] for r in listed["requirements"]
            for t in r["tests"] for config in by_scope[t["scope"]]}


def check_requirements(given, listed):
    """@given: rows with an id, of a run or of logs/requirements.json."""
    known = {r["id"]: r for r in listed["requirements"]}
    seen = {}
    words = []
    for r in given:
        if r["id"] in seen:
            words.append(f"{r['id']} is there twice")
        seen[r["id"]] = r
    words += few(f"{i} is missing: the list of this version has it" for i in known
                 if i not in seen)
    words += few(f"{i} is none of this version's requirements" for i in seen if i not in known)
    words += few(f"{i}: {field} is {plain(r[field])}, and in the list of this version "
                 f"{plain(known[i][field])}" for i, r in seen.items() if i in known
                 for field in JUDGED if r[field] != known[i][field])
    return words


def plain(value):
    return {True: "true", False: "false"}.get(value, value)


def check_texts(texts, listed):
    """logs/requirements.json"""
    known = {r["id"]: r for r in listed["requirements"]}
    return check_requirements(texts, listed) + few(
        f"{t['id']}: its title, text or source is not that of this version" for t in texts
        if t["id"] in known and sum_of(t) != known[t["id"]]["sum"])


def check_titles(results, texts):
    said = {t["id"]: t["title"] for t in texts}
    return few(f"{r['id']}: its title is “{r['title']}”, and in logs/requirements.json "
               f"“{said[r['id']]}”" for r in results["requirements"]
               if r["id"] in said and r["title"] != said[r["id"]])


def check_formats(results, listed):
    """A reference has the formats that it has; what hardware has nobody can know."""
    if results["target"]["name"] not in REFERENCE:
        return []
    known = {f["name"]: f for f in listed["formats"]}
    seen = {f["name"]: f for f in results["formats"]}
    return few([f"the format {n} is missing" for n in known if n not in seen]
               + [f"the format {n} is none of the reference's" for n in seen if n not in known]
               + [f"the format {n} is not as the reference has it" for n in seen
                  if n in known and seen[n] != known[n]])


def check_cases(results, listed):
    """Each case that must be there is, and none besides; what it needs, and is not claimed, is
    skipped."""
    expected = plan(listed, results["formats"])
    cases = {name_of(c): c for c in results["cases"]}
    has = set(results["target"]["capabilities"])
    words = few(f"the case {name} is missing" for name in expected if name not in cases)
    words += few(f"the case {name} is none that this version has" for name in cases
                 if name not in expected)
    words += few(f"{name} needs {' '.join(c['needs']) or 'nothing'}, and by the list of this "
                 f"version {' '.join(expected[name]) or 'nothing'}" for name, c in cases.items()
                 if name in expected and set(c["needs"]) != set(expected[name]))
    words += few(f"{name} is {c['verdict']}, and needs what the target does not claim"
                 for name, c in cases.items()
                 if set(c["needs"]) - has and c["verdict"] not in ("SKIP", "NOT_RUN"))
    return words
