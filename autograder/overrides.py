"""Points that a person gives in place of the judge's, through nbgrader's gradebook and with a log.

The points stand in the gradebook as nbgrader's manual score, so that formgrader, feedback and
exports agree. `overrides.jsonl` in the course folder says who gave them, when and why.
"""

import getpass
import json
import math
import os
from datetime import UTC, datetime

from nbgrader.api import MissingEntry

from autograder.errors import CourseError
from autograder.statuses import printable

LOG = "overrides.jsonl"
MOST_NAMES = 20  # of students, in a sentence


def override(course, submission, exercise, points, because):
    """Give a student points for an exercise or a written question, whatever the judge says.

    Args:
        course: `Course`.
        submission: `Submission`, whose work on which chapter.
        exercise: its name.
        points: from 0 to the exercise's maximum.
        because: the reason, for the log.

    Returns:
        the entry of the log, a dict.

    Raises:
        CourseError: no such student, chapter or exercise, nothing handed in, points out of range,
            no reason, or a grading at work; nothing was changed then.
    """
    if not because.strip():
        raise CourseError('Say why, for the log: --because "the reason".')
    with course.grading(), course.gradebook() as gradebook:
        grade = _find_grade(gradebook, course, submission, exercise)
        if not 0 <= points <= grade.max_score:
            raise CourseError(
                f"{points:g} points cannot be given for {exercise}: from 0 to {grade.max_score:g}."
            )
        entry = _entry(submission, exercise, because.strip()) | _change(grade, points)
        _commit(gradebook, course, entry)
    return entry


def undo(course, submission, exercise, because=""):
    """Take the last override back; what counted before it counts again.

    Returns:
        the entry of the log, a dict.

    Raises:
        CourseError: there is none, or the points were changed in formgrader since.
    """
    with course.grading(), course.gradebook() as gradebook:
        grade = _find_grade(gradebook, course, submission, exercise)
        last = in_force(course, submission.chapter).get((submission.student, exercise))
        if last is None:
            raise CourseError(f"No override of {submission.student}'s {exercise} is in force.")
        if grade.manual_score != last["manual"]:
            raise CourseError(
                f"The points of {submission.student}'s {exercise} were changed by hand after the "
                "override; change them in formgrader, or override them again."
            )
        entry = _entry(submission, exercise, because.strip()) | {"undo": True}
        entry |= _change(grade, last["manual_before"])
        _commit(gradebook, course, entry)
    return entry


def _find_grade(gradebook, course, submission, exercise):
    """nbgrader's grade of a student's exercise. Raises CourseError, naming what there is."""
    chapter, student = submission.chapter, submission.student
    if chapter not in course.released():
        raise CourseError(_unknown("chapter", chapter, course.released()))
    if student not in {known.id for known in gradebook.students}:
        raise CourseError(_unknown("student", student, sorted(s.id for s in gradebook.students)))
    try:
        notebook = gradebook.find_submission_notebook(chapter, chapter, student)
    except MissingEntry:
        raise CourseError(
            f"Nothing of {student} has been graded in {chapter}; run `autograder grade` first."
        ) from None
    grades = {grade.name.removeprefix("check_"): grade for grade in notebook.grades}
    if exercise not in grades:
        raise CourseError(_unknown("exercise", exercise, sorted(grades)))
    return grades[exercise]


def _unknown(kind, name, known):
    more = f" and {len(known) - MOST_NAMES} more" if len(known) > MOST_NAMES else ""
    listed = ", ".join(known[:MOST_NAMES]) or "none yet"
    return f"There is no {kind} {name!r} in this course. There are: {listed}{more}."


def _entry(submission, exercise, because):
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "by": _who(),
        "student": submission.student,
        "chapter": submission.chapter,
        "exercise": exercise,
        "because": printable(because),
    }


def _who():
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may know no name for its user
        return f"user {os.getuid()}"


def _change(grade, manual):
    """Set the manual score as formgrader does; returns what was and what is, for the log."""
    before = {"old": _counts(grade), "manual_before": grade.manual_score, "auto": grade.auto_score}
    grade.manual_score = manual
    grade.needs_manual_grade = manual is None and grade.auto_score is None
    return before | {"new": _counts(grade), "manual": manual}


def _counts(grade):
    """The points that count; nbgrader reckons them in its database, which is not told yet."""
    given = grade.auto_score if grade.manual_score is None else grade.manual_score
    return 0.0 if given is None else given + (grade.extra_credit or 0.0)


def _commit(gradebook, course, entry):
    """Into log and gradebook: where the log cannot be written, the points do not change."""
    gradebook.db.flush()
    try:
        _append(course.root / LOG, json.dumps(entry, ensure_ascii=False) + "\n")
    except OSError as error:
        gradebook.db.rollback()
        raise CourseError(f"The log {course.root / LOG} cannot be written: {error}.") from error
    gradebook.db.commit()


def _append(path, line):
    """Add a whole line to a file, or nothing: half a one would make the log unreadable."""
    with path.open("ab", buffering=0) as log:
        before = log.tell()
        try:
            if log.write(line.encode()) < len(line.encode()):
                raise OSError("there is no room for a whole line")
            os.fsync(log.fileno())
        except OSError:
            log.truncate(before)
            raise


def read_log(course):
    """Every override and undoing, oldest first.

    Raises:
        CourseError: a line of the log is no entry.
    """
    path = course.root / LOG
    lines = path.read_text(encoding="utf-8").split("\n") if path.is_file() else []
    try:
        return [json.loads(line) for line in lines if line.strip()]
    except ValueError as error:
        raise CourseError(f"The log {path} holds a line that is no JSON ({error}).") from error


def in_force(course, chapter):
    """The overrides of a chapter that were not undone, by (student, exercise): the last of each."""
    stacks = {}
    for entry in read_log(course):
        if entry["chapter"] == chapter:
            stack = stacks.setdefault((entry["student"], entry["exercise"]), [])
            if entry.get("undo"):
                del stack[-1:]
            else:
                stack.append(entry)
    return {key: stack[-1] for key, stack in stacks.items() if stack}


def confirm(course, submission, grades):
    """After another grading: an override stands unasked while the judge gives the same points.

    nbgrader asks for every mark given by hand to be confirmed when a notebook is graded again.
    """
    entries = in_force(course, submission.chapter)
    for grade in grades:
        entry = entries.get((submission.student, grade.name.removeprefix("check_")))
        if entry and holds(entry, grade) and _same(entry["auto"], grade.auto_score):
            grade.needs_manual_grade = False


def holds(entry, grade):
    """Whether a logged override is what the gradebook has, and not a mark given since."""
    return grade.manual_score is not None and math.isclose(grade.manual_score, entry["manual"])


def _same(one, other):
    if one is None or other is None:
        return one is other
    return math.isclose(one, other, abs_tol=1e-9)
