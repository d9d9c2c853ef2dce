# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How programs of reports/ end: who asks them to, and what went wrong, in one sentence."""

import signal

from model import ReportError, UsageError

FAILED, USAGE = 1, 2


def stop(_signal, _frame):
    raise KeyboardInterrupt


def heed_signals():
    """SIGTERM and SIGHUP end a program as ^C does: what is half written is put away first."""
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGHUP, stop)


def told(work, say, lost, known=True):
    """work()'s exit status; of an error that of its kind, said by say() with what is @lost by it,
    "no site was written". @known: also beside a ReportError, whose words may say so already."""
    heed_signals()
    try:
        return work()
    except ReportError as error:
        say(f"{error}; {lost}" if known else error)
        return USAGE if isinstance(error, UsageError) else FAILED
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        say(f"{where}{error.strerror}; {lost}")
    except KeyboardInterrupt:
        say(f"interrupted; {lost}")
    return FAILED
