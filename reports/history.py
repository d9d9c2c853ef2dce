#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""iodirty history: keep runs in a database, and look at what is kept."""

import argparse
import json
import os
import re
import sys
from contextlib import ExitStack

sys.dont_write_bytecode = True

import history_read  # noqa: E402  (no bytecode into the checkout)
import verify_read  # noqa: E402
from ending import heed_signals  # noqa: E402
from history_database import default_address  # noqa: E402
from history_store import History  # noqa: E402
from model import ReportError, UsageError  # noqa: E402

DONE, FAILED, USAGE = 0, 1, 2
FILTERS = ["kind", "target", "kernel", "host", "verdict"]
COLUMNS = {"run": 12, "started": 20, "kind": 8, "target": 8, "kernel": 18, "host": 14,
           "verdict": 7, "failed": 6}


def say(text):
    print(f"iodirty history: {text}", file=sys.stderr, flush=True)


def plain(text):
    """Fit for a terminal: what was stored is anybody's."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


# ---- options ----

def commit(text):
    if not re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no commit: it has 40 hexadecimal digits")
    return text


def line(text):
    if len(text) > 500 or history_read.BAD_IN_A_LINE.search(text):
        raise argparse.ArgumentTypeError("it is no line of up to 500 characters")
    return text


def url(text):
    if len(text) > 500 or not re.fullmatch("https?://[!-~]+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no address: http://... or https://...")
    return text


def add_add(parser):
    parser.add_argument("paths", metavar="DIR", nargs="+",
                        help="a folder of `iodirty certify` (or its archive), of `conform -o`, of "
                        "`bench -o`, or of `iodirty report`")
    parser.add_argument("--commit", metavar="HASH", type=commit,
                        help="of iodirty, where the run does not say it: only packages and "
                        "reports do")
    parser.add_argument("--subject", metavar="TEXT", type=line,
                        help="what was tested, by commit or version (default: the kernel's "
                        "release; of the reference, iodirty's commit)")
    parser.add_argument("--host", metavar="NAME", type=line,
                        help="the machine's name, where its own is another each time, as of "
                        "rented ones: series go by host and processor")
    parser.add_argument("--url", metavar="URL", type=url,
                        help="where more of the run is to be found, such as the job in the CI")
    parser.add_argument("--verified", action="store_true",
                        help="take packages alone, and only those that `iodirty verify` trusts")


def add_list(parser):
    parser.add_argument("--json", action="store_true", help="all that is known of each run")
    for name in FILTERS:
        parser.add_argument(f"--{name}", metavar="TEXT", help=f"only those of this {name}")
    parser.add_argument("--last", metavar="N", type=int, help="only the N that began last")


def add_show(parser):
    parser.add_argument("run", metavar="RUN", help="its id, or how that begins")
    parser.add_argument("--json", action="store_true",
                        help="all of it, as in reports/schemas/run.schema.json")


def add_remove(parser):
    parser.add_argument("runs", metavar="RUN", nargs="+", help="its id, or how that begins")


def add_export(parser):
    parser.add_argument("runs", metavar="RUN", nargs="*", help="only these")


def add_import(parser):
    parser.add_argument("paths", metavar="FILE", nargs="*", default=["-"],
                        help="what export wrote; standard input if none is given")


def parse(argv):
    parser = argparse.ArgumentParser(
        prog="iodirty history", allow_abbrev=False,
        description="Keep the results of many runs in a database: SQLite, a file, for one "
        "machine; PostgreSQL for a fleet whose machines submit at the same time. `iodirty "
        "dashboard` makes a site of it.",
        epilog="Exit status: 0 done; 1 something was refused or failed (of what was refused "
        "nothing is stored; the rest is); 2 wrong usage.")
    db = argparse.ArgumentParser(add_help=False)
    db.add_argument("--db", metavar="FILE|URL", default=default_address(),
                    help="the history: a file, or postgresql://USER@HOST/DATABASE (better "
                    "without a password, which ~/.pgpass can keep; default: $IODIRTY_HISTORY, "
                    "else ~/.local/share/iodirty/history.db)")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for function, options, text in (
            (add, add_add, "store runs; one that is there is not stored again"),
            (show_list, add_list, "the runs, in the order of their starts"),
            (show, add_show, "one run, with what failed"),
            (remove, add_remove, "forget runs"),
            (export, add_export, "write runs as lines of JSON"),
            (import_, add_import, "store what export wrote")):
        name = {"show_list": "list"}.get(function.__name__, function.__name__.rstrip("_"))
        command = commands.add_parser(name, parents=[db], help=text, description=text.capitalize()
                                      + ".", allow_abbrev=False, epilog=parser.epilog)
        command.set_defaults(command=function)
        options(command)
    args = parser.parse_args(argv)
    if getattr(args, "last", None) is not None and args.last < 1:
        parser.error("--last: a number from 1")
    return args


# ---- commands ----

def store(history, record, name):
    added = history.add(record)
    print(f"{'added' if added else 'already there'}: {record['id']} ({name})", flush=True)


def add(args):
    status, history = DONE, None
    said = {k: v for k in ("commit", "subject", "host", "url") if (v := getattr(args, k))}
    for path in args.paths:
        try:
            record = history_read.read(path, said)
            if args.verified:
                if record["kind"] != "package":
                    raise ReportError("--verified takes packages alone, and it is none")
                history_read.verify(path)
        except ReportError as error:
            say(f"{path}: {error}; nothing of it was stored")
            status = FAILED
            continue
        history = history or History.open(args.db, create=True, say=say)
        try:
            store(history, record, path)
        except ReportError as error:
            say(f"{path}: {error}; nothing of it was stored")
            status = FAILED
    return status


def show_list(args):
    runs = History.open(args.db, say=say).runs()
    for name in FILTERS:
        wanted = getattr(args, name)
        runs = [r for r in runs if wanted in (None, r[name])]
    runs = runs[-args.last:] if args.last else runs
    if args.json:
        print(json.dumps([{k: v for k, v in r.items() if k not in ("number", "outcomes")}
                          for r in runs], indent=2))
        return DONE
    head = "  ".join(f"{name:{width}}" for name, width in COLUMNS.items())
    print(f"{head}  subject" if runs else "no such run")
    for r in runs:
        cells = {**r, "run": r["id"][:12]}
        print("  ".join(f"{plain(str(cells[name])):{width}}" for name, width in COLUMNS.items()),
              plain(r["subject"]), sep="  ")
    return DONE


def find(history, runs, given):
    """The id that begins so; ReportError unless there is just one."""
    found = [r["id"] for r in runs if given and r["id"].startswith(given)]
    if len(found) != 1:
        raise ReportError(f"{given!r} is how {len(found)} ids begin: give more of it" if found
                          else f"there is no run {given!r} in {history.name}")
    return found[0]


def show(args):
    history = History.open(args.db, say=say)
    with history.snapshot():
        record = history.record(find(history, history.runs(), args.run))
    if args.json:
        print(json.dumps(record, indent=2))
        return DONE
    for name, value in record.items():
        if isinstance(value, dict):
            value = ", ".join(f"{n:,} {v}" for v, n in value.items() if n) or "none"
        if isinstance(value, list):
            value = f"{len(value):,}"
        print(f"{name:10} {plain(str('' if value is None else value))}")
    for requirement, config, test, verdict, message in record["failures"]:
        print(plain(f"{verdict} {requirement} {config} {test}: {message}"))
    return DONE


def remove(args):
    history = History.open(args.db, say=say)
    ids = [find(history, history.runs(), given) for given in args.runs]
    for run in dict.fromkeys(ids):
        if history.remove(run):
            print(f"removed: {run}", flush=True)
    return DONE


def export(args):
    history = History.open(args.db, say=say)
    runs = history.runs()
    ids = [find(history, runs, given) for given in args.runs] or [r["id"] for r in runs]
    for run in ids:
        print(json.dumps(history.record(run), separators=(",", ":")))
    return DONE


def import_(args):
    status, history = DONE, History.open(args.db, create=True, say=say)
    for path in args.paths:
        with ExitStack() as stack:
            file = sys.stdin.buffer if path == "-" else stack.enter_context(open(path, "rb"))
            for number, text in enumerate(file, 1):
                name = f"{'standard input' if path == '-' else path}, line {number}"
                try:
                    record = verify_read.json_text(text.decode("utf-8"))
                    history_read.check(record)
                    store(history, record, name)
                except (ReportError, UnicodeDecodeError) as error:
                    say(f"{name}: {error}; nothing of it was stored")
                    status = FAILED
    return status


def mute():
    """What could not be written is not tried again at the exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def main(argv):
    args = parse(argv)
    heed_signals()
    sys.stdout.reconfigure(errors="backslashreplace")
    try:
        status = args.command(args)
        sys.stdout.flush()
        return status
    except ReportError as error:
        say(error)
        return USAGE if isinstance(error, UsageError) else FAILED
    except BrokenPipeError:  # who reads has seen enough
        mute()
        return FAILED
    except OSError as error:
        mute()
        where = f"{error.filename}: " if error.filename else ""
        say(f"{where}{error.strerror}")
        return FAILED
    except KeyboardInterrupt:
        say("interrupted; what was said to be added or removed is")
        return FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
