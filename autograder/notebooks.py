"""From a chapter's page and its exercises to nbgrader's source notebook and the solved one."""

import re
from pathlib import Path

import nbformat
from nbformat import v4

from autograder.errors import CourseError
from autograder.exercise_card import exercise_card
from autograder.page import learner_text, page_path, read_page

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
LEFT_OUT = re.compile(r"^\s*(from|import)\s+(solutions|autograder)\b", re.MULTILINE)
FUNCTION = re.compile(r"^def (\w+)\(", re.MULTILINE)
HIDDEN_TESTS = re.compile(
    r"^### BEGIN HIDDEN TESTS\n.*?^### END HIDDEN TESTS\n?", re.MULTILINE | re.DOTALL
)
MARKS = re.compile(r"^[ \t]*### (BEGIN|END) (SOLUTION|MARK SCHEME)\n?", re.MULTILINE)

# What is graded comes first: the self-check may use up the time that a cell has.
TEST_CELL = """### BEGIN HIDDEN TESTS
from course_lib.evidence import hand_in
hand_in({name}, "{name}")
### END HIDDEN TESTS
from course_lib import check
check({name})"""

QUESTION_CELL = """**Written question `{name}`** · {points} · answer in the next cell

{text}

### BEGIN MARK SCHEME
{marking_scheme}

*A model answer:* {answer}
### END MARK SCHEME"""


def source_notebook(chapter, exercises, questions, page=None):
    """Build nbgrader's source notebook of a chapter, or None when its page has no exercise.

    Raises CourseError, naming page and line, where the page and `solutions/` do not agree.
    """
    writer = _SourceWriter(exercises, questions)
    cells = [cell for cell in read_page(page or page_path(chapter)) if "site" not in cell.tags]
    for cell in cells:
        writer.add(cell)
    writer.complain_of_absent(chapter)
    if not writer.tasks:
        return None
    return v4.new_notebook(cells=_with_ids(writer.cells), metadata=METADATA)


class _SourceWriter:
    """Turns page cells into notebook cells, one kind of cell per method."""

    def __init__(self, exercises, questions):
        self.cells = []
        self.tasks = {exercise.name: exercise for exercise in exercises}
        self.questions = {question.name: question for question in questions}
        self.done = set()
        self.setups = 0

    def add(self, cell):
        if cell.kind == "markdown":
            self._markdown(cell)
        elif LEFT_OUT.search(cell.source):
            cell.complain("a learner has no solutions and no autograder; tag the cell 'site'.")
        elif "exercise" in cell.tags:
            self._exercise(cell)
        elif "setup" in cell.tags:
            self._setup(cell)
        else:
            folded = {"jupyter": {"source_hidden": True}} if "hide-input" in cell.tags else {}
            self.cells.append(v4.new_code_cell(cell.source, metadata=folded))

    def _markdown(self, cell):
        text = learner_text(cell)
        if "question" in cell.tags:
            self._question(cell, text)
        elif text:
            self.cells.append(v4.new_markdown_cell(text))

    def _setup(self, cell):
        self.setups += 1
        self.cells.append(_locked(v4.new_code_cell(cell.source), f"setup_{self.setups}"))

    def _exercise(self, cell):
        exercise = self._task(cell, self.tasks, (FUNCTION.findall(cell.source) or [None])[-1])
        if cell.source.strip() != exercise.stub.strip():
            cell.complain(
                f"this is not the stub of {exercise.name}. Paste this one:\n\n{exercise.stub}"
            )
        card = v4.new_markdown_cell(exercise_card(exercise).markdown())
        answer = v4.new_code_cell(exercise.source.strip())
        test = v4.new_code_cell(TEST_CELL.format(name=exercise.name))
        self.cells += [
            _locked(card, f"card_{exercise.name}"),
            _labelled(answer, exercise.name, solution=True),
            _labelled(test, f"check_{exercise.name}", exercise.points, locked=True),
        ]

    def _question(self, cell, text):
        question = self._task(cell, self.questions, cell.name)
        points = f"{question.points:g} {'point' if question.points == 1 else 'points'}"
        asked = QUESTION_CELL.format(
            name=question.name,
            points=points,
            text=text,
            marking_scheme=question.marking_scheme,
            answer=question.answer,
        )
        answer = v4.new_markdown_cell(question.answer)
        self.cells += [
            _locked(v4.new_markdown_cell(asked), f"question_{question.name}"),
            _labelled(answer, question.name, question.points, solution=True),
        ]

    def _task(self, cell, known, name):
        if name not in known:
            listed = ", ".join(known) or "none"
            cell.complain(f"solutions/ has no {name!r} for this chapter; it has: {listed}.")
        if name in self.done:
            cell.complain(f"{name} stands on the page twice; keep one.")
        self.done.add(name)
        return known[name]

    def complain_of_absent(self, chapter):
        absent = [name for name in (*self.tasks, *self.questions) if name not in self.done]
        if absent:
            raise CourseError(
                f"chapters/{chapter}.md has no cell for {', '.join(absent)}, which "
                f"solutions/{chapter}.py defines; add one tagged 'exercise' or 'question'."
            )


def _labelled(cell, grade_id, points=None, *, locked=False, solution=False):
    """Give a cell nbgrader's metadata; with points it is a graded one."""
    label = {
        "schema_version": 3,
        "grade_id": grade_id,
        "grade": points is not None,
        "locked": locked,
        "solution": solution,
        "task": False,
    }
    if points is not None:
        label["points"] = points
    cell.metadata["nbgrader"] = label
    return cell


def _locked(cell, grade_id):
    return _labelled(cell, grade_id, locked=True)


def _with_ids(cells):
    """Cell ids from grade ids or positions: nbformat would draw them at random."""
    for position, cell in enumerate(cells):
        label = cell.metadata.get("nbgrader", {})
        cell.id = label.get("grade_id", f"cell-{position}")[:64]
    return cells


def solved_notebook(source):
    """The source notebook as a TA reads it: answers in, nbgrader's marks and labels out."""
    cells = [_solved(nbformat.from_dict(cell)) for cell in source.cells]
    return v4.new_notebook(cells=cells, metadata=METADATA)


def _solved(cell):
    solved = nbformat.from_dict(cell)
    solved.source = without_marks(HIDDEN_TESTS.sub("", cell.source))
    solved.metadata = {}
    return solved


def without_marks(source):
    """A source without the lines that mark where a solution or a scheme begins and ends."""
    return MARKS.sub("", source).rstrip()


def write_notebook(notebook, path):
    """Write a notebook; the same notebook gives the same bytes."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.validate(notebook)
    path.write_text(nbformat.writes(notebook) + "\n", encoding="utf-8")
