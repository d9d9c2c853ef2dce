# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Facts about the machine a run was made on, and about the tool."""

import os
import platform
import shutil
import subprocess
from pathlib import Path


def read_text(path):
    """The file's text without white space at the ends; "" if it cannot be read."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def command_output(*argv, cwd=None):
    """What a command prints, "" if it fails or is not there."""
    if not shutil.which(argv[0]):
        return ""
    try:
        done = subprocess.run(argv, cwd=cwd, capture_output=True, text=True, timeout=20,
                              errors="replace")
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def key_values(text, separator):
    """Of the lines "key SEPARATOR value", the first of each key."""
    pairs = {}
    for line in text.splitlines():
        name, found, value = line.partition(separator)
        if found:
            pairs.setdefault(name.strip(), value.strip().strip('"'))
    return pairs


def iommus():
    """The host's own IOMMUs, as sysfs shows them."""
    found = []
    base = Path("/sys/class/iommu")
    for path in sorted(base.iterdir()) if base.is_dir() else []:
        registers = {f"{driver}/{name}": read_text(path / driver / name)
                     for driver, names in (("intel-iommu", ("version", "cap", "ecap")),
                                           ("amd-iommu", ("cap", "features")))
                     for name in names if (path / driver / name).is_file()}
        devices = path / "devices"
        found.append({"name": path.name, "registers": registers,
                      "devices": len(list(devices.iterdir())) if devices.is_dir() else 0})
    return found


def facts():
    cpu = key_values(read_text("/proc/cpuinfo"), ":")
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
        "iommus": iommus(),
    }


def git_state(root):
    """(commit, clean) of the checkout at @root; ("", None) if it is none."""
    top = command_output("git", "rev-parse", "--show-toplevel", cwd=root)
    commit = command_output("git", "rev-parse", "--verify", "HEAD", cwd=root)
    if not commit or Path(top).resolve() != Path(root).resolve():
        return "", None
    return commit, not command_output("git", "status", "--porcelain", cwd=root)
