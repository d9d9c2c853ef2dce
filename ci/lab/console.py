# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a kernel said on its console."""

import re

STAMP = re.compile(r"^(<\d+>)?\[ *\d+\.\d+\](\[ *[TC]\d+\])? ", re.M)

# The first line of a kernel's last words.
DEATH = re.compile(r"^(Kernel panic - not syncing|BUG:|kernel BUG at|Oops:|"
                   r"general protection fault|Internal error|divide error|KASAN:|"
                   r"Kernel mode (signal|fault)|iodirty: the guest cannot start)", re.M)

# What --strict does not let pass.
COMPLAINT = re.compile(r"\bWARNING:|\bBUG:|\bBUG at\b|\bOops\b|\bKASAN\b.*\bin\b|\bUBSAN:|refcount|"
                       r"possible (circular|recursive) locking|"
                       r"inconsistent lock state|suspicious RCU|\bleaked\b|sleeping function|"
                       r"list_(add|del) corruption|Kernel panic")


def plain(text):
    """Without the time of each line."""
    return STAMP.sub("", text.replace("\r", ""))


def death(text):
    """The first line of the kernel's last words, or None."""
    found = DEATH.search(text)
    return text[found.start():].partition("\n")[0] if found else None


def complaints(text):
    return [line for line in text.splitlines() if COMPLAINT.search(line)]


def notes(text, lines):
    """@lines of it: those from its last words on, which tell most at their beginning."""
    found = DEATH.search(text)
    words = text[found.start():].splitlines() if found else []
    return "\n".join(words[:lines]) if len(words) > lines else tail(text, lines)


def tail(text, lines):
    return "\n".join(text.rstrip("\n").splitlines()[-lines:])
