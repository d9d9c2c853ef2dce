# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What `iodirty report` says of numbers: sentences, charts with their tables, the page."""

import copy
import sys
import unittest
import xml.etree.ElementTree as xml
from pathlib import Path
from unittest import mock

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import samples  # noqa: E402
import system  # noqa: E402
import workload  # noqa: E402
import workload_page  # noqa: E402
import workload_plots as plots  # noqa: E402
import workload_story  # noqa: E402
import workload_words as words  # noqa: E402
import workload_writes  # noqa: E402
from markup import inline  # noqa: E402
from test_page import Reader  # noqa: E402
from workload_ways import BY_KEY, DRAWN, WAYS, Agreement, Entry  # noqa: E402
from workload_writes import Recording  # noqa: E402

G, MIB, GIB = 10 ** 9, 1 << 20, 1 << 30
MS = 10 ** 6
LINKS = [25 * G, 10 * G, 100 * G]
GUESTS = [64 * GIB, 1024 * GIB]


def entry(key, link=25 * G, memory=64 * GIB, converged=True, downtime=84 * MS, **more):
    values = {"how": "model", "workload": "nic", "limit": 300 * MS, "rounds": 3,
              "most_rounds": 10, "sent": 3 * memory // 2, "total": 30 * G, "verdict": "predicted",
              "harvest": 0.5, "reported": 500, "written": 200, **more}
    return Entry(way=BY_KEY[key], memory=memory, link=link, converged=converged,
                 downtime=downtime, **values)


def row(key="4K", ratio=1.0, verdict="equal", agrees=True):
    return Agreement(entry(key, memory=GIB, how="measured", verdict=verdict),
                     entry(key, memory=GIB), [1.0, 1.0, ratio], agrees)


def compared(old, new):
    return words.comparison("nic", old, new, "type1", "IOMMU tracking at 4 KiB")


class Sentences(unittest.TestCase):
    def test_type1_never_converges(self):
        self.assertEqual(
            compared(entry("type1", converged=False, downtime=22 * G), entry("4K")),
            "nic: with type1 this guest of 64 GiB never converges on 25 Gb/s; with IOMMU "
            "tracking at 4 KiB it stops for 84 ms.")

    def test_both_are_fine(self):
        self.assertEqual(
            compared(entry("type1", link=400 * G, downtime=250 * MS),
                     entry("4K", link=400 * G, downtime=3 * MS)),
            "nic: on 400 Gb/s this guest of 64 GiB converges with both: with type1 it stops for "
            "250 ms, with IOMMU tracking at 4 KiB for 3 ms.")

    def test_neither_converges(self):
        self.assertEqual(
            compared(entry("type1", converged=False, downtime=22 * G),
                     entry("4K", converged=False, downtime=1500 * MS)),
            "nic: on 25 Gb/s this guest of 64 GiB converges with neither: with type1 it never "
            "converges, with IOMMU tracking at 4 KiB it does not converge in 10 rounds. Stopped "
            "by force, it stands still for 22 s and for 1.5 s.")

    def test_type1_alone_converges(self):
        self.assertEqual(
            compared(entry("type1", downtime=290 * MS), entry("4K", converged=False)),
            "nic: on 25 Gb/s this guest of 64 GiB stops for 290 ms with type1; with IOMMU "
            "tracking at 4 KiB it does not converge in 10 rounds.")

    def test_nothing_is_said_of_what_was_not_computed(self):
        self.assertEqual(compared(None, entry("4K")), "nic: there is no prediction with type1.")
        self.assertEqual(compared(None, None), "nic: there is no prediction with type1 and "
                         "IOMMU tracking at 4 KiB.")

    def test_links_that_it_takes(self):
        self.assertEqual(words.least_links({
            "A": [entry("4K", 100 * G), entry("4K", 10 * G), entry("4K", G, converged=False)],
            "B": [entry("log", 10 * G), entry("log", 100 * G)],
            "C": [entry("2M", 10 * G, converged=False), entry("2M", 100 * G)],
            "D": [entry("type1", 10 * G, converged=False), entry("type1", 100 * G,
                                                                 converged=False)]}),
            "It converges with A or B from 10 Gb/s on; with C from 100 Gb/s on. With D it "
            "converges on none of the links up to 100 Gb/s.")

    def test_a_tracker_of_several_sizes_is_named_once(self):
        good, bad = [entry("4K", 10 * G)], [entry("4K", 10 * G, converged=False)]
        self.assertEqual(words.least_links({"T at 4 KiB": good, "T at 2 MiB": good, "log": good,
                                            "type1": bad, "T at 1 GiB": bad}),
                         "It converges with T at 4 KiB, 2 MiB or log from 10 Gb/s on. With type1 "
                         "or T at 1 GiB it converges on none of the links up to 10 Gb/s.")

    def test_agreement(self):
        self.assertEqual(words.agreement([row(), row("2M", 0.96)]),
                         "2 migrations of it were performed on the reference, each with every "
                         "byte equal; the model differs from none by more than 4.0 %.")
        self.assertEqual(words.agreement([row(), row("2M", 1.42, agrees=False)]),
                         "2 migrations of it were performed on the reference, each with every "
                         "byte equal; the model disagrees with 1 of them, by up to 42 %: do not "
                         "rely on its predictions here.")
        self.assertIn("1 of them with every byte equal",
                      words.agreement([row(), row(verdict="differs")]))
        self.assertIn("gives the same", words.agreement([row()]))
        self.assertIn("not held against", words.agreement([]))


class Words(unittest.TestCase):
    def test_times(self):
        for ns, text in ((1500, "1.5 µs"), (999.4e3, "999 µs"), (999.6e3, "1 ms"),
                         (83.4e6, "83.4 ms"), (999.7e6, "1 s"), (21.99e9, "22 s"),
                         (300e9, "5 minutes"), (7300e9, "2.0 hours")):
            self.assertEqual(words.duration(ns), text)

    def test_sizes_and_links(self):
        for value, text in ((4096, "4 KiB"), (1000 << 10, "1000 KiB"), (64 << 30, "64 GiB"),
                            (3 << 39, "1.5 TiB"), (16 << 40, "16 TiB"), (12, "12 bytes")):
            self.assertEqual(words.size(value), text)
        self.assertEqual([words.link(x) for x in (25 * G, 2500 * 10 ** 6, 400 * G, 10 ** 12)],
                         ["25 Gb/s", "2.5 Gb/s", "400 Gb/s", "1 Tb/s"])

    def test_options_are_read_as_they_are_written(self):
        for text in ("4K", "64G", "16T", "123", "1536M"):
            self.assertEqual(words.size_option(words.parse_size(text)), text)
        self.assertEqual(words.parse_size("64g"), 64 << 30)
        self.assertEqual(words.parse_link("25G"), 25 * G)
        self.assertEqual(words.link_option(25 * G), "25G")
        for wrong in ("", "0", "G", "1.5G", "-1", "4KB", "1 G"):
            with self.assertRaises(ValueError):
                words.parse_size(wrong)


def recording(writes, memory=1 << 30, ns=2400, **more):
    """@writes: (ns, offset, bytes)."""
    time, begin, size = (np.array(x, dtype=np.int64) for x in zip(*writes)) if writes else (
        np.array([], dtype=np.int64),) * 3
    values = {"name": "nic", "origin": "by hand", "pattern": False, "iova": 4 << 30,
              "devices": 1, "reads": 0, **more}
    return Recording(length=memory, ns=ns, time=time, begin=begin, size=size, **values)


class Writes(unittest.TestCase):
    """240 slices of 10 ns."""

    def test_pages_and_bytes(self):
        page, bytes_in = workload_writes.pages_of(np.array([4095, 8192, 100]),
                                                  np.array([4098, 4096, 1]))
        self.assertEqual(page.tolist(), [0, 1, 2, 2, 0])
        self.assertEqual(bytes_in.tolist(), [1, 4096, 1, 4096, 1])

    def test_slices(self):
        w = workload_writes.analyse(recording(
            [(0, 0, 8), (9, 4096, 8), (10, 4096, 4097), (10, 0, 1), (2399, 1 << 29, 4096)]))
        got = [(s.ns, s.writes, s.size, s.distinct, s.working_set) for s in w.slices]
        self.assertEqual(len(got), 240)
        self.assertEqual(got[:3], [(0, 2, 16, 2, 2), (10, 2, 4098, 3, 3), (20, 0, 0, 0, 3)])
        self.assertEqual(got[239], (2390, 1, 4096, 1, 4))
        self.assertEqual(w.rate(w.slices[1]), 3 * 4096 / 10e-9)

    def test_heat_has_every_byte_in_its_place(self):
        w = workload_writes.analyse(recording([(0, 0, 100), (15, (1 << 30) - 8, 8),
                                               (15, 1 << 29, 4096)]))
        self.assertEqual((w.low, w.high), (0, 1 << 30))
        self.assertEqual(w.heat[0][0], 100)
        self.assertEqual(w.heat[159][1], 8)
        self.assertEqual(w.heat[80][1], 4096)
        self.assertEqual(w.heat.sum(), 100 + 8 + 4096)

    def test_little_is_shown_large(self):
        w = workload_writes.analyse(recording([(0, MIB, 8), (5, 2 * MIB - 4096, 4096)]))
        self.assertEqual((w.low, w.high), (MIB - MIB // 16, 2 * MIB + MIB // 16))

    def test_leaves_report_all_of_themselves(self):
        w = workload_writes.analyse(recording(
            [(0, 0, 1), (0, 65536, 1), (0, 65536 + 4096, 1), (25, 0, 4096), (25, 4 * MIB, 1)]))
        self.assertEqual([w.over_time[leaf][0] for leaf in w.leaves],
                         [1, 32 / 3, 512 / 3, 262144 / 3])
        self.assertEqual([w.over_time[leaf][2] for leaf in w.leaves], [1, 16, 512, 131072])
        self.assertIsNone(w.over_time[4096][1])
        # One slice: (16 * 2 + 16 * 2) / (3 + 2); four slices: 3 leaves of 64 KiB, of 4 pages.
        ratios = {i.ns: i.ratio[65536] for i in w.intervals}
        self.assertEqual((ratios[10], ratios[40]), (64 / 5, 48 / 4))

    def test_leaves_that_are_larger_than_memory_are_left_out(self):
        w = workload_writes.analyse(recording([(0, 0, 1)], memory=3 * MIB))
        self.assertEqual(w.leaves, [4096, 65536])

    def test_nothing_is_written(self):
        w = workload_writes.analyse(recording([]))
        self.assertEqual((w.working_set, w.mean_rate, w.over_time[4096][0]), (0, 0, None))
        self.assertEqual({i.ratio[4096] for i in w.intervals}, {None})


def args(*more):
    return workload.parse(["-w", "nic", *(f"--link={link // G}G" for link in LINKS),
                           *(f"--guest={guest // GIB}G" for guest in GUESTS), *more])


def story(writes=None, name="nic", agreements=None, **of_recording):
    slow = {"type1": (False, 22 * G), "1G": (False, 9 * G)}

    def predicted(way, link, memory, harvest=0.5):
        good, downtime = slow.get(way.key, (True, 84 * MS))
        looked_at = memory / way.leaf if way.tracker == "iommu" else 0
        return entry(way.key, link, memory, good, downtime * 25 * G / link + harvest * looked_at,
                     harvest=harvest, sent=memory * (2 if good else 11))
    links = [predicted(w, link, GUESTS[0]) for link in LINKS for w in DRAWN]
    links += [entry("nobody", converged=False, downtime=22 * G, sent=GUESTS[0] * 11)]
    guests = [(0.5, [predicted(w, 100 * G, m) for m in GUESTS for w in DRAWN]),
              (5, [predicted(BY_KEY["4K"], 100 * G, m, 5) for m in GUESTS])]
    if writes is None:
        writes = [(i, i * MIB * 7 % GIB, 4096) for i in range(2000)]
    r = recording(writes, **dict({"name": name}, **of_recording))
    made = workload_story.Story(name, "nic", r, workload_writes.analyse(r), GUESTS, links, guests,
                                [row(w.key) for w in WAYS] if agreements is None else agreements,
                                LINKS[0])
    workload_story.conclude(made)
    workload_story.draw(made, args())
    return made


def render(made):
    statement = workload_story.statement(args(), [made], HERE, "0.1.0")
    text = workload_page.render(statement, [made], system.facts(), args())
    return text, Reader(text), statement


class Charts(unittest.TestCase):
    """The table says what is drawn, to its last digit."""

    @classmethod
    def setUpClass(cls):
        cls.figures = {}
        real = plots.to_svg

        def keep(figure, name, description):
            """As it was handed over to be written."""
            cls.figures[name.partition("-")[0]] = [
                {"lines": [(x.get_label(), list(x.get_xdata()), list(x.get_ydata()))
                           for x in axis.get_lines()],
                 "bars": [bar.get_width() for bars in axis.containers for bar in bars],
                 "notes": [x.get_text() for x in axis.texts]}
                for axis in figure.axes]
            return real(figure, name, description)
        with mock.patch.object(plots, "to_svg", keep):
            cls.made = story()

    def drawn(self, kind):
        return self.made.charts[kind], self.figures[kind], self.made

    def test_downtime_by_link_and_by_guest(self):
        for kind, n in (("links", len(DRAWN)), ("guests", len(DRAWN) + 1)):
            chart, (axis,), _ = self.drawn(kind)
            lines = {label: ys for label, xs, ys in axis["lines"]
                     if not label.startswith("_") and not label.startswith("limit")}
            self.assertEqual(len(lines), n)
            self.assertEqual(len(chart.rows), n)
            for label, *cells in chart.rows:
                self.assertEqual([c.removesuffix(" *") for c in cells],
                                 [words.duration(ms * MS) for ms in lines[label]])
            (_, _, limit), = [x for x in axis["lines"] if x[0].startswith("limit")]
            self.assertEqual(list(limit), [300, 300])

    def test_links_and_guests_are_in_order(self):
        chart, _, _ = self.drawn("links")
        self.assertEqual(chart.head, ["tracker", "10 Gb/s", "25 Gb/s", "100 Gb/s"])
        self.assertEqual(chart.rows[0], ["type1", "55 s *", "22 s *", "5.5 s *"])
        chart, _, _ = self.drawn("guests")
        self.assertEqual(chart.head, ["tracker", "64 GiB", "1 TiB"])
        # 21 ms by the link, and 2^24 or 2^28 entries.
        rows = dict((label, cells) for label, *cells in chart.rows)
        self.assertEqual(rows["IOMMU, 4 KiB leaves, 0.5 ns a page"], ["29.4 ms", "155 ms"])
        self.assertEqual(rows["IOMMU, 4 KiB leaves, 5 ns a page"], ["105 ms", "1.36 s"])

    def test_time_and_bytes_by_tracker(self):
        chart, (time, sent), made = self.drawn("converge")
        self.assertEqual([r[0] for r in chart.rows], [w.label for w in WAYS])
        self.assertEqual([r[3] for r in chart.rows],
                         [words.duration(width * G) for width in time["bars"]])
        self.assertEqual([r[5] for r in chart.rows], [f"{w:g} ×" for w in sent["bars"]])
        self.assertEqual([r[1] for r in chart.rows],
                         ["no", "yes", "yes", "yes", "no", "yes", "yes", "no"])
        for axis in (time, sent):
            self.assertEqual([note.endswith(" *") for note in axis["notes"]],
                             [r[1] == "no" for r in chart.rows])

    def test_over_report(self):
        chart, (_, right), made = self.drawn("over")
        for i, leaf in enumerate(("4K", "64K", "2M", "1G")):
            (ys,) = [ys for label, _, ys in right["lines"] if label == leaf]
            self.assertEqual([r[2 + i] for r in chart.rows], [plots.number(y) for y in ys])
            self.assertEqual(ys, [x.ratio[words.parse_size(leaf)]
                                  for x in made.writes.intervals])

    def test_what_is_written(self):
        chart, axes, made = self.drawn("writes")
        (_, _, rates), = axes[2]["lines"]
        (_, _, sets), = axes[4]["lines"]
        self.assertEqual(len(chart.rows), 24)
        for i, line in enumerate(chart.rows):
            self.assertEqual(line[4:], [plots.number(rates[10 * i]), plots.number(sets[10 * i])])
        # 8.33 writes of other pages in 10 ns.
        self.assertEqual(sets[-1], 4 * 1024 / 1024)

    def test_every_chart_is_xml_and_alike_twice(self):
        again = story()
        for kind, chart in self.made.charts.items():
            xml.fromstring(chart.svg)
            xml.fromstring(inline(chart.svg))
            self.assertIn("currentColor", chart.svg, kind)
            self.assertEqual(chart, again.charts[kind])


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.made = story()
        cls.text, cls.reader, cls.statement = render(cls.made)

    def test_whole(self):
        self.assertEqual(self.reader.open, [])
        self.assertLess(len(self.text), 700000)
        shown = "".join(self.reader.words)
        for sentence in self.statement["workloads"][0]["sentences"]:
            self.assertIn(sentence, shown)
        self.assertTrue(self.statement["sound"])
        for kind in ("measured", "predicted", "recorded"):
            self.assertIn(f">{kind}</span>", self.text)
        self.assertNotIn('class="tag pattern"', self.text.partition('id="about"')[0])

    def test_needs_nothing_but_itself(self):
        self.assertFalse({"script", "link", "img", "iframe", "object"} & set(self.reader.tags))
        self.assertNotRegex(self.text,
                            r"url\((?!#)|@import|src=|xlink:href=\"(?!#|data:image/png)")
        self.assertEqual(len(self.reader.ids), len(set(self.reader.ids)))
        for link in self.reader.links:
            self.assertTrue(link.startswith("#") and link[1:] in self.reader.ids, link)

    def test_every_chart_has_its_table(self):
        figures = self.text.split("<figure")[1:]
        self.assertEqual(len(figures), len(self.made.charts))
        for part, chart in zip(figures, self.made.charts.values()):
            body = part.partition("</figure>")[0]
            self.assertIn("<details", body)
            for line in chart.rows:
                cells = [f"<td>{line[0]}</td>", *(f'<td class="n">{c}</td>' for c in line[1:])]
                self.assertIn("".join(cells), body)

    def test_an_access_pattern_is_called_so_everywhere(self):
        made = copy.copy(self.made)
        made.recording = copy.copy(made.recording)
        made.recording.pattern = True
        text, _, statement = render(made)
        self.assertTrue(statement["workloads"][0]["access_pattern"])
        top, overview = text.partition('id="overview"')[::2]
        overview, section = overview.partition('<section id="nic"')[::2]
        for part in (top, overview, section.partition("</h2>")[0]):
            self.assertIn('class="tag pattern"', part)

    def test_what_is_missing(self):
        made = story(writes=[], agreements=[], memory=3 * MIB)
        made.by_link = [e for e in made.by_link if e.way.key != "type1"]
        workload_story.conclude(made)
        text, reader, statement = render(made)
        self.assertEqual(reader.open, [])
        self.assertIn("there is no prediction with type1", text)
        self.assertIn("Nothing of it was measured", text)
        self.assertIn("IOMMU, 2 MiB leaves and IOMMU, 1 GiB leaves", text)

    def told(self, agreements):
        made = copy.copy(self.made)
        made.agreements = agreements
        workload_story.conclude(made)
        return render(made)

    def test_disagreement_is_told(self):
        text, _, statement = self.told([row(), row("2M", 1.42, agrees=False)])
        self.assertFalse(statement["sound"])
        self.assertIn("<strong>NO</strong>", text)
        self.assertIn("do not rely on", text)
        text, _, statement = self.told([row(verdict="differs")])
        self.assertFalse(statement["sound"])
        self.assertIn("DIFFER", text)

    def test_what_is_not_trusted_stays_text(self):
        nasty = samples.NASTY
        text, reader, _ = render(story(name=nasty, origin=nasty))
        self.assertEqual(reader.open, [])
        self.assertFalse({"script", "b", "i"} & set(reader.tags))
        self.assertIn("<script>", "".join(reader.words))
        self.assertIn("${style}", text)


if __name__ == "__main__":
    unittest.main()
