"""A page and its exercises give the source notebook, the same bytes each time."""

import nbformat
import pytest
from course_pages import HEAD, SETUP, FakeExercise, FakeQuestion, code_cell, exercise_page

from autograder.errors import CourseError
from autograder.notebooks import solved_notebook, source_notebook, write_notebook


@pytest.fixture
def build(tmp_path):
    """Builds the source notebook of a page that is given as text."""

    def build_from(text, exercises=None, questions=()):
        exercises = [FakeExercise()] if exercises is None else exercises
        page = tmp_path / "page.md"
        page.write_text(text, encoding="utf-8")
        return source_notebook("page", exercises, questions, page)

    return build_from


def labels(notebook):
    """nbgrader's metadata by grade id."""
    found = [cell.metadata.nbgrader for cell in notebook.cells if "nbgrader" in cell.metadata]
    return {label.grade_id: label for label in found}


def test_an_exercise_gets_a_card_an_answer_cell_and_a_locked_test(build):
    notebook = build(exercise_page([FakeExercise()]))
    found = labels(notebook)
    assert list(found) == ["setup_1", "card_double", "double", "check_double"]
    assert found["double"].solution and not found["double"].locked
    assert found["check_double"].locked and found["check_double"].points == 3
    assert found["setup_1"].locked and not found["setup_1"].grade
    assert "BEGIN SOLUTION" in notebook.cells[-2].source
    assert 'hand_in(double, "double")' in notebook.cells[-1].source


def test_a_question_gets_a_scheme_for_graders_and_an_answer_for_people_to_mark(build):
    notebook = build(exercise_page([FakeExercise()], [FakeQuestion()]), questions=[FakeQuestion()])
    question, answer = notebook.cells[-2:]
    heading, asked, scheme = question.source.split("\n\n", 2)
    assert "2 points" in heading and asked == "Why?" and question.metadata.nbgrader.locked
    assert "One point for *linear*." in scheme and "BEGIN MARK SCHEME" in scheme
    assert answer.metadata.nbgrader.grade and answer.metadata.nbgrader.solution
    assert answer.metadata.nbgrader.points == 2


def test_what_is_for_the_site_stays_there(build):
    site = code_cell("from solutions.page import double", "site", "remove-cell")
    note = '\n+++ {"tags": ["site"]}\n\n```{note}\nOnly here.\n```\n\n+++\n\nFor all.\n'
    notebook = build(exercise_page([FakeExercise()]) + site + note)
    text = "\n".join(cell.source for cell in notebook.cells)
    assert "solutions" not in text and "Only here." not in text
    assert notebook.cells[-1].source == "For all."


def test_a_cell_that_the_page_folds_is_folded_in_the_notebook(build):
    """It may hold the answer of a prediction."""
    notebook = build(exercise_page([FakeExercise()]) + code_cell("predict('b')", "hide-input"))
    assert notebook.cells[-1].metadata.jupyter.source_hidden


def test_a_demonstration_cell_stays_free_to_edit(build):
    notebook = build(exercise_page([FakeExercise()]) + code_cell("double(3)"))
    assert notebook.cells[-1].source == "double(3)"
    assert notebook.cells[-1].metadata == {}


def test_the_same_bytes_twice(build, tmp_path):
    for name in ("one.ipynb", "two.ipynb"):
        write_notebook(build(exercise_page([FakeExercise()])), tmp_path / name)
    assert (tmp_path / "one.ipynb").read_bytes() == (tmp_path / "two.ipynb").read_bytes()
    nbformat.validate(nbformat.read(tmp_path / "one.ipynb", 4))


def test_a_page_without_exercises_has_no_notebook(build):
    assert build(HEAD + SETUP, exercises=()) is None


def test_the_solved_notebook_has_the_answer_and_no_marks(build):
    page = exercise_page([FakeExercise()], [FakeQuestion()])
    solved = solved_notebook(build(page, questions=[FakeQuestion()]))
    text = "\n".join(cell.source for cell in solved.cells)
    assert "return 2 * x" in text and "Because doubling is linear." in text
    assert "###" not in text and "hand_in" not in text
    assert all(not cell.metadata for cell in solved.cells)


def test_a_stub_that_differs_is_answered_with_the_one_to_paste(build):
    exercise = FakeExercise()
    page = exercise_page([exercise]).replace("Twice x", "Double x")
    with pytest.raises(CourseError) as complaint:
        build(page)
    assert str(complaint.value).startswith("page.md, line ")
    assert str(complaint.value).endswith(exercise.stub)


@pytest.mark.parametrize(
    ("page", "sentence"),
    [
        (HEAD + SETUP, "has no cell for double"),
        (exercise_page([FakeExercise()] * 2), "stands on the page twice"),
        (exercise_page([FakeExercise(), FakeExercise(stub="def triple(x):\n    pass")]), "triple"),
        (exercise_page([FakeExercise()], [FakeQuestion("whither")]), "whither"),
        (exercise_page([FakeExercise()]) + code_cell("import solutions.page"), "no solutions"),
    ],
)
def test_page_and_solutions_must_agree(build, page, sentence):
    with pytest.raises(CourseError, match=sentence):
        build(page)
