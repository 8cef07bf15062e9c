"""The course folder says what is wrong with it before any work is done."""

import resource
import sqlite3
import stat
from contextlib import closing

import pytest

from autograder.course import Course, is_student, write_atomically
from autograder.errors import CourseError
from autograder.overrides import _append


@pytest.mark.parametrize("place", ["file/course", "file"])
def test_a_folder_that_cannot_be_written_is_said(tmp_path, place):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(CourseError, match=r"cannot be written \(.+\); choose another"):
        Course.open(tmp_path / place)


def test_a_read_only_file_system_is_said():
    with pytest.raises(CourseError, match="cannot be written"):
        Course.open("/proc/self/course")


def test_a_locked_gradebook_is_said(tmp_path):
    Course.open(tmp_path)
    with closing(sqlite3.connect(tmp_path / "gradebook.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(CourseError, match=r"gradebook\.db cannot be written \(.*locked"):
            Course.open(tmp_path)


def test_a_gradebook_that_is_none_is_said(tmp_path):
    (tmp_path / "gradebook.db").write_text("not a database, by no means", encoding="utf-8")
    with pytest.raises(CourseError, match="not a database"):
        Course.open(tmp_path)


def test_grading_needs_a_course(tmp_path):
    with pytest.raises(CourseError, match="run `autograder release` first"):
        Course.existing(tmp_path)


def test_a_teachers_own_settings_stay(tmp_path):
    Course.open(tmp_path)
    with (tmp_path / "nbgrader_config.py").open("a", encoding="utf-8") as file:
        file.write("c.Examine.cell_seconds = 5\n")
    course = Course.open(tmp_path)
    assert course.config().Examine.cell_seconds == 5
    assert "autograder.nbgrader_steps.Graft" in course.config().Autograde.sanitize_preprocessors


def test_seeds_are_secret_fresh_and_stay(tmp_path):
    first, second = Course.open(tmp_path / "a"), Course.open(tmp_path / "b")
    seeds = {first.seed(s, "saliency", e) for s in ("Ada", "Bruno") for e in ("one", "two")}
    assert len(seeds) == 4
    assert first.seed("Ada", "saliency", "one") == Course.open(tmp_path / "a").seed(
        "Ada", "saliency", "one"
    )
    assert first.seed("Ada", "saliency", "one") != second.seed("Ada", "saliency", "one")
    assert stat.S_IMODE((tmp_path / "a" / ".secret").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("name", "valid"),
    [
        ("ada", True),
        ("Ada Lovelace", True),
        ("a.b@c.org", True),
        ("Zoë", True),
        ("../x", False),
        ("=cmd|", False),
        ("*", False),
        ("", False),
        (".hidden", False),
        ("x" * 200, False),
    ],
)
def test_which_folders_are_students(name, valid):
    assert is_student(name) == valid


def test_a_file_is_replaced_whole(tmp_path):
    write_atomically(tmp_path / "deep" / "record.json", "old")
    write_atomically(tmp_path / "deep" / "record.json", "new")
    assert (tmp_path / "deep" / "record.json").read_text(encoding="utf-8") == "new"
    assert len(list((tmp_path / "deep").iterdir())) == 1


def test_a_folder_inside_that_cannot_be_written_is_said_first(monkeypatch, tmp_path):
    """Permissions do not bind root, who may run these tests: so ask as if they did."""
    Course.open(tmp_path)
    inner = tmp_path / "verdicts" / "saliency"
    inner.mkdir(parents=True)
    monkeypatch.setattr("os.access", lambda path, mode: str(path) != str(inner))
    with pytest.raises(CourseError, match="saliency cannot be written; change its permissions"):
        Course.open(tmp_path)


@pytest.fixture
def little_room():
    """Files may have forty bytes: what a full disk does to a writer."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_what_finds_no_room_leaves_no_half_file_and_no_half_line(tmp_path, little_room):
    (tmp_path / "log").write_text("the first line\n", encoding="utf-8")
    (tmp_path / "record").write_text("old", encoding="utf-8")
    with pytest.raises(OSError, match="room|large"):
        _append(tmp_path / "log", "x" * 100 + "\n")
    with pytest.raises(OSError, match="large"):
        write_atomically(tmp_path / "record", "x" * 100)
    _append(tmp_path / "log", "the second\n")
    assert (tmp_path / "log").read_text(encoding="utf-8") == "the first line\nthe second\n"
    assert (tmp_path / "record").read_text(encoding="utf-8") == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log", "record"]
