# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Traces made by hand, by the description in trace.h, with all in each record or as little."""

import struct
import zlib

IOVA = 4 << 30


def varint(number):
    out = b""
    while number > 0x7F:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def zigzag(number):
    return varint(2 * number if number >= 0 else -2 * number - 1)


def write(ns, offset, length, device=0, pasid=0):
    return ns, IOVA + offset, length, device, pasid, True


def read(ns, offset, length, device=0, pasid=0):
    return ns, IOVA + offset, length, device, pasid, False


def header(length=1 << 20, devices=1, iova=IOVA, text=b"by hand", seed=0, flags=0, version=1):
    size = 64 + len(text) + -len(text) % 8
    return (b"iodtrace" + struct.pack("<IIQQIIQI12x", version, size, iova, length, devices, flags,
                                      seed, len(text)) + text).ljust(size, b"\0")


def sealed(data):
    return data + struct.pack("<I", zlib.crc32(data))


def whole(records, memory):
    """Records that say all: whatever the one before was."""
    out, now, ends = b"", 0, {}
    for ns, iova, length, device, pasid, writes in records:
        out += bytes([0x1E | writes]) + varint(device) + varint(pasid) + varint(length)
        out += zigzag(iova - ends.get(device, memory)) + varint(ns - now)
        now, ends[device] = ns, iova + length
    return out


def trace(records, ns=None, **of_header):
    last = records[-1][0] if records else 0
    memory = of_header.get("iova", IOVA)
    return sealed(header(**of_header) + whole(records, memory) + b"\x80" + varint(len(records)) +
                  varint((max(last, 1) if ns is None else ns) - last))
