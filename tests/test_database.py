"""The gradebook on a PostgreSQL server that the tests start: several people mark at once."""

import json
import os
import pwd
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest
from course_pages import gradebook_rows, hand_in, write_pages
from nbgrader.api import Gradebook

from autograder import find_exercise
from autograder.cli import main
from autograder.course import CONFIG, Course
from autograder.database import check_database
from autograder.errors import CourseError
from autograder.feedback import write_feedback
from autograder.grading import grade
from autograder.records import results
from autograder.release import release
from autograder.statuses import Limits

ODD = "a\0b\x1b[31m\ud800\N{GRINNING FACE}"  # half a character is among them
RAISES = f"""def compute_saliency_maps(X, y, model):
    print({ODD!r})
    raise RuntimeError({ODD!r} * 1000)
"""
CHAPTER, NAME, WRITTEN = "saliency", "compute_saliency_maps", "why_not_ascend"
LIMITS = Limits(cell_seconds=5, submission_seconds=30)
PASSWORD = "open-sesame"


def programs():
    """The folder of PostgreSQL's own programs: Debian keeps one per version."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    elsewhere = shutil.which("initdb")
    return found[-1].parent if found else elsewhere and Path(elsewhere).parent


def ordinary_user():
    """PostgreSQL refuses to run as root."""
    return "nobody" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name


@pytest.fixture(scope="module")
def folder():
    """A folder for the server alone: pytest's own are closed to any other user."""
    with tempfile.TemporaryDirectory(prefix="server-") as folder:
        shutil.chown(folder, ordinary_user())
        yield Path(folder)


@pytest.fixture(scope="module")
def server(folder):
    """A server on a socket in a folder of its own; gives the addresses of its databases."""
    if programs() is None:
        pytest.skip("PostgreSQL is not installed (Debian, Ubuntu: apt-get install postgresql)")
    (folder / "password").write_text(PASSWORD, encoding="ascii")

    def run(name, *arguments):
        command = [str(programs() / name), *map(str, arguments)]
        user = {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}
        environment = os.environ | {"PGPASSWORD": PASSWORD}
        subprocess.run(
            command, check=True, env=environment, cwd=folder, stdout=subprocess.DEVNULL, **user
        )

    run("initdb", "-D", folder / "data", "-U", "ta", "-A", "scram-sha-256", "--no-sync",
        "--pwfile", folder / "password")  # fmt: skip
    options = f"-c listen_addresses= -c fsync=off -k {folder}"
    run("pg_ctl", "-D", folder / "data", "-o", options, "-l", folder / "log", "-w", "start")
    for name in ("class", "empty"):
        run("createdb", "-h", folder, "-U", "ta", name)
    yield lambda name: f"postgresql://ta:{PASSWORD}@/{name}?host={folder}"
    run("pg_ctl", "-D", folder / "data", "-m", "immediate", "stop")


def configure(root, address):
    """Tell nbgrader, and so everybody, of a database."""
    line = f"c.CourseDirectory.db_url = {address!r}\n"
    root.mkdir(exist_ok=True)
    (root / "nbgrader_config.py").write_text(CONFIG + line, encoding="utf-8")


def graded(course, pages):
    """Release a chapter, hand in three submissions and grade them."""
    release(course, [CHAPTER], pages)
    exercise = find_exercise(NAME)
    wrong = next(m.source for m in exercise.mistakes if m.key == "cross_entropy")
    hand_in(course, "Ada", CHAPTER, {NAME: exercise.source, WRITTEN: "Because."})
    hand_in(course, "Bruno", CHAPTER, {NAME: wrong, WRITTEN: "Why not?"})
    hand_in(course, "Elif", CHAPTER, {})
    hand_in(course, "Mallory", CHAPTER, {NAME: RAISES, WRITTEN: "in its place"})
    path = course.notebook("submitted", CHAPTER, "Mallory")
    text = path.read_text(encoding="utf-8").replace("in its place", json.dumps(ODD)[1:-1] * 1000)
    path.write_text(text, encoding="utf-8")
    return grade_all(course)


def grade_all(course):
    rows = grade(course, course.root / "submitted", [CHAPTER], jobs=1, limits=LIMITS, silent=True)
    return [row | {"seconds": None} for row in rows]


@pytest.fixture(scope="module")
def both(server, tmp_path_factory):
    """The same class in SQLite and in PostgreSQL: two courses with their rows."""
    pages = write_pages(tmp_path_factory.mktemp("pages"), CHAPTER)
    roots = [tmp_path_factory.mktemp("sqlite"), tmp_path_factory.mktemp("postgresql")]
    configure(roots[1], server("class"))
    courses = [Course.open(root) for root in roots]
    shutil.copy(secret_of(courses[0]), courses[1].root)
    return [(course, graded(course, pages)) for course in courses]


def secret_of(course):
    course.seed("Ada", CHAPTER, NAME)
    return course.root / ".secret"


def test_the_rows_are_the_same_as_with_sqlite(both):
    (lite, lite_rows), (course, rows) = both
    assert rows == lite_rows
    assert (lite.root / "gradebook.db").exists()
    assert not (course.root / "gradebook.db").exists(), "all of it is on the server"
    for student in ("Ada", "Bruno", "Elif", "Mallory"):
        assert gradebook_rows(course, CHAPTER, student) == gradebook_rows(lite, CHAPTER, student)


def test_characters_that_no_database_holds_are_graded_and_kept_in_both(both):
    for course, rows in both:
        (row,) = [row for row in rows if row["student"] == "Mallory"]
        assert (row["status"], row["total"], row["awaiting"]) == ("needs a human", 0, 2)
        assert "RuntimeError: a\ufffdb\ufffd[31m" in str(gradebook_rows(course, CHAPTER, "Mallory"))


def test_feedback_comes_from_the_server(both):
    (course, _) = both[1]
    pages = {path.parts[-3]: path.read_text(encoding="utf-8")
             for path in write_feedback(course, CHAPTER)}  # fmt: skip
    assert set(pages) == {"Ada", "Bruno", "Elif", "Mallory"} and "cross-entropy" in pages["Bruno"]


def mark(address, student, points, times):
    """What formgrader does when a TA types points, several times, on a connection of its own."""
    with Gradebook(address) as gradebook:
        for _ in range(times):
            written = gradebook.find_grade(WRITTEN, CHAPTER, CHAPTER, student)
            written.manual_score, written.needs_manual_grade = points, False
            gradebook.db.commit()


def test_two_people_mark_while_the_class_is_graded_again(both, server):
    (course, before) = both[1]
    marking = [
        threading.Thread(target=mark, args=[server("class"), student, points, 20])
        for student, points in (("Ada", 2), ("Bruno", 0.5))
    ]
    for thread in marking:
        thread.start()
    again = grade_all(course)
    for thread in marking:
        thread.join()
    after = {row["student"]: row for row in results(course, CHAPTER)}
    assert [after[student]["points"][WRITTEN] for student in ("Ada", "Bruno")] == [2, 0.5]
    for row, old in zip(again, before, strict=True):
        assert row["points"][NAME] == old["points"][NAME]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda url: url.replace(PASSWORD, "not-" + PASSWORD), "password authentication failed"),
        (lambda url: url.replace("/empty", "/nowhere"), 'database "nowhere" does not exist'),
        (lambda url: url + "/elsewhere", "No such file or directory"),
    ],
)
def test_a_server_that_cannot_be_used_is_one_sentence_without_the_password(server, change, why):
    with pytest.raises(CourseError) as told:
        check_database(change(server("empty")))
    assert why in str(told.value) and str(told.value).endswith("mend the address.")
    assert PASSWORD not in str(told.value)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        (f"postgresql+psycopg2://ta:{PASSWORD}@localhost/x", "`pip install 'psycopg2-binary'`"),
        (f"nosql://ta:{PASSWORD}@localhost/x", "cannot be read"),
        (f"postgresql://ta:{PASSWORD}@localhost:{PASSWORD}/x", "cannot be read"),
        (f"postgresql://ta:x@{PASSWORD}@localhost/x", "cannot be used"),
        (PASSWORD, "cannot be read"),
    ],
)
def test_an_address_or_driver_that_is_wrong_is_one_sentence(tmp_path, capsys, address, why):
    configure(tmp_path / "course", address)
    assert main(["grade", "--course", str(tmp_path / "course")]) == 2
    told = capsys.readouterr().err
    assert told.startswith("autograder: The gradebook's database") and why in told
    assert PASSWORD not in told and told.count("\n") == 1


def test_a_server_that_went_away_is_one_sentence(server, tmp_path):
    course = Course(tmp_path)
    configure(tmp_path, server("empty").replace("/empty", "/nowhere"))
    with pytest.raises(CourseError, match="c.CourseDirectory.db_url in .* cannot be used"):
        course.gradebook()
