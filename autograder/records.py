"""What the grader keeps about each submission beside nbgrader's gradebook: the verdict records."""

import hashlib
import json

import nbformat
from nbgrader.api import MissingEntry

from autograder.course import Submission, is_student, write_atomically
from autograder.overrides import holds, in_force
from autograder.roster import people
from autograder.statuses import printable

GRADED, AWAITS, UNREADABLE = "graded", "needs a human", "unreadable"
STOPPED, CRASHED, MISSING, FAILED = "stopped", "crashed", "missing", "failed"
REPEATED = "Examined twice, the second time alone, because at first {}."


def record_path(course, submission):
    """Where a submission's verdict record lies."""
    name = submission.student
    if not is_student(name):  # it may be too long for a file's name
        name = hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
    return course.root / "verdicts" / submission.chapter / f"{name}.json"


def save_examination(course, submission, found, repairs, unreadable):
    """Keep an examination and what the intake repaired."""
    status, sentence = status_of(found, unreadable)
    record = {
        "status": status,
        "sentence": sentence,
        "repairs": list(repairs),
        "exercises": found.exercises,
        "cells": found.statuses,
        "seconds": found.seconds,
        "repeated": found.repeated,
        "walls": found.walls,
    }
    _save(course, submission, record)


def save_problem(course, submission, status, sentence):
    """Keep why a submission could not be graded."""
    _save(course, submission, {"status": status, "sentence": sentence})


def _save(course, submission, record):
    """What a folder's name or an error's text brought in is made fit to be shown."""
    record |= {"student": printable(submission.student), "chapter": submission.chapter}
    record["sentence"] = printable(record["sentence"])
    text = json.dumps(record, indent=1, sort_keys=True)
    write_atomically(record_path(course, submission), text + "\n")


def status_of(found, unreadable):
    """The status of an examined submission, and a sentence."""
    status, sentence = _outcome(found, unreadable)
    if found.repeated:
        sentence = f"{sentence} {REPEATED.format(found.repeated)}".strip()
    return status, sentence


def _outcome(found, unreadable):
    if unreadable:
        return UNREADABLE, unreadable
    for outcome, status in (("died", CRASHED), ("stopped", STOPPED)):
        for cell in found.statuses:
            if cell["outcome"] == outcome:
                return status, f"The cell {cell['cell_id']} {cell['sentence']}."
    return GRADED, "" if found.statuses else "No exercise was begun."


def load_record(course, submission):
    """A submission's verdict record, or None."""
    path = record_path(course, submission)
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


def load_records(course, chapter):
    """The verdict records of a chapter, by student."""
    paths = sorted((course.root / "verdicts" / chapter).glob("*.json"))
    records = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    return {record["student"]: record for record in records}


def results(course, chapter):
    """One dict per student of the course: points, mistakes, status and a sentence.

    Points come from the gradebook, so that a grader's own marks count; what was recognised
    comes from the verdict records.
    """
    records, given = load_records(course, chapter), in_force(course, chapter)
    order = [cell.id for cell in nbformat.read(course.notebook("release", chapter), 4).cells]
    with course.gradebook() as gradebook:
        students = _students(course, gradebook) | set(records)
        return [
            _result(gradebook, Submission(student, chapter), records.get(student), order, given)
            for student in sorted(students)
        ]


def _students(course, gradebook):
    """Those on the roster; without one, those whom the gradebook knows."""
    listed = people(course)
    return set(listed) if listed is not None else {student.id for student in gradebook.students}


def _result(gradebook, submission, record, order, given):
    record = record or {"status": MISSING, "sentence": "Nothing was handed in."}
    exercises = record.get("exercises")
    grades = _grades(gradebook, submission, order) if exercises is not None else []
    opened = [grade for grade in grades if grade.needs_manual_grade]
    row = {
        "student": submission.student,
        "chapter": submission.chapter,
        "status": record["status"],
        "sentence": record["sentence"],
        "points": {_exercise(grade): grade.score for grade in grades},
        "max_points": {_exercise(grade): grade.max_score for grade in grades},
        "total": sum(grade.score for grade in grades),
        "awaiting": sum(grade.max_score for grade in opened if grade.manual_score is None),
        "mistakes": {name: e["mistake"] for name, e in (exercises or {}).items() if e["mistake"]},
        "repairs": record.get("repairs", []),
        "overrides": _overrides(given, submission.student, grades),
        "seconds": record.get("seconds", 0),
    }
    if row["status"] == GRADED and opened:
        told = (_what_awaits(row["awaiting"], opened), row["sentence"])
        row["status"], row["sentence"] = AWAITS, " ".join(filter(None, told))
    return row


def _overrides(given, student, grades):
    """The log's entry of each override that is what the gradebook has, by exercise."""
    entries = [(grade, given.get((student, _exercise(grade)))) for grade in grades]
    return {_exercise(g): entry for g, entry in entries if entry and holds(entry, g)}


def _what_awaits(points, opened):
    """Points to be given, and marks from before this grading, which nbgrader has confirmed."""
    sentences = [f"{points:g} points await a human."] if points else []
    if any(grade.manual_score is not None for grade in opened):
        sentences.append("Graded again: the marks given by hand count; confirm them.")
    return " ".join(sentences)


def _grades(gradebook, submission, order):
    chapter, student = submission.chapter, submission.student
    try:
        notebook = gradebook.find_submission_notebook(chapter, chapter, student)
    except MissingEntry:
        return []
    known = [grade for grade in notebook.grades if grade.name in order]
    return sorted(known, key=lambda grade: order.index(grade.name))


def _exercise(grade):
    return grade.name.removeprefix("check_")
