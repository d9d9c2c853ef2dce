# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What is started on the host to have a guest: user-mode Linux, or QEMU."""

import os
import random
from pathlib import Path

from words import Stop


# On demand, for tests of large leaves: none are set aside.
HUGE_PAGES = "sysctl.vm.nr_overcommit_hugepages=128"


class Wants:
    """Of the machine, by the options of `lab run`."""

    def __init__(self, memory=1024, iommu=False, drive=None, smp=None):
        self.memory = memory
        self.iommu = iommu
        self.drive = Path(drive).resolve() if drive else None
        self.smp = smp
        if self.drive and not self.drive.is_file():
            raise Stop(f"--drive {drive}: there is no such file", 2)


def kernel_words(session, filesystem, debug):
    """The part of the kernel's command line that both have.

    After an oops nothing that a kernel says is worth anything: it is to end there.
    """
    return [f"IODIRTY_SESSION={session.folder}", f"IODIRTY_FS={filesystem}", "oops=panic",
            "panic=-1", *(["kasan_multi_shot"] if debug else [])]


class Uml:
    """User-mode Linux: a process of the host's that sees its files by hostfs."""

    # Its stub unmaps the page of restartable sequences, which glibc has registered (6.12).
    env = {"GLIBC_TUNABLES": "glibc.pthread.rseq=0"}

    def __init__(self, image, init, wants, debug=False):
        for option, given in (("--iommu", wants.iommu), ("--drive", wants.drive),
                              ("--smp", wants.smp)):
            if given:
                raise Stop(f"{option}: user-mode Linux has no such hardware; use one of the qemu "
                           "kernels (`iodirty lab list`)", 2)
        self.image, self.init, self.wants, self.debug = image, init, wants, debug

    def prepare(self, session):
        """The guest finds its first process by a path without blanks."""
        init = session.folder / "init"
        if not init.exists():
            init.write_bytes(self.init.read_bytes())
            init.chmod(0o755)

    def command(self, session):
        return [str(self.image), f"mem={self.wants.memory}M", "rootfstype=hostfs", "ro",
                "con=null", "con0=null,fd:1", "ssl=null", "devtmpfs.mount=0",
                f"uml_dir={session.folder}/", "umid=guest", f"init={session.folder}/init",
                *kernel_words(session, "hostfs", self.debug)]

    @staticmethod
    def settle():
        """In the child: it is some times slower when it moves between processors."""
        os.sched_setaffinity(0, {random.choice(sorted(os.sched_getaffinity(0)))})


class Qemu:
    """QEMU without KVM: a PC that sees the host's files by 9p."""

    env = {}

    def __init__(self, image, init, wants, debug=False):
        self.image, self.init, self.wants, self.debug = image, init, wants, debug

    def prepare(self, session):
        initrd = session.folder / "initrd"
        if not initrd.exists():
            initrd.write_bytes(cpio({"dev": None, "host": None, "init": self.init.read_bytes()}))

    def command(self, session):
        wants = self.wants
        shares = [("/", "ro"), (session.folder, "rw"), *session.shares]
        return ["qemu-system-x86_64", "-M", "q35", "-accel", "tcg,thread=multi", "-cpu", "max",
                "-smp", str(wants.smp or 2), "-m", str(wants.memory),
                "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
                "-serial", "chardev:console",
                "-chardev", f"file,id=console,path={comma(session.console)},append=on",
                "-kernel", str(self.image), "-initrd", str(session.folder / "initrd"),
                "-append", " ".join(["console=ttyS0", "no_timer_check", HUGE_PAGES,
                                     *kernel_words(session, "9p", self.debug)]),
                *(["-device", "intel-iommu,intremap=on,caching-mode=on",
                   "-device", "edu,addr=0x10"] if wants.iommu else []),
                *(["-drive", f"file={comma(wants.drive)},format=raw,if=none,id=drive",
                   "-device", "nvme,drive=drive,serial=iodirty,addr=0x11"] if wants.drive else []),
                *(word for number, (path, mode) in enumerate(shares)
                  for word in share(number, path, mode))]

    @staticmethod
    def settle():
        """Nothing to do in the child."""


def comma(path):
    """In QEMU's options a comma is written twice."""
    return str(path).replace(",", ",,")


def share(number, path, mode):
    """The 9p device of a folder; init.c counts likewise."""
    readonly = ",readonly=on" if mode == "ro" else ""
    return ["-fsdev", f"local,id=share{number},path={comma(path)},security_model=none,"
                      f"multidevs=remap{readonly}",
            "-device", f"virtio-9p-pci,fsdev=share{number},mount_tag=share{number},"
                       "disable-legacy=on"]


def cpio(files):
    """An archive ("newc") of programs, and of folders where the content is None."""
    out = bytearray()
    for number, (name, content) in enumerate([*files.items(), ("TRAILER!!!", b"")], 1):
        mode = 0o040755 if content is None else 0o100755
        fields = [number, mode, 0, 0, 1, 0, len(content or b""), 0, 0, 0, 0, len(name) + 1, 0]
        out += b"070701" + b"".join(b"%08x" % field for field in fields)
        out += name.encode() + b"\0"
        out += bytes(-len(out) % 4)
        out += content or b""
        out += bytes(-len(out) % 4)
    return bytes(out)


FLAVOUR = {"uml": Uml, "qemu": Qemu}
