# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
The dashboard in Chromium, by clicking through it: what it says is held against the database, by
SQL of this file's own, and against what was planted.
"""

import base64
import io
import json
import os
import shutil
import sqlite3
import sys
import tempfile
import time
import unittest
from contextlib import redirect_stdout
from pathlib import Path
from unittest import mock
from urllib.parse import quote

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import dashboard  # noqa: E402
import dashboard_history as made  # noqa: E402
from dashboard_history import AMD, HARM, LONG, OLD, REF, VTD, commit, run_id  # noqa: E402

try:
    from selenium import webdriver
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys
    from selenium.webdriver.support.ui import Select
except ImportError:
    webdriver = None

VIEWS = ["overview", "matrix", "series", "runs", "compare", "type1"]
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")


def start():
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for word in ["--headless=new", "--disable-gpu", "--lang=en-US", "--window-size=1400,900",
                 "--disable-background-networking",
                 *["--no-sandbox"] * (os.getuid() == 0)]:
        options.add_argument(word)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.chrome.service.Service(DRIVER)
    return webdriver.Chrome(options=options, service=service)


def needed():
    """SkipTest if there is no browser."""
    missing = [name for name, found in (
        ("chromium", CHROMIUM), ("chromium-driver", DRIVER), ("python3-selenium", webdriver))
        if not found]
    if missing:
        raise unittest.SkipTest(f"no browser: {', '.join(missing)} not installed")


def setUpModule():
    needed()
    folder = Path(tempfile.mkdtemp(prefix="iodirty-dashboard-"))
    unittest.addModuleCleanup(shutil.rmtree, folder)
    Page.db, Page.site = folder / "history.db", folder / "a site"
    made.write(Page.db, [made.hostile()])
    program = made.fake_program(folder / "iodirty")
    with mock.patch.dict(os.environ, IODIRTY=str(program)), \
            redirect_stdout(io.StringIO()):
        assert dashboard.main(["--db", str(Page.db), "-o", str(Page.site)]) == 0
    Page.driver = start()
    unittest.addModuleCleanup(Page.driver.quit)


class Page(unittest.TestCase):
    def setUp(self):
        self.size(1400)
        self.driver.get("about:blank")
        self.driver.get_log("browser")
        self.driver.get_log("performance")

    def tearDown(self):
        """Whatever was done: no error on the console, nothing asked of anybody."""
        self.assertEqual(self.driver.get_log("browser"), [])
        messages = [json.loads(entry["message"])["message"]
                    for entry in self.driver.get_log("performance")]
        asked = [m["params"]["request"]["url"] for m in messages
                 if m["method"] == "Network.requestWillBeSent"]
        base = f"file://{quote(str(self.site))}/"
        # Chromium's own pictures, as of its date field, are data:.
        self.assertEqual([url for url in asked if not url.startswith((base, "data:"))], [])

    # ---- hands ----

    def script(self, text, *words):
        return self.driver.execute_script(text, *words)

    def wait(self):
        """Until the view is there."""
        until = time.monotonic() + 15
        while time.monotonic() < until:
            if self.script("return performance.getEntriesByName('iodirty-usable').length"):
                return
            time.sleep(0.02)
        self.fail(f"no view: {self.script('return document.body.innerText')}")

    def go(self, address=""):
        """To an address, as by a link from elsewhere."""
        self.driver.get("about:blank")
        self.driver.get(f"file://{quote(str(self.site))}/index.html{address}")
        self.wait()

    def doing(self, action, *words):
        """An action that leads to another view."""
        self.script("performance.clearMarks()")
        action(*words)
        self.wait()

    def click(self, selector):
        self.doing(self.one(selector).click)

    def choose(self, key, value):
        self.doing(Select(self.one(f"#choose-{key}")).select_by_value, value)

    def size(self, width, mobile=False):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=900,
                 deviceScaleFactor=1, mobile=mobile)

    def cdp(self, method, **words):
        return self.driver.execute_cdp_cmd(method, words)

    # ---- eyes ----

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        found = self.all(selector)
        self.assertEqual(len(found), 1, selector)
        return found[0]

    def title(self):
        return self.one("h2").text

    def rows(self, caption):
        """The body of the table whose caption begins so."""
        return self.script("""
            const t = [...document.querySelectorAll("table")].filter(
                (t) => t.caption.textContent.startsWith(arguments[0]));
            if (t.length !== 1) return `${t.length} tables`;
            return [...t[0].tBodies[0].rows].map((r) => [...r.cells].map((c) => c.textContent));
            """, caption)

    def sql(self, text, *words):
        with sqlite3.connect(self.db) as connection:
            return connection.execute(text, words).fetchall()


class Views(Page):
    def test_opens(self):
        times = []
        for _ in range(3):  # the least: another program may have had the processor
            self.go()
            times.append(self.script(
                "return performance.getEntriesByName('iodirty-usable')[0].startTime"))
        self.assertLess(min(times), 2000)
        self.assertEqual(self.title(), "3 things are wrong")
        runs = self.sql("SELECT count(*) FROM run")[0][0]
        self.assertIn(f"{runs} runs;", self.one("#foot").text)
        wrong = [item.text for item in self.all("section[aria-labelledby=wrong] li")]
        self.assertEqual(len(wrong), 3)
        self.assertTrue(wrong[1].startswith(
            "REPORT-001 fails on linux, kernel 6.12, machine bench, amd-v1, since run "
            f"{run_id(OLD, 30, 'conform')[:8]}"))
        self.assertTrue(wrong[2].startswith(f"x_floor of {AMD} on ref"))
        last = self.rows("The last run of each target")
        newest = self.sql("SELECT id FROM run r WHERE started = (SELECT max(started) FROM run "
                          "WHERE target = r.target AND kernel = r.kernel AND kind = r.kind) "
                          "ORDER BY started DESC")
        self.assertEqual(sorted(row[4] for row in last), sorted(i[:8] for i, in newest))

    def test_each_view_by_click(self):
        self.go()
        titles = ["3 things are wrong", "Every requirement", "Benchmark series", "Runs",
                  "Compare two runs", "Type1 against"]
        for name, title in zip(VIEWS, titles):
            self.click(f"#views a[href='#{name}']")
            self.assertTrue(self.title().startswith(title), self.title())
            self.assertEqual(self.one("#views a[aria-current=page]").get_attribute("hash"),
                             f"#{name}")
            self.assertIn(self.title(), self.driver.title)
            self.assertEqual(self.one("#status").get_attribute("textContent"), self.title())

    def test_filters_address_and_back(self):
        count = "SELECT count(*) FROM run WHERE target = ? AND kernel LIKE ?"
        self.go()
        self.choose("target", "linux")
        self.assertEqual(self.title(), "1 thing is wrong")
        self.click("#views a[href^='#runs']")
        self.assertIn(f"({self.sql(count, 'linux', '%')[0][0]})", self.one("caption").text)
        self.choose("kernel", "7.2")
        self.assertIn(f"({self.sql(count, 'linux', '7.2%')[0][0]})", self.one("caption").text)
        sent = self.driver.current_url
        self.doing(self.driver.back)
        self.assertIn(f"({self.sql(count, 'linux', '%')[0][0]})", self.one("caption").text)
        self.assertEqual(Select(self.one("#choose-kernel")).first_selected_option.text, "all")
        self.doing(self.driver.back)
        self.assertEqual(self.title(), "1 thing is wrong")
        self.go(sent[sent.index("#"):])
        self.assertIn(f"({self.sql(count, 'linux', '7.2%')[0][0]})", self.one("caption").text)
        self.assertEqual(Select(self.one("#choose-target")).first_selected_option.text, "linux")
        self.doing(self.driver.find_element(By.LINK_TEXT, "show all").click)
        self.assertIn(f"({self.sql('SELECT count(*) FROM run')[0][0]})", self.one("caption").text)
        self.choose("machine", "anvil")
        self.assertEqual(len(self.rows("Runs")), 80)
        self.choose("kind", "bench")
        self.assertEqual(len(self.rows("Runs")), 40)

    def test_format_filters_what_is_wrong(self):
        self.go("#overview?format=vtd-ss")
        self.assertEqual(self.title(), "Nothing is known to be wrong")

    def test_pages_of_runs(self):
        self.go("#runs")
        ids = [row[0] for row in self.rows("Runs")]
        self.assertEqual(len(ids), 200)
        self.doing(self.driver.find_element(By.LINK_TEXT, "next").click)
        ids += [row[0] for row in self.rows("Runs")]
        wanted = self.sql("SELECT id FROM run ORDER BY started DESC, id DESC")
        self.assertEqual(ids, [i[:8] for i, in wanted])

    def test_matrix_and_a_cell(self):
        self.go("#matrix")
        self.assertIn("6 of 6 requirements on 4 combinations", self.one("#shown").text)
        bad = [cell.get_attribute("aria-label") for cell in self.all("td.v-FAIL a")]
        self.assertEqual(len(bad), 3)
        self.assertIn("REPORT-001 on linux 6.12: FAIL with amd-v1, changed 31 Jan 2026", bad)
        self.choose("only", "bad")
        self.assertEqual(len(self.all("table.matrix th[scope=row]")), 3)
        self.choose("only", "changed")
        self.assertEqual([th.text[:10].split()[0] for th in self.all("table.matrix th[scope=row]")],
                         ["ABI-001", "LEAF-001", "LEAF-002", "REPORT-001"])
        self.choose("class", "informative")
        self.assertEqual(len(self.all("table.matrix th[scope=row]")), 1)
        self.choose("class", "mandatory")
        self.choose("chapter", "REPORT")
        self.click("td.v-FAIL a")
        self.assertEqual(self.title(), "REPORT-001 on linux 6.12")
        rows = self.rows("Each verdict and since when")
        fail, first = run_id(OLD, 30, "conform")[:8], run_id(OLD, 0, "conform")[:8]
        self.assertEqual([row[:3] + row[6:] for row in rows], [
            ["amd-v1", "bench", "FAIL", "REPORT-001 of night 30"],
            ["amd-v1", "bench", "PASS", ""], ["vtd-ss", "bench", "PASS", ""]])
        self.assertEqual(rows[0][3:6], [f"31 Jan 2026 03:00 run {fail}", "now", commit(30)[:12]])
        self.assertEqual(rows[1][3:5], [f"1 Jan 2026 03:00 run {first}",
                                        f"31 Jan 2026 03:00 run {fail}"])
        self.doing(self.driver.find_element(By.LINK_TEXT, fail).click)
        self.assertEqual(self.title(), f"Run {fail}: FAILED")
        failed, = self.sql("SELECT failed FROM run WHERE id = ?", run_id(OLD, 30, "conform"))[0]
        self.assertEqual(len(self.rows("Cases that failed")), failed)
        self.assertIn("https://ci.example/30", self.one("dl.facts").text)

    def test_series_and_a_change(self):
        self.go("#series")
        known, = self.sql(
            "SELECT count(*) FROM (SELECT DISTINCT m.series, r.kernel FROM measure m "
            "JOIN run r ON r.number = m.run JOIN series s ON s.number = m.series "
            "WHERE s.metric <> 'ns_per_iopte' AND m.value < 1e300)")[0]
        rows = self.rows("Series")
        self.assertEqual(len(rows), known)
        ratios = [row[1].startswith(("x_", "over_")) for row in rows]
        self.assertEqual(ratios, sorted(ratios, reverse=True))
        self.assertNotIn("ns_per_iopte", [row[1] for row in rows])
        self.choose("metric", "x_floor")
        self.assertEqual(len(self.rows("Series")), 7)
        self.doing(self.one("#choose-q").send_keys, "vtd-ss" + Keys.ENTER)
        self.assertEqual(len(self.rows("Series")), 3)
        self.go("#series?only=worse")
        (row,) = self.rows("Series")
        self.assertEqual([row[0], row[1], row[2], row[7]], [AMD, "x_floor", "ref", "40"])
        self.assertEqual(row[8], "+20 % worse 26 Jan 2026")
        self.doing(self.driver.find_element(By.LINK_TEXT, AMD).click)
        self.assertEqual([f.text.split()[0] for f in self.all("figcaption")],
                         ["x_floor", "ns_per_iopte"])
        self.assertEqual(self.rows("Changes of x_floor")[0][5], run_id(REF, 25, "bench")[:8])
        self.click("figure:first-of-type svg a.change")
        self.assertTrue(self.title().startswith(f"Run {run_id(REF, 25, 'bench')[:8]}"))

    def values(self):
        return self.sql(
            "SELECT r.id, m.value, r.started FROM measure m JOIN run r ON r.number = m.run "
            "JOIN series s ON s.number = m.series WHERE s.name = ? AND s.metric = 'x_floor' "
            "AND s.target = 'ref' ORDER BY r.started DESC", AMD)

    def test_values_and_zoom(self):
        self.go("#series?only=worse")
        self.doing(self.driver.find_element(By.LINK_TEXT, AMD).click)
        rows = self.rows("Values of x_floor")
        self.assertEqual([(row[4], row[1]) for row in rows],
                         [(i[:8], f"{value:.4g}") for i, value, _ in self.values()])
        self.script("const i = document.getElementById('range-from'); i.value = '2026-01-30';"
                    "performance.clearMarks(); i.dispatchEvent(new Event('change'))")
        self.wait()
        wanted = [v for v in self.values() if v[2] >= "2026-01-30"]
        self.assertEqual(len(self.rows("Values of x_floor")), len(wanted))
        self.assertEqual(len(self.all("figure:first-of-type svg .point")), len(wanted))
        self.assertEqual(len(self.all("figure svg a.change")), 0)
        self.assertIn("from=2026-01-30", self.driver.current_url)
        self.click("#zoom-all")
        self.assertEqual(len(self.rows("Values of x_floor")), 40)
        self.click("#zoom-in")
        inside = len(self.rows("Values of x_floor"))
        self.assertTrue(18 <= inside <= 22, inside)
        self.click("#zoom-out")
        self.assertEqual(len(self.rows("Values of x_floor")), 40)

    def test_drag_zooms(self):
        self.go("#series?only=worse")
        self.doing(self.driver.find_element(By.LINK_TEXT, AMD).click)
        svg = self.all("figure svg")[0]
        where = self.script("const r = arguments[0].getBoundingClientRect();"
                            "return [r.left, r.top, r.width, r.height]", svg)
        x, y = where[0] + where[2] * 0.6, where[1] + where[3] * 0.7

        def drag():
            for kind, at, held in (("mousePressed", x, 1), ("mouseMoved", x + 60, 1),
                                   ("mouseMoved", x + 200, 1), ("mouseReleased", x + 200, 0)):
                self.cdp("Input.dispatchMouseEvent", type=kind, x=at, y=y, button="left",
                         buttons=held, clickCount=1)
        self.doing(drag)
        shown = len(self.rows("Values of x_floor"))
        self.assertTrue(5 <= shown <= 14, shown)

    def test_decimation_keeps_extremes(self):
        values = [100 + (i * 7919 % 1000) / 100 for i in range(20000)]
        values[12345] = 60.0
        drawn = self.decimated(values)
        self.assertEqual(drawn["points"], 0)
        self.assertLessEqual(len(drawn["bars"]), 727)
        # By hand: 800 wide less 62 and 12 is 726; its x is 62 + 726 * 12345 / 19999.
        at = next(bar for bar in drawn["bars"] if bar["x"] == round(62 + 726 * 12345 / 19999))
        lowest = max(bar["bottom"] for bar in drawn["bars"])
        self.assertEqual(at["bottom"], lowest)
        self.assertGreater(sum(bar["bottom"] - bar["top"] > 50 for bar in drawn["bars"]), 700)

    def decimated(self, values):
        self.go()
        return self.script("""
            const value = arguments[0], none = value.map(() => null);
            const {svg} = iodirty.chart.series({time: value.map((_, i) => i * 3600), value,
                low: none, high: none, hrefs: () => "#", stretches: [], changes: [], width: 800,
                range: [0, 3600 * (value.length - 1)], label: "x"});
            const d = svg.querySelector(".many").getAttribute("d");
            return {points: svg.querySelectorAll(".point").length,
                bars: [...d.matchAll(/M(\\S+) (\\S+)V([^M]+)/g)].map(
                    ([, x, top, bottom]) => ({x: +x, top: +top, bottom: +bottom}))};
            """, values)

    def test_compare(self):
        self.go(f"#run?id={run_id(OLD, 30, 'conform')}")
        self.assertEqual(self.one("#run-a").get_attribute("value"),
                         run_id(OLD, 29, "conform")[:12])
        self.click("#compare")
        self.assertEqual(self.title(), "Two runs compared")
        self.assertEqual(self.rows("Verdicts that differ"),
                         [["REPORT-001", "amd-v1", "PASS", "FAIL"]])
        self.go(f"#compare?a={run_id(REF, 20, 'bench')[:10]}&b={run_id(REF, 39, 'bench')[:10]}")
        rows = {(row[0], row[1]): row for row in self.rows("What both measured")}
        self.assertEqual(len(rows), 12)
        a, b = 2 * made.noise(20, 0), 2.4 * made.noise(39, 0)
        self.assertEqual(rows[AMD, "x_floor"][2:], [
            f"{a:.4g}", f"{b:.4g}", f"+{(b / a - 1) * 100:.0f} %", "above"])
        self.assertEqual(rows[VTD, "x_floor"][5], "within")
        self.assertEqual([row[1] for row in rows.values()][-2:], ["ns_per_iopte"] * 2)
        self.go("#compare?a=0000&b=1111")
        self.assertIn("is no run of this history", self.one("[role=alert]").text)

    def test_type1(self):
        self.go("#type1?target=ref")
        (row,) = self.rows("What each reports")
        self.assertEqual(row[:8], ["type1/amd-v1/4K/1%", "2,621", "2,700", "262,144", "10.55 MiB",
                                   "1 GiB", "×97.09", "×100"])
        self.assertEqual([r[:3] for r in self.rows("What a migration sends")],
                         [["nic", "4K", "1.5 GiB"], ["nic", "type1", "11 GiB"]])
        widths = [float(bar.get_attribute("width")) for bar in self.all("figure svg .bar")]
        self.assertAlmostEqual(widths[1] / widths[2], 2700 / 262144, 3)
        self.assertAlmostEqual(widths[3] / widths[4], 1.5 / 11, 3)

    def test_what_is_not_there(self):
        for address, words in (
                ("#nonsense", "things are wrong"), ("#run?id=00000000", "is not in the history"),
                ("#series?id=zz", "is not in the history"), ("#runs?page=99", "Runs"),
                ("#matrix?cell=NONE-1&column=ref", "NONE-1 on ref"),
                ("#overview?target=none", "Nothing is known to be wrong")):
            self.go(address)
            self.assertIn(words, self.title())


class Hostile(Page):
    def check(self):
        self.assertNotEqual(self.driver.title, "harm")
        self.assertEqual(self.script("""
            return [...document.querySelectorAll("main img, main script, main iframe, a[href]")]
                .filter((n) => n.localName !== "a" || !/^(#|https?:)/.test(n.getAttribute("href")))
                .map((n) => n.outerHTML)"""), [])

    def test_text_stays_text(self):
        self.go()
        self.check()
        links = self.script("return [...document.querySelectorAll('main li a')].map(a => a.hash)")
        for address in ["", "#matrix", "#series", "#runs", f"#run?id={'e' * 32}",
                        f"#compare?a={'e' * 32}&b={run_id(REF, 3, 'conform')}",
                        *[link for link in links if "harm" in link]]:
            self.go(address)
            self.check()
        self.go(f"#run?id={'e' * 32}")
        text = self.script("return document.querySelector('main').textContent")
        self.assertGreaterEqual(text.count(HARM), 8)
        self.assertIn("javascript:document.title='harm'", text)
        self.go("#matrix?cell=" + quote("X-001" + HARM) + "&column="
                + quote(f"ref{HARM}:{HARM} 9.9"))
        self.assertEqual(self.rows("Each verdict")[0][6], HARM)
        self.check()

    def test_the_address(self):
        for view in ("matrix?cell=", "series?id=", "series?q=", "run?id=", "compare?a=",
                     "overview?target=", "runs?kind=", "", "series?page="):
            self.go(f"#{view}{quote(HARM)}")
            self.check()

    def test_no_script_but_ours(self):
        self.go()
        self.script("""const s = document.createElement("script"); s.textContent =
                       "document.title = 'harm'"; document.head.append(s);""")
        self.assertNotEqual(self.driver.title, "harm")
        (entry,) = self.driver.get_log("browser")
        self.assertIn("Content Security Policy", entry["message"])


def addresses():
    series = f"#series?only=worse&q={quote(AMD)}"
    return ["", "#matrix", "#matrix?cell=REPORT-001&column=linux%206.12", series, "#runs",
            f"#run?id={run_id(OLD, 30, 'conform')}", f"#run?id={'e' * 32}",
            f"#compare?a={run_id(REF, 20, 'bench')}&b={run_id(REF, 39, 'bench')}",
            f"#compare?a={run_id(OLD, 29, 'conform')}&b={run_id(OLD, 30, 'conform')}", "#type1",
            "series page", "hostile series"]


class Everybody(Page):
    """Narrow, dark, printed, by keyboard, by a screen reader."""

    def setUp(self):
        super().setUp()
        self.go()

    def visit(self, address):
        """Without loading the page again."""
        if address == "series page":
            self.visit("#series?only=worse")
            self.doing(self.driver.find_element(By.LINK_TEXT, AMD).click)
        elif address == "hostile series":
            self.visit("#series?q=longlong")
            self.doing(self.driver.find_element(By.PARTIAL_LINK_TEXT, LONG).click)
        elif address != self.script("return location.hash"):
            self.doing(self.script, "location.hash = arguments[0]", address)

    def test_a_phone(self):
        self.size(400, mobile=True)
        for address in addresses():
            self.visit(address)
            self.assertEqual(self.script("return document.documentElement.scrollWidth"), 400,
                             address)

    LUMINANCE = """
        const light = (c) => { const [r, g, b] = c.match(/[\\d.]+/g).slice(0, 3).map((v) => {
            v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
            return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
        const behind = (n) => { for (; n; n = n.parentElement) {
            const c = getComputedStyle(n).backgroundColor;
            if (c !== "rgba(0, 0, 0, 0)") return c; } return "rgb(255, 255, 255)"; };
        const contrast = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p);
            return (x + 0.05) / (y + 0.05); };
        """

    def test_light_and_dark(self):
        for scheme, dark in (("light", False), ("dark", True)):
            self.cdp("Emulation.setEmulatedMedia", features=[
                {"name": "prefers-color-scheme", "value": scheme}])
            for address in addresses():
                self.visit(address)
                ground, low = self.script(self.LUMINANCE + """
                    const low = [];
                    for (const n of document.querySelectorAll("body *")) {
                        if (![...n.childNodes].some((t) => t.nodeType === 3 && t.data.trim())
                            || n.closest("noscript, option, title, .unseen, .skip")) continue;
                        const s = getComputedStyle(n);
                        const c = n.closest("svg") ? s.fill : s.color;
                        if (contrast(c, behind(n)) < 4.5)
                            low.push(`${n.localName}.${n.className.baseVal ?? n.className} ${c}`);
                    }
                    return [light(behind(document.body)), [...new Set(low)]];""")
                self.assertEqual(ground < 0.1, dark)
                self.assertEqual(low, [], f"{address} {scheme}")
        self.cdp("Emulation.setEmulatedMedia", features=[])

    def test_print(self):
        for address, text in (("", "last run of each"), ("#matrix", "Requirements by"),
                              ("series page", "Values of x_floor")):
            self.visit(address)
            pdf = base64.b64decode(self.cdp("Page.printToPDF", generateTaggedPDF=False)["data"])
            self.assertTrue(pdf.startswith(b"%PDF-"))
            self.assertGreater(len(pdf), 10000)
            self.cdp("Emulation.setEmulatedMedia", media="print")
            shown = self.script("""
                const seen = (n) => n.getClientRects().length > 0;
                return [[...document.querySelectorAll("form")].some(seen),
                    [...document.querySelectorAll("table")].every(seen),
                    [...document.querySelectorAll("svg.chart")].every(seen),
                    document.body.innerText]""")
            self.cdp("Emulation.setEmulatedMedia", media="")
            self.assertEqual(shown[:3], [False, True, True])
            self.assertIn(text, shown[3])
            self.assertEqual(self.printed_tables(pdf), self.tables(), address)

    def tables(self):
        return len(self.all("table"))

    def printed_tables(self, pdf):
        """In a tagged PDF each table is one: of the same page, printed once more with tags."""
        tagged = base64.b64decode(self.cdp("Page.printToPDF", generateTaggedPDF=True)["data"])
        self.assertGreater(len(tagged), len(pdf))
        return tagged.count(b"/S /Table\n") + tagged.count(b"/S /Table/")

    def focused(self):
        return self.script("const a = document.activeElement; return [a.localName, a.id, "
                           "a.getAttribute('aria-label') || a.textContent.slice(0, 60)]")

    def press(self, *keys):
        self.driver.switch_to.active_element.send_keys(*keys)

    def test_keyboard_alone(self):
        self.go("#matrix")
        self.press(Keys.TAB)
        self.assertEqual(self.focused()[2], "Skip to the contents")
        self.press(Keys.ENTER)
        self.assertEqual(self.focused()[1], "main")
        for _ in range(6):
            self.press(Keys.TAB)
            if self.focused()[0] == "a":
                break
        self.assertIn("ABI-001 on ref", self.focused()[2])
        self.press(Keys.ARROW_DOWN)
        self.assertIn("CLEAR-001 on ref", self.focused()[2])
        self.press(Keys.ARROW_RIGHT)
        self.assertIn("CLEAR-001 on linux 6.12", self.focused()[2])
        for _ in range(3):
            self.press(Keys.ARROW_DOWN)
        self.assertIn("REPORT-001 on linux 6.12: FAIL", self.focused()[2])
        self.assertEqual(len(self.all("a.cell[tabindex='0']")), 1)
        self.doing(self.press, Keys.ENTER)
        self.assertEqual(self.focused()[:2], ["h2", "title"])
        self.press(Keys.TAB)
        self.assertEqual(self.focused()[2], "Back to the matrix")
        self.doing(self.press, Keys.ENTER)
        self.assertIn("Every requirement", self.title())

    def test_a_choice_keeps_the_focus(self):
        self.go("#series")
        self.script("document.getElementById('choose-metric').focus()")
        self.doing(self.press, "x_fl")
        self.assertEqual(self.focused()[1], "choose-metric")

    def test_all_is_in_the_order_of_the_tabulator(self):
        for address in addresses():
            self.visit(address)
            beyond = self.script("""
                return [...document.querySelectorAll("a, button, select, input, summary")].filter(
                    (n) => n.tabIndex < 0 && !n.matches("a.cell")
                        && !n.closest("[aria-hidden=true]")).map((n) => n.outerHTML)""")
            self.assertEqual(beyond, [], address)
        self.visit("series page")
        self.assertEqual(self.script("return document.querySelector('a.change').tabIndex"), 0)

    def nodes(self):
        self.cdp("Accessibility.enable")
        tree = self.cdp("Accessibility.getFullAXTree")["nodes"]
        self.cdp("Accessibility.disable")
        return [(n["role"]["value"], n.get("name", {}).get("value", "").strip(),
                 {p["name"]: p["value"].get("value") for p in n.get("properties", [])})
                for n in tree if not n.get("ignored")]

    def test_a_screen_reader(self):
        for address in addresses():
            self.visit(address)
            nodes = self.nodes()
            roles = [role for role, _, _ in nodes]
            for role, times in (("banner", 1), ("main", 1), ("contentinfo", 1), ("status", None)):
                self.assertTrue(role in roles and times in (None, roles.count(role)), role)
            self.assertIn(("navigation", "Views"), [n[:2] for n in nodes])
            names = ("link", "button", "combobox", "textbox", "searchbox", "Date", "table",
                     "region", "form", "heading", "columnheader", "rowheader", "DisclosureTriangle")
            self.assertEqual([n for n in nodes if n[0] in names and not n[1]], [], address)
            levels = [n[2]["level"] for n in nodes if n[0] == "heading"]
            self.assertEqual(levels[:2], [1, 2])
            self.assertTrue(all(b <= a + 1 for a, b in zip(levels, levels[1:])), levels)

    def test_all_of_a_chart_is_in_tables(self):
        self.visit("series page")
        for figure, metric in zip(self.all("figure"), ("x_floor", "ns_per_iopte")):
            for drawn, caption in ((".point", "Values"), (".level", "Stretches"),
                                   (".change", "Changes")):
                count = len(figure.find_elements(By.CSS_SELECTOR, drawn))
                self.assertGreater(count, 0)
                self.assertEqual(len(self.rows(f"{caption} of {metric}")), count)

    def test_a_table_behind_each_chart(self):
        for address in ("series page", "#type1"):
            self.visit(address)
            lacking = self.script("""
                return [...document.querySelectorAll("svg.chart")].map((svg) => {
                    const figure = svg.closest("figure"), label = svg.getAttribute("aria-label");
                    const what = figure.nextElementSibling;
                    return [!!label, !!svg.getAttribute("role"), /tables? below/.test(label),
                        !!what.querySelector("table caption")];
                })""")
            self.assertGreaterEqual(len(lacking), 2)
            self.assertTrue(all(all(row) for row in lacking), lacking)
            self.assertEqual(self.script("""
                const ids = [...document.querySelectorAll("[id]")].map((n) => n.id);
                return ids.length - new Set(ids).size"""), 0)


if __name__ == "__main__":
    unittest.main()
