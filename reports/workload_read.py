# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A trace as arrays."""

import sys
from pathlib import Path

import numpy as np

from model import ReportError
from workload_writes import Recording

sys.path.append(str(Path(__file__).resolve().parent.parent / "workloads"))

import trace_file  # noqa: E402  (the one reader of traces in Python)


def read(path, name):
    try:
        trace = trace_file.read(path)
    except trace_file.TraceError as error:
        raise ReportError(str(error)) from error
    writes = [a for a in trace.accesses if a.write]
    return Recording(
        name, trace.text, trace.pattern, trace.iova, trace.length, trace.devices,
        max(trace.ns, 1), len(trace.accesses) - len(writes),
        np.array([a.ns for a in writes], dtype=np.int64),
        np.array([a.iova - trace.iova for a in writes], dtype=np.int64),
        np.array([a.length for a in writes], dtype=np.int64))
