#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
system.py [-o DIR]: facts about this machine, as JSON.

Needs nothing but Python's own library, so that a guest can run it. Left out are the host's
name, serial numbers and MAC addresses: nobody needs them to judge a result.
"""

import argparse
import json
import os
import platform
import sys
from pathlib import Path

sys.dont_write_bytecode = True

import system_devices as devices  # noqa: E402  (no bytecode into the checkout)
import system_files  # noqa: E402
from system_read import command_output, key_values, read_text  # noqa: E402

CPU_IDS = ("vendor_id", "cpu family", "model", "stepping", "CPU implementer", "CPU variant",
           "CPU part", "CPU revision", "mvendorid", "marchid", "mimpid")


def cpu_info():
    return key_values(read_text("/proc/cpuinfo"), ":")


def facts():
    """In short: for any report."""
    cpu = cpu_info()
    release = key_values(read_text("/etc/os-release"), "=")
    uname = platform.uname()
    flags = cpu.get("flags") or cpu.get("Features") or cpu.get("isa") or ""
    compiler = command_output(os.environ.get("CC", "gcc").split()[0], "--version")
    return {
        "os": release.get("PRETTY_NAME", "unknown"),
        "kernel": f"{uname.system} {uname.release}",
        "kernel_version": uname.version,
        "machine": uname.machine,
        "kernel_command_line": read_text("/proc/cmdline"),
        "cpu_model": cpu.get("model name") or cpu.get("uarch") or "unknown",
        "cpus": os.cpu_count() or 0,
        "microcode": cpu.get("microcode", ""),
        "cpu_flags": flags.split(),
        "memory": key_values(read_text("/proc/meminfo"), ":").get("MemTotal", "unknown"),
        "compiler": compiler.splitlines()[0] if compiler else "unknown",
        "iommus": devices.iommus(),
    }


def full():
    """All of it: (facts, name of file below system/ -> bytes)"""
    cpu = cpu_info()
    found, lacking = system_files.collect()
    return {
        **facts(),
        "cpu_ids": {name: cpu[name] for name in CPU_IDS if cpu.get(name)},
        "firmware": devices.firmware(),
        "board": devices.dmi(devices.BOARD),
        "pci": devices.pci(),
        "iommu_groups": devices.iommu_groups(),
        "files": {f"system/{name}": how for name, (how, _) in sorted(found.items())},
        "unreadable": {f"system/{name}": why for name, why in sorted(lacking.items())},
    }, {name: data for name, (_, data) in found.items()}


def write_all(directory):
    """@directory/system.json, and the larger ones in @directory/system/"""
    shown, files = full()
    (directory / "system").mkdir(exist_ok=True)
    for name, data in files.items():
        (directory / "system" / name).write_bytes(data)
    (directory / "system.json").write_text(
        json.dumps(shown, indent=2, ensure_ascii=False) + "\n", encoding="utf-8",
        errors="replace")


def git_state(root):
    """(commit, clean) of the checkout at @root; ("", None) if it is none."""
    top = command_output("git", "rev-parse", "--show-toplevel", cwd=root)
    commit = command_output("git", "rev-parse", "--verify", "HEAD", cwd=root)
    if not commit or Path(top).resolve() != Path(root).resolve():
        return "", None
    return commit, not command_output("git", "status", "--porcelain", cwd=root)


def main(argv):
    parser = argparse.ArgumentParser(
        prog="system.py", allow_abbrev=False, description="Print facts about this machine as "
        "JSON.", epilog="Exit status: 0 done; 1 it could not be written; 2 wrong usage.")
    parser.add_argument("-o", "--output", metavar="DIR", type=Path, help="write system.json to "
                        "this folder, and to system/ in it kernel configuration, boot log, PCI "
                        "devices and ACPI's tables of IOMMUs")
    args = parser.parse_args(argv)
    try:
        if args.output:
            write_all(args.output)
        else:
            print(json.dumps(full()[0], indent=2, ensure_ascii=True))
            sys.stdout.flush()
    except OSError as error:
        print(f"system.py: {error.filename or 'the output'}: {error.strerror}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing more to say
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
