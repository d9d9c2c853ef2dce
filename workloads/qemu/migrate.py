#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Live migration of an unmodified QEMU on the reference, and every byte of memory compared.

Two machines, each a QEMU under an `iodirty run` of its own, with a modelled device that writes
random pages while the first is migrated to the second (guest.c). Memory was filled before, and
the link is slow, so that there are several rounds of dirty pages; then

  - the memory of both is the same, to the byte;
  - the source's holds all that its device wrote: what each write was is known;
  - the device goes on at the destination, and so does the guest.

Exit code: 0 so it was in each run, 1 not, 2 wrong usage, 4 nothing ran, with the reason.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from array import array
from pathlib import Path

from machine import Failed, Machine

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[1]
PAGE = 4096
MIB = 1 << 20
QEMU = "qemu-system-x86_64"
OLDEST = 10
GUEST_FLAGS = ["-m32", "-march=i686", "-O2", "-ffreestanding", "-mgeneral-regs-only", "-fno-pic",
               "-fno-pie", "-no-pie", "-fno-stack-protector", "-fno-asynchronous-unwind-tables",
               "-nostdlib", "-static", "-Wl,--build-id=none", "-Wl,--no-warn-rwx-segments"]
DEVICE = "pci,log,migration"
ROUNDS = 3  # with fewer a bit that is lost may not be missed
ENOUGH = 25  # that do not get shorter: a machine too slow, or leaves that are all dirty
BANDWIDTH = 60_000_000  # bytes a second
DOWNTIME_MS = 3  # what is left for the end is little
SHOWN = 8  # addresses of pages that differ
MASK = (1 << 64) - 1


class Missing(Exception):
    """It cannot run here; the text says why, and what to do."""


def find_qemu():
    path = shutil.which(QEMU)
    version = path and re.search(r" version (\d+)\.",
                                 subprocess.run([path, "--version"], check=False, text=True,
                                                stdout=subprocess.PIPE).stdout)
    if not version or int(version[1]) < OLDEST:
        raise Missing(f"this takes QEMU {OLDEST}.0 or later, and there is "
                      f"{'version ' + version[1] if version else 'none'}: run `ci/install --qemu`")
    return path


def build_guest(target):
    compiler = os.environ.get("CC", "gcc")
    try:
        machine = subprocess.run([compiler, "-print-multiarch"], check=True, text=True,
                                 stdout=subprocess.PIPE).stdout.strip()
        subprocess.run([compiler, *GUEST_FLAGS, f"-Wl,-T,{HERE / 'guest.ld'}",
                        "-I", TOP / "include", "-idirafter", f"/usr/include/{machine}",
                        HERE / "guest.c", "-o", target], check=True, text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Missing(f"{compiler} does not make the guest, a program for 32 bits: "
                      f"{getattr(error, 'stdout', None) or error}") from None


# ---- what the device writes (struct iodirty_stream_start) ----

def slot(seed, n, slots):
    z = (seed + (n + 1) * 0x9e3779b97f4a7c15) & MASK
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9 & MASK
    z = (z ^ z >> 27) * 0x94d049bb133111eb & MASK
    return (z ^ z >> 31) % slots


def device_writes(memory, start, length, seed):
    """How many it did, and pages that do not hold what it wrote there last.

    What the guest filled in has no 8 bytes below 2^32; a write's value is its number.
    """
    words = array("Q", memory[start:start + length])[::PAGE // 8]
    numbers = [n for n in words if n < 1 << 32]
    completed = max(numbers) + 1 if numbers else 0
    last = {slot(seed, n, len(words)): n for n in range(completed)}
    return completed, [start + i * PAGE for i, n in enumerate(words)
                       if last.get(i, -1) != (n if n < 1 << 32 else -1)]


def differing(one, other):
    if len(one) != len(other):
        raise Failed(f"{len(one)} bytes of memory became {len(other)}")
    return [at for at in range(0, len(one), PAGE) if one[at:at + PAGE] != other[at:at + PAGE]]


def addresses(pages):
    shown = " ".join(f"{page:#x}" for page in pages[:SHOWN])
    return shown + (f" and {len(pages) - SHOWN} more" if len(pages) > SHOWN else "")


# ---- a run ----

# Of the tracker that was wanted there are some, of the other none.
HARVESTS = {"iommu": "iommufd_backend_get_dirty_bitmap",
            "device": "vfio_device_dirty_tracking_start"}


class Run:
    def __init__(self, args, number, scratch, qemu):
        self.args = args
        self.seed = args.seed + number
        self.scratch = scratch
        self.qemu = qemu

    def machine(self, name, *more):
        args = self.args
        device = "vfio-pci,id=vf0,fd=4,iommufd=iommufd0,x-no-mmap=on,enable-migration=on"
        if args.tracker == "iommu":
            device += ",x-device-dirty-page-tracking=off"
        traces = [word for event in HARVESTS.values() for word in ("-trace", event)]
        return Machine(
            name, self.scratch,
            [args.iodirty, "run", "-f", args.format, "--split", args.split,
             "--device", args.device, "--", "sh", "-c",
             'exec 3<>/dev/iommu 4<>/dev/vfio/devices/vfio0 && exec "$@"', "sh"],
            [self.qemu, "-nodefaults", "-display", "none", "-machine", "q35", "-accel", "tcg",
             "-m", args.memory, "-kernel", self.scratch / "guest",
             "-append", f"seed={self.seed} rate={args.rate}",
             "-object", "iommufd,id=iommufd0,fd=3", "-device", device, *traces, *more])

    def migrate(self, source, destination, address):
        destination.execute("migrate-incoming", uri=address)
        source.execute("migrate-set-parameters", **{
            "max-bandwidth": self.args.bandwidth, "downtime-limit": DOWNTIME_MS})
        source.execute("migrate", uri=address)
        info = source.wait_migration(ENOUGH)
        destination.wait_migration()
        destination.wait_status("paused", "prelaunch")
        return info

    def check_tracker(self, source):
        used = {name: len(re.findall(rf"\b{event}\b", source.log()))
                for name, event in HARVESTS.items()}
        for name, n in used.items():
            if (n > 0) != (name == self.args.tracker):
                raise Failed(f"tracker {self.args.tracker} was wanted, and "
                             f"{HARVESTS[name]} was called {n} times")

    def goes_on(self, destination, completed):
        """The device is at least where it was, and goes further; by the guest's reports."""
        seen = []
        destination.execute("cont")

        def further():
            seen[:] = map(int, re.findall(r"^completed (\d+) faults 0$", destination.serial(),
                                          re.M))
            return len(seen) >= 3 and seen[0] >= completed and seen[-1] > seen[0]
        destination.wait(further, lambda: "the device goes on writing at the destination: it "
                         f"was at {completed}, and is at {seen}")

    def compare(self, source, destination, start, length):
        one, other = source.memory(self.args.memory * MIB), \
            destination.memory(self.args.memory * MIB)
        pages = differing(one, other)
        completed, lost = device_writes(one, start, length, self.seed)
        if lost:
            raise Failed(f"{len(lost)} pages of the source do not hold what its device wrote "
                         f"there last: {addresses(lost)}")
        if not completed:
            raise Failed("the device wrote nothing")
        return completed, pages

    def run(self):
        """(fine, a line of words)."""
        start = time.monotonic()
        address = f"unix:{self.scratch / 'migration'}"
        with self.machine("source") as source, \
                self.machine("destination", "-S", "-incoming", "defer") as destination:
            source.wait(lambda: re.search(r"^(ready|failed)", source.serial(), re.M),
                        lambda: "the guest is ready")
            where = re.search(r"^ready (\d+) (\d+)$", source.serial(), re.M)
            if not where:
                raise Failed(f"the guest {source.serial().strip()}")
            info = self.migrate(source, destination, address)
            self.check_tracker(source)
            completed, pages = self.compare(source, destination, *map(int, where.groups()))
            source.quit()
            rounds, sent = info["ram"]["dirty-sync-count"], info["ram"]["transferred"]
            if rounds < ROUNDS:
                raise Failed(f"{rounds} rounds of dirty pages, and {ROUNDS} are the least that "
                             "say something: a lower --bandwidth makes more")
            if not pages:
                self.goes_on(destination, completed)
            destination.quit()
        return not pages, (
            f"{rounds} rounds, {sent / 1e6:.1f} MB in {info['total-time'] / 1000:.1f} s, "
            f"{completed} device writes, {len(pages)} pages differ"
            f"{': ' + addresses(pages) if pages else ''} "
            f"({time.monotonic() - start:.1f} s)")


def one_run(args, number, qemu):
    """True if all was well; its line is printed."""
    with tempfile.TemporaryDirectory(prefix="iodirty-") as scratch:
        scratch = Path(scratch)
        build_guest(scratch / "guest")
        try:
            fine, words = Run(args, number, scratch, qemu).run()
        except Failed as error:
            fine, words = False, str(error)
        finally:
            if args.output:
                folder = args.output / f"{args.tracker}-{number + 1}"
                folder.mkdir(parents=True)
                for log in scratch.glob("*.log"):
                    shutil.copy(log, folder)
    print(f"{'ok  ' if fine else 'FAIL'} run {number + 1}, seed {args.seed + number}, "
          f"tracker {args.tracker}: {words}", flush=True)
    return fine


def number_from(least):
    def parse(text):
        value = int(text)
        if value < least:
            raise ValueError
        return value
    parse.__name__ = f"number from {least} on"
    return parse


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=number_from(1), default=1, metavar="N")
    parser.add_argument("--seed", type=number_from(0), default=1, metavar="N",
                        help="of the first run; the next has one more")
    parser.add_argument("--tracker", choices=("iommu", "device"), default="iommu",
                        help="whose dirty bits: by iommufd, or VFIO's DMA logging")
    parser.add_argument("--iodirty", type=Path, default=TOP / "build/release/iodirty",
                        metavar="PATH", help="another build of the reference")
    parser.add_argument("--format", default="amd-v1", help="of the IOMMU's page tables")
    parser.add_argument("--split", default="in-place", metavar="POLICY",
                        help="what becomes of large leaves meanwhile, as of iodirty run")
    parser.add_argument("--device", default=DEVICE, metavar="SPEC", help="as of iodirty run")
    parser.add_argument("--memory", type=number_from(8), default=64, metavar="MIB")
    parser.add_argument("--rate", type=number_from(1), default=5000,
                        help="the device's writes a second")
    parser.add_argument("--bandwidth", type=number_from(1), default=BANDWIDTH,
                        help="of the link, in bytes a second")
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="for logs; a new folder")
    args = parser.parse_args()
    args.iodirty = args.iodirty.resolve()
    if not args.iodirty.is_file():
        parser.error(f"there is no {args.iodirty}: run `make`")
    if args.output and args.output.exists():
        parser.error(f"{args.output} exists")
    return args


def main():
    args = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        qemu = find_qemu()
        good = sum(one_run(args, number, qemu) for number in range(args.runs))
    except Missing as reason:
        print(f"skip: {reason}")
        return 4
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    print(f"{good} passed, {args.runs - good} failed, 0 skipped")
    return 0 if good == args.runs else 1


if __name__ == "__main__":
    sys.exit(main())
