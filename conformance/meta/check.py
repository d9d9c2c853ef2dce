#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Test the test runner: every outcome a test can have, and every view of it.

    check.py IODIRTY-META

The program is the runner with outcomes.c as its tests and fake_target.c as its
target. Prints what is wrong; exit code 1 if anything is.
"""

import collections
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

import jsonschema

HERE = pathlib.Path(__file__).resolve().parent
GENERATOR = HERE.parent / "gen_requirements.py"
DEVIATIONS = HERE.parent / "gen_deviations.py"
SCHEMA = HERE.parents[1] / "reports/schemas/results.schema.json"
FILES = ["console.txt", "junit.xml", "results.json", "results.ktap"]

PROGRAM = str(pathlib.Path(sys.argv[1]).resolve())
scratch = pathlib.Path()
problems = 0
checks = 0


def check(good, what):
    global problems, checks
    checks += 1
    if not good:
        problems += 1
        print(f"meta: {what}", file=sys.stderr)


def equal(seen, expected, what):
    check(seen == expected, f"{what}: expected {expected!r}, seen {seen!r}")


def iodirty(*args, **keywords):
    return subprocess.run([PROGRAM, *args], capture_output=True, text=True, timeout=60,
                          stdin=subprocess.DEVNULL, check=False, **keywords)


def conform(*args, **keywords):
    return iodirty("conform", *args, **keywords)


def load(directory):
    return json.loads((scratch / directory / "results.json").read_text(encoding="utf-8"))


def pids(path):
    return path.read_text(encoding="ascii").split()


def wait_for(path):
    """Until a test has told all its process ids there."""
    for _ in range(1000):
        if path.exists() and path.read_text(encoding="ascii").endswith("\n"):
            return
        time.sleep(0.01)
    check(False, f"{path.name} does not appear")


def outlives(pid):
    """Does it go on, given a moment to die in?"""
    for _ in range(100):
        if not alive(pid):
            return False
        time.sleep(0.01)
    return True


def alive(pid):
    """Running, or asleep; a zombie waits for its parent, not for us."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rsplit(")", 1)[1].split()[0] not in "ZX"


# ---- every outcome ----

def sanitizers():
    """What the program is built with: "Address", "Thread", both or none."""
    symbols = pathlib.Path(PROGRAM).read_bytes()
    return {name for name, mark in (("Address", b"__asan_init"), ("Thread", b"__tsan_init"))
            if mark in symbols}


def expected_verdict(case, built_with):
    name = case["test"]
    if name == "fail_in_one_format" and not case["config"].startswith("small/"):
        return "PASS"
    if name == "crash_or_pass_overflow":
        return "CRASH" if "Address" in built_with else "PASS"
    if name == "crash_or_pass_race":
        return "CRASH" if "Thread" in built_with else "PASS"
    if name == "not_capable":
        return "NOT_CAPABLE"
    if name == "skip_giant_leaf" and not case["config"].endswith("1G"):
        return "PASS"
    return name.split("_")[0].upper()


MESSAGES = {  # part of the message of each
    "fail_plainly": "expected 1, seen 2",
    "skip_in_the_test": "no # reason\nat all",
    "skip_unclaimed": "does not claim pasid access",
    "skip_not_required": "never has a meaning",
    "crash_exit_0": "exit code 0",
    "crash_exit_77": "77",
    "crash_with_worker": "signal 9",
    "crash_reported": "ERROR: AddressSanitizer: nothing-overflow",
    "hang": "not over after",
    "fail_hostile": "good: é€\nok 1 not a result",
    "fail_printing_without_end": "744 lines went nowhere",
    "fail_informative": "for information",
}


def check_verdicts(results):
    built_with = sanitizers()
    seen = collections.defaultdict(list)
    for case in results["cases"]:
        what = f"{case['test']} {case['config']}"
        equal(case["verdict"], expected_verdict(case, built_with), what)
        check(case["message"] or case["verdict"] == "PASS", f"{what}: no message")
        needs = ["dma", "pasid", "access"] if case["test"] == "skip_unclaimed" else []
        equal(case["needs"], needs, f"{what}: what it needs")
        check(0 <= case["seconds"] < 30, f"{what}: {case['seconds']} seconds")
        seen[case["test"]].append(case)

    declared = re.findall(r"CT_TEST\((\w+)", (HERE / "outcomes.c").read_text(encoding="utf-8"))
    equal(sorted(seen), sorted(declared), "tests with a case")
    for name, part in MESSAGES.items():
        check(part in seen[name][0]["message"], f"{name}: message {seen[name][0]['message']!r}")
    if "Address" in built_with:
        message = seen["crash_or_pass_overflow"][0]["message"]
        check(re.search("heap-buffer-overflow|insufficient space", message), message)
    if "Thread" in built_with:
        message = seen["crash_or_pass_race"][0]["message"]
        check("ThreadSanitizer: data race" in message, f"race: {message!r}")
    check("printed before it failed" in seen["fail_plainly"][0]["notes"], "output is not kept")
    check("to stdout" not in seen["pass_printing"][0]["notes"], "output of a pass is kept")
    equal([m["value"] for m in seen["pass_measuring"][0]["measures"]], [42, None, None], "measures")


def check_configurations(results):
    configs = [c["config"] for c in results["cases"] if c["test"] == "pass_each_leaf"]
    equal(configs,
          [f"fake-levels/{size}" for size in "4K 2M 1G".split()]
          + [f"fake-powers/{size}" for size in "4K 8K 64K 1M 2M 4M 1G".split()]
          + [f"fake-hints/{size}" for size in "64K 2M 512M".split()]
          + [f"small/{size}" for size in "2K 4K 64K 1M 2M".split()], "leaf sizes")


def check_table(results):
    """The table and the totals are what the cases say."""
    worst = ["FAIL", "CRASH", "HANG", "XPASS", "NOT_RUN", "XFAIL", "NOT_CAPABLE", "PASS",
             "SKIP"]
    cells = {}
    for case in results["cases"]:
        key = case["requirement"], case["config"]
        cells[key] = min(cells.get(key, "SKIP"), case["verdict"], key=worst.index)
    equal({(c["requirement"], c["config"]): c["verdict"] for c in results["table"]}, cells, "table")
    for rows, totals in ("cases", "totals"), ("table", "table_totals"):
        counted = collections.Counter(row["verdict"] for row in results[rows])
        equal({k: v for k, v in results[totals].items() if v}, dict(counted), totals)
    equal(results["not_exercised"], ["ERRORS-001"], "not exercised")


def check_junit(directory, results):
    root = xml.etree.ElementTree.parse(scratch / directory / "junit.xml").getroot()
    cases = root.findall("./testsuite/testcase")
    equal(len(cases), len(results["cases"]), "JUnit cases")
    equal(root.get("tests"), str(len(cases)), "JUnit tests")
    equal(root.get("skipped"), None, "JUnit: what its schema does not know")
    for attribute, element in ("failures", "failure"), ("errors", "error"), ("skipped", "skipped"):
        for suite in [root] if element != "skipped" else root:
            count = len(suite.findall(f".//{element}"))
            equal(suite.get(attribute), str(count), f"JUnit {attribute} of {suite.get('name')}")
    for suite in root:
        for case in suite.findall("testcase"):
            check(case.get("classname").startswith(suite.get("name") + "-"), "JUnit class name")
    bad = [c for c in results["cases"] if c["verdict"] in ("FAIL", "CRASH", "HANG", "XPASS")
           and c["requirement"] != "MAP-001"]
    equal(int(root.get("failures")) + int(root.get("errors")), len(bad), "JUnit failures")
    runs = {p.get("value") for p in root.iterfind("testsuite/properties/property[@name='run']")}
    equal(runs, {results["run"]}, "JUnit run")


RESULT = re.compile(r"( *)(ok|not ok) (\d+) ([^#]*?)(?: # ([A-Z]+)(?: .*)?)?")


def check_ktap(text, results):
    """By the rules of ktap.rst, as strictly as the kernel's parser."""
    lines = text.splitlines()
    equal(lines[:2], ["KTAP version 1", f"# iodirty {results['tool']['version']}, target "
                      f"{results['target']['name']}, run {results['run']}"], "KTAP head")
    plans, counts, directives = {}, collections.Counter(), collections.Counter()
    inner_failed, inner = False, set()
    failed = 0
    for line in lines[2:]:
        plan = re.fullmatch(r"( *)1\.\.(\d+)", line)
        result = RESULT.fullmatch(line)
        if plan:
            plans[len(plan[1])] = int(plan[2])
            counts[len(plan[1])] = 0
        elif result:
            depth = len(result[1])
            counts[depth] += 1
            equal(int(result[3]), counts[depth], "KTAP number")
            if depth:
                inner_failed |= result[2] == "not ok"
                failed += result[2] == "not ok"
                directives[result[5]] += 1
                inner.add(result[5])
            else:
                equal(result[5] == "SKIP", inner == {"SKIP"}, f"KTAP SKIP of {result[4]}")
                equal(counts[2], plans[2], f"KTAP plan of {result[4]}")
                equal(result[2] == "not ok", inner_failed, f"KTAP result of {result[4]}")
                inner_failed, inner = False, set()
        else:
            check(re.match(r"  (KTAP version 1$|# )", line), f"KTAP line {line!r}")
    equal(counts[0], plans[0], "KTAP plan")
    total = results["totals"]
    equal(directives["SKIP"], total["SKIP"] + total["NOT_CAPABLE"], "KTAP SKIP")
    equal(directives["TIMEOUT"], total["HANG"], "KTAP TIMEOUT")
    equal(directives["ERROR"], total["CRASH"] + total["XPASS"], "KTAP ERROR")
    equal(directives["XFAIL"], total["XFAIL"] + 1, "KTAP XFAIL")
    equal(failed, total["FAIL"] - 1 + total["CRASH"] + total["HANG"] + total["XPASS"],
          "KTAP failures")


def check_everything():
    stray = scratch / "stray"
    done = conform("--ktap", "-j", "2", "--seed", "0x1234", "-o", str(scratch / "all"),
                   env=os.environ | {"IODIRTY_META_STRAY": str(stray), "CK_RUN_CASE": "hang"})
    equal(done.returncode, 1, "exit code of a run with failures")
    equal(sorted(os.listdir(scratch / "all")), sorted([*FILES, ".iodirty"]), "files")
    results = load("all")
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    for error in jsonschema.Draft202012Validator(schema).iter_errors(results):
        check(False, f"schema: {error.json_path}: {error.message[:200]}")
    equal(results["seed"], "0x1234", "seed")
    check("seed 0x1234" in done.stderr, "the seed is not told")
    equal((results["complete"], results["outcome"], results["exit_code"]), (True, "failed", 1),
          "outcome")
    check_verdicts(results)
    check_configurations(results)
    check_table(results)
    check_junit("all", results)
    check_ktap(done.stdout, results)
    equal((scratch / "all/results.ktap").read_text(encoding="utf-8"), done.stdout, "KTAP file")
    console = (scratch / "all/console.txt").read_text(encoding="utf-8")
    check("FAIL ABI-002: Tests that fail" in console, "the first failure is not told in full")
    check("not exercised: ERRORS-001" in console, "what was not exercised is not told")
    check(f", run {results['run']}, " in console.splitlines()[-1], "which run is not told")
    check(max(map(len, console.splitlines())) < 2100, "a line of the console is too long")
    check(not re.search(r"[^\n\t -~\u00a0-\ud7ff]", console), "control characters on the console")
    check(not any(map(outlives, pids(stray))), "a test's process outlived the run")


def check_worker_dies():
    """With one worker, what comes after the test that kills it needs another."""
    conform("-j", "1", "-r", "TRACK-001", "--concurrent", "-o", str(scratch / "worker"))
    equal({c["test"]: c["verdict"] for c in load("worker")["cases"]
           if not c["test"].startswith("crash_or")},
          {"crash_with_worker": "CRASH", "pass_after_the_worker": "PASS"}, "after a worker's death")


# ---- exit codes ----

def check_exit_codes():
    for what, args, code in (
            ("all passed", ["-r", "ABI-001"], 0),
            ("informative failure", ["-r", "MAP-*"], 0),
            ("failed", ["-r", "ABI-002"], 1),
            ("failed elsewhere", ["-r", "ABI-00[12]", "-f", "fake"], 1),
            ("crashed", ["-r", "TRACK-001"], 1),
            ("all skipped", ["-r", "ABI-003"], 4),
            ("target not usable", ["-t", "absent"], 4),
            ("target broken", ["-t", "fake:broken"], 1)):
        equal(conform(*args).returncode, code, f"exit code when {what}")
    done = conform("-t", "fake:once", "-r", "ABI-001", "--ktap")
    equal(done.returncode, 1, "exit code when the target does not open again")
    check("target fake does not open: ENODEV" in done.stdout, "why it does not open is not told")
    with open("/dev/full", "w", encoding="ascii") as full:
        for args in ["conform", "--ktap", "-r", "ABI-001"], ["list", "requirements"]:
            done = subprocess.run([PROGRAM, *args], stdout=full, stderr=subprocess.PIPE,
                                  text=True, check=False)
            equal(done.returncode, 1, f"{args[0]} to /dev/full")
            check("No space left" in done.stderr, f"{args[0]} to /dev/full: {done.stderr!r}")


def check_selection():
    """-f and -r: names, globs, short names, repeated."""
    for args, formats in ((["-f", "fake"], {"fake-levels", "fake-powers", "fake-hints"}),
                          (["-f", "fake-l*"], {"fake-levels"}),
                          (["-f", "small", "-f", "fake-levels"], {"fake-levels", "small"})):
        name = "select-" + "-".join(args).replace("*", "")
        conform(*args, "-r", "ABI-001", "-o", str(scratch / name))
        equal({f["name"] for f in load(name)["formats"]}, formats, f"formats of {args}")
    conform("-r", "ABI-00[13]", "-r", "MAP-001", "--leaf", "quick", "-o", str(scratch / "quick"))
    results = load("quick")
    equal([r["id"] for r in results["requirements"]], ["ABI-001", "ABI-003", "MAP-001"], "selected")
    equal([c["config"] for c in results["cases"] if c["test"] == "pass_each_leaf"],
          ["fake-levels/4K", "fake-levels/2M", "fake-powers/4K", "fake-powers/2M",
           "fake-hints/64K", "fake-hints/2M", "small/2K", "small/2M"], "quick leaf sizes")


def check_usage():
    for args, words in (
            ([], ["conform", "list", "dashboard"]),
            (["frobnicate"], ["frobnicate", "conform", "list", "lab"]),
            (["conform", "-t", "nowhere"], ["nowhere", "fake", "absent"]),
            (["conform", "-t", "fake:nonsense"], ["fake", "nonsense", "engines"]),
            (["list", "engines", "-t", "fake:nonsense"], ["fake", "nonsense"]),
            (["conform", "-f", "none*"], ["none*", "fake-levels", "small"]),
            (["conform", "-f", "fake-level"], ["fake-level", "fake-levels"]),
            (["conform", "-r", "ABI-001", "-r", "XYZ-*"], ["XYZ-*", "ABI-001", "ERRORS-001"]),
            (["conform", "--frob"], ["--frob", "--ktap", "--seed"]),
            (["conform", "-q"], ["-q", "--ktap"]),
            (["conform", "--seed"], ["--seed", "--ktap"]),
            (["conform", "what"], ["what"]),
            (["conform", "-j", "0"], ["-j"]),
            (["conform", "-j", "many"], ["-j"]),
            (["conform", "--seed", "-1"], ["--seed"]),
            (["conform", "--leaf", "most"], ["most", "quick", "usual", "all"]),
            (["conform", "--timeout-scale", "0"], ["--timeout-scale"]),
            (["conform", "--soak", "-1"], ["--soak"]),
            (["conform", "--soak", "1000000"], ["--soak", "604800"]),
            (["conform", "--force"], ["--force", "-o"]),
            (["list"], ["targets", "deviations"]),
            (["list", "things"], ["things", "targets", "engines"]),
            (["list", "formats", "-t", "nowhere"], ["nowhere", "fake"]),
            (["migrate", "--tracker", "x"], ["'x'", "iommu", "type1"]),
            (["migrate", "--workload", "ring+x"], ["'x'", "uniform", "append"]),
            (["migrate", "--memory", "1Q"], ["--memory"]),
            (["migrate", "--link", "fast"], ["--link"]),
            (["migrate", "--compare", "--tracker", "log"], ["--compare"]),
            (["migrate", "--tracker", "mixed", "--devices", "2"], ["at least 3 devices"]),
            (["migrate", "--force"], ["--force", "-o"])):
        done = iodirty(*args)
        equal(done.returncode, 2, f"exit code of {args}")
        equal(done.stdout, "", f"stdout of {args}")
        for word in words:
            check(word in done.stderr, f"{args} does not tell {word!r}: {done.stderr!r}")
    done = iodirty("migrate")
    equal(done.returncode, 4, "exit code of a migration without devices")
    check("no VFIO devices" in done.stderr, f"migrate does not tell why: {done.stderr!r}")
    for name in ("list conform bench migrate trace report certify verify compare export history "
                 "dashboard run lab").split():
        done = iodirty(name, "--help", env={"IODIRTY_BENCH": "/bin/echo"})
        equal(done.returncode, 0, f"{name} --help")
        check(len(done.stdout) > 5, f"{name} --help says nothing")
    check(iodirty("--help").stdout.count("\n") > 10, "--help is short")


def check_list():
    for topic in "targets formats requirements tests engines deviations".split():
        rows = json.loads(iodirty("list", topic, "--json").stdout)
        plain = iodirty("list", topic)
        equal(plain.returncode, 0, f"list {topic}")
        for row in rows:
            check(next(iter(row.values())) in plain.stdout, f"list {topic}: {row}")
    equal([t["usable"] for t in json.loads(iodirty("list", "targets", "--json").stdout)],
          [True, False], "usable targets")
    listed = json.loads(iodirty("list", "deviations", "--json").stdout)
    equal({row["id"] for row in listed}, {"FAKE-001"}, "deviations")
    check("FAKE-001  ACCESS-001   4 5 6 7 8  wording" in iodirty("list", "deviations").stdout,
          "deviations in columns")


# ---- the output directory ----

def check_directory():
    path = scratch / "again"
    args = ["-r", "ABI-001", "-o", str(path)]
    equal(conform(*args).returncode, 0, "a new directory")
    first = load("again")["seed"]
    done = conform(*args)
    equal(done.returncode, 2, "an existing directory")
    check("--force" in done.stderr, "--force is not told of")
    (path / "mine").write_text("mine", encoding="ascii")
    equal(conform(*args, "--force").returncode, 0, "--force")
    check((path / "mine").exists(), "--force removed a file of someone else's")
    check(load("again")["seed"] != first, "results.json was not replaced")
    equal(sorted(os.listdir(path)), sorted([*FILES, ".iodirty", "mine"]), "files after --force")

    other = scratch / "other"
    other.mkdir()
    (other / "results.json").write_text("mine", encoding="ascii")
    equal(conform("-r", "ABI-001", "-o", str(other), "--force").returncode, 2, "a file not ours")
    equal((other / "results.json").read_text(encoding="ascii"), "mine", "a file not ours")
    equal(os.listdir(other), ["results.json"], "a refused directory")
    equal(conform("-r", "ABI-001", "-o", str(scratch / "no/such")).returncode, 2, "no parent")
    equal(conform("-r", "ABI-001", "-o", str(other / "results.json")).returncode, 2, "a file")


def check_full_disk():
    """On a file system of 16 KiB; needs a mount namespace."""
    if not shutil.which("unshare"):
        print("meta: full disk: not checked, there is no unshare")
        return
    path = scratch / "disk"
    path.mkdir()
    script = ('mount -t tmpfs -o size=16k none "$1" || exit 99; '
              '"$2" conform -r "ABI-*" -o "$1/out"; code=$?; ls -A "$1/out"; exit $code')
    flags = "-m" if os.geteuid() == 0 else "-rm"
    done = subprocess.run(["unshare", flags, "sh", "-c", script, "sh", path, PROGRAM],
                          capture_output=True, text=True, check=False)
    if done.returncode == 99 or "unshare" in done.stderr:
        print(f"meta: full disk: not checked: {done.stderr.strip()}")
        return
    equal(done.returncode, 1, "exit code on a full disk")
    check("No space left" in done.stderr, f"a full disk is not told: {done.stderr!r}")
    check("results.json" not in done.stdout, f"files on a full disk: {done.stdout!r}")
    check(".new" not in done.stdout, f"temporary files on a full disk: {done.stdout!r}")


# ---- being stopped ----

def check_stop(number, name):
    waiting = scratch / f"waiting-{name}"
    with subprocess.Popen([PROGRAM, "conform", "-r", "ABI-001", "-r", "ERRORS-*", "-j", "1", "-o",
                           scratch / name], stderr=subprocess.PIPE, text=True,
                          env=os.environ | {"IODIRTY_META_SLOW": str(waiting)}) as run:
        wait_for(waiting)
        run.send_signal(number)
        _, words = run.communicate(timeout=20)
    equal(run.returncode, 1, f"exit code after {name}")
    check("interrupted" in words, f"{name} is not told")
    check(not any(map(outlives, pids(waiting))), f"the test outlived {name}")
    results = load(name)
    equal((results["complete"], results["outcome"]), (False, "interrupted"), f"after {name}")
    equal([c["verdict"] for c in results["cases"] if c["test"] == "skip_or_wait"], ["NOT_RUN"],
          f"what {name} stopped")
    check(results["totals"]["PASS"] > 0, f"what had ended before {name} is lost")


def check_killed():
    """Nothing of a run whose own process is killed goes on, or looks whole."""
    waiting = scratch / "waiting-killed"
    args = ["-o", str(scratch / "killed")]
    equal(conform("-r", "ABI-001", *args).returncode, 0, "a run before one that is killed")
    with subprocess.Popen([PROGRAM, "conform", "-r", "ERRORS-*", *args, "--force"],
                          stderr=subprocess.DEVNULL,
                          env=os.environ | {"IODIRTY_META_SLOW": str(waiting)}) as run:
        wait_for(waiting)
        run.kill()
    test, child = pids(waiting)
    check(not outlives(test), "the test outlived the runner")
    os.kill(int(child), signal.SIGKILL)  # nobody is left to do that
    check(not (scratch / "killed/results.json").exists(), "results.json of a killed run")


# ---- the journal ----

JOURNALED = ["-r", "ABI-001", "-r", "ABI-002", "-r", "LEAF-001", "-f", "fake-levels"]


def journal_lines():
    text = (scratch / "journal").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def keep_journal(lines):
    (scratch / "journal").write_text("".join(json.dumps(line) + "\n" for line in lines),
                                     encoding="utf-8")


def journaled(*args):
    return conform(*JOURNALED, "-j", "4", *args,
                   env=os.environ | {"IODIRTY_JOURNAL": str(scratch / "journal")})


def verdicts(name):
    return [(c["test"], c["verdict"], c["message"], c["notes"]) for c in load(name)["cases"]]


def check_journal():
    """A whole run; the same from its middle; after a death; and what is no journal of it."""
    done = journaled("--seed", "0x77", "-o", str(scratch / "whole"))
    lines = journal_lines()
    check("1 at once" in done.stderr, "with a journal cases do not run one by one")
    check("plan" in lines[0] and lines[-1] == {"done": True}, f"journal: {lines[0]}, {lines[-1]}")
    started = [line["start"] for line in lines if "start" in line]
    ended = [line["end"] for line in lines if "end" in line]
    check(len(started) > 5 and started == ended, f"journal: started {started}, ended {ended}")
    check(all(line["timeout"] > 0 for line in lines if "start" in line), "journal: no timeout")
    skipped = sum(c["verdict"] == "SKIP" for c in load("whole")["cases"])
    check(len(started) >= len(load("whole")["cases"]) - skipped, "journal: cases are missing")

    # From the middle: nothing runs twice, and it comes to the same.
    middle = next(i for i, line in enumerate(lines) if "end" in line and line["end"] == ended[4])
    keep_journal(lines[:middle + 1])
    journaled("-o", str(scratch / "resumed"))
    again = journal_lines()
    equal(again[:middle + 1], lines[:middle + 1], "what was in the journal")
    equal([line["end"] for line in again if "end" in line], ended, "cases of the resumed run")
    equal(verdicts("resumed"), verdicts("whole"), "verdicts of the resumed run")
    equal(load("resumed")["seed"], "0x77", "seed of the resumed run")
    equal(load("resumed")["run"], lines[0]["run"], "id of the resumed run")
    journaled_measures = [c["measures"] for c in load("resumed")["cases"]]
    equal(journaled_measures, [c["measures"] for c in load("whole")["cases"]], "measures")

    # A kernel that died, twice; the folder of the first boot is there already.
    for verdict in "CRASH", "HANG":
        keep_journal([*lines[:middle], {"died": verdict, "message": "last", "notes": "words"}])
        done = journaled("-o", str(scratch / "whole"))
        equal(done.returncode, 1, f"exit code after {verdict}")
        check((verdict, "last", "words") in [v[1:] for v in verdicts("whole")], f"{verdict} told")
        equal(len(verdicts("whole")), len(verdicts("resumed")), f"cases after {verdict}")

    for what, text in (("another plan", json.dumps({"plan": "0", "seed": "0x1", "started": 1})),
                       ("no JSON", "plan"), ("finished", "\n".join(map(json.dumps, lines))),
                       ("death of nobody", json.dumps(lines[0]) + '\n{"died": "CRASH"}')):
        (scratch / "journal").write_text(text + "\n", encoding="utf-8")
        done = journaled()
        equal(done.returncode, 2, f"exit code, journal: {what}")
        check("remove the file" in done.stderr, f"journal, {what}: {done.stderr!r}")
    done = conform("-r", "ABI-001", env=os.environ | {"IODIRTY_JOURNAL": "/nowhere/journal"})
    equal(done.returncode, 2, "exit code without room for a journal")
    (scratch / "journal").unlink()


# ---- the generators ----

GOOD = """
[[requirement]]
id = "ABI-001"
title = "t"
class = "mandatory"
stake = "interface"
text = "x"
source = "s"
"""


def check_generator():
    toml, test, out = scratch / "r.toml", scratch / "t.c", scratch / "r.c"
    tested = 'CT_TEST(a, "ABI-001")\n{\n}\n'
    for requirements, tests, complaint in (
            (GOOD, tested, None),
            (GOOD, "", "r.toml:2: ABI-001: mandatory, and no test"),
            (GOOD, "/* " + tested + " */", "no test names it"),
            (GOOD, tested + 'CT_TEST(b,\n"ABI-002")', "t.c:4: b: unknown requirement 'ABI-002'"),
            (GOOD, tested + tested, "t.c:4: a: also at"),
            (GOOD + GOOD, tested, "r.toml:10: ABI-001: also at"),
            (GOOD.replace("001", "002") + GOOD, tested + 'CT_TEST(b, "ABI-002")',
             "must stand before"),
            (GOOD.replace("ABI", "ABC"), "", "unknown chapter"),
            (GOOD.replace("ABI-001", "ABI-1"), "", "an id is CHAPTER-NNN"),
            (GOOD.replace("mandatory", "nice"), tested, "unknown class 'nice'"),
            (GOOD.replace('"interface"', '"money"'), tested, "unknown stake 'money'"),
            (GOOD.replace('"t"', '" "'), tested, "'title' must be"),
            (GOOD.replace('source = "s"', ""), tested, "'source' must be"),
            (GOOD + 'more = "x"', tested, "unknown key 'more'"),
            (GOOD + "waivable = true", tested, None),
            (GOOD + "waivable = 1", tested, "'waivable' is true, or not there"),
            (GOOD.replace("interface", "data-loss") + "waivable = true", tested,
             "data-loss: it can never be waived"),
            (GOOD.replace("interface", "memory-corruption") + "waivable = true", tested,
             "it can never be waived"),
            (GOOD + "= broken", tested, "r.toml:9:")):
        toml.write_text(requirements, encoding="utf-8")
        test.write_text(tests, encoding="utf-8")
        out.unlink(missing_ok=True)
        done = subprocess.run([sys.executable, GENERATOR, "-o", out, toml, "--", test],
                              capture_output=True, text=True, check=False)
        equal(done.returncode, int(bool(complaint)), f"generator, {complaint}")
        check((complaint or "") in done.stderr, f"generator, {complaint}: {done.stderr!r}")
        equal(out.exists(), not complaint, f"generator's table, {complaint}")


KNOWN = """
[[cause]]
id = "LINUX-001"
title = "t"
stake = "data-loss"
text = "x"
expected = "e"
observed = "o"
program = "t.c"

[[deviation]]
cause = "LINUX-001"
target = "linux"
requirement = "ABI-001"
cases = ["a *"]
versions = ["6.12"]
verdict = "FAIL"
messages = ["*"]
"""


def check_deviations():
    toml, dev, test, out = (scratch / name for name in ("r.toml", "d.toml", "t.c", "d.c"))
    toml.write_text(GOOD, encoding="utf-8")
    test.write_text('CT_TEST(a, "ABI-001")\n{\n}\n', encoding="utf-8")
    for text, complaint in (
            (KNOWN, None),
            (KNOWN.replace("t.c", "u.c"), "d.toml:2: LINUX-001: no program u.c"),
            (KNOWN.replace('requirement = "ABI-001"', 'requirement = "ABI-002"'),
             "d.toml:11: unknown requirement 'ABI-002'"),
            (KNOWN.replace('cause = "LINUX-001"', 'cause = "LINUX-002"'), "unknown cause"),
            (KNOWN.replace('"a *"', '"b *"'), "'b *' is no test of ABI-001"),
            (KNOWN.replace('"a *"', '"a"'), "by globs"),
            (KNOWN.replace('["*"]', "[]"), "'messages' must be"),
            (KNOWN.replace('"FAIL"', '"PASS"'), "'verdict' is one of"),
            (KNOWN.replace('"data-loss"', '"money"'), "'stake' is one of"),
            (KNOWN + 'where = "moon"', "'where' is one of"),
            (KNOWN + "sometimes = 1", "'sometimes' must be"),
            (KNOWN + 'more = "x"', "unknown key 'more'"),
            (KNOWN.partition("[[dev")[0], "LINUX-001: no entry names it"),
            (KNOWN + "= broken", "d.toml:19:")):
        dev.write_text(text, encoding="utf-8")
        out.unlink(missing_ok=True)
        done = subprocess.run([sys.executable, DEVIATIONS, "-o", out, "--requirements", toml, dev,
                               "--", test], capture_output=True, text=True, check=False)
        equal(done.returncode, int(bool(complaint)), f"deviations, {complaint}")
        check((complaint or "") in done.stderr, f"deviations, {complaint}: {done.stderr!r}")
        equal(out.exists(), not complaint, f"table of deviations, {complaint}")


def main():
    global scratch
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        scratch = pathlib.Path(directory)
        check_everything()
        check_worker_dies()
        check_exit_codes()
        check_selection()
        check_usage()
        check_list()
        check_directory()
        check_full_disk()
        check_stop(signal.SIGINT, "SIGINT")
        check_stop(signal.SIGTERM, "SIGTERM")
        check_killed()
        check_journal()
        check_generator()
        check_deviations()
    print(f"meta: {checks} checks, {problems} problems, {time.monotonic() - start:.1f} s")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
