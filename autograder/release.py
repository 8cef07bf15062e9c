"""Release chapters: source, solved and student notebooks with their self-check data."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbgrader.api import MissingEntry
from nbgrader.converters import GenerateAssignment
from nbgrader.utils import capture_log
from tqdm import tqdm

from autograder.catalogue import chapters as known_chapters
from autograder.catalogue import exercises_of, questions_of
from autograder.errors import CourseError
from autograder.judge import save_self_check
from autograder.notebooks import solved_notebook, source_notebook, write_notebook
from autograder.page import CHAPTERS, page_path
from course_lib.checks import unknown_name

NEVER_RELEASED = ("BEGIN SOLUTION", "HIDDEN TESTS", "MARK SCHEME", "hand_in")


@dataclass(frozen=True)
class Chapter:
    """A chapter ready to be released."""

    name: str
    exercises: tuple
    questions: tuple
    source: nbformat.NotebookNode

    @property
    def points(self):
        """Points by grade id, as nbgrader keeps them."""
        labels = (cell.metadata.get("nbgrader", {}) for cell in self.source.cells)
        return {label["grade_id"]: float(label["points"]) for label in labels if label.get("grade")}


def read_chapter(name, pages=CHAPTERS):
    """A chapter's exercises and its source notebook; None for a page without exercises."""
    exercises, questions = exercises_of(name), questions_of(name)
    source = source_notebook(name, exercises, questions, page_path(name, pages))
    return Chapter(name, exercises, questions, source) if source else None


def release(course, names, pages=CHAPTERS, silent=True):
    """Release chapters into the course folder; all are checked before anything is written.

    Returns the paths of the students' notebooks. Raises CourseError, with a sentence, where a
    page and its solutions differ, or where points would change under submissions.
    """
    for name in names:
        if name not in known_chapters():
            raise CourseError(unknown_name("chapter", name, known_chapters()))
    chapters = [chapter for name in names if (chapter := read_chapter(name, pages))]
    for chapter in chapters:
        _check_points(course, chapter)
    progress = tqdm(chapters, "Releasing", unit="chapter", disable=silent)
    return [_release_chapter(course, chapter) for chapter in progress]


def _check_points(course, chapter):
    """Refuse to change what is worth how much once somebody's work is in the gradebook."""
    with course.gradebook() as gradebook:
        try:
            notebook = gradebook.find_notebook(chapter.name, chapter.name)
        except MissingEntry:
            return
        before = {cell.name: cell.max_score for cell in notebook.grade_cells}
        submissions = len(notebook.submissions)
    if submissions and before != chapter.points:
        names = sorted(before.keys() | chapter.points.keys())
        changes = [
            f"{name} from {before.get(name, 'nothing')} to {chapter.points.get(name, 'nothing')}"
            for name in names
            if before.get(name) != chapter.points.get(name)
        ]
        raise CourseError(
            f"The points of {chapter.name} would change ({'; '.join(changes)}), but the gradebook "
            f"holds {submissions} submissions. Release into another folder with --course."
        )


def _release_chapter(course, chapter):
    _write_source(course, chapter)
    converter = GenerateAssignment(
        coursedir=course.directory(chapter.name), config=course.config(), force=True
    )
    result = capture_log(converter)
    if not result["success"]:
        raise CourseError(f"nbgrader could not release {chapter.name}:\n{result.get('log', '')}")
    _check_nothing_leaks(course.folder("release", chapter.name), chapter)
    return course.notebook("release", chapter.name)


def _write_source(course, chapter):
    """Write nbgrader's source of a chapter and the solved notebook, each whole or not at all."""
    with tempfile.TemporaryDirectory(dir=course.root, prefix="new-") as folder:
        checks = Path(folder, "source", "checks")
        checks.mkdir(parents=True)
        for exercise in chapter.exercises:
            save_self_check(exercise, checks / f"{exercise.name}.safetensors")
        shutil.copytree(checks, Path(folder, "solved", "checks"))
        name = f"{chapter.name}.ipynb"
        write_notebook(chapter.source, Path(folder, "source", name))
        write_notebook(solved_notebook(chapter.source), Path(folder, "solved", name))
        for step in ("source", "solved"):
            _replace(Path(folder, step), course.folder(step, chapter.name))


def _replace(new, old):
    shutil.rmtree(old, ignore_errors=True)
    old.parent.mkdir(exist_ok=True)
    new.rename(old)


def _check_nothing_leaks(folder, chapter):
    """Search every released file for answers; a release with one is taken back."""
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        found = next((found for text in _texts_of(file) if (found := _leak(text, chapter))), None)
        if found:
            shutil.rmtree(folder)
            raise CourseError(
                f"{file.name} of {chapter.name} would give away {found}, so nothing was "
                "released; tag the cell that shows it 'site'."
            )


def _leak(text, chapter):
    """What a text gives away: an answer, or a part that graders alone see."""
    for mark in NEVER_RELEASED:
        if mark in text:
            return f"a part that holds {mark!r}"
    for exercise in chapter.exercises:
        lines = [line.strip() for line in exercise.solution.splitlines() if line.strip()]
        if lines and all(line in text for line in lines):
            return f"the solution of {exercise.name}"
    for question in chapter.questions:
        if question.answer.strip() in text:
            return f"the answer to {question.name}"
    return None


def _texts_of(file):
    if file.suffix == ".ipynb":
        return [cell.source for cell in nbformat.read(file, as_version=4).cells]
    return [file.read_bytes().decode("utf-8", errors="replace")]
