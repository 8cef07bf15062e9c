"""The command line: exit statuses, sentences on stderr, one JSON object."""

import errno
import json

import pytest

from autograder import cli
from autograder.comparison import Change
from autograder.course import Course
from autograder.errors import CourseError

ROW = {
    "student": "Ada",
    "chapter": "saliency",
    "status": "graded",
    "sentence": "",
    "points": {"compute_saliency_maps": 0.0},
    "max_points": {"compute_saliency_maps": 6.0},
    "total": 0.0,
    "awaiting": 0,
    "mistakes": {},
    "repairs": [],
    "overrides": {},
}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course with a released chapter."""
    course = Course.open(tmp_path_factory.mktemp("course"))
    course.folder("release", "saliency").mkdir(parents=True)
    course.notebook("release", "saliency").write_text("{}", encoding="utf-8")
    (course.root / "submitted").mkdir()
    return course


@pytest.fixture
def asked(monkeypatch):
    """What `grade` was asked for; it answers with one row."""
    asked = []

    def grade(course, submitted, chapters, **settings):
        asked.append((str(submitted), chapters, settings))
        return [ROW]

    monkeypatch.setattr(cli, "grade", grade)
    return asked


def test_the_exit_status_says_that_the_work_was_done_not_what_was_scored(course, asked, capsys):
    assert cli.main(["grade", "--course", str(course.root), "--jobs", "3"]) == 0
    assert "compute_saliency_maps 0/6" in capsys.readouterr().out
    submitted, chapters, settings = asked[0]
    assert (submitted, chapters) == (str(course.root / "submitted"), ["saliency"])
    assert settings["jobs"] == 3


def test_a_chapter_may_stand_where_the_folder_is_left_out(course, asked):
    cli.main(["grade", "--course", str(course.root), "saliency"])
    cli.main(["grade", "--course", str(course.root), "elsewhere", "saliency"])
    assert [(submitted, chapters) for submitted, chapters, _ in asked] == [
        (str(course.root / "submitted"), ["saliency"]),
        ("elsewhere", ["saliency"]),
    ]


def test_json_is_one_object(course, asked, capsys):
    assert cli.main(["grade", "--course", str(course.root), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"results": [ROW]}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["grade", "nowhere"], "There is no folder nowhere"),
        (["grade", ".", "fooling"], "'fooling' has not been released"),
        (["report", "fooling"], "'fooling' has not been released"),
        (["feedback", "saliency"], "run `autograder grade` first"),
        (["override", "Ada", "saliency", "x", "3", "--because", "so"], "no student 'Ada'"),
        (["override", "Ada", "saliency", "x", "--because", "so"], "Give either POINTS or --undo."),
        (["override", "Ada", "saliency", "x", "3", "--undo"], "Give either POINTS or --undo."),
        (["roster", "nowhere.csv"], "The roster nowhere.csv cannot be read"),
    ],
)
def test_a_bad_argument_gets_a_sentence_and_2(course, capsys, arguments, sentence):
    assert cli.main([*arguments, "--course", str(course.root)]) == 2
    complaint = capsys.readouterr().err
    assert complaint.startswith("autograder: ") and sentence in complaint
    assert "Traceback" not in complaint


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["grade", "--jobs", "0"],
        ["grade", "--cell-seconds", "-1"],
        ["unknown"],
        ["export", "--format", "excel"],
        ["override", "Ada", "saliency", "x", "many"],
    ],
)
def test_argparse_answers_the_rest(arguments):
    with pytest.raises(SystemExit) as end:
        cli.main(arguments)
    assert end.value.code == 2


def test_a_comparison_is_printed_and_says_that_nothing_was_written(course, monkeypatch, capsys):
    change = Change("Ada", "saliency", "compute_saliency_maps", 1.8, 6.0, "cross_entropy", None, 4)
    monkeypatch.setattr(cli, "compare", lambda *_, **__: [change])
    assert cli.main(["grade", "--course", str(course.root), "--compare"]) == 0
    said = capsys.readouterr()
    head, ada, *_ = said.out.splitlines()
    assert ada.split() == ["Ada", "saliency", "compute_saliency_maps", "1.8", "6", "cross_entropy",
                           "–", "4", "given", "by", "hand", "count"]  # fmt: skip
    assert "Submissions that would change: 1. Nothing was written" in said.out
    monkeypatch.setattr(cli, "compare", lambda *_, **__: [])
    assert cli.main(["grade", "--course", str(course.root), "--compare", "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == {"changes": []} and said.err == ""


def test_a_platforms_file_is_printed_and_what_is_left_empty_is_said(course, monkeypatch, capsys):
    row = ROW | {"status": "needs a human", "awaiting": 2}
    monkeypatch.setattr(cli, "results", lambda course, chapter: [row])
    assert cli.main(["export", "--course", str(course.root), "--format", "canvas"]) == 0
    said = capsys.readouterr()
    assert said.out.startswith('"Student","ID"') and said.out.endswith('"Ada","",""\n')
    assert "await a human: Ada (saliency)" in said.err and "no roster" in said.err


def test_a_folder_that_holds_another_course_is_not_emptied(course, capsys):
    assert cli.main(["demonstrate", "--course", str(course.root)]) == 2
    assert "holds another course" in capsys.readouterr().err
    assert course.notebook("release", "saliency").is_file()


def test_release_reports_what_the_page_gets_wrong(tmp_path, monkeypatch, capsys):
    def release(course, chapters, silent):
        raise CourseError("saliency.md, line 3: this is not the stub.")

    monkeypatch.setattr(cli, "release", release)
    assert cli.main(["release", "--course", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "autograder: saliency.md, line 3: this is not the stub.\n"


def test_a_full_disk_is_one_sentence(course, monkeypatch, capsys):
    def grade(*arguments, **settings):
        raise OSError(errno.ENOSPC, "No space left on device", "ledger/x")

    monkeypatch.setattr(cli, "grade", grade)
    assert cli.main(["grade", "--course", str(course.root)]) == 2
    said = "autograder: ledger/x cannot be used (No space left on device). What was finished is"
    assert capsys.readouterr().err == f"{said} kept.\n"
