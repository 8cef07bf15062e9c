"""The roster: who takes the course. Without one, whoever hands in does."""

import csv
import io
from pathlib import Path

from nbgrader.api import Student

from autograder.course import is_student, write_atomically
from autograder.errors import CourseError

FILE = "roster.csv"
COLUMNS = ("id", "first_name", "last_name", "email", "lms_user_id")
OTHER_NAMES = {"lms_id": "lms_user_id"}
LONGEST = 128  # characters that nbgrader's table holds
MOST_COMPLAINTS = 10
NOT_LISTED = (
    "Not on the roster, so nothing was graded: correct the folder's name, or add the student to "
    "the roster and run `autograder roster` again."
)


def read_roster(path):
    """Read a CSV file with the columns id, first_name, last_name, email, lms_user_id.

    Only ``id`` is needed; other columns are left out. Commas or semicolons part the columns.

    Returns:
        list of dicts.

    Raises:
        CourseError: with the numbers of the lines that cannot be used.
    """
    text = _text(path)
    try:
        return _read_people(
            path, csv.DictReader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
        )
    except csv.Error as error:
        raise CourseError(_told(path, [f"it is no CSV ({error})."])) from error


def _read_people(path, reader):
    names = [_column(name) for name in reader.fieldnames or []]
    if "id" not in names:
        raise CourseError(f"{path} has no column id; its first line must be: {', '.join(COLUMNS)}.")
    reader.fieldnames = names
    people, complaints, seen = [], [], {}
    for row in reader:
        person = {name: (row.get(name) or "").strip() for name in COLUMNS}
        complaint = _complaint(row, person, seen)
        seen.setdefault(person["id"], reader.line_num)
        people.append(person)
        if complaint:
            complaints.append(f"line {reader.line_num}: {complaint}")
    if complaints or not people:
        raise CourseError(_told(path, complaints or ["there is nobody in it."]))
    return people


def _text(path):
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CourseError(f"The roster {path} cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise CourseError(
            f"The roster {path} is not in UTF-8; save it as “CSV UTF-8”, or convert it."
        ) from error


def _delimiter(text):
    first = text.partition("\n")[0]
    return ";" if ";" in first and "," not in first else ","


def _column(name):
    name = (name or "").strip().lower().replace(" ", "_")
    return OTHER_NAMES.get(name, name)


def _complaint(row, person, seen):
    """What is wrong with a line, or None."""
    if None in row:
        return "it has more fields than the first line; put fields that hold a comma in quotes."
    if not person["id"]:
        return "the id is missing."
    if not is_student(person["id"]):
        return f"{person['id']!r} is no id: letters, digits, spaces and . @ _ - alone, up to 100."
    if person["id"] in seen:
        return f"the id {person['id']!r} stands in line {seen[person['id']]}, too."
    odd = [name for name in COLUMNS if not person[name].isprintable()]
    if odd:  # such as the character 0, which PostgreSQL refuses
        return f"{', '.join(odd)} has a character that cannot be shown."
    marked = [name for name in ("first_name", "last_name") if "<" in person[name]]
    if marked:
        return f"{', '.join(marked)} has a <, which formgrader would take for markup."
    too_long = [name for name in COLUMNS if len(person[name]) > LONGEST]
    return f"{', '.join(too_long)} has more than {LONGEST} characters." if too_long else None


def _told(path, complaints):
    more = len(complaints) - MOST_COMPLAINTS
    shown = complaints[:MOST_COMPLAINTS] + ([f"and {more} more."] if more > 0 else [])
    return f"The roster {path} was not taken:\n  " + "\n  ".join(shown)


def save_roster(course, people):
    """Put people on the roster, in nbgrader's table of students and in ``roster.csv``.

    All or nothing. Whoever was on an earlier roster and is not on this one is no longer listed;
    grades are never deleted.

    Raises:
        CourseError: a grading is at work.
    """
    with course.grading(), course.gradebook() as gradebook:
        for person in people:
            gradebook.db.merge(Student(**{key: value or None for key, value in person.items()}))
        gradebook.db.commit()
        write_atomically(course.root / FILE, _csv(people))


def _csv(people):
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(people)
    return stream.getvalue()


def people(course):
    """Everybody on the roster, as dicts by id; None where there is no roster."""
    path = course.root / FILE
    return {person["id"]: person for person in read_roster(path)} if path.is_file() else None
