#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
r"""Run the programs that show the deviations listed for the kernel that runs.

    show.py IODIRTY PROGRAMS [ID-GLOB]

IODIRTY is the command, PROGRAMS the folder that they are built in. Each must show its
deviation, and one that cannot be tried has failed, unless it takes luck, or a device of
VFIO's; those that would take this kernel down are not run. Run it where they belong:

    iodirty lab run uml-6.12 -- conformance/deviations/show.py \
        ./iodirty build/release/conformance/deviations
"""

import fnmatch
import json
import os
import platform
import re
import subprocess
import sys

FATAL = {"crash", "hang"}


def is_for(entry, release, uml):
    if entry["where"] == ("machine" if uml else "uml"):
        return False
    return any(re.match(re.escape(version) + r"(?![0-9])", release)
               for version in entry["versions"])


def user_mode_linux():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        return "User Mode Linux" in file.read()


def may_not_be_tried(cause, wanted):
    """It takes a race, or a device that nobody asked to look at by name."""
    return cause["luck"] or cause["target"] == "vfio" and wanted == "*"


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    iodirty, programs, wanted = (*sys.argv[1:], "*")[:3]
    listed = json.loads(subprocess.run([iodirty, "list", "deviations", "--json"], check=True,
                                       stdout=subprocess.PIPE).stdout)
    release, uml = platform.release(), user_mode_linux()
    causes = {}
    for entry in listed:
        here = is_for(entry, release, uml)
        name = entry["id"]
        if not fnmatch.fnmatch(name, wanted):
            continue
        luck = entry["sometimes"] and causes.get(name, {}).get("luck", True)
        causes[name] = {**entry, "here": here or causes.get(name, {}).get("here", False),
                        "luck": luck}
    passed = failed = skipped = 0
    for name, cause in sorted(causes.items()):
        reason = None
        if not cause["here"]:
            reason = f"not listed for {release}"
        elif cause["stake"] in FATAL:
            reason = "would take this kernel down"
        if reason:
            skipped += 1
            print(f"skip {name} {cause['title']}: {reason}")
            continue
        program = os.path.join(programs, cause["program"].removesuffix(".c"))
        done = subprocess.run([program], stdout=subprocess.PIPE, text=True, check=False)
        word = "ok  " if done.returncode == 1 else "FAIL"
        if done.returncode == 1:
            passed += 1
        elif done.returncode == 4 and may_not_be_tried(cause, wanted):
            word = "skip"
            skipped += 1
        else:
            failed += 1
        print(f"{word} {name} {cause['title']}: {done.stdout.strip()}", flush=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
