"""Grade a class: examine in parallel, then write nbgrader's gradebook from one process."""

import ctypes
import multiprocessing
import os
import re
import shutil
import signal
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat
from nbgrader.converters import Autograde
from nbgrader.utils import capture_log
from tqdm import tqdm

from autograder.comparison import changes
from autograder.course import Course, Submission, is_student
from autograder.errors import CourseError
from autograder.examination import examination
from autograder.intake import take_in
from autograder.records import AWAITS, FAILED, MISSING, UNREADABLE, results, save_problem
from autograder.roster import NOT_LISTED, people
from autograder.sandbox import require_isolation
from autograder.statuses import Limits
from autograder.walls import told, walls

COLLECTED_LIMIT = 200_000_000


@dataclass(frozen=True)
class Task:
    """What a worker needs to examine one submission; it never opens the gradebook."""

    root: Path
    submission: Submission
    locked: dict
    limits: Limits
    again: bool


def grade(course, submitted, chapters, *, jobs, limits, silent=False, again=False):
    """Grade every submission of the chapters; returns the results, a list of dicts.

    What the ledger holds already is not examined again, unless `again` says so. Raises
    CourseError, before any work is done, for a folder or chapter that is not there, where there
    is no sandbox, and while another grading is at work on the course.
    """
    _check_arguments(course, submitted, chapters)
    require_isolation(limits.trusted)
    tell_isolation(limits, silent)
    with course.grading():
        submissions = collect(course, submitted, chapters)
        tasks = tasks_for(course, submissions, limits, again)
        _examine_all(tasks, jobs, silent)
        for task in tqdm(tasks, desc="Writing the gradebook", unit="submission", disable=silent):
            _write_gradebook(course, task)
    return [row for chapter in chapters for row in results(course, chapter)]


def compare(course, submitted, chapters, *, jobs, limits, silent=False, again=False):
    """What `grade` would change; returns a list of `comparison.Change`.

    The submissions are copied into the course and examined into the ledger, so that `grade` has
    little left to do; gradebook, autograded notebooks and verdict records stay as they are.
    Arguments and errors are those of `grade`.
    """
    _check_arguments(course, submitted, chapters)
    require_isolation(limits.trusted)
    tell_isolation(limits, silent)
    with course.grading():
        sorted_out = list(sort_out(course, submitted, chapters))
        submissions = [submission for submission, problem in sorted_out if not problem]
        tasks = tasks_for(course, submissions, limits, again)
        _examine_all(tasks, jobs, silent)
        problems = [(where, *problem) for where, problem in sorted_out if problem]
        found = [(task.submission, *examined(replace(task, again=False))) for task in tasks]
        return changes(course, problems, found)


def tell_isolation(limits, silent):
    """Tell people, beside the results, what stands between submissions and this machine."""
    if not silent:
        print(told({walls(limits.trusted)}), file=sys.stderr)


def tasks_for(course, submissions, limits, again):
    """A Task for each submission."""
    chapters = {submission.chapter for submission in submissions}
    locked = {chapter: _locked_sources(course, chapter) for chapter in chapters}
    return [Task(course.root, s, locked[s.chapter], limits, again) for s in submissions]


def _check_arguments(course, submitted, chapters):
    if not Path(submitted).is_dir():
        raise CourseError(
            f"There is no folder {submitted}; give the one that holds "
            "<student>/<chapter>/<chapter>.ipynb."
        )
    _check_chapters(course, chapters)
    if not any(next(Path(submitted).glob(f"*/{chapter}"), None) for chapter in chapters):
        raise CourseError(
            f"The folder {submitted} holds nothing to grade; give the one that holds "
            "<student>/<chapter>/<chapter>.ipynb."
        )


def _check_chapters(course, chapters):
    released = course.released()
    for chapter in chapters:
        if chapter not in released:
            known = ", ".join(released) or "none"
            raise CourseError(
                f"The chapter {chapter!r} has not been released in {course.root} "
                f"(released: {known}); run `autograder release {chapter}`."
            )


def collect(course, submitted, chapters):
    """Bring the notebooks into the course's own submitted folder, where formgrader looks.

    Returns the list of Submission to grade; why others cannot be graded is put on record.
    """
    found = []
    for submission, problem in sort_out(course, submitted, chapters):
        if problem:
            save_problem(course, submission, *problem)
        else:
            found.append(submission)
    return found


def sort_out(course, submitted, chapters):
    """Copy what can be graded; yields each Submission with None or its (status, sentence)."""
    students = sorted(path for path in Path(submitted).iterdir() if path.is_dir())
    listed = people(course)
    for student in students:
        for chapter in chapters:
            submission, folder = Submission(student.name, chapter), student / chapter
            if listed is not None and student.name not in listed:
                if folder.is_dir():
                    yield submission, (AWAITS, NOT_LISTED)
            else:
                yield submission, _collect_one(course, folder, submission)


def _collect_one(course, folder, submission):
    """Copy one submission's files; returns (status, sentence) when there is none to grade."""
    if not is_student(submission.student):
        return AWAITS, "The folder's name is no student's id: rename it."
    target = course.notebook("submitted", submission.chapter, submission.student)
    candidates = _candidates(folder, target.name)
    if not candidates:
        return MISSING, "Nothing was handed in."
    if len(candidates) > 1:
        names = ", ".join(path.name for path in candidates)
        return AWAITS, f"Several notebooks and none is named {target.name}: {names}. Keep one."
    if candidates[0].stat().st_size > COLLECTED_LIMIT:
        return UNREADABLE, "The file is too large to be copied; ask for one without outputs."
    for file, name in ((candidates[0], target), (folder / "timestamp.txt", None)):
        _copy(file, name or target.with_name(file.name))
    return None


def _candidates(folder, name):
    files = [
        path
        for path in sorted(folder.rglob("*.ipynb"))
        if path.is_file() and not path.is_symlink() and ".ipynb_checkpoints" not in path.parts
    ]
    exact = [path for path in files if path == folder / name]
    return exact or files


def _copy(file, target):
    if file.is_file() and not file.is_symlink() and file.resolve() != target.resolve():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)


def _locked_sources(course, chapter):
    """The locked cells as the gradebook has them: with the hidden tests."""
    with course.gradebook() as gradebook:
        cells = gradebook.find_notebook(chapter, chapter).source_cells
        return {cell.name: cell.source for cell in cells if cell.locked}


def _examine_all(tasks, jobs, silent):
    """Examine in processes that import nothing from a submission; a failed one is left out.

    What is left out is examined again, alone, when the gradebook is written.
    """
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    spawn = multiprocessing.get_context("spawn")
    workers = max(1, min(jobs, len(tasks)))
    with ProcessPoolExecutor(workers, mp_context=spawn, initializer=_die_with_parent) as pool:
        futures = [pool.submit(examine_task, task) for task in tasks]
        progress = tqdm(
            as_completed(futures),
            total=len(futures),
            desc="Examining",
            unit="submission",
            disable=silent,
        )
        try:
            for future in progress:
                if isinstance(future.exception(), BrokenProcessPool):
                    break
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            raise


def _die_with_parent():
    """Ask Linux to end this worker, and with it its sandbox, when the grader is killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def examine_task(task):
    """Take one submission in, examine it and leave the examination in the ledger."""
    examined(task)


def examined(task):
    """A submission's Intake and its Examination, from the ledger where it is there."""
    course, where = Course(task.root), task.submission
    release = nbformat.read(course.notebook("release", where.chapter), 4)
    intake = take_in(course.notebook("submitted", where.chapter, where.student), release)
    for cell in intake.notebook.cells:
        cell.source = task.locked.get(cell.id, cell.source)
    notebook, unreadable = intake.notebook, intake.unreadable
    return intake, examination(course, where, notebook, task.limits, unreadable, task.again)


def _write_gradebook(course, task):
    """Let nbgrader grade one submission, with the examination at hand."""
    where = task.submission
    config = course.config()
    config.Examine.cell_seconds = float(task.limits.cell_seconds)
    config.Examine.submission_seconds = float(task.limits.submission_seconds)
    config.Examine.trust_submissions = task.limits.trusted
    directory = course.directory(where.chapter, where.student)
    result = capture_log(Autograde(coursedir=directory, config=config, force=True))
    if not result["success"]:
        save_problem(course, where, FAILED, f"nbgrader could not grade it: {_last_error(result)}")


def _last_error(result):
    """The last exception that nbgrader logged."""
    log = f"{result.get('log')}\n{result.get('error')}"
    errors = re.findall(r"^[\w.]*(?:Error|Exception|Entry)\b.*$", log, re.MULTILINE)
    return errors[-1] if errors else "it gave no reason"
