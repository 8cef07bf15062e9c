"""What a killed process was at work on does not stay in the folder for temporary files."""

import os
import tempfile

import pytest

from autograder import worker
from autograder.workplace import PREFIX, _lock, workplace


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty folder for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    workplace.cache_clear()
    yield tmp_path
    workplace.cache_clear()


def test_what_a_killed_process_left_is_removed_and_nothing_else(home):
    for name in (f"{PREFIX}killed", f"{PREFIX}alive", "others", "theirs"):
        (home / name / "deep").mkdir(parents=True)
    (home / f"{PREFIX}link").symlink_to(home / "others")
    held = _lock(home / f"{PREFIX}alive")
    mine = workplace()
    os.close(held)
    assert sorted(path.name for path in home.iterdir()) == sorted(
        [f"{PREFIX}alive", f"{PREFIX}link", "others", "theirs", mine.name]
    )
    assert (home / "others" / "deep").is_dir() and workplace() == mine


def test_a_living_process_keeps_its_folder(home):
    mine = workplace()
    workplace.cache_clear()
    other = workplace()
    assert mine.is_dir() and other.is_dir() and mine != other


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_another_users_folder_is_left_alone(home):
    theirs = home / f"{PREFIX}theirs"
    theirs.mkdir()
    os.chown(theirs, 1000, 1000)
    workplace()
    assert theirs.is_dir()


def test_the_releases_files_lie_there(home, monkeypatch):
    monkeypatch.setattr(worker, "_folders", {})
    folder = worker._laid_out({"a/b.txt": b"x"})
    (kept,) = worker._folders.values()
    kept.cleanup()
    assert os.path.dirname(folder) == str(workplace())
