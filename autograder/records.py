"""What the grader keeps about each submission beside nbgrader's gradebook: the verdict records."""

import json

from nbgrader.api import MissingEntry

from autograder.course import Submission, write_atomically

GRADED, AWAITS, UNREADABLE = "graded", "needs a human", "unreadable"
STOPPED, CRASHED, MISSING, FAILED = "stopped", "crashed", "missing", "failed"


def record_path(course, submission):
    """Where a submission's verdict record lies."""
    return course.root / "verdicts" / submission.chapter / f"{submission.student}.json"


def save_record(course, submission, found, intake):
    """Keep an examination and what the intake repaired."""
    status, sentence = _status(found, intake)
    record = {
        "student": submission.student, "chapter": submission.chapter,
        "status": status, "sentence": sentence, "repairs": list(intake["repairs"]),
        "exercises": found.exercises, "cells": found.statuses, "seconds": found.seconds,
    }
    text = json.dumps(record, indent=1, sort_keys=True)
    write_atomically(record_path(course, submission), text + "\n")


def _status(found, intake):
    if intake["unreadable"]:
        return UNREADABLE, intake["unreadable"]
    for outcome, status in (("died", CRASHED), ("stopped", STOPPED)):
        for cell in found.statuses:
            if cell["outcome"] == outcome:
                return status, f"The cell {cell['cell_id']} {cell['sentence']}."
    return GRADED, "" if found.statuses else "No exercise was begun."


def load_record(course, submission):
    """A submission's verdict record, or None."""
    path = record_path(course, submission)
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def results(course, chapter, problems=None):
    """One dict per student of the course: points, mistakes, status and a sentence.

    Points come from the gradebook, so that a grader's own marks count; what was recognised
    comes from the verdict records. `problems` maps students whom nobody could grade to a
    (status, sentence).
    """
    problems = problems or {}
    with course.gradebook() as gradebook:
        students = sorted({student.id for student in gradebook.students} | set(problems))
        return [_result(course, gradebook, chapter, student, problems.get(student))
                for student in students]


def _result(course, gradebook, chapter, student, problem):
    record = load_record(course, Submission(student, chapter)) or {}
    grades = [] if problem else _grades(gradebook, chapter, student)
    row = {
        "student": student, "chapter": chapter,
        "status": record.get("status", MISSING), "sentence": record.get("sentence", ""),
        "points": {_exercise(grade.name): grade.score for grade in grades},
        "max_points": {_exercise(grade.name): grade.max_score for grade in grades},
        "total": sum(grade.score for grade in grades),
        "awaiting": sum(grade.max_score for grade in grades if grade.needs_manual_grade),
        "mistakes": {name: found["mistake"] for name, found in record.get("exercises", {}).items()
                     if found["mistake"]},
        "repairs": record.get("repairs", []), "seconds": record.get("seconds", 0),
    }
    return _with_status(row, problem, bool(grades))


def _with_status(row, problem, submitted):
    if problem:
        row["status"], row["sentence"] = problem
    elif not submitted:
        row["status"], row["sentence"] = MISSING, "Nothing was handed in."
    elif row["status"] == GRADED and row["awaiting"]:
        row["status"], row["sentence"] = AWAITS, f"{row['awaiting']:g} points await a human."
    return row


def _grades(gradebook, chapter, student):
    try:
        notebook = gradebook.find_submission_notebook(chapter, chapter, student)
    except MissingEntry:
        return []
    return sorted(notebook.grades, key=lambda grade: grade.cell.id)


def _exercise(grade_id):
    return grade_id.removeprefix("check_")
