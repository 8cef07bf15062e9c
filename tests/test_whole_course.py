"""Every chapter's real notebook, solved and untouched, through both ways of grading."""

import os
import subprocess
import sys

import pytest
from course_pages import hand_in

from autograder.catalogue import chapters, exercises_of
from autograder.course import Course, Submission
from autograder.grading import grade
from autograder.records import load_record
from autograder.release import release
from autograder.statuses import Limits

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """All chapters released; one student who solved everything, one who did nothing."""
    course = Course.open(tmp_path_factory.mktemp("course"))
    release(course, chapters())
    for chapter in chapters():
        solved = {exercise.name: exercise.source for exercise in exercises_of(chapter)}
        hand_in(course, "Solved", chapter, solved)
        hand_in(course, "Untouched", chapter, {})
    return course


@pytest.fixture(scope="module")
def rows(course):
    """Results by student and chapter."""
    submitted, limits = course.root / "submitted", Limits()
    found = grade(course, submitted, chapters(), jobs=2, limits=limits, silent=True)
    return {(row["student"], row["chapter"]): row for row in found}


@pytest.mark.parametrize("chapter", chapters())
def test_solved_notebooks_get_full_marks_and_untouched_ones_none(rows, chapter):
    points = {exercise.name: exercise.points for exercise in exercises_of(chapter)}
    solved, untouched = rows["Solved", chapter], rows["Untouched", chapter]
    assert {name: solved["points"][name] for name in points} == points
    assert all(untouched["points"][name] == 0 for name in points)
    assert not solved["mistakes"] and not untouched["mistakes"]


@pytest.mark.parametrize("chapter", chapters())
def test_plain_nbgrader_gives_the_same(course, rows, chapter):
    before = {s: load_record(course, Submission(s, chapter)) for s in ("Solved", "Untouched")}
    subprocess.run(
        [sys.executable, "-m", "nbgrader", "autograde", chapter, "--force"],
        cwd=course.root,
        check=True,
        capture_output=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    for student, record in before.items():
        again = load_record(course, Submission(student, chapter))
        assert again["exercises"] == record["exercises"]
        with course.gradebook() as gradebook:
            notebook = gradebook.find_submission_notebook(chapter, chapter, student)
            scores = {grade.name: grade.auto_score for grade in notebook.grades}
        for name, found in record["exercises"].items():
            assert scores[f"check_{name}"] == found["points"]
