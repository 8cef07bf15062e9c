"""What another grading would change, before it is committed."""

from dataclasses import dataclass

from nbgrader.api import MissingEntry

from autograder.records import load_record, status_of


@dataclass(frozen=True)
class Change:
    """One thing that would change.

    Attributes:
        student, chapter: whose.
        exercise: whose points or mistake change; None where the status of the submission does.
        old, new: points, or statuses; None where there was nothing.
        old_mistake, new_mistake: keys of recognised mistakes, or None.
        given: points that a person gave, which count whatever the judge says, or None.
    """

    student: str
    chapter: str
    exercise: str | None
    old: float | str | None
    new: float | str | None
    old_mistake: str | None = None
    new_mistake: str | None = None
    given: float | None = None


def changes(course, problems, examined):
    """What would change in gradebook and records; reads, and writes nothing.

    Args:
        course: `Course`.
        problems: ``(submission, status, sentence)`` of what cannot be graded.
        examined: ``(submission, intake, examination)`` of what can.

    Returns:
        list of `Change`.
    """
    found = []
    for submission, status, _ in problems:
        found += _new_status(submission, _record(course, submission), status)
    for submission, intake, examination in examined:
        record = _record(course, submission)
        status, _ = status_of(examination, intake.unreadable)
        found += _new_status(submission, record, status)
        found += _new_verdicts(course, submission, record, examination.exercises)
    return found


def _record(course, submission):
    return load_record(course, submission) or {}


def _new_status(submission, record, status):
    if record.get("status") != status:
        yield Change(submission.student, submission.chapter, None, record.get("status"), status)


def _new_verdicts(course, submission, record, exercises):
    before, grades = record.get("exercises") or {}, _grades(course, submission)
    for name, verdict in exercises.items():
        old, given = grades.get(f"check_{name}", (None, None))
        old_mistake = before.get(name, {}).get("mistake")
        if old != verdict["points"] or old_mistake != verdict["mistake"]:
            yield Change(
                submission.student,
                submission.chapter,
                name,
                old,
                verdict["points"],
                old_mistake,
                verdict["mistake"],
                given,
            )


def _grades(course, submission):
    """The judge's points and those given by hand, by grade id."""
    chapter, student = submission.chapter, submission.student
    with course.gradebook() as gradebook:
        try:
            notebook = gradebook.find_submission_notebook(chapter, chapter, student)
        except MissingEntry:
            return {}
        return {grade.name: (grade.auto_score, grade.manual_score) for grade in notebook.grades}


def change_lines(found):
    """Changes as rows of texts, with a head."""
    yield "student", "chapter", "exercise", "now", "would be", "mistake now", "would be", ""
    for change in found:
        yield (
            change.student,
            change.chapter,
            change.exercise or "(status)",
            _shown(change.old),
            _shown(change.new),
            change.old_mistake or "–",
            change.new_mistake or "–",
            "" if change.given is None else f"{change.given:g} given by hand count",
        )


def _shown(value):
    if value is None:
        return "–"
    return value if isinstance(value, str) else f"{value:.4g}"
