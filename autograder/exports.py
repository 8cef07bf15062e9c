"""Results as CSV: for a spreadsheet, for Canvas, for Moodle. Quoted, with formulas defused."""

import csv
import io

from autograder.records import AWAITS, FAILED, MISSING, UNREADABLE

FORMULA_STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")
WITHOUT_POINTS = (AWAITS, UNREADABLE, FAILED, MISSING)


def csv_table(rows):
    """Results as CSV, one line per student and chapter."""
    columns = ["assignment", "student_id", "status", "score", "max_score", "awaiting", "mistakes"]
    lines = [[*columns, "overrides"]]
    for row in rows:
        mistakes = "; ".join(f"{name}: {key}" for name, key in row["mistakes"].items())
        highest = sum(row["max_points"].values())
        values = [row["chapter"], row["student"], row["status"], row["total"], highest]
        lines.append([*values, row["awaiting"], mistakes, _overrides(row)])
    return _csv(lines)


def _overrides(row):
    return "; ".join(
        f"{name}: {entry['old']:g} to {entry['new']:g} by {entry['by']}: {entry['because']}"
        for name, entry in row["overrides"].items()
    )


def _csv(lines):
    stream = io.StringIO()
    writer = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([_defused(str(value)) for value in line] for line in lines)
    return stream.getvalue().rstrip("\n")


def _defused(text):
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def canvas_table(rows, students, unfinished=False):
    """Results as a file for *Import* in Canvas's gradebook.

    Canvas knows a student by its own number (ID), else by the SIS Login ID, else by the name; the
    row "Points Possible" tells the columns' maxima, and a column whose name it does not know
    becomes a new assignment. See "How do I import grades in the Gradebook?" in Canvas's
    Instructor Guide and ``lib/gradebook_importer.rb`` in its source.

    Args:
        rows: of `autograder.records.results`.
        students: the roster, dicts by id, or none; see `autograder.roster.people`.
        unfinished: whether work that awaits a human counts with the points so far.
    """
    chapters, points = _by_student(on_roster(rows, students), unfinished)
    highest = {
        chapter: max(sum(row["max_points"].values()) for row in rows if row["chapter"] == chapter)
        for chapter in chapters
    }
    header = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *chapters]
    possible = ["    Points Possible", "", "", "", "", *map(_written, highest.values())]
    return _csv([header, possible, *(_canvas_row(s, students, points[s]) for s in points)])


def _canvas_row(student, students, points):
    person = students.get(student, {})
    names = [person.get("last_name"), person.get("first_name")]
    shown = ", ".join(name for name in names if name) or student
    return [shown, person.get("lms_user_id") or "", "", student, "", *points.values()]


def moodle_table(rows, students, unfinished=False):
    """Results as a file for *Import, CSV file* in Moodle's grader report.

    On the page that follows the upload, map one of Username, ID number and Email address to
    Moodle's field of that name, and each chapter to a grade item. Moodle takes nothing at all
    where it does not know one of the students; an empty cell is no grade. See
    https://docs.moodle.org/en/Grade_import.

    Args: as those of `canvas_table`.
    """
    chapters, points = _by_student(on_roster(rows, students), unfinished)
    header = ["First name", "Last name", "Username", "ID number", "Email address", *chapters]
    return _csv([header, *(_moodle_row(s, students, points[s]) for s in points)])


def _moodle_row(student, students, points):
    person = {key: value or "" for key, value in students.get(student, {}).items()}
    names = [person.get("first_name", ""), person.get("last_name", "")]
    ids = [student, person.get("lms_user_id", ""), person.get("email", "")]
    return [*names, *ids, *points.values()]


def on_roster(rows, students):
    """The rows of those on the roster, all without one: a platform knows no strangers."""
    return [row for row in rows if not students or row["student"] in students]


def _by_student(rows, unfinished):
    """The chapters, and by student the cell of each."""
    chapters = list(dict.fromkeys(row["chapter"] for row in rows))
    students = dict.fromkeys(row["student"] for row in rows)
    points = {student: dict.fromkeys(chapters, "") for student in students}
    for row in rows:
        if not left_empty(row, unfinished):
            points[row["student"]][row["chapter"]] = _written(row["total"])
    return chapters, points


def left_empty(row, unfinished=False):
    """Whether a chapter's cell stays empty: nobody may take what awaits a human for a grade."""
    if unfinished:
        return row["status"] == MISSING
    return row["status"] in WITHOUT_POINTS or row["awaiting"] > 0


def _written(points):
    """Points with a point, and without an exponent."""
    return f"{points:.4f}".rstrip("0").rstrip(".")


def remarks(rows, students, unfinished=False):
    """What one should know of an export for a learning platform, as sentences."""
    listed = on_roster(rows, students)
    strangers = dict.fromkeys(row["student"] for row in rows if row not in listed)
    if strangers:
        yield f"Left out, for they are not on the roster: {', '.join(strangers)}."
    empty = [row for row in listed if left_empty(row, unfinished)]
    missing = sum(row["status"] == MISSING for row in empty)
    if missing:
        yield f"Cells left empty because nothing was handed in: {missing}."
    if len(empty) > missing:
        waiting = ", ".join(f"{r['student']} ({r['chapter']})" for r in empty
                            if r["status"] != MISSING)  # fmt: skip
        yield (
            f"Cells left empty because they await a human: {waiting}. "
            "With --unfinished they hold the points so far."
        )
    if not students:
        yield "There is no roster, so names and numbers are missing: `autograder roster FILE.csv`."
