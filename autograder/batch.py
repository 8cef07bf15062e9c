"""Examines a batch of submissions: each once, what stays in doubt once more and alone.

Whatever comes back is put in the ledger at once, so that an interrupted batch goes on where it was.
"""

import json
from concurrent.futures import FIRST_COMPLETED, CancelledError, wait
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path

import nbformat
from tqdm import tqdm

from autograder.course import Submission
from autograder.errors import CourseError
from autograder.examination import ledger_path, load, save, task_for
from autograder.intake import take_in
from autograder.replies import read_reply
from autograder.worker import UnfitWorker

HEARTBEAT_SECONDS = 30  # after which the engine is asked whether it is still there
LOST_WORKERS = ("BrokenProcessPool", "KilledWorker")  # of the standard library, of Dask
FAILED_TWICE = "It could not be examined, not even alone: {}. Mark it by hand, or grade it again."
CANCELLED = (
    "The scheduler was lost. What was finished is kept: start the scheduler again, and repeat "
    "the command."
)


@dataclass(frozen=True)
class Job:
    """One submission's task as JSON, and the place that its examination has in the ledger."""

    submission: Submission
    task: str
    place: Path


class Batch:
    """The submissions of a course that one grading examines.

    Args:
        course: `autograder.course.Course`.
        locked: by chapter the locked cells' sources by name, with the hidden tests.
        limits: `autograder.statuses.Limits`.
        engine: see `autograder.processes`.
        settled: called with each submission whose examination is in the ledger or has failed.

    Attributes:
        failed: by submission the sentence why it could not be examined.
    """

    def __init__(self, course, locked, limits, engine, settled=lambda submission: None):
        self.course, self.limits, self.engine, self.settled = course, limits, engine, settled
        self.locked, self.failed, self._doubts = locked, {}, {}
        self._releases = {
            chapter: nbformat.read(course.notebook("release", chapter), 4) for chapter in locked
        }

    def examine(self, submissions, *, again=False, silent=False):
        """Examine what the ledger does not hold, or all of them; fills in `failed`.

        Raises:
            CourseError: a worker must not go on, or the engine was lost.
        """
        with _progress(len(submissions), "Examining", silent) as progress:
            jobs = self._jobs(submissions, progress, again)
            for job, future in _as_they_end(jobs, self._submit, lambda: self.engine.at_once):
                self._keep(job, future)
                progress.update()
        doubts, self._doubts = self._doubts, {}
        self._examine_alone(doubts, silent or not doubts)
        for submission, doubt in self._doubts.items():
            self._fail(submission, FAILED_TWICE.format(doubt))

    def _fail(self, submission, sentence):
        self.failed[submission] = sentence
        self.settled(submission)

    def _examine_alone(self, doubts, silent):
        """Once more, with nothing else at work that could be to blame."""
        with _progress(len(doubts), "Examining again, alone", silent) as progress:
            jobs = self._jobs(doubts, progress, again=True)
            for job, future in _as_they_end(
                jobs, self._submit, lambda: min(1, self.engine.at_once)
            ):
                self._keep(job, future, doubts[job.submission])
                progress.update()

    def _jobs(self, submissions, progress, again):
        """What there is to do; what the ledger holds is left out unless `again` says so."""
        for submission in submissions:
            try:
                job = self._job(submission)
            except Exception as error:  # one submission never stops the batch
                self._fail(submission, f"It could not be taken in: {_told(error)}.")
                progress.update()
                continue
            kept = None if again else load(job.place)
            if kept is None:
                yield job
                continue
            progress.update()
            if kept.final:
                self.settled(submission)
            else:
                self._doubts[submission] = kept.doubt

    def _job(self, submission):
        what = self._what(submission, self._take_in(submission))
        return Job(submission, json.dumps(asdict(task_for(*what))), ledger_path(*what))

    def _take_in(self, submission):
        """Take a submission in, with the sources of the locked cells."""
        chapter = submission.chapter
        handed_in = self.course.notebook("submitted", chapter, submission.student)
        intake = take_in(handed_in, self._releases[chapter])
        for cell in intake.notebook.cells:
            cell.source = self.locked[chapter].get(cell.id, cell.source)
        return intake

    def _what(self, submission, intake):
        return self.course, submission, intake.notebook, self.limits, intake.unreadable

    def examined(self, submission):
        """A submission's intake and what the ledger has of it."""
        intake = self._take_in(submission)
        return intake, load(ledger_path(*self._what(submission, intake)))

    def _submit(self, job):
        return self.engine.submit(job.task, job.submission.chapter)

    def _keep(self, job, future, doubt=""):
        """Put what came of a job in the ledger; note a doubt that is left."""
        try:
            found = read_reply(future.result(), job.task)
        except CancelledError as error:
            raise CourseError(CANCELLED) from error
        except UnfitWorker as error:
            raise CourseError(f"A worker cannot examine: {error}") from error
        except Exception as error:
            self._doubts[job.submission] = _told(error)
            return
        found = replace(found, repeated=doubt)
        save(job.place, found)
        if found.final:
            self.settled(job.submission)
        else:
            self._doubts[job.submission] = found.doubt


def _as_they_end(jobs, submit, at_once):
    """Have jobs done, no more than `at_once()` in hand; yields ``(job, future)`` as they end."""
    running = {}
    while True:
        for job in islice(jobs, max(0, at_once() - len(running))):
            running[submit(job)] = job
        if not running:
            return
        for future in wait(running, HEARTBEAT_SECONDS, FIRST_COMPLETED).done:
            yield running.pop(future), future


def _told(error):
    """An error in half a sentence."""
    if type(error).__name__ in LOST_WORKERS:
        return "the process that examined it was lost"
    lines = str(error).splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}"[:300].rstrip(".")


def _progress(total, what, silent):
    return tqdm(total=total, desc=what, unit="submission", disable=silent)
