# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""certify.py as a program, with a stand-in for ./iodirty."""

import json
import os
import pty
import resource
import select
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import tomllib
import unittest
from pathlib import Path

import jsonschema

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import certify_run  # noqa: E402
import samples  # noqa: E402
from model import Bench, Results  # noqa: E402

SCHEMAS = HERE.parent / "schemas"
CERTIFY = HERE.parent / "certify.py"

STAND_IN = """#!/bin/sh
# conform -t T [-r R] -o DIR | bench -t T --quick -o DIR | list requirements --json
echo "${IODIRTY_JOURNAL:-none} $*" >>"$FAKE/calls"
case $1,$4 in
conform,-r)
    status=$(cat "$FAKE/probe-status")
    [ $status = 0 ] || { echo "cannot be used here" >&2; exit $status; }
    mkdir probe && cp "$FAKE/results-1.json" probe/results.json
    [ ! -e "$FAKE/not-capable" ] || exit 4 ;;
conform,*)
    echo "running the suite"
    if [ -e "$FAKE/wait" ]; then
        trap 'sleep 1; [ -d "$PWD" ] && touch "$FAKE/ended"; exit' TERM
        touch "$FAKE/waiting"
        while :; do sleep 0.1; done
    fi
    status=$(cat "$FAKE/conform-status")
    [ $status = 0 ] || [ $status = 1 ] || exit $status
    mkdir "$5"
    n=$(grep -c -e "-o conform" "$FAKE/calls")
    cp "$FAKE/results-$n.json" "$5/results.json"
    for f in results.ktap junit.xml; do echo view >"$5/$f"; done
    exit $status ;;
bench,*)
    case " $* " in *" list "*) echo nic; exit 0 ;; *" --list "*) exit $(cat "$FAKE/known") ;; esac
    echo "measuring"
    [ -e "$FAKE/takes" ] && rm "$(cat "$FAKE/takes")"
    mkdir "$6"
    [ -e "$FAKE/bench.json" ] && cp "$FAKE/bench.json" "$6"
    exit $(cat "$FAKE/bench-status") ;;
list,*)
    cat "$FAKE/texts.json" ;;
esac
"""

CHECK = """#!/bin/sh
echo "$IODIRTY $*" >"$FAKE/checked"
cat "$FAKE/workloads.txt"
exit $(cat "$FAKE/check-status")
"""


def load(path):
    return json.loads(path.read_text(encoding="utf-8"))


class CertifyTest(unittest.TestCase):
    def setUp(self):
        self.dir = Path(tempfile.mkdtemp(prefix="iodirty-test-"))
        self.addCleanup(shutil.rmtree, self.dir)
        self.fake = self.dir / "fake"
        self.fake.mkdir()
        self.out = self.dir / "certificate"
        program = self.fake / "iodirty"
        program.write_text(STAND_IN, encoding="utf-8")
        program.chmod(0o755)
        check = self.fake / "check"
        check.write_text(CHECK, encoding="utf-8")
        check.chmod(0o755)
        self.env = dict(os.environ, IODIRTY=str(program), FAKE=str(self.fake),
                        IODIRTY_CHECK=str(check))
        self.having([samples.case(),
                     samples.case(config="amd-v1/2M", verdict="SKIP", message="not claimed")])

    def having(self, *runs, conform=0, bench=None, rows=None):
        """Cases of the first run, of the second ...; the last again for all that follow. Without
        @rows nothing can be measured."""
        def put(name, value):
            (self.fake / name).write_text(json.dumps(value), encoding="utf-8")
        (self.fake / "calls").write_text("", encoding="utf-8")
        for n in range(1, 5):
            put(f"results-{n}.json", samples.results(runs[min(n, len(runs)) - 1], run=n))
        if rows:
            put("bench.json", rows)
        put("texts.json", samples.TEXTS)
        put("conform-status", conform)
        put("probe-status", 0)
        put("bench-status", (0 if rows else 4) if bench is None else bench)
        put("known", 0)
        put("check-status", 0)
        (self.fake / "workloads.txt").write_text(
            "ok nic amd-v1 4K 8 rounds 47 pages\nok nic amd-v1 2M 8 rounds 4096 pages\n"
            "skip some - - there is none\n2 passed, 0 failed, 1 skipped\n", encoding="utf-8")

    def calls(self, word):
        """Words of each call of the stand-in that begins so, behind its journal."""
        lines = (self.fake / "calls").read_text(encoding="utf-8").splitlines()
        return [line.partition(" ")[2] for line in lines if line.split(" ")[1] == word]

    def put(self, name, text):
        path = self.dir / name
        path.write_text(text, encoding="utf-8")
        return path

    def certify(self, *args, **more):
        return subprocess.run([sys.executable, CERTIFY, "-o", self.out, *args], env=self.env,
                              cwd=self.dir, capture_output=True, text=True, timeout=120, **more)

    def left(self):
        return sorted(p.name for p in self.dir.iterdir())

    def check_package(self, *more):
        """The package and its archive are whole, and nothing else is left but @more."""
        self.assertEqual(self.left(), sorted(["certificate", "certificate.tar", "fake", *more]))
        with tarfile.open(self.dir / "certificate.tar") as tar:
            self.assertEqual(
                {m.name: tar.extractfile(m).read() for m in tar if m.isfile()},
                {f"certificate/{p.relative_to(self.out)}": p.read_bytes()
                 for p in self.out.rglob("*") if p.is_file()})
        subprocess.run(["sha256sum", "--quiet", "--strict", "-c", "MANIFEST.sha256"],
                       cwd=self.out, check=True)
        listed = [line.split("  ", 1)[1] for line in
                  (self.out / "MANIFEST.sha256").read_text(encoding="utf-8").splitlines()]
        files = sorted(str(p.relative_to(self.out)) for p in self.out.rglob("*") if p.is_file())
        self.assertEqual(listed, [f for f in files if not f.startswith("MANIFEST.sha256")])
        statement = load(self.out / "statement.json")
        jsonschema.validate(statement, load(SCHEMAS / "package.schema.json"))
        return statement

    def test_passes(self):
        self.having([samples.case()], rows=samples.full_bench())
        done = self.certify()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, f"report: {self.out}/index.html\n"
                         f"archive: {self.out}.tar\ncheck it: iodirty verify {self.out}.tar\n")
        statement = self.check_package()
        self.assertEqual(statement["verdict"], "PASSED")
        self.assertIsNone(statement["workloads"])
        self.assertIsNone(statement["declared"])
        self.assertRegex(statement["id"], "^[0-9a-f]{32}$")
        logs = sorted(str(p.relative_to(self.out / "logs"))
                      for p in (self.out / "logs").rglob("*") if p.is_file())
        self.assertEqual(logs, ["bench.json", "bench.txt", "requirements.json", *(
            f"run-{n}/{name}" for n in (1, 2)
            for name in ("console.txt", "junit.xml", "results.json", "results.ktap"))])
        self.assertEqual((self.out / "logs/bench.txt").read_text(encoding="utf-8"),
                         "measuring\n")
        self.assertTrue(list((self.out / "plots").glob("*.svg")))
        facts = load(self.out / "system.json")
        jsonschema.validate(facts, load(SCHEMAS / "system.schema.json"))
        self.assertEqual(set(facts["files"]), {f"system/{p.name}" for p in
                                               (self.out / "system").iterdir()})
        self.assertEqual(statement["tool"]["git_commit"] != "",
                         (self.out / "tool/commits.txt").exists())

    def test_fails_and_reports(self):
        self.having([samples.case(verdict="FAIL", message="lost")], conform=1)
        done = self.certify()
        self.assertEqual(done.returncode, 1)
        self.assertTrue(done.stdout.startswith("report: "))
        self.assertEqual(self.check_package()["verdict"], "FAILED")

    # ---- repeats ----

    def test_the_suite_runs_twice_and_says_so(self):
        done = self.certify()
        self.assertIn("conformance suite on ref: run 1 of 2\n", done.stderr)
        self.assertIn("conformance suite on ref: run 2 of 2\n", done.stderr)
        self.assertEqual(self.calls("conform"), ["conform -t ref -r ABI-001 -o probe",
                                                 *["conform -t ref -o conform"] * 2])
        runs = self.check_package()["conformance"]["runs"]
        self.assertEqual([r["run"] for r in runs], [f"{n:032x}" for n in (1, 2)])
        for n in (1, 2):
            self.assertEqual(load(self.out / f"logs/run-{n}/results.json")["run"], f"{n:032x}")

    def test_what_fails_the_third_time_fails(self):
        good = [samples.case()]
        self.having(good, good, [samples.case(verdict="FAIL", message="lost")])
        self.assertEqual(self.certify("--repeat", "2").returncode, 0)
        self.having(good, good, [samples.case(verdict="FAIL", message="lost")])
        self.assertEqual(self.certify("--repeat", "3", "--force").returncode, 1)
        statement = self.check_package()
        self.assertEqual(len(statement["conformance"]["flakes"]), 1)

    def test_repeats_that_are_none(self):
        for wrong in ("0", "101", "-1", "two", "1.5", ""):
            done = self.certify("--repeat", wrong)
            self.assertEqual((done.returncode, self.left()), (2, ["fake"]), wrong)
            self.assertIn("from 1 to 100", done.stderr)

    # ---- the lab's journal ----

    def test_no_run_gets_the_journal_of_another(self):
        self.env["IODIRTY_JOURNAL"] = "/some/journal"
        done = self.certify()
        self.assertEqual((done.returncode, self.left()), (2, ["fake"]))
        self.assertIn("--via", done.stderr)
        self.assertEqual(self.calls("conform"), [])
        self.assertEqual(self.certify("--repeat", "1").returncode, 0)
        journals = [line.split(" ")[:2] for line in
                    (self.fake / "calls").read_text(encoding="utf-8").splitlines()]
        self.assertEqual([j for j, word in journals if word == "conform"],
                         ["none", "/some/journal"])
        self.assertEqual([j for j, word in journals if word == "bench"], ["none"])

    # ---- another machine ----

    def test_all_is_run_through_via(self):
        reach = self.fake / "reach"
        reach.write_text("""#!/bin/sh
[ "$1 $2" = "my host" ] || exit 9
shift 2
echo "$PWD $*" >>"$FAKE/reached"
exec "$@"
""", encoding="utf-8")
        reach.chmod(0o755)
        self.env["IODIRTY_JOURNAL"] = "/some/journal"
        done = self.certify("--via", "fake/reach 'my' host", "--workload", "nic")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.check_package()["via"], "fake/reach 'my' host")
        reached = (self.fake / "reached").read_text(encoding="utf-8").splitlines()
        words = [line.partition(" ")[2] for line in reached]
        iodirty = self.fake / "iodirty"
        self.assertEqual(words, [
            f"{iodirty} conform -t ref -r ABI-001 -o probe",
            f"{iodirty} bench -t ref --list --workload nic",
            f"{sys.executable} {HERE.parent}/system.py -o .",
            *[f"{iodirty} conform -t ref -o conform"] * 2,
            f"{iodirty} bench -t ref --quick -o bench --set all --workload nic",
            f"{self.fake}/check -t ref --workload nic"])
        self.assertEqual({line.partition(" ")[0] for line in reached[2:]},
                         {f"{self.out}.partial/run"})
        journals = [line.split(" ")[:2] for line in
                    (self.fake / "calls").read_text(encoding="utf-8").splitlines()]
        self.assertEqual({journal for journal, word in journals if word != "list"}, {"none"})

    def test_via_env(self):
        self.assertEqual(self.certify("--via", "env --").returncode, 0)
        self.check_package()

    def test_via_iodirty_is_this_one(self):
        words = certify_run.via_words("iodirty lab run 'some kernel' --", "/here/iodirty")
        self.assertEqual(words, ["/here/iodirty", "lab", "run", "some kernel", "--"])

    def test_via_nobody(self):
        for wrong, why in (("no-such-program --", "no program"), ("'", "No closing quotation"),
                           (" ", "names no command")):
            done = self.certify("--via", wrong)
            self.assertEqual((done.returncode, self.left()), (2, ["fake"]), wrong)
            self.assertIn(why, done.stderr)

    def test_via_what_does_not_see_our_files(self):
        done = self.certify("--via", "true")
        self.assertEqual((done.returncode, self.left()), (1, ["fake"]))
        self.assertIn("must see the same files", done.stderr)

    def test_target_that_cannot_be_used_stops_it_at_once(self):
        (self.fake / "probe-status").write_text("4", encoding="utf-8")
        done = self.certify()
        self.assertEqual((done.returncode, self.left()), (4, ["fake"]))
        self.assertIn("cannot be used here", done.stderr)
        self.assertEqual(len(self.calls("conform")), 1)

    def test_target_that_is_not_capable_is_certified(self):
        (self.fake / "not-capable").touch()
        self.assertEqual(self.certify().returncode, 0)
        self.check_package()

    # ---- form and waivers ----

    def stopped_at_once(self, *args, why, left=()):
        """Refused as wrong usage, before any long run; nothing is written."""
        done = self.certify(*args)
        self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
        self.assertEqual(self.left(), sorted(["fake", *left]))
        self.assertNotIn("Traceback", done.stderr)
        self.assertIn(why, done.stderr)
        self.assertNotIn("run 1 of", done.stderr)

    def test_the_form_is_in_package_and_statement(self):
        form = self.put("mine.toml", samples.FORM)
        done = self.certify("--form", form)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.check_package("mine.toml")["declared"]["product"],
                         "Rack Server 1000")
        self.assertEqual((self.out / "form.toml").read_bytes(), form.read_bytes())

    def test_forms_that_cannot_be_stop_it_at_once(self):
        self.stopped_at_once("--form", "nowhere.toml", why="No such file")
        self.stopped_at_once("--form", "fake", why="is no file")
        self.put("odd.toml", samples.FORM.replace("product", "prodct"))
        self.stopped_at_once("--form", "odd.toml", why="'prodct'", left=["odd.toml"])
        self.put("odd.toml", samples.FORM.replace("6.12.1", "6.12.2"))
        self.stopped_at_once("--form", "odd.toml", why="runs 6.12.1", left=["odd.toml"])

    def test_a_claim_that_will_fail_is_told_at_once_and_fails(self):
        self.put("form.toml", samples.FORM + '[claims]\ncapabilities = ["dma", "ats"]\n')
        done = self.certify("--form", "form.toml")
        self.assertEqual(done.returncode, 1)
        self.assertLess(done.stderr.index("so this will fail: ats"),
                        done.stderr.index("run 1 of 2"))
        self.assertFalse(self.check_package("form.toml")["claims"]["passed"])

    def test_prints_a_form_and_runs_nothing(self):
        done = self.certify("--print-form")
        self.assertEqual((done.returncode, self.left()), (0, ["fake"]))
        printed = tomllib.loads(done.stdout)
        self.assertEqual(printed["claims"], {"capabilities": samples.CAPABILITIES,
                                             "formats": ["amd-v1"]})
        self.assertEqual(printed["kernel"]["release"], "6.12.1")
        self.assertEqual(len(self.calls("conform")), 1)

    WAIVER = """[[waiver]]
requirement = "{}"
reason = "the next stepping has it"
expires = 2999-12-31
"""

    def test_a_waived_failure_passes_and_the_file_is_in_the_package(self):
        self.having([samples.case(), samples.case("LEAF-001", verdict="FAIL", message="so")],
                    conform=1)
        self.put("w.toml", self.WAIVER.format("LEAF-001"))
        done = self.certify("--waivers", "w.toml")
        self.assertEqual(done.returncode, 0, done.stderr)
        statement = self.check_package("w.toml")
        self.assertEqual(statement["conformance"]["cases"], {"PASS": 1, "WAIVED": 1})
        self.assertEqual((self.out / "waivers.toml").read_bytes(),
                         (self.dir / "w.toml").read_bytes())

    def test_waivers_that_cannot_be_stop_it_at_once(self):
        self.stopped_at_once("--waivers", "nowhere.toml", why="No such file")
        for name, why in (("REPORT-001", "data-loss"), ("NONE-001", "no requirement NONE-001")):
            self.put("w.toml", self.WAIVER.format(name))
            self.stopped_at_once("--waivers", "w.toml", why=why, left=["w.toml"])
        self.put("w.toml", "[[waiver]")
        self.stopped_at_once("--waivers", "w.toml", why="is not TOML", left=["w.toml"])

    # ---- asking ----

    ANSWERS = ["Example Computers, Inc.", "Rack Server 1000", "", "", "Example Silicon",
               "SMMUv3.2", "", "1.4.2", "", "", "", ""]

    def on_terminal(self, text, *args):
        """(exit status, what was on the terminal) of --ask, @text typed at the first question."""
        pid, terminal = pty.fork()
        if not pid:
            os.chdir(self.dir)
            os.execve(sys.executable, [sys.executable, str(CERTIFY), "-o", str(self.out), "--ask",
                                       *args], self.env)
        shown = b""
        while select.select([terminal], [], [], 60)[0]:
            try:
                shown += os.read(terminal, 1 << 16)
            except OSError:  # the end of a terminal
                break
            if text and b"vendor: " in shown:
                os.write(terminal, text)
                text = b""
        else:
            os.kill(pid, signal.SIGKILL)
        os.close(terminal)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()

    def typed(self, *answers):
        return "".join(f"{a}\n" for a in answers or self.ANSWERS).encode()

    def test_asks_on_a_terminal_and_keeps_the_answers(self):
        status, shown = self.on_terminal(self.typed())
        self.assertEqual(status, 0, shown)
        self.assertIn("Who makes the product", shown)
        self.assertIn("claims.capabilities [dma, track]: ", shown)
        statement = self.check_package("form.toml")
        self.assertEqual(statement["declared"], {
            "vendor": "Example Computers, Inc.", "product": "Rack Server 1000",
            "iommu": {"vendor": "Example Silicon", "model": "SMMUv3.2"},
            "firmware": {"version": "1.4.2"}, "kernel": {"release": "6.12.1"},
            "claims": {"capabilities": ["dma", "track"], "formats": ["amd-v1"]}})
        self.assertEqual((self.dir / "form.toml").read_bytes(),
                         (self.out / "form.toml").read_bytes())
        status, shown = self.on_terminal(self.typed(), "--force")
        self.assertEqual(status, 2)
        self.assertIn("form.toml is there already", shown)

    def test_end_of_the_answers(self):
        status, shown = self.on_terminal(b"Example\n\x04")
        self.assertEqual((status, self.left()), (2, ["fake"]), shown)
        self.assertIn("the answers ended at product", shown)
        self.assertNotIn("Traceback", shown)

    def test_interrupted_answers(self):
        status, shown = self.on_terminal(b"Example\n\x03")
        self.assertEqual((status, self.left()), (1, ["fake"]), shown)
        self.assertIn("interrupted", shown)

    def test_asks_nobody_without_a_terminal(self):
        done = self.certify("--ask", stdin=subprocess.DEVNULL)
        self.assertEqual((done.returncode, self.left()), (2, ["fake"]))
        self.assertIn("--form FILE", done.stderr)
        self.assertEqual(self.calls("conform"), [])

    # ---- signing ----

    def key(self, *more):
        path = self.fake / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path, *more],
                       check=True)
        return path

    def test_signs(self):
        key = self.key()
        self.assertEqual(self.certify("--sign", key).returncode, 0)
        self.check_package()
        with open(self.out / "MANIFEST.sha256", "rb") as manifest:
            subprocess.run(["ssh-keygen", "-q", "-Y", "check-novalidate", "-n",
                            "iodirty-certificate", "-s", self.out / "MANIFEST.sha256.sig"],
                           stdin=manifest, check=True, stdout=subprocess.DEVNULL)

    def test_keys_that_cannot_sign_stop_it_at_once(self):
        self.env.pop("SSH_AUTH_SOCK", None)
        self.stopped_at_once("--sign", "nowhere", why="nowhere")
        self.put("nonsense", "no key\n").chmod(0o600)
        self.stopped_at_once("--sign", "nonsense", why="no key that", left=["nonsense"])
        (self.dir / "nonsense").unlink()
        key = self.key()
        key.rename(self.fake / "elsewhere")
        self.stopped_at_once("--sign", f"{key}.pub", why="did not sign")

    def test_a_key_that_is_lost_meanwhile_loses_no_package(self):
        key = self.key()
        (self.fake / "takes").write_text(str(key), encoding="utf-8")
        done = self.certify("--sign", key)
        self.assertEqual(done.returncode, 1)
        self.assertIn("the package is whole and is not signed", done.stderr)
        self.assertEqual(self.check_package()["verdict"], "PASSED")
        self.assertFalse((self.out / "MANIFEST.sha256.sig").exists())

    # ---- the archive ----

    def test_no_archive(self):
        done = self.certify("--no-archive")
        self.assertEqual((done.returncode, self.left()), (0, ["certificate", "fake"]))
        self.assertTrue(done.stdout.endswith(f"check it: iodirty verify {self.out}\n"))

    def test_replaces_only_an_archive_of_its_own(self):
        self.put("certificate.tar", "mine")
        for force in ([], ["--force"]):
            self.stopped_at_once(*force, why="is in the way", left=["certificate.tar"])
        (self.dir / "certificate.tar").unlink()
        self.assertEqual(self.certify().returncode, 0)
        old = (self.dir / "certificate.tar").read_bytes()
        shutil.rmtree(self.out)
        self.stopped_at_once(why="--force replaces it", left=["certificate.tar"])
        self.assertEqual((self.dir / "certificate.tar").read_bytes(), old)
        self.having([samples.case()])
        self.assertEqual(self.certify("--force").returncode, 0)
        self.check_package()
        # One that would no longer be of the package does not stay beside it.
        self.having([samples.case()])
        self.assertEqual(self.certify("--force", "--no-archive").returncode, 0)
        self.assertEqual(self.left(), ["certificate", "fake"])

    def test_archive_that_cannot_be_written_loses_no_package(self):
        (self.dir / "certificate.tar.partial").mkdir()
        done = self.certify()
        self.assertEqual(done.returncode, 1)
        self.assertIn("its archive was not written", done.stderr)
        self.assertTrue((self.out / "MANIFEST.sha256").exists())
        self.assertNotIn("Traceback", done.stderr)

    # ---- benchmark and workloads ----

    def test_benchmark_that_fails_fails(self):
        self.having([samples.case()], bench=1)
        self.assertEqual(self.certify().returncode, 1)
        self.assertEqual(self.check_package()["benchmark"]["passed"], False)

    def test_workloads(self):
        self.having([samples.case()], rows=samples.bench([samples.row(), samples.workload()]))
        done = self.certify("--workload", "nic", "--workload", "some.trace")
        self.assertEqual(done.returncode, 0, done.stderr)
        statement = self.check_package()
        self.assertEqual(statement["verdict"], "PASSED")
        self.assertEqual(statement["workloads"], {
            "names": ["nic", "some.trace"], "passed": True, "exit_status": 0,
            "cases": {"nic": {"ok": 2, "FAIL": 0, "skip": 0},
                      "some": {"ok": 0, "FAIL": 0, "skip": 1}}})
        asked, measured = self.calls("bench")
        chosen = f"--workload nic --workload {self.dir}/some.trace"
        self.assertEqual(asked, f"bench -t ref --list {chosen}")
        self.assertEqual(measured, f"bench -t ref --quick -o bench --set all {chosen}")
        self.assertEqual((self.fake / "checked").read_text(encoding="utf-8"),
                         f"{self.fake}/iodirty -t ref {chosen}\n")
        page = (self.out / "index.html").read_text(encoding="utf-8")
        self.assertIn("iodirty certify -t ref --repeat 2 --workload nic --workload some.trace",
                      page)
        self.assertIn('<th scope="row">nic</th><td class="n">2</td>', page)
        self.assertIn("Harvests of what devices write", page)
        self.assertIn("amd-v1/4K/nic", page)

    def test_wrong_harvests_of_workloads_fail(self):
        self.having([samples.case()])
        (self.fake / "check-status").write_text("1", encoding="utf-8")
        (self.fake / "workloads.txt").write_text("ok nic amd-v1 4K\nFAIL nic amd-v1 2M lost\n",
                                                 encoding="utf-8")
        self.assertEqual(self.certify("--workload", "nic").returncode, 1)
        statement = self.check_package()
        self.assertEqual(statement["sentence"], "FAILED: the harvests of workloads on ref; the "
                         "conformance suite passed.")
        self.assertEqual(statement["workloads"]["cases"],
                         {"nic": {"ok": 1, "FAIL": 1, "skip": 0}})
        self.assertIn("Harvests of workloads FAILED in 1 case; see logs/workloads.txt.",
                      statement["remarks"])

    def test_workloads_that_cannot_be_performed_are_said(self):
        self.having([samples.case()])
        (self.fake / "check-status").write_text("4", encoding="utf-8")
        self.assertEqual(self.certify("--workload", "nic").returncode, 0)
        self.assertIn("The workloads could not be performed here: see logs/workloads.txt.",
                      self.check_package()["remarks"])

    def test_workloads_that_are_not_there_stop_it_at_once(self):
        (self.fake / "known").write_text("2", encoding="utf-8")
        done = self.certify("--workload", "none")
        self.assertEqual((done.returncode, self.left()), (2, ["fake"]))
        self.assertNotIn("conformance suite", done.stderr)

    def test_lists_workloads(self):
        done = self.certify("--workload", "list")
        self.assertEqual((done.returncode, done.stdout, self.left()), (0, "nic\n", ["fake"]))

    def test_usage_and_nothing_ran(self):
        for status in (2, 4):
            self.having([], conform=status)
            self.assertEqual(self.certify().returncode, status)
            self.assertEqual(self.left(), ["fake"])
        self.assertEqual(self.certify("--what").returncode, 2)

    def test_suite_that_dies_leaves_nothing(self):
        (self.fake / "conform-status").write_text("139", encoding="utf-8")
        done = self.certify()
        self.assertEqual(done.returncode, 1)
        self.assertIn("left no results (exit status 139)", done.stderr)
        self.assertEqual(self.left(), ["fake"])

    def test_results_that_are_no_json_leave_nothing(self):
        (self.fake / "results-2.json").write_text("{", encoding="utf-8")
        done = self.certify()
        self.assertEqual(done.returncode, 1)
        self.assertIn("is not JSON", done.stderr)
        self.assertEqual(self.left(), ["fake"])

    def test_replaces_only_a_package_and_only_by_force(self):
        self.assertEqual(self.certify().returncode, 0)
        done = self.certify()
        self.assertEqual(done.returncode, 2)
        self.assertIn("--force", done.stderr)
        self.having([samples.case(verdict="FAIL")], conform=1)
        self.assertEqual(self.certify("--force").returncode, 1)
        self.assertEqual(self.check_package()["verdict"], "FAILED")

    def test_never_removes_what_is_not_its_own(self):
        self.assertEqual(self.certify().returncode, 0)
        (self.out / "notes.txt").write_text("mine", encoding="utf-8")
        self.assertEqual(self.certify("--force").returncode, 2)
        self.assertTrue((self.out / "notes.txt").exists())
        self.assertTrue((self.out / "index.html").exists())

    def test_never_touches_another_directory(self):
        self.out.mkdir()
        (self.out / "precious").write_text("mine", encoding="utf-8")
        (self.out / "MANIFEST.sha256").write_text(
            "0" * 64 + "  ../fake/iodirty\n" + "0" * 64 + "  statement.json\n", encoding="utf-8")
        done = self.certify("--force")
        self.assertEqual(done.returncode, 2)
        self.assertIn("no certification package", done.stderr)
        self.assertTrue((self.out / "precious").exists())
        self.assertTrue((self.fake / "iodirty").exists())

    def test_an_empty_directory_will_do_by_force(self):
        self.out.mkdir()
        self.assertEqual(self.certify().returncode, 2)
        self.assertEqual(list(self.out.iterdir()), [])
        self.assertEqual(self.certify("--force").returncode, 0)
        self.check_package()

    def test_takes_over_what_a_killed_run_left(self):
        partial = self.dir / "certificate.partial"
        (partial / "logs").mkdir(parents=True)
        self.assertEqual(self.certify().returncode, 1)
        self.assertTrue(partial.exists())
        (partial / ".iodirty-partial").touch()
        self.assertEqual(self.certify().returncode, 0)
        self.check_package()

    def test_interrupted_leaves_nothing(self):
        def heed():
            # A shell's job in the background is started deaf to it.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        for number in (signal.SIGINT, signal.SIGTERM):
            (self.fake / "wait").touch()
            with subprocess.Popen([sys.executable, CERTIFY, "-o", self.out], env=self.env,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  preexec_fn=heed) as child:
                for _ in range(300):
                    if (self.fake / "waiting").exists():
                        break
                    time.sleep(0.1)
                child.send_signal(number)
                out, errors = child.communicate(timeout=30)
            (self.fake / "waiting").unlink()
            (self.fake / "ended").unlink()  # while its folder was there
            self.assertEqual((child.returncode, out), (1, b""))
            self.assertIn(b"interrupted", errors)
            self.assertEqual(self.left(), ["fake"])

    def test_full_disk_leaves_nothing(self):
        def no_room():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
        done = self.certify(preexec_fn=no_room)
        self.assertEqual(done.returncode, 1)
        self.assertIn("no package was written", done.stderr)
        self.assertEqual(self.left(), ["fake"])

    def test_default_directory_is_named_after_the_target(self):
        done = subprocess.run([sys.executable, CERTIFY, "-t", "vfio:../a b"], env=self.env,
                              cwd=self.dir, capture_output=True, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout,
                         r"^report: iodirty-certificate-vfio-..-a-b-\d{8}T\d{6}Z/index.html\n"
                         r"archive: iodirty-certificate-vfio-..-a-b-\d{8}T\d{6}Z.tar\n")


class SchemaTest(unittest.TestCase):
    def test_benchmark(self):
        schema = load(SCHEMAS / "bench.schema.json")
        jsonschema.Draft7Validator.check_schema(schema)
        jsonschema.validate(samples.full_bench(), schema)
        jsonschema.validate(samples.bench([samples.row(error="lost"),
                                           samples.row(floor=False),
                                           samples.workload()]), schema)
        lost = samples.row()
        lost["missed"] = 1
        unbounded = samples.row()
        del unbounded["floor_ns_per_iopte"]
        empty = samples.workload()
        del empty["pages_written"]
        for wrong in (lost, unbounded, empty, dict(samples.workload(), missed=1.0),
                      {"name": "other"}, {}):
            with self.assertRaises(jsonschema.ValidationError):
                jsonschema.validate(samples.bench([wrong]), schema)

    def test_samples_are_what_the_runner_writes(self):
        schema = load(SCHEMAS / "results.schema.json")
        sample = samples.results([samples.case(), samples.case(verdict="FAIL", message="why")])
        for name, value in sample.items():
            jsonschema.validate(value, {**schema["properties"][name], "$defs": schema["$defs"]})

    def test_sample_is_read(self):
        self.assertTrue(Results(samples.results([samples.case()])).passed)
        self.assertEqual(len(Bench(samples.full_bench()).cells), 24)


if __name__ == "__main__":
    unittest.main()
