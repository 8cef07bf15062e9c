"""A release: complete for students, without answers, the same bytes each time."""

import nbformat
import pytest
from course_pages import code_cell, write_pages
from nbformat import v4

from autograder import chapters, exercises_of
from autograder.course import Course
from autograder.errors import CourseError
from autograder.execution import run
from autograder.release import release
from autograder.statuses import Limits

CHAPTER = "image_gradients"
# Where a grader is at work, `check` leaves the word to it.
AS_A_LEARNER = "import os; del os.environ['COURSE_EXAMPLES']"


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A folder with a small page of the chapter."""
    return write_pages(tmp_path_factory.mktemp("pages"), CHAPTER)


@pytest.fixture(scope="module")
def course(tmp_path_factory, pages):
    """A course in which the chapter has been released."""
    course = Course.open(tmp_path_factory.mktemp("course"))
    release(course, [CHAPTER], pages)
    return course


def contents(course):
    """Every derived file's bytes by path."""
    return {
        path.relative_to(course.root): path.read_bytes()
        for step in ("source", "release", "solved")
        for path in (course.root / step).rglob("*")
        if path.is_file()
    }


def test_students_get_the_stub_a_locked_test_and_the_data_of_the_self_check(course):
    notebook = nbformat.read(course.notebook("release", CHAPTER), 4)
    cells = {cell.id: cell for cell in notebook.cells}
    for exercise in exercises_of(CHAPTER):
        assert cells[exercise.name].source.strip() == exercise.stub.strip()
        test = cells[f"check_{exercise.name}"]
        assert test.source == f"from course_lib import check\ncheck({exercise.name})"
        assert test.metadata.deletable is False and test.metadata.editable is False
        checks = course.folder("release", CHAPTER) / "checks"
        assert (checks / f"{exercise.name}.safetensors").is_file()


def test_no_solution_is_in_the_release_but_in_the_solved_notebook(course):
    solved = course.notebook("solved", CHAPTER).read_text(encoding="utf-8")
    released = course.notebook("release", CHAPTER).read_text(encoding="utf-8")
    assert "hand_in" not in released and "BEGIN" not in released
    for exercise in exercises_of(CHAPTER):
        line = exercise.solution.strip().splitlines()[-1].strip().replace('"', '\\"')
        assert line in solved


def test_the_same_bytes_twice(course, pages):
    before = contents(course)
    release(course, [CHAPTER], pages)
    assert contents(course) == before


def test_an_answer_on_the_page_is_not_released(tmp_path, pages):
    answer = exercises_of(CHAPTER)[0].solution
    page = (pages / f"{CHAPTER}.md").read_text(encoding="utf-8")
    (tmp_path / f"{CHAPTER}.md").write_text(page + code_cell(answer), encoding="utf-8")
    course = Course.open(tmp_path / "course")
    with pytest.raises(CourseError, match="give away the solution of"):
        release(course, [CHAPTER], tmp_path)
    assert not course.folder("release", CHAPTER).exists()


@pytest.mark.filterwarnings("ignore:Object of type:sqlalchemy.exc.SAWarning")
def test_points_do_not_change_under_submissions(course, pages, monkeypatch):
    with course.gradebook() as gradebook:
        gradebook.add_student("Ada")
        gradebook.add_submission(CHAPTER, "Ada")
    monkeypatch.setattr(exercises_of(CHAPTER)[0], "points", 5)
    before = contents(course)
    name = f"check_{exercises_of(CHAPTER)[0].name}"
    with pytest.raises(CourseError, match=rf"{name} from 4\.0 to 5\.0.*1 submissions"):
        release(course, [CHAPTER], pages)
    assert contents(course) == before


def test_an_unknown_chapter_is_answered_with_those_that_exist(course):
    with pytest.raises(CourseError, match='no chapter "salience".*saliency'):
        release(course, ["salience"])


@pytest.mark.slow
@pytest.mark.parametrize("chapter", chapters())
def test_every_cell_of_a_real_solved_notebook_runs(tmp_path, chapter):
    course = Course.open(tmp_path / "course")
    release(course, [chapter])
    notebook = nbformat.read(course.notebook("solved", chapter), 4)
    notebook.cells.insert(0, v4.new_code_cell(AS_A_LEARNER))
    (tmp_path / "nothing").mkdir()
    (tmp_path / "evidence").mkdir()
    files = course.folder("solved", chapter)
    execution = run(notebook, tmp_path / "nothing", tmp_path / "evidence", Limits(240, 600), files)
    assert [s for s in execution.statuses if s.outcome != "done"] == []
    checks = [cell for cell in execution.notebook.cells if "check(" in cell.source]
    for check in checks:
        assert "All right." in check.outputs[-1].data["text/plain"]
