# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Debian unstable's kernel source, by apt with lists and state of the lab's own.

The mirror, proxies and keys are those that the system's apt uses.
"""

import contextlib
import json
import re
import shutil
import subprocess
import time

import cache
from words import Stop, say

DAY = 24 * 3600
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def run(*words, cwd=None):
    """What a command printed, or None."""
    try:
        done = subprocess.run(words, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False)
    except FileNotFoundError:
        return None
    if done.returncode:
        say(done.stderr.strip())
        return None
    return done.stdout


def mirror():
    """Where this system's packages of Debian itself come from."""
    said = run("apt-get", "indextargets", "--format", "$(LABEL) $(REPO_URI)",
               "Created-By: Packages") or ""
    for line in said.splitlines():
        label, _, uri = line.partition(" ")
        if label == "Debian":
            return uri
    raise Stop("`latest` is Debian unstable's, and this system's apt names no mirror of Debian "
               "(`apt-get update` may be due). Build a kernel tree of yours by --source DIR")


def options():
    """apt's, so that it touches nothing of the system's."""
    home = cache.folder("apt")
    for name in ("state/lists/partial", "cache/archives/partial"):
        (home / name).mkdir(parents=True, exist_ok=True)
    (home / "status").touch()
    settings = {
        "Dir::State": home / "state", "Dir::State::status": home / "status",
        "Dir::Cache": home / "cache", "Dir::Etc::sourcelist": home / "sources.list",
        "Dir::Etc::sourceparts": "-", "Dir::Etc::preferences": "-",
        "Dir::Etc::preferencesparts": "-", "APT::Default-Release": "",
        "Acquire::Languages": "none", "APT::Sandbox::User": "",
    }
    return [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]


def look_for_newest():
    """(package, version), of the lists as they are at the mirror now."""
    signed = f"[signed-by={KEYRING}] "
    where = mirror()
    cache.whole(cache.folder("apt") / "sources.list", f"deb {signed}{where} unstable main\n")
    say("looking for Debian unstable's newest kernel source")
    if run("apt-get", *options(), "-qq", "update") is None:
        return None
    found = run("apt-cache", *options(), "search", "--names-only", r"^linux-source-[0-9.]+$") or ""
    packages = re.findall(r"^(linux-source-([\d.]+)) ", found, re.M)
    if not packages:
        return None
    package = max(packages, key=lambda p: [int(n) for n in p[1].split(".")])[0]
    policy = run("apt-cache", *options(), "policy", package) or ""
    candidate = re.search(r"Candidate: (\S+)", policy)
    return (package, candidate[1]) if candidate else None


def newest(look):
    """(package, version); what was last seen, unless @look and that was not today."""
    seen = cache.top() / "apt" / "newest.json"
    last = None
    with contextlib.suppress(OSError, ValueError):
        last = json.loads(seen.read_text(encoding="utf-8"))
    if look and (not last or time.time() - last["time"] > DAY):
        with cache.lock("apt", "asking the mirror"):
            found = look_for_newest()
        if found:
            last = {"package": found[0], "version": found[1], "time": time.time()}
            cache.whole(seen, json.dumps(last))
        elif last:
            say(f"the mirror does not answer; the last seen is {last['version']}")
    if not last:
        raise Stop("Debian unstable's newest kernel source is not known: "
                   + ("the mirror does not answer; try again when there is a network" if look
                      else "`iodirty lab build` of it looks"))
    return last["package"], last["version"]


def tarball(package, version):
    """The tarball in @package, fetched into the cache."""
    with cache.lock("apt", f"fetching {package}"):
        work = cache.folder("apt", "work")
        say(f"fetching {package} {version}")
        if run("apt-get", *options(), "-qq", "download", f"{package}={version}", cwd=work) is None:
            raise Stop(f"{package} {version} cannot be fetched (see above). If the mirror has a "
                       f"newer one by now, remove {cache.top() / 'apt' / 'newest.json'}")
        deb = next(work.glob(f"{package}_*.deb"))
        if run("dpkg-deb", "-x", str(deb), str(work)) is None:
            raise Stop(f"{deb} cannot be unpacked")
        shutil.rmtree(work / "usr/share", ignore_errors=True)
        deb.unlink()
        return work / "usr/src" / f"{package}.tar.xz"
