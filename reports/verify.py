#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""iodirty verify: is a certification package whole, and is its verdict what its logs say?"""

import argparse
import datetime
import json
import os
import resource
import sys
from dataclasses import dataclass
from pathlib import Path

sys.dont_write_bytecode = True

import verify_copy  # noqa: E402  (no bytecode into the checkout)
from ending import heed_signals  # noqa: E402
from model import ReportError, UsageError  # noqa: E402
from requirement_list import LISTS  # noqa: E402
from verify_checks import CHECKS, Found, NotDone, Package, ended_waivers  # noqa: E402
from verify_parts import SECONDS, limited  # noqa: E402
from verify_read import Wrong  # noqa: E402

PASSED, FAILED, USAGE, UNTRUSTED = 0, 1, 2, 3
RESULTS = {"ok": "ok", "wrong": "WRONG", "not-done": "-"}
SHOWN = 400  # characters of a sentence, which may quote the package


@dataclass
class Check:
    name: str
    result: str  # of RESULTS
    words: list


def say(words):
    print(f"iodirty verify: {words}", file=sys.stderr, flush=True)


def parse(argv):
    parser = argparse.ArgumentParser(
        prog="iodirty verify", allow_abbrev=False,
        description="Judge a certification package again, from its logs, without the hardware: "
        "are the files those that its manifest names, and is it signed; are the runs whole, of "
        "one kind and made as a certification is; is the verdict what the logs come to? Each "
        "check is a line: ok, WRONG with the reason, or - if it could not be done.",
        epilog="Exit status: 0 it is sound, and PASSED; 1 it is sound, and FAILED, or a waiver "
        "that it needs is over by now; 2 wrong usage, or no package at all; 3 it is not to be "
        "trusted.")
    parser.add_argument("package", metavar="PACKAGE", type=Path,
                        help="its folder, or the archive of that")
    parser.add_argument("--allowed-signers", metavar="FILE", type=Path,
                        help="who may sign, and with which keys (ssh-keygen(1), ALLOWED SIGNERS); "
                        "then the package must be signed by one of them")
    parser.add_argument("--signer", metavar="ID", help="which of them must have signed")
    parser.add_argument("--at", metavar="DATE", type=datetime.date.fromisoformat,
                        help="judge waivers and keys as on that day, as in 2027-06-30; today "
                        "unless given")
    parser.add_argument("--json", action="store_true", help="say it as JSON "
                        "(reports/schemas/verify.schema.json)")
    args = parser.parse_args(argv)
    if args.signer is not None and not args.allowed_signers:
        parser.error("--signer takes --allowed-signers, which says whose key is whose")
    return args


def check_allowed(path):
    """Before anything is looked at."""
    if path is None:
        return
    try:
        with open(path, "rb") as file:
            file.read(1)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}: --allowed-signers takes a file with a line "
                         "for each signer: NAME KEYTYPE KEY") from error


def done(check, package):
    """One of CHECKS, as a Check."""
    name = check.__name__
    try:
        with limited(SECONDS * (1 + len(package.parts.runs))):
            return Check(name, "ok", [check(package)])
    except Found as found:
        return Check(name, "wrong", list(found.args))
    except Wrong as error:  # of limited()
        return Check(name, "wrong", [str(error)])
    except NotDone as error:
        return Check(name, "not-done", [f"not looked at: {error}"])
    except MemoryError:
        return Check(name, "wrong", ["it takes more memory than any package"])


def conclude(package, checks):
    """(exit status, the last words)"""
    wrong = sum(c.result != "ok" for c in checks)
    if wrong:
        return UNTRUSTED, ["NOT TO BE TRUSTED, for the reasons above."]
    statement = package.parts.statement
    ended = list(ended_waivers(package))
    passed = statement["verdict"] == "PASSED" and not ended
    words = f"The package is sound. It says: {statement['sentence']}"
    return PASSED if passed else FAILED, [words, *(f"FAILED by now: {w}." for w in ended)]


def printable(words):
    """For a terminal: a package's words must not command it."""
    safe = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in words)
    return safe if len(safe) <= SHOWN else f"{safe[:SHOWN - 1]}…"


def as_text(checks, last):
    for check in checks:
        for words in check.words:
            print(f"{RESULTS[check.result]:<5}  {check.name:<9}  {printable(words)}")
    for words in last:
        print(printable(words))


def as_json(package, given, checks, status, last):
    trusted = status in (PASSED, FAILED)
    made = {
        "schema": "iodirty-verify-1", "package": str(given), "trusted": trusted,
        "verdict": package.parts.statement["verdict"] if trusted else None,
        "exit_code": status, "words": last,
        "id": package.parts.statement["id"] if trusted else None,
        "signed_by": package.signed_by, "key": package.key,
        "checks": [{"name": c.name, "result": c.result, "words": c.words} for c in checks]}
    print(json.dumps(made, indent=1))


def verify(args, lists):
    """The exit status."""
    check_allowed(args.allowed_signers)
    with verify_copy.opened(args.package) as copy:
        package = Package(copy, args.allowed_signers, args.signer, args.at, lists)
        checks = [done(check, package) for check in (CHECKS if copy.sums else CHECKS[:1])]
        status, last = conclude(package, checks)
        if args.json:
            as_json(package, args.package, checks, status, last)
        else:
            as_text(checks, last)
    sys.stdout.flush()
    return status


def bound_memory():
    """By half of what the machine has: a package that takes more is made to do harm."""
    half = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = half if hard == resource.RLIM_INFINITY else min(half, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def main(argv, lists=LISTS):
    args = parse(argv)
    sys.stdout.reconfigure(errors="backslashreplace")
    heed_signals()
    try:
        return verify(args, lists)
    except ReportError as error:
        say(printable(str(error)))
    except OSError as error:
        say(printable(f"{error.filename or 'the output'}: {error.strerror}"))
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing more to say
    except KeyboardInterrupt:
        say("interrupted")
    return USAGE


if __name__ == "__main__":
    bound_memory()
    sys.exit(main(sys.argv[1:]))
