"""CSV for a spreadsheet, Canvas, Moodle: quoted, harmless, no 0 for what awaits a human."""

import csv

from test_report import NAME, ROWS

from autograder.exports import canvas_table, csv_table, moodle_table, remarks

ADA = {
    "first_name": "Ada",
    "last_name": "=Lovelace",
    "email": "ada@example.org",
    "lms_user_id": "17",
}
ROSTER = {"Ada": ADA, "=cmd|<b>": {}, "Jonas": {}}


def test_the_table_for_a_spreadsheet_is_quoted_and_runs_nothing():
    lines = csv_table(ROWS).splitlines()
    assert all(line.startswith('"') for line in lines)
    ada, cmd, jonas = csv.DictReader(lines)
    assert (ada["student_id"], ada["score"], ada["max_score"]) == ("Ada", "6.0", "8.0")
    assert ada["overrides"] == f"{NAME}: 1.8 to 6 by ta: Right <b>all the same</b>."
    assert cmd["student_id"] == "'=cmd|<b>"
    assert cmd["mistakes"] == f"{NAME}: cross_entropy"
    assert jonas["status"] == "missing"


def test_canvas_gets_its_columns_its_maxima_and_no_grade_for_open_work():
    lines = list(csv.reader(canvas_table(ROWS, ROSTER).splitlines()))
    assert lines == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "saliency"],
        ["    Points Possible", "", "", "", "", "8"],
        ["'=Lovelace, Ada", "17", "", "Ada", "", ""],
        ["'=cmd|<b>", "", "", "'=cmd|<b>", "", "1.8"],
        ["Jonas", "", "", "Jonas", "", ""],
    ]


def test_moodle_gets_three_ways_to_know_a_student():
    lines = list(csv.reader(moodle_table(ROWS, ROSTER).splitlines()))
    assert lines[0] == [
        "First name",
        "Last name",
        "Username",
        "ID number",
        "Email address",
        "saliency",
    ]
    assert lines[1] == ["Ada", "'=Lovelace", "Ada", "17", "ada@example.org", ""]


def test_open_work_counts_only_when_asked_for():
    lines = list(csv.reader(canvas_table(ROWS, ROSTER, unfinished=True).splitlines()))
    assert [line[-1] for line in lines[2:]] == ["6", "1.8", ""]


def test_strangers_are_left_out_and_told():
    lines = list(csv.reader(moodle_table(ROWS, {"Ada": ADA}).splitlines()))
    assert [line[2] for line in lines[1:]] == ["Ada"]
    assert "Left out, for they are not on the roster: =cmd|<b>, Jonas." in remarks(
        ROWS, {"Ada": ADA}
    )


def test_what_is_left_empty_is_said():
    said = list(remarks(ROWS, {}))
    assert said[0] == "Cells left empty because nothing was handed in: 1."
    assert "Cells left empty because they await a human: Ada (saliency)." in said[1]
    assert "no roster" in said[2]
    assert len(list(remarks(ROWS, ROSTER, unfinished=True))) == 1
