# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""
Is `compare` to be believed on this machine? BASE against itself must not alarm; BASE against
itself with a known slow-down inside the timed part must be caught.
"""

import dataclasses

import compare_text as text
from compare_job import Job
from compare_run import Side
from compare_stats import FASTER, INCONCLUSIVE, SAME, SLOWER

CERTAIN, LIKELY = 20, 10  # per cent slower: caught always; or where the resolution allows
RESOLUTION = 0.05
FALSE_ALARMS = 1  # of all A/A jobs


class SelfTest:
    """@options: of each job; their seeds follow one another."""

    def __init__(self, base, options, say, show):
        self.base, self.options, self.say, self.show = base, options, say, show
        self.started = 0

    def job(self, slow_down=0):
        extra = ["--slow-down", str(slow_down)] if slow_down else []
        options = dataclasses.replace(self.options, seed=self.options.seed + self.started,
                                      counts=False)
        self.started += 1
        new = Side("NEW", self.base.program, self.base.given, extra)
        job = Job(self.base, new, options, self.say).run()
        if job.interrupted:
            raise KeyboardInterrupt
        return job

    def run(self, jobs=None):
        """Whether all is as it must be; a line each."""
        return self.alarms(jobs) if jobs else all([
            self.holds("BASE against itself", self.job(), quiet),
            self.holds(f"{CERTAIN} % slower", self.job(CERTAIN), caught),
            self.holds(f"{LIKELY} % slower", self.job(LIKELY), caught_or_too_coarse)])

    def holds(self, what, job, rule):
        good, words = rule(job)
        if not good:
            self.show(job)
        self.tell(good, what, f"{text.closing(job)[9:]}; {job.rounds} rounds, "
                  f"{job.seconds:.0f} s, seed {job.options.seed}{words}")
        return good

    @staticmethod
    def tell(good, what, words):
        print(f"{'ok  ' if good else 'FAIL'} {what}: {words}", flush=True)

    def alarms(self, jobs):
        """BASE against itself, many times."""
        false, silent, decided = 0, 0, 0
        for number in range(1, jobs + 1):
            job = self.job()
            alarm = not quiet(job)[0]
            false += alarm
            silent += job.verdict == INCONCLUSIVE
            decided += job.verdict == SAME
            if alarm:
                self.show(job)
            print(f"job {number}: {text.closing(job)[9:]}; {job.rounds} rounds, "
                  f"{job.seconds:.0f} s, resolution {text.percent(job.resolution)}, "
                  f"seed {job.options.seed}", flush=True)
        good = false <= FALSE_ALARMS and decided > 0
        self.tell(good, f"BASE against itself, {jobs} jobs",
                  f"{text.number(false, 'false alarm')}, {silent} inconclusive, {decided} same"
                  f"{'' if decided else ': a machine on which nothing can be said'}")
        return good


def quiet(job):
    """No change is seen where there is none. That nothing could be said is no alarm."""
    return not job.error and job.verdict not in (SLOWER, FASTER), ""


def caught(job):
    """In every cell."""
    return job.verdict == SLOWER and len(job.having(SLOWER)) == len(job.cells), ""


def caught_or_too_coarse(job):
    coarse = job.verdict == INCONCLUSIVE and job.resolution > RESOLUTION
    return job.verdict == SLOWER or coarse, \
        f"; the resolution was {text.percent(job.resolution)}" if coarse else ""
