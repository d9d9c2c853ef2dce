# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How each kernel is configured and built, and what that takes."""

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import cache
from words import Stop, say

CONFIG = Path(__file__).resolve().parent / "config"
INIT = Path(__file__).resolve().parent / "init.c"
ARCH = {"uml": "um", "qemu": "x86_64"}
IMAGE = {"uml": "linux", "qemu": "arch/x86/boot/bzImage"}
TARGETS = {"uml": ["all"], "qemu": ["bzImage", "modules"]}

# Without these the kernel is of no use; the rest may differ from tree to tree.
NEEDED = ("IOMMUFD", "IOMMUFD_TEST", "IOMMU_DMA", "DEVTMPFS", "MODULES", "FAULT_INJECTION")
NEEDED_IF = {"uml": ("HOSTFS",), "qemu": ("9P_FS", "INTEL_IOMMU", "VFIO_PCI")}
NEEDED_DEBUG = ("KASAN", "PROVE_LOCKING")

# Command, or header; and Debian's package of it.
TOOLS = {"make": "make", "flex": "flex", "bison": "bison", "bc": "bc", "perl": "perl",
         "xz": "xz-utils"}
HEADERS = {"uml": {}, "qemu": {"gelf.h": "libelf-dev"}}
RUNNERS = {"uml": {}, "qemu": {"qemu-system-x86_64": "qemu-system-x86"}}


def compiler():
    return os.environ.get("CC", "gcc").split()


def compiles(text):
    done = subprocess.run([*compiler(), "-E", "-"], input=text, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL, text=True, check=False)
    return done.returncode == 0


def missing(flavour, built=False):
    """What this flavour takes, to build or only to run, and is not here: {what: package}."""
    tools = RUNNERS[flavour] if built else {**TOOLS, **RUNNERS[flavour]}
    lack = {tool: package for tool, package in tools.items() if not shutil.which(tool)}
    if built:
        return lack
    if not shutil.which(compiler()[0]):
        return {**lack, compiler()[0]: "gcc"}
    lack.update({header: package for header, package in HEADERS[flavour].items()
                 if not compiles(f"#include <{header}>")})
    return lack


def demand(flavour):
    lack = missing(flavour)
    if lack:
        raise Stop(f"{', '.join(lack)} missing: `ci/install lab`, or install "
                   f"{' '.join(dict.fromkeys(lack.values()))}")


def run_group(command, env, log, lock):
    """Its exit status; all of it ends with us. If we are killed, it has the lock to its end."""
    with subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=log,
                          stderr=subprocess.STDOUT, pass_fds=(lock,), process_group=0) as process:
        try:
            return process.wait()
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)  # make removes what is half made
            process.wait()
            raise


class Recipe:
    """A kernel of a source, and where in the cache it is."""

    def __init__(self, kernel, source):
        self.kernel = kernel
        self.source = source
        self.lock = None
        self.moves = kernel.series is None  # the tree is somebody's who works on it
        version = subprocess.run([*compiler(), "--version"], stdout=subprocess.PIPE,
                                 stderr=subprocess.DEVNULL, check=False).stdout \
            if shutil.which(compiler()[0]) else b""
        ident = cache.key(source.ident, kernel, version,
                          *(path.read_bytes() for path in self.files()))
        self.folder = cache.top() / "kernels" / f"{kernel.name}-{ident}"
        self.kdir = self.folder / "kdir"
        self.kconfig = self.folder / "Kconfig"
        self.mark = self.folder / "built"

    @property
    def arch(self):
        return ARCH[self.kernel.flavour]

    @property
    def image(self):
        return self.kdir / IMAGE[self.kernel.flavour]

    @property
    def log(self):
        return self.folder / "build.log"

    def is_built(self):
        return self.mark.is_file()

    def state(self):
        if self.is_built():
            return "built"
        return "begun" if self.folder.is_dir() else "not built"

    def version(self):
        """Of the kernel if it is built, else of what it would be built from."""
        return self.mark.read_text(encoding="utf-8").strip() if self.is_built() \
            else self.source.label

    def build(self):
        """Go on from wherever an earlier run ended."""
        if self.is_built() and not self.moves:
            return
        demand(self.kernel.flavour)
        tree = self.source.tree()
        with cache.lock(self.folder.name, f"building {self.kernel.name}") as self.lock:
            if self.is_built() and not self.moves:
                return
            self.kdir.mkdir(parents=True, exist_ok=True)
            say(f"building {self.kernel.name} of {tree}; the log: {self.log}")
            self.log.write_text("", encoding="utf-8")
            self.configure(tree)
            self.make(tree, f"-j{os.cpu_count() or 1}", *TARGETS[self.kernel.flavour])
            self.mark.write_text((self.kdir / "include/config/kernel.release")
                                 .read_text(encoding="utf-8"), encoding="utf-8")

    def files(self):
        """All that the configuration is made of; which of it fits is up to the tree."""
        debug = ["debug.config"] if self.kernel.debug else []
        return [CONFIG / name for name in ("common.config", f"{self.kernel.flavour}.config",
                                           "generic-pt.config", *debug, "Kconfig.append")]

    def fragments(self, tree):
        unfit = set() if (tree / "drivers/iommu/generic_pt").is_dir() else {"generic-pt.config"}
        return [path for path in self.files()
                if path.suffix == ".config" and path.name not in unfit]

    def configure(self, tree):
        """Only when it is another than before: a new .config would rebuild much."""
        fragment = "".join(path.read_text(encoding="utf-8") for path in self.fragments(tree))
        kconfig = (tree / "Kconfig").read_text(encoding="utf-8") + "\n" \
            + (CONFIG / "Kconfig.append").read_text(encoding="utf-8")
        done = self.folder / "configured"
        stamp = cache.key(fragment, kconfig)
        if done.is_file() and done.read_text(encoding="utf-8") == stamp:
            return
        (self.folder / "fragment").write_text(fragment, encoding="utf-8")
        self.kconfig.write_text(kconfig, encoding="utf-8")
        self.make(tree, f"KCONFIG_ALLCONFIG={self.folder / 'fragment'}", "allnoconfig")
        self.check_config(tree)
        done.write_text(stamp, encoding="utf-8")

    def check_config(self, tree):
        config = (self.kdir / ".config").read_text(encoding="utf-8").splitlines()
        needed = [*NEEDED, *NEEDED_IF[self.kernel.flavour],
                  *(NEEDED_DEBUG if self.kernel.debug else ())]
        lack = [name for name in needed if f"CONFIG_{name}=y" not in config]
        if lack:
            raise Stop(f"{self.kernel.name} of {tree} cannot have {', '.join(lack)}: what they "
                       f"depend on is another in this tree. See its Kconfig and {CONFIG}")

    def make(self, tree, *words):
        """The Kconfig of ours must be named each time, or the next make drops what it added."""
        cc = [f"CC={os.environ['CC']}"] if "CC" in os.environ else []
        command = ["make", "-C", str(tree), f"O={self.kdir}", f"ARCH={self.arch}",
                   f"KBUILD_KCONFIG={self.kconfig}", *cc, *words]
        # make's own variables, of a make that runs us, are not for this one.
        env = {key: value for key, value in os.environ.items()
               if key not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "CFLAGS", "LDFLAGS", "CC")}
        with open(self.log, "a", encoding="utf-8") as log:
            status = run_group(command, env, log, self.lock)
        if status:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
            # Of many compilers at once, the one that failed is seldom the last.
            first = next((at for at, line in enumerate(lines)
                          if re.search(r"\berror:|\*\*\*", line)), len(lines))
            shown = lines[max(first - 5, 0):first + 25]
            raise Stop("\n".join([*shown, f"{self.kernel.name} does not build; the whole log is "
                                          f"{self.log}"]))


def init_program():
    """The guest's first process, built when its source is new."""
    built = cache.folder("init") / cache.key(INIT.read_bytes(), " ".join(compiler()))
    if not built.is_file():
        with cache.lock("init", "building the guest's init"):
            part = built.with_suffix(".part")
            done = subprocess.run([*compiler(), "-static", "-O2", "-Wall", "-Wextra", "-Werror",
                                   "-o", part, INIT], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  check=False)
            if done.returncode:
                raise Stop(f"{done.stdout}\n{INIT.name} does not build: it takes a C compiler and "
                           "a static libc (Debian's libc6-dev)")
            part.replace(built)
    return built
