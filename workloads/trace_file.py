# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A reader of traces, by the description in trace.h alone.

It shares nothing with the C that writes and performs them, so that what that does can be held
against what this says.
"""

import re
import struct
import zlib
from typing import NamedTuple

MAGIC = b"iodtrace"
VERSION = 1
PAGE = 4096
DEVICES = 16
TEXT_MAX = 511
PASIDS = 1 << 20
TOP = 1 << 64
TIMES = 1 << 63
CONTROL = re.compile("[\0-\x1f\x7f-\x9f]")
HEADER = struct.Struct("<8sIIQQIIQI12s")

WRITE, DEVICE, PASID, LENGTH, WHERE, UNUSED, END = 1, 2, 4, 8, 16, 0x60, 0x80


class TraceError(Exception):
    """What is wrong with a trace, in a sentence."""


class Access(NamedTuple):
    """One request of a device. Its record's number is its place in Trace.accesses, and 1."""

    ns: int
    iova: int
    length: int
    device: int
    pasid: int
    write: bool


class Trace(NamedTuple):
    iova: int
    length: int
    devices: int
    pattern: bool  # addresses are an access pattern, no device's
    seed: int
    text: str
    ns: int  # when it is over
    accesses: list


def _varint(data, at):
    """The number at @at, and where it ends. IndexError: the file does."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
        if shift == 70:
            raise ValueError("a number of more than 10 bytes")
    if value >= TOP:
        raise ValueError("a number of more than 64 bits")
    return value, at


class _Device:
    """What a record of this device says nothing about is as in its last."""

    def __init__(self, iova):
        self.pasid = self.length = 0
        self.end = iova


def _record(data, at, flags, ns, last, devices, trace):
    """The access of the record whose flags are before @at, and where that ends."""
    device = last
    if flags & UNUSED:
        raise ValueError(f"flags 0x{flags:02x}, of which bits 5 and 6 are not to be set")
    if flags & DEVICE:
        device, at = _varint(data, at)
        if device >= len(devices):
            raise ValueError(f"device {device} of {len(devices)}")
    state = devices[device]
    if flags & PASID:
        state.pasid, at = _varint(data, at)
        if state.pasid >= PASIDS:
            raise ValueError(f"PASID {state.pasid} is not below 2^20")
    if flags & LENGTH:
        state.length, at = _varint(data, at)
    start = state.end
    if flags & WHERE:
        zigzag, at = _varint(data, at)
        start = (start + (zigzag >> 1 ^ -(zigzag & 1))) % TOP
    delta, at = _varint(data, at)
    ns += delta
    if ns >= TIMES:
        raise ValueError("a time of 2^63 ns or more")
    if not state.length:
        raise ValueError("a length of 0")
    if start < trace.iova or start + state.length > trace.iova + trace.length:
        raise ValueError(f"{state.length} bytes at IOVA 0x{start:x} are outside of the memory, "
                         f"{trace.length} bytes at 0x{trace.iova:x}")
    state.end = start + state.length
    return Access(ns, start, state.length, device, state.pasid, bool(flags & WRITE)), at


def _header(data):
    """A trace without accesses, and where its records begin."""
    if data[:8] != MAGIC:
        raise TraceError("it is no trace: it does not begin with 'iodtrace'")
    if len(data) < HEADER.size:
        raise TraceError(f"it ends within its header, after {len(data)} bytes")
    (_, version, size, iova, length, devices, flags, seed, text_size,
     zeros) = HEADER.unpack_from(data)
    if version != VERSION:
        raise TraceError(f"version {version}: version {VERSION} is read here")
    end = HEADER.size + text_size
    wrong = [what for what, bad in {
        f"text of {text_size} bytes, the most is {TEXT_MAX}": text_size > TEXT_MAX,
        f"header of {size} bytes": size != (end + 7) & ~7,
        f"IOVA 0x{iova:x}, no multiple of {PAGE}": iova % PAGE,
        f"memory of {length} bytes, no multiple of {PAGE} above 0": length % PAGE or not length,
        "memory of 2^63 bytes or more": length >= TOP // 2,
        "memory up to 2^64 or beyond": iova + length >= TOP,
        f"{devices} devices, 1 to {DEVICES} are possible": not 1 <= devices <= DEVICES,
        f"flags 0x{flags:x}": flags & ~1,
        "bytes 52 to 63 are not 0": any(zeros),
    }.items() if bad]
    if wrong:
        raise TraceError(f"its header is wrong: {wrong[0]}")
    if len(data) < size:
        raise TraceError(f"it ends within its header, after {len(data)} bytes")
    if any(data[end:size]):
        raise TraceError("its header is wrong: what pads the text is not 0")
    try:
        text = data[HEADER.size:end].decode()
    except UnicodeDecodeError:
        raise TraceError("its header is wrong: the text is not UTF-8") from None
    if CONTROL.search(text):
        raise TraceError("its header is wrong: control characters in the text")
    return Trace(iova, length, devices, bool(flags), seed, text, 0, []), size


def parse(data):
    """The Trace that these bytes are."""
    trace, at = _header(data)
    devices = [_Device(trace.iova) for _ in range(trace.devices)]
    accesses = trace.accesses
    ns = last = 0
    begins = at
    try:
        while not data[at] & END:
            access, at = _record(data, at + 1, data[at], ns, last, devices, trace)
            accesses.append(access)
            ns, last = access.ns, access.device
            begins = at
    except IndexError:
        raise TraceError(f"record {len(accesses) + 1}, at byte {begins}: the file ends "
                         "before it does: it is cut short") from None
    except ValueError as error:
        raise TraceError(f"record {len(accesses) + 1}, at byte {begins}: {error}") from None
    return trace._replace(ns=_end(data, at, len(accesses), ns))


def _end(data, at, records, ns):
    """When the trace is over, by what is at its end."""
    where = f"the end, at byte {at}, after record {records}"
    try:
        if data[at] != END:
            raise ValueError(f"flags 0x{data[at]:02x}")
        count, at = _varint(data, at + 1)
        delta, at = _varint(data, at)
    except IndexError:
        raise TraceError(f"{where}: it is cut short") from None
    except ValueError as error:
        raise TraceError(f"{where}: {error}") from None
    if count != records:
        raise TraceError(f"{where}: it says {count} records")
    if not 0 < ns + delta < TIMES:
        raise TraceError(f"{where}: it is over at {ns + delta} ns, not above 0 and below 2^63")
    if len(data) < at + 4:
        raise TraceError(f"{where}: it is cut short")
    if len(data) > at + 4:
        raise TraceError(f"{where}: {len(data) - at - 4} bytes follow it")
    if zlib.crc32(data[:at]) != struct.unpack_from("<I", data, at)[0]:
        raise TraceError(f"{where}: the checksum is another: bytes were changed")
    return ns + delta


def read(path):
    """The Trace in the file @path. TraceError says what is wrong with it."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise TraceError(f"{path}: {error.strerror}") from None
    try:
        return parse(data)
    except TraceError as error:
        raise TraceError(f"{path}: {error}") from None
