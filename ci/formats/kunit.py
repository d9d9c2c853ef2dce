# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""KTAP, read by the kernel's own parser: that of KUnit, of Debian's linux-source-6.12."""

import contextlib
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

from outcome import Skip, check, equal, informative, tally

TARBALL = Path("/usr/src/linux-source-6.12.tar.xz")
FILES = "linux-source-6.12/tools/testing/kunit/*.py"
# Everything that does not fail a run is "ok" in KTAP, which has no other words.
WORDS = {"PASS": "passed", "XFAIL": "passed", "INFORMATIVE": "passed", "SKIP": "skipped",
         "NOT_CAPABLE": "skipped", "FAIL": "failed", "CRASH": "failed", "HANG": "failed",
         "XPASS": "failed", "NOT_RUN": "failed"}


def extracted(out):
    """The folder with the parser; taken from the tarball, which takes seconds, once."""
    if not TARBALL.is_file():
        raise Skip(f"{TARBALL} is not there: `ci/install test`")
    folder, stat = out / "kunit", TARBALL.stat()
    stamp = json.dumps([stat.st_size, stat.st_mtime_ns])
    mark = folder / "extracted-from"
    if not mark.is_file() or mark.read_text(encoding="ascii") != stamp:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        subprocess.run(["tar", "-xJf", TARBALL, "-C", folder, "--strip-components=4",
                        "--wildcards", "--no-wildcards-match-slash", FILES], check=True)
        mark.write_text(stamp, encoding="ascii")
    return folder


def parser(out):
    folder = str(extracted(out))
    if folder not in sys.path:
        sys.path.insert(0, folder)
    with contextlib.redirect_stdout(io.StringIO()):  # it keeps the one of now
        import kunit_parser
    return kunit_parser


def judge(out, text, results):
    """Totals and the verdict of each requirement, as the parser understands them."""
    kunit = parser(out)
    test = kunit.parse_run_tests(text.splitlines())
    seen = {name: getattr(test.counts, name) for name in ("passed", "failed", "skipped", "crashed",
                                                          "errors")}
    equal(seen, {"passed": 0, "failed": 0, "skipped": 0, **tally(results, WORDS), "crashed": 0,
                 "errors": 0}, "totals")
    judged = {}
    for case in results["cases"]:
        name = case["requirement"]
        good = WORDS[case["verdict"]] != "failed" or (
            case["verdict"] == "FAIL" and name in informative(results))
        judged[name] = judged.get(name, True) and good
    equal({t.name: t.status == kunit.TestStatus.FAILURE for t in test.subtests},
          {name: not good for name, good in judged.items()}, "requirements that failed")
    check(all(len(t.subtests) == sum(c["requirement"] == t.name for c in results["cases"])
              for t in test.subtests), "a requirement has not all its cases")
    return f"{sum(test.counts.__dict__.values())} cases"
