# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
import functools
import json
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as xml
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import judge  # noqa: E402
import page  # noqa: E402
import page_cases  # noqa: E402
import plots  # noqa: E402
import samples  # noqa: E402
from markup import inline  # noqa: E402
from model import VERDICTS, Bench, ReportError  # noqa: E402

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


SYSTEM = {
    "kernel": "Linux 6.12.1", "os": "some", "cpus": 2, "cpu_flags": ["fpu", "avx2"], "empty": [],
    "boot_log": None, "iommus": [{"name": "dmar0", "devices": 3,
                                  "registers": {"intel-iommu/cap": "0xd2078c106f0466"}}],
    "firmware": {"vendor": "Some Firmware", "version": "1.4.2"},
    "pci": [{"address": f"0000:00:{n:02x}.0", "id": "1234:11e8"} for n in range(30)],
}


@functools.cache
def drawn(bench):
    """Charts of a bench.json; drawing takes most of the time here."""
    return plots.draw_all(Bench(json.loads(bench))) if bench != "null" else {}


class Rig(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory(prefix="iodirty-test-")
        self.addCleanup(self.dir.cleanup)
        self.folder = Path(self.dir.name)

    def render(self, *runs, bench=None, facts=None, system=None, requirements=None, texts=None,
               **files):
        """Of the cases of each run; what the page is, read, and its statement."""
        runs = [samples.results(cases, run=n, requirements=requirements)
                for n, cases in enumerate(runs, 1)]
        samples.logs(self.folder, runs, bench, texts, **files)
        (self.folder / "plots").mkdir(exist_ok=True)
        for name, svg in drawn(json.dumps(bench)).items():
            (self.folder / f"plots/{name}.svg").write_text(svg, encoding="utf-8")
        facts = samples.facts([r["exit_code"] for r in runs], **(facts or {}))
        statement = judge.judge(self.folder, facts)
        samples.write(self.folder / "statement.json", statement)
        samples.write(self.folder / "system.json", SYSTEM if system is None else system)
        text = page.render(self.folder)
        reader = Reader(text)
        self.assertEqual(reader.open, [])
        return text, reader, statement


class PageTest(Rig):
    def test_passed(self):
        text, _, statement = self.render([samples.case()], bench=samples.full_bench())
        self.assertEqual(statement["verdict"], "PASSED")
        self.assertIn('class="verdict passed"', text)
        self.assertIn("1 case of 1 requirement on ref", text)
        for absent in ("failures", "failed", "flakes", "waived", "deviations", "workloads"):
            self.assertNotIn(f'id="{absent}"', text)
        self.assertIn("no statement about any real hardware", text)
        self.assertIn("It must hold.", text)

    def test_three_readers(self):
        text, reader, statement = self.render([samples.case()], bench=samples.full_bench())
        parts = [text.index(words) for words in (
            statement["sentence"].partition(": ")[2], statement["meaning"], "For the engineer</h2>",
            'id="summary"', 'id="claimed"', 'id="speed"', 'id="machine"', "For the auditor</h2>",
            'id="matrix"', 'id="performance"', 'id="requirements"', 'id="recheck"')]
        self.assertEqual(parts, sorted(parts))
        sections = [attrs["id"] for tag, attrs in reader.attributes if tag == "section"]
        self.assertEqual(reader.links[:len(sections) + 1],
                         [f"#{anchor}" for anchor in ["verdict", *sections]])

    def test_no_two_verdicts_look_alike_without_colours(self):
        signs = [*page_cases.SYMBOLS.values(), "–"]  # the last: does not apply
        self.assertEqual(len(set(signs)), len(signs))
        self.assertEqual(set(page_cases.SYMBOLS), set(VERDICTS))

    def test_the_same_from_the_same_folder(self):
        text, _, _ = self.render([samples.case()], bench=samples.full_bench())
        self.assertEqual(page.render(self.folder), text)

    def test_what_reads_aloud(self):
        """Each table has a caption and headings, each picture and each sign words."""
        text, reader, _ = self.render(
            [samples.case(), samples.case(config="vtd-ss/2M", verdict="FAIL", message="bit 7"),
             samples.case("LEAF-001", verdict="XFAIL", deviation="L-1")],
            [samples.case(), samples.case(config="vtd-ss/2M", message="bit 7"),
             samples.case("LEAF-001", verdict="SKIP", message="none")],
            bench=samples.full_bench())
        counted = Counter(reader.tags)
        for tables in ("summary", "claims", "runs", "matrix", "flakes", "failed", "speed"):
            part = text[text.index(f'id="{tables}"'):]
            table = part[part.index("<table"):]
            self.assertRegex(table[:table.index(">") + 20], "<table[^>]*><caption>", tables)
            self.assertIn('<th scope="row"', table[:table.index("</table>")])
        heads = [attrs for tag, attrs in reader.attributes if tag == "th"]
        self.assertTrue(all("scope" in attrs for attrs in heads))
        self.assertEqual(counted["h1"], 1)
        self.assertGreater(counted["svg"], 0)
        for tag, attrs in reader.attributes:
            if tag == "svg":
                self.assertEqual(attrs.get("role"), "img")
            if tag in ("td", "span") and "v-" in attrs.get("class", ""):
                self.assertIn(attrs["aria-label"], attrs["class"])

    def test_needs_nothing_but_itself(self):
        text, reader, _ = self.render([samples.case()], bench=samples.full_bench())
        self.assertFalse({"script", "link", "img", "iframe", "object"} & set(reader.tags))
        self.assertNotRegex(text, r"url\((?!#)|@import|src=")
        self.assertEqual(len(reader.ids), len(set(reader.ids)))
        for link in reader.links:
            self.assertTrue(link.startswith("#") and link[1:] in reader.ids, link)

    def test_failed(self):
        text, _, statement = self.render(
            [samples.case(), samples.case(config="vtd-ss/2M", verdict="FAIL", message="bit 7"),
             samples.case(config="vtd-ss/4K", verdict="FAIL", message="bit 7"),
             samples.case("LEAF-001", verdict="HANG")], bench=samples.full_bench())
        self.assertIn("FAILED: 3 of 4 cases, in 2 of 2 requirements", statement["sentence"])
        self.assertIn('class="verdict failed"', text)
        self.assertIn("<td>bit 7</td>", text)
        self.assertIn("2 on vtd-ss", text)
        self.assertEqual(text.count('class="failure"'), 2)
        self.assertIn("iodirty conform -t ref -r REPORT-001 -f vtd-ss", text)

    def test_flakes(self):
        text, _, _ = self.render(
            [samples.case(), samples.case("LEAF-001")],
            [samples.case(), samples.case("LEAF-001", verdict="FAIL", message="bit 7")])
        self.assertIn("Flakes (1)", text)
        self.assertIn("<td>PASS, FAIL</td><td>fails the certification</td>", text)
        self.assertIn("FAIL, a flake", text)
        self.assertIn("<p>Not the same in each run: PASS, FAIL.</p>\n<pre>bit 7</pre>", text)

    def test_waived(self):
        text, _, _ = self.render(
            [samples.case(), samples.case("LEAF-001", verdict="FAIL", message="bit 7")],
            waivers_toml='[[waiver]]\nrequirement = "LEAF-001"\nreason = "fixed in <B3>"\n'
            "expires = 2030-01-01\n")
        self.assertIn("with 1 waived failure", text)
        self.assertIn('<th scope="row">LEAF-001</th><td class="n">1</td><td>fixed in &lt;B3&gt;'
                      "</td><td>2030-01-01</td>", text)
        self.assertIn("LEAF-001 some_test amd-v1/4K", text)
        self.assertIn('class="v-WAIVED" title="LEAF-001 on amd-v1: WAIVED', text)
        self.assertNotIn('id="failed"', text)

    def test_claims_and_form(self):
        text, _, _ = self.render([samples.case(needs=["dma"])], form_toml=samples.FORM
                                 + '[claims]\ncapabilities = ["dma", "warp"]\n')
        self.assertIn("certification of Example Computers, Inc. Rack Server 1000", text)
        self.assertIn('<th scope="row">capability warp</th><td>FAIL</td>', text)
        self.assertIn("and 1 FAIL; WARNING: not claimed, and there: track.", text)
        self.assertIn("<dt>model</dt><dd>SMMUv3.2</dd>", text)
        self.assertIn("<dt>IOMMU</dt><dd>Example Silicon SMMUv3.2</dd>", text)

    def test_many_failures_fit_a_page(self):
        requirements = [dict(samples.REQUIREMENTS[0], id=f"A-{n:03}") for n in range(40)]
        text, _, _ = self.render([samples.case(r["id"], verdict="FAIL", message="x" * 500)
                                  for r in requirements], requirements=requirements)
        short = text[text.index('id="failed"'):text.index("For the auditor</h2>")]
        self.assertEqual(short.count("<td>data loss</td>"), 8)
        self.assertIn("32 more", short)
        self.assertNotIn("x" * 91, short)
        self.assertEqual(text.count('class="failure"'), 40)

    def test_matrix_has_no_cell_without_a_reason(self):
        text, reader, _ = self.render(
            [samples.case(), samples.case(config="vtd-ss/2M", verdict="SKIP", message="too large"),
             samples.case(config="vtd-ss/4K"), samples.case("LEAF-001", config="-"),
             samples.case("LEAF-001", config="vtd-ss/4K", verdict="SKIP", message="no leaf")])
        cells = [attrs for tag, attrs in reader.attributes if tag == "td" and "title" in attrs]
        matrix = text[text.index('class="matrix"'):]
        rows = matrix[:matrix.index("</table>")].count('<th scope="row"')
        self.assertEqual((rows, len(cells)), (3, rows * 3))  # any format, and two
        self.assertTrue(all(": " in attrs["title"] for attrs in cells))
        titles = "".join(attrs["title"] for attrs in cells)
        self.assertIn("REPORT-001 on vtd-ss: PASS", titles)
        self.assertIn("2M: SKIP, too large", titles)
        self.assertIn("LEAF-001 on amd-v1: no page-table format matters to it", titles)
        self.assertIn("REPORT-001 on any format: asked of each format by itself", titles)

    def test_the_system_whatever_is_known_of_it(self):
        text, _, _ = self.render([samples.case()])
        for words in ("<h3>firmware</h3>", "<dd>1.4.2</dd>", "<code>0xd2078c106f0466</code>",
                      "<summary>30 of them</summary>", "fpu avx2", "<dt>kernel</dt><dd>Linux"):
            self.assertIn(words, text)
        short = text[text.index('id="machine"'):text.index("For the auditor</h2>")]
        for words in ("<dd>Some Firmware 1.4.2</dd>", "<dd>dmar0 (3 devices)</dd>"):
            self.assertIn(words, short)
        for odd in ({}, [], {"iommus": [1, {}], "firmware": "some"}, {"iommus": 3},
                    {"a": {"b": {"c": [[{"d": None}]]}}, "e": [1, None, {}], "f": True}):
            self.render([samples.case()], system=odd)

    def test_half_a_character_is_no_hindrance(self):
        text, _, _ = self.render([samples.case(verdict="FAIL", message="half \ud800 of one")])
        self.assertIn("half ? of one", text)
        text.encode("utf-8")

    def test_the_tool_and_its_diff(self):
        (self.folder / "tool").mkdir()
        (self.folder / "tool/changes.diff").write_text("-<old>\n+new\n", encoding="utf-8")
        text, _, _ = self.render([samples.case()], facts={
            "tool": {"version": "0.1.0", "git_commit": "c" * 40, "git_clean": False},
            "via": "env --"})
        self.assertIn("commit cccccccccccc, with local changes", text)
        self.assertIn("-&lt;old&gt;\n+new", text)
        self.assertIn("<dt>run by way of</dt><dd>env --</dd>", text)

    def test_how_to_check(self):
        text, _, _ = self.render([samples.case()], [samples.case()],
                                 workloads="ok nic amd-v1 4K\n", facts={
                                     "workloads": {"names": ["nic"], "exit_status": 0}})
        for words in ("iodirty verify DIR.tar", "--allowed-signers FILE", "sha256sum -c",
                      "iodirty certify -t ref --repeat 2 --workload nic"):
            self.assertIn(words, text)
        self.assertIn('<th scope="row">nic</th><td class="n">1</td>', text)

    def test_benchmark_failed(self):
        text, _, _ = self.render([samples.case()], bench=samples.bench(
            [samples.row(), samples.row(density=50, error="1 bits missed")]), facts={"bench": 1})
        self.assertIn("1 bits missed", text)
        self.assertIn("1 harvest was wrong</strong>", text)

    def test_benchmark_left_nothing(self):
        for bench in (None, samples.bench([])):
            text, _, statement = self.render([samples.case()], bench=bench, facts={"bench": 1})
            self.assertEqual(statement["verdict"], "FAILED")
            self.assertIn("left no results", text)
            self.assertIn("Nothing was measured beside a floor", text)

    def test_the_cost_in_three_lines(self):
        text, _, _ = self.render([samples.case()], bench=samples.full_bench())
        part = text[text.index('id="speed"'):text.index('id="machine"')]
        self.assertIn('<th scope="row">0 %</th><td>×2.00 (amd-v1, 0.5 ns)</td>', part)
        self.assertIn('<th scope="row">100 %</th><td>×22.00 (amd-v1, 5.5 ns)</td>', part)
        self.assertIn("No part of the verdict: times judge nothing", part)
        text, _, _ = self.render([samples.case()], bench=samples.bench(
            [samples.row(density=float(d)) for d in (0, 1, 2, 3, 100)]))
        part = text[text.index('id="speed"'):text.index('id="machine"')]
        self.assertEqual([d for d in (0, 1, 2, 3, 100) if f'"row">{d} %</th>' in part],
                         [0, 2, 100])

    def test_empty(self):
        _, _, statement = self.render([], bench=samples.bench([]), facts={"bench": 1})
        self.assertEqual(statement["verdict"], "FAILED")

    def test_other_sets(self):
        text, _, _ = self.render([samples.case()], bench=samples.bench(
            samples.sets() + [dict(samples.other("hold/amd-v1/4K/8G"), error_occurred=True,
                                   error_message="a map failed")]))
        for words in ("Beside linux", "Beside a VFIO container", "Switching tracking on and off",
                      "a map failed", "what is new"):
            self.assertIn(words, text)
        self.assertNotIn("left no results", text)

    def test_no_floor(self):
        rows = [samples.row(density=d, floor=False) for d in (0.0, 1.0)]
        text, _, _ = self.render([samples.case()], bench=samples.bench(rows))
        self.assertNotIn("Cost as a multiple", text)

    def test_whoever_makes_it_again_draws_nothing(self):
        self.render([samples.case()], bench=samples.full_bench())
        code = ("import sys; sys.modules['matplotlib'] = None; sys.dont_write_bytecode = True; "
                "import page; sys.stdout.write(page.render(sys.argv[1]))")
        done = subprocess.run([sys.executable, "-c", code, self.folder], cwd=HERE.parent, text=True,
                              capture_output=True, check=False, timeout=60)
        self.assertEqual(done.stdout, page.render(self.folder), done.stderr)

    def test_a_picture_of_what_was_not_measured_is_left_out(self):
        self.render([samples.case()], bench=samples.full_bench())
        text, _, _ = self.render([samples.case()], bench=samples.bench([samples.row()]))
        self.assertTrue((self.folder / "plots/ways-vtd-ss.svg").exists())
        self.assertNotIn("vtd-ss", text)

    def test_a_picture_that_is_none_is_refused(self):
        self.render([samples.case()], bench=samples.full_bench())
        (self.folder / "plots/ratio.svg").write_text("", encoding="utf-8")
        with self.assertRaisesRegex(ReportError, "ratio.svg is no picture"):
            page.render(self.folder)

    def test_what_is_not_trusted_stays_text(self):
        nasty = samples.NASTY
        requirement = {"id": f'X-1"><b>{nasty}', "chapter": "X", "title": nasty,
                       "class": "mandatory", "stake": nasty, "waivable": True}
        cases = [samples.case(requirement["id"], nasty + f"/{n}K", verdict, nasty, notes=nasty,
                              needs=[nasty], deviation=nasty)
                 for n, verdict in enumerate(("FAIL", "SKIP", "XFAIL", "PASS"))]
        rows = [samples.row(fmt='<i>x&"y$_$', density=d) for d in (0.0, 1.0)]
        rows.append(samples.row(fmt='<i>x&"y$_$', density=50, error=nasty))
        text, reader, _ = self.render(
            cases, [dict(c, verdict="PASS") for c in cases], bench=samples.bench(rows),
            requirements=[requirement], system={nasty: nasty, "b": [{nasty: nasty}], "c": [nasty]},
            workloads=f"ok {nasty}\n",
            facts={"target": nasty, "via": nasty, "bench": 1,
                   "workloads": {"names": [nasty], "exit_status": 0}})
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
