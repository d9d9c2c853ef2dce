# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
What is too long for system.json, as files: kernel configuration, boot log, PCI devices in
full, ACPI's tables of IOMMUs. Each is read in one of several ways; where none does, the
reasons are given.
"""

import gzip
import os
import platform
import re
import zlib

from system_read import Unreadable, at, entries, run

LARGEST = 16 << 20
HIDDEN = (
    (re.compile(r"\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b", re.I), "xx:xx:xx:xx:xx:xx"),
    (re.compile(r"(\bserial ?(?:number|no\.?|#)?[ \t]*[:=][ \t]*)\S+", re.I), r"\1(left out)"),
    (re.compile(r"(Hostname set to <)[^>]*"), r"\1left out"),
)
IOMMU_TABLES = ("DMAR", "IVRS", "IORT", "RIMT", "VIOT")


def hide(text):
    """Without MAC addresses, serial numbers and the host's name."""
    for pattern, instead in HIDDEN:
        text = pattern.sub(instead, text)
    return text


def first_of(*ways):
    """(how, text) of the first way that gives some; Unreadable with the reasons of all."""
    reasons = []
    for how, read in ways:
        try:
            if text := read():
                return how, text[:LARGEST]
            reasons.append(f"{how}: empty")
        except Unreadable as error:
            reasons.append(f"{how}: {error}")
        except (OSError, EOFError, zlib.error) as error:
            reasons.append(f"{how}: {getattr(error, 'strerror', None) or error}")
    raise Unreadable("; ".join(reasons))


def kernel_config():
    release = platform.release()

    def text_of(path):
        data = at(path).read_bytes()
        return (gzip.decompress(data) if path.endswith(".gz") else data).decode(
            "utf-8", "replace")
    return first_of(*((path, lambda p=path: text_of(p)) for path in (
        "/proc/config.gz", f"/boot/config-{release}", f"/lib/modules/{release}/config",
        f"/lib/modules/{release}/build/.config")))


def kernel_messages(path="/dev/kmsg"):
    """The kernel's own ring: a record a read, "LEVEL,NUMBER,MICROSECONDS,...;TEXT"."""
    lines = []
    fd = os.open(at(path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        os.lseek(fd, 0, os.SEEK_SET)
        while True:
            try:
                record = os.read(fd, 1 << 14).decode("utf-8", "replace")
            except BlockingIOError:
                break
            except BrokenPipeError:  # overwritten meanwhile
                continue
            if not record:
                break
            head, _, text = record.partition(";")
            when = int(head.split(",")[2])
            lines.append(f"[{when // 1000000:5}.{when % 1000000:06}] {text.splitlines()[0]}")
    finally:
        os.close(fd)
    return "\n".join(lines) + "\n" * bool(lines)


def boot_log():
    how, text = first_of(
        ("dmesg", lambda: run("dmesg")), ("/dev/kmsg", kernel_messages),
        ("journalctl -k -b", lambda: run("journalctl", "-k", "-b", "-q", "--no-hostname",
                                         "-o", "short-monotonic")))
    return how, hide(text)


def lspci():
    return "lspci -nnvv", hide(run("lspci", "-nnvv"))


def acpi_tables():
    """name of file -> bytes, of those that describe IOMMUs; and name -> why not."""
    found, lacking = {}, {}
    for path in entries("/sys/firmware/acpi/tables"):
        if path.name.rstrip("0123456789") in IOMMU_TABLES:
            name = f"acpi-{path.name}.bin"
            try:
                found[name] = path.read_bytes()
            except OSError as error:
                lacking[name] = f"{path}: {error.strerror}"
    return found, lacking


def collect():
    """(name -> (how it was read, bytes), name -> why it could not be)"""
    tables, lacking = acpi_tables()
    found = {name: ("/sys/firmware/acpi/tables", data) for name, data in tables.items()}
    for name, read in (("kernel-config", kernel_config), ("dmesg.txt", boot_log),
                       ("lspci.txt", lspci)):
        try:
            how, text = read()
            found[name] = how, text.encode("utf-8", "replace")
        except Unreadable as error:
            lacking[name] = str(error)
    return found, lacking
