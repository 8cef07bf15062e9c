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

from autograder.sandbox import require_isolation
from autograder.worker import examine_here


class Processes:
    """Examines in `jobs` processes; use it with `with`.

    Raises:
        CourseError: there is no sandbox here, and submissions are not trusted.
    """

    def __init__(self, course, limits, jobs):
        require_isolation(limits.trusted)
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        self._course, self._jobs, self._pool = course, jobs, _pool(jobs)

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
            self._pool = _pool(self._jobs)
            return self._pool.submit(*work)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._pool.shutdown(cancel_futures=True)


def _pool(jobs):
    spawn = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(jobs, mp_context=spawn, initializer=_die_with_parent)


def _die_with_parent():
    """Ask Linux to end this worker, and with it its sandbox, when the grader is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
