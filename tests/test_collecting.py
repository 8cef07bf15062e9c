"""What lies in a submission's folder is a plain file, or it waits for a human: nothing is followed.

nbgrader copies a submission's files, links followed, into folders that students get back.
"""

import os
import time
from pathlib import Path

import pytest

from autograder.course import LONGEST_TIMESTAMP, Course, LenientDirectory, Submission, is_student
from autograder.grading import sort_out
from autograder.plain_files import TooLarge, read_plain
from autograder.records import AWAITS, load_record, save_problem
from autograder.report import in_columns
from autograder.submission_file import Unreadable, read_submission

CHAPTER = "saliency"


@pytest.fixture
def course(tmp_path):
    """A course in which Ada handed in and Mallory has an empty folder."""
    course = Course(tmp_path / "course")
    for student in ("Ada", "Mallory"):
        course.folder("submitted", CHAPTER, student).mkdir(parents=True)
    course.notebook("submitted", CHAPTER, "Ada").write_text("{}", encoding="utf-8")
    return course


def collected(course, submitted=None):
    """What stands in the way of each student's submission, or None."""
    found = sort_out(course, submitted or course.root / "submitted", [CHAPTER])
    return {submission.student: problem for submission, problem in found}


def link_out(folder):
    """The notebook's name leads out of the course: a copy made there would be written elsewhere."""
    (folder / f"{CHAPTER}.ipynb").symlink_to(folder.parents[3] / "victim")
    (folder / "hw.ipynb").write_text("{}", encoding="utf-8")


def link_to_a_secret(folder):
    (folder / f"{CHAPTER}.ipynb").write_text("{}", encoding="utf-8")
    (folder / "data.txt").symlink_to(folder.parents[2] / ".secret")


def link_to_another_student(folder):
    folder.rmdir()
    folder.symlink_to(folder.parents[1] / "Ada" / CHAPTER)


def be_another_student(folder):
    folder.rmdir()
    folder.parent.rmdir()
    folder.parent.symlink_to(folder.parents[1] / "Ada")


def pipe_for_a_notebook(folder):
    os.mkfifo(folder / f"{CHAPTER}.ipynb")
    (folder / "hw.ipynb").write_text("{}", encoding="utf-8")


def pipe_for_a_timestamp(folder):
    (folder / f"{CHAPTER}.ipynb").write_text("{}", encoding="utf-8")
    os.mkfifo(folder / "timestamp.txt")


def folder_for_a_notebook(folder):
    (folder / f"{CHAPTER}.ipynb").mkdir()
    (folder / "hw.ipynb").write_text("{}", encoding="utf-8")


@pytest.mark.parametrize(
    "hand_in",
    [
        link_out,
        link_to_a_secret,
        link_to_another_student,
        be_another_student,
        pipe_for_a_notebook,
        pipe_for_a_timestamp,
        folder_for_a_notebook,
    ],
)
def test_links_pipes_and_folders_wait_for_a_human_and_stop_nobody(course, hand_in):
    victim = course.root.parent / "victim"
    victim.write_text("precious", encoding="utf-8")
    hand_in(course.folder("submitted", CHAPTER, "Mallory"))
    status, sentence = collected(course)["Mallory"]
    assert status == AWAITS and sentence.endswith(("take it out of the folder.", "at its folder."))
    assert collected(course)["Ada"] is None
    assert victim.read_text(encoding="utf-8") == "precious"


def test_a_link_that_was_left_in_the_course_is_not_written_through(course, tmp_path):
    left = course.folder("submitted", CHAPTER, "Mallory")
    link_to_another_student(left)
    new = tmp_path / "new" / "Mallory" / CHAPTER
    new.mkdir(parents=True)
    (new / f"{CHAPTER}.ipynb").write_text('{"mine": 1}', encoding="utf-8")
    assert collected(course, tmp_path / "new")["Mallory"][0] == AWAITS
    assert course.notebook("submitted", CHAPTER, "Ada").read_text(encoding="utf-8") == "{}"


def test_31_a_timestamp_without_an_end_is_neither_copied_nor_read(course, tmp_path):
    new = tmp_path / "new" / "Mallory" / CHAPTER
    new.mkdir(parents=True)
    (new / f"{CHAPTER}.ipynb").write_text("{}", encoding="utf-8")
    with (new / "timestamp.txt").open("wb") as stamp:
        stamp.truncate(10**12)
    assert collected(course, tmp_path / "new") == {"Mallory": None}
    copied = course.folder("submitted", CHAPTER, "Mallory")
    assert [path.name for path in copied.iterdir()] == [f"{CHAPTER}.ipynb"]
    assert LenientDirectory().get_existing_timestamp(str(new)) is None
    (new / "timestamp.txt").write_text("2026-01-02 03:04:05 UTC", encoding="utf-8")
    assert LenientDirectory().get_existing_timestamp(str(new)).year == 2026
    assert LONGEST_TIMESTAMP >= 100


@pytest.mark.parametrize(
    "name", ["Ada ", "漢" * 84, "E\u0301lif", "a\n", "=cmd|", "../x", "a,b", ""]
)
def test_32_what_is_no_students_id(name):
    """nbgrader strips blanks, so that "Ada " would be Ada; a file's name may have 255 bytes."""
    assert not is_student(name)


@pytest.mark.parametrize("name", ["a", "Ada Lovelace", "ada@example.org", "Élif", "漢" * 60])
def test_what_is_a_students_id(name):
    assert is_student(name)


def test_32_names_that_steer_a_terminal_or_are_no_text_are_shown_as_codes(course):
    name = os.fsdecode(b"\xff\x1b[31m\nx")
    save_problem(course, Submission(name, CHAPTER), AWAITS, f"Rename {name}.")
    record = load_record(course, Submission(name, CHAPTER))
    shown = "\\udcff\\x1b[31m\\nx"
    assert (record["student"], record["sentence"]) == (shown, f"Rename {shown}.")
    assert in_columns([(name, "a"), ("b", "c")]).splitlines()[0] == f"{shown}  a"


@pytest.mark.parametrize(
    ("cell", "count"), [({"source": "a"}, 3000), ({"source": "a" * 3000}, 1900)]
)
def test_28_a_bomb_of_cells_or_text_is_refused_with_a_sentence(tmp_path, cell, count):
    path = Path(tmp_path, "a.ipynb")
    text = ", ".join([str(cell).replace("'", '"')] * count)
    path.write_text(f'{{"cells": [{text}]}}', encoding="utf-8")
    with pytest.raises(Unreadable, match=r"^The notebook.* more than \d+"):
        read_submission(path)


def test_29_a_notebook_in_a_nested_folder_is_found_and_of_two_a_human_chooses(course):
    nested = course.folder("submitted", CHAPTER, "Mallory") / "my work" / "week 1"
    nested.mkdir(parents=True)
    (nested / "hw (1).ipynb").write_text('{"cells": []}', encoding="utf-8")
    assert collected(course)["Mallory"] is None
    found = course.notebook("submitted", CHAPTER, "Mallory")
    assert found.read_text(encoding="utf-8") == '{"cells": []}'
    found.rename(nested / "hw (2).ipynb")
    status, sentence = collected(course)["Mallory"]
    assert status == AWAITS and "hw (1).ipynb, hw (2).ipynb. Keep one." in sentence


def test_a_newer_notebook_does_not_lose_to_the_copy_that_a_grading_made(course):
    folder = course.folder("submitted", CHAPTER, "Mallory")
    (folder / "hw (1).ipynb").write_text('{"cells": []}', encoding="utf-8")
    assert collected(course)["Mallory"] is None
    assert collected(course)["Mallory"] is None
    time.sleep(0.1)
    (folder / "hw (2).ipynb").write_text('{"cells": []}', encoding="utf-8")
    earlier = time.time() - 3600
    os.utime(folder / "hw (2).ipynb", (earlier, earlier))  # as an archive has it
    status, sentence = collected(course)["Mallory"]
    assert status == AWAITS
    assert sentence == f"hw (2).ipynb is newer than {CHAPTER}.ipynb: keep one of them."


@pytest.mark.parametrize("name", ["nbgrader_config.py", "a/b/NBGrader_config.json"])
def test_settings_that_formgrader_would_run_wait_for_a_human(course, name):
    settings = course.folder("submitted", CHAPTER, "Mallory") / name
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.write_text("raise SystemExit", encoding="utf-8")
    status, sentence = collected(course)["Mallory"]
    assert status == AWAITS and settings.name in sentence and "as its settings" in sentence


def test_16_files_that_nbgrader_would_fill_the_disk_with_wait_for_a_human(course):
    folder = course.folder("submitted", CHAPTER, "Mallory")
    (folder / f"{CHAPTER}.ipynb").write_text("{}", encoding="utf-8")
    with (folder / "data.bin").open("wb") as sparse:
        sparse.truncate(10**12)
    status, sentence = collected(course)["Mallory"]
    assert status == AWAITS and "more than 500 MB" in sentence
    assert collected(course)["Ada"] is None


def test_a_student_who_is_a_link_to_nowhere_waits_for_a_human(course):
    for name, target in (("Nowhere", "/nonexistent/x"), ("Loop", "Loop")):
        (course.root / "submitted" / name).symlink_to(target)
    (course.root / "submitted" / "README").symlink_to(course.notebook("submitted", CHAPTER, "Ada"))
    found = collected(course)
    assert set(found) == {"Ada", "Mallory", "Nowhere", "Loop"}
    assert found["Nowhere"][0] == found["Loop"][0] == AWAITS


@pytest.mark.parametrize("odd", [os.mkfifo, lambda path: path.symlink_to(__file__), Path.mkdir])
def test_26_what_was_exchanged_after_the_look_is_neither_followed_nor_waited_for(tmp_path, odd):
    odd(tmp_path / "a.ipynb")
    with pytest.raises(OSError, match=r"plain file|symbolic links|directory"):
        read_plain(tmp_path / "a.ipynb", 100)
    with pytest.raises(Unreadable, match="cannot be opened"):
        read_submission(tmp_path / "a.ipynb")


def test_26_a_file_that_grows_is_not_read_to_its_end(tmp_path, monkeypatch):
    path = tmp_path / "a.ipynb"
    path.write_bytes(b"x" * 101)
    monkeypatch.setattr("os.fstat", lambda number: os.stat_result((0o100644, *[0] * 9)))
    with pytest.raises(TooLarge):
        read_plain(path, 100)
    assert len(read_plain(path, 101)) == 101


@pytest.mark.parametrize("value", ["[]", '{"a": 0}', "1", '"ab"'])
def test_28_a_bomb_of_many_small_values_is_refused_before_it_is_read(tmp_path, monkeypatch, value):
    path = tmp_path / "a.ipynb"
    path.write_text(f'{{"cells": [], "x": [{", ".join([value] * 2_000_001)}]}}', encoding="utf-8")
    monkeypatch.setattr("json.loads", None)
    with pytest.raises(Unreadable, match="more than 2000000 values; please clear the outputs"):
        read_submission(path)


UNREADABLE_FOLDERS = {  # by student: what nobody but root may read
    "Bruno": lambda folder: folder,
    "Chioma": lambda folder: folder.parent,
    "Elif": lambda folder: folder / f"{CHAPTER}.ipynb",
}


@pytest.mark.skipif(os.geteuid() == 0, reason="no permission binds root; see test_ordinary_user")
@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("listed", [True, False])
def test_unreadable_folders_wait_for_a_human_and_stop_nobody(course, tmp_path, inside, listed):
    submitted = course.root / "submitted" if inside else tmp_path / "new"
    shut = []
    for student, of in UNREADABLE_FOLDERS.items():
        folder = submitted / student / CHAPTER
        folder.mkdir(parents=True)
        (folder / f"{CHAPTER}.ipynb").write_text("{}", encoding="utf-8")
        shut.append(of(folder))
        shut[-1].chmod(0)
    if listed:
        (course.root / "roster.csv").write_text("id\nAda\nBruno\nElif\n", encoding="utf-8")
    try:
        Course.open(course.root)
        found = collected(course, submitted)
    finally:
        for path in shut:
            path.chmod(0o700)
    assert found["Bruno"][0] == found["Chioma"][0] == AWAITS
    if inside:  # nothing is copied there: reading it ends in a sentence
        assert found["Ada"] is None and found["Elif"] is None
    else:
        assert found["Elif"][0] == AWAITS
