"""A small class is graded: right points, named mistakes, a status for whatever goes wrong."""

import json
import os
import shutil
import subprocess
import sys
import time

import nbformat
import pytest
from course_pages import gradebook_rows, hand_in, ledger, write_pages
from nbgrader.apps.api import NbGraderAPI

from autograder import find_exercise
from autograder.batch import Batch
from autograder.comparison import Change
from autograder.course import Course, Submission
from autograder.errors import CourseError
from autograder.feedback import write_feedback
from autograder.grading import _locked_sources, compare, grade, tell_isolation
from autograder.isolation import walls
from autograder.overrides import confirm, override, undo
from autograder.records import load_record, results
from autograder.release import release
from autograder.roster import save_roster
from autograder.statuses import Limits

CHAPTER, NAME = "saliency", "compute_saliency_maps"
LIMITS = Limits(cell_seconds=5, submission_seconds=30)
MARKUP = '<script>alert("hi")</script>'


def two_notebooks(course, student):
    """A submission with two notebooks, neither of the right name."""
    folder = course.folder("submitted", CHAPTER, student)
    folder.mkdir(parents=True)
    for name in ("hw (1).ipynb", "hw (2).ipynb"):
        (folder / name).write_text("{}", encoding="utf-8")


def strip(notebook):
    """Take away all that nbgrader knows about the cells."""
    for cell in notebook.cells:
        cell.metadata = {}


def double(notebook):
    """Paste a copy of the answer cell below it, label and all."""
    (answer,) = [cell for cell in notebook.cells if cell.id == NAME]
    notebook.cells.append(nbformat.from_dict(answer | {"id": "a-copy"}))


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course with one released chapter and a class's submissions."""
    pages = write_pages(tmp_path_factory.mktemp("pages"), CHAPTER)
    course = Course.open(tmp_path_factory.mktemp("course"))
    release(course, [CHAPTER], pages)
    exercise = find_exercise(NAME)
    wrong = next(m.source for m in exercise.mistakes if m.key == "cross_entropy")
    raising = f"def {NAME}(X, y, model):\n    raise ValueError('{MARKUP}')"
    hand_in(course, "Ada", CHAPTER, {NAME: exercise.source, "why_not_ascend": "Because."}, strip)
    hand_in(course, "Bruno", CHAPTER, {NAME: wrong})
    hand_in(course, "Chioma", CHAPTER, {NAME: f"def {NAME}(X, y, model):\n    while 1: pass"})
    hand_in(course, "Dmitri", CHAPTER, {NAME: raising})
    hand_in(course, "Elif", CHAPTER, {}, double)
    (course.folder("submitted", CHAPTER, "Dmitri") / "timestamp.txt").write_bytes(b"\xff soon")
    two_notebooks(course, "Farid")
    course.notebook("submitted", CHAPTER, "Ines").parent.mkdir(parents=True)
    course.notebook("submitted", CHAPTER, "Ines").write_text('{"cells": [', encoding="utf-8")
    (course.root / "submitted" / "Jonas").mkdir()
    (course.root / "submitted" / "=cmd|").mkdir()
    return course


@pytest.fixture(scope="module")
def rows(course):
    """The class's results by student."""
    found = grade(course, course.root / "submitted", [CHAPTER], jobs=2, limits=LIMITS, silent=True)
    return {row["student"]: row for row in found}


def test_everyone_has_a_status(rows):
    assert {student: row["status"] for student, row in rows.items()} == {
        "=cmd|": "needs a human",
        "Ada": "needs a human",
        "Bruno": "graded",
        "Chioma": "stopped",
        "Dmitri": "graded",
        "Elif": "graded",
        "Farid": "needs a human",
        "Ines": "unreadable",
        "Jonas": "missing",
    }
    for student in ("=cmd|", "Chioma", "Elif", "Farid", "Ines", "Jonas"):
        assert rows[student]["sentence"].endswith("."), student


def test_points_and_named_mistakes(rows):
    assert rows["Ada"]["points"][NAME] == find_exercise(NAME).points
    assert rows["Ada"]["mistakes"] == {}
    assert rows["Bruno"]["mistakes"] == {NAME: "cross_entropy"}
    assert 0 < rows["Bruno"]["points"][NAME] < find_exercise(NAME).points
    assert {rows[s]["total"] for s in ("Chioma", "Dmitri", "Elif", "Farid", "Ines", "Jonas")} == {0}


def test_written_answers_are_counted_apart(rows):
    assert rows["Ada"]["awaiting"] == 2
    assert rows["Ada"]["sentence"] == "2 points await a human."
    assert rows["Bruno"]["awaiting"] == 0, "an untouched answer needs nobody"


def test_repairs_are_told(rows):
    assert rows["Ada"]["repairs"] == [], "the cells' own ids are enough"
    assert rows["Elif"]["repairs"] == [f"The cell {NAME} stands 2 times; "
                                       "the last one that was worked on counts."]  # fmt: skip


def test_the_endless_one_ends_within_its_limit(rows):
    assert rows["Chioma"]["seconds"] < LIMITS.submission_seconds
    assert "was stopped after 5 s" in rows["Chioma"]["sentence"]


def test_the_gradebook_and_the_autograded_notebook_say_the_same(course, rows):
    for student in ("Ada", "Bruno", "Chioma", "Ines"):
        notebook = nbformat.read(course.notebook("autograded", CHAPTER, student), 4)
        (test,) = [cell for cell in notebook.cells if cell.id == f"check_{NAME}"]
        assert [output.output_type for output in test.outputs] == ["display_data", "execute_result"]
        assert float(test.outputs[1].data["text/plain"]) == rows[student]["points"][NAME]


def test_the_message_is_the_comment_on_the_answer(course, rows):
    record = load_record(course, Submission("Bruno", CHAPTER))
    with course.gradebook() as gradebook:
        comment = gradebook.find_comment(NAME, CHAPTER, CHAPTER, "Bruno").auto_comment
    assert comment == record["exercises"][NAME]["message"]
    assert "cross-entropy" in comment


def test_feedback_shows_the_message_and_hides_what_graders_alone_see(course, rows):
    pages = {path.parts[-3]: path.read_text(encoding="utf-8")
             for path in write_feedback(course, CHAPTER)}  # fmt: skip
    assert set(pages) == {"Ada", "Bruno", "Chioma", "Dmitri", "Elif", "Ines"}
    assert "cross-entropy" in pages["Bruno"]
    for page in pages.values():
        assert "hand_in" not in page and "HIDDEN TESTS" not in page and "MARK SCHEME" not in page
    comments = pages["Dmitri"].split("Comments:")[1].split("</div>")[0]
    assert "<script" not in comments and "ValueError" in comments


def formgraders_button(course, student):
    """Grade one submission as a click in formgrader's list does."""
    api = NbGraderAPI(course.directory(CHAPTER), config=course.config())
    assert api.autograde(CHAPTER, student)["success"]


def test_plain_nbgrader_and_formgrader_leave_the_same_rows(course, rows):
    before = {student: gradebook_rows(course, CHAPTER, student) for student in ("Bruno", "Ines")}
    for student, expected in before.items():
        for regrade in (plain_nbgrader, formgraders_button):
            regrade(course, student)
            assert gradebook_rows(course, CHAPTER, student) == expected


def test_grading_some_again_gives_the_same_and_keeps_a_graders_marks(course, rows, tmp_path):
    with course.gradebook() as gradebook:
        written = gradebook.find_grade("why_not_ascend", CHAPTER, CHAPTER, "Ada")
        written.manual_score, written.needs_manual_grade = 1.5, False
        gradebook.db.commit()
    for student in ("Ada", "Bruno"):
        shutil.copytree(course.root / "submitted" / student, tmp_path / student)
    again = grade(course, tmp_path, [CHAPTER], jobs=2, limits=LIMITS, silent=True)
    again = {row["student"]: row for row in again}
    assert again["Ada"]["points"] == {NAME: 6, "why_not_ascend": 1.5}
    for student in set(rows) - {"Ada"}:
        assert again[student] | {"seconds": None} == rows[student] | {"seconds": None}


def test_records_are_json_that_a_program_can_read(course, rows):
    text = (course.root / "verdicts" / CHAPTER / "Bruno.json").read_text(encoding="utf-8")
    record = json.loads(text)
    assert record["exercises"][NAME]["mistake"] == "cross_entropy"
    assert record["exercises"][NAME]["seed"] == course.seed("Bruno", CHAPTER, NAME)


def test_a_mark_given_by_hand_survives_another_grading_and_is_not_counted_twice(course, rows):
    with course.gradebook() as gradebook:
        mark = gradebook.find_grade("why_not_ascend", CHAPTER, CHAPTER, "Ada")
        mark.manual_score, mark.needs_manual_grade = 1.5, True  # as nbgrader leaves a regraded one
        gradebook.db.commit()
    (ada,) = [row for row in results(course, CHAPTER) if row["student"] == "Ada"]
    assert (ada["points"]["why_not_ascend"], ada["awaiting"]) == (1.5, 0)
    assert ada["status"] == "needs a human" and ada["sentence"].endswith("confirm them.")


def test_a_folder_without_submissions_is_refused_and_leaves_no_rows(course, rows):
    folder = course.root / "submitted" / "Ada"
    with pytest.raises(CourseError, match="holds nothing to grade"):
        grade(course, folder, [CHAPTER], jobs=1, limits=LIMITS, silent=True)
    assert CHAPTER not in {row["student"] for row in results(course, CHAPTER)}


def files_of(course):
    """All that a grading commits: the gradebook's rows, the notebooks, the records."""
    folders = ("autograded", "verdicts", "feedback", "release")
    paths = [p for folder in folders for p in (course.root / folder).rglob("*") if p.is_file()]
    students = {row["student"] for row in results(course, CHAPTER)} & {"Ada", "Bruno", "Ines"}
    rows = {student: gradebook_rows(course, CHAPTER, student) for student in students}
    return {path: path.read_bytes() for path in paths}, rows


def test_a_comparison_says_what_would_change_and_writes_nothing(course, rows, tmp_path):
    shutil.copytree(course.root / "submitted" / "Bruno", tmp_path / "Bruno")
    shutil.copytree(course.root / "submitted" / "Ines", tmp_path / "Ines")
    path = tmp_path / "Bruno" / CHAPTER / f"{CHAPTER}.ipynb"
    wrong, notebook = path.read_text(encoding="utf-8"), nbformat.read(path, 4)
    for cell in notebook.cells:
        cell.source = find_exercise(NAME).source if cell.id == NAME else cell.source
    nbformat.write(notebook, path)
    before = files_of(course)
    settings = {"jobs": 1, "limits": LIMITS, "silent": True}
    found = compare(course, tmp_path, [CHAPTER], **settings)
    assert found == [
        Change("Bruno", CHAPTER, NAME, rows["Bruno"]["points"][NAME], 6.0, "cross_entropy", None)
    ]
    assert files_of(course) == before
    ledgers = set(ledger(course))
    (row,) = [r for r in grade(course, tmp_path, [CHAPTER], **settings) if r["student"] == "Bruno"]
    assert row["points"][NAME] == 6 and set(ledger(course)) == ledgers, "nothing was run again"
    path.write_text(wrong, encoding="utf-8")
    grade(course, tmp_path, [CHAPTER], **settings)
    assert compare(course, tmp_path, [CHAPTER], **settings) == []


def bruno(course):
    """Bruno's row of results."""
    return next(row for row in results(course, CHAPTER) if row["student"] == "Bruno")


def plain_nbgrader(course, student):
    """Grade one submission with nbgrader's own command."""
    subprocess.run(
        [sys.executable, "-m", "nbgrader", "autograde", CHAPTER, "--student", student, "--force"],
        cwd=course.root,
        check=True,
        capture_output=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )


def test_an_override_counts_is_logged_and_survives_every_way_of_grading_again(
    course, rows, tmp_path
):
    where, judged = Submission("Bruno", CHAPTER), bruno(course)["points"][NAME]
    entry = override(course, where, NAME, 4.5, "Right but for the sign of the loss.")
    assert (entry["old"], entry["new"], entry["student"]) == (judged, 4.5, "Bruno")
    expected = gradebook_rows(course, CHAPTER, "Bruno")
    shutil.copytree(course.root / "submitted" / "Bruno", tmp_path / "Bruno")
    grade(course, tmp_path, [CHAPTER], jobs=1, limits=LIMITS, silent=True)
    assert gradebook_rows(course, CHAPTER, "Bruno") == expected, "and needs no confirmation"
    for regrade in (plain_nbgrader, formgraders_button):
        regrade(course, "Bruno")
        assert gradebook_rows(course, CHAPTER, "Bruno") == expected
    row = bruno(course)
    assert row["points"][NAME] == 4.5 and row["status"] == "graded"
    assert row["overrides"][NAME]["because"] == "Right but for the sign of the loss."
    assert undo(course, where, NAME)["new"] == judged
    assert bruno(course)["points"][NAME] == judged and bruno(course)["overrides"] == {}
    log = [json.loads(line) for line in (course.root / "overrides.jsonl").read_text().splitlines()]
    assert [(entry["old"], entry["new"]) for entry in log] == [(judged, 4.5), (4.5, judged)]
    assert all(entry["time"] and entry["by"] for entry in log)


def test_an_override_of_other_points_than_the_judge_gives_now_asks_for_a_human(course, rows):
    where = Submission("Bruno", CHAPTER)
    override(course, where, NAME, 1, "For the first version.")
    with course.gradebook() as gradebook:
        mark = gradebook.find_grade(f"check_{NAME}", CHAPTER, CHAPTER, "Bruno")
        mark.auto_score, mark.needs_manual_grade = 6.0, True  # a later version was graded
        confirm(course, where, [mark])
        assert mark.needs_manual_grade
    undo(course, where, NAME)


@pytest.mark.parametrize(
    ("student", "chapter", "exercise", "points", "because", "sentence"),
    [
        ("Bruno", CHAPTER, NAME, -1, "so", "from 0 to 6"),
        ("Bruno", CHAPTER, NAME, 6.5, "so", "from 0 to 6"),
        ("Bruno", CHAPTER, NAME, float("nan"), "so", "from 0 to 6"),
        ("Bruno", CHAPTER, NAME, 3, "  ", "Say why"),
        ("Nobody", CHAPTER, NAME, 3, "so", "no student 'Nobody'.*Ada, Bruno"),
        ("Bruno", "fooling", NAME, 3, "so", "no chapter 'fooling'.*saliency"),
        ("Bruno", CHAPTER, "saliency", 3, "so", f"no exercise 'saliency'.*{NAME}, why_not_ascend"),
    ],
)
def test_an_impossible_override_is_refused(
    course, rows, student, chapter, exercise, points, because, sentence
):
    before = gradebook_rows(course, CHAPTER, "Bruno")
    with pytest.raises(CourseError, match=sentence):
        override(course, Submission(student, chapter), exercise, points, because)
    with pytest.raises(CourseError, match="No override"):
        undo(course, Submission("Bruno", CHAPTER), NAME)
    assert gradebook_rows(course, CHAPTER, "Bruno") == before


def test_with_a_roster_strangers_are_left_to_a_human_and_the_absent_are_missing(
    course, rows, tmp_path
):
    save_roster(course, [{"id": "Elif", "first_name": "Elif"}, {"id": "Zoe"}])
    shutil.copytree(course.root / "submitted" / "Elif", tmp_path / "Elif")
    shutil.copytree(course.root / "submitted" / "Elif", tmp_path / "Mallory")
    found = grade(course, tmp_path, [CHAPTER], jobs=1, limits=LIMITS, silent=True)
    found = {row["student"]: row for row in found}
    (course.root / "roster.csv").unlink()
    assert found["Elif"]["status"] == "graded" and found["Zoe"]["status"] == "missing"
    assert found["Mallory"]["status"] == "needs a human"
    assert "Not on the roster" in found["Mallory"]["sentence"] and not found["Mallory"]["points"]
    assert not course.folder("submitted", CHAPTER, "Mallory").exists()
    (course.root / "verdicts" / CHAPTER / "Mallory.json").unlink()


@pytest.mark.parametrize("trusted", [True, False])
def test_grading_begins_with_a_word_on_isolation(capsys, trusted):
    limits = Limits(trusted=trusted)
    tell_isolation(limits, silent=False)
    tell_isolation(limits, silent=True)
    said = capsys.readouterr()
    assert said.out == "" and said.err.count("Isolation:") == 1
    assert ("Isolation: none." in said.err) == trusted


def test_the_record_says_what_isolated_a_submission(course, rows):
    assert load_record(course, Submission("Bruno", CHAPTER))["walls"] == walls(trusted=False)
    assert load_record(course, Submission("Ines", CHAPTER))["walls"] == "not run"


def test_what_is_in_the_ledger_is_not_run_again_and_running_it_again_changes_nothing(course, rows):
    before = ledger(course)
    files = {file: file.stat().st_mtime_ns for file in (course.root / "ledger").rglob("*.json")}
    submitted = course.root / "submitted"
    grade(course, submitted, [CHAPTER], jobs=2, limits=LIMITS, silent=True)
    assert files == {f: f.stat().st_mtime_ns for f in (course.root / "ledger").rglob("*.json")}
    grade(course, submitted, [CHAPTER], jobs=2, limits=LIMITS, silent=True, again=True)
    assert ledger(course) == before


def test_a_killed_grading_goes_on_where_it_was(course, rows):
    before = ledger(course)
    shutil.rmtree(course.root / "ledger")
    command = [sys.executable, "-m", "autograder", "grade", "--course", str(course.root), "--json"]
    command += ["--cell-seconds", "5", "--submission-seconds", "30"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    killed = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while len(ledger(course)) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    killed.kill()
    killed.wait()
    kept = ledger(course)
    assert 2 <= len(kept) < 6, "it was killed in the middle"
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    assert len(ledger(course)) == 6
    assert all(before[name] == entry for name, entry in ledger(course).items())


def test_a_second_grader_is_told_of_the_first(course, rows):
    with course.grading(), pytest.raises(CourseError, match="Another grading is at work"):
        grade(course, course.root / "submitted", [CHAPTER], jobs=1, limits=LIMITS, silent=True)


def test_half_a_ledger_file_is_examined_again(course, rows):
    before = ledger(course)
    batch = Batch(course, _locked_sources(course, [CHAPTER]), LIMITS, engine=None)
    for student, half in (("Ada", ""), ("Bruno", '{"outputs": {}}')):
        place = batch._job(Submission(student, CHAPTER)).place
        assert place.is_file(), "an earlier grading put it there"
        place.write_text(half, encoding="utf-8")
    grade(course, course.root / "submitted", [CHAPTER], jobs=1, limits=LIMITS, silent=True)
    assert ledger(course) == before


def test_a_reason_may_hold_any_character_and_the_log_stays_readable(course, rows):
    where = Submission("Bruno", CHAPTER)
    entry = override(course, where, NAME, 1, "First.\u2028Second.\x85\x0b\udcff\n\x1b[31mThird.")
    assert entry["because"] == "First.\\u2028Second.\\x85\\x0b\\udcff\\n\\x1b[31mThird."
    assert bruno(course)["overrides"][NAME] == entry
    path = course.root / "overrides.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace("\\\\x85", "\x85"), encoding="utf-8")
    assert "\x85" in bruno(course)["overrides"][NAME]["because"], "as an older edition wrote it"
    undo(course, where, NAME)
