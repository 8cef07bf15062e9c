"""Grade a class: examine in parallel while one process writes nbgrader's gradebook."""

import math
import os
import re
import sys
from pathlib import Path

from nbgrader.converters import Autograde
from nbgrader.utils import capture_log

from autograder.batch import Batch
from autograder.comparison import changes
from autograder.course import LONGEST_TIMESTAMP, Submission, is_student, write_atomically
from autograder.database import one_engine
from autograder.errors import CourseError
from autograder.isolation import walls
from autograder.plain_files import TooLarge, everything_in, is_plain, read_plain
from autograder.processes import Processes
from autograder.records import AWAITS, FAILED, MISSING, UNREADABLE, results, save_problem
from autograder.roster import NOT_LISTED, people
from autograder.walls import told

COLLECTED_LIMIT = 200_000_000
FOLDER_LIMIT = 500_000_000  # bytes in all
NO_PLAIN_FILE = "{!r} is a link or another thing that is no plain file: take it out of the folder."
SETTINGS = "{!r} would be run by nbgrader as its settings: take it out of the folder."
TOO_MUCH = f"Its files have more than {FOLDER_LIMIT // 1_000_000} MB: take out what is not needed."
TOO_LARGE = "The file is too large to be copied; ask for one without outputs."


def grade(course, submitted, chapters, *, jobs, limits, silent=False, again=False, engine=None):
    """Grade every submission of the chapters; returns the results, a list of dicts.

    What the ledger holds already is not examined again, unless `again` says so. `engine(course,
    limits)` gives the engine that examines: by default as many processes as there are `jobs`.
    Raises CourseError, before any work is done, for a folder or chapter that is not there, where
    there is no sandbox, and while another grading is at work on the course.
    """
    _check_arguments(course, submitted, chapters)
    with course.grading(), _started(engine, course, limits, jobs, silent) as engine:
        submissions = collect(course, submitted, chapters)

        def write(submission):
            _write_gradebook(course, submission, limits, batch.failed.get(submission))

        batch = Batch(course, _locked_sources(course, chapters), limits, engine, write)
        with one_engine():
            batch.examine(submissions, again=again, silent=silent)
    return [row for chapter in chapters for row in results(course, chapter)]


def compare(course, submitted, chapters, *, jobs, limits, silent=False, again=False, engine=None):
    """What `grade` would change; returns a list of `comparison.Change`.

    The submissions are copied into the course and examined into the ledger, so that `grade` has
    little left to do; gradebook, autograded notebooks and verdict records stay as they are.
    Arguments and errors are those of `grade`.
    """
    _check_arguments(course, submitted, chapters)
    with course.grading(), _started(engine, course, limits, jobs, silent) as engine:
        sorted_out = list(sort_out(course, submitted, chapters))
        submissions = [submission for submission, problem in sorted_out if not problem]
        batch = Batch(course, _locked_sources(course, chapters), limits, engine)
        batch.examine(submissions, again=again, silent=silent)
        problems = [(where, *problem) for where, problem in sorted_out if problem]
        problems += [(where, FAILED, sentence) for where, sentence in batch.failed.items()]
        found = [(s, *batch.examined(s)) for s in submissions if s not in batch.failed]
        return changes(course, problems, found)


def _started(engine, course, limits, jobs, silent):
    """The engine that examines: the one asked for, or processes of this machine."""
    if engine:
        return engine(course, limits)
    started = Processes(course, limits, jobs)
    tell_isolation(limits, silent)
    return started


def tell_isolation(limits, silent):
    """Tell people, beside the results, what stands between submissions and this machine."""
    if not silent:
        print(told({walls(limits.trusted)}), file=sys.stderr)


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
    students = sorted(path for path in Path(submitted).iterdir() if _may_be_students(path))
    listed = people(course)
    for student in students:
        for chapter in chapters:
            submission, folder = Submission(student.name, chapter), student / chapter
            if listed is not None and student.name not in listed:
                if _is_there(folder):
                    yield submission, (AWAITS, NOT_LISTED)
            else:
                yield submission, _collect_one(course, folder, submission)


def _may_be_students(path):
    """Whether it is a folder, or a link that may lead to one: somebody has to look at that."""
    return os.path.isdir(path) or (path.is_symlink() and not os.path.isfile(path))


def _is_there(folder):
    """Whether a submission's folder exists, as far as one may look."""
    try:
        folder.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        pass
    return True


def _collect_one(course, folder, submission):
    """Like `_copy_one`; files that cannot be read or copied wait for a human."""
    try:
        return _copy_one(course, folder, submission)
    except TooLarge:
        return UNREADABLE, TOO_LARGE
    except OSError as error:
        return (
            AWAITS,
            f"Its files cannot be copied ({error.strerror or error}): look at its folder.",
        )


def _copy_one(course, folder, submission):
    """Copy one submission's files; returns (status, sentence) when there is none to grade."""
    if not is_student(submission.student):
        return AWAITS, "The folder's name is no student's id: rename it."
    target = course.notebook("submitted", submission.chapter, submission.student)
    odd = _what_is_odd(folder) or _what_is_odd(target.parent) or _too_much(target.parent)
    if odd:
        return AWAITS, odd
    candidates = _candidates(folder, target)
    if not candidates:
        return MISSING, "Nothing was handed in."
    if len(candidates) > 1 and folder / target.name in candidates:
        return AWAITS, f"{candidates[0].name} is newer than {target.name}: keep one of them."
    if len(candidates) > 1:
        names = ", ".join(path.name for path in candidates)
        return AWAITS, f"Several notebooks and none is named {target.name}: {names}. Keep one."
    _copy(candidates[0], target, COLLECTED_LIMIT)
    received = folder / "timestamp.txt"
    if received.is_file() and received.stat().st_size <= LONGEST_TIMESTAMP:
        _copy(received, target.with_name(received.name), LONGEST_TIMESTAMP)
    return None


def _what_is_odd(folder):
    """Why a submission's folder has to be looked at by a human, in a sentence, or None.

    nbgrader follows links: to another student's work, to what a grader alone may read, and,
    where it writes, out of the course. Formgrader runs the settings of any folder that the address
    of its page names.
    """
    paths = [path for path in (folder.parent, folder) if _is_there(path)]
    if len(paths) == 2 and all(map(is_plain, paths)):
        paths += everything_in(folder)
    for path in paths:
        if not is_plain(path):
            return NO_PLAIN_FILE.format(path.name)
        if path.stem.lower() == "nbgrader_config":
            return SETTINGS.format(path.name)
    return None


def _too_much(folder):
    """A sentence where nbgrader, which copies all that lies there, would fill the disk; or None."""
    size = sum(path.lstat().st_size for path in everything_in(folder)) if folder.exists() else 0
    return TOO_MUCH if size > FOLDER_LIMIT else None


def _candidates(folder, target):
    """The notebook of the proper name, or else all there are.

    In the course's own folder that notebook may be a copy which an earlier grading made: there a
    newer one of another name is not passed over, but comes first.
    """
    files = [
        path
        for path in sorted(folder.rglob("*.ipynb"))
        if path.is_file() and not path.is_symlink() and ".ipynb_checkpoints" not in path.parts
    ]
    exact = [path for path in files if path == folder / target.name]
    if not exact:
        return files
    made = _changed(exact[0]) if folder.resolve() == target.parent.resolve() else math.inf
    return [path for path in files if _changed(path) > made] + exact


def _changed(path):
    """When a file came or was changed: unpacking an archive sets the one time, not the other."""
    found = path.stat()
    return max(found.st_mtime, found.st_ctime)


def _copy(file, target, most):
    if file.resolve() != target.resolve():
        write_atomically(target, read_plain(file, most))


def _locked_sources(course, chapters):
    """By chapter the locked cells as the gradebook has them: with the hidden tests."""
    with course.gradebook() as gradebook:
        return {
            chapter: {
                cell.name: cell.source
                for cell in gradebook.find_notebook(chapter, chapter).source_cells
                if cell.locked
            }
            for chapter in chapters
        }


def _write_gradebook(course, where, limits, problem):
    """Let nbgrader grade one submission, with the examination at hand.

    Where a problem kept it from being examined, it is not tried here: nothing that was handed in
    may end this process.
    """
    if problem:
        return save_problem(course, where, FAILED, problem)
    config = course.config()
    config.Examine.cell_seconds = float(limits.cell_seconds)
    config.Examine.submission_seconds = float(limits.submission_seconds)
    config.Examine.trust_submissions = limits.trusted
    directory = course.directory(where.chapter, where.student)
    result = capture_log(Autograde(coursedir=directory, config=config, force=True))
    if "KeyboardInterrupt" in result.get("error", ""):
        raise KeyboardInterrupt  # nbgrader's log has swallowed it
    if not result["success"]:
        save_problem(course, where, FAILED, f"nbgrader could not grade it: {_last_error(result)}")


def _last_error(result):
    """The last exception that nbgrader logged, other than its own that only points to the log."""
    log = f"{result.get('log')}\n{result.get('error')}"
    errors = re.findall(r"^ *([\w.]*(?:Error|Exception|Entry)\b.*)$", log, re.MULTILINE)
    telling = [error for error in errors if "see the the above traceback" not in error]
    return (telling or errors or ["it gave no reason"])[-1]
