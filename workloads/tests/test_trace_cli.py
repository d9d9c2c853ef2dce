#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""`iodirty trace`: there and back, what is wrong with files, and nothing half written."""

import os
import resource
import signal
import struct
import subprocess
import tempfile
import time
import unittest
import zlib
from pathlib import Path

IODIRTY = Path(__file__).resolve().parent.parent.parent / "build" / "release" / "iodirty"

CSV = """ns,device,pasid,write,iova,length
0,0,0,1,0x100000000,4096
7,1,5,0,0x100001000,8
7,0,0,1,0x100001000,4096
"""


def header(text=b"by test", iova=1 << 32, length=1 << 20, devices=2):
    size = (64 + len(text) + 7) // 8 * 8
    return struct.pack("<8sIIQQIIQI12x", b"iodtrace", 1, size, iova, length, devices, 0, 3,
                       len(text)) + text.ljust(size - 64, b"\0")


def ended(data):
    return data + struct.pack("<I", zlib.crc32(data))


# As CSV is: by hand, from the description of the format.
SMALL = ended(header() +
              bytes([0x09, 0x80, 0x20, 0]) +  # 4,096 bytes are written
              # device 1, PASID 5, 8 bytes, 4,096 further on, 7 ns later
              bytes([0x1e, 1, 5, 8, 0x80, 0x40, 7]) +
              bytes([0x03, 0, 0]) +  # device 0, where it was
              bytes([0x80, 3, 93]))


class Trace(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="iodirty-trace-")
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def run_it(self, *words, status=0, **more):
        done = subprocess.run([IODIRTY, "trace", *map(str, words)], cwd=self.folder, timeout=60,
                              stdin=subprocess.DEVNULL, check=False,
                              **{"capture_output": True, "text": True, **more})
        self.assertEqual(done.returncode, status, f"{words}: {done.stderr}")
        return done

    def write(self, name, data):
        path = self.folder / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    def names(self):
        return sorted(path.name for path in self.folder.iterdir())


class Make(Trace):
    def test_the_same_each_time(self):
        for name in "a", "b":
            self.run_it("make", "uniform", "--records", 5000, "-o", name)
        self.run_it("make", "uniform", "--records", 5000, "--seed", 2, "-o", "c")
        a, b, c = ((self.folder / name).read_bytes() for name in "abc")
        self.assertEqual(a, b)
        self.assertNotEqual(a, c)
        self.assertEqual(struct.unpack_from("<Q", a, 40), (1,))
        self.assertEqual(struct.unpack_from("<Q", c, 40), (2,))

    def test_there_and_back(self):
        self.run_it("make", "hot+ring", "--time", "0.25", "--memory", "64M", "-o", "one.trace",
                    "--seed", 5)
        with open(self.folder / "one.csv", "w", encoding="ascii") as out:
            self.run_it("csv", "one.trace", capture_output=False, stdout=out)
        lines = (self.folder / "one.csv").read_text().splitlines()
        # By the rates of shape.c: hot makes 20,000 writes a second, a gigabit of frames 81,274.
        self.assertEqual(len(lines), 1 + 5000 + 20319)
        one = (self.folder / "one.trace").read_bytes()
        text = one[64:64 + struct.unpack_from("<I", one, 48)[0]].decode()
        self.run_it("convert", "--from", "csv", "one.csv", "-o", "two.trace", "--time", "0.25",
                    "--iova", hex(4 << 30), "--length", "64M", "--seed", 5, "--origin", text)
        self.assertEqual(one, (self.folder / "two.trace").read_bytes())
        self.run_it("make", "./one.trace", "-o", "three.trace")
        self.assertEqual(one, (self.folder / "three.trace").read_bytes())

    def test_part_of_a_trace(self):
        path = self.write("small.trace", SMALL)
        done = self.run_it("make", path, "--records", 2, "-o", "two.trace")
        self.assertIn("2 records", done.stderr)
        self.assertEqual(self.run_it("csv", "two.trace").stdout.splitlines(),
                         CSV.splitlines()[:3])
        done = self.run_it("make", path, "--time", "0.000000007", "-o", "one.trace")
        self.assertEqual(self.run_it("csv", "one.trace").stdout.splitlines(),
                         CSV.splitlines()[:2])
        done = self.run_it("make", path, "--records", 4, "-o", "all.trace")
        self.assertIn("3 records, 1e-07 s: there are no more", done.stderr)
        self.assertEqual((self.folder / "all.trace").read_bytes(), SMALL)

    def test_usage(self):
        for words, complaint in (
                (["make", "uniform", "-o", "x"], "uniform has no end: give --records or --time"),
                (["make", "uniform", "--records", 5], "make takes -o FILE"),
                (["make", "-o", "x", "--records", 5], "make takes a workload, one"),
                (["make", "uniform", "hot", "-o", "x"], "make takes a workload, one"),
                (["make", "uniform", "--records", 5, "--time", 1, "-o", "x"], "not both"),
                (["make", "uniform", "--records", 0, "-o", "x"], "--records takes"),
                (["make", "uniform", "--time", "1e3", "-o", "x"], "--time takes seconds"),
                (["make", "uniform", "--time", "0.0", "-o", "x"], "--time takes seconds"),
                (["make", "uniform", "--time", "1.0000000001", "-o", "x"], "--time takes"),
                (["make", "uniform", "--time", "9999999999", "-o", "x"], "--time takes"),
                (["make", "uniform", "--memory", "4097", "-o", "x"], "--memory takes"),
                (["make", "uniform", "--devices", "17", "-o", "x"], "--devices takes"),
                (["make", "uniform", "--see", "x=", "-o", "x"], "--seed takes"),
                (["make", "uniform", "--what"], "--what is unknown"),
                (["make", "nothing", "--records", 5, "-o", "x"], "unknown workload 'nothing'"),
                (["convert", "x.csv", "-o", "x"], "convert takes --from, one of: csv"),
                (["convert", "--from", "xml", "x", "-o", "x"], "--from 'xml'; one of: csv"),
                (["convert", "--from", "csv", "-o", "x"], "convert takes a FILE"),
                (["convert", "--from=csv", "y"], "convert takes -o FILE"),
                (["convert", "--from=csv", "y", "-o", "x", "--iova", "1"], "--iova takes"),
                (["convert", "--from=csv", "y", "-o", "x", "--length", "1"], "--length takes"),
                (["info"], "info takes a FILE"), (["csv", "a", "b"], "csv takes a FILE"),
                (["look"], "'look' is nothing that is done with traces"), ([], "what is to")):
            with self.subTest(words=words):
                self.assertIn(complaint, self.run_it(*words, status=2).stderr)
        self.assertEqual(self.names(), [])


class Info(Trace):
    def test_by_hand(self):
        text = self.run_it("info", self.write("small.trace", SMALL)).stdout
        self.assertIn("small: by test\n", text)
        self.assertIn("0x100000000 to 0x1000fffff: 256 pages of 4 KiB\n", text)
        self.assertIn("devices  2, seed 3, 0.000000100 s\n", text)
        rows = {row.split()[0]: row.split()[1:] for row in text.splitlines()[-3:]}
        # records, reads, writes, bytes read, bytes written, pages; first, last; rates
        self.assertEqual(rows["0"][:6], ["2", "0", "2", "0", "8192", "2"])
        self.assertEqual(rows["1"][:6], ["1", "1", "0", "8", "0", "0"])
        self.assertEqual(rows["all"][:6], ["3", "1", "2", "8", "8192", "2"])
        self.assertEqual(rows["all"][8:], ["3e+07", "8.2e+10"])

    def test_pages(self):
        """Of scattered writes, many of them to the same pages, against a set."""
        rows, pages = ["iova,length,write"], set()
        state = 1
        for _ in range(20000):
            state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
            iova, length = (state >> 40) % 2**24, 1 + (state >> 20) % 9000
            rows.append(f"{iova},{length},1")
            pages.update(range(iova >> 12, ((iova + length - 1) >> 12) + 1))
        # One after the other, with a page between that is none of them.
        rows += [f"{page << 12},1,1" for page in (5000, 5002, 5003)]
        pages.update((5000, 5002, 5003))
        self.write("x.csv", "\n".join(rows) + "\n")
        self.run_it("convert", "--from", "csv", "x.csv", "-o", "x.trace", "--rate", 1000)
        row = self.run_it("info", "x.trace").stdout.splitlines()[-1].split()
        self.assertEqual(row[1], "20003")
        self.assertEqual(int(row[6]), len(pages))
        self.assertEqual(row[9], "1000")

    def test_bad(self):
        """Whatever is wrong, each word says so; unit/trace_test.c has them all."""
        for name, data, complaint in (
                ("empty", b"", "empty: no trace: it is empty"),
                ("text", b"hello", "text: no trace: it does not begin with"),
                ("later", SMALL[:8] + b"\2" + SMALL[9:], "later: version 2"),
                ("cut", SMALL[:-9], "cut: truncated in record 3, at byte 84"),
                ("flip", SMALL[:-1] + bytes([SMALL[-1] ^ 1]), "flip: the end, byte 89: the CRC"),
                ("more", SMALL + b"x", "more: after the end, at byte 93, there are more bytes"),
                ("out", ended(header() + bytes([0x09, 8, 0, 0x11, 0x80, 0x80, 0x80, 1, 0])),
                 "out: record 2, byte 76: 8 bytes at IOVA 0x100100008 are not within the memory, "
                 "0x100000000 to 0x1000fffff")):
            path = self.write(name, data)
            for word in ["info", path], ["csv", path], ["make", path, "-o", "x"]:
                with self.subTest(name=name, word=word[0]):
                    done = self.run_it(*word, status=1)
                    self.assertIn(complaint, done.stderr)
                    self.assertEqual(done.stdout, "")
        self.assertNotIn("x", self.names())

    def test_no_file(self):
        os.mkfifo(self.folder / "fifo")
        self.assertIn("a directory", self.run_it("info", ".", status=1).stderr)
        self.assertIn("no file that can be read twice",
                      self.run_it("info", "fifo", status=1).stderr)
        self.assertIn("No such file", self.run_it("info", "nowhere", status=1).stderr)

    @unittest.skipIf(os.geteuid() == 0, "root reads all")
    def test_not_readable(self):
        self.write("secret", SMALL).chmod(0)
        self.assertIn("Permission denied", self.run_it("info", "secret", status=1).stderr)

    def memory_of(self, *words):
        """The most that was resident, in KiB."""
        with subprocess.Popen([IODIRTY, "trace", *words], cwd=self.folder,
                              stdout=subprocess.DEVNULL) as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(process.returncode, 0)
        return usage.ru_maxrss

    def test_a_million_tiny_records(self):
        data = header() + bytes([0x09, 1, 0]) + bytes([0x01, 1]) * 999_999
        self.write("tiny", ended(data + bytes([0x80, 0xc0, 0x84, 0x3d, 1])))
        row = self.run_it("info", "tiny").stdout.splitlines()[-1].split()
        self.assertEqual(row[1:7], ["1000000", "0", "1000000", "0", "1000000", "245"])
        self.write("small", SMALL)
        self.assertLess(self.memory_of("info", "tiny"), self.memory_of("info", "small") + 8192)
        self.write("tiny", data[:-1])
        self.assertIn("truncated in record 1000000, at byte 2000072",
                      self.run_it("info", "tiny", status=1).stderr)


class Convert(Trace):
    def convert(self, text, *words, status=0):
        self.write("x.csv", text)
        return self.run_it("convert", "--from", "csv", "x.csv", "-o", "x.trace", *words,
                           status=status)

    def test_by_hand(self):
        self.convert(CSV, "--length", "1M", "--seed", 3, "--origin", "by test", "--time",
                     "0.000000100")
        self.assertEqual((self.folder / "x.trace").read_bytes(), SMALL)

    def test_what_people_write(self):
        self.convert("\ufeff# mine\r\n\r\n LENGTH , Iova, colour, write\r\n"
                     "010, 0x2ffe ,red,W\n\n# more\n  1,20000,,r\n", "--rate", 3)
        self.assertEqual(self.run_it("csv", "x.trace").stdout.splitlines()[1:],
                         ["0,0,0,1,0x2ffe,10", "333333333,0,0,0,0x4e20,1"])
        info = self.run_it("info", "x.trace").stdout
        self.assertIn("x: of x.csv, a CSV\n", info)
        self.assertIn("0x2000 to 0x4fff: 3 pages", info)
        self.assertIn("devices  1, seed 0, 0.666666666 s", info)

    def test_end(self):
        self.convert(CSV)
        self.assertIn("0.000000008 s", self.run_it("info", "x.trace").stdout)

    def test_bad(self):
        top = "ns,device,pasid,write,iova,length\n"
        for text, complaint in (
                ("", "line 0: it is empty: the first line is to name the columns"),
                (top, "line 1: there is no record"),
                ("ns,write,iova\n0,1,0\n", "line 1: no column 'length'"),
                ("iova,length,write,iova\n", "line 1: two columns 'iova'"),
                ("iova,length,write\n0,1,1\n", "line 1: no column 'ns': give --rate N"),
                (top + "0,0,0,1,0\n", "line 2: 5 fields, there are 6 columns"),
                (top + "0,0,0,1,0,1,1\n", "line 2: 7 fields"),
                (top + "\n-1,0,0,1,0,1\n", "line 3: ns '-1' is not nanoseconds"),
                (top + "9223372036854775808,0,0,1,0,1\n", "line 2: ns '9223372036854775808'"),
                (top + "0,16,0,1,0,1\n", "line 2: device '16' is not a device, 0 to 15"),
                (top + "0,0,1048576,1,0,1\n", "line 2: pasid '1048576' is not"),
                (top + "0,0,0,2,0,1\n", "line 2: write '2' is not 1 or W, else 0 or R"),
                (top + "0,0,0,yes,0,1\n", "line 2: write 'yes'"),
                (top + "0,0,0,1,0x,1\n", "line 2: iova '0x' is not an IOVA"),
                (top + "0,0,0,1,1G,1\n", "line 2: iova '1G'"),
                (top + "0,0,0,1,,1\n", "line 2: iova ''"),
                (top + "0,0,0,1,0,0\n", "line 2: length '0' is not bytes, not 0"),
                (top + "0,0,0,1,0xffffffffffffffff,1\n", "line 2: 1 bytes from 0xffff"),
                (top + "5,0,0,1,0,1\n4,0,0,1,0,1\n", "line 3: 4 ns, before the one above"),
                (top + "0,0,0,1,0,1\0\n", "line 2: a byte 0: it is no text"),
                (top + "," * 64 + "\n", "line 2: more than 64 fields"),
                # in the memory of the trace, but half of what there may be is too much
                (top + "0,0,0,1,0,1\n0,0,0,1,0x8000000000000000,1\n", "are no memory")):
            with self.subTest(text=text):
                done = self.convert(text, status=1)
                self.assertIn("iodirty: trace: x.csv, " + ("" if "memory" in complaint else
                                                           complaint), done.stderr)
                self.assertIn(complaint, done.stderr)
                self.assertEqual(self.names(), ["x.csv"])

    def test_options_against_lines(self):
        for words, complaint in (
                (["--rate", 1], "line 1: a column 'ns', so --rate has no meaning"),
                (["--devices", 1], "line 3: device 1, and --devices is 1"),
                (["--time", "0.000000007"], "line 3: 7 ns, and it is over after 7"),
                (["--length", "4K"], "line 3: 8 bytes at IOVA 0x100001000 are not within"),
                (["--iova", "0x100001000"], "line 2: 4096 bytes at IOVA 0x100000000 are not"),
                (["--iova", "0x200000000"], "all is below 0x200000000")):
            with self.subTest(words=words):
                self.assertIn(complaint, self.convert(CSV, *words, status=1).stderr)
                self.assertEqual(self.names(), ["x.csv"])

    def test_no_file(self):
        os.mkfifo(self.folder / "fifo")
        writer = subprocess.Popen(["sh", "-c", "exec cat >fifo"], cwd=self.folder,
                                  stdin=subprocess.DEVNULL)
        self.addCleanup(writer.wait)
        self.assertIn("it cannot be read twice", self.run_it(
            "convert", "--from", "csv", "fifo", "-o", "x", status=1).stderr)
        self.assertIn("cannot be opened: No such file", self.run_it(
            "convert", "--from", "csv", "none", "-o", "x", status=1).stderr)
        self.assertIn("cannot be read: Is a directory", self.run_it(
            "convert", "--from", "csv", ".", "-o", "x", status=1).stderr)


class Output(Trace):
    def test_exists(self):
        for words in ["make", "uniform", "--records", 9], ["convert", "--from=csv", "x.csv"]:
            with self.subTest(words=words):
                self.write("x.csv", CSV)
                self.write("x.trace", "precious")
                done = self.run_it(*words, "-o", "x.trace", status=2)
                self.assertIn("x.trace exists already; --force replaces it", done.stderr)
                self.assertEqual((self.folder / "x.trace").read_text(), "precious")
                self.run_it(*words, "-o", "x.trace", "--force")
                self.run_it("info", "x.trace")
                self.assertEqual(self.names(), ["x.csv", "x.trace"])

    def test_what_failed_replaces_nothing(self):
        self.write("x.trace", "precious")
        self.write("x.csv", CSV + "8,0,0,1,0,0\n")
        self.run_it("convert", "--from=csv", "x.csv", "-o", "x.trace", "--force", status=1)
        self.write("x.csv", CSV + "8,0,0,1,0x100002000,1\n")
        self.run_it("convert", "--from=csv", "x.csv", "-o", "x.trace", "--force",
                    "--length", "8K", status=1)
        self.assertEqual((self.folder / "x.trace").read_text(), "precious")
        self.assertEqual(self.names(), ["x.csv", "x.trace"])

    def test_full(self):
        """A disk that is full at once, when it is closed, or in the middle."""
        for records in 3, 300000:
            done = self.run_it("make", "uniform", "--records", records, "-o", "/dev/full",
                               status=1)
            self.assertIn("/dev/full cannot be written: No space left", done.stderr)
        self.write("small.trace", SMALL)
        self.run_it("make", "uniform", "--records", 10000, "-o", "large.trace")
        for name in "small.trace", "large.trace":
            with open("/dev/full", "w", encoding="ascii") as full:
                done = self.run_it("csv", name, status=1, capture_output=False, stdout=full,
                                   stderr=subprocess.PIPE)
            self.assertIn("standard output cannot be written: No space left", done.stderr)

    def test_no_more_room(self):
        """Of a file that cannot be written to its end nothing is left."""
        def little_room():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
        self.write("x.trace", "precious")
        for words in [], ["--force"]:
            done = self.run_it("make", "uniform", "--records", 9999, "-o",
                               "x.trace" if words else "y.trace", *words, status=1,
                               preexec_fn=little_room)
            self.assertIn(".trace cannot be written: File too large", done.stderr)
        self.assertEqual((self.folder / "x.trace").read_text(), "precious")
        self.assertEqual(self.names(), ["x.trace"])

    def test_places(self):
        self.assertIn("is a directory: name a file in it", self.run_it(
            "make", "idle", "--records", 1, "-o", ".", status=2).stderr)
        self.assertIn("cannot be made: No such file", self.run_it(
            "make", "idle", "--records", 1, "-o", "no/x", status=1).stderr)
        # Of a link, the file is replaced; what is no file is written to.
        self.write("real", "old")
        (self.folder / "link").symlink_to("real")
        self.run_it("make", "idle", "--records", 1, "-o", "link", status=2)
        self.run_it("make", "idle", "--records", 1, "-o", "link", "--force")
        self.assertTrue((self.folder / "link").is_symlink())
        self.run_it("info", "real")
        done = self.run_it("make", "idle", "--records", 1, "-o", "/dev/stdout", text=False)
        self.assertEqual(done.stdout, (self.folder / "real").read_bytes())

    def test_interrupted(self):
        """It has begun to write, and would do so for years."""
        for number in signal.SIGINT, signal.SIGTERM:
            process = subprocess.Popen([IODIRTY, "trace", "make", "uniform", "--records",
                                        str(10**15), "-o", "x.trace"], cwd=self.folder,
                                       stderr=subprocess.DEVNULL)
            while not self.names() and process.poll() is None:
                time.sleep(0.01)
            self.assertEqual(self.names(), [f".x.trace.{process.pid}.new"])
            time.sleep(0.05)
            process.send_signal(number)
            self.assertEqual(process.wait(20), -number)
            self.assertEqual(self.names(), [])


if __name__ == "__main__":
    unittest.main()
