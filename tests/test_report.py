"""The report is self-contained, says the same in words as in pictures, and trusts no student."""

import csv

import pytest

from autograder import report
from autograder.course import Course

ROWS = [
    {
        "student": "Ada",
        "chapter": "saliency",
        "status": "needs a human",
        "sentence": "2 points await a human.",
        "points": {"compute_saliency_maps": 6.0, "why": 0.0},
        "max_points": {"compute_saliency_maps": 6.0, "why": 2.0},
        "total": 6.0,
        "awaiting": 2.0,
        "mistakes": {},
        "repairs": [],
    },
    {
        "student": "=cmd|<b>",
        "chapter": "saliency",
        "status": "graded",
        "sentence": "<script>alert(1)</script>",
        "points": {"compute_saliency_maps": 1.8, "why": 0.0},
        "max_points": {"compute_saliency_maps": 6.0, "why": 2.0},
        "total": 1.8,
        "awaiting": 0,
        "mistakes": {"compute_saliency_maps": "cross_entropy"},
        "repairs": ["The cell <i> is missing."],
    },
    {
        "student": "Jonas",
        "chapter": "saliency",
        "status": "missing",
        "sentence": "Nothing was handed in.",
        "points": {},
        "max_points": {},
        "total": 0,
        "awaiting": 0,
        "mistakes": {},
        "repairs": [],
    },
]


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course with these results."""
    monkeypatch.setattr(report, "results", lambda course, chapter: ROWS)
    return Course(tmp_path)


def test_the_page_is_self_contained_and_has_its_picture_in_words(course):
    page = report.write_report(course, "saliency").read_text(encoding="utf-8")
    words = "Points from 1.8 to 6, on average 3.9. Recognised mistakes: cross_entropy 1."
    assert f'alt="{words}"' in page and page.count(words) == 2
    assert "data:image/png;base64," in page
    assert "http://" not in page and "https://" not in page
    assert "3 students: 1 needs a human, 1 graded, 1 missing; 2 points await a human." in page


def test_what_students_wrote_is_text(course):
    page = report.write_report(course, "saliency").read_text(encoding="utf-8")
    assert "<script" not in page and "<i>" not in page and "<b>" not in page
    assert "&lt;script&gt;" in page and "=cmd|&lt;b&gt;" in page


def test_a_chapter_that_nobody_handed_in_has_a_page(course, monkeypatch):
    monkeypatch.setattr(report, "results", lambda course, chapter: ROWS[2:])
    page = report.write_report(course, "saliency").read_text(encoding="utf-8")
    assert "No points yet. Recognised mistakes: none." in page


def test_the_table_for_a_spreadsheet_is_quoted_and_runs_nothing():
    lines = report.csv_table(ROWS).splitlines()
    assert all(line.startswith('"') for line in lines)
    ada, cmd, jonas = csv.DictReader(lines)
    assert (ada["student_id"], ada["score"], ada["max_score"]) == ("Ada", "6.0", "8.0")
    assert cmd["student_id"] == "'=cmd|<b>"
    assert cmd["mistakes"] == "compute_saliency_maps: cross_entropy"
    assert jonas["status"] == "missing"


def test_the_terminal_table_names_points_and_mistakes():
    header, ada, cmd, jonas = report.text_table(ROWS).splitlines()
    assert "compute_saliency_maps 6/6  why 0/2" in ada
    assert ada.endswith("needs a human (+ 2 await a human)")
    assert cmd.endswith("cross_entropy")
    assert ada.index("saliency") == header.index("chapter") == jonas.index("saliency")
