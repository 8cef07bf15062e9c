"""Examining a class on a Dask cluster of one, two and four worker processes on this machine.

One submission in twenty is hostile: endless, gone in the middle, greedy for memory. The gradebook's
one writer is left out.
"""

import json
import os
import shutil
import tempfile
import time
from pathlib import Path

from distributed import LocalCluster

from autograder.batch import Batch
from autograder.cluster import Cluster
from autograder.course import Course, Submission
from autograder.grading import _locked_sources
from autograder.statuses import Limits
from benchmarks.made_class import CHAPTER, make_course

SUBMISSIONS = 1000
HONEST = ("right", "wrong", "failing", "untouched")
HOSTILE = ("endless", "gone", "greedy")
KINDS = [
    HOSTILE[n // 20 % 3] if n % 20 == 19 else HONEST[n % 4]  # one in twenty
    for n in range(SUBMISSIONS)
]
LIMITS = Limits(cell_seconds=2, submission_seconds=5)
NO_CERTIFICATES = dict.fromkeys(("tls_ca_file", "tls_client_cert", "tls_client_key"))


def main():
    """Print submissions a second, and how much of each further worker is of use."""
    print(f"  {SUBMISSIONS} submissions on {os.cpu_count()} processors")
    with tempfile.TemporaryDirectory() as folder:
        course = Course.open(Path(folder, "course"))
        make_course(course, Path(folder), KINDS)
        ledgers, taken = {}, {}
        for workers in (1, 2, 4):
            taken[workers] = _examine(course, workers)
            ledgers[workers] = _ledger(course)
            assert ledgers[workers] == ledgers[1], "another number of workers, another ledger"
            shutil.rmtree(course.root / "ledger")
            _tell(workers, taken)


def _examine(course, workers):
    """Seconds to examine the class, the start of the workers and of their sandboxes left out."""
    settings = {"n_workers": workers, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
    students = [Submission(f"s{number}", CHAPTER) for number in range(SUBMISSIONS)]
    with (
        LocalCluster(host="127.0.0.1", protocol="tcp://", **settings) as machines,
        Cluster(course, LIMITS, machines.scheduler_address, NO_CERTIFICATES) as engine,
    ):
        batch = Batch(course, _locked_sources(course, [CHAPTER]), LIMITS, engine)
        batch.examine(students[: 2 * workers], silent=True)  # each worker makes its sandbox
        start = time.perf_counter()
        batch.examine(students, again=True, silent=True)
        return time.perf_counter() - start


def _ledger(course):
    """Points by ledger entry."""
    files = sorted((course.root / "ledger").rglob("*.json"))
    found = {file.name: json.loads(file.read_text(encoding="utf-8")) for file in files}
    return {
        name: [verdict["points"] for verdict in entry["exercises"].values()]
        for name, entry in found.items()
    }


def _tell(workers, taken):
    rate, efficiency = SUBMISSIONS / taken[workers], taken[1] / taken[workers] / workers
    print(f"  {workers} workers {rate:13.2f} submissions a second   efficiency {efficiency:4.0%}")
