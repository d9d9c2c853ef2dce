# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a CI keeps of a bench.json, which the caller has held against its schema."""

import re
from dataclasses import dataclass

# In what a time or a count is measured that is worth comparing from run to run; beside them
# the ratios x_*, each a time over another of the same run.
UNITS = {"ns_per_iopte": "ns", "ns_per_page": "ns", "ms_per_gib": "ms/GiB", "over_report": ""}
OF_A_RATIO = re.compile(r"x_(?!.*_(median|p10|p90)$)")


@dataclass
class Measurement:
    """A row: SET/WHERE..., without what Google Benchmark adds to its name."""

    name: str
    numbers: dict
    error: str = ""

    @property
    def set(self):
        return self.name.partition("/")[0]

    def measures(self):
        """(name, value, unit) of each number that is kept."""
        for name, value in self.numbers.items():
            if name in UNITS or OF_A_RATIO.match(name):
                yield name, value, UNITS.get(name, "")


class Measured:
    def __init__(self, data):
        self.context = data["context"]
        self.rows = [self._row(r) for r in data["benchmarks"]]

    @staticmethod
    def _row(row):
        name = re.sub(r"/(iterations:|manual_time|process_time|real_time).*", "", row["name"])
        error = str(row["error_message"]) if row.get("error_occurred") else ""
        numbers = {k: v for k, v in row.items()
                   if isinstance(v, (int, float)) and not isinstance(v, bool)}
        return Measurement(name, {} if error else numbers, error)

    @property
    def failed(self):
        return [row for row in self.rows if row.error]
