"""The engine for one machine: a pool of processes that import nothing from a submission.

An engine has `at_once`, how many tasks to have in hand, and `submit(task, chapter)`, which gives
a `concurrent.futures.Future` of an examination as JSON; see `autograder.cluster` for the other.
"""

import ctypes
import multiprocessing
import os
import signal
import sys
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

import torch

from autograder.isolation import require_isolation
from autograder.sandbox import sandbox
from autograder.worker import examine_here


class Processes:
    """Examines in `jobs` processes; use it with `with`.

    Raises:
        CourseError: there is no sandbox here, and submissions are not trusted.
    """

    def __init__(self, course, limits, jobs):
        require_isolation(limits.trusted)
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        self._course, self._jobs, self._trusted = course, jobs, limits.trusted
        self._pool = self._new_pool()

    def _new_pool(self):
        """Processes, and in each one its sandbox, that start before there is work for them.

        On Linux they are forked, with all that they need imported; elsewhere torch forbids it.
        """
        context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
        pool = ProcessPoolExecutor(self._jobs, mp_context=context, initializer=_start)
        for _ in range(self._jobs):
            pool.submit(_get_ready, self._trusted)
        return pool

    @property
    def at_once(self):
        """One task a process, and one more each, so that none has to wait."""
        return 2 * self._jobs

    def submit(self, task, chapter):
        """Have a task examined; a pool that lost a process is made anew."""
        work = examine_here, task, str(self._course.folder("release", chapter))
        try:
            return self._pool.submit(*work)
        except BrokenProcessPool:
            self._pool = self._new_pool()
            return self._pool.submit(*work)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._pool.shutdown(cancel_futures=True)


def _get_ready(trusted):
    if not trusted:
        sandbox()


def _start():
    """One thread only; and Linux ends this worker, with its sandbox, when the grader is killed."""
    torch.set_num_threads(1)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
