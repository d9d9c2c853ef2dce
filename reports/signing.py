# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
Signatures, by `ssh-keygen -Y` alone: OpenSSH's format, keys, agents and lists of signers.

A signature of FILE is FILE.sig, in a namespace of our own, so that none made for another
purpose counts. Keys may have a passphrase, be an agent's (then KEY is the public key), or be
in a token: ssh-keygen asks on the terminal.
"""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

from model import ReportError, UsageError

NAMESPACE = "iodirty-certificate"
TIMEOUT = 60  # of what asks nobody anything, in seconds


class BadSignature(ReportError):
    """It is there, and not what it should be."""


def keygen(*words, **more):
    """(exit status, stdout, stderr) of ssh-keygen."""
    try:
        done = subprocess.run(["ssh-keygen", *map(str, words)], capture_output=True,
                              env=dict(os.environ, LC_ALL="C"), timeout=TIMEOUT, check=False,
                              **more)
    except FileNotFoundError as error:
        raise UsageError("ssh-keygen is not there: install openssh-client") from error
    except subprocess.TimeoutExpired as error:
        raise ReportError(f"ssh-keygen did not end within {TIMEOUT} s") from error
    return (done.returncode, done.stdout.decode(errors="replace").strip(),
            done.stderr.decode(errors="replace").strip())


def last_line(text):
    return text.splitlines()[-1].strip() if text else "no reason given"


def check_key(key):
    """UsageError unless @key can be used to sign, as far as can be told without using it."""
    path = Path(key)
    try:
        mode = path.stat().st_mode
        with open(path, "rb") as file:
            file.read(1)
    except OSError as error:
        raise UsageError(f"{key}: {error.strerror}: --sign takes a private key, or the public "
                         "key of an agent") from error
    status, _, _ = keygen("-l", "-f", path.absolute(), stdin=subprocess.DEVNULL)
    if status:
        raise UsageError(f"{key} is no key that ssh-keygen can read: --sign takes a private key, "
                         "or the public key of an agent")
    if path.suffix != ".pub" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UsageError(f"{key} can be read by others, so ssh-keygen will not use it: "
                         f"chmod 600 {key}")


def sign(path, key):
    """Write @path.sig; ReportError if that cannot be."""
    check_key(key)
    signature = Path(f"{path}.sig")
    signature.unlink(missing_ok=True)
    words = ["ssh-keygen", "-q", "-Y", "sign", "-n", NAMESPACE, "-f", Path(key).absolute(),
             Path(path).absolute()]
    said = b""
    with subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as child:
        while block := os.read(child.stderr.fileno(), 4096):
            said += block  # shown at once: it may be "touch your token"
            sys.stderr.buffer.write(block)
            sys.stderr.flush()
    if child.returncode or not signature.is_file():
        agent = ("; does the agent have it (ssh-add -L)?" if Path(key).suffix == ".pub" else "")
        raise ReportError(f"{key} did not sign: "
                          f"{last_line(said.decode(errors='replace').strip())}{agent}")


def fingerprint(path, signature):
    """Of the key that made @signature, if that is of @path; BadSignature if not."""
    with open(path, "rb") as file:
        status, said, why = keygen("-Y", "check-novalidate", "-n", NAMESPACE, "-s", signature,
                                   stdin=file)
    match = re.search(r"SHA256:[A-Za-z0-9+/]+", said)
    if status or not match:
        raise BadSignature(f"it is no signature of this manifest for {NAMESPACE} "
                           f"({last_line(why)})")
    return match[0]


def names_in(allowed, signature, when):
    """Whom @allowed has for the key of @signature."""
    status, said, _ = keygen("-Y", "find-principals", "-f", allowed, "-s", signature, *when,
                             stdin=subprocess.DEVNULL)
    return [] if status else [name for line in said.splitlines() for name in line.split(",")]


def verify(path, signature, allowed, signer=None, at=None):
    """
    Who of the file @allowed signed @path: (name, fingerprint of the key). @signer: who must
    have; @at: the day on which the key must have been good (today). BadSignature if nobody did.
    """
    key = fingerprint(path, signature)
    when = [f"-Overify-time={at:%Y%m%d}"] if at else []
    names = [signer] if signer else names_in(Path(allowed).absolute(), signature, when)
    if not names:
        raise BadSignature(f"it is by key {key}, and nobody in {allowed} has that key now")
    why = ""
    for name in names:
        with open(path, "rb") as file:
            status, _, why = keygen("-Y", "verify", "-n", NAMESPACE, "-f",
                                    Path(allowed).absolute(), "-I", name, "-s", signature, *when,
                                    stdin=file)
        if not status:
            return name, key
    # Of several lines with that key ssh-keygen finds the first.
    more = "" if signer else "; whoever else has it is named by --signer"
    raise BadSignature(f"it is by key {key}, which is not {', '.join(names)}'s by {allowed} "
                       f"({last_line(why)}){more}")
