# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import sys
import unittest
import xml.etree.ElementTree as xml
from html.parser import HTMLParser
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import certify  # noqa: E402
import page  # noqa: E402
import plots  # noqa: E402
import samples  # noqa: E402
import system  # noqa: E402
from model import Bench, Results  # noqa: E402
from markup import inline  # noqa: E402

VOID = {"meta", "br", "hr", "img", "input", "link"}


class Reader(HTMLParser):
    """Checks nesting; gathers tags, text and attributes."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.words, self.ids, self.links = [], [], [], [], []
        self.attributes = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        attrs = dict(attrs)
        self.attributes.append((tag, attrs))
        self.ids += [attrs["id"]] if "id" in attrs else []
        self.links += [attrs["href"]] if tag == "a" else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> in {self.open[-5:]}"
        self.open.pop()

    def handle_data(self, data):
        self.words.append(data)


def render(cases, bench=None, target="ref", conform=0, status=0, requirements=None):
    results = Results(samples.results(cases, requirements=requirements), samples.TEXTS)
    bench = bench and Bench(bench)
    args = certify.parse(["-t", target])
    statement = certify.make_statement(args, results, bench, conform, status)
    text = page.render(statement, results, bench, plots.draw_all(bench) if bench else {},
                       system.facts())
    return text, Reader(text), statement


class PageTest(unittest.TestCase):
    def test_passed(self):
        text, reader, statement = render([samples.case()], samples.full_bench())
        self.assertEqual(reader.open, [])
        self.assertEqual(statement["verdict"], "PASSED")
        self.assertIn("1 case of 1 requirement on ref", statement["sentence"])
        self.assertIn('class="verdict passed"', text)
        self.assertNotIn('id="failures"', text)
        self.assertIn("no statement about any real hardware", text)
        self.assertIn("It must hold.", text)

    def test_needs_nothing_but_itself(self):
        text, reader, _ = render([samples.case()], samples.full_bench())
        self.assertFalse({"script", "link", "img", "iframe", "object"} & set(reader.tags))
        self.assertNotRegex(text, r"url\((?!#)|@import|src=")
        self.assertEqual(len(reader.ids), len(set(reader.ids)))
        for link in reader.links:
            self.assertTrue(link.startswith("#") and link[1:] in reader.ids, link)

    def test_failed(self):
        text, _, statement = render(
            [samples.case(), samples.case(config="vtd-ss/2M", verdict="FAIL", message="bit 7"),
             samples.case(config="vtd-ss/4K", verdict="FAIL", message="bit 7"),
             samples.case("LEAF-001", verdict="HANG")], samples.full_bench(), conform=1)
        self.assertEqual(statement["verdict"], "FAILED")
        self.assertIn("FAILED: 3 of 4 cases, in 2 of 2 requirements", statement["sentence"])
        self.assertIn('class="verdict failed"', text)
        self.assertIn("bit 7", text)
        self.assertEqual(text.count('class="failure"'), 2)
        self.assertIn("iodirty conform -t ref -r REPORT-001 -f vtd-ss", text)

    def test_matrix_has_no_cell_without_a_reason(self):
        text, reader, _ = render(
            [samples.case(), samples.case(config="vtd-ss/2M", verdict="SKIP", message="too large"),
             samples.case(config="vtd-ss/4K"), samples.case("LEAF-001", config="-"),
             samples.case("LEAF-001", config="vtd-ss/4K", verdict="SKIP", message="no leaf")],
            samples.full_bench())
        cells = [attrs for tag, attrs in reader.attributes if tag == "td" and "title" in attrs]
        rows = text.count('<th scope="row"')
        self.assertEqual(len(cells), rows * 3)  # any format, and two
        self.assertTrue(all(": " in attrs["title"] for attrs in cells))
        titles = "".join(attrs["title"] for attrs in cells)
        self.assertIn("REPORT-001 on vtd-ss: PASS", titles)
        self.assertIn("2M: SKIP, too large", titles)
        self.assertIn("LEAF-001 on amd-v1: no page-table format matters to it", titles)
        self.assertIn("REPORT-001 on any format: asked of each format by itself", titles)

    def test_records_good_but_status_bad(self):
        _, _, statement = render([samples.case()], samples.full_bench(), conform=1)
        self.assertEqual(statement["verdict"], "FAILED")
        self.assertTrue(any("status 1" in r for r in statement["remarks"]))

    def test_benchmark_failed(self):
        text, _, statement = render([samples.case()], samples.bench(
            [samples.row(), samples.row(density=50, error="1 bits missed")]), status=1)
        self.assertEqual(statement["verdict"], "FAILED")
        self.assertTrue(statement["conformance"]["passed"])
        self.assertIn("the benchmark on ref", statement["sentence"])
        self.assertIn("1 bits missed", text)

    def test_benchmark_left_nothing(self):
        for bench in (None, samples.bench([])):
            text, reader, statement = render([samples.case()], bench, status=1)
            self.assertEqual((reader.open, statement["verdict"]), ([], "FAILED"))
            self.assertIn("left no results", text)

    def test_empty(self):
        _, reader, statement = render([], samples.bench([]), conform=1, status=1)
        self.assertEqual((reader.open, statement["verdict"]), ([], "FAILED"))

    def test_other_sets(self):
        text, reader, _ = render([samples.case()], samples.bench(
            samples.sets() + [dict(samples.other("hold/amd-v1/4K/8G"), error_occurred=True,
                                   error_message="a map failed")]))
        self.assertEqual(reader.open, [])
        for words in ("Beside linux", "Beside a VFIO container", "Switching tracking on and off",
                      "a map failed", "what is new"):
            self.assertIn(words, text)
        self.assertNotIn("left no results", text)

    def test_no_floor(self):
        rows = [samples.row(density=d, floor=False) for d in (0.0, 1.0)]
        text, reader, _ = render([samples.case()], samples.bench(rows))
        self.assertEqual(reader.open, [])
        self.assertNotIn("Cost as a multiple", text)

    def test_what_is_not_trusted_stays_text(self):
        nasty = samples.NASTY
        requirement = {"id": f'X-1"><b>{nasty}', "chapter": "X", "title": nasty,
                       "class": "mandatory", "stake": nasty}
        cases = [samples.case(requirement["id"], nasty + "/4K", verdict, nasty, notes=nasty,
                              deviation=nasty) for verdict in ("FAIL", "SKIP", "XFAIL", "PASS")]
        rows = [samples.row(fmt='<i>x&"y$_$', density=d) for d in (0.0, 1.0)]
        rows.append(samples.row(fmt='<i>x&"y$_$', density=50, error=nasty))
        text, reader, _ = render(cases, samples.bench(rows), target=nasty, conform=1, status=1,
                                 requirements=[requirement])
        self.assertEqual(reader.open, [])
        self.assertFalse({"script", "b", "i"} & set(reader.tags))
        self.assertIn("<script>", "".join(reader.words))
        self.assertIn("${style}", text)


class PlotsTest(unittest.TestCase):
    def test_every_chart_is_xml_and_alike_twice(self):
        bench = Bench(samples.bench(samples.full_bench()["benchmarks"] + samples.sets()))
        charts = plots.draw_all(bench)
        self.assertEqual(set(charts), {"ways-amd-v1", "ways-vtd-ss", "cost-amd-v1", "cost-vtd-ss",
                                       "ratio", "leaves", "beside-linux-amd-v1", "type1-amd-v1"})
        for name, svg in charts.items():
            xml.fromstring(svg)
            xml.fromstring(inline(svg))
            self.assertIn("currentColor", svg, name)
        self.assertEqual(charts, plots.draw_all(bench))

    def test_sizes(self):
        rows = [samples.row(variant=v) for v in ("avx2", "entry")]
        larger = [dict(r, name=r["name"].replace("/256M/", "/2G/")) for r in rows]
        charts = plots.draw_all(Bench(samples.bench(rows + larger)))
        self.assertIn("sizes-amd-v1", charts)
        self.assertIn("entry 0.55 at 256M, 0.55 at 2G", charts["sizes-amd-v1"])

    def test_charts_say_in_words_what_they_show(self):
        charts = plots.draw_all(Bench(samples.bench(samples.sets())))
        self.assertIn("9 times at 1 %", charts["beside-linux-amd-v1"])
        self.assertIn("pages reported by type1 1e+03 pages at 0.1 %", charts["type1-amd-v1"])

    def test_nothing_to_draw(self):
        self.assertEqual(plots.draw_all(Bench(samples.bench([]))), {})


if __name__ == "__main__":
    unittest.main()
