"""What stays in doubt is examined once more, alone, and nothing stops the batch."""

import json
import shutil
import threading
import time
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import asdict, replace

import psutil
import pytest
from course_pages import hand_in, write_pages
from nbformat import v4

from autograder import examination, find_exercise, replies
from autograder.course import Course, Submission
from autograder.examination import Task, examine_task
from autograder.execution import run
from autograder.grading import grade
from autograder.notebooks import METADATA
from autograder.records import load_record
from autograder.release import release
from autograder.statuses import KEPT_WAITING, LOST, Limits
from course_lib.verdict import NOT_WRITTEN

CHAPTER, NAME = "saliency", "compute_saliency_maps"
LIMITS = Limits(cell_seconds=20, submission_seconds=60)
ASLEEP = "import time\nwhile True:\n    time.sleep(0.05)"
KEPT_FROM_WORK = """import time
while True:
    until = time.process_time() + 0.01
    while time.process_time() < until:
        pass
    time.sleep(0.05)"""


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """A course with one released chapter."""
    course = Course.open(tmp_path_factory.mktemp("released"))
    release(course, [CHAPTER], write_pages(tmp_path_factory.mktemp("pages"), CHAPTER))
    return course


@pytest.fixture
def course(released, tmp_path):
    """A copy of it, for each test its own."""
    return Course(shutil.copytree(released.root, tmp_path / "course"))


def grade_all(course, engine=None):
    """Grade everything; returns the rows by student."""
    settings = {"jobs": 1, "limits": LIMITS, "silent": True, "engine": engine}
    rows = grade(course, course.root / "submitted", [CHAPTER], **settings)
    return {row["student"]: row for row in rows}


def kill_when_it_runs(lost):
    """Kill the sandbox, or the process that `lost` finds from it, while a submission is at work."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):  # it may end while it is looked at
                # below bubblewrap: its first process, the warm parent, a keeper and its child
                if process.name() == "bwrap" and len(process.children(recursive=True)) >= 4:
                    return lost(process).kill()
        time.sleep(0.02)
    raise AssertionError("no submission was ever at work")


@pytest.mark.parametrize(
    ("lost", "why"),
    [
        pytest.param(lambda walls: walls, LOST, id="sandbox"),
        pytest.param(
            lambda walls: walls.parent(),
            "the process that examined it was lost",
            id="worker",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_whoever_lost_its_sandbox_or_worker_is_examined_once_more_alone(course, lost, why):
    slow = f"import time; time.sleep(3)\n{find_exercise(NAME).source}"
    hand_in(course, "Ada", CHAPTER, {NAME: slow})
    killer = threading.Thread(target=kill_when_it_runs, args=[lost])
    killer.start()
    row = grade_all(course)["Ada"]
    killer.join()
    assert row["points"][NAME] == find_exercise(NAME).points
    assert f"Examined twice, the second time alone, because at first {why}." in row["sentence"]
    assert load_record(course, Submission("Ada", CHAPTER))["repeated"] == why


class Unlucky:
    """An engine in which a submission's process is lost, so many times, or its time runs out."""

    at_once = 10

    def __init__(self, outcomes):
        self.outcomes, self.submitted = outcomes, []

    def __call__(self, course, limits):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def submit(self, task, chapter):
        student = next(name for name in self.outcomes if f"# {name}" in task or name == "anybody")
        outcome, future = self.outcomes[student].pop(0), Future()
        self.submitted.append(student)
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            reply = outcome(task)
            future.set_result(reply if isinstance(reply, str) else json.dumps(asdict(reply)))
        return future


def found(doubt=""):
    """What a worker that runs nothing makes of a task."""

    def examined(task):
        given = replace(Task(**json.loads(task)), unreadable="Nothing was run.")
        return replace(examine_task(given, release=None), doubt=doubt)

    return examined


@pytest.fixture
def class_of_three(course):
    for student in ("Ada", "Bruno", "Elif"):
        hand_in(course, student, CHAPTER, {NAME: f"# {student}"})
    return course


def test_what_ends_its_process_twice_is_told_and_stops_nobody(class_of_three):
    lost = BrokenProcessPool("gone")
    engine = Unlucky({"Ada": [found()], "Bruno": [lost, lost], "Elif": [lost, found()]})
    rows = grade_all(class_of_three, engine)
    assert engine.submitted[:3] == ["Ada", "Bruno", "Elif"]
    assert sorted(engine.submitted[3:]) == ["Bruno", "Elif"], "once more, after all others"
    assert [rows[student]["status"] for student in sorted(rows)] == ["graded", "failed", "graded"]
    assert rows["Bruno"]["sentence"] == (
        "It could not be examined, not even alone: the process that examined it was lost. "
        "Mark it by hand, or grade it again."
    )


def test_a_worker_that_replies_nonsense_costs_one_submission_and_gives_no_points(class_of_three):
    gap = lambda task: replace(found()(task), outputs={}, exercises={})  # noqa: E731
    engine = Unlucky({"Ada": [found()], "Bruno": [lambda task: "nonsense", gap], "Elif": [found()]})
    rows = grade_all(class_of_three, engine)
    assert [rows[student]["status"] for student in sorted(rows)] == ["graded", "failed", "graded"]
    assert rows["Bruno"]["total"] == 0
    assert "worker's reply cannot be used: its exercises are not" in rows["Bruno"]["sentence"]


class Exchanged(Unlucky):
    """Here a student exchanges the file while it is examined."""

    def submit(self, task, chapter):
        shutil.copy(self.course.notebook("release", chapter), self.handed_in)
        return super().submit(task, chapter)

    def __call__(self, course, limits):
        self.course, self.handed_in = course, course.notebook("submitted", CHAPTER, "Ada")
        return self


def test_a_verdict_is_never_on_another_file_than_the_one_that_is_kept(course):
    hand_in(course, "Ada", CHAPTER, {NAME: "# Ada"})
    grade_all(course, Exchanged({"Ada": [found()]}))
    message = load_record(course, Submission("Ada", CHAPTER))["exercises"][NAME]["message"]
    kept = course.notebook("autograded", CHAPTER, "Ada").read_text(encoding="utf-8")
    assert message.startswith(NOT_WRITTEN) and "# Ada" not in kept


def test_a_test_cell_that_the_judge_does_not_know_earns_nothing(course, monkeypatch):
    hand_in(course, "Ada", CHAPTER, {})
    for module in (examination, replies):
        monkeypatch.setattr(module, "exercises_of", lambda chapter: ())
    row = grade_all(course, Unlucky({"anybody": [found()]}))["Ada"]
    assert (row["status"], row["total"]) == ("failed", 0)
    assert "release the chapter again" in row["sentence"]


def test_time_that_ran_out_twice_counts_and_is_not_tried_a_third_time(class_of_three):
    twice = [found(KEPT_WAITING), found(KEPT_WAITING)]
    engine = Unlucky({"Ada": [found()], "Bruno": twice, "Elif": [found()]})
    rows = grade_all(class_of_three, engine)
    assert rows == grade_all(class_of_three, engine), "and the ledger has it"
    assert f"at first {KEPT_WAITING}" in rows["Bruno"]["sentence"]
    assert rows["Ada"]["sentence"] == rows["Elif"]["sentence"] == "No exercise was begun."


def test_a_doubt_that_a_killed_grading_left_is_settled_by_the_next(class_of_three):
    engine = Unlucky({"Ada": [found()], "Bruno": [found(LOST), KeyboardInterrupt()], "Elif": []})
    engine.outcomes["Elif"] = [found()]
    with pytest.raises(KeyboardInterrupt):
        grade_all(class_of_three, Interrupted(engine.outcomes))
    left = Unlucky({"Ada": [], "Bruno": [found()], "Elif": []})
    assert f"at first {LOST}" in grade_all(class_of_three, left)["Bruno"]["sentence"]
    assert left.submitted == ["Bruno"]


class Interrupted(Unlucky):
    """Here somebody presses Ctrl-C."""

    def submit(self, task, chapter):
        student = next(name for name in self.outcomes if f"# {name}" in task)
        if isinstance(self.outcomes[student][0], KeyboardInterrupt):
            raise KeyboardInterrupt
        return super().submit(task, chapter)


@pytest.mark.parametrize(("source", "doubt"), [(ASLEEP, ""), (KEPT_FROM_WORK, KEPT_WAITING)])
def test_only_what_was_at_work_when_the_clock_ran_out_is_in_doubt(tmp_path, source, doubt):
    for name in ("examples", "evidence"):
        (tmp_path / name).mkdir()
    notebook = v4.new_notebook(cells=[v4.new_code_cell(source, id="c")], metadata=METADATA)
    limits = Limits(cell_seconds=1, submission_seconds=20)
    execution = run(notebook, tmp_path / "examples", tmp_path / "evidence", limits)
    assert [status.outcome for status in execution.statuses] == ["stopped"]
    assert execution.doubt == doubt
