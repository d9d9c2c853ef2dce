# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a run of the kernel's selftests showed, held against what a list expects.

Reads the TAP of the kernel's kselftest harness and the lists beside this file,
and says case by case where they differ. Runs nothing itself: that is
ci/kernel-selftests.
"""

import re
import signal
from collections import Counter, namedtuple

# In the order in which they run, and are listed.
PROGRAMS = ("iommufd", "iommufd_fail_nth")

# What a list says of a case, and what the case then shows.
LISTED = {"pass": "pass", "deviates": "fail", "skips": "skip"}
WORD = {seen: listed for listed, seen in LISTED.items()}

MESSAGE_LINES = 12  # of a case that failed, in the report; all are in the log
REPORT_LINES = 10   # of a sanitizer's report
REPORTS = 3         # that are shown
SANITIZERS = re.compile(r"ERROR: AddressSanitizer|LeakSanitizer|runtime error:|ThreadSanitizer")

HEADER = """\
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# What the reference makes of the iommufd selftests of Linux {version}. A line a
# case: program, case, and what it does:
#
#   pass
#   deviates: WHY    it fails; WHY names a requirement, or gives the reason
#   skips: WHY       the test itself does not run
#
# A case that is not listed, was not run, or does anything else, better or
# worse, fails `make check-kernel-selftests`.
"""


class ListError(Exception):
    """A list that cannot be used; the text has a line for each bad line of it."""


# ---- what was seen ----

# verdict: "pass", "fail" or "skip"; message: the lines printed before it, or the reason.
Case = namedtuple("Case", "verdict message")


class Seen:
    """One program's run, from its output."""

    def __init__(self, program):
        self.program = program
        self.planned = None
        self.cases = {}
        self.not_ok = 0
        self.problems = []  # what is wrong with the run as a whole


RESULT = re.compile(r"(ok|not ok) (\d+) (\S+)(?:\s+# (SKIP|XFAIL|XPASS)\b\s*(.*))?\s*$")
STARTS = re.compile(r"#\s+RUN\s+(\S+) \.\.\.")


def read_tap(program, text):
    """What @text, the output of @program, reports. A run cut short is a problem."""
    seen = Seen(program)
    running, before = None, []
    for line in text.splitlines():
        plan = re.fullmatch(r"1\.\.(\d+)", line)
        starts = STARTS.match(line)
        result = RESULT.match(line)
        if plan:
            if seen.planned is not None:
                seen.problems.append(f"a second plan: {line}")
            seen.planned = int(plan[1])
        elif starts:
            running, before = starts[1], []
        elif result:
            add_result(seen, result, before)
            running, before = None, []
        elif re.match(r"(not )?ok\b", line):
            seen.problems.append(f"a result that cannot be read: {line}")
        elif not re.match(r"#\s+(OK|FAIL)\s", line):
            before.append(line)

    if seen.planned is None:
        seen.problems.append("no plan: no case was started")
    elif seen.planned != len(seen.cases):
        where = f"; it ended in {running}" if running else ""
        seen.problems.append(
            f"{seen.planned} cases were planned, {len(seen.cases)} reported{where}")
    return seen


def add_result(seen, result, before):
    word, number, name, directive, reason = result.groups()
    if name in seen.cases:
        seen.problems.append(f"reported twice: {name}")
    elif int(number) != len(seen.cases) + 1:
        seen.problems.append(f"{name} has number {number}, expected {len(seen.cases) + 1}")
    seen.not_ok += word == "not ok"
    if word == "not ok" or directive == "XFAIL":
        seen.cases[name] = Case("fail", "\n".join(before))
    elif directive == "SKIP":
        seen.cases[name] = Case("skip", reason or "no reason given")
    else:
        seen.cases[name] = Case("pass", "")


def judge_end(seen, status, timed_out, seconds, text):
    """Add to @seen's problems how its run ended, unless it ended as its cases say."""
    due = int(seen.not_ok > 0)
    if timed_out:
        why = f"took more than {seconds} s and was killed"
    elif status == due:
        return
    elif status < 0:
        why = f"iodirty itself was killed by {signal_name(-status)}"
    elif status > 128:
        why = f"killed by {signal_name(status - 128)}"
    else:
        why = f"ended with status {status}, expected {due}"
    last = "".join(f"\n    {line}" for line in text.splitlines()[-5:])
    seen.problems.append(f"{why}. Its last lines:{last}" if last else f"{why}, without a word")


def signal_name(number):
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def sanitizer_reports(text):
    """The first lines of each report of a sanitizer in @text."""
    lines = text.splitlines()
    reports, end = [], 0
    for at, line in enumerate(lines):
        if at >= end and SANITIZERS.search(line) and not line.startswith("SUMMARY:"):
            end = at + REPORT_LINES
            reports.append("\n".join(lines[at:end]))
    return reports


# ---- what is expected ----

# line: where the list says so.
Expected = namedtuple("Expected", "word reason line")


def read_list(text, name, requirements=None):
    """{(program, case): Expected} of a list; raise ListError with all that is wrong with it.

    @name is how messages call it; @requirements are the ids that a reason may name.
    """
    expected, wrong = {}, []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        try:
            key, entry = read_line(line, number, requirements)
            if key in expected:
                raise ValueError(f"{' '.join(key)} is listed already in line "
                                 f"{expected[key].line}: remove one")
            expected[key] = entry
        except ValueError as error:
            wrong.append(f"{name}:{number}: {error}")
    if not expected and not wrong:
        wrong.append(f"{name}: it lists nothing")
    if wrong:
        raise ListError("\n".join(wrong))
    return expected


def read_line(line, number, requirements):
    fields = line.split(None, 2)
    if len(fields) < 3:
        raise ValueError("expected a program, a case and what it does: "
                         f"{' '.join(fields)!r}")
    program, case, does = fields
    if program not in PROGRAMS:
        raise ValueError(f"no such program: {program!r} (there are {', '.join(PROGRAMS)})")
    word, colon, reason = (part.strip() for part in does.partition(":"))
    if word not in LISTED or bool(colon) != (word != "pass"):
        raise ValueError(f"expected `pass`, `deviates: WHY` or `skips: WHY`, not {does.strip()!r}")
    if word != "pass" and reason in ("", "?"):
        raise ValueError(f"say why {case} {word}")
    for req in re.findall(r"\b[A-Z][A-Z0-9]*-\d{3}\b", reason):
        if requirements is not None and req not in requirements:
            raise ValueError(f"there is no requirement {req}")
    return (program, case), Expected(word, reason, number)


def list_line(program, case, word, reason=""):
    """A line of a list, as a person should write it."""
    does = f"{word}: {reason}" if reason else word
    return f"{program:<17} {case:<71} {does}"


def propose(runs, version, expected=None):
    """The text of a list that @runs would pass; a reason in @expected is kept."""
    lines = [HEADER.format(version=version)]
    for seen in runs:
        fixture = None
        for name, case in seen.cases.items():
            if fixture not in (None, fixture_of(name)):
                lines.append("")
            fixture = fixture_of(name)
            word = WORD[case.verdict]
            lines.append(list_line(seen.program, name, word,
                                   reason_for(word, case, (expected or {}).get(
                                       (seen.program, name)))))
        lines.append("")
    return "\n".join(lines)


def reason_for(word, case, listed):
    if word == "pass":
        return ""
    if listed and listed.word == word:
        return listed.reason
    return case.message if word == "skips" else "?"


def fixture_of(case):
    return case.partition(".")[0]


# ---- the one against the other ----

class Verdict:
    """How the cases of one program stand to the list."""

    KINDS = ("pass", "deviates", "skips", "wrong")

    def __init__(self, program, problems=()):
        self.program = program
        self.problems = list(problems)  # of the run as a whole
        self.failures = []  # of cases; both are texts for a person
        self.fixtures = {}  # name: Counter of KINDS

    def count(self, case, kind):
        self.fixtures.setdefault(fixture_of(case), Counter())[kind] += 1

    def wrong(self, case, *lines):
        self.count(case, "wrong")
        self.failures.append("\n  ".join([f"{self.program} {case}", *lines]))

    def total(self, *kinds):
        return sum(counter[kind] for counter in self.fixtures.values() for kind in kinds)

    @property
    def counts(self):
        """passed, failed, skipped"""
        return (self.total("pass", "deviates"), self.total("wrong") + len(self.problems),
                self.total("skips"))


def compare(seen, expected, name):
    """The Verdict on @seen by the list @expected, which messages call @name."""
    verdict = Verdict(seen.program, seen.problems)
    for case, result in seen.cases.items():
        entry = expected.get((seen.program, case))
        if entry is None:
            unlisted(verdict, case, result, name)
        elif LISTED[entry.word] != result.verdict:
            differs(verdict, case, result, entry, name)
        else:
            verdict.count(case, entry.word)
    not_run = {case: entry for (program, case), entry in expected.items()
               if program == seen.program and case not in seen.cases}
    if not_run and not seen.cases:
        none_ran(verdict, not_run, name)
        return verdict
    for case, entry in not_run.items():
        verdict.wrong(case, expectation(entry, name), "seen:     it was not run",
                      f"do:       if the kernel has it no more, remove line {entry.line}")
    return verdict


def none_ran(verdict, not_run, name):
    """One text for all of them: the program did not come to its first case."""
    for case in not_run:
        verdict.count(case, "wrong")
    verdict.failures.append(f"{verdict.program}: none of its {len(not_run)} cases in {name} "
                            "was run")


def expectation(entry, name):
    return (f"expected: {entry.word}{': ' if entry.reason else ''}{entry.reason} "
            f"({name}:{entry.line})")


def seen_lines(result):
    """What the case showed, and its first lines."""
    lines = result.message.splitlines()
    more = len(lines) - MESSAGE_LINES
    return [f"seen:     {result.verdict}", *(f"          {line}" for line in lines[:MESSAGE_LINES]),
            *([f"          ... {more} lines more in the log"] if more > 0 else [])]


def line_for(program, case, result):
    word = WORD[result.verdict]
    reason = {"pass": "", "deviates": "WHY", "skips": result.message}[word]
    return " ".join(list_line(program, case, word, reason).split())


def unlisted(verdict, case, result, name):
    verdict.wrong(case, f"expected: nothing, it is not in {name}", *seen_lines(result),
                  "do:       add the line", f"          {line_for(verdict.program, case, result)}")


def differs(verdict, case, result, entry, name):
    if result.verdict == "pass":
        what = f"it does better than listed: let line {entry.line} be"
    else:
        what = f"mend the reference; or, if it is meant to do this, let line {entry.line} be"
    verdict.wrong(case, expectation(entry, name), *seen_lines(result), f"do:       {what}",
                  f"          {line_for(verdict.program, case, result)}")


def sanitizer_problems(text):
    """Whatever the cases say: each report of a sanitizer in @text is a problem of the run."""
    reports = sanitizer_reports(text)
    problems = ["a sanitizer reports\n  " + report.replace("\n", "\n  ")
                for report in reports[:REPORTS]]
    if len(reports) > REPORTS:
        problems.append(f"and {len(reports) - REPORTS} reports more, in the log")
    return problems


def summary(verdict):
    """A line a fixture, and one for the program."""
    lines = [f"{'fixture':<36} {'pass':>5} {'deviate':>8} {'skip':>5} {'not as listed':>14}"]
    for fixture, counter in verdict.fixtures.items():
        good, deviate, skip, wrong = (counter[kind] for kind in Verdict.KINDS)
        lines.append(f"{fixture:<36} {good:>5} {deviate:>8} {skip:>5} {wrong:>14}")
    good, deviate, skip, wrong = (verdict.total(kind) for kind in Verdict.KINDS)
    lines.append(f"{good + deviate + skip + wrong} cases of {verdict.program}: {good} pass, "
                 f"{deviate} deviate as listed, {skip} skipped"
                 + (f", {wrong} not as listed" if wrong else ""))
    return "\n".join(lines)
