#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Real kernels to test in: built on demand, booted in a second, gone afterwards.

See `iodirty lab COMMAND --help`.
"""

import argparse
import shutil
import signal
import sys
from pathlib import Path

import console
import kernels
import recipe
import sources
from guest import FLAVOUR, Wants
from session import Session
from words import Stop, say

TOP = Path(__file__).resolve().parent.parent.parent


def recipe_of(args, look=False):
    kernel = kernels.find(args.kernel, args.source)
    return recipe.Recipe(kernel, sources.find(kernel, args.source, look))


# ---- list ----

def describe(kernel):
    """(version, state)"""
    try:
        found = recipe.Recipe(kernel, sources.find(kernel))
        version, state, built = found.version(), found.state(), found.is_built()
    except Stop as stop:
        version, state, built = "-", f"not built: {stop}", False
    lack = recipe.missing(kernel.flavour, built)
    if lack:
        state = (f"{'built, but cannot run' if built else 'cannot be built'}: "
                 f"{', '.join(lack)} missing: `ci/install lab`, or install "
                 f"{' '.join(dict.fromkeys(lack.values()))}")
    return version, state


def list_main(_args):
    print(f"{'name':<19} {'version':<16} state")
    for kernel in kernels.NAMED:
        version, state = describe(kernel)
        print(f"{kernel.name:<19} {version:<16} {state}")
    return 0


# ---- build, kdir ----

def print_kdir(found):
    print(f"KDIR={found.kdir}\nARCH={found.arch}\nKBUILD_KCONFIG={found.kconfig}")


def build_main(args):
    found = recipe_of(args, look=True)
    found.build()
    recipe.init_program()
    if args.print_kdir:
        print_kdir(found)
    else:
        print(f"{found.kernel.name} {found.version()}: {found.kdir}")
    return 0


def kdir_main(args):
    found = recipe_of(args)
    if not found.is_built():
        tree = f"--source {args.source} " if args.source else ""
        raise Stop(f"{args.kernel} is not built: `iodirty lab build {tree}{args.kernel}`")
    print_kdir(found)
    return 0


# ---- run ----

def to_read(program):
    """What the guest must see, wherever it is: the checkout, and the program's folder."""
    found = shutil.which(program)
    return [TOP, *([Path(found).resolve().parent] if found else [])]


def complaints(session):
    """With --strict, what the kernel said decides as well."""
    lines = console.complaints(session.said())
    for line in lines:
        say(f"the kernel said: {line}")
    return bool(lines)


def run_main(args):
    found = recipe_of(args)
    wants = Wants(args.memory, args.iommu, args.drive, args.smp)
    lack = recipe.missing(found.kernel.flavour, built=True)
    if lack:
        raise Stop(f"{', '.join(lack)} missing: `ci/install lab`")
    machine = FLAVOUR[found.kernel.flavour](found.image, recipe.init_program(), wants,
                                            found.kernel.debug)
    if not found.is_built():
        found.build()
    argv = [args.program, *args.arguments]
    with Session(machine, argv, Path.cwd(), to_read(args.program), args.timeout,
                 args.output) as session:
        status = session.run()
        return 1 if args.strict and complaints(session) else status


def positive(text):
    if int(text) < 1:
        raise ValueError
    return int(text)


def add_run(commands):
    run = commands.add_parser(
        "run", help="run a program in a kernel",
        usage="iodirty lab run [OPTIONS] KERNEL [--] PROGRAM [ARGUMENTS]",
        description="The program runs as root and sees the host's files, read-only but for the "
                    "current folder. Its exit status is that of the run; 1 if the guest ended "
                    "without it.")
    run.set_defaults(main=run_main)
    run.add_argument("--source", metavar="DIR", help="the kernel of this tree")
    run.add_argument("--memory", metavar="MB", type=positive, default=1024,
                     help="of the guest (default: 1024)")
    run.add_argument("--smp", metavar="N", type=positive, help="processors, QEMU (default: 2)")
    run.add_argument("--iommu", action="store_true",
                     help="QEMU: an Intel IOMMU, and the device edu at 00:10.0")
    run.add_argument("--drive", metavar="IMAGE", help="QEMU: an NVMe of this file, at 00:11.0")
    run.add_argument("--timeout", metavar="S", type=positive, help="end it after S seconds")
    run.add_argument("--output", metavar="DIR", type=Path,
                     help="leave console.log and journal.log there")
    run.add_argument("--strict", action="store_true",
                     help="exit 1 if the kernel warned on its console")
    run.add_argument("kernel")
    run.add_argument("program")
    run.add_argument("arguments", nargs=argparse.REMAINDER)


def parse(argv):
    parser = argparse.ArgumentParser(prog="iodirty lab", description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="the kernels, and whether they are built") \
        .set_defaults(main=list_main)
    build = commands.add_parser("build", help="build a kernel, or go on with it")
    build.set_defaults(main=build_main)
    build.add_argument("--print-kdir", action="store_true",
                       help="print what `make module` takes")
    kdir = commands.add_parser("kdir", help="print that, of a kernel that is built already")
    kdir.set_defaults(main=kdir_main)
    for command in (build, kdir):
        command.add_argument("--source", metavar="DIR", help="of this kernel tree")
        command.add_argument("kernel", nargs="?", default=kernels.DEFAULT)
    add_run(commands)
    return parser.parse_args(argv)


def main(argv=None):
    args = parse(argv)
    # So that what was started is ended.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as nohup has it
            signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        return args.main(args)
    except Stop as stop:
        say(stop)
        return stop.status
    except OSError as error:
        say(error)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(main())
