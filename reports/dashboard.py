#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""iodirty dashboard: a history as a static site."""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True

try:  # no bytecode into the checkout
    import dashboard_series
    import dashboard_site
    import history_store
    from dashboard_lines import Lines
    from dashboard_verdicts import Verdicts
    from ending import told
    from history_database import default_address
    from package import Package
except ImportError as missing:
    print(f"iodirty dashboard: {missing}: `ci/install history` installs it", file=sys.stderr)
    sys.exit(4)

ROOT = Path(__file__).resolve().parent.parent
DONE = 0
FACTS = "dashboard.json"


def say(text):
    print(f"iodirty dashboard: {text}", file=sys.stderr, flush=True)


def parse(argv):
    parser = argparse.ArgumentParser(
        prog="iodirty dashboard", allow_abbrev=False,
        description="Write a static site from the history: what is wrong now and since when, "
        "requirements by target and kernel, benchmark series and where they changed, runs. It "
        "needs no server: open DIR/index.html, or put DIR on one.",
        epilog="Exit status: 0 the site was written, whatever it says; 1 it was not; 2 wrong "
        "usage.")
    parser.add_argument("--db", metavar="FILE|URL", default=default_address(),
                        help="the history: a file, or postgresql://USER@HOST/DATABASE (default: "
                        "$IODIRTY_HISTORY, else ~/.local/share/iodirty/history.db)")
    parser.add_argument("-o", "--output", metavar="DIR", type=Path, default="iodirty-dashboard",
                        help="iodirty-dashboard unless given")
    parser.add_argument("--force", action="store_true", help="replace a site that is there")
    return parser.parse_args(argv)


def requirement_texts(program):
    """Id -> what the requirements say; none, said so, where the program cannot be asked."""
    try:
        listing = subprocess.run([program, "list", "requirements", "--json"], check=True,
                                 stdout=subprocess.PIPE).stdout
        return {text["id"]: text for text in json.loads(listing)}
    except (OSError, subprocess.CalledProcessError, ValueError, KeyError, TypeError) as error:
        say(f"{program} does not list its requirements ({error}): the site has no titles and "
            "classes, and a failure of any requirement counts")
        return {}


class Site:
    """All that is shown."""

    def __init__(self, history, texts):
        self.created = int(time.time())
        self.lines = Lines(history.runs())
        self.verdicts = Verdicts(self.lines, *history.all_outcomes(), texts)
        self.series, self.ratios = dashboard_series.read(history, self.lines)


def build(args, program):
    history = history_store.History.open(args.db, say=say)
    texts = requirement_texts(program)
    with Package(args.output, args.force, FACTS) as package, history.snapshot():
        site = Site(history, texts)
        dashboard_site.write(site, history, package.path)
        facts = {"format": "iodirty-dashboard", "format_version": 1, "created": site.created,
                 "runs": len(site.lines.runs), "series": len(site.series)}
        (package.path / FACTS).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
        package.finish()
    return site


def dashboard(args, program):
    site = build(args, program)
    if not site.lines.runs:
        say("the history has no runs yet: `iodirty history add DIR` adds them")
    print(f"dashboard: {args.output / 'index.html'}")
    return DONE


def main(argv):
    args = parse(argv)
    program = Path(os.environ.get("IODIRTY", ROOT / "iodirty")).absolute()
    return told(lambda: dashboard(args, program), say, "no site was written")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
