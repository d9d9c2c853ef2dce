# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import datetime
import json
import sys
import tempfile
import unittest
from pathlib import Path

import jsonschema

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import waivers  # noqa: E402
from model import ReportError  # noqa: E402

DAY = datetime.date(2027, 6, 30)
REQUIREMENTS = [
    {"id": "ABI-001", "stake": "interface", "waivable": True},
    {"id": "ABI-002", "stake": "interface", "waivable": True},
    {"id": "ABI-012", "stake": "availability", "waivable": False},
    {"id": "MAP-001", "stake": "data-loss", "waivable": False},
]


def waiver(requirement="ABI-001", reason="why", expires="2027-06-30", **more):
    """Text of a [[waiver]]; @expires as TOML has it."""
    fields = "".join(f"{k} = {json.dumps(v)}\n" for k, v in
                     {"requirement": requirement, "reason": reason, **more}.items())
    return f"[[waiver]]\n{fields}expires = {expires}\n"


class WaiversTest(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory(prefix="iodirty-test-")
        self.addCleanup(self.dir.cleanup)
        self.path = Path(self.dir.name) / "waivers.toml"

    def read(self, *texts):
        self.path.write_text("".join(texts), encoding="utf-8")
        return waivers.read(self.path)

    def refused(self, words, *texts):
        with self.assertRaises(ReportError) as caught:
            waivers.check(self.read(*texts), REQUIREMENTS)
        self.assertRegex(str(caught.exception), words)
        self.assertIn("waivers.toml", str(caught.exception))

    def reason(self, found, requirement="ABI-001", test="t", config="-", day=DAY):
        """Of the waiver that excuses the case; None."""
        waiver = waivers.find(found, requirement, test, config, day)
        return waiver and waiver.reason

    # ---- what is read ----

    def test_every_field(self):
        found = self.read(waiver("ABI-00?", "a reason", test="some_test", config="amd-v1/4K"))
        self.assertEqual(found, [waivers.Waiver("ABI-00?", "a reason", DAY, "some_test",
                                                "amd-v1/4K")])

    def test_a_date_may_be_a_string(self):
        self.assertEqual(self.read(waiver(expires='"2027-06-30"'))[0].expires, DAY)

    def test_what_is_wrong_is_refused_in_words(self):
        for words, text in (
                ("number 1 reason: a reason must be given", waiver(reason="")),
                ("number 1 reason: a reason must be given", waiver(reason=" \t ")),
                ("number 1: 'reason' is a required property",
                 '[[waiver]]\nrequirement = "ABI-001"\nexpires = 2027-06-30\n'),
                ("number 1: 'expires' is a required property",
                 '[[waiver]]\nrequirement = "ABI-001"\nreason = "why"\n'),
                ("expires: a date is wanted", waiver(expires='"soon"')),
                ("expires: a date is wanted", waiver(expires="2027-06-30T12:00:00")),
                ("expires: a date is wanted", waiver(expires="20270630")),
                ("no day of the calendar", waiver(expires='"2027-02-30"')),
                ("'until' was unexpected", waiver(until="later")),
                ("number 2 requirement", waiver() + waiver("abi one")),
                ("'waiver' is a required property", ""),
                ("number 1", "waiver = [7]"),
                ("waiver", "waiver = []"),
                ("is not TOML", "[[waiver"),
                ("is not TOML", "a = " + "[" * 5000)):
            with self.subTest(text[:60]):
                self.refused(words, text)

    def test_what_is_far_too_large_is_refused(self):
        self.refused("more than 64 KiB", "#" * (1 << 17))

    def test_what_cannot_be_read_is_refused_in_words(self):
        self.path.write_bytes(b"\xff\xfe")
        with self.assertRaisesRegex(ReportError, "is not TOML"):
            waivers.read(self.path)
        for path, words in ((self.path.parent, "Is a directory"),
                            (self.path.with_name("none"), "No such file")):
            with self.assertRaisesRegex(ReportError, words):
                waivers.read(path)

    # ---- what may be waived ----

    def test_only_what_is_waivable_may_be_waived(self):
        waivers.check(self.read(waiver("ABI-00*")), REQUIREMENTS)
        self.refused("MAP-001 cannot be waived: what is at stake is data-loss: never waived$",
                     waiver("MAP-001"))
        self.refused("ABI-012 cannot be waived: what is at stake is availability$",
                     waiver("ABI-012"))

    def test_a_glob_that_takes_in_what_is_not_waivable_is_refused(self):
        self.refused(r"ABI-012, which ABI-\* takes in, cannot be waived", waiver("ABI-*"))
        self.refused(r"MAP-001, which MAP-\* takes in,.*never waived", waiver("MAP-*"))

    def test_unknown_requirements_are_refused(self):
        self.refused("there is no requirement ABI-999", waiver("ABI-999"))
        self.refused(r"there is no requirement XYZ-\*", waiver(), waiver("XYZ-*"))

    # ---- until when ----

    def test_good_on_the_day_it_expires_and_over_on_the_next(self):
        found = self.read(waiver())
        self.assertEqual(self.reason(found, day=DAY), "why")
        self.assertEqual(self.reason(found, day=DAY - datetime.timedelta(1)), "why")
        self.assertIsNone(self.reason(found, day=DAY + datetime.timedelta(1)))

    def test_where_the_most_specific_is_over_no_other_steps_in(self):
        found = self.read(waiver("ABI-00*", "wide", "2030-01-01"),
                          waiver("ABI-001", "narrow", "2020-01-01"))
        self.assertIsNone(self.reason(found))
        self.assertEqual(self.reason(found, "ABI-002"), "wide")

    # ---- which one ----

    def order(self, less, more, **case):
        """@more is taken for the case, and @less where @more is not there; whichever is first."""
        less, more = waiver(reason="less", **less), waiver(reason="more", **more)
        for texts in ((less, more), (more, less)):
            self.assertEqual(self.reason(self.read(*texts), **case), "more")
        self.assertEqual(self.reason(self.read(less), **case), "less")

    def test_an_id_before_a_glob(self):
        self.order({"requirement": "ABI-00[1-9]"}, {"requirement": "ABI-001"})
        self.order({"requirement": "ABI-00[1-9]", "test": "t", "config": "-"},
                   {"requirement": "ABI-001"})

    def test_a_longer_glob_before_a_shorter(self):
        self.order({"requirement": "ABI-*"}, {"requirement": "ABI-0*"})
        self.order({"requirement": "ABI-*", "test": "t"}, {"requirement": "ABI-0*"})

    def test_with_a_test_or_a_configuration_before_without(self):
        self.order({}, {"test": "t"})
        self.order({}, {"config": "-"})
        self.order({"test": "t"}, {"test": "t", "config": "-"})

    def test_only_where_all_of_it_matches(self):
        found = self.read(waiver(test="some_*", config="amd-v1/*"))
        self.assertEqual(self.reason(found, test="some_test", config="amd-v1/4K"), "why")
        for case in ({"test": "other"}, {"config": "vtd-ss/4K"}, {"requirement": "ABI-002"}):
            self.assertIsNone(self.reason(found, **{"test": "some_test", "config": "amd-v1/4K",
                                                    **case}), case)

    def test_case_counts(self):
        self.assertIsNone(self.reason(self.read(waiver(test="T")), test="t"))

    def test_ties_are_refused(self):
        for one, other in (({}, {}), ({"test": "t"}, {"config": "-"}),
                           ({"test": "t*"}, {"test": "*t"}), ({"test": "t"}, {"test": "t*"}),
                           ({"requirement": "ABI-0?1"}, {"requirement": "ABI-00?"})):
            with self.subTest(f"{one} {other}"):
                self.refused("none is the more specific", waiver(**one), waiver(**other))

    def test_what_cannot_meet_is_no_tie(self):
        for one, other in (({"test": "a"}, {"test": "b"}), ({"test": "a*"}, {"test": "b*"}),
                           ({"requirement": "ABI-001"}, {"requirement": "ABI-002"}),
                           ({"requirement": "ABI-00?"}, {"requirement": "MAP-00?"}),
                           ({"config": "*/4K"}, {"config": "*/2M"}),
                           ({"test": "a", "config": "-"}, {"test": "b", "config": "-"})):
            with self.subTest(f"{one} {other}"):
                self.assertEqual(len(self.read(waiver(**one), waiver(**other))), 2)

    def test_the_schema_is_one(self):
        jsonschema.Draft7Validator.check_schema(
            json.loads(waivers.SCHEMA.read_text(encoding="utf-8")))


if __name__ == "__main__":
    unittest.main()
