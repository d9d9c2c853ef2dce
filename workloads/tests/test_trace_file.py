# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The reader of traces: bytes written out by hand, and each way in which a trace can be bad."""

import random
import struct
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import handmade  # noqa: E402
import trace_file  # noqa: E402
from handmade import IOVA, read, write  # noqa: E402

# Memory of 64 KiB at 4 GiB, 2 devices; the text "x".
HEADER = (b"iodtrace" b"\x01\0\0\0" b"\x48\0\0\0" b"\0\0\0\0\x01\0\0\0" b"\0\0\x01\0\0\0\0\0"
          b"\x02\0\0\0" b"\x01\0\0\0" b"\x07\0\0\0\0\0\0\0" b"\x01\0\0\0" + bytes(12) +
          b"x" + bytes(7))


class Bytes(unittest.TestCase):
    def test_what_a_record_leaves_out_is_as_before(self):
        records = (
            b"\x09\x08\x05"  # a write of 8 bytes at the memory's beginning, by device 0, at 5 ns
            b"\x01\x00"  # another where it ended, at the same time
            b"\x1f\x01\x2a\x80\x20\x80\x40\xe8\x07"  # device 1, PASID 42: 4096 bytes at 4096
            b"\x11\x81\x40\x01"  # and 4097 bytes before where that ended, 1 ns later
            b"\x02\x00\x00")  # a read by device 0
        data = handmade.sealed(HEADER + records + b"\x80\x05\x0a")
        trace = trace_file.parse(data)
        self.assertEqual(trace[:6], (IOVA, 65536, 2, True, 7, "x"))
        self.assertEqual([tuple(a) for a in trace.accesses], [
            (5, IOVA, 8, 0, 0, True),
            (5, IOVA + 8, 8, 0, 0, True),
            (1005, IOVA + 4096, 4096, 1, 42, True),
            (1006, IOVA + 4095, 4096, 1, 42, True),
            (1006, IOVA + 16, 8, 0, 0, False),  # of device 0 again: its own length and end
        ])
        self.assertEqual(trace.ns, 1016)

    def test_the_last_moment(self):
        last = (1 << 63) - 1
        trace = trace_file.parse(handmade.trace([write(last, 0, 1)]))
        self.assertEqual((trace.accesses[0].ns, trace.ns), (last, last))

    def test_numbers_of_ten_bytes(self):
        """64 bits, and more bytes than it takes: 0 as ten."""
        data = handmade.sealed(handmade.header() + b"\x19\x08" + b"\x80" * 9 + b"\0" +
                               b"\x81" + b"\x80" * 8 + b"\0" + b"\x80\x01\x00")
        self.assertEqual(trace_file.parse(data).accesses, [(1, IOVA, 8, 0, 0, True)])

    def test_memory_near_the_top(self):
        top = (1 << 64) - 8192
        data = handmade.sealed(handmade.header(length=4096, iova=top) +
                               b"\x09" + handmade.varint(4096) + b"\0" +
                               # a byte at its beginning: 4096 back
                               b"\x19\x01" + handmade.zigzag(-4096) + b"\0" + b"\x80\x02\x01")
        self.assertEqual([a.iova for a in trace_file.parse(data).accesses], [top, top])

    def test_no_records(self):
        trace = trace_file.parse(handmade.trace([], ns=77))
        self.assertEqual((trace.accesses, trace.ns), ([], 77))


class Bad(unittest.TestCase):
    GOOD = [write(10, 0, 8), read(20, 4096, 4096), write(30, 0, 1, pasid=5)]

    def refused(self, data, words):
        with self.assertRaisesRegex(trace_file.TraceError, words):
            trace_file.parse(data)

    def records(self, data, words, **of_header):
        self.refused(handmade.sealed(handmade.header(**of_header) + data + b"\x80\x01\x00"), words)

    def test_each_truncation(self):
        data = handmade.trace(self.GOOD)
        for size in range(len(data)):
            self.refused(data[:size], "no trace|within its header|cut short")
        self.refused(data[:82], "^record 2, at byte 78:")

    def test_each_byte_that_is_changed(self):
        data = handmade.trace(self.GOOD)
        for at in range(len(data)):
            changed = bytearray(data)
            changed[at] ^= 0x40
            self.refused(bytes(changed), ".")

    def test_garbage(self):
        numbers = random.Random(8)
        for _ in range(300):
            self.refused(handmade.header() + numbers.randbytes(200), "record|the end")

    def test_header(self):
        for words, changes in (("version 2", {"version": 2}), ("no multiple", {"iova": 1}),
                               ("0 bytes", {"length": 0}), ("5 bytes", {"length": 5}),
                               ("up to 2", {"iova": (1 << 64) - 4096, "length": 4096}),
                               ("of 2\\^63", {"length": 1 << 63}),
                               ("control", {"text": b"a\nb"}),
                               ("control", {"text": "\x9f".encode()}),
                               ("0 devices", {"devices": 0}), ("17 devices", {"devices": 17}),
                               ("flags 0x2", {"flags": 2}), ("text of 512", {"text": b"x" * 512}),
                               ("UTF-8", {"text": b"\xff"})):
            self.refused(handmade.trace([], **changes), words)
        head = bytearray(handmade.trace([], text=b"x"))
        self.refused(bytes(head[:60] + b"\x01" + head[61:]), "52 to 63")
        self.refused(bytes(head[:70] + b"\x01" + head[71:]), "pads")
        self.refused(bytes(head[:12] + struct.pack("<I", 80) + head[16:]), "header of 80")

    def test_a_record(self):
        self.records(b"\x21\x00", "record 1, at byte 72: flags 0x21")
        self.records(b"\x03\x01\x00", "record 1.*device 1 of 1")
        self.records(b"\x0d\x80\x80\x40\x08\x00", "record 1.*PASID 1048576")
        self.records(b"\x09\x08\x00\x09\x00\x00", "record 2, at byte 75: a length of 0")
        self.records(b"\x01\x00", "record 1.*length of 0")
        self.records(b"\x19\x08\x01\x00", "record 1.*outside")  # a byte before
        self.records(b"\x09\x81\x20\x00", "record 1.*4097 bytes.*outside", length=4096)
        self.records(b"\x09\x08" + b"\xff" * 10 + b"\x01", "more than 10 bytes")
        self.records(b"\x09\x08" + b"\xff" * 9 + b"\x02", "more than 64 bits")
        self.records(b"\x09\x08" + b"\xff" * 8 + b"\x7f" + b"\x01\x01", "record 2.*a time")

    def test_the_end(self):
        head = handmade.header() + b"\x09\x08\x00"
        self.refused(handmade.sealed(head + b"\x80\x02\x00"), "says 2 records")
        self.refused(handmade.sealed(head + b"\x81\x01\x00"), "flags 0x81")
        self.refused(handmade.sealed(head + b"\x80\x01\x01") + b"!", "1 bytes follow")
        self.refused(head + b"\x80\x01\x01\0\0\0\0", "checksum")
        self.refused(handmade.sealed(head + b"\x80\x01\x00"), "over at 0")
        self.refused(handmade.sealed(head + b"\x80\x01" + b"\xff" * 9 + b"\x01"), "below 2")

    def test_files(self):
        with self.assertRaisesRegex(trace_file.TraceError, "/nowhere: No such file"):
            trace_file.read("/nowhere")
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"what?")
            file.flush()
            with self.assertRaisesRegex(trace_file.TraceError, f"{file.name}: it is no trace"):
                trace_file.read(file.name)


if __name__ == "__main__":
    unittest.main()
