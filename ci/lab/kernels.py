# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The kernels' names: FLAVOUR-SERIES[-debug], and of a given tree FLAVOUR[-debug]."""

from collections import namedtuple

from words import Stop

FLAVOURS = ("uml", "qemu")
SERIES = ("6.12", "latest")
DEFAULT = "uml-6.12"

# series is None where the source is a tree that the user named.
Kernel = namedtuple("Kernel", "name flavour series debug")

NAMED = [Kernel(f"{flavour}-{series}{'-debug' if debug else ''}", flavour, series, debug)
         for debug in (False, True) for flavour in FLAVOURS for series in SERIES]
FOR_TREES = [Kernel(f"{flavour}{'-debug' if debug else ''}", flavour, None, debug)
             for debug in (False, True) for flavour in FLAVOURS]


def find(name, tree=None):
    """The kernel called @name; with a @tree, the names are those without a series."""
    for kernel in FOR_TREES if tree else NAMED:
        if kernel.name == name:
            return kernel
    if tree:
        raise Stop(f"{name!r} is no kernel of a tree: with --source, the name is one of "
                   f"{', '.join(k.name for k in FOR_TREES)}", 2)
    if name in (kernel.name for kernel in FOR_TREES):
        raise Stop(f"{name!r} is the kernel of a tree: name that by --source DIR", 2)
    raise Stop(f"there is no kernel {name!r}. There are {', '.join(k.name for k in NAMED)}", 2)
